//! `replace`: put a whole object in another's place.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/replace`.

use serde_json::Value;

use crate::api::Duration;
use crate::api::request::{DeleteOptions, Propagation};
use crate::error::{Failure, Reason};
use crate::kubectl::annotation::{LAST_APPLIED, with_last_applied};
use crate::kubectl::builder::files::{FileArgs, Info};
use crate::kubectl::client::Waited;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{OutputArgs, RecordArgs};
use crate::kubectl::request::{DryRun, Validate, Writing, resource_of};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::delete::deleted_line;

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
    #[arg(long, default_value = "background")]
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
    #[arg(long)]
    wait: bool,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    dry_run: String,
    /// Must be one of: strict (or true), warn, ignore (or false)
    #[arg(long, default_value = "strict")]
    validate: String,
    /// If true, immediately remove resources from API and bypass graceful deletion, then create them anew
    #[arg(long)]
    force: bool,
    /// If true, the configuration of current object will be saved in its annotation
    #[arg(long)]
    save_config: bool,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let dry_run = DryRun::parse(&args.dry_run)?;
    check_flags(&args, dry_run)?;
    let validate = Validate::parse(&args.validate)?;
    let format = args.output.format(session)?;
    let (mut infos, mut faults) = args.files.read(session, validate != Validate::Ignore);
    infos.iter_mut().for_each(|info| args.record.record(session, &mut info.tree));
    if infos.is_empty() && faults.is_empty() {
        return Err(Failure::error("no objects passed to replace"));
    }
    if args.force {
        faults.extend(delete_all(&args, &infos, session)?);
    }
    for info in &infos {
        let writing = Writing::by(&args.field_manager).dry_run(dry_run).validate(validate);
        match replace_one(&args, info, &writing, session) {
            Ok(tree) => {
                crate::kubectl::print::made::print_created(session, &tree, format.as_ref(), dry_run, "replaced", true)?
            }
            Err(fault) if args.force => faults.push(fault),
            Err(fault) => faults.push(fault.when("replacing", &info.source)),
        }
    }
    errors::check(faults)
}

/// `--force`: deletes what is there and waits until it is gone. Mirrors the first half of `forceReplace`.
fn delete_all(args: &Args, infos: &[Info], session: &mut Session<'_>) -> Result<Vec<Fault>, Failure> {
    // kubectl turns a zero into one second.
    let grace_period = Some(args.grace_period.max(1)).filter(|_| args.grace_period >= 0);
    let options =
        DeleteOptions { grace_period, propagation: Some(Propagation::Background), ..DeleteOptions::default() };
    let mut faults = Vec::new();
    let mut going = Vec::new();
    for info in infos {
        let key = info.key();
        match session.client.delete(&key, options.clone()) {
            Ok(uid) => {
                session.ui.out(&deleted_line(&key, session.client.minor()));
                going.push((key, uid));
            }
            Err(e) if e.reason == Reason::NotFound => {}
            Err(e) => faults.push(e.into()),
        }
    }
    let timeout = Duration::parse(&args.timeout).unwrap_or_default();
    let timeout = if timeout == Duration::ZERO { Duration::secs(5 * 60) } else { timeout };
    for (key, uid) in going {
        let deadline = session.client.deadline(timeout);
        if session.client.wait_until_gone((&key, &uid), deadline)? != Waited::Done(()) {
            faults.push(Fault::plain("context deadline exceeded"));
        }
    }
    Ok(faults)
}

/// Mirrors `ReplaceOptions.Validate`; what is missing is asked for first.
fn check_flags(args: &Args, dry_run: DryRun) -> Result<(), Failure> {
    let zero = Duration::parse(&args.timeout).is_ok_and(|t| t == Duration::ZERO);
    let refusal = if args.files.is_empty() {
        "must specify one of -f and -k"
    } else if args.grace_period >= 0 && !args.force {
        "--grace-period must have --force specified"
    } else if !zero && !args.force {
        "--timeout must have --force specified"
    } else if args.force && dry_run != DryRun::None {
        "--dry-run can not be used when --force is set"
    } else {
        return Ok(());
    };
    Err(Failure::error(refusal))
}

fn replace_one(args: &Args, info: &Info, writing: &Writing<'_>, session: &mut Session<'_>) -> Result<Value, Fault> {
    // OBSERVATION: the manifest has no record of `apply`; the one of the object that it replaces goes with that.
    let keep = args.save_config || !info.tree["metadata"]["annotations"][LAST_APPLIED].is_null();
    let tree = if keep { with_last_applied(&info.tree) } else { info.tree.clone() };
    if writing.dry_run == DryRun::Client {
        return Ok(tree);
    }
    let resource = resource_of(&info.key(), &info.api_version);
    let object = match args.force {
        true => session.client.create(resource, tree, writing.options())?,
        false => session.client.update(resource.part(&args.subresource), tree, writing.options())?,
    };
    Ok(session.tree_in(&object, &info.api_version))
}
