//! `annotate`: add, change and remove annotations.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/annotate`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::request::{PatchType, Verb};
use crate::error::Failure;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{CHANGE_CAUSE, ObjectPrinter};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::pairs::{self, PairArgs};
use crate::manifest::merge;
use crate::printers::json::to_compact;

/// Update the annotations on a resource.
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
    let mut printer = ObjectPrinter::new(&args.output, dry_run, session)?;
    let (named, specs) = pairs::split(&args.args, "annotation")?;
    let changes = parse(specs);
    args.check(named, dry_run, "rsrc")?;
    if changes.set.is_empty() && changes.remove.is_empty() && !args.list {
        return Err(Failure::error("at least one annotation update is required"));
    }
    let both: Vec<&str> = changes.remove.iter().filter(|k| changes.set.contains_key(*k)).map(String::as_str).collect();
    if !both.is_empty() {
        return Err(Failure::error(format!(
            "can not both modify and remove the following annotation(s) in the same command: {}",
            both.join(", ")
        )));
    }
    let plan = args.builder(named).plan(session)?;
    let alone = plan.single_item_implied;
    if !alone && !args.resource_version.is_empty() {
        return Err(Failure::error("--resource-version may only be used with a single resource"));
    }
    let writing = Writing::by(args.field_manager.as_deref().unwrap_or("kubectl-annotate")).dry_run(dry_run);
    let writing = writing.validate(Validate::Warn);
    let outcome = plan.visit(session, |mut info, session| {
        if args.local || args.list || dry_run == DryRun::Client {
            update_annotations(&args, &changes, &mut info.tree)?;
        } else {
            if !args.resource_version.is_empty()
                && let Some(metadata) = info.tree["metadata"].as_object_mut()
            {
                // So that the version is part of the patch.
                metadata.remove("resourceVersion");
            }
            let before = info.tree.clone();
            args.record.record(session, &mut info.tree);
            update_annotations(&args, &changes, &mut info.tree)?;
            let body = to_compact(&merge::two_way_json_merge(&before, &info.tree));
            let verb = Verb::Patch(writing.patch_options(), PatchType::Merge, body);
            let reply = session.client.send(verb, info.whole())?;
            info.refresh(reply, session)?;
        }
        if args.list {
            args.print_list(&info.tree, "annotations", alone, session);
            return Ok(());
        }
        printer.print(&info.tree, "annotated", session)
    });
    Ok(outcome?)
}

/// Mirrors `ParsePairs`; what is neither `KEY=VALUE` nor `KEY-` does not get here.
fn parse(specs: &[String]) -> Changes {
    let mut changes = Changes::default();
    for spec in specs {
        match (spec.split_once('='), spec.strip_suffix('-')) {
            (Some((key, value)), _) => _ = changes.set.insert(key.to_string(), value.to_string()),
            (None, Some(key)) => changes.remove.push(key.to_string()),
            (None, None) => {}
        }
    }
    changes
}

/// Mirrors `updateAnnotations`.
fn update_annotations(args: &PairArgs, changes: &Changes, tree: &mut Value) -> Result<(), Fault> {
    let mut annotations = tree["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    if !args.overwrite {
        let clash = |(key, value): (&String, &String)| {
            let there = annotations.get(key).filter(|_| key != CHANGE_CAUSE)?.as_str()?;
            (there != value).then(|| format!("'{key}' already has a value ({there})"))
        };
        let clashes: Vec<String> = changes.set.iter().filter_map(clash).collect();
        if !clashes.is_empty() {
            let text = "--overwrite is false but found the following declared annotation(s)";
            return Err(Fault::plain(format!("{text}: {}", clashes.join("; "))));
        }
    }
    annotations.extend(changes.set.iter().map(|(key, value)| (key.clone(), json!(value))));
    changes.remove.iter().for_each(|key| _ = annotations.remove(key));
    tree["metadata"]["annotations"] = Value::Object(annotations);
    if !args.resource_version.is_empty() {
        tree["metadata"]["resourceVersion"] = json!(args.resource_version);
    }
    Ok(())
}
