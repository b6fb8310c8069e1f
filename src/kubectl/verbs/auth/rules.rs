//! Rules in the form in which `can-i --list` shows them.
//!
//! Mirrors `k8s.io/kubectl/pkg/util/rbac`.

use crate::api::k8s::api::rbac::v1::PolicyRule;
use crate::kinds::shared::access::items;

/// One rule for each resource or path, with all verbs that some rule has for it; a path stands for each of its verbs
/// alone. Mirrors `BreakdownRule` and `CompactRules` of `k8s.io/kubectl/pkg/util/rbac`.
pub(super) fn compact_rules(rules: &[PolicyRule]) -> Vec<PolicyRule> {
    let mut of_resource: Vec<PolicyRule> = Vec::new();
    let mut of_path = Vec::new();
    for rule in rules {
        let names = items(&rule.resource_names);
        let names = if names.is_empty() { vec![None] } else { names.iter().map(|n| Some(vec![n.clone()])).collect() };
        for (group, resource) in
            items(&rule.api_groups).iter().flat_map(|g| items(&rule.resources).iter().map(move |r| (g, r)))
        {
            for name in &names {
                let single = PolicyRule {
                    api_groups: Some(vec![group.clone()]),
                    resources: Some(vec![resource.clone()]),
                    resource_names: name.clone(),
                    ..Default::default()
                };
                let at = of_resource.iter().position(|r| PolicyRule { verbs: Vec::new(), ..r.clone() } == single);
                let at = at.unwrap_or_else(|| {
                    of_resource.push(single);
                    of_resource.len() - 1
                });
                for verb in &rule.verbs {
                    if !of_resource[at].verbs.contains(verb) {
                        of_resource[at].verbs.push(verb.clone());
                    }
                }
            }
        }
        for url in items(&rule.non_resource_urls) {
            let single = |verb: &String| PolicyRule {
                non_resource_urls: Some(vec![url.clone()]),
                verbs: vec![verb.clone()],
                ..Default::default()
            };
            of_path.extend(rule.verbs.iter().map(single));
        }
    }
    of_path.into_iter().chain(of_resource).collect()
}

/// A rule as Go prints it, by which kubectl sorts.
pub(super) fn go_text(rule: &PolicyRule) -> String {
    let list = |list: &Option<Vec<String>>| items(list).join(" ");
    format!(
        "&PolicyRule{{Verbs:[{}],APIGroups:[{}],Resources:[{}],ResourceNames:[{}],NonResourceURLs:[{}],}}",
        rule.verbs.join(" "),
        list(&rule.api_groups),
        list(&rule.resources),
        list(&rule.resource_names),
        list(&rule.non_resource_urls)
    )
}
