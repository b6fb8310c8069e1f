//! Takes awk programs apart into tokens.

use super::ast::Builtin;

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Number(f64),
    Text(Vec<u8>),
    /// A name; true where a `(` follows at once.
    Name(String, bool),
    Word(Word),
    Builtin(Builtin),
    /// An operator or a mark.
    Op(&'static str),
    Newline,
    End,
}

/// A word of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Begin,
    Break,
    Continue,
    Delete,
    Do,
    Else,
    End,
    Exit,
    For,
    Function,
    Getline,
    If,
    In,
    Next,
    NextFile,
    Print,
    Printf,
    Return,
    While,
}

const WORDS: &[(&str, Word)] = &[
    ("BEGIN", Word::Begin),
    ("END", Word::End),
    ("break", Word::Break),
    ("continue", Word::Continue),
    ("delete", Word::Delete),
    ("do", Word::Do),
    ("else", Word::Else),
    ("exit", Word::Exit),
    ("for", Word::For),
    ("func", Word::Function),
    ("function", Word::Function),
    ("getline", Word::Getline),
    ("if", Word::If),
    ("in", Word::In),
    ("next", Word::Next),
    ("nextfile", Word::NextFile),
    ("print", Word::Print),
    ("printf", Word::Printf),
    ("return", Word::Return),
    ("while", Word::While),
];

const BUILTINS: &[(&str, Builtin)] = &[
    ("atan2", Builtin::Atan2),
    ("close", Builtin::Close),
    ("cos", Builtin::Cos),
    ("exp", Builtin::Exp),
    ("fflush", Builtin::Fflush),
    ("gsub", Builtin::Gsub),
    ("index", Builtin::Index),
    ("int", Builtin::Int),
    ("length", Builtin::Length),
    ("log", Builtin::Log),
    ("match", Builtin::Match),
    ("mktime", Builtin::Mktime),
    ("rand", Builtin::Rand),
    ("sin", Builtin::Sin),
    ("split", Builtin::Split),
    ("sprintf", Builtin::Sprintf),
    ("sqrt", Builtin::Sqrt),
    ("srand", Builtin::Srand),
    ("strftime", Builtin::Strftime),
    ("sub", Builtin::Sub),
    ("substr", Builtin::Substr),
    ("system", Builtin::System),
    ("systime", Builtin::Systime),
    ("tolower", Builtin::Tolower),
    ("toupper", Builtin::Toupper),
];

/// Functions that mawk does not have.
const MORE: &[(&str, Builtin)] = &[
    ("and", Builtin::And),
    ("compl", Builtin::Compl),
    ("gensub", Builtin::Gensub),
    ("lshift", Builtin::Lshift),
    ("or", Builtin::Or),
    ("rshift", Builtin::Rshift),
    ("xor", Builtin::Xor),
];

/// Operators, longer ones first.
const OPS: &[&str] = &[
    "**=", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=", "!~", "++", "--", "&&", "||", ">>", "**", "{",
    "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", ">", "<", "|", "?", ":", "~", "$", "=",
];

/// Reads tokens from a program's text.
pub struct Lexer<'a> {
    pub text: &'a [u8],
    pub at: usize,
    pub line: usize,
    pub gnu: bool,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next token, and where it begins.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn next(&mut self) -> Result<(Token, usize), String> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.text.get(self.at + 1) == Some(&b'\n') => {
                    self.at += 2;
                    self.line += 1;
                }
                Some(b'\\') if self.text.get(self.at + 1..self.at + 3) == Some(b"\r\n") => {
                    self.at += 3;
                    self.line += 1;
                }
                Some(b'#') => {
                    while self.peek().is_some_and(|b| b != b'\n') {
                        self.at += 1;
                    }
                }
                _ => break,
            }
        }
        let start = self.at;
        let Some(b) = self.peek() else { return Ok((Token::End, start)) };
        if b == b'\n' {
            self.at += 1;
            self.line += 1;
            return Ok((Token::Newline, start));
        }
        if b == b'"' {
            self.at += 1;
            return Ok((Token::Text(self.string()?), start));
        }
        if b.is_ascii_digit() || b == b'.' && self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            return Ok((Token::Number(self.number()), start));
        }
        if b.is_ascii_alphabetic() || b == b'_' {
            return Ok((self.word(), start));
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        for op in OPS {
            if rest.starts_with(op.as_bytes()) && !(self.gnu && op.starts_with("**")) {
                self.at += op.len();
                let op = match *op {
                    "**" => "^",
                    "**=" => "^=",
                    other => other,
                };
                return Ok((Token::Op(op), start));
            }
        }
        self.at += 1;
        Err(format!("unexpected character '{}'", char::from(b)))
    }

    fn number(&mut self) -> f64 {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if !self.gnu
            && digits > 1
            && rest[0] == b'0'
            && !matches!(rest.get(digits), Some(b'.' | b'e' | b'E'))
            && let Ok(value) = u64::from_str_radix(&String::from_utf8_lossy(&rest[..digits]), 8)
        {
            self.at += digits;
            return value as f64;
        }
        let rest = if self.gnu && rest.get(1).is_some_and(|b| *b == b'x' || *b == b'X') { &rest[..1] } else { rest };
        match super::super::float::strtod(rest) {
            Some((value, len)) => {
                self.at += len.max(1);
                value
            }
            None => {
                self.at += 1;
                0.0
            }
        }
    }

    fn word(&mut self) -> Token {
        let begin = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.at += 1;
        }
        let name = String::from_utf8_lossy(self.text.get(begin..self.at).unwrap_or_default()).into_owned();
        if let Some((_, word)) = WORDS.iter().find(|(n, _)| *n == name) {
            return Token::Word(*word);
        }
        let more: &[(&str, Builtin)] = if self.gnu { &[] } else { MORE };
        if let Some((_, builtin)) = BUILTINS.iter().chain(more).find(|(n, _)| *n == name) {
            return Token::Builtin(*builtin);
        }
        Token::Name(name, self.peek() == Some(b'('))
    }

    fn string(&mut self) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let begin = self.at;
        loop {
            let Some(b) = self.peek().filter(|b| *b != b'\n') else {
                let text = self.text.get(begin..self.at.min(begin + 10)).unwrap_or_default();
                return Err(format!("runaway string constant \"{} ...", String::from_utf8_lossy(text)));
            };
            self.at += 1;
            match b {
                b'"' => return Ok(out),
                b'\\' => self.escape(&mut out),
                _ => out.push(b),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) {
        let rest = self.text.get(self.at - 1..).unwrap_or_default();
        if rest.get(1) == Some(&b'\n') {
            self.at += 1;
            self.line += 1;
            return;
        }
        let (bytes, len) = unescape(rest, self.gnu);
        out.extend_from_slice(&bytes);
        self.at += len - 1;
    }

    /// The text of a regular expression whose `/` was read.
    ///
    /// # Errors
    /// Where it does not end.
    pub fn regex(&mut self) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut in_bracket = false;
        loop {
            let Some(b) = self.peek().filter(|b| *b != b'\n') else {
                return Err("runaway regular expression".into());
            };
            self.at += 1;
            match b {
                b'/' if !in_bracket => return Ok(out),
                b'\\' => {
                    let next = self.peek();
                    self.at += usize::from(next.is_some());
                    match next {
                        Some(b'/') => out.push(b'/'),
                        Some(c) => out.extend([b'\\', c]),
                        None => out.push(b'\\'),
                    }
                    continue;
                }
                b'[' if !in_bracket => {
                    in_bracket = true;
                    out.push(b);
                    if self.peek() == Some(b'^') {
                        out.push(b'^');
                        self.at += 1;
                    }
                    if self.peek() == Some(b']') {
                        out.push(b']');
                        self.at += 1;
                    }
                    continue;
                }
                b'[' if matches!(self.peek(), Some(b':')) => {
                    out.push(b);
                    while let Some(c) = self.peek().filter(|c| *c != b'\n') {
                        out.push(c);
                        self.at += 1;
                        if c == b']' {
                            break;
                        }
                    }
                    continue;
                }
                b']' => in_bracket = false,
                _ => {}
            }
            out.push(b);
        }
    }
}

/// What an escape at the beginning of a text stands for, and its length.
pub fn unescape(text: &[u8], gnu: bool) -> (Vec<u8>, usize) {
    let Some(next) = text.get(1) else { return (vec![b'\\'], 1) };
    let simple = match next {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'"' => b'"',
        b'\\' => b'\\',
        b'/' if !gnu => b'/',
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'0'..=b'7' => {
            let digits = text[1..].iter().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
            let value = text[1..=digits].iter().fold(0u32, |v, d| v * 8 + u32::from(d - b'0'));
            return (vec![value as u8], digits + 1);
        }
        b'x' => {
            let digits = text[2..].iter().take(2).take_while(|b| b.is_ascii_hexdigit()).count();
            if digits > 0 {
                let value =
                    text[2..2 + digits].iter().fold(0, |v, d| v * 16 + char::from(*d).to_digit(16).unwrap_or(0));
                return (vec![value as u8], digits + 2);
            }
            return (b"\\x".to_vec(), 2);
        }
        other if gnu => return (vec![b'\\', *other], 2),
        other => return (vec![*other], 2),
    };
    (vec![simple], 2)
}
