//! What is wrong with where a pod may run: affinity, tolerations, spreading, gates.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::k8s::api::core::v1::{
    Affinity, PodAffinityTerm, Toleration, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use crate::api::selector::{validate_label_name, validate_label_selector};
use crate::api::{LabelSelector, names};
use crate::error::FieldError;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::{Faults, at};
use crate::kinds::shared::node_selector::{validate_node_selector, validate_node_selector_term};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Mirrors `validateAffinity`.
pub(super) fn validate_affinity(affinity: &Affinity, path: &str, faults: &mut Faults) {
    if let Some(a) = &affinity.node_affinity {
        let path = at(path, "nodeAffinity");
        if let Some(selector) = &a.required_during_scheduling_ignored_during_execution {
            faults.extend(validate_node_selector(selector, &at(&path, REQUIRED)));
        }
        for (i, term) in items(&a.preferred_during_scheduling_ignored_during_execution).iter().enumerate() {
            let path = format!("{path}.{PREFERRED}[{i}]");
            validate_weight(term.weight, &path, faults);
            faults.extend(validate_node_selector_term(&term.preference, false, &at(&path, "preference")));
        }
    }
    if let Some(a) = &affinity.pod_affinity {
        validate_pod_terms(
            items(&a.required_during_scheduling_ignored_during_execution),
            items(&a.preferred_during_scheduling_ignored_during_execution),
            &at(path, "podAffinity"),
            faults,
        );
    }
    if let Some(a) = &affinity.pod_anti_affinity {
        validate_pod_terms(
            items(&a.required_during_scheduling_ignored_during_execution),
            items(&a.preferred_during_scheduling_ignored_during_execution),
            &at(path, "podAntiAffinity"),
            faults,
        );
    }
}

fn validate_weight(weight: i32, path: &str, faults: &mut Faults) {
    if !(1..=100).contains(&weight) {
        faults.invalid(path, "weight", weight, "must be in the range 1-100");
    }
}

fn validate_pod_terms(
    required: &[PodAffinityTerm],
    preferred: &[WeightedPodAffinityTerm],
    path: &str,
    faults: &mut Faults,
) {
    for (i, term) in required.iter().enumerate() {
        validate_pod_term(term, &format!("{path}.{REQUIRED}[{i}]"), faults);
    }
    for (i, term) in preferred.iter().enumerate() {
        let path = format!("{path}.{PREFERRED}[{i}]");
        validate_weight(term.weight, &path, faults);
        validate_pod_term(&term.pod_affinity_term, &at(&path, "podAffinityTerm"), faults);
    }
}

fn validate_pod_term(term: &PodAffinityTerm, path: &str, faults: &mut Faults) {
    for (name, selector) in [("labelSelector", &term.label_selector), ("namespaceSelector", &term.namespace_selector)] {
        if let Some(selector) = selector {
            faults.extend(validate_label_selector(selector, &at(path, name)));
        }
    }
    for namespace in items(&term.namespaces) {
        faults.all_invalid(path, "namespace", namespace, names::dns1123_label(namespace));
    }
    let (keys, others) = (items(&term.match_label_keys), items(&term.mismatch_label_keys));
    validate_match_label_keys(keys, others, term.label_selector.as_ref(), path, faults);
    if term.topology_key.is_empty() {
        faults.required_for(path, "topologyKey", "can not be empty");
    }
    faults.extend(validate_label_name(&term.topology_key, &at(path, "topologyKey")));
}

/// Mirrors `ValidateMatchLabelKeysAndMismatchLabelKeys`.
fn validate_match_label_keys(
    keys: &[String],
    others: &[String],
    selector: Option<&LabelSelector>,
    path: &str,
    faults: &mut Faults,
) {
    for (name, keys) in [("matchLabelKeys", keys), ("mismatchLabelKeys", others)] {
        if !keys.is_empty() && selector.is_none() {
            faults.forbidden(path, name, "must not be specified when labelSelector is not set");
        } else {
            for (i, key) in keys.iter().enumerate() {
                faults.extend(validate_label_name(key, &format!("{path}.{name}[{i}]")));
            }
        }
    }
    if let Some(selector) = selector {
        // The keys' own conditions stand in the selector already, so one more is one too many.
        let mut seen: BTreeSet<&str> = selector.match_labels.iter().flatten().map(|(k, _)| k.as_str()).collect();
        for e in items(&selector.match_expressions) {
            if let Some(i) = keys.iter().rposition(|k| *k == e.key).filter(|_| seen.contains(e.key.as_str())) {
                let detail = "exists in both matchLabelKeys and labelSelector";
                faults.invalid(&format!("{path}[{i}]"), "", &e.key, detail);
            }
            seen.insert(&e.key);
        }
    }
    for (i, key) in keys.iter().enumerate().filter(|(_, key)| others.contains(key)) {
        let detail = "exists in both matchLabelKeys and mismatchLabelKeys";
        faults.invalid(path, &format!("matchLabelKeys[{i}]"), key, detail);
    }
}

/// Mirrors `ValidateTolerations`.
pub(super) fn validate_tolerations(tolerations: &[Toleration], path: &str, faults: &mut Faults) {
    for (i, t) in tolerations.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let (key, operator, value) = (text(&t.key), text(&t.operator), text(&t.value));
        if !key.is_empty() {
            faults.extend(validate_label_name(key, &at(&path, "key")));
        }
        if key.is_empty() && operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            faults.invalid(&path, "operator", operator, detail);
        }
        if t.toleration_seconds.is_some() && text(&t.effect) != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            faults.invalid(&path, "effect", text(&t.effect), detail);
        }
        match operator {
            "" | "Equal" => {
                let bad = names::label_value(value);
                if !bad.is_empty() {
                    faults.invalid(&path, "operator", value, &bad.join(";"));
                }
            }
            "Exists" if !value.is_empty() => {
                faults.invalid(&path, "operator", value, "value must be empty when `operator` is 'Exists'");
            }
            "Exists" => {}
            "Lt" | "Gt" => {
                let supported = ["Equal", "Exists", "Lt", "Gt"];
                let fault = FieldError::not_supported_in_order(at(&path, "operator"), operator, &supported);
                faults.0.push(fault);
            }
            other => faults.one_of(&path, "operator", other, &["Equal", "Exists"]),
        }
        if !text(&t.effect).is_empty() {
            let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
            faults.one_of_in_order(&path, "effect", text(&t.effect), &effects);
        }
    }
}

/// Mirrors `validateTopologySpreadConstraints`.
pub(super) fn validate_topology_spread(constraints: &[TopologySpreadConstraint], path: &str, faults: &mut Faults) {
    for (i, c) in constraints.iter().enumerate() {
        let path = format!("{path}[{i}]");
        if c.max_skew <= 0 {
            faults.invalid(&path, "maxSkew", c.max_skew, "must be greater than zero");
        }
        if c.topology_key.is_empty() {
            faults.required_for(&path, "topologyKey", "can not be empty");
        }
        let when = c.when_unsatisfiable.as_str();
        faults.one_of(&path, "whenUnsatisfiable", when, &["DoNotSchedule", "ScheduleAnyway"]);
        let again = |o: &TopologySpreadConstraint| o.topology_key == c.topology_key && o.when_unsatisfiable == when;
        if constraints[i + 1..].iter().any(again) {
            let both = format!("{{{}, {when}}}", c.topology_key);
            faults.duplicate(&path, "{topologyKey, whenUnsatisfiable}", both);
        }
        if let Some(domains) = c.min_domains {
            if domains <= 0 {
                faults.invalid(&path, "minDomains", domains, "must be greater than zero");
            }
            if when != "DoNotSchedule" {
                let detail = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}");
                faults.invalid(&path, "minDomains", domains, &detail);
            }
        }
        for (name, policy) in
            [("nodeAffinityPolicy", &c.node_affinity_policy), ("nodeTaintsPolicy", &c.node_taints_policy)]
        {
            if let Some(policy) = policy {
                faults.one_of(&path, name, policy, &["Honor", "Ignore"]);
            }
        }
        validate_match_label_keys(items(&c.match_label_keys), &[], c.label_selector.as_ref(), &path, faults);
        if let Some(selector) = &c.label_selector {
            faults.extend(validate_label_selector(selector, &at(&path, "labelSelector")));
        }
    }
}

/// Labels of a node selector may be added while a pod is gated, and nothing else. Mirrors `validateNodeSelectorMutation`.
pub(super) fn validate_node_selector_mutation(
    new: &BTreeMap<String, String>,
    old: &BTreeMap<String, String>,
    path: &str,
    faults: &mut Faults,
) {
    if old.iter().any(|(k, v)| new.get(k) != Some(v)) {
        faults.invalid(path, "", new, "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
    }
}
