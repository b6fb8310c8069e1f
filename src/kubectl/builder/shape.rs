//! What kubectl itself finds wrong with a manifest, before it looks for what the server has.
//!
//! Mirrors `getObjectKind` and `validateList` of `k8s.io/kubectl/pkg/util/openapi` and `pkg/validation/schema.go`.

use serde_json::Value;

use super::files::served_kind;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::request::Validate;
use crate::kubectl::session::Session;

/// Refuses what names no version or kind.
///
/// # Errors
/// What is missing or no text, as kubectl says it: `[apiVersion not set, kind not set]`.
pub fn check(tree: &Value) -> Result<(), String> {
    let faults = faults(tree);
    match faults.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}

fn faults(tree: &Value) -> Vec<String> {
    let Some(fields) = tree.as_object() else { return vec!["invalid object to validate".into()] };
    let fault = |key: &str| match fields.get(key) {
        None | Some(Value::Null) => Some(format!("{key} not set")),
        Some(Value::String(_)) => None,
        Some(_) => Some(format!("{key} isn't string type")),
    };
    ["apiVersion", "kind"].into_iter().filter_map(fault).collect()
}

/// The same for a list, whose items kubectl looks at by itself.
fn faults_of_items(tree: &Value) -> Vec<String> {
    match tree["items"].as_array() {
        Some(items) => items.iter().flat_map(faults).collect(),
        None => vec!["invalid object to validate".into()],
    }
}

/// Checks a manifest before the server does. What the server doesn't check for unknown fields, a `List` among it, kubectl
/// would check by itself, unless only warnings are wanted.
///
/// # Errors
/// kubectl's text.
pub(super) fn validate(session: &Session<'_>, source: &str, tree: &Value, validate: Validate) -> Result<(), Fault> {
    if validate == Validate::Ignore {
        return Ok(());
    }
    let refuse = |faults: Vec<String>| {
        let what = match faults.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        Err(Fault::plain(format!(
            "error validating {source:?}: error validating data: {what}; if you choose to ignore these errors, turn \
             validation off with --validate=false"
        )))
    };
    refuse(faults(tree))?;
    let text = |key: &str| tree[key].as_str().unwrap_or_default();
    let served = served_kind(&session.client.serving(), text("apiVersion"), text("kind"));
    if served.is_some_and(|served| served.kind.name() == text("kind") && served.verbs.contains(&"patch")) {
        return Ok(());
    }
    if validate == Validate::Warn {
        let text = "cannot perform warn validation if server-side field validation is unsupported, skipping validation";
        session.ui.err(&format!("{}\n", session.log_line('W', "schema.go:145", text)));
        return Ok(());
    }
    match (text("apiVersion"), text("kind")) {
        ("v1", "List") => refuse(faults_of_items(tree)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;

    #[test]
    fn a_manifest_has_a_version_and_a_kind() {
        assert_eq!(check(&json!({"apiVersion": "v1", "kind": "Pod"})), Ok(()));
        let faults = [json!({"a": 1}), json!(null), json!({"apiVersion": 1, "kind": "Pod"}), json!({"kind": "Pod"})];
        assert_eq!(
            faults.map(|tree| check(&tree).unwrap_err()),
            [
                "[apiVersion not set, kind not set]",
                "invalid object to validate",
                "apiVersion isn't string type",
                "apiVersion not set"
            ]
        );
    }
}
