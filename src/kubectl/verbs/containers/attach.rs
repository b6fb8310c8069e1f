//! `attach`: to the process that runs in a container.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/attach`.

use crate::api::k8s::api::core::v1::Pod;
use crate::api::request::Connect;
use crate::error::Failure;
use crate::kinds::core::pod::status::{is_terminal, phase};
use crate::kubectl::print::errors::usage;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::exec::TerminalArgs;
use crate::kubectl::verbs::containers::{check_timeout, pods, stream};
use crate::server::Reply;

/// Attach to a process that is already running inside an existing container.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// POD, TYPE/NAME, or TYPE NAME
    #[arg(value_name = "POD")]
    args: Vec<String>,
    /// Container name
    #[arg(short = 'c', long, default_value = "", hide_default_value = true)]
    container: String,
    /// Override the key sequence for detaching a container
    #[arg(long, default_value = "ctrl-p,ctrl-q")]
    detach_keys: String,
    #[command(flatten)]
    terminal: TerminalArgs,
}

const RECORDED: &str = "All commands and output from this session will be recorded in container logs, including credentials \
     and sensitive information passed through the command prompt.\n";

/// Runs the verb.
///
/// # Errors
/// The server's refusal.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    check_timeout(args.terminal.pod_running_timeout).map_err(|text| usage(session, "attach", text))?;
    let object = match args.args.as_slice() {
        [] => return Err(Failure::error("at least 1 argument is required for attach")),
        [word] => pods::object(session, word)?,
        [kind, name] => pods::one(session, kind, name)?,
        words => {
            return Err(Failure::error(format!(
                "expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {}: [{}]",
                words.len(),
                words.join(" ")
            )));
        }
    };
    let pod = pods::attachable(session, &object, args.terminal.pod_running_timeout)?;
    let Some(pod) = pod.get::<Pod>() else { return Ok(()) };
    if is_terminal(pod) {
        let phase = phase(pod);
        let text = format!("cannot attach a container in a completed pod; current phase is {phase}");
        return Err(Failure::error(text));
    }
    attach(session, pod, &args.container, &args.terminal)
}

/// Attaches to a container of a pod that has not ended.
///
/// # Errors
/// The server's refusal, or that nothing answers.
pub fn attach(session: &mut Session<'_>, pod: &Pod, container: &str, terminal: &TerminalArgs) -> Result<(), Failure> {
    let container = pods::container(pod, container, |text| terminal.say(session, text))
        .map_err(|text| Failure::error(format!("cannot attach to the container: {text}")))?;
    let usual = pod.spec.iter().flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()));
    let ephemeral = pod.spec.iter().flat_map(|s| s.ephemeral_containers.iter().flatten());
    let is_ephemeral = ephemeral.clone().any(|c| c.name == container);
    let allocated = usual.into_iter().any(|c| c.name == container && c.tty == Some(true))
        || ephemeral.into_iter().any(|c| c.name == container && c.tty == Some(true));
    if terminal.tty && !allocated {
        let text = format!("error: Unable to use a TTY - container {container} did not allocate one\n");
        terminal.say(session, &text);
    }
    let streams = terminal.streams(session, &container, allocated);
    // The client of a cluster before v1.34 does not warn of that.
    if session.client.minor() >= 34 {
        terminal.say(session, RECORDED);
    }
    terminal.say(session, "If you don't see a command prompt, try pressing enter.\n");
    let key = pods::key(pod);
    let with = (streams.stdin, streams.tty);
    let reply = session.client.connect(&key, Connect::Attach(streams)).map_err(super::not_upgraded)?;
    let Reply::Session(id) = reply else { return Ok(()) };
    stream::run(session, &id, with)?;
    if with.0 && with.1 && !terminal.quiet {
        let (name, namespace) = (&key.name, &key.namespace);
        let again = format!("'{} attach {name} -c {container} -n {namespace} -i -t'", session.line.program);
        session.ui.out(&match is_ephemeral {
            true => format!(
                "Session ended, the ephemeral container will not be restarted but may be reattached using {again} if it is still running\n"
            ),
            false => format!("Session ended, resume using {again} command\n"),
        });
    }
    Ok(())
}
