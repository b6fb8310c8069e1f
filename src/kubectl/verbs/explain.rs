//! `explain`: what a kind and its fields are for.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/explain`.

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::builder::mapper::find_kind;
use crate::kubectl::session::Session;
use crate::printers::explain::render;

/// Get documentation for a resource.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE[.FIELD...]
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    /// Get different explanations for particular API version (API group/version)
    #[arg(long, value_name = "VERSION")]
    api_version: Option<String>,
    /// Print the fields of fields
    #[arg(long)]
    recursive: bool,
    /// Format in which to render the schema
    #[arg(short = 'o', long, value_name = "FORMAT", default_value = "plaintext")]
    output: String,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let what = match args.args.as_slice() {
        [] => {
            return Err(Failure::error(format!(
                "You must specify the type of resource to explain. Use \"{} api-resources\" for a complete list of supported resources.",
                session.line.program
            )));
        }
        [what] => what,
        _ => return Err(Failure::error("We accept only this format: explain RESOURCE")),
    };
    let api_version = args.api_version.as_deref().filter(|v| !v.is_empty());
    let (kind, path) = split(what, api_version.is_none(), session.client.minor())?;
    if args.output != "plaintext" {
        return Err(Failure::error(format!("unrecognized format: {}", args.output)));
    }
    match render(kind, api_version, &path, args.recursive) {
        Ok(text) => {
            session.ui.out(&text);
            Ok(())
        }
        Err(unexplained) => {
            session.ui.out(&unexplained.printed);
            Err(unexplained.failure)
        }
    }
}

/// The kind and the path of `pods.spec.containers`; the group may stand behind the plural, `deployments.apps.spec`.
fn split(what: &str, with_group: bool, minor: u32) -> Result<(Kind, Vec<&str>), Failure> {
    let what = what.strip_suffix('.').unwrap_or(what);
    let mut path: Vec<&str> = what.split('.').collect();
    if path.iter().any(|p| p.is_empty() || p.contains(['[', ']', '*', '@'])) {
        return Err(Failure::error("invalid jsonpath syntax, first node must be field node"));
    }
    let name = path.remove(0);
    let no_such_type = || Failure::raw(format!("the server doesn't have a resource type {name:?}"));
    let kind = find_kind(minor, name).ok_or_else(no_such_type)?.kind;
    let group = kind.group().split('.').filter(|p| !p.is_empty()).count();
    if with_group && group > 0 && what.starts_with(&kind.resource()) {
        path.drain(..group.min(path.len()));
    }
    Ok((kind, path))
}
