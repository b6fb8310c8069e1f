//! Splits a template into tokens; mirrors the lexer of Go's `text/template/parse`.

use super::super::go_value::{code_point, quote};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The text of the token is an error.
    Error,
    Eof,
    Text,
    LeftDelim,
    RightDelim,
    LeftParen,
    RightParen,
    Space,
    Pipe,
    Assign,
    Declare,
    /// Any other character, a comma for one.
    Char,
    Bool,
    CharConstant,
    Number,
    Quoted,
    RawText,
    Field,
    Variable,
    Identifier,
    Dot,
    /// A word of the language: `if`, `end`, `nil`.
    Keyword,
}

/// A token and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: Kind,
    /// In bytes from the beginning of the template.
    pub(super) pos: usize,
    pub(super) line: usize,
    pub(super) text: String,
}

impl Item {
    pub(super) fn is_keyword(&self, word: &str) -> bool {
        self.kind == Kind::Keyword && self.text == word
    }

    /// As error texts name it.
    pub(super) fn describe(&self) -> String {
        match self.kind {
            Kind::Eof => "EOF".into(),
            Kind::Error => self.text.clone(),
            Kind::Keyword | Kind::Dot => format!("<{}>", self.text),
            _ if self.text.len() > 10 => {
                format!("{}...", quote(&self.text.chars().take(10).collect::<String>()))
            }
            _ => quote(&self.text),
        }
    }
}

const KEYWORDS: [&str; 11] =
    ["block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"];

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// All tokens; the last one is the end or an error.
pub(super) fn lex(input: &str) -> Vec<Item> {
    let mut lexer = Lexer { input, at: 0, start: 0, line: 1, parens: 0, items: Vec::new() };
    if let Err(text) = lexer.run() {
        let (pos, line) = (lexer.start, lexer.line);
        lexer.items.push(Item { kind: Kind::Error, pos, line, text });
    }
    lexer.items
}

struct Lexer<'a> {
    input: &'a str,
    at: usize,
    start: usize,
    /// The line of `start`.
    line: usize,
    parens: usize,
    items: Vec<Item>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.input[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn ignore(&mut self) {
        self.line += self.input[self.start..self.at].matches('\n').count();
        self.start = self.at;
    }

    fn emit(&mut self, kind: Kind) {
        let text = self.input[self.start..self.at].to_string();
        self.items.push(Item { kind, pos: self.start, line: self.line, text });
        self.ignore();
    }

    /// Whether an action ends here, and whether the end trims the blanks after it.
    fn right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        let trimmed = rest.starts_with(is_space) && rest.get(1..).is_some_and(|r| r.starts_with("-}}"));
        match () {
            () if trimmed => Some(true),
            () if rest.starts_with("}}") => Some(false),
            () => None,
        }
    }

    fn run(&mut self) -> Result<(), String> {
        loop {
            let Some(offset) = self.rest().find("{{") else {
                self.at = self.input.len();
                if self.at > self.start {
                    self.emit(Kind::Text);
                }
                self.emit(Kind::Eof);
                return Ok(());
            };
            let trims = self.input[self.at + offset + 2..].strip_prefix('-').is_some_and(|r| r.starts_with(is_space));
            let text = &self.input[self.at..self.at + offset];
            let kept = if trims { text.trim_end_matches(is_space).len() } else { offset };
            self.at += kept;
            if kept > 0 {
                self.emit(Kind::Text);
            }
            self.at += offset - kept;
            self.ignore();
            self.at += 2;
            let marker = if trims { 1 } else { 0 };
            let blank_before_comment = self.rest()[marker..].trim_start_matches(is_space);
            if trims && blank_before_comment.starts_with("/*") && self.rest()[2..].starts_with("/*") {
                self.at += 2;
                self.comment()?;
                continue;
            }
            if !trims && self.rest().starts_with("/*") {
                self.comment()?;
                continue;
            }
            self.emit(Kind::LeftDelim);
            if trims {
                self.at += 2;
                self.ignore();
            }
            self.parens = 0;
            self.action()?;
        }
    }

    fn comment(&mut self) -> Result<(), String> {
        self.ignore();
        match self.rest()[2..].find("*/") {
            Some(end) => self.at += 2 + end + 2,
            None => return Err("unclosed comment".into()),
        }
        match self.right_delim() {
            Some(trims) => self.skip_right_delim(trims),
            None => return Err("comment ends before closing delimiter".into()),
        }
        self.ignore();
        Ok(())
    }

    fn skip_right_delim(&mut self, trims: bool) {
        self.at += if trims { 4 } else { 2 };
        if trims {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches(is_space).len();
        }
    }

    fn action(&mut self) -> Result<(), String> {
        loop {
            if let Some(trims) = self.right_delim() {
                if self.parens > 0 {
                    return Err("unclosed left paren".into());
                }
                if trims {
                    self.at += 2;
                    self.ignore();
                }
                self.at += 2;
                self.emit(Kind::RightDelim);
                if trims {
                    let rest = self.rest();
                    self.at += rest.len() - rest.trim_start_matches(is_space).len();
                    self.ignore();
                }
                return Ok(());
            }
            let Some(c) = self.next() else { return Err("unclosed action".into()) };
            match c {
                _ if is_space(c) => {
                    while self.right_delim().is_none() && self.peek().is_some_and(is_space) {
                        self.next();
                    }
                    self.emit(Kind::Space);
                }
                '=' => self.emit(Kind::Assign),
                ':' => match self.next() {
                    Some('=') => self.emit(Kind::Declare),
                    _ => return Err("expected :=".into()),
                },
                '|' => self.emit(Kind::Pipe),
                '"' => {
                    self.quoted('"', "unterminated quoted string")?;
                    self.emit(Kind::Quoted);
                }
                '\'' => {
                    self.quoted('\'', "unterminated character constant")?;
                    self.emit(Kind::CharConstant);
                }
                '`' => match self.rest().find('`') {
                    Some(end) => {
                        self.at += end + 1;
                        self.emit(Kind::RawText);
                    }
                    None => return Err("unterminated raw quoted string".into()),
                },
                '$' => self.name(Kind::Variable, Kind::Variable)?,
                '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) && !self.rest().is_empty() => {
                    self.name(Kind::Field, Kind::Dot)?;
                }
                '.' | '+' | '-' | '0'..='9' => {
                    self.at -= 1;
                    self.number()?;
                }
                _ if is_alphanumeric(c) => self.identifier()?,
                '(' => {
                    self.parens += 1;
                    self.emit(Kind::LeftParen);
                }
                ')' if self.parens == 0 => return Err("unexpected right paren".into()),
                ')' => {
                    self.parens -= 1;
                    self.emit(Kind::RightParen);
                }
                ' '..='~' => self.emit(Kind::Char),
                _ => return Err(format!("unrecognized character in action: {}", code_point(c))),
            }
        }
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_space(c) || self.rest().starts_with("}}"),
        }
    }

    fn bad_character(&self) -> Result<(), String> {
        match self.peek() {
            Some(c) if !self.at_terminator() => Err(format!("bad character {}", code_point(c))),
            _ => Ok(()),
        }
    }

    /// A field or variable, of which the first character has been read; `alone` where nothing follows it.
    fn name(&mut self, kind: Kind, alone: Kind) -> Result<(), String> {
        if self.at_terminator() {
            self.emit(alone);
            return Ok(());
        }
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        self.bad_character()?;
        self.emit(kind);
        Ok(())
    }

    fn identifier(&mut self) -> Result<(), String> {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        self.bad_character()?;
        let word = &self.input[self.start..self.at];
        self.emit(match word {
            "true" | "false" => Kind::Bool,
            _ if KEYWORDS.contains(&word) => Kind::Keyword,
            _ => Kind::Identifier,
        });
        Ok(())
    }

    fn quoted(&mut self, end: char, unterminated: &str) -> Result<(), String> {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.peek(), None | Some('\n')) => {
                    self.next();
                }
                None | Some('\\' | '\n') => return Err(unterminated.into()),
                Some(c) if c == end => return Ok(()),
                Some(_) => {}
            }
        }
    }

    fn number(&mut self) -> Result<(), String> {
        let accept = |lexer: &mut Self, set: &str| {
            let found = lexer.peek().is_some_and(|c| set.contains(c));
            if found {
                lexer.at += 1;
            }
            found
        };
        accept(self, "+-");
        let mut digits = "0123456789_";
        if accept(self, "0") {
            digits = match () {
                () if accept(self, "xX") => "0123456789abcdefABCDEF_",
                () if accept(self, "oO") => "01234567_",
                () if accept(self, "bB") => "01_",
                () => digits,
            };
        }
        while accept(self, digits) {}
        if accept(self, ".") {
            while accept(self, digits) {}
        }
        if digits.len() == 11 && accept(self, "eE") {
            accept(self, "+-");
            while accept(self, "0123456789_") {}
        }
        accept(self, "i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return Err(format!("bad number syntax: {}", quote(&self.input[self.start..self.at])));
        }
        self.emit(Kind::Number);
        Ok(())
    }
}
