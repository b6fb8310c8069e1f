//! awk's values and arrays.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::machine::bytes::Bytes;
use crate::machine::tools::text::float::{decimal_len, strtod};

/// A value.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub enum Value {
    /// Of a variable that was not set.
    #[default]
    None,
    Number(f64),
    Text(Bytes),
    /// Input that looks like a number.
    Both(Bytes, f64),
    /// An array, by its number.
    Array(u32),
}

impl Value {
    /// A text that comes from outside: a number too where it looks like one.
    pub fn input(text: impl Into<Bytes>) -> Value {
        let text = text.into();
        match looks_numeric(&text) {
            Some(number) => Value::Both(text, number),
            None => Value::Text(text),
        }
    }

    /// A text.
    pub fn text(text: impl Into<Bytes>) -> Value {
        Value::Text(text.into())
    }

    /// The value as a number.
    pub fn number(&self) -> f64 {
        match self {
            Value::None | Value::Array(_) => 0.0,
            Value::Number(n) | Value::Both(_, n) => *n,
            Value::Text(text) => {
                strtod(text).filter(|(n, _)| n.is_finite() || digits_begin(text)).map_or(0.0, |(n, _)| n)
            }
        }
    }

    /// What it takes, in bytes.
    pub fn held(&self) -> usize {
        match self {
            Value::Text(text) | Value::Both(text, _) => text.len() + 32,
            Value::None | Value::Number(_) | Value::Array(_) => 0,
        }
    }

    /// Whether it counts as true.
    pub fn is_true(&self) -> bool {
        match self {
            Value::None => false,
            Value::Number(n) | Value::Both(_, n) => *n != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Array(_) => true,
        }
    }

    /// Whether it is compared as a number.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Value::None | Value::Number(_) | Value::Both(..))
    }
}

fn digits_begin(text: &[u8]) -> bool {
    text.iter().find(|b| !b.is_ascii_whitespace() && !matches!(b, b'-' | b'+')).is_some_and(u8::is_ascii_digit)
}

/// The number that a whole text is, blanks around it aside.
fn looks_numeric(text: &[u8]) -> Option<f64> {
    let body = text.trim_ascii();
    let digits = body.strip_prefix(b"-").or(body.strip_prefix(b"+")).unwrap_or(body);
    if digits.is_empty() || decimal_len(digits) != digits.len() {
        return None;
    }
    strtod(body).map(|(n, _)| n)
}

/// An array. It remembers what decides the order of `for (key in array)` in the real ones' tables.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Array {
    items: BTreeMap<Bytes, (u64, Value)>,
    clock: u64,
}

/// What an element takes beside its texts, in bytes.
pub const ELEMENT: usize = 100;

impl Array {
    /// An element, made where it is missing.
    pub fn element(&mut self, key: &Bytes, moves: bool) -> &mut Value {
        self.clock += 1;
        let clock = self.clock;
        let entry = self.items.entry(key.clone()).or_insert_with(|| (clock, Value::None));
        if moves {
            entry.0 = clock;
        }
        &mut entry.1
    }

    /// Whether there is an element.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.items.contains_key(&Bytes::from(key.to_vec()))
    }

    /// Takes an element away.
    pub fn remove(&mut self, key: &Bytes) {
        self.items.remove(key);
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// What its elements take, in bytes.
    pub fn held(&self) -> usize {
        self.items.iter().map(|(key, (_, value))| ELEMENT + key.len() + value.held()).sum()
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The keys in the order in which mawk (or else busybox) goes through them.
    pub fn keys(&self, mawk: bool) -> Vec<Bytes> {
        let mut by_time: Vec<(u64, &Bytes)> = self.items.iter().map(|(key, (time, _))| (*time, key)).collect();
        by_time.sort_unstable();
        if mawk {
            let mut mask = 63u32;
            while self.items.len() > (mask as usize + 1) * 12 && mask < u32::MAX / 2 {
                mask = mask * 2 + 1;
            }
            let mut all: Vec<(u32, u64, &Bytes)> =
                by_time.into_iter().map(|(time, key)| (fnv(key) & mask, u64::MAX - time, key)).collect();
            all.sort_unstable();
            return all.into_iter().map(|(_, _, key)| key.clone()).collect();
        }
        busybox_order(&by_time)
    }
}

fn fnv(text: &[u8]) -> u32 {
    text.iter().fold(0x811c_9dc5, |h: u32, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

/// A table of chains that grows: newer keys come first in theirs, and growing turns them around.
fn busybox_order(keys: &[(u64, &Bytes)]) -> Vec<Bytes> {
    const SIZES: [usize; 6] = [61, 251, 1021, 4093, 16381, 65521];
    let hash = |key: &[u8]| key.iter().fold(0u32, |h, b| (*b as i8 as u32).wrapping_add(h.wrapping_mul(63)));
    let mut grown = 0;
    let mut table: Vec<Vec<&Bytes>> = vec![Vec::new(); SIZES[0]];
    for (count, (_, key)) in keys.iter().enumerate() {
        if count + 1 > table.len() * 10 && grown + 1 < SIZES.len() {
            grown += 1;
            let mut next: Vec<Vec<&Bytes>> = vec![Vec::new(); SIZES[grown]];
            // Chains are kept with the newest last.
            for old in table.iter().flat_map(|chain| chain.iter().rev()) {
                let at = hash(old) as usize % next.len();
                next[at].push(old);
            }
            table = next;
        }
        let at = hash(key) as usize % table.len();
        table[at].push(key);
    }
    table.into_iter().flat_map(|chain| chain.into_iter().rev().cloned()).collect()
}
