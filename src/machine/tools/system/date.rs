//! `date`, `cal`.

use crate::api::Time;
use crate::machine::errno::Errno;
use crate::machine::images;
use crate::machine::kernel::Sys;
use crate::machine::tools::common::{fail, is_gnu, misuse, parse, quote, say, tool_name};
use crate::machine::tools::options::Spec;
use crate::machine::tools::{Started, date_input, dates};

/// Those that busybox has.
const BUSYBOX_LONG: &[(&str, char)] =
    &[("rfc-822", 'R'), ("date", 'd'), ("reference", 'r'), ("set", 's'), ("utc", 'u')];

const LONG: &[(&str, char)] = &[
    ("date", 'd'),
    ("file", 'f'),
    ("iso-8601", 'I'),
    ("reference", 'r'),
    ("rfc-2822", 'R'),
    ("rfc-email", 'R'),
    ("rfc-3339", 'ř'),
    ("set", 's'),
    ("utc", 'u'),
    ("universal", 'u'),
    ("debug", 'δ'),
];

/// `date [-uR] [-d TIME] [-r FILE] [-I[WHAT]] [+FORMAT]`
pub(super) fn date(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = is_gnu(sys);
    let short = if gnu { "d:f:I::r:Rs:uř:δ" } else { "d:I::r:Rs:uD:" };
    let parsed = match parse(sys, args, Spec::new(short, if gnu { LONG } else { BUSYBOX_LONG })) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let zone = if parsed.has('u') { dates::utc() } else { dates::zone(sys) };
    let mut format = None;
    let mut to_set = parsed.value('s').map(String::from);
    for operand in &parsed.rest {
        match operand.strip_prefix('+') {
            Some(f) if format.is_none() => format = Some(f.to_string()),
            Some(_) if gnu => {
                let text = format!("extra operand {}", quote(operand));
                return misuse(sys, args, &text, 1);
            }
            Some(_) => return invalid(sys, args, operand),
            None if gnu
                && (parsed.has('d') || operand.len() > 15 || !operand.starts_with(|c: char| c.is_ascii_digit())) =>
            {
                if parsed.has('d') {
                    let text = format!(
                        "the argument {} lacks a leading '+';\nwhen using an option to specify date(s), any non-option\nargument must be a format string beginning with '+'",
                        quote(operand)
                    );
                    return misuse(sys, args, &text, 1);
                }
                return invalid(sys, args, operand);
            }
            None => to_set = Some(operand.clone()),
        }
    }
    if let Some(what) = parsed.last_of("I").and_then(|_| parsed.value('I')) {
        format = Some(match what {
            "" | "date" => "%Y-%m-%d".into(),
            "hours" | "h" | "hour" | "H" => "%Y-%m-%dT%H%:z".into(),
            "minutes" | "m" | "minute" | "M" => "%Y-%m-%dT%H:%M%:z".into(),
            "seconds" | "s" | "second" | "S" => "%Y-%m-%dT%H:%M:%S%:z".into(),
            "ns" | "n" if gnu => "%Y-%m-%dT%H:%M:%S,%N%:z".into(),
            "ns" | "n" => "%Y-%m-%dT%H:%M:%S,000000000%:z".into(),
            other if gnu => {
                let name = tool_name(sys, args);
                sys.err(format!(
                    "{name}: invalid argument {} for '--iso-8601'\nValid arguments are:\n  - 'hours'\n  - 'minutes'\n  - 'date'\n  - 'seconds'\n  - 'ns'\n",
                    quote(other)
                ));
                return misuse(sys, args, "", 1);
            }
            _ => return misuse(sys, args, "", 1),
        });
    }
    if let Some(what) = parsed.value('ř') {
        format = Some(
            match what {
                "date" => "%Y-%m-%d",
                "seconds" => "%Y-%m-%d %H:%M:%S%:z",
                "ns" => "%Y-%m-%d %H:%M:%S.%N%:z",
                other => {
                    let text = format!("invalid argument {} for '--rfc-3339'", quote(other));
                    return misuse(sys, args, &text, 1);
                }
            }
            .into(),
        );
    }
    if parsed.has('R') {
        format = Some("%a, %d %b %Y %H:%M:%S %z".into());
    }
    let fallback = "%a %b %e %H:%M:%S %Z %Y";
    let read = |sys: &Sys<'_>, text: &str| {
        if gnu { date_input::gnu(text, sys.now(), &zone) } else { date_input::busybox(text, sys.now(), &zone) }
    };
    let (mut time, mut nanos) = (sys.now(), sys.nanos());
    if let Some(path) = parsed.value('r') {
        match sys.stat(path) {
            Ok(stat) => (time, nanos) = (stat.modified, 0),
            Err(fault) => {
                fail(sys, args, path, &format!("can't stat '{path}'"), fault);
                return Started::Exit(1);
            }
        }
    }
    if let Some(path) = parsed.value('f') {
        let text = match if path == "-" { sys.read_file("/dev/stdin") } else { sys.read_file(path) } {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(fault) => {
                fail(sys, args, path, path, fault);
                return Started::Exit(1);
            }
        };
        let mut code = 0;
        for line in text.lines() {
            match read(sys, line) {
                Some(time) => {
                    let text = dates::format(format.as_deref().unwrap_or(fallback), time, 0, &zone, gnu);
                    sys.out(format!("{text}\n"));
                }
                None => {
                    invalid(sys, args, line);
                    code = 1;
                }
            }
        }
        return Started::Exit(code);
    }
    if let Some(text) = parsed.value('d') {
        let relative = gnu && !text.contains('@') && text.chars().any(|c| c.is_alphabetic());
        match read(sys, text) {
            Some(found) => {
                let same_part = relative && found.0.rem_euclid(1000) == time.0.rem_euclid(1000);
                (time, nanos) = (found, if same_part { nanos } else { 0 });
            }
            None => return invalid(sys, args, text),
        }
    }
    let mut code = 0;
    if let Some(text) = to_set {
        let found = read(sys, &text).or_else(|| gnu_stamp(&text, sys.now(), &zone));
        let Some(found) = found else { return invalid(sys, args, &text) };
        fail(sys, args, "cannot set date", "can't set date", Errno::Perm);
        (time, nanos, code) = (found, 0, 1);
    }
    let format = format.as_deref().unwrap_or(fallback);
    let mut text = dates::format(format, time, nanos, &zone, gnu || parsed.has('I'));
    if images::has_musl(sys.image()) {
        // musl's strftime ends at what it does not know.
        if let (Some(at), true) = (text.find("%N"), format.contains("%N")) {
            text.truncate(at);
        }
    }
    sys.out(format!("{text}\n"));
    Started::Exit(code)
}

/// `MMDDhhmm[[CC]YY][.ss]`
fn gnu_stamp(text: &str, now: Time, zone: &dates::Zone) -> Option<Time> {
    let (digits, seconds) = text.split_once('.').map_or((text, ""), |(d, s)| (d, s));
    let (front, year) = digits.split_at_checked(8)?;
    let seconds = if seconds.is_empty() { String::new() } else { format!(".{seconds}") };
    date_input::stamp(&format!("{year}{front}{seconds}"), now, zone)
}

fn invalid(sys: &mut Sys<'_>, args: &[String], text: &str) -> Started {
    say(sys, args, &format!("invalid date {}", quote(text)), &format!("invalid date '{text}'"));
    Started::Exit(1)
}

/// `cal [[MONTH] YEAR]`
pub(super) fn cal(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("jmy", &[])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let zone = dates::zone(sys);
    let now = dates::zoned(sys.now(), &zone);
    let numbers: Option<Vec<i16>> = parsed.rest.iter().map(|a| a.parse().ok()).collect();
    let (month, year) = match numbers.as_deref() {
        Some([]) if parsed.has('y') => (None, now.year()),
        Some([]) => (Some(now.month()), now.year()),
        Some([year @ 1..=9999]) => (None, *year),
        Some([month @ 1..=12, year @ 1..=9999]) => (Some(*month as i8), *year),
        _ => {
            let bad = parsed.rest.first().cloned().unwrap_or_default();
            say(sys, args, &format!("not a valid year {bad}"), &format!("number {bad} is not in 1..12 range"));
            return Started::Exit(1);
        }
    };
    match month {
        Some(month) => {
            let name = dates::MONTHS.get(month as usize - 1).copied().unwrap_or("");
            let mut text = format!("{}\n", centred(&format!("{name} {year}"), 20).trim_end());
            text.push_str("Su Mo Tu We Th Fr Sa\n");
            for week in weeks(year, month) {
                let week = if week.is_empty() { " ".repeat(21) } else { week };
                text.push_str(&format!("{week}\n"));
            }
            sys.out(text);
        }
        None => {
            let mut text = format!("{}\n\n", centred(&year.to_string(), 66).trim_end());
            for quarter in 0..4_i8 {
                let months: Vec<i8> = (1..=3).map(|m| quarter * 3 + m).collect();
                let titles: Vec<String> = months
                    .iter()
                    .map(|m| format!("{:<20}", centred(dates::MONTHS.get(*m as usize - 1).copied().unwrap_or(""), 20)))
                    .collect();
                text.push_str(&format!("{}\n", titles.join("   ").trim_end()));
                text.push_str("Su Mo Tu We Th Fr Sa   Su Mo Tu We Th Fr Sa   Su Mo Tu We Th Fr Sa\n");
                let blocks: Vec<Vec<String>> = months.iter().map(|m| weeks(year, *m)).collect();
                for row in 0..6 {
                    let line: Vec<String> =
                        blocks.iter().map(|b| format!("{:<20}", b.get(row).cloned().unwrap_or_default())).collect();
                    text.push_str(&format!("{}\n", line.join("   ").trim_end()));
                }
            }
            sys.out(text);
        }
    }
    Started::Exit(0)
}

fn centred(text: &str, width: usize) -> String {
    let left = width.saturating_sub(text.len()) / 2;
    format!("{}{text}", " ".repeat(left))
}

fn weeks(year: i16, month: i8) -> Vec<String> {
    let Ok(first) = jiff::civil::Date::new(year, month, 1) else { return Vec::new() };
    let mut rows = Vec::new();
    let mut row = "   ".repeat(first.weekday().to_sunday_zero_offset() as usize);
    for day in 1..=first.days_in_month() {
        row.push_str(&format!("{day:>2} "));
        if row.len() >= 21 {
            rows.push(std::mem::take(&mut row).trim_end().to_string());
        }
    }
    if !row.is_empty() {
        rows.push(row.trim_end().to_string());
    }
    rows.resize(6, String::new());
    rows
}
