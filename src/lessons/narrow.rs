//! What commands print, made to fit a terminal: in kubectl's tables long names are shortened, then columns left out; what is
//! no table goes on in the next line between two words.

use std::collections::BTreeSet;

/// Columns that are left out before others, beside those in which nothing stands.
const FIRST_TO_GO: [&str; 21] = [
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
    "ATTACHER",
];

/// The same where sentences stand in the last column.
const FIRST_OF_EVENTS: [&str; 4] = ["LAST SEEN", "AGE", "OBJECT", "TYPE"];

/// The least width of a last column of sentences: it goes on in lines of its own.
const ROOM: usize = 30;

/// What a text became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    /// The text, no line longer than the width.
    pub text: String,
    /// The columns that are left out.
    pub without: Vec<String>,
    /// Whether anything else was shortened.
    pub shortened: bool,
    /// Whether a word did not fit even so, and is cut.
    pub cut: bool,
}

/// A text made narrow enough; none where all fits. Columns that `keep` names, or a cell of theirs, are left out last.
pub fn narrow(text: &str, width: usize, keep: &BTreeSet<String>) -> Option<Narrowed> {
    if text.lines().all(|line| line.chars().count() <= width) {
        return None;
    }
    let mut found = Narrowed { text: String::new(), without: Vec::new(), shortened: false, cut: false };
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if !is_header(line) {
            wrap(line, width, &mut found);
            continue;
        }
        let mut block = vec![line];
        while let Some(row) = lines.next_if(|row| !row.is_empty() && !is_header(row)) {
            block.push(row);
        }
        match block.iter().any(|line| line.chars().count() > width) {
            true => fit(&block, width, keep, &mut found),
            false => block.iter().for_each(|line| found.text += &format!("{line}\n")),
        }
    }
    if !text.ends_with('\n') {
        found.text.pop();
    }
    Some(found)
}

/// A line that is no table's, in as many as it needs; they begin below where it does.
fn wrap(line: &str, width: usize, found: &mut Narrowed) {
    let long = |text: &str| text.split(' ').any(|word| word.chars().count() > width);
    let short = Some(line).filter(|line| long(line)).and_then(without_uid);
    found.shortened |= short.is_some();
    let line = short.as_deref().unwrap_or(line);
    let margin = line.chars().take_while(|c| *c == ' ').count();
    let margin = if margin < width / 2 { margin } else { 0 };
    for (number, part) in in_words(line, width, margin).iter().enumerate() {
        let margin = if number == 0 { 0 } else { margin };
        found.cut |= part.chars().count() + margin > width;
        found.text += &format!("{:margin$}{part}\n", "");
    }
}

/// A line cut at blanks into parts that fit, all but the first into `width` less `margin`; longer words stay whole.
fn in_words(line: &str, width: usize, margin: usize) -> Vec<String> {
    let chars: Vec<char> = line.chars().collect();
    let (mut parts, mut left, mut room) = (Vec::new(), &chars[..], width);
    while left.len() > room {
        let begin = left.iter().take_while(|c| **c == ' ').count();
        let blank = |at: &usize| left[*at] == ' ' && *at > begin;
        // A path that is too long goes on behind a slash.
        let slash = |at: &usize| matches!(left[at - 1], '/' | ',') && *at > begin + 1;
        let within = (0..=room).rev().find(blank).or_else(|| (1..=room).rev().find(slash));
        let Some(at) = within.or_else(|| (room..left.len()).find(blank)) else { break };
        parts.push(left[..at].iter().collect::<String>().trim_end().to_string());
        let next = left[at..].iter().take_while(|c| **c == ' ').count();
        left = &left[at + next..];
        room = width.saturating_sub(margin).max(1);
    }
    if !left.is_empty() || parts.is_empty() {
        parts.push(left.iter().collect());
    }
    parts
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
    let is_prose = |rows: &[Vec<String>]| {
        let last = |row: &Vec<String>| row.last().is_some_and(|cell| cell.split(' ').count() > 3);
        rows.first().is_some_and(|names| names.len() > 1) && rows.iter().skip(1).any(last)
    };
    let total = |rows: &[Vec<String>]| -> usize {
        let mut widths = widths(rows);
        if let Some(last) = widths.last_mut().filter(|_| is_prose(rows)) {
            *last = ROOM.min(*last);
        }
        widths.iter().map(|w| w + 3).sum::<usize>().saturating_sub(3)
    };
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
        // Sentences are what one looks for in such a table; what stands first is only a time there.
        let prose = is_prose(&rows).then(|| names.len() - 1);
        let is_first = |n: usize| n <= first && names[n] != "LAST SEEN";
        let may_go = |n: &usize| !is_first(*n) && Some(*n) != prose && !is_taught(&rows, *n, keep);
        let all = || 0..names.len();
        let of_events = FIRST_OF_EVENTS.iter().filter(|_| prose.is_some());
        let next = all()
            .rev()
            .find(|n| may_go(n) && is_empty(n))
            .or_else(|| of_events.chain(&FIRST_TO_GO).find_map(|name| all().find(|n| may_go(n) && names[*n] == *name)))
            .or_else(|| all().rev().find(may_go));
        let Some(gone) = next else { break };
        found.without.push(names[gone].clone());
        rows.iter_mut().for_each(|row| drop(row.remove(gone)));
    }
    let mut widths = widths(&rows);
    let before: usize = widths.iter().rev().skip(1).map(|w| w + 3).sum();
    let is_prose = is_prose(&rows) && before < width;
    if let Some(last) = widths.last_mut().filter(|_| is_prose) {
        *last = 0;
    }
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("   ");
        let line = line.trim_end();
        if is_prose && let Some(text) = row.last() {
            let head: String = line.chars().take(before).collect();
            for (number, part) in in_words(text, width - before, 0).iter().enumerate() {
                let head = if number == 0 { head.as_str() } else { "" };
                found.cut |= part.chars().count() > width - before;
                found.text += format!("{head:<before$}{part}").trim_end();
                found.text.push('\n');
            }
            continue;
        }
        match line.chars().count() > width {
            true => {
                (found.shortened, found.cut) = (true, true);
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

/// Whether a lesson speaks of a column: of its name, or of what stands in it.
fn is_taught(rows: &[Vec<String>], column: usize, keep: &BTreeSet<String>) -> bool {
    let mut cells = rows.iter().filter_map(|row| row.get(column));
    let is_named = |name: &String| keep.contains(name) || name.split(' ').all(|word| keep.contains(word));
    cells.next().is_some_and(is_named) || cells.any(|cell| keep.contains(cell))
}

/// `pvc-7b0e1c2d…` for a name that holds a UID, or an attachment's with its hash; none where it holds neither.
pub fn without_uid(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let is_hex = |at: usize| chars[at].is_ascii_hexdigit() && !chars[at].is_ascii_uppercase();
    let is_uid = |at: &usize| {
        (0..36).all(|n| match n {
            8 | 13 | 18 | 23 => chars[at + n] == '-',
            _ => is_hex(at + n),
        })
    };
    let is_hash = |at: &usize| (0..64).all(|n| is_hex(at + n));
    let find = |length: usize, is: &dyn Fn(&usize) -> bool| {
        let last = chars.len().checked_sub(length)?;
        (0..=last).find(|at| is(at)).map(|at| (at, length))
    };
    let (at, length) = find(36, &is_uid).or_else(|| find(64, &is_hash))?;
    Some(chars[..at + 8].iter().chain(&['…']).chain(&chars[at + length..]).collect())
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
        let hash = "0123456789abcdef".repeat(4);
        assert_eq!(without_uid(&format!("csi-{hash}")).as_deref(), Some("csi-01234567…"));
        assert_eq!(without_uid("static-pv01"), None);
        let keep = BTreeSet::from(["RWO", "RECLAIM", "POLICY"].map(String::from));
        let found = narrow(text, 80, &keep).expect("it is too wide");
        assert!(
            found.text.contains("ACCESS MODES   RECLAIM POLICY") && !found.text.contains("CAPACITY"),
            "{}",
            found.text
        );
    }

    #[test]
    fn sentences_go_on_between_words() {
        let events = "\
LAST SEEN   TYPE      REASON             OBJECT    MESSAGE
3s          Warning   FailedScheduling   Pod/few   0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.
2s          Normal    Scheduled          Pod/few   Successfully assigned default/few to agent-0
";
        let found = narrow(events, 60, &BTreeSet::new()).expect("it is too wide");
        insta::assert_snapshot!(found.text, @"
        TYPE      REASON             MESSAGE
        Warning   FailedScheduling   0/3 nodes are available: 3
                                     node(s) didn't match pod
                                     anti-affinity rules.
        Normal    Scheduled          Successfully assigned
                                     default/few to agent-0
        ");
        assert_eq!((found.without.join(" "), found.shortened, found.cut), ("LAST SEEN OBJECT".into(), false, false));
        let text = "pod/a created\n  Warning: Immediate deletion does not wait for confirmation\nlast";
        let found = narrow(text, 40, &BTreeSet::new()).expect("it is too wide");
        insta::assert_snapshot!(found.text, @"
        pod/a created
          Warning: Immediate deletion does not
          wait for confirmation
        last
        ");
        assert!(!found.text.ends_with('\n') && !found.cut);
        let path = "/var/pvc-3d8b1d1c-6ad7-4f60-9d3c-2c9a2ac7a61b_default";
        let found = narrow(path, 40, &BTreeSet::new()).expect("it is too wide");
        assert_eq!((found.text.as_str(), found.shortened, found.cut), ("/var/pvc-3d8b1d1c…_default", true, false));
        assert!(narrow("0123456789abcdef", 10, &BTreeSet::new()).expect("it is too wide").cut);
        let object = "clusterrolebinding.rbac.authorization.k8s.io/metrics-server:view created";
        let found = narrow(object, 48, &BTreeSet::new()).expect("it is too wide");
        assert_eq!(
            (found.text.as_str(), found.cut),
            ("clusterrolebinding.rbac.authorization.k8s.io/\nmetrics-server:view created", false)
        );
    }
}
