//! The agent: how it starts, what it does at each step, and how it ends.

use super::{Consul, Member, Standing};
use crate::api::{Duration, Time};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent, resolver};

/// How long a server that leaves still answers: `leave_drain_time`.
const DRAIN: Duration = Duration::secs(5);

impl Consul {
    /// The parts of the version: 1.11 is 111.
    pub(super) fn age(&self) -> u32 {
        let mut parts = self.settings.version.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
        parts.next().unwrap_or(1) * 100 + parts.next().unwrap_or(0)
    }

    /// Writes a line of the log.
    pub(super) fn say(&self, sys: &mut Sys<'_>, level: &str, text: &str) {
        let c = Civil::of(sys.now());
        let level = format!("[{level}]");
        sys.out(format!("{}T{}.{:03}Z {level:<8}{text}\n", c.date(), c.clock(), c.milli));
    }

    pub(super) fn address(&self) -> String {
        format!("{}:8300", self.settings.bind)
    }

    fn start(&mut self, sys: &mut Sys<'_>) -> Result<(), Turn> {
        self.started = true;
        self.began = sys.now();
        self.turn = sys.now().0.max(0) as u64;
        for signal in [Signal::TERM, Signal::INT] {
            sys.set_disposition(signal, Some(Disposition::Catch));
        }
        self.load(sys)?;
        let s = &self.settings;
        let grpc = if self.age() >= 114 { "gRPC: -1, gRPC-TLS: 8503, " } else { "gRPC: -1, " };
        let server =
            if s.server { format!("true (Bootstrap: {})", s.expect == 1) } else { "false (Bootstrap: false)".into() };
        sys.out(format!(
            "==> Starting Consul agent...\n              Version: '{}'\n           Build Date: '1970-01-01 00:00:01 +0000 UTC'\n              Node ID: '{}'\n            Node name: '{}'\n           Datacenter: '{}' (Segment: '{}')\n               Server: {server}\n          Client Addr: [{}] (HTTP: 8500, HTTPS: -1, {grpc}DNS: 8600)\n         Cluster Addr: {} (LAN: 8301, WAN: 8302)\n    Gossip Encryption: false\n     Auto-Encrypt-TLS: false\n\n==> Log data will now stream in as it occurs:\n\n",
            s.version,
            self.id,
            s.node,
            s.datacenter,
            if s.server { "<all>" } else { "" },
            s.client,
            s.bind
        ));
        for port in [8300, 8301, 8302, 8500, 8600] {
            let Err(fault) = sys.listen(port) else { continue };
            let why = sys.text(fault).to_lowercase();
            self.say(
                sys,
                "ERROR",
                &format!(
                    "agent: Error starting agent: error=\"Failed to start listener: listen tcp :{port}: bind: {why}\""
                ),
            );
            return Err(Turn::Exit(Status::Code(1)));
        }
        let (node, ip) = (self.settings.node.clone(), self.settings.bind.clone());
        let dc = self.settings.datacenter.clone();
        if self.settings.server {
            let servers: Vec<String> = self
                .state
                .voters
                .iter()
                .map(|v| format!("{{Suffrage:Voter ID:{} Address:{}:8300}}", v.id, v.ip))
                .collect();
            let index = if servers.is_empty() { 0 } else { self.state.index };
            self.say(
                sys,
                "INFO",
                &format!("agent.server.raft: initial configuration: index={index} servers=\"[{}]\"", servers.join(" ")),
            );
            let me = self.address();
            self.say(sys, "INFO", &format!("agent.server.raft: entering follower state: follower=\"Node at {me} [Follower]\" leader-address= leader-id="));
            self.say(sys, "INFO", &format!("agent.server.serf.wan: serf: EventMemberJoin: {node}.{dc} {ip}"));
        }
        let own = Member {
            id: self.id.clone(),
            ip: ip.clone(),
            server: self.settings.server,
            build: self.settings.version.clone(),
            expect: self.settings.expect,
            since: sys.now(),
            turn: self.turn,
            ..Member::default()
        };
        self.members.insert(node.clone(), own);
        self.say(sys, "INFO", &format!("agent.server.serf.lan: serf: EventMemberJoin: {node} {ip}"));
        if self.settings.server {
            self.say(
                sys,
                "INFO",
                &format!("agent.server: Adding LAN server: server=\"{node} (Addr: tcp/{ip}:8300) (DC: {dc})\""),
            );
        }
        let client = self.settings.client.clone();
        for network in ["tcp", "udp"] {
            self.say(sys, "INFO", &format!("agent: Started DNS server: address={client}:8600 network={network}"));
        }
        self.say(sys, "INFO", &format!("agent: Starting server: address={client}:8500 network=tcp protocol=http"));
        self.say(sys, "INFO", "agent: started state syncer");
        self.say(sys, "INFO", "agent: Consul agent running!");
        if !self.settings.retry_join.is_empty() {
            self.say(sys, "INFO", "agent: Retry join is supported for the following discovery methods: cluster=LAN discovery_methods=\"aliyun aws azure digitalocean gce hcp k8s linode mdns os packet scaleway softlayer tencentcloud triton vsphere\"");
            self.joins_at = Some(sys.now());
        }
        if !self.settings.start_join.is_empty() {
            let all = self.settings.start_join.clone();
            let found = self.addresses(sys, &all);
            let joined = self.join(sys, &found);
            self.joined |= joined > 0;
        }
        if self.settings.expect == 1 && self.state.voters.is_empty() {
            self.bootstrap(sys);
        }
        self.stand_later(sys);
        self.news = true;
        Ok(())
    }

    /// The addresses that words name: names are looked up.
    pub(super) fn addresses(&self, sys: &mut Sys<'_>, words: &[String]) -> Vec<String> {
        let mut all = Vec::new();
        for word in words {
            let host = word.split(':').next().unwrap_or_default();
            match host.parse::<std::net::IpAddr>() {
                Ok(ip) => all.push(ip.to_string()),
                Err(_) => all.extend(resolver::resolve(sys, host).unwrap_or_default().iter().map(ToString::to_string)),
            }
        }
        all
    }

    fn try_to_join(&mut self, sys: &mut Sys<'_>) {
        self.joins_at = None;
        self.say(sys, "INFO", "agent: Joining cluster...: cluster=LAN");
        let mut found = Vec::new();
        for word in self.settings.retry_join.clone() {
            if !word.contains("provider=") {
                let ips = self.addresses(sys, std::slice::from_ref(&word));
                if ips.is_empty() {
                    found.push(word);
                } else {
                    found.extend(ips);
                }
                continue;
            }
            match super::discover::servers(sys, &word) {
                Ok(servers) => {
                    self.say(
                        sys,
                        "INFO",
                        &format!(
                            "agent: Discovered servers: cluster=LAN cluster=LAN servers=\"{}\"",
                            servers.join(" ")
                        ),
                    );
                    found.extend(servers);
                }
                Err(why) => {
                    let shown = word.replace('"', "\\\"");
                    self.say(
                        sys,
                        "ERROR",
                        &format!("agent: Cannot discover address: cluster=LAN address=\"{shown}\" error=\"{why}\""),
                    );
                }
            }
        }
        let interval = self.settings.retry_interval;
        if found.is_empty() {
            self.say(sys, "WARN", &format!("agent: Join cluster failed, will retry: cluster=LAN retry_interval={interval}s error=\"No servers to join\""));
            self.joins_at = Some(sys.now() + Duration::secs(interval));
            return;
        }
        self.say(sys, "INFO", &format!("agent: (LAN) joining: lan_addresses=[{}]", found.join(", ")));
        let count = self.join(sys, &found);
        if count == 0 {
            self.say(sys, "WARN", "agent: (LAN) couldn't join: number_of_nodes=0 error=\"");
            let first = found.first().cloned().unwrap_or_default();
            sys.out(format!("  error=\n  | {} error occurred:\n  | \t* Failed to join {first}:8301: dial tcp {first}:8301: i/o timeout\n  \n", found.len()));
            self.say(
                sys,
                "WARN",
                &format!("agent: Join cluster failed, will retry: cluster=LAN retry_interval={interval}s error=<nil>"),
            );
            self.joins_at = Some(sys.now() + Duration::secs(interval));
            return;
        }
        self.joined = true;
        self.say(sys, "INFO", &format!("agent: (LAN) joined: number_of_nodes={count}"));
        self.say(
            sys,
            "INFO",
            &format!("agent: Join cluster completed. Synced with initial agents: cluster=LAN num_agents={count}"),
        );
    }

    pub(in super::super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started
            && let Err(turn) = self.start(sys)
        {
            return turn;
        }
        if let Some(signal) = sys.take_signal() {
            return self.end(sys, signal);
        }
        if let Some(turn) = self.leave_on(sys) {
            return turn;
        }
        let due = |at: Option<Time>, now: Time| at.is_some_and(|at| at <= now);
        if due(self.joins_at, sys.now()) {
            self.try_to_join(sys);
        }
        self.hear_links(sys);
        let disturbed = std::mem::replace(&mut self.seen, sys.sandbox.disturbed) != sys.sandbox.disturbed;
        if disturbed || self.news || due(self.looks_at, sys.now()) {
            self.look_after_others(sys);
        }
        self.consider(sys);
        if std::mem::take(&mut self.unsaved) {
            self.save(sys);
        }
        let soon = self.news.then(|| sys.now() + Duration::millis(100));
        let until = [
            self.joins_at,
            self.looks_at,
            self.stands_at,
            self.prunes_at,
            soon,
            self.leaving.as_ref().and_then(|l| l.1),
        ];
        let input = self.members.values().filter_map(|m| m.link).collect();
        Turn::Wait(Wait { input, until: until.into_iter().flatten().min(), ..Wait::default() })
    }

    /// Leaves where that was asked for, and ends once it is through.
    fn leave_on(&mut self, sys: &mut Sys<'_>) -> Option<Turn> {
        let (waiting, until) = self.leaving.clone()?;
        match until {
            None => {
                self.say(
                    sys,
                    "INFO",
                    if self.settings.server {
                        "agent.server: server starting leave"
                    } else {
                        "agent.client: client starting leave"
                    },
                );
                self.leave(sys);
                self.leaving = Some((waiting, Some(sys.now() + DRAIN)));
                if self.settings.server {
                    self.say(sys, "INFO", "agent.server: Waiting to drain RPC traffic: drain_time=5s");
                }
                None
            }
            Some(at) if sys.now() >= at && !waiting.is_empty() => {
                // Who asked hears of it before the agent is gone.
                self.leaving = Some((Vec::new(), Some(sys.now() + Duration::millis(200))));
                for connection in waiting {
                    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
                    sys.push(connection, Reply { bytes, close: true, ..Reply::default() });
                }
                None
            }
            Some(at) if sys.now() >= at => Some(self.shut_down(sys, 0)),
            Some(_) => None,
        }
    }

    fn end(&mut self, sys: &mut Sys<'_>, signal: Signal) -> Turn {
        let name = if signal == Signal::INT { "interrupt" } else { "terminated" };
        self.say(sys, "INFO", &format!("agent: Caught: signal={name}"));
        let graceful = self.settings.leave_on_terminate || !self.settings.server && signal == Signal::TERM;
        if graceful && self.leaving.is_none() {
            self.say(sys, "INFO", "agent: Gracefully shutting down agent...");
            self.leave(sys);
            return self.shut_down(sys, 0);
        }
        self.say(sys, "INFO", "agent: Graceful shutdown disabled. Exiting");
        self.shut_down(sys, 1)
    }

    fn shut_down(&mut self, sys: &mut Sys<'_>, code: u8) -> Turn {
        self.say(sys, "INFO", "agent: Requesting shutdown");
        if self.settings.server {
            self.say(sys, "INFO", "agent.server: shutting down server");
            if code != 0 {
                self.say(sys, "WARN", "agent.server.serf.lan: serf: Shutdown without a Leave");
                self.say(sys, "WARN", "agent.server.serf.wan: serf: Shutdown without a Leave");
            }
            self.say(sys, "INFO", "agent.router.manager: shutting down");
        }
        self.say(
            sys,
            "INFO",
            if self.settings.server { "agent: consul server down" } else { "agent: consul client down" },
        );
        self.say(sys, "INFO", "agent: shutdown complete");
        let client = self.settings.client.clone();
        for (network, protocol, port) in [("tcp", "DNS", 8600), ("udp", "DNS", 8600), ("tcp", "http", 8500)] {
            self.say(
                sys,
                "INFO",
                &format!("agent: Stopping server: address={client}:{port} network={network} protocol={protocol}"),
            );
        }
        self.say(sys, "INFO", "agent: Waiting for endpoints to shut down");
        self.say(sys, "INFO", "agent: Endpoints down");
        self.say(sys, "INFO", &format!("agent: Exit code: code={code}"));
        Turn::Exit(Status::Code(code))
    }

    pub(in super::super) fn receive(&mut self, sys: &mut Sys<'_>, port: u16, peer: &Peer, sent: Sent<'_>) -> Reply {
        match (port, sent) {
            (8301, Sent::Bytes(bytes)) => self.on_gossip(sys, &peer.ip.to_string(), bytes),
            (8500, Sent::Bytes(bytes)) => {
                let mut reply = Reply::default();
                for request in self.requests.add(peer.connection, bytes) {
                    let Some(request) = request else {
                        reply.bytes.extend(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request");
                        reply.close = true;
                        break;
                    };
                    let Some(answer) = self.on_http(sys, peer.connection, &request) else { continue };
                    reply.bytes.extend(answer.bytes(request.method == "HEAD"));
                    reply.close |= !request.keeps_alive();
                }
                reply
            }
            (8500, Sent::Closed) => {
                self.requests.close(peer.connection);
                Reply::default()
            }
            _ => Reply::default(),
        }
    }

    /// The members by name that are there.
    pub(super) fn alive(&self) -> impl Iterator<Item = (&String, &Member)> {
        self.members.iter().filter(|(_, m)| matches!(m.standing, Standing::Alive | Standing::Suspect))
    }
}
