//! Node.

mod describe;

use std::collections::{BTreeMap, BTreeSet};

use crate::api::k8s::api::core::v1::{Node, NodeStatus, Taint};
use crate::api::names;
use crate::api::selector::validate_label_name;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::Version;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::string_or_none;
use crate::kinds::shared::print;

const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
const ROLE_LABEL: &str = "kubernetes.io/role";

impl Strategy for Node {
    const STATUS: bool = true;

    fn set_defaults(&mut self) {
        let status = self.status.get_or_insert_default();
        if status.allocatable.is_none() {
            status.allocatable = status.capacity.clone();
        }
    }

    fn prepare_for_create(&mut self) {}

    fn validate(&self) -> Vec<FieldError> {
        validate_taints(taints(self), "metadata.taints")
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let cidrs = |node: &Node| node.spec.as_ref().and_then(|s| s.pod_cidrs.clone()).unwrap_or_default();
        if !cidrs(old).is_empty() && cidrs(old) != cidrs(self) {
            let detail = "node updates may not change podCIDR except from \"\" to valid";
            faults.push(FieldError::forbidden("spec.podCIDRs", detail));
        }
        let provider = |node: &Node| node.spec.as_ref().and_then(|s| s.provider_id.clone()).unwrap_or_default();
        if !provider(old).is_empty() && provider(old) != provider(self) {
            let detail = "node updates may not change providerID except from \"\" to valid";
            faults.push(FieldError::forbidden("spec.providerID", detail));
        }
        faults.extend(validate_taints(taints(self), "metadata.taints"));
        faults
    }

    fn copy_status(&mut self, from: &Self) {
        self.status = from.status.clone();
    }

    fn columns() -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column::new("NAME"),
            Column::new("STATUS"),
            Column::new("ROLES"),
            Column::new("AGE"),
            Column::new("VERSION"),
            Column::wide("INTERNAL-IP"),
            Column::wide("EXTERNAL-IP"),
            Column::wide("OS-IMAGE"),
            Column::wide("KERNEL-VERSION"),
            Column::wide("CONTAINER-RUNTIME"),
        ];
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let status = self.status.clone().unwrap_or_default();
        let info = status.node_info.clone().unwrap_or_default();
        let unknown = |value: &str| if value.is_empty() { "<unknown>".to_string() } else { value.to_string() };
        let mut kernel = unknown(&info.kernel_version);
        if !info.architecture.is_empty() && context.version >= Version(36) {
            kernel += &format!(" ({})", info.architecture);
        }
        vec![
            text(&self.metadata.name).to_string(),
            status_cell(self, &status),
            string_or_none(&find_node_roles(self).join(",")).to_string(),
            print::age(&self.metadata, context),
            info.kubelet_version.clone(),
            address(&status, "InternalIP"),
            address(&status, "ExternalIP"),
            unknown(&info.os_image),
            kernel,
            unknown(&info.container_runtime_version),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        describe::describe_node(self, d, context);
    }

    fn selectable_fields() -> &'static [&'static str] {
        &["spec.unschedulable"]
    }

    fn selectable_field(&self, path: &str) -> Option<String> {
        (path == "spec.unschedulable").then(|| is_unschedulable(self).to_string())
    }
}

fn taints(node: &Node) -> &[Taint] {
    node.spec.as_ref().map(|s| items(&s.taints)).unwrap_or_default()
}

fn is_unschedulable(node: &Node) -> bool {
    node.spec.as_ref().and_then(|s| s.unschedulable) == Some(true)
}

fn status_cell(node: &Node, status: &NodeStatus) -> String {
    let ready = items(&status.conditions).iter().rfind(|c| c.type_ == "Ready");
    let mut cell = match ready {
        Some(condition) if condition.status == "True" => "Ready".to_string(),
        Some(_) => "NotReady".to_string(),
        None => "Unknown".to_string(),
    };
    if is_unschedulable(node) {
        cell += ",SchedulingDisabled";
    }
    cell
}

fn address(status: &NodeStatus, kind: &str) -> String {
    let found = items(&status.addresses).iter().find(|a| a.type_ == kind);
    found.map_or_else(|| "<none>".into(), |a| a.address.clone())
}

/// The node's roles, sorted. Mirrors `findNodeRoles`.
pub fn find_node_roles(node: &Node) -> Vec<String> {
    let mut roles = BTreeSet::new();
    for (key, value) in node.metadata.labels.iter().flatten() {
        match key.strip_prefix(ROLE_PREFIX) {
            Some(role) if !role.is_empty() => roles.insert(role.to_string()),
            None if key == ROLE_LABEL && !value.is_empty() => roles.insert(value.clone()),
            _ => false,
        };
    }
    roles.into_iter().collect()
}

/// Mirrors `validateNodeTaints`.
fn validate_taints(taints: &[Taint], path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];
    for (i, taint) in taints.iter().enumerate() {
        let field = format!("{path}[{i}]");
        faults.extend(validate_label_name(&taint.key, &format!("{field}.key")));
        let value = text(&taint.value);
        let wrong = names::label_value(value);
        if !wrong.is_empty() {
            faults.push(FieldError::invalid(format!("{field}.value"), value, &wrong.join(";")));
        }
        match taint.effect.as_str() {
            "" => faults.push(FieldError::required(format!("{field}.effect"), "")),
            effect if !EFFECTS.contains(&effect) => {
                faults.push(FieldError::not_supported(format!("{field}.effect"), effect, EFFECTS));
            }
            _ => {}
        }
        if !seen.entry(&taint.effect).or_default().insert(&taint.key) {
            let shown = format!(
                "Duplicate value: {{\"Key\":{:?},\"Value\":{value:?},\"Effect\":{:?},\"TimeAdded\":null}}: taints must be \
                 unique by key and effect pair",
                taint.key, taint.effect
            );
            faults.push(FieldError::new("FieldValueDuplicate", field, shown));
        }
    }
    faults
}
