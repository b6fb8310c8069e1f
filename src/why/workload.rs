//! Why a workload or a service is not what it should be.

use serde_json::json;

use super::repair::{in_namespace, on, patch, quoted};
use super::{Candidate, Mend, Rule, Verdict, explain as explain_object, type_of};
use crate::api::k8s::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use crate::api::k8s::api::autoscaling::v2::HorizontalPodAutoscaler;
use crate::api::k8s::api::batch::v1::{CronJob, Job};
use crate::api::k8s::api::core::v1::{Node, Pod, Service};
use crate::api::k8s::api::policy::v1::PodDisruptionBudget;
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::store::{Index, View};

const ORDERED: Rule = (
    "A StatefulSet starts its pods one after the other, and each waits until all before it are ready.",
    "concepts/workloads/controllers/statefulset/#deployment-and-scaling-guarantees",
);
const FORCED: Rule = (
    "A StatefulSet does not replace a pod that is broken by an update before it is ready; it must be deleted by hand.",
    "concepts/workloads/controllers/statefulset/#forced-rollback",
);
const ROLLOUT: Rule = (
    "A Deployment has its pods made by ReplicaSets, and replaces old ones only as new ones get ready.",
    "concepts/workloads/controllers/deployment/#deployment-status",
);
const SELECTOR: Rule = (
    "A Service sends to the ready pods that carry all the labels of its selector.",
    "concepts/services-networking/service/#defining-a-service",
);
const JOB: Rule = (
    "A Job is over when enough of its pods have succeeded, or more have failed than its backoffLimit allows.",
    "concepts/workloads/controllers/job/#pod-backoff-failure-policy",
);
const CRON: Rule =
    ("A CronJob that is suspended starts no jobs.", "concepts/workloads/controllers/cron-jobs/#schedule-suspension");
const BUDGET: Rule = (
    "An eviction is refused while it would leave fewer pods than a disruption budget asks for.",
    "concepts/workloads/pods/disruptions/#pod-disruption-budgets",
);
const SCALER: Rule = (
    "An autoscaler needs a metric of every pod, and of those pods a request to measure it by.",
    "tasks/run-application/horizontal-pod-autoscale/#how-does-a-horizontalpodautoscaler-work",
);
const NODE: Rule = (
    "A node whose kubelet is silent is not ready, and its pods are evicted after a while.",
    "concepts/architecture/nodes/#node-status",
);

/// Why an object that is no pod, claim or volume is as it is.
pub(super) fn explain(view: &View<'_>, object: &Object, now: Time) -> Verdict {
    match object {
        Object::StatefulSet(set) => stateful_set(view, object, set, now),
        Object::Deployment(deployment) => self::deployment(view, object, deployment, now),
        Object::ReplicaSet(set) => replica_set(view, object, set, now),
        Object::Service(service) => self::service(view, object, service),
        Object::Job(job) => self::job(view, object, job, now),
        Object::CronJob(cron) => cron_job(object, cron),
        Object::PodDisruptionBudget(budget) => self::budget(object, budget),
        Object::HorizontalPodAutoscaler(scaler) => self::scaler(object, scaler),
        Object::Node(node) => self::node(view, object, node),
        _ => Verdict::well(object, "", "Nothing is known to be wrong with it."),
    }
}

fn pods_of<'a>(view: &View<'a>, object: &Object) -> Vec<&'a Object> {
    view.indexed(Kind::Pod, Index::Owner, object.uid()).map(|o| o.as_ref()).collect()
}

fn is_ready(pod: &Object) -> bool {
    let status = pod.get::<Pod>().and_then(|p| p.status.as_ref());
    status.is_some_and(|s| s.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True"))
}

fn candidate(pod: &Object) -> Candidate {
    let why = if is_ready(pod) { Vec::new() } else { vec!["is not ready".to_string()] };
    Candidate::new("pod", pod.name(), why)
}

fn stateful_set(view: &View<'_>, object: &Object, set: &StatefulSet, now: Time) -> Verdict {
    let spec = set.spec.as_ref();
    let replicas = spec.and_then(|s| s.replicas).unwrap_or(1);
    let start = spec.and_then(|s| s.ordinals.as_ref()).and_then(|o| o.start).unwrap_or(0);
    let pods: Vec<Option<&Object>> = (0..replicas.min(10_000))
        .map(|n| {
            let name = format!("{}-{}", object.name(), start + n);
            view.get(&ObjectKey::new(Kind::Pod, object.namespace(), name)).map(|o| o.as_ref())
        })
        .collect();
    let ready = pods.iter().flatten().filter(|pod| is_ready(pod)).count();
    let state = format!("{ready}/{replicas}");
    let status = set.status.as_ref();
    let (current, update) = (
        status.and_then(|s| s.current_revision.clone()).unwrap_or_default(),
        status.and_then(|s| s.update_revision.clone()).unwrap_or_default(),
    );
    let seen: Vec<Candidate> = pods.iter().flatten().take(50).map(|pod| candidate(pod)).collect();
    let Some(blocks) = pods.iter().position(|pod| pod.is_none_or(|pod| !is_ready(pod))) else {
        if current == update {
            return Verdict::well(object, &state, "All of its pods are ready.").rule(ORDERED);
        }
        let partition =
            spec.and_then(|s| s.update_strategy.as_ref()).and_then(|s| s.rolling_update.as_ref()?.partition);
        let on_delete =
            spec.and_then(|s| s.update_strategy.as_ref()).and_then(|s| s.type_.as_deref()) == Some("OnDelete");
        let text = match (on_delete, partition) {
            (true, _) => {
                "Its template was changed, and its strategy is OnDelete: each pod gets the change when you delete it."
                    .to_string()
            }
            (_, Some(n)) if n > 0 => {
                format!("Its template was changed; its partition keeps the pods below {n} as they are.")
            }
            _ => "Its pods are being replaced one by one.".to_string(),
        };
        return Verdict::well(object, &state, text).rule(ORDERED).seen(seen);
    };
    let Some(pod) = pods[blocks] else {
        let text =
            format!("Its pod {}-{} is not there (yet).", object.name(), start + i32::try_from(blocks).unwrap_or(0));
        return Verdict::of(object, &state, text).rule(ORDERED).seen(seen);
    };
    let cause = explain_object(view, pod, now);
    let rest = pods.len() - blocks - 1;
    let parallel = spec.and_then(|s| s.pod_management_policy.as_deref()) == Some("Parallel");
    let waits = if rest > 0 && !parallel { format!(" {rest} after it wait for it.") } else { String::new() };
    let text = format!("Its pod {} is not ready.{waits}", pod.name());
    let verdict = Verdict::of(object, &state, text).seen(seen).because(cause);
    let old = pod.label("controller-revision-hash").unwrap_or_default();
    if old != update && !update.is_empty() && pods.len() > blocks {
        // The template was mended, and the pod that the earlier one broke stands in its way.
        let text = format!(
            "{} Its template was changed since, but the set does not replace a pod that is not ready.",
            verdict.verdict
        );
        let mut verdict = Verdict { verdict: text, ..verdict }.rule(FORCED);
        verdict.mend = vec![Mend::line(on(pod, "delete"))];
        return verdict;
    }
    Verdict { rule: ORDERED.0.into(), page: format!("{}{}", super::DOCS, ORDERED.1), ..verdict }
}

fn deployment(view: &View<'_>, object: &Object, deployment: &Deployment, now: Time) -> Verdict {
    let replicas = deployment.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
    let status = deployment.status.as_ref();
    let ready = status.and_then(|s| s.ready_replicas).unwrap_or(0);
    let state = format!("{ready}/{replicas}");
    if deployment.spec.as_ref().and_then(|s| s.paused) == Some(true) {
        let line = format!("kubectl rollout resume{} deployment/{}", in_namespace(object), object.name());
        return Verdict::of(object, &state, "It is paused: changes of its template wait.")
            .rule(ROLLOUT)
            .mend([Mend::line(line)]);
    }
    let conditions = || status.iter().flat_map(|s| s.conditions.iter().flatten());
    if let Some(failure) = conditions().find(|c| c.type_ == "ReplicaFailure" && c.status == "True") {
        return refused_pods(object, &state, failure.message.as_deref().unwrap_or_default());
    }
    let sets = view.indexed(Kind::ReplicaSet, Index::Owner, object.uid());
    let pods: Vec<&Object> = sets.flat_map(|set| pods_of(view, set)).collect();
    by_pods(view, object, &state, ready >= replicas, &pods, now)
}

fn replica_set(view: &View<'_>, object: &Object, set: &ReplicaSet, now: Time) -> Verdict {
    let replicas = set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
    let status = set.status.as_ref();
    let ready = status.and_then(|s| s.ready_replicas).unwrap_or(0);
    let state = format!("{ready}/{replicas}");
    let mut conditions = status.iter().flat_map(|s| s.conditions.iter().flatten());
    if let Some(failure) = conditions.find(|c| c.type_ == "ReplicaFailure" && c.status == "True") {
        return refused_pods(object, &state, failure.message.as_deref().unwrap_or_default());
    }
    by_pods(view, object, &state, ready >= replicas, &pods_of(view, object), now)
}

fn refused_pods(object: &Object, state: &str, why: &str) -> Verdict {
    Verdict::of(object, state, format!("The API server refuses its pods: {why}.")).rule((
        "A pod that a quota, a limit or a policy of its namespace forbids is not made.",
        "concepts/policy/resource-quotas/",
    ))
}

fn by_pods(view: &View<'_>, object: &Object, state: &str, enough: bool, pods: &[&Object], now: Time) -> Verdict {
    let faulty = pods.iter().find(|pod| !pod.is_terminating() && !is_ready(pod));
    let seen: Vec<Candidate> = pods.iter().take(50).map(|pod| candidate(pod)).collect();
    match faulty {
        None if enough => Verdict::well(object, state, "All of its pods are ready.").rule(ROLLOUT),
        None => Verdict::well(object, state, "Its pods are on their way.").rule(ROLLOUT).seen(seen),
        Some(pod) => {
            let cause = explain_object(view, pod, now);
            let well = cause.well;
            let text = format!("Its pod {} is not ready.", pod.name());
            Verdict { well, ..Verdict::of(object, state, text).seen(seen).because(cause) }
        }
    }
}

fn service(view: &View<'_>, object: &Object, service: &Service) -> Verdict {
    let spec = service.spec.as_ref();
    if let Some(name) = spec.and_then(|s| s.external_name.as_ref()) {
        return Verdict::well(object, "ExternalName", format!("It is another name for {name}.")).rule(SELECTOR);
    }
    let selector = spec.and_then(|s| s.selector.as_ref()).filter(|s| !s.is_empty());
    let Some(selector) = selector else {
        return Verdict::well(object, "", "It has no selector: its endpoints are made by hand.").rule(SELECTOR);
    };
    let matches = |labels: Option<&std::collections::BTreeMap<String, String>>| {
        selector.iter().all(|(k, v)| labels.and_then(|l| l.get(k)) == Some(v))
    };
    let pods: Vec<&Object> = view.list_in(Kind::Pod, object.namespace()).map(|o| o.as_ref()).collect();
    let selected: Vec<&&Object> = pods.iter().filter(|pod| matches(pod.meta().labels.as_ref())).collect();
    let ready = selected.iter().filter(|pod| is_ready(pod)).count();
    let state = format!("{ready} endpoints");
    if ready > 0 {
        return Verdict::well(object, &state, format!("It sends to {ready} pods.")).rule(SELECTOR);
    }
    if let Some(pod) = selected.first() {
        let seen = selected.iter().map(|pod| candidate(pod));
        let verdict = Verdict::of(object, &state, "No pod that it selects is ready.").rule(SELECTOR).seen(seen);
        let cause = explain_object(view, pod, Time::default());
        return verdict.because(cause);
    }
    let wanted: Vec<String> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let lacks = |pod: &Object| {
        let labels = pod.meta().labels.as_ref();
        let lacking = selector.iter().filter(|(k, v)| labels.and_then(|l| l.get(*k)) != Some(*v));
        lacking.map(|(k, v)| format!("has not the label {k}={v}")).collect::<Vec<String>>()
    };
    let seen = pods.iter().map(|pod| Candidate::new("pod", pod.name(), lacks(pod)));
    let text = format!("No pod carries the labels of its selector, {}.", wanted.join(","));
    let verdict = Verdict::of(object, &state, text).rule(SELECTOR).seen(seen);
    let nearest = pods.iter().filter(|pod| pod.meta().labels.is_some()).min_by_key(|pod| lacks(pod).len());
    let own = |pod: &Object| {
        let mut labels = pod.meta().labels.clone().unwrap_or_default();
        labels.retain(|key, _| {
            !key.contains("kubernetes.io/") && key != "pod-template-hash" && key != "controller-revision-hash"
        });
        labels
    };
    match nearest.map(|pod| own(pod)).filter(|labels| !labels.is_empty()) {
        Some(labels) => {
            let words: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let line = format!(
                "kubectl set selector{} service {} {}",
                in_namespace(object),
                object.name(),
                quoted(&words.join(","))
            );
            verdict.mend([Mend::line(line)])
        }
        None => verdict,
    }
}

fn job(view: &View<'_>, object: &Object, job: &Job, now: Time) -> Verdict {
    let spec = job.spec.as_ref();
    let status = job.status.as_ref();
    if spec.and_then(|s| s.suspend) == Some(true) {
        let mend = patch(object, &json!({"spec": {"suspend": false}}));
        return Verdict::of(object, "Suspended", "It is suspended: it has no pods.").rule(JOB).mend([mend]);
    }
    let conditions = || status.iter().flat_map(|s| s.conditions.iter().flatten());
    let is = |what: &str| conditions().find(|c| c.type_ == what && c.status == "True");
    if is("Complete").is_some() {
        return Verdict::well(object, "Complete", "It has succeeded.").rule(JOB);
    }
    let pods = pods_of(view, object);
    if let Some(failed) = is("Failed") {
        let text = format!("It has failed: {}.", failed.message.as_deref().unwrap_or_default());
        let last = pods.iter().max_by_key(|pod| pod.revision());
        let logs = last.map(|pod| Mend::line(format!("kubectl logs{} {}", in_namespace(pod), pod.name())));
        return Verdict::of(object, "Failed", text).rule(JOB).seen(pods.iter().map(|pod| candidate(pod))).mend(logs);
    }
    let running = pods.iter().find(|pod| {
        let phase = pod.get::<Pod>().and_then(|p| p.status.as_ref()?.phase.clone()).unwrap_or_default();
        phase != "Succeeded" && phase != "Failed"
    });
    match running {
        Some(pod) => {
            let cause = explain_object(view, pod, now);
            let well = cause.well;
            Verdict {
                well,
                ..Verdict::of(object, "Running", format!("Its pod {} is at it.", pod.name())).rule(JOB).because(cause)
            }
        }
        None => Verdict::well(object, "Running", "Its next pod is started after a pause.").rule(JOB),
    }
}

fn cron_job(object: &Object, cron: &CronJob) -> Verdict {
    match cron.spec.suspend {
        Some(true) => {
            let mend = patch(object, &json!({"spec": {"suspend": false}}));
            Verdict::of(object, "Suspended", "It is suspended: it starts no jobs.").rule(CRON).mend([mend])
        }
        _ => Verdict::well(object, "", "It starts its next job as its schedule says.").rule(CRON),
    }
}

fn budget(object: &Object, budget: &PodDisruptionBudget) -> Verdict {
    let status = budget.status.as_ref();
    let (allowed, healthy, desired, expected) = status.map_or((0, 0, 0, 0), |s| {
        (
            s.disruptions_allowed.unwrap_or(0),
            s.current_healthy.unwrap_or(0),
            s.desired_healthy.unwrap_or(0),
            s.expected_pods.unwrap_or(0),
        )
    });
    let state = format!("{allowed} allowed");
    if allowed > 0 {
        return Verdict::well(object, &state, format!("{healthy} of its pods are healthy, and {desired} must be."))
            .rule(BUDGET);
    }
    let selector = budget.spec.as_ref().and_then(|s| s.selector.as_ref());
    let everything = Selector::from_label_selector(selector).is_ok_and(|s| s.is_everything());
    if expected == 0 && !everything {
        return Verdict::of(object, &state, "Its selector finds no pods.").rule(BUDGET);
    }
    let text =
        format!("{healthy} of its pods are healthy, and {desired} must be: no eviction is allowed, and a drain waits.");
    let mend = patch(object, &json!({"spec": {"minAvailable": null, "maxUnavailable": 1}}));
    Verdict::of(object, &state, text).rule(BUDGET).mend([mend])
}

fn scaler(object: &Object, scaler: &HorizontalPodAutoscaler) -> Verdict {
    let conditions = || scaler.status.iter().flat_map(|s| s.conditions.iter().flatten());
    let bad = conditions().find(|c| matches!(c.type_.as_str(), "AbleToScale" | "ScalingActive") && c.status == "False");
    match bad {
        Some(condition) => {
            let text = format!("It does not scale: {}.", condition.message.as_deref().unwrap_or_default());
            let mend = (condition.reason.as_deref() == Some("FailedGetResourceMetric"))
                .then(|| Mend::line("kubectl apply -f metrics-server.yaml"));
            Verdict::of(object, condition.reason.as_deref().unwrap_or_default(), text).rule(SCALER).mend(mend)
        }
        None => Verdict::well(object, "", "It measures, and scales when it has to.").rule(SCALER),
    }
}

fn node(view: &View<'_>, object: &Object, node: &Node) -> Verdict {
    if view.kubelet_stopped_since(object.name()).is_some() {
        let line = format!("kstate node start {}", object.name());
        return Verdict::of(object, "NotReady", "Its kubelet is silent.").rule(NODE).mend([Mend::line(line)]);
    }
    if node.spec.as_ref().and_then(|s| s.unschedulable) == Some(true) {
        let line = format!("kubectl uncordon {}", object.name());
        return Verdict::of(object, "SchedulingDisabled", "It is cordoned: no new pods come.")
            .rule(NODE)
            .mend([Mend::line(line)]);
    }
    let kind = type_of(object.kind());
    Verdict::well(object, "Ready", format!("The {kind} is ready.")).rule(NODE)
}
