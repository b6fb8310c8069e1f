//! What looks at and changes processes and the machine: `ps`, `kill`, `date`, `env` and the like.

use serde::{Deserialize, Serialize};

use super::{Start, Started};
use crate::machine::kernel::{Sys, Turn};

mod basic;
mod sleep;

/// The tools of this group, by name in order.
pub(super) const TOOLS: &[(&str, Start)] =
    &[("echo", basic::echo), ("false", basic::falsity), ("sleep", sleep::start), ("true", basic::truth)];

/// A tool of this group that lasts longer than one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Running {
    /// `sleep`
    Sleep(sleep::Sleep),
}

impl Running {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self {
            Running::Sleep(tool) => tool.step(sys),
        }
    }
}

/// Goes on with a tool of this group.
fn runs(tool: Running) -> Started {
    Started::Runs(super::Running::System(tool))
}
