//! PersistentVolume.
//!
//! Mirrors `pkg/registry/core/persistentvolume/strategy.go` and `printPersistentVolume`.

mod describe;
pub(in crate::kinds) mod source;
pub(in crate::kinds) mod validation;

use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeSpec};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::object::annotation_of;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{items, set_resource_list_defaults, set_text, text};
use crate::kinds::shared::describe::quantity;
use crate::kinds::shared::node_selector::get_warnings_for_node_selector_term;
use crate::kinds::shared::print;

pub use validation::{SUPPORTED_ACCESS_MODES, validate_access_modes, validate_persistent_volume_spec};

/// The annotation that named a claim's or volume's class before `storageClassName` did; it still goes first.
pub const BETA_STORAGE_CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
/// The annotation that held mount options before `mountOptions` did.
const MOUNT_OPTION_ANNOTATION: &str = "volume.beta.kubernetes.io/mount-options";

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("CAPACITY"),
    Column::new("ACCESS MODES"),
    Column::new("RECLAIM POLICY"),
    Column::new("STATUS"),
    Column::new("CLAIM"),
    Column::new("STORAGECLASS"),
    Column::new("VOLUMEATTRIBUTESCLASS").since(29),
    Column::new("REASON"),
    Column::new("AGE"),
    Column::wide("VOLUMEMODE"),
];

impl Strategy for PersistentVolume {
    const STATUS: bool = true;

    fn set_defaults(&mut self) {
        set_text(&mut self.status.get_or_insert_default().phase, "Pending");
        let spec = self.spec.get_or_insert_default();
        set_text(&mut spec.persistent_volume_reclaim_policy, "Retain");
        spec.volume_mode.get_or_insert_with(|| "Filesystem".into());
        set_resource_list_defaults(&mut spec.capacity);
        set_source_defaults(spec);
    }

    fn prepare_for_create(&mut self) {
        // The status of a new volume: the API server's time is that of the creation.
        let now = self.metadata.creation_timestamp.clone();
        self.reset_status();
        let status = self.status.get_or_insert_default();
        status.phase = Some("Pending".into());
        status.last_phase_transition_time = now;
    }

    fn validate(&self) -> Vec<FieldError> {
        validation::validate_persistent_volume(self)
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warnings(self)
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        validation::validate_persistent_volume_update(self, old)
    }

    fn reset_status(&mut self) {
        self.status = None;
    }

    fn copy_status(&mut self, from: &Self) {
        self.status = from.status.clone();
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        let status = self.status.clone().unwrap_or_default();
        let claim = spec.claim_ref.as_ref().map(|r| format!("{}/{}", text(&r.namespace), text(&r.name)));
        let terminating = self.metadata.deletion_timestamp.is_some();
        let unset = |field: Option<String>| field.unwrap_or_else(|| "<unset>".into());
        vec![
            text(&self.metadata.name).into(),
            storage(spec.capacity.as_ref().and_then(|c| c.get("storage"))),
            get_access_modes_as_string(items(&spec.access_modes)),
            text(&spec.persistent_volume_reclaim_policy).into(),
            if terminating { "Terminating".into() } else { text(&status.phase).into() },
            claim.unwrap_or_default(),
            get_persistent_volume_class(self).into(),
            unset(spec.volume_attributes_class_name),
            text(&status.reason).into(),
            print::age(&self.metadata, context),
            unset(spec.volume_mode),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        describe::describe_persistent_volume(self, d, context);
    }
}

fn set_source_defaults(spec: &mut PersistentVolumeSpec) {
    if let Some(source) = &mut spec.host_path {
        source.type_.get_or_insert_default();
    }
    if let Some(source) = &mut spec.rbd {
        set_text(&mut source.pool, "rbd");
        set_text(&mut source.user, "admin");
        set_text(&mut source.keyring, "/etc/ceph/keyring");
    }
    if let Some(source) = &mut spec.iscsi {
        set_text(&mut source.iscsi_interface, "default");
    }
    if let Some(source) = &mut spec.azure_disk {
        source.caching_mode.get_or_insert_with(|| "ReadWrite".into());
        source.fs_type.get_or_insert_with(|| "ext4".into());
        source.read_only.get_or_insert(false);
        source.kind.get_or_insert_with(|| "Shared".into());
    }
    if let Some(source) = &mut spec.scale_io {
        set_text(&mut source.storage_mode, "ThinProvisioned");
        set_text(&mut source.fs_type, "xfs");
    }
}

/// Mirrors `pkg/api/persistentvolume/util.go`.
fn warnings(volume: &PersistentVolume) -> Vec<String> {
    let spec = volume.spec.clone().unwrap_or_default();
    let mut warnings = Vec::new();
    let mut add = |field: &str, message: &str| warnings.push(format!("{field}: {message}"));
    for (key, message) in [
        (BETA_STORAGE_CLASS_ANNOTATION, "deprecated since v1.8; use \"storageClassName\" attribute instead"),
        (MOUNT_OPTION_ANNOTATION, "deprecated since v1.31; use \"mountOptions\" attribute instead"),
    ] {
        if annotation_of(&volume.metadata, key).is_some() {
            add(&format!("metadata.annotations[{key}]"), message);
        }
    }
    if text(&spec.persistent_volume_reclaim_policy) == "Recycle" {
        let message = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic \
            provisioning.";
        add("spec.persistentVolumeReclaimPolicy", message);
    }
    let required = spec.node_affinity.as_ref().and_then(|a| a.required.as_ref());
    for (i, term) in required.into_iter().flat_map(|r| r.node_selector_terms.iter()).enumerate() {
        let path = format!("spec.nodeAffinity.required.nodeSelectorTerms[{i}]");
        warnings.extend(get_warnings_for_node_selector_term(term, false, &path));
    }
    for (there, field, since, gone) in [
        (spec.cephfs.is_some(), "cephfs", "1.28", "1.31"),
        (spec.photon_persistent_disk.is_some(), "photonPersistentDisk", "1.11", "1.16"),
        (spec.scale_io.is_some(), "scaleIO", "1.16", "1.22"),
        (spec.storageos.is_some(), "storageOS", "1.22", "1.25"),
        (spec.glusterfs.is_some(), "glusterfs", "1.25", "1.26"),
        (spec.rbd.is_some(), "rbd", "1.28", "1.31"),
    ] {
        if there {
            warnings.push(format!("spec.{field}: deprecated in v{since}, non-functional in v{gone}+"));
        }
    }
    warnings
}

/// The class of a volume, `""` for none; mirrors `GetPersistentVolumeClass`.
pub fn get_persistent_volume_class(volume: &PersistentVolume) -> &str {
    let class = volume.spec.as_ref().and_then(|s| s.storage_class_name.as_deref());
    annotation_of(&volume.metadata, BETA_STORAGE_CLASS_ANNOTATION).or(class).unwrap_or_default()
}

/// Access modes in short, each once and in a fixed order: `RWO,RWX`. Mirrors `GetAccessModesAsString`.
pub fn get_access_modes_as_string(modes: &[String]) -> String {
    let short =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let present = short.iter().filter(|(mode, _)| modes.iter().any(|m| m == mode));
    present.map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

/// An amount of storage as tables print it; `0` for none.
pub(in crate::kinds) fn storage(amount: Option<&Text>) -> String {
    amount.map_or("0".into(), quantity)
}
