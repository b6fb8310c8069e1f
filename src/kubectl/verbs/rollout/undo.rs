//! `rollout undo`: going back to an earlier rollout.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/rollout/rollout_undo.go`.

use std::sync::Arc;

use super::Which;
use crate::api::Object;
use crate::api::request::PatchType;
use crate::error::Failure;
use crate::kinds::shared::rollout::{self, Rollback};
use crate::kubectl::annotation::LAST_APPLIED;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs};
use crate::kubectl::request::{self, DryRun, PROGRAM, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::describe::print_context;

/// The arguments of `rollout undo`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// The revision to rollback to. Default to 0 (last revision)
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    to_revision: i64,
    #[command(flatten)]
    output: OutputArgs,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    dry_run: String,
}

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub(super) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let dry_run = DryRun::parse(&args.dry_run)?;
    args.which.check()?;
    let plan = args.which.builder().plan(session)?;
    let mut printer = ObjectPrinter::late(&args.output, dry_run, session);
    plan.visit(session, |info, session| {
        let Some(object) = info.object.clone() else { return Ok(()) };
        warn_of_apply(&info, session);
        let done = undo(&object, args.to_revision, dry_run, session)?;
        printer.print(&info.tree, &done, session)
    })?;
    Ok(())
}

/// Says that a later `apply` will not know of it. kubectl does so since 1.36.
fn warn_of_apply(info: &Info, session: &Session<'_>) {
    if session.client.minor() < 36 || info.tree["metadata"]["annotations"][LAST_APPLIED].is_null() {
        return;
    }
    let program = session.line.program;
    session.ui.err(&format!(
        "Warning: resource {} was previously managed with '{program} apply'. Rolling back will not update the \
         {LAST_APPLIED} annotation, which may cause unexpected behavior on future '{program} apply' operations. Consider \
         using '{program} apply' with your previous configuration file instead.\n",
        info.object_name()
    ));
}

fn undo(object: &Arc<Object>, to: i64, dry_run: DryRun, session: &mut Session<'_>) -> Result<String, Fault> {
    let history = rollout::history(object, &print_context(session)).map_err(|text| {
        Fault::plain(
            text.replace("retrieving history", "retrieving rollbacker").replace("history viewer", "rollbacker"),
        )
    })?;
    let revision = rollout::find_rollback(object, &history, to).map_err(Fault::plain)?;
    if dry_run == DryRun::Client {
        return Ok(match object.as_ref() {
            Object::Deployment(_) => rollout::print_kept_template(revision),
            _ => format!("will roll back to {}", rollout::print_template(revision)),
        });
    }
    let (patch_type, patch) = match rollout::rollback(object, revision, to).map_err(Fault::plain)? {
        Rollback::Skipped(text) => return Ok(text),
        Rollback::JsonPatch(patch) => (PatchType::Json, patch),
        Rollback::Strategic(patch) => (PatchType::Strategic, patch),
    };
    let writing = Writing::by(PROGRAM).dry_run(dry_run).validate(Validate::Warn);
    request::patch(session, object, (patch_type, &patch.to_string()), &writing)
        .map_err(|e| Fault::plain(format!("failed restoring revision {to}: {}", e.message())))?;
    Ok("rolled back".into())
}
