//! The agent's HTTP API.
//!
//! Facts: the documentation of Consul's HTTP API.

use base64::Engine as _;
use serde_json::{Value, json};

use super::raft::{Change, NO_LEADER};
use super::{Consul, Entry, Member, Standing};
use crate::machine::kernel::Sys;
use crate::machine::net::http::{Request, Response, date, unescape};

fn ok(tree: &Value) -> (u16, Vec<u8>, bool) {
    (200, tree.to_string().into_bytes(), true)
}

fn text(status: u16, text: impl Into<String>) -> (u16, Vec<u8>, bool) {
    (status, text.into().into_bytes(), false)
}

fn encoded(key: &str, entry: &Entry) -> Value {
    json!({
        "LockIndex": 0,
        "Key": key,
        "Flags": entry.flags,
        "Value": base64::engine::general_purpose::STANDARD.encode(&entry.value),
        "CreateIndex": entry.created,
        "ModifyIndex": entry.modified,
    })
}

/// What is asked for with `?pretty`.
fn indented(body: &[u8]) -> Vec<u8> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    let mut out = Vec::new();
    let by_four = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, by_four);
    match serde::Serialize::serialize(&value, &mut serializer) {
        Ok(()) => out,
        Err(_) => body.to_vec(),
    }
}

impl Consul {
    /// Answers a request; nothing where the answer comes later.
    pub(super) fn on_http(&mut self, sys: &mut Sys<'_>, connection: u64, request: &Request) -> Option<Response> {
        let path = request.path();
        if path == "/v1/agent/leave" && request.method == "PUT" {
            let (waiting, _) = self.leaving.get_or_insert_with(|| (Vec::new(), None));
            waiting.push(connection);
            return None;
        }
        let (status, mut body, is_json) = self.answer(sys, request, &path);
        if is_json && request.query().split('&').any(|p| p == "pretty" || p.starts_with("pretty=")) {
            body = indented(&body);
        }
        let length = body.len().to_string();
        let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
        let mut response = Response::new(status, body).with("Content-Type", kind).with("Vary", "Accept-Encoding");
        if status == 301 {
            response = response.with("Location", "/ui/");
        }
        if path.starts_with("/v1/kv") || path.starts_with("/v1/catalog") || path.starts_with("/v1/health") {
            response = response
                .with("X-Consul-Index", self.state.index.max(1).to_string())
                .with("X-Consul-Knownleader", self.leader.is_some().to_string())
                .with("X-Consul-Lastcontact", "0");
        }
        Some(response.with("Date", date(sys.now())).with("Content-Length", length))
    }

    fn answer(&mut self, sys: &mut Sys<'_>, request: &Request, path: &str) -> (u16, Vec<u8>, bool) {
        let stale = request.query().split('&').any(|p| p == "stale");
        let needs_leader = ["/v1/kv/", "/v1/catalog/", "/v1/health/", "/v1/operator/raft/configuration"];
        if needs_leader.iter().any(|p| path.starts_with(p))
            && self.leader.is_none()
            && !(stale && request.method == "GET")
        {
            return text(500, NO_LEADER);
        }
        let method = request.method.as_str();
        match path {
            "/" => text(301, "<a href=\"/ui/\">Moved Permanently</a>.\n\n"),
            "/v1/status/leader" => {
                let ip = self
                    .leader
                    .as_ref()
                    .and_then(|id| self.members.values().find(|m| m.id == *id))
                    .map(|m| m.ip.clone());
                ok(&json!(ip.map(|ip| format!("{ip}:8300")).unwrap_or_default()))
            }
            "/v1/status/peers" => {
                ok(&self.state.voters.iter().map(|v| json!(format!("{}:8300", v.ip))).collect::<Vec<_>>().into())
            }
            "/v1/agent/members" => ok(&self.members.iter().map(|(n, m)| self.member(n, m)).collect::<Vec<_>>().into()),
            "/v1/agent/self" => ok(&self.own()),
            "/v1/agent/services" | "/v1/agent/checks" => ok(&json!({})),
            "/v1/agent/health" | "/v1/agent/version" => {
                ok(&json!({"HumanVersion": self.settings.version, "SHA": "1c04f6ba"}))
            }
            "/v1/catalog/datacenters" => ok(&json!([self.settings.datacenter])),
            "/v1/catalog/services" => ok(&json!({"consul": []})),
            "/v1/catalog/nodes" => ok(&self.nodes()),
            "/v1/operator/raft/configuration" => ok(&self.configuration()),
            "/v1/operator/autopilot/health" => {
                let dead = self.members.values().filter(|m| m.server && m.standing == Standing::Failed).count();
                let healthy = dead == 0 && self.leader.is_some();
                let spare = self.state.voters.len().saturating_sub(1) / 2;
                ok(&json!({"Healthy": healthy, "FailureTolerance": spare.saturating_sub(dead), "Servers": []}))
            }
            _ if path.starts_with("/v1/catalog/service/consul") || path.starts_with("/v1/health/service/consul") => {
                ok(&self.nodes())
            }
            _ if path.starts_with("/v1/catalog/service/") || path.starts_with("/v1/health/service/") => ok(&json!([])),
            _ if path.starts_with("/v1/agent/join/") && method == "PUT" => {
                let word = unescape(&path["/v1/agent/join/".len()..]);
                let found = self.addresses(sys, std::slice::from_ref(&word));
                match self.join(sys, &found) {
                    0 => text(
                        500,
                        format!("1 error occurred:\n\t* Failed to join {word}: dial tcp {word}:8301: i/o timeout\n\n"),
                    ),
                    _ => (200, Vec::new(), false),
                }
            }
            _ if path.starts_with("/v1/agent/force-leave/") && method == "PUT" => {
                let name = unescape(&path["/v1/agent/force-leave/".len()..]);
                if !self.members.contains_key(&name) {
                    return text(500, format!("agent: No node found with name '{name}'"));
                }
                self.mark_left(sys, &name);
                (200, Vec::new(), false)
            }
            _ if path.starts_with("/v1/operator/raft/peer") && method == "DELETE" => {
                let id = request.parameter("id").unwrap_or_default();
                let voters: Vec<_> = self.state.voters.iter().filter(|v| v.id != id).cloned().collect();
                if voters.len() == self.state.voters.len() {
                    return text(500, format!("id \"{id}\" was not found in the Raft configuration"));
                }
                self.done(sys, Change::Voters(voters), json!(true))
            }
            _ => match path.strip_prefix("/v1/kv/") {
                Some(key) => self.on_key(sys, request, key),
                None if path.starts_with("/ui") && (self.settings.ui || self.settings.dev) => {
                    let page = "<!DOCTYPE html>\n<html lang=\"en\" class=\"ember-loading\">\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Consul by HashiCorp</title>\n  </head>\n  <body></body>\n</html>\n";
                    text(200, page)
                }
                None if path.starts_with("/v1/") => text(404, "Invalid URL path: not a recognized HTTP API endpoint"),
                None => text(404, "404 page not found\n"),
            },
        }
    }

    fn done(&mut self, sys: &mut Sys<'_>, change: Change, answer: Value) -> (u16, Vec<u8>, bool) {
        match self.propose(sys, change) {
            Ok(()) => ok(&answer),
            Err(why) => text(500, why),
        }
    }

    fn on_key(&mut self, sys: &mut Sys<'_>, request: &Request, key: &str) -> (u16, Vec<u8>, bool) {
        let has = |name: &str| request.query().split('&').any(|p| p.split('=').next() == Some(name));
        match request.method.as_str() {
            "PUT" if key.is_empty() => text(400, "Missing key name"),
            "PUT" => {
                if request.body.len() > 512 << 10 {
                    return text(
                        413,
                        format!(
                            "Request body({} bytes) too large, max size: 524288 bytes. See https://www.consul.io/docs/agent/options.html#kv_max_value_size.",
                            request.body.len()
                        ),
                    );
                }
                if let Some(cas) = request.parameter("cas") {
                    let index = self.state.keys.get(key).map_or(0, |e| e.modified);
                    if cas.parse::<u64>().ok() != Some(index) {
                        return ok(&json!(false));
                    }
                }
                let flags = request.parameter("flags").and_then(|f| f.parse().ok()).unwrap_or(0);
                self.done(sys, Change::Put(key.into(), request.body.clone(), flags), json!(true))
            }
            "DELETE" if has("recurse") => self.done(sys, Change::DeleteTree(key.into()), json!(true)),
            "DELETE" => self.done(sys, Change::Delete(key.into()), json!(true)),
            "GET" | "HEAD" => {
                if let Err(why) = self.catch_up(sys) {
                    return text(500, why);
                }
                if has("keys") {
                    let separator = request.parameter("separator").unwrap_or_default();
                    let mut names: Vec<String> = Vec::new();
                    for name in self.state.keys.keys().filter(|k| k.starts_with(key)) {
                        let rest = &name[key.len()..];
                        let cut = rest.find(&separator).filter(|_| !separator.is_empty());
                        let shown = cut.map_or(name.as_str(), |at| &name[..key.len() + at + separator.len()]);
                        if names.last().is_none_or(|last| last != shown) {
                            names.push(shown.to_string());
                        }
                    }
                    return if names.is_empty() { text(404, "") } else { ok(&json!(names)) };
                }
                if has("recurse") {
                    let all: Vec<Value> = self
                        .state
                        .keys
                        .iter()
                        .filter(|(k, _)| k.starts_with(key))
                        .map(|(k, e)| encoded(k, e))
                        .collect();
                    return if all.is_empty() { text(404, "") } else { ok(&json!(all)) };
                }
                match self.state.keys.get(key) {
                    None => text(404, ""),
                    Some(entry) if has("raw") => (200, entry.value.clone(), false),
                    Some(entry) => ok(&json!([encoded(key, entry)])),
                }
            }
            other => text(405, format!("method {other} not allowed")),
        }
    }

    fn member(&self, name: &str, member: &Member) -> Value {
        let status = match member.standing {
            Standing::Alive | Standing::Suspect => 1,
            Standing::Left => 3,
            Standing::Failed => 4,
        };
        let role = if member.server { "consul" } else { "node" };
        let mut tags = json!({"build": format!("{}:1c04f6ba", member.build), "dc": self.settings.datacenter, "id": member.id, "role": role, "vsn": "2"});
        if member.server {
            tags["expect"] = json!(member.expect.to_string());
            tags["port"] = json!("8300");
        }
        json!({"Name": name, "Addr": member.ip, "Port": 8301, "Tags": tags, "Status": status, "ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4})
    }

    fn nodes(&self) -> Value {
        let there = self.members.iter().filter(|(_, m)| m.standing != Standing::Left);
        let node = |(name, member): (&String, &Member)| {
            let ip = &member.ip;
            json!({"ID": member.id, "Node": name, "Address": ip, "Datacenter": self.settings.datacenter, "TaggedAddresses": {"lan": ip, "lan_ipv4": ip, "wan": ip, "wan_ipv4": ip}, "Meta": {"consul-network-segment": ""}, "CreateIndex": 5, "ModifyIndex": 7})
        };
        there.map(node).collect::<Vec<_>>().into()
    }

    fn configuration(&self) -> Value {
        let servers = self.state.voters.iter().map(|v| {
            let leads = self.leader.as_ref() == Some(&v.id);
            json!({"ID": v.id, "Node": v.name, "Address": format!("{}:8300", v.ip), "Leader": leads, "ProtocolVersion": "3", "Voter": true, "LastIndex": self.state.index})
        });
        json!({"Servers": servers.collect::<Vec<_>>(), "Index": self.state.index})
    }

    fn own(&self) -> Value {
        let count = |standing: Standing| self.members.values().filter(|m| m.standing == standing).count();
        let leader = self.leader.as_ref().and_then(|id| self.state.voters.iter().find(|v| v.id == *id));
        let address = leader.map(|v| format!("{}:8300", v.ip)).unwrap_or_default();
        let state = match (self.leads, self.leader.is_some()) {
            (true, _) => "Leader",
            (_, true) => "Follower",
            _ if self.state.voters.is_empty() => "Follower",
            _ => "Candidate",
        };
        let servers: Vec<String> =
            self.state.voters.iter().map(|v| format!("{{Suffrage:Voter ID:{} Address:{}:8300}}", v.id, v.ip)).collect();
        let peers = self.state.voters.len().saturating_sub(1);
        let serf = |members: usize| json!({"coordinate_resets": "0", "encrypted": "false", "event_queue": "0", "event_time": "2", "failed": count(Standing::Failed).to_string(), "health_score": "0", "intent_queue": "0", "left": count(Standing::Left).to_string(), "member_time": (members + 1).to_string(), "members": members.to_string(), "query_queue": "0", "query_time": "1"});
        let index = self.state.index.to_string();
        json!({
            "Config": {"Datacenter": self.settings.datacenter, "PrimaryDatacenter": self.settings.datacenter, "NodeName": self.settings.node, "NodeID": self.id, "Revision": "1c04f6ba", "Server": self.settings.server, "Version": self.settings.version},
            "Member": self.members.get(&self.settings.node).map(|m| self.member(&self.settings.node, m)),
            "Meta": {"consul-network-segment": ""},
            "Stats": {
                "agent": {"check_monitors": "0", "check_ttls": "0", "checks": "0", "services": "0"},
                "build": {"prerelease": "", "revision": "1c04f6ba", "version": self.settings.version, "version_metadata": ""},
                "consul": {"acl": "disabled", "bootstrap": (self.settings.expect == 1).to_string(), "known_datacenters": "1", "leader": self.leads.to_string(), "leader_addr": address, "server": self.settings.server.to_string()},
                "raft": {"applied_index": index, "commit_index": index, "fsm_pending": "0", "last_contact": if self.leader.is_some() { "0" } else { "never" }, "last_log_index": index, "last_log_term": self.state.term.to_string(), "last_snapshot_index": "0", "last_snapshot_term": "0", "latest_configuration": format!("[{}]", servers.join(" ")), "latest_configuration_index": "0", "num_peers": peers.to_string(), "protocol_version": "3", "protocol_version_max": "3", "protocol_version_min": "0", "snapshot_version_max": "1", "snapshot_version_min": "0", "state": state, "term": self.term.to_string()},
                "runtime": {"arch": "amd64", "cpu_count": "4", "goroutines": "101", "max_procs": "4", "os": "linux", "version": "go1.23.12"},
                "serf_lan": serf(self.members.len()),
                "serf_wan": serf(usize::from(self.settings.server)),
            },
        })
    }
}
