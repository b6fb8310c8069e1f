//! Namespace.

use std::sync::Arc;

use crate::api::k8s::api::core::v1::{LimitRange, Namespace, NamespaceSpec, NamespaceStatus, ResourceQuota};
use crate::api::{Kind, Object, names, time};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::NameRule;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::limit_range;
use crate::kinds::core::resource_quota;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{print_annotations_multiline, print_labels_multiline, quantity};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::print;

const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Strategy for Namespace {
    crate::spec_and_status!();

    const NAME: NameRule = NameRule::Label;

    fn set_defaults(&mut self) {
        if let Some(name) = self.metadata.name.clone().filter(|n| !n.is_empty()) {
            self.metadata.labels.get_or_insert_default().insert(NAME_LABEL.into(), name);
        }
        let status = self.status.get_or_insert_default();
        if text(&status.phase).is_empty() {
            status.phase = Some("Active".into());
        }
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(NamespaceStatus { phase: Some("Active".into()), conditions: None });
        let finalizers = self.spec.get_or_insert_default().finalizers.get_or_insert_default();
        if !finalizers.iter().any(|f| f == "kubernetes") {
            finalizers.push("kubernetes".into());
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        for name in self.spec.as_ref().map_or(&[][..], |s| items(&s.finalizers)) {
            let path = "spec.finalizers";
            faults.all_invalid(path, "", name, names::qualified_name(name));
            if !name.contains('/') && !matches!(name.as_str(), "kubernetes" | "orphan" | "foregroundDeletion") {
                let detail = "name is neither a standard finalizer name nor is it fully qualified";
                faults.invalid(path, "", name, detail);
            }
        }
        faults.0
    }

    fn prepare_for_update(&mut self, old: &Self) {
        // Only the `finalize` subresource changes them.
        let finalizers = old.spec.as_ref().and_then(|s| s.finalizers.clone());
        self.spec = Some(NamespaceSpec { finalizers });
    }

    fn validate_update(&self, _old: &Self) -> Vec<FieldError> {
        Vec::new()
    }

    fn columns() -> &'static [Column] {
        const { &[Column::new("NAME"), Column::new("STATUS"), Column::new("AGE")] }
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let phase = self.status.as_ref().map_or("", |s| text(&s.phase)).to_string();
        vec![text(&self.metadata.name).to_string(), phase, print::age(&self.metadata, context)]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let status = self.status.clone().unwrap_or_default();
        let name = text(&self.metadata.name);
        d.field(0, "Name", name);
        print_labels_multiline(d, "Labels", &self.metadata.labels);
        print_annotations_multiline(d, "Annotations", &self.metadata.annotations);
        d.field(0, "Status", text(&status.phase));
        if !items(&status.conditions).is_empty() {
            d.write(0, "Conditions:\n");
            d.write(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage\n");
            d.write(1, "----\t------\t------------------\t------\t-------\n");
        }
        for c in items(&status.conditions) {
            let since = time::rfc1123z(c.last_transition_time.as_ref());
            let (reason, message) = (text(&c.reason), text(&c.message));
            d.write(1, format!("{}\t{}\t{since}\t{reason}\t{message}\n", c.type_, c.status));
        }
        d.write(0, "\n");
        describe_quotas(d, &context.lister.list(Kind::ResourceQuota, Some(name)));
        d.write(0, "\n");
        describe_limits(d, &context.lister.list(Kind::LimitRange, Some(name)));
    }

    fn selectable_field(&self, path: &str) -> Option<String> {
        (path == "status.phase").then(|| self.status.as_ref().map_or("", |s| text(&s.phase)).to_string())
    }

    fn selectable_fields() -> &'static [&'static str] {
        &["status.phase"]
    }
}

/// Mirrors `DescribeResourceQuotas`.
fn describe_quotas(d: &mut Description, quotas: &[Arc<Object>]) {
    if quotas.is_empty() {
        d.write(0, "No resource quota.\n");
        return;
    }
    d.write(0, "Resource Quotas\n");
    for quota in quotas.iter().filter_map(|o| o.get::<ResourceQuota>()) {
        d.field(1, "Name", text(&quota.metadata.name));
        resource_quota::describe_scopes(d, quota, 1, "* ");
        d.write(1, "Resource\tUsed\tHard\n");
        d.write(1, "--------\t---\t---\n");
        let status = quota.status.clone().unwrap_or_default();
        let used = status.used.unwrap_or_default();
        for (resource, hard) in status.hard.iter().flatten() {
            let used = used.get(resource).map_or("0".into(), quantity);
            d.write(1, format!("{resource}\t{used}\t{}\n", quantity(hard)));
        }
    }
}

/// Mirrors `DescribeLimitRanges`.
fn describe_limits(d: &mut Description, ranges: &[Arc<Object>]) {
    if ranges.is_empty() {
        d.write(0, "No LimitRange resource.\n");
        return;
    }
    let heading = " Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n";
    d.write(0, format!("Resource Limits\n{heading}"));
    d.write(0, " ----\t--------\t---\t---\t---------------\t-------------\t-----------------------\n");
    for range in ranges.iter().filter_map(|o| o.get::<LimitRange>()) {
        limit_range::describe_limit_range_spec(d, range, " ");
    }
}
