//! Lets a command line be what the user's preferences make of it: aliases become commands, flags get their defaults.
//!
//! Mirrors `Preferences.Apply` of `k8s.io/kubectl/pkg/kuberc`.

use std::collections::BTreeSet;

use clap::{Arg, Command};

use crate::cli::argv::{self, Line};
use crate::cli::home::Home;
use crate::error::Failure;
use crate::host::Host;
use crate::kubectl::kuberc::{self, Alias, Preference};
use crate::kubectl::log;
use crate::kubectl::wall::wall_now;
use crate::ui::Ui;

/// What the file is called where nobody names one.
const FILE: &str = "kuberc";

/// The words as they are to be understood.
///
/// # Errors
/// kubectl's texts for preferences that can't be followed.
pub fn apply(
    args: &[String],
    root: &dyn Fn() -> Command,
    program: &str,
    host: &Host,
    ui: &Ui,
) -> Result<Vec<String>, Failure> {
    if args.is_empty() || kuberc::is_disabled(host) {
        return Ok(args.to_vec());
    }
    let usual = host.is_person().then(|| Home::find().ok().map(|home| home.file(FILE).display().to_string())).flatten();
    let failed = |text: String| Failure::raw(format!("error occurred while applying preferences {text}"));
    let wrong = |text: String| failed(format!("kuberc error {text}"));
    let named = kuberc::explicit(args).map_err(failed)?;
    let Some(location) = kuberc::locate(named, usual, host).map_err(wrong)? else { return Ok(args.to_vec()) };
    let loud = kuberc::verbosity(args) >= kuberc::LOGS;
    let log = |place: &str, text: &str| {
        if loud {
            ui.err(&format!("{}\n", log::line('I', wall_now(), place, text)));
        }
    };
    let (preference, said) = kuberc::read(&location, host, &log).map_err(wrong)?;
    ui.err(&said);
    let Some(preference) = preference else { return Ok(args.to_vec()) };
    check(&preference).map_err(failed)?;
    Applying { root: &root(), program, ui }.apply(&preference, args).map_err(failed)
}

/// Mirrors `validate`.
fn check(preference: &Preference) -> Result<(), String> {
    let flags = |options: &[(String, String)]| match options.iter().find(|(name, _)| name.starts_with('-')) {
        Some((name, _)) => Err(format!("flag name {name} should be in long form without dashes")),
        None => Ok(()),
    };
    let mut known = BTreeSet::new();
    for alias in &preference.aliases {
        if alias.name.is_empty() || !alias.name.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err("invalid alias name, can only include alphabetical characters".into());
        }
        flags(&alias.options)?;
        if !known.insert(&alias.name) {
            return Err(format!("duplicate alias name {}", alias.name));
        }
    }
    preference.defaults.iter().try_for_each(|defaults| flags(&defaults.options))
}

struct Applying<'a> {
    root: &'a Command,
    program: &'a str,
    ui: &'a Ui,
}

fn words_of(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_string).collect()
}

impl Applying<'_> {
    fn apply(&self, preference: &Preference, args: &[String]) -> Result<Vec<String>, String> {
        let line = Line::read(args, self.root);
        if line.path.is_empty() {
            let at = args.iter().position(|word| !word.starts_with('-') && !word.starts_with("__complete"));
            let name = at.and_then(|at| args.get(at));
            let alias = preference.aliases.iter().find(|alias| Some(&alias.name) == name);
            return match (at, alias) {
                (Some(at), Some(alias)) => {
                    let words = self.expand(alias, at, args)?;
                    self.check_overrides(preference, Some(&alias.name))?;
                    Ok(words)
                }
                _ => Ok(args.to_vec()),
            };
        }
        let command = line.command(self.root);
        let mut words = args.to_vec();
        self.check_overrides(preference, None)?;
        for defaults in &preference.defaults {
            let wanted = Line::read(&words_of(&defaults.command), self.root).path;
            if wanted.is_empty() || wanted.last() != line.path.last() {
                continue;
            }
            let mut flags = Vec::new();
            for (name, value) in &defaults.options {
                let Some(flag) = argv::find_flag(command, self.root, name) else {
                    return Err(format!("invalid flag {name} for command {}", defaults.command));
                };
                if is_given(flag, command, args) {
                    continue;
                }
                fits(flag, value).map_err(|e| {
                    let what = format!("override value {value} to flag {name} in command {}", defaults.command);
                    format!("could not apply {what} err: {e}")
                })?;
                flags.push(format!("--{name}={value}"));
            }
            insert_flags(&mut words, flags);
        }
        Ok(words)
    }

    /// Says which commands there are not.
    fn check_overrides(&self, preference: &Preference, alias: Option<&String>) -> Result<(), String> {
        for defaults in &preference.defaults {
            let words = words_of(&defaults.command);
            if alias.is_some() && words.first() == alias {
                return Err(format!("alias {} can not be overridden", defaults.command));
            }
            if Line::read(&words, self.root).path.is_empty() {
                let text = format!("Warning: command {:?} not found to set kuberc override\n", defaults.command);
                self.ui.err(&text);
            }
        }
        Ok(())
    }

    fn expand(&self, alias: &Alias, at: usize, args: &[String]) -> Result<Vec<String>, String> {
        let target = words_of(&alias.command);
        let line = Line::read(&target, self.root);
        if line.path.is_empty() {
            let shown = format!("[{}]", target.join(" "));
            return Err(format!("command {:?} not found to set alias {:?}: {shown}", alias.command, alias.name));
        }
        let command = line.command(self.root);
        let mut flags = Vec::new();
        for (name, value) in &alias.options {
            let Some(flag) = argv::find_flag(command, self.root, name) else {
                return Err(format!("invalid alias flag {name} in alias {}", self.program));
            };
            if is_given(flag, command, args) {
                continue;
            }
            fits(flag, value).map_err(|e| {
                format!("could not apply value {value} to flag {name} in alias {} err: {e}", self.program)
            })?;
            flags.push(format!("--{name}={value}"));
        }
        let (before, behind) = args.split_at(at);
        let mut words = before.to_vec();
        words.extend(line.path.iter().cloned());
        words.extend(flags);
        words.extend(alias.prepend.iter().cloned());
        words.extend(behind.iter().skip(1).cloned());
        words.extend(alias.append.iter().cloned());
        Ok(words)
    }
}

/// Puts flags before what is taken as it comes.
fn insert_flags(words: &mut Vec<String>, flags: Vec<String>) {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    words.splice(end..end, flags);
}

/// Whether a command line has a flag. Mirrors `searchInArgs`.
fn is_given(flag: &Arg, command: &Command, args: &[String]) -> bool {
    let long = flag.get_long().unwrap_or_default();
    let letter = flag.get_short();
    let letters: BTreeSet<char> = command.get_arguments().filter_map(Arg::get_short).collect();
    args.iter().any(|word| {
        if *word == format!("--{long}") || word.starts_with(&format!("--{long}=")) {
            return true;
        }
        let Some(letter) = letter else { return false };
        if word.starts_with(&format!("-{letter}")) {
            return true;
        }
        let several = word.strip_prefix('-').filter(|w| !w.is_empty() && w.chars().all(|c| c.is_ascii_alphabetic()));
        several.is_some_and(|several| letters.contains(&letter) && several.contains(letter))
    })
}

/// Whether a flag takes a value, as far as that is to be seen here.
fn fits(flag: &Arg, value: &str) -> Result<(), String> {
    const BOOLEANS: [&str; 12] = ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];
    if !argv::is_boolean(flag) || BOOLEANS.contains(&value) {
        return Ok(());
    }
    let long = flag.get_long().unwrap_or_default();
    let name = flag.get_short().map_or(format!("--{long}"), |letter| format!("-{letter}, --{long}"));
    Err(format!("invalid argument {value:?} for {name:?} flag: strconv.ParseBool: parsing {value:?}: invalid syntax"))
}
