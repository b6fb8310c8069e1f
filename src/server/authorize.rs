//! Who may do what: RBAC, and who may act as whom.
//!
//! Mirrors `plugin/pkg/auth/authorizer/rbac` and `k8s.io/apiserver/pkg/endpoints/filters` (WithAuthorization,
//! WithImpersonation).

use crate::api::k8s::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use crate::api::request::{By, Request, Target, Verb};
use crate::api::selector::FieldSelector;
use crate::api::user::User;
use crate::api::{Kind, Lister};
use crate::error::{ApiError, Reason};
use crate::store::View;

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
    /// What a request has to be judged by. A list or watch that a field selector restricts to one name is about it.
    pub fn of(request: &Request) -> Attributes {
        let verb = request.verb.as_str().to_string();
        match &request.target {
            Target::Path(path) => Attributes { verb, path: path.clone(), ..Attributes::default() },
            Target::Resource(r) => Attributes {
                verb,
                group: r.group.clone(),
                resource: r.plural.clone(),
                subresource: r.subresource.clone(),
                namespace: r.namespace.clone(),
                name: if r.name.is_empty() { selected_name(&request.verb) } else { r.name.clone() },
                path: String::new(),
            },
        }
    }

    /// `pods/log`, as rules name it.
    fn whole_resource(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            part => format!("{}/{part}", self.resource),
        }
    }
}

fn selected_name(verb: &Verb) -> String {
    let options = match verb {
        Verb::List(options) | Verb::Watch(options) | Verb::DeleteCollection(_, options) => options,
        _ => return String::new(),
    };
    let selector = FieldSelector::parse(&options.field_selector).unwrap_or_default();
    let named = selector.terms.into_iter().find(|t| t.field == "metadata.name" && !t.negated);
    named.map(|t| t.value).unwrap_or_default()
}

/// As whom a request counts: the user who sent it, or the one that they may act as.
///
/// # Errors
/// `Forbidden` for who may not.
pub fn authenticate(view: &View<'_>, request: &Request) -> Result<By, ApiError> {
    let Some(user) = &request.impersonate else { return Ok(request.by.clone()) };
    let account = user.name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let about = |group: &str, resource: &str, namespace: &str, name: &str| Attributes {
        verb: "impersonate".into(),
        group: group.into(),
        resource: resource.into(),
        namespace: namespace.into(),
        name: name.into(),
        ..Attributes::default()
    };
    let mut needed = vec![match account {
        Some((namespace, name)) => about("", "serviceaccounts", namespace, name),
        None => about("", "users", "", &user.name),
    }];
    if !user.uid.is_empty() {
        needed.push(about("authentication.k8s.io", "uids", "", &user.uid));
    }
    // The groups that come with the name need no right of their own.
    let implied = User::impersonated(&user.name, "", &[]).groups;
    needed.extend(user.groups.difference(&implied).map(|group| about("", "groups", "", group)));
    for (key, values) in &user.extra {
        let extra =
            |value| Attributes { subresource: key.clone(), ..about("authentication.k8s.io", "userextras", "", value) };
        needed.extend(values.iter().map(|value| extra(value)));
    }
    for attributes in &needed {
        authorize(view, &request.by.user, attributes)?;
    }
    Ok(By { user: user.clone(), agent: request.by.agent.clone() })
}

/// Refuses what a user may not do.
///
/// # Errors
/// `Forbidden` in the server's words.
pub fn authorize(view: &View<'_>, user: &User, attributes: &Attributes) -> Result<(), ApiError> {
    if allowed(view, user, attributes) {
        return Ok(());
    }
    let Attributes { verb, group, namespace, name, path, .. } = attributes;
    if !path.is_empty() {
        let text = format!("forbidden: User {:?} cannot {verb} path {path:?}", user.name);
        return Err(ApiError::new(Reason::Forbidden, text));
    }
    let about = match group.as_str() {
        "" => attributes.resource.clone(),
        group => format!("{}.{group}", attributes.resource),
    };
    let about = if name.is_empty() { about } else { format!("{about} {name:?}") };
    let scope = match namespace.as_str() {
        "" => "at the cluster scope".to_string(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    let text = format!(
        "{about} is forbidden: User {:?} cannot {verb} resource {:?} in API group {group:?} {scope}{}",
        user.name,
        attributes.whole_resource(),
        reason(&rules_for(view, user, namespace).missing),
    );
    Err(ApiError { name: name.clone(), ..ApiError::new(Reason::Forbidden, text) })
}

/// Whether a user may do that.
pub fn allowed(view: &View<'_>, user: &User, attributes: &Attributes) -> bool {
    user.is_privileged()
        || rules_for(view, user, &attributes.namespace).rules.iter().any(|rule| covers(rule, attributes))
}

/// What was wrong with the bindings that were looked at, as it ends a refusal.
fn reason(missing: &[String]) -> String {
    match missing {
        [] => String::new(),
        [one] => format!(": RBAC: {one}"),
        many => format!(": RBAC: [{}]", many.join(", ")),
    }
}

/// What bindings give a user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// The rules, in the order of the bindings.
    pub rules: Vec<PolicyRule>,
    /// What is said of roles that bindings name and that are not there.
    pub missing: Vec<String>,
}

impl Rules {
    fn add(&mut self, view: &View<'_>, role: &RoleRef, namespace: &str) {
        let found = match role.kind.as_str() {
            "ClusterRole" => view.get_as::<ClusterRole>("", &role.name).map(|r| r.rules.clone()),
            _ => view.get_as::<Role>(namespace, &role.name).map(|r| r.rules.clone()),
        };
        match found {
            Some(rules) => self.rules.extend(rules.unwrap_or_default()),
            None => {
                let kind = role.kind.to_ascii_lowercase();
                self.missing.push(format!("{kind}.rbac.authorization.k8s.io {:?} not found", role.name));
            }
        }
    }
}

/// The rules that bindings give a user in a namespace (`""`: the whole cluster). Mirrors `VisitRulesFor`.
pub fn rules_for(view: &View<'_>, user: &User, namespace: &str) -> Rules {
    let mut rules = Rules::default();
    for binding in view.list_as::<ClusterRoleBinding>().filter(|b| names(b.subjects.as_deref(), user, namespace)) {
        rules.add(view, &binding.role_ref, "");
    }
    if !namespace.is_empty() {
        let here = Lister::list(view, Kind::RoleBinding, Some(namespace));
        for binding in here.iter().filter_map(|o| o.get::<RoleBinding>()) {
            if names(binding.subjects.as_deref(), user, namespace) {
                rules.add(view, &binding.role_ref, namespace);
            }
        }
    }
    rules
}

fn names(subjects: Option<&[Subject]>, user: &User, namespace: &str) -> bool {
    subjects.into_iter().flatten().any(|s| match s.kind.as_str() {
        "User" => s.name == user.name,
        "Group" => user.groups.contains(&s.name),
        "ServiceAccount" => {
            let of = s.namespace.as_deref().unwrap_or(namespace);
            user.name == format!("system:serviceaccount:{of}:{}", s.name)
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
