//! `get -w`: every transition as it happens, here or in another process.
//!
//! On a wall clock it follows real time. On a manual clock it lets the cluster's clock run until nothing changes
//! any more, and then waits for what other processes do.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Duration, Kind, Object};
use crate::error::Failure;
use crate::kubectl::builder::resources::{Found, Target};
use crate::kubectl::print::errors;
use crate::kubectl::print::output::{Format, custom_columns, shown_tree};
use crate::kubectl::print::table;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::get::args::Args;
use crate::kubectl::wall::wall_now;
use crate::printers::custom_columns::CustomColumns;
use crate::printers::table::TablePrinter;
use crate::sim::ClockMode;

/// What is done with each change: the object, and whether it is gone.
type Each<'a> = &'a mut dyn FnMut(&Session<'_>, Arc<Object>, bool) -> Result<(), Failure>;

/// How far a manual clock is let run at most: an hour of the cluster's time.
const LONGEST: Duration = Duration::secs(3600);

/// Runs `get -w`.
///
/// # Errors
/// What `get` finds wrong, and more than one kind.
pub fn run(args: &Args, format: Option<Format>, session: &mut Session<'_>) -> Result<(), Failure> {
    let query = args.query();
    let target = query.target()?;
    let (kind, names) = match &target {
        Target::Kinds(kinds) if kinds.len() == 1 => (kinds[0], Vec::new()),
        Target::Names(names) if names.iter().all(|(k, _)| *k == names[0].0) => {
            (names[0].0, names.iter().map(|(_, n)| n.clone()).collect())
        }
        _ => return Err(Failure::error("you may only specify a single resource type")),
    };
    let filter = query.filter(kind)?;
    let mut found: Found = query.find(session)?;
    errors::check(std::mem::take(&mut found.faults))?;
    crate::kubectl::verbs::get::sort(args, format.as_ref(), &mut found)?;
    let mut screen = Screen::new(args, kind, format)?;
    let mut known: BTreeMap<String, Arc<Object>> = BTreeMap::new();
    for object in &found.objects {
        known.insert(object.uid().to_string(), Arc::clone(object));
    }
    if !args.watch_only {
        screen.show(session, &found.objects.iter().collect::<Vec<_>>(), "ADDED")?;
    }
    let revision = session.cluster.revision();
    let all_namespaces = args.all_namespaces;
    follow(session, kind, revision, &mut |session, object, gone| {
        let in_scope = !kind.is_namespaced() || all_namespaces || object.namespace() == session.namespace;
        let named = names.is_empty() || names.iter().any(|n| n == object.name());
        if !in_scope || !named {
            return Ok(());
        }
        let before = known.get(object.uid());
        let (shown, event) = match (gone || !filter.matches(&object), before) {
            (false, None) => (Arc::clone(&object), "ADDED"),
            (false, Some(_)) => (Arc::clone(&object), "MODIFIED"),
            // OBSERVATION: what leaves the selection is shown as it was, like what is deleted.
            (true, Some(before)) => (Arc::clone(before), "DELETED"),
            (true, None) => return Ok(()),
        };
        match event {
            "DELETED" => known.remove(object.uid()),
            _ => known.insert(object.uid().to_string(), object),
        };
        screen.show(session, &[&shown], event)
    })
}

/// Shows what becomes of objects of a kind from a revision on; `each` takes the object and whether it is gone.
///
/// # Errors
/// Those of `each`, and when the state file can't be read.
pub(in crate::kubectl) fn follow(
    session: &mut Session<'_>,
    kind: Kind,
    revision: u64,
    each: Each<'_>,
) -> Result<(), Failure> {
    let undone = session.cluster.last_undo();
    let objects = present(session, kind);
    let mut watch = Watch { kind, revision, undone, objects, each };
    let end = session.request_timeout.map(|span| wall_now() + span);
    if session.cluster.config().clock == ClockMode::Manual {
        let longest = session.request_timeout.map_or(LONGEST, |span| span.min(LONGEST));
        watch.let_run(session, longest)?;
    }
    while session.shared && !session.ui.is_closed() && end.is_none_or(|end| wall_now() < end) {
        session.wait_for_others()?;
        watch.print_news(session)?;
    }
    Ok(())
}

/// All objects of a kind by their uids.
fn present(session: &Session<'_>, kind: Kind) -> BTreeMap<String, Arc<Object>> {
    session.cluster.view().list(kind).map(|o| (o.uid().to_string(), Arc::clone(o))).collect()
}

struct Watch<'a> {
    kind: Kind,
    revision: u64,
    undone: Option<String>,
    /// What there was when last looked: an undo takes back revisions, so the log doesn't tell what it changed.
    objects: BTreeMap<String, Arc<Object>>,
    each: Each<'a>,
}

impl Watch<'_> {
    /// Lets the clock run, and prints what happens, until nothing is due any more.
    fn let_run(&mut self, session: &mut Session<'_>, longest: Duration) -> Result<(), Failure> {
        // OBSERVATION: `get` only reads, but a clock that runs writes; without this the time that passed would be lost.
        session.checkpoint()?;
        let deadline = session.cluster.now() + longest;
        loop {
            let (now, seen) = (session.cluster.now(), self.revision);
            // One moment at a time, so that every row shows the age that it had then.
            session.cluster.run_while(deadline, |c| c.now() == now && c.revision() == seen)?;
            let moved = session.cluster.now() != now || session.cluster.revision() != seen;
            let printed = self.print_news(session)?;
            if printed || !moved {
                session.checkpoint()?;
            }
            if !moved || session.ui.is_closed() {
                return Ok(());
            }
        }
    }

    /// Whether there was something to print.
    fn print_news(&mut self, session: &Session<'_>) -> Result<bool, Failure> {
        let (revision, undone) = (session.cluster.revision(), session.cluster.last_undo());
        if (revision, &undone) == (self.revision, &self.undone) {
            return Ok(false);
        }
        let news = match undone == self.undone {
            true => {
                let news = session.cluster.store().changes_after(self.kind, self.revision)?;
                news.into_iter().map(|(_, object, gone)| (Arc::new(object), gone)).collect()
            }
            false => self.difference(&present(session, self.kind)),
        };
        (self.revision, self.undone) = (revision, undone);
        for (object, gone) in &news {
            match gone {
                true => self.objects.remove(object.uid()),
                false => self.objects.insert(object.uid().to_string(), Arc::clone(object)),
            };
            (self.each)(session, Arc::clone(object), *gone)?;
        }
        Ok(!news.is_empty())
    }

    fn difference(&self, now: &BTreeMap<String, Arc<Object>>) -> Vec<(Arc<Object>, bool)> {
        let gone = self.objects.iter().filter(|(uid, _)| !now.contains_key(*uid)).map(|(_, o)| (Arc::clone(o), true));
        let changed = now.iter().filter(|(uid, o)| self.objects.get(*uid) != Some(o));
        gone.chain(changed.map(|(_, o)| (Arc::clone(o), false))).collect()
    }
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

    fn show(&mut self, session: &Session<'_>, objects: &[&Arc<Object>], event: &str) -> Result<(), Failure> {
        if objects.is_empty() {
            return Ok(());
        }
        let tree = |object: &Arc<Object>, events: bool| {
            let tree = shown_tree(session, object)?;
            Ok::<_, Failure>(if events { json!({"type": event, "object": tree}) } else { tree })
        };
        let text = match &mut self.printer {
            Printer::Table(printer) => {
                let table = table::build(session.cluster, self.kind, objects);
                match self.events {
                    true => printer.print_event(&table, event),
                    false => printer.print(&table),
                }
            }
            Printer::Columns(columns) => {
                let trees = objects.iter().map(|o| tree(o, self.events)).collect::<Result<Vec<Value>, _>>()?;
                columns.print(&trees).map_err(Failure::error)?
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
                            format!("{{\"type\":\"{event}\",\"object\":{}}}\n", tree(object, false)?)
                        }
                        (Format::Name, _) | (_, false) => format.print(&[tree(object, false)?], false, false)?,
                        (_, true) => format.print(&[tree(object, true)?], false, false)?,
                    };
                }
                text
            }
        };
        session.ui.out(&text);
        Ok(())
    }
}
