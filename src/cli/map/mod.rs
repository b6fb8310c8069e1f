//! `kstate map`: pods, claims, volumes, classes and nodes as a picture.

mod draw;
mod forms;
mod graph;

use crate::api::Duration;
use crate::cli::complete::Ask;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::server::Passed;
use draw::Look;
use graph::Graph;

/// How far a manual clock is let run at most: an hour of the cluster's time.
const LONGEST: Duration = Duration::secs(3600);

/// The forms that `-o` knows.
const FORMS: &str = "dot,json,mermaid,svg";

/// Show the cluster as a picture: each node with its pods, the claims that they mount, and the volumes behind those.
///
/// ● is well, ○ waits, ✗ is in trouble.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// All namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Show it anew whenever something changes
    #[arg(short = 'w', long)]
    watch: bool,
    /// svg, mermaid, dot or json: the map for other programs
    #[arg(short = 'o', long, value_name = "FORM")]
    output: Option<String>,
    /// A line for each pod, claim and volume, in so many columns
    #[arg(long, hide = true)]
    small: Option<usize>,
}

/// Runs the verb.
///
/// # Errors
/// The server's refusals; a form that there is not.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if let Some(other) = args.output.as_deref().filter(|form| !FORMS.split(',').any(|f| f == *form)) {
        return Err(Failure::error(format!(
            "unable to match a printer suitable for the output format {other:?}, allowed formats are: {FORMS}"
        )));
    }
    let mut last = drawn(&args, session)?;
    session.ui.out(&last);
    if !args.watch {
        return Ok(());
    }
    if session.client.is_manual() {
        session.client.checkpoint()?;
        let mut wait = session.client.wait_for_rest(LONGEST);
        loop {
            let passed = session.client.pass_once(&mut wait)?;
            show_news(&args, session, &mut last)?;
            if passed != Passed::Moved || session.ui.is_closed() {
                session.client.checkpoint()?;
                break;
            }
        }
    }
    while session.shared && !session.ui.is_closed() {
        session.client.wait_for_others()?;
        show_news(&args, session, &mut last)?;
    }
    Ok(())
}

fn show_news(args: &Args, session: &Session<'_>, last: &mut String) -> Result<(), Failure> {
    let now = drawn(args, session)?;
    if now != *last {
        session.ui.clear();
        session.ui.out(&format!("\n{now}"));
        *last = now;
    }
    Ok(())
}

fn drawn(args: &Args, session: &Session<'_>) -> Result<String, Failure> {
    let namespace = if args.all_namespaces { "" } else { session.namespace.as_str() };
    let graph = Graph::read(&session.client, namespace)?;
    let look = Look { width: session.ui.width(), colour: session.ui.colour(), all: args.all_namespaces };
    Ok(match (args.output.as_deref(), args.small) {
        (Some("json"), _) => format!("{}\n", serde_json::to_string_pretty(&graph).unwrap_or_default()),
        (Some("dot"), _) => forms::dot(&graph),
        (Some("mermaid"), _) => forms::mermaid(&graph),
        (Some(_), _) => forms::svg(&graph),
        (None, Some(width)) => draw::small(&graph, Look { width, colour: false, ..look }),
        (None, None) => draw::whole(&graph, look),
    })
}

/// The map in small, for a lesson; none where there is no storage in it.
pub(super) fn small(width: usize, ask: Ask<'_>) -> Option<String> {
    let words = ["kstate".to_string(), "map".into(), format!("--small={width}")];
    Some(ask(&words)).filter(|drawn| !drawn.trim().is_empty())
}
