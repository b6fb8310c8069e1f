//! `nc`, `netcat`, `ncat` and `telnet`: busybox', OpenBSD's and nmap's.

use serde::{Deserialize, Serialize};

use super::options::{Option_, flag, read, value};
use super::{Later, Running, Started, runs};
use crate::api::{Duration, Time};
use crate::machine::errno::Errno;
use crate::machine::images::{self, Userland};
use crate::machine::kernel::{Fd, Input, Pid, Program, Status, Sys, Turn, Wait};
use crate::machine::net::{Peer, Reply, Sent, resolver};

/// How much is moved at once.
const PIECE: usize = 64 << 10;

/// How long a listener whose input has ended gives the other end to say something.
const PAUSE: Duration = Duration::millis(200);

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Busybox,
    OpenBsd,
    Ncat,
    Telnet,
}

/// A connection that a command serves (`-e`).
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Session {
    peer: Peer,
    to: Option<Fd>,
    from: Fd,
    child: Pid,
}

/// One command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Nc {
    kind: Kind,
    verbose: bool,
    /// The connection of a client.
    fd: Option<Fd>,
    stdin_open: bool,
    /// How long a silence may last.
    patience: Option<i64>,
    heard: Time,
    /// How long it goes on once its input has ended.
    quits: Option<i64>,
    ended: Option<Time>,
    /// The port that is listened on, and its descriptor.
    port: Option<u16>,
    listener: Option<Fd>,
    keeps: bool,
    exec: Option<Vec<String>>,
    peer: Option<Peer>,
    sessions: Vec<Session>,
    /// What the other end has been told, or has said.
    talked: bool,
    done: bool,
    waiting: Vec<u8>,
}

const OPTIONS: &[Option_] = &[
    flag('l', "listen"),
    flag('k', "keep-open"),
    flag('v', "verbose"),
    flag('z', ""),
    flag('n', "nodns"),
    flag('u', "udp"),
    flag('N', ""),
    flag('t', "telnet"),
    flag('4', ""),
    flag('6', ""),
    flag('d', ""),
    flag('h', "help"),
    flag('C', "crlf"),
    flag('r', ""),
    flag('D', ""),
    flag('\0', "recv-only"),
    flag('\0', "send-only"),
    flag('\0', "broker"),
    flag('\0', "ssl"),
    value('m', "max-conns"),
    value('\0', "allow"),
    value('p', "source-port"),
    value('w', "wait"),
    value('q', ""),
    value('i', ""),
    value('s', "source"),
    value('e', "exec"),
    value('c', "sh-exec"),
    value('o', "output"),
    value('x', ""),
    value('X', ""),
];

fn kind_of(sys: &Sys<'_>, name: &str) -> Kind {
    match name.rsplit('/').next().unwrap_or_default() {
        "ncat" => Kind::Ncat,
        "nc.openbsd" => Kind::OpenBsd,
        _ if sys.userland() == Userland::Gnu => Kind::OpenBsd,
        _ => Kind::Busybox,
    }
}

fn usage(sys: &Sys<'_>, kind: Kind) -> String {
    match kind {
        Kind::Busybox => {
            let (major, minor) = images::find(sys.image()).base.busybox_version();
            format!("BusyBox v{major}.{minor}.0 (2024-09-26 21:31:42 UTC) multi-call binary.\n\nUsage: nc [OPTIONS] HOST PORT  - connect\nnc [OPTIONS] -l -p PORT [HOST] [PORT]  - listen\n\n\t-e PROG\tRun PROG after connect (must be last)\n\t-l\tListen mode, for inbound connects\n\t-lk\tWith -e, provides persistent server\n\t-p PORT\tLocal port\n\t-s ADDR\tLocal address\n\t-w SEC\tTimeout for connects and final net reads\n\t-i SEC\tDelay interval for lines sent\n\t-n\tDon't do DNS resolution\n\t-u\tUDP mode\n\t-b\tAllow broadcasts\n\t-v\tVerbose\n\t-o FILE\tHex dump traffic\n\t-z\tZero-I/O mode (scanning)\n")
        }
        Kind::Ncat => "Ncat: You must specify a host to connect to. QUITTING.\n".into(),
        _ => "usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]\n\t  [-m minttl] [-O length] [-P proxy_username] [-p source_port]\n\t  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]\n\t  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]\n\t  [destination] [port]\n".into(),
    }
}

pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let kind = kind_of(sys, args.first().map_or("nc", String::as_str));
    // `-e PROG ARGS` takes the rest of the line in busybox.
    let mut args = args.to_vec();
    let mut exec = None;
    if kind == Kind::Busybox
        && let Some(at) = args.iter().position(|a| a.starts_with('-') && !a.starts_with("--") && a.ends_with('e'))
    {
        let rest = args.split_off(at + 1);
        if let Some(last) = args.last_mut() {
            last.pop();
            if last == "-" {
                args.pop();
            }
        }
        exec = Some(rest).filter(|r| !r.is_empty());
    }
    let read = match read(&args, OPTIONS) {
        Ok(read) => read,
        Err(wrong) => {
            let text = wrong.text("nc");
            let usage = usage(sys, kind);
            sys.err(format!("{text}{usage}"));
            return Started::Exit(1);
        }
    };
    if let Some(command) = read.last("exec") {
        exec = Some(command.split_whitespace().map(String::from).collect());
    }
    if let Some(command) = read.last("sh-exec") {
        exec = Some(vec!["/bin/sh".into(), "-c".into(), command.into()]);
    }
    let seconds = |name: &str| read.last(name).and_then(|v| v.parse::<f64>().ok()).map(|s| (s * 1000.0) as i64);
    let verbose = read.has("verbose");
    let mut nc = Nc {
        kind,
        verbose,
        fd: None,
        stdin_open: !read.has("d") && !read.has("recv-only"),
        patience: seconds("wait").filter(|w| *w > 0),
        heard: sys.now(),
        quits: seconds("q").or(if read.has("N") { Some(0) } else { None }),
        ended: None,
        port: None,
        listener: None,
        keeps: read.has("keep-open"),
        exec,
        peer: None,
        sessions: Vec::new(),
        talked: false,
        done: false,
        waiting: Vec::new(),
    };
    if kind == Kind::Ncat && verbose {
        sys.err("Ncat: Version 7.95 ( https://nmap.org/ncat )\n");
    }
    if read.has("listen") {
        let port = read.last("source-port").or(read.words.last().map(String::as_str)).and_then(|p| p.parse().ok());
        return nc.listen(sys, port.unwrap_or(if kind == Kind::Ncat { 31337 } else { 0 }));
    }
    let (host, ports) = match (read.words.as_slice(), kind) {
        ([host, ports @ ..], _) if !ports.is_empty() => (host.clone(), ports.to_vec()),
        ([host], Kind::Ncat) => (host.clone(), vec!["31337".into()]),
        _ => {
            let usage = usage(sys, kind);
            sys.err(usage);
            return Started::Exit(if kind == Kind::Ncat { 2 } else { 1 });
        }
    };
    let mut list = Vec::new();
    for text in &ports {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        match (from.parse::<u16>(), to.parse::<u16>()) {
            (Ok(from), Ok(to)) if to.saturating_sub(from) < 1024 => list.extend(from..=to),
            _ => {
                let text = match kind {
                    Kind::Busybox => format!("nc: bad port '{text}'\n"),
                    Kind::Ncat => format!("Ncat: Invalid port number \"{text}\". QUITTING.\n"),
                    _ => format!("nc: port number invalid: {text}\n"),
                };
                sys.err(text);
                return Started::Exit(if kind == Kind::Ncat { 2 } else { 1 });
            }
        }
    }
    if read.has("udp") && read.has("z") {
        if verbose && kind == Kind::OpenBsd {
            sys.err(format!("Connection to {host} {} port [udp/*] succeeded!\n", list[0]));
        }
        return Started::Exit(0);
    }
    nc.connect(sys, &host, &list, read.has("z"))
}

/// `telnet HOST [PORT]`
pub(super) fn telnet(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let words: Vec<String> = args.iter().skip(1).filter(|a| !a.starts_with('-')).cloned().collect();
    let Some(host) = words.first() else {
        sys.err("Usage: telnet [-a] [-l USER] HOST [PORT]\n\nConnect to telnet server\n");
        return Started::Exit(1);
    };
    let port = words.get(1).and_then(|p| p.parse().ok()).unwrap_or(23);
    let mut nc = Nc {
        kind: Kind::Telnet,
        verbose: true,
        fd: None,
        stdin_open: true,
        patience: None,
        heard: sys.now(),
        quits: Some(0),
        ended: None,
        port: None,
        listener: None,
        keeps: false,
        exec: None,
        peer: None,
        sessions: Vec::new(),
        talked: false,
        done: false,
        waiting: Vec::new(),
    };
    nc.connect(sys, host, &[port], false)
}

impl Nc {
    fn listen(mut self, sys: &mut Sys<'_>, port: u16) -> Started {
        match sys.listen(port) {
            Ok(fd) => self.listener = Some(fd),
            Err(fault) => {
                let text = sys.text(fault);
                let text = match self.kind {
                    Kind::Busybox => format!("nc: bind: {text}\n"),
                    Kind::Ncat => format!("Ncat: bind to 0.0.0.0:{port}: {text}. QUITTING.\n"),
                    _ => format!("nc: {text}\n"),
                };
                sys.err(text);
                return Started::Exit(if self.kind == Kind::Ncat { 2 } else { 1 });
            }
        }
        self.port = Some(port);
        if self.verbose {
            let text = match self.kind {
                Kind::Busybox => format!("listening on [::]:{port} ...\n"),
                Kind::Ncat => format!("Ncat: Listening on [::]:{port}\nNcat: Listening on 0.0.0.0:{port}\n"),
                _ => format!("Listening on 0.0.0.0 {port}\n"),
            };
            sys.err(text);
        }
        runs(Running::Nc(Box::new(self)))
    }

    fn connect(&mut self, sys: &mut Sys<'_>, host: &str, ports: &[u16], scans: bool) -> Started {
        let musl = images::has_musl(sys.image());
        let ips = match resolver::resolve(sys, host) {
            Ok(ips) => ips,
            Err(failure) => {
                let why = failure.text(musl);
                let first = ports.first().copied().unwrap_or_default();
                let (text, code) = match self.kind {
                    Kind::Busybox => (format!("nc: bad address '{host}'\n"), 1),
                    Kind::OpenBsd => (format!("nc: getaddrinfo for host \"{host}\" port {first}: {why}\n"), 1),
                    Kind::Ncat => (format!("Ncat: Could not resolve hostname \"{host}\": {why}. QUITTING.\n"), 2),
                    Kind::Telnet if sys.userland() == Userland::Gnu => {
                        (format!("telnet: could not resolve {host}/{first}: {why}\n"), 1)
                    }
                    Kind::Telnet => (format!("telnet: bad address '{host}'\n"), 1),
                };
                return Later::start(sys, failure.after, String::new(), text, code);
            }
        };
        let numeric = host.parse::<std::net::IpAddr>().is_ok();
        let (mut out, mut code, mut took) = (String::new(), 1, Duration::ZERO);
        for port in ports {
            let mut last = Errno::ConnRefused;
            let mut opened = None;
            for ip in &ips {
                match sys.connect(*ip, *port) {
                    Ok(fd) => {
                        opened = Some((*ip, fd));
                        break;
                    }
                    Err(fault) => last = fault,
                }
            }
            let Some((ip, fd)) = opened else {
                let ip = ips.last().copied().unwrap_or(std::net::IpAddr::from([127, 0, 0, 1]));
                let mut waits = resolver::connect_time(last);
                if let Some(patience) = self.patience.filter(|p| *p < waits.0) {
                    waits = Duration(patience);
                }
                took = Duration(took.0 + waits.0);
                let cut = waits.0 > 0 && self.patience.is_some_and(|p| p <= waits.0);
                let why = sys.text(last);
                match self.kind {
                    Kind::Busybox if cut => out.push_str(if self.verbose { "nc: timed out\n" } else { "" }),
                    Kind::Busybox if self.verbose || !scans => {
                        out.push_str(&format!("nc: {host} ({ip}:{port}): {why}\n"));
                    }
                    Kind::OpenBsd if self.verbose && cut => {
                        out.push_str(&format!(
                            "nc: connect to {host}{} port {port} (tcp) timed out: Operation now in progress\n",
                            if numeric { String::new() } else { format!(" ({ip})") }
                        ));
                    }
                    Kind::OpenBsd if self.verbose => {
                        out.push_str(&format!(
                            "nc: connect to {host}{} port {port} (tcp) failed: {why}\n",
                            if numeric { String::new() } else { format!(" ({ip})") }
                        ));
                    }
                    Kind::Ncat if cut => out.push_str("Ncat: TIMEOUT.\n"),
                    Kind::Ncat => {
                        out.push_str(&if scans && !self.verbose { String::new() } else { format!("Ncat: {why}.\n") })
                    }
                    Kind::Telnet if sys.userland() == Userland::Gnu => {
                        sys.out(format!("Trying {ip}...\n"));
                        out.push_str(&format!("telnet: Unable to connect to remote host: {why}\n"));
                    }
                    Kind::Telnet => out.push_str(&format!("telnet: can't connect to remote host ({ip}): {why}\n")),
                    _ => {}
                }
                continue;
            };
            code = 0;
            if self.verbose {
                let service = match port {
                    22 => "ssh",
                    53 => "domain",
                    80 => "http",
                    443 => "https",
                    3306 => "mysql",
                    5432 => "postgresql",
                    6379 => "redis",
                    8080 => "http-alt",
                    _ => "*",
                };
                let text = match self.kind {
                    Kind::Busybox => format!("{host} ({ip}:{port}) open\n"),
                    Kind::OpenBsd => format!(
                        "Connection to {host}{} {port} port [tcp/{service}] succeeded!\n",
                        if numeric { String::new() } else { format!(" ({ip})") }
                    ),
                    Kind::Ncat => format!("Ncat: Connected to {ip}:{port}.\n"),
                    Kind::Telnet if sys.userland() == Userland::Gnu => {
                        sys.out(format!("Trying {ip}...\nConnected to {host}.\nEscape character is '^]'.\n"));
                        String::new()
                    }
                    Kind::Telnet => {
                        sys.out(format!(
                            "Connected to {host}\n\nEntering character mode\nEscape character is '^]'.\n\n"
                        ));
                        String::new()
                    }
                };
                out.push_str(&text);
            }
            if !scans {
                sys.err(&out);
                self.fd = Some(fd);
                self.heard = sys.now();
                return runs(Running::Nc(Box::new(self.clone())));
            }
            if self.kind == Kind::Ncat && self.verbose {
                out.push_str("Ncat: 0 bytes sent, 0 bytes received in 0.01 seconds.\n");
            }
            let _ = sys.close(fd);
        }
        Later::start(sys, took, String::new(), out, code)
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if self.fd.is_some() { self.step_client(sys) } else { self.step_server(sys) }
    }

    fn step_client(&mut self, sys: &mut Sys<'_>) -> Turn {
        let Some(fd) = self.fd else { return Turn::Exit(Status::Code(1)) };
        let mut inputs = vec![fd];
        match sys.read(fd, PIECE) {
            Ok(Input::Bytes(bytes)) => {
                self.heard = sys.now();
                sys.out(&bytes);
                return Turn::Again;
            }
            Ok(Input::Wait) => {}
            Ok(Input::End) | Err(_) => {
                if self.kind == Kind::Telnet {
                    let gnu = sys.userland() == Userland::Gnu;
                    sys.err(if gnu {
                        "Connection closed by foreign host.\n"
                    } else {
                        "Connection closed by foreign host\n"
                    });
                    return Turn::Exit(Status::Code(1));
                }
                return Turn::Exit(Status::Code(0));
            }
        }
        if self.stdin_open {
            match sys.read(0, PIECE) {
                Ok(Input::Bytes(bytes)) => {
                    self.heard = sys.now();
                    if sys.write(fd, &bytes).is_err() {
                        return Turn::Exit(Status::Code(1));
                    }
                    return Turn::Again;
                }
                Ok(Input::Wait) => inputs.push(0),
                Ok(Input::End) | Err(_) => {
                    self.stdin_open = false;
                    self.ended = Some(sys.now());
                    if self.kind != Kind::OpenBsd || self.quits.is_some() {
                        let _ = sys.shutdown(fd);
                        return Turn::Again;
                    }
                }
            }
        }
        let mut limits = Vec::new();
        if let (Some(ended), Some(quits)) = (self.ended, self.quits) {
            limits.push(ended + Duration(quits.max(50)));
        }
        if let Some(patience) = self.patience {
            limits.push(self.heard + Duration(patience));
        }
        let until = limits.into_iter().min();
        if until.is_some_and(|u| u <= sys.now()) {
            let by_silence = self.ended.is_none() || self.quits.is_none();
            if by_silence && self.kind == Kind::Busybox && self.verbose {
                sys.err("nc: timed out\n");
            }
            return Turn::Exit(Status::Code(0));
        }
        Turn::Wait(Wait { input: inputs, until, ..Wait::default() })
    }

    fn step_server(&mut self, sys: &mut Sys<'_>) -> Turn {
        let mut inputs: Vec<Fd> = Vec::new();
        // What commands have said goes to whom they serve.
        let mut at = 0;
        while at < self.sessions.len() {
            let (from, peer, child) = (self.sessions[at].from, self.sessions[at].peer, self.sessions[at].child);
            match sys.read(from, PIECE) {
                Ok(Input::Bytes(bytes)) => {
                    sys.push(peer.connection, Reply { bytes, close: false, ..Reply::default() });
                    return Turn::Again;
                }
                Ok(Input::Wait) => {
                    inputs.push(from);
                    at += 1;
                }
                Ok(Input::End) | Err(_) => {
                    sys.push(peer.connection, Reply { close: true, ..Reply::default() });
                    let _ = sys.wait_child(Some(child));
                    self.hang_up(sys, at);
                }
            }
        }
        if self.done && self.sessions.is_empty() && !self.keeps {
            return Turn::Exit(Status::Code(0));
        }
        if self.exec.is_some() {
            return Turn::Wait(Wait { input: inputs, child: false, ..Wait::default() });
        }
        if let Some(peer) = self.peer {
            if self.stdin_open {
                match sys.read(0, PIECE) {
                    Ok(Input::Bytes(bytes)) => {
                        sys.push(peer.connection, Reply { bytes, close: false, ..Reply::default() });
                        return Turn::Again;
                    }
                    Ok(Input::Wait) => inputs.push(0),
                    Ok(Input::End) | Err(_) => {
                        self.stdin_open = false;
                        self.ended = Some(sys.now());
                    }
                }
            }
            if let Some(ended) = self.ended {
                let until = if self.talked { ended } else { ended + PAUSE };
                if sys.now() >= until {
                    sys.push(peer.connection, Reply { close: true, ..Reply::default() });
                    self.peer = None;
                    self.done = !self.keeps;
                    return Turn::Again;
                }
                return Turn::Wait(Wait { input: inputs, until: Some(until), ..Wait::default() });
            }
        }
        Turn::Wait(Wait { input: inputs, ..Wait::default() })
    }

    /// Lets go of a session.
    fn hang_up(&mut self, sys: &mut Sys<'_>, at: usize) {
        let session = self.sessions.remove(at);
        if let Some(to) = session.to {
            let _ = sys.close(to);
        }
        let _ = sys.close(session.from);
    }

    /// Starts the command that serves a connection.
    fn serve_with(&mut self, sys: &mut Sys<'_>, command: &[String], peer: Peer) -> Result<(), Errno> {
        let (child_in, to) = sys.pipe();
        let (from, child_out) = sys.pipe();
        let child = sys.fork(Program::Command(command.to_vec()))?;
        let _ = sys.as_child(child, |sys| {
            sys.dup2(child_in, 0)?;
            sys.dup2(child_out, 1)?;
            for fd in [child_in, child_out, to, from] {
                let _ = sys.close(fd);
            }
            Ok(())
        });
        let _ = sys.close(child_in);
        let _ = sys.close(child_out);
        self.sessions.push(Session { peer, to: Some(to), from, child });
        Ok(())
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, peer: &Peer, sent: Sent<'_>) -> Reply {
        let refuse = Reply { close: true, ..Reply::default() };
        match sent {
            Sent::Open => {
                let busy =
                    self.peer.is_some() || (self.done && !self.keeps) || (!self.sessions.is_empty() && !self.keeps);
                if busy {
                    return refuse;
                }
                if self.verbose {
                    let (ip, port) = (peer.ip, peer.port);
                    let own = format!("{}:{}", sys.sandbox.ip, self.port.unwrap_or_default());
                    let text = match self.kind {
                        Kind::Busybox => format!("connect to [::ffff:{own}] from (null) ([::ffff:{ip}]:{port})\n")
                            .replace(
                                &format!("{own}]"),
                                &format!("{}]:{}", sys.sandbox.ip, self.port.unwrap_or_default()),
                            ),
                        Kind::Ncat => format!("Ncat: Connection from {ip}:{port}.\n"),
                        _ => format!("Connection received on {ip} {port}\n"),
                    };
                    sys.err(text);
                }
                if !self.keeps
                    && let Some(listener) = self.listener.take()
                {
                    let _ = sys.close(listener);
                }
                if let Some(command) = self.exec.clone() {
                    if self.serve_with(sys, &command, *peer).is_err() {
                        return refuse;
                    }
                    self.done = true;
                    return Reply::default();
                }
                self.peer = Some(*peer);
                self.talked = false;
                let mut reply = Reply { bytes: std::mem::take(&mut self.waiting), close: false, ..Reply::default() };
                while self.stdin_open && reply.bytes.len() < 1 << 20 {
                    match sys.read(0, PIECE) {
                        Ok(Input::Bytes(bytes)) => reply.bytes.extend(bytes),
                        Ok(Input::Wait) => break,
                        Ok(Input::End) | Err(_) => {
                            self.stdin_open = false;
                            self.ended = Some(sys.now());
                        }
                    }
                }
                reply
            }
            Sent::Bytes([]) => {
                if let Some(session) = self.sessions.iter_mut().find(|s| s.peer.connection == peer.connection) {
                    if let Some(to) = session.to.take() {
                        let _ = sys.close(to);
                    }
                    return Reply::default();
                }
                self.peer = None;
                self.done = !self.keeps;
                refuse
            }
            Sent::Bytes(bytes) => {
                if let Some(session) = self.sessions.iter().find(|s| s.peer.connection == peer.connection) {
                    if let Some(to) = session.to {
                        let _ = sys.write(to, bytes);
                    }
                    return Reply::default();
                }
                sys.out(bytes);
                self.talked = true;
                Reply::default()
            }
            Sent::Closed => {
                if let Some(session) = self.sessions.iter_mut().find(|s| s.peer.connection == peer.connection) {
                    if let Some(to) = session.to.take() {
                        let _ = sys.close(to);
                    }
                    return Reply::default();
                }
                if self.peer.is_some_and(|p| p.connection == peer.connection) {
                    self.peer = None;
                    self.done = !self.keeps;
                }
                Reply::default()
            }
        }
    }
}
