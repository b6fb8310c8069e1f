//! `shuf`, `split`, `strings`, `dos2unix` and `uuencode`.

use super::super::numbers;
use super::{Call, bare, lines};
use crate::machine::images::Userland;
use crate::machine::kernel::{OpenOptions, Sys};

pub fn shuf(sys: &mut Sys<'_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let mut all: Vec<Vec<u8>> = if call.options.has('e') {
        call.options.operands.iter().map(|o| o.as_bytes().to_vec()).collect()
    } else if let Some(range) = call.options.value('i') {
        let ends = range.split_once('-').and_then(|(a, b)| Some((a.parse::<u64>().ok()?, b.parse::<u64>().ok()?)));
        let Some((from, to)) = ends else {
            sys.err(format!("shuf: invalid input range: '{range}'\n"));
            return 1;
        };
        (from..=to).take(1_000_000).map(|n| n.to_string().into_bytes()).collect()
    } else {
        lines(&call.all()).map(|l| bare(l).to_vec()).collect()
    };
    let count = call.number('n').unwrap_or(usize::MAX);
    let mut picked = Vec::new();
    if call.options.has('r') && !all.is_empty() {
        for _ in 0..count.min(100_000) {
            let at = (sys.random() % all.len() as u64) as usize;
            picked.push(all[at].clone());
        }
    } else {
        for n in 0..all.len().min(count) {
            let at = n + (sys.random() % (all.len() - n) as u64) as usize;
            all.swap(n, at);
        }
        all.truncate(count);
        picked = all;
    }
    let end = if call.options.has('z') { 0 } else { b'\n' };
    for line in picked {
        out.extend_from_slice(&line);
        out.push(end);
    }
    if let Some(to) = call.options.value('o').map(str::to_string) {
        let bytes = std::mem::take(out);
        let _ = sys.open(&to, OpenOptions::WRITE).and_then(|fd| sys.write(fd, &bytes));
    }
    0
}

/// The suffix of a part: letters, or digits.
fn suffix(mut number: usize, len: usize, digits: bool) -> Option<String> {
    let base = if digits { 10 } else { 26 };
    let mut out = Vec::new();
    for _ in 0..len {
        let digit = (number % base) as u8;
        out.push(if digits { b'0' + digit } else { b'a' + digit });
        number /= base;
    }
    out.reverse();
    (number == 0).then(|| String::from_utf8_lossy(&out).into_owned())
}

pub fn split(sys: &mut Sys<'_>, call: &mut Call<'_>) -> u8 {
    let prefix = call.options.operands.get(1).cloned().unwrap_or_else(|| "x".into());
    let len = call.number('a').filter(|a| *a > 0).unwrap_or(2).min(20);
    let all = call.all();
    let size = |letter: char| call.options.value(letter).map(|v| numbers::size(v, Userland::Gnu).filter(|n| *n > 0));
    let parts: Vec<Vec<u8>> = match (size('b').or(size('C')), size('n')) {
        (Some(None), _) | (_, Some(None)) => {
            let value = call.options.value('b').or(call.options.value('n')).unwrap_or_default();
            sys.err(format!("split: invalid number of bytes: '{value}'\n"));
            return 1;
        }
        (Some(Some(bytes)), _) => all.chunks(bytes as usize).map(<[u8]>::to_vec).collect(),
        (None, Some(Some(count))) => {
            let count = (count as usize).min(10_000);
            let each = all.len() / count;
            (0..count)
                .map(|n| {
                    let end = if n + 1 == count { all.len() } else { (n + 1) * each };
                    all.get(n * each..end).unwrap_or_default().to_vec()
                })
                .collect()
        }
        _ => {
            let Some(count) = numbers::plain(call.options.value('l').unwrap_or("1000")).filter(|n| *n > 0) else {
                let value = call.options.value('l').unwrap_or_default();
                sys.err(format!("split: invalid number of lines: '{value}'\n"));
                return 1;
            };
            let every: Vec<&[u8]> = lines(&all).collect();
            every.chunks(count as usize).map(<[&[u8]]>::concat).collect()
        }
    };
    let more = call.options.value('S').unwrap_or("").to_string();
    for (n, part) in parts.into_iter().enumerate() {
        let Some(suffix) = suffix(n, len, call.options.has('d')) else {
            sys.err("split: output file suffixes exhausted\n");
            return 1;
        };
        let name = format!("{prefix}{suffix}{more}");
        let written = sys.open(&name, OpenOptions::WRITE).and_then(|fd| {
            let written = sys.write(fd, &part);
            sys.close(fd).and(written)
        });
        if let Err(fault) = written {
            let text = sys.text(fault);
            sys.err(format!("split: {name}: {text}\n"));
            return 1;
        }
    }
    0
}

pub fn strings(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let least = call.number('n').unwrap_or(4).max(1);
    for (name, bytes) in &call.files {
        let mut begin = 0;
        for at in 0..=bytes.len() {
            let printable = bytes.get(at).is_some_and(|b| (32..127).contains(b) || *b == b'\t');
            if printable {
                continue;
            }
            if at - begin >= least {
                if call.options.has('f') {
                    out.extend_from_slice(format!("{name}: ").as_bytes());
                }
                match call.options.value('t').or(call.options.has('o').then_some("o")) {
                    Some("x") => out.extend_from_slice(format!("{begin:7x} ").as_bytes()),
                    Some("d") => out.extend_from_slice(format!("{begin:7} ").as_bytes()),
                    Some(_) => out.extend_from_slice(format!("{begin:7o} ").as_bytes()),
                    None => {}
                }
                out.extend_from_slice(&bytes[begin..at]);
                out.push(b'\n');
            }
            begin = at + 1;
        }
    }
    0
}

pub fn dos2unix(sys: &mut Sys<'_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let to_dos = (call.tool == "unix2dos" || call.options.has('d')) && !call.options.has('u');
    for (name, bytes) in std::mem::take(&mut call.files) {
        let mut done = Vec::with_capacity(bytes.len());
        for line in lines(&bytes) {
            let text = bare(line);
            let ended = text.len() < line.len();
            let text = if ended { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
            done.extend_from_slice(text);
            if ended {
                done.extend_from_slice(if to_dos { b"\r\n" } else { b"\n" });
            }
        }
        if call.options.operands.is_empty() {
            out.extend_from_slice(&done);
            continue;
        }
        if let Ok(fd) = sys.open(&name, OpenOptions::WRITE) {
            let _ = sys.write(fd, &done);
            let _ = sys.close(fd);
        }
        if call.gnu {
            let format = if to_dos { "DOS" } else { "Unix" };
            sys.err(format!("{}: converting file {name} to {format} format...\n", call.tool));
        }
    }
    0
}

pub fn uuencode(call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let name = call.options.operands.last().cloned().unwrap_or_default();
    out.extend_from_slice(format!("begin 644 {name}\n").as_bytes());
    let code = |v: u8| if v == 0 { b'`' } else { v + 32 };
    for row in call.all().chunks(45) {
        out.push(code(row.len() as u8));
        for three in row.chunks(3) {
            let byte = |n: usize| three.get(n).copied().unwrap_or(0);
            let word = u32::from(byte(0)) << 16 | u32::from(byte(1)) << 8 | u32::from(byte(2));
            out.extend([18, 12, 6, 0].map(|shift| code((word >> shift & 63) as u8)));
        }
        out.push(b'\n');
    }
    out.extend_from_slice(b"`\nend\n");
    0
}
