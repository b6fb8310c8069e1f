//! The thread that owns the cluster: it answers, lets time pass, and tells those who follow.
//!
//! Requests that wait are answered together, in one transaction, so that one commit makes all of them last.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration as Real;

use tokio::sync::{mpsc, oneshot};

use super::sessions::{self, Held, Ports, Process};
use super::{Frame, Job, Listening, Pieces, Told, Waiting};
use crate::api::{Duration, Time};
use crate::error::{ApiError, Reason};
use crate::server::wire::{self, Answer, Changes, Keys, Stream, http};
use crate::server::{Passed, Server, Wait};

/// How often it is looked whether other processes changed something, while somebody follows or not.
const LOOKS_EVERY: Real = Real::from_millis(15);
const RESTS: Real = Real::from_millis(50);

/// How often sessions are looked at with which nothing happens that is known of here.
const SESSIONS_EVERY: Duration = Duration::millis(250);

/// How many requests are answered in one transaction.
const AT_ONCE: usize = 256;

/// How many streams begin in one transaction: each is told first what there is, while others want a quick answer.
const STREAMS_AT_ONCE: usize = 16;

/// How long requests that write wait for another process each time, and in all.
const MOMENT: Real = Real::from_millis(20);
const PATIENCE: Duration = Duration::secs(30);

/// How long a watch lasts that names no end. Mirrors `--min-request-timeout`.
const WATCH_LASTS: i64 = 2400;

/// How often a watch is told how far it has come.
const MARKS_EVERY: Duration = Duration::secs(60);

/// How much may wait for a client that does not read; then it is cut off.
const MOST_WAITING: usize = 16 << 20;

/// How far a manual clock goes on for those who wait.
const LONGEST: Duration = Duration::secs(3600);

/// How often a manual clock that keeps pace moves though nothing is due.
const PACE: Duration = Duration::secs(1);

/// How many things happen on a manual clock between two looks at the clients.
const STEPS: usize = 200;

/// Somebody who follows a stream.
struct Follower {
    stream: Stream,
    out: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Waiting,
    ends: Option<Time>,
    marked: Time,
    /// What a manual clock goes on for.
    wait: Option<Wait>,
    /// Whether a manual clock keeps pace with the time that it waits, as one of kubectl's own waits would let pass.
    paced: bool,
    /// What is to be sent once it lasts.
    pieces: Vec<Vec<u8>>,
    over: bool,
}

type Ask = (http::Request, oneshot::Sender<Told>);

struct Hub<'a> {
    server: &'a mut Server,
    keys: Keys,
    wall: fn() -> Time,
    followers: Vec<Follower>,
    held: BTreeMap<u64, Held>,
    counted: u64,
    /// At which revision all sessions had come as far as they could, and until when nothing is due.
    sessions_rest: Option<(u64, Time)>,
    /// Up to when, by the wall's clock, a manual clock kept pace with those who wait.
    kept_pace: Option<Time>,
    /// Requests that wait for another process to end its writing, and since when.
    postponed: Vec<(Ask, Time)>,
    /// Streams that are to begin.
    streams: VecDeque<Ask>,
}

/// Serves a cluster until `stop` says so, or its file is gone. `wall` tells the real time.
///
/// # Errors
/// When the file can't be read or written any more.
pub fn run(
    server: &mut Server,
    keys: Keys,
    listening: &Listening,
    wall: fn() -> Time,
    stop: impl Fn() -> bool,
) -> Result<(), ApiError> {
    server.serve_to(keys.clone());
    let (followers, held) = (Vec::new(), BTreeMap::new());
    let (sessions_rest, kept_pace, postponed, streams) = (None, None, Vec::new(), VecDeque::new());
    let mut hub = Hub { server, keys, wall, followers, held, counted: 0, sessions_rest, kept_pace, postponed, streams };
    let mut pause = Real::ZERO;
    while !stop() {
        let mut jobs = Vec::new();
        match listening.jobs.recv_timeout(pause) {
            Ok(job) => jobs.push(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        while jobs.len() < AT_ONCE
            && let Ok(job) = listening.jobs.try_recv()
        {
            jobs.push(job);
        }
        hub.answer(jobs)?;
        pause = hub.go_on()?;
        if !hub.streams.is_empty() {
            pause = Real::ZERO;
        }
    }
    hub.end();
    Ok(())
}

impl Hub<'_> {
    /// Answers what was asked, as far as no other process is in the way.
    fn answer(&mut self, jobs: Vec<Job>) -> Result<(), ApiError> {
        let now = (self.wall)();
        let (mut reads, mut writes): (Vec<Ask>, Vec<(Ask, Time)>) = (Vec::new(), std::mem::take(&mut self.postponed));
        let mut typed = Vec::new();
        for job in jobs {
            match job {
                Job::Ask { request, answer } if wire::writes(&request) => writes.push(((request, answer), now)),
                Job::Ask { request, answer } if wire::is_long_running(&request) => {
                    self.streams.push_back((request, answer));
                }
                Job::Ask { request, answer } => reads.push((request, answer)),
                other => typed.push(other),
            }
        }
        if !writes.is_empty() || !typed.is_empty() {
            match self.server.try_begin(true, now, MOMENT) {
                Ok(true) => self.write(writes, typed)?,
                Ok(false) => self.postpone(writes, now),
                Err(fault) => return self.refuse_all(writes.into_iter().map(|(ask, _)| ask), fault),
            }
        }
        let begins = self.streams.len().min(STREAMS_AT_ONCE);
        reads.extend(self.streams.drain(..begins));
        if reads.is_empty() {
            return Ok(());
        }
        match self.server.try_begin(false, now, Real::from_secs(10)) {
            Ok(_) => self.read(reads),
            Err(fault) => self.refuse_all(reads.into_iter(), fault),
        }
    }

    fn postpone(&mut self, writes: Vec<(Ask, Time)>, now: Time) {
        for (ask, since) in writes {
            match now - since > PATIENCE {
                true => tell(ask.1, Told::Whole(refused(&self.server.locked()))),
                false => self.postponed.push((ask, since)),
            }
        }
    }

    /// The file can't be read: all who ask hear why.
    fn refuse_all(&mut self, asks: impl Iterator<Item = Ask>, fault: ApiError) -> Result<(), ApiError> {
        asks.for_each(|(_, answer)| tell(answer, Told::Whole(refused(&fault))));
        Err(fault)
    }

    fn read(&mut self, asks: Vec<Ask>) -> Result<(), ApiError> {
        let told: Vec<_> = asks.into_iter().map(|(request, answer)| (self.told(&request), answer)).collect();
        let ended = self.server.commit();
        deliver(told, &ended);
        ended
    }

    fn write(&mut self, asks: Vec<(Ask, Time)>, typed: Vec<Job>) -> Result<(), ApiError> {
        let before = self.server.revision();
        let by_kubectl = asks.iter().any(|((request, _), _)| wire::is_kubectl(request));
        let words = asks.iter().map(|((request, _), _)| request).find(|request| request.method != "GET");
        let words = words.map(|r| format!("{} {}", r.method, r.target.split('?').next().unwrap_or_default()));
        let operation = words.map(|words| self.server.note_requests(&words)).transpose()?;
        for job in typed {
            self.sessions_rest = None;
            self.pass_on(job);
        }
        let told: Vec<_> = asks.into_iter().map(|((request, answer), _)| (self.told(&request), answer)).collect();
        let changed = self.server.revision() != before;
        if let Some(operation) = operation.filter(|_| !changed) {
            self.server.forget_requests(operation)?;
        }
        let ended = self.server.after_requests(by_kubectl && changed).and_then(|()| self.server.commit());
        if ended.is_err() {
            self.server.give_up();
        }
        if changed {
            self.wait_again();
        }
        deliver(told, &ended);
        // OBSERVATION: a full disk may have room again; what was asked was refused.
        Ok(())
    }

    /// What a request is answered with.
    fn told(&mut self, request: &http::Request) -> Told {
        match self.server.answer(request, Some(&self.keys)) {
            // What the kubelet refuses comes when the client speaks with the server already.
            Answer::Whole(answer) if answer.status == 500 && wire::converses(request) => {
                let (out, frames) = mpsc::unbounded_channel();
                let _ = out.send(Frame::Data(sessions::STATUS, answer.body));
                let _ = out.send(Frame::End);
                self.counted += 1;
                Told::Session(self.counted, frames, false)
            }
            Answer::Whole(answer) => Told::Whole(answer),
            Answer::Stream(head, stream) => {
                let (out, comes) = mpsc::unbounded_channel();
                let waiting = Waiting::default();
                let now = (self.wall)();
                let asked = request.parameter("timeoutSeconds").and_then(|s| s.parse::<i64>().ok()).filter(|s| *s != 0);
                let ends = match &stream {
                    Stream::Watch(_) => Some(now + Duration::secs(asked.unwrap_or(WATCH_LASTS).clamp(-1, 86_400))),
                    Stream::Log(_) => None,
                };
                let waits = self.server.is_manual() && (stream.is_a_wait() || wire::is_kubectl(request));
                let wait = waits.then(|| self.server.wait_for_rest(LONGEST));
                let paced = self.server.is_manual() && wire::is_kubectl(request);
                self.followers.push(Follower {
                    stream,
                    out,
                    waiting: waiting.clone(),
                    ends,
                    marked: now,
                    wait,
                    paced,
                    pieces: Vec::new(),
                    over: false,
                });
                Told::Stream(head, Pieces { comes, waiting })
            }
            Answer::Session(id, streams) => {
                let (out, frames) = mpsc::unbounded_channel();
                let attached = request.path().ends_with("/attach");
                let session = self.hold(Held::Process(Process { id, streams, attached, out }));
                Told::Session(session, frames, false)
            }
            Answer::Forward(uid, ports) => {
                let (out, frames) = mpsc::unbounded_channel::<Frame>();
                let ports = Ports::begin(self.server, uid, &ports, out);
                let session = self.hold(Held::Ports(ports));
                Told::Session(session, frames, true)
            }
        }
    }

    fn hold(&mut self, held: Held) -> u64 {
        self.counted += 1;
        self.sessions_rest = None;
        self.held.insert(self.counted, held);
        self.counted
    }

    /// Hands what came for a session on to it.
    fn pass_on(&mut self, job: Job) {
        match job {
            Job::Type { session, bytes, end } => {
                if let Some(Held::Process(process)) = self.held.get(&session) {
                    self.server.type_into(&process.id, &bytes, end);
                }
            }
            Job::Send { session, port, bytes } => {
                if let Some(Held::Ports(ports)) = self.held.get_mut(&session) {
                    ports.send(self.server, port, &bytes);
                }
            }
            Job::Open { session, at, port } => {
                if let Some(Held::Ports(ports)) = self.held.get_mut(&session) {
                    ports.open(self.server, at, port);
                }
            }
            Job::Shut { session, at } => {
                if let Some(Held::Ports(ports)) = self.held.get_mut(&session) {
                    ports.shut(self.server, at);
                }
            }
            Job::Left { session } => {
                if let Some(held) = self.held.remove(&session) {
                    held.leave(self.server);
                }
            }
            Job::Ask { .. } => {}
        }
    }

    /// Something changed: what comes of it is waited for, too.
    fn wait_again(&mut self) {
        if !self.server.is_manual() {
            return;
        }
        for follower in self.followers.iter_mut().filter(|f| f.stream.is_a_wait() && f.wait.is_none()) {
            follower.wait = Some(self.server.wait_for_rest(LONGEST));
        }
    }

    /// Lets time pass, and tells those who follow what happened. The answer is how long nothing will.
    fn go_on(&mut self) -> Result<Real, ApiError> {
        let now = (self.wall)();
        let waits = self.followers.iter().any(|f| f.wait.is_some());
        let passed = self.keep_pace(now, waits);
        // To begin a write is in the way of others, and takes its time.
        let rest = self.sessions_rest.is_some_and(|(at, until)| at == self.server.revision() && now < until);
        let writes = waits || passed.is_some() || !(rest || self.held.is_empty());
        if !self.server.try_begin(writes, now, Real::ZERO)? {
            return Ok(MOMENT);
        }
        let mut changes = Changes::default();
        let mut done = if writes { self.go_on_with_sessions() } else { Ok(()) };
        let mut moved = false;
        if waits && done.is_ok() {
            done = self.pass(&mut changes).map(|more| moved = more);
        }
        if let Some(passed) = passed.filter(|_| done.is_ok()) {
            done = self.catch_up(passed);
            self.kept_pace = Some(now);
        }
        done = done.and_then(|()| self.follow(&mut changes));
        let due = self.server.until_due();
        if writes {
            let pause = due.map_or(SESSIONS_EVERY, |due| due.min(SESSIONS_EVERY));
            self.sessions_rest = Some((self.server.revision(), now + pause));
        }
        let ended = done.and_then(|()| self.server.commit());
        if ended.is_err() {
            self.server.give_up();
        }
        ended?;
        self.send();
        let busy = !self.followers.is_empty() || !self.held.is_empty() || !self.postponed.is_empty();
        let rest = if busy { LOOKS_EVERY } else { RESTS };
        Ok(match (moved, due.filter(|_| !self.server.is_manual())) {
            (true, _) => Real::ZERO,
            (_, Some(due)) => rest.min(Real::from_millis(u64::try_from(due.0.max(1)).unwrap_or(1))),
            (_, None) => rest,
        })
    }

    /// How much of a manual clock's time those who wait have waited by now; none while nothing would come of it.
    fn keep_pace(&mut self, now: Time, waits: bool) -> Option<Duration> {
        if waits || !self.followers.iter().any(|f| f.paced) {
            self.kept_pace = None;
            return None;
        }
        let passed = now - *self.kept_pace.get_or_insert(now);
        let due = self.server.until_due().is_some_and(|due| due <= passed);
        (passed > Duration::ZERO && (due || passed >= PACE)).then_some(passed)
    }

    /// Lets that much of a manual clock's time pass.
    fn catch_up(&mut self, passed: Duration) -> Result<(), ApiError> {
        let mut wait = self.server.wait_until(Some(self.server.now() + passed));
        while self.server.pass(&mut wait)? == Passed::Moved {}
        Ok(())
    }

    fn go_on_with_sessions(&mut self) -> Result<(), ApiError> {
        let mut over = Vec::new();
        for (number, held) in &mut self.held {
            if held.go_on(self.server)? {
                over.push(*number);
            }
        }
        over.iter().for_each(|number| _ = self.held.remove(number));
        Ok(())
    }

    /// On a manual clock, lets happen what somebody waits for. True while there is more.
    fn pass(&mut self, changes: &mut Changes) -> Result<bool, ApiError> {
        for _ in 0..STEPS {
            let Some(at) = self.followers.iter().position(|f| f.wait.is_some()) else { return Ok(false) };
            let Some(mut wait) = self.followers[at].wait.take() else { return Ok(false) };
            let before = self.server.revision();
            let passed = self.server.pass(&mut wait)?;
            match passed {
                Passed::Moved => self.followers[at].wait = Some(wait),
                // What ends one wait for rest ends them all.
                Passed::Over | Passed::Idle | Passed::Circles => {
                    self.followers.iter_mut().for_each(|f| f.wait = None);
                }
            }
            // One thing at a time, so that every row shows the age that it had then.
            if self.server.revision() != before {
                *changes = Changes::default();
                self.follow(changes)?;
            }
        }
        Ok(true)
    }

    /// Gathers what there is to tell.
    fn follow(&mut self, changes: &mut Changes) -> Result<(), ApiError> {
        let now = (self.wall)();
        for follower in self.followers.iter_mut().filter(|f| !f.over) {
            let piece = follower.stream.next(self.server, changes)?;
            if !piece.bytes.is_empty() {
                follower.pieces.push(piece.bytes);
            }
            follower.over = piece.over || follower.out.is_closed();
            let ends = follower.ends.is_some_and(|end| now >= end);
            if !follower.over && (ends || now - follower.marked >= MARKS_EVERY) {
                let mark = follower.stream.mark();
                if !mark.is_empty() {
                    follower.pieces.push(mark);
                }
                follower.marked = now;
                follower.over |= ends;
            }
        }
        Ok(())
    }

    /// Sends what was gathered and lasts by now.
    fn send(&mut self) {
        for follower in &mut self.followers {
            for piece in follower.pieces.drain(..) {
                // Who does not read is cut off, and begins again where he was.
                let waiting = follower.waiting.more(piece.len());
                follower.over |= waiting > MOST_WAITING || follower.out.send(piece).is_err();
            }
        }
        self.followers.retain(|f| !f.over);
    }

    /// The end: watches are told how far they have come.
    fn end(&mut self) {
        for follower in &mut self.followers {
            let _ = follower.out.send(follower.stream.mark());
        }
        self.followers.clear();
        for (_, held) in std::mem::take(&mut self.held) {
            if let Held::Process(process) = held {
                let _ = process.out.send(Frame::End);
            }
        }
        let waiting = std::mem::take(&mut self.postponed).into_iter().map(|(ask, _)| ask);
        for (_, answer) in waiting.chain(std::mem::take(&mut self.streams)) {
            let text = "the server is shutting down";
            tell(answer, Told::Whole(refused(&ApiError::new(Reason::ServiceUnavailable, text))));
        }
    }
}

fn refused(fault: &ApiError) -> http::Response {
    wire::plain_refusal(fault)
}

fn tell(answer: oneshot::Sender<Told>, told: Told) {
    // OBSERVATION: who asked may be gone.
    let _ = answer.send(told);
}

/// Hands answers out, once what they tell of lasts; else all hear why it does not.
fn deliver(told: Vec<(Told, oneshot::Sender<Told>)>, ended: &Result<(), ApiError>) {
    for (told, answer) in told {
        match ended {
            Ok(()) => tell(answer, told),
            Err(fault) => tell(answer, Told::Whole(refused(fault))),
        }
    }
}
