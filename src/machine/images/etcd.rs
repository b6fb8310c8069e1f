//! `etcd`: members that keep one state, and `etcdctl`.
//!
//! Facts: etcd's documentation of its options, of `etcdctl`, and what a running etcd prints.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::base::Base;
use super::ensemble::{Change, Ensemble, Member};
use super::reference::Reference;
use super::wire::ask;
use super::{Begin, Begun, Model, Server};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent};

/// How a command of `etcdctl` begins on the wire.
const ASKS: &[u8] = b"\x01etcd ";

/// The image.
pub(super) fn model(reference: &Reference) -> Model {
    Model::on(Base::Distroless)
        .version(reference.version_of(&["3.6.6", "3.5.25", "3.4.39", "3.3.27"]))
        .runs(&["/usr/local/bin/etcd"])
        .program("/usr/local/bin/etcd", "etcd")
        .program("/usr/local/bin/etcdctl", "etcdctl")
        .program("/usr/local/bin/etcdutl", "etcdctl")
        .program("/bin/sh", "sh")
        .exposes(&[2379, 2380])
        .adds(60_000_000)
}

/// An option in either form, or from the environment.
fn option(sys: &Sys<'_>, args: &[String], name: &str) -> Option<String> {
    for (at, arg) in args.iter().enumerate() {
        let Some(given) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else { continue };
        match given.split_once('=') {
            Some((n, value)) if n == name => return Some(value.to_string()),
            None if given == name => {
                return Some(args.get(at + 1).filter(|v| !v.starts_with("--")).cloned().unwrap_or_default());
            }
            _ => {}
        }
    }
    let variable = format!("ETCD_{}", name.to_ascii_uppercase().replace('-', "_"));
    sys.env(&variable).map(String::from)
}

/// A member's number, drawn from its name and address.
fn number(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Host and port of an address like `http://etcd-0.etcd:2380`.
fn place(url: &str) -> (String, u16) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
    let (host, port) = rest.rsplit_once(':').unwrap_or((rest, "2380"));
    (host.to_string(), port.parse().unwrap_or(2380))
}

fn start(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let version = super::find(sys.image()).version.clone();
    if args.iter().any(|a| a == "--version") {
        sys.out(format!("etcd Version: {version}\nGit SHA: a17edfd\nGo Version: go1.23.11\nGo OS/Arch: linux/amd64\n"));
        return Begun::Exit(0);
    }
    let name = option(sys, args, "name").unwrap_or("default".into());
    let folder = option(sys, args, "data-dir").unwrap_or(format!("{name}.etcd"));
    let client = option(sys, args, "advertise-client-urls").unwrap_or("http://localhost:2379".into());
    let cluster = option(sys, args, "initial-cluster").unwrap_or(format!("{name}=http://localhost:2380"));
    let mut etcd = Etcd { name: name.clone(), folder, client, version, args: args.to_vec(), ..Etcd::default() };
    for member in cluster.split(',') {
        let Some((member, url)) = member.split_once('=') else { continue };
        let (host, port) = place(url);
        etcd.ensemble.members.push(Member {
            id: number(&format!("{member}{url}")) >> 1,
            name: member.into(),
            host,
            port,
        });
        etcd.urls.push(url.to_string());
    }
    let mine = etcd.ensemble.members.iter().find(|m| m.name == name).map(|m| m.id);
    let Some(mine) = mine else {
        sys.err(format!("{{\"level\":\"fatal\",\"msg\":\"discovery failed\",\"error\":\"couldn't find local name \\\"{name}\\\" in the initial cluster configuration\"}}\n"));
        return Begun::Exit(1);
    };
    etcd.ensemble.me = mine;
    Begun::Serves(Server::Etcd(Box::new(etcd)))
}

/// The server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Etcd {
    name: String,
    folder: String,
    client: String,
    version: String,
    args: Vec<String>,
    urls: Vec<String>,
    started: bool,
    ensemble: Ensemble,
}

impl Etcd {
    fn say(&self, sys: &mut Sys<'_>, level: &str, caller: &str, text: &str, rest: &str) {
        let c = Civil::of(sys.now());
        let rest = if rest.is_empty() { String::new() } else { format!(",{rest}") };
        sys.err(format!(
            "{{\"level\":\"{level}\",\"ts\":\"{}T{}.{:03}417Z\",\"caller\":\"{caller}\",\"msg\":\"{text}\"{rest}}}\n",
            c.date(),
            c.clock(),
            c.milli
        ));
    }

    fn begin(&mut self, sys: &mut Sys<'_>) -> Result<(), u8> {
        self.started = true;
        sys.set_disposition(Signal::TERM, Some(Disposition::Catch));
        sys.set_disposition(Signal::INT, Some(Disposition::Catch));
        self.say(sys, "info", "etcdmain/etcd.go:73", "Running: ", &format!("\"args\":{}", json!(self.args)));
        let mut at = String::new();
        for part in format!("{}/member/snap", self.folder).split('/') {
            at = if at.is_empty() { part.to_string() } else { format!("{at}/{part}") };
            let at = if self.folder.starts_with('/') && !at.starts_with('/') { format!("/{at}") } else { at.clone() };
            if !at.is_empty() {
                let _ = sys.mkdir(&at, 0o700);
            }
        }
        let file = format!("{}/member/snap/db", self.folder);
        let is_new = sys.stat(&file).is_err();
        if is_new && let Err(fault) = sys.write_file(&file, b"") {
            let why = sys.text(fault).to_lowercase();
            let error = format!("\"error\":\"cannot access data directory: open {file}: {why}\"");
            self.say(sys, "fatal", "etcdmain/etcd.go:204", "discovery failed", &error);
            return Err(1);
        }
        self.ensemble.file = file;
        for port in [2379, 2380] {
            let _ = sys.listen(port);
        }
        self.ensemble.start(sys);
        let id = format!("{:x}", self.ensemble.me);
        self.say(
            sys,
            "info",
            "embed/etcd.go:127",
            "configuring peer listeners",
            "\"listen-peer-urls\":[\"http://0.0.0.0:2380\"]",
        );
        let what = if is_new { "starting local member" } else { "restarting local member" };
        self.say(sys, "info", "etcdserver/raft.go:495", what, &format!("\"local-member-id\":\"{id}\""));
        self.say(sys, "info", "embed/serve.go:103", "ready to serve client requests", "");
        Ok(())
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
                "info",
                "osutil/interrupt_unix.go:64",
                "received signal; shutting down",
                "\"signal\":\"terminated\"",
            );
            return Turn::Exit(Status::Code(0));
        }
        Turn::Wait(Wait::signal())
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, port: u16, _: &Peer, sent: Sent<'_>) -> Reply {
        let Sent::Bytes(bytes) = sent else { return Reply::default() };
        if port != 2379 {
            return self.ensemble.hear(sys, bytes);
        }
        let bytes = match bytes.strip_prefix(ASKS) {
            Some(command) => {
                let words: Vec<String> = postcard::from_bytes(command).unwrap_or_default();
                match self.command(sys, &words) {
                    Ok(text) => [&[0], text.as_bytes()].concat(),
                    Err(text) => [&[1], text.as_bytes()].concat(),
                }
            }
            None => {
                let request = String::from_utf8_lossy(bytes).into_owned();
                let (status, body) = match request.split(' ').nth(1).unwrap_or_default() {
                    "/health" => match self.ensemble.leader(sys) {
                        Some(_) => ("200 OK", "{\"health\":\"true\",\"reason\":\"\"}".to_string()),
                        None => {
                            ("503 Service Unavailable", "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}".into())
                        }
                    },
                    "/version" => {
                        ("200 OK", json!({"etcdserver": self.version, "etcdcluster": self.short()}).to_string())
                    }
                    "/readyz" | "/livez" => ("200 OK", "ok\n".into()),
                    _ => ("404 Not Found", "404 page not found\n".into()),
                };
                format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into_bytes()
            }
        };
        Reply { bytes, close: true, ..Reply::default() }
    }

    fn short(&self) -> String {
        let mut parts = self.version.split('.');
        format!("{}.{}.0", parts.next().unwrap_or("3"), parts.next().unwrap_or("5"))
    }

    fn command(&mut self, sys: &mut Sys<'_>, words: &[String]) -> Result<String, String> {
        let has = |option: &str| words.iter().any(|w| w == option);
        let plain: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
        let table = words.iter().any(|w| w == "--write-out=table" || w == "-w=table");
        let leader = self.ensemble.leader(sys);
        let no_leader = || {
            "{\"level\":\"warn\",\"msg\":\"retrying of unary invoker failed\",\"error\":\"rpc error: code = DeadlineExceeded desc = context deadline exceeded\"}\nError: context deadline exceeded\n".to_string()
        };
        let now = sys.now();
        match plain.as_slice() {
            ["member", "list"] => {
                let rows: Vec<Vec<String>> = self
                    .ensemble
                    .members
                    .iter()
                    .zip(&self.urls)
                    .map(|(m, url)| {
                        let client = if m.id == self.ensemble.me { self.client.clone() } else { url.replace(":2380", ":2379") };
                        vec![format!("{:x}", m.id), "started".into(), m.name.clone(), url.clone(), client, "false".into()]
                    })
                    .collect();
                let head = ["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"];
                Ok(if table { framed(&head, &rows) } else { rows.iter().map(|r| r.join(", ") + "\n").collect() })
            }
            ["endpoint", "health"] => match leader {
                Some(_) => Ok("127.0.0.1:2379 is healthy: successfully committed proposal: took = 1.530627ms\n".into()),
                None => Err("127.0.0.1:2379 is unhealthy: failed to commit proposal: context deadline exceeded\nError: unhealthy cluster\n".into()),
            },
            ["endpoint", "status"] => {
                let id = format!("{:x}", self.ensemble.me);
                let leads = (leader == Some(self.ensemble.me)).to_string();
                let index = self.ensemble.state.index + 4;
                let row = vec!["127.0.0.1:2379".to_string(), id, self.version.clone(), "20 kB".into(), leads, "false".into(), "2".into(), index.to_string(), index.to_string(), String::new()];
                let head = ["ENDPOINT", "ID", "VERSION", "DB SIZE", "IS LEADER", "IS LEARNER", "RAFT TERM", "RAFT INDEX", "RAFT APPLIED INDEX", "ERRORS"];
                Ok(if table { framed(&head, &[row]) } else { row.join(", ") + "\n" })
            }
            _ if leader.is_none() => Err(no_leader()),
            ["put", key, value @ ..] => {
                let change = Change::Put((*key).into(), value.join(" ").into_bytes(), now);
                if self.ensemble.write(sys, &change) { Ok("OK\n".into()) } else { Err(no_leader()) }
            }
            ["get", rest @ ..] => {
                self.ensemble.catch_up(sys);
                let (key, all) = (rest.first().copied().unwrap_or_default(), has("--prefix") || has("--from-key"));
                let mut out = String::new();
                for (name, entry) in self.ensemble.state.entries.iter().filter(|(n, _)| *n == key || all && n.starts_with(key)) {
                    if !has("--print-value-only") {
                        out.push_str(&format!("{name}\n"));
                    }
                    if !has("--keys-only") {
                        out.push_str(&format!("{}\n", String::from_utf8_lossy(&entry.value)));
                    } else {
                        out.push('\n');
                    }
                }
                Ok(out)
            }
            ["del", rest @ ..] => {
                let (key, all) = (rest.first().copied().unwrap_or_default(), has("--prefix"));
                let gone: Vec<String> =
                    self.ensemble.state.entries.keys().filter(|n| *n == key || all && n.starts_with(key)).cloned().collect();
                let count = gone.len();
                if self.ensemble.write(sys, &Change::Delete(gone)) { Ok(format!("{count}\n")) } else { Err(no_leader()) }
            }
            other => Err(format!("Error: unknown command {:?} for \"etcdctl\"\nRun 'etcdctl --help' for usage.\n", other.first().copied().unwrap_or_default())),
        }
    }
}

/// Rows in a frame.
fn framed(head: &[&str], rows: &[Vec<String>]) -> String {
    let width =
        |at: usize| rows.iter().map(|r| r[at].chars().count()).chain([head[at].chars().count()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let rule = format!("+{}+\n", widths.iter().map(|w| "-".repeat(w + 2)).collect::<Vec<_>>().join("+"));
    let centred = |text: &str, width: usize| {
        let gap = width.saturating_sub(text.chars().count());
        format!(" {}{text}{} ", " ".repeat(gap / 2), " ".repeat(gap - gap / 2))
    };
    let line = |cells: Vec<String>| format!("|{}|\n", cells.join("|"));
    let mut out = rule.clone();
    out.push_str(&line(head.iter().zip(&widths).map(|(h, w)| centred(h, *w)).collect()));
    out.push_str(&rule);
    for row in rows {
        let cell = |(text, width): (&String, &usize)| {
            if text.parse::<u64>().is_ok() {
                format!(" {text:>width$} ")
            } else {
                format!(" {text:>width$} ", width = *width)
            }
        };
        out.push_str(&line(row.iter().zip(&widths).map(cell).collect()));
    }
    out + &rule
}

/// `etcdctl`
fn control(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let version = super::find(sys.image()).version.clone();
    let mut words = Vec::new();
    let mut endpoint = sys.env("ETCDCTL_ENDPOINTS").unwrap_or("127.0.0.1:2379").to_string();
    let mut rest = args[1..].iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-w" | "--write-out" => words.push(format!("--write-out={}", rest.next().cloned().unwrap_or_default())),
            "--endpoints" => endpoint = rest.next().cloned().unwrap_or_default(),
            "--cacert" | "--cert" | "--key" | "--user" | "--command-timeout" | "--dial-timeout" => drop(rest.next()),
            _ => match word.strip_prefix("--endpoints=") {
                Some(given) => endpoint = given.to_string(),
                None => words.push(word.clone()),
            },
        }
    }
    if words.first().is_some_and(|w| w == "version") {
        let short: Vec<&str> = version.split('.').take(2).collect();
        sys.out(format!("etcdctl version: {version}\nAPI version: {}\n", short.join(".")));
        return Begun::Exit(0);
    }
    if words.is_empty() {
        sys.out(format!("NAME:\n\tetcdctl - A simple command line client for etcd3.\n\nUSAGE:\n\tetcdctl [flags]\n\nVERSION:\n\t{version}\n\nCOMMANDS:\n\tdel\t\tRemoves the specified key or range of keys [key, range_end)\n\tendpoint health\tChecks the healthiness of endpoints specified in `--endpoints` flag\n\tendpoint status\tPrints out the status of endpoints specified in `--endpoints` flag\n\tget\t\tGets the key or a range of keys\n\tmember list\tLists all members in the cluster\n\tput\t\tPuts the given key into the store\n\tversion\t\tPrints the version of etcdctl\n"));
        return Begun::Exit(0);
    }
    let mut code = 0;
    let first: Vec<&str> = endpoint.split(',').collect();
    let all = if words[0] == "endpoint" { first.len() } else { 1 };
    for endpoint in first.into_iter().take(all) {
        let (host, port) = place(endpoint);
        let asked = [ASKS, &postcard::to_stdvec(&words).unwrap_or_default()].concat();
        match ask(sys, &host, port, &asked).as_deref() {
            Some([0, text @ ..]) => {
                let text = String::from_utf8_lossy(text).replace("127.0.0.1:2379", endpoint);
                sys.out(text);
            }
            Some([_, text @ ..]) => {
                sys.err(text);
                code = 1;
            }
            _ => {
                sys.err(format!("{{\"level\":\"warn\",\"msg\":\"retrying of unary invoker failed\",\"error\":\"rpc error: code = DeadlineExceeded desc = latest balancer error: last connection error: connection error: desc = \\\"transport: Error while dialing: dial tcp {host}:{port}: connect: connection refused\\\"\"}}\nError: context deadline exceeded\n"));
                code = 1;
            }
        }
    }
    Begun::Exit(code)
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("etcd", start), ("etcdctl", control)];
