//! `cd`, `pwd`, the stack of folders, `umask`.

use super::{Arrays, Done};
use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::shell::{Flavor, Shell};

/// A path without `.`, `..` and doubled slashes, as text alone.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let doubled = path.starts_with("//") && !path.starts_with("///");
    format!("{}/{}", if doubled { "/" } else { "" }, parts.join("/"))
}

fn go(sh: &mut Shell, sys: &mut Sys<'_>, to: &str, physical: bool) -> Result<(), Errno> {
    let cwd = sh.vars.get("PWD").filter(|p| p.starts_with('/')).unwrap_or("/").to_string();
    let whole = if to.starts_with('/') { to.to_string() } else { format!("{}/{to}", cwd.trim_end_matches('/')) };
    let logical = normal(&whole);
    sys.chdir(if physical { to } else { &logical })
        .or_else(|fault| if physical { Err(fault) } else { sys.chdir(to) })?;
    let real = sys.process().cwd.clone();
    let now = if physical { real } else { logical };
    sh.vars.set("OLDPWD", &cwd);
    sh.vars.set("PWD", &now);
    sh.vars.entry("OLDPWD").exported = true;
    sh.vars.entry("PWD").exported = true;
    sh.vars.env_is_old = true;
    Ok(())
}

pub(super) fn cd(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let (mut physical, mut at) = (sh.options.physical, 1);
    while let Some(arg) = args.get(at).filter(|a| a.len() > 1 && a.starts_with('-')) {
        at += 1;
        if arg == "--" {
            break;
        }
        for letter in arg.chars().skip(1) {
            match letter {
                'P' => physical = true,
                'L' => physical = false,
                'e' | '@' if sh.bash() => {}
                letter => {
                    return match sh.illegal_option(
                        sys,
                        &format!("-{letter}"),
                        "cd: usage: cd [-L|[-P [-e]] [-@]] [dir]",
                    ) {
                        Done::Fatal(code) => Done::Code(code),
                        other => other,
                    };
                }
            }
        }
    }
    if args.len() > at + 1 && sh.bash() {
        sh.complain(sys, "too many arguments");
        return Done::Code(1);
    }
    let mut print = false;
    let to = match args.get(at).map(String::as_str) {
        None => match sh.vars.get("HOME") {
            Some(home) => home.to_string(),
            None if sh.bash() => {
                sh.complain(sys, "HOME not set");
                return Done::Code(1);
            }
            None => return Done::Code(0),
        },
        Some("-") => match sh.vars.get("OLDPWD") {
            Some(old) => {
                print = true;
                old.to_string()
            }
            None if sh.bash() => {
                sh.complain(sys, "OLDPWD not set");
                return Done::Code(1);
            }
            None => {
                print = true;
                sh.vars.get("PWD").unwrap_or("/").to_string()
            }
        },
        Some("") => return Done::Code(0),
        Some(to) => to.to_string(),
    };
    let paths = sh.vars.get("CDPATH").unwrap_or("").to_string();
    let dotted = to == "." || to == ".." || to.starts_with("./") || to.starts_with("../") || to.starts_with('/');
    if !paths.is_empty() && !dotted && args.len() > at {
        for folder in paths.split(':') {
            let whole = if folder.is_empty() { to.clone() } else { format!("{folder}/{to}") };
            if go(sh, sys, &whole, physical).is_ok() {
                if !folder.is_empty() && folder != "." {
                    sys.out(format!("{}\n", sh.vars.get("PWD").unwrap_or("")));
                }
                return Done::Code(0);
            }
        }
    }
    match go(sh, sys, &to, physical) {
        Ok(()) => {
            if print {
                sys.out(format!("{}\n", sh.vars.get("PWD").unwrap_or("")));
            }
            Done::Code(0)
        }
        Err(fault) => {
            let text = sys.text(fault);
            sh.complain(
                sys,
                match sh.flavor {
                    Flavor::Bash => format!("{to}: {text}"),
                    Flavor::Dash => format!("can't cd to {to}"),
                    Flavor::Ash => format!("can't cd to {to}: {text}"),
                },
            );
            Done::Code(if sh.bash() { 1 } else { 2 })
        }
    }
}

pub(super) fn pwd(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let mut physical = false;
    for arg in &args[1..] {
        match arg.as_str() {
            "-P" => physical = true,
            "-L" => physical = false,
            "--" => break,
            option if option.starts_with('-') && option.len() > 1 => {
                return match sh.illegal_option(sys, &option[..2.min(option.len())], "pwd: usage: pwd [-LP]") {
                    Done::Fatal(code) => Done::Code(code),
                    other => other,
                };
            }
            _ => {}
        }
    }
    let real = sys.process().cwd.clone();
    let shown =
        if physical { real } else { sh.vars.get("PWD").filter(|p| p.starts_with('/')).unwrap_or(&real).to_string() };
    sys.out(format!("{shown}\n"));
    Done::Code(0)
}

fn show_dirs(sh: &Shell, sys: &mut Sys<'_>) {
    let home = sh.vars.get("HOME").unwrap_or("").to_string();
    let tilde = |p: &str| match p.strip_prefix(&home) {
        Some(rest) if home.len() > 1 && (rest.is_empty() || rest.starts_with('/')) => format!("~{rest}"),
        _ => p.to_string(),
    };
    let mut all = vec![tilde(sh.vars.get("PWD").unwrap_or("/"))];
    all.extend(sh.dirs.iter().rev().map(|d| tilde(d)));
    sys.out(format!("{}\n", all.join(" ")));
}

pub(super) fn dirs(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    match args.get(1).map(String::as_str) {
        Some("-c") => sh.dirs.clear(),
        Some("-p" | "-v") => {
            let numbered = args[1] == "-v";
            let cwd = sh.vars.get("PWD").unwrap_or("/").to_string();
            let all: Vec<String> = std::iter::once(cwd).chain(sh.dirs.iter().rev().cloned()).collect();
            let line = |(n, d): (usize, &String)| if numbered { format!("{n:2}  {d}\n") } else { format!("{d}\n") };
            sys.out(all.iter().enumerate().map(line).collect::<String>());
        }
        _ => show_dirs(sh, sys),
    }
    Done::Code(0)
}

pub(super) fn pushd(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let cwd = sh.vars.get("PWD").unwrap_or("/").to_string();
    let to = match args.get(1) {
        Some(to) => to.clone(),
        None => match sh.dirs.pop() {
            Some(to) => to,
            None => {
                sh.complain(sys, "no other directory");
                return Done::Code(1);
            }
        },
    };
    if let Err(fault) = go(sh, sys, &to, false) {
        let text = sys.text(fault);
        sh.complain(sys, format!("{to}: {text}"));
        return Done::Code(1);
    }
    sh.dirs.push(cwd);
    show_dirs(sh, sys);
    Done::Code(0)
}

pub(super) fn popd(sh: &mut Shell, sys: &mut Sys<'_>, _: &[String], _: &mut Arrays) -> Done {
    let Some(to) = sh.dirs.pop() else {
        sh.complain(sys, "directory stack empty");
        return Done::Code(1);
    };
    if let Err(fault) = go(sh, sys, &to, false) {
        let text = sys.text(fault);
        sh.complain(sys, format!("{to}: {text}"));
        return Done::Code(1);
    }
    show_dirs(sh, sys);
    Done::Code(0)
}

pub(super) fn umask(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let (mut symbolic, mut print, mut at) = (false, false, 1);
    while let Some(arg) = args.get(at).filter(|a| a.len() > 1 && a.starts_with('-')) {
        at += 1;
        match arg.as_str() {
            "-S" => symbolic = true,
            "-p" if sh.bash() => print = true,
            "--" => break,
            option => return sh.illegal_option(sys, option, "umask: usage: umask [-p] [-S] [mode]"),
        }
    }
    let mask = sys.process().umask & 0o777;
    let Some(mode) = args.get(at) else {
        let text = if symbolic {
            let set = |shift: u32| {
                let bits = !mask >> shift & 7;
                [(4, 'r'), (2, 'w'), (1, 'x')]
                    .iter()
                    .filter(|(b, _)| bits & b != 0)
                    .map(|(_, c)| *c)
                    .collect::<String>()
            };
            format!("u={},g={},o={}", set(6), set(3), set(0))
        } else {
            format!("{mask:04o}")
        };
        let prefix = if print { if symbolic { "umask -S " } else { "umask " } } else { "" };
        sys.out(format!("{prefix}{text}\n"));
        return Done::Code(0);
    };
    let new = if mode.starts_with(|c: char| c.is_ascii_digit()) {
        match u32::from_str_radix(mode, 8) {
            Ok(value) if value <= 0o777 => value,
            _ => {
                sh.complain(
                    sys,
                    match sh.flavor {
                        Flavor::Bash => format!("{mode}: octal number out of range"),
                        Flavor::Dash => format!("Illegal number: {mode}"),
                        Flavor::Ash => format!("illegal mode: {mode}"),
                    },
                );
                return if sh.bash() { Done::Code(1) } else { Done::Fatal(2) };
            }
        }
    } else {
        match symbolic_mask(mode, mask) {
            Some(value) => value,
            None => {
                let bad = mode.chars().find(|c| !"ugoa".contains(*c)).unwrap_or('\0');
                sh.complain(
                    sys,
                    match sh.flavor {
                        Flavor::Bash => format!("`{bad}': invalid symbolic mode operator"),
                        Flavor::Dash => format!("Illegal mode: {mode}"),
                        Flavor::Ash => format!("illegal mode: {mode}"),
                    },
                );
                return if sh.bash() { Done::Code(1) } else { Done::Fatal(2) };
            }
        }
    };
    sys.process_mut().umask = new;
    Done::Code(0)
}

fn symbolic_mask(mode: &str, mask: u32) -> Option<u32> {
    let mut allowed = !mask & 0o777;
    for clause in mode.split(',') {
        let at = clause.find(['=', '+', '-'])?;
        let mut who = 0;
        for c in clause[..at].chars() {
            who |= match c {
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                'a' => 0o777,
                _ => return None,
            };
        }
        let who = if who == 0 { 0o777 } else { who };
        let mut bits = 0;
        for c in clause[at + 1..].chars() {
            bits |= match c {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                _ => return None,
            };
        }
        allowed = match &clause[at..=at] {
            "=" => allowed & !who | bits & who,
            "+" => allowed | bits & who,
            _ => allowed & !(bits & who),
        };
    }
    Some(!allowed & 0o777)
}
