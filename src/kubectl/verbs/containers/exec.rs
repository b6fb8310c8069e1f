//! `exec`: run a command in a container.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/exec`.

use std::sync::Arc;

use crate::api::k8s::api::core::v1::Pod;
use crate::api::request::{Connect, StreamOptions};
use crate::api::{Duration, Object};
use crate::error::Failure;
use crate::kinds::core::pod::status::{is_terminal, phase};
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::print::errors::usage;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::{check_timeout, pods, stream};
use crate::manifest::strict;
use crate::server::Reply;

/// Execute a command in a container.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// POD, or TYPE/NAME
    #[arg(value_name = "POD")]
    args: Vec<String>,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<String>,
    /// Container name
    #[arg(short = 'c', long, default_value = "", hide_default_value = true)]
    container: String,
    /// To use to exec into the resource
    #[arg(short = 'f', long, value_name = "FILENAME", value_delimiter = ',')]
    filename: Vec<String>,
    #[command(flatten)]
    terminal: TerminalArgs,
}

/// How a terminal and a container are connected.
#[derive(Debug, Clone, clap::Args)]
pub struct TerminalArgs {
    /// The length of time to wait until at least one pod is running
    #[arg(long, default_value = "1m0s", value_parser = Duration::parse)]
    pub pod_running_timeout: Duration,
    /// Only print output from the remote session
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// Pass stdin to the container
    #[arg(short = 'i', long)]
    pub stdin: bool,
    /// Stdin is a TTY
    #[arg(short = 't', long)]
    pub tty: bool,
}

impl TerminalArgs {
    /// Prints on standard error, unless only the container may speak.
    pub fn say(&self, session: &Session<'_>, text: &str) {
        if !self.quiet {
            session.ui.err(text);
        }
    }

    /// The streams that are asked for. Mirrors `SetupTTY`.
    pub fn streams(&self, session: &Session<'_>, container: &str, tty: bool) -> StreamOptions {
        let tty = tty && self.stdin;
        if tty && !session.ui.is_interactive() {
            self.say(session, "Unable to use a TTY - input is not a terminal or the right kind of file\n");
        }
        StreamOptions { container: container.into(), stdin: self.stdin, tty: tty && session.ui.is_interactive() }
    }
}

/// Runs the verb.
///
/// # Errors
/// The server's refusal, and the command's own exit code.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let files = FileArgs { filename: args.filename.clone(), ..FileArgs::default() };
    let words = args.args.len();
    let dashed = session.line.words.iter().any(|w| w == "--");
    if !dashed && (words > 1 || words > 0 && !files.is_empty()) {
        let text = "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead";
        return Err(usage(session, "exec", text));
    }
    check_timeout(args.terminal.pod_running_timeout).map_err(|text| usage(session, "exec", text))?;
    let name = args.args.first().map(String::as_str).unwrap_or_default();
    if name.is_empty() && files.is_empty() {
        return Err(Failure::error("pod, type/name or --filename must be specified"));
    }
    if args.command.is_empty() {
        return Err(Failure::error("you must specify at least one command for the container"));
    }
    let object = find(name, &files, session)?;
    let pod = pods::attachable(session, &object, args.terminal.pod_running_timeout)?;
    let Some(pod) = pod.get::<Pod>() else { return Ok(()) };
    let container = container(pod, &args.container, |text| args.terminal.say(session, text))?;
    let streams = args.terminal.streams(session, &container, args.terminal.tty);
    execute(session, pod, streams, args.command)
}

/// The object that a name or a file stands for; a file's is taken as it is written.
fn find(name: &str, files: &FileArgs, session: &Session<'_>) -> Result<Arc<Object>, Failure> {
    if files.is_empty() {
        return Ok(pods::object(session, name)?);
    }
    let words: Vec<String> = Some(name).filter(|n| !n.is_empty()).map(String::from).into_iter().collect();
    let default_type = if words.is_empty() { "" } else { "pods" };
    let plan = Builder { args: &words, default_type, files: Some(files), ..Builder::default() }.plan(session)?;
    let Some(info) = plan.object(session)? else {
        return Err(Failure::error("cannot exec into multiple objects at a time"));
    };
    let decoded = strict::decode_version(info.kind(), &info.api_version(), &info.tree)
        .map_err(|e| Failure::error(format!("unable to decode {:?}: {e}", info.source)))?;
    Ok(Arc::new(decoded.object))
}

/// Has a command run in a container.
///
/// # Errors
/// The server's refusal, and the command's own exit code.
pub fn execute(
    session: &mut Session<'_>,
    pod: &Pod,
    streams: StreamOptions,
    command: Vec<String>,
) -> Result<(), Failure> {
    let key = pods::key(pod);
    let with = (streams.stdin, streams.tty);
    let reply = session.client.connect(&key, Connect::Exec(streams, command)).map_err(super::not_upgraded)?;
    let Reply::Session(id) = reply else { return Ok(()) };
    match stream::run(session, &id, with)? {
        0 => Ok(()),
        code => Err(ended_with(code)),
    }
}

/// That a command has ended with that code, which becomes kubectl's own.
pub(super) fn ended_with(code: i32) -> Failure {
    Failure {
        message: format!("command terminated with exit code {code}"),
        code: u8::try_from(code).unwrap_or(1),
        ..Failure::silent(1)
    }
}

/// The container that a command is to run in.
///
/// # Errors
/// When the pod has ended, or has no such container.
pub fn container(pod: &Pod, named: &str, say: impl Fn(&str)) -> Result<String, Failure> {
    if is_terminal(pod) {
        let phase = phase(pod);
        let text = format!("cannot exec into a container in a completed pod; current phase is {phase}");
        return Err(Failure::error(text));
    }
    pods::container(pod, named, say).map_err(Failure::error)
}
