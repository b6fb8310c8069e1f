//! `label`: add, change and remove labels.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/label`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::names;
use crate::api::request::{PatchType, Verb};
use crate::error::Failure;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::ObjectPrinter;
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::pairs::{self, PairArgs};
use crate::manifest::merge;
use crate::printers::json::to_compact;

/// Update the labels on a resource.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    pairs: PairArgs,
}

/// The changes that the arguments ask for.
#[derive(Debug, Default)]
struct Changes {
    set: BTreeMap<String, String>,
    remove: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let args = args.pairs;
    let dry_run = DryRun::parse(&args.dry_run)?;
    let (named, specs) = pairs::split(&args.args, "label")?;
    let changes = parse_labels(specs).map_err(Failure::error)?;
    if args.list && args.output.output.as_deref().is_some_and(|o| !o.is_empty()) {
        return Err(Failure::error("--list and --output may not be specified together"));
    }
    args.check(named, dry_run, "pod")?;
    if changes.set.is_empty() && changes.remove.is_empty() && !args.list {
        return Err(Failure::error("at least one label update is required"));
    }
    let mut printer = ObjectPrinter::late(&args.output, dry_run, session);
    let plan = args.builder(named).plan(session)?;
    let alone = plan.single_item_implied;
    if !alone && !args.resource_version.is_empty() {
        return Err(Failure::error("--resource-version may only be used with a single resource"));
    }
    let writing = Writing::by(args.field_manager.as_deref().unwrap_or("kubectl-label")).dry_run(dry_run);
    let writing = writing.validate(Validate::Warn);
    let outcome = plan.visit(session, |mut info, session| {
        let sends = !args.local && !args.list && dry_run != DryRun::Client;
        let done = label(&args, &changes, &mut info, &writing, sends, session)?;
        if args.list {
            args.print_list(&info.tree, "labels", alone, session);
            return Ok(());
        }
        // OBSERVATION: what is printed is what kubectl sent, not what the server answered.
        printer.print(&info.tree, done, session)
    });
    Ok(outcome?)
}

fn parse_labels(specs: &[String]) -> Result<Changes, String> {
    let mut changes = Changes::default();
    for spec in specs {
        if let Some((key, value)) = spec.split_once('=') {
            if value.contains('=') {
                return Err(format!("invalid label spec: {spec}"));
            }
            let faults = names::label_value(value);
            if !faults.is_empty() {
                return Err(format!("invalid label value: {spec:?}: {}", faults.join(";")));
            }
            changes.set.insert(key.to_string(), value.to_string());
        } else if let Some(key) = spec.strip_suffix('-') {
            changes.remove.push(key.to_string());
        } else {
            return Err(format!("unknown label spec: {spec}"));
        }
    }
    match changes.remove.iter().any(|key| changes.set.contains_key(key)) {
        true => Err("can not both modify and remove a label in the same command".into()),
        false => Ok(changes),
    }
}

/// Labels an object, and sends that if it is to be sent and there is something new; gives the word for what was done.
fn label(
    args: &PairArgs,
    changes: &Changes,
    info: &mut Info,
    writing: &Writing<'_>,
    sends: bool,
    session: &mut Session<'_>,
) -> Result<&'static str, Fault> {
    if !args.resource_version.is_empty()
        && let Some(metadata) = info.tree["metadata"].as_object_mut()
    {
        // So that the version is part of the patch.
        metadata.remove("resourceVersion");
    }
    let before = info.tree.clone();
    for key in changes.remove.iter().filter(|key| sends && before["metadata"]["labels"][key.as_str()].is_null()) {
        session.ui.out(&format!("label {key:?} not found.\n"));
    }
    let (added, removed) = label_func(args, changes, &mut info.tree)?;
    let newer = session.client.minor() >= 36;
    let done = match (added, removed) {
        _ if !newer => older_message(&before, &info.tree, args.overwrite),
        (true, true) => "modified",
        (true, false) => "labeled",
        (false, true) => "unlabeled",
        (false, false) => "not labeled",
    };
    if sends {
        args.record.record(session, &mut info.tree);
        if added || removed {
            let body = to_compact(&merge::two_way_json_merge(&before, &info.tree));
            let verb = Verb::Patch(writing.patch_options(), PatchType::Merge, body);
            session.client.send(verb, info.whole())?;
        }
    }
    Ok(done)
}

/// What the client of a cluster before v1.36 says: it compares the texts of the objects.
fn older_message(before: &Value, after: &Value, overwrite: bool) -> &'static str {
    let (before, after) = (to_compact(before), to_compact(after));
    if before == after {
        "not labeled"
    } else if !overwrite && after.len() < before.len() {
        "unlabeled"
    } else {
        "labeled"
    }
}

/// Whether labels were added or changed, and whether some were removed. Mirrors `labelFunc`.
fn label_func(args: &PairArgs, changes: &Changes, tree: &mut Value) -> Result<(bool, bool), Fault> {
    let mut labels = tree["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    if !args.overwrite {
        let clash = |(key, value): (&String, &String)| {
            let there = labels.get(key)?.as_str()?;
            (there != value)
                .then(|| Fault::plain(format!("'{key}' already has a value ({there}), and --overwrite is false")))
        };
        let mut clashes: Vec<Fault> = changes.set.iter().filter_map(clash).collect();
        match clashes.len() {
            0 => {}
            1 => return Err(clashes.remove(0)),
            _ => return Err(Fault::Many(clashes)),
        }
    }
    let (mut added, mut removed) = (false, false);
    for (key, value) in &changes.set {
        added |= labels.insert(key.clone(), json!(value)) != Some(json!(value));
    }
    for key in &changes.remove {
        removed |= labels.remove(key).is_some();
    }
    tree["metadata"]["labels"] = Value::Object(labels);
    if !args.resource_version.is_empty() {
        tree["metadata"]["resourceVersion"] = json!(args.resource_version);
    }
    Ok((added, removed))
}
