//! From a path with its query to a request, and back.
//!
//! Mirrors `RequestInfoFactory.NewRequestInfo` of `k8s.io/apiserver/pkg/endpoints/request`.

use serde_json::Value;

use crate::api::Time;
use crate::api::request::{
    Connect, DeleteOptions, FieldValidation, ListOptions, LogOptions, PatchOptions, Propagation, Resource, Target,
    Verb, WriteOptions,
};
use crate::api::scalar::{path_unescape, query_escape, query_unescape};
use crate::error::{ApiError, FieldError, Reason};

/// What a request asks for, by its method (`GET`, `POST`, `PUT` or `DELETE`), its path with its query, and its body. A
/// body that is no JSON stays a text, so that who decodes it can say so.
///
/// # Errors
/// `BadRequest` for a path with an escape that is none.
pub fn request(method: &str, url: &str, body: &str) -> Result<(Target, Verb), ApiError> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path = path_unescape(path)
        .map_err(|_| ApiError::new(Reason::BadRequest, "the server rejected our request for an unknown reason"))?;
    let query = Query::parse(query);
    let tree = || serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_string()));
    let target = match resource(&path) {
        Some(resource) => Target::Resource(resource),
        None => Target::Path(path),
    };
    let verb = match (method, &target) {
        ("POST", _) => Verb::Create(query.write_options(), tree()),
        ("PUT", _) => Verb::Update(query.write_options(), tree()),
        ("DELETE", Target::Resource(resource)) if resource.name.is_empty() => {
            Verb::DeleteCollection(query.delete_options(body), query.list_options())
        }
        ("DELETE", _) => Verb::Delete(query.delete_options(body)),
        (_, Target::Resource(resource)) if resource.name.is_empty() => match query.is("watch") {
            true => Verb::Watch(query.list_options()),
            false => Verb::List(query.list_options()),
        },
        (_, Target::Resource(resource)) if resource.plural == "pods" && resource.subresource == "log" => {
            Verb::Connect(Connect::Log(query.log_options()))
        }
        _ => Verb::Get,
    };
    Ok((target, verb))
}

/// The resource of a path without escapes; none for a path that is no resource's.
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

/// The parameters behind a path.
struct Query(Vec<(String, String)>);

impl Query {
    /// Mirrors Go's `url.ParseQuery`: what can't be read is left out.
    fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';'));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            query_unescape(name).ok().zip(query_unescape(value).ok())
        };
        Query(pairs.filter_map(pair).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_string()
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    fn is(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "true" | "True" | "TRUE" | "t" | "T"))
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    fn list_options(&self) -> ListOptions {
        ListOptions {
            label_selector: self.text("labelSelector"),
            field_selector: self.text("fieldSelector"),
            limit: self.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(0),
            continue_at: self.text("continue"),
            resource_version: self.text("resourceVersion"),
        }
    }

    fn write_options(&self) -> WriteOptions {
        let mut faults = Vec::new();
        let dry_run = dry_run(&self.all("dryRun"), &mut faults);
        let field_validation = match self.get("fieldValidation").unwrap_or_default() {
            "Strict" => FieldValidation::Strict,
            "Ignore" => FieldValidation::Ignore,
            "" | "Warn" => FieldValidation::Warn,
            other => {
                let known = ["", "Ignore", "Strict", "Warn"];
                faults.push(FieldError::not_supported("fieldValidation", other, &known));
                FieldValidation::Warn
            }
        };
        WriteOptions { dry_run, field_manager: self.text("fieldManager"), field_validation, faults }
    }

    /// What the query or the body, a `DeleteOptions`, asks for; the body counts if there is one.
    fn delete_options(&self, body: &str) -> DeleteOptions {
        let tree: Value = serde_json::from_str(body).unwrap_or_default();
        let mut faults = Vec::new();
        if !tree.is_object() {
            return DeleteOptions {
                grace_period: self.number("gracePeriodSeconds"),
                propagation: propagation(self.get("propagationPolicy"), &mut faults),
                dry_run: dry_run(&self.all("dryRun"), &mut faults),
                faults,
                ..DeleteOptions::default()
            };
        }
        let precondition = |name: &str| tree["preconditions"][name].as_str().map(String::from);
        let said: Vec<&str> = tree["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        DeleteOptions {
            grace_period: tree["gracePeriodSeconds"].as_i64(),
            propagation: propagation(tree["propagationPolicy"].as_str(), &mut faults),
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            dry_run: dry_run(&said, &mut faults),
            faults,
        }
    }

    fn log_options(&self) -> LogOptions {
        LogOptions {
            container: self.text("container"),
            follow: self.is("follow"),
            previous: self.is("previous"),
            limit_bytes: self.number("limitBytes").unwrap_or(0),
            since_seconds: self.number("sinceSeconds"),
            since_time: self.get("sinceTime").and_then(Time::parse_rfc3339),
            tail_lines: self.number("tailLines"),
            timestamps: self.is("timestamps"),
        }
    }
}

/// Mirrors `ValidateDryRun`.
fn dry_run(said: &[&str], faults: &mut Vec<FieldError>) -> bool {
    if said.iter().any(|word| *word != "All") {
        faults.push(FieldError::not_supported("dryRun", said, &["All"]));
    }
    !said.is_empty()
}

/// Mirrors `ValidateDeleteOptions`.
fn propagation(said: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Propagation> {
    match said? {
        "Foreground" => Some(Propagation::Foreground),
        "Background" => Some(Propagation::Background),
        "Orphan" => Some(Propagation::Orphan),
        other => {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            faults.push(FieldError::not_supported_in_order("propagationPolicy", other, &known));
            None
        }
    }
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
