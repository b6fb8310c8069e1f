//! What the binder thinks of each volume for a claim, told to who asks why.

use super::helpers::{
    check_access_modes, check_volume_mode_mismatches, is_volume_bound_to_claim, requested_storage, volume_capacity,
};
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use crate::api::selector::Selector;
use crate::kinds::core::persistent_volume::get_persistent_volume_class;
use crate::kinds::core::persistent_volume_claim::get_persistent_volume_claim_class;

/// A rule that keeps a volume from a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// It is being deleted.
    Terminating,
    /// It is bound to this claim, `NAMESPACE/NAME`.
    Bound(String),
    /// Its claim, `NAMESPACE/NAME`, is gone, and its data is kept.
    Released(String),
    /// It is kept for this claim, `NAMESPACE/NAME`.
    Reserved(String),
    /// Its recycling or deletion failed.
    Failed,
    /// It is of this class, and the claim of another.
    Class(String),
    /// It offers these access modes, and not all that the claim asks for.
    AccessModes(Vec<String>),
    /// One is a block device and the other a file system; this is the volume's mode.
    VolumeMode(String),
    /// It holds so much, which is less than what is asked for.
    Size(String),
    /// It is of this attributes class, and the claim of another.
    AttributesClass(String),
    /// Its labels are not those that the claim's selector asks for.
    Selector,
}

impl Mismatch {
    /// The rule in a few words.
    pub fn text(&self) -> String {
        match self {
            Mismatch::Terminating => "is being deleted".into(),
            Mismatch::Bound(claim) => format!("is bound to {claim}: one volume, one claim"),
            Mismatch::Released(claim) => format!("is Released: it still holds the data of {claim}, which is gone"),
            Mismatch::Reserved(claim) => format!("is reserved for {claim} by its claimRef"),
            Mismatch::Failed => "is Failed: its reclaiming did not work".into(),
            Mismatch::Class(class) if class.is_empty() => "has no storage class".into(),
            Mismatch::Class(class) => format!("is of the class {class:?}"),
            Mismatch::AccessModes(modes) if modes.is_empty() => "offers no access mode".into(),
            Mismatch::AccessModes(modes) => format!("offers only {}", modes.join(", ")),
            Mismatch::VolumeMode(mode) => format!("is a {mode} volume"),
            Mismatch::Size(size) => format!("is too small: {size}"),
            Mismatch::AttributesClass(class) if class.is_empty() => "has no volume attributes class".into(),
            Mismatch::AttributesClass(class) => format!("has the volume attributes class {class:?}"),
            Mismatch::Selector => "has not the labels that the claim's selector asks for".into(),
        }
    }
}

/// Everything that keeps a volume from a claim; nothing for one that suits it. The rules are those of
/// `find_matching_volume`, which stops at the first.
pub fn mismatches(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let spec = volume.spec.as_ref();
    if volume.metadata.deletion_timestamp.is_some() {
        found.push(Mismatch::Terminating);
    }
    let ours = is_volume_bound_to_claim(volume, claim);
    let phase = volume.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default();
    if let Some(other) = spec.and_then(|s| s.claim_ref.as_ref()).filter(|_| !ours) {
        let of = |part: &Option<String>| part.clone().unwrap_or_default();
        let name = format!("{}/{}", of(&other.namespace), of(&other.name));
        found.push(match (phase, other.uid.as_deref().unwrap_or_default()) {
            ("Released", _) => Mismatch::Released(name),
            (_, "") => Mismatch::Reserved(name),
            _ => Mismatch::Bound(name),
        });
    }
    if phase == "Failed" {
        found.push(Mismatch::Failed);
    }
    if get_persistent_volume_class(volume) != get_persistent_volume_claim_class(claim) {
        found.push(Mismatch::Class(get_persistent_volume_class(volume).to_string()));
    }
    if !check_access_modes(claim, volume) {
        found.push(Mismatch::AccessModes(spec.and_then(|s| s.access_modes.clone()).unwrap_or_default()));
    }
    if check_volume_mode_mismatches(claim, volume) {
        let mode = spec.and_then(|s| s.volume_mode.clone()).unwrap_or_else(|| "Filesystem".into());
        found.push(Mismatch::VolumeMode(mode));
    }
    if volume_capacity(volume) < requested_storage(claim) {
        found.push(Mismatch::Size(volume_capacity(volume).to_string()));
    }
    let class = |name: Option<&String>| name.cloned().unwrap_or_default();
    let offered = class(spec.and_then(|s| s.volume_attributes_class_name.as_ref()));
    if offered != class(claim.spec.as_ref().and_then(|s| s.volume_attributes_class_name.as_ref())) {
        found.push(Mismatch::AttributesClass(offered));
    }
    let selector = claim.spec.as_ref().and_then(|s| s.selector.as_ref());
    let selects = |selector: &Selector| selector.matches(volume.metadata.labels.as_ref());
    if !ours && selector.is_some_and(|s| !Selector::from_label_selector(Some(s)).is_ok_and(|s| selects(&s))) {
        found.push(Mismatch::Selector);
    }
    found
}
