//! `get -w`: every transition as it happens, here or in another process.
//!
//! On a wall clock it follows real time. On a manual clock it lets the cluster's clock run until nothing changes
//! any more, and then waits for what other processes do.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::request::ListOptions;
use crate::api::{Duration, Object};
use crate::error::{Failure, Reason};
use crate::kubectl::builder::resources::{Found, Target};
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::output::{Format, custom_columns, print_failure};
use crate::kubectl::print::table;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::get::args::Args;
use crate::kubectl::wall::wall_now;
use crate::printers::custom_columns::CustomColumns;
use crate::printers::table::TablePrinter;
use crate::server::Passed;
use crate::server::served::Served;
use crate::server::watch::{EventType, Watch, WatchEvent};

/// How far a manual clock is let run at most: an hour of the cluster's time.
const LONGEST: Duration = Duration::secs(3600);

/// Runs `get -w`.
///
/// # Errors
/// What `get` finds wrong, and more than one kind or object.
pub fn run(args: &Args, format: Option<Format>, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut found: Found = super::find(args, session)?;
    let (served, name) = match (&found.kinds.as_slice(), found.named) {
        ([_, _, ..], _) => return Err(Failure::error("you may only specify a single resource type")),
        ([served], false) => (*served, String::new()),
        ([served], true) => (*served, found.objects.first().map(|o| o.name().to_string()).unwrap_or_default()),
        ([], _) => {
            let ignored =
                |f: &Fault| args.ignore_not_found && matches!(f, Fault::Api(e) if e.reason == Reason::NotFound);
            found.faults.retain(|f| !ignored(f));
            return errors::check(found.faults);
        }
    };
    let query = args.query();
    if args.files.is_empty()
        && let Target::Kinds(kinds) = query.target(session.client.minor())?
        && kinds.len() > 1
    {
        return Err(Failure::error("you may only specify a single resource type"));
    }
    errors::check(std::mem::take(&mut found.faults))?;
    super::sort(args, format.as_ref(), &mut found, session)?;
    let mut screen = Screen::new(args, served, format)?;
    if !args.watch_only || found.named && found.objects.len() > 1 {
        screen.show(session, &found.objects, EventType::Added)?;
    }
    if found.named && found.objects.len() != 1 {
        return Err(Failure::error("you may only watch a single resource or type of resource at a time"));
    }
    let mut options = query.options();
    let mut namespace = if args.all_namespaces || !served.namespaced { "" } else { session.namespace.as_str() };
    if let (true, Some(object)) = (found.named, found.objects.first()) {
        options = ListOptions { field_selector: format!("metadata.name={name}"), ..ListOptions::default() };
        namespace = object.namespace();
    }
    let mut watch = session.client.watch_at(served.within(namespace), options)?;
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
    if session.client.server().is_manual() {
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
    let mut wait = session.client.server_mut().wait_for_rest(longest);
    loop {
        // One thing at a time, so that every row shows the age that it had then.
        let passed = session.client.server_mut().pass(&mut wait)?;
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
    served: Served,
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
    fn new(args: &Args, served: Served, format: Option<Format>) -> Result<Screen, Failure> {
        let printer = match format {
            None | Some(Format::Wide) => {
                let layout = args.layout(matches!(format, Some(Format::Wide)), false);
                Printer::Table(TablePrinter::new(table::options(served.kind, &layout)))
            }
            Some(format) => match custom_columns(&format, !args.no_headers)? {
                Some(columns) => Printer::Columns(columns),
                None => Printer::Each(format, false),
            },
        };
        Ok(Screen { served, events: args.output_watch_events, printer })
    }

    fn show(&mut self, session: &Session<'_>, objects: &[Arc<Object>], event: EventType) -> Result<(), Failure> {
        if objects.is_empty() {
            return Ok(());
        }
        let event = event.as_str();
        let version = self.served.api_version();
        let tree = |object: &Arc<Object>, events: bool| match events {
            true => json!({"type": event, "object": session.tree_in(object, &version)}),
            false => session.tree_in(object, &version),
        };
        let text = match &mut self.printer {
            Printer::Table(printer) => {
                let table = table::printable(&session.client.table(self.served.kind, objects));
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
