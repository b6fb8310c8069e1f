//! Input that another process writes: it is read to its end before the cluster is taken, since that process may be a
//! kstate that waits for the same cluster.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::ui::Ui;

/// The flags whose values are files.
const FILE_FLAGS: &[&str] = &["-f", "--filename", "--patch-file", "--from-file", "--from-env-file", "--cert", "--key"];

/// What was read before the command began.
#[derive(Debug, Default)]
pub struct ReadAhead {
    stdin: Option<Vec<u8>>,
    pipes: BTreeMap<PathBuf, Vec<u8>>,
}

impl ReadAhead {
    /// Reads standard input where the words ask for it (`-f -`), and pipes that are named as files (`-f <(...)`).
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn of(words: &[String], ui: &Ui, folder: &Path) -> io::Result<ReadAhead> {
        let mut ahead = ReadAhead::default();
        let mut flag = "";
        let mut sets_env = false;
        for word in words.iter().take_while(|word| *word != "--") {
            let attached = FILE_FLAGS.iter().find_map(|f| {
                let rest = word.strip_prefix(f)?;
                rest.strip_prefix('=').or((!f.starts_with("--") && !rest.is_empty()).then_some(rest))
            });
            sets_env = sets_env || word == "env";
            if word == "-" && sets_env {
                ahead.read_stdin(ui)?;
            }
            if let Some(value) = attached.or((!flag.is_empty()).then_some(word.as_str())) {
                for name in value.split([',', '=']) {
                    match name {
                        "-" => ahead.read_stdin(ui)?,
                        _ => ahead.read_pipe(&folder.join(name))?,
                    }
                }
            }
            flag = FILE_FLAGS.iter().find(|f| *f == word).copied().unwrap_or_default();
        }
        Ok(ahead)
    }

    fn read_stdin(&mut self, ui: &Ui) -> io::Result<()> {
        if self.stdin.is_none() {
            self.stdin = Some(ui.input()?);
        }
        Ok(())
    }

    fn read_pipe(&mut self, path: &Path) -> io::Result<()> {
        let is_pipe = std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir());
        if is_pipe && !self.pipes.contains_key(path) {
            self.pipes.insert(path.to_path_buf(), std::fs::read(path)?);
        }
        Ok(())
    }

    /// Standard input to its end.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn stdin(&self, ui: &Ui) -> io::Result<Vec<u8>> {
        self.stdin.clone().map_or_else(|| ui.input(), Ok)
    }

    /// A file's content.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.pipes.get(path).cloned().map_or_else(|| std::fs::read(path), Ok)
    }
}
