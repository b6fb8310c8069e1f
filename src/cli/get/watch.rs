//! `get -w`: every transition as it happens, here or in another process.
//!
//! On a wall clock it follows real time. On a manual clock it lets the cluster's clock run until nothing changes
//! any more, and then waits for what other processes do.

use std::sync::Arc;

use super::args::Args;
use crate::api::{Duration, Kind, Object};
use crate::cli::errors;
use crate::cli::output::{Format, tree_of};
use crate::cli::resources::{Found, Target};
use crate::cli::session::Session;
use crate::cli::table;
use crate::error::Failure;
use crate::printers::table::TablePrinter;
use crate::sim::ClockMode;

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
    let found: Found = query.find(session)?;
    errors::check(found.faults)?;
    let mut watch = Watch {
        kind,
        names,
        all_namespaces: args.all_namespaces,
        revision: session.cluster.revision(),
        printer: TablePrinter::new(table::options(kind, &args.layout(matches!(format, Some(Format::Wide)), false))),
        format: format.filter(|f| *f != Format::Wide),
    };
    let passes = |o: &Object| filter.matches(o);
    if !args.watch_only {
        watch.show(session, &found.objects.iter().collect::<Vec<_>>())?;
    }
    if session.cluster.config().clock == ClockMode::Manual {
        watch.let_run(session, &passes)?;
    }
    while session.shared && !session.ui.is_closed() {
        session.wait_for_others()?;
        watch.print_news(session, &passes)?;
    }
    Ok(())
}

struct Watch {
    kind: Kind,
    names: Vec<String>,
    all_namespaces: bool,
    revision: u64,
    printer: TablePrinter,
    format: Option<Format>,
}

impl Watch {
    /// Lets the clock run, and prints what happens, until nothing is due any more.
    fn let_run(&mut self, session: &mut Session<'_>, passes: &dyn Fn(&Object) -> bool) -> Result<(), Failure> {
        // OBSERVATION: `get` only reads, but a clock that runs writes; without this the time that passed would be lost.
        session.checkpoint()?;
        let deadline = session.cluster.now() + LONGEST;
        loop {
            let (now, seen) = (session.cluster.now(), self.revision);
            // One moment at a time, so that every row shows the age that it had then.
            session.cluster.run_while(deadline, |c| c.now() == now && c.revision() == seen)?;
            let moved = session.cluster.now() != now || session.cluster.revision() != seen;
            self.print_news(session, passes)?;
            if !moved || session.ui.is_closed() {
                return session.checkpoint();
            }
        }
    }

    fn print_news(&mut self, session: &mut Session<'_>, passes: &dyn Fn(&Object) -> bool) -> Result<(), Failure> {
        if session.cluster.revision() == self.revision {
            return Ok(());
        }
        let news = session.cluster.store().changes_after(self.kind, self.revision)?;
        self.revision = session.cluster.revision();
        for (_, object, _) in news {
            let in_scope = !self.kind.is_namespaced() || self.all_namespaces || object.namespace() == session.namespace;
            let named = self.names.is_empty() || self.names.iter().any(|n| n == object.name());
            if in_scope && named && passes(&object) {
                self.show(session, &[&Arc::new(object)])?;
            }
        }
        Ok(())
    }

    fn show(&mut self, session: &Session<'_>, objects: &[&Arc<Object>]) -> Result<(), Failure> {
        if objects.is_empty() {
            return Ok(());
        }
        let text = match &self.format {
            None => self.printer.print(&table::build(session.cluster, self.kind, objects)),
            Some(format) => {
                let trees: Vec<_> = objects.iter().map(|o| tree_of(o)).collect();
                let texts: Result<Vec<String>, Failure> =
                    trees.iter().map(|t| format.print(std::slice::from_ref(t), false, false)).collect();
                texts?.join(if *format == Format::Yaml { "---\n" } else { "" })
            }
        };
        session.ui.out(&text);
        Ok(())
    }
}
