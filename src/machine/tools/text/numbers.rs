//! Numbers of command lines, with the suffixes that tools know.

use crate::machine::images::Userland;

/// A number with a multiplier, such as `10`, `2k`, `1MiB`.
pub fn size(text: &str, userland: Userland) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    let number = match (number.is_empty(), suffix.is_empty()) {
        (true, true) => return None,
        (true, false) => return None,
        _ => number.parse::<u64>().unwrap_or(u64::MAX),
    };
    let factor: u64 = match (userland, suffix) {
        (_, "") => 1,
        (_, "b") => 512,
        (_, "k") => 1 << 10,
        (Userland::Busybox, "m") => 1 << 20,
        (Userland::Busybox, _) => return None,
        (_, "K" | "KiB") => 1 << 10,
        (_, "m" | "M" | "MiB") => 1 << 20,
        (_, "G" | "GiB") => 1 << 30,
        (_, "T" | "TiB") => 1 << 40,
        (_, "kB" | "KB") => 1000,
        (_, "MB") => 1_000_000,
        (_, "GB") => 1_000_000_000,
        _ => return None,
    };
    Some(number.saturating_mul(factor))
}

/// A plain number; none for all else.
pub fn plain(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}
