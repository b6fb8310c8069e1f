//! What is wrong with a command line, in the words of kubectl's flag parser.
//!
//! Mirrors `github.com/spf13/pflag` and `k8s.io/kubectl/pkg/cmd/util` (UsageErrorf).

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::argv::{self, Line};
use crate::cli::help;
use crate::error::Failure;
use crate::ui::Ui;

/// Turns clap's finding into kubectl's text. Help is printed here and ends with exit code 0.
pub fn failure(error: &clap::Error, program: &'static str, line: &Line, root: &Command, ui: &Ui) -> Failure {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(s)) => s.clone(),
        Some(ContextValue::Strings(all)) => all.join(", "),
        _ => String::new(),
    };
    let path = std::iter::once(program).chain(line.path.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let see = format!("See '{path} --help' for usage.");
    let command = line.command(root);
    match error.kind() {
        ErrorKind::DisplayVersion => {
            ui.out(&error.to_string());
            Failure::silent(0)
        }
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let text = format!("{}\n", help::text(program, &line.path.join(" ")));
            // Whoever asks for help gets it; whoever names half a command is told so.
            let asked = error.kind() == ErrorKind::DisplayHelp || line.path.is_empty();
            if asked {
                ui.out(&text)
            } else {
                ui.err(&text)
            };
            Failure::silent(u8::from(!asked))
        }
        ErrorKind::InvalidSubcommand if !line.path.is_empty() => {
            let words: Vec<&str> = line.rest.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
            Failure::error(format!("unknown command {:?}\nSee '{path} -h' for help and examples", words.join(" ")))
        }
        ErrorKind::InvalidSubcommand => unknown_command(&text(ContextKind::InvalidSubcommand), program),
        ErrorKind::UnknownArgument => {
            let flag = text(ContextKind::InvalidArg);
            match flag.strip_prefix("--") {
                Some(_) => Failure::error(format!("unknown flag: {}\n{see}", flag.split('=').next().unwrap_or(&flag))),
                None if flag.starts_with('-') => {
                    let letter = flag.chars().nth(1).unwrap_or_default();
                    Failure::error(format!("unknown shorthand flag: '{letter}' in {flag}\n{see}"))
                }
                None => Failure::error(format!("unknown command {flag:?} for {path:?}\n{see}")),
            }
        }
        ErrorKind::InvalidValue if text(ContextKind::InvalidValue).is_empty() => {
            let flag = text(ContextKind::InvalidArg);
            Failure::error(format!("flag needs an argument: {}\n{see}", pflag_name(&flag, line, command, root)))
        }
        ErrorKind::ArgumentConflict if !text(ContextKind::InvalidArg).starts_with('-') => {
            let words = line.rest.iter().filter(|w| !w.starts_with('-')).count();
            Failure::error(format!("accepts at most 1 arg(s), received {words}\n{see}"))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let (flag, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
            if !flag.starts_with('-') {
                let name = flag.trim_matches(['[', ']', '<', '>', '.']);
                return Failure::error(format!("{name} must be a number, not {value:?}\n{see}"));
            }
            let flag = long_name(&flag, command, root);
            let detail = go_parse_error(error, &value);
            Failure::error(format!("invalid argument {value:?} for {flag:?} flag: {detail}\n{see}"))
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = text(ContextKind::InvalidArg);
            let mut flags: Vec<String> = missing
                .split(", ")
                .filter_map(|m| m.strip_prefix("--"))
                .map(|m| format!("{:?}", m.split([' ', '=']).next().unwrap_or(m)))
                .collect();
            flags.sort();
            if flags.is_empty() {
                return Failure::error(format!("{} is required\n{see}", missing.trim_matches(['<', '>'])));
            }
            Failure::error(format!("required flag(s) {} not set", flags.join(", ")))
        }
        _ => {
            let first = error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_string();
            Failure::error(format!("{first}\n{see}"))
        }
    }
}

/// `unknown command "foo" for "kubectl"`, with what comes near.
pub fn unknown_command(name: &str, program: &str) -> Failure {
    let mut near = near_commands(name);
    near.retain(|n| program != "kubectl" || help::is_kubectl(n));
    let mut text = format!("unknown command {name:?} for {program:?}");
    if !near.is_empty() {
        text.push_str("\n\nDid you mean this?");
        near.iter().for_each(|n| text.push_str(&format!("\n\t{n}")));
    }
    Failure::error(text)
}

/// The verbs that cobra would suggest: at most two edits away, or beginning alike.
fn near_commands(name: &str) -> Vec<String> {
    let command = <crate::cli::App as clap::CommandFactory>::command();
    let lower = name.to_lowercase();
    let near = |n: &&str| distance(&lower, n) <= 2 || n.starts_with(&lower);
    command.get_subcommands().map(|c| c.get_name()).filter(near).map(String::from).collect()
}

/// Levenshtein's distance.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let change = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

/// A flag as pflag names it when its value is missing: `'o' in -o`, `--namespace`.
fn pflag_name(flag: &str, line: &Line, command: &Command, root: &Command) -> String {
    let last = line.rest.last().cloned().unwrap_or_default();
    match last.strip_prefix('-') {
        Some(short) if !short.starts_with('-') && short.len() == 1 => format!("'{short}' in {last}"),
        _ => long_name(flag, command, root),
    }
}

/// `-r, --replicas` of clap's `--replicas <COUNT>` or `-r <COUNT>`.
fn long_name(flag: &str, command: &Command, root: &Command) -> String {
    let name = flag.split([' ', '=', '[']).next().unwrap_or(flag).to_string();
    let arg = argv::find_flag(command, root, name.trim_start_matches('-'));
    match arg.map(|a| (a.get_short(), a.get_long())) {
        Some((Some(letter), Some(long))) => format!("-{letter}, --{long}"),
        _ => name,
    }
}

/// Go's text for a value that can't be parsed.
fn go_parse_error(error: &clap::Error, value: &str) -> String {
    let source = std::error::Error::source(error).map(|s| s.to_string()).unwrap_or_default();
    if source.contains("invalid digit") || source.contains("not in") || source.contains("cannot parse integer") {
        let function = "strconv.ParseInt";
        let what = if value.parse::<i128>().is_ok() { "value out of range" } else { "invalid syntax" };
        return format!("{function}: parsing {value:?}: {what}");
    }
    source
}
