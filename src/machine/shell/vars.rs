//! Variables: text, arrays and their attributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The value of a variable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) enum Value {
    /// Declared without a value.
    #[default]
    Unset,
    Text(Arc<str>),
    Array(Arc<BTreeMap<i64, String>>),
    Assoc(Arc<BTreeMap<String, String>>),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Var {
    pub value: Value,
    pub exported: bool,
    pub readonly: bool,
    pub integer: bool,
    pub lower: bool,
    pub upper: bool,
    /// It names another variable.
    pub reference: bool,
}

/// A shell's variables. Clones share them until one changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Vars {
    map: Arc<BTreeMap<Arc<str>, Var>>,
    /// Whether an exported variable changed since the environment was made.
    pub env_is_old: bool,
}

impl Vars {
    pub fn find(&self, name: &str) -> Option<&Var> {
        self.map.get(name)
    }

    /// A scalar, or the first element of an array.
    pub fn get(&self, name: &str) -> Option<&str> {
        match &self.map.get(name)?.value {
            Value::Unset => None,
            Value::Text(text) => Some(text),
            Value::Array(all) => all.get(&0).map(String::as_str),
            Value::Assoc(all) => all.get("0").map(String::as_str),
        }
    }

    /// A variable to change, made where it is missing.
    pub fn entry(&mut self, name: &str) -> &mut Var {
        let map = Arc::make_mut(&mut self.map);
        if map.get(name).is_some_and(|v| v.exported) {
            self.env_is_old = true;
        }
        if !map.contains_key(name) {
            map.insert(name.into(), Var::default());
        }
        map.entry(name.into()).or_default()
    }

    /// A variable that is there, to change.
    pub fn change(&mut self, name: &str) -> Option<&mut Var> {
        let var = Arc::make_mut(&mut self.map).get_mut(name)?;
        self.env_is_old |= var.exported;
        Some(var)
    }

    pub fn remove(&mut self, name: &str) -> Option<Var> {
        let var = Arc::make_mut(&mut self.map).remove(name)?;
        self.env_is_old |= var.exported;
        Some(var)
    }

    /// Puts a variable back as it was.
    pub fn restore(&mut self, name: &str, var: Option<Var>) {
        self.env_is_old = true;
        match var {
            Some(var) => {
                Arc::make_mut(&mut self.map).insert(name.into(), var);
            }
            None => {
                Arc::make_mut(&mut self.map).remove(name);
            }
        }
    }

    /// Sets text without a look at attributes.
    pub fn set(&mut self, name: &str, text: &str) {
        if let Some(var) = self.change(name) {
            var.set_text(text);
            return;
        }
        let var = Var { value: Value::Text(text.into()), ..Var::default() };
        Arc::make_mut(&mut self.map).insert(name.into(), var);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.map.iter().map(|(name, var)| (&**name, var))
    }

    /// What children get.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let exported = self.map.iter().filter(|(_, v)| v.exported);
        exported.filter_map(|(n, v)| v.text().map(|t| (n.to_string(), t.to_string()))).collect()
    }
}

impl Var {
    /// The text, or that of the first element.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Unset => None,
            Value::Text(text) => Some(text),
            Value::Array(all) => all.get(&0).map(String::as_str),
            Value::Assoc(all) => all.get("0").map(String::as_str),
        }
    }

    /// Sets the text, or the first element.
    pub fn set_text(&mut self, text: &str) {
        match &mut self.value {
            Value::Array(all) => {
                Arc::make_mut(all).insert(0, text.into());
            }
            Value::Assoc(all) => {
                Arc::make_mut(all).insert("0".into(), text.into());
            }
            value => *value = Value::Text(text.into()),
        }
    }

    pub fn is_array(&self) -> bool {
        matches!(self.value, Value::Array(_) | Value::Assoc(_))
    }

    /// The elements in the order in which bash shows them.
    pub fn elements(&self) -> Vec<(String, String)> {
        match &self.value {
            Value::Unset => Vec::new(),
            Value::Text(text) => vec![("0".into(), text.to_string())],
            Value::Array(all) => all.iter().map(|(k, v)| (k.to_string(), v.clone())).collect(),
            Value::Assoc(all) => {
                let mut list: Vec<(String, String)> = all.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                list.sort_by_key(|(k, _)| bucket(k));
                list
            }
        }
    }

    /// The index after the last one.
    pub fn next_index(&self) -> i64 {
        match &self.value {
            Value::Array(all) => all.last_key_value().map_or(0, |(k, _)| k.saturating_add(1)),
            Value::Text(_) => 1,
            _ => 0,
        }
    }
}

/// The bucket of bash's hash table that a key falls into: associative arrays are shown in that order.
fn bucket(key: &str) -> u32 {
    key.bytes().fold(2_166_136_261u32, |hash, b| hash.wrapping_mul(16_777_619) ^ u32::from(b)) & 1023
}
