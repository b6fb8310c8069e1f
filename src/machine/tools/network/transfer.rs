//! One HTTP request and its response, as the clients make it: finding the host, connecting, sending, reading.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::api::{Duration, Time};
use crate::machine::errno::Errno;
use crate::machine::kernel::{Fd, Input, Sys, Wait};
use crate::machine::net::http::{self, Parsed, Response};
use crate::machine::net::{resolver, tls};

/// How much is read at once.
const PIECE: usize = 64 << 10;

/// The most that is kept of a response.
const MAX: usize = 64 << 20;

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fault {
    /// The host has no address; the resolver's words.
    NoAddress(String),
    /// No connection, to that address, after so many milliseconds.
    Connect(IpAddr, String, i64),
    /// Nothing came for so long, in milliseconds; whether it was connected, and how many bytes had come.
    Timeout(i64, bool, usize),
    /// The other end closed without a word.
    Empty,
    /// The other end speaks no TLS.
    NotTls,
    /// The certificate: who issued it.
    Certificate(String),
    /// The certificate is for other names.
    WrongName(String),
    /// It speaks no HTTP: its first bytes.
    NotHttp,
}

/// How it stands.
pub(super) enum Stand {
    /// It cannot go on yet.
    Waits(Wait),
    /// It came to nothing.
    Failed(Fault),
    /// The response is whole.
    Done(Response),
}

/// What has happened so far, for those who tell it as it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Event {
    /// The host's addresses.
    Resolved(Vec<IpAddr>),
    /// An address is tried.
    Trying(IpAddr),
    /// It refused.
    Refused(IpAddr, String),
    /// It is connected to.
    Connected(IpAddr),
    /// The request is out.
    Sent,
}

/// A transfer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Transfer {
    host: String,
    port: u16,
    secure: bool,
    /// Whether the certificate is looked at, and the issuer that is trusted.
    verify: Option<Option<String>>,
    to_head: bool,
    request: Vec<u8>,
    /// Addresses given beforehand.
    fixed: Vec<IpAddr>,
    /// When connecting and when all of it must be through.
    connect_by: Option<Time>,
    done_by: Option<Time>,
    /// How long a silence may last.
    silence: Option<Duration>,
    started: Time,
    heard: Time,
    fd: Option<Fd>,
    got: Vec<u8>,
    secured: bool,
    /// A failure that takes a while to be known.
    pending: Option<(Fault, Time)>,
    pub events: Vec<Event>,
}

/// What a transfer is to be.
pub(super) struct Order {
    pub host: String,
    pub port: u16,
    pub secure: bool,
    pub verify: Option<Option<String>>,
    pub to_head: bool,
    pub request: Vec<u8>,
    pub fixed: Vec<IpAddr>,
    pub connect_timeout: Option<Duration>,
    pub done_by: Option<Time>,
    pub silence: Option<Duration>,
}

impl Transfer {
    pub(super) fn new(sys: &Sys<'_>, order: Order) -> Transfer {
        let now = sys.now();
        Transfer {
            host: order.host,
            port: order.port,
            secure: order.secure,
            verify: order.verify,
            to_head: order.to_head,
            request: order.request,
            fixed: order.fixed,
            connect_by: order.connect_timeout.map(|d| now + d),
            done_by: order.done_by,
            silence: order.silence,
            started: now,
            heard: now,
            fd: None,
            got: Vec::new(),
            secured: false,
            pending: None,
            events: Vec::new(),
        }
    }

    fn elapsed(&self, sys: &Sys<'_>) -> i64 {
        (sys.now() - self.started).0
    }

    /// Fails with that once so much time is over, or with a timeout where that is sooner.
    fn fails_after(&mut self, sys: &Sys<'_>, fault: Fault, after: Duration) {
        let end = sys.now() + after;
        let limits = [self.connect_by, self.done_by, self.silence.map(|s| self.started + s)];
        let limit = limits.into_iter().flatten().min().filter(|l| *l < end);
        self.pending = Some(match limit {
            Some(limit) => (Fault::Timeout((limit - self.started).0, false, 0), limit),
            None => (fault, end),
        });
    }

    fn connect(&mut self, sys: &mut Sys<'_>) {
        let musl = crate::machine::images::has_musl(sys.image());
        let ips = if self.fixed.is_empty() { resolver::resolve(sys, &self.host) } else { Ok(self.fixed.clone()) };
        let ips = match ips {
            Ok(ips) => ips,
            Err(failure) => {
                let fault = Fault::NoAddress(failure.text(musl).to_string());
                return self.fails_after(sys, fault, failure.after);
            }
        };
        self.events.push(Event::Resolved(ips.clone()));
        let mut last = (IpAddr::from([0, 0, 0, 0]), Errno::ConnRefused, Duration::ZERO);
        for ip in ips {
            self.events.push(Event::Trying(ip));
            match sys.connect(ip, self.port) {
                Ok(fd) => {
                    self.events.push(Event::Connected(ip));
                    self.fd = Some(fd);
                    let mut first = self.request.clone();
                    if self.secure {
                        first = tls::hello(&self.host);
                    } else {
                        self.events.push(Event::Sent);
                    }
                    let _ = sys.write(fd, &first);
                    self.heard = sys.now();
                    return;
                }
                Err(fault) => {
                    self.events.push(Event::Refused(ip, sys.text(fault).to_string()));
                    let took = resolver::connect_time(fault);
                    last = (ip, fault, Duration(last.2.0 + took.0));
                }
            }
        }
        let (ip, fault, took) = last;
        let text = sys.text(fault).to_string();
        self.fails_after(sys, Fault::Connect(ip, text, took.0), took);
    }

    /// Does what can be done now.
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Stand {
        if let Some((fault, at)) = &self.pending {
            if sys.now() >= *at {
                return Stand::Failed(fault.clone());
            }
            return Stand::Waits(Wait::until(*at));
        }
        let Some(fd) = self.fd else {
            self.connect(sys);
            return match self.pending {
                Some((_, at)) if at > sys.now() => Stand::Waits(Wait::until(at)),
                _ => self.step_again(sys),
            };
        };
        loop {
            match sys.read(fd, PIECE) {
                Ok(Input::Bytes(bytes)) => {
                    self.heard = sys.now();
                    if self.got.len() < MAX {
                        self.got.extend(bytes);
                    }
                }
                Ok(Input::Wait) => {
                    if let Some(stand) = self.look(sys, fd, false) {
                        return stand;
                    }
                    let limits = [self.done_by, self.silence.map(|s| self.heard + s)];
                    let limit = limits.into_iter().flatten().min();
                    if limit.is_some_and(|l| l <= sys.now()) {
                        self.end(sys);
                        return Stand::Failed(Fault::Timeout(self.elapsed(sys), true, self.got.len()));
                    }
                    return Stand::Waits(Wait { input: vec![fd], until: limit, ..Wait::default() });
                }
                Ok(Input::End) | Err(_) => {
                    let stand = self.look(sys, fd, true);
                    self.end(sys);
                    return stand.unwrap_or(Stand::Failed(Fault::Empty));
                }
            }
        }
    }

    fn step_again(&mut self, sys: &mut Sys<'_>) -> Stand {
        match (&self.pending, self.fd) {
            (Some((fault, _)), _) => Stand::Failed(fault.clone()),
            (None, Some(_)) => self.step(sys),
            (None, None) => Stand::Failed(Fault::Empty),
        }
    }

    /// Looks at what has come.
    fn look(&mut self, sys: &mut Sys<'_>, fd: Fd, closed: bool) -> Option<Stand> {
        if self.secure && !self.secured {
            if self.got.is_empty() {
                return closed.then_some(Stand::Failed(Fault::NotTls));
            }
            let Some((issuer, names, rest)) = tls::certificate(&self.got) else {
                self.end(sys);
                return Some(Stand::Failed(Fault::NotTls));
            };
            let rest = rest.to_vec();
            if let Some(trusted) = &self.verify {
                if trusted.as_ref() != Some(&issuer) {
                    self.end(sys);
                    return Some(Stand::Failed(Fault::Certificate(issuer)));
                }
                let fits = |name: &String| {
                    *name == self.host
                        || name
                            .strip_prefix("*.")
                            .is_some_and(|r| self.host.split_once('.').is_some_and(|(_, h)| h == r))
                };
                if !names.iter().any(fits) {
                    self.end(sys);
                    return Some(Stand::Failed(Fault::WrongName(self.host.clone())));
                }
            }
            self.secured = true;
            self.got = rest;
            self.events.push(Event::Sent);
            let request = self.request.clone();
            let _ = sys.write(fd, &request);
            return match self.step(sys) {
                Stand::Waits(_) => None,
                other => Some(other),
            };
        }
        if self.got.is_empty() {
            return None;
        }
        match http::response(&self.got, self.to_head, closed) {
            Parsed::Whole(response, length) if response.status == 100 => {
                self.got.drain(..length.min(self.got.len()));
                self.look(sys, fd, closed)
            }
            Parsed::Whole(response, _) => {
                self.end(sys);
                Some(Stand::Done(response))
            }
            Parsed::Bad => {
                self.end(sys);
                Some(Stand::Failed(Fault::NotHttp))
            }
            Parsed::More if closed => Some(Stand::Failed(Fault::NotHttp)),
            Parsed::More => None,
        }
    }

    /// What came, as it came.
    pub(super) fn raw(&self) -> &[u8] {
        &self.got
    }

    pub(super) fn end(&mut self, sys: &mut Sys<'_>) {
        if let Some(fd) = self.fd.take() {
            let _ = sys.close(fd);
        }
    }
}
