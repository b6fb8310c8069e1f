//! Runs a compiled pattern over a text.
//!
//! All ways are tried in their order of preference; a place that was visited once is not visited again, so the work
//! is bounded by the length of the text times that of the pattern. Only back-references need a budget.

use super::compile::{Op, Prog};
use super::parse::Place;
use super::set::char_at;

/// How many steps a search may take where places are visited more than once.
const BUDGET: usize = 2_000_000;

/// How many steps any search may take.
const MAX_STEPS: usize = 40_000_000;

/// A match: where it and its groups begin and end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    spans: Vec<Option<(usize, usize)>>,
}

impl Match {
    /// Where the match begins.
    pub fn start(&self) -> usize {
        self.group(0).map_or(0, |g| g.0)
    }

    /// Where it ends.
    pub fn end(&self) -> usize {
        self.group(0).map_or(0, |g| g.1)
    }

    /// Where a group's last match is; 0 is the whole.
    pub fn group(&self, number: usize) -> Option<(usize, usize)> {
        self.spans.get(number).copied().flatten()
    }

    /// What a group has matched.
    pub fn text<'t>(&self, text: &'t [u8], number: usize) -> &'t [u8] {
        self.group(number).and_then(|(a, b)| text.get(a..b)).unwrap_or_default()
    }
}

/// What a search is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Whether there is a match.
    Any,
    /// The longest at the leftmost place.
    Longest,
    /// The longest at the beginning.
    AtStart,
    /// One from the beginning to the end.
    Whole,
}

struct Search<'a> {
    prog: &'a Prog,
    text: &'a [u8],
    wanted: Wanted,
    visited: Vec<u64>,
    /// The first place that was tried; `visited` begins there, and grows as far as the search gets.
    base: Option<usize>,
    steps: usize,
    best: Option<(usize, Vec<usize>)>,
}

const NONE: usize = usize::MAX;

pub fn find(prog: &Prog, text: &[u8], from: usize, wanted: Wanted) -> Option<Match> {
    if from > text.len() {
        return None;
    }
    if let (Some(literal), Wanted::Any | Wanted::Longest) = (&prog.literal, wanted) {
        let at = find_bytes(text.get(from..)?, literal)? + from;
        return Some(Match { spans: vec![Some((at, at + literal.len()))] });
    }
    let mut search = Search { prog, text, wanted, visited: Vec::new(), base: None, steps: 0, best: None };
    let only_first = matches!(wanted, Wanted::AtStart | Wanted::Whole);
    let mut at = from;
    while at <= text.len() {
        let possible = match (&prog.first, text.get(at)) {
            (Some(first), Some(b)) => first[usize::from(*b)],
            (Some(_), None) => false,
            (None, _) => true,
        };
        if possible {
            search.from(at);
            if let Some((end, slots)) = search.best.take() {
                return Some(to_match(at, end, &slots, prog.groups));
            }
        }
        if only_first || prog.anchored || search.steps > MAX_STEPS {
            return None;
        }
        // A character is not entered in its middle.
        at += match prog.flags.utf8 {
            true => char_at(text, at).map_or(1, |c| c.1),
            false => 1,
        };
    }
    None
}

/// Where a text is first found in another.
pub fn find_bytes(text: &[u8], what: &[u8]) -> Option<usize> {
    let Some(first) = what.first() else { return Some(0) };
    let mut at = 0;
    loop {
        at += text.get(at..)?.iter().position(|b| b == first)?;
        let rest = text.get(at..)?;
        if rest.starts_with(what) {
            return Some(at);
        }
        if rest.len() < what.len() {
            return None;
        }
        at += 1;
    }
}

fn to_match(start: usize, end: usize, slots: &[usize], groups: usize) -> Match {
    let slot = |n: usize| slots.get(n).copied().filter(|s| *s != NONE);
    let start = slot(0).unwrap_or(start);
    let mut spans = vec![Some((start, end))];
    for number in 1..=groups {
        spans.push(match (slot(number * 2), slot(number * 2 + 1)) {
            (Some(a), Some(b)) if a <= b => Some((a, b)),
            _ => None,
        });
    }
    Match { spans }
}

/// What is still to be tried, and what is taken back before.
enum Todo {
    Try(usize, usize),
    Restore(usize, usize),
}

impl Search<'_> {
    /// Finds the best match that begins at a place.
    fn from(&mut self, start: usize) {
        let slots_len = (self.prog.groups + 1) * 2;
        let mut slots = vec![NONE; slots_len + self.prog.loops];
        let mut stack = vec![Todo::Try(0, start)];
        while let Some(todo) = stack.pop() {
            let (mut pc, mut at) = match todo {
                Todo::Try(pc, at) => (pc, at),
                Todo::Restore(slot, value) => {
                    slots[slot] = value;
                    continue;
                }
            };
            loop {
                self.steps += 1;
                if self.steps > MAX_STEPS || self.prog.references && self.steps > BUDGET {
                    return;
                }
                if self.was_here(pc, at) {
                    break;
                }
                match &self.prog.ops[pc] {
                    Op::Match => {
                        if self.arrived(at, &slots[..slots_len]) {
                            return;
                        }
                        break;
                    }
                    Op::Jump(to) => pc = *to,
                    Op::Split(a, b) => {
                        stack.push(Todo::Try(*b, at));
                        pc = *a;
                    }
                    Op::Save(slot) => {
                        stack.push(Todo::Restore(*slot, slots[*slot]));
                        slots[*slot] = at;
                        pc += 1;
                    }
                    Op::Begin(n) => {
                        let slot = slots_len + n;
                        stack.push(Todo::Restore(slot, slots[slot]));
                        slots[slot] = at;
                        pc += 1;
                    }
                    // An iteration that took nothing is the last: the jump back is left out.
                    Op::Progress(n) => pc += if slots[slots_len + n] == at { 2 } else { 1 },
                    op => match self.consume(op, at, &slots) {
                        Some(next) => (pc, at) = (pc + 1, next),
                        None => break,
                    },
                }
            }
        }
    }

    fn was_here(&mut self, pc: usize, at: usize) -> bool {
        if self.prog.references {
            return false;
        }
        let base = *self.base.get_or_insert(at);
        let cell = at.saturating_sub(base) * self.prog.ops.len() + pc;
        if cell / 64 >= self.visited.len() {
            self.visited.resize((cell / 64 + 1).next_power_of_two().min(cell / 64 + 65536), 0);
        }
        match self.visited.get_mut(cell / 64) {
            Some(word) => {
                let bit = 1u64 << (cell % 64);
                let was = *word & bit != 0;
                *word |= bit;
                was
            }
            None => false,
        }
    }

    /// Keeps a match that is better than the best. True where none can be better still.
    fn arrived(&mut self, at: usize, slots: &[usize]) -> bool {
        let perl = self.prog.flags.perl;
        if self.wanted == Wanted::Whole {
            if at == self.text.len() {
                self.best = Some((at, slots.to_vec()));
                return true;
            }
            return false;
        }
        if self.best.as_ref().is_none_or(|(end, _)| at > *end) {
            self.best = Some((at, slots.to_vec()));
        }
        perl || self.wanted == Wanted::Any || at == self.text.len()
    }

    /// Where the text goes on after an instruction that takes or looks at something.
    fn consume(&self, op: &Op, at: usize, slots: &[usize]) -> Option<usize> {
        let next = self.text.get(at).copied();
        match op {
            Op::Byte(b) => (next? == *b).then_some(at + 1),
            Op::Char(c) => char_at(self.text, at).filter(|(d, _)| d == c).map(|(_, len)| at + len),
            Op::Any => {
                let b = next?;
                if b == b'\n' && (self.prog.flags.newline || self.prog.flags.perl) {
                    return None;
                }
                match self.prog.flags.utf8 && b >= 0x80 {
                    true => char_at(self.text, at).map(|(_, len)| at + len),
                    false => Some(at + 1),
                }
            }
            Op::Set(set) => {
                let b = next?;
                if self.prog.flags.utf8 && b >= 0x80 {
                    return char_at(self.text, at).filter(|(c, _)| set.has_char(*c)).map(|(_, len)| at + len);
                }
                set.has_byte(b).then_some(at + 1)
            }
            Op::At(place) => self.is_at(*place, at).then_some(at),
            Op::BackReference(number) => {
                let (a, b) = (*slots.get(number * 2)?, *slots.get(number * 2 + 1)?);
                let what = self.text.get(a..b)?;
                let there = self.text.get(at..at + what.len())?;
                let same = if self.prog.flags.icase { what.eq_ignore_ascii_case(there) } else { what == there };
                same.then_some(at + what.len())
            }
            Op::Look(prog, wanted) => {
                let found = find(prog, self.text.get(at..)?, 0, Wanted::AtStart).is_some();
                (found == *wanted).then_some(at)
            }
            Op::Behind(prog, wanted) => {
                let before = self.text.get(..at)?;
                let ends_here =
                    |from: usize| before.get(from..).is_some_and(|t| find(prog, t, 0, Wanted::Whole).is_some());
                let found = (at.saturating_sub(256)..=at).rev().any(ends_here);
                (found == *wanted).then_some(at)
            }
            _ => None,
        }
    }

    fn is_at(&self, place: Place, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|a| self.text.get(a));
        let after = self.text.get(at);
        let multi = self.prog.flags.newline;
        let high = self.prog.flags.utf8;
        let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || high && *b >= 0x80);
        match place {
            Place::LineStart => at == 0 || multi && before == Some(&b'\n'),
            Place::LineEnd => {
                after.is_none()
                    || multi && after == Some(&b'\n')
                    || self.prog.flags.perl && after == Some(&b'\n') && at + 1 == self.text.len()
            }
            Place::TextStart => at == 0,
            Place::TextEnd => after.is_none(),
            Place::Word => is_word(before) != is_word(after),
            Place::NotWord => is_word(before) == is_word(after),
            Place::WordStart => !is_word(before) && is_word(after),
            Place::AfterNoWord => !is_word(before),
            Place::BeforeNoWord => !is_word(after),
            Place::WordEnd => is_word(before) && !is_word(after),
        }
    }
}
