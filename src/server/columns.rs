//! The columns of tables as a server describes them to clients: their types, formats and what they are for.
//!
//! Mirrors the `TableColumnDefinition`s of `pkg/printers/internalversion/printers.go`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::api::Kind;
use crate::api::definition;
use crate::api::table::ColumnDefinition;

/// What `metadata.name` is for.
pub(super) const NAME: &str = "Name must be unique within a namespace. Is required when creating resources, although some resources may \
     allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation \
     idempotence and configuration definition. Cannot be updated. More info: \
     https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";

/// What `metadata.creationTimestamp` is for.
pub(super) const AGE: &str = "CreationTimestamp is a timestamp representing the server time when this object was created. It is not \
     guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is \
     represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: \
     https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// A column as the table `columns.txt` has it.
struct Described {
    name: &'static str,
    ty: &'static str,
    format: &'static str,
    description: String,
}

fn table() -> &'static BTreeMap<&'static str, Vec<Described>> {
    static TABLE: OnceLock<BTreeMap<&'static str, Vec<Described>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table: BTreeMap<&str, Vec<Described>> = BTreeMap::new();
        let mut kind = "";
        for line in include_str!("columns.txt").lines().filter(|line| !line.starts_with('#')) {
            let Some(column) = line.strip_prefix("  ") else {
                kind = line;
                continue;
            };
            let mut parts = column.splitn(4, '|');
            let mut next = || parts.next().unwrap_or_default();
            let (name, ty, format) = (next(), next(), next());
            let description = match next() {
                "@name" => NAME.to_string(),
                "@age" => AGE.to_string(),
                text => text.replace("\\n", "\n"),
            };
            table.entry(kind).or_default().push(Described { name, ty, format, description });
        }
        table
    })
}

/// The definition of a column, and its type.
pub(super) fn definition(kind: Kind, column: &ColumnDefinition) -> (Value, String) {
    let known = table().get(kind.name()).filter(|_| kind.is_built_in());
    let found = known.and_then(|all| all.iter().find(|d| d.name.eq_ignore_ascii_case(column.name)));
    let taught = of_definition(kind, column.name);
    let (name, ty, format, description) = match (found, taught) {
        (Some(d), _) => (d.name.to_string(), d.ty.to_string(), d.format.to_string(), d.description.clone()),
        (None, Some(taught)) => taught,
        (None, None) => match column.name {
            "NAME" => ("Name".into(), "string".into(), "name".into(), NAME.into()),
            // A table that only the server's default makes calls it by another name.
            "AGE" if kind.is_built_in() => ("Created At".into(), "date".into(), String::new(), AGE.into()),
            "AGE" => ("Age".into(), "date".into(), String::new(), AGE.into()),
            other => (titled(other), "string".into(), String::new(), String::new()),
        },
    };
    let value = json!({
        "name": name,
        "type": ty,
        "format": format,
        "description": description,
        "priority": column.priority,
    });
    (value, ty)
}

/// A column as the definition of a taught kind has it: name, type, format and description.
fn of_definition(kind: Kind, heading: &str) -> Option<(String, String, String, String)> {
    let definition = definition::of(kind)?;
    let versions = definition.document["spec"]["versions"].as_array()?;
    let version = versions.iter().find(|v| v["name"] == kind.version())?;
    let columns = version["additionalPrinterColumns"].as_array()?;
    let is_it = |c: &&Value| c["name"].as_str().is_some_and(|name| name.to_uppercase() == heading);
    let found = columns.iter().find(is_it)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_string();
    let description = match text("description") {
        // OBSERVATION: a column without words of its own has some made for it.
        none if none.is_empty() => {
            format!("Custom resource definition column (in JSONPath format): {}", text("jsonPath"))
        }
        some => some,
    };
    Some((text("name"), text("type"), text("format"), description))
}

/// `ACCESS MODES` as `Access Modes`.
fn titled(heading: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_string() + &letters.as_str().to_lowercase()).unwrap_or_default()
    };
    heading.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A cell as a value of its column's type.
pub(super) fn cell(ty: &str, text: &str) -> Value {
    match (ty, text) {
        // OBSERVATION: the printers hand some booleans on as they are, whatever their columns say.
        ("string", "true") => return Value::from(true),
        ("string", "false") => return Value::from(false),
        _ => {}
    }
    match ty {
        "integer" => text.parse::<i64>().map(Value::from).unwrap_or_else(|_| Value::from(text)),
        "boolean" => text.parse::<bool>().map(Value::from).unwrap_or_else(|_| Value::from(text)),
        _ => Value::from(text),
    }
}
