//! The binary log, and a replica that follows another server's.
//!
//! Facts: MySQL's manual of replication (`CHANGE MASTER TO`, `START SLAVE`, `SHOW SLAVE STATUS`, `SHOW MASTER STATUS`).

use serde::{Deserialize, Serialize};

use super::{Client, DATA, Mysql, plain_time};
use crate::api::{Duration, Time};
use crate::machine::images::sql::{self, Outcome, Wire};
use crate::machine::kernel::{Fd, Input, Sys, Wait};
use crate::machine::net::{Reply, resolver};

/// Where a binary log begins.
const BEGINS: u64 = 154;

/// How many events are kept for replicas that come later.
const MAX_EVENTS: usize = 20_000;

/// Whom a server replicates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Source {
    host: String,
    port: u16,
    user: String,
    password: String,
    retry: i64,
    file: String,
    /// How far it has read and done what was written there.
    position: u64,
    runs: bool,
    fault: String,
}

/// The connection to it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Link {
    fd: Option<Fd>,
    buffer: Vec<u8>,
    next: Option<Time>,
    /// Why there is none.
    fault: String,
    server_id: String,
}

/// What a replica says instead of a statement.
const DUMP: &str = "\u{1}BINLOG DUMP ";

/// What is sent in place of a row for an event.
const EVENT: &str = "\u{1}EVENT";

/// `name = 'value'` in a statement.
fn given<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower.get(from..)?.find(name) {
        let rest = text.get(from + at + name.len()..)?.trim_start();
        from += at + name.len();
        let Some(rest) = rest.strip_prefix('=') else { continue };
        let rest = rest.trim_start();
        return match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next(),
            None => rest.split([',', ' ', ';', '\n']).next(),
        };
    }
    None
}

impl Mysql {
    /// Whether it writes a binary log.
    pub(super) fn logs(&self) -> bool {
        self.options.contains_key("log_bin") || self.age() >= 800 && !self.options.contains_key("skip_log_bin")
    }

    /// The name of the binary log.
    fn log_file(&self, sys: &Sys<'_>) -> String {
        let base = match self.options.get("log_bin").map(String::as_str) {
            Some("") | None if self.age() < 800 => format!("{}-bin", sys.sandbox.hostname),
            Some("") | None => "binlog".into(),
            Some(name) => name.rsplit('/').next().unwrap_or(name).to_string(),
        };
        format!("{base}.000003")
    }

    /// Takes the server's UUID from its file, or draws one.
    pub(super) fn read_identity(&mut self, sys: &mut Sys<'_>) {
        let file = format!("{DATA}/auto.cnf");
        let text = sys.read_file(&file).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
        self.uuid = match text.lines().find_map(|l| l.strip_prefix("server-uuid=")) {
            Some(uuid) => uuid.trim().to_string(),
            None => {
                let (a, b) = (sys.random(), sys.random());
                let uuid =
                    format!("{:08x}-{:04x}-11f0-{:04x}-{:012x}", a >> 32, a & 0xffff, b >> 48, b & 0xffff_ffff_ffff);
                let _ = sys.write_file(&file, format!("[auto]\nserver-uuid={uuid}\n").as_bytes());
                uuid
            }
        };
        self.store.position = self.store.position.max(BEGINS);
    }

    /// Adds a statement to the binary log, and sends it to the replicas.
    pub(super) fn log_event(&mut self, sys: &mut Sys<'_>, database: &str, text: &str) {
        if !self.logs() {
            return;
        }
        self.store.position += 65 + text.len() as u64 + database.len() as u64;
        let event = (self.store.position, database.to_string(), text.to_string());
        let bytes = as_wire(&event).bytes();
        self.store.events.push(event);
        if self.store.events.len() > MAX_EVENTS {
            self.store.events.drain(..MAX_EVENTS / 2);
        }
        let followers: Vec<u64> = self.clients.iter().filter(|(_, c)| c.follows).map(|(n, _)| *n).collect();
        for connection in followers {
            sys.push(connection, Reply { bytes: bytes.clone(), ..Reply::default() });
        }
    }

    /// Answers what concerns replication.
    pub(super) fn on_replication(
        &mut self,
        sys: &mut Sys<'_>,
        client: &mut Client,
        text: &str,
        lower: &str,
    ) -> Option<Wire> {
        if let Some(position) = text.strip_prefix(DUMP) {
            let position: u64 = position.parse().unwrap_or(0);
            client.follows = true;
            let file = self.log_file(sys);
            let id = self.options.get("server_id").cloned().unwrap_or_default();
            let mut all = vec![vec![Some(file), Some(id), Some(String::new()), Some(self.store.position.to_string())]];
            let events = self.store.events.iter().filter(|(at, ..)| *at > position);
            all.extend(events.map(|(at, database, text)| {
                vec![Some(EVENT.into()), Some(at.to_string()), Some(database.clone()), Some(text.clone())]
            }));
            return Some(Wire::Rows(Vec::new(), all));
        }
        let words: Vec<&str> = lower.split_whitespace().collect();
        let running = "ERROR 3021 (HY000) at line 1: This operation cannot be performed with a running slave io thread; run STOP SLAVE IO_THREAD FOR CHANNEL '' first.";
        match words.as_slice() {
            ["change", "master" | "replication", ..] => {
                let mut source =
                    self.source.clone().unwrap_or_else(|| Source { port: 3306, retry: 60, ..Source::default() });
                if source.runs {
                    return Some(Wire::Failed(running.into()));
                }
                let any = |names: [&str; 2]| names.iter().find_map(|n| given(text, n)).map(String::from);
                if let Some(host) = any(["master_host", "source_host"]) {
                    source.host = host;
                }
                if let Some(user) = any(["master_user", "source_user"]) {
                    source.user = user;
                }
                if let Some(password) = any(["master_password", "source_password"]) {
                    source.password = password;
                }
                if let Some(port) = any(["master_port", "source_port"]) {
                    source.port = port.parse().unwrap_or(3306);
                }
                if let Some(retry) = any(["master_connect_retry", "source_connect_retry"]) {
                    source.retry = retry.parse().unwrap_or(60);
                }
                if let Some(file) = any(["master_log_file", "source_log_file"]) {
                    source.file = file;
                }
                if let Some(position) = any(["master_log_pos", "source_log_pos"]) {
                    source.position = position.parse().unwrap_or(BEGINS);
                }
                self.source = Some(source);
                self.keep(sys);
                Some(Wire::Done("CHANGE".into(), 0))
            }
            ["start", "slave" | "replica", ..] => {
                let Some(source) = self.source.as_mut().filter(|s| !s.host.is_empty()) else {
                    return Some(Wire::Failed("ERROR 1200 (HY000) at line 1: The server is not configured as slave; fix in config file or with CHANGE MASTER TO".into()));
                };
                source.runs = true;
                source.fault.clear();
                self.link = Link { next: Some(sys.now()), ..Link::default() };
                self.keep(sys);
                Some(Wire::Done("START".into(), 0))
            }
            ["stop", "slave" | "replica", ..] => {
                if let Some(source) = self.source.as_mut() {
                    source.runs = false;
                }
                self.hang_up(sys);
                self.keep(sys);
                Some(Wire::Done("STOP".into(), 0))
            }
            ["reset", "slave" | "replica", ..] => {
                self.source = None;
                self.hang_up(sys);
                self.keep(sys);
                Some(Wire::Done("RESET".into(), 0))
            }
            ["show", "master", "status"] | ["show", "binary", "log", "status"] => {
                let names = ["File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB", "Executed_Gtid_Set"];
                let row = vec![
                    self.log_file(sys),
                    self.store.position.to_string(),
                    String::new(),
                    String::new(),
                    String::new(),
                ];
                let all = if self.logs() { vec![row.into_iter().map(Some).collect()] } else { Vec::new() };
                Some(sql::rows(names.map(String::from).to_vec(), all))
            }
            ["show", "slave" | "replica", "status"] => Some(self.slave_status(sys)),
            _ => None,
        }
    }

    fn slave_status(&self, sys: &Sys<'_>) -> Wire {
        let Some(source) = &self.source else { return sql::rows(Vec::new(), Vec::new()) };
        let linked = self.link.fd.is_some();
        let io = match (source.runs, linked) {
            (false, _) => "No",
            (true, true) => "Yes",
            (true, false) => "Connecting",
        };
        let state = match io {
            "Yes" => "Waiting for master to send event",
            "Connecting" => "Connecting to master",
            _ => "",
        };
        let applies = source.runs && source.fault.is_empty();
        let (host, position) = (sys.sandbox.hostname.clone(), source.position.to_string());
        let error = if linked || !source.runs { String::new() } else { self.link.fault.clone() };
        let number = if error.is_empty() { "0" } else { "2003" };
        let behind = if linked && applies { Some("0".to_string()) } else { None };
        let mut names = Vec::new();
        let mut row: Vec<Option<String>> = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            names.push(name.to_string());
            row.push(value);
        };
        let some = |text: &str| Some(text.to_string());
        add("Slave_IO_State", some(state));
        add("Master_Host", some(&source.host));
        add("Master_User", some(&source.user));
        add("Master_Port", Some(source.port.to_string()));
        add("Connect_Retry", Some(source.retry.to_string()));
        add("Master_Log_File", some(&source.file));
        add("Read_Master_Log_Pos", some(&position));
        add("Relay_Log_File", Some(format!("{host}-relay-bin.000002")));
        add("Relay_Log_Pos", Some((source.position.saturating_sub(BEGINS) + 320).to_string()));
        add("Relay_Master_Log_File", some(&source.file));
        add("Slave_IO_Running", some(io));
        add("Slave_SQL_Running", some(if applies { "Yes" } else { "No" }));
        for name in [
            "Replicate_Do_DB",
            "Replicate_Ignore_DB",
            "Replicate_Do_Table",
            "Replicate_Ignore_Table",
            "Replicate_Wild_Do_Table",
            "Replicate_Wild_Ignore_Table",
        ] {
            add(name, some(""));
        }
        add("Last_Errno", some(if source.fault.is_empty() { "0" } else { "1007" }));
        add("Last_Error", some(&source.fault));
        add("Skip_Counter", some("0"));
        add("Exec_Master_Log_Pos", some(&position));
        add("Relay_Log_Space", Some((source.position.saturating_sub(BEGINS) + 530).to_string()));
        add("Until_Condition", some("None"));
        add("Until_Log_File", some(""));
        add("Until_Log_Pos", some("0"));
        add("Master_SSL_Allowed", some("No"));
        for name in
            ["Master_SSL_CA_File", "Master_SSL_CA_Path", "Master_SSL_Cert", "Master_SSL_Cipher", "Master_SSL_Key"]
        {
            add(name, some(""));
        }
        add("Seconds_Behind_Master", behind);
        add("Master_SSL_Verify_Server_Cert", some("No"));
        add("Last_IO_Errno", some(number));
        add("Last_IO_Error", some(&error));
        add("Last_SQL_Errno", some(if source.fault.is_empty() { "0" } else { "1007" }));
        add("Last_SQL_Error", some(&source.fault));
        add("Replicate_Ignore_Server_Ids", some(""));
        add("Master_Server_Id", some(if self.link.server_id.is_empty() { "0" } else { &self.link.server_id }));
        add("Master_UUID", some(""));
        add("Master_Info_File", some("/var/lib/mysql/master.info"));
        add("SQL_Delay", some("0"));
        add("SQL_Remaining_Delay", None);
        add(
            "Slave_SQL_Running_State",
            some(if applies { "Slave has read all relay log; waiting for more updates" } else { "" }),
        );
        add("Master_Retry_Count", some("86400"));
        for name in [
            "Master_Bind",
            "Last_IO_Error_Timestamp",
            "Last_SQL_Error_Timestamp",
            "Master_SSL_Crl",
            "Master_SSL_Crlpath",
            "Retrieved_Gtid_Set",
            "Executed_Gtid_Set",
        ] {
            add(name, some(""));
        }
        add("Auto_Position", some("0"));
        for name in ["Replicate_Rewrite_DB", "Channel_Name", "Master_TLS_Version"] {
            add(name, some(""));
        }
        sql::rows(names, vec![row])
    }

    fn hang_up(&mut self, sys: &mut Sys<'_>) {
        if let Some(fd) = self.link.fd.take() {
            let _ = sys.close(fd);
        }
        self.link = Link::default();
    }

    /// Takes what the source has sent, and connects to it where that is due; what it waits for.
    pub(super) fn follow(&mut self, sys: &mut Sys<'_>) -> Wait {
        let Some(source) = self.source.clone().filter(|s| s.runs) else { return Wait::signal() };
        if self.link.fd.is_none() && self.link.next.is_none_or(|at| at <= sys.now()) {
            self.link.next = None;
            if let Err(fault) = self.call(sys, &source) {
                self.link.fault = fault;
                self.link.next = Some(sys.now() + Duration::secs(source.retry.max(1)));
            }
        }
        let Some(fd) = self.link.fd else { return Wait { until: self.link.next, ..Wait::default() } };
        loop {
            match sys.read(fd, 1 << 20) {
                Ok(Input::Bytes(bytes)) => {
                    self.link.buffer.extend(bytes);
                    self.take_events(sys);
                }
                Ok(Input::Wait) => return Wait::input(fd),
                Ok(Input::End) | Err(_) => {
                    let _ = sys.close(fd);
                    self.link = Link { next: Some(sys.now() + Duration::secs(1)), ..Link::default() };
                    self.link.fault = format!(
                        "error reconnecting to master '{}@{}:{}' - retry-time: {}  retries: 1",
                        source.user, source.host, source.port, source.retry
                    );
                    return Wait { until: self.link.next, ..Wait::default() };
                }
            }
        }
    }

    fn call(&mut self, sys: &mut Sys<'_>, source: &Source) -> Result<(), String> {
        let fault = format!(
            "error connecting to master '{}@{}:{}' - retry-time: {}  retries: 1",
            source.user, source.host, source.port, source.retry
        );
        let ip = resolver::resolve(sys, &source.host).ok().and_then(|ips| ips.first().copied()).ok_or(fault.clone())?;
        let fd = sys.connect(ip, source.port).map_err(|_| fault.clone())?;
        let login = Wire::Login(source.user.clone(), source.password.clone(), String::new());
        if !matches!(super::ask(sys, fd, &login), Some(Wire::Welcome)) {
            let _ = sys.close(fd);
            return Err(fault);
        }
        let _ = sys.write(fd, &Wire::Statement(format!("{DUMP}{}", source.position)).bytes());
        self.link.fd = Some(fd);
        self.link.fault.clear();
        Ok(())
    }

    fn take_events(&mut self, sys: &mut Sys<'_>) {
        let mut buffer = std::mem::take(&mut self.link.buffer);
        while let Some(said) = Wire::take(&mut buffer) {
            let Wire::Rows(_, rows) = said else { continue };
            for row in rows {
                let [Some(kind), Some(second), Some(database), Some(text)] = row.as_slice() else { continue };
                let Some(source) = self.source.as_mut() else { continue };
                if kind != EVENT {
                    source.file.clone_from(kind);
                    self.link.server_id.clone_from(second);
                    continue;
                }
                source.position = second.parse().unwrap_or(source.position);
                let now = plain_time(sys.now());
                if let Some((user, password)) = super::made_user(text) {
                    self.store.users.insert(user, password);
                    continue;
                }
                if let Outcome::Failed(fault) = self.store.databases.run(text, database, &now)
                    && let Some(source) = self.source.as_mut()
                {
                    let why = super::fault_text(&fault, database);
                    let why = why.split_once(": ").map_or(why.as_str(), |(_, w)| w).to_string();
                    source.fault = format!("Error '{why}' on query. Default database: '{database}'. Query: '{text}'");
                }
            }
            self.keep(sys);
        }
        self.link.buffer = buffer;
    }
}

fn as_wire((at, database, text): &(u64, String, String)) -> Wire {
    Wire::Rows(
        Vec::new(),
        vec![vec![Some(EVENT.into()), Some(at.to_string()), Some(database.clone()), Some(text.clone())]],
    )
}
