//! `get --raw`: what the server answers to a GET of a path.
//!
//! Mirrors `k8s.io/kubectl/pkg/rawhttp`.

use crate::api::request::{Form, Resource, Target};
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::printers::json::to_compact;
use crate::server::{Reply, encode, request_info};

/// Prints what the server answers to a GET of that path.
///
/// # Errors
/// The server's refusal.
pub fn run(path: &str, session: &Session<'_>) -> Result<(), Failure> {
    let (target, verb) = request_info::get(path);
    session.client.want_managed_fields(true);
    let reply = session.client.read(verb, target.clone(), Form::Object)?;
    match reply {
        Reply::Text(text) => session.ui.out(&text),
        reply => {
            let resource = match target {
                Target::Resource(resource) => resource,
                Target::Path(_) => Resource::default(),
            };
            session.ui.out(&format!("{}\n", to_compact(&encode(&reply, &resource))));
        }
    }
    Ok(())
}
