//! What an author should know of a lesson though it replays: blocks that do nothing, links to nowhere, files that nobody uses.

use std::collections::BTreeSet;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use super::file::File;
use super::model::{Block, Lesson};
use super::narrow::narrow as fit;
use super::parse::options;

/// The terminal that a lesson is written for.
const COLUMNS: usize = 80;
const ROWS: usize = 24;

/// More lines than these are not read by going back in the terminal.
const LONGEST: usize = 3 * ROWS;

/// What stands before a command, and before a line of a file.
const PROMPT: usize = 2;
const CODE_MARGIN: usize = 4;

/// How much a remark weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It can't have been meant.
    Warning,
    /// On 80 columns and 24 lines it is not seen at once.
    Narrow,
}

/// Something that an author should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The line in the file, from 1.
    pub line: usize,
    /// How much it weighs.
    pub weight: Weight,
    /// What it is.
    pub text: String,
}

/// What is remarkable of a lesson, by line. `exists` tells whether there is a file beside it, `knows` whether there is a
/// lesson of a name.
pub fn lint(lesson: &Lesson, exists: impl Fn(&str) -> bool, knows: impl Fn(&str) -> bool) -> Vec<Remark> {
    let mut remarks = Remarks { file: File::new(&lesson.path, &lesson.source), all: Vec::new() };
    name(lesson, &mut remarks);
    for after in lesson.front.after.iter().filter(|name| !knows(name)) {
        remarks.warn(0, format!("`after` names {after:?}, and there is no such lesson"));
    }
    markdown(lesson, &exists, &mut remarks);
    unused(lesson, &mut remarks);
    sizes(lesson, &mut remarks);
    let mut all = remarks.all;
    all.sort_by_key(|remark| remark.line);
    all
}

struct Remarks<'a> {
    file: File<'a>,
    all: Vec<Remark>,
}

impl Remarks<'_> {
    fn warn(&mut self, offset: usize, text: String) {
        let line = self.file.line(offset);
        self.all.push(Remark { line, weight: Weight::Warning, text });
    }
}

/// A lesson's name is typed.
fn name(lesson: &Lesson, remarks: &mut Remarks<'_>) {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if lesson.name.is_empty() || !lesson.name.chars().all(is_plain) {
        remarks.warn(0, format!("{:?} is hard to type: small letters, digits and - make a name", lesson.name));
    }
}

/// Languages of blocks that look like one that means something.
fn meant(language: &str) -> Option<&'static str> {
    Some(match language {
        "bash" | "sh" | "shell" | "zsh" | "shell-session" | "terminal" => {
            "is only shown; a `console` block runs its lines that begin with \"$ \""
        }
        "quizz" | "quizzes" | "question" | "questions" => "is only shown; a question is a `quiz` block",
        "tasks" | "exercise" => "is only shown; what is to be solved is a `task` block",
        "yml" => "is only shown; a manifest is a `yaml file=NAME` block",
        _ => return None,
    })
}

fn markdown(lesson: &Lesson, exists: &impl Fn(&str) -> bool, remarks: &mut Remarks<'_>) {
    let body = remarks.file.front_matter().map_or(0, |(_, body)| body);
    let (mut anchors, mut links) = (BTreeSet::new(), Vec::new());
    let mut heading: Option<String> = None;
    let mut is_shown = false;
    for (event, range) in Parser::new_ext(&lesson.source[body..], options()).into_offset_iter() {
        let at = range.start + body;
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let language = info.split_whitespace().next().unwrap_or_default();
                if let Some(text) = meant(language) {
                    remarks.warn(at, format!("a `{language}` block {text}"));
                }
                let is_manifest = || lesson.source[at..range.end + body].contains("\napiVersion:");
                is_shown = !matches!(language, "console" | "quiz" | "task") && !info.contains("file=");
                if language == "yaml" && !info.contains("file=") && is_manifest() {
                    remarks.warn(at, "this manifest is only shown: `yaml file=NAME` writes it to the folder".into());
                }
            }
            Event::Start(Tag::Heading { level, .. }) => {
                heading = Some(String::new());
                if level > HeadingLevel::H2 {
                    remarks.warn(at, "a step begins with ##; a deeper heading is only prose".into());
                }
            }
            Event::End(TagEnd::Heading(_)) => anchors.extend(heading.take().map(|text| anchor(&text))),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                links.push((at, dest_url.into_string()));
            }
            Event::End(TagEnd::CodeBlock) => is_shown = false,
            Event::Text(text) if is_shown => {
                if text.lines().any(|line| line.chars().count() + CODE_MARGIN > COLUMNS) {
                    let line = remarks.file.line(at);
                    let text = format!("with its margin, a line of this block is wider than {COLUMNS} columns");
                    remarks.all.push(Remark { line, weight: Weight::Narrow, text });
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    for (at, link) in links {
        let is_elsewhere = link.contains("://") || link.starts_with("mailto:");
        let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
        if is_elsewhere {
            continue;
        }
        if path.is_empty() && !anchors.contains(fragment) {
            remarks.warn(at, format!("the link #{fragment} leads nowhere"));
        } else if !path.is_empty() && !exists(path) {
            remarks.warn(at, format!("the link {path} leads nowhere"));
        }
    }
}

/// What code hosts make of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Files that no command names.
fn unused(lesson: &Lesson, remarks: &mut Remarks<'_>) {
    let blocks = || lesson.steps.iter().flat_map(|step| &step.blocks);
    let mut lines: Vec<&str> = Vec::new();
    for block in blocks() {
        match block {
            Block::Console(console) => lines.extend(console.commands.iter().map(|c| c.line.as_str())),
            Block::Task(task) => {
                lines.extend(task.solution.iter().map(String::as_str));
                lines.extend(task.check.iter().map(|condition| condition.run.as_str()));
                lines.push(&task.task);
            }
            _ => {}
        }
    }
    let takes_all = lines.iter().any(|line| {
        let mut words = line.split_whitespace();
        words.any(|word| matches!(word, "." | "./" | "-f." | "*.yaml" | "-k"))
    });
    for block in blocks() {
        if let Block::File { name, line, .. } = block
            && !takes_all
            && !lines.iter().any(|text| text.contains(name.as_str()))
        {
            let text = format!("no command uses {name}");
            remarks.all.push(Remark { line: *line, weight: Weight::Warning, text });
        }
    }
}

/// What a learner at a small terminal would see broken in the middle of a word, or not at all.
fn sizes(lesson: &Lesson, remarks: &mut Remarks<'_>) {
    let mut narrow = |line: usize, text: String| remarks.all.push(Remark { line, weight: Weight::Narrow, text });
    let wide = |line: &str, margin: usize| line.chars().count() + margin > COLUMNS;
    for block in lesson.steps.iter().flat_map(|step| &step.blocks) {
        match block {
            Block::File { name, text, line, hidden: false } => {
                for (at, _) in text.lines().enumerate().filter(|(_, text)| wide(text, CODE_MARGIN)) {
                    narrow(line + 1 + at, format!("with its margin, a line of {name} is wider than {COLUMNS} columns"));
                }
            }
            Block::Task(task) => {
                // OBSERVATION: a task is YAML, which keeps no lines: what is too wide is named by its first words.
                for text in task.solution.iter().filter(|text| text.lines().any(|line| wide(line, PROMPT))) {
                    let begin: String = text.chars().take(30).collect();
                    narrow(
                        task_line(lesson, &begin),
                        format!("the solution's {begin:?}... is wider than {COLUMNS} columns"),
                    );
                }
                for (name, text) in &task.files {
                    if let Some(line) = text.lines().find(|line| wide(line, CODE_MARGIN)) {
                        let text = format!("with its margin, a line of {name} is wider than {COLUMNS} columns");
                        narrow(task_line(lesson, line), text);
                    }
                }
            }
            Block::Console(console) if !console.hidden => {
                for command in &console.commands {
                    if command.line.lines().any(|line| wide(line, PROMPT)) {
                        narrow(command.at, format!("the command is wider than {COLUMNS} columns"));
                    }
                    // The guide makes outputs fit; a word that is too long for that is cut.
                    let is_cut = fit(&command.expected, COLUMNS, &BTreeSet::new()).is_some_and(|fitted| fitted.cut);
                    let first = command.expected.lines().position(|line| wide(line, 0)).filter(|_| is_cut);
                    if let Some(at) = first {
                        let lines = command.line.lines().count();
                        narrow(command.at + lines + at, format!("this output does not fit {COLUMNS} columns"));
                    }
                    let lines = command.expected.lines().count();
                    if lines + 2 > LONGEST {
                        narrow(command.at, format!("{lines} lines of output scroll away at {ROWS} lines"));
                    }
                }
            }
            _ => {}
        }
    }
}

/// The line of the file, from 1, in which a text of a task stands; the first where it is folded.
fn task_line(lesson: &Lesson, text: &str) -> usize {
    let first = text.lines().next().unwrap_or_default().trim();
    lesson.source.lines().position(|line| line.contains(first)).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::{Weight, lint};

    #[test]
    fn what_cannot_have_been_meant_is_told_with_its_line() {
        let wide = "x".repeat(90);
        let text = format!(
            "---\ntitle: T\nsummary: S.\nminutes: 5\nafter: [static-pv, nosuch]\n---\n\n## One\n\nSee [a](other.md), [b](#two), [c](#three), \
             [d](https://kubernetes.io) and [e](here.md).\n\n```yaml file=a.yaml\nkind: Pod\nname: {wide}\n```\n\n```yaml file=b.yaml\nkind: Pod\n```\n\n\
             ```bash\nkubectl get pv\n```\n\n```quizz\nquestion: Q\n```\n\n### Deeper\n\n```yaml\napiVersion: v1\n```\n\n## Two\n\n\
             ```console\n$ kubectl apply -f a.yaml\npod/{wide} created\n```\n"
        );
        let lesson = parse("My_Lesson.md", &text).expect("a lesson");
        let remarks = lint(&lesson, |file| file == "here.md", |name| name == "static-pv");
        let shown: Vec<String> = remarks
            .iter()
            .map(|r| format!("{}{} {}", r.line, if r.weight == Weight::Narrow { "n" } else { "" }, r.text))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        1 "My_Lesson" is hard to type: small letters, digits and - make a name
        1 `after` names "nosuch", and there is no such lesson
        10 the link other.md leads nowhere
        10 the link #three leads nowhere
        14n with its margin, a line of a.yaml is wider than 80 columns
        17 no command uses b.yaml
        21 a `bash` block is only shown; a `console` block runs its lines that begin with "$ "
        25 a `quizz` block is only shown; a question is a `quiz` block
        29 a step begins with ##; a deeper heading is only prose
        31 this manifest is only shown: `yaml file=NAME` writes it to the folder
        39n this output does not fit 80 columns
        "#);
    }
}
