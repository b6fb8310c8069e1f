//! Variables and their attributes: `export`, `readonly`, `local`, `declare`, `unset`.

use std::sync::Arc;

use super::{Arrays, Done};
use crate::machine::kernel::Sys;
use crate::machine::shell::lex::is_identifier;
use crate::machine::shell::simple::Elements;
use crate::machine::shell::special::make_array;
use crate::machine::shell::vars::{Value, Var};
use crate::machine::shell::vm::Kind;
use crate::machine::shell::words::Stop;
use crate::machine::shell::{Flavor, Shell, quote};

/// What `declare` was asked to change.
#[derive(Default, Clone)]
struct Wanted {
    array: bool,
    assoc: bool,
    export: Option<bool>,
    readonly: Option<bool>,
    integer: Option<bool>,
    lower: Option<bool>,
    upper: Option<bool>,
    reference: Option<bool>,
    local: bool,
    global: bool,
}

fn bad_name(sh: &Shell, sys: &mut Sys<'_>, name: &str) -> Done {
    sh.complain(
        sys,
        match sh.flavor {
            Flavor::Bash => format!("`{name}': not a valid identifier"),
            Flavor::Dash => format!("{}: bad variable name", name.split('=').next().unwrap_or(name)),
            Flavor::Ash => format!("{}: bad variable name", name.split('=').next().unwrap_or(name)),
        },
    );
    if sh.bash() { Done::Code(1) } else { Done::Fatal(2) }
}

/// `export` and `readonly`
pub(super) fn export(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], arrays: &mut Arrays) -> Done {
    let readonly = args[0] == "readonly";
    let (mut at, mut print, mut remove, mut functions) = (1, args.len() < 2, false, false);
    let mut wanted = Wanted::default();
    while let Some(arg) = args.get(at).filter(|a| a.len() > 1 && a.starts_with('-')) {
        at += 1;
        if arg == "--" {
            break;
        }
        for letter in arg.chars().skip(1) {
            match letter {
                'p' => print = true,
                'n' if !readonly && sh.flavor != Flavor::Dash => remove = true,
                'f' if sh.bash() => functions = true,
                'a' if readonly && sh.bash() => wanted.array = true,
                'A' if readonly && sh.bash() => wanted.assoc = true,
                letter => {
                    let usage = if readonly {
                        "readonly: usage: readonly [-aAf] [name[=value] ...] or readonly -p"
                    } else {
                        "export: usage: export [-fn] [name[=value] ...] or export -p"
                    };
                    return sh.illegal_option(sys, &format!("-{letter}"), usage);
                }
            }
        }
    }
    if functions {
        return export_functions(sh, sys, args.get(at..).unwrap_or_default());
    }
    if args.len() <= at {
        if print || args.len() < 2 {
            let out: String = sh
                .vars
                .iter()
                .filter(|(_, v)| if readonly { v.readonly } else { v.exported })
                .map(|(name, var)| listed(sh.flavor, &args[0], name, var))
                .collect();
            sys.out(out);
        }
        return Done::Code(0);
    }
    if readonly {
        wanted.readonly = Some(true)
    } else {
        wanted.export = Some(!remove)
    }
    let mut code = 0;
    for (place, arg) in args.iter().enumerate().skip(at) {
        match one(sh, sys, arg, take_array(arrays, place), &wanted) {
            Done::Code(c) => code |= c,
            other => return other,
        }
    }
    Done::Code(code)
}

/// `export -f`: a function travels as a variable of a special name.
fn export_functions(sh: &mut Shell, sys: &mut Sys<'_>, names: &[String]) -> Done {
    let mut code = 0;
    for name in names {
        match sh.functions.get(name) {
            Some(body) => {
                let text = format!("() {}", body.text);
                let key = format!("BASH_FUNC_{name}%%");
                sh.vars.set(&key, &text);
                sh.vars.entry(&key).exported = true;
                sh.vars.env_is_old = true;
            }
            None => {
                sh.complain(sys, format!("{name}: not a function"));
                code = 1;
            }
        }
    }
    Done::Code(code)
}

fn listed(flavor: Flavor, command: &str, name: &str, var: &Var) -> String {
    match flavor {
        Flavor::Bash => format!("{}\n", quote::declaration(name, var, false)),
        _ => match var.text() {
            Some(text) => format!("{command} {name}={}\n", quote::listed(text, flavor)),
            None => format!("{command} {name}\n"),
        },
    }
}

fn take_array(arrays: &mut Arrays, place: usize) -> Option<Elements> {
    let at = arrays.iter().position(|a| a.0 as usize == place)?;
    Some(arrays.swap_remove(at).1)
}

/// Changes one variable as an argument has it.
fn one(sh: &mut Shell, sys: &mut Sys<'_>, arg: &str, array: Option<Elements>, wanted: &Wanted) -> Done {
    let (left, value) = match arg.split_once('=') {
        Some((left, value)) => (left, Some(value)),
        None => (arg, None),
    };
    let (left, append) = match left.strip_suffix('+') {
        Some(left) if value.is_some() || array.is_some() => (left, true),
        _ => (left, false),
    };
    let (name, index) = match left.split_once('[') {
        Some((name, rest)) if sh.bash() && rest.ends_with(']') => (name, Some(&rest[..rest.len() - 1])),
        _ => (left, None),
    };
    if !is_identifier(name) {
        return bad_name(sh, sys, arg);
    }
    if wanted.local {
        make_local(sh, name);
    }
    let target = if wanted.reference.is_some() { name.to_string() } else { sh.target(name) };
    let name = target.as_str();
    let before = sh.vars.find(name).cloned();
    if before.as_ref().is_some_and(|v| v.readonly)
        && (value.is_some() || array.is_some() || wanted.readonly == Some(false))
    {
        if sh.bash() {
            sh.complain(sys, format!("{name}: readonly variable"));
            return Done::Code(1);
        }
        return Done::Stop(sh.refuse(sys, name));
    }
    {
        let attributes = [
            wanted.export.is_some() || wanted.integer.is_some() || wanted.lower.is_some(),
            wanted.upper.is_some()
                || wanted.array
                || wanted.assoc
                || wanted.reference.is_some()
                || wanted.readonly.is_some()
                || wanted.local,
        ];
        if attributes.contains(&true) || before.is_none() {
            let var = sh.vars.entry(name);
            if wanted.assoc {
                if !matches!(var.value, Value::Assoc(_)) {
                    var.value = Value::Assoc(Arc::default());
                }
            } else if wanted.array || array.is_some() && !append || index.is_some() {
                make_array(var);
            }
            for (to, of) in [
                (wanted.export, &mut var.exported),
                (wanted.integer, &mut var.integer),
                (wanted.lower, &mut var.lower),
                (wanted.upper, &mut var.upper),
                (wanted.reference, &mut var.reference),
            ] {
                if let Some(to) = to {
                    *of = to;
                }
            }
            if wanted.export.is_some() {
                sh.vars.env_is_old = true;
            }
        }
    }
    let assigned = match (array, value, index) {
        (Some(elements), _, _) => sh.assign_array(sys, name, elements, append),
        (None, Some(value), Some(index)) => sh.assign_element(sys, name, index, value, append),
        (None, Some(value), None) if wanted.reference == Some(true) => {
            sh.vars.set(name, value);
            Ok(())
        }
        (None, Some(value), None) => {
            let is_array = sh.vars.find(name).is_some_and(Var::is_array);
            if sh.bash() && is_array && value.starts_with('(') && value.ends_with(')') && (wanted.array || wanted.assoc)
            {
                let words =
                    value[1..value.len() - 1].split_whitespace().map(|w| (None, false, w.to_string())).collect();
                sh.assign_array(sys, name, words, append)
            } else if append {
                sh.append(sys, name, value)
            } else {
                sh.assign(sys, name, value)
            }
        }
        (None, None, _) => Ok(()),
    };
    if let Err(stop) = assigned {
        return match stop {
            Stop::Discard(code) if wanted.integer.is_none() => Done::Code(code),
            stop => Done::Stop(stop),
        };
    }
    if let Some(readonly) = wanted.readonly {
        sh.vars.entry(name).readonly = readonly;
    }
    Done::Code(0)
}

/// Covers a variable until the function at hand ends.
fn make_local(sh: &mut Shell, name: &str) {
    let before = sh.vars.find(name).cloned();
    let bash = sh.bash();
    let Some(act) = sh.acts.iter_mut().rev().find(|a| matches!(a.kind, Kind::Function { .. })) else {
        return;
    };
    let Kind::Function { locals, .. } = &mut act.kind else { return };
    if locals.iter().any(|(n, _)| n == name) {
        return;
    }
    locals.push((name.to_string(), before.clone()));
    if bash {
        let var = sh.vars.entry(name);
        *var = Var::default();
        if let Some(before) = before.filter(|v| v.exported) {
            var.exported = before.exported;
        }
    }
}

pub(super) fn local(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], arrays: &mut Arrays) -> Done {
    let inside = sh.acts.iter().any(|a| matches!(a.kind, Kind::Function { .. }));
    if !inside && !sh.calls.iter().any(|c| c.is_function) {
        if sh.bash() {
            sh.complain(sys, "can only be used in a function");
            return Done::Code(1);
        }
        sh.complain(sys, "not in a function");
        return Done::Fatal(2);
    }
    if sh.bash() {
        return declare(sh, sys, args, arrays);
    }
    for arg in &args[1..] {
        if arg == "-" {
            let options = sh.options.clone();
            if let Some(Kind::Function { options: saved, .. }) =
                sh.acts.iter_mut().rev().map(|a| &mut a.kind).find(|k| matches!(k, Kind::Function { .. }))
            {
                *saved = Some(Box::new(options));
            }
            continue;
        }
        let wanted = Wanted { local: true, ..Wanted::default() };
        match one(sh, sys, arg, None, &wanted) {
            Done::Code(0) => {}
            other => return other,
        }
        // dash and busybox leave the outer value in a local without one.
    }
    Done::Code(0)
}

const DECLARE: &str = "usage: declare [-aAfFgiIlnrtux] [name[=value] ...] or declare -p [-aAfFilnrtux] [name ...]";

pub(super) fn declare(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], arrays: &mut Arrays) -> Done {
    let mut wanted = Wanted::default();
    let (mut print, mut functions, mut names_only) = (false, false, false);
    let mut at = 1;
    while let Some(arg) = args.get(at).filter(|a| a.len() > 1 && a.starts_with(['-', '+'])) {
        at += 1;
        if arg == "--" {
            break;
        }
        let on = arg.starts_with('-');
        for letter in arg.chars().skip(1) {
            match letter {
                'a' => wanted.array = on,
                'A' => wanted.assoc = on,
                'x' => wanted.export = Some(on),
                'r' => wanted.readonly = Some(on),
                'i' => wanted.integer = Some(on),
                'l' => wanted.lower = Some(on),
                'u' => wanted.upper = Some(on),
                'n' => wanted.reference = Some(on),
                'g' => wanted.global = true,
                'p' => print = true,
                'f' => functions = true,
                'F' => (functions, names_only) = (true, true),
                't' | 'I' => {}
                letter => {
                    let usage = match args[0].as_str() {
                        "local" => "local: usage: local [option] name[=value] ...".to_string(),
                        name => format!("{name}: {}", DECLARE.replace("declare", name)),
                    };
                    return sh.illegal_option(sys, &format!("-{letter}"), &usage);
                }
            }
        }
    }
    let names = args.get(at..).unwrap_or_default();
    if functions {
        return declared_functions(sh, sys, names, names_only);
    }
    if print || names.is_empty() {
        return declared(sh, sys, names, &wanted, print);
    }
    let inside =
        sh.acts.iter().any(|a| matches!(a.kind, Kind::Function { .. })) || sh.calls.iter().any(|c| c.is_function);
    wanted.local = inside && !wanted.global || args[0] == "local";
    let mut code = 0;
    for (place, arg) in args.iter().enumerate().skip(at) {
        match one(sh, sys, arg, take_array(arrays, place), &wanted) {
            Done::Code(c) => code |= c,
            other => return other,
        }
    }
    Done::Code(code)
}

fn declared_functions(sh: &Shell, sys: &mut Sys<'_>, names: &[String], names_only: bool) -> Done {
    let mut code = 0;
    let all: Vec<String> = if names.is_empty() { sh.functions.keys().cloned().collect() } else { names.to_vec() };
    for name in all {
        match sh.functions.get(&name) {
            Some(_) if names_only && names.is_empty() => sys.out(format!("declare -f {name}\n")),
            Some(_) if names_only => sys.out(format!("{name}\n")),
            Some(body) => sys.out(super::name::function_text(&name, body)),
            None => code = 1,
        }
    }
    Done::Code(code)
}

fn declared(sh: &mut Shell, sys: &mut Sys<'_>, names: &[String], wanted: &Wanted, print: bool) -> Done {
    let mut code = 0;
    let mut out = String::new();
    if names.is_empty() {
        for (name, var) in sh.vars.iter() {
            let fits = (!wanted.array || matches!(var.value, Value::Array(_)))
                && (!wanted.assoc || matches!(var.value, Value::Assoc(_)))
                && (wanted.export != Some(true) || var.exported)
                && (wanted.readonly != Some(true) || var.readonly)
                && (wanted.integer != Some(true) || var.integer);
            if !fits {
                continue;
            }
            let any = wanted.array || wanted.assoc || wanted.export.is_some() || wanted.readonly.is_some();
            if print || any {
                out.push_str(&format!("{}\n", quote::declaration(name, var, false)));
            } else if let Value::Text(text) = &var.value {
                out.push_str(&format!("{name}={}\n", quote::listed(text, sh.flavor)));
            }
        }
    }
    for name in names {
        match sh.vars.find(name) {
            Some(var) => out.push_str(&format!("{}\n", quote::declaration(name, var, false))),
            None => {
                sh.complain(sys, format!("{name}: not found"));
                code = 1;
            }
        }
    }
    sys.out(out);
    Done::Code(code)
}

pub(super) fn unset(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let (mut functions, mut variables, mut reference) = (false, false, false);
    let mut at = 1;
    while let Some(arg) = args.get(at).filter(|a| a.len() > 1 && a.starts_with('-')) {
        at += 1;
        if arg == "--" {
            break;
        }
        for letter in arg.chars().skip(1) {
            match letter {
                'f' => functions = true,
                'v' => variables = true,
                'n' if sh.bash() => reference = true,
                letter => {
                    return sh.illegal_option(
                        sys,
                        &format!("-{letter}"),
                        "unset: usage: unset [-f] [-v] [-n] [name ...]",
                    );
                }
            }
        }
    }
    let mut code = 0;
    for arg in args.get(at..).unwrap_or_default() {
        if functions {
            Arc::make_mut(&mut sh.functions).remove(arg);
            continue;
        }
        let (name, index) = match arg.split_once('[') {
            Some((name, rest)) if sh.bash() && rest.ends_with(']') => (name, Some(&rest[..rest.len() - 1])),
            _ => (arg.as_str(), None),
        };
        if !is_identifier(name) {
            if sh.bash() {
                if variables {
                    sh.complain(sys, format!("`{arg}': not a valid identifier"));
                    code = 1;
                } else {
                    Arc::make_mut(&mut sh.functions).remove(arg);
                }
                continue;
            }
            sh.complain(sys, format!("{arg}: bad variable name"));
            return Done::Fatal(2);
        }
        let target = if reference { name.to_string() } else { sh.target(name) };
        if sh.vars.find(&target).is_some_and(|v| v.readonly) {
            if sh.bash() {
                sh.complain(sys, format!("{name}: cannot unset: readonly variable"));
                code = 1;
                continue;
            }
            sh.complain(sys, format!("{name}: is read only"));
            return Done::Fatal(2);
        }
        if let Some(index) = index {
            if let Err(stop) = unset_element(sh, sys, &target, index) {
                return Done::Stop(stop);
            }
            continue;
        }
        let removed = sh.vars.remove(&target).is_some();
        if !removed && !variables && sh.bash() {
            Arc::make_mut(&mut sh.functions).remove(arg);
        }
    }
    Done::Code(code)
}

fn unset_element(sh: &mut Shell, sys: &mut Sys<'_>, name: &str, index: &str) -> Result<(), Stop> {
    let at = match sh.vars.find(name).map(|v| &v.value) {
        Some(Value::Assoc(_)) => 0,
        Some(_) if index == "@" || index == "*" => {
            sh.vars.remove(name);
            return Ok(());
        }
        Some(_) => sh.arithmetic(sys, index)?,
        None => return Ok(()),
    };
    let next = sh.vars.find(name).map_or(0, Var::next_index);
    match sh.vars.change(name).map(|v| &mut v.value) {
        Some(Value::Assoc(all)) => {
            Arc::make_mut(all).remove(index);
        }
        Some(Value::Array(all)) => {
            let at = if at < 0 { at + next } else { at };
            Arc::make_mut(all).remove(&at);
        }
        _ => {}
    }
    Ok(())
}
