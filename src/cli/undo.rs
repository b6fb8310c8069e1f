//! `kstate undo`: take commands back; the cluster is then as it was before them.

use crate::error::Failure;
use crate::kubectl::session::Session;

/// Take the last command back.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How many commands to take back
    #[arg(value_name = "COUNT", default_value_t = 1)]
    count: usize,
    /// List the commands that can be taken back
    #[arg(long)]
    list: bool,
}

/// Runs the verb.
///
/// # Errors
/// When fewer commands can be taken back.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.list {
        for operation in session.client.server().cluster().store().operations()? {
            session.ui.out(&format!("{}\n", operation.command));
        }
        return Ok(());
    }
    if args.count == 0 {
        return Err(Failure::error("COUNT must be greater than 0"));
    }
    let undone = session.client.server_mut().cluster_mut().undo(args.count).map_err(|e| Failure::error(e.message))?;
    for operation in undone {
        session.ui.out(&format!("undone: {}\n", operation.command));
    }
    Ok(())
}
