//! Where ConfigMaps and Secrets get their keys from: literals, files, folders and environment files.
//!
//! Mirrors `k8s.io/kubectl/pkg/util/util.go` and `.../pkg/cmd/util/env_file.go`.

use std::path::Path;

use crate::api::names;
use crate::host::files::FileType;
use crate::host::{go_io_error, reason};
use crate::kubectl::session::Session;

/// A key and its value.
pub type Entry = (String, Vec<u8>);

/// Reads `key=value`.
///
/// # Errors
/// kubectl's text.
pub fn literal(source: &str) -> Result<Entry, String> {
    match source.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_string(), value.as_bytes().to_vec())),
        _ => Err(format!("invalid literal source {source}, expected key=value")),
    }
}

/// Reads `[key=]path`; the files of a folder if the path is one.
///
/// # Errors
/// kubectl's text for a bad source or a file that can't be read.
pub fn file(session: &Session<'_>, source: &str) -> Result<Vec<Entry>, String> {
    let (key, shown) = key_and_path(source)?;
    let files = &session.host.files;
    let kind = files.file_type(&shown).map_err(|e| format!("error reading {shown}: {}", reason(&e)))?;
    if kind != FileType::Folder {
        return Ok(vec![(key, read(session, &shown)?)]);
    }
    if source.contains('=') {
        return Err("cannot give a key name for a directory path".into());
    }
    let listed = files.list(&shown).map_err(|e| format!("error listing files in {shown}: {}", reason(&e)))?;
    let mut entries = Vec::new();
    // Links, folders and devices are passed over.
    for file in listed.into_iter().filter(|entry| entry.is_file) {
        let name = file.name.to_string_lossy().into_owned();
        let content = files.read(Path::new(&shown).join(&file.name));
        let content =
            content.map_err(|e| go_io_error("open", &format!("{}/{name}", shown.trim_end_matches('/')), &e))?;
        entries.push((name, content));
    }
    Ok(entries)
}

/// Reads a file of `KEY=VALUE` lines. A key alone takes its value from the environment.
///
/// # Errors
/// kubectl's text for a file that can't be read or a line that is no such pair; `what` names the kind in it.
pub fn env_file(session: &Session<'_>, shown: &str, what: &str) -> Result<Vec<Entry>, String> {
    let kind = session.host.files.file_type(shown).map_err(|e| format!("error reading {shown}: {}", reason(&e)))?;
    if kind == FileType::Folder {
        return Err(format!("env {what} file cannot be a directory"));
    }
    let bytes = read(session, shown)?;
    let mut entries = Vec::new();
    for (index, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(text) = std::str::from_utf8(line) else {
            let bytes: Vec<String> = line.iter().map(u8::to_string).collect();
            let line = index + 1;
            return Err(format!("env file {shown} contains invalid utf8 bytes at line {line}: [{}]", bytes.join(" ")));
        };
        let text = if index == 0 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        let text = text.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, value.to_string()),
            None => (text, session.host.variable_text(text).unwrap_or_default()),
        };
        let faults = names::env_var_name(key);
        if !faults.is_empty() {
            return Err(format!("{key:?} is not a valid key name: {}", faults.join(";")));
        }
        entries.push((key.to_string(), value.into_bytes()));
    }
    Ok(entries)
}

fn key_and_path(source: &str) -> Result<(String, String), String> {
    match (source.matches('=').count(), source.split_once('=')) {
        (1, Some(("", path))) => Err(format!("key name for file path {path} missing")),
        (1, Some((key, ""))) => Err(format!("file path for key name {key} missing")),
        (1, Some((key, path))) => Ok((key.to_string(), path.to_string())),
        (0, _) => {
            let slashed = source.replace(std::path::MAIN_SEPARATOR, "/");
            let base = slashed.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            Ok((if base.is_empty() { "/" } else { base }.to_string(), source.to_string()))
        }
        _ => Err("key names or file paths cannot contain '='".into()),
    }
}

fn read(session: &Session<'_>, shown: &str) -> Result<Vec<u8>, String> {
    session.read(shown).map_err(|e| go_io_error("open", shown, &e))
}

#[cfg(test)]
mod tests {
    use super::{key_and_path, literal};

    #[test]
    fn splits_sources_as_kubectl_does() {
        assert_eq!(literal("a=b=c").unwrap(), ("a".into(), b"b=c".to_vec()));
        assert_eq!(literal("=b").unwrap_err(), "invalid literal source =b, expected key=value");
        assert_eq!(key_and_path("dir/x.conf").unwrap(), ("x.conf".into(), "dir/x.conf".into()));
        assert_eq!(key_and_path("a=").unwrap_err(), "file path for key name a missing");
        assert_eq!(key_and_path("a=b=c").unwrap_err(), "key names or file paths cannot contain '='");
    }
}
