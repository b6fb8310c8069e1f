//! From a resource's name to what the server offers under it: `pvc`, `statefulsets`, `deployment.apps`, `pods.v1.`.
//!
//! Mirrors `k8s.io/client-go/restmapper` (the shortcut expander, the category expander), `DefaultRESTMapper` of
//! `k8s.io/apimachinery/pkg/api/meta` and `ParseResourceArg` of `k8s.io/apimachinery/pkg/runtime/schema`.

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::server::served::{self, Served, Serving};

/// What a name stands for on a server; the first of several that share it.
pub fn find_kind(serving: &Serving, name: &str) -> Option<Served> {
    let resource = name.split('.').next().unwrap_or_default();
    let lower = resource.to_ascii_lowercase();
    let all = served::of_kinds(serving, |kind| kind.is_called(resource) || kind.is_called(&lower));
    let mut parts = name.splitn(3, '.');
    let exactly = match (parts.next(), parts.next(), parts.next()) {
        (Some(resource), Some(version), Some(group)) => kind_for(&all, resource, version, group),
        _ => None,
    };
    exactly
        .or_else(|| {
            let (resource, group) = name.split_once('.').unwrap_or((name, ""));
            kind_for(&all, resource, "", group)
        })
        .or_else(|| of_kind(serving, name))
}

/// What a kind's name stands for, with its group, `Kind.group` or `kind.group`, and maybe a version between. Mirrors
/// `ParseKindArg` and the kinds in small letters that `NewDiscoveryRESTMapper` adds.
fn of_kind(serving: &Serving, name: &str) -> Option<Served> {
    let (kind, rest) = name.split_once('.').unwrap_or((name, ""));
    let is_it = |of: Kind| of.name() == kind || of.name().to_ascii_lowercase() == kind;
    let all = served::of_kinds(serving, is_it);
    let versioned = rest.split_once('.');
    let exactly = versioned.and_then(|(version, group)| all.iter().find(|s| (s.version, s.group) == (version, group)));
    exactly.or_else(|| all.iter().find(|served| served.group == rest)).copied()
}

/// Mirrors `KindsFor`: an empty version or group stands for any; a group may be cut short, `deploy.app`.
fn kind_for(all: &[Served], resource: &str, version: &str, group: &str) -> Option<Served> {
    let (resource, version, group) = expand_resource_shortcut(all, resource, version, group);
    let resource = resource.to_ascii_lowercase();
    let called = |served: &&Served| served.plural == resource || served.kind.singular() == resource;
    let found = |fits: &dyn Fn(&Served) -> bool| all.iter().filter(called).find(|served| fits(served)).copied();
    match (group, version) {
        ("", "") => found(&|_| true),
        ("", version) => found(&|served| served.version == version),
        (group, "") => {
            found(&|served| served.group == group).or_else(|| found(&|served| served.group.starts_with(group)))
        }
        (group, version) => found(&|served| served.group == group && served.version == version),
    }
}

/// A short name's resource, version and group. A short name makes kubectl forget the version that was asked for.
fn expand_resource_shortcut<'a>(
    all: &'a [Served],
    resource: &'a str,
    version: &'a str,
    group: &'a str,
) -> (&'a str, &'a str, &'a str) {
    let within = |served: &&Served| group.is_empty() || served.group == group;
    let is_whole = |served: &Served| served.plural == resource || served.kind.singular() == resource;
    if all.iter().filter(within).any(is_whole) {
        return (resource, version, group);
    }
    let is_short = |served: &&Served| served.short.contains(&resource);
    if let Some(found) = all.iter().filter(within).find(is_short) {
        return (found.plural, "", found.group);
    }
    let begins = |served: &&Served| !group.is_empty() && served.group.starts_with(group);
    match all.iter().filter(begins).find(is_short) {
        Some(found) => (found.plural, version, found.group),
        None => (resource, version, group),
    }
}

/// The text for a type that the server doesn't have, where the mapper's own words are printed. Mirrors
/// `NoResourceMatchError` in `checkErr`, which puts no `error: ` before it.
pub fn no_such_type(name: &str) -> Failure {
    let mut parts = name.splitn(3, '.');
    let (resource, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    Failure::raw(match (second, third) {
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

/// What kubectl warns of where a short name stands for several resources: those that come after the first.
pub fn ambiguities(serving: &Serving, name: &str) -> Vec<String> {
    let (resource, group) = name.split_once('.').unwrap_or((name, ""));
    let all = served::of_kinds(serving, |kind| kind.is_called(resource));
    if all.iter().any(|served| served.plural == resource || served.kind.singular() == resource) {
        return Vec::new();
    }
    let mut called: Vec<String> = Vec::new();
    for served in all.iter().filter(|served| group.is_empty() || served.group == group) {
        let other = served.resource();
        if served.short.contains(&resource) && !called.contains(&other) {
            called.push(other);
        }
    }
    let warned = |other: &String| format!("short name {resource:?} could also match lower priority resource {other}");
    called.iter().skip(1).map(warned).collect()
}

/// What a name of an argument stands for. Mirrors `mappingFor`, whose text names no group.
///
/// # Errors
/// When the server doesn't have it.
pub fn mapping_for(session: &Session<'_>, name: &str) -> Result<Served, Fault> {
    let serving = &session.client.serving();
    session.client.warn(ambiguities(serving, name));
    let resource = name.split('.').next().unwrap_or_default();
    find_kind(serving, name)
        .ok_or_else(|| Fault::plain(format!("the server doesn't have a resource type {resource:?}")))
}

/// The names of a comma-separated list, categories such as `all` by those of their members. Mirrors `ReplaceAliases`.
pub fn replace_aliases(serving: &Serving, list: &str) -> Vec<String> {
    let mut names = Vec::new();
    for name in list.split(',') {
        let members = served::of_kinds(serving, |kind| kind.categories().contains(&name));
        let before = names.len();
        names.extend(members.iter().filter(|r| r.preferred).map(Served::resource));
        if names.len() == before {
            names.push(name.to_string());
        }
    }
    names
}
