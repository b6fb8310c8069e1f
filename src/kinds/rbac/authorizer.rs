//! What roles and bindings allow: RBAC as it judges requests.
//!
//! Mirrors `plugin/pkg/auth/authorizer/rbac` and the `DefaultRuleResolver` of `pkg/registry/rbac/validation`.

use crate::api::k8s::api::rbac::v1::{ClusterRoleBinding, PolicyRule, RoleBinding, RoleRef, Subject};
use crate::api::scalar::quote;
use crate::api::user::User;
use crate::api::{Kind, Lister, Object, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::kinds::shared::access::{items, text};

/// A request to be judged. Mirrors `authorizer.Attributes`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `get`, `list`, `create`, ...
    pub verb: String,
    /// The API group; empty for the core's.
    pub group: String,
    /// The resource in the plural; empty for what is no resource.
    pub resource: String,
    /// The part of it, `log`; empty for the whole.
    pub subresource: String,
    /// The namespace; empty for the whole cluster.
    pub namespace: String,
    /// The object's name; empty for none in particular.
    pub name: String,
    /// The path of what is no resource, `/version`.
    pub path: String,
}

impl Attributes {
    /// `pods/log`, as rules name it.
    pub fn whole_resource(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            part => format!("{}/{part}", self.resource),
        }
    }
}

/// Whether a user may do that.
pub fn allowed(view: &dyn Lister, user: &User, attributes: &Attributes) -> bool {
    user.is_privileged()
        || rules_for(view, user, &attributes.namespace).rules.iter().any(|rule| covers(rule, attributes))
}

/// What bindings give a user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// The rules, in the order of the bindings.
    pub rules: Vec<PolicyRule>,
    /// What is said of roles that bindings name and that are not there.
    missing: Vec<String>,
}

impl Rules {
    fn add(&mut self, view: &dyn Lister, role: &RoleRef, namespace: &str) {
        match rules_of(view, role, namespace) {
            Ok(rules) => self.rules.extend(rules),
            Err(missing) => self.missing.push(missing.message),
        }
    }

    /// What was wrong with the bindings that were looked at; none when nothing was. Mirrors `Aggregate.Error`.
    pub fn faults(&self) -> Option<String> {
        let mut told: Vec<&str> = Vec::new();
        for fault in &self.missing {
            if !told.contains(&fault.as_str()) {
                told.push(fault);
            }
        }
        match told.as_slice() {
            [] => None,
            [one] => Some(one.to_string()),
            many => Some(format!("[{}]", many.join(", "))),
        }
    }
}

/// The rules of the role that a binding in a namespace names. Mirrors `GetRoleReferenceRules`.
///
/// # Errors
/// `NotFound`, or what is said of a kind that is none of roles.
pub fn rules_of(view: &dyn Lister, role: &RoleRef, namespace: &str) -> Result<Vec<PolicyRule>, ApiError> {
    let (kind, namespace) = match role.kind.as_str() {
        "ClusterRole" => (Kind::ClusterRole, ""),
        "Role" => (Kind::Role, namespace),
        other => {
            let text = format!("unsupported role reference kind: {}", quote(other));
            return Err(ApiError::new(Reason::Unknown, text));
        }
    };
    let found = view.get(&ObjectKey::new(kind, namespace, role.name.clone()));
    let rules = found.as_deref().and_then(|object| match object {
        Object::ClusterRole(role) => Some(items(&role.rules).to_vec()),
        Object::Role(role) => Some(items(&role.rules).to_vec()),
        _ => None,
    });
    let resource = format!("{}.rbac.authorization.k8s.io", role.kind.to_ascii_lowercase());
    rules.ok_or_else(|| ApiError::not_found(&resource, &role.name))
}

/// The rules that bindings give a user in a namespace (`""`: the whole cluster). Mirrors `VisitRulesFor`.
pub fn rules_for(view: &dyn Lister, user: &User, namespace: &str) -> Rules {
    let mut rules = Rules::default();
    for binding in view.list(Kind::ClusterRoleBinding, None) {
        let Some(binding) = binding.get::<ClusterRoleBinding>() else { continue };
        if names(items(&binding.subjects), user, "") {
            rules.add(view, &binding.role_ref, "");
        }
    }
    if namespace.is_empty() {
        return rules;
    }
    for binding in view.list(Kind::RoleBinding, Some(namespace)) {
        let Some(binding) = binding.get::<RoleBinding>() else { continue };
        if names(items(&binding.subjects), user, namespace) {
            rules.add(view, &binding.role_ref, namespace);
        }
    }
    rules
}

/// Mirrors `appliesTo`.
fn names(subjects: &[Subject], user: &User, namespace: &str) -> bool {
    subjects.iter().any(|s| match s.kind.as_str() {
        "User" => s.name == user.name,
        "Group" => user.groups.contains(&s.name),
        "ServiceAccount" => {
            let of = Some(text(&s.namespace)).filter(|n| !n.is_empty()).unwrap_or(namespace);
            !of.is_empty() && user.name == format!("system:serviceaccount:{of}:{}", s.name)
        }
        _ => false,
    })
}

/// Mirrors `RuleAllows`.
fn covers(rule: &PolicyRule, request: &Attributes) -> bool {
    let has = |list: Option<&[String]>, value: &str| list.into_iter().flatten().any(|v| v == "*" || v == value);
    if !has(Some(&rule.verbs), &request.verb) {
        return false;
    }
    if !request.path.is_empty() {
        let covered = |url: &String| match url.strip_suffix('*') {
            Some(start) => request.path.starts_with(start),
            None => *url == request.path,
        };
        return rule.non_resource_urls.iter().flatten().any(covered);
    }
    let part = (!request.subresource.is_empty()).then(|| format!("*/{}", request.subresource));
    let resources = rule.resources.as_deref();
    has(rule.api_groups.as_deref(), &request.group)
        && (has(resources, &request.whole_resource()) || part.is_some_and(|part| has(resources, &part)))
        && match rule.resource_names.as_deref() {
            None | Some([]) => true,
            Some(names) => names.contains(&request.name),
        }
}
