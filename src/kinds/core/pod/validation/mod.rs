//! What is wrong with a pod. Mirrors `pkg/apis/core/validation/validation.go`.

mod containers;
mod env;
mod paths;
mod probes;
mod projected;
mod resources;
mod scheduling;
mod security;
mod update;
mod vendor;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use self::containers::{
    Around, validate_containers, validate_ephemeral_containers, validate_image_blanks, validate_init_containers,
};
use self::volumes::validate_volumes;
use crate::api::k8s::api::core::v1::{Pod, PodResourceClaim, PodSpec, PodTemplateSpec};
use crate::api::names;
use crate::api::selector::validate_labels;
use crate::error::FieldError;
use crate::kinds::core::pod::visit::visit_containers;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::{Faults, at};
use crate::kinds::shared::meta::validate_annotations;

pub(super) use update::{is_mirror, validate_ephemeral_containers_update, validate_pod_update};

pub(crate) use resources::{
    is_native, is_overcommit_allowed, is_standard_quota_resource, validate_container_resource_name,
    validate_resource_name, validate_resource_quantity,
};

const MIRROR: &str = "kubernetes.io/config.mirror";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Faults of a controller's template; `path` is its field, `spec.template`. Mirrors `ValidatePodTemplateSpec`.
pub fn validate_pod_template_spec(template: &PodTemplateSpec, path: &str) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let (none, no_spec) = (BTreeMap::new(), PodSpec::default());
    let meta = template.metadata.clone().unwrap_or_default();
    let (labels, annotations) = (meta.labels.as_ref().unwrap_or(&none), meta.annotations.as_ref().unwrap_or(&none));
    let spec = template.spec.as_ref().unwrap_or(&no_spec);
    // The original leaves out `metadata` in these paths.
    faults.extend(validate_labels(labels, &format!("{path}.labels")));
    faults.extend(validate_annotations(annotations, &format!("{path}.annotations")));
    validate_pod_annotations(annotations, spec, &format!("{path}.annotations"), &mut faults);
    validate_pod_spec(spec, None, &at(path, "spec"), &mut faults);
    security::validate_seccomp_annotations(annotations, spec, &at(path, "spec"), &mut faults);
    security::validate_app_armor_annotations(annotations, spec, &at(path, "spec"), &mut faults);
    if !items(&spec.ephemeral_containers).is_empty() {
        faults.forbidden(path, "spec.ephemeralContainers", "ephemeral containers not allowed in pod template");
    }
    faults.0
}

/// Faults of a new pod, beyond its metadata. Mirrors `ValidatePodCreate`.
pub(super) fn validate_pod_create(pod: &Pod) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let (none, no_spec) = (BTreeMap::new(), PodSpec::default());
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    validate_metadata_and_spec(pod, spec, &mut faults);
    if !items(&spec.ephemeral_containers).is_empty() {
        faults.forbidden("spec", "ephemeralContainers", "cannot be set on create");
    }
    if !text(&spec.node_name).is_empty() && !items(&spec.scheduling_gates).is_empty() {
        faults.forbidden("spec", "nodeName", "cannot be set until all schedulingGates have been cleared");
    }
    let annotations = pod.metadata.annotations.as_ref().unwrap_or(&none);
    security::validate_seccomp_annotations(annotations, spec, "spec", &mut faults);
    security::validate_app_armor_annotations(annotations, spec, "spec", &mut faults);
    faults.0
}

/// Mirrors `validatePodMetadataAndSpec`, but for the metadata that all kinds have.
pub(super) fn validate_metadata_and_spec(pod: &Pod, spec: &PodSpec, faults: &mut Faults) {
    let none = BTreeMap::new();
    let annotations = pod.metadata.annotations.as_ref().unwrap_or(&none);
    validate_pod_annotations(annotations, spec, "metadata.annotations", faults);
    validate_pod_spec(spec, Some(text(&pod.metadata.name)), "spec", faults);
    if text(&spec.service_account_name).is_empty() {
        for (i, volume) in items(&spec.volumes).iter().enumerate() {
            let sources = volume.projected.as_ref().map_or(&[][..], |p| items(&p.sources));
            for (j, _) in sources.iter().enumerate().filter(|(_, s)| s.service_account_token.is_some()) {
                let field = format!("volumes[{i}].projected.sources[{j}].serviceAccountToken");
                faults.forbidden("spec", &field, "must not be specified when serviceAccountName is not set");
            }
        }
    }
    for (i, c) in spec.containers.iter().enumerate() {
        validate_image_blanks(c, &format!("spec.containers[{i}]"), faults);
    }
    for (i, c) in items(&spec.init_containers).iter().enumerate() {
        validate_image_blanks(c, &format!("spec.initContainers[{i}]"), faults);
    }
}

/// Annotations that mean something to pods. Mirrors `ValidatePodSpecificAnnotations`.
fn validate_pod_annotations(annotations: &BTreeMap<String, String>, spec: &PodSpec, path: &str, faults: &mut Faults) {
    if let Some(value) = annotations.get(MIRROR).filter(|_| text(&spec.node_name).is_empty()) {
        let detail = "must set spec.nodeName if mirror pod annotation is set";
        faults.invalid(&format!("{path}[{MIRROR}]"), "", value, detail);
    }
    if let Some(cost) = annotations.get(DELETION_COST) {
        let leading = cost.starts_with('+') || (cost.starts_with('0') && cost.len() > 1);
        if leading || cost.parse::<i32>().is_err() {
            faults.invalid(&format!("{path}[{DELETION_COST}]"), "", cost, "must be a 32bit integer");
        }
    }
    for (key, profile) in annotations.iter().filter(|(key, _)| {
        *key == "seccomp.security.alpha.kubernetes.io/pod"
            || key.starts_with("container.seccomp.security.alpha.kubernetes.io/")
    }) {
        match profile.strip_prefix("localhost/") {
            Some(file) => paths::local_descending_path(file, &at(path, key), faults),
            None if matches!(profile.as_str(), "runtime/default" | "docker/default" | "unconfined") => {}
            None => faults.invalid(path, key, profile, "must be a valid seccomp profile"),
        }
    }
    for (key, profile) in annotations {
        let Some(name) = key.strip_prefix("container.apparmor.security.beta.kubernetes.io/") else { continue };
        let path = format!("{path}[{key}]");
        if !visit_containers(spec, "spec").iter().any(|(_, c)| c.name == name) {
            faults.invalid(&path, "", name, "container not found");
        }
        if !matches!(profile.as_str(), "" | "runtime/default" | "unconfined") && !profile.starts_with("localhost/") {
            faults.invalid(&path, "", profile, &format!("invalid AppArmor profile name: {profile:?}"));
        }
    }
}

/// Faults of a pod spec; `pod` is the pod's name where it belongs to one. Mirrors `ValidatePodSpec`.
fn validate_pod_spec(spec: &PodSpec, pod: Option<&str>, path: &str, faults: &mut Faults) {
    if spec.termination_grace_period_seconds.is_none() {
        faults.required(path, "terminationGracePeriodSeconds");
    }
    let (volumes, volume_faults) = validate_volumes(items(&spec.volumes), pod, &at(path, "volumes"));
    faults.extend(volume_faults);
    let claims: BTreeSet<&str> =
        items(&spec.resource_claims).iter().map(|c| c.name.as_str()).filter(|n| !n.is_empty()).collect();
    validate_resource_claims(items(&spec.resource_claims), &at(path, "resourceClaims"), faults);
    let around = Around { spec, volumes: &volumes, claims: &claims };
    validate_containers(&around, &at(path, "containers"), faults);
    validate_init_containers(&around, &at(path, "initContainers"), faults);
    validate_ephemeral_containers(&around, &at(path, "ephemeralContainers"), faults);
    resources::validate_pod_resources(spec, &claims, path, faults);
    validate_host_network_ports(spec, pod.is_some(), path, faults);
    let restart = ["Always", "OnFailure", "Never"];
    faults.one_of_in_order(path, "restartPolicy", text(&spec.restart_policy), &restart);
    let dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    faults.one_of_in_order(path, "dnsPolicy", text(&spec.dns_policy), &dns);
    if let Some(selector) = &spec.node_selector {
        faults.extend(validate_labels(selector, &at(path, "nodeSelector")));
    }
    security::validate_pod_security_context(spec, &at(path, "securityContext"), faults);
    if let Some(affinity) = &spec.affinity {
        scheduling::validate_affinity(affinity, &at(path, "affinity"), faults);
    }
    validate_dns_config(spec, &at(path, "dnsConfig"), faults);
    for (i, gate) in items(&spec.readiness_gates).iter().enumerate() {
        let bad = names::qualified_name(&gate.condition_type);
        faults.all_invalid(path, &format!("readinessGates[{i}].conditionType"), &gate.condition_type, bad);
    }
    let mut gates: BTreeSet<&str> = BTreeSet::new();
    for (i, gate) in items(&spec.scheduling_gates).iter().enumerate() {
        let field = format!("schedulingGates[{i}]");
        faults.all_invalid(path, &field, &gate.name, names::qualified_name(&gate.name));
        if !gates.insert(&gate.name) {
            faults.duplicate(path, &field, &gate.name);
        }
    }
    let spread = items(&spec.topology_spread_constraints);
    scheduling::validate_topology_spread(spread, &at(path, "topologySpreadConstraints"), faults);
    security::validate_host_process(spec, path, faults);
    security::validate_host_users(spec, path, faults);
    validate_hostname_override(spec, path, faults);
    validate_names(spec, path, faults);
    validate_file_key_volumes(spec, path, faults);
}

fn validate_names(spec: &PodSpec, path: &str, faults: &mut Faults) {
    type Check = fn(&str) -> Vec<String>;
    let mut check = |name: &str, value: &Option<String>, check: Check| {
        if !text(value).is_empty() {
            faults.all_invalid(path, name, text(value), check(text(value)));
        }
    };
    check("serviceAccountName", &spec.service_account_name, names::dns1123_subdomain);
    check("nodeName", &spec.node_name, names::dns1123_subdomain);
    if let Some(seconds) = spec.active_deadline_seconds.filter(|n| !(1..=i64::from(i32::MAX)).contains(n)) {
        let detail = names::inclusive_range_error(1, i32::MAX.into());
        faults.invalid(path, "activeDeadlineSeconds", seconds, &detail);
    }
    let mut check = |name: &str, value: &Option<String>, check: Check| {
        if !text(value).is_empty() {
            faults.all_invalid(path, name, text(value), check(text(value)));
        }
    };
    check("hostname", &spec.hostname, names::dns1123_label);
    check("subdomain", &spec.subdomain, names::dns1123_label);
    scheduling::validate_tolerations(items(&spec.tolerations), &at(path, "tolerations"), faults);
    for (i, alias) in items(&spec.host_aliases).iter().enumerate() {
        let path = format!("{path}.hostAliases[{i}]");
        faults.all_invalid(&path, "ip", &alias.ip, names::ip(&alias.ip));
        for (j, host) in items(&alias.hostnames).iter().enumerate() {
            faults.all_invalid(&path, &format!("hostnames[{j}]"), host, names::dns1123_subdomain(host));
        }
    }
    if !text(&spec.priority_class_name).is_empty() {
        let name = text(&spec.priority_class_name);
        faults.all_invalid(path, "priorityClassName", name, names::dns1123_subdomain(name));
    }
    if let Some(name) = &spec.runtime_class_name {
        faults.all_invalid(path, "runtimeClassName", name, names::dns1123_subdomain(name));
    }
    if let Some(policy) = &spec.preemption_policy {
        faults.one_of_in_order(path, "preemptionPolicy", policy, &["PreemptLowerPriority", "Never"]);
    }
    if spec.overhead.is_some() {
        let overhead = crate::api::k8s::api::core::v1::ResourceRequirements {
            limits: spec.overhead.clone(),
            ..Default::default()
        };
        let path = at(path, "overhead");
        resources::validate_container_resources(&overhead, &BTreeSet::new(), &path, faults);
    }
    security::validate_os(spec, path, faults);
    if let Some(group) = &spec.scheduling_group {
        let path = at(path, "schedulingGroup");
        match &group.pod_group_name {
            None => {
                let none: Option<String> = None;
                faults.invalid(&path, "podGroupName", none, "must specify one of: `podGroupName`");
            }
            Some(name) => faults.all_invalid(&path, "podGroupName", name, names::dns1123_subdomain(name)),
        }
    }
}

fn validate_resource_claims(claims: &[PodResourceClaim], path: &str, faults: &mut Faults) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (i, claim) in claims.iter().enumerate() {
        let path = format!("{path}[{i}]");
        if claim.name.is_empty() {
            faults.required(&path, "name");
        } else if !seen.insert(&claim.name) {
            faults.duplicate(&path, "name", &claim.name);
        } else {
            faults.all_invalid(&path, "name", &claim.name, names::dns1123_label(&claim.name));
        }
        let detail = match (&claim.resource_claim_name, &claim.resource_claim_template_name) {
            (Some(_), Some(_)) => {
                Some("at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified")
            }
            (None, None) => Some("must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"),
            _ => None,
        };
        if let Some(detail) = detail {
            let whole = crate::kinds::shared::internal::Internal::of("PodResourceClaim", claim);
            faults.invalid(&path, "", whole, detail);
        }
        for (name, value) in [
            ("resourceClaimName", &claim.resource_claim_name),
            ("resourceClaimTemplateName", &claim.resource_claim_template_name),
        ] {
            if let Some(value) = value {
                faults.all_invalid(&path, name, value, names::dns1123_subdomain(value));
            }
        }
    }
}

/// On the host's network a container's port is the host's. Mirrors `validatePodHostNetworkDeps`.
fn validate_host_network_ports(spec: &PodSpec, is_pod: bool, path: &str, faults: &mut Faults) {
    if spec.host_network != Some(true) {
        return;
    }
    for (i, c) in spec.containers.iter().enumerate() {
        for (j, port) in items(&c.ports).iter().enumerate() {
            let host = port.host_port.unwrap_or(0);
            if (is_pod || host != 0) && host != port.container_port {
                let detail = "must match `containerPort` when `hostNetwork` is true";
                faults.invalid(path, &format!("containers[{i}].ports[{j}].hostPort"), host, detail);
            }
        }
    }
}

fn validate_dns_config(spec: &PodSpec, path: &str, faults: &mut Faults) {
    let none = text(&spec.dns_policy) == "None";
    let Some(config) = &spec.dns_config else {
        if none {
            faults.required_for(path, "", "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        return;
    };
    let (servers, searches) = (items(&config.nameservers), items(&config.searches));
    if none && servers.is_empty() {
        let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        faults.required_for(path, "nameservers", detail);
        return;
    }
    if servers.len() > 3 {
        faults.invalid(path, "nameservers", servers, "must not have more than 3 nameservers");
    }
    for (i, server) in servers.iter().enumerate() {
        faults.all_invalid(path, &format!("nameservers[{i}]"), server, names::ip(server));
    }
    if searches.len() > 32 {
        faults.invalid(path, "searches", searches, "must not have more than 32 search paths");
    }
    if searches.join(" ").len() > 2048 {
        let detail = "must not have more than 2048 characters (including spaces) in the search list";
        faults.invalid(path, "searches", searches, detail);
    }
    for (i, search) in searches.iter().enumerate().filter(|(_, s)| *s != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        let bad = names::dns1123_subdomain_with_underscore(search);
        faults.all_invalid(path, &format!("searches[{i}]"), search, bad);
    }
    for (i, option) in items(&config.options).iter().enumerate() {
        if text(&option.name).is_empty() {
            faults.required_for(path, &format!("options[{i}]"), "must not be empty");
        }
    }
}

fn validate_hostname_override(spec: &PodSpec, path: &str, faults: &mut Faults) {
    let Some(name) = &spec.hostname_override else { return };
    if spec.set_hostname_as_fqdn == Some(true) {
        faults.forbidden(path, "hostnameOverride", "may not be specified when setHostnameAsFQDN is true");
    }
    if spec.host_network == Some(true) {
        faults.forbidden(path, "hostnameOverride", "may not be specified when hostNetwork is true");
    }
    if name.len() > 64 {
        faults.0.push(FieldError::too_long(at(path, "hostnameOverride"), 64));
    }
    faults.all_invalid(path, "hostnameOverride", name, names::dns1123_subdomain(name));
}

/// Environment files lie in empty directories. Mirrors `validateFileKeyRefVolumes`.
fn validate_file_key_volumes(spec: &PodSpec, path: &str, faults: &mut Faults) {
    for (path, c) in visit_containers(spec, path) {
        for (j, var) in items(&c.env).iter().enumerate() {
            let Some(file) = var.value_from.as_ref().and_then(|f| f.file_key_ref.as_ref()) else { continue };
            let field = format!("env[{j}].valueFrom.fileKeyRef.volumeName");
            match items(&spec.volumes).iter().rfind(|v| v.name == file.volume_name) {
                None => faults.0.push(FieldError::not_found(at(&path, &field), &file.volume_name)),
                Some(v) if v.empty_dir.is_none() => {
                    faults.invalid(&path, &field, &file.volume_name, "referenced volume must be of type emptyDir");
                }
                Some(_) => {}
            }
        }
    }
}
