//! The order of objects: as they were read, or by kinds.
//!
//! Mirrors `SortOrderTransformer` of `sigs.k8s.io/kustomize/api`.

use super::Failed;
use super::id::ResId;
use super::kustomization::{LegacySortOptions, SortOptions};
use super::res_map::append;
use super::resource::Resource;

/// What is said where two orders are given.
pub(super) const WARNING: &str = "Warning: Sorting order is set both in 'kustomization.yaml' ('sortOptions') and in a \
     CLI flag ('--reorder'). Using the kustomization file over the CLI flag.";

const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Where a kind stands among the others: below 0 before them, above 0 behind them.
pub(super) fn rank(kind: &str) -> i64 {
    rank_among(kind, &FIRST, &LAST)
}

fn rank_among(kind: &str, first: &[impl AsRef<str>], last: &[impl AsRef<str>]) -> i64 {
    let place = |list: &[_]| list.iter().rposition(|known: &&str| *known == kind);
    let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
    let last: Vec<&str> = last.iter().map(AsRef::as_ref).collect();
    match (place(&last), place(&first)) {
        (Some(place), _) => 1 + place as i64,
        (_, Some(place)) => place as i64 - first.len() as i64,
        _ => 0,
    }
}

/// The order by kinds, with kustomize's own list of them.
pub(super) fn legacy() -> SortOptions {
    SortOptions { order: "legacy".into(), legacy_sort_options: None }
}

/// Sorts the objects.
pub(super) fn sort(resources: &mut Vec<Resource>, options: &SortOptions) -> Result<(), Failed> {
    let kinds = &options.legacy_sort_options;
    match options.order.as_str() {
        "legacy" => {}
        "fifo" if kinds.is_none() => return Ok(()),
        "fifo" => {
            let text =
                "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'";
            return Err(Failed::new(text));
        }
        _ => return Err(Failed::new("the field 'sortOptions.order' must be one of [fifo, legacy]")),
    }
    let rank = |kind: &str| match kinds {
        Some(LegacySortOptions { order_first, order_last }) => rank_among(kind, order_first, order_last),
        None => rank(kind),
    };
    resources.sort_by_cached_key(|resource| {
        let id = resource.id();
        (rank(&id.gvk.kind), id.gvk.sort_text(), sort_text(&id))
    });
    for resource in std::mem::take(resources) {
        append(resources, resource).map_err(|e| e.within("SortOrderTransformer: Failed to append to resources"))?;
    }
    Ok(())
}

fn sort_text(id: &ResId) -> String {
    let or = |text: &str, none: &str| if text.is_empty() { none.to_string() } else { text.to_string() };
    format!("{}|{}|{}", id.gvk, or(&id.namespace, "~X"), or(&id.name, "~N"))
}
