//! The addresses of pods: what the network plugin gives out on a node.
//!
//! Mirrors the chain flannel, bridge, host-local of k3s: addresses go round the node's network, past those in use.

use std::net::Ipv4Addr;

use crate::api::k8s::api::core::v1::{Node, Pod};
use crate::api::{Kind, Object};
use crate::controllers::Outcome;
use crate::store::{Index, View};

/// The next free address of a node's network for a pod.
///
/// # Errors
/// Why the network plugin has none to give, in its words.
pub(super) fn allocate_address(
    view: &View<'_>,
    node: &Node,
    pod: &Object,
    outcome: &mut Outcome,
) -> Result<String, String> {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let cidr = node.spec.as_ref().and_then(|s| s.pod_cidr.as_deref()).unwrap_or_default();
    let Some((first, last)) = range_of(cidr) else {
        // OBSERVATION: flannel waits for the node's network and has not written its settings.
        return Err("loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file or directory".into());
    };
    let used = |address: Ipv4Addr| {
        let text = address.to_string();
        view.indexed(Kind::Pod, Index::Node, name).any(|other| {
            let status = other.get::<Pod>().and_then(|p| p.status.as_ref());
            let has_it = status.filter(|s| s.pod_ip.as_deref() == Some(&text));
            let ended = |phase: Option<&str>| matches!(phase, Some("Succeeded" | "Failed"));
            has_it.is_some_and(|s| !ended(s.phase.as_deref())) && other.uid() != pod.uid()
        })
    };
    // The first address is the bridge's own.
    let (lowest, count) = (first + 1, last.saturating_sub(first));
    let note = format!("pod-address/{name}");
    let kept = view.note(&note).and_then(|n| n.parse::<u32>().ok()).unwrap_or(1);
    let start = kept.saturating_sub(1) % count.max(1);
    let next = (0..count).map(|n| (start + n) % count).find(|n| !used(Ipv4Addr::from(lowest + n)));
    let Some(next) = next else {
        let (first, last) = (Ipv4Addr::from(first), Ipv4Addr::from(last));
        return Err(format!(
            "failed to delegate add: failed to allocate for range 0: no IP addresses available in range set: {first}-{last}"
        ));
    };
    // The note counts the last host part that was given, as it always did: 2 for the first pod.
    outcome.note(note, next + 2);
    Ok(Ipv4Addr::from(lowest + next).to_string())
}

/// The first and the last address that hosts of a network may have; none for what is no network.
fn range_of(cidr: &str) -> Option<(u32, u32)> {
    let (network, bits) = cidr.split_once('/')?;
    let (network, bits) = (u32::from(network.parse::<Ipv4Addr>().ok()?), bits.parse::<u32>().ok()?);
    let size = 1u32.checked_shl(32u32.checked_sub(bits)?)?;
    (size > 3).then(|| (network + 1, network + size - 2))
}

#[cfg(test)]
mod tests {
    use super::range_of;

    #[test]
    fn a_network_of_24_bits_has_254_addresses() {
        let range = range_of("10.42.1.0/24").unwrap();
        assert_eq!(range.1 - range.0 + 1, 254);
        assert_eq!(range_of(""), None);
    }
}
