//! As much of a shell as the recorded sessions need: `;`, `&&`, quotes, and a pipe into or out of kubectl.

use std::fs;
use std::path::{Path, PathBuf};

use kstate::api::{Duration, Time};
use kstate::cli;
use kstate::server::Server;
use kstate::sim::{ClockMode, Cluster, Config};
use kstate::ui::Ui;

/// A cluster of its own on a manual clock, and a folder with the case's files.
pub struct Shell {
    server: Server,
    folder: PathBuf,
}

impl Shell {
    pub fn new(case: &Path) -> Shell {
        Shell::of_version(case, Config::default().version)
    }

    /// The same, on a cluster of Kubernetes v1.`minor`.
    pub fn of_version(case: &Path, minor: u32) -> Shell {
        Shell::with(case, Config { version: minor, ..Config::default() })
    }

    /// The same, on a cluster made with these settings; its clock is manual all the same.
    pub fn with(case: &Path, config: Config) -> Shell {
        let config = Config { clock: ClockMode::Manual, ..config };
        let cluster = Cluster::new_in_memory(config, Time::default()).expect("a new cluster");
        Shell { server: Server::over(cluster), folder: case.to_path_buf() }
    }

    pub fn settle(&mut self) {
        self.on_cluster(|c| c.settle().expect("to settle"));
    }

    pub fn advance(&mut self, span: Duration) {
        self.on_cluster(|c| c.advance(span).expect("to advance"));
    }

    pub fn set_kubelet(&mut self, node: &str, running: bool) {
        self.on_cluster(|c| {
            c.set_kubelet(node, running).expect("a node");
            c.converge().expect("to converge");
        });
    }

    /// Runs one command of ours with a text as its input: what it prints.
    pub fn feed(&mut self, line: &str, input: &str) -> String {
        self.stage(line, Some(input.to_string())).map(|(out, ..)| out).expect("a command of ours")
    }

    /// The same, with the exit code.
    pub fn feed_for(&mut self, line: &str, input: &str) -> (String, u8) {
        self.stage(line, Some(input.to_string())).map(|(out, _, code)| (out, code)).expect("a command of ours")
    }

    /// Runs a line as if somebody sat at the terminal and typed those lines; after the last one he ends the input.
    pub fn typing(&mut self, line: &str, typed: &[&str]) -> String {
        let words: Vec<String> = line.split(' ').map(String::from).collect();
        let ui = Ui::captured().answering(typed);
        let code = cli::run_on(&words, &ui, &mut self.server, &self.folder);
        let end = if code == 0 { String::new() } else { format!("[exit {code}]\n") };
        format!("$ {line}\n{}{end}", ui.take())
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.server.cluster().revision()
    }

    fn on_cluster(&mut self, f: impl FnOnce(&mut Cluster)) {
        let cluster = self.server.cluster_mut();
        cluster.begin(true, Time::default()).expect("to begin");
        f(cluster);
        cluster.commit().expect("to commit");
    }

    /// Replaces `@(COMMAND)@` by what the command prints.
    pub fn substitute(&mut self, line: &str) -> String {
        let mut line = line.to_string();
        while let Some((start, rest)) = line.split_once("@(").map(|(s, r)| (s.to_string(), r.to_string())) {
            let Some((command, end)) = rest.split_once(")@") else { break };
            let answer = self.run(command).map(|(o, _)| o).unwrap_or_default();
            line = format!("{start}{}{end}", answer.trim());
        }
        line
    }

    /// Runs a line: its output, both streams together, and its exit code. None when it needs a program that is
    /// not ours.
    pub fn run(&mut self, line: &str) -> Option<(String, u8)> {
        let (mut output, mut code) = (String::new(), 0);
        for (separator, part) in split(line) {
            let skip = separator == "&&" && code != 0;
            if !skip {
                let (text, exit) = self.pipeline(part.trim())?;
                output.push_str(&text);
                code = exit;
            }
        }
        Some((output, code))
    }

    fn pipeline(&mut self, line: &str) -> Option<(String, u8)> {
        let mut stages = split_at(line, &["|"]).into_iter().map(|(_, s)| s.trim().to_string());
        let first = stages.next()?;
        let (mut text, mut errors, mut code) = self.stage(&first, None)?;
        for stage in stages {
            let (out, err, exit) = self.stage(&stage, Some(text))?;
            (text, code) = (out, exit);
            errors.push_str(&err);
        }
        Some((format!("{errors}{text}"), code))
    }

    /// One command: standard output, standard error, exit code. Alone, both streams are in the order of printing.
    fn stage(&mut self, line: &str, input: Option<String>) -> Option<(String, String, u8)> {
        let mut words = words(line);
        if words.first().map(String::as_str) == Some("timeout") {
            words.drain(..2);
        }
        let name = words.first()?.as_str();
        match (name, input) {
            ("kubectl" | "kstate", input) => {
                let ui = Ui::captured().with_input(input.as_deref().unwrap_or_default());
                let code = cli::run_on(&words, &ui, &mut self.server, &self.folder);
                Some((ui.take(), String::new(), code))
            }
            ("cat", None) => {
                let text = words.iter().skip(1).map(|f| fs::read_to_string(self.folder.join(f)).ok());
                Some((text.collect::<Option<String>>()?, String::new(), 0))
            }
            ("echo", None) => Some((format!("{}\n", words[1..].join(" ")), String::new(), 0)),
            ("grep", Some(input)) => grep(&words[1..], &input),
            ("awk", Some(input)) => awk(words.get(1)?, &input),
            _ => None,
        }
    }
}

/// `grep` with a fixed text, and `-q`; anything else is not ours.
fn grep(words: &[String], input: &str) -> Option<(String, String, u8)> {
    let quiet = words.iter().any(|w| w == "-q");
    let [pattern] = words.iter().filter(|w| *w != "-q").collect::<Vec<_>>()[..] else { return None };
    if pattern.starts_with('-') || pattern.contains(['[', '*', '\\', '^', '$']) {
        return None;
    }
    let found: String = input.lines().filter(|l| l.contains(pattern.as_str())).map(|l| format!("{l}\n")).collect();
    let code = u8::from(found.is_empty());
    Some((if quiet { String::new() } else { found }, String::new(), code))
}

/// `awk 'NR==1 || /TEXT/'`: the first line and those with a text.
fn awk(program: &str, input: &str) -> Option<(String, String, u8)> {
    let text = program.strip_prefix("NR==1 ||")?.trim().strip_prefix('/')?.strip_suffix('/')?;
    let lines = input.lines().enumerate().filter(|(n, line)| *n == 0 || line.contains(text));
    Some((lines.map(|(_, line)| format!("{line}\n")).collect(), String::new(), 0))
}

/// The commands of a line with the separator before each.
fn split(line: &str) -> Vec<(&'static str, String)> {
    split_at(line, &["&&", ";"])
}

fn split_at(line: &str, separators: &[&'static str]) -> Vec<(&'static str, String)> {
    let mut parts = vec![("", String::new())];
    let (mut quote, mut rest) = (None, line);
    while let Some(c) = rest.chars().next() {
        let found = separators.iter().find(|s| quote.is_none() && rest.starts_with(**s));
        if let Some(separator) = found {
            parts.push((separator, String::new()));
            rest = &rest[separator.len()..];
            continue;
        }
        match quote {
            Some(q) if q == c => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            _ => {}
        }
        parts.last_mut().expect("a part").1.push(c);
        rest = &rest[c.len_utf8()..];
    }
    parts
}

/// Splits into words as a shell does; quotes group, a backslash outside single quotes keeps the next character.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut open) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (open, c) {
            (Some(q), c) if c == q => open = None,
            (None, '\'' | '"') => {
                open = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some('"'), '\\') => {
                let next = chars.next();
                let kept = next.is_none_or(|n| !"$`\"\\".contains(n)).then_some('\\');
                word.get_or_insert_default().extend(kept.into_iter().chain(next));
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
