//! What is wrong with the claim of an ephemeral volume. Mirrors `ValidatePersistentVolumeClaimTemplate`.

use std::collections::BTreeMap;

use super::resources::validate_resource_quantity;
use crate::api::k8s::api::core::v1::{PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate};
use crate::api::names;
use crate::api::quantity::amount;
use crate::api::selector::{validate_label_selector, validate_labels};
use crate::kinds::access::{items, text};
use crate::kinds::faults::{Faults, at};
use crate::kinds::meta::validate_annotations;

pub(super) fn validate(template: &PersistentVolumeClaimTemplate, path: &str, faults: &mut Faults) {
    let none = BTreeMap::new();
    let (meta, here) = (template.metadata.clone().unwrap_or_default(), at(path, "metadata"));
    faults.extend(validate_annotations(meta.annotations.as_ref().unwrap_or(&none), &at(&here, "annotations")));
    faults.extend(validate_labels(meta.labels.as_ref().unwrap_or(&none), &at(&here, "labels")));
    let set = [
        ("name", meta.name.is_some()),
        ("generateName", meta.generate_name.is_some()),
        ("namespace", meta.namespace.is_some()),
        ("selfLink", meta.self_link.is_some()),
        ("uID", meta.uid.is_some()),
        ("resourceVersion", meta.resource_version.is_some()),
        ("generation", meta.generation.is_some()),
        ("creationTimestamp", meta.creation_timestamp.is_some()),
        ("deletionTimestamp", meta.deletion_timestamp.is_some()),
        ("deletionGracePeriodSeconds", meta.deletion_grace_period_seconds.is_some()),
        ("ownerReferences", meta.owner_references.is_some()),
        ("finalizers", meta.finalizers.is_some()),
        ("managedFields", meta.managed_fields.is_some()),
    ];
    for (name, _) in set.into_iter().filter(|(_, set)| *set) {
        faults.forbidden(&here, name, "cannot be set");
    }
    validate_spec(&template.spec, &at(path, "spec"), faults);
}

fn validate_spec(spec: &PersistentVolumeClaimSpec, path: &str, faults: &mut Faults) {
    let modes = items(&spec.access_modes);
    if modes.is_empty() {
        faults.required_for(path, "accessModes", "at least 1 access mode is required");
    }
    if let Some(selector) = &spec.selector {
        faults.extend(validate_label_selector(selector, &at(path, "selector")));
    }
    let supported = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    for mode in modes {
        faults.one_of(path, "accessModes", mode, &supported);
    }
    let once = modes.iter().filter(|m| *m == "ReadWriteOncePod").count();
    let others = modes.iter().any(|m| m != "ReadWriteOncePod" && supported.contains(&m.as_str()));
    if once > 0 && others {
        faults.forbidden(path, "accessModes", "may not use ReadWriteOncePod with other access modes");
    }
    let here = format!("{path}.resources[storage]");
    match amount(spec.resources.as_ref().and_then(|r| r.requests.as_ref()), "storage") {
        None => faults.required(&here, ""),
        Some(q) if q.sign() <= 0 => faults.invalid(&here, "", q.to_string(), "must be greater than zero"),
        Some(q) => validate_resource_quantity("storage", q, &here, faults),
    }
    if let Some(class) = spec.storage_class_name.as_ref().filter(|c| !c.is_empty()) {
        faults.all_invalid(path, "storageClassName", class, names::dns1123_subdomain(class));
    }
    if spec.volume_mode.is_some() {
        faults.one_of(path, "volumeMode", text(&spec.volume_mode), &["Block", "Filesystem"]);
    }
    if let Some(source) = &spec.data_source {
        let here = at(path, "dataSource");
        faults.require(&here, "name", &source.name);
        faults.require(&here, "kind", &source.kind);
        if text(&source.api_group).is_empty() && source.kind != "PersistentVolumeClaim" {
            let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
            faults.invalid(&here, "", &source.kind, detail);
        }
    }
}
