//! `kubectl describe node`. Mirrors `describeNode`.

use std::sync::Arc;

use crate::api::k8s::api::coordination::v1::Lease;
use crate::api::k8s::api::core::v1::{Node, Pod};
use crate::api::quantity::Quantity;
use crate::api::{Kind, Object, ObjectKey, Time, time};
use crate::error::ApiError;
use crate::kinds::core::node::find_node_roles;
use crate::kinds::core::pod::resources::{self, Amounts};
use crate::kinds::shared::access::{ResourceList, items, text};
use crate::kinds::shared::describe::{
    describe_events, print_annotations_multiline, print_labels_multiline, print_taints_multiline, quantity,
    string_or_none,
};
use crate::kinds::{Description, PrintContext, Version};

/// Where nodes' leases live.
const LEASES: &str = "kube-node-lease";

pub(super) fn describe_node(node: &Node, d: &mut Description, context: &PrintContext<'_>) {
    let meta = &node.metadata;
    let name = text(&meta.name);
    let spec = node.spec.clone().unwrap_or_default();
    let status = node.status.clone().unwrap_or_default();
    d.field(0, "Name", name);
    d.field(0, "Roles", string_or_none(&find_node_roles(node).join(",")));
    print_labels_multiline(d, "Labels", &meta.labels);
    print_annotations_multiline(d, "Annotations", &meta.annotations);
    d.field(0, "CreationTimestamp", time::rfc1123z(meta.creation_timestamp.as_ref()));
    print_taints_multiline(d, "Taints", items(&spec.taints));
    d.field(0, "Unschedulable", spec.unschedulable.unwrap_or(false));
    describe_lease(name, d, context);
    let conditions = items(&status.conditions);
    if !conditions.is_empty() {
        d.write(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n");
        d.write(1, "----\t------\t-----------------\t------------------\t------\t-------\n");
        for c in conditions {
            let heartbeat = time::rfc1123z(c.last_heartbeat_time.as_ref());
            let transition = time::rfc1123z(c.last_transition_time.as_ref());
            let (reason, message) = (text(&c.reason), text(&c.message));
            d.write(1, format!("{} \t{} \t{heartbeat} \t{transition} \t{reason} \t{message}\n", c.type_, c.status));
        }
    }
    d.write(0, "Addresses:\n");
    for address in items(&status.addresses) {
        d.field(1, &address.type_, &address.address);
    }
    for (title, list) in [("Capacity", &status.capacity), ("Allocatable", &status.allocatable)] {
        if let Some(list) = list.as_ref().filter(|l| !l.is_empty()) {
            d.write(0, format!("{title}:\n"));
            for (name, amount) in list {
                d.write(0, format!("  {name}:\t{}\n", quantity(amount)));
            }
        }
    }
    let info = status.node_info.clone().unwrap_or_default();
    d.write(0, "System Info:\n");
    for (title, value) in [
        ("Machine ID", &info.machine_id),
        ("System UUID", &info.system_uuid),
        ("Boot ID", &info.boot_id),
        ("Kernel Version", &info.kernel_version),
        ("OS Image", &info.os_image),
        ("Operating System", &info.operating_system),
        ("Architecture", &info.architecture),
        ("Container Runtime Version", &info.container_runtime_version),
        ("Kubelet Version", &info.kubelet_version),
    ] {
        d.write(0, format!("  {title}:\t{value}\n"));
    }
    if context.version < Version(36) {
        d.write(0, format!("  Kube-Proxy Version:\t{}\n", info.kube_proxy_version));
    }
    if !text(&spec.pod_cidr).is_empty() {
        d.field(0, "PodCIDR", text(&spec.pod_cidr));
    }
    if !items(&spec.pod_cidrs).is_empty() {
        d.field(0, "PodCIDRs", items(&spec.pod_cidrs).join(","));
    }
    if !text(&spec.provider_id).is_empty() {
        d.field(0, "ProviderID", text(&spec.provider_id));
    }
    let allocatable = status.allocatable.filter(|l| !l.is_empty()).or(status.capacity).unwrap_or_default();
    let pods: Vec<Arc<Object>> = context.lister.pods_on_node(name).into_iter().filter(|p| !has_ended(p)).collect();
    describe_node_resource(&pods, &allocatable, d, context);
    if context.show_events {
        // The kubelet's events name the node where others name its uid.
        let mut events = context.lister.events_about(text(&meta.uid));
        events.extend(context.lister.events_about(name));
        describe_events(d, &events, context);
    }
}

fn has_ended(pod: &Object) -> bool {
    let status = pod.get::<Pod>().and_then(|p| p.status.as_ref());
    matches!(status.and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed"))
}

fn describe_lease(node: &str, d: &mut Description, context: &PrintContext<'_>) {
    let lease = context.lister.get(&ObjectKey::new(Kind::Lease, LEASES, node));
    let Some(spec) = lease.as_ref().and_then(|o| o.get::<Lease>()).map(|l| l.spec.clone().unwrap_or_default()) else {
        let error = ApiError::not_found(&Kind::Lease.resource(), node);
        d.field(0, "Lease", format!("Failed to get lease: {error}"));
        return;
    };
    let time = |t: Option<Time>| t.map_or_else(|| "<unset>".into(), Time::rfc1123z);
    d.write(0, "Lease:\n");
    d.field(1, "HolderIdentity", spec.holder_identity.as_deref().unwrap_or("<unset>"));
    d.field(1, "AcquireTime", time(spec.acquire_time.as_ref().map(Time::from_micro)));
    d.field(1, "RenewTime", time(spec.renew_time.as_ref().map(Time::from_micro)));
}

/// An amount of a list, nothing where it is absent.
fn of(list: &Amounts, name: &str) -> Quantity {
    list.get(name).copied().unwrap_or_default()
}

/// `500m (12%)`: an amount and its part of the whole, both counted in thousandths for CPU; `of_nothing` percent
/// where there is no whole.
fn with_percent(amount: Quantity, whole: Quantity, milli: bool, of_nothing: i64) -> String {
    let value = |q: Quantity| if milli { q.milli_value() } else { q.value() };
    let percent = match value(whole) {
        0 => of_nothing,
        whole => (value(amount) as f64 / whole as f64 * 100.0) as i64,
    };
    format!("{amount} ({percent}%)")
}

/// Mirrors `describeNodeResource`.
fn describe_node_resource(
    pods: &[Arc<Object>],
    allocatable: &ResourceList,
    d: &mut Description,
    context: &PrintContext<'_>,
) {
    d.write(0, format!("Non-terminated Pods:\t({} in total)\n", pods.len()));
    d.write(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n");
    d.write(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n");
    let whole = resources::amounts(Some(allocatable));
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    for object in pods {
        let Some(spec) = object.get::<Pod>().and_then(|p| p.spec.as_ref()) else { continue };
        let (asked, limited) = (resources::pod_requests(spec), resources::pod_limits(spec));
        let age = time::translate_timestamp_since(object.meta().creation_timestamp.as_ref(), context.now);
        // kubectl divides by nothing here, and what Go makes of that as an integer is the least there is.
        let cell = |list: &Amounts, name: &str| with_percent(of(list, name), of(&whole, name), name == "cpu", i64::MIN);
        d.write(
            1,
            format!(
                "{}\t{}\t\t{}\t{}\t{}\t{}\t{age}\n",
                object.namespace(),
                object.name(),
                cell(&asked, "cpu"),
                cell(&limited, "cpu"),
                cell(&asked, "memory"),
                cell(&limited, "memory"),
            ),
        );
        resources::add(&mut requests, &asked);
        resources::add(&mut limits, &limited);
    }
    d.write(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n");
    d.write(1, "Resource\tRequests\tLimits\n");
    d.write(1, "--------\t--------\t------\n");
    let huge = whole.keys().map(String::as_str).filter(|name| resources::is_huge_page(name));
    for name in ["cpu", "memory", "ephemeral-storage"].into_iter().chain(huge) {
        let cell = |list: &Amounts| with_percent(of(list, name), of(&whole, name), name == "cpu", 0);
        d.write(1, format!("{name}\t{}\t{}\n", cell(&requests), cell(&limits)));
    }
    let standard =
        |name: &str| matches!(name, "cpu" | "memory" | "ephemeral-storage" | "pods") || resources::is_huge_page(name);
    for name in whole.keys().filter(|name| !standard(name)) {
        d.write(1, format!("{name}\t{}\t{}\n", of(&requests, name), of(&limits, name)));
    }
}
