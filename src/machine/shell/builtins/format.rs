//! What `printf` makes of numbers, escapes and times.

use super::echo::unescape;
use super::printf::{Spec, Voice};

pub(super) fn float(value: f64, kind: u8, spec: &Spec) -> String {
    let upper = kind.is_ascii_uppercase();
    let shown = |text: String| if upper { text.to_uppercase() } else { text };
    if value.is_nan() {
        return shown("nan".into());
    }
    if value.is_infinite() {
        return shown("inf".into());
    }
    let precision = spec.precision.unwrap_or(6).min(1000);
    match kind.to_ascii_lowercase() {
        b'f' => format!("{value:.precision$}"),
        b'e' => shown(exponent(value, precision)),
        b'g' => {
            let precision = precision.max(1);
            let probe = exponent(value, precision - 1);
            let power: i32 = probe.rsplit('e').next().and_then(|e| e.parse().ok()).unwrap_or(0);
            let text = if power < -4 || power >= precision as i32 {
                probe
            } else {
                let places = (precision as i32 - 1 - power).max(0) as usize;
                format!("{value:.places$}")
            };
            shown(if spec.sharp { text } else { without_zeros(&text) })
        }
        _ => shown(exponent(value, precision)),
    }
}

pub(super) fn exponent(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

pub(super) fn without_zeros(text: &str) -> String {
    let (mantissa, power) = match text.split_once('e') {
        Some((m, p)) => (m, format!("e{p}")),
        None => (text, String::new()),
    };
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    format!("{mantissa}{power}")
}

/// `%(format)T` of bash. Times before the epoch's second stand for now, which the caller has put in.
pub(super) fn strftime(pattern: &str, seconds: i64) -> String {
    let Ok(stamp) = jiff::Timestamp::from_second(seconds) else { return String::new() };
    let zoned = stamp.to_zoned(jiff::tz::TimeZone::UTC);
    jiff::fmt::strtime::format(pattern, &zoned).unwrap_or_default()
}

/// An escape of the format after its backslash: its bytes, how long it is, whether it ends all.
pub(super) fn escape(rest: &[u8], voice: Voice) -> (Vec<u8>, usize, bool) {
    let Some(b) = rest.first().copied() else { return (b"\\".to_vec(), 0, false) };
    let simple = |b: u8| (vec![b], 1, false);
    let octal = || rest.iter().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
    match b {
        b'n' => simple(b'\n'),
        b't' => simple(b'\t'),
        b'r' => simple(b'\r'),
        b'a' => simple(7),
        b'b' => simple(8),
        b'f' => simple(12),
        b'v' => simple(11),
        b'\\' => simple(b'\\'),
        b'"' if matches!(voice, Voice::Bash | Voice::Coreutils) => simple(b'"'),
        b'\'' if voice == Voice::Bash => simple(b'\''),
        b'e' | b'E' if voice != Voice::Dash || b == b'e' => simple(27),
        b'c' if voice == Voice::Coreutils || voice == Voice::Busybox => (Vec::new(), 1, true),
        b'0'..=b'7' => {
            let len = octal();
            let value = rest[..len].iter().fold(0u32, |v, b| v * 8 + u32::from(b - b'0'));
            (vec![value as u8], len, false)
        }
        b'x' if voice != Voice::Dash => {
            let len = rest[1..].iter().take(2).take_while(|b| b.is_ascii_hexdigit()).count();
            if len == 0 {
                return (b"\\x".to_vec(), 1, false);
            }
            let text = std::str::from_utf8(&rest[1..1 + len]).unwrap_or("0");
            (vec![u8::from_str_radix(text, 16).unwrap_or(0)], 1 + len, false)
        }
        b'u' | b'U' if matches!(voice, Voice::Bash | Voice::Coreutils) => {
            let max = if b == b'u' { 4 } else { 8 };
            let len = rest[1..].iter().take(max).take_while(|b| b.is_ascii_hexdigit()).count();
            let text = std::str::from_utf8(&rest[1..1 + len]).unwrap_or("0");
            let c = u32::from_str_radix(text, 16).ok().and_then(char::from_u32);
            match c {
                Some(c) if len > 0 => (c.to_string().into_bytes(), 1 + len, false),
                _ => (vec![b'\\', b], 1, false),
            }
        }
        other => (vec![b'\\', other], 1, false),
    }
}

/// `%b`: as `echo` has escapes, and octal ones without the leading zero.
pub(super) fn escapes_of_b(text: &str, voice: Voice, out: &mut Vec<u8>) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend(&rest.as_bytes()[..at]);
        let after = &rest.as_bytes()[at + 1..];
        let octal = after.first().is_some_and(|b| (b'1'..=b'7').contains(b));
        if octal {
            let (bytes, len, _) = escape(after, voice);
            out.extend(bytes);
            rest = &rest[at + 1 + len..];
            continue;
        }
        // One escape at a time, so that octal ones are seen.
        let next = after.first().map_or(0, |_| rest[at + 1..].chars().next().map_or(0, char::len_utf8));
        let more = match after.first() {
            Some(b'0') => after[1..].iter().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count(),
            Some(b'x') => after[1..].iter().take(2).take_while(|b| b.is_ascii_hexdigit()).count(),
            Some(b'u') => after[1..].iter().take(4).take_while(|b| b.is_ascii_hexdigit()).count(),
            Some(b'U') => after[1..].iter().take(8).take_while(|b| b.is_ascii_hexdigit()).count(),
            _ => 0,
        };
        let end = at + 1 + next + more;
        if unescape(&rest[at..end], voice != Voice::Dash, out) {
            return true;
        }
        rest = &rest[end..];
    }
    out.extend(rest.as_bytes());
    false
}
