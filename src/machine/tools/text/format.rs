//! Numbers and strings as C's `printf` writes them.

/// A directive such as `%-08.3f`.
#[derive(Debug, Clone, Default)]
pub struct Directive {
    pub left: bool,
    pub zero: bool,
    pub plus: bool,
    pub space: bool,
    pub alternate: bool,
    pub width: usize,
    pub precision: Option<usize>,
    pub conversion: u8,
}

/// The widest field.
const MAX_WIDTH: usize = 65536;

impl Directive {
    /// Reads a directive behind its `%`; `star` gives the numbers for `*`. The directive and its length.
    pub fn parse(text: &[u8], mut star: impl FnMut() -> i64) -> Option<(Directive, usize)> {
        let mut directive = Directive::default();
        let mut at = 0;
        loop {
            match text.get(at)? {
                b'-' => directive.left = true,
                b'0' => directive.zero = true,
                b'+' => directive.plus = true,
                b' ' => directive.space = true,
                b'#' => directive.alternate = true,
                b'\'' => {}
                _ => break,
            }
            at += 1;
        }
        let mut number = |at: &mut usize| {
            if text.get(*at) == Some(&b'*') {
                *at += 1;
                return star();
            }
            let mut value = 0i64;
            while let Some(d) = text.get(*at).filter(|b| b.is_ascii_digit()) {
                value = value.saturating_mul(10).saturating_add(i64::from(d - b'0'));
                *at += 1;
            }
            value
        };
        let width = number(&mut at);
        directive.left |= width < 0;
        directive.width = (width.unsigned_abs() as usize).min(MAX_WIDTH);
        if text.get(at) == Some(&b'.') {
            at += 1;
            let precision = number(&mut at);
            directive.precision = usize::try_from(precision).ok().map(|p| p.min(MAX_WIDTH));
        }
        while matches!(text.get(at), Some(b'h' | b'l' | b'L' | b'q' | b'j' | b'z' | b't')) {
            at += 1;
        }
        directive.conversion = *text.get(at)?;
        Some((directive, at + 1))
    }

    fn pad(&self, sign: &str, body: &str, zeros: bool) -> String {
        let len = sign.len() + body.chars().count();
        let missing = self.width.saturating_sub(len);
        match (self.left, zeros) {
            (true, _) => format!("{sign}{body}{}", " ".repeat(missing)),
            (_, true) => format!("{sign}{}{body}", "0".repeat(missing)),
            _ => format!("{}{sign}{body}", " ".repeat(missing)),
        }
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    /// A signed whole number.
    pub fn signed(&self, value: i128) -> String {
        let digits = self.with_precision(value.unsigned_abs().to_string(), value == 0);
        self.pad(self.sign(value < 0), &digits, self.zero && self.precision.is_none())
    }

    /// An unsigned number by the conversion `o`, `x`, `X` or `u`.
    pub fn unsigned(&self, value: u64) -> String {
        let (prefix, digits) = match self.conversion {
            b'o' => (if self.alternate && value != 0 { "0" } else { "" }, format!("{value:o}")),
            b'x' => (if self.alternate && value != 0 { "0x" } else { "" }, format!("{value:x}")),
            b'X' => (if self.alternate && value != 0 { "0X" } else { "" }, format!("{value:X}")),
            _ => ("", value.to_string()),
        };
        let digits = self.with_precision(digits, value == 0);
        self.pad(prefix, &digits, self.zero && self.precision.is_none())
    }

    fn with_precision(&self, digits: String, zero: bool) -> String {
        match self.precision {
            Some(0) if zero => String::new(),
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        }
    }

    /// A floating point number by the conversion `e`, `f`, `g` or their capitals.
    pub fn float(&self, value: f64) -> String {
        let upper = self.conversion.is_ascii_uppercase();
        let sign = self.sign(value.is_sign_negative() && !value.is_nan());
        if !value.is_finite() {
            let text = if value.is_nan() { "nan" } else { "inf" };
            let text = if upper { text.to_uppercase() } else { text.to_string() };
            return self.pad(if value.is_nan() { self.sign(value.is_sign_negative()) } else { sign }, &text, false);
        }
        let precision = self.precision.unwrap_or(6).min(1000);
        let magnitude = value.abs();
        let body = match self.conversion.to_ascii_lowercase() {
            b'e' => exponent(magnitude, precision, self.alternate),
            b'f' => {
                let dot = if precision == 0 && self.alternate { "." } else { "" };
                format!("{magnitude:.precision$}{dot}")
            }
            b'a' => format!("{magnitude:e}"),
            _ => general(magnitude, precision, self.alternate),
        };
        let body = if upper { body.to_uppercase() } else { body };
        self.pad(sign, &body, self.zero)
    }

    /// A string, in characters or in bytes.
    pub fn string(&self, value: &[u8], utf8: bool) -> Vec<u8> {
        let count = |text: &[u8]| if utf8 { String::from_utf8_lossy(text).chars().count() } else { text.len() };
        let mut value = value.to_vec();
        if let Some(precision) = self.precision {
            let len = match utf8 {
                true => String::from_utf8_lossy(&value).chars().take(precision).map(char::len_utf8).sum(),
                false => precision,
            };
            value.truncate(len);
        }
        let missing = vec![b' '; self.width.saturating_sub(count(&value))];
        if self.left { [value, missing].concat() } else { [missing, value].concat() }
    }
}

fn exponent(value: f64, precision: usize, alternate: bool) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match power.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', power),
    };
    let dot = if precision == 0 && alternate { "." } else { "" };
    format!("{mantissa}{dot}e{sign}{digits:0>2}")
}

fn general(value: f64, precision: usize, alternate: bool) -> String {
    let precision = precision.max(1);
    let rounded = format!("{value:.*e}", precision - 1);
    let power: i32 = rounded.split_once('e').and_then(|(_, p)| p.parse().ok()).unwrap_or(0);
    let text = if power < -4 || power >= precision as i32 {
        exponent(value, precision - 1, alternate)
    } else {
        let places = (precision as i32 - 1 - power).max(0) as usize;
        format!("{value:.places$}")
    };
    if alternate || !text.contains('.') {
        return text;
    }
    let (mantissa, power) = text.split_once('e').map_or((text.as_str(), None), |(m, p)| (m, Some(p)));
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    match power {
        Some(power) => format!("{mantissa}e{power}"),
        None => mantissa.to_string(),
    }
}

/// A number by a format with one directive for it.
pub fn one_float(format: &str, value: f64) -> String {
    let text = format.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(b) = text.get(at).copied() {
        at += 1;
        if b != b'%' {
            out.push(b);
            continue;
        }
        if text.get(at) == Some(&b'%') {
            out.push(b'%');
            at += 1;
            continue;
        }
        match Directive::parse(text.get(at..).unwrap_or_default(), || 0) {
            Some((directive, len)) => {
                out.extend_from_slice(directive.float(value).as_bytes());
                at += len;
            }
            None => out.push(b),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A number as `%.6g` and the like write it.
pub fn g(value: f64, precision: usize) -> String {
    Directive { precision: Some(precision), conversion: b'g', ..Directive::default() }.float(value)
}
