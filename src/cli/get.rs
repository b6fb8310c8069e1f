//! `get`: tables and other forms of objects, and their changes as they happen.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/get/get.go`.

use std::sync::Arc;

use super::errors::{self, Fault};
use super::files::FileArgs;
use super::output::{Format, GET_FORMATS, tree_of};
use super::resources::{Found, Query};
use super::session::Session;
use super::table;
use crate::api::{Kind, Object};
use crate::error::Failure;
use crate::printers::sort::{self, Target};

/// Display one or many resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE[,TYPE...] [NAME...] or TYPE/NAME...
    #[arg(value_name = "TYPE")]
    pub args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// Output format
    #[arg(short = 'o', long, value_name = "FORMAT")]
    output: Option<String>,
    /// Template string or path to template file to use when -o=go-template, -o=go-template-file
    #[arg(long)]
    template: Option<String>,
    /// If present, list the requested object(s) across all namespaces
    #[arg(short = 'A', long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    pub all_namespaces: bool,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Selector (field query) to filter on
    #[arg(long)]
    field_selector: Option<String>,
    /// Accepts a comma separated list of labels that are going to be presented as columns
    #[arg(short = 'L', long, value_delimiter = ',')]
    label_columns: Vec<String>,
    /// When printing, show all labels as the last column
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    show_labels: bool,
    /// If present, list the resource type for the requested object(s)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    show_kind: bool,
    /// If true, keep the managedFields when printing objects in JSON or YAML format
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    show_managed_fields: bool,
    /// When using the default or custom-column output format, don't print headers
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    no_headers: bool,
    /// If the requested object does not exist the command will return exit code 0
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    ignore_not_found: bool,
    /// If non-empty, sort list types using this field specification
    #[arg(long)]
    sort_by: Option<String>,
    /// After listing/getting the requested object, watch for changes
    #[arg(short = 'w', long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    pub watch: bool,
    /// Watch for changes to the requested object(s), without listing/getting first
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    pub watch_only: bool,
    /// Output watch event objects when --watch or --watch-only is used
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    output_watch_events: bool,
    /// Return large lists in chunks rather than all at once
    #[arg(long, default_value_t = 500)]
    chunk_size: i64,
    /// If true, have the server return the appropriate table output
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", action = clap::ArgAction::Set)]
    server_print: bool,
    /// If true, ignore any errors in templates when a field or map key is missing
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", action = clap::ArgAction::Set)]
    allow_missing_template_keys: bool,
    /// Raw URI to request from the server
    #[arg(long)]
    raw: Option<String>,
    /// If specified, gets the subresource of the requested object
    #[arg(long)]
    subresource: Option<String>,
}

const NO_TYPE: &str = "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n";

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.args.is_empty() && args.files.is_empty() {
        session.ui.err(NO_TYPE);
        return Err(Failure::raw(format!(
            "error: Required resource not specified.\nUse \"{p} explain <resource>\" for a detailed description of that resource (e.g. {p} explain pods).\nSee '{p} get -h' for help and examples",
            p = session.program
        )));
    }
    let format = match args.output.as_deref().filter(|o| !o.is_empty()) {
        Some(text) => Some(Format::parse(session, text, args.template.as_deref(), GET_FORMATS)?),
        None => args.template.clone().map(Format::GoTemplate),
    };
    if args.watch || args.watch_only {
        return super::watch::run(&args, format, session);
    }
    let mut found = find(&args, session)?;
    if args.ignore_not_found {
        found.faults.retain(|f| !matches!(f, Fault::Api(e) if e.reason == crate::error::Reason::NotFound));
    }
    if let Some(path) = args.sort_by.as_deref().filter(|p| !p.is_empty()) {
        let table = matches!(format, None | Some(Format::Wide));
        found.objects = sorted(path, found.objects, if table { Target::Table } else { Target::List })?;
    }
    warn_of_deprecated(&found, session);
    match format {
        None | Some(Format::Wide) => print_tables(&args, format.is_some(), &found, session)?,
        Some(format) => print_objects(&args, &format, &found, session)?,
    }
    errors::check(found.faults)
}

fn find(args: &Args, session: &Session<'_>) -> Result<Found, Failure> {
    if args.files.is_empty() {
        return Ok(args.query().find(session)?);
    }
    let (infos, faults) = args.files.read(session, false);
    let mut found = Found { faults, named: true, ..Found::default() };
    for info in infos {
        if !found.kinds.contains(&info.kind) {
            found.kinds.push(info.kind);
        }
        let key = crate::api::ObjectKey::new(info.kind, info.namespace, info.name);
        match session.cluster.view().get(&key) {
            Some(object) => found.objects.push(Arc::clone(object)),
            None => found.faults.push(crate::error::ApiError::not_found(&key.kind.resource(), &key.name).into()),
        }
    }
    Ok(found)
}

impl Args {
    /// What the arguments ask for.
    pub fn query(&self) -> Query {
        Query {
            args: self.args.clone(),
            selector: self.selector.clone(),
            field_selector: self.field_selector.clone(),
            all: false,
            all_namespaces: self.all_namespaces,
            types_alone_mean_all: true,
        }
    }

    /// How a table of one kind is laid out.
    pub fn layout(&self, wide: bool, with_kind: bool) -> table::Layout {
        table::Layout {
            wide,
            with_kind: with_kind || self.show_kind,
            with_namespace: self.all_namespaces,
            headers: !self.no_headers,
            show_labels: self.show_labels,
            label_columns: self.label_columns.clone(),
        }
    }
}

fn sorted(path: &str, objects: Vec<Arc<Object>>, target: Target) -> Result<Vec<Arc<Object>>, Failure> {
    let trees: Vec<_> = objects.iter().map(|o| tree_of(o)).collect();
    let order = match sort::order(path, &trees, target) {
        Ok(order) => order,
        // OBSERVATION: no object has the field. kubectl then prints a table without rows.
        Err(e) if target == Target::Table && e.0.starts_with("couldn't find any field") => return Ok(Vec::new()),
        Err(e) => return Err(Failure::error(e)),
    };
    Ok(order.into_iter().map(|i| Arc::clone(&objects[i])).collect())
}

fn print_objects(args: &Args, format: &Format, found: &Found, session: &Session<'_>) -> Result<(), Failure> {
    if found.objects.is_empty() && (!found.faults.is_empty() || args.ignore_not_found && found.named) {
        return Ok(());
    }
    let trees: Vec<_> = found.objects.iter().map(|o| tree_of(o)).collect();
    let as_list = !(found.named && found.objects.len() == 1 && found.faults.is_empty());
    session.ui.out(&format.print(&trees, as_list, !args.no_headers)?);
    Ok(())
}

fn print_tables(args: &Args, wide: bool, found: &Found, session: &Session<'_>) -> Result<(), Failure> {
    if found.objects.is_empty() {
        if found.faults.is_empty() && !args.ignore_not_found {
            let namespaced = found.kinds.iter().any(|k| k.is_namespaced());
            let text = match args.all_namespaces || !namespaced || !found.kinds.iter().all(|k| k.is_namespaced()) {
                true => "No resources found\n".to_string(),
                false => format!("No resources found in {} namespace.\n", session.namespace),
            };
            session.ui.err(&text);
        }
        return Ok(());
    }
    // kubectl prints a table per run of one kind; with --sort-by the runs may alternate.
    let mut runs: Vec<(Kind, Vec<&Arc<Object>>)> = Vec::new();
    for object in &found.objects {
        match runs.last_mut() {
            Some((kind, run)) if *kind == object.kind() => run.push(object),
            _ => runs.push((object.kind(), vec![object])),
        }
    }
    let with_kind = found.kinds.len() > 1
        || args.args.first().is_some_and(|a| a.contains(','))
        || runs.iter().map(|r| r.0).collect::<std::collections::BTreeSet<_>>().len() > 1;
    let texts: Vec<String> = runs
        .iter()
        .map(|(kind, run)| table::print(session.cluster, *kind, run, &args.layout(wide, with_kind)))
        .collect();
    session.ui.out(&texts.join("\n"));
    Ok(())
}

/// The server warns on every request for a deprecated kind.
fn warn_of_deprecated(found: &Found, session: &Session<'_>) {
    if found.kinds.contains(&Kind::Endpoints) && session.cluster.config().version >= 33 {
        session.ui.err("Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\n");
    }
}
