//! What commands print, made to fit a terminal: in kubectl's tables long names are shortened, then columns left out; what is
//! no table goes on in the next line between two words.

use std::collections::BTreeSet;

/// Columns that are left out before others, beside those in which nothing stands.
const FIRST_TO_GO: [&str; 22] = [
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
    "REFERENCE",
    "RESTARTS",
    "IP",
    "INTERNAL-IP",
    "ACCESS MODES",
    "RECLAIM POLICY",
    "CAPACITY",
    "ATTACHER",
];

/// The same where sentences stand in the last column.
const FIRST_OF_EVENTS: [&str; 9] =
    ["LAST SEEN", "AGE", "OBJECT", "LastHeartbeatTime", "LastTransitionTime", "From", "Age", "TYPE", "Type"];

/// The least width of a last column of sentences: it goes on in lines of its own.
const ROOM: usize = 26;

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
    if text.lines().all(|line| columns(line) <= width) {
        return None;
    }
    let text = &expanded(text);
    let mut found = Narrowed { text: String::new(), without: Vec::new(), shortened: false, cut: false };
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if !is_header(line) && !are_titles(line) {
            wrap(line, width, &mut found);
            continue;
        }
        let margin = line.len() - line.trim_start().len();
        let mut block = vec![line];
        let belongs = |row: &str| !row.is_empty() && !is_header(row) && row.len() - row.trim_start().len() >= margin;
        while let Some(row) = lines.next_if(|row| belongs(row)) {
            block.push(row);
        }
        match block.iter().any(|line| line.chars().count() > width) {
            true => fit(&block, width, margin, keep, &mut found),
            false => block.iter().for_each(|line| found.text += &format!("{line}\n")),
        }
    }
    if !text.ends_with('\n') {
        found.text.pop();
    }
    Some(found)
}

/// How many columns a line takes, tabs with what they skip.
fn columns(line: &str) -> usize {
    line.chars().fold(0, |at, c| if c == '\t' { at - at % 8 + 8 } else { at + 1 })
}

/// A text with blanks in place of its tabs.
fn expanded(text: &str) -> String {
    let line = |line: &str| {
        line.chars().fold(String::new(), |mut shown, c| {
            match c {
                '\t' => shown.extend(std::iter::repeat_n(' ', 8 - shown.chars().count() % 8)),
                c => shown.push(c),
            }
            shown
        })
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A line that is no table's, in as many as it needs; they begin below where it does.
fn wrap(line: &str, width: usize, found: &mut Narrowed) {
    // What stands behind a key stays there.
    let indent = |text: &str| text.chars().take_while(|c| *c == ' ').count();
    let margin = match line.split_once(':') {
        Some((key, value)) if value.starts_with("  ") => key.chars().count() + 1 + indent(value),
        _ => indent(line),
    };
    let margin = if margin < width / 2 { margin } else { indent(line).min(width / 4) };
    let is_long = columns(line) > width && line.split(' ').any(|word| word.chars().count() + margin > width);
    let short = Some(line).filter(|_| is_long).and_then(without_uid);
    found.shortened |= short.is_some();
    let line = short.as_deref().unwrap_or(line);
    // What aligns a line with others that are not there takes room.
    let line = &if columns(line) > width { squeezed(line) } else { line.to_string() };
    for (number, part) in in_words(line, width, margin).iter().enumerate() {
        let margin = if number == 0 { 0 } else { margin };
        found.cut |= part.chars().count() + margin > width;
        found.text += &format!("{:margin$}{part}\n", "");
    }
}

/// A line with two blanks at most between its words, behind its margin and its key.
fn squeezed(line: &str) -> String {
    let key = line.split_once(':').map_or(0, |(key, value)| if value.starts_with("  ") { key.len() + 1 } else { 0 });
    let kept = key + line[key..].len() - line[key..].trim_start().len();
    let (head, mut rest) = (&line[..kept], line[kept..].to_string());
    while rest.contains("   ") {
        rest = rest.replace("   ", "  ");
    }
    format!("{head}{rest}")
}

/// A line cut at blanks into parts that fit, all but the first into `width` less `margin`; longer words stay whole.
fn in_words(line: &str, width: usize, margin: usize) -> Vec<String> {
    let chars: Vec<char> = line.chars().collect();
    let (mut parts, mut left, mut room) = (Vec::new(), &chars[..], width);
    while left.len() > room {
        let begin = left.iter().take_while(|c| **c == ' ').count();
        let blank = |at: &usize| left[*at] == ' ' && *at > begin;
        // A list or a path that is too long goes on behind a comma or a slash.
        let behind = |mark: char| move |at: &usize| left[at - 1] == mark && *at > begin + 1;
        let within = (0..=room).rev().find(blank);
        let within = within.or_else(|| (room / 2..=room).rev().find(behind(',')));
        let within = within.or_else(|| (1..=room).rev().find(behind('/')));
        let within = within.or_else(|| (1..=room).rev().find(behind(',')));
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

/// Whether a line names columns with capital letters at the beginnings, as the tables in `kubectl describe` do.
fn are_titles(line: &str) -> bool {
    let titles: Vec<&str> = line.split("  ").map(str::trim).filter(|title| !title.is_empty()).collect();
    let is_title = |title: &&str| {
        title.starts_with(|c: char| c.is_ascii_uppercase())
            && title.chars().all(|c| c.is_ascii_alphabetic() || c == ' ')
    };
    titles.len() > 3 && titles.iter().all(is_title)
}

/// The cells of a table's rows. A cell that is wider than its column moves what is behind it, there and in the rows below: a
/// watch widens its columns as it goes.
fn cells(block: &[&str]) -> Vec<Vec<String>> {
    let header: Vec<char> = block.first().map(|line| line.chars().collect()).unwrap_or_default();
    let begins = |at: &usize| {
        let is_apart = *at >= 2 && header[at - 1] == ' ' && header[at - 2] == ' ';
        header[*at] != ' ' && (is_apart || header[..*at].iter().all(|c| *c == ' '))
    };
    let starts: Vec<usize> = (0..header.len()).filter(begins).collect();
    let mut widths: Vec<usize> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let row = |line: &&str| -> Vec<String> {
        let chars: Vec<char> = line.chars().collect();
        let mut at = starts.first().copied().unwrap_or(0);
        let mut row = Vec::new();
        for width in &mut widths {
            let is_blank = |n: usize| chars.get(n).is_none_or(|c| *c == ' ');
            let longer = |end: &usize| is_blank(*end) && is_blank(end + 1);
            if !is_blank(at + *width - 1) || !is_blank(at + *width - 2) {
                let end = (at + *width - 2..=chars.len()).find(longer).unwrap_or(chars.len());
                let next = (end..chars.len()).find(|n| !is_blank(*n)).unwrap_or(chars.len());
                *width = next - at;
            }
            row.push(chars.get(at..(at + *width).min(chars.len())).unwrap_or_default().iter().collect::<String>());
            at += *width;
        }
        row.push(chars.get(at..).unwrap_or_default().iter().collect());
        row.iter().map(|cell| cell.trim().to_string()).collect()
    };
    block.iter().map(row).collect()
}

fn fit(block: &[&str], width: usize, margin: usize, keep: &BTreeSet<String>, found: &mut Narrowed) {
    let width = width.saturating_sub(margin);
    let mut rows = cells(block);
    let is_prose = |rows: &[Vec<String>]| {
        let last = |row: &Vec<String>| row.last().is_some_and(|cell| cell.split(' ').count() > 5);
        let names = rows.first().map_or(&[][..], Vec::as_slice);
        let is_named = names.last().is_some_and(|name| matches!(name.as_str(), "MESSAGE" | "Message" | "LABELS"));
        names.len() > 1 && (is_named || rows.iter().skip(1).any(last))
    };
    let total = |rows: &[Vec<String>]| -> usize {
        let mut widths = widths(rows);
        if let Some(last) = widths.last_mut().filter(|_| is_prose(rows)) {
            let cells = rows.iter().filter_map(|row| row.last());
            let words = cells.flat_map(|cell| cell.split_inclusive([' ', ',', '/']));
            let longest = words.map(|word| word.trim_end().chars().count()).max().unwrap_or(0);
            *last = ROOM.max(longest).min(*last);
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
        // Sentences are what one looks for in such a table; what stands first is only a time there, or that all is normal.
        let prose = is_prose(&rows).then(|| names.len() - 1);
        let is_time = |name: &str| name == "LAST SEEN" || name == "Type" && names.iter().any(|n| n == "Age");
        let is_first = |n: usize| n <= first && !is_time(&names[n]);
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
    // Two blanks tell columns apart as well.
    let gap = if total(&rows) > width { 2 } else { 3 };
    let blank = " ".repeat(gap);
    let before: usize = widths.iter().rev().skip(1).map(|w| w + gap).sum();
    let is_prose = is_prose(&rows) && before < width;
    if let Some(last) = widths.last_mut().filter(|_| is_prose) {
        *last = 0;
    }
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join(&blank);
        let line = line.trim_end();
        if is_prose && let Some(text) = row.last() {
            let head: String = line.chars().take(before).collect();
            for (number, part) in in_words(text, width - before, 0).iter().enumerate() {
                let head = if number == 0 { head.as_str() } else { "" };
                found.cut |= part.chars().count() > width - before;
                found.text += format!("{:margin$}{head:<before$}{part}", "").trim_end();
                found.text.push('\n');
            }
            continue;
        }
        match line.chars().count() > width {
            true => {
                (found.shortened, found.cut) = (true, true);
                found.text += &" ".repeat(margin);
                found.text.extend(line.chars().take(width.saturating_sub(1)).chain(['…']));
            }
            false => found.text += format!("{:margin$}{line}", "").trim_end(),
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
        let described = "\
Events:
  Type    Reason                Age              From                         Message
  ----    ------                ----             ----                         -------
  Normal  WaitForFirstConsumer  1s (x2 over 6s)  persistentvolume-controller  waiting for first consumer to be created before binding
";
        let found = narrow(described, 80, &BTreeSet::new()).expect("it is too wide");
        insta::assert_snapshot!(found.text, @"
        Events:
          Type     Reason                 Age               Message
          ----     ------                 ----              -------
          Normal   WaitForFirstConsumer   1s (x2 over 6s)   waiting for first consumer
                                                            to be created before binding
        ");
        let conditions = "\
Conditions:
  Type           Status  Reason                   Message
  ----           ------  ------                   -------
  ScalingActive  False   FailedGetResourceMetric  the HPA was unable to compute the replica count
";
        let found = narrow(conditions, 80, &BTreeSet::new()).expect("it is too wide");
        assert!(found.without.is_empty() && found.text.contains("  ScalingActive   False"), "{}", found.text);
        let watched = "\
NAME            STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
dynamic-pvc01   Pending                                      local-path     <unset>                 9s
dynamic-pvc01   Pending   pvc-fd32ed47-697a-419d-9b19-ba6655007ff9   0                         local-path     <unset>                 10s
dynamic-pvc01   Bound     pvc-fd32ed47-697a-419d-9b19-ba6655007ff9   10Mi       RWO            local-path     <unset>                 10s
";
        let found = narrow(watched, 90, &BTreeSet::new()).expect("it is too wide");
        insta::assert_snapshot!(found.text, @"
        NAME            STATUS    VOLUME          CAPACITY   ACCESS MODES   STORAGECLASS   AGE
        dynamic-pvc01   Pending                                             local-path     9s
        dynamic-pvc01   Pending   pvc-fd32ed47…   0                         local-path     10s
        dynamic-pvc01   Bound     pvc-fd32ed47…   10Mi       RWO            local-path     10s
        ");
        let text = "pod/a created\n  Warning: Immediate deletion does not wait for confirmation\nlast";
        let found = narrow(text, 40, &BTreeSet::new()).expect("it is too wide");
        insta::assert_snapshot!(found.text, @"
        pod/a created
          Warning: Immediate deletion does not
          wait for confirmation
        last
        ");
        assert!(!found.text.ends_with('\n') && !found.cut);
        let labels = "\
NAME      READY   STATUS    RESTARTS   AGE   LABELS
cache-0   1/1     Running   0          69s   app=cache,apps.kubernetes.io/pod-index=0,controller-revision-hash=cache-6cc6cb5668
";
        let found = narrow(labels, 80, &BTreeSet::new()).expect("it is too wide");
        assert!(!found.cut && found.text.contains(" controller-revision-hash=cache-6cc6cb5668"), "{}", found.text);
        let row = format!("  Normal  Expanding{:30}10m   waiting for an external controller", "");
        let found = narrow(&row, 40, &BTreeSet::new()).expect("it is too wide");
        assert_eq!(found.text, "  Normal  Expanding  10m  waiting for an\n  external controller");
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
