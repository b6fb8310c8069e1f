//! `ln`, `link`.

use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::Kind;
use crate::machine::tools::Started;
use crate::machine::tools::common::{
    fail, is_dir, is_gnu, join, last_name, missing_operand, misuse, parent, parse, quote, say,
};
use crate::machine::tools::options::Spec;

/// `link FILE NAME`
pub(super) fn link(sys: &mut Sys<'_>, args: &[String]) -> Started {
    match &args[1..] {
        [from, to] => match sys.link(from, to) {
            Ok(()) => Started::Exit(0),
            Err(fault) => {
                let gnu = format!("cannot create link {} to {}", quote(to), quote(from));
                fail(sys, args, &gnu, &format!("can't create hardlink '{to}' to '{from}'"), fault);
                Started::Exit(1)
            }
        },
        [only] if is_gnu(sys) => misuse(sys, args, &format!("missing operand after {}", quote(only)), 1),
        [_, _, extra, ..] if is_gnu(sys) => misuse(sys, args, &format!("extra operand {}", quote(extra)), 1),
        _ => missing_operand(sys, args),
    }
}

/// `ln [-sfnvT] TARGET... NAME`
pub(super) fn ln(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("symbolic", 's'),
        ("force", 'f'),
        ("no-dereference", 'n'),
        ("verbose", 'v'),
        ("no-target-directory", 'T'),
        ("target-directory", 't'),
        ("relative", 'r'),
        ("logical", 'L'),
        ("physical", 'P'),
        ("interactive", 'i'),
        ("suffix", 'S'),
        ("backup", 'b'),
    ];
    let short = if is_gnu(sys) { "sfnvTt:rLPibS:d" } else { "sfnbS:vT" };
    let parsed = match parse(sys, args, Spec::new(short, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mut rest = parsed.rest.clone();
    let folder = match parsed.value('t') {
        Some(folder) => Some(folder.to_string()),
        None => match rest.as_slice() {
            [] => {
                return if is_gnu(sys) {
                    misuse(sys, args, "missing file operand", 1)
                } else {
                    missing_operand(sys, args)
                };
            }
            [_] => Some(".".to_string()),
            [.., last] => {
                let is_folder = match sys.lstat(last) {
                    Ok(stat) if stat.kind == Kind::Link && parsed.has('n') => false,
                    _ => is_dir(sys, last),
                };
                let to = if is_folder && !parsed.has('T') { Some(last.clone()) } else { None };
                if to.is_none() && rest.len() > 2 {
                    let gnu = format!("target {}", quote(last));
                    let fault = if sys.stat(last).is_ok() { Errno::NotDir } else { Errno::NoEnt };
                    if is_gnu(sys) {
                        fail(sys, args, &gnu, "", fault);
                        return Started::Exit(1);
                    }
                    let last = last.clone();
                    fail(sys, args, "", &last, Errno::Exist);
                    return Started::Exit(1);
                }
                if to.is_some() {
                    rest.pop();
                }
                to
            }
        },
    };
    let pairs: Vec<(String, String)> = match folder {
        Some(folder) => rest
            .iter()
            .map(|from| {
                let name = last_name(from);
                (from.clone(), if folder == "." { name.to_string() } else { join(&folder, name) })
            })
            .collect(),
        None => rest.chunks(2).filter_map(|p| Some((p.first()?.clone(), p.get(1)?.clone()))).collect(),
    };
    let symbolic = parsed.has('s');
    let mut code = 0;
    for (from, to) in pairs {
        let target = if parsed.has('r') { relative(sys, &from, &to) } else { from.clone() };
        if let Err(fault) = make_link(sys, &target, &to, symbolic, &parsed) {
            let kind = if symbolic { "symbolic" } else { "hard" };
            let gnu = match fault {
                LinkFault::Source(fault) => {
                    fail(sys, args, &format!("failed to access {}", quote(&from)), &from, fault);
                    code = 1;
                    continue;
                }
                LinkFault::Folder => {
                    say(
                        sys,
                        args,
                        &format!("{from}: hard link not allowed for directory"),
                        &format!("{to}: Operation not permitted"),
                    );
                    code = 1;
                    continue;
                }
                LinkFault::Same => {
                    say(sys, args, &format!("{} and {} are the same file", quote(&from), quote(&to)), &to);
                    code = 1;
                    continue;
                }
                LinkFault::Over => {
                    say(sys, args, &format!("{to}: cannot overwrite directory"), &format!("{to}: Is a directory"));
                    code = 1;
                    continue;
                }
                LinkFault::Call(Errno::Exist | Errno::NoSpace | Errno::ReadOnly) => {
                    format!("failed to create {kind} link {}", quote(&to))
                }
                LinkFault::Call(_) if symbolic => format!("failed to create symbolic link {}", quote(&to)),
                LinkFault::Call(_) => format!("failed to create hard link {} => {}", quote(&to), quote(&from)),
            };
            if let LinkFault::Call(fault) = fault {
                if parsed.has('T') && is_dir(sys, &to) && !is_gnu(sys) {
                    say(sys, args, "", &format!("'{to}' is a directory"));
                    code = 1;
                    continue;
                }
                let shown = if fault == Errno::NoEnt && !symbolic { &from } else { &to };
                fail(sys, args, &gnu, shown, fault);
            }
            code = 1;
        } else if parsed.has('v') {
            let arrow = if symbolic || !is_gnu(sys) { "->" } else { "=>" };
            sys.out(format!("'{to}' {arrow} '{target}'\n"));
        }
    }
    Started::Exit(code)
}

#[derive(Clone, Copy)]
enum LinkFault {
    Source(Errno),
    Folder,
    Same,
    Over,
    Call(Errno),
}

fn make_link(
    sys: &mut Sys<'_>,
    from: &str,
    to: &str,
    symbolic: bool,
    parsed: &crate::machine::tools::options::Parsed,
) -> Result<(), LinkFault> {
    let source = if symbolic { None } else { Some(sys.lstat(from).map_err(LinkFault::Source)?) };
    if source.as_ref().is_some_and(|s| s.kind == Kind::Dir) {
        return Err(LinkFault::Folder);
    }
    if let (Ok(there), true) = (sys.lstat(to), parsed.has_any("fi")) {
        if there.kind == Kind::Dir {
            return Err(LinkFault::Over);
        }
        let same = source.is_some_and(|s| (s.ino, s.disk) == (there.ino, there.disk));
        if same && sys.canonical(from).is_ok_and(|f| sys.canonical(to).is_ok_and(|t| f == t)) {
            return Err(LinkFault::Same);
        }
        sys.unlink(to).map_err(LinkFault::Call)?;
    }
    let made = if symbolic { sys.symlink(from, to) } else { sys.link(from, to) };
    made.map_err(LinkFault::Call)
}

/// A target as it is seen from the folder of a link.
fn relative(sys: &Sys<'_>, target: &str, link: &str) -> String {
    let base = sys.canonical(parent(link)).unwrap_or_else(|_| "/".into());
    let target = match sys.canonical(target) {
        Ok(found) => found,
        Err(_) => join(&sys.canonical(parent(target)).unwrap_or_else(|_| "/".into()), last_name(target)),
    };
    relative_to(&target, &base)
}

/// An absolute path as it is seen from an absolute folder.
pub(super) fn relative_to(target: &str, base: &str) -> String {
    let from: Vec<&str> = base.split('/').filter(|p| !p.is_empty()).collect();
    let to: Vec<&str> = target.split('/').filter(|p| !p.is_empty()).collect();
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let parts: Vec<&str> = from[same..].iter().map(|_| "..").chain(to[same..].iter().copied()).collect();
    if parts.is_empty() { ".".into() } else { parts.join("/") }
}
