//! Help in kubectl's own form: of its commands in kubectl's words, of kstate's own in those of clap.
//!
//! Mirrors `k8s.io/kubectl/pkg/util/templates`.

mod language;
pub(in crate::cli) mod table;

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::cli::argv::Line;
use crate::cli::{App, OWN_VERBS, plugin};
use crate::error::Failure;
use crate::host::Host;
use crate::kubectl::session::Session;
use crate::ui::Ui;
pub(in crate::cli) use language::{ENGLISH, Language};
pub use table::groups_of_commands;
use table::{Entry, commands, flag, is_kubectl, subcommands};

/// The group that is filled from the PATH.
const PLUGINS: &str = "Subcommands provided by plugins";

/// Help about any command.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The command
    words: Vec<String>,
}

/// Runs `help`.
///
/// # Errors
/// None but those of writing.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    print(&args, session.line.program, &session.host, session.ui);
    Ok(())
}

/// Prints the help of a command, or what there is.
pub fn print(args: &Args, program: &'static str, host: &Host, ui: &Ui) {
    let root = root_command(program);
    let path = match deepest(&[], &args.words) {
        path if path.is_empty() => Line::read(&args.words, &root).path.join(" "),
        path => path,
    };
    let known = program != "kubectl" || is_kubectl(&path);
    match args.words.is_empty() || (known && !path.is_empty()) {
        true => print_text(program, &path, host, ui),
        false => {
            let topic: Vec<String> = args.words.iter().map(|w| format!("`{w}`")).collect();
            ui.err(&format!("Unknown help topic [{}]\n\n\n", topic.join(" ")));
            ui.err(&format!(
                "{}\n",
                groups(program, (&root, Language::of(host)), &plugin::first_words(host))
                    + &ending(program, program, "[flags] [options]", true)
            ));
        }
    }
}

/// `options`: the flags that every command takes.
pub mod options {
    use super::{Host, Language, Session, Ui, flags_of, root_command};
    use crate::error::Failure;

    /// Print the list of flags inherited by all commands.
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {
        /// Arguments, which it has no use for
        #[arg(hide = true)]
        rest: Vec<String>,
    }

    /// Runs `options`.
    ///
    /// # Errors
    /// None but those of writing.
    pub fn run(_args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
        print(session.line.program, &session.host, session.ui);
        Ok(())
    }

    /// Prints the flags.
    pub fn print(program: &'static str, host: &Host, ui: &Ui) {
        let root = root_command(program);
        let mut names: Vec<&str> =
            root.get_arguments().filter(|a| !a.is_hide_set()).filter_map(|a| a.get_long()).collect();
        names.sort_unstable();
        let command = if program == "kubectl" { "options" } else { "kstate" };
        ui.out(&format!(
            "The following options can be passed to any command:\n\n{}",
            flags_of(command, &names, Language::of(host))
        ));
    }
}

/// The commands without what clap adds by itself.
fn root_command(program: &'static str) -> Command {
    App::command().name(program)
}

/// The command of kubectl's that the words after a path lead to, by names and aliases: `top` and `node x` to `top node`.
pub fn deepest(path: &[String], words: &[String]) -> String {
    let mut path = path.join(" ");
    // OBSERVATION: cobra takes what follows `--help` for its value.
    let plain =
        words.iter().take_while(|w| !matches!(w.as_str(), "--" | "-h" | "--help")).filter(|w| !w.starts_with('-'));
    for word in plain {
        let longer = match path.as_str() {
            "" => word.clone(),
            path => format!("{path} {word}"),
        };
        let alias = || {
            let named = |entry: &Entry| entry.aliases.split(", ").any(|alias| alias == word);
            subcommands(&path).find(|(_, entry)| named(entry)).map(|(name, _)| format!("{path} {name}"))
        };
        match commands().contains_key(longer.as_str()).then_some(longer).or_else(alias) {
            Some(longer) => path = longer,
            None => break,
        }
    }
    path
}

/// Prints the help of a command, or of all for an empty path.
pub fn print_text(program: &'static str, path: &str, host: &Host, ui: &Ui) {
    match path {
        "" => ui.out(&format!("{}\n", overview(program, Language::of(host), &plugin::first_words(host)))),
        // kubectl's template for `options` is empty.
        "options" => {}
        path => ui.out(&format!("{}\n", text(host, program, path))),
    }
}

/// The help of all commands and of these plugins, without the final line break.
fn overview(program: &'static str, language: &Language, plugins: &[String]) -> String {
    let groups = groups(program, (&root_command(program), language), plugins);
    about(program) + &groups + &ending(program, program, "[flags] [options]", true)
}

/// The help of a command, `create configmap`, or of all for an empty path; without the final line break.
pub fn text(host: &Host, program: &'static str, path: &str) -> String {
    let language = Language::of(host);
    match commands().get(path) {
        _ if path.is_empty() => overview(program, language, &[]),
        Some(entry) => kubectl_text((program, language), path, entry),
        None => own_text(program, path),
    }
}

/// The help of a command that kubectl has.
fn kubectl_text((program, language): (&'static str, &Language), path: &str, entry: &Entry) -> String {
    let [_, long, examples] = language.entry(path, entry);
    let mut text = format!("{}\n\n", in_the_name_of(program, long));
    if !entry.aliases.is_empty() {
        text.push_str(&format!("Aliases:\n{}\n\n", entry.aliases));
    }
    if !examples.is_empty() {
        text.push_str(&format!("Examples:\n{}\n\n", in_the_name_of(program, examples)));
    }
    let short = |name: &str, entry: &Entry| language.entry(&format!("{path} {name}"), entry)[0];
    let below: Vec<(&str, &str)> = subcommands(path).map(|(name, entry)| (name, short(name, entry))).collect();
    if !below.is_empty() {
        text.push_str(&format!("Available Commands:\n{}\n", list(&below)));
    }
    if !entry.flags.is_empty() {
        text.push_str(&format!("Options:\n{}", flags_of(path, &entry.flags, language)));
    }
    text + &ending(program, &format!("{program} {path}"), &format!("{program} {}", entry.usage), !below.is_empty())
}

/// The help of a command of kstate's own.
fn own_text(program: &'static str, path: &str) -> String {
    let root = root_command(program);
    let command = path.split(' ').fold(&root, |c, name| c.find_subcommand(name).unwrap_or(c));
    let mut text = match command.get_long_about() {
        Some(long) => format!("{long}\n\n"),
        None => format!("{}.\n\n", described(command).trim_end_matches('.')),
    };
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    if !aliases.is_empty() {
        text.push_str(&format!("Aliases:\n{}, {}\n\n", command.get_name(), aliases.join(", ")));
    }
    let below = command.get_subcommands().filter(|c| !c.is_hide_set());
    let mut below: Vec<(String, String)> =
        below.map(|c| (c.get_name().to_string(), described(c).trim_end_matches('.').to_string())).collect();
    below.sort();
    if !below.is_empty() {
        let below: Vec<(&str, &str)> = below.iter().map(|(n, s)| (n.as_str(), s.as_str())).collect();
        text.push_str(&format!("Available Commands:\n{}\n", list(&below)));
    }
    let flags = own_flags(command);
    if !flags.is_empty() {
        text.push_str(&format!("Options:\n{flags}"));
    }
    let usage = format!("{program} {}", usage_of(path, command));
    text + &ending(program, &format!("{program} {path}"), &usage, !below.is_empty())
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

/// All commands in kubectl's groups, after those of kstate's own.
fn groups(program: &str, (root, language): (&Command, &Language), plugins: &[String]) -> String {
    let mut text = String::new();
    let longest = root.get_subcommands().map(|c| c.get_name().len()).max().unwrap_or(0).max(13);
    let line = |name: &str, short: &str| format!("  {name:width$} {short}\n", width = longest + 2);
    if program != "kubectl" {
        text.push_str("Commands of kstate's own:\n");
        for name in OWN_VERBS {
            let about = root.find_subcommand(name).map(described).unwrap_or_default();
            text.push_str(&line(name, about.trim_end_matches('.')));
        }
        text.push('\n');
    }
    for (title, names) in groups_of_commands() {
        text.push_str(&format!("{}:\n", language.word(title)));
        for name in &names {
            text.push_str(&line(name, commands().get(name).map_or("", |e| language.entry(name, e)[0])));
        }
        if title == PLUGINS {
            let about = |name: &String| format!("The command {name} is a plugin installed by the user");
            let named: Vec<(&str, String)> = plugins.iter().map(|name| (name.as_str(), about(name))).collect();
            text.push_str(&list(&named.iter().map(|(name, about)| (*name, about.as_str())).collect::<Vec<_>>()));
        }
        text.push('\n');
    }
    text
}

/// The usage line and what is after it.
fn ending(program: &str, path: &str, usage: &str, parent: bool) -> String {
    let usage = if path == program { format!("{path} {usage}") } else { usage.to_string() };
    let more = match parent {
        true => format!("Use \"{path} <command> --help\" for more information about a given command.\n"),
        false => String::new(),
    };
    format!(
        "Usage:\n  {usage}\n\n{more}Use \"{program} options\" for a list of global command-line options (applies to all commands)."
    )
}

fn in_the_name_of(program: &str, text: &str) -> String {
    if program == "kubectl" { text.to_string() } else { text.replace("kubectl ", &format!("{program} ")) }
}

fn described(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn list(commands: &[(&str, &str)]) -> String {
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

/// kubectl's flags, each with its default and its usage.
fn flags_of(command: &str, names: &[&str], language: &Language) -> String {
    let line = |name: &&str| {
        let (head, usage) = flag(command, name).unwrap_or((name, ""));
        let home = if head.contains("$HOME") { dirs::home_dir().unwrap_or_default() } else { PathBuf::new() };
        let head = head.replace("$HOME", &home.to_string_lossy());
        format!("    {head}:\n\t{}\n\n", language.word(usage))
    };
    names.iter().map(line).collect()
}

/// The flags of a command of kstate's own in the order of their names.
fn own_flags(command: &Command) -> String {
    let shown = |a: &&Arg| !a.is_hide_set() && !a.is_global_set() && a.get_long().is_some();
    let mut flags: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    flags.sort_by_key(|a| a.get_long());
    let flags = flags.into_iter().filter(|a| !matches!(a.get_long(), Some("help" | "version")));
    flags
        .map(|arg| {
            let usage = arg.get_help().map(ToString::to_string).unwrap_or_default();
            format!("    {}:\n\t{usage}\n\n", head_of(arg, arg.get_long().unwrap_or_default()))
        })
        .collect()
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

/// Whether kubectl has commands below one.
pub fn has_subcommands(path: &str) -> bool {
    subcommands(path).next().is_some()
}

/// What users of other tools type for a command.
pub fn suggested_for(command: &str) -> impl Iterator<Item = &'static str> {
    commands().get(command).map_or("", |entry| entry.suggest).split_whitespace()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::{commands, groups_of_commands};
    use crate::cli::{App, OWN_VERBS};

    #[test]
    fn every_listed_command_has_a_line() {
        let names: Vec<&str> = groups_of_commands().into_iter().flat_map(|(_, names)| names).collect();
        assert!(names.len() > 40);
        assert!(names.iter().all(|n| commands().get(n).is_some_and(|e| !e.short.is_empty())));
    }

    /// kubectl's commands in clap's tree, and those of kstate's own.
    fn paths(command: &clap::Command, path: &str, found: &mut BTreeSet<String>) {
        for below in command.get_subcommands() {
            let path = format!("{path} {}", below.get_name());
            found.insert(path.trim_start().to_string());
            paths(below, &path, found);
        }
    }

    #[test]
    fn every_command_is_kubectls_or_kstates_own() {
        let mut found = BTreeSet::new();
        paths(&App::command(), "", &mut found);
        let own: Vec<&String> = found.iter().filter(|p| !commands().contains_key(p.as_str())).collect();
        let stray: Vec<_> =
            own.iter().filter(|p| !OWN_VERBS.contains(&p.split(' ').next().unwrap_or_default())).collect();
        assert!(stray.is_empty(), "{stray:?} are not in commands.txt");
        assert!(OWN_VERBS.iter().all(|verb| found.contains(*verb)));
    }

    #[test]
    fn every_flag_of_a_command_is_taken_and_listed() {
        let (root, mut faults) = (App::command(), Vec::new());
        let mut found = BTreeSet::new();
        paths(&root, "", &mut found);
        for path in &found {
            let Some(entry) = commands().get(path.as_str()) else { continue };
            let command = path.split(' ').fold(&root, |c, name| c.find_subcommand(name).unwrap_or(c));
            if crate::cli::argv::takes_all_words(command) || path == "options" {
                continue;
            }
            let taken: BTreeSet<&str> =
                command.get_arguments().filter(|a| !a.is_hide_set()).filter_map(|a| a.get_long()).collect();
            let listed: BTreeSet<&str> = entry.flags.iter().copied().collect();
            let globals: BTreeSet<&str> = root.get_arguments().filter_map(|a| a.get_long()).collect();
            faults.extend(
                listed
                    .difference(&taken)
                    .filter(|n| !globals.contains(*n))
                    .map(|n| format!("{path}: --{n} is not taken")),
            );
            faults.extend(taken.difference(&listed).map(|n| format!("{path}: --{n} is kstate's alone")));
        }
        // What is not taken yet shall get fewer lines, never more; what is kstate's alone, kubectl hides or does not have.
        insta::assert_snapshot!(faults.join("\n"), @"
        apply set-last-applied: --kustomize is kstate's alone
        apply set-last-applied: --recursive is kstate's alone
        autoscale: --cpu-percent is kstate's alone
        set selector: --kustomize is kstate's alone
        ");
    }

    #[test]
    fn the_grammar_of_one_verb_is_that_of_the_whole() {
        let shown = |command: &clap::Command| command.clone().render_long_help().to_string();
        for verb in App::command().get_subcommands() {
            let words = ["-n".to_string(), "x".into(), verb.get_name().into(), "y".into()];
            let root = App::command_for(&words);
            let alone = root.find_subcommand(verb.get_name()).expect("the verb");
            assert_eq!(shown(alone), shown(verb));
            let names = |root: &clap::Command| root.get_arguments().map(|a| a.get_id().to_string()).collect::<Vec<_>>();
            assert_eq!(names(&root), names(&App::command()));
        }
        assert_eq!(App::command_for(&["nonsense".into()]).get_subcommands().count(), 0);
    }
}
