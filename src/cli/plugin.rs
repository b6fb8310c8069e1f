//! `plugin list`: programs on the PATH whose names begin with `kubectl-`.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/plugin/plugin.go`.

use std::collections::BTreeMap;
use std::path::Path;

use clap::CommandFactory;

use crate::cli::App;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::ui::Ui;

/// Provides utilities for interacting with plugins.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<PluginCommand>,
    /// Arguments that name no command
    #[arg(hide = true)]
    rest: Vec<String>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum PluginCommand {
    /// List all visible plugin executables on a user's PATH
    List {
        /// If true, display only the binary name of each plugin, rather than its full path
        #[arg(long)]
        name_only: bool,
    },
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    print(&args, session.line.program, session.ui)
}

/// Prints the plugins.
///
/// # Errors
/// When there are none, or there is something wrong with one.
pub fn print(args: &Args, program: &'static str, ui: &Ui) -> Result<(), Failure> {
    let Some(PluginCommand::List { name_only }) = &args.command else {
        return Err(match args.rest.as_slice() {
            [] => Failure::raw(crate::cli::help::text(program, "plugin")),
            rest => Failure::error(format!(
                "unknown command {:?}\nSee '{program} plugin -h' for help and examples",
                rest.join(" ")
            )),
        });
    };
    let plugins = find(ui);
    if plugins.is_empty() {
        return Err(Failure::error("unable to find any kubectl plugins in your PATH"));
    }
    ui.out("The following compatible plugins are available:\n\n");
    let root = App::command();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut warnings = 0;
    for path in plugins {
        let name = path.rsplit('/').next().unwrap_or_default().to_string();
        ui.out(&format!("{}\n", if *name_only { &name } else { &path }));
        let mut complaints = Vec::new();
        if !is_executable(Path::new(&path)) {
            complaints.push(format!("warning: {path} identified as a kubectl plugin, but it is not executable"));
        }
        match seen.get(&name) {
            Some(other) => {
                complaints.push(format!("warning: {path} is overshadowed by a similarly named plugin: {other}"));
            }
            None => _ = seen.insert(name.clone(), path.clone()),
        }
        if let Some(own) = overwritten(&root, &name) {
            complaints.push(format!("warning: {name} overwrites existing command: \"{program} {own}\""));
        }
        warnings += complaints.len();
        complaints.iter().for_each(|c| ui.err(&format!("  - {c}\n")));
    }
    match warnings {
        0 => Ok(()),
        1 => Err(Failure::error("one plugin warning was found\n")),
        n => Err(Failure::error(format!("{n} plugin warnings were found\n"))),
    }
}

/// The programs, folder by folder in the order of the PATH.
fn find(ui: &Ui) -> Vec<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let (mut folders, mut plugins) = (Vec::new(), Vec::new());
    for folder in std::env::split_paths(&path) {
        if folder.as_os_str().is_empty() || folders.contains(&folder) {
            continue;
        }
        let shown = folder.display().to_string();
        folders.push(folder);
        let Ok(entries) = std::fs::read_dir(&shown) else {
            let text = format!("open {shown}: no such file or directory");
            ui.err(&format!("Unable to read directory {shown:?} from your PATH: {text}. Skipping...\n"));
            continue;
        };
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|e| !e.file_type().is_ok_and(|t| t.is_dir()))
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .filter(|n| n.starts_with("kubectl-"))
            .collect();
        names.sort();
        plugins.extend(names.into_iter().map(|n| format!("{}/{n}", shown.trim_end_matches('/'))));
    }
    plugins
}

/// The command of our own that a plugin's name would stand for: `kubectl-create-foo` is `create`'s.
fn overwritten(root: &clap::Command, name: &str) -> Option<String> {
    let mut words = name.split('-').skip(1);
    let command = root.find_subcommand(words.next()?)?;
    // kubectl finds the longest command, and takes the rest for its arguments.
    Some(command.get_name().to_string())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| !m.is_dir() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    matches!(extension.as_str(), "bat" | "cmd" | "com" | "exe" | "ps1")
}
