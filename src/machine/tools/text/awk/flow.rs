//! What awk reads and prints while it runs.

use super::ast::Redirect;
use super::code::{GetlineFrom, Place};
use super::io::{Got, Reader, Separator, Stream};
use super::run::Trap;
use super::value::Value;
use super::{ARGC, ARGV, Awk, FILENAME, FNR, NR, OFMT, OFS, ORS, RS};
use crate::machine::bytes::Bytes;
use crate::machine::kernel::{OpenOptions, Sys};

impl Awk {
    fn separator(&mut self) -> Separator {
        let rs = self.globals[RS].clone();
        let rs = self.text_of(&rs);
        match &rs[..] {
            b"" => Separator::Paragraph,
            [b] => Separator::Byte(*b),
            pattern => match self.regex_of(pattern) {
                Some(regex) => Separator::Regex(regex),
                None => Separator::Byte(b'\n'),
            },
        }
    }

    pub(super) fn count_record(&mut self) {
        for number in [NR, FNR] {
            let count = self.globals[number].number() + 1.0;
            self.globals[number] = Value::Number(count);
        }
    }

    /// The next record of the main input; none at its end.
    pub(super) fn next_record(&mut self, sys: &mut Sys<'_>) -> Result<Option<Vec<u8>>, Trap> {
        loop {
            if self.main.is_none() && !self.next_file(sys)? {
                return Ok(None);
            }
            let by = self.separator();
            let Some(reader) = &mut self.main else { return Ok(None) };
            match reader.record(sys, &by) {
                Got::Record(record) => return Ok(Some(record)),
                Got::Wait(wait) => return Err(Trap::Wait(wait)),
                Got::Fault(fault) => {
                    let text = sys.text(fault);
                    return Err(Trap::Fatal(if self.gnu { format!("read error ({text})") } else { text.into() }));
                }
                Got::End => {
                    let fd = reader.fd;
                    if fd > 2 {
                        let _ = sys.close(fd);
                    }
                    self.main = None;
                }
            }
        }
    }

    /// Opens the next file of the command line; standard input where there is none.
    fn next_file(&mut self, sys: &mut Sys<'_>) -> Result<bool, Trap> {
        loop {
            let count = self.globals[ARGC].number() as usize;
            if self.operand >= count.min(100_000) {
                if self.any_file {
                    return Ok(false);
                }
                self.any_file = true;
                self.main = Some(Reader::new(0));
                return Ok(true);
            }
            let key = Bytes::from(self.operand.to_string().into_bytes());
            self.operand += 1;
            let Value::Array(id) = self.globals[ARGV] else { return Ok(false) };
            let value = match self.arrays.get_mut(&id) {
                Some(argv) if argv.contains(&key) => argv.element(&key, false).clone(),
                _ => continue,
            };
            let name = String::from_utf8_lossy(&self.text_of(&value)).into_owned();
            if name.is_empty() || self.assign_operand(&name) {
                continue;
            }
            self.any_file = true;
            let opened = if name == "-" { Ok(0) } else { sys.open(&name, OpenOptions::READ) };
            match opened {
                Ok(fd) => {
                    self.globals[FILENAME] = Value::text(name.into_bytes());
                    self.globals[FNR] = Value::Number(0.0);
                    self.main = Some(Reader::new(fd));
                    return Ok(true);
                }
                Err(fault) => {
                    let text = sys.text(fault);
                    if self.gnu {
                        return Err(Trap::Fatal(format!("cannot open {name} ({text})")));
                    }
                    self.flush_all(sys);
                    sys.err(format!("{}: {name}: {text}\n", self.name));
                    self.code_of_exit = 1;
                    return Err(Trap::Exit);
                }
            }
        }
    }

    pub(super) fn getline(&mut self, sys: &mut Sys<'_>, from: GetlineFrom, place: Option<Place>) -> Result<(), Trap> {
        if from == GetlineFrom::Main {
            let record = self.next_record(sys)?;
            let key = place.and_then(|p| self.pop_key(p));
            let got = record.is_some();
            if let Some(record) = record {
                self.count_record();
                match place {
                    Some(place) => self.set(place, key.as_ref(), Value::input(record))?,
                    None => self.set_record(record.into()),
                }
            }
            self.push_number(f64::from(u8::from(got)));
            return Ok(());
        }
        // The name stays on the stack until the record is there.
        let name = self.stack.last().cloned().unwrap_or_default();
        let name = self.text_of(&name);
        let command = from == GetlineFrom::Command;
        let stream = [if command { &b"<|"[..] } else { b"<" }, &name[..]].concat();
        let mut got = None;
        let mut failed = !self.streams.contains_key(&stream) && !self.open_input(sys, &stream, &name, command);
        if !failed {
            let by = self.separator();
            if let Some(reader) = self.streams.get_mut(&stream).and_then(|s| s.reader.as_mut()) {
                match reader.record(sys, &by) {
                    Got::Record(record) => got = Some(record),
                    Got::Wait(wait) => return Err(Trap::Wait(wait)),
                    Got::Fault(_) => failed = true,
                    Got::End => {}
                }
            }
        }
        drop(self.pop());
        let key = place.and_then(|p| self.pop_key(p));
        let result = match (&got, failed) {
            (Some(_), _) => 1.0,
            (None, true) => -1.0,
            _ => 0.0,
        };
        if let Some(record) = got {
            if command {
                let count = self.globals[NR].number() + 1.0;
                self.globals[NR] = Value::Number(count);
            }
            match place {
                Some(place) => self.set(place, key.as_ref(), Value::input(record))?,
                None => self.set_record(record.into()),
            }
        }
        self.push_number(result);
        Ok(())
    }

    fn open_input(&mut self, sys: &mut Sys<'_>, key: &[u8], name: &[u8], command: bool) -> bool {
        let name = String::from_utf8_lossy(name).into_owned();
        let opened = if command {
            self.flush_all(sys);
            let others: Vec<_> = self.streams.values().map(|s| s.fd).filter(|fd| *fd > 2).collect();
            Stream::command(sys, &name, false, &others)
        } else {
            let fd =
                if matches!(name.as_str(), "-" | "/dev/stdin") { Ok(0) } else { sys.open(&name, OpenOptions::READ) };
            fd.map(|fd| Stream { fd, out: None, reader: Some(Reader::new(fd)), pid: None })
        };
        match opened {
            Ok(stream) => {
                self.streams.insert(key.to_vec(), stream);
                true
            }
            Err(_) => false,
        }
    }

    pub(super) fn print(&mut self, sys: &mut Sys<'_>, count: usize, redirect: Redirect) -> Result<(), Trap> {
        let to = if redirect == Redirect::No { None } else { Some(self.pop_text()) };
        let values = self.stack.split_off(self.stack.len().saturating_sub(count));
        let mut line = Vec::new();
        if values.is_empty() {
            line.extend_from_slice(&self.whole());
        }
        let ofs = self.globals[OFS].clone();
        let ofs = self.text_of(&ofs);
        for (n, value) in values.iter().enumerate() {
            if n > 0 {
                line.extend_from_slice(&ofs);
            }
            match value {
                Value::Number(number) => line.extend_from_slice(&self.number_text(*number, OFMT)),
                other => line.extend_from_slice(&self.text_of(other)),
            }
        }
        let ors = self.globals[ORS].clone();
        line.extend_from_slice(&self.text_of(&ors));
        self.put(sys, line, redirect, to)
    }

    pub(super) fn printf(&mut self, sys: &mut Sys<'_>, count: usize, redirect: Redirect) -> Result<(), Trap> {
        let to = if redirect == Redirect::No { None } else { Some(self.pop_text()) };
        let values = self.stack.split_off(self.stack.len().saturating_sub(count));
        let format = self.text_of(values.first().unwrap_or(&Value::None));
        let text = self
            .format(&format, values.get(1..).unwrap_or_default())
            .map_err(|e| self.format_fault(&format, "printf", e))?;
        self.put(sys, text, redirect, to)
    }

    pub(super) fn format_fault(&self, format: &[u8], function: &str, fault: String) -> Trap {
        let text = String::from_utf8_lossy(format);
        Trap::Fatal(if self.gnu { format!("{fault} passed to {function}(\"{text}\")") } else { fault })
    }

    fn put(&mut self, sys: &mut Sys<'_>, text: Vec<u8>, redirect: Redirect, to: Option<Bytes>) -> Result<(), Trap> {
        let Some(to) = to else {
            self.out.put(text);
            return Ok(());
        };
        let name = String::from_utf8_lossy(&to).into_owned();
        if redirect != Redirect::Pipe && name == "/dev/stdout" {
            self.out.put(text);
            return Ok(());
        }
        let pipe = redirect == Redirect::Pipe;
        let key = [if pipe { &b"|"[..] } else { b">" }, &to[..]].concat();
        if !self.streams.contains_key(&key) {
            if pipe {
                self.flush_all(sys);
            }
            let others: Vec<_> = self.streams.values().map(|s| s.fd).filter(|fd| *fd > 2).collect();
            let opened = match pipe {
                true => Stream::command(sys, &name, true, &others),
                false => Stream::file(sys, &name, redirect == Redirect::Append),
            };
            match opened {
                Ok(stream) => self.streams.insert(key.clone(), stream),
                Err(fault) => {
                    let why = sys.text(fault);
                    return Err(Trap::Fatal(match self.gnu {
                        true => format!("cannot open \"{name}\" for output"),
                        false => format!("can't open '{name}': {why}"),
                    }));
                }
            };
        }
        if let Some(out) = self.streams.get_mut(&key).and_then(|s| s.out.as_mut()) {
            out.put(text);
            let _ = out.settle(sys);
        }
        Ok(())
    }
}
