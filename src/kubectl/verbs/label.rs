//! `label` and `annotate`: add, change and remove labels and annotations.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/label` and `.../annotate`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::request::PatchType;
use crate::api::{Object, names};
use crate::error::Failure;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::target::SelectArgs;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{CHANGE_CAUSE, OutputArgs, RecordArgs};
use crate::kubectl::request::{self, DryRun, Writing};
use crate::kubectl::session::Session;
use crate::printers::json::to_compact;
use crate::server::tree_of;

/// Update the labels on a resource.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE NAME or TYPE/NAME, and KEY=VALUE or KEY- for each change
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    select: SelectArgs,
    /// If true, allow labels to be overwritten
    #[arg(long)]
    overwrite: bool,
    /// If true, display the labels for a given resource
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    record: RecordArgs,
    /// Name of the manager used to track field ownership
    #[arg(long)]
    field_manager: Option<String>,
    /// If true, the command will NOT contact api-server but run locally
    #[arg(long)]
    local: bool,
    /// If non-empty, the update will only succeed if this is the current resource-version for the object
    #[arg(long, default_value = "")]
    resource_version: String,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    dry_run: String,
}

/// Which of the two maps is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// `metadata.labels`.
    Labels,
    /// `metadata.annotations`.
    Annotations,
}

/// The changes that the arguments ask for.
#[derive(Debug, Default)]
struct Changes {
    set: BTreeMap<String, String>,
    remove: Vec<String>,
}

/// Runs `label`.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    change(args, What::Labels, session)
}

/// Runs `label` or `annotate`.
///
/// # Errors
/// kubectl's texts.
pub fn change(args: Args, what: What, session: &mut Session<'_>) -> Result<(), Failure> {
    let manager = args.field_manager.as_deref().unwrap_or(match what {
        What::Labels => "kubectl-label",
        What::Annotations => "kubectl-annotate",
    });
    let dry_run = DryRun::parse(&args.dry_run)?;
    let format = args.output.format(session)?;
    let split = args.args.iter().position(|a| is_change(a)).unwrap_or(args.args.len());
    let (named, specs) = args.args.split_at(split);
    let changes = parse(specs, what)?;
    if args.select.all && args.select.selector.as_deref().is_some_and(|s| !s.is_empty()) {
        return Err(Failure::error("cannot set --all and --selector at the same time"));
    }
    check_sources(&args, named, dry_run, what)?;
    if changes.set.is_empty() && changes.remove.is_empty() && !args.list {
        let one = if what == What::Labels { "label" } else { "annotation" };
        return Err(Failure::error(format!("at least one {one} update is required")));
    }
    let target = args.select.target(named, &args.files);
    let (items, mut faults, named) = match args.local {
        true => read_files(&args, session)?,
        false => {
            let found = target.find(session)?;
            let items = found.objects.into_iter().map(|o| (tree_of(&o), Some(o))).collect();
            (items, found.faults, found.named)
        }
    };
    let single = named && items.len() == 1;
    if !args.resource_version.is_empty() && items.len() != 1 {
        return Err(Failure::error("--resource-version may only be used with a single resource"));
    }
    for (tree, live) in items {
        let writing = Writing::by(manager).dry_run(dry_run);
        match change_one(&args, what, tree, live.as_deref(), &changes, &writing, session) {
            Err(fault) => faults.push(fault),
            Ok((tree, _)) if args.list => list(&tree, what, single, session),
            Ok((tree, done)) => {
                crate::kubectl::print::made::print_created(session, &tree, format.as_ref(), dry_run, done, true)?
            }
        }
    }
    errors::check(faults)
}

/// An object's content, and the object if the cluster has it.
type Item = (Value, Option<Arc<Object>>);

/// The objects of `--local`, which the cluster is not asked for.
fn read_files(args: &Args, session: &Session<'_>) -> Result<(Vec<Item>, Vec<Fault>, bool), Failure> {
    let (infos, faults) = args.files.read(session, false);
    Ok((infos.into_iter().map(|info| (info.into_written(), None)).collect(), faults, true))
}

fn check_sources(args: &Args, named: &[String], dry_run: DryRun, what: What) -> Result<(), Failure> {
    let (files, example) = (!args.files.is_empty(), if what == What::Labels { "pod" } else { "rsrc" });
    let text = match args.local {
        true if dry_run == DryRun::Server => {
            "cannot specify --local and --dry-run=server - did you mean --dry-run=client?".to_string()
        }
        true if !named.is_empty() => format!(
            "can only use local files by -f {example}.yaml or --filename={example}.json when --local=true is set"
        ),
        true if !files => {
            format!("one or more files must be specified as -f {example}.yaml or --filename={example}.json")
        }
        false if !files && named.is_empty() => {
            "one or more resources must be specified as <resource> <name> or <resource>/<name>".to_string()
        }
        _ => return Ok(()),
    };
    Err(Failure::error(text))
}

fn is_change(arg: &str) -> bool {
    (arg.contains('=') || arg.ends_with('-')) && !arg.is_empty()
}

fn parse(specs: &[String], what: What) -> Result<Changes, Failure> {
    let one = if what == What::Labels { "label" } else { "annotation" };
    let mut changes = Changes::default();
    for spec in specs {
        if let Some((key, value)) = spec.split_once('=') {
            if what == What::Labels {
                if value.contains('=') {
                    return Err(Failure::error(format!("invalid label spec: {spec}")));
                }
                let faults = names::label_value(value);
                if !faults.is_empty() {
                    return Err(Failure::error(format!("invalid label value: {spec:?}: {}", faults.join(";"))));
                }
            }
            if key.is_empty() && what == What::Annotations {
                return Err(Failure::error(format!("invalid {one} format: {spec}")));
            }
            changes.set.insert(key.to_string(), value.to_string());
        } else if let Some(key) = spec.strip_suffix('-') {
            changes.remove.push(key.to_string());
        } else if what == What::Labels {
            return Err(Failure::error(format!("unknown label spec: {spec}")));
        } else {
            return Err(Failure::error(
                "all resources must be specified before annotation changes: ".to_string() + spec,
            ));
        }
    }
    let both: Vec<&str> = changes.remove.iter().filter(|k| changes.set.contains_key(*k)).map(String::as_str).collect();
    match (both.is_empty(), what) {
        (true, _) => Ok(changes),
        (false, What::Labels) => Err(Failure::error("can not both modify and remove a label in the same command")),
        (false, What::Annotations) => Err(Failure::error(format!(
            "can not both modify and remove the following annotation(s) in the same command: {}",
            both.join(", ")
        ))),
    }
}

fn change_one(
    args: &Args,
    what: What,
    mut tree: Value,
    live: Option<&Object>,
    changes: &Changes,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<(Value, &'static str), Fault> {
    let field = if what == What::Labels { "labels" } else { "annotations" };
    let before = to_compact(&tree);
    let current: Map<String, Value> = tree["metadata"][field].as_object().cloned().unwrap_or_default();
    let asks_server = live.is_some() && !args.list && writing.dry_run != DryRun::Client;
    if what == What::Labels && asks_server {
        for key in changes.remove.iter().filter(|k| !current.contains_key(*k)) {
            session.ui.out(&format!("label {key:?} not found.\n"));
        }
    }
    if !args.overwrite {
        refuse_overwrites(what, &current, changes)?;
    }
    let mut patch = Map::new();
    let mut after = current.clone();
    for (key, value) in &changes.set {
        after.insert(key.clone(), json!(value));
        patch.insert(key.clone(), json!(value));
    }
    for key in changes.remove.iter().filter(|k| current.contains_key(*k)) {
        after.remove(key);
        patch.insert(key.clone(), Value::Null);
    }
    let changed = after != current;
    tree["metadata"][field] = Value::Object(after);
    if !args.resource_version.is_empty() && !asks_server {
        tree["metadata"]["resourceVersion"] = json!(args.resource_version);
    }
    let now = to_compact(&tree);
    // kubectl compares the texts, so that a map which was not there and is empty now counts as a change.
    let done = match (what, now == before) {
        (What::Annotations, _) => "annotated",
        (What::Labels, true) => "not labeled",
        (What::Labels, false) if !args.overwrite && now.len() < before.len() => "unlabeled",
        (What::Labels, false) => "labeled",
    };
    let changed = changed || !args.resource_version.is_empty();
    if let Some(live) = live.filter(|_| changed && asks_server) {
        let mut body = json!({"metadata": {field: patch}});
        if args.record.record {
            body["metadata"]["annotations"][CHANGE_CAUSE] = json!(session.line.change_cause.clone());
        }
        if !args.resource_version.is_empty() {
            body["metadata"]["resourceVersion"] = json!(args.resource_version);
        }
        let body = to_compact(&body);
        let object = request::patch(session, live, (PatchType::Merge, &body), writing)?;
        tree = session.tree(&object);
    }
    Ok((tree, done))
}

fn refuse_overwrites(what: What, current: &Map<String, Value>, changes: &Changes) -> Result<(), Fault> {
    let clash = |(key, value): &(&String, &String)| {
        let there = current.get(*key)?.as_str()?;
        let free = what == What::Annotations && key.as_str() == "kubernetes.io/change-cause";
        (there != value.as_str() && !free).then(|| format!("'{key}' already has a value ({there})"))
    };
    let clashes: Vec<String> = changes.set.iter().filter_map(|pair| clash(&pair)).collect();
    if clashes.is_empty() {
        return Ok(());
    }
    Err(Fault::plain(match what {
        What::Labels => clashes.iter().map(|c| format!("{c}, and --overwrite is false")).collect::<Vec<_>>().join(", "),
        What::Annotations => {
            format!("--overwrite is false but found the following declared annotation(s): {}", clashes.join("; "))
        }
    }))
}

fn list(tree: &Value, what: What, single: bool, session: &Session<'_>) {
    let field = if what == What::Labels { "labels" } else { "annotations" };
    let indent = if single { "" } else { " " };
    if !single {
        let (version, kind) =
            (tree["apiVersion"].as_str().unwrap_or_default(), tree["kind"].as_str().unwrap_or_default());
        let group = version.split_once('/').map_or("", |(g, _)| g);
        let name = tree["metadata"]["name"].as_str().unwrap_or_default();
        session.ui.out(&format!("Listing {field} for {kind}.{group}/{name}:\n"));
    }
    for (key, value) in tree["metadata"][field].as_object().into_iter().flatten() {
        session.ui.out(&format!("{indent}{key}={}\n", value.as_str().unwrap_or_default()));
    }
}
