//! What is wrong with a command line, in the words of kubectl's flag parser.
//!
//! Mirrors `github.com/spf13/cobra`, `FlagErrorFunc` of `k8s.io/kubectl/pkg/util/templates`, and `UsageErrorf` and
//! `DefaultSubCommandRun` of `k8s.io/kubectl/pkg/cmd/util`.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::argv::{self, Line, pflag};
use crate::cli::{OWN_VERBS, help};
use crate::error::Failure;
use crate::host::Host;
use crate::ui::Ui;

/// The commands that kubectl suggests beside those of its groups, in the order in which it knows them.
const OTHER_COMMANDS: [&str; 7] = ["config", "plugin", "version", "api-versions", "api-resources", "options", "kuberc"];

/// Whether clap speaks of a flag's value.
pub fn is_of_a_value(error: &clap::Error) -> bool {
    let flag = matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(s)) if s.starts_with('-'));
    flag && matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation)
}

/// A fault of the flags, with where to look.
pub fn flag_fault(fault: &pflag::Fault, program: &str, line: &Line) -> Failure {
    bad_flag(&fault.to_string(), program, line)
}

/// Mirrors `FlagErrorFunc`, which `diff` has of its own: 1 would mean that there are differences.
fn bad_flag(text: &str, program: &str, line: &Line) -> Failure {
    match line.path.first().map(String::as_str) {
        Some("diff") => {
            let failure = Failure::error(format!("{text}\nSee '{program} diff -h' for help and examples"));
            Failure { code: 2, ..failure }
        }
        _ => Failure::error(format!("{text}\n{}", see(program, line))),
    }
}

/// Refuses what is no command below one that kubectl has commands below of, where clap knows of none.
///
/// # Errors
/// `unknown command "foo"`; the help, when there is no word at all.
pub fn check_subcommand(program: &'static str, line: &Line, host: &Host, ui: &Ui) -> Result<(), Failure> {
    let path = line.path.join(" ");
    if !help::has_subcommands(&path) || help::deepest(&line.path, &line.rest) != path {
        return Ok(());
    }
    let words: Vec<&str> = line.rest.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    match path.as_str() {
        // It alone has no check of its own.
        "certificate" => {
            ui.out(&format!("{}\n", help::text(host, program, &path)));
            Err(Failure::silent(0))
        }
        // It has a command below it, and does something by itself.
        "cluster-info" => Ok(()),
        _ if words.is_empty() => {
            ui.err(&format!("{}\n", help::text(host, program, &path)));
            Err(Failure::silent(1))
        }
        _ => Err(unknown_subcommand(&words, program, line)),
    }
}

/// Mirrors `RequireNoArguments`.
fn unknown_subcommand(words: &[&str], program: &str, line: &Line) -> Failure {
    let path = path_of(program, line);
    Failure::error(format!("unknown command {:?}\nSee '{path} -h' for help and examples", words.join(" ")))
}

fn path_of(program: &str, line: &Line) -> String {
    std::iter::once(program).chain(line.path.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
}

fn see(program: &str, line: &Line) -> String {
    match line.path.first().map(String::as_str) {
        Some("options") => format!("Run '{program} options' without flags."),
        _ => format!("See '{} --help' for usage.", path_of(program, line)),
    }
}

/// Turns clap's finding into kubectl's text. A version is printed here and ends with exit code 0.
pub fn failure(
    error: &clap::Error,
    program: &'static str,
    line: &Line,
    words: &[String],
    root: &Command,
    (host, ui): (&Host, &Ui),
) -> Failure {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(s)) => s.clone(),
        Some(ContextValue::Strings(all)) => all.join(", "),
        _ => String::new(),
    };
    let path = path_of(program, line);
    let see = see(program, line);
    let command = line.command(root);
    let plain = || words.iter().filter(|w| !w.starts_with('-')).map(String::as_str).collect::<Vec<_>>();
    match error.kind() {
        ErrorKind::DisplayVersion => {
            ui.out(&error.to_string());
            Failure::silent(0)
        }
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let text = format!("{}\n", help::text(host, program, &line.path.join(" ")));
            match line.path.first().map(String::as_str) {
                // Alone among those with subcommands, it was handed the other stream.
                Some("rollout") => ui.out(&text),
                Some("certificate") => {
                    ui.out(&text);
                    return Failure::silent(0);
                }
                _ => ui.err(&text),
            }
            Failure::silent(1)
        }
        // It alone has no check of its own.
        ErrorKind::InvalidSubcommand if line.path == ["certificate"] => {
            ui.out(&format!("{}\n", help::text(host, program, "certificate")));
            Failure::silent(0)
        }
        ErrorKind::InvalidSubcommand => unknown_subcommand(&plain(), program, line),
        ErrorKind::UnknownArgument => {
            Failure::error(format!("unknown command {:?} for {path:?}\n{see}", text(ContextKind::InvalidArg)))
        }
        ErrorKind::ArgumentConflict if !text(ContextKind::InvalidArg).starts_with('-') => {
            Failure::error(format!("accepts at most 1 arg(s), received {}\n{see}", plain().len()))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let (flag, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
            if !flag.starts_with('-') {
                let name = flag.trim_matches(['[', ']', '<', '>', '.']);
                return Failure::error(format!("{name} must be a number, not {value:?}\n{see}"));
            }
            let flag = names(&flag, command, root);
            let detail = go_parse_error(error, &value);
            bad_flag(&format!("invalid argument {value:?} for {flag:?} flag: {detail}"), program, line)
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
                return Failure::error(format!("{} is required\n{see}", missing.replace(['<', '>'], "")));
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
    let near = near_commands(name, program);
    let mut text = format!("unknown command {name:?} for {program:?}");
    if !near.is_empty() {
        text.push_str("\n\nDid you mean this?");
        near.iter().for_each(|n| text.push_str(&format!("\n\t{n}")));
    }
    Failure::error(text)
}

/// The commands that cobra would suggest: at most two edits away, beginning alike, or meant by what users of other tools
/// type. Mirrors `SuggestionsFor`.
fn near_commands(name: &str, program: &str) -> Vec<&'static str> {
    let lower = name.to_lowercase();
    let groups = help::groups_of_commands().into_iter().flat_map(|(_, names)| names);
    let mut known: Vec<&str> = groups.filter(|n| !OTHER_COMMANDS.contains(n)).chain(OTHER_COMMANDS).collect();
    if program != "kubectl" {
        known.splice(0..0, OWN_VERBS.iter().copied());
    }
    let mut near = Vec::new();
    for command in known {
        if distance(&lower, command) <= 2 || command.starts_with(&lower) {
            near.push(command);
        }
        near.extend(help::suggested_for(command).filter(|s| s.eq_ignore_ascii_case(name)).map(|_| command));
    }
    near
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

/// `-r, --replicas` of clap's `--replicas <COUNT>` or `-r <COUNT>`.
fn names(flag: &str, command: &Command, root: &Command) -> String {
    let name = flag.split([' ', '=', '[']).next().unwrap_or(flag);
    let arg = argv::find_flag(command, root, name.trim_start_matches('-'));
    arg.map_or_else(|| name.to_string(), pflag::names)
}

/// Go's text for a value that can't be parsed.
fn go_parse_error(error: &clap::Error, value: &str) -> String {
    let source = std::error::Error::source(error).map(|s| s.to_string()).unwrap_or_default();
    if source.contains("invalid digit")
        || source.contains("not in")
        || source.contains("number too ")
        || source.contains("cannot parse integer")
    {
        let function = "strconv.ParseInt";
        let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let what = if is_number { "value out of range" } else { "invalid syntax" };
        return format!("{function}: parsing {value:?}: {what}");
    }
    source
}
