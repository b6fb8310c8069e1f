//! `rm`.

use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::Kind;
use crate::machine::tools::Started;
use crate::machine::tools::common::{
    Tree, Visit, fail, is_gnu, last_name, missing_operand, parse, quote, say, tool_name,
};
use crate::machine::tools::options::Spec;

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
            (false, Kind::Dir) => format!("removed directory: '{path}'\n"),
            (false, _) => format!("removed '{path}'\n"),
        };
        sys.out(text);
    }
}
