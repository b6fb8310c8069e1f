//! `--raw`: a request to a path, and the server's answer as it came.
//!
//! Mirrors `k8s.io/kubectl/pkg/rawhttp`.

use crate::api::request::{Form, Resource, Target, Verb};
use crate::api::scalar::{path_unescape, quote};
use crate::error::Failure;
use crate::host::go_io_error;
use crate::kubectl::body::text;
use crate::kubectl::follow::follow;
use crate::kubectl::session::Session;
use crate::server::{Reply, request_info};

/// Refuses what is no path. Mirrors Go's `url.ParseRequestURI`.
///
/// # Errors
/// kubectl's text.
pub fn check_uri(uri: &str) -> Result<(), Failure> {
    let path = uri.split('?').next().unwrap_or_default();
    let fault = if uri.chars().any(|c| c.is_ascii_control()) {
        Some("net/url: invalid control character in URL".to_string())
    } else if uri.starts_with(':') {
        Some("missing protocol scheme".to_string())
    } else if !uri.starts_with('/') && !uri.contains("://") {
        Some("invalid URI for request".to_string())
    } else {
        path_unescape(path).err().map(|escape| format!("invalid URL escape {}", quote(&escape)))
    };
    match fault {
        None => Ok(()),
        Some(what) => Err(Failure::error(format!("--raw must be a valid URL path: parse {}: {what}", quote(uri)))),
    }
}

/// Refuses what can't go with `--raw` where it sends a file. Mirrors the `Validate` of `create`, `replace` and `delete`.
///
/// # Errors
/// kubectl's texts.
pub fn check_file(files: &[String]) -> Result<(), Failure> {
    match files {
        [one] if one.starts_with("http://") || one.starts_with("https://") => {
            Err(Failure::error("--raw cannot read from a url"))
        }
        [_] => Ok(()),
        _ => Err(Failure::error("--raw can only use a single local file or stdin")),
    }
}

/// Sends a request with a method (`GET`, `POST`, `PUT`, `DELETE`) and the content of a file, and prints the answer.
///
/// # Errors
/// When the file can't be read, and the server's refusal.
pub fn run(method: &str, uri: &str, file: Option<&String>, session: &mut Session<'_>) -> Result<(), Failure> {
    let body = match file.map(String::as_str) {
        None => Vec::new(),
        Some("-") => session.stdin().map_err(|e| Failure::error(go_io_error("read", "/dev/stdin", &e)))?,
        Some(name) => session.read(name).map_err(|e| Failure::error(go_io_error("open", name, &e)))?,
    };
    // A whole address leads to the same server.
    let path = uri.split_once("://").map_or(uri, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let (target, verb) = request_info::request(method, path, &String::from_utf8_lossy(&body))?;
    session.client.want_managed_fields(true);
    if let (Verb::Watch(options), Target::Resource(resource)) = (&verb, &target) {
        let mut watch = session.client.watch_at(resource.clone(), options.clone())?;
        let resource = resource.clone();
        return follow(session, &mut watch, &mut |session, change| {
            let object = text(&Reply::Object(change.object), &resource);
            session.ui.out(&format!("{{\"type\":{:?},\"object\":{object}}}\n", change.event.as_str()));
            Ok(())
        });
    }
    if let (Verb::Get, Target::Path(at)) = (&verb, &target) {
        let bytes = session.client.document(at.clone(), path)?;
        session.ui.out(&String::from_utf8_lossy(&bytes));
        return Ok(());
    }
    let reply = match verb.writes() {
        true => session.client.send_to(verb, target.clone())?,
        false => session.client.read(verb, target.clone(), Form::Object)?,
    };
    session.ui.out(&match (&reply, &target) {
        (Reply::Text(text), _) => text.clone(),
        (Reply::Bytes(bytes), _) => String::from_utf8_lossy(bytes).into_owned(),
        (reply, Target::Resource(resource)) => format!("{}\n", text(reply, resource)),
        (reply, Target::Path(_)) => format!("{}\n", text(reply, &Resource::default())),
    });
    Ok(())
}
