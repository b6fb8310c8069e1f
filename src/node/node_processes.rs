//! What runs on a node, as a pod with `hostPID` sees it: k3s, its runtime, and the containers of the node's pods.

use crate::api::Kind;
use crate::api::k8s::api::core::v1::Node;
use crate::machine::kernel::NodePids;
use crate::machine::kernel::mounts::{Mount, Source};
use crate::store::{Index, View};

use super::disk::disk_of;
use super::node_view::sandbox_number;

/// How many processes are shown at most.
const MOST: usize = 500;

/// The processes of a node as they are now.
pub(super) fn of(view: &View<'_>, node: &Node) -> NodePids {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let leads = name.contains("server")
        || node.metadata.labels.as_ref().is_some_and(|l| l.contains_key("node-role.kubernetes.io/control-plane"));
    let role = if leads { "server" } else { "agent" };
    let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
    let mut running = vec![
        (0, words(&format!("/sbin/docker-init -- /bin/k3d-entrypoint.sh {role}"))),
        (0, words(&format!("/bin/k3s {role}"))),
        (0, words("containerd")),
    ];
    for object in view.indexed(Kind::Pod, Index::Node, name) {
        let Some(sandbox) = view.sandbox(object.uid()) else { continue };
        if running.len() > MOST || sandbox.containers.values().all(|c| c.ended.is_some()) {
            continue;
        }
        let id = sandbox_number(view.seed(), object.uid());
        let socket = "/run/k3s/containerd/containerd.sock";
        running.push((0, words(&format!("/bin/containerd-shim-runc-v2 -namespace k8s.io -id {id} -address {socket}"))));
        running.push((65535, words("/pause")));
        let own = sandbox.processes.values().filter(|p| !p.container.is_empty());
        running.extend(own.map(|p| (p.uid, p.args.clone())));
    }
    running.truncate(MOST);
    NodePids { running, mounts: mounts(name) }
}

/// The file systems of a node.
fn mounts(node: &str) -> Vec<Mount> {
    let root = Mount {
        at: "/".into(),
        what: Source::Disk(disk_of(node), 0),
        read_only: false,
        device: "/dev/sda1".into(),
        fs_type: "ext4".into(),
        options: "relatime".into(),
    };
    let proc = Mount {
        at: "/proc".into(),
        what: Source::Proc,
        device: "proc".into(),
        fs_type: "proc".into(),
        options: "nosuid,nodev,noexec,relatime".into(),
        ..root.clone()
    };
    vec![root, proc]
}
