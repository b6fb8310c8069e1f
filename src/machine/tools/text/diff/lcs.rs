//! Which lines of two files differ.

/// A run of lines that was replaced: where it was in each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub a: (usize, usize),
    pub b: (usize, usize),
}

/// The largest table of lengths.
const MAX_CELLS: usize = 16 << 20;

/// The changes from one list of lines to another.
pub fn changes(a: &[Vec<u8>], b: &[Vec<u8>]) -> Vec<Change> {
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let rest = (a.len() - prefix).min(b.len() - prefix);
    let suffix = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(x, y)| x == y).count();
    let (inner_a, inner_b) = (&a[prefix..a.len() - suffix], &b[prefix..b.len() - suffix]);
    let mut gone = vec![false; a.len()];
    let mut new = vec![false; b.len()];
    for (n, keeps) in matched(inner_a, inner_b).into_iter().enumerate() {
        gone[prefix + n] = keeps.is_none();
    }
    let kept: std::collections::BTreeSet<usize> = matched(inner_a, inner_b).into_iter().flatten().collect();
    for n in 0..inner_b.len() {
        new[prefix + n] = !kept.contains(&n);
    }
    slide(&mut gone, a, &new);
    slide(&mut new, b, &gone);
    collect(&gone, &new)
}

/// For each line of one list its partner in the other, along a longest common subsequence.
fn matched(a: &[Vec<u8>], b: &[Vec<u8>]) -> Vec<Option<usize>> {
    let mut partners = vec![None; a.len()];
    if a.is_empty() || b.is_empty() || a.len().saturating_mul(b.len()) > MAX_CELLS {
        return partners;
    }
    let width = b.len() + 1;
    let mut lengths = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            lengths[i * width + j] = match a[i] == b[j] {
                true => lengths[(i + 1) * width + j + 1] + 1,
                false => lengths[(i + 1) * width + j].max(lengths[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            partners[i] = Some(j);
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    partners
}

/// Moves runs of changed lines down as far as that shows the same change.
fn slide(changed: &mut [bool], lines: &[Vec<u8>], other: &[bool]) {
    let _ = other;
    let mut at = 0;
    while at < changed.len() {
        if !changed[at] {
            at += 1;
            continue;
        }
        let begin = at;
        let mut end = at;
        while end < changed.len() && changed[end] {
            end += 1;
        }
        let mut first = begin;
        while end < changed.len() && !changed[end] && lines[first] == lines[end] {
            changed[first] = false;
            changed[end] = true;
            first += 1;
            end += 1;
            while end < changed.len() && changed[end] {
                end += 1;
            }
        }
        at = end;
    }
}

fn collect(gone: &[bool], new: &[bool]) -> Vec<Change> {
    let mut out = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < gone.len() || j < new.len() {
        let (from_a, from_b) = (i, j);
        while i < gone.len() && gone[i] {
            i += 1;
        }
        while j < new.len() && new[j] {
            j += 1;
        }
        if i > from_a || j > from_b {
            out.push(Change { a: (from_a, i), b: (from_b, j) });
        } else {
            i += 1;
            j += 1;
        }
    }
    // Runs past the shorter list cannot come about: both lists have as many kept lines.
    out.retain(|c| c.a.1 <= gone.len() && c.b.1 <= new.len());
    out
}
