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
use crate::error::{ApiError, Failure, Reason};

/// `--pod-running-timeout` must leave some time.
///
/// # Errors
/// It leaves none.
pub fn check_timeout(timeout: Duration) -> Result<(), &'static str> {
    if timeout > Duration::ZERO { Ok(()) } else { Err("--pod-running-timeout must be higher than zero") }
}

/// What is told where a session can't begin. OBSERVATION: by then it has asked over WebSocket, and asks again over SPDY, whose
/// refusals it wraps; only what the kubelet finds comes in a session that is there. Mirrors `upgradeErrorMessage` of
/// `k8s.io/streaming/pkg/httpstream/spdy`.
pub(super) fn not_upgraded(refused: ApiError) -> Failure {
    match refused.reason {
        Reason::InternalError => refused.into(),
        _ => Failure::error(format!("unable to upgrade connection: {}", refused.message)),
    }
}
