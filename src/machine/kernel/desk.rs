//! What somebody outside does for programs in it, and what a shell at its prompt waits for.

use super::process::{Pid, State};
use super::{Disks, Program, Sandbox};
use crate::machine::tools::client::{Answer, Asked};

/// A shell that waits for somebody to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prompt {
    /// Whether what was typed so far is the beginning of a command only.
    pub continued: bool,
    /// `$?`
    pub status: u8,
}

impl Sandbox {
    /// The next program that wants something done: from then on it waits for the answer.
    pub fn take_asked(&mut self) -> Option<(Pid, Asked)> {
        let processes = &self.processes;
        self.asked.retain(|pid, _| processes.contains_key(pid));
        let (pid, asked) = self.asked.iter_mut().find(|(_, asked)| !asked.taken)?;
        asked.taken = true;
        Some((*pid, Asked { input: std::mem::take(&mut asked.input), ..asked.clone() }))
    }

    /// Tells a program what came of what it asked; nothing happens where it has ended.
    pub fn answer(&mut self, pid: Pid, answer: Answer) {
        let Some(asked) = self.asked.get_mut(&pid) else { return };
        asked.answer = Some(answer);
        if let Some(process) = self.processes.get_mut(&pid)
            && matches!(process.state, State::Waits(_))
        {
            process.state = State::Ready;
        }
    }

    /// What a shell waits for, if it waits for somebody to type a command.
    pub fn prompt(&self, pid: Pid) -> Option<Prompt> {
        let process = self.processes.get(&pid)?;
        match (&process.program, &process.state) {
            (Some(Program::Shell(shell)), State::Waits(_)) => shell.prompted(),
            _ => None,
        }
    }

    /// Interrupts a shell and what it runs, as Ctrl-C at its terminal does: a loop ends with the command in it.
    pub fn break_off(&mut self, pid: Pid, disks: &mut Disks) {
        self.interrupt(pid, super::Signal::INT, disks);
    }
}
