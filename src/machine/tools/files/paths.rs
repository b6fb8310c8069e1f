//! `pwd`, `basename`, `dirname`, `readlink`, `realpath`, `which`.

use super::link::relative_to;
use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::Kind;
use crate::machine::tools::Started;
use crate::machine::tools::common::{
    fail, is_gnu, join, last_name, missing_operand, misuse, parent, parse, quote, say,
};
use crate::machine::tools::options::{Parsed, Spec};

/// `pwd [-LP]`
pub(super) fn pwd(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("LP", &[("logical", 'L'), ("physical", 'P')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let cwd = sys.process().cwd.clone();
    let same = |a: &str, b: &str| match (sys.stat(a), sys.stat(b)) {
        (Ok(a), Ok(b)) => a.ino == b.ino && a.disk == b.disk,
        _ => false,
    };
    let logical = sys.env("PWD").filter(|p| parsed.has('L') && p.starts_with('/') && same(p, &cwd)).map(String::from);
    sys.out(format!("{}\n", logical.unwrap_or(cwd)));
    Started::Exit(0)
}

/// `basename NAME [SUFFIX]`, `basename -a NAME...`
pub(super) fn basename(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("multiple", 'a'), ("suffix", 's'), ("zero", 'z')];
    let parsed = match parse(sys, args, Spec::new(if is_gnu(sys) { "+as:z" } else { "+as:" }, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let many = parsed.has_any("as");
    let mut names = parsed.rest.clone();
    if names.is_empty() {
        return missing_operand(sys, args);
    }
    let mut suffix = parsed.value('s').unwrap_or("").to_string();
    if !many {
        if names.len() > 2 {
            let text = format!("extra operand {}", quote(&names[2]));
            return misuse(sys, args, if is_gnu(sys) { &text } else { "" }, 1);
        }
        if names.len() == 2 {
            suffix = names.pop().unwrap_or_default();
        }
    }
    for name in &names {
        let last = last_name(name);
        let short = last.strip_suffix(suffix.as_str()).filter(|s| !s.is_empty()).unwrap_or(last);
        sys.out(format!("{short}{}", if parsed.has('z') { '\0' } else { '\n' }));
    }
    Started::Exit(0)
}

/// `dirname NAME...`
pub(super) fn dirname(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("z", &[("zero", 'z')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() || parsed.rest.len() > 1 && !is_gnu(sys) {
        return missing_operand(sys, args);
    }
    for name in &parsed.rest {
        sys.out(format!("{}{}", parent(name), if parsed.has('z') { '\0' } else { '\n' }));
    }
    Started::Exit(0)
}

/// How much of a path has to exist.
#[derive(Clone, Copy, PartialEq)]
enum Exists {
    All,
    AllButLast,
    Nothing,
}

fn resolve(sys: &Sys<'_>, path: &str, exists: Exists) -> Result<String, Errno> {
    if path.is_empty() {
        return Err(Errno::NoEnt);
    }
    match (sys.walk(path, true), exists) {
        (Ok(found), Exists::All) => found.place.map(|_| found.path).ok_or(Errno::NoEnt),
        (Ok(found), _) => Ok(found.path),
        (Err(Errno::NoEnt | Errno::NotDir), Exists::Nothing) => {
            // The longest part that exists, and the rest as it is.
            let whole = if path.starts_with('/') { path.to_string() } else { join(&sys.process().cwd, path) };
            let mut at = String::from("/");
            for part in whole.split('/').filter(|p| !p.is_empty() && *p != ".") {
                if part == ".." {
                    at = parent(&at).to_string();
                    continue;
                }
                let next = join(&at, part);
                at = sys.walk(&next, true).map_or(next, |f| f.path);
            }
            Ok(at)
        }
        (Err(fault), _) => Err(fault),
    }
}

/// `readlink [-femnqsvz] FILE...`
pub(super) fn readlink(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("canonicalize", 'f'),
        ("canonicalize-existing", 'e'),
        ("canonicalize-missing", 'm'),
        ("no-newline", 'n'),
        ("quiet", 'q'),
        ("silent", 's'),
        ("verbose", 'v'),
        ("zero", 'z'),
    ];
    let gnu = is_gnu(sys);
    let short = if gnu { "femnqsvz" } else { "fnvqs" };
    let parsed = match parse(sys, args, Spec::new(short, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return missing_operand(sys, args);
    }
    let exists = match parsed.last_of("fem") {
        Some('e') => Some(Exists::All),
        Some('m') => Some(Exists::Nothing),
        Some(_) if gnu => Some(Exists::AllButLast),
        Some(_) => Some(Exists::All),
        None => None,
    };
    let mut code = 0;
    for path in &parsed.rest {
        let found = match exists {
            // busybox follows a link to where nothing is, all the same.
            Some(Exists::All) if !gnu && sys.lstat(path).is_ok() => resolve(sys, path, Exists::AllButLast),
            Some(exists) => resolve(sys, path, exists),
            None => sys.lstat(path).and_then(|s| s.target.ok_or(Errno::Invalid)),
        };
        match found {
            Ok(target) => {
                let end = match () {
                    () if parsed.has('n') && parsed.rest.len() == 1 => "",
                    () if parsed.has('z') => "\0",
                    () => "\n",
                };
                sys.out(format!("{target}{end}"));
            }
            Err(fault) => {
                code = 1;
                if parsed.has('v') && !gnu && fault == Errno::Invalid {
                    say(sys, args, "", &format!("{path}: cannot read link: not a symlink"));
                } else if parsed.has('v') {
                    fail(sys, args, path, path, fault);
                }
            }
        }
    }
    Started::Exit(code)
}

/// `realpath [-emqsz] [--relative-to=FOLDER] FILE...`
pub(super) fn realpath(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("canonicalize-existing", 'e'),
        ("canonicalize-missing", 'm'),
        ("logical", 'L'),
        ("physical", 'P'),
        ("quiet", 'q'),
        ("relative-to", 'ρ'),
        ("relative-base", 'β'),
        ("strip", 's'),
        ("no-symlinks", 's'),
        ("zero", 'z'),
    ];
    let gnu = is_gnu(sys);
    let parsed = match gnu {
        true => match parse(sys, args, Spec::new("emLPqsρ:β:z", long)) {
            Ok(parsed) => parsed,
            Err(end) => return end,
        },
        // busybox's takes no options.
        false => Parsed { options: Vec::new(), rest: args[1..].iter().filter(|a| *a != "--").cloned().collect() },
    };
    if parsed.rest.is_empty() {
        return missing_operand(sys, args);
    }
    let exists = match parsed.last_of("em") {
        Some('e') => Exists::All,
        Some(_) => Exists::Nothing,
        None if gnu => Exists::AllButLast,
        None => Exists::All,
    };
    let mut code = 0;
    for path in &parsed.rest {
        match resolve(sys, path, exists) {
            Ok(mut found) => {
                if let Some(base) = parsed.value('ρ') {
                    found = relative_to(&found, &resolve(sys, base, exists).unwrap_or_default());
                }
                sys.out(format!("{found}{}", if parsed.has('z') { '\0' } else { '\n' }));
            }
            Err(fault) => {
                code = 1;
                if !parsed.has('q') {
                    fail(sys, args, path, path, fault);
                }
            }
        }
    }
    Started::Exit(code)
}

/// `which [-a] NAME...`
pub(super) fn which(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("as", &[])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() && !is_gnu(sys) {
        return missing_operand(sys, args);
    }
    let mut code = u8::from(parsed.rest.is_empty());
    let path = sys.env("PATH").unwrap_or("/sbin:/usr/sbin:/bin:/usr/bin").to_string();
    for name in &parsed.rest {
        let folders: Vec<&str> = if name.contains('/') { vec![""] } else { path.split(':').collect() };
        let mut found = false;
        for folder in folders {
            let at = if folder.is_empty() { name.clone() } else { join(folder, name) };
            let runs = sys.stat(&at).is_ok_and(|s| s.kind == Kind::File) && sys.access(&at, 1).is_ok();
            if runs && (!found || parsed.has('a')) {
                found = true;
                if !(parsed.has('s') && is_gnu(sys)) {
                    sys.out(format!("{at}\n"));
                }
            }
        }
        if !found {
            code = 1;
        }
    }
    Started::Exit(code)
}
