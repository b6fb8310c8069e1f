//! The pods that run and their disks: taken from the file as they are asked for, and put back when a command ends.

use std::collections::{BTreeMap, BTreeSet};

use elsa::FrozenBTreeMap;
use serde::{Deserialize, Serialize};

use super::Store;
use super::sqlite::{Blob, Db};
use crate::api::Time;
use crate::error::ApiError;
use crate::machine::disk::saved;
use crate::machine::disk::{Disk, DiskId};
use crate::machine::kernel::{Disks, Sandbox, Sys};
use crate::machine::net::{Nowhere, Reply};

/// By how many times more of the file is looked at where what came first is in memory already.
const PIECE: usize = 64;

/// The way of a connection between two pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The uid of the pod that opened it.
    pub from: String,
    /// The uid of the pod that listens.
    pub to: String,
    /// The port there.
    pub port: u16,
    /// Whether its ends speak TLS: for what the API server reads itself.
    pub secured: bool,
    /// What came to the API server and is no whole request yet.
    pub unread: Vec<u8>,
}

/// The connections between pods, and how many there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Routes {
    counted: u64,
    open: BTreeMap<u64, Route>,
}

/// The blob of the connections.
const ROUTES: &str = "routes";

/// Sandboxes and disks by name. What was only looked at lies beside what was changed.
#[derive(Default)]
pub(super) struct Machines {
    sandboxes: BTreeMap<String, Sandbox>,
    changed: BTreeSet<String>,
    removed: BTreeSet<String>,
    /// Those that run just now: what the file says of them does not hold.
    taken: BTreeSet<String>,
    /// When those in memory want to go on.
    wakes: BTreeSet<(Time, String)>,
    due: BTreeMap<String, Time>,
    disks: Disks,
    removed_disks: BTreeSet<DiskId>,
    seen: FrozenBTreeMap<String, Box<Option<Sandbox>>>,
    seen_disks: FrozenBTreeMap<DiskId, Box<Option<Disk>>>,
    /// When the first of those that are in the file only wants to go on; none before anybody asked.
    first_in_file: Option<Option<Time>>,
    /// What was said on connections from outside of the cluster, until somebody takes it.
    pushed: BTreeMap<u64, Vec<Reply>>,
    /// The connections, once somebody asked, and whether they were changed.
    routes: Option<Routes>,
    routes_changed: bool,
}

fn sandbox_blob(uid: &str) -> String {
    format!("sandbox/{uid}")
}

fn disk_blob(id: &str) -> String {
    format!("disk/{id}")
}

/// The most that a pod's processes may take in the file, in bytes. What takes more is lost, as after a crash of its node.
const MAX_SANDBOX: usize = 256 << 20;

/// Which form of processes the file holds. To be raised with each change to what a `Sandbox` holds.
const FORM: u8 = 6;

/// The processes of a pod. Those of another form than ours, which another version of kstate left, are as lost as after
/// a crash of their node: their kubelet starts the containers anew.
fn decode_sandbox(uid: &str, blob: &Blob) -> Result<Option<Sandbox>, ApiError> {
    let Some((&FORM, value)) = blob.value.split_first() else { return Ok(None) };
    postcard::from_bytes(value)
        .map(Some)
        .map_err(|e| ApiError::internal(format!("the processes of pod {uid} are damaged: {e}")))
}

fn read_sandbox(db: &Db, uid: &str) -> Result<Option<Sandbox>, ApiError> {
    db.blob(&sandbox_blob(uid))?.map_or(Ok(None), |blob| decode_sandbox(uid, &blob))
}

/// Whether the file holds those processes already, and when they want to go on.
fn is_as_in_file(db: &Db, sandbox: &Sandbox, due: Option<Time>) -> Result<bool, ApiError> {
    let Some(blob) = db.blob(&sandbox_blob(&sandbox.id))?.filter(|blob| blob.wake == due) else { return Ok(false) };
    let before = decode_sandbox(&sandbox.id, &blob)?;
    Ok(before.is_some_and(|before| sandbox.differs_by_counters_only(before)))
}

fn read_disk(db: &Db, id: &str) -> Result<Option<Disk>, ApiError> {
    let Some(blob) = db.blob(&disk_blob(id))? else { return Ok(None) };
    let disk = saved::load(&blob.value, &mut |hash| db.content(hash).ok());
    disk.map(Some).ok_or_else(|| ApiError::internal(format!("the disk {id} is damaged")))
}

impl Store {
    /// A pod's kernel, to look at.
    pub fn sandbox(&self, uid: &str) -> Option<&Sandbox> {
        let machines = &self.machines;
        if machines.removed.contains(uid) {
            return None;
        }
        if let Some(sandbox) = machines.sandboxes.get(uid) {
            return Some(sandbox);
        }
        if let Some(seen) = machines.seen.get(uid) {
            return seen.as_ref();
        }
        let read = self.read(read_sandbox(&self.db, uid));
        machines.seen.insert(uid.to_string(), Box::new(read)).as_ref()
    }

    /// Whether a pod has a kernel, without reading it.
    pub fn has_sandbox(&self, uid: &str) -> bool {
        let machines = &self.machines;
        !machines.removed.contains(uid)
            && (machines.sandboxes.contains_key(uid) || self.read(self.db.has_blob(&sandbox_blob(uid))))
    }

    /// Has a pod's kernel, if it has one, do something, and wake up at a time.
    pub fn with_sandbox<T>(
        &mut self,
        uid: &str,
        wake: Time,
        work: impl FnOnce(&mut Sandbox, &mut Disks) -> T,
    ) -> Option<T> {
        let mut sandbox = self.take_sandbox(uid)?;
        let answer = work(&mut sandbox, &mut self.machines.disks);
        self.put_sandbox(sandbox, Some(wake));
        Some(answer)
    }

    /// Does something as the first process of a container does it; none where that has ended.
    pub fn as_container<T>(
        &mut self,
        uid: &str,
        container: &str,
        now: Time,
        work: impl FnOnce(&mut Sys<'_>) -> T,
    ) -> Option<T> {
        let mut sandbox = self.take_sandbox(uid)?;
        sandbox.now = sandbox.now.max(now);
        let runs = sandbox.containers.get(container).filter(|c| c.ended.is_none());
        let first = runs.map(|c| c.first).filter(|pid| sandbox.processes.contains_key(pid));
        let answer = first.map(|pid| {
            let mut outside = Nowhere;
            work(&mut Sys::new(&mut sandbox, &mut self.machines.disks, &mut outside, pid))
        });
        self.put_sandbox(sandbox, Some(now));
        answer
    }

    /// A disk, to look at.
    pub fn disk(&self, id: &str) -> Option<&Disk> {
        let machines = &self.machines;
        if machines.removed_disks.contains(id) {
            return None;
        }
        if let Some(disk) = machines.disks.get(id) {
            return Some(disk);
        }
        if let Some(seen) = machines.seen_disks.get(id) {
            return seen.as_ref();
        }
        let read = self.read(read_disk(&self.db, id));
        machines.seen_disks.insert(id.to_string(), Box::new(read)).as_ref()
    }

    /// The names of the disks that begin with a prefix, those of this command included.
    pub fn disk_names(&self, prefix: &str) -> Vec<DiskId> {
        let stored: Vec<String> = self.read(self.db.blob_names(&disk_blob(prefix)));
        let mut names: BTreeSet<DiskId> =
            stored.iter().filter_map(|n| n.strip_prefix("disk/")).map(String::from).collect();
        // OBSERVATION: each pod that goes asks for its own, among those of all pods.
        let here = self.machines.disks.all.range(prefix.to_string()..).map(|(name, _)| name);
        names.extend(here.take_while(|name| name.starts_with(prefix)).cloned());
        names.retain(|n| !self.machines.removed_disks.contains(n));
        names.into_iter().collect()
    }

    /// A pod's kernel to run, taken out of the store: `put_sandbox` brings it back. Its disks are at hand then.
    pub fn take_sandbox(&mut self, uid: &str) -> Option<Sandbox> {
        if self.machines.removed.contains(uid) {
            return None;
        }
        if !self.machines.sandboxes.contains_key(uid) {
            let sandbox = self.read(read_sandbox(&self.db, uid))?;
            self.take_into_memory(sandbox, None);
        }
        if let Some(due) = self.machines.due.remove(uid) {
            self.machines.wakes.remove(&(due, uid.to_string()));
        }
        self.machines.taken.insert(uid.to_string());
        self.machines.sandboxes.remove(uid)
    }

    fn take_into_memory(&mut self, sandbox: Sandbox, wake: Option<Time>) {
        for id in sandbox.disks_in_use() {
            self.have_disk(&id);
        }
        let uid = sandbox.id.clone();
        self.machines.seen.as_mut().remove(&uid);
        if let Some(wake) = wake {
            self.machines.wakes.insert((wake, uid.clone()));
            self.machines.due.insert(uid.clone(), wake);
        }
        self.machines.sandboxes.insert(uid, sandbox);
    }

    /// Brings a pod's kernel back, and says when it wants to go on.
    pub fn put_sandbox(&mut self, sandbox: Sandbox, wake: Option<Time>) {
        let uid = sandbox.id.clone();
        let machines = &mut self.machines;
        machines.seen.as_mut().remove(&uid);
        machines.removed.remove(&uid);
        machines.taken.remove(&uid);
        machines.changed.insert(uid.clone());
        if let Some(old) = machines.due.remove(&uid) {
            machines.wakes.remove(&(old, uid.clone()));
        }
        if let Some(wake) = wake {
            machines.wakes.insert((wake, uid.clone()));
            machines.due.insert(uid.clone(), wake);
        }
        machines.sandboxes.insert(uid, sandbox);
    }

    /// Removes a pod's kernel.
    pub fn remove_sandbox(&mut self, uid: &str) {
        let machines = &mut self.machines;
        machines.seen.as_mut().remove(uid);
        machines.sandboxes.remove(uid);
        machines.changed.remove(uid);
        if let Some(due) = machines.due.remove(uid) {
            machines.wakes.remove(&(due, uid.to_string()));
        }
        machines.removed.insert(uid.to_string());
    }

    /// Has a disk at hand, to be changed; false where there is none.
    pub fn have_disk(&mut self, id: &str) -> bool {
        if self.machines.removed_disks.contains(id) {
            return false;
        }
        if self.machines.disks.all.contains_key(id) {
            return true;
        }
        self.machines.seen_disks.as_mut().remove(id);
        match self.read(read_disk(&self.db, id)) {
            Some(disk) => {
                self.machines.disks.all.insert(id.to_string(), disk);
                true
            }
            None => false,
        }
    }

    /// Puts a new disk in, unless it is there.
    pub fn add_disk(&mut self, id: &str, make: impl FnOnce() -> Disk) {
        if !self.have_disk(id) {
            self.machines.seen_disks.as_mut().remove(id);
            self.machines.removed_disks.remove(id);
            self.machines.disks.all.insert(id.to_string(), make());
            self.machines.disks.changed.insert(id.to_string());
        }
    }

    /// Makes a disk of another one's contents, as they are, with a size of its own. An empty one is made when it is needed.
    pub fn copy_disk(&mut self, from: &str, to: &str, size: u64) {
        if !self.have_disk(from) {
            return;
        }
        let copy = self.machines.disks.all.get(from).cloned();
        if let Some(mut copy) = copy {
            copy.size = copy.size.map(|_| size);
            self.add_disk(to, || copy);
        }
    }

    /// Removes a disk with all that is on it.
    pub fn remove_disk(&mut self, id: &str) {
        self.machines.seen_disks.as_mut().remove(id);
        self.machines.disks.all.remove(id);
        self.machines.disks.changed.remove(id);
        self.machines.removed_disks.insert(id.to_string());
    }

    /// The disks at hand, to change. Who changes one that may lie in the file calls `have_disk` before.
    pub fn disks_mut(&mut self) -> &mut Disks {
        &mut self.machines.disks
    }

    /// When the first of all sandboxes wants to go on.
    pub fn first_wake(&mut self) -> Option<Time> {
        let in_file = match self.machines.first_in_file {
            Some(known) => known,
            None => {
                let first = self.first_wake_in_file();
                self.machines.first_in_file = Some(first);
                first
            }
        };
        let here = self.machines.wakes.first().map(|(wake, _)| *wake);
        in_file.into_iter().chain(here).min()
    }

    fn first_wake_in_file(&self) -> Option<Time> {
        // A command that runs no pod has none in memory, and asks for the first alone.
        let mut limit = 1;
        loop {
            let wakes = self.read(self.db.wakes_until(Time(i64::MAX - 1), limit));
            if let Some((wake, _)) = wakes.iter().find(|(_, name)| self.is_in_file_only(name)) {
                return Some(*wake);
            }
            if wakes.len() < limit {
                return None;
            }
            limit *= PIECE;
        }
    }

    fn is_in_file_only(&self, name: &str) -> bool {
        let uid = name.strip_prefix("sandbox/").unwrap_or(name);
        let machines = &self.machines;
        !machines.sandboxes.contains_key(uid) && !machines.removed.contains(uid) && !machines.taken.contains(uid)
    }

    /// Takes out the sandbox that wants to go on first, if that is by then, with the time and when the next one is.
    pub fn pop_wake(&mut self, by: Time) -> Option<(Time, Sandbox)> {
        if self.first_wake()? > by {
            return None;
        }
        if self.machines.first_in_file.flatten().is_some_and(|first| first <= by) {
            let wakes = self.read(self.db.wakes_until(by, usize::MAX >> 1));
            for (wake, name) in wakes {
                let Some(uid) = name.strip_prefix("sandbox/").filter(|_| self.is_in_file_only(&name)) else { continue };
                if let Some(sandbox) = self.read(read_sandbox(&self.db, uid)) {
                    self.take_into_memory(sandbox, Some(wake));
                }
            }
            self.machines.first_in_file = None;
        }
        let (wake, uid) = self.machines.wakes.first().filter(|(wake, _)| *wake <= by).cloned()?;
        self.take_sandbox(&uid).map(|sandbox| (wake, sandbox))
    }

    fn routes(&mut self) -> &mut Routes {
        if self.machines.routes.is_none() {
            let blob = self.read(self.db.blob(ROUTES));
            let routes = blob.and_then(|b| postcard::from_bytes(&b.value).ok());
            self.machines.routes = Some(routes.unwrap_or_default());
        }
        self.machines.routes.get_or_insert_default()
    }

    /// The next number of a connection or a question between pods, from 1.
    pub fn count_connection(&mut self) -> u64 {
        self.machines.routes_changed = true;
        let routes = self.routes();
        routes.counted += 1;
        routes.counted
    }

    /// The way of an open connection.
    pub fn route(&mut self, connection: u64) -> Option<Route> {
        self.routes().open.get(&connection).cloned()
    }

    /// The connections that a pod has with others.
    pub fn routes_of(&mut self, uid: &str) -> Vec<(u64, Route)> {
        let all = self.routes().open.iter().filter(|(_, r)| r.from == uid || r.to == uid);
        all.map(|(connection, route)| (*connection, route.clone())).collect()
    }

    /// Opens a connection.
    pub fn add_route(&mut self, connection: u64, route: Route) {
        self.machines.routes_changed = true;
        self.routes().open.insert(connection, route);
    }

    /// Closes a connection.
    pub fn remove_route(&mut self, connection: u64) {
        self.machines.routes_changed = true;
        self.routes().open.remove(&connection);
    }

    /// Keeps what was said on a connection from outside of the cluster.
    pub fn keep_pushed(&mut self, connection: u64, reply: Reply) {
        self.machines.pushed.entry(connection).or_default().push(reply);
    }

    /// Takes that.
    pub fn take_pushed(&mut self, connection: u64) -> Vec<Reply> {
        self.machines.pushed.remove(&connection).unwrap_or_default()
    }

    /// Puts what was changed back into the file.
    pub(super) fn save_machines(&mut self) -> Result<(), ApiError> {
        let machines = &mut self.machines;
        for uid in std::mem::take(&mut machines.removed) {
            self.db.set_blob(&sandbox_blob(&uid), None)?;
        }
        let changed = std::mem::take(&mut machines.changed);
        let is_only_one = changed.len() == 1;
        for uid in changed {
            let Some(sandbox) = machines.sandboxes.get(&uid) else { continue };
            // A command that only looked need not be written: that would cost it most of its time.
            if is_only_one && is_as_in_file(&self.db, sandbox, machines.due.get(&uid).copied())? {
                continue;
            }
            let value = postcard::to_extend(sandbox, vec![FORM]).map_err(|e| ApiError::internal(e.to_string()))?;
            if value.len() > MAX_SANDBOX {
                self.db.set_blob(&sandbox_blob(&uid), None)?;
                continue;
            }
            let blob = Blob { wake: machines.due.get(&uid).copied(), refers: Vec::new(), value };
            self.db.set_blob(&sandbox_blob(&uid), Some(&blob))?;
        }
        for id in std::mem::take(&mut machines.removed_disks) {
            self.db.set_blob(&disk_blob(&id), None)?;
        }
        for id in std::mem::take(&mut machines.disks.changed) {
            let Some(disk) = machines.disks.all.get(&id) else { continue };
            let (value, refers) = saved::save(disk, &mut |hash, bytes| self.db.keep_content(hash, bytes))?;
            self.db.set_blob(&disk_blob(&id), Some(&Blob { wake: None, refers, value }))?;
        }
        if self.machines.routes_changed {
            let routes = self.machines.routes.take().unwrap_or_default();
            let value = postcard::to_stdvec(&routes).map_err(|e| ApiError::internal(e.to_string()))?;
            self.db.set_blob(ROUTES, Some(&Blob { wake: None, refers: Vec::new(), value }))?;
        }
        self.machines = Machines::default();
        Ok(())
    }
}
