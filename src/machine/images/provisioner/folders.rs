//! The folders that NFS provisioners make for volumes, in their own containers, and what becomes of them.
//!
//! Mirrors `Provision` and `Delete` of nfs-subdir-external-provisioner, and `createVolume`, `deleteDirectory` and
//! `export.go` of nfs-ganesha-server-and-external-provisioner; errors are Go's.

use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::Kind;

/// How deep folders are removed.
const DEPTH: usize = 128;

/// Where the server keeps its exports.
const CONFIG: &str = "/export/vfs.conf";

fn fault(sys: &Sys<'_>, what: &str, path: &str, errno: Errno) -> String {
    format!("{what} {path}: {}", sys.text(errno).to_lowercase())
}

/// Makes a folder with all above it, open to all.
///
/// # Errors
/// What the operating system says.
pub fn make_folder(sys: &mut Sys<'_>, path: &str, mode: u32) -> Result<(), String> {
    let mut at = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        at = format!("{at}/{part}");
        match sys.mkdir(&at, 0o777) {
            Ok(()) | Err(Errno::Exist) => {}
            Err(errno) => return Err(fault(sys, "mkdir", &at, errno)),
        }
    }
    sys.chmod(path, mode).map_err(|errno| fault(sys, "chmod", path, errno))
}

/// Whether there is something.
pub fn is_there(sys: &mut Sys<'_>, path: &str) -> bool {
    sys.lstat(path).is_ok()
}

/// Removes a folder with all in it.
///
/// # Errors
/// What the operating system says.
pub fn remove_folder(sys: &mut Sys<'_>, path: &str) -> Result<(), String> {
    remove(sys, path, 0)
}

fn remove(sys: &mut Sys<'_>, path: &str, depth: usize) -> Result<(), String> {
    if depth > DEPTH {
        return Err(fault(sys, "unlinkat", path, Errno::NameTooLong));
    }
    match sys.read_dir(path) {
        Ok(entries) => {
            for (name, _) in entries.iter().filter(|(name, _)| name != "." && name != "..") {
                let below = format!("{path}/{name}");
                let is_folder = sys.lstat(&below).is_ok_and(|stat| matches!(stat.kind, Kind::Dir));
                if is_folder {
                    remove(sys, &below, depth + 1)?;
                } else {
                    sys.unlink(&below).map_err(|errno| fault(sys, "unlinkat", &below, errno))?;
                }
            }
            sys.rmdir(path).map_err(|errno| fault(sys, "unlinkat", path, errno))
        }
        Err(Errno::NoEnt) => Ok(()),
        Err(errno) => Err(fault(sys, "unlinkat", path, errno)),
    }
}

/// Gives a folder another name.
///
/// # Errors
/// What the operating system says.
pub fn archive_folder(sys: &mut Sys<'_>, from: &str, to: &str) -> Result<(), String> {
    sys.rename(from, to).map_err(|errno| fault(sys, &format!("rename {from}"), to, errno))
}

/// Adds an export to the server's configuration: its block and its number.
///
/// # Errors
/// What the program says.
pub fn add_export(sys: &mut Sys<'_>, path: &str, squash: &str) -> Result<(String, u32), String> {
    let config = sys.read_file(CONFIG).map_err(|errno| {
        let why = fault(sys, "open", CONFIG, errno);
        format!("error adding export block for path {path}: error adding export block to config {CONFIG}: {why}")
    })?;
    let config = String::from_utf8_lossy(&config).into_owned();
    let used = |id: u32| config.contains(&format!("Export_Id = {id};"));
    let id = (1..=u32::from(u16::MAX)).find(|id| !used(*id)).unwrap_or(1);
    let block = format!(
        "\nEXPORT\n{{\n\tExport_Id = {id};\n\tPath = {path};\n\tPseudo = {path};\n\tAccess_Type = RW;\n\tSquash = \
         {squash};\n\tSecType = sys;\n\tFilesystem_id = {id}.{id};\n\tFSAL {{\n\t\tName = VFS;\n\t}}\n}}\n"
    );
    let _ = sys.write_file(CONFIG, (config + &block).as_bytes());
    Ok((block, id))
}

/// Takes an export out of the server's configuration.
pub fn remove_export(sys: &mut Sys<'_>, block: &str) {
    if let Ok(config) = sys.read_file(CONFIG) {
        let config = String::from_utf8_lossy(&config).replace(block, "");
        let _ = sys.write_file(CONFIG, config.as_bytes());
    }
}
