//! The 16384 slots of a cluster: which one a key is in, and sets of them.

use serde::{Deserialize, Serialize};

/// How many there are.
pub const ALL: u16 = 16384;

/// The slot of a key: of what is between the first braces, if there is something. Mirrors the cluster specification.
pub fn of_key(key: &[u8]) -> u16 {
    let tag = key.iter().position(|b| *b == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        rest.iter().position(|b| *b == b'}').filter(|length| *length > 0).map(|length| &rest[..length])
    });
    crc16(tag.unwrap_or(key)) % ALL
}

/// CRC-16 as XMODEM has it: polynomial 1021, nothing reflected, beginning with 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0u16, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 },
        )
    })
}

/// A set of slots as ranges, in order, that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots(Vec<(u16, u16)>);

impl Slots {
    /// The ranges.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|(first, last)| usize::from(last - first) + 1).sum()
    }

    /// Whether a slot is in it.
    pub fn has(&self, slot: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }

    /// All slots in it.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// Adds a range.
    pub fn add(&mut self, first: u16, last: u16) {
        let (mut first, mut last) = (first, last.min(ALL - 1));
        let mut rest = Vec::new();
        for range in &self.0 {
            if range.1.saturating_add(1) < first || last.saturating_add(1) < range.0 {
                rest.push(*range);
            } else {
                (first, last) = (first.min(range.0), last.max(range.1));
            }
        }
        rest.push((first, last));
        rest.sort_unstable();
        self.0 = rest;
    }

    /// Takes a range out.
    pub fn remove(&mut self, first: u16, last: u16) {
        let mut rest = Vec::new();
        for range in &self.0 {
            if range.0 < first {
                rest.push((range.0, range.1.min(first - 1)));
            }
            if range.1 > last {
                rest.push((range.0.max(last + 1), range.1));
            }
        }
        self.0 = rest;
    }

    /// Those that another set has too.
    pub fn shared(&self, with: &Slots) -> Slots {
        let mut shared = Slots::default();
        for a in &self.0 {
            for b in &with.0 {
                let (first, last) = (a.0.max(b.0), a.1.min(b.1));
                if first <= last {
                    shared.add(first, last);
                }
            }
        }
        shared
    }

    /// Takes all of another set out.
    pub fn subtract(&mut self, other: &Slots) {
        other.0.iter().for_each(|(first, last)| self.remove(*first, *last));
    }

    /// Adds all of another set.
    pub fn unite(&mut self, other: &Slots) {
        other.0.iter().for_each(|(first, last)| self.add(*first, *last));
    }

    /// As `CLUSTER NODES` writes them: ` 0-5460 5462`, each with a blank before.
    pub fn text(&self) -> String {
        self.0.iter().map(|(a, b)| if a == b { format!(" {a}") } else { format!(" {a}-{b}") }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Slots, of_key};

    #[test]
    fn keys_are_where_the_specification_puts_them() {
        assert_eq!(of_key(b"123456789"), 12739);
        assert_eq!(of_key(b"foo"), 12182);
        assert_eq!(of_key(b"hello"), 866);
        assert_eq!(of_key(b"{user1000}.following"), of_key(b"{user1000}.followers"));
        assert_ne!(of_key(b"{}a"), of_key(b"{}b"));
    }

    #[test]
    fn ranges_grow_together_and_come_apart() {
        let mut slots = Slots::default();
        slots.add(0, 5);
        slots.add(7, 9);
        slots.add(6, 6);
        assert_eq!(slots.ranges(), [(0, 9)]);
        slots.remove(3, 4);
        assert_eq!(slots.text(), " 0-2 5-9");
        assert_eq!(slots.len(), 8);
        slots.remove(0, 0);
        slots.remove(9, 20);
        assert_eq!(slots.text(), " 1-2 5-8");
    }
}
