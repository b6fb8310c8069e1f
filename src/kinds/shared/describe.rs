//! What `kubectl describe` says, as plain data: lines with a level and tab-separated cells.
//!
//! Mirrors `k8s.io/kubectl/pkg/describe/describe.go`; `printers` lays the lines out.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::api::k8s::api::core::v1::{Event, Taint, Toleration};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity;
use crate::api::object::controller_of;
use crate::api::scalar::{json_float, yaml_float};
use crate::api::{Kind, Object, ObjectMeta, Time, Typed, go_sort, time};
use crate::kinds::{PrintContext, Version};

/// The label or annotation map of an object, as the types have it.
pub type Labels = Option<BTreeMap<String, String>>;

/// Annotations that `describe` never shows.
const SKIPPED_ANNOTATIONS: [&str; 1] = ["kubectl.kubernetes.io/last-applied-configuration"];
/// How many bytes of an annotation a line holds.
pub const MAX_ANNOTATION_LEN: usize = 140;

/// The text of a `describe`, line by line.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Description {
    /// Level of indentation (two blanks each) and text; tabs separate cells. What is written apart bears the indentation
    /// of its level, even in the middle of a line.
    pub parts: Vec<(usize, String)>,
}

impl Description {
    /// An empty one.
    pub fn new() -> Description {
        Description::default()
    }

    /// Adds a text at a level; newlines are the caller's, as in `PrefixWriter.Write`.
    pub fn write(&mut self, level: usize, text: impl Into<String>) {
        self.parts.push((level, text.into()));
    }

    /// Adds a line of a name and a value, `Name:\tvalue`.
    pub fn field(&mut self, level: usize, name: &str, value: impl std::fmt::Display) {
        self.write(level, format!("{name}:\t{value}\n"));
    }

    /// Adds the lines of another description, so many levels deeper; mirrors `NewNestedPrefixWriter`.
    pub fn nest(&mut self, indent: usize, other: Description) {
        self.parts.extend(other.parts.into_iter().map(|(level, text)| (level + indent, text)));
    }
}

/// The events about an object, the oldest first, unless `--show-events=false`. Ends most descriptions.
pub fn describe_events_of(d: &mut Description, meta: &ObjectMeta, context: &PrintContext<'_>) {
    if context.show_events {
        let events = context.lister.events_about(meta.uid.as_deref().unwrap_or_default());
        describe_events(d, &events, context);
    }
}

/// Events, the oldest first. Mirrors `DescribeEvents`.
pub fn describe_events(d: &mut Description, events: &[Arc<Object>], context: &PrintContext<'_>) {
    let mut events: Vec<&Event> = events.iter().filter_map(|e| e.get::<Event>()).collect();
    if events.is_empty() {
        d.write(0, "Events:\t<none>\n");
        return;
    }
    let last = |e: &Event| e.last_timestamp.as_ref().map_or(Time(i64::MIN), Time::from_meta);
    go_sort::sort(&mut events, |a, b| last(a) < last(b));
    d.write(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage\n");
    d.write(1, "----\t------\t----\t----\t-------\n");
    for e in events {
        let source = e.source.as_ref().and_then(|s| s.component.as_deref()).filter(|s| !s.is_empty());
        let source = source.or(e.reporting_component.as_deref()).unwrap_or_default();
        let message = e.message.as_deref().unwrap_or_default().trim();
        let field = e.involved_object.field_path.as_deref().filter(|f| !f.is_empty() && context.version >= Version(35));
        let message = field.map_or_else(|| message.to_string(), |field| format!("{field}: {message}"));
        let (kind, reason) = (e.type_.as_deref().unwrap_or_default(), e.reason.as_deref().unwrap_or_default());
        d.write(1, format!("{kind}\t{reason}\t{}\t{source}\t{message}\n", event_interval(e, context.now)));
    }
}

/// How long ago an event was, and how often it came in which time: `5s (x3 over 12s)`. Mirrors `getInterval`.
pub fn event_interval(e: &Event, now: Time) -> String {
    let first = match e.event_time {
        Some(_) => time::translate_micro_timestamp_since(e.event_time.as_ref(), now),
        None => time::translate_timestamp_since(e.first_timestamp.as_ref(), now),
    };
    if let Some(series) = &e.series {
        let last = time::translate_micro_timestamp_since(series.last_observed_time.as_ref(), now);
        return format!("{last} (x{} over {first})", series.count.unwrap_or(0));
    }
    match e.count {
        Some(count) if count > 1 => {
            let last = time::translate_timestamp_since(e.last_timestamp.as_ref(), now);
            format!("{last} (x{count} over {first})")
        }
        _ => first,
    }
}

/// Labels below each other after a title. Mirrors `printLabelsMultiline`.
pub fn print_labels_multiline(d: &mut Description, title: &str, labels: &Labels) {
    print_labels_multiline_with_indent(d, "", title, "\t", labels);
}

/// Labels below each other, each line with an indent before and between. Mirrors `printLabelsMultilineWithIndent`.
pub fn print_labels_multiline_with_indent(
    d: &mut Description,
    initial_indent: &str,
    title: &str,
    inner_indent: &str,
    labels: &Labels,
) {
    let lines = labels.iter().flatten().map(|(k, v)| format!("{k}={v}"));
    print_lines(d, initial_indent, title, inner_indent, lines);
}

/// Lines below each other after a title, `<none>` without any. Mirrors `print*MultilineWithIndent`.
pub fn print_lines(
    d: &mut Description,
    initial_indent: &str,
    title: &str,
    inner_indent: &str,
    lines: impl Iterator<Item = String>,
) {
    d.write(0, format!("{initial_indent}{title}:{inner_indent}"));
    let mut none = true;
    for line in lines {
        if !none {
            d.write(0, initial_indent);
            d.write(0, inner_indent);
        }
        d.write(0, format!("{line}\n"));
        none = false;
    }
    if none {
        d.write(0, "<none>\n");
    }
}

/// Annotations below each other after a title, long ones cut. Mirrors `printAnnotationsMultiline`.
pub fn print_annotations_multiline(d: &mut Description, title: &str, annotations: &Labels) {
    let shown = annotations.iter().flatten().filter(|(key, _)| !SKIPPED_ANNOTATIONS.contains(&key.as_str()));
    d.write(0, format!("{title}:\t"));
    let mut none = true;
    for (key, value) in shown {
        if !none {
            d.write(0, "\t");
        }
        none = false;
        let value = value.strip_suffix('\n').unwrap_or(value);
        if value.len() + key.len() + 2 > MAX_ANNOTATION_LEN || value.contains('\n') {
            d.write(0, format!("{key}:\n"));
            for line in value.split('\n') {
                d.write(0, format!("\t  {}\n", shorten(line, MAX_ANNOTATION_LEN - 2)));
            }
        } else {
            d.write(0, format!("{key}: {value}\n"));
        }
    }
    if none {
        d.write(0, "<none>\n");
    }
}

/// The text, cut to so many bytes with `...` after them.
pub fn shorten(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_string();
    }
    let end = (0..=max).rev().find(|n| text.is_char_boundary(*n)).unwrap_or(0);
    format!("{}...", &text[..end])
}

/// Taints below each other, by effect and key. Mirrors `printNodeTaintsMultiline`.
pub fn print_taints_multiline(d: &mut Description, title: &str, taints: &[Taint]) {
    let mut taints: Vec<&Taint> = taints.iter().collect();
    taints.sort_by_key(|t| format!("{},{}", t.effect, t.key));
    print_lines(d, "", title, "\t", taints.into_iter().map(format_taint));
}

/// A taint as `key=value:effect`. Mirrors `Taint.ToString`.
pub fn format_taint(taint: &Taint) -> String {
    let (key, value) = (&taint.key, taint.value.as_deref().unwrap_or_default());
    match (taint.effect.as_str(), value) {
        ("", "") => key.clone(),
        ("", value) => format!("{key}={value}:"),
        (effect, "") => format!("{key}:{effect}"),
        (effect, value) => format!("{key}={value}:{effect}"),
    }
}

/// Tolerations below each other, by key. Mirrors `printPodTolerationsMultiline`.
pub fn print_tolerations_multiline(d: &mut Description, title: &str, tolerations: &[Toleration]) {
    let mut tolerations: Vec<&Toleration> = tolerations.iter().collect();
    tolerations.sort_by_key(|t| t.key.clone().unwrap_or_default());
    print_lines(d, "", title, "\t", tolerations.into_iter().map(format_toleration));
}

fn format_toleration(t: &Toleration) -> String {
    let (key, value) = (t.key.as_deref().unwrap_or_default(), t.value.as_deref().unwrap_or_default());
    let effect = t.effect.as_deref().unwrap_or_default();
    let mut text = key.to_string();
    if !value.is_empty() {
        text += &format!("={value}");
    }
    if !effect.is_empty() {
        text += &format!(":{effect}");
    }
    if t.operator.as_deref() == Some("Exists") && value.is_empty() {
        // A toleration of everything has nothing before its operator.
        text += if key.is_empty() && effect.is_empty() { "op=Exists" } else { " op=Exists" };
    }
    if let Some(seconds) = t.toleration_seconds {
        text += &format!(" for {seconds}s");
    }
    text
}

/// Who controls an object, as `KIND/NAME`. Mirrors `printController`.
pub fn print_controller(meta: &ObjectMeta) -> Option<String> {
    controller_of(meta).map(|o| format!("{}/{}", o.kind, o.name))
}

/// A quantity as Go prints it: in its canonical form; empty for an absent one is the caller's choice.
pub fn quantity(q: &Quantity) -> String {
    crate::api::quantity::canonicalize(&q.0).unwrap_or_else(|_| q.0.clone())
}

/// `True` or `False`. Mirrors `printBool`.
pub fn print_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// `True`, `False` or `<unset>`. Mirrors `printBoolPtr`.
pub fn print_bool_ptr(value: Option<bool>) -> &'static str {
    value.map_or("<unset>", print_bool)
}

/// The text, or `<none>` where it is empty. Mirrors `stringOrNone`.
pub fn string_or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

/// A kind without a describer of its own: every field under its name in words. Mirrors `genericDescriber`.
pub fn generic<T: Typed>(object: &T, d: &mut Description, context: &PrintContext<'_>) {
    generic_object(&object.clone().into_object(), d, context);
}

/// The same for an object of whatever kind.
pub fn generic_object(object: &Object, d: &mut Description, context: &PrintContext<'_>) {
    let mut tree = context.lister.sent(object);
    if let Some(event) = tree.as_object_mut().filter(|_| object.kind() == Kind::Event) {
        event.entry("eventTime").or_insert(Value::Null);
    }
    generic_tree(object.meta(), &tree, d, context);
}

/// The same for an object in another version than the stored one, as a server sends it.
pub fn generic_tree(meta: &ObjectMeta, tree: &Value, d: &mut Description, context: &PrintContext<'_>) {
    describe_meta(meta, d);
    print_unstructured_content(d, 0, tree, "", context.version);
    describe_events_of(d, meta, context);
}

fn describe_meta(meta: &ObjectMeta, d: &mut Description) {
    d.field(0, "Name", meta.name.as_deref().unwrap_or_default());
    d.field(0, "Namespace", meta.namespace.as_deref().unwrap_or_default());
    print_labels_multiline(d, "Labels", &meta.labels);
    print_annotations_multiline(d, "Annotations", &meta.annotations);
}

/// What `generic` has shown already, or never shows.
const SKIPPED_FIELDS: [&str; 5] =
    [".metadata.managedFields", ".metadata.name", ".metadata.namespace", ".metadata.labels", ".metadata.annotations"];

fn print_unstructured_content(d: &mut Description, level: usize, content: &Value, prefix: &str, version: Version) {
    for (field, value) in content.as_object().into_iter().flatten() {
        let path = format!("{prefix}.{field}");
        if SKIPPED_FIELDS.contains(&path.as_str()) {
            continue;
        }
        let label = smart_label_for(field, version);
        match value {
            Value::Object(_) => {
                d.write(level, format!("{label}:\n"));
                print_unstructured_content(d, level + 1, value, &path, version);
            }
            Value::Array(items) => {
                d.write(level, format!("{label}:\n"));
                for item in items {
                    match item {
                        Value::Object(_) => print_unstructured_content(d, level + 1, item, &path, version),
                        other => d.write(level + 1, format!("{}\n", plain(other))),
                    }
                }
            }
            other => d.write(level, format!("{label}:\t{}\n", plain(other))),
        }
    }
}

/// A scalar as Go's `%v` prints it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
        // What has no fraction comes over the wire as a whole number.
        Value::Number(number) if number.is_f64() => number.as_f64().map_or_else(String::new, |f| {
            let sent = json_float(f);
            if sent.parse::<i64>().is_ok() { sent } else { yaml_float(f) }
        }),
        other => other.to_string(),
    }
}

/// A field's name in words: `apiVersion` -> `API Version`. Mirrors `smartLabelFor`.
fn smart_label_for(field: &str, version: Version) -> String {
    if !field.chars().all(|c| c.is_alphabetic() || c == '-') {
        return field.to_string();
    }
    let mut words = camel_case_words(field);
    if version >= Version(36) {
        words = merge_acronyms(words);
    }
    let words = words.into_iter().map(|word| {
        let upper = word.to_uppercase();
        if ["API", "URL", "UID", "GUID"].contains(&upper.as_str()) {
            return upper;
        }
        if word.to_lowercase() != word {
            return word;
        }
        let mut chars = word.chars();
        chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Joins two capitals or more with a word in a capital after them: `CID`, `Rs` become one word, `I`, `Ds` stay two.
fn merge_acronyms(words: Vec<String>) -> Vec<String> {
    let capital = |c: char| !c.is_alphabetic() || c.is_uppercase();
    let mut merged = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(mut word) = words.next() {
        let acronym = word.len() >= 2 && word.chars().all(capital);
        let follows = |next: &String| next.starts_with(|c: char| c.is_ascii_uppercase());
        if acronym && let Some(next) = words.next_if(follows) {
            word += &next;
        }
        merged.push(word);
    }
    merged
}

/// Splits before each capital that follows a small letter, and before the last of several capitals
/// where a small letter follows (`PDFLoader` -> `PDF`, `Loader`). Mirrors `github.com/fatih/camelcase`.
fn camel_case_words(field: &str) -> Vec<String> {
    #[derive(PartialEq, Clone, Copy)]
    enum Class {
        Lower,
        Upper,
        Other,
    }
    let class = |c: char| match c {
        c if c.is_lowercase() => Class::Lower,
        c if c.is_uppercase() => Class::Upper,
        _ => Class::Other,
    };
    let mut runs: Vec<(Class, String)> = Vec::new();
    for c in field.chars() {
        match runs.last_mut() {
            Some((last, text)) if *last == class(c) => text.push(c),
            _ => runs.push((class(c), c.to_string())),
        }
    }
    for i in 0..runs.len().saturating_sub(1) {
        if runs[i].0 == Class::Upper
            && runs[i + 1].0 == Class::Lower
            && let Some(last) = runs[i].1.pop()
        {
            runs[i + 1].1.insert(0, last);
        }
    }
    runs.into_iter().map(|(_, text)| text).filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Description, Version, print_annotations_multiline, print_labels_multiline, smart_label_for};

    #[test]
    fn writes_maps_below_each_other() {
        let mut d = Description::new();
        let map = [("b".to_string(), "2".to_string()), ("a".to_string(), "x\ny\n".to_string())].into();
        print_labels_multiline(&mut d, "Labels", &Some([("k".to_string(), "v".to_string())].into()));
        print_labels_multiline(&mut d, "Labels", &None);
        print_annotations_multiline(&mut d, "Annotations", &Some(map));
        let text: String = d.parts.into_iter().map(|(_, text)| text).collect();
        assert_eq!(text, "Labels:\tk=v\nLabels:\t<none>\nAnnotations:\ta:\n\t  x\n\t  y\n\tb: 2\n");
    }

    #[test]
    fn names_fields_in_words() {
        let fields = ["apiVersion", "uid", "holderIdentity", "nodeIDs", "clusterIP", "podCIDRs", "a.b/c"];
        let labels = |version| fields.map(|field| smart_label_for(field, Version(version))).join("|");
        assert_eq!(labels(36), "API Version|UID|Holder Identity|Node I Ds|Cluster IP|Pod CIDRs|a.b/c");
        assert_eq!(labels(35), "API Version|UID|Holder Identity|Node I Ds|Cluster IP|Pod CID Rs|a.b/c");
    }
}
