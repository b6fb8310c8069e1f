//! kubeconfig files: what is in them, how several become one, how they are changed, and which cluster, user and namespace
//! come of it.
//!
//! Mirrors `k8s.io/client-go/tools/clientcmd`.

pub mod access;
pub mod client;
mod decode;
pub mod paths;
pub mod schema;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::printers::yaml;
use schema::{AUTH_INFO, CLUSTER, CONTEXT, Def, PREFERENCES, Type};

/// The fields of a struct, by their names in a file; none that is empty.
pub type Fields = Map<String, Value>;

/// A cluster, a user or a context.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stanza {
    /// The file that it stands in; empty for none.
    pub origin: String,
    /// What is in it.
    pub fields: Fields,
}

/// Stanzas by their names.
pub type Stanzas = BTreeMap<String, Stanza>;

/// What the stanzas of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `clusters`
    Clusters,
    /// `users`
    Users,
    /// `contexts`
    Contexts,
}

impl Section {
    /// All, in the order in which Go declares them.
    pub const ALL: [Section; 3] = [Section::Clusters, Section::Users, Section::Contexts];

    /// The name of the list.
    pub fn name(self) -> &'static str {
        match self {
            Section::Clusters => "clusters",
            Section::Users => "users",
            Section::Contexts => "contexts",
        }
    }

    /// The key of the stanza beside its name.
    fn key(self) -> &'static str {
        match self {
            Section::Clusters => "cluster",
            Section::Users => "user",
            Section::Contexts => "context",
        }
    }

    /// What a stanza is in Go.
    pub fn def(self) -> &'static Def {
        match self {
            Section::Clusters => &CLUSTER,
            Section::Users => &AUTH_INFO,
            Section::Contexts => &CONTEXT,
        }
    }
}

/// A kubeconfig. Mirrors `clientcmdapi.Config`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// Preferences.
    pub preferences: Fields,
    /// The clusters.
    pub clusters: Stanzas,
    /// The users.
    pub users: Stanzas,
    /// The contexts.
    pub contexts: Stanzas,
    /// The name of the context in use; empty for none.
    pub current_context: String,
    /// What others keep there, by names.
    pub extensions: Fields,
}

impl Stanza {
    /// A string of it; empty if it is not set.
    pub fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Sets a field, or takes it away when there is nothing in the value.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        set(&mut self.fields, field, value.into());
    }
}

/// Sets a field, or takes it away when there is nothing in the value.
pub fn set(fields: &mut Fields, field: &str, value: Value) {
    match is_empty(&value) {
        true => fields.remove(field),
        false => fields.insert(field.to_string(), value),
    };
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

impl Config {
    /// Reads a file's text; `origin` is its name.
    ///
    /// # Errors
    /// goyaml's and `encoding/json`'s texts, an API version or kind of something else, two stanzas of one name.
    pub fn read(text: &str, origin: &str) -> Result<Config, String> {
        decode::decode(text, origin)
    }

    /// The stanzas of a section.
    pub fn section(&self, section: Section) -> &Stanzas {
        match section {
            Section::Clusters => &self.clusters,
            Section::Users => &self.users,
            Section::Contexts => &self.contexts,
        }
    }

    /// The same, to be changed.
    pub fn section_mut(&mut self, section: Section) -> &mut Stanzas {
        match section {
            Section::Clusters => &mut self.clusters,
            Section::Users => &mut self.users,
            Section::Contexts => &mut self.contexts,
        }
    }

    /// The config as version v1 has it, with the fields that are written though empty.
    pub fn to_tree(&self) -> Value {
        let list = |section: Section| {
            let named = |(name, stanza): (&String, &Stanza)| json!({"name": name, section.key(): complete(section.def(), &stanza.fields)});
            let all: Vec<Value> = self.section(section).iter().map(named).collect();
            if all.is_empty() { Value::Null } else { all.into() }
        };
        let mut tree = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": list(Section::Clusters),
            "users": list(Section::Users),
            "contexts": list(Section::Contexts),
            "current-context": self.current_context,
        });
        if !self.preferences.is_empty() {
            tree["preferences"] = complete(&PREFERENCES, &self.preferences);
        }
        if !self.extensions.is_empty() {
            tree["extensions"] = extensions(&self.extensions);
        }
        tree
    }

    /// The text of a file. Mirrors `clientcmd.Write`.
    pub fn to_yaml(&self) -> String {
        yaml::to_yaml(&self.to_tree())
    }
}

/// A struct as it is written: extensions as a list, and fields that are there always.
fn complete(def: &Def, fields: &Fields) -> Value {
    let mut tree = Map::new();
    for field in def.fields {
        let value = match (fields.get(field.name), &field.ty) {
            (Some(Value::Object(all)), Type::Extensions) => extensions(all),
            (Some(Value::Object(inner)), Type::Struct(def)) => complete(def, inner),
            (Some(Value::Array(items)), Type::Structs(def)) => {
                items.iter().filter_map(Value::as_object).map(|item| complete(def, item)).collect()
            }
            (Some(value), _) => value.clone(),
            (None, _) if !field.always => continue,
            (None, Type::Text | Type::Named(_)) => "".into(),
            (None, Type::Flag) => false.into(),
            (None, _) => Value::Null,
        };
        tree.insert(field.name.to_string(), value);
    }
    tree.into()
}

fn extensions(all: &Fields) -> Value {
    all.iter().map(|(name, extension)| json!({"name": name, "extension": extension})).collect()
}
