//! The lesson's folder of the host: the desk's files lie there too, so that the learner's own editor reaches them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Failure;
use crate::host::files::Files;
use crate::machine::disk::{Disk, Ino, Node, ROOT};

/// How many files are looked at, how deep in folders, and how long they may be in bytes.
const MOST: usize = 1000;
const DEEPEST: usize = 4;
const LONGEST: usize = 4 << 20;

/// The folder, and what both sides had in it last.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    files: Files,
    known: BTreeMap<String, Vec<u8>>,
}

/// A file by its path, with what is in it now; none where it is gone.
pub(super) type Change = (String, Option<Vec<u8>>);

impl Folder {
    /// # Errors
    /// It is no folder, or can't be opened.
    pub(super) fn open(path: PathBuf) -> Result<Folder, Failure> {
        let files = Files::below(&path).map_err(|e| failed(&path, &e))?;
        Ok(Folder { path, files, known: BTreeMap::new() })
    }

    /// What changed in it since it was looked at last.
    ///
    /// # Errors
    /// It can't be read.
    pub(super) fn changes(&mut self) -> Result<Vec<Change>, Failure> {
        let mut now = BTreeMap::new();
        self.gather("", 0, &mut now).map_err(|e| failed(&self.path, &e))?;
        let changed = |(name, bytes): (&String, &Vec<u8>)| {
            (self.known.get(name) != Some(bytes)).then(|| (name.clone(), Some(bytes.clone())))
        };
        let gone = self.known.keys().filter(|name| !now.contains_key(*name)).map(|name| (name.clone(), None));
        let changes = now.iter().filter_map(changed).chain(gone).collect();
        self.known = now;
        Ok(changes)
    }

    /// Plain files only: what a link leads to is none of the lesson's.
    fn gather(&self, folder: &str, depth: usize, found: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
        for entry in self.files.list(if folder.is_empty() { "." } else { folder })? {
            let Some(leaf) = entry.name.to_str() else { continue };
            let name = if folder.is_empty() { leaf.to_string() } else { format!("{folder}/{leaf}") };
            if entry.is_folder && depth < DEEPEST {
                self.gather(&name, depth + 1, found)?;
            } else if entry.is_file && found.len() < MOST {
                let bytes = self.files.read(&name)?;
                if bytes.len() <= LONGEST {
                    found.insert(name, bytes);
                }
            }
        }
        Ok(())
    }

    /// Makes it what the disk holds.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn keep(&mut self, disk: &Disk) -> Result<(), Failure> {
        let now = files_of(disk);
        for (name, bytes) in now.iter().filter(|(name, bytes)| self.known.get(*name) != Some(bytes)) {
            let folder = Path::new(name).parent().filter(|p| !p.as_os_str().is_empty());
            folder.map_or(Ok(()), |folder| self.files.make_folders(folder)).map_err(|e| failed(&self.path, &e))?;
            self.files.copy_in(name, bytes).map_err(|e| failed(&self.path.join(name), &e))?;
        }
        for name in self.known.keys().filter(|name| !now.contains_key(*name)) {
            match self.files.remove(name) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(&self.path.join(name), &e)),
                _ => {}
            }
        }
        self.known = now;
        Ok(())
    }
}

/// The files of a disk by their paths.
pub(super) fn files_of(disk: &Disk) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(disk, ROOT, "", 0, &mut found);
    found
}

fn collect(disk: &Disk, dir: Ino, path: &str, depth: usize, found: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = disk.get(dir).and_then(|inode| inode.entries()) else { return };
    for (leaf, ino) in entries {
        let name = if path.is_empty() { leaf.clone() } else { format!("{path}/{leaf}") };
        match disk.get(*ino).map(|inode| &inode.node) {
            Ok(Node::Dir(_)) if depth < DEEPEST => collect(disk, *ino, &name, depth + 1, found),
            Ok(Node::File(contents)) if found.len() < MOST && contents.len() <= LONGEST as u64 => {
                found.insert(name, contents.bytes().to_vec());
            }
            _ => {}
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::error(format!("{}: {}", path.display(), crate::host::reason(error)))
}
