//! From the words of a command line to a verb with its arguments.
//!
//! Mirrors `NewDefaultKubectlCommandWithArgs` of `k8s.io/kubectl/pkg/cmd` and `ExecuteC` of `github.com/spf13/cobra`.

use clap::{Command, CommandFactory, FromArgMatches};

use crate::cli::argv::pflag::{self, Parsed};
use crate::cli::argv::{self, Line};
use crate::cli::{App, OWN_VERBS, help, kuberc, plugin, usage};
use crate::error::Failure;
use crate::host::Host;
use crate::ui::Ui;

/// A command line that was read.
pub struct Parse {
    /// The verb with its arguments, and the flags that every verb takes.
    pub app: App,
    /// The command: `create configmap`.
    pub path: String,
}

/// Reads a command line.
///
/// # Errors
/// pflag's, cobra's and kubectl's texts for what is wrong with it; help and versions are printed here, and end with exit
/// code 0.
pub fn parse(program: &'static str, args: &[String], host: &Host, ui: &Ui) -> Result<Parse, Failure> {
    let args = &preferred(program, args, host, ui)?;
    let root = App::command_for(args).name(program).bin_name(program);
    let line = Line::read(args, &root);
    let is_own = |name: &String| program == "kubectl" && OWN_VERBS.contains(&name.as_str());
    let unknown = match line.path.first() {
        Some(first) => Some(first).filter(|first| is_own(first)).cloned(),
        None => argv::first_word(args, &root, &root).map(|at| args[at].clone()),
    };
    if program == "kubectl" && host.is_person() {
        plugin::run_in_place(&line, args, unknown.is_some(), &root, host)?;
    }
    match unknown.as_deref() {
        Some("alpha") if program == "kubectl" => {
            ui.err("No alpha commands are available in this version of kubectl\n");
            return Err(Failure::silent(0));
        }
        Some(unknown) => return Err(usage::unknown_command(unknown, program)),
        None => {}
    }
    let command = line.command(&root);
    if argv::takes_all_words(command) {
        let mut words = line.rest.iter().take_while(|word| *word != "--");
        if words.any(|word| word == "--help" || word == "-h") {
            return Err(asked_for_help(program, &line, host, ui));
        }
        usage::check_subcommand(program, &line, host, ui)?;
        let words = Parsed { words: line.rest.clone(), ..Parsed::default() };
        return verb(program, &line, &words, root, (host, ui));
    }
    let (parsed, read) = pflag::parse(&line.rest, command, &root);
    if let Err(fault) = read {
        // A value that clap finds wrong may stand before what pflag's reading stopped at.
        let mut root = argv::as_pflag(root, &line.path);
        let found = matches(&mut root, program, &line, &parsed).err();
        return Err(match found.filter(|error| usage::is_of_a_value(error)) {
            Some(error) => usage::failure(&error, program, &line, &parsed.words, &root, (host, ui)),
            None => usage::flag_fault(&fault, program, &line),
        });
    }
    let asks_version = parsed.global.iter().any(|word| word == "--version");
    if parsed.help || (line.path.is_empty() && !asks_version) {
        return Err(asked_for_help(program, &line, host, ui));
    }
    verb(program, &line, &parsed, root, (host, ui))
}

/// The words as the user's preferences have them.
fn preferred(program: &'static str, args: &[String], host: &Host, ui: &Ui) -> Result<Vec<String>, Failure> {
    // The whole grammar takes its time, and few prefer anything.
    let root = || App::command().name(program).bin_name(program);
    kuberc::apply(args, &root, program, host, ui)
}

fn asked_for_help(program: &'static str, line: &Line, host: &Host, ui: &Ui) -> Failure {
    help::print_text(program, &help::deepest(&line.path, &line.rest), host, ui);
    Failure::silent(0)
}

fn matches(
    root: &mut Command,
    program: &str,
    line: &Line,
    parsed: &Parsed,
) -> Result<clap::ArgMatches, Box<clap::Error>> {
    let words = parsed.global.iter().chain(&line.path).chain(&parsed.words).map(String::as_str);
    let words = std::iter::once(program).chain(words);
    root.try_get_matches_from_mut(words).map_err(Box::new)
}

fn verb(
    program: &'static str,
    line: &Line,
    parsed: &Parsed,
    root: Command,
    (host, ui): (&Host, &Ui),
) -> Result<Parse, Failure> {
    let mut root = argv::as_pflag(root, &line.path);
    let outcome = matches(&mut root, program, line, parsed);
    let app = outcome.and_then(|matches| App::from_arg_matches(&matches).map_err(Box::new));
    let app = app.map_err(|error| usage::failure(&error, program, line, &parsed.words, &root, (host, ui)))?;
    if parsed.words.iter().take_while(|word| *word != "--").any(|word| word.starts_with("--record=")) {
        ui.err("Flag --record has been deprecated, --record will be removed in the future\n");
    }
    Ok(Parse { app, path: line.path.join(" ") })
}
