//! Finds fields by paths such as `spec.template.spec.containers.[name=web].image`.
//!
//! Mirrors `PathGetter` and `PathMatcher` of `sigs.k8s.io/kustomize/kyaml/yaml`.

use super::Failed;
use super::node::{Kind, Node};
use super::selector::pattern;
use crate::manifest::yaml;

/// What a function does to the fields that a path leads to.
pub(super) type Visit<'a> = dyn FnMut(&mut Node) -> Result<(), Failed> + 'a;

fn is_index(part: &str) -> bool {
    part.parse::<i64>().is_ok_and(|index| index >= 0)
}

fn is_list_part(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

/// `[name=web]` is `name` and `web`.
fn split_list_part(part: &str) -> Result<(&str, &str), Failed> {
    let inner = part.strip_suffix(']').unwrap_or(part);
    let inner = inner.strip_prefix('[').unwrap_or(inner);
    let text = "list path element must contain fieldName=fieldValue for element to match";
    inner.split_once('=').ok_or_else(|| Failed::new(text))
}

fn kind_before(next: Option<&String>, last: Kind) -> Kind {
    match next {
        Some(part) if is_list_part(part) || is_index(part) => Kind::List,
        None => last,
        Some(part) if part.is_empty() => last,
        Some(_) => Kind::Map,
    }
}

/// The one field that a path leads to.
pub(super) fn get<'a>(node: &'a Node, path: &[String]) -> Result<Option<&'a Node>, Failed> {
    let mut here = node;
    for part in path.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let found = if let Ok(index) = part.parse::<i64>() {
            here.expect(Kind::List)?;
            let index =
                usize::try_from(index).map_err(|_| Failed::new(format!("array index {index} cannot be negative")))?;
            here.items().get(index)
        } else if part == "-" {
            here.expect(Kind::List)?;
            here.items().last()
        } else if part == "*" {
            return Err(Failed::new("wildcard is not supported in PathGetter"));
        } else if is_list_part(part) {
            let (key, value) = split_list_part(part)?;
            here.expect(Kind::List)?;
            here.items().iter().find(|item| match key {
                "" => item.text() == value,
                key => item.field(key).is_some_and(|field| field.text() == value),
            })
        } else {
            here.expect(Kind::Map)?;
            here.field(part)
        };
        match found {
            Some(node) => here = node,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// The same to be changed.
pub(super) fn get_mut<'a>(node: &'a mut Node, path: &[String]) -> Option<&'a mut Node> {
    let mut here = node;
    for part in path.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        here = match here {
            Node::List(items) => {
                let place = match part.parse::<usize>() {
                    Ok(index) => Some(index),
                    Err(_) if part == "-" => items.len().checked_sub(1),
                    Err(_) => {
                        let (key, value) = split_list_part(part).ok()?;
                        items.iter().position(|item| match key {
                            "" => item.text() == value,
                            key => item.field(key).is_some_and(|field| field.text() == value),
                        })
                    }
                };
                items.get_mut(place?)?
            }
            node => node.field_mut(part)?,
        };
    }
    Some(here)
}

/// Visits all fields that a path leads to, made if `create` says so, and tells how many there are.
pub(super) fn visit(
    node: &mut Node,
    path: &[String],
    create: Option<Kind>,
    visitor: &mut Visit<'_>,
) -> Result<usize, Failed> {
    let Some((part, rest)) = path.split_first() else {
        visitor(node)?;
        return Ok(1);
    };
    if is_index(part) {
        return visit_index(node, part, rest, create, visitor);
    }
    if is_list_part(part) {
        return visit_matching(node, part, rest, create, visitor);
    }
    if part == "*" {
        node.expect(Kind::List)?;
        let Node::List(items) = node else { return Ok(0) };
        return items.iter_mut().map(|item| visit(item, rest, create, visitor)).sum();
    }
    if node.is_null() {
        return match create {
            Some(_) => Err(Failed::new("wrong node kind: expected MappingNode but got ScalarNode")),
            None => Ok(0),
        };
    }
    node.expect(Kind::Map)?;
    let Node::Map(fields) = node else { return Ok(0) };
    if let (Some(kind), false) = (create, fields.contains_key(part)) {
        fields.insert(part.clone(), kind_before(rest.first(), kind).empty());
    }
    match fields.get_mut(part) {
        None => Ok(0),
        // What the text of a field holds is looked at, but what is changed there is not kept.
        Some(Node::Scalar(scalar)) if !rest.is_empty() => {
            let parsed = yaml::to_tree(&scalar.text).map_err(|e| Failed::new(e.to_string()))?;
            match parsed.map(Node::from) {
                Some(mut parsed) => visit(&mut parsed, rest, create, visitor),
                None => Ok(0),
            }
        }
        Some(field) => visit(field, rest, create, visitor),
    }
}

fn visit_index(
    node: &mut Node,
    part: &str,
    rest: &[String],
    create: Option<Kind>,
    visitor: &mut Visit<'_>,
) -> Result<usize, Failed> {
    node.expect(Kind::List)?;
    let Node::List(items) = node else { return Ok(0) };
    let index: usize =
        part.parse().map_err(|_| Failed::new(format!("strconv.Atoi: parsing {part:?}: invalid syntax")))?;
    if let Some(kind) = create.filter(|_| items.len() == index) {
        items.push(kind_before(rest.first(), kind).empty());
    }
    let len = items.len();
    match items.get_mut(index) {
        Some(item) => visit(item, rest, create, visitor),
        None => Err(Failed::new(format!("index {index} specified but only {len} elements found"))),
    }
}

fn visit_matching(
    node: &mut Node,
    part: &str,
    rest: &[String],
    create: Option<Kind>,
    visitor: &mut Visit<'_>,
) -> Result<usize, Failed> {
    let (key, value) = split_list_part(part)?;
    node.expect(Kind::List)?;
    let Node::List(items) = node else { return Ok(0) };
    let wanted = pattern(value)?;
    let mut count = 0;
    for item in items.iter_mut() {
        let field = if key.is_empty() { Some(&*item) } else { item.field(key) };
        if !field.is_some_and(|field| wanted.is_match(&shown(field))) {
            continue;
        }
        count += match key {
            "" => {
                visitor(item)?;
                1
            }
            _ => visit(item, rest, create, visitor)?,
        };
    }
    if count > 0 || create.is_none() {
        return Ok(count);
    }
    let mut element = Node::scalar(value);
    if !key.is_empty() {
        element = Node::Map([(key.to_string(), element)].into());
    }
    if !wanted.is_match(value) {
        return Err(Failed::new(format!("failed to create element for {part:?}")));
    }
    items.push(element);
    match items.last_mut() {
        Some(item) if key.is_empty() => visitor(item).map(|()| 1),
        Some(item) => visit(item, rest, create, visitor),
        None => Ok(0),
    }
}

/// A scalar as YAML writes it.
fn shown(node: &Node) -> String {
    match node {
        Node::Scalar(scalar) if scalar.quoted => format!("{:?}", scalar.text),
        node => node.text().trim().to_string(),
    }
}

/// Splits a path at slashes; one behind a backslash is part of a name. Mirrors `PathSplitter`.
pub(super) fn split_path(path: &str, delimiter: char) -> Vec<String> {
    let mut pieces: Vec<&str> = path.split(delimiter).collect();
    if pieces.len() > 1 && pieces.first() == Some(&"") {
        pieces.remove(0);
    }
    let mut parts: Vec<String> = Vec::new();
    for piece in pieces {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(piece);
            }
            _ => parts.push(piece.to_string()),
        }
    }
    parts
}

/// Splits a path at dots, but for those within brackets. Mirrors `SmarterPathSplitter`.
pub(super) fn split_field_path(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut pieces = split_path(path, '.').into_iter();
    while let Some(piece) = pieces.next() {
        if !piece.starts_with('[') || piece.ends_with(']') {
            parts.push(piece);
            continue;
        }
        let mut whole = piece;
        for more in pieces.by_ref() {
            whole.push('.');
            whole.push_str(&more);
            if more.ends_with(']') {
                break;
            }
        }
        parts.push(if whole.contains('=') { whole } else { whole.trim_matches(['[', ']']).to_string() });
    }
    parts
}
