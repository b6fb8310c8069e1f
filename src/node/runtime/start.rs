//! Starting a container in its pod's kernel.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::api::k8s::api::core::v1::{Container, ContainerStatus, Node, Pod, Service};
use crate::api::names::Draw;
use crate::api::{Duration, Kind, ObjectKey, Time};
use crate::controllers::metrics::load::Loads;
use crate::machine::disk::{Disk, Inode, Node as Content};
use crate::machine::images;
use crate::machine::kernel::mounts::{Mount, Source};
use crate::machine::kernel::{ContainerSpec, Kept, Pids, Probing, Sandbox, log};
use crate::node::disk::lay_down;
use crate::node::node_view;
use crate::store::{Store, View};

use super::environment::host_name;
use super::mounts::{MountPlan, mount, plan_mounts};
use super::spec::{IDLE, container_spec};

/// All that is needed to start a container, decided on before.
pub(in crate::node) struct Plan {
    uid: String,
    namespace: String,
    pod: String,
    node: String,
    ip: String,
    hostname: String,
    seed: u64,
    spec: ContainerSpec,
    mounts: Vec<MountPlan>,
    files: Vec<(&'static str, String)>,
    booted: Time,
}

/// How a start went.
pub(in crate::node) enum Started {
    /// It runs.
    Runs,
    /// The runtime refused: exit code and text.
    Refused(String),
    /// The kubelet could not prepare it.
    Unprepared(String),
}

impl Plan {
    /// What it takes to start a container of a pod.
    pub(in crate::node) fn of(
        view: &View<'_>,
        node: &Node,
        pod: &Pod,
        container: &Container,
        (image, ip): (&str, &str),
        kept: Kept,
        now: Time,
    ) -> Plan {
        // The address is given before a container starts, and stored after it: variables and files name it all the same.
        let mut with_ip = pod.clone();
        crate::node::pod_status::set_pod_ip(with_ip.status.get_or_insert_default(), ip.to_string());
        let pod = if ip.is_empty() { pod } else { &with_ip };
        let meta = &pod.metadata;
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        let mut spec = container_spec(view, node, pod, container, image);
        spec.args.truncate(4096);
        let key = ObjectKey::new(Kind::Pod, text(&meta.namespace), text(&meta.name));
        let booted = node.metadata.creation_timestamp.as_ref().map(Time::from_meta).unwrap_or_default();
        spec.pressed = view.get(&key).and_then(|pod| Loads::of(view).memory(view, pod, &container.name, now));
        spec.kept = kept;
        let mounts = plan_mounts(view, node, pod, container, &spec.env);
        let hostname = host_name(pod);
        let files = vec![
            ("etc/hostname", format!("{hostname}\n")),
            ("etc/hosts", hosts(pod, &hostname, ip)),
            ("etc/resolv.conf", resolv_conf(view, node, pod)),
            ("dev/termination-log", String::new()),
        ];
        Plan {
            uid: text(&meta.uid),
            namespace: text(&meta.namespace),
            pod: text(&meta.name),
            node: text(&node.metadata.name),
            ip: ip.to_string(),
            hostname,
            seed: Draw::new(view.seed(), &format!("machine/{}", text(&meta.uid)), 0).bits(),
            spec,
            mounts,
            files,
            booted,
        }
    }
}

/// What the runtime is to keep of a container that starts, for the kubelet to know later.
pub(in crate::node) fn kept_of(status: &ContainerStatus, container: &Container, now: Time) -> Kept {
    let id = status.container_id.as_deref().unwrap_or_default();
    let mut probes = BTreeMap::new();
    let all = [
        ("startup", &container.startup_probe),
        ("readiness", &container.readiness_probe),
        ("liveness", &container.liveness_probe),
    ];
    for (kind, probe) in all {
        let Some(probe) = probe else { continue };
        let delay = probe.initial_delay_seconds.unwrap_or(0);
        // The kubelet's worker begins within its first period.
        let first = now + Duration::secs(i64::from(delay.max(1)));
        let succeeds = kind == "liveness";
        probes.insert(kind.to_string(), Probing { next: first, succeeds, ..Probing::default() });
    }
    Kept {
        id: id.rsplit('/').next().unwrap_or_default().to_string(),
        restarts: status.restart_count,
        is_ready: container.readiness_probe.is_none(),
        has_started: container.startup_probe.is_none(),
        probes,
        stopping: None,
        post_start: None,
    }
}

/// Starts a container; its first process runs as soon as time is given to the pod.
pub(in crate::node) fn start_container(store: &mut Store, plan: Plan, now: Time) -> Started {
    let volumes = match mount(store, &plan.mounts, now) {
        Ok(volumes) => volumes,
        Err(fault) => return Started::Unprepared(fault),
    };
    let of_node = matches!(plan.spec.pids, Pids::Node(_));
    let node_view = of_node.then(|| {
        lay_down(store, &plan.node);
        Box::new(node_view::of(&store.view(), &plan.node))
    });
    let mut sandbox = store.take_sandbox(&plan.uid).unwrap_or_else(|| {
        let mut new = Sandbox::new(&plan.uid, &plan.hostname, plan.seed, now);
        new.namespace.clone_from(&plan.namespace);
        new.pod.clone_from(&plan.pod);
        new.node.clone_from(&plan.node);
        new.booted = plan.booted;
        new
    });
    sandbox.ip.clone_from(&plan.ip);
    sandbox.node_view = node_view.or(sandbox.node_view.take());
    let restarts = plan.spec.kept.restarts;
    let root = format!("pod/{}/root-{}-{restarts}", plan.uid, plan.spec.name);
    if restarts > 0 {
        store.remove_disk(&format!("pod/{}/root-{}-{}", plan.uid, plan.spec.name, restarts - 1));
    }
    store.add_disk(&log::disk_of(&plan.uid), || Disk::new(0o755, None, now));
    store.add_disk(&root, || Disk::over_image(&plan.spec.image));
    if let Some(disk) = store.disks_mut().get_mut(&root) {
        for (path, text) in &plan.files {
            let mode = if *path == "dev/termination-log" { 0o666 } else { 0o644 };
            let file = Inode::new(Content::File(text.as_str().into()), mode, (0, 0), now);
            let _ = disk.put(path, file);
        }
        if plan.spec.args.first().map(String::as_str) == Some(IDLE) {
            let program = [images::BINARY, b"idle"].concat();
            let _ = disk.put(IDLE, Inode::new(Content::File(program.into()), 0o755, (0, 0), now));
        }
        // The runtime makes the mount points, and the folder that the command starts in.
        for mount in &volumes {
            let _ = disk.make_dirs(&mount.at, 0o755, now);
        }
        let _ = disk.make_dirs(&plan.spec.cwd, 0o755, now);
    }
    let (mut mounts, mut own) = (default_mounts(store, &root), own_files(store, &root));
    if plan.spec.read_only_root {
        // The runtime's own files are a part of it, the kubelet's are not.
        let runtime = ["/", "/etc/hostname", "/etc/resolv.conf"];
        mounts.iter_mut().chain(&mut own).filter(|m| runtime.contains(&m.at.as_str())).for_each(|m| m.read_only = true);
    }
    mounts.extend(sorted(volumes, own));
    let spec = ContainerSpec { mounts, ..plan.spec };
    let started = sandbox.start_container(spec, store.disks_mut(), now);
    store.put_sandbox(sandbox, Some(now));
    match started {
        Ok(()) => Started::Runs,
        Err(fault) => Started::Refused(fault.0),
    }
}

/// A part of a container's root file system that is a mount of its own.
fn part_of(store: &Store, root: &str, at: &str, (device, fs_type, options): (&str, &str, &str)) -> Option<Mount> {
    let ino = store.disk(root)?.find(at.trim_start_matches('/')).ok()?;
    Some(Mount {
        at: at.to_string(),
        what: Source::Disk(root.to_string(), ino),
        read_only: false,
        device: device.to_string(),
        fs_type: fs_type.to_string(),
        options: options.to_string(),
    })
}

fn made_when_read(what: Source, (at, options): (&str, &str)) -> Mount {
    let fs_type = if what == Source::Sys { "sysfs" } else { "proc" };
    let read_only = what == Source::Sys;
    let (device, fs_type) = (fs_type.to_string(), fs_type.to_string());
    Mount { at: at.to_string(), what, read_only, device, fs_type, options: options.to_string() }
}

/// The file systems that every container has. Mirrors `defaultMounts` of containerd's `pkg/oci/mounts.go`.
fn default_mounts(store: &Store, root: &str) -> Vec<Mount> {
    let dev = "nosuid,size=65536k,mode=755";
    let pts = "nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666";
    [
        part_of(store, root, "/", ("overlay", "overlay", "relatime")),
        Some(made_when_read(Source::Proc, ("/proc", "nosuid,nodev,noexec,relatime"))),
        part_of(store, root, "/dev", ("tmpfs", "tmpfs", dev)),
        part_of(store, root, "/dev/pts", ("devpts", "devpts", pts)),
        part_of(store, root, "/dev/mqueue", ("mqueue", "mqueue", "nosuid,nodev,noexec,relatime")),
        Some(made_when_read(Source::Sys, ("/sys", "nosuid,nodev,noexec,relatime"))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The files that the kubelet and the runtime lay down for each container, and its shared memory.
fn own_files(store: &Store, root: &str) -> Vec<Mount> {
    let file = ("/dev/sda1", "ext4", "relatime");
    let files = ["/etc/hosts", "/dev/termination-log", "/etc/hostname", "/etc/resolv.conf"];
    let shm = part_of(store, root, "/dev/shm", ("shm", "tmpfs", "nosuid,nodev,noexec,relatime,size=65536k"));
    files.iter().filter_map(|at| part_of(store, root, at, file)).chain(shm).collect()
}

/// The runtime mounts what is nearer to the root first. Mirrors `orderedMounts` of containerd.
fn sorted(volumes: Vec<Mount>, own: Vec<Mount>) -> Vec<Mount> {
    let taken: Vec<String> = volumes.iter().map(|m| m.at.clone()).collect();
    let mut mounts = volumes;
    mounts.extend(own.into_iter().filter(|m| !taken.contains(&m.at)));
    mounts.sort_by_key(|m| m.at.split('/').filter(|p| !p.is_empty()).count());
    mounts
}

/// Mirrors `managedHostsFileContent`.
fn hosts(pod: &Pod, hostname: &str, ip: &str) -> String {
    let mut text = String::from(
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n\
         fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n",
    );
    let spec = pod.spec.as_ref();
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    match spec.and_then(|s| s.subdomain.as_deref()).filter(|s| !s.is_empty()) {
        Some(subdomain) => {
            let _ = writeln!(text, "{ip}\t{hostname}.{subdomain}.{namespace}.svc.cluster.local\t{hostname}");
        }
        None => {
            let _ = writeln!(text, "{ip}\t{hostname}");
        }
    }
    let aliases: Vec<_> = spec.iter().flat_map(|s| s.host_aliases.iter().flatten()).collect();
    if !aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
        for alias in aliases {
            let _ = writeln!(
                text,
                "{}\t{}",
                alias.ip,
                alias.hostnames.iter().flatten().cloned().collect::<Vec<_>>().join("\t")
            );
        }
    }
    text
}

/// Mirrors `dns.Configurer.GetPodDNS`.
fn resolv_conf(view: &View<'_>, node: &Node, pod: &Pod) -> String {
    let spec = pod.spec.as_ref();
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let policy = spec.and_then(|s| s.dns_policy.as_deref()).unwrap_or("ClusterFirst");
    let host_network = spec.and_then(|s| s.host_network) == Some(true);
    let dns = view.get_as::<Service>("kube-system", "kube-dns").and_then(|s| s.spec.as_ref()?.cluster_ip.clone());
    let dns = dns.unwrap_or_else(|| "10.43.0.10".into());
    let of_host = || {
        crate::node::pod_status::host_ip(node).map(|ip| {
            let mut parts: Vec<&str> = ip.split('.').collect();
            if let Some(last) = parts.last_mut() {
                *last = "1";
            }
            parts.join(".")
        })
    };
    let (mut servers, mut search, mut options) = match policy {
        "None" => (Vec::new(), Vec::new(), Vec::new()),
        "ClusterFirst" if !host_network => cluster_first(namespace, dns),
        "ClusterFirstWithHostNet" => cluster_first(namespace, dns),
        _ => (of_host().into_iter().collect(), Vec::new(), Vec::new()),
    };
    if let Some(config) = spec.and_then(|s| s.dns_config.as_ref()) {
        servers.extend(config.nameservers.iter().flatten().cloned());
        search.extend(config.searches.iter().flatten().cloned());
        for option in config.options.iter().flatten() {
            let name = option.name.clone().unwrap_or_default();
            options.retain(|o: &String| o.split(':').next() != Some(name.as_str()));
            options.push(option.value.as_ref().map_or(name.clone(), |value| format!("{name}:{value}")));
        }
    }
    let mut text = String::new();
    if !search.is_empty() {
        let _ = writeln!(text, "search {}", search.join(" "));
    }
    for server in servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    if !options.is_empty() {
        let _ = writeln!(text, "options {}", options.join(" "));
    }
    text
}

fn cluster_first(namespace: &str, dns: String) -> (Vec<String>, Vec<String>, Vec<String>) {
    let search = vec![format!("{namespace}.svc.cluster.local"), "svc.cluster.local".into(), "cluster.local".into()];
    (vec![dns], search, vec!["ndots:5".into()])
}

/// A token that names the service account; nobody's signature is checked.
pub(in crate::node) fn service_account_token(seed: u64, namespace: &str, account: &str, pod: &Pod) -> String {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let head = encode(r#"{"alg":"RS256","kid":"kstate"}"#);
    let body = encode(&format!(
        r#"{{"aud":["https://kubernetes.default.svc.cluster.local","k3s"],"iss":"https://kubernetes.default.svc.cluster.local","kubernetes.io":{{"namespace":"{namespace}","pod":{{"uid":"{uid}"}},"serviceaccount":{{"name":"{account}"}}}},"sub":"system:serviceaccount:{namespace}:{account}"}}"#
    ));
    let signature = Draw::new(seed, &format!("token/{uid}"), 0).hex(64);
    format!("{head}.{body}.{}", encode(&signature))
}
