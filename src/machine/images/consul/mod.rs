//! `consul`: agents that find each other, elect a leader and keep keys; the command that asks them.
//!
//! Facts: HashiCorp's documentation of the agent, its commands, its HTTP API and its consensus and gossip protocols;
//! docker-consul's entry point; what a running Consul prints.
//!
//! Real agents probe each other every second and leaders send heartbeats. Here links stay open, whoever loses one hears
//! of it, and agents talk only while something is amiss: so a cluster that is well costs nothing as time passes.

mod agent;
pub mod cli;
mod discover;
mod http;
mod raft;
mod serf;
mod settings;
mod store;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::reference::Reference;
use super::{Begin, Begun, Model, Server};
use crate::api::Time;
use crate::machine::kernel::{Fd, Sys};
use crate::machine::net::http::Partial;

const VERSIONS: [&str; 12] = [
    "1.21.5", "1.20.6", "1.19.2", "1.18.2", "1.17.3", "1.16.6", "1.15.10", "1.14.11", "1.11.11", "1.8.19", "1.4.4",
    "1.2.4",
];

/// The image.
pub(super) fn model(reference: &Reference) -> Model {
    let version = reference.version_of(&VERSIONS);
    Model::on(Base::Alpine((3, 22)))
        .sets("HASHICORP_RELEASES", "https://releases.hashicorp.com")
        .sets("BIN_NAME", "consul")
        .sets("VERSION", version.clone())
        .version(version)
        .enters(&["docker-entrypoint.sh"])
        .runs(&["agent", "-dev", "-client", "0.0.0.0"])
        .exposes(&[8300, 8301, 8302, 8500, 8600])
        .keeps(&["/consul/data"])
        .adds(60_000_000)
        .account("consul", 100, 1000, "/home/consul", "/sbin/nologin")
        .dir("/consul", 0o755, (100, 1000))
        .dir("/consul/data", 0o755, (100, 1000))
        .dir("/consul/config", 0o755, (100, 1000))
        .program("/usr/local/bin/docker-entrypoint.sh", "consul-entrypoint")
        .program("/bin/consul", "consul")
        .tools("curl jq")
}

/// The entry point: what is consul's goes to it, with the image's folders.
fn entry(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let mut rest = args[1..].to_vec();
    if rest.first().is_some_and(|f| f.starts_with('-')) {
        rest.insert(0, "consul".into());
    }
    match rest.first().map(String::as_str) {
        None => return Begun::Exit(0),
        Some("agent") => {
            let own = ["consul", "agent", "-data-dir=/consul/data", "-config-dir=/consul/config"].map(String::from);
            rest.splice(..1, own);
        }
        Some(word) if cli::COMMANDS.contains(&word) => rest.insert(0, "consul".into()),
        _ => {}
    }
    if rest.first().is_some_and(|f| f == "consul") && sys.process().uid == 0 {
        for folder in ["/consul/data", "/consul/config"] {
            let _ = sys.chown(folder, Some(100), Some(1000), true);
        }
        let process = sys.process_mut();
        (process.uid, process.gid) = (100, 1000);
    }
    Begun::Becomes(rest)
}

fn consul(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    if args.get(1).is_some_and(|a| a == "agent") {
        return match settings::configure(sys, &args[2..]) {
            Ok(agent) => Begun::Serves(Server::Consul(Box::new(agent))),
            Err(text) => {
                sys.err(text);
                Begun::Exit(1)
            }
        };
    }
    cli::run(sys, args)
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("consul", consul), ("consul-entrypoint", entry)];

/// How a member is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Standing {
    #[default]
    Alive,
    /// It did not answer, and may yet.
    Suspect,
    Failed,
    Left,
}

/// A member of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Member {
    id: String,
    ip: String,
    server: bool,
    build: String,
    expect: u32,
    standing: Standing,
    /// When that began.
    since: Time,
    /// What it said of itself last counts: greater is newer.
    turn: u64,
    link: Option<Fd>,
    tried: Time,
    /// How far its log is.
    index: u64,
}

/// A server that takes part in consensus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Voter {
    id: String,
    name: String,
    ip: String,
}

/// A key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    value: Vec<u8>,
    flags: u64,
    created: u64,
    modified: u64,
}

/// What consensus is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    index: u64,
    term: u64,
    voters: Vec<Voter>,
    keys: BTreeMap<String, Entry>,
}

/// What an agent was told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Settings {
    version: String,
    node: String,
    datacenter: String,
    data: String,
    server: bool,
    dev: bool,
    ui: bool,
    expect: u32,
    client: String,
    bind: String,
    retry_join: Vec<String>,
    start_join: Vec<String>,
    retry_interval: i64,
    leave_on_terminate: bool,
}

/// The agent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Consul {
    settings: Settings,
    started: bool,
    began: Time,
    id: String,
    turn: u64,
    members: BTreeMap<String, Member>,
    /// When it tries to join again.
    joins_at: Option<Time>,
    joined: bool,
    // Consensus.
    state: State,
    term: u64,
    voted: u64,
    leader: Option<String>,
    leads: bool,
    /// When it stands for election.
    stands_at: Option<Time>,
    /// When the leader looks after dead servers.
    prunes_at: Option<Time>,
    /// When it looks after the others next.
    looks_at: Option<Time>,
    seen: u64,
    news: bool,
    unsaved: bool,
    /// Who waits for the end of `leave`, and when it is through.
    leaving: Option<(Vec<u64>, Option<Time>)>,
    requests: Partial,
}
