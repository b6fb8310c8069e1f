//! What the controllers that own pods share: telling a pod's state, making pods from a template, claiming them.
//!
//! Mirrors `pkg/controller/controller_utils.go` and `controller_ref_manager.go`.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

use crate::api::k8s::api::core::v1::{Pod, PodTemplateSpec};
pub use crate::api::object::is_terminating;
use crate::api::object::{controller_of, new_controller_ref};
use crate::api::selector::Selector;
use crate::api::{Duration, Kind, Object, ObjectKey, ObjectMeta, Time, names};
use crate::controllers::{About, Action, Deletion, EventDraft, Propagation, Write};
use crate::error::{ApiError, Reason};
pub use crate::kinds::core::pod::status::{
    is_active, is_available, is_ready, is_terminal, phase, ready_since, restarts, with_disruption_target,
};
use crate::store::{Change, Index, View};

/// How long until the first of the pods that are ready becomes available; none when all of them are.
/// Mirrors `FindMinNextPodAvailabilityCheck`.
pub fn next_availability_check<'a>(
    pods: impl IntoIterator<Item = &'a Pod>,
    min_ready: i32,
    now: Time,
) -> Option<Duration> {
    if min_ready <= 0 {
        return None;
    }
    let due = |pod: &Pod| ready_since(pod).map(|since| since + Duration::secs(min_ready.into()) - now);
    pods.into_iter().filter_map(due).filter(|wait| *wait > Duration::ZERO).min()
}

/// A pod as its template says, owned by `owner`. Mirrors `GetPodFromTemplate`.
pub fn pod_from_template(template: &PodTemplateSpec, owner: &Object) -> Pod {
    let meta = template.metadata.as_ref();
    Pod {
        metadata: ObjectMeta {
            namespace: owner.meta().namespace.clone(),
            generate_name: Some(pods_prefix(owner.name())),
            labels: meta.and_then(|m| m.labels.clone()),
            annotations: meta.and_then(|m| m.annotations.clone()),
            finalizers: meta.and_then(|m| m.finalizers.clone()),
            owner_references: Some(vec![new_controller_ref(owner)]),
            ..Default::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}

/// The `generateName` of an owner's pods. Mirrors `getPodsPrefix`.
fn pods_prefix(owner: &str) -> String {
    let prefix = format!("{owner}-");
    let valid = names::dns1123_subdomain(&names::mask_trailing_dash(&prefix)).is_empty();
    if valid { prefix } else { owner.to_string() }
}

/// The hash of a template in the names of what is made from it. Mirrors `ComputeHash`, though Go hashes its own structs.
pub fn compute_hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    let tree = serde_json::json!([template, collisions]);
    names::safe_encode_string(&names::hash_object(&tree).to_string())
}

/// What an owner has of some kind, and the writes that make it so.
pub struct Claimed<'a> {
    /// The objects that it owns.
    pub objects: Vec<&'a Arc<Object>>,
    /// The adoptions and releases, to be done first.
    pub actions: Vec<Action>,
}

/// How long the owner of so many pods lets changes gather before it looks at all of them, from 200 pods on. The
/// originals look at once, but a look at 1,000 pods takes them some 10 ms and more, and what changes meanwhile waits.
pub fn gather(pods: usize, now: Time) -> Option<Duration> {
    let period = i64::try_from(pods / 25).unwrap_or(i64::MAX).max(1);
    if pods < 200 {
        return None;
    }
    Some(Duration((-now.0).rem_euclid(period))).filter(|wait| *wait > Duration::ZERO)
}

/// Takes ownership of orphans that match and gives up what no longer does. Mirrors `BaseControllerRefManager.ClaimObject`.
pub fn claim<'a>(
    owner: &Object,
    candidates: impl Iterator<Item = &'a Arc<Object>>,
    matches: impl Fn(&Object) -> bool,
) -> Claimed<'a> {
    let mut claimed = Claimed { objects: Vec::new(), actions: Vec::new() };
    for object in candidates {
        match controller_of(object.meta()) {
            Some(controller) if controller.uid != owner.uid() => {}
            Some(_) if matches(object) => claimed.objects.push(object),
            // OBSERVATION: it is ours and the selector no longer matches; an owner that goes changes nothing.
            Some(_) if owner.is_terminating() => {}
            Some(_) => {
                let mut released = Object::clone(object);
                let refs = released.meta_mut().owner_references.take().unwrap_or_default();
                let kept: Vec<_> = refs.into_iter().filter(|r| r.uid != owner.uid()).collect();
                released.meta_mut().owner_references = Some(kept).filter(|r| !r.is_empty());
                claimed.actions.push(tolerating_gone(Write::update(released)));
            }
            None if owner.is_terminating() || object.is_terminating() || !matches(object) => {}
            None => {
                let mut adopted = Object::clone(object);
                adopted.meta_mut().owner_references.get_or_insert_default().push(new_controller_ref(owner));
                claimed.actions.push(tolerating_gone(Write::update(adopted)));
                claimed.objects.push(object);
            }
        }
    }
    claimed
}

/// The pods that belong to an owner: of those that are `considered`, its own and orphans, whatever the selector and
/// `member` agree to. Mirrors `ClaimPods`.
pub fn claim_pods<'a>(
    view: &View<'a>,
    owner: &Object,
    selector: &Selector,
    considered: impl Fn(&Pod) -> bool,
    member: impl Fn(&Pod) -> bool,
) -> Claimed<'a> {
    let owned = view.indexed(Kind::Pod, Index::Owner, owner.uid());
    claim_pods_among(view, owner, owned, selector, considered, member)
}

/// The same, where of its own pods only some are looked at.
pub fn claim_pods_among<'a>(
    view: &View<'a>,
    owner: &Object,
    owned: impl Iterator<Item = &'a Arc<Object>>,
    selector: &Selector,
    considered: impl Fn(&Pod) -> bool,
    member: impl Fn(&Pod) -> bool,
) -> Claimed<'a> {
    let orphans = view.indexed(Kind::Pod, Index::Orphan, owner.namespace());
    // An orphan may name the owner without being controlled by it.
    let orphans = orphans.filter(|p| !p.meta().owner_references.iter().flatten().any(|r| r.uid == owner.uid()));
    let candidates = owned.chain(orphans).filter(|o| o.get::<Pod>().is_some_and(&considered));
    claim(owner, candidates, |object| {
        selector.matches(object.meta().labels.as_ref()) && object.get::<Pod>().is_some_and(&member)
    })
}

/// A write whose object may be gone by then.
pub fn tolerating_gone(write: Write) -> Action {
    write.then(|answer| match answer {
        Err(error) if error.reason != Reason::NotFound => vec![Action::Fail(error.clone())],
        _ => Vec::new(),
    })
}

/// Whether a refusal means that the namespace is being deleted.
pub fn is_namespace_terminating(error: &ApiError) -> bool {
    error.reason == Reason::Forbidden && error.has_cause("NamespaceTerminating")
}

/// Names the owners of kind `owner` that a change of an object concerns: its controller before and now, and for
/// an orphan every owner in its namespace whose selector matches.
pub fn enqueue_owners(
    view: &View<'_>,
    change: &Change,
    owner: Kind,
    selector_of: impl Fn(&Object) -> Option<Selector>,
    enqueue: &mut dyn FnMut(ObjectKey),
) {
    let (old, new) = (change.old.as_deref(), change.new.as_deref());
    let was = old.and_then(|o| controller_of(o.meta())).filter(|r| r.kind == owner.name());
    let is = new.and_then(|o| controller_of(o.meta())).filter(|r| r.kind == owner.name());
    let namespace = &change.key.namespace;
    for (n, reference) in [is, was].into_iter().enumerate() {
        let Some(reference) = reference else { continue };
        if n == 1 && is.is_some_and(|r| r.uid == reference.uid) {
            continue;
        }
        let key = ObjectKey::new(owner, namespace, &reference.name);
        if view.get(&key).is_some_and(|o| o.uid() == reference.uid) {
            enqueue(key);
        }
    }
    // OBSERVATION: nobody owns it. Whoever selects it may want to adopt it.
    let Some(orphan) = new.filter(|o| controller_of(o.meta()).is_none()) else { return };
    let before = old.map(|o| (o.meta().labels.as_ref(), controller_of(o.meta())));
    if before == Some((orphan.meta().labels.as_ref(), None)) {
        return;
    }
    for candidate in view.list_in(owner, namespace) {
        let selected = |s: Selector| !s.is_everything() && s.matches(orphan.meta().labels.as_ref());
        if selector_of(candidate).is_some_and(selected) {
            enqueue(candidate.key());
        }
    }
}

/// Says something normal of an object.
pub fn normal(about: &Object, component: &str, reason: &str, message: impl Into<String>) -> Action {
    Action::Event(EventDraft::normal(About::object(about), component, reason, message))
}

/// Says something alarming of an object.
pub fn warning(about: &Object, component: &str, reason: &str, message: impl Into<String>) -> Action {
    Action::Event(EventDraft::warning(About::object(about), component, reason, message))
}

/// A pod with what decides how soon it is deleted when replicas are too many.
struct Ranked<'a> {
    pod: &'a Arc<Object>,
    placed: bool,
    phase: u8,
    ready: bool,
    cost: i32,
    neighbours: usize,
    ready_age: i64,
    restarts: (i32, i32),
    age: i64,
}

/// The order in which superfluous pods go, the first to go first. `related` are the pods of the sets with the same
/// owner: pods that share a node with many of them go sooner. Mirrors `ActivePodsWithRanks`.
pub fn rank_for_deletion<'a>(pods: &[&'a Arc<Object>], related: &[&Arc<Object>], now: Time) -> Vec<&'a Arc<Object>> {
    let node = |o: &Arc<Object>| {
        let spec = o.get::<Pod>().and_then(|p| p.spec.as_ref());
        spec.and_then(|s| s.node_name.clone()).unwrap_or_default()
    };
    let mut on_node = std::collections::BTreeMap::<String, usize>::new();
    for other in related.iter().filter(|o| o.get::<Pod>().is_some_and(is_active)) {
        *on_node.entry(node(other)).or_default() += 1;
    }
    let mut ranked: Vec<Ranked<'a>> = Vec::with_capacity(pods.len());
    for object in pods {
        let Some(pod) = object.get::<Pod>() else { continue };
        let home = node(object);
        let created = pod.metadata.creation_timestamp.as_ref().map(Time::from_meta);
        ranked.push(Ranked {
            pod: object,
            placed: !home.is_empty(),
            phase: match phase(pod) {
                "Pending" => 0,
                "Unknown" => 1,
                "Running" => 2,
                _ => 0,
            },
            ready: is_ready(pod),
            cost: object.annotation("controller.kubernetes.io/pod-deletion-cost").map_or(0, |c| c.parse().unwrap_or(0)),
            neighbours: on_node.get(&home).copied().unwrap_or(0),
            ready_age: logarithmic_age(ready_since(pod), now),
            restarts: restarts(pod),
            age: logarithmic_age(created, now),
        });
    }
    ranked.sort_by(|a, b| {
        let by_state = (a.placed, a.phase, a.ready, a.cost).cmp(&(b.placed, b.phase, b.ready, b.cost));
        let by_neighbours = b.neighbours.cmp(&a.neighbours);
        let by_ready_age = if a.ready && b.ready { a.ready_age.cmp(&b.ready_age) } else { Ordering::Equal };
        by_state
            .then(by_neighbours)
            .then(by_ready_age)
            .then(b.restarts.cmp(&a.restarts))
            .then(a.age.cmp(&b.age))
            .then_with(|| a.pod.uid().cmp(b.pod.uid()))
    });
    ranked.into_iter().map(|r| r.pod).collect()
}

/// The base-2 logarithm of an age in nanoseconds, cut; -1 for none. So pods of about the same age tie.
fn logarithmic_age(then: Option<Time>, now: Time) -> i64 {
    match then.map(|t| (now - t).0) {
        Some(millis) if millis > 0 => (millis as f64 * 1e6).log2() as i64,
        _ => -1,
    }
}

/// What a controller does when a pod can't be made or deleted: write its status, and end the sync. It is told how
/// many pods were made before.
type OnFailure = Box<dyn Fn(&ApiError, usize) -> Vec<Action>>;

/// How the making of pods goes.
#[derive(Default)]
struct Made {
    count: usize,
    error: Option<ApiError>,
}

/// Makes and deletes pods for an owner, and tells of it. Mirrors `RealPodControl`.
pub struct PodControl {
    owner: Arc<Object>,
    component: &'static str,
    on_failure: OnFailure,
}

impl PodControl {
    /// For an owner, whose events come from `component`.
    pub fn new(
        owner: &Arc<Object>,
        component: &'static str,
        on_failure: impl Fn(&ApiError, usize) -> Vec<Action> + 'static,
    ) -> Rc<PodControl> {
        Rc::new(PodControl { owner: Arc::clone(owner), component, on_failure: Box::new(on_failure) })
    }

    /// Makes pods: first one, then twice as many, and so on, until some can't be made. Mirrors `slowStartBatch`.
    pub fn create_all(self: &Rc<PodControl>, pods: Vec<Pod>) -> Vec<Action> {
        self.create_batch(pods, 1, Rc::default())
    }

    fn create_batch(self: &Rc<PodControl>, mut pods: Vec<Pod>, size: usize, made: Rc<RefCell<Made>>) -> Vec<Action> {
        let rest = pods.split_off(size.min(pods.len()));
        let Some(last) = pods.pop() else { return Vec::new() };
        let mut actions: Vec<Action> =
            pods.into_iter().map(|pod| self.create(pod, Rc::clone(&made), |_| Vec::new())).collect();
        let control = Rc::clone(self);
        actions.push(self.create(last, made, move |made| {
            let (error, count) = (made.borrow().error.clone(), made.borrow().count);
            match error {
                Some(error) => (control.on_failure)(&error, count),
                None => control.create_batch(rest, size * 2, made),
            }
        }));
        actions
    }

    fn create(
        self: &Rc<PodControl>,
        pod: Pod,
        made: Rc<RefCell<Made>>,
        then: impl FnOnce(Rc<RefCell<Made>>) -> Vec<Action> + 'static,
    ) -> Action {
        let control = Rc::clone(self);
        Write::create(pod).then(move |answer| {
            let mut actions = Vec::new();
            match answer {
                Ok(pod) => {
                    made.borrow_mut().count += 1;
                    let message = format!("Created pod: {}", pod.name());
                    actions.push(normal(&control.owner, control.component, "SuccessfulCreate", message));
                }
                // OBSERVATION: the namespace goes, and the owner with it. There is nothing to complain of.
                Err(error) if is_namespace_terminating(error) => {}
                Err(error) => {
                    made.borrow_mut().error.get_or_insert_with(|| error.clone());
                    let message = format!("Error creating: {error}");
                    actions.push(warning(&control.owner, control.component, "FailedCreate", message));
                }
            }
            actions.extend(then(made));
            actions
        })
    }

    /// Deletes a pod.
    pub fn delete(self: &Rc<PodControl>, pod: &Object) -> Action {
        let (control, name) = (Rc::clone(self), pod.name().to_string());
        let deletion = Deletion {
            key: pod.key(),
            uid: None,
            resource_version: None,
            grace: None,
            propagation: Propagation::Background,
        };
        Write::Delete(deletion).then(move |answer| match answer {
            Ok(_) => {
                let message = format!("Deleted pod: {name}");
                vec![normal(&control.owner, control.component, "SuccessfulDelete", message)]
            }
            Err(error) if error.reason == Reason::NotFound => Vec::new(),
            Err(error) => {
                let message = format!("Error deleting: {error}");
                let mut actions = vec![warning(&control.owner, control.component, "FailedDelete", message)];
                actions.extend((control.on_failure)(error, 0));
                actions
            }
        })
    }
}
