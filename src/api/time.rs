//! Points in time on the cluster's clock and spans between them, with the forms that Kubernetes prints.
//!
//! Virtual time has milliseconds; Go's durations are read and printed down to that.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

/// A point in time on the cluster's clock, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Time(pub i64);

/// A span of virtual time, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Duration(pub i64);

/// Why a text is no duration, in Go's words: `time: invalid duration "x"`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("time: {what} {text}")]
pub struct DurationError {
    what: String,
    text: String,
}

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);

    /// A span of so many seconds.
    pub const fn secs(n: i64) -> Duration {
        Duration(n.saturating_mul(1000))
    }

    /// A span of so many milliseconds.
    pub const fn millis(n: i64) -> Duration {
        Duration(n)
    }

    /// A span of so many minutes.
    pub const fn minutes(n: i64) -> Duration {
        Duration(n.saturating_mul(60_000))
    }

    /// Whole seconds, rounded towards zero.
    pub const fn as_secs(self) -> i64 {
        self.0 / 1000
    }

    /// Reads a duration as Go's `time.ParseDuration` does: `1m30s`, `1.5h`, `-300ms`, `0`.
    ///
    /// # Errors
    /// Go's texts: `time: invalid duration "x"`, `time: missing unit in duration "5"`,
    /// `time: unknown unit "d" in duration "1d"`.
    pub fn parse(text: &str) -> Result<Duration, DurationError> {
        let refuse = |what: &str| Err(DurationError { what: what.to_string(), text: quote(text) });
        let negative = text.starts_with('-');
        let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
        if rest == "0" {
            return Ok(Duration::ZERO);
        }
        if rest.is_empty() {
            return refuse("invalid duration");
        }
        // Nanoseconds, as Go sums them; it has 63 bits of them.
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let (whole, after) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return refuse("invalid duration");
            }
            let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(unit_end);
            let nanos: i128 = match unit {
                "" => return refuse("missing unit in duration"),
                "ns" => 1,
                "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                "m" => 60_000_000_000,
                "h" => 3_600_000_000_000,
                _ => return refuse(&format!("unknown unit {} in duration", quote(unit))),
            };
            let Some(number) = digits(whole) else { return refuse("invalid duration") };
            // Eighteen digits of a fraction say all that Go's arithmetic keeps of it.
            let fraction = &fraction[..fraction.len().min(18)];
            let part = digits(fraction).unwrap_or(0) * nanos / 10i128.pow(fraction.len() as u32);
            total = total.saturating_add(number.saturating_mul(nanos)).saturating_add(part);
            if total > i128::from(i64::MAX) + i128::from(negative) {
                return refuse("invalid duration");
            }
            rest = after;
        }
        let millis = (total / 1_000_000) as i64;
        Ok(Duration(if negative { -millis } else { millis }))
    }
}

/// Reads digits as an `int64`; none where they do not fit.
fn digits(text: &str) -> Option<i128> {
    if text.is_empty() {
        return Some(0);
    }
    text.parse::<u64>().ok().filter(|n| *n <= 1 << 63).map(i128::from)
}

/// Quotes as Go's `time.quote` does: everything outside of printable ASCII byte by byte.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            _ => c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| quoted.push_str(&format!("\\x{b:02x}"))),
        }
    }
    quoted + "\""
}

/// As Go prints a `time.Duration`: `1m30s`, `1.5s`, `300ms`, `0s`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.unsigned_abs();
        let mut text = String::from(if self.0 < 0 { "-" } else { "" });
        let (hours, minutes, rest) = (millis / 3_600_000, millis / 60_000 % 60, millis % 60_000);
        if (1..1000).contains(&millis) {
            return f.pad(&format!("{text}{millis}ms"));
        }
        if hours > 0 {
            text += &format!("{hours}h");
        }
        if hours > 0 || minutes > 0 {
            text += &format!("{minutes}m");
        }
        text += &(rest / 1000).to_string();
        let thousandths = format!(".{:03}", rest % 1000);
        text += thousandths.trim_end_matches('0').trim_end_matches('.');
        f.pad(&(text + "s"))
    }
}

impl FromStr for Duration {
    type Err = DurationError;
    fn from_str(text: &str) -> Result<Duration, DurationError> {
        Duration::parse(text)
    }
}

/// A span as tables print ages; mirrors `k8s.io/apimachinery/pkg/util/duration.HumanDuration`.
pub fn human_duration(d: Duration) -> String {
    let seconds = d.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    let two = |big: i64, unit: char, small: i64, small_unit: char| match small {
        0 => format!("{big}{unit}"),
        _ => format!("{big}{unit}{small}{small_unit}"),
    };
    match () {
        // A second of skew between two machines' clocks is taken as now.
        () if seconds < -1 => "<invalid>".into(),
        () if seconds < 0 => "0s".into(),
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => two(days, 'd', hours % 24, 'h'),
        () if days < 365 * 2 => format!("{days}d"),
        () if years < 8 => two(years, 'y', days % 365, 'd'),
        () => format!("{years}y"),
    }
}

/// How long ago that was, `<unknown>` where there is no time; mirrors `translateTimestampSince`.
pub fn translate_timestamp_since(then: Option<&meta::Time>, now: Time) -> String {
    then.map_or_else(|| "<unknown>".into(), |then| human_duration(now - Time::from_meta(then)))
}

/// The same for events' microseconds; mirrors `translateMicroTimestampSince`.
pub fn translate_micro_timestamp_since(then: Option<&meta::MicroTime>, now: Time) -> String {
    then.map_or_else(|| "<unknown>".into(), |then| human_duration(now - Time::from_micro(then)))
}

/// The time as `describe` prints it: `Fri, 20 Nov 2026 22:05:20 +0000`; `<unset>` as Go's zero time.
pub fn rfc1123z(time: Option<&meta::Time>) -> String {
    time.map_or_else(|| "Mon, 01 Jan 0001 00:00:00 +0000".into(), |t| Time::from_meta(t).rfc1123z())
}

impl std::ops::Add<Duration> for Time {
    type Output = Time;
    fn add(self, d: Duration) -> Time {
        Time(self.0.saturating_add(d.0))
    }
}

impl std::ops::Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, d: Duration) -> Time {
        Time(self.0.saturating_sub(d.0))
    }
}

impl std::ops::Sub<Time> for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add for Duration {
    type Output = Duration;
    fn add(self, other: Duration) -> Duration {
        Duration(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Duration {
    type Output = Duration;
    fn sub(self, other: Duration) -> Duration {
        Duration(self.0.saturating_sub(other.0))
    }
}

impl std::ops::Mul<i64> for Duration {
    type Output = Duration;
    fn mul(self, n: i64) -> Duration {
        Duration(self.0.saturating_mul(n))
    }
}

impl Time {
    /// As `metav1.Time` holds it: whole seconds, as JSON has them.
    pub fn meta(self) -> meta::Time {
        meta::Time(Timestamp::from_second(self.0.div_euclid(1000)).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// As `metav1.MicroTime` holds it.
    pub fn micro(self) -> meta::MicroTime {
        meta::MicroTime(self.timestamp())
    }

    /// The point in time of a `metav1.Time`.
    pub fn from_meta(t: &meta::Time) -> Time {
        Time(t.0.as_millisecond())
    }

    /// The point in time of a `metav1.MicroTime`.
    pub fn from_micro(t: &meta::MicroTime) -> Time {
        Time(t.0.as_millisecond())
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// As JSON and YAML have it: `2026-11-20T22:05:20Z`.
    pub fn rfc3339(self) -> String {
        self.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The same in a time zone, with its offset: `2026-11-20T23:05:20+01:00`.
    pub fn rfc3339_in(self, zone: &TimeZone) -> String {
        if *zone == TimeZone::UTC {
            return self.rfc3339();
        }
        self.timestamp().to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// As `metav1.MicroTime` prints: `2026-11-20T22:05:20.000000Z`.
    pub fn rfc3339_micro(self) -> String {
        self.timestamp().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }

    /// As `describe` prints it, in UTC: `Fri, 20 Nov 2026 22:05:20 +0000`.
    pub fn rfc1123z(self) -> String {
        self.timestamp().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
    }

    /// Reads RFC 3339, with any offset and fraction.
    pub fn parse_rfc3339(text: &str) -> Option<Time> {
        text.parse::<Timestamp>().ok().map(|t| Time(t.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Time, human_duration, translate_timestamp_since};

    #[test]
    fn ages_read_as_in_tables() {
        let pairs = "-2=<invalid> -1=0s 0=0s 119=119s 120=2m 121=2m1s 599=9m59s 600=10m 10799=179m 10800=3h \
            10860=3h1m 28799=7h59m 28800=8h 172799=47h 172800=2d 176400=2d1h 691199=7d23h 691200=8d \
            63071999=729d 63072000=2y 63158400=2y1d 252288000=8y";
        for (seconds, age) in pairs.split_whitespace().filter_map(|pair| pair.split_once('=')) {
            assert_eq!(human_duration(Duration::secs(seconds.parse().unwrap())), age, "{seconds}");
        }
        assert_eq!(translate_timestamp_since(None, Time(0)), "<unknown>");
        assert_eq!(translate_timestamp_since(Some(&Time(0).meta()), Time(5000)), "5s");
    }

    #[test]
    fn durations_as_in_go() {
        let pairs = "1m30s=1m30s 12s=12s 1.5h=1h30m0s 90s=1m30s 0=0s -300ms=-300ms 1500ms=1.5s 3600s=1h0m0s .5s=500ms \
            1s1s=2s 2us=0s +5m=5m0s 5.s=5s";
        for (written, printed) in pairs.split_whitespace().filter_map(|pair| pair.split_once('=')) {
            assert_eq!(Duration::parse(written).unwrap().to_string(), printed, "{written}");
        }
        let refused = |text: &str| Duration::parse(text).unwrap_err().to_string();
        assert_eq!(refused("x"), "time: invalid duration \"x\"");
        assert_eq!(refused(""), "time: invalid duration \"\"");
        assert_eq!(refused("5"), "time: missing unit in duration \"5\"");
        assert_eq!(refused("1d"), "time: unknown unit \"d\" in duration \"1d\"");
        assert_eq!(refused("99999999999h"), "time: invalid duration \"99999999999h\"");
        assert_eq!(refused("1s\u{e9}"), "time: unknown unit \"s\\xc3\\xa9\" in duration \"1s\\xc3\\xa9\"");
    }

    #[test]
    fn dates() {
        let t = Time::parse_rfc3339("2026-11-20T23:05:20.25+01:00").unwrap();
        assert_eq!(t.rfc3339(), "2026-11-20T22:05:20Z");
        assert_eq!(t.rfc3339_micro(), "2026-11-20T22:05:20.250000Z");
        assert_eq!(t.rfc1123z(), "Fri, 20 Nov 2026 22:05:20 +0000");
        assert_eq!(Time(i64::MAX).rfc3339(), "1970-01-01T00:00:00Z");
    }
}
