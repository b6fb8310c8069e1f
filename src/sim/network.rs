//! The cluster's network as a pod sees it: other pods, services, and the name server.
//!
//! Mirrors kube-proxy (which endpoint of a service is taken), and CoreDNS (`machine::net::dns`). Policies have their say
//! about what is gone to in the end.

use std::net::{IpAddr, Ipv4Addr};

use crate::api::Kind;
use crate::api::k8s::api::core::v1::{Node, Pod, Service};
use crate::api::k8s::api::discovery::v1::{Endpoint, EndpointSlice};
use crate::api::names::addresses::contains;
use crate::api::names::parse_cidr_sloppy;
use crate::controllers::endpoint_slice::SERVICE_NAME;
use crate::machine::errno::Errno;
use crate::machine::kernel::Disks;
use crate::machine::net::dns::Names;
use crate::machine::net::{Answer, Caller, Outside, Peer, RecordType, Reply, Sent};
use crate::store::{Index, Route, View};

use super::name_server::{endpoints, names_of};
use super::network_policy::{End, Traffic, permits};
use super::{Cluster, api_server};

/// The address of the cluster's name server, where no service says another.
const NAME_SERVER: &str = "10.43.0.10";

/// The address of the name server's pod, where none stands for it.
const NAME_SERVER_POD: &str = "10.42.0.2";

/// How many pods may ask each other in a row: one that answers may ask the next.
const MAX_AWAY: usize = 4;

/// The network around one pod that runs, or around a node.
pub(super) struct Network<'a> {
    pub(super) cluster: &'a mut Cluster,
    /// The pods that are not in the store just now, by uid: the one that runs, and those that it waits for.
    away: Vec<String>,
    /// The node, where it is no pod that speaks.
    node: Option<String>,
    /// What was said unasked to one of the pods that are away.
    pushed: Vec<(u64, Reply)>,
    /// The port of the last connection that led back to the pod that asks.
    own_port: Option<u16>,
    names: Option<Names>,
}

/// Where packets to an address end.
struct Target {
    /// The address and port that they have by then.
    ip: String,
    port: u16,
    /// Who gets them.
    who: Who,
}

/// Who gets packets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    /// A pod, by uid.
    Pod(String),
    /// The API server.
    Api,
    /// Nobody: the sender is told at once.
    Refused,
    /// Nobody, and nobody says so.
    Lost,
}

impl Target {
    fn of(ip: &str, port: u16, who: Who) -> Target {
        Target { ip: ip.to_string(), port, who }
    }
}

impl<'a> Network<'a> {
    pub(super) fn new(cluster: &'a mut Cluster, me: &str) -> Network<'a> {
        Network::around(cluster, vec![me.to_string()], None)
    }

    /// What a node's own processes see.
    pub(super) fn of_node(cluster: &'a mut Cluster, node: &str) -> Network<'a> {
        Network::around(cluster, vec![String::new()], Some(node.to_string()))
    }

    fn around(cluster: &'a mut Cluster, away: Vec<String>, node: Option<String>) -> Network<'a> {
        Network { cluster, away, node, pushed: Vec::new(), own_port: None, names: None }
    }

    fn me(&self) -> String {
        self.away.last().cloned().unwrap_or_default()
    }

    /// Who speaks, as policies see it.
    fn speaker(&self, from: Caller) -> End {
        let (view, ip) = (self.cluster.view(), from.ip.to_string());
        if let Some(node) = &self.node {
            return End::address(&ip, node);
        }
        match pod_of(&view, &ip) {
            Some(pod) => End::pod(pod),
            None => {
                let node = view.list_as::<Node>().find(|n| has_address(n, &ip));
                End::address(&ip, node.and_then(|n| n.metadata.name.as_deref()).unwrap_or_default())
            }
        }
    }

    /// Whether policies let something through to an address.
    fn permits(&self, from: &End, ip: &str, traffic: Traffic<'_>) -> bool {
        let view = self.cluster.view();
        if view.len(Kind::NetworkPolicy) == 0 {
            return true;
        }
        let to = match pod_of(&view, ip) {
            Some(pod) => End::pod(pod),
            None => {
                let node = view.list_as::<Node>().find(|n| has_address(n, ip));
                End::address(ip, node.and_then(|n| n.metadata.name.as_deref()).unwrap_or_default())
            }
        };
        permits(&view, from, &to, traffic)
    }

    /// Whether policies let questions through to the name server.
    fn permits_names(&self, from: &End) -> bool {
        let view = self.cluster.view();
        if view.len(Kind::NetworkPolicy) == 0 {
            return true;
        }
        let traffic = Traffic { protocol: "UDP", port: 53 };
        let known = view.get_as::<Service>("kube-system", "kube-dns");
        let endpoints = known.map(|s| endpoints(&view, s, false)).unwrap_or_default();
        let mut ends = endpoints.iter().filter_map(|e| pod_of(&view, &e.ip.to_string())).map(End::pod).peekable();
        if ends.peek().is_some() {
            return ends.any(|to| permits(&view, from, &to, traffic));
        }
        // OBSERVATION: CoreDNS is there though no pod stands for it.
        let labels = [("k8s-app".to_string(), "kube-dns".to_string())].into();
        let ports = vec![("dns".to_string(), "UDP".to_string(), 53), ("dns-tcp".to_string(), "TCP".to_string(), 53)];
        let namespace = Some("kube-system".to_string());
        permits(
            &view,
            from,
            &End { ip: NAME_SERVER_POD.into(), namespace, labels, ports, node: String::new() },
            traffic,
        )
    }

    fn target(&mut self, from: Caller, (ip, port): (IpAddr, u16)) -> Target {
        let turn = self.cluster.store_mut().count_connection();
        let view = self.cluster.view();
        let mut text = ip.to_string();
        if let Some(name) = self.node.as_deref().filter(|_| ip.is_loopback() || ip.is_unspecified()) {
            let node = view.get_as::<Node>("", name);
            text = node.and_then(address_of).unwrap_or(text);
        }
        let speaks_on = match &self.node {
            Some(node) => Some(node.clone()),
            None => pod_of(&view, &from.ip.to_string()).and_then(|p| p.spec.as_ref()?.node_name.clone()),
        };
        if api_server::is_there(&view, &text, port) {
            return Target::of(&text, port, Who::Api);
        }
        if let Some(service) = service_of(&view, &text) {
            let by = Way { port, node: None, internal: true };
            return through_service(&view, service, &text, by, speaks_on.as_deref(), (from, turn));
        }
        if let Some(node) = view.list_as::<Node>().find(|n| has_address(n, &text)) {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            if view.kubelet_stopped_since(name).is_some() {
                return Target::of(&text, port, Who::Lost);
            }
            let services = view.list_as::<Service>();
            let by_node_port = services.into_iter().find_map(|s| {
                let port = s.spec.as_ref()?.ports.iter().flatten().find(|p| p.node_port == Some(i32::from(port)))?;
                Some((s, port.port))
            });
            if let Some((service, port)) = by_node_port {
                let port = u16::try_from(port).unwrap_or(0);
                let by = Way { port, node: Some(name), internal: false };
                return through_service(&view, service, &text, by, speaks_on.as_deref(), (from, turn));
            }
        }
        listener(&view, &text, port)
    }

    fn names(&mut self) -> &Names {
        if self.names.is_none() {
            self.names = Some(names_of(&self.cluster.view()));
        }
        self.names.get_or_insert_with(Names::default)
    }

    /// Tells the listener at the other end of a connection what happens on it. He may ask others before he answers.
    fn tell(&mut self, from: Caller, connection: u64, sent: Sent<'_>, disks: &mut Disks) -> Result<Reply, Errno> {
        let route = self.cluster.store_mut().route(connection).ok_or(Errno::ConnReset)?;
        if route.to == api_server::NAME {
            return Ok(api_server::tell(self.cluster, connection, route, sent, disks));
        }
        if self.away.contains(&route.to) || self.away.len() >= MAX_AWAY {
            // OBSERVATION: that pod waits for an answer itself.
            return Err(Errno::ConnReset);
        }
        let sandbox = self.cluster.store_mut().take_sandbox(&route.to);
        // What is read from the file belongs to the disks at hand, which the pod that runs holds.
        disks.absorb(std::mem::take(self.cluster.store_mut().disks_mut()));
        let mut sandbox = sandbox.ok_or(Errno::ConnReset)?;
        if self.cluster.view().kubelet_stopped_since(&sandbox.node).is_some() {
            self.cluster.store_mut().put_sandbox(sandbox, None);
            return Err(Errno::TimedOut);
        }
        let peer = Peer { ip: from.ip, port: from.port, connection, stands_for: from.stands_for };
        let mut away = self.away.clone();
        away.push(route.to);
        let mut outside = Network::around(self.cluster, away, None);
        let answer = sandbox.serve(route.port, peer, sent, from.now, disks, &mut outside);
        for (connection, reply) in std::mem::take(&mut outside.pushed) {
            if !sandbox.pushed(connection, reply.clone()) {
                self.pushed.push((connection, reply));
            }
        }
        let wake = sandbox.wake();
        self.cluster.store_mut().put_sandbox(sandbox, wake);
        answer
    }
}

impl Outside for Network<'_> {
    fn query(&mut self, from: Caller, server: IpAddr, name: &str, kind: RecordType) -> Result<Answer, Errno> {
        let view = self.cluster.view();
        let known = view.get_as::<Service>("kube-system", "kube-dns");
        let address = known.and_then(|s| s.spec.as_ref()?.cluster_ip.as_deref()).unwrap_or(NAME_SERVER);
        if server.to_string() != address {
            return Err(Errno::TimedOut);
        }
        let speaker = self.speaker(from);
        if !self.permits_names(&speaker) {
            return Err(Errno::ConnRefused);
        }
        let turn = self.cluster.store_mut().count_connection();
        Ok(self.names().answer(name, kind, turn))
    }

    fn connect(&mut self, from: Caller, to: (IpAddr, u16), disks: &mut Disks) -> Result<(u64, Reply), Errno> {
        let Target { ip, port, who } = self.target(from, to);
        let speaker = self.speaker(from);
        if !self.permits(&speaker, &ip, Traffic { protocol: "TCP", port }) {
            return Err(Errno::ConnRefused);
        }
        let uid = match who {
            Who::Pod(uid) => uid,
            Who::Api if self.cluster.has_door() => api_server::NAME.to_string(),
            Who::Refused | Who::Api => return Err(Errno::ConnRefused),
            Who::Lost => return Err(Errno::TimedOut),
        };
        let me = self.me();
        if uid == me {
            self.own_port = Some(port);
            return Err(Errno::ConnRefused);
        }
        if self.away.contains(&uid) || self.away.len() >= MAX_AWAY {
            // OBSERVATION: that pod waits for an answer itself.
            return Err(Errno::ConnRefused);
        }
        let connection = self.cluster.store_mut().count_connection();
        self.cluster.store_mut().add_route(connection, Route { from: me, to: uid, port, ..Route::default() });
        match self.tell(from, connection, Sent::Open, disks) {
            Ok(reply) => Ok((connection, reply)),
            Err(fault) => {
                self.cluster.store_mut().remove_route(connection);
                Err(fault)
            }
        }
    }

    fn exchange(&mut self, from: Caller, connection: u64, bytes: &[u8], disks: &mut Disks) -> Result<Reply, Errno> {
        let reply = self.tell(from, connection, Sent::Bytes(bytes), disks);
        if reply.as_ref().map_or(true, |r| r.close) {
            self.cluster.store_mut().remove_route(connection);
        }
        reply
    }

    fn close(&mut self, from: Caller, connection: u64, disks: &mut Disks) {
        let _ = self.tell(from, connection, Sent::Closed, disks);
        self.cluster.store_mut().remove_route(connection);
    }

    fn push(&mut self, connection: u64, reply: Reply) {
        let Some(route) = self.cluster.store_mut().route(connection) else { return };
        if reply.close {
            self.cluster.store_mut().remove_route(connection);
        }
        if self.away.contains(&route.from) {
            self.pushed.push((connection, reply));
            return;
        }
        if !self.cluster.store().has_sandbox(&route.from) {
            self.cluster.store_mut().keep_pushed(connection, reply);
            return;
        }
        if let Some(mut sandbox) = self.cluster.store_mut().take_sandbox(&route.from) {
            // Nothing arrives on a node that is off.
            let wake = match self.cluster.view().kubelet_stopped_since(&sandbox.node).is_some() {
                true => None,
                false => {
                    sandbox.pushed(connection, reply);
                    sandbox.wake()
                }
            };
            self.cluster.store_mut().put_sandbox(sandbox, wake);
        }
    }

    fn own_port(&mut self) -> Option<u16> {
        self.own_port.take()
    }

    fn take_pushed(&mut self) -> Vec<(u64, Reply)> {
        std::mem::take(&mut self.pushed)
    }

    fn answers(&mut self, from: Caller, address: IpAddr) -> bool {
        let text = address.to_string();
        let speaker = self.speaker(from);
        if !self.permits(&speaker, &text, Traffic { protocol: "ICMP", port: 0 }) {
            return false;
        }
        let view = self.cluster.view();
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

fn address_of(node: &Node) -> Option<String> {
    let mut addresses = node.status.iter().flat_map(|s| s.addresses.iter().flatten());
    addresses.find(|a| a.type_ == "InternalIP").map(|a| a.address.clone())
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

/// Who gets packets to an address that is neither a service's nor a node's port of one: they are translated once only.
fn listener(view: &View<'_>, ip: &str, port: u16) -> Target {
    if api_server::is_there(view, ip, port) {
        return Target::of(ip, port, Who::Api);
    }
    let Some(node) = view.list_as::<Node>().find(|n| has_address(n, ip)) else {
        let uid = pod_of(view, ip).and_then(|p| p.metadata.uid.clone());
        return Target::of(ip, port, uid.map_or(Who::Lost, Who::Pod));
    };
    let name = node.metadata.name.as_deref().unwrap_or_default();
    if view.kubelet_stopped_since(name).is_some() {
        return Target::of(ip, port, Who::Lost);
    }
    let on_host = view.indexed(Kind::Pod, Index::Node, name).filter_map(|o| o.get::<Pod>()).find(|p| {
        let uid = p.metadata.uid.as_deref().unwrap_or_default();
        p.spec.as_ref().and_then(|s| s.host_network) == Some(true)
            && view.sandbox(uid).is_some_and(|s| s.listeners.contains_key(&port))
    });
    let who = on_host.and_then(|p| p.metadata.uid.clone()).map_or(Who::Refused, Who::Pod);
    Target::of(ip, port, who)
}

pub(super) fn slices<'a>(view: &View<'a>, service: &Service) -> impl Iterator<Item = &'a EndpointSlice> + use<'a> {
    let namespace = service.metadata.namespace.clone().unwrap_or_default();
    let name = service.metadata.name.clone().unwrap_or_default();
    let slices = view.list(Kind::EndpointSlice).filter(move |o| o.namespace() == namespace);
    slices.filter(move |o| o.label(SERVICE_NAME) == Some(&name)).filter_map(|o| o.get::<EndpointSlice>())
}

pub(super) fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|c| c.ready) != Some(false)
}

/// By which way a connection came to a service.
struct Way<'a> {
    /// The service's port.
    port: u16,
    /// The node whose port it came by.
    node: Option<&'a str>,
    /// Whether it came by an address within the cluster.
    internal: bool,
}

/// The endpoint of a service that a new connection goes to. `speaks_on` is the node of who opens it.
fn through_service(
    view: &View<'_>,
    service: &Service,
    ip: &str,
    by: Way<'_>,
    speaks_on: Option<&str>,
    (from, turn): (Caller, u64),
) -> Target {
    let spec = service.spec.as_ref();
    let Some(wanted) = spec.and_then(|s| s.ports.as_ref()?.iter().find(|p| p.port == i32::from(by.port))) else {
        return Target::of(ip, by.port, Who::Lost);
    };
    let name = wanted.name.as_deref().unwrap_or_default();
    let mut addresses: Vec<(String, u16)> = Vec::new();
    // Where a policy says so, only what is on the same node counts.
    let local = match by.internal {
        true => speaks_on.filter(|_| spec.and_then(|s| s.internal_traffic_policy.as_deref()) == Some("Local")),
        false => by.node.filter(|_| spec.and_then(|s| s.external_traffic_policy.as_deref()) == Some("Local")),
    };
    let mut elsewhere = false;
    for slice in slices(view, service) {
        let port = slice.ports.iter().flatten().find(|p| p.name.as_deref().unwrap_or_default() == name);
        let Some(port) = port.and_then(|p| p.port).and_then(|p| u16::try_from(p).ok()) else { continue };
        for endpoint in slice.endpoints.iter().flatten().filter(|e| is_ready(e)) {
            if local.is_some() && endpoint.node_name.as_deref() != local {
                elsewhere = true;
                continue;
            }
            addresses.extend(endpoint.addresses.first().map(|a| (a.clone(), port)));
        }
    }
    addresses.sort();
    if addresses.is_empty() {
        // What has endpoints, but none here, is dropped; what has none at all is rejected.
        return Target::of(ip, by.port, if elsewhere { Who::Lost } else { Who::Refused });
    }
    let sticky = spec.and_then(|s| s.session_affinity.as_deref()) == Some("ClientIP");
    let lot = if sticky { hash(&from.ip.to_string()) } else { hash(&turn.to_string()) };
    let (ip, port) = &addresses[(lot % addresses.len() as u64) as usize];
    listener(view, ip, *port)
}

/// A lot, the same in each run of the cluster.
fn hash(text: &str) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    hash ^ (hash >> 29)
}
