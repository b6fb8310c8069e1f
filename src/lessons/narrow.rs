//! Tables of kubectl's made to fit a terminal: long names are shortened, then columns left out.

use std::collections::BTreeSet;

/// Columns that are left out before others, beside those in which nothing stands.
const FIRST_TO_GO: [&str; 20] = [
    "READINESS GATES",
    "NOMINATED NODE",
    "VOLUMEATTRIBUTESCLASS",
    "REASON",
    "CONTAINER-RUNTIME",
    "KERNEL-VERSION",
    "OS-IMAGE",
    "EXTERNAL-IP",
    "SELECTOR",
    "IMAGES",
    "CONTAINERS",
    "ALLOWVOLUMEEXPANSION",
    "VOLUMEMODE",
    "AGE",
    "RESTARTS",
    "IP",
    "INTERNAL-IP",
    "ACCESS MODES",
    "RECLAIM POLICY",
    "CAPACITY",
];

/// What a table became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    /// The text, no line longer than the width.
    pub text: String,
    /// The columns that are left out.
    pub without: Vec<String>,
    /// Whether anything else was shortened.
    pub shortened: bool,
}

/// A text with tables made narrow enough; none where all fits, or what is too wide is no table. Columns in `keep` are left out last.
pub fn narrow(text: &str, width: usize, keep: &BTreeSet<String>) -> Option<Narrowed> {
    if text.lines().all(|line| line.chars().count() <= width) {
        return None;
    }
    let mut found = Narrowed { text: String::new(), without: Vec::new(), shortened: false };
    let mut changed = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if !is_header(line) {
            found.text += line;
            found.text.push('\n');
            continue;
        }
        let mut block = vec![line];
        while let Some(row) = lines.next_if(|row| !row.is_empty() && !is_header(row)) {
            block.push(row);
        }
        match block.iter().any(|line| line.chars().count() > width) {
            true => {
                changed = true;
                fit(&block, width, keep, &mut found);
            }
            false => block.iter().for_each(|line| found.text += &format!("{line}\n")),
        }
    }
    changed.then_some(found)
}

/// Whether a line names columns: capitals only, two blanks between them.
fn is_header(line: &str) -> bool {
    let capitals = line.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || " -()/%".contains(c));
    capitals && line.contains("  ") && line.starts_with(|c: char| c.is_ascii_uppercase())
}

fn fit(block: &[&str], width: usize, keep: &BTreeSet<String>, found: &mut Narrowed) {
    let header: Vec<char> = block.first().map(|line| line.chars().collect()).unwrap_or_default();
    let begins =
        |at: &usize| header[*at] != ' ' && (*at == 0 || (*at >= 2 && header[at - 1] == ' ' && header[at - 2] == ' '));
    let starts: Vec<usize> = (0..header.len()).filter(begins).collect();
    let row = |line: &&str| -> Vec<String> {
        let chars: Vec<char> = line.chars().collect();
        let end = |n: usize| starts.get(n + 1).copied().unwrap_or(usize::MAX).min(chars.len());
        let cell = |(n, start): (usize, &usize)| {
            let text: String = chars.get(*start..end(n).max(*start)).unwrap_or_default().iter().collect();
            text.trim().to_string()
        };
        starts.iter().enumerate().map(cell).collect()
    };
    let mut rows: Vec<Vec<String>> = block.iter().map(row).collect();
    let total = |rows: &[Vec<String>]| -> usize { widths(rows).iter().map(|w| w + 3).sum::<usize>().saturating_sub(3) };
    // Where a column of names lies before others, a unique number in it says nothing.
    for cell in rows.iter_mut().skip(1).flatten() {
        if let Some(short) = without_uid(cell) {
            *cell = short;
            found.shortened = true;
        }
    }
    while total(&rows) > width {
        let Some(names) = rows.first().cloned() else { break };
        let first = usize::from(names.first().is_some_and(|n| n == "NAMESPACE"));
        let is_empty = |n: &usize| {
            rows.iter().skip(1).all(|row| matches!(row[*n].as_str(), "" | "<none>" | "<unset>" | "<unknown>"))
        };
        let may_go = |n: &usize| *n > first && !keep.contains(&names[*n]);
        let all = || 0..names.len();
        let next = all()
            .rev()
            .find(|n| may_go(n) && is_empty(n))
            .or_else(|| FIRST_TO_GO.iter().find_map(|name| all().find(|n| may_go(n) && names[*n] == *name)))
            .or_else(|| all().rev().find(may_go));
        let Some(gone) = next else { break };
        found.without.push(names[gone].clone());
        rows.iter_mut().for_each(|row| drop(row.remove(gone)));
    }
    let widths = widths(&rows);
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("   ");
        let line = line.trim_end();
        match line.chars().count() > width {
            true => {
                found.shortened = true;
                found.text.extend(line.chars().take(width.saturating_sub(1)).chain(['…']));
            }
            false => found.text += line,
        }
        found.text.push('\n');
    }
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.first().map_or(0, Vec::len);
    (0..columns)
        .map(|n| rows.iter().filter_map(|row| row.get(n)).map(|c| c.chars().count()).max().unwrap_or(0))
        .collect()
}

/// `pvc-7b0e…` for a name that holds a UID; none where it holds none.
pub fn without_uid(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let is_uid = |at: usize| {
        (0..36).all(|n| match (n, chars[at + n]) {
            (8 | 13 | 18 | 23, c) => c == '-',
            (_, c) => c.is_ascii_hexdigit() && !c.is_ascii_uppercase(),
        })
    };
    let at = (0..chars.len().checked_sub(35)?).find(|at| is_uid(*at))?;
    Some(chars[..at + 8].iter().chain(&['…']).chain(&chars[at + 36..]).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{narrow, without_uid};

    #[test]
    fn a_table_fits_by_what_says_least() {
        let text = "\
NAME                                       CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM                   STORAGECLASS   VOLUMEATTRIBUTESCLASS   REASON   AGE
pvc-3d8b1d1c-6ad7-4f60-9d3c-2c9a2ac7a61b   1Gi        RWO            Delete           Bound    default/dynamic-pvc01   local-path     <unset>                          3m2s
";
        let keep = BTreeSet::from(["CLAIM".to_string()]);
        let found = narrow(text, 80, &keep).expect("it is too wide");
        insta::assert_snapshot!(found.text, @"
        NAME            CAPACITY   STATUS   CLAIM                   STORAGECLASS
        pvc-3d8b1d1c…   1Gi        Bound    default/dynamic-pvc01   local-path
        ");
        assert!(found.text.lines().all(|line| line.chars().count() <= 80), "{}", found.text);
        assert!(found.without.contains(&"REASON".to_string()) && found.shortened);
        assert_eq!(narrow("NAME   AGE\na      1s\n", 80, &keep), None);
        let found = narrow(text, 40, &keep).expect("it is too wide");
        assert!(found.text.contains("CLAIM"), "{}", found.text);
        assert_eq!(without_uid("a-3d8b1d1c-6ad7-4f60-9d3c-2c9a2ac7a61b-x").as_deref(), Some("a-3d8b1d1c…-x"));
        assert_eq!(without_uid("static-pv01"), None);
    }
}
