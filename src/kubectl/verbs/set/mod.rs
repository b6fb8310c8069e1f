//! `set`: change single features of objects.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/set`; each command is one file.

pub mod change;
mod env;
mod image;
mod references;
mod resources;
mod selector;
mod service_account;
mod subject;

use crate::error::Failure;
use crate::kubectl::print::errors::{sub_command_needed, usage};
use crate::kubectl::session::Session;

/// Configure application resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    feature: Option<Feature>,
    /// Arguments that name no feature
    #[arg(hide = true)]
    rest: Vec<String>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Feature {
    /// Update environment variables on a pod template
    Env(env::Args),
    /// Update the image of a pod template
    Image(image::Args),
    /// Update resource requests/limits on objects with pod templates
    Resources(resources::Args),
    /// Set the selector on a resource
    Selector(selector::Args),
    /// Update the service account of a resource
    #[command(name = "serviceaccount", visible_alias = "sa")]
    ServiceAccount(service_account::Args),
    /// Update the user, group, or service account in a role binding or cluster role binding
    Subject(subject::Args),
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match &args.feature {
        Some(Feature::Env(args)) => env::run(args, session),
        Some(Feature::Image(args)) => image::run(args, session),
        Some(Feature::Resources(args)) => resources::run(args, session),
        Some(Feature::Selector(args)) => selector::run(args, session),
        Some(Feature::ServiceAccount(args)) => service_account::run(args, session),
        Some(Feature::Subject(args)) => subject::run(args, session),
        None if args.rest.is_empty() => Err(sub_command_needed(session, "set")),
        None => Err(usage(session, "set", &format!("unknown command {:?}", args.rest.join(" ")))),
    }
}
