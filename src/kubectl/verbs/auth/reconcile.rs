//! `auth reconcile`: roles and bindings of a file, merged with those of the cluster.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/auth/reconcile.go`.

use super::reconciliation::{Operation, Reconciled, Reconciler};
use crate::api::Kind;
use crate::api::k8s::api::rbac::v1::{PolicyRule, Subject};
use crate::error::{Failure, Reason};
use crate::kinds::shared::access::items;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs};
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;

/// Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Arguments, of which there may be none
    #[arg(hide = true)]
    rest: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// If true, removes extra permissions added to roles
    #[arg(long)]
    remove_extra_permissions: bool,
    /// If true, removes extra subjects added to rolebindings
    #[arg(long)]
    remove_extra_subjects: bool,
    #[command(flatten)]
    output: OutputArgs,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    dry_run: String,
}

/// How often a change is tried where somebody else comes first.
const TRIES: usize = 3;

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub(super) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.files.is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    if !args.rest.is_empty() {
        return Err(Failure::error("no arguments are allowed"));
    }
    let dry_run = DryRun::parse(&args.dry_run).map_err(|failure| {
        let text = Fault::of(failure).message();
        Failure::error(format!("error accessing --dry-run flag for command reconcile: {text}"))
    })?;
    if dry_run == DryRun::Server {
        return Err(Failure::error("--dry-run=server for command reconcile is not supported yet"));
    }
    let builder = Builder { files: Some(&args.files), continue_on_error: true, local: true, ..Builder::default() };
    let plan = builder.plan(session)?;
    let mut printer = ObjectPrinter::new(&args.output, dry_run, session)?;
    plan.visit(session, |info, session| reconcile(args, info, &mut printer, session))?;
    Ok(())
}

fn reconcile(args: &Args, info: Info, printer: &mut ObjectPrinter, session: &mut Session<'_>) -> Result<(), Fault> {
    let kind = info.kind();
    let remove_extra = match kind {
        Kind::Role | Kind::ClusterRole => args.remove_extra_permissions,
        Kind::RoleBinding | Kind::ClusterRoleBinding => args.remove_extra_subjects,
        // What is no matter of authorization is passed over.
        _ => return Ok(()),
    };
    let version = info.tree["apiVersion"].as_str().unwrap_or_default();
    if version != kind.api_version() {
        let version = version.rsplit('/').next().unwrap_or_default();
        let kind = kind.name();
        return Err(Fault::plain(format!("only rbac.authorization.k8s.io/v1 is supported: not *{version}.{kind}")));
    }
    let reconciler = Reconciler { confirm: printer.dry_run() == DryRun::None, remove_extra };
    let mut result = reconciler.run(&info, session);
    for _ in 1..TRIES {
        if result.as_ref().err().is_none_or(|fault| fault.reason() != Some(Reason::Conflict)) {
            break;
        }
        result = reconciler.run(&info, session);
    }
    let result = result?;
    // What is wrong with the form is not said.
    _ = printer.print_struct(kind, &result.object, "reconciled", session);
    session.ui.err(&report(args, &result));
    Ok(())
}

/// What was done, and what was missing or too much. Mirrors `printResults`.
fn report(args: &Args, result: &Reconciled) -> String {
    let caveat = match result.protected {
        true => ", but object opted out (rbac.authorization.kubernetes.io/autoupdate: false)",
        false => "",
    };
    let operation = match result.operation {
        Operation::None => return String::new(),
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Recreate => "recreate",
    };
    let mut text = format!("\treconciliation required {operation}{caveat}\n");
    let mut section = |title: &str, lines: Vec<String>, wanted: bool| {
        if wanted && !lines.is_empty() {
            text.push_str(&format!("\t{title}:\n"));
            lines.iter().for_each(|line| text.push_str(&format!("\t\t{line}\n")));
        }
    };
    section("missing subjects added", result.missing_subjects.iter().map(go_subject).collect(), true);
    let extra = result.extra_subjects.iter().map(go_subject).collect();
    section("extra subjects removed", extra, args.remove_extra_subjects);
    section("missing rules added", result.missing_rules.iter().map(go_rule).collect(), true);
    section("extra rules removed", result.extra_rules.iter().map(go_rule).collect(), args.remove_extra_permissions);
    text
}

/// A subject as Go prints the struct.
fn go_subject(subject: &Subject) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    format!(
        "{{Kind:{} APIGroup:{} Name:{} Namespace:{}}}",
        subject.kind,
        text(&subject.api_group),
        subject.name,
        text(&subject.namespace)
    )
}

/// A rule as Go prints the struct.
fn go_rule(rule: &PolicyRule) -> String {
    let list = |list: &Option<Vec<String>>| items(list).join(" ");
    format!(
        "{{Verbs:[{}] APIGroups:[{}] Resources:[{}] ResourceNames:[{}] NonResourceURLs:[{}]}}",
        rule.verbs.join(" "),
        list(&rule.api_groups),
        list(&rule.resources),
        list(&rule.resource_names),
        list(&rule.non_resource_urls)
    )
}
