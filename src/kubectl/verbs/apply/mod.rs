//! `apply`: make the cluster's objects what the manifests say, by a three-way merge with what was applied last.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/apply`.

mod apply_set;
mod last_applied;
pub mod patcher;
pub mod prune;
pub mod server_side;

use serde_json::Value;

use crate::api::Duration;
use crate::api::request::Form;
use crate::error::Failure;
use crate::kubectl::annotation::{LAST_APPLIED, with_last_applied};
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::{Info, check_name};
use crate::kubectl::flags;
use crate::kubectl::print::errors::{self, Fault, usage};
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs, RecordArgs};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::delete::result::parse_cascading_flag;
use crate::kubectl::verbs::replace::create_one;
use apply_set::ApplySet;
use last_applied::LastApplied;
use patcher::{Force, Patcher};
use prune::{Deletion, Pruner, Visited};

/// Apply a configuration to a resource by file name or stdin.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    last_applied: Option<LastApplied>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    record: RecordArgs,
    /// Must be "background", "orphan", or "foreground"
    #[arg(long, default_value = "background")]
    cascade: String,
    /// Period of time in seconds given to the resource to terminate gracefully
    #[arg(long, default_value = "-1")]
    grace_period: i64,
    /// If true, use the schema to calculate the difference
    #[arg(long, default_value_t = true)]
    openapi_patch: bool,
    /// Overwrite the default allowlist with <group/version/kind> for --prune
    #[arg(long)]
    prune_allowlist: Vec<String>,
    /// If specified, apply will operate on the subresource of the requested object
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
    /// If true, apply runs in the server instead of the client
    #[arg(long)]
    server_side: bool,
    /// If true, server-side apply will force the changes against conflicts
    #[arg(long)]
    force_conflicts: bool,
    /// Name of the manager used to track field ownership
    #[arg(long)]
    field_manager: Option<String>,
    /// Automatically resolve conflicts between the modified and live configuration
    #[arg(long, default_value_t = true)]
    overwrite: bool,
    /// Automatically delete resource objects that do not appear in the configs
    #[arg(long)]
    prune: bool,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// The name of the ApplySet that tracks which resources are being managed
    #[arg(long, hide = true)]
    applyset: Option<String>,
    /// Select all resources in the namespace of the specified resource types
    #[arg(long)]
    all: bool,
    /// If true, delete and re-create what can't be patched
    #[arg(long)]
    force: bool,
    /// Positional arguments are not taken
    #[arg(hide = true)]
    rest: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if let Some(what) = &args.last_applied {
        return last_applied::run(what, session);
    }
    if !args.rest.is_empty() {
        return Err(usage(session, "apply", &format!("Unexpected args: [{}]", args.rest.join(" "))));
    }
    if args.applyset.is_some() && !apply_set::is_enabled(session) {
        let program = session.line.program;
        let text = format!("unknown flag: --applyset\nSee '{program} apply --help' for usage.");
        return Err(Failure::error(text));
    }
    let dry_run = DryRun::parse(&args.dry_run)?;
    let propagation = parse_cascading_flag(&args.cascade, session)?;
    if args.files.is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    let validate = Validate::parse(&args.validate)?;
    let mut set = match args.applyset.as_deref().unwrap_or_default() {
        "" => None,
        reference => Some(ApplySet::new(reference, session)?),
    };
    let prunable = match args.prune {
        true => prune::parse_resources(&args.prune_allowlist, session)?,
        false => Vec::new(),
    };
    check_flags(&args, dry_run).map_err(Failure::error)?;
    if let Some(set) = &set {
        match args.prune {
            true => set.validate(session)?,
            false => return Err(Failure::error("--applyset requires --prune")),
        }
    }
    check_pruning(&args, set.is_some(), !prunable.is_empty()).map_err(Failure::error)?;
    // OBSERVATION: a form that can't be printed is found out at the end, when all is applied.
    let mut printer = ObjectPrinter::late(&args.output, dry_run, session);
    let shows_object = printer.shows_object();
    let builder = Builder {
        files: Some(&args.files),
        selector: args.selector.as_deref().unwrap_or_default(),
        continue_on_error: true,
        validate,
        ..Builder::default()
    };
    let (mut infos, fault) = match builder.plan(session) {
        Ok(plan) => plan.infos(session),
        Err(fault) => (Vec::new(), Some(fault)),
    };
    let mut faults: Vec<Fault> = fault.into_iter().collect();
    if let Some(set) = &set
        && let Err(fault) = set.add_labels(&mut infos)
    {
        infos.clear();
        faults = vec![fault];
    }
    if infos.is_empty() && faults.is_empty() {
        return Err(Failure::error("no objects passed to apply"));
    }
    let manager = if args.server_side { server_side::MANAGER } else { "kubectl-client-side-apply" };
    let manager = args.field_manager.as_deref().unwrap_or(manager);
    let writing = Writing::by(manager).dry_run(dry_run).validate(validate);
    if let Some(set) = &mut set {
        set.before_apply(&infos, &writing, session)?;
    }
    let force = args.force.then(|| Force {
        propagation,
        grace_period: Some(args.grace_period).filter(|grace| *grace >= 0),
        timeout: args.timeout,
    });
    for info in &mut infos {
        let applied = apply_one_object(&args, info, &writing, force.as_ref(), session);
        let printed = applied.and_then(|operation| match shows_object {
            true => Ok(()),
            false => printer.print(&info.tree, operation, session),
        });
        faults.extend(printed.err());
    }
    // OBSERVATION: a list of one is told as that one, which may be a list itself.
    if faults.len() == 1 {
        return Err(faults.remove(0).into());
    }
    errors::check(faults)?;
    if shows_object {
        let trees: Vec<Value> = infos.iter().map(|info| info.tree.clone()).collect();
        printer.print_all(&trees, session)?;
    }
    if args.prune {
        let deletion = Deletion { propagation, grace_period: args.grace_period, dry_run };
        let mut visited = Visited::default();
        infos.iter().for_each(|info| visited.mark(info));
        if let Some(set) = &set {
            set.prune(&visited, &deletion, &mut printer, &writing, session)?;
            return Ok(());
        }
        let pruner = Pruner { types: &prunable, selector: args.selector.as_deref().unwrap_or_default() };
        pruner.visit(&visited, session, |info, session| deletion.prune(&info, &mut printer, session))?;
    }
    Ok(())
}

/// Mirrors `ApplyOptions.Validate`.
fn check_flags(args: &Args, dry_run: DryRun) -> Result<(), &'static str> {
    let selected = args.selector.as_deref().is_some_and(|s| !s.is_empty());
    Err(if args.force_conflicts && !args.server_side {
        "--force-conflicts only works with --server-side"
    } else if dry_run == DryRun::Client && args.server_side {
        "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)"
    } else if args.server_side && args.force {
        "--force cannot be used with --server-side"
    } else if dry_run == DryRun::Server && args.force {
        "--dry-run=server cannot be used with --force"
    } else if args.all && selected {
        "cannot set --all and --selector at the same time"
    } else {
        return Ok(());
    })
}

/// The second half of `ApplyOptions.Validate`.
fn check_pruning(args: &Args, has_set: bool, has_types: bool) -> Result<(), &'static str> {
    let selected = args.selector.as_deref().is_some_and(|s| !s.is_empty());
    Err(if args.prune && args.force {
        "--force cannot be used with --prune"
    } else if args.prune && has_set && args.all {
        "--all is incompatible with --applyset"
    } else if args.prune && has_set && selected {
        "--selector is incompatible with --applyset"
    } else if args.prune && has_set && has_types {
        "--prune-allowlist is incompatible with --applyset"
    } else if args.prune && !has_set && !args.all && !selected {
        "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. \
         If you did not mean to prune all resources, specify a label selector"
    } else if args.prune && !has_set && args.server_side {
        "--prune is in alpha and doesn't currently work on objects created by server-side apply"
    } else if !args.subresource.is_empty() && !args.server_side {
        "--subresource can only be specified for --server-side"
    } else {
        return Ok(());
    })
}

/// Applies one manifest; its object is then what the server has. Gives the word for what was done.
fn apply_one_object(
    args: &Args,
    info: &mut Info,
    writing: &Writing<'_>,
    force: Option<&Force>,
    session: &mut Session<'_>,
) -> Result<&'static str, Fault> {
    args.record.record(session, &mut info.tree);
    if info.name.is_empty()
        && let Some(prefix) = info.tree["metadata"]["generateName"].as_str().filter(|p| !p.is_empty())
    {
        return Err(Fault::plain(format!("from {prefix}: cannot use generate name with apply")));
    }
    if args.server_side {
        check_name(&info.name)?;
        server_side::apply(info, &args.subresource, args.force_conflicts, writing, session)?;
        warn_if_deleting(info, session);
        return Ok("serverside-applied");
    }
    let modified = with_last_applied(&info.tree);
    let mut manifest = std::mem::replace(&mut info.tree, modified.clone());
    match info.get(Form::Object, session) {
        Ok(()) => {}
        Err(fault) if fault.is_not_found() => {
            prune_nulls(&mut info.tree);
            if writing.dry_run != DryRun::Client {
                create_one(info, writing, session).map_err(|fault| fault.when("creating", &info.source))?;
            }
            return Ok("created");
        }
        Err(fault) => {
            std::mem::swap(&mut info.tree, &mut manifest);
            let what = format!("retrieving current configuration of:\n{}\nfrom server for:", info.described());
            return Err(fault.when(&what, &info.source));
        }
    }
    if info.tree["metadata"]["annotations"][LAST_APPLIED].is_null() {
        session.ui.err(&format!(
            "Warning: resource {} is missing the {LAST_APPLIED} annotation which is required by {p} apply. {p} apply \
             should only be used on resources created declaratively by either {p} create --save-config or {p} apply. The \
             missing annotation will be patched automatically.\n",
            info.object_name(),
            p = session.line.program
        ));
    }
    let patcher = Patcher { overwrite: args.overwrite, openapi: args.openapi_patch, force, locked: false, writing };
    let local = writing.dry_run == DryRun::Client && session.client.minor() >= 36;
    let before = info.described();
    let outcome = match local {
        true => patcher.patch_local(info, &modified, session),
        // The client of an older cluster compares nothing in a dry run of its own, and shows the object as it is.
        false if writing.dry_run == DryRun::Client => return Ok("configured"),
        false => patcher.patch(info, &modified, session),
    };
    let unchanged = outcome.map_err(|(patch, fault)| {
        fault.when(&format!("applying patch:\n{patch}\nto:\n{before}\nfor:"), &info.source)
    })?;
    warn_if_deleting(info, session);
    Ok(if unchanged && !matches!(args.output.output.as_deref(), Some(o) if !matches!(o, "" | "name")) {
        "unchanged"
    } else {
        "configured"
    })
}

fn warn_if_deleting(info: &Info, session: &Session<'_>) {
    if !info.tree["metadata"]["deletionTimestamp"].is_null() {
        let name = &info.name;
        session.ui.err(&format!("Warning: Detected changes to resource {name} which is currently being deleted.\n"));
    }
}

/// A creation drops the nulls that a later patch would drop too.
fn prune_nulls(tree: &mut Value) {
    match tree {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(prune_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(prune_nulls),
        _ => {}
    }
}
