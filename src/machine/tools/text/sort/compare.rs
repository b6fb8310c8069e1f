//! How `sort` compares lines.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// How a key is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub blanks: bool,
    pub dictionary: bool,
    pub fold: bool,
    pub general: bool,
    pub human: bool,
    pub printing: bool,
    pub month: bool,
    pub numeric: bool,
    pub reverse: bool,
    pub random: bool,
    pub version: bool,
    /// Whether numbers are read as `strtod` does, as busybox has it.
    pub loose: bool,
}

impl Order {
    /// Sets what an option's letter says; false where it says nothing.
    pub fn set(&mut self, letter: char) -> bool {
        let flag = match letter {
            'b' => &mut self.blanks,
            'd' => &mut self.dictionary,
            'f' => &mut self.fold,
            'g' => &mut self.general,
            'h' => &mut self.human,
            'i' => &mut self.printing,
            'M' => &mut self.month,
            'n' => &mut self.numeric,
            'r' => &mut self.reverse,
            'R' => &mut self.random,
            'V' => &mut self.version,
            _ => return false,
        };
        *flag = true;
        true
    }

    /// The letters that cannot be had together, where there are such.
    pub fn incompatible(&self) -> Option<String> {
        let kinds = [
            (self.dictionary, 'd'),
            (self.general, 'g'),
            (self.human, 'h'),
            (self.printing && !self.dictionary, 'i'),
            (self.month, 'M'),
            (self.numeric, 'n'),
            (self.random, 'R'),
            (self.version, 'V'),
        ];
        let set: String = kinds.iter().filter(|(is, _)| *is).map(|(_, letter)| *letter).collect();
        (set.len() > 1).then_some(set)
    }

    fn compare(&self, a: &[u8], b: &[u8], seed: u64) -> Ordering {
        let order = if self.numeric && self.loose {
            let value = |t: &[u8]| crate::machine::tools::text::float::strtod(t).map_or(0.0, |(v, _)| v);
            value(a).total_cmp(&value(b))
        } else if self.numeric {
            Number::parse(a).compare(&Number::parse(b))
        } else if self.human {
            human(a, b)
        } else if self.general {
            general(a, b)
        } else if self.month {
            month(a).cmp(&month(b))
        } else if self.random {
            hash(a, seed).cmp(&hash(b, seed))
        } else if self.version {
            version(a, b)
        } else if self.fold || self.dictionary || self.printing {
            let keep = |c: &&u8| {
                (!self.dictionary || c.is_ascii_alphanumeric() || **c == b' ' || **c == b'\t')
                    && (!self.printing || (32..127).contains(*c))
            };
            let to = |c: &u8| if self.fold { c.to_ascii_uppercase() } else { *c };
            a.iter().filter(keep).map(to).cmp(b.iter().filter(keep).map(to))
        } else {
            a.cmp(b)
        };
        if self.reverse { order.reverse() } else { order }
    }
}

/// A key of lines.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    pub field: usize,
    pub char: usize,
    pub skip_first: bool,
    /// The last field, from one, and the character in it; 0 for its end.
    pub end: Option<(usize, usize)>,
    pub skip_last: bool,
    pub order: Order,
}

/// How lines are compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sorting {
    pub keys: Vec<Key>,
    pub global: Order,
    pub tab: Option<u8>,
    pub stable: bool,
    pub seed: u64,
}

fn is_blank(b: u8) -> bool {
    b == b' ' || b == b'\t'
}

fn blanks_end(line: &[u8], mut at: usize) -> usize {
    while line.get(at).is_some_and(|b| is_blank(*b)) {
        at += 1;
    }
    at
}

impl Sorting {
    /// How the keys of two lines stand to each other.
    pub fn compare_keys(&self, a: &[u8], b: &[u8]) -> Ordering {
        for key in &self.keys {
            let order = key.order.compare(self.slice(key, a), self.slice(key, b), self.seed);
            if order.is_ne() {
                return order;
            }
        }
        if !self.keys.is_empty() {
            return Ordering::Equal;
        }
        let trim = |line: &[u8]| if self.global.blanks { blanks_end(line, 0) } else { 0 };
        let (x, y) = (a.get(trim(a)..).unwrap_or_default(), b.get(trim(b)..).unwrap_or_default());
        self.global.compare(x, y, self.seed)
    }

    /// How two lines stand to each other.
    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let order = self.compare_keys(a, b);
        if order.is_ne() || self.stable {
            return order;
        }
        let order = a.cmp(b);
        if self.global.reverse { order.reverse() } else { order }
    }

    /// Where a field begins.
    fn field(&self, line: &[u8], count: usize) -> usize {
        let mut at = 0;
        for _ in 0..count {
            match self.tab {
                Some(tab) => match line.get(at..).and_then(|rest| rest.iter().position(|b| *b == tab)) {
                    Some(len) => at += len + 1,
                    None => return line.len(),
                },
                None => {
                    at = blanks_end(line, at);
                    while line.get(at).is_some_and(|b| !is_blank(*b)) {
                        at += 1;
                    }
                }
            }
        }
        at
    }

    /// Where a field ends.
    fn field_end(&self, line: &[u8], number: usize) -> usize {
        match self.tab {
            Some(tab) => {
                let begin = self.field(line, number.saturating_sub(1));
                let rest = line.get(begin..).unwrap_or_default();
                begin + rest.iter().position(|b| *b == tab).unwrap_or(rest.len())
            }
            None => self.field(line, number),
        }
    }

    fn slice<'l>(&self, key: &Key, line: &'l [u8]) -> &'l [u8] {
        let mut begin = self.field(line, key.field);
        if key.skip_first {
            begin = blanks_end(line, begin);
        }
        begin = (begin + key.char).min(line.len());
        let end = match key.end {
            None => line.len(),
            Some((field, 0)) => self.field_end(line, field),
            Some((field, char)) => {
                let mut at = self.field(line, field.saturating_sub(1));
                if key.skip_last {
                    at = blanks_end(line, at);
                }
                (at + char).min(line.len())
            }
        };
        line.get(begin..end).unwrap_or_default()
    }
}

/// A number of any length.
struct Number<'t> {
    negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
    /// What follows it.
    rest: &'t [u8],
}

impl<'t> Number<'t> {
    fn parse(text: &'t [u8]) -> Number<'t> {
        let begin = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let text = text.get(begin..).unwrap_or_default();
        let (negative, text) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
        let (mut whole, rest) = text.split_at(digits);
        while let Some(shorter) = whole.strip_prefix(b"0") {
            whole = shorter;
        }
        let (mut fraction, rest) = match rest.strip_prefix(b".") {
            Some(after) => after.split_at(after.iter().take_while(|b| b.is_ascii_digit()).count()),
            None => (&rest[..0], rest),
        };
        while let Some(shorter) = fraction.strip_suffix(b"0") {
            fraction = shorter;
        }
        let negative = negative && !(whole.is_empty() && fraction.is_empty());
        Number { negative, whole, fraction, rest }
    }

    fn compare(&self, other: &Number<'_>) -> Ordering {
        let magnitude = self.whole.len().cmp(&other.whole.len()).then_with(|| self.whole.cmp(other.whole));
        let magnitude = magnitude.then_with(|| self.fraction.cmp(other.fraction));
        match (self.negative, other.negative) {
            (false, false) => magnitude,
            (true, true) => magnitude.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

fn human(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (Number::parse(a), Number::parse(b));
    let rank = |n: &Number<'_>| -> i32 {
        let zero = n.whole.is_empty() && n.fraction.is_empty();
        let power = n.rest.first().and_then(|b| b"KMGTPEZY".iter().position(|s| *s == b.to_ascii_uppercase()));
        let power = power.filter(|p| *p == 0 || n.rest[0].is_ascii_uppercase()).map_or(0, |p| p as i32 + 1);
        match (zero, n.negative) {
            (true, _) => 0,
            (_, true) => -power,
            _ => power,
        }
    };
    let sign = |n: &Number<'_>| if n.negative { -1 } else { 1 };
    sign(&a).cmp(&sign(&b)).then(rank(&a).cmp(&rank(&b))).then_with(|| a.compare(&b))
}

fn general(a: &[u8], b: &[u8]) -> Ordering {
    let value = |text: &[u8]| crate::machine::tools::text::float::strtod(text).map(|(v, _)| v);
    match (value(a), value(b)) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())),
    }
}

fn month(text: &[u8]) -> usize {
    const NAMES: [&[u8; 3]; 12] =
        [b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC"];
    let begin = blanks_end(text, 0);
    let name = text.get(begin..begin + 3).unwrap_or_default().to_ascii_uppercase();
    NAMES.iter().position(|n| n[..] == name[..]).map_or(0, |p| p + 1)
}

fn hash(text: &[u8], seed: u64) -> u64 {
    let mixed =
        text.iter().fold(seed ^ 0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
    (mixed ^ mixed >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Compares as version numbers: runs of digits by their value, the rest with letters before other characters.
pub fn version(a: &[u8], b: &[u8]) -> Ordering {
    // Names of hidden files come first, `.` and `..` before those.
    let rank = |t: &[u8]| match t {
        b"" => 0,
        b"." => 1,
        b".." => 2,
        _ if t.starts_with(b".") => 3,
        _ => 4,
    };
    let order = rank(a).cmp(&rank(b));
    if order.is_ne() {
        return order;
    }
    verrevcmp(stem(a), stem(b)).then_with(|| verrevcmp(a, b))
}

/// A name without suffixes such as `.tar.gz`.
fn stem(text: &[u8]) -> &[u8] {
    let mut end = text.len();
    loop {
        let part = text.get(..end).unwrap_or_default();
        let Some(dot) = part.iter().rposition(|b| *b == b'.') else { return part };
        let suffix = part.get(dot + 1..).unwrap_or_default();
        let is_suffix = suffix.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'~')
            && suffix.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'~');
        if !is_suffix || dot == 0 {
            return part;
        }
        end = dot;
    }
}

fn verrevcmp(a: &[u8], b: &[u8]) -> Ordering {
    let weight = |b: Option<&u8>| match b {
        Some(b'~') => -1,
        None => 0,
        Some(b) if b.is_ascii_digit() => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(*b),
        Some(b) => i32::from(*b) + 256,
    };
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        while a.get(i).is_some_and(|c| !c.is_ascii_digit()) || b.get(j).is_some_and(|c| !c.is_ascii_digit()) {
            let order = weight(a.get(i)).cmp(&weight(b.get(j)));
            if order.is_ne() {
                return order;
            }
            i += 1;
            j += 1;
        }
        let number = |text: &[u8], at: &mut usize| {
            while text.get(*at) == Some(&b'0') {
                *at += 1;
            }
            let begin = *at;
            while text.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            text.get(begin..*at).unwrap_or_default().to_vec()
        };
        let (x, y) = (number(a, &mut i), number(b, &mut j));
        let order = x.len().cmp(&y.len()).then_with(|| x.cmp(&y));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}
