//! FlowSchema: which requests belong to which priority level.
//!
//! Mirrors `pkg/registry/flowcontrol/flowschema/strategy.go` and `pkg/apis/flowcontrol/validation`.

use std::cmp::Ordering;

use super::bootstrap;
use super::{EXEMPT, validate_conditions};
use crate::api::k8s::api::flowcontrol::v1::{
    FlowSchema, FlowSchemaSpec, NonResourcePolicyRule, PolicyRulesWithSubjects, ResourcePolicyRule,
    ServiceAccountSubject, Subject,
};
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::print;
use crate::kinds::{Column, PrintContext, Strategy};

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("PRIORITYLEVEL"),
    Column::new("MATCHINGPRECEDENCE"),
    Column::new("DISTINGUISHERMETHOD"),
    Column::new("AGE"),
    Column::new("MISSINGPL"),
];

/// What stands last among the FlowSchemas that a request may match.
const MAX_MATCHING_PRECEDENCE: i32 = 10_000;

/// The precedence of a FlowSchema that names none.
const DEFAULT_MATCHING_PRECEDENCE: i32 = 1_000;

/// The verbs that rules may name.
const VERBS: [&str; 9] = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

impl Strategy for FlowSchema {
    const GENERATION: bool = true;
    crate::spec_and_status!();

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        if spec.matching_precedence.unwrap_or(0) == 0 {
            spec.matching_precedence = Some(DEFAULT_MATCHING_PRECEDENCE);
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let (name, spec) = (text(&self.metadata.name), self.spec.clone().unwrap_or_default());
        let mut faults = Faults::default();
        validate_spec(name, &spec, &mut faults);
        if bootstrap::is_mandatory(name) {
            let fixed = bootstrap::flow_schemas().into_iter().find(|schema| text(&schema.metadata.name) == name);
            if fixed.and_then(|schema| schema.spec).as_ref() != Some(&spec) {
                let detail = format!("spec of '{name}' must equal the fixed value");
                faults.invalid("spec", "", Internal::of("FlowSchemaSpec", &spec), &detail);
            }
        }
        faults.0
    }

    fn validate_status_update(&self, _old: &Self) -> Vec<FieldError> {
        let status = self.status.clone().unwrap_or_default();
        validate_conditions(items(&status.conditions).iter().map(|c| text(&c.type_)))
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    /// Mirrors `FlowSchemaSequence`.
    fn row_order(&self, other: &Self) -> Ordering {
        let precedence = |schema: &Self| schema.spec.as_ref().and_then(|spec| spec.matching_precedence);
        precedence(self).cmp(&precedence(other))
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        let conditions = self.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
        let dangling = conditions.iter().find(|c| c.type_.as_deref() == Some("Dangling"));
        vec![
            text(&self.metadata.name).into(),
            spec.priority_level_configuration.name,
            spec.matching_precedence.unwrap_or(0).to_string(),
            spec.distinguisher_method.map_or_else(|| "<none>".into(), |method| method.type_),
            print::age(&self.metadata, context),
            dangling.map_or("?", |condition| text(&condition.status)).into(),
        ]
    }
}

/// Mirrors `ValidateFlowSchemaSpec`.
fn validate_spec(name: &str, spec: &FlowSchemaSpec, faults: &mut Faults) {
    let precedence = spec.matching_precedence.unwrap_or(0);
    let mut odd = |detail: &str| faults.invalid("spec", "matchingPrecedence", precedence, detail);
    if precedence <= 0 {
        odd("must be a positive value");
    }
    if precedence > MAX_MATCHING_PRECEDENCE {
        odd(&format!("must not be greater than {MAX_MATCHING_PRECEDENCE}"));
    }
    if precedence == 1 && name != EXEMPT {
        odd("only the schema named 'exempt' may have matchingPrecedence 1");
    }
    if let Some(method) = spec.distinguisher_method.as_ref().filter(|m| !["ByNamespace", "ByUser"].contains(&&*m.type_))
    {
        let field = "spec.distinguisherMethod.type";
        let value = Internal::of("FlowDistinguisherMethod", method);
        faults.0.push(FieldError::not_supported(field, value, &["ByNamespace", "ByUser"]));
    }
    let (path, level) = ("spec.priorityLevelConfiguration", spec.priority_level_configuration.name.as_str());
    match level {
        "" => faults.required_for(path, "name", "must reference a priority level"),
        level => faults.all_invalid(path, "name", level, names::dns1123_subdomain(level)),
    }
    for (i, rule) in items(&spec.rules).iter().enumerate() {
        validate_rules(rule, &format!("spec.rules[{i}]"), faults);
    }
}

/// Mirrors `ValidateFlowSchemaPolicyRulesWithSubjects`.
fn validate_rules(rules: &PolicyRulesWithSubjects, path: &str, faults: &mut Faults) {
    if rules.subjects.is_empty() {
        faults.required_for(path, "subjects", "subjects must contain at least one value");
    }
    for (i, subject) in rules.subjects.iter().enumerate() {
        validate_subject(subject, &format!("{path}.subjects[{i}]"), faults);
    }
    let (resource, non_resource) = (items(&rules.resource_rules), items(&rules.non_resource_rules));
    if resource.is_empty() && non_resource.is_empty() {
        let detail = "at least one of resourceRules and nonResourceRules has to be non-empty";
        faults.required_for(path, "", detail);
    }
    for (i, rule) in resource.iter().enumerate() {
        validate_resource_rule(rule, &format!("{path}.resourceRules[{i}]"), faults);
    }
    for (i, rule) in non_resource.iter().enumerate() {
        validate_non_resource_rule(rule, &format!("{path}.nonResourceRules[{i}]"), faults);
    }
}

/// Mirrors `ValidateFlowSchemaSubject`.
fn validate_subject(subject: &Subject, path: &str, faults: &mut Faults) {
    const KINDS: [(&str, &str); 3] = [("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")];
    let kind = subject.kind.as_str();
    let Some((_, field)) = KINDS.iter().find(|(name, _)| *name == kind) else {
        return faults.one_of(path, "kind", kind, &KINDS.map(|(name, _)| name));
    };
    let of = format!("{path}.{field}");
    let missing = format!("{field} is required when subject kind is '{kind}'");
    let named = |name: Option<&String>, faults: &mut Faults| match name {
        None => faults.required_for(&of, "", &missing),
        Some(name) => _ = faults.require(&of, "name", name),
    };
    match kind {
        "ServiceAccount" => match &subject.service_account {
            None => faults.required_for(&of, "", &missing),
            Some(account) => validate_service_account(account, &of, faults),
        },
        "User" => named(subject.user.as_ref().map(|user| &user.name), faults),
        _ => named(subject.group.as_ref().map(|group| &group.name), faults),
    }
    let given = [subject.service_account.is_some(), subject.user.is_some(), subject.group.is_some()];
    for ((other, field), _) in KINDS.iter().zip(given).filter(|((other, _), given)| *given && *other != kind) {
        faults.forbidden(path, field, &format!("{field} is forbidden when subject kind is not '{other}'"));
    }
}

/// Mirrors `ValidateServiceAccountSubject`.
fn validate_service_account(account: &ServiceAccountSubject, path: &str, faults: &mut Faults) {
    let (name, namespace) = (account.name.as_str(), account.namespace.as_str());
    if faults.require(path, "name", name) && name != "*" {
        faults.all_invalid(path, "name", name, names::dns1123_subdomain(name));
    }
    match namespace {
        "" => faults.required_for(path, "namespace", "must specify namespace for service account"),
        namespace => faults.all_invalid(path, "namespace", namespace, names::dns1123_label(namespace)),
    }
}

fn has_wildcard(list: &[String]) -> bool {
    list.iter().any(|item| item == "*")
}

fn validate_verbs(verbs: &[String], path: &str, faults: &mut Faults) {
    if verbs.is_empty() {
        faults.required_for(path, "verbs", "verbs must contain at least one value");
    } else if has_wildcard(verbs) {
        only(verbs, path, "verbs", "verbs", faults);
    } else if !verbs.iter().all(|verb| VERBS.contains(&verb.as_str())) {
        faults.0.push(FieldError::not_supported(format!("{path}.verbs"), verbs, &VERBS));
    }
}

/// A wildcard stands alone.
fn only(list: &[String], path: &str, field: &str, others: &str, faults: &mut Faults) {
    if list.len() > 1 && has_wildcard(list) {
        let detail = format!("if '*' is present, must not specify other {others}");
        faults.invalid(path, field, list, &detail);
    }
}

/// Mirrors `ValidateFlowSchemaResourcePolicyRule`.
fn validate_resource_rule(rule: &ResourcePolicyRule, path: &str, faults: &mut Faults) {
    validate_verbs(&rule.verbs, path, faults);
    let lists = [
        (&rule.api_groups, "apiGroups", "api groups", "resource rules must supply at least one api group"),
        (&rule.resources, "resources", "resources", "resource rules must supply at least one resource"),
    ];
    for (list, field, others, missing) in lists {
        match list.is_empty() {
            true => faults.required_for(path, field, missing),
            false => only(list, path, field, others, faults),
        }
    }
    let namespaces = items(&rule.namespaces);
    if namespaces.is_empty() && rule.cluster_scope != Some(true) {
        let detail = "resource rules that are not cluster scoped must supply at least one namespace";
        faults.required_for(path, "namespaces", detail);
    } else if has_wildcard(namespaces) {
        only(namespaces, path, "namespaces", "namespaces", faults);
    } else {
        for (i, namespace) in namespaces.iter().enumerate() {
            let details = names::dns1123_label(namespace);
            let details =
                details.iter().map(|e| format!("each member of this list must be '*' or a DNS-1123 label; {e}"));
            faults.all_invalid(path, &format!("namespaces[{i}]"), namespace, details.collect());
        }
    }
}

/// Mirrors `ValidateFlowSchemaNonResourcePolicyRule`.
fn validate_non_resource_rule(rule: &NonResourcePolicyRule, path: &str, faults: &mut Faults) {
    validate_verbs(&rule.verbs, path, faults);
    let urls = &rule.non_resource_urls;
    if urls.is_empty() {
        faults.required_for(path, "nonResourceURLs", "nonResourceURLs must contain at least one value");
    } else if has_wildcard(urls) {
        only(urls, path, "nonResourceURLs", "non-resource URLs", faults);
    } else {
        for (i, url) in urls.iter().enumerate() {
            if let Some(fault) = url_fault(url) {
                faults.invalid(path, &format!("nonResourceURLs[{i}]"), url, fault);
            }
        }
    }
}

/// Mirrors `ValidateNonResourceURLPath`.
fn url_fault(path: &str) -> Option<&'static str> {
    match path {
        "" => Some("must not be empty"),
        "/" => None,
        path if !path.starts_with('/') => Some("must start with slash"),
        path if path.contains(' ') => Some("must not contain white-space"),
        path if path.contains("//") => Some("must not contain double slash"),
        path => match path.matches('*').count() {
            0 => None,
            1 if path.ends_with("/*") => None,
            _ => Some("wildcard can only do suffix matching"),
        },
    }
}
