//! How a client waits: watches, the time that passes, and what others do meanwhile.

use super::Client;
use crate::api::request::{Form, ListOptions, Resource, Target, Verb};
use crate::api::{Duration, Kind, ObjectKey, Time};
use crate::error::{ApiError, Failure};
use crate::kubectl::wall::wall_now;
use crate::server::watch::{Watch, WatchEvent};
use crate::server::{Passed, Reply, Response, Server, Wait};
use crate::ui::Ui;

/// After how much real time a command says what it waits for.
const SILENCE: Duration = Duration::secs(1);

/// A span of real time as the system takes it.
fn real(span: Duration) -> std::time::Duration {
    std::time::Duration::from_millis(u64::try_from(span.0).unwrap_or(0))
}

/// Begins a command. Where another process writes, it is waited for, and after a second the user is told for whom; at
/// most for `patience`, else for half a minute.
///
/// # Errors
/// When that takes too long, or the state file is damaged.
pub fn begin(server: &mut Server, ui: &Ui, write: bool, patience: Option<Duration>) -> Result<(), ApiError> {
    let say = |writer: &str| ui.notice(&format!("waiting for {writer}, which writes to the cluster\n"));
    server.begin(write, wall_now, (real(SILENCE), patience.map(real)), say)
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited<T> {
    /// With this.
    Done(T),
    /// The time is over.
    Over,
    /// Nothing can change any more that would end it.
    Never,
}

/// How often it looks meanwhile what others did.
const LOOKS_EVERY: Duration = Duration::millis(100);

/// What is said where nothing better is known.
pub fn nothing_due(_: &Client<'_>) -> String {
    "nothing that is due in the cluster ends this wait; it goes on for what another terminal may do".into()
}

/// A wait in real time for what others do.
#[derive(Debug)]
pub struct RealTime {
    began: Time,
    end: Option<Time>,
    said: bool,
}

impl<'a> Client<'a> {
    /// Begins a watch.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn watch(&self, kind: Kind, namespace: &str, options: ListOptions) -> Result<Watch, ApiError> {
        self.watch_at(Resource::kind(kind).within(namespace), options)
    }

    /// Begins a watch of a resource.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn watch_at(&self, resource: Resource, options: ListOptions) -> Result<Watch, ApiError> {
        let request = self.request(Verb::Watch(options), Target::Resource(resource), Form::Object);
        let watch = self.server.watch(&request);
        let said = Response {
            warnings: Vec::new(),
            outcome: watch.as_ref().map(|_| Reply::Text(String::new())).map_err(Clone::clone),
        };
        self.took(&request, said)?;
        watch
    }

    /// What happened since a watch was looked at last.
    ///
    /// # Errors
    /// When the state file can't be read.
    pub fn events(&self, watch: &mut Watch) -> Result<Vec<WatchEvent>, ApiError> {
        self.server.events(watch)
    }

    /// Lets time pass until `done` says so. Without a deadline, as long as anything can still change.
    ///
    /// On a wall clock that others work on, too, it goes on in real time where nothing can change by itself.
    ///
    /// # Errors
    /// Those of `done`, and when the state file can't be written.
    pub fn wait<T>(
        &mut self,
        deadline: Option<Time>,
        done: impl FnMut(&mut Client<'a>) -> Result<Option<T>, ApiError>,
    ) -> Result<Waited<T>, ApiError> {
        self.wait_saying(deadline, nothing_due, done)
    }

    /// The same; `hint` is what is said once the wait goes on in real time.
    ///
    /// # Errors
    /// Those of `done`, and when the state file can't be written.
    pub fn wait_saying<T>(
        &mut self,
        deadline: Option<Time>,
        hint: impl Fn(&Client<'a>) -> String,
        mut done: impl FnMut(&mut Client<'a>) -> Result<Option<T>, ApiError>,
    ) -> Result<Waited<T>, ApiError> {
        if !self.has_company() {
            let wait = self.server.wait_until(deadline);
            return self.pass(wait, done);
        }
        let wait = match deadline {
            Some(deadline) => self.server.wait_while_it_helps(deadline),
            None => self.server.wait_until(None),
        };
        match self.pass(wait, &mut done)? {
            Waited::Never => self.wait_for_company(deadline, hint, done),
            waited => Ok(waited),
        }
    }

    /// Lets the clock jump to a deadline, whatever happens, or until `done` says so.
    ///
    /// # Errors
    /// Those of `done`, and when the state file can't be written.
    pub fn wait_out<T>(
        &mut self,
        deadline: Time,
        done: impl FnMut(&mut Client<'a>) -> Result<Option<T>, ApiError>,
    ) -> Result<Waited<T>, ApiError> {
        let wait = self.server.wait_until(Some(deadline));
        self.pass(wait, done)
    }

    /// Whether to wait for what another process may do: nobody knows what that will be.
    pub fn has_company(&self) -> bool {
        self.shared && !self.is_manual()
    }

    /// Waits in real time until what another process does ends the wait.
    ///
    /// # Errors
    /// Those of `done`, and when the state file can't be written.
    pub fn wait_for_company<T>(
        &mut self,
        deadline: Option<Time>,
        hint: impl Fn(&Client<'a>) -> String,
        mut done: impl FnMut(&mut Client<'a>) -> Result<Option<T>, ApiError>,
    ) -> Result<Waited<T>, ApiError> {
        let mut time = self.real_time(deadline);
        while self.leave_to_others(&mut time, &hint)? {
            if let Some(done) = done(self)? {
                self.pause(true, || {})?;
                return Ok(Waited::Done(done));
            }
        }
        Ok(Waited::Over)
    }

    /// Begins a wait in real time that ends when the cluster's clock, which follows it, has come to the deadline.
    pub fn real_time(&self, deadline: Option<Time>) -> RealTime {
        let began = wall_now();
        RealTime { began, end: deadline.map(|deadline| began + (deadline - self.now())), said: false }
    }

    /// Leaves the cluster to others for a moment of real time. Whether any was left.
    ///
    /// # Errors
    /// When the state file can't be written or read.
    pub fn leave_to_others(
        &mut self,
        time: &mut RealTime,
        hint: impl Fn(&Client<'a>) -> String,
    ) -> Result<bool, ApiError> {
        let now = wall_now();
        let left = time.end.map_or(LOOKS_EVERY, |end| end - now);
        if left <= Duration::ZERO || self.ui.is_closed() {
            self.pause(true, || {})?;
            return Ok(false);
        }
        if !time.said && now - time.began >= SILENCE {
            time.said = true;
            self.ui.err(&format!("hint: {} (Ctrl-C ends it)\n", hint(self)));
        }
        self.pause(false, || std::thread::sleep(real(left.min(LOOKS_EVERY))))?;
        Ok(true)
    }

    /// Lets time pass until `done` says so, or a deadline, or nothing can change any more.
    ///
    /// # Errors
    /// Those of `done`, and when the state file can't be written.
    pub fn wait_while_it_helps<T>(
        &mut self,
        deadline: Time,
        done: impl FnMut(&mut Client<'a>) -> Result<Option<T>, ApiError>,
    ) -> Result<Waited<T>, ApiError> {
        let wait = self.server.wait_while_it_helps(deadline);
        self.pass(wait, done)
    }

    fn pass<T>(
        &mut self,
        mut wait: Wait,
        mut done: impl FnMut(&mut Client<'a>) -> Result<Option<T>, ApiError>,
    ) -> Result<Waited<T>, ApiError> {
        loop {
            if let Some(done) = done(self)? {
                return Ok(Waited::Done(done));
            }
            match self.pass_once(&mut wait)? {
                Passed::Moved => {}
                Passed::Over => return Ok(Waited::Over),
                Passed::Idle | Passed::Circles => return Ok(Waited::Never),
            }
        }
    }

    /// Whether the cluster's clock stands still unless a command moves it.
    pub fn is_manual(&self) -> bool {
        self.server.is_manual()
    }

    /// A wait that ends at a deadline, or before it when nothing can change any more.
    pub fn begin_to_wait(&mut self, deadline: Time) -> Wait {
        self.server.wait_while_it_helps(deadline)
    }

    /// A wait until the cluster has come to rest, but no longer than `most`.
    pub fn wait_for_rest(&mut self, most: Duration) -> Wait {
        self.server.wait_for_rest(most)
    }

    /// Lets the next thing happen that a wait is for.
    ///
    /// # Errors
    /// When the state file can't be written.
    pub fn pass_once(&mut self, wait: &mut Wait) -> Result<Passed, ApiError> {
        self.server.pass(wait)
    }

    /// Lets time pass until a moment, whatever happens.
    ///
    /// # Errors
    /// When the state file can't be written.
    pub fn sleep_until(&mut self, moment: Time) -> Result<(), ApiError> {
        self.wait_out::<()>(moment, |_| Ok(None)).map(|_| ())
    }

    /// A number that grows whenever an object of a kind may have been removed: before that nobody who waits for one to go
    /// needs to ask for it.
    pub fn removals(&self, kind: Kind) -> u64 {
        self.server.removals(kind)
    }

    /// Waits until an object is gone, or another has its name.
    ///
    /// # Errors
    /// When the state file can't be written.
    pub fn wait_until_gone(
        &mut self,
        object: (&ObjectKey, &str),
        deadline: Option<Time>,
        hint: impl Fn(&Client<'a>) -> String,
    ) -> Result<Waited<()>, ApiError> {
        let (key, uid) = object;
        let options = ListOptions { field_selector: format!("metadata.name={}", key.name), ..ListOptions::default() };
        let mut watch = self.watch(key.kind, &key.namespace, options)?;
        self.wait_saying(deadline, hint, |client| {
            client.events(&mut watch)?;
            Ok((!watch.knows(uid)).then_some(()))
        })
    }

    /// Makes what was done so far lasting and visible to other processes, says what was said meanwhile, and goes on.
    ///
    /// # Errors
    /// When the state file can't be written or read.
    pub fn checkpoint(&mut self) -> Result<(), ApiError> {
        self.pause(true, || {})
    }

    /// Does something that takes the user's time, an editor's run, without holding the cluster meanwhile.
    ///
    /// # Errors
    /// When the state file can't be written or read.
    pub fn meanwhile<R>(&mut self, f: impl FnOnce() -> R) -> Result<R, Failure> {
        self.server.commit()?;
        let outcome = f();
        begin(self.server, self.ui, true, None)?;
        Ok(outcome)
    }

    /// Ends the transaction, waits a moment of real time and begins anew, to see what others did.
    ///
    /// # Errors
    /// When the state file can't be written or read.
    pub fn wait_for_others(&mut self) -> Result<(), ApiError> {
        self.pause(false, || std::thread::sleep(real(LOOKS_EVERY)))
    }

    /// Ends the transaction, so that others get on, for as long as it takes to ask the user something.
    ///
    /// # Errors
    /// When the state file can't be written or read, or the answer can't be read.
    pub fn ask<T>(&mut self, question: impl FnOnce(&Ui) -> std::io::Result<T>) -> Result<T, ApiError> {
        let (ui, mut answer) = (self.ui, None);
        self.pause(true, || answer = Some(question(ui)))?;
        let answer = answer.unwrap_or_else(|| Err(std::io::ErrorKind::UnexpectedEof.into()));
        answer.map_err(|e| ApiError::internal(crate::host::reason(&e)))
    }

    /// Lets real time pass, and others work meanwhile.
    ///
    /// # Errors
    /// When the state file can't be written or read.
    pub fn look_later(&mut self, span: Duration) -> Result<(), ApiError> {
        self.pause(true, || std::thread::sleep(real(span)))
    }

    fn pause(&mut self, write: bool, meanwhile: impl FnOnce()) -> Result<(), ApiError> {
        self.server.commit()?;
        self.ui.release();
        meanwhile();
        self.ui.hold();
        begin(self.server, self.ui, write, None)?;
        Ok(())
    }

    /// Until when a span lasts; none for a span of zero, which stands for no end.
    pub fn deadline(&self, span: Duration) -> Option<Time> {
        (span != Duration::ZERO).then(|| self.now() + span)
    }
}
