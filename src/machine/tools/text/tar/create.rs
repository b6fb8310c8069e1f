//! Making archives.

use super::Tar;
use super::header::{BLOCK, Header, blocks, listed};
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Input, OpenOptions, Sys, Turn};
use crate::machine::tools::text::gzip;

/// How much of a file is copied at once.
const PIECE: usize = 32768;

/// Archives are as long as a multiple of that.
const RECORD: u64 = 10240;

impl Tar {
    /// Archives one name, or goes on with the file at hand.
    pub(super) fn create(&mut self, sys: &mut Sys<'_>) -> Turn {
        if let Some((fd, left)) = self.copying {
            return self.copy(sys, fd, left);
        }
        let Some((folder, name)) = self.names.pop_front() else { return self.finish(sys) };
        if let Some(folder) = folder
            && let Err(fault) = sys.chdir(&folder)
        {
            let text = sys.text(fault);
            match self.gnu {
                true => {
                    sys.err(format!(
                        "tar: {folder}: Cannot open: {text}\ntar: Error is not recoverable: exiting now\n"
                    ));
                    return Turn::Exit(crate::machine::kernel::Status::Code(2));
                }
                false => {
                    sys.err(format!("tar: can't change directory to '{folder}': {text}\n"));
                    return Turn::Exit(crate::machine::kernel::Status::Code(1));
                }
            }
        }
        if !name.is_empty() && !self.is_excluded(&name) {
            self.member(sys, &name);
        }
        Turn::Again
    }

    fn emit(&mut self, sys: &mut Sys<'_>, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        if self.gzip {
            self.packed.extend_from_slice(bytes);
        } else if let Err(fault) = sys.write(self.archive, bytes)
            && !sys.is_dead()
            && self.code == 0
        {
            let text = sys.text(fault);
            self.complain(sys, &format!("write error: {text}"));
        }
    }

    fn member(&mut self, sys: &mut Sys<'_>, name: &str) {
        let mut stored = name.to_string();
        if let (false, (prefix, rest)) = (self.absolute, name.split_at(unsafe_prefix(name)))
            && !prefix.is_empty()
        {
            if !std::mem::replace(&mut self.told_of_slash, true) {
                sys.err(match self.gnu {
                    true => format!("tar: Removing leading `{prefix}' from member names\n"),
                    false => format!("tar: removing leading '{prefix}' from member names\n"),
                });
            }
            stored = rest.to_string();
        }
        let stat = if self.dereference { sys.stat(name) } else { sys.lstat(name) };
        let stat = match stat {
            Ok(stat) => stat,
            Err(fault) => {
                let text = sys.text(fault);
                let said = if self.gnu { format!("{name}: Cannot stat: {text}") } else { format!("{name}: {text}") };
                return self.complain(sys, &said);
            }
        };
        let named = |id: u32, file: &str, sys: &mut Sys<'_>| {
            let text = sys.read_file(file).map(|b| b.to_vec()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let line = text.lines().find(|l| l.split(':').nth(2) == Some(&id.to_string())).map(str::to_string);
            line.and_then(|l| l.split(':').next().map(str::to_string)).unwrap_or_default()
        };
        let (user, group) = (named(stat.uid, "/etc/passwd", sys), named(stat.gid, "/etc/group", sys));
        let mut header = Header {
            name: stored,
            mode: stat.mode,
            uid: stat.uid,
            gid: stat.gid,
            size: 0,
            time: stat.modified.0.div_euclid(1000),
            kind: b'0',
            link: String::new(),
            user,
            group,
        };
        match stat.kind {
            Kind::Dir => {
                header.kind = b'5';
                header.name = format!("{}/", header.name.trim_end_matches('/'));
                if header.name == "/" && !self.absolute {
                    header.name = "./".into();
                }
            }
            Kind::Link => {
                header.kind = b'2';
                header.link = stat.target.clone().unwrap_or_default();
            }
            Kind::Fifo => header.kind = b'6',
            Kind::File => header.size = stat.size,
            Kind::Socket => {
                if self.gnu {
                    sys.err(format!("tar: {name}: socket ignored\n"));
                }
                return;
            }
            Kind::CharDevice => header.kind = b'3',
            Kind::BlockDevice => header.kind = b'4',
        }
        let mut fd = None;
        if stat.kind == Kind::File {
            match sys.open(name, OpenOptions::READ) {
                Ok(opened) => fd = Some(opened),
                Err(fault) => {
                    let text = sys.text(fault);
                    let said = match self.gnu {
                        true => format!("{name}: Cannot open: {text}"),
                        false => format!("can't open '{name}': {text}"),
                    };
                    return self.complain(sys, &said);
                }
            }
        }
        if self.verbose {
            let _ = listed;
            let line = format!("{}\n", header.name);
            self.out.put(line);
        }
        self.emit(sys, &blocks(&header));
        if let Some(fd) = fd {
            self.copying = Some((fd, stat.size));
        }
        if stat.kind == Kind::Dir && self.recurse {
            let base = name.trim_end_matches('/');
            let base = if base.is_empty() { "" } else { base };
            let entries = match sys.read_dir(name) {
                Ok(entries) => entries,
                Err(fault) => {
                    let text = sys.text(fault);
                    return self.complain(sys, &format!("{name}: Cannot open: {text}"));
                }
            };
            for (entry, _) in entries.into_iter().rev().filter(|(n, _)| n != "." && n != "..") {
                self.names.push_front((None, format!("{base}/{entry}")));
            }
        }
    }

    fn copy(&mut self, sys: &mut Sys<'_>, fd: u32, left: u64) -> Turn {
        let want = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
        let bytes = match (want, sys.read(fd, want)) {
            (0, _) => Vec::new(),
            (_, Ok(Input::Bytes(bytes))) => bytes,
            // The file has shrunk: zeros keep the archive whole.
            _ => vec![0; want],
        };
        let rest = left - bytes.len() as u64;
        self.emit(sys, &bytes);
        if rest > 0 {
            self.copying = Some((fd, rest));
            return Turn::Again;
        }
        let padding = (BLOCK as u64 - self.written % BLOCK as u64) % BLOCK as u64;
        self.emit(sys, &vec![0; padding as usize]);
        let _ = sys.close(fd);
        self.copying = None;
        Turn::Again
    }

    fn finish(&mut self, sys: &mut Sys<'_>) -> Turn {
        self.emit(sys, &[0; 2 * BLOCK]);
        let padding = (RECORD - self.written % RECORD) % RECORD;
        self.emit(sys, &vec![0; padding as usize]);
        if self.gzip {
            let packed = gzip::pack(&std::mem::take(&mut self.packed), 6, None, 0);
            let _ = sys.write(self.archive, &packed);
        }
        self.exit(sys)
    }
}

/// How long the beginning of a name is that leads out of the folder where it will be unpacked.
fn unsafe_prefix(name: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &name[at..];
        if rest.starts_with('/') {
            at += 1;
        } else if rest.starts_with("../") {
            at += 3;
        } else {
            match rest.find("/../") {
                Some(to) => at += to + 4,
                None => return at,
            }
        }
    }
}
