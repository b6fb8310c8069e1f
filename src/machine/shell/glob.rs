//! Expansion of file names.

use super::pattern::{Pattern, is_pattern, unmark};
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::Kind;

/// How many names one pattern gives at most.
const MAX_NAMES: usize = 100_000;

#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub extglob: bool,
    pub dotglob: bool,
    pub globstar: bool,
    pub nocase: bool,
    /// Whether `.*` gives `.` and `..` too.
    pub dots: bool,
}

/// The names that match a marked pattern, in order; none where there are none.
pub(super) fn glob(sys: &Sys<'_>, pattern: &str, how: How) -> Vec<String> {
    let mut found = vec![String::new()];
    let (absolute, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    if absolute {
        found = vec!["/".into()];
    }
    let parts: Vec<&str> = rest.split('/').collect();
    for (at, part) in parts.iter().enumerate() {
        let last = at + 1 == parts.len();
        let mut next = Vec::new();
        for base in &found {
            if part.is_empty() {
                // Doubled or final slashes: they stay as they are.
                if is_dir(sys, base) && !(last && base.is_empty()) {
                    next.push(if last || base.is_empty() { base.clone() } else { format!("{base}/") });
                }
            } else if *part == "**" && how.globstar {
                deep(sys, base, last, how, &mut next, 0);
            } else if !is_pattern(part, how.extglob) {
                let path = format!("{base}{}", unmark(part));
                if sys.lstat(&path).is_ok() && (last || is_dir(sys, &path)) {
                    next.push(path);
                }
            } else {
                level(sys, base, part, last, how, &mut next);
            }
            if next.len() > MAX_NAMES {
                break;
            }
        }
        if !last {
            next.iter_mut().filter(|n| !n.is_empty() && !n.ends_with('/')).for_each(|n| n.push('/'));
        }
        found = next;
        if found.is_empty() {
            return found;
        }
    }
    found.sort_unstable();
    found
}

fn is_dir(sys: &Sys<'_>, path: &str) -> bool {
    sys.stat(if path.is_empty() { "." } else { path }).is_ok_and(|s| s.kind == Kind::Dir)
}

fn level(sys: &Sys<'_>, base: &str, part: &str, last: bool, how: How, out: &mut Vec<String>) {
    let lower = |t: &str| if how.nocase { t.to_lowercase() } else { t.to_string() };
    let pattern = Pattern::new(&lower(part), how.extglob);
    let Ok(entries) = sys.read_dir(if base.is_empty() { "." } else { base }) else { return };
    let hidden = how.dotglob || pattern.begins_with_dot();
    if how.dots && pattern.begins_with_dot() {
        for name in [".", ".."] {
            if pattern.matches_str(name) {
                out.push(format!("{base}{name}"));
            }
        }
    }
    for (name, stat) in entries {
        if name.starts_with('.') && !hidden || !pattern.matches_str(&lower(&name)) {
            continue;
        }
        let path = format!("{base}{name}");
        if last || stat.kind == Kind::Dir || stat.kind == Kind::Link && is_dir(sys, &path) {
            out.push(path);
        }
    }
}

/// `**`: all folders below, and where it comes last the files too.
fn deep(sys: &Sys<'_>, base: &str, last: bool, how: How, out: &mut Vec<String>, depth: u32) {
    if depth > 40 || out.len() > MAX_NAMES {
        return;
    }
    if !last || depth > 0 && base.ends_with('/') || depth == 0 && !base.is_empty() {
        out.push(base.to_string());
    }
    let Ok(entries) = sys.read_dir(if base.is_empty() { "." } else { base }) else { return };
    for (name, stat) in entries {
        if name.starts_with('.') && !how.dotglob {
            continue;
        }
        let path = format!("{base}{name}");
        if stat.kind == Kind::Dir {
            if last {
                out.push(path.clone());
                let mut below = Vec::new();
                deep(sys, &format!("{path}/"), true, how, &mut below, depth + 1);
                out.extend(below.into_iter().filter(|b| !b.ends_with('/')));
            } else {
                deep(sys, &format!("{path}/"), false, how, out, depth + 1);
            }
        } else if last {
            out.push(path);
        }
    }
}
