//! `cp`: files to and from containers.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/cp`.

use crate::api::Kind;
use crate::api::k8s::api::core::v1::Pod;
use crate::api::request::StreamOptions;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::exec;

/// Copy files and directories to and from containers.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// FILE POD:PATH, or POD:PATH FILE
    #[arg(value_name = "FILE")]
    args: Vec<String>,
    /// The container
    #[arg(short = 'c', long, default_value = "", hide_default_value = true)]
    container: String,
    /// Whether the copied file's ownership and permissions are not preserved
    #[arg(long)]
    no_preserve: bool,
    /// Number of retries to complete a copy operation from a container
    #[arg(long, default_value_t = 0)]
    retries: i64,
}

/// `[[namespace/]pod:]file/path`.
struct FileSpec<'a> {
    namespace: &'a str,
    /// Empty for a file here.
    pod: &'a str,
    file: &'a str,
}

impl<'a> FileSpec<'a> {
    fn parse(text: &'a str) -> Result<FileSpec<'a>, Failure> {
        let (place, file) = text.split_once(':').unwrap_or(("", text));
        let file = if file == "/" { file } else { file.strip_suffix('/').unwrap_or(file) };
        let (namespace, pod) = place.split_once('/').unwrap_or(("", place));
        if text.starts_with(':') || pod.contains('/') {
            return Err(Failure::error("filespec must match the canonical format: [[namespace/]pod:]file/path"));
        }
        Ok(FileSpec { namespace, pod, file })
    }
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts, and what `tar` in the container says.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let [from, to] = args.args.as_slice() else {
        return Err(Failure::error("source and destination are required"));
    };
    let (from, to) = (FileSpec::parse(from)?, FileSpec::parse(to)?);
    if !from.pod.is_empty() && !to.pod.is_empty() {
        return Err(Failure::error("one of src or dest must be a local file specification"));
    }
    if from.file.is_empty() || to.file.is_empty() {
        return Err(Failure::error("filepath can not be empty"));
    }
    let words = |command: &[&str]| command.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (there, stdin, command) = if !from.pod.is_empty() {
        let tar = match args.retries {
            0 => words(&["tar", "cf", "-", from.file]),
            _ => {
                let escaped = from.file.replace('\'', r"'\''");
                words(&["sh", "-c", &format!("tar cf - '{escaped}' | tail -c+0")])
            }
        };
        (from, false, tar)
    } else if !to.pod.is_empty() {
        if !session.host.files.exists(from.file) {
            return Err(Failure::error(format!("{} doesn't exist in local filesystem", from.file)));
        }
        let folder = to.file.rsplit_once('/').map_or(".", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let mut tar = vec!["tar"];
        if args.no_preserve {
            tar.extend(["--no-same-permissions", "--no-same-owner"]);
        }
        tar.extend(["-xmf", "-", "-C", folder]);
        let tar = words(&tar);
        (to, true, tar)
    } else {
        return Err(Failure::error("one of src or dest must be a remote file specification"));
    };
    if !there.namespace.is_empty() {
        session.namespace = there.namespace.to_string();
    }
    let object = session.client.get(&session.key(Kind::Pod, there.pod))?;
    let Some(pod) = object.get::<Pod>() else { return Ok(()) };
    // OBSERVATION: what the other end says of itself while it sends a file goes to standard output.
    let say = |text: &str| if stdin { session.ui.err(text) } else { session.ui.out(text) };
    let container = exec::container(pod, &args.container, say)?;
    exec::execute(session, pod, StreamOptions { container, stdin, tty: false }, command)
}
