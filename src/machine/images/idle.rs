//! Programs that only wait: `pause`, and the servers of images that nobody asks anything.

use serde::{Deserialize, Serialize};

use super::{Begin, Begun, Server};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};

/// Waits until it is told to end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Idle {
    started: bool,
    /// The exit code at SIGTERM.
    code: u8,
    /// What it says then on standard error.
    last_words: String,
}

impl Idle {
    /// One that ends with that code at SIGTERM and SIGINT.
    pub fn ends_with(code: u8) -> Idle {
        Idle { code, ..Idle::default() }
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started {
            self.started = true;
            sys.set_disposition(Signal::TERM, Some(Disposition::Catch));
            sys.set_disposition(Signal::INT, Some(Disposition::Catch));
        }
        match sys.take_signal() {
            Some(signal) => {
                let name = if signal == Signal::INT { "Interrupt" } else { "Terminated" };
                sys.err(self.last_words.replace('@', name));
                Turn::Exit(Status::Code(self.code))
            }
            None => Turn::Wait(Wait::signal()),
        }
    }
}

/// Facts: `build/pause/linux/pause.c` of Kubernetes.
fn pause(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    if args.get(1).is_some_and(|a| a == "-v") {
        sys.out("pause.c 3.10\n");
        return Begun::Exit(0);
    }
    let last_words = "Shutting down, got signal: @\n".to_string();
    Begun::Serves(Server::Idle(Idle { last_words, ..Idle::default() }))
}

fn idle(_: &mut Sys<'_>, _: &[String]) -> Begun {
    Begun::Serves(Server::Idle(Idle::default()))
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("idle", idle), ("pause", pause)];
