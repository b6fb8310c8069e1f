//! `get -w`: every transition as a row or an object.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::request::{Form, ListOptions, Resource};
use crate::api::{Kind, Object};
use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::follow::follow;
use crate::kubectl::print::output::{Format, custom_columns, print_failure};
use crate::kubectl::print::table;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::get::args::Args;
use crate::printers::custom_columns::CustomColumns;
use crate::printers::table::TablePrinter;
use crate::server::watch::EventType;

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
