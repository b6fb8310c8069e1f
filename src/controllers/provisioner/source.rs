//! What a claim's volume is to be filled from, and whether it can be.
//!
//! Mirrors `dataSource`, `getPVCSource`, `getSnapshotSource` and the finalizers by which sources are held
//! (`setCloneFinalizer`, `setSnapshotFinalizer`) of `pkg/controller/controller.go` of kubernetes-csi/external-provisioner.

use super::options::{Options, requests_block};
use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use crate::api::object::annotation_of;
use crate::api::snapshot::{GROUP, VolumeSnapshot, VolumeSnapshotContent};
use crate::api::{Kind, Object, ObjectKey};
use crate::controllers::Write;
use crate::controllers::csi::Driver;
use crate::controllers::persistent_volume::helpers::{is_volume_bound_to_claim, requested_storage, volume_capacity};
use crate::controllers::pvc_protection::{need_to_add_finalizer, with_finalizer, without_finalizer};
use crate::controllers::volume_snapshot::{content_named, snapshot_named};

/// The finalizer on claims that are cloned.
pub(super) const CLONE_FINALIZER: &str = "provisioner.storage.kubernetes.io/cloning-protection";
/// The finalizer on snapshots that a volume is being made of.
const SNAPSHOT_FINALIZER: &str = "provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection";
/// On a content: who makes a volume of it may choose the mode.
const ANN_ALLOW_VOLUME_MODE_CHANGE: &str = "snapshot.storage.kubernetes.io/allow-volume-mode-change";

/// What a claim's volume is filled from.
pub(super) struct DataSource {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) name: String,
}

/// A source that was looked at and can be used.
pub(super) enum Content<'a> {
    /// The volume of a claim.
    Volume(&'a PersistentVolume),
    /// A snapshot, and the disk that it lies on.
    Snapshot { disk: String, size: i64 },
}

impl Content<'_> {
    /// How many bytes a volume made of it has at least.
    pub(super) fn size(&self) -> i64 {
        match self {
            Content::Volume(volume) => volume_capacity(volume).value(),
            Content::Snapshot { size, .. } => *size,
        }
    }

    /// The disk that its contents lie on.
    pub(super) fn disk(&self) -> Option<String> {
        match self {
            Content::Volume(volume) => CsiVolume::of(volume).map(|csi| csi.disk()),
            Content::Snapshot { disk, .. } => Some(disk.clone()),
        }
    }
}

impl<'a> Options<'a> {
    /// What the volume is filled from, of the same namespace; none for an empty one.
    pub(super) fn source(&self) -> Option<DataSource> {
        let spec = self.claim.spec.as_ref()?;
        let of_ref = spec.data_source_ref.as_ref().map(|s| (&s.api_group, &s.kind, &s.name));
        let (group, kind, name) = spec.data_source.as_ref().map(|s| (&s.api_group, &s.kind, &s.name)).or(of_ref)?;
        Some(DataSource { group: group.clone().unwrap_or_default(), kind: kind.clone(), name: name.clone() })
    }

    /// Whether somebody else than a provisioner is to fill the volume.
    pub(super) fn is_populated_by_others(&self) -> bool {
        self.source().is_some_and(|s| !["PersistentVolumeClaim", "VolumeSnapshot"].contains(&s.kind.as_str()))
    }

    /// Whether the driver can make volumes of such a source. Mirrors the beginning of `prepareProvision`, and
    /// `checkDriverCapabilities`.
    pub(super) fn check_source_capability(&self, driver: &Driver) -> Result<(), String> {
        let Some(source) = self.source() else { return Ok(()) };
        let model = driver.model();
        if source.name.is_empty() {
            return Err(format!("the PVC source not found for PVC {}", self.claim_name()));
        }
        match source.kind.as_str() {
            "VolumeSnapshot" if source.group != GROUP => Err(format!(
                "the PVC source does not belong to the right APIGroup. Expected {GROUP}, Got {}",
                source.group
            )),
            "VolumeSnapshot" if !model.snapshot => Err("CSI driver does not support snapshot restore: controller \
                                                        CREATE_DELETE_SNAPSHOT capability is not reported"
                .into()),
            "PersistentVolumeClaim" if !model.clone => {
                Err("CSI driver does not support clone operations: controller CLONE_VOLUME capability is not reported"
                    .into())
            }
            _ => Ok(()),
        }
    }

    /// The contents that the volume is to have; none for an empty one. What is held already may be on its way out.
    ///
    /// # Errors
    /// Why the source can't be used.
    pub(super) fn content(&self, driver: &Driver, held: bool) -> Result<Option<Content<'a>>, String> {
        let Some(source) = self.source() else { return Ok(None) };
        let found = match source.kind.as_str() {
            "PersistentVolumeClaim" => self.source_claim(&source.name, driver, held).map(Content::Volume),
            _ => self.source_snapshot(&source.name, driver),
        };
        found.map(Some).map_err(|fault| {
            format!("error getting handle for DataSource Type {} by Name {}: {fault}", source.kind, source.name)
        })
    }

    /// The writes that hold the source while the volume is made of it.
    pub(super) fn hold_source(&self) -> Option<Write> {
        let source = self.source()?;
        let (kind, finalizer) = match source.kind.as_str() {
            "PersistentVolumeClaim" => (Kind::PersistentVolumeClaim, CLONE_FINALIZER),
            "VolumeSnapshot" => (Kind::VolumeSnapshot, SNAPSHOT_FINALIZER),
            _ => return None,
        };
        let object = self.view.get(&ObjectKey::new(kind, self.namespace(), &source.name))?;
        need_to_add_finalizer(object, finalizer).then(|| with_finalizer(object, finalizer))
    }

    /// The write that lets go of a snapshot, once the volume is made. A claim is let go when it is to be deleted.
    pub(super) fn release_source(&self) -> Option<Write> {
        let source = self.source().filter(|s| s.kind == "VolumeSnapshot")?;
        let object = self.view.get(&ObjectKey::new(Kind::VolumeSnapshot, self.namespace(), &source.name))?;
        has(object, SNAPSHOT_FINALIZER).then(|| without_finalizer(object, SNAPSHOT_FINALIZER))
    }

    /// The volume of a claim that is to be copied. Mirrors `getPVCSource`.
    fn source_claim(&self, name: &str, driver: &Driver, held: bool) -> Result<&'a PersistentVolume, String> {
        let Some(claim) = self.view.get_as::<PersistentVolumeClaim>(self.namespace(), name) else {
            let fault = format!("persistentvolumeclaim {name:?} not found");
            return Err(format!(
                "error getting PVC {name} (namespace {:?}) from api server: {fault}",
                self.namespace()
            ));
        };
        let phase = claim.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default();
        if phase != "Bound" {
            // The status as Go prints the struct.
            let status = format!("{{{phase} [] map[] [] map[] map[] <nil> <nil>}}");
            return Err(format!("the PVC DataSource {name} must have a status of Bound.  Got {status}"));
        }
        if claim.metadata.deletion_timestamp.is_some() && !held {
            return Err(format!("the PVC DataSource {name} is currently being deleted"));
        }
        let class = |claim: &PersistentVolumeClaim| claim.spec.as_ref().and_then(|s| s.storage_class_name.clone());
        if class(claim).is_none() {
            return Err(format!("the source PVC ({name}) storageclass cannot be empty"));
        }
        if class(self.claim).is_none() {
            return Err(format!("the requested PVC ({}) storageclass cannot be empty", self.claim_name()));
        }
        let (requested, has) = (requested_storage(self.claim).value(), requested_storage(claim).value());
        if requested < has {
            return Err(format!(
                "error, new PVC request must be greater than or equal in size to the specified PVC data source, \
                 requested {requested} but source is {has}"
            ));
        }
        let volume = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
        if volume.is_empty() {
            return Err(format!("volume name is empty in source PVC {name}"));
        }
        let volume = self.view.get_as::<PersistentVolume>("", volume);
        let usable = |v: &&PersistentVolume| {
            let ours = CsiVolume::of(v).is_some_and(|csi| csi.driver == driver.name);
            let phase = v.status.as_ref().and_then(|s| s.phase.as_deref());
            ours && is_volume_bound_to_claim(v, claim) && phase == Some("Bound")
        };
        let Some(volume) = volume.filter(usable) else { return Err("claim in dataSource not bound or invalid".into()) };
        let mode = |block: bool| if block { "Block" } else { "Filesystem" };
        let is_block = volume.spec.as_ref().and_then(|s| s.volume_mode.as_deref()) == Some("Block");
        if is_block != requests_block(self.claim) {
            return Err(format!(
                "the source PVC and destination PVCs must have the same volume mode for cloning.  Source is {}, but new \
                 PVC requested {}",
                mode(is_block),
                mode(!is_block)
            ));
        }
        Ok(volume)
    }

    /// The snapshot that a volume is to be made of. Mirrors `getSnapshotSource`.
    fn source_snapshot(&self, name: &str, driver: &Driver) -> Result<Content<'a>, String> {
        let Some((object, snapshot)) = snapshot_named(self.view, self.namespace(), name) else {
            let fault = format!("volumesnapshots.{GROUP} {name:?} not found");
            return Err(format!("error getting snapshot {name} from api server: {fault}"));
        };
        if object.is_terminating() && !has(object, SNAPSHOT_FINALIZER) {
            return Err(format!("snapshot {name} is being deleted"));
        }
        let content = content_of(self, name, &snapshot)?;
        if content.fields.spec.driver != driver.name {
            let class = self.class.metadata.name.as_deref().unwrap_or_default();
            return Err(format!(
                "snapshotcontent {} for snapshot {name} is not handled by CSI driver of StorageClass {class}",
                content.name()
            ));
        }
        if !snapshot.is_ready() {
            return Err(format!("snapshot {name} is not Ready"));
        }
        let disk = content.disk().ok_or_else(|| format!("snapshot handle {name} is not available"))?;
        let size = snapshot.fields.status.as_ref().and_then(|s| s.restore_bytes());
        let requested = requested_storage(self.claim).value();
        if let Some(size) = size.filter(|size| requested < *size) {
            return Err(format!(
                "requested volume size {requested} is less than the size {size} for the source snapshot {name}"
            ));
        }
        self.check_mode(&content)?;
        Ok(Content::Snapshot { disk, size: size.unwrap_or(0) })
    }

    /// A file system made of a device, or a device of a file system, needs a permission.
    fn check_mode(&self, content: &VolumeSnapshotContent) -> Result<(), String> {
        let asked = self.claim.spec.as_ref().and_then(|s| s.volume_mode.as_deref());
        let source = content.fields.spec.source_volume_mode.as_deref();
        if source.zip(asked).is_none_or(|(source, asked)| source == asked) {
            return Ok(());
        }
        let annotation = annotation_of(&content.metadata, ANN_ALLOW_VOLUME_MODE_CHANGE);
        let why = match annotation {
            None => format!(
                "{ANN_ALLOW_VOLUME_MODE_CHANGE} annotation is not present on snapshotcontent {}",
                content.name()
            ),
            Some("1" | "t" | "T" | "TRUE" | "true" | "True") => return Ok(()),
            Some("0" | "f" | "F" | "FALSE" | "false" | "False") => {
                format!("{ANN_ALLOW_VOLUME_MODE_CHANGE} is set to false on snapshotcontent {}", content.name())
            }
            Some(other) => format!(
                "failed to convert {ANN_ALLOW_VOLUME_MODE_CHANGE} annotation value to boolean with error: \
                 strconv.ParseBool: parsing {other:?}: invalid syntax"
            ),
        };
        Err(format!(
            "requested volume {}/{} modifies the mode of the source volume but does not have permission to do so. {why}",
            self.namespace(),
            self.claim_name()
        ))
    }
}

fn has(object: &Object, finalizer: &str) -> bool {
    object.meta().finalizers.iter().flatten().any(|f| f == finalizer)
}

/// The content that a snapshot is bound to, where it is bound to that snapshot.
fn content_of(options: &Options<'_>, name: &str, snapshot: &VolumeSnapshot) -> Result<VolumeSnapshotContent, String> {
    let bound = snapshot.content_name().ok_or_else(|| format!("snapshot {name} not bound"))?;
    let found = content_named(options.view, bound);
    let (_, content) = found.ok_or_else(|| format!("error getting snapshotcontent {bound} for snapshot {name}"))?;
    match content.is_of(snapshot) {
        true => Ok(content),
        false => Err(format!("snapshotcontent {bound} for snapshot {name} is bound to a different snapshot")),
    }
}
