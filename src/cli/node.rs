//! `kstate node`: pull a node's plug, and put it in again.

use crate::error::Failure;
use crate::kubectl::session::Session;

/// Stop or start a node's kubelet.
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
}

/// Runs the verb.
///
/// # Errors
/// When there is no such node.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let (node, running) = match &args.verb {
        Verb::Stop { node } => (node, false),
        Verb::Start { node } => (node, true),
    };
    session.client.server_mut().cluster_mut().set_kubelet(node, running)?;
    session.ui.out(&format!("node/{node} {}\n", if running { "started" } else { "stopped" }));
    Ok(())
}
