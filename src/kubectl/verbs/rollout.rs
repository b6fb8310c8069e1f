//! `rollout`: how far a rollout is, which there were, and going back, pausing and restarting.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/rollout`.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::k8s::api::apps::v1::Deployment;
use crate::api::request::{ListOptions, PatchType};
use crate::api::{Duration, Kind, Object, Time};
use crate::error::{ApiError, Failure};
use crate::kinds::shared::rollout::{self, Rollback};
use crate::kubectl::annotation::LAST_APPLIED;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::resources::{Found, Query};
use crate::kubectl::builder::target::Target;
use crate::kubectl::client::{Client, Waited};
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{OutputArgs, print_created};
use crate::kubectl::print::output::{Format, name_of};
use crate::kubectl::request::{self, DryRun, PROGRAM, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::describe::print_context;
use crate::manifest::strict::normalise;
use crate::printers::json::to_pretty_as_go;
use crate::server::tree_of;
use crate::server::watch::{EventType, Watch, WatchEvent};

/// Manage the rollout of one or many resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// View rollout history
    History(HistoryArgs),
    /// Mark the provided resource as paused
    Pause(ChangeArgs),
    /// Restart a resource
    Restart(ChangeArgs),
    /// Resume a paused resource
    Resume(ChangeArgs),
    /// Show the status of the rollout
    Status(StatusArgs),
    /// Undo a previous rollout
    Undo(UndoArgs),
}

/// Which objects a rollout command is about.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// TYPE NAME or TYPE/NAME
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    selector: Option<String>,
}

#[derive(Debug, Clone, clap::Args)]
struct HistoryArgs {
    #[command(flatten)]
    which: Which,
    /// See the details, including podTemplate of the revision specified
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    revision: i64,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, clap::Args)]
struct ChangeArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output: OutputArgs,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-rollout")]
    field_manager: String,
}

#[derive(Debug, Clone, clap::Args)]
struct StatusArgs {
    #[command(flatten)]
    which: Which,
    /// Watch the status of the rollout until it's done
    #[arg(short = 'w', long, default_value_t = true)]
    watch: bool,
    /// Pin to a specific revision for showing its status. Defaults to 0 (last revision)
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    revision: i64,
    /// The length of time to wait before ending watch, zero means never
    #[arg(long, default_value = "0s")]
    timeout: String,
}

#[derive(Debug, Clone, clap::Args)]
struct UndoArgs {
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

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.what {
        What::History(args) => history(&args, session),
        What::Pause(args) => change(&args, Change::Pause, session),
        What::Restart(args) => change(&args, Change::Restart, session),
        What::Resume(args) => change(&args, Change::Resume, session),
        What::Status(args) => status(&args, session),
        What::Undo(args) => undo(&args, session),
    }
}

impl Which {
    fn find(&self, session: &Session<'_>) -> Result<Found, Failure> {
        if !self.files.is_empty() {
            let target = Target { files: &self.files, ..Target::default() };
            return target.find(session);
        }
        if self.args.is_empty() {
            return Err(Failure::error("required resource not specified"));
        }
        let query = Query {
            args: self.args.clone(),
            selector: self.selector.clone(),
            types_alone_mean_all: true,
            ..Query::default()
        };
        Ok(query.find(session)?)
    }
}

fn none_found(session: &Session<'_>) {
    session.ui.err(&format!("No resources found in {} namespace.\n", session.namespace));
}

fn history(args: &HistoryArgs, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.revision < 0 {
        return Err(Failure::error(format!("revision must be a positive integer: {}", args.revision)));
    }
    let format = args.output.format(session)?;
    let found = args.which.find(session)?;
    let mut faults = found.faults;
    for object in &found.objects {
        if let Err(text) = history_of(args, object, format.as_ref(), session)? {
            faults.push(Fault::plain(text));
        }
    }
    errors::check(faults)
}

fn history_of(
    args: &HistoryArgs,
    object: &Object,
    format: Option<&Format>,
    session: &Session<'_>,
) -> Result<Result<(), String>, Failure> {
    let history = match rollout::history(object, &print_context(session)) {
        Ok(history) => history,
        Err(text) => return Ok(Err(text)),
    };
    let Some(format) = format else {
        let with = if args.revision > 0 { format!("with revision #{}", args.revision) } else { String::new() };
        return Ok(rollout::view_history(&history, args.revision)
            .map(|text| session.ui.out(&format!("{} {with}\n{text}\n", name_of(&tree_of(object))))));
    };
    let chosen: Vec<_> = match args.revision {
        0 => history.values().collect(),
        n => match history.get(&n) {
            Some(one) => vec![one],
            None => return Ok(Err("unable to find the specified revision".into())),
        },
    };
    for (n, revision) in chosen.into_iter().enumerate() {
        let mut tree = match object {
            Object::Deployment(_) => tree_of(&revision.keeper),
            _ => tree_of(object),
        };
        if !matches!(object, Object::Deployment(_)) {
            tree["spec"]["template"] = serde_json::to_value(&revision.template).unwrap_or_default();
        }
        // What kubectl holds here are Go structs, not what the server sent.
        let kind = if matches!(object, Object::Deployment(_)) { Kind::ReplicaSet } else { object.kind() };
        normalise(kind, &mut tree);
        match format {
            Format::Json => session.ui.out(&to_pretty_as_go(kind, &tree)),
            format => print_created(session, &tree, Some(format), DryRun::None, "", n == 0)?,
        }
    }
    Ok(Ok(()))
}

/// What is changed in the template or the spec.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Pause,
    Restart,
    Resume,
}

fn change(args: &ChangeArgs, change: Change, session: &mut Session<'_>) -> Result<(), Failure> {
    let writing = Writing::by(&args.field_manager);
    let format = args.output.format(session)?;
    let found = args.which.find(session)?;
    let mut faults = found.faults;
    if found.objects.is_empty() && faults.is_empty() {
        none_found(session);
        return Ok(());
    }
    for (n, object) in found.objects.iter().enumerate() {
        match change_one(object, change, &writing, session) {
            Ok(changed) => {
                let done = match change {
                    Change::Pause => "paused",
                    Change::Restart => "restarted",
                    Change::Resume => "resumed",
                };
                print_created(session, &session.tree(&changed), format.as_ref(), DryRun::None, done, n == 0)?;
            }
            Err(fault) => faults.push(fault),
        }
    }
    errors::check(faults)
}

fn change_one(
    object: &Arc<Object>,
    change: Change,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<Arc<Object>, Fault> {
    let patch = match change {
        Change::Pause => rollout::pause_patch(object, true),
        Change::Resume => rollout::pause_patch(object, false),
        Change::Restart => rollout::restart_patch(object, session.client.now()),
    };
    let refused =
        |text: String| Fault::plain(format!("error: {} {:?} {text}", object.kind().resource(), object.name()));
    let patch = patch.map_err(refused)?;
    let body = patch.to_string();
    let before = object.revision();
    let changed = request::patch(session, object, (PatchType::Strategic, &body), writing)
        .map_err(|e| Fault::plain(format!("failed to patch: {}", e.message())))?;
    if change == Change::Restart && changed.revision() == before {
        return Err(Fault::plain(format!(
            "failed to create patch for {}: if restart has already been triggered within the past second, \
             please wait before attempting to trigger another",
            object.name()
        )));
    }
    Ok(changed)
}

fn undo(args: &UndoArgs, session: &mut Session<'_>) -> Result<(), Failure> {
    let dry_run = DryRun::parse(&args.dry_run)?;
    let format = args.output.format(session)?;
    let found = args.which.find(session)?;
    let mut faults = found.faults;
    for (n, object) in found.objects.iter().enumerate() {
        warn_of_apply(object, session);
        match undo_one(object, args.to_revision, dry_run, session) {
            Ok(done) => print_created(session, &session.tree(object), format.as_ref(), dry_run, &done, n == 0)?,
            Err(fault) => faults.push(fault),
        }
    }
    errors::check(faults)
}

/// Says that a later `apply` will not know of it. kubectl does so since 1.36.
fn warn_of_apply(object: &Object, session: &Session<'_>) {
    if session.client.minor() < 36 || object.annotation(LAST_APPLIED).is_none() {
        return;
    }
    let program = session.line.program;
    session.ui.err(&format!(
        "Warning: resource {}/{} was previously managed with '{program} apply'. Rolling back will not update the \
         {LAST_APPLIED} annotation, which may cause unexpected behavior on future '{program} apply' operations. Consider \
         using '{program} apply' with your previous configuration file instead.\n",
        object.kind().plural(),
        object.name()
    ));
}

fn undo_one(object: &Arc<Object>, to: i64, dry_run: DryRun, session: &mut Session<'_>) -> Result<String, Fault> {
    if to < 0 {
        return Err(Fault::plain(format!("unable to find specified revision {to} in history")));
    }
    let history = rollout::history(object, &print_context(session)).map_err(|text| {
        Fault::plain(
            text.replace("retrieving history", "retrieving rollbacker").replace("history viewer", "rollbacker"),
        )
    })?;
    let revision = rollout::find_rollback(object, &history, to).map_err(Fault::plain)?;
    if dry_run == DryRun::Client {
        return Ok(match object.as_ref() {
            Object::Deployment(_) => rollout::print_template(revision),
            _ => format!("will roll back to {}", rollout::print_template(revision)),
        });
    }
    let (patch_type, patch) = match rollout::rollback(object, revision, to).map_err(Fault::plain)? {
        Rollback::Skipped(text) => return Ok(text),
        Rollback::JsonPatch(patch) => (PatchType::Json, patch),
        Rollback::Strategic(patch) => (PatchType::Strategic, patch),
    };
    request::patch(session, object, (patch_type, &patch.to_string()), &Writing::by(PROGRAM).dry_run(dry_run))
        .map_err(|e| Fault::plain(format!("failed restoring revision {to}: {}", e.message())))?;
    Ok("rolled back".into())
}

fn status(args: &StatusArgs, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.revision < 0 {
        return Err(Failure::error(format!("revision must be a positive integer: {}", args.revision)));
    }
    let timeout = Duration::parse(&args.timeout).map_err(|e| {
        Failure::error(format!(
            "invalid argument {:?} for \"--timeout\" flag: {e}\nSee '{} rollout status --help' for usage.",
            args.timeout, session.line.program
        ))
    })?;
    let found = args.which.find(session)?;
    if found.objects.is_empty() && found.faults.is_empty() {
        none_found(session);
        return Ok(());
    }
    errors::check(found.faults)?;
    for object in &found.objects {
        watch_status(args, object, timeout, session)?;
    }
    Ok(())
}

/// Prints the status with every change of the object until the rollout is done; the clock jumps meanwhile.
fn watch_status(
    args: &StatusArgs,
    object: &Arc<Object>,
    timeout: Duration,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let limit = if timeout > Duration::ZERO { timeout } else { Duration::secs(7 * 24 * 3600) };
    let deadline = session.client.now() + limit;
    let options = ListOptions { field_selector: format!("metadata.name={}", object.name()), ..ListOptions::default() };
    let mut watch = session.client.watch(object.kind(), object.namespace(), options)?;
    let mut object = Arc::clone(object);
    let mut pending = VecDeque::from([WatchEvent { event: EventType::Added, object: Arc::clone(&object) }]);
    loop {
        while let Some(change) = pending.pop_front() {
            if change.event == EventType::Deleted {
                return Err(Failure::error("object has been deleted"));
            }
            object = change.object;
            let (text, done) = rollout::status(&object, args.revision).map_err(Failure::error)?;
            session.ui.out(&text);
            if done || !args.watch {
                return Ok(());
            }
        }
        let changed = session.client.wait_while_it_helps(deadline, |client| seen(client, &mut watch))?;
        let changed = match changed {
            Waited::Never => match progress_ends(&object).filter(|end| *end <= deadline) {
                // OBSERVATION: nothing gets on by itself, but the rollout's time will be over soon.
                Some(end) if end > session.client.now() && end - session.client.now() <= PATIENCE => {
                    session.client.wait(Some(end), |client| seen(client, &mut watch))?
                }
                _ if timeout > Duration::ZERO => {
                    session.client.sleep_until(deadline)?;
                    Waited::Over
                }
                _ => return Err(never_done(&object, session)),
            },
            waited => waited,
        };
        match changed {
            Waited::Done(changes) => pending.extend(changes),
            Waited::Over if session.client.now() < deadline => {}
            Waited::Over | Waited::Never => return Err(Failure::error("timed out waiting for the condition")),
        }
    }
}

fn seen(client: &Client<'_>, watch: &mut Watch) -> Result<Option<Vec<WatchEvent>>, ApiError> {
    Ok(Some(client.events(watch)?).filter(|changes| !changes.is_empty()))
}

/// When a Deployment's rollout will have taken too long.
fn progress_ends(object: &Object) -> Option<Time> {
    let deployment = object.get::<Deployment>()?;
    let deadline = deployment.spec.as_ref()?.progress_deadline_seconds?;
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let progressing = conditions.iter().find(|c| c.type_ == "Progressing" && c.status == "True")?;
    let since = Time::from_meta(progressing.last_update_time.as_ref()?);
    Some(since + Duration::secs(i64::from(deadline) + 2))
}

/// How long a stuck rollout is watched for its progress deadline; who watches a terminal would not wait longer.
const PATIENCE: Duration = Duration::secs(120);

fn never_done(object: &Object, session: &Session<'_>) -> Failure {
    let kind = object.kind();
    Failure::error(format!("the rollout of {} {:?} will never finish by itself", kind.qualified(), object.name()))
        .hint(format!("see what its pods wait for: {} describe pods -n {}", session.line.program, object.namespace()))
}
