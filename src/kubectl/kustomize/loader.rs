//! The files of a kustomization: read below its folder only, and never in a circle.
//!
//! Mirrors `fileloader.go` and `loadrestrictions.go` of `sigs.k8s.io/kustomize/api/internal/loader`.

use std::cell::Cell;
use std::rc::Rc;

use super::Failed;

/// Folders that kustomizations may lie within each other.
const MAX_DEPTH: usize = 64;
/// Kustomizations that a build may take, each as often as it is named.
const MAX_BUILDS: usize = 10_000;

/// What a build sees of a machine's files. Paths are absolute, with `/` between their parts.
pub trait FileSystem {
    /// The absolute path of a folder or a file, links followed.
    ///
    /// # Errors
    /// The system's reason, as Go words it: `lstat /x: no such file or directory`.
    fn real_path(&self, path: &str) -> Result<String, String>;

    /// Whether a path leads to a folder.
    fn is_folder(&self, path: &str) -> bool;

    /// What a file holds.
    ///
    /// # Errors
    /// The system's reason, as Go words it: `open /x: permission denied`.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
}

/// Reads what a kustomization names.
#[derive(Clone)]
pub(super) struct Loader<'a> {
    files: &'a dyn FileSystem,
    /// Whether files have to lie in or below the folder.
    restricted: bool,
    /// The folder.
    pub(super) root: String,
    /// The folders of the kustomizations that led here.
    visited: Vec<String>,
    /// How many kustomizations were looked at.
    builds: Rc<Cell<usize>>,
}

/// Joins and cleans a path, as `filepath.Join` does.
pub(super) fn join(folder: &str, path: &str) -> String {
    let absolute = folder.starts_with('/') || folder.is_empty() && path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match absolute {
        true => format!("/{joined}"),
        false if joined.is_empty() && !(folder.is_empty() && path.is_empty()) => ".".into(),
        false => joined,
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    folder == "/" || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a path is one that kustomize would clone a repository for. Mirrors `NewRepoSpecFromURL`.
fn is_repository(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let lower = path.to_ascii_lowercase();
    let schemes = ["http://", "https://", "ssh://", "git::", "file://", "git@", "github.com/", "github.com:", "gh:"];
    !path.starts_with('/') && schemes.iter().any(|scheme| lower.starts_with(scheme))
}

/// Whether a path is one that kustomize would download.
fn is_remote_file(path: &str) -> bool {
    path.starts_with("http://") || path.starts_with("https://")
}

fn no_network(path: &str) -> Failed {
    Failed::new(format!("unable to load '{path}': kstate does not use the network"))
}

impl<'a> Loader<'a> {
    /// A loader at the folder that a command names.
    pub(super) fn at(files: &'a dyn FileSystem, path: &str, restricted: bool) -> Result<Loader<'a>, Failed> {
        if is_repository(path) {
            return Err(no_network(path));
        }
        let root = confirm(files, path).map_err(|e| e.within("must build at directory"))?;
        Ok(Loader { files, restricted, root, visited: Vec::new(), builds: Rc::default() })
    }

    /// A loader at another kustomization's folder.
    pub(super) fn below(&self, path: &str) -> Result<Loader<'a>, Failed> {
        if path.is_empty() {
            return Err(Failed::new("new root cannot be empty"));
        }
        if is_repository(path) {
            return Err(no_network(path));
        }
        if path.starts_with('/') {
            return Err(Failed::new(format!("new root '{path}' cannot be absolute")));
        }
        let root = confirm(self.files, &join(&self.root, path)).map_err(|e| e.within("must build at directory"))?;
        let mut visited = self.visited.clone();
        visited.push(self.root.clone());
        if let Some(circle) = visited.iter().rev().find(|folder| is_below(folder, &root)) {
            let text = format!("cycle detected: candidate root '{root}' contains visited root '{circle}'");
            return Err(Failed::new(text));
        }
        if visited.len() > MAX_DEPTH {
            return Err(Failed::new(format!("kustomizations lie within each other more than {MAX_DEPTH} deep")));
        }
        self.builds.set(self.builds.get() + 1);
        if self.builds.get() > MAX_BUILDS {
            return Err(Failed::new(format!("more than {MAX_BUILDS} kustomizations are to be built")));
        }
        Ok(Loader { files: self.files, restricted: self.restricted, root, visited, builds: Rc::clone(&self.builds) })
    }

    /// What a file holds.
    pub(super) fn load(&self, path: &str) -> Result<Vec<u8>, Failed> {
        if is_remote_file(path) {
            return Err(no_network(path));
        }
        let path = if path.starts_with('/') { path.to_string() } else { join(&self.root, path) };
        if !self.restricted {
            return self.files.read(&path).map_err(Failed::new);
        }
        let real = real_path(self.files, &path)?;
        if self.files.is_folder(&real) {
            return Err(Failed::new(format!("'{path}' must resolve to a file")));
        }
        let folder = real.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        if !is_below(folder, &self.root) {
            return Err(Failed::new(format!("security; file '{path}' is not in or below '{}'", self.root)));
        }
        self.files.read(&real).map_err(Failed::new)
    }
}

fn real_path(files: &dyn FileSystem, path: &str) -> Result<String, Failed> {
    files.real_path(path).map_err(|e| Failed::new(format!("evalsymlink failure on '{path}' : {e}")))
}

/// The real path of a folder.
fn confirm(files: &dyn FileSystem, path: &str) -> Result<String, Failed> {
    if path.is_empty() {
        return Err(Failed::new("directory path cannot be empty"));
    }
    let real = real_path(files, path).map_err(|e| e.within("not a valid directory"))?;
    match files.is_folder(&real) {
        true => Ok(real),
        false => Err(Failed::new(format!("'{path}': file is not directory"))),
    }
}
