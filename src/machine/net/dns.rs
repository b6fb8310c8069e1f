//! What a cluster's name server answers: CoreDNS with its `kubernetes` and `hosts` plugins, over a table.
//!
//! Facts: the plugin's documentation and the Kubernetes DNS specification; the Corefile is k3s' own.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::{Answer, Rcode, Record, RecordType};

/// CoreDNS' lifetime of records of the cluster's zone.
pub const TTL: u32 = 5;

/// The lifetime that k3s gives to the names of nodes.
const NODE_TTL: u32 = 60;

/// How many names an alias may lead through.
const MAX_ALIASES: usize = 8;

/// A service's or an endpoint's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name; empty for none, and then there is no SRV record.
    pub name: String,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Its number.
    pub port: u16,
}

/// An address behind a headless service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub ip: Ipv4Addr,
    /// The host name that its pod has in the service's domain, if it has one.
    pub hostname: Option<String>,
    /// Its ports.
    pub ports: Vec<Port>,
}

/// What a service's name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// A cluster IP, and the service's ports.
    ClusterIp(Ipv4Addr, Vec<Port>),
    /// The ready endpoints (all of them with `publishNotReadyAddresses`).
    Headless(Vec<Endpoint>),
    /// Another name.
    ExternalName(String),
}

/// All that the name server knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Services by namespace and name.
    pub services: BTreeMap<(String, String), Service>,
    /// All namespaces: a pod's name exists in those only.
    pub namespaces: std::collections::BTreeSet<String>,
    /// Nodes by name (k3s' `NodeHosts`).
    pub nodes: BTreeMap<String, Ipv4Addr>,
    /// Names outside of the cluster.
    pub others: BTreeMap<String, Ipv4Addr>,
}

/// A name of the zone, taken apart.
enum Named<'a> {
    /// The service's own name.
    Service(&'a Service),
    /// One endpoint of a headless service.
    Endpoint(Ipv4Addr),
    /// Its ports of that name and protocol.
    Ports(&'a Service, String, String, String),
    /// A pod's address, dashed.
    Pod(Ipv4Addr),
    /// A name that has names below it only.
    Empty,
    /// The zone itself.
    Zone,
    /// None.
    Nothing,
}

/// The authority of the cluster's zone.
fn soa() -> Record {
    let data = format!("ns.dns.cluster.local. hostmaster.cluster.local. 1774000000 7200 1800 86400 {TTL}");
    Record { name: "cluster.local.".into(), kind: RecordType::Soa, ttl: TTL, data }
}

fn address(name: &str, ip: Ipv4Addr, ttl: u32) -> Record {
    Record { name: format!("{name}."), kind: RecordType::A, ttl, data: ip.to_string() }
}

impl Endpoint {
    /// The first label of its name in the service's domain.
    fn label(&self) -> String {
        self.hostname.clone().unwrap_or_else(|| self.ip.to_string().replace('.', "-"))
    }
}

impl Names {
    /// What the name server answers to a question. `turn` goes up with each question: answers take turns.
    pub fn answer(&self, name: &str, kind: RecordType, turn: u64) -> Answer {
        let mut answer = Answer::default();
        let mut name = name.trim_end_matches('.').to_ascii_lowercase();
        for _ in 0..MAX_ALIASES {
            match self.add(&name, kind, &mut answer) {
                Some(alias) => name = alias,
                None => break,
            }
        }
        let first = answer.records.iter().position(|r| r.kind == kind).unwrap_or(answer.records.len());
        let rest = &mut answer.records[first..];
        if !rest.is_empty() {
            let by = (turn % rest.len() as u64) as usize;
            rest.rotate_left(by);
        }
        answer
    }

    /// Adds what one name has; the name to go on with, where it is an alias.
    fn add(&self, name: &str, kind: RecordType, to: &mut Answer) -> Option<String> {
        if let Some(reverse) = name.strip_suffix(".in-addr.arpa") {
            self.add_reverse(name, reverse, kind, to);
            return None;
        }
        let Some(zone) = name.strip_suffix("cluster.local").filter(|z| z.is_empty() || z.ends_with('.')) else {
            self.add_other(name, kind, to);
            return None;
        };
        let labels: Vec<&str> = zone.split('.').filter(|l| !l.is_empty()).collect();
        match self.named(&labels) {
            Named::Nothing => (to.code, to.authority) = (Rcode::NxDomain, vec![soa()]),
            Named::Service(Service::ExternalName(alias)) => {
                let alias = alias.trim_end_matches('.').to_ascii_lowercase();
                let data = format!("{alias}.");
                to.records.push(Record { name: format!("{name}."), kind: RecordType::Cname, ttl: TTL, data });
                return matches!(kind, RecordType::A | RecordType::Aaaa).then_some(alias);
            }
            Named::Service(service) => match kind {
                RecordType::A => to.records.extend(service.addresses(name)),
                RecordType::Srv => service.add_ports(name, name, None, to),
                _ => {}
            },
            Named::Endpoint(ip) | Named::Pod(ip) => match kind {
                RecordType::A => to.records.push(address(name, ip, TTL)),
                RecordType::Srv => {
                    let data = format!("0 100 0 {name}.");
                    to.records.push(Record { name: format!("{name}."), kind, ttl: TTL, data });
                    to.additional.push(address(name, ip, TTL));
                }
                _ => {}
            },
            Named::Ports(service, port, protocol, owner) => match kind {
                RecordType::Srv => service.add_ports(name, &owner, Some((&port, &protocol)), to),
                RecordType::A => to.records.extend(service.addresses(name)),
                _ => {}
            },
            Named::Zone if kind == RecordType::Soa => to.records.push(soa()),
            Named::Zone | Named::Empty => {}
        }
        if to.records.is_empty() && to.code == Rcode::NoError {
            to.authority = vec![soa()];
        }
        None
    }

    fn named(&self, labels: &[&str]) -> Named<'_> {
        let find = |service: &str, namespace: &str| self.services.get(&(namespace.to_string(), service.to_string()));
        match labels {
            [] => Named::Zone,
            ["svc" | "pod"] => Named::Empty,
            ["dns-version"] | ["ns", "dns"] => Named::Empty,
            [namespace, "svc" | "pod"] if self.namespaces.contains(*namespace) => Named::Empty,
            [service, namespace, "svc"] => find(service, namespace).map_or(Named::Nothing, Named::Service),
            [pod, namespace, "pod"] if self.namespaces.contains(*namespace) => {
                pod.replace('-', ".").parse().map_or(Named::Nothing, Named::Pod)
            }
            [port, protocol, service, namespace, "svc"] if protocol.starts_with('_') && port.starts_with('_') => {
                let Some(found) = find(service, namespace) else { return Named::Nothing };
                let (port, protocol) = (port[1..].to_string(), protocol[1..].to_string());
                if !found.has_port(&port, &protocol) {
                    return Named::Nothing;
                }
                Named::Ports(found, port, protocol, format!("{service}.{namespace}.svc.cluster.local"))
            }
            [host, service, namespace, "svc"] => match find(service, namespace) {
                Some(Service::Headless(all)) => {
                    all.iter().find(|e| e.label() == *host).map_or(Named::Nothing, |e| Named::Endpoint(e.ip))
                }
                _ => Named::Nothing,
            },
            _ => Named::Nothing,
        }
    }

    fn add_other(&self, name: &str, kind: RecordType, to: &mut Answer) {
        let found = self.nodes.get(name).map(|ip| (ip, NODE_TTL)).or_else(|| self.others.get(name).map(|ip| (ip, 30)));
        match found {
            Some((ip, ttl)) if kind == RecordType::A => to.records.push(address(name, *ip, ttl)),
            Some(_) => {}
            // What an alias leads to may be unknown: the alias itself is an answer.
            None if !to.records.is_empty() => {}
            None => {
                to.code = Rcode::NxDomain;
                let data = "a.root-servers.net. nstld.verisign-grs.com. 2026032000 1800 900 604800 86400".into();
                to.authority = vec![Record { name: ".".into(), kind: RecordType::Soa, ttl: 30, data }];
            }
        }
    }

    fn add_reverse(&self, name: &str, reverse: &str, kind: RecordType, to: &mut Answer) {
        let mut bytes: Vec<&str> = reverse.split('.').collect();
        bytes.reverse();
        let ip = bytes.join(".").parse::<Ipv4Addr>().ok();
        let host = ip.and_then(|ip| self.host(ip));
        match host {
            Some(host) if kind == RecordType::Ptr => {
                to.records.push(Record { name: format!("{name}."), kind, ttl: TTL, data: format!("{host}.") });
            }
            Some(_) => {}
            None => to.code = Rcode::NxDomain,
        }
    }

    /// The name of an address: a service's, a headless service's endpoint's, or a node's.
    fn host(&self, ip: Ipv4Addr) -> Option<String> {
        for ((namespace, service), what) in &self.services {
            let domain = format!("{service}.{namespace}.svc.cluster.local");
            match what {
                Service::ClusterIp(own, _) if *own == ip => return Some(domain),
                Service::Headless(all) => {
                    if let Some(endpoint) = all.iter().find(|e| e.ip == ip) {
                        return Some(format!("{}.{domain}", endpoint.label()));
                    }
                }
                _ => {}
            }
        }
        self.nodes.iter().find(|(_, own)| **own == ip).map(|(name, _)| name.clone())
    }
}

impl Service {
    fn addresses(&self, name: &str) -> Vec<Record> {
        match self {
            Service::ClusterIp(ip, _) => vec![address(name, *ip, TTL)],
            Service::Headless(all) => all.iter().map(|e| address(name, e.ip, TTL)).collect(),
            Service::ExternalName(_) => Vec::new(),
        }
    }

    fn has_port(&self, name: &str, protocol: &str) -> bool {
        let is = |p: &Port| p.name == name && p.protocol.eq_ignore_ascii_case(protocol);
        match self {
            Service::ClusterIp(_, ports) => ports.iter().any(is),
            Service::Headless(all) => all.iter().any(|e| e.ports.iter().any(is)),
            Service::ExternalName(_) => false,
        }
    }

    /// SRV records for ports, of one name or all, and the addresses of their hosts.
    fn add_ports(&self, name: &str, owner: &str, only: Option<(&str, &str)>, to: &mut Answer) {
        let wanted = |p: &&Port| only.is_none_or(|(n, proto)| p.name == n && p.protocol.eq_ignore_ascii_case(proto));
        let mut found: Vec<(String, Ipv4Addr, u16)> = Vec::new();
        match self {
            Service::ClusterIp(ip, ports) => {
                found.extend(ports.iter().filter(wanted).map(|p| (owner.to_string(), *ip, p.port)));
            }
            Service::Headless(all) => {
                for endpoint in all {
                    let host = format!("{}.{owner}", endpoint.label());
                    found.extend(endpoint.ports.iter().filter(wanted).map(|p| (host.clone(), endpoint.ip, p.port)));
                }
            }
            Service::ExternalName(_) => {}
        }
        // CoreDNS shares 100 out among the records of a name.
        let weight = if found.is_empty() { 100 } else { (100 / found.len()).max(1) };
        for (host, ip, port) in found {
            let data = format!("0 {weight} {port} {host}.");
            to.records.push(Record { name: format!("{name}."), kind: RecordType::Srv, ttl: TTL, data });
            let help = address(&host, ip, TTL);
            if !to.additional.contains(&help) {
                to.additional.push(help);
            }
        }
    }
}

/// The name under which an address is looked up.
pub fn reverse_name(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(ip) => {
            let nibbles = ip.octets().into_iter().rev().flat_map(|b| [b & 15, b >> 4]);
            let digits: Vec<String> = nibbles.map(|n| format!("{n:x}")).collect();
            format!("{}.ip6.arpa", digits.join("."))
        }
    }
}
