//! What a container is to run, and as whom.

use crate::api::Quantity;
use crate::api::k8s::api::core::v1::{Container, Node, Pod};
use crate::machine::images;
use crate::machine::kernel::{ContainerSpec, Pids};
use crate::store::View;

use crate::node::container_status::is_sidecar;

use crate::node::containers::target;
use crate::node::node_processes;

use super::environment::{expand, make_environment_variables};

/// The program of a container that is given no command though its image is a bare shell's. A real one ends at once and is
/// started again and again; here it stands for whatever its author had in mind, as in the recordings.
pub(super) const IDLE: &str = "/pause";

const SHELLS: [&str; 4] = ["sh", "/bin/sh", "bash", "/bin/bash"];

/// What a container is to run; its mounts come later.
pub(in crate::node) fn container_spec(
    view: &View<'_>,
    node: &Node,
    pod: &Pod,
    container: &Container,
    image: &str,
) -> ContainerSpec {
    let model = images::find(image);
    let env = make_environment_variables(view, node, pod, container, model.env());
    let find = |name: &str| env.get(name).cloned();
    let expanded = |list: &[String]| list.iter().map(|word| expand(word, &find)).collect::<Vec<String>>();
    let (command, args) = (container.command.as_deref(), container.args.as_deref());
    // As the runtime puts them together: a command of the pod's own leaves the image's arguments out.
    let mut words = expanded(command.unwrap_or_default());
    if command.is_none_or(|c| c.is_empty()) {
        words = model.entrypoint();
        words.extend(match args {
            Some(args) if !args.is_empty() => expanded(args),
            _ => model.cmd(),
        });
    } else {
        words.extend(expanded(args.unwrap_or_default()));
    }
    let says_nothing = command.is_none_or(|c| c.is_empty()) && args.is_none_or(|a| a.is_empty());
    let is_shell = words.len() == 1 && SHELLS.contains(&words[0].as_str());
    let is_main = pod.spec.as_ref().is_some_and(|s| s.containers.iter().any(|c| c.name == container.name))
        || is_sidecar(container);
    let has_terminal = container.stdin == Some(true) || container.tty == Some(true);
    if says_nothing && is_shell && is_main && !has_terminal {
        words = vec![IDLE.into()];
    }
    let pod_context = pod.spec.as_ref().and_then(|s| s.security_context.as_ref());
    let context = container.security_context.as_ref();
    let (image_uid, image_gid) = model.user();
    let uid = context.and_then(|c| c.run_as_user).or_else(|| pod_context.and_then(|c| c.run_as_user));
    let gid = context.and_then(|c| c.run_as_group).or_else(|| pod_context.and_then(|c| c.run_as_group));
    let extra = pod_context.and_then(|c| c.supplemental_groups.clone()).unwrap_or_default();
    let fs_group = pod_context.and_then(|c| c.fs_group);
    let limit = |resource: &str| {
        let limits = container.resources.as_ref()?.limits.as_ref()?;
        Quantity::parse(&limits.get(resource)?.0).ok()
    };
    ContainerSpec {
        name: container.name.clone(),
        image: image.to_string(),
        args: words,
        cwd: container.working_dir.clone().filter(|w| !w.is_empty()).unwrap_or_else(|| model.workdir()),
        env,
        mounts: Vec::new(),
        uid: uid.map_or(image_uid, |uid| uid as u32),
        gid: gid.map_or(if uid.is_some() { 0 } else { image_gid }, |gid| gid as u32),
        groups: extra.into_iter().chain(fs_group).map(|gid| gid as u32).collect(),
        image_groups: pod_context.and_then(|c| c.supplemental_groups_policy.as_deref()) != Some("Strict"),
        memory_limit: limit("memory").map(|q| q.value().max(0) as u64),
        cpu_limit: limit("cpu").map(|q| q.milli_value().max(0) as u64),
        stdin: container.stdin == Some(true),
        tty: container.tty == Some(true),
        pressed: None,
        pids: pids(view, node, pod, container),
        privileged: context.is_some_and(|c| c.privileged == Some(true)),
        read_only_root: context.is_some_and(|c| c.read_only_root_filesystem == Some(true)),
        kept: Default::default(),
    }
}

/// Whose processes a container sees. Mirrors `PidNamespaceForPod`.
fn pids(view: &View<'_>, node: &Node, pod: &Pod, container: &Container) -> Pids {
    let Some(spec) = &pod.spec else { return Pids::Own };
    if spec.host_pid == Some(true) {
        return Pids::Node(node_processes::of(view, node));
    }
    if spec.share_process_namespace == Some(true) {
        return Pids::Pod;
    }
    target(spec, &container.name).map_or(Pids::Own, |target| Pids::Of(target.to_string()))
}
