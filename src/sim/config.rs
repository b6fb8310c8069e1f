//! What a cluster is made with: its clock, seed, version and nodes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::api::{Time, names};

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
    /// The zones of nodes that lie in one, by the nodes' names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, String>,
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
            zones: BTreeMap::new(),
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

/// The minor version of `v1.22`, `1.22` or `v1.22.3`.
///
/// # Errors
/// When it is none that kstate knows.
pub fn parse_version(text: &str) -> Result<u32, String> {
    let rest = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.");
    let minor = rest.and_then(|rest| match rest.split_once('.') {
        Some((minor, patch)) => patch.parse::<u32>().ok().map(|_| minor),
        None => Some(rest),
    });
    let minor = minor.and_then(|m| m.parse::<u32>().ok()).filter(|m| (16..=36).contains(m));
    minor.ok_or_else(|| format!("invalid Kubernetes version {text:?}: must be v1.16 to v1.36"))
}

/// The region in which a zone is: `us-east-1a` lies in `us-east-1`, `us-central1-b` in `us-central1`.
pub(super) fn region_of(zone: &str) -> Option<&str> {
    match zone.rsplit_once('-') {
        Some((region, last)) if last.len() == 1 && last.starts_with(|c: char| c.is_ascii_lowercase()) => Some(region),
        Some((_, last)) if last.starts_with(|c: char| c.is_ascii_digit()) => {
            zone.strip_suffix(|c: char| c.is_ascii_lowercase())
        }
        _ => None,
    }
}

/// A node's name, and the zone that stands behind it: `a=zone-1`.
///
/// # Errors
/// When the zone is no value of a label.
pub fn node_and_zone(text: &str) -> Result<(String, Option<String>), String> {
    let Some((name, zone)) = text.split_once('=') else { return Ok((text.to_string(), None)) };
    match names::label_value(zone).first() {
        Some(fault) => Err(format!("invalid zone {zone:?}: {fault}")),
        None if zone.is_empty() => Err(format!("node {name:?} has an empty zone")),
        None => Ok((name.to_string(), Some(zone.to_string()))),
    }
}

/// The most nodes that a cluster is made with: as many as Kubernetes is built for ("Considerations for large clusters").
const MOST_NODES: usize = 5_000;

/// Checks the names of a cluster's nodes.
///
/// # Errors
/// When one is no name, or stands there twice, and when there are too many.
pub fn check_nodes(nodes: &[String]) -> Result<(), String> {
    if nodes.len() > MOST_NODES {
        return Err(format!("{} nodes are too many: a cluster is made with {MOST_NODES} at most", nodes.len()));
    }
    let mut seen = BTreeSet::new();
    for name in nodes {
        if let Some(fault) = names::dns1123_subdomain(name).first() {
            return Err(format!("invalid node name {name:?}: {fault}"));
        }
        if !seen.insert(name) {
            return Err(format!("node {name:?} is named twice"));
        }
    }
    Ok(())
}
