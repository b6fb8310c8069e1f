//! What the server says of itself: the documents of discovery, its version, its health.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/discovery` and `pkg/server/healthz`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::served::{self, Served, Subresource};
use super::{Reply, Server, metrics, not_served};
use crate::api::Kind;
use crate::api::digest::sha256;
use crate::api::version::Info;
use crate::error::ApiError;

/// What a server says that is well.
const HEALTHY: &str = "ok";

/// The checks of `?verbose`, of which all that can be told here is that they hold.
const CHECKS: &[&str] = &[
    "ping",
    "log",
    "etcd",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-openapi-controller",
    "autoregister-completion",
];

/// How a server says that it is: of one check, of all in a word, or one after the other.
pub(super) fn health(path: &str, verbose: bool) -> String {
    let mut words = path.split('/').filter(|w| !w.is_empty());
    let what = words.next().unwrap_or_default();
    if words.next().is_some() || !verbose {
        return HEALTHY.into();
    }
    let checks: String = CHECKS.iter().map(|check| format!("[+]{check} ok\n")).collect();
    format!("{checks}{what} check passed\n")
}

/// What the server counts of itself, as Prometheus reads it.
pub(super) fn counts(server: &Server) -> String {
    let view = server.cluster.view();
    let mut text = String::from(
        "# HELP apiserver_resource_objects [STABLE] Number of stored objects at the time of last check split by kind.\n\
         # TYPE apiserver_resource_objects gauge\n",
    );
    for served in served::resources(&server.serving()).iter().filter(|s| s.preferred && s.verbs.contains(&"list")) {
        let (group, plural, count) = (served.group, served.plural, view.len(served.kind));
        text += &format!("apiserver_resource_objects{{group={group:?},resource={plural:?}}} {count}\n");
    }
    text += "# HELP etcd_debugging_store_revision Revision of the newest change.\n\
             # TYPE etcd_debugging_store_revision counter\n";
    text + &format!("etcd_debugging_store_revision {}\n", server.cluster.revision())
}

/// All groups, or the core's alone, with all that is in them. Mirrors `k8s.io/apiserver/pkg/endpoints/discovery/aggregated`.
pub(super) fn aggregated(server: &Server, core: bool, version: &str) -> Value {
    let all = served::resources(&server.serving());
    let of_version = |group: &str, version: &str| {
        let here = all.iter().filter(|r| r.group == group && r.version == version);
        let resources: Vec<Value> = match group == metrics::GROUP {
            true => metrics::aggregated(),
            false => here.map(aggregated_resource).collect(),
        };
        json!({"version": version, "resources": resources, "freshness": "Current"})
    };
    let items: Vec<Value> = match core {
        true => vec![json!({"metadata": {}, "versions": [of_version("", "v1")]})],
        false => {
            let item = |group: Value| {
                let name = group["name"].as_str().unwrap_or_default();
                let versions = group["versions"].as_array().into_iter().flatten();
                let versions: Vec<Value> =
                    versions.map(|v| of_version(name, v["version"].as_str().unwrap_or_default())).collect();
                json!({"metadata": {"name": name}, "versions": versions})
            };
            groups(server).into_iter().map(item).collect()
        }
    };
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    })
}

fn aggregated_resource(served: &Served) -> Value {
    // OBSERVATION: of its own kinds the server tells no group and version here, of taught ones it does.
    let is_own = served.kind.is_built_in();
    let own = |kind: &str| match is_own {
        true => json!({"group": "", "version": "", "kind": kind}),
        false => json!({"group": served.group, "version": served.version, "kind": kind}),
    };
    let mut whole = json!({
        "resource": served.plural,
        "responseKind": own(served.kind.name()),
        "scope": if served.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": served.kind.singular(),
        "verbs": served.verbs,
    });
    for (field, names) in [("shortNames", served.short), ("categories", served.categories)] {
        if !names.is_empty() {
            whole[field] = json!(names);
        }
    }
    let part = |part: &Subresource| {
        let (group, version, kind) = part.kind;
        let response = match kind {
            "" => own(served.kind.name()),
            kind if (group, version) == (served.group, served.version) && is_own => own(kind),
            kind => json!({"group": group, "version": version, "kind": kind}),
        };
        json!({"subresource": part.name, "responseKind": response, "verbs": part.verbs})
    };
    if !served.subresources.is_empty() {
        whole["subresources"] = served.subresources.iter().map(part).collect();
    }
    whole
}

/// The groups in the order in which a server of today lists them: by the priority of their services.
const ORDER: &[&str] = &[
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];

/// Answers a GET of a path that is no resource's.
pub(super) fn get(server: &Server, path: &str) -> Result<Reply, ApiError> {
    let minor = server.minor();
    let words: Vec<&str> = path.split('/').filter(|w| !w.is_empty()).collect();
    let document = match words.as_slice() {
        ["healthz" | "livez" | "readyz"] => return Ok(Reply::Text(HEALTHY.into())),
        ["version"] => Info::server(minor).to_tree(),
        ["api"] => json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "172.18.0.2:6443"}],
        }),
        ["apis"] => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups(server)}),
        ["apis", name] => {
            let group = groups(server).into_iter().find(|g| g["name"] == *name).ok_or_else(not_served)?;
            let mut document = json!({"kind": "APIGroup", "apiVersion": "v1"});
            for (field, value) in group.as_object().into_iter().flatten() {
                document[field] = value.clone();
            }
            document
        }
        ["api", version] => resource_list(server, "", version)?,
        ["apis", metrics::GROUP, "v1beta1"] if metrics::group(server).is_some() => metrics::resource_list(),
        ["apis", group, version] => resource_list(server, group, version)?,
        [] => json!({"paths": paths(server)}),
        _ => return Err(not_served()),
    };
    Ok(Reply::Tree(document))
}

fn paths(server: &Server) -> Vec<String> {
    let mut paths = vec!["/api".to_string(), "/api/v1".into(), "/apis".into(), "/apis/".into()];
    for group in groups(server) {
        let name = group["name"].as_str().unwrap_or_default().to_string();
        paths.push(format!("/apis/{name}"));
        for version in group["versions"].as_array().into_iter().flatten() {
            paths.push(format!("/apis/{}", version["groupVersion"].as_str().unwrap_or_default()));
        }
    }
    paths.extend(["/healthz", "/livez", "/readyz", "/version"].map(String::from));
    paths.sort();
    paths
}

/// The named groups, with the versions that each is served in.
fn groups(server: &Server) -> Vec<Value> {
    let all = served::resources(&server.serving());
    let mut names: Vec<&str> = all.iter().map(|r| r.group).filter(|g| !g.is_empty()).collect();
    names.dedup();
    names.sort_by_key(|name| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
    let group = |name: &&str| {
        let mut versions: Vec<&Served> = all.iter().filter(|r| r.group == *name).collect();
        // What some resource of the group prefers comes first, then newer ones before older ones.
        versions.sort_by_key(|r| (!r.preferred, std::cmp::Reverse(r.version)));
        let mut listed: Vec<Value> = Vec::new();
        for version in versions {
            let version = json!({"groupVersion": version.api_version(), "version": version.version});
            if !listed.contains(&version) {
                listed.push(version);
            }
        }
        json!({"name": name, "versions": listed, "preferredVersion": listed.first()})
    };
    names.iter().map(group).chain(metrics::group(server)).collect()
}

fn resource_list(server: &Server, group: &str, version: &str) -> Result<Value, ApiError> {
    let all = served::resources(&server.serving());
    let here: Vec<&Served> = all.iter().filter(|r| r.group == group && r.version == version).collect();
    let first = here.first().ok_or_else(not_served)?;
    let resources: Vec<Value> = here.iter().flat_map(|r| described(r)).collect();
    let mut list = json!({"kind": "APIResourceList", "groupVersion": first.api_version(), "resources": resources});
    if !group.is_empty() {
        list["apiVersion"] = json!("v1");
    }
    Ok(list)
}

/// A resource and its parts as `APIResource`s.
fn described(served: &Served) -> Vec<Value> {
    let mut whole = json!({
        "name": served.plural,
        "singularName": served.kind.singular(),
        "namespaced": served.namespaced,
        "kind": served.kind.name(),
        "verbs": served.verbs,
    });
    for (field, names) in [("shortNames", served.short), ("categories", served.categories)] {
        if !names.is_empty() {
            whole[field] = json!(names);
        }
    }
    // Nothing is stored of what is only asked for.
    if served.verbs.contains(&"list") && served.kind != Kind::ComponentStatus {
        whole["storageVersionHash"] = json!(storage_version_hash(served.kind));
    }
    let part = |part: &Subresource| {
        let (group, version, kind) = part.kind;
        let mut described = json!({
            "name": format!("{}/{}", served.plural, part.name),
            "singularName": "",
            "namespaced": served.namespaced,
            "kind": if kind.is_empty() { served.kind.name() } else { kind },
            "verbs": part.verbs,
        });
        if !kind.is_empty() && (group, version) != (served.group, served.version) {
            described["group"] = json!(group);
            described["version"] = json!(version);
        }
        described
    };
    std::iter::once(whole).chain(served.subresources.iter().map(part)).collect()
}

/// Tells versions apart that are stored. Mirrors `StorageVersionHash`.
fn storage_version_hash(kind: Kind) -> String {
    let digest = sha256(format!("{}/{}/{}", kind.group(), kind.version(), kind.name()).as_bytes());
    STANDARD.encode(&digest[..8])
}
