//! `replace`: put a whole object in another's place.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/replace`.

use serde_json::Value;

use crate::api::{Duration, ObjectKey};
use crate::controllers::{Deletion, Propagation};
use crate::error::{ApiError, Failure, Reason};
use crate::kubectl::annotation::{LAST_APPLIED, with_last_applied};
use crate::kubectl::builder::files::{FileArgs, Info};
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{OutputArgs, RecordArgs};
use crate::kubectl::print::output::shown_tree;
use crate::kubectl::request::{DryRun, Validate, decode};
use crate::kubectl::session::Session;
use crate::sim::{CreateOptions, Settled};

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
    session.cluster.write_as(&args.field_manager, "");
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
        match replace_one(&args, info, dry_run, validate, session) {
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
    let grace = Some(args.grace_period.max(1)).filter(|_| args.grace_period >= 0);
    let mut faults = Vec::new();
    let mut going = Vec::new();
    for info in infos {
        let key = ObjectKey::new(info.kind, info.namespace.clone(), info.name.clone());
        let deletion = Deletion { key: key.clone(), uid: None, grace, propagation: Propagation::Background };
        match session.authorize_on("delete", &key).and_then(|()| session.cluster.delete(&deletion)) {
            Ok(_) => {
                session.ui.out(&format!("{} {:?} deleted\n", info.kind.qualified(), info.name));
                going.push(key);
            }
            Err(e) if e.reason == Reason::NotFound => {}
            Err(e) => faults.push(e.into()),
        }
        session.print_warnings();
    }
    let timeout = Duration::parse(&args.timeout).unwrap_or_default();
    let timeout = if timeout == Duration::ZERO { Duration::secs(5 * 60) } else { timeout };
    for key in going {
        let deadline = session.cluster.now() + timeout;
        if session.cluster.run_while(deadline, |c| c.view().get(&key).is_some())? != Settled::Reached {
            session.cluster.run_until(deadline)?;
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

fn replace_one(
    args: &Args,
    info: &Info,
    dry_run: DryRun,
    validate: Validate,
    session: &mut Session<'_>,
) -> Result<Value, Fault> {
    let key = ObjectKey::new(info.kind, info.namespace.clone(), info.name.clone());
    let live = session.cluster.view().get(&key).cloned();
    // OBSERVATION: the manifest has no record of `apply`; the one of the object that it replaces goes with that.
    let keep = args.save_config || !info.tree["metadata"]["annotations"][LAST_APPLIED].is_null();
    let tree = if keep { with_last_applied(&info.tree) } else { info.tree.clone() };
    if dry_run == DryRun::Client {
        return Ok(tree);
    }
    let object = decode(session, info.kind, &info.api_version, &tree, validate)?;
    session.authorize_on(if args.force { "create" } else { "update" }, &key)?;
    let answer = match live {
        _ if args.force => session.cluster.create(object, &CreateOptions::default()).map(|a| a.object),
        None => Err(ApiError::not_found(&info.kind.resource(), &info.name)),
        Some(_) if dry_run == DryRun::Server => session.cluster.update_dry_run(object),
        Some(_) => session.cluster.update(object),
    };
    session.print_warnings();
    let object = answer?;
    Ok(shown_tree(session, &object)?)
}
