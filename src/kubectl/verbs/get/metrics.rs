//! `get pods.metrics.k8s.io` and `nodes.metrics.k8s.io`: what is measured, as its own server shows it.
//!
//! Mirrors `pkg/api/table.go` of metrics-server.

use serde_json::Value;

use super::Args;
use crate::api::Quantity;
use crate::error::Failure;
use crate::kubectl::print::output::Format;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::top;
use crate::printers::table::{Column, Options, Row, Table, print as print_table};

/// What is asked for, if that is metrics: the resource's plural and the names.
fn asked(args: &Args) -> Option<(&'static str, Vec<String>)> {
    let plural = |word: &str| match word.to_lowercase().as_str() {
        "pods.metrics.k8s.io" | "pods.v1beta1.metrics.k8s.io" | "podmetrics" | "podmetrics.metrics.k8s.io" => {
            Some("pods")
        }
        "nodes.metrics.k8s.io" | "nodes.v1beta1.metrics.k8s.io" | "nodemetrics" | "nodemetrics.metrics.k8s.io" => {
            Some("nodes")
        }
        _ => None,
    };
    let first = args.args.first()?;
    match first.split_once('/') {
        None => Some((plural(first)?, args.args.iter().skip(1).cloned().collect())),
        Some((resource, _)) => {
            let resource = plural(resource)?;
            let names = args.args.iter().map(|word| word.split_once('/').filter(|(r, _)| plural(r) == Some(resource)));
            Some((resource, names.map(|pair| pair.map(|(_, name)| name.to_string())).collect::<Option<_>>()?))
        }
    }
}

/// Prints metrics, if they are asked for and somebody serves them; false otherwise.
///
/// # Errors
/// What the server says.
pub(super) fn run(args: &Args, session: &mut Session<'_>) -> Result<bool, Failure> {
    let Some((plural, names)) = asked(args).filter(|_| top::is_served(session)) else { return Ok(false) };
    let namespace = match plural {
        "pods" if !args.all_namespaces => session.namespace.clone(),
        _ => String::new(),
    };
    let selectors = (args.selector.clone().unwrap_or_default(), args.field_selector.clone().unwrap_or_default());
    let mut found = Vec::new();
    for name in &names {
        found.extend(top::metrics(session, (plural, &namespace, name), selectors.clone())?);
    }
    if names.is_empty() {
        found = top::metrics(session, (plural, &namespace, ""), selectors)?;
        let kind = if plural == "pods" { "PodMetrics" } else { "NodeMetrics" };
        for item in &mut found {
            item["kind"] = kind.into();
            item["apiVersion"] = "metrics.k8s.io/v1beta1".into();
        }
    }
    if let Some(format) = super::format(args, session)?.filter(|format| !matches!(format, Format::Wide)) {
        let as_list = names.len() != 1;
        let text = format.print_with(&found, as_list, !args.no_headers, args.allow_missing_template_keys)?;
        session.ui.out(&text);
        return Ok(true);
    }
    if found.is_empty() {
        session.ui.err(&match namespace.as_str() {
            "" => "No resources found\n".to_string(),
            name => format!("No resources found in {name} namespace.\n"),
        });
        return Ok(true);
    }
    let with_namespace = plural == "pods" && args.all_namespaces;
    let mut columns: Vec<Column> = ["NAME", "CPU", "MEMORY", "WINDOW"].map(Column::new).into();
    if with_namespace {
        columns.insert(0, Column::new("NAMESPACE"));
    }
    let rows = found.iter().map(|item| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let (cpu, memory) = (usage(item, "cpu"), usage(item, "memory"));
        let mut cells = vec![text(&item["metadata"]["name"]), cpu, memory, text(&item["window"])];
        if with_namespace {
            cells.insert(0, text(&item["metadata"]["namespace"]));
        }
        Row { cells, ..Row::default() }
    });
    let options = Options { no_headers: args.no_headers, ..Options::default() };
    session.ui.out(&print_table(&Table { columns, rows: rows.collect() }, &options));
    Ok(true)
}

/// What all containers of a pod use, or a node.
fn usage(item: &Value, resource: &str) -> String {
    let containers = item["containers"].as_array().into_iter().flatten().map(|container| &container["usage"]);
    let of_node = item.get("usage");
    let all = containers.chain(of_node).filter_map(|usage| Quantity::parse(usage[resource].as_str()?).ok());
    all.reduce(|a, b| a + b).map(|sum| sum.to_string()).unwrap_or_default()
}
