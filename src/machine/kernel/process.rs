//! A process: what it runs, its open files, its signals and how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::Time;

use super::environment::Variables;
use super::files::FileId;
use super::mounts::Mount;
use super::program::{Fd, Program, Wait};
use super::signal::Signal;

/// The number of a process in its sandbox, unique among all containers of the pod.
pub type Pid = u32;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// By itself, with that code (0 to 255).
    Code(u8),
    /// Killed by a signal.
    Killed(Signal),
}

impl Status {
    /// The exit code that a shell and the container runtime give it: 128 and the signal's number for a killed one.
    pub fn code(self) -> i32 {
        match self {
            Status::Code(code) => i32::from(code),
            Status::Killed(signal) => 128 + signal.number(),
        }
    }
}

/// What a process does with a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Disposition {
    /// Nothing.
    Ignore,
    /// Its program looks at it.
    Catch,
}

/// Whether a process can be stepped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// It can.
    Ready,
    /// It waits.
    Waits(Wait),
    /// Stopped by SIGSTOP or SIGTSTP.
    Stopped,
    /// It has ended, and its parent has not asked yet.
    Zombie(Status),
}

/// The environment: shared by a process and its children until one of them changes it.
pub type Environment = Arc<Variables>;

/// One process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Process {
    /// Who started it; 0 for a container's first process and for what came from outside.
    pub parent: Pid,
    /// The container that it is in.
    pub container: String,
    /// Its number in its container's own PID namespace.
    pub local: Pid,
    /// The process group; kill of a negative PID reaches it.
    pub group: Pid,
    /// The command line, as `ps` shows it.
    pub args: Vec<String>,
    /// Exported variables.
    pub env: Environment,
    /// The working directory, absolute and without links.
    pub cwd: String,
    /// User and group.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its other groups: `supplementalGroups`, `fsGroup`.
    pub groups: Arc<Vec<u32>>,
    /// The permissions that new files do not get.
    pub umask: u32,
    /// Its open files.
    pub fds: BTreeMap<Fd, FileId>,
    /// What it does with signals, where that is not the default.
    pub dispositions: BTreeMap<Signal, Disposition>,
    /// Signals that it caught and has not looked at.
    pub caught: BTreeSet<Signal>,
    /// What it runs. None while it is stepped, and once it has ended.
    pub program: Option<Program>,
    /// Whether it can be stepped.
    pub state: State,
    /// What it wrote into pipes that are full: it goes on when all of it has been taken.
    pub unsent: Vec<(FileId, Vec<u8>)>,
    /// When it began.
    pub started: Time,
    /// The processor time that it has used, in milliseconds.
    pub cpu: u64,
    /// Since when it does nothing but use its processor.
    pub spins: Option<Time>,
    /// Memory that it holds, in bytes.
    pub memory: u64,
    /// How it ends once what it wrote has been taken.
    pub exiting: Option<Status>,
    /// The file systems that it sees since it changed its root folder; none for those of its container.
    pub root: Option<Arc<Vec<Mount>>>,
    /// How many steps it, and who started it, made without a rest.
    pub effort: u32,
    /// When it was stepped last.
    pub ran: Time,
    /// Until when it is busy with what its last step stands for.
    pub busy_until: Time,
    /// Whether it was started from outside of the container.
    pub from_outside: bool,
}
