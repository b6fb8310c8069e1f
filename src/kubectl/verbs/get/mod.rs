//! `get`: tables and other forms of objects, and their changes as they happen.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/get/get.go`.

mod args;
mod raw;
pub(in crate::kubectl) mod watch;

use std::sync::Arc;

use serde_json::Value;

use crate::api::{Kind, Object};
use crate::error::Failure;
use crate::kubectl::builder::resources::Found;
use crate::kubectl::builder::target::FILES_AND_NAMES;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::output::{Format, GET_FORMATS, shown_tree, tree_of, tree_with_managers};
use crate::kubectl::print::table;
use crate::kubectl::session::Session;
use crate::kubectl::subresource;
use crate::printers::sort::{self, Target};
use crate::printers::table::{Column, Options, Row, Table, print as print_table};
pub use args::Args;

const NO_TYPE: &str = "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n";

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if let Some(path) = args.raw.as_deref().filter(|p| !p.is_empty()) {
        if !args.args.is_empty() {
            return Err(Failure::error("arguments may not be passed when --raw is specified"));
        }
        check_raw(&args, path)?;
        return raw::run(path, session);
    }
    check_flags(&args)?;
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
    session.shows_managers.set(args.show_managed_fields && matches!(format, Some(Format::Json | Format::Yaml)));
    let watches = args.watch || args.watch_only;
    if args.output_watch_events && !watches {
        return Err(Failure::error("--output-watch-events option can only be used with --watch or --watch-only"));
    }
    if watches {
        if args.sort_by.as_deref().is_some_and(|path| !path.is_empty()) {
            session.ui.err(match args.watch {
                true => "warning: --watch requested, --sort-by will be ignored for watch events received\n",
                false => "warning: --watch-only requested, --sort-by will be ignored\n",
            });
        }
        return watch::run(&args, format, session);
    }
    let mut found = find(&args, session)?;
    if let Some(subresource) = args.subresource.as_deref().filter(|s| !s.is_empty()) {
        return print_subresource(&args, subresource, format.as_ref(), found, session);
    }
    if args.ignore_not_found {
        found.faults.retain(|f| !matches!(f, Fault::Api(e) if e.reason == crate::error::Reason::NotFound));
    }
    sort(&args, format.as_ref(), &mut found)?;
    found.kinds.iter().for_each(|kind| session.cluster.warn_of_deprecated(*kind));
    session.print_warnings();
    match format {
        None | Some(Format::Wide) => print_tables(&args, format.is_some(), &found, session)?,
        Some(format) => print_objects(&args, &format, &found, session)?,
    }
    errors::check(found.faults)
}

/// Sorts as `--sort-by` says, if it is given.
fn sort(args: &Args, format: Option<&Format>, found: &mut Found) -> Result<(), Failure> {
    if let Some(path) = args.sort_by.as_deref().filter(|p| !p.is_empty()) {
        let table = matches!(format, None | Some(Format::Wide));
        let objects = std::mem::take(&mut found.objects);
        found.objects = sorted(path, objects, if table { Target::Table } else { Target::List })?;
    }
    Ok(())
}

/// Mirrors `GetOptions.Validate`.
fn check_raw(args: &Args, path: &str) -> Result<(), Failure> {
    let given = |flag: &Option<String>| flag.as_deref().is_some_and(|f| !f.is_empty());
    if args.watch || args.watch_only || given(&args.selector) {
        let text = "--raw may not be specified with other flags that filter the server request or alter the output";
        return Err(Failure::error(text));
    }
    if given(&args.output) {
        return Err(Failure::error("--raw and --output are mutually exclusive"));
    }
    if !path.starts_with('/') && !path.contains("://") {
        let text = format!("--raw must be a valid URL path: parse {path:?}: invalid URI for request");
        return Err(Failure::error(text));
    }
    Ok(())
}

fn check_flags(args: &Args) -> Result<(), Failure> {
    let format = args.output.as_deref().unwrap_or_default();
    if args.show_labels && !matches!(format, "" | "wide") {
        return Err(Failure::error(format!("--show-labels option cannot be used with {format} printer")));
    }
    if args.output_watch_events && !args.watch && !args.watch_only {
        let text = "--output-watch-events option can only be used with --watch or --watch-only";
        return Err(Failure::error(text));
    }
    Ok(())
}

fn find(args: &Args, session: &Session<'_>) -> Result<Found, Failure> {
    if args.files.is_empty() {
        return Ok(args.query().find(session)?);
    }
    if !args.args.is_empty() {
        return Err(Failure::error(FILES_AND_NAMES));
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
    let mut trees = found.objects.iter().map(|o| shown_tree(session, o)).collect::<Result<Vec<_>, _>>()?;
    let as_list = !(found.named && found.objects.len() == 1 && found.faults.is_empty());
    if format.reaches_managers(&trees, as_list)? {
        let with = |object| tree_with_managers(session, object);
        trees = found.objects.iter().map(with).collect::<Result<_, _>>()?;
    }
    session.ui.out(&format.print_with(&trees, as_list, !args.no_headers, args.allow_missing_template_keys)?);
    Ok(())
}

fn print_subresource(
    args: &Args,
    name: &str,
    format: Option<&Format>,
    found: Found,
    session: &Session<'_>,
) -> Result<(), Failure> {
    if !found.named {
        return Err(Failure::error("subresource cannot be used when bulk resources are specified"));
    }
    let Found { objects, mut faults, .. } = found;
    let mut parts = Vec::new();
    for object in &objects {
        match subresource::of(object, name) {
            Ok(part) => parts.push((part, object)),
            Err(refused) => faults.push(refused.into()),
        }
    }
    let trees: Vec<_> = parts.iter().map(|(tree, _)| tree.clone()).collect();
    match format {
        _ if parts.is_empty() => {}
        Some(format) if *format != Format::Wide => {
            let as_list = parts.len() > 1 || !faults.is_empty();
            session.ui.out(&format.print_with(&trees, as_list, !args.no_headers, args.allow_missing_template_keys)?);
        }
        _ if name == "scale" => {
            let columns = ["NAME", "DESIRED", "AVAILABLE", "AGE"].map(Column::new).into();
            let row = |(tree, object): &(Value, &Arc<Object>)| Row {
                cells: vec![
                    object.name().to_string(),
                    tree["spec"]["replicas"].as_i64().unwrap_or(0).to_string(),
                    tree["status"]["replicas"].as_i64().unwrap_or(0).to_string(),
                    session
                        .cluster
                        .with_print_context(|context| crate::kinds::shared::print::age(object.meta(), context)),
                ],
                ..Row::default()
            };
            let options = Options { no_headers: args.no_headers, ..Options::default() };
            session.ui.out(&print_table(&Table { columns, rows: parts.iter().map(row).collect() }, &options));
        }
        _ => print_tables(args, format.is_some(), &Found { objects, faults: Vec::new(), ..Found::default() }, session)?,
    }
    errors::check(faults)
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
