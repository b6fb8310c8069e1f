//! `rollout`: how far a rollout is, which there were, and going back, pausing and restarting.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/rollout`; each command is one file.

mod change;
mod history;
mod status;
mod undo;

use change::Change;

use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::session::Session;

/// Manage the rollout of one or many resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// View rollout history
    History(history::Args),
    /// Mark the provided resource as paused
    Pause(change::Args),
    /// Restart a resource
    Restart(change::Args),
    /// Resume a paused resource
    Resume(change::Args),
    /// Show the status of the rollout
    Status(status::Args),
    /// Undo a previous rollout
    Undo(undo::Args),
}

/// Which objects a rollout command is about.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// TYPE NAME or TYPE/NAME
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long, default_value = "", hide_default_value = true)]
    selector: String,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.what {
        What::History(args) => history::run(&args, session),
        What::Pause(args) => change::run(&args, Change::Pause, session),
        What::Restart(args) => change::run(&args, Change::Restart, session),
        What::Resume(args) => change::run(&args, Change::Resume, session),
        What::Status(args) => status::run(&args, session),
        What::Undo(args) => undo::run(&args, session),
    }
}

impl Which {
    /// Refuses a command line that names nothing.
    ///
    /// # Errors
    /// kubectl's text.
    fn check(&self) -> Result<(), Failure> {
        match self.args.is_empty() && self.files.is_empty() {
            true => Err(Failure::error("required resource not specified")),
            false => Ok(()),
        }
    }

    /// What finds the objects.
    fn builder(&self) -> Builder<'_> {
        Builder {
            args: &self.args,
            files: Some(&self.files),
            selector: &self.selector,
            types_alone: true,
            latest: true,
            continue_on_error: true,
            ..Builder::default()
        }
    }
}

fn none_found(session: &Session<'_>) {
    session.ui.err(&format!("No resources found in {} namespace.\n", session.namespace));
}
