//! Cuts a document into tokens: indicators, scalars, and the starts and ends of blocks that indentation means.
//!
//! Mirrors the grammar of `scannerc.go` of `go.yaml.in/yaml/v2` (YAML 1.1, libyaml's), which takes what YAML 1.2
//! forbids (quoted text and brackets that go on in column 0) and the other way round (tabs), and reports a fault
//! at its own time and place.

use std::collections::{BTreeMap, VecDeque};

use super::Fault;
use super::input::Input;

/// How deep brackets or indentation may go before the scanner gives up; Go's number.
const MAX_LEVELS: usize = 10_000;
/// A key that stands without `?` ends within this many characters and on its line.
const SIMPLE_KEY_CHARS: usize = 1024;

/// A place in the document, counted from 0.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    pub(super) index: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    StreamEnd,
    /// `%YAML major.minor`
    VersionDirective(u8, u8),
    /// `%TAG handle prefix`
    TagDirective(String, String),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    /// handle and suffix
    Tag(String, String),
    Scalar {
        text: String,
        plain: bool,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it starts.
    pub(super) mark: Mark,
}

/// A place where a key may have begun, to be known as one when its colon comes.
#[derive(Debug, Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    /// Nothing but a key can stand here.
    required: bool,
    token_number: usize,
    mark: Mark,
}

pub(super) struct Scanner {
    pub(super) input: Input,
    pub(super) mark: Mark,
    /// Brackets open.
    pub(super) flow_level: usize,
    /// Column of the current block, -1 outside of all.
    pub(super) indent: isize,
    pub(super) simple_key_allowed: bool,
    indents: Vec<isize>,
    tokens: VecDeque<Token>,
    /// Tokens that the parser has taken.
    taken: usize,
    /// One for the block context and one for each open bracket.
    simple_keys: Vec<SimpleKey>,
    simple_keys_by_token: BTreeMap<usize, usize>,
}

impl Scanner {
    pub(super) fn new(text: &str) -> Scanner {
        Scanner {
            input: Input::new(text),
            mark: Mark::default(),
            flow_level: 0,
            indent: -1,
            simple_key_allowed: true,
            indents: Vec::new(),
            tokens: VecDeque::new(),
            taken: 0,
            simple_keys: vec![SimpleKey::default()],
            simple_keys_by_token: BTreeMap::new(),
        }
    }

    /// The next token, which stays in the queue.
    pub(super) fn peek(&mut self) -> Result<&Token, Fault> {
        loop {
            if !self.tokens.is_empty() {
                let Some(&key) = self.simple_keys_by_token.get(&self.taken) else { break };
                if !self.simple_key_is_valid(key)? {
                    break;
                }
            }
            let fetched = self.fetch_next_token();
            self.input.check()?;
            fetched?;
        }
        self.tokens.front().ok_or_else(|| self.fault("did not find expected <stream-end>"))
    }

    /// Takes the token that `peek` showed.
    pub(super) fn take(&mut self) -> Option<Token> {
        self.taken += 1;
        self.tokens.pop_front()
    }

    /// A fault at the current place.
    pub(super) fn fault(&self, problem: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
        Fault::scanner(problem, self.mark)
    }

    /// The character `ahead` of the current place.
    pub(super) fn at(&self, ahead: usize) -> char {
        self.input.at(self.mark.index + ahead)
    }

    pub(super) fn skip(&mut self) {
        self.mark.index += 1;
        self.mark.column += 1;
    }

    /// Copies the current character.
    pub(super) fn read(&mut self, text: &mut String) {
        text.push(self.at(0));
        self.skip();
    }

    /// Passes a line break, if one is here.
    pub(super) fn skip_line(&mut self) {
        let width = match (self.at(0), self.at(1)) {
            ('\r', '\n') => 2,
            (c, _) if is_break(c) => 1,
            _ => return,
        };
        self.mark.index += width;
        self.mark.column = 0;
        self.mark.line += 1;
    }

    /// Copies a line break; all but the Unicode ones become `\n`.
    pub(super) fn read_line(&mut self, text: &mut String) {
        let c = self.at(0);
        if is_break(c) {
            text.push(if matches!(c, '\u{2028}' | '\u{2029}') { c } else { '\n' });
        }
        self.skip_line();
    }

    pub(super) fn skip_blanks(&mut self) {
        while is_blank(self.at(0)) {
            self.skip();
        }
    }

    pub(super) fn skip_comment(&mut self) {
        if self.at(0) == '#' {
            while !is_break_or_end(self.at(0)) {
                self.skip();
            }
        }
    }

    /// `---` or `...` at the start of a line.
    pub(super) fn at_document_indicator(&self) -> bool {
        self.mark.column == 0
            && matches!((self.at(0), self.at(1), self.at(2)), ('-', '-', '-') | ('.', '.', '.'))
            && is_blank_or_end(self.at(3))
    }

    fn fetch_next_token(&mut self) -> Result<(), Fault> {
        self.scan_to_next_token();
        self.unroll_indent(self.mark.column as isize);
        let (c, next) = (self.at(0), self.at(1));
        let flow = self.flow_level > 0;
        match c {
            '\0' => self.fetch_stream_end(),
            '%' if self.mark.column == 0 => self.fetch_directive(),
            '-' if self.at_document_indicator() => self.fetch_document_indicator(Kind::DocumentStart),
            '.' if self.at_document_indicator() => self.fetch_document_indicator(Kind::DocumentEnd),
            '[' => self.fetch_flow_start(Kind::FlowSequenceStart),
            '{' => self.fetch_flow_start(Kind::FlowMappingStart),
            ']' => self.fetch_flow_end(Kind::FlowSequenceEnd),
            '}' => self.fetch_flow_end(Kind::FlowMappingEnd),
            ',' => self.fetch_flow_entry(),
            '-' if is_blank_or_end(next) => self.fetch_block_entry(),
            '?' if flow || is_blank_or_end(next) => self.fetch_key(),
            ':' if flow || is_blank_or_end(next) => self.fetch_value(),
            '*' | '&' => self.fetch_keylike(Scanner::scan_anchor),
            '!' => self.fetch_keylike(Scanner::scan_tag),
            '|' | '>' if !flow => self.fetch_block_scalar(c == '|'),
            '\'' => self.fetch_keylike(|s| s.scan_quoted(true)),
            '"' => self.fetch_keylike(|s| s.scan_quoted(false)),
            '\t' | '|' | '>' | '%' | '@' | '`' => self.cannot_start(),
            _ => self.fetch_keylike(Scanner::scan_plain),
        }
    }

    fn cannot_start(&self) -> Result<(), Fault> {
        Err(self.fault("found character that cannot start any token"))
    }

    /// Passes white space, comments and line breaks. A tab is white space only where no key may begin.
    fn scan_to_next_token(&mut self) {
        loop {
            while self.at(0) == ' ' || self.at(0) == '\t' && (self.flow_level > 0 || !self.simple_key_allowed) {
                self.skip();
            }
            self.skip_comment();
            if !is_break(self.at(0)) {
                return;
            }
            self.skip_line();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    fn push(&mut self, kind: Kind, mark: Mark) {
        self.tokens.push_back(Token { kind, mark });
    }

    /// Puts a token before the one of that number; behind all if that one is gone.
    fn insert(&mut self, number: usize, kind: Kind, mark: Mark) {
        let at = number.checked_sub(self.taken).filter(|at| *at <= self.tokens.len()).unwrap_or(self.tokens.len());
        self.tokens.insert(at, Token { kind, mark });
    }

    fn simple_key_is_valid(&mut self, index: usize) -> Result<bool, Fault> {
        let at = self.mark;
        let Some(key) = self.simple_keys.get_mut(index).filter(|key| key.possible) else { return Ok(false) };
        if key.mark.line >= at.line && key.mark.index + SIMPLE_KEY_CHARS >= at.index {
            return Ok(true);
        }
        if key.required {
            return Err(self.fault("could not find expected ':'"));
        }
        key.possible = false;
        Ok(false)
    }

    /// Notes that a key may begin here.
    fn save_simple_key(&mut self) -> Result<(), Fault> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        self.remove_simple_key()?;
        let token_number = self.taken + self.tokens.len();
        let required = self.flow_level == 0 && self.indent == self.mark.column as isize;
        let index = self.simple_keys.len() - 1;
        self.simple_keys[index] = SimpleKey { possible: true, required, token_number, mark: self.mark };
        self.simple_keys_by_token.insert(token_number, index);
        Ok(())
    }

    /// What may have been a key in this context is none.
    fn remove_simple_key(&mut self) -> Result<(), Fault> {
        let fault = self.fault("could not find expected ':'");
        if let Some(key) = self.simple_keys.last_mut().filter(|key| key.possible) {
            if key.required {
                return Err(fault);
            }
            key.possible = false;
            self.simple_keys_by_token.remove(&key.token_number);
        }
        Ok(())
    }

    /// Opens a block when the column lies deeper than the current one. `number` is that of the token which the
    /// block starts with, none for the one to come.
    fn roll_indent(&mut self, number: Option<usize>, kind: Kind, mark: Mark) -> Result<(), Fault> {
        let column = mark.column as isize;
        if self.flow_level > 0 || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > MAX_LEVELS {
            return Err(self.fault(format!("exceeded max depth of {MAX_LEVELS}")));
        }
        match number {
            Some(number) => self.insert(number, kind, mark),
            None => self.push(kind, mark),
        }
        Ok(())
    }

    /// Closes the blocks that lie deeper than the column.
    fn unroll_indent(&mut self, column: isize) {
        while self.flow_level == 0 && self.indent > column {
            self.push(Kind::BlockEnd, self.mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Result<(), Fault> {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(Kind::StreamEnd, self.mark);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), Fault> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let mark = self.mark;
        let kind = self.scan_directive()?;
        self.push(kind, mark);
        Ok(())
    }

    fn fetch_document_indicator(&mut self, kind: Kind) -> Result<(), Fault> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let mark = self.mark;
        for _ in 0..3 {
            self.skip();
        }
        self.push(kind, mark);
        Ok(())
    }

    /// Takes one character as a token.
    fn push_indicator(&mut self, kind: Kind) -> Result<(), Fault> {
        let mark = self.mark;
        self.skip();
        self.push(kind, mark);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: Kind) -> Result<(), Fault> {
        self.save_simple_key()?;
        let token_number = self.taken + self.tokens.len();
        self.simple_keys.push(SimpleKey { token_number, mark: self.mark, ..SimpleKey::default() });
        self.flow_level += 1;
        if self.flow_level > MAX_LEVELS {
            return Err(self.fault(format!("exceeded max depth of {MAX_LEVELS}")));
        }
        self.simple_key_allowed = true;
        self.push_indicator(kind)
    }

    fn fetch_flow_end(&mut self, kind: Kind) -> Result<(), Fault> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            if let Some(key) = self.simple_keys.pop() {
                self.simple_keys_by_token.remove(&key.token_number);
            }
        }
        self.simple_key_allowed = false;
        self.push_indicator(kind)
    }

    fn fetch_flow_entry(&mut self) -> Result<(), Fault> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(Kind::FlowEntry)
    }

    fn fetch_block_entry(&mut self) -> Result<(), Fault> {
        // In brackets it is wrong too, but there the parser knows better what to say.
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.fault("block sequence entries are not allowed in this context"));
            }
            self.roll_indent(None, Kind::BlockSequenceStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(Kind::BlockEntry)
    }

    fn fetch_key(&mut self) -> Result<(), Fault> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.fault("mapping keys are not allowed in this context"));
            }
            self.roll_indent(None, Kind::BlockMappingStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.push_indicator(Kind::Key)
    }

    fn fetch_value(&mut self) -> Result<(), Fault> {
        let index = self.simple_keys.len() - 1;
        if self.simple_key_is_valid(index)? {
            let key = self.simple_keys[index];
            self.insert(key.token_number, Kind::Key, key.mark);
            self.roll_indent(Some(key.token_number), Kind::BlockMappingStart, key.mark)?;
            self.simple_keys[index].possible = false;
            self.simple_keys_by_token.remove(&key.token_number);
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(self.fault("mapping values are not allowed in this context"));
                }
                self.roll_indent(None, Kind::BlockMappingStart, self.mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.push_indicator(Kind::Value)
    }

    /// Fetches what may itself be a key, and which no key can follow at once.
    fn fetch_keylike(&mut self, scan: impl FnOnce(&mut Scanner) -> Result<Kind, Fault>) -> Result<(), Fault> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let mark = self.mark;
        let kind = scan(self)?;
        self.push(kind, mark);
        Ok(())
    }

    fn fetch_block_scalar(&mut self, literal: bool) -> Result<(), Fault> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let mark = self.mark;
        let kind = self.scan_block_scalar(literal)?;
        self.push(kind, mark);
        Ok(())
    }
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_break_or_end(c: char) -> bool {
    c == '\0' || is_break(c)
}

pub(super) fn is_blank_or_end(c: char) -> bool {
    is_blank(c) || is_break_or_end(c)
}
