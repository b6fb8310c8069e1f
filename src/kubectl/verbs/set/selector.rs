//! `set selector`.

use serde_json::{Value, json};

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{ObjectPrinter, RecordArgs};
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::policy::label_selector;
use crate::kubectl::verbs::set::change::{Common, calculate_patch};

/// Set the selector on a resource; the new one takes the place of the old one.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    record: RecordArgs,
    /// If non-empty, the update will only succeed if this is the current resource-version for the object
    #[arg(long, default_value = "")]
    resource_version: String,
}

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let common = &args.common;
    let dry_run = DryRun::parse(&common.dry_run)?;
    let (text, resources) = common.args.split_last().map_or((None, &[][..]), |(text, rest)| (Some(text), rest));
    let selector = text.map(|text| label_selector(text)).transpose().map_err(Failure::error)?;
    let printer = ObjectPrinter::new(&common.output, dry_run, session)?;
    let Some(selector) = selector else { return Err(Failure::error("one selector is required")) };
    common.check_files(resources)?;
    let mut change = common.find(common.builder(resources, ""), printer, session)?;
    let cause = args.record.record.then(|| session.line.change_cause.clone());
    let mut faults = Vec::new();
    for mut info in change.infos.clone() {
        if let Some(metadata) = info.tree["metadata"].as_object_mut().filter(|_| !args.resource_version.is_empty()) {
            // So that the version is part of the patch.
            metadata.remove("resourceVersion");
        }
        let patch = calculate_patch(&info, |info, tree| {
            if !args.resource_version.is_empty() {
                tree["metadata"]["resourceVersion"] = json!(args.resource_version);
            }
            update_selector(info.kind(), tree, &selector)?;
            RecordArgs::write(cause.as_deref(), tree);
            Ok(true)
        });
        match patch {
            Ok(Some(patch)) => change.finish(patch, ("", "selector updated"), &mut faults, session),
            Ok(None) => {}
            Err(text) => faults.push(Fault::plain(text)),
        }
    }
    errors::check(faults)
}

/// Mirrors `updateSelectorForObject`.
fn update_selector(kind: Kind, tree: &mut Value, selector: &Value) -> Result<(), String> {
    if kind != Kind::Service {
        return Err("setting a selector is only supported for Services".into());
    }
    if let Some(expressions) = selector.get("matchExpressions") {
        let shown: Vec<String> = expressions.as_array().into_iter().flatten().map(go_struct).collect();
        return Err(format!("match expression [{}] not supported on this object", shown.join(" ")));
    }
    tree["spec"]["selector"] = selector.get("matchLabels").cloned().unwrap_or(json!({}));
    Ok(())
}

/// A requirement as Go prints the struct: `{app In [a b]}`.
fn go_struct(requirement: &Value) -> String {
    let text = |key: &str| requirement[key].as_str().unwrap_or_default().to_string();
    let values = requirement["values"].as_array().into_iter().flatten().filter_map(|v| v.as_str());
    format!("{{{} {} [{}]}}", text("key"), text("operator"), values.collect::<Vec<_>>().join(" "))
}
