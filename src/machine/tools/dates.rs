//! Times as text: the container's time zone, and `strftime`.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::api::Time;
use crate::machine::images::{self, Userland};
use crate::machine::kernel::Sys;

/// The names of the months.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The names of the days, Sunday first.
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A time zone, with the name to show where the zone itself has another.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    /// The rules.
    pub zone: TimeZone,
    /// What `%Z` shows instead of the rules' own.
    pub name: Option<String>,
}

/// UTC.
pub(super) fn utc() -> Zone {
    Zone { zone: TimeZone::UTC, name: None }
}

/// The time zone of the process: `TZ`, `/etc/localtime`, or UTC.
pub(super) fn zone(sys: &mut Sys<'_>) -> Zone {
    match sys.env("TZ").map(String::from) {
        Some(name) => zone_named(sys, &name),
        None => match sys.read_file("/etc/localtime") {
            Ok(bytes) => Zone { zone: TimeZone::tzif("Local", &bytes).unwrap_or(TimeZone::UTC), name: None },
            Err(_) => utc(),
        },
    }
}

/// The time zone of a value of `TZ`.
pub(super) fn zone_named(sys: &mut Sys<'_>, name: &str) -> Zone {
    let name = name.strip_prefix(':').unwrap_or(name);
    if name.is_empty() || name == "UTC" || name == "UTC0" || name == "Etc/UTC" {
        return utc();
    }
    let known = sys.stat(&format!("/usr/share/zoneinfo/{name}")).is_ok();
    if known || sys.userland() == Userland::Gnu && sys.image().contains("debian") {
        if let Ok(zone) = TimeZone::get(name) {
            return Zone { zone, name: None };
        }
    }
    if let Ok(zone) = TimeZone::posix(name) {
        return Zone { zone, name: None };
    }
    // A zone whose rules are not installed is UTC; glibc shows the letters that its name begins with.
    let letters: String = name.chars().take_while(char::is_ascii_alphabetic).collect();
    let shown = if images::has_musl(sys.image()) || letters.len() < 3 { "UTC".to_string() } else { letters };
    Zone { zone: TimeZone::UTC, name: Some(shown) }
}

/// A time in a zone. Times beyond what can be told are the last one.
pub(super) fn zoned(time: Time, zone: &Zone) -> Zoned {
    let limit = 253_402_207_200_000;
    let millis = time.0.clamp(-62_135_596_800_000, limit);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.zone.clone())
}

/// The abbreviation of a zone at a time.
pub(super) fn zone_name(at: &Zoned, zone: &Zone) -> String {
    zone.name.clone().unwrap_or_else(|| {
        let info = zone.zone.to_offset_info(at.timestamp());
        let name = info.abbreviation();
        if zone.zone == TimeZone::UTC { "UTC".into() } else { name.into() }
    })
}

fn weekday(at: &Zoned) -> usize {
    match at.weekday() {
        Weekday::Sunday => 0,
        Weekday::Monday => 1,
        Weekday::Tuesday => 2,
        Weekday::Wednesday => 3,
        Weekday::Thursday => 4,
        Weekday::Friday => 5,
        Weekday::Saturday => 6,
    }
}

/// The offset as `+hhmm`, with as many colons as asked for.
fn offset(at: &Zoned, colons: usize) -> String {
    let seconds = at.offset().seconds();
    let (sign, s) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    match colons {
        0 => format!("{sign}{h:02}{m:02}"),
        1 => format!("{sign}{h:02}:{m:02}"),
        2 => format!("{sign}{h:02}:{m:02}:{s:02}"),
        _ if s != 0 => format!("{sign}{h:02}:{m:02}:{s:02}"),
        _ if m != 0 => format!("{sign}{h:02}:{m:02}"),
        _ => format!("{sign}{h:02}"),
    }
}

/// What a directive was given: GNU's flags and width.
#[derive(Default, Clone, Copy)]
struct Field {
    pad: Option<char>,
    upper: bool,
    swap: bool,
    width: Option<usize>,
    colons: usize,
}

/// Text of a time by a format of `strftime`, with GNU's flags; `nanos` are those below the millisecond.
pub(super) fn format(format: &str, time: Time, nanos: u32, zone: &Zone, gnu: bool) -> String {
    let at = zoned(time, zone);
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut field = Field::default();
        let mut raw = String::from("%");
        while let Some(flag) = chars.next_if(|c| "-_0^#:+".contains(*c)) {
            raw.push(flag);
            match flag {
                '^' => field.upper = true,
                '#' => field.swap = true,
                ':' => field.colons += 1,
                '-' => field.pad = Some('\0'),
                '_' => field.pad = Some(' '),
                _ => field.pad = Some('0'),
            }
        }
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            raw.push(digit);
            let value = digit.to_digit(10).unwrap_or(0) as usize;
            field.width = Some((field.width.unwrap_or(0) * 10 + value).min(1024));
        }
        if let Some(modifier) = chars.next_if(|c| *c == 'E' || *c == 'O') {
            raw.push(modifier);
        }
        let Some(directive) = chars.next() else {
            out.push_str(&raw);
            break;
        };
        match one(directive, field, &at, nanos, zone, gnu) {
            Some(text) => out.push_str(&text),
            None => {
                out.push_str(&raw);
                out.push(directive);
            }
        }
    }
    out
}

fn one(directive: char, field: Field, at: &Zoned, nanos: u32, zone: &Zone, gnu: bool) -> Option<String> {
    let number = |value: i64, width: usize, pad: char| {
        let pad = field.pad.unwrap_or(pad);
        let width = field.width.unwrap_or(width);
        match pad {
            '\0' if !gnu && field.width.is_some() => format!("{value:>width$}"),
            '\0' => value.to_string(),
            ' ' => format!("{value:>width$}"),
            _ if value < 0 => format!("-{:0>w$}", -value, w = width.saturating_sub(1)),
            _ => format!("{value:0>width$}"),
        }
    };
    let text = |t: &str| {
        let mut t = t.to_string();
        if field.upper || field.swap {
            t = if field.swap && "pZ".contains(directive) { t.to_lowercase() } else { t.to_uppercase() };
        }
        let width = field.width.unwrap_or(0);
        if field.pad == Some('0') { format!("{t:0>width$}") } else { format!("{t:>width$}") }
    };
    let sub = |f: &str| {
        let time = Time(at.timestamp().as_millisecond());
        text(&self::format(f, time, nanos, zone, gnu))
    };
    let (year, month, day) = (i64::from(at.year()), i64::from(at.month()), i64::from(at.day()));
    let (hour, minute, second) = (i64::from(at.hour()), i64::from(at.minute()), i64::from(at.second()));
    let week = weekday(at);
    let yday = i64::from(at.day_of_year());
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let iso = at.date().iso_week_date();
    let month_name = MONTHS.get((month - 1) as usize).copied().unwrap_or("");
    let all_nanos = i64::from(at.subsec_nanosecond()) + i64::from(nanos);
    Some(match directive {
        '%' => text("%"),
        'n' => text("\n"),
        't' => text("\t"),
        'a' => text(&DAYS[week][..3]),
        'A' => text(DAYS[week]),
        'b' | 'h' => text(month_name.get(..3).unwrap_or("")),
        'B' => text(month_name),
        'c' => sub("%a %b %e %H:%M:%S %Y"),
        'C' => number(year / 100, 2, '0'),
        'd' => number(day, 2, '0'),
        'D' => sub("%m/%d/%y"),
        'e' => number(day, 2, ' '),
        'F' => sub("%Y-%m-%d"),
        'g' => number(i64::from(iso.year()) % 100, 2, '0'),
        'G' => number(i64::from(iso.year()), 4, '0'),
        'H' => number(hour, 2, '0'),
        'I' => number(hour12, 2, '0'),
        'j' => number(yday, 3, '0'),
        'k' => number(hour, 2, ' '),
        'l' => number(hour12, 2, ' '),
        'm' => number(month, 2, '0'),
        'M' => number(minute, 2, '0'),
        'N' if gnu => match (field.width, field.pad) {
            (Some(width @ 1..=9), _) => format!("{all_nanos:09}")[..width].to_string(),
            (_, Some('\0')) => format!("{all_nanos:09}").trim_end_matches('0').to_string(),
            _ => format!("{all_nanos:09}"),
        },
        'p' => text(if hour < 12 { "AM" } else { "PM" }),
        'P' => text(if hour < 12 { "am" } else { "pm" }),
        'q' if gnu => number((month - 1) / 3 + 1, 1, '0'),
        'r' => sub("%I:%M:%S %p"),
        'R' => sub("%H:%M"),
        's' => number(at.timestamp().as_second(), 1, '0'),
        'S' => number(second, 2, '0'),
        'T' => sub("%H:%M:%S"),
        'u' => number(if week == 0 { 7 } else { week as i64 }, 1, '0'),
        'U' => number((yday - 1 + 7 - week as i64) / 7, 2, '0'),
        'V' => number(i64::from(iso.week()), 2, '0'),
        'w' => number(week as i64, 1, '0'),
        'W' => number((yday - 1 + 7 - (week as i64 + 6) % 7) / 7, 2, '0'),
        'x' => sub("%m/%d/%y"),
        'X' => sub("%H:%M:%S"),
        'y' => number(year.rem_euclid(100), 2, '0'),
        'Y' => number(year, 4, '0'),
        'z' if field.colons > 0 && !gnu => return None,
        'z' => text(&offset(at, field.colons)),
        'Z' => text(&zone_name(at, zone)),
        _ => return None,
    })
}
