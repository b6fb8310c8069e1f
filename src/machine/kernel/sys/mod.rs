//! The system calls: all that a program can do, as one process of one container.

mod calls;
mod change;
mod look;
mod open;

use std::sync::Arc;

use crate::api::Time;
use crate::machine::disk::{Device, DiskId, Ino, Inode, Node};
use crate::machine::errno::Errno;
use crate::machine::net::Outside;

use crate::machine::kernel::files::On;
use crate::machine::kernel::process::{Pid, Process};
use crate::machine::kernel::program::{Fd, Turn, Wait};
use crate::machine::kernel::{Disks, Sandbox, proc_fs};

/// What `stat` tells of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The disk that it is on; `proc` for `/proc`.
    pub disk: DiskId,
    /// Its number there.
    pub ino: Ino,
    /// What it is, without contents: files show as empty here.
    pub kind: Kind,
    /// The permission bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its length in bytes.
    pub size: u64,
    /// What it takes of its disk, in bytes.
    pub usage: u64,
    /// How many names it has.
    pub links: u32,
    /// When its contents changed last.
    pub modified: Time,
    /// Where a link leads.
    pub target: Option<String>,
    /// A device's major and minor number.
    pub device: (u32, u32),
}

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `-`
    File,
    /// `d`
    Dir,
    /// `l`
    Link,
    /// `p`
    Fifo,
    /// `s`
    Socket,
    /// `c`
    CharDevice,
    /// `b`
    BlockDevice,
}

/// Where a seek begins.
#[derive(Debug, Clone, Copy)]
pub enum Seek {
    /// At the beginning.
    Start(u64),
    /// At the position.
    Current(i64),
    /// At the end.
    End(i64),
}

/// What `statfs` tells of a mounted file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileSystem {
    /// The size of a block.
    pub block: u64,
    /// How many blocks there are.
    pub blocks: u64,
    /// How many are free.
    pub free: u64,
    /// How many of them a user can have.
    pub available: u64,
    /// How many inodes there are.
    pub files: u64,
    /// How many of them are free.
    pub free_files: u64,
}

/// How much one read gives at most.
const MAX_READ: usize = 1 << 20;

/// How much one step reads of files and devices at most.
const MAX_GULP: usize = 64 << 20;

/// The longest file that is read as a whole, in bytes.
const MAX_WHOLE: u64 = 256 << 20;

/// The size of a node's own disk in KiB, which is that of all disks without one.
const NODE_DISK: u64 = 263_174_212;

/// The memory of a node, in KiB.
pub const MEMORY: u64 = 8_048_128;

/// What a node's images and logs take of its disk, in KiB.
const NODE_USED: u64 = 11_534_336;

/// One process's view of its kernel.
pub struct Sys<'a> {
    /// The pod's kernel.
    pub sandbox: &'a mut Sandbox,
    /// The disks that are mounted.
    pub disks: &'a mut Disks,
    /// The network and the API server.
    pub outside: &'a mut dyn Outside,
    /// The process, in the sandbox's numbers.
    pub pid: Pid,
}

impl<'a> Sys<'a> {
    /// The system calls of a process.
    pub fn new(sandbox: &'a mut Sandbox, disks: &'a mut Disks, outside: &'a mut dyn Outside, pid: Pid) -> Sys<'a> {
        Sys { sandbox, disks, outside, pid }
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.sandbox.now
    }

    /// The nanoseconds since the last millisecond; they grow with the steps that are made.
    pub fn nanos(&self) -> u32 {
        let steps = self.sandbox.steps / 2 % 50;
        let noise = (self.sandbox.seed ^ self.now().0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50;
        steps * 20_000 + (noise as u32 + steps * 37) % 20_000
    }

    /// What an open file of a process of the container is called in `/proc/PID/fd`.
    pub fn stat_link(&self, pid: Pid, fd: Fd) -> Option<String> {
        match proc_fs::look(self, &format!("/{pid}/fd/{fd}")) {
            Ok(proc_fs::Entry::Link(to)) => Some(to),
            _ => None,
        }
    }

    /// The process itself.
    ///
    /// # Panics
    /// Never: a process that is stepped is in the table.
    pub fn process(&self) -> &Process {
        &self.sandbox.processes[&self.pid]
    }

    /// The process itself, to change.
    #[allow(clippy::missing_panics_doc)]
    pub fn process_mut(&mut self) -> &mut Process {
        self.sandbox.processes.get_mut(&self.pid).expect("the process that is stepped")
    }

    /// The container that the process is in.
    pub fn container(&self) -> &super::Container {
        &self.sandbox.containers[&self.process().container]
    }

    /// Whether a process is in the same PID namespace.
    pub fn sees(&self, other: &Process) -> bool {
        self.sandbox.pids_of(&self.process().container) == self.sandbox.pids_of(&other.container)
    }

    /// The full name of the container's image.
    pub fn image(&self) -> &str {
        &self.container().image
    }

    /// An environment variable.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.process().env.get(name).map(String::as_str)
    }

    /// Sets or (with none) removes an environment variable.
    pub fn set_env(&mut self, name: &str, value: Option<String>) {
        let env = Arc::make_mut(&mut self.process_mut().env);
        match value {
            Some(value) => env.insert(name.to_string(), value),
            None => env.remove(name),
        };
    }

    /// The process's number in its container.
    pub fn getpid(&self) -> Pid {
        self.process().local
    }

    /// The parent's number in the container; 0 where the parent is outside.
    pub fn getppid(&self) -> Pid {
        // An orphan is the first process's child.
        if self.process().parent == 0 && !self.process().from_outside {
            return 1;
        }
        self.sandbox.processes.get(&self.process().parent).map_or(0, |p| p.local)
    }

    /// How an error is said by the C library of the container's image.
    pub fn text(&self, errno: Errno) -> &'static str {
        if crate::machine::images::has_musl(self.image()) { errno.musl_text() } else { errno.text() }
    }

    /// Whose tools the container's image holds.
    pub fn userland(&self) -> crate::machine::images::Userland {
        crate::machine::images::userland(self.image())
    }

    /// A random number, the same in each run of the cluster.
    pub fn random(&mut self) -> u64 {
        self.sandbox.random()
    }

    /// Uses the processor for so long to answer who asks.
    pub fn burn(&mut self, millis: u64) {
        self.sandbox.burn(self.pid, millis);
    }

    /// Has the process do nothing but use its processor until a time, or for ever. It costs no steps.
    pub fn spin(&mut self, until: Option<Time>) -> Turn {
        let now = self.sandbox.now;
        self.process_mut().spins = Some(now);
        Turn::Wait(Wait { until, ..Wait::default() })
    }

    /// Takes more memory than a node has, as who gathers what never ends does: its container is killed for that.
    pub fn exhaust(&mut self) -> Wait {
        self.set_memory((MEMORY << 10) + 1);
        Wait::signal()
    }

    /// How much memory the process holds, in bytes; too much for its container gets it killed.
    pub fn set_memory(&mut self, bytes: u64) {
        self.process_mut().memory = bytes;
    }
}

/// The stream that an open file of a session is.
fn session_stream(on: &On) -> u8 {
    match on {
        On::Session(_, stream) => *stream,
        _ => 0,
    }
}

fn stat_inode(disk: &str, ino: Ino, inode: &Inode) -> Stat {
    let kind = match &inode.node {
        Node::File(_) => Kind::File,
        Node::Dir(_) => Kind::Dir,
        Node::Link(_) => Kind::Link,
        Node::Fifo => Kind::Fifo,
        Node::Socket => Kind::Socket,
        Node::Device(Device::Block) => Kind::BlockDevice,
        Node::Device(_) => Kind::CharDevice,
    };
    let target = match &inode.node {
        Node::Link(to) => Some(to.clone()),
        _ => None,
    };
    Stat {
        disk: disk.to_string(),
        ino,
        kind,
        mode: inode.mode,
        uid: inode.uid,
        gid: inode.gid,
        size: inode.len(),
        usage: inode.disk_usage(),
        links: inode.links,
        modified: inode.modified,
        target,
        device: match &inode.node {
            Node::Device(device) => device.numbers(),
            _ => (0, 0),
        },
    }
}
