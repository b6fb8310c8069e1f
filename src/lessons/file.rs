//! A lesson file as text: its lines, its front matter, and what is wrong with it, said with the line.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;

use super::model::{FrontMatter, Quiz};
use crate::api::Kind;
use crate::api::printable::printable;
use crate::server::{check_nodes, parse_version};

/// The first thing that is wrong with a lesson file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The file, as it was given.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, printable(&self.message))
    }
}

impl std::error::Error for Broken {}

/// A lesson file, and where its lines begin.
pub(super) struct File<'a> {
    path: &'a str,
    pub(super) source: &'a str,
    starts: Vec<usize>,
}

/// How deep the brackets of a lesson's YAML may nest.
const DEEPEST: usize = 64;

impl<'a> File<'a> {
    pub(super) fn new(path: &'a str, source: &'a str) -> File<'a> {
        let starts = source.match_indices('\n').map(|(at, _)| at + 1).collect();
        File { path, source, starts }
    }

    /// The line of an offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        1 + self.starts.partition_point(|start| *start <= offset)
    }

    pub(super) fn broken(&self, offset: usize, message: impl Into<String>) -> Broken {
        let offset = offset.min(self.source.trim_end().len());
        Broken { path: self.path.to_string(), line: self.line(offset), message: message.into() }
    }

    /// The front matter and the offset at which the Markdown starts.
    pub(super) fn front_matter(&self) -> Result<(FrontMatter, usize), Broken> {
        let missing = "a lesson starts with its front matter, YAML between two lines \"---\"";
        let start = if self.source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut lines = Lines { text: self.source, at: start };
        match lines.next() {
            Some((_, line)) if line.trim_end() == "---" => {}
            _ => return Err(self.broken(0, missing)),
        }
        let from = lines.at;
        while let Some((at, line)) = lines.next() {
            if line.trim_end() != "---" {
                continue;
            }
            let front: FrontMatter = self.yaml(from..at, "the front matter")?;
            self.check_front(&front, from)?;
            return Ok((front, lines.at));
        }
        Err(self.broken(0, "the front matter is not closed by a line \"---\""))
    }

    fn check_front(&self, front: &FrontMatter, at: usize) -> Result<(), Broken> {
        parse_version(&front.kubernetes_version).map_err(|fault| self.broken(at, fault))?;
        if front.cluster.nodes.as_ref().is_some_and(Vec::is_empty) {
            return Err(self.broken(at, "cluster.nodes is empty; leave it out for the usual three nodes"));
        }
        check_nodes(front.cluster.nodes.as_deref().unwrap_or_default()).map_err(|fault| self.broken(at, fault))?;
        if let Some(fault) = front.review.iter().find_map(Quiz::fault) {
            return Err(self.broken(at, format!("review: {fault}")));
        }
        let is_kind = |name: &String| name == "all" || Kind::ALL.iter().any(|kind| kind.is_called(name));
        match front.watch.iter().find(|name| !is_kind(name)) {
            Some(unknown) => Err(self.broken(at, format!("watch: there is no kind {unknown:?}"))),
            None => Ok(()),
        }
    }

    /// Reads a part of the file that is YAML.
    pub(super) fn yaml<T: DeserializeOwned>(&self, range: Range<usize>, what: &str) -> Result<T, Broken> {
        let (from, text) = (range.start, &self.source[range]);
        let mut depth = 0_usize;
        for (at, c) in text.char_indices() {
            match c {
                '[' | '{' => depth += 1,
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            // OBSERVATION: the parser's work grows with the square of the depth.
            if depth > DEEPEST {
                return Err(self.broken(from + at, format!("{what} can't be read: its brackets nest too deep")));
            }
        }
        serde_yaml::from_str(text).map_err(|e| self.bad_yaml(from, what, &e))
    }

    fn bad_yaml(&self, from: usize, what: &str, e: &serde_yaml::Error) -> Broken {
        let line = self.line(from) + e.location().map_or(0, |l| l.line().saturating_sub(1));
        let text = e.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        Broken { path: self.path.to_string(), line, message: format!("{what} can't be read: {text}") }
    }
}

/// Lines without their ends, each with the offset at which it starts.
pub(super) struct Lines<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let from = self.at;
        let rest = &self.text[from..];
        if rest.is_empty() {
            return None;
        }
        let length = rest.find('\n').unwrap_or(rest.len());
        self.at = (from + length + 1).min(self.text.len());
        let line = &rest[..length];
        Some((from, line.strip_suffix('\r').unwrap_or(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::File;

    #[test]
    fn knows_the_line_of_each_offset() {
        let source = "a\n\nbc\n";
        let file = File::new("x.md", source);
        let lines: Vec<usize> = (0..=source.len()).map(|at| file.line(at)).collect();
        assert_eq!(lines, [1, 1, 2, 3, 3, 3, 4]);
    }
}
