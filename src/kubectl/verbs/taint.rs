//! `taint`: keeps pods off nodes, or lets them on again.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/taint`.

use std::sync::Arc;

use serde_json::json;

use crate::api::k8s::api::core::v1::{Node, Taint};
use crate::api::request::PatchType;
use crate::api::{Kind, Object, names};
use crate::error::Failure;
use crate::kinds::shared::access::{items, text};
use crate::kubectl::builder::mapper::{find_kind, no_such_type};
use crate::kubectl::builder::resources::Query;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::OutputArgs;
use crate::kubectl::print::made::print_created;
use crate::kubectl::request::{self, DryRun, Validate, Writing};
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
    let format = args.output.format(session)?;
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
    let kind_name = resource.to_lowercase();
    let kind = find_kind(session.client.minor(), &kind_name);
    let kind = kind.ok_or_else(|| Failure::from(no_such_type(&kind_name)))?.kind;
    if kind != Kind::Node {
        return Err(Failure::error(format!("invalid resource type {kind_name}, only node types are supported")));
    }
    refuse_conflicts(&changes)?;
    let selector = args.selector.as_deref().filter(|s| !s.is_empty());
    if args.all && selector.is_some() {
        return Err(Failure::error("setting 'all' parameter with a non empty selector is prohibited"));
    }
    if !args.all && selector.is_none() && resources.len() < 2 {
        return Err(Failure::error("at least one resource name must be specified since 'all' parameter is not set"));
    }
    let named = !args.all && selector.is_none();
    let names = resources.iter().skip(1).filter(|_| named).map(|name| format!("nodes/{name}"));
    let query = Query {
        args: if named { names.collect() } else { vec!["nodes".into()] },
        selector: selector.map(String::from),
        all: args.all,
        ..Query::default()
    };
    let found = query.find(session)?;
    let mut faults = found.faults;
    for (n, node) in found.objects.iter().enumerate() {
        let writing = Writing::by(&args.field_manager).dry_run(dry_run).validate(validate);
        match taint(&args, node, &changes, &writing, session) {
            Ok((node, done)) => {
                print_created(session, &session.tree(&node), format.as_ref(), DryRun::None, done, n == 0)?
            }
            Err(fault) => faults.push(fault),
        }
    }
    errors::check(faults)
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

fn taint(
    args: &Args,
    node: &Arc<Object>,
    changes: &Changes,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<(Arc<Object>, &'static str), Fault> {
    let old = node.get::<Node>().and_then(|n| n.spec.as_ref()).map(|s| items(&s.taints)).unwrap_or_default();
    if !args.overwrite {
        let clash = |add: &&Taint| old.iter().any(|t| same(t, add));
        let clashes: Vec<&str> = changes.add.iter().filter(clash).map(|t| t.key.as_str()).collect();
        if !clashes.is_empty() {
            let keys = clashes.join(",");
            return Err(Fault::plain(format!(
                "node {} already has {keys} taint(s) with same effect(s) and --overwrite is false",
                node.name()
            )));
        }
    }
    let (taints, done) = reorganize(old, changes, args.overwrite).map_err(Fault::plain)?;
    let body = to_compact(&json!({"spec": {"taints": if taints.is_empty() { json!(null) } else { json!(taints) }}}));
    if writing.dry_run == DryRun::Client {
        let mut changed = Object::clone(node);
        if let Some(n) = changed.get_mut::<Node>() {
            n.spec.get_or_insert_default().taints = Some(taints).filter(|t| !t.is_empty());
        }
        return Ok((Arc::new(changed), done));
    }
    Ok((request::patch(session, node, (PatchType::Merge, &body), writing)?, done))
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
