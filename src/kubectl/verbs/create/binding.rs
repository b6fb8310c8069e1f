//! `create rolebinding` and `create clusterrolebinding`.

use serde_json::{Value, json};

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::generator::Common;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Create a role binding for a particular role or cluster role.
#[derive(Debug, Clone, clap::Args)]
pub struct RoleBinding {
    #[command(flatten)]
    common: Common,
    /// ClusterRole this RoleBinding should reference
    #[arg(long, default_value = "")]
    clusterrole: String,
    /// Role this RoleBinding should reference
    #[arg(long, default_value = "")]
    role: String,
    #[command(flatten)]
    subjects: Subjects,
}

/// Create a cluster role binding for a particular cluster role.
#[derive(Debug, Clone, clap::Args)]
pub struct ClusterRoleBinding {
    #[command(flatten)]
    common: Common,
    /// ClusterRole this ClusterRoleBinding should reference
    #[arg(long, required = true)]
    clusterrole: String,
    #[command(flatten)]
    subjects: Subjects,
}

#[derive(Debug, Clone, clap::Args)]
struct Subjects {
    /// Groups to bind to the role; can be repeated
    #[arg(long)]
    group: Vec<String>,
    /// Service accounts to bind to the role, in the format <namespace>:<name>; can be repeated
    #[arg(long)]
    serviceaccount: Vec<String>,
    /// Usernames to bind to the role; can be repeated
    #[arg(long)]
    user: Vec<String>,
}

/// Runs `create rolebinding`.
///
/// # Errors
/// kubectl's texts.
pub fn role_binding(args: &RoleBinding, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create rolebinding", session)?;
    generator.require_name()?;
    if args.clusterrole.is_empty() == args.role.is_empty() {
        return Err(Failure::error("exactly one of clusterrole or role must be specified"));
    }
    let (kind, name) = match args.role.as_str() {
        "" => ("ClusterRole", &args.clusterrole),
        _ => ("Role", &args.role),
    };
    let tree = tree(kind, name, &args.subjects)?;
    generator.finish(session, Kind::RoleBinding, tree, Some("failed to create rolebinding: "))
}

/// Runs `create clusterrolebinding`.
///
/// # Errors
/// kubectl's texts.
pub fn cluster_role_binding(args: &ClusterRoleBinding, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create clusterrolebinding", session)?;
    let tree = tree("ClusterRole", &args.clusterrole, &args.subjects)?;
    generator.finish(session, Kind::ClusterRoleBinding, tree, Some("failed to create clusterrolebinding: "))
}

fn tree(kind: &str, name: &str, subjects: &Subjects) -> Result<Value, Failure> {
    let person = |kind: &'static str| move |name: &String| json!({"kind": kind, "apiGroup": GROUP, "name": name});
    let mut all: Vec<Value> = subjects.user.iter().map(person("User")).collect();
    all.extend(subjects.group.iter().map(person("Group")));
    for account in &subjects.serviceaccount {
        let tokens: Vec<&str> = account.split(':').collect();
        let [namespace, name] = tokens.as_slice() else { return Err(bad_account()) };
        if namespace.is_empty() || name.is_empty() {
            return Err(bad_account());
        }
        all.push(json!({"kind": "ServiceAccount", "namespace": namespace, "name": name}));
    }
    let mut tree = json!({"roleRef": {"apiGroup": GROUP, "kind": kind, "name": name}});
    if !all.is_empty() {
        tree["subjects"] = json!(all);
    }
    Ok(tree)
}

fn bad_account() -> Failure {
    Failure::error("serviceaccount must be <namespace>:<name>")
}
