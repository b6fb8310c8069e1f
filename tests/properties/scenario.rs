//! What a random user does to a cluster, and how it is done.

use kstate::api::k8s::api::apps::v1::StatefulSet;
use kstate::api::k8s::api::core::v1::Node;
use kstate::api::k8s::apimachinery::pkg::api::resource::Quantity;
use kstate::api::request::{By, Deletion, Propagation};
use kstate::api::user::User;
use kstate::api::{Duration, Kind, Object, ObjectKey, Time};
use kstate::registry::{Context, Registry};
use kstate::sim::{ClockMode, Cluster, Config};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use serde_json::{Value, json};

/// How many pods a node takes: few, so that they get full.
pub const PODS_PER_NODE: i64 = 4;

const CLASSES: [&str; 3] = ["manual", "local-path", "waits"];
const NODES: [&str; 3] = ["node-a", "node-b", "node-c"];

/// One thing that somebody does.
#[derive(Debug, Clone)]
pub enum Act {
    Volume { n: u8, gi: u8, class: usize, node: Option<usize>, retain: bool },
    Claim { n: u8, gi: u8, class: usize },
    Pod { n: u8, claim: Option<u8> },
    Set { n: u8, replicas: u8, parallel: bool, template: bool },
    Scale { n: u8, replicas: u8 },
    Image { n: u8 },
    Delete { kind: Kind, n: u8, ordinal: u8, foreground: bool },
    Cordon { node: usize, on: bool },
    Kubelet { node: usize, running: bool },
    Pass { seconds: u16 },
    Settle,
}

pub fn act() -> impl Strategy<Value = Act> {
    let kinds = [Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::Pod, Kind::StatefulSet];
    prop_oneof![
        4 => (0..4u8, 1..4u8, 0..3usize, proptest::option::weighted(0.3, 0..3usize), any::<bool>())
            .prop_map(|(n, gi, class, node, retain)| Act::Volume { n, gi, class, node, retain }),
        4 => (0..4u8, 1..4u8, 0..3usize).prop_map(|(n, gi, class)| Act::Claim { n, gi, class }),
        4 => (0..4u8, proptest::option::weighted(0.8, 0..4u8)).prop_map(|(n, claim)| Act::Pod { n, claim }),
        2 => (0..2u8, 0..5u8, any::<bool>(), any::<bool>())
            .prop_map(|(n, replicas, parallel, template)| Act::Set { n, replicas, parallel, template }),
        2 => (0..2u8, 0..6u8).prop_map(|(n, replicas)| Act::Scale { n, replicas }),
        1 => (0..2u8).prop_map(|n| Act::Image { n }),
        4 => (0..4usize, 0..4u8, 0..4u8, any::<bool>())
            .prop_map(move |(kind, n, ordinal, foreground)| Act::Delete { kind: kinds[kind], n, ordinal, foreground }),
        1 => (0..3usize, any::<bool>()).prop_map(|(node, on)| Act::Cordon { node, on }),
        1 => (0..3usize, any::<bool>()).prop_map(|(node, running)| Act::Kubelet { node, running }),
        3 => (0..400u16).prop_map(|seconds| Act::Pass { seconds }),
        2 => Just(Act::Settle),
    ]
}

pub fn acts() -> impl Strategy<Value = Vec<Act>> {
    vec(act(), 1..24)
}

fn object(kind: Kind, tree: Value) -> Object {
    Object::from_tree(kind, tree).expect("an object")
}

fn volume(n: u8, gi: u8, class: usize, node: Option<usize>, retain: bool) -> Object {
    let term = |node: usize| {
        json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODES[node]]}]}]}})
    };
    object(
        Kind::PersistentVolume,
        json!({"metadata": {"name": format!("volume-{n}")}, "spec": {
            "capacity": {"storage": format!("{gi}Gi")}, "accessModes": ["ReadWriteOnce"],
            "storageClassName": CLASSES[class], "hostPath": {"path": format!("/tmp/volume-{n}")},
            "persistentVolumeReclaimPolicy": if retain { "Retain" } else { "Delete" },
            "nodeAffinity": node.map(term),
        }}),
    )
}

fn claim(name: &str, gi: u8, class: &str) -> Object {
    object(
        Kind::PersistentVolumeClaim,
        json!({"metadata": {"name": name, "namespace": "default"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": class,
            "resources": {"requests": {"storage": format!("{gi}Gi")}}}}),
    )
}

fn pod(n: u8, claim: Option<u8>) -> Object {
    let volumes =
        claim.map(|c| json!([{"name": "data", "persistentVolumeClaim": {"claimName": format!("claim-{c}")}}]));
    object(
        Kind::Pod,
        json!({"metadata": {"name": format!("pod-{n}"), "namespace": "default"}, "spec": {
            "containers": [{"name": "c", "image": "busybox"}], "volumes": volumes}}),
    )
}

pub fn stateful_set(name: &str, replicas: u8, parallel: bool, template: bool) -> Object {
    let claims = json!([{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "storageClassName": "local-path", "resources": {"requests": {"storage": "1Gi"}}}}]);
    object(
        Kind::StatefulSet,
        json!({"metadata": {"name": name, "namespace": "default"}, "spec": {
            "replicas": replicas, "serviceName": name, "selector": {"matchLabels": {"app": name}},
            "podManagementPolicy": if parallel { "Parallel" } else { "OrderedReady" },
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": "busybox"}]}},
            "volumeClaimTemplates": template.then_some(claims)}}),
    )
}

/// A cluster whose nodes take few pods, with a static class that waits for a consumer beside the usual one.
pub fn cluster(seed: u64, shuffle: Option<u64>) -> Cluster {
    let nodes = NODES.map(String::from).to_vec();
    let config = Config { clock: ClockMode::Manual, seed, nodes, ..Config::default() };
    let mut cluster = Cluster::new_in_memory(config, Time::default()).expect("a cluster");
    if let Some(shuffle) = shuffle {
        cluster.shuffle_equal_times(shuffle);
    }
    within(&mut cluster, |c| {
        for name in NODES {
            let mut node = Object::clone(c.view().get(&ObjectKey::cluster(Kind::Node, name)).expect("a node"));
            let status = node.get_mut::<Node>().and_then(|n| n.status.as_mut()).expect("a status");
            for list in [&mut status.allocatable, &mut status.capacity] {
                list.get_or_insert_default().insert("pods".into(), Quantity(PODS_PER_NODE.to_string()));
            }
            let by = By::cluster();
            c.registry_mut().update(node, &Context::new(&by).part("status")).expect("to change a node");
        }
        let waits = json!({"metadata": {"name": "waits"}, "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer"});
        assert!(create(c, object(Kind::StorageClass, waits)), "a class");
    });
    cluster
}

/// Whether the cluster took the object.
pub fn create(cluster: &mut Cluster, object: Object) -> bool {
    as_user(cluster, |registry, context| registry.create(object, context).is_ok())
}

fn as_user(cluster: &mut Cluster, f: impl FnOnce(&mut Registry, &Context<'_>) -> bool) -> bool {
    let by = By::client(User::admin("test"), "kubectl");
    f(cluster.registry_mut(), &Context::new(&by))
}

/// One command: a transaction at whose end what is due is done.
pub fn within(cluster: &mut Cluster, f: impl FnOnce(&mut Cluster)) {
    cluster.begin(true, Time::default()).expect("to begin");
    f(cluster);
    cluster.converge().expect("to converge");
    cluster.commit().expect("to commit");
}

impl Act {
    /// Does it. Refusals are the user's business: a name that is taken, an object that is not there.
    pub fn carry_out(&self, c: &mut Cluster) {
        match *self {
            Act::Volume { n, gi, class, node, retain } => _ = create(c, volume(n, gi, class, node, retain)),
            Act::Claim { n, gi, class } => _ = create(c, claim(&format!("claim-{n}"), gi, CLASSES[class])),
            Act::Pod { n, claim } => _ = create(c, pod(n, claim)),
            Act::Set { n, replicas, parallel, template } => {
                _ = create(c, stateful_set(&format!("set-{n}"), replicas, parallel, template));
            }
            Act::Scale { n, replicas } => change::<StatefulSet>(c, &format!("set-{n}"), |set| {
                set.spec.get_or_insert_default().replicas = Some(i32::from(replicas));
            }),
            Act::Image { n } => change::<StatefulSet>(c, &format!("set-{n}"), |set| {
                let spec = set.spec.get_or_insert_default().template.spec.get_or_insert_default();
                let image = spec.containers[0].image.get_or_insert_default();
                *image = if image == "busybox" { "busybox:2".into() } else { "busybox".into() };
            }),
            Act::Delete { kind, n, ordinal, foreground } => {
                if let Some(key) = self.victim(c, kind, n, ordinal) {
                    let propagation = if foreground { Propagation::Foreground } else { Propagation::Background };
                    let deletion = Deletion { key, uid: None, resource_version: None, grace: None, propagation };
                    as_user(c, |registry, context| registry.delete(&deletion, context).is_ok());
                }
            }
            Act::Cordon { node, on } => {
                change::<Node>(c, NODES[node], |node| {
                    node.spec.get_or_insert_default().unschedulable = Some(true).filter(|_| on);
                });
            }
            Act::Kubelet { node, running } => c.set_kubelet(NODES[node], running).expect("a node"),
            Act::Pass { seconds } => c.advance(Duration::secs(seconds.into())).expect("to advance"),
            Act::Settle => c.settle().expect("to settle"),
        }
    }

    /// What a deletion is about: an object of the user's own, or one that a set made.
    pub fn victim(&self, c: &Cluster, kind: Kind, n: u8, ordinal: u8) -> Option<ObjectKey> {
        let there = |key: &ObjectKey| c.view().get(key).is_some();
        let keys = match kind {
            Kind::PersistentVolume => vec![ObjectKey::cluster(kind, format!("volume-{n}"))],
            Kind::PersistentVolumeClaim => {
                vec![
                    ObjectKey::new(kind, "default", format!("claim-{n}")),
                    ObjectKey::new(kind, "default", format!("data-set-{}-{ordinal}", n % 2)),
                ]
            }
            Kind::Pod => vec![
                ObjectKey::new(kind, "default", format!("set-{}-{ordinal}", n % 2)),
                ObjectKey::new(kind, "default", format!("pod-{n}")),
            ],
            _ => vec![ObjectKey::new(kind, "default", format!("set-{}", n % 2))],
        };
        keys.into_iter().find(there)
    }
}

fn change<T: kstate::api::Typed>(c: &mut Cluster, name: &str, f: impl FnOnce(&mut T)) {
    let namespace = if T::OF.is_namespaced() { "default" } else { "" };
    let found = c.view().get(&ObjectKey::new(T::OF, namespace, name)).map(|o| Object::clone(o));
    if let Some(mut object) = found
        && let Some(content) = object.get_mut::<T>()
    {
        f(content);
        as_user(c, |registry, context| registry.update(object, context).is_ok());
    }
}
