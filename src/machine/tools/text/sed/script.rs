//! What a sed script consists of.

use serde::{Deserialize, Serialize};

use crate::machine::tools::text::regex::Regex;

/// Where a command applies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Address {
    /// A line by its number.
    Line(u64),
    /// Every so many lines from one on.
    Step(u64, u64),
    /// The last line.
    Last,
    /// Lines that match; none for the regular expression that was used last.
    Matches(Option<Regex>),
    /// So many lines after the first address.
    Plus(u64),
    /// Up to a multiple of that number.
    Multiple(u64),
}

/// A command with its addresses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Command {
    pub first: Option<Address>,
    pub second: Option<Address>,
    pub negated: bool,
    pub what: What,
    /// The range that is open: its last line where that is known by its number.
    pub open: Option<Option<u64>>,
    /// Whether a range from line 0 was begun.
    pub begun: bool,
}

/// What a command does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum What {
    /// `{`, with the place behind its `}`.
    Block(usize),
    /// `}`, `:label` and what else does nothing.
    Nothing,
    /// `a`
    Append(Vec<u8>),
    /// `i`
    Insert(Vec<u8>),
    /// `c`
    Change(Vec<u8>),
    /// `b`
    Branch(usize),
    /// `t`
    BranchIf(usize),
    /// `T`
    BranchIfNot(usize),
    /// `s`
    Substitute(Box<Substitute>),
    /// `y`
    Translate(Vec<(char, char)>, Vec<u8>),
    /// `q` and `Q`, with the exit code and whether the pattern space is printed.
    Quit(u8, bool),
    /// `l`
    List(Option<usize>),
    /// `r`
    Read(String),
    /// `R`, with the number of its file.
    ReadLine(usize),
    /// `w`, with the number of its file.
    Write(usize),
    /// `W`
    WriteFirst(usize),
    /// Those of one letter: `= d D F g G h H n N p P x z`.
    Plain(u8),
}

/// An `s` command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Substitute {
    pub regex: Option<Regex>,
    pub with: Vec<Piece>,
    pub global: bool,
    pub print: bool,
    pub number: u64,
    pub write: Option<usize>,
}

/// A part of what is put in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Text.
    Text(Vec<u8>),
    /// What a group matched; 0 for all.
    Group(usize),
    /// A change of case: `U`, `L`, `u`, `l`, `E`.
    Case(u8),
}

/// A script that was read.
#[derive(Debug, Clone, Default)]
pub struct Script {
    pub commands: Vec<Command>,
    /// Files that are written.
    pub writes: Vec<String>,
    /// Files that are read line by line.
    pub reads: Vec<String>,
}
