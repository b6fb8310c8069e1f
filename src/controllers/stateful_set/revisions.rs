//! A StatefulSet's history: a ControllerRevision for each pod template that it has had.
//!
//! Mirrors `pkg/controller/history/controller_history.go` and its use in `stateful_set_control.go`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::identity::pod_revision;
use crate::api::k8s::api::apps::v1::{ControllerRevision, StatefulSet};
use crate::api::k8s::api::core::v1::Pod;
use crate::api::k8s::apimachinery::pkg::runtime::RawExtension;
use crate::api::object::{controller_of, new_controller_ref};
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectMeta, names};
use crate::controllers::{Action, Deletion, Write, pods};
use crate::kinds::shared::rollout::{revision_data, template_of};
use crate::store::{Index, View};

/// The label that holds a revision's hash.
const LABEL_HASH: &str = "controller.kubernetes.io/hash";

/// What a set was and what it shall be.
pub(super) struct Revisions {
    /// The revision that the set has been rolled out to.
    pub(super) current: ControllerRevision,
    /// The revision that it is being rolled out to.
    pub(super) update: ControllerRevision,
    /// How often a name was taken by another content.
    pub(super) collision_count: i32,
    /// The writes that make it so.
    pub(super) actions: Vec<Action>,
}

/// The set's revisions and orphans that match, oldest first. Mirrors `ListControllerRevisions`.
pub(super) fn list<'a>(view: &View<'a>, set: &Object, selector: &Selector) -> Vec<&'a Arc<Object>> {
    let owned = view.indexed(Kind::ControllerRevision, Index::Owner, set.uid());
    let orphans = view.indexed(Kind::ControllerRevision, Index::Orphan, set.namespace());
    let mut all: Vec<&'a Arc<Object>> = owned.filter(|o| controller_of(o.meta()).is_some()).chain(orphans).collect();
    all.retain(|o| {
        let controller = controller_of(o.meta());
        controller.is_none_or(|c| c.uid == set.uid()) && selector.matches(o.meta().labels.as_ref())
    });
    sort(&mut all);
    all
}

fn sort(revisions: &mut [&Arc<Object>]) {
    revisions.sort_by(|a, b| {
        let number = |o: &Arc<Object>| o.get::<ControllerRevision>().map_or(0, |r| r.revision);
        let made = |o: &Arc<Object>| o.meta().creation_timestamp.as_ref().map(|t| t.0);
        number(a).cmp(&number(b)).then(made(a).cmp(&made(b))).then(a.name().cmp(b.name()))
    });
}

/// The writes that adopt orphaned revisions.
pub(super) fn adopt_orphan_revisions(set: &Object, revisions: &[&Arc<Object>]) -> Vec<Action> {
    let orphaned = revisions.iter().filter(|o| controller_of(o.meta()).is_none());
    let adopt = |object: &&Arc<Object>| {
        let mut adopted = Object::clone(object);
        adopted.meta_mut().owner_references.get_or_insert_default().push(new_controller_ref(set));
        pods::tolerating_gone(Write::update(adopted))
    };
    if set.is_terminating() { Vec::new() } else { orphaned.map(adopt).collect() }
}

/// The patch as Go's `json.Marshal` spells it, which the revision's name is made from.
fn go_json(tree: &Value) -> String {
    let mut text = String::new();
    for c in tree.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", c as u32)),
            c => text.push(c),
        }
    }
    text
}

fn revision_name(set: &StatefulSet, data: &Value, collision_count: i32) -> (String, String) {
    let probe = format!("{}{collision_count}", go_json(data));
    let hash = names::safe_encode_string(&names::fnv32(probe.as_bytes()).to_string());
    let mut prefix = super::identity::name(set);
    if prefix.len() > 223 {
        prefix = &prefix[..223];
    }
    (format!("{prefix}-{hash}"), hash)
}

/// A revision of the set's present template. Mirrors `newRevision`.
fn new_revision(
    owner: &Object,
    set: &StatefulSet,
    data: Value,
    revision: i64,
    collision_count: i32,
) -> ControllerRevision {
    let (name, hash) = revision_name(set, &data, collision_count);
    let template_labels = set.spec.as_ref().and_then(|s| s.template.metadata.as_ref()).and_then(|m| m.labels.clone());
    let mut labels = template_labels.unwrap_or_default();
    labels.insert(LABEL_HASH.into(), hash);
    ControllerRevision {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: set.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: set.metadata.annotations.clone().filter(|a| !a.is_empty()),
            owner_references: Some(vec![new_controller_ref(owner)]),
            ..Default::default()
        },
        data: Some(RawExtension(data)),
        revision,
    }
}

/// The current and the update revision of a set; the latter is made or renumbered where needed. `revisions` are
/// sorted. Mirrors `getStatefulSetRevisions`.
pub(super) fn get_stateful_set_revisions(
    view: &View<'_>,
    owner: &Object,
    set: &StatefulSet,
    revisions: &[&Arc<Object>],
) -> Revisions {
    let history: Vec<&ControllerRevision> = revisions.iter().filter_map(|o| o.get::<ControllerRevision>()).collect();
    let status = set.status.as_ref();
    let mut collision_count = status.and_then(|s| s.collision_count).unwrap_or(0);
    let data = revision_data(&set.spec.as_ref().map(|s| s.template.clone()).unwrap_or_default());
    let next = history.last().map_or(1, |r| r.revision + 1);
    let equal = history.iter().rev().find(|r| r.data.as_ref().is_some_and(|d| d.0 == data));
    let mut actions = Vec::new();
    let update = match (equal, history.last()) {
        // OBSERVATION: the newest revision has the present template: nothing has changed.
        (Some(equal), Some(last)) if equal.data == last.data => (*last).clone(),
        // OBSERVATION: an older one has it: the set was rolled back, and that revision becomes the newest.
        (Some(equal), _) => {
            let mut renumbered = (*equal).clone();
            renumbered.revision = next;
            actions.push(Write::update(renumbered.clone()).action());
            renumbered
        }
        (None, _) => loop {
            let revision = new_revision(owner, set, data.clone(), next, collision_count);
            let name = revision.metadata.name.clone().unwrap_or_default();
            let taken = view.get_as::<ControllerRevision>(owner.namespace(), &name);
            match taken {
                None => {
                    actions.push(Write::create(revision.clone()).action());
                    break revision;
                }
                Some(there) if there.data == revision.data => break there.clone(),
                // OBSERVATION: another content has that name.
                Some(_) => collision_count += 1,
            }
        },
    };
    let named = status.and_then(|s| s.current_revision.as_ref());
    let current = history.iter().find(|r| r.metadata.name.as_ref() == named).map(|r| (*r).clone());
    Revisions { current: current.unwrap_or_else(|| update.clone()), update, collision_count, actions }
}

/// The set as it was at a revision. Mirrors `ApplyRevision`.
pub(super) fn apply_revision(set: &StatefulSet, revision: &ControllerRevision) -> StatefulSet {
    let mut restored = set.clone();
    if let Some((spec, template)) = restored.spec.as_mut().zip(template_of(revision)) {
        spec.template = template;
    }
    restored
}

/// The deletions of the oldest revisions that neither the set nor a pod needs, beyond the limit.
pub(super) fn truncate_history<'a>(
    set: &StatefulSet,
    pods: impl Iterator<Item = &'a Pod>,
    history: &[&Arc<Object>],
    found: &Revisions,
) -> Vec<Action> {
    let limit = set.spec.as_ref().and_then(|s| s.revision_history_limit).unwrap_or(10);
    let Ok(limit) = usize::try_from(limit) else { return Vec::new() };
    if history.len() <= limit {
        return Vec::new();
    }
    let mut live: BTreeSet<&str> = pods.map(pod_revision).collect();
    live.extend([&found.current, &found.update].iter().filter_map(|r| r.metadata.name.as_deref()));
    let dead: Vec<&&Arc<Object>> = history.iter().filter(|o| !live.contains(o.name())).collect();
    let excess = dead.len().saturating_sub(limit);
    dead[..excess].iter().map(|o| Write::Delete(Deletion::of(o)).action()).collect()
}
