//! The streams between a terminal and a process in a container.
//!
//! Mirrors `k8s.io/client-go/tools/remotecommand` and `k8s.io/kubectl/pkg/util/term`.

use crate::api::Duration;
use crate::error::Failure;
use crate::host::interrupt;
use crate::kubectl::session::Session;
use crate::server::{Pause, SessionId};
use crate::ui::Typed;

/// How long a session may go on by itself where nobody could end it.
const LONGEST: Duration = Duration::secs(3600);

/// Ctrl-D, as a terminal takes it: whoever reads finds the end.
const END_OF_TRANSMISSION: &[u8] = &[4];

/// The exit code of what Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// How long a session in real time waits before it looks again.
const LOOK: Duration = Duration::millis(100);

/// Goes on with a session until its process ends, and hands its exit code back.
///
/// # Errors
/// When the state file can't be written, or nobody would ever end the session.
pub fn run(session: &mut Session<'_>, id: &SessionId, (stdin, tty): (bool, bool)) -> Result<i32, Failure> {
    let types = stdin && tty && session.ui.is_interactive();
    let deadline = session.client.now() + LONGEST;
    let mut fed = !stdin;
    // What stands in the terminal's last row: the prompt of whoever wants a line.
    let mut row = String::new();
    let interrupts = types.then(interrupt::catch);
    loop {
        if interrupts.as_ref().is_some_and(|caught| caught.take()) {
            session.client.interrupt_foreground(id);
        }
        let pause = session.client.go_on_with(id, deadline)?;
        match pause {
            Pause::Output => print(session, id, &mut row),
            Pause::Ended(status) => {
                print(session, id, &mut row);
                return Ok(status.code());
            }
            Pause::WantsInput if types => {
                let prompt = std::mem::take(&mut row);
                match session.client.ask(|ui| ui.edit_line(&prompt))? {
                    Typed::Line(line) => session.client.type_into(id, format!("{line}\n").as_bytes(), false),
                    Typed::End => session.client.type_into(id, END_OF_TRANSMISSION, false),
                    Typed::Interrupt => {
                        session.ui.out("^C");
                        if !session.client.interrupt_foreground(id) {
                            session.ui.out("\n");
                            session.client.type_into(id, b"\n", false);
                        }
                    }
                }
            }
            Pause::WantsInput if !fed => {
                fed = true;
                let all = session.stdin().map_err(|e| Failure::error(e.to_string()))?;
                session.client.type_into(id, &all, true);
            }
            Pause::WantsInput | Pause::Waits if session.client.has_company() => session.client.look_later(LOOK)?,
            Pause::WantsInput | Pause::Waits => {
                session.client.interrupt(id);
                let hint =
                    "the command would never end by itself; it was interrupted after an hour on the cluster's clock";
                return Err(Failure { hint: Some(hint.into()), ..Failure::silent(INTERRUPTED) });
            }
        }
        if session.ui.is_closed() {
            session.client.interrupt(id);
            return Ok(0);
        }
    }
}

/// Prints what a session has written, and keeps what is in the last row by then.
fn print(session: &mut Session<'_>, id: &SessionId, row: &mut String) {
    for (stream, bytes) in session.client.take_output(id) {
        row.push_str(&String::from_utf8_lossy(&bytes));
        if let Some(end) = row.rfind(['\n', '\r']) {
            row.drain(..=end);
        }
        match stream {
            2 => session.ui.err(&String::from_utf8_lossy(&bytes)),
            _ => session.ui.out_bytes(&bytes),
        }
    }
}

/// Sends a session all of its input, and collects what its process writes: standard output, standard error, exit code.
///
/// # Errors
/// When the state file can't be written, or nobody would ever end the session.
pub fn exchange(
    session: &mut Session<'_>,
    id: &SessionId,
    input: Option<Vec<u8>>,
) -> Result<(Vec<u8>, Vec<u8>, i32), Failure> {
    let deadline = session.client.now() + LONGEST;
    if let Some(input) = &input {
        session.client.type_into(id, input, true);
    }
    let (mut out, mut err) = (Vec::new(), Vec::new());
    loop {
        let pause = session.client.go_on_with(id, deadline)?;
        for (stream, bytes) in session.client.take_output(id) {
            if stream == 2 { err.extend(bytes) } else { out.extend(bytes) }
        }
        match pause {
            Pause::Output => {}
            Pause::Ended(status) => return Ok((out, err, status.code())),
            Pause::WantsInput | Pause::Waits if session.client.has_company() => session.client.look_later(LOOK)?,
            Pause::WantsInput | Pause::Waits => {
                session.client.interrupt(id);
                return Err(Failure::silent(INTERRUPTED));
            }
        }
    }
}
