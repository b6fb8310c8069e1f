//! Sets of characters: what brackets and classes stand for.

/// A set of characters: bytes below 128 (all bytes, where characters are bytes) in a table, others in ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set {
    table: [u64; 4],
    ranges: Vec<(u32, u32)>,
    /// Classes that also hold for characters beyond the table.
    classes: Vec<Class>,
    /// Whether characters beyond the table are in it unless the ranges or classes name them.
    negated: bool,
}

/// A class by its name in POSIX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `alpha`
    Alpha,
    /// `digit`
    Digit,
    /// `alnum`
    Alnum,
    /// `upper`
    Upper,
    /// `lower`
    Lower,
    /// `space`
    Space,
    /// `blank`
    Blank,
    /// `punct`
    Punct,
    /// `print`
    Print,
    /// `graph`
    Graph,
    /// `cntrl`
    Cntrl,
    /// `xdigit`
    Xdigit,
}

impl Class {
    /// The class of a name.
    pub fn parse(name: &[u8]) -> Option<Class> {
        Some(match name {
            b"alpha" => Class::Alpha,
            b"digit" => Class::Digit,
            b"alnum" => Class::Alnum,
            b"upper" => Class::Upper,
            b"lower" => Class::Lower,
            b"space" => Class::Space,
            b"blank" => Class::Blank,
            b"punct" => Class::Punct,
            b"print" => Class::Print,
            b"graph" => Class::Graph,
            b"cntrl" => Class::Cntrl,
            b"xdigit" => Class::Xdigit,
            _ => return None,
        })
    }

    /// Whether an ASCII byte is in it.
    pub fn has_byte(self, b: u8) -> bool {
        match self {
            Class::Alpha => b.is_ascii_alphabetic(),
            Class::Digit => b.is_ascii_digit(),
            Class::Alnum => b.is_ascii_alphanumeric(),
            Class::Upper => b.is_ascii_uppercase(),
            Class::Lower => b.is_ascii_lowercase(),
            Class::Space => b.is_ascii_whitespace() || b == 0x0b,
            Class::Blank => b == b' ' || b == b'\t',
            Class::Punct => b.is_ascii_punctuation(),
            Class::Print => (0x20..0x7f).contains(&b),
            Class::Graph => (0x21..0x7f).contains(&b),
            Class::Cntrl => b.is_ascii_control(),
            Class::Xdigit => b.is_ascii_hexdigit(),
        }
    }

    fn has_char(self, c: char) -> bool {
        match self {
            Class::Alpha => c.is_alphabetic(),
            Class::Alnum => c.is_alphanumeric(),
            Class::Upper => c.is_uppercase(),
            Class::Lower => c.is_lowercase(),
            Class::Space | Class::Blank => c.is_whitespace(),
            Class::Punct => !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control(),
            Class::Print => !c.is_control(),
            Class::Graph => !c.is_control() && !c.is_whitespace(),
            Class::Cntrl => c.is_control(),
            Class::Digit | Class::Xdigit => false,
        }
    }
}

impl Set {
    /// Adds a byte.
    pub fn add(&mut self, b: u8) {
        if let Some(word) = self.table.get_mut(usize::from(b >> 6)) {
            *word |= 1 << (b & 63);
        }
    }

    fn remove(&mut self, b: u8) {
        if let Some(word) = self.table.get_mut(usize::from(b >> 6)) {
            *word &= !(1 << (b & 63));
        }
    }

    /// Whether a byte is in the table.
    pub fn has_byte(&self, b: u8) -> bool {
        self.table.get(usize::from(b >> 6)).is_some_and(|w| w >> (b & 63) & 1 == 1)
    }

    /// Adds the characters from one to another.
    pub fn add_range(&mut self, from: u32, to: u32, utf8: bool) {
        let limit = if utf8 { 0x7f } else { 0xff };
        for b in from..=to.min(limit) {
            self.add(b as u8);
        }
        if utf8 && to > limit {
            self.ranges.push((from.max(limit + 1), to));
        }
    }

    /// Adds a class.
    pub fn add_class(&mut self, class: Class, utf8: bool) {
        for b in (0..=127).filter(|b| class.has_byte(*b)) {
            self.add(b);
        }
        if utf8 {
            self.classes.push(class);
        }
    }

    /// Adds the other case of each letter in it.
    pub fn fold(&mut self) {
        for b in b'a'..=b'z' {
            let upper = b.to_ascii_uppercase();
            if self.has_byte(b) || self.has_byte(upper) {
                self.add(b);
                self.add(upper);
            }
        }
        for (from, to) in self.ranges.clone() {
            for c in (from..=to).take(512).filter_map(char::from_u32) {
                let others = c.to_lowercase().chain(c.to_uppercase()).map(u32::from);
                self.ranges.extend(others.filter(|o| *o > 0x7f).map(|o| (o, o)));
            }
        }
    }

    /// All that is not in it.
    pub fn negate(&mut self, newline: bool, utf8: bool) {
        for b in 0..=255 {
            if self.has_byte(b) {
                self.remove(b);
            } else if b < 128 || !utf8 {
                self.add(b);
            }
        }
        if newline {
            self.remove(b'\n');
        }
        self.negated = true;
    }

    /// Whether a character beyond ASCII is in it.
    pub fn has_char(&self, c: char) -> bool {
        let code = u32::from(c);
        let named = self.ranges.iter().any(|(a, b)| (*a..=*b).contains(&code))
            || self.classes.iter().any(|class| class.has_char(c));
        named != self.negated
    }
}

/// The character that begins at a place, and its length; none where the bytes are no UTF-8.
pub fn char_at(text: &[u8], at: usize) -> Option<(char, usize)> {
    let first = *text.get(at)?;
    let len = match first {
        0..0x80 => return Some((char::from(first), 1)),
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return None,
    };
    let text = std::str::from_utf8(text.get(at..at + len)?).ok()?;
    text.chars().next().map(|c| (c, len))
}
