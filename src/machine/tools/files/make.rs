//! `mkdir`, `rmdir`, `rm`, `unlink`, `link`, `ln`, `touch`, `mkfifo`, `mknod`, `truncate`, `fallocate`, `mktemp`.

use super::common::{
    Tree, Visit, fail, is_dir, is_gnu, join, last_name, missing_operand, misuse, parent, parse, parse_mode, parse_size,
    quote, say, tool_name,
};
use crate::api::Time;
use crate::machine::disk::Device;
use crate::machine::errno::Errno;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{OpenOptions, Sys};
use crate::machine::tools::Started;
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
            let name = tool_name(sys, args);
            let text = if is_gnu(sys) { quote(at) } else { format!("'{at}'") };
            sys.out(format!("{name}: created directory {text}\n"));
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
            match sys.mkdir(prefix, 0o777) {
                Ok(()) => {
                    made(sys, prefix);
                    if let (true, Some(mode)) = (at == last, mode) {
                        sys.chmod(prefix, mode).map_err(|e| (prefix.to_string(), e))?;
                    }
                }
                Err(_) if is_dir(sys, prefix) => {}
                Err(Errno::Exist) if at != last => {
                    return Err((prefix.to_string(), if is_gnu(sys) { Errno::NotDir } else { Errno::Exist }));
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
            if parsed.has('v') && is_gnu(sys) {
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

/// `rm [-rfvd] FILE...`
pub(super) fn rm(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("force", 'f'),
        ("recursive", 'r'),
        ("verbose", 'v'),
        ("dir", 'd'),
        ("interactive", 'î'),
        ("one-file-system", 'x'),
        ("no-preserve-root", 'ñ'),
        ("preserve-root", 'p'),
    ];
    let short = if is_gnu(sys) { "rRfivIdî::xñp::" } else { "rRfiv" };
    let parsed = match parse(sys, args, Spec::new(short, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let force = parsed.last_of("fi") == Some('f');
    if parsed.rest.is_empty() {
        return if force { Started::Exit(0) } else { missing_operand(sys, args) };
    }
    let mut rm = Remove {
        args,
        recursive: parsed.has_any("rR"),
        dirs: parsed.has('d'),
        force,
        verbose: parsed.has('v'),
        code: 0,
    };
    for path in &parsed.rest {
        let last = last_name(path);
        if last == "." || last == ".." {
            let gnu = format!("refusing to remove '.' or '..' directory: skipping {}", quote(path));
            if !is_gnu(sys) || rm.recursive || rm.dirs {
                say(sys, args, &gnu, "can't remove '.' or '..'");
            } else {
                fail(sys, args, &format!("cannot remove {}", quote(path)), "", Errno::IsDir);
            }
            rm.code = 1;
        } else if is_gnu(sys) && rm.recursive && !parsed.has('ñ') && sys.canonical(path).is_ok_and(|p| p == "/") {
            let same = if path == "/" { String::new() } else { " (same as '/')".into() };
            let name = tool_name(sys, args);
            sys.err(format!("{name}: it is dangerous to operate recursively on {}{same}\n", quote(path)));
            sys.err(format!("{name}: use --no-preserve-root to override this failsafe\n"));
            rm.code = 1;
        } else {
            rm.remove(sys, path);
        }
    }
    Started::Exit(rm.code)
}

/// What `rm` and `mv` remove with.
pub(super) struct Remove<'a> {
    /// The command line.
    pub args: &'a [String],
    /// Whether folders go with all in them.
    pub recursive: bool,
    /// Whether empty folders go.
    pub dirs: bool,
    /// Whether what is not there is no fault.
    pub force: bool,
    /// Whether it is said.
    pub verbose: bool,
    /// The exit code.
    pub code: u8,
}

impl Remove<'_> {
    fn fault(&mut self, sys: &mut Sys<'_>, path: &str, fault: Errno) {
        let gnu = format!("cannot remove {}", quote(path));
        fail(sys, self.args, &gnu, &format!("can't remove '{path}'"), fault);
        self.code = 1;
    }

    /// Removes what is at a path.
    pub fn remove(&mut self, sys: &mut Sys<'_>, path: &str) {
        let stat = match sys.lstat(path) {
            Ok(stat) => stat,
            Err(Errno::NoEnt | Errno::NotDir) if self.force => return,
            Err(fault) => return self.fault(sys, path, fault),
        };
        if stat.kind == Kind::Dir && !self.recursive {
            if self.dirs {
                match sys.rmdir(path) {
                    Ok(()) => self.said(sys, path, Kind::Dir),
                    Err(fault) => self.fault(sys, path, fault),
                }
                return;
            }
            if is_gnu(sys) {
                return self.fault(sys, path, Errno::IsDir);
            }
            say(sys, self.args, "", &format!("'{path}' is a directory"));
            self.code = 1;
            return;
        }
        let mut tree = Tree::new(path, stat, true);
        while let Some(visit) = tree.next(sys) {
            match visit {
                Visit::Entry(path, stat) => {
                    let removed = if stat.kind == Kind::Dir { sys.rmdir(&path) } else { sys.unlink(&path) };
                    match removed {
                        Ok(()) => self.said(sys, &path, stat.kind),
                        // GNU's says only what is inside that could not be removed.
                        Err(Errno::NotEmpty) if self.code != 0 && is_gnu(sys) => {}
                        Err(fault) => self.fault(sys, &path, fault),
                    }
                }
                Visit::Fault(path, fault) => self.fault(sys, &path, fault),
            }
        }
    }

    fn said(&self, sys: &mut Sys<'_>, path: &str, kind: Kind) {
        if !self.verbose {
            return;
        }
        let text = match (is_gnu(sys), kind) {
            (true, Kind::Dir) => format!("removed directory {}\n", quote(path)),
            (true, _) => format!("removed {}\n", quote(path)),
            (false, _) => format!("removed '{path}'\n"),
        };
        sys.out(text);
    }
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

/// `link FILE NAME`
pub(super) fn link(sys: &mut Sys<'_>, args: &[String]) -> Started {
    match &args[1..] {
        [from, to] => match sys.link(from, to) {
            Ok(()) => Started::Exit(0),
            Err(fault) => {
                let gnu = format!("cannot create link {} to {}", quote(to), quote(from));
                fail(sys, args, &gnu, &format!("can't create link '{to}' to '{from}'"), fault);
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
                    return missing_operand(sys, args);
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
                fail(sys, args, &gnu, &to, fault);
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
        if source.is_some_and(|s| (s.ino, s.disk) == (there.ino, there.disk)) {
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
                fail(sys, args, &format!("failed to get attributes of {}", quote(path)), path, fault);
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
        if let Err(fault) = touch_one(sys, path, time, parsed.has('c')) {
            let what = if fault == Errno::Access && sys.stat(path).is_ok() { "cannot touch" } else { "cannot touch" };
            fail(sys, args, &format!("{what} {}", quote(path)), path, fault);
            code = 1;
        }
    }
    Started::Exit(code)
}

fn touch_one(sys: &mut Sys<'_>, path: &str, time: Time, keep: bool) -> Result<(), Errno> {
    match sys.set_modified(path, time) {
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

/// `truncate [-c] -s SIZE FILE...`
pub(super) fn truncate(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("no-create", 'c'), ("size", 's'), ("reference", 'r'), ("io-blocks", 'o')];
    let parsed = match parse(sys, args, Spec::new("cs:r:o", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let size = match (parsed.value('s'), parsed.value('r')) {
        (Some(text), _) => {
            let operator = text.chars().next().filter(|c| "+-<>/%".contains(*c));
            let number = operator.map_or(text, |_| &text[1..]);
            let Some(number) = parse_size(number) else {
                let text = format!("Invalid number: {}", quote(text));
                say(sys, args, &text, &format!("invalid number '{number}'"));
                return Started::Exit(1);
            };
            (operator, number)
        }
        (None, Some(path)) => match sys.stat(path) {
            Ok(stat) => (None, stat.size),
            Err(fault) => {
                fail(sys, args, &format!("cannot stat {}", quote(path)), path, fault);
                return Started::Exit(1);
            }
        },
        _ if is_gnu(sys) => return misuse(sys, args, "you must specify either '--size' or '--reference'", 1),
        _ => return missing_operand(sys, args),
    };
    if parsed.rest.is_empty() {
        return if is_gnu(sys) { misuse(sys, args, "missing file operand", 1) } else { missing_operand(sys, args) };
    }
    let mut code = 0;
    for path in &parsed.rest {
        let how = OpenOptions { write: true, read: false, create: !parsed.has('c'), ..OpenOptions::READ };
        let result = sys.open(path, how).and_then(|fd| {
            let old = sys.fstat(fd)?.size;
            let number = size.1;
            let len = match size.0 {
                Some('+') => old.saturating_add(number),
                Some('-') => old.saturating_sub(number),
                Some('<') => old.min(number),
                Some('>') => old.max(number),
                Some('/') if number > 0 => old / number * number,
                Some('%') if number > 0 => old.div_ceil(number) * number,
                _ => number,
            };
            let cut = sys.ftruncate(fd, len);
            let _ = sys.close(fd);
            cut
        });
        match result {
            Err(Errno::NoEnt) if parsed.has('c') => {}
            Err(fault) => {
                let gnu = match fault {
                    Errno::NoSpace | Errno::FileTooBig => {
                        format!("failed to truncate {} at {} bytes", quote(path), size.1)
                    }
                    _ => format!("cannot open {} for writing", quote(path)),
                };
                fail(sys, args, &gnu, path, fault);
                code = 1;
            }
            Ok(()) => {}
        }
    }
    Started::Exit(code)
}

/// `fallocate [-l SIZE] [-o OFFSET] FILE`
pub(super) fn fallocate(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("l:o:nv", &[("length", 'l'), ("offset", 'o'), ("keep-size", 'n')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let (Some(length), Some(path)) = (parsed.value('l').and_then(parse_size), parsed.rest.first()) else {
        let text = if parsed.value('l').is_none() { "required -l option missing" } else { "no filename specified" };
        say(sys, args, text, text);
        return Started::Exit(1);
    };
    let end = parsed.value('o').and_then(parse_size).unwrap_or(0).saturating_add(length);
    let how = OpenOptions { write: true, read: true, create: true, ..OpenOptions::READ };
    let made = sys.open(path, how).and_then(|fd| {
        let old = sys.fstat(fd)?.size;
        let done = if old >= end { Ok(()) } else { sys.fallocate(fd, end) };
        let _ = sys.close(fd);
        done
    });
    match made {
        Ok(()) => Started::Exit(0),
        Err(fault) => {
            let failed = if fault == Errno::NoSpace { "fallocate failed" } else { &format!("cannot open {path}") };
            fail(sys, args, failed, &format!("fallocate '{path}'"), fault);
            Started::Exit(1)
        }
    }
}

/// `mktemp [-dqtu] [-p FOLDER] [TEMPLATE]`
pub(super) fn mktemp(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("directory", 'd'), ("quiet", 'q'), ("dry-run", 'u'), ("tmpdir", 'π'), ("suffix", 'σ')];
    let parsed = match parse(sys, args, Spec::new("dqtup:π::σ:", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let template = parsed.rest.first().cloned();
    if parsed.rest.len() > 1 {
        return misuse(sys, args, if is_gnu(sys) { "too many templates" } else { "" }, 1);
    }
    let temporary = sys.env("TMPDIR").filter(|t| !t.is_empty()).unwrap_or("/tmp").to_string();
    let folder = match (parsed.last_of("pπ").and_then(|c| parsed.value(c)), &template) {
        (Some(""), _) => Some(temporary),
        (Some(folder), _) if parsed.has('t') && is_gnu(sys) && sys.env("TMPDIR").is_some() => {
            let _ = folder;
            Some(temporary)
        }
        (Some(folder), _) => Some(folder.to_string()),
        (None, None) => Some(temporary),
        (None, Some(_)) if parsed.has('t') => Some(temporary),
        (None, Some(_)) => None,
    };
    let suffix = parsed.value('σ').unwrap_or("");
    let template = template.unwrap_or_else(|| if is_gnu(sys) { "tmp.XXXXXXXXXX" } else { "tmp.XXXXXX" }.into());
    let (head, tail) = match template.rfind('X') {
        Some(at) => (&template[..=at], format!("{}{suffix}", &template[at + 1..])),
        None => (template.as_str(), suffix.to_string()),
    };
    let stem = head.trim_end_matches('X');
    let wanted = head.len() - stem.len();
    let least = if is_gnu(sys) { 3 } else { 6 };
    if wanted < least || !is_gnu(sys) && !tail.is_empty() {
        if !parsed.has('q') {
            let gnu = format!("too few X's in template {}", quote(&template));
            let name = tool_name(sys, args);
            let text = if is_gnu(sys) { gnu } else { format!("(null): {}", sys.text(Errno::Invalid)) };
            sys.err(format!("{name}: {text}\n"));
        }
        return Started::Exit(1);
    }
    let letters: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    for _ in 0..100 {
        let random = if is_gnu(sys) { wanted } else { 6 };
        let mut name = stem.to_string() + &"X".repeat(wanted - random);
        for _ in 0..random {
            let at = (sys.random() % letters.len() as u64) as usize;
            name.push(char::from(letters[at]));
        }
        name.push_str(&tail);
        let path = folder.as_ref().map_or(name.clone(), |f| join(f, &name));
        let made = if parsed.has('u') {
            match sys.lstat(&path) {
                Ok(_) => Err(Errno::Exist),
                Err(_) => Ok(()),
            }
        } else if parsed.has('d') {
            sys.mkdir(&path, 0o700)
        } else {
            let how = OpenOptions { exclusive: true, mode: 0o600, read: true, ..OpenOptions::WRITE };
            sys.open(&path, how).map(|fd| {
                let _ = sys.close(fd);
            })
        };
        match made {
            Ok(()) => {
                sys.out(format!("{path}\n"));
                return Started::Exit(0);
            }
            Err(Errno::Exist) => {}
            Err(fault) => {
                let shown = folder.as_ref().map_or(template.clone(), |f| join(f, &template));
                if !parsed.has('q') {
                    let what = if parsed.has('d') { "directory" } else { "file" };
                    let gnu = format!("failed to create {what} via template {}", quote(&shown));
                    fail(sys, args, &gnu, "(null)", fault);
                }
                return Started::Exit(1);
            }
        }
    }
    Started::Exit(1)
}

/// `shred [-uz] [-n TIMES] FILE...`
pub(super) fn shred(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("remove", 'u'), ("zero", 'z'), ("iterations", 'n'), ("force", 'f'), ("size", 's'), ("verbose", 'v')];
    let parsed = match parse(sys, args, Spec::new("fuzn:s:vx", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return if is_gnu(sys) { misuse(sys, args, "missing file operand", 1) } else { missing_operand(sys, args) };
    }
    let mut code = 0;
    for path in &parsed.rest {
        let how = OpenOptions { write: true, read: false, ..OpenOptions::READ };
        let done = sys.open(path, how).and_then(|fd| {
            let size = sys.fstat(fd)?.size.min(1 << 20);
            let bytes: Vec<u8> = match parsed.has('z') {
                true => vec![0; size as usize],
                false => (0..size).map(|_| sys.random() as u8).collect(),
            };
            let written = sys.write(fd, &bytes);
            let _ = sys.close(fd);
            written?;
            if parsed.has('u') { sys.unlink(path) } else { Ok(()) }
        });
        if let Err(fault) = done {
            say(
                sys,
                args,
                &format!("{path}: failed to open for writing: {}", fault.text()),
                &format!("can't open '{path}': {}", fault.text()),
            );
            code = 1;
        }
    }
    Started::Exit(code)
}
