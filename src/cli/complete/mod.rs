//! Completion: what the last word of a command line could be. One engine for shells (`kubectl __complete`) and for the
//! line editor of lessons.
//!
//! Mirrors `getCompletions` of `github.com/spf13/cobra/completions.go`, and `k8s.io/kubectl/pkg/util/completion`.

mod resources;
mod shell_line;

use clap::{Arg, Command, CommandFactory};

use crate::cli::argv::{self, Line};
use crate::cli::help::{Language, table};
use crate::cli::{App, OWN_VERBS};
use crate::host::Host;
use crate::lessons::library;
use crate::ui::Ui;
pub(super) use shell_line::complete as line;

/// Something went wrong.
const ERROR: u8 = 1;
/// No space follows the word.
const NO_SPACE: u8 = 2;
/// The word is no file's name.
const NO_FILES: u8 = 4;
/// The word is the name of a file that ends so.
const FILES_ENDING: u8 = 8;

/// Runs a command line, and gives what it prints on its standard output.
pub(super) type Ask<'a> = &'a mut dyn FnMut(&[String]) -> String;

/// What the last word could be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The words, each with what is said of it.
    pub(super) words: Vec<(String, String)>,
    directive: u8,
    fault: Option<String>,
}

impl Found {
    fn of(words: Vec<String>, directive: u8) -> Found {
        Found { words: words.into_iter().map(|word| (word, String::new())).collect(), directive, fault: None }
    }

    /// Whether the word may be a file's name, and how such a name ends; nothing for any.
    pub(super) fn files(&self) -> Option<Vec<&str>> {
        match self.directive {
            d if d & FILES_ENDING != 0 => Some(self.words.iter().map(|(word, _)| word.as_str()).collect()),
            d if d & (NO_FILES | ERROR) != 0 || !self.words.is_empty() => None,
            _ => Some(Vec::new()),
        }
    }

    /// Whether a space follows the word.
    pub(super) fn ends_word(&self) -> bool {
        self.directive & NO_SPACE == 0
    }
}

/// `kubectl __complete WORDS...`: the candidates and the directive, as cobra's scripts read them.
pub(super) fn print((program, host): (&'static str, &Host), words: &[String], describe: bool, ui: &Ui, ask: Ask<'_>) {
    let found = words_of((program, Language::of(host)), words, ask);
    if let Some(fault) = &found.fault {
        ui.err(&format!("{fault}\n"));
    }
    for (word, about) in &found.words {
        let about = about.lines().next().unwrap_or_default();
        match about.is_empty() || !describe {
            true => ui.out(&format!("{}\n", word.trim())),
            false => ui.out(&format!("{word}\t{about}\n")),
        }
    }
    ui.out(&format!(":{}\n", found.directive));
    ui.err(&format!("Completion ended with directive: {}\n", named(found.directive)));
}

fn named(directive: u8) -> String {
    let names = [
        (ERROR, "ShellCompDirectiveError"),
        (NO_SPACE, "ShellCompDirectiveNoSpace"),
        (NO_FILES, "ShellCompDirectiveNoFileComp"),
        (FILES_ENDING, "ShellCompDirectiveFilterFileExt"),
    ];
    let set: Vec<&str> = names.into_iter().filter(|(bit, _)| directive & bit != 0).map(|(_, name)| name).collect();
    if set.is_empty() { "ShellCompDirectiveDefault".into() } else { set.join(", ") }
}

/// What is known of the words before the last.
struct Before {
    program: &'static str,
    /// What commands and flags are described in.
    language: &'static Language,
    /// The command: `rollout status`.
    path: String,
    /// What follows it and is no flag.
    args: Vec<String>,
    /// Flags that say which server and namespace is meant: they go along with each question.
    server: Vec<String>,
    /// The names of flags that were given.
    given: Vec<String>,
}

/// What the last of the words could be.
pub(super) fn words_of(
    (program, language): (&'static str, &'static Language),
    words: &[String],
    ask: Ask<'_>,
) -> Found {
    let (last, before) = words.split_last().map_or(("", words), |(last, before)| (last.as_str(), before));
    let root = App::command().name(program);
    let line = Line::read(before, &root);
    let is_own = |name: &str| program == "kubectl" && OWN_VERBS.contains(&name);
    let first = argv::first_word(before, &root, &root).map(|at| before[at].clone());
    if let Some(first) = first
        && (line.path.is_empty() || is_own(&first))
    {
        let fault = format!("[Error] unable to find a command for arguments: [{}]", before.join(" "));
        return Found { fault: Some(fault), ..Found::default() };
    }
    let command = line.command(&root);
    let mut known = Before {
        program,
        language,
        path: line.path.join(" "),
        args: Vec::new(),
        server: Vec::new(),
        given: Vec::new(),
    };
    let mut rest = line.rest.iter().peekable();
    let mut open: Option<&Arg> = None;
    let mut plain = false;
    while let Some(word) = rest.next() {
        if plain || !word.starts_with('-') || word == "-" {
            known.args.push(word.clone());
            continue;
        }
        if word == "--" {
            plain = true;
            continue;
        }
        if word == "--help" || word == "-h" {
            return Found::of(Vec::new(), NO_FILES);
        }
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v.to_string())));
        let name = match name.strip_prefix("--") {
            Some(long) => long.to_string(),
            None => name.chars().last().map(String::from).unwrap_or_default(),
        };
        let Some(arg) = argv::find_flag(command, &root, &name) else { continue };
        let long = arg.get_long().unwrap_or_default().to_string();
        let value = match value {
            None if argv::needs_value(arg) => match rest.next() {
                Some(value) => Some(value.clone()),
                None => {
                    open = Some(arg);
                    None
                }
            },
            value => value,
        };
        if matches!(long.as_str(), "namespace" | "context" | "cluster" | "kubeconfig" | "user" | "as")
            && let Some(value) = &value
        {
            known.server.push(format!("--{long}={value}"));
        }
        known.given.push(long);
    }
    // The value of a flag: `-n` and a word, or `--namespace=` and the beginning of one.
    if let Some(arg) = open {
        return flag_value(&known, arg.get_long().unwrap_or_default(), last, ask);
    }
    if !plain && last.starts_with('-') {
        return match last.split_once('=') {
            Some((flag, value)) => {
                let name = match flag.strip_prefix("--") {
                    Some(long) => long.to_string(),
                    None => flag.chars().last().map(String::from).unwrap_or_default(),
                };
                match argv::find_flag(command, &root, &name).and_then(Arg::get_long) {
                    Some(long) => flag_value(&known, long, value, ask),
                    None => {
                        let command = known.path.rsplit(' ').next().filter(|c| !c.is_empty()).unwrap_or(program);
                        let fault = format!("[Error] Subcommand '{command}' does not support flag '{name}'");
                        Found { fault: Some(fault), ..Found::default() }
                    }
                }
            }
            None => flags(&known, command, &root, last),
        };
    }
    let mut found = subcommands(&known, command, last);
    let more = resources::arguments(&known, last, ask);
    if let Some(more) = more {
        found.words.extend(more.words);
        found.directive = more.directive;
    }
    found
}

/// The commands below a command. A flag of its own says that none follows.
fn subcommands(known: &Before, command: &Command, last: &str) -> Found {
    let mut found = Found::default();
    if !known.args.is_empty() || (!known.path.is_empty() && !command.has_subcommands()) {
        return found;
    }
    let is_there = |name: &str| known.program != "kubectl" || !known.path.is_empty() || !OWN_VERBS.contains(&name);
    let mut below: Vec<(String, String)> = command
        .get_subcommands()
        .filter(|c| !c.is_hide_set() && c.get_name() != "options" && is_there(c.get_name()))
        .map(|c| {
            let path = format!("{} {}", known.path, c.get_name());
            let entry = table::commands().get(path.trim());
            let short = entry.map(|entry| known.language.entry(path.trim(), entry)[0].to_string());
            let about = || c.get_about().map(|a| a.to_string()).unwrap_or_default();
            (c.get_name().to_string(), short.filter(|s| !s.is_empty()).unwrap_or_else(about))
        })
        .filter(|(name, _)| name.starts_with(last))
        .collect();
    below.sort();
    (found.words, found.directive) = (below, NO_FILES);
    found
}

/// The names of flags: first those that every command takes, then the command's own.
fn flags(known: &Before, command: &Command, root: &Command, last: &str) -> Found {
    let mut found = Found { directive: NO_FILES, ..Found::default() };
    let of = |command: &Command| -> Vec<(String, Option<char>, String, bool)> {
        let shown = command.get_arguments().filter(|a| !a.is_hide_set() && a.get_id() != "version");
        let mut flags: Vec<_> = shown
            .filter_map(|arg| {
                let long = arg.get_long()?.to_string();
                let said = table::flag(if known.path.is_empty() { "kstate" } else { &known.path }, &long);
                let about = said.map(|(_, usage)| known.language.word(usage).to_string());
                let own = || arg.get_help().map(|help| help.to_string()).unwrap_or_default();
                let many = matches!(arg.get_action(), clap::ArgAction::Append);
                Some((long, arg.get_short(), about.unwrap_or_else(own), many))
            })
            .collect();
        flags.sort();
        flags
    };
    let mut all = if known.path.is_empty() { Vec::new() } else { of(root) };
    let mut own = of(command);
    own.push((
        "help".into(),
        Some('h'),
        format!("help for {}", known.path.rsplit(' ').next().unwrap_or_default()),
        false,
    ));
    own.sort();
    all.extend(own);
    for (long, short, about, many) in all {
        if known.given.contains(&long) && !many {
            continue;
        }
        let long = format!("--{long}");
        if long.starts_with(last) {
            found.words.push((long, about.clone()));
        }
        if let Some(short) = short.map(|s| format!("-{s}")).filter(|s| s.starts_with(last)) {
            found.words.push((short, about));
        }
    }
    found
}

/// What a flag could be given.
fn flag_value(known: &Before, flag: &str, last: &str, ask: Ask<'_>) -> Found {
    let those = |all: &[&str]| -> Found {
        Found::of(all.iter().filter(|v| v.starts_with(last)).map(|v| v.to_string()).collect(), NO_FILES)
    };
    match flag {
        "namespace" => Found::of(resources::names(known, "namespace", last, ask), NO_FILES),
        "context" | "cluster" | "user" => Found::of(resources::of_config(known, flag, last, ask), NO_FILES),
        "container" if matches!(known.path.as_str(), "exec" | "cp" | "logs" | "attach") => {
            let pod = known.args.first().map(String::as_str).unwrap_or_default();
            Found::of(resources::containers(known, pod, last, ask), NO_FILES)
        }
        "output" if known.path == "get" => {
            let mut forms = [
                "custom-columns",
                "custom-columns-file",
                "go-template",
                "go-template-file",
                "json",
                "jsonpath",
                "jsonpath-as-json",
                "jsonpath-file",
                "kyaml",
                "name",
                "template",
                "templatefile",
                "wide",
                "yaml",
            ];
            forms.sort_unstable();
            those(&forms)
        }
        "subresource" => those(&["status", "scale", "resize"]),
        "filename" => Found::of(["json", "yaml", "yml"].map(String::from).to_vec(), FILES_ENDING),
        _ => Found::default(),
    }
}

/// The lessons whose names begin so.
fn lessons(last: &str) -> Vec<String> {
    library::lessons().map(|(name, _)| name.to_string()).filter(|name| name.starts_with(last)).collect()
}
