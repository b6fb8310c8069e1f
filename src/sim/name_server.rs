//! What the cluster's name server knows: services, their endpoints, and nodes.
//!
//! Mirrors CoreDNS' plugin `kubernetes` (`machine::net::dns` answers from it).

use std::net::Ipv4Addr;

use super::network::{is_ready, slices};
use crate::api::Kind;
use crate::api::k8s::api::core::v1::{Node, Service};
use crate::machine::net::dns::{self, Names};
use crate::store::View;

/// What the name server knows.
pub(super) fn names_of(view: &View<'_>) -> Names {
    let mut names = Names::default();
    for service in view.list_as::<Service>() {
        let (Some(spec), Some(name), Some(namespace)) =
            (&service.spec, &service.metadata.name, &service.metadata.namespace)
        else {
            continue;
        };
        let known = if spec.type_.as_deref() == Some("ExternalName") {
            dns::Service::ExternalName(spec.external_name.clone().unwrap_or_default())
        } else if let Some(ip) = spec.cluster_ip.as_deref().and_then(|ip| ip.parse().ok()) {
            let ports = spec.ports.iter().flatten().map(|p| dns::Port {
                name: p.name.clone().unwrap_or_default(),
                protocol: protocol(p.protocol.as_deref()),
                port: u16::try_from(p.port).ok(),
            });
            dns::Service::ClusterIp(ip, ports.collect(), endpoints(view, service, false))
        } else {
            let all = spec.publish_not_ready_addresses == Some(true);
            dns::Service::Headless(endpoints(view, service, all))
        };
        names.services.insert((namespace.clone(), name.clone()), known);
    }
    names.namespaces = view.list(Kind::Namespace).map(|n| n.name().to_string()).collect();
    for node in view.list_as::<Node>() {
        let ip = node.status.iter().flat_map(|s| s.addresses.iter().flatten()).find(|a| a.type_ == "InternalIP");
        if let (Some(name), Some(Ok(ip))) = (&node.metadata.name, ip.map(|a| a.address.parse())) {
            names.nodes.insert(name.clone(), ip);
        }
    }
    names
}

/// The endpoints in all slices of a service, by address. Mirrors `EndpointSliceToEndpoints`.
pub(super) fn endpoints(view: &View<'_>, service: &Service, all: bool) -> Vec<dns::Endpoint> {
    let mut found: Vec<dns::Endpoint> = Vec::new();
    for slice in slices(view, service) {
        let mut ports: Vec<dns::Port> = slice
            .ports
            .iter()
            .flatten()
            .map(|p| dns::Port {
                name: p.name.clone().unwrap_or_default(),
                protocol: protocol(p.protocol.as_deref()),
                port: p.port.and_then(|p| u16::try_from(p).ok()),
            })
            .collect();
        if ports.is_empty() {
            ports.push(dns::Port { name: String::new(), protocol: "", port: None });
        }
        for endpoint in slice.endpoints.iter().flatten().filter(|e| all || is_ready(e)) {
            let hostname = endpoint.hostname.clone().filter(|h| !h.is_empty());
            for ip in endpoint.addresses.iter().filter_map(|a| a.parse::<Ipv4Addr>().ok()) {
                found.push(dns::Endpoint { ip, hostname: hostname.clone(), ports: ports.clone() });
            }
        }
    }
    found.sort_by_key(|e| e.ip);
    found
}

fn protocol(name: Option<&str>) -> &'static str {
    if name == Some("UDP") { "udp" } else { "tcp" }
}
