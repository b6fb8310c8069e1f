//! A pod's kernel: its processes, open files and pipes, and the loop that steps them on virtual time.

pub mod cpu;
pub mod desk;
pub mod environment;
pub mod files;
pub mod log;
pub mod mounts;
pub mod node_view;
pub mod pids;
mod proc_fs;
pub mod process;
pub mod program;
mod run;
pub mod session;
pub mod signal;
pub mod sys;
mod sys_fs;
mod turns;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use files::{Input, OpenOptions};
pub use pids::{NodePids, Pids};
pub use process::{Pid, Process, Status};
pub use program::{Fd, Program, Turn, Wait};
pub use signal::Signal;
pub use sys::Sys;

use crate::api::Time;
use crate::machine::disk::{Disk, DiskId};
use crate::machine::net::Outside;
use environment::Variables;
use files::{FileId, On, OpenFile, Pipe, PipeId, Session};
use log::Log;
use mounts::Mount;
use process::{Environment, State};

/// All disks that the sandboxes at hand have mounted.
#[derive(Debug, Clone, Default)]
pub struct Disks {
    /// The disks by name.
    pub all: BTreeMap<DiskId, Disk>,
    /// Those that were changed since they were saved.
    pub changed: std::collections::BTreeSet<DiskId>,
}

impl Disks {
    /// A disk. One that nobody laid down is empty and cannot be read.
    pub fn get(&self, id: &str) -> Option<&Disk> {
        self.all.get(id)
    }

    /// Takes over what another hand has, but for what is at this one already.
    pub fn absorb(&mut self, other: Disks) {
        for (id, disk) in other.all {
            self.all.entry(id).or_insert(disk);
        }
        self.changed.extend(other.changed);
    }

    /// A disk to change.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Disk> {
        let disk = self.all.get_mut(id)?;
        if !self.changed.contains(id) {
            self.changed.insert(id.to_string());
        }
        Some(disk)
    }
}

/// How a container is started.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// Its name in the pod.
    pub name: String,
    /// The image, by its full name.
    pub image: String,
    /// Entry point and arguments.
    pub args: Vec<String>,
    /// The environment.
    pub env: Variables,
    /// The working directory; made where it is missing.
    pub cwd: String,
    /// Its file systems; the first is the root.
    pub mounts: Vec<Mount>,
    /// User and group.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// Whether those groups that the image's `/etc/group` has the user in are added.
    pub image_groups: bool,
    /// Memory limit in bytes.
    pub memory_limit: Option<u64>,
    /// CPU limit in thousandths of a core.
    pub cpu_limit: Option<u64>,
    /// Whether standard input stays open for `attach`.
    pub stdin: bool,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Memory that is loaded on it from its start, and until when.
    pub pressed: Option<(u64, Time)>,
    /// Whose processes it sees.
    pub pids: Pids,
    /// Whether it may do what the node's root may.
    pub privileged: bool,
    /// Whether its root file system refuses writing.
    pub read_only_root: bool,
    /// What its kubelet keeps of it.
    pub kept: Kept,
}

/// A container that runs or has run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Container {
    /// The image, by its full name: it decides texts of errors and what `PATH` holds.
    pub image: String,
    /// Its file systems, in the order in which they were mounted.
    pub mounts: Arc<Vec<Mount>>,
    /// The environment that it began with: what `exec` gets.
    pub env: Environment,
    /// The working directory that it began with.
    pub cwd: String,
    /// User, group and other groups that it began with.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its other groups.
    pub groups: Arc<Vec<u32>>,
    /// Its first process, in the sandbox's numbers.
    pub first: Pid,
    /// The PID namespace that its processes are in: the name of the container that it began with, or none for one that
    /// all containers of the pod share.
    pub pids: String,
    /// Whether it may do what the node's root may.
    pub privileged: bool,
    /// The next number in the PID namespace that began with it.
    pub next_local: Pid,
    /// When it began.
    pub started: Time,
    /// How and when it ended.
    pub ended: Option<Ended>,
    /// Memory limit in bytes.
    pub memory_limit: Option<u64>,
    /// CPU limit in thousandths of a core.
    pub cpu_limit: Option<u64>,
    /// The processor time that its ended processes used, in milliseconds.
    pub cpu: u64,
    /// The same of all, by slots of time.
    pub(super) usage: cpu::Usage,
    /// What it uses while it has nothing to do, and for a request.
    pub(super) resting: super::images::Resting,
    /// Until when it has requests to answer.
    pub(super) busy_until: Time,
    /// Memory that was loaded on it, and until when.
    pub(super) pressed: Option<(u64, Time)>,
    /// The session of its standard input, where that is kept open.
    pub session: Option<u32>,
    /// Whether its memory ran out.
    pub oom: bool,
    /// What its kubelet keeps of it.
    pub kept: Kept,
}

impl Container {
    /// Whether its kubelet has something to do where a process has ended: it is this container's first, or that of a
    /// probe or a hook.
    pub fn concerns_kubelet(&self) -> bool {
        let kept = &self.kept;
        let probed = kept.probes.values().any(|p| p.runs.is_some());
        self.ended.is_some() || probed || kept.post_start.is_some() || kept.stopping.is_some()
    }
}

/// What a kubelet keeps of a container as long as that lasts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The runtime's number of it, 64 hex digits.
    pub id: String,
    /// How often it was started anew.
    pub restarts: i32,
    /// Whether its readiness probe succeeded, or it has none.
    pub is_ready: bool,
    /// Whether its startup probe succeeded, or it has none, and its postStart hook is through.
    pub has_started: bool,
    /// Its probes: `startup`, `readiness`, `liveness`.
    pub probes: BTreeMap<String, Probing>,
    /// How it is being stopped.
    pub stopping: Option<Stopping>,
    /// How far its postStart hook is; none once that is through.
    pub post_start: Option<PostStart>,
}

/// How far a postStart hook is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PostStart {
    /// It runs, as that process in that session.
    Runs(Pid, u32),
    /// It sleeps until then.
    Sleeps(Time),
    /// It failed, with what the kubelet says of that, so the container is being stopped.
    Failed(String),
}

/// How far a probe is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Probing {
    /// When it is due next.
    pub next: Time,
    /// Whether its last results were successes.
    pub succeeds: bool,
    /// How many results in a row were so.
    pub in_a_row: u32,
    /// The process of an exec probe that has not ended, with its session and when it began.
    pub runs: Option<(Pid, u32, Time)>,
}

/// How a container is being stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopping {
    /// When it is killed.
    pub deadline: Time,
    /// The process of its preStop hook, with its session, or until when that sleeps.
    pub hook: Option<(Pid, u32)>,
    /// Until when its preStop hook sleeps.
    pub sleeps: Option<Time>,
    /// Whether its first process was sent the signal to stop.
    pub signalled: bool,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How its first process ended.
    pub status: Status,
    /// When.
    pub at: Time,
    /// Whether memory ran out.
    pub oom: bool,
}

/// Why a container could not start: the runtime's text, exit code 128 (127 where the command is missing).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError(pub String);

/// A pod's kernel.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sandbox {
    /// The pod's UID.
    pub id: String,
    /// The host name, as `hostname` prints it.
    pub hostname: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's IP address.
    pub ip: String,
    /// Whether it is in its node's network: what it speaks with on its own address lies outside.
    pub is_host: bool,
    /// The node that it runs on.
    pub node: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The seed of what is random in it.
    pub seed: u64,
    /// How many random numbers were drawn.
    pub drawn: u64,
    /// The kernel's time: never before the cluster's, and ahead of it by what processes have used.
    pub now: Time,
    /// Its processes by PID.
    pub processes: BTreeMap<Pid, Process>,
    /// Its containers by name.
    pub containers: BTreeMap<String, Container>,
    /// What each container has printed, the one before included.
    pub logs: BTreeMap<String, Log>,
    files: BTreeMap<FileId, OpenFile>,
    pipes: BTreeMap<PipeId, Pipe>,
    /// Sessions from outside by number.
    pub sessions: BTreeMap<u32, Session>,
    /// Ports that are listened on, with the process.
    pub listeners: BTreeMap<u16, Pid>,
    /// Connections of processes to elsewhere.
    pub connections: BTreeMap<u32, super::net::Connection>,
    /// Connections that processes were opened.
    pub accepted: BTreeMap<u64, super::net::Accepted>,
    /// Connections that processes have closed, and whose other ends are to be told.
    pub(super) hung_up: Vec<super::net::Connection>,
    /// Accepted connections of processes that have ended, whose other ends are to be told.
    pub(super) cut: Vec<u64>,
    /// The next number in the PID namespace that all containers share.
    next_shared: Pid,
    next_pid: Pid,
    next_file: FileId,
    next_pipe: PipeId,
    next_session: u32,
    pub(crate) next_connection: u32,
    /// The process that was stepped last: the next one has its turn.
    last: Pid,
    /// Ticks since time last moved.
    steps: u32,
    /// What the step that is being made takes beyond its own cost, in steps.
    #[serde(skip)]
    extra: u32,
    /// How much it has read of files and devices.
    #[serde(skip)]
    gulped: usize,
    /// How long it has been busy without a pause, in milliseconds.
    busy: u64,
    /// Since when nobody can go on.
    idle_since: Option<Time>,
    /// How often it goes on.
    pace: cpu::Pace,
    /// When what is being asked is answered.
    pub(super) answers_at: Time,
    /// How many requests the one stands for that is being answered.
    pub(super) serves: u32,
    /// Files that are locked by `flock`, by disk and inode: who holds them, and whether alone.
    locks: BTreeMap<String, (std::collections::BTreeSet<FileId>, bool)>,
    /// Named pipes that are open, by their disk and inode.
    named: BTreeMap<String, PipeId>,
    /// When the node that it runs on was started.
    pub booted: Time,
    /// What the node's runtime holds, for a sandbox that is allowed to ask it.
    pub node_view: Option<Box<node_view::NodeView>>,
    /// How often somebody at the other end of its connections was lost without a word: a node that is off, or back.
    pub disturbed: u64,
    /// How many containers and processes of sessions have ended.
    pub ends: u64,
    /// Processes that have ended and are to be taken off the table.
    gone: Vec<Pid>,
    /// What provisioners have said of themselves; whoever runs the sandbox takes it out.
    #[serde(skip)]
    pub told: Vec<super::images::provisioner::Provisions>,
    /// What programs want to have done outside, until that is done.
    #[serde(skip)]
    pub(super) asked: BTreeMap<Pid, super::tools::client::Asked>,
    /// How the processes of sessions ended; whoever asks takes it out.
    pub exited: BTreeMap<Pid, Status>,
}

impl Sandbox {
    /// A pod's kernel without processes.
    pub fn new(id: &str, hostname: &str, seed: u64, now: Time) -> Sandbox {
        Sandbox { id: id.to_string(), hostname: hostname.to_string(), seed, now, next_pid: 1, ..Sandbox::default() }
    }

    /// Whether any of its containers runs.
    pub fn runs(&self) -> bool {
        self.containers.values().any(|c| c.ended.is_none())
    }

    /// Whether nothing came of what was done since: no process, file or message more or less. Numbers that were given
    /// out meanwhile may be given out again.
    pub fn differs_by_counters_only(&self, mut before: Sandbox) -> bool {
        before.now = self.now;
        (before.next_pid, before.next_file, before.next_pipe) = (self.next_pid, self.next_file, self.next_pipe);
        (before.next_session, before.next_connection) = (self.next_session, self.next_connection);
        (before.next_shared, before.idle_since) = (self.next_shared, self.idle_since);
        (before.last, before.steps, before.busy, before.ends) = (self.last, self.steps, self.busy, self.ends);
        for (name, container) in &mut before.containers {
            if let Some(now) = self.containers.get(name) {
                container.next_local = now.next_local;
            }
        }
        let bytes = |sandbox: &Sandbox| postcard::to_stdvec(sandbox).ok();
        bytes(&before).is_some_and(|before| Some(before) == bytes(self))
    }

    /// Starts a container: its first process runs at the next step. Its log goes on where it was.
    ///
    /// # Errors
    /// The text of the container runtime, where the command cannot be executed.
    pub fn start_container(&mut self, spec: ContainerSpec, disks: &mut Disks, now: Time) -> Result<(), StartError> {
        self.now = self.now.max(now);
        let name = spec.name.clone();
        // Whatever is left of an earlier run of it ends.
        let left: Vec<Pid> = self.processes.iter().filter(|(_, p)| p.container == name).map(|(pid, _)| *pid).collect();
        left.into_iter().for_each(|pid| self.exit(pid, Status::Killed(Signal::KILL), disks));
        self.sweep();
        let of = name.clone();
        let resting = super::images::resting(&spec.image);
        let pids = self.join_pids(&name, spec.pids);
        let container = Container {
            image: spec.image,
            mounts: Arc::new(spec.mounts),
            env: Arc::new(spec.env),
            cwd: if spec.cwd.is_empty() { "/".into() } else { spec.cwd },
            uid: spec.uid,
            gid: spec.gid,
            groups: Arc::new(spec.groups),
            first: self.next_pid,
            pids,
            privileged: spec.privileged,
            next_local: 1,
            started: self.now,
            ended: None,
            memory_limit: spec.memory_limit,
            cpu_limit: spec.cpu_limit,
            cpu: 0,
            usage: cpu::Usage::default(),
            resting,
            busy_until: Time::default(),
            pressed: spec.pressed,
            session: None,
            oom: false,
            kept: spec.kept,
        };
        self.containers.insert(name.clone(), container);
        self.lay_out(&name, disks);
        self.logs.entry(name.clone()).or_default();
        let pid = self.spawn_in(&name, spec.args.clone(), 0);
        self.add_groups(&name, pid, spec.image_groups, disks);
        self.look_up_home(&name, pid, disks);
        let stdin = if spec.stdin || spec.tty {
            let session = self.open_session(spec.tty, spec.stdin);
            if let Some(session) = self.sessions.get_mut(&session) {
                session.hears = true;
            }
            if let Some(container) = self.containers.get_mut(&name) {
                container.session = Some(session);
            }
            On::Session(session, 0)
        } else {
            On::Device(super::disk::Device::Null)
        };
        let stdin = self.new_file(stdin, true, false);
        let (out, err) =
            (self.new_file(On::Log(name.clone(), 1), false, true), self.new_file(On::Log(name, 2), false, true));
        self.give_files(pid, [stdin, out, err]);
        let checked = self.check_command(pid, &spec.args, disks);
        if checked.is_err()
            && let Some(container) = self.containers.get_mut(&of)
        {
            container.ended = Some(Ended { status: Status::Code(128), at: self.now, oom: false });
        }
        checked
    }

    /// Gives a container's processes the groups that the runtime does: its own, and those of the image. Mirrors
    /// containerd's `WithAdditionalGIDs` and `ensureAdditionalGids`.
    fn add_groups(&mut self, name: &str, first: Pid, of_image: bool, disks: &mut Disks) {
        let in_image = match of_image {
            true => super::tools::image_groups(&mut Sys::new(self, disks, &mut super::net::Nowhere, first)),
            false => Vec::new(),
        };
        let Some(container) = self.containers.get_mut(name) else { return };
        let own = std::iter::once(container.gid).chain(container.groups.iter().copied());
        let all: std::collections::BTreeSet<u32> = own.chain(in_image).collect();
        container.groups = Arc::new(all.into_iter().collect());
        if let Some(process) = self.processes.get_mut(&first) {
            process.groups = container.groups.clone();
        }
    }

    /// Makes the folders that a container's file systems are mounted at, and its working directory.
    fn lay_out(&mut self, name: &str, disks: &mut Disks) {
        let everybody = walk::Walker { uid: 0, gid: 0, groups: &[] };
        let Some(container) = self.containers.get_mut(name) else { return };
        // A link of the image on the way to where something is mounted leads on: `/var/run` to `/run`.
        let root: Vec<Mount> = container.mounts.iter().take(1).cloned().collect();
        for mount in Arc::make_mut(&mut container.mounts).iter_mut().skip(1) {
            let mut at = String::new();
            for part in mount.at.split('/').filter(|p| !p.is_empty()) {
                at = match walk::walk(&root, disks, everybody, &format!("{at}/{part}"), true) {
                    Ok(found) => found.path,
                    Err(_) => format!("{at}/{part}"),
                };
            }
            mount.at = at;
        }
        let mounts = container.mounts.clone();
        let now = self.now;
        let is_file = |mount: &Mount| match &mount.what {
            mounts::Source::Disk(disk, ino) if *ino != 0 => {
                disks.get(disk).and_then(|d| d.get(*ino).ok()).is_some_and(|i| !i.is_dir())
            }
            _ => false,
        };
        let mut wanted: Vec<(String, bool)> = mounts.iter().map(|m| (m.at.clone(), is_file(m))).collect();
        wanted.push((container.cwd.clone(), false));
        for (path, is_file) in wanted {
            let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
            let mut at = String::new();
            for (n, part) in parts.iter().enumerate() {
                at = format!("{at}/{part}");
                // What is mounted there already hides what lies below: only what is missing is made.
                let Ok(found) = walk::walk(&mounts, disks, everybody, &at, true) else { break };
                let below = mounts.iter().any(|m| m.at == at);
                let (disk, dir) = match (&found.folder, &found.place) {
                    (mounts::Place::Inode(disk, dir), None) => (disk.clone(), *dir),
                    (mounts::Place::Inode(disk, dir), Some(_)) if below => (disk.clone(), *dir),
                    _ => continue,
                };
                let is_last = n + 1 == parts.len();
                let node = if is_file && is_last {
                    super::disk::Node::File(Default::default())
                } else {
                    super::disk::Node::Dir(Default::default())
                };
                let missing = disks.get(&disk).is_some_and(|d| d.lookup(dir, &found.name).is_err());
                if let (true, Some(disk)) = (missing, disks.get_mut(&disk)) {
                    let _ = disk.create(dir, &found.name, super::disk::Inode::new(node, 0o755, (0, 0), now));
                }
            }
        }
    }

    /// Tells the servers in it that the network around it has changed: those that watch over others look after them.
    pub fn disturb(&mut self) {
        self.disturbed += 1;
        for process in self.processes.values_mut() {
            if matches!((&process.state, &process.program), (State::Waits(_), Some(Program::Server(_)))) {
                process.state = State::Ready;
            }
        }
    }

    /// Starts a command in a running container, its streams those of a session (`kubectl exec`). Both are handed back.
    ///
    /// # Errors
    /// The text of the container runtime, where the command cannot be executed.
    pub fn exec(
        &mut self,
        container: &str,
        args: Vec<String>,
        (stdin, tty): (bool, bool),
        disks: &mut Disks,
        now: Time,
    ) -> Result<(Pid, u32), StartError> {
        self.now = self.now.max(now);
        if !self.is_running(container) {
            return Err(StartError(format!("container not running ({container})")));
        }
        let pid = self.spawn_in(container, args.clone(), 0);
        let session = self.open_session(tty, stdin);
        let files = [
            self.new_file(On::Session(session, 0), true, false),
            self.new_file(On::Session(session, 1), false, true),
            self.new_file(On::Session(session, if tty { 1 } else { 2 }), false, true),
        ];
        self.give_files(pid, files);
        if tty {
            if let Some(process) = self.processes.get_mut(&pid) {
                Arc::make_mut(&mut process.env).name_terminal();
            }
        }
        self.check_command(pid, &args, disks).map(|()| (pid, session))
    }

    /// A new session whose standard input is open or at its end.
    pub fn open_session(&mut self, tty: bool, stdin: bool) -> u32 {
        self.next_session += 1;
        let session = Session { tty, stdin_open: stdin, size: (80, 24), ..Session::default() };
        self.sessions.insert(self.next_session, session);
        self.next_session
    }

    /// A process of a container that is not stepped yet, without files.
    fn spawn_in(&mut self, container: &str, args: Vec<String>, parent: Pid) -> Pid {
        let pid = self.next_pid;
        self.next_pid += 1;
        let started = self.now;
        let local = self.next_local(container);
        let Some(of) = self.containers.get(container) else { return 0 };
        let process = Process {
            parent,
            container: container.to_string(),
            local,
            group: pid,
            args: args.clone(),
            env: of.env.clone(),
            cwd: of.cwd.clone(),
            uid: of.uid,
            gid: of.gid,
            groups: of.groups.clone(),
            umask: 0o022,
            fds: BTreeMap::new(),
            dispositions: BTreeMap::new(),
            caught: Default::default(),
            program: Some(Program::Command(args)),
            state: State::Ready,
            unsent: Vec::new(),
            started,
            cpu: 0,
            spins: None,
            memory: 0,
            exiting: None,
            root: None,
            effort: 0,
            ran: self.now,
            busy_until: Time::default(),
            from_outside: parent == 0,
        };
        self.processes.insert(pid, process);
        pid
    }

    /// What an open file is.
    pub fn file_on(&self, id: FileId) -> Option<&On> {
        self.files.get(&id).map(|f| &f.on)
    }

    fn new_file(&mut self, on: On, read: bool, write: bool) -> FileId {
        self.next_file += 1;
        let file = OpenFile { on, offset: 0, read, write, append: false, count: 0, path: String::new() };
        self.files.insert(self.next_file, file);
        self.next_file
    }

    fn give_files(&mut self, pid: Pid, files: [FileId; 3]) {
        for (fd, id) in files.into_iter().enumerate() {
            if let Some(file) = self.files.get_mut(&id) {
                file.count += 1;
            }
            if let Some(process) = self.processes.get_mut(&pid) {
                process.fds.insert(fd as Fd, id);
            }
        }
    }

    /// Refuses what the runtime refuses before a process exists; the process is taken back.
    fn check_command(&mut self, pid: Pid, args: &[String], disks: &mut Disks) -> Result<(), StartError> {
        let found = {
            let mut nowhere = super::net::Nowhere;
            let mut sys = Sys::new(self, disks, &mut nowhere, pid);
            super::tools::runtime_check(&mut sys, args)
        };
        if found.is_err() {
            self.close_all(pid, disks);
            self.processes.remove(&pid);
        }
        found
    }

    /// Sends a signal to a container's first process, as the runtime does to stop it.
    pub fn signal_container(&mut self, container: &str, signal: Signal, disks: &mut Disks, now: Time) {
        self.now = self.now.max(now);
        let first = self.containers.get(container).filter(|c| c.ended.is_none()).map(|c| c.first);
        if let Some(first) = first {
            self.deliver(first, signal, disks, true);
            self.sweep();
        }
    }

    /// Kills a process, as the runtime does with one of a session.
    pub fn kill_process(&mut self, pid: Pid, disks: &mut Disks) {
        self.deliver(pid, Signal::KILL, disks, true);
        self.sweep();
    }

    /// The disks that its containers have mounted.
    pub fn disks_in_use(&self) -> std::collections::BTreeSet<DiskId> {
        let roots = self.processes.values().filter_map(|p| p.root.as_ref()).flat_map(|root| root.iter());
        let mounts = self.containers.values().flat_map(|c| c.mounts.iter()).chain(roots);
        let of = |mount: &Mount| match &mount.what {
            mounts::Source::Disk(id, _) => Some(id.clone()),
            mounts::Source::Proc | mounts::Source::Sys => None,
        };
        mounts.filter_map(of).chain([log::disk_of(&self.id)]).collect()
    }

    /// Whether a container's first process runs.
    pub fn is_running(&self, container: &str) -> bool {
        self.containers.get(container).is_some_and(|c| c.ended.is_none())
    }

    /// Runs all processes until the horizon, or until a container or a session's process ends.
    pub fn run(&mut self, disks: &mut Disks, outside: &mut dyn Outside, horizon: Time) -> run::Ran {
        run::run(self, disks, outside, horizon)
    }

    /// A random number, the same in each run of the cluster.
    pub fn random(&mut self) -> u64 {
        self.drawn += 1;
        let mut z = self.seed.wrapping_add(self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

pub use run::Ran;
