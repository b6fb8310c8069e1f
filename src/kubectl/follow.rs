//! What a watch sees, as it happens, here or in another process.
//!
//! On a wall clock it follows real time. On a manual clock it lets the cluster's clock run until nothing changes
//! any more, and then waits for what other processes do.

use crate::api::Duration;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::kubectl::wall::wall_now;
use crate::server::Passed;
use crate::server::watch::{Watch, WatchEvent};

/// How far a manual clock is let run at most: an hour of the cluster's time.
const LONGEST: Duration = Duration::secs(3600);

/// What the log says of a watch that `--request-timeout` ended.
const TIMED_OUT: &str = "\"Unable to decode an event from the watch stream\" err=\"net/http: request canceled \
     (Client.Timeout or context cancellation while reading body)\"";

/// What is done with each change.
pub type Each<'a> = &'a mut dyn FnMut(&Session<'_>, WatchEvent) -> Result<(), Failure>;

/// Shows what a watch sees from now on.
///
/// # Errors
/// Those of `each`, and when the state file can't be read.
pub fn follow(session: &mut Session<'_>, watch: &mut Watch, each: Each<'_>) -> Result<(), Failure> {
    let end = session.request_timeout.map(|span| wall_now() + span);
    if session.client.is_manual() {
        let longest = session.request_timeout.map_or(LONGEST, |span| span.min(LONGEST));
        let_run(session, longest, watch, each)?;
    }
    while session.shared && !session.ui.is_closed() && end.is_none_or(|end| wall_now() < end) {
        session.client.wait_for_others()?;
        print_news(session, watch, each)?;
    }
    if end.is_some() && !session.ui.is_closed() {
        session.client.log(5, "streamwatcher.go:123", TIMED_OUT);
    }
    Ok(())
}

/// Lets the clock run, and prints what happens, until nothing is due any more.
fn let_run(session: &mut Session<'_>, longest: Duration, watch: &mut Watch, each: Each<'_>) -> Result<(), Failure> {
    // OBSERVATION: `get` only reads, but a clock that runs writes; without this the time that passed would be lost.
    session.client.checkpoint()?;
    let mut wait = session.client.wait_for_rest(longest);
    loop {
        // One thing at a time, so that every row shows the age that it had then.
        let passed = session.client.pass_once(&mut wait)?;
        if print_news(session, watch, each)? || passed != Passed::Moved {
            session.client.checkpoint()?;
        }
        if passed != Passed::Moved || session.ui.is_closed() {
            return Ok(());
        }
    }
}

/// Whether there was something to print.
fn print_news(session: &Session<'_>, watch: &mut Watch, each: Each<'_>) -> Result<bool, Failure> {
    let news = session.client.events(watch)?;
    let some = !news.is_empty();
    news.into_iter().try_for_each(|change| each(session, change))?;
    Ok(some)
}
