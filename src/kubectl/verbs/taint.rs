//! `taint`: keeps pods off nodes, or lets them on again.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/taint`.

use serde_json::json;

use crate::api::k8s::api::core::v1::{Node, Taint};
use crate::api::request::{PatchType, Verb};
use crate::api::{Kind, names};
use crate::error::Failure;
use crate::kinds::shared::access::{items, text};
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::info::Info;
use crate::kubectl::builder::mapper::{find_kind, no_such_type};
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::printers::json::to_compact;

/// Update the taints on one or more nodes.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// NODE NAME, and KEY=VALUE:EFFECT or KEY:EFFECT- for each taint
    #[arg(value_name = "NODE")]
    args: Vec<String>,
    /// Select all nodes in the cluster
    #[arg(long)]
    all: bool,
    /// If true, allow taints to be overwritten, otherwise reject taint updates that overwrite existing taints
    #[arg(long)]
    overwrite: bool,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    selector: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    /// Must be one of: strict (or true), warn, ignore (or false)
    #[arg(long, default_value = "strict")]
    validate: String,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-taint")]
    field_manager: String,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    dry_run: String,
}

/// The changes that the arguments ask for.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    add: Vec<Taint>,
    remove: Vec<Taint>,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let dry_run = DryRun::parse(&args.dry_run)?;
    let validate = Validate::parse(&args.validate)?;
    // kubectl sets the plain line's verb anew for each node, and so loses that it is a dry run.
    let mut printer = ObjectPrinter::late(&args.output, DryRun::None, session);
    let split = args.args.iter().position(|a| is_taint(a)).unwrap_or(args.args.len());
    let (resources, specs) = args.args.split_at(split);
    if let Some(late) = specs.iter().find(|s| !is_taint(s)) {
        return Err(Failure::error(format!("all resources must be specified before taint changes: {late}")));
    }
    let Some(resource) = resources.first() else {
        return Err(Failure::error("one or more resources must be specified as <resource> <name>"));
    };
    if specs.is_empty() {
        return Err(Failure::error("at least one taint update is required"));
    }
    let changes = parse_taints(specs).map_err(|text| errors::usage(session, "taint", &text))?;
    check_type(resource, session)?;
    refuse_conflicts(&changes)?;
    let selector = args.selector.as_deref().unwrap_or_default();
    if args.all && !selector.is_empty() {
        return Err(Failure::error("setting 'all' parameter with a non empty selector is prohibited"));
    }
    if !args.all && selector.is_empty() && resources.len() < 2 {
        return Err(Failure::error("at least one resource name must be specified since 'all' parameter is not set"));
    }
    let named = !args.all && selector.is_empty();
    let builder = Builder {
        args: if named { &resources[1..] } else { &[] },
        default_type: if named { "node" } else { "" },
        of_type: if named { "" } else { "node" },
        selector,
        all: args.all,
        continue_on_error: true,
        latest: true,
        ..Builder::default()
    };
    let writing = Writing::by(&args.field_manager).dry_run(dry_run).validate(validate);
    let outcome = builder.plan(session)?.visit(session, |mut info, session| {
        let done = taint(&args, &mut info, &changes, &writing, session)?;
        printer.print(&info.tree, done, session)
    });
    Ok(outcome?)
}

/// The type must be that of nodes.
fn check_type(resource: &str, session: &Session<'_>) -> Result<(), Failure> {
    let lower = resource.to_lowercase();
    let name = lower.split('.').next().unwrap_or_default();
    match find_kind(&session.client.serving(), name) {
        None => Err(no_such_type(name)),
        Some(served) if served.kind == Kind::Node => Ok(()),
        Some(_) => Err(Failure::error(format!("invalid resource type {lower}, only node types are supported"))),
    }
}

fn is_taint(arg: &str) -> bool {
    arg.contains(['=', ':']) || arg.ends_with('-')
}

/// Mirrors `parseTaints`.
fn parse_taints(specs: &[String]) -> Result<Changes, String> {
    let mut changes = Changes::default();
    for spec in specs {
        if let Some(spec) = spec.strip_suffix('-') {
            changes.remove.push(Taint { value: None, ..parse_taint(spec)? });
            continue;
        }
        let new = parse_taint(spec)?;
        if new.effect.is_empty() {
            return Err(format!("invalid taint spec: {spec}"));
        }
        if changes.add.iter().any(|t| t.key == new.key && t.effect == new.effect) {
            // Go prints the struct, whose last field is the time at which it was added.
            let shown = format!("{{{} {} {} <nil>}}", new.key, text(&new.value), new.effect);
            return Err(format!("duplicated taints with the same key and effect: {shown}"));
        }
        changes.add.push(new);
    }
    Ok(changes)
}

/// `KEY=VALUE:EFFECT`, `KEY:EFFECT` or `KEY`. Mirrors `parseTaint`.
fn parse_taint(spec: &str) -> Result<Taint, String> {
    let parts: Vec<&str> = spec.split(':').collect();
    let (rest, effect) = match parts.as_slice() {
        [key] => (*key, ""),
        [rest, effect] => (*rest, *effect),
        _ => return Err(format!("invalid taint spec: {spec}")),
    };
    let mut key = rest;
    let mut value = None;
    if parts.len() == 2 {
        if !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
            return Err(format!("invalid taint effect: {effect}, unsupported taint effect"));
        }
        let pair: Vec<&str> = rest.split('=').collect();
        match pair.as_slice() {
            [_] => {}
            [name, v] => {
                let wrong = names::label_value(v);
                if !wrong.is_empty() {
                    return Err(format!("invalid taint spec: {spec}, {}", wrong.join("; ")));
                }
                (key, value) = (name, Some(v.to_string()).filter(|v| !v.is_empty()));
            }
            _ => return Err(format!("invalid taint spec: {spec}")),
        }
    }
    let wrong = names::qualified_name(key);
    if !wrong.is_empty() {
        return Err(format!("invalid taint spec: {spec}, {}", wrong.join("; ")));
    }
    Ok(Taint { key: key.into(), value, effect: effect.into(), time_added: None })
}

fn refuse_conflicts(changes: &Changes) -> Result<(), Failure> {
    let mut both = Vec::new();
    for add in &changes.add {
        let removes = |r: &&Taint| r.key == add.key && (r.effect.is_empty() || r.effect == add.effect);
        both.extend(changes.remove.iter().filter(removes).map(|r| format!("{}={}", r.key, r.effect)));
    }
    if both.is_empty() {
        return Ok(());
    }
    let text = "can not both modify and remove the following taint(s) in the same command";
    Err(Failure::error(format!("{text}: {}", both.join(", "))))
}

/// Changes a node's taints, and gives the word for what was done.
fn taint(
    args: &Args,
    info: &mut Info,
    changes: &Changes,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<&'static str, Fault> {
    let node = info.object.as_deref().and_then(|object| object.get::<Node>());
    let Some(node) = node else {
        let kind = info.kind();
        let text = format!("unexpected type *{}.{}, expected Node", kind.version(), kind.name());
        return Err(Fault::plain(text));
    };
    let old = node.spec.as_ref().map(|s| items(&s.taints)).unwrap_or_default();
    if !args.overwrite {
        let clash = |add: &&Taint| old.iter().any(|t| same(t, add));
        let clashes: Vec<&str> = changes.add.iter().filter(clash).map(|t| t.key.as_str()).collect();
        if !clashes.is_empty() {
            let (name, keys) = (&info.name, clashes.join(","));
            return Err(Fault::plain(format!(
                "node {name} already has {keys} taint(s) with same effect(s) and --overwrite is false"
            )));
        }
    }
    let (taints, done) = reorganize(old, changes, args.overwrite).map_err(Fault::plain)?;
    let taints = if taints.is_empty() { json!(null) } else { json!(taints) };
    if writing.dry_run == DryRun::Client {
        match taints.is_null() {
            true => _ = info.tree["spec"].as_object_mut().map(|spec| spec.remove("taints")),
            false => info.tree["spec"]["taints"] = taints,
        }
        return Ok(done);
    }
    let patch = if taints == info.tree["spec"]["taints"] { json!({}) } else { json!({"spec": {"taints": taints}}) };
    let verb = Verb::Patch(writing.patch_options(), PatchType::Strategic, to_compact(&patch));
    let reply = session.client.send(verb, info.whole())?;
    info.refresh(reply, session)?;
    Ok(done)
}

fn same(a: &Taint, b: &Taint) -> bool {
    a.key == b.key && a.effect == b.effect
}

/// The taints after the changes, the new ones first, and what was done. Mirrors `reorganizeTaints`.
fn reorganize(old: &[Taint], changes: &Changes, overwrite: bool) -> Result<(Vec<Taint>, &'static str), String> {
    let mut new = changes.add.clone();
    for taint in old {
        if !new.iter().any(|t| same(t, taint)) {
            new.push(taint.clone());
        }
    }
    let added = new.len() != old.len();
    let mut removed = false;
    let mut missing = Vec::new();
    for gone in &changes.remove {
        let before = new.len();
        new.retain(|t| t.key != gone.key || (!gone.effect.is_empty() && t.effect != gone.effect));
        removed = new.len() != before;
        if !removed {
            let shown = if gone.effect.is_empty() { gone.key.clone() } else { format!("{}:{}", gone.key, gone.effect) };
            missing.push(format!("taint {shown:?} not found"));
        }
    }
    match missing.as_slice() {
        [] => {}
        [one] => return Err(one.clone()),
        many => return Err(format!("[{}]", many.join(", "))),
    }
    let done = match (added && removed) || overwrite {
        true => "modified",
        false if added => "tainted",
        false => "untainted",
    };
    Ok((new, done))
}

#[cfg(test)]
mod tests {
    use super::{parse_taints, reorganize};

    fn specs(all: &[&str]) -> Vec<String> {
        all.iter().map(|s| s.to_string()).collect()
    }

    #[test]
    fn reads_and_applies_changes() {
        let first = parse_taints(&specs(&["a=b:NoSchedule", "c:NoExecute"])).unwrap();
        let (taints, done) = reorganize(&[], &first, false).unwrap();
        assert_eq!((taints.len(), done), (2, "tainted"));
        let away = parse_taints(&specs(&["a-"])).unwrap();
        let (left, done) = reorganize(&taints, &away, false).unwrap();
        assert_eq!((left.len(), done), (1, "untainted"));
        assert_eq!(reorganize(&left, &away, false).unwrap_err(), "taint \"a\" not found");
        let both = parse_taints(&specs(&["d:NoSchedule", "c:NoExecute-"])).unwrap();
        assert_eq!(reorganize(&left, &both, false).unwrap().1, "modified");
        let wrong = parse_taints(&specs(&["a=b:Never"])).unwrap_err();
        assert_eq!(wrong, "invalid taint effect: Never, unsupported taint effect");
    }
}
