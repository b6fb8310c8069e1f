//! `kstate node`: add a node, label it, pull its plug, put it in again, and look at what lies on it and which disks it has.

mod disk;

use clap::FromArgMatches;

use crate::api::{Kind, ObjectKey};
use crate::error::{ApiError, Failure};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::label;
use crate::node::disk::disk_of;
use crate::sim::{check_nodes, node_and_zone};

/// Add or label a node, stop or start its kubelet, look at it, or change its disks.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// The node's kubelet stops answering
    Stop {
        /// The node
        node: String,
    },
    /// The node's kubelet comes back
    Start {
        /// The node
        node: String,
    },
    /// Add a node
    Add {
        /// Its name; with =ZONE in which zone it is
        #[arg(value_name = "NAME[=ZONE]")]
        node: String,
    },
    /// Label a node; zone and region stand for their well-known labels
    Label {
        /// The node
        node: String,
        /// What to set (KEY=VALUE) or to take away (KEY-)
        #[arg(value_name = "KEY=VALUE", required = true)]
        labels: Vec<String>,
        /// Over a label that is there
        #[arg(long)]
        overwrite: bool,
    },
    /// List the disks of nodes, put some in, break them or take them out
    Disk(disk::Args),
    /// Run a command on a node, or on a server that volumes lie on
    Exec {
        /// The node
        #[arg(required_unless_present = "server")]
        node: Option<String>,
        /// The address of a server outside of the cluster, in place of a node
        #[arg(long, conflicts_with = "node")]
        server: Option<String>,
        /// The command and its arguments
        #[arg(value_name = "COMMAND", last = true, required = true)]
        command: Vec<String>,
    },
}

impl Args {
    /// Whether something may change, and is not only looked at.
    pub fn changes(&self) -> bool {
        !matches!(&self.verb, Verb::Disk(args) if !args.changes())
    }
}

/// Runs the verb.
///
/// # Errors
/// When there is no such node.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.verb {
        Verb::Stop { node } => switch(session, &node, false),
        Verb::Start { node } => switch(session, &node, true),
        Verb::Add { node } => {
            let (name, zone) = node_and_zone(&node).map_err(Failure::error)?;
            check_nodes(std::slice::from_ref(&name)).map_err(Failure::error)?;
            session.client.server_mut().cluster_mut().add_node(&name, zone.as_deref())?;
            session.ui.out(&format!("node/{name} added\n"));
            Ok(())
        }
        Verb::Label { node, labels, overwrite } => label(session, node, &labels, overwrite),
        Verb::Disk(args) => disk::run(args, session),
        Verb::Exec { node, server, command } => exec(session, node.as_deref(), server.as_deref(), command),
    }
}

/// Stops or starts the kubelet of a node.
fn switch(session: &mut Session<'_>, node: &str, running: bool) -> Result<(), Failure> {
    session.client.server_mut().cluster_mut().set_kubelet(node, running)?;
    session.ui.out(&format!("node/{node} {}\n", if running { "started" } else { "stopped" }));
    Ok(())
}

/// `kubectl label node`, with short names for what says where a node is.
fn label(session: &mut Session<'_>, node: String, labels: &[String], overwrite: bool) -> Result<(), Failure> {
    let long = |spec: &String| {
        let (key, end) = spec.find(['=', '-']).map_or((spec.as_str(), ""), |at| spec.split_at(at));
        match key {
            "zone" | "region" if end.starts_with('=') || end == "-" => format!("topology.kubernetes.io/{key}{end}"),
            _ => spec.clone(),
        }
    };
    let mut words = vec!["node".to_string(), node];
    words.extend(labels.iter().map(long));
    words.extend(overwrite.then(|| "--overwrite".to_string()));
    let command =
        <label::Args as clap::Args>::augment_args(clap::Command::default().name("label").no_binary_name(true));
    let matches = command.try_get_matches_from(words).map_err(|e| Failure::error(e.to_string()))?;
    let args = label::Args::from_arg_matches(&matches).map_err(|e| Failure::error(e.to_string()))?;
    label::run(args, session)
}

fn exec(
    session: &mut Session<'_>,
    node: Option<&str>,
    server: Option<&str>,
    command: Vec<String>,
) -> Result<(), Failure> {
    let cluster = session.client.server_mut().cluster_mut();
    let (disk, name) = match (node, server) {
        (Some(node), _) => {
            if cluster.view().get(&ObjectKey::cluster(Kind::Node, node)).is_none() {
                return Err(ApiError::not_found("nodes", node).into());
            }
            (disk_of(node), node)
        }
        (None, server) => (format!("nfs/{}", server.unwrap_or_default()), server.unwrap_or_default()),
    };
    if node.is_none() && cluster.view().disk(&disk).is_none() {
        return Err(Failure::error(format!("no volume of the cluster lies on a server {name:?}")));
    }
    let (output, code) = cluster.exec_on_disk(&disk, name, command);
    for (stream, bytes) in output {
        match stream {
            2 => session.ui.err(&String::from_utf8_lossy(&bytes)),
            _ => session.ui.out_bytes(&bytes),
        }
    }
    match u8::try_from(code) {
        Ok(0) => Ok(()),
        code => Err(Failure::silent(code.unwrap_or(1))),
    }
}
