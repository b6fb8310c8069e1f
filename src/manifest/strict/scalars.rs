//! Numbers, times and bytes as Go's standard library reads and prints them.

use jiff::Timestamp;
use jiff::civil::{Date, Time as Clock};
use jiff::tz::Offset;
use serde_json::Value;

use crate::api::scalar::{json_float, quote};

/// A number as Go's `encoding/json` writes it; whole floats without a fraction, `1e+21` from there on.
pub(super) fn go_number(value: &Value) -> String {
    match value {
        Value::Number(n) if n.is_f64() => json_float(n.as_f64().unwrap_or_default()),
        Value::Number(n) => n.to_string(),
        _ => String::new(),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 in its canonical spelling; mirrors `base64.StdEncoding`, which skips line ends.
///
/// # Errors
/// `illegal base64 data at input byte N`.
pub fn canonical_bytes(text: &str) -> Result<String, String> {
    let src = text.as_bytes();
    let corrupt = |at: usize| format!("illegal base64 data at input byte {at}");
    let skip_line_ends = |mut at: usize| {
        while src.get(at).is_some_and(|b| matches!(b, b'\r' | b'\n')) {
            at += 1;
        }
        at
    };
    let mut out = String::with_capacity(src.len());
    let mut at = 0;
    loop {
        let mut digits = Vec::with_capacity(4);
        let mut padded = false;
        while digits.len() < 4 && !padded {
            at = skip_line_ends(at);
            let Some(&byte) = src.get(at) else {
                if digits.is_empty() {
                    return Ok(out);
                }
                return Err(corrupt(at - digits.len()));
            };
            at += 1;
            if let Some(digit) = BASE64.iter().position(|b| *b == byte) {
                digits.push(digit);
                continue;
            }
            if byte != b'=' || digits.len() < 2 {
                return Err(corrupt(at - 1));
            }
            if digits.len() == 2 {
                at = skip_line_ends(at);
                match src.get(at) {
                    None => return Err(corrupt(src.len())),
                    Some(b'=') => at += 1,
                    Some(_) => return Err(corrupt(at - 1)),
                }
            }
            at = skip_line_ends(at);
            if at < src.len() {
                return Err(corrupt(at));
            }
            padded = true;
        }
        // The bits that no byte uses are dropped.
        let mask = match digits.len() {
            2 => 0x30,
            3 => 0x3c,
            _ => 0x3f,
        };
        if let Some(last) = digits.last_mut() {
            *last &= mask;
        }
        out.extend(digits.iter().filter_map(|d| BASE64.get(*d)).map(|b| char::from(*b)));
        out.push_str(&"=".repeat(4 - digits.len()));
    }
}

/// A time as the API prints it, in UTC and cut to its precision; Go's zero time is null.
///
/// # Errors
/// Those of Go's `time.Parse`.
pub(super) fn canonical_time(text: &str, micro: bool) -> Result<Value, String> {
    let layout = if micro { "2006-01-02T15:04:05.000000Z07:00" } else { "2006-01-02T15:04:05Z07:00" };
    let parser = TimeParser { whole: text, rest: text, layout };
    let time = parser.parse(micro)?;
    if time.as_second() == -62_135_596_800 && time.subsec_nanosecond() == 0 {
        return Ok(Value::Null);
    }
    let form = if micro { "%Y-%m-%dT%H:%M:%S.%6fZ" } else { "%Y-%m-%dT%H:%M:%SZ" };
    Ok(time.strftime(form).to_string().into())
}

struct TimeParser<'a> {
    whole: &'a str,
    rest: &'a str,
    layout: &'static str,
}

impl TimeParser<'_> {
    fn parse(mut self, micro: bool) -> Result<Timestamp, String> {
        let year = self.number("2006", 4, 4, 0, 9999, "")?;
        self.literal("-")?;
        let month = self.number("01", 2, 2, 1, 12, "month")?;
        self.literal("-")?;
        let day = self.number("02", 2, 2, 0, 99, "")?;
        self.literal("T")?;
        let hour = self.number("15", 1, 2, 0, 23, "hour")?;
        self.literal(":")?;
        let minute = self.number("04", 2, 2, 0, 59, "minute")?;
        self.literal(":")?;
        let second = self.number("05", 2, 2, 0, 59, "second")?;
        let nanosecond = self.fraction(micro)?;
        let offset = self.zone()?;
        if !self.rest.is_empty() {
            return Err(self.message(&format!(": extra text: {}", quote(self.rest))));
        }
        let day_error = || self.message(": day out of range");
        let date = Date::new(year as i16, month as i8, day as i8).map_err(|_| day_error())?;
        let clock = Clock::new(hour as i8, minute as i8, second as i8, nanosecond).map_err(|_| day_error())?;
        let offset = Offset::from_seconds(offset).map_err(|_| day_error())?;
        offset.to_timestamp(date.to_datetime(clock)).map_err(|_| day_error())
    }

    fn message(&self, detail: &str) -> String {
        format!("parsing time {}{detail}", quote(self.whole))
    }

    fn cannot_parse(&self, at: &str, element: &str) -> String {
        let (layout, at, element) = (quote(self.layout), quote(at), quote(element));
        self.message(&format!(" as {layout}: cannot parse {at} as {element}"))
    }

    fn literal(&mut self, literal: &str) -> Result<(), String> {
        self.rest = self.rest.strip_prefix(literal).ok_or_else(|| self.cannot_parse(self.rest, literal))?;
        Ok(())
    }

    fn number(
        &mut self,
        element: &str,
        min_digits: usize,
        max_digits: usize,
        low: i32,
        high: i32,
        what: &'static str,
    ) -> Result<i32, String> {
        let digits = self.rest.bytes().take(max_digits).take_while(u8::is_ascii_digit).count();
        if digits < min_digits {
            return Err(self.cannot_parse(self.rest, element));
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let number = number.parse().unwrap_or_default();
        if number < low || number > high {
            return Err(self.message(&format!(": {what} out of range")));
        }
        Ok(number)
    }

    fn fraction(&mut self, micro: bool) -> Result<i32, String> {
        let bytes = self.rest.as_bytes();
        let starts = matches!(bytes.first(), Some(b'.' | b','));
        let mut digits = bytes.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
        if micro {
            if !starts || digits < 6 {
                return Err(self.cannot_parse(self.rest, ".000000"));
            }
            digits = 6;
        } else if !starts || digits == 0 {
            return Ok(0);
        }
        let (fraction, rest) = self.rest.split_at(digits + 1);
        self.rest = rest;
        let nine: String = fraction.chars().skip(1).chain("000000000".chars()).take(9).collect();
        Ok(nine.parse().unwrap_or_default())
    }

    fn zone(&mut self) -> Result<i32, String> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(0);
        }
        let hold = self.rest;
        let bytes = hold.as_bytes();
        let digit = |i: usize| bytes.get(i).filter(|b| b.is_ascii_digit()).map(|b| i32::from(b - b'0'));
        let two = |i: usize| Some(digit(i)? * 10 + digit(i + 1)?);
        let sign = match bytes.first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => 0,
        };
        let parts = (bytes.get(3) == Some(&b':')).then(|| Some((two(1)?, two(4)?))).flatten();
        let (Some((hours, minutes)), true) = (parts, sign != 0) else {
            return Err(self.cannot_parse(hold, "Z07:00"));
        };
        if hours > 24 {
            return Err(self.message(": time zone offset hour out of range"));
        }
        if minutes > 60 {
            return Err(self.message(": time zone offset minute out of range"));
        }
        self.rest = hold.get(6..).unwrap_or_default();
        Ok(sign * (hours * 3600 + minutes * 60))
    }
}
