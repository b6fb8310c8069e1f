//! What the server warns of when a pod or a template is made. Mirrors `pkg/api/pod/warnings.go`.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::k8s::api::core::v1::{
    Container, ContainerPort, KeyToPath, Pod, PodAffinityTerm, PodSpec, PodTemplateSpec, Volume, VolumeProjection,
    WeightedPodAffinityTerm,
};
use crate::api::names;
use crate::api::quantity::amount;
use crate::kinds::core::persistent_volume_claim::get_warnings_for_persistent_volume_claim_spec;
use crate::kinds::core::pod::app_armor;
use crate::kinds::core::pod::visit::visit_containers;
use crate::kinds::shared::access::{ResourceList, items, text};
use crate::kinds::shared::node_selector::{get_node_label_deprecated_message, get_warnings_for_node_selector_term};

const DEPRECATED_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
];
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const NO_POD: &str = "a null labelSelector results in matching no pod";

/// Warnings of a new pod.
pub(super) fn warnings_for_pod(pod: &Pod) -> Vec<String> {
    let name = text(&pod.metadata.name);
    let mut all = Vec::new();
    let bad = names::dns1123_label(name);
    if !bad.is_empty() {
        all.push(format!(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label \
             is recommended: [{}]",
            bad.join(" ")
        ));
    }
    let (none, no_spec) = (BTreeMap::new(), PodSpec::default());
    let annotations = pod.metadata.annotations.as_ref().unwrap_or(&none);
    all.extend(warnings_for_spec(pod.spec.as_ref().unwrap_or(&no_spec), annotations, ""));
    all
}

/// Warnings of a controller's template; `path` is its field, `spec.template`. Mirrors `GetWarningsForPodTemplate`.
pub fn warnings_for_pod_template(template: &PodTemplateSpec, path: &str) -> Vec<String> {
    let (none, no_spec) = (BTreeMap::new(), PodSpec::default());
    let annotations = template.metadata.as_ref().and_then(|m| m.annotations.as_ref()).unwrap_or(&none);
    warnings_for_spec(template.spec.as_ref().unwrap_or(&no_spec), annotations, &format!("{path}."))
}

/// `root` is what stands before `spec` and `metadata` in every path.
fn warnings_for_spec(spec: &PodSpec, annotations: &BTreeMap<String, String>, root: &str) -> Vec<String> {
    let mut all = Vec::new();
    let path = format!("{root}spec");
    warn_of_node_labels(spec, &path, &mut all);
    for (key, message) in DEPRECATED_ANNOTATIONS.iter().filter(|(key, _)| annotations.contains_key(*key)) {
        all.push(format!("{root}metadata.annotations[{key}]: {message}"));
    }
    for (i, v) in items(&spec.volumes).iter().enumerate() {
        warn_of_volume(v, &format!("{path}.volumes[{i}]"), &mut all);
    }
    items(&spec.volumes).iter().for_each(|v| warn_of_overlaps(v, &mut all));
    let ips = items(&spec.host_aliases).iter().map(|a| a.ip.as_str());
    all.extend(repeated(ips).map(|(i, ip)| format!("{path}.hostAliases[{i}].ip: duplicate ip {ip:?}")));
    let secrets = || items(&spec.image_pull_secrets).iter().map(|s| s.name.as_str());
    all.extend(repeated(secrets()).map(|(i, n)| format!("{path}.imagePullSecrets[{i}].name: duplicate name {n:?}")));
    for (i, name) in secrets().enumerate().filter(|(_, name)| name.is_empty()) {
        all.push(format!("{path}.imagePullSecrets[{i}].name: invalid empty name {name:?}"));
    }
    warn_of_fractions(spec.overhead.as_ref(), &["memory", "ephemeral-storage"], &format!("{path}.overhead"), &mut all);
    let seccomp = "non-functional in v1.27+; use the \"seccompProfile\" field instead";
    let profile = spec.security_context.as_ref().and_then(|c| c.seccomp_profile.as_ref());
    if profile.is_none() && annotations.contains_key(SECCOMP_POD) {
        all.push(format!("{root}metadata.annotations[{SECCOMP_POD}]: {seccomp}"));
    }
    for (path, c) in visit_containers(spec, &path) {
        let own = c.security_context.as_ref().and_then(|s| s.seccomp_profile.as_ref());
        let key = format!("{SECCOMP_CONTAINER}{}", c.name);
        if own.is_none() && annotations.contains_key(&key) {
            all.push(format!("{root}metadata.annotations[{key}]: {seccomp}"));
        }
        warn_of_app_armor(spec, c, annotations, root, &mut all);
        warn_of_container(c, &path, &mut all);
    }
    warn_of_ports(spec, &path, &mut all);
    if spec.termination_grace_period_seconds.is_some_and(|n| n < 0) {
        let message = "must be >= 0; negative values are invalid and will be treated as 1";
        all.push(format!("{path}.terminationGracePeriodSeconds: {message}"));
    }
    warn_of_pod_affinity(spec, &path, &mut all);
    for (i, server) in spec.dns_config.as_ref().map_or(&[][..], |c| items(&c.nameservers)).iter().enumerate() {
        all.extend(names::ip_warnings(server).iter().map(|w| format!("{path}.dnsConfig.nameservers[{i}]: {w}")));
    }
    for (i, alias) in items(&spec.host_aliases).iter().enumerate() {
        all.extend(names::ip_warnings(&alias.ip).iter().map(|w| format!("{path}.hostAliases[{i}].ip: {w}")));
    }
    all
}

/// The values that came before, with their places.
fn repeated<'a>(values: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (usize, &'a str)> {
    let mut seen = BTreeSet::new();
    values.enumerate().filter(move |(_, value)| !seen.insert(*value))
}

fn warn_of_node_labels(spec: &PodSpec, path: &str, all: &mut Vec<String>) {
    for key in spec.node_selector.iter().flatten().map(|(key, _)| key) {
        all.extend(get_node_label_deprecated_message(key).map(|m| format!("{path}.nodeSelector[{key}]: {m}")));
    }
    if let Some(a) = spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref()) {
        let path = format!("{path}.affinity.nodeAffinity");
        let required = a.required_during_scheduling_ignored_during_execution.as_ref();
        for (i, term) in required.map_or(&[][..], |r| &r.node_selector_terms).iter().enumerate() {
            let path = format!("{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[{i}]");
            all.extend(get_warnings_for_node_selector_term(term, false, &path));
        }
        for (i, term) in items(&a.preferred_during_scheduling_ignored_during_execution).iter().enumerate() {
            let path = format!("{path}.preferredDuringSchedulingIgnoredDuringExecution[{i}].preference");
            all.extend(get_warnings_for_node_selector_term(&term.preference, true, &path));
        }
    }
    for (i, c) in items(&spec.topology_spread_constraints).iter().enumerate() {
        let path = format!("{path}.topologySpreadConstraints[{i}]");
        let key = &c.topology_key;
        all.extend(get_node_label_deprecated_message(key).map(|m| format!("{path}.topologyKey: {key} is {m}")));
        if c.label_selector.is_none() {
            all.push(format!("{path}.labelSelector: {NO_POD}"));
        }
    }
}

fn warn_of_volume(v: &Volume, path: &str, all: &mut Vec<String>) {
    let deprecated = [
        (v.photon_persistent_disk.is_some(), "photonPersistentDisk", "v1.11, non-functional in v1.16+"),
        (v.git_repo.is_some(), "gitRepo", "v1.11, and disabled by default in v1.33+"),
        (v.scale_io.is_some(), "scaleIO", "v1.16, non-functional in v1.22+"),
        (v.flocker.is_some(), "flocker", "v1.22, non-functional in v1.25+"),
        (v.storageos.is_some(), "storageOS", "v1.22, non-functional in v1.25+"),
        (v.quobyte.is_some(), "quobyte", "v1.22, non-functional in v1.25+"),
        (v.glusterfs.is_some(), "glusterfs", "v1.25, non-functional in v1.26+"),
    ];
    for (_, name, since) in deprecated.iter().filter(|(there, ..)| *there) {
        all.push(format!("{path}.{name}: deprecated in {since}"));
    }
    if let Some(template) = v.ephemeral.as_ref().and_then(|e| e.volume_claim_template.as_ref()) {
        let path = format!("{path}.ephemeral.volumeClaimTemplate.spec");
        all.extend(get_warnings_for_persistent_volume_claim_spec(&template.spec, &path));
    }
    for (there, name) in [(v.cephfs.is_some(), "cephfs"), (v.rbd.is_some(), "rbd")] {
        if there {
            all.push(format!("{path}.{name}: deprecated in v1.28, non-functional in v1.31+"));
        }
    }
}

/// A file of a volume and where it comes from.
#[derive(Clone, PartialEq)]
struct File {
    path: String,
    source: String,
}

impl std::fmt::Display for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.source.as_str() {
            "" => write!(f, "{:?}", self.path),
            source => write!(f, "{:?} ({source})", self.path),
        }
    }
}

/// Pairs of files of which one is where the other has to be, or above it.
fn overlaps(files: Vec<File>) -> Vec<String> {
    let mut all = Vec::new();
    let mut before: Vec<File> = Vec::new();
    for mut file in files {
        file.path = file.path.trim_end_matches('/').to_string();
        let below = |a: &File, b: &File| format!("{}/", a.path).starts_with(&format!("{}/", b.path));
        let clash = |o: &&File| !o.path.is_empty() && !file.path.is_empty() && (below(o, &file) || below(&file, o));
        all.extend(before.iter().filter(clash).map(|other| format!("{file} with {other}")));
        before.push(file);
    }
    all
}

fn warn_of_overlaps(v: &Volume, all: &mut Vec<String>) {
    let paths = |keys: &[KeyToPath], source: &str| -> Vec<File> {
        keys.iter().map(|k| File { path: k.path.clone(), source: source.into() }).collect()
    };
    let mut found: Vec<(String, Vec<File>)> = Vec::new();
    if let Some(s) = &v.config_map {
        found.push((format!("ConfigMap {:?}", s.name), paths(items(&s.items), "")));
    }
    if let Some(s) = &v.secret {
        found.push((format!("Secret {:?}", text(&s.secret_name)), paths(items(&s.items), "")));
    }
    if let Some(s) = &v.downward_api {
        let files = items(&s.items).iter().map(|f| File { path: f.path.clone(), source: String::new() });
        found.push(("DownwardAPI".into(), files.collect()));
    }
    if let Some(s) = &v.projected {
        for _ in items(&s.sources).iter().filter(|s| **s == VolumeProjection::default()) {
            all.push(format!("volume {:?} (Projected) has no sources provided", v.name));
        }
        let mut files = Vec::new();
        for source in items(&s.sources) {
            if let Some(map) = &source.config_map {
                files.extend(paths(items(&map.items), &format!("ConfigMap {:?}", map.name)));
            } else if let Some(secret) = &source.secret {
                files.extend(paths(items(&secret.items), &format!("Secret {:?}", secret.name)));
            } else if let Some(downward) = &source.downward_api {
                let one = |path: &String| File { path: path.clone(), source: "DownwardAPI".into() };
                files.extend(items(&downward.items).iter().map(|f| one(&f.path)));
            } else if let Some(token) = &source.service_account_token {
                files.push(File { path: token.path.clone(), source: "ServiceAccountToken".into() });
            } else if let Some(bundle) = &source.cluster_trust_bundle {
                let name = bundle.name.as_deref().unwrap_or(text(&bundle.signer_name));
                files.push(File { path: bundle.path.clone(), source: format!("ClusterTrustBundle {name:?}") });
            }
        }
        found.push(("Projected".into(), files));
    }
    for (kind, files) in found {
        let pairs = overlaps(files).into_iter();
        all.extend(pairs.map(|pair| format!("volume {:?} ({kind}): overlapping paths: {pair}", v.name)));
    }
}

fn warn_of_fractions(list: Option<&ResourceList>, names: &[&str], path: &str, all: &mut Vec<String>) {
    for name in names {
        if let Some(q) = amount(list, name).filter(|q| q.milli_value() % 1000 != 0) {
            let value = q.to_string();
            all.push(format!("{path}[{name}]: fractional byte value {value:?} is invalid, must be an integer"));
        }
    }
}

fn warn_of_app_armor(
    spec: &PodSpec,
    c: &Container,
    annotations: &BTreeMap<String, String>,
    root: &str,
    all: &mut Vec<String>,
) {
    // Those of a pod are given before its fields are written.
    if root.is_empty() {
        return;
    }
    let key = format!("{}{}", app_armor::ANNOTATION, c.name);
    let Some(annotation) = annotations.get(&key) else { return };
    let own = c.security_context.as_ref().and_then(|s| s.app_armor_profile.as_ref());
    let of_pod = spec.security_context.as_ref().and_then(|s| s.app_armor_profile.as_ref());
    if own.is_none() && (of_pod.is_none() || of_pod != app_armor::profile_of(annotation).as_ref()) {
        all.push(format!("{root}metadata.annotations[{key}]: {}", app_armor::DEPRECATED));
    }
}

fn warn_of_container(c: &Container, path: &str, all: &mut Vec<String>) {
    let resources = c.resources.clone().unwrap_or_default();
    for name in ["memory", "ephemeral-storage"] {
        warn_of_fractions(resources.limits.as_ref(), &[name], &format!("{path}.resources.limits"), all);
        warn_of_fractions(resources.requests.as_ref(), &[name], &format!("{path}.resources.requests"), all);
    }
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (i, var) in items(&c.env).iter().enumerate() {
        let (reference, value) = (format!("$({})", var.name), text(&var.value));
        let hides = var.value_from.is_some() || value == reference || !value.contains(&reference);
        if !seen.insert(&var.name) && hides {
            let message = format!("hides previous definition of {:?}, which may be dropped when using apply", var.name);
            all.push(format!("{path}.env[{i}]: {message}"));
        }
    }
}

fn warn_of_ports(spec: &PodSpec, path: &str, all: &mut Vec<String>) {
    let containers = visit_containers(spec, path);
    let ports = || {
        containers.iter().flat_map(|(path, c)| {
            items(&c.ports).iter().enumerate().map(move |(i, port)| (format!("{path}.ports[{i}]"), port))
        })
    };
    let mut before: Vec<(String, &ContainerPort)> = Vec::new();
    for (path, port) in ports() {
        let (ip, host) = (text(&port.host_ip), port.host_port.unwrap_or(0));
        if !ip.is_empty() && host == 0 {
            let (name, protocol) = (text(&port.name), text(&port.protocol));
            let all_of =
                format!("Name:{name} HostPort:0 ContainerPort:{} Protocol:{protocol} HostIP:{ip}", port.container_port);
            all.push(format!("{path}: hostIP set without hostPort: {{{all_of}}}"));
        }
        for (other_path, other) in &before {
            if other.container_port != port.container_port || other.protocol != port.protocol {
                continue;
            }
            let (other_ip, other_host) = (text(&other.host_ip), other.host_port.unwrap_or(0));
            let what = if ip == other_ip && host == other_host {
                "duplicate"
            } else if host == 0 || other_host == 0 {
                "overlapping"
            } else if host == other_host && ip.is_empty() != other_ip.is_empty() {
                "dangerously ambiguous"
            } else {
                continue;
            };
            all.push(format!("{path}: {what} port definition with {other_path}"));
        }
        before.push((path, port));
    }
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    for (path, port) in ports().filter(|(_, port)| !text(&port.name).is_empty()) {
        let name = text(&port.name);
        if let Some(other) = names.get(name) {
            all.push(format!(
                "{path}: duplicate port name {name:?} with {other}, services and probes that select ports by name \
                 will use {other}"
            ));
        } else {
            names.insert(name, path);
        }
    }
}

fn warn_of_pod_affinity(spec: &PodSpec, path: &str, all: &mut Vec<String>) {
    let mut look = |required: &[PodAffinityTerm], preferred: &[WeightedPodAffinityTerm], path: String| {
        for (i, _) in required.iter().enumerate().filter(|(_, t)| t.label_selector.is_none()) {
            let field = format!("requiredDuringSchedulingIgnoredDuringExecution[{i}].labelSelector");
            all.push(format!("{path}.{field}: {NO_POD}"));
        }
        for (i, _) in preferred.iter().enumerate().filter(|(_, t)| t.pod_affinity_term.label_selector.is_none()) {
            let field = format!("preferredDuringSchedulingIgnoredDuringExecution[{i}].podAffinityTerm.labelSelector");
            all.push(format!("{path}.{field}: {NO_POD}"));
        }
    };
    let Some(affinity) = &spec.affinity else { return };
    if let Some(a) = &affinity.pod_affinity {
        look(
            items(&a.required_during_scheduling_ignored_during_execution),
            items(&a.preferred_during_scheduling_ignored_during_execution),
            format!("{path}.affinity.podAffinity"),
        );
    }
    if let Some(a) = &affinity.pod_anti_affinity {
        look(
            items(&a.required_during_scheduling_ignored_during_execution),
            items(&a.preferred_during_scheduling_ignored_during_execution),
            format!("{path}.affinity.podAntiAffinity"),
        );
    }
}
