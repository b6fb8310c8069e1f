//! The parts of a word: quotes, escapes, tildes, backquotes.

use std::sync::Arc;

use super::Flavor;
use super::ast::{Part, Word};
use super::lex::{Fault, Parsed, Parser, Parts, Until, is_meta, is_name};

impl Parser<'_> {
    /// Whether a process substitution begins here.
    pub(super) fn at_process(&self) -> bool {
        matches!(self.at(0), b'<' | b'>') && self.at(1) == b'(' && self.dialect.flavor != Flavor::Dash
    }

    /// A quote, an escape or an expansion, where one is here.
    pub(super) fn one_part(&mut self, parts: &mut Parts, until: Until, quoted: bool) -> Parsed<bool> {
        match self.at(0) {
            b'\\' => {
                let next = self.at(1);
                if next == b'\n' {
                    self.pos += 2;
                    self.line += 1;
                    // The line goes on in one that has not been read yet.
                    if self.ended() && self.dialect.more {
                        return self.error(Fault::End(None));
                    }
                    return Ok(true);
                }
                if self.pos + 1 >= self.src.len() {
                    self.pos += 1;
                    parts.push(b'\\', true);
                    return Ok(true);
                }
                let special = match next {
                    b'$' | b'`' | b'\\' => true,
                    b'"' => until != Until::End,
                    b'}' => matches!(until, Until::Brace { .. }),
                    _ => false,
                };
                if quoted && !special {
                    return Ok(false);
                }
                self.pos += 1;
                let b = self.bump();
                parts.push(b, true);
                Ok(true)
            }
            b'\'' if !quoted => {
                self.bump();
                parts.flush();
                let (from, line) = (self.pos, self.line);
                while self.at(0) != b'\'' {
                    if self.ended() {
                        return self.open_since(line, "'");
                    }
                    self.bump();
                }
                let text = self.text(from, self.pos);
                self.bump();
                parts.part(Part::Quoted(text));
                Ok(true)
            }
            b'"' if until == Until::End => Ok(false),
            b'"' if matches!(until, Until::Arith | Until::ForArith | Until::Colon) => {
                self.bump();
                Ok(true)
            }
            b'"' => {
                self.bump();
                let inner = self.parts(Until::Quote)?;
                self.bump();
                parts.part(Part::Double(inner));
                Ok(true)
            }
            b'`' => {
                let part = self.backquotes(quoted)?;
                parts.part(part);
                Ok(true)
            }
            b'$' => match self.dollar(quoted)? {
                Some(part) => {
                    parts.part(part);
                    Ok(true)
                }
                None => Ok(false),
            },
            b'~' if !quoted && matches!(until, Until::Word | Until::Brace { .. }) && parts.is_empty() => {
                self.tilde(parts, false);
                Ok(true)
            }
            b'<' | b'>' if until == Until::Word && self.at_process() && parts.is_empty() => {
                let write = self.bump() == b'>';
                self.bump();
                let unit = self.substitution()?;
                parts.part(Part::Process(unit, write));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// `~user` as far as it goes.
    pub(super) fn tilde(&mut self, parts: &mut Parts, assign: bool) {
        let rest = &self.src[self.pos + 1..];
        let len = rest.iter().take_while(|b| is_name(**b) || matches!(**b, b'-' | b'.' | b'+')).count();
        let next = rest.get(len).copied().unwrap_or(b' ');
        if matches!(next, b'/' | b'}') || is_meta(next) || assign && next == b':' {
            let name = self.text(self.pos + 1, self.pos + 1 + len);
            self.pos += 1 + len;
            parts.part(Part::Tilde(name));
        } else {
            self.pos += 1;
            parts.push(b'~', false);
        }
    }

    /// The value of an assignment: a tilde counts after each colon too.
    pub fn assigned(&mut self) -> Parsed<Word> {
        let before = self.substs;
        let mut parts = Parts::default();
        self.deeper()?;
        let mut fresh = true;
        while !self.ended() && !(is_meta(self.at(0))) {
            if fresh && self.at(0) == b'~' {
                self.tilde(&mut parts, true);
                fresh = false;
                continue;
            }
            fresh = self.at(0) == b':';
            // No word begins here any more, so `<(` and a tilde are none.
            if !self.one_part(&mut parts, Until::Regex, false)? {
                let b = self.bump();
                parts.push(b, false);
            }
        }
        parts.flush();
        self.depth -= 1;
        Ok(Word { has_subst: self.substs != before, ..Word::of(parts.all) })
    }

    pub(super) fn backquotes(&mut self, quoted: bool) -> Parsed<Part> {
        self.bump();
        let (line, mut text) = (self.line, Vec::new());
        loop {
            if self.ended() {
                return self.open_since(line, "`");
            }
            match self.bump() {
                b'`' => break,
                b'\\' => match self.at(0) {
                    b'$' | b'`' | b'\\' => text.push(self.bump()),
                    b'"' if quoted => text.push(self.bump()),
                    b'\n' => {
                        self.bump();
                    }
                    _ => text.push(b'\\'),
                },
                b => text.push(b),
            }
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let (unit, _) = self.sub(&text, line, |p| p.whole())?;
        self.substs += 1;
        Ok(Part::Subst(Arc::new(unit)))
    }
}
