//! The programs that images hold: a file for each, named as in `PATH`.
//!
//! Most run to their end in one step and are a function. One that reads its input as it comes, waits, or goes on for
//! long is a variant of [`Running`], whose state is data.

use serde::{Deserialize, Serialize};

use super::errno::Errno;
use super::images;
use super::kernel::sys::Kind;
use super::kernel::{Program, StartError, Status, Sys, Turn};
use super::net::{Peer, Reply, Sent};
use super::shell::{Flavor, Shell};

mod common;
mod date_input;
mod dates;
mod files;
mod network;
mod options;
mod system;
pub(crate) mod text;

pub use files::glob::matches;
pub use system::client;
pub use text::regex;
mod users;

/// How a tool that was started goes on.
pub enum Started {
    /// It is through, with that exit code.
    Exit(u8),
    /// It lasts.
    Runs(Running),
    /// It becomes another program, with its files as they are.
    Exec(Vec<String>),
}

/// Starts a tool with its arguments, the first being its name.
pub type Start = fn(&mut Sys<'_>, &[String]) -> Started;

/// The tools by group; each is in order of names.
const GROUPS: [&[(&str, Start)]; 4] = [text::TOOLS, files::TOOLS, system::TOOLS, network::TOOLS];

/// A tool that lasts longer than one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Running {
    /// One of `text`.
    Text(text::Running),
    /// One of `files`.
    Files(files::Running),
    /// One of `system`.
    System(system::Running),
    /// One of `network`.
    Network(network::Running),
}

impl Running {
    /// Does one bounded piece of work.
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self {
            Running::Text(tool) => tool.step(sys),
            Running::Files(tool) => tool.step(sys),
            Running::System(tool) => tool.step(sys),
            Running::Network(tool) => tool.step(sys),
        }
    }

    /// Answers what happens on a connection to a port that it listens on.
    pub fn receive(&mut self, sys: &mut Sys<'_>, peer: &Peer, sent: Sent<'_>) -> Reply {
        match self {
            Running::Network(tool) => tool.receive(sys, peer, sent),
            _ => Reply { close: true, ..Reply::default() },
        }
    }
}

/// The names of all tools.
pub fn names() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|group| group.iter()).map(|(name, _)| *name)
}

/// The tool of a name.
pub fn find(name: &str) -> Option<Start> {
    let of = |group: &&[(&str, Start)]| group.binary_search_by_key(&name, |(n, _)| n).ok().map(|at| group[at].1);
    GROUPS.iter().find_map(of)
}

/// Where a command is, as `execvp` looks for it.
///
/// # Errors
/// `ENOENT` where it is nowhere, `EACCES` where only something that cannot be executed has that name.
pub fn look_up(sys: &Sys<'_>, command: &str) -> Result<String, Errno> {
    if command.contains('/') {
        return is_executable(sys, command).map(|()| command.to_string());
    }
    let path = sys.env("PATH").unwrap_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").to_string();
    let mut fault = Errno::NoEnt;
    for folder in path.split(':') {
        let at = if folder.is_empty() { command.to_string() } else { format!("{folder}/{command}") };
        match is_executable(sys, &at) {
            Ok(()) => return Ok(at),
            Err(Errno::Access) => fault = Errno::Access,
            Err(_) => {}
        }
    }
    Err(fault)
}

fn is_executable(sys: &Sys<'_>, path: &str) -> Result<(), Errno> {
    let (kind, may) = sys.stat_and_access(path, 1)?;
    if kind != Kind::File || !may { Err(Errno::Access) } else { Ok(()) }
}

/// The groups that a process' image has its user in.
pub fn image_groups(sys: &mut Sys<'_>) -> Vec<u32> {
    let uid = sys.process().uid;
    let Some(user) = users::users(sys).into_iter().find(|user| user.uid == uid) else { return Vec::new() };
    let groups = users::groups(sys).into_iter();
    groups.filter(|group| group.members.contains(&user.name)).map(|group| group.gid).collect()
}

/// Becomes the program of a command line: a tool, a shell, an image's server, or the interpreter of a script.
///
/// # Errors
/// As `execve(2)`: `ENOENT`, `EACCES`, `ENOEXEC` for a file that is neither a binary nor a script with `#!`.
pub fn load(sys: &mut Sys<'_>, args: &[String]) -> Result<Loaded, Errno> {
    let path = look_up(sys, args.first().map_or("", String::as_str))?;
    load_from(sys, path, args)
}

fn load_from(sys: &mut Sys<'_>, path: String, args: &[String]) -> Result<Loaded, Errno> {
    let contents = sys.read_file(&path)?;
    if let Some(name) = contents.strip_prefix(images::BINARY) {
        let name = String::from_utf8_lossy(name).into_owned();
        return Ok(Loaded::Binary(name, args.to_vec()));
    }
    let Some(line) = contents.strip_prefix(b"#!") else { return Err(Errno::NoExec) };
    let line = String::from_utf8_lossy(line.split(|b| *b == b'\n').next().unwrap_or_default()).trim().to_string();
    let (interpreter, argument) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
    let mut all = vec![interpreter.to_string()];
    all.extend((!argument.trim().is_empty()).then(|| argument.trim().to_string()));
    all.push(path);
    all.extend_from_slice(&args[1..]);
    let contents = sys.read_file(interpreter)?;
    let name = contents.strip_prefix(images::BINARY).ok_or(Errno::NoExec)?;
    Ok(Loaded::Binary(String::from_utf8_lossy(name).into_owned(), all))
}

/// What a command line turned out to be.
pub enum Loaded {
    /// A binary by the name in it, with its arguments.
    Binary(String, Vec<String>),
}

/// The first step of a command: becomes what it names, or says why it cannot.
pub(super) fn exec(path: Option<String>, args: Vec<String>, sys: &mut Sys<'_>, program: &mut Program) -> Turn {
    let loaded = match path {
        Some(path) => load_from(sys, path, &args),
        None => load(sys, &args),
    };
    let Loaded::Binary(name, args) = match loaded {
        Ok(loaded) => loaded,
        Err(fault) => {
            let name = args.first().map_or("", String::as_str);
            let text = sys.text(fault);
            sys.err(format!("{name}: {text}\n"));
            return Turn::Exit(Status::Code(if fault == Errno::NoEnt { 127 } else { 126 }));
        }
    };
    let (name, args) = if name == "busybox" { applet(args) } else { (name, args) };
    let flavor = match name.as_str() {
        "sh" | "ash" | "hush" => Some(Flavor::Ash),
        "dash" => Some(Flavor::Dash),
        "bash" => Some(Flavor::Bash),
        _ => None,
    };
    if let Some(flavor) = flavor {
        *program = Program::Shell(Box::new(Shell::new(flavor, &args, sys)));
        return Turn::Again;
    }
    let found = if name == client::NAME { Some(client::start as Start) } else { find(&name) };
    match found {
        Some(start) => match start(sys, &args) {
            Started::Exit(code) => Turn::Exit(Status::Code(code)),
            Started::Runs(running) => {
                *program = Program::Tool(Box::new(running));
                Turn::Again
            }
            Started::Exec(args) => Turn::Exec(args),
        },
        None => begin(&name, &args, sys, program),
    }
}

/// Begins a program that only images have.
fn begin(name: &str, args: &[String], sys: &mut Sys<'_>, program: &mut Program) -> Turn {
    let Some(begin) = images::program(name) else {
        sys.err(format!("{name}: applet not found\n"));
        return Turn::Exit(Status::Code(127));
    };
    match begin(sys, args) {
        images::Begun::Exit(code) => Turn::Exit(Status::Code(code)),
        images::Begun::Becomes(args) => Turn::Exec(args),
        images::Begun::Serves(server) => {
            *program = Program::Server(Box::new(server));
            Turn::Again
        }
    }
}

/// The applet that busybox is called as, or by its first argument.
fn applet(mut args: Vec<String>) -> (String, Vec<String>) {
    let base = |arg: &str| arg.rsplit('/').next().unwrap_or_default().trim_start_matches('-').to_string();
    let mut name = args.first().map(|a| base(a)).unwrap_or_default();
    if name == "busybox" {
        if args.len() < 2 {
            return ("busybox-help".into(), args);
        }
        args.remove(0);
        name = args.first().map(|a| if a == "--list" { a.clone() } else { base(a) }).unwrap_or_default();
        if matches!(args[0].as_str(), "--list" | "--help") {
            return ("busybox-help".into(), args);
        }
    }
    // Apache's goes by that name.
    if name == "httpd" {
        name = "busybox-httpd".into();
    }
    (name, args)
}

/// The home of the process's user, as the container's own files tell.
pub(super) fn home(sys: &mut Sys<'_>) -> String {
    let uid = sys.process().uid;
    users::users(sys).into_iter().find(|user| user.uid == uid).map_or("/".into(), |user| user.home)
}

/// Refuses what the container runtime refuses before it starts a process.
///
/// # Errors
/// runc's text.
pub(super) fn runtime_check(sys: &mut Sys<'_>, args: &[String]) -> Result<(), StartError> {
    let Some(command) = args.first() else { return Err(StartError("no command specified".into())) };
    let refuse = |why: &str| {
        let text = format!("exec: {command:?}: {why}");
        Err(StartError(format!(
            "OCI runtime create failed: runc create failed: unable to start container process: error during container init: {text}: unknown"
        )))
    };
    match look_up(sys, command) {
        Ok(_) => Ok(()),
        Err(_) if !command.contains('/') => refuse("executable file not found in $PATH"),
        Err(fault) => match sys.stat(command).map(|s| s.kind) {
            Ok(Kind::Dir) => refuse(&Errno::IsDir.text().to_lowercase()),
            Ok(_) => refuse(&fault.text().to_lowercase()),
            Err(fault) => refuse(&format!("stat {command}: {}", fault.text().to_lowercase())),
        },
    }
}
