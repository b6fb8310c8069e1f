//! What names stand for: `command`, `type`, `hash`, `alias`, `getopts`, `help`.

use std::sync::Arc;

use super::{Arrays, Done};
use crate::machine::kernel::Sys;
use crate::machine::shell::ast::Unit;
use crate::machine::shell::simple::Found;
use crate::machine::shell::{Flavor, Shell, quote};

const RESERVED: [&str; 16] =
    ["!", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until", "while", "{", "}"];

const RESERVED_BASH: [&str; 6] = ["[[", "]]", "coproc", "function", "select", "time"];

fn is_reserved(flavor: Flavor, name: &str) -> bool {
    RESERVED.contains(&name)
        || flavor == Flavor::Bash && RESERVED_BASH.contains(&name)
        || flavor == Flavor::Ash && name == "function"
}

/// A function as bash shows it.
pub(super) fn function_text(name: &str, body: &Unit) -> String {
    let text = body.text.trim();
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    match inner {
        Some(inner) => {
            let mut out = format!("{name} () \n{{ \n");
            let lines: Vec<&str> = inner.split('\n').map(str::trim).filter(|l| !l.is_empty()).collect();
            let count = lines.len();
            for (at, line) in lines.iter().enumerate() {
                let line = line.trim_end_matches(';').trim_end();
                let open = line.ends_with(['{', '(']) || ["then", "do", "else"].iter().any(|k| line.ends_with(k));
                let end = if at + 1 < count && !open { ";" } else { "" };
                out.push_str(&format!("    {line}{end}\n"));
            }
            out.push_str("}\n");
            out
        }
        None => format!("{name} () \n{text}\n"),
    }
}

/// `command -v` (terse), `command -V` and `type`.
fn tell(sh: &mut Shell, sys: &mut Sys<'_>, name: &str, terse: bool, who: &str) -> bool {
    let flavor = sh.flavor;
    if let Some(text) = sh.aliases.get(name) {
        let quoted = quote::single(text);
        sys.out(match (terse, flavor) {
            (true, _) => format!("alias {name}={quoted}\n"),
            (false, Flavor::Bash) => format!("{name} is aliased to `{text}'\n"),
            (false, _) => format!("{name} is an alias for {text}\n"),
        });
        return true;
    }
    if is_reserved(flavor, name) {
        sys.out(if terse { format!("{name}\n") } else { format!("{name} is a shell keyword\n") });
        return true;
    }
    match sh.find(name, true) {
        Found::Function(body) => {
            if terse {
                sys.out(format!("{name}\n"));
            } else {
                sys.out(match flavor {
                    Flavor::Dash => format!("{name} is a shell function\n"),
                    Flavor::Ash => format!("{name} is a function\n"),
                    Flavor::Bash => format!("{name} is a function\n{}", function_text(name, &body)),
                });
            }
            true
        }
        Found::Builtin(builtin) => {
            sys.out(match (terse, flavor) {
                (true, _) => format!("{name}\n"),
                (false, Flavor::Bash) => format!("{name} is a shell builtin\n"),
                (false, _) if builtin.special => format!("{name} is a special shell builtin\n"),
                (false, _) => format!("{name} is a shell builtin\n"),
            });
            true
        }
        Found::External => match sh.search(sys, name) {
            Ok(path) => {
                let path = if path.starts_with("./") && !name.starts_with("./") { path[2..].to_string() } else { path };
                let hashed = flavor == Flavor::Bash && sh.hashed.contains_key(name) && !name.contains('/');
                sys.out(match terse {
                    true => format!("{path}\n"),
                    false if hashed => format!("{name} is hashed ({path})\n"),
                    false => format!("{name} is {path}\n"),
                });
                true
            }
            Err(_) => {
                if !terse {
                    match flavor {
                        Flavor::Bash => sh.complain(sys, format!("{name}: not found")),
                        _ => {
                            let _ = who;
                            sys.out(format!("{name}: not found\n"));
                        }
                    }
                }
                false
            }
        },
    }
}

pub(super) fn command(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let (mut terse, mut asked, mut at) = (true, false, 1);
    while let Some(arg) = args.get(at).filter(|a| a.len() > 1 && a.starts_with('-')) {
        at += 1;
        if arg == "--" {
            break;
        }
        for letter in arg.chars().skip(1) {
            match letter {
                'v' => (terse, asked) = (true, true),
                'V' => (terse, asked) = (false, true),
                'p' => {}
                letter => {
                    return sh.illegal_option(
                        sys,
                        &format!("-{letter}"),
                        "command: usage: command [-pVv] command [arg ...]",
                    );
                }
            }
        }
    }
    if !asked {
        return Done::Code(0);
    }
    let names = args.get(at..).unwrap_or_default();
    let names = if sh.bash() { names } else { &names[..names.len().min(1)] };
    let mut code = 0;
    for name in names {
        if !tell(sh, sys, name, terse, "command") {
            code = if sh.bash() { 1 } else { 127 };
        } else if sh.bash() && code == 1 && names.len() > 1 {
            code = 0;
        }
    }
    Done::Code(code)
}

pub(super) fn type_of(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let (mut kind, mut path, mut all, mut at) = (false, false, false, 1);
    while let Some(arg) = args.get(at).filter(|a| sh.bash() && a.len() > 1 && a.starts_with('-')) {
        at += 1;
        for letter in arg.chars().skip(1) {
            match letter {
                't' => kind = true,
                'p' | 'P' => path = true,
                'a' => all = true,
                'f' => {}
                letter => {
                    return sh.illegal_option(sys, &format!("-{letter}"), "type: usage: type [-afptP] name [name ...]");
                }
            }
        }
    }
    let _ = all;
    let mut code = 0;
    for name in args.get(at..).unwrap_or_default() {
        if kind || path {
            let what = if sh.aliases.contains_key(name) {
                Some("alias")
            } else if is_reserved(sh.flavor, name) {
                Some("keyword")
            } else {
                match sh.find(name, true) {
                    Found::Function(_) => Some("function"),
                    Found::Builtin(_) => Some("builtin"),
                    Found::External => sh.search(sys, name).ok().map(|_| "file"),
                }
            };
            match what {
                Some(what) if kind => sys.out(format!("{what}\n")),
                Some("file") => {
                    let found = sh.search(sys, name).unwrap_or_default();
                    sys.out(format!("{found}\n"));
                }
                Some(_) => {}
                None => code = 1,
            }
            continue;
        }
        if !tell(sh, sys, name, false, "type") {
            code = if sh.bash() { 1 } else { 127 };
        }
    }
    Done::Code(code)
}

pub(super) fn hash(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let mut code = 0;
    if args.len() == 1 {
        if sh.hashed.is_empty() {
            if sh.bash() {
                sys.out("hash: hash table empty\n");
            }
        } else {
            let mut out = String::new();
            if sh.bash() {
                out.push_str("hits\tcommand\n");
            }
            for (path, hits) in sh.hashed.values() {
                out.push_str(&if sh.bash() { format!("{hits:4}\t{path}\n") } else { format!("{path}\n") });
            }
            sys.out(out);
        }
    }
    for arg in &args[1..] {
        if arg == "-r" {
            sh.hashed = Arc::default();
            continue;
        }
        if arg.starts_with('-') {
            continue;
        }
        if let Found::External = sh.find(arg, true) {
            match sh.search(sys, arg) {
                Ok(path) => {
                    Arc::make_mut(&mut sh.hashed).insert(arg.clone(), (path, 0));
                }
                Err(_) => {
                    sh.complain(sys, format!("{arg}: not found"));
                    code = 1;
                }
            }
        }
    }
    Done::Code(code)
}

pub(super) fn alias(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let show = |sh: &Shell, name: &str, text: &str| {
        let text = if sh.flavor == Flavor::Bash { quote::single(text) } else { quote::ash(text, true) };
        if sh.bash() { format!("alias {name}={text}\n") } else { format!("{name}={text}\n") }
    };
    let mut code = 0;
    let names: Vec<&String> = args[1..].iter().filter(|a| *a != "-p" && *a != "--").collect();
    if names.is_empty() {
        let out: String = sh.aliases.iter().map(|(n, t)| show(sh, n, t)).collect();
        sys.out(out);
    }
    for arg in names {
        match arg.split_once('=').filter(|(n, _)| !n.is_empty()) {
            Some((name, text)) => {
                Arc::make_mut(&mut sh.aliases).insert(name.into(), text.into());
            }
            None => match sh.aliases.get(arg) {
                Some(text) => sys.out(show(sh, arg, text)),
                None => {
                    match sh.flavor {
                        Flavor::Bash => sh.complain(sys, format!("{arg}: not found")),
                        _ => sys.err(format!("alias: {arg} not found\n")),
                    }
                    code = 1;
                }
            },
        }
    }
    Done::Code(code)
}

pub(super) fn unalias(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let mut code = 0;
    for arg in &args[1..] {
        if arg == "-a" {
            sh.aliases = Arc::default();
        } else if Arc::make_mut(&mut sh.aliases).remove(arg).is_none() {
            match sh.flavor {
                Flavor::Bash => sh.complain(sys, format!("{arg}: not found")),
                _ => sys.err(format!("unalias: {arg} not found\n")),
            }
            code = 1;
        }
    }
    Done::Code(code)
}

pub(super) fn getopts(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let (Some(options), Some(name)) = (args.get(1), args.get(2)) else {
        return match sh.flavor {
            Flavor::Bash => sh.usage_of(sys, "getopts: usage: getopts optstring name [arg ...]"),
            _ => {
                sh.complain(
                    sys,
                    if sh.flavor == Flavor::Dash {
                        "Usage: getopts optstring var [arg...]"
                    } else {
                        "usage: getopts optstring var [arg]"
                    },
                );
                Done::Fatal(2)
            }
        };
    };
    let words: Arc<Vec<String>> = if args.len() > 3 { Arc::new(args[3..].to_vec()) } else { sh.args.clone() };
    let silent = options.starts_with(':');
    let (mut index, mut offset) = sh.getopts;
    let finish = |sh: &mut Shell, sys: &mut Sys<'_>, index: usize, offset: usize, value: &str, arg: Option<String>| {
        let set = |sh: &mut Shell, sys: &mut Sys<'_>, name: &str, text: &str| sh.assign(sys, name, text).is_ok();
        set(sh, sys, "OPTIND", &index.to_string());
        sh.getopts = (index, offset);
        match arg {
            Some(arg) => {
                set(sh, sys, "OPTARG", &arg);
            }
            None => {
                sh.vars.remove("OPTARG");
            }
        }
        set(sh, sys, name, value)
    };
    let word = words.get(index.saturating_sub(1)).cloned().unwrap_or_default();
    if offset == 0 {
        let ends = index > words.len() || !word.starts_with('-') || word == "-" || word == "--";
        if ends {
            let index = if word == "--" && index <= words.len() { index + 1 } else { index };
            finish(sh, sys, index, 0, "?", None);
            return Done::Code(1);
        }
        offset = 1;
    }
    let letter = word.get(offset..).and_then(|r| r.chars().next()).unwrap_or('?');
    offset += letter.len_utf8();
    let known = letter != ':' && options.contains(letter);
    let takes = known && options.split_once(letter).is_some_and(|(_, r)| r.starts_with(':'));
    let at_end = offset >= word.len();
    let complain = |sh: &mut Shell, sys: &mut Sys<'_>, text: String| {
        if sh.bash() {
            sys.err(format!("{}: {text}\n", sh.name));
        } else {
            sys.err(format!("{}\n", text));
        }
    };
    if !known {
        if at_end {
            (index, offset) = (index + 1, 0);
        }
        if !silent && sh.vars.get("OPTERR") != Some("0") {
            let text = match sh.flavor {
                Flavor::Bash => format!("illegal option -- {letter}"),
                Flavor::Dash | Flavor::Ash => format!("Illegal option -{letter}"),
            };
            complain(sh, sys, text);
        }
        finish(sh, sys, index, offset, "?", silent.then(|| letter.to_string()));
        return Done::Code(0);
    }
    let mut value = None;
    if takes {
        if !at_end {
            value = Some(word[offset..].to_string());
            index += 1;
        } else {
            index += 1;
            match words.get(index - 1) {
                Some(arg) => {
                    value = Some(arg.clone());
                    index += 1;
                }
                None => {
                    if silent {
                        finish(sh, sys, index, 0, ":", Some(letter.to_string()));
                    } else {
                        let text = match sh.flavor {
                            Flavor::Bash => format!("option requires an argument -- {letter}"),
                            Flavor::Dash | Flavor::Ash => format!("No arg for -{letter} option"),
                        };
                        complain(sh, sys, text);
                        finish(sh, sys, index, 0, "?", None);
                    }
                    return Done::Code(0);
                }
            }
        }
        offset = 0;
    } else if at_end {
        (index, offset) = (index + 1, 0);
    }
    finish(sh, sys, index, offset, &letter.to_string(), value);
    Done::Code(0)
}

pub(super) fn caller(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let depth: usize = args.get(1).and_then(|a| a.parse().ok()).unwrap_or(0);
    let calls: Vec<_> = sh.calls.iter().rev().collect();
    let Some(call) = calls.get(depth) else {
        if args.len() < 2 {
            sys.out("0 NULL\n");
            return Done::Code(0);
        }
        return Done::Code(1);
    };
    let outer = calls.get(depth + 1).map_or("main", |c| c.name.as_str());
    let main = sh.main_source();
    let source = calls.get(depth + 1).map_or(main.as_str(), |c| c.source.as_str());
    sys.out(if args.len() > 1 {
        format!("{} {outer} {source}\n", call.line)
    } else {
        format!("{} {source}\n", call.line)
    });
    Done::Code(0)
}

pub(super) fn compgen(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let word = args.iter().skip(2).next_back().map_or("", String::as_str);
    let all: Vec<String> = match args.get(1).map(String::as_str) {
        Some("-v") => sh.vars.iter().map(|(n, _)| n.to_string()).collect(),
        Some("-b") => super::names(sh.flavor).iter().map(|n| n.to_string()).collect(),
        Some("-A") if args.get(2).is_some_and(|a| a == "function") => sh.functions.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let found: Vec<String> =
        all.into_iter().filter(|n| n.starts_with(word) || args.len() < 3 || args[1] == "-A").collect();
    sys.out(found.iter().map(|n| format!("{n}\n")).collect::<String>());
    Done::Code(u8::from(found.is_empty()))
}

pub(super) fn enable(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    if args.len() < 2 {
        let out: String = super::names(sh.flavor).iter().map(|n| format!("enable {n}\n")).collect();
        sys.out(out);
    }
    Done::Code(0)
}

pub(super) fn help(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    if let (true, Some(name)) = (sh.bash(), args.get(1)) {
        if super::find(sh.flavor, name).is_none() {
            sh.complain(
                sys,
                format!("no help topics match `{name}'.  Try `help help' or `man -k {name}' or `info {name}'."),
            );
            return Done::Code(1);
        }
        sys.out(format!("{name}: {name}\n"));
        return Done::Code(0);
    }
    let mut out = String::from(if sh.bash() { "" } else { "Built-in commands:\n------------------\n" });
    let mut line = String::from("\t");
    for name in super::names(sh.flavor) {
        if line.len() + name.len() > 70 {
            out.push_str(&format!("{}\n", line.trim_end_matches(' ')));
            line = String::from("\t");
        }
        line.push_str(&format!("{name} "));
    }
    out.push_str(&format!("{}\n", line.trim_end_matches(' ')));
    sys.out(out);
    Done::Code(0)
}
