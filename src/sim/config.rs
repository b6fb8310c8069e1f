//! What a cluster is made with: its clock, seed, version and nodes.

use serde::{Deserialize, Serialize};

use crate::api::Time;

/// Where a cluster's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockMode {
    /// It follows real time.
    Wall,
    /// It stands still unless a command moves it.
    Manual,
}

/// The settings of a cluster, fixed when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Where its time comes from.
    pub clock: ClockMode,
    /// What names, uids and lots are drawn from.
    pub seed: u64,
    /// The Kubernetes minor version whose tables it prints: 36 for v1.36.
    pub version: u32,
    /// Names of the nodes, the control plane's first.
    pub nodes: Vec<String>,
}

/// Where a manual clock starts, so that the same commands give the same bytes: 2026-01-01T00:00:00Z.
const MANUAL_START: Time = Time(1_767_225_600_000);

impl Default for Config {
    fn default() -> Self {
        Config {
            clock: ClockMode::Wall,
            seed: 1,
            version: 36,
            nodes: ["k3d-deadless-server-0", "k3d-deadless-agent-0", "k3d-deadless-agent-1"].map(String::from).to_vec(),
        }
    }
}

impl Config {
    /// The time at which a new cluster starts.
    pub fn start(&self, wall: Time) -> Time {
        match self.clock {
            ClockMode::Wall => wall,
            ClockMode::Manual => MANUAL_START,
        }
    }
}
