//! Somebody at the terminal while a command of a lesson runs: output comes as it is made, watches at a pace that can be
//! read, and Ctrl-C ends what does not end by itself.

use std::collections::BTreeSet;

use crate::host::interrupt::{Catching, catch};
use crate::host::moment;
use crate::lessons::narrow::narrow;
use crate::lessons::shell::Audience;
use crate::ui::{Typed, Ui};

/// How long a line of a watch is shown before the next, in milliseconds.
const LINE: u64 = 350;

/// How long a pause of the cluster's time takes at most, in milliseconds, and what part of it.
const LONGEST_PAUSE: u64 = 1000;
const SHARE: u64 = 10;

/// Somebody at the terminal.
pub(super) struct Live<'a> {
    ui: &'a Ui,
    catching: Option<Catching>,
    /// Whether lines come one by one.
    paced: bool,
    /// Whether they wanted to wait no longer.
    hurries: bool,
    /// Columns that are taught just now.
    keep: BTreeSet<String>,
    /// What was printed, and whether something of it was not shown.
    whole: String,
    without: BTreeSet<String>,
    shortened: bool,
}

impl<'a> Live<'a> {
    pub(super) fn new(ui: &'a Ui, line: &str, mut keep: BTreeSet<String>) -> Live<'a> {
        keep.extend(asked_for(line));
        let catching = ui.is_attended().then(catch);
        let paced = catching.is_some() && is_watch(line);
        let (whole, without) = (String::new(), BTreeSet::new());
        Live { ui, paced, catching, hurries: false, keep, whole, without, shortened: false }
    }

    /// What was printed, if not all of it was shown.
    pub(super) fn take_whole(&mut self) -> Option<String> {
        (self.shortened || !self.without.is_empty()).then(|| std::mem::take(&mut self.whole))
    }

    /// What was left out.
    pub(super) fn note(&self) -> Option<String> {
        let without: Vec<&str> = self.without.iter().map(String::as_str).collect();
        match (without.is_empty(), self.shortened) {
            (true, false) => None,
            (true, true) => Some("(… stands for what is too long; full shows it)".into()),
            (false, _) => {
                let note = format!("(without {}; full shows all)", without.join(", "));
                let width = self.ui.width();
                Some(if note.chars().count() <= width { note } else { "(without some columns; full shows all)".into() })
            }
        }
    }

    /// A table as wide as the terminal.
    fn fitted(&mut self, text: &str) -> String {
        if self.catching.is_none() {
            return text.to_string();
        }
        self.whole += text;
        match narrow(text, self.ui.width(), &self.keep) {
            None => text.to_string(),
            Some(narrowed) => {
                self.without.extend(narrowed.without);
                self.shortened |= narrowed.shortened;
                narrowed.text
            }
        }
    }

    fn wait(&mut self, millis: u64) {
        if self.catching.is_some() && !self.hurries {
            self.hurries = moment::pass(millis);
        }
    }
}

/// The columns that a line itself names.
fn asked_for(line: &str) -> Vec<String> {
    let line = line.replace("\\\n", "");
    let mut words = line.split_whitespace().peekable();
    let mut columns = Vec::new();
    while let Some(word) = words.next() {
        let value = |flag: &str| word.strip_prefix(flag).map(|rest| rest.trim_start_matches('=').to_string());
        if word == "--show-labels" {
            columns.push("LABELS".to_string());
        } else if let Some(spec) = word.split_once("custom-columns=").map(|(_, spec)| spec) {
            columns.extend(spec.split(',').filter_map(|column| column.split(':').next()).map(String::from));
        } else if let Some(labels) = value("--label-columns").or_else(|| value("-L")) {
            let labels = if labels.is_empty() { words.peek().unwrap_or(&"").to_string() } else { labels };
            let name = |label: &str| label.rsplit('/').next().unwrap_or_default().to_uppercase();
            columns.extend(labels.split(',').map(name));
        }
    }
    columns
}

/// Whether a line shows what happens as it happens.
pub(super) fn is_watch(line: &str) -> bool {
    let is_status = |command: &str| {
        let words: Vec<&str> = command.split_whitespace().collect();
        words.windows(2).any(|pair| pair == ["rollout", "status"])
    };
    goes_on(line) || line.split([';', '&', '|', '\n']).any(is_status)
}

/// Whether a line would never end by itself.
pub(super) fn goes_on(line: &str) -> bool {
    line.split([';', '&', '|', '\n']).any(|command| {
        let words: Vec<&str> = command.split_whitespace().collect();
        let has = |flags: &[&str]| words.iter().any(|word| flags.contains(word));
        has(&["get", "events"]) && has(&["-w", "--watch", "--watch-only", "--watch=true"])
            || has(&["logs"]) && has(&["-f", "--follow"])
    })
}

impl Audience for Live<'_> {
    fn hear(&mut self, text: &str) {
        let text = &self.fitted(text);
        if !self.paced {
            self.ui.out(text);
            return;
        }
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if number > 1 {
                self.wait(LINE);
            }
            self.ui.out(line);
        }
    }

    fn pause(&mut self, millis: i64) {
        let millis = u64::try_from(millis).unwrap_or(0);
        self.wait((millis / SHARE).min(LONGEST_PAUSE));
    }

    fn interrupts(&mut self) -> bool {
        self.catching.as_ref().is_some_and(Catching::take)
    }

    fn types(&mut self) -> Option<String> {
        match self.ui.edit_line("") {
            Ok(Typed::Line(line)) => Some(line),
            Ok(Typed::Interrupt | Typed::End) | Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{asked_for, goes_on, is_watch};

    #[test]
    fn a_column_that_is_asked_for_stays() {
        assert_eq!(asked_for("kubectl get pods --show-labels -L app,x.io/zone"), ["LABELS", "APP", "ZONE"]);
        assert_eq!(asked_for("k get pv -o custom-columns=\\\nA:.a,B:.b"), ["A", "B"]);
        assert!(asked_for("kubectl get pods -l app=web").is_empty());
    }

    #[test]
    fn what_ends_by_itself_is_no_endless_watch() {
        for line in ["kubectl get pods -w", "k logs web -f | head", "kubectl events --watch"] {
            assert!(is_watch(line) && goes_on(line), "{line}");
        }
        assert!(is_watch("kubectl rollout status sts/db") && !goes_on("kubectl rollout status sts/db"));
        assert!(!is_watch("kubectl get pods -o wide"));
    }
}
