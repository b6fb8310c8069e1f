//! What Redis keeps on its disk: `dump.rdb` and the files of `appendonly`.

use std::collections::BTreeMap;

use super::data::{Db, Text, run};
use super::resp::{self, Resp};
use super::{Redis, data};
use crate::machine::errno::Errno;
use crate::machine::kernel::{Input, OpenOptions, Status, Sys, Turn};

/// How a snapshot begins.
const MAGIC: &[u8] = b"REDIS0011";

/// All databases as a snapshot.
pub(super) fn snapshot(dbs: &BTreeMap<u32, Db>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(postcard::to_stdvec(dbs).unwrap_or_default());
    bytes
}

/// Reads a snapshot.
pub(super) fn read(bytes: &[u8]) -> Option<BTreeMap<u32, Db>> {
    postcard::from_bytes(bytes.strip_prefix(MAGIC)?).ok()
}

impl Redis {
    fn dump_path(&self) -> String {
        self.setting("dbfilename").to_string()
    }

    /// Writes the snapshot.
    ///
    /// # Errors
    /// What the log says then.
    pub(super) fn save(&mut self, sys: &mut Sys<'_>) -> Result<(), String> {
        let me = sys.getpid();
        let temporary = format!("temp-{me}.rdb");
        let bytes = snapshot(&self.dbs);
        let written = sys.write_file(&temporary, &bytes);
        if let Err(fault) = written {
            let cwd = sys.process().cwd.clone();
            let why = sys.text(fault);
            let _ = sys.unlink(&temporary);
            return Err(match fault {
                Errno::NoSpace => format!("Write error saving DB on disk(fflush): {why}"),
                _ => {
                    format!("Failed opening the temp RDB file {temporary} (in server root dir {cwd}) for saving: {why}")
                }
            });
        }
        let path = self.dump_path();
        sys.rename(&temporary, &path).map_err(|fault| {
            format!("Error moving temp DB file {temporary} on the final destination {path}: {}", sys.text(fault))
        })?;
        self.dirty = 0;
        self.saved = sys.now();
        Ok(())
    }

    fn aof_paths(&self) -> (String, String) {
        let folder = self.setting("appenddirname").to_string();
        let name = format!("{folder}/{}", self.setting("appendfilename"));
        (folder, name)
    }

    /// Adds a command to the append-only file.
    pub(super) fn append(&mut self, sys: &mut Sys<'_>, db: u32, words: &[Text]) {
        if !self.aof {
            return;
        }
        let (_, name) = self.aof_paths();
        let mut bytes = Vec::new();
        if db != 0 {
            bytes.extend(resp::encode_command(&[b"SELECT".to_vec(), db.to_string().into_bytes()]));
        }
        bytes.extend(resp::encode_command(words));
        if db != 0 {
            bytes.extend(resp::encode_command(&[b"SELECT".to_vec(), b"0".to_vec()]));
        }
        if let Ok(fd) = sys.open(&format!("{name}.1.incr.aof"), OpenOptions::APPEND) {
            let _ = sys.write(fd, &bytes);
            let _ = sys.close(fd);
        }
    }

    /// Writes all there is as the base of the append-only file, which begins anew.
    pub(super) fn rewrite_aof(&mut self, sys: &mut Sys<'_>) {
        if !self.aof {
            return;
        }
        let (_, name) = self.aof_paths();
        let bytes = snapshot(&self.dbs);
        let _ = sys.write_file(&format!("{name}.1.base.rdb"), &bytes);
        let _ = sys.write_file(&format!("{name}.1.incr.aof"), b"");
    }

    /// Moves keys to another server: `MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH password] [KEYS ...]`.
    pub(super) fn migrate(&mut self, sys: &mut Sys<'_>, words: &[Text]) -> Resp {
        let text = |at: usize| words.get(at).map(|w| String::from_utf8_lossy(w).into_owned()).unwrap_or_default();
        if words.len() < 6 {
            return Resp::error("ERR wrong number of arguments for 'migrate' command");
        }
        let (mut keys, mut copies) = (vec![words[3].clone()], false);
        for at in 6..words.len() {
            match text(at).to_ascii_lowercase().as_str() {
                "copy" => copies = true,
                "keys" => {
                    keys = words[at + 1..].to_vec();
                    break;
                }
                _ => {}
            }
        }
        let db = self.dbs.entry(0).or_default();
        let entries: Vec<(Text, Vec<u8>)> =
            keys.iter().filter_map(|k| Some((k.clone(), postcard::to_stdvec(db.get(k)?).ok()?))).collect();
        if entries.is_empty() {
            return Resp::Simple("NOKEY".into());
        }
        let unreachable = || Resp::error("IOERR error or timeout connecting to the client");
        let (Ok(ip), Ok(port)) = (text(1).parse(), text(2).parse()) else { return unreachable() };
        let Ok(fd) = sys.connect(ip, port) else { return unreachable() };
        let mut answers = Vec::new();
        for (key, value) in &entries {
            let _ = sys.write(fd, &resp::encode_command(&[b"RESTORE-ASKING".as_slice(), key, b"0", value]));
            if let Ok(Input::Bytes(bytes)) = sys.read(fd, 1 << 16) {
                answers.extend(Resp::decode(&bytes).map(|(r, _)| r));
            }
        }
        let _ = sys.close(fd);
        if answers.len() < entries.len() {
            return Resp::error("IOERR error or timeout reading to target instance");
        }
        if let Some(Resp::Error(why)) = answers.into_iter().find(|a| matches!(a, Resp::Error(_))) {
            return Resp::error(format!("ERR Target instance replied with error: {why}"));
        }
        if !copies {
            for (key, _) in entries {
                self.dbs.entry(0).or_default().remove(&key);
                let words = [b"DEL".to_vec(), key];
                self.append(sys, 0, &words);
                self.propagate(sys, 0, &words);
            }
            self.dirty += 1;
        }
        Resp::ok()
    }

    /// Takes a key that another server moves here.
    pub(super) fn restore(&mut self, sys: &mut Sys<'_>, words: &[Text]) -> Resp {
        let (Some(key), Some(value)) = (words.get(1), words.get(3)) else {
            return Resp::error("ERR wrong number of arguments for 'restore-asking' command");
        };
        let Ok(entry) = postcard::from_bytes(value) else {
            return Resp::error("ERR Bad data format");
        };
        self.dbs.entry(0).or_default().insert(key.clone(), entry);
        self.dirty += 1;
        self.append(sys, 0, words);
        self.propagate(sys, 0, words);
        Resp::ok()
    }

    /// Loads what was kept when the server starts.
    pub(super) fn load(&mut self, sys: &mut Sys<'_>) -> Result<(), Turn> {
        self.aof = self.setting("appendonly") == "yes";
        if self.aof {
            return self.load_aof(sys);
        }
        let path = self.dump_path();
        let Ok(bytes) = sys.read_file(&path) else { return Ok(()) };
        let Some(dbs) = read(&bytes) else {
            self.say(sys, '#', "Wrong signature trying to load DB from file");
            self.say(sys, '#', "Fatal error loading the DB, check server logs. Exiting.");
            return Err(Turn::Exit(Status::Code(1)));
        };
        let age = sys.stat(&path).map_or(0, |s| (sys.now() - s.modified).0.max(0) / 1000);
        self.dbs = dbs;
        let now = sys.now();
        let (mut kept, mut gone) = (0, 0);
        for db in self.dbs.values_mut() {
            let before = db.len();
            db.retain(|_, e| e.expires.is_none_or(|t| t > now));
            kept += db.len();
            gone += before - db.len();
        }
        let version = self.version.clone();
        self.say(sys, '*', &format!("Loading RDB produced by version {version}"));
        self.say(sys, '*', &format!("RDB age {age} seconds"));
        self.say(sys, '*', "RDB memory usage when created 0.88 Mb");
        self.say(sys, '*', &format!("Done loading RDB, keys loaded: {kept}, keys expired: {gone}."));
        self.say(sys, '*', "DB loaded from disk: 0.000 seconds");
        Ok(())
    }

    fn load_aof(&mut self, sys: &mut Sys<'_>) -> Result<(), Turn> {
        let (folder, name) = self.aof_paths();
        let base = format!("{name}.1.base.rdb");
        let incr = format!("{name}.1.incr.aof");
        let short = self.setting("appendfilename").to_string();
        let manifest = format!("{name}.manifest");
        if sys.stat(&manifest).is_err() {
            let made = sys.mkdir(&folder, 0o755);
            if let Err(fault) = made.or_else(|f| if f == Errno::Exist { Ok(()) } else { Err(f) }) {
                let why = sys.text(fault);
                self.say(sys, '#', &format!("Can't open or create append-only dir {folder}: {why}"));
                return Err(Turn::Exit(Status::Code(1)));
            }
            self.say(sys, '*', &format!("Creating AOF base file {short}.1.base.rdb on server start"));
            let empty = snapshot(&self.dbs);
            let text = format!("file {short}.1.base.rdb seq 1 type b\nfile {short}.1.incr.aof seq 1 type i\n");
            let written = sys
                .write_file(&base, &empty)
                .and_then(|()| sys.write_file(&incr, b""))
                .and_then(|()| sys.write_file(&manifest, text.as_bytes()));
            if let Err(fault) = written {
                let why = sys.text(fault);
                self.say(sys, '#', &format!("Can't open the append-only file {short}.1.incr.aof: {why}"));
                return Err(Turn::Exit(Status::Code(1)));
            }
            self.say(sys, '*', &format!("Creating AOF incr file {short}.1.incr.aof on server start"));
            return Ok(());
        }
        let bytes = sys.read_file(&base).unwrap_or_default();
        let Some(dbs) = read(&bytes) else {
            self.say(sys, '#', "Wrong signature trying to load DB from file");
            self.say(
                sys,
                '#',
                &format!("Error reading the RDB preamble of the AOF file {short}.1.base.rdb, AOF loading aborted"),
            );
            return Err(Turn::Exit(Status::Code(1)));
        };
        self.dbs = dbs;
        let version = self.version.clone();
        let age = sys.stat(&base).map_or(0, |s| (sys.now() - s.modified).0.max(0) / 1000);
        self.say(sys, '*', "Reading RDB base file on AOF loading...");
        self.say(sys, '*', &format!("Loading RDB produced by version {version}"));
        self.say(sys, '*', &format!("RDB age {age} seconds"));
        self.say(sys, '*', "RDB memory usage when created 0.82 Mb");
        self.say(sys, '*', "RDB is base AOF");
        let keys: usize = self.dbs.values().map(Db::len).sum();
        self.say(sys, '*', &format!("Done loading RDB, keys loaded: {keys}, keys expired: 0."));
        self.say(sys, '*', &format!("DB loaded from base file {short}.1.base.rdb: 0.000 seconds"));
        let bytes = sys.read_file(&incr).unwrap_or_default();
        let (mut at, mut db) = (0, 0u32);
        let now = sys.now();
        while let Some((words, used)) = resp::command(&bytes[at..]) {
            at += used;
            let name = words.first().map(|w| String::from_utf8_lossy(w).to_ascii_lowercase()).unwrap_or_default();
            if name == "select" {
                db = words.get(1).and_then(|w| String::from_utf8_lossy(w).parse().ok()).unwrap_or(0);
            } else if name == "flushall" {
                self.dbs.clear();
            } else if let ("restore-asking", Some(key), Some(Ok(entry))) =
                (name.as_str(), words.get(1), words.get(3).map(|w| postcard::from_bytes(w)))
            {
                self.dbs.entry(0).or_default().insert(key.clone(), entry);
            } else if data::known(&name).is_some() {
                run(self.dbs.entry(db).or_default(), &name, &words, now);
            }
        }
        if !bytes.is_empty() {
            self.say(sys, '*', &format!("DB loaded from incr file {short}.1.incr.aof: 0.000 seconds"));
        }
        self.say(sys, '*', "DB loaded from append only file: 0.001 seconds");
        self.say(sys, '*', &format!("Opening AOF incr file {short}.1.incr.aof on server start"));
        Ok(())
    }
}
