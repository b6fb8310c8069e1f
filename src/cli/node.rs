//! `kstate node`: add a node, pull its plug, put it in again, and look at what lies on it.

use crate::api::{Kind, ObjectKey};
use crate::error::{ApiError, Failure};
use crate::kubectl::session::Session;
use crate::node::disk::disk_of;
use crate::sim::{check_nodes, node_and_zone};

/// Add a node, stop or start its kubelet, or look at it.
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

/// Runs the verb.
///
/// # Errors
/// When there is no such node.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let (node, running) = match &args.verb {
        Verb::Stop { node } => (node, false),
        Verb::Start { node } => (node, true),
        Verb::Add { node } => {
            let (name, zone) = node_and_zone(node).map_err(Failure::error)?;
            check_nodes(std::slice::from_ref(&name)).map_err(Failure::error)?;
            session.client.server_mut().cluster_mut().add_node(&name, zone.as_deref())?;
            session.ui.out(&format!("node/{name} added\n"));
            return Ok(());
        }
        Verb::Exec { node, server, command } => {
            return exec(session, node.as_deref(), server.as_deref(), command.clone());
        }
    };
    session.client.server_mut().cluster_mut().set_kubelet(node, running)?;
    session.ui.out(&format!("node/{node} {}\n", if running { "started" } else { "stopped" }));
    Ok(())
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
