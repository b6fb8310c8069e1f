//! The wall clock: the one place that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::api::Time;

/// The real time.
#[allow(clippy::disallowed_methods)]
pub fn wall_now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_millis()).unwrap_or(0))
}
