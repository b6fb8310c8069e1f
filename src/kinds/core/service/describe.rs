//! `kubectl describe service`. Mirrors `describeService`.

use std::sync::Arc;

use crate::api::k8s::api::core::v1::{LoadBalancerIngress, Service};
use crate::api::k8s::api::discovery::v1::EndpointSlice;
use crate::api::selector::format_labels;
use crate::api::{Kind, Object};
use crate::kinds::core::pod::int_or_string;
use crate::kinds::core::service::kind_of;
use crate::kinds::discovery::endpoint_slice::format_endpoint_slices;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{
    describe_events_of, print_annotations_multiline, print_labels_multiline, string_or_none,
};
use crate::kinds::{Description, PrintContext, Version};

pub(super) fn describe_service(service: &Service, d: &mut Description, context: &PrintContext<'_>) {
    let meta = &service.metadata;
    let spec = service.spec.clone().unwrap_or_default();
    d.field(0, "Name", text(&meta.name));
    d.field(0, "Namespace", text(&meta.namespace));
    print_labels_multiline(d, "Labels", &meta.labels);
    print_annotations_multiline(d, "Annotations", &meta.annotations);
    d.field(0, "Selector", format_labels(spec.selector.as_ref()));
    d.field(0, "Type", kind_of(&spec));
    if let Some(policy) = &spec.ip_family_policy {
        d.field(0, "IP Family Policy", policy);
    }
    d.field(0, "IP Families", string_or_none(&items(&spec.ip_families).join(",")));
    d.field(0, "IP", text(&spec.cluster_ip));
    d.field(0, "IPs", string_or_none(&items(&spec.cluster_ips).join(",")));
    let given = [
        ("External IPs", items(&spec.external_ips).join(",")),
        ("Desired LoadBalancer IP", text(&spec.load_balancer_ip).to_string()),
        ("External Name", text(&spec.external_name).to_string()),
        ("LoadBalancer Ingress", ingress_string(service)),
    ];
    for (name, value) in given.iter().filter(|(_, value)| !value.is_empty()) {
        d.field(0, name, value);
    }
    let slices = slices_of(service, context);
    for port in items(&spec.ports) {
        let name = if text(&port.name).is_empty() { "<unset>" } else { text(&port.name) };
        let protocol = text(&port.protocol);
        d.field(0, "Port", format!("{name}\t{}/{protocol}", port.port));
        let target = port.target_port.as_ref().map(int_or_string).unwrap_or_default();
        d.field(0, "TargetPort", format!("{target}/{protocol}"));
        if let Some(protocol) = port.app_protocol.as_ref().filter(|_| context.version >= Version(36)) {
            d.field(0, "AppProtocol", protocol);
        }
        if let Some(node_port) = port.node_port.filter(|n| *n != 0) {
            d.field(0, "NodePort", format!("{name}\t{node_port}/{protocol}"));
        }
        let slices: Vec<&EndpointSlice> = slices.iter().filter_map(|o| o.get::<EndpointSlice>()).collect();
        d.field(0, "Endpoints", format_endpoint_slices(&slices, Some(text(&port.name))));
    }
    d.field(0, "Session Affinity", text(&spec.session_affinity));
    let given = [
        ("External Traffic Policy", text(&spec.external_traffic_policy).to_string()),
        ("Internal Traffic Policy", text(&spec.internal_traffic_policy).to_string()),
        (
            "HealthCheck NodePort",
            spec.health_check_node_port.filter(|n| *n != 0).map(|n| n.to_string()).unwrap_or_default(),
        ),
        ("LoadBalancer Source Ranges", items(&spec.load_balancer_source_ranges).join(",")),
        (
            "Traffic Distribution",
            spec.traffic_distribution.clone().filter(|_| context.version >= Version(34)).unwrap_or_default(),
        ),
    ];
    for (name, value) in given.iter().filter(|(_, value)| !value.is_empty()) {
        d.field(0, name, value);
    }
    describe_events_of(d, meta, context);
}

/// The endpoint slices of a service.
fn slices_of(service: &Service, context: &PrintContext<'_>) -> Vec<Arc<Object>> {
    let name = text(&service.metadata.name);
    let all = context.lister.list(Kind::EndpointSlice, Some(text(&service.metadata.namespace)));
    all.into_iter().filter(|o| o.label("kubernetes.io/service-name") == Some(name)).collect()
}

fn ingress_string(service: &Service) -> String {
    let ingress = service.status.as_ref().and_then(|s| s.load_balancer.as_ref()).and_then(|l| l.ingress.as_ref());
    let one = |i: &LoadBalancerIngress| match (text(&i.ip), &i.ip_mode) {
        ("", _) => text(&i.hostname).to_string(),
        (ip, Some(mode)) => format!("{ip} ({mode})"),
        (ip, None) => ip.to_string(),
    };
    ingress.into_iter().flatten().map(one).collect::<Vec<_>>().join(", ")
}
