//! `explain`: what a kind and its fields are for.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/explain`, and `SplitAndParseResourceRequest` of `k8s.io/kubectl/pkg/explain`.

use crate::api::schema::{self, TypeDef};
use crate::error::Failure;
use crate::kubectl::builder::mapper::ambiguities;
use crate::kubectl::print::output::print_failure;
use crate::kubectl::session::Session;
use crate::printers::explain::{Subject, render, v2};
use crate::server::served::{self, Served};

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
    #[arg(short = 'R', long)]
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
    let (resource, path) = split(what, api_version.is_none(), session)?;
    if let Some(version) = api_version.filter(|version| version.matches('/').count() > 1) {
        return Err(Failure::error(format!("unexpected GroupVersion string: {version}")));
    }
    let stored = resource.api_version();
    let version = api_version.unwrap_or(&stored);
    let old_layout = args.output == "plaintext-openapiv2";
    let Some(def) = definition(&resource, version) else {
        return Err(no_such_version(&resource, version, old_layout, session));
    };
    let subject = Subject { def, kind: resource.kind.name(), api_version: version };
    let explained = match args.output.as_str() {
        "plaintext" => render(&subject, &path, args.recursive),
        "plaintext-openapiv2" => v2::render(&subject, &path, args.recursive),
        other => return Err(Failure::error(format!("unrecognized format: {other}"))),
    };
    session.ui.out(&explained.map_err(print_failure)?);
    Ok(())
}

/// The struct of a resource in a version; versions of old servers are shown as the stored one is.
fn definition(resource: &Served, version: &str) -> Option<&'static TypeDef> {
    let served = || (version == resource.api_version()).then(|| schema::of(resource.kind));
    schema::of_version(resource.kind, version).or_else(served)
}

/// The resource and the path of `pods.spec.containers`; the group may stand behind the plural, `deployments.apps.spec`.
fn split<'a>(what: &'a str, with_group: bool, session: &mut Session<'_>) -> Result<(Served, Vec<&'a str>), Failure> {
    let what = what.strip_suffix('.').unwrap_or(what);
    let mut path: Vec<&str> = what.split('.').filter(|part| !part.is_empty()).collect();
    if path.is_empty() || path.iter().any(|p| p.contains(['[', ']', '*', '@'])) {
        return Err(Failure::error("invalid jsonpath syntax, first node must be field node"));
    }
    let name = path.remove(0);
    let lower = name.to_ascii_lowercase();
    let called = |r: &Served| r.kind.is_called(&lower);
    let mut found: Vec<Served> =
        served::resources(&session.client.serving()).into_iter().filter(|r| r.preferred).filter(called).collect();
    let in_full = |resource: &Served| match resource.group {
        "" => resource.plural.to_string(),
        group => format!("{}.{group}", resource.plural),
    };
    session.client.warn(ambiguities(&session.client.serving(), &lower));
    // The first whose name and group the words begin with, else the first of that name.
    let prefix = found.iter().position(|resource| with_group && what.starts_with(&in_full(resource)));
    if found.is_empty() {
        return Err(Failure::raw(format!("the server doesn't have a resource type {name:?}")));
    }
    let resource = found.swap_remove(prefix.unwrap_or(0));
    if prefix.is_some() {
        path = what[in_full(&resource).len()..].split('.').filter(|part| !part.is_empty()).collect();
    }
    Ok((resource, path))
}

/// An API version that the server, or the resource, does not have.
fn no_such_version(resource: &Served, version: &str, old_layout: bool, session: &Session<'_>) -> Failure {
    // The group of the core is empty, and Go prints the slash all the same.
    let version_of = if version.contains('/') { version.to_string() } else { format!("/{version}") };
    if old_layout {
        return Failure::error(format!("couldn't find resource for \"{version_of}, Kind={}\"", resource.kind.name()));
    }
    let named = format!("{version_of}, Resource={}", resource.plural);
    match served::versions(&session.client.serving()).iter().any(|served| served == version) {
        true => Failure::error(format!("GVR ({named}) not found in OpenAPI schema")),
        false => Failure::error(format!("couldn't find resource for \"{named}\"")),
    }
}
