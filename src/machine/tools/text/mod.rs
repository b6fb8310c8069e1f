//! What reads and writes text: `cat`, `grep`, `sed`, `awk`, `sort` and the like.

use serde::{Deserialize, Serialize};

use super::{Start, Started};
use crate::machine::kernel::{Sys, Turn};

mod awk;
mod base64;
mod bc;
mod cat;
mod checksum;
mod cut;
mod diff;
mod digest;
mod driver;
mod expr;
mod filters;
pub mod float;
pub mod format;
mod gather;
pub mod glob;
mod grep;
mod gzip;
mod head;
mod input;
mod jq;
mod numbers;
mod opts;
mod out;
pub mod regex;
mod sed;
mod seq;
mod small;
mod sort;
mod sums;
mod tail;
mod tar;
mod tee;
mod tr;
mod uniq;
mod usage;
mod wc;

/// The tools of this group, by name in order.
pub(super) const TOOLS: &[(&str, Start)] = &[
    ("awk", awk::start),
    ("base32", base64::start),
    ("base64", base64::start),
    ("bc", gather::start),
    ("cat", cat::start),
    ("cksum", checksum::start),
    ("cmp", gather::start),
    ("column", gather::start),
    ("comm", gather::start),
    ("crc32", checksum::start),
    ("cut", cut::start),
    ("dc", gather::start),
    ("diff", diff::start),
    ("dos2unix", gather::start),
    ("egrep", grep::start),
    ("envsubst", small::envsubst),
    ("expand", gather::start),
    ("expr", expr::start),
    ("factor", small::factor),
    ("fgrep", grep::start),
    ("fmt", gather::start),
    ("fold", gather::start),
    ("grep", grep::start),
    ("gunzip", gzip::start),
    ("gzip", gzip::start),
    ("hd", gather::start),
    ("head", head::start),
    ("hexdump", gather::start),
    ("iconv", gather::start),
    ("join", gather::start),
    ("jq", jq::start),
    ("less", gather::start),
    ("mawk", awk::start),
    ("md5sum", sums::start),
    ("more", gather::start),
    ("nl", gather::start),
    ("od", gather::start),
    ("paste", gather::start),
    ("rev", gather::start),
    ("sed", sed::start),
    ("seq", seq::start),
    ("sha1sum", sums::start),
    ("sha224sum", sums::start),
    ("sha256sum", sums::start),
    ("sha384sum", sums::start),
    ("sha512sum", sums::start),
    ("shuf", gather::start),
    ("sort", sort::start),
    ("split", gather::start),
    ("strings", gather::start),
    ("sum", checksum::start),
    ("tac", gather::start),
    ("tail", tail::start),
    ("tar", tar::start),
    ("tee", tee::start),
    ("tr", tr::start),
    ("unexpand", gather::start),
    ("uniq", uniq::start),
    ("unix2dos", gather::start),
    ("uuencode", gather::start),
    ("wc", wc::start),
    ("xxd", gather::start),
    ("yes", small::yes),
    ("zcat", gzip::start),
];

/// A tool of this group that lasts longer than one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Running {
    /// `awk`
    Awk(Box<awk::Awk>),
    /// A filter.
    Filter(Box<driver::Filtering>),
    /// `gzip`
    Gzip(Box<gzip::Gzip>),
    /// `sed`
    Sed(Box<sed::Sed>),
    /// `seq`
    Seq(Box<seq::Seq>),
    /// `sort`
    Sort(Box<sort::Sort>),
    /// `tail`
    Tail(Box<tail::Tail>),
    /// `tar`
    Tar(Box<tar::Tar>),
    /// `yes`
    Yes(small::Yes),
}

impl Running {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self {
            Running::Awk(tool) => tool.step(sys),
            Running::Filter(tool) => tool.step(sys),
            Running::Gzip(tool) => tool.step(sys),
            Running::Sed(tool) => tool.step(sys),
            Running::Seq(tool) => tool.step(sys),
            Running::Sort(tool) => tool.step(sys),
            Running::Tail(tool) => tool.step(sys),
            Running::Tar(tool) => tool.step(sys),
            Running::Yes(tool) => tool.step(sys),
        }
    }
}

/// Lines with their ends.
fn gather_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|b| *b == b'\n')
}

/// What a tool says that would take more memory than there is.
fn exhausted(gnu: bool) -> &'static str {
    if gnu { "memory exhausted" } else { "out of memory" }
}

/// Goes on with a tool of this group.
fn runs(tool: Running) -> Started {
    Started::Runs(super::Running::Text(tool))
}
