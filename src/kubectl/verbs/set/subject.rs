//! `set subject`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::set::change::{Common, SelectorArg};

/// Update the user, group, or service account in a role binding or cluster role binding.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    selector: SelectorArg,
    /// Groups to bind to the role
    #[arg(long)]
    group: Vec<String>,
    /// Service accounts to bind to the role
    #[arg(long)]
    serviceaccount: Vec<String>,
    /// Usernames to bind to the role
    #[arg(long)]
    user: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let common = &args.common;
    let printer = common.printer(session)?;
    let selector = args.selector.selector.as_str();
    let local = common.check_local(&printer);
    common.check_files(&common.args)?;
    let mut change = common.find(common.builder(&common.args, selector), printer, session)?;
    local?;
    if common.all && !selector.is_empty() {
        return Err(Failure::error("cannot set --all and --selector at the same time"));
    }
    if args.user.is_empty() && args.group.is_empty() && args.serviceaccount.is_empty() {
        return Err(Failure::error("you must specify at least one value of user, group or serviceaccount"));
    }
    let clusterwide = change.infos.iter().any(|info| info.kind() == Kind::ClusterRoleBinding);
    let subjects = subjects(args, clusterwide, &session.namespace).map_err(Failure::error)?;
    change.run(
        session,
        |info, tree, _| {
            if !matches!(info.kind(), Kind::RoleBinding | Kind::ClusterRoleBinding) {
                return Err("setting subjects is only supported for RoleBinding/ClusterRoleBinding".into());
            }
            let mut all = tree["subjects"].as_array().cloned().unwrap_or_default();
            let before = all.len();
            for subject in &subjects {
                if !all[..before].contains(subject) {
                    all.push(subject.clone());
                }
            }
            let more = all.len() > before;
            tree["subjects"] = json!(all);
            Ok(more)
        },
        "failed to patch subjects to rolebinding: ",
        "subjects updated",
    )
}

fn subjects(args: &Args, clusterwide: bool, namespace: &str) -> Result<Vec<Value>, String> {
    let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    let group = "rbac.authorization.k8s.io";
    let mut all = Vec::new();
    for name in sorted(&args.user) {
        all.push(json!({"kind": "User", "apiGroup": group, "name": name}));
    }
    for name in sorted(&args.group) {
        all.push(json!({"kind": "Group", "apiGroup": group, "name": name}));
    }
    for account in sorted(&args.serviceaccount) {
        let Some((own, name)) = account.split_once(':').filter(|(_, n)| !n.is_empty() && !n.contains(':')) else {
            return Err("serviceaccount must be <namespace>:<name>".into());
        };
        if own.is_empty() && clusterwide {
            return Err("serviceaccount must be <namespace>:<name>, namespace must be specified".into());
        }
        let namespace = if own.is_empty() { namespace } else { own };
        all.push(json!({"kind": "ServiceAccount", "namespace": namespace, "name": name}));
    }
    Ok(all)
}
