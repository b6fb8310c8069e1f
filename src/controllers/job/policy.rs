//! What a pod's end means: whether it counts, how long to wait after it, and whether the Job has enough.

use std::sync::Arc;

use crate::api::k8s::api::batch::v1::{
    JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule, SuccessPolicy,
};
use crate::api::k8s::api::core::v1::{ContainerStatus, Pod};
use crate::api::{Duration, Object, Time};
use crate::controllers::job::indexes::Indexes;
use crate::controllers::job::pod_of;

/// How long a pod's replacement waits after the first failure; it doubles with each.
const FIRST_BACKOFF: Duration = Duration::secs(10);
const MAX_BACKOFF: Duration = Duration::minutes(10);

const FAILURE_COUNT: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED_FAILURE_COUNT: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// What a failure policy says of a failed pod.
pub(super) struct Verdict {
    /// Why the whole Job fails, if it does.
    pub(super) fails_job: Option<String>,
    /// Whether the failure counts towards the limits.
    pub(super) counts: bool,
    /// Whether the pod's index fails at once.
    pub(super) fails_index: bool,
}

/// Asks the failure policy about a failed pod. Mirrors `matchPodFailurePolicy`.
pub(super) fn match_pod_failure_policy(policy: Option<&PodFailurePolicy>, object: &Arc<Object>) -> Verdict {
    let counted = Verdict { fails_job: None, counts: true, fails_index: false };
    let (Some(policy), Some(pod)) = (policy, pod_of(object)) else { return counted };
    for (i, rule) in policy.rules.iter().enumerate() {
        let Some(reason) = match_rule(rule, pod, object, i) else { continue };
        match rule.action.as_str() {
            "Ignore" => return Verdict { counts: false, ..counted },
            "FailIndex" => return Verdict { fails_index: true, ..counted },
            "FailJob" => return Verdict { fails_job: Some(reason), ..counted },
            "Count" => return counted,
            _ => {}
        }
    }
    counted
}

/// What of a pod matches a rule, as the Job's condition tells it.
fn match_rule(rule: &PodFailurePolicyRule, pod: &Pod, object: &Object, index: usize) -> Option<String> {
    let status = pod.status.as_ref()?;
    let at = format!("{}/{}", object.namespace(), object.name());
    let rule_at = format!("matching {} rule at index {index}", rule.action);
    if let Some(codes) = &rule.on_exit_codes {
        let containers = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
        let (name, code) = containers.filter_map(|c| Some((&c.name, failed_with(c, codes)?))).next()?;
        return Some(format!("Container {name} for pod {at} failed with exit code {code} {rule_at}"));
    }
    let patterns = rule.on_pod_conditions.as_deref()?;
    let mut conditions = status.conditions.iter().flatten();
    let condition = conditions
        .find(|c| patterns.iter().any(|p| p.type_ == c.type_ && p.status.as_deref() == Some(c.status.as_str())))?;
    Some(format!("Pod {at} has condition {} {rule_at}", condition.type_))
}

fn failed_with(container: &ContainerStatus, codes: &PodFailurePolicyOnExitCodesRequirement) -> Option<i32> {
    let code = container.state.as_ref()?.terminated.as_ref()?.exit_code;
    let asked = codes.container_name.as_ref().is_none_or(|name| *name == container.name);
    let listed = codes.values.contains(&code);
    let matches = match codes.operator.as_str() {
        "In" => listed,
        "NotIn" => !listed,
        _ => false,
    };
    (asked && code != 0 && matches).then_some(code)
}

/// Which rule of a success policy the indexes satisfy. Mirrors `matchSuccessPolicy`.
pub(super) fn match_success_policy(policy: &SuccessPolicy, completions: i32, succeeded: &Indexes) -> Option<String> {
    if succeeded.0.is_empty() {
        return None;
    }
    let met = policy.rules.iter().position(|rule| match (&rule.succeeded_indexes, rule.succeeded_count) {
        (Some(indexes), count) => {
            let wanted = Indexes::parse(indexes, completions);
            let had = wanted.0.intersection(&succeeded.0).count();
            !wanted.0.is_empty()
                && (had == wanted.0.len() || count.is_some_and(|n| had >= usize::try_from(n).unwrap_or(0)))
        }
        (None, Some(count)) => succeeded.total() >= count,
        (None, None) => false,
    });
    met.map(|index| format!("Matched rules at index {index}"))
}

/// The failures since the last success, which decide when the next pod is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: i32,
    last: Option<Time>,
}

impl Backoff {
    /// Reads what an earlier sync remembered.
    pub(super) fn parse(note: Option<&str>) -> Backoff {
        let mut parts = note.unwrap_or_default().split(' ');
        let failures = parts.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        Backoff { failures, last: parts.next().and_then(|t| t.parse().ok()).map(Time) }
    }

    /// What to remember.
    pub(super) fn note(&self) -> String {
        format!("{} {}", self.failures, self.last.map_or_else(String::new, |t| t.0.to_string()))
    }

    /// The record after some pods more have ended. Mirrors `newBackoffRecord`.
    pub(super) fn after(self, succeeded: &[Arc<Object>], failed: &[Arc<Object>]) -> Backoff {
        let last_of = |pods: &[Arc<Object>]| pods.iter().map(finished_time).max();
        let Some(success) = last_of(succeeded) else {
            let failures = i32::try_from(failed.len()).unwrap_or(i32::MAX);
            return Backoff { failures: self.failures.saturating_add(failures), last: last_of(failed).or(self.last) };
        };
        let later: Vec<Time> = failed.iter().map(finished_time).filter(|t| *t > success).collect();
        Backoff { failures: i32::try_from(later.len()).unwrap_or(i32::MAX), last: later.into_iter().max() }
    }

    /// How long the next pod has to wait still.
    pub(super) fn remaining(&self, now: Time) -> Duration {
        match self.last {
            Some(last) => remaining_after(self.failures, last, now),
            None => Duration::ZERO,
        }
    }
}

fn remaining_after(failures: i32, last: Time, now: Time) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let doublings = u32::try_from(failures - 1).unwrap_or(0).min(10);
    let wait = (FIRST_BACKOFF * (1 << doublings)).min(MAX_BACKOFF);
    (last + wait - now).max(Duration::ZERO)
}

/// How long the replacement of an index's last failed pod has to wait still. Mirrors `getRemainingTimePerIndex`.
pub(super) fn remaining_for_index(failed: Option<&Arc<Object>>, now: Time) -> Duration {
    let Some(pod) = failed else { return Duration::ZERO };
    remaining_after(index_failures(pod).1.saturating_add(1), finished_time(pod), now)
}

/// How many pods failed before this one for the same index: those that count, and all of them.
pub(super) fn index_failures(pod: &Arc<Object>) -> (i32, i32) {
    let count = |key: &str| pod.annotation(key).and_then(|n| n.parse::<i32>().ok()).unwrap_or(0).max(0);
    let counted = count(FAILURE_COUNT);
    (counted, counted.saturating_add(count(IGNORED_FAILURE_COUNT)))
}

/// The annotations of a pod that replaces a failed one of its index. Mirrors `addIndexFailureCountAnnotation`.
pub(super) fn index_failure_annotations(spec: &JobSpec, replaced: Option<&Arc<Object>>) -> Vec<(String, String)> {
    let (mut counted, mut ignored) = (0, 0);
    if let Some(pod) = replaced {
        let (before, all) = index_failures(pod);
        let counts = match_pod_failure_policy(spec.pod_failure_policy.as_ref(), pod).counts;
        counted = before + i32::from(counts);
        ignored = all - before + i32::from(!counts);
    }
    let mut annotations = vec![(FAILURE_COUNT.to_string(), counted.to_string())];
    if ignored > 0 {
        annotations.push((IGNORED_FAILURE_COUNT.to_string(), ignored.to_string()));
    }
    annotations
}

/// When a pod ended, as well as it can be told. Mirrors `getFinishedTime`.
pub(super) fn finished_time(object: &Arc<Object>) -> Time {
    let Some(pod) = pod_of(object) else { return Time(0) };
    let status = pod.status.clone().unwrap_or_default();
    let ends = status.container_statuses.iter().flatten().map(|c| {
        let ended = c.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref()?;
        Some(Time::from_meta(ended))
    });
    let containers: Option<Vec<Time>> = ends.collect();
    let not_ready = || {
        let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready" && c.status == "False")?;
        ready.last_transition_time.as_ref().map(Time::from_meta)
    };
    let deleted = || {
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
        pod.metadata.deletion_timestamp.as_ref().map(|t| Time::from_meta(t) - Duration::secs(grace))
    };
    let created = || pod.metadata.creation_timestamp.as_ref().map(Time::from_meta);
    let ended = containers.and_then(|ends| ends.into_iter().max());
    ended.or_else(not_ready).or_else(deleted).or_else(created).unwrap_or(Time(0))
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use crate::api::{Duration, Time};

    #[test]
    fn waits_double_up_to_ten_minutes() {
        let waits = |failures| Backoff { failures, last: Some(Time(0)) }.remaining(Time(0));
        let wanted = [0, 10, 20, 40, 80, 160, 320, 600, 600].map(Duration::secs);
        assert_eq!(std::array::from_fn(|n| waits(n as i32)), wanted);
        assert_eq!(Backoff { failures: 1, last: Some(Time(0)) }.remaining(Time(11_000)), Duration::ZERO);
        let record = Backoff { failures: 3, last: Some(Time(5)) };
        assert_eq!(Backoff::parse(Some(&record.note())), record);
        assert_eq!(Backoff::parse(Some(&Backoff::default().note())), Backoff::default());
    }
}
