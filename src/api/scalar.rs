//! What a bare word of YAML means to kubectl, and how Go spells numbers and quotes strings.
//!
//! kubectl reads and writes YAML with `go.yaml.in/yaml/v2`, which holds to YAML 1.1: `0644` is 420, `yes` is
//! true. The reader needs these rules to give a plain scalar its type, the printer to know what to quote.
//! Mirrors `resolve.go` of that package and Go's `strconv`.

/// The type and value of a plain scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// `~`, `null`, nothing at all.
    Null,
    /// `true`, `yes`, `on`, `y` and their opposites.
    Bool(bool),
    /// Decimal, octal (`0644`, `0o644`), hexadecimal or binary, underscores allowed.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// A float; infinite and NaN for `.inf` and `.nan`.
    Float(f64),
    /// A date or a point in time; kubectl keeps the text, yet quotes it on the way out.
    Timestamp,
    /// Anything else.
    Str,
}

/// Types a plain (unquoted, untagged) scalar.
pub fn resolve(text: &str) -> Scalar {
    resolve_as(text, true)
}

/// Types a plain scalar; `timestamps` is false where an explicit tag rules dates out.
pub fn resolve_as(text: &str, timestamps: bool) -> Scalar {
    let Some(&first) = text.as_bytes().first() else { return Scalar::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
            "~" | "null" | "Null" | "NULL" => Scalar::Null,
            _ => Scalar::Str,
        },
        b'.' => special_float(text).or_else(|| separated_float(text)).map_or(Scalar::Str, Scalar::Float),
        b'+' | b'-' | b'0'..=b'9' => {
            if let Some(f) = special_float(text) {
                return Scalar::Float(f);
            }
            if timestamps && is_timestamp(text) {
                return Scalar::Timestamp;
            }
            number(&text.replace('_', ""))
        }
        _ => Scalar::Str,
    }
}

fn special_float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn number(plain: &str) -> Scalar {
    if let Some(n) = parse_int(plain, 0) {
        return Scalar::Int(n);
    }
    if let Some(n) = parse_uint(plain, 0) {
        return Scalar::Uint(n);
    }
    if let Some(f) = float(plain) {
        return Scalar::Float(f);
    }
    // OBSERVATION: `0b` is looked at once more after base 0 had its chance; only `0b-1` and `0b+1` get here.
    match plain.strip_prefix("0b").and_then(|digits| parse_int(digits, 2)) {
        Some(n) => Scalar::Int(n),
        None => Scalar::Str,
    }
}

/// `strconv.ParseInt(text, base, 64)` for text without underscores; base 0 follows the prefix.
fn parse_int(text: &str, base: u32) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let n = parse_uint(digits, base)?;
    if negative { 0i64.checked_sub_unsigned(n) } else { i64::try_from(n).ok() }
}

/// `strconv.ParseUint(text, base, 64)` for text without underscores.
fn parse_uint(text: &str, base: u32) -> Option<u64> {
    let (base, digits) = match text.as_bytes() {
        [] => return None,
        _ if base != 0 => (base, text),
        [b'0', b'b' | b'B', _, ..] => (2, &text[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &text[2..]),
        [b'0', b'x' | b'X', _, ..] => (16, &text[2..]),
        [b'0'] => return Some(0),
        [b'0', ..] => (8, &text[1..]),
        _ => (10, text),
    };
    // from_str_radix would take a sign.
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    u64::from_str_radix(digits, base).ok()
}

/// A decimal float: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, within range.
fn float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digits_from = |mut i: usize| {
        let start = i;
        while bytes.get(i).is_some_and(u8::is_ascii_digit) {
            i += 1;
        }
        (i, i - start)
    };
    let start = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let (mut i, whole) = digits_from(start);
    let mut fraction = 0;
    if bytes.get(i) == Some(&b'.') {
        (i, fraction) = digits_from(i + 1);
    }
    if whole == 0 && fraction == 0 {
        return None;
    }
    if matches!(bytes.get(i), Some(b'e' | b'E')) {
        i += 1;
        if matches!(bytes.get(i), Some(b'-' | b'+')) {
            i += 1;
        }
        let exponent;
        (i, exponent) = digits_from(i);
        if exponent == 0 {
            return None;
        }
    }
    if i != bytes.len() {
        return None;
    }
    text.parse::<f64>().ok().filter(|f| f.is_finite())
}

/// A float that starts with its point; here underscores have to stand between digits.
fn separated_float(text: &str) -> Option<f64> {
    let digit = |i: usize| text.as_bytes().get(i).is_some_and(u8::is_ascii_digit);
    let mut underscores = text.match_indices('_');
    underscores.all(|(i, _)| i > 0 && digit(i - 1) && digit(i + 1)).then(|| float(&text.replace('_', "")))?
}

/// Whether text is one of the four layouts of dates and times that the YAML package knows.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 5 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let year = bytes[..4].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    timestamp_rest(year, &bytes[5..]).is_some()
}

fn timestamp_rest(year: u32, text: &[u8]) -> Option<()> {
    let (month, text) = one_or_two_digits(text)?;
    let (day, text) = one_or_two_digits(text.strip_prefix(b"-")?)?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    let zoned = match text.first() {
        None => return Some(()),
        Some(b'T' | b't') => true,
        Some(b' ') => false,
        Some(_) => return None,
    };
    // Go's layouts skip any number of spaces where they have one.
    let spaces = if zoned { 1 } else { text.iter().take_while(|b| **b == b' ').count() };
    let clock = &text[spaces..];
    let (hour, text) = one_or_two_digits(clock)?;
    let (minute, text) = one_or_two_digits(text.strip_prefix(b":")?)?;
    let (second, mut text) = one_or_two_digits(text.strip_prefix(b":")?)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if matches!(text, [b'.' | b',', b'0'..=b'9', ..]) {
        text = &text[1..];
        while text.first().is_some_and(u8::is_ascii_digit) {
            text = &text[1..];
        }
    }
    match (zoned, text) {
        (false, []) | (true, [b'Z']) => Some(()),
        (true, [b'+' | b'-', h1, h2, b':', m1, m2]) if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
            let two = |a: &u8, b: &u8| (a - b'0') * 10 + (b - b'0');
            (two(h1, h2) <= 24 && two(m1, m2) < 60).then_some(())
        }
        _ => None,
    }
}

fn one_or_two_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => Some((u32::from(a - b'0') * 10 + u32::from(b - b'0'), rest)),
        [a @ b'0'..=b'9', rest @ ..] => Some((u32::from(a - b'0'), rest)),
        _ => None,
    }
}

/// A finite float as `encoding/json` spells it: plain digits from 1e-6 up to 1e21, else `1e-7`, `1e+21`.
pub fn json_float(f: f64) -> String {
    let (sign, digits, exponent) = shortest(&format!("{f:e}"));
    if f == 0.0 || (-6..21).contains(&exponent) {
        return fixed(&sign, &digits, exponent);
    }
    scientific(&sign, &digits, exponent, 1)
}

/// A float as `strconv.FormatFloat(f, 'g', -1, 64)` spells it (`1e+06`), with YAML's `.inf` and `.nan`.
pub fn yaml_float(f: f64) -> String {
    general(f, &format!("{f:e}"))
}

/// A float with the digits that a 32 bit float needs, as map keys that are floats are spelled.
pub fn yaml_float32(f: f64) -> String {
    let narrow = f as f32;
    general(f64::from(narrow), &format!("{narrow:e}"))
}

fn general(f: f64, exact: &str) -> String {
    if f.is_nan() {
        return ".nan".into();
    }
    if f.is_infinite() {
        return if f > 0.0 { ".inf".into() } else { "-.inf".into() };
    }
    let (sign, digits, exponent) = shortest(exact);
    // OBSERVATION: the shortest form changes over at a precision of 6, however many digits there are.
    if f == 0.0 || (-4..6).contains(&exponent) {
        return fixed(&sign, &digits, exponent);
    }
    scientific(&sign, &digits, exponent, 2)
}

/// Sign, digits without the point, and decimal exponent of the first digit, from `-1.25e-7`.
fn shortest(exact: &str) -> (String, String, i32) {
    let (sign, rest) = match exact.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", exact),
    };
    let (mantissa, exponent) = rest.split_once('e').unwrap_or((rest, "0"));
    (sign.into(), mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

fn fixed(sign: &str, digits: &str, exponent: i32) -> String {
    match usize::try_from(exponent) {
        Err(_) => format!("{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
        Ok(whole) if digits.len() <= whole + 1 => format!("{sign}{digits:0<width$}", width = whole + 1),
        Ok(whole) => format!("{sign}{}.{}", &digits[..=whole], &digits[whole + 1..]),
    }
}

fn scientific(sign: &str, digits: &str, exponent: i32, width: usize) -> String {
    let point = if digits.len() > 1 { "." } else { "" };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{}{point}{}e{exponent_sign}{:0width$}", &digits[..1], &digits[1..], exponent.unsigned_abs())
}

/// Strings as Go's `%q` prints a slice of them: `["a" "b"]`.
pub fn quote_all(all: &[String]) -> String {
    format!("[{}]", all.iter().map(|one| quote(one)).collect::<Vec<_>>().join(" "))
}

/// A string as Go's `%q` prints it (`strconv.Quote`).
pub fn quote(s: &str) -> String {
    let mut quoted = String::from("\"");
    for c in s.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            c if c < ' ' || c == '\u{7f}' => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() || c.is_whitespace() && c != ' ' || c == '\u{feff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Takes back what `%` and two digits stand for. Mirrors Go's `url.PathUnescape`.
///
/// # Errors
/// The escape that is none: `%zz`.
pub fn path_unescape(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = after.split_at(after.len().min(2));
        let digit = |at: usize| digits.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let Some(byte) = digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) else {
            return Err(format!("%{}", String::from_utf8_lossy(digits)));
        };
        bytes.push(byte);
        rest = after;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The same for a part of a query. Mirrors Go's `url.QueryUnescape`.
///
/// # Errors
/// The escape that is none.
pub fn query_unescape(text: &str) -> Result<String, String> {
    path_unescape(&text.replace('+', " "))
}

/// Mirrors Go's `url.QueryEscape`.
pub fn query_escape(text: &str) -> String {
    let escaped = text.bytes().map(|b| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
        b' ' => "+".into(),
        _ => format!("%{b:02X}"),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::{Scalar, json_float, resolve, yaml_float, yaml_float32};

    #[test]
    fn plain_scalars_follow_yaml_1_1() {
        let int = |n| Scalar::Int(n);
        for (text, want) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("nULL", Scalar::Str),
            ("yes", Scalar::Bool(true)),
            ("Y", Scalar::Bool(true)),
            ("OFF", Scalar::Bool(false)),
            ("yEs", Scalar::Str),
            ("0644", int(420)),
            ("0o644", int(420)),
            ("-0x1F", int(-31)),
            ("1_000", int(1000)),
            ("0b101", int(5)),
            ("0b-1", int(-1)),
            ("-9223372036854775808", int(i64::MIN)),
            ("18446744073709551615", Scalar::Uint(u64::MAX)),
            ("99999999999999999999", Scalar::Float(1e20)),
            ("089", Scalar::Float(89.0)),
            ("1.", Scalar::Float(1.0)),
            ("-.5e3", Scalar::Float(-500.0)),
            ("1e400", Scalar::Str),
            (".1_0", Scalar::Float(0.1)),
            ("._1", Scalar::Str),
            (".inf", Scalar::Float(f64::INFINITY)),
            ("1:30", Scalar::Str),
            ("0x", Scalar::Str),
            ("100m", Scalar::Str),
            ("2001-1-2", Scalar::Timestamp),
            ("2001-01-01T10:00:00Z", Scalar::Timestamp),
            ("2001-01-01T1:0:0.5+01:00", Scalar::Timestamp),
            ("2001-01-01 10:00:00", Scalar::Timestamp),
            ("2001-02-30", Scalar::Str),
            ("2001-01-01T10:00:00", Scalar::Str),
            ("<<", Scalar::Str),
        ] {
            assert_eq!(resolve(text), want, "{text:?}");
        }
        assert!(matches!(resolve(".NaN"), Scalar::Float(f) if f.is_nan()));
    }

    #[test]
    fn floats_are_spelled_as_go_does() {
        for (f, json, yaml) in [
            (0.0, "0", "0"),
            (0.5, "0.5", "0.5"),
            (-1000.25, "-1000.25", "-1000.25"),
            (1_234_567.5, "1234567.5", "1.2345675e+06"),
            (1e20, "100000000000000000000", "1e+20"),
            (1e21, "1e+21", "1e+21"),
            (1e-5, "0.00001", "1e-05"),
            (1.5e-7, "1.5e-7", "1.5e-07"),
            (1.8446744073709552e19, "18446744073709552000", "1.8446744073709552e+19"),
        ] {
            assert_eq!(json_float(f), json);
            assert_eq!(yaml_float(f), yaml);
        }
        assert_eq!(yaml_float32(1.1), "1.1");
        assert_eq!(yaml_float(f64::NEG_INFINITY), "-.inf");
    }
}
