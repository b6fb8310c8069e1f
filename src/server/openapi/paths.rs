//! The paths of the API with their operations, as OpenAPI has them.

use serde_json::{Map, Value, json};

use super::schemas::Dialect;
use crate::server::served::{Served, Subresource};

/// The parameters of what is written.
const WRITE: &[(&str, &str)] = &[
    (
        "dryRun",
        "When present, indicates that modifications should not be persisted. An invalid or unrecognized dryRun directive will result in an error response and no further processing of the request. Valid values are: - All: all dry run stages will be processed",
    ),
    (
        "fieldManager",
        "fieldManager is a name associated with the actor or entity that is making these changes. The value must be less than or 128 characters long, and only contain printable characters, as defined by https://golang.org/pkg/unicode/#IsPrint.",
    ),
    (
        "fieldValidation",
        "fieldValidation instructs the server on how to handle objects in the request (POST/PUT/PATCH) containing unknown or duplicate fields. Valid values are: - Ignore: This will ignore any unknown fields that are silently dropped from the object, and will ignore all but the last duplicate field that the decoder encounters. This is the default behavior prior to v1.23. - Warn: This will send a warning via the standard warning response header for each unknown field that is dropped from the object, and for each duplicate field that is encountered. The request will still succeed if there are no other errors, and will only persist the last of any duplicate fields. This is the default in v1.23+ - Strict: This will fail the request with a BadRequest error if any unknown fields would be dropped from the object, or if any duplicate fields are present. The error returned from the server will contain all unknown and duplicate fields encountered.",
    ),
];

/// The parameters of a list.
const LIST: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];

/// The parameters of a deletion.
const DELETE: &[&str] = &["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"];

const PATCHES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// Adds the paths of a resource whose schema has that name.
pub(super) fn add(resource: &Served, name: &str, dialect: Dialect, paths: &mut Map<String, Value>) {
    let base = match resource.group {
        "" => format!("/api/{}", resource.version),
        group => format!("/apis/{group}/{}", resource.version),
    };
    let plural = resource.plural;
    let many = match resource.namespaced {
        true => format!("{base}/namespaces/{{namespace}}/{plural}"),
        false => format!("{base}/{plural}"),
    };
    let has = |verb: &str| resource.verbs.contains(&verb);
    let of = Of { resource, name, dialect };
    let mut all = Map::new();
    for (verb, method) in [("list", "get"), ("create", "post"), ("deletecollection", "delete")] {
        if has(verb) {
            all.insert(method.into(), of.operation(verb, resource.kind.name(), ""));
        }
    }
    if !all.is_empty() {
        all.insert("parameters".into(), of.path_parameters(false));
        paths.insert(many.clone(), all.into());
    }
    if resource.namespaced && has("list") {
        let mut everywhere = Map::new();
        everywhere.insert("get".into(), of.operation("list", resource.kind.name(), "ForAllNamespaces"));
        paths.insert(format!("{base}/{plural}"), everywhere.into());
    }
    let mut one = Map::new();
    for (verb, method) in [("get", "get"), ("update", "put"), ("patch", "patch"), ("delete", "delete")] {
        if has(verb) {
            one.insert(method.into(), of.operation(verb, resource.kind.name(), ""));
        }
    }
    if !one.is_empty() {
        one.insert("parameters".into(), of.path_parameters(true));
        paths.insert(format!("{many}/{{name}}"), one.into());
    }
    for part in resource.subresources {
        let mut operations = Map::new();
        for (verb, method) in [("get", "get"), ("create", "post"), ("update", "put"), ("patch", "patch")] {
            if part.verbs.contains(&verb) {
                operations.insert(method.into(), of.part(verb, part));
            }
        }
        operations.insert("parameters".into(), of.path_parameters(true));
        paths.insert(format!("{many}/{{name}}/{}", part.name), operations.into());
    }
}

struct Of<'a> {
    resource: &'a Served,
    name: &'a str,
    dialect: Dialect,
}

impl Of<'_> {
    fn path_parameters(&self, named: bool) -> Value {
        let mut parameters = Vec::new();
        let parameter = |name: &str, text: &str| {
            let mut parameter =
                json!({"name": name, "in": "path", "required": true, "description": text, "uniqueItems": true});
            match self.dialect {
                Dialect::V2 => parameter["type"] = json!("string"),
                Dialect::V3 => parameter["schema"] = json!({"type": "string", "uniqueItems": true}),
            }
            parameter
        };
        if named {
            parameters.push(parameter("name", &format!("name of the {}", self.resource.kind.name())));
        }
        if self.resource.namespaced {
            parameters.push(parameter("namespace", "object name and auth scope, such as for teams and projects"));
        }
        parameters.into()
    }

    fn query(&self, name: &str, text: &str) -> Value {
        let ty = match name {
            "limit" | "timeoutSeconds" | "gracePeriodSeconds" => "integer",
            "watch" | "force" | "allowWatchBookmarks" | "sendInitialEvents" | "orphanDependents" => "boolean",
            _ => "string",
        };
        let mut parameter = json!({"name": name, "in": "query", "uniqueItems": true});
        if !text.is_empty() {
            parameter["description"] = json!(text);
        }
        match self.dialect {
            Dialect::V2 => parameter["type"] = json!(ty),
            Dialect::V3 => parameter["schema"] = json!({"type": ty, "uniqueItems": true}),
        }
        parameter
    }

    fn part(&self, verb: &str, part: &Subresource) -> Value {
        let kind = if part.kind.2.is_empty() { self.resource.kind.name() } else { part.kind.2 };
        let mut operation = self.operation(verb, kind, &titled(part.name));
        if !part.kind.2.is_empty() {
            operation["x-kubernetes-group-version-kind"] =
                json!({"group": part.kind.0, "kind": kind, "version": part.kind.1});
        }
        operation
    }

    fn operation(&self, verb: &str, kind: &str, more: &str) -> Value {
        let resource = self.resource;
        let mut parameters: Vec<Value> = match verb {
            "list" => LIST.iter().map(|name| self.query(name, "")).collect(),
            "delete" | "deletecollection" => DELETE.iter().map(|name| self.query(name, "")).collect(),
            "create" | "update" | "patch" => WRITE.iter().map(|(name, text)| self.query(name, text)).collect(),
            _ => Vec::new(),
        };
        if verb == "patch" {
            parameters.push(self.query("force", "Force is going to \"force\" Apply requests. It means user will re-acquire conflicting fields owned by other people. Force flag must be unset for non-apply patch requests."));
        }
        let (answered, action) = match verb {
            "list" => (format!("{}List", self.name), "list"),
            "create" => (self.name.to_string(), "post"),
            "update" => (self.name.to_string(), "put"),
            other => (self.name.to_string(), other),
        };
        // Trees can't be merged by a strategy that only Go's types know.
        let patches = if resource.kind.is_built_in() { &PATCHES[..] } else { &PATCHES[..3] };
        let schema = self.dialect.reference(&answered);
        let id = operation_id(resource, verb, more);
        let mut operation = json!({
            "operationId": id,
            "description": describe(verb, kind),
            "tags": [tag(resource)],
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {"group": resource.group, "kind": kind, "version": resource.version},
        });
        match self.dialect {
            Dialect::V2 => {
                operation["produces"] = json!(["application/json", "application/yaml"]);
                operation["consumes"] = if verb == "patch" { json!(patches) } else { json!(["*/*"]) };
                operation["responses"] = json!({"200": {"description": "OK", "schema": schema}});
                if matches!(verb, "create" | "update" | "patch") {
                    let body =
                        if verb == "patch" { json!({"type": "object"}) } else { self.dialect.reference(self.name) };
                    parameters.push(json!({"name": "body", "in": "body", "required": true, "schema": body}));
                }
            }
            Dialect::V3 => {
                let content = json!({"application/json": {"schema": schema}});
                operation["responses"] = json!({"200": {"description": "OK", "content": content}});
                if verb == "patch" {
                    let body = |media: &str| (media.to_string(), json!({"schema": {"type": "object"}}));
                    let bodies: Map<String, Value> = patches.iter().map(|media| body(media)).collect();
                    operation["requestBody"] = json!({"content": bodies, "required": true});
                } else if matches!(verb, "create" | "update") {
                    let body = json!({"*/*": {"schema": self.dialect.reference(self.name)}});
                    operation["requestBody"] = json!({"content": body, "required": true});
                }
            }
        }
        operation["parameters"] = parameters.into();
        operation
    }
}

fn describe(verb: &str, kind: &str) -> String {
    match verb {
        "list" => format!("list or watch objects of kind {kind}"),
        "create" => format!("create a {kind}"),
        "update" => format!("replace the specified {kind}"),
        "patch" => format!("partially update the specified {kind}"),
        "delete" => format!("delete a {kind}"),
        "deletecollection" => format!("delete collection of {kind}"),
        _ => format!("read the specified {kind}"),
    }
}

fn tag(resource: &Served) -> String {
    let group = resource.group.split('.').next().unwrap_or_default();
    format!("{}_{}", if group.is_empty() { "core" } else { group }, resource.version)
}

fn titled(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// `listCoreV1NamespacedPod`
fn operation_id(resource: &Served, verb: &str, more: &str) -> String {
    let verb = match verb {
        "deletecollection" => "deleteCollection",
        "update" => "replace",
        "get" => "read",
        verb => verb,
    };
    let group = match resource.group.split('.').next().unwrap_or_default() {
        "" => "core",
        group => group,
    };
    let scope = if resource.namespaced && more != "ForAllNamespaces" { "Namespaced" } else { "" };
    let kind = resource.kind.name();
    format!("{verb}{}{}{scope}{kind}{more}", titled(group), titled(resource.version))
}
