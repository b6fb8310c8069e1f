//! Role, and what it shares with ClusterRole.

use std::collections::BTreeMap;

use crate::api::ObjectMeta;
use crate::api::k8s::api::rbac::v1::{PolicyRule, Role};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::NameRule;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::print;

impl Strategy for Role {
    const NAME: NameRule = NameRule::PathSegment;

    fn validate(&self) -> Vec<FieldError> {
        validate_rules(items(&self.rules), true)
    }

    fn columns() -> &'static [Column] {
        print::NAME_AND_CREATED_AT
    }

    fn row(&self, _context: &PrintContext<'_>) -> Vec<String> {
        print::name_and_created_at(&self.metadata)
    }

    fn describe(&self, d: &mut Description, _context: &PrintContext<'_>) {
        describe_rules(d, &self.metadata, items(&self.rules));
    }
}

/// Mirrors `ValidatePolicyRule`.
pub(super) fn validate_rules(rules: &[PolicyRule], namespaced: bool) -> Vec<FieldError> {
    let mut faults = Faults::default();
    for (i, rule) in rules.iter().enumerate() {
        let path = format!("rules[{i}]");
        if rule.verbs.is_empty() {
            faults.required_for(&path, "verbs", "verbs must contain at least one value");
        }
        let (groups, resources) = (items(&rule.api_groups), items(&rule.resources));
        let urls = items(&rule.non_resource_urls);
        if !urls.is_empty() {
            if namespaced {
                let detail = "namespaced rules cannot apply to non-resource URLs";
                faults.invalid(&path, "nonResourceURLs", urls, detail);
            }
            if !groups.is_empty() || !resources.is_empty() || !items(&rule.resource_names).is_empty() {
                let detail = "rules cannot apply to both regular resources and non-resource URLs";
                faults.invalid(&path, "nonResourceURLs", urls, detail);
            }
            continue;
        }
        if groups.is_empty() {
            faults.required_for(&path, "apiGroups", "resource rules must supply at least one api group");
        }
        if resources.is_empty() {
            faults.required_for(&path, "resources", "resource rules must supply at least one resource");
        }
    }
    faults.0
}

/// One line of the table of rules: what may be done, with one resource or one URL.
struct Line {
    /// Group, resource and name; none for a URL.
    resource: Option<(String, String, Option<String>)>,
    url: Option<String>,
    verbs: Vec<String>,
}

impl Line {
    /// What lines are sorted by. Mirrors `PolicyRule.String`, which names a rule's fields in this order.
    fn sort_key(&self) -> String {
        let list = |all: &[String]| format!("[{}]", all.join(" "));
        let (group, resource, names) = match &self.resource {
            Some((g, r, n)) => (vec![g.clone()], vec![r.clone()], n.iter().cloned().collect()),
            None => (Vec::new(), Vec::new(), Vec::new()),
        };
        let urls: Vec<String> = self.url.iter().cloned().collect();
        format!(
            "&PolicyRule{{Verbs:{},APIGroups:{},Resources:{},ResourceNames:{},NonResourceURLs:{},}}",
            list(&self.verbs),
            list(&group),
            list(&resource),
            list(&names),
            list(&urls)
        )
    }

    fn name(&self) -> String {
        let Some((group, resource, _)) = &self.resource else { return String::new() };
        let (resource, sub) = match resource.split_once('/') {
            Some((resource, sub)) => (resource, format!("/{sub}")),
            None => (resource.as_str(), String::new()),
        };
        let group = if group.is_empty() { String::new() } else { format!(".{group}") };
        format!("{resource}{group}{sub}")
    }
}

/// Rules by resource, their verbs together. Mirrors `BreakdownRule` and `CompactRules`.
fn compact(rules: &[PolicyRule]) -> Vec<Line> {
    let mut urls = Vec::new();
    let mut simple: BTreeMap<(String, String, Option<String>), Vec<String>> = BTreeMap::new();
    for rule in rules {
        let names: Vec<Option<String>> = match items(&rule.resource_names) {
            [] => vec![None],
            names => names.iter().cloned().map(Some).collect(),
        };
        for group in items(&rule.api_groups) {
            for resource in items(&rule.resources) {
                for verb in &rule.verbs {
                    for name in &names {
                        let verbs = simple.entry((group.clone(), resource.clone(), name.clone())).or_default();
                        if !verbs.contains(verb) {
                            verbs.push(verb.clone());
                        }
                    }
                }
            }
        }
        for url in items(&rule.non_resource_urls) {
            for verb in &rule.verbs {
                urls.push(Line { resource: None, url: Some(url.clone()), verbs: vec![verb.clone()] });
            }
        }
    }
    let simple = simple.into_iter().map(|(key, verbs)| Line { resource: Some(key), url: None, verbs });
    let mut all: Vec<Line> = urls.into_iter().chain(simple).collect();
    all.sort_by_key(Line::sort_key);
    all
}

/// Mirrors `RoleDescriber` and `ClusterRoleDescriber`.
pub(super) fn describe_rules(d: &mut Description, meta: &ObjectMeta, rules: &[PolicyRule]) {
    d.field(0, "Name", text(&meta.name));
    print_labels_multiline(d, "Labels", &meta.labels);
    print_annotations_multiline(d, "Annotations", &meta.annotations);
    d.write(0, "PolicyRule:\n");
    d.write(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
    d.write(1, "---------\t-----------------\t--------------\t-----\n");
    for line in compact(rules) {
        let url = line.url.clone().unwrap_or_default();
        let name = line.resource.as_ref().and_then(|(_, _, name)| name.clone()).unwrap_or_default();
        d.write(1, format!("{}\t[{url}]\t[{name}]\t[{}]\n", line.name(), line.verbs.join(" ")));
    }
}
