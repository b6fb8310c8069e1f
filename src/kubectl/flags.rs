//! Values of flags as pflag reads them.

use crate::api::Duration;

/// A span of time, `1m30s`.
///
/// # Errors
/// Go's text.
pub fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text).map_err(|e| e.to_string())
}
