//! `cp`: files to and from containers.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/cp`.

use crate::api::Kind;
use crate::api::k8s::api::core::v1::Pod;
use crate::api::request::{Connect, StreamOptions};
use crate::error::Failure;
use crate::host::files::FileType;
use crate::host::{go_io_error, reason};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::tar::{self, Entry, EntryKind};
use crate::kubectl::verbs::containers::{exec, pods, stream};
use crate::server::Reply;

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

/// How deep folders are followed.
const DEEPEST: usize = 200;

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
    if !from.pod.is_empty() {
        return copy_from_pod(&args, &from, to.file, session);
    }
    if !to.pod.is_empty() {
        return copy_to_pod(&args, from.file, &to, session);
    }
    Err(Failure::error("one of src or dest must be a remote file specification"))
}

/// What a command in a container wrote, and how it ended.
struct Ran {
    out: Vec<u8>,
    err: Vec<u8>,
    code: i32,
}

/// Runs a command in the container that files are copied to or from. Which container was taken is said to `say`.
fn execute(
    args: &Args,
    spec: &FileSpec<'_>,
    (command, input): (&[&str], Option<Vec<u8>>),
    session: &mut Session<'_>,
    say: impl Fn(&Session<'_>, &str),
) -> Result<Ran, Failure> {
    if !spec.namespace.is_empty() {
        session.namespace = spec.namespace.to_string();
    }
    let object = session.client.get(&session.key(Kind::Pod, spec.pod))?;
    let Some(pod) = object.get::<Pod>() else { return Err(Failure::silent(1)) };
    let container = exec::container(pod, &args.container, |text| say(session, text))?;
    let streams = StreamOptions { container, stdin: input.is_some(), tty: false };
    let command = command.iter().map(ToString::to_string).collect();
    let reply =
        session.client.connect(&pods::key(pod), Connect::Exec(streams, command)).map_err(super::not_upgraded)?;
    let Reply::Session(id) = reply else { return Err(Failure::silent(1)) };
    let (out, err, code) = stream::exchange(session, &id, input)?;
    Ok(Ran { out, err, code })
}

fn copy_from_pod(args: &Args, from: &FileSpec<'_>, to: &str, session: &mut Session<'_>) -> Result<(), Failure> {
    let escaped = from.file.replace('\'', r"'\''");
    let script = format!("tar cf - '{escaped}' | tail -c+0");
    let command: &[&str] = match args.retries {
        0 => &["tar", "cf", "-", from.file],
        _ => &["sh", "-c", &script],
    };
    // OBSERVATION: what the other end says of itself while it sends a file goes to standard output.
    let ran = execute(args, from, (command, None), session, |session, text| session.ui.out(text))?;
    session.ui.out_bytes(&ran.err);
    untar(from, to, &ran.out, session)?;
    match ran.code {
        0 => Ok(()),
        code => Err(exec::ended_with(code)),
    }
}

/// Writes what an archive holds. Mirrors `untarAll`.
fn untar(from: &FileSpec<'_>, to: &str, archive: &[u8], session: &Session<'_>) -> Result<(), Failure> {
    let files = &session.host.files;
    let prefix = strip_path_shortcuts(&clean(from.file.trim_start_matches('/')));
    let (entries, fault) = tar::read(archive);
    let mut warned = false;
    let failed = |what: &str, path: &str, e: &std::io::Error| Failure::error(format!("{what} {path}: {}", reason(e)));
    for entry in entries {
        let Some(rest) = entry.name.strip_prefix(&prefix) else {
            return Err(Failure::error("tar contents corrupted"));
        };
        let path = clean(&format!("{to}/{rest}"));
        if !is_below(&clean(to), &path) {
            session.ui.err(&format!("warning: file {path:?} is outside target destination, skipping\n"));
            continue;
        }
        let folder = path.rsplit_once('/').map_or(".", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        files.make_folders(folder).map_err(|e| failed("mkdir", folder, &e))?;
        match entry.kind {
            EntryKind::Folder => files.make_folders(&path).map_err(|e| failed("mkdir", &path, &e))?,
            EntryKind::Link(target) => {
                let hint = match warned {
                    true => String::new(),
                    false => format!(
                        " (consider using \"{} exec -n {:?} {:?} -- tar cf - {:?} | tar xf -\")",
                        session.line.program, from.namespace, from.pod, from.file
                    ),
                };
                warned = true;
                session.ui.err(&format!("warning: skipping symlink: {path:?} -> {target:?}{hint}\n"));
            }
            EntryKind::File(bytes) => files.copy_in(&path, &bytes).map_err(|e| failed("open", &path, &e))?,
            EntryKind::Other => files.copy_in(&path, b"").map_err(|e| failed("open", &path, &e))?,
        }
    }
    fault.map_or(Ok(()), |fault| Err(Failure::error(fault)))
}

fn copy_to_pod(args: &Args, from: &str, to: &FileSpec<'_>, session: &mut Session<'_>) -> Result<(), Failure> {
    if !session.host.files.exists(from) {
        return Err(Failure::error(format!("{from} doesn't exist in local filesystem")));
    }
    let test: &[&str] = &["test", "-d", to.file];
    let is_folder = execute(args, to, (test, None), session, |_, _| {}).is_ok_and(|ran| ran.code == 0);
    let base = clean(from);
    let base = base.rsplit('/').next().unwrap_or_default();
    let path = clean(&if is_folder { format!("{}/{base}", to.file) } else { to.file.to_string() });
    let (folder, name) = match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => (".", path.as_str()),
    };
    let mut archive = Vec::new();
    add(session, &clean(from), name, &mut archive, 0)?;
    tar::finish(&mut archive);
    let mut command = vec!["tar"];
    if args.no_preserve {
        command.extend(["--no-same-permissions", "--no-same-owner"]);
    }
    command.extend(["-xmf", "-", "-C", folder]);
    let ran = execute(args, to, (&command, Some(archive)), session, |session, text| session.ui.err(text))?;
    session.ui.out_bytes(&ran.out);
    session.ui.err(&String::from_utf8_lossy(&ran.err));
    match ran.code {
        0 => Ok(()),
        code => Err(exec::ended_with(code)),
    }
}

/// Adds a file, or a folder with all that is in it, to an archive. Mirrors `recursiveTar`.
fn add(session: &Session<'_>, path: &str, name: &str, archive: &mut Vec<u8>, depth: usize) -> Result<(), Failure> {
    let files = &session.host.files;
    let failed = |what: &str, e: &std::io::Error| Failure::error(go_io_error(what, path, e));
    let found = files.itself(path).map_err(|e| failed("lstat", &e))?;
    let kind = match (found.kind, found.target) {
        (_, Some(target)) => EntryKind::Link(target),
        (Some(FileType::Folder), _) => {
            let entries = files.list(path).map_err(|e| failed("open", &e))?;
            if depth >= DEEPEST {
                return Err(Failure::error(format!("{path}: folders are nested too deeply")));
            }
            for entry in &entries {
                let below = entry.name.to_string_lossy();
                add(session, &format!("{path}/{below}"), &format!("{name}/{below}"), archive, depth + 1)?;
            }
            if !entries.is_empty() {
                return Ok(());
            }
            EntryKind::Folder
        }
        (Some(FileType::File), _) => {
            let bytes = files.read(path).map_err(|e| Failure::error(format!("open {path}: {}", reason(&e))))?;
            EntryKind::File(bytes)
        }
        _ => EntryKind::File(Vec::new()),
    };
    tar::append(archive, &Entry { name: name.to_string(), mode: found.mode, kind });
    Ok(())
}

/// A path without empty parts, `.` and `..`, as far as they can be gone back. Mirrors Go's `path.Clean`.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
        match (part, parts.last()) {
            ("..", Some(last)) if *last != ".." => _ = parts.pop(),
            ("..", None) if rooted => {}
            _ => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, path) => format!("/{path}"),
        (false, path) if path.is_empty() => ".".into(),
        (false, path) => path,
    }
}

/// Mirrors `stripPathShortcuts`.
fn strip_path_shortcuts(path: &str) -> String {
    let mut rest = path;
    while let Some(below) = rest.strip_prefix("../") {
        rest = below;
    }
    match rest {
        "." | ".." | "/" => String::new(),
        rest => rest.strip_prefix('/').unwrap_or(rest).to_string(),
    }
}

/// Whether a clean path is another one or lies below it. Mirrors `isRelative`.
fn is_below(folder: &str, path: &str) -> bool {
    match folder {
        "." => !path.starts_with('/') && path != ".." && !path.starts_with("../"),
        "/" => path.starts_with('/'),
        folder => path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::{clean, is_below, strip_path_shortcuts};

    #[test]
    fn paths_are_cleaned_as_go_does() {
        assert_eq!(clean("/a//b/./c/../d/"), "/a/b/d");
        assert_eq!(clean("../x"), "../x");
        assert_eq!(clean("./"), ".");
        assert_eq!(strip_path_shortcuts("../../tmp/x"), "tmp/x");
        assert!(is_below("out", "out/a") && !is_below("out", "outer") && !is_below(".", "../a"));
    }
}
