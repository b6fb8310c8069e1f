//! `redis`: the server with its log, its files and its protocol; `redis-cli`.
//!
//! Facts: docker-library/redis and repo-info; Redis' documentation of its commands and configuration, and what a running
//! Redis prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::reference::Reference;
use super::{Begin, Begun, Model, Server};
use crate::api::{Duration, Time};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Fd, Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent};

pub mod cli;
mod cluster;
mod commands;
mod data;
mod persist;
mod replica;
pub(super) mod resp;
pub mod sentinel;
mod settings;
mod tribe;

use data::Db;
use settings::{default_settings, renamed};

const VERSIONS: [&str; 9] = ["8.4.0", "8.2.3", "8.0.5", "7.4.7", "7.2.12", "7.0.15", "6.2.21", "6.0.20", "5.0.14"];

/// The images.
pub(super) fn model(reference: &Reference) -> Model {
    let follows = matches!(reference.name(), "gb-redis-follower" | "gb-redisslave" | "redis-slave" | "gb_redisslave");
    let mut version = reference.version_of(&VERSIONS);
    if !reference.is_official() {
        version = "6.0.20".into();
    }
    let base = if reference.is_official() { Base::of_tag(reference) } else { Base::Debian(10) };
    let model = Model::on(base)
        .sets("REDIS_VERSION", version.clone())
        .version(version)
        .enters(&["docker-entrypoint.sh"])
        .runs(&["redis-server"])
        .cwd("/data")
        .exposes(&[6379])
        .keeps(&["/data"])
        .adds(25_600_000)
        .account("redis", 999, if base.has_musl() { 1000 } else { 999 }, "/home/redis", "/bin/false")
        .dir("/data", 0o755, (999, if base.has_musl() { 1000 } else { 999 }))
        .program("/usr/local/bin/docker-entrypoint.sh", "redis-entrypoint")
        .program("/usr/local/bin/redis-server", "redis-server")
        .program("/usr/local/bin/redis-sentinel", "redis-server")
        .program("/usr/local/bin/redis-cli", "redis-cli")
        .program("/usr/local/bin/redis-benchmark", "redis-benchmark");
    if follows { model.runs(&["redis-server", "--replicaof", "redis-leader", "6379"]) } else { model }
}

/// The entry point: options and configurations are for the server, which runs as `redis`.
fn entry(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let mut rest = args[1..].to_vec();
    if rest.first().is_some_and(|f| f.starts_with('-') || f.ends_with(".conf")) {
        rest.insert(0, "redis-server".into());
    }
    if rest.is_empty() {
        return Begun::Exit(0);
    }
    if rest.first().is_some_and(|f| f == "redis-server") && sys.process().uid == 0 {
        let group = if super::has_musl(sys.image()) { 1000 } else { 999 };
        let folder = sys.process().cwd.clone();
        let _ = sys.chown(&folder, Some(999), None, true);
        for (name, stat) in sys.read_dir(&folder).unwrap_or_default() {
            if stat.uid != 999 {
                let _ = sys.chown(&format!("{folder}/{name}"), Some(999), None, false);
            }
        }
        let process = sys.process_mut();
        (process.uid, process.gid) = (999, group);
    }
    Begun::Becomes(rest)
}

fn server(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let version = super::find(sys.image()).version.clone();
    let version = if version.is_empty() { VERSIONS[0].to_string() } else { version };
    let has = |word: &str| args.get(1).is_some_and(|a| a == word);
    if has("-v") || has("--version") {
        sys.out(format!(
            "Redis server v={version} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=5b3b5f5b1f2e4a5c\n"
        ));
        return Begun::Exit(0);
    }
    if sentinel::is_meant(args) {
        return sentinel::start(sys, args, version);
    }
    let mut redis = Redis { version, ..Redis::default() };
    redis.settings = default_settings();
    let mut words = args[1..].iter().peekable();
    if let Some(file) = words.next_if(|w| !w.starts_with("--")) {
        redis.file = file.clone();
        let text = match sys.read_file(file) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(fault) => {
                let c = redis.stamp(sys, 'C');
                let why = sys.text(fault);
                sys.out(format!("{c} # Fatal error, can't open config file '{file}': {why}\n"));
                return Begun::Exit(1);
            }
        };
        for (number, line) in text.lines().enumerate() {
            let words = resp::split(line);
            if words.first().is_none_or(|w| w.starts_with('#')) {
                continue;
            }
            if let Err(why) = redis.set(&words) {
                sys.err(format!("\n*** FATAL CONFIG FILE ERROR (Redis {}) ***\nReading the configuration file, at line {}\n>>> '{}'\n{why}\n", redis.version, number + 1, line.trim()));
                return Begun::Exit(1);
            }
        }
    }
    let mut lines: Vec<Vec<String>> = Vec::new();
    for word in words {
        match word.strip_prefix("--") {
            Some(name) if !name.is_empty() => lines.push(vec![name.to_string()]),
            _ => match lines.last_mut() {
                Some(line) => line.extend(if word.is_empty() { vec![String::new()] } else { vec![word.clone()] }),
                None => lines.push(vec![word.clone()]),
            },
        }
    }
    redis.configured = args.len() > 1;
    for line in lines {
        let line: Vec<String> =
            line.iter().flat_map(|w| if w.contains(' ') { resp::split(w) } else { vec![w.clone()] }).collect();
        if let Err(why) = redis.set(&line) {
            let shown: Vec<String> = line.iter().map(|w| format!("\"{w}\"")).collect();
            sys.err(format!("\n*** FATAL CONFIG FILE ERROR (Redis {}) ***\nReading the configuration file, at line 2\n>>> '{} {}'\n{why}\n", redis.version, line[0], shown[1..].join(" ")));
            return Begun::Exit(1);
        }
    }
    Begun::Serves(Server::Redis(Box::new(redis)))
}

pub(super) const PROGRAMS: &[(&str, Begin)] =
    &[("redis-benchmark", benchmark), ("redis-cli", cli::start), ("redis-entrypoint", entry), ("redis-server", server)];

/// `redis-benchmark`: there is nothing to measure.
fn benchmark(sys: &mut Sys<'_>, _: &[String]) -> Begun {
    sys.err("redis-benchmark: this machine's Redis takes no time to answer, so there is nothing to measure\n");
    Begun::Exit(1)
}

/// What a client has said of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Client {
    address: String,
    since: Time,
    buffer: Vec<u8>,
    db: u32,
    name: String,
    authed: bool,
    queue: Option<Vec<Vec<Vec<u8>>>>,
    broken: bool,
    channels: Vec<Vec<u8>>,
    patterns: Vec<Vec<u8>>,
    is_replica: bool,
    replica_port: u16,
    monitors: bool,
    /// Whether the next command may be about a slot that is being imported.
    asking: bool,
    /// Whether a replica of a cluster may answer reads.
    readonly: bool,
}

/// The server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Redis {
    version: String,
    file: String,
    configured: bool,
    settings: BTreeMap<String, String>,
    started: bool,
    began: Time,
    fd: Option<Fd>,
    dbs: BTreeMap<u32, Db>,
    clients: BTreeMap<u64, Client>,
    run_id: String,
    replid: String,
    offset: u64,
    dirty: u64,
    saved: Time,
    commands: u64,
    connections: u64,
    hits: u64,
    misses: u64,
    ends: Option<End>,
    link: replica::Link,
    /// The user's password and others set later count as `requirepass`.
    aof: bool,
    cluster: cluster::Cluster,
}

/// Why the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum End {
    Signal(u8),
    Command,
    WithoutSaving,
}

impl Redis {
    /// `1:M 30 Nov 2026 12:04:15.875`
    fn stamp(&self, sys: &Sys<'_>, role: char) -> String {
        let c = Civil::of(sys.now());
        let me = sys.getpid();
        format!("{me}:{role} {:02} {} {} {}.{:03}", c.day, c.month_name(), c.year, c.clock(), c.milli)
    }

    fn role(&self) -> char {
        if self.link.host.is_empty() { 'M' } else { 'S' }
    }

    /// Writes a line of the log.
    fn say(&self, sys: &mut Sys<'_>, sign: char, text: &str) {
        let role = self.role();
        let line = format!("{} {sign} {text}\n", self.stamp(sys, role));
        self.write(sys, &line);
    }

    fn write(&self, sys: &mut Sys<'_>, line: &str) {
        match self.setting("logfile") {
            "" => sys.out(line),
            path => super::write_log(sys, path, line),
        }
    }

    fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    /// The number of the version's parts: 7.2 is 702.
    fn age(&self) -> u32 {
        let mut parts = self.version.split('.').map(|p| p.parse().unwrap_or(0));
        parts.next().unwrap_or(7) * 100 + parts.next().unwrap_or(0)
    }

    /// As of 7.2 the server's own news are notices, not warnings.
    fn sign(&self) -> char {
        if self.age() >= 702 { '*' } else { '#' }
    }

    /// Sets what a line of a configuration says.
    fn set(&mut self, words: &[String]) -> Result<(), String> {
        let name = words.first().map(|w| w.to_ascii_lowercase()).unwrap_or_default();
        let name = renamed(&name);
        let rest = words.get(1..).unwrap_or_default();
        match name.as_str() {
            "include" | "user" | "rename-command" | "loadmodule" | "sentinel" | "aclfile" | "tls-port" => return Ok(()),
            "save" => {
                let new = rest.join(" ");
                let old = self.settings.insert("save".into(), new.clone()).unwrap_or_default();
                if !new.is_empty() && self.file.is_empty() && old != default_settings()["save"] && !old.is_empty() {
                    self.settings.insert("save".into(), format!("{old} {new}"));
                }
                return Ok(());
            }
            "replicaof" => {
                if rest.len() != 2 {
                    return Err("wrong number of arguments".into());
                }
                if rest[0].eq_ignore_ascii_case("no") && rest[1].eq_ignore_ascii_case("one") {
                    self.settings.insert(name, String::new());
                    return Ok(());
                }
                self.settings.insert(name, rest.join(" "));
                self.link.host.clone_from(&rest[0]);
                self.link.port = rest[1].parse().map_err(|_| "Invalid master port".to_string())?;
                return Ok(());
            }
            _ => {}
        }
        if !self.settings.contains_key(&name) {
            return Err("Bad directive or wrong number of arguments".into());
        }
        if rest.is_empty() {
            return Err("wrong number of arguments".into());
        }
        let mut value = rest.join(" ");
        let is_switch = matches!(default_settings().get(&name).map(String::as_str), Some("yes" | "no"));
        if is_switch && !matches!(value.as_str(), "yes" | "no") && name != "supervised" && name != "oom-score-adj" {
            return Err("argument must be 'yes' or 'no'".into());
        }
        if name == "maxmemory" {
            value = memory(&value).ok_or("argument must be a memory value")?.to_string();
        }
        if name == "port" && value.parse::<u16>().is_err() {
            return Err("argument couldn't be parsed into an integer".into());
        }
        self.settings.insert(name, value);
        Ok(())
    }

    fn port(&self) -> u16 {
        self.setting("port").parse().unwrap_or(6379)
    }

    fn folder(&self) -> String {
        let dir = self.setting("dir");
        if dir == "." || dir.is_empty() { String::new() } else { format!("{}/", dir.trim_end_matches('/')) }
    }

    fn start(&mut self, sys: &mut Sys<'_>) -> Result<(), Turn> {
        self.started = true;
        self.began = sys.now();
        self.saved = sys.now();
        for id in [0, 1] {
            let text: String = (0..3).map(|_| format!("{:016x}", sys.random())).collect();
            let text = text.chars().take(40).collect();
            if id == 0 { self.run_id = text } else { self.replid = text }
        }
        let mark = if self.age() >= 702 { '*' } else { '#' };
        let me = sys.getpid();
        let c = self.stamp(sys, 'C');
        let version = self.version.clone();
        let mut text = format!(
            "{c} {mark} oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n{c} {mark} Redis version={version}, bits=64, commit=00000000, modified={}, pid={me}, just started\n",
            if self.age() >= 702 { 1 } else { 0 }
        );
        if self.configured {
            text.push_str(&format!("{c} {mark} Configuration loaded\n"));
        } else {
            text.push_str(&format!("{c} # Warning: no config file specified, using the default config. In order to specify a config file use redis-server /path/to/redis.conf\n"));
        }
        self.write(sys, &text);
        for signal in [Signal::TERM, Signal::INT] {
            sys.set_disposition(signal, Some(Disposition::Catch));
        }
        if self.age() >= 602 {
            self.say(sys, '*', "monotonic clock: POSIX clock_gettime");
        }
        let port = self.port();
        match sys.listen(port) {
            Ok(fd) => self.fd = Some(fd),
            Err(_) => {
                self.say(
                    sys,
                    '#',
                    &format!(
                        "Warning: Could not create server TCP listening socket *:{port}: bind: Address already in use"
                    ),
                );
                self.say(sys, '#', &format!("Failed listening on port {port} (tcp), aborting."));
                return Err(Turn::Exit(Status::Code(1)));
            }
        }
        let dir = self.folder();
        if !dir.is_empty() && sys.chdir(&dir).is_err() {
            self.say(sys, '#', &format!("Can't chdir to '{}': No such file or directory", self.setting("dir")));
            return Err(Turn::Exit(Status::Code(1)));
        }
        let clustered = self.setting("cluster-enabled") == "yes";
        if clustered {
            self.start_cluster(sys)?;
        }
        let mode = if clustered { "cluster" } else { "standalone" };
        self.say(sys, '*', &format!("Running mode={mode}, port={port}."));
        let sign = self.sign();
        self.say(sys, sign, "Server initialized");
        self.load(sys)?;
        let ready = if self.age() >= 702 { "Ready to accept connections tcp" } else { "Ready to accept connections" };
        self.say(sys, '*', ready);
        let address = if self.setting("bind").contains('*') {
            format!("*:{port}")
        } else {
            format!("{}:{port}", self.setting("bind").split(' ').next().unwrap_or("*"))
        };
        let title = if self.setting("cluster-enabled") == "yes" {
            format!("redis-server {address} [cluster]")
        } else {
            format!("redis-server {address}")
        };
        sys.process_mut().args = vec![title];
        if !self.link.host.is_empty() {
            self.connect_to_master(sys);
        }
        Ok(())
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started
            && let Err(turn) = self.start(sys)
        {
            return turn;
        }
        if let Some(signal) = sys.take_signal() {
            self.ends = Some(End::Signal(signal.number() as u8));
        }
        if let Some(end) = self.ends {
            return self.end(sys, end);
        }
        let save = self.save_when_due(sys);
        let links = self.tend_cluster(sys);
        let mut link = self.follow(sys);
        link.input.extend(links.input);
        let until = [save, link.until, links.until].into_iter().flatten().min();
        Turn::Wait(Wait { input: link.input, until, ..Wait::default() })
    }

    fn end(&mut self, sys: &mut Sys<'_>, end: End) -> Turn {
        match end {
            End::Signal(2) => {
                let me = sys.getpid();
                let text =
                    format!("{me}:signal-handler ({}) Received SIGINT scheduling shutdown...\n", sys.now().0 / 1000);
                self.write(sys, &text);
            }
            End::Signal(_) => {
                let me = sys.getpid();
                let text =
                    format!("{me}:signal-handler ({}) Received SIGTERM scheduling shutdown...\n", sys.now().0 / 1000);
                self.write(sys, &text);
            }
            _ => {}
        }
        let sign = self.sign();
        self.say(sys, sign, "User requested shutdown...");
        if self.aof {
            self.say(sys, '*', "Calling fsync() on the AOF file.");
        }
        if end != End::WithoutSaving && !self.setting("save").is_empty() {
            self.say(sys, '*', "Saving the final RDB snapshot before exiting.");
            match self.save(sys) {
                Ok(()) => self.say(sys, '*', "DB saved on disk"),
                Err(text) => {
                    self.say(sys, '#', &text);
                    self.say(sys, '#', "Error trying to save the DB, can't exit.");
                    if matches!(end, End::Signal(_)) {
                        self.ends = None;
                        return Turn::Again;
                    }
                }
            }
        }
        self.say(sys, sign, "Redis is now ready to exit, bye bye...");
        Turn::Exit(Status::Code(0))
    }

    /// Saves when a save point is reached; when to look again.
    fn save_when_due(&mut self, sys: &mut Sys<'_>) -> Option<Time> {
        if self.dirty == 0 {
            return None;
        }
        let numbers: Vec<i64> = self.setting("save").split_whitespace().filter_map(|w| w.parse().ok()).collect();
        let mut next = None;
        for point in numbers.chunks_exact(2) {
            let (seconds, changes) = (point[0], point[1]);
            if (self.dirty as i64) < changes {
                continue;
            }
            let due = self.saved + Duration::secs(seconds) + Duration::millis(100);
            if sys.now() >= due {
                self.say(sys, '*', &format!("{changes} changes in {seconds} seconds. Saving..."));
                self.save_in_background(sys);
                return None;
            }
            next = Some(next.map_or(due, |n: Time| n.min(due)));
        }
        next
    }

    fn save_in_background(&mut self, sys: &mut Sys<'_>) {
        // The child has the next number.
        let name = sys.process().container.clone();
        let child = sys.sandbox.containers.get_mut(&name).map_or(0, |c| {
            c.next_local += 1;
            c.next_local - 1
        });
        self.say(sys, '*', &format!("Background saving started by pid {child}"));
        let saved = self.save(sys);
        let c = self.stamp(sys, 'C');
        let c = c.split_once(':').map_or(c.clone(), |(_, rest)| format!("{child}:{rest}"));
        match saved {
            Ok(()) => {
                self.write(
                    sys,
                    &format!("{c} * DB saved on disk\n{c} * Fork CoW for RDB: current 0 MB, peak 0 MB, average 0 MB\n"),
                );
                self.say(sys, '*', "Background saving terminated with success");
            }
            Err(text) => {
                self.write(sys, &format!("{c} # {text}\n"));
                self.say(sys, '#', "Background saving error");
            }
        }
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, port: u16, peer: &Peer, sent: Sent<'_>) -> Reply {
        if port != self.port() {
            return self.on_bus(sys, peer, sent);
        }
        match sent {
            Sent::Open => {
                self.connections += 1;
                let address = format!("{}:{}", peer.ip, peer.port);
                let authed = self.setting("requirepass").is_empty();
                let client = Client { address, since: sys.now(), authed, ..Client::default() };
                self.clients.insert(peer.connection, client);
                Reply::default()
            }
            Sent::Closed => {
                if let Some(client) = self.clients.remove(&peer.connection).filter(|c| c.is_replica) {
                    let ip = client.address.split(':').next().unwrap_or_default().to_string();
                    let port = client.replica_port;
                    self.say(sys, '*', &format!("Connection with replica {ip}:{port} lost."));
                }
                Reply::default()
            }
            Sent::Bytes(bytes) => {
                let Some(client) = self.clients.get_mut(&peer.connection) else {
                    return Reply { close: true, ..Reply::default() };
                };
                client.buffer.extend_from_slice(bytes);
                let mut buffer = std::mem::take(&mut client.buffer);
                let mut reply = Reply::default();
                let mut at = 0;
                while let Some((words, used)) = resp::command(&buffer[at..]) {
                    at += used;
                    if words.is_empty() {
                        continue;
                    }
                    let (answer, closes) = self.answer(sys, peer.connection, words);
                    answer.encode(&mut reply.bytes);
                    if closes {
                        reply.close = true;
                        break;
                    }
                }
                buffer.drain(..at.min(buffer.len()));
                if let Some(client) = self.clients.get_mut(&peer.connection) {
                    client.buffer = buffer;
                }
                reply
            }
        }
    }
}

/// A number of bytes: `100mb`.
fn memory(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}
