//! The shell: POSIX grammar and the forms of bash that scripts use, as a machine that can be put away at any step.

mod arith;
mod ast;
mod brace;
mod builtins;
mod compound;
mod dollar;
mod expand;
mod glob;
mod init;
mod jobs;
mod lex;
mod options;
mod param;
mod parse;
mod parts;
mod pattern;
mod program;
mod quote;
mod redirect;
mod select;
mod simple;
mod source;
mod special;
mod substitute;
mod unwind;
mod vars;
mod vm;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kernel::{Fd, Pid, Signal, Status, Sys, Turn};
use crate::api::Time;
use ast::Unit;
use options::Options;
use vars::Vars;
use vm::Act;

pub(crate) use builtins::{echo, printf, test};

/// Texts that stand for a name in command position.
type Aliases = Arc<BTreeMap<String, String>>;

/// Which shell it is: grammar beyond POSIX and texts of errors differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flavor {
    /// busybox ash, `sh` of busybox and Alpine.
    Ash,
    /// Debian's dash, `sh` of Debian and Ubuntu.
    Dash,
    /// bash.
    Bash,
}

/// A running shell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shell {
    flavor: Flavor,
    /// `$0`
    name: Arc<str>,
    /// The positional parameters.
    args: Arc<Vec<String>>,
    options: Options,
    /// What `shopt` has switched on.
    shopts: Arc<BTreeSet<String>>,
    vars: Vars,
    functions: Arc<BTreeMap<String, Arc<Unit>>>,
    /// The files of functions that sourced files have defined.
    function_files: Arc<BTreeMap<String, String>>,
    aliases: Aliases,
    /// `$?`
    status: u8,
    pipe_status: Arc<Vec<u8>>,
    /// What runs, the innermost last.
    acts: Vec<Act>,
    /// How far the expansion of the command on top has come.
    progress: words::Progress,
    jobs: Vec<jobs::Job>,
    /// Children that have ended and are no jobs.
    ended: Vec<(Pid, Status)>,
    /// `$!`
    last_background: Option<Pid>,
    /// `$$`, which subshells keep.
    pid: Pid,
    /// Commands by signal's name, `EXIT`, `ERR`, `DEBUG`, `RETURN`.
    traps: Arc<BTreeMap<String, String>>,
    /// Signals that came and whose traps have not run yet.
    caught: Vec<Signal>,
    line: u32,
    started: Time,
    random: u64,
    /// `BASH_COMMAND`
    command: Arc<str>,
    /// `$_`
    last_arg: Arc<str>,
    /// Functions and files that are running, for `FUNCNAME` and `BASH_SOURCE`.
    calls: Arc<Vec<Call>>,
    /// How deep in subshells it is.
    subshells: u32,
    /// How deep in command substitutions it is.
    substitutions: u32,
    /// Whether an outer context takes a failure for an answer, so that `set -e` does not count.
    tested: bool,
    /// Whether a loop is around that belongs to a process above.
    outer_loops: bool,
    /// Descriptors that keep what a redirection covers; children do not get them.
    kept: Vec<Fd>,
    /// Pipes of process substitutions, each with how deep in functions it was made: closed after the command.
    processes: Vec<(Fd, u32)>,
    /// Where `getopts` is within a word.
    getopts: (usize, usize),
    /// The builtin that runs, for messages.
    builtin: Option<Arc<str>>,
    /// How deep in functions the trap of `RETURN` was set: others do not run it.
    return_trap: u32,
    /// Whether it runs what `-c` gave.
    from_c: bool,
    /// Whether the command of `-c` at hand is no list: bash's subshells do not count lines then.
    lone: bool,
    /// Whether the exit trap has run or is not ours.
    exiting: bool,
    /// The status with which the shell ends, while the exit trap runs.
    exit_status: Option<u8>,
    hashed: Arc<BTreeMap<String, (String, u32)>>,
    dirs: Vec<String>,
    limits: BTreeMap<char, String>,
    /// Whether bash's `set -T`-like traps are running, so that they do not nest.
    in_trap: bool,
}

/// A function that was called or a file that was sourced.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Call {
    name: String,
    /// The line of the call.
    line: u32,
    /// The file that it is in.
    source: String,
    is_function: bool,
}

/// Whether a text is only the beginning of commands of bash: a quote, a loop or a here-document is open.
pub fn is_unfinished(text: &str) -> bool {
    let text = format!("{text}\n");
    let dialect = lex::Dialect { flavor: Flavor::Bash, extglob: false, aliases: None, utf8: true, more: true };
    let mut parser = lex::Parser::new(&text, 1, dialect);
    loop {
        match parser.complete() {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(fault) => return fault.at_end,
        }
    }
}

/// The builtins and keywords of bash.
pub fn words() -> impl Iterator<Item = &'static str> {
    const KEYWORDS: [&str; 11] = ["for", "while", "until", "if", "case", "select", "function", "time", "{", "[[", "!"];
    builtins::names(Flavor::Bash).into_iter().chain(KEYWORDS)
}

impl Shell {
    /// Does one bounded piece of work.
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        vm::step(self, sys)
    }

    fn bash(&self) -> bool {
        self.flavor == Flavor::Bash
    }

    fn shopt(&self, name: &str) -> bool {
        self.shopts.contains(name)
    }

    /// What precedes each message.
    fn prefix(&self) -> String {
        let interactive = self.options.interactive;
        let around = if self.bash() { None } else { self.running() };
        let builtin = self.builtin.as_deref().or(around);
        match self.flavor {
            Flavor::Bash => {
                let source = self.calls.last().filter(|c| !c.source.is_empty()).map(|c| c.source.as_str());
                let unnumbered = interactive || source.is_none() && self.lone && self.subshells > 0;
                let line = if unnumbered { String::new() } else { format!("line {}: ", self.line) };
                let builtin = builtin.map(|b| format!("{b}: ")).unwrap_or_default();
                format!("{}: {line}{builtin}", source.unwrap_or(&self.name))
            }
            Flavor::Dash => {
                let builtin = builtin.map(|b| format!("{b}: ")).unwrap_or_default();
                format!("{}: {}: {builtin}", self.name, self.line)
            }
            Flavor::Ash => {
                let has_name = !self.from_c || builtin.is_some();
                let builtin = builtin.map(|b| format!("{b}: ")).unwrap_or_default();
                if has_name && !interactive {
                    let name = if self.is_from_stdin() && builtin.is_empty() {
                        String::new()
                    } else {
                        format!("line {}: ", self.line)
                    };
                    format!("{}: {builtin}{name}", self.name)
                } else {
                    format!("{}: {builtin}", self.name)
                }
            }
        }
    }

    /// What `eval` or `.` lends its name to what it runs.
    fn running(&self) -> Option<&str> {
        self.acts.iter().rev().find_map(|act| match &act.kind {
            vm::Kind::Source(source) => match &source.what {
                source::What::Eval => Some("eval"),
                source::What::Dot(_) => self.calls.iter().rev().find(|c| !c.is_function).map(|c| c.source.as_str()),
                _ => None,
            },
            _ => None,
        })
    }

    /// The status with which a missing parameter ends the shell.
    fn unset_code(&self) -> u8 {
        match self.flavor {
            Flavor::Bash if self.from_c && self.subshells == 0 => 127,
            Flavor::Bash => 1,
            _ => 2,
        }
    }

    /// Says what is wrong, as this shell says it.
    fn complain(&self, sys: &mut Sys<'_>, text: impl AsRef<str>) {
        sys.err(format!("{}{}\n", self.prefix(), text.as_ref()));
    }
}
