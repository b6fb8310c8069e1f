//! The command `consul` beside the agent: it asks an agent over HTTP and prints.
//!
//! Facts: the documentation of the commands, and what they print.

use base64::Engine as _;
use serde_json::Value;

use super::Begun;
use crate::machine::images::Server;
use crate::machine::kernel::{Fd, Input, Status, Sys, Turn, Wait};
use crate::machine::net::http::{Parsed, Response, response};
use crate::machine::net::resolver;

use serde::{Deserialize, Serialize};

/// The commands that the image's entry point knows as consul's.
pub(super) const COMMANDS: &[&str] = &[
    "acl",
    "catalog",
    "config",
    "connect",
    "debug",
    "event",
    "exec",
    "force-leave",
    "info",
    "intention",
    "join",
    "keygen",
    "keyring",
    "kv",
    "leave",
    "lock",
    "login",
    "logout",
    "maint",
    "members",
    "monitor",
    "operator",
    "reload",
    "rtt",
    "services",
    "snapshot",
    "tls",
    "validate",
    "version",
    "watch",
];

/// `consul leave`, which waits for its answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Leaving {
    fd: Option<Fd>,
    got: Vec<u8>,
}

impl Leaving {
    pub(in super::super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let Some(fd) = self.fd else { return Turn::Exit(Status::Code(1)) };
        loop {
            match sys.read(fd, 1 << 16) {
                Ok(Input::Bytes(bytes)) => self.got.extend(bytes),
                Ok(Input::Wait) => return Turn::Wait(Wait::input(fd)),
                Ok(Input::End) | Err(_) => break,
            }
        }
        if self.got.starts_with(b"HTTP/1.1 200") {
            sys.out("Graceful leave complete\n");
            return Turn::Exit(Status::Code(0));
        }
        sys.err("Error leaving: Put \"http://127.0.0.1:8500/v1/agent/leave\": EOF\n");
        Turn::Exit(Status::Code(1))
    }
}

/// Where the agent is.
fn place(sys: &Sys<'_>, options: &[(String, String)]) -> String {
    let given = options.iter().find(|(n, _)| n == "http-addr").map(|(_, v)| v.clone());
    let place =
        given.or_else(|| sys.env("CONSUL_HTTP_ADDR").map(String::from)).unwrap_or_else(|| "127.0.0.1:8500".into());
    let place = place.split_once("://").map_or(place.clone(), |(_, rest)| rest.to_string());
    if place.contains(':') { place } else { format!("{place}:8500") }
}

fn open(sys: &mut Sys<'_>, place: &str) -> Result<Fd, String> {
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "8500"));
    let port = port.parse().unwrap_or(8500);
    let ip = match resolver::resolve(sys, host) {
        Ok(ips) if !ips.is_empty() => ips[0],
        _ => return Err(format!("dial tcp: lookup {host}: no such host")),
    };
    sys.connect(ip, port).map_err(|f| format!("dial tcp {ip}:{port}: connect: {}", sys.text(f).to_lowercase()))
}

fn send(sys: &mut Sys<'_>, place: &str, fd: Fd, (method, path, body): (&str, &str, &[u8])) {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    let _ = sys.write(fd, &bytes);
}

/// Asks the agent; the error is what Go's client says.
fn ask(sys: &mut Sys<'_>, place: &str, method: &str, path: &str, body: &[u8]) -> Result<Response, String> {
    let shown = format!("{}{}", &method[..1], method[1..].to_lowercase());
    let fault = |why: String| format!("{shown} \"http://{place}{path}\": {why}");
    let fd = open(sys, place).map_err(fault)?;
    send(sys, place, fd, (method, path, body));
    let mut got = Vec::new();
    while let Ok(Input::Bytes(bytes)) = sys.read(fd, 1 << 20) {
        got.extend(bytes);
    }
    let _ = sys.close(fd);
    match response(&got, method == "HEAD", true) {
        Parsed::Whole(answer, _) => Ok(answer),
        _ => Err(fault("EOF".into())),
    }
}

/// The same where anything but 200 (and, with `may_miss`, 404) is an error.
fn expect(sys: &mut Sys<'_>, place: &str, request: (&str, &str, &[u8]), may_miss: bool) -> Result<Response, String> {
    let answer = ask(sys, place, request.0, request.1, request.2)?;
    if answer.status == 200 || may_miss && answer.status == 404 {
        return Ok(answer);
    }
    let body = String::from_utf8_lossy(&answer.body).trim().to_string();
    Err(format!("Unexpected response code: {} ({body})", answer.status))
}

/// Columns with two blanks between, as `columnize` sets them.
fn table(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|at| rows.iter().filter_map(|r| r.get(at)).map(|c| c.chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let mut text = String::new();
        for (at, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if at + 1 < row.len() {
                text.push_str(&" ".repeat(widths[at].saturating_sub(cell.chars().count()) + 2));
            }
        }
        text + "\n"
    };
    rows.iter().map(line).collect()
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|w| (*w).to_string()).collect()
}

/// Runs a command.
pub(super) fn run(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let version = crate::machine::images::find(sys.image()).version.clone();
    let mut options: Vec<(String, String)> = Vec::new();
    let mut rest: Vec<String> = Vec::new();
    for arg in &args[1..] {
        match arg.strip_prefix('-').filter(|o| !o.is_empty()) {
            Some(option) => {
                let option = option.trim_start_matches('-');
                let (name, value) = option.split_once('=').unwrap_or((option, "true"));
                options.push((name.to_string(), value.to_string()));
            }
            None => rest.push(arg.clone()),
        }
    }
    let has = |name: &str| options.iter().any(|(n, v)| n == name && v != "false");
    let place = place(sys, &options);
    let command: Vec<&str> = rest.iter().map(String::as_str).collect();
    let outcome = match command.as_slice() {
        [] if has("version") || has("v") => Ok(version_text(&version)),
        ["version"] => Ok(version_text(&version)),
        ["members"] => members(sys, &place, &version, has("detailed"), &options),
        ["info"] => info(sys, &place),
        ["leave"] => match open(sys, &place) {
            Ok(fd) => {
                send(sys, &place, fd, ("PUT", "/v1/agent/leave", b""));
                return Begun::Serves(Server::ConsulLeave(Box::new(Leaving { fd: Some(fd), got: Vec::new() })));
            }
            Err(why) => Err(format!("Error leaving: Put \"http://{place}/v1/agent/leave\": {why}\n")),
        },
        ["join", addresses @ ..] if !addresses.is_empty() => join(sys, &place, addresses),
        ["force-leave", name] => expect(sys, &place, ("PUT", &format!("/v1/agent/force-leave/{name}"), b""), false)
            .map(|_| String::new())
            .map_err(|why| format!("Error force leaving: {why}\n")),
        ["operator", "raft", "list-peers"] => peers(sys, &place, &version),
        ["operator", "raft", "remove-peer"] => {
            let id = options.iter().find(|(n, _)| n == "id").map(|(_, v)| v.clone()).unwrap_or_default();
            expect(sys, &place, ("DELETE", &format!("/v1/operator/raft/peer?id={id}"), b""), false)
                .map(|_| format!("Removed peer with id {id:?}\n"))
                .map_err(|why| format!("Error removing peer: {why}\n"))
        }
        ["catalog", "nodes"] => catalog(sys, &place),
        ["catalog", "services"] => expect(sys, &place, ("GET", "/v1/catalog/services", b""), false)
            .map(|_| "consul\n".to_string())
            .map_err(|why| format!("Error listing services: {why}\n")),
        ["catalog", "datacenters"] => Ok("dc1\n".into()),
        ["kv", rest @ ..] => kv(sys, &place, rest, &options),
        ["validate", ..] => Ok("Configuration is valid!\n".into()),
        ["reload"] => Ok("Configuration reload triggered\n".into()),
        ["keygen"] => {
            let bytes: Vec<u8> = (0..4).flat_map(|_| sys.random().to_le_bytes()).collect();
            Ok(base64::engine::general_purpose::STANDARD.encode(bytes) + "\n")
        }
        _ => {
            sys.err(HELP);
            return Begun::Exit(127);
        }
    };
    match outcome {
        Ok(text) => {
            sys.out(text);
            Begun::Exit(0)
        }
        Err(text) => {
            sys.err(text);
            Begun::Exit(1)
        }
    }
}

fn version_text(version: &str) -> String {
    format!(
        "Consul v{version}\nRevision 1c04f6ba\nProtocol 2 spoken by default, understands 2 to 3 (agent will automatically use protocol >2 when speaking to compatible agents)\n\n"
    )
}

fn age(version: &str) -> u32 {
    let mut parts = version.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
    parts.next().unwrap_or(1) * 100 + parts.next().unwrap_or(0)
}

fn tree(answer: &Response) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

fn list(tree: &Value) -> Vec<Value> {
    tree.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn members(
    sys: &mut Sys<'_>,
    place: &str,
    version: &str,
    detailed: bool,
    options: &[(String, String)],
) -> Result<String, String> {
    let path = if age(version) >= 103 { "/v1/agent/members?segment=_all" } else { "/v1/agent/members" };
    let answer =
        expect(sys, place, ("GET", path, b""), false).map_err(|why| format!("Error retrieving members: {why}\n"))?;
    let wanted = options.iter().find(|(n, _)| n == "status").map(|(_, v)| v.clone());
    let has_partition = age(version) >= 111;
    let mut rows = Vec::new();
    for member in list(&tree(&answer)) {
        let tags = &member["Tags"];
        let status = match member["Status"].as_u64() {
            Some(1) => "alive",
            Some(2) => "leaving",
            Some(3) => "left",
            Some(4) => "failed",
            _ => "none",
        };
        if wanted.as_ref().is_some_and(|w| w != status) {
            continue;
        }
        let is_server = tags["role"] == "consul";
        let address = format!("{}:8301", text(&member["Addr"]));
        if detailed {
            let mut all: Vec<String> =
                tags.as_object().into_iter().flatten().map(|(k, v)| format!("{k}={}", text(v))).collect();
            all.sort();
            rows.push(vec![text(&member["Name"]), address, status.into(), all.join(",")]);
            continue;
        }
        let build = text(&tags["build"]).split(':').next().unwrap_or_default().to_string();
        let mut row = vec![
            text(&member["Name"]),
            address,
            status.to_string(),
            if is_server { "server" } else { "client" }.to_string(),
            build,
            "2".to_string(),
            text(&tags["dc"]),
        ];
        if has_partition {
            row.push("default".into());
        }
        row.push(if is_server { "<all>" } else { "<default>" }.to_string());
        rows.push(row);
    }
    // Servers of all segments come first, each by name.
    rows.sort_by(|a, b| {
        (a.last() != Some(&"<all>".to_string()), &a[0]).cmp(&(b.last() != Some(&"<all>".to_string()), &b[0]))
    });
    let head = if detailed {
        words(&["Node", "Address", "Status", "Tags"])
    } else if has_partition {
        words(&["Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Partition", "Segment"])
    } else {
        words(&["Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Segment"])
    };
    rows.insert(0, head);
    Ok(table(&rows))
}

fn peers(sys: &mut Sys<'_>, place: &str, version: &str) -> Result<String, String> {
    let answer = expect(sys, place, ("GET", "/v1/operator/raft/configuration", b""), false)
        .map_err(|why| format!("Error getting peers: Failed to retrieve raft configuration: {why}\n"))?;
    let has_index = age(version) >= 115;
    let mut head = words(&["Node", "ID", "Address", "State", "Voter", "RaftProtocol"]);
    if has_index {
        head.extend(words(&["Commit Index", "Trails Leader By"]));
    }
    let mut rows = vec![head];
    for server in list(&tree(&answer)["Servers"]) {
        let leads = server["Leader"] == true;
        let mut row = vec![
            text(&server["Node"]),
            text(&server["ID"]),
            text(&server["Address"]),
            if leads { "leader" } else { "follower" }.to_string(),
            "true".to_string(),
            text(&server["ProtocolVersion"]),
        ];
        if has_index {
            row.push(server["LastIndex"].to_string());
            row.push(if leads { "-".into() } else { "0 commits".into() });
        }
        rows.push(row);
    }
    Ok(table(&rows))
}

fn catalog(sys: &mut Sys<'_>, place: &str) -> Result<String, String> {
    let answer = expect(sys, place, ("GET", "/v1/catalog/nodes", b""), false)
        .map_err(|why| format!("Error listing nodes: {why}\n"))?;
    let mut rows = vec![words(&["Node", "ID", "Address", "DC"])];
    for node in list(&tree(&answer)) {
        let id = text(&node["ID"]).chars().take(8).collect();
        rows.push(vec![text(&node["Node"]), id, text(&node["Address"]), text(&node["Datacenter"])]);
    }
    Ok(table(&rows))
}

fn info(sys: &mut Sys<'_>, place: &str) -> Result<String, String> {
    let answer = expect(sys, place, ("GET", "/v1/agent/self", b""), false)
        .map_err(|why| format!("Error querying agent: {why}\n"))?;
    let mut out = String::new();
    for (section, fields) in tree(&answer)["Stats"].as_object().into_iter().flatten() {
        out.push_str(&format!("{section}:\n"));
        for (name, value) in fields.as_object().into_iter().flatten() {
            out.push_str(&format!("\t{name} = {}\n", text(value)));
        }
    }
    Ok(out)
}

fn join(sys: &mut Sys<'_>, place: &str, addresses: &[&str]) -> Result<String, String> {
    let mut count = 0;
    let mut faults = String::new();
    for address in addresses {
        match expect(sys, place, ("PUT", &format!("/v1/agent/join/{address}"), b""), false) {
            Ok(_) => count += 1,
            Err(why) => faults.push_str(&format!("Error joining address '{address}': {why}\n")),
        }
    }
    if count == 0 {
        return Err(faults + "Failed to join any nodes.\n");
    }
    Ok(format!("{faults}Successfully joined cluster by contacting {count} nodes.\n"))
}

fn kv(sys: &mut Sys<'_>, place: &str, rest: &[&str], options: &[(String, String)]) -> Result<String, String> {
    let has = |name: &str| options.iter().any(|(n, v)| n == name && v != "false");
    let decode =
        |entry: &Value| base64::engine::general_purpose::STANDARD.decode(text(&entry["Value"])).unwrap_or_default();
    let querying = |why: String| format!("Error querying Consul agent: {why}\n");
    match rest {
        ["put", key, value @ ..] => {
            let mut body = value.join(" ").into_bytes();
            if let Some(file) = value.first().and_then(|v| v.strip_prefix('@')) {
                body = sys
                    .read_file(file)
                    .map(|b| b.to_vec())
                    .map_err(|f| format!("Error! Failed to read file: open {file}: {}\n", sys.text(f).to_lowercase()))?;
            }
            let key = key.trim_start_matches('/');
            let flags = options.iter().find(|(n, _)| n == "flags").map(|(_, v)| format!("?flags={v}")).unwrap_or_default();
            expect(sys, place, ("PUT", &format!("/v1/kv/{key}{flags}"), &body), false)
                .map_err(|why| format!("Error! Failed writing data: {why}\n"))?;
            Ok(format!("Success! Data written to: {key}\n"))
        }
        ["get"] if !has("recurse") && !has("keys") => Err("Error! Missing KEY argument\n".into()),
        ["get", key @ ..] => {
            let key = key.first().map_or("", |k| k.trim_start_matches('/'));
            let stale = if has("stale") { "stale" } else { "" };
            if has("keys") {
                let answer = expect(sys, place, ("GET", &format!("/v1/kv/{key}?keys&separator=/&{stale}"), b""), true).map_err(querying)?;
                return Ok(list(&tree(&answer)).iter().map(|k| text(k) + "\n").collect());
            }
            if has("recurse") {
                let answer = expect(sys, place, ("GET", &format!("/v1/kv/{key}?recurse&{stale}"), b""), true).map_err(querying)?;
                let line = |e: &Value| format!("{}:{}\n", text(&e["Key"]), String::from_utf8_lossy(&decode(e)));
                return Ok(list(&tree(&answer)).iter().map(line).collect());
            }
            let answer = expect(sys, place, ("GET", &format!("/v1/kv/{key}?{stale}"), b""), true).map_err(querying)?;
            let Some(entry) = list(&tree(&answer)).into_iter().next() else {
                return Err(format!("Error! No key exists at: {key}\n"));
            };
            if has("detailed") {
                return Ok(format!(
                    "CreateIndex      {}\nFlags            {}\nKey              {}\nLockIndex        0\nModifyIndex      {}\nSession          -\nValue            {}\n",
                    entry["CreateIndex"],
                    entry["Flags"],
                    text(&entry["Key"]),
                    entry["ModifyIndex"],
                    String::from_utf8_lossy(&decode(&entry))
                ));
            }
            Ok(String::from_utf8_lossy(&decode(&entry)).into_owned() + "\n")
        }
        ["delete", key @ ..] => {
            let key = key.first().map_or("", |k| k.trim_start_matches('/'));
            let recurse = if has("recurse") { "?recurse" } else { "" };
            expect(sys, place, ("DELETE", &format!("/v1/kv/{key}{recurse}"), b""), false)
                .map_err(|why| format!("Error! Failed deleting key {key}: {why}\n"))?;
            Ok(if recurse.is_empty() {
                format!("Success! Deleted key: {key}\n")
            } else {
                format!("Success! Deleted keys with prefix: {key}\n")
            })
        }
        ["export", prefix @ ..] => {
            let prefix = prefix.first().copied().unwrap_or_default();
            let answer = expect(sys, place, ("GET", &format!("/v1/kv/{prefix}?recurse"), b""), true).map_err(querying)?;
            let one = |e: &Value| {
                format!("\t{{\n\t\t\"key\": {},\n\t\t\"flags\": {},\n\t\t\"value\": {}\n\t}}", e["Key"], e["Flags"], e["Value"])
            };
            let all: Vec<String> = list(&tree(&answer)).iter().map(one).collect();
            Ok(if all.is_empty() { "[]\n".into() } else { format!("[\n{}\n]\n", all.join(",\n")) })
        }
        _ => Err("Usage: consul kv <subcommand> [options] [args]\n\n  This command has subcommands for interacting with Consul's key-value\n  store.\n\nSubcommands:\n    delete    Removes data from the KV store\n    export    Exports a tree from the KV store as JSON\n    get       Retrieves or lists data from the KV store\n    import    Imports a tree stored as JSON to the KV store\n    put       Sets or updates data in the KV store\n".into()),
    }
}

/// What `consul` alone prints.
const HELP: &str = "Usage: consul [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n    acl             Interact with Consul's ACLs\n    agent           Runs a Consul agent\n    catalog         Interact with the catalog\n    config          Interact with Consul's Centralized Configurations\n    connect         Interact with Consul Connect\n    debug           Records a debugging archive for operators\n    event           Fire a new event\n    exec            Executes a command on Consul nodes\n    force-leave     Forces a member of the cluster to enter the \"left\" state\n    info            Provides debugging information for operators.\n    intention       Interact with Connect service intentions\n    join            Tell Consul agent to join cluster\n    keygen          Generates a new encryption key\n    keyring         Manages gossip layer encryption keys\n    kv              Interact with the key-value store\n    leave           Gracefully leaves the Consul cluster and shuts down\n    lock            Execute a command holding a lock\n    login           Login to Consul using an auth method\n    logout          Destroy a Consul token created with login\n    maint           Controls node or service maintenance mode\n    members         Lists the members of a Consul cluster\n    monitor         Stream logs from a Consul agent\n    operator        Provides cluster-level tools for Consul operators\n    reload          Triggers the agent to reload configuration files\n    rtt             Estimates network round trip time between nodes\n    services        Interact with services\n    snapshot        Saves, restores and inspects snapshots of Consul server state\n    tls             Builtin helpers for creating CAs and certificates\n    validate        Validate config files/directories\n    version         Prints the Consul version\n    watch           Watch for changes in Consul\n\n";
