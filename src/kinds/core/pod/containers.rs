//! The containers' part of a description. Mirrors `describeContainers` and what it calls in `describe.go`.

use std::collections::BTreeMap;

use crate::api::k8s::api::core::v1::{
    Container, ContainerPort, ContainerState, ContainerStatus, EnvVar, EphemeralContainer, Pod, Probe,
    ResourceFieldSelector, ResourceRequirements,
};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::quantity::amount;
use crate::api::{ObjectMeta, Quantity, names, time};
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{print_bool, quantity, string_or_none};
use crate::kinds::{Description, Version};

/// How the containers of a pod or of a template are shown.
pub(super) struct Containers<'a> {
    /// The pod that gives environment variables their values; none for a template.
    pub(super) pod: Option<&'a Pod>,
    /// What indents the lines of a template.
    pub(super) space: &'a str,
    /// Whose kubectl speaks.
    pub(super) version: Version,
}

impl Containers<'_> {
    /// The lines of some containers after a label, with those of their statuses that there are.
    pub(super) fn describe(
        &self,
        d: &mut Description,
        label: &str,
        containers: &[Container],
        statuses: &[ContainerStatus],
    ) {
        let none = if containers.is_empty() { " <none>" } else { "" };
        d.write(0, format!("{}{label}:{none}\n", self.space));
        let statuses: BTreeMap<&str, &ContainerStatus> = statuses.iter().map(|s| (s.name.as_str(), s)).collect();
        for container in containers {
            let status = statuses.get(container.name.as_str()).copied();
            self.describe_basic_info(d, container, status);
            describe_command(d, container);
            if let Some(status) = status {
                describe_container_state(d, status);
            }
            if let Some(resources) = &container.resources {
                describe_resources(d, resources, 2);
            }
            for (name, probe) in [
                ("Liveness", &container.liveness_probe),
                ("Readiness", &container.readiness_probe),
                ("Startup", &container.startup_probe),
            ] {
                if let Some(probe) = probe {
                    d.field(2, name, describe_probe(probe));
                }
            }
            describe_env_from(d, container);
            describe_env(d, container, self.pod);
            describe_mounts(d, container);
        }
    }

    fn describe_basic_info(&self, d: &mut Description, c: &Container, status: Option<&ContainerStatus>) {
        let indent = if self.space.is_empty() { "" } else { " " };
        d.write(1, format!("{indent}{}:\n", c.name));
        if let Some(status) = status {
            d.field(2, "Container ID", text(&status.container_id));
        }
        d.field(2, "Image", text(&c.image));
        if let Some(status) = status {
            d.field(2, "Image ID", &status.image_id);
        }
        let ports = self.describe_ports(items(&c.ports), |p| p.container_port);
        d.field(2, if ports.contains(',') { "Ports" } else { "Port" }, string_or_none(&ports));
        let ports = self.describe_ports(items(&c.ports), |p| p.host_port.unwrap_or(0));
        d.field(2, if ports.contains(',') { "Host Ports" } else { "Host Port" }, string_or_none(&ports));
        if let Some(profile) = c.security_context.as_ref().and_then(|s| s.seccomp_profile.as_ref()) {
            d.field(2, "SeccompProfile", &profile.type_);
            if profile.type_ == "Localhost" {
                d.field(3, "LocalhostProfile", text(&profile.localhost_profile));
            }
        }
    }

    /// Ports as `80/TCP`, since 1.34 with their names.
    fn describe_ports(&self, ports: &[ContainerPort], number: impl Fn(&ContainerPort) -> i32) -> String {
        let one = |p: &ContainerPort| match text(&p.name) {
            name if !name.is_empty() && self.version >= Version(34) => {
                format!("{}/{} ({name})", number(p), text(&p.protocol))
            }
            _ => format!("{}/{}", number(p), text(&p.protocol)),
        };
        ports.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// An ephemeral container as a container.
pub fn as_container(c: &EphemeralContainer) -> Container {
    let c = c.clone();
    Container {
        args: c.args,
        command: c.command,
        env: c.env,
        env_from: c.env_from,
        image: c.image,
        image_pull_policy: c.image_pull_policy,
        lifecycle: c.lifecycle,
        liveness_probe: c.liveness_probe,
        name: c.name,
        ports: c.ports,
        readiness_probe: c.readiness_probe,
        resize_policy: c.resize_policy,
        resources: c.resources,
        restart_policy: c.restart_policy,
        restart_policy_rules: c.restart_policy_rules,
        security_context: c.security_context,
        startup_probe: c.startup_probe,
        stdin: c.stdin,
        stdin_once: c.stdin_once,
        termination_message_path: c.termination_message_path,
        termination_message_policy: c.termination_message_policy,
        tty: c.tty,
        volume_devices: c.volume_devices,
        volume_mounts: c.volume_mounts,
        working_dir: c.working_dir,
    }
}

fn describe_command(d: &mut Description, c: &Container) {
    for (title, words) in [("Command:\n", items(&c.command)), ("Args:\n", items(&c.args))] {
        if !words.is_empty() {
            d.write(2, title);
        }
        for line in words.iter().flat_map(|word| word.split('\n')) {
            d.write(3, format!("{line}\n"));
        }
    }
}

/// Limits and requests below each other. Mirrors `describeResources`.
pub fn describe_resources(d: &mut Description, resources: &ResourceRequirements, level: usize) {
    for (title, list) in [("Limits:\n", &resources.limits), ("Requests:\n", &resources.requests)] {
        let Some(list) = list.as_ref().filter(|l| !l.is_empty()) else { continue };
        d.write(level, title);
        for (name, amount) in list {
            d.field(level + 1, name, quantity(amount));
        }
    }
}

fn describe_container_state(d: &mut Description, status: &ContainerStatus) {
    describe_state(d, "State", status.state.as_ref());
    if let Some(last) = status.last_state.as_ref().filter(|s| s.terminated.is_some()) {
        describe_state(d, "Last State", Some(last));
    }
    d.field(2, "Ready", print_bool(status.ready));
    d.field(2, "Restart Count", status.restart_count);
}

fn describe_state(d: &mut Description, name: &str, state: Option<&ContainerState>) {
    let state = state.cloned().unwrap_or_default();
    if let Some(running) = state.running {
        d.field(2, name, "Running");
        d.field(3, "Started", time::rfc1123z(running.started_at.as_ref()));
    } else if let Some(ended) = state.terminated.filter(|_| state.waiting.is_none()) {
        d.field(2, name, "Terminated");
        for (field, value) in [("Reason", &ended.reason), ("Message", &ended.message)] {
            if !text(value).is_empty() {
                d.field(3, field, text(value));
            }
        }
        d.field(3, "Exit Code", ended.exit_code);
        if let Some(signal) = ended.signal.filter(|s| *s > 0) {
            d.field(3, "Signal", signal);
        }
        d.field(3, "Started", time::rfc1123z(ended.started_at.as_ref()));
        d.field(3, "Finished", time::rfc1123z(ended.finished_at.as_ref()));
    } else {
        d.field(2, name, "Waiting");
        if let Some(reason) = state.waiting.and_then(|w| w.reason).filter(|r| !r.is_empty()) {
            d.field(3, "Reason", reason);
        }
    }
}

/// A probe in one line. Mirrors `DescribeProbe`.
fn describe_probe(probe: &Probe) -> String {
    let n = |field: Option<i32>| field.unwrap_or(0);
    let attrs = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        n(probe.initial_delay_seconds),
        n(probe.timeout_seconds),
        n(probe.period_seconds),
        n(probe.success_threshold),
        n(probe.failure_threshold)
    );
    if let Some(exec) = &probe.exec {
        return format!("exec [{}] {attrs}", items(&exec.command).join(" "));
    }
    if let Some(get) = &probe.http_get {
        let (host, port, path) = (text(&get.host), int_or_string(&get.port), text(&get.path));
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        let scheme = text(&get.scheme).to_lowercase();
        let scheme = if scheme.is_empty() { scheme } else { format!("{scheme}:") };
        return format!("http-get {scheme}//{host}:{port}{slash}{} {attrs}", escape_path(path));
    }
    if let Some(tcp) = &probe.tcp_socket {
        return format!("tcp-socket {}:{} {attrs}", text(&tcp.host), int_or_string(&tcp.port));
    }
    if let Some(grpc) = &probe.grpc {
        return format!("grpc <pod>:{} {} {attrs}", grpc.port, text(&grpc.service));
    }
    format!("unknown {attrs}")
}

/// A port by number or by name.
pub fn int_or_string(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(n) => n.to_string(),
        IntOrString::String(s) => s.clone(),
    }
}

/// A path as Go's `url.URL` prints it.
fn escape_path(path: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&b);
    let one = |b: u8| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    if path == "*" { path.to_string() } else { path.bytes().map(one).collect() }
}

fn describe_env_from(d: &mut Description, c: &Container) {
    if items(&c.env_from).is_empty() {
        return;
    }
    d.write(2, "Environment Variables from:\n");
    for e in items(&c.env_from) {
        let (from, name, optional) = match (&e.config_map_ref, &e.secret_ref) {
            (Some(map), _) => ("ConfigMap", map.name.as_str(), map.optional),
            (None, Some(secret)) => ("Secret", secret.name.as_str(), secret.optional),
            (None, None) => ("", "", None),
        };
        let prefix = match text(&e.prefix) {
            "" => String::new(),
            prefix => format!(" with prefix '{prefix}'"),
        };
        d.write(3, format!("{name}\t{from}{prefix}\tOptional: {}\n", optional == Some(true)));
    }
}

fn describe_env(d: &mut Description, c: &Container, pod: Option<&Pod>) {
    let none = if items(&c.env).is_empty() { "\t<none>" } else { "" };
    d.write(2, format!("Environment:{none}\n"));
    for e in items(&c.env) {
        describe_env_var(d, c, e, pod);
    }
}

fn describe_env_var(d: &mut Description, c: &Container, e: &EnvVar, pod: Option<&Pod>) {
    let Some(from) = &e.value_from else {
        for (i, line) in text(&e.value).split('\n').enumerate() {
            d.write(3, if i == 0 { format!("{}:\t{line}\n", e.name) } else { format!("\t{line}\n") });
        }
        return;
    };
    if let Some(field) = &from.field_ref {
        // kubectl converts the path like a field selector, and knows no others of a pod than these.
        let known = matches!(field.field_path.as_str(), "metadata.name" | "metadata.namespace");
        let value = pod.filter(|_| known).and_then(|p| field_value(&p.metadata, &field.field_path)).unwrap_or_default();
        d.field(3, &e.name, format!("{value} ({}:{})", text(&field.api_version), field.field_path));
    } else if let Some(field) = &from.resource_field_ref {
        let mut value = resource_value(field, c).map_or(String::new(), |n| n.to_string());
        if value == "0" && matches!(field.resource.as_str(), "limits.cpu" | "limits.memory") {
            value = "node allocatable".into();
        }
        d.field(3, &e.name, format!("{value} ({})", field.resource));
    } else if let Some(key) = &from.secret_key_ref {
        let optional = key.optional == Some(true);
        let value = format!("<set to the key '{}' in secret '{}'>\tOptional: {optional}", key.key, key.name);
        d.field(3, &e.name, value);
    } else if let Some(key) = &from.config_map_key_ref {
        let optional = key.optional == Some(true);
        let value = format!("<set to the key '{}' of config map '{}'>\tOptional: {optional}", key.key, key.name);
        d.field(3, &e.name, value);
    }
}

/// The value of a field of a pod's metadata. Mirrors `fieldpath.ExtractFieldPathAsString`.
pub fn field_value(meta: &ObjectMeta, path: &str) -> Option<String> {
    let format_map = |map: &Option<BTreeMap<String, String>>| {
        let lines: Vec<String> = map.iter().flatten().map(|(k, v)| format!("{k}={v:?}")).collect();
        lines.join("\n")
    };
    if let Some((path, key)) = split_maybe_subscripted_path(path) {
        let map = match path {
            "metadata.annotations" if names::qualified_name(&key.to_lowercase()).is_empty() => &meta.annotations,
            "metadata.labels" if names::qualified_name(key).is_empty() => &meta.labels,
            _ => return None,
        };
        return Some(map.as_ref().and_then(|m| m.get(key)).cloned().unwrap_or_default());
    }
    match path {
        "metadata.annotations" => Some(format_map(&meta.annotations)),
        "metadata.labels" => Some(format_map(&meta.labels)),
        "metadata.name" => Some(text(&meta.name).to_string()),
        "metadata.namespace" => Some(text(&meta.namespace).to_string()),
        "metadata.uid" => Some(text(&meta.uid).to_string()),
        _ => None,
    }
}

/// `metadata.labels['a']` as `metadata.labels` and `a`.
pub fn split_maybe_subscripted_path(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['").filter(|(path, _)| !path.is_empty())
}

/// What a container has of a resource, in units of the divisor, rounded up. Mirrors `ExtractContainerResourceValue`.
pub fn resource_value(field: &ResourceFieldSelector, c: &Container) -> Option<i64> {
    let divisor = field.divisor.as_ref().and_then(|q| Quantity::parse(&q.0).ok()).filter(|q| !q.is_zero());
    let (kind, name) = field.resource.split_once('.')?;
    let list = match kind {
        "limits" => c.resources.as_ref().and_then(|r| r.limits.as_ref()),
        "requests" => c.resources.as_ref().and_then(|r| r.requests.as_ref()),
        _ => return None,
    };
    let known = matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    let there = amount(list, name).unwrap_or(Quantity::ZERO);
    let (have, unit) = match name {
        "cpu" => (there.milli_value(), divisor.map_or(1000, |d| d.milli_value())),
        _ if known => (there.value(), divisor.map_or(1, |d| d.value())),
        _ => return None,
    };
    Some((have as f64 / unit as f64).ceil() as i64)
}

fn describe_mounts(d: &mut Description, c: &Container) {
    let none = if items(&c.volume_mounts).is_empty() { "\t<none>" } else { "" };
    d.write(2, format!("Mounts:{none}\n"));
    let mut mounts: Vec<_> = items(&c.volume_mounts).iter().collect();
    mounts.sort_by(|a, b| a.mount_path.cmp(&b.mount_path));
    for m in mounts {
        let mode = if m.read_only == Some(true) { "ro" } else { "rw" };
        let path = match text(&m.sub_path) {
            "" => String::new(),
            path => format!(",path={path:?}"),
        };
        d.write(3, format!("{} from {} ({mode}{path})\n", m.mount_path, m.name));
    }
    let mut devices: Vec<_> = items(&c.volume_devices).iter().collect();
    if !devices.is_empty() {
        d.write(2, format!("Devices:{none}\n"));
    }
    devices.sort_by(|a, b| a.device_path.cmp(&b.device_path));
    for device in devices {
        d.write(3, format!("{} from {}\n", device.device_path, device.name));
    }
}
