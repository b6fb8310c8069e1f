//! Input in lines: operand files and standard input in turn, as much as is there.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::machine::errno::Errno;
use crate::machine::kernel::{Fd, Input, OpenOptions, Sys, Wait};

/// How much is read at once.
const PIECE: usize = 32768;

/// How long a line may be; what is longer does not end.
pub const MAX_LINE: usize = 32 << 20;

/// The files of a command line, read one after the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Inputs {
    files: VecDeque<String>,
    fd: Option<Fd>,
    /// The operand that is read.
    pub name: String,
    buffer: Vec<u8>,
    at: usize,
    /// How much of the buffer was searched for the end of a line.
    searched: usize,
    ended: bool,
    /// What ends a line.
    pub separator: u8,
    /// Whether `-` is a file like others.
    pub plain_dash: bool,
}

/// What comes next.
pub enum Next {
    /// A file was opened.
    Opened,
    /// A line without its end, and whether it had one.
    Line(Vec<u8>, bool),
    /// Bytes, where those are asked for.
    Bytes(Vec<u8>),
    /// The file is at its end, or could not be read.
    FileEnd(Option<Errno>),
    /// A file could not be opened.
    Failed(Errno),
    /// There is nothing more.
    End,
    /// Nothing is there yet.
    Wait(Wait),
}

impl Inputs {
    /// Those files; standard input where there are none.
    pub fn new(files: &[String]) -> Inputs {
        let files: VecDeque<String> = if files.is_empty() { ["-".to_string()].into() } else { files.to_vec().into() };
        Inputs { files, separator: b'\n', ..Inputs::default() }
    }

    /// Puts files before those that are left.
    pub fn push_first(&mut self, files: Vec<String>) {
        for file in files.into_iter().rev() {
            self.files.push_front(file);
        }
    }

    /// The open file's descriptor.
    pub fn fd(&self) -> Option<Fd> {
        self.fd
    }

    /// The rest of the file is not wanted.
    pub fn skip_file(&mut self, sys: &mut Sys<'_>) {
        self.close(sys);
        (self.buffer, self.at, self.searched, self.ended) = (Vec::new(), 0, 0, false);
    }

    /// What was read from the file and not handed out.
    pub fn unread(&self) -> usize {
        self.buffer.len().saturating_sub(self.at)
    }

    fn close(&mut self, sys: &mut Sys<'_>) {
        if let Some(fd) = self.fd.take()
            && fd != 0
        {
            let _ = sys.close(fd);
        }
    }

    fn open(&mut self, sys: &mut Sys<'_>) -> Next {
        let Some(file) = self.files.pop_front() else { return Next::End };
        self.name = file;
        if self.name == "-" && !self.plain_dash {
            self.fd = Some(0);
            return Next::Opened;
        }
        match sys.open(&self.name, OpenOptions::READ) {
            Ok(fd) => {
                self.fd = Some(fd);
                Next::Opened
            }
            Err(fault) => Next::Failed(fault),
        }
    }

    /// Reads on. None where there is something to hand out now.
    fn fill(&mut self, sys: &mut Sys<'_>, fd: Fd) -> Option<Next> {
        match sys.read(fd, PIECE) {
            Ok(Input::Bytes(bytes)) => {
                if self.at > 0 {
                    self.buffer.drain(..self.at);
                    self.searched = self.searched.saturating_sub(self.at);
                    self.at = 0;
                }
                self.buffer.extend_from_slice(&bytes);
                (self.buffer.len() > MAX_LINE).then(|| Next::Wait(sys.exhaust()))
            }
            Ok(Input::Wait) => Some(Next::Wait(Wait::input(fd))),
            Ok(Input::End) => {
                self.ended = true;
                None
            }
            Err(fault) => {
                self.skip_file(sys);
                Some(Next::FileEnd(Some(fault)))
            }
        }
    }

    /// The next line or event.
    pub fn next(&mut self, sys: &mut Sys<'_>) -> Next {
        let Some(fd) = self.fd else { return self.open(sys) };
        loop {
            let from = self.searched.max(self.at);
            let rest = self.buffer.get(from..).unwrap_or_default();
            if let Some(len) = rest.iter().position(|b| *b == self.separator) {
                let line = self.buffer.get(self.at..from + len).unwrap_or_default().to_vec();
                self.at = from + len + 1;
                self.searched = self.at;
                return Next::Line(line, true);
            }
            self.searched = self.buffer.len();
            if self.ended {
                let line = self.buffer.get(self.at..).unwrap_or_default().to_vec();
                if !line.is_empty() {
                    self.at = self.buffer.len();
                    return Next::Line(line, false);
                }
                self.skip_file(sys);
                return Next::FileEnd(None);
            }
            if let Some(event) = self.fill(sys, fd) {
                return event;
            }
        }
    }

    /// The next piece of bytes or event.
    pub fn next_bytes(&mut self, sys: &mut Sys<'_>) -> Next {
        let Some(fd) = self.fd else { return self.open(sys) };
        loop {
            if self.at < self.buffer.len() {
                let bytes = self.buffer.split_off(self.at);
                (self.buffer, self.at, self.searched) = (Vec::new(), 0, 0);
                return Next::Bytes(bytes);
            }
            if self.ended {
                self.skip_file(sys);
                return Next::FileEnd(None);
            }
            if let Some(event) = self.fill(sys, fd) {
                return event;
            }
        }
    }

    /// Gives what was read too much of a seekable standard input back, as tools do that share it with others.
    pub fn give_back(&mut self, sys: &mut Sys<'_>) {
        let unread = self.unread() as i64;
        if let (Some(fd), true) = (self.fd, unread > 0) {
            let _ = sys.seek(fd, crate::machine::kernel::sys::Seek::Current(-unread));
        }
    }

    /// Whether any line is still to come, as far as that can be told now; none where it cannot yet.
    pub fn has_more(&mut self, sys: &mut Sys<'_>, across: bool) -> Result<bool, Wait> {
        loop {
            if let Some(fd) = self.fd {
                if self.at < self.buffer.len() {
                    return Ok(true);
                }
                if !self.ended {
                    match self.fill(sys, fd) {
                        Some(Next::Wait(wait)) => return Err(wait),
                        _ => continue,
                    }
                }
            }
            if !across || !self.next_is_readable(sys)? {
                return Ok(false);
            }
            return Ok(true);
        }
    }

    /// Whether one of the files that are left has something in it.
    fn next_is_readable(&self, sys: &mut Sys<'_>) -> Result<bool, Wait> {
        for name in &self.files {
            if name == "-" && !self.plain_dash {
                return Ok(true);
            }
            match sys.stat(name) {
                Ok(stat)
                    if stat.kind == crate::machine::kernel::sys::Kind::File
                        && stat.size == 0
                        && stat.disk != "proc" => {}
                Ok(stat) if stat.kind == crate::machine::kernel::sys::Kind::Dir => {}
                Ok(_) => return Ok(true),
                Err(_) => {}
            }
        }
        Ok(false)
    }
}

/// Whether characters are UTF-8's in this container: musl's always are.
pub fn is_utf8(sys: &Sys<'_>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|v| sys.env(v).filter(|v| !v.is_empty()));
    let named = locale.is_some_and(|l| l.to_ascii_lowercase().replace('-', "").contains("utf8"));
    named || crate::machine::images::has_musl(sys.image())
}

/// Reads a whole small file, or standard input where all of it is there. None where it has to be waited for.
///
/// # Errors
/// As `open(2)` and `read(2)`.
pub fn read_whole(sys: &mut Sys<'_>, name: &str) -> Result<Vec<u8>, Errno> {
    if name != "-" && name != "/dev/stdin" {
        return sys.read_file(name).map(|bytes| bytes.to_vec());
    }
    let mut all = Vec::new();
    while let Input::Bytes(bytes) = sys.read(0, PIECE)? {
        all.extend_from_slice(&bytes);
        if all.len() > 64 << 20 {
            break;
        }
    }
    Ok(all)
}
