//! `mkdir`, `rmdir`, `unlink`, `touch`, `mkfifo`, `mknod`.

use crate::api::Time;
use crate::machine::disk::Device;
use crate::machine::errno::Errno;
use crate::machine::kernel::{OpenOptions, Sys};
use crate::machine::tools::Started;
use crate::machine::tools::common::{
    fail, is_dir, is_gnu, missing_operand, misuse, parent, parse, parse_mode, quote, say, tool_name,
};
use crate::machine::tools::options::Spec;

/// `mkdir [-pv] [-m MODE] FOLDER...`
pub(super) fn mkdir(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let spec = Spec::new("m:pvZ", &[("mode", 'm'), ("parents", 'p'), ("verbose", 'v'), ("context", 'Z')]);
    let parsed = match parse(sys, args, spec) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return missing_operand(sys, args);
    }
    let umask = sys.process().umask;
    let mode = match parsed.value('m') {
        None => None,
        Some(text) => match parse_mode(text, 0o777, true, umask) {
            Some(mode) => Some(mode),
            None => {
                say(sys, args, &format!("invalid mode {}", quote(text)), &format!("invalid mode '{text}'"));
                return Started::Exit(1);
            }
        },
    };
    let mut code = 0;
    for path in &parsed.rest {
        if let Err((at, fault)) = make_dir(sys, args, path, mode, parsed.has('p'), parsed.has('v')) {
            let gnu = format!("cannot create directory {}", quote(&at));
            fail(sys, args, &gnu, &format!("can't create directory '{at}'"), fault);
            code = 1;
        }
    }
    Started::Exit(code)
}

fn make_dir(
    sys: &mut Sys<'_>,
    args: &[String],
    path: &str,
    mode: Option<u32>,
    parents: bool,
    verbose: bool,
) -> Result<(), (String, Errno)> {
    let made = |sys: &mut Sys<'_>, at: &str| {
        if verbose {
            let text = match is_gnu(sys) {
                true => format!("{}: created directory {}\n", tool_name(sys, args), quote(at)),
                false => format!("created directory: '{at}'\n"),
            };
            sys.out(text);
        }
    };
    if parents {
        let ends = path.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| at);
        let mut prefixes: Vec<&str> =
            ends.map(|at| &path[..at]).filter(|p| !p.is_empty() && !p.ends_with('/')).collect();
        if !path.ends_with('/') {
            prefixes.push(path);
        }
        let last = prefixes.len().saturating_sub(1);
        for (at, prefix) in prefixes.into_iter().enumerate() {
            // busybox cuts after the slash.
            let slash = !is_gnu(sys) && at != last;
            let shown = if slash { format!("{prefix}/") } else { prefix.to_string() };
            match sys.mkdir(prefix, 0o777) {
                Ok(()) => {
                    made(sys, &shown);
                    if let (true, Some(mode)) = (at == last, mode) {
                        sys.chmod(prefix, mode).map_err(|e| (prefix.to_string(), e))?;
                    }
                }
                Err(_) if is_dir(sys, prefix) => {}
                Err(Errno::Exist) if at != last => {
                    return Err((shown, Errno::NotDir));
                }
                Err(fault) => return Err((if is_gnu(sys) { prefix } else { path }.to_string(), fault)),
            }
        }
        return Ok(());
    }
    sys.mkdir(path, 0o777).map_err(|e| (path.to_string(), e))?;
    made(sys, path);
    mode.map_or(Ok(()), |mode| sys.chmod(path, mode)).map_err(|e| (path.to_string(), e))
}

/// `rmdir [-pv] FOLDER...`
pub(super) fn rmdir(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("parents", 'p'), ("ignore-fail-on-non-empty", 'é'), ("verbose", 'v')];
    let parsed = match parse(sys, args, Spec::new("pvé", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return missing_operand(sys, args);
    }
    let mut code = 0;
    for path in &parsed.rest {
        let mut at = path.trim_end_matches('/').to_string();
        if at.is_empty() {
            at.clone_from(path);
        }
        loop {
            if parsed.has('v') {
                let name = tool_name(sys, args);
                sys.out(format!("{name}: removing directory, {}\n", quote(&at)));
            }
            match sys.rmdir(&at) {
                Ok(()) => {}
                Err(Errno::NotEmpty) if parsed.has('é') => break,
                Err(fault) => {
                    let shown = if at == path.trim_end_matches('/') { path } else { &at };
                    let what = if shown == path { "failed to remove" } else { "failed to remove directory" };
                    fail(sys, args, &format!("{what} {}", quote(shown)), &format!("'{shown}'"), fault);
                    code = 1;
                    break;
                }
            }
            if !parsed.has('p') || !at.contains('/') || parent(&at) == "/" {
                break;
            }
            at = parent(&at).to_string();
        }
    }
    Started::Exit(code)
}

/// `unlink FILE`
pub(super) fn unlink(sys: &mut Sys<'_>, args: &[String]) -> Started {
    match &args[1..] {
        [] => missing_operand(sys, args),
        [path] => match sys.unlink(path) {
            Ok(()) => Started::Exit(0),
            Err(fault) => {
                fail(
                    sys,
                    args,
                    &format!("cannot unlink {}", quote(path)),
                    &format!("can't remove file '{path}'"),
                    fault,
                );
                Started::Exit(1)
            }
        },
        [_, extra, ..] => {
            let text = format!("extra operand {}", quote(extra));
            misuse(sys, args, if is_gnu(sys) { &text } else { "" }, 1)
        }
    }
}

/// `touch [-cam] [-d DATE] [-t STAMP] [-r FILE] FILE...`
pub(super) fn touch(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("no-create", 'c'), ("date", 'd'), ("reference", 'r'), ("no-dereference", 'h'), ("time", 'τ')];
    let parsed = match parse(sys, args, Spec::new("acd:fhmr:t:τ:", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mut time = sys.now();
    let bad = |sys: &mut Sys<'_>, text: &str| {
        say(sys, args, &format!("invalid date format {}", quote(text)), &format!("invalid date '{text}'"));
        Started::Exit(1)
    };
    if let Some(path) = parsed.value('r') {
        match sys.stat(path) {
            Ok(stat) => time = stat.modified,
            Err(fault) => {
                let gnu = format!("failed to get attributes of {}", quote(path));
                fail(sys, args, &gnu, &format!("can't stat '{path}'"), fault);
                return Started::Exit(1);
            }
        }
    }
    if let Some(text) = parsed.value('d') {
        let zone = crate::machine::tools::dates::zone(sys);
        let now = sys.now();
        let read = match is_gnu(sys) {
            true => crate::machine::tools::date_input::gnu(text, now, &zone),
            false => crate::machine::tools::date_input::busybox(text, now, &zone),
        };
        match read {
            Some(read) => time = read,
            None => return bad(sys, text),
        }
    }
    if let Some(text) = parsed.value('t') {
        let zone = crate::machine::tools::dates::zone(sys);
        match crate::machine::tools::date_input::stamp(text, sys.now(), &zone) {
            Some(read) => time = read,
            None => return bad(sys, text),
        }
    }
    if parsed.rest.is_empty() {
        return if is_gnu(sys) { misuse(sys, args, "missing file operand", 1) } else { missing_operand(sys, args) };
    }
    let mut code = 0;
    for path in &parsed.rest {
        if let Err(fault) = touch_one(sys, path, time, (parsed.has('c'), parsed.has('h'))) {
            fail(sys, args, &format!("cannot touch {}", quote(path)), path, fault);
            code = 1;
        }
    }
    Started::Exit(code)
}

fn touch_one(sys: &mut Sys<'_>, path: &str, time: Time, (keep, link): (bool, bool)) -> Result<(), Errno> {
    match if link { sys.set_modified_link(path, time) } else { sys.set_modified(path, time) } {
        Err(Errno::NoEnt) if keep => Ok(()),
        Err(Errno::NoEnt) => {
            let how = OpenOptions { write: true, create: true, ..OpenOptions::READ };
            let how = OpenOptions { read: false, ..how };
            let fd = sys.open(path, how)?;
            let _ = sys.close(fd);
            sys.set_modified(path, time)
        }
        other => other,
    }
}

/// `mkfifo [-m MODE] NAME...`
pub(super) fn mkfifo(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("m:Z", &[("mode", 'm')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return missing_operand(sys, args);
    }
    let mode = parsed.value('m').map(|m| parse_mode(m, 0o666, false, 0));
    if mode == Some(None) {
        say(sys, args, "invalid mode", "invalid mode");
        return Started::Exit(1);
    }
    let mut code = 0;
    for path in &parsed.rest {
        let made = sys.mkfifo(path, 0o666).and_then(|()| match mode {
            Some(Some(mode)) => sys.chmod(path, mode),
            _ => Ok(()),
        });
        if let Err(fault) = made {
            fail(sys, args, &format!("cannot create fifo {}", quote(path)), path, fault);
            code = 1;
        }
    }
    Started::Exit(code)
}

/// `mknod [-m MODE] NAME TYPE [MAJOR MINOR]`
pub(super) fn mknod(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("m:Z", &[("mode", 'm')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let umask = sys.process().umask;
    let mode = parsed.value('m').and_then(|m| parse_mode(m, 0o666, false, umask));
    let rest: Vec<&str> = parsed.rest.iter().map(String::as_str).collect();
    let (path, made) = match rest.as_slice() {
        [path, "p"] => (*path, sys.mkfifo(path, 0o666)),
        [path, "c" | "u" | "b", major, minor] => {
            let device = match (*major, *minor) {
                ("1", "3") => Some(Device::Null),
                ("1", "5") => Some(Device::Zero),
                ("1", "7") => Some(Device::Full),
                ("1", "8" | "9") => Some(Device::Random),
                ("5", "0") => Some(Device::Tty),
                _ => None,
            };
            let made = match device {
                Some(device) if sys.process().uid == 0 => sys.mknod(path, device, 0o666),
                _ => Err(Errno::Perm),
            };
            (*path, made)
        }
        _ => return missing_operand(sys, args),
    };
    match made.and_then(|()| mode.map_or(Ok(()), |mode| sys.chmod(path, mode))) {
        Ok(()) => Started::Exit(0),
        Err(fault) => {
            fail(sys, args, path, path, fault);
            Started::Exit(1)
        }
    }
}
