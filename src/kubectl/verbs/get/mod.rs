//! `get`: tables and other forms of objects, and their changes as they happen.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/get/get.go`.

mod args;
mod raw;
pub(in crate::kubectl) mod watch;

use std::sync::Arc;

use serde_json::Value;

use crate::api::{Kind, Object, Time};
use crate::error::{Failure, Reason};
use crate::kinds;
use crate::kubectl::builder::parts::{self, Part, Parts};
use crate::kubectl::builder::resources::Found;
use crate::kubectl::builder::target;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::output::{Format, GET_FORMATS};
use crate::kubectl::print::table;
use crate::kubectl::session::Session;
use crate::printers::sort::{self, SortError, Target};
use crate::printers::table::{Column, Options, Row, Table, print as print_table};
use crate::server::tree_of;
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
            p = session.line.program
        )));
    }
    let format = match args.output.as_deref().filter(|o| !o.is_empty()) {
        Some(text) => Some(Format::parse(session, text, args.template.as_deref(), GET_FORMATS)?),
        None => args.template.clone().map(Format::GoTemplate),
    };
    session.client.want_managed_fields(
        args.show_managed_fields && matches!(format, Some(Format::Json | Format::Yaml | Format::Kyaml)),
    );
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
    if let Some(subresource) = args.subresource.as_deref().filter(|s| !s.is_empty()) {
        return print_parts(&args, subresource, format.as_ref(), session);
    }
    let mut found = find(&args, session)?;
    if args.ignore_not_found {
        found.faults.retain(|f| !is_not_found(f));
    }
    sort(&args, format.as_ref(), &mut found, session)?;
    match format {
        None | Some(Format::Wide) => print_tables(&args, format.is_some(), &found, session),
        Some(format) => print_objects(&args, &format, &found, session)?,
    }
    errors::check(found.faults)
}

fn is_not_found(fault: &Fault) -> bool {
    matches!(fault, Fault::Api(e) if e.reason == Reason::NotFound)
}

/// Sorts as `--sort-by` says, if it is given.
fn sort(args: &Args, format: Option<&Format>, found: &mut Found, session: &Session<'_>) -> Result<(), Failure> {
    if let Some(path) = args.sort_by.as_deref().filter(|p| !p.is_empty()) {
        let table = matches!(format, None | Some(Format::Wide));
        let objects = std::mem::take(&mut found.objects);
        let target = if table { Target::Table } else { Target::List };
        found.objects = sorted(path, objects, target, session)?;
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
    match args.files.is_empty() {
        true => Ok(args.query().find(session)?),
        false => target::Target { args: &args.args, files: &args.files, ..target::Target::default() }.find(session),
    }
}

fn sorted(
    path: &str,
    objects: Vec<Arc<Object>>,
    target: Target,
    session: &Session<'_>,
) -> Result<Vec<Arc<Object>>, Failure> {
    let trees: Vec<_> = objects.iter().map(|o| tree_of(o)).collect();
    let order = match sort::order(path, &trees, target) {
        Ok(order) => order,
        // OBSERVATION: no object has the field. kubectl then prints a table without rows.
        Err(SortError::NoField(_)) if target == Target::Table => return Ok(Vec::new()),
        Err(SortError::Unsortable(text)) => {
            let line = if target == Target::Table { 375 } else { 329 };
            return Err(Failure::raw(session.log_line('F', &format!("sorter.go:{line}"), &text)));
        }
        Err(e) => return Err(Failure::error(e)),
    };
    Ok(order.into_iter().map(|i| Arc::clone(&objects[i])).collect())
}

fn print_objects(args: &Args, format: &Format, found: &Found, session: &Session<'_>) -> Result<(), Failure> {
    if found.objects.is_empty() && (!found.faults.is_empty() || args.ignore_not_found && found.named) {
        return Ok(());
    }
    let mut trees: Vec<Value> = found.objects.iter().map(|o| found.tree(o, session)).collect();
    let as_list = !(found.named && found.objects.len() == 1 && found.faults.is_empty());
    if format.reaches_managers(&trees, as_list)? {
        session.client.want_managed_fields(true);
        let with = |object: &Arc<Object>| session.client.get(&object.key()).map(|object| found.tree(&object, session));
        trees = found.objects.iter().map(with).collect::<Result<_, _>>()?;
    }
    session.ui.out(&format.print_with(&trees, as_list, !args.no_headers, args.allow_missing_template_keys)?);
    Ok(())
}

fn print_parts(args: &Args, name: &str, format: Option<&Format>, session: &Session<'_>) -> Result<(), Failure> {
    let Parts { parts, mut faults } = parts::find(&args.args, &args.files, name, true, session)?;
    if args.ignore_not_found {
        faults.retain(|f| !is_not_found(f));
    }
    let trees: Vec<_> = parts.iter().map(|part| part.tree.clone()).collect();
    match format {
        _ if parts.is_empty() => {}
        Some(format) if *format != Format::Wide => {
            let as_list = parts.len() > 1 || !faults.is_empty();
            session.ui.out(&format.print_with(&trees, as_list, !args.no_headers, args.allow_missing_template_keys)?);
        }
        _ if parts.iter().all(|part| part.object.is_some()) => {
            let objects = parts.iter().filter_map(|part| part.object.clone()).collect();
            let listed = parts.iter().map(|part| part.served).collect();
            let found = Found { objects, kinds: listed, named: true, ..Found::default() };
            print_tables(args, format.is_some(), &found, session);
        }
        _ => print_scales(args, &parts, session),
    }
    errors::check(faults)
}

/// Mirrors the columns of `Scale` in `k8s.io/kubernetes/pkg/printers/internalversion`.
fn print_scales(args: &Args, scales: &[Part], session: &Session<'_>) {
    let now = session.client.now();
    let row = |part: &Part| {
        let made = part.tree["metadata"]["creationTimestamp"].as_str().and_then(Time::parse_rfc3339);
        let count = |field: &str| part.tree[field]["replicas"].as_i64().unwrap_or(0).to_string();
        let age = made.map_or("<unknown>".to_string(), |made| crate::api::time::human_duration(now - made));
        Row { cells: vec![part.key.name.clone(), count("spec"), count("status"), age], ..Row::default() }
    };
    let columns = ["NAME", "DESIRED", "AVAILABLE", "AGE"].map(Column::new).into();
    let options = Options { no_headers: args.no_headers, ..Options::default() };
    session.ui.out(&print_table(&Table { columns, rows: scales.iter().map(row).collect() }, &options));
}

fn print_tables(args: &Args, wide: bool, found: &Found, session: &Session<'_>) {
    if found.objects.is_empty() {
        if found.faults.is_empty() && !args.ignore_not_found {
            let text = match args.all_namespaces || !found.kinds.iter().all(|k| k.namespaced) {
                true => "No resources found\n".to_string(),
                false => format!("No resources found in {} namespace.\n", session.namespace),
            };
            session.ui.err(&text);
        }
        return;
    }
    // kubectl prints a table per run of one kind; with --sort-by the runs may alternate.
    let mut runs: Vec<(Kind, Vec<Arc<Object>>)> = Vec::new();
    for object in &found.objects {
        match runs.last_mut() {
            Some((kind, run)) if *kind == object.kind() => run.push(Arc::clone(object)),
            _ => runs.push((object.kind(), vec![Arc::clone(object)])),
        }
    }
    // The rows of a list come in the order of the server's table, unless they were sorted.
    if !found.named && args.sort_by.as_deref().is_none_or(str::is_empty) {
        for (kind, run) in &mut runs {
            run.sort_by(|a, b| kinds::rules(*kind).row_order(a, b));
        }
    }
    let with_kind = found.kinds.len() > 1;
    let layout = args.layout(wide, with_kind);
    let texts: Vec<String> = runs.iter().map(|(kind, run)| table::print(session, *kind, run, &layout)).collect();
    session.ui.out(&texts.join(if args.no_headers { "" } else { "\n" }));
}
