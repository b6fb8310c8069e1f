//! NetworkPolicies: which connections they let through.
//!
//! Mirrors k3s' network policy controller, which is kube-router's (`pkg/controllers/netpol`): what no policy of a pod
//! allows is refused at once, as by `REJECT --reject-with icmp-port-unreachable`; what comes from the pod's own node
//! passes. Services have been resolved by then: rules see pods, and the ports of pods.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::api::Kind;
use crate::api::ObjectKey;
use crate::api::k8s::api::core::v1::Pod;
use crate::api::k8s::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::names::addresses::contains;
use crate::api::names::parse_cidr_sloppy;
use crate::api::selector::label_selector_matches;
use crate::kinds::shared::access::{items, text};
use crate::store::View;

type Labels = BTreeMap<String, String>;

/// One end of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    /// Its address.
    pub ip: String,
    /// Its pod's namespace; none for what is no pod with an address of its own.
    pub namespace: Option<String>,
    /// The pod's labels.
    pub labels: Labels,
    /// The pod's named ports, with their protocols.
    pub ports: Vec<(String, String, u16)>,
    /// The node that it is on.
    pub node: String,
}

impl End {
    /// An address that is no pod's.
    pub(super) fn address(ip: &str, node: &str) -> End {
        End { ip: ip.to_string(), node: node.to_string(), ..End::default() }
    }

    /// A pod. One in its node's network is no more than the node's address.
    pub(super) fn pod(pod: &Pod) -> End {
        let (meta, spec) = (&pod.metadata, pod.spec.as_ref());
        let ip = pod.status.as_ref().map_or("", |s| text(&s.pod_ip));
        let node = spec.map_or("", |s| text(&s.node_name));
        if spec.and_then(|s| s.host_network) == Some(true) {
            return End::address(ip, node);
        }
        let containers = spec.iter().flat_map(|s| s.containers.iter().chain(items(&s.init_containers)));
        let ports = containers.flat_map(|c| items(&c.ports)).filter_map(|port| {
            let number = u16::try_from(port.container_port).ok()?;
            let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".into());
            Some((port.name.clone().filter(|n| !n.is_empty())?, protocol, number))
        });
        End {
            ip: ip.to_string(),
            namespace: meta.namespace.clone(),
            labels: meta.labels.clone().unwrap_or_default(),
            ports: ports.collect(),
            node: node.to_string(),
        }
    }
}

/// What goes over a connection: a port of a protocol, or what has no ports.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traffic<'a> {
    /// `TCP`, `UDP`, `ICMP`
    pub protocol: &'a str,
    /// The port that it goes to.
    pub port: u16,
}

/// Whether the policies of both ends let a connection through.
pub(super) fn permits(view: &View<'_>, from: &End, to: &End, traffic: Traffic<'_>) -> bool {
    if from.ip == to.ip {
        return true;
    }
    let reached = to.namespace.is_none() || from.namespace.is_none() && from.node == to.node;
    is_allowed(view, from, to, traffic, true) && (reached || is_allowed(view, to, from, traffic, false))
}

/// Whether the policies of one end allow the other, going out or coming in.
fn is_allowed(view: &View<'_>, of: &End, peer: &End, traffic: Traffic<'_>, out: bool) -> bool {
    let Some(namespace) = &of.namespace else { return true };
    let mut is_isolated = false;
    for object in view.list_in(Kind::NetworkPolicy, namespace) {
        let Some(spec) = object.get::<NetworkPolicy>().and_then(|p| p.spec.as_ref()) else { continue };
        let selects = |s| label_selector_matches(Some(s), &of.labels);
        if !applies(spec, out) || !spec.pod_selector.as_ref().is_none_or(selects) {
            continue;
        }
        is_isolated = true;
        let target = if out { peer } else { of };
        let allows = |ports: &[NetworkPolicyPort], peers: &[NetworkPolicyPeer]| {
            allows_port(ports, target, traffic)
                && (peers.is_empty() || peers.iter().any(|p| is_peer(view, p, namespace, peer)))
        };
        let allowed = match out {
            true => items(&spec.egress).iter().any(|rule| allows(items(&rule.ports), items(&rule.to))),
            false => items(&spec.ingress).iter().any(|rule| allows(items(&rule.ports), items(&rule.from))),
        };
        if allowed {
            return true;
        }
    }
    !is_isolated
}

fn applies(spec: &NetworkPolicySpec, out: bool) -> bool {
    let wanted = if out { "Egress" } else { "Ingress" };
    match spec.policy_types.as_deref() {
        Some(types) if !types.is_empty() => types.iter().any(|t| t == wanted),
        _ => !out || spec.egress.is_some(),
    }
}

/// Whether a rule's ports hold the one that is gone to. `target` is the pod that has it.
fn allows_port(ports: &[NetworkPolicyPort], target: &End, traffic: Traffic<'_>) -> bool {
    ports.is_empty()
        || ports.iter().any(|port| {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            protocol == traffic.protocol
                && match &port.port {
                    None => true,
                    Some(IntOrString::Int(first)) => {
                        let last = port.end_port.unwrap_or(*first);
                        (*first..=last).contains(&i32::from(traffic.port))
                    }
                    Some(IntOrString::String(name)) => {
                        let has = |(n, p, number): &(String, String, u16)| {
                            n == name && p == protocol && *number == traffic.port
                        };
                        target.ports.iter().any(has)
                    }
                }
        })
}

fn is_peer(view: &View<'_>, peer: &NetworkPolicyPeer, namespace: &str, end: &End) -> bool {
    if let Some(block) = &peer.ip_block {
        return is_in_block(block, &end.ip);
    }
    let Some(theirs) = &end.namespace else { return false };
    let in_namespace = match &peer.namespace_selector {
        None => theirs == namespace,
        Some(selector) => {
            let labels = view.get(&ObjectKey::cluster(Kind::Namespace, theirs)).and_then(|n| n.meta().labels.clone());
            label_selector_matches(Some(selector), &labels.unwrap_or_default())
        }
    };
    in_namespace && peer.pod_selector.as_ref().is_none_or(|s| label_selector_matches(Some(s), &end.labels))
}

fn is_in_block(block: &IPBlock, ip: &str) -> bool {
    let Ok(address) = ip.parse::<IpAddr>() else { return false };
    let holds =
        |cidr: &str| parse_cidr_sloppy(cidr).is_some_and(|(_, network, bits)| contains((network, bits), address));
    holds(&block.cidr) && !items(&block.except).iter().any(|cidr| holds(cidr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_holes() {
        let block = IPBlock { cidr: "10.42.0.0/16".into(), except: Some(vec!["10.42.1.0/24".into()]) };
        assert!(is_in_block(&block, "10.42.0.7"));
        assert!(!is_in_block(&block, "10.42.1.7"));
        assert!(!is_in_block(&block, "172.18.0.2"));
    }

    #[test]
    fn ports_have_numbers_names_and_ranges() {
        let port = |port: Option<IntOrString>, end_port| NetworkPolicyPort { port, end_port, protocol: None };
        let target = End { ports: vec![("http".into(), "TCP".into(), 8080)], ..End::default() };
        let allows = |p, number| allows_port(&[p], &target, Traffic { protocol: "TCP", port: number });
        assert!(allows(port(Some(IntOrString::Int(80)), None), 80));
        assert!(!allows(port(Some(IntOrString::Int(80)), None), 81));
        assert!(allows(port(Some(IntOrString::Int(80)), Some(90)), 85));
        assert!(allows(port(Some(IntOrString::String("http".into())), None), 8080));
        assert!(!allows(port(Some(IntOrString::String("web".into())), None), 8080));
        assert!(allows(port(None, None), 1));
        assert!(!allows_port(&[port(None, None)], &target, Traffic { protocol: "UDP", port: 53 }));
    }
}
