//! Who writes to a state file: a small file beside it, for those who wait.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::host::{private, process, whole};

/// Tells others that this process writes, until it is dropped.
pub(super) struct Writer(PathBuf);

impl Writer {
    /// Says who this process is, beside the file `path`. None where that can't be said: nobody is kept from writing.
    pub(super) fn here(path: &str) -> Option<Writer> {
        let beside = (path != super::IN_MEMORY).then(|| beside(path))?;
        let mut file = private::create_or_empty(&beside).ok()?;
        file.write_all(process::described().as_bytes()).ok()?;
        Some(Writer(beside))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // OBSERVATION: one that stays is replaced by the next writer's.
        let _ = whole::remove(&self.0);
    }
}

/// Who said last that they write to the file `path`.
pub(super) fn of(path: &str) -> String {
    process::shown(&fs::read(beside(path)).unwrap_or_default())
}

/// Where a writer to the file `path` says who it is.
pub(super) fn beside(path: &str) -> PathBuf {
    Path::new(&format!("{path}-writer")).to_path_buf()
}
