//! Kinds that a cluster was taught: their objects are trees, and have the rules that all kinds have.
//!
//! Mirrors `k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go`.

use std::cmp::Ordering;

use serde_json::Value;

use crate::api::object::Custom;
use crate::api::{Object, Time};
use crate::error::FieldError;
use crate::kinds::shared::describe;
use crate::kinds::shared::print::{NAME_AND_AGE, name_and_age};
use crate::kinds::{Column, Description, NameRule, PrintContext, Rules};

/// The rules of every such kind.
pub struct CustomRules;

fn fields(object: &Object) -> Option<&Custom> {
    match object {
        Object::Custom(custom) => Some(custom),
        _ => None,
    }
}

impl Rules for CustomRules {
    fn name_rule(&self) -> NameRule {
        NameRule::Subdomain
    }
    fn has_generation(&self) -> bool {
        true
    }
    fn has_status(&self) -> bool {
        false
    }
    fn set_defaults(&self, _object: &mut Object) {}
    fn warnings_on_prepare(&self, _object: &Object) -> Vec<String> {
        Vec::new()
    }
    fn prepare_for_create(&self, _object: &mut Object) {}
    fn validate(&self, _object: &Object) -> Vec<FieldError> {
        Vec::new()
    }
    fn warnings_on_create(&self, _object: &Object) -> Vec<String> {
        Vec::new()
    }
    fn prepare_for_update(&self, _object: &mut Object, _old: &Object) {}
    fn validate_update(&self, _object: &Object, _old: &Object) -> Vec<FieldError> {
        Vec::new()
    }
    fn warnings_on_update(&self, _object: &Object, _old: &Object) -> Vec<String> {
        Vec::new()
    }
    fn validate_version(&self, _object: &Object, _old: Option<&Object>, _api_version: &str) -> Vec<FieldError> {
        Vec::new()
    }
    fn copy_part(&self, object: &mut Object, _part: &str, from: &Object, _now: Time) {
        self.copy_status(object, from);
    }
    fn validate_part_update(&self, _object: &Object, _part: &str, _old: &Object) -> Vec<FieldError> {
        Vec::new()
    }
    fn copy_status(&self, object: &mut Object, from: &Object) {
        let status = fields(from).and_then(|c| c.fields.get("status")).cloned();
        if let Object::Custom(custom) = object {
            match status {
                Some(status) => custom.fields.insert("status".into(), status),
                None => custom.fields.remove("status"),
            };
        }
    }
    fn same_spec(&self, object: &Object, other: &Object) -> bool {
        match (fields(object), fields(other)) {
            (Some(a), Some(b)) => a.fields == b.fields,
            _ => false,
        }
    }
    fn columns(&self) -> &'static [Column] {
        NAME_AND_AGE
    }
    fn row(&self, object: &Object, context: &PrintContext<'_>) -> Vec<String> {
        name_and_age(object.meta(), context)
    }
    fn row_order(&self, _object: &Object, _other: &Object) -> Ordering {
        Ordering::Equal
    }
    fn describe(&self, object: &Object, d: &mut Description, context: &PrintContext<'_>) {
        describe::generic_object(object, d, context);
    }
    fn selectable_fields(&self) -> &'static [&'static str] {
        &[]
    }
    fn selectable_field(&self, object: &Object, path: &str) -> Option<String> {
        let tree = fields(object).map(|c| Value::Object(c.fields.clone()))?;
        path.split('.').try_fold(&tree, |tree, key| tree.get(key)).and_then(Value::as_str).map(String::from)
    }
}
