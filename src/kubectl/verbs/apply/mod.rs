//! `apply`: make the cluster's objects what the manifests say, by a three-way merge with what was applied last.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/apply`.

mod last_applied;
pub mod server_side;

use std::sync::Arc;

use serde_json::Value;

use crate::api::request::{DeleteOptions, PatchType, Propagation, Resource};
use crate::api::{Duration, Object};
use crate::error::{Failure, Reason};
use crate::kubectl::annotation::{LAST_APPLIED, with_last_applied};
use crate::kubectl::builder::files::{FileArgs, Info};
use crate::kubectl::client::Waited;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{OutputArgs, RecordArgs};
use crate::kubectl::print::output::{Format, name_of};
use crate::kubectl::request::{DryRun, Validate, Writing, resource_of};
use crate::kubectl::session::Session;
use crate::manifest::merge;
use crate::manifest::versions::from_stored;
use crate::printers::json::to_compact;
use crate::printers::yaml::to_yaml;
use crate::server::{tree_of, tree_with_owners};
use last_applied::LastApplied;

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
        let text = format!(
            "Unexpected args: [{}]\nSee '{} apply -h' for help and examples",
            args.rest.join(" "),
            session.line.program
        );
        return Err(Failure::error(text));
    }
    if args.files.is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    let dry_run = DryRun::parse(&args.dry_run)?;
    check_flags(&args, dry_run).map_err(Failure::error)?;
    let validate = Validate::parse(&args.validate)?;
    let format = args.output.format(session)?;
    let (mut infos, mut faults) = args.files.read(session, validate != Validate::Ignore);
    infos.iter_mut().for_each(|info| args.record.record(session, &mut info.tree));
    if infos.is_empty() && faults.is_empty() {
        return Err(Failure::error("no objects passed to apply"));
    }
    let unread = faults.len();
    let manager = if args.server_side { server_side::MANAGER } else { "kubectl-client-side-apply" };
    let manager = args.field_manager.as_deref().unwrap_or(manager);
    let writing = Writing::by(manager).dry_run(dry_run).validate(validate);
    let mut printed = Vec::new();
    for info in &infos {
        match apply_one_object(&args, info, &writing, session) {
            Ok((tree, operation)) => match &format {
                None => session.ui.out(&format!("{} {operation}{}\n", name_of(&tree), dry_run.suffix())),
                Some(Format::Name) => session.ui.out(&format!("{}\n", name_of(&tree))),
                Some(_) => printed.push(tree),
            },
            Err(fault) => faults.push(fault),
        }
    }
    if let Some(format) = format.filter(|_| !printed.is_empty()) {
        session.ui.out(&format.print(&printed, printed.len() > 1, true)?);
    }
    if unread > 1 && faults.len() > unread {
        // What the builder met is one error among those of the objects; kubectl prints it as Go prints a list.
        let applied = faults.split_off(unread);
        let texts: Vec<String> = faults.iter().map(Fault::to_string).collect();
        faults = std::iter::once(Fault::plain(format!("[{}]", texts.join(", ")))).chain(applied).collect();
    }
    errors::check(faults)
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
    } else if args.prune && args.force {
        "--force cannot be used with --prune"
    } else if args.prune && !args.all && !selected {
        "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. \
         If you did not mean to prune all resources, specify a label selector"
    } else if args.prune && args.server_side {
        "--prune is in alpha and doesn't currently work on objects created by server-side apply"
    } else if args.prune {
        "--prune is not offered by kstate: delete what is no longer wanted by name or label"
    } else if !args.subresource.is_empty() && !args.server_side {
        "--subresource can only be specified for --server-side"
    } else {
        return Ok(());
    })
}

fn apply_one_object(
    args: &Args,
    info: &Info,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<(Value, &'static str), Fault> {
    if info.name.is_empty() {
        if let Some(prefix) = info.tree["metadata"]["generateName"].as_str().filter(|p| !p.is_empty()) {
            return Err(Fault::plain(format!("from {prefix}: cannot use generate name with apply")));
        }
        let source = &info.source;
        return Err(Fault::plain(format!(
            "error when retrieving current configuration of:\n{}\nfrom server for: {source:?}: resource name may not be empty",
            described(info)
        )));
    }
    if args.server_side {
        let object = server_side::apply(info, &args.subresource, args.force_conflicts, writing, session)?;
        warn_if_deleting(&object, session);
        return Ok((session.tree_in(&object, &info.api_version), "serverside-applied"));
    }
    let modified = with_last_applied(&info.tree);
    let live = session.client.find(&info.key()).map_err(|e| {
        let source = &info.source;
        let before = "error when retrieving current configuration of:";
        Fault::from(e).when_raw(&format!("{before}\n{}\nfrom server for: {source:?}: ", described(info)))
    })?;
    let resource = resource_of(&info.key(), &info.api_version);
    let Some(live) = live else {
        let mut tree = modified;
        prune_nulls(&mut tree);
        if writing.dry_run == DryRun::Client {
            return Ok((tree, "created"));
        }
        let created = session.client.create(resource, tree, writing.options());
        let object = created.map_err(|e| Fault::from(e).when("creating", &info.source))?;
        return Ok((session.tree_in(&object, &info.api_version), "created"));
    };
    if writing.dry_run == DryRun::Client {
        // kubectl compares nothing here, and shows the object as it is.
        return Ok((from_stored(info.kind, &info.api_version, tree_of(&live)), "configured"));
    }
    if live.annotation(LAST_APPLIED).is_none() {
        session.ui.err(&format!(
            "Warning: resource {}/{} is missing the {LAST_APPLIED} annotation which is required by {p} apply. {p} apply \
             should only be used on resources created declaratively by either {p} create --save-config or {p} apply. The \
             missing annotation will be patched automatically.\n",
            info.kind.plural(),
            info.name,
            p = session.line.program
        ));
    }
    let current = from_stored(info.kind, &info.api_version, tree_of(&live));
    let whole = (!args.overwrite).then(|| whole_tree(info, session)).transpose()?;
    let patch = match make_patch(info, &live, (&modified, &current), whole.as_ref()) {
        Ok(patch) => patch,
        Err(text) => return Err(no_patch(info, &live, &modified, &text, session)?),
    };
    warn_if_deleting(&live, session);
    if patch.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok((current, "unchanged"));
    }
    let sent = (PatchType::Strategic, &*to_compact(&patch));
    match session.client.patch(resource, sent, writing.patch_options()) {
        Ok(object) => Ok((session.tree_in(&object, &info.api_version), "configured")),
        Err(e) if args.force && matches!(e.reason, Reason::Invalid | Reason::Conflict) => {
            let object = delete_and_create(args, info, &live, modified, writing, session)?;
            Ok((session.tree_in(&object, &info.api_version), "configured"))
        }
        Err(e) => {
            let fault = Fault::from(e).when("patching", &info.source);
            Err(while_applying(fault, &to_compact(&patch), info))
        }
    }
}

fn while_applying(fault: Fault, patch: &str, info: &Info) -> Fault {
    let (object, source) = (described(info), &info.source);
    fault.when_raw(&format!("error when applying patch:\n{patch}\nto:\n{object}\nfor: {source:?}: "))
}

/// The object as the server sends it, in the manifest's version.
fn whole_tree(info: &Info, session: &Session<'_>) -> Result<Value, Fault> {
    let live = session.client.get_with_owners(&info.key())?;
    Ok(from_stored(info.kind, &info.api_version, tree_with_owners(&live)))
}

/// The patch that brings the live object to what the manifest says, if it does not contradict what others made of the
/// object where that is given whole.
fn make_patch(
    info: &Info,
    live: &Object,
    (modified, current): (&Value, &Value),
    whole: Option<&Value>,
) -> Result<Value, String> {
    let original =
        live.annotation(LAST_APPLIED).and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let text = |e: merge::MergeError| e.to_string();
    let patch = merge::three_way_strategic(info.kind, &original, modified, current).map_err(text)?;
    let clash = match whole {
        None => None,
        Some(whole) => merge::conflicting_changes(info.kind, &original, &patch, whole).map_err(text)?,
    };
    match clash {
        None => Ok(patch),
        Some(changes) => Err(format!(
            "patch:\n{}\nconflicts with changes made from original to current:\n{}\n",
            to_yaml(&patch),
            to_yaml(&changes)
        )),
    }
}

/// What kubectl says when it can't make a patch: it tries three ways, and then shows all that it tried with.
fn no_patch(
    info: &Info,
    live: &Arc<Object>,
    modified: &Value,
    text: &str,
    session: &Session<'_>,
) -> Result<Fault, Fault> {
    for schema in ["openapi v3 spec", "openapi spec"] {
        session.ui.err(&format!("warning: error calculating patch from {schema}: {text}\n"));
    }
    let original = live.annotation(LAST_APPLIED).unwrap_or_default();
    let (current, modified) = (to_compact(&whole_tree(info, session)?), to_compact(modified));
    let fault = Fault::plain(format!(
        "creating patch with:\noriginal:\n{original}\nmodified:\n{modified}\n\ncurrent:\n{current}\n\nfor: {text}"
    ));
    Ok(while_applying(fault.when("patching", &info.source), "", info))
}

fn warn_if_deleting(object: &Object, session: &Session<'_>) {
    if object.is_terminating() {
        let name = object.name();
        session.ui.err(&format!("Warning: Detected changes to resource {name} which is currently being deleted.\n"));
    }
}

/// `--force`: what can't be patched is made anew; if that is refused, the old object comes back. Mirrors
/// `Patcher.deleteAndCreate`.
fn delete_and_create(
    args: &Args,
    info: &Info,
    live: &Arc<Object>,
    modified: Value,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<Arc<Object>, Fault> {
    let key = live.key();
    let grace_period = Some(args.grace_period).filter(|g| *g >= 0);
    let propagation = Some(Propagation::Background);
    session.client.delete(&key, DeleteOptions { grace_period, propagation, ..DeleteOptions::default() })?;
    let timeout = Duration::parse(&args.timeout).unwrap_or_default();
    let deadline = session.client.deadline(timeout);
    if session.client.wait_until_gone((&key, live.uid()), deadline)? != Waited::Done(()) {
        return Err(Fault::plain("timed out waiting for the condition"));
    }
    let resource = resource_of(&key, &info.api_version);
    let refused = match session.client.create(resource, modified, writing.options()) {
        Ok(object) => return Ok(object),
        Err(refused) => refused,
    };
    let mut old = tree_of(live);
    if let Some(metadata) = old["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    match session.client.create(Resource::object(&key), old, writing.options()) {
        Ok(_) => Err(refused.into()),
        Err(again) => Err(Fault::plain(format!(
            "An error occurred force-replacing the existing object with the newly provided one:\n\n{}.\n\nAdditionally, \
             an error occurred attempting to restore the original object:\n\n{}",
            refused.message, again.message
        ))),
    }
}

/// How kubectl names an object within the text of a failed patch (`resource.Info.String`).
fn described(info: &Info) -> String {
    let (group, version) = info.api_version.split_once('/').unwrap_or(("", info.api_version.as_str()));
    format!(
        "Resource: \"{group}/{version}, Resource={}\", GroupVersionKind: \"{group}/{version}, Kind={}\"\nName: {:?}, Namespace: {:?}",
        info.kind.plural(),
        info.kind.name(),
        info.name,
        info.namespace
    )
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
