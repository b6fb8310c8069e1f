//! `top`: what pods and nodes use, as a metrics server tells.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/top` and `k8s.io/kubectl/pkg/metricsutil`.

mod node;
mod pod;
mod print;

use serde_json::Value;

use crate::api::request::{Form, ListOptions, Resource, Target, Verb};
use crate::error::{ApiError, Failure};
use crate::kubectl::session::Session;
use crate::server::Reply;

/// Display resource (CPU/memory) usage.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Display resource (CPU/memory) usage of nodes
    #[command(aliases = ["nodes", "no"])]
    Node(node::Args),
    /// Display resource (CPU/memory) usage of pods
    #[command(aliases = ["pods", "po"])]
    Pod(pod::Args),
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.what {
        What::Node(args) => node::run(&args, session),
        What::Pod(args) => pod::run(&args, session),
    }
}

/// Mirrors `Validate`.
fn check_sort_by(sort_by: &str) -> Result<(), Failure> {
    match sort_by {
        "" | "cpu" | "memory" => Ok(()),
        _ => Err(Failure::error("--sort-by accepts only cpu or memory")),
    }
}

/// Whether somebody serves metrics. Mirrors `SupportedMetricsAPIVersionAvailable`.
fn check_available(session: &Session<'_>) -> Result<(), Failure> {
    let groups = session.client.read(Verb::Get, Target::Path("/apis".into()), Form::Object)?;
    let Reply::Tree(groups) = groups else { return Err(Failure::error("Metrics API not available")) };
    let mut groups = groups["groups"].as_array().into_iter().flatten();
    match groups.any(|group| group["name"] == "metrics.k8s.io") {
        true => Ok(()),
        false => Err(Failure::error("Metrics API not available")),
    }
}

/// Whether somebody serves metrics.
pub(in crate::kubectl) fn is_served(session: &Session<'_>) -> bool {
    check_available(session).is_ok()
}

/// What is measured of one object, or of those that are selected.
pub(in crate::kubectl) fn metrics(
    session: &Session<'_>,
    (plural, namespace, name): (&str, &str, &str),
    (labels, fields): (String, String),
) -> Result<Vec<Value>, ApiError> {
    let resource = Resource {
        group: "metrics.k8s.io".into(),
        version: "v1beta1".into(),
        plural: plural.into(),
        namespace: namespace.into(),
        name: name.into(),
        ..Resource::default()
    };
    let verb = match name {
        "" => Verb::List(ListOptions { label_selector: labels, field_selector: fields, ..ListOptions::default() }),
        _ => Verb::Get,
    };
    let reply = session.client.read(verb, Target::Resource(resource), Form::Object)?;
    let Reply::Tree(mut tree) = reply else { return Ok(Vec::new()) };
    Ok(match tree.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => vec![tree],
    })
}
