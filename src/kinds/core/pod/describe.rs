//! `kubectl describe pod`, and the template that controllers' descriptions show.

use crate::api::k8s::api::core::v1::{Pod, PodSpec, PodTemplateSpec, TopologySpreadConstraint};
use crate::api::selector::format_label_selector;
use crate::api::time;
use crate::kinds::core::pod::containers::{Containers, as_container, describe_resources};
use crate::kinds::core::pod::resources::get_pod_qos;
use crate::kinds::core::pod::volumes::describe_volumes;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{
    describe_events, print_annotations_multiline, print_controller, print_labels_multiline, print_tolerations_multiline,
};
use crate::kinds::{Description, PrintContext, Version};

/// A controller's template, in the words of that version. Mirrors `DescribePodTemplate`.
pub fn describe_pod_template(d: &mut Description, template: &PodTemplateSpec, version: Version) {
    d.write(0, "Pod Template:\n");
    let meta = template.metadata.clone().unwrap_or_default();
    print_labels_multiline(d, "  Labels", &meta.labels);
    if meta.annotations.as_ref().is_some_and(|a| !a.is_empty()) {
        print_annotations_multiline(d, "  Annotations", &meta.annotations);
    }
    let spec = template.spec.clone().unwrap_or_default();
    if !text(&spec.service_account_name).is_empty() {
        d.field(1, "Service Account", text(&spec.service_account_name));
    }
    let shown = Containers { pod: None, space: "  ", version };
    if !items(&spec.init_containers).is_empty() {
        shown.describe(d, "Init Containers", items(&spec.init_containers), &[]);
    }
    shown.describe(d, "Containers", &spec.containers, &[]);
    describe_volumes(d, items(&spec.volumes), "  ");
    describe_topology_spread_constraints(d, items(&spec.topology_spread_constraints), "  ");
    if !text(&spec.priority_class_name).is_empty() {
        d.field(1, "Priority Class Name", text(&spec.priority_class_name));
    }
    print_labels_multiline(d, "  Node-Selectors", &spec.node_selector);
    print_tolerations_multiline(d, "  Tolerations", items(&spec.tolerations));
    describe_scheduling_group(d, &spec, "  ");
}

/// A pod. Mirrors `describePod`.
pub(super) fn describe_pod(pod: &Pod, d: &mut Description, context: &PrintContext<'_>) {
    let (meta, none) = (&pod.metadata, PodSpec::default());
    let spec = pod.spec.as_ref().unwrap_or(&none);
    let status = pod.status.clone().unwrap_or_default();
    d.field(0, "Name", text(&meta.name));
    d.field(0, "Namespace", text(&meta.namespace));
    if let Some(priority) = spec.priority {
        d.field(0, "Priority", priority);
    }
    for (name, value) in [
        ("Priority Class Name", &spec.priority_class_name),
        ("Runtime Class Name", &spec.runtime_class_name),
        ("Service Account", &spec.service_account_name),
    ] {
        if !text(value).is_empty() {
            d.field(0, name, text(value));
        }
    }
    match text(&spec.node_name) {
        "" => d.field(0, "Node", "<none>"),
        node => d.field(0, "Node", format!("{node}/{}", text(&status.host_ip))),
    }
    if status.start_time.is_some() {
        d.field(0, "Start Time", time::rfc1123z(status.start_time.as_ref()));
    }
    print_labels_multiline(d, "Labels", &meta.labels);
    print_annotations_multiline(d, "Annotations", &meta.annotations);
    let phase = text(&status.phase);
    if meta.deletion_timestamp.is_some() && !matches!(phase, "Failed" | "Succeeded") {
        let since = time::translate_timestamp_since(meta.deletion_timestamp.as_ref(), context.now);
        d.field(0, "Status", format!("Terminating (lasts {since})"));
        d.field(0, "Termination Grace Period", format!("{}s", meta.deletion_grace_period_seconds.unwrap_or(0)));
    } else {
        d.field(0, "Status", phase);
    }
    for (name, value) in [("Reason", &status.reason), ("Message", &status.message)] {
        if !text(value).is_empty() {
            d.field(0, name, text(value));
        }
    }
    if let Some(profile) = spec.security_context.as_ref().and_then(|c| c.seccomp_profile.as_ref()) {
        d.field(0, "SeccompProfile", &profile.type_);
        if profile.type_ == "Localhost" {
            d.field(0, "LocalhostProfile", text(&profile.localhost_profile));
        }
    }
    d.field(0, "IP", text(&status.pod_ip));
    d.write(0, if items(&status.pod_ips).is_empty() { "IPs:\t<none>\n" } else { "IPs:\n" });
    for ip in items(&status.pod_ips) {
        d.field(1, "IP", &ip.ip);
    }
    if let Some(controller) = print_controller(meta) {
        d.field(0, "Controlled By", controller);
    }
    if !text(&status.nominated_node_name).is_empty() {
        d.field(0, "NominatedNodeName", text(&status.nominated_node_name));
    }
    if let Some(resources) = &spec.resources {
        d.write(0, "Resources:\n");
        describe_resources(d, resources, 1);
    }
    describe_all_containers(pod, spec, d, context.version);
    describe_conditions(pod, spec, d);
    describe_volumes(d, items(&spec.volumes), "");
    d.field(0, "QoS Class", get_pod_qos(pod));
    print_labels_multiline(d, "Node-Selectors", &spec.node_selector);
    print_tolerations_multiline(d, "Tolerations", items(&spec.tolerations));
    describe_topology_spread_constraints(d, items(&spec.topology_spread_constraints), "");
    describe_scheduling_group(d, spec, "");
    if context.show_events {
        let mirror = meta.annotations.as_ref().and_then(|a| a.get("kubernetes.io/config.mirror"));
        let uid = mirror.or(meta.uid.as_ref()).map_or("", String::as_str);
        describe_events(d, &context.lister.events_about(uid), context);
    }
}

fn describe_all_containers(pod: &Pod, spec: &PodSpec, d: &mut Description, version: Version) {
    let shown = Containers { pod: Some(pod), space: "", version };
    let status = pod.status.clone().unwrap_or_default();
    let init = items(&spec.init_containers);
    if !init.is_empty() {
        shown.describe(d, "Init Containers", init, items(&status.init_container_statuses));
    }
    shown.describe(d, "Containers", &spec.containers, items(&status.container_statuses));
    let ephemeral: Vec<_> = items(&spec.ephemeral_containers).iter().map(as_container).collect();
    if !ephemeral.is_empty() {
        shown.describe(d, "Ephemeral Containers", &ephemeral, items(&status.ephemeral_container_statuses));
    }
}

fn describe_conditions(pod: &Pod, spec: &PodSpec, d: &mut Description) {
    let conditions = pod.status.as_ref().map_or(&[][..], |s| items(&s.conditions));
    if !items(&spec.readiness_gates).is_empty() {
        d.write(0, "Readiness Gates:\n  Type\tStatus\n");
    }
    for gate in items(&spec.readiness_gates) {
        let status = conditions.iter().find(|c| c.type_ == gate.condition_type).map_or("<none>", |c| &c.status);
        d.write(1, format!("{} \t{status} \n", gate.condition_type));
    }
    if !conditions.is_empty() {
        d.write(0, "Conditions:\n  Type\tStatus\n");
    }
    for c in conditions {
        d.write(1, format!("{} \t{} \n", c.type_, c.status));
    }
}

fn describe_topology_spread_constraints(d: &mut Description, constraints: &[TopologySpreadConstraint], space: &str) {
    let mut constraints: Vec<_> = constraints.iter().collect();
    constraints.sort_by(|a, b| a.topology_key.cmp(&b.topology_key));
    let mut head = format!("{space}Topology Spread Constraints:\t");
    for c in constraints {
        let mut line = format!("{}:{} when max skew {} is exceeded", c.topology_key, c.when_unsatisfiable, c.max_skew);
        if c.label_selector.is_some() {
            line += &format!(" for selector {}", format_label_selector(c.label_selector.as_ref()));
        }
        d.write(0, format!("{head}{line}\n"));
        head = format!("{space}\t");
    }
}

fn describe_scheduling_group(d: &mut Description, spec: &PodSpec, space: &str) {
    if let Some(group) = &spec.scheduling_group {
        d.write(0, format!("{space}SchedulingGroup:\n"));
        d.field(1, "PodGroupName", text(&group.pod_group_name));
    }
}
