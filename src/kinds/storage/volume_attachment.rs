//! VolumeAttachment.
//!
//! Mirrors `pkg/registry/storage/volumeattachment/strategy.go` and `pkg/apis/storage/validation`.

use crate::api::k8s::api::core::v1::PersistentVolumeSpec;
use crate::api::k8s::api::storage::v1::VolumeAttachment;
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::persistent_volume::source::{validate_csi_driver_name, validate_source};
use crate::kinds::core::persistent_volume::validate_access_modes;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("ATTACHER"),
    Column::new("PV"),
    Column::new("NODE"),
    Column::new("ATTACHED"),
    Column::new("AGE"),
];

impl Strategy for VolumeAttachment {
    crate::spec_and_status!();

    fn validate(&self) -> Vec<FieldError> {
        let (spec, at) = (&self.spec, |field: &str| format!("spec.{field}"));
        let mut faults = validate_csi_driver_name(&spec.attacher, &at("attacher"));
        let which = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
        match (&spec.source.inline_volume_spec, &spec.source.persistent_volume_name) {
            (None, None) => faults.push(FieldError::required(at("source"), which)),
            (Some(_), Some(_)) => faults.push(FieldError::forbidden(at("source"), which)),
            (None, Some(name)) if name.is_empty() => {
                let detail = "must specify non empty persistentVolumeName";
                faults.push(FieldError::required(at("source.persistentVolumeName"), detail));
            }
            (None, Some(_)) => {}
            (Some(inline), None) => faults.extend(validate_inline(inline, &at("source.inlineVolumeSpec"))),
        }
        let wrong = names::dns1123_subdomain(&spec.node_name);
        faults.extend(wrong.iter().map(|e| FieldError::invalid(at("nodeName"), &spec.node_name, e)));
        if let Some(name) = &spec.source.persistent_volume_name {
            let wrong = names::dns1123_subdomain(name);
            faults.extend(wrong.iter().map(|e| FieldError::invalid(at("source.persistentVolumeName"), name, e)));
        }
        faults
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        if self.spec != old.spec {
            let value = Internal::of("VolumeAttachmentSpec", &self.spec);
            faults.push(FieldError::invalid("spec", value, FIELD_IMMUTABLE));
        }
        faults
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        vec![
            text(&self.metadata.name).into(),
            self.spec.attacher.clone(),
            text(&self.spec.source.persistent_volume_name).into(),
            self.spec.node_name.clone(),
            self.status.as_ref().is_some_and(|s| s.attached).to_string(),
            print::age(&self.metadata, context),
        ]
    }
}

/// What is wrong with the volume of a pod that has no object of its own.
fn validate_inline(spec: &PersistentVolumeSpec, path: &str) -> Vec<FieldError> {
    let at = |field: &str| format!("{path}.{field}");
    let not_here = "may not be specified in the context of inline volumes";
    let mut faults = Vec::new();
    if spec.claim_ref.is_some() {
        faults.push(FieldError::forbidden(at("claimRef"), not_here));
    }
    if spec.capacity.as_ref().is_some_and(|c| !c.is_empty()) {
        faults.push(FieldError::forbidden(at("capacity"), not_here));
    }
    if spec.csi.is_none() {
        faults.push(FieldError::required(at("csi"), "has to be specified in the context of inline volumes"));
    }
    if items(&spec.access_modes).is_empty() {
        faults.push(FieldError::required(at("accessModes"), ""));
    }
    faults.extend(validate_access_modes(items(&spec.access_modes), &at("accessModes")));
    if !matches!(text(&spec.persistent_volume_reclaim_policy), "" | "Retain") {
        let detail = "may only be Retain in the context of inline volumes";
        faults.push(FieldError::forbidden(at("persistentVolumeReclaimPolicy"), detail));
    }
    if spec.node_affinity.is_some() {
        faults.push(FieldError::forbidden(at("nodeAffinity"), not_here));
    }
    faults.extend(validate_source(spec, "", path));
    if !text(&spec.storage_class_name).is_empty() {
        faults.push(FieldError::forbidden(at("storageClassName"), not_here));
    }
    if spec.volume_mode.as_deref().is_some_and(|m| m != "Filesystem") {
        let detail = "may not specify volumeMode other than Filesystem in the context of inline volumes";
        faults.push(FieldError::forbidden(at("volumeMode"), detail));
    }
    faults
}
