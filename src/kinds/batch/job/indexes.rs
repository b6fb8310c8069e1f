//! Lists of indexes as text: `1,3-5,7`.

use crate::api::scalar::quote;

/// The intervals of a list, both ends included, all below `completions` and in rising order.
///
/// # Errors
/// The texts of `validateIndexesFormat`.
pub fn parse_intervals(text: &str, completions: i32) -> Result<Vec<(i32, i32)>, String> {
    let mut intervals: Vec<(i32, i32)> = Vec::new();
    if text.is_empty() {
        return Ok(intervals);
    }
    for part in text.split(',') {
        let (first, last) = parse_interval(part, completions)?;
        if let Some((_, previous)) = intervals.last().filter(|(_, previous)| *previous >= first) {
            return Err(format!("non-increasing order, previous: {previous}, current: {first}"));
        }
        intervals.push((first, last));
    }
    Ok(intervals)
}

fn parse_interval(text: &str, completions: i32) -> Result<(i32, i32), String> {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str| {
        let n: i64 =
            part.parse().map_err(|_| format!("cannot convert string to integer for index: {}", quote(part)))?;
        match i32::try_from(n).ok().filter(|n| *n < completions) {
            Some(n) => Ok(n),
            None => Err(format!("too large index: {}", quote(part))),
        }
    };
    match parts.as_slice() {
        [one] => number(one).map(|n| (n, n)),
        [first, last] => match (number(first)?, number(last)?) {
            (first, last) if first >= last => Err(format!("non-increasing order, previous: {first}, current: {last}")),
            interval => Ok(interval),
        },
        _ => Err(format!(
            "the fragment {} violates the requirement that an index interval can have at most two parts separated by '-'",
            quote(text)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_intervals;

    #[test]
    fn lists_rise_and_end_before_the_completions() {
        assert_eq!(parse_intervals("0,2-4,6", 7), Ok(vec![(0, 0), (2, 4), (6, 6)]));
        assert_eq!(parse_intervals("", 7), Ok(Vec::new()));
        let fault = |text| parse_intervals(text, 5).unwrap_err();
        assert_eq!(fault("1,5"), "too large index: \"5\"");
        assert_eq!(fault("3,2"), "non-increasing order, previous: 3, current: 2");
        assert_eq!(fault("x"), "cannot convert string to integer for index: \"x\"");
        assert!(fault("1-2-3").starts_with("the fragment \"1-2-3\" violates"));
    }
}
