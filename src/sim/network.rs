//! The cluster's network as a pod sees it: other pods, services, and the name server.
//!
//! Mirrors kube-proxy (which endpoint of a service is taken), and CoreDNS (`machine::net::dns`).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::api::Kind;
use crate::api::k8s::api::core::v1::{Node, Pod, Service};
use crate::api::k8s::api::discovery::v1::{Endpoint, EndpointSlice};
use crate::api::names::addresses::contains;
use crate::api::names::parse_cidr_sloppy;
use crate::controllers::endpoint_slice::SERVICE_NAME;
use crate::machine::errno::Errno;
use crate::machine::kernel::Disks;
use crate::machine::net::dns::{self, Names};
use crate::machine::net::{Answer, Caller, Outside, Peer, RecordType, Reply, Sent};
use crate::store::{Index, Route, Store, View};

/// The address of the cluster's name server, where no service says another.
const NAME_SERVER: &str = "10.43.0.10";

/// The network around one pod that runs.
pub(super) struct Network<'a> {
    store: &'a mut Store,
    /// The pod's uid.
    me: String,
    names: Option<Names>,
}

/// Where packets to an address end.
enum Target {
    /// At a pod, by uid.
    Pod(String, u16),
    /// Nowhere: the sender is told at once.
    Refused,
    /// Nowhere, and nobody says so.
    Lost,
}

impl<'a> Network<'a> {
    pub(super) fn new(store: &'a mut Store, me: &str) -> Network<'a> {
        Network { store, me: me.to_string(), names: None }
    }

    fn target(&mut self, from: Caller, (ip, port): (IpAddr, u16)) -> Target {
        let turn = self.store.count_connection();
        let view = self.store.view();
        let text = ip.to_string();
        if let Some(service) = service_of(&view, &text) {
            return through_service(&view, service, port, None, from, turn);
        }
        if let Some(node) = view.list_as::<Node>().find(|n| has_address(n, &text)) {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            if view.kubelet_stopped_since(name).is_some() {
                return Target::Lost;
            }
            let services = view.list_as::<Service>();
            let by_node_port = services.into_iter().find_map(|s| {
                let port = s.spec.as_ref()?.ports.iter().flatten().find(|p| p.node_port == Some(i32::from(port)))?;
                Some((s, port.port))
            });
            if let Some((service, port)) = by_node_port {
                let port = u16::try_from(port).unwrap_or(0);
                return through_service(&view, service, port, Some(name), from, turn);
            }
            let on_host = view.indexed(Kind::Pod, Index::Node, name).filter_map(|o| o.get::<Pod>()).find(|p| {
                let uid = p.metadata.uid.as_deref().unwrap_or_default();
                p.spec.as_ref().and_then(|s| s.host_network) == Some(true)
                    && view.sandbox(uid).is_some_and(|s| s.listeners.contains_key(&port))
            });
            return match on_host.and_then(|p| p.metadata.uid.clone()) {
                Some(uid) => Target::Pod(uid, port),
                None => Target::Refused,
            };
        }
        pod_target(&view, &text, port)
    }

    fn names(&mut self) -> &Names {
        if self.names.is_none() {
            self.names = Some(names_of(&self.store.view()));
        }
        self.names.get_or_insert_with(Names::default)
    }

    /// Has the sandbox at the other end of a connection do something.
    fn with_sandbox<T>(
        &mut self,
        uid: &str,
        disks: &mut Disks,
        work: impl FnOnce(&mut crate::machine::kernel::Sandbox, &mut Disks) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        // What is read from the file belongs to the disks at hand, which the pod that runs holds.
        std::mem::swap(disks, self.store.disks_mut());
        let sandbox = self.store.take_sandbox(uid);
        std::mem::swap(disks, self.store.disks_mut());
        let mut sandbox = sandbox.ok_or(Errno::ConnReset)?;
        let answer = work(&mut sandbox, disks);
        let wake = sandbox.wake();
        self.store.put_sandbox(sandbox, wake);
        answer
    }

    fn tell(&mut self, from: Caller, connection: u64, sent: Sent<'_>, disks: &mut Disks) -> Result<Reply, Errno> {
        let route = self.store.route(connection).ok_or(Errno::ConnReset)?;
        let peer = Peer { ip: from.ip, port: from.port, connection };
        let mut nowhere = crate::machine::net::Nowhere;
        self.with_sandbox(&route.to, disks, |sandbox, disks| {
            sandbox.serve(route.port, peer, sent, from.now, disks, &mut nowhere)
        })
    }
}

impl Outside for Network<'_> {
    fn query(&mut self, _: Caller, server: IpAddr, name: &str, kind: RecordType) -> Result<Answer, Errno> {
        let view = self.store.view();
        let known = view.get_as::<Service>("kube-system", "kube-dns");
        let address = known.and_then(|s| s.spec.as_ref()?.cluster_ip.as_deref()).unwrap_or(NAME_SERVER);
        if server.to_string() != address {
            return Err(Errno::TimedOut);
        }
        let turn = self.store.count_connection();
        Ok(self.names().answer(name, kind, turn))
    }

    fn connect(&mut self, from: Caller, to: (IpAddr, u16), disks: &mut Disks) -> Result<(u64, Reply), Errno> {
        let (uid, port) = match self.target(from, to) {
            Target::Pod(uid, port) => (uid, port),
            Target::Refused => return Err(Errno::ConnRefused),
            Target::Lost => return Err(Errno::TimedOut),
        };
        if uid == self.me {
            // OBSERVATION: the pod itself, by way of a service; it is the one that runs.
            return Err(Errno::ConnRefused);
        }
        let connection = self.store.count_connection();
        self.store.add_route(connection, Route { from: self.me.clone(), to: uid, port });
        match self.tell(from, connection, Sent::Open, disks) {
            Ok(reply) => Ok((connection, reply)),
            Err(fault) => {
                self.store.remove_route(connection);
                Err(fault)
            }
        }
    }

    fn exchange(&mut self, from: Caller, connection: u64, bytes: &[u8], disks: &mut Disks) -> Result<Reply, Errno> {
        let reply = self.tell(from, connection, Sent::Bytes(bytes), disks);
        if reply.as_ref().map_or(true, |r| r.close) {
            self.store.remove_route(connection);
        }
        reply
    }

    fn close(&mut self, from: Caller, connection: u64, disks: &mut Disks) {
        let _ = self.tell(from, connection, Sent::Closed, disks);
        self.store.remove_route(connection);
    }

    fn push(&mut self, connection: u64, reply: Reply) {
        let Some(route) = self.store.route(connection) else { return };
        if reply.close {
            self.store.remove_route(connection);
        }
        if let Some(mut sandbox) = self.store.take_sandbox(&route.from) {
            sandbox.pushed(connection, reply);
            let wake = sandbox.wake();
            self.store.put_sandbox(sandbox, wake);
        }
    }

    fn answers(&mut self, _: Caller, address: IpAddr) -> bool {
        let view = self.store.view();
        let text = address.to_string();
        let node = view.list_as::<Node>().find(|n| has_address(n, &text));
        match node {
            Some(node) => view.kubelet_stopped_since(node.metadata.name.as_deref().unwrap_or_default()).is_none(),
            None => pod_of(&view, &text).is_some(),
        }
    }
}

fn has_address(node: &Node, ip: &str) -> bool {
    node.status.iter().flat_map(|s| s.addresses.iter().flatten()).any(|a| a.type_ == "InternalIP" && a.address == ip)
}

fn service_of<'a>(view: &View<'a>, ip: &str) -> Option<&'a Service> {
    view.list_as::<Service>().find(|s| {
        let spec = s.spec.as_ref();
        let ingress = s.status.iter().flat_map(|s| s.load_balancer.iter()).flat_map(|l| l.ingress.iter().flatten());
        spec.and_then(|s| s.cluster_ip.as_deref()) == Some(ip)
            || spec.is_some_and(|s| s.external_ips.iter().flatten().any(|e| e == ip))
            || ingress
                .into_iter()
                .any(|i| i.ip.as_deref() == Some(ip) && !i.ip.as_deref().unwrap_or("").starts_with("172."))
    })
}

/// The pod that has an address and runs.
fn pod_of<'a>(view: &View<'a>, ip: &str) -> Option<&'a Pod> {
    let address: Ipv4Addr = ip.parse().ok()?;
    let node = view.list_as::<Node>().find(|n| {
        let cidr = n.spec.as_ref().and_then(|s| s.pod_cidr.as_deref()).unwrap_or_default();
        parse_cidr_sloppy(cidr).is_some_and(|(_, network, bits)| contains((network, bits), IpAddr::V4(address)))
    })?;
    let name = node.metadata.name.as_deref()?;
    if view.kubelet_stopped_since(name).is_some() {
        return None;
    }
    view.indexed(Kind::Pod, Index::Node, name).filter_map(|o| o.get::<Pod>()).find(|p| {
        let status = p.status.as_ref();
        let over = matches!(status.and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed"));
        status.and_then(|s| s.pod_ip.as_deref()) == Some(ip) && !over
    })
}

fn pod_target(view: &View<'_>, ip: &str, port: u16) -> Target {
    match pod_of(view, ip).and_then(|p| p.metadata.uid.clone()) {
        Some(uid) => Target::Pod(uid, port),
        None => Target::Lost,
    }
}

fn slices<'a>(view: &View<'a>, service: &Service) -> impl Iterator<Item = &'a EndpointSlice> + use<'a> {
    let namespace = service.metadata.namespace.clone().unwrap_or_default();
    let name = service.metadata.name.clone().unwrap_or_default();
    let slices = view.list(Kind::EndpointSlice).filter(move |o| o.namespace() == namespace);
    slices.filter(move |o| o.label(SERVICE_NAME) == Some(&name)).filter_map(|o| o.get::<EndpointSlice>())
}

fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|c| c.ready) != Some(false)
}

/// The endpoint of a service that a new connection goes to. `node` is the one whose port it came by.
fn through_service(
    view: &View<'_>,
    service: &Service,
    port: u16,
    node: Option<&str>,
    from: Caller,
    turn: u64,
) -> Target {
    let spec = service.spec.as_ref();
    let Some(wanted) = spec.and_then(|s| s.ports.as_ref()?.iter().find(|p| p.port == i32::from(port))) else {
        return Target::Lost;
    };
    let name = wanted.name.as_deref().unwrap_or_default();
    let mut addresses: Vec<(String, u16)> = Vec::new();
    let local = node.filter(|_| spec.and_then(|s| s.external_traffic_policy.as_deref()) == Some("Local"));
    for slice in slices(view, service) {
        let port = slice.ports.iter().flatten().find(|p| p.name.as_deref().unwrap_or_default() == name);
        let Some(port) = port.and_then(|p| p.port).and_then(|p| u16::try_from(p).ok()) else { continue };
        for endpoint in slice.endpoints.iter().flatten().filter(|e| is_ready(e)) {
            if local.is_some() && endpoint.node_name.as_deref() != local {
                continue;
            }
            addresses.extend(endpoint.addresses.first().map(|a| (a.clone(), port)));
        }
    }
    addresses.sort();
    if addresses.is_empty() {
        return if local.is_some() { Target::Lost } else { Target::Refused };
    }
    let sticky = spec.and_then(|s| s.session_affinity.as_deref()) == Some("ClientIP");
    let lot = if sticky { hash(&from.ip.to_string()) } else { hash(&turn.to_string()) };
    let (ip, port) = &addresses[(lot % addresses.len() as u64) as usize];
    pod_target(view, ip, *port)
}

/// A lot, the same in each run of the cluster.
fn hash(text: &str) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    hash ^ (hash >> 29)
}

/// What the name server knows.
fn names_of(view: &View<'_>) -> Names {
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
                port: u16::try_from(p.port).unwrap_or(0),
            });
            dns::Service::ClusterIp(ip, ports.collect())
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

fn endpoints(view: &View<'_>, service: &Service, all: bool) -> Vec<dns::Endpoint> {
    let mut found: BTreeMap<Ipv4Addr, dns::Endpoint> = BTreeMap::new();
    for slice in slices(view, service) {
        for endpoint in slice.endpoints.iter().flatten().filter(|e| all || is_ready(e)) {
            let Some(Ok(ip)) = endpoint.addresses.first().map(|a| a.parse::<Ipv4Addr>()) else { continue };
            let ports = slice.ports.iter().flatten().map(|p| dns::Port {
                name: p.name.clone().unwrap_or_default(),
                protocol: protocol(p.protocol.as_deref()),
                port: p.port.and_then(|p| u16::try_from(p).ok()).unwrap_or(0),
            });
            let hostname = endpoint.hostname.clone().filter(|h| !h.is_empty());
            found.insert(ip, dns::Endpoint { ip, hostname, ports: ports.collect() });
        }
    }
    found.into_values().collect()
}

fn protocol(name: Option<&str>) -> &'static str {
    if name == Some("UDP") { "udp" } else { "tcp" }
}
