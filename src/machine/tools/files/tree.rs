//! `tree`.

use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::{Kind, Stat};
use crate::machine::tools::Started;
use crate::machine::tools::common::{is_gnu, join, parse};
use crate::machine::tools::options::Spec;

/// `tree [-adfi] [-L LEVELS] [FOLDER]...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("adfinCNL:I:P:", &[("noreport", 'ñ'), ("dirsfirst", 'δ')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let depth = parsed.value('L').and_then(|l| l.parse().ok()).unwrap_or(usize::MAX);
    let mut roots = parsed.rest.clone();
    if roots.is_empty() {
        roots.push(".".into());
    }
    // The lines are drawn in ASCII where the locale is POSIX, which busybox does not look at.
    let (tee, corner, bar) = match is_gnu(sys) && !sys.env("LANG").or(sys.env("LC_ALL")).unwrap_or("").contains("UTF-8")
    {
        true => ("|-- ", "`-- ", "|   "),
        false => ("├── ", "└── ", "│   "),
    };
    let (mut folders, mut files) = (0, 0);
    for root in &roots {
        if !crate::machine::tools::common::is_dir(sys, root) {
            sys.out(format!("{root}  [error opening dir]\n"));
            continue;
        }
        sys.out(format!("{root}\n"));
        let list = |sys: &Sys<'_>, path: &str| -> Vec<(String, Stat)> {
            let mut all = sys.read_dir(path).unwrap_or_default();
            all.retain(|(name, stat)| {
                let hidden = name.starts_with('.') && !parsed.has('a');
                let ignored = parsed.values('I').any(|p| p.split('|').any(|p| super::glob::matches(p, name)));
                let wanted = stat.kind == Kind::Dir
                    || parsed.value('P').is_none_or(|p| super::glob::matches(p, name)) && !parsed.has('d');
                !hidden && !ignored && wanted
            });
            if parsed.has('δ') {
                all.sort_by_key(|e| e.1.kind != Kind::Dir);
            }
            all.reverse();
            all
        };
        // What is left in each folder on the way, the next entry last, with its path and the lines before it.
        let mut stack = vec![(root.clone(), String::new(), list(sys, root))];
        while let Some((path, before, left)) = stack.last_mut() {
            let Some((name, stat)) = left.pop() else {
                stack.pop();
                continue;
            };
            let last = left.is_empty();
            let at = join(path, &name);
            let shown = if parsed.has('f') { &at } else { &name };
            let target = stat.target.as_ref().map(|t| format!(" -> {t}")).unwrap_or_default();
            let lines =
                if parsed.has('i') { String::new() } else { format!("{before}{}", if last { corner } else { tee }) };
            let line = format!("{lines}{shown}{target}\n");
            let deeper = format!("{before}{}", if last { "    " } else { bar });
            sys.out(line);
            if stat.kind == Kind::Dir {
                folders += 1;
                if stack.len() < depth {
                    let entries = list(sys, &at);
                    stack.push((at, deeper, entries));
                }
            } else {
                files += 1;
            }
            if sys.is_dead() {
                return Started::Exit(1);
            }
        }
    }
    if !parsed.has('ñ') {
        let folders = if folders == 1 { "1 directory".to_string() } else { format!("{folders} directories") };
        let files = match (parsed.has('d'), files) {
            (true, _) => String::new(),
            (false, 1) => ", 1 file".into(),
            (false, n) => format!(", {n} files"),
        };
        sys.out(format!("\n{folders}{files}\n"));
    }
    Started::Exit(0)
}
