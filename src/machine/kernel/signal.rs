//! Signals, by the numbers of Linux.

use serde::{Deserialize, Serialize};

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signal(u8);

const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "POLL",
    "PWR", "SYS",
];

impl Signal {
    /// `SIGHUP`
    pub const HUP: Signal = Signal(1);
    /// `SIGINT`
    pub const INT: Signal = Signal(2);
    /// `SIGQUIT`
    pub const QUIT: Signal = Signal(3);
    /// `SIGKILL`
    pub const KILL: Signal = Signal(9);
    /// `SIGUSR1`
    pub const USR1: Signal = Signal(10);
    /// `SIGSEGV`
    pub const SEGV: Signal = Signal(11);
    /// `SIGPIPE`
    pub const PIPE: Signal = Signal(13);
    /// `SIGTERM`
    pub const TERM: Signal = Signal(15);
    /// `SIGCHLD`
    pub const CHLD: Signal = Signal(17);
    /// `SIGCONT`
    pub const CONT: Signal = Signal(18);
    /// `SIGSTOP`
    pub const STOP: Signal = Signal(19);

    /// The signal of a number, 1 to 31.
    pub fn from_number(number: i32) -> Option<Signal> {
        (1..=31).contains(&number).then_some(Signal(number as u8))
    }

    /// The signal of a name, with or without `SIG`, in any case, or of a number in digits.
    pub fn parse(text: &str) -> Option<Signal> {
        if let Ok(number) = text.parse() {
            return Signal::from_number(number);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES.iter().position(|n| *n == name).map(|at| Signal(at as u8 + 1))
    }

    /// Its number.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    /// Its name without `SIG`.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0) - 1]
    }

    /// Whether a process that does nothing about it goes on.
    pub fn is_ignored_by_default(self) -> bool {
        matches!(self.name(), "CHLD" | "CONT" | "URG" | "WINCH")
    }
}
