//! The checks of the levels, in the order in which a refusal lists them.
//!
//! Mirrors `k8s.io/pod-security-admission/policy`.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::{Level, LevelVersion};
use crate::api::k8s::api::core::v1::{
    Container, ContainerPort, EphemeralContainer, Lifecycle, LifecycleHandler, PodSecurityContext, PodSpec, Probe,
    SELinuxOptions, SecurityContext, Volume, WindowsSecurityContextOptions,
};
use crate::api::scalar::quote;
use crate::kinds::shared::access::{items, text};

/// What a check found.
pub(super) struct Violation {
    /// In a few words.
    pub(super) reason: String,
    /// Who and what; never empty.
    pub(super) detail: String,
}

/// Finds all that a level forbids.
pub(super) fn evaluate(
    policy: LevelVersion,
    annotations: Option<&BTreeMap<String, String>>,
    spec: &PodSpec,
) -> Vec<Violation> {
    if policy.level == Level::Privileged {
        return Vec::new();
    }
    let restricted = policy.level == Level::Restricted;
    let since = |minor: i64| policy.version.is_none_or(|v| v >= minor);
    let pod = Subject::new(annotations, spec);
    let in_user_namespace = since(35) && spec.host_users == Some(false);
    let on_windows = since(25) && spec.os.as_ref().is_some_and(|os| os.name == "windows");

    let mut found: Vec<Option<Violation>> = vec![app_armor_profile(&pod)];
    if !(restricted && since(22)) {
        found.push(capabilities_baseline(&pod));
    }
    found.push(host_namespaces(spec));
    if !restricted {
        found.push(host_path_volumes(spec));
    }
    found.push(host_ports(&pod));
    if since(34) {
        found.push(host_probes_and_lifecycle(&pod));
    }
    found.push(privileged(&pod));
    if !(in_user_namespace || restricted && since(35)) {
        found.push(proc_mount(&pod));
    }
    found.push(se_linux_options(&pod, since(31)));
    if !since(19) {
        found.push(seccomp_annotations(&pod));
    } else if !restricted {
        found.push(seccomp_profile(&pod, false));
    }
    found.push(sysctls(&pod, policy.version));
    found.push(windows_host_process(&pod));
    if restricted {
        if since(8) && !on_windows {
            found.push(allow_privilege_escalation(&pod));
        }
        if since(22) && !on_windows {
            found.push(capabilities_restricted(&pod));
        }
        if since(35) {
            found.push(proc_mount(&pod));
        }
        found.push(restricted_volumes(spec));
        if !in_user_namespace {
            found.push(run_as_non_root(&pod));
            if since(23) {
                found.push(run_as_user(&pod));
            }
        }
        if since(19) && !on_windows {
            found.push(seccomp_profile(&pod, true));
        }
    }
    found.into_iter().flatten().collect()
}

/// A container of any sort.
struct Part<'a> {
    name: &'a str,
    context: Option<&'a SecurityContext>,
    ports: &'a [ContainerPort],
    probes: [Option<&'a Probe>; 3],
    lifecycle: Option<&'a Lifecycle>,
}

/// A pod as the checks see it: init containers, containers and ephemeral containers in one row.
struct Subject<'a> {
    annotations: Option<&'a BTreeMap<String, String>>,
    context: Option<&'a PodSecurityContext>,
    parts: Vec<Part<'a>>,
}

/// The containers of the two types have the same fields.
macro_rules! part {
    ($c:expr) => {
        Part {
            name: &$c.name,
            context: $c.security_context.as_ref(),
            ports: items(&$c.ports),
            probes: [$c.liveness_probe.as_ref(), $c.readiness_probe.as_ref(), $c.startup_probe.as_ref()],
            lifecycle: $c.lifecycle.as_ref(),
        }
    };
}

impl<'a> Subject<'a> {
    fn new(annotations: Option<&'a BTreeMap<String, String>>, spec: &'a PodSpec) -> Subject<'a> {
        let usual = items(&spec.init_containers).iter().chain(&spec.containers).map(|c: &Container| part!(c));
        let ephemeral = items(&spec.ephemeral_containers).iter().map(|c: &EphemeralContainer| part!(c));
        Subject { annotations, context: spec.security_context.as_ref(), parts: usual.chain(ephemeral).collect() }
    }

    /// The names of the containers whose security context is so.
    fn having(&self, mut so: impl FnMut(&SecurityContext) -> bool) -> Vec<&'a str> {
        self.parts.iter().filter(|p| p.context.is_some_and(&mut so)).map(|p| p.name).collect()
    }

    /// Whether the pod's own security context is so.
    fn itself(&self, so: impl FnOnce(&PodSecurityContext) -> bool) -> bool {
        self.context.is_some_and(so)
    }
}

fn violation(reason: &str, detail: String) -> Option<Violation> {
    Some(Violation { reason: reason.into(), detail })
}

/// `"a", "b"`, raw between the quotes.
fn join_quote<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("\"{}\"", name.as_ref())).collect();
    quoted.join(", ")
}

/// A word in the singular or with an `s`.
fn plural(word: &str, count: usize) -> String {
    if count == 1 { word.into() } else { format!("{word}s") }
}

/// `container "a"`, `containers "a", "b"`.
fn named(what: &str, names: &[&str]) -> String {
    format!("{} {}", plural(what, names.len()), join_quote(names))
}

fn uses(count: usize) -> &'static str {
    if count == 1 { "uses" } else { "use" }
}

/// `pod and container "a"`: who sets something bad; none when nobody does.
fn setters(pod: bool, containers: &[&str]) -> Option<String> {
    match (pod, containers) {
        (false, []) => None,
        (true, []) => Some("pod".into()),
        (false, some) => Some(named("container", some)),
        (true, some) => Some(format!("pod and {}", named("container", some))),
    }
}

fn app_armor_profile(pod: &Subject<'_>) -> Option<Violation> {
    const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
    let mut values = BTreeSet::new();
    let mut bad = |kind: &str| {
        let bad = !matches!(kind, "RuntimeDefault" | "Localhost");
        if bad {
            values.insert(kind.to_string());
        }
        bad
    };
    let itself = pod.itself(|c| c.app_armor_profile.as_ref().is_some_and(|p| bad(&p.type_)));
    let containers = pod.having(|c| c.app_armor_profile.as_ref().is_some_and(|p| bad(&p.type_)));
    let mut values: Vec<String> = values.into_iter().collect();
    let mut who: Vec<String> = setters(itself, &containers).into_iter().collect();
    let fine = |v: &str| v.is_empty() || v == "runtime/default" || v.starts_with("localhost/");
    let noted = pod.annotations.into_iter().flatten().filter(|(key, value)| key.starts_with(PREFIX) && !fine(value));
    let mut noted: Vec<String> = noted.map(|(key, value)| format!("{key}={}", quote(value))).collect();
    noted.sort();
    if !noted.is_empty() {
        who.push(plural("annotation", noted.len()));
        values.extend(noted);
    }
    if who.is_empty() {
        return None;
    }
    let detail = format!("{} must not set AppArmor profile type to {}", who.join(" and "), join_quote(&values));
    violation(&plural("forbidden AppArmor profile", values.len()), detail)
}

fn capabilities_baseline(pod: &Subject<'_>) -> Option<Violation> {
    const ALLOWED: [&str; 13] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ];
    added_capabilities(pod, &ALLOWED).and_then(|detail| violation("non-default capabilities", detail))
}

/// Who adds other capabilities than those.
fn added_capabilities(pod: &Subject<'_>, allowed: &[&str]) -> Option<String> {
    let mut other = BTreeSet::new();
    let containers = pod.having(|c| {
        let added = c.capabilities.as_ref().map_or(&[][..], |c| items(&c.add));
        let bad: Vec<&String> = added.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
        other.extend(bad.iter().map(|name| name.to_string()));
        !bad.is_empty()
    });
    let who = setters(false, &containers)?;
    Some(format!("{who} must not include {} in securityContext.capabilities.add", join_quote(other)))
}

fn capabilities_restricted(pod: &Subject<'_>) -> Option<Violation> {
    let drops_all =
        |c: &SecurityContext| c.capabilities.as_ref().is_some_and(|c| items(&c.drop).iter().any(|name| name == "ALL"));
    let keeping: Vec<&str> = pod.parts.iter().filter(|p| !p.context.is_some_and(drops_all)).map(|p| p.name).collect();
    let keeping =
        setters(false, &keeping).map(|who| format!(r#"{who} must set securityContext.capabilities.drop=["ALL"]"#));
    let faults: Vec<String> = keeping.into_iter().chain(added_capabilities(pod, &["NET_BIND_SERVICE"])).collect();
    if faults.is_empty() { None } else { violation("unrestricted capabilities", faults.join("; ")) }
}

fn host_namespaces(spec: &PodSpec) -> Option<Violation> {
    let namespaces = [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)];
    let shared: Vec<String> =
        namespaces.iter().filter(|(_, on)| *on == Some(true)).map(|(name, _)| format!("{name}=true")).collect();
    if shared.is_empty() { None } else { violation("host namespaces", shared.join(", ")) }
}

fn host_path_volumes(spec: &PodSpec) -> Option<Violation> {
    let volumes = items(&spec.volumes).iter().filter(|v| v.host_path.is_some());
    let names: Vec<&str> = volumes.map(|v| v.name.as_str()).collect();
    if names.is_empty() { None } else { violation("hostPath volumes", named("volume", &names)) }
}

fn host_ports(pod: &Subject<'_>) -> Option<Violation> {
    let on_host = |p: &Part<'_>| p.ports.iter().filter_map(|p| p.host_port).filter(|n| *n != 0).collect::<Vec<i32>>();
    let using: Vec<&Part<'_>> = pod.parts.iter().filter(|p| !on_host(p).is_empty()).collect();
    let names: Vec<&str> = using.iter().map(|p| p.name).collect();
    // As texts, so that 443 comes before 80.
    let ports: BTreeSet<String> = using.iter().flat_map(|p| on_host(p)).map(|n| n.to_string()).collect();
    let who = setters(false, &names)?;
    let what = plural("hostPort", ports.len());
    let ports: Vec<String> = ports.into_iter().collect();
    violation("hostPort", format!("{who} {} {what} {}", uses(names.len()), ports.join(", ")))
}

fn host_probes_and_lifecycle(pod: &Subject<'_>) -> Option<Violation> {
    let mut names = BTreeSet::new();
    let mut hosts = BTreeSet::new();
    for part in &pod.parts {
        let handlers = part.lifecycle.map(|l| [l.post_start.as_ref(), l.pre_stop.as_ref()]).into_iter().flatten();
        let of_handlers = handlers.flatten().flat_map(|h: &LifecycleHandler| {
            [h.http_get.as_ref().map(|a| &a.host), h.tcp_socket.as_ref().map(|a| &a.host)]
        });
        let of_probes = part
            .probes
            .into_iter()
            .flatten()
            .flat_map(|p: &Probe| [p.http_get.as_ref().map(|a| &a.host), p.tcp_socket.as_ref().map(|a| &a.host)]);
        for host in of_probes.chain(of_handlers).flatten().map(text).filter(|h| !h.is_empty()) {
            names.insert(part.name);
            hosts.insert(host);
        }
    }
    let names: Vec<&str> = names.into_iter().collect();
    let who = setters(false, &names)?;
    let what = plural("probe or lifecycle host", hosts.len());
    violation("probe or lifecycle host", format!("{who} {} {what} {}", uses(names.len()), join_quote(hosts)))
}

fn privileged(pod: &Subject<'_>) -> Option<Violation> {
    let who = setters(false, &pod.having(|c| c.privileged == Some(true)))?;
    violation("privileged", format!("{who} must not set securityContext.privileged=true"))
}

fn proc_mount(pod: &Subject<'_>) -> Option<Violation> {
    let mut kinds = BTreeSet::new();
    let containers = pod.having(|c| {
        let other = c.proc_mount.as_ref().filter(|kind| *kind != "Default");
        kinds.extend(other.cloned());
        other.is_some()
    });
    let who = setters(false, &containers)?;
    violation("procMount", format!("{who} must not set securityContext.procMount to {}", join_quote(kinds)))
}

fn se_linux_options(pod: &Subject<'_>, engine: bool) -> Option<Violation> {
    let mut types = BTreeSet::new();
    let (mut user, mut role) = (false, false);
    let mut bad = |options: Option<&SELinuxOptions>| {
        let Some(options) = options else { return false };
        let of_type = match text(&options.type_) {
            "" | "container_t" | "container_init_t" | "container_kvm_t" => false,
            "container_engine_t" if engine => false,
            other => {
                types.insert(other.to_string());
                true
            }
        };
        let (of_user, of_role) = (!text(&options.user).is_empty(), !text(&options.role).is_empty());
        user |= of_user;
        role |= of_role;
        of_type || of_user || of_role
    };
    let itself = pod.itself(|c| bad(c.se_linux_options.as_ref()));
    let containers = pod.having(|c| bad(c.se_linux_options.as_ref()));
    let who = setters(itself, &containers)?;
    let mut what = Vec::new();
    if !types.is_empty() {
        what.push(format!("{} {}", plural("type", types.len()), join_quote(types)));
    }
    what.extend(user.then(|| "user may not be set".to_string()));
    what.extend(role.then(|| "role may not be set".to_string()));
    let detail = format!("{who} set forbidden securityContext.seLinuxOptions: {}", what.join("; "));
    violation("seLinuxOptions", detail)
}

/// Before 1.19 the profiles were in annotations.
fn seccomp_annotations(pod: &Subject<'_>) -> Option<Violation> {
    const KEY: &str = "seccomp.security.alpha.kubernetes.io";
    let annotations = pod.annotations?;
    let of_containers = pod.parts.iter().map(|p| format!("container.{KEY}/{}", p.name));
    let fine = |v: &str| matches!(v, "runtime/default" | "docker/default") || v.starts_with("localhost/");
    let mut bad = BTreeSet::new();
    for key in std::iter::once(format!("{KEY}/pod")).chain(of_containers) {
        if let Some(value) = annotations.get(&key).filter(|v| !fine(v)) {
            bad.insert(format!("{key}={}", quote(value)));
        }
    }
    if bad.is_empty() {
        return None;
    }
    let what = plural("annotation", bad.len());
    let bad: Vec<String> = bad.into_iter().collect();
    violation("seccompProfile", format!("forbidden {what} {}", bad.join(", ")))
}

/// Refuses bad profiles, and where one is required also the lack of one.
fn seccomp_profile(pod: &Subject<'_>, required: bool) -> Option<Violation> {
    let valid = |kind: &str| matches!(kind, "Localhost" | "RuntimeDefault");
    let mut values = BTreeSet::new();
    let mut bad = |kind: &str| {
        if !valid(kind) {
            values.insert(kind.to_string());
        }
        !valid(kind)
    };
    let itself = pod.itself(|c| c.seccomp_profile.as_ref().is_some_and(|p| bad(&p.type_)));
    let containers = pod.having(|c| c.seccomp_profile.as_ref().is_some_and(|p| bad(&p.type_)));
    if let Some(who) = setters(itself, &containers) {
        let detail = format!("{who} must not set securityContext.seccompProfile.type to {}", join_quote(values));
        return violation("seccompProfile", detail);
    }
    if !required || pod.itself(|c| c.seccomp_profile.is_some()) {
        return None;
    }
    let without = pod.parts.iter().filter(|p| p.context.is_none_or(|c| c.seccomp_profile.is_none()));
    let without: Vec<&str> = without.map(|p| p.name).collect();
    let who = setters(false, &without)?;
    let what = r#"must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost""#;
    violation("seccompProfile", format!("pod or {who} {what}"))
}

fn sysctls(pod: &Subject<'_>, version: Option<i64>) -> Option<Violation> {
    let since = |name: &str| match name {
        "kernel.shm_rmid_forced"
        | "net.ipv4.ip_local_port_range"
        | "net.ipv4.tcp_syncookies"
        | "net.ipv4.ping_group_range"
        | "net.ipv4.ip_unprivileged_port_start" => Some(0),
        "net.ipv4.ip_local_reserved_ports" => Some(27),
        "net.ipv4.tcp_keepalive_time"
        | "net.ipv4.tcp_fin_timeout"
        | "net.ipv4.tcp_keepalive_intvl"
        | "net.ipv4.tcp_keepalive_probes" => Some(29),
        "net.ipv4.tcp_rmem" | "net.ipv4.tcp_wmem" => Some(32),
        _ => None,
    };
    let safe = |name: &str| since(name).is_some_and(|minor| version.is_none_or(|v| v >= minor));
    let set = pod.context.map_or(&[][..], |c| items(&c.sysctls)).iter().map(|s| s.name.as_str());
    let bad: Vec<&str> = set.filter(|name| !safe(name)).collect();
    if bad.is_empty() { None } else { violation("forbidden sysctls", bad.join(", ")) }
}

fn windows_host_process(pod: &Subject<'_>) -> Option<Violation> {
    let on = |options: &Option<WindowsSecurityContextOptions>| {
        options.as_ref().is_some_and(|o| o.host_process == Some(true))
    };
    let who = setters(pod.itself(|c| on(&c.windows_options)), &pod.having(|c| on(&c.windows_options)))?;
    violation("hostProcess", format!("{who} must not set securityContext.windowsOptions.hostProcess=true"))
}

fn allow_privilege_escalation(pod: &Subject<'_>) -> Option<Violation> {
    let bad = pod.parts.iter().filter(|p| p.context.and_then(|c| c.allow_privilege_escalation) != Some(false));
    let names: Vec<&str> = bad.map(|p| p.name).collect();
    let who = setters(false, &names)?;
    let detail = format!("{who} must set securityContext.allowPrivilegeEscalation=false");
    violation("allowPrivilegeEscalation != false", detail)
}

fn restricted_volumes(spec: &PodSpec) -> Option<Violation> {
    let bad: Vec<(&str, &str)> =
        items(&spec.volumes).iter().filter_map(|v| Some((v.name.as_str(), restricted_type(v)?))).collect();
    if bad.is_empty() {
        return None;
    }
    let names: Vec<&str> = bad.iter().map(|(name, _)| *name).collect();
    let types: BTreeSet<&str> = bad.iter().map(|(_, kind)| *kind).collect();
    let what = plural("restricted volume type", types.len());
    let detail = format!("{} {} {what} {}", named("volume", &names), uses(names.len()), join_quote(types));
    violation("restricted volume types", detail)
}

/// The name of a volume's source when `restricted` forbids it.
fn restricted_type(v: &Volume) -> Option<&'static str> {
    let allowed = v.config_map.is_some()
        || v.csi.is_some()
        || v.downward_api.is_some()
        || v.empty_dir.is_some()
        || v.ephemeral.is_some()
        || v.image.is_some()
        || v.persistent_volume_claim.is_some()
        || v.projected.is_some()
        || v.secret.is_some();
    if allowed {
        return None;
    }
    let sources = [
        ("hostPath", v.host_path.is_some()),
        ("gcePersistentDisk", v.gce_persistent_disk.is_some()),
        ("awsElasticBlockStore", v.aws_elastic_block_store.is_some()),
        ("gitRepo", v.git_repo.is_some()),
        ("nfs", v.nfs.is_some()),
        ("iscsi", v.iscsi.is_some()),
        ("glusterfs", v.glusterfs.is_some()),
        ("rbd", v.rbd.is_some()),
        ("flexVolume", v.flex_volume.is_some()),
        ("cinder", v.cinder.is_some()),
        ("cephfs", v.cephfs.is_some()),
        ("flocker", v.flocker.is_some()),
        ("fc", v.fc.is_some()),
        ("azureFile", v.azure_file.is_some()),
        ("vsphereVolume", v.vsphere_volume.is_some()),
        ("quobyte", v.quobyte.is_some()),
        ("azureDisk", v.azure_disk.is_some()),
        ("photonPersistentDisk", v.photon_persistent_disk.is_some()),
        ("portworxVolume", v.portworx_volume.is_some()),
        ("scaleIO", v.scale_io.is_some()),
        ("storageos", v.storageos.is_some()),
    ];
    Some(sources.iter().find(|(_, set)| *set).map_or("unknown", |(name, _)| name))
}

fn run_as_non_root(pod: &Subject<'_>) -> Option<Violation> {
    let reason = "runAsNonRoot != true";
    let containers = pod.having(|c| c.run_as_non_root == Some(false));
    if let Some(who) = setters(pod.itself(|c| c.run_as_non_root == Some(false)), &containers) {
        return violation(reason, format!("{who} must not set securityContext.runAsNonRoot=false"));
    }
    if pod.itself(|c| c.run_as_non_root == Some(true)) {
        return None;
    }
    let silent = pod.parts.iter().filter(|p| p.context.is_none_or(|c| c.run_as_non_root.is_none()));
    let silent: Vec<&str> = silent.map(|p| p.name).collect();
    let who = setters(false, &silent)?;
    violation(reason, format!("pod or {who} must set securityContext.runAsNonRoot=true"))
}

fn run_as_user(pod: &Subject<'_>) -> Option<Violation> {
    let who = setters(pod.itself(|c| c.run_as_user == Some(0)), &pod.having(|c| c.run_as_user == Some(0)))?;
    violation("runAsUser=0", format!("{who} must not set runAsUser=0"))
}
