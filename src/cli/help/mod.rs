//! Help in kubectl's own form, from clap's commands and flags and kubectl's words for them.
//!
//! Mirrors `k8s.io/kubectl/pkg/util/templates`. What kubectl says of a command or flag that it has is in
//! `commands.txt` and `flags.txt`; for the rest, clap's own text serves.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::cli::App;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::ui::Ui;

/// Help about any command.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Runs `help`.
///
/// # Errors
/// None but those of writing.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    print(&args, session.line.program, session.ui);
    Ok(())
}

/// Prints the help of a command, or what there is.
pub fn print(args: &Args, program: &'static str, ui: &Ui) {
    let root = root_command(program);
    let mut command = &root;
    let mut path = Vec::new();
    for word in args.words.iter().filter(|w| !w.starts_with('-')) {
        match command.find_subcommand(word) {
            Some(next) => command = next,
            None if path.is_empty() => {
                let topic: Vec<String> = args.words.iter().map(|w| format!("`{w}`")).collect();
                ui.err(&format!("Unknown help topic [{}]\n\n\n", topic.join(" ")));
                ui.err(&format!("{}\n", groups(program, &root) + &ending(program, program, "[flags] [options]", true)));
                return;
            }
            None => break,
        }
        path.push(command.get_name().to_string());
    }
    ui.out(&format!("{}\n", text(program, &path.join(" "))));
}

/// `options`: the flags that every command takes.
pub mod options {
    use super::{Command, Session, Ui, flags_of, root_command};
    use crate::error::Failure;

    /// Print the list of flags inherited by all commands.
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {}

    /// Runs `options`.
    ///
    /// # Errors
    /// None but those of writing.
    pub fn run(_args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
        print(session.line.program, session.ui);
        Ok(())
    }

    /// Prints the flags.
    pub fn print(program: &'static str, ui: &Ui) {
        let root: Command = root_command(program);
        let flags = flags_of("options", root.get_arguments().filter(|a| a.is_global_set()));
        ui.out(&format!("The following options can be passed to any command:\n\n{flags}\n"));
    }
}

/// The commands without what clap adds by itself.
fn root_command(program: &'static str) -> Command {
    App::command().name(program)
}

/// The help of a command, `create configmap`, or of all for an empty path; without the final line break.
pub fn text(program: &'static str, path: &str) -> String {
    let root = root_command(program);
    if path.is_empty() {
        return about(program) + &groups(program, &root) + &ending(program, program, "[flags] [options]", true);
    }
    let command = path.split(' ').fold(&root, |c, name| c.find_subcommand(name).unwrap_or(c));
    let known = commands().get(path);
    let mut text = match known {
        Some(entry) => format!("{}\n\n", entry.long),
        None => match command.get_long_about() {
            Some(long) => format!("{long}\n\n"),
            None => format!("{}.\n\n", described(command).trim_end_matches('.')),
        },
    };
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    if !aliases.is_empty() {
        text.push_str(&format!("Aliases:\n{}, {}\n\n", command.get_name(), aliases.join(", ")));
    }
    if let Some(entry) = known.filter(|e| !e.examples.is_empty()) {
        text.push_str(&format!("Examples:\n{}\n\n", in_the_name_of(program, &entry.examples)));
    }
    let parent = command.has_subcommands();
    if parent {
        let mut all: Vec<(String, String)> =
            command.get_subcommands().filter(|c| !c.is_hide_set()).map(|c| listed(path, c)).collect();
        all.sort();
        text.push_str(&format!("Available Commands:\n{}\n", list(&all)));
    }
    let flags = flags_of(path, command.get_arguments());
    if !flags.is_empty() {
        text.push_str(&format!("Options:\n{flags}"));
    }
    let usage = known.map_or_else(|| usage_of(path, command), |e| e.usage.to_string());
    let usage = usage.strip_prefix(path).map(|rest| rest.trim_start().to_string()).unwrap_or(usage);
    text + &ending(program, &format!("{program} {path}"), &usage, parent)
}

/// What a bare `kubectl` says of itself.
fn about(program: &str) -> String {
    match program {
        "kubectl" => "kubectl controls the Kubernetes cluster manager.\n\n \
             Find more information at: https://kubernetes.io/docs/reference/kubectl/\n\n"
            .into(),
        _ => "kstate runs a Kubernetes control plane for storage and state in one process, and speaks kubectl.\n\n"
            .into(),
    }
}

/// All commands in kubectl's groups, then those of kstate's own.
fn groups(program: &str, root: &Command) -> String {
    let mut text = String::new();
    let longest = root.get_subcommands().map(|c| c.get_name().len()).max().unwrap_or(0).max(13);
    let line = |name: &str, short: &str| format!("  {name:width$} {short}\n", width = longest + 2);
    if program != "kubectl" {
        text.push_str("Commands of kstate's own:\n");
        for command in root.get_subcommands().filter(|c| !c.is_hide_set() && !commands().contains_key(c.get_name())) {
            if !matches!(command.get_name(), "help" | "options") {
                text.push_str(&line(command.get_name(), described(command).trim_end_matches('.')));
            }
        }
        text.push('\n');
    }
    for group in groups_of_commands() {
        text.push_str(&format!("{}:\n", group.0));
        for name in &group.1 {
            text.push_str(&line(name, commands().get(name).map_or("", |e| e.short.as_str())));
        }
        text.push('\n');
    }
    text
}

/// The usage line and what is after it.
fn ending(program: &str, path: &str, usage: &str, parent: bool) -> String {
    let more = match parent {
        true => format!("Use \"{path} <command> --help\" for more information about a given command.\n"),
        false => String::new(),
    };
    format!(
        "Usage:\n  {path} {usage}\n\n{more}Use \"{program} options\" for a list of global command-line options (applies to all commands)."
    )
}

fn in_the_name_of(program: &str, examples: &str) -> String {
    if program == "kubectl" { examples.to_string() } else { examples.replace("kubectl ", &format!("{program} ")) }
}

fn described(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn listed(path: &str, command: &Command) -> (String, String) {
    let name = command.get_name();
    let short = commands().get(format!("{path} {name}").as_str()).map(|e| e.short.clone());
    (name.to_string(), short.unwrap_or_else(|| described(command).trim_end_matches('.').to_string()))
}

fn list(commands: &[(String, String)]) -> String {
    let width = commands.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(11) + 2;
    commands.iter().map(|(name, short)| format!("  {name:width$} {short}\n")).collect()
}

/// The usage of a command that kubectl doesn't have.
fn usage_of(path: &str, command: &Command) -> String {
    let name = |a: &Arg| a.get_value_names().and_then(|n| n.first()).map(ToString::to_string).unwrap_or_default();
    let word = |a: &Arg| {
        let many = if matches!(a.get_action(), ArgAction::Append) { "..." } else { "" };
        let name = format!("{}{many}", name(a));
        if a.is_required_set() { name } else { format!("[{name}]") }
    };
    let words: Vec<String> = command.get_positionals().filter(|a| !a.is_hide_set()).map(word).collect();
    let words = match (command.has_subcommands(), words.join(" ")) {
        (false, words) => words,
        (true, words) if words.is_empty() => "COMMAND".into(),
        (true, words) => format!("[{}|COMMAND]", words.trim_matches(['[', ']'])),
    };
    [path.to_string(), words, "[options]".into()].into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The flags in the order of their names, each with its default and its usage.
fn flags_of<'a>(path: &str, args: impl Iterator<Item = &'a Arg>) -> String {
    let shown = |a: &&Arg| !a.is_hide_set() && (!a.is_global_set() || path == "options");
    let mut flags: Vec<&Arg> = args.filter(shown).filter(|a| a.get_long().is_some()).collect();
    flags.sort_by_key(|a| a.get_long());
    let mut text = String::new();
    for arg in flags {
        let name = arg.get_long().unwrap_or_default();
        if matches!(name, "help" | "version") {
            continue;
        }
        let everywhere = || flags_table().get(&("*", name)).filter(|_| path == "options" || is_kubectl(path));
        let known = flags_table().get(&(path, name)).or_else(everywhere);
        let (head, usage) = match known {
            Some((head, usage)) => (head.to_string(), usage.to_string()),
            None => (head_of(arg, name), arg.get_help().map(ToString::to_string).unwrap_or_default()),
        };
        text.push_str(&format!("    {head}:\n\t{usage}\n\n"));
    }
    text
}

/// `-A, --all-namespaces=false`, of a flag that kubectl doesn't have.
fn head_of(arg: &Arg, name: &str) -> String {
    let letter = arg.get_short().map(|s| format!("-{s}, ")).unwrap_or_default();
    let default = arg.get_default_values().first().map(|v| v.to_string_lossy().into_owned());
    let many = matches!(arg.get_action(), ArgAction::Append);
    let value = match default {
        _ if many => "[]".into(),
        Some(text)
            if text == "true" || text == "false" || text.starts_with(|c: char| c.is_ascii_digit() || c == '-') =>
        {
            text
        }
        Some(text) => format!("'{text}'"),
        None if arg.get_action().takes_values() => "''".into(),
        None => "false".into(),
    };
    format!("{letter}--{name}={value}")
}

/// What kubectl says of a command.
#[derive(Default)]
struct Entry {
    short: String,
    usage: String,
    long: String,
    examples: String,
}

fn commands() -> &'static BTreeMap<&'static str, Entry> {
    static COMMANDS: OnceLock<BTreeMap<&'static str, Entry>> = OnceLock::new();
    COMMANDS.get_or_init(|| {
        let mut commands = BTreeMap::new();
        for part in source().split("\n@ ").skip(1) {
            let (name, rest) = part.split_once('\n').unwrap_or((part, ""));
            let mut entry = Entry::default();
            let (head, examples) = rest.split_once("\n@examples\n").unwrap_or((rest, ""));
            entry.examples = examples.trim_end_matches('\n').to_string();
            let mut long = Vec::new();
            for line in head.lines() {
                match line.split_once(' ') {
                    Some(("@short", text)) => entry.short = text.to_string(),
                    Some(("@use", text)) => entry.usage = text.to_string(),
                    _ => long.push(line),
                }
            }
            entry.long = long.join("\n").trim_end().to_string();
            commands.insert(name, entry);
        }
        commands
    })
}

fn source() -> &'static str {
    include_str!("commands.txt")
}

/// Whether kubectl has a command, `create configmap`, too.
pub fn is_kubectl(path: &str) -> bool {
    commands().contains_key(path)
}

/// kubectl's groups of commands: the title and the names.
fn groups_of_commands() -> Vec<(&'static str, Vec<&'static str>)> {
    let groups = source().lines().filter_map(|l| l.strip_prefix("@group "));
    groups
        .map(|group| {
            let (title, names) = group.split_once(':').unwrap_or((group, ""));
            (title, names.split_whitespace().collect())
        })
        .collect()
}

type Flags = BTreeMap<(&'static str, &'static str), (&'static str, &'static str)>;

/// What kubectl says of flags, by command and name.
fn flags_table() -> &'static Flags {
    static FLAGS: OnceLock<Flags> = OnceLock::new();
    FLAGS.get_or_init(|| {
        let mut table = BTreeMap::new();
        for line in include_str!("flags.txt").lines().filter(|l| !l.starts_with('#')) {
            let Some((commands, flag)) = line.split_once(": ") else { continue };
            let (head, usage) = flag.split_once('\t').unwrap_or((flag, ""));
            let name = head.split_once("--").and_then(|(_, n)| n.split('=').next()).unwrap_or_default();
            for command in commands.split(", ") {
                table.insert((command, name), (head, usage));
            }
        }
        table
    })
}

#[cfg(test)]
mod tests {
    use super::{commands, groups_of_commands, text};

    #[test]
    fn every_listed_command_has_a_line() {
        let names: Vec<&str> = groups_of_commands().into_iter().flat_map(|(_, names)| names).collect();
        assert!(names.len() > 40);
        assert!(names.iter().all(|n| commands().get(n).is_some_and(|e| !e.short.is_empty())));
    }

    #[test]
    fn help_has_kubectls_form() {
        insta::assert_snapshot!(text("kubectl", "options"), @r#"
        Print the list of flags inherited by all commands.

        Usage:
          kubectl options [options]

        Use "kubectl options" for a list of global command-line options (applies to all commands).
        "#);
    }
}
