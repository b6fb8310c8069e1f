//! The desk at which a lesson's commands are typed: a machine of our own with a shell and tools, of which `kubectl` and
//! `kstate` are programs. Nothing of the host is reached; the lesson's folder is its folder `/lesson`.

mod files;
mod folder;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use crate::api::Time;
use crate::error::Failure;
use crate::host::files::Files;
use crate::machine::disk::{Disk, Inode, Node, ROOT};
use crate::machine::images;
use crate::machine::kernel::desk::Prompt;
use crate::machine::kernel::mounts::{Mount, Source};
use crate::machine::kernel::{ContainerSpec, Disks, Pid, Sandbox};
use crate::machine::net::Nowhere;
use crate::machine::tools::client::{Answer, Asked};
use files::Seen;
use folder::Folder;

/// Where the lesson's files are, to who types.
pub(super) const FOLDER: &str = "/lesson";

/// The container and the disks of the machine.
const NAME: &str = "desk";
const ROOT_DISK: &str = "desk/root";
const FILES_DISK: &str = "desk/lesson";

/// The user that types.
const LEARNER: u32 = 1000;

/// What a terminal makes an end of input of: Ctrl-D.
const END_OF_INPUT: &[u8] = &[4];

/// The machine.
#[derive(Debug)]
struct Inner {
    sandbox: Sandbox,
    disks: Disks,
}

/// A desk with its shell.
#[derive(Debug)]
pub(super) struct Desk {
    inner: Rc<RefCell<Inner>>,
    shell: Pid,
    session: u32,
    folder: Option<Folder>,
}

/// What a desk waits for.
#[derive(Debug)]
pub(super) enum Next {
    /// A program wants something done.
    Call(Pid, Asked),
    /// The shell is through with what was typed.
    Prompt(Prompt),
    /// Time has to pass until then.
    Sleeps(Time),
    /// A program wants to read what somebody types.
    Reads,
    /// The shell has ended.
    Ended,
    /// Nobody can go on.
    Stuck,
}

impl Desk {
    /// A desk at that time. With a folder of the host, its files are in that too.
    ///
    /// # Errors
    /// The folder can't be opened.
    pub(super) fn new(seed: u64, now: Time, folder: Option<PathBuf>) -> Result<Desk, Failure> {
        let folder = folder.map(Folder::open).transpose()?;
        let mut disks = Disks::default();
        let mut root = Disk::over_image(images::DESK);
        for (path, text) in [("etc/hostname", "desk\n"), ("etc/hosts", "127.0.0.1\tlocalhost\n127.0.1.1\tdesk\n")] {
            // Nothing is in the way on a disk that is new.
            let _ = root.put(path, Inode::new(Node::File(text.into()), 0o644, (0, 0), now));
        }
        disks.all.insert(ROOT_DISK.into(), root);
        let mut files = Disk::new(0o755, None, now);
        if let Ok(root) = files.get_mut(ROOT) {
            (root.uid, root.gid) = (LEARNER, LEARNER);
        }
        disks.all.insert(FILES_DISK.into(), files);
        let mut sandbox = Sandbox::new(NAME, NAME, seed, now);
        (sandbox.pod, sandbox.ip, sandbox.booted) = (NAME.into(), "127.0.0.1".into(), now);
        let mount = |at: &str, what: Source, fs_type: &str| Mount {
            at: at.into(),
            what,
            read_only: false,
            device: fs_type.into(),
            fs_type: fs_type.into(),
            options: "relatime".into(),
        };
        let env = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("USER", "learner"),
            ("SHELL", "/bin/bash"),
            ("LANG", "C.UTF-8"),
            ("TERM", "xterm"),
            ("HOME", FOLDER),
        ];
        let spec = ContainerSpec {
            name: NAME.into(),
            image: images::DESK.into(),
            args: vec!["sleep".into(), "infinity".into()],
            env: env.into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            cwd: FOLDER.into(),
            mounts: vec![
                mount("/", Source::Disk(ROOT_DISK.into(), ROOT), "overlay"),
                mount("/proc", Source::Proc, "proc"),
                mount(FOLDER, Source::Disk(FILES_DISK.into(), ROOT), "ext4"),
            ],
            uid: LEARNER,
            gid: LEARNER,
            ..ContainerSpec::default()
        };
        sandbox.start_container(spec, &mut disks, now).map_err(|e| Failure::error(e.0))?;
        let inner = Rc::new(RefCell::new(Inner { sandbox, disks }));
        let mut desk = Desk { inner, shell: 0, session: 0, folder };
        desk.start_shell()?;
        desk.bring_in()?;
        Ok(desk)
    }

    /// Starts the shell, anew where it has ended.
    ///
    /// # Errors
    /// The machine refuses to, which a test would have told.
    pub(super) fn start_shell(&mut self) -> Result<(), Failure> {
        {
            let Inner { sandbox, disks } = &mut *self.inner.borrow_mut();
            let now = sandbox.now;
            let begun = sandbox.exec(NAME, vec!["bash".into()], (true, true), disks, now);
            (self.shell, self.session) = begun.map_err(|e| Failure::error(e.0))?;
        }
        while let Next::Call(..) = self.go_on().1 {}
        Ok(())
    }

    /// Has the desk's clock show that time at least; `back`, just that.
    pub(super) fn set_time(&mut self, now: Time, back: bool) {
        let sandbox = &mut self.inner.borrow_mut().sandbox;
        sandbox.now = if back { now } else { sandbox.now.max(now) };
    }

    /// Tells the programs how wide the terminal is.
    pub(super) fn set_size(&mut self, columns: usize, rows: usize) {
        let fit = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        if let Some(session) = self.inner.borrow_mut().sandbox.sessions.get_mut(&self.session) {
            session.size = (fit(columns), fit(rows));
        }
    }

    /// Types a line, or several.
    pub(super) fn type_text(&mut self, text: &str) {
        let text = if text.ends_with('\n') { text.to_string() } else { format!("{text}\n") };
        self.inner.borrow_mut().sandbox.type_into(self.session, text.as_bytes(), false);
    }

    /// Says that nothing more will be typed for who reads now.
    pub(super) fn end_input(&mut self) {
        self.inner.borrow_mut().sandbox.type_into(self.session, END_OF_INPUT, false);
    }

    /// Runs until somebody outside has to do something: what was put out meanwhile, and what that is.
    pub(super) fn go_on(&mut self) -> (String, Next) {
        let Inner { sandbox, disks } = &mut *self.inner.borrow_mut();
        let horizon = sandbox.now;
        let ran = sandbox.run(disks, &mut Nowhere, horizon);
        let output = sandbox.take_output(self.session).into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<u8>>();
        let output = String::from_utf8_lossy(&output).into_owned();
        let next = if let Some((pid, asked)) = sandbox.take_asked() {
            Next::Call(pid, asked)
        } else if !sandbox.processes.contains_key(&self.shell) {
            Next::Ended
        } else if let Some(prompt) = sandbox.prompt(self.shell) {
            Next::Prompt(prompt)
        } else if let Some(time) = ran.next {
            Next::Sleeps(time)
        } else if sandbox.wants_input(self.session) {
            Next::Reads
        } else {
            Next::Stuck
        };
        (output, next)
    }

    /// How the shell ended.
    pub(super) fn take_exit(&mut self) -> u8 {
        let status = self.inner.borrow_mut().sandbox.take_exit(self.shell, self.session);
        status.map_or(0, |status| u8::try_from(status.code()).unwrap_or(255))
    }

    /// Hands a program what came of what it wanted.
    pub(super) fn answer(&mut self, pid: Pid, answer: Answer) {
        self.inner.borrow_mut().sandbox.answer(pid, answer);
    }

    /// Ctrl-C.
    pub(super) fn interrupt(&mut self) {
        let Inner { sandbox, disks } = &mut *self.inner.borrow_mut();
        if let Some(session) = sandbox.sessions.get_mut(&self.session) {
            session.stdin.clear();
        }
        sandbox.break_off(self.shell, disks);
    }

    /// The files as a program sees them.
    pub(super) fn seen_by(&self, pid: Pid) -> Files {
        Files::of(Rc::new(Seen::new(self.inner.clone(), pid)), self.cwd_of(pid))
    }

    /// The folder that a program stands in.
    pub(super) fn cwd_of(&self, pid: Pid) -> PathBuf {
        self.inner.borrow().sandbox.processes.get(&pid).map_or(FOLDER.into(), |p| PathBuf::from(&p.cwd))
    }

    /// The texts of the lesson's files whose name, without their folder's, is such a one.
    pub(super) fn texts_named(&self, is_one: impl Fn(&str) -> bool) -> Vec<String> {
        let inner = self.inner.borrow();
        let files = inner.disks.get(FILES_DISK).map(folder::files_of).unwrap_or_default();
        let named = files.into_iter().filter(|(path, _)| is_one(path.rsplit('/').next().unwrap_or_default()));
        named.map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned()).collect()
    }

    /// The files as the shell sees them.
    pub(super) fn seen(&self) -> Files {
        self.seen_by(self.shell)
    }

    /// Puts a file into the lesson's folder.
    pub(super) fn write(&mut self, name: &str, bytes: &[u8]) {
        let Inner { sandbox, disks } = &mut *self.inner.borrow_mut();
        let now = sandbox.now;
        if let Some(disk) = disks.get_mut(FILES_DISK) {
            let inode = Inode::new(Node::File(bytes.into()), 0o644, (LEARNER, LEARNER), now);
            // What is in the way is a folder that somebody made.
            let _ = disk.put(name, inode);
        }
    }

    /// Removes a file of the lesson's folder.
    pub(super) fn remove(&mut self, name: &str) {
        let Inner { sandbox, disks } = &mut *self.inner.borrow_mut();
        let (folder, leaf) = name.rsplit_once('/').unwrap_or(("", name));
        if let Some(disk) = disks.get_mut(FILES_DISK)
            && let Ok(dir) = disk.find(folder)
        {
            let _ = disk.unlink(dir, leaf, sandbox.now);
        }
    }

    /// Takes over what somebody changed in the folder of the host.
    ///
    /// # Errors
    /// It can't be read.
    pub(super) fn bring_in(&mut self) -> Result<(), Failure> {
        let Some(mut folder) = self.folder.take() else { return Ok(()) };
        let changes = folder.changes();
        self.folder = Some(folder);
        for (name, bytes) in changes? {
            match bytes {
                Some(bytes) => self.write(&name, &bytes),
                None => self.remove(&name),
            }
        }
        Ok(())
    }

    /// Brings what was changed at the desk into the folder of the host.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn bring_out(&mut self) -> Result<(), Failure> {
        let Some(folder) = &mut self.folder else { return Ok(()) };
        let inner = self.inner.borrow();
        match inner.disks.get(FILES_DISK) {
            Some(disk) => folder.keep(disk),
            None => Ok(()),
        }
    }
}
