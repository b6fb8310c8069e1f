//! Paths in kubeconfig files, which count from the file that they stand in.
//!
//! Mirrors `ResolvePaths` and `RelativizePathWithNoBacksteps` of `k8s.io/client-go/tools/clientcmd/loader.go`.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::{Section, Stanza};

/// The fields of a stanza that name files.
fn fields(section: Section) -> &'static [&'static str] {
    match section {
        Section::Clusters => &["certificate-authority"],
        Section::Users => &["client-certificate", "client-key", "tokenFile"],
        Section::Contexts => &[],
    }
}

/// Changes each path of a stanza. A command's counts only if it is one and no name to be looked up on the PATH.
fn each(section: Section, stanza: &mut Stanza, change: impl Fn(&str) -> Result<String, String>) -> Result<(), String> {
    for field in fields(section) {
        if let Some(Value::String(path)) = stanza.fields.get_mut(*field) {
            *path = change(path)?;
        }
    }
    let command = stanza.fields.get_mut("exec").and_then(|exec| exec.get_mut("command"));
    if let Some(Value::String(command)) = command.filter(|_| section == Section::Users)
        && command.contains(std::path::MAIN_SEPARATOR)
    {
        *command = change(command)?;
    }
    Ok(())
}

/// Makes the paths of a stanza absolute; they count from `base`.
pub fn resolve(section: Section, stanza: &mut Stanza, base: &Path) {
    // What makes a path absolute can't fail.
    let _ = each(section, stanza, |path| Ok(absolute(path, base)));
}

/// Makes the paths of a stanza count from `base`, those of files below it.
///
/// # Errors
/// A path that is neither absolute nor below.
pub fn relativize(section: Section, stanza: &mut Stanza, base: &Path) -> Result<(), String> {
    resolve(section, stanza, base);
    each(section, stanza, |path| match relative(path, base) {
        Some(inside) => Ok(inside),
        None if Path::new(path).is_absolute() => Ok(path.to_string()),
        None => Err(format!("{path} requires backsteps and is not absolute")),
    })
}

/// A path that counts from `base`, without dots. Mirrors `filepath.Join` and `filepath.Abs`.
pub fn absolute(path: &str, base: &Path) -> String {
    if Path::new(path).is_absolute() {
        return path.to_string();
    }
    clean(&base.join(path)).to_string_lossy().into_owned()
}

/// A path without `.` and, where that is possible, `..`. Mirrors `filepath.Clean`.
pub fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if clean.components().next_back().is_some_and(|c| matches!(c, Component::Normal(_))) =>
            {
                clean.pop();
            }
            Component::ParentDir if clean.has_root() => {}
            part => clean.push(part),
        }
    }
    if clean.as_os_str().is_empty() { PathBuf::from(".") } else { clean }
}

/// The path from `base` to a file below it.
fn relative(path: &str, base: &Path) -> Option<String> {
    let inside = clean(Path::new(path)).strip_prefix(clean(base)).ok()?.to_path_buf();
    let inside = if inside.as_os_str().is_empty() { PathBuf::from(".") } else { inside };
    Some(inside.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{absolute, relative};

    #[test]
    fn paths_count_from_the_file() {
        assert_eq!(absolute("../a/./b", Path::new("/x/y")), "/x/a/b");
        assert_eq!(absolute("/a/../b", Path::new("/x")), "/a/../b");
        assert_eq!(relative("/x/y/ca.crt", Path::new("/x/y")), Some("ca.crt".into()));
        assert_eq!(relative("/x/ca.crt", Path::new("/x/y")), None);
    }
}
