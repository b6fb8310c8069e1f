//! `create namespace` and `create serviceaccount`.

use serde_json::json;

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::generator::Common;

/// Create a namespace with the specified name.
#[derive(Debug, Clone, clap::Args)]
pub struct Namespace {
    #[command(flatten)]
    common: Common,
}

/// Create a service account with the specified name.
#[derive(Debug, Clone, clap::Args)]
pub struct ServiceAccount {
    #[command(flatten)]
    common: Common,
}

/// Runs `create namespace`.
///
/// # Errors
/// kubectl's texts.
pub fn namespace(args: &Namespace, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create namespace", session)?;
    generator.require_name()?;
    generator.finish(session, Kind::Namespace, json!({}), None)
}

/// Runs `create serviceaccount`.
///
/// # Errors
/// kubectl's texts.
pub fn service_account(args: &ServiceAccount, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create serviceaccount", session)?;
    generator.require_name()?;
    generator.finish(session, Kind::ServiceAccount, json!({}), Some("failed to create serviceaccount: "))
}
