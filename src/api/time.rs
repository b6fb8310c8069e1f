//! Points in time on the cluster's clock and spans between them, with the forms that Kubernetes prints.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

/// A point in time on the cluster's clock, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// A span of virtual time, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub i64);

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);

    /// A span of so many seconds.
    pub const fn secs(n: i64) -> Duration {
        Duration(n * 1000)
    }

    /// A span of so many milliseconds.
    pub const fn millis(n: i64) -> Duration {
        Duration(n)
    }

    /// Whole seconds, rounded towards zero.
    pub const fn as_secs(self) -> i64 {
        self.0 / 1000
    }
}

impl std::ops::Add<Duration> for Time {
    type Output = Time;
    fn add(self, d: Duration) -> Time {
        Time(self.0 + d.0)
    }
}

impl std::ops::Sub<Time> for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        Duration(self.0 - earlier.0)
    }
}

impl Time {
    /// As `metav1.Time` holds it: whole seconds, as JSON has them.
    pub fn meta(self) -> meta::Time {
        meta::Time(Timestamp::from_second(self.0.div_euclid(1000)).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// As `metav1.MicroTime` holds it.
    pub fn micro(self) -> meta::MicroTime {
        meta::MicroTime(Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// The point in time of a `metav1.Time`.
    pub fn from_meta(t: &meta::Time) -> Time {
        Time(t.0.as_millisecond())
    }

    /// The point in time of a `metav1.MicroTime`.
    pub fn from_micro(t: &meta::MicroTime) -> Time {
        Time(t.0.as_millisecond())
    }
}
