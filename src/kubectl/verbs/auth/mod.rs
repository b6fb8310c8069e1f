//! `auth`: what one may do, and who one is.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/auth`.

mod can_i;
mod reconcile;
mod reconciliation;
mod rules;
mod whoami;

use serde_json::{Value, json};

use crate::api::Kind;
use crate::api::request::{Resource, WriteOptions};
use crate::error::{ApiError, Failure};
use crate::kubectl::session::Session;
use crate::server::tree_of;

/// Inspect authorization.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Check whether an action is allowed
    CanI(can_i::Args),
    /// Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects
    Reconcile(reconcile::Args),
    /// Experimental: Check self subject attributes
    Whoami(whoami::Args),
}

impl Args {
    /// Whether the command may change the cluster.
    pub fn writes(&self) -> bool {
        matches!(self.what, What::Reconcile(_))
    }
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts; exit 1 when the answer is no.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.what {
        What::CanI(args) => can_i::run(&args, session),
        What::Reconcile(args) => reconcile::run(&args, session),
        What::Whoami(args) => whoami::run(&args, session),
    }
}

/// Has the server answer a review, and gives the review back with its status.
fn review(session: &mut Session<'_>, kind: Kind, spec: Value) -> Result<Value, ApiError> {
    let mut review = json!({"apiVersion": kind.api_version(), "kind": kind.name(), "metadata": {}});
    if !spec.is_null() {
        review["spec"] = spec;
    }
    let answer = session.client.create(Resource::kind(kind), review, WriteOptions::default())?;
    Ok(tree_of(&answer))
}
