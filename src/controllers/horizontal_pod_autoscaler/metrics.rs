//! What an autoscaler's metrics say, and what is said of those that can't be had.
//!
//! Resource metrics come from a metrics server; nobody in the cluster serves custom or external ones.

use std::collections::BTreeMap;

use super::replica_calculator::{Aim, PodMetric, Proposal, Question, Tolerances};
use super::{Scale, Sync};
use crate::api::k8s::api::autoscaling::v2::{
    ContainerResourceMetricStatus, HPAScalingRules, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus,
    ResourceMetricStatus,
};
use crate::api::k8s::api::core::v1::Pod;
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::quantity::Format;
use crate::api::selector::{Selector, go_selector};
use crate::api::{Kind, Quantity};
use crate::controllers::metrics::{Availability, Meter, availability};

/// `--horizontal-pod-autoscaler-tolerance`
const TOLERANCE: f64 = 0.1;

/// What comes of asking for metrics of resources where nobody serves them, and where who does is down.
const NO_RESOURCE_METRICS: &str = "unable to fetch metrics from resource metrics API: the server could not find the \
                                   requested resource (get pods.metrics.k8s.io)";
const UNAVAILABLE: &str = "unable to fetch metrics from resource metrics API: the server is currently unable to handle \
                           the request (get pods.metrics.k8s.io)";
const NO_CUSTOM_METRICS: &str = "unable to fetch metrics from custom metrics API: no custom metrics API \
                                 (custom.metrics.k8s.io) registered";

/// What a metric asks for.
pub(super) struct Computed {
    pub replicas: i32,
    /// As the reason of a change has it.
    pub name: String,
    pub status: MetricStatus,
}

/// Why a metric can't be had: the reason, the fault as the metric's own, and as one among several.
pub(super) struct Failed {
    pub reason: &'static str,
    pub inner: String,
    pub outer: String,
}

impl Sync<'_> {
    /// What one metric asks for. Mirrors `computeReplicasForMetric`.
    pub(super) fn compute_replicas_for_metric(&self, spec: &MetricSpec, scale: &Scale) -> Result<Computed, Failed> {
        if let Some(source) = spec.resource.as_ref().filter(|_| spec.type_ == "Resource") {
            let asked = self.ask(scale, (&source.name, ""), &source.target);
            let (proposal, current, name) = asked.map_err(|inner| Failed {
                reason: "FailedGetResourceMetric",
                outer: format!("failed to get {} resource metric value: {inner}", source.name),
                inner,
            })?;
            let resource = Some(ResourceMetricStatus { name: source.name.clone(), current });
            let status = MetricStatus { type_: spec.type_.clone(), resource, ..MetricStatus::default() };
            return Ok(Computed { replicas: proposal.replicas, name, status });
        }
        if let Some(source) = spec.container_resource.as_ref().filter(|_| spec.type_ == "ContainerResource") {
            let asked = self.ask(scale, (&source.name, &source.container), &source.target);
            let (proposal, current, name) = asked.map_err(|inner| Failed {
                reason: "FailedGetContainerResourceMetric",
                outer: format!("failed to get {} container metric value: {inner}", source.container),
                inner,
            })?;
            let container_resource = Some(ContainerResourceMetricStatus {
                name: source.name.clone(),
                container: source.container.clone(),
                current,
            });
            let status = MetricStatus { type_: spec.type_.clone(), container_resource, ..MetricStatus::default() };
            return Ok(Computed { replicas: proposal.replicas, name, status });
        }
        Err(unavailable(spec, self.object.namespace()))
    }

    /// What a resource's metric asks for, what the status says of it, and how it is named. Mirrors
    /// `computeStatusForResourceMetricGeneric`.
    fn ask(
        &self,
        scale: &Scale,
        (resource, container): (&str, &str),
        target: &MetricTarget,
    ) -> Result<(Proposal, MetricValueStatus, String), String> {
        let milli = |q: &Text| Quantity::parse(&q.0).map_or(0, |q| q.milli_value());
        let (aim, what) = match (&target.average_value, target.average_utilization) {
            (Some(value), _) => (Aim::Usage(milli(value)), "usage"),
            (None, Some(percent)) => (Aim::Utilization(percent), "utilization"),
            (None, None) => {
                return Err("invalid resource metric source: neither an average utilization target nor an average \
                            value (usage) target was set"
                    .into());
            }
        };
        let proposal = self.resource_replicas(scale, (resource, container), aim);
        let proposal = proposal.map_err(|fault| format!("failed to get {resource} {what}: {fault}"))?;
        let format = if resource == "memory" { Format::BinarySi } else { Format::DecimalSi };
        let current = MetricValueStatus {
            average_utilization: proposal.utilization,
            average_value: Some(Text(Quantity::from_milli(proposal.raw, format).to_string())),
            value: None,
        };
        let name = match (aim, container) {
            (Aim::Usage(_), _) => format!("{resource} resource"),
            (_, "") => format!("{resource} resource utilization (percentage of request)"),
            _ => format!("{resource} container resource utilization (percentage of request)"),
        };
        Ok((proposal, current, name))
    }

    /// Mirrors `GetResourceReplicas` and `GetRawResourceReplicas`.
    fn resource_replicas(
        &self,
        scale: &Scale,
        (resource, container): (&str, &str),
        aim: Aim,
    ) -> Result<Proposal, String> {
        let failed = |fault: &str| Err(format!("unable to get metrics for resource {resource}: {fault}"));
        match availability(self.view) {
            Availability::Absent => return failed(NO_RESOURCE_METRICS),
            Availability::Unavailable => return failed(UNAVAILABLE),
            Availability::Available => {}
        }
        let selector = Selector::parse(&scale.selector).unwrap_or_else(|_| Selector::nothing());
        let pods = self.view.list_in(Kind::Pod, self.object.namespace());
        let pods: Vec<_> = pods.filter(|p| selector.matches(&p.meta().labels)).collect();
        let meter = Meter::new(self.view, self.now);
        let measured: Vec<_> = pods.iter().filter_map(|p| Some((p.name(), meter.pod(p)?))).collect();
        if measured.is_empty() {
            return failed("no metrics returned from resource metrics API");
        }
        let mut metrics: BTreeMap<&str, PodMetric> = BTreeMap::new();
        for (pod, usage) in &measured {
            let counted = usage.containers.iter().filter(|c| container.is_empty() || c.name == container);
            let amounts = counted.filter_map(|c| match resource {
                // Quantities round up.
                "cpu" => Some(c.cpu.saturating_add(999_999) / 1_000_000),
                "memory" => Some((c.memory / 1024).saturating_mul(1024 * 1000)),
                _ => None,
            });
            let amounts: Vec<i64> = amounts.collect();
            if !amounts.is_empty() {
                let value = amounts.into_iter().fold(0i64, i64::saturating_add);
                metrics.insert(pod, PodMetric { timestamp: usage.timestamp, window: usage.window, value });
            }
        }
        let (current, tolerances, now) = (scale.replicas, self.tolerances(), self.now);
        let question = Question { current, aim, resource, container, tolerances, now };
        let pods: Vec<&Pod> = pods.iter().filter_map(|o| o.get::<Pod>()).collect();
        question.replicas(&pods, metrics)
    }

    /// Mirrors `tolerancesForHpa`.
    fn tolerances(&self) -> Tolerances {
        let behavior = self.autoscaler.spec.behavior.as_ref();
        let of = |rules: Option<&HPAScalingRules>| {
            let given = rules.and_then(|r| r.tolerance.as_ref());
            given.and_then(|q| Quantity::parse(&q.0).ok()).map_or(TOLERANCE, |q| q.as_f64())
        };
        Tolerances {
            scale_down: of(behavior.and_then(|b| b.scale_down.as_ref())),
            scale_up: of(behavior.and_then(|b| b.scale_up.as_ref())),
        }
    }
}

/// Of metrics that applications report: that nobody serves them.
fn unavailable(metric: &MetricSpec, namespace: &str) -> Failed {
    if let Some(source) = metric.object.as_ref().filter(|_| metric.type_ == "Object") {
        let (name, about) = (&source.metric.name, &source.described_object);
        // The original's arguments are in this order.
        let fault =
            format!("unable to get metric {name}: {} on {namespace} {}/{NO_CUSTOM_METRICS}", about.kind, about.name);
        let inner = fault.clone();
        let outer = match source.target.type_.as_str() {
            "AverageValue" => format!("failed to get {name} object metric: {fault}"),
            _ => fault,
        };
        let outer = format!("failed to get object metric value: {outer}");
        return Failed { reason: "FailedGetObjectMetric", inner, outer };
    }
    if let Some(source) = metric.pods.as_ref().filter(|_| metric.type_ == "Pods") {
        let inner = format!("unable to get metric {}: {NO_CUSTOM_METRICS}", source.metric.name);
        let outer = format!("failed to get pods metric value: {inner}");
        return Failed { reason: "FailedGetPodsMetric", inner, outer };
    }
    if let Some(source) = metric.external.as_ref().filter(|_| metric.type_ == "External") {
        let name = &source.metric.name;
        let inner = format!(
            "unable to get external metric {namespace}/{name}/{}: unable to fetch metrics from external metrics API: the \
             server could not find the requested resource (get {name}.external.metrics.k8s.io)",
            go_selector(source.metric.selector.as_ref()),
        );
        let outer = match source.target.average_value {
            Some(_) => format!("failed to get {name} external metric: {inner}"),
            None => format!("failed to get external metric {name}: {inner}"),
        };
        let outer = format!("failed to get {name} external metric value: {outer}");
        return Failed { reason: "FailedGetExternalMetric", inner, outer };
    }
    let fault = format!("unknown metric source type {:?}", metric.type_);
    Failed { reason: "InvalidMetricSourceType", inner: fault.clone(), outer: fault }
}
