//! A DaemonSet's history: a ControllerRevision for each template that it has had.
//!
//! Mirrors `constructHistory`, `snapshot` and `cleanupHistory` of `pkg/controller/daemon/update.go`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::k8s::api::apps::v1::{ControllerRevision, DaemonSet};
use crate::api::k8s::apimachinery::pkg::runtime::RawExtension;
use crate::api::object::{controller_of, new_controller_ref};
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectMeta};
use crate::controllers::{Action, Deletion, Write, pods};
use crate::kinds::shared::rollout::revision_data;
use crate::store::{Index, View};

/// The label that holds a revision's hash, on the revision and on its pods.
pub(super) const LABEL_HASH: &str = "controller-revision-hash";

/// The revision of the present template, and what to write so that it is there.
pub(super) struct Histories {
    current: ControllerRevision,
    /// How often a name was taken by another content.
    pub(super) collision_count: Option<i32>,
    /// What comes first.
    pub(super) actions: Vec<Action>,
    /// The deletions of old revisions.
    pub(super) clean_up: Vec<Action>,
}

impl Histories {
    /// The hash that the pods of the present template bear.
    pub(super) fn hash(&self) -> String {
        let labels = self.current.metadata.labels.as_ref();
        labels.and_then(|l| l.get(LABEL_HASH)).cloned().unwrap_or_default()
    }

    /// Finds the revision of the present template among the set's, or makes it.
    pub(super) fn construct(view: &View<'_>, owner: &Arc<Object>, set: &DaemonSet, selector: &Selector) -> Histories {
        let owned = view.indexed(Kind::ControllerRevision, Index::Owner, owner.uid());
        let orphans = view.indexed(Kind::ControllerRevision, Index::Orphan, owner.namespace());
        let candidates = owned.filter(|o| controller_of(o.meta()).is_some()).chain(orphans);
        let claimed = pods::claim(owner, candidates, |o| selector.matches(o.meta().labels.as_ref()));
        let mut actions = claimed.actions;
        let template = set.spec.as_ref().map(|s| s.template.clone()).unwrap_or_default();
        let data = revision_data(&template);
        let revisions = claimed.objects.iter().filter_map(|o| o.get::<ControllerRevision>());
        let (same, mut old): (Vec<_>, Vec<_>) = revisions.partition(|r| r.data.as_ref().is_some_and(|d| d.0 == data));
        let next = old.iter().map(|r| r.revision).max().unwrap_or(0) + 1;
        let mut collision_count = set.status.as_ref().and_then(|s| s.collision_count);
        let current = match same.into_iter().max_by_key(|r| r.revision) {
            // OBSERVATION: the set was rolled back: an old revision becomes the newest.
            Some(found) if found.revision < next => {
                let mut renumbered = found.clone();
                renumbered.revision = next;
                actions.push(Write::update(renumbered.clone()).action());
                renumbered
            }
            Some(found) => found.clone(),
            None => loop {
                let hash = pods::compute_hash(&template, collision_count);
                let revision = snapshot(owner, set, RawExtension(data.clone()), next, &hash);
                let name = revision.metadata.name.as_deref().unwrap_or_default();
                match view.get_as::<ControllerRevision>(owner.namespace(), name) {
                    None => {
                        actions.push(Write::create(revision.clone()).action());
                        break revision;
                    }
                    Some(there) if there.data == revision.data => break there.clone(),
                    Some(_) => collision_count = Some(collision_count.unwrap_or(0) + 1),
                }
            },
        };
        old.sort_by_key(|r| r.revision);
        let clean_up = cleanup_history(view, owner, set, &old, &current);
        Histories { current, collision_count, actions, clean_up }
    }
}

fn snapshot(owner: &Object, set: &DaemonSet, data: RawExtension, revision: i64, hash: &str) -> ControllerRevision {
    let template_meta = set.spec.as_ref().and_then(|s| s.template.metadata.clone()).unwrap_or_default();
    let mut labels = template_meta.labels.unwrap_or_default();
    labels.insert(LABEL_HASH.into(), hash.to_string());
    ControllerRevision {
        metadata: ObjectMeta {
            name: Some(format!("{}-{hash}", owner.name())),
            namespace: set.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: set.metadata.annotations.clone().filter(|a| !a.is_empty()),
            owner_references: Some(vec![new_controller_ref(owner)]),
            ..Default::default()
        },
        data: Some(data),
        revision,
    }
}

/// The deletions of the oldest revisions that no pod has, beyond the limit.
fn cleanup_history(
    view: &View<'_>,
    owner: &Object,
    set: &DaemonSet,
    old: &[&ControllerRevision],
    current: &ControllerRevision,
) -> Vec<Action> {
    let limit = set.spec.as_ref().and_then(|s| s.revision_history_limit).unwrap_or(10);
    let excess = old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    let pods = view.indexed(Kind::Pod, Index::Owner, owner.uid());
    let mut live: BTreeSet<&str> = pods.filter_map(|p| p.label(LABEL_HASH)).collect();
    live.extend(current.metadata.labels.as_ref().and_then(|l| l.get(LABEL_HASH)).map(String::as_str));
    let hash = |r: &ControllerRevision| r.metadata.labels.as_ref().and_then(|l| l.get(LABEL_HASH)).cloned();
    let dead = old.iter().filter(|r| !hash(r).is_some_and(|h| live.contains(h.as_str())));
    dead.take(excess)
        .map(|r| {
            let deletion = Deletion { uid: None, ..Deletion::of(&Object::from((*r).clone())) };
            pods::tolerating_gone(Write::Delete(deletion))
        })
        .collect()
}
