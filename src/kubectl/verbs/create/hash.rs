//! The suffix that `--append-hash` gives a name: ten letters of a SHA-256 of the content.
//!
//! Mirrors `k8s.io/kubectl/pkg/util/hash/hash.go`.

use serde_json::{Map, Value, json};

use crate::api::digest::name_suffix as suffix;
use crate::printers::json::to_compact;

type Data = Map<String, Value>;

/// The suffix for a ConfigMap.
pub fn of_config_map(name: &str, data: &Data, binary: &Data) -> String {
    let mut content = json!({"kind": "ConfigMap", "name": name, "data": data});
    if !binary.is_empty() {
        content["binaryData"] = Value::Object(binary.clone());
    }
    suffix(&to_compact(&content))
}

/// The suffix for a Secret whose data is in base64.
pub fn of_secret(name: &str, kind: &str, data: &Data) -> String {
    suffix(&to_compact(&json!({"kind": "Secret", "type": kind, "name": name, "data": data})))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::{of_config_map, of_secret};

    #[test]
    fn suffixes_are_kubectls() {
        // kubectl create configmap a --append-hash, create secret generic a --append-hash
        assert_eq!(of_config_map("", &Map::new(), &Map::new()), "42745tchd9");
        assert_eq!(of_secret("", "my-type", &Map::new()), "t75bgf6ctb");
    }
}
