//! Waiting a moment for somebody at the terminal, who may not want to wait.

use std::io::{self, BufRead, IsTerminal};
use std::time::Duration;

/// Waits that many milliseconds, or until Enter is pressed: then true.
pub fn pass(millis: u64) -> bool {
    let span = Duration::from_millis(millis);
    if !io::stdin().is_terminal() || !is_typed(span) {
        return false;
    }
    let mut line = String::new();
    // What was typed meanwhile is for nobody.
    io::stdin().lock().read_line(&mut line).is_ok()
}

#[cfg(unix)]
fn is_typed(span: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let timeout = Timespec { tv_sec: span.as_secs().try_into().unwrap_or(1), tv_nsec: span.subsec_nanos().into() };
    // An interrupt ends the wait, too; it is asked for elsewhere.
    poll(&mut fds, Some(&timeout)).is_ok_and(|ready| ready > 0)
}

#[cfg(not(unix))]
fn is_typed(span: Duration) -> bool {
    std::thread::sleep(span);
    false
}

/// Waits, with nobody to hurry it.
#[allow(clippy::disallowed_methods)]
pub fn rest(span: Duration) {
    std::thread::sleep(span);
}

/// How long something takes by the wall's clock.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Begins to count.
    #[allow(clippy::disallowed_methods)]
    pub fn start() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    /// What has passed since.
    pub fn passed(self) -> Duration {
        self.0.elapsed()
    }
}
