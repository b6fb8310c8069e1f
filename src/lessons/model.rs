//! What a lesson is made of.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::task::Task;
use crate::api::printable::printable;

/// One lesson file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// What `kstate lesson NAME` calls it: the file's name without `.md`.
    pub name: String,
    /// Where it was read from, as errors and reports cite it (`lessons/statefulset.md`).
    pub path: String,
    /// The file's whole text. The ranges of [`Command::output_range`] point into it.
    pub source: String,
    /// What it says about itself.
    pub front: FrontMatter,
    /// Markdown between the front matter and the first step, without a level one heading.
    pub intro: String,
    /// The steps in order; at least one.
    pub steps: Vec<Step>,
}

impl Lesson {
    /// Every command with the number of its step, in order.
    pub fn commands(&self) -> impl Iterator<Item = (usize, &Command)> {
        self.steps.iter().enumerate().flat_map(|(number, step)| {
            step.blocks.iter().flat_map(move |block| match block {
                Block::Console(console) if !console.hidden => console.commands.iter().map(|c| (number, c)).collect(),
                _ => Vec::new(),
            })
        })
    }
}

/// The YAML between the `---` lines at the top of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FrontMatter {
    /// The heading of the first screen.
    #[serde(deserialize_with = "printable_text")]
    pub title: String,
    /// One sentence for the menu.
    #[serde(deserialize_with = "printable_text")]
    pub summary: String,
    /// How long it takes somebody who reads everything, in minutes.
    pub minutes: u32,
    /// The cluster it plays on.
    #[serde(default)]
    pub cluster: Profile,
    /// Where the cluster's random names and uids come from.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Whose tables are printed, `v1.36`.
    #[serde(default = "default_version")]
    pub kubernetes_version: String,
    /// Kinds whose tables are shown after every step that changed something (`[sts, pods, pvc]`).
    #[serde(default)]
    pub watch: Vec<String>,
    /// Names of the lessons that one should have taken before.
    #[serde(default)]
    pub after: Vec<String>,
    /// What was learnt, a rule each: shown in the end.
    #[serde(default, deserialize_with = "printable_list")]
    pub learnt: Vec<String>,
    /// Questions that are asked in the end.
    #[serde(default)]
    pub review: Vec<Quiz>,
}

/// YAML can write any character (`\e`), and what a lesson says goes to a terminal.
pub(super) fn printable_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(printable(&String::deserialize(from)?).into_owned())
}

fn printable_hint<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(|text| printable(&text).into_owned()))
}

pub(super) fn printable_texts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(from)?;
    Ok(texts.into_iter().map(|(letter, text)| (letter, printable(&text).into_owned())).collect())
}

fn printable_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<String>::deserialize(from)?.iter().map(|text| printable(text).into_owned()).collect())
}

fn default_seed() -> u64 {
    1
}

fn default_version() -> String {
    "v1.36".into()
}

/// How a lesson's cluster differs from the default one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Names of the nodes; `None`: those of the default cluster.
    pub nodes: Option<Vec<String>>,
    /// Names of the storage classes that are there from the start; `None`: `local-path`.
    pub classes: Option<Vec<String>>,
}

/// One `##` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The heading's text, without markup.
    pub heading: String,
    /// Line of the heading in the file, from 1.
    pub line: usize,
    /// What comes below it, in order.
    pub blocks: Vec<Block>,
}

/// One part of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Markdown to read.
    Prose(String),
    /// A `yaml file=NAME` block: it is shown, and written to the lesson's folder.
    File {
        /// The file's name, without folders.
        name: String,
        /// Its whole text, lines ended by `\n`.
        text: String,
        /// Line of the fence in the lesson, from 1.
        line: usize,
        /// Whether it is not shown (`hidden`): what a broken cluster is made of.
        hidden: bool,
    },
    /// A `console` block.
    Console(Console),
    /// A `quiz` block.
    Quiz(Quiz),
    /// A `task` block.
    Task(Task),
}

/// Commands to run one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Console {
    /// Whether the clock runs until nothing is due after each command; `console nosettle` says no,
    /// so that the next command can watch what happens.
    pub settle: bool,
    /// Whether neither the commands nor what they print is shown (`console hidden`).
    pub hidden: bool,
    /// At least one.
    pub commands: Vec<Command>,
}

/// One `$ ` line and what it is expected to print.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The command without its prompt, `kubectl get pv`.
    pub line: String,
    /// Expected standard output and error as a terminal shows them, without the last newline.
    /// A line `...` stands for any lines, `[..]` for anything within a line.
    pub expected: String,
    /// Expected exit code; a line `[exit 1]` at the end of the output says one that is not 0.
    pub exit: u8,
    /// Line of the `$` in the file, from 1.
    pub at: usize,
    /// Bytes of the file that hold the output and the `[exit N]` line, newline included.
    pub output_range: Range<usize>,
}

/// A question to think about before its answer is seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quiz {
    /// What is asked.
    #[serde(deserialize_with = "printable_text")]
    pub question: String,
    /// The answers to choose from, by letter: `a`, `b`, `c`, ...
    #[serde(deserialize_with = "printable_texts")]
    pub options: BTreeMap<String, String>,
    /// The letter of the right one.
    pub answer: String,
    /// A nudge after a first wrong answer.
    #[serde(default, deserialize_with = "printable_hint")]
    pub hint: Option<String>,
    /// Why each of the others is wrong, by letter: shown to who chose it.
    #[serde(default, deserialize_with = "printable_texts")]
    pub reasons: BTreeMap<String, String>,
    /// Why it is right: shown after the right answer, or after the second wrong one.
    #[serde(deserialize_with = "printable_text")]
    pub why: String,
}

impl Quiz {
    /// What keeps it from being a question, if anything does.
    pub(super) fn fault(&self) -> Option<String> {
        let letters: Vec<String> = ('a'..='z').map(String::from).take(self.options.len()).collect();
        let strange = || self.reasons.keys().find(|letter| !self.options.contains_key(*letter));
        match () {
            () if self.options.len() < 2 || !self.options.keys().eq(letters.iter()) => {
                Some("a quiz has at least two options, lettered a, b, c, ...".into())
            }
            () if !self.options.contains_key(&self.answer) => {
                Some(format!("the quiz's answer {:?} is none of its options", self.answer))
            }
            () => {
                strange().map(|letter| format!("the quiz gives a reason for {letter:?}, which is none of its options"))
            }
        }
    }

    /// The letters of the wrong options of which nobody says why they are.
    pub fn unreasoned(&self) -> impl Iterator<Item = &str> {
        let letters = self.options.keys().map(String::as_str);
        letters.filter(|letter| *letter != self.answer && !self.reasons.contains_key(*letter))
    }

    /// The right option's text.
    pub fn right(&self) -> &str {
        self.options.get(&self.answer).map_or("", String::as_str)
    }
}
