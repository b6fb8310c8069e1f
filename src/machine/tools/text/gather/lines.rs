//! `tac`, `rev`, `nl`, `fold`, `expand` and `unexpand`.

use super::super::input::is_utf8;
use super::super::regex::{Flags, Regex};
use super::{Call, bare, lines};
use crate::machine::kernel::Sys;

pub fn tac(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    for (_, bytes) in &call.files {
        let mut all: Vec<&[u8]> = lines(bytes).collect();
        all.reverse();
        for line in all {
            out.extend_from_slice(line);
            if !call.gnu && line.last() != Some(&b'\n') {
                // busybox keeps the missing end where it is, too.
            }
        }
    }
    0
}

pub fn rev(sys: &Sys<'_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let utf8 = is_utf8(sys);
    for line in lines(&call.all()) {
        let text = bare(line);
        if utf8 {
            out.extend_from_slice(String::from_utf8_lossy(text).chars().rev().collect::<String>().as_bytes());
        } else {
            out.extend(text.iter().rev());
        }
        out.extend_from_slice(&line[text.len()..]);
    }
    0
}

pub fn nl(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let width = call.number('w').unwrap_or(6).clamp(1, 1000);
    let separator = call.options.value('s').unwrap_or("\t").to_string();
    let style = call.options.value('b').unwrap_or("t").to_string();
    let format = call.options.value('n').unwrap_or("rn").to_string();
    let mut number: i64 = call.options.value('v').and_then(|v| v.parse().ok()).unwrap_or(1);
    let step: i64 = call.options.value('i').and_then(|v| v.parse().ok()).unwrap_or(1);
    let regex = style.strip_prefix('p').and_then(|p| Regex::new(p.as_bytes(), Flags::default()).ok());
    for line in lines(&call.all()) {
        let text = bare(line);
        let numbered = match (style.as_bytes().first(), &regex) {
            (Some(b'a'), _) => true,
            (Some(b'n'), _) => false,
            (Some(b'p'), Some(regex)) => regex.is_match(text),
            _ => !text.is_empty(),
        };
        if numbered {
            let shown = match format.as_str() {
                "ln" => format!("{number:<width$}"),
                "rz" => format!("{number:0width$}"),
                _ => format!("{number:>width$}"),
            };
            out.extend_from_slice(shown.as_bytes());
            out.extend_from_slice(separator.as_bytes());
            number = number.wrapping_add(step);
        } else {
            out.extend(std::iter::repeat_n(b' ', width + separator.len()));
        }
        out.extend_from_slice(text);
        out.push(b'\n');
    }
    0
}

pub fn fold(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let width = call.number('w').unwrap_or(80).max(1);
    let (bytes, spaces) = (call.options.has('b'), call.options.has('s'));
    let next = |column: usize, b: u8| match b {
        _ if bytes => column + 1,
        b'\t' => column / 8 * 8 + 8,
        8 => column.saturating_sub(1),
        b'\r' => 0,
        _ => column + 1,
    };
    for line in lines(&call.all()) {
        let text = bare(line);
        let (mut begin, mut column, mut at) = (0, 0, 0);
        while at < text.len() {
            let after = next(column, text[at]);
            if after > width && at > begin {
                let mut end = at;
                if spaces && let Some(blank) = text[begin..at].iter().rposition(|b| *b == b' ' || *b == b'\t') {
                    end = begin + blank + 1;
                }
                out.extend_from_slice(&text[begin..end]);
                out.push(b'\n');
                begin = end;
                at = end;
                column = 0;
                continue;
            }
            column = after;
            at += 1;
        }
        out.extend_from_slice(&text[begin..]);
        out.extend_from_slice(&line[text.len()..]);
    }
    0
}

/// The stops of `-t`: every so many columns, or a list.
fn stops(call: &Call<'_>) -> Vec<usize> {
    let list = call.options.value('t').unwrap_or("8");
    let all: Vec<usize> = list.split([',', ' ']).filter_map(|n| n.parse().ok()).filter(|n| *n > 0).collect();
    if all.is_empty() { vec![8] } else { all }
}

fn next_stop(stops: &[usize], column: usize) -> usize {
    match stops {
        [every] => column / every * every + every,
        _ => stops.iter().copied().find(|s| *s > column).unwrap_or(column + 1),
    }
}

pub fn expand(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let stops = stops(call);
    let initial = call.options.has('i');
    for line in lines(&call.all()) {
        let (mut column, mut begun) = (0, false);
        for b in line {
            match b {
                b'\t' if !(initial && begun) => {
                    let to = next_stop(&stops, column);
                    out.extend(std::iter::repeat_n(b' ', to - column));
                    column = to;
                }
                8 => {
                    out.push(*b);
                    column = column.saturating_sub(1);
                }
                _ => {
                    begun |= *b != b' ';
                    out.push(*b);
                    column += 1;
                }
            }
        }
    }
    0
}

pub fn unexpand(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let stops = stops(call);
    let all = (call.options.has('a') || call.options.has('t')) && !call.options.has('f');
    for line in lines(&call.all()) {
        let (mut column, mut begun, mut pending) = (0usize, false, 0usize);
        for b in line {
            match b {
                b' ' if all || !begun => {
                    column += 1;
                    pending += 1;
                    let at_stop = next_stop(&stops, column - 1) == column;
                    if at_stop {
                        out.push(if pending > 1 || !begun { b'\t' } else { b' ' });
                        pending = 0;
                    }
                }
                b'\t' if all || !begun => {
                    column = next_stop(&stops, column);
                    pending = 0;
                    out.push(b'\t');
                }
                _ => {
                    out.extend(std::iter::repeat_n(b' ', pending));
                    pending = 0;
                    out.push(*b);
                    column += 1;
                    begun = true;
                }
            }
        }
        out.extend(std::iter::repeat_n(b' ', pending));
    }
    0
}
