//! What a new cluster holds: its nodes, namespaces, service accounts and storage classes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::Cluster;
use super::config::check_nodes;
use super::csi::zone_labels;
use super::rbac::bootstrap_policy;
use crate::api::k8s::api::coordination::v1::{Lease, LeaseSpec};
use crate::api::k8s::api::core::v1::{
    ConfigMap, DaemonEndpoint, Namespace, NamespaceSpec, NamespaceStatus, Node, NodeAddress, NodeCondition,
    NodeDaemonEndpoints, NodeSpec, NodeStatus, NodeSystemInfo, Service,
};
use crate::api::k8s::api::flowcontrol::v1::FlowSchemaStatus;
use crate::api::k8s::api::scheduling::v1::PriorityClass;
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity;
use crate::api::names::Draw;
use crate::api::object::Typed;
use crate::api::request::By;
use crate::api::{Kind, Object, ObjectKey, ObjectMeta, OwnerReference, Time};
use crate::controllers::node_ipam::{MAX_CIDRS, NEXT_CANDIDATE, pod_cidr};
use crate::controllers::provisioner::local_path::LOCAL_SINCE;
use crate::controllers::ttl::ANN_OBJECT_TTL;
use crate::controllers::{default_service_cidr, flow_control, kubernetes_service, service_cidrs};
use crate::error::ApiError;
use crate::kinds::SYSTEM_CLASSES;
use crate::kinds::apiregistration::api_service;
use crate::kinds::flowcontrol::bootstrap;
use crate::kinds::networking::ip_address;
use crate::store::View;

/// The first version that orders requests by default.
const FLOW_CONTROL_SINCE: u32 = 20;

/// The first version with an object for each network and each address of services.
const SERVICE_CIDRS_SINCE: u32 = 33;

/// The namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

impl Cluster {
    /// Fills a new cluster, lets its controllers work, and forgets what they said meanwhile.
    pub(super) fn populate(&mut self) -> Result<(), ApiError> {
        let by = By::cluster();
        for name in NAMESPACES {
            self.registry.plant(&by, namespace(name))?;
        }
        for (name, value, description) in SYSTEM_CLASSES {
            self.registry.plant(
                &by,
                Object::from(PriorityClass {
                    metadata: ObjectMeta { name: Some(name.to_string()), generation: Some(1), ..Default::default() },
                    value: Some(value),
                    description: Some(description.to_string()),
                    preemption_policy: Some("PreemptLowerPriority".to_string()),
                    global_default: None,
                }),
            )?;
        }
        let nodes = self.config.nodes.clone();
        for (n, name) in nodes.iter().enumerate() {
            // The node IPAM controller hands out networks in the order of names.
            let network = nodes.iter().filter(|other| *other < name).count();
            let node = self.node(n, name, (network < MAX_CIDRS).then_some(network));
            let node = self.registry.plant(&by, node)?;
            self.registry.plant(&by, lease(&node, self.now()))?;
            let known = format!("note/{}", View::node_known(name));
            self.store_mut().set_setting(&known, node.uid());
        }
        self.store_mut().set_setting(&format!("note/{NEXT_CANDIDATE}"), &(nodes.len() % MAX_CIDRS).to_string());
        for object in api_server() {
            self.registry.plant(&by, object)?;
        }
        self.registry.plant(&by, local_path_class(self.config.version))?;
        for object in bootstrap_policy() {
            self.registry.plant(&by, object)?;
        }
        for object in self.configuration() {
            self.registry.plant(&by, object)?;
        }
        self.converge()?;
        Ok(())
    }

    /// What the API server makes for its own use: which versions it serves, which requests go first, and where
    /// services get their addresses.
    fn configuration(&self) -> Vec<Object> {
        let (version, now) = (self.config.version, self.now());
        let mut objects: Vec<Object> = Vec::new();
        let local = api_service::local_services(version, now.meta());
        objects.extend(local.into_iter().map(Typed::into_object));
        if version >= FLOW_CONTROL_SINCE {
            objects.extend(bootstrap::priority_level_configurations().into_iter().map(Typed::into_object));
            objects.extend(bootstrap::flow_schemas().into_iter().map(|mut schema| {
                let level = schema.spec.as_ref().map(|spec| spec.priority_level_configuration.name.as_str());
                let condition = flow_control::dangling(level.unwrap_or_default(), true, now);
                schema.status = Some(FlowSchemaStatus { conditions: Some(vec![condition]) });
                schema.into_object()
            }));
        }
        if version >= SERVICE_CIDRS_SINCE {
            objects.push(service_cidrs::ready(default_service_cidr::service_cidr(), now).into_object());
            let service = self.view().get_as::<Service>("default", "kubernetes");
            let address = IpAddr::V4(kubernetes_service::CLUSTER_IP);
            objects.extend(service.map(|service| ip_address::of_service(address, service).into_object()));
        }
        objects
    }

    /// The `n`th node as k3d's nodes are: 4 CPUs, 8Gi and 110 pods, at 172.18.0.2 and on, with the network of a number
    /// for its pods.
    fn node(&self, n: usize, name: &str, network: Option<usize>) -> Object {
        let network = network.map(pod_cidr);
        let quantities = || {
            let list = [
                ("cpu", "4"),
                ("ephemeral-storage", "263174212Ki"),
                ("hugepages-1Gi", "0"),
                ("hugepages-2Mi", "0"),
                ("memory", "8Gi"),
                ("pods", "110"),
            ];
            list.iter().map(|(k, v)| (k.to_string(), Quantity(v.to_string()))).collect::<BTreeMap<_, _>>()
        };
        let now = self.now().meta();
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
            ("beta.kubernetes.io/instance-type", "k3s"),
            ("beta.kubernetes.io/os", "linux"),
            ("egress.k3s.io/cluster", "true"),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/hostname", name),
            ("kubernetes.io/os", "linux"),
            ("node.kubernetes.io/instance-type", "k3s"),
        ]
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect();
        labels.extend(self.config.zones.get(name).into_iter().flat_map(|zone| zone_labels(zone)));
        if n == 0 {
            // The role was renamed: 1.20 brought the new name, 1.24 dropped the old one.
            if self.config.version >= 20 {
                labels.insert("node-role.kubernetes.io/control-plane".into(), String::new());
            }
            if self.config.version <= 23 {
                labels.insert("node-role.kubernetes.io/master".into(), String::new());
            }
        }
        let release = format!("v1.{}.2+k3s1", self.config.version);
        let internal_ip = format!("172.18.{}.{}", (n + 2) / 256, (n + 2) % 256);
        let annotations = [
            ("k3s.io/hostname", name),
            ("k3s.io/internal-ip", &internal_ip),
            (ANN_OBJECT_TTL, "0"),
            ("volumes.kubernetes.io/controller-managed-attach-detach", "true"),
        ];
        let mut ids = Draw::new(self.config.seed, "machine", n as u64);
        Object::from(Node {
            metadata: ObjectMeta {
                name: Some(name.to_string()),
                labels: Some(labels),
                annotations: Some(annotations.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()),
                ..Default::default()
            },
            spec: Some(NodeSpec {
                pod_cidrs: network.clone().map(|network| vec![network]),
                pod_cidr: network,
                provider_id: Some(format!("k3s://{name}")),
                ..Default::default()
            }),
            status: Some(NodeStatus {
                addresses: Some(vec![address("InternalIP", internal_ip), address("Hostname", name.to_string())]),
                allocatable: Some(quantities()),
                capacity: Some(quantities()),
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
                daemon_endpoints: Some(NodeDaemonEndpoints { kubelet_endpoint: Some(DaemonEndpoint { port: 10250 }) }),
                node_info: Some(NodeSystemInfo {
                    architecture: "amd64".into(),
                    boot_id: ids.uid(),
                    container_runtime_version: "containerd://1.5.9-k3s1".into(),
                    kernel_version: "5.16.14-arch1-1".into(),
                    kube_proxy_version: release.clone(),
                    kubelet_version: release,
                    machine_id: String::new(),
                    operating_system: "linux".into(),
                    os_image: "K3s dev".into(),
                    system_uuid: ids.uid(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
        })
    }

    /// Notes that a kubelet stopped (and since when) or runs again. A kubelet that starts registers its node if
    /// somebody deleted that.
    pub(super) fn mark_kubelet(&mut self, node: &str, running: bool) -> Result<(), ApiError> {
        let object = self.view().get(&ObjectKey::cluster(Kind::Node, node)).cloned();
        let machine = self.config.nodes.iter().position(|name| name == node);
        let object = match (object, machine) {
            (Some(object), _) => Some(object),
            (None, Some(n)) if running => Some(self.register(n, node)?),
            (None, Some(_)) => None,
            (None, None) => return Err(ApiError::not_found("nodes", node)),
        };
        let stopped = self.view().kubelet_stopped_since(node).is_some();
        let registered = object.as_ref().is_some_and(|o| self.view().note(&View::node_known(node)) != Some(o.uid()));
        if running != stopped && !(running && registered) {
            return Ok(());
        }
        let since = if running { String::new() } else { self.now().0.to_string() };
        self.store_mut().set_setting(&View::stopped_setting(node), &since);
        object.iter().for_each(|object| self.enqueue_for(object));
        if running {
            self.wake_pods_of(node);
        }
        self.disturb_peers_of(node);
        Ok(())
    }

    /// Starts a kubelet on a machine that is new.
    ///
    /// # Errors
    /// When the name is none or taken, or there are too many nodes.
    pub fn add_node(&mut self, name: &str, zone: Option<&str>) -> Result<(), ApiError> {
        let is_there = self.view().get(&ObjectKey::cluster(Kind::Node, name)).is_some();
        if !is_there && self.config.nodes.iter().any(|machine| machine == name) {
            return Err(ApiError::internal(format!(
                "the machine {name:?} is there, but registered no node; `kstate node start {name}` has it do so"
            )));
        }
        let mut nodes = self.config.nodes.clone();
        nodes.push(name.to_string());
        check_nodes(&nodes).map_err(ApiError::internal)?;
        if is_there {
            return Err(ApiError::already_exists("nodes", name));
        }
        self.config.nodes = nodes;
        self.config.zones.extend(zone.map(|zone| (name.to_string(), zone.to_string())));
        self.keep_config()?;
        self.register(self.config.nodes.len() - 1, name)?;
        self.dispatch_changes();
        Ok(())
    }

    fn register(&mut self, n: usize, name: &str) -> Result<Arc<Object>, ApiError> {
        let (by, node) = (By::cluster(), self.node(n, name, None));
        let node = self.registry.plant(&by, node)?;
        let lease = lease(&node, self.now());
        if self.view().get(&lease.key()).is_none() {
            self.registry.plant(&by, lease)?;
        }
        Ok(node)
    }
}

/// The lease that a node's kubelet renews to show that it lives.
fn lease(node: &Object, now: Time) -> Object {
    Object::from(Lease {
        metadata: ObjectMeta {
            name: Some(node.name().to_string()),
            namespace: Some("kube-node-lease".into()),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".into(),
                kind: "Node".into(),
                name: node.name().to_string(),
                uid: node.uid().to_string(),
                ..Default::default()
            }]),
            ..Default::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(node.name().to_string()),
            lease_duration_seconds: Some(40),
            renew_time: Some(now.micro()),
            ..Default::default()
        }),
    })
}

/// What the API server makes of itself: the service `kubernetes` with its endpoint, and two ConfigMaps.
fn api_server() -> Vec<Object> {
    let meta = |namespace: &str, name: &str, labels: &[(&str, &str)]| ObjectMeta {
        name: Some(name.into()),
        namespace: Some(namespace.into()),
        labels: Some(labels.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect::<BTreeMap<_, _>>())
            .filter(|l| !l.is_empty()),
        ..Default::default()
    };
    let config_map = |name: &str, key: &str| ConfigMap {
        metadata: meta("kube-system", name, &[]),
        data: Some([(key.to_string(), String::new())].into()),
        ..Default::default()
    };
    let mut objects = kubernetes_service::objects();
    objects.extend([
        config_map("extension-apiserver-authentication", "client-ca-file").into_object(),
        config_map("kube-apiserver-legacy-service-account-token-tracking", "since").into_object(),
    ]);
    objects
}

/// The class that k3s brings, which is the default one.
fn local_path_class(version: u32) -> Object {
    let mut annotations = BTreeMap::from([("storageclass.kubernetes.io/is-default-class".into(), "true".into())]);
    if version >= LOCAL_SINCE {
        annotations.insert("defaultVolumeType".into(), "local".into());
    }
    Object::from(StorageClass {
        metadata: ObjectMeta { name: Some("local-path".into()), annotations: Some(annotations), ..Default::default() },
        provisioner: "rancher.io/local-path".into(),
        reclaim_policy: Some("Delete".into()),
        volume_binding_mode: Some("WaitForFirstConsumer".into()),
        ..Default::default()
    })
}

fn namespace(name: &str) -> Object {
    let labels = [("kubernetes.io/metadata.name".to_string(), name.to_string())].into();
    Object::from(Namespace {
        metadata: ObjectMeta { name: Some(name.to_string()), labels: Some(labels), ..Default::default() },
        spec: Some(NamespaceSpec { finalizers: Some(vec!["kubernetes".into()]) }),
        status: Some(NamespaceStatus { phase: Some("Active".into()), ..Default::default() }),
    })
}
