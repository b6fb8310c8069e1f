//! `xargs`.

use serde::{Deserialize, Serialize};

use super::wait::spawn;
use super::{Running, runs};
use crate::machine::errno::Errno;
use crate::machine::kernel::{Fd, Input, OpenOptions, Pid, Status, Sys, Turn, Wait};
use crate::machine::tools::common::{fail, is_gnu, misuse, parse, quote, say, tool_name};
use crate::machine::tools::options::Spec;
use crate::machine::tools::{Started, look_up};

/// How long a command line gets at most.
const MOST_BYTES: usize = 128 * 1024;

/// An `xargs` that reads and runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Xargs {
    args: Vec<String>,
    command: Vec<String>,
    gnu: bool,
    fd: Fd,
    /// Where words end: at one byte, or (with none) at blanks, with quotes.
    delimiter: Option<u8>,
    replace: Option<String>,
    most_words: Option<usize>,
    most_lines: Option<usize>,
    most_bytes: usize,
    parallel: usize,
    trace: bool,
    run_empty: bool,
    end: Option<String>,
    /// Bytes that are read and not yet cut into words.
    pending: Vec<u8>,
    at_end: bool,
    words: Vec<String>,
    bytes: usize,
    lines: usize,
    /// Whether any command was run.
    ran: bool,
    children: Vec<Pid>,
    code: u8,
    stop: bool,
}

/// `xargs [-0rt] [-n N] [-L N] [-I STRING] [-d C] [-P N] [COMMAND...]`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = is_gnu(sys);
    let long = &[
        ("null", '0'),
        ("arg-file", 'a'),
        ("delimiter", 'd'),
        ("eof", 'e'),
        ("replace", 'i'),
        ("max-lines", 'l'),
        ("max-args", 'n'),
        ("max-procs", 'P'),
        ("interactive", 'p'),
        ("no-run-if-empty", 'r'),
        ("max-chars", 's'),
        ("verbose", 't'),
        ("exit", 'x'),
        ("process-slot-var", 'π'),
    ];
    let short = if gnu { "+0a:d:E:e::I:i::L:l::n:P:prs:txπ:" } else { "+0a:E:e::I:i::L:l::n:P:prs:tx" };
    let parsed = match parse(sys, args, Spec::new(short, if gnu { long } else { &[] })) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mut wrong = None;
    let mut number = |option: char| match parsed.value(option).map(|v| (v, v.parse::<usize>())) {
        Some((text, Err(_))) => {
            wrong = Some((option, text.to_string()));
            None
        }
        Some((text, Ok(0))) if option != 'P' => {
            wrong = Some((option, text.to_string()));
            None
        }
        Some((_, Ok(n))) => Some(n),
        None => None,
    };
    let (most_words, most_lines, parallel, most_bytes) = (number('n'), number('L'), number('P'), number('s'));
    if let Some((option, text)) = wrong {
        if gnu {
            let name = tool_name(sys, args);
            if text.parse::<usize>() == Ok(0) {
                sys.err(format!("{name}: value {text} for -{option} option should be >= 1\n"));
            } else {
                sys.err(format!("{name}: invalid number \"{text}\" for -{option} option\n"));
            }
            return misuse(sys, args, "", 1);
        }
        let text = if text == "0" {
            "number 0 is not in 1..2147483647 range".into()
        } else {
            format!("invalid number '{text}'")
        };
        say(sys, args, "", &text);
        return Started::Exit(1);
    }
    let mut delimiter = None;
    for (option, value) in &parsed.options {
        match option {
            '0' => delimiter = Some(0),
            'd' => {
                delimiter = match value.as_str() {
                    "\\n" => Some(b'\n'),
                    "\\t" => Some(b'\t'),
                    "\\0" => Some(0),
                    "\\\\" => Some(b'\\'),
                    other if other.len() == 1 => other.bytes().next(),
                    other => {
                        let text = format!(
                            "Invalid input delimiter specification {other}: the delimiter must be either a single character or an escape sequence starting with \\."
                        );
                        say(sys, args, &text, "");
                        return Started::Exit(1);
                    }
                }
            }
            _ => {}
        }
    }
    let what = |option| parsed.value(option).filter(|v| !v.is_empty()).unwrap_or("{}").to_string();
    let replace = parsed.last_of("Ii").map(what);
    let place = |option: char| parsed.options.iter().position(|o| o.0 == option);
    if let (true, Some(n), Some(i)) = (gnu, place('n'), place('I').or(place('i'))) {
        if n < i {
            let text = "warning: options --max-args and --replace/-I/-i are mutually exclusive, ignoring previous --max-args value";
            say(sys, args, text, "");
        }
    }
    let mut fd = 0;
    if let Some(path) = parsed.value('a') {
        match sys.open(path, OpenOptions::READ) {
            Ok(opened) => fd = opened,
            Err(fault) => {
                let gnu = format!("Cannot open input file {}", quote(path));
                fail(sys, args, &gnu, &format!("can't open '{path}'"), fault);
                return Started::Exit(1);
            }
        }
    }
    let mut command = parsed.rest.clone();
    if command.is_empty() {
        command.push("echo".into());
    }
    runs(Running::Xargs(Box::new(Xargs {
        args: args.to_vec(),
        command,
        gnu,
        fd,
        delimiter,
        most_words: if replace.is_some() { Some(1) } else { most_words },
        replace,
        most_lines,
        most_bytes: most_bytes.unwrap_or(MOST_BYTES).min(MOST_BYTES),
        parallel: match parallel {
            Some(0) => 64,
            Some(n) => n.min(64),
            None => 1,
        },
        trace: parsed.has('t'),
        run_empty: !parsed.has('r'),
        end: parsed.last_of("Ee").and_then(|c| parsed.value(c)).filter(|e| !e.is_empty()).map(String::from),
        pending: Vec::new(),
        at_end: false,
        words: Vec::new(),
        bytes: 0,
        lines: 0,
        ran: false,
        children: Vec::new(),
        code: 0,
        stop: parsed.has('p'),
    })))
}

/// What cutting came to.
enum Cut {
    Word(String, bool),
    /// A line without words.
    Blank,
    More,
    Fault(&'static str),
}

impl Xargs {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if let Some(turn) = self.reap(sys) {
            return turn;
        }
        for _ in 0..256 {
            if self.stop {
                return self.finish(sys);
            }
            match self.cut() {
                Cut::Word(word, ends_line) => {
                    if self.end.as_ref() == Some(&word) {
                        (self.at_end, self.pending) = (true, Vec::new());
                        continue;
                    }
                    let length = word.len() + 1;
                    let base: usize = self.command.iter().map(|c| c.len() + 1).sum();
                    let mut started = false;
                    if !self.words.is_empty() && base + self.bytes + length > self.most_bytes {
                        started = true;
                        self.run(sys);
                    }
                    self.words.push(word);
                    self.bytes += length;
                    self.lines += usize::from(ends_line);
                    let full = self.most_words.is_some_and(|n| self.words.len() >= n)
                        || self.most_lines.is_some_and(|n| self.lines >= n);
                    if full && !started {
                        self.run(sys);
                        started = true;
                    }
                    if started {
                        return Turn::Again;
                    }
                }
                Cut::Blank => {}
                Cut::More if self.at_end => return self.finish(sys),
                Cut::More => match sys.read(self.fd, 65536) {
                    Ok(Input::Bytes(bytes)) => {
                        self.pending.extend(bytes);
                        if self.pending.len() > (16 << 20) {
                            say(sys, &self.args, "argument line too long", "argument line too long");
                            return Turn::Exit(Status::Code(1));
                        }
                    }
                    Ok(Input::Wait) => return Turn::Wait(Wait::input(self.fd)),
                    Ok(Input::End) | Err(_) => self.at_end = true,
                },
                Cut::Fault(text) => {
                    let gnu = format!("{text}; by default quotes are special to xargs unless you use the -0 option");
                    say(sys, &self.args, &gnu, text);
                    return Turn::Exit(Status::Code(1));
                }
            }
        }
        Turn::Again
    }

    /// Takes ended commands off; waits while as many run as may.
    fn reap(&mut self, sys: &mut Sys<'_>) -> Option<Turn> {
        let mut at = 0;
        while let Some(pid) = self.children.get(at).copied() {
            match sys.wait_child(Some(pid)) {
                Ok(None) => at += 1,
                Ok(Some((_, status))) => {
                    self.children.remove(at);
                    self.ended(sys, status);
                }
                Err(_) => {
                    self.children.remove(at);
                }
            }
        }
        (self.children.len() >= self.parallel).then(|| Turn::Wait(Wait::child()))
    }

    fn ended(&mut self, sys: &mut Sys<'_>, status: Status) {
        let name = self.command.first().cloned().unwrap_or_default();
        match status {
            Status::Code(0) => {}
            Status::Code(255) => {
                say(
                    sys,
                    &self.args,
                    &format!("{name}: exited with status 255; aborting"),
                    &format!("{name}: exited with status 255; aborting"),
                );
                (self.code, self.stop) = (124, true);
            }
            Status::Code(_) => self.code = self.code.max(123),
            Status::Killed(signal) => {
                let n = signal.number();
                say(
                    sys,
                    &self.args,
                    &format!("{name}: terminated by signal {n}"),
                    &format!("'{name}' terminated by signal {n}"),
                );
                (self.code, self.stop) = (125, true);
            }
        }
    }

    fn finish(&mut self, sys: &mut Sys<'_>) -> Turn {
        let left = !self.words.is_empty() || !self.ran && self.run_empty && self.replace.is_none();
        if !self.stop && left {
            self.run(sys);
            return Turn::Again;
        }
        if self.children.is_empty() { Turn::Exit(Status::Code(self.code)) } else { Turn::Wait(Wait::child()) }
    }

    /// Cuts the next word off what was read.
    fn cut(&mut self) -> Cut {
        if let Some(delimiter) = self.delimiter {
            let end = self.pending.iter().position(|b| *b == delimiter);
            return match end {
                Some(end) => {
                    let word = self.pending.drain(..=end).take(end).collect();
                    Cut::Word(text(word), true)
                }
                None if self.at_end && !self.pending.is_empty() => {
                    Cut::Word(text(std::mem::take(&mut self.pending)), true)
                }
                None => Cut::More,
            };
        }
        let line_mode = self.replace.is_some();
        let mut word = Vec::new();
        let mut quoted = None;
        let mut any = false;
        let mut at = 0;
        while let Some(&byte) = self.pending.get(at) {
            at += 1;
            match (byte, quoted) {
                (b'\n', Some(_)) => {
                    let name = if quoted == Some(b'"') { "unmatched double quote" } else { "unmatched single quote" };
                    return Cut::Fault(name);
                }
                (b, Some(q)) if b == q => quoted = None,
                (b, Some(_)) => word.push(b),
                (b'"' | b'\'', None) => (quoted, any) = (Some(byte), true),
                (b'\\', None) => match self.pending.get(at) {
                    Some(next) => {
                        word.push(*next);
                        any = true;
                        at += 1;
                    }
                    None if self.at_end => {}
                    None => return Cut::More,
                },
                (b'\n', None) => {
                    self.pending.drain(..at);
                    return if any { Cut::Word(text(word), true) } else { Cut::Blank };
                }
                (b' ' | b'\t', None) if !any => {}
                (b' ' | b'\t', None) if !line_mode => {
                    // Blanks before the line's end do not end a word of -L's lines.
                    let rest = self.pending.get(at..).unwrap_or_default();
                    let blanks = rest.iter().take_while(|b| **b == b' ' || **b == b'\t').count();
                    if blanks == rest.len() && !self.at_end {
                        return Cut::More;
                    }
                    let ends_line = false;
                    self.pending.drain(..at);
                    return Cut::Word(text(word), ends_line);
                }
                (b, None) => {
                    word.push(b);
                    any = true;
                }
            }
        }
        if !self.at_end {
            return Cut::More;
        }
        if quoted.is_some() {
            return Cut::Fault(if quoted == Some(b'"') { "unmatched double quote" } else { "unmatched single quote" });
        }
        self.pending.clear();
        if any { Cut::Word(text(word), true) } else { Cut::More }
    }

    fn run(&mut self, sys: &mut Sys<'_>) {
        let words = std::mem::take(&mut self.words);
        (self.bytes, self.lines, self.ran) = (0, 0, true);
        let command: Vec<String> = match (&self.replace, words.first()) {
            (Some(what), Some(word)) => {
                let filled = |(at, c): (usize, &String)| {
                    if at == 0 && self.gnu { c.clone() } else { c.replace(what.as_str(), word) }
                };
                self.command.iter().enumerate().map(filled).collect()
            }
            _ => self.command.iter().cloned().chain(words).collect(),
        };
        if self.trace {
            sys.err(format!("{}\n", command.join(" ")));
        }
        let name = command.first().cloned().unwrap_or_default();
        if let Err(fault) = look_up(sys, &name) {
            fail(sys, &self.args, &name, &name, fault);
            (self.code, self.stop) = (if fault == Errno::NoEnt { 127 } else { 126 }, true);
            return;
        }
        let args = self.args.clone();
        match spawn(sys, &args, &command) {
            Some(pid) => {
                let from_file = self.fd != 0;
                let _ = sys.as_child(pid, |sys| {
                    if from_file {
                        return Ok(());
                    }
                    let null = sys.open("/dev/null", OpenOptions::READ)?;
                    sys.dup2(null, 0)?;
                    if null == 0 { Ok(()) } else { sys.close(null) }
                });
                self.children.push(pid);
            }
            None => (self.code, self.stop) = (1, true),
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}
