//! `-k`: the objects of a kustomization's folder, which is built from the files that the command may see.
//!
//! Mirrors `KustomizeVisitor` of `k8s.io/cli-runtime/pkg/resource`.

use serde_json::Value;

use crate::host::files::{FileType, Files};
use crate::host::{go_io_error, reason};
use crate::kubectl::kustomize::{self, Built, FileSystem, Options, Warning};
use crate::kubectl::session::Session;

/// The files of a command as a build sees them.
struct Seen<'a>(&'a Files);

impl Seen<'_> {
    /// A path from the root, with `/` between its parts.
    fn absolute(&self, path: &str) -> String {
        with_slashes(&self.0.absolute(path).to_string_lossy())
    }
}

fn with_slashes(path: &str) -> String {
    if cfg!(windows) { path.trim_start_matches(r"\\?\").replace('\\', "/") } else { path.to_string() }
}

impl FileSystem for Seen<'_> {
    fn real_path(&self, path: &str) -> Result<String, String> {
        let path = self.absolute(path);
        match self.0.real_path(&path) {
            Ok(real) => Ok(with_slashes(&real.to_string_lossy())),
            Err(e) => {
                // The first part that is not there is the one that is told of.
                let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
                let missing = ends.filter_map(|end| path.get(..end)).find(|part| self.0.real_path(part).is_err());
                Err(format!("lstat {}: {}", missing.unwrap_or(&path), reason(&e)))
            }
        }
    }

    fn is_folder(&self, path: &str) -> bool {
        self.0.file_type(path).is_ok_and(|kind| kind == FileType::Folder)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.read(path).map_err(|e| go_io_error("open", path, &e))
    }
}

/// Builds a kustomization, and says what is to be said of it.
///
/// # Errors
/// Why it can't be built, in kustomize's words.
pub fn build(session: &Session<'_>, folder: &str, options: &Options) -> Result<Vec<Value>, String> {
    let mut built = Built::default();
    let outcome = kustomize::build(&Seen(&session.host.files), folder, options, &mut built);
    for warning in &built.warnings {
        let line = match warning {
            Warning::Plain(text) => text.clone(),
            Warning::Logged(text) => session.log_line('I', "log.go:244", text),
        };
        session.ui.err(&format!("{line}\n"));
    }
    outcome.map(|()| built.objects).map_err(|e| e.to_string().trim_end_matches('\n').to_string())
}
