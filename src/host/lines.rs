//! Files that grow by lines.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// Adds a line to a file that none but its owner may read; it is made where there is none.
///
/// # Errors
/// It can't be written.
pub fn append(file: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(file)?, "{line}")
}
