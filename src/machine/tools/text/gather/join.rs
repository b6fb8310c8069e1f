//! `paste`, `comm` and `join`.

use std::cmp::Ordering;

use super::{Call, bare, lines};
use crate::machine::kernel::Sys;

/// The delimiters of `paste -d`; an empty one for `\0`.
fn delimiters(text: &str) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c.to_string().into_bytes());
            continue;
        }
        out.push(match chars.next() {
            Some('n') => b"\n".to_vec(),
            Some('t') => b"\t".to_vec(),
            Some('0') => Vec::new(),
            Some(other) => other.to_string().into_bytes(),
            None => b"\\".to_vec(),
        });
    }
    if out.is_empty() { vec![Vec::new()] } else { out }
}

pub fn paste(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let delimiters = delimiters(call.options.value('d').unwrap_or("\t"));
    if call.options.has('s') {
        for (_, bytes) in &call.files {
            for (n, line) in lines(bytes).enumerate() {
                if n > 0 {
                    out.extend_from_slice(&delimiters[(n - 1) % delimiters.len()]);
                }
                out.extend_from_slice(bare(line));
            }
            out.push(b'\n');
        }
        return 0;
    }
    // Standard input that is named more than once is shared out line by line.
    let dashes = call.files.iter().filter(|(name, _)| name == "-").count();
    let shared: Vec<u8> = call.files.iter().filter(|(n, _)| n == "-").flat_map(|(_, b)| b.clone()).collect();
    let mut dash = 0;
    let columns: Vec<Vec<&[u8]>> = call
        .files
        .iter()
        .map(|(name, bytes)| {
            if name != "-" || dashes < 2 {
                return lines(bytes).map(bare).collect();
            }
            dash += 1;
            lines(&shared).map(bare).skip(dash - 1).step_by(dashes).collect()
        })
        .collect();
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    if !call.gnu {
        // busybox passes over what has ended, its delimiter included.
        for row in 0..rows {
            let mut delimiter = 0;
            for (n, column) in columns.iter().enumerate() {
                let Some(line) = column.get(row) else { continue };
                out.extend_from_slice(line);
                if n + 1 == columns.len() {
                    out.push(b'\n');
                } else {
                    out.extend_from_slice(&delimiters[delimiter % delimiters.len()]);
                    delimiter += 1;
                }
            }
        }
        return 0;
    }
    for row in 0..rows {
        for (n, column) in columns.iter().enumerate() {
            if n > 0 {
                out.extend_from_slice(&delimiters[(n - 1) % delimiters.len()]);
            }
            out.extend_from_slice(column.get(row).copied().unwrap_or_default());
        }
        out.push(b'\n');
    }
    0
}

pub fn comm(sys: &mut Sys<'_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let [(_, first), (_, second)] = &call.files[..] else { return 1 };
    let hidden = ['1', '2', '3'].map(|l| call.options.has(l));
    let between = call.options.value('O').unwrap_or("\t").as_bytes().to_vec();
    let (a, b): (Vec<&[u8]>, Vec<&[u8]>) = (lines(first).map(bare).collect(), lines(second).map(bare).collect());
    let (mut i, mut j) = (0, 0);
    let mut counts = [0usize; 3];
    let mut unsorted = [false; 2];
    while i < a.len() || j < b.len() {
        let order = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.cmp(y),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        let (column, line) = match order {
            Ordering::Less => (0, a[i]),
            Ordering::Greater => (1, b[j]),
            Ordering::Equal => (2, a[i]),
        };
        counts[column] += 1;
        if !hidden[column] {
            for earlier in hidden.iter().take(column) {
                if !earlier {
                    out.extend_from_slice(&between);
                }
            }
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        let steps = [order.is_le(), order.is_ge()];
        for (n, (all, at)) in [(&a, &mut i), (&b, &mut j)].into_iter().enumerate() {
            if steps[n] {
                *at += 1;
                let falls = all.get(*at).is_some_and(|next| *next < all[*at - 1]);
                if falls && !unsorted[n] && !call.options.has('N') && call.gnu {
                    sys.err(format!("comm: file {} is not in sorted order\n", n + 1));
                    unsorted[n] = true;
                }
            }
        }
    }
    if call.options.has('T') {
        out.extend_from_slice(format!("{}\t{}\t{}\ttotal\n", counts[0], counts[1], counts[2]).as_bytes());
    }
    if unsorted.contains(&true) {
        sys.err("comm: input is not in sorted order\n");
        return 1;
    }
    0
}

/// A line as `join` sees it.
struct Row {
    fields: Vec<Vec<u8>>,
    key: Vec<u8>,
}

pub fn join(sys: &mut Sys<'_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let [(first_name, first), (second_name, second)] = &call.files[..] else { return 1 };
    let tab = call.options.value('t').and_then(|t| if t == "\\t" { Some(b'\t') } else { t.bytes().next() });
    let both = call.number('j');
    let keys = [call.number('1').or(both).unwrap_or(1), call.number('2').or(both).unwrap_or(1)];
    let fold = call.options.has('i');
    let rows = |bytes: &[u8], key: usize| -> Vec<Row> {
        let split = |line: &[u8]| -> Vec<Vec<u8>> {
            match tab {
                Some(tab) => line.split(|b| *b == tab).map(<[u8]>::to_vec).collect(),
                None => {
                    let blank = |b: &u8| *b == b' ' || *b == b'\t';
                    line.split(blank).filter(|f| !f.is_empty()).map(<[u8]>::to_vec).collect()
                }
            }
        };
        lines(bytes)
            .map(|line| {
                let fields = split(bare(line));
                let key = fields.get(key.max(1) - 1).cloned().unwrap_or_default();
                Row { key: if fold { key.to_ascii_lowercase() } else { key }, fields }
            })
            .collect()
    };
    let (a, b) = (rows(first, keys[0]), rows(second, keys[1]));
    let between = [tab.unwrap_or(b' ')];
    let empty = call.options.value('e').unwrap_or("").as_bytes().to_vec();
    let shown: Option<Vec<(usize, usize)>> = call.options.value('o').filter(|o| *o != "auto").map(|list| {
        list.split([',', ' '])
            .map(|item| match item.split_once('.') {
                Some((file, field)) => (file.parse().unwrap_or(0), field.parse().unwrap_or(1)),
                None => (0, 1),
            })
            .collect()
    });
    let mut put = |x: Option<&Row>, y: Option<&Row>| {
        let key = x.map(|r| r.fields.get(keys[0] - 1)).or(y.map(|r| r.fields.get(keys[1] - 1))).flatten();
        let field = |row: Option<&Row>, n: usize| row.and_then(|r| r.fields.get(n.max(1) - 1)).cloned();
        let fields: Vec<Vec<u8>> = match &shown {
            Some(shown) => shown
                .iter()
                .map(|(file, n)| match file {
                    0 => key.cloned(),
                    1 => field(x, *n),
                    _ => field(y, *n),
                })
                .map(|f| f.unwrap_or_else(|| empty.clone()))
                .collect(),
            None => {
                let rest = |row: Option<&Row>, key: usize| -> Vec<Vec<u8>> {
                    let all = row.map(|r| r.fields.clone()).unwrap_or_default();
                    all.into_iter().enumerate().filter(|(n, _)| n + 1 != key).map(|(_, f)| f).collect()
                };
                let mut all = vec![key.cloned().unwrap_or_default()];
                all.extend(rest(x, keys[0]));
                all.extend(rest(y, keys[1]));
                all
            }
        };
        out.extend_from_slice(&fields.join(&between[..]));
        out.push(b'\n');
    };
    let wants = |file: &str| call.options.values('a').chain(call.options.values('v')).any(|v| v == file);
    let pairs = !call.options.has('v');
    let (mut i, mut j) = (0, 0);
    if call.options.has('H') && !a.is_empty() && !b.is_empty() {
        put(a.first(), b.first());
        (i, j) = (1, 1);
    }
    while i < a.len() || j < b.len() {
        let order = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.key.cmp(&y.key),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        match order {
            Ordering::Less => {
                if wants("1") {
                    put(a.get(i), None);
                }
                i += 1;
            }
            Ordering::Greater => {
                if wants("2") {
                    put(None, b.get(j));
                }
                j += 1;
            }
            Ordering::Equal => {
                let same = |all: &[Row], from: usize| all[from..].iter().take_while(|r| r.key == all[from].key).count();
                let (n, m) = (same(&a, i), same(&b, j));
                if pairs {
                    for x in &a[i..i + n] {
                        for y in &b[j..j + m] {
                            put(Some(x), Some(y));
                        }
                    }
                }
                (i, j) = (i + n, j + m);
            }
        }
    }
    let mut fell = false;
    for (name, rows, bytes) in [(first_name, &a, first), (second_name, &b, second)] {
        let falls = rows.windows(2).position(|w| w[1].key < w[0].key);
        if let (Some(at), false, true) = (falls, call.options.has('N'), call.gnu) {
            let line = lines(bytes).nth(at + 1).map(bare).unwrap_or_default();
            sys.err(format!("join: {name}:{}: is not sorted: {}\n", at + 2, String::from_utf8_lossy(line)));
            fell = true;
        }
    }
    if fell {
        sys.err("join: input is not in sorted order\n");
    }
    u8::from(fell)
}
