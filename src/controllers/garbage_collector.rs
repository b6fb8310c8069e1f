//! The garbage collector: what an owner leaves behind goes after it, before it, or stays without it.
//!
//! Mirrors `pkg/controller/garbagecollector`. Where the original keeps a graph of all objects, the store's index of
//! owners answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::object::{FINALIZER_FOREGROUND, FINALIZER_ORPHAN};
use crate::api::{Kind, Object, ObjectKey, OwnerReference, Time};
use crate::controllers::pods::tolerating_gone;
use crate::controllers::{Controller, Deletion, Outcome, Propagation, Write};
use crate::store::{Change, View};

/// The garbage collector. Its keys are of any kind.
pub(super) struct GarbageCollector;

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbagecollector"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind == Kind::Event {
            return;
        }
        let old = change.old.as_deref();
        let Some(new) = change.new.as_deref() else {
            let Some(old) = old else { return };
            view.dependents(old.uid()).into_iter().for_each(|d| enqueue(d.key()));
            enqueue_waiting_owners(view, old, enqueue);
            return;
        };
        let was = |question: fn(&Object) -> bool| old.is_some_and(question);
        if is_deleting_dependents(new) && !was(is_deleting_dependents) {
            view.dependents(new.uid()).into_iter().for_each(|d| enqueue(d.key()));
            enqueue(change.key.clone());
        }
        if is_orphaning_dependents(new) && !was(is_orphaning_dependents) {
            enqueue(change.key.clone());
        }
        let owners_before = old.and_then(|o| o.meta().owner_references.as_ref());
        if owners_before != new.meta().owner_references.as_ref() {
            if !references(new).iter().all(|r| matches!(classify(view, new, r), Owner::Solid | Owner::Unknown)) {
                enqueue(change.key.clone());
            }
            old.into_iter().for_each(|old| enqueue_waiting_owners(view, old, enqueue));
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(item) = view.get(key) else { return outcome };
        if is_orphaning_dependents(item) {
            orphan_dependents(view, item, &mut outcome);
        } else if is_deleting_dependents(item) {
            process_deleting_dependents_item(view, item, &mut outcome);
        } else if !item.is_terminating() {
            attempt_to_delete_item(view, item, &mut outcome);
        }
        outcome
    }
}

fn has_finalizer(object: &Object, name: &str) -> bool {
    object.meta().finalizers.iter().flatten().any(|f| f == name)
}

fn is_deleting_dependents(object: &Object) -> bool {
    object.is_terminating() && has_finalizer(object, FINALIZER_FOREGROUND)
}

fn is_orphaning_dependents(object: &Object) -> bool {
    object.is_terminating() && has_finalizer(object, FINALIZER_ORPHAN)
}

fn references(object: &Object) -> &[OwnerReference] {
    object.meta().owner_references.as_deref().unwrap_or_default()
}

/// Owners that wait for their dependents look again whether any of them still holds them.
fn enqueue_waiting_owners(view: &View<'_>, dependent: &Object, enqueue: &mut dyn FnMut(ObjectKey)) {
    for reference in references(dependent) {
        if let Some(owner) = owner_of(view, dependent, reference)
            && is_deleting_dependents(owner)
        {
            enqueue(owner.key());
        }
    }
}

/// What an owner reference leads to.
#[derive(PartialEq)]
enum Owner {
    /// An owner that stays for now.
    Solid,
    /// None: it is gone, or another object has its name.
    Dangling,
    /// An owner that goes once its dependents are gone.
    Waiting,
    /// A kind that the cluster does not know, or an owner that the object can't have.
    Unknown,
}

fn owner_of<'a>(view: &View<'a>, item: &Object, reference: &OwnerReference) -> Option<&'a Arc<Object>> {
    let key = owner_key(item, reference)?;
    view.get(&key).filter(|owner| owner.uid() == reference.uid)
}

fn owner_key(item: &Object, reference: &OwnerReference) -> Option<ObjectKey> {
    let group = reference.api_version.split_once('/').map_or("", |(group, _)| group);
    let kind = Kind::from_group_kind(group, &reference.kind)?;
    match (kind.is_namespaced(), item.namespace()) {
        // A cluster's object can't belong to one of a namespace.
        (true, "") => None,
        (true, namespace) => Some(ObjectKey::new(kind, namespace, &reference.name)),
        (false, _) => Some(ObjectKey::cluster(kind, &reference.name)),
    }
}

/// Mirrors `isDangling` and `classifyReferences`.
fn classify(view: &View<'_>, item: &Object, reference: &OwnerReference) -> Owner {
    if owner_key(item, reference).is_none() {
        return Owner::Unknown;
    }
    match owner_of(view, item, reference) {
        None => Owner::Dangling,
        Some(owner) if is_deleting_dependents(owner) => Owner::Waiting,
        Some(_) => Owner::Solid,
    }
}

/// Deletes an object that has lost all its owners. Mirrors `attemptToDeleteItem`.
fn attempt_to_delete_item(view: &View<'_>, item: &Arc<Object>, outcome: &mut Outcome) {
    let owners: Vec<(&OwnerReference, Owner)> = references(item).iter().map(|r| (r, classify(view, item, r))).collect();
    let any = |kind: Owner| owners.iter().any(|(_, owner)| *owner == kind);
    if owners.is_empty() || any(Owner::Unknown) {
        return;
    }
    if any(Owner::Solid) {
        let lost: BTreeSet<&str> =
            owners.iter().filter(|(_, o)| *o != Owner::Solid).map(|(r, _)| r.uid.as_str()).collect();
        if !lost.is_empty() {
            outcome.push(tolerating_gone(Write::update(without_owners(item, &lost))));
        }
        return;
    }
    let dependents = view.dependents(item.uid());
    let propagation = if any(Owner::Waiting) && !dependents.is_empty() {
        if dependents.iter().any(|d| is_deleting_dependents(d)) {
            // OBSERVATION: owner and dependent both wait, maybe for each other.
            outcome.push(tolerating_gone(Write::update(unblocked(item))));
        }
        Propagation::Foreground
    } else if has_finalizer(item, FINALIZER_ORPHAN) {
        Propagation::Orphan
    } else if has_finalizer(item, FINALIZER_FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    };
    outcome.push(tolerating_gone(Write::Delete(Deletion { propagation, ..Deletion::of(item) })));
}

/// Lets an owner go once no dependent holds it. Mirrors `processDeletingDependentsItem`.
fn process_deleting_dependents_item(view: &View<'_>, item: &Arc<Object>, outcome: &mut Outcome) {
    let holds = |dependent: &&Arc<Object>| {
        let mut refs = references(dependent).iter().filter(|r| r.uid == item.uid());
        refs.any(|r| r.block_owner_deletion == Some(true))
    };
    if !view.dependents(item.uid()).iter().any(holds) {
        outcome.push(tolerating_gone(Write::update(without_finalizer(item, FINALIZER_FOREGROUND))));
    }
}

/// Sets the dependents free, then lets the owner go. Mirrors `attemptToOrphanWorker`.
fn orphan_dependents(view: &View<'_>, item: &Arc<Object>, outcome: &mut Outcome) {
    let owner = BTreeSet::from([item.uid()]);
    for dependent in view.dependents(item.uid()) {
        outcome.push(tolerating_gone(Write::update(without_owners(dependent, &owner))));
    }
    outcome.push(tolerating_gone(Write::update(without_finalizer(item, FINALIZER_ORPHAN))));
}

fn without_owners(object: &Object, uids: &BTreeSet<&str>) -> Object {
    let mut object = object.clone();
    let refs = object.meta_mut().owner_references.take().unwrap_or_default();
    let kept: Vec<_> = refs.into_iter().filter(|r| !uids.contains(r.uid.as_str())).collect();
    object.meta_mut().owner_references = Some(kept).filter(|r| !r.is_empty());
    object
}

fn without_finalizer(object: &Object, name: &str) -> Object {
    let mut object = object.clone();
    let finalizers = object.meta_mut().finalizers.take().unwrap_or_default();
    let kept: Vec<_> = finalizers.into_iter().filter(|f| f != name).collect();
    object.meta_mut().finalizers = Some(kept).filter(|f| !f.is_empty());
    object
}

fn unblocked(object: &Object) -> Object {
    let mut object = object.clone();
    for reference in object.meta_mut().owner_references.iter_mut().flatten() {
        reference.block_owner_deletion = Some(false);
    }
    object
}
