//! Reads objects of kinds that a cluster was taught: what their schema does not have is left out and told.
//!
//! Mirrors `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning`. What does not fit its field stays: it is for the
//! validation to say so.

use serde_json::{Map, Value};

use super::DecodeError;
use super::decode::{Decoder, Dialect};
use crate::api::{Kind, definition, schema};

/// How deep a tree is looked into; below it everything is left out.
const DEEPEST: usize = 64;

/// The object without what its kind does not know, and the strict errors.
///
/// # Errors
/// What of its metadata does not fit.
pub(super) fn decode(dialect: Dialect, kind: Kind, tree: &Value) -> Result<(Value, Vec<String>), DecodeError> {
    let Value::Object(map) = tree else { return Decoder::new(dialect).run(schema::of(kind), tree) };
    let of_every_kind = |name: &str| ["apiVersion", "kind", "metadata"].contains(&name);
    let (common, own): (Map<String, Value>, Map<String, Value>) =
        map.clone().into_iter().partition(|(name, _)| of_every_kind(name));
    let (mut decoded, mut unknown) = Decoder::new(dialect).run(schema::of(kind), &Value::Object(common))?;
    let mut own = Value::Object(own);
    if let Some(definition) = definition::of(kind) {
        prune(&definition.schema, &mut own, "", 0, &mut unknown);
    }
    if let (Value::Object(decoded), Value::Object(own)) = (&mut decoded, own) {
        decoded.retain(|name, _| of_every_kind(name));
        decoded.extend(own);
    }
    Ok((decoded, unknown))
}

fn prune(schema: &Value, tree: &mut Value, path: &str, depth: usize, unknown: &mut Vec<String>) {
    let keeps = schema["x-kubernetes-preserve-unknown-fields"] == true;
    match tree {
        Value::Object(map) => {
            let others = &schema["additionalProperties"];
            map.retain(|name, value| {
                let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let property = &schema["properties"][name];
                let schema = if property.is_null() { others } else { property };
                let known = (schema.is_object() || *schema == true || keeps) && depth < DEEPEST;
                match known {
                    true if schema.is_object() => prune(schema, value, &place, depth + 1, unknown),
                    true => {}
                    false => unknown.push(format!("unknown field {place:?}")),
                }
                known
            });
        }
        Value::Array(items) => {
            for (n, item) in items.iter_mut().enumerate().filter(|_| schema["items"].is_object()) {
                prune(&schema["items"], item, &format!("{path}[{n}]"), depth + 1, unknown);
            }
        }
        _ => {}
    }
}
