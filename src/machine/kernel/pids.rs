//! PID namespaces: whose processes a container sees, and how they are numbered there.

use std::sync::Arc;

use super::mounts::Mount;
use super::process::{Pid, Process, State};
use super::program::Wait;
use super::{Disks, Sandbox, Sys, walk};
use crate::api::Time;
use crate::machine::errno::Errno;
use crate::machine::kernel::mounts::{Place, Source};

/// Whose processes a container sees. Mirrors the CRI's `NamespaceMode`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pids {
    /// Its own only.
    #[default]
    Own,
    /// Those of that container, too.
    Of(String),
    /// Those of all containers of the pod; the sandbox's pause is the first.
    Pod,
    /// Those of the node.
    Node(NodePids),
}

/// What runs on a node beside its pods' containers, as a pod of the node's own PID namespace sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodePids {
    /// User and command line of each, the first being PID 1.
    pub running: Vec<(u32, Vec<String>)>,
    /// The file systems that they see.
    pub mounts: Vec<Mount>,
}

/// What a process sees that is of no container: nothing.
const NOTHING: &str = "";

impl Sys<'_> {
    /// Makes a folder the process's root, as `chroot(2)` does.
    ///
    /// # Errors
    /// `EPERM` for all but root, and as the walk.
    pub fn change_root(&mut self, folder: &str) -> Result<(), Errno> {
        let process = self.process();
        let who = walk::Walker { uid: process.uid, gid: process.gid, groups: &process.groups };
        let mounts = below(self.mounts(), self.disks, who, &walk::absolute(&process.cwd, folder))?;
        if process.uid != 0 {
            return Err(Errno::Perm);
        }
        let process = self.process_mut();
        (process.root, process.cwd) = (Some(Arc::new(mounts)), "/".into());
        Ok(())
    }

    /// Enters the file systems of another process, as `setns(2)` does with a mount namespace.
    ///
    /// # Errors
    /// `ESRCH`, and `EPERM` for whom may not.
    pub fn enter_mounts(&mut self, local: Pid) -> Result<(), Errno> {
        let of = self.sandbox.processes.values().find(|p| p.local == local && self.sees(p)).ok_or(Errno::NoProcess)?;
        let mounts = self.sandbox.mounts_of(of);
        if !self.container().privileged || self.process().uid != 0 {
            return Err(Errno::Perm);
        }
        let process = self.process_mut();
        (process.root, process.cwd) = (Some(mounts), "/".into());
        Ok(())
    }
}

impl Sandbox {
    /// Has a container join a PID namespace; the name of that.
    pub(super) fn join_pids(&mut self, container: &str, pids: Pids) -> String {
        match pids {
            Pids::Own => container.to_string(),
            Pids::Of(target) if self.is_running(&target) => self.pids_of(&target).to_string(),
            Pids::Of(_) => container.to_string(),
            Pids::Pod => {
                if self.next_shared == 0 {
                    self.plant(65535, vec!["/pause".into()], None);
                }
                NOTHING.into()
            }
            Pids::Node(node) => {
                if self.next_shared == 0 {
                    let root = Arc::new(node.mounts);
                    for (uid, args) in node.running {
                        self.plant(uid, args, Some(root.clone()));
                    }
                }
                NOTHING.into()
            }
        }
    }

    /// The PID namespace of a container.
    pub fn pids_of(&self, container: &str) -> &str {
        self.containers.get(container).map_or(NOTHING, |c| &c.pids)
    }

    /// The next number in the PID namespace of a container.
    pub(super) fn next_local(&mut self, container: &str) -> Pid {
        let pids = self.pids_of(container).to_string();
        let next = match self.containers.get_mut(&pids) {
            Some(first) if !pids.is_empty() => &mut first.next_local,
            _ => &mut self.next_shared,
        };
        *next = (*next).max(1) + 1;
        *next - 1
    }

    /// A process that is of no container, and only there to be seen.
    fn plant(&mut self, uid: u32, args: Vec<String>, root: Option<Arc<Vec<Mount>>>) {
        let local = self.next_shared.max(1);
        self.next_shared = local + 1;
        let pid = self.next_pid;
        self.next_pid += 1;
        let process = Process {
            parent: 0,
            container: NOTHING.into(),
            local,
            group: pid,
            args,
            env: Arc::default(),
            cwd: "/".into(),
            uid,
            gid: uid,
            groups: Arc::default(),
            umask: 0o022,
            fds: Default::default(),
            dispositions: Default::default(),
            caught: Default::default(),
            program: None,
            state: State::Waits(Wait::signal()),
            unsent: Vec::new(),
            started: self.now,
            cpu: 0,
            spins: None,
            memory: 0,
            exiting: None,
            root,
            effort: 0,
            ran: self.now,
            busy_until: Time::default(),
            from_outside: true,
        };
        self.processes.insert(pid, process);
    }

    /// The file systems that a process sees.
    pub(super) fn mounts_of(&self, process: &Process) -> Arc<Vec<Mount>> {
        let of = || self.containers.get(&process.container).map(|c| c.mounts.clone());
        process.root.clone().or_else(of).unwrap_or_default()
    }
}

/// The file systems as they are seen from a folder that becomes the root.
///
/// # Errors
/// As the walk; `ENOTDIR`.
fn below(mounts: &[Mount], disks: &Disks, who: walk::Walker<'_>, folder: &str) -> Result<Vec<Mount>, Errno> {
    let found = walk::walk(mounts, disks, who, folder, true)?;
    let Place::Inode(disk, ino) = found.place.ok_or(Errno::NoEnt)? else { return Err(Errno::NotDir) };
    if !disks.get(&disk).ok_or(Errno::Io)?.get(ino)?.is_dir() {
        return Err(Errno::NotDir);
    }
    let holds = |m: &&Mount| m.at == "/" || m.at == found.path || found.path.starts_with(&format!("{}/", m.at));
    let around = mounts.iter().filter(holds).max_by_key(|m| m.at.len()).ok_or(Errno::NoEnt)?;
    let mut all = vec![Mount { at: "/".into(), what: Source::Disk(disk, ino), ..around.clone() }];
    let prefix = format!("{}/", found.path.trim_end_matches('/'));
    let inner = mounts.iter().filter_map(|m| {
        let rest = m.at.strip_prefix(&prefix).filter(|rest| !rest.is_empty())?;
        Some(Mount { at: format!("/{rest}"), ..m.clone() })
    });
    all.extend(inner);
    Ok(all)
}
