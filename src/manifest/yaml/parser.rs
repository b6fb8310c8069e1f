//! Turns tokens into events: the starts and ends of collections, scalars and aliases of the first document.
//!
//! Mirrors the states of `parserc.go` of `go.yaml.in/yaml/v2`.

use super::Fault;
use super::scanner::{Kind, Mark, Scanner, Token};

#[derive(Debug)]
pub(super) enum Event {
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(String),
    Scalar(Scalar),
    /// With its anchor.
    SequenceStart(Option<String>),
    SequenceEnd,
    /// With its anchor.
    MappingStart(Option<String>),
    MappingEnd,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) anchor: Option<String>,
    /// In full, `tag:yaml.org,2002:int`; empty without one.
    pub(super) tag: String,
    /// The text decides on the type: it is plain, or tagged `!`.
    pub(super) implicit: bool,
}

/// What the parser is in the midst of.
#[derive(Debug, Clone, Copy)]
enum State {
    FirstDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceEntry { first: bool },
    IndentlessSequenceEntry,
    BlockMappingKey { first: bool },
    BlockMappingValue,
    FlowSequenceEntry { first: bool },
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    FlowMappingKey { first: bool },
    FlowMappingValue { empty: bool },
    End,
}

pub(super) struct Parser {
    scanner: Scanner,
    state: State,
    /// Where to go on when the current node is complete.
    states: Vec<State>,
    /// Handles and prefixes of `%TAG`.
    tag_directives: Vec<(String, String)>,
    /// The line of the token that was taken last.
    taken: usize,
    /// The line on which the node of the last event begins, counted from 0.
    pub(super) line: usize,
    /// The lines on which the collections begin that are not ended, counted from 0.
    begun: Vec<usize>,
}

impl Parser {
    pub(super) fn new(text: &str) -> Parser {
        Parser {
            scanner: Scanner::new(text),
            state: State::FirstDocumentStart,
            states: Vec::new(),
            tag_directives: Vec::new(),
            taken: 0,
            line: 0,
            begun: Vec::new(),
        }
    }

    /// The next event; the stream's end again and again once it is reached.
    pub(super) fn next(&mut self) -> Result<Event, Fault> {
        match self.state {
            State::FirstDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceEntry { first } => self.block_sequence_entry(first),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingKey { first } => self.block_mapping_key(first),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceEntry { first } => self.flow_sequence_entry(first),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => {
                self.state = State::FlowSequenceEntry { first: false };
                Ok(Event::MappingEnd)
            }
            State::FlowMappingKey { first } => self.flow_mapping_key(first),
            State::FlowMappingValue { empty } => self.flow_mapping_value(empty),
            State::End => Ok(Event::StreamEnd),
        }
    }

    fn peek(&mut self) -> Result<&Kind, Fault> {
        Ok(&self.scanner.peek()?.kind)
    }

    fn mark(&mut self) -> Result<Mark, Fault> {
        Ok(self.scanner.peek()?.mark)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.scanner.take();
        self.taken = token.as_ref().map_or(self.taken, |token| token.mark.line);
        token
    }

    /// A fault at the next token.
    fn fault<T>(&mut self, problem: &'static str) -> Result<T, Fault> {
        Err(Fault::parser(problem, self.mark()?))
    }

    /// The same within a collection.
    fn fault_within<T>(&mut self, problem: &'static str) -> Result<T, Fault> {
        let context = self.begun.last().copied().unwrap_or_default();
        Err(Fault { context, ..Fault::parser(problem, self.mark()?) })
    }

    /// Takes the token that begins a collection.
    fn begin(&mut self) {
        self.take();
        self.begun.push(self.taken);
    }

    /// Takes the token that ends a collection.
    fn end(&mut self) {
        self.take();
        self.begun.pop();
        self.return_from_node();
    }

    /// Goes back to what the node just ended is part of.
    fn return_from_node(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    fn node_then(&mut self, then: State, block: bool, indentless: bool) -> Result<Event, Fault> {
        self.states.push(then);
        self.node(block, indentless)
    }

    /// A scalar that is not there, before the next token.
    fn empty_then(&mut self, then: State) -> Result<Event, Fault> {
        self.line = self.mark()?.line;
        self.state = then;
        Ok(empty_scalar())
    }

    /// A scalar that is not there, behind the last token, as the value in `key:`.
    fn empty_behind(&mut self, then: State) -> Result<Event, Fault> {
        self.line = self.taken;
        self.state = then;
        Ok(empty_scalar())
    }

    fn document_start(&mut self, first: bool) -> Result<Event, Fault> {
        while !first && matches!(self.peek()?, Kind::DocumentEnd) {
            self.take();
        }
        match self.peek()? {
            Kind::StreamEnd => {
                self.state = State::End;
                Ok(Event::StreamEnd)
            }
            Kind::VersionDirective(..) | Kind::TagDirective(..) | Kind::DocumentStart => self.explicit_document(),
            _ if !first => self.explicit_document(),
            _ => {
                self.add_default_tags();
                self.states.push(State::DocumentEnd);
                self.state = State::BlockNode;
                Ok(Event::DocumentStart)
            }
        }
    }

    fn explicit_document(&mut self) -> Result<Event, Fault> {
        self.directives()?;
        if !matches!(self.peek()?, Kind::DocumentStart) {
            return self.fault("did not find expected <document start>");
        }
        self.take();
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(Event::DocumentStart)
    }

    fn directives(&mut self) -> Result<(), Fault> {
        let mut version_seen = false;
        loop {
            match self.peek()?.clone() {
                Kind::VersionDirective(..) if version_seen => return self.fault("found duplicate %YAML directive"),
                Kind::VersionDirective(1, 1) => version_seen = true,
                Kind::VersionDirective(..) => return self.fault("found incompatible YAML document"),
                Kind::TagDirective(handle, _) if self.tag_directives.iter().any(|(h, _)| *h == handle) => {
                    return self.fault("found duplicate %TAG directive");
                }
                Kind::TagDirective(handle, prefix) => self.tag_directives.push((handle, prefix)),
                _ => break,
            }
            self.take();
        }
        self.add_default_tags();
        Ok(())
    }

    fn add_default_tags(&mut self) {
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tag_directives.iter().any(|(h, _)| h == handle) {
                self.tag_directives.push((handle.into(), prefix.into()));
            }
        }
    }

    fn document_content(&mut self) -> Result<Event, Fault> {
        match self.peek()? {
            Kind::VersionDirective(..)
            | Kind::TagDirective(..)
            | Kind::DocumentStart
            | Kind::DocumentEnd
            | Kind::StreamEnd => {
                self.return_from_node();
                Ok(empty_scalar())
            }
            _ => self.node(true, false),
        }
    }

    fn document_end(&mut self) -> Result<Event, Fault> {
        if matches!(self.peek()?, Kind::DocumentEnd) {
            self.take();
        }
        self.tag_directives.clear();
        self.state = State::DocumentStart;
        Ok(Event::DocumentEnd)
    }

    /// A node with its tag and anchor. `block` allows block collections, `indentless` a list at its key's column.
    fn node(&mut self, block: bool, indentless: bool) -> Result<Event, Fault> {
        let start = self.mark()?;
        self.line = start.line;
        if let Kind::Alias(name) = self.peek()? {
            let name = name.clone();
            self.take();
            self.return_from_node();
            return Ok(Event::Alias(name));
        }
        let (anchor, tag) = self.properties(start)?;
        match self.peek()? {
            Kind::BlockEntry if indentless => {
                self.state = State::IndentlessSequenceEntry;
                Ok(Event::SequenceStart(anchor))
            }
            Kind::Scalar { .. } => {
                let Some(Kind::Scalar { text, plain }) = self.take().map(|token| token.kind) else {
                    return Ok(empty_scalar());
                };
                self.return_from_node();
                let implicit = plain && tag.is_empty() || tag == "!";
                Ok(Event::Scalar(Scalar { text, anchor, tag, implicit }))
            }
            Kind::FlowSequenceStart => {
                self.state = State::FlowSequenceEntry { first: true };
                Ok(Event::SequenceStart(anchor))
            }
            Kind::FlowMappingStart => {
                self.state = State::FlowMappingKey { first: true };
                Ok(Event::MappingStart(anchor))
            }
            Kind::BlockSequenceStart if block => {
                self.state = State::BlockSequenceEntry { first: true };
                Ok(Event::SequenceStart(anchor))
            }
            Kind::BlockMappingStart if block => {
                self.state = State::BlockMappingKey { first: true };
                Ok(Event::MappingStart(anchor))
            }
            _ if anchor.is_some() || !tag.is_empty() => {
                self.return_from_node();
                let implicit = tag.is_empty();
                Ok(Event::Scalar(Scalar { text: String::new(), anchor, tag, implicit }))
            }
            _ => self.fault("did not find expected node content"),
        }
    }

    /// Anchor and tag, in either order.
    fn properties(&mut self, start: Mark) -> Result<(Option<String>, String), Fault> {
        let mut anchor = None;
        let mut tag = None;
        let mut tag_mark = start;
        loop {
            let token = self.scanner.peek()?;
            match &token.kind {
                Kind::Anchor(name) if anchor.is_none() => anchor = Some(name.clone()),
                Kind::Tag(handle, suffix) if tag.is_none() => {
                    tag = Some((handle.clone(), suffix.clone()));
                    tag_mark = token.mark;
                }
                _ => break,
            }
            self.take();
        }
        let tag = match tag {
            None => String::new(),
            Some((handle, suffix)) if handle.is_empty() => suffix,
            Some((handle, suffix)) => match self.tag_directives.iter().find(|(h, _)| *h == handle) {
                Some((_, prefix)) => format!("{prefix}{suffix}"),
                None => return Err(Fault::parser("found undefined tag handle", tag_mark)),
            },
        };
        Ok((anchor, tag))
    }

    fn block_sequence_entry(&mut self, first: bool) -> Result<Event, Fault> {
        if first {
            self.begin();
        }
        match self.peek()? {
            Kind::BlockEntry => {
                self.take();
                let then = State::BlockSequenceEntry { first: false };
                match self.peek()? {
                    Kind::BlockEntry | Kind::BlockEnd => self.empty_behind(then),
                    _ => self.node_then(then, true, false),
                }
            }
            Kind::BlockEnd => {
                self.end();
                Ok(Event::SequenceEnd)
            }
            _ => self.fault_within("did not find expected '-' indicator"),
        }
    }

    fn indentless_sequence_entry(&mut self) -> Result<Event, Fault> {
        if !matches!(self.peek()?, Kind::BlockEntry) {
            self.return_from_node();
            return Ok(Event::SequenceEnd);
        }
        self.take();
        match self.peek()? {
            Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd => {
                self.empty_behind(State::IndentlessSequenceEntry)
            }
            _ => self.node_then(State::IndentlessSequenceEntry, true, false),
        }
    }

    fn block_mapping_key(&mut self, first: bool) -> Result<Event, Fault> {
        if first {
            self.begin();
        }
        match self.peek()? {
            Kind::Key => {
                self.take();
                match self.peek()? {
                    Kind::Key | Kind::Value | Kind::BlockEnd => self.empty_behind(State::BlockMappingValue),
                    _ => self.node_then(State::BlockMappingValue, true, true),
                }
            }
            Kind::BlockEnd => {
                self.end();
                Ok(Event::MappingEnd)
            }
            _ => self.fault_within("did not find expected key"),
        }
    }

    fn block_mapping_value(&mut self) -> Result<Event, Fault> {
        let then = State::BlockMappingKey { first: false };
        if !matches!(self.peek()?, Kind::Value) {
            return self.empty_then(then);
        }
        self.take();
        match self.peek()? {
            Kind::Key | Kind::Value | Kind::BlockEnd => self.empty_behind(then),
            _ => self.node_then(then, true, true),
        }
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Result<Event, Fault> {
        if first {
            self.begin();
        }
        if !first && !matches!(self.peek()?, Kind::FlowSequenceEnd) {
            if !matches!(self.peek()?, Kind::FlowEntry) {
                return self.fault_within("did not find expected ',' or ']'");
            }
            self.take();
        }
        match self.peek()? {
            Kind::FlowSequenceEnd => {
                self.end();
                Ok(Event::SequenceEnd)
            }
            Kind::Key => {
                self.take();
                self.line = self.taken;
                self.state = State::FlowPairKey;
                Ok(Event::MappingStart(None))
            }
            _ => self.node_then(State::FlowSequenceEntry { first: false }, false, false),
        }
    }

    fn flow_pair_key(&mut self) -> Result<Event, Fault> {
        match self.peek()? {
            Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd => {
                // OBSERVATION: the token is passed over, so that `[? : a]` is no pair but a fault.
                self.take();
                self.empty_behind(State::FlowPairValue)
            }
            _ => self.node_then(State::FlowPairValue, false, false),
        }
    }

    fn flow_pair_value(&mut self) -> Result<Event, Fault> {
        if matches!(self.peek()?, Kind::Value) {
            self.take();
            if !matches!(self.peek()?, Kind::FlowEntry | Kind::FlowSequenceEnd) {
                return self.node_then(State::FlowPairEnd, false, false);
            }
        }
        self.empty_then(State::FlowPairEnd)
    }

    fn flow_mapping_key(&mut self, first: bool) -> Result<Event, Fault> {
        if first {
            self.begin();
        }
        if !first && !matches!(self.peek()?, Kind::FlowMappingEnd) {
            if !matches!(self.peek()?, Kind::FlowEntry) {
                return self.fault_within("did not find expected ',' or '}'");
            }
            self.take();
        }
        match self.peek()? {
            Kind::FlowMappingEnd => {
                self.end();
                Ok(Event::MappingEnd)
            }
            Kind::Key => {
                self.take();
                let then = State::FlowMappingValue { empty: false };
                match self.peek()? {
                    Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd => self.empty_then(then),
                    _ => self.node_then(then, false, false),
                }
            }
            _ => self.node_then(State::FlowMappingValue { empty: true }, false, false),
        }
    }

    fn flow_mapping_value(&mut self, empty: bool) -> Result<Event, Fault> {
        let then = State::FlowMappingKey { first: false };
        if !empty && matches!(self.peek()?, Kind::Value) {
            self.take();
            if !matches!(self.peek()?, Kind::FlowEntry | Kind::FlowMappingEnd) {
                return self.node_then(then, false, false);
            }
        }
        self.empty_then(then)
    }
}

fn empty_scalar() -> Event {
    Event::Scalar(Scalar { implicit: true, ..Scalar::default() })
}
