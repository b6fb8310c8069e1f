//! What tools share: texts of errors, modes, sizes and paths.

use crate::machine::errno::Errno;
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::{Kind, Stat};

pub(super) use super::options::{base, missing_operand, misuse, parse, quote};

/// Whether the image holds GNU's tools.
pub(super) fn is_gnu(sys: &Sys<'_>) -> bool {
    sys.userland() == Userland::Gnu
}

/// The name that a tool reports under: as it was called in GNU, without folders in busybox.
pub(super) fn tool_name(sys: &Sys<'_>, args: &[String]) -> String {
    let name = args.first().map_or("", String::as_str);
    if is_gnu(sys) { name.to_string() } else { base(name).to_string() }
}

/// Says that a system call failed: what GNU says before the error's text, and what busybox says.
pub(super) fn fail(sys: &mut Sys<'_>, args: &[String], gnu: &str, busybox: &str, fault: Errno) {
    let name = tool_name(sys, args);
    let what = if is_gnu(sys) { gnu } else { busybox };
    let text = sys.text(fault);
    sys.err(format!("{name}: {what}: {text}\n"));
}

/// Says what is wrong.
pub(super) fn say(sys: &mut Sys<'_>, args: &[String], gnu: &str, busybox: &str) {
    let name = tool_name(sys, args);
    let what = if is_gnu(sys) { gnu } else { busybox };
    sys.err(format!("{name}: {what}\n"));
}

/// A name in a folder.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.ends_with('/') { format!("{folder}{name}") } else { format!("{folder}/{name}") }
}

/// The last part of a path, without slashes at its end; `/` for the root.
pub(super) fn last_name(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() && !path.is_empty() { "/" } else { base(trimmed) }
}

/// The folder of a path, as `dirname` has it.
pub(super) fn parent(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return if path.is_empty() { "." } else { "/" };
    }
    match trimmed.rfind('/') {
        None => ".",
        Some(at) => match trimmed[..at].trim_end_matches('/') {
            "" => "/",
            folder => folder,
        },
    }
}

/// Whether a path is a folder; links are followed.
pub(super) fn is_dir(sys: &Sys<'_>, path: &str) -> bool {
    sys.stat(path).is_ok_and(|s| s.kind == Kind::Dir)
}

/// The letter of a type of file, as `ls -l` shows it.
pub(super) fn kind_letter(kind: Kind) -> char {
    match kind {
        Kind::File => '-',
        Kind::Dir => 'd',
        Kind::Link => 'l',
        Kind::Fifo => 'p',
        Kind::Socket => 's',
        Kind::CharDevice => 'c',
        Kind::BlockDevice => 'b',
    }
}

/// The bits of a type of file in `st_mode`.
pub(super) fn kind_bits(kind: Kind) -> u32 {
    match kind {
        Kind::File => 0o100_000,
        Kind::Dir => 0o040_000,
        Kind::Link => 0o120_000,
        Kind::Fifo => 0o010_000,
        Kind::Socket => 0o140_000,
        Kind::CharDevice => 0o020_000,
        Kind::BlockDevice => 0o060_000,
    }
}

/// `-rw-r--r--`
pub(super) fn mode_string(kind: Kind, mode: u32) -> String {
    let mut out = String::from(kind_letter(kind));
    for (shift, special, set, unset) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> shift;
        out.push(if bits & 4 != 0 { 'r' } else { '-' });
        out.push(if bits & 2 != 0 { 'w' } else { '-' });
        out.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => set,
            (false, true) => unset,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    out
}

/// Reads a mode as `chmod` does: octal, or changes such as `u+x,go-w` to `old`.
///
/// GNU's tools leave a folder's set-ID bits alone where an octal mode is short.
pub(super) fn parse_mode(text: &str, old: u32, is_dir: bool, umask: u32) -> Option<u32> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let bits = u32::from_str_radix(text, 8).ok().filter(|m| *m <= 0o7777)?;
        // An octal mode of few digits leaves a folder's set-group-ID bits alone.
        return Some(if is_dir && text.len() < 5 { bits | old & 0o6000 } else { bits });
    }
    if text.is_empty() {
        return None;
    }
    let mut mode = old;
    for clause in text.split(',') {
        let actions_at = clause.find(['+', '-', '='])?;
        let (who, mut actions) = clause.split_at(actions_at);
        let mut mask = 0;
        for c in who.chars() {
            mask |= match c {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            };
        }
        let open = if who.is_empty() { !umask } else { 0o7777 };
        let mask = if who.is_empty() { 0o7777 } else { mask };
        while let Some(operator) = actions.chars().next() {
            if !"+-=".contains(operator) {
                return None;
            }
            let rest = &actions[1..];
            let end = rest.find(['+', '-', '=']).unwrap_or(rest.len());
            let mut bits = 0;
            for c in rest[..end].chars() {
                bits |= match c {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if is_dir || mode & 0o111 != 0 => 0o111,
                    'X' => 0,
                    's' => 0o6000,
                    't' => 0o1000,
                    'u' => (mode >> 6 & 7) * 0o111,
                    'g' => (mode >> 3 & 7) * 0o111,
                    'o' => (mode & 7) * 0o111,
                    c @ '0'..='7' => bits * 8 + c.to_digit(8).unwrap_or(0),
                    _ => return None,
                };
            }
            let bits = bits & mask & open;
            mode = match operator {
                '+' => mode | bits,
                '-' => mode & !bits,
                _ => mode & !(mask & 0o777 | mask & 0o7000 & if is_dir { 0o1000 } else { 0o7000 }) | bits,
            };
            actions = &rest[end..];
        }
    }
    Some(mode)
}

/// A size as GNU's `-h` shows it: powers of 1024 (or 1000), rounded up.
pub(super) fn human(bytes: u64, step: u64) -> String {
    let units = if step == 1000 { ["", "k", "M", "G", "T", "P", "E"] } else { ["", "K", "M", "G", "T", "P", "E"] };
    let mut unit = 0;
    let mut divisor: u128 = 1;
    let bytes = u128::from(bytes);
    while bytes / divisor >= u128::from(step) && unit + 1 < units.len() {
        divisor *= u128::from(step);
        unit += 1;
    }
    if unit == 0 {
        return bytes.to_string();
    }
    let tenths = (bytes * 10).div_ceil(divisor);
    if tenths < 100 {
        return format!("{}.{}{}", tenths / 10, tenths % 10, units[unit]);
    }
    let whole = bytes.div_ceil(divisor);
    if whole >= u128::from(step) && unit + 1 < units.len() {
        return format!("1.0{}", units[unit + 1]);
    }
    format!("{whole}{}", units[unit])
}

/// A size as busybox's `-h` shows it: rounded to the nearest tenth.
pub(super) fn busybox_human(bytes: u64) -> String {
    let units = ["", "K", "M", "G", "T", "P", "E"];
    let (mut value, mut tenths, mut unit) = (bytes, 0, 0);
    while value >= 1024 && unit + 1 < units.len() {
        unit += 1;
        tenths = ((value % 1024) * 10 + 512) / 1024;
        value /= 1024;
    }
    if tenths >= 10 {
        value += 1;
        tenths = 0;
    }
    if unit == 0 { value.to_string() } else { format!("{value}.{tenths}{}", units[unit]) }
}

/// The major and minor number of a device.
pub(super) fn device_numbers(path: &str, stat: &Stat) -> (u32, u32) {
    if last_name(path) == "urandom" { (1, 9) } else { stat.device }
}

/// A number with a suffix, as `dd`, `truncate`, `head` take it: `4k`, `1M`, `2GB`, `512`.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let factor: u64 = match &text[digits..] {
        "" => 1,
        "c" => 1,
        "w" => 2,
        "b" => 512,
        "kB" | "KB" => 1000,
        "k" | "K" | "KiB" | "kiB" => 1 << 10,
        "MB" => 1_000_000,
        "M" | "m" | "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "G" | "g" | "GiB" => 1 << 30,
        "TB" => 1_000_000_000_000,
        "T" | "t" | "TiB" => 1 << 40,
        "P" | "PiB" => 1 << 50,
        "E" | "EiB" => 1 << 60,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A folder's path and its parts below it, walked without recursion: first what is in it, or first itself.
pub(super) struct Tree {
    stack: Vec<(String, Stat, bool)>,
    contents_first: bool,
}

/// A step of a walk.
pub(super) enum Visit {
    /// A file, link or folder.
    Entry(String, Stat),
    /// What could not be read.
    Fault(String, Errno),
}

impl Tree {
    /// A walk from a path on; links are not followed.
    pub fn new(path: &str, stat: Stat, contents_first: bool) -> Tree {
        Tree { stack: vec![(path.to_string(), stat, false)], contents_first }
    }

    /// The next part.
    pub fn next(&mut self, sys: &Sys<'_>) -> Option<Visit> {
        loop {
            let (path, stat, seen) = self.stack.pop()?;
            if seen || stat.kind != Kind::Dir {
                return Some(Visit::Entry(path, stat));
            }
            let entries = sys.read_dir(&path);
            if self.contents_first {
                self.stack.push((path.clone(), stat.clone(), true));
            }
            let fault = match entries {
                Ok(all) => {
                    for (name, stat) in all.into_iter().rev() {
                        self.stack.push((join(&path, &name), stat, false));
                    }
                    None
                }
                Err(fault) => Some(fault),
            };
            match fault {
                Some(fault) if self.contents_first => return Some(Visit::Fault(path, fault)),
                Some(fault) => {
                    self.stack.push((path.clone(), stat, true));
                    return Some(Visit::Fault(path, fault));
                }
                None if !self.contents_first => return Some(Visit::Entry(path, stat)),
                None => {}
            }
        }
    }
}
