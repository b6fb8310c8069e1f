//! `perl`, as far as the documentation's Jobs use it: one-liners that print a text, a number or the digits of pi.
//!
//! Facts: perlrun, Math::BigFloat.

use super::{Begin, Begun};
use crate::machine::kernel::Sys;

/// Its versions, newest first.
pub(super) const VERSIONS: [&str; 6] = ["5.42.0", "5.40.3", "5.38.5", "5.36.3", "5.34.3", "5.32.1"];

/// How many digits are worked out at most.
const MOST_DIGITS: usize = 10_000;

const BASE: u64 = 1_000_000_000;

/// `perl -wle 'print ...'`
fn perl(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let (mut code, mut ends_lines) = (None, false);
    let mut words = args.iter().skip(1);
    while let Some(word) = words.next() {
        match word.strip_prefix('-') {
            Some("v" | "-version") => {
                let version = super::find(sys.image()).version.clone();
                let minor = version.split('.').nth(1).unwrap_or_default();
                let patch = version.split('.').nth(2).unwrap_or_default();
                sys.out(format!(
                    "\nThis is perl 5, version {minor}, subversion {patch} (v{version}) built for x86_64-linux-gnu\n\n"
                ));
                return Begun::Exit(0);
            }
            Some(module) if module.starts_with(['M', 'm', 'I']) => {}
            Some(letters) if letters.ends_with(['e', 'E']) => {
                ends_lines |= letters.contains('l');
                code = words.next().cloned();
            }
            Some(letters) => ends_lines |= letters.contains('l'),
            None => break,
        }
    }
    let Some(code) = code else { return refuse(sys) };
    let mut out = String::new();
    for statement in code.split(';').map(str::trim).filter(|s| !s.is_empty()) {
        let what = statement.strip_prefix("print").or_else(|| statement.strip_prefix("say"));
        let Some(text) = what.map(str::trim).and_then(value) else { return refuse(sys) };
        out.push_str(&text);
        if ends_lines || statement.starts_with("say") {
            out.push('\n');
        }
    }
    sys.out(out);
    Begun::Exit(0)
}

fn refuse(sys: &mut Sys<'_>) -> Begun {
    sys.err("perl: this machine runs no Perl but one-liners that print a text, a number or bpi(DIGITS)\n");
    Begun::Exit(2)
}

/// What is printed: a text in quotes, a number, or so many digits of pi.
fn value(expression: &str) -> Option<String> {
    let bare = expression.strip_prefix('(').and_then(|e| e.strip_suffix(')')).unwrap_or(expression);
    if let Some(count) = bare.strip_prefix("bpi(").and_then(|e| e.strip_suffix(')')) {
        return pi(count.trim().parse().ok()?);
    }
    if let Some(text) = bare.strip_prefix('"').and_then(|e| e.strip_suffix('"')) {
        let plain = !text.contains(['"', '$', '@']);
        return plain.then(|| text.replace("\\n", "\n").replace("\\t", "\t"));
    }
    if let Some(text) = bare.strip_prefix('\'').and_then(|e| e.strip_suffix('\'')) {
        return (!text.contains('\'')).then(|| text.to_string());
    }
    bare.parse::<i64>().ok().map(|number| number.to_string())
}

/// So many digits of pi, the last one rounded.
fn pi(count: usize) -> Option<String> {
    if !(1..=MOST_DIGITS).contains(&count) {
        return None;
    }
    // One limb before the point, and two more than asked for behind it. Machin: 16 atan(1/5) - 4 atan(1/239).
    let limbs = count / 9 + 4;
    let (mut sum, other) = (atan(5, 16, limbs), atan(239, 4, limbs));
    subtract(&mut sum, &other);
    let mut digits: Vec<u8> = sum.first()?.to_string().into_bytes();
    for limb in sum.iter().skip(1) {
        digits.extend(format!("{limb:09}").into_bytes());
    }
    if digits.get(count).is_some_and(|next| *next >= b'5') {
        for digit in digits.iter_mut().take(count).rev() {
            if *digit < b'9' {
                *digit += 1;
                break;
            }
            *digit = b'0';
        }
    }
    digits.truncate(count);
    let text = String::from_utf8(digits).ok()?;
    let (whole, rest) = text.split_at(1);
    Some(if rest.is_empty() { whole.to_string() } else { format!("{whole}.{rest}") })
}

/// `factor * atan(1 / of)`, by its series.
fn atan(of: u64, factor: u64, limbs: usize) -> Vec<u64> {
    let mut term = vec![0; limbs];
    if let Some(first) = term.first_mut() {
        *first = factor;
    }
    divide(&mut term, of);
    let mut sum = term.clone();
    let mut n = 1;
    while term.iter().any(|limb| *limb > 0) {
        divide(&mut term, of * of);
        n += 2;
        let mut part = term.clone();
        divide(&mut part, n);
        if n % 4 == 3 { subtract(&mut sum, &part) } else { add(&mut sum, &part) }
    }
    sum
}

fn divide(number: &mut [u64], by: u64) {
    let mut rest = 0;
    for limb in number {
        let whole = rest * BASE + *limb;
        (*limb, rest) = (whole / by, whole % by);
    }
}

fn add(to: &mut [u64], what: &[u64]) {
    let mut carry = 0;
    for (limb, more) in to.iter_mut().zip(what).rev() {
        let sum = *limb + more + carry;
        (*limb, carry) = (sum % BASE, sum / BASE);
    }
}

fn subtract(from: &mut [u64], what: &[u64]) {
    let mut borrow = 0;
    for (limb, less) in from.iter_mut().zip(what).rev() {
        let left = *limb + BASE - less - borrow;
        (*limb, borrow) = (left % BASE, u64::from(left < BASE));
    }
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("perl", perl)];

#[cfg(test)]
mod tests {
    use super::pi;

    #[test]
    fn digits_of_pi_are_rounded_at_the_last() {
        assert_eq!(pi(1).as_deref(), Some("3"));
        assert_eq!(pi(5).as_deref(), Some("3.1416"));
        assert_eq!(pi(40).as_deref(), Some("3.141592653589793238462643383279502884197"));
        assert!(pi(2000).is_some_and(|p| p.len() == 2001 && p.ends_with("904780275901")), "{:?}", pi(2000));
        assert_eq!(pi(0), None);
        assert_eq!(pi(10_001), None);
    }
}
