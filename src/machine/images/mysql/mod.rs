//! `mysql` and `mariadb`: the entry point's checks, the server's log, its folder, and the clients with a little SQL.
//!
//! Facts: docker-library/mysql and repo-info; MySQL's manual of errors; what a running mysqld prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::reference::Reference;
use super::sql::{self, Databases, Fault, Outcome, Script, Wire};
use super::{Begin, Begun, Model, Server};
use crate::api::Time;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent};

pub mod backup;
pub mod client;
mod initialize;
mod replica;
mod variables;

pub use client::MysqlClient;
pub(super) use client::{ask, reaches};

const VERSIONS: [&str; 5] = ["9.5.0", "8.4.7", "8.0.44", "5.7.44", "5.6.51"];

const DATA: &str = "/var/lib/mysql";

/// What is kept of the server: a stand-in for InnoDB's own files.
const STORE: &str = "/var/lib/mysql/ibdata1";

/// The images.
pub(super) fn model(reference: &Reference) -> Model {
    let maria = reference.name() == "mariadb";
    let version = if maria {
        reference.version_of(&["12.1.2", "11.8.5", "10.11.15", "10.6.24"])
    } else {
        reference.version_of(&VERSIONS)
    };
    let model = if maria { Model::on(Base::Ubuntu((24, 4))) } else { Model::on(Base::RedHat(9)) };
    let (server, client, admin) =
        if maria { ("mariadbd", "mariadb", "mariadb-admin") } else { ("mysqld", "mysql", "mysqladmin") };
    let mut model = model
        .sets(if maria { "MARIADB_VERSION" } else { "MYSQL_VERSION" }, format!("{version}-1.el9"))
        .version(version)
        .enters(&["docker-entrypoint.sh"])
        .runs(&[server])
        .exposes(&[3306])
        .keeps(&[DATA])
        .adds(180_000_000)
        .account("mysql", 999, 999, "/var/lib/mysql", "/bin/false")
        .dir(DATA, 0o1777, (999, 999))
        .dir("/var/run/mysqld", 0o1777, (999, 999))
        .dir("/docker-entrypoint-initdb.d", 0o755, (0, 0))
        .dir("/etc/mysql/conf.d", 0o755, (0, 0))
        .program("/usr/local/bin/docker-entrypoint.sh", "mysql-entrypoint");
    for name in [server, "mysqld"] {
        model = model.program(&format!("/usr/sbin/{name}"), "mysqld");
    }
    for (name, program) in [(client, "mysql"), (admin, "mysqladmin")] {
        model = model.program(&format!("/usr/bin/{name}"), program);
    }
    model
}

/// What is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Store {
    databases: Databases,
    /// Passwords by user.
    users: BTreeMap<String, String>,
    /// What was written, with the database that was used then and where it ends in the binary log.
    events: Vec<(u64, String, String)>,
    /// Where the binary log ends.
    position: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Client {
    buffer: Vec<u8>,
    user: String,
    database: String,
    ip: String,
    /// Whether it is a replica that is sent what is written.
    follows: bool,
}

/// The server with its entry point.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Mysql {
    version: String,
    maria: bool,
    /// The entry point's checks come first.
    entry: bool,
    prepared: bool,
    script: Script,
    listening: bool,
    store: Store,
    clients: BTreeMap<u64, Client>,
    /// What the files of options and the command line say.
    options: BTreeMap<String, String>,
    /// Whom it replicates, if it does: kept in `master.info`, which no copy takes along.
    source: Option<replica::Source>,
    link: replica::Link,
    uuid: String,
    code: u8,
}

fn stamp(now: Time) -> String {
    let c = Civil::of(now);
    format!("{}T{}.{:03}417Z", c.date(), c.clock(), c.milli)
}

fn entry_time(now: Time) -> String {
    let c = Civil::of(now);
    format!("{} {}+00:00", c.date(), c.clock())
}

fn begin(sys: &mut Sys<'_>, args: &[String], entry: bool) -> Begun {
    let image = super::find(sys.image());
    let version = if image.version.is_empty() { VERSIONS[0].to_string() } else { image.version.clone() };
    let maria = image.base.userland() == super::Userland::Gnu && !matches!(image.base, Base::RedHat(_));
    if args.iter().any(|a| a == "--version" || a == "-V") {
        sys.out(format!("/usr/sbin/mysqld  Ver {version} for Linux on x86_64 (MySQL Community Server - GPL)\n"));
        return Begun::Exit(0);
    }
    let options = variables::options(sys, args);
    Begun::Serves(Server::Mysql(Box::new(Mysql { version, maria, entry, options, ..Mysql::default() })))
}

fn entry(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let rest = &args[1..];
    let first = rest.first().map_or("mysqld", String::as_str);
    if first.starts_with('-') || first == "mysqld" || first == "mariadbd" {
        return begin(sys, rest, true);
    }
    Begun::Becomes(rest.to_vec())
}

fn mysqld(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    begin(sys, args, false)
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[
    ("mysql", client::client),
    ("mysql-entrypoint", entry),
    ("mysqladmin", client::admin),
    ("mysqld", mysqld),
    ("xbstream", backup::xbstream),
    ("xtrabackup", backup::xtrabackup),
];

impl Mysql {
    fn env(&self, sys: &Sys<'_>, name: &str) -> Option<String> {
        let found =
            sys.env(&format!("MYSQL_{name}")).or_else(|| sys.env(&format!("MARIADB_{name}")).filter(|_| self.maria));
        let file = sys.env(&format!("MYSQL_{name}_FILE"));
        found.filter(|v| !v.is_empty()).or(file).map(String::from)
    }

    fn note(&mut self, sys: &Sys<'_>, after: i64, text: &str) {
        let now = entry_time(sys.now());
        self.script.add(after, 1, format!("{now} [Note] [Entrypoint]: {text}\n"));
    }

    fn log(&mut self, after: i64, thread: u32, level: &str, code: &str, part: &str, text: &str) {
        self.script.add(after, 2, format!("@ {thread} [{level}] [{code}] [{part}] {text}\n"));
    }

    /// Plans what is said on the way, and makes or reads the folder.
    fn prepare(&mut self, sys: &mut Sys<'_>) -> Result<(), u8> {
        self.prepared = true;
        let version = self.version.clone();
        for signal in [Signal::TERM, Signal::INT] {
            sys.set_disposition(signal, Some(Disposition::Catch));
        }
        let is_ready = sys.stat(&format!("{DATA}/mysql")).is_ok();
        if self.entry {
            let name = if self.maria { "MariaDB Server 1:" } else { "MySQL Server " };
            let build = if self.maria { "+maria~ubu2404" } else { "-1.el9" };
            let begun = format!("Entrypoint script for {name}{version}{build} started.");
            self.note(sys, 0, &begun);
            if sys.process().uid == 0 {
                self.note(sys, 0, "Switching to dedicated user 'mysql'");
                self.note(sys, 0, &begun);
                own(sys, DATA, 0);
                (sys.process_mut().uid, sys.process_mut().gid) = (999, 999);
            }
            let says = ["ROOT_PASSWORD", "ALLOW_EMPTY_PASSWORD", "RANDOM_ROOT_PASSWORD"];
            if !is_ready && says.iter().all(|n| self.env(sys, n).is_none()) {
                let now = entry_time(sys.now());
                let prefix = if self.maria { "MARIADB" } else { "MYSQL" };
                let list: String = says.iter().map(|n| format!("    - {prefix}_{n}\n")).collect();
                self.script.add(0, 2, format!("{now} [ERROR] [Entrypoint]: Database is uninitialized and password option is not specified\n    You need to specify one of the following as an environment variable:\n{list}"));
                return Err(1);
            }
            if !is_ready && self.env(sys, "USER").as_deref() == Some("root") {
                let now = entry_time(sys.now());
                self.script.add(0, 2, format!("{now} [ERROR] [Entrypoint]: MYSQL_USER=\"root\", MYSQL_USER and MYSQL_PASSWORD are for configuring a regular user and cannot be used for the root user\n    Remove MYSQL_USER=\"root\" and use one of the following to control the root user password:\n    - MYSQL_ROOT_PASSWORD\n    - MYSQL_ALLOW_EMPTY_PASSWORD\n    - MYSQL_RANDOM_ROOT_PASSWORD\n"));
                return Err(1);
            }
        }
        if is_ready {
            let bytes = sys.read_file(STORE).unwrap_or_default();
            self.store = postcard::from_bytes(&bytes).unwrap_or_default();
            let source = sys.read_file(&format!("{DATA}/master.info")).ok();
            self.source = source.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        } else {
            if !self.entry {
                self.log(
                    0,
                    0,
                    "ERROR",
                    "MY-010457",
                    "Server",
                    "Can't open the mysql.plugin table. Please run the MySQL upgrade procedure.",
                );
                return Err(1);
            }
            self.initialize(sys)?;
        }
        self.read_identity(sys);
        self.log(if is_ready { 300 } else { 100 }, 0, "System", "MY-015015", "Server", "MySQL Server - start.");
        self.log(
            200,
            0,
            "System",
            "MY-010116",
            "Server",
            &format!("/usr/sbin/mysqld (mysqld {version}) starting as process 1"),
        );
        self.log(20, 1, "System", "MY-013576", "InnoDB", "InnoDB initialization has started.");
        self.log(400, 1, "System", "MY-013577", "InnoDB", "InnoDB initialization has ended.");
        self.log(300, 0, "Warning", "MY-010068", "Server", "CA certificate ca.pem is self signed.");
        self.log(
            0,
            0,
            "System",
            "MY-013602",
            "Server",
            "Channel mysql_main configured to support TLS. Encrypted connections are now supported for this channel.",
        );
        self.log(5, 0, "Warning", "MY-011810", "Server", "Insecure configuration for --pid-file: Location '/var/run/mysqld' in the path is accessible to all OS users. Consider choosing a different directory.");
        self.log(
            30,
            0,
            "System",
            "MY-011323",
            "Server",
            "X Plugin ready for connections. Bind-address: '::' port: 33060, socket: /var/run/mysqld/mysqlx.sock",
        );
        self.log(0, 0, "System", "MY-010931", "Server", &format!("/usr/sbin/mysqld: ready for connections. Version: '{version}'  socket: '/var/run/mysqld/mysqld.sock'  port: 3306  MySQL Community Server - GPL."));
        Ok(())
    }

    fn keep(&self, sys: &mut Sys<'_>) {
        let bytes = postcard::to_stdvec(&self.store).unwrap_or_default();
        let _ = sys.write_file(STORE, &bytes);
        let file = format!("{DATA}/master.info");
        let _ = match &self.source {
            Some(source) => sys.write_file(&file, &postcard::to_stdvec(source).unwrap_or_default()),
            None => sys.unlink(&file),
        };
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.prepared
            && let Err(code) = self.prepare(sys)
        {
            self.code = code;
        }
        if let Some(at) = self.script.step(sys, stamp) {
            if sys.take_signal().is_some() {
                return Turn::Exit(Status::Code(143));
            }
            return Turn::Wait(Wait::until(at));
        }
        if self.code != 0 {
            return Turn::Exit(Status::Code(self.code));
        }
        if !self.listening {
            self.listening = true;
            let _ = sys.listen(3306);
            let _ = sys.write_file("/var/run/mysqld/mysqld.pid", format!("{}\n", sys.getpid()).as_bytes());
        }
        if sys.take_signal().is_some() {
            let version = self.version.clone();
            let now = stamp(sys.now());
            sys.err(format!("{now} 0 [System] [MY-013172] [Server] Received SHUTDOWN from user <via user signal>. Shutting down mysqld (Version: {version}).\n{now} 0 [System] [MY-010910] [Server] /usr/sbin/mysqld: Shutdown complete (mysqld {version})  MySQL Community Server - GPL.\n{now} 0 [System] [MY-015016] [Server] MySQL Server - end.\n"));
            return Turn::Exit(Status::Code(0));
        }
        let waits = self.follow(sys);
        Turn::Wait(waits)
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, _port: u16, peer: &Peer, sent: Sent<'_>) -> Reply {
        match sent {
            Sent::Open => {
                let ip = if peer.ip.is_loopback() { "localhost".to_string() } else { peer.ip.to_string() };
                self.clients.insert(peer.connection, Client { ip, ..Client::default() });
                Reply::default()
            }
            Sent::Closed => {
                self.clients.remove(&peer.connection);
                Reply::default()
            }
            Sent::Bytes(bytes) => {
                let Some(mut client) = self.clients.remove(&peer.connection) else {
                    return Reply { close: true, ..Reply::default() };
                };
                client.buffer.extend_from_slice(bytes);
                let mut reply = Reply::default();
                while let Some(asked) = Wire::take(&mut client.buffer) {
                    let answer = self.answer(sys, &mut client, asked);
                    reply.close |= matches!(answer, Wire::Failed(_)) && client.user.is_empty();
                    reply.bytes.extend(answer.bytes());
                }
                self.clients.insert(peer.connection, client);
                reply
            }
        }
    }

    fn answer(&mut self, sys: &mut Sys<'_>, client: &mut Client, asked: Wire) -> Wire {
        match asked {
            Wire::Login(user, password, database) => {
                let using = if password.is_empty() { "NO" } else { "YES" };
                if self.store.users.get(&user) != Some(&password) {
                    return Wire::Failed(format!(
                        "ERROR 1045 (28000): Access denied for user '{user}'@'{}' (using password: {using})",
                        client.ip
                    ));
                }
                if !database.is_empty() && !self.store.databases.all.contains_key(&database) {
                    return Wire::Failed(format!("ERROR 1049 (42000): Unknown database '{database}'"));
                }
                (client.user, client.database) = (user, database);
                Wire::Welcome
            }
            Wire::Statement(text) if !client.user.is_empty() => {
                let lower = text.to_ascii_lowercase();
                if let Some(answer) = self.on_replication(sys, client, &text, &lower) {
                    return answer;
                }
                if let Some(answer) = self.variables(sys, &text) {
                    return answer;
                }
                if let Some((user, password)) = made_user(&text) {
                    if let Some(refusal) = self.read_only() {
                        return Wire::Failed(refusal);
                    }
                    self.store.users.insert(user, password);
                    self.log_event(sys, &client.database, &text);
                    self.keep(sys);
                    return Wire::Done("CREATE USER".into(), 0);
                }
                let now = plain_time(sys.now());
                let is_read = ["select", "show", "desc", "explain", "use", "set", "begin", "commit", "start", "flush"];
                let reads = is_read.iter().any(|word| lower.starts_with(word));
                if !reads && let Some(refusal) = self.read_only() {
                    return Wire::Failed(refusal);
                }
                let outcome = self.store.databases.run(&text, &client.database, &now);
                if !reads {
                    if !matches!(outcome, Outcome::Failed(_)) {
                        self.log_event(sys, &client.database, &text);
                    }
                    self.keep(sys);
                    let words: Vec<&str> = lower.split_whitespace().collect();
                    if let (Outcome::Done(..), ["create", "database" | "schema", .., name]) =
                        (&outcome, words.as_slice())
                    {
                        let _ = sys.mkdir(&format!("{DATA}/{}", name.trim_matches('`')), 0o750);
                    }
                }
                match outcome {
                    Outcome::Rows(names, all) => sql::rows(names, all),
                    Outcome::Done(name, count) => Wire::Done(name, count as u64),
                    Outcome::Use(name) => {
                        client.database.clone_from(&name);
                        Wire::Uses(name)
                    }
                    Outcome::Failed(fault) => Wire::Failed(fault_text(&fault, &client.database)),
                }
            }
            _ => Wire::Failed("ERROR 1158 (08S01): Got an error reading communication packets".into()),
        }
    }
}

/// Makes all below a folder mysqld's own, as the entry point does.
fn own(sys: &mut Sys<'_>, path: &str, depth: u32) {
    let _ = sys.chown(path, Some(999), None, false);
    if depth > 4 {
        return;
    }
    for (name, stat) in sys.read_dir(path).unwrap_or_default() {
        let below = format!("{path}/{name}");
        if stat.kind == crate::machine::kernel::sys::Kind::Dir {
            own(sys, &below, depth + 1);
        } else if stat.uid != 999 {
            let _ = sys.chown(&below, Some(999), None, false);
        }
    }
}

/// `CREATE USER 'u'@'%' IDENTIFIED BY 'p'`
fn made_user(text: &str) -> Option<(String, String)> {
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with("create user") && !lower.starts_with("alter user") {
        return None;
    }
    let user = text.split('\'').nth(1)?.to_string();
    let by = lower.find("by '")?;
    let password = text.get(by + 4..)?.split('\'').next()?.to_string();
    Some((user, password))
}

fn plain_time(now: Time) -> String {
    let c = Civil::of(now);
    format!("{} {}", c.date(), c.clock())
}

fn fault_text(fault: &Fault, used: &str) -> String {
    match fault {
        Fault::Syntax(near) => format!(
            "ERROR 1064 (42000) at line 1: You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near '{near}' at line 1"
        ),
        Fault::NoTable(name) => format!("ERROR 1146 (42S02) at line 1: Table '{used}.{name}' doesn't exist"),
        Fault::TableExists(name) => format!("ERROR 1050 (42S01) at line 1: Table '{name}' already exists"),
        Fault::NoDatabase(name) => format!("ERROR 1049 (42000) at line 1: Unknown database '{name}'"),
        Fault::DatabaseExists(name) => {
            format!("ERROR 1007 (HY000) at line 1: Can't create database '{name}'; database exists")
        }
        Fault::NoneChosen => "ERROR 1046 (3D000) at line 1: No database selected".into(),
        Fault::NoColumn(name) => format!("ERROR 1054 (42S22) at line 1: Unknown column '{name}' in 'field list'"),
        Fault::Count => "ERROR 1136 (21S01) at line 1: Column count doesn't match value count at row 1".into(),
        Fault::Duplicate(value, _) => {
            format!("ERROR 1062 (23000) at line 1: Duplicate entry '{value}' for key 'PRIMARY'")
        }
    }
}
