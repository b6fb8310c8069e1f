//! Making, mending and deleting one pod of a StatefulSet, with its claims and the events about it.
//!
//! Mirrors `pkg/controller/statefulset/stateful_pod_control.go`.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::identity::{
    self, claim_templates, get_persistent_volume_claim_name, get_persistent_volume_claims, identity_matches, ordinal,
    storage_matches, update_identity, update_storage,
};
use super::retention::{
    Policy, has_unexpected_controller, is_claim_owner_up_to_date, is_stale_for_pod, update_claim_owner_ref,
};
use crate::api::k8s::api::apps::v1::StatefulSet;
use crate::api::k8s::api::core::v1::{PersistentVolumeClaim, Pod};
use crate::api::{Kind, Object, ObjectKey};
use crate::controllers::{Action, Deletion, Propagation, Write, pods};
use crate::error::{ApiError, Reason};
use crate::store::View;

const COMPONENT: &str = "statefulset-controller";

/// What every step of a sync needs to know.
pub(super) struct Plan {
    /// The set as stored, which events are about.
    pub(super) owner: Arc<Object>,
    /// The status to write when a step fails; none when nothing in it has changed.
    pub(super) status: Option<Write>,
}

impl Plan {
    fn set(&self) -> Option<&StatefulSet> {
        self.owner.get::<StatefulSet>()
    }

    /// Ends the sync with an error: the status is written first.
    fn fail(&self, error: ApiError) -> Vec<Action> {
        let status = self.status.clone().map(Write::action);
        status.into_iter().chain([Action::Fail(error)]).collect()
    }

    fn pod_event(&self, verb: &str, pod: &str, fault: Option<&str>) -> Action {
        let set = self.owner.name();
        let past = format!("{verb} Pod {pod} in StatefulSet {set}");
        self.event(
            verb,
            fault.is_some(),
            match fault {
                None => format!("{past} successful"),
                Some(fault) => format!("{past} failed error: {fault}"),
            },
        )
    }

    fn claim_event(&self, verb: &str, pod: &str, claim: &str, fault: Option<&str>) -> Action {
        let set = self.owner.name();
        self.event(
            verb,
            fault.is_some(),
            match fault {
                None => format!("{verb} Claim {claim} Pod {pod} in StatefulSet {set} success"),
                Some(fault) => format!("{verb} Claim {claim} for Pod {pod} in StatefulSet {set} failed error: {fault}"),
            },
        )
    }

    fn event(&self, verb: &str, failed: bool, message: String) -> Action {
        match failed {
            false => pods::normal(&self.owner, COMPONENT, &format!("Successful{verb}"), message),
            true => pods::warning(&self.owner, COMPONENT, &format!("Failed{verb}"), message),
        }
    }
}

/// The claims of a pod that are still to be made, and what follows.
struct ClaimWork {
    plan: Rc<Plan>,
    pod: Box<Pod>,
    missing: VecDeque<PersistentVolumeClaim>,
    present: Vec<PersistentVolumeClaim>,
    faults: Vec<String>,
    /// Whether a fault keeps the pod itself from being made.
    for_new_pod: bool,
}

/// Makes a pod, or first the claims that it lacks: then the second part says that the set must be looked at again
/// once the binder has seen them. Mirrors `CreateStatefulPod`.
pub(super) fn create_stateful_pod(
    view: &View<'_>,
    plan: &Rc<Plan>,
    set: &StatefulSet,
    pod: Pod,
) -> (Vec<Action>, bool) {
    let work = claim_work(view, plan, set, pod, true);
    match work.missing.is_empty() && work.faults.is_empty() {
        true => (vec![create_pod(work)], false),
        false => (create_persistent_volume_claims(work), true),
    }
}

/// Makes the claims that a pending pod lacks. Mirrors `createMissingPersistentVolumeClaims`.
pub(super) fn create_missing_persistent_volume_claims(
    view: &View<'_>,
    plan: &Rc<Plan>,
    set: &StatefulSet,
    pod: &Pod,
) -> Vec<Action> {
    // OBSERVATION: this is asked of every pending pod at every look, and mostly all is there and in order.
    let claims = claims_of(view, set, pod);
    let owner = plan.set().unwrap_or(set);
    let there = |claim: &&PersistentVolumeClaim| {
        claim.metadata.deletion_timestamp.is_none()
            && !has_unexpected_controller(claim, owner, pod)
            && is_claim_owner_up_to_date(claim, owner, pod)
    };
    if claims.len() == claim_templates(set).len() && claims.iter().all(there) {
        return Vec::new();
    }
    create_persistent_volume_claims(claim_work(view, plan, set, pod.clone(), false))
}

fn claim_work(view: &View<'_>, plan: &Rc<Plan>, set: &StatefulSet, pod: Pod, for_new_pod: bool) -> ClaimWork {
    let mut work = ClaimWork {
        plan: Rc::clone(plan),
        missing: VecDeque::new(),
        present: Vec::new(),
        faults: Vec::new(),
        for_new_pod,
        pod: Box::new(pod),
    };
    for claim in get_persistent_volume_claims(set, ordinal(&work.pod)) {
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        match view.get_as::<PersistentVolumeClaim>(plan.owner.namespace(), name) {
            None => work.missing.push_back(claim),
            Some(there) if there.metadata.deletion_timestamp.is_some() => {
                work.faults.push(format!("pvc {name} is being deleted"));
            }
            Some(there) => work.present.push(there.clone()),
        }
    }
    work
}

/// One claim after the other; a fault of one does not keep the others from being made.
fn create_persistent_volume_claims(mut work: ClaimWork) -> Vec<Action> {
    let Some(claim) = work.missing.pop_front() else { return after_claims(work) };
    let name = claim.metadata.name.clone().unwrap_or_default();
    let create = Write::create(claim).then(move |answer| {
        let pod = identity_name(&work.pod);
        let mut actions = Vec::new();
        match answer {
            Ok(created) => {
                actions.push(work.plan.claim_event("Create", &pod, &name, None));
                work.present.extend(created.get::<PersistentVolumeClaim>().cloned());
            }
            Err(error) => {
                if error.reason != Reason::AlreadyExists {
                    actions.push(work.plan.claim_event("Create", &pod, &name, Some(&error.message)));
                }
                work.faults.push(format!("failed to create PVC {name}: {error}"));
            }
        }
        actions.extend(create_persistent_volume_claims(work));
        actions
    });
    vec![create]
}

fn after_claims(work: ClaimWork) -> Vec<Action> {
    let ClaimWork { plan, pod, present, faults, for_new_pod, .. } = work;
    if faults.is_empty() {
        return update_pod_claim_for_retention_policy(&plan, &pod, present);
    }
    let fault = match faults.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let event = for_new_pod.then(|| plan.pod_event("Create", &identity_name(&pod), Some(&fault)));
    event.into_iter().chain(plan.fail(ApiError::new(Reason::Forbidden, fault))).collect()
}

fn create_pod(work: ClaimWork) -> Action {
    let ClaimWork { plan, pod, present, .. } = work;
    let name = identity_name(&pod);
    Write::create(Pod::clone(&pod)).then(move |answer| match answer {
        Ok(created) => {
            let created = created.get::<Pod>().unwrap_or(&pod);
            let mut actions = update_pod_claim_for_retention_policy(&plan, created, present);
            actions.push(plan.pod_event("Create", &name, None));
            actions
        }
        Err(error) if error.reason == Reason::AlreadyExists => plan.fail(error.clone()),
        Err(error) => {
            let event = plan.pod_event("Create", &name, Some(&error.message));
            [event].into_iter().chain(plan.fail(error.clone())).collect()
        }
    })
}

fn identity_name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

/// Whether a claim of an earlier pod of that name is about to go. Mirrors `PodClaimIsStale`.
pub(super) fn pod_claim_is_stale(view: &View<'_>, set: &StatefulSet, pod: &Pod) -> bool {
    Policy::of(set).delete_when_scaled && claims_of(view, set, pod).iter().any(|claim| is_stale_for_pod(claim, pod))
}

/// Whether the claims of a pod have the owners that the set's policy wants. Mirrors `ClaimsMatchRetentionPolicy`.
pub(super) fn claims_match_retention_policy(view: &View<'_>, set: &StatefulSet, pod: &Pod) -> bool {
    claims_of(view, set, pod).iter().all(|claim| is_claim_owner_up_to_date(claim, set, pod))
}

fn claims_of<'a>(view: &View<'a>, set: &StatefulSet, pod: &Pod) -> Vec<&'a PersistentVolumeClaim> {
    let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
    let ordinal = ordinal(pod);
    let names = claim_templates(set).iter().map(|t| get_persistent_volume_claim_name(set, t, ordinal));
    names.filter_map(|name| view.get_as::<PersistentVolumeClaim>(namespace, &name)).collect()
}

/// Gives the claims of a condemned pod the owners that the policy wants.
pub(super) fn fix_pod_claim(view: &View<'_>, plan: &Plan, set: &StatefulSet, pod: &Pod) -> Vec<Action> {
    let claims = claims_of(view, set, pod);
    if claims.iter().all(|claim| is_claim_owner_up_to_date(claim, set, pod)) {
        return Vec::new();
    }
    update_pod_claim_for_retention_policy(plan, pod, claims.into_iter().cloned().collect())
}

/// Mirrors `UpdatePodClaimForRetentionPolicy`.
fn update_pod_claim_for_retention_policy(plan: &Plan, pod: &Pod, claims: Vec<PersistentVolumeClaim>) -> Vec<Action> {
    let Some(set) = plan.set() else { return Vec::new() };
    let mut actions = Vec::new();
    for mut claim in claims {
        if has_unexpected_controller(&claim, set, pod) {
            let message = format!(
                "PersistentVolumeClaim {} has a conflicting OwnerReference that acts as a manging controller, \
                 the retention policy is ignored for this claim",
                claim.metadata.name.as_deref().unwrap_or_default()
            );
            actions.push(pods::warning(&plan.owner, COMPONENT, "ConflictingController", message));
        }
        if !is_claim_owner_up_to_date(&claim, set, pod) {
            update_claim_owner_ref(&mut claim, set, pod);
            actions.push(Write::update(claim).action());
        }
    }
    actions
}

/// Mends a pod whose identity, storage or claims' owners are not the set's. Mirrors `UpdateStatefulPod`.
pub(super) fn update_stateful_pod(view: &View<'_>, plan: &Rc<Plan>, set: &StatefulSet, pod: &Pod) -> Vec<Action> {
    let mut mended = pod.clone();
    let mut actions = Vec::new();
    if !identity_matches(set, pod) {
        update_identity(set, &mut mended);
    }
    if !storage_matches(set, pod) {
        update_storage(set, &mut mended);
        actions.extend(create_missing_persistent_volume_claims(view, plan, set, &mended));
    }
    actions.extend(fix_pod_claim(view, plan, set, &mended));
    let (plan, name) = (Rc::clone(plan), identity_name(&mended));
    actions.push(Write::update(mended).then(move |answer| match answer {
        Ok(_) => vec![plan.pod_event("Update", &name, None)],
        Err(error) => {
            let event = plan.pod_event("Update", &name, Some(&error.message));
            [event].into_iter().chain(plan.fail(error.clone())).collect()
        }
    }));
    actions
}

/// Deletes a pod. Mirrors `DeleteStatefulPod`.
pub(super) fn delete_stateful_pod(plan: &Rc<Plan>, pod: &Pod) -> Action {
    let (plan, name) = (Rc::clone(plan), identity_name(pod));
    let key = ObjectKey::new(Kind::Pod, plan.owner.namespace(), identity::pod_name_of(pod));
    let deletion =
        Deletion { key, uid: None, resource_version: None, grace: None, propagation: Propagation::Background };
    Write::Delete(deletion).then(move |answer| match answer {
        Err(error) if error.reason != Reason::NotFound => {
            let event = plan.pod_event("Delete", &name, Some(&error.message));
            [event].into_iter().chain(plan.fail(error.clone())).collect()
        }
        _ => vec![plan.pod_event("Delete", &name, None)],
    })
}
