//! The command line as kubectl's parser takes it: flags may stand before the command that they belong to.
//!
//! Mirrors `Find` and `stripFlags` of `github.com/spf13/cobra`, and `parseCommandArguments` of
//! `k8s.io/cli-runtime/pkg/genericclioptions/record_flags.go`.

pub mod pflag;

use clap::{Arg, ArgAction, Command};

use super::OWN_VERBS;

/// A command line with the commands in front.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// The commands by their own names: `create`, `configmap`.
    pub path: Vec<String>,
    /// What follows them, in order.
    pub rest: Vec<String>,
}

impl Line {
    /// Finds the commands among the words.
    pub fn read(words: &[String], root: &Command) -> Line {
        let mut line = Line { path: Vec::new(), rest: words.to_vec() };
        let mut command = root;
        while let Some(at) = first_word(&line.rest, command, root) {
            let Some(next) = command.find_subcommand(&line.rest[at]) else { break };
            line.path.push(next.get_name().to_string());
            line.rest.remove(at);
            command = next;
        }
        line
    }

    /// The command that the path leads to.
    pub fn command<'a>(&self, root: &'a Command) -> &'a Command {
        self.path.iter().fold(root, |command, name| command.find_subcommand(name).unwrap_or(command))
    }
}

/// The command line as `--record` writes it: what is no flag first, then each flag with its value.
pub fn change_cause(program: &str, words: &[String], root: &Command) -> String {
    let line = Line::read(words, root);
    let command = line.command(root);
    let (mut plain, mut flags) = (vec![program.to_string()], Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            plain.extend(words.by_ref().cloned());
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, given) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v.to_string())));
            let value = given.unwrap_or_else(|| value_of(find_flag(command, root, name), &mut words));
            flags.push(format!("--{name}={value}"));
        } else if let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) {
            let name = &letters[..letters.chars().next().map_or(0, char::len_utf8)];
            let arg = find_flag(command, root, name);
            let given = &letters[name.len()..];
            let value = match given.strip_prefix('=').unwrap_or(given) {
                "" => value_of(arg, &mut words),
                given => given.to_string(),
            };
            flags.push(format!("--{}={value}", arg.and_then(Arg::get_long).unwrap_or(name)));
        } else {
            plain.push(word.clone());
        }
    }
    plain.into_iter().chain(flags).collect::<Vec<_>>().join(" ")
}

/// What a flag stands for that is given without a value, or else the next word.
fn value_of<'a>(arg: Option<&Arg>, words: &mut impl Iterator<Item = &'a String>) -> String {
    match arg.filter(|a| !needs_value(a)).and_then(Arg::get_long) {
        Some(name) => value_when_bare(name).unwrap_or("true").to_string(),
        None => words.next().cloned().unwrap_or_default(),
    }
}

/// What an option stands for that is given without a value; none for one that must have a value. Mirrors `NoOptDefVal`
/// of pflag, which kubectl sets for these.
fn value_when_bare(long: &str) -> Option<&'static str> {
    match long {
        "dry-run" => Some("unchanged"),
        "validate" => Some("strict"),
        "cascade" => Some("background"),
        _ => None,
    }
}

/// The first word that is neither a flag nor a flag's value.
pub fn first_word(words: &[String], command: &Command, root: &Command) -> Option<usize> {
    let mut at = 0;
    while at < words.len() {
        let word = words[at].as_str();
        let name = word.trim_start_matches('-');
        let alone = word.starts_with("--") || (word.starts_with('-') && name.chars().count() == 1);
        match word {
            "--" => return None,
            "" => at += 1,
            // OBSERVATION: cobra looks for commands before it knows of `--help`, and takes the next word for its value.
            _ if alone && !word.contains('=') => {
                let switch = find_flag(command, root, name).is_some_and(|a| !needs_value(a));
                at += if switch { 1 } else { 2 };
            }
            _ if word.starts_with('-') => at += 1,
            _ => return Some(at),
        }
    }
    None
}

/// The flag of a long name or a letter, the command's own before those that all take.
pub fn find_flag<'a>(command: &'a Command, root: &'a Command, name: &str) -> Option<&'a Arg> {
    let global = |arg: &&Arg| !matches!(arg.get_long(), Some("help" | "version"));
    find_own_flag(command, name).or_else(|| find_own_flag(root, name)).filter(global)
}

fn find_own_flag<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let mut letters = name.chars();
    let letter = letters.next().filter(|_| letters.next().is_none());
    let named = |a: &&Arg| a.get_long() == Some(name) || (letter.is_some() && a.get_short() == letter);
    command.get_arguments().find(named)
}

/// Whether the next word is the flag's value, if there is no `=`.
pub fn needs_value(arg: &Arg) -> bool {
    let bare = is_boolean(arg) || arg.get_long().and_then(value_when_bare).is_some();
    arg.get_action().takes_values() && !arg.is_require_equals_set() && !bare
}

/// Whether a command takes its words as they come, flags or not.
pub fn takes_all_words(command: &Command) -> bool {
    command.get_positionals().any(|arg| arg.is_trailing_var_arg_set() && arg.is_allow_hyphen_values_set())
}

/// Makes clap take the flags of the commands on a path as pflag does: the last of several counts, a value may begin with
/// a dash, and a boolean flag stands for `true` unless `=` and a value follow.
pub fn as_pflag(command: Command, path: &[String]) -> Command {
    let own = path.first().is_some_and(|name| OWN_VERBS.contains(&name.as_str()));
    as_pflag_below(command, path, !own && !path.is_empty())
}

/// `lenient`: whether a command without commands below it takes words that it does not look at. Mirrors cobra's `legacyArgs`.
fn as_pflag_below(command: Command, path: &[String], lenient: bool) -> Command {
    let command = lenient_flags(command);
    match path {
        [name, rest @ ..] => command.mut_subcommand(name, |next| as_pflag_below(next, rest, lenient)),
        [] if lenient && !command.has_subcommands() && command.get_positionals().next().is_none() => {
            command.arg(Arg::new("unread").num_args(0..).hide(true))
        }
        [] => command,
    }
}

fn lenient_flags(command: Command) -> Command {
    let lenient = |arg: Arg| {
        let Some(long) = arg.get_long().or(arg.get_short().map(|_| "")) else { return arg };
        if is_boolean(&arg) {
            let plain = matches!(arg.get_action(), ArgAction::SetTrue) && arg.get_default_values().is_empty();
            let arg = arg.action(ArgAction::Set).value_parser(parse_bool);
            let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
            return if plain { arg.default_value("false") } else { arg };
        }
        let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
        match value_when_bare(long) {
            Some(bare) => arg.num_args(0..=1).require_equals(true).default_missing_value(bare),
            None if takes && !arg.is_require_equals_set() => arg.allow_hyphen_values(true),
            None => arg,
        }
    };
    command.disable_help_subcommand(true).args_override_self(true).mut_args(lenient)
}

/// Whether a flag needs no value.
pub fn is_boolean(arg: &Arg) -> bool {
    match arg.get_action() {
        ArgAction::SetTrue => true,
        ArgAction::Set => arg.get_value_parser().type_id() == std::any::TypeId::of::<bool>(),
        _ => false,
    }
}

/// Mirrors `strconv.ParseBool`.
fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Line, change_cause};
    use crate::cli::App;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(String::from).collect()
    }

    #[test]
    fn commands_may_stand_behind_flags() {
        let line =
            Line::read(&words("-n x create --dry-run=client deploy web --image=a -- create job"), &App::command());
        assert_eq!(line.path, ["create", "deployment"]);
        assert_eq!(line.rest, ["-n", "x", "--dry-run=client", "web", "--image=a", "--", "create", "job"]);
    }

    #[test]
    fn records_the_command_with_its_flags_last() {
        let words = words("-n x create cm a --from-literal a=b --save-config -oyaml -- c");
        assert_eq!(
            change_cause("kubectl", &words, &App::command()),
            "kubectl create cm a c --namespace=x --from-literal=a=b --save-config=true --output=yaml"
        );
    }
}
