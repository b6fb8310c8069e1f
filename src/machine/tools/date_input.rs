//! Dates as people write them: what `date -d` and `touch -d` of both userlands understand.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, ToSpan};

use super::dates::{DAYS, MONTHS, Zone, zoned};
use crate::api::Time;

fn at(date: DateTime, zone: &TimeZone) -> Option<Time> {
    date.to_zoned(zone.clone()).ok().map(|z| Time(z.timestamp().as_millisecond()))
}

/// `[[CC]YY]MMDDhhmm[.ss]`, as `touch -t` takes it.
pub(super) fn stamp(text: &str, now: Time, zone: &Zone) -> Option<Time> {
    let (digits, seconds) = match text.split_once('.') {
        Some((digits, seconds)) if seconds.len() == 2 => (digits, seconds.parse::<i8>().ok()?),
        Some(_) => return None,
        None => (text, 0),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let this_year = zoned(now, zone).year();
    let (year, rest) = match digits.len() {
        12 => (digits[..4].parse::<i16>().ok()?, &digits[4..]),
        10 => {
            let short: i16 = digits[..2].parse().ok()?;
            (if short < 69 { 2000 + short } else { 1900 + short }, &digits[2..])
        }
        8 => (this_year, digits),
        _ => return None,
    };
    let part = |n: usize| rest[n * 2..n * 2 + 2].parse::<i8>().ok();
    let date = DateTime::new(year, part(0)?, part(1)?, part(2)?, part(3)?, seconds.min(59), 0).ok()?;
    at(date, &zone.zone)
}

/// What busybox understands.
pub(super) fn busybox(text: &str, now: Time, zone: &Zone) -> Option<Time> {
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds.parse::<i64>().ok().filter(|s| *s >= 0).map(|s| Time(s.saturating_mul(1000)));
    }
    let (text, zone) = match text.rsplit_once(' ') {
        Some((rest, offset))
            if offset.len() == 5 && offset.starts_with(['+', '-']) && rest.matches(':').count() == 2 =>
        {
            let (h, m): (i32, i32) = (offset[1..3].parse().ok()?, offset[3..].parse().ok()?);
            let seconds = (h * 3600 + m * 60) * if offset.starts_with('-') { -1 } else { 1 };
            (rest, Zone { zone: TimeZone::fixed(Offset::from_seconds(seconds).ok()?), name: None })
        }
        _ => (text, zone.clone()),
    };
    let today = zoned(now, &zone).datetime();
    let clock = |t: &str| -> Option<(i8, i8, i8)> {
        let parts: Vec<i8> = t.split(':').map(|p| p.parse().ok()).collect::<Option<_>>()?;
        match parts.as_slice() {
            [h, m] => Some((*h, *m, 0)),
            [h, m, s] => Some((*h, *m, *s)),
            _ => None,
        }
    };
    let made = |date: Date, (h, m, s): (i8, i8, i8)| {
        let date = DateTime::new(date.year(), date.month(), date.day(), h, m, s, 0).ok()?;
        at(date, &zone.zone)
    };
    let dashed = |t: &str| -> Option<Date> {
        let (year, rest) = t.split_once('-')?;
        let (month, day) = rest.split_once('-')?;
        if year.len() != 4 {
            return None;
        }
        // A day that the month does not have is one of the next, as mktime has it.
        let (month, day): (i8, i64) = (month.parse().ok()?, day.parse().ok()?);
        let first = Date::new(year.parse().ok()?, month, 1).ok()?;
        if (1..=31).contains(&day) { first.checked_add((day - 1).days()).ok() } else { None }
    };
    if let Some(time) = clock(text).filter(|_| text.contains(':')) {
        return made(today.date(), time);
    }
    if let Some((date, time)) = text.split_once(' ') {
        if let Some(date) = dashed(date) {
            if let Some(time) = clock(time.trim()) {
                return made(date, time);
            }
            return time.trim().parse::<i8>().ok().and_then(|h| made(date, (h, 0, 0)));
        }
        return None;
    }
    if let Some(date) = dashed(text) {
        return made(date, (0, 0, 0));
    }
    if let Some((date, time)) = text.split_once('-') {
        let parts: Vec<i16> = date.split('.').map(|p| p.parse().ok()).collect::<Option<_>>()?;
        let date = match parts.as_slice() {
            [y, m, d] => Date::new(*y, i8::try_from(*m).ok()?, i8::try_from(*d).ok()?).ok()?,
            [m, d] => Date::new(today.year(), i8::try_from(*m).ok()?, i8::try_from(*d).ok()?).ok()?,
            _ => return None,
        };
        return made(date, clock(time)?);
    }
    let (digits, seconds) = text.split_once('.').map_or((text, "0"), |(d, s)| (d, s));
    if digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty() {
        let seconds: i8 = seconds.parse().ok()?;
        let pairs: Vec<i8> =
            digits.as_bytes().rchunks(2).map(|p| std::str::from_utf8(p).ok()?.parse().ok()).collect::<Option<_>>()?;
        let get = |n: usize, other: i8| pairs.get(n).copied().unwrap_or(other);
        let year = match (pairs.get(4), pairs.get(5)) {
            (Some(y), Some(c)) => i16::from(*c) * 100 + i16::from(*y),
            (Some(y), None) => i16::from(*y) + 2000,
            _ => today.year(),
        };
        let (month, day) = (get(3, today.month()), get(2, today.day()));
        let date = Date::new(year, month, day).ok()?;
        return made(date, (get(1, today.hour()), get(0, 0), seconds));
    }
    None
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// Digits, with how many they were and the sign before them.
    Number(i64, usize, Option<char>),
    Word(String),
    Mark(char),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut all = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' => while chars.next().is_some_and(|c| c != ')') {},
            '0'..='9' => {
                let mut digits = String::from(c);
                while let Some(d) = chars.next_if(char::is_ascii_digit) {
                    digits.push(d);
                }
                all.push(Token::Number(digits.parse().ok()?, digits.len(), None));
            }
            '+' | '-' if chars.clone().find(|c| !c.is_whitespace()).is_some_and(|c| c.is_ascii_digit()) => {
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
                let mut digits = String::new();
                while let Some(d) = chars.next_if(char::is_ascii_digit) {
                    digits.push(d);
                }
                all.push(Token::Number(digits.parse().ok()?, digits.len(), Some(c)));
            }
            c if c.is_alphabetic() => {
                let mut word = c.to_lowercase().to_string();
                while let Some(d) = chars.next_if(|c| c.is_alphabetic() || *c == '.') {
                    if d != '.' {
                        word.extend(d.to_lowercase());
                    }
                }
                all.push(Token::Word(word));
            }
            c => all.push(Token::Mark(c)),
        }
    }
    Some(all)
}

#[derive(Default)]
struct Reading {
    date: Option<(Option<i64>, i64, i64)>,
    time: Option<(i64, i64, i64, i64)>,
    zone: Option<i64>,
    relative: Vec<(i64, &'static str)>,
    weekday: Option<(usize, i64)>,
}

const UNITS: [(&str, &str); 18] = [
    ("year", "year"),
    ("month", "month"),
    ("fortnight", "fortnight"),
    ("week", "week"),
    ("day", "day"),
    ("hour", "hour"),
    ("minute", "minute"),
    ("min", "minute"),
    ("second", "second"),
    ("sec", "second"),
    ("years", "year"),
    ("months", "month"),
    ("weeks", "week"),
    ("days", "day"),
    ("hours", "hour"),
    ("minutes", "minute"),
    ("mins", "minute"),
    ("seconds", "second"),
];

fn unit(word: &str) -> Option<&'static str> {
    let found = UNITS.iter().find(|u| u.0 == word || u.0 == word.strip_suffix('s').unwrap_or(word));
    found.map(|u| u.1)
}

fn month(word: &str) -> Option<i64> {
    let of = |m: &str| {
        let full = m.to_lowercase();
        word == full || word == &full[..3] || word == "sept" && full == "september"
    };
    MONTHS.iter().position(|m| of(m)).map(|at| at as i64 + 1)
}

fn day(word: &str) -> Option<usize> {
    let of = |d: &str| {
        let full = d.to_lowercase();
        word == full
            || word == &full[..3]
            || ["tues", "wednes", "thur", "thurs"].contains(&word) && full.starts_with(word)
    };
    DAYS.iter().position(|d| of(d))
}

fn ordinal(word: &str) -> Option<i64> {
    Some(match word {
        "last" => -1,
        "this" => 0,
        "next" | "first" => 1,
        "third" => 3,
        "fourth" => 4,
        "fifth" => 5,
        "sixth" => 6,
        "seventh" => 7,
        "eighth" => 8,
        "ninth" => 9,
        "tenth" => 10,
        "eleventh" => 11,
        "twelfth" => 12,
        _ => return None,
    })
}

fn zone_offset(word: &str) -> Option<i64> {
    Some(match word {
        "utc" | "gmt" | "z" | "ut" | "wet" => 0,
        "est" => -5 * 3600,
        "edt" => -4 * 3600,
        "cst" => -6 * 3600,
        "cdt" => -5 * 3600,
        "mst" => -7 * 3600,
        "mdt" => -6 * 3600,
        "pst" => -8 * 3600,
        "pdt" => -7 * 3600,
        "cet" | "bst" | "west" => 3600,
        "cest" | "eet" => 7200,
        "eest" | "msk" => 3 * 3600,
        "ist" => 5 * 3600 + 1800,
        "jst" => 9 * 3600,
        _ => return None,
    })
}

/// What GNU's `date -d` understands.
pub(super) fn gnu(text: &str, now: Time, zone: &Zone) -> Option<Time> {
    let trimmed = text.trim();
    if let Some(number) = trimmed.strip_prefix('@') {
        let number = number.trim();
        let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, ""));
        let seconds: i64 = whole.parse().ok()?;
        if !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let millis: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
        let millis = if whole.starts_with('-') { -millis } else { millis };
        return Some(Time(seconds.saturating_mul(1000).saturating_add(millis)));
    }
    // TZ="..." before the rest says which zone it is in.
    let (trimmed, own) = match trimmed.strip_prefix("TZ=\"").and_then(|r| r.split_once('"')) {
        Some((name, rest)) => (rest, TimeZone::get(name).or_else(|_| TimeZone::posix(name)).ok()),
        None => (trimmed, None),
    };
    let zone = own.map_or(zone.clone(), |zone| Zone { zone, name: None });
    let all = tokens(trimmed)?;
    if all.is_empty() {
        let today = zoned(now, &zone).date();
        return at(today.at(0, 0, 0, 0), &zone.zone);
    }
    let mut reading = Reading::default();
    let mut rest: &[Token] = &all;
    while !rest.is_empty() {
        rest = item(rest, &mut reading)?;
    }
    resolve(&reading, now, &zone)
}

fn sign(mark: Option<char>) -> i64 {
    if mark == Some('-') { -1 } else { 1 }
}

/// Reads one item, and returns what is after it.
fn item<'t>(rest: &'t [Token], reading: &mut Reading) -> Option<&'t [Token]> {
    use Token::{Mark, Number, Word};
    match rest {
        // 2024-01-02, with what is glued to it.
        [Number(y, 4, None), Number(m, _, Some('-')), Number(d, _, Some('-')), rest @ ..] => {
            reading.date = Some((Some(*y), *m, *d));
            Some(match rest {
                [Word(t), rest @ ..] if t == "t" && matches!(rest.first(), Some(Number(..))) => rest,
                rest => rest,
            })
        }
        [Number(h, ..), Mark(':'), Number(m, _, None), rest @ ..] => clock(*h, *m, rest, reading),
        [Number(y, 4, None), Mark('/'), Number(m, ..), Mark('/'), Number(d, ..), rest @ ..] => {
            reading.date = Some((Some(*y), *m, *d));
            Some(rest)
        }
        [Number(m, ..), Mark('/'), Number(d, ..), Mark('/'), Number(y, digits, None), rest @ ..] => {
            let y = if *digits <= 2 { y + if *y < 69 { 2000 } else { 1900 } } else { *y };
            reading.date = Some((Some(y), *m, *d));
            Some(rest)
        }
        [Number(m, ..), Mark('/'), Number(d, ..), rest @ ..] => {
            reading.date = Some((None, *m, *d));
            Some(rest)
        }
        [Number(n, _, None), Word(w), rest @ ..] if (w == "am" || w == "pm") && (1..=12).contains(n) => {
            reading.time = Some((n % 12 + if w == "pm" { 12 } else { 0 }, 0, 0, 0));
            Some(rest)
        }
        [Number(d, _, None), Word(w), rest @ ..] if month(w).is_some() => {
            let m = month(w)?;
            Some(match rest {
                [Number(y, 4, None), rest @ ..] | [Mark(','), Number(y, 4, None), rest @ ..] => {
                    reading.date = Some((Some(*y), m, *d));
                    rest
                }
                rest => {
                    reading.date = Some((None, m, *d));
                    rest
                }
            })
        }
        // 30-Nov-2026
        [Number(d, _, None), Mark('-'), Word(w), Number(y, _, Some('-')), rest @ ..] if month(w).is_some() => {
            reading.date = Some((Some(*y), month(w)?, *d));
            Some(rest)
        }
        [Number(n, _, s), Word(w), rest @ ..] if unit(w).is_some() => {
            let (ago, rest) = match rest {
                [Word(w), rest @ ..] if w == "ago" => (-1, rest),
                rest => (1, rest),
            };
            reading.relative.push((n.saturating_mul(sign(*s) * ago), unit(w)?));
            Some(rest)
        }
        [Number(n, _, None), Word(w), rest @ ..] if day(w).is_some() => {
            reading.weekday = Some((day(w)?, *n));
            Some(rest)
        }
        [Number(n, 8, None), rest @ ..] => {
            reading.date = Some((Some(n / 10000), n / 100 % 100, n % 100));
            Some(match rest {
                [Word(t), rest @ ..] if t == "t" => rest,
                rest => rest,
            })
        }
        [Number(y, 4, None), rest @ ..] if reading.date.is_some() && reading.time.is_some() => {
            if let Some((year @ None, ..)) = &mut reading.date {
                *year = Some(*y);
                return Some(rest);
            }
            None
        }
        [Number(n, 4, None), rest @ ..] => {
            reading.time = Some((n / 100, n % 100, 0, 0));
            Some(rest)
        }
        [Number(n, 1 | 2, None), rest @ ..] => {
            reading.time = Some((*n, 0, 0, 0));
            Some(rest)
        }
        [Word(w), rest @ ..] => word(w, rest, reading),
        [Mark(','), rest @ ..] => Some(rest),
        _ => None,
    }
}

fn clock<'t>(hour: i64, minute: i64, rest: &'t [Token], reading: &mut Reading) -> Option<&'t [Token]> {
    use Token::{Mark, Number, Word};
    let (second, millis, rest) = match rest {
        [Mark(':'), Number(s, ..), Mark('.' | ','), Number(f, digits, None), rest @ ..] => {
            let scale = 10_i64.checked_pow(u32::try_from(*digits).ok()?)?;
            (*s, f.checked_mul(1000)? / scale, rest)
        }
        [Mark(':'), Number(s, ..), rest @ ..] => (*s, 0, rest),
        rest => (0, 0, rest),
    };
    let (hour, rest) = match rest {
        [Word(w), rest @ ..] if w == "am" => (hour % 12, rest),
        [Word(w), rest @ ..] if w == "pm" => (hour % 12 + 12, rest),
        rest => (hour, rest),
    };
    reading.time = Some((hour, minute, second, millis));
    // A signed number right after a time is its zone: +0200, +02:00, +2.
    Some(match rest {
        [Number(h, _, Some(s)), Mark(':'), Number(m, ..), rest @ ..] => {
            reading.zone = Some((h * 3600 + m * 60) * sign(Some(*s)));
            rest
        }
        [Number(h, digits, Some(s)), rest @ ..] => {
            let seconds = if *digits >= 3 { h / 100 * 3600 + h % 100 * 60 } else { h * 3600 };
            reading.zone = Some(seconds * sign(Some(*s)));
            rest
        }
        rest => rest,
    })
}

fn word<'t>(word: &str, rest: &'t [Token], reading: &mut Reading) -> Option<&'t [Token]> {
    use Token::{Mark, Number, Word};
    match word {
        "now" | "today" => return Some(rest),
        "yesterday" | "tomorrow" => {
            reading.relative.push((if word == "tomorrow" { 1 } else { -1 }, "day"));
            return Some(rest);
        }
        "t" | "of" | "and" if !rest.is_empty() && word == "t" => return Some(rest),
        _ => {}
    }
    if let Some(m) = month(word) {
        return Some(match rest {
            [Number(d, ..), Mark(','), Number(y, 4, None), rest @ ..] => {
                reading.date = Some((Some(*y), m, *d));
                rest
            }
            [Number(d, ..), Number(y, 4, None), rest @ ..] if !matches!(rest.first(), Some(Mark(':'))) => {
                reading.date = Some((Some(*y), m, *d));
                rest
            }
            [Number(d, 1 | 2, _), rest @ ..] => {
                reading.date = Some((None, m, *d));
                rest
            }
            _ => return None,
        });
    }
    if let Some(d) = day(word) {
        reading.weekday = Some((d, 0));
        return Some(match rest {
            [Mark(','), rest @ ..] => rest,
            rest => rest,
        });
    }
    if let Some(n) = ordinal(word) {
        return match rest {
            [Word(w), rest @ ..] if unit(w).is_some() => {
                let (ago, rest) = match rest {
                    [Word(w), rest @ ..] if w == "ago" => (-1, rest),
                    rest => (1, rest),
                };
                reading.relative.push((n * ago, unit(w)?));
                Some(rest)
            }
            [Word(w), rest @ ..] => {
                reading.weekday = Some((day(w)?, n));
                Some(rest)
            }
            _ => None,
        };
    }
    if let Some(u) = unit(word) {
        let (n, rest) = match rest {
            [Word(w), rest @ ..] if w == "ago" => (-1, rest),
            rest => (1, rest),
        };
        reading.relative.push((n, u));
        return Some(rest);
    }
    reading.zone = Some(zone_offset(word)?);
    Some(rest)
}

fn resolve(reading: &Reading, now: Time, zone: &Zone) -> Option<Time> {
    let here = match reading.zone {
        Some(seconds) => TimeZone::fixed(Offset::from_seconds(i32::try_from(seconds).ok()?).ok()?),
        None => zone.zone.clone(),
    };
    let current = zoned(now, &Zone { zone: here.clone(), name: None }).datetime();
    let small = |n: i64| i8::try_from(n).ok();
    let date = match reading.date {
        Some((year, m, d)) => {
            Date::new(i16::try_from(year.unwrap_or(i64::from(current.year()))).ok()?, small(m)?, small(d)?).ok()?
        }
        None => current.date(),
    };
    let fixed = reading.date.is_some() || reading.weekday.is_some();
    let (h, m, s, millis) = match reading.time {
        Some(time) => time,
        None if fixed => (0, 0, 0, 0),
        None => {
            let millis = i64::from(current.subsec_nanosecond()) / 1_000_000;
            (i64::from(current.hour()), i64::from(current.minute()), i64::from(current.second()), millis)
        }
    };
    let s = if s == 60 { 59 } else { s };
    let nanos = i32::try_from(millis.checked_mul(1_000_000)?).ok()?;
    let mut when = DateTime::new(date.year(), date.month(), date.day(), small(h)?, small(m)?, small(s)?, nanos).ok()?;
    if let (Some((wanted, ordinal)), None) = (reading.weekday, reading.date) {
        let today = when.weekday().to_sunday_zero_offset() as i64;
        let ahead = (wanted as i64 - today).rem_euclid(7);
        let weeks = ordinal - i64::from(ordinal > 0 && ahead != 0);
        when = when.checked_add(Span::new().try_days(ahead + weeks.checked_mul(7)?).ok()?).ok()?;
    }
    let mut seconds: i64 = 0;
    for (n, unit) in &reading.relative {
        let n = *n;
        let span = match *unit {
            "year" => Span::new().try_months(n.checked_mul(12)?),
            "month" => Span::new().try_months(n),
            "fortnight" => Span::new().try_days(n.checked_mul(14)?),
            "week" => Span::new().try_days(n.checked_mul(7)?),
            "day" => Span::new().try_days(n),
            other => {
                let factor = match other {
                    "hour" => 3600,
                    "minute" => 60,
                    _ => 1,
                };
                seconds = seconds.checked_add(n.checked_mul(factor)?)?;
                continue;
            }
        };
        when = shift(when, span.ok()?)?;
    }
    let base = at(when, &here)?;
    Some(Time(base.0.checked_add(seconds.checked_mul(1000)?)?))
}

/// Adds months as `mktime` does: the 31st of a short month is the 1st of the next.
fn shift(when: DateTime, span: Span) -> Option<DateTime> {
    let moved = when.checked_add(span).ok()?;
    let lost = i64::from(when.day()) - i64::from(moved.day());
    if span.get_months() != 0 && lost > 0 {
        return moved.checked_add(lost.days()).ok();
    }
    Some(moved)
}
