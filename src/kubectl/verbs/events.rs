//! `events`: what the cluster said, oldest first.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/events`.

use std::sync::Arc;

use serde_json::json;

use crate::api::k8s::api::core::v1::Event;
use crate::api::request::ListOptions;
use crate::api::schema;
use crate::api::{Kind, Object, Time, go_sort};
use crate::error::Failure;
use crate::kinds::shared::describe::event_interval;
use crate::kubectl::builder::mapper::{find_kind, no_such_type};
use crate::kubectl::follow::follow;
use crate::kubectl::print::made::OutputArgs;
use crate::kubectl::print::output::Format;
use crate::kubectl::session::Session;
use crate::printers::go_order::Order;
use crate::printers::table::{Column, Options, Row, Table, TablePrinter};
use crate::server::served::{Served, Serving};
use crate::server::tree_of;
use crate::server::watch::EventType;

/// Display events.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// If present, list the requested object(s) across all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// After listing the requested events, watch for more events
    #[arg(short = 'w', long)]
    watch: bool,
    /// Filter events to only those pertaining to the specified resource
    #[arg(long = "for", value_name = "TYPE/NAME")]
    for_object: Option<String>,
    /// Output only events of given types
    #[arg(long, value_delimiter = ',')]
    types: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
    /// When using the default output format, don't print headers
    #[arg(long)]
    no_headers: bool,
    /// Return large lists in chunks rather than all at once
    #[arg(long, default_value_t = 500)]
    chunk_size: i64,
    /// Arguments that nobody looks at
    #[arg(hide = true)]
    rest: Vec<String>,
}

/// In pieces of how many events the list is read, whatever `--chunk-size` says.
const CHUNK: u64 = 500;

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let about = args.for_object.as_deref().filter(|text| !text.is_empty());
    let about = about.map(|text| named_object(text, &session.client.serving())).transpose()?;
    let shows = args.output.output.as_deref().is_some_and(|o| !o.is_empty());
    let format = if shows { args.output.format(session)? } else { None };
    for t in &args.types {
        if !t.eq_ignore_ascii_case("Normal") && !t.eq_ignore_ascii_case("Warning") {
            return Err(Failure::error("valid --types are Normal or Warning"));
        }
    }
    let namespace = if args.all_namespaces { String::new() } else { session.namespace.clone() };
    let field_selector = about.map(|(served, name)| {
        let (kind, version) = (served.kind.name(), served.api_version());
        format!("involvedObject.kind={kind},involvedObject.apiVersion={version},involvedObject.name={name}")
    });
    let list_options =
        ListOptions { field_selector: field_selector.unwrap_or_default(), limit: CHUNK, ..ListOptions::default() };
    let mut events = session.client.list(Kind::Event, &namespace, &list_options)?;
    events.retain(|o| o.get::<Event>().is_some_and(|e| has_type(&args, e)));
    let columns = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"].map(Column::new).to_vec();
    let options = Options { with_namespace: args.all_namespaces, no_headers: args.no_headers, ..Options::default() };
    let mut table = TablePrinter::new(options);
    let mut show = |session: &Session<'_>, events: &[Arc<Object>]| {
        if let Some(format) = &format {
            let trees: Vec<_> = events.iter().map(|o| tree_of(o)).collect();
            if args.watch {
                let of_event = schema::of(Kind::Event);
                let texts = trees.iter().map(|tree| format.print_struct(of_event, tree, true));
                session.ui.out(&texts.collect::<Result<String, _>>()?);
                return Ok(());
            }
            // kubectl holds a list of its own here, whose names it can't print; what is wrong it does not say.
            let list = json!({"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": trees});
            if *format != Format::Name {
                session.ui.out(&format.print_struct(&OfAList, &list, true).unwrap_or_default());
            }
            return Ok(());
        }
        let now = session.client.now();
        let rows = events.iter().filter_map(|o| o.get::<Event>()).map(|e| row(e, now)).collect();
        session.ui.out(&table.print(&Table { columns: columns.clone(), rows }));
        Ok(())
    };
    if args.watch {
        // OBSERVATION: this is no list, but a watch that begins with what there is; so nothing is sorted.
        for event in events {
            show(session, &[event])?;
        }
        let mut watch = session.client.watch(Kind::Event, &namespace, list_options)?;
        return follow(session, &mut watch, &mut |session, change| {
            let fits = change.object.get::<Event>().is_some_and(|e| has_type(&args, e));
            if change.event == EventType::Deleted || !fits { Ok(()) } else { show(session, &[change.object]) }
        });
    }
    if events.is_empty() {
        let text = match args.all_namespaces {
            true => "No events found.\n".to_string(),
            false => format!("No events found in {} namespace.\n", session.namespace),
        };
        session.ui.err(&text);
        return Ok(());
    }
    go_sort::sort(&mut events, |a, b| a.get::<Event>().map(last_seen) < b.get::<Event>().map(last_seen));
    show(session, &events)
}

/// The order of the fields of a `v1.EventList`.
struct OfAList;

impl Order for OfAList {
    fn place(&self, name: &str) -> Option<usize> {
        ["kind", "apiVersion", "metadata", "items"].iter().position(|known| *known == name)
    }

    fn below(&self, name: &str) -> Option<&dyn Order> {
        (name == "items").then(|| schema::of(Kind::Event) as &dyn Order)
    }
}

/// `TYPE/NAME`. Mirrors `decodeResourceTypeName`.
fn named_object(text: &str, serving: &Serving) -> Result<(Served, String), Failure> {
    let Some((kind, name)) = text.split_once('/') else {
        return Err(Failure::error("--for must be in resource/name form"));
    };
    if name.contains('/') {
        return Err(Failure::error("arguments in resource/name form may not have more than one slash"));
    }
    let kind = kind.to_lowercase();
    let served = find_kind(serving, &kind).ok_or_else(|| no_such_type(&kind))?;
    Ok((served, name.to_string()))
}

fn has_type(args: &Args, event: &Event) -> bool {
    let is = |t: &String| event.type_.as_deref().is_some_and(|e| e.eq_ignore_ascii_case(t));
    args.types.is_empty() || args.types.iter().any(is)
}

fn last_seen(event: &Event) -> Time {
    let series = event.series.as_ref().and_then(|s| s.last_observed_time.as_ref()).map(Time::from_micro);
    let stamp = series.or(event.last_timestamp.as_ref().map(Time::from_meta));
    stamp.or(event.event_time.as_ref().map(Time::from_micro)).unwrap_or_default()
}

fn row(event: &Event, now: Time) -> Row {
    let object = &event.involved_object;
    let kind = object.kind.clone().unwrap_or_default();
    Row {
        cells: vec![
            event_interval(event, now),
            event.type_.clone().unwrap_or_default(),
            event.reason.clone().unwrap_or_default(),
            format!("{kind}/{}", object.name.as_deref().unwrap_or_default()),
            event.message.as_deref().unwrap_or_default().trim().to_string(),
        ],
        namespace: event.metadata.namespace.clone().unwrap_or_default(),
        ..Row::default()
    }
}
