//! `replace`: put a whole object in another's place.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/replace`.

use serde_json::Value;

use super::apply::{LAST_APPLIED, with_last_applied};
use super::errors::{self, Fault};
use super::files::{FileArgs, Info};
use super::made::{OutputArgs, RecordArgs};
use super::output::tree_of;
use super::request::{DryRun, Validate, decode};
use super::session::Session;
use crate::api::ObjectKey;
use crate::controllers::{Deletion, Propagation};
use crate::error::{ApiError, Failure};
use crate::sim::CreateOptions;

/// Replace a resource by file name or stdin.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    record: RecordArgs,
    /// Must be "background", "orphan", or "foreground"
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "background", default_value = "background")]
    cascade: String,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-replace")]
    field_manager: String,
    /// Period of time in seconds given to the resource to terminate gracefully
    #[arg(long, default_value = "-1")]
    grace_period: i64,
    /// If specified, replace will operate on the subresource of the requested object
    #[arg(long, default_value = "")]
    subresource: String,
    /// The length of time to wait before giving up on a delete
    #[arg(long, default_value = "0s")]
    timeout: String,
    /// If true, wait for resources to be gone before returning
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    wait: bool,
    /// Must be "none", "server", or "client"
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "unchanged", default_value = "none")]
    dry_run: String,
    /// Must be one of: strict (or true), warn, ignore (or false)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "strict", default_value = "strict")]
    validate: String,
    /// If true, immediately remove resources from API and bypass graceful deletion, then create them anew
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    force: bool,
    /// If true, the configuration of current object will be saved in its annotation
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    save_config: bool,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    session.cluster.write_as(&args.field_manager, "");
    if args.files.is_empty() {
        return Err(Failure::error("must specify --filename to replace"));
    }
    let dry_run = DryRun::parse(&args.dry_run)?;
    let validate = Validate::parse(&args.validate)?;
    let format = args.output.format(session)?;
    let (mut infos, mut faults) = args.files.read(session, validate != Validate::Ignore);
    infos.iter_mut().for_each(|info| args.record.record(session, &mut info.tree));
    if infos.is_empty() && faults.is_empty() {
        return Err(Failure::error("no objects passed to replace"));
    }
    for info in &infos {
        match replace_one(&args, info, dry_run, validate, session) {
            Ok(tree) => super::create::print_created(session, &tree, format.as_ref(), dry_run, "replaced", true)?,
            Err(fault) => faults.push(fault.when("replacing", &info.source)),
        }
    }
    errors::check(faults)
}

fn replace_one(
    args: &Args,
    info: &Info,
    dry_run: DryRun,
    validate: Validate,
    session: &mut Session<'_>,
) -> Result<Value, Fault> {
    let key = ObjectKey::new(info.kind, info.namespace.clone(), info.name.clone());
    let live = session.cluster.view().get(&key).cloned();
    // A replacement keeps the record of `apply` when the object has one.
    let keep = args.save_config || live.as_ref().is_some_and(|o| o.annotation(LAST_APPLIED).is_some());
    let tree = if keep { with_last_applied(&info.tree) } else { info.tree.clone() };
    if dry_run == DryRun::Client {
        return Ok(tree);
    }
    let object = decode(session, info.kind, &info.api_version, &tree, validate)?;
    let answer = match live {
        Some(_) if args.force => {
            let deletion =
                Deletion { key: key.clone(), uid: None, grace: Some(0), propagation: Propagation::Background };
            session.cluster.delete(&deletion)?;
            let deadline = session.cluster.now() + crate::api::Duration::secs(7 * 24 * 3600);
            session.cluster.run_while(deadline, |c| c.view().get(&key).is_some())?;
            session.cluster.create(object, &CreateOptions::default()).map(|a| a.object)
        }
        None if args.force => session.cluster.create(object, &CreateOptions::default()).map(|a| a.object),
        None => Err(ApiError::not_found(&info.kind.resource(), &info.name)),
        Some(_) if dry_run == DryRun::Server => session.cluster.update_dry_run(object),
        Some(_) => session.cluster.update(object),
    };
    session.print_warnings();
    let object = answer?;
    Ok(tree_of(&object))
}
