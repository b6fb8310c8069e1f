//! metrics.k8s.io/v1beta1: what a metrics server answers through the API server.
//!
//! Mirrors metrics-server's `pkg/api`. It is served while there is an APIService for it that is available.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Reply, Server, method_not_allowed, not_served};
use crate::api::k8s::api::core::v1::Node;
use crate::api::request::{ListOptions, Resource, Verb};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::error::{ApiError, Reason};
use crate::registry::Selection;
use crate::sim::metrics::{Availability, Meter, PodMetrics, availability};

/// The group.
pub(super) const GROUP: &str = "metrics.k8s.io";

/// Its only version.
const VERSION: &str = "v1beta1";

/// Answers what is asked of the group; none for a request of another one.
pub(super) fn answer(server: &Server, resource: &Resource, verb: &Verb) -> Option<Result<Reply, ApiError>> {
    if resource.group != GROUP {
        return None;
    }
    Some(match availability(&server.cluster.view()) {
        Availability::Absent => Err(not_served()),
        Availability::Unavailable => Err(unavailable(resource)),
        Availability::Available => of(server, resource, verb).map(Reply::Tree),
    })
}

/// 503: who serves it does not answer.
fn unavailable(resource: &Resource) -> ApiError {
    let what = match resource.name.as_str() {
        "" => format!("{}.{}", resource.plural, resource.group),
        name => format!("{}.{} {name}", resource.plural, resource.group),
    };
    ApiError::new(
        Reason::ServiceUnavailable,
        format!("the server is currently unable to handle the request (get {what})"),
    )
}

fn of(server: &Server, resource: &Resource, verb: &Verb) -> Result<Value, ApiError> {
    let kind = match resource.plural.as_str() {
        "pods" => Kind::Pod,
        "nodes" => Kind::Node,
        _ => return Err(not_served()),
    };
    let named = !resource.name.is_empty();
    let of_nodes_in_namespace = kind == Kind::Node && !resource.namespace.is_empty();
    if resource.version != VERSION
        || !resource.subresource.is_empty()
        || of_nodes_in_namespace
        || named && kind == Kind::Pod && resource.namespace.is_empty()
    {
        return Err(not_served());
    }
    match verb {
        Verb::Get if named => one(server, kind, resource),
        Verb::List(options) if !named => list(server, kind, resource, options),
        _ => Err(method_not_allowed()),
    }
}

fn one(server: &Server, kind: Kind, resource: &Resource) -> Result<Value, ApiError> {
    let (view, now) = (server.cluster.view(), server.now());
    let key = ObjectKey::new(kind, resource.namespace.clone(), resource.name.clone());
    let shown = match kind {
        Kind::Pod => format!("{}/{}", resource.namespace, resource.name),
        _ => resource.name.clone(),
    };
    let object = view.get(&key).ok_or_else(|| ApiError::not_found(&kind.resource(), &shown))?;
    let found = described(&Meter::new(&view, now), object, now);
    let mut found = found.ok_or_else(|| ApiError::not_found(&format!("{}metrics.{GROUP}", kind.singular()), &shown))?;
    found["kind"] = json!(format!("{}Metrics", kind.name()));
    found["apiVersion"] = json!(format!("{GROUP}/{VERSION}"));
    Ok(found)
}

fn list(server: &Server, kind: Kind, resource: &Resource, options: &ListOptions) -> Result<Value, ApiError> {
    let (view, now) = (server.cluster.view(), server.now());
    let selection = Selection::parse(kind, "v1", &options.label_selector, &options.field_selector)?;
    let meter = Meter::new(&view, now);
    let all = view.list(kind).filter(|o| resource.namespace.is_empty() || o.namespace() == resource.namespace);
    let items: Vec<Value> =
        all.filter(|o| selection.matches(o)).filter_map(|object| described(&meter, object, now)).collect();
    Ok(json!({
        "kind": format!("{}MetricsList", kind.name()),
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "metadata": {},
        "items": items,
    }))
}

fn described(meter: &Meter<'_>, object: &Arc<Object>, now: Time) -> Option<Value> {
    let mut metadata = json!({"name": object.name(), "creationTimestamp": now.rfc3339()});
    if !object.namespace().is_empty() {
        metadata["namespace"] = json!(object.namespace());
    }
    let labels: &BTreeMap<String, String> = &object.meta().labels.clone().unwrap_or_default();
    if !labels.is_empty() {
        metadata["labels"] = json!(labels);
    }
    let usage = |cpu: i64, memory: i64| json!({"cpu": format!("{cpu}n"), "memory": format!("{}Ki", memory / 1024)});
    let whole = |timestamp: Time, window: Duration| json!({"metadata": metadata, "timestamp": timestamp.rfc3339(), "window": window.to_string()});
    match object.get::<Node>() {
        Some(node) => {
            let metrics = meter.node(node)?;
            let mut value = whole(metrics.timestamp, metrics.window);
            value["usage"] = usage(metrics.cpu, metrics.memory);
            Some(value)
        }
        None => {
            let PodMetrics { timestamp, window, containers } = meter.pod(object)?;
            let mut value = whole(timestamp, window);
            let containers = containers.iter().map(|c| json!({"name": c.name, "usage": usage(c.cpu, c.memory)}));
            value["containers"] = containers.collect();
            Some(value)
        }
    }
}

/// The group's resources as discovery has them.
pub(super) fn resource_list() -> Value {
    let resource = |plural: &str, kind: &str, namespaced: bool| {
        json!({
            "name": plural,
            "singularName": "",
            "namespaced": namespaced,
            "kind": kind,
            "verbs": ["get", "list"],
        })
    };
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": format!("{GROUP}/{VERSION}"),
        "resources": [resource("nodes", "NodeMetrics", false), resource("pods", "PodMetrics", true)],
    })
}

/// The same as aggregated discovery has them.
pub(super) fn aggregated() -> Vec<Value> {
    let resource = |plural: &str, kind: &str, scope: &str| {
        json!({
            "resource": plural,
            "responseKind": {"group": "", "version": "", "kind": kind},
            "scope": scope,
            "singularResource": "",
            "verbs": ["get", "list"],
        })
    };
    vec![resource("nodes", "NodeMetrics", "Cluster"), resource("pods", "PodMetrics", "Namespaced")]
}

/// The group as discovery has it, where somebody serves it.
pub(super) fn group(server: &Server) -> Option<Value> {
    if availability(&server.cluster.view()) == Availability::Absent {
        return None;
    }
    let version = json!({"groupVersion": format!("{GROUP}/{VERSION}"), "version": VERSION});
    Some(json!({"name": GROUP, "versions": [version], "preferredVersion": version}))
}
