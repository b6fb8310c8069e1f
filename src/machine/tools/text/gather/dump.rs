//! `od`, `hexdump` and `xxd`.

use super::Call;
use crate::machine::kernel::{OpenOptions, Sys};

/// How bytes are shown.
#[derive(Clone, Copy, PartialEq)]
enum Show {
    Char,
    Name,
    /// Base (8, 10, 16), or 0 for signed decimals, and the size of a number.
    Number(u32, usize),
    Float(usize),
}

impl Show {
    fn size(self) -> usize {
        match self {
            Show::Number(_, size) | Show::Float(size) => size,
            _ => 1,
        }
    }

    /// How wide a number is at most.
    fn width(self) -> usize {
        match self {
            Show::Char | Show::Name => 3,
            Show::Number(16, size) => size * 2,
            Show::Number(8, size) => [0, 3, 6, 8, 11, 0, 0, 0, 22][size.min(8)],
            Show::Number(10, size) => [0, 3, 5, 0, 10, 0, 0, 0, 20][size.min(8)],
            Show::Number(_, size) => [0, 4, 6, 0, 11, 0, 0, 0, 20][size.min(8)],
            Show::Float(4) => 15,
            Show::Float(_) => 24,
        }
    }

    fn show(self, bytes: &[u8]) -> String {
        let value = bytes.iter().rev().fold(0u64, |v, b| v << 8 | u64::from(*b));
        let width = self.width();
        match self {
            Show::Char => char_name(bytes.first().copied().unwrap_or(0)),
            Show::Name => named(bytes.first().copied().unwrap_or(0)),
            Show::Number(16, _) => format!("{value:0width$x}"),
            Show::Number(8, _) => format!("{value:0width$o}"),
            Show::Number(10, _) => format!("{value:>width$}"),
            Show::Number(_, size) => {
                let shift = 64 - 8 * size.clamp(1, 8);
                format!("{:>width$}", (value << shift) as i64 >> shift)
            }
            Show::Float(4) => {
                format!("{:>width$}", super::super::format::g(f64::from(f32::from_bits(value as u32)), 8))
            }
            Show::Float(_) => format!("{:>width$}", super::super::format::g(f64::from_bits(value), 17)),
        }
    }
}

fn char_name(b: u8) -> String {
    let text = match b {
        0 => "\\0",
        7 => "\\a",
        8 => "\\b",
        9 => "\\t",
        10 => "\\n",
        11 => "\\v",
        12 => "\\f",
        13 => "\\r",
        32..127 => return format!("  {}", char::from(b)),
        _ => return format!("{b:03o}"),
    };
    format!("{text:>3}")
}

fn named(b: u8) -> String {
    const NAMES: [&str; 33] = [
        "nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs", "ht", "nl", "vt", "ff", "cr", "so", "si", "dle",
        "dc1", "dc2", "dc3", "dc4", "nak", "syn", "etb", "can", "em", "sub", "esc", "fs", "gs", "rs", "us", "sp",
    ];
    let b = b & 0x7f;
    match NAMES.get(usize::from(b)) {
        Some(name) => format!("{name:>3}"),
        None if b == 127 => "del".into(),
        None => format!("{:>3}", char::from(b)),
    }
}

/// The types of a `-t`; whether text is shown beside, for each.
fn types(text: &str) -> Option<Vec<(Show, bool)>> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(kind) = chars.next() {
        let default = if kind == 'f' { 8 } else { 4 };
        let mut size = default;
        if !matches!(kind, 'a' | 'c') {
            match chars.peek().copied() {
                Some(d) if d.is_ascii_digit() => {
                    size = d.to_digit(10)? as usize;
                    chars.next();
                }
                Some('C') => (size, _) = (1, chars.next()),
                Some('S') => (size, _) = (2, chars.next()),
                Some('I' | 'F') => (size, _) = (4, chars.next()),
                Some('L' | 'D') => (size, _) = (8, chars.next()),
                _ => {}
            }
        }
        if !matches!(size, 1 | 2 | 4 | 8) {
            return None;
        }
        let show = match kind {
            'a' => Show::Name,
            'c' => Show::Char,
            'd' => Show::Number(0, size),
            'o' => Show::Number(8, size),
            'u' => Show::Number(10, size),
            'x' => Show::Number(16, size),
            'f' => Show::Float(size),
            _ => return None,
        };
        let beside = chars.next_if_eq(&'z').is_some();
        out.push((show, beside));
    }
    Some(out)
}

fn offset(text: Option<&str>) -> usize {
    let Some(text) = text else { return 0 };
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'b') if !text.starts_with("0x") => (&text[..text.len() - 1], 512),
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1024),
        _ => (text, 1),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => usize::from_str_radix(hex, 16),
        None if digits.starts_with('0') => usize::from_str_radix(digits, 8),
        None => digits.parse(),
    };
    value.unwrap_or(0).saturating_mul(factor)
}

pub fn od(sys: &mut Sys<'_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let mut shows: Vec<(Show, bool)> = Vec::new();
    for (letter, value) in &call.options.found {
        let show = match letter {
            't' => {
                match types(value) {
                    Some(types) => shows.extend(types),
                    None => {
                        sys.err(format!("od: invalid type string '{value}'\n"));
                        return 1;
                    }
                }
                continue;
            }
            'a' => Show::Name,
            'b' => Show::Number(8, 1),
            'c' => Show::Char,
            'd' => Show::Number(10, 2),
            'D' => Show::Number(10, 4),
            'i' if !call.gnu => Show::Number(0, 2),
            'i' | 'I' => Show::Number(0, 4),
            'l' | 'L' => Show::Number(0, 8),
            'o' | 'B' => Show::Number(8, 2),
            'O' => Show::Number(8, 4),
            's' => Show::Number(0, 2),
            'x' | 'h' => Show::Number(16, 2),
            'X' | 'H' => Show::Number(16, 4),
            'f' | 'F' => Show::Float(if *letter == 'f' { 4 } else { 8 }),
            _ => continue,
        };
        shows.push((show, false));
    }
    if shows.is_empty() {
        shows.push((Show::Number(8, 2), false));
    }
    let skip = offset(call.options.value('j'));
    let limit = call.options.value('N').map_or(usize::MAX, |n| offset(Some(n)));
    let all = call.all();
    let bytes: Vec<u8> = all.get(skip..).unwrap_or_default().iter().copied().take(limit).collect();
    let per_line = call
        .options
        .value('w')
        .and_then(|w| if w.is_empty() { Some(32) } else { w.parse().ok() })
        .unwrap_or(16usize)
        .clamp(1, 4096);
    let radix = call.options.value('A').and_then(|a| a.chars().next()).unwrap_or('o');
    let address = |at: usize| match radix {
        'n' => String::new(),
        'x' => format!("{at:06x}"),
        'd' => format!("{at:07}"),
        _ => format!("{at:07o}"),
    };
    // All types share the columns of the widest.
    let block = shows.iter().map(|(s, _)| s.size()).max().unwrap_or(1);
    let block_width = shows.iter().map(|(s, _)| (s.width() + 1) * (block / s.size())).max().unwrap_or(4);
    let mut before: Option<&[u8]> = None;
    let mut starred = false;
    for (n, row) in bytes.chunks(per_line).enumerate() {
        let last = (n + 1) * per_line >= bytes.len();
        if before == Some(row) && !call.options.has('v') && !last {
            if !std::mem::replace(&mut starred, true) {
                out.extend_from_slice(b"*\n");
            }
            continue;
        }
        (before, starred) = (Some(row), false);
        for (k, (show, beside)) in shows.iter().enumerate() {
            let head = address(skip + n * per_line);
            let head = if k == 0 { head } else { " ".repeat(head.len()) };
            out.extend_from_slice(head.as_bytes());
            let size = show.size();
            let mut text = String::new();
            for group in row.chunks(block) {
                let mut shown = String::new();
                let count = block / size;
                for item in group.chunks(size) {
                    let each = block_width / count;
                    shown.push_str(&format!("{:>each$}", show.show(item)));
                }
                text.push_str(&shown);
            }
            out.extend_from_slice(text.as_bytes());
            if *beside {
                let full = per_line.div_ceil(block) * block_width;
                out.extend(std::iter::repeat_n(b' ', full.saturating_sub(text.len()) + 2));
                out.push(b'>');
                out.extend(row.iter().map(|b| if (32..127).contains(b) { *b } else { b'.' }));
                out.push(b'<');
            }
            out.push(b'\n');
        }
    }
    if radix != 'n' {
        out.extend_from_slice(format!("{}\n", address(skip + bytes.len())).as_bytes());
    }
    0
}

pub fn hexdump(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let skip = offset(call.options.value('s'));
    let limit = call.options.value('n').map_or(usize::MAX, |n| offset(Some(n)));
    let all = call.all();
    let bytes: Vec<u8> = all.get(skip..).unwrap_or_default().iter().copied().take(limit).collect();
    let kind = call.options.found.iter().map(|(l, _)| *l).find(|l| "bcCdox".contains(*l)).unwrap_or(' ');
    if let Some(format) = call.options.value('e') {
        return hexdump_format(format, &bytes, out);
    }
    let mut before: Option<&[u8]> = None;
    let mut starred = false;
    for (n, row) in bytes.chunks(16).enumerate() {
        if before == Some(row) && !call.options.has('v') {
            if !std::mem::replace(&mut starred, true) {
                out.extend_from_slice(b"*\n");
            }
            continue;
        }
        (before, starred) = (Some(row), false);
        let at = skip + n * 16;
        if kind == 'C' {
            let mut text = format!("{at:08x} ");
            for k in 0..16 {
                match row.get(k) {
                    Some(b) => text.push_str(&format!(" {b:02x}")),
                    None => text.push_str("   "),
                }
                if k == 7 {
                    text.push(' ');
                }
            }
            let ascii: String = row.iter().map(|b| if (32..127).contains(b) { char::from(*b) } else { '.' }).collect();
            out.extend_from_slice(format!("{text}  |{ascii}|\n").as_bytes());
            continue;
        }
        let mut text = format!("{at:07x}");
        let show = match kind {
            'b' => Show::Number(8, 1),
            'c' => Show::Char,
            'o' => Show::Number(8, 2),
            'd' => Show::Number(10, 2),
            _ => Show::Number(16, 2),
        };
        let (size, width) = match kind {
            'b' | 'c' => (1, 4),
            ' ' => (2, 5),
            _ => (2, 8),
        };
        for k in 0..16 / size {
            let shown = row.get(k * size..).filter(|r| !r.is_empty()).map(|r| {
                let item = &r[..size.min(r.len())];
                match kind {
                    'd' => format!("{:05}", item.iter().rev().fold(0u32, |v, b| v << 8 | u32::from(*b))),
                    _ => show.show(item),
                }
            });
            text.push_str(&format!("{:>width$}", shown.unwrap_or_default()));
        }
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    }
    if !bytes.is_empty() {
        let width = if kind == 'C' { 8 } else { 7 };
        out.extend_from_slice(format!("{:0width$x}\n", skip + bytes.len()).as_bytes());
    }
    0
}

/// The common forms of `-e`: a count, a size and a format for each number.
fn hexdump_format(format: &str, bytes: &[u8], out: &mut Vec<u8>) -> u8 {
    let quoted = format.split('"').nth(1).unwrap_or("%02x").replace("\\n", "\n").replace("\\t", "\t");
    let head = format.split('"').next().unwrap_or_default().trim();
    let size: usize = head.split_once('/').and_then(|(_, s)| s.trim().parse().ok()).unwrap_or(1).clamp(1, 8);
    for item in bytes.chunks(size) {
        let value = item.iter().rev().fold(0u64, |v, b| v << 8 | u64::from(*b));
        let text = quoted.as_bytes();
        let mut at = 0;
        while let Some(b) = text.get(at) {
            at += 1;
            if *b != b'%' {
                out.push(*b);
                continue;
            }
            let rest = text.get(at..).unwrap_or_default();
            let Some((directive, len)) = super::super::format::Directive::parse(rest, || 0) else { continue };
            at += len;
            let shown = match directive.conversion {
                b'd' | b'i' => directive.signed(i128::from(value)),
                b'c' => char::from(value as u8).to_string(),
                _ => directive.unsigned(value),
            };
            out.extend_from_slice(shown.as_bytes());
        }
    }
    0
}

pub fn xxd(sys: &mut Sys<'_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let options = &call.options;
    let (plain, bits) = (options.has('p'), options.has('b'));
    let all = call.all();
    let mut done = Vec::new();
    if options.has('r') {
        done = unxxd(&all, plain);
    } else {
        let skip = offset(options.value('s'));
        let limit = options.value('l').or(options.value('n')).map_or(usize::MAX, |n| offset(Some(n)));
        let bytes: Vec<u8> = all.get(skip..).unwrap_or_default().iter().copied().take(limit).collect();
        let columns = options.value('c').map(|c| offset(Some(c)));
        if options.has('i') {
            include(call, &bytes, &mut done);
        } else if plain {
            let columns = columns.filter(|c| *c > 0).unwrap_or(30);
            for row in bytes.chunks(columns) {
                done.extend_from_slice(row.iter().map(|b| hex(*b, options.has('u'))).collect::<String>().as_bytes());
                done.push(b'\n');
            }
        } else {
            let columns = columns.filter(|c| *c > 0).unwrap_or(if bits { 6 } else { 16 }).min(256);
            let group = options.value('g').map_or(if bits { 1 } else { 2 }, |g| offset(Some(g)));
            let group = if group == 0 { columns } else { group };
            let shift = skip + offset(options.value('o'));
            for (n, row) in bytes.chunks(columns).enumerate() {
                let mut text = String::new();
                for k in 0..columns {
                    match row.get(k) {
                        Some(b) if bits => text.push_str(&format!("{b:08b}")),
                        Some(b) => text.push_str(&hex(*b, options.has('u'))),
                        None => text.push_str(if bits { "        " } else { "  " }),
                    }
                    if (k + 1) % group == 0 && k + 1 < columns {
                        text.push(' ');
                    }
                }
                let ascii: String =
                    row.iter().map(|b| if (32..127).contains(b) { char::from(*b) } else { '.' }).collect();
                done.extend_from_slice(format!("{:08x}: {text}  {ascii}\n", shift + n * columns).as_bytes());
            }
        }
    }
    match options.operands.get(1) {
        Some(to) => {
            let written = sys.open(to, OpenOptions::WRITE).and_then(|fd| sys.write(fd, &done));
            if let Err(fault) = written {
                let text = sys.text(fault);
                sys.err(format!("xxd: {to}: {text}\n"));
                return 3;
            }
        }
        None => out.extend_from_slice(&done),
    }
    if call.failed && call.gnu { 2 } else { 0 }
}

fn hex(b: u8, upper: bool) -> String {
    if upper { format!("{b:02X}") } else { format!("{b:02x}") }
}

fn include(call: &Call<'_>, bytes: &[u8], out: &mut Vec<u8>) {
    let name = call.files.first().map(|(n, _)| n.clone()).filter(|n| n != "-");
    let name = name.map(|n| n.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>());
    if let Some(name) = &name {
        out.extend_from_slice(format!("unsigned char {name}[] = {{\n").as_bytes());
    }
    let rows: Vec<String> =
        bytes.chunks(12).map(|row| row.iter().map(|b| format!("0x{b:02x}")).collect::<Vec<_>>().join(", ")).collect();
    let end = if call.gnu { "" } else { "," };
    if !rows.is_empty() {
        out.extend_from_slice(format!("  {}{end}\n", rows.join(",\n  ")).as_bytes());
    }
    if let Some(name) = &name {
        out.extend_from_slice(format!("}};\nunsigned int {name}_len = {};\n", bytes.len()).as_bytes());
    }
}

/// Bytes out of a dump.
fn unxxd(text: &[u8], plain: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for line in text.split(|b| *b == b'\n') {
        let body = match (plain, line.iter().position(|b| *b == b':')) {
            (true, _) => line,
            (false, Some(at)) => line.get(at + 1..).unwrap_or_default(),
            (false, None) => continue,
        };
        let mut half = None;
        let mut blanks = 0;
        for b in body {
            let Some(digit) = char::from(*b).to_digit(16) else {
                blanks = if *b == b' ' { blanks + 1 } else { 2 };
                // Two blanks end the digits of a line with text behind them.
                if !plain && blanks > 1 && !out.is_empty() && body.first() == Some(&b' ') {
                    break;
                }
                continue;
            };
            blanks = 0;
            match half.take() {
                Some(high) => out.push((high * 16 + digit) as u8),
                None => half = Some(digit),
            }
        }
    }
    out
}
