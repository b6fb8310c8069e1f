//! `exec`, `attach`, `cp`, `logs` and `port-forward`: what needs a container that answers.

pub mod attach;
pub mod cp;
pub mod exec;
pub mod logs;
pub mod pods;
pub mod port_forward;
mod stream;
mod tar;

use crate::api::Duration;

/// `--pod-running-timeout` must leave some time.
///
/// # Errors
/// It leaves none.
pub fn check_timeout(timeout: Duration) -> Result<(), &'static str> {
    if timeout > Duration::ZERO { Ok(()) } else { Err("--pod-running-timeout must be higher than zero") }
}
