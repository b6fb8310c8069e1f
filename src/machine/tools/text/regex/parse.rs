//! Reads a pattern into a tree.

use super::set::{Class, Set, char_at};
use super::{Fault, Flags};

/// How deeply groups may be nested.
const MAX_DEPTH: usize = 200;

/// The largest count in an interval; mirrors glibc's `RE_DUP_MAX`.
const MAX_COUNT: u32 = 32767;

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Empty,
    Byte(u8),
    /// A character of more than one byte.
    Char(char),
    Any,
    Set(Box<Set>),
    At(Place),
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    Group(Option<usize>, Box<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        max: Option<u32>,
        lazy: bool,
    },
    BackReference(usize),
    /// Perl's `(?=` and `(?!`.
    Look(Box<Node>, bool),
    /// Perl's `(?<=` and `(?<!`.
    Behind(Box<Node>, bool),
    /// Perl's `\K`: the match begins here.
    Keep,
}

/// A place without characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    Word,
    NotWord,
    WordStart,
    WordEnd,
    /// No character of a word is before.
    AfterNoWord,
    /// No character of a word follows.
    BeforeNoWord,
}

/// A pattern that was read.
pub struct Parsed {
    pub node: Node,
    pub groups: usize,
    pub references: bool,
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    flags: Flags,
    groups: usize,
    closed: Vec<usize>,
    references: bool,
    depth: usize,
}

pub fn parse(pattern: &[u8], flags: Flags) -> Result<Parsed, Fault> {
    let mut parser = Parser { text: pattern, at: 0, flags, groups: 0, closed: Vec::new(), references: false, depth: 0 };
    let node = parser.alternatives()?;
    if parser.at < pattern.len() {
        return Err(Fault::CloseParen);
    }
    Ok(Parsed { node, groups: parser.groups, references: parser.references })
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn looking_at(&self, what: &[u8]) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(what))
    }

    fn eat(&mut self, what: &[u8]) -> bool {
        let is = self.looking_at(what);
        if is {
            self.at += what.len();
        }
        is
    }

    fn ext(&self) -> bool {
        self.flags.extended || self.flags.awk || self.flags.perl
    }

    fn at_bar(&self) -> bool {
        if self.ext() { self.looking_at(b"|") } else { self.looking_at(b"\\|") }
    }

    fn at_close(&self) -> bool {
        match self.ext() {
            // A lone `)` is itself in extended patterns.
            true => self.depth > 0 && self.looking_at(b")"),
            false => self.looking_at(b"\\)"),
        }
    }

    fn alternatives(&mut self) -> Result<Node, Fault> {
        let mut all = vec![self.sequence()?];
        while self.at_bar() {
            self.at += if self.ext() { 1 } else { 2 };
            all.push(self.sequence()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Node::Alternate(all) })
    }

    fn sequence(&mut self) -> Result<Node, Fault> {
        let mut all: Vec<Node> = Vec::new();
        let begin = self.at;
        while self.at < self.text.len() && !self.at_bar() && !self.at_close() {
            let first = self.at == begin || !self.ext() && all.iter().all(|n| matches!(n, Node::At(Place::LineStart)));
            let node = self.atom(first)?;
            let node = self.repeated(node, first)?;
            all.push(node);
        }
        Ok(match all.len() {
            0 => Node::Empty,
            1 => all.remove(0),
            _ => Node::Concat(all),
        })
    }

    /// The atom with the repetitions that follow it.
    fn repeated(&mut self, mut node: Node, first: bool) -> Result<Node, Fault> {
        if !self.ext() && first && node == Node::At(Place::LineStart) {
            return Ok(node);
        }
        for _ in 0..50 {
            let Some((min, max)) = self.repetition()? else { return Ok(node) };
            let lazy = self.flags.perl && self.eat(b"?");
            if self.flags.perl && !lazy {
                self.eat(b"+");
            }
            node = Node::Repeat { node: Box::new(node), min, max, lazy };
        }
        Err(Fault::TooBig)
    }

    fn repetition(&mut self) -> Result<Option<(u32, Option<u32>)>, Fault> {
        if self.eat(b"*") {
            return Ok(Some((0, None)));
        }
        let (plus, question): (&[u8], &[u8]) = if self.ext() { (b"+", b"?") } else { (b"\\+", b"\\?") };
        if self.eat(plus) {
            return Ok(Some((1, None)));
        }
        if self.eat(question) {
            return Ok(Some((0, Some(1))));
        }
        match self.ext() {
            true if self.looking_at(b"{") && !self.flags.no_intervals => self.interval(self.at + 1, b"}"),
            false if self.looking_at(b"\\{") => {
                let found = self.interval(self.at + 2, b"\\}")?;
                found.ok_or(Fault::BraceContent).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// An interval whose numbers begin at `at`; none where an extended pattern means the brace itself.
    fn interval(&mut self, mut at: usize, close: &[u8]) -> Result<Option<(u32, Option<u32>)>, Fault> {
        let digits = |at: &mut usize| {
            let begin = *at;
            while self.text.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            let text = self.text.get(begin..*at).and_then(|t| std::str::from_utf8(t).ok()).unwrap_or_default();
            (!text.is_empty()).then(|| text.parse::<u32>().unwrap_or(u32::MAX))
        };
        let lenient = self.ext();
        let min = digits(&mut at);
        let max = if self.text.get(at) == Some(&b',') {
            at += 1;
            digits(&mut at)
        } else if min.is_none() {
            return if lenient { Ok(None) } else { Err(Fault::BraceContent) };
        } else {
            min
        };
        if !self.text.get(at..).is_some_and(|rest| rest.starts_with(close)) {
            return match lenient {
                true => Ok(None),
                false if at >= self.text.len() => Err(Fault::Brace),
                false => Err(Fault::BraceContent),
            };
        }
        let min = min.unwrap_or(0);
        if max.is_some_and(|max| max < min) {
            return Err(Fault::BraceContent);
        }
        if min > MAX_COUNT || max.is_some_and(|max| max > MAX_COUNT) {
            return Err(Fault::TooBig);
        }
        self.at = at + close.len();
        Ok(Some((min, max)))
    }

    fn atom(&mut self, first: bool) -> Result<Node, Fault> {
        let ext = self.ext();
        let Some(b) = self.peek() else { return Ok(Node::Empty) };
        self.at += 1;
        match b {
            b'\\' => self.escaped(),
            b'[' => self.bracket(),
            b'.' => Ok(Node::Any),
            b'(' if ext => self.group(),
            b'^' if ext || first => Ok(Node::At(Place::LineStart)),
            b'$' if ext || self.at == self.text.len() || self.at_bar() || self.at_close() && self.depth > 0 => {
                Ok(Node::At(Place::LineEnd))
            }
            b'*' if ext && first => match self.flags.perl {
                true => Err(Fault::Repeat),
                false => Ok(Node::Empty),
            },
            b'+' | b'?' if ext && first && self.flags.perl => Err(Fault::Repeat),
            b'+' | b'?' if ext && first && !self.flags.awk => Ok(Node::Empty),
            _ => {
                self.at -= 1;
                Ok(self.literal())
            }
        }
    }

    /// The character at the position as itself.
    fn literal(&mut self) -> Node {
        let b = self.peek().unwrap_or_default();
        if self.flags.utf8
            && b >= 0x80
            && let Some((c, len)) = char_at(self.text, self.at)
        {
            self.at += len;
            return Node::Char(c);
        }
        self.at += 1;
        Node::Byte(b)
    }

    fn group(&mut self) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::TooBig);
        }
        let special = self.flags.perl && self.eat(b"?");
        let node = if special { self.perl_group()? } else { self.plain_group()? };
        let closed = if self.ext() { self.eat(b")") } else { self.eat(b"\\)") };
        self.depth -= 1;
        if closed { Ok(node) } else { Err(Fault::Paren) }
    }

    fn plain_group(&mut self) -> Result<Node, Fault> {
        self.groups += 1;
        let number = self.groups;
        let inner = self.alternatives()?;
        self.closed.push(number);
        Ok(Node::Group(Some(number), Box::new(inner)))
    }

    fn perl_group(&mut self) -> Result<Node, Fault> {
        for (begin, wanted) in [(&b"="[..], true), (b"!", false)] {
            if self.eat(begin) {
                return Ok(Node::Look(Box::new(self.alternatives()?), wanted));
            }
        }
        for (begin, wanted) in [(&b"<="[..], true), (b"<!", false)] {
            if self.eat(begin) {
                return Ok(Node::Behind(Box::new(self.alternatives()?), wanted));
            }
        }
        if self.eat(b":") || self.eat(b">") {
            return Ok(Node::Group(None, Box::new(self.alternatives()?)));
        }
        if self.eat(b"P<") || self.eat(b"<") {
            while self.peek().is_some_and(|b| b != b'>') {
                self.at += 1;
            }
            self.at += 1;
            return self.plain_group();
        }
        while let Some(b) = self.peek() {
            match b {
                b'i' => self.flags.icase = true,
                b')' => return Ok(Node::Empty),
                b':' => {
                    self.at += 1;
                    return Ok(Node::Group(None, Box::new(self.alternatives()?)));
                }
                _ => {}
            }
            self.at += 1;
        }
        Err(Fault::Paren)
    }

    fn class(&self, classes: &[Class], extra: &[u8], negated: bool) -> Node {
        let mut set = Set::default();
        for class in classes {
            set.add_class(*class, self.flags.utf8);
        }
        for b in extra {
            set.add(*b);
        }
        if negated {
            set.negate(false, self.flags.utf8);
        }
        Node::Set(Box::new(set))
    }

    fn escaped(&mut self) -> Result<Node, Fault> {
        let Some(b) = self.peek() else { return Err(Fault::Backslash) };
        let ext = self.ext();
        self.at += 1;
        let perl = self.flags.perl;
        Ok(match b {
            b'(' if !ext => return self.group(),
            b')' if !ext => return Err(Fault::CloseParen),
            b'{' if !ext => return Err(Fault::Repeat),
            b'1'..=b'9' if !self.flags.awk => {
                let number = usize::from(b - b'0');
                if !self.closed.contains(&number) {
                    return Err(Fault::BackReference);
                }
                self.references = true;
                Node::BackReference(number)
            }
            b'w' => self.class(&[Class::Alnum], b"_", false),
            b'W' => self.class(&[Class::Alnum], b"_", true),
            b's' => self.class(&[Class::Space], b"", false),
            b'S' => self.class(&[Class::Space], b"", true),
            b'<' => Node::At(Place::WordStart),
            b'>' => Node::At(Place::WordEnd),
            b'B' => Node::At(Place::NotWord),
            b'y' if self.flags.awk => Node::At(Place::Word),
            b'b' if !self.flags.awk => Node::At(Place::Word),
            b'`' => Node::At(Place::TextStart),
            b'\'' => Node::At(Place::TextEnd),
            b'd' if perl || self.flags.tre => self.class(&[Class::Digit], b"", false),
            b'D' if perl || self.flags.tre => self.class(&[Class::Digit], b"", true),
            b'h' if perl => self.class(&[Class::Blank], b"", false),
            b'A' if perl => Node::At(Place::TextStart),
            b'z' | b'Z' if perl => Node::At(Place::TextEnd),
            b'K' if perl => Node::Keep,
            _ if perl || self.flags.awk || self.flags.tre => match self.c_escape(b) {
                Some(b) => Node::Byte(b),
                None => {
                    self.at -= 1;
                    self.literal()
                }
            },
            _ => {
                self.at -= 1;
                self.literal()
            }
        })
    }

    /// The byte of an escape as in C, whose letter was read.
    fn c_escape(&mut self, b: u8) -> Option<u8> {
        Some(match b {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'f' => 0x0c,
            b'a' => 7,
            b'v' if self.flags.awk => 0x0b,
            b'b' if self.flags.awk => 8,
            b'e' if !self.flags.awk => 0x1b,
            b'x' if !self.flags.awk => {
                let digits = self.text.get(self.at..self.at + 2)?;
                let value = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                self.at += 2;
                value
            }
            b'0'..=b'7' if self.flags.awk => {
                let mut value = u32::from(b - b'0');
                for _ in 0..2 {
                    let Some(d @ b'0'..=b'7') = self.peek() else { break };
                    value = value * 8 + u32::from(d - b'0');
                    self.at += 1;
                }
                value as u8
            }
            _ => return None,
        })
    }

    fn bracket(&mut self) -> Result<Node, Fault> {
        let utf8 = self.flags.utf8;
        let mut set = Set::default();
        let negated = self.eat(b"^");
        let mut first = true;
        loop {
            let Some(b) = self.peek() else { return Err(Fault::Bracket) };
            if b == b']' && !first {
                self.at += 1;
                break;
            }
            first = false;
            if self.looking_at(b"[:") {
                let name = self.until(b":]")?;
                let class = Class::parse(&name).ok_or(Fault::Class)?;
                set.add_class(class, utf8);
                continue;
            }
            if b == b'\\'
                && self.flags.perl
                && let Some(class) = self.perl_class()
            {
                class.iter().for_each(|(class, extra)| {
                    set.add_class(*class, utf8);
                    extra.iter().for_each(|b| set.add(*b));
                });
                continue;
            }
            let from = self.bracket_char()?;
            let to = if self.looking_at(b"-") && self.text.get(self.at + 1).is_some_and(|b| *b != b']') {
                self.at += 1;
                self.bracket_char()?
            } else {
                from
            };
            if to < from {
                return Err(Fault::Range);
            }
            set.add_range(from, to, utf8);
        }
        if self.flags.icase {
            set.fold();
        }
        if negated {
            set.negate(self.flags.newline, utf8);
        }
        Ok(Node::Set(Box::new(set)))
    }

    fn perl_class(&mut self) -> Option<Vec<(Class, &'static [u8])>> {
        let class: (Class, &[u8]) = match self.text.get(self.at + 1)? {
            b'd' => (Class::Digit, b""),
            b'w' => (Class::Alnum, b"_"),
            b's' => (Class::Space, b""),
            b'h' => (Class::Blank, b""),
            _ => return None,
        };
        self.at += 2;
        Some(vec![class])
    }

    /// What is between `[:`, `[.` or `[=` and its end.
    fn until(&mut self, end: &[u8]) -> Result<Vec<u8>, Fault> {
        let begin = self.at + 2;
        let rest = self.text.get(begin..).unwrap_or_default();
        let len = rest.windows(2).position(|w| w == end).ok_or(Fault::Bracket)?;
        self.at = begin + len + 2;
        Ok(rest.get(..len).unwrap_or_default().to_vec())
    }

    /// A character in brackets, as its code.
    fn bracket_char(&mut self) -> Result<u32, Fault> {
        for (begin, end) in [(b"[.", b".]"), (b"[=", b"=]")] {
            if self.looking_at(begin) {
                let name = self.until(end)?;
                return match (char_at(&name, 0), name.as_slice()) {
                    (_, [b]) => Ok(u32::from(*b)),
                    (Some((c, len)), _) if len == name.len() => Ok(u32::from(c)),
                    _ => Err(Fault::Class),
                };
            }
        }
        let b = self.peek().ok_or(Fault::Bracket)?;
        if b == b'\\' && (self.flags.awk || self.flags.perl) && self.at + 1 < self.text.len() {
            self.at += 1;
            let next = self.peek().ok_or(Fault::Bracket)?;
            self.at += 1;
            return Ok(u32::from(self.c_escape(next).unwrap_or(next)));
        }
        if self.flags.utf8
            && let Some((c, len)) = char_at(self.text, self.at)
        {
            self.at += len;
            return Ok(u32::from(c));
        }
        self.at += 1;
        Ok(u32::from(b))
    }
}
