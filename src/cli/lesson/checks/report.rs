//! What became of lessons, for people, for programs, and in the form that CI systems show.

use owo_colors::Style;
use serde_json::{Value, json};

use super::Verdict;
use crate::lessons::check::Difference;
use crate::ui::Ui;

/// How it is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli::lesson) enum Form {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// JUnit's XML, a test case for each lesson.
    Junit,
}

/// Says it to somebody who reads along.
pub(super) fn text(ui: &Ui, verdict: &Verdict, strict: bool, all: bool) {
    let say = |word: &str, style: Style, detail: String| {
        let word = ui.paint(&format!("{word:<8}"), style);
        ui.out(&format!("{word}{:<14} ({detail})\n", verdict.name));
    };
    let (good, bad) = (Style::new().green(), Style::new().red().bold());
    let differ = verdict.differences.len();
    let commands = verdict.commands;
    if !verdict.faults.is_empty() && commands == 0 {
        // It could not even be read: that text names the file itself.
        verdict.faults.iter().for_each(|fault| ui.err(&format!("{fault}\n")));
        return;
    }
    let skipped = match verdict.skipped {
        0 => String::new(),
        n => format!(", {n} of kstate's own skipped"),
    };
    match (verdict.faults.len(), differ) {
        (0, 0) if verdict.holds(strict) => say("ok", good, format!("{commands} commands{skipped}")),
        (0, 0) => say("FAILED", bad, format!("{} warnings", verdict.remarks.len())),
        (0, _) if verdict.updated => say("updated", good, format!("{differ} of {commands} commands")),
        (0, _) => say("FAILED", bad, format!("{differ} of {commands} commands differ{skipped}")),
        (faults, _) => say("FAILED", bad, format!("{faults} faults")),
    }
    let path = &verdict.path;
    verdict.faults.iter().for_each(|fault| ui.out(&format!("{path}: {}\n", fault.trim_end())));
    for remark in &verdict.remarks {
        ui.out(&format!("{path}:{}: warning: {}\n", remark.line, remark.text));
    }
    if verdict.updated {
        return;
    }
    let shown = if all { differ } else { differ.min(1) };
    verdict.differences.iter().take(shown).for_each(|difference| one(ui, path, difference));
    if differ > shown {
        ui.out(&format!("{path}: {} more may follow from that; --all shows them\n", differ - shown));
    }
}

fn one(ui: &Ui, path: &str, difference: &Difference) {
    ui.out(&format!("{path}:{}: output of \"{}\" differs\n", difference.at, difference.line));
    for line in difference.diff.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => Style::new().green(),
            Some(b'-') => Style::new().red(),
            _ => Style::new(),
        };
        ui.out(&format!("{}\n", ui.paint(line, style)));
    }
}

/// All of it as a document.
pub(super) fn json(verdicts: &[Verdict], strict: bool) -> String {
    let lesson = |verdict: &Verdict| {
        let differences = verdict.differences.iter().filter(|_| !verdict.updated);
        let differences = differences.map(|d| json!({"line": d.at, "command": d.line, "diff": d.diff}));
        json!({
            "name": verdict.name,
            "file": verdict.path,
            "ok": verdict.holds(strict),
            "updated": verdict.updated,
            "commands": verdict.commands,
            "skipped": verdict.skipped,
            "faults": verdict.faults,
            "warnings": verdict.remarks.iter().map(|r| json!({"line": r.line, "text": r.text})).collect::<Vec<_>>(),
            "differences": differences.collect::<Vec<_>>(),
        })
    };
    let lessons: Vec<Value> = verdicts.iter().map(lesson).collect();
    let ok = verdicts.iter().all(|verdict| verdict.holds(strict));
    let whole = json!({"ok": ok, "lessons": lessons});
    serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
}

/// All of it as JUnit's XML.
pub(super) fn junit(verdicts: &[Verdict], strict: bool) -> String {
    let failed = verdicts.iter().filter(|verdict| !verdict.holds(strict)).count();
    let seconds = |millis: u128| format!("{}.{:03}", millis / 1000, millis % 1000);
    let total = seconds(verdicts.iter().map(|verdict| verdict.took).sum());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"kstate lesson check\" tests=\"{}\" failures=\"{failed}\" \
         time=\"{total}\">\n",
        verdicts.len()
    );
    for verdict in verdicts {
        let (name, path, took) = (escaped(&verdict.name), escaped(&verdict.path), seconds(verdict.took));
        text += &format!("  <testcase name=\"{name}\" classname=\"lessons\" file=\"{path}\" time=\"{took}\"");
        if verdict.holds(strict) {
            text += "/>\n";
            continue;
        }
        let mut said: Vec<String> = verdict.faults.clone();
        said.extend(verdict.remarks.iter().map(|r| format!("{}:{}: warning: {}", verdict.path, r.line, r.text)));
        let differences = verdict.differences.iter().filter(|_| !verdict.updated);
        said.extend(
            differences.map(|d| format!("{}:{}: output of \"{}\" differs\n{}", verdict.path, d.at, d.line, d.diff)),
        );
        let first = said.first().and_then(|text| text.lines().next()).unwrap_or_default();
        let (first, said) = (escaped(first), escaped(&said.join("\n")));
        text += &format!(">\n    <failure message=\"{first}\">{said}</failure>\n  </testcase>\n");
    }
    text + "</testsuite>\n"
}

/// Text that may stand in XML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' | '\t' => escaped.push(c),
            // XML has no way to say these.
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
