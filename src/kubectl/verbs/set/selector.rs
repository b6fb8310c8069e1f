//! `set selector`.

use serde_json::json;

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::RecordArgs;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::policy::label_selector;
use crate::kubectl::verbs::set::change::Common;

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
    let Some((text, resources)) = common.args.split_last() else {
        return Err(Failure::error("one selector is required"));
    };
    let selector = label_selector(text).map_err(Failure::error)?;
    let printer = common.printer(session)?;
    let change = common.find(resources, "", printer, session)?;
    let cause = args.record.record.then(|| session.line.change_cause.clone());
    let mut faults = Vec::new();
    for item in &change.items {
        if item.kind != Kind::Service {
            faults.push(Fault::plain("setting a selector is only supported for Services"));
            continue;
        }
        if let Some(expressions) = selector.get("matchExpressions") {
            let shown: Vec<String> = expressions.as_array().into_iter().flatten().map(go_struct).collect();
            let text = format!("match expression [{}] not supported on this object", shown.join(" "));
            faults.push(Fault::plain(text));
            continue;
        }
        let mut tree = item.tree.clone();
        tree["spec"]["selector"] = selector.get("matchLabels").cloned().unwrap_or(json!({}));
        RecordArgs::write(cause.as_deref(), &mut tree);
        if !args.resource_version.is_empty() {
            tree["metadata"]["resourceVersion"] = json!(args.resource_version);
        }
        match change.send_anyway(item, tree, session) {
            Ok(tree) => change.print(session, item.kind, &tree, "selector updated")?,
            Err(fault) => faults.push(fault),
        }
    }
    errors::check(faults)
}

/// A requirement as Go prints the struct: `{app In [a b]}`.
fn go_struct(requirement: &serde_json::Value) -> String {
    let text = |key: &str| requirement[key].as_str().unwrap_or_default().to_string();
    let values = requirement["values"].as_array().into_iter().flatten().filter_map(|v| v.as_str());
    format!("{{{} {} [{}]}}", text("key"), text("operator"), values.collect::<Vec<_>>().join(" "))
}
