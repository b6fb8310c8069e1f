//! Options of a command line, as `getopt_long` takes them apart, with its complaints.

use crate::machine::images::{Userland, has_musl};
use crate::machine::kernel::Sys;

/// Whether a long option takes an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arg {
    /// None.
    No,
    /// One.
    Yes,
    /// One, only after `=`.
    Maybe,
}

/// The options of a tool.
pub struct Spec {
    /// Letters; `:` after one that takes an argument, `::` where it may; `+` first where operands end options.
    pub short: &'static str,
    /// Long names, with the letter that they stand for.
    pub long: &'static [(&'static str, Arg, char)],
    /// The exit code of a complaint.
    pub code: u8,
}

/// A command line taken apart.
#[derive(Debug, Default)]
pub struct Options {
    /// Letters with their arguments, in order.
    pub found: Vec<(char, String)>,
    /// What are no options.
    pub operands: Vec<String>,
}

impl Options {
    /// Whether an option was given.
    pub fn has(&self, letter: char) -> bool {
        self.found.iter().any(|(l, _)| *l == letter)
    }

    /// The argument of the last of an option.
    pub fn value(&self, letter: char) -> Option<&str> {
        self.found.iter().rev().find(|(l, _)| *l == letter).map(|(_, v)| v.as_str())
    }

    /// The arguments of all of an option.
    pub fn values(&self, letter: char) -> impl Iterator<Item = &str> {
        self.found.iter().filter(move |(l, _)| *l == letter).map(|(_, v)| v.as_str())
    }
}

/// The name that a tool was called by, without folders.
pub fn name(args: &[String]) -> &str {
    let name = args.first().map_or("", String::as_str);
    name.rsplit('/').next().unwrap_or(name)
}

/// Takes a command line apart.
///
/// # Errors
/// The exit code, after a complaint.
pub fn parse(sys: &mut Sys<'_>, args: &[String], spec: &Spec) -> Result<Options, u8> {
    let (in_order, short) = match spec.short.strip_prefix('+') {
        Some(short) => (true, short),
        None => (sys.env("POSIXLY_CORRECT").is_some(), spec.short),
    };
    let mut options = Options::default();
    let mut rest = args.iter().skip(1);
    while let Some(arg) = rest.next() {
        if arg == "--" {
            options.operands.extend(rest.cloned());
            break;
        }
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            let (full, wants, letter) = match find_long(spec, name) {
                Ok(found) => found,
                Err(text) => return Err(complain(sys, args, spec, &text(arg, name, sys.userland(), is_musl(sys)))),
            };
            let value = match (wants, value) {
                (Arg::No, Some(_)) => {
                    let text = match is_musl(sys) {
                        true => format!("option does not take an argument: {full}"),
                        false => format!("option '--{full}' doesn't allow an argument"),
                    };
                    return Err(complain(sys, args, spec, &text));
                }
                (Arg::Yes, None) => match rest.next() {
                    Some(value) => value.clone(),
                    None => {
                        let text = match is_musl(sys) {
                            true => format!("option requires an argument: {full}"),
                            false => format!("option '--{full}' requires an argument"),
                        };
                        return Err(complain(sys, args, spec, &text));
                    }
                },
                (_, value) => value.unwrap_or_default().to_string(),
            };
            options.found.push((letter, value));
            continue;
        }
        let letters = match arg.strip_prefix('-') {
            Some(letters) if !letters.is_empty() => letters,
            _ => {
                options.operands.push(arg.clone());
                if in_order {
                    options.operands.extend(rest.cloned());
                    break;
                }
                continue;
            }
        };
        for (at, letter) in letters.char_indices() {
            let after = letters.get(at + letter.len_utf8()..).unwrap_or_default();
            let known = short.find(letter).filter(|_| letter != ':').and_then(|p| short.get(p + letter.len_utf8()..));
            let Some(follows) = known else {
                let text = match is_musl(sys) {
                    true => format!("unrecognized option: {letter}"),
                    false => format!("invalid option -- '{letter}'"),
                };
                return Err(complain(sys, args, spec, &text));
            };
            if follows.starts_with("::") {
                options.found.push((letter, after.to_string()));
                break;
            }
            if !follows.starts_with(':') {
                options.found.push((letter, String::new()));
                continue;
            }
            let value = if after.is_empty() { rest.next().cloned() } else { Some(after.to_string()) };
            let Some(value) = value else {
                let text = match is_musl(sys) {
                    true => format!("option requires an argument: {letter}"),
                    false => format!("option requires an argument -- '{letter}'"),
                };
                return Err(complain(sys, args, spec, &text));
            };
            options.found.push((letter, value));
            break;
        }
    }
    Ok(options)
}

fn is_musl(sys: &Sys<'_>) -> bool {
    has_musl(sys.image())
}

type Text = fn(&str, &str, Userland, bool) -> String;

fn find_long(spec: &Spec, name: &str) -> Result<(&'static str, Arg, char), Text> {
    if let Some(exact) = spec.long.iter().find(|l| l.0 == name) {
        return Ok(*exact);
    }
    let mut begun = spec.long.iter().filter(|l| l.0.starts_with(name));
    match (begun.next(), begun.next()) {
        (Some(one), None) => Ok(*one),
        (Some(_), Some(_)) => Err(|arg, _, _, _| format!("option '{arg}' is ambiguous")),
        _ => Err(|_, name, _, musl| match musl {
            true => format!("unrecognized option: {name}"),
            false => format!("unrecognized option '--{name}'"),
        }),
    }
}

/// Says what is wrong with a command line, and the usage. The exit code.
pub fn complain(sys: &mut Sys<'_>, args: &[String], spec: &Spec, text: &str) -> u8 {
    let name = name(args).to_string();
    sys.err(format!("{name}: {text}\n"));
    usage(sys, &name);
    spec.code
}

/// Says how to be used, after a complaint.
pub fn usage(sys: &mut Sys<'_>, name: &str) {
    let text = match (sys.userland(), name) {
        (Userland::Busybox, _) => super::usage::busybox(name),
        (Userland::Gnu, "grep" | "egrep" | "fgrep") => {
            format!("Usage: {name} [OPTION]... PATTERNS [FILE]...\nTry '{name} --help' for more information.\n")
        }
        (Userland::Gnu, "sed") => super::usage::SED.to_string(),
        (Userland::Gnu, "gzip" | "gunzip" | "zcat") => "Try `gzip --help' for more information.\n".to_string(),
        (Userland::Gnu, "diff" | "cmp") => format!("{name}: Try '{name} --help' for more information.\n"),
        (Userland::Gnu, "tar") => "Try 'tar --help' or 'tar --usage' for more information.\n".to_string(),
        (Userland::Gnu, _) => format!("Try '{name} --help' for more information.\n"),
    };
    sys.err(text);
}
