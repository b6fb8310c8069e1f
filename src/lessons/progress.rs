//! How far a learner has come in which lesson.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::Lesson;
use super::review::Missed;
use super::shell::Mark;

/// All that is remembered between two runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// By the lesson's name (a lesson of one's own: by its path).
    #[serde(default)]
    pub lessons: BTreeMap<String, Reached>,
    /// Questions that are to be asked again.
    #[serde(default)]
    pub missed: Vec<Missed>,
}

/// Where a learner is in one lesson.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reached {
    /// Which text it was: a place in another version of it means nothing.
    pub digest: String,
    /// The step to go on with, from 0.
    pub step: usize,
    /// The block of that step.
    pub block: usize,
    /// The command of that block.
    pub command: usize,
    /// Whether the lesson has been finished once.
    pub finished: bool,
    /// How many questions were answered so far, and how many of them rightly at once.
    #[serde(default)]
    pub asked: u32,
    /// See `asked`.
    #[serde(default)]
    pub right: u32,
    /// The cluster as it was at the start of each step so far.
    #[serde(default)]
    pub marks: Vec<Mark>,
}

impl Reached {
    /// The beginning of a lesson.
    pub fn start(lesson: &Lesson) -> Self {
        Reached { digest: digest(&lesson.source), ..Reached::default() }
    }

    /// Whether this is a place inside `lesson` as it is now, past its beginning.
    pub fn can_resume(&self, lesson: &Lesson) -> bool {
        let moved = (self.step, self.block, self.command) != (0, 0, 0);
        moved && self.step < lesson.steps.len() && self.digest == digest(&lesson.source)
    }

    /// What the menu says about it: `step 3 of 8`, `done`, both, or nothing.
    pub fn summary(&self, lesson: &Lesson) -> String {
        match (self.can_resume(lesson), self.finished) {
            (true, true) => format!("done; step {} of {}", self.step + 1, lesson.steps.len()),
            (true, false) => format!("step {} of {}", self.step + 1, lesson.steps.len()),
            (false, true) => "done".to_string(),
            (false, false) => String::new(),
        }
    }
}

/// A fingerprint of a lesson's text (64-bit FNV-1a), as hexadecimal digits.
pub fn digest(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::{Progress, Reached, digest};

    #[test]
    fn a_place_counts_only_in_the_text_it_was_taken_in() {
        let text = "---\ntitle: T\nsummary: S.\nminutes: 5\n---\n## One\n## Two\n";
        let lesson = parse("x.md", text).expect("a lesson");
        let mut reached = Reached::start(&lesson);
        assert_eq!(reached.summary(&lesson), "");
        reached.step = 1;
        assert_eq!(reached.summary(&lesson), "step 2 of 2");
        let progress = Progress { lessons: [("x".to_string(), reached.clone())].into(), ..Progress::default() };
        let json = serde_json::to_string(&progress).expect("JSON");
        assert_eq!(serde_json::from_str::<Progress>(&json).expect("progress"), progress);
        reached.digest = digest("another text");
        assert!(!reached.can_resume(&lesson));
        assert_eq!(digest(""), "cbf29ce484222325");
    }
}
