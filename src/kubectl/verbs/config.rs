//! `config`: contexts, which are kstate's clusters, and the namespace that each stands in.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/config`.

use serde_json::json;

use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::printers::table::{Column, Options, Row, Table, print};
use crate::printers::{json as json_printer, yaml};

/// Modify kubeconfig files.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// Display merged kubeconfig settings or a specified kubeconfig file
    View {
        /// Remove all information not used by current-context from the output
        #[arg(long)]
        minify: bool,
        /// Output format
        #[arg(short = 'o', long, default_value = "yaml")]
        output: String,
        /// Display raw byte data and sensitive data
        #[arg(long)]
        raw: bool,
    },
    /// Describe one or many contexts
    GetContexts {
        /// Names of contexts
        names: Vec<String>,
        /// Output format: name
        #[arg(short = 'o', long)]
        output: Option<String>,
        /// Don't print headers
        #[arg(long)]
        no_headers: bool,
    },
    /// Display clusters defined in the kubeconfig
    GetClusters,
    /// Display users defined in the kubeconfig
    GetUsers,
    /// Display the current-context
    CurrentContext,
    /// Set the current-context in a kubeconfig file
    #[command(alias = "use")]
    UseContext {
        /// The context's name
        name: Option<String>,
    },
    /// Set a context entry in kubeconfig
    SetContext {
        /// The context's name
        name: Option<String>,
        /// Modify the current context
        #[arg(long)]
        current: bool,
    },
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let current = session.contexts.current();
    match args.verb {
        Verb::View { output, .. } => {
            let tree = view(session);
            session.ui.out(&match output.as_str() {
                "yaml" | "" => yaml::to_yaml(&tree),
                "json" => json_printer::to_pretty(&tree),
                other => {
                    let format = crate::kubectl::print::output::Format::parse(
                        session,
                        other,
                        None,
                        crate::kubectl::print::output::OBJECT_FORMATS,
                    )?;
                    format.print(std::slice::from_ref(&tree), false, true)?
                }
            });
        }
        Verb::GetContexts { names, output, no_headers } => {
            get_contexts(&names, output.as_deref(), !no_headers, session)?
        }
        Verb::GetClusters => names_only(session, |name| name.to_string()),
        Verb::GetUsers => names_only(session, |name| format!("admin@{name}")),
        Verb::CurrentContext => session.ui.out(&format!("{current}\n")),
        Verb::UseContext { name } => {
            let name = name.ok_or_else(|| {
                Failure::error("Unexpected args: []\nSee 'kubectl config use-context -h' for help and examples")
            })?;
            if !session.contexts.names().contains(&name) {
                return Err(Failure::error(format!("no context exists with the name: {name:?}")));
            }
            session.contexts.choose(&name)?;
            session.ui.out(&format!("Switched to context {name:?}.\n"));
        }
        Verb::SetContext { name, current: of_current } => {
            let name = match (name, of_current) {
                (Some(name), false) => name,
                (None, true) => current.clone(),
                (Some(_), true) => return Err(Failure::error("cannot specify both a context name and --current")),
                (None, false) => return Err(Failure::error("you must specify a non-empty context name or --current")),
            };
            if name != current {
                return Err(Failure::error("kstate keeps a namespace for the cluster in use only")
                    .hint(format!("kubectl config use-context {name}, then set its namespace")));
            }
            if session.namespace_given {
                let namespace = session.namespace.clone();
                session.client.server_mut().set_default_namespace(&namespace)?;
            }
            session.ui.out(&format!("Context {name:?} modified.\n"));
        }
    }
    Ok(())
}

fn view(session: &Session<'_>) -> serde_json::Value {
    let names = session.contexts.names();
    let context = |name: &String| {
        let mut context = json!({"cluster": name, "user": format!("admin@{name}")});
        if let Some(namespace) =
            session.client.server().default_namespace().filter(|_| *name == session.contexts.current())
        {
            context["namespace"] = json!(namespace);
        }
        json!({"context": context, "name": name})
    };
    json!({
        "apiVersion": "v1",
        "clusters": names.iter().map(|n| json!({
            "cluster": {"certificate-authority-data": "DATA+OMITTED", "server": "https://127.0.0.1:6443"}, "name": n
        })).collect::<Vec<_>>(),
        "contexts": names.iter().map(context).collect::<Vec<_>>(),
        "current-context": session.contexts.current(),
        "kind": "Config",
        "preferences": {},
        "users": names.iter().map(|n| json!({
            "name": format!("admin@{n}"),
            "user": {"client-certificate-data": "DATA+OMITTED", "client-key-data": "DATA+OMITTED"}
        })).collect::<Vec<_>>(),
    })
}

fn get_contexts(names: &[String], output: Option<&str>, headers: bool, session: &Session<'_>) -> Result<(), Failure> {
    let all = session.contexts.names();
    let unknown: Vec<String> =
        names.iter().filter(|n| !all.contains(n)).map(|n| format!("error: context {n} not found")).collect();
    let shown: Vec<&String> = all.iter().filter(|n| names.is_empty() || names.contains(n)).collect();
    if output == Some("name") {
        session.ui.out(&shown.iter().map(|n| format!("{n}\n")).collect::<String>());
    } else if let Some(other) = output {
        return Err(Failure::error(format!(
            "--output {other} is not available in kubectl config get-contexts; resetting to default output format"
        )));
    } else {
        let columns = ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"].map(Column::new).to_vec();
        let row = |name: &&String| {
            let here = **name == session.contexts.current();
            let namespace = session.client.server().default_namespace().filter(|_| here).unwrap_or_default();
            let mark = if here { "*" } else { "" };
            let name = name.to_string();
            Row {
                cells: vec![mark.into(), name.clone(), name.clone(), format!("admin@{name}"), namespace],
                ..Row::default()
            }
        };
        let table = Table { columns, rows: shown.iter().map(row).collect() };
        let headings = headers && table.rows.is_empty();
        session.ui.out(&match headings {
            true => "CURRENT   NAME   CLUSTER   AUTHINFO   NAMESPACE\n".to_string(),
            false => print(&table, &Options { no_headers: !headers, ..Options::default() }),
        });
    }
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Failure::raw(unknown.join("\n"))),
    }
}

fn names_only(session: &Session<'_>, name: impl Fn(&str) -> String) {
    let rows = session.contexts.names().iter().map(|n| Row { cells: vec![name(n)], ..Row::default() }).collect();
    session.ui.out(&print(&Table { columns: vec![Column::new("NAME")], rows }, &Options::default()));
}
