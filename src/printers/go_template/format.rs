//! `print` and `printf`: Go's `fmt` for the values that JSON has.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::Value;

use super::super::go_value::{float, quote, quote_char, sprint, sprint_syntax, type_name};

/// No column is wider than this.
const MAX_WIDTH: usize = 10_000;

/// `fmt.Sprint`: blanks only between operands neither of which is a string.
pub(super) fn sprint_all(values: &[Option<&Value>]) -> String {
    let mut out = String::new();
    for (i, value) in values.iter().enumerate() {
        let bare = |v: &Option<&Value>| !v.is_some_and(Value::is_string);
        if i > 0 && bare(value) && bare(&values[i - 1]) {
            out.push(' ');
        }
        out += &value.map_or("<nil>".into(), sprint);
    }
    out
}

#[derive(Clone, Copy, Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
    verb: char,
}

/// `fmt.Sprintf`.
pub(super) fn sprintf(pattern: &str, values: &[Option<&Value>]) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut used = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = Spec::default();
        while let Some(flag) = chars.next_if(|c| "-+# 0".contains(*c)) {
            match flag {
                '-' => spec.minus = true,
                '+' => spec.plus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                _ => spec.zero = true,
            }
        }
        let (width, left) = number(&mut chars, values, &mut used, &mut out, "%!(BADWIDTH)");
        spec.width = width;
        spec.minus |= left;
        if chars.next_if_eq(&'.').is_some() {
            let (precision, _) = number(&mut chars, values, &mut used, &mut out, "%!(BADPREC)");
            spec.precision = precision.or(Some(0));
        }
        let Some(verb) = chars.next() else {
            out += "%!(NOVERB)";
            break;
        };
        spec.verb = verb;
        if verb == '%' {
            out.push('%');
            continue;
        }
        match values.get(used) {
            Some(value) => out += &format_value(*value, spec),
            None => out += &format!("%!{verb}(MISSING)"),
        }
        used += 1;
    }
    if used < values.len() {
        let extra = values[used..].iter().map(|value| match value {
            Some(value) => format!("{}={}", type_name(value), sprint(value)),
            None => "<nil>".into(),
        });
        out += &format!("%!(EXTRA {})", extra.collect::<Vec<_>>().join(", "));
    }
    out
}

/// A width or precision, given in digits or by a `*` in an argument, and whether it was negative.
fn number(
    chars: &mut Peekable<Chars<'_>>,
    values: &[Option<&Value>],
    used: &mut usize,
    out: &mut String,
    bad: &str,
) -> (Option<usize>, bool) {
    if chars.next_if_eq(&'*').is_some() {
        let value = values.get(*used).copied().flatten().and_then(Value::as_i64);
        *used += 1;
        let width = value.and_then(|n| usize::try_from(n.unsigned_abs()).ok()).filter(|n| *n <= MAX_WIDTH);
        if width.is_none() {
            out.push_str(bad);
        }
        return (width, value.is_some_and(|n| n < 0));
    }
    let mut n = None;
    while let Some(digit) = chars.next_if(char::is_ascii_digit).and_then(|c| c.to_digit(10)) {
        n = Some((n.unwrap_or(0) * 10 + digit as usize).min(MAX_WIDTH));
    }
    (n, false)
}

fn format_value(value: Option<&Value>, spec: Spec) -> String {
    let verb = spec.verb;
    let Some(value) = value.filter(|v| !v.is_null()) else {
        return match verb {
            'T' | 'v' => pad("<nil>".into(), spec),
            _ => format!("%!{verb}(<nil>)"),
        };
    };
    let bad = || format!("%!{verb}({}={})", type_name(value), sprint(value));
    match (verb, value) {
        ('T', _) => pad(type_name(value).into(), spec),
        ('v', _) if spec.sharp => sprint_syntax(value),
        (_, Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|v| format_value(Some(v), spec)).collect();
            format!("[{}]", items.join(" "))
        }
        (_, Value::Object(map)) => {
            let pairs = map.iter().map(|(k, v)| {
                format!("{}:{}", format_value(Some(&Value::from(k.as_str())), spec), format_value(Some(v), spec))
            });
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
        ('v' | 't', Value::Bool(b)) => pad(b.to_string(), spec),
        (_, Value::String(text)) => {
            let cut: String = match spec.precision {
                Some(n) => text.chars().take(n).collect(),
                None => text.clone(),
            };
            match verb {
                'v' | 's' => pad(cut, spec),
                'q' if spec.sharp && !cut.contains('`') => pad(format!("`{cut}`"), spec),
                'q' => pad(quote(&cut), spec),
                'x' => pad(cut.bytes().map(|b| format!("{b:02x}")).collect(), spec),
                'X' => pad(cut.bytes().map(|b| format!("{b:02X}")).collect(), spec),
                _ => bad(),
            }
        }
        (_, Value::Number(n)) => match n.as_i64() {
            Some(i) => integer(i, spec).unwrap_or_else(bad),
            None => floating(n.as_f64().unwrap_or_default(), spec).unwrap_or_else(bad),
        },
        _ => bad(),
    }
}

fn integer(i: i64, spec: Spec) -> Option<String> {
    let n = i.unsigned_abs();
    let (prefix, digits) = match spec.verb {
        'v' | 'd' => ("", n.to_string()),
        'b' => ("0b", format!("{n:b}")),
        'o' => ("0", format!("{n:o}")),
        'O' => return Some(pad(format!("{}0o{n:o}", if i < 0 { "-" } else { "" }), spec)),
        'x' => ("0x", format!("{n:x}")),
        'X' => ("0X", format!("{n:X}")),
        'c' | 'q' | 'U' => {
            let c = u32::try_from(i).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            return Some(match spec.verb {
                'c' => pad(c.to_string(), spec),
                'q' => pad(quote_char(c), spec),
                _ => pad(format!("U+{:04X}", u32::from(c)), spec),
            });
        }
        _ => return None,
    };
    let prefix = if spec.sharp { prefix } else { "" };
    let digits = format!("{prefix}{:0>1$}", digits, spec.precision.unwrap_or(1));
    Some(signed(i < 0, digits, Spec { zero: spec.zero && spec.precision.is_none(), ..spec }))
}

fn floating(f: f64, spec: Spec) -> Option<String> {
    let n = f.abs();
    let digits = match (spec.verb, spec.precision) {
        ('f' | 'F', precision) => format!("{n:.*}", precision.unwrap_or(6)),
        ('e' | 'E', precision) => {
            let text = format!("{n:.*e}", precision.unwrap_or(6));
            let (mantissa, exponent) = text.split_once('e')?;
            let exponent: i32 = exponent.parse().ok()?;
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}{}{sign}{:02}", spec.verb, exponent.abs())
        }
        ('v' | 'g' | 'G', None) => float(n),
        ('v' | 'g' | 'G', Some(precision)) => {
            let rounded: f64 = format!("{n:.*e}", precision.max(1) - 1).parse().ok()?;
            float(rounded)
        }
        _ => return None,
    };
    Some(signed(f < 0.0, digits, spec))
}

/// Puts the sign before the digits, and zeros between them where they are asked for.
fn signed(negative: bool, digits: String, spec: Spec) -> String {
    let sign = match () {
        () if negative => "-",
        () if spec.plus => "+",
        () if spec.space => " ",
        () => "",
    };
    if spec.zero && !spec.minus {
        let width = spec.width.unwrap_or(0).saturating_sub(sign.len());
        return format!("{sign}{digits:0>width$}");
    }
    pad(format!("{sign}{digits}"), spec)
}

fn pad(text: String, spec: Spec) -> String {
    let width = spec.width.unwrap_or(0);
    match () {
        () if spec.minus => format!("{text:<width$}"),
        () if spec.zero => format!("{text:0>width$}"),
        () => format!("{text:>width$}"),
    }
}
