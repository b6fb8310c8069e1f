//! What the API server does with pods. Mirrors `pkg/registry/core/pod/strategy.go`.

use std::collections::BTreeMap;

use crate::api::LabelSelector;
use crate::api::Time;
use crate::api::k8s::api::core::v1::{Pod, PodAffinityTerm, PodCondition, PodSpec, PodStatus};
use crate::api::k8s::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod::{app_armor, defaults, describe, resize, resources, table, validation};
use crate::kinds::shared::access::items;

impl Strategy for Pod {
    crate::spec_and_status!();

    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        defaults::set_pod_defaults(self);
    }

    fn prepare_for_create(&mut self) {
        let none = BTreeMap::new();
        let spec = self.spec.get_or_insert_default();
        self.status = Some(PodStatus {
            phase: Some("Pending".into()),
            qos_class: Some(resources::compute_pod_qos(spec).into()),
            conditions: scheduling_gated(spec, self.metadata.creation_timestamp.clone()),
            ..Default::default()
        });
        merge_label_keys(spec, self.metadata.labels.as_ref().unwrap_or(&none));
        app_armor::sync(self);
    }

    fn warnings_on_prepare(&self) -> Vec<String> {
        app_armor::warnings(self)
    }

    fn validate(&self) -> Vec<FieldError> {
        validation::validate_pod_create(self)
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        validation::validate_pod_update(self, old)
    }

    fn copy_part(&mut self, part: &str, from: &Self, _now: Time) {
        match part {
            "ephemeralcontainers" => {
                let given = from.spec.as_ref().and_then(|s| s.ephemeral_containers.clone());
                self.spec.get_or_insert_default().ephemeral_containers = given;
            }
            "resize" => resize::copy(self, from),
            _ => self.copy_status(from),
        }
    }

    fn validate_part_update(&self, part: &str, old: &Self) -> Vec<FieldError> {
        match part {
            "ephemeralcontainers" => validation::validate_ephemeral_containers_update(self, old),
            "resize" => resize::validate(self, old),
            _ => self.validate_status_update(old),
        }
    }

    fn warnings_on_create(&self) -> Vec<String> {
        crate::kinds::core::pod::warnings::warnings_for_pod(self)
    }

    fn warnings_on_update(&self, _old: &Self) -> Vec<String> {
        Vec::new()
    }

    fn columns() -> &'static [Column] {
        table::COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        table::row(self, context)
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        describe::describe_pod(self, d, context);
    }

    fn selectable_fields() -> &'static [&'static str] {
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ]
    }

    fn selectable_field(&self, path: &str) -> Option<String> {
        let network = self.spec.as_ref().and_then(|s| s.host_network).unwrap_or(false);
        let ips = || self.status.iter().flat_map(|s| s.pod_ips.iter().flatten()).map(|ip| ip.ip.clone());
        match path {
            "spec.hostNetwork" => Some(network.to_string()),
            "status.podIPs" => Some(ips().collect::<Vec<_>>().join(",")),
            _ => None,
        }
    }
}

/// A pod with gates is told that it will not be scheduled.
fn scheduling_gated(
    spec: &PodSpec,
    now: Option<crate::api::k8s::apimachinery::pkg::apis::meta::v1::Time>,
) -> Option<Vec<PodCondition>> {
    let gated = PodCondition {
        type_: "PodScheduled".into(),
        status: "False".into(),
        reason: Some("SchedulingGated".into()),
        message: Some("Scheduling is blocked due to non-empty scheduling gates".into()),
        last_transition_time: now,
        ..Default::default()
    };
    (!items(&spec.scheduling_gates).is_empty()).then(|| vec![gated])
}

/// `matchLabelKeys` become conditions of the selector. Mirrors `mutatePodAffinity`, `mutateTopologySpreadConstraints`.
fn merge_label_keys(spec: &mut PodSpec, labels: &BTreeMap<String, String>) {
    let apply = |selector: &mut Option<LabelSelector>, keys: &Option<Vec<String>>, operator: &str| {
        let Some(selector) = selector else { return };
        for (key, value) in items(keys).iter().filter_map(|key| Some((key, labels.get(key)?))) {
            selector.match_expressions.get_or_insert_default().push(LabelSelectorRequirement {
                key: key.clone(),
                operator: operator.into(),
                values: Some(vec![value.clone()]),
            });
        }
    };
    let apply_term = |term: &mut PodAffinityTerm| {
        apply(&mut term.label_selector, &term.match_label_keys, "In");
        apply(&mut term.label_selector, &term.mismatch_label_keys, "NotIn");
    };
    if let Some(affinity) = &mut spec.affinity {
        if let Some(a) = &mut affinity.pod_affinity {
            let preferred = a.preferred_during_scheduling_ignored_during_execution.iter_mut().flatten();
            preferred.for_each(|t| apply_term(&mut t.pod_affinity_term));
            a.required_during_scheduling_ignored_during_execution.iter_mut().flatten().for_each(apply_term);
        }
        if let Some(a) = &mut affinity.pod_anti_affinity {
            let preferred = a.preferred_during_scheduling_ignored_during_execution.iter_mut().flatten();
            preferred.for_each(|t| apply_term(&mut t.pod_affinity_term));
            a.required_during_scheduling_ignored_during_execution.iter_mut().flatten().for_each(apply_term);
        }
    }
    for c in spec.topology_spread_constraints.iter_mut().flatten() {
        apply(&mut c.label_selector, &c.match_label_keys, "In");
    }
}
