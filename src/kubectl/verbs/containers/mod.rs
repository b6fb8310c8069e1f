//! `exec`, `attach`, `cp`, `logs` and `port-forward`: what needs a container that answers. And `top`, which needs metrics.

pub mod attach;
pub mod cp;
pub mod exec;
pub mod logs;
mod pods;
pub mod port_forward;
mod stream;

use crate::api::Duration;

/// `--pod-running-timeout` must leave some time.
fn check_timeout(timeout: Duration) -> Result<(), &'static str> {
    if timeout > Duration::ZERO { Ok(()) } else { Err("--pod-running-timeout must be higher than zero") }
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
