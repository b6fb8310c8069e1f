//! Horizontal pod autoscaling.
//!
//! Mirrors `pkg/controller/podautoscaler/horizontal.go`: every 15 s an autoscaler looks at its target's size and at what
//! its pods use, and gives the target the size that this asks for, within its bounds.

mod metrics;
mod normalize;
mod replica_calculator;

use std::sync::Arc;

use crate::api::k8s::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus, MetricStatus,
};
use crate::api::selector::Selector;
use crate::api::{Duration, Kind, LabelSelector, Object, ObjectKey, Time};
use crate::controllers::pods::{normal, warning};
use crate::controllers::{Action, Controller, Outcome, Write};
use crate::error::ApiError;
use crate::store::{Change, View};
use metrics::Failed;
use normalize::{Bounds, Memory};

const COMPONENT: &str = "horizontal-pod-autoscaler";

/// How long the controller waits between two looks at an autoscaler, and before the first.
const SYNC_PERIOD: Duration = Duration::secs(15);

const ABLE_TO_SCALE: &str = "AbleToScale";
const SCALING_ACTIVE: &str = "ScalingActive";
const SCALING_LIMITED: &str = "ScalingLimited";

/// The controller of HorizontalPodAutoscalers.
pub(super) struct HorizontalController;

impl Controller for HorizontalController {
    fn name(&self) -> &'static str {
        "horizontalpodautoscaler"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind == Kind::HorizontalPodAutoscaler {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key) else {
            outcome.note(note(DUE, key), "");
            outcome.note(note(MEMORY, key), "");
            return outcome;
        };
        let Some(autoscaler) = object.get::<HorizontalPodAutoscaler>() else { return outcome };
        // OBSERVATION: requests spend the sync period in the queue; one that is there already takes in all others.
        let due = noted(view, DUE, object).and_then(|n| n.parse().ok()).map(Time);
        if due.is_none_or(|due| now < due) {
            let due = due.unwrap_or(now + SYNC_PERIOD);
            outcome.note(note(DUE, key), of(object, &due.0.to_string()));
            outcome.recurring(due - now);
            return outcome;
        }
        outcome.note(note(DUE, key), of(object, &(now + SYNC_PERIOD).0.to_string()));
        let status = autoscaler.status.clone().unwrap_or_default();
        let kept = noted(view, MEMORY, object).unwrap_or_default();
        let memory: Memory = serde_json::from_str(kept).unwrap_or_default();
        let mut sync = Sync { view, object, autoscaler, status, memory, now, actions: Vec::new() };
        sync.reconcile_autoscaler();
        let remembered = sync.remembered();
        outcome.actions.append(&mut sync.actions);
        if remembered != kept {
            // What is remembered of a change of size comes from that change's own answer, after this.
            outcome.actions.insert(0, Action::Note { name: note(MEMORY, key), value: of(object, &remembered) });
        }
        outcome.recurring(SYNC_PERIOD);
        outcome
    }
}

/// What the notes are called that say when an autoscaler is due, and what is remembered of it.
const DUE: &str = "hpa-due";
const MEMORY: &str = "hpa";

fn note(what: &str, key: &ObjectKey) -> String {
    format!("{what}/{}/{}", key.namespace, key.name)
}

/// What is noted of an autoscaler; nothing of an earlier one of its name.
fn noted<'a>(view: &View<'a>, what: &str, autoscaler: &Object) -> Option<&'a str> {
    view.note(&note(what, &autoscaler.key()))?.strip_prefix(autoscaler.uid())?.strip_prefix(' ')
}

fn of(autoscaler: &Object, text: &str) -> String {
    format!("{} {text}", autoscaler.uid())
}

/// The target as its `scale` subresource shows it.
struct Scale {
    object: Arc<Object>,
    replicas: i32,
    selector: String,
}

impl Scale {
    /// What can be scaled: an object with replicas and a selector.
    fn of(object: &Arc<Object>) -> Option<Scale> {
        let text = |selector: &LabelSelector| {
            Selector::from_label_selector(Some(selector)).map(|s| s.to_string()).unwrap_or_default()
        };
        let (replicas, selector) = match &**object {
            Object::Deployment(o) => o.spec.as_ref().map(|s| (s.replicas, text(&s.selector)))?,
            Object::ReplicaSet(o) => o.spec.as_ref().map(|s| (s.replicas, text(&s.selector)))?,
            Object::StatefulSet(o) => o.spec.as_ref().map(|s| (s.replicas, text(&s.selector)))?,
            Object::ReplicationController(o) => o.spec.as_ref().map(|s| {
                (s.replicas, s.selector.as_ref().map(|l| Selector::from_set(l).to_string()).unwrap_or_default())
            })?,
            _ => return None,
        };
        Some(Scale { object: Arc::clone(object), replicas: replicas.unwrap_or(0), selector })
    }

    /// The target with another number of replicas.
    fn resized(&self, replicas: i32) -> Object {
        let mut object = Object::clone(&self.object);
        let field = match &mut object {
            Object::Deployment(o) => o.spec.as_mut().map(|s| &mut s.replicas),
            Object::ReplicaSet(o) => o.spec.as_mut().map(|s| &mut s.replicas),
            Object::StatefulSet(o) => o.spec.as_mut().map(|s| &mut s.replicas),
            Object::ReplicationController(o) => o.spec.as_mut().map(|s| &mut s.replicas),
            _ => None,
        };
        if let Some(field) = field {
            *field = Some(replicas);
        }
        object
    }
}

/// One look at an autoscaler.
struct Sync<'a> {
    view: &'a View<'a>,
    object: &'a Arc<Object>,
    autoscaler: &'a HorizontalPodAutoscaler,
    status: HorizontalPodAutoscalerStatus,
    memory: Memory,
    now: Time,
    actions: Vec<Action>,
}

impl Sync<'_> {
    fn reconcile_autoscaler(&mut self) {
        let scale = match self.scale_of_target() {
            Ok(scale) => scale,
            Err(fault) => {
                self.actions.push(warning(self.object, COMPONENT, "FailedGetScale", &fault));
                let message = format!("the HPA controller was unable to get the target's current scale: {fault}");
                self.set_condition(ABLE_TO_SCALE, false, "FailedGetScale", message);
                self.actions.extend(self.status_write());
                return;
            }
        };
        let message = "the HPA controller was able to get the target's current scale";
        self.set_condition(ABLE_TO_SCALE, true, "SucceededGetScale", message.into());
        let (spec, current) = (&self.autoscaler.spec, scale.replicas);
        self.memory.record_initial(current, self.now);
        let min = spec.min_replicas.unwrap_or(1);
        if current == 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            self.set_condition(SCALING_ACTIVE, false, "ScalingDisabled", message.into());
            self.set_status(current, current, None);
            self.actions.extend(self.status_write());
        } else if current > spec.max_replicas {
            self.rescale(&scale, spec.max_replicas, "Current number of replicas above Spec.MaxReplicas", None);
        } else if current < min {
            self.rescale(&scale, min, "Current number of replicas below Spec.MinReplicas", None);
        } else {
            self.follow_metrics(&scale, Bounds { current, min, max: spec.max_replicas });
        }
    }

    /// Gives the target the size that its metrics ask for.
    fn follow_metrics(&mut self, scale: &Scale, bounds: Bounds) {
        let current = bounds.current;
        let (desired, metric, statuses) = match self.compute_replicas_for_metrics(scale) {
            Ok(computed) => computed,
            Err((fault, statuses)) => {
                self.set_status(current, self.status.desired_replicas, statuses);
                self.actions.extend(self.status_write());
                self.actions.push(warning(self.object, COMPONENT, "FailedComputeMetricsReplicas", fault));
                return;
            }
        };
        let reason = match desired {
            more if more > current => format!("{metric} above target"),
            fewer if fewer < current => "All metrics below target".to_string(),
            _ => String::new(),
        };
        let behavior = self.autoscaler.spec.behavior.as_ref();
        let decision = self.memory.normalize(desired, bounds, behavior, self.now);
        self.set_condition(ABLE_TO_SCALE, true, decision.able.0, decision.able.1.into());
        let (limited, (why, message)) = decision.limited;
        self.set_condition(SCALING_LIMITED, limited, why, message.into());
        if decision.replicas != current {
            return self.rescale(scale, decision.replicas, &reason, Some(statuses));
        }
        self.set_status(current, current, Some(statuses));
        self.actions.extend(self.status_write());
    }

    /// What the controller remembers, as it is kept.
    fn remembered(&self) -> String {
        remembered(&self.memory)
    }

    /// The target, or why there is none. Mirrors `scaleForResourceMappings`.
    fn scale_of_target(&self) -> Result<Scale, String> {
        let target = &self.autoscaler.spec.scale_target_ref;
        let version = target.api_version.as_deref().unwrap_or_default();
        let group = match version.matches('/').count() {
            0 => "",
            1 => version.split_once('/').map_or("", |(group, _)| group),
            _ => return Err(format!("unexpected GroupVersion string: {version}")),
        };
        let kind = Kind::from_group_kind(group, &target.kind)
            .ok_or_else(|| format!("no matches for kind {:?} in group {group:?}", target.kind))?;
        if !matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController) {
            return Err("the server could not find the requested resource".into());
        }
        let key = ObjectKey::new(kind, self.object.namespace(), &target.name);
        let found = self.view.get(&key).and_then(Scale::of);
        found.ok_or_else(|| ApiError::not_found(&kind.resource(), &target.name).message)
    }

    /// Gives the target another size, and tells what came of it.
    fn rescale(&mut self, scale: &Scale, desired: i32, reason: &str, metrics: Option<Vec<MetricStatus>>) {
        let current = scale.replicas;
        let mut failed = self.status.clone();
        failed.current_metrics.clone_from(&metrics);
        let message = format!("the HPA controller was able to update the target scale to {desired}");
        self.set_condition(ABLE_TO_SCALE, true, "SucceededRescale", message);
        self.set_status(current, desired, metrics);
        self.status.last_scale_time = Some(self.now.meta());
        let done = self.status_write();
        let (object, reason, now) = (Arc::clone(self.object), reason.to_string(), self.now);
        let (mut memory, behavior) = (self.memory.clone(), self.autoscaler.spec.behavior.clone());
        memory.store_scale_event(behavior.as_ref(), (current, desired), now);
        let memory = Action::Note { name: note(MEMORY, &object.key()), value: of(&object, &remembered(&memory)) };
        self.actions.push(Write::update(scale.resized(desired)).then(move |answer| match answer {
            Ok(_) => {
                let message = format!("New size: {desired}; reason: {reason}");
                let event = normal(&object, COMPONENT, "SuccessfulRescale", message);
                [event, memory].into_iter().chain(done).collect()
            }
            Err(error) => {
                let message = format!("New size: {desired}; reason: {reason}; error: {error}");
                let event = warning(&object, COMPONENT, "FailedRescale", message);
                let message = format!("the HPA controller was unable to update the target scale: {error}");
                set_condition(&mut failed, ABLE_TO_SCALE, false, "FailedUpdateScale", message, now);
                failed.current_replicas = shown(current);
                [event].into_iter().chain(status_write(&object, failed)).collect()
            }
        }));
    }

    /// How many replicas the metrics ask for, by which of them, and what the status says of each.
    ///
    /// # Errors
    /// What is wrong, and what the status says.
    fn compute_replicas_for_metrics(
        &mut self,
        scale: &Scale,
    ) -> Result<(i32, String, Vec<MetricStatus>), (String, Option<Vec<MetricStatus>>)> {
        self.validate_selector(&scale.selector).map_err(|fault| (fault, None))?;
        let specs = self.autoscaler.spec.metrics.as_deref().unwrap_or_default();
        let (mut desired, mut name, mut statuses) = (0, String::new(), Vec::new());
        let (mut first, mut invalid) = (None, 0);
        for spec in specs {
            match self.compute_replicas_for_metric(spec, scale) {
                Ok(computed) => {
                    statuses.push(computed.status);
                    if desired == 0 || computed.replicas > desired {
                        (desired, name) = (computed.replicas, computed.name);
                    }
                }
                Err(failed) => {
                    statuses.push(MetricStatus::default());
                    self.actions.push(warning(self.object, COMPONENT, failed.reason, &failed.inner));
                    invalid += 1;
                    first.get_or_insert(failed);
                }
            }
        }
        if let Some(Failed { reason, inner, outer }) = first
            && (invalid >= specs.len() || desired < scale.replicas)
        {
            let message = format!("the HPA was unable to compute the replica count: {inner}");
            self.set_condition(SCALING_ACTIVE, false, reason, message);
            let fault = format!("invalid metrics ({invalid} invalid out of {}), first error is: {outer}", specs.len());
            return Err((fault, Some(statuses)));
        }
        let message = format!("the HPA was able to successfully calculate a replica count from {name}");
        self.set_condition(SCALING_ACTIVE, true, "ValidMetricFound", message);
        Ok((desired, name, statuses))
    }

    /// Whether the target's pods are nobody else's. Mirrors `validateAndParseSelector`.
    fn validate_selector(&mut self, selector: &str) -> Result<(), String> {
        if selector.is_empty() {
            let fault = "selector is required";
            self.actions.push(warning(self.object, COMPONENT, "SelectorRequired", fault));
            let message = "the HPA target's scale is missing a selector";
            self.set_condition(SCALING_ACTIVE, false, "InvalidSelector", message.into());
            return Err(fault.into());
        }
        let mut selecting = self.hpas_controlling_pods_under(selector);
        if selecting.len() < 2 {
            return Ok(());
        }
        selecting.sort();
        let fault = format!("pods by selector {selector} are controlled by multiple HPAs: [{}]", selecting.join(" "));
        self.actions.push(warning(self.object, COMPONENT, "AmbiguousSelector", &fault));
        self.set_condition(SCALING_ACTIVE, false, "AmbiguousSelector", fault.clone());
        Err(fault)
    }

    /// The autoscalers that select some pod of the selector's, this one among them. Others count once they have
    /// asked for metrics themselves.
    fn hpas_controlling_pods_under(&self, selector: &str) -> Vec<String> {
        let namespace = self.object.namespace();
        let own = Selector::parse(selector).unwrap_or_else(|_| Selector::nothing());
        let pods: Vec<_> = self.view.list_in(Kind::Pod, namespace).filter(|p| own.matches(&p.meta().labels)).collect();
        let others = self.view.list_in(Kind::HorizontalPodAutoscaler, namespace).filter(|o| {
            if o.uid() == self.object.uid() {
                return !pods.is_empty();
            }
            let Some(other) = o.get::<HorizontalPodAutoscaler>() else { return false };
            let conditions = other.status.iter().flat_map(|s| s.conditions.iter().flatten());
            let mut asked = conditions.filter(|c| c.type_ == SCALING_ACTIVE && c.reason.is_some());
            if !asked.any(|c| !matches!(c.reason.as_deref(), Some("ScalingDisabled" | "InvalidSelector"))) {
                return false;
            }
            let status = HorizontalPodAutoscalerStatus::default();
            let (memory, actions) = (Memory::default(), Vec::new());
            let sync = Sync { view: self.view, object: o, autoscaler: other, status, memory, now: self.now, actions };
            let Ok(scale) = sync.scale_of_target() else { return false };
            let theirs = Selector::parse(&scale.selector).unwrap_or_else(|_| Selector::nothing());
            pods.iter().any(|p| theirs.matches(&p.meta().labels))
        });
        others.map(|o| format!("{{{} {namespace}}}", o.name())).collect()
    }

    fn set_condition(&mut self, kind: &str, holds: bool, reason: &str, message: String) {
        set_condition(&mut self.status, kind, holds, reason, message, self.now);
    }

    fn set_status(&mut self, current: i32, desired: i32, metrics: Option<Vec<MetricStatus>>) {
        self.status.current_replicas = shown(current);
        self.status.desired_replicas = desired;
        self.status.current_metrics = metrics;
    }

    fn status_write(&self) -> Option<Action> {
        status_write(self.object, self.status.clone())
    }
}

fn remembered(memory: &Memory) -> String {
    match *memory == Memory::default() {
        true => String::new(),
        false => serde_json::to_string(memory).unwrap_or_default(),
    }
}

fn shown(count: i32) -> Option<i32> {
    Some(count).filter(|n| *n != 0)
}

/// The write of a status; none when it is the stored one.
fn status_write(object: &Object, status: HorizontalPodAutoscalerStatus) -> Option<Action> {
    let mut object = Object::clone(object);
    let autoscaler = object.get_mut::<HorizontalPodAutoscaler>()?;
    if autoscaler.status.as_ref() == Some(&status) {
        return None;
    }
    autoscaler.status = Some(status);
    Some(Write::update_status(object).action())
}

fn set_condition(
    status: &mut HorizontalPodAutoscalerStatus,
    kind: &str,
    holds: bool,
    reason: &str,
    message: String,
    now: Time,
) {
    let holds = if holds { "True" } else { "False" };
    let conditions = status.conditions.get_or_insert_default();
    let at = conditions.iter().position(|c| c.type_ == kind).unwrap_or_else(|| {
        conditions.push(HorizontalPodAutoscalerCondition { type_: kind.into(), ..Default::default() });
        conditions.len() - 1
    });
    let Some(condition) = conditions.get_mut(at) else { return };
    if condition.status != holds {
        condition.last_transition_time = Some(now.meta());
    }
    condition.status = holds.into();
    condition.reason = Some(reason.into());
    condition.message = Some(message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::api::autoscaling::v2::{CrossVersionObjectReference, HorizontalPodAutoscalerSpec};
    use crate::api::{Duration, ObjectMeta};
    use crate::controllers::Deletion;
    use crate::sim::{ClockMode, Cluster, Config};

    #[test]
    fn nothing_is_noted_of_one_that_is_gone() {
        let config = Config { clock: ClockMode::Manual, ..Config::default() };
        let mut cluster = Cluster::new_in_memory(config, Time::default()).unwrap();
        let target = CrossVersionObjectReference {
            api_version: Some("apps/v1".into()),
            kind: "Deployment".into(),
            name: "web".into(),
        };
        let autoscaler = HorizontalPodAutoscaler {
            metadata: ObjectMeta {
                name: Some("web".into()),
                namespace: Some("default".into()),
                ..ObjectMeta::default()
            },
            spec: HorizontalPodAutoscalerSpec {
                max_replicas: 2,
                scale_target_ref: target,
                ..HorizontalPodAutoscalerSpec::default()
            },
            status: None,
        };
        let made = cluster.create(autoscaler.into()).unwrap();
        cluster.advance(Duration::secs(40)).unwrap();
        assert!(cluster.view().note(&note(DUE, &made.key())).is_some());
        let object = cluster.view().get(&made.key()).cloned().unwrap();
        cluster.delete(&Deletion::of(&object)).unwrap();
        cluster.advance(Duration::secs(40)).unwrap();
        for what in [DUE, MEMORY] {
            assert_eq!(cluster.view().note(&note(what, &made.key())), None, "{what}");
        }
    }
}
