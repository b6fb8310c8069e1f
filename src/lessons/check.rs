//! Replays a lesson and compares what its commands print with what it says they print.

use similar::TextDiff;

use super::model::{Block, Command, Lesson, Quiz};
use super::shell::{Reply, Shell};
use super::task::Task;
use crate::error::Failure;

/// Longest table of lines by lines that is searched for the best alignment.
const MAX_CELLS: usize = 4_000_000;

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many commands ran.
    pub commands: usize,
    /// Those that did not answer as expected, in order.
    pub differences: Vec<Difference>,
    /// What is wrong with tasks, hidden commands and questions.
    pub faults: Vec<String>,
}

/// A command that did not answer as the lesson says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Line of the command in the lesson, from 1.
    pub at: usize,
    /// The command.
    pub line: String,
    /// Unified diff from the expected output to the real one; wildcards that matched show what they matched.
    pub diff: String,
}

/// Runs every command of `lesson` in order, hands over each with its reply, and solves the tasks. The answer is what is
/// wrong with tasks and hidden commands.
///
/// # Errors
/// The shell can't go on; a command that fails is no such error.
pub fn replay<'l>(
    lesson: &'l Lesson,
    shell: &mut dyn Shell,
    mut each: impl FnMut(&'l Command, Reply),
) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    for block in lesson.steps.iter().flat_map(|step| &step.blocks) {
        match block {
            Block::Prose(_) | Block::Quiz(_) => {}
            Block::File { name, text, .. } => shell.write_file(name, text)?,
            Block::Console(console) => {
                for command in &console.commands {
                    let reply = shell.run(&command.line);
                    if console.settle {
                        shell.settle()?;
                    }
                    if console.hidden {
                        faults.extend((reply.code != command.exit).then(|| hidden_fault(command, &reply)));
                    } else {
                        each(command, reply);
                    }
                }
            }
            Block::Task(task) => faults.extend(solve(task, shell)?),
        }
    }
    Ok(faults)
}

fn hidden_fault(command: &Command, reply: &Reply) -> String {
    format!("the hidden command \"{}\" (line {}) ends with {}: {}", command.line, command.at, reply.code, reply.output)
}

/// Solves a task as its solution says, and tells what is wrong with it.
fn solve(task: &Task, shell: &mut dyn Shell) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    let title = task.task.lines().next().unwrap_or_default();
    if task.unmet(shell).is_empty() {
        faults.push(format!("the task \"{title}\" is solved before anything is done"));
    }
    for (name, text) in &task.files {
        shell.write_file(name, text)?;
    }
    let mut said = String::new();
    for line in &task.solution {
        let reply = shell.run(line);
        shell.settle()?;
        said += &format!("$ {line}\n{}", reply.output);
    }
    let unmet = task.unmet(shell);
    if !unmet.is_empty() {
        faults.push(format!("the task \"{title}\" is not solved by its solution: {}\n{said}", unmet.join("; ")));
    }
    Ok(faults)
}

/// Replays `lesson` and tells where it differs.
///
/// # Errors
/// The shell can't go on.
pub fn check(lesson: &Lesson, shell: &mut dyn Shell) -> Result<Report, Failure> {
    let mut report = Report { commands: 0, differences: Vec::new(), faults: unreasoned(lesson) };
    let faults = replay(lesson, shell, |command, reply| {
        report.commands += 1;
        report.differences.extend(compare(command, &reply));
    })?;
    report.faults.extend(faults);
    Ok(report)
}

/// Questions that leave a wrong answer without its reason.
pub fn unreasoned(lesson: &Lesson) -> Vec<String> {
    let blocks = lesson.steps.iter().flat_map(|step| &step.blocks);
    let quizzes = blocks.filter_map(|block| match block {
        Block::Quiz(quiz) => Some(quiz),
        _ => None,
    });
    let fault = |quiz: &Quiz| {
        let letters: Vec<&str> = quiz.unreasoned().collect();
        let why = format!("the question \"{}\" does not say why {} is wrong", quiz.question.trim(), letters.join(", "));
        (!letters.is_empty()).then_some(why)
    };
    quizzes.chain(&lesson.front.review).filter_map(fault).collect()
}

/// How `reply` differs from what `command` expects, if it does.
pub fn compare(command: &Command, reply: &Reply) -> Option<Difference> {
    let actual = visible(reply);
    let expected = with_exit(&command.expected, command.exit);
    let pairs = align(&expected, &actual);
    if pairs.iter().all(|p| matches!(p, Pair::Same(..) | Pair::Any(..))) {
        return None;
    }
    let mut wanted = String::new();
    for pair in &pairs {
        let lines: &[&str] = match pair {
            Pair::Same(_, actual) => &[*actual],
            Pair::Any(_, actual) => actual,
            Pair::Missing(expected) => &[*expected],
            Pair::Extra(_) => &[],
        };
        wanted.extend(lines.iter().flat_map(|l| [l, "\n"]));
    }
    let got: String = actual.lines().flat_map(|l| [l, "\n"]).collect();
    let diff = TextDiff::from_lines(&wanted, &got).unified_diff().header("expected", "printed").to_string();
    Some(Difference { at: command.at, line: command.line.clone(), diff })
}

/// A reply as a lesson writes it: without the last newline, with its exit code where that is not 0.
pub fn visible(reply: &Reply) -> String {
    with_exit(reply.output.strip_suffix('\n').unwrap_or(&reply.output), reply.code)
}

pub(super) fn with_exit(output: &str, code: u8) -> String {
    match (code, output) {
        (0, _) => output.to_string(),
        (_, "") => format!("[exit {code}]"),
        _ => format!("{output}\n[exit {code}]"),
    }
}

/// What became of a line of the expected output.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pair<'a> {
    /// It matches this printed line.
    Same(&'a str, &'a str),
    /// It is `...` and stands for these printed lines.
    Any(&'a str, Vec<&'a str>),
    /// Nothing printed matches it.
    Missing(&'a str),
    /// A printed line that was not expected.
    Extra(&'a str),
}

/// Lays the expected output along the printed one so that as few lines as possible differ.
pub(super) fn align<'a>(expected: &'a str, actual: &'a str) -> Vec<Pair<'a>> {
    let expected: Vec<&str> = expected.split('\n').collect();
    let actual: Vec<&str> = actual.split('\n').collect();
    let (rows, columns) = (expected.len(), actual.len());
    if rows.saturating_mul(columns) > MAX_CELLS {
        let missing = expected.into_iter().map(Pair::Missing);
        return missing.chain(actual.into_iter().map(Pair::Extra)).collect();
    }
    // cost[i][j]: lines that differ when expected[i..] meets actual[j..]
    let mut cost = vec![vec![0_usize; columns + 1]; rows + 1];
    for i in (0..=rows).rev() {
        for j in (0..=columns).rev() {
            let any = usize::from(i < rows && expected[i] != "...");
            let mut best = if i == rows && j == columns { 0 } else { usize::MAX };
            if i < rows {
                best = best.min(cost[i + 1][j] + any);
            }
            if j < columns {
                best = best.min(cost[i][j + 1] + if i < rows { any } else { 1 });
            }
            if i < rows && j < columns && any == 1 {
                best = best.min(cost[i + 1][j + 1] + usize::from(!line_matches(expected[i], actual[j])));
            }
            cost[i][j] = best;
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < rows || j < columns {
        if i < rows && expected[i] == "..." {
            let from = j;
            while j < columns && cost[i][j] != cost[i + 1][j] {
                j += 1;
            }
            pairs.push(Pair::Any(expected[i], actual[from..j].to_vec()));
            i += 1;
        } else if i < rows && j < columns && line_matches(expected[i], actual[j]) && cost[i][j] == cost[i + 1][j + 1] {
            pairs.push(Pair::Same(expected[i], actual[j]));
            (i, j) = (i + 1, j + 1);
        } else if i < rows && j < columns && cost[i][j] == cost[i + 1][j + 1] + 1 {
            pairs.extend([Pair::Missing(expected[i]), Pair::Extra(actual[j])]);
            (i, j) = (i + 1, j + 1);
        } else if i < rows && cost[i][j] == cost[i + 1][j] + 1 {
            pairs.push(Pair::Missing(expected[i]));
            i += 1;
        } else {
            pairs.push(Pair::Extra(actual[j]));
            j += 1;
        }
    }
    pairs
}

/// Whether a printed line is the expected one, in which `[..]` stands for anything.
fn line_matches(expected: &str, actual: &str) -> bool {
    let mut parts = expected.split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| actual.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Command, Reply, compare, line_matches};

    fn diff(expected: &str, exit: u8, output: &str, code: u8) -> Option<String> {
        let command =
            Command { line: "kubectl get pv".into(), expected: expected.into(), exit, at: 7, output_range: 0..0 };
        compare(&command, &Reply { output: output.into(), code }).map(|d| d.diff)
    }

    #[test]
    fn wildcards_stand_for_lines_and_parts_of_lines() {
        assert!(line_matches("pv-[..] Bound [..]s", "pv-1 Bound 12s") && line_matches("[..]", ""));
        assert!(!line_matches("pv-[..] Bound", "pv-1 Bound 12s") && !line_matches("ab[..]bc", "abc"));
        assert_eq!(diff("NAME\n...\npv-9   [..]", 0, "NAME\npv-1   x\npv-2   y\npv-9   z\n", 0), None);
        assert_eq!(diff("NAME\n...\npv-9", 0, "NAME\npv-9\n", 0), None);
        assert_eq!(diff("...", 0, "", 0), None);
        assert_eq!(diff("", 0, "", 0), None);
    }

    #[test]
    fn a_diff_shows_only_what_differs() {
        insta::assert_snapshot!(diff("NAME  [..]\nstatic-pv01   Available\n...", 0, "NAME  AGE\nstatic-pv01   Bound\nx\n", 0).unwrap_or_default(), @r"
        --- expected
        +++ printed
        @@ -1,3 +1,3 @@
         NAME  AGE
        -static-pv01   Available
        +static-pv01   Bound
         x
        ");
        insta::assert_snapshot!(diff("No resources found", 0, "Error\n", 1).unwrap_or_default(), @r"
        --- expected
        +++ printed
        @@ -1 +1,2 @@
        -No resources found
        +Error
        +[exit 1]
        ");
        assert!(diff("a ", 0, "a\n", 0).is_some(), "a byte is a byte, blanks at the end of a line too");
    }
}
