//! Markdown laid out for a terminal.

use owo_colors::{OwoColorize, Style};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::parse::options;
use crate::api::printable::printable;

/// Lines longer than this are hard to read, however wide the terminal is.
const MAX_WIDTH: usize = 88;

/// Inline code up to this many characters is not broken over two lines.
const UNBROKEN: usize = 36;

/// `markdown` as text for `width` columns, each line ended by a newline. Without colour, inline
/// code keeps its backquotes.
pub fn render(markdown: &str, width: usize, colour: bool) -> String {
    let mut page = Page { colour, width: width.min(MAX_WIDTH), ..Page::default() };
    let markdown = &printable(markdown);
    for event in Parser::new_ext(markdown, options()) {
        page.event(event);
    }
    page.flush();
    page.out
}

/// `heading` underlined by its place, `2 of 7`.
pub fn heading(heading: &str, place: &str, width: usize, colour: bool) -> String {
    let heading = &printable(heading);
    let width = width.min(MAX_WIDTH);
    let used = heading.chars().count() + place.chars().count();
    let gap = " ".repeat(width.saturating_sub(used).max(2));
    let rule = "─".repeat(width);
    if colour {
        format!("{}{gap}{}\n{}\n", heading.bold(), place.dimmed(), rule.dimmed())
    } else {
        format!("{heading}{gap}{place}\n{rule}\n")
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Look {
    strong: bool,
    emphasis: bool,
    code: bool,
    heading: bool,
}

impl Look {
    fn paint(self, text: &str) -> String {
        let mut style = Style::new();
        if self.code {
            style = style.cyan();
        }
        if self.strong || self.heading {
            style = style.bold();
        }
        if self.emphasis {
            style = style.italic();
        }
        if self == Look::default() { text.to_string() } else { text.style(style).to_string() }
    }
}

/// A character, how it looks, and whether a line may end at it.
type Glyph = (char, Look, bool);

#[derive(Default)]
struct Page {
    colour: bool,
    width: usize,
    out: String,
    look: Look,
    line: Vec<Glyph>,
    /// What stands before the next line and before those after it, from the outside in.
    margins: Vec<(Option<String>, String)>,
    lists: Vec<Option<u64>>,
    link: Option<(String, usize)>,
    code: Option<String>,
    table: Option<Vec<Vec<Vec<Glyph>>>>,
    gap: bool,
}

impl Page {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&printable(&text)),
                None => self.push(&text),
            },
            Event::Code(text) => {
                self.look.code = true;
                let text = if self.colour { text.to_string() } else { format!("`{text}`") };
                self.push(&text);
                self.look.code = false;
            }
            // `<none>` is what kubectl says, and no HTML.
            Event::InlineHtml(text) | Event::Html(text) => self.push(text.trim_end_matches('\n')),
            Event::SoftBreak => self.push(" "),
            Event::HardBreak => self.flush(),
            Event::Rule => {
                self.open();
                self.row(&"─".repeat(self.inner_width()));
                self.gap = true;
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { .. } => {
                self.open();
                self.look.heading = true;
            }
            Tag::Paragraph => self.open(),
            Tag::Strong => self.look.strong = true,
            Tag::Emphasis => self.look.emphasis = true,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.link = Some((dest_url.to_string(), self.line.len()));
            }
            Tag::List(first) => {
                self.flush();
                if self.lists.is_empty() {
                    self.open();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                self.open();
                let bullet = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_string(),
                };
                let rest = " ".repeat(bullet.len());
                self.margins.push((Some(bullet), rest));
            }
            Tag::BlockQuote(_) => {
                self.flush();
                self.open();
                self.margins.push((None, "│ ".to_string()));
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.flush();
                self.open();
                self.code = Some(String::new());
            }
            Tag::Table(_) => {
                self.open();
                self.table = Some(Vec::new());
            }
            Tag::TableHead | Tag::TableRow => {
                self.look.strong = matches!(tag, Tag::TableHead);
                self.table.get_or_insert_default().push(Vec::new());
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                self.flush();
                self.look.heading = false;
                self.gap = true;
            }
            TagEnd::Paragraph => {
                self.flush();
                self.gap = true;
            }
            TagEnd::Strong => self.look.strong = false,
            TagEnd::Emphasis => self.look.emphasis = false,
            TagEnd::Link | TagEnd::Image => self.end_link(),
            TagEnd::List(_) => {
                self.lists.pop();
                self.gap |= self.lists.is_empty();
            }
            TagEnd::Item => {
                self.flush();
                self.margins.pop();
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.margins.pop();
                self.gap = true;
            }
            TagEnd::CodeBlock => {
                for line in self.code.take().unwrap_or_default().lines() {
                    self.row(&format!("    {line}"));
                }
                self.gap = true;
            }
            TagEnd::TableHead => self.look.strong = false,
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line);
                if let Some(row) = self.table.as_mut().and_then(|t| t.last_mut()) {
                    row.push(cell);
                }
            }
            TagEnd::Table => self.end_table(),
            _ => {}
        }
    }

    /// Shows where a link leads, unless its text says so already.
    fn end_link(&mut self) {
        let Some((url, from)) = self.link.take() else { return };
        let text: String = self.line[from.min(self.line.len())..].iter().map(|g| g.0).collect();
        if url.contains("://") && text != url {
            self.push(&format!(" ({url})"));
        }
    }

    fn end_table(&mut self) {
        let rows = self.table.take().unwrap_or_default();
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |n: usize| rows.iter().filter_map(|r| r.get(n)).map(Vec::len).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..columns).map(widest).collect();
        // What is widest gives way first.
        let room = self.inner_width().saturating_sub(3 * columns.saturating_sub(1));
        while widths.iter().sum::<usize>() > room {
            let Some(wide) = widths.iter_mut().rev().max_by_key(|w| **w).filter(|w| **w > 1) else { break };
            *wide -= 1;
        }
        for row in &rows {
            let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| wrap(cell, (*width).max(1))).collect();
            for n in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
                let mut line = String::new();
                for (cell, width) in cells.iter().zip(&widths) {
                    let part = cell.get(n).map_or(&[][..], Vec::as_slice);
                    line.push_str(&self.styled(part));
                    line.push_str(&" ".repeat((width + 3).saturating_sub(part.len())));
                }
                self.row(&line);
            }
        }
        self.gap = true;
    }

    fn push(&mut self, text: &str) {
        // Markdown can write any character (`&#27;`).
        let text = &printable(text);
        let unbroken = self.look.code && text.chars().count() <= UNBROKEN;
        self.line.extend(text.chars().map(|c| (c, self.look, c == ' ' && !unbroken)));
    }

    /// A block begins: an empty line, if one before it asked for it.
    fn open(&mut self) {
        self.flush();
        if std::mem::take(&mut self.gap) && !self.out.is_empty() {
            let quote: String = self.margins.iter().map(|(_, rest)| rest.as_str()).collect();
            self.out.push_str(quote.trim_end());
            self.out.push('\n');
        }
    }

    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return;
        }
        for line in wrap(&line, self.inner_width()) {
            let text = self.styled(&line);
            self.row(&text);
        }
    }

    fn inner_width(&self) -> usize {
        let margin: usize = self.margins.iter().map(|(_, rest)| rest.chars().count()).sum();
        self.width.saturating_sub(margin).max(20)
    }

    fn row(&mut self, text: &str) {
        let margin: String =
            self.margins.iter_mut().map(|(first, rest)| first.take().unwrap_or(rest.clone())).collect();
        self.out.push_str(format!("{margin}{text}").trim_end());
        self.out.push('\n');
    }

    fn styled(&self, line: &[Glyph]) -> String {
        let runs = line.chunk_by(|a, b| a.1 == b.1);
        runs.map(|run| {
            let text: String = run.iter().map(|g| g.0).collect();
            if self.colour { run[0].1.paint(&text) } else { text }
        })
        .collect()
    }
}

/// Breaks a line at blanks so that no part is longer than `width`, where that is possible.
fn wrap(line: &[Glyph], width: usize) -> Vec<Vec<Glyph>> {
    let mut lines: Vec<Vec<Glyph>> = vec![Vec::new()];
    for word in line.split(|g| g.2).filter(|w| !w.is_empty()) {
        let blank = line.iter().find(|g| g.2).copied();
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.extend(word),
            Some(last) if last.len() + 1 + word.len() <= width => {
                let look =
                    if last.last().map(|g| g.1) == word.first().map(|g| g.1) { word[0].1 } else { Look::default() };
                last.extend(blank.map(|(c, _, breaks)| (c, look, breaks)));
                last.extend(word);
            }
            _ => lines.push(word.to_vec()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{heading, render};

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        let evil = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}&#27;[2J&#7;&#x9b;&#x202e;";
        let shown = "^[]0;x^G\\u009b2J\\u202e^[[2J^G\\u009b\\u202e";
        assert_eq!(render(evil, 88, true), format!("{shown}\n"));
        assert_eq!(render(&format!("[a](http://x/{evil})"), 88, true), format!("a (http://x/{shown})\n"));
        for around in [
            "# X",
            "> X",
            "- X",
            "    X",
            "```text\nX\n```",
            "|a|\n|-|\n|X|",
            "<b>X</b>",
            "![X](http://X)",
            "**X**",
            "`X`",
        ] {
            let text = render(&around.replace('X', evil), 88, false);
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{around}: {text:?}");
        }
    }

    #[test]
    fn lays_out_markdown() {
        let text = "# A *claim*\n\nIt asks for **storage** with `kubectl apply -f static-pvc01.yaml`, and [the docs](https://k8s.io/pv) say more.\n\n- one\n- two, which goes on for longer than the line is wide\n  1. inner\n\n> Quoted\n\n```yaml\nkind: Pod\n```\n\n| MODE | means |\n|---|---|\n| RWO | one node may write to the volume at a time |\n| RWX | many |\n";
        insta::assert_snapshot!(render(text, 40, false), @r"
        A claim

        It asks for storage with
        `kubectl apply -f static-pvc01.yaml`,
        and the docs (https://k8s.io/pv) say
        more.

        - one
        - two, which goes on for longer than the
          line is wide
          1. inner

        │ Quoted

            kind: Pod

        MODE   means
        RWO    one node may write to the volume
               at a time
        RWX    many
        ");
        let table = "| group | kinds | who has to know |\n|---|---|---|\n| scratch | emptyDir, and what else there is | nobody |\n";
        insta::assert_snapshot!(render(table, 40, false), @"
        group     kinds           who has to
                                  know
        scratch   emptyDir, and   nobody
                  what else
                  there is
        ");
        assert_eq!(render("it says <unknown>/50%", 40, false), "it says <unknown>/50%\n");
        assert_eq!(render("say `x` **now**", 40, true), "say \u{1b}[36mx\u{1b}[0m \u{1b}[1mnow\u{1b}[0m\n");
        assert_eq!(heading("Scale", "3 of 7", 20, false), "Scale         3 of 7\n────────────────────\n");
    }
}
