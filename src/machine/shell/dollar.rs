//! Parsing what begins with a dollar sign.

use std::sync::Arc;

use super::Flavor;
use super::ast::{Index, Param, ParamOp, Part, Unit, Word};
use super::lex::{Fault, Parsed, Parser, Token, Until, is_name, is_name_start};

impl Parser<'_> {
    /// An expansion; none where the dollar sign is only itself.
    pub fn dollar(&mut self, quoted: bool) -> Parsed<Option<Part>> {
        let next = self.at(1);
        match next {
            b'{' => self.braced(quoted).map(Some),
            b'(' if self.at(2) == b'(' => {
                let (pos, line, substs) = (self.pos, self.line, self.substs);
                self.pos += 3;
                let inner = self.parts(Until::Arith);
                match inner {
                    Ok(inner) if self.at(0) == b')' && self.at(1) == b')' => {
                        self.pos += 2;
                        return Ok(Some(Part::Arith(inner)));
                    }
                    Err(fault) if self.ended() && self.dialect.more => return Err(fault),
                    _ => {}
                }
                // No arithmetic: a subshell in a substitution.
                (self.pos, self.line, self.substs) = (pos + 2, line, substs);
                let unit = self.substitution()?;
                Ok(Some(Part::Subst(unit)))
            }
            b'(' => {
                self.pos += 2;
                let unit = self.substitution()?;
                Ok(Some(Part::Subst(unit)))
            }
            b'[' if self.bash() => {
                self.pos += 2;
                let inner = self.parts(Until::Bracket)?;
                self.pos += 1;
                Ok(Some(Part::Arith(inner)))
            }
            b'\'' if !quoted && self.dialect.flavor != Flavor::Dash => {
                self.pos += 2;
                self.ansi_c().map(Some)
            }
            b'"' if !quoted && self.bash() => {
                self.pos += 2;
                let inner = self.parts(Until::Quote)?;
                self.bump();
                Ok(Some(Part::Double(inner)))
            }
            b if is_name_start(b) => {
                let len = self.src[self.pos + 1..].iter().take_while(|b| is_name(**b)).count();
                Ok(Some(self.plain(len)))
            }
            b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!' => Ok(Some(self.plain(1))),
            _ => Ok(None),
        }
    }

    fn plain(&mut self, len: usize) -> Part {
        let name = self.text(self.pos + 1, self.pos + 1 + len);
        self.pos += 1 + len;
        Part::Param(Box::new(Param { text: String::new(), name, indirect: false, index: None, op: ParamOp::None }))
    }

    /// The commands of `$(`, up to and with the closing parenthesis.
    pub fn substitution(&mut self) -> Parsed<Arc<Unit>> {
        self.deeper()?;
        let outer = std::mem::take(&mut self.unit);
        let pending = std::mem::take(&mut self.pending);
        let token = self.token.take();
        let span = self.span;
        let root = self.optional_list()?;
        if !self.is_op(")")? {
            if matches!(self.peek()?, Token::End) {
                return if self.bash() {
                    self.error(Fault::Unterminated(")"))
                } else {
                    self.error(Fault::End(Some(")")))
                };
            }
            return self.unexpected(Some(")"));
        }
        // The token that follows must not be lexed as part of this unit.
        self.pos = self.span.1;
        self.token = token;
        self.span = span;
        let mut unit = std::mem::replace(&mut self.unit, outer);
        self.pending = pending;
        unit.root = root;
        self.substs += 1;
        self.depth -= 1;
        Ok(Arc::new(unit))
    }

    /// `$'...'`
    fn ansi_c(&mut self) -> Parsed<Part> {
        let from = self.pos;
        loop {
            if self.ended() {
                return self.error(Fault::Unterminated("'"));
            }
            match self.bump() {
                b'\'' => break,
                b'\\' => {
                    self.bump();
                }
                _ => {}
            }
        }
        let raw = self.src.get(from..self.pos.saturating_sub(1)).unwrap_or_default();
        Ok(Part::Quoted(unescape(raw, self.dialect.utf8)))
    }

    fn braced(&mut self, quoted: bool) -> Parsed<Part> {
        let start = self.pos;
        let line = self.line;
        self.pos += 2;
        self.deeper()?;
        let part = match self.braced_inner(quoted)? {
            Some(mut param) if self.at(0) == b'}' => {
                self.pos += 1;
                param.text = self.text(start, self.pos);
                Part::Param(Box::new(param))
            }
            _ => {
                // What it may be is found out only when it is expanded.
                (self.pos, self.line) = (start + 2, line);
                self.parts(Until::Brace { quoted: true })?;
                self.pos += 1;
                Part::Bad(self.text(start, self.pos))
            }
        };
        self.depth -= 1;
        Ok(part)
    }

    fn braced_inner(&mut self, quoted: bool) -> Parsed<Option<Param>> {
        let bash = self.bash();
        let mut param =
            Param { name: String::new(), indirect: false, index: None, op: ParamOp::None, text: String::new() };
        if self.at(0) == b'#'
            && !matches!(self.at(1), b'}' | b':' | b'%' | b'=' | b'+' | b'/')
            && (self.at(2) == b'}' || !matches!(self.at(1), b'#' | b'-' | b'?'))
        {
            self.pos += 1;
            if !self.name(&mut param)? {
                return Ok(None);
            }
            param.op = ParamOp::Length;
            return Ok(Some(param));
        }
        if self.at(0) == b'!'
            && bash
            && (is_name(self.at(1)) || matches!(self.at(1), b'@' | b'*' | b'#'))
            && !(self.at(1) == b'#' && self.at(2) != b'}')
        {
            self.pos += 1;
            param.indirect = true;
        }
        if !self.name(&mut param)? {
            return Ok(None);
        }
        if param.indirect && matches!(self.at(0), b'*' | b'@') && self.at(1) == b'}' {
            param.op = ParamOp::Names(self.bump() == b'@');
            param.indirect = false;
            return Ok(Some(param));
        }
        let colon = self.at(0) == b':' && matches!(self.at(1), b'-' | b'=' | b'+' | b'?');
        let b = self.at(usize::from(colon));
        param.op = match b {
            b'}' => ParamOp::None,
            b'-' | b'=' | b'+' | b'?' => {
                self.pos += 1 + usize::from(colon);
                ParamOp::Default { colon, kind: b as char, word: self.word(Until::Brace { quoted })? }
            }
            b'#' | b'%' => {
                let longest = self.at(1) == b;
                self.pos += 1 + usize::from(longest);
                ParamOp::Trim { suffix: b == b'%', longest, word: self.word(Until::Brace { quoted: false })? }
            }
            b'/' if self.dialect.flavor != Flavor::Dash => self.replacement()?,
            b'^' | b',' if bash => {
                let all = self.at(1) == b;
                self.pos += 1 + usize::from(all);
                ParamOp::Case { upper: b == b'^', all, pattern: self.word(Until::Brace { quoted: false })? }
            }
            b'@' if bash && self.at(2) == b'}' => {
                self.pos += 2;
                ParamOp::At(char::from(self.src[self.pos - 1]))
            }
            b':' if self.dialect.flavor != Flavor::Dash => {
                self.pos += 1;
                let from = self.word(Until::Colon)?;
                let len = if self.at(0) == b':' {
                    self.pos += 1;
                    Some(self.word(Until::Colon)?)
                } else {
                    None
                };
                ParamOp::Slice { from, len }
            }
            _ => return Ok(None),
        };
        Ok(Some(param))
    }

    fn replacement(&mut self) -> Parsed<ParamOp> {
        self.pos += 1;
        let all = self.at(0) == b'/';
        let mut anchor = ' ';
        if all {
            self.pos += 1;
        } else if matches!(self.at(0), b'#' | b'%') {
            anchor = char::from(self.bump());
        }
        let pattern = self.word(Until::Slash)?;
        let mut with = Word::default();
        if self.at(0) == b'/' {
            self.pos += 1;
            with = self.word(Until::Brace { quoted: false })?;
        }
        Ok(ParamOp::Replace { all, anchor, pattern, with })
    }

    /// A parameter's name with its subscript.
    fn name(&mut self, param: &mut Param) -> Parsed<bool> {
        let b = self.at(0);
        let len = match b {
            _ if is_name_start(b) => self.src[self.pos..].iter().take_while(|b| is_name(**b)).count(),
            b'0'..=b'9' => self.src[self.pos..].iter().take_while(|b| b.is_ascii_digit()).count(),
            b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!' => 1,
            _ => return Ok(false),
        };
        param.name = self.text(self.pos, self.pos + len);
        self.pos += len;
        if self.bash() && is_name_start(b) && self.at(0) == b'[' {
            self.pos += 1;
            param.index = Some(match (self.at(0), self.at(1)) {
                (b'@', b']') => Index::At,
                (b'*', b']') => Index::Star,
                _ => Index::Expr(self.word(Until::Bracket)?),
            });
            if matches!(param.index, Some(Index::At | Index::Star)) {
                self.pos += 1;
            }
            self.pos += 1;
        }
        Ok(true)
    }

    /// All of a text as one unit.
    pub fn whole(&mut self) -> Parsed<Unit> {
        let root = self.optional_list()?;
        if !matches!(self.peek()?, Token::End) {
            return self.unexpected(None);
        }
        let mut unit = std::mem::take(&mut self.unit);
        unit.root = root;
        Ok(unit)
    }
}

/// A character by its number; where the locale has only ASCII's, others stay escapes.
pub(super) fn spell(value: u32, utf8: bool) -> String {
    match char::from_u32(value) {
        Some(c) if utf8 || value < 128 => c.to_string(),
        _ if value > 0xffff => format!("\\U{value:08X}"),
        _ => format!("\\u{value:04X}"),
    }
}

/// Replaces the escapes of `$'...'`.
pub(super) fn unescape(raw: &[u8], utf8: bool) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(raw.len());
    let mut at = 0;
    let digits = |from: usize, max: usize, radix: u32| -> (u32, usize) {
        let text = raw.get(from..).unwrap_or_default();
        let len = text.iter().take(max).take_while(|b| char::from(**b).is_digit(radix)).count();
        let value =
            text[..len].iter().fold(0u32, |v, b| v.wrapping_mul(radix) + char::from(*b).to_digit(radix).unwrap_or(0));
        (value, len)
    };
    while let Some(b) = raw.get(at).copied() {
        at += 1;
        if b != b'\\' {
            out.push(b);
            continue;
        }
        let Some(next) = raw.get(at).copied() else {
            out.push(b'\\');
            break;
        };
        at += 1;
        match next {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'e' | b'E' => out.push(27),
            b'f' => out.push(12),
            b'v' => out.push(11),
            b'\\' | b'\'' | b'"' | b'?' => out.push(next),
            b'c' => {
                out.push(raw.get(at).copied().unwrap_or(b'@') & 0x1f);
                at += 1;
            }
            b'x' | b'u' | b'U' => {
                let max = match next {
                    b'x' => 2,
                    b'u' => 4,
                    _ => 8,
                };
                let (value, len) = digits(at, max, 16);
                at += len;
                if len == 0 {
                    out.extend([b'\\', next]);
                } else if next == b'x' {
                    out.push(value as u8);
                } else {
                    out.extend(spell(value, utf8).as_bytes());
                }
            }
            b'0'..=b'7' => {
                let (value, len) = digits(at - 1, 3, 8);
                at += len - 1;
                out.push(value as u8);
            }
            _ => out.extend([b'\\', next]),
        }
    }
    // A NUL ends a string of C.
    out.truncate(out.iter().position(|b| *b == 0).unwrap_or(out.len()));
    String::from_utf8_lossy(&out).into_owned()
}
