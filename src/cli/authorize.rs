//! Who may do what: RBAC, for a user that is impersonated with `--as`. Without it the user is the cluster's admin.
//!
//! Mirrors `plugin/pkg/auth/authorizer/rbac`.

use std::collections::BTreeSet;

use super::errors::Fault;
use super::session::Session;
use crate::api::k8s::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use crate::api::{Kind, Lister};
use crate::error::{ApiError, Reason};
use crate::store::View;

/// A request to be judged.
#[derive(Debug, Clone)]
pub struct Attributes {
    /// `get`, `list`, `create`, ...
    pub verb: String,
    /// The API group; empty for the core's.
    pub group: String,
    /// The resource in the plural, with `/SUBRESOURCE` where there is one.
    pub resource: String,
    /// The namespace; empty for the whole cluster.
    pub namespace: String,
    /// The object's name; empty for none in particular.
    pub name: String,
}

/// Whether a user may do that.
pub fn allowed(view: &View<'_>, user: &str, request: &Attributes) -> bool {
    let groups = groups_of(user);
    if groups.contains("system:masters") {
        return true;
    }
    let everywhere = view.list_as::<ClusterRoleBinding>().filter(|b| names(b.subjects.as_deref(), user, &groups, ""));
    let mut rules: Vec<PolicyRule> = everywhere.flat_map(|b| rules_of(view, &b.role_ref, "")).collect();
    if !request.namespace.is_empty() {
        let here = Lister::list(view, Kind::RoleBinding, Some(&request.namespace));
        for binding in here.iter().filter_map(|o| o.get::<RoleBinding>()) {
            if names(binding.subjects.as_deref(), user, &groups, &request.namespace) {
                rules.extend(rules_of(view, &binding.role_ref, &request.namespace));
            }
        }
    }
    rules.iter().any(|rule| covers(rule, request))
}

fn groups_of(user: &str) -> BTreeSet<String> {
    let mut groups = BTreeSet::from(["system:authenticated".to_string()]);
    if let Some((namespace, _)) = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')) {
        groups.insert("system:serviceaccounts".into());
        groups.insert(format!("system:serviceaccounts:{namespace}"));
    }
    groups
}

fn names(subjects: Option<&[Subject]>, user: &str, groups: &BTreeSet<String>, namespace: &str) -> bool {
    subjects.into_iter().flatten().any(|s| match s.kind.as_str() {
        "User" => s.name == user,
        "Group" => groups.contains(&s.name),
        "ServiceAccount" => {
            let of = s.namespace.as_deref().unwrap_or(namespace);
            user == format!("system:serviceaccount:{of}:{}", s.name)
        }
        _ => false,
    })
}

fn rules_of(view: &View<'_>, role: &RoleRef, namespace: &str) -> Vec<PolicyRule> {
    let rules = match role.kind.as_str() {
        "ClusterRole" => view.get_as::<ClusterRole>("", &role.name).and_then(|r| r.rules.clone()),
        _ => view.get_as::<Role>(namespace, &role.name).and_then(|r| r.rules.clone()),
    };
    rules.unwrap_or_default()
}

fn covers(rule: &PolicyRule, request: &Attributes) -> bool {
    let has = |list: Option<&[String]>, value: &str| list.into_iter().flatten().any(|v| v == "*" || v == value);
    has(Some(&rule.verbs), &request.verb)
        && has(rule.api_groups.as_deref(), &request.group)
        && has(rule.resources.as_deref(), &request.resource)
        && match rule.resource_names.as_deref() {
            None | Some([]) => true,
            Some(names) => names.contains(&request.name),
        }
}

impl Session<'_> {
    /// Refuses what the impersonated user may not do.
    ///
    /// # Errors
    /// `Forbidden` in the server's words.
    pub fn authorize(&self, verb: &str, kind: Kind, name: &str, all_namespaces: bool) -> Result<(), Fault> {
        let namespace = if kind.is_namespaced() && !all_namespaces { self.namespace.as_str() } else { "" };
        self.judge(verb, kind, kind.plural(), name, namespace)
    }

    /// The same for a part of an object, `pods/log`, in the session's namespace.
    ///
    /// # Errors
    /// `Forbidden` in the server's words.
    pub fn authorize_part(&self, verb: &str, kind: Kind, part: &str, name: &str) -> Result<(), Fault> {
        self.judge(verb, kind, &format!("{}/{part}", kind.plural()), name, &self.namespace)
    }

    fn judge(&self, verb: &str, kind: Kind, resource: &str, name: &str, namespace: &str) -> Result<(), Fault> {
        let Some(user) = &self.user else { return Ok(()) };
        let request = Attributes {
            verb: verb.into(),
            group: kind.group().into(),
            resource: resource.into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        if allowed(&self.cluster.view(), user, &request) {
            return Ok(());
        }
        let about = if name.is_empty() { kind.resource() } else { format!("{} {name:?}", kind.resource()) };
        let scope = match namespace {
            "" => "at the cluster scope".to_string(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let text = format!(
            "{about} is forbidden: User {user:?} cannot {verb} resource {resource:?} in API group {:?} {scope}",
            kind.group()
        );
        Err(ApiError::new(Reason::Forbidden, text).into())
    }
}
