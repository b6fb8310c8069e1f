//! What `kubectl explain -o plaintext-openapiv2` prints: the layout that explanations had before OpenAPI v3.
//!
//! Mirrors `k8s.io/kubectl/pkg/explain`.

use super::{Subject, description as published};
use crate::api::schema::{self, FieldType, TypeDef};
use crate::printers::PrintFailure;

/// The columns that a line of text may fill, its indentation included.
const WIDTH: usize = 80;

/// The columns before a field, and before a text.
const FIELD_INDENT: usize = 3;
const TEXT_INDENT: usize = 5;

/// Explains a kind, or the field at `path`.
///
/// # Errors
/// `field "x" does not exist`.
pub fn render(subject: &Subject<'_>, path: &[&str], recursive: bool) -> Result<String, PrintFailure> {
    let mut found = Schema { description: String::new(), shape: Shape::Kind(subject.def) };
    for name in path {
        let Some(inner) = found.innermost() else { break };
        let Some(field) = inner.fields.get(*name) else {
            let message = format!("field {name:?} does not exist");
            return Err(PrintFailure { output: String::new(), message });
        };
        found = Schema { description: published(field), shape: Shape::Of(&field.ty) };
    }
    let mut out = format!("KIND:     {}\nVERSION:  {}\n\n", subject.kind, subject.api_version);
    let name = path.last().copied().unwrap_or_default();
    print_model(&mut out, name, &found, recursive);
    Ok(out)
}

/// A part of a schema, with the description that it has where it stands.
struct Schema {
    description: String,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    /// A struct by itself.
    Kind(&'static TypeDef),
    /// What a field holds.
    Of(&'static FieldType),
}

impl Schema {
    /// The struct that lists and maps hold in the end.
    fn innermost(&self) -> Option<&'static TypeDef> {
        match self.shape {
            Shape::Kind(def) => Some(def),
            Shape::Of(ty) => ty.leaf().as_struct(),
        }
    }

    fn type_name(&self) -> String {
        match self.shape {
            Shape::Kind(_) => "Object".into(),
            Shape::Of(ty) => type_name(ty),
        }
    }

    /// The descriptions from here to what it is in the end: of the field, of lists and maps, of the type.
    fn descriptions(&self) -> Vec<&str> {
        let mut all = vec![self.description.as_str()];
        let Shape::Of(mut ty) = self.shape else {
            return vec![self.innermost().map_or("", |def| def.description.as_str())];
        };
        while let FieldType::Array(item) | FieldType::Map(item) = ty {
            all.push("");
            ty = item;
        }
        // A plain value inside of a list has no description of its own.
        if let Some(name) = ty.published_name() {
            all.push(schema::named(name).map_or("", |def| def.description.as_str()));
            // What may hold anything is a map of anything.
            if matches!(ty, FieldType::RawExtension | FieldType::FieldsV1) {
                all.push(all.last().copied().unwrap_or_default());
            }
        }
        all
    }
}

fn type_name(ty: &FieldType) -> String {
    match ty {
        FieldType::Struct(_) => "Object".into(),
        FieldType::Array(item) => format!("[]{}", type_name(item)),
        FieldType::Map(item) => format!("map[string]{}", type_name(item)),
        FieldType::Int32 | FieldType::Int64 => "integer".into(),
        FieldType::Number => "number".into(),
        FieldType::Boolean => "boolean".into(),
        FieldType::RawExtension | FieldType::FieldsV1 => "map[string]".into(),
        FieldType::String
        | FieldType::Bytes
        | FieldType::Time
        | FieldType::MicroTime
        | FieldType::Quantity
        | FieldType::IntOrString => "string".into(),
    }
}

fn print_model(out: &mut String, name: &str, schema: &Schema, recursive: bool) {
    let anything =
        matches!(schema.shape, Shape::Of(ty) if matches!(ty.leaf(), FieldType::RawExtension | FieldType::FieldsV1));
    match schema.innermost() {
        Some(_) if name.is_empty() => {}
        Some(_) => out.push_str(&format!("RESOURCE: {name} <{}>\n\n", schema.type_name())),
        None if anything => {}
        None => out.push_str(&format!("FIELD:    {name} <{}>\n\n", schema.type_name())),
    }
    out.push_str("DESCRIPTION:\n");
    let mut empty = true;
    for (i, description) in schema.descriptions().into_iter().enumerate().filter(|(_, d)| !d.is_empty()) {
        empty = false;
        if i > 0 {
            out.push('\n');
        }
        write_wrapped(out, description, TEXT_INDENT);
    }
    if empty {
        write_wrapped(out, "<empty>", TEXT_INDENT);
    }
    if let Some(def) = schema.innermost() {
        out.push_str("\nFIELDS:\n");
        match recursive {
            true => list_recursively(out, def, FIELD_INDENT, &mut Vec::new()),
            false => list(out, def),
        }
    }
}

fn list(out: &mut String, def: &TypeDef) {
    for (name, field) in &def.fields {
        let required = if field.required { " -required-" } else { "" };
        out.push_str(&format!("{:FIELD_INDENT$}{name}\t<{}>{required}\n", "", type_name(&field.ty)));
        write_wrapped(out, &published(field), TEXT_INDENT);
        out.push('\n');
    }
}

fn list_recursively(out: &mut String, def: &'static TypeDef, indent: usize, above: &mut Vec<&'static str>) {
    for (name, field) in &def.fields {
        out.push_str(&format!("{:indent$}{name}\t<{}>\n", "", type_name(&field.ty)));
        // A type that holds itself is listed once.
        if let Some(inner) = field.ty.leaf().as_struct().filter(|inner| !above.contains(&inner.name.as_str())) {
            above.push(&inner.name);
            list_recursively(out, inner, indent + FIELD_INDENT, above);
            above.pop();
        }
    }
}

fn write_wrapped(out: &mut String, text: &str, indent: usize) {
    for line in wrap(text, WIDTH - indent) {
        match line.is_empty() {
            true => out.push('\n'),
            false => out.push_str(&format!("{:indent$}{line}\n", "")),
        }
    }
}

/// Breaks lines, but leaves code, lists and empty lines where they are. Mirrors `wrapString`.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut words): (Vec<String>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut last_word = "";
    for line in text.split('\n') {
        let is_code = line.starts_with("    ");
        let is_blank = line.trim().is_empty();
        let keeps = is_code || (is_blank && !lines.is_empty());
        if (keeps || is_blank || last_word.ends_with(':') || starts_list(line.trim())) && !words.is_empty() {
            lines.push(words.join(" "));
            words.clear();
            last_word = "";
        }
        if is_code {
            lines.push(line.to_string());
            continue;
        }
        if is_blank {
            if keeps {
                lines.push(String::new());
            }
            continue;
        }
        for word in line.split_whitespace() {
            let length = words.iter().map(|w| w.len() + 1).sum::<usize>() + word.len();
            if length > width && !words.is_empty() {
                lines.push(words.join(" "));
                words.clear();
            }
            words.push(word);
            last_word = word;
        }
    }
    if !words.is_empty() {
        lines.push(words.join(" "));
    }
    lines
}

/// `1. `, `- ` or `* `.
fn starts_list(line: &str) -> bool {
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let after = match digits.len() < line.len() {
        true => Some(digits.strip_prefix('.').unwrap_or(digits)),
        false => line.strip_prefix(['-', '*']),
    };
    after.is_some_and(|rest| rest.starts_with(char::is_whitespace))
}
