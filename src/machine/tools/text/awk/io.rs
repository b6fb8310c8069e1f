//! What awk reads and writes: records, files and commands.

use serde::{Deserialize, Serialize};

use crate::machine::errno::Errno;
use crate::machine::kernel::{Fd, Input, OpenOptions, Pid, Program, Status, Sys, Wait};
use crate::machine::tools::text::input::MAX_LINE;
use crate::machine::tools::text::out::Out;
use crate::machine::tools::text::regex::Regex;

/// How much is read at once.
const PIECE: usize = 32768;

/// What ends a record.
#[derive(Debug, Clone)]
pub enum Separator {
    Byte(u8),
    /// Empty lines.
    Paragraph,
    Regex(Regex),
}

/// What reading a record gave.
pub enum Got {
    Record(Vec<u8>),
    End,
    Wait(Wait),
    Fault(Errno),
}

/// An open file that is read in records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reader {
    pub fd: Fd,
    buffer: Vec<u8>,
    at: usize,
    searched: usize,
    ended: bool,
}

impl Reader {
    /// Reads from a descriptor.
    pub fn new(fd: Fd) -> Reader {
        Reader { fd, buffer: Vec::new(), at: 0, searched: 0, ended: false }
    }

    /// Where the record at hand ends, and how long its end is; none where more must be read for that.
    fn find(&mut self, by: &Separator) -> Option<(usize, usize)> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        match by {
            Separator::Byte(b) => {
                let from = self.searched.max(self.at);
                let found = self.buffer.get(from..).unwrap_or_default().iter().position(|c| c == b);
                if found.is_none() {
                    self.searched = self.buffer.len();
                }
                found.map(|p| (from + p - self.at, 1))
            }
            Separator::Paragraph => {
                let at = rest.windows(2).position(|w| w == b"\n\n")?;
                let newlines = rest[at..].iter().take_while(|b| **b == b'\n').count();
                (at + newlines < rest.len() || self.ended).then_some((at, newlines))
            }
            Separator::Regex(regex) => {
                let found = regex.find(rest)?;
                let empty = found.start() == found.end();
                (!empty && (found.end() < rest.len() || self.ended))
                    .then_some((found.start(), found.end() - found.start()))
            }
        }
    }

    /// The next record.
    pub fn record(&mut self, sys: &mut Sys<'_>, by: &Separator) -> Got {
        loop {
            if matches!(by, Separator::Paragraph) {
                while self.buffer.get(self.at) == Some(&b'\n') {
                    self.at += 1;
                }
            }
            if let Some((len, end)) = self.find(by) {
                let record = self.buffer.get(self.at..self.at + len).unwrap_or_default().to_vec();
                self.at += len + end;
                self.searched = self.at;
                return Got::Record(record);
            }
            if self.ended {
                let mut record = self.buffer.get(self.at..).unwrap_or_default().to_vec();
                self.at = self.buffer.len();
                if record.is_empty() {
                    return Got::End;
                }
                if !matches!(by, Separator::Byte(_)) && record.last() == Some(&b'\n') {
                    record.pop();
                }
                return Got::Record(record);
            }
            match sys.read(self.fd, PIECE) {
                Ok(Input::Bytes(bytes)) => {
                    self.buffer.drain(..self.at);
                    self.searched = self.searched.saturating_sub(self.at);
                    self.at = 0;
                    self.buffer.extend_from_slice(&bytes);
                    if self.buffer.len() > MAX_LINE {
                        return Got::Wait(sys.exhaust());
                    }
                }
                Ok(Input::Wait) => return Got::Wait(Wait::input(self.fd)),
                Ok(Input::End) => self.ended = true,
                Err(fault) => {
                    self.ended = true;
                    return Got::Fault(fault);
                }
            }
        }
    }
}

/// A file or command that is open besides the main input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stream {
    pub fd: Fd,
    pub out: Option<Out>,
    pub reader: Option<Reader>,
    pub pid: Option<Pid>,
}

impl Stream {
    /// A file that is written.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn file(sys: &mut Sys<'_>, name: &str, append: bool) -> Result<Stream, Errno> {
        let fd = match name {
            "/dev/stdout" | "-" => 1,
            "/dev/stderr" => 2,
            _ => sys.open(name, if append { OpenOptions::APPEND } else { OpenOptions::WRITE })?,
        };
        let mut out = Out::of(sys, fd);
        if fd == 2 {
            out.make_direct();
        }
        Ok(Stream { fd, out: Some(out), reader: None, pid: None })
    }

    /// A command that is written to, or else read from.
    ///
    /// # Errors
    /// As `fork(2)`.
    pub fn command(sys: &mut Sys<'_>, command: &str, write: bool, others: &[Fd]) -> Result<Stream, Errno> {
        let (out, inn) = sys.pipe();
        let (mine, its, its_fd) = if write { (inn, out, 0) } else { (out, inn, 1) };
        let pid = match spawn(sys, command) {
            Ok(pid) => pid,
            Err(fault) => {
                let _ = (sys.close(out), sys.close(inn));
                return Err(fault);
            }
        };
        let _ = sys.child_dup2(pid, its, its_fd);
        for fd in [out, inn].iter().chain(others) {
            let _ = sys.child_close(pid, *fd);
        }
        let _ = sys.close(its);
        let reader = (!write).then(|| Reader::new(mine));
        let out = write.then(|| Out::of(sys, mine));
        Ok(Stream { fd: mine, out, reader, pid: Some(pid) })
    }
}

/// Starts a command in a shell.
///
/// # Errors
/// As `fork(2)`.
pub fn spawn(sys: &mut Sys<'_>, command: &str) -> Result<Pid, Errno> {
    sys.fork(Program::Command(vec!["/bin/sh".into(), "-c".into(), command.into()]))
}

/// How a child has ended.
///
/// # Errors
/// What is to be waited for, where it has not.
pub fn ended(sys: &mut Sys<'_>, pid: Pid) -> Result<i32, Wait> {
    match sys.wait_child(Some(pid)) {
        Ok(Some((_, Status::Code(code)))) => Ok(i32::from(code)),
        Ok(Some((_, Status::Killed(signal)))) => Ok(256 + signal.number()),
        Ok(None) => Err(Wait::child()),
        Err(_) => Ok(0),
    }
}
