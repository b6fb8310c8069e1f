//! `exec`, `attach`, `cp`, `logs` and `port-forward`: what needs a container that answers. And `top`, which needs metrics.
//!
//! Objects, pods and containers are found and refused as kubectl and the server do it, up to the point where a
//! process would have to answer: containers of kstate run none. There the answer is that of a kubelet whose runtime
//! knows no such container, and a hint says so.

pub mod attach;
pub mod cp;
pub mod exec;
pub mod logs;
mod pods;
pub mod port_forward;

use crate::api::Duration;
use crate::error::{ApiError, Failure};
use crate::server::NO_PROCESS;

/// `--pod-running-timeout` must leave some time.
fn check_timeout(timeout: Duration) -> Result<(), &'static str> {
    if timeout > Duration::ZERO { Ok(()) } else { Err("--pod-running-timeout must be higher than zero") }
}

/// A refusal of a connection to a container, with a hint where a real one would have answered.
fn refused(refusal: ApiError) -> Failure {
    let hint = refusal.causes.iter().find(|c| c.reason == NO_PROCESS).map(|c| c.detail.clone());
    Failure { hint, ..Failure::from(refusal) }
}

/// `top`.
pub mod top {
    use crate::error::Failure;
    use crate::kubectl::session::Session;

    /// Display resource (CPU/memory) usage.
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {
        /// node, or pod
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    }

    /// Runs the verb.
    ///
    /// # Errors
    /// Always: the cluster has no metrics server.
    pub fn run(_args: Args, _session: &mut Session<'_>) -> Result<(), Failure> {
        Err(Failure::error("Metrics API not available"))
    }
}
