//! The roles and bindings that every cluster is born with, read from a compact table.
//!
//! Mirrors `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`.

use std::collections::BTreeMap;

use crate::api::k8s::api::rbac::v1::{
    AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use crate::api::{LabelSelector, Object, ObjectMeta};

const TABLE: &str = include_str!("roles.txt");

const GROUP: &str = "rbac.authorization.k8s.io";

/// A role of the table with its rules.
struct Draft<'a> {
    words: Vec<&'a str>,
    rules: Vec<PolicyRule>,
}

/// The roles, then the bindings.
pub(super) fn bootstrap_policy() -> Vec<Object> {
    let mut roles: Vec<Draft<'_>> = Vec::new();
    let mut bindings = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        match words.first().copied() {
            Some("role") => roles.push(Draft { words: words.split_off(1), rules: Vec::new() }),
            Some("bind") => bindings.push(binding(&words[1..])),
            Some(_) => {
                if let Some(role) = roles.last_mut() {
                    role.rules.push(rule(&words));
                }
            }
            None => {}
        }
    }
    roles.into_iter().map(role).chain(bindings).collect()
}

fn list(word: &str) -> Vec<String> {
    word.split(',').map(|item| if item == "\"\"" { String::new() } else { item.to_string() }).collect()
}

fn rule(words: &[&str]) -> PolicyRule {
    let at = |n: usize| words.get(n).copied().map(list);
    let verbs = at(0).unwrap_or_default();
    match words.len() {
        2 => PolicyRule { verbs, non_resource_urls: at(1), ..Default::default() },
        _ => PolicyRule { verbs, api_groups: at(1), resources: at(2), resource_names: at(3), ..Default::default() },
    }
}

fn meta(path: &str) -> ObjectMeta {
    let (namespace, name) = match path.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_string()), name),
        None => (None, path),
    };
    let pair = |key: &str, value: &str| BTreeMap::from([(key.to_string(), value.to_string())]);
    ObjectMeta {
        name: Some(name.to_string()),
        namespace,
        annotations: Some(pair("rbac.authorization.kubernetes.io/autoupdate", "true")),
        labels: Some(pair("kubernetes.io/bootstrapping", "rbac-defaults")),
        ..Default::default()
    }
}

fn role(draft: Draft<'_>) -> Object {
    let aggregate = |to: &str| (format!("{GROUP}/aggregate-to-{to}"), "true".to_string());
    let mut metadata = meta(draft.words[0]);
    let words = || draft.words[1..].iter();
    let to = words().filter_map(|word| word.strip_prefix("to:")).map(aggregate);
    metadata.labels.get_or_insert_default().extend(to);
    let from = words().find_map(|word| word.strip_prefix("from:"));
    let aggregation_rule = from.map(|from| AggregationRule {
        cluster_role_selectors: Some(vec![LabelSelector {
            match_labels: Some(BTreeMap::from([aggregate(from)])),
            ..Default::default()
        }]),
    });
    let rules = Some(draft.rules).filter(|rules| !rules.is_empty());
    match metadata.namespace {
        Some(_) => Object::from(Role { metadata, rules }),
        None => Object::from(ClusterRole { metadata, rules, aggregation_rule }),
    }
}

fn binding(words: &[&str]) -> Object {
    let metadata = meta(words[0]);
    let named = words.iter().find_map(|word| word.strip_prefix("role:")).and_then(|role| role.split_once(':'));
    let own = if metadata.namespace.is_some() { "local" } else { "cluster" };
    let (scope, name) = named.unwrap_or((own, metadata.name.as_deref().unwrap_or_default()));
    let kind = if scope == "cluster" { "ClusterRole" } else { "Role" };
    let role_ref = RoleRef { api_group: Some(GROUP.into()), kind: kind.into(), name: name.to_string() };
    let subjects: Vec<Subject> = words[1..].iter().filter_map(|word| subject(word)).collect();
    let subjects = Some(subjects).filter(|s| !s.is_empty());
    match metadata.namespace {
        Some(_) => Object::from(RoleBinding { metadata, role_ref, subjects }),
        None => Object::from(ClusterRoleBinding { metadata, role_ref, subjects }),
    }
}

fn subject(word: &str) -> Option<Subject> {
    let (kind, name) = word.split_once(':')?;
    let of = |kind: &str| Subject {
        api_group: Some(GROUP.into()),
        kind: kind.into(),
        name: name.to_string(),
        namespace: None,
    };
    match kind {
        "user" => Some(of("User")),
        "group" => Some(of("Group")),
        "account" => {
            let (namespace, name) = name.split_once('/')?;
            Some(Subject {
                api_group: None,
                kind: "ServiceAccount".into(),
                name: name.to_string(),
                namespace: Some(namespace.to_string()),
            })
        }
        _ => None,
    }
}
