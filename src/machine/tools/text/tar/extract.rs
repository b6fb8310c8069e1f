//! Reading archives.

use serde::{Deserialize, Serialize};

use super::header::{BLOCK, Header, listed, parse};
use super::{Mode, Tar};
use crate::api::Time;
use crate::machine::errno::Errno;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Fd, Input, OpenOptions, Status, Sys, Turn, Wait};
use crate::machine::tools::text::gzip;

/// How much is read at once.
const PIECE: usize = 32768;

/// A member whose contents are on their way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    left: u64,
    padding: u64,
    to: To,
    path: String,
    time: i64,
}

/// Where contents go.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum To {
    Nowhere,
    File(Fd),
    Stdout,
    /// A long name (`L`), link (`K`) or extended header (`x`).
    Text(u8, Vec<u8>),
}

impl Tar {
    /// Reads on, or handles what was read.
    pub(super) fn read(&mut self, sys: &mut Sys<'_>) -> Turn {
        let there = self.data.len() - self.at;
        let packed = self.gzip || there >= 2 && self.data.get(self.at..self.at + 2) == Some(&[0x1f, 0x8b]) && !self.any;
        let wanted = if self.entry.is_some() { 1 } else { BLOCK };
        if (there < wanted || packed) && !self.ended {
            return self.fill(sys);
        }
        if packed {
            self.gzip = false;
            let data = self.data.split_off(self.at);
            self.at = 0;
            match gzip::unpack(&data) {
                Ok(data) => self.data = data,
                Err(format) => return self.damaged(sys, format),
            }
            return Turn::Again;
        }
        if self.entry.is_some() {
            return self.contents(sys);
        }
        if there < BLOCK {
            return self.finish_reading(sys);
        }
        let block = self.data.get(self.at..self.at + BLOCK).unwrap_or_default().to_vec();
        self.at += BLOCK;
        if block.iter().all(|b| *b == 0) {
            // The end; what follows is passed over.
            if there >= 2 * BLOCK || self.ended {
                return self.drain(sys);
            }
            return Turn::Again;
        }
        let Some(header) = parse(&block) else { return self.not_an_archive(sys) };
        self.any = true;
        self.member_read(sys, header)
    }

    fn fill(&mut self, sys: &mut Sys<'_>) -> Turn {
        if self.at > 0 {
            self.data.drain(..self.at);
            self.at = 0;
        }
        match sys.read(self.archive, PIECE) {
            Ok(Input::Bytes(bytes)) => self.data.extend_from_slice(&bytes),
            Ok(Input::Wait) => return Turn::Wait(Wait::input(self.archive)),
            Ok(Input::End) | Err(_) => self.ended = true,
        }
        Turn::Again
    }

    /// Reads the rest of the input away, so that whoever writes it is not cut off.
    fn drain(&mut self, sys: &mut Sys<'_>) -> Turn {
        loop {
            match sys.read(self.archive, PIECE) {
                Ok(Input::Bytes(_)) => {}
                _ => return self.finish_reading(sys),
            }
        }
    }

    fn damaged(&mut self, sys: &mut Sys<'_>, format: bool) -> Turn {
        sys.err(match (self.gnu, format) {
            (true, true) => "\ngzip: stdin: not in gzip format\ntar: Child returned status 1\ntar: Error is not recoverable: exiting now\n",
            (true, false) => "\ngzip: stdin: unexpected end of file\ntar: Unexpected EOF in archive\ntar: Error is not recoverable: exiting now\n",
            (false, true) => "tar: invalid magic\ntar: short read\n",
            (false, false) => "tar: corrupted data\ntar: short read\n",
        });
        Turn::Exit(Status::Code(if self.gnu { 2 } else { 1 }))
    }

    fn not_an_archive(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.gnu {
            sys.err("tar: invalid tar magic\n");
            return Turn::Exit(Status::Code(1));
        }
        if !self.any {
            self.complain(sys, "This does not look like a tar archive");
        } else {
            self.complain(sys, "Skipping to next header");
        }
        self.exit(sys)
    }

    fn finish_reading(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.any && self.ended && self.data.len() - self.at > 0 && self.gnu {
            self.complain(sys, "This does not look like a tar archive");
        }
        if !self.any && self.ended && self.at == 0 && !self.gnu {
            sys.err("tar: short read\n");
            return Turn::Exit(Status::Code(1));
        }
        for (path, mode, time) in std::mem::take(&mut self.folders).into_iter().rev() {
            let _ = sys.chmod(&path, mode);
            if self.keep_time {
                let _ = sys.set_modified(&path, Time(time.saturating_mul(1000)));
            }
        }
        let missing: Vec<String> = self
            .names
            .iter()
            .zip(&self.found)
            .filter(|(_, found)| !**found)
            .map(|((_, name), _)| name.clone())
            .collect();
        for name in missing {
            let text = if self.gnu {
                format!("{name}: Not found in archive")
            } else {
                format!("{name}: not found in archive")
            };
            self.complain(sys, &text);
        }
        self.exit(sys)
    }

    /// Takes the contents of the member at hand as far as they are there.
    fn contents(&mut self, sys: &mut Sys<'_>) -> Turn {
        let Some(mut entry) = self.entry.take() else { return Turn::Again };
        let there = self.data.len() - self.at;
        let take = there.min(usize::try_from(entry.left).unwrap_or(usize::MAX)).min(PIECE);
        let bytes = self.data.get(self.at..self.at + take).unwrap_or_default().to_vec();
        self.at += take;
        entry.left -= take as u64;
        match &mut entry.to {
            To::Nowhere => {}
            To::File(fd) => {
                if let Err(fault) = sys.write(*fd, &bytes) {
                    let text = sys.text(fault);
                    let path = entry.path.clone();
                    let said =
                        if self.gnu { format!("{path}: Cannot write: {text}") } else { format!("write error: {text}") };
                    self.complain(sys, &said);
                    let _ = sys.close(*fd);
                    entry.to = To::Nowhere;
                }
            }
            To::Stdout => {
                let _ = sys.write(1, &bytes);
            }
            To::Text(_, text) => text.extend_from_slice(&bytes),
        }
        if entry.left == 0 {
            let skip = (self.data.len() - self.at).min(entry.padding as usize);
            self.at += skip;
            entry.padding -= skip as u64;
        }
        if entry.left > 0 || entry.padding > 0 {
            let stuck = self.ended && self.at == self.data.len();
            if !stuck {
                self.entry = Some(entry);
                return Turn::Again;
            }
            if entry.left > 0 {
                let text = if self.gnu { "Unexpected EOF in archive" } else { "short read" };
                self.complain(sys, text);
                if self.gnu {
                    sys.err("tar: Error is not recoverable: exiting now\n");
                }
                return Turn::Exit(Status::Code(self.code));
            }
        }
        match entry.to {
            To::File(fd) => {
                let _ = sys.close(fd);
                if self.keep_time {
                    let _ = sys.set_modified(&entry.path, Time(entry.time.saturating_mul(1000)));
                }
            }
            To::Text(kind, text) => self.long(kind, &text),
            _ => {}
        }
        Turn::Again
    }

    /// Remembers a name that is too long for a header.
    fn long(&mut self, kind: u8, text: &[u8]) {
        let plain = || {
            let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
            String::from_utf8_lossy(&text[..end]).into_owned()
        };
        match kind {
            b'L' => self.long_name = Some(plain()),
            b'K' => self.long_link = Some(plain()),
            b'x' => {
                for record in String::from_utf8_lossy(text).lines() {
                    let Some((key, value)) = record.split_once(' ').and_then(|(_, r)| r.split_once('=')) else {
                        continue;
                    };
                    match key {
                        "path" => self.long_name = Some(value.to_string()),
                        "linkpath" => self.long_link = Some(value.to_string()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn member_read(&mut self, sys: &mut Sys<'_>, mut header: Header) -> Turn {
        let size = if matches!(header.kind, b'1' | b'2' | b'3' | b'4' | b'5' | b'6') { 0 } else { header.size };
        let mut entry = Entry {
            left: size,
            padding: (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64,
            to: To::Nowhere,
            path: String::new(),
            time: header.time,
        };
        if matches!(header.kind, b'L' | b'K' | b'x' | b'g') {
            entry.to = To::Text(header.kind, Vec::new());
            self.entry = Some(entry);
            return Turn::Again;
        }
        header.name = self.long_name.take().unwrap_or(header.name);
        header.link = self.long_link.take().unwrap_or(header.link);
        if header.kind == b'0' && header.name.ends_with('/') {
            header.kind = b'5';
        }
        if self.wants(&header.name) && !self.is_excluded(&header.name) {
            self.take_member(sys, &header, &mut entry);
        }
        if entry.left > 0 || matches!(entry.to, To::File(_)) {
            self.entry = Some(entry);
        }
        Turn::Again
    }

    fn wants(&mut self, name: &str) -> bool {
        if self.names.is_empty() {
            return true;
        }
        let bare = name.trim_end_matches('/');
        let mut is = false;
        for ((_, wanted), found) in self.names.iter().zip(self.found.iter_mut()) {
            let wanted = wanted.trim_end_matches('/');
            let inside = bare == wanted || bare.strip_prefix(wanted).is_some_and(|r| r.starts_with('/'));
            let glob =
                wanted.contains(['*', '?', '[']) && super::super::glob::matches(wanted.as_bytes(), bare.as_bytes());
            if inside || glob {
                *found = true;
                is = true;
            }
        }
        is
    }

    fn take_member(&mut self, sys: &mut Sys<'_>, header: &Header, entry: &mut Entry) {
        if self.mode == Mode::List {
            let zone = jiff::tz::TimeZone::get(sys.env("TZ").unwrap_or_default()).unwrap_or(jiff::tz::TimeZone::UTC);
            let line = if self.verbose { listed(header, self.gnu, &zone) } else { header.name.clone() };
            self.out.put(format!("{line}\n"));
            return;
        }
        let mut path = header.name.clone();
        if !self.absolute {
            path = path.trim_start_matches('/').to_string();
        }
        if path.split('/').any(|p| p == "..") {
            let text = match self.gnu {
                true => format!("{path}: Member name contains '..'"),
                false => format!("name with '..' skipped: '{path}'"),
            };
            return self.complain(sys, &text);
        }
        if self.strip > 0 {
            let parts: Vec<&str> = path.trim_end_matches('/').split('/').filter(|p| *p != ".").collect();
            if parts.len() <= self.strip {
                return;
            }
            path = parts[self.strip..].join("/");
        }
        if self.verbose {
            self.out.put(format!("{}\n", header.name));
        }
        if self.to_stdout {
            if header.kind == b'0' || header.kind == 0 {
                let _ = self.out.flush(sys);
                entry.to = To::Stdout;
            }
            return;
        }
        let path = path.trim_end_matches('/').to_string();
        let path = if path.is_empty() { ".".to_string() } else { path };
        make_parents(sys, &path);
        if let Err(fault) = self.make(sys, header, &path, entry) {
            let text = sys.text(fault);
            let said = match self.gnu {
                true if header.kind == b'5' => format!("{path}: Cannot mkdir: {text}"),
                true => format!("{path}: Cannot open: {text}"),
                false => format!("can't open '{path}': {text}"),
            };
            self.complain(sys, &said);
        }
    }

    fn make(&mut self, sys: &mut Sys<'_>, header: &Header, path: &str, entry: &mut Entry) -> Result<(), Errno> {
        let there = sys.lstat(path).ok();
        let mode = header.mode & 0o7777;
        let mode = if self.keep_mode { mode } else { mode & !sys.process().umask & 0o777 };
        if header.kind == b'5' {
            if there.is_none_or(|s| s.kind != Kind::Dir) {
                sys.mkdir(path, 0o755)?;
            }
            self.own(sys, header, path);
            self.folders.push((path.to_string(), mode, header.time));
            return Ok(());
        }
        if let Some(there) = there {
            if self.keep_old {
                return Err(Errno::Exist);
            }
            // A file that is mounted cannot be taken away: it is written over.
            match there.kind {
                Kind::Dir => sys.rmdir(path)?,
                _ => drop(sys.unlink(path)),
            }
        }
        match header.kind {
            b'2' => {
                sys.symlink(&header.link, path)?;
                self.own(sys, header, path);
            }
            b'1' => sys.link(header.link.trim_start_matches('/'), path)?,
            b'6' => sys.mkfifo(path, mode)?,
            b'3' | b'4' => return Err(Errno::Perm),
            _ => {
                let fd = sys.open(path, OpenOptions { mode: 0o600, ..OpenOptions::WRITE })?;
                self.own(sys, header, path);
                let _ = sys.chmod(path, mode);
                entry.to = To::File(fd);
                entry.path = path.to_string();
                if entry.left == 0 {
                    let _ = sys.close(fd);
                    entry.to = To::Nowhere;
                    if self.keep_time {
                        let _ = sys.set_modified(path, Time(header.time.saturating_mul(1000)));
                    }
                }
            }
        }
        Ok(())
    }

    fn own(&self, sys: &mut Sys<'_>, header: &Header, path: &str) {
        if self.keep_owner {
            let _ = sys.chown(path, Some(header.uid), Some(header.gid), false);
        }
    }
}

fn make_parents(sys: &mut Sys<'_>, path: &str) {
    for (at, _) in path.match_indices('/').filter(|(at, _)| *at > 0) {
        let folder = path.get(..at).unwrap_or_default();
        if sys.stat(folder).is_err() {
            let _ = sys.mkdir(folder, 0o777);
        }
    }
}
