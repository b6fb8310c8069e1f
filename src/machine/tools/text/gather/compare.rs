//! `cmp`.

use super::Call;
use crate::machine::kernel::Sys;

pub fn cmp(sys: &mut Sys<'_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let [(first, a), (second, b)] = &call.files[..] else { return 2 };
    let limit = call.number('n').unwrap_or(usize::MAX);
    let skip = call.number('i').unwrap_or(0);
    let cut = |bytes: &[u8]| bytes.get(skip..).unwrap_or_default().iter().copied().take(limit).collect::<Vec<u8>>();
    let (a, b) = (cut(a), cut(b));
    let silent = call.options.has('s');
    let width = a.len().max(b.len()).to_string().len();
    let mut line = 1;
    let mut differs = false;
    for (n, (x, y)) in a.iter().zip(&b).enumerate() {
        if x != y {
            if silent {
                return 1;
            }
            differs = true;
            if !call.options.has('l') {
                out.extend_from_slice(format!("{first} {second} differ: char {}, line {line}\n", n + 1).as_bytes());
                return 1;
            }
            out.extend_from_slice(format!("{:>width$} {x:3o} {y:3o}\n", n + 1).as_bytes());
        }
        line += u64::from(*x == b'\n');
    }
    if a.len() == b.len() {
        return u8::from(differs);
    }
    if !silent {
        let (shorter, len) = if a.len() < b.len() { (first, a.len()) } else { (second, b.len()) };
        let shorter = if shorter == "-" && call.gnu { "-" } else { shorter };
        sys.err(match call.gnu {
            true if len == 0 => format!("cmp: EOF on {shorter} which is empty\n"),
            true if call.options.has('l') => format!("cmp: EOF on {shorter} after byte {len}\n"),
            true => {
                let text = if a.len() < b.len() { &a } else { &b };
                let whole = text.last() == Some(&b'\n');
                let lines = text.iter().filter(|b| **b == b'\n').count();
                match whole {
                    true => format!("cmp: EOF on {shorter} after byte {len}, line {lines}\n"),
                    false => format!("cmp: EOF on {shorter} after byte {len}, in line {}\n", lines + 1),
                }
            }
            false => format!("cmp: EOF on {shorter}\n"),
        });
    }
    1
}
