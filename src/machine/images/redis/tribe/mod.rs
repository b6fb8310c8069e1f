//! `redis-cli --cluster`: making a cluster, looking at it, and moving slots.
//!
//! Facts: Redis' cluster tutorial and what `redis-cli --cluster` prints.

mod create;
mod shares;

use serde::{Deserialize, Serialize};

use super::cluster::slots::{ALL, Slots};
use super::resp::{self, Resp};
use crate::api::Time;
use crate::machine::kernel::{Input, Status, Sys, Turn, Wait};
use crate::machine::net::resolver;

/// A node as the manager sees it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Member {
    id: String,
    ip: String,
    port: u16,
    is_replica: bool,
    master: String,
    slots: Slots,
    /// Slots that are on their way.
    open: Vec<String>,
    fails: bool,
    links: bool,
}

impl Member {
    fn address(&self) -> String {
        format!("{}:{}", self.ip, self.port)
    }
}

/// What `--cluster` is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tribe {
    command: String,
    arguments: Vec<String>,
    password: Option<String>,
    replicas: usize,
    yes: bool,
    from: String,
    to: String,
    slots: u32,
    adds_replica: bool,
    master_id: String,
    empty_masters: bool,
    // What is under way.
    phase: Phase,
    members: Vec<Member>,
    typed: Vec<u8>,
    next: Option<Time>,
    dots: u32,
    questions: u8,
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    #[default]
    Begin,
    Confirm,
    Join,
    Question,
    Move,
    Added,
}

/// The colours of kinds of lines on a terminal that has them.
#[derive(Clone, Copy)]
enum Tone {
    Info,
    Warn,
    Fault,
    Good,
}

impl Tribe {
    /// Takes an option, with its value where it has one; none where it is not one of `--cluster`'s.
    pub fn option(&mut self, name: &str, value: &mut dyn FnMut() -> String) -> Option<()> {
        match name {
            "--cluster-replicas" => self.replicas = value().parse().unwrap_or(0),
            "--cluster-yes" => self.yes = true,
            "--cluster-from" => self.from = value(),
            "--cluster-to" => self.to = value(),
            "--cluster-slots" => self.slots = value().parse().unwrap_or(0),
            "--cluster-slave" | "--cluster-replica" => self.adds_replica = true,
            "--cluster-master-id" => self.master_id = value(),
            "--cluster-use-empty-masters" => self.empty_masters = true,
            "--cluster-weight" | "--cluster-timeout" | "--cluster-pipeline" | "--cluster-threshold" => drop(value()),
            "--cluster-simulate" | "--cluster-replace" | "--cluster-search-multiple-owners" => {}
            _ => return None,
        }
        Some(())
    }

    /// Begins with a command and its words.
    pub fn begin(&mut self, command: String, arguments: Vec<String>, password: Option<String>) {
        (self.command, self.arguments, self.password) = (command, arguments, password);
    }

    fn say(&self, sys: &mut Sys<'_>, tone: Tone, text: &str) {
        if sys.env("TERM").is_some_and(|t| t.contains("xterm")) {
            let colour = match tone {
                Tone::Info => "29;1m",
                Tone::Warn => "33;1m",
                Tone::Fault => "31;1m",
                Tone::Good => "32;1m",
            };
            sys.out(format!("\x1b[{colour}{text}\x1b[0m"));
        } else {
            sys.out(text);
        }
    }

    /// Asks a server; an error where it is not there.
    fn ask<T: AsRef<[u8]>>(&self, sys: &mut Sys<'_>, address: &str, words: &[T]) -> Result<Resp, String> {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "6379"));
        let refused = |why: &str| format!("Could not connect to Redis at {address}: {why}\n");
        let port = port.parse().unwrap_or(6379);
        let ip = match host.parse() {
            Ok(ip) => ip,
            Err(_) => {
                let found = resolver::resolve(sys, host).ok().and_then(|ips| ips.first().copied());
                found.ok_or_else(|| refused("Name or service not known"))?
            }
        };
        let fd = sys.connect(ip, port).map_err(|f| refused(sys.text(f)))?;
        let mut bytes = Vec::new();
        if let Some(password) = &self.password {
            bytes.extend(resp::encode_command(&["AUTH", password]));
        }
        bytes.extend(resp::encode_command(words));
        let sent = sys.write(fd, &bytes);
        let mut answer = Vec::new();
        while let Ok(Input::Bytes(more)) = sys.read(fd, 1 << 20) {
            answer.extend(more);
        }
        let _ = sys.close(fd);
        sent.map_err(|f| refused(sys.text(f)))?;
        let mut at = 0;
        let mut last = None;
        while let Some((value, used)) = Resp::decode(&answer[at..]) {
            at += used;
            last = Some(value);
        }
        last.ok_or_else(|| refused("Connection reset by peer"))
    }

    fn ask_text(&self, sys: &mut Sys<'_>, address: &str, words: &[&str]) -> Result<String, String> {
        match self.ask(sys, address, words)? {
            Resp::Bulk(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Resp::Error(text) => Err(format!("[ERR] Node {address} replied with error:\n{text}\n")),
            Resp::Simple(text) => Ok(text),
            Resp::Int(number) => Ok(number.to_string()),
            _ => Ok(String::new()),
        }
    }

    fn refuse(&self, sys: &mut Sys<'_>, text: &str) -> Turn {
        if text.starts_with("[ERR]") || text.starts_with("***") {
            self.say(sys, Tone::Fault, text);
        } else {
            sys.err(text);
        }
        Turn::Exit(Status::Code(1))
    }

    /// What one node says of all, itself first.
    fn members_of(&self, sys: &mut Sys<'_>, address: &str) -> Result<Vec<Member>, String> {
        let text = match self.ask_text(sys, address, &["CLUSTER", "NODES"]) {
            Err(text) if text.contains("cluster support disabled") => {
                return Err(format!("[ERR] Node {address} is not configured as a cluster node.\n"));
            }
            other => other?,
        };
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "6379"));
        let mut all = Vec::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [id, place, flags, master, _, _, _, link, rest @ ..] = words.as_slice() else { continue };
            let (ip, own) = place.split('@').next().and_then(|p| p.rsplit_once(':')).unwrap_or(("", "0"));
            let is_me = flags.contains("myself");
            let mut member = Member {
                id: (*id).to_string(),
                ip: if is_me { host.to_string() } else { ip.to_string() },
                port: if is_me { port } else { own }.parse().unwrap_or(0),
                is_replica: flags.contains("slave"),
                master: if *master == "-" { String::new() } else { (*master).to_string() },
                fails: flags.split(',').any(|f| matches!(f, "fail" | "noaddr" | "handshake")),
                links: *link == "connected",
                ..Member::default()
            };
            for word in rest {
                match word.strip_prefix('[') {
                    Some(open) => member.open.push(open.trim_end_matches(']').to_string()),
                    None => {
                        let (first, last) = word.split_once('-').unwrap_or((word, word));
                        if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
                            member.slots.add(first, last);
                        }
                    }
                }
            }
            let at = if is_me { 0 } else { all.len() };
            all.insert(at, member);
        }
        Ok(all)
    }

    /// A node as it is listed; one that is only planned as a replica has no slots to tell of.
    fn describe(&self, member: &Member, all: &[Member]) -> String {
        let letter = if member.is_replica { 'S' } else { 'M' };
        let ranges: Vec<String> = member
            .slots
            .ranges()
            .iter()
            .map(|(a, b)| if a == b { format!("[{a}]") } else { format!("[{a}-{b}]") })
            .collect();
        let mut text = format!("{letter}: {} {}\n", member.id, member.address());
        if !member.is_replica || !all.is_empty() {
            let role = if member.is_replica { "slave" } else { "master" };
            text.push_str(&format!("   slots:{} ({} slots) {role}\n", ranges.join(","), member.slots.len()));
        }
        if member.is_replica && !member.master.is_empty() {
            text.push_str(&format!("   replicates {}\n", member.master));
        }
        let replicas = all.iter().filter(|m| m.is_replica && m.master == member.id).count();
        if !member.is_replica && replicas > 0 {
            text.push_str(&format!("   {replicas} additional replica(s)\n"));
        }
        text
    }

    /// Whether all nodes say the same of who serves what.
    fn agree(&self, sys: &mut Sys<'_>, all: &[Member]) -> bool {
        let mut first: Option<Vec<(String, Slots)>> = None;
        for member in all.iter().filter(|m| !m.fails) {
            let Ok(view) = self.members_of(sys, &member.address()) else { return false };
            let mut view: Vec<(String, Slots)> =
                view.into_iter().filter(|m| !m.slots.is_empty()).map(|m| (m.id, m.slots)).collect();
            view.sort_by(|a, b| a.0.cmp(&b.0));
            match &first {
                None => first = Some(view),
                Some(known) if *known == view => {}
                Some(_) => return false,
            }
        }
        true
    }

    /// `>>> Performing Cluster Check`; whether all is well.
    fn check(&self, sys: &mut Sys<'_>, address: &str) -> Result<bool, String> {
        let all: Vec<Member> = self.members_of(sys, address)?.into_iter().filter(|m| !m.fails).collect();
        self.say(sys, Tone::Info, &format!(">>> Performing Cluster Check (using node {address})\n"));
        for member in &all {
            let text = self.describe(member, &all);
            sys.out(text);
        }
        let mut well = true;
        if self.agree(sys, &all) {
            self.say(sys, Tone::Good, "[OK] All nodes agree about slots configuration.\n");
        } else {
            self.say(sys, Tone::Fault, "[ERR] Nodes don't agree about configuration!\n");
            well = false;
        }
        self.say(sys, Tone::Info, ">>> Check for open slots...\n");
        let mut open: Vec<String> = Vec::new();
        for member in &all {
            let view = self.members_of(sys, &member.address())?;
            let slots = |mark: &str| {
                let own = view.first().map(|m| m.open.clone()).unwrap_or_default();
                own.iter().filter_map(|o| o.split_once(mark).map(|(s, _)| s.to_string())).collect::<Vec<_>>()
            };
            for (mark, what) in [("->-", "migrating"), ("-<-", "importing")] {
                let slots = slots(mark);
                if !slots.is_empty() {
                    let text =
                        format!("[WARNING] Node {} has slots in {what} state {}.\n", member.address(), slots.join(","));
                    self.say(sys, Tone::Warn, &text);
                    open.extend(slots);
                }
            }
        }
        if !open.is_empty() {
            open.dedup();
            self.say(sys, Tone::Warn, &format!("[WARNING] The following slots are open: {}.\n", open.join(", ")));
            well = false;
        }
        self.say(sys, Tone::Info, ">>> Check slots coverage...\n");
        let covered: usize = all.iter().map(|m| m.slots.len()).sum();
        if covered == usize::from(ALL) {
            self.say(sys, Tone::Good, "[OK] All 16384 slots covered.\n");
        } else {
            self.say(sys, Tone::Fault, "[ERR] Not all 16384 slots are covered by nodes.\n\n");
            well = false;
        }
        Ok(well)
    }

    /// The lines of `--cluster info`, which `check` begins with.
    fn info(&self, sys: &mut Sys<'_>, address: &str) -> Result<(), String> {
        let all: Vec<Member> = self.members_of(sys, address)?.into_iter().filter(|m| !m.fails).collect();
        let mut keys = 0;
        let masters: Vec<&Member> = all.iter().filter(|m| !m.is_replica).collect();
        for master in &masters {
            let size: u64 = self.ask_text(sys, &master.address(), &["DBSIZE"])?.parse().unwrap_or(0);
            keys += size;
            let replicas = all.iter().filter(|m| m.is_replica && m.master == master.id).count();
            let name: String = master.id.chars().take(8).collect();
            sys.out(format!(
                "{} ({name}...) -> {size} keys | {} slots | {replicas} slaves.\n",
                master.address(),
                master.slots.len()
            ));
        }
        self.say(sys, Tone::Good, &format!("[OK] {keys} keys in {} masters.\n", masters.len()));
        sys.out(format!("{:.2} keys per slot on average.\n", keys as f64 / f64::from(ALL)));
        Ok(())
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if let Some(at) = self.next.take_if(|at| sys.now() < *at) {
            self.next = Some(at);
            return Turn::Wait(Wait::until(at));
        }
        let stepped = match self.phase {
            Phase::Begin => self.start(sys),
            Phase::Confirm => self.confirmed(sys),
            Phase::Join => self.join(sys),
            Phase::Question => self.question(sys),
            Phase::Move => self.move_slots(sys),
            Phase::Added => self.make_replica(sys),
        };
        stepped.unwrap_or_else(|text| self.refuse(sys, &text))
    }

    fn start(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        let first = self.arguments.first().map(|a| place(a)).unwrap_or_default();
        let done = |well: bool| Ok(Turn::Exit(Status::Code(u8::from(!well))));
        match (self.command.as_str(), self.arguments.len()) {
            ("create", 1..) => self.plan(sys),
            ("check", 1) => {
                self.info(sys, &first)?;
                let well = self.check(sys, &first)?;
                done(well)
            }
            ("info", 1) => {
                self.info(sys, &first)?;
                done(true)
            }
            ("fix", 1) => {
                self.info(sys, &first)?;
                let well = self.check(sys, &first)?;
                done(well)
            }
            ("call", 2..) => {
                self.say(sys, Tone::Info, &format!(">>> Calling {}\n", self.arguments[1..].join(" ")));
                for member in self.members_of(sys, &first)?.into_iter().filter(|m| !m.fails) {
                    let words: Vec<String> = self.arguments[1..].to_vec();
                    let answer = self.ask(sys, &member.address(), &words)?;
                    let mut out = format!("{}: ", member.address()).into_bytes();
                    super::cli::bare(&answer, &mut out);
                    out.push(b'\n');
                    sys.out(out);
                }
                done(true)
            }
            ("add-node", 2) => self.add_node(sys),
            ("del-node", 2) => self.remove_node(sys),
            ("reshard", 1) => self.reshard(sys),
            ("rebalance", 1) => self.rebalance(sys),
            ("help", _) => {
                sys.out(HELP);
                done(true)
            }
            ("create" | "check" | "info" | "fix" | "call" | "add-node" | "del-node" | "reshard" | "rebalance", _) => {
                Err("[ERR] Wrong number of arguments for specified --cluster sub command\n".into())
            }
            _ => {
                sys.err("Unknown --cluster subcommand\n");
                done(false)
            }
        }
    }

    /// The next line that was typed.
    fn line(&mut self, sys: &mut Sys<'_>) -> Result<String, Turn> {
        loop {
            if let Some(end) = self.typed.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.typed.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim().to_string());
            }
            match sys.read(0, 4096) {
                Ok(Input::Bytes(bytes)) => self.typed.extend(bytes),
                Ok(Input::Wait) => return Err(Turn::Wait(Wait::input(0))),
                Ok(Input::End) | Err(_) => {
                    return Ok(String::from_utf8_lossy(&std::mem::take(&mut self.typed)).trim().to_string());
                }
            }
        }
    }
}

/// An address as it was given; a port alone is of this host.
fn place(text: &str) -> String {
    if text.contains(':') { text.to_string() } else { format!("{text}:6379") }
}

/// `--cluster help`
const HELP: &str = "Cluster Manager Commands:\n  create         host1:port1 ... hostN:portN\n                 --cluster-replicas <arg>\n  check          <host:port> or <host> <port> - separated by either colon or space\n                 --cluster-search-multiple-owners\n  info           <host:port> or <host> <port> - separated by either colon or space\n  fix            <host:port> or <host> <port> - separated by either colon or space\n                 --cluster-search-multiple-owners\n                 --cluster-fix-with-unreachable-masters\n  reshard        <host:port> or <host> <port> - separated by either colon or space\n                 --cluster-from <arg>\n                 --cluster-to <arg>\n                 --cluster-slots <arg>\n                 --cluster-yes\n                 --cluster-timeout <arg>\n                 --cluster-pipeline <arg>\n                 --cluster-replace\n  rebalance      <host:port> or <host> <port> - separated by either colon or space\n                 --cluster-weight <node1=w1...nodeN=wN>\n                 --cluster-use-empty-masters\n                 --cluster-timeout <arg>\n                 --cluster-simulate\n                 --cluster-pipeline <arg>\n                 --cluster-threshold <arg>\n                 --cluster-replace\n  add-node       new_host:new_port existing_host:existing_port\n                 --cluster-slave\n                 --cluster-master-id <arg>\n  del-node       host:port node_id\n  call           host:port command arg arg .. arg\n                 --cluster-only-masters\n                 --cluster-only-replicas\n  help           \n\nFor check, fix, reshard, del-node, set-timeout, info, rebalance, call, import, backup you can specify the host and port of any working node in the cluster.\n";
