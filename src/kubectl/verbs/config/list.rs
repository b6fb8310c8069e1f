//! `config get-contexts`, `get-clusters`, `get-users` and `current-context`.

use crate::error::Failure;
use crate::kubectl::kubeconfig::Section;
use crate::kubectl::session::Session;
use crate::printers::table::{Column, Options, Row, Table, print};

/// Describe one or many contexts.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Names of contexts
    names: Vec<String>,
    /// Output format: name
    #[arg(short = 'o', long)]
    output: Option<String>,
    /// Don't print headers
    #[arg(long)]
    no_headers: bool,
}

pub(super) fn current_context(session: &Session<'_>) -> Result<(), Failure> {
    match session.contexts.access.starting_config()?.current_context.as_str() {
        "" => Err(Failure::error("current-context is not set")),
        name => {
            session.ui.out(&format!("{name}\n"));
            Ok(())
        }
    }
}

pub(super) fn names(section: Section, session: &Session<'_>) -> Result<(), Failure> {
    let config = session.contexts.access.starting_config()?;
    let names = config.section(section).keys().map(|name| format!("{name}\n"));
    session.ui.out(&format!("NAME\n{}", names.collect::<String>()));
    Ok(())
}

pub(super) fn contexts(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let output = args.output.as_deref().unwrap_or_default();
    if !matches!(output, "" | "name") {
        return Err(Failure::error(format!(
            "--output {output} is not available in kubectl config get-contexts; resetting to default output format"
        )));
    }
    let config = session.contexts.access.starting_config()?;
    let (mut shown, mut unknown) = (Vec::new(), Vec::new());
    match args.names.is_empty() {
        true => shown.extend(config.contexts.keys()),
        false => {
            for name in &args.names {
                let known = config.contexts.contains_key(name);
                if known { shown.push(name) } else { unknown.push(format!("context {name} not found")) }
            }
        }
    }
    shown.sort();
    if output == "name" {
        session.ui.out(&shown.iter().map(|name| format!("{name}\n")).collect::<String>());
    } else {
        let row = |name: &&String| {
            let context = &config.contexts[*name];
            let mark = if **name == config.current_context { "*" } else { " " };
            let field = |field: &str| context.text(field).to_string();
            let cells = vec![mark.into(), name.to_string(), field("cluster"), field("user"), field("namespace")];
            Row { cells, ..Row::default() }
        };
        let columns = ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"];
        let table = Table { columns: columns.map(Column::new).to_vec(), rows: shown.iter().map(row).collect() };
        session.ui.out(&match table.rows.is_empty() && !args.no_headers {
            // The headings come before anything is looked for.
            true => format!("{}\n", columns.join("   ")),
            false => print(&table, &Options { no_headers: args.no_headers, ..Options::default() }),
        });
    }
    match unknown.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::error(one)),
        many => Err(Failure::raw(many.join("\n"))),
    }
}
