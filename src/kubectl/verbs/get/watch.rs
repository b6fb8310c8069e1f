//! `get -w`: every transition as it happens, here or in another process.
//!
//! On a wall clock it follows real time. On a manual clock it lets the cluster's clock run until nothing changes
//! any more, and then waits for what other processes do.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::request::{Form, ListOptions, Resource};
use crate::api::{Duration, Kind, Object};
use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::print::output::{Format, custom_columns, print_failure};
use crate::kubectl::print::table;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::get::args::Args;
use crate::kubectl::wall::wall_now;
use crate::printers::custom_columns::CustomColumns;
use crate::printers::table::TablePrinter;
use crate::server::Passed;
use crate::server::watch::{EventType, Watch, WatchEvent};

/// How far a manual clock is let run at most: an hour of the cluster's time.
const LONGEST: Duration = Duration::secs(3600);

/// Runs `get -w`.
///
/// # Errors
/// What `get` finds wrong, and more than one type or object.
pub fn run(args: &Args, format: Option<Format>, session: &mut Session<'_>) -> Result<(), Failure> {
    let prints_tables = matches!(format, None | Some(Format::Wide)) && args.server_print;
    let form = if prints_tables { Form::Table } else { Form::Object };
    let plan =
        Builder { single_type: true, unflattened: true, form, treeless: args.sort_by.is_none(), ..args.builder() }
            .plan(session)?;
    let infos = match plan.infos(session) {
        (_, Some(fault)) if fault.is_not_found() && args.ignore_not_found => return Ok(()),
        (_, Some(fault)) => return Err(fault.into()),
        (infos, None) => infos,
    };
    let served = plan.kinds().first().copied().or_else(|| infos.first().map(|info| info.served));
    let Some(served) = served else { return Ok(()) };
    let infos = super::sort(args, format.as_ref(), infos, session)?;
    let objects: Vec<_> = infos.iter().filter_map(|info| info.object.clone()).collect();
    let mut screen = Screen::new(args, served.kind, format)?;
    if !args.watch_only {
        screen.show(session, &objects, EventType::Added)?;
    }
    if plan.source_count() != 1 {
        return Err(Failure::error("you may only watch a single resource or type of resource at a time"));
    }
    let mut options = ListOptions {
        label_selector: args.selector.clone().unwrap_or_default(),
        field_selector: args.field_selector.clone().unwrap_or_default(),
        ..ListOptions::default()
    };
    let mut namespace = if args.all_namespaces || !served.namespaced { "" } else { session.namespace.as_str() };
    if plan.targets_single_items {
        let [info] = infos.as_slice() else {
            return Err(Failure::error(format!(
                "watch is only supported on individual resources and resource collections - {} resources were found",
                infos.len()
            )));
        };
        options = ListOptions { field_selector: format!("metadata.name={}", info.name), ..ListOptions::default() };
        namespace = &info.namespace;
    }
    let place = Resource::kind(served.kind).of_version(&served.api_version()).within(namespace);
    let mut watch = session.client.watch_at(place, options)?;
    follow(session, &mut watch, &mut |session, change| screen.show(session, &[change.object], change.event))
}

/// What is done with each change.
type Each<'a> = &'a mut dyn FnMut(&Session<'_>, WatchEvent) -> Result<(), Failure>;

/// Shows what a watch sees from now on.
///
/// # Errors
/// Those of `each`, and when the state file can't be read.
pub(in crate::kubectl) fn follow(session: &mut Session<'_>, watch: &mut Watch, each: Each<'_>) -> Result<(), Failure> {
    let end = session.request_timeout.map(|span| wall_now() + span);
    if session.client.is_manual() {
        let longest = session.request_timeout.map_or(LONGEST, |span| span.min(LONGEST));
        let_run(session, longest, watch, each)?;
    }
    while session.shared && !session.ui.is_closed() && end.is_none_or(|end| wall_now() < end) {
        session.client.wait_for_others()?;
        print_news(session, watch, each)?;
    }
    Ok(())
}

/// Lets the clock run, and prints what happens, until nothing is due any more.
fn let_run(session: &mut Session<'_>, longest: Duration, watch: &mut Watch, each: Each<'_>) -> Result<(), Failure> {
    // OBSERVATION: `get` only reads, but a clock that runs writes; without this the time that passed would be lost.
    session.client.checkpoint()?;
    let mut wait = session.client.wait_for_rest(longest);
    loop {
        // One thing at a time, so that every row shows the age that it had then.
        let passed = session.client.pass_once(&mut wait)?;
        if print_news(session, watch, each)? || passed != Passed::Moved {
            session.client.checkpoint()?;
        }
        if passed != Passed::Moved || session.ui.is_closed() {
            return Ok(());
        }
    }
}

/// Whether there was something to print.
fn print_news(session: &Session<'_>, watch: &mut Watch, each: Each<'_>) -> Result<bool, Failure> {
    let news = session.client.events(watch)?;
    let some = !news.is_empty();
    news.into_iter().try_for_each(|change| each(session, change))?;
    Ok(some)
}

/// What a watch prints with.
struct Screen {
    kind: Kind,
    /// `--output-watch-events`.
    events: bool,
    printer: Printer,
}

enum Printer {
    Table(TablePrinter),
    Columns(CustomColumns),
    /// Each object by itself, and whether there was one before.
    Each(Format, bool),
}

impl Screen {
    fn new(args: &Args, kind: Kind, format: Option<Format>) -> Result<Screen, Failure> {
        let printer = match format {
            None | Some(Format::Wide) => {
                let layout = args.layout(matches!(format, Some(Format::Wide)), false);
                Printer::Table(TablePrinter::new(table::options(kind, &layout)))
            }
            Some(format) => match custom_columns(&format, !args.no_headers)? {
                Some(columns) => Printer::Columns(columns),
                None => Printer::Each(format, false),
            },
        };
        Ok(Screen { kind, events: args.output_watch_events, printer })
    }

    fn show(&mut self, session: &Session<'_>, objects: &[Arc<Object>], event: EventType) -> Result<(), Failure> {
        if objects.is_empty() {
            return Ok(());
        }
        let event = event.as_str();
        let tree = |object: &Arc<Object>, events: bool| match events {
            true => json!({"type": event, "object": session.tree(object)}),
            false => session.tree(object),
        };
        let text = match &mut self.printer {
            Printer::Table(printer) => {
                let table = table::printable(&session.client.table(self.kind, objects));
                match self.events {
                    true => printer.print_event(&table, event),
                    false => printer.print(&table),
                }
            }
            Printer::Columns(columns) => {
                let trees: Vec<Value> = objects.iter().map(|o| tree(o, self.events)).collect();
                columns.print(&trees).map_err(print_failure)?
            }
            Printer::Each(format, more) => {
                let mut text = String::new();
                for object in objects {
                    if *more && *format == Format::Yaml {
                        text += "---\n";
                    }
                    *more = true;
                    text += &match (&*format, self.events) {
                        (Format::Json, true) => {
                            format!("{{\"type\":\"{event}\",\"object\":{}}}\n", tree(object, false))
                        }
                        (Format::Name, _) | (_, false) => format.print(&[tree(object, false)], false, false)?,
                        (_, true) => format.print(&[tree(object, true)], false, false)?,
                    };
                }
                text
            }
        };
        session.ui.out(&text);
        Ok(())
    }
}
