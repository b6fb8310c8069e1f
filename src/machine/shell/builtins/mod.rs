//! The builtins: found by name, run in the shell itself.

mod arrays;
mod declare;
mod dirs;
pub(crate) mod echo;
mod flow;
mod format;
mod name;
pub(crate) mod printf;
mod process;
mod read;
mod set;
mod signals;
pub(crate) mod test;

use serde::{Deserialize, Serialize};

use super::simple::Elements;
use super::vm::Flow;
use super::words::Stop;
use super::{Flavor, Shell};
use crate::machine::kernel::Sys;

/// Arrays among a builtin's arguments.
pub(super) type Arrays = Vec<(u32, Elements)>;

/// What a builtin came to.
pub(super) enum Done {
    Code(u8),
    /// It failed so that a shell that is not interactive ends, where the builtin is a special one.
    Fatal(u8),
    Stop(Stop),
    /// It has changed what runs.
    Flow(Flow),
}

pub(super) type Run = fn(&mut Shell, &mut Sys<'_>, &[String], &mut Arrays) -> Done;

pub(super) struct Builtin {
    pub name: &'static str,
    /// Whether POSIX calls it special.
    pub special: bool,
    /// The shells that have it, by letter: `a`, `b`, `d`.
    shells: &'static str,
    pub run: Run,
}

const fn special(name: &'static str, run: Run) -> Builtin {
    Builtin { name, special: true, shells: "abd", run }
}

const fn all(name: &'static str, run: Run) -> Builtin {
    Builtin { name, special: false, shells: "abd", run }
}

const fn some(name: &'static str, shells: &'static str, run: Run) -> Builtin {
    Builtin { name, special: false, shells, run }
}

const TABLE: [Builtin; 64] = [
    special(".", flow::dot),
    special(":", flow::colon),
    all("[", test::builtin),
    some("[[", "a", test::builtin),
    all("alias", name::alias),
    all("bg", process::bg),
    special("break", flow::break_loop),
    some("builtin", "b", name::command),
    some("caller", "b", name::caller),
    all("cd", dirs::cd),
    some("chdir", "ad", dirs::cd),
    all("command", name::command),
    some("compgen", "b", name::compgen),
    some("complete", "b", flow::colon),
    special("continue", flow::continue_loop),
    some("declare", "b", declare::declare),
    some("dirs", "b", dirs::dirs),
    some("disown", "b", process::disown),
    all("echo", echo::builtin),
    some("enable", "b", name::enable),
    special("eval", flow::eval),
    special("exec", flow::colon),
    special("exit", flow::exit),
    special("export", declare::export),
    all("false", flow::falsity),
    some("fc", "b", flow::colon),
    all("fg", process::fg),
    all("getopts", name::getopts),
    all("hash", name::hash),
    some("help", "ab", name::help),
    some("history", "b", flow::colon),
    all("jobs", process::jobs),
    all("kill", signals::kill),
    some("let", "ab", flow::let_command),
    special("local", declare::local),
    some("logout", "b", flow::exit),
    some("mapfile", "b", arrays::mapfile),
    some("popd", "b", dirs::popd),
    all("printf", printf::builtin),
    some("pushd", "b", dirs::pushd),
    all("pwd", dirs::pwd),
    all("read", read::read),
    some("readarray", "b", arrays::mapfile),
    special("readonly", declare::export),
    special("return", flow::return_command),
    special("set", set::set),
    special("shift", flow::shift),
    some("shopt", "b", set::shopt),
    Builtin { name: "source", special: true, shells: "ab", run: flow::dot },
    some("suspend", "b", flow::colon),
    all("test", test::builtin),
    special("times", process::times),
    special("trap", signals::trap),
    all("true", flow::truth),
    all("type", name::type_of),
    some("typeset", "b", declare::declare),
    all("ulimit", process::ulimit),
    all("umask", dirs::umask),
    all("unalias", name::unalias),
    special("unset", declare::unset),
    all("wait", process::wait),
    some("bind", "b", flow::colon),
    some("compopt", "b", flow::colon),
    some("times ", "", process::times),
];

/// The builtin of a name.
pub(super) fn find(flavor: Flavor, name: &str) -> Option<&'static Builtin> {
    static BUILTINS: [Builtin; 64] = TABLE;
    let letter = match flavor {
        Flavor::Ash => 'a',
        Flavor::Bash => 'b',
        Flavor::Dash => 'd',
    };
    BUILTINS.iter().find(|b| b.name == name && b.shells.contains(letter))
}

/// The names of a shell's builtins.
pub(super) fn names(flavor: Flavor) -> Vec<&'static str> {
    let mut all: Vec<&str> = TABLE.iter().map(|b| b.name).filter(|n| find(flavor, n).is_some()).collect();
    all.sort_unstable();
    all
}

/// How many words of `command ...` come before the command that it runs; none where it only tells about one.
pub(super) fn command_words(argv: &[String]) -> Option<usize> {
    let mut skip = 1;
    while let Some(word) = argv.get(skip).filter(|w| w.starts_with('-') && w.len() > 1) {
        skip += 1;
        match word.as_str() {
            "--" => break,
            "-p" => {}
            _ => return None,
        }
    }
    Some(skip)
}

/// A builtin that lasts longer than one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Active {
    Read(read::Reading),
    Wait(process::WaitFor),
    Map(arrays::Mapping),
}

impl Shell {
    /// Goes on with a builtin that lasts.
    pub(super) fn go_on(&mut self, sys: &mut Sys<'_>, active: Active) -> Flow {
        match active {
            Active::Read(reading) => self.reading(sys, reading),
            Active::Wait(waiting) => self.waiting(sys, waiting),
            Active::Map(mapping) => self.mapping(sys, mapping),
        }
    }

    /// Says how bash's builtin is used; the code of that.
    pub(super) fn usage_of(&self, sys: &mut Sys<'_>, text: &str) -> Done {
        sys.err(format!("{text}\n"));
        Done::Fatal(2)
    }

    /// Says that an option is none; the code of that.
    pub(super) fn illegal_option(&self, sys: &mut Sys<'_>, option: &str, usage: &str) -> Done {
        match self.flavor {
            Flavor::Bash => {
                self.complain(sys, format!("{option}: invalid option"));
                self.usage_of(sys, usage)
            }
            Flavor::Dash => {
                self.complain(sys, format!("Illegal option {option}"));
                Done::Fatal(2)
            }
            Flavor::Ash => {
                self.complain(sys, format!("illegal option {option}"));
                Done::Fatal(2)
            }
        }
    }
}
