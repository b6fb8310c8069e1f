//! Tells the scheduler how much room is left where: a CSIStorageCapacity for each class and each place.
//!
//! Mirrors `pkg/capacity/capacity.go` of kubernetes-csi/external-provisioner. The key is a class. Only classes whose
//! volumes wait for their first pod have such objects, and only drivers that track capacity.

use std::collections::{BTreeMap, BTreeSet};

use super::{Driver, driver, driver_of_provisioner};
use crate::api::k8s::api::core::v1::{Node, PersistentVolume};
use crate::api::k8s::api::storage::v1::{CSIDriver, CSIStorageCapacity, StorageClass};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::object::annotation_of;
use crate::api::{Kind, LabelSelector, Object, ObjectKey, ObjectMeta, Time};
use crate::controllers::persistent_volume::helpers::ANN_DYNAMICALLY_PROVISIONED;
use crate::controllers::provisioner::{binary_si, room_in};
use crate::controllers::{Controller, Deletion, Outcome, Write};
use crate::store::{Change, View};

/// Where drivers are deployed.
const NAMESPACE: &str = "kube-system";
/// On a capacity: whose it is.
const DRIVER_NAME: &str = "csi.storage.k8s.io/drivername";
const MANAGED_BY: &str = "csi.storage.k8s.io/managed-by";

/// See the module.
pub struct CapacityController;

impl Controller for CapacityController {
    fn name(&self) -> &'static str {
        "external-provisioner-capacity"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let (old, new) = (change.old.as_deref(), change.new.as_deref());
        let mut classes_of = |is_of: &dyn Fn(&str) -> bool| {
            let classes = view.list(Kind::StorageClass);
            let of = classes.filter(|o| o.get::<StorageClass>().is_some_and(|c| is_of(&c.provisioner)));
            of.for_each(|class| enqueue(class.key()));
        };
        match change.key.kind {
            Kind::StorageClass => enqueue(change.key.clone()),
            Kind::CSIDriver => classes_of(&|name| name == change.key.name),
            Kind::PersistentVolume => {
                let volume = new.or(old).and_then(Object::get::<PersistentVolume>);
                let made_by = volume.and_then(|v| annotation_of(&v.metadata, ANN_DYNAMICALLY_PROVISIONED));
                let size = |o: Option<&Object>| o.and_then(Object::get::<PersistentVolume>)?.spec.clone()?.capacity;
                let changed = old.is_none() != new.is_none() || size(old) != size(new);
                if let Some(name) =
                    made_by.filter(|name| changed && driver(view, name).is_some_and(|d| tracks(view, &d)))
                {
                    classes_of(&|provisioner| provisioner == name);
                }
            }
            Kind::Node => {
                let labels =
                    |o: Option<&Object>| o.and_then(Object::get::<Node>).and_then(|n| n.metadata.labels.clone());
                if labels(old) != labels(new) {
                    classes_of(&|name| driver(view, name).is_some_and(|d| tracks(view, &d)));
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let there: Vec<&CSIStorageCapacity> = match view.len(Kind::CSIStorageCapacity) {
            0 => Vec::new(),
            _ => view
                .list_as::<CSIStorageCapacity>()
                .filter(|c| c.storage_class_name == key.name && is_ours(c))
                .collect(),
        };
        let wanted = view.get_as::<StorageClass>("", &key.name).map(|class| wanted(view, class)).unwrap_or_default();
        for capacity in &there {
            let segment = segment_of(capacity);
            match wanted.get(&segment) {
                Some((room, _)) if capacity.capacity.as_ref().is_some_and(|c| c.0 == *room) => {}
                Some((room, _)) => {
                    let capacity = CSIStorageCapacity { capacity: Some(Text(room.clone())), ..(*capacity).clone() };
                    outcome.write(Write::update(capacity));
                }
                None => outcome.write(Write::Delete(Deletion::of(&Object::from((*capacity).clone())))),
            }
        }
        let known: BTreeSet<_> = there.iter().map(|c| segment_of(c)).collect();
        for (segment, (room, driver)) in wanted.into_iter().filter(|(segment, _)| !known.contains(segment)) {
            let labels = BTreeMap::from([
                (DRIVER_NAME.to_string(), driver),
                (MANAGED_BY.to_string(), "external-provisioner".to_string()),
            ]);
            outcome.write(Write::create(CSIStorageCapacity {
                metadata: ObjectMeta {
                    generate_name: Some("csisc-".into()),
                    namespace: Some(NAMESPACE.into()),
                    labels: Some(labels),
                    ..Default::default()
                },
                node_topology: Some(LabelSelector { match_labels: Some(segment), ..Default::default() }),
                storage_class_name: key.name.clone(),
                capacity: Some(Text(room)),
                maximum_volume_size: None,
            }));
        }
        outcome
    }
}

fn is_ours(capacity: &CSIStorageCapacity) -> bool {
    capacity.metadata.labels.as_ref().is_some_and(|l| l.contains_key(MANAGED_BY))
}

fn segment_of(capacity: &CSIStorageCapacity) -> BTreeMap<String, String> {
    capacity.node_topology.as_ref().and_then(|t| t.match_labels.clone()).unwrap_or_default()
}

/// Whether a driver says how much room it has.
fn tracks(view: &View<'_>, driver: &Driver) -> bool {
    let object = view.get_as::<CSIDriver>("", &driver.name);
    driver.capacity.is_some() && object.and_then(|d| d.spec.storage_capacity) == Some(true)
}

/// The places of a class, each with its room and its driver.
fn wanted(view: &View<'_>, class: &StorageClass) -> BTreeMap<BTreeMap<String, String>, (String, String)> {
    let delayed = class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer");
    let driver = driver_of_provisioner(view, &class.provisioner).filter(|d| delayed && tracks(view, d));
    let Some(driver) = driver else { return BTreeMap::new() };
    let nodes = view.list_as::<Node>().filter(|node| driver.is_on(node));
    let places: BTreeSet<BTreeMap<String, String>> = nodes.map(|node| driver.topology_of(node)).collect();
    let with_room = places.into_iter().filter_map(|segment| {
        let room = room_in(view, &driver, &segment)?.max(0);
        Some((segment, (binary_si(room), driver.name.clone())))
    });
    with_room.collect()
}
