//! `column`, `fmt`, `more` and `less`.

use super::{Call, bare, lines};

fn width_of(text: &str) -> usize {
    text.chars().count()
}

pub fn column(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let all = String::from_utf8_lossy(&call.all()).into_owned();
    if !call.options.has('t') {
        return fill(call, &all, out);
    }
    let separators = call.options.value('s');
    let rows: Vec<Vec<&str>> = all
        .lines()
        .filter(|l| !l.trim().is_empty())
        .map(|line| match separators {
            Some(chars) => line.split(|c| chars.contains(c)).collect(),
            None => line.split_whitespace().collect(),
        })
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..columns).map(|n| rows.iter().filter_map(|r| r.get(n)).map(|f| width_of(f)).max().unwrap_or(0)).collect();
    let between = call.options.value('o').unwrap_or("  ");
    for row in rows {
        let mut line = String::new();
        for (n, field) in row.iter().enumerate() {
            if n + 1 == columns {
                line.push_str(field);
            } else {
                let pad = widths[n].saturating_sub(width_of(field));
                line.push_str(field);
                line.push_str(&" ".repeat(pad));
                line.push_str(between);
            }
        }
        // Cells that a row lacks are blank all the same.
        for width in widths.iter().take(columns.saturating_sub(1)).skip(row.len()) {
            line.push_str(&" ".repeat(*width));
            line.push_str(between);
        }
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    0
}

/// Lines in columns, one below the other.
fn fill(call: &Call<'_>, all: &str, out: &mut Vec<u8>) -> u8 {
    let items: Vec<&str> = all.lines().filter(|l| !l.trim().is_empty()).collect();
    let total = call.number('c').unwrap_or(80);
    let widest = items.iter().map(|i| width_of(i)).max().unwrap_or(0);
    let width = (widest / 8 + 1) * 8;
    let columns = (total / width).max(1);
    let rows = items.len().div_ceil(columns);
    for row in 0..rows {
        let mut column = 0;
        for n in (row..items.len()).step_by(rows.max(1)) {
            let item = items[n];
            out.extend_from_slice(item.as_bytes());
            if n + rows < items.len() {
                let mut at = width_of(item);
                while at < width {
                    out.push(b'\t');
                    at = at / 8 * 8 + 8;
                }
            }
            column += 1;
        }
        let _ = column;
        out.push(b'\n');
    }
    0
}

pub fn fmt(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let width = call.number('w').unwrap_or(75).max(1);
    let goal = width * 187 / 200;
    let text = String::from_utf8_lossy(&call.all()).into_owned();
    let mut words: Vec<&str> = Vec::new();
    let mut put = |words: &mut Vec<&str>| {
        let mut line = String::new();
        for word in words.drain(..) {
            let fits = line.is_empty() || width_of(&line) + 1 + width_of(word) <= goal.max(1);
            if !fits {
                out.extend_from_slice(line.as_bytes());
                out.push(b'\n');
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
    };
    for line in text.lines() {
        if line.trim().is_empty() {
            put(&mut words);
            words.clear();
            put(&mut vec![""]);
            continue;
        }
        words.extend(line.split_whitespace());
    }
    put(&mut words);
    0
}

pub fn more(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let several = call.files.len() > 1 && call.tool == "more" && call.gnu;
    for (name, bytes) in &call.files {
        if several && name != "-" {
            out.extend_from_slice(format!("::::::::::::::\n{name}\n::::::::::::::\n").as_bytes());
        }
        for line in lines(bytes) {
            out.extend_from_slice(bare(line));
            out.extend_from_slice(&line[bare(line).len()..]);
        }
    }
    0
}
