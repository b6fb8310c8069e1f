//! `create namespace`, `create serviceaccount` and `create token`.

use serde_json::json;

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::print::errors::usage;
use crate::kubectl::print::made::OutputArgs;
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

/// Request a service account token.
#[derive(Debug, Clone, clap::Args)]
pub struct Token {
    /// The service account's name
    #[arg(value_name = "SERVICE_ACCOUNT_NAME")]
    names: Vec<String>,
    /// Audience of the requested token
    #[arg(long)]
    audience: Vec<String>,
    /// Kind of an object to bind the token to
    #[arg(long)]
    bound_object_kind: Option<String>,
    /// Name of an object to bind the token to
    #[arg(long)]
    bound_object_name: Option<String>,
    /// UID of an object to bind the token to
    #[arg(long)]
    bound_object_uid: Option<String>,
    /// Requested lifetime of the issued token
    #[arg(long)]
    duration: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
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

/// Runs `create token`: it finds the account, and then says that there are no tokens here.
///
/// # Errors
/// Always.
pub fn token(args: &Token, session: &mut Session<'_>) -> Result<(), Failure> {
    let [name] = args.names.as_slice() else {
        let text = format!("exactly one NAME is required, got {}", args.names.len());
        return Err(usage(session, "create token", &text));
    };
    if let Err(refused) = session.client.get(&session.key(Kind::ServiceAccount, name)) {
        return Err(Failure::error(format!("failed to create token: {}", refused.message)));
    }
    Err(Failure::error("failed to create token: kstate signs no tokens, because it has no API that would ask for one"))
}
