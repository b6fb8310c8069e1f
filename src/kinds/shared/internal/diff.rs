//! Unified diffs, line for line those of `github.com/pmezard/go-difflib`, which is Python's `difflib`.
//!
//! Other diff algorithms are as right, but pair lines differently.

use std::collections::BTreeMap;

/// Lines of context around a change.
const CONTEXT: usize = 3;
/// From so many lines on, lines that come often do not begin a match.
const POPULAR_FROM: usize = 200;

/// What leads from one text to the other; empty where they are the same.
pub fn unified_diff(old: &str, new: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let mut text = String::new();
    for group in grouped(op_codes(&a, &b)) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        text += &format!("@@ -{} +{} @@\n", range(first.a.0, last.a.1), range(first.b.0, last.b.1));
        for op in &group {
            if op.equal {
                a[op.a.0..op.a.1].iter().for_each(|line| text += &format!(" {line}\n"));
            } else {
                a[op.a.0..op.a.1].iter().for_each(|line| text += &format!("-{line}\n"));
                b[op.b.0..op.b.1].iter().for_each(|line| text += &format!("+{line}\n"));
            }
        }
    }
    text
}

fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        n => format!("{},{n}", start + 1),
    }
}

/// A stretch of lines of both texts.
#[derive(Debug, Clone, Copy)]
struct Op {
    equal: bool,
    a: (usize, usize),
    b: (usize, usize),
}

/// Where the lines of the second text are, but for those that are too common to begin a match.
fn positions<'a>(b: &[&'a str]) -> BTreeMap<&'a str, Vec<usize>> {
    let mut all: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (j, line) in b.iter().enumerate() {
        all.entry(line).or_default().push(j);
    }
    if b.len() >= POPULAR_FROM {
        all.retain(|_, at| at.len() <= b.len() / 100 + 1);
    }
    all
}

/// The longest common stretch of `a[alo..ahi]` and `b[blo..bhi]`, the first of several: its starts and its length.
fn longest_match(
    a: &[&str],
    b: &[&str],
    positions: &BTreeMap<&str, Vec<usize>>,
    (alo, ahi): (usize, usize),
    (blo, bhi): (usize, usize),
) -> (usize, usize, usize) {
    let (mut i0, mut j0, mut size) = (alo, blo, 0);
    let mut ending: BTreeMap<usize, usize> = BTreeMap::new();
    for i in alo..ahi {
        let mut next = BTreeMap::new();
        for &j in positions.get(a[i]).into_iter().flatten().filter(|j| (blo..bhi).contains(*j)) {
            let before = j.checked_sub(1).and_then(|j| ending.get(&j)).copied().unwrap_or(0);
            next.insert(j, before + 1);
            if before + 1 > size {
                (i0, j0, size) = (i - before, j - before, before + 1);
            }
        }
        ending = next;
    }
    while i0 > alo && j0 > blo && a[i0 - 1] == b[j0 - 1] {
        (i0, j0, size) = (i0 - 1, j0 - 1, size + 1);
    }
    while i0 + size < ahi && j0 + size < bhi && a[i0 + size] == b[j0 + size] {
        size += 1;
    }
    (i0, j0, size)
}

fn matching_blocks(a: &[&str], b: &[&str]) -> Vec<(usize, usize, usize)> {
    let positions = positions(b);
    let mut found = Vec::new();
    let mut open = vec![((0, a.len()), (0, b.len()))];
    while let Some(((alo, ahi), (blo, bhi))) = open.pop() {
        let (i, j, size) = longest_match(a, b, &positions, (alo, ahi), (blo, bhi));
        if size > 0 {
            found.push((i, j, size));
            if alo < i && blo < j {
                open.push(((alo, i), (blo, j)));
            }
            if i + size < ahi && j + size < bhi {
                open.push(((i + size, ahi), (j + size, bhi)));
            }
        }
    }
    found.sort_unstable();
    let mut blocks: Vec<(usize, usize, usize)> = Vec::new();
    for (i, j, size) in found {
        match blocks.last_mut() {
            Some((i1, j1, size1)) if *i1 + *size1 == i && *j1 + *size1 == j => *size1 += size,
            _ => blocks.push((i, j, size)),
        }
    }
    blocks.push((a.len(), b.len(), 0));
    blocks
}

fn op_codes(a: &[&str], b: &[&str]) -> Vec<Op> {
    let (mut i, mut j) = (0, 0);
    let mut ops = Vec::new();
    for (ai, bj, size) in matching_blocks(a, b) {
        if i < ai || j < bj {
            ops.push(Op { equal: false, a: (i, ai), b: (j, bj) });
        }
        (i, j) = (ai + size, bj + size);
        if size > 0 {
            ops.push(Op { equal: true, a: (ai, i), b: (bj, j) });
        }
    }
    ops
}

/// The changes with their context, in groups that are far enough from each other.
fn grouped(mut ops: Vec<Op>) -> Vec<Vec<Op>> {
    let tail = |op: Op| Op {
        a: (op.a.0.max(op.a.1.saturating_sub(CONTEXT)), op.a.1),
        b: (op.b.0.max(op.b.1.saturating_sub(CONTEXT)), op.b.1),
        ..op
    };
    let head =
        |op: Op| Op { a: (op.a.0, op.a.1.min(op.a.0 + CONTEXT)), b: (op.b.0, op.b.1.min(op.b.0 + CONTEXT)), ..op };
    if let Some(first) = ops.first_mut().filter(|op| op.equal) {
        *first = tail(*first);
    }
    if let Some(last) = ops.last_mut().filter(|op| op.equal) {
        *last = head(*last);
    }
    let mut groups = Vec::new();
    let mut group: Vec<Op> = Vec::new();
    for mut op in ops {
        if op.equal && op.a.1 - op.a.0 > 2 * CONTEXT {
            group.push(head(op));
            groups.push(std::mem::take(&mut group));
            op = tail(op);
        }
        group.push(op);
    }
    groups.push(group);
    groups.retain(|g| g.iter().any(|op| !op.equal));
    groups
}

#[cfg(test)]
mod tests {
    use super::unified_diff;

    #[test]
    fn groups_changes_with_their_context() {
        let old: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let mut new = old.clone();
        new.insert(1, "x".into());
        new.remove(15);
        insta::assert_snapshot!(unified_diff(&old.join("\n"), &new.join("\n")), @"
        @@ -1,4 +1,5 @@
         0
        +x
         1
         2
         3
        @@ -12,7 +13,6 @@
         11
         12
         13
        -14
         15
         16
         17
        ");
        assert_eq!(unified_diff("a", "a"), "");
    }
}
