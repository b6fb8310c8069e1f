//! `get --raw`: the paths of the API that a browser would ask for.

use serde_json::{Value, json};

use crate::api::Kind;
use crate::error::{ApiError, Failure, Reason};
use crate::kubectl::print::output::{tree_of, tree_with_managers};
use crate::kubectl::session::Session;
use crate::printers::json::to_compact;

/// Prints what the server answers to a GET of that path.
///
/// # Errors
/// `NotFound` in the server's words.
pub fn run(path: &str, session: &Session<'_>) -> Result<(), Failure> {
    let path = path.split('?').next().unwrap_or(path);
    if let "/healthz" | "/livez" | "/readyz" = path {
        session.ui.out("ok");
        return Ok(());
    }
    let words: Vec<&str> = path.split('/').filter(|w| !w.is_empty()).collect();
    let answer = match words.as_slice() {
        ["version"] => {
            let minor = session.cluster.config().version;
            Some(
                json!({"major": "1", "minor": minor.to_string(), "gitVersion": format!("v1.{minor}.2"), "platform": "linux/amd64"}),
            )
        }
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        ["apis"] => Some(groups()),
        ["api", version, rest @ ..] => resource("", version, rest, session),
        ["apis", group, version, rest @ ..] => resource(group, version, rest, session),
        _ => None,
    };
    let answer =
        answer.ok_or_else(|| ApiError::new(Reason::NotFound, "the server could not find the requested resource"))?;
    session.ui.out(&format!("{}\n", to_compact(&answer)));
    Ok(())
}

fn groups() -> Value {
    let mut names: Vec<&str> = Kind::ALL.iter().map(|k| k.group()).filter(|g| !g.is_empty()).collect();
    names.dedup();
    let group = |name: &&str| {
        let version = Kind::ALL.iter().find(|k| k.group() == *name).map_or("v1", |k| k.version());
        let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
        json!({"name": name, "versions": [version], "preferredVersion": version})
    };
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": names.iter().map(group).collect::<Vec<_>>()})
}

/// A list of resources, of objects, or an object.
fn resource(group: &str, version: &str, rest: &[&str], session: &Session<'_>) -> Option<Value> {
    let served = |k: &&Kind| k.group() == group && k.version() == version;
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
        _ => (None, rest),
    };
    let [plural, name @ ..] = rest else {
        let resources: Vec<Value> = Kind::ALL.iter().filter(served).map(description).collect();
        let group_version = if group.is_empty() { version.to_string() } else { format!("{group}/{version}") };
        let list = json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": resources});
        return (!resources.is_empty()).then_some(list);
    };
    let kind = *Kind::ALL.iter().filter(served).find(|k| k.plural() == *plural)?;
    let view = session.cluster.view();
    let in_scope = |o: &&std::sync::Arc<crate::api::Object>| namespace.is_none_or(|n| o.namespace() == n);
    let tree = |object| tree_with_managers(session, object).unwrap_or_else(|_| tree_of(object));
    match name {
        [] => {
            let items: Vec<Value> = view.list(kind).filter(in_scope).map(tree).collect();
            let metadata = json!({"resourceVersion": session.cluster.revision().to_string()});
            Some(
                json!({"kind": format!("{}List", kind.name()), "apiVersion": kind.api_version(), "metadata": metadata, "items": items}),
            )
        }
        [name] => view.list(kind).filter(in_scope).find(|o| o.name() == *name).map(tree),
        _ => None,
    }
}

fn description(kind: &Kind) -> Value {
    json!({
        "name": kind.plural(),
        "singularName": kind.singular(),
        "namespaced": kind.is_namespaced(),
        "kind": kind.name(),
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "shortNames": kind.short_names(),
    })
}
