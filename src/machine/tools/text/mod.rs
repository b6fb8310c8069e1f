//! What reads and writes text: `cat`, `grep`, `sed`, `awk`, `sort` and the like.

use serde::{Deserialize, Serialize};

use super::{Start, Started};
use crate::machine::kernel::{Sys, Turn};

mod base64;
mod cat;
mod checksum;
mod cut;
mod digest;
mod driver;
mod filters;
pub mod float;
pub mod format;
pub mod glob;
mod grep;
mod head;
mod input;
mod numbers;
mod opts;
mod out;
pub mod regex;
mod sed;
mod seq;
mod sort;
mod sums;
mod tail;
mod tee;
mod tr;
mod uniq;
mod usage;
mod wc;

/// The tools of this group, by name in order.
pub(super) const TOOLS: &[(&str, Start)] = &[
    ("base32", base64::start),
    ("base64", base64::start),
    ("cat", cat::start),
    ("cksum", checksum::start),
    ("crc32", checksum::start),
    ("cut", cut::start),
    ("egrep", grep::start),
    ("fgrep", grep::start),
    ("grep", grep::start),
    ("head", head::start),
    ("md5sum", sums::start),
    ("sed", sed::start),
    ("seq", seq::start),
    ("sha1sum", sums::start),
    ("sha224sum", sums::start),
    ("sha256sum", sums::start),
    ("sha384sum", sums::start),
    ("sha512sum", sums::start),
    ("sort", sort::start),
    ("sum", checksum::start),
    ("tail", tail::start),
    ("tee", tee::start),
    ("tr", tr::start),
    ("uniq", uniq::start),
    ("wc", wc::start),
];

/// A tool of this group that lasts longer than one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Running {
    /// A filter.
    Filter(Box<driver::Filtering>),
    /// `sed`
    Sed(Box<sed::Sed>),
    /// `seq`
    Seq(Box<seq::Seq>),
    /// `sort`
    Sort(Box<sort::Sort>),
    /// `tail`
    Tail(Box<tail::Tail>),
}

impl Running {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self {
            Running::Filter(tool) => tool.step(sys),
            Running::Sed(tool) => tool.step(sys),
            Running::Seq(tool) => tool.step(sys),
            Running::Sort(tool) => tool.step(sys),
            Running::Tail(tool) => tool.step(sys),
        }
    }
}

/// Goes on with a tool of this group.
fn runs(tool: Running) -> Started {
    Started::Runs(super::Running::Text(tool))
}
