//! `cp`, `mv`, `install`.

use super::perms::owner_of;
use super::remove::Remove;
use crate::machine::errno::Errno;
use crate::machine::kernel::sys::{Kind, Stat};
use crate::machine::kernel::{OpenOptions, Sys};
use crate::machine::tools::Started;
use crate::machine::tools::common::{
    fail, is_dir, is_gnu, join, last_name, missing_operand, misuse, parse, parse_mode, quote, say,
};
use crate::machine::tools::options::{Parsed, Spec};

struct Copy<'a> {
    args: &'a [String],
    recursive: bool,
    /// Whether links are copied as links, below and on the command line.
    keep_links: (bool, bool),
    preserve: bool,
    force: bool,
    no_clobber: bool,
    update: bool,
    verbose: bool,
    link: bool,
    symlink: bool,
    parents: bool,
    no_target_dir: bool,
    code: u8,
    /// What was copied, so that names of one file stay names of one file.
    seen: Vec<((String, u64), String)>,
}

/// Where sources go: into a folder, or to a name. None after a fault that was said.
fn destination(
    sys: &mut Sys<'_>,
    args: &[String],
    parsed: &Parsed,
) -> Result<(Vec<String>, Option<String>, String), Started> {
    let mut rest = parsed.rest.clone();
    let gnu = is_gnu(sys);
    if let Some(folder) = parsed.value('t') {
        if rest.is_empty() {
            return Err(if gnu { misuse(sys, args, "missing file operand", 1) } else { missing_operand(sys, args) });
        }
        if gnu && !is_dir(sys, folder) {
            let fault = if sys.stat(folder).is_ok() { Errno::NotDir } else { Errno::NoEnt };
            fail(sys, args, &format!("target directory {}", quote(folder)), folder, fault);
            return Err(Started::Exit(1));
        }
        return Ok((rest, Some(folder.to_string()), String::new()));
    }
    match rest.len() {
        0 if gnu => return Err(misuse(sys, args, "missing file operand", 1)),
        1 if gnu => {
            let text = format!("missing destination file operand after {}", quote(&rest[0]));
            return Err(misuse(sys, args, &text, 1));
        }
        0 | 1 => return Err(missing_operand(sys, args)),
        _ => {}
    }
    let to = rest.pop().unwrap_or_default();
    if parsed.has('T') {
        if rest.len() > 1 {
            let text = format!("extra operand {}", quote(&to));
            return Err(misuse(sys, args, if gnu { &text } else { "" }, 1));
        }
        return Ok((rest, None, to));
    }
    if is_dir(sys, &to) {
        return Ok((rest, Some(to.clone()), to));
    }
    if rest.len() > 1 {
        if gnu {
            let fault = if sys.stat(&to).is_ok() { Errno::NotDir } else { Errno::NoEnt };
            fail(sys, args, &format!("target {}", quote(&to)), "", fault);
            return Err(Started::Exit(1));
        }
        return Ok((rest, Some(to.clone()), to));
    }
    Ok((rest, None, to))
}

/// `cp [-adfilnprRsTuvx] SOURCE... DESTINATION`
pub(super) fn cp(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("archive", 'a'),
        ("no-dereference", 'P'),
        ("dereference", 'L'),
        ("force", 'f'),
        ("interactive", 'i'),
        ("link", 'l'),
        ("no-clobber", 'n'),
        ("parents", 'π'),
        ("preserve", 'ρ'),
        ("no-preserve", 'ñ'),
        ("recursive", 'R'),
        ("remove-destination", 'δ'),
        ("symbolic-link", 's'),
        ("suffix", 'S'),
        ("target-directory", 't'),
        ("no-target-directory", 'T'),
        ("update", 'u'),
        ("verbose", 'v'),
        ("one-file-system", 'x'),
        ("attributes-only", 'æ'),
        ("reflink", 'ŕ'),
        ("sparse", 'ś'),
        ("backup", 'b'),
    ];
    let short = "abdfiHlLnprRPsS:t:TuvxZπρ::ñ:δæŕ::ś:";
    let short = if is_gnu(sys) { short } else { "arPLHpfinlsTudvt:Rπ" };
    let parsed = match parse(sys, args, Spec::new(short, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let (sources, folder, to) = match destination(sys, args, &parsed) {
        Ok(all) => all,
        Err(end) => return end,
    };
    let recursive = parsed.has_any("arR");
    let keep = match parsed.last_of("adPLH") {
        Some('L') => (false, false),
        Some('H') => (true, false),
        Some(_) => (true, true),
        None => (recursive, recursive),
    };
    let preserve =
        parsed.has_any("ap") || parsed.values('ρ').any(|p| p.is_empty() || p.contains("all") || p.contains("mode"));
    let mut copy = Copy {
        args,
        recursive,
        keep_links: keep,
        preserve,
        force: parsed.has_any("fδ"),
        no_clobber: parsed.last_of("nfi") == Some('n'),
        update: parsed.has('u'),
        verbose: parsed.has('v'),
        link: parsed.has('l'),
        symlink: parsed.has('s'),
        parents: parsed.has('π'),
        no_target_dir: parsed.has('T'),
        code: 0,
        seen: Vec::new(),
    };
    for from in &sources {
        let target = match &folder {
            Some(folder) if copy.parents => {
                let path = join(folder, from.trim_start_matches('/'));
                let mut made = folder.clone();
                for part in
                    crate::machine::tools::common::parent(from).split('/').filter(|p| !p.is_empty() && *p != ".")
                {
                    made = join(&made, part);
                    let _ = sys.mkdir(&made, 0o777);
                }
                path
            }
            Some(folder) => match last_name(from) {
                ".." | "/" => folder.clone(),
                "." => join(folder, "."),
                name => join(folder, name),
            },
            None => to.clone(),
        };
        copy.top(sys, from, &target);
        if sys.is_dead() {
            break;
        }
    }
    Started::Exit(copy.code)
}

impl Copy<'_> {
    fn fault(&mut self, sys: &mut Sys<'_>, gnu: &str, busybox: &str, fault: Errno) {
        fail(sys, self.args, gnu, busybox, fault);
        self.code = 1;
    }

    fn top(&mut self, sys: &mut Sys<'_>, from: &str, to: &str) {
        let found = if self.keep_links.1 { sys.lstat(from) } else { sys.stat(from) };
        let stat = match found {
            Ok(stat) => stat,
            Err(fault) => {
                let gnu = format!("cannot stat {}", quote(from));
                return self.fault(sys, &gnu, &format!("can't stat '{from}'"), fault);
            }
        };
        if stat.kind == Kind::Dir && !self.recursive {
            let gnu = format!("-r not specified; omitting directory {}", quote(from));
            say(sys, self.args, &gnu, &format!("omitting directory '{from}'"));
            self.code = 1;
            return;
        }
        if stat.kind == Kind::Dir && self.goes_into_itself(sys, from, to) {
            let gnu = format!("cannot copy a directory, {}, into itself, {}", quote(from), quote(to));
            // What is in it is copied all the same, but for the copy.
            self.tree(sys, from.to_string(), to.to_string(), stat, sys.walk(to, true).ok().map(|f| f.path));
            say(sys, self.args, &gnu, &format!("recursion detected, omitting directory '{to}'"));
            self.code = 1;
            return;
        }
        if let (false, Kind::Dir, Ok(there)) = (is_gnu(sys), stat.kind, sys.stat(to)) {
            if there.kind != Kind::Dir {
                let at = join(to, last_name(from));
                return self.fault(sys, "", &format!("can't stat '{at}'"), Errno::NotDir);
            }
        }
        self.tree(sys, from.to_string(), to.to_string(), stat, None);
    }

    fn goes_into_itself(&self, sys: &Sys<'_>, from: &str, to: &str) -> bool {
        let Ok(from) = sys.canonical(from) else { return false };
        let to = sys.walk(to, true).map(|f| f.path).unwrap_or_default();
        to == from && from != "/" && sys.stat(&to).is_ok() || to.strip_prefix(&from).is_some_and(|r| r.starts_with('/'))
    }

    /// Copies a tree without recursion; what folders keep is set after their contents.
    fn tree(&mut self, sys: &mut Sys<'_>, from: String, to: String, stat: Stat, except: Option<String>) {
        let mut stack = vec![(from, to, stat, false)];
        while let Some((from, to, stat, after)) = stack.pop() {
            if sys.is_dead() {
                return;
            }
            if after {
                let mode = if self.preserve { stat.mode } else { stat.mode & !sys.process().umask };
                let _ = sys.chmod(&to, mode);
                self.keep(sys, &to, &stat);
                if self.verbose && !is_gnu(sys) {
                    self.said(sys, &from, &to);
                }
                continue;
            }
            if stat.kind != Kind::Dir {
                self.file(sys, &from, &to, &stat);
                continue;
            }
            let entries = match sys.read_dir(&from) {
                Ok(entries) => entries,
                Err(fault) => {
                    let gnu = format!("cannot access {}", quote(&from));
                    self.fault(sys, &gnu, &format!("can't open '{from}'"), fault);
                    continue;
                }
            };
            let made = match sys.stat(&to) {
                Ok(there) if there.kind == Kind::Dir => false,
                Ok(_) => {
                    let gnu = format!("cannot overwrite non-directory {} with directory {}", quote(&to), quote(&from));
                    say(sys, self.args, &gnu, &format!("target '{to}' is not a directory"));
                    self.code = 1;
                    continue;
                }
                Err(_) => match sys.mkdir(&to, 0o777) {
                    Ok(()) => true,
                    Err(fault) => {
                        let gnu = format!("cannot create directory {}", quote(&to));
                        self.fault(sys, &gnu, &format!("can't create directory '{to}'"), fault);
                        continue;
                    }
                },
            };
            if self.verbose && made && is_gnu(sys) {
                self.said(sys, &from, &to);
            }
            if made || self.preserve {
                stack.push((from.clone(), to.clone(), stat, true));
            }
            for (name, mut stat) in entries.into_iter().rev() {
                let path = join(&from, &name);
                if except.is_some() && sys.canonical(&path).ok() == except {
                    continue;
                }
                if stat.kind == Kind::Link && !self.keep_links.0 {
                    match sys.stat(&path) {
                        Ok(found) => stat = found,
                        Err(fault) => {
                            let gnu = format!("cannot stat {}", quote(&path));
                            self.fault(sys, &gnu, &format!("can't stat '{path}'"), fault);
                            continue;
                        }
                    }
                }
                stack.push((path, join(&to, &name), stat, false));
            }
        }
    }

    fn said(&self, sys: &mut Sys<'_>, from: &str, to: &str) {
        let text =
            if is_gnu(sys) { format!("{} -> {}\n", quote(from), quote(to)) } else { format!("'{from}' -> '{to}'\n") };
        sys.out(text);
    }

    fn keep(&self, sys: &mut Sys<'_>, to: &str, stat: &Stat) {
        if self.preserve {
            let _ = sys.chown(to, Some(stat.uid), Some(stat.gid), stat.kind != Kind::Link);
            if stat.kind != Kind::Link {
                let _ = sys.chmod(to, stat.mode);
                let _ = sys.set_modified(to, stat.modified);
            }
        }
    }

    fn file(&mut self, sys: &mut Sys<'_>, from: &str, to: &str, stat: &Stat) {
        let there = sys.lstat(to).ok();
        if let Some(there) = &there {
            let end = if there.kind == Kind::Link { sys.stat(to).ok() } else { Some(there.clone()) };
            let same = |s: &Stat| s.ino == stat.ino && s.disk == stat.disk;
            if same(there) && !self.link && !self.symlink
                || end.as_ref().is_some_and(same) && stat.kind != Kind::Link && !self.symlink
            {
                if self.link {
                    return;
                }
                say(
                    sys,
                    self.args,
                    &format!("{} and {} are the same file", quote(from), quote(to)),
                    &format!("'{from}' and '{to}' are the same file"),
                );
                self.code = 1;
                return;
            }
            if self.no_clobber {
                return;
            }
            if self.update && end.as_ref().is_some_and(|e| e.modified >= stat.modified) {
                return;
            }
            if there.kind == Kind::Dir {
                let gnu = format!("cannot overwrite directory {} with non-directory", quote(to));
                let gnu =
                    if is_dir(sys, to) && stat.kind != Kind::Dir { gnu } else { format!("{gnu} {}", quote(from)) };
                let busybox = match self.no_target_dir {
                    true => format!("'{to}' is a directory"),
                    false => format!("can't create '{to}': Is a directory"),
                };
                say(sys, self.args, &gnu, &busybox);
                self.code = 1;
                return;
            }
            if there.kind == Kind::Link && end.is_none() && stat.kind != Kind::Link && is_gnu(sys) && !self.force {
                say(sys, self.args, &format!("not writing through dangling symlink {}", quote(to)), "");
                self.code = 1;
                return;
            }
            if stat.kind == Kind::Link || self.link || self.symlink {
                if (self.link || self.symlink) && !self.force {
                    let what = if self.link { "hard" } else { "symbolic" };
                    let gnu = format!("cannot create {what} link {} to {}", quote(to), quote(from));
                    return self.fault(sys, &gnu, &format!("can't create '{to}'"), Errno::Exist);
                }
                let _ = sys.unlink(to);
            }
        }
        let key = (stat.disk.clone(), stat.ino);
        if self.keep_links.0 && self.preserve && stat.links > 1 && stat.kind != Kind::Dir {
            if let Some((_, first)) = self.seen.iter().find(|s| s.0 == key) {
                let first = first.clone();
                let _ = sys.unlink(to);
                if sys.link(&first, to).is_ok() {
                    if self.verbose {
                        self.said(sys, from, to);
                    }
                    return;
                }
            }
            self.seen.push((key, to.to_string()));
        }
        if self.verbose {
            self.said(sys, from, to);
        }
        if let Err((gnu, busybox, fault)) = self.contents(sys, from, to, stat) {
            return self.fault(sys, &gnu, &busybox, fault);
        }
        self.keep(sys, to, stat);
    }

    fn contents(&self, sys: &mut Sys<'_>, from: &str, to: &str, stat: &Stat) -> Result<(), (String, String, Errno)> {
        let create =
            |fault| (format!("cannot create regular file {}", quote(to)), format!("can't create '{to}'"), fault);
        if self.link {
            return sys.link(from, to).map_err(|e| {
                let gnu = format!("cannot create hard link {} to {}", quote(to), quote(from));
                (gnu, format!("can't create link '{to}'"), e)
            });
        }
        if self.symlink {
            return sys.symlink(from, to).map_err(|e| {
                let gnu = format!("cannot create symbolic link {} to {}", quote(to), quote(from));
                (gnu, format!("can't create link '{to}'"), e)
            });
        }
        match stat.kind {
            Kind::Link => {
                let target = stat.target.clone().unwrap_or_default();
                return sys.symlink(&target, to).map_err(|e| {
                    (format!("cannot create symbolic link {}", quote(to)), format!("can't create symlink '{to}'"), e)
                });
            }
            Kind::Fifo if self.recursive => {
                return sys
                    .mkfifo(to, stat.mode)
                    .map_err(|e| (format!("cannot create fifo {}", quote(to)), format!("can't create '{to}'"), e));
            }
            _ => {}
        }
        let read = |fault| (format!("cannot open {} for reading", quote(from)), format!("can't open '{from}'"), fault);
        let bytes = match sys.read_file(from) {
            Ok(bytes) => bytes,
            Err(Errno::Invalid) => return Err(read(Errno::Invalid)),
            Err(fault) => return Err(read(fault)),
        };
        if to.ends_with('/') {
            return Err(create(if is_gnu(sys) { Errno::NotDir } else { Errno::IsDir }));
        }
        let mode = if self.preserve { stat.mode & 0o700 | 0o200 } else { stat.mode & 0o777 };
        let how = OpenOptions { mode: mode.max(1), ..OpenOptions::WRITE };
        let fd = match sys.open(to, how) {
            Err(Errno::Access | Errno::TextBusy) if self.force && sys.lstat(to).is_ok() => {
                sys.unlink(to).and_then(|()| sys.open(to, how)).map_err(create)?
            }
            Err(fault) if sys.lstat(to).is_ok() => {
                return Err((
                    format!("cannot create regular file {}", quote(to)),
                    format!("can't create '{to}'"),
                    fault,
                ));
            }
            other => other.map_err(create)?,
        };
        let written = sys.write(fd, &bytes);
        let _ = sys.close(fd);
        written.map_err(|e| (format!("error writing {}", quote(to)), "write error".to_string(), e))
    }
}

/// `mv [-fnuvT] SOURCE... DESTINATION`
pub(super) fn mv(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("force", 'f'),
        ("interactive", 'i'),
        ("no-clobber", 'n'),
        ("update", 'u'),
        ("verbose", 'v'),
        ("target-directory", 't'),
        ("no-target-directory", 'T'),
        ("backup", 'b'),
        ("suffix", 'S'),
        ("strip-trailing-slashes", 'σ'),
    ];
    let parsed = match parse(sys, args, Spec::new(if is_gnu(sys) { "bfinuvt:TS:Zσ" } else { "finvt:T" }, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let (sources, folder, to) = match destination(sys, args, &parsed) {
        Ok(all) => all,
        Err(end) => return end,
    };
    let mut code = 0;
    for from in &sources {
        let target = folder.as_ref().map_or(to.clone(), |f| join(f, last_name(from)));
        code = code.max(move_one(sys, args, from, &target, &parsed));
        if sys.is_dead() {
            break;
        }
    }
    Started::Exit(code)
}

fn move_one(sys: &mut Sys<'_>, args: &[String], from: &str, to: &str, parsed: &Parsed) -> u8 {
    let gnu = is_gnu(sys);
    let stat = match sys.lstat(from) {
        Ok(stat) => stat,
        Err(fault) => {
            fail(sys, args, &format!("cannot stat {}", quote(from)), &format!("can't rename '{from}'"), fault);
            return 1;
        }
    };
    if let Ok(there) = sys.lstat(to) {
        let newest = sys.stat(to).map_or(there.modified, |s| s.modified);
        if parsed.last_of("nfi") == Some('n') || parsed.has('u') && newest >= stat.modified {
            return 0;
        }
        if gnu && there.ino == stat.ino && there.disk == stat.disk && stat.kind != Kind::Dir {
            say(sys, args, &format!("{} and {} are the same file", quote(from), quote(to)), "");
            return 1;
        }
        if gnu && there.kind == Kind::Dir && stat.kind != Kind::Dir {
            say(sys, args, &format!("cannot overwrite directory {} with non-directory", quote(to)), "");
            return 1;
        }
        if gnu && there.kind != Kind::Dir && stat.kind == Kind::Dir {
            let text = format!("cannot overwrite non-directory {} with directory {}", quote(to), quote(from));
            say(sys, args, &text, "");
            return 1;
        }
    }
    let verbose = |sys: &mut Sys<'_>| {
        if parsed.has('v') {
            let line = match gnu {
                true => format!("renamed {} -> {}\n", quote(from), quote(to)),
                false => format!("'{from}' -> '{to}'\n"),
            };
            sys.out(line);
        }
    };
    let renamed = match to.ends_with('/') && stat.kind != Kind::Dir {
        true => Err(Errno::NotDir),
        false => sys.rename(from, to),
    };
    match renamed {
        Ok(()) => {
            verbose(sys);
            0
        }
        Err(Errno::CrossDevice) => {
            let mut copy = Copy {
                args,
                recursive: true,
                keep_links: (true, true),
                preserve: true,
                force: true,
                no_clobber: false,
                update: false,
                verbose: false,
                link: false,
                symlink: false,
                parents: false,
                no_target_dir: false,
                code: 0,
                seen: Vec::new(),
            };
            copy.tree(sys, from.to_string(), to.to_string(), stat, None);
            if copy.code == 0 {
                let mut remove = Remove { args, recursive: true, dirs: false, force: true, verbose: false, code: 0 };
                remove.remove(sys, from);
                verbose(sys);
                return remove.code;
            }
            copy.code
        }
        Err(Errno::Invalid) if gnu => {
            let text = format!("cannot move {} to a subdirectory of itself, {}", quote(from), quote(to));
            say(sys, args, &text, "");
            1
        }
        Err(fault) => {
            let text = format!("cannot move {} to {}", quote(from), quote(to));
            fail(sys, args, &text, &format!("can't rename '{from}'"), fault);
            1
        }
    }
}

/// `install [-dDpv] [-m MODE] [-o OWNER] [-g GROUP] [-t FOLDER] SOURCE... DESTINATION`
pub(super) fn install(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("directory", 'd'),
        ("group", 'g'),
        ("mode", 'm'),
        ("owner", 'o'),
        ("preserve-timestamps", 'p'),
        ("strip", 's'),
        ("target-directory", 't'),
        ("no-target-directory", 'T'),
        ("verbose", 'v'),
    ];
    let parsed = match parse(sys, args, Spec::new("bcCdDg:m:o:pst:Tv", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mode = match parsed.value('m') {
        None => 0o755,
        Some(text) => match parse_mode(text, 0, false, 0) {
            Some(mode) => mode,
            None => {
                say(sys, args, &format!("invalid mode {}", quote(text)), &format!("invalid mode '{text}'"));
                return Started::Exit(1);
            }
        },
    };
    let owner = [parsed.value('o').map(String::from), parsed.value('g').map(|g| format!(":{g}"))];
    let mut ids = (None, None);
    for text in owner.into_iter().flatten() {
        match owner_of(sys, &text) {
            Ok((uid, gid)) => ids = (uid.or(ids.0), gid.or(ids.1)),
            Err((gnu, busybox)) => {
                say(sys, args, &gnu.replacen(": ", " ", 1), &busybox);
                return Started::Exit(1);
            }
        }
    }
    let mut code = 0;
    if parsed.has('d') {
        if parsed.rest.is_empty() {
            return missing_operand(sys, args);
        }
        for path in &parsed.rest {
            let mut at = String::new();
            for part in path.split_inclusive('/') {
                at.push_str(part);
                let _ = sys.mkdir(&at, 0o755);
            }
            let set =
                sys.stat(path).and_then(|_| sys.chmod(path, mode)).and_then(|()| sys.chown(path, ids.0, ids.1, true));
            if let Err(fault) = set {
                let gnu = format!("cannot create directory {}", quote(path));
                fail(sys, args, &gnu, &format!("can't create directory '{path}'"), fault);
                code = 1;
            }
        }
        return Started::Exit(code);
    }
    if parsed.has('D') {
        let folder = match (parsed.value('t'), parsed.rest.last()) {
            (Some(folder), _) => folder.to_string(),
            (None, Some(to)) => crate::machine::tools::common::parent(to).to_string(),
            _ => ".".into(),
        };
        let mut at = String::new();
        for part in folder.split_inclusive('/') {
            at.push_str(part);
            let _ = sys.mkdir(&at, 0o755);
        }
    }
    let (sources, folder, to) = match destination(sys, args, &parsed) {
        Ok(all) => all,
        Err(end) => return end,
    };
    for from in &sources {
        let target = folder.as_ref().map_or(to.clone(), |f| join(f, last_name(from)));
        let stat = match sys.stat(from) {
            Ok(stat) if stat.kind == Kind::Dir => {
                say(sys, args, &format!("omitting directory {}", quote(from)), &format!("omitting directory '{from}'"));
                code = 1;
                continue;
            }
            Ok(stat) => stat,
            Err(fault) => {
                fail(sys, args, &format!("cannot stat {}", quote(from)), &format!("can't stat '{from}'"), fault);
                code = 1;
                continue;
            }
        };
        let done = sys.read_file(from).and_then(|bytes| {
            let _ = sys.unlink(&target);
            sys.write_file(&target, &bytes)?;
            sys.chmod(&target, mode)?;
            if ids != (None, None) {
                sys.chown(&target, ids.0, ids.1, true)?;
            }
            if parsed.has('p') { sys.set_modified(&target, stat.modified) } else { Ok(()) }
        });
        match done {
            Ok(()) if parsed.has('v') => sys.out(format!("{} -> {}\n", quote(from), quote(&target))),
            Ok(()) => {}
            Err(fault) => {
                let gnu = format!("cannot create regular file {}", quote(&target));
                fail(sys, args, &gnu, &format!("can't create '{target}'"), fault);
                code = 1;
            }
        }
    }
    Started::Exit(code)
}
