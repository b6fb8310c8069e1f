//! What a process runs: a state machine that the kernel steps, and can put away between any two steps.

use serde::{Deserialize, Serialize};

use crate::api::Time;
use crate::machine::net::{Peer, Reply, Sent};
use crate::machine::{images, shell, tools};

use super::process::Status;
use super::sys::Sys;

/// The number of an open file of a process.
pub type Fd = u32;

/// What a process runs. All of it is data, so that a container outlives the command that stepped it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Program {
    /// A command that has not been looked up yet: the first step finds it in `PATH`, as `execvp` would.
    Command(Vec<String>),
    /// A command that was looked up, by its path.
    Found(String, Vec<String>),
    /// A shell.
    Shell(Box<shell::Shell>),
    /// A tool that lasts longer than one step.
    Tool(Box<tools::Running>),
    /// The process of an image: a server that answers.
    Server(Box<images::Server>),
}

/// What a program wants after a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Turn {
    /// It has more to do.
    Again,
    /// It cannot go on before one of those things happens.
    Wait(Wait),
    /// It is at its end.
    Exit(Status),
    /// It becomes another program, with its files as they are (`exec`).
    Exec(Vec<String>),
}

/// What ends a wait; any one of them. A caught signal always does. Nothing set: only a signal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// Something can be read from one of those: bytes, the end, or a connection.
    pub input: Vec<Fd>,
    /// That time has come.
    pub until: Option<Time>,
    /// A child has ended or stopped.
    pub child: bool,
}

impl Wait {
    /// Until something can be read from `fd`.
    pub fn input(fd: Fd) -> Wait {
        Wait { input: vec![fd], ..Wait::default() }
    }

    /// Until a time.
    pub fn until(time: Time) -> Wait {
        Wait { until: Some(time), ..Wait::default() }
    }

    /// Until a child has ended.
    pub fn child() -> Wait {
        Wait { child: true, ..Wait::default() }
    }

    /// For a signal only, as `pause` does.
    pub fn signal() -> Wait {
        Wait::default()
    }
}

impl Program {
    /// Does one bounded piece of work.
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self {
            Program::Command(args) => tools::exec(None, std::mem::take(args), sys, self),
            Program::Found(path, args) => {
                let (path, args) = (std::mem::take(path), std::mem::take(args));
                tools::exec(Some(path), args, sys, self)
            }
            Program::Shell(shell) => shell.step(sys),
            Program::Tool(tool) => tool.step(sys),
            Program::Server(server) => server.step(sys),
        }
    }

    /// Answers what happens on a connection to a port that it listens on.
    pub fn receive(&mut self, sys: &mut Sys<'_>, port: u16, peer: &Peer, sent: Sent<'_>) -> Reply {
        match self {
            Program::Server(server) => server.receive(sys, port, peer, sent),
            Program::Tool(tool) => tool.receive(sys, peer, sent),
            _ => Reply { close: true, ..Reply::default() },
        }
    }
}
