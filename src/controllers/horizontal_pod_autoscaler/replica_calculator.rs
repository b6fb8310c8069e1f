//! How many replicas a metric asks for.
//!
//! Mirrors `pkg/controller/podautoscaler/replica_calculator.go` and `metrics/utilization.go`.

use std::collections::BTreeMap;

use crate::api::k8s::api::core::v1::{Container, Pod};
use crate::api::quantity::amount;
use crate::api::{Duration, Time};
use crate::kinds::core::pod::resources::is_restartable_init;
use crate::kinds::core::pod::status::phase;
use crate::kinds::shared::access::{items, text};

/// `--horizontal-pod-autoscaler-cpu-initialization-period`
const CPU_INITIALIZATION_PERIOD: Duration = Duration::secs(300);

/// `--horizontal-pod-autoscaler-initial-readiness-delay`
const DELAY_OF_INITIAL_READINESS_STATUS: Duration = Duration::secs(30);

/// By how much the ratio of what is used to what is aimed at may be off 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tolerances {
    /// Below it.
    pub scale_down: f64,
    /// Above it.
    pub scale_up: f64,
}

impl Tolerances {
    fn is_within(self, ratio: f64) -> bool {
        1.0 - self.scale_down <= ratio && ratio <= 1.0 + self.scale_up
    }
}

/// What one pod uses, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PodMetric {
    /// When it was measured.
    pub timestamp: Time,
    /// Over how long.
    pub window: Duration,
    /// How much.
    pub value: i64,
}

impl PodMetric {
    fn assumed(value: i64) -> PodMetric {
        PodMetric { timestamp: Time::default(), window: Duration::ZERO, value }
    }
}

/// What is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// A percentage of what is requested.
    Utilization(i32),
    /// An amount for each pod, in thousandths.
    Usage(i64),
}

/// What a metric asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proposal {
    /// The replicas.
    pub replicas: i32,
    /// How much of what is requested is used; none where no percentage is aimed at.
    pub utilization: Option<i32>,
    /// What a pod uses on average, in thousandths.
    pub raw: i64,
}

/// All that the calculation goes by.
pub(super) struct Question<'a> {
    /// The replicas of now.
    pub current: i32,
    /// What is aimed at.
    pub aim: Aim,
    /// The resource.
    pub resource: &'a str,
    /// The container that counts; empty for the whole pod.
    pub container: &'a str,
    /// By how much it may be off.
    pub tolerances: Tolerances,
    /// When that is.
    pub now: Time,
}

type Metrics<'a> = BTreeMap<&'a str, PodMetric>;

/// Which pods count. Mirrors `groupPods`.
#[derive(Default)]
struct Groups<'a> {
    ready: usize,
    unready: Vec<&'a str>,
    missing: Vec<&'a str>,
    ignored: Vec<&'a str>,
}

fn name(pod: &Pod) -> &str {
    text(&pod.metadata.name)
}

impl Question<'_> {
    /// How many replicas what the pods use asks for.
    ///
    /// # Errors
    /// Why nothing can be said.
    pub(super) fn replicas<'p>(&self, pods: &[&'p Pod], mut metrics: Metrics<'p>) -> Result<Proposal, String> {
        if pods.is_empty() {
            return Err("no pods returned by selector while calculating replica count".into());
        }
        let groups = self.group(pods, &metrics);
        metrics.retain(|pod, _| !groups.ignored.contains(pod) && !groups.unready.contains(pod));
        if metrics.is_empty() {
            return Err("did not receive metrics for targeted pods (pods might be unready)".into());
        }
        let requests = match self.aim {
            Aim::Utilization(_) => self.requests(pods)?,
            Aim::Usage(_) => BTreeMap::new(),
        };
        let (ratio, utilization, raw) = self.ratio(&metrics, &requests)?;
        let proposal = |replicas| Proposal { replicas, utilization, raw };
        let scales_up_with_unready = !groups.unready.is_empty() && ratio > 1.0;
        if !scales_up_with_unready && groups.missing.is_empty() {
            return Ok(proposal(match self.tolerances.is_within(ratio) {
                true => self.current,
                false => ceil(ratio * groups.ready as f64),
            }));
        }
        for pod in &groups.missing {
            if ratio < 1.0 {
                // On a scale-down, what is missing counts as using all.
                let value = match self.aim {
                    Aim::Usage(target) => target,
                    Aim::Utilization(target) => {
                        let request = requests.get(pod).copied().unwrap_or(0);
                        request.saturating_mul(i64::from(target.max(100))) / 100
                    }
                };
                metrics.insert(pod, PodMetric::assumed(value));
            } else if ratio > 1.0 {
                metrics.insert(pod, PodMetric::assumed(0));
            }
        }
        if scales_up_with_unready {
            metrics.extend(groups.unready.iter().map(|pod| (*pod, PodMetric::assumed(0))));
        }
        let (again, ..) = self.ratio(&metrics, &requests)?;
        let turns = ratio < 1.0 && again > 1.0 || ratio > 1.0 && again < 1.0;
        if self.tolerances.is_within(again) || turns {
            return Ok(proposal(self.current));
        }
        let replicas = ceil(again * metrics.len() as f64);
        let turns = again < 1.0 && replicas > self.current || again > 1.0 && replicas < self.current;
        Ok(proposal(if turns { self.current } else { replicas }))
    }

    fn group<'p>(&self, pods: &[&'p Pod], metrics: &Metrics<'p>) -> Groups<'p> {
        let mut groups = Groups::default();
        for pod in pods {
            let name = name(pod);
            if pod.metadata.deletion_timestamp.is_some() || phase(pod) == "Failed" {
                groups.ignored.push(name);
            } else if phase(pod) == "Pending" {
                groups.unready.push(name);
            } else {
                match metrics.get(name) {
                    None => groups.missing.push(name),
                    Some(metric) if self.resource == "cpu" && self.is_unready(pod, metric) => {
                        groups.unready.push(name);
                    }
                    Some(_) => groups.ready += 1,
                }
            }
        }
        groups
    }

    /// Whether what a pod uses says nothing yet.
    fn is_unready(&self, pod: &Pod, metric: &PodMetric) -> bool {
        let status = pod.status.as_ref();
        let condition = status.and_then(|s| items(&s.conditions).iter().find(|c| c.type_ == "Ready"));
        let started = status.and_then(|s| s.start_time.as_ref()).map(Time::from_meta);
        let (Some(condition), Some(started)) = (condition, started) else { return true };
        let since = condition.last_transition_time.as_ref().map(Time::from_meta).unwrap_or_default();
        let is_false = condition.status == "False";
        match started + CPU_INITIALIZATION_PERIOD > self.now {
            true => is_false || metric.timestamp < since + metric.window,
            false => is_false && started + DELAY_OF_INITIAL_READINESS_STATUS > since,
        }
    }

    /// Mirrors `calculateRequests`.
    fn requests<'p>(&self, pods: &[&'p Pod]) -> Result<BTreeMap<&'p str, i64>, String> {
        pods.iter().map(|pod| self.request(pod).map(|request| (name(pod), request))).collect()
    }

    fn request(&self, pod: &Pod) -> Result<i64, String> {
        let Some(spec) = &pod.spec else { return Ok(0) };
        let (resource, name) = (self.resource, name(pod));
        let of_pod = spec.resources.as_ref().and_then(|r| r.requests.as_ref()).filter(|r| !r.is_empty());
        if let (Some(requests), true) = (of_pod, self.container.is_empty()) {
            let request = amount(Some(requests), resource).map(|q| q.milli_value());
            return request.ok_or_else(|| format!("missing pod-level request for {resource} in Pod {name}"));
        }
        let of = |container: &Container| {
            let requests = container.resources.as_ref().and_then(|r| r.requests.as_ref());
            amount(requests, resource)
                .map(|q| q.milli_value())
                .ok_or_else(|| format!("missing request for {resource} in container {} of Pod {name}", container.name))
        };
        let sidecars = items(&spec.init_containers).iter().filter(|c| is_restartable_init(c));
        let mut all = spec.containers.iter().chain(sidecars);
        if self.container.is_empty() {
            return all.map(of).sum();
        }
        let found = all.find(|c| c.name == self.container);
        found.map_or_else(|| Err(format!("container {} not found in Pod {name}", self.container)), of)
    }

    /// The ratio of what is used to what is aimed at, the utilization, and what a pod uses on average. Mirrors
    /// `GetResourceUtilizationRatio` and `GetMetricUsageRatio`.
    fn ratio(&self, metrics: &Metrics<'_>, requests: &BTreeMap<&str, i64>) -> Result<(f64, Option<i32>, i64), String> {
        match self.aim {
            Aim::Usage(target) => {
                let total = metrics.values().fold(0i64, |sum, m| sum.saturating_add(m.value));
                let usage = total / metrics.len().max(1) as i64;
                Ok((usage as f64 / target as f64, None, usage))
            }
            Aim::Utilization(target) => {
                let known = metrics.iter().filter_map(|(pod, metric)| Some((metric.value, *requests.get(pod)?)));
                let (used, requested, count) = known
                    .fold((0i64, 0i64, 0i64), |(u, r, n), (v, q)| (u.saturating_add(v), r.saturating_add(q), n + 1));
                if requested == 0 {
                    return Err("no metrics returned matched known pods".into());
                }
                let utilization = i32::try_from(used.saturating_mul(100) / requested).unwrap_or(i32::MAX);
                Ok((f64::from(utilization) / f64::from(target), Some(utilization), used / count.max(1)))
            }
        }
    }
}

fn ceil(replicas: f64) -> i32 {
    replicas.ceil().min(f64::from(i32::MAX)) as i32
}

#[cfg(test)]
mod tests;
