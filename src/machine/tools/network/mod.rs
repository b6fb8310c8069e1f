//! What speaks to others: `wget`, `nslookup`, `ping`, `nc` and the like.

use serde::{Deserialize, Serialize};

use super::{Start, Started};
use crate::machine::kernel::{Sys, Turn};
use crate::machine::net::{Peer, Reply, Sent};

mod curl;
mod dig;
mod getent;
mod links;
mod nc;
mod nslookup;
mod options;
mod ping;
mod transfer;
mod wget;

/// The tools of this group, by name in order.
pub(super) const TOOLS: &[(&str, Start)] = &[
    ("arp", links::arp),
    ("curl", curl::start),
    ("dig", dig::dig),
    ("getent", getent::start),
    ("host", dig::host),
    ("ifconfig", links::ifconfig),
    ("ip", links::ip),
    ("nc", nc::start),
    ("nc.openbsd", nc::start),
    ("ncat", nc::start),
    ("netcat", nc::start),
    ("netstat", links::netstat),
    ("nslookup", nslookup::start),
    ("ping", ping::start),
    ("ping4", ping::start),
    ("route", links::route),
    ("ss", links::ss),
    ("telnet", nc::telnet),
    ("traceroute", links::traceroute),
    ("wget", wget::start),
];

/// A tool of this group that lasts longer than one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Running {
    /// `curl`
    Curl(Box<curl::Curl>),
    /// `nc` and its kin
    Nc(Box<nc::Nc>),
    /// `ping`
    Ping(Box<ping::Ping>),
    /// `wget`
    Wget(Box<wget::Wget>),
    /// Says something and ends, after a while.
    Later(Later),
}

impl Running {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self {
            Running::Curl(tool) => tool.step(sys),
            Running::Nc(tool) => tool.step(sys),
            Running::Ping(tool) => tool.step(sys),
            Running::Wget(tool) => tool.step(sys),
            Running::Later(tool) => tool.step(sys),
        }
    }

    /// Answers what happens on a connection to a port that it listens on.
    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, peer: &Peer, sent: Sent<'_>) -> Reply {
        match self {
            Running::Nc(tool) => tool.receive(sys, peer, sent),
            _ => Reply { close: true, ..Reply::default() },
        }
    }
}

/// Goes on with a tool of this group.
fn runs(tool: Running) -> Started {
    Started::Runs(super::Running::Network(tool))
}

/// Says something and ends, after a while: what ran into a timeout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Later {
    until: crate::api::Time,
    out: String,
    err: String,
    code: u8,
}

impl Later {
    fn start(sys: &Sys<'_>, after: crate::api::Duration, out: String, err: String, code: u8) -> Started {
        runs(Running::Later(Later { until: sys.now() + after, out, err, code }))
    }

    fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if sys.now() < self.until {
            return Turn::Wait(crate::machine::kernel::Wait::until(self.until));
        }
        sys.out(&self.out);
        sys.err(&self.err);
        Turn::Exit(crate::machine::kernel::Status::Code(self.code))
    }
}
