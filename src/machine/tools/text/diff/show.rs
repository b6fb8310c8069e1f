//! How differences are printed.

use super::lcs::Change;

fn line(out: &mut Vec<u8>, mark: &str, text: &[u8]) {
    out.extend_from_slice(mark.as_bytes());
    out.extend_from_slice(text);
    if text.last() != Some(&b'\n') {
        out.extend_from_slice(b"\n\\ No newline at end of file\n");
    }
}

fn range(from: usize, to: usize) -> String {
    match to - from {
        0 => from.to_string(),
        1 => to.to_string(),
        _ => format!("{},{to}", from + 1),
    }
}

/// The normal form.
pub fn normal(changes: &[Change], a: &[&[u8]], b: &[&[u8]], out: &mut Vec<u8>) {
    for change in changes {
        let letter = match (change.a.0 == change.a.1, change.b.0 == change.b.1) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        let head = format!("{}{letter}{}\n", range(change.a.0, change.a.1), range(change.b.0, change.b.1));
        out.extend_from_slice(head.as_bytes());
        a[change.a.0..change.a.1].iter().for_each(|l| line(out, "< ", l));
        if letter == 'c' {
            out.extend_from_slice(b"---\n");
        }
        b[change.b.0..change.b.1].iter().for_each(|l| line(out, "> ", l));
    }
}

/// Changes that are shown together, as their contexts touch.
fn hunks(changes: &[Change], lines: usize) -> Vec<&[Change]> {
    let mut out = Vec::new();
    let mut begin = 0;
    for n in 1..=changes.len() {
        let apart = n == changes.len() || changes[n].a.0 - changes[n - 1].a.1 > 2 * lines;
        if apart {
            out.push(&changes[begin..n]);
            begin = n;
        }
    }
    out
}

fn unified_range(from: usize, to: usize) -> String {
    match to - from {
        1 => (from + 1).to_string(),
        0 => format!("{from},0"),
        len => format!("{},{len}", from + 1),
    }
}

/// The unified form.
pub fn unified(changes: &[Change], a: &[&[u8]], b: &[&[u8]], lines: usize, titles: &[String; 2], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("--- {}\n+++ {}\n", titles[0], titles[1]).as_bytes());
    for hunk in hunks(changes, lines) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        let before = first.a.0.min(lines);
        let after = (a.len() - last.a.1).min(lines);
        let (from, to) = (first.a.0 - before, last.a.1 + after);
        let head =
            format!("@@ -{} +{} @@\n", unified_range(from, to), unified_range(first.b.0 - before, last.b.1 + after));
        out.extend_from_slice(head.as_bytes());
        let mut at = from;
        for change in hunk {
            a[at..change.a.0].iter().for_each(|l| line(out, " ", l));
            a[change.a.0..change.a.1].iter().for_each(|l| line(out, "-", l));
            b[change.b.0..change.b.1].iter().for_each(|l| line(out, "+", l));
            at = change.a.1;
        }
        a[at..to].iter().for_each(|l| line(out, " ", l));
    }
}

fn context_range(from: usize, to: usize) -> String {
    match to - from {
        0 => from.to_string(),
        1 => to.to_string(),
        _ => format!("{},{to}", from + 1),
    }
}

/// The form with context.
pub fn context(changes: &[Change], a: &[&[u8]], b: &[&[u8]], lines: usize, titles: &[String; 2], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*** {}\n--- {}\n", titles[0], titles[1]).as_bytes());
    for hunk in hunks(changes, lines) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        let before = first.a.0.min(lines);
        let after = (a.len() - last.a.1).min(lines);
        out.extend_from_slice(b"***************\n");
        for side in [0, 1] {
            let span = |c: &Change| if side == 0 { c.a } else { c.b };
            let all = if side == 0 { a } else { b };
            let (from, to) = (span(first).0 - before, span(last).1 + after);
            let (mark, end) = if side == 0 { ("***", "****") } else { ("---", "----") };
            out.extend_from_slice(format!("{mark} {} {end}\n", context_range(from, to)).as_bytes());
            if hunk.iter().all(|c| span(c).0 == span(c).1) {
                continue;
            }
            let mut at = from;
            for change in hunk {
                let (x, y) = span(change);
                all[at..x].iter().for_each(|l| line(out, "  ", l));
                let both = change.a.0 < change.a.1 && change.b.0 < change.b.1;
                let mark = match (both, side) {
                    (true, _) => "! ",
                    (_, 0) => "- ",
                    _ => "+ ",
                };
                all[x..y].iter().for_each(|l| line(out, mark, l));
                at = y;
            }
            all[at..to].iter().for_each(|l| line(out, "  ", l));
        }
    }
}
