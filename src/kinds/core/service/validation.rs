//! What is wrong with a service. Mirrors `validateService` of `pkg/apis/core/validation/validation.go`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::json;

use crate::api::k8s::api::core::v1::{Service, ServicePort, ServiceSpec};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::names::addresses::{self, parse_ip_sloppy};
use crate::api::object::annotation_of;
use crate::api::{names, selector};
use crate::error::FieldError;
use crate::kinds::core::service::{CLUSTER_IP_NONE, externally_accessible, is_headless, kind_of, needs_health_check};
use crate::kinds::discovery::endpoint_slice::validate_endpoint_ip;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::meta::FIELD_IMMUTABLE;

use crate::kinds::core::service::{DEPRECATED_TOPOLOGY_HINTS, TOPOLOGY_MODE};

const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
/// The longest session affinity: a day.
const MAX_AFFINITY_SECONDS: i32 = 86_400;

fn each(field: &str, value: impl serde::Serialize + Clone, messages: Vec<String>) -> Vec<FieldError> {
    messages.iter().map(|m| FieldError::invalid(field, value.clone(), m)).collect()
}

pub(super) fn validate_service(service: &Service, old: Option<&Service>) -> Vec<FieldError> {
    let spec = service.spec.clone().unwrap_or_default();
    let old_spec = old.and_then(|o| o.spec.as_ref());
    let mut faults = Vec::new();
    let meta = &service.metadata;
    if let (Some(mode), Some(hints)) =
        (annotation_of(meta, TOPOLOGY_MODE), annotation_of(meta, DEPRECATED_TOPOLOGY_HINTS))
        && mode != hints
    {
        let field = format!("metadata.annotations[{TOPOLOGY_MODE}]");
        let detail = format!("must match annotations[{DEPRECATED_TOPOLOGY_HINTS}] when both are specified");
        faults.push(FieldError::invalid(field, mode, &detail));
    }
    let kind = kind_of(&spec);
    let headless = is_headless(&spec);
    if items(&spec.ports).is_empty() && !headless && kind != "ExternalName" {
        faults.push(FieldError::required("spec.ports", ""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if headless => faults.push(FieldError::invalid(
            "spec.clusterIPs[0]",
            CLUSTER_IP_NONE,
            &format!("may not be set to 'None' for {kind} services"),
        )),
        "ExternalName" => faults.extend(validate_external_name(&spec)),
        _ => {}
    }
    let mut names_seen = BTreeSet::new();
    let ports = items(&spec.ports);
    for (i, port) in ports.iter().enumerate() {
        faults.extend(validate_port(port, ports.len() > 1, &mut names_seen, &format!("spec.ports[{i}]")));
    }
    if let Some(wanted) = &spec.selector {
        faults.extend(selector::validate_labels(wanted, "spec.selector"));
    }
    faults.extend(validate_affinity(&spec));
    faults.extend(validate_cluster_ips(&spec, old_spec));
    let existing = old_spec.map(|s| items(&s.external_ips)).unwrap_or_default();
    for (i, ip) in items(&spec.external_ips).iter().enumerate() {
        let field = format!("spec.externalIPs[{i}]");
        let wrong = if existing.contains(ip) { Vec::new() } else { addresses::ip(ip) };
        match wrong.is_empty() {
            true => faults.extend(validate_endpoint_ip(ip, &field)),
            false => faults.extend(each(&field, ip, wrong)),
        }
    }
    const KINDS: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if kind.is_empty() {
        faults.push(FieldError::required("spec.type", ""));
    } else if !KINDS.contains(&kind) {
        faults.push(FieldError::not_supported("spec.type", kind, KINDS));
    }
    faults.extend(validate_port_numbers(&spec));
    faults.extend(validate_source_ranges(service, &spec, old));
    if spec.allocate_load_balancer_node_ports.is_some() && kind != "LoadBalancer" {
        faults.push(FieldError::forbidden(
            "spec.allocateLoadBalancerNodePorts",
            "may only be used when `type` is 'LoadBalancer'",
        ));
    }
    if let Some(class) = &spec.load_balancer_class {
        match kind {
            "LoadBalancer" => {
                faults.extend(each("spec.loadBalancerClass", class, names::qualified_name(class)));
            }
            _ => faults.push(FieldError::forbidden(
                "spec.loadBalancerClass",
                "may only be used when `type` is 'LoadBalancer'",
            )),
        }
    }
    faults.extend(validate_traffic(&spec));
    faults
}

fn validate_external_name(spec: &ServiceSpec) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let given = [
        ("spec.clusterIPs", !items(&spec.cluster_ips).is_empty()),
        ("spec.ipFamilies", !items(&spec.ip_families).is_empty()),
        ("spec.ipFamilyPolicy", spec.ip_family_policy.is_some()),
    ];
    for (field, _) in given.iter().filter(|(_, given)| *given) {
        faults.push(FieldError::forbidden(*field, "may not be set for ExternalName services"));
    }
    let name = text(&spec.external_name);
    match name.strip_suffix('.').unwrap_or(name) {
        "" => faults.push(FieldError::required("spec.externalName", "")),
        name => faults.extend(each("spec.externalName", name, names::dns1123_subdomain(name))),
    }
    faults
}

fn validate_port(port: &ServicePort, require_name: bool, seen: &mut BTreeSet<String>, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let field = format!("{path}.name");
    match text(&port.name) {
        "" if require_name => faults.push(FieldError::required(field, "")),
        "" => {}
        name => {
            faults.extend(each(&field, name, names::dns1123_label(name)));
            if !seen.insert(name.to_string()) {
                faults.push(FieldError::duplicate(field, name));
            }
        }
    }
    faults.extend(each(&format!("{path}.port"), port.port, names::port_num(port.port.into())));
    let field = format!("{path}.protocol");
    match text(&port.protocol) {
        "" => faults.push(FieldError::required(field, "")),
        "TCP" | "UDP" | "SCTP" => {}
        other => faults.push(FieldError::not_supported(field, other, &["SCTP", "TCP", "UDP"])),
    }
    let field = format!("{path}.targetPort");
    match &port.target_port {
        Some(IntOrString::Int(n)) => faults.extend(each(&field, n, names::port_num((*n).into()))),
        Some(IntOrString::String(name)) => faults.extend(each(&field, name, names::port_name(name))),
        None => {}
    }
    if let Some(protocol) = &port.app_protocol {
        faults.extend(each(&format!("{path}.appProtocol"), protocol, names::qualified_name(protocol)));
    }
    faults
}

fn validate_affinity(spec: &ServiceSpec) -> Vec<FieldError> {
    let config = "spec.sessionAffinityConfig";
    let when = "when session affinity type is ClientIP";
    match text(&spec.session_affinity) {
        "" => vec![FieldError::required("spec.sessionAffinity", "")],
        "None" if spec.session_affinity_config.is_some() => {
            vec![FieldError::forbidden(config, "must not be set when session affinity is None")]
        }
        "None" => Vec::new(),
        "ClientIP" => {
            let Some(given) = &spec.session_affinity_config else { return vec![FieldError::required(config, when)] };
            let Some(client) = &given.client_ip else {
                return vec![FieldError::required(format!("{config}.clientIP"), when)];
            };
            let field = format!("{config}.clientIP.timeoutSeconds");
            match client.timeout_seconds {
                None => vec![FieldError::required(field, when)],
                Some(n) if n <= 0 || n > MAX_AFFINITY_SECONDS => {
                    let detail = format!("must be greater than 0 and less than {MAX_AFFINITY_SECONDS}");
                    vec![FieldError::invalid(field, n, &detail)]
                }
                Some(_) => Vec::new(),
            }
        }
        other => vec![FieldError::not_supported("spec.sessionAffinity", other, &["ClientIP", "None"])],
    }
}

/// Mirrors `ValidateServiceClusterIPsRelatedFields`.
pub(crate) fn validate_cluster_ips(spec: &ServiceSpec, old: Option<&ServiceSpec>) -> Vec<FieldError> {
    if kind_of(spec) == "ExternalName" {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let field = "spec.clusterIPs";
    let (ip, ips) = (text(&spec.cluster_ip), items(&spec.cluster_ips));
    match (ip, ips) {
        ("", []) => {}
        ("", ips) => {
            faults.push(FieldError::invalid(field, ips, "must be empty when `clusterIP` is not specified"));
        }
        (_, []) => faults.push(FieldError::required(field, "")),
        (ip, ips) if ips[0] != ip => {
            faults.push(FieldError::invalid(field, ips, "first value must match `clusterIP`"));
        }
        _ => {}
    }
    let families = items(&spec.ip_families);
    let mut seen = BTreeSet::new();
    for (i, family) in families.iter().enumerate() {
        let field = format!("spec.ipFamilies[{i}]");
        if !matches!(family.as_str(), "IPv4" | "IPv6") {
            faults.push(FieldError::not_supported(&field, family, &["IPv4", "IPv6"]));
        }
        if !seen.insert(family) {
            faults.push(FieldError::duplicate(field, family));
        }
    }
    const POLICIES: &[&str] = &["PreferDualStack", "RequireDualStack", "SingleStack"];
    if let Some(policy) = spec.ip_family_policy.as_deref().filter(|p| !POLICIES.contains(p)) {
        faults.push(FieldError::not_supported("spec.ipFamilyPolicy", policy, POLICIES));
    }
    let existing = old.map(|o| items(&o.cluster_ips)).unwrap_or_default();
    let mut broken = false;
    for (i, ip) in ips.iter().enumerate() {
        if i == 0 && ip == CLUSTER_IP_NONE {
            if ips.len() > 1 {
                broken = true;
                faults.push(FieldError::invalid(field, ips, "'None' must be the first and only value"));
            }
            continue;
        }
        let wrong = if existing.contains(ip) { Vec::new() } else { addresses::ip(ip) };
        broken |= !wrong.is_empty();
        faults.extend(each(&format!("{field}[{i}]"), ip, wrong));
    }
    if ips.len() > 2 {
        faults.push(FieldError::invalid(field, ips, "may only hold up to 2 values"));
    }
    if broken {
        return faults;
    }
    let is_v6 = |ip: &str| matches!(parse_ip_sloppy(ip), Some(IpAddr::V6(_)));
    if ips.len() > 1 && ips.iter().all(|ip| is_v6(ip) == is_v6(&ips[0])) {
        faults.push(FieldError::invalid(field, ips, "may specify no more than one IP for each IP family"));
    }
    if !is_headless(spec) {
        for (i, (ip, family)) in ips.iter().zip(families).enumerate() {
            let wanted = match (family.as_str(), is_v6(ip)) {
                ("IPv4", true) => "IPv4",
                ("IPv6", false) => "IPv6",
                _ => continue,
            };
            let detail = format!("expected an {wanted} value as indicated by `ipFamilies[{i}]`");
            faults.push(FieldError::invalid(format!("{field}[{i}]"), ip, &detail));
        }
    }
    faults
}

fn validate_port_numbers(spec: &ServiceSpec) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let ports = items(&spec.ports);
    let node_port = |port: &ServicePort| port.node_port.unwrap_or(0);
    if kind_of(spec) == "ClusterIP" {
        for (i, _) in ports.iter().enumerate().filter(|(_, p)| node_port(p) != 0) {
            let detail = "may not be used when `type` is 'ClusterIP'";
            faults.push(FieldError::forbidden(format!("spec.ports[{i}].nodePort"), detail));
        }
    }
    let mut seen = BTreeSet::new();
    for (i, port) in ports.iter().enumerate().filter(|(_, p)| node_port(p) != 0) {
        if !seen.insert((text(&port.protocol), node_port(port))) {
            faults.push(FieldError::duplicate(format!("spec.ports[{i}].nodePort"), node_port(port)));
        }
    }
    let mut seen = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        if !seen.insert((text(&port.protocol), port.port)) {
            // The original shows its internal type, field for field.
            let shown = json!({"Name": "", "Protocol": text(&port.protocol), "AppProtocol": null, "Port": port.port,
                "TargetPort": 0, "NodePort": 0});
            let order = ["Name", "Protocol", "AppProtocol", "Port", "TargetPort", "NodePort"];
            let fields: Vec<String> = order.iter().map(|k| format!("{k:?}:{}", shown[k])).collect();
            let shown = format!("Duplicate value: {{{}}}", fields.join(","));
            faults.push(FieldError::new("FieldValueDuplicate", format!("spec.ports[{i}]"), shown));
        }
    }
    faults
}

fn validate_source_ranges(service: &Service, spec: &ServiceSpec, old: Option<&Service>) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let only = "may only be used when `type` is 'LoadBalancer'";
    let ranges = items(&spec.load_balancer_source_ranges);
    if !ranges.is_empty() {
        let field = "spec.LoadBalancerSourceRanges";
        if kind_of(spec) != "LoadBalancer" {
            faults.push(FieldError::forbidden(field, only));
        }
        let old_spec = old.and_then(|o| o.spec.as_ref());
        let existing: Vec<&str> = old_spec
            .map(|s| items(&s.load_balancer_source_ranges))
            .unwrap_or_default()
            .iter()
            .map(|r| r.trim())
            .collect();
        for (i, range) in ranges.iter().enumerate().filter(|(_, r)| !existing.contains(&r.trim())) {
            faults.extend(each(&format!("{field}[{i}]"), range.trim(), addresses::cidr(range.trim())));
        }
    } else if let Some(value) = annotation_of(&service.metadata, SOURCE_RANGES) {
        let field = format!("metadata.annotations[{SOURCE_RANGES}]");
        if kind_of(spec) != "LoadBalancer" {
            faults.push(FieldError::forbidden(&field, only));
        }
        if old.and_then(|o| annotation_of(&o.metadata, SOURCE_RANGES)) != Some(value) && !value.trim().is_empty() {
            for range in value.trim().split(',').map(str::trim) {
                faults.extend(each(&field, range, addresses::cidr(range)));
            }
        }
    }
    faults
}

fn validate_traffic(spec: &ServiceSpec) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let field = "spec.externalTrafficPolicy";
    let policy = text(&spec.external_traffic_policy);
    match (externally_accessible(spec), policy) {
        (false, "") | (true, "Cluster" | "Local") => {}
        (false, policy) => {
            faults.push(FieldError::invalid(field, policy, "may only be set for externally-accessible services"));
        }
        (true, "") => faults.push(FieldError::required(field, "")),
        (true, other) => faults.push(FieldError::not_supported(field, other, &["Cluster", "Local"])),
    }
    let field = "spec.healthCheckNodePort";
    let port = spec.health_check_node_port.unwrap_or(0);
    match (needs_health_check(spec), port) {
        (_, 0) => {}
        (false, port) => faults.push(FieldError::invalid(
            field,
            port,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        )),
        (true, port) => faults.extend(each(field, port, names::port_num(port.into()))),
    }
    let field = "spec.internalTrafficPolicy";
    match spec.internal_traffic_policy.as_deref() {
        None if kind_of(spec) != "ExternalName" => faults.push(FieldError::required(field, "")),
        None | Some("Cluster" | "Local") => {}
        Some(other) => faults.push(FieldError::not_supported(field, other, &["Cluster", "Local"])),
    }
    const DISTRIBUTIONS: &[&str] = &["PreferClose", "PreferSameZone", "PreferSameNode"];
    if let Some(other) = spec.traffic_distribution.as_deref().filter(|d| !DISTRIBUTIONS.contains(d)) {
        faults.push(FieldError::not_supported("spec.trafficDistribution", other, DISTRIBUTIONS));
    }
    faults
}

/// What may not change. Mirrors the first half of `ValidateServiceUpdate`.
pub(super) fn validate_update(new: &Service, old: &Service) -> Vec<FieldError> {
    let (Some(new), Some(old)) = (&new.spec, &old.spec) else { return Vec::new() };
    let mut faults = Vec::new();
    let external = kind_of(new) == "ExternalName" || kind_of(old) == "ExternalName";
    let (now, before) = (is_headless(new), is_headless(old));
    let (ips, old_ips) = (items(&new.cluster_ips), items(&old.cluster_ips));
    let fixed = "may not change once set";
    if !(external || now && before) {
        if ips.len() == old_ips.len() {
            for (i, _) in ips.iter().zip(old_ips).enumerate().filter(|(_, (a, b))| a != b) {
                faults.push(FieldError::invalid(format!("spec.clusterIPs[{i}]"), ips, fixed));
            }
        } else if ips.is_empty() {
            let nothing: [String; 0] = [];
            faults.push(FieldError::invalid("spec.clusterIPs[0]", nothing, "primary clusterIP can not be unset"));
        } else if !old_ips.is_empty() && ips[0] != old_ips[0] {
            faults.push(FieldError::invalid("spec.clusterIPs[0]", ips, fixed));
        }
        if old_ips.len() > ips.len() && ips.len() == 1 && new.ip_family_policy.as_deref() != Some("SingleStack") {
            let detail = "must be set to 'SingleStack' when releasing the secondary clusterIP";
            faults.push(FieldError::invalid("spec.ipFamilyPolicy", &new.ip_family_policy, detail));
        }
    }
    let (families, old_families) = (items(&new.ip_families), items(&old.ip_families));
    if !external && now == before && !now && !families.is_empty() && !old_families.is_empty() {
        let alike = families.iter().zip(old_families).all(|(a, b)| a == b);
        if !alike {
            faults.push(FieldError::invalid("spec.ipFamilies[0]", families, fixed));
        }
        if old_families.len() > families.len() && new.ip_family_policy.as_deref() != Some("SingleStack") {
            let detail = "must be set to 'SingleStack' when releasing the secondary ipFamily";
            faults.push(FieldError::invalid("spec.ipFamilyPolicy", &new.ip_family_policy, detail));
        }
    }
    if kind_of(new) == "LoadBalancer"
        && kind_of(old) == "LoadBalancer"
        && new.load_balancer_class != old.load_balancer_class
    {
        faults.push(FieldError::invalid("spec.loadBalancerClass", &new.load_balancer_class, fixed));
    }
    if needs_health_check(new) && needs_health_check(old) && new.health_check_node_port != old.health_check_node_port {
        faults.push(FieldError::forbidden("spec.healthCheckNodePort", FIELD_IMMUTABLE));
    }
    faults
}
