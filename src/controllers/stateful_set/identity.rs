//! Which pod is which: ordinals, names, and the claims that a pod of a StatefulSet must have.
//!
//! Mirrors `pkg/controller/statefulset/stateful_set_utils.go`.

use std::collections::BTreeMap;

use crate::api::k8s::api::apps::v1::StatefulSet;
use crate::api::k8s::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, Volume};

/// The label that holds a pod's own name.
const LABEL_POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
/// The label that holds a pod's ordinal.
const LABEL_POD_INDEX: &str = "apps.kubernetes.io/pod-index";
/// The label that holds the name of a pod's revision.
const LABEL_REVISION: &str = "controller-revision-hash";

/// The name of a set.
pub(super) fn name(set: &StatefulSet) -> &str {
    set.metadata.name.as_deref().unwrap_or_default()
}

/// How many replicas the set wants.
pub(super) fn wanted(set: &StatefulSet) -> i32 {
    set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1)
}

/// How many seconds a pod must be ready to be available.
pub(super) fn min_ready_seconds(set: &StatefulSet) -> i32 {
    set.spec.as_ref().and_then(|s| s.min_ready_seconds).unwrap_or(0)
}

/// Whether pods start and stop without regard to each other.
pub(super) fn allows_burst(set: &StatefulSet) -> bool {
    set.spec.as_ref().and_then(|s| s.pod_management_policy.as_deref()) == Some("Parallel")
}

/// Parent and ordinal as a pod's name says; none when it does not end in a number.
pub(super) fn parent_and_ordinal(pod: &Pod) -> Option<(&str, i32)> {
    let (parent, digits) = pod.metadata.name.as_deref()?.rsplit_once('-')?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((parent, digits.parse().unwrap_or(-1)))
}

/// The ordinal of a pod; -1 for none.
pub(super) fn ordinal(pod: &Pod) -> i32 {
    parent_and_ordinal(pod).map_or(-1, |(_, ordinal)| ordinal)
}

/// The first ordinal.
pub(super) fn start_ordinal(set: &StatefulSet) -> i32 {
    set.spec.as_ref().and_then(|s| s.ordinals.as_ref()).and_then(|o| o.start).unwrap_or(0)
}

/// Whether the set is to have a pod of that ordinal.
pub(super) fn pod_in_ordinal_range(pod: &Pod, set: &StatefulSet) -> bool {
    let (start, ordinal) = (i64::from(start_ordinal(set)), i64::from(ordinal(pod)));
    (start..start + i64::from(wanted(set))).contains(&ordinal)
}

/// The name of the set's pod of an ordinal.
pub(super) fn pod_name(set: &StatefulSet, ordinal: i32) -> String {
    format!("{}-{ordinal}", name(set))
}

/// The claim templates.
pub(super) fn claim_templates(set: &StatefulSet) -> &[PersistentVolumeClaim] {
    set.spec.as_ref().and_then(|s| s.volume_claim_templates.as_deref()).unwrap_or_default()
}

/// The name of the claim that a template gives to the pod of an ordinal.
pub(super) fn get_persistent_volume_claim_name(
    set: &StatefulSet,
    template: &PersistentVolumeClaim,
    ordinal: i32,
) -> String {
    format!("{}-{}-{ordinal}", template.metadata.name.as_deref().unwrap_or_default(), name(set))
}

/// Whether a pod's name says that it is the set's.
pub(super) fn is_member_of(set: &StatefulSet, pod: &Pod) -> bool {
    parent_and_ordinal(pod).map_or("", |(parent, _)| parent) == name(set)
}

/// Whether a pod has the identity that the set gives it.
pub(super) fn identity_matches(set: &StatefulSet, pod: &Pod) -> bool {
    let Some((parent, ordinal)) = parent_and_ordinal(pod) else { return false };
    let name = pod.metadata.name.as_deref();
    ordinal >= 0
        && parent == self::name(set)
        && name.is_some_and(|name| ends_in(name, ordinal))
        && label(pod, LABEL_POD_NAME) == name
}

/// Whether a name ends in an ordinal as it is written, without zeros before it. A set looks at all its pods whenever one
/// changes, so that nothing here makes texts.
fn ends_in(name: &str, ordinal: i32) -> bool {
    let digits = name.rsplit('-').next().unwrap_or_default();
    digits.parse() == Ok(ordinal) && (digits.len() == 1 || !digits.starts_with(['0', '+']))
}

/// What follows a part of a name and its hyphen.
fn after<'n>(name: &'n str, part: &str) -> Option<&'n str> {
    name.strip_prefix(part)?.strip_prefix('-')
}

/// Whether a pod uses the claims that the set gives it.
pub(super) fn storage_matches(set: &StatefulSet, pod: &Pod) -> bool {
    let ordinal = ordinal(pod);
    if ordinal < 0 {
        return false;
    }
    let volumes = pod.spec.as_ref().and_then(|s| s.volumes.as_deref()).unwrap_or_default();
    claim_templates(set).iter().all(|template| {
        let volume = volumes.iter().find(|v| Some(&v.name) == template.metadata.name.as_ref());
        let claim = volume.and_then(|v| v.persistent_volume_claim.as_ref());
        let prefix = template.metadata.name.as_deref().unwrap_or_default();
        // As `get_persistent_volume_claim_name` makes it.
        let digits = claim.and_then(|c| after(after(&c.claim_name, prefix)?, name(set)));
        digits.is_some_and(|digits| !digits.contains('-') && ends_in(digits, ordinal))
    })
}

/// Gives a pod the labels of its identity. Mirrors `updateIdentity`.
pub(super) fn update_identity(set: &StatefulSet, pod: &mut Pod) {
    let ordinal = ordinal(pod);
    let name = pod_name(set, ordinal);
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(LABEL_POD_NAME.into(), name.clone());
    labels.insert(LABEL_POD_INDEX.into(), ordinal.to_string());
    pod.metadata.name = Some(name);
    pod.metadata.namespace = set.metadata.namespace.clone();
}

/// Gives a pod its claims; volumes of the template with the names of claim templates give way. Mirrors `updateStorage`.
pub(super) fn update_storage(set: &StatefulSet, pod: &mut Pod) {
    let ordinal = ordinal(pod);
    let templates = claim_templates(set);
    let mut volumes: Vec<Volume> = templates
        .iter()
        .map(|template| Volume {
            name: template.metadata.name.clone().unwrap_or_default(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: get_persistent_volume_claim_name(set, template, ordinal),
                read_only: None,
            }),
            ..Default::default()
        })
        .collect();
    let spec = pod.spec.get_or_insert_default();
    let own = spec.volumes.take().unwrap_or_default();
    volumes.extend(own.into_iter().filter(|v| !templates.iter().any(|t| t.metadata.name.as_ref() == Some(&v.name))));
    spec.volumes = Some(volumes).filter(|v| !v.is_empty());
}

/// The claims that the pod of an ordinal needs. Mirrors `getPersistentVolumeClaims`.
pub(super) fn get_persistent_volume_claims(set: &StatefulSet, ordinal: i32) -> Vec<PersistentVolumeClaim> {
    let selected: BTreeMap<String, String> =
        set.spec.as_ref().and_then(|s| s.selector.match_labels.clone()).unwrap_or_default();
    let claim = |template: &PersistentVolumeClaim| {
        let mut claim = template.clone();
        claim.metadata.name = Some(get_persistent_volume_claim_name(set, template, ordinal));
        claim.metadata.namespace = set.metadata.namespace.clone();
        claim.metadata.labels.get_or_insert_default().extend(selected.clone());
        claim.metadata.labels = claim.metadata.labels.take().filter(|l| !l.is_empty());
        claim
    };
    claim_templates(set).iter().map(claim).collect()
}

/// The name of the revision that a pod was made from; empty for none.
pub(super) fn pod_revision(pod: &Pod) -> &str {
    label(pod, LABEL_REVISION).unwrap_or_default()
}

/// Notes the revision that a pod is made from.
pub(super) fn set_pod_revision(pod: &mut Pod, revision: &str) {
    pod.metadata.labels.get_or_insert_default().insert(LABEL_REVISION.into(), revision.to_string());
}

fn label<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// A pod's own name.
pub(super) fn pod_name_of(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}
