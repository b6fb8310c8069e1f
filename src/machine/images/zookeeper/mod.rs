//! `zookeeper`: servers of an ensemble with their files, and the scripts beside them.
//!
//! Facts: ZooKeeper's administrator's guide (`zoo.cfg`, the four letter words), `zkCli.sh`; the image of the
//! documentation's tutorial "Running ZooKeeper" (`start-zookeeper`, `zookeeper-ready`); docker-library/zookeeper.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Model;
use super::base::Base;
use super::ensemble::{Change, Ensemble, Entry, Member};
use super::reference::Reference;
use crate::api::Time;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent};

mod scripts;

pub(super) use scripts::PROGRAMS;
pub use scripts::ZkCli;
use scripts::conf_file;

/// How a command of `zkCli.sh` begins on the wire.
const ASKS: &[u8] = b"\x01zk ";

/// The images: ZooKeeper's own, and that of the tutorial.
pub(super) fn model(reference: &Reference) -> Model {
    let own = reference.is_official();
    let version = if own {
        reference.version_of(&["3.9.4", "3.8.5", "3.7.2", "3.6.4", "3.5.10", "3.4.14"])
    } else {
        "3.4.10".into()
    };
    let (home, conf) =
        if own { ("/apache-zookeeper/bin", "/conf") } else { ("/opt/zookeeper/bin", "/opt/zookeeper/conf") };
    let base = if own { Base::of_tag(reference) } else { Base::Ubuntu((16, 4)) };
    let path = format!("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{home}");
    let mut model = Model::on(base)
        .sets("PATH", path)
        .sets("ZOOCFGDIR", conf)
        .version(version)
        .exposes(&[2181, 2888, 3888, 8080])
        .adds(120_000_000)
        .account("zookeeper", 1000, 1000, "/home/zookeeper", "/bin/bash")
        .dir(conf, 0o777, (1000, 1000))
        .tools("nc")
        .program("/usr/bin/start-zookeeper", "zk-start")
        .program("/usr/bin/zookeeper-ready", "zk-ready")
        .program("/usr/bin/zkOk.sh", "zk-ready");
    for (name, program) in [("zkServer.sh", "zk-server"), ("zkCli.sh", "zk-cli")] {
        model = model.program(&format!("{home}/{name}"), program);
    }
    if own {
        model
            .enters(&["/docker-entrypoint.sh"])
            .runs(&["zkServer.sh", "start-foreground"])
            .program("/docker-entrypoint.sh", "zk-entrypoint")
            .keeps(&["/data", "/datalog", "/logs"])
            .dir("/data", 0o777, (1000, 1000))
            .dir("/datalog", 0o777, (1000, 1000))
    } else {
        model.runs(&["start-zookeeper"]).dir("/var/lib/zookeeper", 0o777, (1000, 1000))
    }
}

/// The server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Zookeeper {
    started: bool,
    ensemble: Ensemble,
    whitelist: Option<String>,
    version: String,
}

fn stamp(now: Time) -> String {
    let c = Civil::of(now);
    format!("{} {},{:03}", c.date(), c.clock(), c.milli)
}

fn java_date(now: Time) -> String {
    let c = Civil::of(now);
    format!("{} {} {:02} {} UTC {}", c.day_name(), c.month_name(), c.day, c.clock(), c.year)
}

/// A path without its last part.
fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}

impl Zookeeper {
    fn say(&self, sys: &mut Sys<'_>, level: &str, text: &str) {
        let line = format!("{} [myid:{}] - {level:<5} {text}\n", stamp(sys.now()), self.ensemble.me);
        sys.out(line);
    }

    fn begin(&mut self, sys: &mut Sys<'_>) -> Result<(), u8> {
        self.started = true;
        self.version = super::find(sys.image()).version.clone();
        sys.set_disposition(Signal::TERM, Some(Disposition::Catch));
        sys.set_disposition(Signal::INT, Some(Disposition::Catch));
        let file = conf_file(sys);
        let Ok(bytes) = sys.read_file(&file) else {
            self.say(sys, "ERROR", "[main:QuorumPeerMain@85] - Invalid config, exiting abnormally");
            sys.err(format!("org.apache.zookeeper.server.quorum.QuorumPeerConfig$ConfigException: Error processing {file}\nInvalid config, exiting abnormally\n"));
            return Err(2);
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let settings: BTreeMap<&str, &str> = text
            .lines()
            .filter(|l| !l.starts_with('#'))
            .filter_map(|l| l.split_once('='))
            .map(|(n, v)| (n.trim(), v.trim()))
            .collect();
        let data = settings.get("dataDir").copied().unwrap_or("/data").to_string();
        self.whitelist = settings.get("4lw.commands.whitelist").map(|w| (*w).to_string());
        for (name, value) in &settings {
            let Some(id) = name.strip_prefix("server.").and_then(|n| n.parse().ok()) else { continue };
            let mut parts = value.split(';').next().unwrap_or_default().split(':');
            let host = parts.next().unwrap_or_default().to_string();
            let port = parts.next().and_then(|p| p.parse().ok()).unwrap_or(2888);
            self.ensemble.members.push(Member { id, name: host.clone(), host, port });
        }
        let id = format!("{data}/myid");
        let me = sys.read_file(&id).ok().and_then(|b| String::from_utf8_lossy(&b).trim().parse().ok());
        if self.ensemble.members.len() > 1 && me.is_none() {
            sys.err(format!(
                "java.lang.IllegalArgumentException: {id} file is missing\nInvalid config, exiting abnormally\n"
            ));
            return Err(2);
        }
        self.ensemble.me = me.unwrap_or(1);
        if self.ensemble.members.is_empty() {
            self.ensemble.members.push(Member { id: self.ensemble.me, ..Member::default() });
        }
        self.say(sys, "INFO", &format!("[main:QuorumPeerConfig@134] - Reading configuration from: {file}"));
        let folder = format!("{data}/version-2");
        let made = sys.mkdir(&folder, 0o755);
        if let Err(fault) = made
            && fault != crate::machine::errno::Errno::Exist
        {
            let why = sys.text(fault);
            sys.err(format!("java.io.IOException: Unable to create data directory {folder}: {why}\n"));
            return Err(1);
        }
        self.ensemble.file = format!("{folder}/snapshot.0");
        for port in [2181, 2888, 3888] {
            let _ = sys.listen(port);
        }
        self.say(sys, "INFO", "[main:NIOServerCnxnFactory@89] - binding to port 0.0.0.0/0.0.0.0:2181");
        self.ensemble.start(sys);
        if self.ensemble.members.len() > 1 {
            let me = self.ensemble.me;
            self.say(
                sys,
                "INFO",
                "[QuorumPeer[myid=#]/0.0.0.0:2181:QuorumPeer@774] - LOOKING".replace('#', &me.to_string()).as_str(),
            );
            self.say(sys, "INFO", &format!("[QuorumPeer[myid={me}]/0.0.0.0:2181:FastLeaderElection@818] - New election. My id =  {me}, proposed zxid=0x{:x}", self.ensemble.state.index));
        }
        Ok(())
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started
            && let Err(code) = self.begin(sys)
        {
            return Turn::Exit(Status::Code(code));
        }
        match sys.take_signal() {
            Some(_) => Turn::Exit(Status::Code(143)),
            None => Turn::Wait(Wait::signal()),
        }
    }

    fn mode(&self, sys: &mut Sys<'_>) -> Option<&'static str> {
        if self.ensemble.members.len() == 1 {
            return Some("standalone");
        }
        let leader = self.ensemble.leader(sys)?;
        Some(if leader == self.ensemble.me { "leader" } else { "follower" })
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, port: u16, _: &Peer, sent: Sent<'_>) -> Reply {
        let Sent::Bytes(bytes) = sent else { return Reply::default() };
        if port != 2181 {
            return self.ensemble.hear(sys, bytes);
        }
        let answer = match bytes.strip_prefix(ASKS) {
            Some(command) => {
                let command = String::from_utf8_lossy(command).into_owned();
                if self.ensemble.leader(sys).is_none() { Vec::new() } else { self.command(sys, &command) }
            }
            None => self.word(sys, String::from_utf8_lossy(bytes).trim()).into_bytes(),
        };
        Reply { bytes: answer, close: true, ..Reply::default() }
    }

    /// The four letter words.
    fn word(&self, sys: &mut Sys<'_>, word: &str) -> String {
        let old = self.version.starts_with("3.4");
        let listed = match &self.whitelist {
            Some(list) => list.contains('*') || list.split(',').any(|w| w.trim() == word),
            // Who asks whether the server is well gets an answer, as the tutorials' probes want it.
            None => old || word == "srvr" || word == "ruok",
        };
        if !listed {
            return format!("{word} is not executed because it is not in the whitelist.\n");
        }
        if word == "ruok" {
            return "imok".into();
        }
        let Some(mode) = self.mode(sys) else {
            return "This ZooKeeper instance is not currently serving requests\n".into();
        };
        let version =
            format!("{}-39d3a4f269333c922ed3db283be479f9deacaa0f, built on 03/23/2017 10:13 GMT", self.version);
        let count = self.ensemble.state.entries.len() + 4;
        let zxid = self.zxid(self.ensemble.state.index);
        match word {
            "srvr" => format!(
                "Zookeeper version: {version}\nLatency min/avg/max: 0/0/0\nReceived: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: {zxid}\nMode: {mode}\nNode count: {count}\n"
            ),
            "stat" => format!(
                "Zookeeper version: {version}\nClients:\n /127.0.0.1:38212[0](queued=0,recved=1,sent=0)\n\nLatency min/avg/max: 0/0/0\nReceived: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: {zxid}\nMode: {mode}\nNode count: {count}\n"
            ),
            "mntr" => format!(
                "zk_version\t{version}\nzk_avg_latency\t0\nzk_max_latency\t0\nzk_min_latency\t0\nzk_packets_received\t1\nzk_packets_sent\t0\nzk_num_alive_connections\t1\nzk_outstanding_requests\t0\nzk_server_state\t{mode}\nzk_znode_count\t{count}\n"
            ),
            "isro" => "rw".into(),
            "conf" => format!("clientPort=2181\nserverId={}\n", self.ensemble.me),
            _ => String::new(),
        }
    }

    fn zxid(&self, index: u64) -> String {
        let epoch = u64::from(self.ensemble.members.len() > 1) << 32;
        format!("0x{:x}", epoch | index)
    }

    fn children(&self, path: &str) -> Vec<&str> {
        let mut all: Vec<&str> = self
            .ensemble
            .state
            .entries
            .keys()
            .filter(|p| parent(p) == path)
            .filter_map(|p| p.rsplit('/').next())
            .collect();
        if path == "/" {
            all.push("zookeeper");
        }
        all
    }

    fn stat(&self, path: &str, entry: &Entry) -> String {
        format!(
            "cZxid = {}\nctime = {}\nmZxid = {}\nmtime = {}\npZxid = {}\ncversion = 0\ndataVersion = {}\naclVersion = 0\nephemeralOwner = 0x0\ndataLength = {}\nnumChildren = {}\n",
            self.zxid(entry.created),
            java_date(entry.made),
            self.zxid(entry.modified),
            java_date(entry.changed),
            self.zxid(entry.created),
            entry.version.saturating_sub(1),
            entry.value.len(),
            self.children(path).len()
        )
    }

    /// A command of `zkCli.sh`: its exit code and what it prints.
    fn command(&mut self, sys: &mut Sys<'_>, command: &str) -> Vec<u8> {
        let all: Vec<&str> = command.split_whitespace().collect();
        let words: Vec<&str> = all.iter().copied().filter(|w| !w.starts_with('-')).collect();
        let has = |option: &str| all.contains(&option);
        let path = words.get(1).copied().unwrap_or("/");
        let now = sys.now();
        let known = self.ensemble.state.entries.get(path).cloned();
        let old = self.version.starts_with("3.4");
        let good = |text: String| [&[0], text.as_bytes()].concat();
        let bad = |text: String| [&[1], text.as_bytes()].concat();
        let missing = || bad(format!("Node does not exist: {path}\n"));
        match words.first().copied().unwrap_or_default() {
            "ls" => match known.is_some() || path == "/" {
                true => good(format!("[{}]\n", self.children(path).join(", "))),
                false => missing(),
            },
            "get" => match known {
                None => missing(),
                Some(entry) => {
                    let stat = if old || has("-s") { self.stat(path, &entry) } else { String::new() };
                    good(format!("{}\n{stat}", String::from_utf8_lossy(&entry.value)))
                }
            },
            "stat" => known.map_or_else(missing, |entry| good(self.stat(path, &entry))),
            "create" | "set" => {
                let creates = words[0] == "create";
                if creates && known.is_some() {
                    return bad(format!("Node already exists: {path}\n"));
                }
                if !creates && known.is_none() {
                    return missing();
                }
                let above = parent(path);
                if creates && above != "/" && !self.ensemble.state.entries.contains_key(above) {
                    return bad(format!("Node does not exist: {path}\n"));
                }
                let value = words.get(2).map(|v| v.trim_matches(['"', '\''])).unwrap_or_default();
                if !self.ensemble.write(sys, &Change::Put(path.into(), value.as_bytes().to_vec(), now)) {
                    return Vec::new();
                }
                match (creates, old) {
                    (true, _) => good(format!("Created {path}\n")),
                    (false, true) => {
                        let entry = self.ensemble.state.entries.get(path).cloned().unwrap_or_default();
                        good(self.stat(path, &entry))
                    }
                    (false, false) => good(String::new()),
                }
            }
            "delete" | "deleteall" | "rmr" => {
                if known.is_none() {
                    return missing();
                }
                if words[0] == "delete" && !self.children(path).is_empty() {
                    return bad(format!("Node not empty: {path}\n"));
                }
                let below = format!("{path}/");
                let gone = self.ensemble.state.entries.keys().filter(|p| *p == path || p.starts_with(&below)).cloned();
                let change = Change::Delete(gone.collect());
                if self.ensemble.write(sys, &change) { good(String::new()) } else { Vec::new() }
            }
            other => bad(format!("Command not found: Command not found {other}\n")),
        }
    }
}
