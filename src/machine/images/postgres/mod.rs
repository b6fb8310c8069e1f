//! `postgres`: the entry point's checks, the server's log, its folder, `psql` and `pg_isready` with a little SQL.
//!
//! Facts: docker-library/postgres and repo-info; PostgreSQL's manual; what a running server prints.

mod backslash;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::mysql::ask;
use super::reference::Reference;
use super::sql::{self, Databases, Fault, Outcome, Script, Wire};
use super::typed::{Ends, Statements};
use super::{Begin, Begun, Model, Server};
use crate::api::Time;
use crate::machine::errno::Errno;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Fd, Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent, resolver};

const VERSIONS: [&str; 6] = ["17.7", "16.11", "15.15", "14.20", "13.23", "12.22"];

const SOCKET: &str = "/var/run/postgresql/.s.PGSQL.5432";

/// The image.
pub(super) fn model(reference: &Reference) -> Model {
    let version = reference.version_of(&VERSIONS);
    let major = version.split('.').next().unwrap_or("17").to_string();
    let alpine = reference.tag_has("alpine");
    let (uid, bin) =
        if alpine { (70, "/usr/local/bin".to_string()) } else { (999, format!("/usr/lib/postgresql/{major}/bin")) };
    let mut model = Model::tagged(reference)
        .sets(
            "PATH",
            format!(
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin{}",
                if alpine { String::new() } else { format!(":{bin}") }
            ),
        )
        .sets("LANG", "en_US.utf8")
        .sets("PG_MAJOR", major)
        .sets("PG_VERSION", if alpine { version.clone() } else { format!("{version}-1.pgdg13+1") })
        .sets("PGDATA", "/var/lib/postgresql/data")
        .version(version)
        .enters(&["docker-entrypoint.sh"])
        .runs(&["postgres"])
        .exposes(&[5432])
        .keeps(&["/var/lib/postgresql/data"])
        .stops_with(Signal::INT)
        .adds(120_000_000)
        .account("postgres", uid, uid, "/var/lib/postgresql", "/bin/bash")
        .dir("/var/lib/postgresql", 0o755, (uid, uid))
        .dir("/var/lib/postgresql/data", 0o1777, (uid, uid))
        .dir("/var/run/postgresql", 0o3777, (uid, uid))
        .dir("/docker-entrypoint-initdb.d", 0o755, (0, 0))
        .program("/usr/local/bin/docker-entrypoint.sh", "postgres-entrypoint")
        .program(&format!("{bin}/postgres"), "postgres");
    if !alpine {
        model = model.program("/usr/bin/psql", "psql").program("/usr/bin/pg_isready", "pg_isready");
    } else {
        model = model
            .program("/usr/local/bin/psql", "psql")
            .program("/usr/local/bin/pg_isready", "pg_isready")
            .program("/bin/bash", "bash");
    }
    model
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Store {
    databases: Databases,
    users: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Client {
    buffer: Vec<u8>,
    user: String,
    database: String,
    trusted: bool,
}

/// The server with its entry point.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Postgres {
    version: String,
    prepared: bool,
    script: Script,
    listening: bool,
    store: Store,
    data: String,
    clients: BTreeMap<u64, Client>,
    code: u8,
}

fn stamp(now: Time) -> String {
    let c = Civil::of(now);
    format!("{} {}.{:03} UTC", c.date(), c.clock(), c.milli)
}

fn entry(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let rest = &args[1..];
    let first = rest.first().map_or("postgres", String::as_str);
    if first == "postgres" || first.starts_with('-') { server(sys, rest) } else { Begun::Becomes(rest.to_vec()) }
}

fn server(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let version = super::find(sys.image()).version.clone();
    let version = if version.is_empty() { VERSIONS[0].to_string() } else { version };
    if args.iter().any(|a| a == "--version" || a == "-V") {
        sys.out(format!("postgres (PostgreSQL) {version}\n"));
        return Begun::Exit(0);
    }
    Begun::Serves(Server::Postgres(Box::new(Postgres { version, ..Postgres::default() })))
}

pub(super) const PROGRAMS: &[(&str, Begin)] =
    &[("pg_isready", is_ready), ("postgres", server), ("postgres-entrypoint", entry), ("psql", psql)];

impl Postgres {
    fn prepare(&mut self, sys: &mut Sys<'_>) -> Result<(), u8> {
        self.prepared = true;
        for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
            sys.set_disposition(signal, Some(Disposition::Catch));
        }
        self.data = sys.env("PGDATA").unwrap_or("/var/lib/postgresql/data").to_string();
        let data = self.data.clone();
        let user = if super::has_musl(sys.image()) { 70 } else { 999 };
        for at in data.match_indices('/').map(|(at, _)| at).skip(1).chain([data.len()]) {
            if sys.stat(&data[..at]).is_err() {
                let _ = sys.mkdir(&data[..at], 0o700);
            }
        }
        if sys.process().uid == 0 {
            let _ = sys.chown(&data, Some(user), Some(user), true);
            let _ = sys.chmod(&data, 0o700);
            (sys.process_mut().uid, sys.process_mut().gid) = (user, user);
        }
        let version = self.version.clone();
        let built = format!(
            "starting PostgreSQL {version} (Debian {version}-1.pgdg13+1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 14.2.0-19) 14.2.0, 64-bit"
        );
        if sys.stat(&format!("{data}/PG_VERSION")).is_ok() {
            let bytes = sys.read_file(&format!("{data}/base/store")).unwrap_or_default();
            self.store = postcard::from_bytes(&bytes).unwrap_or_default();
            self.script.add(
                0,
                1,
                "\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n",
            );
        } else {
            self.initialize(sys, &built)?;
        }
        let me = sys.getpid();
        self.script.add(30, 2, format!("@ [{me}] LOG:  {built}\n@ [{me}] LOG:  listening on IPv4 address \"0.0.0.0\", port 5432\n@ [{me}] LOG:  listening on IPv6 address \"::\", port 5432\n@ [{me}] LOG:  listening on Unix socket \"{SOCKET}\"\n"));
        let c = Civil::of(sys.now());
        self.script.add(
            10,
            2,
            format!("@ [62] LOG:  database system was shut down at {} {} UTC\n", c.date(), c.clock()),
        );
        self.script.add(10, 2, format!("@ [{me}] LOG:  database system is ready to accept connections\n"));
        Ok(())
    }

    fn initialize(&mut self, sys: &mut Sys<'_>, built: &str) -> Result<(), u8> {
        let data = self.data.clone();
        let env = |sys: &Sys<'_>, name: &str| sys.env(name).filter(|v| !v.is_empty()).map(String::from);
        let mut password = env(sys, "POSTGRES_PASSWORD");
        if let Some(file) = env(sys, "POSTGRES_PASSWORD_FILE") {
            let text = sys.read_file(&file).unwrap_or_default();
            password = Some(String::from_utf8_lossy(&text).trim_end().to_string());
        }
        let trusts = env(sys, "POSTGRES_HOST_AUTH_METHOD").as_deref() == Some("trust");
        if password.is_none() && !trusts {
            self.script.add(0, 2, "Error: Database is uninitialized and superuser password is not specified.\n       You must specify POSTGRES_PASSWORD to a non-empty value for the\n       superuser. For example, \"-e POSTGRES_PASSWORD=password\" on \"docker run\".\n\n       You may also use \"POSTGRES_HOST_AUTH_METHOD=trust\" to allow all\n       connections without a password. This is *not* recommended.\n\n       See PostgreSQL documentation about \"trust\":\n       https://www.postgresql.org/docs/current/auth-trust.html\n");
            return Err(1);
        }
        self.script.add(0, 1, "The files belonging to this database system will be owned by user \"postgres\".\nThis user must also own the server process.\n\nThe database cluster will be initialized with locale \"en_US.utf8\".\nThe default database encoding has accordingly been set to \"UTF8\".\nThe default text search configuration will be set to \"english\".\n\nData page checksums are disabled.\n\n");
        let names: Vec<String> = sys.read_dir(&data).unwrap_or_default().into_iter().map(|(n, _)| n).collect();
        if !names.is_empty() {
            let hint = match names.iter().find(|n| *n == "lost+found") {
                Some(_) => "initdb: detail: It contains a lost+found directory, perhaps due to it being a mount point.\ninitdb: hint: Using a mount point directly as the data directory is not recommended.\nCreate a subdirectory under the mount point.\n".to_string(),
                None if names.iter().any(|n| n.starts_with('.')) && names.iter().all(|n| n.starts_with('.')) => "initdb: detail: It contains a dot-prefixed/invisible file, perhaps due to it being a mount point.\ninitdb: hint: Using a mount point directly as the data directory is not recommended.\nCreate a subdirectory under the mount point.\n".to_string(),
                None => format!("initdb: hint: If you want to create a new database system, either remove or empty the directory \"{data}\" or run initdb with an argument other than \"{data}\".\n"),
            };
            self.script.add(0, 2, format!("initdb: error: directory \"{data}\" exists but is not empty\n{hint}"));
            return Err(1);
        }
        let major = self.version.split('.').next().unwrap_or("17").to_string();
        let probe = sys.write_file(&format!("{data}/PG_VERSION"), format!("{major}\n").as_bytes());
        if let Err(fault) = probe {
            let why = sys.text(fault);
            self.script.add(
                0,
                2,
                format!("initdb: error: could not change permissions of directory \"{data}\": {why}\n"),
            );
            return Err(1);
        }
        for name in [
            "base",
            "base/1",
            "base/4",
            "base/5",
            "global",
            "pg_commit_ts",
            "pg_dynshmem",
            "pg_logical",
            "pg_multixact",
            "pg_notify",
            "pg_replslot",
            "pg_serial",
            "pg_snapshots",
            "pg_stat",
            "pg_stat_tmp",
            "pg_subtrans",
            "pg_tblspc",
            "pg_twophase",
            "pg_wal",
            "pg_xact",
        ] {
            let _ = sys.mkdir(&format!("{data}/{name}"), 0o700);
        }
        for name in ["pg_hba.conf", "pg_ident.conf", "postgresql.auto.conf", "postgresql.conf", "postmaster.opts"] {
            let _ = sys.write_file(&format!("{data}/{name}"), b"# written by initdb\n");
        }
        self.script.add(20, 1, format!("fixing permissions on existing directory {data} ... ok\ncreating subdirectories ... ok\nselecting dynamic shared memory implementation ... posix\nselecting default \"max_connections\" ... 100\nselecting default \"shared_buffers\" ... 128MB\nselecting default time zone ... Etc/UTC\ncreating configuration files ... ok\n"));
        self.script.add(400, 1, "running bootstrap script ... ok\n");
        self.script.add(700, 1, "performing post-bootstrap initialization ... ok\n");
        self.script.add(500, 1, format!("syncing data to disk ... ok\n\n\nSuccess. You can now start the database server using:\n\n    pg_ctl -D {data} -l logfile start\n\n"));
        self.script.add(0, 2, "initdb: warning: enabling \"trust\" authentication for local connections\ninitdb: hint: You can change this by editing pg_hba.conf or using the option -A, or --auth-local and --auth-host, the next time you run initdb.\n");
        self.script.add(30, 1, format!("waiting for server to start....@ [48] LOG:  {built}\n@ [48] LOG:  listening on Unix socket \"{SOCKET}\"\n@ [51] LOG:  database system was shut down at @\n@ [48] LOG:  database system is ready to accept connections\n"));
        self.script.add(100, 1, " done\nserver started\n");
        let user = env(sys, "POSTGRES_USER").unwrap_or("postgres".into());
        let database = env(sys, "POSTGRES_DB").unwrap_or_else(|| user.clone());
        for name in ["postgres", "template0", "template1"] {
            self.store.databases.all.insert(name.into(), sql::Database::new());
        }
        if database != "postgres" {
            self.store.databases.all.insert(database.clone(), sql::Database::new());
            self.script.add(50, 1, "CREATE DATABASE\n\n\n");
        } else {
            self.script.add(0, 1, "\n");
        }
        self.store.users.insert(user, password.unwrap_or_default());
        let mut scripts = sys.read_dir("/docker-entrypoint-initdb.d").unwrap_or_default();
        scripts.retain(|(n, _)| !n.starts_with('.'));
        if scripts.is_empty() {
            self.script.add(0, 1, "/usr/local/bin/docker-entrypoint.sh: ignoring /docker-entrypoint-initdb.d/*\n\n");
        }
        for (name, _) in scripts {
            let path = format!("/docker-entrypoint-initdb.d/{name}");
            if !name.ends_with(".sql") {
                self.script.add(0, 1, format!("/usr/local/bin/docker-entrypoint.sh: ignoring {path}\n"));
                continue;
            }
            self.script.add(5, 1, format!("/usr/local/bin/docker-entrypoint.sh: running {path}\n"));
            let text = sys.read_file(&path).unwrap_or_default();
            for statement in sql::statements(&String::from_utf8_lossy(&text)).into_iter().take(10_000) {
                let now = now_text(sys.now());
                match self.store.databases.run(&statement, &database, &now) {
                    Outcome::Done(name, count) => self.script.add(0, 1, format!("{}\n", tag(&name, count))),
                    Outcome::Failed(fault) => {
                        let text = fault_text(&fault, &statement);
                        self.script.add(0, 2, format!("psql:{path}:1: {text}\n"));
                        self.keep(sys);
                        return Err(3);
                    }
                    _ => {}
                }
            }
            self.script.add(0, 1, "\n\n");
        }
        self.script.add(0, 1, "waiting for server to shut down...@ [48] LOG:  received fast shutdown request\n.@ [48] LOG:  aborting any active transactions\n@ [48] LOG:  background worker \"logical replication launcher\" (PID 54) exited with exit code 1\n@ [49] LOG:  shutting down\n@ [49] LOG:  checkpoint starting: shutdown immediate\n");
        self.script.add(100, 1, "@ [48] LOG:  database system is shut down\n done\nserver stopped\n\nPostgreSQL init process complete; ready for start up.\n\n");
        self.keep(sys);
        Ok(())
    }

    fn keep(&self, sys: &mut Sys<'_>) {
        let bytes = postcard::to_stdvec(&self.store).unwrap_or_default();
        let _ = sys.write_file(&format!("{}/base/store", self.data), &bytes);
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.prepared
            && let Err(code) = self.prepare(sys)
        {
            self.code = code;
        }
        if let Some(at) = self.script.step(sys, stamp) {
            return match sys.take_signal() {
                Some(_) => Turn::Exit(Status::Code(1)),
                None => Turn::Wait(Wait::until(at)),
            };
        }
        if self.code != 0 {
            return Turn::Exit(Status::Code(self.code));
        }
        if !self.listening {
            self.listening = true;
            let _ = sys.listen(5432);
            let _ = sys.write_file(&format!("{}/postmaster.pid", self.data), b"1\n");
        }
        if let Some(signal) = sys.take_signal() {
            let now = stamp(sys.now());
            let how = if signal == Signal::INT { "fast" } else { "smart" };
            let abort = if signal == Signal::INT {
                format!("{now} [1] LOG:  aborting any active transactions\n")
            } else {
                String::new()
            };
            sys.err(format!("{now} [1] LOG:  received {how} shutdown request\n{abort}{now} [1] LOG:  background worker \"logical replication launcher\" (PID 65) exited with exit code 1\n{now} [60] LOG:  shutting down\n{now} [60] LOG:  checkpoint starting: shutdown immediate\n{now} [60] LOG:  checkpoint complete: wrote 3 buffers (0.0%); 0 WAL file(s) added, 0 removed, 0 recycled; write=0.003 s, sync=0.002 s, total=0.012 s; sync files=2, longest=0.001 s, average=0.001 s; distance=0 kB, estimate=0 kB; lsn=0/1964F28, redo lsn=0/1964F28\n{now} [1] LOG:  database system is shut down\n"));
            let _ = sys.unlink(&format!("{}/postmaster.pid", self.data));
            return Turn::Exit(Status::Code(0));
        }
        Turn::Wait(Wait::signal())
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, _port: u16, peer: &Peer, sent: Sent<'_>) -> Reply {
        match sent {
            Sent::Open => {
                let client = Client { trusted: peer.ip.is_loopback(), ..Client::default() };
                self.clients.insert(peer.connection, client);
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
                    if let Wire::Failed(text) = &answer {
                        let now = stamp(sys.now());
                        let shown = text.lines().next().unwrap_or_default();
                        sys.err(format!("{now} [66] {shown}\n"));
                    }
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
                let known = self.store.users.get(&user);
                if !client.trusted && (known != Some(&password)) {
                    return Wire::Failed(format!("FATAL:  password authentication failed for user \"{user}\""));
                }
                if known.is_none() {
                    return Wire::Failed(format!("FATAL:  role \"{user}\" does not exist"));
                }
                if !self.store.databases.all.contains_key(&database) {
                    return Wire::Failed(format!("FATAL:  database \"{database}\" does not exist"));
                }
                (client.user, client.database) = (user, database);
                Wire::Welcome
            }
            Wire::Statement(text) if !client.user.is_empty() => {
                if let Some(answer) = self.backslash(client, &text) {
                    return answer;
                }
                let lower = text.to_ascii_lowercase();
                match lower.trim() {
                    "select version()" => {
                        let text = format!(
                            "PostgreSQL {} (Debian {}-1.pgdg13+1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 14.2.0-19) 14.2.0, 64-bit",
                            self.version, self.version
                        );
                        return sql::rows(vec!["version".into()], vec![vec![Some(text)]]);
                    }
                    "select datname from pg_database" => {
                        let rows = self.store.databases.all.keys().map(|n| vec![Some(n.clone())]).collect();
                        return sql::rows(vec!["datname".into()], rows);
                    }
                    _ => {}
                }
                if lower.starts_with("create user")
                    || lower.starts_with("create role")
                    || lower.starts_with("alter user")
                {
                    let name = text.split_whitespace().nth(2).unwrap_or_default().trim_matches('"').to_string();
                    let password = text.split('\'').nth(1).unwrap_or_default().to_string();
                    self.store.users.insert(name, password);
                    self.keep(sys);
                    return Wire::Done(
                        lower
                            .split_whitespace()
                            .take(2)
                            .collect::<Vec<_>>()
                            .join(" ")
                            .to_ascii_uppercase()
                            .replace("USER", "ROLE"),
                        0,
                    );
                }
                let now = now_text(sys.now());
                let outcome = self.store.databases.run(&text, &client.database, &now);
                if !lower.starts_with("select") {
                    self.keep(sys);
                }
                match outcome {
                    Outcome::Rows(names, all) => {
                        let names = names.into_iter().map(|n| {
                            if n.contains('(') {
                                n.split('(').next().unwrap_or_default().to_ascii_lowercase()
                            } else if n.parse::<f64>().is_ok() || n.contains('+') {
                                "?column?".into()
                            } else {
                                n
                            }
                        });
                        sql::rows(names.collect(), all)
                    }
                    Outcome::Done(name, count) => Wire::Done(tag(&name, count), 0),
                    Outcome::Use(_) => Wire::Failed(fault_text(&Fault::Syntax("USE".into()), &text)),
                    Outcome::Failed(fault) => Wire::Failed(fault_text(&fault, &text)),
                }
            }
            _ => Wire::Failed("FATAL:  invalid frontend message".into()),
        }
    }
}

fn tag(name: &str, count: usize) -> String {
    match name {
        "INSERT" => format!("INSERT 0 {count}"),
        "UPDATE" | "DELETE" => format!("{name} {count}"),
        "START TRANSACTION" => "START TRANSACTION".into(),
        other => other.to_string(),
    }
}

fn now_text(now: Time) -> String {
    let c = Civil::of(now);
    format!("{} {}.{:03}417+00", c.date(), c.clock(), c.milli)
}

fn fault_text(fault: &Fault, text: &str) -> String {
    let at = |word: &str| {
        let line = text.lines().next().unwrap_or_default();
        let column = line.find(word).unwrap_or(0);
        format!("LINE 1: {line};\n{}^", " ".repeat(column + 8))
    };
    match fault {
        Fault::Syntax(near) if near.is_empty() => format!("ERROR:  syntax error at end of input\n{}", at("\u{0}")),
        Fault::Syntax(near) => format!("ERROR:  syntax error at or near \"{near}\"\n{}", at(near)),
        Fault::NoTable(name) => format!("ERROR:  relation \"{name}\" does not exist\n{}", at(name)),
        Fault::TableExists(name) => format!("ERROR:  relation \"{name}\" already exists"),
        Fault::NoDatabase(name) => format!("ERROR:  database \"{name}\" does not exist"),
        Fault::DatabaseExists(name) => format!("ERROR:  database \"{name}\" already exists"),
        Fault::NoneChosen => "ERROR:  no schema has been selected to create in".into(),
        Fault::NoColumn(name) => format!("ERROR:  column \"{name}\" does not exist\n{}", at(name)),
        Fault::Count => "ERROR:  INSERT has more expressions than target columns".into(),
        Fault::Duplicate(value, column) => format!(
            "ERROR:  duplicate key value violates unique constraint \"pkey\"\nDETAIL:  Key ({column})=({value}) already exists."
        ),
    }
}

/// Whom to ask and as whom.
#[derive(Default)]
struct Login {
    host: Option<String>,
    port: u16,
    user: Option<String>,
    database: Option<String>,
    quiet: bool,
    commands: Vec<String>,
    files: Vec<String>,
    tuples: bool,
    plain: bool,
}

fn login(sys: &Sys<'_>, args: &[String]) -> Login {
    let env = |name: &str| sys.env(name).filter(|v| !v.is_empty()).map(String::from);
    let mut login = Login {
        host: env("PGHOST"),
        port: env("PGPORT").and_then(|p| p.parse().ok()).unwrap_or(5432),
        user: env("PGUSER"),
        database: env("PGDATABASE"),
        ..Login::default()
    };
    let mut words = args[1..].iter();
    let mut bare = Vec::new();
    while let Some(word) = words.next() {
        let (name, given) = match word.strip_prefix("--") {
            Some(long) => {
                let (n, v) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v.to_string())));
                (n.to_string(), v)
            }
            None => match word.strip_prefix('-').filter(|w| !w.is_empty()) {
                Some(letters) => {
                    let flags: String = letters.chars().take_while(|c| "tAqwWnxX1".contains(*c)).collect();
                    login.tuples |= flags.contains('t');
                    login.plain |= flags.contains('A');
                    login.quiet |= flags.contains('q');
                    let rest = &letters[flags.len()..];
                    let Some(first) = rest.chars().next() else { continue };
                    (first.to_string(), Some(rest[first.len_utf8()..].to_string()).filter(|r| !r.is_empty()))
                }
                None => {
                    bare.push(word.clone());
                    continue;
                }
            },
        };
        let mut value = || given.clone().unwrap_or_else(|| words.next().cloned().unwrap_or_default());
        match name.as_str() {
            "h" | "host" => login.host = Some(value()),
            "p" | "port" => login.port = value().parse().unwrap_or(5432),
            "U" | "username" => login.user = Some(value()),
            "d" | "dbname" => login.database = Some(value()),
            "c" | "command" => login.commands.push(value()),
            "f" | "file" => login.files.push(value()),
            "t" | "tuples-only" => login.tuples = true,
            "A" | "no-align" => login.plain = true,
            "q" | "quiet" => login.quiet = true,
            "v" | "set" | "P" | "F" | "timeout" => drop(value()),
            _ => {}
        }
    }
    if login.database.is_none() {
        login.database = bare.first().cloned();
        if let Some(user) = bare.get(1) {
            login.user = Some(user.clone());
        }
    }
    login
}

fn is_ready(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let login = login(sys, args);
    let shown = format!("{}:{}", login.host.clone().unwrap_or("/var/run/postgresql".into()), login.port);
    let host = login.host.filter(|h| !h.starts_with('/')).unwrap_or("127.0.0.1".into());
    let open = resolver::resolve(sys, &host)
        .ok()
        .and_then(|ips| ips.into_iter().find(|ip| ip.is_ipv4()))
        .map(|ip| sys.connect(ip, login.port));
    let (text, code) = match open {
        Some(Ok(fd)) => {
            let _ = sys.close(fd);
            ("accepting connections", 0)
        }
        _ => ("no response", 2),
    };
    if !login.quiet {
        sys.out(format!("{shown} - {text}\n"));
    }
    Begun::Exit(code)
}

/// `psql` under way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Psql {
    statements: Statements,
    fd: Option<Fd>,
    tuples: bool,
    plain: bool,
    quiet: bool,
    stops: bool,
    code: u8,
    user: String,
    database: String,
    /// Where it is connected to, as `\conninfo` says.
    place: String,
}

fn psql(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    if args.iter().any(|a| a == "--version" || a == "-V") {
        let version = super::find(sys.image()).version.clone();
        sys.out(format!("psql (PostgreSQL) {version} (Debian {version}-1.pgdg13+1)\n"));
        return Begun::Exit(0);
    }
    let mut login = login(sys, args);
    if let Some(uri) = login.database.clone().filter(|d| d.starts_with("postgres")) {
        let url = crate::machine::net::http::Url::parse(&uri);
        if let Some(url) = url {
            login.host = Some(url.host.clone());
            login.port = url.port.unwrap_or(5432);
            login.user = url.user.as_ref().and_then(|u| u.split(':').next()).map(String::from);
            login.database = Some(url.path.trim_start_matches('/').split('?').next().unwrap_or_default().to_string());
            if let Some(password) = url.user.as_ref().and_then(|u| u.split_once(':')).map(|(_, p)| p.to_string()) {
                sys.set_env("PGPASSWORD", Some(password));
            }
        }
    }
    let uid = sys.process().uid;
    let own = match uid {
        0 => "root",
        _ => "postgres",
    };
    let user = login.user.clone().unwrap_or(own.into());
    let database = login.database.clone().unwrap_or_else(|| user.clone());
    let local = login.host.as_ref().is_none_or(|h| h.starts_with('/'));
    let host = login.host.clone().filter(|h| !h.starts_with('/')).unwrap_or("127.0.0.1".into());
    let ip = match resolver::resolve(sys, &host) {
        Ok(ips) => ips
            .iter()
            .find(|ip| ip.is_ipv4())
            .or(ips.first())
            .copied()
            .unwrap_or(std::net::IpAddr::from([127, 0, 0, 1])),
        Err(failure) => {
            let musl = super::has_musl(sys.image());
            sys.err(format!(
                "psql: error: could not translate host name \"{host}\" to address: {}\n",
                failure.text(musl)
            ));
            return Begun::Exit(2);
        }
    };
    let place = match local {
        true => format!("connection to server on socket \"{SOCKET}\" failed: "),
        false => format!("connection to server at \"{host}\" ({ip}), port {} failed: ", login.port),
    };
    let fd = match sys.connect(ip, login.port) {
        Ok(fd) => fd,
        Err(_) if local => {
            sys.err(format!("psql: error: {place}No such file or directory\n\tIs the server running locally and accepting connections on that socket?\n"));
            return Begun::Exit(2);
        }
        Err(fault) => {
            let why = sys.text(fault);
            let hint = if fault == Errno::ConnRefused || fault == Errno::TimedOut {
                "\n\tIs the server running on that host and accepting TCP/IP connections?"
            } else {
                ""
            };
            sys.err(format!("psql: error: {place}{why}{hint}\n"));
            return Begun::Exit(2);
        }
    };
    let password = sys.env("PGPASSWORD").unwrap_or_default().to_string();
    if !local && password.is_empty() && !sys.is_tty(0) && host != "127.0.0.1" && host != "localhost" {
        sys.err(format!("psql: error: {place}fe_sendauth: no password supplied\n"));
        return Begun::Exit(2);
    }
    match ask(sys, fd, &Wire::Login(user.clone(), password, database.clone())) {
        Some(Wire::Welcome) => {}
        Some(Wire::Failed(text)) => {
            sys.err(format!("psql: error: {place}{text}\n"));
            return Begun::Exit(2);
        }
        _ => {
            sys.err(format!("psql: error: {place}server closed the connection unexpectedly\n"));
            return Begun::Exit(2);
        }
    }
    let mut statements: Vec<String> = login.commands.iter().flat_map(|c| sql::statements(c)).collect();
    for file in &login.files {
        match sys.read_file(file) {
            Ok(text) => statements.extend(sql::statements(&String::from_utf8_lossy(&text))),
            Err(fault) => {
                let why = sys.text(fault);
                sys.err(format!("psql: error: {file}: {why}\n"));
                return Begun::Exit(1);
            }
        }
    }
    let typed = login.commands.is_empty() && login.files.is_empty();
    let stops = !login.commands.is_empty();
    let mut all = Statements::new(statements, typed);
    if typed && sys.is_tty(0) {
        if !login.quiet {
            let version = super::find(sys.image()).version.clone();
            let of_debian =
                if super::has_musl(sys.image()) { String::new() } else { format!(" (Debian {version}-1.pgdg13+1)") };
            sys.out(format!("psql ({version}{of_debian})\nType \"help\" for help.\n\n"));
        }
        let (first, more) = prompts(&database, &user);
        all.ask_with(Ends::Psql, &first, &more);
    }
    let place = match local {
        true => format!("via socket in \"/var/run/postgresql\" at port \"{}\".", login.port),
        false if host == ip.to_string() => format!("on host \"{host}\" at port \"{}\".", login.port),
        false => format!("on host \"{host}\" (address \"{ip}\") at port \"{}\".", login.port),
    };
    Begun::Serves(Server::Psql(Box::new(Psql {
        statements: all,
        fd: Some(fd),
        tuples: login.tuples,
        plain: login.plain,
        quiet: login.quiet,
        stops,
        code: 0,
        user,
        database,
        place,
    })))
}

/// The prompts of a database: those of its owner end in `#`.
fn prompts(database: &str, user: &str) -> (String, String) {
    let sign = if user == "postgres" { '#' } else { '>' };
    (format!("{database}={sign} "), format!("{database}-{sign} "))
}

/// A row whose cells may have several lines: all but a cell's last one end in `+`.
fn lay_out(row: &[String], widths: &[usize], numbers: &[bool]) -> String {
    let cells: Vec<Vec<&str>> = row.iter().map(|cell| cell.split('\n').collect()).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(1);
    let mut out = String::new();
    for line in 0..height {
        for (at, cell) in cells.iter().enumerate() {
            let (text, w) = (cell.get(line).copied().unwrap_or_default(), widths.get(at).copied().unwrap_or(0));
            let (is_last, goes_on) = (at + 1 == cells.len(), line + 1 < cell.len());
            let text = match numbers.get(at) {
                Some(true) => format!("{text:>w$}"),
                _ if is_last && !goes_on => text.to_string(),
                _ => format!("{text:<w$}"),
            };
            let end = if goes_on { "+" } else { "" };
            let between = match (is_last, goes_on) {
                (true, _) => "",
                (false, true) => "|",
                (false, false) => " |",
            };
            out.push_str(&format!(" {text}{end}{between}"));
        }
        out.push('\n');
    }
    out
}

impl Psql {
    fn show(
        &self,
        title: &str,
        columns: &[(String, bool)],
        all: &[Vec<Option<String>>],
        footer: Option<&str>,
    ) -> String {
        let cell = |v: &Option<String>| v.clone().unwrap_or_default();
        let count = format!("({} row{})\n", all.len(), if all.len() == 1 { "" } else { "s" });
        let below = footer.map_or(count, String::from);
        if self.plain {
            let mut out = String::new();
            if !title.is_empty() && !self.tuples {
                out.push_str(&format!("{title}\n"));
            }
            if !self.tuples {
                out.push_str(&columns.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join("|"));
                out.push('\n');
            }
            for row in all {
                out.push_str(&format!("{}\n", row.iter().map(cell).collect::<Vec<_>>().join("|")));
            }
            if !self.tuples {
                out.push_str(&below);
            }
            return out;
        }
        let widths: Vec<usize> = (0..columns.len())
            .map(|at| {
                all.iter()
                    .filter_map(|r| r.get(at))
                    .map(|v| cell(v).split('\n').map(|l| l.chars().count()).max().unwrap_or(0))
                    .chain((!self.tuples).then(|| columns[at].0.chars().count()))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        if !title.is_empty() && !self.tuples {
            let width = widths.iter().map(|w| w + 3).sum::<usize>().saturating_sub(1);
            let left = width.saturating_sub(title.chars().count()) / 2;
            out.push_str(&format!("{}{title}\n", " ".repeat(left)));
        }
        if !self.tuples {
            let names: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(at, (name, _))| {
                    let gap = widths[at].saturating_sub(name.chars().count());
                    let left = gap / 2;
                    format!(" {}{name}{}{}", " ".repeat(left), " ".repeat(gap - left), " ")
                })
                .collect();
            out.push_str(&format!("{}\n", names.join("|")));
            out.push_str(&format!("{}\n", widths.iter().map(|w| "-".repeat(w + 2)).collect::<Vec<_>>().join("+")));
        }
        for row in all {
            let cells: Vec<String> = row.iter().map(cell).collect();
            let numbers: Vec<bool> = columns.iter().map(|c| c.1).collect();
            out.push_str(&lay_out(&cells, &widths, &numbers));
        }
        if !self.tuples {
            out.push_str(&below);
        }
        out.push('\n');
        out
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let text = match self.statements.next(sys) {
            Ok(text) => text,
            Err(turn) => {
                if turn.is_none() && self.statements.is_prompting() {
                    sys.out("\\q\n");
                }
                return turn.unwrap_or(Turn::Exit(Status::Code(self.code)));
            }
        };
        let Some(fd) = self.fd else { return Turn::Exit(Status::Code(self.code)) };
        if matches!(text.as_str(), "\\q" | "exit" | "quit") {
            return Turn::Exit(Status::Code(0));
        }
        if text == "\\conninfo" {
            let (database, user, place) = (&self.database, &self.user, &self.place);
            sys.out(format!("You are connected to database \"{database}\" as user \"{user}\" {place}\n"));
            return Turn::Again;
        }
        match ask(sys, fd, &Wire::Statement(text)) {
            Some(Wire::Rows(columns, all)) => {
                let text = self.show("", &columns, &all, None);
                sys.out(text);
            }
            Some(Wire::Titled(title, columns, all, footer)) => {
                let text = self.show(&title, &columns, &all, footer.as_deref());
                sys.out(text);
            }
            Some(Wire::Uses(database)) => {
                sys.out(format!("You are now connected to database \"{database}\" as user \"{}\".\n", self.user));
                if self.statements.is_prompting() {
                    let (first, more) = prompts(&database, &self.user);
                    self.statements.ask_with(Ends::Psql, &first, &more);
                }
                self.database = database;
            }
            Some(Wire::Done(tag, _)) if !self.quiet => sys.out(format!("{tag}\n")),
            Some(Wire::Failed(text)) => {
                sys.err(format!("{text}\n"));
                if self.stops {
                    self.code = 1;
                }
            }
            Some(_) => {}
            None => {
                sys.err("server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\nconnection to server was lost\n");
                return Turn::Exit(Status::Code(2));
            }
        }
        Turn::Again
    }
}
