//! `mongo`: a server that keeps documents in its data folder, members of a replica set, and `mongosh`.
//!
//! Facts: docker-library/mongo, MongoDB's manual of the shell's methods and of replication, and what a server prints. Of
//! the shell's JavaScript single statements are understood: calls of methods, `use`, `show`, `print`.

mod client;
mod shell;
mod value;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::base::Base;
use super::ensemble::{Change, Ensemble, Member};
use super::reference::Reference;
use super::{Begin, Begun, Model, Server, wire};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent};

/// How a statement of the shell begins on the wire.
const ASKS: &[u8] = b"\x01mongo ";

/// The name under which the set's configuration is kept among the collections.
const CONFIG: &str = "local.system.replset";

/// The image.
pub(super) fn model(reference: &Reference) -> Model {
    let version = reference.version_of(&["8.2.2", "8.0.16", "7.0.26", "6.0.27", "5.0.32", "4.4.30", "4.2.24"]);
    let old = version.starts_with('4');
    let model = Model::on(Base::Ubuntu(if version.starts_with("8.") { (24, 4) } else { (22, 4) }))
        .sets("MONGO_VERSION", version.clone())
        .version(version)
        .enters(&["docker-entrypoint.sh"])
        .runs(&["mongod"])
        .exposes(&[27017])
        .keeps(&["/data/db", "/data/configdb"])
        .account("mongodb", 999, 999, "/home/mongodb", "/bin/false")
        .dir("/data/db", 0o755, (999, 999))
        .dir("/data/configdb", 0o755, (999, 999))
        .program("/usr/local/bin/docker-entrypoint.sh", "mongo-entrypoint")
        .program("/usr/bin/mongod", "mongod")
        .adds(250_000_000);
    let model = if old { model } else { model.program("/usr/bin/mongosh", "mongosh") };
    if model.version.starts_with(['4', '5']) { model.program("/usr/bin/mongo", "mongosh") } else { model }
}

/// The entry point: options are for the server, which runs as `mongodb`.
fn entry(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let mut rest = args.get(1..).unwrap_or_default().to_vec();
    if rest.first().is_none_or(|first| first.starts_with('-')) {
        rest.insert(0, "mongod".into());
    }
    if rest.first().is_some_and(|first| first == "mongod") && sys.process().uid == 0 {
        for folder in ["/data/db", "/data/configdb"] {
            let _ = sys.chown(folder, Some(999), None, true);
        }
        if !rest.iter().any(|word| word.starts_with("--bind_ip")) {
            rest.push("--bind_ip_all".into());
        }
        let process = sys.process_mut();
        (process.uid, process.gid) = (999, 999);
    }
    Begun::Becomes(rest)
}

fn start(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let version = super::find(sys.image()).version.clone();
    let mut mongo = Mongo { version, folder: "/data/db".into(), port: 27017, ..Mongo::default() };
    let mut rest = args.iter().skip(1);
    while let Some(word) = rest.next() {
        let (name, given) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v.to_string())));
        let mut value = || given.clone().or_else(|| rest.next().cloned()).unwrap_or_default();
        match name {
            "--version" => {
                sys.out(format!("db version v{}\n", mongo.version));
                return Begun::Exit(0);
            }
            "--dbpath" => mongo.folder = value().trim_end_matches('/').to_string(),
            "--port" => mongo.port = value().parse().unwrap_or(27017),
            "--replSet" => mongo.set = value(),
            "--bind_ip" | "--keyFile" | "--wiredTigerCacheSizeGB" | "--oplogSize" | "--config" | "-f" => drop(value()),
            _ => {}
        }
    }
    Begun::Serves(Server::Mongo(Box::new(mongo)))
}

pub(super) const PROGRAMS: &[(&str, Begin)] =
    &[("mongod", start), ("mongo-entrypoint", entry), ("mongosh", client::client)];

/// The server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Mongo {
    started: bool,
    version: String,
    folder: String,
    port: u16,
    /// The name of the replica set that it was started for; empty for none.
    set: String,
    ensemble: Ensemble,
}

impl Mongo {
    fn say(&self, sys: &mut Sys<'_>, kind: &str, id: u32, context: &str, text: &str, more: Value) {
        let c = Civil::of(sys.now());
        let stamp = format!("{}T{}.{:03}+00:00", c.date(), c.clock(), c.milli);
        let more = if more.is_null() { String::new() } else { format!(",\"attr\":{more}") };
        sys.out(format!(
            "{{\"t\":{{\"$date\":\"{stamp}\"}},\"s\":\"I\",  \"c\":\"{kind:<8}\", \"id\":{id}, \"ctx\":\"{context}\",\"msg\":\"{text}\"{more}}}\n"
        ));
    }

    fn begin(&mut self, sys: &mut Sys<'_>) -> Result<(), u8> {
        self.started = true;
        sys.set_disposition(Signal::TERM, Some(Disposition::Catch));
        sys.set_disposition(Signal::INT, Some(Disposition::Catch));
        let (port, folder, host) = (self.port, self.folder.clone(), sys.sandbox.hostname.clone());
        let attributes = json!({"pid": 1, "port": port, "dbPath": folder, "architecture": "64-bit", "host": host});
        self.say(sys, "CONTROL", 4_615_611, "initandlisten", "MongoDB starting", attributes);
        if sys.stat(&folder).is_err() {
            self.say(sys, "CONTROL", 20557, "initandlisten", "DBException in initAndListen, terminating", json!({
                "error": format!("NonExistentPath: Data directory {folder} not found. Create the missing directory or specify another path using (1) the --dbpath command line option, or (2) by adding the 'storage.dbPath' option in the configuration file.")
            }));
            return Err(100);
        }
        if sys.stat(&format!("{folder}/WiredTiger")).is_err() {
            let written = sys.write_file(&format!("{folder}/WiredTiger"), b"WiredTiger\nWiredTiger 11.2.0\n");
            if let Err(fault) = written {
                let why = sys.text(fault);
                self.say(sys, "CONTROL", 20557, "initandlisten", "DBException in initAndListen, terminating", json!({
                    "error": format!("IllegalOperation: Attempted to create a lock file on a read-only directory: {folder} ({why})")
                }));
                return Err(100);
            }
        }
        let _ = sys.write_file(&format!("{folder}/mongod.lock"), b"1\n");
        self.ensemble.file = format!("{folder}/collection-0-1.wt");
        let _ = sys.listen(self.port);
        let _ = sys.listen(self.port + 1);
        self.ensemble.me = 1;
        self.ensemble.start(sys);
        self.join(sys);
        self.ensemble.start(sys);
        self.say(sys, "NETWORK", 23015, "listener", "Listening on", json!({"address": "0.0.0.0"}));
        self.say(sys, "NETWORK", 23016, "listener", "Waiting for connections", json!({"port": port, "ssl": "off"}));
        Ok(())
    }

    /// The set's configuration; none before it is initiated.
    fn config(&self) -> Option<Value> {
        let entry = self.ensemble.state.entries.get(CONFIG)?;
        serde_json::from_slice(&entry.value).ok()
    }

    /// Takes the members that the configuration names; the one that is on this host is this one.
    fn join(&mut self, sys: &mut Sys<'_>) {
        let Some(config) = self.config() else { return };
        let members = config["members"].as_array().cloned().unwrap_or_default();
        let count = members.len() as u64;
        self.ensemble.members = members
            .iter()
            .enumerate()
            .map(|(at, member)| {
                let name = member["host"].as_str().unwrap_or_default();
                let (host, port) = name.rsplit_once(':').unwrap_or((name, "27017"));
                let port = port.parse().unwrap_or(27017_u16).saturating_add(1);
                // The first of the list is to lead: the greatest number does.
                Member { id: count - at as u64, name: name.into(), host: host.into(), port }
            })
            .collect();
        let (own, ip) = (sys.sandbox.hostname.clone(), sys.sandbox.ip.clone());
        let is_own =
            |m: &&Member| m.host == ip || m.host.split('.').next() == Some(own.as_str()) || m.host == "localhost";
        if let Some(me) = self.ensemble.members.iter().find(is_own) {
            self.ensemble.me = me.id;
        }
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started
            && let Err(code) = self.begin(sys)
        {
            return Turn::Exit(Status::Code(code));
        }
        if sys.take_signal().is_some() {
            self.say(
                sys,
                "CONTROL",
                23377,
                "SignalHandler",
                "Received signal",
                json!({"signal": 15, "error": "Terminated"}),
            );
            self.say(sys, "CONTROL", 23138, "SignalHandler", "Shutting down", json!({"exitCode": 0}));
            return Turn::Exit(Status::Code(0));
        }
        Turn::Wait(Wait::signal())
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, port: u16, _: &Peer, sent: Sent<'_>) -> Reply {
        let Sent::Bytes(bytes) = sent else { return Reply::default() };
        if port == self.port + 1 {
            let reply = self.ensemble.hear(sys, bytes);
            if self.ensemble.members.is_empty() {
                self.join(sys);
            }
            return reply;
        }
        let bytes = match bytes.strip_prefix(ASKS) {
            Some(asked) => {
                let (db, text): (String, String) = postcard::from_bytes(asked).unwrap_or_default();
                match self.statement(sys, &db, &text) {
                    Ok(text) => wire::answer(0, &text),
                    Err(text) => wire::answer(1, &text),
                }
            }
            None => {
                let body = "It looks like you are trying to access MongoDB over HTTP on the native driver port.\r\n";
                format!("HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
            }
        };
        Reply { bytes, close: true, ..Reply::default() }
    }

    /// Whether it takes writes; what it is called in the set.
    fn role(&self, sys: &mut Sys<'_>) -> &'static str {
        match () {
            () if self.set.is_empty() => "STANDALONE",
            () if self.ensemble.members.is_empty() => "STARTUP",
            () if self.ensemble.leader(sys) == Some(self.ensemble.me) => "PRIMARY",
            () => "SECONDARY",
        }
    }

    /// Writes what a collection holds.
    fn put(&mut self, sys: &mut Sys<'_>, name: &str, docs: &[Value]) -> Result<(), String> {
        if self.ensemble.members.is_empty() {
            let now = sys.now();
            self.ensemble.members.push(Member { id: self.ensemble.me, ..Member::default() });
            let change = Change::Put(name.into(), json!(docs).to_string().into_bytes(), now);
            let done = self.ensemble.write(sys, &change);
            self.ensemble.members.clear();
            return if done { Ok(()) } else { Err("MongoServerError: not primary".into()) };
        }
        let change = Change::Put(name.into(), json!(docs).to_string().into_bytes(), sys.now());
        match self.ensemble.write(sys, &change) {
            true => Ok(()),
            false => Err("MongoServerError[NotWritablePrimary]: not primary".into()),
        }
    }

    fn docs(&self, name: &str) -> Vec<Value> {
        let entry = self.ensemble.state.entries.get(name);
        entry.and_then(|entry| serde_json::from_slice(&entry.value).ok()).unwrap_or_default()
    }
}
