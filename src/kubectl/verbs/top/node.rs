//! `top node`. Mirrors `top_node.go`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::print::{Lines, Usage};
use super::{check_available, check_sort_by, metrics};
use crate::api::Kind;
use crate::api::k8s::api::core::v1::Node;
use crate::api::quantity::amount;
use crate::api::request::ListOptions;
use crate::api::selector::Selector;
use crate::api::{Quantity, go_sort};
use crate::error::Failure;
use crate::kubectl::print::errors::usage;
use crate::kubectl::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The node
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// If non-empty, sort nodes list using specified field: cpu or memory
    #[arg(long, default_value = "")]
    sort_by: String,
    /// If present, print output without headers
    #[arg(long)]
    no_headers: bool,
    /// Enables using protocol-buffers to access Metrics API
    #[arg(long, default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    use_protocol_buffers: bool,
    /// Print node resources based on Capacity instead of Allocatable(default) of the nodes
    #[arg(long)]
    show_capacity: bool,
    /// Print node resources related to swap memory
    #[arg(long)]
    show_swap: bool,
}

pub(super) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let name = match args.names.as_slice() {
        [] => "",
        [name] => name.as_str(),
        _ => return Err(usage(session, "top node", "node [NAME | -l label]")),
    };
    check_sort_by(&args.sort_by)?;
    let labels = args.selector.clone().unwrap_or_default();
    if !name.is_empty() && !labels.is_empty() {
        return Err(Failure::error("only one of NAME or --selector can be provided"));
    }
    Selector::parse(&labels).map_err(|e| Failure::error(e.to_string()))?;
    check_available(session)?;
    let found = metrics(session, ("nodes", "", name), (labels.clone(), String::new()))?;
    if found.is_empty() {
        return Err(Failure::error("metrics not available yet"));
    }
    let nodes = match name {
        "" => {
            let options = ListOptions { label_selector: labels, ..ListOptions::default() };
            session.client.list(Kind::Node, "", &options)?
        }
        name => vec![session.client.get(&session.key(Kind::Node, name))?],
    };
    let available = nodes.iter().filter_map(|o| o.get::<Node>()).map(|node| {
        let status = node.status.clone().unwrap_or_default();
        let list = if args.show_capacity { status.capacity } else { status.allocatable };
        let of = |name: &str| amount(list.as_ref(), name);
        (node.metadata.name.clone().unwrap_or_default(), (of("cpu"), of("memory")))
    });
    session.ui.out(&print(args, found, available.collect()));
    Ok(())
}

/// Processors and bytes of a node.
type Available = (Option<Quantity>, Option<Quantity>);

fn print(args: &Args, mut nodes: Vec<Value>, mut available: BTreeMap<String, Available>) -> String {
    let name = |node: &Value| node["metadata"]["name"].as_str().unwrap_or_default().to_string();
    match args.sort_by.as_str() {
        "" => nodes.sort_by_key(name),
        by => go_sort::sort(&mut nodes, |a, b| Usage::of(&a["usage"]).rank(by) < Usage::of(&b["usage"]).rank(by)),
    }
    let mut lines = Lines::new();
    if !args.no_headers {
        let swap = ["SWAP(bytes)", "SWAP(%)"].into_iter().filter(|_| args.show_swap);
        lines.line(["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"].into_iter().chain(swap));
    }
    // No node has told of its swap.
    let swap = || ["<unknown>".to_string(), "<unknown>".into()].into_iter().filter(|_| args.show_swap);
    for node in &nodes {
        let (name, usage) = (name(node), Usage::of(&node["usage"]));
        let (cpu, memory) = available.remove(&name).unwrap_or_default();
        let mut cells = vec![name, usage.cpu()];
        cells.extend(cpu.map(|all| percent(&usage.cpu, &all)));
        cells.push(usage.memory());
        cells.extend(memory.map(|all| percent(&usage.memory, &all)));
        lines.line(cells.into_iter().chain(swap()));
    }
    // OBSERVATION: kubectl goes through a map; the order of those that nothing is known of is nobody's.
    for name in available.into_keys() {
        let unknown = vec!["<unknown>".to_string(); if args.show_swap { 6 } else { 4 }];
        lines.line(std::iter::once(name).chain(unknown));
    }
    lines.text()
}

fn percent(used: &Quantity, all: &Quantity) -> String {
    let fraction = match all.is_zero() {
        true => 0.0,
        false => used.milli_value() as f64 / all.milli_value() as f64 * 100.0,
    };
    format!("{}%", fraction as i64)
}
