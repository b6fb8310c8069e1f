//! What counts as the same answer: all but what is random or a matter of time.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::{Captures, Regex};

const CONSONANTS: &str = "bcdfghjklmnpqrstvwxz2456789";

type Rules = Vec<(Regex, &'static str)>;

fn rule(pattern: &str, to: &'static str) -> (Regex, &'static str) {
    (Regex::new(pattern).expect("a pattern"), to)
}

/// What goes first: all but names that Kubernetes drew.
static FIRST: LazyLock<Rules> = LazyLock::new(|| {
    let c = CONSONANTS;
    vec![
        rule(r"(^|[^0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}([^0-9a-f]|$)", "$1<uid>$2"),
        rule(r"local-path-provisioner-[a-z0-9]+-[a-z0-9]{5}", "local-path-provisioner"),
        rule(r"\b(ErrImagePull|ImagePullBackOff)\b", "<pull error>"),
        rule(r"\b([a-z0-9.-]+\.csi\.aws\.com)_[a-z0-9_-]+", "${1}_<id>"),
        rule(r"\bcsi-[0-9a-f]{64}\b", "csi-<hash>"),
        rule(r"\^vol-[0-9a-z-]+", "^<volume>"),
        rule(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        rule(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "<time>"),
        rule(r"\b(10\.4[23])\.\d+\.\d+", "$1.<ip>"),
        rule(r#"(resourceVersion"?: ?)"\d+""#, "$1\"<rv>\""),
        rule(r#"(containerd|docker-pullable|docker)://[^\s"]+"#, "$1://<id>"),
        rule(r"\bsha256:[0-9a-f]{12,64}", "sha256:<id>"),
        rule(r"kube-api-access-[a-z0-9]{5}", "kube-api-access-<rand>"),
        rule(r"default-token-[a-z0-9]{5}", "default-token-<rand>"),
        rule(r#"(pod-template-hash"?[=:] ?"?)[a-z0-9]+"#, "$1<hash>"),
        rule(r#"(controller-revision-hash"?[=:] ?"?[a-z0-9-]*?-)[a-z0-9]{5,10}\b"#, "$1<hash>"),
        rule(&format!(r"\b([a-z][a-z0-9-]*?)-[{c}]{{6,10}}-[{c}]{{5}}([^a-z0-9]|$)"), "$1-<hash>-<rand>$2"),
    ]
});

/// What follows after those names.
static LAST: LazyLock<Rules> = LazyLock::new(|| {
    vec![
        rule(r"\b([a-z0-9][a-z0-9.-]*)\.1[0-9a-f]{15}\b", "$1.<event>"),
        rule(r#"(nodePort"?: ?|:)3[0-2]\d{3}\b"#, "$1<nodeport>"),
        rule(r"\(x\d+ over (\d+y)?(\d+d)?(\d+h)?(\d+m)?(\d+(\.\d+)?s)?\)", ""),
        rule(r"in \d+(\.\d+)?m?s \(\d+(\.\d+)?m?s including waiting\)", "in <dur>"),
    ]
});

/// A hash of eight letters and more, one a digit.
static HASH: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"\b([a-z][a-z0-9-]*?)-([{CONSONANTS}]{{8,10}})\b")).expect("a pattern"));
/// A suffix of five letters that Kubernetes drew.
static SUFFIX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"\b([a-z][a-z0-9-]*?)-[{CONSONANTS}]{{5}}([^a-z0-9-]|$)")).expect("a pattern")
});
/// Values that the server lists in any order.
static VALUES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(supported values: )("[^"]*"(?:, "[^"]*")*)"#).expect("a pattern"));
static AGE: LazyLock<Regex> = LazyLock::new(|| {
    let age = r"\d+y(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?|\d+d(?:\d+h)?(?:\d+m)?(?:\d+s)?|\d+h(?:\d+m)?(?:\d+s)?|\d+m(?:\d+s)?|\d+s";
    Regex::new(&format!(r"(?m)([\s(])(?:{age})([\s)]|$)")).expect("a pattern")
});
static NO_AGE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)([\s(])(?:<invalid>|<unknown>)(\s|$)").expect("a pattern"));
static FOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"/tmp/[A-Za-z0-9_./-]*/([\w.-]+\.ya?ml)").expect("a pattern"));
static KLOG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ ").expect("a pattern"));
/// What the first line of a table looks like, and its heading.
static TABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*(NAMESPACE|NAME|LAST SEEN|REVISION|Type  Reason)\b").expect("a pattern"));
static HEADING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*[A-Z][A-Z ()/-]+(  |$)|^\s+Type  Reason").expect("a pattern"));
static NODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"k3d-deadless-(server|agent)-\d(/172\.18\.0\.\d)?").expect("a pattern"));

fn normal(text: &str) -> String {
    let mut text = text.replace('\u{a0}', " ");
    let apply = |rules: &Rules, text: String| {
        rules.iter().fold(text, |text, (rule, to)| rule.replace_all(&text, *to).into_owned())
    };
    text = apply(&FIRST, text);
    let hash = |c: &Captures<'_>| match c[2].contains(|d: char| d.is_ascii_digit()) {
        true => format!("{}-<hash>", &c[1]),
        false => c[0].to_string(),
    };
    text = HASH.replace_all(&text, hash).into_owned();
    text = SUFFIX.replace_all(&text, "$1-<rand>$2").into_owned();
    text = apply(&LAST, text);
    // Twice, because neighbours share the blank between them.
    for _ in 0..2 {
        text = AGE.replace_all(&text, "$1<age>$2").into_owned();
        text = NO_AGE.replace_all(&text, "$1<age>$2").into_owned();
    }
    text = FOLDER.replace_all(&text, "$1").into_owned();
    let sorted = |c: &Captures<'_>| {
        let mut values: Vec<&str> = c[2].split(", ").collect();
        values.sort_unstable();
        format!("{}{}", &c[1], values.join(", "))
    };
    text = VALUES.replace_all(&text, sorted).into_owned();
    KLOG.replace_all(&text, "$1<klog> ").into_owned()
}

/// Lines with runs of blanks folded, rows of tables sorted unless `order`, and nodes alike unless `nodes`.
fn canonical(text: &str, nodes: bool, order: bool) -> Vec<String> {
    let mut text = normal(text);
    if !nodes {
        text = NODE.replace_all(&text, "<node>").into_owned();
        text = Regex::new(r"172\.18\.0\.\d").expect("a pattern").replace_all(&text, "172.18.0.<ip>").into_owned();
    }
    let blanks = Regex::new(" {2,}").expect("a pattern");
    let (mut lines, mut rows, mut in_table) = (Vec::new(), Vec::new(), false);
    let flush = |rows: &mut Vec<String>, lines: &mut Vec<String>| {
        if rows.first().is_some_and(|first: &String| HEADING.is_match(first)) {
            lines.push(rows.remove(0));
        }
        if !order {
            rows.sort();
        }
        let mut seen = BTreeSet::new();
        lines.extend(rows.drain(..).filter(|r| seen.insert(r.clone())));
    };
    for line in text.lines() {
        let line = blanks.replace_all(line.trim_end(), "  ").into_owned();
        if TABLE.is_match(&line) {
            flush(&mut rows, &mut lines);
            in_table = true;
        } else if line.is_empty() {
            flush(&mut rows, &mut lines);
            in_table = false;
        }
        if in_table { rows.push(line) } else { lines.push(line) }
    }
    flush(&mut rows, &mut lines);
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Alike, or alike but for the node that was drawn.
pub fn same(expected: &str, actual: &str, command: &str) -> bool {
    let order = command.contains("--sort-by") && !command.contains("events");
    [true, false].iter().any(|nodes| canonical(expected, *nodes, order) == canonical(actual, *nodes, order))
}

/// The lines that differ, recorded ones with `-`.
pub fn difference(expected: &str, actual: &str) -> String {
    let (expected, actual) = (canonical(expected, true, false).join("\n"), canonical(actual, true, false).join("\n"));
    similar::TextDiff::from_lines(&expected, &actual).unified_diff().context_radius(0).to_string()
}

/// Whether every expected line is among the actual ones.
pub fn contains(actual: &str, expected: &str) -> bool {
    let actual: BTreeSet<String> = canonical(actual, true, false).into_iter().collect();
    canonical(expected, true, false).iter().all(|line| actual.contains(line))
}

/// The heading of a table that is not laid out as kubectl does: columns as wide as their widest cell and three.
pub fn crooked_table(text: &str, command: &str) -> Option<String> {
    if command.contains('|') || command.contains(" -w") || command.contains("--watch") {
        return None;
    }
    let mut tables: Vec<Vec<&str>> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if ["NAMESPACE ", "NAME ", "LAST SEEN "].iter().any(|h| line.starts_with(h)) {
            tables.push(vec![line]);
            open = true;
        } else if line.is_empty() || ["Error", "error", "Warning"].iter().any(|e| line.starts_with(e)) {
            open = false;
        } else if let Some(table) = tables.last_mut().filter(|_| open) {
            table.push(line);
        }
    }
    tables.into_iter().find(|rows| !is_straight(rows)).map(|rows| rows[0].to_string())
}

fn is_straight(rows: &[&str]) -> bool {
    let head: Vec<char> = rows[0].chars().collect();
    let starts: Vec<usize> = (0..head.len())
        .filter(|&i| head[i].is_ascii_uppercase() && (i == 0 || i >= 3 && head[i - 3..i].iter().all(|c| *c == ' ')))
        .collect();
    starts.windows(2).all(|pair| {
        let cell = |row: &&str| {
            let cell: String = row.chars().skip(pair[0]).take(pair[1] - pair[0]).collect();
            cell.trim_end().chars().count()
        };
        rows.iter().map(cell).max().unwrap_or(0) + 3 == pair[1] - pair[0]
    })
}
