//! Service.
//!
//! Its addresses and ports are drawn in `admission::service_ip`.

mod describe;
mod validation;

pub(crate) use validation::validate_cluster_ips;

use std::collections::BTreeSet;

use crate::api::k8s::api::core::v1::{
    ClientIPConfig, LoadBalancerStatus, Service, ServicePort, ServiceSpec, ServiceStatus, SessionAffinityConfig,
};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::names::addresses;
use crate::api::object::annotation_of;
use crate::api::selector::format_labels;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::NameRule;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::string_or_none;
use crate::kinds::shared::print;

/// The cluster address of a headless service.
pub const CLUSTER_IP_NONE: &str = "None";
const DEPRECATED_TOPOLOGY_HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const TOPOLOGY_MODE: &str = "service.kubernetes.io/topology-mode";
/// `DefaultClientIPServiceAffinitySeconds`: three hours.
const CLIENT_IP_TIMEOUT: i32 = 10_800;
/// How wide the addresses of a load balancer may be in a table that is not wide.
const LOAD_BALANCER_WIDTH: usize = 16;

impl Strategy for Service {
    const NAME: NameRule = NameRule::Label;
    const STATUS: bool = true;

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        let affinity = spec.session_affinity.get_or_insert_with(|| "None".into()).clone();
        match affinity.as_str() {
            "None" => spec.session_affinity_config = None,
            "ClientIP" => {
                let given = spec.session_affinity_config.as_ref().and_then(|c| c.client_ip.as_ref());
                if given.and_then(|c| c.timeout_seconds).is_none() {
                    spec.session_affinity_config = Some(SessionAffinityConfig {
                        client_ip: Some(ClientIPConfig { timeout_seconds: Some(CLIENT_IP_TIMEOUT) }),
                    });
                }
            }
            _ => {}
        }
        spec.type_.get_or_insert_with(|| "ClusterIP".into());
        for port in spec.ports.iter_mut().flatten() {
            port.protocol.get_or_insert_with(|| "TCP".into());
            let unset = match &port.target_port {
                None | Some(IntOrString::Int(0)) => true,
                Some(IntOrString::String(name)) => name.is_empty(),
                Some(_) => false,
            };
            if unset {
                port.target_port = Some(IntOrString::Int(port.port));
            }
        }
        if externally_accessible(spec) && text(&spec.external_traffic_policy).is_empty() {
            spec.external_traffic_policy = Some("Cluster".into());
        }
        if spec.internal_traffic_policy.is_none() && kind_of(spec) != "ExternalName" {
            spec.internal_traffic_policy = Some("Cluster".into());
        }
        if kind_of(spec) == "LoadBalancer" {
            spec.allocate_load_balancer_node_ports.get_or_insert(true);
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        validation::validate_service(self, None)
    }

    fn prepare_for_update(&mut self, old: &Self) {
        if let (Some(new), Some(old)) = (&mut self.spec, &old.spec) {
            drop_type_dependent_fields(new, old);
        }
        if kind_of(&self.spec.clone().unwrap_or_default()) != "LoadBalancer" {
            self.reset_status();
        }
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = validation::validate_update(self, old);
        faults.extend(validation::validate_service(self, Some(old)));
        faults
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warnings(self)
    }

    fn reset_status(&mut self) {
        self.status = Some(ServiceStatus { load_balancer: Some(LoadBalancerStatus::default()), ..Default::default() });
    }

    fn copy_status(&mut self, from: &Self) {
        self.status = from.status.clone();
    }

    fn columns() -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column::new("NAME"),
            Column::new("TYPE"),
            Column::new("CLUSTER-IP"),
            Column::new("EXTERNAL-IP"),
            Column::new("PORT(S)"),
            Column::new("AGE"),
            Column::wide("SELECTOR"),
        ];
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        let ports: Vec<String> = items(&spec.ports).iter().map(port_string).collect();
        vec![
            text(&self.metadata.name).to_string(),
            kind_of(&spec).to_string(),
            items(&spec.cluster_ips).first().cloned().unwrap_or_else(|| "<none>".into()),
            external_ip(self, &spec),
            string_or_none(&ports.join(",")).to_string(),
            print::age(&self.metadata, context),
            format_labels(spec.selector.as_ref()),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        describe::describe_service(self, d, context);
    }

    fn selectable_fields() -> &'static [&'static str] {
        &["spec.clusterIP", "spec.type"]
    }

    fn selectable_field(&self, path: &str) -> Option<String> {
        let spec = self.spec.as_ref();
        match path {
            "spec.clusterIP" => Some(spec.map(|s| text(&s.cluster_ip).to_string()).unwrap_or_default()),
            "spec.type" => Some(spec.map(|s| kind_of(s).to_string()).unwrap_or_default()),
            _ => None,
        }
    }
}

/// The service's type.
pub fn kind_of(spec: &ServiceSpec) -> &str {
    text(&spec.type_)
}

/// Whether the service has no cluster address on purpose.
pub fn is_headless(spec: &ServiceSpec) -> bool {
    matches!(items(&spec.cluster_ips), [only] if only == CLUSTER_IP_NONE)
}

/// Whether the service has, or will have, cluster addresses (`None` counts).
pub fn needs_cluster_ip(spec: &ServiceSpec) -> bool {
    kind_of(spec) != "ExternalName"
}

/// Whether each node gives the service ports.
pub fn needs_node_port(spec: &ServiceSpec) -> bool {
    match kind_of(spec) {
        "NodePort" => true,
        "LoadBalancer" => spec.allocate_load_balancer_node_ports != Some(false),
        _ => false,
    }
}

/// Whether load balancers ask the nodes whether they have endpoints.
pub fn needs_health_check(spec: &ServiceSpec) -> bool {
    kind_of(spec) == "LoadBalancer" && spec.external_traffic_policy.as_deref() == Some("Local")
}

fn externally_accessible(spec: &ServiceSpec) -> bool {
    matches!(kind_of(spec), "NodePort" | "LoadBalancer")
        || (kind_of(spec) == "ClusterIP" && !items(&spec.external_ips).is_empty())
}

/// The ports that nodes keep free for the service.
pub fn node_ports(spec: &ServiceSpec) -> BTreeSet<i32> {
    items(&spec.ports).iter().filter_map(|p| p.node_port.filter(|n| *n != 0)).collect()
}

/// Clears what the service's new type has no use for. Mirrors `dropTypeDependentFields`.
fn drop_type_dependent_fields(new: &mut ServiceSpec, old: &ServiceSpec) {
    if needs_cluster_ip(old) && !needs_cluster_ip(new) {
        if old.cluster_ip == new.cluster_ip && old.cluster_ips == new.cluster_ips {
            new.cluster_ip = None;
            new.cluster_ips = None;
        }
        if old.ip_families == new.ip_families {
            new.ip_families = None;
        }
        if old.ip_family_policy == new.ip_family_policy {
            new.ip_family_policy = None;
        }
    }
    let with_ports = |spec: &ServiceSpec| matches!(kind_of(spec), "NodePort" | "LoadBalancer");
    if with_ports(old) && !with_ports(new) && node_ports(old).is_superset(&node_ports(new)) {
        new.ports.iter_mut().flatten().for_each(|port| port.node_port = None);
    }
    if needs_health_check(old) && !needs_health_check(new) && old.health_check_node_port == new.health_check_node_port {
        new.health_check_node_port = None;
    }
    if kind_of(old) == "LoadBalancer" && kind_of(new) != "LoadBalancer" {
        if old.allocate_load_balancer_node_ports == new.allocate_load_balancer_node_ports {
            new.allocate_load_balancer_node_ports = None;
        }
        if old.load_balancer_class == new.load_balancer_class {
            new.load_balancer_class = None;
        }
    }
    let same_policy = old.external_traffic_policy == new.external_traffic_policy;
    if externally_accessible(old) && !externally_accessible(new) && same_policy {
        new.external_traffic_policy = None;
    }
    if kind_of(new) == "ExternalName" {
        new.internal_traffic_policy = None;
    }
}

fn external_ip(service: &Service, spec: &ServiceSpec) -> String {
    let external = items(&spec.external_ips);
    match kind_of(spec) {
        "ClusterIP" | "NodePort" => string_or_none(&external.join(",")).to_string(),
        "LoadBalancer" => {
            let given = load_balancer_addresses(service);
            let all: Vec<&str> =
                given.split(',').filter(|a| !a.is_empty()).chain(external.iter().map(String::as_str)).collect();
            if all.is_empty() { "<pending>".into() } else { all.join(",") }
        }
        "ExternalName" => text(&spec.external_name).to_string(),
        _ => "<unknown>".into(),
    }
}

fn load_balancer_addresses(service: &Service) -> String {
    let ingress = service.status.as_ref().and_then(|s| s.load_balancer.as_ref()).and_then(|l| l.ingress.as_ref());
    let addresses: BTreeSet<&str> = ingress
        .into_iter()
        .flatten()
        .map(|i| if text(&i.ip).is_empty() { text(&i.hostname) } else { text(&i.ip) })
        .filter(|a| !a.is_empty())
        .collect();
    clip_addresses(addresses.into_iter().collect::<Vec<_>>().join(","))
}

/// A load balancer's addresses, cut to what a table has room for.
pub(in crate::kinds) fn clip_addresses(all: String) -> String {
    match all.len() > LOAD_BALANCER_WIDTH {
        true => format!("{}...", all.chars().take(LOAD_BALANCER_WIDTH - 3).collect::<String>()),
        false => all,
    }
}

fn port_string(port: &ServicePort) -> String {
    let protocol = text(&port.protocol);
    match port.node_port.filter(|n| *n > 0) {
        Some(node_port) => format!("{}:{node_port}/{protocol}", port.port),
        None => format!("{}/{protocol}", port.port),
    }
}

/// Mirrors `GetWarningsForService`.
fn warnings(service: &Service) -> Vec<String> {
    let mut all = Vec::new();
    let spec = service.spec.clone().unwrap_or_default();
    if annotation_of(&service.metadata, DEPRECATED_TOPOLOGY_HINTS).is_some() {
        all.push(format!("annotation {DEPRECATED_TOPOLOGY_HINTS} is deprecated, please use {TOPOLOGY_MODE} instead"));
    }
    let of_ip = |path: String, ip: &str| {
        addresses::ip_warnings(ip).into_iter().map(move |w| format!("{path}: {w}")).collect::<Vec<_>>()
    };
    let headless = kind_of(&spec) == "ClusterIP" && text(&spec.cluster_ip) == CLUSTER_IP_NONE;
    if !headless && !text(&spec.cluster_ip).is_empty() {
        for (i, ip) in items(&spec.cluster_ips).iter().enumerate() {
            all.extend(of_ip(format!("spec.clusterIPs[{i}]"), ip));
        }
    }
    let external = items(&spec.external_ips);
    if headless {
        if !text(&spec.load_balancer_ip).is_empty() {
            all.push("spec.loadBalancerIP is ignored for headless services".into());
        }
        if !external.is_empty() {
            all.push("spec.externalIPs is ignored for headless services".into());
        }
        if text(&spec.session_affinity) != "None" {
            all.push("spec.SessionAffinity is ignored for headless services".into());
        }
    }
    for (i, ip) in external.iter().enumerate() {
        all.extend(of_ip(format!("spec.externalIPs[{i}]"), ip));
    }
    let external_name = kind_of(&spec) == "ExternalName";
    if !external.is_empty() && !headless && !external_name {
        all.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".into());
    }
    if !text(&spec.load_balancer_ip).is_empty() {
        all.extend(of_ip("spec.loadBalancerIP".into(), text(&spec.load_balancer_ip)));
    }
    for (i, cidr) in items(&spec.load_balancer_source_ranges).iter().enumerate() {
        let found = addresses::cidr_warnings(cidr);
        all.extend(found.into_iter().map(|w| format!("spec.loadBalancerSourceRanges[{i}]: {w}")));
    }
    if external_name && !external.is_empty() {
        all.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".into());
    }
    if !external_name && !text(&spec.external_name).is_empty() {
        all.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
    if text(&spec.traffic_distribution) == "PreferClose" {
        all.push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".into());
    }
    all
}
