//! PersistentVolumeClaim.
//!
//! Mirrors `pkg/registry/core/persistentvolumeclaim/strategy.go`, `pkg/api/persistentvolumeclaim/util.go` and
//! `printPersistentVolumeClaim`.

mod describe;
mod validation;

use crate::api::k8s::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedLocalObjectReference, TypedObjectReference,
};
use crate::api::object::annotation_of;
use crate::api::quantity::Quantity;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::persistent_volume::{BETA_STORAGE_CLASS_ANNOTATION, get_access_modes_as_string, storage};
use crate::kinds::shared::access::{ResourceList, items, set_resource_list_defaults, set_text, text};
use crate::kinds::shared::print;

pub use validation::{validate_persistent_volume_claim_spec, validate_persistent_volume_claim_template};

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("STATUS"),
    Column::new("VOLUME"),
    Column::new("CAPACITY"),
    Column::new("ACCESS MODES"),
    Column::new("STORAGECLASS"),
    Column::new("VOLUMEATTRIBUTESCLASS").since(29),
    Column::new("AGE"),
    Column::wide("VOLUMEMODE"),
];

impl Strategy for PersistentVolumeClaim {
    const STATUS: bool = true;

    fn set_defaults(&mut self) {
        let status = self.status.get_or_insert_default();
        set_text(&mut status.phase, "Pending");
        set_resource_list_defaults(&mut status.capacity);
        set_resource_list_defaults(&mut status.allocated_resources);
        set_persistent_volume_claim_spec_defaults(self.spec.get_or_insert_default());
    }

    fn prepare_for_create(&mut self) {
        self.reset_status();
        let spec = self.spec.get_or_insert_default();
        drop_disabled_fields(spec, None);
        enforce_data_source_backwards_compatibility(spec, None);
        normalize_data_sources(spec);
    }

    fn validate(&self) -> Vec<FieldError> {
        validate_persistent_volume_claim_spec(&self.spec.clone().unwrap_or_default(), "spec", false)
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warnings(self)
    }

    fn prepare_for_update(&mut self, old: &Self) {
        let spec = self.spec.get_or_insert_default();
        drop_disabled_fields(spec, old.spec.as_ref());
        enforce_data_source_backwards_compatibility(spec, old.spec.as_ref());
        normalize_data_sources(spec);
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        validation::validate_persistent_volume_claim_update(self, old)
    }

    fn validate_status_update(&self, _old: &Self) -> Vec<FieldError> {
        validation::validate_persistent_volume_claim_status(self)
    }

    fn reset_status(&mut self) {
        let status = self.status.insert(Default::default());
        status.phase = Some("Pending".into());
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
        let (capacity, modes) = shown_capacity_and_modes(self);
        let terminating = self.metadata.deletion_timestamp.is_some();
        let unset = |field: Option<String>| field.unwrap_or_else(|| "<unset>".into());
        vec![
            text(&self.metadata.name).into(),
            if terminating { "Terminating".into() } else { text(&status.phase).into() },
            text(&spec.volume_name).into(),
            capacity,
            modes,
            get_persistent_volume_claim_class(self).into(),
            unset(spec.volume_attributes_class_name),
            print::age(&self.metadata, context),
            unset(spec.volume_mode),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        describe::describe_persistent_volume_claim(self, d, context);
    }
}

/// Capacity and access modes as they are shown: those of the status, once a volume is named.
fn shown_capacity_and_modes(claim: &PersistentVolumeClaim) -> (String, String) {
    if claim.spec.as_ref().is_none_or(|s| text(&s.volume_name).is_empty()) {
        return (String::new(), String::new());
    }
    let status = claim.status.clone().unwrap_or_default();
    let capacity = storage(status.capacity.as_ref().and_then(|c| c.get("storage")));
    (capacity, get_access_modes_as_string(items(&status.access_modes)))
}

/// Mirrors `SetDefaults_PersistentVolumeClaimSpec`; for claim templates too.
pub fn set_persistent_volume_claim_spec_defaults(spec: &mut PersistentVolumeClaimSpec) {
    spec.volume_mode.get_or_insert_with(|| "Filesystem".into());
    if let Some(resources) = &mut spec.resources {
        set_resource_list_defaults(&mut resources.limits);
        set_resource_list_defaults(&mut resources.requests);
    }
}

/// A data source in another namespace is not enabled.
fn drop_disabled_fields(spec: &mut PersistentVolumeClaimSpec, old: Option<&PersistentVolumeClaimSpec>) {
    let elsewhere = spec.data_source_ref.as_ref().is_some_and(|r| !text(&r.namespace).is_empty());
    if elsewhere && old.is_none_or(|o| o.data_source_ref.is_none()) {
        spec.data_source_ref = None;
    }
}

/// A data source that is neither claim nor snapshot was silently dropped once, and still is.
fn enforce_data_source_backwards_compatibility(
    spec: &mut PersistentVolumeClaimSpec,
    old: Option<&PersistentVolumeClaimSpec>,
) {
    let in_use = old.is_some_and(|o| o.data_source.is_some() || o.data_source_ref.is_some());
    if in_use || spec.data_source_ref.is_some() {
        return;
    }
    let known = |source: &TypedLocalObjectReference| {
        matches!(
            (source.kind.as_str(), text(&source.api_group)),
            ("PersistentVolumeClaim", "") | ("VolumeSnapshot", "snapshot.storage.k8s.io")
        )
    };
    spec.data_source = spec.data_source.take().filter(known);
}

/// Fills the one of `dataSource` and `dataSourceRef` that is absent from the other.
fn normalize_data_sources(spec: &mut PersistentVolumeClaimSpec) {
    match (&spec.data_source, &spec.data_source_ref) {
        (Some(source), None) => {
            spec.data_source_ref = Some(TypedObjectReference {
                api_group: source.api_group.clone(),
                kind: source.kind.clone(),
                name: source.name.clone(),
                namespace: None,
            });
        }
        (None, Some(source)) if text(&source.namespace).is_empty() => {
            spec.data_source = Some(TypedLocalObjectReference {
                api_group: source.api_group.clone(),
                kind: source.kind.clone(),
                name: source.name.clone(),
            });
        }
        _ => {}
    }
}

fn warnings(claim: &PersistentVolumeClaim) -> Vec<String> {
    let mut warnings = Vec::new();
    if annotation_of(&claim.metadata, BETA_STORAGE_CLASS_ANNOTATION).is_some() {
        warnings.push(format!(
            "metadata.annotations[{BETA_STORAGE_CLASS_ANNOTATION}]: deprecated since v1.8; use \"storageClassName\" \
             attribute instead"
        ));
    }
    if let Some(spec) = &claim.spec {
        warnings.extend(get_warnings_for_persistent_volume_claim_spec(spec, "spec"));
    }
    warnings
}

/// Mirrors `GetWarningsForPersistentVolumeClaimSpec`; for claim templates too.
pub fn get_warnings_for_persistent_volume_claim_spec(spec: &PersistentVolumeClaimSpec, path: &str) -> Vec<String> {
    let resources = spec.resources.clone().unwrap_or_default();
    let fraction = |list: &Option<ResourceList>, field: &str| {
        let quantity = Quantity::try_from(list.as_ref()?.get("storage")?).ok()?;
        (quantity.milli_value() % 1000 != 0).then(|| {
            let value = quantity.to_string();
            format!("{path}.resources.{field}[storage]: fractional byte value {value:?} is invalid, must be an integer")
        })
    };
    [fraction(&resources.requests, "requests"), fraction(&resources.limits, "limits")].into_iter().flatten().collect()
}

/// The class that a claim asks for: `""` for volumes without one, none where it leaves the choice to the cluster.
/// Mirrors `GetPersistentVolumeClaimClass` and `PersistentVolumeClaimHasClass`.
pub fn requested_class(claim: &PersistentVolumeClaim) -> Option<&str> {
    let class = claim.spec.as_ref().and_then(|s| s.storage_class_name.as_deref());
    annotation_of(&claim.metadata, BETA_STORAGE_CLASS_ANNOTATION).or(class)
}

/// The class of a claim, `""` for none; mirrors `GetPersistentVolumeClaimClass`.
pub fn get_persistent_volume_claim_class(claim: &PersistentVolumeClaim) -> &str {
    requested_class(claim).unwrap_or_default()
}
