//! Which requests webhooks and policies are about: rules, selectors and conditions.
//!
//! Mirrors `pkg/apis/admissionregistration/validation`.

use std::collections::BTreeSet;

use crate::api::k8s::api::admissionregistration::v1::{
    MatchCondition, MatchResources, NamedRuleWithOperations, RuleWithOperations,
};
use crate::api::names;
use crate::api::selector::validate_label_selector;
use crate::error::FieldError;
use crate::kinds::shared::access::{items, set_text, text};
use crate::kinds::shared::faults::Faults;

const FAILURE_POLICIES: [&str; 2] = ["Fail", "Ignore"];
const MATCH_POLICIES: [&str; 2] = ["Equivalent", "Exact"];
const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];
const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
/// What can be changed on its way; what is deleted can't.
pub(super) const MUTATING_OPERATIONS: [&str; 4] = ["*", "CONNECT", "CREATE", "UPDATE"];

/// How many conditions a webhook or a policy may have.
const MAX_CONDITIONS: usize = 64;

/// A rule of either sort.
pub(super) struct Rule<'a> {
    operations: &'a [String],
    groups: &'a [String],
    versions: &'a [String],
    resources: &'a [String],
    scope: Option<&'a str>,
}

impl<'a> From<&'a RuleWithOperations> for Rule<'a> {
    fn from(rule: &'a RuleWithOperations) -> Rule<'a> {
        Rule {
            operations: items(&rule.operations),
            groups: items(&rule.api_groups),
            versions: items(&rule.api_versions),
            resources: items(&rule.resources),
            scope: rule.scope.as_deref(),
        }
    }
}

impl<'a> From<&'a NamedRuleWithOperations> for Rule<'a> {
    fn from(rule: &'a NamedRuleWithOperations) -> Rule<'a> {
        Rule {
            operations: items(&rule.operations),
            groups: items(&rule.api_groups),
            versions: items(&rule.api_versions),
            resources: items(&rule.resources),
            scope: rule.scope.as_deref(),
        }
    }
}

/// Rules are about every scope unless they say otherwise. Mirrors `SetDefaults_Rule`.
pub(super) fn set_scope(scope: &mut Option<String>) {
    scope.get_or_insert_with(|| "*".into());
}

/// Mirrors `SetDefaults_MatchResources`.
pub(super) fn set_match_defaults(resources: &mut MatchResources) {
    set_text(&mut resources.match_policy, "Equivalent");
    resources.namespace_selector.get_or_insert_default();
    resources.object_selector.get_or_insert_default();
    let rules = resources.resource_rules.iter_mut().chain(resources.exclude_resource_rules.iter_mut()).flatten();
    rules.for_each(|rule| set_scope(&mut rule.scope));
}

fn has_wildcard(list: &[String]) -> bool {
    list.iter().any(|item| item == "*")
}

/// Mirrors `validateRuleWithOperations`.
pub(super) fn validate_rule(rule: &Rule<'_>, path: &str, faults: &mut Faults) {
    if rule.operations.is_empty() {
        faults.required(path, "operations");
    }
    if rule.operations.len() > 1 && has_wildcard(rule.operations) {
        let detail = "if '*' is present, must not specify other operations";
        faults.invalid(path, "operations", rule.operations, detail);
    }
    for (i, operation) in rule.operations.iter().enumerate() {
        faults.one_of(path, &format!("operations[{i}]"), operation, &OPERATIONS);
    }
    for (list, field, what) in
        [(rule.groups, "apiGroups", "API groups"), (rule.versions, "apiVersions", "API versions")]
    {
        if list.is_empty() {
            faults.required(path, field);
        }
        if list.len() > 1 && has_wildcard(list) {
            faults.invalid(path, field, list, &format!("if '*' is present, must not specify other {what}"));
        }
    }
    for (i, _) in rule.versions.iter().enumerate().filter(|(_, version)| version.is_empty()) {
        faults.required(path, &format!("apiVersions[{i}]"));
    }
    validate_resources(rule.resources, &format!("{path}.resources"), faults);
    if let Some(scope) = rule.scope {
        faults.one_of(path, "scope", scope, &SCOPES);
    }
}

/// Mirrors `validateResources`.
fn validate_resources(resources: &[String], path: &str, faults: &mut Faults) {
    if resources.is_empty() {
        faults.required(path, "");
    }
    let (mut whole, mut parts) = (BTreeSet::new(), BTreeSet::new());
    let (mut double, mut single, mut plain) = (false, false, false);
    for (i, resource) in resources.iter().enumerate() {
        let field = format!("{path}[{i}]");
        if resource.is_empty() {
            faults.required(&field, "");
            continue;
        }
        double |= resource == "*/*";
        single |= resource == "*";
        let Some((of, part)) = resource.split_once('/') else {
            plain = resource != "*";
            continue;
        };
        if whole.contains(of) {
            let detail = format!("if '{of}/*' is present, must not specify {resource}");
            faults.invalid(&field, "", resource, &detail);
        }
        if parts.contains(part) {
            let detail = format!("if '*/{part}' is present, must not specify {resource}");
            faults.invalid(&field, "", resource, &detail);
        }
        if part == "*" {
            whole.insert(of);
        }
        if of == "*" {
            parts.insert(part);
        }
    }
    if resources.len() > 1 && double {
        faults.invalid(path, "", resources, "if '*/*' is present, must not specify other resources");
    }
    if single && plain {
        let detail = "if '*' is present, must not specify other resources without subresources";
        faults.invalid(path, "", resources, detail);
    }
}

/// Mirrors `validateNamedRuleWithOperations`.
fn validate_named_rule(rule: &NamedRuleWithOperations, path: &str, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for (i, name) in items(&rule.resource_names).iter().enumerate() {
        let field = format!("resourceNames[{i}]");
        faults.all_invalid(path, &field, name, names::path_segment_name(name, false));
        if !seen.insert(name) {
            faults.duplicate(path, &field, name);
        }
    }
    validate_rule(&rule.into(), path, faults);
}

/// Mirrors `validateMatchResources`.
pub(super) fn validate_match_resources(resources: &MatchResources, path: &str, faults: &mut Faults) {
    match resources.match_policy.as_deref() {
        None => faults.required(path, "matchPolicy"),
        Some(policy) => faults.one_of(path, "matchPolicy", policy, &MATCH_POLICIES),
    }
    for (field, selector) in
        [("namespaceSelector", &resources.namespace_selector), ("objectSelector", &resources.object_selector)]
    {
        match selector {
            None => faults.required(path, field),
            Some(selector) => faults.extend(validate_label_selector(selector, &format!("{path}.{field}"))),
        }
    }
    for (field, rules) in
        [("resourceRules", &resources.resource_rules), ("excludeResourceRules", &resources.exclude_resource_rules)]
    {
        for (i, rule) in items(rules).iter().enumerate() {
            validate_named_rule(rule, &format!("{path}.{field}[{i}]"), faults);
        }
    }
}

/// Refuses to mutate what can't be mutated.
pub(super) fn validate_mutating_operations(resources: &MatchResources, path: &str, faults: &mut Faults) {
    for rule in items(&resources.resource_rules) {
        for operation in items(&rule.operations) {
            faults.one_of(path, "resourceRules.operations", operation, &MUTATING_OPERATIONS);
        }
    }
}

/// Mirrors `validateMatchConditions`, but for the expressions themselves.
pub(super) fn validate_match_conditions(conditions: &[MatchCondition], path: &str, faults: &mut Faults) {
    if conditions.len() > MAX_CONDITIONS {
        faults.0.push(FieldError::too_many(path, conditions.len(), MAX_CONDITIONS));
    }
    let mut seen = BTreeSet::new();
    for (i, condition) in conditions.iter().enumerate() {
        let (at, name) = (format!("{path}[{i}]"), condition.name.as_str());
        if condition.expression.trim().is_empty() {
            faults.required(&at, "expression");
        }
        if faults.require(&at, "name", name) {
            faults.all_invalid(&at, "name", name, names::qualified_name(name));
            if !seen.insert(name) {
                faults.duplicate(&at, "name", name);
            }
        }
    }
}

/// A policy that must be one of those for failures.
pub(super) fn validate_failure_policy(policy: &Option<String>, path: &str, faults: &mut Faults) {
    if let Some(policy) = policy {
        faults.one_of(path, "failurePolicy", policy, &FAILURE_POLICIES);
    }
}

/// A policy that must be one of those for matches.
pub(super) fn validate_match_policy(policy: &Option<String>, path: &str, faults: &mut Faults) {
    if policy.is_some() {
        faults.one_of(path, "matchPolicy", text(policy), &MATCH_POLICIES);
    }
}
