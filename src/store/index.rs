//! Secondary indexes: what lets a controller find the objects that concern it without scanning.

use std::collections::BTreeSet;

use crate::api::csi::{inline_names, unique_name_of};
use crate::api::k8s::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::k8s::api::storage::v1::VolumeAttachment;
use crate::api::object::{annotation_of, controller_of};
use crate::api::pod::claims_of;
use crate::api::quantity::amount;
use crate::api::{Kind, Object};
use crate::store::load::node_of;

/// An index over the objects of a kind. A bucket's members are ordered by rank, then namespace and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Index {
    /// Any kind, by the uid of each of its owners.
    Owner,
    /// Pods, replica sets and controller revisions without a controller, by namespace.
    Orphan,
    /// Pods, by the node that they are bound to; `""` for those that are bound to none.
    Node,
    /// Pods that the scheduler could not place, by what would help: `claim`, `volume`, `node`, `pod`, `affinity`.
    Unschedulable,
    /// Pods that are bound, or assumed on a node, and have affinity or anti-affinity to others; the bucket is `""`.
    Affinity,
    /// Pods that are not bound yet, by the node that they are meant for.
    Nominated,
    /// Pods, by each claim that they use, `NAMESPACE/NAME` (a generic ephemeral volume counts as its claim).
    PodClaim,
    /// Pods, by each volume of their own that is attached, as nodes' statuses name it.
    PodVolume,
    /// Claims, by `spec.volumeName`; `""` for those without.
    ClaimVolume,
    /// Volumes, by `spec.claimRef`, `NAMESPACE/NAME`.
    VolumeClaim,
    /// Volumes without a claimRef, by `free_volume_bucket`, ranked by `free_volume_rank`.
    FreeVolume,
    /// Volumes, by the provisioner that made them (`pv.kubernetes.io/provisioned-by`).
    ProvisionedBy,
    /// Claims by class (`""` for an empty one or none).
    ClaimClass,
    /// Events, by the uid of the object they are about.
    EventObject,
    /// Endpoint slices, by `NAMESPACE/SERVICE`.
    SliceService,
    /// Volumes that are attached, by their name in a node's status: `kubernetes.io/csi/DRIVER^HANDLE`.
    VolumeUniqueName,
    /// Volumes of type `local`, by their path as it is written, and all of them in the bucket `""`.
    LocalPath,
    /// Attachments, by the persistent volume that is attached, or, of a pod's own volume, by its name in nodes' statuses.
    AttachmentVolume,
    /// Attachments, by the node that the volume is attached to.
    AttachmentNode,
}

/// The indexes of a kind.
fn of(kind: Kind) -> &'static [Index] {
    match kind {
        Kind::Pod => &[
            Index::Owner,
            Index::Orphan,
            Index::Node,
            Index::Unschedulable,
            Index::Affinity,
            Index::Nominated,
            Index::PodClaim,
            Index::PodVolume,
        ],
        Kind::PersistentVolumeClaim => &[Index::Owner, Index::ClaimVolume, Index::ClaimClass],
        Kind::PersistentVolume => &[
            Index::Owner,
            Index::VolumeClaim,
            Index::FreeVolume,
            Index::ProvisionedBy,
            Index::VolumeUniqueName,
            Index::LocalPath,
        ],
        Kind::VolumeAttachment => &[Index::Owner, Index::AttachmentVolume, Index::AttachmentNode],
        Kind::Event => &[Index::EventObject],
        Kind::EndpointSlice => &[Index::Owner, Index::SliceService],
        Kind::ReplicaSet | Kind::ControllerRevision => &[Index::Owner, Index::Orphan],
        _ => &[Index::Owner],
    }
}

/// Where an object stands in indexes: the index, the bucket, the rank in it.
pub(super) type Entries = Vec<(Index, String, u128)>;

/// Where an object stands in all indexes of its kind.
pub(super) fn entries_of(kind: Kind, object: &Object) -> Entries {
    let in_index = |index: &Index| {
        let index = *index;
        entries(index, object).into_iter().map(move |(bucket, rank)| (index, bucket, rank))
    };
    of(kind).iter().flat_map(in_index).collect()
}

/// The buckets and ranks under which an object stands in an index.
fn entries(index: Index, object: &Object) -> Vec<(String, u128)> {
    let one = |bucket: String| vec![(bucket, 0)];
    match index {
        Index::Owner => {
            let owners = object.meta().owner_references.iter().flatten();
            owners.map(|o| (o.uid.clone(), 0)).collect()
        }
        Index::Orphan => match controller_of(object.meta()) {
            None => one(object.namespace().to_string()),
            Some(_) => Vec::new(),
        },
        Index::Node => {
            let node = object.get::<Pod>().and_then(|p| p.spec.as_ref()).and_then(|s| s.node_name.clone());
            one(node.unwrap_or_default())
        }
        Index::Unschedulable => object
            .get::<Pod>()
            .map(|p| unschedulable(p).into_iter().map(|b| (b.into(), 0)).collect())
            .unwrap_or_default(),
        Index::Affinity => {
            let placed = object.get::<Pod>().filter(|p| node_of(p).is_some());
            let affinity = placed.and_then(|p| p.spec.as_ref()?.affinity.as_ref());
            match affinity.is_some_and(|a| a.pod_affinity.is_some() || a.pod_anti_affinity.is_some()) {
                true => one(String::new()),
                false => Vec::new(),
            }
        }
        Index::Nominated => {
            let pod = object.get::<Pod>();
            let unbound = pod.filter(|p| p.spec.as_ref().is_none_or(|s| s.node_name.is_none()));
            let node = unbound.and_then(|p| p.status.as_ref()).and_then(|s| s.nominated_node_name.clone());
            node.filter(|n| !n.is_empty()).map(one).unwrap_or_default()
        }
        Index::PodClaim => {
            object.get::<Pod>().map(|p| claims_of(p).into_iter().map(|c| (c, 0)).collect()).unwrap_or_default()
        }
        Index::PodVolume => {
            object.get::<Pod>().map(|p| inline_names(p).into_iter().map(|n| (n, 0)).collect()).unwrap_or_default()
        }
        Index::ClaimVolume => {
            let volume = claim_spec(object).and_then(|s| s.volume_name.clone());
            one(volume.unwrap_or_default())
        }
        Index::ClaimClass => {
            let class = claim_spec(object).and_then(|s| s.storage_class_name.clone());
            one(class.unwrap_or_default())
        }
        Index::VolumeClaim => volume_spec(object)
            .and_then(|s| s.claim_ref.as_ref())
            .map(|r| {
                one(format!("{}/{}", r.namespace.as_deref().unwrap_or_default(), r.name.as_deref().unwrap_or_default()))
            })
            .unwrap_or_default(),
        Index::FreeVolume => match object {
            Object::PersistentVolume(volume) => free_volume(volume).into_iter().collect(),
            _ => Vec::new(),
        },
        Index::ProvisionedBy => match object.annotation("pv.kubernetes.io/provisioned-by") {
            Some(provisioner) => one(provisioner.to_string()),
            None => Vec::new(),
        },
        Index::EventObject => match object {
            Object::Event(e) => one(event_object(&e.involved_object)),
            _ => Vec::new(),
        },
        Index::VolumeUniqueName => match object {
            Object::PersistentVolume(volume) => unique_name_of(volume).map(one).unwrap_or_default(),
            _ => Vec::new(),
        },
        Index::LocalPath => match volume_spec(object).and_then(|s| s.local.as_ref()) {
            Some(local) => vec![(local.path.clone(), 0), (String::new(), 0)],
            None => Vec::new(),
        },
        Index::AttachmentVolume => match object {
            Object::VolumeAttachment(a) => attached_volume(a).map(one).unwrap_or_default(),
            _ => Vec::new(),
        },
        Index::AttachmentNode => match object {
            Object::VolumeAttachment(a) => one(a.spec.node_name.clone()),
            _ => Vec::new(),
        },
        Index::SliceService => match object.label("kubernetes.io/service-name") {
            Some(service) => one(format!("{}/{service}", object.namespace())),
            None => Vec::new(),
        },
    }
}

/// The volume of an attachment: the persistent volume's name, or the name in nodes' statuses of one of a pod's own.
pub fn attached_volume(attachment: &VolumeAttachment) -> Option<String> {
    let source = &attachment.spec.source;
    if let Some(name) = &source.persistent_volume_name {
        return Some(name.clone());
    }
    let spec = source.inline_volume_spec.clone()?;
    unique_name_of(&PersistentVolume { spec: Some(spec), ..Default::default() })
}

/// What would help a pod that the scheduler could not place, read from its condition. Mirrors the queueing hints of
/// the scheduler's plugins.
fn unschedulable(pod: &Pod) -> Vec<&'static str> {
    if pod.spec.as_ref().is_some_and(|s| s.node_name.as_deref().is_some_and(|n| !n.is_empty())) {
        return Vec::new();
    }
    let conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
    let failed = conditions.into_iter().find(|c| c.type_ == "PodScheduled" && c.status == "False");
    let Some(message) = failed.and_then(|c| c.message.as_deref()) else { return Vec::new() };
    let says = |words: &[&str]| words.iter().any(|w| message.contains(w));
    let mut help = Vec::new();
    if says(&["unbound immediate", "persistentvolumeclaim \"", "storageclass"]) {
        help.push("claim");
    }
    if says(&[
        "volumes to bind",
        "PersistentVolume's node affinity",
        "free storage",
        "volume zone",
        "non-existent pv",
        "persistentvolume \"",
    ]) {
        help.push("volume");
    }
    if says(&["Insufficient", "Too many pods", "free ports", "ReadWriteOncePod", "available disk", "max volume count"])
    {
        help.push("pod");
    }
    if says(&["affinity rules", "topology spread"]) {
        help.push("affinity");
    }
    if help != ["claim"] {
        help.push("node");
    }
    help
}

fn claim_spec(object: &Object) -> Option<&crate::api::k8s::api::core::v1::PersistentVolumeClaimSpec> {
    object.get::<PersistentVolumeClaim>()?.spec.as_ref()
}

fn volume_spec(object: &Object) -> Option<&crate::api::k8s::api::core::v1::PersistentVolumeSpec> {
    object.get::<PersistentVolume>()?.spec.as_ref()
}

fn free_volume(volume: &PersistentVolume) -> Option<(String, u128)> {
    let spec = volume.spec.as_ref().filter(|s| s.claim_ref.is_none())?;
    let class = annotation_of(&volume.metadata, "volume.beta.kubernetes.io/storage-class");
    let class = class.or(spec.storage_class_name.as_deref()).unwrap_or_default();
    let mode = spec.volume_mode.as_deref().unwrap_or("Filesystem");
    let bytes = amount(spec.capacity.as_ref(), "storage").map_or(0, |q| q.value());
    let uid = volume.metadata.uid.as_deref().unwrap_or_default();
    Some((
        free_volume_bucket(class, mode, spec.access_modes.iter().flatten().map(String::as_str)),
        free_volume_rank(bytes) | u128::from(uid_order(uid)),
    ))
}

/// The bucket of `Index::FreeVolume` for a class (`""` for none), a volumeMode and a set of access modes.
pub fn free_volume_bucket<'a>(class: &str, volume_mode: &str, modes: impl Iterator<Item = &'a str>) -> String {
    let modes: BTreeSet<&str> = modes.collect();
    format!("{class}/{volume_mode}/{}", modes.into_iter().collect::<Vec<_>>().join(","))
}

/// The least rank in `Index::FreeVolume` of a volume of that many bytes.
pub fn free_volume_rank(bytes: i64) -> u128 {
    u128::from(bytes.max(0).unsigned_abs()) << 64
}

/// Volumes of one size come in an order that has nothing to do with their names.
fn uid_order(uid: &str) -> u64 {
    let digits = uid.bytes().filter(u8::is_ascii_hexdigit).take(16);
    digits.fold(0, |n, digit| (n << 4) | u64::from((digit as char).to_digit(16).unwrap_or(0)))
}

/// What an event is found by: the uid of its object, or where some sources leave that out, the name.
pub fn event_object(about: &ObjectReference) -> String {
    let of = |part: &Option<String>| part.clone().unwrap_or_default();
    match of(&about.uid) {
        uid if uid.is_empty() => format!("{}/{}", of(&about.namespace), of(&about.name)),
        uid => uid,
    }
}
