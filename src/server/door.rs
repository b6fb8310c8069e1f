//! The API server's door for pods: HTTP with the token of a service account, answered by the same `handle`.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/filters` (WithAuthentication) with the authenticator of service accounts'
//! tokens, and `responsewriters` (what is written pretty for curl). k3s lets nobody in without a token
//! (`--anonymous-auth=false`).

use base64::Engine as _;
use serde_json::Value;

use super::{Reply, Response, Server, code, encode, request_info, status};
use crate::api::k8s::api::core::v1::{Pod, ServiceAccount};
use crate::api::names::Draw;
use crate::api::request::{
    Accept, By, Connect, Form, LogOptions, PatchOptions, PatchType, Request, Resource, Target, Verb, WriteOptions,
};
use crate::api::user::User;
use crate::api::{Kind, schema};
use crate::error::{ApiError, Reason};
use crate::machine::net::http;
use crate::printers::json::{to_compact, to_compact_in, to_indented_in};
use crate::sim::Cluster;

/// The name in a token of who is asked, and by whom it was given.
const SUBJECT: &str = "system:serviceaccount:";

/// Answers a pod's request.
pub(super) fn answer(cluster: &mut Cluster, request: &http::Request) -> http::Response {
    // The server owns its cluster: for the time of the answer another stands in its place.
    let Ok(stand_in) = Cluster::stand_in(cluster.config()) else {
        return http::Response::new(500, "Internal Server Error");
    };
    let mut server = Server::over(std::mem::replace(cluster, stand_in));
    let answer = respond(&mut server, request);
    *cluster = server.cluster;
    answer
}

fn respond(server: &mut Server, request: &http::Request) -> http::Response {
    let agent = request.headers.get("User-Agent").unwrap_or_default().to_string();
    let wants = request.parameter("pretty");
    let for_people = ["curl", "Wget", "Mozilla/5.0"].iter().any(|known| agent.starts_with(known));
    let pretty = match wants.as_deref() {
        Some(text) => matches!(text, "true" | "1"),
        None => for_people,
    };
    let resource = request_info::resource(&request.path()).unwrap_or_default();
    let outcome = authenticate(server, request).and_then(|user| {
        let by = By::client(user, agent.split('/').next().unwrap_or_default());
        let (target, verb) = asked(request)?;
        let made = matches!(&verb, Verb::Create(..)) && resource.subresource.is_empty();
        let accept = Accept { form: Form::Object, managed_fields: true };
        if let Verb::Watch(options) = verb {
            let from_the_start = matches!(options.resource_version.as_str(), "" | "0");
            let request = Request { by, impersonate: None, verb: Verb::List(options), target, accept };
            let Response { outcome, .. } = server.handle(&request);
            let lines = outcome.map(|reply| if from_the_start { events(&reply) } else { String::new() })?;
            return Ok((200, Reply::Text(lines)));
        }
        let Response { outcome, .. } = server.handle(&Request { by, impersonate: None, verb, target, accept });
        outcome.map(|reply| (if made { 201 } else { 200 }, reply))
    });
    let (number, body, kind) = match outcome {
        Ok((number, Reply::Text(text))) => (number, text, "text/plain; charset=utf-8"),
        Ok((number, Reply::Bytes(bytes))) => (number, String::from_utf8_lossy(&bytes).into_owned(), "text/plain"),
        Ok((number, reply)) => (number, written(&reply, &resource, pretty), "application/json"),
        Err(refusal) => {
            let mut tree = status(&refusal);
            if refusal.reason == Reason::Forbidden && tree.get("details").is_none() {
                let parts = [("name", &resource.name), ("group", &resource.group), ("kind", &resource.plural)];
                let parts = parts.into_iter().filter(|(_, text)| !text.is_empty());
                tree["details"] = parts.map(|(n, text)| (n.to_string(), Value::from(text.as_str()))).collect();
            }
            let text = plain(&tree, if pretty { Some("") } else { None }) + if pretty { "" } else { "\n" };
            (code(refusal.reason), text, "application/json")
        }
    };
    let length = body.len().to_string();
    http::Response::new(number, body)
        .with("Cache-Control", "no-cache, private")
        .with("Content-Type", kind)
        .with("Date", http::date(server.now()))
        .with("Content-Length", length)
}

/// An answer as the server writes it: fields in the order in which Go declares them.
fn written(reply: &Reply, resource: &Resource, pretty: bool) -> String {
    let tree = encode(reply, resource);
    let def = |kind: Kind| schema::of_version(kind, &resource.api_version()).unwrap_or_else(|| schema::of(kind));
    let text = |kind: Kind, tree: &Value| match pretty {
        true => to_indented_in(def(kind), tree, "  ").trim_end().to_string(),
        false => to_compact_in(Some(def(kind)), tree),
    };
    match reply {
        Reply::Object(object) => text(object.kind(), &tree) + if pretty { "" } else { "\n" },
        Reply::List(list) => {
            let items: Vec<String> =
                tree["items"].as_array().into_iter().flatten().map(|item| text(list.kind, item)).collect();
            let (kind, version, meta) = (&tree["kind"], &tree["apiVersion"], to_compact(&tree["metadata"]));
            match pretty {
                false => {
                    let items = items.join(",");
                    format!("{{\"kind\":{kind},\"apiVersion\":{version},\"metadata\":{meta},\"items\":[{items}]}}\n")
                }
                true => {
                    let meta = plain(&tree["metadata"], Some("  "));
                    let items: Vec<String> =
                        items.iter().map(|i| format!("    {}", i.replace('\n', "\n    "))).collect();
                    let items = if items.is_empty() { "[]".into() } else { format!("[\n{}\n  ]", items.join(",\n")) };
                    format!(
                        "{{\n  \"kind\": {kind},\n  \"apiVersion\": {version},\n  \"metadata\": {meta},\n  \"items\": {items}\n}}"
                    )
                }
            }
        }
        _ if pretty => plain(&tree, Some("")),
        _ => plain(&tree, None) + "\n",
    }
}

/// The fields of what is not stored, in the order in which Go declares them: statuses, lists' metadata, versions.
const ORDER: &[&str] = &[
    "kind",
    "apiVersion",
    "metadata",
    "selfLink",
    "resourceVersion",
    "continue",
    "remainingItemCount",
    "status",
    "message",
    "reason",
    "name",
    "group",
    "uid",
    "details",
    "code",
    "major",
    "minor",
    "gitVersion",
];

/// A tree of no stored kind; with an indent over several lines.
fn plain(tree: &Value, indent: Option<&str>) -> String {
    let deeper = indent.map(|i| format!("{i}  "));
    let inner = deeper.as_deref();
    let wrap = |open: char, parts: Vec<String>, close: char| match (indent, &deeper) {
        (Some(indent), Some(deeper)) if !parts.is_empty() => {
            format!("{open}\n{deeper}{}\n{indent}{close}", parts.join(&format!(",\n{deeper}")))
        }
        _ => format!("{open}{}{close}", parts.join(",")),
    };
    match tree {
        Value::Object(map) => {
            let is_details = !map.contains_key("apiVersion") && map.contains_key("kind");
            let place = |name: &String| match name.as_str() {
                "kind" if is_details => ORDER.len(),
                name => ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len()),
            };
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(name, _)| place(name));
            let gap = if indent.is_some() { " " } else { "" };
            let field = |(name, value): (&String, &Value)| {
                format!("{}:{gap}{}", to_compact(&Value::from(name.as_str())), plain(value, inner))
            };
            wrap('{', fields.into_iter().map(field).collect(), '}')
        }
        Value::Array(items) => wrap('[', items.iter().map(|i| plain(i, inner)).collect(), ']'),
        other => to_compact(other),
    }
}

/// The objects of a list as a watch begins with them. OBSERVATION: the watch ends then, as one does that timed out.
fn events(reply: &Reply) -> String {
    let Reply::List(list) = reply else { return String::new() };
    let line = |object: &std::sync::Arc<crate::api::Object>| {
        let tree = encode(&Reply::Object(object.clone()), &Resource::kind(object.kind()));
        format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", to_compact_in(Some(schema::of(object.kind())), &tree))
    };
    list.items.iter().map(line).collect()
}

/// What is asked for.
fn asked(request: &http::Request) -> Result<(Target, Verb), ApiError> {
    let body = String::from_utf8_lossy(&request.body);
    if request.method != "PATCH" {
        let (target, verb) = request_info::request(&request.method, &request.target, &body)?;
        if let Verb::Connect(Connect::Log(options)) = &verb
            && options.follow
        {
            // What is printed later is printed to nobody here.
            let options = LogOptions { follow: false, ..options.clone() };
            return Ok((target, Verb::Connect(Connect::Log(options))));
        }
        return Ok((target, verb));
    }
    let (target, _) = request_info::request("GET", &request.target, "")?;
    let media = request.headers.get("Content-Type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    let forms = [PatchType::Strategic, PatchType::Merge, PatchType::Json, PatchType::Apply];
    let Some(form) = forms.into_iter().find(|form| form.media_type() == media) else {
        let accepted: Vec<&str> = forms.iter().map(|f| f.media_type()).collect();
        let text = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        return Err(ApiError::new(Reason::UnsupportedMediaType, text));
    };
    let write = WriteOptions {
        dry_run: request.parameter("dryRun").as_deref() == Some("All"),
        field_manager: request.parameter("fieldManager").unwrap_or_default(),
        ..WriteOptions::default()
    };
    let options = PatchOptions { write, force: request.parameter("force").as_deref() == Some("true") };
    Ok((target, Verb::Patch(options, form, body.into_owned())))
}

/// Who asks: the service account that the token is of, as long as its pod lives.
fn authenticate(server: &Server, request: &http::Request) -> Result<User, ApiError> {
    let unauthorized = || ApiError::new(Reason::Unauthorized, "Unauthorized");
    let header = request.headers.get("Authorization").unwrap_or_default();
    let token = header.strip_prefix("Bearer ").map(str::trim).ok_or_else(unauthorized)?;
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(unauthorized());
    };
    let decode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok();
    let claims: Value = decode(claims).and_then(|c| serde_json::from_slice(&c).ok()).ok_or_else(unauthorized)?;
    let subject = claims["sub"].as_str().unwrap_or_default();
    let (namespace, account) =
        subject.strip_prefix(SUBJECT).and_then(|rest| rest.split_once(':')).ok_or_else(unauthorized)?;
    let uid = claims["kubernetes.io"]["pod"]["uid"].as_str().unwrap_or_default();
    let view = server.cluster.view();
    let signed = Draw::new(view.seed(), &format!("token/{uid}"), 0).hex(64);
    if decode(signature).as_deref() != Some(signed.as_bytes()) {
        return Err(unauthorized());
    }
    let known = view.get_as::<ServiceAccount>(namespace, account).ok_or_else(unauthorized)?;
    let pods = view.list(Kind::Pod).filter(|o| o.namespace() == namespace && o.uid() == uid);
    let mut pods = pods.filter_map(|o| o.get::<Pod>());
    let is_its = |pod: &Pod| pod.spec.as_ref().and_then(|s| s.service_account_name.as_deref()) == Some(account);
    if !pods.any(is_its) {
        return Err(unauthorized());
    }
    Ok(User::impersonated(subject, known.metadata.uid.as_deref().unwrap_or_default(), &[]))
}
