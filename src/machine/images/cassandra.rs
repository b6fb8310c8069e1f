//! `cassandra`: nodes that find each other by their seeds, `nodetool status`, and a `cqlsh` that connects.
//!
//! Facts: the documentation's tutorial "Deploying Cassandra with a StatefulSet" and its image; docker-library/cassandra;
//! what `nodetool` prints. Of CQL nothing is understood but what asks for the cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::reference::Reference;
use super::{Begin, Begun, Model, Server, wire};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent, resolver};

/// How a tool speaks on the wire.
const ASKS: &[u8] = b"\x01cassandra ";

/// The images: Cassandra's own, and that of the tutorial.
pub(super) fn model(reference: &Reference) -> Model {
    let own = reference.is_official();
    let version = if own { reference.version_of(&["5.0.6", "4.1.10", "4.0.19", "3.11.19"]) } else { "3.11.2".into() };
    let model = Model::on(if own { Base::Ubuntu((22, 4)) } else { Base::Debian(9) })
        .version(version)
        .exposes(&[7000, 7001, 7199, 9042, 9160])
        .account("cassandra", 999, 999, "/home/cassandra", "/bin/bash")
        .program("/usr/local/bin/nodetool", "nodetool")
        .program("/usr/local/bin/cqlsh", "cqlsh")
        .adds(150_000_000);
    match own {
        true => model
            .enters(&["docker-entrypoint.sh"])
            .runs(&["cassandra", "-f"])
            .program("/usr/local/bin/docker-entrypoint.sh", "entrypoint")
            .program("/opt/cassandra/bin/cassandra", "cassandra")
            .program("/usr/local/bin/cassandra", "cassandra")
            .dir("/var/lib/cassandra", 0o777, (999, 999))
            .keeps(&["/var/lib/cassandra"]),
        false => model
            .runs(&["/run.sh"])
            .program("/run.sh", "cassandra")
            .file_of("/ready-probe.sh", "#!/bin/bash\nif [[ $(nodetool status | grep $POD_IP) == *\"UN\"* ]]; then\n  exit 0;\nelse\n  exit 1;\nfi\n", 0o755, (0, 0))
            .dir("/cassandra_data", 0o777, (999, 999)),
    }
}

fn start(sys: &mut Sys<'_>, _: &[String]) -> Begun {
    let version = super::find(sys.image()).version.clone();
    Begun::Serves(Server::Cassandra(Box::new(Cassandra { version, ..Cassandra::default() })))
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("cassandra", start), ("nodetool", nodetool), ("cqlsh", cqlsh)];

/// A node as others know it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Node {
    ip: String,
    rack: String,
    centre: String,
}

/// What nodes say to each other: those that one knows, by their ids.
type Ring = BTreeMap<String, Node>;

/// The server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cassandra {
    started: bool,
    version: String,
    id: String,
    cluster: String,
    ring: Ring,
}

impl Cassandra {
    fn say(&self, sys: &mut Sys<'_>, place: &str, text: &str) {
        let c = Civil::of(sys.now());
        let line = format!("INFO  [main] {} {},{:03} {place} - {text}\n", c.date(), c.clock(), c.milli);
        sys.out(line);
    }

    fn begin(&mut self, sys: &mut Sys<'_>) -> Result<(), u8> {
        self.started = true;
        sys.set_disposition(Signal::TERM, Some(Disposition::Catch));
        sys.set_disposition(Signal::INT, Some(Disposition::Catch));
        let of = |sys: &Sys<'_>, name: &str, otherwise: &str| sys.env(name).unwrap_or(otherwise).to_string();
        self.cluster = of(sys, "CASSANDRA_CLUSTER_NAME", "Test Cluster");
        let node = Node {
            ip: sys.sandbox.ip.clone(),
            rack: of(sys, "CASSANDRA_RACK", "rack1"),
            centre: of(sys, "CASSANDRA_DC", "datacenter1"),
        };
        let folder = if sys.stat("/cassandra_data").is_ok() { "/cassandra_data" } else { "/var/lib/cassandra" };
        wire::make_dirs(sys, &format!("{folder}/data/system/local"));
        let path = format!("{folder}/data/system/local/nb-1-big-Data.db");
        let kept = sys.read_file(&path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        match kept.as_deref().and_then(|text| text.trim().split_once(' ')) {
            Some((id, cluster)) if cluster == self.cluster => self.id = id.to_string(),
            Some((_, cluster)) => {
                sys.err(format!("org.apache.cassandra.exceptions.ConfigurationException: Saved cluster name {cluster} != configured name {}\n", self.cluster));
                return Err(3);
            }
            None => {
                self.id = wire::uuid(sys);
                let text = format!("{} {}\n", self.id, self.cluster);
                if let Err(fault) = sys.write_file(&path, text.as_bytes()) {
                    let why = sys.text(fault);
                    sys.err(format!(
                        "Exception (java.lang.RuntimeException) encountered during startup: {path}: {why}\n"
                    ));
                    return Err(3);
                }
            }
        }
        let version = self.version.clone();
        self.say(sys, "StorageService.java:618", &format!("Cassandra version: {version}"));
        self.ring.insert(self.id.clone(), node);
        for port in [7000, 7199, 9042] {
            let _ = sys.listen(port);
        }
        let seeds = of(sys, "CASSANDRA_SEEDS", "");
        for seed in seeds.split(',').map(str::trim).filter(|seed| !seed.is_empty()) {
            let ips = match seed.parse() {
                Ok(ip) => vec![ip],
                Err(_) => resolver::resolve(sys, seed).unwrap_or_default(),
            };
            let own = sys.sandbox.ip.clone();
            for ip in ips.iter().map(ToString::to_string).filter(|ip| *ip != own) {
                self.gossip(sys, &ip);
            }
        }
        let known: Vec<String> =
            self.ring.iter().filter(|(id, _)| **id != self.id).map(|(_, n)| n.ip.clone()).collect();
        for ip in known {
            self.gossip(sys, &ip);
        }
        let own = sys.sandbox.ip.clone();
        self.say(sys, "StorageService.java:1435", "JOINING: Finish joining ring");
        self.say(sys, "StorageService.java:2292", &format!("Node {own} state jump to NORMAL"));
        self.say(sys, "Server.java:156", "Starting listening for CQL clients on /0.0.0.0:9042 (unencrypted)...");
        Ok(())
    }

    /// Tells another node what is known, and takes what that one knows.
    fn gossip(&mut self, sys: &mut Sys<'_>, ip: &str) {
        let said = postcard::to_stdvec(&(&self.cluster, &self.ring)).unwrap_or_default();
        let answer = wire::ask(sys, ip, 7000, &said);
        if let Some(Ok(ring)) = answer.map(|bytes| postcard::from_bytes::<Ring>(&bytes)) {
            self.learn(ring);
        }
    }

    /// Takes what another knows; of this node it knows best itself.
    fn learn(&mut self, ring: Ring) {
        for (id, node) in ring.into_iter().filter(|(id, _)| *id != self.id) {
            self.ring.insert(id, node);
        }
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started
            && let Err(code) = self.begin(sys)
        {
            return Turn::Exit(Status::Code(code));
        }
        match sys.take_signal() {
            Some(_) => {
                self.say(sys, "HintsService.java:222", "Paused hints dispatch");
                Turn::Exit(Status::Code(143))
            }
            None => Turn::Wait(Wait::signal()),
        }
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, port: u16, _: &Peer, sent: Sent<'_>) -> Reply {
        let Sent::Bytes(bytes) = sent else { return Reply::default() };
        let bytes = match (port, bytes.strip_prefix(ASKS)) {
            (7000, _) => {
                if let Ok((cluster, ring)) = postcard::from_bytes::<(String, Ring)>(bytes)
                    && cluster == self.cluster
                {
                    self.learn(ring);
                }
                postcard::to_stdvec(&self.ring).unwrap_or_default()
            }
            (_, Some(b"status")) => self.status(sys).into_bytes(),
            (_, Some(_)) => format!("{}\n{}", self.cluster, self.version).into_bytes(),
            _ => Vec::new(),
        };
        Reply { bytes, close: true, ..Reply::default() }
    }

    /// `nodetool status`
    fn status(&self, sys: &mut Sys<'_>) -> String {
        let mut centres: BTreeMap<&str, Vec<(&String, &Node)>> = BTreeMap::new();
        for (id, node) in &self.ring {
            centres.entry(&node.centre).or_default().push((id, node));
        }
        let share = 100.0 / self.ring.len().max(1) as f64;
        let mut out = String::new();
        for (centre, mut nodes) in centres {
            nodes.sort_by_key(|(_, node)| node.ip.clone());
            let title = format!("Datacenter: {centre}");
            out.push_str(&format!(
                "{title}\n{}\nStatus=Up/Down\n|/ State=Normal/Leaving/Joining/Moving\n",
                "=".repeat(title.len())
            ));
            let width = nodes.iter().map(|(_, n)| n.ip.len()).max().unwrap_or(0).max(7);
            out.push_str(&format!(
                "--  {:width$}  Load       Tokens       Owns (effective)  Host ID                               Rack\n",
                "Address"
            ));
            for (id, node) in nodes {
                let is_up = *id == self.id
                    || node.ip.parse().ok().and_then(|ip| sys.connect(ip, 7000).ok()).map(|fd| sys.close(fd)).is_some();
                let sign = if is_up { "UN" } else { "DN" };
                let (ip, rack) = (&node.ip, &node.rack);
                out.push_str(&format!(
                    "{sign}  {ip:width$}  84.55 KiB  {:<11}  {:<16}  {id}  {rack}\n",
                    32,
                    format!("{share:.1}%")
                ));
            }
        }
        out + "\n"
    }
}

/// `nodetool`
fn nodetool(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let verb = args.iter().skip(1).find(|word| !word.starts_with('-')).map_or("help", String::as_str);
    let asked = [ASKS, verb.as_bytes()].concat();
    let Some(bytes) = wire::ask(sys, "127.0.0.1", 7199, &asked) else {
        sys.err("nodetool: Failed to connect to '127.0.0.1:7199' - ConnectException: 'Connection refused (Connection refused)'.\n");
        return Begun::Exit(1);
    };
    match verb {
        "status" => sys.out(bytes),
        "version" => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            sys.out(format!("ReleaseVersion: {}\n", text.lines().nth(1).unwrap_or_default()));
        }
        "drain" | "flush" | "cleanup" => {}
        other => {
            sys.err(format!(
                "nodetool: Found unexpected parameters: [{other}]\nSee 'nodetool help' or 'nodetool help <command>'.\n"
            ));
            return Begun::Exit(1);
        }
    }
    Begun::Exit(0)
}

/// `cqlsh -e`
fn cqlsh(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let host =
        args.iter().skip(1).find(|w| !w.starts_with('-') && !w.contains(' ')).map_or("127.0.0.1", String::as_str);
    let host = host.to_string();
    let Some(bytes) = wire::ask(sys, &host, 9042, &[ASKS, b"cluster"].concat()) else {
        sys.err(format!("Connection error: ('Unable to connect to any servers', {{'{host}:9042': ConnectionRefusedError(111, \"Tried connecting to [('{host}', 9042)]. Last error: Connection refused\")}})\n"));
        return Begun::Exit(1);
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let cluster = text.lines().next().unwrap_or_default();
    let statement = args.iter().position(|w| w == "-e" || w == "--execute").and_then(|at| args.get(at + 1));
    match statement.map(|s| s.trim_end_matches(';').to_lowercase()) {
        Some(s) if s == "describe cluster" => {
            sys.out(format!("\nCluster: {cluster}\nPartitioner: Murmur3Partitioner\nSnitch: SimpleSnitch\n\n"));
            Begun::Exit(0)
        }
        Some(s) if s.starts_with("describe keyspaces") => {
            sys.out("\nsystem       system_distributed  system_traces  system_virtual_schema\nsystem_auth  system_schema       system_views \n\n");
            Begun::Exit(0)
        }
        Some(s) if s == "select now() from system.local" => {
            let id = wire::uuid(sys);
            sys.out(format!("\n system.now()\n--------------------------------------\n {id}\n\n(1 rows)\n"));
            Begun::Exit(0)
        }
        _ => {
            sys.err("<stdin>:1:kstate runs no CQL but DESCRIBE CLUSTER and DESCRIBE KEYSPACES\n");
            Begun::Exit(2)
        }
    }
}
