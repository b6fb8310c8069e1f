//! `rollout pause`, `resume` and `restart`: a change of the object that steers its rollout.
//!
//! Mirrors `rollout_pause.go`, `rollout_resume.go` and `rollout_restart.go` of `k8s.io/kubectl/pkg/cmd/rollout`.

use serde_json::Value;

use super::Which;
use crate::api::request::{PatchType, Verb};
use crate::error::{ApiError, Failure};
use crate::kinds::shared::rollout;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::set::change::calculate_patch;
use crate::manifest::merge;
use crate::printers::json::to_compact;

/// The arguments of the three.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output: OutputArgs,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-rollout")]
    field_manager: String,
}

/// What is changed in the template or the spec.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Pause,
    Restart,
    Resume,
}

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub(super) fn run(args: &Args, change: Change, session: &mut Session<'_>) -> Result<(), Failure> {
    args.which.check()?;
    let (infos, fault) = args.which.builder().plan(session)?.infos(session);
    if infos.is_empty() && fault.is_none() {
        super::none_found(session);
        return Ok(());
    }
    let mut printer = ObjectPrinter::late(&args.output, DryRun::None, session);
    let mut faults: Vec<Fault> = fault.into_iter().collect();
    for info in infos {
        let done = change_one(info, change, &args.field_manager, session)
            .and_then(|(info, done)| printer.print(&info.tree, done, session));
        faults.extend(done.err());
    }
    errors::check(faults)
}

/// Changes an object; gives it as it then is, and what kubectl says of it.
fn change_one(
    mut info: Info,
    change: Change,
    manager: &str,
    session: &mut Session<'_>,
) -> Result<(Info, &'static str), Fault> {
    let now = session.client.now();
    let patch = calculate_patch(&info, |info, tree| {
        let Some(object) = &info.object else { return Ok(false) };
        let change = match change {
            Change::Pause => rollout::pause_patch(object, true),
            Change::Resume => rollout::pause_patch(object, false),
            Change::Restart => rollout::restart_patch(object, now),
        };
        *tree = merge::strategic_merge_patch(info.kind(), tree, &change?).map_err(|e| ApiError::from(e).message)?;
        Ok(true)
    });
    let resource = info.served.resource();
    let patch = patch.map_err(|text| Fault::plain(format!("error: {resource} {:?} {text}", info.name)))?;
    let body = patch.map_or(Value::Null, |patch| patch.patch);
    if body.is_null() && change == Change::Restart {
        return Err(Fault::plain(format!(
            "failed to create patch for {}: if restart has already been triggered within the past second, please wait \
             before attempting to trigger another",
            info.name
        )));
    }
    let writing = Writing::by(manager).validate(Validate::Warn);
    let verb = Verb::Patch(writing.patch_options(), PatchType::Strategic, to_compact(&body));
    let reply = session.client.send(verb, info.whole());
    let reply = reply.map_err(|refused| Fault::plain(format!("failed to patch: {}", refused.message)))?;
    info.refresh(reply, session)?;
    let done = match change {
        Change::Pause => "paused",
        Change::Restart => "restarted",
        Change::Resume => "resumed",
    };
    Ok((info, done))
}
