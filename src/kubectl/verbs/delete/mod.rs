//! `delete`: by file, name, label or all of a kind; waits until the objects are gone.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/delete`. Where a real kubectl would wait for ever, this one says what holds
//! the object and what would free it.

mod holds;
pub mod result;

use crate::api::Duration;
use crate::error::Failure;
use crate::kubectl::builder::build::{Builder, Plan};
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::flags;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::raw;
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use result::{Deleting, parse_cascading_flag};

/// Delete resources by file names, stdin, resources and names, or by resources and label selector.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE [NAME...] or TYPE/NAME...
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// Delete all resources, in the namespace of the specified resource types
    #[arg(long)]
    all: bool,
    /// If present, list the requested object(s) across all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long, default_value = "")]
    selector: String,
    /// Selector (field query) to filter on
    #[arg(long, default_value = "")]
    field_selector: String,
    /// Must be "background", "orphan", or "foreground"
    #[arg(long, default_value = "background")]
    cascade: String,
    /// Period of time in seconds given to the resource to terminate gracefully
    #[arg(long, default_value_t = -1, allow_hyphen_values = true)]
    grace_period: i64,
    /// If true, resources are signaled for immediate shutdown
    #[arg(long)]
    now: bool,
    /// If true, immediately remove resources from API and bypass graceful deletion
    #[arg(long)]
    force: bool,
    /// Treat "resource not found" as a successful delete
    #[arg(long)]
    ignore_not_found: Option<bool>,
    /// If true, wait for resources to be gone before returning
    #[arg(long, default_value_t = true)]
    wait: bool,
    /// The length of time to wait before giving up on a delete, zero means determine a timeout from the size of the object
    #[arg(long, default_value = "0s", value_parser = flags::duration)]
    timeout: Duration,
    /// Output mode. Use "-o name" for shorter output
    #[arg(short = 'o', long, value_name = "FORMAT", default_value = "")]
    output: String,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    dry_run: String,
    /// If true, delete resource only when user confirms
    #[arg(short = 'i', long)]
    interactive: bool,
    /// Raw URI to DELETE to the server
    #[arg(long, default_value = "")]
    raw: String,
}

impl Args {
    fn plan(&self, session: &Session<'_>) -> Result<Plan<'_>, Fault> {
        let selects = self.all || !self.selector.is_empty() || !self.field_selector.is_empty();
        let ignores = self.ignore_not_found.unwrap_or(selects);
        let builder = Builder {
            args: &self.args,
            files: Some(&self.files),
            selector: &self.selector,
            field_selector: &self.field_selector,
            all: self.all,
            all_namespaces: self.all_namespaces,
            continue_on_error: true,
            unasked: true,
            treeless: true,
            ..Builder::default()
        };
        Ok(builder.plan(session)?.ignoring(ignores.then_some(Fault::is_not_found)))
    }

    /// The grace period that counts. Mirrors the middle of `Complete`.
    fn grace(&self) -> Result<i64, Failure> {
        match self.grace_period {
            given if self.now && given != -1 => {
                Err(Failure::error("--now and --grace-period cannot be specified together"))
            }
            _ if self.now => Ok(1),
            // kubectl turns an unforced zero into one second, so that the wait below is honest.
            0 if !self.force => Ok(1),
            given if given < 0 && self.force => Ok(0),
            given => Ok(given),
        }
    }

    /// Mirrors `Validate`.
    fn validate(&self, grace: i64, session: &Session<'_>) -> Result<(), Failure> {
        let output = &self.output;
        if !matches!(output.as_str(), "" | "name") {
            return Err(Failure::error(format!("unexpected -o output mode: {output}. We only support '-o name'")));
        }
        if self.all && !self.selector.is_empty() {
            return Err(Failure::error("cannot set --all and --selector at the same time"));
        }
        if self.all && !self.field_selector.is_empty() {
            return Err(Failure::error("cannot set --all and --field-selector at the same time"));
        }
        if grace == 0 && self.force {
            session.client.warn([IMMEDIATE.into()]);
        } else if grace > 0 && self.force {
            let text = "--force and --grace-period greater than 0 cannot be specified together";
            return Err(Failure::error(text));
        }
        if self.raw.is_empty() {
            return Ok(());
        }
        if self.interactive {
            return Err(Failure::error("--interactive can not be used with --raw"));
        }
        if !self.files.filename.is_empty() {
            raw::check_file(&self.files.filename)?;
        }
        if self.files.recursive {
            return Err(Failure::error("--raw and --recursive are mutually exclusive"));
        }
        if !output.is_empty() {
            return Err(Failure::error("--raw and --output are mutually exclusive"));
        }
        raw::check_uri(&self.raw)
    }
}

const IMMEDIATE: &str = "Immediate deletion does not wait for confirmation that the running resource has been terminated. \
     The resource may continue to run on the cluster indefinitely.";

/// Runs the verb.
///
/// # Errors
/// kubectl's texts; exit 1 when an object can never go by itself.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let propagation = parse_cascading_flag(&args.cascade, session)?;
    let grace_period = args.grace()?;
    let dry_run = DryRun::parse(&args.dry_run)?;
    if !args.raw.is_empty() {
        args.validate(grace_period, session)?;
        return raw::run("DELETE", &args.raw, args.files.filename.first(), session);
    }
    let plan = args.plan(session)?;
    args.validate(grace_period, session)?;
    let mut deleting = Deleting {
        propagation,
        grace_period,
        wait: args.wait,
        timeout: args.timeout,
        dry_run,
        names: args.output == "name",
        quiet: false,
        warn_cluster_scope: session.namespace_given && !args.all_namespaces,
        shown: None,
    };
    if args.interactive {
        let (infos, fault) = plan.infos(session);
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        if infos.is_empty() {
            session.ui.out("No resources found\n");
            return Ok(());
        }
        if !confirm(&infos, session)? {
            session.ui.out("deletion is cancelled\n");
            return Ok(());
        }
        deleting.shown = Some(infos);
    }
    deleting.delete(&plan, session)
}

/// Shows what would go, and asks.
fn confirm(infos: &[Info], session: &mut Session<'_>) -> Result<bool, Failure> {
    session.ui.out(&format!("You are about to delete the following {} resource(s):\n", infos.len()));
    for info in infos {
        session.ui.out(&format!("{}/{}\n", info.served.qualified(), info.name));
    }
    let ui = session.ui;
    if ui.is_interactive() {
        return session.client.meanwhile(|| ui.confirm("Do you want to continue?", false))?;
    }
    ui.out("Do you want to continue? (y/N): ");
    let input = session.client.meanwhile(|| ui.input())?.unwrap_or_default();
    // Mirrors `fmt.Fscanln`: one word on a line of its own.
    let line = String::from_utf8_lossy(&input).lines().next().unwrap_or_default().to_string();
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(matches!(words.as_slice(), [word] if word.eq_ignore_ascii_case("y")))
}
