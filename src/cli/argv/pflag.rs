//! Flags as kubectl's parser reads them, word by word: each comes out as `--name=value`, or the first fault ends it.
//!
//! Mirrors `parseArgs`, `parseLongArg` and `parseSingleShortArg` of `github.com/spf13/pflag`, and `WordSepNormalizeFunc`
//! of `k8s.io/component-base/cli/flag`.

use std::fmt;

use clap::{Arg, Command};

use crate::api::Duration;

use super::{find_flag, find_own_flag, is_boolean, needs_value, parse_bool, value_when_bare};

/// Words whose flags all have the form `--name=value`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The flags that every command takes.
    pub global: Vec<String>,
    /// The command's own flags, and what is no flag.
    pub words: Vec<String>,
    /// Whether help is asked for.
    pub help: bool,
}

/// What is wrong with the flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// `--=x`, `---x`
    BadSyntax(String),
    /// `--x` that the command does not take.
    UnknownFlag(String),
    /// The letter and the group of letters that it stands in.
    UnknownShorthand(char, String),
    /// A flag without its value, as it was written.
    NeedsArgument(String),
    /// The value, the flag's names, and what is wrong.
    InvalidValue(String, String, String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::BadSyntax(word) => write!(f, "bad flag syntax: {word}"),
            Fault::UnknownFlag(name) => write!(f, "unknown flag: --{name}"),
            Fault::UnknownShorthand(letter, group) => {
                write!(f, "unknown shorthand flag: {} in -{group}", quoted_letter(*letter))
            }
            Fault::NeedsArgument(flag) => write!(f, "flag needs an argument: {flag}"),
            Fault::InvalidValue(value, names, why) => write!(f, "invalid argument {value:?} for {names:?} flag: {why}"),
        }
    }
}

/// A letter as Go's `%q` prints it.
fn quoted_letter(letter: char) -> String {
    match letter {
        '\'' => "'\\''".into(),
        '\\' => "'\\\\'".into(),
        other => format!("'{other}'"),
    }
}

/// The flag of a name or a letter, or `--help`, which every command takes.
enum Flag<'a> {
    Help,
    Of(&'a Arg),
    Global(&'a Arg),
}

impl Flag<'_> {
    fn find<'a>(name: &str, command: &'a Command, root: &'a Command) -> Option<Flag<'a>> {
        match find_own_flag(command, name) {
            Some(arg) if !std::ptr::eq(command, root) => Some(Flag::Of(arg)),
            _ => match find_flag(command, root, name) {
                Some(arg) => Some(Flag::Global(arg)),
                None if matches!(name, "help" | "h") => Some(Flag::Help),
                None => None,
            },
        }
    }

    fn arg(&self) -> Option<&Arg> {
        match self {
            Flag::Help => None,
            Flag::Of(arg) | Flag::Global(arg) => Some(arg),
        }
    }

    /// What it stands for without a value; none if it must have one.
    fn when_bare(&self) -> Option<&'static str> {
        match self.arg() {
            Some(arg) if needs_value(arg) => None,
            Some(arg) => Some(arg.get_long().and_then(value_when_bare).unwrap_or("true")),
            None => Some("true"),
        }
    }

    fn is_boolean(&self) -> bool {
        self.arg().is_none_or(is_boolean)
    }

    /// `-h, --help`
    fn names(&self) -> String {
        self.arg().map_or_else(|| "-h, --help".into(), names)
    }
}

/// `-n, --namespace`, or `--as` of a flag without a letter.
pub fn names(arg: &Arg) -> String {
    match (arg.get_short(), arg.get_long()) {
        (Some(letter), Some(long)) => format!("-{letter}, --{long}"),
        (_, long) => format!("--{}", long.unwrap_or_default()),
    }
}

/// Whether a flag is kept as text and its default is a length of time, `30s`.
fn takes_duration(arg: &Arg) -> bool {
    if arg.get_value_parser().type_id() != std::any::TypeId::of::<String>() {
        return false;
    }
    let default = arg.get_default_values().first().and_then(|value| value.to_str());
    default.is_some_and(|value| value.ends_with('s') && Duration::parse(value).is_ok())
}

impl Parsed {
    /// Takes a flag and its value.
    fn set(&mut self, flag: &Flag<'_>, value: String) -> Result<(), Fault> {
        if flag.is_boolean()
            && let Err(why) = parse_bool(&value)
        {
            return Err(Fault::InvalidValue(value, flag.names(), why));
        }
        if flag.arg().is_some_and(takes_duration)
            && let Err(why) = Duration::parse(&value)
        {
            return Err(Fault::InvalidValue(value, flag.names(), why.to_string()));
        }
        // Nothing, as a list of words, is none.
        let is_list = |arg: &Arg| {
            arg.get_value_delimiter().is_some() && arg.get_default_values().is_empty() && !arg.is_required_set()
        };
        if value.is_empty() && flag.arg().is_some_and(is_list) {
            return Ok(());
        }
        let word = |arg: &Arg| format!("--{}={value}", arg.get_long().unwrap_or_default());
        match flag {
            Flag::Help => self.help = parse_bool(&value).unwrap_or_default(),
            Flag::Of(arg) => self.words.push(word(arg)),
            Flag::Global(arg) => self.global.push(word(arg)),
        }
        Ok(())
    }
}

/// Reads the words of `command`, up to the first thing that is wrong.
pub fn parse(words: &[String], command: &Command, root: &Command) -> (Parsed, Result<(), Fault>) {
    let mut parsed = Parsed::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let read = match word.as_bytes() {
            b"--" => {
                parsed.words.push("--".into());
                parsed.words.extend(words.by_ref().cloned());
                Ok(())
            }
            // kstate itself has a version flag, unlike kubectl.
            b"--version" | b"-V" if std::ptr::eq(command, root) && root.get_name() != "kubectl" => {
                parsed.global.push("--version".into());
                Ok(())
            }
            [b'-', b'-', ..] => long(word, &mut words, command, root, &mut parsed),
            [b'-', _, ..] => short(&word[1..], &mut words, command, root, &mut parsed),
            _ => {
                parsed.words.push(word.clone());
                Ok(())
            }
        };
        if read.is_err() {
            return (parsed, read);
        }
    }
    (parsed, Ok(()))
}

fn long<'a>(
    word: &str,
    words: &mut impl Iterator<Item = &'a String>,
    command: &Command,
    root: &Command,
    parsed: &mut Parsed,
) -> Result<(), Fault> {
    let text = &word[2..];
    if text.is_empty() || text.starts_with(['-', '=']) {
        return Err(Fault::BadSyntax(word.to_string()));
    }
    let (name, given) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_string())));
    let hyphens = name.replace('_', "-");
    // OBSERVATION: a long name of one letter is no shorthand, but `--v` is a flag.
    let is_long = |flag: &Flag<'_>| match flag.arg() {
        Some(arg) => arg.get_long() == Some(hyphens.as_str()),
        None => hyphens == "help",
    };
    let flag = Flag::find(&hyphens, command, root).filter(is_long);
    let flag = flag.ok_or_else(|| Fault::UnknownFlag(name.to_string()))?;
    let value = given.or_else(|| flag.when_bare().map(String::from)).or_else(|| words.next().cloned());
    let value = value.ok_or_else(|| Fault::NeedsArgument(format!("--{name}")))?;
    parsed.set(&flag, value)
}

fn short<'a>(
    group: &str,
    words: &mut impl Iterator<Item = &'a String>,
    command: &Command,
    root: &Command,
    parsed: &mut Parsed,
) -> Result<(), Fault> {
    // What `go test` adds is left alone.
    if group.starts_with("test.") {
        return Ok(());
    }
    let mut rest = group;
    while let Some(letter) = rest.chars().next() {
        let after = &rest[letter.len_utf8()..];
        let flag = Flag::find(&letter.to_string(), command, root);
        let flag = flag.ok_or_else(|| Fault::UnknownShorthand(letter, rest.to_string()))?;
        let (value, left) = match (after.strip_prefix('='), flag.when_bare()) {
            (Some(value), _) if !value.is_empty() => (value.to_string(), ""),
            (_, Some(bare)) => (bare.to_string(), after),
            (_, None) if !after.is_empty() => (after.to_string(), ""),
            (_, None) => {
                let missing = || Fault::NeedsArgument(format!("{} in -{rest}", quoted_letter(letter)));
                (words.next().cloned().ok_or_else(missing)?, "")
            }
        };
        parsed.set(&flag, value)?;
        rest = left;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::parse;
    use crate::cli::App;
    use crate::cli::argv::Line;

    fn read(line: &str) -> String {
        let root = App::command().name("kubectl");
        let words: Vec<String> = line.split(' ').map(String::from).collect();
        let line = Line::read(&words, &root);
        match parse(&line.rest, line.command(&root), &root) {
            (parsed, Ok(())) if parsed.help => "help".into(),
            (parsed, Ok(())) => [parsed.words, parsed.global].concat().join(" "),
            (_, Err(fault)) => fault.to_string(),
        }
    }

    #[test]
    fn all_forms_of_a_flag_become_one() {
        assert_eq!(
            read("get pods -Ao yaml -l=a=b --show_labels -n x -- -y"),
            "pods --all-namespaces=true --output=yaml --selector=a=b --show-labels=true -- -y --namespace=x"
        );
        assert_eq!(read("delete pod x --cascade --timeout 5s"), "pod x --cascade=background --timeout=5s");
        assert_eq!(read("get -v6 --v 7 -h=false"), "--v=6 --v=7");
        assert_eq!(read("get pods -h"), "help");
    }

    #[test]
    fn the_first_fault_counts() {
        let faults = [
            "get --help --foo",
            "get --=x",
            "get -=x",
            "get -oyaml -Ax",
            "get -A=x",
            "get -n",
            "get --namespace",
            "get -An",
            "get --help=x",
            "get -vx -Z",
        ];
        insta::assert_snapshot!(faults.map(read).join("\n"), @r#"
        unknown flag: --foo
        bad flag syntax: --=x
        unknown shorthand flag: '=' in -=x
        unknown shorthand flag: 'x' in -x
        invalid argument "x" for "-A, --all-namespaces" flag: strconv.ParseBool: parsing "x": invalid syntax
        flag needs an argument: 'n' in -n
        flag needs an argument: --namespace
        flag needs an argument: 'n' in -n
        invalid argument "x" for "-h, --help" flag: strconv.ParseBool: parsing "x": invalid syntax
        unknown shorthand flag: 'Z' in -Z
        "#);
    }
}
