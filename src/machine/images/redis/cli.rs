//! `redis-cli`: one command, commands from standard input, or a conversation on a terminal.

use serde::{Deserialize, Serialize};

use super::super::{Begun, Server};
use super::resp::{self, Resp};
use super::tribe::Tribe;
use crate::api::{Duration, Time};
use crate::machine::kernel::{Fd, Input, Status, Sys, Turn, Wait};
use crate::machine::net::resolver;

/// A `redis-cli` under way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cli {
    host: String,
    port: u16,
    password: Option<String>,
    user: Option<String>,
    db: u32,
    warns: bool,
    raw: Option<bool>,
    cluster: bool,
    fails: bool,
    repeat: i64,
    interval: Duration,
    last_argument: bool,
    words: Vec<String>,
    // What is under way.
    fd: Option<Fd>,
    buffer: Vec<u8>,
    typed: Vec<u8>,
    at_end: bool,
    asked: bool,
    prompted: bool,
    next: Option<Time>,
    subscribed: bool,
    code: u8,
    /// What is under way, to be asked again elsewhere.
    current: Vec<String>,
    asks: bool,
    /// Whether the answer is a text to be shown as it is.
    plain: bool,
    /// `--cluster`
    tribe: Option<Box<Tribe>>,
}

pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let mut cli = Cli { host: "127.0.0.1".into(), port: 6379, warns: true, repeat: 1, ..Cli::default() };
    cli.password = sys.env("REDISCLI_AUTH").map(String::from);
    let (mut command, mut tribe) = (String::new(), Tribe::default());
    let mut words = args[1..].iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().unwrap_or_default();
        match word.as_str() {
            "-h" => cli.host = value(),
            "-p" => cli.port = value().parse().unwrap_or(6379),
            "-a" | "--pass" => cli.password = Some(value()),
            "--user" => cli.user = Some(value()),
            "-n" => cli.db = value().parse().unwrap_or(0),
            "-r" => cli.repeat = value().parse().unwrap_or(1),
            "-i" => cli.interval = Duration((value().parse::<f64>().unwrap_or(0.0) * 1000.0) as i64),
            "-u" => {
                let uri = value();
                let rest = uri.split_once("://").map_or(uri.as_str(), |(_, r)| r);
                let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(l, p)| (Some(l), p));
                if let Some(login) = login {
                    cli.password = Some(login.rsplit(':').next().unwrap_or(login).to_string());
                }
                let (place, db) = place.split_once('/').unwrap_or((place, ""));
                let (host, port) = place.split_once(':').unwrap_or((place, "6379"));
                (cli.host, cli.port, cli.db) =
                    (host.to_string(), port.parse().unwrap_or(6379), db.parse().unwrap_or(0));
            }
            "-c" => cli.cluster = true,
            "-e" => cli.fails = true,
            "-x" => cli.last_argument = true,
            "-t" | "-d" | "-D" | "-s" | "--cacert" | "--cert" | "--key" => drop(value()),
            "--raw" => cli.raw = Some(true),
            "--no-raw" => cli.raw = Some(false),
            "--no-auth-warning" => cli.warns = false,
            "-3" | "-2" | "--tls" | "--csv" | "--json" | "-4" | "-6" => {}
            "--scan" => cli.words = vec!["KEYS".into(), "*".into()],
            "--pattern" => {
                let pattern = value();
                if let Some(last) = cli.words.last_mut() {
                    *last = pattern;
                }
            }
            "-v" | "--version" => {
                let version = super::super::find(sys.image()).version.clone();
                sys.out(format!("redis-cli {version}\n"));
                return Begun::Exit(0);
            }
            "--cluster" => {
                command = value();
                cli.tribe = Some(Box::default());
            }
            option if option.starts_with("--cluster-") => {
                if tribe.option(option, &mut value).is_none() {
                    sys.err(format!("Unrecognized option or bad number of args for: '{option}'\n"));
                    return Begun::Exit(1);
                }
            }
            other if other.starts_with('-') && other.len() > 1 => {
                sys.err(format!("Unrecognized option or bad number of args for: '{other}'\n"));
                return Begun::Exit(1);
            }
            // The words of `--cluster` may stand before its options and after them.
            _ if cli.tribe.is_some() => cli.words.push(word.clone()),
            _ => {
                cli.words.push(word.clone());
                cli.words.extend(words.cloned());
                break;
            }
        }
    }
    if cli.tribe.is_some() {
        tribe.begin(command, std::mem::take(&mut cli.words), cli.password.clone());
        cli.tribe = Some(Box::new(tribe));
    }
    if cli.warns && args.iter().any(|a| a == "-a" || a == "--pass" || a == "-u" && cli.password.is_some()) {
        sys.err("Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n");
    }
    Begun::Serves(Server::RedisCli(Box::new(cli)))
}

/// A value as `redis-cli` shows it where nobody looks: bare.
pub(super) fn bare(value: &Resp, out: &mut Vec<u8>) {
    match value {
        Resp::Simple(text) | Resp::Error(text) => out.extend(text.bytes()),
        Resp::Int(number) => out.extend(number.to_string().bytes()),
        Resp::Bulk(bytes) => out.extend(bytes),
        Resp::Nil | Resp::None => {}
        Resp::Array(all) => {
            for (at, one) in all.iter().enumerate() {
                if at > 0 {
                    out.push(b'\n');
                }
                bare(one, out);
            }
        }
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x20..0x7f => text.push(*byte as char),
            other => text.push_str(&format!("\\x{other:02x}")),
        }
    }
    text.push('"');
    text
}

/// A value as `redis-cli` shows it on a terminal.
fn dressed(value: &Resp, indent: usize) -> String {
    match value {
        Resp::Simple(text) => format!("{text}\n"),
        Resp::Error(text) => format!("(error) {text}\n"),
        Resp::Int(number) => format!("(integer) {number}\n"),
        Resp::Bulk(bytes) => format!("{}\n", quoted(bytes)),
        Resp::Nil => "(nil)\n".into(),
        Resp::None => String::new(),
        Resp::Array(all) if all.is_empty() => "(empty array)\n".into(),
        Resp::Array(all) => {
            let width = all.len().to_string().len();
            let mut text = String::new();
            for (at, one) in all.iter().enumerate() {
                let gap = if at == 0 { String::new() } else { " ".repeat(indent) };
                text.push_str(&format!("{gap}{:>width$}) {}", at + 1, dressed(one, indent + width + 2)));
            }
            text
        }
    }
}

/// Whether a command is answered with a text that `redis-cli` shows as it is even on a terminal.
fn shows_text(words: &[String]) -> bool {
    let word = |at: usize| words.get(at).map(|w| w.to_ascii_lowercase()).unwrap_or_default();
    match word(0).as_str() {
        "info" | "lolwut" => true,
        "cluster" => matches!(word(1).as_str(), "nodes" | "info"),
        "client" => matches!(word(1).as_str(), "list" | "info"),
        "memory" | "latency" => word(1) == "doctor",
        _ => false,
    }
}

impl Cli {
    fn is_raw(&self, sys: &Sys<'_>) -> bool {
        self.raw.unwrap_or(!sys.is_tty(1))
    }

    fn connect(&mut self, sys: &mut Sys<'_>) -> Result<(), String> {
        let (host, port) = (self.host.clone(), self.port);
        let fault = |why: &str| format!("Could not connect to Redis at {host}:{port}: {why}\n");
        let musl = super::super::has_musl(sys.image());
        let ip = resolver::resolve(sys, &host)
            .map_err(|f| fault(f.text(musl)))?
            .into_iter()
            .min_by_key(|ip| !ip.is_ipv4())
            .ok_or_else(|| fault("Name or service not known"))?;
        let fd = sys.connect(ip, port).map_err(|f| fault(sys.text(f)))?;
        self.fd = Some(fd);
        self.buffer.clear();
        if let Some(password) = self.password.clone() {
            let words: Vec<String> = match &self.user {
                Some(user) => vec!["AUTH".into(), user.clone(), password],
                None => vec!["AUTH".into(), password],
            };
            if let Some(Resp::Error(text)) = self.ask(sys, &words) {
                sys.err(format!("AUTH failed: {text}\n"));
            }
        }
        if self.db != 0 {
            let db = self.db.to_string();
            if let Some(Resp::Error(text)) = self.ask(sys, &["SELECT".to_string(), db.clone()]) {
                sys.err(format!("SELECT {db} failed: {text}\n"));
            }
        }
        Ok(())
    }

    fn send(&mut self, sys: &mut Sys<'_>, words: &[String]) -> bool {
        self.fd.is_some_and(|fd| sys.write(fd, &resp::encode_command(words)).is_ok())
    }

    /// What has been answered, if it is there.
    fn answer(&mut self, sys: &mut Sys<'_>) -> Result<Option<Resp>, ()> {
        let fd = self.fd.ok_or(())?;
        loop {
            if let Some((value, used)) = Resp::decode(&self.buffer) {
                self.buffer.drain(..used.min(self.buffer.len()));
                return Ok(Some(value));
            }
            match sys.read(fd, 1 << 20) {
                Ok(Input::Bytes(bytes)) => self.buffer.extend(bytes),
                Ok(Input::Wait) => return Ok(None),
                Ok(Input::End) | Err(_) => return Err(()),
            }
        }
    }

    /// Asks and gets the answer, where it comes at once.
    fn ask(&mut self, sys: &mut Sys<'_>, words: &[String]) -> Option<Resp> {
        if !self.send(sys, words) {
            return None;
        }
        self.answer(sys).ok().flatten()
    }

    fn show(&mut self, sys: &mut Sys<'_>, value: &Resp) {
        if let Resp::Error(_) = value
            && self.fails
        {
            self.code = 1;
        }
        if !(self.is_raw(sys) || self.plain && matches!(value, Resp::Bulk(_))) {
            return sys.out(dressed(value, 0));
        }
        let mut out = Vec::new();
        bare(value, &mut out);
        out.push(b'\n');
        if matches!(value, Resp::Error(_)) {
            out.push(b'\n');
        }
        sys.out(out);
    }

    fn prompt(&self) -> String {
        let db = if self.db == 0 { String::new() } else { format!("[{}]", self.db) };
        if self.fd.is_some() { format!("{}:{}{db}> ", self.host, self.port) } else { "not connected> ".into() }
    }

    /// The next line that was typed, where it is there.
    fn line(&mut self, sys: &mut Sys<'_>) -> Option<String> {
        loop {
            if let Some(end) = self.typed.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.typed.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim().to_string());
            }
            if self.at_end {
                let rest = std::mem::take(&mut self.typed);
                return (!rest.is_empty()).then(|| String::from_utf8_lossy(&rest).trim().to_string());
            }
            match sys.read(0, 65536) {
                Ok(Input::Bytes(bytes)) => self.typed.extend(bytes),
                Ok(Input::Wait) => return None,
                Ok(Input::End) | Err(_) => self.at_end = true,
            }
        }
    }

    /// Goes where a node of a cluster says that the answer is; whether there is one to ask.
    fn redirected(&mut self, sys: &mut Sys<'_>, value: &Resp) -> bool {
        let Resp::Error(text) = value else { return false };
        let words: Vec<&str> = text.split(' ').collect();
        let (["MOVED" | "ASK", slot, address], true) = (words.as_slice(), self.cluster) else { return false };
        let Some((host, port)) = address.rsplit_once(':') else { return false };
        if !self.is_raw(sys) {
            sys.out(format!("-> Redirected to slot [{slot}] located at {address}\n"));
        }
        if !host.is_empty() {
            self.host = host.to_string();
        }
        self.port = port.parse().unwrap_or(self.port);
        self.asks = words[0] == "ASK";
        if let Some(fd) = self.fd.take() {
            let _ = sys.close(fd);
        }
        true
    }

    pub(in super::super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if let Some(tribe) = &mut self.tribe {
            return tribe.step(sys);
        }
        if self.last_argument && !self.asked {
            // The last word is what standard input holds.
            match sys.read(0, 1 << 20) {
                Ok(Input::Bytes(bytes)) => {
                    self.typed.extend(bytes);
                    return Turn::Again;
                }
                Ok(Input::Wait) => return Turn::Wait(Wait::input(0)),
                Ok(Input::End) | Err(_) => {
                    self.last_argument = false;
                    let typed = std::mem::take(&mut self.typed);
                    self.words.push(String::from_utf8_lossy(&typed).into_owned());
                }
            }
        }
        if self.next.is_some_and(|at| sys.now() < at) {
            return Turn::Wait(Wait { until: self.next, ..Wait::default() });
        }
        let talks = self.words.is_empty();
        if self.fd.is_none()
            && let Err(text) = self.connect(sys)
        {
            if !(talks && sys.is_tty(0)) {
                sys.err(text);
                return Turn::Exit(Status::Code(1));
            }
            sys.err(text);
        }
        if !self.asked {
            let words = if !self.current.is_empty() {
                std::mem::take(&mut self.current)
            } else if talks {
                if sys.is_tty(0) && !self.prompted {
                    self.prompted = true;
                    let prompt = self.prompt();
                    sys.out(prompt);
                }
                let Some(line) = self.line(sys) else {
                    return if self.at_end { Turn::Exit(Status::Code(self.code)) } else { Turn::Wait(Wait::input(0)) };
                };
                self.prompted = false;
                let words = resp::split(&line);
                match words.first().map(|w| w.to_ascii_lowercase()).as_deref() {
                    None => return Turn::Again,
                    Some("quit" | "exit") => return Turn::Exit(Status::Code(0)),
                    Some("clear") => return Turn::Again,
                    Some("help" | "?") => {
                        let version = super::super::find(sys.image()).version.clone();
                        sys.out(format!("redis-cli {version}\nTo get help about Redis commands type:\n      \"help @<group>\" to get a list of commands in <group>\n      \"help <command>\" for help on <command>\n      \"help <tab>\" to get a list of possible help topics\n      \"quit\" to exit\n\nTo set redis-cli preferences:\n      \":set hints\" enable online hints\n      \":set nohints\" disable online hints\nSet your preferences in ~/.redisclirc\n"));
                        return Turn::Again;
                    }
                    Some(_) => words,
                }
            } else {
                self.words.clone()
            };
            if let (Some("select"), Some(db)) = (words.first().map(|w| w.to_ascii_lowercase()).as_deref(), words.get(1))
            {
                self.db = db.parse().unwrap_or(self.db);
            }
            let name = words.first().map(|w| w.to_ascii_lowercase()).unwrap_or_default();
            self.subscribed = matches!(name.as_str(), "subscribe" | "psubscribe" | "monitor");
            if self.subscribed && !self.is_raw(sys) {
                sys.out("Reading messages... (press Ctrl-C to quit)\n");
            }
            if std::mem::take(&mut self.asks) {
                self.ask(sys, &["ASKING".to_string()]);
            }
            self.plain = shows_text(&words);
            if self.cluster {
                self.current.clone_from(&words);
            }
            if !self.send(sys, &words) {
                if let Some(fd) = self.fd.take() {
                    let _ = sys.close(fd);
                }
                sys.err("Error: Server closed the connection\n");
                if !talks {
                    return Turn::Exit(Status::Code(1));
                }
                return Turn::Again;
            }
            self.asked = true;
            if name == "shutdown" && self.buffer.is_empty() {
                // The server closes without a word.
                return match self.answer(sys) {
                    Ok(Some(value)) => {
                        self.show(sys, &value);
                        Turn::Exit(Status::Code(0))
                    }
                    _ if talks && sys.is_tty(0) => {
                        if let Some(fd) = self.fd.take() {
                            let _ = sys.close(fd);
                        }
                        self.asked = false;
                        Turn::Again
                    }
                    _ => Turn::Exit(Status::Code(0)),
                };
            }
        }
        match self.answer(sys) {
            Ok(Some(value)) => {
                if self.redirected(sys, &value) {
                    self.asked = false;
                    return Turn::Again;
                }
                self.current.clear();
                self.show(sys, &value);
                if self.subscribed {
                    return Turn::Again;
                }
                self.asked = false;
                if talks {
                    return Turn::Again;
                }
                self.repeat -= 1;
                if self.repeat == 0 {
                    return Turn::Exit(Status::Code(self.code));
                }
                self.next = Some(sys.now() + self.interval);
                Turn::Again
            }
            Ok(None) => Turn::Wait(Wait { input: self.fd.into_iter().collect(), ..Wait::default() }),
            Err(()) => {
                if let Some(fd) = self.fd.take() {
                    let _ = sys.close(fd);
                }
                self.asked = false;
                sys.err("Error: Server closed the connection\n");
                if talks { Turn::Again } else { Turn::Exit(Status::Code(1)) }
            }
        }
    }
}
