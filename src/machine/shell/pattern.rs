//! Patterns of `case`, `${x#...}` and file names.

/// Precedes a character of a pattern that was quoted, so that it means itself.
pub(super) const ESC: char = '\u{1}';

/// How many tries a match with alternatives may take.
const MAX_TRIES: u32 = 200_000;

#[derive(Debug, Clone, PartialEq)]
enum Pat {
    Char(char),
    Any,
    Star,
    Class(bool, Vec<Item>),
    /// `?`, `*`, `+`, `@` or `!` with alternatives.
    Ext(char, Vec<Vec<Pat>>),
}

#[derive(Debug, Clone, PartialEq)]
enum Item {
    Range(char, char),
    Named(String),
}

/// A pattern that has been read.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    all: Vec<Pat>,
    ext: bool,
}

/// Removes the marks of quoted characters.
pub(super) fn unmark(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ESC => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// Marks each character that could mean something in a pattern.
pub(super) fn mark(text: &str, out: &mut String) {
    for c in text.chars() {
        if is_special(c) {
            out.push(ESC);
        }
        out.push(c);
    }
}

pub(super) fn is_special(c: char) -> bool {
    c == ESC || "*?[]\\!-^()|+@:.{}$&".contains(c)
}

/// Whether a marked text is a pattern at all.
pub(super) fn is_pattern(text: &str, extglob: bool) -> bool {
    let mut chars = text.chars().peekable();
    let mut bracket = false;
    while let Some(c) = chars.next() {
        match c {
            ESC => {
                chars.next();
            }
            '*' | '?' => return true,
            '[' => bracket = true,
            ']' if bracket => return true,
            '+' | '@' | '!' if extglob && chars.peek() == Some(&'(') => return true,
            _ => {}
        }
    }
    false
}

impl Pattern {
    pub fn new(text: &str, extglob: bool) -> Pattern {
        let chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        let all = read(&chars, &mut at, extglob, 0);
        let ext = all.iter().any(|p| matches!(p, Pat::Ext(..)));
        Pattern { all, ext }
    }

    pub fn matches(&self, text: &[char]) -> bool {
        if self.ext { go(&self.all, text, &mut { MAX_TRIES }) } else { simple(&self.all, text) }
    }

    pub fn matches_str(&self, text: &str) -> bool {
        self.matches(&text.chars().collect::<Vec<_>>())
    }

    /// Whether it begins with a literal dot.
    pub fn begins_with_dot(&self) -> bool {
        matches!(self.all.first(), Some(Pat::Char('.')))
    }

    /// The text that it stands for, where only one can match.
    pub fn literal(&self) -> Option<String> {
        self.all.iter().map(|p| if let Pat::Char(c) = p { Some(*c) } else { None }).collect()
    }
}

fn read(chars: &[char], at: &mut usize, extglob: bool, depth: u32) -> Vec<Pat> {
    let mut all = Vec::new();
    while let Some(c) = chars.get(*at).copied() {
        if depth > 0 && matches!(c, '|' | ')') {
            break;
        }
        *at += 1;
        let ext = extglob && depth < 10 && matches!(c, '?' | '*' | '+' | '@' | '!') && chars.get(*at) == Some(&'(');
        if ext && closes(chars, *at) {
            let mut alternatives = Vec::new();
            loop {
                *at += 1;
                alternatives.push(read(chars, at, extglob, depth + 1));
                if chars.get(*at) != Some(&'|') {
                    break;
                }
            }
            *at += 1;
            all.push(Pat::Ext(c, alternatives));
            continue;
        }
        all.push(match c {
            ESC | '\\' => {
                let literal = chars.get(*at).copied();
                *at += 1;
                // The mark may be on a backslash's character too: `\` then a quoted one.
                match literal {
                    Some(ESC) if c == '\\' => {
                        let literal = chars.get(*at).copied().unwrap_or('\\');
                        *at += 1;
                        Pat::Char(literal)
                    }
                    Some(literal) => Pat::Char(literal),
                    None => Pat::Char('\\'),
                }
            }
            '?' => Pat::Any,
            '*' => {
                if all.last() == Some(&Pat::Star) {
                    continue;
                }
                Pat::Star
            }
            '[' => match class(chars, *at) {
                Some((class, end)) => {
                    *at = end;
                    class
                }
                None => Pat::Char('['),
            },
            c => Pat::Char(c),
        });
    }
    all
}

/// Whether the parenthesis at that place is closed.
fn closes(chars: &[char], at: usize) -> bool {
    let mut depth = 0;
    let mut iter = chars.iter().skip(at);
    while let Some(c) = iter.next() {
        match c {
            '\u{1}' => {
                iter.next();
            }
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

fn class(chars: &[char], mut at: usize) -> Option<(Pat, usize)> {
    let negated = matches!(chars.get(at), Some('!' | '^'));
    at += usize::from(negated);
    let mut items = Vec::new();
    let mut first = true;
    loop {
        let c = *chars.get(at)?;
        if c == ']' && !first {
            return Some((Pat::Class(negated, items), at + 1));
        }
        first = false;
        if c == '[' && matches!(chars.get(at + 1), Some(':')) {
            let rest: String = chars.get(at + 2..)?.iter().collect();
            if let Some(len) = rest.find(":]") {
                items.push(Item::Named(rest[..len].to_string()));
                at += 4 + rest[..len].chars().count();
                continue;
            }
        }
        let one = |at: &mut usize| -> Option<char> {
            let c = *chars.get(*at)?;
            *at += 1;
            if matches!(c, ESC | '\\') {
                let c = *chars.get(*at)?;
                *at += 1;
                return Some(c);
            }
            Some(c)
        };
        let low = one(&mut at)?;
        if chars.get(at) == Some(&'-') && chars.get(at + 1).is_some_and(|c| *c != ']') {
            at += 1;
            let high = one(&mut at)?;
            items.push(Item::Range(low, high));
        } else {
            items.push(Item::Range(low, low));
        }
    }
}

fn in_class(negated: bool, items: &[Item], c: char) -> bool {
    let found = items.iter().any(|item| match item {
        Item::Range(low, high) => (*low..=*high).contains(&c),
        Item::Named(name) => match name.as_str() {
            "alpha" => c.is_alphabetic(),
            "digit" => c.is_ascii_digit(),
            "alnum" => c.is_alphanumeric(),
            "upper" => c.is_uppercase(),
            "lower" => c.is_lowercase(),
            "space" => matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}'),
            "blank" => matches!(c, ' ' | '\t'),
            "punct" => c.is_ascii_punctuation(),
            "print" => !c.is_control(),
            "graph" => !c.is_control() && c != ' ',
            "cntrl" => c.is_control(),
            "xdigit" => c.is_ascii_hexdigit(),
            "word" => c.is_alphanumeric() || c == '_',
            _ => false,
        },
    });
    found != negated
}

fn one(pat: &Pat, c: char) -> bool {
    match pat {
        Pat::Char(p) => *p == c,
        Pat::Any => true,
        Pat::Class(negated, items) => in_class(*negated, items, c),
        Pat::Star | Pat::Ext(..) => false,
    }
}

fn simple(all: &[Pat], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match all.get(p) {
            Some(Pat::Star) => {
                retry = Some((p, t));
                p += 1;
                continue;
            }
            Some(pat) if text.get(t).is_some_and(|c| one(pat, *c)) => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            None if t == text.len() => return true,
            _ => {}
        }
        let Some((star, from)) = retry else { return false };
        if from >= text.len() {
            return false;
        }
        retry = Some((star, from + 1));
        (p, t) = (star + 1, from + 1);
    }
}

fn go(all: &[Pat], text: &[char], tries: &mut u32) -> bool {
    if *tries == 0 {
        return false;
    }
    *tries -= 1;
    let Some(first) = all.first() else { return text.is_empty() };
    let rest = &all[1..];
    match first {
        Pat::Star => (0..=text.len()).any(|n| go(rest, &text[n..], tries)),
        Pat::Ext(kind, alternatives) => {
            let hit = |piece: &[char], tries: &mut u32| alternatives.iter().any(|a| go(a, piece, tries));
            match kind {
                '!' => (0..=text.len()).any(|n| !hit(&text[..n], tries) && go(rest, &text[n..], tries)),
                '?' | '@' => {
                    (*kind == '?' && go(rest, text, tries))
                        || (0..=text.len()).any(|n| hit(&text[..n], tries) && go(rest, &text[n..], tries))
                }
                _ => {
                    if *kind == '*' && go(rest, text, tries) {
                        return true;
                    }
                    // One occurrence, then any number of them.
                    let mut more = vec![Pat::Ext('*', alternatives.clone())];
                    more.extend_from_slice(rest);
                    let empty = hit(&[], tries) && go(rest, text, tries);
                    empty || (1..=text.len()).any(|n| hit(&text[..n], tries) && go(&more, &text[n..], tries))
                }
            }
        }
        pat => text.first().is_some_and(|c| one(pat, *c)) && go(rest, &text[1..], tries),
    }
}
