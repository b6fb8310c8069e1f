//! A document as a tree whose scalars keep their text, for who changes text by text: kustomizations.

use std::collections::BTreeMap;

use super::node::{Document, Id, Node};
use super::{Fault, YamlError};
use crate::manifest::json::MAX_DEPTH;

/// Nodes that a document may have once its aliases are written out.
const MAX_NODES: usize = 1_000_000;
/// Bytes of text that aliases may bring in.
const MAX_ALIASED_BYTES: usize = 32 << 20;

const LONG_TAG: &str = "tag:yaml.org,2002:";

/// A node, its aliases and merges written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// A scalar.
    Scalar {
        /// What it says.
        text: String,
        /// Its tag in short, `!!str`; empty without one.
        tag: String,
        /// Whether the text decides on the type: it is plain.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Tree>),
    /// Keys and values.
    Mapping(BTreeMap<String, Tree>),
}

/// Reads the first document of a text as a tree; nothing but comments is none.
///
/// # Errors
/// Those of [`super::to_json`], with the line on which begins what they lie in, as the third release of Go's YAML package
/// has it.
pub fn to_tree(text: &str) -> Result<Option<Tree>, YamlError> {
    let read = Document::read(text).map_err(|fault| match fault.context {
        0 => fault,
        line => Fault { line, ..fault },
    });
    let Some(document) = read? else { return Ok(None) };
    let mut writer = Writer { document: &document, nodes: 0, bytes: 0, within: Vec::new() };
    Ok(Some(writer.tree(document.root, 0)?))
}

struct Writer<'a> {
    document: &'a Document,
    nodes: usize,
    bytes: usize,
    /// The aliases that are being written out.
    within: Vec<Id>,
}

impl Writer<'_> {
    fn tree(&mut self, id: Id, depth: usize) -> Result<Tree, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::plain(format!("exceeded max depth of {MAX_DEPTH}")));
        }
        self.nodes += 1;
        if self.nodes > MAX_NODES || self.bytes > MAX_ALIASED_BYTES {
            return Err(Fault::plain("document contains excessive aliasing"));
        }
        let document = self.document;
        Ok(match &document.nodes[id] {
            Node::Open => Tree::Scalar { text: String::new(), tag: "!!null".into(), plain: true },
            Node::Scalar(scalar) => {
                if !self.within.is_empty() {
                    self.bytes += scalar.text.len();
                }
                let tag = match scalar.tag.strip_prefix(LONG_TAG) {
                    Some(kind) => format!("!!{kind}"),
                    None => scalar.tag.clone(),
                };
                Tree::Scalar { text: scalar.text.clone(), tag, plain: scalar.implicit }
            }
            Node::Sequence(items) => {
                Tree::Sequence(items.iter().map(|item| self.tree(*item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Node::Mapping(pairs) => Tree::Mapping(self.mapping(pairs, depth)?),
            Node::Alias(name, target) => {
                if self.within.contains(target) {
                    return Err(Fault::plain(format!("anchor '{name}' value contains itself")));
                }
                self.within.push(*target);
                let tree = self.tree(*target, depth + 1)?;
                self.within.pop();
                tree
            }
        })
    }

    /// A mapping's own keys win over those that it merges.
    fn mapping(&mut self, pairs: &[(Id, Id)], depth: usize) -> Result<BTreeMap<String, Tree>, Fault> {
        let (mut all, mut own) = (BTreeMap::new(), BTreeMap::new());
        let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
        let document = self.document;
        for (key, value) in pairs {
            let place = match &document.nodes[*key] {
                Node::Alias(_, target) => *target,
                _ => *key,
            };
            let Node::Scalar(scalar) = &document.nodes[place] else { return Err(Fault::plain("invalid map key")) };
            if scalar.text == "<<" && scalar.implicit {
                let lists = match self.tree(*value, depth + 1)? {
                    Tree::Sequence(items) => items,
                    one => vec![one],
                };
                for list in lists.into_iter().rev() {
                    let Tree::Mapping(list) = list else {
                        return Err(Fault::plain("map merge requires map or sequence of maps as the value"));
                    };
                    all.extend(list);
                }
                continue;
            }
            let line = document.lines[*key] + 1;
            if let Some(first) = lines.insert(&scalar.text, line) {
                let text = format!("mapping key {:?} already defined at line {first}", scalar.text);
                return Err(Fault::plain(format!("unmarshal errors:\n  line {line}: {text}")));
            }
            own.insert(scalar.text.clone(), self.tree(*value, depth + 1)?);
        }
        all.extend(own);
        Ok(all)
    }
}
