//! `kubectl describe pvc`.

use std::collections::BTreeSet;

use crate::api::k8s::api::core::v1::{PersistentVolumeClaim, Pod};
use crate::api::time::{rfc1123z, translate_timestamp_since};
use crate::api::{Kind, ObjectKey};
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::core::persistent_volume_claim::{get_persistent_volume_claim_class, shown_capacity_and_modes};
use crate::kinds::core::pod::volumes::list;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{
    describe_events_of, print_annotations_multiline, print_labels_multiline, print_lines,
};

/// Mirrors `describePersistentVolumeClaim`.
pub(super) fn describe_persistent_volume_claim(
    claim: &PersistentVolumeClaim,
    d: &mut Description,
    context: &PrintContext<'_>,
) {
    let (meta, spec) = (&claim.metadata, claim.spec.clone().unwrap_or_default());
    let status = claim.status.clone().unwrap_or_default();
    d.field(0, "Name", text(&meta.name));
    d.field(0, "Namespace", text(&meta.namespace));
    d.field(0, "StorageClass", get_persistent_volume_claim_class(claim));
    match &meta.deletion_timestamp {
        Some(since) => {
            let age = translate_timestamp_since(Some(since), context.now);
            d.field(0, "Status", format!("Terminating (lasts {age})"));
        }
        None => d.field(0, "Status", text(&status.phase)),
    }
    d.field(0, "Volume", text(&spec.volume_name));
    print_labels_multiline(d, "Labels", &meta.labels);
    print_annotations_multiline(d, "Annotations", &meta.annotations);
    d.field(0, "Finalizers", list(items(&meta.finalizers)));
    let (capacity, modes) = shown_capacity_and_modes(claim);
    d.field(0, "Capacity", capacity);
    d.field(0, "Access Modes", modes);
    if let Some(mode) = &spec.volume_mode {
        d.field(0, "VolumeMode", mode);
    }
    if let Some(source) = &spec.data_source {
        d.write(0, "DataSource:\n");
        if let Some(group) = &source.api_group {
            d.field(1, "APIGroup", group);
        }
        d.field(1, "Kind", &source.kind);
        d.field(1, "Name", &source.name);
    }
    print_lines(d, "", "Used By", "\t", get_pods_for_pvc(claim, context).into_iter());
    if let Some(conditions) = status.conditions.filter(|c| !c.is_empty()) {
        d.write(0, "Conditions:\n");
        d.write(1, "Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage\n");
        d.write(1, "----\t------\t-----------------\t------------------\t------\t-------\n");
        for c in conditions {
            d.write(
                1,
                format!(
                    "{} \t{} \t{} \t{} \t{} \t{}\n",
                    c.type_,
                    c.status,
                    rfc1123z(c.last_probe_time.as_ref()),
                    rfc1123z(c.last_transition_time.as_ref()),
                    text(&c.reason),
                    text(&c.message)
                ),
            );
        }
    }
    describe_events_of(d, meta, context);
}

/// The pods that use a claim by name, and those that own it (its generic ephemeral volumes), by name.
fn get_pods_for_pvc(claim: &PersistentVolumeClaim, context: &PrintContext<'_>) -> BTreeSet<String> {
    let (namespace, name) = (text(&claim.metadata.namespace), text(&claim.metadata.name));
    let uses = |pod: &Pod| {
        let volumes = pod.spec.iter().flat_map(|s| items(&s.volumes));
        volumes.filter_map(|v| v.persistent_volume_claim.as_ref()).any(|c| c.claim_name == name)
    };
    let users = context.lister.pods_using_claim(namespace, name);
    let users = users.iter().filter(|o| o.get::<Pod>().is_some_and(uses)).map(|o| o.name().to_string());
    let owners = claim.metadata.owner_references.iter().flatten().filter(|o| o.kind == "Pod");
    let owners = owners.filter(|o| {
        let pod = context.lister.get(&ObjectKey::new(Kind::Pod, namespace, &o.name));
        pod.is_some_and(|pod| pod.uid() == o.uid)
    });
    users.chain(owners.map(|o| o.name.clone())).collect()
}
