//! `set` and `shopt`.

use std::sync::Arc;

use super::{Arrays, Done};
use crate::machine::kernel::Sys;
use crate::machine::shell::vars::Value;
use crate::machine::shell::{Flavor, Shell, quote};

pub(super) fn set(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    if args.len() < 2 {
        return list(sh, sys);
    }
    let flavor = sh.flavor;
    let mut at = 1;
    let mut given = false;
    while let Some(arg) = args.get(at).filter(|a| a.starts_with(['-', '+']) && !a.is_empty()) {
        at += 1;
        if arg == "--" {
            given = true;
            break;
        }
        if arg == "-" {
            (sh.options.xtrace, sh.options.verbose) = (false, false);
            given = args.len() > at;
            break;
        }
        if arg == "+" {
            break;
        }
        let on = arg.starts_with('-');
        for letter in arg.chars().skip(1) {
            if letter == 'o' {
                match args.get(at) {
                    Some(name) => {
                        at += 1;
                        match sh.options.by_name(flavor, name) {
                            Some(option) => *option = on,
                            None => {
                                sh.complain(
                                    sys,
                                    match flavor {
                                        Flavor::Bash => format!("{name}: invalid option name"),
                                        Flavor::Dash => format!("Illegal option -o {name}"),
                                        Flavor::Ash => format!("illegal option -o {name}"),
                                    },
                                );
                                return match flavor {
                                    Flavor::Bash => Done::Code(2),
                                    Flavor::Dash => Done::Fatal(2),
                                    Flavor::Ash => Done::Code(1),
                                };
                            }
                        }
                    }
                    None => {
                        return list_options(sh, sys, on);
                    }
                }
                continue;
            }
            match sh.options.by_letter(flavor, letter).filter(|_| !matches!(letter, 'i' | 's' | 'c')) {
                Some(option) => *option = on,
                None => {
                    let sign = if on { '-' } else { '+' };
                    return sh.illegal_option(
                        sys,
                        &format!("{sign}{letter}"),
                        "set: usage: set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]",
                    );
                }
            }
        }
    }
    if given || args.len() > at {
        sh.args = Arc::new(args.get(at..).unwrap_or_default().to_vec());
    }
    Done::Code(0)
}

fn list(sh: &mut Shell, sys: &mut Sys<'_>) -> Done {
    let mut out = String::new();
    for (name, var) in sh.vars.iter() {
        match &var.value {
            Value::Unset => {}
            Value::Text(text) => out.push_str(&format!("{name}={}\n", quote::listed(text, sh.flavor))),
            _ => out.push_str(&format!("{name}={}\n", quote::elements(var))),
        }
    }
    if sh.bash() && !sh.options.posix {
        for (name, body) in sh.functions.iter() {
            out.push_str(&format!("{name} () \n{}\n", body.text));
        }
    }
    sys.out(out);
    Done::Code(0)
}

fn list_options(sh: &mut Shell, sys: &mut Sys<'_>, table: bool) -> Done {
    let mut out = String::new();
    let all = sh.options.list(sh.flavor);
    if table {
        if !sh.bash() {
            out.push_str("Current option settings\n");
        }
        let width = if sh.bash() { 15 } else { 16 };
        for (name, on) in all {
            let state = if on { "on" } else { "off" };
            let tab = if sh.bash() { "\t" } else { "" };
            out.push_str(&format!("{name:<width$}{tab}{state}\n"));
        }
    } else {
        for (name, on) in all {
            out.push_str(&format!("set {}o {name}\n", if on { '-' } else { '+' }));
        }
    }
    sys.out(out);
    Done::Code(0)
}

/// What `shopt` knows.
const OPTIONS: [&str; 53] = [
    "autocd",
    "assoc_expand_once",
    "cdable_vars",
    "cdspell",
    "checkhash",
    "checkjobs",
    "checkwinsize",
    "cmdhist",
    "compat31",
    "compat32",
    "compat40",
    "compat41",
    "compat42",
    "compat43",
    "compat44",
    "complete_fullquote",
    "direxpand",
    "dirspell",
    "dotglob",
    "execfail",
    "expand_aliases",
    "extdebug",
    "extglob",
    "extquote",
    "failglob",
    "force_fignore",
    "globasciiranges",
    "globskipdots",
    "globstar",
    "gnu_errfmt",
    "histappend",
    "histreedit",
    "histverify",
    "hostcomplete",
    "huponexit",
    "inherit_errexit",
    "interactive_comments",
    "lastpipe",
    "lithist",
    "localvar_inherit",
    "localvar_unset",
    "login_shell",
    "mailwarn",
    "no_empty_cmd_completion",
    "nocaseglob",
    "nocasematch",
    "noexpand_translation",
    "nullglob",
    "patsub_replacement",
    "progcomp",
    "progcomp_alias",
    "promptvars",
    "restricted_shell",
];

const MORE: [&str; 4] = ["shift_verbose", "sourcepath", "varredir_close", "xpg_echo"];

pub(super) fn shopt(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let (mut to, mut quiet, mut print, mut names_of_set) = (None, false, false, false);
    let mut names: Vec<&String> = Vec::new();
    for arg in &args[1..] {
        match arg.as_str() {
            "-s" => to = Some(true),
            "-u" => to = Some(false),
            "-q" => quiet = true,
            "-p" => print = true,
            "-o" => names_of_set = true,
            option if option.starts_with('-') => {
                return sh.illegal_option(sys, option, "shopt: usage: shopt [-pqsu] [-o] [optname ...]");
            }
            _ => names.push(arg),
        }
    }
    let all = || OPTIONS.iter().chain(MORE.iter());
    let mut code = 0;
    let show = |name: &str, on: bool| match print {
        true => format!("shopt -{} {name}\n", if on { 's' } else { 'u' }),
        false => format!("{name:<15}\t{}\n", if on { "on" } else { "off" }),
    };
    if names.is_empty() {
        let out: String = if names_of_set {
            sh.options
                .list(sh.flavor)
                .iter()
                .filter(|o| to.is_none_or(|t| t == o.1))
                .map(|o| format!("{:<15}\t{}\n", o.0, if o.1 { "on" } else { "off" }))
                .collect()
        } else {
            all().filter(|n| to.is_none_or(|t| t == sh.shopt(n))).map(|n| show(n, sh.shopt(n))).collect()
        };
        sys.out(out);
        return Done::Code(0);
    }
    for name in names {
        if names_of_set {
            let flavor = sh.flavor;
            match (sh.options.by_name(flavor, name), to) {
                (Some(option), Some(on)) => *option = on,
                (Some(option), None) => {
                    let on = *option;
                    code |= u8::from(!on);
                    if !quiet {
                        sys.out(format!("{name:<15}\t{}\n", if on { "on" } else { "off" }));
                    }
                }
                (None, _) => {
                    sh.complain(sys, format!("{name}: invalid option name"));
                    code = 1;
                }
            }
            continue;
        }
        if !all().any(|n| n == name) {
            sh.complain(sys, format!("{name}: invalid shell option name"));
            code = 1;
            continue;
        }
        match to {
            Some(true) => {
                Arc::make_mut(&mut sh.shopts).insert(name.clone());
            }
            Some(false) => {
                Arc::make_mut(&mut sh.shopts).remove(name);
            }
            None => {
                let on = sh.shopt(name);
                code |= u8::from(!on);
                if !quiet {
                    sys.out(show(name, on));
                }
            }
        }
    }
    Done::Code(code)
}
