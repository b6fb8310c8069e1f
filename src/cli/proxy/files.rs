//! A folder as Go's file server shows it.
//!
//! Mirrors `net/http/fs.go`.

use std::path::PathBuf;

use super::{moved, not_found, plain};
use crate::host::folder::{self, Found};
use crate::server::wire::http;

/// What a folder's own page is called.
const INDEX: &str = "/index.html";

/// Content types by the end of a name, as Go knows them by itself.
const TYPES: [(&str, &str); 20] = [
    ("avif", "image/avif"),
    ("css", "text/css; charset=utf-8"),
    ("gif", "image/gif"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webp", "image/webp"),
    ("xml", "text/xml; charset=utf-8"),
    ("yaml", "text/yaml; charset=utf-8"),
];

/// A folder of files.
pub(super) struct Files(PathBuf);

impl Files {
    pub(super) fn of(folder: PathBuf) -> Files {
        Files(folder)
    }

    /// What is said of one that is none; `name` is how it was called.
    pub(super) fn amiss(&self, name: &str) -> Option<String> {
        match folder::find(&self.0, "/") {
            Found::Folder(_) => None,
            Found::File(_) => Some(format!("Static file directory {name} is not a directory")),
            Found::Nothing(why) => Some(format!("Failed to stat static file directory {name}: stat {name}: {why}")),
        }
    }

    /// The answer to a request for a path below the prefix, which begins with a slash. Mirrors `serveFile`.
    pub(super) fn serve(&self, request: &http::Request, path: &str) -> http::Response {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return plain(405, "Method Not Allowed\n").with("Allow", "GET, HEAD");
        }
        if path.ends_with(INDEX) {
            return moved("./");
        }
        match folder::find(&self.0, path) {
            Found::Nothing(_) => not_found(),
            Found::File(_) if path.ends_with('/') => {
                let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                moved(&format!("../{name}"))
            }
            Found::File(bytes) => file(path, bytes),
            Found::Folder(_) if !path.ends_with('/') => {
                moved(&format!("{}/", path.rsplit('/').next().unwrap_or_default()))
            }
            Found::Folder(entries) => match folder::find(&self.0, &format!("{path}index.html")) {
                Found::File(bytes) => file(INDEX, bytes),
                _ => listing(&entries),
            },
        }
    }
}

fn file(path: &str, bytes: Vec<u8>) -> http::Response {
    let end = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, end)| end);
    let known = TYPES.iter().find(|(of, _)| end.eq_ignore_ascii_case(of)).map(|(_, kind)| *kind);
    // What has no known name is told by what it holds, of which text is all that matters here.
    let kind = known.unwrap_or(match std::str::from_utf8(&bytes) {
        Ok(text) if !text.contains('\0') => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    });
    http::Response::new(200, bytes).with("Content-Type", kind).with("Accept-Ranges", "bytes")
}

/// Mirrors `dirList`.
fn listing(entries: &[(String, bool)]) -> http::Response {
    let mut page = "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n".to_string();
    for (name, is_folder) in entries {
        let shown = if *is_folder { format!("{name}/") } else { name.clone() };
        page.push_str(&format!("<a href=\"{}\">{}</a>\n", address(&shown), escaped(&shown)));
    }
    page.push_str("</pre>\n");
    http::Response::new(200, page.into_bytes()).with("Content-Type", "text/html; charset=utf-8")
}

/// A name as it stands in an address. Mirrors `url.URL{Path: name}.String()`.
fn address(name: &str) -> String {
    let first = name.split('/').next().unwrap_or_default();
    let mut address = if first.contains(':') { "./".to_string() } else { String::new() };
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => address.push(byte.into()),
            b'-' | b'_' | b'.' | b'~' | b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@' => {
                address.push(byte.into());
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address
}

/// Mirrors `htmlReplacer`.
pub(super) fn escaped(text: &str) -> String {
    let replace = |c: char| match c {
        '&' => "&amp;".to_string(),
        '<' => "&lt;".to_string(),
        '>' => "&gt;".to_string(),
        '"' => "&#34;".to_string(),
        '\'' => "&#39;".to_string(),
        c => c.to_string(),
    };
    text.chars().map(replace).collect()
}
