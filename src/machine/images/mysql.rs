//! `mysql` and `mariadb`: the entry point's checks, the server's log, its folder, and the clients with a little SQL.
//!
//! Facts: docker-library/mysql and repo-info; MySQL's manual of errors; what a running mysqld prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::reference::Reference;
use super::sql::{self, Databases, Fault, Outcome, Script, Wire};
use super::typed::Statements;
use super::{Begin, Begun, Model, Server};
use crate::api::Time;
use crate::machine::errno::Errno;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Fd, Input, Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent, resolver};

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
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Client {
    buffer: Vec<u8>,
    user: String,
    database: String,
    ip: String,
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
    Begun::Serves(Server::Mysql(Box::new(Mysql { version, maria, entry, ..Mysql::default() })))
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

pub(super) const PROGRAMS: &[(&str, Begin)] =
    &[("mysql", client), ("mysql-entrypoint", entry), ("mysqladmin", admin), ("mysqld", mysqld)];

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
                let _ = sys.chown(DATA, Some(999), None, true);
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

    fn initialize(&mut self, sys: &mut Sys<'_>) -> Result<(), u8> {
        let version = self.version.clone();
        self.note(sys, 0, "Initializing database files");
        self.log(50, 0, "System", "MY-015017", "Server", "MySQL Server Initialization - start.");
        self.log(
            20,
            0,
            "System",
            "MY-013169",
            "Server",
            &format!("/usr/sbin/mysqld (mysqld {version}) initializing of server in progress as process 80"),
        );
        let foreign =
            sys.read_dir(DATA).unwrap_or_default().into_iter().any(|(n, _)| !n.starts_with('.') && n != "lost+found");
        let unusable = |this: &mut Mysql| {
            this.log(0, 0, "ERROR", "MY-013236", "Server", "The designated data directory /var/lib/mysql/ is unusable. You can remove all files that the server added to it.");
            this.log(0, 0, "ERROR", "MY-010119", "Server", "Aborting");
            this.log(0, 0, "System", "MY-015018", "Server", "MySQL Server Initialization - end.");
            Err(1)
        };
        if foreign {
            self.log(
                0,
                0,
                "ERROR",
                "MY-010457",
                "Server",
                "--initialize specified but the data directory has files in it. Aborting.",
            );
            return unusable(self);
        }
        for name in ["mysql", "performance_schema", "sys", "#innodb_redo"] {
            if let Err(fault) = sys.mkdir(&format!("{DATA}/{name}"), 0o750) {
                if fault == Errno::Exist {
                    continue;
                }
                let why = super::numbered(sys, fault).replace(": ", " - ");
                self.log(
                    0,
                    0,
                    "ERROR",
                    "MY-010187",
                    "Server",
                    &format!("Could not open file '{DATA}/{name}' for error logging: {why}"),
                );
                return unusable(self);
            }
        }
        let uuid = format!(
            "{:08x}-{:04x}-11f0-{:04x}-{:012x}",
            sys.random() as u32,
            sys.random() as u16,
            sys.random() as u16,
            sys.random() & 0xffff_ffff_ffff
        );
        for (name, text) in [
            ("auto.cnf", format!("[auto]\nserver-uuid={uuid}\n")),
            ("binlog.index", "./binlog.000001\n./binlog.000002\n".into()),
            ("binlog.000001", "\u{fe}bin".into()),
            ("binlog.000002", "\u{fe}bin".into()),
            ("ca.pem", "-----BEGIN CERTIFICATE-----\n".into()),
            ("ca-key.pem", "-----BEGIN PRIVATE KEY-----\n".into()),
            ("server-cert.pem", "-----BEGIN CERTIFICATE-----\n".into()),
            ("server-key.pem", "-----BEGIN PRIVATE KEY-----\n".into()),
            ("ib_buffer_pool", String::new()),
            ("mysql.ibd", String::new()),
            ("undo_001", String::new()),
            ("undo_002", String::new()),
        ] {
            let _ = sys.write_file(&format!("{DATA}/{name}"), text.as_bytes());
        }
        for name in ["information_schema", "mysql", "performance_schema", "sys"] {
            self.store.databases.all.insert(name.into(), sql::Database::new());
        }
        let root = self.env(sys, "ROOT_PASSWORD").unwrap_or_default();
        self.store.users.insert("root".into(), root);
        self.log(20, 1, "System", "MY-013576", "InnoDB", "InnoDB initialization has started.");
        self.log(900, 1, "System", "MY-013577", "InnoDB", "InnoDB initialization has ended.");
        self.log(1500, 6, "Warning", "MY-010453", "Server", "root@localhost is created with an empty password ! Please consider switching off the --initialize-insecure option.");
        self.log(2500, 0, "System", "MY-015018", "Server", "MySQL Server Initialization - end.");
        self.note(sys, 200, "Database files initialized");
        self.note(sys, 0, "Starting temporary server");
        self.note(sys, 1800, "Temporary server started.");
        if let Some(name) = self.env(sys, "DATABASE") {
            self.note(sys, 1200, &format!("Creating database {name}"));
            self.store.databases.all.insert(name.clone(), sql::Database::new());
            let _ = sys.mkdir(&format!("{DATA}/{name}"), 0o750);
        }
        if let (Some(user), Some(password)) = (self.env(sys, "USER"), self.env(sys, "PASSWORD")) {
            self.note(sys, 10, &format!("Creating user {user}"));
            if let Some(name) = self.env(sys, "DATABASE") {
                self.note(sys, 0, &format!("Giving user {user} access to schema {name}"));
            }
            self.store.users.insert(user, password);
        }
        self.script.add(0, 1, "\n");
        let mut scripts = sys.read_dir("/docker-entrypoint-initdb.d").unwrap_or_default();
        scripts.sort_by(|a, b| a.0.cmp(&b.0));
        let used = self.env(sys, "DATABASE").unwrap_or_default();
        for (name, _) in scripts.into_iter().filter(|(n, _)| n.ends_with(".sql")) {
            let path = format!("/docker-entrypoint-initdb.d/{name}");
            self.note(sys, 5, &format!("/usr/local/bin/docker-entrypoint.sh: running {path}"));
            self.script.add(0, 1, "\n\n");
            let text = sys.read_file(&path).unwrap_or_default();
            let mut used = used.clone();
            for statement in sql::statements(&String::from_utf8_lossy(&text)).into_iter().take(10_000) {
                let now = plain_time(sys.now());
                if let Outcome::Use(name) = self.store.databases.run(&statement, &used, &now) {
                    used = name;
                }
            }
        }
        self.note(sys, 0, "Stopping temporary server");
        self.note(sys, 1500, "Temporary server stopped");
        self.script.add(0, 1, "\n");
        self.note(sys, 0, "MySQL init process done. Ready for start up.");
        self.script.add(0, 1, "\n");
        self.keep(sys);
        Ok(())
    }

    fn keep(&self, sys: &mut Sys<'_>) {
        let bytes = postcard::to_stdvec(&self.store).unwrap_or_default();
        let _ = sys.write_file(STORE, &bytes);
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
        Turn::Wait(Wait::signal())
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
                if lower.starts_with("select version()") || lower.starts_with("select @@version") {
                    let name = text[7..].trim().to_string();
                    return sql::rows(vec![name], vec![vec![Some(self.version.clone())]]);
                }
                if lower.starts_with("select @@hostname") {
                    return sql::rows(vec!["@@hostname".into()], vec![vec![Some(sys.sandbox.hostname.clone())]]);
                }
                if lower.starts_with("select @@server_id") {
                    return sql::rows(vec!["@@server_id".into()], vec![vec![Some("1".into())]]);
                }
                if let Some((user, password)) = made_user(&text) {
                    self.store.users.insert(user, password);
                    self.keep(sys);
                    return Wire::Done("CREATE USER".into(), 0);
                }
                let now = plain_time(sys.now());
                let reads = lower.starts_with("select") || lower.starts_with("show") || lower.starts_with("desc");
                let outcome = self.store.databases.run(&text, &client.database, &now);
                if !reads {
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

/// A client of a database under way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MysqlClient {
    statements: Statements,
    fd: Option<Fd>,
    headers: bool,
    table: bool,
    forces: bool,
    code: u8,
}

/// The options that say whom to ask and as whom.
struct Login {
    host: Option<String>,
    port: u16,
    user: String,
    password: String,
    database: String,
    statements: Vec<String>,
    letters: String,
    words: Vec<String>,
}

fn login(sys: &mut Sys<'_>, program: &str, args: &[String]) -> Login {
    let mut login = Login {
        host: sys.env("MYSQL_HOST").map(String::from),
        port: 3306,
        user: "root".into(),
        password: sys.env("MYSQL_PWD").unwrap_or_default().to_string(),
        database: String::new(),
        statements: Vec::new(),
        letters: String::new(),
        words: Vec::new(),
    };
    let mut words = args[1..].iter();
    let mut warns = false;
    while let Some(word) = words.next() {
        let long = word.strip_prefix("--").map(|l| l.split_once('=').unwrap_or((l, "")));
        let letter = word.strip_prefix('-').filter(|w| !w.starts_with('-')).and_then(|w| w.chars().next());
        let attached = word.get(2..).unwrap_or_default().to_string();
        let mut value =
            |given: String| if given.is_empty() { words.next().cloned().unwrap_or_default() } else { given };
        match (long, letter) {
            (Some(("host", v)), _) => login.host = Some(value(v.into())),
            (Some(("port", v)), _) => login.port = value(v.into()).parse().unwrap_or(3306),
            (Some(("user", v)), _) => login.user = value(v.into()),
            (Some(("password", v)), _) => (login.password, warns) = (v.to_string(), !v.is_empty()),
            (Some(("execute", v)), _) => login.statements.push(value(v.into())),
            (Some(("database", v)), _) => login.database = value(v.into()),
            (Some(("skip-column-names", _)), _) => login.letters.push('N'),
            (Some(("table", _)), _) => login.letters.push('t'),
            (Some(("silent", _)), _) => login.letters.push('s'),
            (Some(("force", _)), _) => login.letters.push('f'),
            (Some(_), _) => {}
            (None, Some('h')) => login.host = Some(value(attached)),
            (None, Some('P')) => login.port = value(attached).parse().unwrap_or(3306),
            (None, Some('u')) => login.user = value(attached),
            (None, Some('e')) => login.statements.push(value(attached)),
            (None, Some('D')) => login.database = value(attached),
            (None, Some('p')) => (login.password, warns) = (attached.clone(), !attached.is_empty()),
            (None, Some(_)) => login.letters.push_str(&word[1..]),
            (None, None) => login.words.push(word.clone()),
        }
    }
    if warns {
        sys.err(format!("{program}: [Warning] Using a password on the command line interface can be insecure.\n"));
    }
    login
}

/// Connects and says who asks; on failure the error's number and text.
fn connect(sys: &mut Sys<'_>, login: &Login) -> Result<Fd, (String, bool)> {
    let local = login.host.as_deref().is_none_or(|h| h == "localhost");
    let host = login.host.clone().filter(|h| h != "localhost").unwrap_or("127.0.0.1".into());
    let ips = resolver::resolve(sys, &host)
        .map_err(|_| (format!("ERROR 2005 (HY000): Unknown MySQL server host '{host}' (-2)"), false))?;
    let ip = ips.first().copied().unwrap_or(std::net::IpAddr::from([127, 0, 0, 1]));
    let fd = sys.connect(ip, login.port).map_err(|fault| {
        let number = match fault {
            Errno::TimedOut => 110,
            Errno::HostUnreach => 113,
            _ => 111,
        };
        let text = match local {
            true => "ERROR 2002 (HY000): Can't connect to local MySQL server through socket '/var/run/mysqld/mysqld.sock' (2)".to_string(),
            false => format!("ERROR 2003 (HY000): Can't connect to MySQL server on '{host}:{}' ({number})", login.port),
        };
        (text, false)
    })?;
    let hello = Wire::Login(login.user.clone(), login.password.clone(), login.database.clone());
    match ask(sys, fd, &hello) {
        Some(Wire::Welcome) => Ok(fd),
        Some(Wire::Failed(text)) => Err((text, true)),
        _ => Err(("ERROR 2013 (HY000): Lost connection to MySQL server at 'reading initial communication packet', system error: 0".into(), false)),
    }
}

/// Asks and gets the answer.
pub(super) fn ask(sys: &mut Sys<'_>, fd: Fd, what: &Wire) -> Option<Wire> {
    sys.write(fd, &what.bytes()).ok()?;
    let mut buffer = Vec::new();
    while let Ok(Input::Bytes(bytes)) = sys.read(fd, 1 << 20) {
        buffer.extend(bytes);
        if let Some(answer) = Wire::take(&mut buffer) {
            return Some(answer);
        }
    }
    None
}

fn client(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    if args.iter().any(|a| a == "--version" || a == "-V") {
        let version = super::find(sys.image()).version.clone();
        sys.out(format!("mysql  Ver {version} for Linux on x86_64 (MySQL Community Server - GPL)\n"));
        return Begun::Exit(0);
    }
    let mut login = login(sys, "mysql", args);
    if let (true, Some(name)) = (login.database.is_empty(), login.words.first()) {
        login.database.clone_from(name);
    }
    let fd = match connect(sys, &login) {
        Ok(fd) => fd,
        Err((text, _)) => {
            sys.err(format!("{text}\n"));
            return Begun::Exit(1);
        }
    };
    let letters = login.letters;
    let client = MysqlClient {
        statements: Statements::new(sql::statements(&login.statements.join(";")), login.statements.is_empty()),
        fd: Some(fd),
        headers: !letters.contains('N') && !letters.contains("ss"),
        table: letters.contains('t') || (sys.is_tty(1) && !letters.contains('B') && !letters.contains('s')),
        forces: letters.contains('f'),
        code: 0,
    };
    Begun::Serves(Server::MysqlClient(Box::new(client)))
}

fn admin(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let login = login(sys, "mysqladmin", args);
    let command = login.words.first().cloned().unwrap_or_default();
    let host = login.host.clone().unwrap_or("localhost".into());
    match connect(sys, &login) {
        Ok(fd) => {
            let _ = sys.close(fd);
        }
        Err((_, true)) if command == "ping" => {}
        Err((text, denied)) => {
            let inner = text.split_once("): ").map_or(text.as_str(), |(_, t)| t).to_string();
            sys.err(format!("mysqladmin: connect to server at '{host}' failed\nerror: '{inner}'\n"));
            if !denied && host == "localhost" {
                sys.err("Check that mysqld is running and that the socket: '/var/run/mysqld/mysqld.sock' exists!\n");
            } else if !denied {
                sys.err(format!("Check that mysqld is running on {host} and that the port is {0}.\nYou can check this by doing 'telnet {host} {0}'\n", login.port));
            }
            return Begun::Exit(1);
        }
    }
    match command.as_str() {
        "ping" => sys.out("mysqld is alive\n"),
        "status" => sys.out("Uptime: 60  Threads: 2  Questions: 6  Slow queries: 0  Opens: 119  Flush tables: 3  Open tables: 38  Queries per second avg: 0.100\n"),
        "version" => {
            let version = super::find(sys.image()).version.clone();
            sys.out(format!("mysqladmin  Ver {version} for Linux on x86_64 (MySQL Community Server - GPL)\n"));
        }
        "shutdown" => drop(sys.kill(1, Some(Signal::TERM))),
        _ => {
            sys.err(format!("mysqladmin: Unknown command: '{command}'\n"));
            return Begun::Exit(1);
        }
    }
    Begun::Exit(0)
}

/// Rows in a frame.
fn framed(columns: &[(String, bool)], all: &[Vec<Option<String>>], headers: bool) -> String {
    let shown = |v: &Option<String>| v.clone().unwrap_or("NULL".into());
    let width = |at: usize| {
        let values = all.iter().filter_map(|r| r.get(at)).map(|v| shown(v).chars().count());
        values.chain(headers.then(|| columns[at].0.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let rule = format!("+{}+\n", widths.iter().map(|w| "-".repeat(w + 2)).collect::<Vec<_>>().join("+"));
    let mut out = rule.clone();
    if headers {
        let names: Vec<String> = columns.iter().zip(&widths).map(|((n, _), w)| format!(" {n:<w$} ")).collect();
        out.push_str(&format!("|{}|\n{rule}", names.join("|")));
    }
    for row in all {
        let cells: Vec<String> = row
            .iter()
            .zip(columns.iter().zip(&widths))
            .map(
                |(v, ((_, number), w))| {
                    if *number { format!(" {:>w$} ", shown(v)) } else { format!(" {:<w$} ", shown(v)) }
                },
            )
            .collect();
        out.push_str(&format!("|{}|\n", cells.join("|")));
    }
    out.push_str(&rule);
    out
}

impl MysqlClient {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let text = match self.statements.next(sys) {
            Ok(text) => text,
            Err(turn) => return turn.unwrap_or(Turn::Exit(Status::Code(self.code))),
        };
        let Some(fd) = self.fd else { return Turn::Exit(Status::Code(self.code)) };
        if matches!(text.to_ascii_lowercase().as_str(), "exit" | "quit" | "\\q") {
            return Turn::Exit(Status::Code(self.code));
        }
        match ask(sys, fd, &Wire::Statement(text)) {
            Some(Wire::Rows(columns, all)) if self.table => {
                if !all.is_empty() {
                    sys.out(framed(&columns, &all, self.headers));
                }
            }
            Some(Wire::Rows(columns, all)) => {
                let mut out = String::new();
                if self.headers && !all.is_empty() {
                    out.push_str(&columns.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join("\t"));
                    out.push('\n');
                }
                for row in all {
                    let cells: Vec<String> = row.into_iter().map(|v| v.unwrap_or("NULL".into())).collect();
                    out.push_str(&format!("{}\n", cells.join("\t")));
                }
                sys.out(out);
            }
            Some(Wire::Failed(text)) => {
                sys.err(format!("{text}\n"));
                self.code = 1;
                if !self.forces {
                    return Turn::Exit(Status::Code(1));
                }
            }
            Some(_) => {}
            None => {
                sys.err("ERROR 2013 (HY000): Lost connection to MySQL server during query\n");
                return Turn::Exit(Status::Code(1));
            }
        }
        Turn::Again
    }
}
