//! From a resource's name to what the server offers under it: `pvc`, `statefulsets`, `deployment.apps`, `pods.v1.`.
//!
//! Mirrors `k8s.io/client-go/restmapper` (the shortcut expander, the category expander) and
//! `ParseResourceArg` of `k8s.io/apimachinery/pkg/runtime/schema`.

use crate::kubectl::print::errors::Fault;
use crate::server::served::{self, Served};

/// What a name stands for on a server of v1.`minor`; the first of several that share it.
pub fn find_kind(minor: u32, name: &str) -> Option<Served> {
    let lower = name.to_ascii_lowercase();
    let (resource, rest) = lower.split_once('.').unwrap_or((lower.as_str(), ""));
    let all = served::of_kinds(minor, |kind| kind.is_called(resource));
    let exactly = |served: &&Served| match rest {
        "" => true,
        // `pods.v1.` names a version of the core group.
        _ if rest.ends_with('.') => served.group.is_empty() && rest == format!("{}.", served.version),
        _ => {
            let versioned = rest.split_once('.').is_some_and(|(v, g)| (v, g) == (served.version, served.group));
            versioned || rest == served.group || rest == served.version && served.group.is_empty()
        }
    };
    let found = all.iter().find(exactly);
    // A group may be cut short: `deploy.app` is Deployment of apps.
    let begins = |served: &&Served| !rest.is_empty() && served.group.starts_with(rest);
    found.or_else(|| all.iter().find(begins)).copied()
}

/// The text for a type that the server doesn't have.
pub fn no_such_type(name: &str) -> Fault {
    let mut parts = name.splitn(3, '.');
    let (resource, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    Fault::plain(match (second, third) {
        (Some(version), Some(group))
            if version.starts_with('v') && version[1..].starts_with(|c: char| c.is_ascii_digit()) =>
        {
            format!("the server doesn't have a resource type {resource:?} in group {group:?} and version {version:?}")
        }
        (Some(_), _) => {
            let group = name.split_once('.').map(|(_, g)| g).unwrap_or_default();
            format!("the server doesn't have a resource type {resource:?} in group {group:?}")
        }
        _ => format!("the server doesn't have a resource type {resource:?}"),
    })
}

/// What a comma-separated list of names stands for; categories such as `all` stand for their members.
///
/// # Errors
/// When the server doesn't have one of them.
pub fn find_kinds(minor: u32, list: &str, categories: bool) -> Result<Vec<Served>, Fault> {
    let mut kinds: Vec<Served> = Vec::new();
    for name in list.split(',') {
        let members: Vec<Served> = match categories {
            true => members_of_category(minor, name),
            false => Vec::new(),
        };
        if members.is_empty() {
            kinds.push(find_kind(minor, name).ok_or_else(|| no_such_type(name))?);
        } else {
            kinds.extend(members);
        }
    }
    Ok(kinds)
}

/// The resources of a category in the order in which kubectl lists them.
fn members_of_category(minor: u32, name: &str) -> Vec<Served> {
    served::of_kinds(minor, |kind| kind.categories().contains(&name)).into_iter().filter(|r| r.preferred).collect()
}
