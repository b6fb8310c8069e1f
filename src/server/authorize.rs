//! Who may do what: RBAC, for a user that is impersonated with `--as`. Without it the user is the cluster's admin.
//!
//! Mirrors `plugin/pkg/auth/authorizer/rbac`.

use std::collections::BTreeSet;

use crate::api::k8s::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use crate::api::user::User;
use crate::api::{Kind, Lister, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
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

/// The rules that bindings give a user in a namespace (`""`: the whole cluster).
pub fn rules_for(view: &View<'_>, user: &User, namespace: &str) -> Vec<PolicyRule> {
    let of_user = |subjects: Option<&[Subject]>| names(subjects, &user.name, &user.groups, namespace);
    let everywhere = view.list_as::<ClusterRoleBinding>().filter(|b| of_user(b.subjects.as_deref()));
    let mut rules: Vec<PolicyRule> = everywhere.flat_map(|b| rules_of(view, &b.role_ref, "")).collect();
    if !namespace.is_empty() {
        let here = Lister::list(view, Kind::RoleBinding, Some(namespace));
        for binding in here.iter().filter_map(|o| o.get::<RoleBinding>()) {
            if of_user(binding.subjects.as_deref()) {
                rules.extend(rules_of(view, &binding.role_ref, namespace));
            }
        }
    }
    rules
}

/// The rules of the cluster's admin, who kubectl is without `--as`.
pub fn rules_of_kubectl(view: &View<'_>, namespace: &str) -> Vec<PolicyRule> {
    rules_for(view, &User::impersonated("kubernetes-admin", &["system:masters".to_string()]), namespace)
}

/// Whether a user may do that.
pub fn allowed(view: &View<'_>, user: &User, request: &Attributes) -> bool {
    rules_for(view, user, &request.namespace).iter().any(|rule| covers(rule, request))
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
    if !has(Some(&rule.verbs), &request.verb) {
        return false;
    }
    if request.resource.starts_with('/') {
        let covered = |url: &String| match url.strip_suffix('*') {
            Some(start) => request.resource.starts_with(start),
            None => *url == request.resource,
        };
        return rule.non_resource_urls.iter().flatten().any(covered);
    }
    let subresource = request.resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    let resources = rule.resources.as_deref();
    has(rule.api_groups.as_deref(), &request.group)
        && (has(resources, &request.resource) || subresource.is_some_and(|sub| has(resources, &sub)))
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
        self.judge(verb, kind, kind.plural(), name, namespace).map_err(Fault::from)
    }

    /// The same for a part of an object, `pods/log`, in the session's namespace.
    ///
    /// # Errors
    /// `Forbidden` in the server's words.
    pub fn authorize_part(&self, verb: &str, kind: Kind, part: &str, name: &str) -> Result<(), Fault> {
        let resource = format!("{}/{part}", kind.plural());
        self.judge(verb, kind, &resource, name, &self.namespace).map_err(Fault::from)
    }

    /// The same for a request about one object. A creation names none.
    ///
    /// # Errors
    /// `Forbidden` in the server's words.
    pub fn authorize_on(&self, verb: &str, key: &ObjectKey) -> Result<(), ApiError> {
        let name = if verb == "create" { "" } else { key.name.as_str() };
        self.judge(verb, key.kind, key.kind.plural(), name, &key.namespace)
    }

    fn judge(&self, verb: &str, kind: Kind, resource: &str, name: &str, namespace: &str) -> Result<(), ApiError> {
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
            "{about} is forbidden: User {:?} cannot {verb} resource {resource:?} in API group {:?} {scope}",
            user.name,
            kind.group()
        );
        Err(ApiError::new(Reason::Forbidden, text))
    }
}
