//! From characters to words and operators.

use std::borrow::Cow;

use super::ast::{Part, Unit, Word};
use super::{Aliases, Flavor};

/// How deep constructs may be nested.
const MAX_DEPTH: u32 = 60;

/// Why a text is no script.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SyntaxError {
    pub what: Fault,
    pub line: u32,
    /// Whether more text could mend it.
    pub at_end: bool,
    /// The line of the source that it is in.
    pub source: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault {
    /// A token, and what should have been there.
    Unexpected(String, Option<&'static str>),
    End(Option<&'static str>),
    /// A quote or bracket without its other half.
    Unterminated(&'static str),
    Other(String),
}

pub(super) type Parsed<T> = Result<T, SyntaxError>;

#[derive(Debug, Clone)]
pub(super) enum Token {
    Word(Word),
    /// A number right before a redirection.
    Number(u32),
    /// `{name}` right before a redirection.
    FdName(String),
    Op(&'static str),
    Newline,
    End,
}

/// A here-document that was announced and whose body has not come yet.
#[derive(Debug)]
pub(super) struct Pending {
    /// The line of the command.
    pub line: u32,
    pub slot: u32,
    pub end: String,
    pub strip: bool,
    pub quoted: bool,
}

/// What the grammar depends on besides the text.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    pub flavor: Flavor,
    pub extglob: bool,
    pub aliases: Option<Aliases>,
    /// Whether the locale's characters are UTF-8's.
    pub utf8: bool,
    /// Whether the text can get longer: what is open at its end is no error yet.
    pub more: bool,
}

pub(super) struct Parser<'a> {
    pub src: Cow<'a, [u8]>,
    pub pos: usize,
    pub line: u32,
    pub dialect: Dialect,
    pub unit: Unit,
    pub pending: Vec<Pending>,
    pub depth: u32,
    pub token: Option<Token>,
    /// Where the token begins and ends, and its line.
    pub span: (usize, usize, u32),
    /// How many substitutions have been seen.
    pub substs: u32,
    /// By how much aliases made the text longer.
    pub grown: isize,
    pub active: Vec<(String, usize)>,
    /// Here-documents that the end of the text ended: line and word.
    pub open_docs: Vec<(u32, u32, String)>,
}

const OPERATORS: [&str; 25] = [
    "&>>", "<<-", "<<<", ";;&", "&&", "||", ";;", ";&", "|&", ">>", "<<", "<&", ">&", "<>", ">|", "&>", "<(", ">(",
    "&", "|", ";", "<", ">", "(", ")",
];

pub(super) fn is_name_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_'
}

pub(super) fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Whether a text is the name of a variable.
pub(super) fn is_identifier(text: &str) -> bool {
    text.bytes().next().is_some_and(is_name_start) && text.bytes().all(is_name)
}

pub(super) fn is_meta(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'|' | b'&' | b';' | b'<' | b'>' | b'(' | b')')
}

/// What ends a run of parts, and how quotes count in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// A word of the grammar.
    Word,
    /// The right side of `=~`: parentheses and bars belong to it.
    Regex,
    /// A closing double quote.
    Quote,
    /// The whole text, as in a here-document.
    End,
    /// `}`, in double quotes or not.
    Brace { quoted: bool },
    /// `}` or `/`.
    Slash,
    /// `}` or `:` in the arithmetic of a slice.
    Colon,
    /// `))`
    Arith,
    /// `;` or `))` in `for ((`.
    ForArith,
    /// `]`
    Bracket,
}

impl Until {
    fn quoted(self) -> bool {
        matches!(
            self,
            Until::Quote | Until::End | Until::Arith | Until::ForArith | Until::Colon | Until::Brace { quoted: true }
        )
    }
}

/// Gathers parts; text next to each other is one.
#[derive(Default)]
pub(super) struct Parts {
    pub all: Vec<Part>,
    text: Vec<u8>,
    quoted: bool,
}

impl Parts {
    pub fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = String::from_utf8_lossy(&std::mem::take(&mut self.text)).into_owned();
            self.all.push(if self.quoted { Part::Quoted(text) } else { Part::Lit(text) });
        }
    }

    pub fn push(&mut self, byte: u8, quoted: bool) {
        if self.quoted != quoted {
            self.flush();
            self.quoted = quoted;
        }
        self.text.push(byte);
    }

    pub fn part(&mut self, part: Part) {
        self.flush();
        self.all.push(part);
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.text.is_empty()
    }
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a str, line: u32, dialect: Dialect) -> Parser<'a> {
        Parser {
            src: Cow::Borrowed(text.as_bytes()),
            pos: 0,
            line,
            dialect,
            unit: Unit::default(),
            pending: Vec::new(),
            depth: 0,
            token: None,
            span: (0, 0, line),
            substs: 0,
            grown: 0,
            active: Vec::new(),
            open_docs: Vec::new(),
        }
    }

    pub fn bash(&self) -> bool {
        self.dialect.flavor == Flavor::Bash
    }

    pub fn at(&self, ahead: usize) -> u8 {
        self.src.get(self.pos + ahead).copied().unwrap_or(0)
    }

    pub fn ended(&self) -> bool {
        self.pos >= self.src.len()
    }

    pub fn text(&self, from: usize, to: usize) -> String {
        String::from_utf8_lossy(self.src.get(from..to).unwrap_or_default()).into_owned()
    }

    pub fn starts(&self, what: &str) -> bool {
        self.src.get(self.pos..).is_some_and(|rest| rest.starts_with(what.as_bytes()))
    }

    /// The next byte; lines are counted.
    pub fn bump(&mut self) -> u8 {
        let b = self.at(0);
        self.pos += 1;
        if b == b'\n' {
            self.line += 1;
        }
        b
    }

    pub fn error<T>(&self, what: Fault) -> Parsed<T> {
        let at_end = matches!(what, Fault::End(_) | Fault::Unterminated(_));
        // bash counts the end as a line of its own.
        let after = at_end && self.bash() && self.ended() && self.src.last().is_some_and(|b| *b != b'\n');
        Err(SyntaxError {
            what,
            line: self.line + u32::from(after),
            at_end,
            source: self.source_line(self.span.0.min(self.pos)),
        })
    }

    /// A quote was opened in that line and not closed.
    pub fn open_since<T>(&self, line: u32, what: &'static str) -> Parsed<T> {
        let fault: Parsed<T> = self.error(Fault::Unterminated(what));
        fault.map_err(|f| if self.bash() { SyntaxError { line, ..f } } else { f })
    }

    fn source_line(&self, at: usize) -> String {
        let at = at.min(self.src.len());
        let start = self.src[..at].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let end = self.src[at..].iter().position(|b| *b == b'\n').map_or(self.src.len(), |i| i + at);
        self.text(start, end)
    }

    pub fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { self.error(Fault::Other("nested too deeply".into())) } else { Ok(()) }
    }

    /// The token that comes next.
    pub fn peek(&mut self) -> Parsed<&Token> {
        if self.token.is_none() {
            let token = self.lex()?;
            self.token = Some(token);
        }
        Ok(self.token.as_ref().unwrap_or(&Token::End))
    }

    pub fn take(&mut self) -> Parsed<Token> {
        self.peek()?;
        Ok(self.token.take().unwrap_or(Token::End))
    }

    pub fn is_op(&mut self, op: &str) -> Parsed<bool> {
        Ok(matches!(self.peek()?, Token::Op(o) if *o == op))
    }

    /// The text of the token that was peeked, as it was written.
    pub fn raw(&self) -> &str {
        std::str::from_utf8(self.src.get(self.span.0..self.span.1).unwrap_or_default()).unwrap_or("")
    }

    /// The token that was peeked, where it is a word and so could be a reserved one.
    pub fn raw_word(&mut self) -> Parsed<Option<&str>> {
        Ok(if matches!(self.peek()?, Token::Word(_)) { Some(self.raw()) } else { None })
    }

    pub fn skip_blanks(&mut self) {
        loop {
            match self.at(0) {
                b' ' | b'\t' => self.pos += 1,
                b'\\' if self.at(1) == b'\n' => {
                    self.pos += 2;
                    self.line += 1;
                }
                b'#' => {
                    while !self.ended() && self.at(0) != b'\n' {
                        self.pos += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn lex(&mut self) -> Parsed<Token> {
        let from = self.pos;
        self.skip_blanks();
        self.span = (self.pos, self.pos, self.line);
        if self.ended() {
            if self.dialect.more && self.pos > from && self.src.ends_with(b"\\\n") {
                return self.error(Fault::End(None));
            }
            return Ok(Token::End);
        }
        let token = self.lex_here()?;
        self.span.1 = self.pos;
        Ok(token)
    }

    fn lex_here(&mut self) -> Parsed<Token> {
        let b = self.at(0);
        if b == b'\n' {
            self.bump();
            self.read_docs()?;
            return Ok(Token::Newline);
        }
        if is_meta(b) {
            let bash = self.bash();
            let known = |op: &&&str| match **op {
                "&>" | "&>>" => self.dialect.flavor != Flavor::Dash,
                "<(" | ">(" => self.dialect.flavor != Flavor::Dash,
                "<<<" | ";&" | ";;&" | "|&" => bash,
                _ => true,
            };
            if let Some(op) = OPERATORS.iter().filter(|op| self.starts(op)).find(known) {
                if *op == "<(" || *op == ">(" {
                    return self.word_token();
                }
                self.pos += op.len();
                return Ok(Token::Op(op));
            }
        }
        if b.is_ascii_digit() {
            let len = self.src[self.pos..].iter().take_while(|b| b.is_ascii_digit()).count();
            let longest = if self.bash() { 9 } else { 1 };
            if len <= longest && matches!(self.at(len), b'<' | b'>') {
                let number = self.text(self.pos, self.pos + len).parse().unwrap_or(0);
                self.pos += len;
                return Ok(Token::Number(number));
            }
        }
        if b == b'{' && self.bash() {
            let len = self.src[self.pos + 1..].iter().take_while(|b| is_name(**b)).count();
            if len > 0 && self.at(len + 1) == b'}' && matches!(self.at(len + 2), b'<' | b'>') {
                let name = self.text(self.pos + 1, self.pos + 1 + len);
                self.pos += len + 2;
                return Ok(Token::FdName(name));
            }
        }
        self.word_token()
    }

    fn word_token(&mut self) -> Parsed<Token> {
        self.word(Until::Word).map(Token::Word)
    }

    /// A word from here on.
    pub fn word(&mut self, until: Until) -> Parsed<Word> {
        let before = self.substs;
        let parts = self.parts(until)?;
        let braces = self.bash() && until == Until::Word && has_braces(&parts);
        Ok(Word { has_subst: self.substs != before, braces, parts, assign: None })
    }

    /// The bodies of the here-documents that the line which just ended announced.
    fn read_docs(&mut self) -> Parsed<()> {
        for doc in std::mem::take(&mut self.pending) {
            let (mut body, first) = (String::new(), self.line);
            loop {
                if self.ended() {
                    if self.dialect.more {
                        return self.error(Fault::End(None));
                    }
                    let ends_line = self.src.last() == Some(&b'\n');
                    self.open_docs.push((self.line - u32::from(ends_line), first, doc.end.clone()));
                    break;
                }
                let rest = &self.src[self.pos..];
                let len = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                let mut line = String::from_utf8_lossy(&rest[..len]).into_owned();
                let has_end = len < rest.len();
                self.pos += len + usize::from(has_end);
                self.line += u32::from(has_end);
                if doc.strip {
                    line = line.trim_start_matches('\t').to_string();
                }
                // A continued line is one line, so it cannot be the end.
                if line == doc.end && (doc.quoted || !is_continued(&body)) {
                    break;
                }
                body.push_str(&line);
                if has_end {
                    body.push('\n');
                }
            }
            let word = if doc.quoted {
                Word::of(vec![Part::Quoted(body)])
            } else {
                let (parts, substs) =
                    self.sub(&body, if self.bash() { doc.line } else { first }, |p| p.parts(Until::End))?;
                Word { has_subst: substs > 0, ..Word::of(vec![Part::Double(parts)]) }
            };
            if let Some(slot) = self.unit.docs.get_mut(doc.slot as usize) {
                *slot = word;
            }
        }
        Ok(())
    }

    /// Parses another text, such as that of backquotes; also how many substitutions are in it.
    pub fn sub<T>(
        &mut self,
        text: &str,
        line: u32,
        parse: impl FnOnce(&mut Parser<'_>) -> Parsed<T>,
    ) -> Parsed<(T, u32)> {
        self.deeper()?;
        let dialect = Dialect { more: false, ..self.dialect.clone() };
        let mut inner = Parser::new(text, line, dialect);
        inner.depth = self.depth;
        let result = parse(&mut inner)?;
        self.depth -= 1;
        self.substs += inner.substs;
        Ok((result, inner.substs))
    }

    /// The parts up to what ends them, which is left where it is except for a closing quote or bracket's caller.
    pub fn parts(&mut self, until: Until) -> Parsed<Vec<Part>> {
        self.deeper()?;
        let mut parts = Parts::default();
        let first = self.line;
        let (quoted, mut parens, mut braces) = (until.quoted(), 0u32, 0u32);
        loop {
            if self.ended() {
                match until {
                    Until::Word | Until::Regex if parens == 0 => break,
                    Until::End => break,
                    Until::Quote => return self.open_since(first, "\""),
                    Until::Arith | Until::ForArith | Until::Word | Until::Regex => {
                        return self.error(Fault::Unterminated(")"));
                    }
                    Until::Bracket => return self.error(Fault::Unterminated("]")),
                    _ => return self.open_since(first, "}"),
                }
            }
            let b = self.at(0);
            match until {
                Until::Word if parens > 0 => match b {
                    b'(' => parens += 1,
                    b')' => parens -= 1,
                    b'\n' => return self.error(Fault::Unterminated(")")),
                    _ => {}
                },
                Until::Word if is_meta(b) && !(parts.is_empty() && self.at_process()) => break,
                Until::Word
                    if self.dialect.extglob && matches!(b, b'?' | b'*' | b'+' | b'@' | b'!') && self.at(1) == b'(' =>
                {
                    self.bump();
                    parts.push(b, false);
                    parens += 1;
                    self.bump();
                    parts.push(b'(', false);
                    continue;
                }
                Until::Regex => match b {
                    b'(' => parens += 1,
                    b')' if parens == 0 => break,
                    b')' => parens -= 1,
                    b'\n' => break,
                    b' ' | b'\t' if parens == 0 => break,
                    b'&' if parens == 0 && self.at(1) == b'&' => break,
                    _ => {}
                },
                Until::Quote if b == b'"' => break,
                Until::Brace { .. } | Until::Slash | Until::Colon if b == b'}' && braces == 0 => break,
                Until::Slash if b == b'/' && !parts.is_empty() => break,
                Until::Colon => match b {
                    b'(' => parens += 1,
                    b')' => parens = parens.saturating_sub(1),
                    b'?' => braces += 0,
                    b':' if parens == 0 => break,
                    _ => {}
                },
                Until::Arith | Until::ForArith => match b {
                    b'(' => parens += 1,
                    b')' if parens > 0 => parens -= 1,
                    b')' => break,
                    b';' if until == Until::ForArith && parens == 0 => break,
                    _ => {}
                },
                Until::Bracket => match b {
                    b'[' => braces += 1,
                    b']' if braces == 0 => break,
                    b']' => braces -= 1,
                    _ => {}
                },
                _ => {}
            }
            if self.one_part(&mut parts, until, quoted)? {
                continue;
            }
            let b = self.bump();
            parts.push(b, quoted);
        }
        parts.flush();
        self.depth -= 1;
        Ok(parts.all)
    }
}

fn is_continued(body: &str) -> bool {
    let text = body.strip_suffix('\n').unwrap_or("");
    (text.len() - text.trim_end_matches('\\').len()) % 2 == 1
}

fn has_braces(parts: &[Part]) -> bool {
    let mut open = false;
    for part in parts {
        if let Part::Lit(text) = part {
            if text.contains('{') {
                open = true;
            }
            if open && text.contains('}') {
                return true;
            }
        }
    }
    false
}
