//! `create service`: clusterip, nodeport, loadbalancer and externalname.

use serde_json::{Value, json};

use crate::api::{Kind, names};
use crate::error::Failure;
use crate::kubectl::print::errors::{sub_command_needed, usage};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::generator::Common;

/// Create a service using a specified subcommand.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    service: Option<Service>,
    /// Arguments that name no type of service
    #[arg(hide = true)]
    rest: Vec<String>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Service {
    /// Create a ClusterIP service
    #[command(name = "clusterip")]
    ClusterIp(ClusterIp),
    /// Create an ExternalName service
    #[command(name = "externalname")]
    ExternalName(ExternalName),
    /// Create a LoadBalancer service
    #[command(name = "loadbalancer")]
    LoadBalancer(LoadBalancer),
    /// Create a NodePort service
    #[command(name = "nodeport")]
    NodePort(NodePort),
}

/// Create a ClusterIP service with the specified name.
#[derive(Debug, Clone, clap::Args)]
struct ClusterIp {
    #[command(flatten)]
    common: Common,
    /// Assign your own ClusterIP or set to 'None' for a 'headless' service (no loadbalancing)
    #[arg(long, default_value = "")]
    clusterip: String,
    /// Port pairs can be specified as '<port>:<targetPort>'
    #[arg(long, value_delimiter = ',')]
    tcp: Vec<String>,
}

/// Create an ExternalName service with the specified name.
#[derive(Debug, Clone, clap::Args)]
struct ExternalName {
    #[command(flatten)]
    common: Common,
    /// External name of service
    #[arg(long, required = true)]
    external_name: String,
    /// Port pairs can be specified as '<port>:<targetPort>'
    #[arg(long, value_delimiter = ',')]
    tcp: Vec<String>,
}

/// Create a LoadBalancer service with the specified name.
#[derive(Debug, Clone, clap::Args)]
struct LoadBalancer {
    #[command(flatten)]
    common: Common,
    /// Port pairs can be specified as '<port>:<targetPort>'
    #[arg(long, value_delimiter = ',')]
    tcp: Vec<String>,
}

/// Create a NodePort service with the specified name.
#[derive(Debug, Clone, clap::Args)]
struct NodePort {
    #[command(flatten)]
    common: Common,
    /// Port used to expose the service on each node in a cluster
    #[arg(long, default_value = "0")]
    node_port: i32,
    /// Port pairs can be specified as '<port>:<targetPort>'
    #[arg(long, value_delimiter = ',')]
    tcp: Vec<String>,
}

/// What the four have in common.
#[derive(Default)]
struct Plan<'a> {
    service_type: &'static str,
    tcp: &'a [String],
    cluster_ip: &'a str,
    node_port: i32,
    external_name: &'a str,
}

/// Runs the generator.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let (common, path, plan) = match &args.service {
        Some(Service::ClusterIp(a)) => {
            let plan = Plan { service_type: "ClusterIP", tcp: &a.tcp, cluster_ip: &a.clusterip, ..Plan::default() };
            (&a.common, "create service clusterip", plan)
        }
        Some(Service::ExternalName(a)) => {
            let (tcp, external_name) = (&a.tcp, &a.external_name);
            let plan = Plan { service_type: "ExternalName", tcp, external_name, ..Plan::default() };
            (&a.common, "create service externalname", plan)
        }
        Some(Service::LoadBalancer(a)) => {
            let plan = Plan { service_type: "LoadBalancer", tcp: &a.tcp, ..Plan::default() };
            (&a.common, "create service loadbalancer", plan)
        }
        Some(Service::NodePort(a)) => {
            let plan = Plan { service_type: "NodePort", tcp: &a.tcp, node_port: a.node_port, ..Plan::default() };
            (&a.common, "create service nodeport", plan)
        }
        None if args.rest.is_empty() => return Err(sub_command_needed(session, "create service")),
        None => return Err(usage(session, "create service", &format!("unknown command {:?}", args.rest.join(" ")))),
    };
    // OBSERVATION: these alone take `--save-config` and forget about it.
    let generator = common.start(path, session)?.without_last_applied();
    plan.check()?;
    let tree = plan.tree(&generator.name).map_err(Failure::error)?;
    let failed = format!("failed to create {} service: ", plan.service_type);
    generator.finish(session, Kind::Service, tree, Some(&failed))
}

impl Plan<'_> {
    fn check(&self) -> Result<(), Failure> {
        let external = self.service_type == "ExternalName";
        if self.cluster_ip != "None" && self.tcp.is_empty() && !external {
            return Err(Failure::error("at least one tcp port specifier must be provided"));
        }
        if external && !names::dns1123_subdomain(self.external_name).is_empty() {
            return Err(Failure::error(format!("invalid service external name {}", self.external_name)));
        }
        Ok(())
    }

    fn tree(&self, name: &str) -> Result<Value, String> {
        let mut ports = Vec::new();
        for pair in self.tcp {
            let (port, target) = parse_ports(pair)?;
            let mut entry =
                json!({"name": pair.replace(':', "-"), "port": port, "targetPort": target, "protocol": "TCP"});
            if self.node_port != 0 {
                entry["nodePort"] = json!(self.node_port);
            }
            ports.push(entry);
        }
        let labels = json!({"app": name});
        let mut spec = json!({"type": self.service_type, "selector": labels, "ports": ports});
        if !self.cluster_ip.is_empty() {
            spec["clusterIP"] = json!(self.cluster_ip);
        }
        if !self.external_name.is_empty() {
            spec["externalName"] = json!(self.external_name);
        }
        Ok(json!({"metadata": {"labels": labels}, "spec": spec}))
    }
}

/// `80`, `80:8080` or `80:http`.
fn parse_ports(pair: &str) -> Result<(u16, Value), String> {
    let mut parts = pair.split(':');
    let (port, target) = (parts.next().unwrap_or_default(), parts.next());
    let port = parse_port(port)?;
    let Some(target) = target else { return Ok((port, json!(port))) };
    let (value, faults) = match target.parse::<i64>() {
        Ok(number) => (json!(number), names::port_num(number)),
        Err(_) => (json!(target), names::port_name(target)),
    };
    if faults.is_empty() { Ok((port, value)) } else { Err(faults.join(",")) }
}

/// A port's number; the text of a failure is Go's.
pub fn parse_port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let what = if digits { "value out of range" } else { "invalid syntax" };
    let refusal = || format!("strconv.ParseUint: parsing {text:?}: {what}");
    text.parse().ok().filter(|_| digits).ok_or_else(refusal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse_ports;

    #[test]
    fn reads_port_pairs() {
        assert_eq!(parse_ports("80").unwrap(), (80, json!(80)));
        assert_eq!(parse_ports("80:http").unwrap(), (80, json!("http")));
        assert_eq!(parse_ports("80:0").unwrap_err(), "must be between 1 and 65535, inclusive");
        assert_eq!(parse_ports("a").unwrap_err(), "strconv.ParseUint: parsing \"a\": invalid syntax");
        assert_eq!(parse_ports("70000").unwrap_err(), "strconv.ParseUint: parsing \"70000\": value out of range");
    }
}
