//! `tr`.

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::opts::{self, Arg, Options, Spec};
use super::regex::Class;
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;

/// A `tr` with its tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tr {
    map: Vec<u8>,
    deleted: Vec<bool>,
    squeezed: Vec<bool>,
    last: Option<u8>,
}

const SPEC: Spec = Spec {
    short: "+cCdst",
    long: &[
        ("complement", Arg::No, 'c'),
        ("delete", Arg::No, 'd'),
        ("squeeze-repeats", Arg::No, 's'),
        ("truncate-set1", Arg::No, 't'),
    ],
    code: 1,
};

const BUSYBOX: Spec = Spec { short: "+cCds", ..SPEC };

/// `tr [-cds] SET1 [SET2]`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let spec = if gnu { &SPEC } else { &BUSYBOX };
    let options = match opts::parse(sys, args, spec) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    match check(&options, gnu) {
        Ok(()) => {}
        Err(Some(text)) => return Started::Exit(opts::complain(sys, args, spec, &text)),
        Err(None) => {
            opts::usage(sys, "tr");
            return Started::Exit(1);
        }
    }
    match build(&options, gnu) {
        Ok(tr) => {
            let filter = filter(sys, "tr", &[], Kind::Tr(tr));
            if gnu { filter.start() } else { filter.direct().start() }
        }
        Err(text) => {
            sys.err(format!("tr: {text}\n"));
            Started::Exit(1)
        }
    }
}

/// Refuses a wrong number of operands.
fn check(options: &Options, gnu: bool) -> Result<(), Option<String>> {
    let (delete, squeeze) = (options.has('d'), options.has('s'));
    let (count, least) = (options.operands.len(), if delete == squeeze { 2 } else { 1 });
    if !gnu {
        return if count == 0 { Err(None) } else { Ok(()) };
    }
    let most = if delete && !squeeze { 1 } else { 2 };
    let operand = |n: usize| options.operands.get(n).cloned().unwrap_or_default();
    if count == 0 {
        return Err(Some("missing operand".into()));
    }
    if count < least {
        let why = if squeeze && delete {
            "Two strings must be given when both deleting and squeezing repeats."
        } else {
            "Two strings must be given when translating."
        };
        return Err(Some(format!("missing operand after '{}'\n{why}", operand(count - 1))));
    }
    if count > most {
        let why = match most {
            1 if count == 2 => "\nOnly one string may be given when deleting without squeezing repeats.",
            _ => "",
        };
        return Err(Some(format!("extra operand '{}'{why}", operand(most))));
    }
    Ok(())
}

fn build(options: &Options, gnu: bool) -> Result<Tr, String> {
    let (delete, squeeze) = (options.has('d'), options.has('s'));
    let complement = options.has('c') || options.has('C');
    let empty = String::new();
    let (one, two) = (options.operands.first().unwrap_or(&empty), options.operands.get(1));
    let mut tr = Tr { map: (0..=255).collect(), deleted: vec![false; 256], squeezed: vec![false; 256], last: None };
    let mut first = expand(one, 0, gnu)?;
    if gnu
        && one.contains("*]")
        && one.contains('[')
        && let Some(c) = one.split("*]").next().and_then(|t| t.chars().last()).filter(|_| !one.contains("[:"))
    {
        let _ = c;
        return Err("the [c*] repeat construct may not appear in string1".into());
    }
    if complement {
        first = (0..=255).filter(|b| !first.contains(b)).collect();
    }
    let translates = !delete && two.is_some();
    if delete {
        first.iter().for_each(|b| tr.deleted[usize::from(*b)] = true);
    }
    if let (Some(two), true) = (two, translates) {
        if two.is_empty() && gnu {
            return Err("when not truncating set1, string2 must be non-empty".into());
        }
        let mut second = expand(two, first.len(), gnu)?;
        if options.has('t') {
            first.truncate(second.len());
        }
        if let Some(last) = second.last().copied() {
            second.resize(second.len().max(first.len()), last);
            for (from, to) in first.iter().zip(&second) {
                tr.map[usize::from(*from)] = *to;
            }
        }
        if squeeze {
            second.iter().for_each(|b| tr.squeezed[usize::from(*b)] = true);
        }
    } else if squeeze {
        let of = match (delete, two) {
            (true, Some(two)) => expand(two, 0, gnu)?,
            _ => first,
        };
        of.iter().for_each(|b| tr.squeezed[usize::from(*b)] = true);
    }
    Ok(tr)
}

/// The byte of an escape, and how many bytes of text it took.
fn unescape(text: &[u8]) -> (u8, usize) {
    let Some(next) = text.get(1) else { return (b'\\', 1) };
    let simple = match next {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'\\' => b'\\',
        b'0'..=b'7' => {
            let digits: Vec<u8> = text[1..].iter().copied().take(3).take_while(|b| matches!(b, b'0'..=b'7')).collect();
            let value = digits.iter().fold(0u32, |v, d| v * 8 + u32::from(d - b'0'));
            if value > 255 {
                return ((value / 8) as u8, digits.len());
            }
            return (value as u8, digits.len() + 1);
        }
        other => *other,
    };
    (simple, 2)
}

/// The bytes that a set stands for, in order. `len` is that of the other set, for `[x*]`.
fn expand(set: &str, len: usize, gnu: bool) -> Result<Vec<u8>, String> {
    let text = set.as_bytes();
    let mut out = Vec::new();
    let mut fill = None;
    let mut at = 0;
    while let Some(b) = text.get(at).copied() {
        let rest = &text[at..];
        if rest.starts_with(b"[:")
            && let Some(end) = rest.windows(2).position(|w| w == b":]")
        {
            let name = &rest[2..end];
            match Class::parse(name) {
                Some(class) => out.extend((0..=127).filter(|b| class.has_byte(*b))),
                None if gnu => {
                    return Err(format!("invalid character class '{}'", String::from_utf8_lossy(name)));
                }
                None => out.extend_from_slice(&rest[..end + 2]),
            }
            at += end + 2;
            continue;
        }
        if rest.starts_with(b"[=") && rest.get(3..5) == Some(b"=]") {
            out.push(rest[2]);
            at += 5;
            continue;
        }
        if b == b'[' && gnu {
            let (c, used) = match rest.get(1) {
                Some(b'\\') => unescape(&rest[1..]),
                Some(c) => (*c, 1),
                None => (0, 0),
            };
            let after = rest.get(1 + used..).unwrap_or_default();
            if let (Some(b'*'), Some(end)) = (after.first(), after.iter().position(|b| *b == b']')) {
                let digits = std::str::from_utf8(&after[1..end]).unwrap_or("x");
                let number = match digits.starts_with('0') {
                    true => usize::from_str_radix(digits, 8).ok(),
                    false => digits.parse().ok(),
                };
                if digits.is_empty() || number == Some(0) {
                    fill = Some((out.len(), c));
                    at += 1 + used + end + 1;
                    continue;
                }
                if let Some(number) = number {
                    out.extend(std::iter::repeat_n(c, number.min(65536)));
                    at += 1 + used + end + 1;
                    continue;
                }
            }
        }
        let (from, used) = if b == b'\\' { unescape(rest) } else { (b, 1) };
        at += used;
        if text.get(at) == Some(&b'-') && at + 1 < text.len() {
            let end = &text[at + 1..];
            let (to, used) = if end[0] == b'\\' { unescape(end) } else { (end[0], 1) };
            if to < from && gnu {
                let show = |b: u8| {
                    if b.is_ascii_graphic() || b == b' ' { char::from(b).to_string() } else { format!("\\{b:03o}") }
                };
                return Err(format!(
                    "range-endpoints of '{}-{}' are in reverse collating sequence order",
                    show(from),
                    show(to)
                ));
            }
            out.extend(from..=to);
            at += 1 + used;
            continue;
        }
        out.push(from);
    }
    if let Some((place, c)) = fill {
        let missing = len.saturating_sub(out.len());
        out.splice(place..place, std::iter::repeat_n(c, missing));
    }
    Ok(out)
}

impl Filter for Tr {
    fn wants_bytes(&self) -> bool {
        true
    }

    fn bytes(&mut self, io: &mut Io<'_, '_>, bytes: Vec<u8>) -> Flow {
        let mut done = Vec::with_capacity(bytes.len());
        for b in bytes {
            if self.deleted[usize::from(b)] {
                continue;
            }
            let to = self.map[usize::from(b)];
            if self.squeezed[usize::from(to)] && self.last == Some(to) {
                continue;
            }
            self.last = Some(to);
            done.push(to);
        }
        io.out.put(done);
        Flow::More
    }
}
