//! What `find` tests and does.

use serde::{Deserialize, Serialize};

use super::Place;
use crate::api::Time;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::{Kind, Stat};
use crate::machine::tools::common::{is_gnu, kind_letter, last_name};
use crate::machine::tools::files::glob;
use crate::machine::tools::users;

/// A part of an expression; parts of it are numbers of other ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Expr {
    Not(usize),
    And(Vec<usize>),
    Or(Vec<usize>),
    List(Vec<usize>),
    Test(Test),
    Action(Action),
}

/// A number to compare with: `+n`, `-n`, `n`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Number {
    pub sign: i8,
    pub value: u64,
}

impl Number {
    pub fn parse(text: &str) -> Option<Number> {
        let (sign, digits) = match text.as_bytes().first()? {
            b'+' => (1, &text[1..]),
            b'-' => (-1, &text[1..]),
            _ => (0, text),
        };
        let digits = digits.split('.').next().unwrap_or("");
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Number { sign, value: digits.parse().ok()? })
    }

    pub fn holds(self, value: u64) -> bool {
        match self.sign {
            1 => value > self.value,
            -1 => value < self.value,
            _ => value == self.value,
        }
    }
}

/// How permission bits are compared.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Bits {
    Exactly,
    All,
    Any,
}

/// A test.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Test {
    True,
    False,
    Name(String, bool),
    Path(String, bool),
    LinkName(String, bool),
    Regex(String, (bool, bool)),
    Type(String, bool),
    /// How many units of so many bytes, rounded up.
    Size(Number, u64),
    /// How old, in units of so many seconds; whether whole units are counted.
    Age(Number, u64, bool),
    Newer(Time),
    Empty,
    Perm(u32, Bits),
    User(u32),
    Group(u32),
    Uid(Number),
    Gid(Number),
    NoUser,
    NoGroup,
    Links(Number),
    Inode(Number),
    Same(String, u64),
    Access(u32),
    FsType(String),
}

/// An action.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Action {
    Print,
    Print0,
    Printf(String),
    FilePrint(String, char),
    Ls,
    Prune,
    Quit,
    Delete,
    Exec(Vec<String>, bool),
    /// Asks, and nobody answers.
    Ask(Vec<String>),
    ExecAll(Vec<String>),
}

impl Test {
    pub(super) fn holds(&self, sys: &mut Sys<'_>, place: &Place, stat: &Stat) -> bool {
        let path = &place.path;
        let like = |pattern: &str, text: &str, fold: bool| match fold {
            true => glob::matches(&pattern.to_lowercase(), &text.to_lowercase()),
            false => glob::matches(pattern, text),
        };
        match self {
            Test::True => true,
            Test::False => false,
            Test::Name(pattern, fold) => like(pattern, last_name(path), *fold),
            Test::Path(pattern, fold) => like(pattern, path, *fold),
            Test::LinkName(pattern, fold) => stat.target.as_ref().is_some_and(|t| like(pattern, t, *fold)),
            Test::Regex(pattern, how) => super::parse::regex_matches(pattern, path, *how),
            Test::Type(letters, follow) => {
                let letter = match kind_letter(Test::kind_of(sys, path, stat, *follow)) {
                    '-' => 'f',
                    other => other,
                };
                letters.contains(letter)
            }
            Test::Size(number, unit) if is_gnu(sys) => number.holds(stat.size.div_ceil(*unit)),
            Test::Size(number, unit) => {
                Number { value: number.value.saturating_mul(*unit), ..*number }.holds(stat.size)
            }
            Test::Age(number, unit, whole) => {
                let age = (sys.now() - stat.modified).0.max(0) as u64;
                let unit = unit * 1000;
                match whole {
                    true => number.holds(age / unit),
                    false => match number.sign {
                        1 => age > number.value * unit,
                        -1 => age < number.value * unit,
                        _ => age.div_ceil(unit).max(1) == number.value,
                    },
                }
            }
            Test::Newer(time) => stat.modified > *time,
            Test::Empty => match stat.kind {
                Kind::File => stat.size == 0,
                Kind::Dir => sys.read_dir(path).is_ok_and(|all| all.is_empty()),
                _ => false,
            },
            Test::Perm(mode, bits) => match bits {
                Bits::Exactly => stat.mode == *mode,
                Bits::All => stat.mode & mode == *mode,
                Bits::Any => *mode == 0 || stat.mode & mode != 0,
            },
            Test::User(uid) => stat.uid == *uid,
            Test::Group(gid) => stat.gid == *gid,
            Test::Uid(number) => number.holds(u64::from(stat.uid)),
            Test::Gid(number) => number.holds(u64::from(stat.gid)),
            Test::NoUser => users::users(sys).iter().all(|u| u.uid != stat.uid),
            Test::NoGroup => users::groups(sys).iter().all(|g| g.gid != stat.gid),
            Test::Links(number) => number.holds(u64::from(stat.links)),
            Test::Inode(number) => number.holds(stat.ino),
            Test::Same(disk, ino) => stat.disk == *disk && stat.ino == *ino,
            Test::Access(want) => sys.access(path, *want).is_ok(),
            Test::FsType(fs_type) => sys.mount_of(path).is_ok_and(|m| m.fs_type == *fs_type),
        }
    }
}
