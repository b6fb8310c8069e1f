//! From a path with its query to a request, and back.
//!
//! Mirrors `RequestInfoFactory.NewRequestInfo` of `k8s.io/apiserver/pkg/endpoints/request`.

use crate::api::request::{Connect, ListOptions, PatchOptions, Resource, Target, Verb, WriteOptions};
use crate::api::scalar::query_escape;

/// What a GET of a path with its query asks for.
pub fn get(url: &str) -> (Target, Verb) {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let Some(resource) = resource(path) else { return (Target::Path(path.to_string()), Verb::Get) };
    let verb = match resource.name.is_empty() {
        true => Verb::List(list_options(query)),
        false => Verb::Get,
    };
    (Target::Resource(resource), verb)
}

/// The resource of a path; none for a path that is no resource's.
pub fn resource(path: &str) -> Option<Resource> {
    let words: Vec<&str> = path.split('/').filter(|w| !w.is_empty()).collect();
    let (group, version, rest) = match words.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        // `namespaces/x` and its parts are about the namespace itself.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        _ => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, "", String::new()),
        [plural, name] => (*plural, *name, String::new()),
        // What follows is a path of whatever is behind it.
        [plural, name, "proxy", ..] => (*plural, *name, "proxy".into()),
        [plural, name, parts @ ..] => (*plural, *name, parts.join("/")),
        [] => return None,
    };
    Some(Resource {
        group: group.into(),
        version: version.into(),
        plural: plural.into(),
        namespace: namespace.into(),
        name: name.into(),
        subresource,
    })
}

/// The options of a list or watch.
fn list_options(query: &str) -> ListOptions {
    let mut options = ListOptions::default();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let value = unescape(value);
        match name {
            "labelSelector" => options.label_selector = value,
            "fieldSelector" => options.field_selector = value,
            "limit" => options.limit = value.parse().unwrap_or(0),
            "continue" => options.continue_at = value,
            "resourceVersion" => options.resource_version = value,
            _ => {}
        }
    }
    options
}

/// Mirrors Go's `url.QueryUnescape`; what is no escape stays as it is.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = std::str::from_utf8(after.get(..2).unwrap_or_default()).unwrap_or_default();
        match (first, u8::from_str_radix(hex, 16)) {
            (b'%', Ok(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The path and query under which a request goes over the wire; parameters stand in the order of their names.
pub fn url(target: &Target, verb: &Verb) -> String {
    let path = match target {
        Target::Path(path) => return path.clone(),
        Target::Resource(resource) => resource.path(),
    };
    let mut query: Vec<(&str, String)> = match verb {
        Verb::Get | Verb::Delete(_) => Vec::new(),
        Verb::List(options) | Verb::DeleteCollection(_, options) => list_query(options),
        Verb::Watch(options) => {
            let mut query = list_query(options);
            query.push(("watch", "true".into()));
            query
        }
        Verb::Create(options, _) | Verb::Update(options, _) => write_query(options),
        Verb::Patch(options, ..) => patch_query(options),
        Verb::Connect(connect) => connect_query(connect),
    };
    query.sort_by_key(|(name, _)| *name);
    let query: Vec<String> =
        query.into_iter().map(|(name, value)| format!("{name}={}", query_escape(&value))).collect();
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

fn given(name: &'static str, value: &str) -> Option<(&'static str, String)> {
    (!value.is_empty()).then(|| (name, value.to_string()))
}

fn list_query(options: &ListOptions) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    query.extend(given("continue", &options.continue_at));
    query.extend(given("fieldSelector", &options.field_selector));
    query.extend(given("labelSelector", &options.label_selector));
    query.extend((options.limit > 0).then(|| ("limit", options.limit.to_string())));
    query.extend(given("resourceVersion", &options.resource_version));
    query
}

fn write_query(options: &WriteOptions) -> Vec<(&'static str, String)> {
    use crate::api::request::FieldValidation::{Ignore, Strict, Warn};
    let validation = match options.field_validation {
        Strict => "Strict",
        Warn => "Warn",
        Ignore => "Ignore",
    };
    let mut query = Vec::new();
    query.extend(options.dry_run.then(|| ("dryRun", "All".to_string())));
    query.extend(given("fieldManager", &options.field_manager));
    query.push(("fieldValidation", validation.to_string()));
    query
}

fn patch_query(options: &PatchOptions) -> Vec<(&'static str, String)> {
    let mut query = write_query(&options.write);
    query.extend(options.force.then(|| ("force", "true".to_string())));
    query
}

fn connect_query(connect: &Connect) -> Vec<(&'static str, String)> {
    let text = |yes: bool| yes.to_string();
    match connect {
        Connect::Log(options) => {
            let mut query = Vec::new();
            query.extend(given("container", &options.container));
            query.extend(options.follow.then(|| ("follow", text(true))));
            query.extend((options.limit_bytes != 0).then(|| ("limitBytes", options.limit_bytes.to_string())));
            query.extend(options.previous.then(|| ("previous", text(true))));
            query.extend(options.since_seconds.map(|seconds| ("sinceSeconds", seconds.to_string())));
            query.extend(options.since_time.map(|time| ("sinceTime", time.rfc3339())));
            query.extend(options.tail_lines.map(|lines| ("tailLines", lines.to_string())));
            query.extend(options.timestamps.then(|| ("timestamps", text(true))));
            query
        }
        Connect::Exec(options, command) => {
            let mut query: Vec<_> = command.iter().map(|word| ("command", word.clone())).collect();
            query.extend(streams(options));
            query
        }
        Connect::Attach(options) => streams(options),
        Connect::PortForward(ports) => ports.iter().map(|port| ("ports", port.to_string())).collect(),
    }
}

fn streams(options: &crate::api::request::StreamOptions) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    query.extend(given("container", &options.container));
    query.extend(options.stdin.then(|| ("stdin", "true".to_string())));
    query.push(("stdout", "true".into()));
    query.extend((!options.tty).then(|| ("stderr", "true".to_string())));
    query.extend(options.tty.then(|| ("tty", "true".to_string())));
    query
}
