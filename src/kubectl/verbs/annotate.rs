//! `annotate`: add, change and remove annotations.

use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::label::{self, What};

/// Update the annotations on a resource.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    args: label::Args,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    label::change(args.args, What::Annotations, session)
}
