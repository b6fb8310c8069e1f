//! What is wrong with containers of all three sorts. Mirrors `validateContainers` and its neighbours.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::k8s::api::core::v1::{
    Container, ContainerPort, EphemeralContainer, PodSpec, Volume, VolumeDevice, VolumeMount,
};
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::core::pod::containers::as_container;
use crate::kinds::core::pod::image::validate_pull_policy;
use crate::kinds::core::pod::resources::is_restartable_init;
use crate::kinds::core::pod::validation::env::{validate_env, validate_env_from};
use crate::kinds::core::pod::validation::paths::{local_descending_path, no_backsteps};
use crate::kinds::core::pod::validation::probes::{validate_lifecycle, validate_probes};
use crate::kinds::core::pod::validation::resources::validate_container_resources;
use crate::kinds::core::pod::validation::security::validate_security_context;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::{Faults, at};

/// What a container's checks need to know of its pod.
pub(super) struct Around<'a> {
    pub(super) spec: &'a PodSpec,
    pub(super) volumes: &'a BTreeMap<&'a str, &'a Volume>,
    pub(super) claims: &'a BTreeSet<&'a str>,
}

impl Around<'_> {
    fn host_users(&self) -> bool {
        self.spec.host_users != Some(false)
    }
}

/// Faults of the containers proper.
pub(super) fn validate_containers(around: &Around<'_>, path: &str, faults: &mut Faults) {
    let containers = &around.spec.containers;
    if containers.is_empty() {
        faults.required(path, "");
        return;
    }
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for (i, c) in containers.iter().enumerate() {
        let path = format!("{path}[{i}]");
        validate_common(c, around, &path, faults);
        if !names.insert(&c.name) {
            faults.duplicate(&path, "name", &c.name);
        }
        if let Some(lifecycle) = &c.lifecycle {
            validate_lifecycle(lifecycle, around.spec, &at(&path, "lifecycle"), faults);
        }
        validate_probes(c, &path, faults);
        validate_restart_policy(c, &path, faults);
    }
    check_host_ports(containers.iter(), path, faults);
}

/// Faults of the init containers.
pub(super) fn validate_init_containers(around: &Around<'_>, path: &str, faults: &mut Faults) {
    let mut names: BTreeSet<&str> = around.spec.containers.iter().map(|c| c.name.as_str()).collect();
    for (i, c) in items(&around.spec.init_containers).iter().enumerate() {
        let here = format!("{path}[{i}]");
        validate_common(c, around, &here, faults);
        validate_restart_policy(c, &here, faults);
        if names.contains(c.name.as_str()) {
            faults.duplicate(&here, "name", &c.name);
        } else if !c.name.is_empty() {
            names.insert(&c.name);
        }
        check_host_ports(std::iter::once(c), path, faults);
        if is_restartable_init(c) {
            if let Some(lifecycle) = &c.lifecycle {
                validate_lifecycle(lifecycle, around.spec, &at(&here, "lifecycle"), faults);
            }
            validate_probes(c, &here, faults);
            continue;
        }
        let not_allowed = [
            ("lifecycle", c.lifecycle.is_some()),
            ("livenessProbe", c.liveness_probe.is_some()),
            ("readinessProbe", c.readiness_probe.is_some()),
            ("startupProbe", c.startup_probe.is_some()),
        ];
        for (name, _) in not_allowed.into_iter().filter(|(_, set)| *set) {
            faults.forbidden(&here, name, "may not be set for init containers without restartPolicy=Always");
        }
        for (j, policy) in items(&c.resize_policy).iter().enumerate() {
            if policy.restart_policy == "RestartContainer" {
                let detail = "must not be set to 'RestartContainer' for non-sidecar initContainers";
                let field = format!("resizePolicy[{j}].restartPolicy");
                faults.invalid(&here, &field, &policy.restart_policy, detail);
            }
        }
    }
}

/// Faults of ephemeral containers.
pub(super) fn validate_ephemeral_containers(around: &Around<'_>, path: &str, faults: &mut Faults) {
    let spec = around.spec;
    let others: BTreeSet<&str> =
        spec.containers.iter().chain(items(&spec.init_containers)).map(|c| c.name.as_str()).collect();
    let mut names = others.clone();
    for (i, e) in items(&spec.ephemeral_containers).iter().enumerate() {
        let path = format!("{path}[{i}]");
        let c = as_container(e);
        validate_common(&c, around, &path, faults);
        validate_image_blanks(&c, &path, faults);
        if !names.insert(&e.name) {
            faults.duplicate(&path, "name", &e.name);
        }
        let target = text(&e.target_container_name);
        if !target.is_empty() && !others.contains(target) {
            faults.0.push(FieldError::not_found(at(&path, "targetContainerName"), target));
        }
        for name in set_but_not_allowed(e) {
            faults.forbidden(&path, name, "cannot be set for an Ephemeral Container");
        }
        for (j, mount) in items(&e.volume_mounts).iter().enumerate() {
            for (name, value) in [("subPath", &mount.sub_path), ("subPathExpr", &mount.sub_path_expr)] {
                if !text(value).is_empty() {
                    let field = format!("volumeMounts[{j}].{name}");
                    faults.forbidden(&path, &field, "cannot be set for an Ephemeral Container");
                }
            }
        }
    }
}

fn set_but_not_allowed(e: &EphemeralContainer) -> impl Iterator<Item = &'static str> {
    let resources = e.resources.as_ref().is_some_and(|r| *r != Default::default());
    let fields = [
        ("ports", !items(&e.ports).is_empty()),
        ("resources", resources),
        ("resizePolicy", !items(&e.resize_policy).is_empty()),
        ("restartPolicy", e.restart_policy.is_some()),
        ("restartPolicyRules", !items(&e.restart_policy_rules).is_empty()),
        ("livenessProbe", e.liveness_probe.is_some()),
        ("readinessProbe", e.readiness_probe.is_some()),
        ("startupProbe", e.startup_probe.is_some()),
        ("lifecycle", e.lifecycle.is_some()),
    ];
    fields.into_iter().filter(|(_, set)| *set).map(|(name, _)| name)
}

/// In a pod, unlike in a template, an image has no blanks around it. Mirrors `validateContainerOnlyForPod`.
pub(super) fn validate_image_blanks(c: &Container, path: &str, faults: &mut Faults) {
    let image = text(&c.image);
    if image.trim() != image {
        faults.invalid(path, "image", image, "must not have leading or trailing whitespace");
    }
}

fn validate_common(c: &Container, around: &Around<'_>, path: &str, faults: &mut Faults) {
    if faults.require(path, "name", &c.name) {
        faults.all_invalid(path, "name", &c.name, names::dns1123_label(&c.name));
    }
    faults.require(path, "image", text(&c.image));
    let policies = ["File", "FallbackToLogsOnError"];
    faults.one_of_in_order(path, "terminationMessagePolicy", text(&c.termination_message_policy), &policies);
    validate_ports(items(&c.ports), &at(path, "ports"), faults);
    validate_env(items(&c.env), &at(path, "env"), faults);
    validate_env_from(items(&c.env_from), &at(path, "envFrom"), faults);
    validate_mounts(c, around.volumes, &at(path, "volumeMounts"), faults);
    validate_devices(c, around.volumes, &at(path, "volumeDevices"), faults);
    validate_pull_policy(text(&c.image_pull_policy), &at(path, "imagePullPolicy"), faults);
    if let Some(resources) = &c.resources {
        validate_container_resources(resources, around.claims, &at(path, "resources"), faults);
    }
    validate_resize_policy(c, text(&around.spec.restart_policy), &at(path, "resizePolicy"), faults);
    if let Some(context) = &c.security_context {
        validate_security_context(context, around.host_users(), &at(path, "securityContext"), faults);
    }
}

fn validate_ports(ports: &[ContainerPort], path: &str, faults: &mut Faults) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let name = text(&port.name);
        if !name.is_empty() {
            let bad = names::port_name(name);
            if bad.is_empty() && !seen.insert(name) {
                faults.duplicate(&path, "name", name);
            }
            faults.all_invalid(&path, "name", name, bad);
        }
        match port.container_port {
            0 => faults.required(&path, "containerPort"),
            n => names::port_num(n.into()).iter().for_each(|e| faults.invalid(&path, "containerPort", n, e)),
        }
        if let Some(n) = port.host_port.filter(|n| *n != 0) {
            names::port_num(n.into()).iter().for_each(|e| faults.invalid(&path, "hostPort", n, e));
        }
        faults.one_of_in_order(&path, "protocol", text(&port.protocol), &["SCTP", "TCP", "UDP"]);
    }
}

/// Mirrors `ValidateVolumeMounts`.
fn validate_mounts(c: &Container, volumes: &BTreeMap<&str, &Volume>, path: &str, faults: &mut Faults) {
    let devices = items(&c.volume_devices);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (i, mount) in items(&c.volume_mounts).iter().enumerate() {
        let here = format!("{path}[{i}]");
        faults.require(&here, "name", &mount.name);
        if !volumes.contains_key(mount.name.as_str()) {
            faults.0.push(FieldError::not_found(at(&here, "name"), &mount.name));
        }
        faults.require(&here, "mountPath", &mount.mount_path);
        if !seen.insert(&mount.mount_path) {
            faults.invalid(&here, "mountPath", &mount.mount_path, "must be unique");
        }
        if devices.iter().any(|d: &VolumeDevice| d.name == mount.name) {
            faults.invalid(&here, "name", &mount.name, "must not already exist in volumeDevices");
        }
        if devices.iter().any(|d| d.device_path == mount.mount_path) {
            let detail = "must not already exist as a path in volumeDevices";
            faults.invalid(&here, "mountPath", &mount.mount_path, detail);
        }
        let (sub, expr) = (text(&mount.sub_path), text(&mount.sub_path_expr));
        if !sub.is_empty() {
            local_descending_path(sub, &at(path, "subPath"), faults);
        }
        if !expr.is_empty() {
            if !sub.is_empty() {
                faults.invalid(&here, "subPathExpr", expr, "subPathExpr and subPath are mutually exclusive");
            }
            local_descending_path(expr, &at(path, "subPathExpr"), faults);
        }
        validate_propagation(mount, c, path, faults);
    }
}

fn validate_propagation(mount: &VolumeMount, c: &Container, path: &str, faults: &mut Faults) {
    if let Some(propagation) = mount.mount_propagation.as_deref() {
        faults.one_of(path, "mountPropagation", propagation, &["Bidirectional", "HostToContainer", "None"]);
        let privileged = c.security_context.as_ref().is_some_and(|s| s.privileged == Some(true));
        if propagation == "Bidirectional" && !privileged {
            let detail = "Bidirectional mount propagation is available only to privileged containers";
            faults.forbidden(path, "mountPropagation", detail);
        }
    }
    match mount.recursive_read_only.as_deref() {
        None | Some("Disabled") => {}
        Some("Enabled" | "IfPossible") => {
            if mount.read_only != Some(true) {
                faults.forbidden(path, "recursiveReadOnly", "may only be specified when readOnly is true");
            }
            if mount.mount_propagation.as_deref().is_some_and(|p| p != "None") {
                let detail = "may only be specified when mountPropagation is None or not specified";
                faults.forbidden(path, "recursiveReadOnly", detail);
            }
        }
        Some(other) => faults.one_of(path, "recursiveReadOnly", other, &["Disabled", "Enabled", "IfPossible"]),
    }
}

/// Mirrors `ValidateVolumeDevices`.
fn validate_devices(c: &Container, volumes: &BTreeMap<&str, &Volume>, path: &str, faults: &mut Faults) {
    let mounts = items(&c.volume_mounts);
    let (mut paths, mut seen): (BTreeSet<&str>, BTreeSet<&str>) = (BTreeSet::new(), BTreeSet::new());
    for (i, device) in items(&c.volume_devices).iter().enumerate() {
        let path = format!("{path}[{i}]");
        let (name, target) = (device.name.as_str(), device.device_path.as_str());
        let volume = volumes.get(name);
        faults.require(&path, "name", name);
        if seen.contains(name) {
            faults.invalid(&path, "name", name, "must be unique");
        }
        match volume {
            None => faults.0.push(FieldError::not_found(at(&path, "name"), name)),
            Some(v) if v.persistent_volume_claim.is_none() && v.ephemeral.is_none() => {
                let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                faults.invalid(&path, "name", name, detail);
            }
            Some(_) => {}
        }
        faults.require(&path, "devicePath", target);
        if paths.contains(target) {
            faults.invalid(&path, "devicePath", target, "must be unique");
        }
        let mut steps = Faults::default();
        no_backsteps(target, "", &mut steps);
        if steps.0.is_empty() {
            paths.insert(target);
        } else {
            faults.invalid(&path, "devicePath", target, "can not contain backsteps ('..')");
        }
        if mounts.iter().any(|m| m.name == name) {
            faults.invalid(&path, "name", name, "must not already exist in volumeMounts");
        }
        if mounts.iter().any(|m| m.mount_path == target) {
            faults.invalid(&path, "devicePath", target, "must not already exist as a path in volumeMounts");
        }
        if !name.is_empty() {
            seen.insert(name);
        }
    }
}

fn validate_resize_policy(c: &Container, pod_policy: &str, path: &str, faults: &mut Faults) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (i, policy) in items(&c.resize_policy).iter().enumerate() {
        if !seen.insert(&policy.resource_name) {
            faults.duplicate(&format!("{path}[{i}]"), "", &policy.resource_name);
        }
        faults.one_of_in_order(path, "", &policy.resource_name, &["cpu", "memory"]);
        faults.one_of_in_order(path, "", &policy.restart_policy, &["NotRequired", "RestartContainer"]);
        if pod_policy == "Never" && policy.restart_policy != "NotRequired" {
            let detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
            faults.invalid(path, "", &policy.restart_policy, detail);
        }
    }
}

/// A container's own restart policy and rules. Mirrors `validateContainerRestartPolicy`.
fn validate_restart_policy(c: &Container, path: &str, faults: &mut Faults) {
    let rules = items(&c.restart_policy_rules);
    match c.restart_policy.as_deref() {
        None if rules.is_empty() => return,
        None => {
            faults.required_for(path, "restartPolicy", "must specify restartPolicy when restart rules are used");
        }
        Some(policy) => faults.one_of(path, "restartPolicy", policy, &["Always", "Never", "OnFailure"]),
    }
    if rules.len() > 20 {
        faults.0.push(FieldError::too_many(at(path, "restartPolicyRules"), rules.len(), 20));
    }
    for (i, rule) in rules.iter().enumerate() {
        let path = format!("{path}.restartPolicyRules[{i}]");
        faults.one_of(&path, "action", &rule.action, &["Restart", "RestartAllContainers"]);
        match &rule.exit_codes {
            None => faults.required_for(&path, "exitCodes", "must be specified"),
            Some(codes) => {
                faults.one_of(&path, "exitCodes.operator", &codes.operator, &["In", "NotIn"]);
                if items(&codes.values).len() > 255 {
                    let field = at(&path, "exitCodes.values");
                    faults.0.push(FieldError::too_many(field, items(&codes.values).len(), 255));
                }
            }
        }
    }
}

/// No two containers may take the same port of a host.
fn check_host_ports<'a>(containers: impl Iterator<Item = &'a Container>, path: &str, faults: &mut Faults) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for (i, c) in containers.enumerate() {
        for (j, port) in items(&c.ports).iter().enumerate() {
            let Some(number) = port.host_port.filter(|n| *n != 0) else { continue };
            let place = format!("{}/{}/{number}", text(&port.protocol), text(&port.host_ip));
            if taken.contains(&place) {
                faults.duplicate(&format!("{path}[{i}].ports[{j}]"), "hostPort", &place);
            } else {
                taken.insert(place);
            }
        }
    }
}
