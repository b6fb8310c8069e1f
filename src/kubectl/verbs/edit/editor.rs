//! The user's editor, and the file that it is opened on.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/util/editor/editor.go`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Failure;

/// Removes a file.
pub(super) fn forget(file: &Path) {
    // What can't be removed stays in the folder for temporary files.
    _ = std::fs::remove_file(file);
}

/// Writes the text to a new file, runs the editor on it, and reads it again.
pub(super) fn launch(program: &str, extension: &str, text: &str) -> Result<(String, PathBuf), Failure> {
    let path = write_new_file(program, extension, text)?;
    let editor = ["KUBE_EDITOR", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .unwrap_or_else(|| if cfg!(windows) { "notepad" } else { "vi" }.to_string());
    let shown = path.display().to_string();
    let words: Vec<String> = if editor.contains(['"', '\'', '\\']) && editor.contains(' ') {
        // Quotes are the shell's to read.
        let default = if cfg!(windows) { "cmd" } else { "/bin/bash" };
        let shell = std::env::var("SHELL").ok().filter(|s| !s.is_empty()).unwrap_or_else(|| default.to_string());
        let flag = if shell == "cmd" { "/C" } else { "-c" };
        vec![shell, flag.to_string(), format!("{editor} {shown:?}")]
    } else {
        editor.split(' ').map(String::from).chain([shown]).collect()
    };
    let named = format!("{editor:?}");
    match Command::new(&words[0]).args(&words[1..]).status() {
        Ok(status) if status.success() => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            forget(&path);
            return Err(Failure::error(format!("unable to launch the editor {named}")));
        }
        _ => return Err(Failure::error(format!("there was a problem with the editor {named}"))),
    }
    let text = std::fs::read_to_string(&path).map_err(|e| Failure::error(format!("{}: {e}", path.display())))?;
    Ok((text.replace("\r\n", "\n"), path))
}

fn write_new_file(program: &str, extension: &str, text: &str) -> Result<PathBuf, Failure> {
    let folder = std::env::temp_dir();
    for n in 0.. {
        let path = folder.join(format!("{program}-edit-{}{n}.{extension}", std::process::id()));
        let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        match opened.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Failure::error(format!("open {}: {e}", path.display()))),
        }
    }
    Err(Failure::error("there is no name left for a temporary file"))
}
