//! The order of a mapping's keys.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// The map's entries in the order of natural sort: numbers by value, letters behind everything else.
pub(super) fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    merge_sort(&mut entries);
    entries
}

/// The order is not total for every odd set of keys, which `sort_by` may answer with a panic.
fn merge_sort(entries: &mut [(&String, &Value)]) {
    if entries.len() < 2 {
        return;
    }
    let (left, right) = entries.split_at_mut(entries.len() / 2);
    merge_sort(left);
    merge_sort(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < left.len() && j < right.len() {
        if compare_keys(right[j].0, left[i].0) == Ordering::Less {
            merged.push(right[j]);
            j += 1;
        } else {
            merged.push(left[i]);
            i += 1;
        }
    }
    merged.extend_from_slice(&left[i..]);
    merged.extend_from_slice(&right[j..]);
    entries.copy_from_slice(&merged);
}

fn compare_keys(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let (x, y) = (a[at], b[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero inside a number does not make the number smaller: what stands before it counts as one digit.
    let inside =
        (x == '0' || y == '0') && a[..at].iter().rev().take_while(|c| c.is_ascii_digit()).any(|digit| *digit != '0');
    let run = |from: &[char]| {
        let digits = from.iter().take_while(|c| c.is_ascii_digit());
        digits.fold((i64::from(inside), 0usize), |(n, len), c| {
            (n.wrapping_mul(10).wrapping_add(i64::from(u32::from(*c) - u32::from('0'))), len + 1)
        })
    };
    run(&a[at..]).cmp(&run(&b[at..])).then(x.cmp(&y))
}
