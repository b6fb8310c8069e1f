//! `rollout history`: which rollouts there were.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/rollout/rollout_history.go`.

use serde_json::Value;

use super::Which;
use crate::api::{Kind, Object};
use crate::error::Failure;
use crate::kinds::shared::rollout::{self, Revision};
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs};
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::describe::print_context;
use crate::server::tree_of;

/// The arguments of `rollout history`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// See the details, including podTemplate of the revision specified
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    revision: i64,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub(super) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    args.which.check()?;
    if args.revision < 0 {
        return Err(Failure::error(format!("revision must be a positive integer: {}", args.revision)));
    }
    let plan = args.which.builder().plan(session)?;
    let printed = match args.output.is_given() {
        true => {
            let mut printer = ObjectPrinter::new(&args.output, DryRun::None, session)?;
            plan.visit(session, |info, session| print_revisions(args, &info, &mut printer, session))
        }
        false => {
            let mut printer = ObjectPrinter::late(&args.output, DryRun::None, session);
            plan.visit(session, |info, session| view(args, &info, &mut printer, session))
        }
    };
    Ok(printed?)
}

fn view(args: &Args, info: &Info, printer: &mut ObjectPrinter, session: &Session<'_>) -> Result<(), Fault> {
    let Some(object) = &info.object else { return Ok(()) };
    let history = rollout::history(object, &print_context(session)).map_err(Fault::plain)?;
    let text = rollout::view_history(&history, args.revision).map_err(Fault::plain)?;
    let with = if args.revision > 0 { format!("with revision #{}", args.revision) } else { String::new() };
    printer.print(&info.tree, &format!("{with}\n{text}"), session)
}

/// Prints the objects that hold the revisions, in the form that was asked for.
fn print_revisions(args: &Args, info: &Info, printer: &mut ObjectPrinter, session: &Session<'_>) -> Result<(), Fault> {
    let Some(object) = &info.object else { return Ok(()) };
    let history = rollout::history(object, &print_context(session)).map_err(Fault::plain)?;
    if args.revision > 0 {
        let missing = || Fault::plain("unable to find the specified revision");
        let (kind, tree) = keeper(object, history.get(&args.revision).ok_or_else(missing)?);
        return printer.print_struct(kind, &tree, "", session);
    }
    for revision in history.values() {
        let (kind, tree) = keeper(object, revision);
        // What goes wrong with one of several is not said.
        _ = printer.print_struct(kind, &tree, "", session);
    }
    Ok(())
}

/// The ReplicaSet of a Deployment's revision; of others, the object as it was. Mirrors `GetHistory`.
fn keeper(object: &Object, revision: &Revision) -> (Kind, Value) {
    match object {
        Object::Deployment(_) => (Kind::ReplicaSet, tree_of(&revision.keeper)),
        _ => {
            let mut tree = tree_of(object);
            tree["spec"]["template"] = serde_json::to_value(&revision.template).unwrap_or_default();
            (object.kind(), tree)
        }
    }
}
