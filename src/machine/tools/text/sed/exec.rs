//! Runs sed scripts.

use super::script::{Address, Piece, Substitute, What};
use super::{Appended, Edit, Sed};
use crate::machine::errno::Errno;
use crate::machine::kernel::{Fd, OpenOptions, Status, Sys, Turn, Wait};
use crate::machine::tools::text::driver::{fault_text, finish};
use crate::machine::tools::text::input::Next;
use crate::machine::tools::text::regex::{Match, Regex};

/// How many commands a step runs.
const COMMANDS: u32 = 1500;

/// The most that a pattern or hold space may hold.
const MAX_SPACE: usize = 8 << 20;

/// How running goes on.
enum Flow {
    Next,
    Goto(usize),
    /// The cycle is at its end; whether the pattern space is printed.
    EndCycle(bool),
    Wait(Wait),
    Exit,
}

impl Sed {
    /// Does one bounded piece of work.
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let mut turn = Turn::Again;
        for _ in 0..COMMANDS {
            match self.advance(sys) {
                Ok(None) => {}
                Ok(Some(end)) => {
                    turn = end;
                    break;
                }
                Err(text) => {
                    let _ = self.out.flush(sys);
                    sys.err(format!("sed: {text}\n"));
                    let code = if self.gnu && !text.starts_with("-e ") { 4 } else { 1 };
                    return Turn::Exit(Status::Code(code));
                }
            }
        }
        finish(sys, "sed", &mut self.out, turn)
    }

    /// Reads a line or runs a command. A turn where the step is over.
    fn advance(&mut self, sys: &mut Sys<'_>) -> Result<Option<Turn>, String> {
        if !self.running {
            if self.quit.is_some() {
                return self.exit(sys).map(Some);
            }
            if !std::mem::take(&mut self.keep) {
                match self.read(sys, false)? {
                    Some(Flow::Wait(wait)) => return Ok(Some(Turn::Wait(wait))),
                    Some(_) => return self.exit(sys).map(Some),
                    None => {}
                }
            }
            (self.running, self.at, self.replaced) = (true, 0, false);
        }
        let flow = match self.commands.get(self.at) {
            None => Flow::EndCycle(true),
            Some(_) => match self.applies(sys)? {
                Err(wait) => Flow::Wait(wait),
                Ok(true) => self.run(sys)?,
                Ok(false) => match self.commands.get(self.at).map(|c| &c.what) {
                    Some(What::Block(end)) => Flow::Goto(*end),
                    _ => Flow::Next,
                },
            },
        };
        match flow {
            Flow::Next => self.at += 1,
            Flow::Goto(to) => self.at = to,
            Flow::Wait(wait) => return Ok(Some(Turn::Wait(wait))),
            Flow::EndCycle(print) => {
                if print && !self.quiet {
                    let pattern = std::mem::take(&mut self.pattern);
                    self.print(sys, &pattern, self.ended);
                    self.pattern = pattern;
                }
                self.put_appended(sys);
                self.running = false;
            }
            Flow::Exit => {
                self.put_appended(sys);
                return self.exit(sys).map(Some);
            }
        }
        Ok(None)
    }

    fn exit(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        if self.edit.is_some() {
            self.copy_rest(sys);
            self.finish_edit(sys)?;
        }
        self.inputs.give_back(sys);
        Ok(Turn::Exit(Status::Code(self.quit.unwrap_or(0).max(self.code))))
    }

    /// What was not read of a file that is edited stays in it.
    fn copy_rest(&mut self, sys: &mut Sys<'_>) {
        while let Next::Line(line, ended) = self.inputs.next(sys) {
            self.print(sys, &line, ended);
        }
    }

    // --- Input ----------------------------------------------------------------------------------------------------

    /// Reads the next line into the pattern space. None where there is one; `Exit` where there is none.
    fn read(&mut self, sys: &mut Sys<'_>, append: bool) -> Result<Option<Flow>, String> {
        loop {
            match self.inputs.next(sys) {
                Next::Line(line, ended) => {
                    self.line += 1;
                    self.ended = ended;
                    if append {
                        self.pattern.push(self.inputs.separator);
                        self.pattern.extend_from_slice(&line);
                        if self.pattern.len() > MAX_SPACE {
                            return Err(super::super::exhausted(self.gnu).into());
                        }
                    } else {
                        self.pattern = line;
                    }
                    return Ok(None);
                }
                Next::Opened => {
                    if self.separate {
                        self.line = 0;
                    }
                    if self.in_place.is_some() {
                        self.begin_edit(sys)?;
                    }
                }
                Next::FileEnd(fault) => {
                    if let Some(fault) = fault {
                        self.complain(sys, fault, false);
                    }
                    if self.edit.is_some() {
                        self.finish_edit(sys)?;
                    }
                }
                Next::Failed(fault) => self.complain(sys, fault, true),
                Next::Wait(wait) => return Ok(Some(Flow::Wait(wait))),
                Next::End | Next::Bytes(_) => return Ok(Some(Flow::Exit)),
            }
        }
    }

    fn complain(&mut self, sys: &mut Sys<'_>, fault: Errno, opening: bool) {
        let name = self.inputs.name.clone();
        let text = match (self.gnu, opening, self.in_place.is_some()) {
            (true, false, false) => format!("sed: read error on {name}: {}\n", sys.text(fault)),
            _ => fault_text(sys, "sed", &name, fault, opening),
        };
        self.code = match (self.gnu, opening) {
            (true, true) => 2,
            (true, false) => 4,
            _ => u8::from(!text.is_empty()),
        };
        sys.err(text);
    }

    /// Whether the line at hand is the last one.
    fn is_last(&mut self, sys: &mut Sys<'_>) -> Result<bool, Wait> {
        self.inputs.has_more(sys, !self.separate).map(|more| !more)
    }

    fn begin_edit(&mut self, sys: &mut Sys<'_>) -> Result<(), String> {
        let name = self.inputs.name.clone();
        let Ok(stat) = sys.stat(&name) else { return Ok(()) };
        if stat.kind != crate::machine::kernel::sys::Kind::File {
            // Reading it says what is wrong.
            if self.gnu {
                let text = format!("sed: couldn't edit {name}: not a regular file\n");
                sys.err(text);
                self.code = 4;
                self.inputs.skip_file(sys);
            }
            return Ok(());
        }
        let random: String = {
            let mut word = sys.random();
            let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
            (0..6)
                .map(|_| {
                    let letter = letters[(word % 62) as usize];
                    word /= 62;
                    char::from(letter)
                })
                .collect()
        };
        let temporary = match (self.gnu, name.rsplit_once('/')) {
            (true, Some((folder, _))) => format!("{folder}/sed{random}"),
            (true, None) => format!("./sed{random}"),
            (false, _) => format!("{name}{random}"),
        };
        let how = OpenOptions { exclusive: true, mode: 0o600, ..OpenOptions::WRITE };
        let fd = sys.open(&temporary, how).map_err(|fault| {
            let why = sys.text(fault);
            match self.gnu {
                true => format!("couldn't open temporary file {temporary}: {why}"),
                false => format!("can't create temp file '{name}XXXXXX': {why}"),
            }
        })?;
        let _ = sys.chmod(&temporary, stat.mode);
        let _ = sys.chown(&temporary, Some(stat.uid), Some(stat.gid), false);
        self.edit = Some(Edit { name, temporary, fd });
        Ok(())
    }

    fn finish_edit(&mut self, sys: &mut Sys<'_>) -> Result<(), String> {
        let Some(edit) = self.edit.take() else { return Ok(()) };
        self.unended.remove(&edit.fd);
        let _ = sys.close(edit.fd);
        if let Some(suffix) = self.in_place.as_ref().filter(|s| !s.is_empty()) {
            let (folder, base) = match edit.name.rsplit_once('/') {
                Some((folder, base)) => (format!("{folder}/"), base),
                None => (String::new(), edit.name.as_str()),
            };
            let backup = match suffix.contains('*') {
                true if suffix.contains('/') => suffix.replace('*', base),
                true => format!("{folder}{}", suffix.replace('*', base)),
                false => format!("{folder}{base}{suffix}"),
            };
            let _ = sys.rename(&edit.name, &backup);
        }
        sys.rename(&edit.temporary, &edit.name).map_err(|fault| {
            let _ = sys.unlink(&edit.temporary);
            let why = sys.text(fault);
            match self.gnu {
                true => format!("cannot rename {}: {why}", edit.temporary),
                false => format!("can't move '{}' to '{}': {why}", edit.temporary, edit.name),
            }
        })
    }

    // --- Output ---------------------------------------------------------------------------------------------------

    fn put_to(&mut self, sys: &mut Sys<'_>, fd: Fd, text: &[u8], ended: bool) {
        let separator = self.inputs.separator;
        let mut bytes = Vec::with_capacity(text.len() + 2);
        if self.unended.remove(&fd).is_some() {
            bytes.push(separator);
        }
        bytes.extend_from_slice(text);
        if ended {
            bytes.push(separator);
        } else {
            self.unended.insert(fd, true);
        }
        if fd == 1 {
            self.out.put(bytes);
        } else {
            let _ = sys.write(fd, &bytes);
        }
    }

    /// Prints a line to the output: standard output, or the file that is edited.
    fn print(&mut self, sys: &mut Sys<'_>, text: &[u8], ended: bool) {
        let fd = self.edit.as_ref().map_or(1, |e| e.fd);
        self.put_to(sys, fd, text, ended);
    }

    /// Prints text that has its newlines already.
    fn print_raw(&mut self, sys: &mut Sys<'_>, text: &[u8]) {
        let fd = self.edit.as_ref().map_or(1, |e| e.fd);
        let mut bytes = Vec::new();
        if self.unended.remove(&fd).is_some() {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(text);
        if fd == 1 {
            self.out.put(bytes);
        } else {
            let _ = sys.write(fd, &bytes);
        }
    }

    fn put_appended(&mut self, sys: &mut Sys<'_>) {
        for appended in std::mem::take(&mut self.appended) {
            match appended {
                Appended::Text(text) => self.print_raw(sys, &text),
                Appended::File(name) => {
                    if let Ok(text) = crate::machine::tools::text::input::read_whole(sys, &name) {
                        if text.is_empty() {
                            continue;
                        }
                        self.print_raw(sys, &text);
                        if !self.gnu && text.last() != Some(&b'\n') {
                            self.print_raw(sys, b"\n");
                        }
                    }
                }
            }
        }
    }

    // --- Addresses ------------------------------------------------------------------------------------------------

    fn find(&mut self, regex: Option<Regex>, from: usize) -> Result<(Option<Match>, Regex), String> {
        let regex = match (regex, &self.last_regex) {
            (Some(regex), _) => regex,
            (None, Some(last)) => last.clone(),
            (None, None) if self.gnu => return Err("-e expression #1, char 0: no previous regular expression".into()),
            (None, None) => return Err("no previous regexp".into()),
        };
        let found = regex.find_at(&self.pattern, from);
        self.last_regex = Some(regex.clone());
        Ok((found, regex))
    }

    /// Whether an address is the line at hand.
    fn is_at(&mut self, sys: &mut Sys<'_>, address: &Address) -> Result<Result<bool, Wait>, String> {
        Ok(Ok(match address {
            Address::Line(line) => self.line == *line,
            Address::Step(first, step) => self.line >= *first && self.line.wrapping_sub(*first) % (*step).max(1) == 0,
            Address::Last => match self.is_last(sys) {
                Ok(last) => last,
                Err(wait) => return Ok(Err(wait)),
            },
            Address::Matches(regex) => self.find(regex.clone(), 0)?.0.is_some(),
            Address::Plus(_) | Address::Multiple(_) => false,
        }))
    }

    /// Whether the command at hand applies to the line at hand.
    fn applies(&mut self, sys: &mut Sys<'_>) -> Result<Result<bool, Wait>, String> {
        let Some(command) = self.commands.get(self.at) else { return Ok(Ok(false)) };
        let (negated, open, begun) = (command.negated, command.open, command.begun);
        let Some(first) = command.first.clone() else { return Ok(Ok(!negated)) };
        let second = command.second.clone();
        let Some(second) = second else {
            return Ok(self.is_at(sys, &first)?.map(|is| is != negated));
        };
        // A range from line 0 is open from the beginning.
        let from_zero = matches!(first, Address::Line(0)) && !begun && self.gnu;
        let (now_open, applies) = match open {
            None if !from_zero => {
                let begins = match self.is_at(sys, &first)? {
                    Ok(begins) => begins,
                    Err(wait) => return Ok(Err(wait)),
                };
                match begins {
                    true => (self.range_after(&second), true),
                    false => (None, false),
                }
            }
            _ => {
                let end = open.flatten();
                let ends = match (&second, end) {
                    (_, Some(end)) => Ok(self.line >= end),
                    (second, None) => self.is_at(sys, second)?,
                };
                let ends = match ends {
                    Ok(ends) => ends,
                    Err(wait) => return Ok(Err(wait)),
                };
                // A line number that lies behind ends the range before this line.
                let behind = end.is_some_and(|end| self.line > end) && matches!(second, Address::Line(_));
                if behind {
                    let begins = match self.is_at(sys, &first)? {
                        Ok(begins) => begins && matches!(first, Address::Matches(_)),
                        Err(wait) => return Ok(Err(wait)),
                    };
                    (None, begins)
                } else {
                    (if ends { None } else { Some(end) }, true)
                }
            }
        };
        if let Some(command) = self.commands.get_mut(self.at) {
            (command.open, command.begun) = (now_open, true);
        }
        Ok(Ok(applies != negated))
    }

    /// The state of a range that begins at the line at hand; none where it ends there too.
    fn range_after(&self, second: &Address) -> Option<Option<u64>> {
        let end = match second {
            Address::Line(line) => *line,
            Address::Plus(count) => self.line.saturating_add(*count),
            Address::Multiple(of) if *of > 0 => self.line.div_ceil(*of) * *of,
            Address::Multiple(_) => self.line,
            _ => return Some(None),
        };
        (end > self.line).then_some(Some(end))
    }

    // --- Commands -------------------------------------------------------------------------------------------------

    fn run(&mut self, sys: &mut Sys<'_>) -> Result<Flow, String> {
        let Some(command) = self.commands.get(self.at) else { return Ok(Flow::EndCycle(true)) };
        let range_is_open = command.open.is_some() && command.second.is_some() && !command.negated;
        match command.what.clone() {
            What::Block(_) | What::Nothing => {}
            What::Append(text) => self.appended.push(Appended::Text(text)),
            What::Insert(text) => self.print_raw(sys, &text),
            What::Change(text) => {
                if !range_is_open {
                    self.print_raw(sys, &text);
                }
                return Ok(Flow::EndCycle(false));
            }
            What::Branch(to) => return Ok(Flow::Goto(to)),
            What::BranchIf(to) => {
                if std::mem::take(&mut self.replaced) {
                    return Ok(Flow::Goto(to));
                }
            }
            What::BranchIfNot(to) => {
                if !std::mem::take(&mut self.replaced) {
                    return Ok(Flow::Goto(to));
                }
            }
            What::Substitute(how) => self.substitute(sys, &how)?,
            What::Translate(pairs, table) => {
                if pairs.is_empty() {
                    self.pattern.iter_mut().for_each(|b| *b = table.get(usize::from(*b)).copied().unwrap_or(*b));
                } else {
                    let text = String::from_utf8_lossy(&self.pattern).into_owned();
                    let to = |c: char| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
                    self.pattern = text.chars().map(to).collect::<String>().into_bytes();
                }
            }
            What::Quit(code, print) => {
                self.quit = Some(code);
                if print && !self.quiet {
                    let pattern = self.pattern.clone();
                    self.print(sys, &pattern, self.ended);
                }
                return Ok(Flow::Exit);
            }
            What::List(wrap) => {
                if self.gnu {
                    let text = listed(&self.pattern, wrap.unwrap_or(self.wrap));
                    self.print_raw(sys, &text);
                }
            }
            What::Read(name) => self.appended.push(Appended::File(name)),
            What::ReadLine(number) => {
                if let Some(inputs) = self.reads.get_mut(number) {
                    let mut next = inputs.next(sys);
                    while matches!(next, Next::Opened) {
                        next = inputs.next(sys);
                    }
                    match next {
                        Next::Line(mut line, ended) => {
                            if ended {
                                line.push(b'\n');
                            }
                            self.appended.push(Appended::Text(line));
                        }
                        Next::Wait(wait) => return Ok(Flow::Wait(wait)),
                        _ => {}
                    }
                }
            }
            What::Write(number) => {
                let pattern = self.pattern.clone();
                self.write_file(sys, number, &pattern);
            }
            What::WriteFirst(number) => {
                let first = first_line(&self.pattern).to_vec();
                self.write_file(sys, number, &first);
            }
            What::Plain(letter) => return self.plain(sys, letter),
        }
        Ok(Flow::Next)
    }

    fn write_file(&mut self, sys: &mut Sys<'_>, number: usize, text: &[u8]) {
        if let Some(fd) = self.writes.get(number).copied() {
            self.put_to(sys, fd, text, true);
        }
    }

    fn plain(&mut self, sys: &mut Sys<'_>, letter: u8) -> Result<Flow, String> {
        match letter {
            b'=' => {
                let text = format!("{}\n", self.line);
                self.print_raw(sys, text.as_bytes());
            }
            b'F' => {
                let text = format!("{}\n", self.inputs.name);
                self.print_raw(sys, text.as_bytes());
            }
            b'd' => return Ok(Flow::EndCycle(false)),
            b'D' => match self.pattern.iter().position(|b| *b == b'\n') {
                None => return Ok(Flow::EndCycle(false)),
                Some(at) => {
                    self.pattern.drain(..=at);
                    self.keep = true;
                    return Ok(Flow::EndCycle(false));
                }
            },
            b'g' => {
                self.pattern.clone_from(&self.hold);
                self.ended = true;
            }
            b'G' => {
                self.ended = true;
                self.pattern.push(self.inputs.separator);
                self.pattern.extend_from_slice(&self.hold);
            }
            b'h' => self.hold.clone_from(&self.pattern),
            b'H' => {
                self.hold.push(self.inputs.separator);
                self.hold.extend_from_slice(&self.pattern);
            }
            b'x' => {
                std::mem::swap(&mut self.hold, &mut self.pattern);
                self.ended = true;
            }
            b'z' => self.pattern.clear(),
            b'p' => {
                let pattern = self.pattern.clone();
                self.print(sys, &pattern, true);
            }
            b'P' => {
                let first = first_line(&self.pattern).to_vec();
                self.print(sys, &first, true);
            }
            b'n' | b'N' => return self.next_line(sys, letter == b'N'),
            _ => {}
        }
        if self.pattern.len() > MAX_SPACE || self.hold.len() > MAX_SPACE {
            return Err(super::super::exhausted(self.gnu).into());
        }
        Ok(Flow::Next)
    }

    fn next_line(&mut self, sys: &mut Sys<'_>, append: bool) -> Result<Flow, String> {
        match self.inputs.has_more(sys, true) {
            Err(wait) => return Ok(Flow::Wait(wait)),
            Ok(false) => {
                // Without another line GNU's sed prints the pattern space, and the script is over.
                self.quit = Some(0);
                let silent = self.quiet || append && self.posix;
                if !silent {
                    let pattern = self.pattern.clone();
                    self.print(sys, &pattern, self.ended);
                }
                return Ok(Flow::Exit);
            }
            Ok(true) => {}
        }
        if !append && !self.quiet {
            let pattern = self.pattern.clone();
            self.print(sys, &pattern, self.ended);
        }
        self.put_appended(sys);
        match self.read(sys, append)? {
            None => Ok(Flow::Next),
            Some(Flow::Wait(wait)) => Ok(Flow::Wait(wait)),
            Some(_) => {
                self.quit = Some(0);
                Ok(Flow::Exit)
            }
        }
    }

    fn substitute(&mut self, sys: &mut Sys<'_>, how: &Substitute) -> Result<(), String> {
        let (first, regex) = self.find(how.regex.clone(), 0)?;
        let Some(mut found) = first else { return Ok(()) };
        let text = std::mem::take(&mut self.pattern);
        let mut out = Vec::with_capacity(text.len() + 16);
        let (mut copied, mut count, mut done) = (0, 0, false);
        let mut before = None;
        let wanted = how.number.max(1);
        loop {
            let (start, end) = (found.start(), found.end());
            // An empty match right behind the one before does not count.
            if !(start == end && before == Some(start)) {
                count += 1;
                if count >= wanted {
                    out.extend_from_slice(text.get(copied..start).unwrap_or_default());
                    put_in(&mut out, &how.with, &found, &text);
                    copied = end;
                    done = true;
                    if !how.global {
                        break;
                    }
                } else {
                    out.extend_from_slice(text.get(copied..end).unwrap_or_default());
                    copied = end;
                }
            }
            before = Some(end);
            let mut from = end;
            if start == end {
                let len = match regex.flags().utf8 {
                    true => char_len(&text, end),
                    false => 1,
                };
                out.extend_from_slice(text.get(copied..(end + len).min(text.len())).unwrap_or_default());
                from = end + len;
                copied = from.min(text.len());
            }
            match regex.find_at(&text, from) {
                Some(next) if out.len() <= MAX_SPACE => found = next,
                _ => break,
            }
        }
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
        self.pattern = if done { out } else { text };
        if !done {
            return Ok(());
        }
        self.replaced = true;
        if self.pattern.len() > MAX_SPACE {
            return Err(super::super::exhausted(self.gnu).into());
        }
        if how.print {
            let pattern = self.pattern.clone();
            self.print(sys, &pattern, true);
        }
        if let Some(number) = how.write {
            let pattern = self.pattern.clone();
            self.write_file(sys, number, &pattern);
        }
        Ok(())
    }
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|b| *b == b'\n').next().unwrap_or_default()
}

fn char_len(text: &[u8], at: usize) -> usize {
    let rest = text.get(at + 1..).unwrap_or_default();
    1 + rest.iter().take_while(|b| **b & 0xc0 == 0x80).take(3).count()
}

/// Puts a replacement in, with its changes of case.
fn put_in(out: &mut Vec<u8>, with: &[Piece], found: &Match, text: &[u8]) {
    let (mut all, mut one) = (b'E', None);
    for piece in with {
        let bytes = match piece {
            Piece::Text(bytes) => &bytes[..],
            Piece::Group(number) => found.text(text, *number),
            Piece::Case(letter @ (b'u' | b'l')) => {
                one = Some(*letter);
                continue;
            }
            Piece::Case(letter) => {
                (all, one) = (*letter, None);
                continue;
            }
        };
        if bytes.is_empty() {
            continue;
        }
        if all == b'E' && one.is_none() {
            out.extend_from_slice(bytes);
            continue;
        }
        for (n, c) in String::from_utf8_lossy(bytes).chars().enumerate() {
            let case = if n == 0 { one.take().unwrap_or(all) } else { all };
            let changed: String = match case {
                b'U' | b'u' => c.to_uppercase().collect(),
                b'L' | b'l' => c.to_lowercase().collect(),
                _ => c.to_string(),
            };
            out.extend_from_slice(changed.as_bytes());
        }
    }
}

/// A pattern space as `l` shows it.
fn listed(text: &[u8], wrap: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut column = 0;
    for b in text {
        let shown = match b {
            b'\\' => "\\\\".to_string(),
            7 => "\\a".into(),
            8 => "\\b".into(),
            12 => "\\f".into(),
            b'\n' => "\\n".into(),
            b'\r' => "\\r".into(),
            b'\t' => "\\t".into(),
            11 => "\\v".into(),
            32..127 => char::from(*b).to_string(),
            _ => format!("\\{b:03o}"),
        };
        if wrap > 1 && column + shown.len() > wrap - 1 {
            out.extend_from_slice(b"\\\n");
            column = 0;
        }
        column += shown.len();
        out.extend_from_slice(shown.as_bytes());
    }
    out.extend_from_slice(b"$\n");
    out
}
