//! Whether rules allow all that other rules allow, and what of that they don't.
//!
//! Mirrors `k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go`, and of `pkg/registry/rbac/validation`
//! `CompactRules`.

use crate::api::k8s::api::rbac::v1::PolicyRule;
use crate::api::scalar::quote_all;
use crate::kinds::shared::access::items;

/// What of `servants` no rule of `owners` allows, in rules of one verb, resource and name each. Mirrors `Covers`.
pub fn uncovered(owners: &[PolicyRule], servants: &[PolicyRule]) -> Vec<PolicyRule> {
    let parts = servants.iter().flat_map(breakdown);
    parts.filter(|part| !owners.iter().any(|owner| rule_covers(owner, part))).collect()
}

/// Parts as a refusal tells them, a line each and sorted: those that differ in their verbs alone are one. Mirrors
/// `CompactRules`, `CompactString` and what `ConfirmNoEscalation` makes of them.
pub fn compact_lines(parts: Vec<PolicyRule>) -> Vec<String> {
    let mut compact: Vec<PolicyRule> = Vec::new();
    for mut part in parts {
        let is_same = |other: &&mut PolicyRule| {
            items(&part.non_resource_urls).is_empty()
                && (&other.api_groups, &other.resources, &other.resource_names)
                    == (&part.api_groups, &part.resources, &part.resource_names)
        };
        match compact.iter_mut().find(is_same) {
            Some(other) => other.verbs.append(&mut part.verbs),
            None => compact.push(part),
        }
    }
    let mut lines: Vec<String> = compact.iter().map(compact_string).collect();
    lines.sort();
    lines.dedup();
    lines
}

fn compact_string(rule: &PolicyRule) -> String {
    let fields = [
        ("APIGroups", items(&rule.api_groups)),
        ("Resources", items(&rule.resources)),
        ("NonResourceURLs", items(&rule.non_resource_urls)),
        ("ResourceNames", items(&rule.resource_names)),
        ("Verbs", &rule.verbs),
    ];
    let told = fields.iter().filter(|(_, all)| !all.is_empty());
    let told: Vec<String> = told.map(|(field, all)| format!("{field}:{}", quote_all(all))).collect();
    format!("{{{}}}", told.join(", "))
}

/// Rules of one verb, resource and name each, or of one path. Mirrors `BreakdownRule`.
fn breakdown(rule: &PolicyRule) -> Vec<PolicyRule> {
    let mut parts = Vec::new();
    let names = items(&rule.resource_names);
    for group in items(&rule.api_groups) {
        for resource in items(&rule.resources) {
            for verb in &rule.verbs {
                let part = PolicyRule {
                    api_groups: Some(vec![group.clone()]),
                    resources: Some(vec![resource.clone()]),
                    verbs: vec![verb.clone()],
                    ..Default::default()
                };
                match names.is_empty() {
                    true => parts.push(part),
                    false => parts.extend(
                        names
                            .iter()
                            .map(|name| PolicyRule { resource_names: Some(vec![name.clone()]), ..part.clone() }),
                    ),
                }
            }
        }
    }
    for url in items(&rule.non_resource_urls) {
        parts.extend(rule.verbs.iter().map(|verb| PolicyRule {
            non_resource_urls: Some(vec![url.clone()]),
            verbs: vec![verb.clone()],
            ..Default::default()
        }));
    }
    parts
}

/// Mirrors `ruleCovers`: `part` has one of everything at most.
fn rule_covers(owner: &PolicyRule, part: &PolicyRule) -> bool {
    let any = |set: &[String]| set.iter().any(|one| one == "*");
    let has_all = |set: &[String], wanted: &[String]| wanted.iter().all(|one| set.contains(one));
    let names = items(&owner.resource_names);
    let names_match =
        names.is_empty() || (!items(&part.resource_names).is_empty() && has_all(names, items(&part.resource_names)));
    (any(&owner.verbs) || has_all(&owner.verbs, &part.verbs))
        && (any(items(&owner.api_groups)) || has_all(items(&owner.api_groups), items(&part.api_groups)))
        && (any(items(&owner.resources))
            || items(&part.resources).iter().all(|path| resource_covers(items(&owner.resources), path)))
        && items(&part.non_resource_urls).iter().all(|path| url_covers(items(&owner.non_resource_urls), path))
        && names_match
}

/// Whether resources have one among them; `*/scale` is that part of any.
fn resource_covers(owners: &[String], path: &str) -> bool {
    let of_any = path.split_once('/').map(|(_, part)| format!("*/{part}"));
    owners.iter().any(|owner| owner == path || of_any.as_ref() == Some(owner))
}

fn url_covers(owners: &[String], path: &str) -> bool {
    let covers =
        |owner: &String| owner == path || owner.ends_with('*') && path.starts_with(owner.trim_end_matches('*'));
    owners.iter().any(covers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PolicyRule, uncovered};

    fn rule(groups: &[&str], resources: &[&str], names: &[&str], verbs: &[&str]) -> PolicyRule {
        let fields = json!({"apiGroups": groups, "resources": resources, "resourceNames": names, "verbs": verbs});
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn what_is_not_allowed_is_told_part_by_part() {
        let owner = [rule(&[""], &["pods", "*/scale"], &[], &["get"])];
        let cases = [
            (rule(&[""], &["pods"], &[], &["get", "list"]), 1),
            (rule(&[""], &["pods"], &["web"], &["get"]), 0),
            (rule(&[""], &["deployments/scale", "deployments/status"], &[], &["get"]), 1),
            (rule(&["", "apps"], &["pods", "secrets"], &["a", "b"], &["get"]), 6),
        ];
        for (servant, left) in cases {
            assert_eq!(uncovered(&owner, std::slice::from_ref(&servant)).len(), left, "{servant:?}");
        }
        // A rule for some names is not one for all.
        assert_eq!(
            uncovered(&[rule(&["*"], &["*"], &["a"], &["*"])], &[rule(&[""], &["pods"], &[], &["get"])]).len(),
            1
        );
    }
}
