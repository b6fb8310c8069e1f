//! Reads a lesson file; what is wrong with it is said with its line.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, OffsetIter, Options, Parser, Tag, TagEnd};

use super::file::{Broken, File, Lines};
use super::model::{Block, Command, Console, Lesson, Quiz, Step};
use super::task::Task;
use crate::api::printable::{is_printable, printable};

/// CommonMark and the tables that code hosts add to it.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH
}

/// Reads the lesson in `source`; `path` gives it its name and is cited in errors.
///
/// # Errors
/// The first thing that keeps it from being a lesson.
pub fn parse(path: &str, source: &str) -> Result<Lesson, Broken> {
    let file = &File::new(path, source);
    let (front, body) = file.front_matter()?;
    let mut reader = Reader { file, intro: String::new(), steps: Vec::new(), read_to: body };
    reader.body(Parser::new_ext(&source[body..], options()).into_offset_iter(), body)?;
    let Reader { intro, steps, .. } = reader;
    if steps.is_empty() {
        return Err(file.broken(source.len(), "a lesson needs at least one step, a heading that starts with \"##\""));
    }
    let stem = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = stem.strip_suffix(".md").unwrap_or(stem).to_string();
    Ok(Lesson { name, path: path.to_string(), source: source.to_string(), front, intro, steps })
}

struct Reader<'a> {
    file: &'a File<'a>,
    intro: String,
    steps: Vec<Step>,
    /// Everything before this offset is in `intro` or `steps`.
    read_to: usize,
}

impl Reader<'_> {
    fn body(&mut self, events: OffsetIter<'_>, start: usize) -> Result<(), Broken> {
        let mut depth = 0;
        let mut heading: Option<Heading> = None;
        for (event, range) in events {
            let range = range.start + start..range.end + start;
            match event {
                Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                    heading = Some(Heading { level, range, text: String::new() });
                    depth += 1;
                }
                Event::End(TagEnd::Heading(_)) => {
                    depth -= 1;
                    if let Some(heading) = heading.take() {
                        self.heading(heading);
                    }
                }
                Event::Text(t) | Event::Code(t) => {
                    if let Some(heading) = &mut heading {
                        heading.text.push_str(&t);
                    }
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    self.fence(&info, range, depth)?;
                    depth += 1;
                }
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                _ => {}
            }
        }
        self.prose(self.file.source.len());
        Ok(())
    }

    fn heading(&mut self, heading: Heading) {
        match heading.level {
            HeadingLevel::H2 => {
                self.prose(heading.range.start);
                let line = self.file.line(heading.range.start);
                self.steps.push(Step {
                    heading: printable(heading.text.trim()).into_owned(),
                    line,
                    blocks: Vec::new(),
                });
                self.read_to = heading.range.end;
            }
            // OBSERVATION: a code host shows no title of its own, so files repeat theirs as `#`.
            HeadingLevel::H1 if self.steps.is_empty() => {
                self.prose(heading.range.start);
                self.read_to = heading.range.end;
            }
            _ => {}
        }
    }

    /// Keeps what lies between the last thing read and `end` as Markdown.
    fn prose(&mut self, end: usize) {
        let text = self.file.source[self.read_to..end].trim();
        if !text.is_empty() {
            match self.steps.last_mut() {
                Some(step) => step.blocks.push(Block::Prose(text.to_string())),
                None if self.intro.is_empty() => self.intro = text.to_string(),
                None => {
                    self.intro.push_str("\n\n");
                    self.intro.push_str(text);
                }
            }
        }
        self.read_to = end;
    }

    fn fence(&mut self, info: &str, range: Range<usize>, depth: usize) -> Result<(), Broken> {
        let file = self.file;
        let (language, attributes) = info.trim().split_once(char::is_whitespace).unwrap_or((info.trim(), ""));
        let attributes: Vec<&str> = attributes.split_whitespace().collect();
        let unknown = |attribute: &str, known: &str| {
            Err(file.broken(range.start, format!("a {language} block doesn't know {attribute:?}; {known}")))
        };
        let hidden = attributes.contains(&"hidden");
        let shown: Vec<&str> = attributes.iter().copied().filter(|a| *a != "hidden").collect();
        let (settle, name) = match (language, shown.as_slice()) {
            ("console", []) => (true, None),
            ("console", ["nosettle"]) => (false, None),
            ("console", [first, ..]) => return unknown(first, "it may be followed by \"nosettle\" or \"hidden\""),
            ("quiz" | "task", []) if !hidden => (true, None),
            ("quiz" | "task", _) => return unknown(attributes[0], "it stands alone"),
            (_, []) if !hidden => return Ok(()),
            ("yaml", [one]) if one.starts_with("file=") => (true, one.strip_prefix("file=")),
            ("yaml", _) => {
                return unknown(attributes[0], "it may be followed by \"file=NAME.yaml\", and that by \"hidden\"");
            }
            (..) => {
                let known = "only yaml, console, quiz and task blocks mean something to a lesson";
                return unknown(attributes[0], known);
            }
        };
        if depth > 0 || self.column(range.start) > 0 {
            return Err(file.broken(range.start, format!("a {language} block must start at the left margin")));
        }
        if self.steps.is_empty() {
            return Err(
                file.broken(range.start, format!("a {language} block must be in a step, below a \"##\" heading"))
            );
        }
        let body = self.fence_body(&range)?;
        self.prose(range.start);
        self.read_to = range.end;
        let block = match (language, name) {
            ("console", _) => Block::Console(Console { settle, hidden, commands: self.commands(body)? }),
            ("quiz", _) => Block::Quiz(self.quiz(body)?),
            ("task", _) => Block::Task(self.task(body)?),
            (_, name) => self.manifest(name.unwrap_or_default(), &range, body, hidden)?,
        };
        if let Some(step) = self.steps.last_mut() {
            step.blocks.push(block);
        }
        Ok(())
    }

    fn column(&self, offset: usize) -> usize {
        offset - self.file.source[..offset].rfind('\n').map_or(0, |n| n + 1)
    }

    /// The bytes between the two fences of the block at `range`.
    fn fence_body(&self, range: &Range<usize>) -> Result<Range<usize>, Broken> {
        let mut lines = Lines { text: &self.file.source[..range.end], at: range.start };
        let Some((_, open)) = lines.next() else { return Ok(range.clone()) };
        let mark = open.chars().next().unwrap_or('`');
        let length = open.chars().take_while(|c| *c == mark).count();
        let from = lines.at;
        let mut to = None;
        for (at, line) in lines {
            let line = line.trim();
            // OBSERVATION: only the block's last line can close it, CommonMark has seen to that.
            to = (line.chars().all(|c| c == mark) && line.len() >= length).then_some(at);
        }
        to.map(|to| from..to).ok_or_else(|| self.file.broken(range.start, "this block is not closed"))
    }

    fn commands(&self, body: Range<usize>) -> Result<Vec<Command>, Broken> {
        let file = self.file;
        let mut commands: Vec<Command> = Vec::new();
        let mut lines = Lines { text: &file.source[..body.end], at: body.start };
        while let Some((at, line)) = lines.next() {
            let typed = match line.strip_prefix("$ ") {
                Some(typed) => typed.trim(),
                None if line.trim_end() == "$" => "",
                None => match commands.last_mut() {
                    // What a terminal shows of a command that goes on.
                    Some(command) if command.output_range.is_empty() && line.strip_prefix("> ").is_some() => {
                        command.line += &format!("\n{}", line.strip_prefix("> ").unwrap_or_default().trim_end());
                        command.output_range = lines.at..lines.at;
                        is_command(&command.line).map_err(|why| file.broken(at, why))?;
                        continue;
                    }
                    Some(command) if command.output_range.is_empty() && line == ">" => {
                        command.line.push('\n');
                        command.output_range = lines.at..lines.at;
                        continue;
                    }
                    Some(command) => {
                        command.output_range.end = lines.at;
                        continue;
                    }
                    None => return Err(file.broken(at, "a console block starts with a command, \"$ kubectl ...\"")),
                },
            };
            is_command(typed).map_err(|why| file.broken(at, why))?;
            commands.push(Command {
                line: typed.to_string(),
                expected: String::new(),
                exit: 0,
                at: file.line(at),
                output_range: lines.at..lines.at,
            });
        }
        if commands.is_empty() {
            return Err(file.broken(body.start, "a console block starts with a command, \"$ kubectl ...\""));
        }
        for command in &mut commands {
            let text = file.source[command.output_range.clone()].replace("\r\n", "\n");
            (command.expected, command.exit) = split_exit(&printable(text.strip_suffix('\n').unwrap_or(&text)));
        }
        Ok(commands)
    }

    fn quiz(&self, body: Range<usize>) -> Result<Quiz, Broken> {
        let quiz: Quiz = self.file.yaml(body.clone(), "the quiz")?;
        quiz.fault().map_or(Ok(()), |fault| Err(self.file.broken(body.start, fault)))?;
        Ok(quiz)
    }

    fn task(&self, body: Range<usize>) -> Result<Task, Broken> {
        let task: Task = self.file.yaml(body.clone(), "the task")?;
        let broken = |message: String| Err(self.file.broken(body.start, message));
        if task.check.is_empty() || task.solution.is_empty() {
            return broken("a task has at least one check, and a solution of at least one command".into());
        }
        if let Some(name) = task.files.keys().find(|name| !is_manifest_name(name)) {
            return broken(format!("{name:?} is no name for a manifest; it looks like \"my-pod.yaml\""));
        }
        let lines = task.solution.iter().chain(task.check.iter().map(|c| &c.run));
        match lines.map(|line| is_command(line)).find_map(Result::err) {
            Some(why) => broken(why),
            None => Ok(task),
        }
    }

    fn manifest(&self, name: &str, range: &Range<usize>, body: Range<usize>, hidden: bool) -> Result<Block, Broken> {
        if !is_manifest_name(name) {
            let message = format!("file={name} is no name for a manifest; it looks like \"file=my-pod.yaml\"");
            return Err(self.file.broken(range.start, message));
        }
        Ok(Block::File {
            name: name.to_string(),
            text: self.file.source[body].replace("\r\n", "\n"),
            line: self.file.line(range.start),
            hidden,
        })
    }
}

/// Whether a line is a command that a lesson may run; if not, why.
fn is_command(line: &str) -> Result<(), String> {
    match line.chars().find(|c| !is_printable(*c) && *c != '\n') {
        Some(c) => Err(format!("a command is made of printable characters, not {c:?}")),
        None if line.trim().is_empty() => Err("a console block starts with a command, \"$ kubectl ...\"".into()),
        None => Ok(()),
    }
}

fn is_manifest_name(name: &str) -> bool {
    let plain = !name.starts_with('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    plain && (name.ends_with(".yaml") || name.ends_with(".yml"))
}

/// `pv,pvc\n[exit 1]` is the output and the exit code.
fn split_exit(text: &str) -> (String, u8) {
    let (rest, last) = text.rsplit_once('\n').unwrap_or(("", text));
    match last.strip_prefix("[exit ").and_then(|l| l.strip_suffix(']')).and_then(|code| code.parse().ok()) {
        Some(code) => (rest.to_string(), code),
        None => (text.to_string(), 0),
    }
}

struct Heading {
    level: HeadingLevel,
    range: Range<usize>,
    text: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert, proptest};

    use super::super::library::lesson;
    use super::super::model::Block;
    use super::super::render::render;
    use super::parse;

    const FRONT: &str = "---\ntitle: T\nsummary: S.\nminutes: 5\n---\n";

    fn broken(text: &str) -> String {
        parse("lessons/x.md", text).expect_err("it should be broken").to_string()
    }

    #[test]
    fn reads_a_lesson() {
        let text = format!(
            "{FRONT}# T\n\nHello.\n\n## One `pv`\n\nWhy.\n\n```yaml file=a.yaml\nkind: Pod\n```\n\n```quiz\nquestion: Q?\noptions:\n  a: No\n  b: Yes\nanswer: b\nwhy: Because.\n```\n```console nosettle\n$ kubectl apply -f a.yaml\npod/a created\n$ kubectl get pv x\nError from server (NotFound): persistentvolumes \"x\" not found\n[exit 1]\n```\n\n## Two\n\nBye.\n"
        );
        let lesson = parse("lessons/x.md", &text).expect("a lesson");
        assert_eq!((lesson.name.as_str(), lesson.intro.as_str()), ("x", "Hello."));
        assert_eq!(lesson.steps.iter().map(|s| s.heading.as_str()).collect::<Vec<_>>(), ["One pv", "Two"]);
        let commands: Vec<_> = lesson.commands().collect();
        assert_eq!(commands[0].1.expected, "pod/a created");
        assert_eq!((commands[1].1.exit, commands[1].1.at), (1, 29));
        assert_eq!(
            &text[commands[1].1.output_range.clone()],
            "Error from server (NotFound): persistentvolumes \"x\" not found\n[exit 1]\n"
        );
        let [Block::Prose(_), Block::File { name, text, .. }, Block::Quiz(quiz), Block::Console(console)] =
            &lesson.steps[0].blocks[..]
        else {
            panic!("{:?}", lesson.steps[0].blocks)
        };
        assert_eq!((name.as_str(), text.as_str(), quiz.right()), ("a.yaml", "kind: Pod\n", "Yes"));
        assert!(!console.settle);
    }

    #[test]
    fn reads_windows_line_ends_alike() {
        let text = format!("{FRONT}## One\n```console\n$ kubectl get pv\nNo resources found\n```\n");
        let windows = parse("x.md", &text.replace('\n', "\r\n")).expect("a lesson");
        let unix = parse("x.md", &text).expect("a lesson");
        let line =
            |l: &super::Lesson| l.commands().map(|(_, c)| (c.line.clone(), c.expected.clone())).collect::<Vec<_>>();
        assert_eq!(line(&windows), line(&unix));
    }

    #[test]
    fn names_the_line_of_what_is_wrong() {
        assert_eq!(
            broken("# No front matter\n"),
            "lessons/x.md:1: a lesson starts with its front matter, YAML between two lines \"---\""
        );
        assert_eq!(broken("---\ntitle: T\n"), "lessons/x.md:1: the front matter is not closed by a line \"---\"");
        assert_eq!(
            broken("---\ntitle: T\nminuts: 3\n---\n"),
            "lessons/x.md:3: the front matter can't be read: unknown field `minuts`, expected one of `title`, `summary`, `minutes`, `cluster`, `seed`, `kubernetesVersion`, `watch`, `after`, `learnt`, `review`"
        );
        assert_eq!(
            broken(FRONT),
            "lessons/x.md:5: a lesson needs at least one step, a heading that starts with \"##\""
        );
        let step = format!("{FRONT}\n## One\n\n");
        assert_eq!(
            broken(&format!("{step}```console settle\n$ kubectl get pv\n```\n")),
            "lessons/x.md:9: a console block doesn't know \"settle\"; it may be followed by \"nosettle\" or \"hidden\""
        );
        assert_eq!(
            broken(&format!("{step}```console\nkubectl get pv\n```\n")),
            "lessons/x.md:10: a console block starts with a command, \"$ kubectl ...\""
        );
        assert_eq!(
            broken(&format!("{step}```console\n$ kubectl get pv\n")),
            "lessons/x.md:9: this block is not closed"
        );
        assert_eq!(
            broken(&format!("{step}```console\n$ ls \u{1b}[2J\n```\n")),
            "lessons/x.md:10: a command is made of printable characters, not '\\u{1b}'"
        );
        assert_eq!(
            broken(&format!("{step}```yaml file=../a.yaml\nkind: Pod\n```\n")),
            "lessons/x.md:9: file=../a.yaml is no name for a manifest; it looks like \"file=my-pod.yaml\""
        );
        assert_eq!(
            broken(&format!("{step}- ```console\n  $ kubectl get pv\n  ```\n")),
            "lessons/x.md:9: a console block must start at the left margin"
        );
        assert_eq!(
            broken(&format!("{step}```quiz\nquestion: Q\noptions: {{a: x, b: y}}\nanswer: c\nwhy: w\n```\n")),
            "lessons/x.md:10: the quiz's answer \"c\" is none of its options"
        );
        assert_eq!(
            broken(&format!("{step}```quiz\nquestion: [q]\n```\n")),
            "lessons/x.md:10: the quiz can't be read: question: invalid type: sequence, expected a string"
        );
        let deep = "[".repeat(100_000);
        assert_eq!(
            broken(&format!("---\ntitle: {deep}\n---\n")),
            "lessons/x.md:2: the front matter can't be read: its brackets nest too deep"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_damage_makes_it_panic(from in 0.0..1.0, length in 0_usize..400, put in "[-`~#$> \\n\\[\\].a\u{e9}]{0,6}") {
            let text: Vec<char> = lesson("dynamic-pvc").unwrap_or_default().chars().collect();
            let from = (text.len() as f64 * from) as usize;
            let to = (from + length).min(text.len());
            let damaged: String = text[..from].iter().copied().chain(put.chars()).chain(text[to..].iter().copied()).collect();
            if let Ok(lesson) = parse("x.md", &damaged) {
                for (_, command) in lesson.commands() {
                    prop_assert!(damaged.get(command.output_range.clone()).is_some());
                }
                for width in [1, 40] {
                    render(&damaged, width, true);
                }
            }
        }
    }
}
