//! StatefulSet.

use crate::api::k8s::api::apps::v1::{
    RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetSpec, StatefulSetStatus, StatefulSetUpdateStrategy,
};
use crate::api::k8s::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Volume};
use crate::api::selector::{Selector, validate_labels};
use crate::api::{names, time};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::NameRule;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::persistent_volume_claim::{
    get_persistent_volume_claim_class, get_warnings_for_persistent_volume_claim_spec,
};
use crate::kinds::core::pod::{self, int_or_string};
use crate::kinds::shared::access::{items, set_text, text};
use crate::kinds::shared::describe::{
    describe_events_of, print_annotations_multiline, print_labels_multiline, print_labels_multiline_with_indent,
    quantity,
};
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::validate_annotations;
use crate::kinds::shared::print;
use crate::kinds::shared::workload::{
    container_cells, int_or_percent_value, is_not_more_than_100_percent, nonnegative, pods_status,
    validate_positive_int_or_percent, validate_restarting_template, validate_selector, validate_template_labels,
};

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("READY"),
    Column::new("AGE"),
    Column::wide("CONTAINERS"),
    Column::wide("IMAGES"),
];

const IMMUTABLE: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
    'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

impl Strategy for StatefulSet {
    crate::spec_and_status!(Some(StatefulSetStatus { replicas: 0, available_replicas: Some(0), ..Default::default() }));
    const GENERATION: bool = true;
    const NAME: NameRule = NameRule::Label;

    fn set_defaults(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        set_text(&mut spec.pod_management_policy, "OrderedReady");
        let strategy = spec.update_strategy.get_or_insert_default();
        if text(&strategy.type_).is_empty() {
            strategy.type_ = Some("RollingUpdate".into());
            strategy.rolling_update.get_or_insert_default();
        }
        if text(&strategy.type_) == "RollingUpdate"
            && let Some(rolling) = &mut strategy.rolling_update
        {
            rolling.partition.get_or_insert(0);
        }
        let policy = spec.persistent_volume_claim_retention_policy.get_or_insert_default();
        set_text(&mut policy.when_deleted, "Retain");
        set_text(&mut policy.when_scaled, "Retain");
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        pod::set_pod_template_defaults(&mut spec.template);
        for template in spec.volume_claim_templates.iter_mut().flatten() {
            template.set_defaults();
            set_text(&mut template.status.get_or_insert_default().phase, "Pending");
        }
    }

    fn prepare_for_create(&mut self) {
        self.reset_status();
        drop_max_unavailable(self);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        if max_unavailable(old).is_none() {
            drop_max_unavailable(self);
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let rules = Rules { service_name: true, templates: true, pod_template: true };
        self.spec.as_ref().map(|spec| validate_spec(spec, &rules)).unwrap_or_default()
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let (Some(spec), Some(before)) = (&self.spec, &old.spec) else { return self.validate() };
        let mut rules = Rules { service_name: false, templates: false, pod_template: true };
        // What was stored with a fault may keep it.
        rules.pod_template = validate_spec(before, &rules).is_empty();
        let mut faults = validate_spec(spec, &rules);
        let mut fixed = spec.clone();
        fixed.replicas = before.replicas;
        fixed.template = before.template.clone();
        fixed.update_strategy = before.update_strategy.clone();
        fixed.min_ready_seconds = before.min_ready_seconds;
        fixed.ordinals = before.ordinals.clone();
        fixed.revision_history_limit = before.revision_history_limit;
        fixed.persistent_volume_claim_retention_policy = before.persistent_volume_claim_retention_policy.clone();
        if fixed != *before {
            faults.push(FieldError::forbidden("spec", IMMUTABLE));
        }
        faults
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let Some(spec) = &self.spec else { return Vec::new() };
        let mut warnings = pod::warnings_for_pod_template(&spec.template, "spec.template");
        warnings.extend(other_warnings(spec, ""));
        warnings
    }

    fn warnings_on_update(&self, old: &Self) -> Vec<String> {
        let Some(spec) = &self.spec else { return Vec::new() };
        let mut warnings = Vec::new();
        if !self.same_spec(old) {
            warnings = pod::warnings_for_pod_template(&spec.template, "spec.template");
        }
        warnings.extend(other_warnings(spec, ".Spec"));
        warnings
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.as_ref();
        let ready = self.status.as_ref().and_then(|s| s.ready_replicas).unwrap_or(0);
        let [names, images] = container_cells(spec.map(|s| &s.template));
        vec![
            text(&self.metadata.name).to_string(),
            format!("{ready}/{}", spec.and_then(|s| s.replicas).unwrap_or(0)),
            print::age(&self.metadata, context),
            names,
            images,
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        describe_stateful_set(self, d, context);
    }
}

/// Warnings of claim templates, whose path is longer on an update, and of the history's limit.
fn other_warnings(spec: &StatefulSetSpec, more: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for (i, template) in items(&spec.volume_claim_templates).iter().enumerate() {
        let path = format!("spec.volumeClaimTemplates[{i}]{more}");
        let of_claim = template.spec.as_ref().map(|s| get_warnings_for_persistent_volume_claim_spec(s, &path));
        warnings.extend(of_claim.unwrap_or_default());
    }
    if spec.revision_history_limit.unwrap_or(0) < 0 {
        let text = "spec.revisionHistoryLimit: a negative value retains all historical revisions; \
            a value >= 0 is recommended";
        warnings.push(text.to_string());
    }
    warnings
}

fn max_unavailable(set: &StatefulSet) -> Option<()> {
    let strategy = set.spec.as_ref()?.update_strategy.as_ref()?;
    strategy.rolling_update.as_ref()?.max_unavailable.as_ref().map(|_| ())
}

/// The gate `MaxUnavailableStatefulSet` is off by default, so the field does not get in.
fn drop_max_unavailable(set: &mut StatefulSet) {
    let strategy = set.spec.as_mut().and_then(|s| s.update_strategy.as_mut());
    if let Some(rolling) = strategy.and_then(|s| s.rolling_update.as_mut()) {
        rolling.max_unavailable = None;
    }
}

/// Which rules apply: an update is lenient with what it can't change.
struct Rules {
    service_name: bool,
    templates: bool,
    pod_template: bool,
}

/// Mirrors `ValidateStatefulSetSpec`.
fn validate_spec(spec: &StatefulSetSpec, rules: &Rules) -> Vec<FieldError> {
    let mut faults = Vec::new();
    match text(&spec.pod_management_policy) {
        "OrderedReady" | "Parallel" => {}
        other => {
            let detail = "must be 'OrderedReady' or 'Parallel'";
            faults.push(FieldError::invalid("spec.podManagementPolicy", other, detail));
        }
    }
    faults.extend(spec.update_strategy.as_ref().map(validate_update_strategy).unwrap_or_default());
    if let Some(policy) = &spec.persistent_volume_claim_retention_policy {
        for (name, value) in [("whenDeleted", &policy.when_deleted), ("whenScaled", &policy.when_scaled)] {
            if !matches!(text(value), "Retain" | "Delete") {
                let field = format!("spec.persistentVolumeClaimRetentionPolicy.{name}");
                faults.push(FieldError::not_supported(field, text(value), &["Retain", "Delete"]));
            }
        }
    }
    if rules.templates {
        for (i, template) in items(&spec.volume_claim_templates).iter().enumerate() {
            faults.extend(validate_claim_template(template, &format!("spec.volumeClaimTemplates[{i}]")));
        }
    }
    faults.extend(nonnegative(spec.replicas, "spec.replicas"));
    faults.extend(nonnegative(spec.min_ready_seconds, "spec.minReadySeconds"));
    faults.extend(nonnegative(spec.ordinals.as_ref().and_then(|o| o.start), "spec.ordinals.start"));
    let service = text(&spec.service_name);
    if rules.service_name && !service.is_empty() {
        faults
            .extend(names::dns1123_label(service).iter().map(|e| FieldError::invalid("spec.serviceName", service, e)));
    }
    faults.extend(validate_selector(&spec.selector, "spec.selector", "statefulset"));
    faults.extend(validate_template(spec, rules));
    faults.extend(validate_restarting_template(&spec.template, "spec.template", "StatefulSet"));
    faults
}

fn validate_update_strategy(strategy: &StatefulSetUpdateStrategy) -> Vec<FieldError> {
    let path = "spec.updateStrategy";
    match (text(&strategy.type_), &strategy.rolling_update) {
        ("OnDelete", Some(rolling)) => {
            let detail = "only allowed for updateStrategy 'RollingUpdate'";
            vec![FieldError::invalid(
                format!("{path}.rollingUpdate"),
                Internal::of("RollingUpdateStatefulSetStrategy", rolling),
                detail,
            )]
        }
        ("RollingUpdate", Some(rolling)) => validate_rolling_update(rolling, &format!("{path}.rollingUpdate")),
        ("OnDelete" | "RollingUpdate", None) => Vec::new(),
        _ => {
            let strategy = Internal::of("StatefulSetUpdateStrategy", strategy);
            vec![FieldError::invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")]
        }
    }
}

fn validate_rolling_update(rolling: &RollingUpdateStatefulSetStrategy, path: &str) -> Vec<FieldError> {
    let mut faults: Vec<FieldError> =
        nonnegative(rolling.partition, &format!("{path}.partition")).into_iter().collect();
    if let Some(value) = &rolling.max_unavailable {
        let path = format!("{path}.maxUnavailable");
        faults.extend(validate_positive_int_or_percent(value, &path));
        if int_or_percent_value(value) == 0 {
            faults.push(FieldError::invalid(&path, value, "cannot be 0"));
        }
        faults.extend(is_not_more_than_100_percent(value, &path));
    }
    faults
}

/// What is wrong with a claim template, without what concerns a claim's own metadata.
fn validate_claim_template(template: &PersistentVolumeClaim, path: &str) -> Vec<FieldError> {
    let of_claim = template.validate().into_iter();
    of_claim
        .map(|fault| {
            let field = format!("{path}.{}", fault.field);
            fault.at(field)
        })
        .collect()
}

/// The template as pods will have it: the claims in place, names given by the controller left out.
fn validate_template(spec: &StatefulSetSpec, rules: &Rules) -> Vec<FieldError> {
    let path = "spec.template";
    let mut faults: Vec<FieldError> =
        validate_template_labels(&spec.selector, &spec.template, path, "").into_iter().collect();
    if faults.iter().any(|f| !f.field.ends_with(".labels")) {
        return faults;
    }
    let mut template = spec.template.clone();
    if let Some(pod) = &mut template.spec {
        pod.subdomain = None;
        pod.hostname = None;
        let claims = items(&spec.volume_claim_templates);
        if !claims.is_empty() {
            let names: Vec<&str> = claims.iter().map(|c| text(&c.metadata.name)).collect();
            let own = pod.volumes.take().unwrap_or_default();
            let mut volumes: Vec<Volume> = claims.iter().map(claim_volume).collect();
            volumes.extend(own.into_iter().filter(|v| !names.contains(&v.name.as_str())));
            pod.volumes = Some(volumes);
        }
    }
    if rules.pod_template {
        faults.extend(pod::validate_pod_template_spec(&template, path));
    }
    let meta = template.metadata.unwrap_or_default();
    faults.extend(validate_labels(&meta.labels.unwrap_or_default(), &format!("{path}.labels")));
    faults.extend(validate_annotations(&meta.annotations.unwrap_or_default(), &format!("{path}.annotations")));
    faults
}

fn claim_volume(template: &PersistentVolumeClaim) -> Volume {
    let name = text(&template.metadata.name).to_string();
    Volume {
        name: name.clone(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource { claim_name: name, read_only: None }),
        ..Default::default()
    }
}

/// Mirrors `describeStatefulSet`.
fn describe_stateful_set(set: &StatefulSet, d: &mut Description, context: &PrintContext<'_>) {
    let (meta, spec) = (&set.metadata, set.spec.clone().unwrap_or_default());
    let selector = Selector::from_label_selector(Some(&spec.selector)).unwrap_or_else(|_| Selector::nothing());
    d.field(0, "Name", text(&meta.name));
    d.field(0, "Namespace", text(&meta.namespace));
    d.field(0, "CreationTimestamp", time::rfc1123z(meta.creation_timestamp.as_ref()));
    d.field(0, "Selector", &selector);
    print_labels_multiline(d, "Labels", &meta.labels);
    print_annotations_multiline(d, "Annotations", &meta.annotations);
    let total = set.status.as_ref().map_or(0, |s| s.replicas);
    d.field(0, "Replicas", format!("{} desired | {total} total", spec.replicas.unwrap_or(0)));
    let strategy = spec.update_strategy.unwrap_or_default();
    d.field(0, "Update Strategy", text(&strategy.type_));
    if let Some(rolling) = strategy.rolling_update
        && let Some(partition) = rolling.partition
    {
        d.field(1, "Partition", partition);
        if let Some(value) = &rolling.max_unavailable {
            d.field(1, "MaxUnavailable", int_or_string(value));
        }
    }
    d.field(0, "Pods Status", pods_status(meta, &selector, context));
    pod::describe_pod_template(d, &spec.template, context.version);
    describe_volume_claim_templates(d, items(&spec.volume_claim_templates));
    describe_events_of(d, meta, context);
}

fn describe_volume_claim_templates(d: &mut Description, templates: &[PersistentVolumeClaim]) {
    d.write(0, if templates.is_empty() { "Volume Claims:\t<none>\n" } else { "Volume Claims:\n" });
    for template in templates {
        d.field(1, "Name", text(&template.metadata.name));
        d.field(1, "StorageClass", get_persistent_volume_claim_class(template));
        print_labels_multiline_with_indent(d, "  ", "Labels", "\t", &template.metadata.labels);
        print_labels_multiline_with_indent(d, "  ", "Annotations", "\t", &template.metadata.annotations);
        let spec = template.spec.clone().unwrap_or_default();
        let requests = spec.resources.and_then(|r| r.requests).unwrap_or_default();
        d.field(1, "Capacity", requests.get("storage").map_or("<default>".into(), quantity));
        d.field(1, "Access Modes", format!("[{}]", items(&spec.access_modes).join(" ")));
    }
}
