//! Reads what an HTTP request asks for: its path, query, headers and body.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/request` (RequestInfo) and `filters/impersonation.go`.

use std::collections::BTreeMap;

use super::{http, is_upgrade, protobuf};
use crate::api::request::{
    Connect, ListOptions, PatchOptions, PatchType, Resource, StreamOptions, Target, Verb, WriteOptions,
};
use crate::api::scalar::{path_unescape, query_unescape};
use crate::api::user::User;
use crate::api::{Kind, schema};
use crate::error::{ApiError, Reason};
use crate::manifest::yaml;
use crate::server::{method_not_allowed, request_info};

/// The media types in which objects are taken.
const BODIES: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// The resource that a request is about.
pub(super) fn resource(http: &http::Request) -> Resource {
    request_info::resource(&http.path()).unwrap_or_default()
}

/// Whether a path asks how the server is.
pub(super) fn is_health(path: &str) -> bool {
    matches!(path.split('/').nth(1), Some("healthz" | "livez" | "readyz"))
}

/// Whether a request reads objects and not parts of them.
pub(super) fn is_whole(target: &Target, verb: &Verb) -> bool {
    let Target::Resource(resource) = target else { return false };
    // OBSERVATION: a node's heartbeats are worked out after its owners.
    let beats = matches!(resource.plural.as_str(), "nodes" | "leases");
    matches!(verb, Verb::Get | Verb::List(_)) && resource.subresource.is_empty() && !beats
}

/// What a request asks for.
///
/// # Errors
/// `UnsupportedMediaType` for a body in an unknown form, `MethodNotAllowed` for a method that there is not.
pub(super) fn request(http: &http::Request) -> Result<(Target, Verb), ApiError> {
    let (target, old_watch) = without_watch(&http.target);
    match http.method.as_str() {
        "GET" | "POST" if is_upgrade(http) => {
            let (target, _) = request_info::request("GET", &target, "")?;
            if let Some(connect) = connection(&target, http) {
                upgradable(http)?;
                return Ok((target, Verb::Connect(connect)));
            }
            request_info::request("GET", &http.target, "")
        }
        "GET" | "HEAD" => {
            let (mut about, verb) = request_info::request("GET", &target, "")?;
            match (old_watch, verb) {
                (true, Verb::List(options)) => Ok((about, Verb::Watch(options))),
                (true, Verb::Get) => {
                    let Target::Resource(resource) = &mut about else { return Ok((about, Verb::Get)) };
                    let name = std::mem::take(&mut resource.name);
                    let field_selector = format!("metadata.name={name}");
                    let resource_version = http.parameter("resourceVersion").unwrap_or_default();
                    let options = ListOptions { field_selector, resource_version, ..ListOptions::default() };
                    Ok((about, Verb::Watch(options)))
                }
                (_, verb) => Ok((about, verb)),
            }
        }
        "POST" | "PUT" => request_info::request(&http.method, &target, &json_body(http)?),
        "DELETE" => request_info::request("DELETE", &target, &json_body(http)?),
        "PATCH" => patch(http, &target),
        _ => Err(method_not_allowed()),
    }
}

/// A target without the `watch` that old clients put into the path, and whether it was there.
fn without_watch(target: &str) -> (String, bool) {
    let words: Vec<&str> = target.splitn(6, '/').collect();
    match words.as_slice() {
        ["", "api", version, "watch", rest @ ..] => (format!("/api/{version}/{}", rest.join("/")), true),
        ["", "apis", group, version, "watch", rest @ ..] => {
            (format!("/apis/{group}/{version}/{}", rest.join("/")), true)
        }
        _ => (target.to_string(), false),
    }
}

/// The body as JSON, whatever form it came in.
fn json_body(http: &http::Request) -> Result<String, ApiError> {
    let body = String::from_utf8_lossy(&http.body).into_owned();
    if body.trim().is_empty() {
        return Ok(body);
    }
    match media(http).as_str() {
        "" | "application/json" | "*/*" => Ok(body),
        "application/yaml" => match yaml::to_json(&body) {
            Ok(tree) => Ok(tree.to_string()),
            Err(_) => Ok(body),
        },
        PROTOBUF => {
            let bad = |text: String| ApiError::new(Reason::BadRequest, text);
            let mut tree = protobuf::decode(&http.body).map_err(bad)?;
            let (version, kind) = (tree["apiVersion"].as_str().unwrap_or_default(), tree["kind"].as_str());
            if let Some(kind) = Kind::from_gvk(version, kind.unwrap_or_default()) {
                protobuf::drop_empty(&mut tree, schema::of(kind));
            }
            Ok(tree.to_string())
        }
        _ => Err(ApiError::new(
            Reason::UnsupportedMediaType,
            format!("the body of the request was in an unknown format - accepted media types include: {BODIES}"),
        )),
    }
}

/// The media type of protobuf.
pub(super) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

fn media(http: &http::Request) -> String {
    let header = http.headers.get("Content-Type").unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn patch(http: &http::Request, target: &str) -> Result<(Target, Verb), ApiError> {
    let (about, write) = match request_info::request("PUT", target, "{}")? {
        (about, Verb::Update(write, _)) => (about, write),
        (about, _) => (about, WriteOptions::default()),
    };
    let media = media(http);
    let forms = [PatchType::Strategic, PatchType::Merge, PatchType::Json, PatchType::Apply];
    let Some(form) = forms.into_iter().find(|form| form.media_type() == media) else {
        return Err(ApiError::new(Reason::UnsupportedMediaType, "415: Unsupported Media Type"));
    };
    let force = http.parameter("force").as_deref() == Some("true");
    let body = String::from_utf8_lossy(&http.body).into_owned();
    Ok((about, Verb::Patch(PatchOptions { write, force }, form, body)))
}

/// The connection to a part of a pod that is asked for.
fn connection(target: &Target, http: &http::Request) -> Option<Connect> {
    let Target::Resource(resource) = target else { return None };
    if resource.plural != "pods" {
        return None;
    }
    let all = |name: &str| {
        let pairs = http.query().split('&').filter_map(|pair| pair.split_once('='));
        let named = pairs.filter(|(n, _)| *n == name).filter_map(|(_, v)| query_unescape(v).ok());
        named.collect::<Vec<String>>()
    };
    let is = |name: &str| matches!(all(name).first().map(String::as_str), Some("true" | "1" | "True"));
    let streams = || StreamOptions {
        container: all("container").first().cloned().unwrap_or_default(),
        stdin: is("stdin"),
        tty: is("tty"),
    };
    match resource.subresource.as_str() {
        "exec" => Some(Connect::Exec(streams(), all("command"))),
        "attach" => Some(Connect::Attach(streams())),
        "portforward" => {
            let ports = all("ports");
            Some(Connect::PortForward(ports.iter().flat_map(|p| p.split(',')).filter_map(|p| p.parse().ok()).collect()))
        }
        _ => None,
    }
}

/// Refuses to speak what is not spoken here, so that the client tries something else.
fn upgradable(http: &http::Request) -> Result<(), ApiError> {
    let to = http.headers.get("Upgrade").unwrap_or_default();
    if to.eq_ignore_ascii_case("websocket") || to.eq_ignore_ascii_case("SPDY/3.1") {
        return Ok(());
    }
    let text = format!(
        "unable to upgrade: {to:?} is not spoken here; SPDY/3.1 is, and WebSocket with v5.channel.k8s.io or v4.channel.k8s.io"
    );
    Err(ApiError::new(Reason::BadRequest, text))
}

/// As whom a client wants to be taken. Mirrors `buildImpersonationRequests`.
///
/// # Errors
/// `Unknown` for groups or more without a user.
pub(super) fn impersonated(http: &http::Request) -> Result<Option<User>, ApiError> {
    let all = |name: &str| {
        let of = http.headers.0.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        of.map(|(_, v)| v.clone()).collect::<Vec<String>>()
    };
    let name = all("Impersonate-User").into_iter().next().unwrap_or_default();
    let groups = all("Impersonate-Group");
    let uid = all("Impersonate-Uid").into_iter().next().unwrap_or_default();
    const EXTRA: &str = "impersonate-extra-";
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &http.headers.0 {
        if let Some(key) = name.to_ascii_lowercase().strip_prefix(EXTRA) {
            let key = path_unescape(key).unwrap_or_else(|_| key.to_string());
            extra.entry(key).or_default().push(value.clone());
        }
    }
    if name.is_empty() {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(None);
        }
        let text = "requested impersonation of groups or extra without impersonating a user";
        return Err(ApiError::internal(text));
    }
    let mut user = User::impersonated(&name, &uid, &groups);
    user.extra = extra;
    Ok(Some(user))
}
