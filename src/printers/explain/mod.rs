//! What `kubectl explain` prints of a kind or one of its fields.
//!
//! Mirrors the plaintext template of `k8s.io/kubectl/pkg/explain/v2`.

pub mod v2;

use super::PrintFailure;
use crate::api::schema::{self, FieldDef, FieldType, TypeDef};

/// The columns that a line of text may fill, its indentation included.
const WIDTH: usize = 80;

/// A field's line in a list names no more values than this.
const SHORT_ENUM: usize = 4;

/// What is explained: a kind in one of its versions.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its struct.
    pub def: &'static TypeDef,
    /// Its name, `PersistentVolumeClaim`.
    pub kind: &'a str,
    /// The version, `apps/v1`.
    pub api_version: &'a str,
}

/// Explains a kind, or the field at `path`.
///
/// # Errors
/// `field "x" does not exist`, after the heading.
pub fn render(subject: &Subject<'_>, path: &[&str], recursive: bool) -> Result<String, PrintFailure> {
    let def = subject.def;
    let (group, version) = subject.api_version.rsplit_once('/').unwrap_or(("", subject.api_version));
    let mut out = String::new();
    if !group.is_empty() {
        out.push_str(&format!("GROUP:      {group}\n"));
    }
    out.push_str(&format!("KIND:       {}\nVERSION:    {version}\n\n", subject.kind));
    let Some((name, parents)) = path.split_last() else {
        out.push_str(&section(&[&def.description], &fields_of(def, recursive)));
        return Ok(out);
    };
    let parent = match parents {
        [] => Some(def),
        parents => def.field(parents).and_then(|f| f.ty.leaf().as_struct()),
    };
    let Some(field) = parent.and_then(|p| p.fields.get(*name)) else {
        return Err(PrintFailure { output: out, message: format!("field \"{name}\" does not exist") });
    };
    let parent_is_taught = parent.is_some_and(TypeDef::is_taught);
    out.push_str(&format!("FIELD: {name} <{}>\n", type_name(&field.ty, parent_is_taught)));
    let values = values(field);
    if !values.is_empty() {
        out.push_str("ENUM:");
        values.iter().for_each(|v| out.push_str(&format!("\n    {}", shown(v))));
    }
    out.push_str("\n\n");
    // A struct that is written out in place has no description but the field's.
    let in_place = parent_is_taught && matches!(&field.ty, FieldType::Struct(def) if def.is_taught());
    let of_type = field.ty.leaf().published_name().filter(|_| !in_place).and_then(schema::named);
    let of_type = of_type.map_or("", |def| def.description.as_str());
    let fields = field.ty.leaf().as_struct().map(|d| fields_of(d, recursive)).unwrap_or_default();
    out.push_str(&section(&[&description(field), of_type], &fields));
    Ok(out)
}

/// The description and the fields, and the empty line that ends every explanation.
fn section(descriptions: &[&str], fields: &str) -> String {
    let mut text = String::new();
    for description in descriptions.iter().filter(|d| !d.is_empty()) {
        text.push_str(description);
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("<empty>");
    }
    let heading = if fields.is_empty() { "" } else { "FIELDS:\n" };
    format!("DESCRIPTION:\n{}\n{heading}{fields}\n", block(&text, 4))
}

fn fields_of(def: &TypeDef, recursive: bool) -> String {
    let mut out = String::new();
    list_fields(def, recursive, 1, &mut out);
    out
}

fn list_fields(def: &TypeDef, recursive: bool, level: usize, out: &mut String) {
    for (name, field) in &def.fields {
        let indent = " ".repeat(level * 2);
        let required = if field.required { " -required-" } else { "" };
        out.push_str(&format!("{indent}{name}\t<{}>{required}", type_name(&field.ty, def.is_taught())));
        let values = values(field);
        if !values.is_empty() {
            let names: Vec<&str> = values.iter().take(SHORT_ENUM).map(|v| shown(v)).collect();
            let more = if values.len() > SHORT_ENUM { ", ...." } else { "" };
            out.push_str(&format!("\n{indent}enum: {}{more}", names.join(", ")));
        }
        out.push('\n');
        if recursive {
            if let Some(inner) = field.ty.leaf().as_struct() {
                list_fields(inner, recursive, level + 1, out);
            }
        } else {
            let text = description(field);
            let text = if text.is_empty() { "<no description>" } else { &text };
            out.push_str(&format!("{}\n\n", block(text, level * 2 + 2)));
        }
    }
}

/// The values that a field may have; none where it may have any.
fn values(field: &FieldDef) -> Vec<&str> {
    match field.enum_values() {
        Some(values) => values.iter().map(|v| v.value).collect(),
        None => field.allowed.iter().map(String::as_str).collect(),
    }
}

/// The published description, which lists the values of an enumerated type.
fn description(field: &FieldDef) -> String {
    let mut text = field.description.clone();
    if let Some(values) = field.enum_values() {
        text.push_str("\n\nPossible enum values:");
        for value in values {
            text.push_str(&format!("\n - `\"{}\"`", value.value));
            if !value.description.is_empty() {
                text.push_str(&format!(" {}", value.description));
            }
        }
    }
    text
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "\"\"" } else { value }
}

/// The type as `explain` guesses it: `[]Container`, `map[string]Quantity`, `string`. The schema of a kind that a cluster was
/// taught has no names for its structs.
fn type_name(ty: &FieldType, taught: bool) -> String {
    match ty {
        FieldType::Struct(def) if def.is_taught() => "Object".into(),
        FieldType::IntOrString | FieldType::RawExtension if taught => "Object".into(),
        FieldType::Struct(def) => def.go_name.clone(),
        FieldType::Array(item) => format!("[]{}", type_name(item, taught)),
        FieldType::Map(item) => format!("map[string]{}", type_name(item, taught)),
        FieldType::String | FieldType::Bytes | FieldType::Time | FieldType::MicroTime => "string".into(),
        FieldType::Int32 | FieldType::Int64 => "integer".into(),
        FieldType::Number => "number".into(),
        FieldType::Boolean => "boolean".into(),
        FieldType::Quantity => "Quantity".into(),
        FieldType::IntOrString => "IntOrString".into(),
        FieldType::RawExtension => "RawExtension".into(),
        FieldType::FieldsV1 => "FieldsV1".into(),
    }
}

fn block(text: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    format!("{pad}{}", wrap(text, WIDTH.saturating_sub(indent)).replace('\n', &format!("\n{pad}")))
}

/// Breaks lines at blanks; mirrors `github.com/mitchellh/go-wordwrap`, which drops the blanks that it breaks at
/// and leaves words alone that are longer than a line.
fn wrap(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut column, mut blanks, mut word) = (0, String::new(), String::new());
    let (mut blank_count, mut word_length) = (0, 0);
    for c in text.chars() {
        if c == '\n' {
            if !word.is_empty() || column + blank_count <= limit {
                out.push_str(&blanks);
            }
            out.push_str(&word);
            out.push('\n');
            blanks.clear();
            word.clear();
            (column, blank_count, word_length) = (0, 0, 0);
        } else if c.is_whitespace() && c != '\u{a0}' {
            if blanks.is_empty() || !word.is_empty() {
                column += blank_count + word_length;
                out.push_str(&blanks);
                out.push_str(&word);
                blanks.clear();
                word.clear();
                (blank_count, word_length) = (0, 0);
            }
            blanks.push(c);
            blank_count += 1;
        } else {
            word.push(c);
            word_length += 1;
            if column + word_length + blank_count > limit && word_length < limit {
                out.push('\n');
                column = 0;
                blanks.clear();
                blank_count = 0;
            }
        }
    }
    if !word.is_empty() || column + blank_count <= limit {
        out.push_str(&blanks);
    }
    out.push_str(&word);
    out
}

#[cfg(test)]
mod tests {
    use super::{Subject, render};
    use crate::api::{Kind, schema};

    fn subject(api_version: &'static str, kind: Kind) -> Subject<'static> {
        Subject { def: schema::of(kind), kind: kind.name(), api_version }
    }

    #[test]
    fn explains_a_field_as_kubectl_does() {
        let text = render(&subject("apps/v1", Kind::Deployment), &["spec", "strategy"], false)
            .unwrap()
            .replace("    \n", "    |\n");
        insta::assert_snapshot!(text, @r#"
        GROUP:      apps
        KIND:       Deployment
        VERSION:    v1

        FIELD: strategy <DeploymentStrategy>


        DESCRIPTION:
            The deployment strategy to use to replace existing pods with new ones.
            DeploymentStrategy describes how to replace existing pods with new ones.
            |
        FIELDS:
          rollingUpdate	<RollingUpdateDeployment>
            Rolling update config params. Present only if DeploymentStrategyType =
            RollingUpdate.

          type	<string>
          enum: Recreate, RollingUpdate
            Type of deployment. Can be "Recreate" or "RollingUpdate". Default is
            RollingUpdate.
            |
            Possible enum values:
             - `"Recreate"` Kill all existing pods before creating new ones.
             - `"RollingUpdate"` Replace the old ReplicaSets by new one using rolling
            update i.e gradually scale down the old ReplicaSets and scale up the new
            one.
        "#);
        let text = render(&subject("v1", Kind::PersistentVolumeClaim), &["spec", "volumeMode"], false).unwrap();
        assert!(
            text.contains("FIELD: volumeMode <string>\nENUM:\n    Block\n    Filesystem\n\nDESCRIPTION:\n"),
            "{text}"
        );
    }

    #[test]
    fn says_what_there_is_not() {
        let error = render(&subject("v1", Kind::PersistentVolumeClaim), &["spec", "nope"], false).unwrap_err();
        assert_eq!(error.output, "KIND:       PersistentVolumeClaim\nVERSION:    v1\n\n");
        assert_eq!(error.message, "field \"nope\" does not exist");
    }
}
