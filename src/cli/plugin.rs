//! Plugins: programs on the PATH whose names begin with `kubectl-`, which stand for commands that kubectl has not.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/plugin` and `HandlePluginCommand` of `k8s.io/kubectl/pkg/cmd/plugin.go`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};

use crate::cli::App;
use crate::cli::argv::Line;
use crate::cli::help::table::is_kubectl;
use crate::error::Failure;
use crate::host::{Host, Programs, go_io_error};
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
        /// Arguments, which it has no use for
        #[arg(hide = true)]
        rest: Vec<String>,
    },
}

/// The help of a command in the language of the host, by the program's name and the command's path.
type HelpText = fn(&Host, &'static str, &str) -> String;

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    print(&args, (session.line.program, session.line.help), &session.host, session.ui)
}

/// Prints the plugins.
///
/// # Errors
/// When there are none, or there is something wrong with one.
pub fn print(args: &Args, (program, help): (&'static str, HelpText), host: &Host, ui: &Ui) -> Result<(), Failure> {
    let Some(PluginCommand::List { name_only, .. }) = &args.command else {
        return Err(match args.rest.as_slice() {
            [] => Failure::raw(help(host, program, "plugin")),
            rest => Failure::error(format!(
                "unknown command {:?}\nSee '{program} plugin -h' for help and examples",
                rest.join(" ")
            )),
        });
    };
    let unreadable = |folder: &str, why: &std::io::Error| {
        let text = go_io_error("open", folder, why);
        ui.err(&format!("Unable to read directory {folder:?} from your PATH: {text}. Skipping...\n"));
    };
    let plugins = find(host, unreadable);
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
        if !host.files.is_executable(&path) {
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
        1 => Err(Failure::error("one plugin warning was found")),
        n => Err(Failure::error(format!("{n} plugin warnings were found"))),
    }
}

/// The programs, folder by folder in the order of the PATH.
fn find(host: &Host, unreadable: impl Fn(&str, &std::io::Error)) -> Vec<String> {
    let (mut folders, mut plugins) = (Vec::new(), Vec::new());
    for folder in host.paths("PATH") {
        if folder.to_string_lossy().trim().is_empty() || folders.contains(&folder) {
            continue;
        }
        let shown = folder.display().to_string();
        folders.push(folder);
        let entries = match host.files.list(&shown) {
            Ok(entries) => entries,
            Err(why) => {
                unreadable(&shown, &why);
                continue;
            }
        };
        let files = entries.into_iter().filter(|entry| !entry.is_folder);
        let names = files.map(|entry| entry.name.to_string_lossy().into_owned());
        let names = names.filter(|name| name.starts_with("kubectl-"));
        plugins.extend(names.map(|name| format!("{}/{name}", shown.trim_end_matches('/'))));
    }
    plugins
}

/// The first words of the commands that plugins stand for: `foo` of `kubectl-foo-bar`.
pub fn first_words(host: &Host) -> Vec<String> {
    let first = |path: &String| path.rsplit('/').next()?.split('-').nth(1).map(|word| word.replace('_', "-"));
    let plugins = find(host, |_, _| {});
    plugins.iter().filter_map(first).filter(|word| !is_kubectl(word)).collect()
}

/// Runs the plugin that the words stand for in place of kubectl, if there is one: where the command is unknown, or the one
/// below `create`.
///
/// # Errors
/// A flag before the plugin's name; a plugin that can't be run; with its exit code, one that ran on Windows.
pub fn run_in_place(line: &Line, words: &[String], unknown: bool, root: &Command, host: &Host) -> Result<(), Failure> {
    let plain = words.iter().find(|word| !word.starts_with('-'));
    if unknown && plain.is_none_or(|word| !matches!(word.as_str(), "help" | "__complete" | "__completeNoDesc")) {
        return run_longest(words, 1, host);
    }
    let below = line.rest.first().filter(|word| !word.starts_with('-'));
    if line.path == ["create"] && below.is_some_and(|word| line.command(root).find_subcommand(word).is_none()) {
        return run_longest(words, words.len() - line.rest.len() + 1, host);
    }
    Ok(())
}

/// Looks for `kubectl-A-B-C`, then for `kubectl-A-B` with the word C, down to `least` words.
fn run_longest(words: &[String], least: usize, host: &Host) -> Result<(), Failure> {
    let mut name: Vec<String> =
        words.iter().take_while(|word| !word.starts_with('-')).map(|word| word.replace('-', "_")).collect();
    if name.is_empty() {
        let first = words.first().map_or("", String::as_str);
        return Err(Failure::raw(format!("Error: flags cannot be placed before plugin name: {first}")));
    }
    while name.len() >= least && !name.is_empty() {
        if let Some(program) = look_up(&format!("kubectl-{}", name.join("-")), host)
            && let Some(programs) = host.programs()
        {
            return run_program(programs, &program, &words[name.len()..]);
        }
        name.pop();
    }
    Ok(())
}

/// The program of a name on the PATH. Mirrors `exec.LookPath`.
fn look_up(name: &str, host: &Host) -> Option<PathBuf> {
    if name.contains(['/', '\\']) {
        return None;
    }
    let extensions = match cfg!(windows) {
        true => host.variable_text("PATHEXT").unwrap_or_else(|| ".com;.exe;.bat;.cmd".into()),
        false => String::new(),
    };
    for folder in host.paths("PATH") {
        for extension in extensions.split(';') {
            let file = folder.join(format!("{name}{extension}"));
            if host.files.is_executable(&file) {
                return Some(file);
            }
        }
    }
    None
}

fn run_program(programs: Programs, program: &Path, words: &[String]) -> Result<(), Failure> {
    match programs.run_in_place(program, words) {
        Ok(status) if status.success() => Err(Failure::silent(0)),
        Ok(status) => Err(Failure::raw(format!("Error: {status}"))),
        Err(why) => Err(Failure::raw(format!("Error: {why}"))),
    }
}

/// The command of our own that a plugin's name would stand for: `kubectl-create-foo` is `create`'s.
fn overwritten(root: &clap::Command, name: &str) -> Option<String> {
    let words: Vec<String> = name.split('-').skip(1).map(String::from).collect();
    // kubectl finds the longest command, and takes the rest for its arguments.
    let path = Line::read(&words, root).path;
    Some(path.join(" ")).filter(|path| is_kubectl(path))
}
