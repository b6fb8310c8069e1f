//! Secret.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::api::k8s::ByteString;
use crate::api::k8s::api::core::v1::Secret;
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::config_map::{IMMUTABLE, MAX_SIZE};
use crate::kinds::shared::access::{set_text, text};
use crate::kinds::shared::describe::{print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;

const TOKEN: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const TLS: &str = "kubernetes.io/tls";

impl Strategy for Secret {
    fn set_defaults(&mut self) {
        set_text(&mut self.type_, "Opaque");
        // What is written in plain text goes over what is written in base64.
        for (key, value) in self.string_data.take().into_iter().flatten() {
            self.data.get_or_insert_default().insert(key, ByteString(value.into_bytes()));
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let none = BTreeMap::new();
        let data = self.data.as_ref().unwrap_or(&none);
        for key in data.keys() {
            faults.all_invalid(&format!("data[{key}]"), "", key, names::config_map_key(key));
        }
        if data.values().map(|v| v.0.len()).sum::<usize>() > MAX_SIZE {
            faults.0.push(FieldError::too_long("data", MAX_SIZE));
        }
        match text(&self.type_) {
            TOKEN => {
                let account = self.metadata.annotations.as_ref().and_then(|a| a.get(ACCOUNT));
                if account.is_none_or(String::is_empty) {
                    faults.required("metadata", &format!("annotations[{ACCOUNT}]"));
                }
            }
            "kubernetes.io/dockercfg" => must_be_json(data, ".dockercfg", &mut faults),
            "kubernetes.io/dockerconfigjson" => must_be_json(data, ".dockerconfigjson", &mut faults),
            "kubernetes.io/basic-auth" => {
                let keys = ["username", "password"];
                if !keys.iter().any(|key| data.contains_key(*key)) {
                    keys.iter().for_each(|key| faults.required(&format!("data[{key}]"), ""));
                }
            }
            "kubernetes.io/ssh-auth" => {
                if data.get("ssh-privatekey").is_none_or(|v| v.0.is_empty()) {
                    faults.required("data[ssh-privatekey]", "");
                }
            }
            TLS => {
                for key in ["tls.crt", "tls.key"].iter().filter(|key| !data.contains_key(**key)) {
                    faults.required(&format!("data[{key}]"), "");
                }
            }
            _ => {}
        }
        faults.0
    }

    fn warnings_on_create(&self) -> Vec<String> {
        if text(&self.type_) != TLS {
            return Vec::new();
        }
        let pem = |key: &str| self.data.as_ref().and_then(|d| d.get(key)).is_some_and(|v| has_pem(&v.0));
        let missing = [("tls.crt", "certificate"), ("tls.key", "key")].into_iter().find(|(key, _)| !pem(key));
        missing.map(|(_, what)| format!("tls: failed to find any PEM data in {what} input")).into_iter().collect()
    }

    fn prepare_for_update(&mut self, old: &Self) {
        set_text(&mut self.type_, text(&old.type_));
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        if self.type_ != old.type_ {
            faults.invalid("", "type", text(&self.type_), FIELD_IMMUTABLE);
        }
        if old.immutable == Some(true) {
            if self.immutable != Some(true) {
                faults.forbidden("", "immutable", IMMUTABLE);
            }
            if self.data != old.data {
                faults.forbidden("", "data", IMMUTABLE);
            }
        }
        faults.extend(self.validate());
        faults.0
    }

    fn columns() -> &'static [Column] {
        const { &[Column::new("NAME"), Column::new("TYPE"), Column::new("DATA"), Column::new("AGE")] }
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        vec![
            text(&self.metadata.name).to_string(),
            text(&self.type_).to_string(),
            self.data.as_ref().map_or(0, BTreeMap::len).to_string(),
            print::age(&self.metadata, context),
        ]
    }

    fn describe(&self, d: &mut Description, _context: &PrintContext<'_>) {
        d.field(0, "Name", text(&self.metadata.name));
        d.field(0, "Namespace", text(&self.metadata.namespace));
        print_labels_multiline(d, "Labels", &self.metadata.labels);
        print_annotations_multiline(d, "Annotations", &self.metadata.annotations);
        d.write(0, format!("\nType:\t{}\n", text(&self.type_)));
        d.write(0, "\nData\n====\n");
        for (key, value) in self.data.iter().flatten() {
            if key == "token" && text(&self.type_) == TOKEN {
                d.field(0, key, String::from_utf8_lossy(&value.0));
            } else {
                d.field(0, key, format!("{} bytes", value.0.len()));
            }
        }
    }

    fn selectable_field(&self, path: &str) -> Option<String> {
        (path == "type").then(|| text(&self.type_).to_string())
    }

    fn selectable_fields() -> &'static [&'static str] {
        &["type"]
    }
}

/// A registry's credentials are an object of JSON.
fn must_be_json(data: &BTreeMap<String, ByteString>, key: &str, faults: &mut Faults) {
    let path = format!("data[{key}]");
    let Some(value) = data.get(key) else {
        faults.required(&path, "");
        return;
    };
    let why = match serde_json::from_slice::<Value>(&value.0) {
        Ok(Value::Object(_) | Value::Null) => return,
        Ok(other) => {
            let kind = match other {
                Value::Array(_) => "array",
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                _ => "number",
            };
            format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}")
        }
        Err(_) => go_syntax_error(&value.0),
    };
    faults.invalid(&path, "", "<secret contents redacted>", &why);
}

/// What Go's decoder says of text that is no JSON: where it ends too early, or which character is wrong.
fn go_syntax_error(text: &[u8]) -> String {
    let mut stream = serde_json::Deserializer::from_slice(text).into_iter::<Map<String, Value>>();
    let eof = matches!(stream.next(), Some(Err(e)) if e.is_eof());
    match text.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(first) if !eof && !b"{[\"-0123456789tfn".contains(first) => {
            format!("invalid character {:?} looking for beginning of value", char::from(*first))
        }
        _ => "unexpected end of JSON input".into(),
    }
}

/// Whether there is a block of PEM.
fn has_pem(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains("-----BEGIN ") && text.contains("-----END ")
}
