//! Kinds that a cluster was taught: their objects are trees, and their rules are what their definitions say.
//!
//! Mirrors `k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go` and `tableconvertor`.

mod cel;
mod rules;
mod schema;

pub(crate) use rules::validate_schema;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use serde_json::Value;

use crate::api::definition::{self, Definition, PrinterColumn};
use crate::api::object::Custom;
use crate::api::{Kind, Object, Time, time};
use crate::error::FieldError;
use crate::kinds::shared::describe;
use crate::kinds::{Column, Description, NameRule, PrintContext, Rules};

/// The rules of one such kind.
pub struct CustomRules {
    definition: Option<&'static Definition>,
    columns: &'static [Column],
}

/// The rules of a kind, made when somebody asks for the first time.
pub fn custom_rules(kind: Kind) -> &'static CustomRules {
    // They live as long as the process, as the kinds do.
    static MADE: RwLock<BTreeMap<usize, &'static CustomRules>> = RwLock::new(BTreeMap::new());
    if let Some(made) = MADE.read().unwrap_or_else(PoisonError::into_inner).get(&kind.index()) {
        return made;
    }
    let definition = definition::of(kind);
    let column = |column: &PrinterColumn| {
        let name = Box::leak(column.name.to_uppercase().into_boxed_str());
        if column.priority > 0 { Column::wide(name) } else { Column::new(name) }
    };
    let more = definition.iter().flat_map(|d| d.columns.iter().map(column));
    let columns: Vec<Column> = std::iter::once(Column::new("NAME")).chain(more).collect();
    let make = || -> &'static CustomRules {
        Box::leak(Box::new(CustomRules { definition, columns: Box::leak(columns.into_boxed_slice()) }))
    };
    MADE.write().unwrap_or_else(PoisonError::into_inner).entry(kind.index()).or_insert_with(make)
}

fn fields(object: &Object) -> Option<&Custom> {
    match object {
        Object::Custom(custom) => Some(custom),
        _ => None,
    }
}

impl CustomRules {
    fn schema(&self) -> &Value {
        self.definition.map_or(&Value::Null, |d| &d.schema)
    }

    /// What is wrong with an object, and with how it differs from its version so far.
    fn faults(&self, object: &Object, old: Option<&Object>) -> Vec<FieldError> {
        let (tree, old) = (object.to_tree(), old.map(Object::to_tree));
        let mut faults = schema::validate(self.schema(), &tree, old.as_ref(), "");
        match faults.iter().any(schema::is_blocking) {
            true => faults.push(FieldError::invalid(
                "<nil>",
                Value::Null,
                "some validation rules were not checked because the object was invalid; correct the existing errors to \
                 complete validation",
            )),
            false => faults.extend(rules::validate(self.schema(), &tree, old.as_ref(), "")),
        }
        faults
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
        self.definition.is_some_and(|d| d.has_status)
    }
    fn set_defaults(&self, object: &mut Object) {
        if let Object::Custom(custom) = object {
            let mut tree = Value::Object(std::mem::take(&mut custom.fields));
            schema::set_defaults(self.schema(), &mut tree);
            if let Value::Object(fields) = tree {
                custom.fields = fields;
            }
        }
    }
    fn warnings_on_prepare(&self, _object: &Object) -> Vec<String> {
        Vec::new()
    }
    fn prepare_for_create(&self, object: &mut Object) {
        if let Object::Custom(custom) = object
            && self.has_status()
        {
            custom.fields.remove("status");
        }
    }
    fn validate(&self, object: &Object) -> Vec<FieldError> {
        self.faults(object, None)
    }
    fn warnings_on_create(&self, _object: &Object) -> Vec<String> {
        Vec::new()
    }
    fn prepare_for_update(&self, _object: &mut Object, _old: &Object) {}
    fn validate_update(&self, object: &Object, old: &Object) -> Vec<FieldError> {
        self.faults(object, Some(old))
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
    fn validate_part_update(&self, object: &Object, part: &str, old: &Object) -> Vec<FieldError> {
        let status = |o: &Object| fields(o).and_then(|c| c.fields.get(part)).cloned();
        let schema = &self.schema()["properties"][part];
        status(object).map(|new| schema::validate(schema, &new, status(old).as_ref(), part)).unwrap_or_default()
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
        self.columns
    }
    fn row(&self, object: &Object, context: &PrintContext<'_>) -> Vec<String> {
        let tree = object.to_tree();
        let columns = self.definition.map_or(&[][..], |d| &d.columns);
        let cells = columns.iter().map(|column| cell(column, &tree, context));
        std::iter::once(object.name().to_string()).chain(cells).collect()
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

/// What stands at a path: names, places and items of lists that say something of themselves, as in
/// `.status.conditions[?(@.type=="Ready")].status`. Of several the first.
fn at_path<'t>(tree: &'t Value, path: &str) -> Option<&'t Value> {
    let mut rest = path.trim_start_matches('.');
    let mut here = tree;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (inside, after) = inner.split_once(']')?;
            here = match inside.strip_prefix("?(@.").and_then(|test| test.strip_suffix(')')) {
                Some(test) => {
                    let (name, wanted) = test.split_once("==")?;
                    let wanted = wanted.trim().trim_matches(['"', '\'']);
                    let says = |item: &&Value| match at_path(item, name.trim()) {
                        Some(Value::String(text)) => text == wanted,
                        Some(other) => wanted.parse::<Value>().is_ok_and(|wanted| wanted == *other),
                        None => false,
                    };
                    here.as_array()?.iter().find(says)?
                }
                None => match inside.trim_matches(['"', '\'']) {
                    "*" => here.as_array()?.first()?,
                    place => here.get(place).or_else(|| here.get(place.parse::<usize>().ok()?))?,
                },
            };
            rest = after.trim_start_matches('.');
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        here = here.get(name.replace("\\", ""))?;
        rest = after.trim_start_matches('.');
    }
    Some(here)
}

/// A cell: what stands at a column's path, as its type has it; empty where nothing fits. Mirrors `cellForJSONValue`.
fn cell(column: &PrinterColumn, tree: &Value, context: &PrintContext<'_>) -> String {
    let Some(value) = at_path(tree, &column.json_path) else { return String::new() };
    match (column.column_type.as_str(), value) {
        ("date", Value::String(text)) => match Time::parse_rfc3339(text) {
            Some(at) => time::translate_timestamp_since(Some(&at.meta()), context.now),
            None => "<invalid>".into(),
        },
        ("string", Value::String(text)) => text.clone(),
        ("string", Value::Null) => "<nil>".into(),
        ("string", other) => other.to_string(),
        ("boolean", Value::Bool(yes)) => yes.to_string(),
        ("integer", Value::Number(number)) => match number.as_i64() {
            Some(whole) => whole.to_string(),
            None => number.as_f64().map_or(String::new(), |n| format!("{}", n.trunc())),
        },
        ("number", Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
