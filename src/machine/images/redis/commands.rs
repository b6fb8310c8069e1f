//! The commands that concern the server, its clients and its connections; and where all commands come in.

use super::data::{self, Text};
use super::resp::Resp;
use super::{End, Redis};
use crate::machine::kernel::Sys;
use crate::machine::net::Reply;

fn lower(word: Option<&Text>) -> String {
    word.map(|w| String::from_utf8_lossy(w).to_ascii_lowercase()).unwrap_or_default()
}

fn shown(word: Option<&Text>) -> String {
    word.map(|w| String::from_utf8_lossy(w).into_owned()).unwrap_or_default()
}

fn arguments(name: &str) -> Resp {
    Resp::error(format!("ERR wrong number of arguments for '{name}' command"))
}

fn unknown(words: &[Text]) -> Resp {
    let rest: String = words[1..].iter().take(20).map(|w| format!("'{}' ", String::from_utf8_lossy(w))).collect();
    Resp::error(format!("ERR unknown command '{}', with args beginning with: {rest}", shown(words.first())))
}

impl Redis {
    /// Answers one command of a client; whether the connection is closed then.
    pub(super) fn answer(&mut self, sys: &mut Sys<'_>, client: u64, words: Vec<Text>) -> (Resp, bool) {
        self.commands += 1;
        let name = lower(words.first());
        let Some(who) = self.clients.get_mut(&client) else { return (Resp::None, true) };
        if !who.authed && !matches!(name.as_str(), "auth" | "hello" | "quit" | "reset") {
            return (Resp::error("NOAUTH Authentication required."), false);
        }
        if !who.channels.is_empty() || !who.patterns.is_empty() {
            let allowed = ["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ping", "quit", "reset"];
            if !allowed.contains(&name.as_str()) {
                return (
                    Resp::error(format!(
                        "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
                    )),
                    false,
                );
            }
        }
        let queues = who.queue.is_some() && !matches!(name.as_str(), "exec" | "discard" | "multi" | "watch");
        if queues {
            let fault = self.fault_of(&name, &words);
            let Some(who) = self.clients.get_mut(&client) else { return (Resp::None, true) };
            if let Some(fault) = fault {
                who.broken = true;
                return (fault, false);
            }
            if let Some(queue) = who.queue.as_mut().filter(|q| q.len() < 100_000) {
                queue.push(words);
            }
            return (Resp::Simple("QUEUED".into()), false);
        }
        match name.as_str() {
            "multi" => {
                if who.queue.is_some() {
                    return (Resp::error("ERR MULTI calls can not be nested"), false);
                }
                who.queue = Some(Vec::new());
                who.broken = false;
                (Resp::ok(), false)
            }
            "discard" => match who.queue.take() {
                Some(_) => (Resp::ok(), false),
                None => (Resp::error("ERR DISCARD without MULTI"), false),
            },
            "exec" => {
                let Some(queue) = who.queue.take() else { return (Resp::error("ERR EXEC without MULTI"), false) };
                if who.broken {
                    return (Resp::error("EXECABORT Transaction discarded because of previous errors."), false);
                }
                let answers = queue.into_iter().map(|words| {
                    let name = lower(words.first());
                    self.execute(sys, client, &name, &words).0
                });
                (Resp::Array(answers.collect()), false)
            }
            _ => self.execute(sys, client, &name, &words),
        }
    }

    /// What is wrong with a command before it runs.
    fn fault_of(&self, name: &str, words: &[Text]) -> Option<Resp> {
        match data::known(name) {
            Some((least, most, _)) if words.len() < least || (most > 0 && words.len() > most) => Some(arguments(name)),
            Some(_) => None,
            None if OTHERS.contains(&name) => None,
            None => Some(unknown(words)),
        }
    }

    fn execute(&mut self, sys: &mut Sys<'_>, client: u64, name: &str, words: &[Text]) -> (Resp, bool) {
        if let Some(fault) = self.fault_of(name, words) {
            return (fault, false);
        }
        let monitors: Vec<u64> = self.clients.iter().filter(|(_, c)| c.monitors).map(|(n, _)| *n).collect();
        if !monitors.is_empty() && name != "auth" {
            let now = sys.now().0;
            let address = self.clients.get(&client).map(|c| c.address.clone()).unwrap_or_default();
            let quoted: String = words.iter().map(|w| format!(" \"{}\"", String::from_utf8_lossy(w))).collect();
            let line = format!("+{}.{:03}000 [0 {address}]{quoted}\r\n", now / 1000, now % 1000);
            for monitor in monitors {
                sys.push(monitor, Reply { bytes: line.clone().into_bytes(), close: false, ..Reply::default() });
            }
        }
        let db = self.clients.get(&client).map_or(0, |c| c.db);
        if let Some((_, _, writes)) = data::known(name) {
            let keys = data::keys_of(name, words);
            if let Some(elsewhere) = self.redirect(sys, client, &keys, writes) {
                return (elsewhere, false);
            }
            return (self.on_data(sys, db, name, words, writes), false);
        }
        self.on_server(sys, client, name, words)
    }

    fn on_data(&mut self, sys: &mut Sys<'_>, db: u32, name: &str, words: &[Text], writes: bool) -> Resp {
        if writes && !self.link.host.is_empty() && self.setting("replica-read-only") == "yes" {
            return Resp::error("READONLY You can't write against a read only replica.");
        }
        let now = sys.now();
        let answer = match name {
            "flushall" => {
                self.dbs.clear();
                Resp::ok()
            }
            _ => data::run(self.dbs.entry(db).or_default(), name, words, now),
        };
        if matches!(name, "get" | "hget" | "mget") {
            if answer == Resp::Nil { self.misses += 1 } else { self.hits += 1 }
        }
        if writes && !matches!(answer, Resp::Error(_)) {
            self.dirty += 1;
            // Times are written as they come out, not as spans.
            let kept: Vec<Text> =
                match (name, self.dbs.get(&db).and_then(|d| d.get(words.get(1)?)).and_then(|e| e.expires)) {
                    ("setex" | "psetex", Some(at)) => {
                        vec![
                            b"SET".to_vec(),
                            words[1].clone(),
                            words[3].clone(),
                            b"PXAT".to_vec(),
                            at.0.to_string().into_bytes(),
                        ]
                    }
                    ("set", Some(at)) => {
                        vec![
                            b"SET".to_vec(),
                            words[1].clone(),
                            words[2].clone(),
                            b"PXAT".to_vec(),
                            at.0.to_string().into_bytes(),
                        ]
                    }
                    ("expire" | "pexpire", Some(at)) => {
                        vec![b"EXPIREAT".to_vec(), words[1].clone(), (at.0 / 1000).to_string().into_bytes()]
                    }
                    _ => words.to_vec(),
                };
            self.append(sys, db, &kept);
            self.propagate(sys, db, &kept);
        }
        answer
    }

    #[allow(clippy::too_many_lines)]
    fn on_server(&mut self, sys: &mut Sys<'_>, client: u64, name: &str, words: &[Text]) -> (Resp, bool) {
        let sub = lower(words.get(1));
        let Some(who) = self.clients.get_mut(&client) else { return (Resp::None, true) };
        let stays = |answer: Resp| (answer, false);
        match name {
            "ping" => stays(match words.get(1) {
                Some(text) => Resp::bulk(text.clone()),
                None if !who.channels.is_empty() => Resp::list(["pong", ""]),
                None => Resp::Simple("PONG".into()),
            }),
            "echo" => stays(words.get(1).map_or_else(|| arguments(name), |w| Resp::bulk(w.clone()))),
            "quit" => (Resp::ok(), true),
            "reset" => stays(Resp::Simple("RESET".into())),
            "select" if self.cluster.enabled && shown(words.get(1)) != "0" => {
                stays(Resp::error("ERR SELECT is not allowed in cluster mode"))
            }
            "select" => stays(match shown(words.get(1)).parse::<u32>() {
                Ok(db) if db < 16 => {
                    who.db = db;
                    Resp::ok()
                }
                Ok(_) => Resp::error("ERR DB index is out of range"),
                Err(_) => Resp::error("ERR value is not an integer or out of range"),
            }),
            "auth" => {
                let wanted = self.setting("requirepass").to_string();
                let (user, password) = match words.len() {
                    2 => ("default".to_string(), shown(words.get(1))),
                    3 => (shown(words.get(1)), shown(words.get(2))),
                    _ => return stays(arguments(name)),
                };
                if wanted.is_empty() && words.len() == 2 {
                    return stays(Resp::error(
                        "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
                    ));
                }
                if user != "default" || (password != wanted && !wanted.is_empty()) {
                    return stays(Resp::error("WRONGPASS invalid username-password pair or user is disabled."));
                }
                if let Some(who) = self.clients.get_mut(&client) {
                    who.authed = true;
                }
                stays(Resp::ok())
            }
            "hello" => stays(Resp::list(
                [
                    "server",
                    "redis",
                    "version",
                    self.version.clone().as_str(),
                    "proto",
                    "2",
                    "mode",
                    if self.cluster.enabled { "cluster" } else { "standalone" },
                    "role",
                    if self.link.host.is_empty() { "master" } else { "replica" },
                ]
                .map(String::from),
            )),
            "dbsize" => {
                let (db, now) = (who.db, sys.now());
                let count = self.dbs.get_mut(&db).map_or(0, |d| {
                    d.retain(|_, e| e.expires.is_none_or(|t| t > now));
                    d.len()
                });
                stays(Resp::Int(count as i64))
            }
            "save" => stays(match self.save(sys) {
                Ok(()) => {
                    self.say(sys, '*', "DB saved on disk");
                    Resp::ok()
                }
                Err(text) => {
                    self.say(sys, '#', &text);
                    Resp::error("ERR")
                }
            }),
            "bgsave" => {
                self.save_in_background(sys);
                stays(Resp::Simple("Background saving started".into()))
            }
            "bgrewriteaof" => stays(Resp::Simple("Background append only file rewriting started".into())),
            "lastsave" => stays(Resp::Int(self.saved.0 / 1000)),
            "time" => {
                let now = sys.now().0;
                stays(Resp::list([(now / 1000).to_string(), (now % 1000 * 1000).to_string()]))
            }
            "shutdown" => {
                self.ends = Some(if sub == "nosave" { End::WithoutSaving } else { End::Command });
                (Resp::None, true)
            }
            "info" => stays(Resp::bulk(self.info(sys, &words[1..]))),
            "config" => stays(self.config(&sub, words)),
            "client" => stays(self.client(sys, client, &sub, words)),
            "command" => stays(match sub.as_str() {
                "count" => Resp::Int(241),
                _ => Resp::Array(Vec::new()),
            }),
            "role" => stays(self.role_answer()),
            "replicaof" | "slaveof" if self.cluster.enabled => {
                stays(Resp::error(format!("ERR {} not allowed in cluster mode.", name.to_ascii_uppercase())))
            }
            "replicaof" | "slaveof" => {
                let (host, port) = (shown(words.get(1)), shown(words.get(2)));
                if host.eq_ignore_ascii_case("no") && port.eq_ignore_ascii_case("one") {
                    self.replicate(sys, None);
                    return stays(Resp::ok());
                }
                let Ok(port) = port.parse() else { return stays(Resp::error("ERR Invalid master port")) };
                if self.link.host == host && self.link.port == port {
                    return stays(Resp::Simple("OK Already connected to specified master".into()));
                }
                self.replicate(sys, Some((host, port)));
                stays(Resp::ok())
            }
            "replconf" => {
                if sub == "listening-port" {
                    who.replica_port = shown(words.get(2)).parse().unwrap_or(6379);
                }
                stays(Resp::ok())
            }
            "psync" | "sync" => {
                let bytes = self.sync(sys, client);
                sys.push(client, Reply { bytes, close: false, ..Reply::default() });
                stays(Resp::None)
            }
            "wait" => stays(Resp::Int(self.clients.values().filter(|c| c.is_replica).count() as i64)),
            "cluster" | "asking" | "readonly" | "readwrite" | "restore-asking" if !self.cluster.enabled => {
                stays(Resp::error("ERR This instance has cluster support disabled"))
            }
            "cluster" => stays(self.on_cluster(sys, words)),
            "asking" => {
                who.asking = true;
                stays(Resp::ok())
            }
            "readonly" | "readwrite" => {
                who.readonly = name == "readonly";
                stays(Resp::ok())
            }
            "migrate" => stays(self.migrate(sys, words)),
            "restore-asking" => stays(self.restore(sys, words)),
            "dump" => {
                let entry = words.get(1).and_then(|k| self.dbs.get(&0)?.get(k));
                stays(entry.and_then(|e| postcard::to_stdvec(e).ok()).map_or(Resp::Nil, Resp::Bulk))
            }
            "debug" if sub == "sleep" || sub == "jmap" => stays(Resp::error(
                "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
            )),
            "debug" => stays(Resp::error(
                "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
            )),
            "object" => {
                let db = who.db;
                let entry = words.get(2).and_then(|k| self.dbs.get(&db)?.get(k));
                stays(match (sub.as_str(), entry) {
                    (_, None) => Resp::Nil,
                    ("encoding", Some(entry)) => Resp::bulk(data::encoding(&entry.value)),
                    ("refcount", Some(_)) => Resp::Int(1),
                    _ => Resp::Int(0),
                })
            }
            "memory" => stays(match sub.as_str() {
                "usage" => {
                    let db = who.db;
                    words.get(2).and_then(|k| self.dbs.get(&db)?.get(k)).map_or(Resp::Nil, |_| Resp::Int(72))
                }
                _ => Resp::ok(),
            }),
            "monitor" => {
                who.monitors = true;
                stays(Resp::ok())
            }
            "watch" | "unwatch" => stays(Resp::ok()),
            "slowlog" | "latency" | "module" | "acl" | "script" | "function" => stays(match (name, sub.as_str()) {
                ("acl", "whoami") => Resp::bulk("default"),
                ("slowlog", "len") => Resp::Int(0),
                ("acl", "list") => Resp::list(["user default on nopass sanitize-payload ~* &* +@all"]),
                _ => Resp::Array(Vec::new()),
            }),
            "publish" => {
                let (channel, text) =
                    (words.get(1).cloned().unwrap_or_default(), words.get(2).cloned().unwrap_or_default());
                let mut count = 0;
                let all: Vec<(u64, Vec<u8>)> =
                    self.clients
                        .iter()
                        .flat_map(|(number, c)| {
                            let direct = c
                                .channels
                                .iter()
                                .filter(|ch| **ch == channel)
                                .map(|ch| Resp::list([b"message".to_vec(), ch.clone(), text.clone()]));
                            let by =
                                c.patterns.iter().filter(|p| data::fits(p, &channel)).map(|p| {
                                    Resp::list([b"pmessage".to_vec(), p.clone(), channel.clone(), text.clone()])
                                });
                            direct.chain(by).map(|r| (*number, r.bytes())).collect::<Vec<_>>()
                        })
                        .collect();
                for (number, bytes) in all {
                    count += 1;
                    sys.push(number, Reply { bytes, close: false, ..Reply::default() });
                }
                stays(Resp::Int(count))
            }
            "subscribe" | "psubscribe" => {
                let mut all = Vec::new();
                for channel in &words[1..] {
                    let list = if name == "subscribe" { &mut who.channels } else { &mut who.patterns };
                    if !list.contains(channel) {
                        list.push(channel.clone());
                    }
                    let count = who.channels.len() + who.patterns.len();
                    Resp::Array(vec![Resp::bulk(name), Resp::bulk(channel.clone()), Resp::Int(count as i64)])
                        .encode(&mut all);
                }
                sys.push(client, Reply { bytes: all, close: false, ..Reply::default() });
                stays(Resp::None)
            }
            "unsubscribe" | "punsubscribe" => {
                who.channels.clear();
                who.patterns.clear();
                stays(Resp::Array(vec![Resp::bulk(name), Resp::Nil, Resp::Int(0)]))
            }
            "pubsub" => stays(Resp::Array(Vec::new())),
            _ => stays(unknown(words)),
        }
    }

    fn role_answer(&self) -> Resp {
        if !self.link.host.is_empty() {
            return Resp::Array(vec![
                Resp::bulk("slave"),
                Resp::bulk(self.link.host.clone()),
                Resp::Int(i64::from(self.link.port)),
                Resp::bulk(if self.link.synced { "connected" } else { "connect" }),
                Resp::Int(if self.link.synced { self.offset as i64 } else { -1 }),
            ]);
        }
        let replicas = self.clients.values().filter(|c| c.is_replica).map(|c| {
            let ip = c.address.split(':').next().unwrap_or_default().to_string();
            Resp::list([ip, c.replica_port.to_string(), self.offset.to_string()])
        });
        Resp::Array(vec![Resp::bulk("master"), Resp::Int(self.offset as i64), Resp::Array(replicas.collect())])
    }

    fn config(&mut self, sub: &str, words: &[Text]) -> Resp {
        match sub {
            "get" if words.len() > 2 => {
                let mut all = Vec::new();
                for (name, value) in &self.settings {
                    if words[2..].iter().any(|p| data::fits(&p.to_ascii_lowercase(), name.as_bytes())) {
                        all.push(name.clone());
                        all.push(if name == "dir" && value == "." { "/data".into() } else { value.clone() });
                    }
                }
                Resp::list(all)
            }
            "set" if words.len() > 3 => {
                for pair in words[2..].chunks_exact(2) {
                    let (name, value) = (
                        String::from_utf8_lossy(&pair[0]).into_owned(),
                        String::from_utf8_lossy(&pair[1]).into_owned(),
                    );
                    let lower = name.to_ascii_lowercase();
                    if !self.settings.contains_key(&lower) {
                        return Resp::error(format!(
                            "ERR Unknown option or number of arguments for CONFIG SET - '{name}'"
                        ));
                    }
                    if matches!(lower.as_str(), "port" | "databases" | "cluster-enabled" | "daemonize") {
                        return Resp::error(format!(
                            "ERR CONFIG SET failed (possibly related to argument '{name}') - can't set immutable config"
                        ));
                    }
                    if lower == "save" || value.is_empty() {
                        self.settings.insert(lower, value);
                    } else if let Err(why) = self.set(&[lower, value]) {
                        return Resp::error(format!(
                            "ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"
                        ));
                    }
                }
                if self.setting("requirepass").is_empty() {
                    self.clients.values_mut().for_each(|c| c.authed = true);
                }
                Resp::ok()
            }
            "resetstat" => {
                (self.hits, self.misses, self.commands) = (0, 0, 0);
                Resp::ok()
            }
            "rewrite" if self.file.is_empty() => Resp::error("ERR The server is running without a config file"),
            "rewrite" => Resp::ok(),
            "get" | "set" => arguments(&format!("config|{sub}")),
            _ => Resp::error(format!("ERR unknown subcommand '{}'. Try CONFIG HELP.", shown(words.get(1)))),
        }
    }

    fn client(&mut self, sys: &Sys<'_>, client: u64, sub: &str, words: &[Text]) -> Resp {
        let own = format!("{}:{}", sys.sandbox.ip, self.port());
        let now = sys.now();
        let line = |(at, (number, c)): (usize, (&u64, &super::Client))| {
            let age = (now - c.since).0.max(0) / 1000;
            let me = *number == client;
            format!(
                "id={} addr={} laddr={own} fd={} name={} age={age} idle={} flags={} db={} sub={} psub={} ssub=0 multi=-1 qbuf={} qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=22426 events=r cmd={} user=default redir=-1 resp=2 lib-name= lib-ver=\n",
                at + 3,
                c.address,
                at + 8,
                c.name,
                if me { 0 } else { age },
                if c.is_replica { "S" } else { "N" },
                c.db,
                c.channels.len(),
                c.patterns.len(),
                if me { 26 } else { 0 },
                if me {
                    "client|list"
                } else if c.is_replica {
                    "replconf"
                } else {
                    "NULL"
                }
            )
        };
        match sub {
            "list" => Resp::bulk(self.clients.iter().enumerate().map(line).collect::<String>()),
            "info" => Resp::bulk(
                self.clients.iter().enumerate().filter(|(_, (n, _))| **n == client).map(line).collect::<String>(),
            ),
            "getname" => {
                let name = self.clients.get(&client).map(|c| c.name.clone()).unwrap_or_default();
                if name.is_empty() { Resp::Nil } else { Resp::bulk(name) }
            }
            "setname" => {
                if let Some(who) = self.clients.get_mut(&client) {
                    who.name = shown(words.get(2));
                }
                Resp::ok()
            }
            "id" => Resp::Int(self.clients.keys().position(|n| *n == client).unwrap_or(0) as i64 + 3),
            _ => Resp::ok(),
        }
    }

    /// `INFO`, all of it or some sections.
    fn info(&mut self, sys: &mut Sys<'_>, wanted: &[Text]) -> String {
        let wanted: Vec<String> = wanted.iter().map(|w| lower(Some(w))).collect();
        let all = wanted.is_empty() || wanted.iter().any(|w| matches!(w.as_str(), "all" | "default" | "everything"));
        let has = |name: &str| all || wanted.iter().any(|w| w == name);
        let now = sys.now();
        let up = (now - self.began).0.max(0) / 1000;
        let mut out: Vec<String> = Vec::new();
        if has("server") {
            let file = if self.file.is_empty() { String::new() } else { self.file.clone() };
            out.push(format!(
                "# Server\r\nredis_version:{}\r\nredis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:5b3b5f5b1f2e4a5c\r\nredis_mode:{}\r\nos:Linux {} x86_64\r\narch_bits:64\r\nmonotonic_clock:POSIX clock_gettime\r\nmultiplexing_api:epoll\r\natomicvar_api:c11-builtin\r\ngcc_version:14.2.0\r\nprocess_id:{}\r\nprocess_supervised:no\r\nrun_id:{}\r\ntcp_port:{}\r\nserver_time_usec:{}000\r\nuptime_in_seconds:{up}\r\nuptime_in_days:{}\r\nhz:10\r\nconfigured_hz:10\r\nlru_clock:{}\r\nexecutable:/data/redis-server\r\nconfig_file:{file}\r\nio_threads_active:0\r\n",
                self.version,
                if self.clustered() { "cluster" } else { "standalone" },
                super::super::KERNEL,
                sys.getpid(),
                self.run_id,
                self.port(),
                now.0,
                up / 86400,
                now.0 / 1000 % (1 << 24)
            ));
        }
        if has("clients") {
            out.push(format!(
                "# Clients\r\nconnected_clients:{}\r\ncluster_connections:0\r\nmaxclients:10000\r\nclient_recent_max_input_buffer:20480\r\nclient_recent_max_output_buffer:0\r\nblocked_clients:0\r\ntracking_clients:0\r\nclients_in_timeout_table:0\r\n",
                self.clients.values().filter(|c| !c.is_replica).count()
            ));
        }
        if has("memory") {
            let used =
                1_000_000 + self.dbs.values().flat_map(|d| d.iter()).map(|(k, _)| k.len() as u64 + 64).sum::<u64>();
            let limit = self.setting("maxmemory").to_string();
            out.push(format!(
                "# Memory\r\nused_memory:{used}\r\nused_memory_human:{:.2}K\r\nused_memory_rss:8933376\r\nused_memory_rss_human:8.52M\r\nused_memory_peak:{used}\r\nused_memory_peak_human:{:.2}K\r\nmaxmemory:{limit}\r\nmaxmemory_human:{}B\r\nmaxmemory_policy:{}\r\nmem_fragmentation_ratio:8.93\r\nmem_allocator:jemalloc-5.3.0\r\nactive_defrag_running:0\r\n",
                used as f64 / 1024.0,
                used as f64 / 1024.0,
                limit,
                self.setting("maxmemory-policy")
            ));
        }
        if has("persistence") {
            out.push(format!(
                "# Persistence\r\nloading:0\r\nasync_loading:0\r\nrdb_changes_since_last_save:{}\r\nrdb_bgsave_in_progress:0\r\nrdb_last_save_time:{}\r\nrdb_last_bgsave_status:ok\r\nrdb_last_bgsave_time_sec:-1\r\nrdb_current_bgsave_time_sec:-1\r\nrdb_saves:0\r\naof_enabled:{}\r\naof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\naof_last_bgrewrite_status:ok\r\naof_last_write_status:ok\r\n",
                self.dirty,
                self.saved.0 / 1000,
                u8::from(self.aof)
            ));
        }
        if has("stats") {
            out.push(format!(
                "# Stats\r\ntotal_connections_received:{}\r\ntotal_commands_processed:{}\r\ninstantaneous_ops_per_sec:0\r\nrejected_connections:0\r\nexpired_keys:0\r\nevicted_keys:0\r\nkeyspace_hits:{}\r\nkeyspace_misses:{}\r\n",
                self.connections, self.commands, self.hits, self.misses
            ));
        }
        if has("replication") {
            out.push(self.replication_info(sys));
        }
        if has("cpu") {
            out.push("# CPU\r\nused_cpu_sys:0.103121\r\nused_cpu_user:0.121231\r\nused_cpu_sys_children:0.000000\r\nused_cpu_user_children:0.000000\r\n".into());
        }
        if has("errorstats") && !wanted.is_empty() {
            out.push("# Errorstats\r\n".into());
        }
        if has("cluster") {
            out.push(format!("# Cluster\r\ncluster_enabled:{}\r\n", u8::from(self.clustered())));
        }
        if has("keyspace") {
            let mut text = "# Keyspace\r\n".to_string();
            for (number, db) in &mut self.dbs {
                db.retain(|_, e| e.expires.is_none_or(|t| t > now));
                if !db.is_empty() {
                    let timed: Vec<i64> = db.values().filter_map(|e| e.expires).map(|t| (t - now).0).collect();
                    let average = timed.iter().sum::<i64>() / (timed.len().max(1) as i64);
                    text.push_str(&format!(
                        "db{number}:keys={},expires={},avg_ttl={average}\r\n",
                        db.len(),
                        timed.len()
                    ));
                }
            }
            out.push(text);
        }
        out.join("\r\n")
    }

    fn replication_info(&self, sys: &Sys<'_>) -> String {
        let mut text = "# Replication\r\n".to_string();
        if self.link.host.is_empty() {
            text.push_str("role:master\r\n");
        } else {
            text.push_str(&format!(
                "role:slave\r\nmaster_host:{}\r\nmaster_port:{}\r\nmaster_link_status:{}\r\nmaster_last_io_seconds_ago:{}\r\nmaster_sync_in_progress:0\r\nslave_read_repl_offset:{}\r\nslave_repl_offset:{}\r\n",
                self.link.host,
                self.link.port,
                if self.link.synced { "up" } else { "down" },
                if self.link.synced { "1" } else { "-1" },
                self.offset,
                self.offset
            ));
            if !self.link.synced {
                let since = self.link.down.map_or(0, |d| (sys.now() - d).0.max(0) / 1000);
                text.push_str(&format!("master_link_down_since_seconds:{since}\r\n"));
            }
            text.push_str("slave_priority:100\r\nslave_read_only:1\r\nreplica_announced:1\r\n");
        }
        let replicas: Vec<&super::Client> = self.clients.values().filter(|c| c.is_replica).collect();
        text.push_str(&format!("connected_slaves:{}\r\n", replicas.len()));
        for (at, replica) in replicas.iter().enumerate() {
            let ip = replica.address.split(':').next().unwrap_or_default();
            text.push_str(&format!(
                "slave{at}:ip={ip},port={},state=online,offset={},lag=0\r\n",
                replica.replica_port, self.offset
            ));
        }
        let active = u8::from(!replicas.is_empty() || self.offset > 0);
        text.push_str(&format!(
            "master_failover_state:no-failover\r\nmaster_replid:{}\r\nmaster_replid2:{}\r\nmaster_repl_offset:{}\r\nsecond_repl_offset:-1\r\nrepl_backlog_active:{active}\r\nrepl_backlog_size:1048576\r\nrepl_backlog_first_byte_offset:{active}\r\nrepl_backlog_histlen:{}\r\n",
            self.replid,
            "0".repeat(40),
            self.offset,
            self.offset
        ));
        text
    }
}

/// Commands that concern the server.
const OTHERS: &[&str] = &[
    "acl",
    "asking",
    "auth",
    "bgrewriteaof",
    "bgsave",
    "client",
    "cluster",
    "command",
    "config",
    "dbsize",
    "debug",
    "discard",
    "dump",
    "echo",
    "exec",
    "function",
    "hello",
    "info",
    "lastsave",
    "latency",
    "memory",
    "migrate",
    "module",
    "monitor",
    "multi",
    "object",
    "ping",
    "psubscribe",
    "psync",
    "publish",
    "pubsub",
    "punsubscribe",
    "quit",
    "readonly",
    "readwrite",
    "replconf",
    "replicaof",
    "reset",
    "restore-asking",
    "role",
    "save",
    "script",
    "select",
    "shutdown",
    "slaveof",
    "slowlog",
    "subscribe",
    "sync",
    "time",
    "unsubscribe",
    "unwatch",
    "wait",
    "watch",
];
