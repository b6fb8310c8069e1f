//! `port-forward`: ports of this machine that lead to a pod.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/portforward` and `k8s.io/client-go/tools/portforward`.

mod forward;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::api::Duration;
use crate::api::k8s::api::core::v1::{Pod, Service};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::request::Connect;
use crate::error::Failure;
use crate::kinds::core::pod::status::phase;
use crate::kubectl::print::errors::usage;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::{check_timeout, pods};
use crate::server::Reply;

/// Forward one or more local ports to a pod.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE/NAME, and [LOCAL_PORT:]REMOTE_PORT...
    #[arg(value_name = "TYPE/NAME")]
    args: Vec<String>,
    /// Addresses to listen on (comma separated)
    #[arg(long, value_delimiter = ',', default_value = "localhost")]
    address: Vec<String>,
    /// The length of time to wait until at least one pod is running
    #[arg(long, default_value = "1m0s", value_parser = Duration::parse)]
    pod_running_timeout: Duration,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts; and when the connection to the pod is lost.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let [name, ports @ ..] = args.args.as_slice() else { return Err(needs_ports(session)) };
    if ports.is_empty() {
        return Err(needs_ports(session));
    }
    check_timeout(args.pod_running_timeout).map_err(|text| usage(session, "port-forward", text))?;
    let object = pods::object(session, name)?;
    let pod = pods::attachable(session, &object, args.pod_running_timeout)?;
    let Some(pod) = pod.get::<Pod>() else { return Ok(()) };
    let ports = match object.get::<Service>() {
        Some(service) => ports_of_service(ports, service, pod),
        None => ports_of_pod(ports, pod),
    };
    let ports = ports.map_err(Failure::error)?;
    if phase(pod) != "Running" {
        let phase = phase(pod);
        return Err(Failure::error(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    let addresses = parse_addresses(&args.address).map_err(Failure::error)?;
    let ports = parse_ports(&ports).map_err(Failure::error)?;
    let numbers = ports.iter().map(|port| port.remote).collect();
    let key = pods::key(pod);
    match session.client.connect(&key, Connect::PortForward(numbers)) {
        Ok(Reply::Forward(uid)) => forward::run(session, &uid, &addresses, ports),
        Ok(_) => Ok(()),
        Err(refusal) => Err(Failure::error(format!("error upgrading connection: {}", refusal.message))),
    }
}

/// A port of this machine and the one of the pod that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ForwardedPort {
    /// 0 for any that is free.
    local: u16,
    remote: u16,
}

/// An address to listen on, and whether that must succeed for it (`all`) or for one of its group (`any`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ListenAddress {
    ip: IpAddr,
    /// Whether it is one of localhost's two.
    any: bool,
}

fn needs_ports(session: &Session<'_>) -> Failure {
    usage(session, "port-forward", "TYPE/NAME and list of ports are required for port-forward")
}

/// `LOCAL:REMOTE`, or one for both.
fn split(port: &str) -> (&str, &str) {
    match port.split(':').collect::<Vec<_>>().as_slice() {
        [local, remote] => (local, remote),
        parts => (parts[0], parts[0]),
    }
}

fn joined(local: &str, remote: &str) -> String {
    if local == remote { remote.to_string() } else { format!("{local}:{remote}") }
}

/// The ports of the pod that a service's ports lead to. Mirrors `translateServicePortToTargetPort`.
fn ports_of_service(ports: &[String], service: &Service, pod: &Pod) -> Result<Vec<String>, String> {
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let spec = service.spec.clone().unwrap_or_default();
    let known = spec.ports.unwrap_or_default();
    let number_of = |remote: &str| {
        remote.parse::<i32>().or_else(|_| {
            let named = known.iter().find(|p| p.name.as_deref().unwrap_or_default() == remote);
            named.map(|p| p.port).ok_or(format!("Service '{name}' does not have a named port '{remote}'"))
        })
    };
    let all = known.iter().map(|p| (p.port, p.protocol.as_deref().unwrap_or("TCP")));
    check_protocols(ports, all.collect(), number_of)?;
    let mut translated = Vec::new();
    for (local, remote) in ports.iter().map(|port| split(port)) {
        let number = number_of(remote)?;
        let local = if local == remote { number.to_string() } else { local.to_string() };
        let port = known.iter().find(|p| p.port == number);
        let port = port.ok_or(format!("Service {name} does not have a service port {number}"))?;
        let target = match &port.target_port {
            _ if spec.cluster_ip.as_deref() == Some("None") => number,
            None | Some(IntOrString::Int(0)) => number,
            Some(IntOrString::Int(target)) => *target,
            Some(IntOrString::String(target)) => named_port(pod, target)?,
        };
        translated.push(joined(&local, &target.to_string()));
    }
    Ok(translated)
}

/// Names of a pod's ports as numbers. Mirrors `convertPodNamedPortToNumber`.
fn ports_of_pod(ports: &[String], pod: &Pod) -> Result<Vec<String>, String> {
    let number_of = |remote: &str| remote.parse::<i32>().or_else(|_| named_port(pod, remote));
    let containers = pod.spec.iter().flat_map(|s| &s.containers);
    let known = containers.flat_map(|c| c.ports.iter().flatten());
    let known = known.map(|p| (p.container_port, p.protocol.as_deref().unwrap_or("TCP")));
    check_protocols(ports, known.collect(), number_of)?;
    let mut converted = Vec::new();
    for (local, remote) in ports.iter().map(|port| split(port)) {
        if remote.is_empty() {
            return Err("remote port cannot be empty".into());
        }
        let number = if remote.parse::<i32>().is_ok() { remote.to_string() } else { number_of(remote)?.to_string() };
        converted.push(if local == remote { number } else { format!("{local}:{number}") });
    }
    Ok(converted)
}

fn named_port(pod: &Pod, name: &str) -> Result<i32, String> {
    let spec = pod.spec.iter();
    let containers = spec.flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()));
    let mut ports = containers.flat_map(|c| c.ports.iter().flatten());
    let port = ports.find(|p| p.name.as_deref().unwrap_or_default() == name);
    let pod = pod.metadata.name.as_deref().unwrap_or_default();
    port.map(|p| p.container_port).ok_or(format!("Pod '{pod}' does not have a named port '{name}'"))
}

/// Refuses ports that speak UDP only.
fn check_protocols(
    ports: &[String],
    known: Vec<(i32, &str)>,
    number_of: impl Fn(&str) -> Result<i32, String>,
) -> Result<(), String> {
    let of = |wanted: &str| known.iter().filter(|(_, p)| *p == wanted).map(|(n, _)| *n).collect::<BTreeSet<i32>>();
    let (udp, tcp) = (of("UDP"), of("TCP"));
    for (_, remote) in ports.iter().map(|port| split(port)) {
        let number = number_of(remote)?;
        if udp.contains(&number) && !tcp.contains(&number) {
            return Err(format!("UDP protocol is not supported for {remote}"));
        }
    }
    Ok(())
}

/// Mirrors `parseAddresses`.
fn parse_addresses(addresses: &[String]) -> Result<Vec<ListenAddress>, String> {
    let mut parsed: BTreeMap<String, ListenAddress> = BTreeMap::new();
    for address in addresses.iter().filter(|a| !a.is_empty()) {
        if address == "localhost" {
            for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
                parsed.entry(ip.to_string()).or_insert(ListenAddress { ip, any: true });
            }
        } else {
            let ip = address.parse::<IpAddr>().map_err(|_| format!("{address} is not a valid IP"))?;
            parsed.insert(ip.to_string(), ListenAddress { ip, any: false });
        }
    }
    match parsed.is_empty() {
        true => Err("you must specify at least 1 address".into()),
        false => Ok(parsed.into_values().collect()),
    }
}

/// Mirrors `parsePorts`.
fn parse_ports(ports: &[String]) -> Result<Vec<ForwardedPort>, String> {
    let one = |port: &String| {
        let (local, remote) = match port.split(':').collect::<Vec<_>>().as_slice() {
            [both] => (*both, *both),
            ["", remote] => ("0", *remote),
            [local, remote] => (*local, *remote),
            _ => return Err(format!("invalid port format '{port}'")),
        };
        let local = number(local).map_err(|e| format!("error parsing local port '{local}': {e}"))?;
        match number(remote).map_err(|e| format!("error parsing remote port '{remote}': {e}"))? {
            0 => Err("remote port must be > 0".into()),
            remote => Ok(ForwardedPort { local, remote }),
        }
    };
    ports.iter().map(one).collect()
}

/// Mirrors Go's `strconv.ParseUint` with 16 bits.
fn number(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let what = if digits { "value out of range" } else { "invalid syntax" };
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or_else(|| format!("strconv.ParseUint: parsing {text:?}: {what}"))
}
