//! Addresses and node ports of services, drawn from the cluster's seed.
//!
//! Mirrors `pkg/registry/core/service/storage` (normalizeClusterIPs, patchAllocatedValues, initIPFamilyFields and the
//! allocators) for a cluster with one family.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::core::v1::{Service, ServiceSpec};
use crate::api::k8s::api::networking::v1::{IPAddress, ServiceCIDR};
use crate::api::names::Draw;
use crate::api::names::addresses::{Network, broadcast, contains, parse_ip_sloppy};
use crate::error::{ApiError, FieldError};
use crate::kinds::core::service::{
    CLUSTER_IP_NONE, is_headless, kind_of, needs_cluster_ip, needs_health_check, needs_node_port, node_ports,
    validate_cluster_ips,
};
use crate::kinds::networking::service_cidr;
use crate::kinds::shared::access::{items, text};

/// The network of services where no ServiceCIDR says it, 10.43.0.0/16; the first address is that of the API server.
const NETWORK: Network = (IpAddr::V4(Ipv4Addr::new(10, 43, 0, 0)), 16);
/// The node ports, and how many of them are left to those who ask for one.
const NODE_PORTS: std::ops::RangeInclusive<i32> = 30_000..=32_767;
const STATIC_NODE_PORTS: i32 = 86;

/// See the module.
pub(super) struct ServiceIps;

impl Plugin for ServiceIps {
    fn create(&self, request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let name = format!("{}/{}", object.namespace(), object.name());
        let Some(spec) = object.get_mut::<Service>().and_then(|s| s.spec.as_mut()) else { return Ok(()) };
        if !text(&spec.cluster_ip).is_empty() && items(&spec.cluster_ips).is_empty() {
            spec.cluster_ips = spec.cluster_ip.clone().map(|ip| vec![ip]);
        }
        let faults = validate_cluster_ips(spec, None);
        if !faults.is_empty() {
            // The allocator looks at the addresses before anything else is validated.
            return Err(ApiError::invalid("Service", object.name(), faults));
        }
        allocate(request, &name, spec, None)
    }

    fn update(&self, request: &Request<'_>, object: &mut Object, old: &Object) -> Result<(), ApiError> {
        let name = format!("{}/{}", object.namespace(), object.name());
        let Some(spec) = object.get_mut::<Service>().and_then(|s| s.spec.as_mut()) else { return Ok(()) };
        let Some(before) = old.get::<Service>().and_then(|s| s.spec.as_ref()) else { return Ok(()) };
        patch_allocated_values(spec, before);
        let same = items(&spec.cluster_ips) == items(&before.cluster_ips);
        if text(&spec.cluster_ip) != text(&before.cluster_ip) && same {
            spec.cluster_ips = spec.cluster_ip.clone().filter(|ip| !ip.is_empty()).map(|ip| vec![ip]);
        }
        if needs_cluster_ip(spec) {
            allocate(request, &name, spec, Some(before))?;
        }
        Ok(())
    }

    fn validate_create(&self, request: &Request<'_>, object: &Object) -> Result<(), ApiError> {
        refuse_taken(request, object, None)
    }

    fn validate_update(&self, request: &Request<'_>, object: &Object, old: &Object) -> Result<(), ApiError> {
        refuse_taken(request, object, Some(old))
    }
}

/// What an update leaves out stays as it is. Mirrors `patchAllocatedValues`.
fn patch_allocated_values(new: &mut ServiceSpec, old: &ServiceSpec) {
    if needs_cluster_ip(old) && needs_cluster_ip(new) {
        if text(&new.cluster_ip).is_empty() {
            new.cluster_ip = old.cluster_ip.clone();
        }
        if items(&new.cluster_ips).is_empty() {
            new.cluster_ips = old.cluster_ips.clone();
        }
        if new.ip_family_policy.is_none() {
            new.ip_family_policy = old.ip_family_policy.clone();
        }
        if items(&new.ip_families).is_empty() {
            new.ip_families = old.ip_families.clone();
        }
    }
    if needs_node_port(old) && needs_node_port(new) {
        let used: BTreeSet<i32> = node_ports(old).intersection(&node_ports(new)).copied().collect();
        for port in new.ports.iter_mut().flatten().filter(|p| p.node_port.unwrap_or(0) == 0) {
            let same = items(&old.ports).iter().rfind(|p| text(&p.name) == text(&port.name));
            port.node_port = same.and_then(|p| p.node_port).filter(|n| !used.contains(n));
        }
    }
    if needs_health_check(old) && needs_health_check(new) && new.health_check_node_port.unwrap_or(0) == 0 {
        new.health_check_node_port = old.health_check_node_port;
    }
}

/// Fills in families, addresses and ports. A broken service is left to validation.
fn allocate(
    request: &Request<'_>,
    name: &str,
    spec: &mut ServiceSpec,
    old: Option<&ServiceSpec>,
) -> Result<(), ApiError> {
    if !needs_cluster_ip(spec) || !validate_cluster_ips(spec, old).is_empty() {
        return Ok(());
    }
    init_ip_families(spec);
    if !is_headless(spec) && text(&spec.cluster_ip).is_empty() {
        let full = "Internal error occurred: failed to allocate a serviceIP: range is full";
        let address = draw_address(request, name).ok_or_else(|| ApiError::internal(full))?;
        spec.cluster_ips = Some(vec![address.clone()]);
        spec.cluster_ip = Some(address);
    }
    if needs_node_port(spec) {
        let mut taken = taken_ports(request, name);
        taken.extend(node_ports(spec));
        let asked: Vec<(i32, i32)> =
            items(&spec.ports).iter().filter_map(|p| Some((p.port, p.node_port.filter(|n| *n != 0)?))).collect();
        for (i, port) in spec.ports.iter_mut().flatten().enumerate() {
            if port.node_port.unwrap_or(0) == 0 {
                let shared = asked.iter().find(|(number, _)| *number == port.port && old.is_none());
                let drawn = shared.map_or_else(|| draw_port(request, name, i, &taken), |(_, n)| *n);
                taken.insert(drawn);
                port.node_port = Some(drawn);
            }
        }
    }
    if needs_health_check(spec) && spec.health_check_node_port.unwrap_or(0) == 0 {
        let taken = taken_ports(request, name);
        spec.health_check_node_port = Some(draw_port(request, name, usize::MAX, &taken));
    }
    Ok(())
}

/// Mirrors `initIPFamilyFields`.
fn init_ip_families(spec: &mut ServiceSpec) {
    let selectorless = is_headless(spec) && spec.selector.as_ref().is_none_or(|s| s.is_empty());
    if spec.ip_family_policy.is_none() {
        let policy = if selectorless { "RequireDualStack" } else { "SingleStack" };
        spec.ip_family_policy = Some(policy.into());
    }
    let families = spec.ip_families.get_or_insert_default();
    if families.is_empty() {
        let given = spec.cluster_ips.iter().flatten().filter(|ip| *ip != CLUSTER_IP_NONE);
        families.extend(given.map(|ip| if ip.contains(':') { "IPv6".to_string() } else { "IPv4".to_string() }));
    }
    if families.is_empty() {
        families.push("IPv4".into());
    }
    if selectorless && families.len() < 2 && spec.ip_family_policy.as_deref() != Some("SingleStack") {
        let other = if families[0] == "IPv4" { "IPv6" } else { "IPv4" };
        families.push(other.into());
    }
}

/// The specs of all services but one.
fn others<'a>(request: &Request<'a>, name: &'a str) -> impl Iterator<Item = &'a ServiceSpec> {
    request.view.list_as::<Service>().filter_map(move |s| {
        let meta = &s.metadata;
        (format!("{}/{}", text(&meta.namespace), text(&meta.name)) != name).then_some(s.spec.as_ref()?)
    })
}

/// A free address, drawn from those that nobody asks for by name, and only when these are used up from the others.
fn draw_address(request: &Request<'_>, name: &str) -> Option<String> {
    let taken: BTreeSet<&str> = others(request, name).flat_map(|s| items(&s.cluster_ips)).map(String::as_str).collect();
    let (network, length) = allocating_network(request);
    let IpAddr::V4(first) = network else { return None };
    // The network's first address and its last are nobody's.
    let size = (1_u64 << (32 - length.min(32))).saturating_sub(2);
    let reserved = range_offset(size + 2);
    let span = size.checked_sub(reserved).filter(|span| *span > 0)?;
    let address = |host: u64| Ipv4Addr::from(u32::from(first).wrapping_add(host as u32 + 1)).to_string();
    let is_free = |address: &String| !taken.contains(address.as_str()) && !is_noted(request, address);
    let drawn = |n| reserved + Draw::new(request.seed, &format!("cluster-ip/{name}"), n).below(span);
    let in_turn = (reserved..size).chain(0..reserved);
    (0..MOST_DRAWS).map(drawn).chain(in_turn).map(address).find(is_free)
}

/// How often an address is drawn before all are looked at in turn.
const MOST_DRAWS: u64 = 1_000;

/// How many of the first addresses are left to those who ask for one. Mirrors `calculateRangeOffset`.
fn range_offset(size: u64) -> u64 {
    const LEAST: u64 = 16;
    const MOST: u64 = 256;
    const STEP: u64 = 16;
    if size <= LEAST { 0 } else { (size / STEP).clamp(LEAST, MOST) }
}

/// Whether the address was given to somebody, a service or something else.
fn is_noted(request: &Request<'_>, address: &str) -> bool {
    request.view.get_as::<IPAddress>("", address).is_some()
}

/// The network that addresses are taken of: the cluster's own, unless that is going.
fn allocating_network(request: &Request<'_>) -> Network {
    let ready = || request.view.list_as::<ServiceCIDR>().filter(|cidr| service_cidr::is_ready(cidr));
    let own = ready().find(|cidr| text(&cidr.metadata.name) == service_cidr::DEFAULT);
    let networks = own.into_iter().chain(ready()).flat_map(service_cidr::parsed_networks);
    networks.into_iter().find(|(network, _)| network.is_ipv4()).unwrap_or(NETWORK)
}

/// Whether an address can be taken of some network.
fn is_in_range(request: &Request<'_>, address: IpAddr) -> bool {
    let mut all = request.view.list_as::<ServiceCIDR>().peekable();
    if all.peek().is_none() {
        return contains(NETWORK, address) && address != NETWORK.0 && broadcast(NETWORK) != Some(address);
    }
    all.any(|cidr| service_cidr::is_ready(cidr) && service_cidr::contains_address(cidr, address))
}

fn taken_ports(request: &Request<'_>, name: &str) -> BTreeSet<i32> {
    others(request, name).flat_map(|s| node_ports(s).into_iter().chain(s.health_check_node_port)).collect()
}

fn draw_port(request: &Request<'_>, name: &str, port: usize, taken: &BTreeSet<i32>) -> i32 {
    let first = NODE_PORTS.start() + STATIC_NODE_PORTS;
    let span = (NODE_PORTS.end() - first + 1) as u64;
    let drawn = (0..100_000)
        .map(|n| first + Draw::new(request.seed, &format!("node-port/{name}/{port}"), n).below(span) as i32)
        .find(|n| !taken.contains(n));
    drawn.unwrap_or(first)
}

/// Refuses addresses and ports that others have or that are not the cluster's to give.
fn refuse_taken(request: &Request<'_>, object: &Object, old: Option<&Object>) -> Result<(), ApiError> {
    let Some(spec) = object.get::<Service>().and_then(|s| s.spec.as_ref()) else { return Ok(()) };
    let before = old.and_then(|o| o.get::<Service>()).and_then(|s| s.spec.as_ref());
    let name = format!("{}/{}", object.namespace(), object.name());
    let mut faults = refuse_families(spec);
    if faults.is_empty() && needs_cluster_ip(spec) && !is_headless(spec) {
        for ip in items(&spec.cluster_ips) {
            let kept = before.is_some_and(|b| items(&b.cluster_ips).contains(ip));
            let fault = match parse_ip_sloppy(ip) {
                _ if kept => continue,
                Some(address) if is_in_range(request, address) => {
                    let taken = others(request, &name).any(|s| items(&s.cluster_ips).contains(ip));
                    if !taken && !is_noted(request, &address.to_string()) {
                        continue;
                    }
                    "provided IP is already allocated"
                }
                _ => "the provided network does not match the current range",
            };
            let detail = format!("failed to allocate IP {ip}: {fault}");
            faults.push(FieldError::invalid("spec.clusterIPs", items(&spec.cluster_ips), &detail));
        }
    }
    if faults.is_empty() && matches!(kind_of(spec), "NodePort" | "LoadBalancer") {
        let taken = taken_ports(request, &name);
        for (i, port) in items(&spec.ports).iter().enumerate() {
            let Some(n) = port.node_port.filter(|n| *n != 0) else { continue };
            let fault = match NODE_PORTS.contains(&n) {
                _ if before.is_some_and(|b| node_ports(b).contains(&n)) => continue,
                false => "provided port is not in the valid range. The range of valid ports is 30000-32767",
                true if taken.contains(&n) => "provided port is already allocated",
                true => continue,
            };
            faults.push(FieldError::invalid(format!("spec.ports[{i}].nodePort"), n, fault));
            break;
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(ApiError::invalid("Service", object.name(), faults)),
    }
}

/// What a cluster with IPv4 alone can't do.
fn refuse_families(spec: &ServiceSpec) -> Vec<FieldError> {
    let selectorless = is_headless(spec) && spec.selector.as_ref().is_none_or(|s| s.is_empty());
    if !needs_cluster_ip(spec) || selectorless {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let policy = text(&spec.ip_family_policy);
    let field = "spec.ipFamilyPolicy";
    if policy == "SingleStack" {
        for (list, what) in
            [(items(&spec.cluster_ips), "multiple cluster IPs"), (items(&spec.ip_families), "multiple IP families")]
        {
            if list.len() == 2 {
                let detail = format!("must be 'RequireDualStack' or 'PreferDualStack' when {what} are specified");
                faults.push(FieldError::invalid(field, policy, &detail));
            }
        }
        if !faults.is_empty() {
            return faults;
        }
    }
    if policy == "RequireDualStack" {
        let detail = "this cluster is not configured for dual-stack services";
        faults.push(FieldError::invalid(field, policy, detail));
    }
    for (i, family) in items(&spec.ip_families).iter().enumerate().filter(|(_, f)| *f != "IPv4") {
        let detail = "not configured on this cluster";
        faults.push(FieldError::invalid(format!("spec.ipFamilies[{i}]"), family, detail));
    }
    faults
}
