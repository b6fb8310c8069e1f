//! `replace`: put a whole object in another's place.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/replace`.

use serde_json::{Value, json};

use crate::api::Duration;
use crate::api::request::{Propagation, Verb};
use crate::error::Failure;
use crate::kubectl::annotation::create_or_update_annotation;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::{Info, check_name};
use crate::kubectl::client::{Waited, nothing_due};
use crate::kubectl::flags;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs, RecordArgs};
use crate::kubectl::raw;
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::delete::result::{Deleting, parse_cascading_flag};

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
    /// Raw URI to PUT to the server
    #[arg(long, default_value = "")]
    raw: String,
    /// If specified, replace will operate on the subresource of the requested object
    #[arg(long, default_value = "")]
    subresource: String,
    /// The length of time to wait before giving up on a delete
    #[arg(long, default_value = "0s", value_parser = flags::duration)]
    timeout: Duration,
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
    /// Names that go with --force alone
    #[arg(hide = true)]
    rest: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let validate = Validate::parse(&args.validate)?;
    let dry_run = DryRun::parse(&args.dry_run)?;
    let mut printer = ObjectPrinter::new(&args.output, dry_run, session)?;
    let propagation = parse_cascading_flag(&args.cascade, session)?;
    if args.files.is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    check_flags(&args, dry_run)?;
    if !args.raw.is_empty() {
        return raw::run("PUT", &args.raw, args.files.filename.first(), session);
    }
    let writing = Writing::by(&args.field_manager).dry_run(dry_run).validate(validate);
    if args.force {
        return force_replace(&args, &writing, propagation, &mut printer, session);
    }
    let builder = Builder {
        files: Some(&args.files),
        subresource: &args.subresource,
        continue_on_error: true,
        validate,
        ..Builder::default()
    };
    let plan = builder.plan(session)?;
    let outcome = plan.visit(session, |mut info, session| {
        create_or_update_annotation(args.save_config, &mut info.tree);
        args.record.record(session, &mut info.tree);
        if dry_run != DryRun::Client {
            replace_one(&args.subresource, &mut info, &writing, session)
                .map_err(|fault| fault.when("replacing", &info.source))?;
        }
        printer.print(&info.tree, "replaced", session)
    });
    Ok(outcome?)
}

/// Mirrors `ReplaceOptions.Validate`.
fn check_flags(args: &Args, dry_run: DryRun) -> Result<(), Failure> {
    let grace_period = if args.grace_period == 0 { 1 } else { args.grace_period };
    let refusal = if grace_period >= 0 && !args.force {
        "--grace-period must have --force specified"
    } else if args.timeout != Duration::ZERO && !args.force {
        "--timeout must have --force specified"
    } else if args.force && dry_run != DryRun::None {
        "--dry-run can not be used when --force is set"
    } else if args.raw.is_empty() {
        return Ok(());
    } else {
        raw::check_file(&args.files.filename)?;
        if args.files.recursive {
            "--raw and --recursive are mutually exclusive"
        } else if args.output.output.as_deref().is_some_and(|o| !o.is_empty()) {
            "--raw and --output are mutually exclusive"
        } else {
            return raw::check_uri(&args.raw);
        }
    };
    Err(Failure::error(refusal))
}

/// Sends the whole object. Mirrors `Helper.Replace`, which takes the version over that is there by now.
fn replace_one(
    subresource: &str,
    info: &mut Info,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<(), Fault> {
    check_name(&info.name)?;
    info.subresource = subresource.to_string();
    if info.tree["metadata"]["resourceVersion"].as_str().unwrap_or_default().is_empty()
        && let Ok(live) = session.client.tree_at(info.resource())
    {
        info.tree["metadata"]["resourceVersion"] = json!(live["metadata"]["resourceVersion"]);
    }
    let verb = Verb::Update(writing.options(), info.tree.clone());
    let reply = session.client.send(verb, info.resource())?;
    Ok(info.refresh(reply, session)?)
}

/// `--force`: deletes what is there, waits until it is gone, and creates it anew. Mirrors `forceReplace`.
fn force_replace(
    args: &Args,
    writing: &Writing<'_>,
    propagation: Propagation,
    printer: &mut ObjectPrinter,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let builder = Builder {
        args: &args.rest,
        files: Some(&args.files),
        subresource: &args.subresource,
        continue_on_error: true,
        ..Builder::default()
    };
    let deleting = Deleting {
        propagation,
        // kubectl turns a zero into one second, and waits then.
        grace_period: if args.grace_period == 0 { 1 } else { args.grace_period },
        wait: args.wait || args.grace_period == 0,
        timeout: args.timeout,
        dry_run: DryRun::None,
        names: args.output.output.as_deref() == Some("name"),
        quiet: false,
        warn_cluster_scope: false,
        shown: None,
    };
    let plan = Builder { unasked: true, ..builder.clone() }.plan(session)?.ignoring(Some(Fault::is_not_found));
    deleting.delete(&plan, session)?;
    let timeout = if args.timeout == Duration::ZERO { Duration::secs(5 * 60) } else { args.timeout };
    plan.visit(session, |info, session| {
        let Some(there) = session.client.find(&info.key())? else { return Ok(()) };
        let deadline = session.client.deadline(timeout);
        match session.client.wait_until_gone((&info.key(), there.uid()), deadline, nothing_due)? {
            Waited::Done(()) => Ok(()),
            _ => Err(Fault::plain("context deadline exceeded")),
        }
    })?;
    let validate = args.validate_manifests()?;
    let plan = Builder { args: &[], validate, ..builder }.plan(session)?;
    let mut count = 0;
    plan.visit(session, |mut info, session| {
        create_or_update_annotation(args.save_config, &mut info.tree);
        args.record.record(session, &mut info.tree);
        create_one(&mut info, writing, session)?;
        count += 1;
        printer.print(&info.tree, "replaced", session)
    })?;
    if count == 0 { Err(Failure::error("no objects passed to replace")) } else { Ok(()) }
}

impl Args {
    fn validate_manifests(&self) -> Result<Validate, Failure> {
        Validate::parse(&self.validate)
    }
}

/// Creates an object. Mirrors `Helper.Create`, which clears the version.
///
/// # Errors
/// The server's refusal.
pub fn create_one(info: &mut Info, writing: &Writing<'_>, session: &mut Session<'_>) -> Result<(), Fault> {
    let mut tree: Value = info.tree.clone();
    if let Some(metadata) = tree["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    let object = session.client.create(info.whole(), tree, writing.options())?;
    info.refresh_object(object, session);
    Ok(())
}
