//! What a new cluster holds: its nodes, namespaces, service accounts and storage classes.

use std::collections::BTreeMap;

use super::Cluster;
use crate::api::k8s::api::core::v1::{
    Namespace, NamespaceSpec, NamespaceStatus, Node, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeSpec,
    NodeStatus, NodeSystemInfo,
};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity;
use crate::api::names::Draw;
use crate::api::{Object, ObjectMeta};
use crate::error::ApiError;

/// The namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

impl Cluster {
    /// Fills a new cluster, lets its controllers work, and forgets what they said meanwhile.
    pub(super) fn populate(&mut self) -> Result<(), ApiError> {
        for name in NAMESPACES {
            self.plant(namespace(name))?;
        }
        let nodes = self.config.nodes.clone();
        for (n, name) in nodes.iter().enumerate() {
            let node = self.node(n, name);
            self.plant(node)?;
        }
        self.plant(local_path_class())?;
        self.converge()?;
        Ok(())
    }

    /// The `n`th node: 4 CPUs, 8Gi and 110 pods, at 172.18.0.2 and on, with pods in 10.42.n.0/24.
    fn node(&self, n: usize, name: &str) -> Object {
        let quantities = |cpu: &str, memory: &str| {
            let list = [
                ("cpu", cpu),
                ("ephemeral-storage", "100Gi"),
                ("hugepages-1Gi", "0"),
                ("hugepages-2Mi", "0"),
                ("memory", memory),
                ("pods", "110"),
            ];
            list.iter().map(|(k, v)| (k.to_string(), Quantity(v.to_string()))).collect::<BTreeMap<_, _>>()
        };
        let now = self.now.meta();
        let condition = |kind: &str, status: &str, reason: &str, message: &str| NodeCondition {
            type_: kind.into(),
            status: status.into(),
            reason: Some(reason.into()),
            message: Some(message.into()),
            last_heartbeat_time: Some(now.clone()),
            last_transition_time: Some(now.clone()),
        };
        let address = |kind: &str, address: String| NodeAddress { type_: kind.into(), address };
        let mut labels: BTreeMap<String, String> = [
            ("beta.kubernetes.io/arch", "amd64"),
            ("beta.kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/os", "linux"),
            ("kubernetes.io/hostname", name),
        ]
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect();
        if n == 0 {
            labels.insert("node-role.kubernetes.io/control-plane".into(), String::new());
            if self.config.version <= 23 {
                labels.insert("node-role.kubernetes.io/master".into(), String::new());
            }
        }
        let id = Draw::new(self.config.seed, "machine", n as u64).uid();
        Object::Node(Node {
            metadata: ObjectMeta { name: Some(name.to_string()), labels: Some(labels), ..Default::default() },
            spec: Some(NodeSpec {
                pod_cidr: Some(pod_cidr(n)),
                pod_cidrs: Some(vec![pod_cidr(n)]),
                ..Default::default()
            }),
            status: Some(NodeStatus {
                addresses: Some(vec![
                    address("InternalIP", format!("172.18.{}.{}", (n + 2) / 256, (n + 2) % 256)),
                    address("Hostname", name.to_string()),
                ]),
                allocatable: Some(quantities("4", "8Gi")),
                capacity: Some(quantities("4", "8Gi")),
                conditions: Some(vec![
                    condition(
                        "MemoryPressure",
                        "False",
                        "KubeletHasSufficientMemory",
                        "kubelet has sufficient memory available",
                    ),
                    condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                    condition(
                        "PIDPressure",
                        "False",
                        "KubeletHasSufficientPID",
                        "kubelet has sufficient PID available",
                    ),
                    condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
                ]),
                daemon_endpoints: Some(NodeDaemonEndpoints::default()),
                node_info: Some(NodeSystemInfo {
                    architecture: "amd64".into(),
                    boot_id: id.clone(),
                    container_runtime_version: "containerd://2.1.5-k3s1".into(),
                    kernel_version: "6.8.0".into(),
                    kube_proxy_version: String::new(),
                    kubelet_version: format!("v1.{}.2+k3s1", self.config.version),
                    machine_id: id.clone(),
                    operating_system: "linux".into(),
                    os_image: "K3s v1.36.2+k3s1".into(),
                    system_uuid: id,
                    ..Default::default()
                }),
                ..Default::default()
            }),
        })
    }

    /// Notes that a kubelet stopped (and since when) or runs again.
    pub(super) fn mark_kubelet(&mut self, node: &str, running: bool) -> Result<(), ApiError> {
        let Some(object) = self.view().get(&crate::api::ObjectKey::cluster(crate::api::Kind::Node, node)).cloned()
        else {
            return Err(ApiError::not_found("nodes", node));
        };
        let since = if running { String::new() } else { self.now.0.to_string() };
        self.store.set_setting(&crate::store::View::stopped_setting(node), &since)?;
        self.enqueue_for(&object);
        Ok(())
    }
}

/// The class that k3s brings, which is the default one.
fn local_path_class() -> Object {
    let default = ("storageclass.kubernetes.io/is-default-class".to_string(), "true".to_string());
    Object::StorageClass(StorageClass {
        metadata: ObjectMeta {
            name: Some("local-path".into()),
            annotations: Some([default].into()),
            ..Default::default()
        },
        provisioner: "rancher.io/local-path".into(),
        reclaim_policy: Some("Delete".into()),
        volume_binding_mode: Some("WaitForFirstConsumer".into()),
        ..Default::default()
    })
}

/// The pod network of the `n`th node.
fn pod_cidr(n: usize) -> String {
    format!("10.42.{}.0/24", n % 256)
}

fn namespace(name: &str) -> Object {
    let labels = [("kubernetes.io/metadata.name".to_string(), name.to_string())].into();
    Object::Namespace(Namespace {
        metadata: ObjectMeta { name: Some(name.to_string()), labels: Some(labels), ..Default::default() },
        spec: Some(NamespaceSpec { finalizers: Some(vec!["kubernetes".into()]) }),
        status: Some(NamespaceStatus { phase: Some("Active".into()), ..Default::default() }),
    })
}
