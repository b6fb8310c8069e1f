//! Metrics of an autoscaler, as tables and descriptions show them.

use crate::api::k8s::api::autoscaling::v2::{MetricSpec, MetricStatus, MetricTarget, MetricValueStatus};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity;
use crate::kinds::Description;
use crate::kinds::Version;
use crate::kinds::shared::describe::quantity;

const UNKNOWN: &str = "<unknown>";

/// How many metrics a cell shows.
const SHOWN: usize = 2;

/// What a metric asks for, and how it is shown.
struct Shown<'a> {
    /// What is aimed at.
    target: &'a MetricTarget,
    /// What was measured.
    current: Option<&'a MetricValueStatus>,
    /// The resource that is measured; none for metrics that applications report.
    resource: Option<&'a str>,
}

fn shown<'a>(spec: &'a MetricSpec, status: Option<&'a MetricStatus>) -> Option<Shown<'a>> {
    Some(match spec.type_.as_str() {
        "External" => Shown {
            target: &spec.external.as_ref()?.target,
            current: status.and_then(|s| s.external.as_ref()).map(|s| &s.current),
            resource: None,
        },
        "Pods" => Shown {
            target: &spec.pods.as_ref()?.target,
            current: status.and_then(|s| s.pods.as_ref()).map(|s| &s.current),
            resource: None,
        },
        "Object" => Shown {
            target: &spec.object.as_ref()?.target,
            current: status.and_then(|s| s.object.as_ref()).map(|s| &s.current),
            resource: None,
        },
        "Resource" => {
            let source = spec.resource.as_ref()?;
            let current = status.and_then(|s| s.resource.as_ref()).map(|s| &s.current);
            Shown { target: &source.target, current, resource: Some(&source.name) }
        }
        "ContainerResource" => {
            let source = spec.container_resource.as_ref()?;
            let current = status.and_then(|s| s.container_resource.as_ref()).map(|s| &s.current);
            Shown { target: &source.target, current, resource: Some(&source.name) }
        }
        _ => return None,
    })
}

fn amount(value: Option<&Quantity>) -> String {
    value.map_or_else(|| "<nil>".to_string(), quantity)
}

impl Shown<'_> {
    fn average_value(&self) -> String {
        self.current.map_or_else(|| UNKNOWN.to_string(), |c| amount(c.average_value.as_ref()))
    }

    fn value(&self) -> String {
        self.current.map_or_else(|| UNKNOWN.to_string(), |c| amount(c.value.as_ref()))
    }

    fn utilization_target(&self) -> String {
        self.target.average_utilization.map_or_else(|| "<auto>".to_string(), |n| format!("{n}%"))
    }
}

/// The cell of all metrics. Mirrors `formatHPAMetrics`.
pub(super) fn format_hpa_metrics(specs: &[MetricSpec], statuses: &[MetricStatus], version: Version) -> String {
    if specs.is_empty() {
        return "<none>".into();
    }
    let cells = specs.iter().enumerate().take(SHOWN).map(|(i, spec)| format_metric(spec, statuses.get(i), version));
    let list = cells.collect::<Vec<_>>().join(", ");
    match specs.len() {
        n if n > SHOWN => format!("{list} + {} more...", n - SHOWN),
        _ => list,
    }
}

fn format_metric(spec: &MetricSpec, status: Option<&MetricStatus>, version: Version) -> String {
    let Some(metric) = shown(spec, status) else { return "<unknown type>".into() };
    let target = metric.target;
    // Since 1.30 a cell says which resource it is about.
    let name = metric.resource.filter(|_| version >= Version(30)).map_or(String::new(), |name| format!("{name}: "));
    match (metric.resource, &target.average_value) {
        (Some(_), Some(goal)) => format!("{name}{}/{}", metric.average_value(), quantity(goal)),
        (Some(_), None) => {
            let current = metric.current.and_then(|c| c.average_utilization);
            let current = current.map_or_else(|| UNKNOWN.to_string(), |n| format!("{n}%"));
            format!("{name}{current}/{}", metric.utilization_target())
        }
        (None, goal) if spec.pods.is_some() && spec.type_ == "Pods" => {
            format!("{}/{}", metric.average_value(), amount(goal.as_ref()))
        }
        (None, Some(goal)) => {
            let current = metric.current.and_then(|c| c.average_value.as_ref());
            let current = current.map_or_else(|| UNKNOWN.to_string(), quantity);
            format!("{current}/{} (avg)", quantity(goal))
        }
        (None, None) => format!("{}/{}", metric.value(), amount(target.value.as_ref())),
    }
}

/// One line for each metric.
pub(super) fn describe_metrics(d: &mut Description, specs: &[MetricSpec], statuses: &[MetricStatus]) {
    for (i, spec) in specs.iter().enumerate() {
        match describe_metric(spec, statuses.get(i)) {
            Some(line) => d.write(1, line + "\n"),
            None => d.write(1, format!("<unknown metric type {:?}>\n", spec.type_)),
        }
    }
}

fn describe_metric(spec: &MetricSpec, status: Option<&MetricStatus>) -> Option<String> {
    let metric = shown(spec, status)?;
    let target = metric.target;
    let average = || format!("{} / {}", metric.average_value(), amount(target.average_value.as_ref()));
    let value = || format!("{} / {}", metric.value(), amount(target.value.as_ref()));
    Some(match spec.type_.as_str() {
        "External" => {
            let name = &spec.external.as_ref()?.metric.name;
            match &target.average_value {
                Some(goal) => {
                    let current = metric.current.and_then(|c| c.average_value.as_ref());
                    let current = current.map_or_else(|| UNKNOWN.to_string(), quantity);
                    format!("{name:?} (target average value):\t{current} / {}", quantity(goal))
                }
                None => format!("{name:?} (target value):\t{}", value()),
            }
        }
        "Pods" => format!("{:?} on pods:\t{}", spec.pods.as_ref()?.metric.name, average()),
        "Object" => {
            let source = spec.object.as_ref()?;
            let about = &source.described_object;
            let head = format!("\"{}\" on {}/{} ", source.metric.name, about.kind, about.name);
            match target.type_.as_str() {
                "AverageValue" => format!("{head}(target average value):\t{}", average()),
                _ => format!("{head}(target value):\t{}", value()),
            }
        }
        _ => {
            let name = metric.resource?;
            let head = match &spec.container_resource {
                Some(source) if spec.type_ == "ContainerResource" => {
                    format!("resource {name} of container \"{}\" on pods", source.container)
                }
                _ => format!("resource {name} on pods"),
            };
            if target.average_value.is_some() {
                return Some(format!("{head}:\t{}", average()));
            }
            let current = metric.current.and_then(|c| Some((c.average_utilization?, c.average_value.as_ref())));
            let current =
                current.map_or_else(|| UNKNOWN.to_string(), |(share, value)| format!("{share}% ({})", amount(value)));
            // The two blanks are the indentation of a second write.
            format!("{head}  (as a percentage of request):\t{current} / {}", metric.utilization_target())
        }
    })
}
