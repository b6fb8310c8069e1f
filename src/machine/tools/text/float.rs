//! Floating point numbers as C's `strtod` reads them.

/// The number that a text begins with, and how many bytes it takes; none where it begins with none.
pub fn strtod(text: &[u8]) -> Option<(f64, usize)> {
    let blanks = text.iter().take_while(|b| b.is_ascii_whitespace() || **b == 11).count();
    let rest = text.get(blanks..).unwrap_or_default();
    let signed = usize::from(matches!(rest.first(), Some(b'-' | b'+')));
    let negative = rest.first() == Some(&b'-');
    let body = rest.get(signed..).unwrap_or_default();
    let sign = if negative { -1.0 } else { 1.0 };
    for (name, value) in [("infinity", f64::INFINITY), ("inf", f64::INFINITY), ("nan", f64::NAN)] {
        if body.get(..name.len()).is_some_and(|b| b.eq_ignore_ascii_case(name.as_bytes())) {
            return Some((sign * value, blanks + signed + name.len()));
        }
    }
    if body.get(..2).is_some_and(|b| b.eq_ignore_ascii_case(b"0x")) {
        let digits = body[2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if digits > 0 {
            let value = body[2..2 + digits]
                .iter()
                .fold(0.0, |v, b| v * 16.0 + f64::from(char::from(*b).to_digit(16).unwrap_or(0)));
            return Some((sign * value, blanks + signed + 2 + digits));
        }
    }
    let len = decimal_len(body);
    if len == 0 {
        return None;
    }
    let value = std::str::from_utf8(&body[..len]).ok()?.parse::<f64>().ok()?;
    Some((sign * value, blanks + signed + len))
}

/// How many bytes of a text are an unsigned decimal number.
pub fn decimal_len(text: &[u8]) -> usize {
    let count = |from: usize| text.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = count(0);
    let mut len = whole;
    let mut fraction = 0;
    if text.get(len) == Some(&b'.') {
        fraction = count(len + 1);
        if whole + fraction > 0 {
            len += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return 0;
    }
    if matches!(text.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'-' | b'+')));
        let exponent = count(len + 1 + sign);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    len
}
