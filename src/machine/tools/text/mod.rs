//! What reads and writes text: `cat`, `grep`, `sed`, `awk`, `sort` and the like.

use serde::{Deserialize, Serialize};

use super::{Start, Started};
use crate::machine::kernel::{Sys, Turn};

mod cat;

/// The tools of this group, by name in order.
pub(super) const TOOLS: &[(&str, Start)] = &[("cat", cat::start)];

/// A tool of this group that lasts longer than one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Running {
    /// `cat`
    Cat(cat::Cat),
}

impl Running {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self {
            Running::Cat(tool) => tool.step(sys),
        }
    }
}

/// Goes on with a tool of this group.
fn runs(tool: Running) -> Started {
    Started::Runs(super::Running::Text(tool))
}
