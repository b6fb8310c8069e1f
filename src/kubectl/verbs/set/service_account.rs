//! `set serviceaccount`.

use serde_json::json;

use crate::error::Failure;
use crate::kubectl::print::errors;
use crate::kubectl::print::made::RecordArgs;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::set::change::{Common, calculate_patch, pod_spec};

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
    let mut change = common.find(common.builder(resources, ""), printer, session)?;
    let cause = args.record.record.then(|| session.line.change_cause.clone());
    let mut faults = Vec::new();
    for info in change.infos.clone() {
        let patch = calculate_patch(&info, |info, tree| {
            pod_spec(info.kind(), tree)?["serviceAccountName"] = json!(account);
            RecordArgs::write(cause.as_deref(), tree);
            Ok(true)
        });
        // OBSERVATION: the others say nothing of an object that stays as it is; this one says "updated".
        match patch {
            Ok(Some(patch)) => {
                let said = ("failed to patch ServiceAccountName ", "serviceaccount updated");
                change.finish(patch, said, &mut faults, session);
            }
            Ok(None) => {}
            Err(text) => faults.push(change.fault(&info, &text)),
        }
    }
    errors::check(faults)
}
