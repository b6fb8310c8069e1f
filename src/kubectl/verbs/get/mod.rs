//! `get`: tables and other forms of objects, and their changes as they happen.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/get/get.go`.

mod args;
mod metrics;
pub(in crate::kubectl) mod watch;

use serde_json::{Value, json};

use crate::api::Time;
use crate::api::request::Form;
use crate::error::Failure;
use crate::kubectl::builder::build::{Builder, Kept, Plan};
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::output::{Format, GET_FORMATS};
use crate::kubectl::print::table;
use crate::kubectl::raw;
use crate::kubectl::session::Session;
use crate::printers::sort::{self, SortError};
use crate::printers::table::{Column, Options, Row, Table, print as print_table};
use crate::server::served::Served;
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
        check_flags(&args)?;
        return raw::run("GET", path, None, session);
    }
    let watches = args.watch || args.watch_only;
    if watches && args.sort_by.as_deref().is_some_and(|path| !path.is_empty()) {
        session.ui.err(match args.watch {
            true => "warning: --watch requested, --sort-by will be ignored for watch events received\n",
            false => "warning: --watch-only requested, --sort-by will be ignored\n",
        });
    }
    if !watches && args.args.is_empty() && args.files.is_empty() {
        session.ui.err(NO_TYPE);
        return Err(Failure::raw(format!(
            "error: Required resource not specified.\nUse \"{p} explain <resource>\" for a detailed description of that resource (e.g. {p} explain pods).\nSee '{p} get -h' for help and examples",
            p = session.line.program
        )));
    }
    check_flags(&args)?;
    let output = args.output.as_deref().filter(|o| !o.is_empty());
    let template = args.template.as_deref().filter(|t| !t.is_empty());
    if watches {
        let format = format(&args, session)?;
        return watch::run(&args, format, session);
    }
    if metrics::run(&args, session)? {
        return Ok(());
    }
    // kubectl asks for tables where it prints them, and leaves it to the server what they show.
    let prints_tables = matches!((output, template), (None, None) | (Some("wide"), _));
    let sorts = args.sort_by.as_deref().is_some_and(|path| !path.is_empty());
    let builder = Builder {
        subresource: args.subresource.as_deref().unwrap_or_default(),
        continue_on_error: true,
        chunk: if sorts { 0 } else { args.builder().chunk },
        form: match prints_tables && args.server_print {
            true if sorts => Form::WholeTable,
            true => Form::Table,
            false => Form::Object,
        },
        treeless: prints_tables && !sorts,
        kept: match prints_tables {
            _ if sorts || args.show_labels || !args.label_columns.is_empty() => Kept::Objects,
            true => Kept::Rows,
            false if output == Some("name") && template.is_none() => Kept::Names,
            false => Kept::Objects,
        },
        ..args.builder()
    };
    let plan = builder.plan(session)?.ignoring(args.ignore_not_found.then_some(Fault::is_not_found));
    match prints_tables {
        true => print_tables(&args, &plan, session),
        false => print_generic(&args, &plan, session),
    }
}

/// The form that was asked for.
fn format(args: &Args, session: &Session<'_>) -> Result<Option<Format>, Failure> {
    let format = match args.output.as_deref().filter(|o| !o.is_empty()) {
        Some(text) => Some(Format::parse(session, text, args.template.as_deref(), GET_FORMATS)?),
        None => args.template.clone().filter(|t| !t.is_empty()).map(Format::GoTemplate),
    };
    session.client.want_managed_fields(
        args.show_managed_fields && matches!(format, Some(Format::Json | Format::Yaml | Format::Kyaml)),
    );
    Ok(format)
}

/// Puts objects into the order that `--sort-by` asks for, if it is given.
fn sort(args: &Args, format: Option<&Format>, infos: Vec<Info>, session: &Session<'_>) -> Result<Vec<Info>, Failure> {
    let Some(path) = args.sort_by.as_deref().filter(|p| !p.is_empty()) else { return Ok(infos) };
    let target = match format {
        None | Some(Format::Wide) => sort::Listing::Table,
        Some(_) => sort::Listing::List,
    };
    sorted(path, infos, target, session)
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
    raw::check_uri(path)
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

fn sorted(path: &str, infos: Vec<Info>, target: sort::Listing, session: &Session<'_>) -> Result<Vec<Info>, Failure> {
    let trees: Vec<_> = infos.iter().map(|info| info.tree.clone()).collect();
    let order = order(path, &trees, target, session)?.unwrap_or_default();
    Ok(order.into_iter().map(|i| infos[i].clone()).collect())
}

/// The order of objects; none where kubectl prints a table without rows.
fn order(
    path: &str,
    trees: &[Value],
    target: sort::Listing,
    session: &Session<'_>,
) -> Result<Option<Vec<usize>>, Failure> {
    match sort::order(path, trees, target) {
        Ok(order) => Ok(Some(order)),
        // OBSERVATION: no object has the field, or the path is none. What the printer finds wrong is not told.
        Err(SortError::NoField(_) | SortError::Path(_)) if target == sort::Listing::Table => Ok(None),
        Err(SortError::Unsortable(text)) => {
            let line = if target == sort::Listing::Table { 375 } else { 329 };
            Err(Failure::raw(session.log_line('F', &format!("sorter.go:{line}"), &text)))
        }
        Err(e) => Err(Failure::error(e)),
    }
}

/// Prints objects in a form that is no table: a single one by itself, else a `List`. Mirrors `printGeneric`.
fn print_generic(args: &Args, plan: &Plan<'_>, session: &mut Session<'_>) -> Result<(), Failure> {
    // What is wrong with the form is only found out once there is something to print.
    let parsed = format(args, session);
    let (infos, fault) = plan.infos(session);
    let single = plan.single_item_implied;
    if let Some(fault) = fault.clone().filter(|_| single) {
        return Err(fault.into());
    }
    if infos.is_empty() && args.ignore_not_found {
        return fault.map_or(Ok(()), |fault| Err(fault.into()));
    }
    let Some(format) = parsed? else { return Ok(()) };
    let as_list = !(single && infos.len() == 1);
    let infos = if as_list { sort(args, Some(&format), infos, session)? } else { infos };
    let mut trees: Vec<Value> = infos.iter().map(|info| info.tree.clone()).collect();
    if format.reaches_managers(&trees, as_list, args.allow_missing_template_keys)? {
        session.client.want_managed_fields(true);
        let with = |info: &Info| {
            let mut info = info.clone();
            info.get(Form::Object, session).map(|()| info.tree)
        };
        trees = infos.iter().map(with).collect::<Result<_, _>>()?;
    }
    session.ui.out(&format.print_with(&trees, as_list, !args.no_headers, args.allow_missing_template_keys)?);
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Mirrors the columns of `Scale` in `k8s.io/kubernetes/pkg/printers/internalversion`.
fn scales(args: &Args, infos: &[Info], session: &Session<'_>) -> String {
    let now = session.client.now();
    let row = |info: &Info| {
        let made = info.tree["metadata"]["creationTimestamp"].as_str().and_then(Time::parse_rfc3339);
        let count = |field: &str| info.tree[field]["replicas"].as_i64().unwrap_or(0).to_string();
        let age = made.map_or("<unknown>".to_string(), |made| crate::api::time::human_duration(now - made));
        Row { cells: vec![info.name.clone(), count("spec"), count("status"), age], ..Row::default() }
    };
    let columns = ["NAME", "DESIRED", "AVAILABLE", "AGE"].map(Column::new).into();
    let options = Options { no_headers: args.no_headers, ..Options::default() };
    print_table(&Table { columns, rows: infos.iter().map(row).collect() }, &options)
}

/// Prints what was found as tables, one for each run of a kind.
fn print_tables(args: &Args, plan: &Plan<'_>, session: &mut Session<'_>) -> Result<(), Failure> {
    let format = format(args, session)?;
    let (infos, fault) = plan.infos(session);
    // A type that was asked for counts, even if there is nothing of it.
    let listed = args.server_print && !plan.targets_single_items;
    let kinds = if listed { plan.kinds().to_vec() } else { kinds_of(&infos) };
    let namespaced = !args.all_namespaces && kinds.iter().all(|kind| kind.namespaced);
    let infos = sort_tables(args, format.as_ref(), infos, (listed, if listed { kinds.len() } else { 0 }), session)?;
    let layout = args.layout(format.is_some(), kinds.len() > 1);
    let mut texts = Vec::new();
    let mut infos = infos.into_iter().peekable();
    while let Some(first) = infos.next() {
        let served = first.served;
        let mut run = vec![first];
        run.extend(std::iter::from_fn(|| infos.next_if(|info| info.served == served)));
        texts.push(match () {
            () if run.iter().all(|info| info.row.is_some()) => {
                let rows = run.into_iter().filter_map(|info| info.row).collect();
                table::print_rows(session, served.kind, rows, &layout)
            }
            () if run.iter().all(|info| info.object.is_some()) => {
                let objects: Vec<_> = run.into_iter().filter_map(|info| info.object).collect();
                match args.server_print {
                    true => table::print(session, served.kind, &objects, &layout),
                    false => table::print_names(session, served.kind, &objects, &layout),
                }
            }
            () => scales(args, &run, session),
        });
    }
    let text = texts.join(if args.no_headers { "" } else { "\n" });
    if text.is_empty() && !args.ignore_not_found && fault.is_none() {
        session.ui.err(&match namespaced {
            false => "No resources found\n".to_string(),
            true => format!("No resources found in {} namespace.\n", session.namespace),
        });
    }
    session.ui.out(&text);
    errors::check(fault.into_iter().collect())
}

/// Sorts each table by itself, as `--sort-by` says: a list is one, and each object that was named.
fn sort_tables(
    args: &Args,
    format: Option<&Format>,
    infos: Vec<Info>,
    (listed, types): (bool, usize),
    session: &Session<'_>,
) -> Result<Vec<Info>, Failure> {
    if args.sort_by.as_deref().is_none_or(str::is_empty) {
        return Ok(infos);
    }
    if !args.server_print {
        // Without tables kubectl sorts the objects of all types together.
        let path = args.sort_by.as_deref().unwrap_or_default();
        return if infos.len() > 1 { sorted(path, infos, sort::Listing::List, session) } else { Ok(infos) };
    }
    let mut tables: Vec<Vec<Info>> =
        infos.chunk_by(|a, b| listed && a.served == b.served).map(<[Info]>::to_vec).collect();
    // A type of which there is nothing has a table too.
    tables.resize(tables.len().max(types), Vec::new());
    if tables.len() > 1 {
        tables = order_tables(args, &tables, session)?.into_iter().map(|at| tables[at].clone()).collect();
    }
    let sorted = tables.into_iter().map(|table| sort(args, format, table, session)).collect::<Result<Vec<_>, _>>()?;
    Ok(sorted.concat())
}

/// The order of several tables. OBSERVATION: kubectl looks for the field in the tables themselves before it sorts each, and
/// no table has what objects have. Mirrors `RuntimeSorter.Sort`.
fn order_tables(args: &Args, tables: &[Vec<Info>], session: &Session<'_>) -> Result<Vec<usize>, Failure> {
    let tree = |table: &Vec<Info>| {
        let rows: Vec<Value> = table.iter().map(|info| json!({"object": info.tree})).collect();
        json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": ""}, "rows": rows})
    };
    let trees: Vec<Value> = tables.iter().map(tree).collect();
    let path = args.sort_by.as_deref().unwrap_or_default();
    Ok(order(path, &trees, sort::Listing::List, session)?.unwrap_or_default())
}

fn kinds_of(infos: &[Info]) -> Vec<Served> {
    let mut kinds = Vec::new();
    for info in infos {
        if !kinds.contains(&info.served) {
            kinds.push(info.served);
        }
    }
    kinds
}
