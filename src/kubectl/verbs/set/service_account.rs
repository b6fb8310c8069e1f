//! `set serviceaccount`.

use serde_json::json;

use crate::error::Failure;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::RecordArgs;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::set::change::{Common, pod_spec};

/// Update the service account of pod template resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    record: RecordArgs,
}

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let common = &args.common;
    let printer = common.printer(session)?;
    common.check_local(&printer)?;
    let Some((account, resources)) = common.args.split_last() else {
        return Err(Failure::error("serviceaccount is required"));
    };
    let resources = if common.local { &[] } else { resources };
    let change = common.find(resources, "", printer, session)?;
    let cause = args.record.record.then(|| session.line.change_cause.clone());
    let mut faults = Vec::new();
    for item in &change.items {
        let mut tree = item.tree.clone();
        match pod_spec(item.kind, &mut tree) {
            Ok(spec) => spec["serviceAccountName"] = json!(account),
            Err(text) => {
                faults.push(item.fault(&text));
                continue;
            }
        }
        RecordArgs::write(cause.as_deref(), &mut tree);
        // OBSERVATION: the others say nothing of an object that stays as it is; this one says "updated".
        match change.send_anyway(item, tree, session) {
            Ok(tree) => change.print(session, item.kind, &tree, "serviceaccount updated")?,
            Err(fault) => {
                let text = format!("failed to patch ServiceAccountName {}", fault.message());
                faults.push(Fault::plain(text));
            }
        }
    }
    errors::check(faults)
}
