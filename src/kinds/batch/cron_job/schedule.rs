//! Cron schedules: `*/5 * * * *`, `@hourly`, `@every 90s`.
//!
//! Mirrors `github.com/robfig/cron/v3`, texts of its errors included.

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::api::scalar::quote;
use crate::api::{Duration, Time};

/// Marks a field that was given as a star.
const STAR: u64 = 1 << 63;

/// How many years ahead a schedule is searched.
const YEARS: i16 = 5;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When something is due, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Every so often, in whole seconds.
    Every(Duration),
    /// At the times whose parts are all among these bits.
    At(Box<Spec>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Spec {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
    zone: TimeZone,
}

/// The values that a field may have, and their names.
struct Bounds {
    min: u64,
    max: u64,
    names: &'static [&'static str],
}

const MINUTES: Bounds = Bounds { min: 0, max: 59, names: &[] };
const HOURS: Bounds = Bounds { min: 0, max: 23, names: &[] };
const DAYS_OF_MONTH: Bounds = Bounds { min: 1, max: 31, names: &[] };
const MONTHS_OF_YEAR: Bounds = Bounds { min: 1, max: 12, names: &MONTHS };
const DAYS_OF_WEEK: Bounds = Bounds { min: 0, max: 6, names: &DAYS };

/// A time zone by its name in the tz database.
///
/// # Errors
/// The text of Go's `time.LoadLocation`.
pub fn load_location(name: &str) -> Result<TimeZone, String> {
    if name.is_empty() || matches!(name, "UTC" | "Local") {
        return Ok(TimeZone::UTC);
    }
    let zone = TimeZoneDatabase::bundled().get(name).ok();
    // Names are told apart by case.
    let zone = zone.filter(|z| z.iana_name() == Some(name));
    zone.ok_or_else(|| format!("unknown time zone {name}"))
}

impl Schedule {
    /// Reads a schedule; its times are of UTC unless it names a zone itself.
    ///
    /// # Errors
    /// The parser's text.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let mut spec = text;
        let mut zone = TimeZone::UTC;
        if spec.is_empty() {
            return Err("empty spec string".into());
        }
        if let Some(rest) = spec.strip_prefix("CRON_TZ=").or_else(|| spec.strip_prefix("TZ=")) {
            // The original panics here, and the panic is told.
            let panic = || "invalid schedule format: runtime error: slice bounds out of range [:-1]".to_string();
            let (name, after) = rest.split_once(' ').ok_or_else(panic)?;
            zone = load_location(name).map_err(|error| format!("provided bad location {name}: {error}"))?;
            spec = after.trim();
        }
        if spec.starts_with('@') {
            return parse_descriptor(spec, zone);
        }
        let fields: Vec<&str> = spec.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            let (count, all) = (fields.len(), fields.join(" "));
            return Err(format!("expected exactly 5 fields, found {count}: [{all}]"));
        };
        Ok(Schedule(Kind::At(Box::new(Spec {
            minute: get_field(minute, &MINUTES)?,
            hour: get_field(hour, &HOURS)?,
            day: get_field(day, &DAYS_OF_MONTH)?,
            month: get_field(month, &MONTHS_OF_YEAR)?,
            weekday: get_field(weekday, &DAYS_OF_WEEK)?,
            zone,
        }))))
    }

    /// The same in another zone.
    pub fn in_zone(self, zone: TimeZone) -> Schedule {
        match self.0 {
            Kind::At(spec) => Schedule(Kind::At(Box::new(Spec { zone, ..*spec }))),
            every => Schedule(every),
        }
    }

    /// The next time after `time`; none where there is none within five years.
    pub fn next(&self, time: Time) -> Option<Time> {
        match &self.0 {
            Kind::Every(delay) => Some(Time(time.0.div_euclid(1000) * 1000) + *delay),
            Kind::At(spec) => spec.next(time),
        }
    }
}

fn parse_descriptor(text: &str, zone: TimeZone) -> Result<Schedule, String> {
    let all = |bounds: &Bounds| bits(bounds.min, bounds.max, 1) | STAR;
    let first = |bounds: &Bounds| 1 << bounds.min;
    let spec = |hour, day, month, weekday| {
        Ok(Schedule(Kind::At(Box::new(Spec { minute: first(&MINUTES), hour, day, month, weekday, zone }))))
    };
    let (hour, day, month, weekday) =
        (first(&HOURS), first(&DAYS_OF_MONTH), first(&MONTHS_OF_YEAR), first(&DAYS_OF_WEEK));
    let (any_day, any_month, any_weekday) = (all(&DAYS_OF_MONTH), all(&MONTHS_OF_YEAR), all(&DAYS_OF_WEEK));
    match text {
        "@yearly" | "@annually" => return spec(hour, day, month, any_weekday),
        "@monthly" => return spec(hour, day, any_month, any_weekday),
        "@weekly" => return spec(hour, any_day, any_month, weekday),
        "@daily" | "@midnight" => return spec(hour, any_day, any_month, any_weekday),
        "@hourly" => return spec(all(&HOURS), any_day, any_month, any_weekday),
        _ => {}
    }
    let Some(delay) = text.strip_prefix("@every ") else { return Err(format!("unrecognized descriptor: {text}")) };
    let delay = Duration::parse(delay).map_err(|error| format!("failed to parse duration {text}: {error}"))?;
    let seconds = delay.as_secs().max(1);
    Ok(Schedule(Kind::Every(Duration::secs(seconds))))
}

fn get_field(field: &str, bounds: &Bounds) -> Result<u64, String> {
    let ranges = field.split(',').filter(|r| !r.is_empty());
    ranges.map(|range| get_range(range, bounds)).try_fold(0, |all, range| Ok(all | range?))
}

/// The values of a range: `*`, `3`, `1-5`, `*/15`, `10-30/5`.
fn get_range(range: &str, bounds: &Bounds) -> Result<u64, String> {
    let parts: Vec<&str> = range.split('/').collect();
    let ends: Vec<&str> = parts.first().map(|p| p.split('-').collect()).unwrap_or_default();
    let (start, mut end, mut extra) = match ends.as_slice() {
        ["*" | "?", ..] => (bounds.min, bounds.max, STAR),
        [one] => {
            let n = parse_int_or_name(one, bounds)?;
            (n, n, 0)
        }
        [first, last] => (parse_int_or_name(first, bounds)?, parse_int_or_name(last, bounds)?, 0),
        [first, ..] => {
            parse_int_or_name(first, bounds)?;
            return Err(format!("too many hyphens: {range}"));
        }
        [] => return Err(format!("too many hyphens: {range}")),
    };
    let step = match parts.as_slice() {
        [_] => 1,
        [_, step] => {
            let step = must_parse_int(step)?;
            if ends.len() == 1 {
                end = bounds.max;
            }
            if step > 1 {
                extra = 0;
            }
            step
        }
        _ => return Err(format!("too many slashes: {range}")),
    };
    if start < bounds.min {
        return Err(format!("beginning of range ({start}) below minimum ({}): {range}", bounds.min));
    }
    if end > bounds.max {
        return Err(format!("end of range ({end}) above maximum ({}): {range}", bounds.max));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {range}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {range}"));
    }
    Ok(bits(start, end, step) | extra)
}

fn parse_int_or_name(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let lower = text.to_lowercase();
    match bounds.names.iter().position(|name| *name == lower) {
        Some(at) => Ok(at as u64 + bounds.min),
        None => must_parse_int(text),
    }
}

fn must_parse_int(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let readable = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let fault = |what: &str| format!("failed to parse int from {text}: strconv.Atoi: parsing {}: {what}", quote(text));
    match text.parse::<i64>() {
        Ok(n) => u64::try_from(n).map_err(|_| format!("negative number ({n}) not allowed: {text}")),
        Err(_) if readable => Err(fault("value out of range")),
        Err(_) => Err(fault("invalid syntax")),
    }
}

fn bits(min: u64, max: u64, step: u64) -> u64 {
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    (min..=max).step_by(step).fold(0, |all, n| all | 1 << n)
}

fn has(bits: u64, n: i8) -> bool {
    u32::try_from(n).is_ok_and(|n| bits & (1 << n) != 0)
}

impl Spec {
    fn day_matches(&self, date: Date) -> bool {
        let day = has(self.day, date.day());
        let weekday = has(self.weekday, date.weekday().to_sunday_zero_offset());
        if self.day & STAR != 0 || self.weekday & STAR != 0 { day && weekday } else { day || weekday }
    }

    fn start_of(&self, date: Date) -> Option<Zoned> {
        date.at(0, 0, 0, 0).to_zoned(self.zone.clone()).ok()
    }

    fn next(&self, time: Time) -> Option<Time> {
        let from = Timestamp::from_second(time.0.div_euclid(1000) + 1).ok()?;
        let mut at = from.to_zoned(self.zone.clone());
        let last = at.year() + YEARS;
        while at.year() <= last {
            if !has(self.month, at.month()) {
                let next = at.date().first_of_month().checked_add(jiff::Span::new().months(1)).ok()?;
                at = self.start_of(next)?;
            } else if !self.day_matches(at.date()) {
                at = self.start_of(at.date().tomorrow().ok()?)?;
            } else if !has(self.hour, at.hour()) {
                // An hour later by the clock on the wall, whichever it then shows.
                let full = at.datetime().with().minute(0).second(0).build().ok()?.to_zoned(self.zone.clone()).ok()?;
                let full = if full.timestamp() > at.timestamp() { at } else { full };
                at = full.checked_add(SignedDuration::from_hours(1)).ok()?;
            } else if !has(self.minute, at.minute()) || at.second() != 0 {
                let rest = SignedDuration::from_secs(60 - i64::from(at.second()));
                at = at.checked_add(rest).ok()?;
            } else {
                return Some(Time(at.timestamp().as_millisecond()));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Schedule, load_location};
    use crate::api::Time;

    fn next(schedule: &str, zone: &str, from: &str) -> String {
        let schedule = Schedule::parse(schedule).unwrap().in_zone(load_location(zone).unwrap());
        schedule.next(Time::parse_rfc3339(from).unwrap()).map(Time::rfc3339).unwrap_or_default()
    }

    #[test]
    fn schedules_find_their_next_time() {
        let from = "2026-11-20T22:05:20Z";
        assert_eq!(next("*/5 * * * *", "UTC", from), "2026-11-20T22:10:00Z");
        assert_eq!(next("5 22 * * *", "UTC", from), "2026-11-21T22:05:00Z");
        assert_eq!(next("0 0 1 * mon", "UTC", from), "2026-11-23T00:00:00Z");
        assert_eq!(next("30 9 * * 1-5", "America/New_York", from), "2026-11-23T14:30:00Z");
        assert_eq!(next("0 0 29 feb *", "UTC", from), "2028-02-29T00:00:00Z");
        assert_eq!(next("0 0 30 2 *", "UTC", from), "");
        assert_eq!(next("@hourly", "Asia/Kolkata", from), "2026-11-20T22:30:00Z");
        assert_eq!(next("@every 90s", "UTC", from), "2026-11-20T22:06:50Z");
        // The hour after 01:59 is 03:00 on this day in Berlin.
        assert_eq!(next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-30T00:30:00Z");
    }

    #[test]
    fn faults_read_as_the_parsers() {
        let fault = |text| Schedule::parse(text).unwrap_err();
        assert_eq!(fault("* * * *"), "expected exactly 5 fields, found 4: [* * * *]");
        assert_eq!(fault("60 * * * *"), "end of range (60) above maximum (59): 60");
        assert_eq!(fault("a * * * *"), "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax");
        assert_eq!(fault("*/0 * * * *"), "step of range should be a positive number: */0");
        assert_eq!(fault("@never"), "unrecognized descriptor: @never");
        assert_eq!(fault("@every x"), "failed to parse duration @every x: time: invalid duration \"x\"");
        assert_eq!(fault("TZ=0"), "invalid schedule format: runtime error: slice bounds out of range [:-1]");
        assert_eq!(load_location("Mars/Phobos"), Err("unknown time zone Mars/Phobos".to_string()));
        assert_eq!(load_location("europe/berlin"), Err("unknown time zone europe/berlin".to_string()));
    }
}
