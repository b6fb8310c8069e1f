//! What is in a file: pieces that are shared until somebody writes them, and zeros that take no memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::BLOCK;
use crate::machine::bytes::Bytes;

/// The length of a piece.
const PIECE: u64 = 1 << 15;

/// How many holes are told apart; with more, the smallest counts as filled.
const MAX_HOLES: usize = 64;

/// The contents of a file. A piece that is missing, or the end of one, is zeros.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    len: u64,
    pieces: BTreeMap<u64, Bytes>,
    /// What was never written, from block to block: it takes nothing of the disk.
    holes: Vec<(u64, u64)>,
}

impl Contents {
    /// The length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What it takes of its disk, in bytes: whole blocks, without holes.
    pub fn usage(&self) -> u64 {
        let holes: u64 = self.holes.iter().map(|h| h.1 - h.0).sum();
        blocks(self.len).saturating_sub(holes)
    }

    /// What it would take with a write of so many bytes at an offset.
    pub fn usage_after(&self, offset: u64, count: u64) -> u64 {
        if count == 0 {
            return self.usage();
        }
        let end = offset.saturating_add(count);
        let mut fresh = blocks(end).saturating_sub(blocks(self.len).max(down(offset)));
        for (from, to) in &self.holes {
            fresh += (*to).min(blocks(end)).saturating_sub((*from).max(down(offset)));
        }
        self.usage() + fresh
    }

    /// At most `max` bytes from an offset on.
    pub fn read(&self, offset: u64, max: usize) -> Vec<u8> {
        let end = self.len.min(offset.saturating_add(max as u64));
        let mut out = Vec::new();
        let mut at = offset;
        while at < end {
            let within = (at % PIECE) as usize;
            let until = end.min((at / PIECE + 1).saturating_mul(PIECE));
            let count = (until - at) as usize;
            if let Some(piece) = self.pieces.get(&(at / PIECE)) {
                let there = piece.get(within..piece.len().min(within + count)).unwrap_or_default();
                out.extend_from_slice(there);
                out.resize(out.len() + count - there.len(), 0);
            } else {
                out.resize(out.len() + count, 0);
            }
            at = until;
        }
        out
    }

    /// All of it; what has the length of one piece is shared.
    pub fn bytes(&self) -> Bytes {
        match self.pieces.get(&0) {
            Some(piece) if piece.len() as u64 == self.len => piece.clone(),
            _ => self.read(0, usize::try_from(self.len).unwrap_or(usize::MAX)).into(),
        }
    }

    /// How many bytes it holds in memory.
    pub(super) fn stored(&self) -> usize {
        self.pieces.values().map(|p| p.len()).sum()
    }

    /// Takes the pieces out, to be kept elsewhere.
    pub(super) fn take_pieces(&mut self) -> BTreeMap<u64, Bytes> {
        std::mem::take(&mut self.pieces)
    }

    /// Puts a piece back.
    pub(super) fn put_piece(&mut self, number: u64, bytes: Bytes) {
        self.pieces.insert(number, bytes);
    }

    /// Writes at an offset; what lies before it and was never written is a hole.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        let Some(end) = offset.checked_add(bytes.len() as u64).filter(|_| !bytes.is_empty()) else { return };
        self.fill(offset, end);
        self.len = self.len.max(end);
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let within = (at % PIECE) as usize;
            let count = rest.len().min(PIECE as usize - within);
            let (now, later) = rest.split_at(count);
            self.write_piece(at / PIECE, within, now);
            at += count as u64;
            rest = later;
        }
    }

    fn write_piece(&mut self, number: u64, within: usize, bytes: &[u8]) {
        let is_zero = bytes.iter().all(|b| *b == 0);
        if is_zero && within == 0 && bytes.len() as u64 == PIECE {
            self.pieces.remove(&number);
            return;
        }
        if is_zero && !self.pieces.contains_key(&number) && self.len > PIECE {
            return;
        }
        let piece = self.pieces.entry(number).or_default().make_mut();
        let end = within + bytes.len();
        if piece.len() < end {
            piece.resize(end, 0);
        }
        if let Some(place) = piece.get_mut(within..end) {
            place.copy_from_slice(bytes);
        }
    }

    /// Makes blocks count as written, and what lies between the end and them a hole.
    fn fill(&mut self, from: u64, to: u64) {
        let (first, last) = (down(from), blocks(to));
        if first > blocks(self.len) {
            self.holes.push((blocks(self.len), first));
        }
        if !self.holes.is_empty() {
            let split = self.holes.iter().flat_map(|(a, b)| [(*a, (*b).min(first)), ((*a).max(last), *b)]);
            self.holes = split.filter(|h| h.0 < h.1).collect();
            if self.holes.len() > MAX_HOLES {
                let smallest = self.holes.iter().enumerate().min_by_key(|(_, h)| h.1 - h.0).map(|s| s.0);
                smallest.map(|at| self.holes.swap_remove(at));
            }
        }
    }

    /// Makes everything up to a length count as written, without a byte of it.
    pub fn reserve(&mut self, len: u64) {
        self.fill(0, len);
        self.len = self.len.max(len);
    }

    /// Cuts it to a length, or lengthens it by a hole.
    pub fn truncate(&mut self, len: u64) {
        if len > self.len {
            if blocks(len) > blocks(self.len) {
                self.holes.push((blocks(self.len), blocks(len)));
            }
            self.len = len;
            return;
        }
        self.len = len;
        self.pieces.retain(|number, _| *number < len.div_ceil(PIECE));
        if let Some(piece) = self.pieces.get_mut(&(len / PIECE)) {
            let keep = (len % PIECE) as usize;
            if piece.len() > keep {
                piece.make_mut().truncate(keep);
            }
        }
        let end = blocks(len);
        for hole in &mut self.holes {
            hole.1 = hole.1.min(end);
        }
        self.holes.retain(|h| h.0 < h.1);
    }
}

/// A length rounded up to whole blocks.
fn blocks(len: u64) -> u64 {
    len.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX / BLOCK * BLOCK)
}

/// An offset rounded down to a block's beginning.
fn down(offset: u64) -> u64 {
    offset / BLOCK * BLOCK
}

impl From<Bytes> for Contents {
    fn from(bytes: Bytes) -> Contents {
        let mut contents = Contents { len: bytes.len() as u64, ..Contents::default() };
        if bytes.len() as u64 <= PIECE {
            if !bytes.is_empty() {
                contents.pieces.insert(0, bytes);
            }
            return contents;
        }
        for (at, piece) in bytes.chunks(PIECE as usize).enumerate() {
            contents.pieces.insert(at as u64, piece.to_vec().into());
        }
        contents
    }
}

impl From<Vec<u8>> for Contents {
    fn from(bytes: Vec<u8>) -> Contents {
        Bytes::from(bytes).into()
    }
}

impl From<&str> for Contents {
    fn from(text: &str) -> Contents {
        Bytes::from(text).into()
    }
}

impl From<&[u8]> for Contents {
    fn from(bytes: &[u8]) -> Contents {
        Bytes::from(bytes.to_vec()).into()
    }
}

impl From<String> for Contents {
    fn from(text: String) -> Contents {
        Bytes::from(text.into_bytes()).into()
    }
}
