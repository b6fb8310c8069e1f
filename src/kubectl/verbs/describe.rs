//! `describe`: an object in words, with what hangs on it and its events.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/describe/describe.go`.

use crate::api::Object;
use crate::error::{Failure, Reason};
use crate::kinds;
use crate::kinds::shared::describe::generic_tree;
use crate::kinds::{Description, PrintContext, Version};
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::resources::{Found, Query, Target};
use crate::kubectl::builder::target::FILES_AND_NAMES;
use crate::kubectl::print::errors;
use crate::kubectl::session::Session;
use crate::printers::prefix_writer::PrefixWriter;
use crate::server::served::Served;

/// Show details of a specific resource or group of resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE [NAME_PREFIX | NAME...] or TYPE/NAME...
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// If present, list the requested object(s) across all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// If true, display events related to the described object. Defaults to true for a single object, false for
    /// multiple objects and prefix matching
    #[arg(long)]
    show_events: Option<bool>,
    /// Return large lists in chunks rather than all at once
    #[arg(long, default_value_t = 500)]
    chunk_size: i64,
}

/// The first version whose kubectl shows events for a single object only.
const EVENTS_OF_ONE: u32 = 36;

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.args.is_empty() && args.files.is_empty() {
        return Err(Failure::error(format!(
            "You must specify the type of resource to describe. Use \"{} api-resources\" for a complete list of supported resources.",
            session.line.program
        )));
    }
    let (found, by_prefix) = find(&args, session)?;
    let single = found.objects.len() == 1 && found.faults.is_empty() && !by_prefix;
    let show_events = args.show_events.unwrap_or(single || session.client.minor() < EVENTS_OF_ONE);
    let texts: Vec<String> = found.objects.iter().map(|o| text(session, o, found.version_of(o), show_events)).collect();
    session.ui.out(&match by_prefix {
        true => texts.iter().map(|text| format!("{text}\n")).collect(),
        false => texts.join("\n\n"),
    });
    if texts.is_empty() && found.faults.is_empty() {
        session.ui.err(&match !args.all_namespaces {
            true => format!("No resources found in {} namespace.\n", session.namespace),
            false => "No resources found\n".into(),
        });
    }
    errors::check(found.faults)
}

/// The objects to describe, and whether the word for them was no name but the beginning of names.
fn find(args: &Args, session: &Session<'_>) -> Result<(Found, bool), Failure> {
    let mut found = Found { named: true, ..Found::default() };
    if !args.files.is_empty() {
        if !args.args.is_empty() {
            return Err(Failure::error(FILES_AND_NAMES));
        }
        let (infos, faults) = args.files.read(session, false);
        found.faults = faults;
        for info in infos {
            match session.client.get_at(info.served.resource_of(&info.key())) {
                Ok(object) => found.add(info.served, vec![object]),
                Err(refused) => found.faults.push(refused.into()),
            }
        }
        return Ok((found, false));
    }
    let query = Query {
        args: args.args.clone(),
        selector: args.selector.clone(),
        all_namespaces: args.all_namespaces,
        types_alone_mean_all: true,
        ..Query::default()
    };
    let Target::Names(names) = query.target(session.client.minor())? else { return Ok((query.find(session)?, false)) };
    let mut by_prefix = false;
    for (served, name) in names {
        let refused = match session.client.get_at(served.resource_of(&session.key(served.kind, &name))) {
            Ok(object) => {
                found.add(served, vec![object]);
                continue;
            }
            Err(refused) if refused.reason != Reason::NotFound => {
                found.faults.push(refused.into());
                continue;
            }
            Err(refused) => refused,
        };
        // OBSERVATION: kubectl takes the one word after a kind for the beginning of names when it is no name itself.
        if args.args.len() == 2 {
            let all = Query::default().list(session, served)?;
            found.add(served, all.into_iter().filter(|o| o.name().starts_with(&name)).collect());
            by_prefix = !found.objects.is_empty();
        }
        if !by_prefix {
            found.faults.push(refused.into());
        }
    }
    Ok((found, by_prefix))
}

/// What a description is made with: whatever lies beside the object is asked of the server.
pub fn print_context<'s>(session: &'s Session<'_>) -> PrintContext<'s> {
    let version = Version(session.client.minor());
    PrintContext { now: session.client.now(), version, lister: &session.client, show_events: true }
}

/// The description of one object, which was asked for as `served`.
fn text(session: &Session<'_>, object: &Object, served: Option<&Served>, show_events: bool) -> String {
    let (mut d, context) = (Description::new(), print_context(session));
    match served.filter(|served| served.group != object.kind().group()) {
        // OBSERVATION: a kind of another group has no describer, whatever the stored one has.
        Some(served) => {
            let tree = session.tree_in(object, &served.api_version());
            generic_tree(object.meta(), &tree, &mut d, &context);
        }
        None => kinds::rules(object.kind()).describe(object, &mut d, &context),
    }
    let parts = match show_events {
        true => d.parts,
        false => d.parts.into_iter().take_while(|(level, text)| *level > 0 || !text.starts_with("Events:")).collect(),
    };
    let mut writer = PrefixWriter::new();
    for (level, text) in parts {
        writer.write(level, text);
    }
    writer.finish()
}
