//! `auth can-i` and `auth whoami`.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/auth`.

use super::authorize::{Attributes, allowed};
use super::resources::find_kind;
use super::session::Session;
use crate::error::Failure;
use crate::printers::table::{Column, Options, Row, Table, print};

/// Inspect authorization.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// Check whether an action is allowed
    CanI {
        /// VERB TYPE, VERB TYPE/NAME or VERB NONRESOURCEURL
        args: Vec<String>,
        /// If true, check the specified action in all namespaces
        #[arg(short = 'A', long)]
        all_namespaces: bool,
        /// If true, suppress output and just return the exit code
        #[arg(short = 'q', long)]
        quiet: bool,
        /// If true, prints all allowed actions
        #[arg(long)]
        list: bool,
        /// SubResource such as pod/log or deployment/scale
        #[arg(long, default_value = "")]
        subresource: String,
    },
    /// Experimental: Check self subject attributes
    Whoami,
}

const KNOWN_VERBS: [&str; 18] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "escalate",
    "impersonate",
    "sign",
    "approve",
    "attest",
    "proxy",
    "*",
    "post",
];

/// Runs the verb.
///
/// # Errors
/// kubectl's texts; exit 1 when the answer is no.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.verb {
        Verb::CanI { list: true, args, .. } if !args.is_empty() => {
            Err(Failure::error("list option must be specified with no arguments"))
        }
        Verb::CanI { list: true, .. } => list(session),
        Verb::CanI { args, all_namespaces, quiet, subresource, .. } => {
            can_i(&args, all_namespaces, quiet, &subresource, session)
        }
        Verb::Whoami => {
            let user = session.user.clone().unwrap_or_else(|| format!("admin@{}", session.context()));
            let groups =
                if session.user.is_some() { "[system:authenticated]" } else { "[system:masters system:authenticated]" };
            let row = |a: &str, b: &str| Row { cells: vec![a.into(), b.into()], ..Row::default() };
            let table = Table {
                columns: ["ATTRIBUTE", "VALUE"].map(Column::new).to_vec(),
                rows: vec![row("Username", &user), row("Groups", groups)],
            };
            session.ui.out(&print(&table, &Options::default()));
            Ok(())
        }
    }
}

fn can_i(args: &[String], all: bool, quiet: bool, subresource: &str, session: &Session<'_>) -> Result<(), Failure> {
    let [verb, what] = args else {
        return Err(Failure::error(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
        ));
    };
    let warn = |text: String| session.ui.err(&format!("Warning: {text}\n\n"));
    let mut request = Attributes {
        verb: verb.clone(),
        group: String::new(),
        resource: what.clone(),
        namespace: if all { String::new() } else { session.namespace.clone() },
        name: String::new(),
    };
    if !what.starts_with('/') {
        let (resource, name) = what.split_once('/').unwrap_or((what, ""));
        request.name = name.to_string();
        match find_kind(resource) {
            Some(kind) => {
                request.resource = kind.plural().to_string();
                request.group = kind.group().to_string();
                if !kind.is_namespaced() && !all {
                    warn(match kind.group() {
                        "" => format!("resource '{}' is not namespace scoped", kind.plural()),
                        group => format!("resource '{}' is not namespace scoped in group '{group}'", kind.plural()),
                    });
                }
            }
            None if resource == "*" => request.resource = "*".into(),
            None => {
                request.resource = resource.to_string();
                let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
                warn(match group {
                    "" => format!("the server doesn't have a resource type '{resource}'"),
                    group => format!("the server doesn't have a resource type '{resource}' in group '{group}'"),
                });
            }
        }
        if !KNOWN_VERBS.contains(&verb.as_str()) {
            warn(format!("verb '{verb}' is not a known verb"));
        }
    }
    if !subresource.is_empty() {
        request.resource = format!("{}/{subresource}", request.resource);
    }
    let yes = session.user.as_ref().is_none_or(|user| allowed(&session.cluster.view(), user, &request));
    if !quiet {
        session.ui.out(if yes { "yes\n" } else { "no\n" });
    }
    if yes { Ok(()) } else { Err(Failure::silent(1)) }
}

fn list(session: &Session<'_>) -> Result<(), Failure> {
    let row = |cells: [&str; 4]| Row { cells: cells.map(String::from).to_vec(), ..Row::default() };
    let mut rows = Vec::new();
    if session.user.is_none() {
        rows.push(row(["*.*", "[]", "[]", "[*]"]));
        rows.push(row(["", "[*]", "[]", "[*]"]));
    }
    rows.push(row(["selfsubjectreviews.authentication.k8s.io", "[]", "[]", "[create]"]));
    rows.push(row(["selfsubjectaccessreviews.authorization.k8s.io", "[]", "[]", "[create]"]));
    rows.push(row(["selfsubjectrulesreviews.authorization.k8s.io", "[]", "[]", "[create]"]));
    for url in [
        "/api/*",
        "/api",
        "/apis/*",
        "/apis",
        "/healthz",
        "/livez",
        "/openapi/*",
        "/openapi",
        "/readyz",
        "/version/",
        "/version",
    ] {
        rows.push(row(["", &format!("[{url}]"), "[]", "[get]"]));
    }
    let columns = ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"].map(Column::new).to_vec();
    session.ui.out(&print(&Table { columns, rows }, &Options::default()));
    Ok(())
}
