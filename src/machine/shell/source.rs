//! Where commands come from: a script's text, `-c`, standard input, `eval`, a sourced file, a trap.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ast::Unit;
use super::lex::{Dialect, Fault, Parser, SyntaxError};
use super::vm::{Act, Flow, Kind};
use super::{Flavor, Shell};
use crate::machine::kernel::desk::Prompt;
use crate::machine::kernel::sys::Seek;
use crate::machine::kernel::{Fd, Input, Signal, Sys, Turn, Wait};

/// Text that is parsed command by command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Source {
    pub text: String,
    pub pos: usize,
    pub line: u32,
    pub what: What,
    /// Where more text comes from.
    pub fd: Option<Fd>,
    /// Whether a prompt is out and nothing has come yet.
    pub prompted: bool,
}

/// What a text is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum What {
    /// The script, or what `-c` gave.
    Main,
    /// `eval`
    Eval,
    /// `. file`, with the arguments that it covers.
    Dot(Option<Arc<Vec<String>>>),
    /// A trap's command: the status that it began with.
    Trap(u8),
    ExitTrap,
    /// A file that is read when the shell begins.
    Profile,
}

impl Source {
    pub fn new(text: String, what: What) -> Source {
        Source { text, pos: 0, line: 1, what, fd: None, prompted: false }
    }

    pub fn act(self) -> Act {
        Act { kind: Kind::Source(Box::new(self)), unit: Arc::new(Unit::default()), frames: Vec::new() }
    }

    /// Whether nothing but blanks is left, and what was there came with `-c`.
    pub fn is_last(&self) -> bool {
        matches!(self.what, What::Main) && self.fd.is_none() && self.rest().trim().is_empty()
    }

    fn rest(&self) -> &str {
        self.text.get(self.pos..).unwrap_or("")
    }
}

impl Shell {
    /// Whether commands come from standard input.
    pub(super) fn is_from_stdin(&self) -> bool {
        matches!(self.acts.first().map(|a| &a.kind), Some(Kind::Source(s)) if s.fd == Some(0)) || self.options.stdin
    }

    fn dialect(&self, more: bool) -> Dialect {
        let aliases = !self.aliases.is_empty() && (!self.bash() || self.shopt("expand_aliases"));
        Dialect {
            flavor: self.flavor,
            extglob: self.shopt("extglob"),
            aliases: aliases.then(|| self.aliases.clone()),
            utf8: self.is_utf8(),
            more,
        }
    }

    /// Whether the locale's characters are UTF-8's.
    pub(super) fn is_utf8(&self) -> bool {
        let set = |name: &&str| self.vars.get(name).is_some_and(|v| !v.is_empty());
        let name = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(set);
        let locale = name.and_then(|n| self.vars.get(n)).unwrap_or("").to_ascii_lowercase();
        self.flavor == Flavor::Ash || locale.contains("utf-8") || locale.contains("utf8")
    }

    /// What it waits for where somebody types its commands, and nothing of the last one is left to do.
    pub(crate) fn prompted(&self) -> Option<Prompt> {
        let [act] = self.acts.as_slice() else { return None };
        let Kind::Source(source) = &act.kind else { return None };
        let waits = source.fd == Some(0) && source.prompted && act.frames.is_empty();
        waits.then(|| Prompt { continued: !source.rest().trim().is_empty(), status: self.status })
    }

    fn source(&mut self) -> Option<&mut Source> {
        match self.acts.last_mut().map(|a| &mut a.kind) {
            Some(Kind::Source(source)) => Some(source),
            _ => None,
        }
    }

    /// Parses the next command of the text on top and begins it.
    pub(super) fn next_command(&mut self, sys: &mut Sys<'_>) -> Flow {
        self.close_processes(sys);
        let Some(source) = self.source() else { return Flow::Go };
        let has_line = source.rest().contains('\n');
        if source.fd.is_some() && !has_line {
            return self.read_more(sys, false);
        }
        let more = source.fd.is_some();
        let dialect = self.dialect(more);
        let Some(source) = self.source() else { return Flow::Go };
        let text = std::mem::take(&mut source.text);
        let (pos, line) = (source.pos, source.line);
        let mut parser = Parser::new(text.get(pos..).unwrap_or(""), line, dialect);
        let parsed = parser.complete();
        let used = (parser.pos as isize - parser.grown).max(0) as usize;
        let used = if parser.token.is_some() { (parser.span.0 as isize - parser.grown).max(0) as usize } else { used };
        let (next_line, docs) =
            (if parser.token.is_some() { parser.span.2 } else { parser.line }, std::mem::take(&mut parser.open_docs));
        drop(parser);
        let raw =
            if self.options.verbose { text.get(pos..pos + used).unwrap_or("").to_string() } else { String::new() };
        let Some(source) = self.source() else { return Flow::Go };
        source.text = text;
        match parsed {
            Err(fault) if fault.at_end && more => self.read_more(sys, true),
            Err(fault) => {
                self.echo_input(sys, &raw);
                self.syntax_error(sys, &fault)
            }
            Ok(None) if more => {
                (source.pos, source.line) = (pos + used, next_line);
                self.read_more(sys, false)
            }
            Ok(None) => {
                self.echo_input(sys, &raw);
                self.leave(sys);
                Flow::Go
            }
            Ok(Some(unit)) => {
                (source.pos, source.line) = (pos + used, next_line);
                source.prompted = false;
                if source.fd.is_some() {
                    source.text.drain(..source.pos.min(source.text.len()));
                    source.pos = 0;
                }
                self.echo_input(sys, &raw);
                let list = match unit.node(unit.root) {
                    super::ast::Node::List(items) => items.iter().all(|i| !i.background),
                    _ => false,
                };
                self.lone = self.from_c && !list;
                if self.bash() {
                    for (at, from, word) in docs {
                        self.line = at;
                        self.complain(
                            sys,
                            format!(
                                "warning: here-document at line {} delimited by end-of-file (wanted `{word}')",
                                from.saturating_sub(1)
                            ),
                        );
                    }
                }
                let Some(act) = self.acts.last_mut() else { return Flow::Go };
                act.frames.push(super::vm::Frame::Run(unit.root));
                act.unit = unit;
                Flow::Go
            }
        }
    }

    /// `set -v`
    fn echo_input(&mut self, sys: &mut Sys<'_>, raw: &str) {
        if !raw.is_empty() {
            sys.err(raw);
        }
    }

    /// Reads more of the script, after a prompt where somebody types it.
    fn read_more(&mut self, sys: &mut Sys<'_>, continued: bool) -> Flow {
        let interactive = self.options.interactive;
        let bash = self.bash();
        let Some(source) = self.source() else { return Flow::Go };
        let Some(fd) = source.fd else { return Flow::Go };
        let prompted = std::mem::replace(&mut source.prompted, true);
        if interactive && !prompted {
            self.notify_jobs(sys);
            let text = self.prompt_text(sys, continued);
            sys.err(text);
        }
        let is_file = sys.seek(fd, Seek::Current(0)).is_ok();
        // bash leaves to its children what comes after the line at hand; the others read ahead.
        let max = if bash && !is_file { 1 } else { 8192 };
        let mut line = Vec::new();
        let ended = loop {
            match sys.read(fd, max) {
                Ok(Input::Bytes(bytes)) => line.extend(bytes),
                Ok(Input::Wait) if line.is_empty() => return Flow::Turn(Turn::Wait(Wait::input(fd))),
                Ok(Input::Wait) => break false,
                Ok(Input::End) | Err(_) => break true,
            }
            if line.contains(&b'\n') || line.len() > 65536 {
                break false;
            }
        };
        if is_file && bash {
            let end = line.iter().position(|b| *b == b'\n').map_or(line.len(), |i| i + 1);
            let _ = sys.seek(fd, Seek::Current(end as i64 - line.len() as i64));
            line.truncate(end);
        }
        let Some(source) = self.source() else { return Flow::Go };
        source.text.push_str(&String::from_utf8_lossy(&line));
        if line.contains(&b'\n') {
            source.prompted = false;
        }
        if ended && line.is_empty() {
            // The end: what is there is all.
            source.fd = None;
            if interactive && source.rest().trim().is_empty() {
                sys.err(if bash { "exit\n" } else { "\n" });
            }
        }
        Flow::Yield
    }

    pub(super) fn syntax_error(&mut self, sys: &mut Sys<'_>, fault: &SyntaxError) -> Flow {
        let what = self.source().map(|s| s.what.clone()).unwrap_or(What::Main);
        self.line = fault.line;
        let text = self.syntax_text(fault);
        match self.flavor {
            Flavor::Bash => {
                let by = match what {
                    What::Eval => format!("{}: eval: line {}: ", self.name, fault.line),
                    What::Dot(_) => {
                        format!("{}: line {}: ", self.calls.last().map_or("", |c| c.source.as_str()), fault.line)
                    }
                    _ if self.from_c => format!("{}: -c: line {}: ", self.name, fault.line),
                    _ if self.options.interactive => format!("{}: ", self.name),
                    _ => format!("{}: line {}: ", self.name, fault.line),
                };
                sys.err(format!("{by}{text}\n"));
                if matches!(fault.what, Fault::Unexpected(..)) && !self.options.interactive {
                    sys.err(format!("{by}`{}'\n", fault.source));
                }
            }
            _ => {
                self.builtin = None;
                let from_c = self.from_c;
                self.from_c &= self.flavor == Flavor::Ash;
                self.complain(sys, text);
                self.from_c = from_c;
            }
        }
        self.status = 2;
        if self.options.interactive {
            self.give_up(sys);
            if let Some(source) = self.source() {
                source.text.clear();
                source.pos = 0;
            }
            return Flow::Go;
        }
        match what {
            // bash goes on after the `eval`, with its failure.
            What::Eval | What::Dot(_) | What::Trap(_) | What::Profile if self.bash() => {
                let status = if fault.what == Fault::Unterminated("(") { 1 } else { 2 };
                self.leave(sys);
                self.status = status;
                Flow::Go
            }
            _ if self.bash() && fault.what == Fault::Unterminated("(") => self.exit(sys, 1),
            _ => self.exit(sys, 2),
        }
    }

    fn syntax_text(&self, fault: &SyntaxError) -> String {
        let quote = |name: &str| format!("\"{}\"", name);
        match (self.flavor, &fault.what) {
            (Flavor::Bash, Fault::Unexpected(token, _)) => {
                format!("syntax error near unexpected token `{}'", token.trim_matches('"'))
            }
            (Flavor::Bash, Fault::End(_)) => "syntax error: unexpected end of file".into(),
            (Flavor::Bash, Fault::Unterminated(what)) => {
                let what = if *what == "(" { ")" } else { what };
                format!("unexpected EOF while looking for matching `{what}'")
            }
            (Flavor::Bash, Fault::Other(text)) => {
                if text.starts_with('`') {
                    text.clone()
                } else {
                    format!("syntax error: {text}")
                }
            }
            (Flavor::Dash, Fault::Unexpected(token, expected)) => {
                let expected = expected.map(|e| format!(" (expecting {})", quote(e))).unwrap_or_default();
                format!("Syntax error: {token} unexpected{expected}")
            }
            (Flavor::Dash, Fault::End(expected)) => {
                let expected = expected.map(|e| format!(" (expecting {})", quote(e))).unwrap_or_default();
                format!("Syntax error: end of file unexpected{expected}")
            }
            (Flavor::Dash, Fault::Unterminated(what)) => match *what {
                "`" => "Syntax error: EOF in backquote substitution".into(),
                "}" => "Syntax error: Missing '}'".into(),
                ")" => "Syntax error: Missing '))'".into(),
                _ => "Syntax error: Unterminated quoted string".into(),
            },
            (Flavor::Dash, Fault::Other(text)) => format!("Syntax error: {text}"),
            (Flavor::Ash, Fault::Unexpected(token, expected)) => {
                let expected = expected.map(|e| format!(" (expecting {})", quote(e))).unwrap_or_default();
                format!("syntax error: unexpected {token}{expected}")
            }
            (Flavor::Ash, Fault::End(expected)) => {
                let expected = expected.map(|e| format!(" (expecting {})", quote(e))).unwrap_or_default();
                format!("syntax error: unexpected end of file{expected}")
            }
            (Flavor::Ash, Fault::Unterminated(what)) => match *what {
                "`" => "syntax error: EOF in backquote substitution".into(),
                "}" => "syntax error: missing '}'".into(),
                ")" => "syntax error: missing '))'".into(),
                _ => "syntax error: unterminated quoted string".into(),
            },
            (Flavor::Ash, Fault::Other(text)) => format!("syntax error: {text}"),
        }
    }

    /// A text is through.
    pub(super) fn source_ended(&mut self, _sys: &mut Sys<'_>, source: &Source) {
        match &source.what {
            What::Dot(args) => {
                if let Some(args) = args {
                    self.args = args.clone();
                }
                Arc::make_mut(&mut self.calls).pop();
            }
            What::Trap(status) => {
                self.status = *status;
                self.in_trap = false;
            }
            What::ExitTrap => self.status = self.exit_status.unwrap_or(self.status),
            _ => {}
        }
    }

    /// Runs the trap of a signal that came; whether there was one.
    pub(super) fn run_trap(&mut self) -> bool {
        let signal: Signal = self.caught.remove(0);
        let text = self.traps.get(signal.name()).cloned().unwrap_or_default();
        if text.is_empty() {
            return false;
        }
        let status = self.status;
        self.start_trap(&text, What::Trap(status));
        true
    }

    pub(super) fn run_named_trap(&mut self, name: &str) -> bool {
        let Some(text) = self.traps.get(name).filter(|t| !t.is_empty()).cloned() else { return false };
        self.in_trap = true;
        let status = self.status;
        self.start_trap(&text, What::Trap(status));
        true
    }

    pub(super) fn start_trap(&mut self, text: &str, what: What) {
        let line = if self.bash() && !matches!(what, What::ExitTrap) { self.line } else { 1 };
        let mut source = Source::new(text.to_string(), what);
        source.line = line;
        self.enter(source.act());
    }

    /// The prompt: `PS1`, or `PS2` in a command that goes on.
    fn prompt_text(&mut self, sys: &mut Sys<'_>, continued: bool) -> String {
        let root = sys.process().uid == 0;
        let default = match (self.flavor, continued, root) {
            (_, true, _) => "> ",
            (Flavor::Bash, ..) => "\\s-\\v\\$ ",
            (Flavor::Ash, ..) => "\\w \\$ ",
            (Flavor::Dash, _, true) => "# ",
            (Flavor::Dash, _, false) => "$ ",
        };
        let text = self.vars.get(if continued { "PS2" } else { "PS1" }).unwrap_or(default).to_string();
        self.prompt(sys, &text)
    }

    /// A prompt with its escapes and parameters replaced.
    pub(super) fn prompt(&mut self, sys: &mut Sys<'_>, text: &str) -> String {
        let mut out = String::new();
        if self.flavor == Flavor::Dash {
            out.push_str(text);
        } else {
            let cwd = self.vars.get("PWD").unwrap_or("/").to_string();
            let home = self.vars.get("HOME").unwrap_or("").to_string();
            let short = match cwd.strip_prefix(&home) {
                Some(rest) if home.len() > 1 && (rest.is_empty() || rest.starts_with('/')) => format!("~{rest}"),
                _ => cwd.clone(),
            };
            let mut chars = text.chars().peekable();
            while let Some(c) = chars.next() {
                if c != '\\' {
                    out.push(c);
                    continue;
                }
                match chars.next() {
                    Some('u') => out.push_str(&super::init::user_name(sys)),
                    Some('h') => out.push_str(sys.sandbox.hostname.split('.').next().unwrap_or("")),
                    Some('H') => out.push_str(&sys.sandbox.hostname),
                    Some('w') => out.push_str(&short),
                    Some('W') => {
                        let base = short.rsplit('/').next().filter(|b| !b.is_empty()).unwrap_or("/");
                        out.push_str(if short == "~" { "~" } else { base });
                    }
                    Some('$') => out.push(if sys.process().uid == 0 { '#' } else { '$' }),
                    Some('s') => out.push_str(self.name.trim_start_matches('-').rsplit('/').next().unwrap_or("")),
                    Some('v') => out.push_str("5.2"),
                    Some('V') => out.push_str("5.2.15"),
                    Some('n') => out.push('\n'),
                    Some('r') => out.push('\r'),
                    Some('a') => out.push('\u{7}'),
                    Some('e') => out.push('\u{1b}'),
                    Some('[' | ']') => {}
                    Some('\\') => out.push('\\'),
                    Some('t' | 'A') => {
                        let seconds = sys.now().0.div_euclid(1000).rem_euclid(86400);
                        out.push_str(&format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60));
                    }
                    Some(d @ '0'..='7') => {
                        let mut value = d.to_digit(8).unwrap_or(0);
                        while let Some(next) = chars.peek().and_then(|c| c.to_digit(8)).filter(|_| value < 32) {
                            value = value * 8 + next;
                            chars.next();
                        }
                        out.extend(char::from_u32(value));
                    }
                    Some(other) => out.extend(['\\', other]),
                    None => out.push('\\'),
                }
            }
        }
        if !out.contains('$') {
            return out;
        }
        let dialect = self.dialect(false);
        let mut parser = Parser::new(&out, 1, dialect);
        let Ok(parts) = parser.parts(super::lex::Until::End) else { return out };
        let word = super::ast::Word::of(vec![super::ast::Part::Double(parts)]);
        let saved = std::mem::take(&mut self.progress);
        let text = self.expand_one(sys, &word).unwrap_or(out);
        self.progress = saved;
        text
    }

    /// How many texts are being run within each other, besides the main script.
    fn texts(&self) -> usize {
        let inner = |a: &&Act| matches!(&a.kind, Kind::Source(s) if !matches!(s.what, What::Main | What::Profile));
        self.acts.iter().filter(inner).count()
    }

    /// The line up to which the script has been parsed: where bash thinks that an `eval` in it is.
    pub(super) fn parsed_line(&self) -> u32 {
        let Some(Act { kind: Kind::Source(source), .. }) = self.acts.last() else { return self.line };
        let ends_line = source.text.as_bytes().get(source.pos.wrapping_sub(1)) == Some(&b'\n');
        source.line - u32::from(ends_line && source.line > 1)
    }

    /// A line of `set -x`.
    pub(super) fn trace(&mut self, sys: &mut Sys<'_>, text: &str) {
        let ps4 = self.vars.get("PS4").unwrap_or("+ ").to_string();
        let mut ps4 = if ps4.contains(['$', '\\']) { self.prompt(sys, &ps4) } else { ps4 };
        if self.bash()
            && let Some(first) = ps4.chars().next()
        {
            let more: String = std::iter::repeat_n(first, self.substitutions as usize + self.texts()).collect();
            ps4 = more + &ps4;
        }
        sys.err(format!("{ps4}{text}\n"));
    }
}
