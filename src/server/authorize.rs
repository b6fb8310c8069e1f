//! Who may make a request, and who may act as whom.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/filters` (WithAuthorization, WithImpersonation).

use crate::api::request::{By, Request, Target, Verb};
use crate::api::selector::FieldSelector;
use crate::api::user::User;
use crate::error::{ApiError, Reason};
use crate::kinds::rbac::authorizer::{Attributes, allowed, rules_for};
use crate::store::View;

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
                // A namespace lies within itself. Mirrors `RequestInfoFactory.NewRequestInfo`.
                namespace: match (r.group.as_str(), r.plural.as_str()) {
                    ("", "namespaces") => r.name.clone(),
                    _ => r.namespace.clone(),
                },
                name: if r.name.is_empty() { selected_name(&request.verb) } else { r.name.clone() },
                path: String::new(),
            },
        }
    }
}

fn selected_name(verb: &Verb) -> String {
    let options = match verb {
        Verb::List(options) | Verb::Watch(options) => options,
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
        rules_for(view, user, namespace).faults().map(|fault| format!(": RBAC: {fault}")).unwrap_or_default(),
    );
    Err(ApiError { name: name.clone(), ..ApiError::new(Reason::Forbidden, text) })
}
