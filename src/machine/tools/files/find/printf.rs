//! What `find -printf` and `-ls` print.

use super::Place;
use crate::api::Time;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::{Kind, Stat};
use crate::machine::tools::common::{kind_letter, last_name, mode_string, parent};
use crate::machine::tools::dates;
use crate::machine::tools::users::Names;

/// Fills in a format.
pub(super) fn expand(sys: &mut Sys<'_>, format: &str, place: &Place, stat: &Stat) -> String {
    let names = Names::of(sys);
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('a') => out.push('\x07'),
                Some('0') => out.push('\0'),
                Some('\\') => out.push('\\'),
                Some('c') => return out,
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '%' => {
                let mut spec = String::new();
                while let Some(f) = chars.next_if(|c| "-+ #0123456789.".contains(*c)) {
                    spec.push(f);
                }
                let Some(directive) = chars.next() else {
                    out.push('%');
                    break;
                };
                let text = match directive {
                    '%' => "%".to_string(),
                    'A' | 'C' | 'T' => time(sys, stat.modified, chars.next().unwrap_or('c')),
                    other => match field(sys, other, place, stat, &names) {
                        Some(text) => text,
                        None => {
                            out.extend(['%', other]);
                            continue;
                        }
                    },
                };
                let left = spec.contains('-');
                let zero = spec.trim_start_matches(['-', '+', ' ', '#']).starts_with('0');
                let width: usize = spec.trim_start_matches(['-', '+', ' ', '#', '0']).parse().unwrap_or(0);
                let width = width.min(1024);
                out.push_str(&match (left, zero) {
                    (true, _) => format!("{text:<width$}"),
                    (false, true) => format!("{text:0>width$}"),
                    _ => format!("{text:>width$}"),
                });
            }
            c => out.push(c),
        }
    }
    out
}

fn time(sys: &mut Sys<'_>, time: Time, directive: char) -> String {
    let zone = dates::zone(sys);
    let fraction = format!("{:010}", i64::from(time.0.rem_euclid(1000) as i32) * 10_000_000);
    match directive {
        '@' => format!("{}.{fraction}", time.0.div_euclid(1000)),
        '+' => dates::format("%Y-%m-%d+%H:%M:%S", time, 0, &zone, true) + "." + &fraction,
        'S' | 'T' | 'X' => dates::format(&format!("%{directive}"), time, 0, &zone, true) + "." + &fraction,
        'c' => {
            let year = dates::format(" %Y", time, 0, &zone, true);
            dates::format("%a %b %e %H:%M:%S", time, 0, &zone, true) + "." + &fraction + &year
        }
        other => dates::format(&format!("%{other}"), time, 0, &zone, true),
    }
}

fn field(sys: &mut Sys<'_>, directive: char, place: &Place, stat: &Stat, names: &Names) -> Option<String> {
    let path = &place.path;
    let letter = |kind: Kind| match kind_letter(kind) {
        '-' => 'f',
        other => other,
    };
    Some(match directive {
        'p' => path.clone(),
        'f' => last_name(path).to_string(),
        'h' => match path.rfind('/') {
            Some(0) => String::new(),
            Some(_) => parent(path).to_string(),
            None => ".".into(),
        },
        'P' => path.strip_prefix(&place.root).unwrap_or("").trim_start_matches('/').to_string(),
        'H' => place.root.clone(),
        's' => stat.size.to_string(),
        'k' => stat.usage.div_ceil(1024).to_string(),
        'b' => stat.usage.div_ceil(512).to_string(),
        'm' => format!("{:o}", stat.mode),
        'M' => mode_string(stat.kind, stat.mode),
        'u' => names.user(stat.uid),
        'U' => stat.uid.to_string(),
        'g' => names.group(stat.gid),
        'G' => stat.gid.to_string(),
        'i' => stat.ino.to_string(),
        'n' => stat.links.to_string(),
        'l' => stat.target.clone().unwrap_or_default(),
        'd' => place.depth.to_string(),
        'D' => "65024".into(),
        'F' => sys.mount_of(path).map(|m| m.fs_type.clone()).unwrap_or_default(),
        'y' => letter(stat.kind).to_string(),
        'Y' => match sys.stat(path) {
            Ok(stat) => letter(stat.kind).to_string(),
            Err(_) => "N".into(),
        },
        't' | 'a' | 'c' => time(sys, stat.modified, 'c'),
        _ => return None,
    })
}

/// A line of `-ls`.
pub(super) fn listing(sys: &mut Sys<'_>, path: &str, stat: &Stat) -> String {
    let (names, zone) = (Names::of(sys), dates::zone(sys));
    let recent = (0..15_778_476_000).contains(&(sys.now() - stat.modified).0);
    let when = dates::format(if recent { "%b %e %H:%M" } else { "%b %e  %Y" }, stat.modified, 0, &zone, true);
    let target = stat.target.as_ref().map(|t| format!(" -> {t}")).unwrap_or_default();
    format!(
        "{:>9} {:>6} {} {:>3} {:<8} {:<8} {:>8} {when} {path}{target}\n",
        stat.ino,
        stat.usage.div_ceil(1024),
        mode_string(stat.kind, stat.mode),
        stat.links,
        names.user(stat.uid),
        names.group(stat.gid),
        stat.size,
    )
}
