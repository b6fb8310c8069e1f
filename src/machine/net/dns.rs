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

/// How many names an alias may lead through (`maxCnameChainLength`).
const MAX_ALIASES: usize = 10;

/// A service's or an endpoint's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name; empty for none, and then no name asks for it.
    pub name: String,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Its number; none for what has no ports, which has an address all the same.
    pub port: Option<u16>,
}

/// An address behind a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub ip: Ipv4Addr,
    /// The host name that its pod has in the service's domain, if it has one.
    pub hostname: Option<String>,
    /// Its ports; one without a number where it has none.
    pub ports: Vec<Port>,
}

/// What a service's name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// A cluster IP, the service's ports, and the ready endpoints, which have names of their own.
    ClusterIp(Ipv4Addr, Vec<Port>, Vec<Endpoint>),
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

/// What a name of the zone stands for.
enum Found<'a> {
    /// Addresses, each with the name and the port that it has in SRV records. None: the name has others below it only.
    Hosts(Vec<Host>),
    /// Another name.
    Alias(&'a str),
    /// The zone itself.
    Zone,
    /// There is no such name.
    Nothing,
}

/// An address that a name stands for. Mirrors `msg.Service`.
struct Host {
    /// The name that leads to this address alone.
    name: String,
    ip: Ipv4Addr,
    port: Option<u16>,
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
        let mut aliases = 0;
        while let Some(alias) = self.add(&name, kind, &mut answer) {
            name = alias;
            aliases += 1;
            if aliases > MAX_ALIASES {
                // What leads in a circle leads nowhere.
                return Answer { authority: vec![soa()], ..Answer::default() };
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
        let is_alias = !to.records.is_empty();
        match self.find(&labels) {
            // An alias to a name of the zone that has nothing is left out itself.
            Found::Nothing if is_alias => to.records.clear(),
            Found::Nothing => to.code = Rcode::NxDomain,
            Found::Alias(alias) => {
                let alias = alias.trim_end_matches('.').to_ascii_lowercase();
                let goes_on = matches!(kind, RecordType::A | RecordType::Aaaa);
                if goes_on || kind == RecordType::Cname {
                    let data = format!("{alias}.");
                    to.records.push(Record { name: format!("{name}."), kind: RecordType::Cname, ttl: TTL, data });
                }
                if goes_on {
                    return Some(alias);
                }
            }
            Found::Hosts(hosts) => match kind {
                RecordType::A => add_addresses(name, &hosts, to),
                RecordType::Srv => add_ports(name, &hosts, to),
                _ if is_alias => to.records.clear(),
                _ => {}
            },
            Found::Zone if kind == RecordType::Soa => to.records.push(soa()),
            Found::Zone => {}
        }
        if to.records.is_empty() {
            to.authority = vec![soa()];
        }
        None
    }

    /// What a name of the zone stands for. Mirrors `parseRequest`, `findServices` and `findPods`.
    fn find(&self, labels: &[&str]) -> Found<'_> {
        let none = || Found::Hosts(Vec::new());
        match labels {
            [] => Found::Zone,
            ["svc" | "pod"] | ["dns-version"] | ["ns", "dns"] => none(),
            [namespace, "svc" | "pod"] if self.namespaces.contains(*namespace) => none(),
            [pod, namespace, "pod"] if self.namespaces.contains(*namespace) => match pod.replace('-', ".").parse() {
                Ok(ip) => {
                    let name = format!("{pod}.{namespace}.pod.cluster.local");
                    Found::Hosts(vec![Host { name, ip, port: Some(0) }])
                }
                Err(_) => Found::Nothing,
            },
            [service, namespace, "svc"] => self.find_service(service, namespace, None, ("", "")),
            [host, service, namespace, "svc"] => self.find_service(service, namespace, Some(host), ("", "")),
            [port, protocol, service, namespace, "svc"] => {
                let bare = |label: &'_ str| label.strip_prefix('_').unwrap_or(label).to_string();
                self.find_service(service, namespace, None, (&bare(port), &bare(protocol)))
            }
            _ => Found::Nothing,
        }
    }

    /// Mirrors `findServices`: an endpoint's name, or a port's, is one of what answers to it.
    fn find_service(
        &self,
        service: &str,
        namespace: &str,
        host: Option<&str>,
        (port, protocol): (&str, &str),
    ) -> Found<'_> {
        let Some(what) = self.services.get(&(namespace.to_string(), service.to_string())) else {
            return Found::Nothing;
        };
        let owner = format!("{service}.{namespace}.svc.cluster.local");
        let wanted = |p: &&Port| {
            (port.is_empty() || p.name.eq_ignore_ascii_case(port))
                && (protocol.is_empty() || p.protocol.eq_ignore_ascii_case(protocol))
        };
        let mut hosts = Vec::new();
        match what {
            Service::ExternalName(_) if host.is_some() || !port.is_empty() || !protocol.is_empty() => {}
            Service::ExternalName(alias) => return Found::Alias(alias),
            Service::ClusterIp(ip, ports, _) if host.is_none() => {
                let of = |p: &Port| Host { name: owner.clone(), ip: *ip, port: p.port };
                hosts.extend(ports.iter().filter(wanted).map(of));
            }
            Service::Headless(all) | Service::ClusterIp(_, _, all) => {
                for endpoint in all.iter().filter(|e| host.is_none_or(|h| e.label().eq_ignore_ascii_case(h))) {
                    let name = format!("{}.{owner}", endpoint.label());
                    let of = |p: &Port| Host { name: name.clone(), ip: endpoint.ip, port: p.port };
                    hosts.extend(endpoint.ports.iter().filter(wanted).map(of));
                }
            }
        }
        if hosts.is_empty() { Found::Nothing } else { Found::Hosts(hosts) }
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
        let hosts = bytes.join(".").parse::<Ipv4Addr>().map(|ip| self.hosts_of(ip)).unwrap_or_default();
        if hosts.is_empty() {
            to.code = Rcode::NxDomain;
        }
        for host in hosts.iter().filter(|_| kind == RecordType::Ptr) {
            to.records.push(Record { name: format!("{name}."), kind, ttl: TTL, data: format!("{host}.") });
        }
    }

    /// The names of an address: a node's (the plugin `hosts` is asked first), a service's, or all its endpoints'.
    /// Mirrors `serviceRecordForIP`.
    fn hosts_of(&self, ip: Ipv4Addr) -> Vec<String> {
        if let Some((node, _)) = self.nodes.iter().find(|(_, own)| **own == ip) {
            return vec![node.clone()];
        }
        let domain = |(namespace, service): &(String, String)| format!("{service}.{namespace}.svc.cluster.local");
        let own = |what: &Service| matches!(what, Service::ClusterIp(own, ..) if *own == ip);
        if let Some((key, _)) = self.services.iter().find(|(_, what)| own(what)) {
            return vec![domain(key)];
        }
        let mut hosts: Vec<String> = Vec::new();
        for (key, what) in &self.services {
            let (Service::Headless(all) | Service::ClusterIp(_, _, all)) = what else { continue };
            for endpoint in all.iter().filter(|e| e.ip == ip) {
                let host = format!("{}.{}", endpoint.label(), domain(key));
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
        }
        hosts
    }
}

/// The address records of a name, each address once. Mirrors `plugin.A`.
fn add_addresses(name: &str, hosts: &[Host], to: &mut Answer) {
    for host in hosts {
        let record = address(name, host.ip, TTL);
        if !to.records.contains(&record) {
            to.records.push(record);
        }
    }
}

/// The SRV records of a name, each host's port once, and the addresses of the hosts. Mirrors `plugin.SRV`.
fn add_ports(name: &str, hosts: &[Host], to: &mut Answer) {
    // CoreDNS shares 100 out among all that was found, before it leaves out what is there twice.
    let weight = (100 / hosts.len().max(1)).max(1);
    for host in hosts {
        let Some(port) = host.port else { continue };
        let data = format!("0 {weight} {port} {}.", host.name);
        let record = Record { name: format!("{name}."), kind: RecordType::Srv, ttl: TTL, data };
        if !to.records.contains(&record) {
            to.records.push(record);
        }
        let help = address(&host.name, host.ip, TTL);
        if !to.additional.contains(&help) {
            to.additional.push(help);
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
