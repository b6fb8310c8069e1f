//! The characters of a document, up to the first that YAML forbids.

use super::Fault;

/// Bytes that the YAML package decodes at a time; a bad character is reported before anything else in its piece.
const PIECE: usize = 512;

/// The characters of one document.
pub(super) struct Input {
    chars: Vec<char>,
    /// The text goes on, with a character that is not allowed.
    forbidden: bool,
    /// Something behind the last character was asked for.
    passed_end: std::cell::Cell<bool>,
}

impl Input {
    /// A byte order mark at the start is not part of the text.
    pub(super) fn new(text: &str) -> Input {
        let mut chars = Vec::with_capacity(text.len());
        let (mut piece_end, mut piece_chars) = (PIECE, 0);
        for (at, c) in text.char_indices().skip(usize::from(text.starts_with('\u{feff}'))) {
            if at + c.len_utf8() > piece_end {
                piece_end = at + PIECE;
                piece_chars = chars.len();
            }
            if !is_allowed(c) {
                chars.truncate(piece_chars);
                return Input { chars, forbidden: true, passed_end: false.into() };
            }
            chars.push(c);
        }
        Input { chars, forbidden: false, passed_end: false.into() }
    }

    /// The character at an index; NUL behind the end, which never stands in the text itself.
    pub(super) fn at(&self, index: usize) -> char {
        match self.chars.get(index) {
            Some(c) => *c,
            None => {
                self.passed_end.set(true);
                '\0'
            }
        }
    }

    /// The fault of a forbidden character, once the scanner has come to it.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.forbidden && self.passed_end.get() {
            true => Err(Fault::plain("control characters are not allowed")),
            false => Ok(()),
        }
    }
}

fn is_allowed(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..
    )
}
