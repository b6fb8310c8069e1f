//! The user's editor, and the file that it is opened on.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/util/editor/editor.go`.

use crate::error::Failure;
use crate::host::temporary::Passing;
use crate::host::{self, Host};

/// Writes the text to a new file, runs the editor on it, and reads it again.
pub(super) fn launch(host: &Host, program: &str, extension: &str, text: &str) -> Result<(String, Passing), Failure> {
    let Some(programs) = host.programs() else {
        return Err(Failure::error("no editor is started where nobody is at the terminal"));
    };
    let file = Passing::file(&format!("{program}-edit-"), &format!(".{extension}"), text)
        .map_err(|e| Failure::error(format!("a file for the editor can't be written: {}", host::reason(&e))))?;
    let editor = programs
        .named_by(&["KUBE_EDITOR", "EDITOR"])
        .unwrap_or_else(|| if cfg!(windows) { "notepad" } else { "vi" }.to_string());
    let shown = file.path().display().to_string();
    let words: Vec<String> = if editor.contains(['"', '\'', '\\']) && editor.contains(' ') {
        // Quotes are the shell's to read.
        let default = if cfg!(windows) { "cmd" } else { "/bin/bash" };
        let shell = programs.named_by(&["SHELL"]).unwrap_or_else(|| default.to_string());
        let flag = if shell == "cmd" { "/C" } else { "-c" };
        vec![shell, flag.to_string(), format!("{editor} {shown:?}")]
    } else {
        editor.split(' ').map(String::from).chain([shown.clone()]).collect()
    };
    let named = format!("{editor:?}");
    match programs.command(&words[0]).args(&words[1..]).status() {
        Ok(status) if status.success() => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(Failure::error(format!("unable to launch the editor {named}")));
        }
        _ => return Err(Failure::error(format!("there was a problem with the editor {named}"))),
    }
    let text = file.text().map_err(|e| Failure::error(format!("{shown}: {}", host::reason(&e))))?;
    Ok((text.replace("\r\n", "\n"), file))
}
