//! Input that another process writes: it is read to its end before the cluster is taken, since that process may be a
//! kstate that waits for the same cluster.

use crate::host::files::{FileType, Files};
use crate::host::go_io_error;
use crate::ui::Ui;
use std::collections::BTreeMap;

/// The flags whose values are files.
const FILE_FLAGS: &[&str] =
    &["-f", "--filename", "--patch-file", "--from-file", "--from-env-file", "--cert", "--key", "-o", "--output"];

/// What was read before the command began.
#[derive(Debug, Default)]
pub struct ReadAhead {
    stdin: Option<Vec<u8>>,
    pipes: BTreeMap<String, Vec<u8>>,
}

impl ReadAhead {
    /// Reads standard input where the words ask for it (`-f -`), and pipes that are named as files (`-f <(...)`).
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn of(words: &[String], ui: &Ui, files: &Files) -> Result<ReadAhead, String> {
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
                        _ => ahead.read_pipe(name, files)?,
                    }
                }
            }
            flag = FILE_FLAGS.iter().find(|f| *f == word).copied().unwrap_or_default();
        }
        Ok(ahead)
    }

    fn read_stdin(&mut self, ui: &Ui) -> Result<(), String> {
        if self.stdin.is_none() {
            self.stdin = Some(ui.input().map_err(|e| go_io_error("read", "/dev/stdin", &e))?);
        }
        Ok(())
    }

    fn read_pipe(&mut self, path: &str, files: &Files) -> Result<(), String> {
        let is_pipe = files.file_type(path).is_ok_and(|t| t == FileType::Other);
        if is_pipe && !self.pipes.contains_key(path) {
            let bytes = files.read(path).map_err(|e| go_io_error("open", path, &e))?;
            self.pipes.insert(path.to_string(), bytes);
        }
        Ok(())
    }

    /// Standard input, if it was read.
    pub fn stdin(&self) -> Option<Vec<u8>> {
        self.stdin.clone()
    }

    /// A pipe's content, if it was read.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.pipes.get(path).cloned()
    }
}
