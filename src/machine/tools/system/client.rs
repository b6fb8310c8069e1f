//! A program whose work is done outside of the machine, as `kubectl`'s is at a desk: it hands over its words and what it
//! reads, and puts out what it is given.

use serde::{Deserialize, Serialize};

use crate::machine::kernel::{Input, Status, Sys, Turn, Wait};
use crate::machine::tools::{Running, Started};

/// What the binary holds.
pub const NAME: &str = "client";

/// The most that is read of the standard input, in bytes.
const MAX_INPUT: usize = 16 << 20;

/// The verbs that give a process in a container what they read.
const STREAMING: [&str; 4] = ["exec", "attach", "run", "debug"];

/// What such a program wants to have done.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Its words; the first is the name that it was called by.
    pub args: Vec<String>,
    /// What it has read.
    pub input: Vec<u8>,
    /// Whether it reads and writes a terminal.
    pub terminal: bool,
    /// Whether somebody has taken it up.
    pub taken: bool,
    /// What came of it.
    pub answer: Option<Answer>,
}

/// What was done for such a program.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// What it puts out in order, and whether as an error.
    pub output: Vec<(bool, String)>,
    /// Its exit code.
    pub code: u8,
}

/// Such a program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Client {
    args: Vec<String>,
    input: Vec<u8>,
    reads: bool,
    has_asked: bool,
}

/// Starts one.
pub fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let streams = args.get(1..).unwrap_or_default().iter().any(|w| STREAMING.contains(&w.as_str()));
    let is_stdin = |word: &String| {
        let short = !word.starts_with("--") && word.len() <= 4 && word.starts_with('-') && word.contains('i');
        short || word == "--stdin" || word == "--stdin=true"
    };
    let mut own = args.iter().skip(1).take_while(|word| *word != "--");
    let reads = match streams && !sys.is_tty(0) {
        true => own.any(is_stdin),
        false => own.any(|word| word == "-" || word == "-f-" || word.ends_with("=-") && !word.starts_with("-l")),
    };
    let client = Client { args: args.to_vec(), input: Vec::new(), reads, has_asked: false };
    Started::Runs(Running::System(super::Running::Client(Box::new(client))))
}

impl Client {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        while self.reads {
            match sys.read(0, 65536) {
                Ok(Input::Bytes(bytes)) if self.input.len() + bytes.len() <= MAX_INPUT => self.input.extend(bytes),
                Ok(Input::Wait) => return Turn::Wait(Wait::input(0)),
                Ok(_) | Err(_) => self.reads = false,
            }
        }
        let pid = sys.pid;
        if !self.has_asked {
            self.has_asked = true;
            let terminal = sys.is_tty(0) && sys.is_tty(1);
            let (args, input) = (self.args.clone(), std::mem::take(&mut self.input));
            sys.sandbox.asked.insert(pid, Asked { args, input, terminal, ..Asked::default() });
            return Turn::Wait(Wait::signal());
        }
        let Some(answer) = sys.sandbox.asked.get_mut(&pid).and_then(|asked| asked.answer.take()) else {
            return Turn::Wait(Wait::signal());
        };
        sys.sandbox.asked.remove(&pid);
        for (is_error, text) in answer.output {
            if sys.write(if is_error { 2 } else { 1 }, text.as_bytes()).is_err() || sys.is_dead() {
                break;
            }
        }
        Turn::Exit(Status::Code(answer.code))
    }
}
