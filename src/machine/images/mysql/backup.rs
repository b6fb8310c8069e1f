//! `xtrabackup` and `xbstream`: a copy of a server's folder as a stream, and the folder from the stream.
//!
//! Facts: Percona's documentation of XtraBackup and of the xbstream format; the image of the documentation's
//! "Run a Replicated Stateful Application".

use crate::machine::errno::Errno;
use crate::machine::images::base::Base;
use crate::machine::images::sql::Wire;
use crate::machine::images::{Begun, Model, Reference, Server};
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Input, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use serde::{Deserialize, Serialize};

/// How a chunk of a stream begins.
const MAGIC: &[u8] = b"XBSTCK01";

/// What is no part of a copy.
const LEFT_OUT: [&str; 3] = ["auto.cnf", "lost+found", "master.info"];

/// The image: bash, ncat, MySQL's client and these tools.
pub(in super::super) fn model(_: &Reference) -> Model {
    Model::on(Base::Debian(8))
        .runs(&["/bin/bash"])
        .program("/usr/bin/xtrabackup", "xtrabackup")
        .program("/usr/bin/innobackupex", "xtrabackup")
        .program("/usr/bin/xbstream", "xbstream")
        .program("/usr/bin/mysql", "mysql")
        .program("/usr/bin/mysqladmin", "mysqladmin")
        .account("mysql", 999, 999, "/var/lib/mysql", "/bin/false")
        .dir("/var/lib/mysql", 0o755, (999, 999))
        .tools("ncat nc curl")
        .version("2.4.4")
        .adds(120_000_000)
}

fn value<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let at = args.iter().position(|a| a == name || a.starts_with(&format!("{name}=")))?;
    match args[at].split_once('=') {
        Some((_, value)) => Some(value),
        None => args.get(at + 1).map(String::as_str),
    }
}

fn stamp(sys: &Sys<'_>) -> String {
    let c = Civil::of(sys.now());
    format!("{:02}{:02}{:02} {}", c.year % 100, c.month, c.day, c.clock())
}

/// `xtrabackup --backup --stream=xbstream` and `--prepare`.
pub(super) fn xtrabackup(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let folder = value(args, "--target-dir").or(value(args, "--datadir")).unwrap_or("/var/lib/mysql").to_string();
    let has = |name: &str| args.iter().any(|a| a == name);
    sys.err("xtrabackup version 2.4.4 based on MySQL server 5.7.13 Linux (x86_64) (revision id: df58cf2)\n");
    if has("--prepare") {
        sys.err(format!("xtrabackup: cd to {folder}\n"));
        if sys.stat(&format!("{folder}/xtrabackup_checkpoints")).is_err() {
            sys.err(format!("xtrabackup: error: cannot open {folder}/xtrabackup_checkpoints\nxtrabackup: Error: failed to read metadata from xtrabackup_checkpoints\n"));
            return Begun::Exit(1);
        }
        sys.err("xtrabackup: This target seems to be not prepared yet.\nInnoDB: Number of pools: 1\nxtrabackup: starting shutdown with innodb_fast_shutdown = 1\nInnoDB: Starting shutdown...\nInnoDB: Shutdown completed; log sequence number 12219432\n");
        let now = stamp(sys);
        sys.err(format!("{now} completed OK!\n"));
        return Begun::Exit(0);
    }
    if !has("--backup") {
        sys.err("xtrabackup: Error: Please set parameter 'datadir'\n");
        return Begun::Exit(1);
    }
    let host = value(args, "--host").unwrap_or("127.0.0.1").to_string();
    let now = stamp(sys);
    sys.err(format!("{now}  version_check Connecting to MySQL server with DSN 'dbi:mysql:;mysql_read_default_group=xtrabackup;host={host}' as '{}'  (using password: NO).\n", value(args, "--user").unwrap_or("root")));
    let login = Wire::Login(
        value(args, "--user").unwrap_or("root").into(),
        value(args, "--password").unwrap_or_default().into(),
        String::new(),
    );
    let fd = host.parse().ok().and_then(|ip| sys.connect(ip, 3306).ok());
    let Some(fd) = fd.filter(|fd| matches!(super::ask(sys, *fd, &login), Some(Wire::Welcome))) else {
        let now = stamp(sys);
        sys.err(format!("{now} Connecting to MySQL server host: {host}, user: root, password: not set, port: not set, socket: not set\nFailed to connect to MySQL server: Can't connect to MySQL server on '{host}' (111).\n"));
        return Begun::Exit(1);
    };
    let row = |sys: &mut Sys<'_>, statement: &str| -> Vec<(String, String)> {
        match super::ask(sys, fd, &Wire::Statement(statement.into())) {
            Some(Wire::Rows(columns, rows)) => {
                let row = rows.into_iter().next().unwrap_or_default();
                columns.into_iter().map(|(n, _)| n).zip(row.into_iter().map(Option::unwrap_or_default)).collect()
            }
            _ => Vec::new(),
        }
    };
    let source = row(sys, "SHOW MASTER STATUS");
    let slave = row(sys, "SHOW SLAVE STATUS");
    let _ = sys.close(fd);
    let of = |row: &[(String, String)], name: &str| {
        row.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default()
    };
    let folder = "/var/lib/mysql";
    let mut stream = Vec::new();
    if let Err(fault) = collect(sys, folder, "", 0, &mut stream) {
        let why = sys.text(fault);
        sys.err(format!("xtrabackup: error: cannot read {folder}: {why}\n"));
        return Begun::Exit(1);
    }
    if !source.is_empty() {
        let text = format!("{}\t{}\n", of(&source, "File"), of(&source, "Position"));
        chunk(&mut stream, "xtrabackup_binlog_info", text.as_bytes());
    }
    if !slave.is_empty() {
        let (file, position) = (of(&slave, "Relay_Master_Log_File"), of(&slave, "Exec_Master_Log_Pos"));
        let text = format!("CHANGE MASTER TO MASTER_LOG_FILE='{file}', MASTER_LOG_POS={position};\n");
        chunk(&mut stream, "xtrabackup_slave_info", text.as_bytes());
    } else if has("--slave-info") {
        chunk(&mut stream, "xtrabackup_slave_info", b"");
    }
    chunk(&mut stream, "xtrabackup_checkpoints", b"backup_type = full-backuped\nfrom_lsn = 0\nto_lsn = 12219423\nlast_lsn = 12219432\ncompact = 0\nrecover_binlog_info = 0\n");
    let now = stamp(sys);
    sys.err(format!("{now} [00] Streaming <STDOUT>\nxtrabackup: Transaction log of lsn (12219423) to (12219432) was copied.\n{now} completed OK!\n"));
    sys.out(stream);
    Begun::Exit(0)
}

fn chunk(stream: &mut Vec<u8>, path: &str, bytes: &[u8]) {
    stream.extend_from_slice(MAGIC);
    stream.extend([0, b'P']);
    stream.extend((path.len() as u32).to_le_bytes());
    stream.extend(path.bytes());
    stream.extend((bytes.len() as u64).to_le_bytes());
    stream.extend(0u64.to_le_bytes());
    stream.extend(0u32.to_le_bytes());
    stream.extend_from_slice(bytes);
}

/// The files below a folder; of empty folders an empty file tells.
fn collect(sys: &mut Sys<'_>, folder: &str, below: &str, depth: u32, stream: &mut Vec<u8>) -> Result<(), Errno> {
    let mut entries = sys.read_dir(&format!("{folder}/{below}"))?;
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, stat) in entries {
        if LEFT_OUT.contains(&name.as_str()) || name.starts_with("xtrabackup_") || name.starts_with("change_master_to")
        {
            continue;
        }
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        match stat.kind {
            Kind::Dir if depth < 8 => {
                if sys.read_dir(&format!("{folder}/{path}"))?.is_empty() {
                    chunk(stream, &format!("{path}/db.opt"), b"");
                }
                collect(sys, folder, &path, depth + 1, stream)?;
            }
            Kind::File => {
                let bytes = sys.read_file(&format!("{folder}/{path}"))?;
                chunk(stream, &path, &bytes);
            }
            _ => {}
        }
    }
    Ok(())
}

/// `xbstream -x -C FOLDER`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Unstream {
    folder: String,
    bytes: Vec<u8>,
}

pub(super) fn xbstream(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    if !args.iter().any(|a| a == "-x" || a == "--extract") {
        sys.err("xbstream: no mode specified (-c or -x).\n");
        return Begun::Exit(1);
    }
    let folder = value(args, "-C").or(value(args, "--directory")).unwrap_or(".").to_string();
    if sys.stat(&folder).is_err() {
        sys.err(format!("xbstream: failed to chdir to {folder}.\n"));
        return Begun::Exit(1);
    }
    Begun::Serves(Server::Unstream(Box::new(Unstream { folder, bytes: Vec::new() })))
}

impl Unstream {
    pub(in super::super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match sys.read(0, 1 << 20) {
            Ok(Input::Bytes(bytes)) => {
                self.bytes.extend(bytes);
                Turn::Again
            }
            Ok(Input::Wait) => Turn::Wait(Wait::input(0)),
            Ok(Input::End) | Err(_) => Turn::Exit(Status::Code(u8::from(self.lay(sys).is_none()))),
        }
    }

    /// Writes what came; none where it is no stream.
    fn lay(&self, sys: &mut Sys<'_>) -> Option<()> {
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() {
            let Some(body) = rest.strip_prefix(MAGIC) else {
                sys.err("xb_stream_read_chunk(): wrong chunk magic at offset 0x0.\n");
                return None;
            };
            let number = |at: usize, length: usize| -> Option<usize> {
                let bytes = body.get(at..at + length)?;
                usize::try_from(bytes.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b))).ok()
            };
            let name = number(2, 4)?;
            let path = String::from_utf8_lossy(body.get(6..6usize.checked_add(name)?)?).into_owned();
            let at = 6 + name;
            let size = number(at, 8)?;
            let from = at + 20;
            let bytes = body.get(from..from.checked_add(size)?)?;
            if path.split('/').any(|part| part == "..") {
                return None;
            }
            let mut folder = self.folder.clone();
            let mut parts: Vec<&str> = path.split('/').collect();
            let file = parts.pop()?;
            for part in parts {
                folder = format!("{folder}/{part}");
                let _ = sys.mkdir(&folder, 0o750);
            }
            if let Err(fault) = sys.write_file(&format!("{folder}/{file}"), bytes) {
                let why = super::super::numbered(sys, fault);
                sys.err(format!("xbstream: Can't create/write to file '{path}' (Errcode: {why})\n"));
                return None;
            }
            rest = &body[from + size..];
        }
        Some(())
    }
}
