//! What looks at and changes files: `ls`, `cp`, `find`, `df` and the like.

use serde::{Deserialize, Serialize};

use super::{Start, Started};
use crate::machine::kernel::{Sys, Turn};

/// The tools of this group, by name in order.
pub(super) const TOOLS: &[(&str, Start)] = &[];

/// A tool of this group that lasts longer than one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Running {}

impl Running {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let _ = sys;
        match *self {}
    }
}

/// Goes on with a tool of this group.
fn runs(tool: Running) -> Started {
    Started::Runs(super::Running::Files(tool))
}
