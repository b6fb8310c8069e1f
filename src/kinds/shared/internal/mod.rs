//! Objects as the API server's own structs, which its error texts print: `{"Type":"Recreate","RollingUpdate":null}`.
//!
//! The server validates an internal form of each type. Where a text shows a whole struct, it is that form's JSON:
//! Go's field names, in the struct's order, with nothing left out. `types.txt` says what the structs look like.

mod diff;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Value, json};

pub use diff::unified_diff;

/// A JSON tree whose keys keep their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Internal {
    /// A value that prints as it is.
    Plain(Value),
    /// A list.
    List(Vec<Internal>),
    /// A struct.
    Struct(Vec<(String, Internal)>),
}

impl Serialize for Internal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Internal::Plain(value) => value.serialize(serializer),
            Internal::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Internal::Struct(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl Internal {
    /// A part of an object as the internal struct of that name: `PodSpec`, `DeploymentStrategy`.
    pub fn of(name: &str, part: &impl Serialize) -> Internal {
        let mut tree = serde_json::to_value(part).unwrap_or_default();
        if name == "PodSpec" {
            move_into_security_context(&mut tree);
        }
        structure(name, &tree)
    }

    /// The text with one blank per level, as `json.MarshalIndent(x, "", " ")`.
    pub fn pretty(&self) -> String {
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        if self.serialize(&mut serializer).is_err() {
            return String::new();
        }
        // Go escapes what could end a script in HTML.
        let text = String::from_utf8(bytes).unwrap_or_default();
        text.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
    }

    /// What changed from one version to the other. Mirrors `k8s.io/apimachinery/pkg/util/diff.Diff`.
    pub fn diff(old: &Internal, new: &Internal) -> String {
        unified_diff(&old.pretty(), &new.pretty())
    }
}

/// In the internal form the sharing of the host's namespaces belongs to the security context.
fn move_into_security_context(spec: &mut Value) {
    let Some(map) = spec.as_object_mut() else { return };
    for name in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
        if let Some(value) = map.remove(name) {
            let context = map.entry("securityContext").or_insert_with(|| json!({}));
            if let Some(context) = context.as_object_mut() {
                context.insert(name.into(), value);
            }
        }
    }
}

/// The fields of `metav1.ObjectMeta` in its order.
const OBJECT_META: [&str; 14] = [
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
];

/// The fields of a struct: Go name, JSON name and type of each; or what is embedded.
fn fields(name: &str) -> Option<impl Iterator<Item = &'static str>> {
    let table = include_str!("types.txt").lines().filter(|l| !l.starts_with('#'));
    let line = table.filter_map(|l| l.split_once(' ')).find(|(n, _)| *n == name)?;
    Some(line.1.split(' '))
}

fn structure(name: &str, tree: &Value) -> Internal {
    let Some(fields) = fields(name) else { return Internal::Plain(tree.clone()) };
    let mut all = Vec::new();
    for field in fields {
        if let Some(embedded) = field.strip_prefix('^') {
            if let Internal::Struct(inner) = structure(embedded, tree) {
                all.extend(inner);
            }
        } else if field.starts_with('~') {
            let meta =
                |name: &&str| Some((name.to_string(), Internal::Plain(tree.get("metadata")?.get(*name)?.clone())));
            all.extend(OBJECT_META.iter().filter_map(meta));
        } else if let Some((names, kind)) = field.split_once(':') {
            let (go, json) = match names.split_once('=') {
                Some((go, json)) => (go, json.to_string()),
                None => (names, names[..1].to_ascii_lowercase() + &names[1..]),
            };
            all.push((go.to_string(), value(kind, tree.get(&json).unwrap_or(&Value::Null))));
        }
    }
    Internal::Struct(all)
}

fn value(kind: &str, tree: &Value) -> Internal {
    let (of, nullable) = match kind.strip_prefix(['*', '[']) {
        Some(of) => (of, true),
        None => (kind, false),
    };
    match (of, tree) {
        ("" | "n" | "j", _) => Internal::Plain(tree.clone()),
        (_, Value::Null) if nullable => Internal::Plain(Value::Null),
        (_, Value::Array(items)) => Internal::List(items.iter().map(|item| value(of, item)).collect()),
        ("s", Value::Null) => Internal::Plain(json!("")),
        ("b", Value::Null) => Internal::Plain(json!(false)),
        ("i" | "o", Value::Null) => Internal::Plain(json!(0)),
        ("q", Value::Null) => Internal::Plain(json!("0")),
        ("s" | "b" | "i" | "o" | "q", _) => Internal::Plain(tree.clone()),
        (name, _) => structure(name, tree),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Internal;

    #[test]
    fn prints_gos_fields() {
        let text = |name: &str, tree| serde_json::to_string(&Internal::of(name, &tree)).unwrap();
        assert_eq!(
            text("DeploymentStrategy", json!({"type": "Recreate"})),
            r#"{"Type":"Recreate","RollingUpdate":null}"#
        );
        assert_eq!(
            text("Probe", json!({"exec": {"command": ["a"]}, "periodSeconds": 3})),
            r#"{"Exec":{"Command":["a"]},"HTTPGet":null,"TCPSocket":null,"GRPC":null,"InitialDelaySeconds":0,"TimeoutSeconds":0,"PeriodSeconds":3,"SuccessThreshold":0,"FailureThreshold":0,"TerminationGracePeriodSeconds":null}"#
        );
        let spec = Internal::of("PodSpec", &json!({"hostNetwork": true, "containers": [{"name": "a<b"}]})).pretty();
        assert!(spec.contains("\"SecurityContext\": {\n  \"HostNetwork\": true,"), "{spec}");
        assert!(spec.contains("\"Name\": \"a\\u003cb\","), "{spec}");
    }
}
