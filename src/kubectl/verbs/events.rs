//! `events`: what the cluster said, oldest first.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/events`.

use std::sync::Arc;

use serde_json::json;

use crate::api::k8s::api::core::v1::Event;
use crate::api::{Kind, Object, Time, go_sort};
use crate::error::Failure;
use crate::kinds::shared::describe::event_interval;
use crate::kubectl::builder::resources::find_kind;
use crate::kubectl::print::output::{Format, tree_of};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::get::watch::follow;
use crate::printers::table::{Column, Options, Row, Table, TablePrinter};

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
    /// Output format. One of: (json, yaml, name, ...)
    #[arg(short = 'o', long, value_name = "FORMAT")]
    output: Option<String>,
    /// When using the default output format, don't print headers
    #[arg(long)]
    no_headers: bool,
    /// Return large lists in chunks rather than all at once
    #[arg(long, default_value_t = 500)]
    chunk_size: i64,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let about = args.for_object.as_deref().map(named_object).transpose()?;
    for t in &args.types {
        if !t.eq_ignore_ascii_case("Normal") && !t.eq_ignore_ascii_case("Warning") {
            return Err(Failure::error("valid --types are Normal or Warning"));
        }
    }
    let format = args.output.as_deref().filter(|o| !o.is_empty());
    let format =
        format.map(|o| Format::parse(session, o, None, crate::kubectl::print::output::OBJECT_FORMATS)).transpose()?;
    let view = session.cluster.view();
    let mut events: Vec<Arc<Object>> = view
        .list(Kind::Event)
        .filter(|o| args.all_namespaces || o.namespace() == session.namespace)
        .filter(|o| o.get::<Event>().is_some_and(|e| wanted(&args, e, about.as_ref())))
        .cloned()
        .collect();
    let columns = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"].map(Column::new).to_vec();
    let options = Options { with_namespace: args.all_namespaces, no_headers: args.no_headers, ..Options::default() };
    let mut table = TablePrinter::new(options);
    let mut show = |session: &Session<'_>, events: &[Arc<Object>]| {
        if let Some(format) = &format {
            let trees: Vec<_> = events.iter().map(|o| tree_of(o)).collect();
            if args.watch {
                session.ui.out(&format.print(&trees, false, true)?);
                return Ok(());
            }
            // kubectl holds a list of its own here, whose names it can't print; what is wrong it does not say.
            let list = json!({"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": trees});
            if *format != Format::Name {
                session.ui.out(&format.print(&[list], false, true).unwrap_or_default());
            }
            return Ok(());
        }
        let now = session.cluster.now();
        let rows = events.iter().filter_map(|o| o.get::<Event>()).map(|e| row(e, now)).collect();
        session.ui.out(&table.print(&Table { columns: columns.clone(), rows }));
        Ok(())
    };
    if args.watch {
        // OBSERVATION: this is no list, but a watch that begins with what there is; so nothing is sorted.
        for event in events {
            show(session, &[event])?;
        }
        let (revision, namespace) = (session.cluster.revision(), session.namespace.clone());
        return follow(session, Kind::Event, revision, &mut |session, event, gone| {
            let in_scope = args.all_namespaces || event.namespace() == namespace;
            let wanted = event.get::<Event>().is_some_and(|e| wanted(&args, e, about.as_ref()));
            if gone || !in_scope || !wanted { Ok(()) } else { show(session, &[event]) }
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

fn named_object(text: &str) -> Result<(Kind, String), Failure> {
    let Some((kind, name)) = text.split_once('/') else {
        return Err(Failure::error("--for must be in resource/name form"));
    };
    let kind =
        find_kind(kind).ok_or_else(|| Failure::error(format!("the server doesn't have a resource type {kind:?}")))?;
    Ok((kind, name.to_string()))
}

fn wanted(args: &Args, event: &Event, about: Option<&(Kind, String)>) -> bool {
    let type_fits = args.types.is_empty()
        || args.types.iter().any(|t| event.type_.as_deref().is_some_and(|e| e.eq_ignore_ascii_case(t)));
    let object = &event.involved_object;
    let object_fits = about.is_none_or(|(kind, name)| {
        object.kind.as_deref() == Some(kind.name()) && object.name.as_deref() == Some(name.as_str())
    });
    type_fits && object_fits
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
