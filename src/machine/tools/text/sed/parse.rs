//! Reads sed scripts.

use super::script::{Address, Command, Piece, Script, Substitute, What};
use crate::machine::tools::text::regex::{Fault, Flags, Regex};

/// How a script is read.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub flags: Flags,
    pub gnu: bool,
}

/// A part of a script: what one `-e` or `-f` gave.
#[derive(Debug, Clone)]
pub struct Part {
    pub text: Vec<u8>,
    /// The file's name, or none for an expression.
    pub file: Option<String>,
    /// The number of the expression.
    pub number: usize,
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    style: Style,
    script: Script,
    blocks: Vec<usize>,
    labels: Vec<(Vec<u8>, usize)>,
    jumps: Vec<(usize, Vec<u8>)>,
}

/// A fault, with whether a position belongs to it.
type Bad = (String, Position);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Here,
    Zero,
}

fn bad<T>(gnu: &str) -> Result<T, Bad> {
    Err((gnu.to_string(), Position::Here))
}

/// Reads a script out of its parts.
///
/// # Errors
/// What is wrong with it, as sed says it, with its exit code.
pub fn parse(parts: &[Part], style: Style) -> Result<Script, (String, u8)> {
    let text = parts.iter().map(|p| p.text.clone()).collect::<Vec<_>>().join(&b'\n');
    let mut parser = Parser {
        text: &text,
        at: 0,
        style,
        script: Script::default(),
        blocks: Vec::new(),
        labels: Vec::new(),
        jumps: Vec::new(),
    };
    let result = parser.commands();
    if let Err((why, position)) = result {
        return Err((if style.gnu { parser.located(parts, &why, position) } else { why }, 1));
    }
    parser.resolve().map_err(|why| (why, if style.gnu { 4 } else { 1 }))?;
    Ok(parser.script)
}

impl Parser<'_> {
    /// A fault with the place that it is at.
    fn located(&self, parts: &[Part], why: &str, position: Position) -> String {
        let mut begin = 0;
        let mut found = parts.last();
        for part in parts {
            if self.at <= begin + part.text.len() {
                found = Some(part);
                break;
            }
            begin += part.text.len() + 1;
        }
        let within = self.at.saturating_sub(begin);
        match found {
            Some(Part { file: Some(file), text, .. }) => {
                let line = text.get(..within).unwrap_or(text).iter().filter(|b| **b == b'\n').count() + 1;
                format!("file {file} line {line}: {why}")
            }
            Some(Part { number, .. }) => {
                let at = if position == Position::Zero { 0 } else { within };
                format!("-e expression #{number}, char {at}: {why}")
            }
            None => why.to_string(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let b = self.peek();
        self.at += usize::from(b.is_some());
        b
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(|b| b == b' ' || b == b'\t') {
            self.at += 1;
        }
    }

    fn say<'t>(&self, gnu: &'t str, busybox: &'t str) -> &'t str {
        if self.style.gnu { gnu } else { busybox }
    }

    fn commands(&mut self) -> Result<(), Bad> {
        loop {
            while self.peek().is_some_and(|b| b.is_ascii_whitespace() || b == b';') {
                self.at += 1;
            }
            let Some(b) = self.peek() else { break };
            if b == b'#' {
                while self.peek().is_some_and(|b| b != b'\n') {
                    self.at += 1;
                }
                continue;
            }
            self.command()?;
            if self.script.commands.len() > 20_000 {
                return bad("script too long");
            }
        }
        if !self.blocks.is_empty() && self.style.gnu {
            return Err(("unmatched `{'".into(), Position::Zero));
        }
        while let Some(open) = self.blocks.pop() {
            let end = self.script.commands.len();
            if let Some(Command { what: What::Block(to), .. }) = self.script.commands.get_mut(open) {
                *to = end;
            }
        }
        Ok(())
    }

    fn resolve(&mut self) -> Result<(), String> {
        for (at, label) in std::mem::take(&mut self.jumps) {
            let target = match label.is_empty() {
                true => Some(self.script.commands.len()),
                false => self.labels.iter().find(|(name, _)| *name == label).map(|(_, at)| *at),
            };
            let Some(target) = target else {
                let label = String::from_utf8_lossy(&label);
                return Err(match self.style.gnu {
                    true => format!("can't find label for jump to `{label}'"),
                    false => format!("can't find label for jump to '{label}'"),
                });
            };
            if let Some(Command { what: What::Branch(to) | What::BranchIf(to) | What::BranchIfNot(to), .. }) =
                self.script.commands.get_mut(at)
            {
                *to = target;
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = None;
        while let Some(d) = self.peek().filter(u8::is_ascii_digit) {
            value = Some(value.unwrap_or(0u64).saturating_mul(10).saturating_add(u64::from(d - b'0')));
            self.at += 1;
        }
        value
    }

    fn address(&mut self, second: bool) -> Result<Option<Address>, Bad> {
        let Some(b) = self.peek() else { return Ok(None) };
        if let Some(line) = self.number() {
            let here = self.at;
            self.spaces();
            if self.peek() == Some(b'~') && self.style.gnu {
                self.at += 1;
                self.spaces();
                let step = self.number().unwrap_or(0);
                return Ok(Some(if step == 0 { Address::Line(line) } else { Address::Step(line, step) }));
            }
            self.at = here;
            return Ok(Some(Address::Line(line)));
        }
        match b {
            b'$' => {
                self.at += 1;
                Ok(Some(Address::Last))
            }
            b'+' | b'~' if second && (b == b'+' || self.style.gnu) => {
                self.at += 1;
                let number = self.number().unwrap_or(0);
                Ok(Some(if b == b'+' { Address::Plus(number) } else { Address::Multiple(number) }))
            }
            b'/' | b'\\' => {
                self.at += 1;
                let delimiter = if b == b'\\' { self.next().unwrap_or(b'\\') } else { b'/' };
                let begin = self.at;
                let Some(pattern) = self.delimited(delimiter, true)? else {
                    if self.style.gnu {
                        self.at = self.text.len();
                        let _ = begin;
                        return bad("unterminated address regex");
                    }
                    return bad(&format!("unmatched '{}'", char::from(delimiter)));
                };
                let mut flags = self.style.flags;
                while let Some(b @ (b'I' | b'M')) = self.peek() {
                    if !self.style.gnu && b == b'M' {
                        break;
                    }
                    if b == b'I' {
                        flags.icase = true;
                    } else {
                        flags.newline = true;
                    }
                    self.at += 1;
                }
                Ok(Some(Address::Matches(self.regex(&pattern, flags)?)))
            }
            _ => Ok(None),
        }
    }

    fn regex(&self, pattern: &[u8], flags: Flags) -> Result<Option<Regex>, Bad> {
        if pattern.is_empty() {
            return Ok(None);
        }
        match Regex::new(pattern, flags) {
            Ok(regex) => Ok(Some(regex)),
            Err(fault) if self.style.gnu => {
                let text = match fault {
                    Fault::Bracket => "unterminated address regex",
                    other => other.text(),
                };
                bad(text)
            }
            Err(fault) => bad(&format!(
                "bad regex '{}': {}",
                String::from_utf8_lossy(pattern),
                if flags.tre { fault.musl_text() } else { fault.text() }
            )),
        }
    }

    /// The text up to a delimiter, which is passed over. In a pattern, escapes become what they stand for.
    fn delimited(&mut self, delimiter: u8, pattern: bool) -> Result<Option<Vec<u8>>, Bad> {
        let mut out = Vec::new();
        let mut in_bracket = false;
        loop {
            let Some(b) = self.next() else { return Ok(None) };
            if in_bracket {
                match b {
                    b']' => in_bracket = false,
                    b'[' if matches!(self.peek(), Some(b':' | b'.' | b'=')) => {
                        let kind = self.next().unwrap_or_default();
                        out.extend([b, kind]);
                        while let Some(c) = self.next() {
                            out.push(c);
                            if c == kind && self.peek() == Some(b']') {
                                break;
                            }
                        }
                        out.extend(self.next());
                        continue;
                    }
                    b'\\' => {
                        match self.peek() {
                            Some(b'n') => out.push(b'\n'),
                            Some(b't') => out.push(b'\t'),
                            Some(b'r') => out.push(b'\r'),
                            Some(b'f') => out.push(12),
                            Some(b'v') => out.push(11),
                            Some(b']') => {
                                out.push(b'\\');
                                continue;
                            }
                            Some(c) => out.extend([b'\\', c]),
                            None => out.push(b'\\'),
                        }
                        self.at += 1;
                        continue;
                    }
                    _ => {}
                }
                out.push(b);
                continue;
            }
            if b == delimiter {
                return Ok(Some(out));
            }
            match b {
                b'\n' if pattern && self.style.gnu => {
                    self.at -= 1;
                    return Ok(None);
                }
                b'[' if pattern => {
                    in_bracket = true;
                    out.push(b);
                    if self.peek() == Some(b'^') {
                        out.extend(self.next());
                    }
                    if self.peek() == Some(b']') {
                        out.extend(self.next());
                    }
                }
                b'\\' => {
                    let Some(c) = self.next() else { return Ok(None) };
                    match c {
                        _ if c == delimiter && pattern => {
                            // An escaped delimiter is itself, even where it would mean something.
                            if delimiter.is_ascii_punctuation() && b"$.*[]^".contains(&delimiter) {
                                out.push(b'\\');
                            }
                            out.push(c);
                        }
                        _ if c == delimiter && delimiter != b'&' => out.push(c),
                        b'n' => out.push(b'\n'),
                        _ if pattern => match self.escape(c) {
                            Some(byte) => {
                                if b"$.*[]^\\/+?(){}|".contains(&byte) {
                                    out.push(b'\\');
                                }
                                out.push(byte);
                            }
                            None => out.extend([b'\\', c]),
                        },
                        _ => out.extend([b'\\', c]),
                    }
                }
                _ => out.push(b),
            }
        }
    }

    /// The byte of an escape whose letter was read.
    fn escape(&mut self, letter: u8) -> Option<u8> {
        let (radix, len) = match letter {
            b't' => return Some(b'\t'),
            b'r' => return Some(b'\r'),
            b'f' => return Some(12),
            b'v' => return Some(11),
            b'a' => return Some(7),
            b'x' => (16, 2),
            b'o' if self.style.gnu => (8, 3),
            b'd' if self.style.gnu => (10, 3),
            b'c' if self.style.gnu => {
                let c = self.next()?;
                return Some(c.to_ascii_uppercase() ^ 0x40);
            }
            _ => return None,
        };
        let digits: String = self.text.get(self.at..)?.iter().take(len).map(|b| char::from(*b)).collect();
        let digits: String = digits.chars().take_while(|c| c.is_digit(radix)).collect();
        let value = u32::from_str_radix(&digits, radix).ok()?;
        self.at += digits.len();
        Some(value as u8)
    }

    fn command(&mut self) -> Result<(), Bad> {
        let first = self.address(false)?;
        let mut second = None;
        if first.is_some() {
            let here = self.at;
            self.spaces();
            if self.peek() == Some(b',') {
                self.at += 1;
                self.spaces();
                second = self.address(true)?;
                if second.is_none() {
                    self.at += usize::from(self.at < self.text.len());
                    return bad(self.say("unexpected `,'", "no address after comma"));
                }
            } else {
                self.at = here;
            }
        }
        let zero = matches!(first, Some(Address::Line(0)));
        let mut negated = false;
        self.spaces();
        while self.peek() == Some(b'!') {
            self.at += 1;
            if negated {
                return bad(self.say("multiple `!'s", "unsupported command !"));
            }
            negated = true;
            self.spaces();
        }
        let Some(letter) = self.next() else { return bad("missing command") };
        if zero && self.style.gnu && !matches!(second, Some(Address::Matches(_))) {
            return bad("invalid usage of line address 0");
        }
        let two = second.is_some();
        let addressed = first.is_some();
        let at = self.script.commands.len();
        let what = self.what(letter, (addressed, two), at)?;
        self.script.commands.push(Command { first, second, negated, what, open: None, begun: false });
        Ok(())
    }

    fn what(&mut self, letter: u8, (addressed, two): (bool, bool), at: usize) -> Result<What, Bad> {
        let gnu = self.style.gnu;
        let one_only = |what: What| if two && gnu { bad("command only uses one address") } else { Ok(what) };
        let what = match letter {
            b'{' => {
                self.blocks.push(at);
                return Ok(What::Block(0));
            }
            b'}' => {
                if addressed && gnu {
                    return bad("} doesn't want any addresses");
                }
                let Some(open) = self.blocks.pop() else {
                    return if gnu { bad("unexpected `}'") } else { Ok(What::Nothing) };
                };
                if let Some(Command { what: What::Block(to), .. }) = self.script.commands.get_mut(open) {
                    *to = at;
                }
                What::Nothing
            }
            b':' => {
                if addressed {
                    return bad(": doesn't want any addresses");
                }
                self.spaces();
                let label = self.label(false);
                if label.is_empty() && gnu {
                    return bad("\":\" lacks a label");
                }
                self.labels.push((label, at));
                return Ok(What::Nothing);
            }
            b'b' | b't' | b'T' => {
                self.spaces();
                let label = self.label(gnu);
                self.jumps.push((at, label));
                match letter {
                    b'b' => What::Branch(0),
                    b't' => What::BranchIf(0),
                    _ => What::BranchIfNot(0),
                }
            }
            b'a' | b'i' | b'c' => {
                let text = self.text_argument()?;
                return match letter {
                    b'a' => Ok(What::Append(text)),
                    b'i' => Ok(What::Insert(text)),
                    _ => Ok(What::Change(text)),
                };
            }
            b's' => self.substitute()?,
            b'y' => self.translate()?,
            b'q' | b'Q' if gnu || letter == b'q' => {
                self.spaces();
                let code = if gnu { self.number().unwrap_or(0) as u8 } else { 0 };
                one_only(What::Quit(code, letter == b'q'))?
            }
            b'l' => {
                self.spaces();
                What::List(self.number().map(|n| n as usize))
            }
            b'r' | b'R' | b'w' | b'W' if gnu || matches!(letter, b'r' | b'w') => {
                let name = self.file_name()?;
                return Ok(match letter {
                    b'r' => What::Read(name),
                    b'R' => What::ReadLine(remember(&mut self.script.reads, name)),
                    b'w' => What::Write(remember(&mut self.script.writes, name)),
                    _ => What::WriteFirst(remember(&mut self.script.writes, name)),
                });
            }
            b'=' | b'd' | b'D' | b'g' | b'G' | b'h' | b'H' | b'n' | b'N' | b'p' | b'P' | b'x' => What::Plain(letter),
            b'F' | b'z' if gnu => What::Plain(letter),
            _ if gnu => return bad(&format!("unknown command: `{}'", char::from(letter))),
            _ => return bad(&format!("unsupported command {}", char::from(letter))),
        };
        self.end_of_command()?;
        Ok(what)
    }

    fn end_of_command(&mut self) -> Result<(), Bad> {
        self.spaces();
        match self.peek() {
            None | Some(b'\n' | b';' | b'}' | b'#') => Ok(()),
            _ if !self.style.gnu => Ok(()),
            Some(_) => {
                self.at += 1;
                bad("extra characters after command")
            }
        }
    }

    fn label(&mut self, until_brace: bool) -> Vec<u8> {
        let begin = self.at;
        while self.peek().is_some_and(|b| !b.is_ascii_whitespace() && b != b';' && !(until_brace && b == b'}')) {
            self.at += 1;
        }
        self.text.get(begin..self.at).unwrap_or_default().to_vec()
    }

    fn file_name(&mut self) -> Result<String, Bad> {
        self.spaces();
        let begin = self.at;
        while self.peek().is_some_and(|b| b != b'\n') {
            self.at += 1;
        }
        let name = self.text.get(begin..self.at).unwrap_or_default();
        if name.is_empty() {
            return bad(self.say("missing filename in r/R/w/W commands", "empty filename"));
        }
        Ok(String::from_utf8_lossy(name).into_owned())
    }

    /// The text of `a`, `i` and `c`, with its newline.
    fn text_argument(&mut self) -> Result<Vec<u8>, Bad> {
        self.spaces();
        if self.peek().is_none() && self.style.gnu {
            return bad("expected \\ after `a', `c' or `i'");
        }
        if self.peek() == Some(b'\\') {
            self.at += 1;
            let here = self.at;
            self.spaces();
            match self.peek() {
                Some(b'\n') => self.at += 1,
                // `a\text`: what follows the backslash is kept as it is.
                _ => self.at = here,
            }
            if self.peek().is_none() && self.style.gnu {
                return Ok(Vec::new());
            }
        }
        let mut text = Vec::new();
        while let Some(b) = self.next() {
            match b {
                b'\\' => match self.next() {
                    Some(b't') if !text.is_empty() || self.style.gnu => text.push(b'\t'),
                    Some(c) => text.push(c),
                    None => {}
                },
                b'\n' => break,
                _ => text.push(b),
            }
        }
        if text.last() != Some(&b'\n') || !text.is_empty() {
            text.push(b'\n');
        }
        Ok(text)
    }

    fn unterminated(&mut self, letter: char, delimiter: u8) -> Bad {
        match self.style.gnu {
            true => (format!("unterminated `{letter}' command"), Position::Here),
            false => (format!("unmatched '{}'", char::from(delimiter)), Position::Here),
        }
    }

    fn substitute(&mut self) -> Result<What, Bad> {
        let Some(delimiter) = self.next().filter(|b| *b != b'\n' && *b != b'\\') else {
            return Err(self.unterminated('s', b' '));
        };
        let Some(pattern) = self.delimited(delimiter, true)? else { return Err(self.unterminated('s', delimiter)) };
        let Some(with) = self.replacement(delimiter) else { return Err(self.unterminated('s', delimiter)) };
        let mut flags = self.style.flags;
        let mut done = Substitute { regex: None, with, global: false, print: false, number: 0, write: None };
        loop {
            match self.peek() {
                Some(b'g') => {
                    if done.global && self.style.gnu {
                        self.at += 1;
                        return bad("multiple `g' options to `s' command");
                    }
                    done.global = true;
                }
                Some(b'p') => {
                    if done.print && self.style.gnu {
                        self.at += 1;
                        return bad("multiple `p' options to `s' command");
                    }
                    done.print = true;
                }
                Some(b'i' | b'I') => flags.icase = true,
                Some(b'm' | b'M') if self.style.gnu => flags.newline = true,
                Some(b'0'..=b'9') => {
                    if done.number > 0 && self.style.gnu {
                        self.at += 1;
                        return bad("multiple number options to `s' command");
                    }
                    done.number = self.number().unwrap_or(0);
                    if done.number == 0 && self.style.gnu {
                        return bad("number option to `s' command may not be zero");
                    }
                    continue;
                }
                Some(b'w') => {
                    self.at += 1;
                    let name = self.file_name()?;
                    done.write = Some(remember(&mut self.script.writes, name));
                    break;
                }
                Some(b'\r') => {}
                None | Some(b'\n' | b';' | b'}' | b'#' | b' ' | b'\t') => break,
                Some(_) => {
                    self.at += 1;
                    return bad(self.say("unknown option to `s'", "bad option in substitution expression"));
                }
            }
            self.at += 1;
        }
        if done.global && !self.style.gnu {
            done.number = 0;
        }
        done.regex = self.regex(&pattern, flags)?;
        let most = done.with.iter().map(|p| if let Piece::Group(n) = p { *n } else { 0 }).max().unwrap_or(0);
        if self.style.gnu && done.regex.as_ref().is_some_and(|r| r.groups() < most) {
            return bad(&format!("invalid reference \\{most} on `s' command's RHS"));
        }
        Ok(What::Substitute(Box::new(done)))
    }

    fn replacement(&mut self, delimiter: u8) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        let mut text = Vec::new();
        let mut flush = |text: &mut Vec<u8>, piece: Piece| {
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(text)));
            }
            pieces.push(piece);
        };
        loop {
            let b = self.next()?;
            if b == delimiter {
                break;
            }
            match b {
                b'&' => flush(&mut text, Piece::Group(0)),
                b'\\' => {
                    let c = self.next()?;
                    match c {
                        _ if c == delimiter => text.push(c),
                        b'0'..=b'9' => flush(&mut text, Piece::Group(usize::from(c - b'0'))),
                        b'U' | b'L' | b'u' | b'l' | b'E' if self.style.gnu => flush(&mut text, Piece::Case(c)),
                        b'n' => text.push(b'\n'),
                        _ => text.push(self.escape(c).unwrap_or(c)),
                    }
                }
                _ => text.push(b),
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Some(pieces)
    }

    fn translate(&mut self) -> Result<What, Bad> {
        let Some(delimiter) = self.next() else { return Err(self.unterminated('y', b' ')) };
        let mut sides = Vec::new();
        for _ in 0..2 {
            let Some(side) = self.delimited(delimiter, false)? else {
                return Err(self.unterminated('y', delimiter));
            };
            let mut plain = Vec::new();
            let mut rest = side.iter().copied().peekable();
            while let Some(b) = rest.next() {
                match (b, rest.peek()) {
                    (b'\\', Some(b'\\')) => plain.push(rest.next().unwrap_or(b)),
                    (b'\\', Some(b't')) => {
                        rest.next();
                        plain.push(b'\t');
                    }
                    (b'\\', Some(b'r')) => {
                        rest.next();
                        plain.push(b'\r');
                    }
                    _ => plain.push(b),
                }
            }
            sides.push(plain);
        }
        let (from, to) = (sides.remove(0), sides.remove(0));
        let mut table: Vec<u8> = (0..=255).collect();
        if self.style.flags.utf8 && !(from.is_ascii() && to.is_ascii()) {
            let (from, to) = (String::from_utf8_lossy(&from), String::from_utf8_lossy(&to));
            if from.chars().count() != to.chars().count() && self.style.gnu {
                return bad("strings for `y' command are different lengths");
            }
            let pairs = from.chars().zip(to.chars()).collect();
            return Ok(What::Translate(pairs, table));
        }
        if from.len() != to.len() && self.style.gnu {
            return bad("strings for `y' command are different lengths");
        }
        for (n, b) in from.iter().enumerate() {
            table[usize::from(*b)] = to.get(n).or(to.last()).copied().unwrap_or(*b);
        }
        Ok(What::Translate(Vec::new(), table))
    }
}

fn remember(names: &mut Vec<String>, name: String) -> usize {
    match names.iter().position(|n| *n == name) {
        Some(at) => at,
        None => {
            names.push(name);
            names.len() - 1
        }
    }
}
