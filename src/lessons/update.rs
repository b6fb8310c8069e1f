//! Writes a lesson's output blocks anew from what its commands really print, and nothing else.

use super::check::{Pair, align, visible, with_exit};
use super::model::{Command, Lesson};
use super::shell::Reply;
use crate::error::Failure;

/// The lesson's source with each output replaced by what its command printed; `replies` come in the
/// order of the commands. An output that matches stays as it is, and so do wildcards that matched.
///
/// # Errors
/// An output can't stand in a fenced block.
pub fn update(lesson: &Lesson, replies: &[Reply]) -> Result<String, Failure> {
    let newline = if lesson.source.contains("\r\n") { "\r\n" } else { "\n" };
    let mut text = String::with_capacity(lesson.source.len());
    let mut from = 0;
    for ((_, command), reply) in lesson.commands().zip(replies) {
        text.push_str(&lesson.source[from..command.output_range.start]);
        let lines = rewritten(command, reply);
        if let Some(line) = misread(lines.iter().map(String::as_str)) {
            let (path, at, command) = (&lesson.path, command.at, &command.line);
            return Err(Failure::error(format!(
                "{path}:{at}: {command:?} prints a line that can't stand in a console block: {line}"
            )));
        }
        for line in lines {
            text.push_str(&line);
            text.push_str(newline);
        }
        from = command.output_range.end;
    }
    text.push_str(&lesson.source[from..]);
    Ok(text)
}

/// The first line of an output that a console block would take for something else.
pub fn misread<'a>(output: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_misread = |(number, line): &(usize, &str)| {
        let goes_on = *number == 0 && (line.starts_with("> ") || *line == ">");
        goes_on || line.starts_with("```") || line.starts_with("~~~") || line.starts_with("$ ")
    };
    output.into_iter().enumerate().find(is_misread).map(|(_, line)| line)
}

fn rewritten(command: &Command, reply: &Reply) -> Vec<String> {
    let expected = with_exit(&command.expected, command.exit);
    let actual = visible(reply);
    let mut lines: Vec<String> = Vec::new();
    for pair in align(&expected, &actual) {
        match pair {
            Pair::Same(expected, _) | Pair::Any(expected, _) => lines.push(expected.to_string()),
            Pair::Extra(actual) => lines.push(actual.to_string()),
            Pair::Missing(_) => {}
        }
    }
    // OBSERVATION: an empty text is one empty line to `split`, but no line of a block.
    if lines == [""] { Vec::new() } else { lines }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::super::shell::Reply;
    use super::update;

    #[test]
    fn rewrites_the_outputs_and_nothing_else() {
        let text = "---\ntitle: T\nsummary: S.\nminutes: 5\n---\n\n## One\n\nA  `b`\n\n```console\n$ kubectl a\nold\n$ kubectl b\n$ kubectl c\nNAME  [..]\n...\nend\n[exit 1]\n```\n\n*  tail\n";
        let lesson = parse("x.md", text).expect("a lesson");
        let reply = |output: &str, code| Reply { output: output.into(), code };
        let replies = [reply("new\nlines\n", 0), reply("b\n", 3), reply("NAME  AGE\n1\n2\nEND\n", 1)];
        let updated = update(&lesson, &replies).expect("an update");
        assert_eq!(
            updated,
            text.replace("old\n$ kubectl b\n", "new\nlines\n$ kubectl b\nb\n[exit 3]\n").replace("end\n", "END\n")
        );
        let again = parse("x.md", &updated).expect("a lesson");
        assert_eq!(update(&again, &replies).as_deref(), Ok(updated.as_str()));
    }
}
