//! POSIX regular expressions, basic and extended, with GNU's additions: the longest of the leftmost matches.

mod compile;
mod matcher;
mod parse;
mod set;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use matcher::{Match, find_bytes};
pub use set::Class;

/// How a pattern is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// Extended syntax; basic without.
    pub extended: bool,
    /// Whether the case of letters is ignored.
    pub icase: bool,
    /// Whether characters are UTF-8's; bytes otherwise.
    pub utf8: bool,
    /// Whether `^` and `$` match at line ends within the text, and `.` and negated sets match none.
    pub newline: bool,
    /// Whether a match must be a whole word.
    pub word: bool,
    /// Whether a match must be the whole text.
    pub whole: bool,
    /// awk's syntax: extended, with C escapes also in brackets, and without back-references.
    pub awk: bool,
    /// Whether braces are no intervals, as in mawk.
    pub no_intervals: bool,
    /// musl's additions: `\d`, and the escapes of C.
    pub tre: bool,
    /// Perl's syntax, as far as it can be had: `\d`, `(?:`, lazy quantifiers; the first match rather than the longest.
    pub perl: bool,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A `[` without its end.
    Bracket,
    /// A `(` without its end.
    Paren,
    /// A `)` without its beginning.
    CloseParen,
    /// A `{` without its end.
    Brace,
    /// What is in braces is no interval.
    BraceContent,
    /// A repetition of nothing.
    Repeat,
    /// A range whose end comes before its beginning.
    Range,
    /// A class of a name that there is not.
    Class,
    /// A reference to a group that there is not.
    BackReference,
    /// A backslash at the end.
    Backslash,
    /// Too long, or too deeply nested.
    TooBig,
}

impl Fault {
    /// As glibc's `regerror` says it.
    pub fn text(self) -> &'static str {
        match self {
            Fault::Bracket => "Unmatched [, [^, [:, [., or [=",
            Fault::Paren => "Unmatched ( or \\(",
            Fault::CloseParen => "Unmatched ) or \\)",
            Fault::Brace => "Unmatched \\{",
            Fault::BraceContent => "Invalid content of \\{\\}",
            Fault::Repeat => "Invalid preceding regular expression",
            Fault::Range => "Invalid range end",
            Fault::Class => "Invalid character class name",
            Fault::BackReference => "Invalid back reference",
            Fault::Backslash => "Trailing backslash",
            Fault::TooBig => "Regular expression too big",
        }
    }

    /// As musl's `regerror` says it.
    pub fn musl_text(self) -> &'static str {
        match self {
            Fault::Bracket => "Missing ']'",
            Fault::Paren | Fault::CloseParen => "Missing ')'",
            Fault::Brace => "Missing '}'",
            Fault::BraceContent => "Invalid contents of {}",
            Fault::Repeat => "Repetition not preceded by valid expression",
            Fault::Range => "Invalid character range",
            Fault::Class => "Unknown character class name",
            Fault::BackReference => "Invalid back reference",
            Fault::Backslash => "Trailing backslash",
            Fault::TooBig => "Out of memory",
        }
    }
}

/// A compiled pattern. It is put away as its text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Source", into = "Source")]
pub struct Regex {
    source: Source,
    program: Arc<compile::Prog>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Source {
    pattern: Vec<u8>,
    flags: Flags,
}

impl TryFrom<Source> for Regex {
    type Error = String;
    fn try_from(source: Source) -> Result<Regex, String> {
        Regex::new(&source.pattern, source.flags).map_err(|fault| fault.text().to_string())
    }
}

impl From<Regex> for Source {
    fn from(regex: Regex) -> Source {
        regex.source
    }
}

impl Regex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(pattern: &[u8], flags: Flags) -> Result<Regex, Fault> {
        let mut parsed = parse::parse(pattern, flags)?;
        if flags.word || flags.whole {
            let (before, after) = match flags.whole {
                true => (parse::Place::TextStart, parse::Place::TextEnd),
                false => (parse::Place::AfterNoWord, parse::Place::BeforeNoWord),
            };
            let inner = parse::Node::Group(None, Box::new(parsed.node));
            parsed.node = parse::Node::Concat(vec![parse::Node::At(before), inner, parse::Node::At(after)]);
        }
        let program = compile::compile(&parsed, flags)?;
        Ok(Regex { source: Source { pattern: pattern.to_vec(), flags }, program: Arc::new(program) })
    }

    /// How many groups it has.
    pub fn groups(&self) -> usize {
        self.program.groups
    }

    /// The pattern's text.
    pub fn pattern(&self) -> &[u8] {
        &self.source.pattern
    }

    /// How it was read.
    pub fn flags(&self) -> Flags {
        self.source.flags
    }

    /// Whether it matches somewhere.
    pub fn is_match(&self, text: &[u8]) -> bool {
        matcher::find(&self.program, text, 0, matcher::Wanted::Any).is_some()
    }

    /// The leftmost match that begins at `from` or later; what is before is context for `^` and `\b`.
    pub fn find_at(&self, text: &[u8], from: usize) -> Option<Match> {
        matcher::find(&self.program, text, from, matcher::Wanted::Longest)
    }

    /// The leftmost match.
    pub fn find(&self, text: &[u8]) -> Option<Match> {
        self.find_at(text, 0)
    }

    /// A match that begins exactly at the beginning of the text, as `expr` and `:` want it.
    pub fn match_at_start(&self, text: &[u8]) -> Option<Match> {
        matcher::find(&self.program, text, 0, matcher::Wanted::AtStart)
    }

    /// Whether the whole text matches, as `find -regex` wants it.
    pub fn matches_whole(&self, text: &[u8]) -> bool {
        matcher::find(&self.program, text, 0, matcher::Wanted::Whole).is_some()
    }
}

#[cfg(test)]
mod tests;
