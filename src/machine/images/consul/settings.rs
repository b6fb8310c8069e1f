//! What an agent is told: its options and its files.
//!
//! Facts: the documentation of the agent's options and files.

use super::{Consul, Settings};
use crate::machine::images;
use crate::machine::kernel::Sys;

/// Reads the options of `consul agent`.
///
/// # Errors
/// What it prints instead of starting.
pub(super) fn configure(sys: &mut Sys<'_>, args: &[String]) -> Result<Consul, String> {
    let version = images::find(sys.image()).version.clone();
    let mut settings = Settings {
        version: if version.is_empty() { super::VERSIONS[0].to_string() } else { version },
        node: sys.sandbox.hostname.clone(),
        datacenter: "dc1".into(),
        client: "127.0.0.1".into(),
        retry_interval: 30,
        ..Settings::default()
    };
    let mut words = args.iter();
    let mut folders: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix('-') else {
            return Err(format!("==> Unexpected extra arguments: [{word}]\n"));
        };
        let option = option.trim_start_matches('-');
        let (name, given) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (option, None),
        };
        let switch = given.as_deref() != Some("false");
        let is_switch = matches!(
            name,
            "server"
                | "dev"
                | "ui"
                | "bootstrap"
                | "enable-script-checks"
                | "enable-local-script-checks"
                | "disable-host-node-id"
                | "disable-keyring-file"
                | "rejoin"
                | "syslog"
                | "non-voting-server"
                | "log-json"
        );
        let mut value = || given.clone().or_else(|| words.next().cloned()).unwrap_or_default();
        match name {
            "server" => settings.server = switch,
            "dev" => settings.dev = switch,
            "ui" => settings.ui = switch,
            "bootstrap" => settings.expect = 1,
            _ if is_switch => {}
            "bootstrap-expect" => {
                let text = value();
                settings.expect = text
                    .parse()
                    .map_err(|_| format!("==> invalid value \"{text}\" for flag -bootstrap-expect: parse error\n"))?;
            }
            "data-dir" => settings.data = value(),
            "node" => settings.node = value(),
            "datacenter" => settings.datacenter = value(),
            "client" => settings.client = value(),
            "bind" | "advertise" => {
                let text = value();
                if text != "0.0.0.0" {
                    settings.bind = text;
                }
            }
            "retry-join" => settings.retry_join.push(value()),
            "join" => settings.start_join.push(value()),
            "retry-interval" => settings.retry_interval = seconds(&value()).unwrap_or(30),
            "config-dir" | "config-file" => folders.push(value()),
            "hcl"
            | "node-id"
            | "node-meta"
            | "log-level"
            | "log-file"
            | "pid-file"
            | "encrypt"
            | "domain"
            | "dns-port"
            | "http-port"
            | "https-port"
            | "grpc-port"
            | "grpc-tls-port"
            | "server-port"
            | "serf-lan-port"
            | "serf-wan-port"
            | "advertise-wan"
            | "retry-max"
            | "retry-join-wan"
            | "raft-protocol"
            | "protocol"
            | "recursor"
            | "serf-lan-bind"
            | "serf-wan-bind"
            | "ui-dir"
            | "ui-content-path"
            | "config-format"
            | "alt-domain"
            | "segment"
            | "partition"
            | "log-rotate-bytes"
            | "log-rotate-duration"
            | "log-rotate-max-files"
            | "default-query-time"
            | "max-query-time"
            | "check_output_max_size"
            | "allow-write-http-from"
            | "auto-reload-config" => drop(value()),
            _ => {
                return Err(format!(
                    "flag provided but not defined: -{name}\nUsage: consul agent [options]\n\n  Starts the Consul agent and runs until an interrupt is received. The\n  agent represents a single node in a cluster.\n"
                ));
            }
        }
    }
    for folder in folders {
        read_files(sys, &folder, &mut settings)?;
    }
    if settings.dev {
        (settings.server, settings.expect) = (true, 1);
        settings.data.clear();
    } else if settings.data.is_empty() {
        return Err("==> data_dir cannot be empty\n".into());
    }
    if settings.expect > 0 && !settings.server {
        return Err("==> 'bootstrap_expect > 0' requires 'server = true'\n".into());
    }
    if settings.bind.is_empty() {
        settings.bind.clone_from(&sys.sandbox.ip);
    }
    if settings.expect == 2 {
        sys.out("bootstrap_expect = 2: A cluster with 2 servers will provide no failure tolerance. See https://www.consul.io/docs/internals/consensus.html#deployment-table\n");
    } else if settings.expect > 2 && settings.expect.is_multiple_of(2) {
        sys.out("bootstrap_expect is even number: A cluster with an even number of servers does not achieve optimum fault tolerance. See https://www.consul.io/docs/internals/consensus.html#deployment-table\n");
    }
    Ok(Consul { settings, ..Consul::default() })
}

fn seconds(text: &str) -> Option<i64> {
    match text.strip_suffix('m') {
        Some(minutes) => minutes.parse::<i64>().ok()?.checked_mul(60),
        None => text.trim_end_matches('s').parse().ok(),
    }
}

/// Takes what JSON files say; other forms of files are left alone.
fn read_files(sys: &mut Sys<'_>, path: &str, settings: &mut Settings) -> Result<(), String> {
    let mut files = vec![path.to_string()];
    if let Ok(entries) = sys.read_dir(path) {
        files =
            entries.into_iter().map(|(name, _)| format!("{path}/{name}")).filter(|n| n.ends_with(".json")).collect();
    }
    for file in files {
        let Ok(bytes) = sys.read_file(&file) else { continue };
        let tree: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|e| format!("==> Error parsing {file}: {e}\n"))?;
        let text = |name: &str| tree.get(name).and_then(|v| v.as_str()).map(String::from);
        let list = |name: &str| -> Vec<String> {
            tree.get(name)
                .and_then(|v| v.as_array())
                .into_iter()
                .flatten()
                .filter_map(|v| v.as_str().map(String::from))
                .collect()
        };
        if let Some(server) = tree.get("server").and_then(|v| v.as_bool()) {
            settings.server = server;
        }
        if let Some(expect) = tree.get("bootstrap_expect").and_then(|v| v.as_u64()) {
            settings.expect = expect as u32;
        }
        if let Some(leave) = tree.get("leave_on_terminate").and_then(|v| v.as_bool()) {
            settings.leave_on_terminate = leave;
        }
        for (name, field) in [
            ("datacenter", &mut settings.datacenter),
            ("data_dir", &mut settings.data),
            ("node_name", &mut settings.node),
            ("client_addr", &mut settings.client),
        ] {
            if let Some(value) = text(name) {
                *field = value;
            }
        }
        settings.retry_join.extend(list("retry_join"));
        settings.start_join.extend(list("start_join"));
    }
    Ok(())
}
