//! `read`: a line from an input, split into variables.

use serde::{Deserialize, Serialize};

use super::{Active, Arrays, Done};
use crate::api::{Duration, Time};
use crate::machine::disk::Device;
use crate::machine::kernel::files::On;
use crate::machine::kernel::sys::Seek;
use crate::machine::kernel::{Fd, Input, Sys, Turn, Wait};
use crate::machine::shell::lex::is_identifier;
use crate::machine::shell::vm::{Flow, Frame};
use crate::machine::shell::words::Stop;
use crate::machine::shell::{Flavor, Shell};

/// How long a line may get.
const MAX_LINE: usize = 16 << 20;

/// A `read` that waits for its line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::machine::shell) struct Reading {
    fd: Fd,
    names: Vec<String>,
    array: Option<String>,
    raw: bool,
    delimiter: u8,
    /// How many characters are read at most, and whether the delimiter counts for nothing (`-N`).
    count: Option<(usize, bool)>,
    until: Option<Time>,
    /// What has come: each byte, and whether a backslash was before it.
    bytes: Vec<(u8, bool)>,
    /// Whether the last byte was a backslash.
    escaped: bool,
}

const USAGE: &str = "read: usage: read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]";

pub(super) fn read(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let mut reading = Reading { delimiter: b'\n', ..Reading::default() };
    let mut prompt = None;
    let mut at = 1;
    let (takes, flags): (&str, &str) = match sh.flavor {
        Flavor::Bash => ("adinNptu", "ers"),
        Flavor::Dash => ("p", "r"),
        Flavor::Ash => ("dnptu", "rs"),
    };
    while let Some(arg) = args.get(at).filter(|a| a.len() > 1 && a.starts_with('-')) {
        at += 1;
        if arg == "--" {
            break;
        }
        let letters: Vec<char> = arg.chars().skip(1).collect();
        for (i, letter) in letters.iter().enumerate() {
            if flags.contains(*letter) {
                reading.raw |= *letter == 'r';
                continue;
            }
            if !takes.contains(*letter) {
                return match sh.illegal_option(sys, &format!("-{letter}"), USAGE) {
                    Done::Fatal(code) => Done::Code(code),
                    other => other,
                };
            }
            let rest: String = letters[i + 1..].iter().collect();
            let value = if !rest.is_empty() {
                rest
            } else {
                at += 1;
                match args.get(at - 1) {
                    Some(value) => value.clone(),
                    None => {
                        sh.complain(
                            sys,
                            match sh.flavor {
                                Flavor::Bash => format!("-{letter}: option requires an argument"),
                                Flavor::Dash => format!("No arg for -{letter} option"),
                                Flavor::Ash => format!("no arg for -{letter} option"),
                            },
                        );
                        if sh.bash() {
                            sys.err(format!("{USAGE}\n"));
                        }
                        return Done::Code(2);
                    }
                }
            };
            match letter {
                'a' => reading.array = Some(value),
                'd' => reading.delimiter = value.bytes().next().unwrap_or(0),
                'n' | 'N' => match value.parse::<usize>() {
                    Ok(n) => reading.count = Some((n, *letter == 'N')),
                    Err(_) => {
                        sh.complain(sys, format!("{value}: invalid number"));
                        return Done::Code(1);
                    }
                },
                'p' => prompt = Some(value),
                't' => match value.parse::<f64>() {
                    Ok(seconds) if seconds >= 0.0 => {
                        reading.until = Some(sys.now() + Duration::millis((seconds * 1000.0).min(1e15) as i64));
                    }
                    _ => {
                        sh.complain(
                            sys,
                            match sh.flavor {
                                Flavor::Bash => format!("{value}: invalid timeout specification"),
                                _ => "invalid timeout".to_string(),
                            },
                        );
                        return Done::Code(1);
                    }
                },
                'u' => match value.parse::<Fd>() {
                    Ok(fd) => reading.fd = fd,
                    Err(_) => {
                        sh.complain(sys, format!("{value}: invalid file descriptor specification"));
                        return Done::Code(1);
                    }
                },
                _ => {}
            }
            break;
        }
    }
    reading.names = args.get(at..).unwrap_or_default().to_vec();
    if reading.names.is_empty() && reading.array.is_none() {
        if sh.flavor == Flavor::Dash {
            sh.complain(sys, "arg count");
            return Done::Code(2);
        }
        reading.names = vec!["REPLY".into()];
    }
    if let Some(bad) =
        reading.names.iter().chain(&reading.array).find(|n| !is_identifier(n.split('[').next().unwrap_or("")))
    {
        sh.complain(
            sys,
            match sh.flavor {
                Flavor::Bash => format!("`{bad}': not a valid identifier"),
                Flavor::Dash => format!("{bad}: bad variable name"),
                Flavor::Ash => {
                    sys.err(format!("sh: read: '{bad}': bad variable name\n"));
                    return Done::Code(1);
                }
            },
        );
        return if sh.bash() { Done::Code(1) } else { Done::Code(2) };
    }
    if let Some(prompt) = prompt
        && (sys.is_tty(reading.fd) || !sh.bash())
    {
        sys.err(prompt);
    }
    if sys.open_file(reading.fd).is_err() && reading.fd != 0 {
        let text = sys.text(crate::machine::errno::Errno::BadFd);
        if sh.bash() {
            sh.complain(sys, format!("{}: invalid file descriptor: {text}", reading.fd));
        }
        return Done::Code(1);
    }
    sh.builtin = None;
    Done::Flow(sh.reading(sys, reading))
}

impl Shell {
    pub(in crate::machine::shell) fn reading(&mut self, sys: &mut Sys<'_>, mut reading: Reading) -> Flow {
        if reading.count.is_some_and(|(n, _)| n == 0) {
            self.status = 0;
            return Flow::Go;
        }
        let is_file = sys.seek(reading.fd, Seek::Current(0)).is_ok();
        let is_endless =
            sys.open_file(reading.fd).is_ok_and(|f| matches!(f.on, On::Device(Device::Zero | Device::Random)));
        // A file is read in pieces, and what was too much is given back.
        let max = if is_file || is_endless { 512 } else { 1 };
        let mut taken = 0;
        loop {
            match sys.read(reading.fd, max) {
                Ok(Input::Bytes(bytes)) => {
                    let total = bytes.len();
                    for (at, b) in bytes.into_iter().enumerate() {
                        taken += 1;
                        if self.take_byte(&mut reading, b) || reading.bytes.len() > MAX_LINE {
                            let left = total - at - 1;
                            if left > 0 {
                                let _ = sys.seek(reading.fd, Seek::Current(-(left as i64)));
                            }
                            return self.read_done(sys, reading, 0);
                        }
                    }
                }
                Ok(Input::Wait) => {
                    if reading.until.is_some_and(|t| t <= sys.now()) {
                        return self.read_done(sys, reading, if self.bash() { 142 } else { 1 });
                    }
                    let wait = Wait { input: vec![reading.fd], until: reading.until, child: false };
                    if !self.caught.is_empty() && !self.bash() {
                        // A trap runs at once and ends the reading.
                        self.status = (128 + self.caught[0].number()) as u8;
                        return Flow::Go;
                    }
                    self.push(Frame::Builtin(Box::new(Active::Read(reading))));
                    return Flow::Turn(Turn::Wait(wait));
                }
                Ok(Input::End) => return self.read_done(sys, reading, 1),
                Err(fault) => {
                    if self.bash() {
                        let text = sys.text(fault);
                        self.builtin = Some("read".into());
                        self.complain(sys, format!("read error: {}: {text}", reading.fd));
                        self.builtin = None;
                    }
                    return self.read_done(sys, reading, 1);
                }
            }
            if taken > 4096 {
                self.push(Frame::Builtin(Box::new(Active::Read(reading))));
                return Flow::Yield;
            }
        }
    }

    /// Takes a byte; whether the line is complete.
    fn take_byte(&self, reading: &mut Reading, b: u8) -> bool {
        if reading.escaped {
            reading.escaped = false;
            if b != b'\n' {
                reading.bytes.push((b, true));
            }
        } else if b == b'\\' && !reading.raw {
            reading.escaped = true;
            return false;
        } else if b == reading.delimiter && reading.count.is_none_or(|(_, exact)| !exact) {
            return true;
        } else if b != 0 {
            reading.bytes.push((b, false));
        }
        // Bytes that go on a character do not count.
        reading.count.is_some_and(|(n, _)| {
            let whole: Vec<u8> = reading.bytes.iter().map(|b| b.0).collect();
            std::str::from_utf8(&whole).is_ok_and(|t| t.chars().count() >= n)
        })
    }

    fn read_done(&mut self, sys: &mut Sys<'_>, reading: Reading, status: u8) -> Flow {
        self.status = status;
        let exact = reading.count.is_some_and(|(_, exact)| exact);
        let ifs = self.vars.get("IFS").map_or_else(|| " \t\n".to_string(), str::to_string);
        let ifs = if exact { String::new() } else { ifs };
        let bytes = &reading.bytes;
        let is_ifs = |(b, quoted): &(u8, bool)| !quoted && ifs.as_bytes().contains(b);
        let is_blank = |e: &(u8, bool)| is_ifs(e) && matches!(e.0, b' ' | b'\t' | b'\n');
        let text =
            |piece: &[(u8, bool)]| String::from_utf8_lossy(&piece.iter().map(|b| b.0).collect::<Vec<_>>()).into_owned();
        let skip_blanks = |mut at: usize| {
            while bytes.get(at).is_some_and(is_blank) {
                at += 1;
            }
            at
        };
        // A field from there on: where it ends, and where the next one begins.
        let field = |at: usize| {
            let end = bytes[at..].iter().position(is_ifs).map_or(bytes.len(), |i| i + at);
            let mut next = skip_blanks(end);
            if bytes.get(next).is_some_and(|e| is_ifs(e) && !is_blank(e)) {
                next = skip_blanks(next + 1);
            }
            (end, next)
        };
        if let Some(name) = &reading.array {
            let (mut at, mut all) = (skip_blanks(0), Vec::new());
            while at < bytes.len() {
                let (end, next) = field(at);
                all.push((None, false, text(&bytes[at..end])));
                at = next;
            }
            if let Err(stop) = self.assign_array(sys, name, all, false) {
                return self.stopped(sys, stop);
            }
            return Flow::Yield;
        }
        let only_reply = reading.names.len() == 1 && reading.names[0] == "REPLY" && self.bash();
        let mut at = if only_reply { 0 } else { skip_blanks(0) };
        for (n, name) in reading.names.iter().enumerate() {
            let last = n + 1 == reading.names.len();
            let value = if last {
                let mut end = bytes.len();
                if !only_reply {
                    while end > at && bytes.get(end - 1).is_some_and(is_blank) {
                        end -= 1;
                    }
                    // One delimiter at the end that is no blank belongs to the field before, where that is the only one.
                    let (first_end, next) = if at < end { field(at) } else { (end, end) };
                    if next >= end && at < end {
                        end = first_end;
                    }
                }
                text(bytes.get(at..end).unwrap_or_default())
            } else if at < bytes.len() {
                let (end, next) = field(at);
                let value = text(&bytes[at..end]);
                at = next;
                value
            } else {
                String::new()
            };
            let assigned = match name.split_once('[') {
                Some((of, index)) => self.assign_element(sys, of, index.trim_end_matches(']'), &value, false),
                None => self.assign(sys, name, &value),
            };
            if let Err(stop) = assigned {
                return match stop {
                    Stop::Discard(code) => {
                        self.status = code;
                        Flow::Yield
                    }
                    stop => self.stopped(sys, stop),
                };
            }
        }
        Flow::Yield
    }
}
