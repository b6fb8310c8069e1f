//! `set resources`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::quantity::Quantity;
use crate::error::Failure;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::RecordArgs;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::set::change::{Common, SelectorArg, containers, object_at, pod_spec, selects};

/// Specify compute resource requirements (CPU, memory) for any resource that defines a pod template.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    selector: SelectorArg,
    #[command(flatten)]
    record: RecordArgs,
    /// The names of containers in the selected pod templates to change - may use wildcards
    #[arg(short = 'c', long, default_value = "*")]
    containers: String,
    /// The most that a container gets, cpu=100m,memory=256Mi
    #[arg(long, default_value = "")]
    limits: String,
    /// What a container asks for, cpu=100m,memory=256Mi
    #[arg(long, default_value = "")]
    requests: String,
}

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let common = &args.common;
    let printer = common.printer(session)?;
    let selector = args.selector.selector.as_str();
    let local = common.check_local(&printer);
    common.check_files(&common.args)?;
    let mut change = common.find(common.builder(&common.args, selector), printer, session)?;
    local?;
    if common.all && !selector.is_empty() {
        return Err(Failure::error("cannot set --all and --selector at the same time"));
    }
    if args.limits.is_empty() && args.requests.is_empty() {
        return Err(Failure::error(
            "you must specify an update to requests or limits (in the form of --requests/--limits)",
        ));
    }
    let limits = amounts(&args.limits).map_err(Failure::error)?;
    let requests = amounts(&args.requests).map_err(Failure::error)?;
    let cause = args.record.record.then(|| session.line.change_cause.clone());
    change.run(
        session,
        |info, tree, faults| {
            let spec = pod_spec(info.kind(), tree)?;
            let mut found = false;
            for list in ["containers", "initContainers"] {
                let named = |c: &Value| selects(&args.containers, c["name"].as_str().unwrap_or_default());
                for container in containers(spec, list).filter(|c| named(c)) {
                    let resources = object_at(container, "resources");
                    for (field, amounts) in [("limits", &limits), ("requests", &requests)] {
                        for (name, amount) in amounts {
                            object_at(resources, field)[name] = json!(amount);
                        }
                    }
                    found = true;
                }
            }
            if !found {
                let text = format!("error: unable to find container named {}", args.containers);
                faults.push(Fault::plain(text));
                return Ok(false);
            }
            RecordArgs::write(cause.as_deref(), tree);
            Ok(true)
        },
        "failed to patch resources update to pod template ",
        "resource requirements updated",
    )
}

/// Reads `cpu=100m,memory=256Mi`.
fn amounts(spec: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    for statement in spec.split(',').filter(|_| !spec.is_empty()) {
        let parts: Vec<&str> = statement.split('=').collect();
        let [name, amount] = parts.as_slice() else {
            return Err(format!("Invalid argument syntax {statement}, expected <resource>=<value>"));
        };
        Quantity::parse(amount).map_err(|e| e.to_string())?;
        found.insert(name.to_string(), amount.to_string());
    }
    Ok(found)
}
