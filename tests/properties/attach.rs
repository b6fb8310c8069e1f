//! Volumes that are attached: never two nodes at once, never mounted before, never more than a node takes.

use std::collections::{BTreeMap, BTreeSet};

use kstate::api::csi::{CsiVolume, attachable_inline_volumes};
use kstate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use kstate::api::k8s::api::storage::v1::VolumeAttachment;
use kstate::api::pod::claims_of;
use kstate::api::request::Deletion;
use kstate::api::{Duration, Kind, Object, ObjectKey, Typed};
use kstate::controllers::csi::{Driver, Operation};
use kstate::sim::Cluster;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::TestCaseError;
use proptest::{prop_oneof, proptest};
use serde_json::{Value, json};

use super::config;
use super::scenario::{Act, cluster, create, within};

const NODES: [&str; 3] = ["node-a", "node-b", "node-c"];
const DRIVER: &str = "disk.csi.example.com";
/// To this one the disks belong that pods name themselves.
const INLINE_DRIVER: &str = "ebs.csi.aws.com";
/// How many volumes a node takes.
const LIMIT: i32 = 2;
const KINDS: [Kind; 5] =
    [Kind::Node, Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::Pod, Kind::VolumeAttachment];

/// One thing that somebody does.
#[derive(Debug, Clone)]
enum Step {
    Pod {
        n: u8,
        claim: u8,
        node: Option<usize>,
    },
    /// A pod that names a disk of the cloud itself.
    Inline {
        n: u8,
        disk: u8,
        node: Option<usize>,
    },
    /// A node is taken out of the cluster, after its kubelet or not; one that is started registers itself anew.
    Leave {
        node: usize,
        stops: bool,
    },
    Delete {
        n: u8,
        force: bool,
    },
    Kubelet {
        node: usize,
        running: bool,
    },
    Cordon {
        node: usize,
        on: bool,
    },
    Fails {
        on: bool,
    },
    Pass {
        seconds: u16,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..6u8, 0..5u8, proptest::option::weighted(0.3, 0..3usize))
            .prop_map(|(n, claim, node)| Step::Pod { n, claim, node }),
        2 => (0..6u8, 0..2u8, proptest::option::weighted(0.3, 0..3usize))
            .prop_map(|(n, disk, node)| Step::Inline { n, disk, node }),
        1 => (0..3usize, any::<bool>()).prop_map(|(node, stops)| Step::Leave { node, stops }),
        4 => (0..6u8, any::<bool>()).prop_map(|(n, force)| Step::Delete { n, force }),
        1 => (0..3usize, any::<bool>()).prop_map(|(node, running)| Step::Kubelet { node, running }),
        1 => (0..3usize, any::<bool>()).prop_map(|(node, on)| Step::Cordon { node, on }),
        1 => any::<bool>().prop_map(|on| Step::Fails { on }),
        5 => prop_oneof![0..5u16, 300..800u16].prop_map(|seconds| Step::Pass { seconds }),
    ];
    vec(step, 1..20)
}

fn driver(fails: bool) -> Driver {
    let fail = if fails { BTreeMap::from([(Operation::Attach, "no".to_string())]) } else { BTreeMap::new() };
    Driver { name: DRIVER.into(), attach_limit: Some(LIMIT), fail, ..Driver::default() }
}

/// The claims: three for one node each, one for many, one for one pod.
fn furnish(c: &mut Cluster) {
    c.add_csi_driver(driver(false)).expect("a driver");
    let inline = Driver { name: INLINE_DRIVER.into(), attach_limit: Some(LIMIT), ..Driver::default() };
    c.add_csi_driver(inline).expect("a driver");
    let class = json!({"metadata": {"name": "disk"}, "provisioner": DRIVER});
    assert!(create(c, Object::from_tree(Kind::StorageClass, class).expect("a class")));
    for (n, mode) in
        ["ReadWriteOnce", "ReadWriteOnce", "ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"].iter().enumerate()
    {
        let claim = json!({"metadata": {"name": format!("claim-{n}"), "namespace": "default"}, "spec": {
            "accessModes": [mode], "storageClassName": "disk", "resources": {"requests": {"storage": "1Gi"}}}});
        assert!(create(c, Object::from_tree(Kind::PersistentVolumeClaim, claim).expect("a claim")));
    }
    c.settle().expect("to settle");
}

/// A pod with one volume, which the scheduler places or somebody past it.
fn pod(n: u8, node: Option<usize>, volume: &Value) -> Object {
    let pod = json!({"metadata": {"name": format!("pod-{n}"), "namespace": "default"}, "spec": {
        "terminationGracePeriodSeconds": 1, "nodeName": node.map(|n| NODES[n]),
        "containers": [{"name": "c", "image": "busybox", "command": ["sleep", "100000"],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}]}], "volumes": [volume]}});
    Object::from_tree(Kind::Pod, pod).expect("a pod")
}

fn carry_out(step: &Step, c: &mut Cluster) {
    match step {
        Step::Pod { n, claim, node } => {
            let claim = json!({"name": "data", "persistentVolumeClaim": {"claimName": format!("claim-{claim}")}});
            create(c, pod(*n, *node, &claim));
        }
        Step::Inline { n, disk, node } => {
            let disk = json!({"name": "data", "awsElasticBlockStore": {"volumeID": format!("vol-{disk}")}});
            create(c, pod(*n, *node, &disk));
        }
        Step::Leave { node, stops } => {
            let key = ObjectKey::cluster(Kind::Node, NODES[*node]);
            let there = c.view().get(&key).cloned();
            if let Some(there) = there {
                if *stops {
                    c.set_kubelet(NODES[*node], false).expect("a node");
                }
                let by = kstate::api::request::By::cluster();
                let context = kstate::registry::Context::new(&by);
                c.registry_mut().delete(&Deletion::of(&there), &context).expect("to delete a node");
            }
        }
        Step::Delete { n, force } => {
            let key = ObjectKey::new(Kind::Pod, "default", format!("pod-{n}"));
            let pod = c.view().get(&key).cloned();
            if let Some(pod) = pod {
                let by = kstate::api::request::By::cluster();
                let deletion = Deletion::of(&pod);
                let deletion = if *force { deletion.grace(0) } else { deletion };
                let _ = c.registry_mut().delete(&deletion, &kstate::registry::Context::new(&by));
            }
        }
        Step::Kubelet { node, running } => Act::Kubelet { node: *node, running: *running }.carry_out(c),
        Step::Cordon { node, on } => Act::Cordon { node: *node, on: *on }.carry_out(c),
        Step::Fails { on } => c.add_csi_driver(driver(*on)).expect("a driver"),
        Step::Pass { seconds } => c.advance(Duration::secs(i64::from(*seconds))).expect("to let time pass"),
    }
    c.converge().expect("to converge");
}

/// The cluster as it was at the last revision that was looked at.
#[derive(Default)]
struct Model {
    revision: u64,
    objects: BTreeMap<ObjectKey, Object>,
}

impl Model {
    fn follow(&mut self, cluster: &Cluster) -> Result<(), String> {
        let mut news = Vec::new();
        for kind in KINDS {
            news.extend(cluster.store().changes_after(kind, self.revision).map_err(|e| e.to_string())?);
        }
        news.sort_by_key(|(revision, _, _)| *revision);
        for (revision, object, gone) in news {
            let before = self.objects.get(&object.key()).cloned();
            match gone {
                true => _ = self.objects.remove(&object.key()),
                false => _ = self.objects.insert(object.key(), object.clone()),
            }
            self.revision = revision;
            self.check(&object, before.as_ref()).map_err(|e| format!("at revision {revision}: {e}"))?;
        }
        Ok(())
    }

    fn get<T: Typed>(&self, namespace: &str, name: &str) -> Option<&T> {
        self.objects.get(&ObjectKey::new(T::OF, namespace, name))?.get::<T>()
    }

    fn all<'a, T: Typed + 'a>(&'a self) -> impl Iterator<Item = &'a T> {
        self.objects.values().filter_map(|o| o.get::<T>())
    }

    fn check(&self, object: &Object, before: Option<&Object>) -> Result<(), String> {
        if object.get::<VolumeAttachment>().is_some() {
            self.one_node_each()?;
            self.limits_hold()?;
        }
        if let Some(pod) = object.get::<Pod>() {
            let mounted =
                |o: &Object| o.get::<Pod>().is_some_and(|p| p.status.as_ref().is_some_and(|s| s.pod_ip.is_some()));
            if mounted(object) && !before.is_some_and(mounted) {
                self.is_attached(pod)?;
            }
            self.one_pod_each()?;
        }
        Ok(())
    }

    /// A volume that one node may have is attached to one.
    fn one_node_each(&self) -> Result<(), String> {
        let mut nodes: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for attachment in self.all::<VolumeAttachment>() {
            let source = &attachment.spec.source;
            let name = source.persistent_volume_name.as_deref().unwrap_or_default();
            let many =
                self.get::<PersistentVolume>("", name).is_some_and(kstate::controllers::csi::is_multi_attach_allowed);
            let inline = source.inline_volume_spec.as_ref().and_then(|s| s.csi.as_ref());
            let name = inline.map_or(name, |csi| &csi.volume_handle);
            if attachment.status.as_ref().is_some_and(|s| s.attached) && !many {
                nodes.entry(name.to_string()).or_default().insert(&attachment.spec.node_name);
            }
        }
        match nodes.iter().find(|(_, nodes)| nodes.len() > 1) {
            Some((volume, nodes)) => Err(format!("{volume} is attached to {nodes:?}")),
            None => Ok(()),
        }
    }

    fn limits_hold(&self) -> Result<(), String> {
        let mut counts: BTreeMap<(&str, &str), i32> = BTreeMap::new();
        let attached = self.all::<VolumeAttachment>().filter(|a| a.status.as_ref().is_some_and(|s| s.attached));
        attached.for_each(|a| *counts.entry((&a.spec.node_name, &a.spec.attacher)).or_default() += 1);
        match counts.iter().find(|(_, count)| **count > LIMIT) {
            Some(((node, driver), count)) => Err(format!("{node} has {count} volumes of {driver}")),
            None => Ok(()),
        }
    }

    /// What a pod has mounted is attached to its node, and the node says so.
    fn is_attached(&self, pod: &Pod) -> Result<(), String> {
        let name = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default();
        let mut volumes = Vec::new();
        for claim in claims_of(pod) {
            let (namespace, claim) = claim.split_once('/').unwrap_or_default();
            let claim = self.get::<PersistentVolumeClaim>(namespace, claim).ok_or("no claim")?;
            let volume = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
            let csi = self.get::<PersistentVolume>("", volume).and_then(CsiVolume::of).ok_or("no volume")?;
            volumes.push((volume.to_string(), csi));
        }
        for volume in attachable_inline_volumes(pod) {
            let csi = CsiVolume::of(&volume).ok_or("a disk without a driver")?;
            volumes.push((csi.unique_name(), csi));
        }
        for (volume, csi) in volumes {
            let attachment = self.get::<VolumeAttachment>("", &csi.attachment_name(name));
            let attached = attachment.is_some_and(|a| a.status.as_ref().is_some_and(|s| s.attached));
            let listed = self.get::<Node>("", name).and_then(|n| n.status.as_ref()?.volumes_attached.as_ref());
            let listed = listed.is_some_and(|all| all.iter().any(|v| v.name == csi.unique_name()));
            if !attached || !listed {
                return Err(format!("{volume} is mounted on {name}: attached {attached}, listed {listed}"));
            }
        }
        Ok(())
    }

    /// A volume for one pod has one, unless they were put onto nodes past the scheduler; then one runs on each node.
    fn one_pod_each(&self) -> Result<(), String> {
        let users = self.all::<Pod>().filter(|p| claims_of(p).contains(&"default/claim-4".to_string()));
        let running = users.filter(|p| {
            let status = p.status.as_ref();
            status.is_some_and(|s| s.pod_ip.is_some() && !matches!(s.phase.as_deref(), Some("Failed" | "Succeeded")))
        });
        let mut nodes: BTreeMap<&str, u32> = BTreeMap::new();
        running.for_each(|p| {
            *nodes.entry(p.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default()).or_default() += 1
        });
        match nodes.iter().find(|(_, count)| **count > 1) {
            Some((node, count)) => Err(format!("{count} pods use the volume of one pod on {node}")),
            None => Ok(()),
        }
    }

    /// When all kubelets run and nothing fails, what is attached is what is used. Pods that were put onto a node past the
    /// scheduler may want more than it can have.
    fn settled(&self) -> Result<(), String> {
        let is_attached = |a: &VolumeAttachment| a.status.as_ref().is_some_and(|s| s.attached);
        let is_full = |node: &str, driver: &str| {
            let there = |a: &&VolumeAttachment| a.spec.node_name == node && a.spec.attacher == driver;
            self.all::<VolumeAttachment>().filter(there).filter(|a| is_attached(a)).count()
                >= usize::try_from(LIMIT).unwrap_or(0)
        };
        for attachment in self.all::<VolumeAttachment>() {
            let used = self.all::<Pod>().any(|p| {
                p.spec.as_ref().and_then(|s| s.node_name.as_deref()) == Some(attachment.spec.node_name.as_str())
            });
            if !used || !is_attached(attachment) && !is_full(&attachment.spec.node_name, &attachment.spec.attacher) {
                return Err(format!("an attachment is left over: {:?}", attachment.spec));
            }
        }
        Ok(())
    }
}

fn play(steps: &[Step], seed: u64, shuffle: Option<u64>) -> Result<(), TestCaseError> {
    let fail = |what: String| TestCaseError::fail(format!("{what}\nafter {steps:?}"));
    let mut cluster = cluster(seed, shuffle);
    let mut model = Model::default();
    within(&mut cluster, furnish);
    for step in steps {
        within(&mut cluster, |c| carry_out(step, c));
        model.follow(&cluster).map_err(fail)?;
    }
    for node in 0..3 {
        within(&mut cluster, |c| carry_out(&Step::Kubelet { node, running: true }, c));
    }
    within(&mut cluster, |c| carry_out(&Step::Fails { on: false }, c));
    within(&mut cluster, |c| carry_out(&Step::Pass { seconds: 1200 }, c));
    within(&mut cluster, |c| c.settle().expect("to settle"));
    model.follow(&cluster).map_err(fail)?;
    model.settled().map_err(fail)
}

proptest! {
    #![proptest_config(config(32))]
    #[test]
    fn no_volume_is_where_it_must_not_be(steps in steps(), seed in 0..1000u64) {
        play(&steps, seed, None)?;
    }

    #[test]
    fn nor_in_any_order_of_the_controllers(steps in steps(), seed in 0..1000u64, shuffle in any::<u64>()) {
        play(&steps, seed, Some(shuffle))?;
    }
}

/// Both wait for the same attachment; what lies between a mount and its sandbox belongs to the first.
#[test]
fn a_volume_for_one_pod_is_taken_as_soon_as_it_is_mounted() {
    let steps = [Step::Pod { n: 3, claim: 4, node: None }, Step::Pod { n: 0, claim: 4, node: Some(0) }];
    play(&steps, 102, None).unwrap_or_else(|fault| panic!("{fault}"));
}

/// The checks can fail: a model that is told of a second attachment says so.
#[test]
fn a_second_attachment_is_noticed() {
    let mut cluster = cluster(1, None);
    within(&mut cluster, furnish);
    within(&mut cluster, |c| carry_out(&Step::Pod { n: 0, claim: 0, node: Some(0) }, c));
    within(&mut cluster, |c| carry_out(&Step::Pass { seconds: 20 }, c));
    let mut model = Model::default();
    assert_eq!(model.follow(&cluster), Ok(()));
    let there = model.all::<VolumeAttachment>().next().expect("an attachment").clone();
    let mut other = there.clone();
    other.metadata.name = Some("other".into());
    other.spec.node_name = "node-b".into();
    let other = Object::from(other);
    model.objects.insert(other.key(), other.clone());
    assert!(model.check(&other, None).is_err_and(|e| e.contains("is attached to")));
}
