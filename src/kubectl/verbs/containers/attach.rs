//! `attach`: to the process that runs in a container.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/attach`.

use crate::api::k8s::api::core::v1::Pod;
use crate::controllers::pods::{is_terminal, phase};
use crate::error::Failure;
use crate::kubectl::print::errors::{Fault, usage};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::answer::{Refusal, stream};
use crate::kubectl::verbs::containers::exec::TerminalArgs;
use crate::kubectl::verbs::containers::{check_timeout, pods};

/// Attach to a process that is already running inside an existing container.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// POD, TYPE/NAME, or TYPE NAME
    #[arg(value_name = "POD")]
    args: Vec<String>,
    /// Container name
    #[arg(short = 'c', long, default_value = "", hide_default_value = true)]
    container: String,
    #[command(flatten)]
    terminal: TerminalArgs,
}

/// Runs the verb.
///
/// # Errors
/// Always: no container of kstate runs a process.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    check_timeout(args.terminal.pod_running_timeout).map_err(|text| usage(session, "attach", text))?;
    let object = match args.args.as_slice() {
        [] => return Err(Failure::error("at least 1 argument is required for attach")),
        [word] => pods::object(session, word)?,
        [kind, name] => pods::one(session, &[kind, name])?,
        words => {
            return Err(Failure::error(format!(
                "expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {}: [{}]",
                words.len(),
                words.join(" ")
            )));
        }
    };
    let pod = pods::attachable(session, &object)?;
    let Some(pod) = pod.get::<Pod>() else { return Ok(()) };
    if is_terminal(pod) {
        let phase = phase(pod);
        let text = format!("cannot attach a container in a completed pod; current phase is {phase}");
        return Err(Failure::error(text));
    }
    Err(attach(session, pod, &args.container, &args.terminal).into())
}

/// Attaches to a container of a pod that has not ended, which is refused.
pub fn attach(session: &Session<'_>, pod: &Pod, container: &str, terminal: &TerminalArgs) -> Refusal {
    let container = match pods::container(pod, container, |text| terminal.say(session, text)) {
        Ok(container) => container,
        Err(text) => return Fault::plain(format!("cannot attach to the container: {text}")).into(),
    };
    let spec = pod.spec.iter().flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()));
    let allocated = spec.into_iter().any(|c| c.name == container && c.tty == Some(true));
    if terminal.tty && !allocated {
        let text = format!("error: Unable to use a TTY - container {container} did not allocate one\n");
        terminal.say(session, &text);
    }
    let streams = terminal.streams(session, allocated);
    terminal.say(session, "If you don't see a command prompt, try pressing enter.\n");
    stream(session, pod, &container, streams, None)
}
