//! `kstate clock`: show the cluster's clock, let time pass, or let the cluster settle.

use crate::api::Duration;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::sim::{ClockMode, Cluster, Settled};

/// Show or move the cluster's clock.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// Let time pass
    Advance {
        /// How long, such as 12s or 5m
        duration: String,
    },
    /// Let time pass until nothing is due but recurring work
    Settle,
}

impl Args {
    /// Whether the clock is to be moved, not only shown.
    pub fn moves(&self) -> bool {
        self.verb.is_some()
    }
}

/// Runs the verb.
///
/// # Errors
/// When the duration can't be read.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.verb {
        None => {}
        Some(Verb::Settle) => {
            if let Settled::GoesRound(who) =
                session.client.server_mut().cluster_mut().in_pieces(Cluster::come_to_rest)?
            {
                session.ui.err(&format!("hint: the cluster comes to no rest: {who} brings the same again and again\n"));
            }
        }
        Some(Verb::Advance { duration }) => {
            let span = Duration::parse(&duration).map_err(|e| Failure::error(e.to_string()))?;
            if span < Duration::ZERO {
                return Err(Failure::error(format!(
                    "time: {duration:?} would turn the clock back; kstate undo does that"
                )));
            }
            session.client.server_mut().cluster_mut().in_pieces(|cluster| cluster.advance(span))?;
        }
    }
    let cluster = session.client.server().cluster();
    let mode = match cluster.config().clock {
        ClockMode::Wall => format!("wall{}", apart(cluster.offset())),
        ClockMode::Manual => "manual".to_string(),
    };
    session.ui.out(&format!("{} ({mode})\n", cluster.now().rfc3339()));
    Ok(())
}

/// How a wall clock stands to real time: it was put forward, or real time was put back.
fn apart(offset: Duration) -> String {
    match Duration::secs(offset.as_secs()) {
        Duration::ZERO => String::new(),
        ahead if ahead > Duration::ZERO => format!(", {ahead} ahead of real time"),
        behind => format!(", {} behind real time", Duration(-behind.0)),
    }
}
