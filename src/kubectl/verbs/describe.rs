//! `describe`: an object in words, with what hangs on it and its events.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/describe/describe.go`.

use std::sync::Arc;

use crate::api::request::Form;
use crate::error::Failure;
use crate::kinds;
use crate::kinds::shared::describe::generic_tree;
use crate::kinds::{Description, PrintContext, Version};
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::session::Session;
use crate::printers::prefix_writer::PrefixWriter;

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
    let builder = Builder {
        args: &args.args,
        files: Some(&args.files),
        selector: args.selector.as_deref().unwrap_or_default(),
        all_namespaces: args.all_namespaces,
        types_alone: true,
        continue_on_error: true,
        chunk: args.chunk(),
        treeless: true,
        ..Builder::default()
    };
    let (infos, fault) = builder.plan(session)?.infos(session);
    // The client of a cluster before v1.36 shows the events of each object, however many there are.
    let single = infos.len() <= 1 && fault.is_none() || session.client.minor() < 36;
    let show_events = args.show_events.unwrap_or(single);
    if let ([kind, prefix], Some(fault)) = (args.args.as_slice(), &fault)
        && fault.is_not_found()
    {
        return describe_matching_resources(&args, kind, prefix, show_events, fault, session);
    }
    let mut faults: Vec<Fault> = fault.into_iter().collect();
    let mut texts = Vec::new();
    for info in infos {
        match describe(info, show_events, session) {
            Ok(text) => texts.push(text),
            Err(fault) if faults.contains(&fault) => {}
            Err(fault) => faults.push(fault),
        }
    }
    session.ui.out(&texts.join("\n\n"));
    if texts.is_empty() && faults.is_empty() {
        session.ui.err(&match !args.all_namespaces {
            true => format!("No resources found in {} namespace.\n", session.namespace),
            false => "No resources found\n".into(),
        });
    }
    errors::check(faults)
}

impl Args {
    fn chunk(&self) -> u64 {
        u64::try_from(self.chunk_size).unwrap_or(0)
    }
}

/// Describes an object as it is by now.
fn describe(mut info: Info, show_events: bool, session: &Session<'_>) -> Result<String, Fault> {
    info.get(Form::Object, session)?;
    Ok(text(session, &info, show_events))
}

/// What no object is called is taken for the beginning of names. Mirrors `DescribeMatchingResources`.
fn describe_matching_resources(
    args: &Args,
    kind: &str,
    prefix: &str,
    show_events: bool,
    refused: &Fault,
    session: &Session<'_>,
) -> Result<(), Failure> {
    let words = [kind.to_string()];
    let builder = Builder {
        args: &words,
        types_alone: true,
        single_type: true,
        chunk: args.chunk(),
        treeless: true,
        ..Builder::default()
    };
    let infos = builder.plan(session)?.all(session)?;
    let mut found = false;
    for info in infos.into_iter().filter(|info| info.name.starts_with(prefix)) {
        found = true;
        session.ui.out(&format!("{}\n", describe(info, show_events, session)?));
    }
    if found { Ok(()) } else { Err(refused.clone().into()) }
}

/// What a description is made with: whatever lies beside the object is asked of the server.
pub fn print_context<'s>(session: &'s Session<'_>) -> PrintContext<'s> {
    let version = Version(session.client.minor());
    PrintContext { now: session.client.now(), version, lister: &session.client, show_events: true }
}

/// The description of one object.
fn text(session: &Session<'_>, info: &Info, show_events: bool) -> String {
    let (mut d, context) = (Description::new(), print_context(session));
    match &info.object {
        // OBSERVATION: a kind of another group has no describer, whatever the stored one has. A kind that the cluster was
        // taught has none either, and is shown in the version that was asked for.
        Some(object)
            if info.served.group != object.kind().group()
                || !object.kind().is_built_in() && info.served.version != object.kind().version() =>
        {
            let info = Info::of(info.served, Arc::clone(object), session);
            generic_tree(object.meta(), &info.tree, &mut d, &context);
        }
        Some(object) => kinds::rules(object.kind()).describe(object, &mut d, &context),
        None => {}
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
