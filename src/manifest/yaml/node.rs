//! The tree of a document's nodes, kept in one list so that aliases are mere indices.

use std::collections::BTreeMap;

use super::Fault;
use super::parser::{Event, Parser, Scalar};
use crate::manifest::json::MAX_DEPTH;

/// Index of a node in its document.
pub(super) type Id = usize;

#[derive(Debug)]
pub(super) enum Node {
    /// A collection whose end is not reached yet.
    Open,
    Scalar(Scalar),
    Sequence(Vec<Id>),
    /// Keys and values in turn.
    Mapping(Vec<(Id, Id)>),
    /// Its name and what it stands for.
    Alias(String, Id),
}

pub(super) struct Document {
    pub(super) nodes: Vec<Node>,
    /// Where each begins, counted from 0.
    pub(super) lines: Vec<usize>,
    pub(super) root: Id,
}

impl Document {
    /// Reads the first document of a text; none if there is nothing but comments.
    pub(super) fn read(text: &str) -> Result<Option<Document>, Fault> {
        let mut builder =
            Builder { parser: Parser::new(text), nodes: Vec::new(), lines: Vec::new(), anchors: BTreeMap::new() };
        if matches!(builder.parser.next()?, Event::StreamEnd) {
            return Ok(None);
        }
        let event = builder.parser.next()?;
        let root = builder.node(event, 0)?;
        // The end is asked for because a fault right behind the node belongs to the document.
        builder.parser.next()?;
        Ok(Some(Document { nodes: builder.nodes, lines: builder.lines, root }))
    }
}

struct Builder {
    parser: Parser,
    nodes: Vec<Node>,
    lines: Vec<usize>,
    anchors: BTreeMap<String, Id>,
}

impl Builder {
    fn node(&mut self, event: Event, depth: usize) -> Result<Id, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::plain(format!("exceeded max depth of {MAX_DEPTH}")));
        }
        let id = self.nodes.len();
        self.lines.push(self.parser.line);
        match event {
            Event::Scalar(scalar) => {
                self.name(&scalar.anchor, id);
                self.nodes.push(Node::Scalar(scalar));
            }
            Event::Alias(name) => {
                let Some(target) = self.anchors.get(&name).copied() else {
                    return Err(Fault::plain(format!("unknown anchor '{name}' referenced")));
                };
                self.nodes.push(Node::Alias(name, target));
            }
            Event::SequenceStart(anchor) => {
                self.name(&anchor, id);
                self.nodes.push(Node::Open);
                let mut items = Vec::new();
                loop {
                    match self.parser.next()? {
                        Event::SequenceEnd => break,
                        event => items.push(self.node(event, depth + 1)?),
                    }
                }
                self.nodes[id] = Node::Sequence(items);
            }
            Event::MappingStart(anchor) => {
                self.name(&anchor, id);
                self.nodes.push(Node::Open);
                let mut pairs = Vec::new();
                loop {
                    match self.parser.next()? {
                        Event::MappingEnd => break,
                        event => {
                            let key = self.node(event, depth + 1)?;
                            let event = self.parser.next()?;
                            pairs.push((key, self.node(event, depth + 1)?));
                        }
                    }
                }
                self.nodes[id] = Node::Mapping(pairs);
            }
            Event::StreamEnd | Event::DocumentStart | Event::DocumentEnd | Event::SequenceEnd | Event::MappingEnd => {
                return Err(Fault::plain("attempted to go past the end of stream; corrupted value?"));
            }
        }
        Ok(id)
    }

    fn name(&mut self, anchor: &Option<String>, id: Id) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor.clone(), id);
        }
    }
}
