//! `top pod`. Mirrors `top_pod.go`.

use serde_json::Value;

use super::print::{Lines, Usage};
use super::{check_available, check_sort_by, metrics};
use crate::api::request::ListOptions;
use crate::api::selector::{FieldSelector, Selector};
use crate::api::{Duration, Kind, Object, Time, go_sort};
use crate::error::Failure;
use crate::kubectl::print::errors::usage;
use crate::kubectl::session::Session;

/// How long metrics may take to come.
const METRICS_CREATION_DELAY: Duration = Duration::secs(120);

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The pod
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Selector (field query) to filter on
    #[arg(long)]
    field_selector: Option<String>,
    /// If non-empty, sort pods list using specified field: cpu or memory
    #[arg(long, default_value = "")]
    sort_by: String,
    /// If present, print usage of containers within a pod
    #[arg(long)]
    containers: bool,
    /// If present, list the requested object(s) across all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// If present, print output without headers
    #[arg(long)]
    no_headers: bool,
    /// Enables using protocol-buffers to access Metrics API
    #[arg(long, default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    use_protocol_buffers: bool,
    /// Print the sum of the resource usage
    #[arg(long)]
    sum: bool,
    /// Print pod resources related to swap memory
    #[arg(long)]
    show_swap: bool,
}

pub(super) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let name = match args.names.as_slice() {
        [] => "",
        [name] => name.as_str(),
        _ => return Err(usage(session, "top pod", "pod [NAME | -l label]")),
    };
    check_sort_by(&args.sort_by)?;
    let (labels, fields) = (args.selector.clone().unwrap_or_default(), args.field_selector.clone().unwrap_or_default());
    if !name.is_empty() && (!labels.is_empty() || !fields.is_empty()) {
        return Err(Failure::error("only one of NAME or selector can be provided"));
    }
    Selector::parse(&labels).map_err(|e| Failure::error(e.to_string()))?;
    FieldSelector::parse(&fields).map_err(|e| Failure::error(e.to_string()))?;
    check_available(session)?;
    let namespace = if args.all_namespaces && name.is_empty() { "" } else { session.namespace.as_str() };
    let pods = metrics(session, ("pods", namespace, name), (labels.clone(), fields.clone()))?;
    if pods.is_empty() {
        verify_empty_metrics(session, name, labels, fields)?;
        session.ui.err(&match args.all_namespaces {
            true => "No resources found\n".to_string(),
            false => format!("No resources found in {} namespace.\n", session.namespace),
        });
        return Ok(());
    }
    session.ui.out(&print(args, pods));
    Ok(())
}

/// Why there are no metrics. Mirrors `verifyEmptyMetrics`.
fn verify_empty_metrics(session: &Session<'_>, name: &str, labels: String, fields: String) -> Result<(), Failure> {
    let pods = match name {
        "" => {
            let options = ListOptions { label_selector: labels, field_selector: fields, ..ListOptions::default() };
            session.client.list(Kind::Pod, &session.namespace, &options)?
        }
        name => vec![session.client.get(&session.key(Kind::Pod, name))?],
    };
    if pods.is_empty() {
        return Ok(());
    }
    pods.iter().try_for_each(|pod| check_pod_age(pod, session.client.now()))?;
    Err(Failure::error("metrics not available yet"))
}

fn check_pod_age(pod: &Object, now: Time) -> Result<(), Failure> {
    let age = now - pod.meta().creation_timestamp.as_ref().map(Time::from_meta).unwrap_or_default();
    if age > METRICS_CREATION_DELAY {
        let (namespace, name) = (pod.namespace(), pod.name());
        return Err(Failure::error(format!("Metrics not available for pod {namespace}/{name}, age: {age}")));
    }
    Ok(())
}

fn text<'a>(tree: &'a Value, field: &str) -> &'a str {
    tree["metadata"][field].as_str().unwrap_or_default()
}

fn containers(pod: &Value) -> Vec<(&str, Usage)> {
    let all = pod["containers"].as_array().into_iter().flatten();
    all.map(|c| (c["name"].as_str().unwrap_or_default(), Usage::of(&c["usage"]))).collect()
}

fn sum(pod: &Value) -> Usage {
    containers(pod).into_iter().fold(Usage::NONE, |sum, (_, usage)| sum.plus(usage))
}

fn print(args: &Args, mut pods: Vec<Value>) -> String {
    let mut lines = Lines::new();
    let place = |pod: &Value| {
        let namespace = args.all_namespaces.then(|| text(pod, "namespace").to_string());
        (namespace, text(pod, "name").to_string())
    };
    match args.sort_by.as_str() {
        "" => pods.sort_by_key(place),
        by => go_sort::sort(&mut pods, |a, b| sum(a).rank(by) < sum(b).rank(by)),
    }
    let mut headings = Vec::new();
    if args.all_namespaces {
        headings.push("NAMESPACE");
    }
    if args.containers {
        headings.push("POD");
    }
    let before = if args.no_headers { 0 } else { headings.len() };
    headings.extend(["NAME", "CPU(cores)", "MEMORY(bytes)"]);
    if args.show_swap {
        headings.push("SWAP(bytes)");
    }
    let width = before + headings.len() - usize::from(args.all_namespaces) - usize::from(args.containers);
    if !args.no_headers {
        lines.line(&headings);
    }
    let amounts = |usage: &Usage| {
        let swap = args.show_swap.then(|| "0Mi".to_string());
        [usage.cpu(), usage.memory()].into_iter().chain(swap).collect::<Vec<_>>()
    };
    for pod in &pods {
        let mut first: Vec<String> = Vec::new();
        if args.all_namespaces {
            first.push(text(pod, "namespace").to_string());
        }
        first.push(text(pod, "name").to_string());
        match args.containers {
            true => {
                let mut all = containers(pod);
                match args.sort_by.as_str() {
                    "" => all.sort_by_key(|(name, _)| *name),
                    by => go_sort::sort(&mut all, |(_, a), (_, b)| a.rank(by) < b.rank(by)),
                }
                for (name, usage) in all {
                    let cells = first.iter().cloned().chain([name.to_string()]).chain(amounts(&usage));
                    lines.line(cells);
                }
            }
            false => lines.line(first.into_iter().chain(amounts(&sum(pod)))),
        }
    }
    if args.sum {
        // OBSERVATION: with swap the rule still begins two columns before the end.
        let rule = vec![""; width - 2].into_iter().chain(["________", "________"]);
        lines.line(rule);
        let total = pods.iter().fold(Usage::NONE, |total, pod| total.plus(sum(pod)));
        let blanks = vec![String::new(); width - 2];
        lines.line(blanks.into_iter().chain(amounts(&total)));
    }
    lines.text()
}
