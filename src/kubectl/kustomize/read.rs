//! Reads objects from texts: documents, lists taken apart, nothing without a kind and a name.
//!
//! Mirrors `kio.ByteReader` of `sigs.k8s.io/kustomize/kyaml` and `resource/factory.go` of `sigs.k8s.io/kustomize/api`.

use std::collections::{BTreeMap, VecDeque};

use super::Failed;
use super::node::Node;
use crate::manifest::yaml;

const MALFORMED: &str = "MalformedYAMLError";

/// The objects of a text.
pub(super) fn objects(bytes: &[u8]) -> Result<Vec<Node>, Failed> {
    let text = String::from_utf8(bytes.to_vec())
        .map_err(|_| Failed::new("yaml: invalid leading UTF-8 octet").within(MALFORMED))?;
    let nodes = drop_bad(documents(&text.replace("\r\n", "\n"))?)?;
    take_lists_apart(nodes)
}

/// The same of a file, which faults name.
pub(super) fn objects_of_file(bytes: &[u8], path: &str) -> Result<Vec<Node>, Failed> {
    objects(bytes).map_err(|e| match is_malformed(&e) {
        true => Failed::new(format!("{e} in File: {path}")),
        false => e,
    })
}

/// Whether a text was no YAML.
pub(super) fn is_malformed(failed: &Failed) -> bool {
    failed.to_string().contains(MALFORMED)
}

fn documents(text: &str) -> Result<Vec<Node>, Failed> {
    let texts = split(text)?;
    let mut nodes = Vec::new();
    for text in &texts {
        let tree = yaml::to_tree(text).map_err(|e| Failed::new(e.to_string()).within(MALFORMED))?;
        let Some(node) = tree.map(Node::from).filter(|node| !node.is_null()) else { continue };
        let kind = node.field("kind").map_or("", Node::text);
        match node.field("items") {
            Some(items) if texts.len() == 1 && matches!(kind, "List" | "ResourceList") => {
                nodes.extend(items.items().iter().cloned());
            }
            _ => nodes.push(node),
        }
    }
    Ok(nodes)
}

/// Mirrors `splitDocuments`.
fn split(text: &str) -> Result<Vec<String>, Failed> {
    let mut texts = vec![String::new()];
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (i, line) in lines.iter().enumerate() {
        let Some(rest) = line.strip_prefix("---").filter(|_| i > 0 && line.ends_with('\n')) else {
            texts.last_mut().into_iter().for_each(|t| t.push_str(line));
            continue;
        };
        let rest = rest.trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            return Err(Failed::new(format!("invalid document separator: {}", line.trim())));
        }
        texts.push(String::new());
    }
    Ok(texts)
}

/// The texts of a map as Go prints one.
fn go_map(texts: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = texts.iter().map(|(k, v)| format!("{k}:{v}")).collect();
    format!("map[{}]", pairs.join(" "))
}

/// Mirrors `GetValidatedMetadata`.
pub(super) fn validate(node: &Node) -> Result<(), Failed> {
    let text = |node: Option<&Node>| node.filter(|n| !n.is_empty()).map_or("", Node::text).to_string();
    let (api_version, kind) = (text(node.field("apiVersion")), text(node.field("kind")));
    let meta = |name| text(node.at(&["metadata", name]));
    let (name, namespace) = (meta("name"), meta("namespace"));
    let texts = |name| node.at(&["metadata", name]).map(Node::texts).unwrap_or_default();
    let (labels, annotations) = (texts("labels"), texts("annotations"));
    let all = [&api_version, &kind, &name, &namespace];
    if all.iter().all(|t| t.is_empty()) && labels.is_empty() && annotations.is_empty() {
        let known = node.field("metadata").is_some_and(|m| !m.is_empty());
        if !known || kind.is_empty() {
            return Err(Failed::new("missing Resource metadata"));
        }
    }
    let missing = |what: &str| {
        let (labels, annotations) = (go_map(&labels), go_map(&annotations));
        let shown = format!("{{{{{api_version} {kind}}} {{{{{name} {namespace}}} {labels} {annotations}}}}}");
        Err(Failed::new(format!("missing {what} in object {shown}")))
    };
    if kind.is_empty() {
        return missing("kind");
    }
    if name.is_empty() && !kind.ends_with("List") {
        return missing("metadata.name");
    }
    Ok(())
}

fn drop_bad(nodes: Vec<Node>) -> Result<Vec<Node>, Failed> {
    let nodes: Vec<Node> = nodes.into_iter().filter(|node| !node.is_empty()).collect();
    nodes.iter().try_for_each(validate)?;
    Ok(nodes)
}

/// Mirrors `inlineAnyEmbeddedLists`: what lists hold comes behind everything else.
fn take_lists_apart(nodes: Vec<Node>) -> Result<Vec<Node>, Failed> {
    let mut nodes = VecDeque::from(nodes);
    let mut plain = Vec::new();
    while let Some(node) = nodes.pop_front() {
        let kind = node.field("kind").map_or("", Node::text).to_string();
        match node.field("items").filter(|_| kind.ends_with("List")) {
            None => plain.push(node),
            Some(items) if items.is_null() => {}
            Some(Node::List(items)) => {
                for item in items.clone() {
                    nodes.extend(drop_bad(vec![item])?);
                }
            }
            Some(other) => {
                let found = match other {
                    Node::Map(_) => "map[string]interface {}",
                    _ => "string",
                };
                return Err(Failed::new(format!("expected array in {kind}/items, but found {found}")));
            }
        }
    }
    Ok(plain)
}
