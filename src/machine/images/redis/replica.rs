//! Replication: a replica's link to its master, and what a master sends to its replicas.

use serde::{Deserialize, Serialize};

use super::resp::{self, Resp};
use super::{Redis, persist};
use crate::api::{Duration, Time};
use crate::machine::kernel::{Fd, Input, Sys};
use crate::machine::net::{Reply, resolver};

/// How long a replica waits before it tries again.
const AGAIN: Duration = Duration::secs(5);

/// A replica's link to its master.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Link {
    /// The master; empty for none.
    pub host: String,
    /// Its port.
    pub port: u16,
    fd: Option<Fd>,
    buffer: Vec<u8>,
    /// Whether the snapshot has come.
    pub synced: bool,
    next: Option<Time>,
    /// Since when the link is down.
    pub down: Option<Time>,
    /// How often it failed in a row: the log is kept short.
    failed: u32,
    /// The database that the master's commands are for.
    db: u32,
}

/// What a replica waits for.
#[derive(Default)]
pub(super) struct Waits {
    pub input: Vec<Fd>,
    pub until: Option<Time>,
}

impl Redis {
    /// Becomes a replica, or a master again with none.
    pub(super) fn replicate(&mut self, sys: &mut Sys<'_>, master: Option<(String, u16)>) {
        if let Some(fd) = self.link.fd.take() {
            let _ = sys.close(fd);
        }
        match master {
            Some((host, port)) => {
                self.settings.insert("replicaof".into(), format!("{host} {port}"));
                self.link = Link { host, port, ..Link::default() };
                self.say(sys, '*', "Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to synchronize with the new master with just a partial transfer.");
                let (host, port) = (self.link.host.clone(), self.link.port);
                self.say(sys, '*', &format!("Connecting to MASTER {host}:{port}"));
                self.say(sys, '*', &format!("REPLICAOF {host}:{port} enabled (user request)"));
                self.link.next = Some(sys.now());
            }
            None => {
                self.settings.insert("replicaof".into(), String::new());
                let was = !self.link.host.is_empty();
                self.link = Link::default();
                if was {
                    self.say(sys, '*', "Discarding previously cached master state.");
                    self.say(sys, '*', "MASTER MODE enabled (user request)");
                }
            }
        }
    }

    /// Becomes a cluster's replica of a master, or its master.
    pub(super) fn follow_silently(&mut self, sys: &mut Sys<'_>, master: Option<(String, u16)>) {
        if let Some(fd) = self.link.fd.take() {
            let _ = sys.close(fd);
        }
        let was = !self.link.host.is_empty();
        match master {
            Some((host, port)) => {
                self.link = Link { host, port, next: Some(sys.now()), ..Link::default() };
                if !was {
                    self.say(sys, '*', "Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to synchronize with the new master with just a partial transfer.");
                }
            }
            None => {
                self.link = Link::default();
                if was {
                    self.say(sys, '*', "Discarding previously cached master state.");
                }
            }
        }
    }

    /// Opens the link; what is sent at once is answered at once.
    pub(super) fn connect_to_master(&mut self, sys: &mut Sys<'_>) {
        let (host, port) = (self.link.host.clone(), self.link.port);
        if self.link.failed < 3 {
            self.say(sys, '*', &format!("Connecting to MASTER {host}:{port}"));
            self.say(sys, '*', "MASTER <-> REPLICA sync started");
        }
        let ip = resolver::resolve(sys, &host).ok().and_then(|ips| ips.first().copied());
        let opened = match ip {
            Some(ip) => sys.connect(ip, port).map_err(|f| sys.text(f)),
            None => Err("Name or service not known"),
        };
        let fd = match opened {
            Ok(fd) => fd,
            Err(why) => {
                if self.link.failed < 3 {
                    self.say(sys, '#', &format!("Error condition on socket for SYNC: {why}"));
                }
                self.link.failed += 1;
                self.link.down.get_or_insert(sys.now());
                self.link.next = Some(sys.now() + AGAIN);
                return;
            }
        };
        self.link.failed = 0;
        self.say(sys, '*', "Non blocking connect for SYNC fired the event.");
        self.say(sys, '*', "Master replied to PING, replication can continue...");
        let mut bytes = Vec::new();
        let password = self.setting("masterauth").to_string();
        if !password.is_empty() {
            bytes.extend(resp::encode_command(&["AUTH", &password]));
        }
        let own = self.port().to_string();
        bytes.extend(resp::encode_command(&["REPLCONF", "listening-port", &own]));
        bytes.extend(resp::encode_command(&["PSYNC", "?", "-1"]));
        self.say(sys, '*', "Trying a partial resynchronization (request 0000000000000000000000000000000000000000:1).");
        let _ = sys.write(fd, &bytes);
        self.link.fd = Some(fd);
        self.link.next = None;
        self.link.buffer.clear();
        self.link.synced = false;
    }

    /// Takes what the master sent.
    pub(super) fn follow(&mut self, sys: &mut Sys<'_>) -> Waits {
        if self.link.host.is_empty() {
            return Waits::default();
        }
        if self.link.fd.is_none() && self.link.next.is_none_or(|at| sys.now() >= at) {
            self.connect_to_master(sys);
        }
        let Some(fd) = self.link.fd else { return Waits { until: self.link.next, ..Waits::default() } };
        loop {
            match sys.read(fd, 1 << 20) {
                Ok(Input::Bytes(bytes)) => {
                    self.link.buffer.extend(bytes);
                    self.take(sys);
                }
                Ok(Input::Wait) => return Waits { input: vec![fd], until: None },
                Ok(Input::End) | Err(_) => {
                    let _ = sys.close(fd);
                    self.link.fd = None;
                    self.link.synced = false;
                    self.link.down = Some(sys.now());
                    self.say(sys, '*', "Connection with master lost.");
                    self.say(sys, '*', "Caching the disconnected master state.");
                    self.say(sys, '*', "Reconnecting to MASTER");
                    self.link.next = Some(sys.now() + Duration::secs(1));
                    return Waits { until: self.link.next, ..Waits::default() };
                }
            }
        }
    }

    fn take(&mut self, sys: &mut Sys<'_>) {
        let buffer = std::mem::take(&mut self.link.buffer);
        let mut at = 0;
        while at < buffer.len() {
            if self.link.synced {
                let Some((words, used)) = resp::command(&buffer[at..]) else { break };
                at += used;
                self.offset += used as u64;
                self.apply(sys, &words);
                continue;
            }
            let Some((value, used)) = Resp::decode(&buffer[at..]) else { break };
            at += used;
            match value {
                Resp::Simple(text) if text.starts_with("FULLRESYNC") => {
                    let words: Vec<&str> = text.split(' ').collect();
                    self.replid = words.get(1).map(|w| (*w).to_string()).unwrap_or_default();
                    self.offset = words.get(2).and_then(|w| w.parse().ok()).unwrap_or(0);
                    let (id, offset) = (self.replid.clone(), self.offset);
                    self.say(sys, '*', &format!("Full resync from master: {id}:{offset}"));
                }
                Resp::Bulk(bytes) => {
                    if let Some(dbs) = persist::read(&bytes) {
                        self.say(
                            sys,
                            '*',
                            "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to disk",
                        );
                        self.say(sys, '*', "MASTER <-> REPLICA sync: Flushing old data");
                        self.say(sys, '*', "MASTER <-> REPLICA sync: Loading DB in memory");
                        let keys: usize = dbs.values().map(super::Db::len).sum();
                        let version = self.version.clone();
                        self.say(sys, '*', &format!("Loading RDB produced by version {version}"));
                        self.say(sys, '*', "RDB age 0 seconds");
                        self.say(sys, '*', "RDB memory usage when created 0.95 Mb");
                        self.say(sys, '*', &format!("Done loading RDB, keys loaded: {keys}, keys expired: 0."));
                        self.say(sys, '*', "MASTER <-> REPLICA sync: Finished with success");
                        self.dbs = dbs;
                        self.rewrite_aof(sys);
                        self.link.synced = true;
                        self.link.down = None;
                    }
                }
                Resp::Error(text) => {
                    self.say(sys, '#', &format!("Unable to AUTH to MASTER: {text}"));
                }
                _ => {}
            }
        }
        self.link.buffer = buffer[at.min(buffer.len())..].to_vec();
    }

    /// Does what the master did.
    fn apply(&mut self, sys: &mut Sys<'_>, words: &[Vec<u8>]) {
        let name = words.first().map(|w| String::from_utf8_lossy(w).to_ascii_lowercase()).unwrap_or_default();
        let now = sys.now();
        match name.as_str() {
            "select" => self.link_db(words),
            "flushall" => self.dbs.clear(),
            "restore-asking" => {
                if let (Some(key), Some(Ok(entry))) = (words.get(1), words.get(3).map(|w| postcard::from_bytes(w))) {
                    self.dbs.entry(0).or_default().insert(key.clone(), entry);
                    self.append(sys, 0, words);
                }
            }
            _ if super::data::known(&name).is_some() => {
                let db = self.link.db;
                super::data::run(self.dbs.entry(db).or_default(), &name, words, now);
                self.append(sys, db, words);
                self.dirty += 1;
            }
            _ => {}
        }
        let bytes = resp::encode_command(words);
        self.send_on(sys, &bytes);
    }

    fn link_db(&mut self, words: &[Vec<u8>]) {
        let db = words.get(1).and_then(|w| String::from_utf8_lossy(w).parse().ok()).unwrap_or(0);
        self.link.db = db;
    }

    /// Sends a command on to the replicas.
    pub(super) fn propagate(&mut self, sys: &mut Sys<'_>, db: u32, words: &[Vec<u8>]) {
        if !self.clients.values().any(|c| c.is_replica) {
            return;
        }
        let mut bytes = Vec::new();
        if db != 0 {
            bytes.extend(resp::encode_command(&["SELECT".to_string(), db.to_string()]));
        }
        bytes.extend(resp::encode_command(words));
        if db != 0 {
            bytes.extend(resp::encode_command(&["SELECT", "0"]));
        }
        self.offset += bytes.len() as u64;
        self.send_on(sys, &bytes);
    }

    fn send_on(&mut self, sys: &mut Sys<'_>, bytes: &[u8]) {
        let replicas: Vec<u64> = self.clients.iter().filter(|(_, c)| c.is_replica).map(|(n, _)| *n).collect();
        for replica in replicas {
            sys.push(replica, Reply { bytes: bytes.to_vec(), close: false, ..Reply::default() });
        }
    }

    /// Answers a replica that wants all there is.
    pub(super) fn sync(&mut self, sys: &mut Sys<'_>, client: u64) -> Vec<u8> {
        let Some(who) = self.clients.get_mut(&client) else { return Vec::new() };
        who.is_replica = true;
        let name = format!("{}:{}", who.address.split(':').next().unwrap_or_default(), who.replica_port);
        self.say(sys, '*', &format!("Replica {name} asks for synchronization"));
        self.say(sys, '*', &format!("Full resync requested by replica {name}"));
        if self.clients.values().filter(|c| c.is_replica).count() == 1 && self.offset == 0 {
            let id = self.replid.clone();
            self.say(
                sys,
                '*',
                &format!("Replication backlog created, my new replication IDs are '{id}' and '{}'", "0".repeat(40)),
            );
        }
        self.say(sys, '*', "Delay next BGSAVE for diskless SYNC");
        self.say(sys, '*', "Starting BGSAVE for SYNC with target: replicas sockets");
        self.say(sys, '*', &format!("Streamed replica with replica {name} succeeded"));
        self.say(sys, '*', &format!("Synchronization with replica {name} succeeded"));
        let mut bytes = format!("+FULLRESYNC {} {}\r\n", self.replid, self.offset).into_bytes();
        Resp::bulk(persist::snapshot(&self.dbs)).encode(&mut bytes);
        bytes
    }
}
