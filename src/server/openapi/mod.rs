//! The server's schema: OpenAPI v3 for each group and version, and v2 of all.
//!
//! Mirrors `k8s.io/kube-openapi/pkg/handler3` and `pkg/builder3`; what the fields are comes from `api/schema`.

mod gnostic;
mod paths;
mod schemas;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::served::{self, Served};
use super::{Server, not_served};
use crate::api::digest::sha256;
use crate::error::{ApiError, Reason};
use schemas::Dialect;

/// A document of the server's schema, and its content type; none for a path that leads to none.
///
/// # Errors
/// `NotFound` for a group or version that there is not, `NotAcceptable` for a form that there is not.
pub(super) fn document(server: &Server, path: &str, accept: &str) -> Result<Option<(Vec<u8>, &'static str)>, ApiError> {
    let path = path.trim_matches('/');
    match path {
        "openapi/v2" => {
            let takes_json = accept.is_empty() || accept.contains("json") || accept.contains("*/*");
            match (takes_json, accept.contains("proto")) {
                (true, _) => Ok(Some((whole(server).to_string().into_bytes(), "application/json"))),
                (_, true) => Ok(Some((gnostic::encode(&whole(server)), gnostic::CONTENT_TYPE))),
                _ => Err(ApiError::new(Reason::NotAcceptable, "406: Not Acceptable")),
            }
        }
        "openapi/v3" => Ok(Some((index(server).to_string().into_bytes(), "text/plain; charset=utf-8"))),
        _ => match path.strip_prefix("openapi/v3/") {
            None => Ok(None),
            Some(of) => {
                let found = of_path(server, of).ok_or_else(not_served)?;
                Ok(Some((found.to_string().into_bytes(), "application/json")))
            }
        },
    }
}

/// What there is, each with a hash that changes with it.
fn index(server: &Server) -> Value {
    let all = served::resources(&server.serving());
    let mut paths: Vec<String> =
        [".well-known/openid-configuration", "api", "apis", "openid/v1/jwks", "version"].map(String::from).into();
    for resource in &all {
        match resource.group {
            "" => paths.push(format!("api/{}", resource.version)),
            group => paths.extend([format!("apis/{group}"), format!("apis/{group}/{}", resource.version)]),
        }
    }
    paths.sort();
    paths.dedup();
    let entry = |path: String| {
        let definitions: String = of_api(&all, &path).iter().map(|r| r.kind.info().definition).collect();
        let digest = sha256(format!("{path} {} {definitions}", server.minor()).as_bytes());
        let hash: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        let url = format!("/openapi/v3/{path}?hash={hash}{hash}");
        (path, json!({"serverRelativeURL": url}))
    };
    json!({"paths": paths.into_iter().map(entry).collect::<Map<String, Value>>()})
}

/// The resources that are served below `api/v1` or `apis/GROUP/VERSION`.
fn of_api<'a>(all: &'a [Served], path: &str) -> Vec<&'a Served> {
    let words: Vec<&str> = path.split('/').collect();
    let (group, version) = match words.as_slice() {
        ["api", version] => ("", *version),
        ["apis", group, version] => (*group, *version),
        _ => return Vec::new(),
    };
    all.iter().filter(|r| r.group == group && r.version == version).collect()
}

fn of_path(server: &Server, path: &str) -> Option<Value> {
    let all = served::resources(&server.serving());
    let here = of_api(&all, path);
    let is_known = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["api" | "apis" | "version"] | [".well-known", _] | ["openid", ..] => true,
        ["apis", group] => all.iter().any(|r| r.group == *group),
        _ => !here.is_empty(),
    };
    if !is_known {
        return None;
    }
    let mut schemas = BTreeMap::new();
    let mut paths = Map::new();
    for resource in here {
        let name = schemas::add(resource, Dialect::V3, &mut schemas);
        paths::add(resource, &name, Dialect::V3, &mut paths);
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": format!("v1.{}.2", server.minor())},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"BearerToken": {
                "type": "apiKey",
                "description": "Bearer Token authentication",
                "name": "authorization",
                "in": "header",
            }},
        },
    }))
}

/// All of it in the second version.
fn whole(server: &Server) -> Value {
    let (mut definitions, mut paths) = (BTreeMap::new(), Map::new());
    for resource in served::resources(&server.serving()) {
        let name = schemas::add(&resource, Dialect::V2, &mut definitions);
        paths::add(&resource, &name, Dialect::V2, &mut paths);
    }
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": format!("v1.{}.2", server.minor())},
        "paths": paths,
        "definitions": definitions,
        "securityDefinitions": {"BearerToken": {
            "description": "Bearer Token authentication",
            "type": "apiKey",
            "name": "authorization",
            "in": "header",
        }},
        "security": [{"BearerToken": []}],
    })
}
