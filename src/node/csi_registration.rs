//! The CSI drivers of a node: its CSINode, and what they say of where the node is.
//!
//! Mirrors `pkg/volume/csi/nodeinfomanager/nodeinfomanager.go`. The key is a node.

use std::collections::BTreeMap;

use crate::api::k8s::api::core::v1::Node;
use crate::api::k8s::api::storage::v1::{CSINode, CSINodeDriver, CSINodeSpec, VolumeNodeResources};
use crate::api::names::Draw;
use crate::api::{Kind, ObjectKey, ObjectMeta, OwnerReference, Time};
use crate::controllers::csi::{Driver, ZONE, drivers, registered_note};
use crate::controllers::node_lifecycle::has_reported;
use crate::controllers::{Controller, Outcome, Write};
use crate::store::{Change, View};

/// On a node: what each driver calls it.
const ANN_NODE_IDS: &str = "csi.volume.kubernetes.io/nodeid";

/// What plugins in the tree have handed over to drivers, which each CSINode says.
const ANN_MIGRATED: &str = "storage.alpha.kubernetes.io/migrated-plugins";
const MIGRATED: &str = "kubernetes.io/aws-ebs,kubernetes.io/azure-disk,kubernetes.io/azure-file,kubernetes.io/cinder,\
                        kubernetes.io/gce-pd,kubernetes.io/portworx-volume,kubernetes.io/vsphere-volume";

/// See the module.
pub(super) struct CsiRegistration;

impl Controller for CsiRegistration {
    fn name(&self) -> &'static str {
        "kubelet-csi-registration"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::Node if change.new.is_some() => {
                let place = |o: &Option<std::sync::Arc<crate::api::Object>>| {
                    let node = o.as_ref().and_then(|o| o.get::<Node>())?;
                    node.metadata.labels.as_ref()?.get(ZONE).cloned()
                };
                if change.old.is_none() || change.old == change.new || place(&change.old) != place(&change.new) {
                    enqueue(change.key.clone());
                }
            }
            Kind::CSIDriver => view.list(Kind::Node).for_each(|node| enqueue(node.key())),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let there = view.get_as::<CSINode>("", &key.name);
        let drivers = drivers(view);
        if drivers.is_empty() && there.is_none() {
            return outcome;
        }
        let Some(node) = view.get_as::<Node>("", &key.name) else { return outcome };
        if view.kubelet_stopped_since(&key.name).is_some() || !has_reported(node) {
            return outcome;
        }
        let here: Vec<&Driver> = drivers.values().filter(|d| d.model().csi && d.is_on(node)).collect();
        let ids = here.iter().map(|d| (d.name.clone(), node_id(view, d, &key.name))).collect();
        if let Some(node) = labelled(node, &here, &ids) {
            outcome.write(Write::update(node));
        }
        let known = there.map(|n| n.spec.drivers.as_slice()).unwrap_or_default();
        let drivers = here.iter().map(|driver| entry(driver, node, &ids));
        // A driver that somebody wrote there by hand stays: no plugin of ours ever registered it.
        let foreign = known.iter().filter(|d| !is_ours(view, &d.name)).cloned();
        let mut list: Vec<CSINodeDriver> = drivers.chain(foreign).collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        match there {
            Some(_) if known == list => {}
            Some(there) => {
                let spec = CSINodeSpec { drivers: list };
                outcome.write(Write::update(CSINode { spec, ..there.clone() }));
            }
            None => outcome.write(Write::create(csi_node(node, list))),
        }
        outcome
    }
}

fn is_ours(view: &View<'_>, driver: &str) -> bool {
    view.note(&registered_note(driver)).is_some()
}

fn node_id(view: &View<'_>, driver: &Driver, node: &str) -> String {
    let mut draw = Draw::new(view.seed(), &format!("csi-node/{}/{node}", driver.name), 0);
    (driver.model().node_id)(&mut draw, node)
}

fn entry(driver: &Driver, node: &Node, ids: &BTreeMap<String, String>) -> CSINodeDriver {
    let keys: Vec<String> = driver.topology_of(node).into_keys().collect();
    let count = driver.attach_limit();
    CSINodeDriver {
        name: driver.name.clone(),
        node_id: ids.get(&driver.name).cloned().unwrap_or_default(),
        topology_keys: Some(keys).filter(|keys| !keys.is_empty()),
        allocatable: count.map(|count| VolumeNodeResources { count: Some(count) }),
    }
}

fn csi_node(node: &Node, drivers: Vec<CSINodeDriver>) -> CSINode {
    let name = node.metadata.name.clone().unwrap_or_default();
    CSINode {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            annotations: Some([(ANN_MIGRATED.to_string(), MIGRATED.to_string())].into()),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".into(),
                kind: "Node".into(),
                name,
                uid: node.metadata.uid.clone().unwrap_or_default(),
                ..Default::default()
            }]),
            ..Default::default()
        },
        spec: CSINodeSpec { drivers },
    }
}

/// The node with what its drivers say of it; none where it says so already.
fn labelled(node: &Node, drivers: &[&Driver], ids: &BTreeMap<String, String>) -> Option<Node> {
    let mut clone = node.clone();
    let annotations = clone.metadata.annotations.get_or_insert_default();
    match ids.is_empty() {
        true => _ = annotations.remove(ANN_NODE_IDS),
        false => _ = annotations.insert(ANN_NODE_IDS.into(), serde_json::to_string(ids).unwrap_or_default()),
    }
    let labels = clone.metadata.labels.get_or_insert_default();
    for driver in drivers {
        labels.extend(driver.topology_of(node));
    }
    (clone != *node).then_some(clone)
}
