//! `create`: make objects from manifests, or from flags by a generator.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/create`.

use serde_json::Value;

use super::apply::with_last_applied;
use super::errors::{self, Fault};
use super::files::{FileArgs, Info};
use super::output::{Format, OBJECT_FORMATS, name_of, tree_of};
use super::request::{DryRun, Validate, decode};
use super::session::Session;
use crate::error::Failure;
use crate::sim::CreateOptions;

/// Create a resource from a file or from stdin.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    files: FileArgs,
    /// Output format
    #[arg(short = 'o', long, value_name = "FORMAT")]
    output: Option<String>,
    /// Must be "none", "server", or "client"
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "unchanged", default_value = "none")]
    dry_run: String,
    /// Must be one of: strict (or true), warn, ignore (or false)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "strict", default_value = "strict")]
    validate: String,
    /// If true, the configuration of current object will be saved in its annotation
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    save_config: bool,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.files.is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    let dry_run = DryRun::parse(&args.dry_run)?;
    let validate = Validate::parse(&args.validate)?;
    let format = args.output.as_deref().filter(|o| !o.is_empty());
    let format = format.map(|o| Format::parse(session, o, None, OBJECT_FORMATS)).transpose()?;
    let (infos, mut faults) = args.files.read(session, validate != Validate::Ignore);
    if infos.is_empty() && faults.is_empty() {
        return Err(Failure::error("no objects passed to create"));
    }
    let mut first = true;
    for info in &infos {
        match create_one(&args, info, dry_run, validate, session) {
            Ok(tree) => {
                print_created(session, &tree, format.as_ref(), dry_run, "created", first)?;
                first = false;
            }
            Err(fault) => faults.push(fault.when("creating", &info.source)),
        }
        session.cluster.between_requests()?;
    }
    errors::check(faults)
}

fn create_one(
    args: &Args,
    info: &Info,
    dry_run: DryRun,
    validate: Validate,
    session: &mut Session<'_>,
) -> Result<Value, Fault> {
    let tree = if args.save_config { with_last_applied(&info.tree) } else { info.tree.clone() };
    if dry_run == DryRun::Client {
        return Ok(tree);
    }
    let object = decode(session, info.kind, &info.api_version, &tree, validate)?;
    let answer = session.cluster.create(object, &CreateOptions { dry_run: dry_run == DryRun::Server });
    session.print_warnings();
    Ok(crate::manifest::versions::from_stored(info.kind, &info.api_version, tree_of(&answer?.object)))
}

/// Says that an object was made, in the form that was asked for.
///
/// # Errors
/// What is wrong with a template.
pub fn print_created(
    session: &Session<'_>,
    tree: &Value,
    format: Option<&Format>,
    dry_run: DryRun,
    done: &str,
    first: bool,
) -> Result<(), Failure> {
    let text = match format {
        None => format!("{} {done}{}\n", name_of(tree), dry_run.suffix()),
        Some(Format::Name) => format!("{}\n", name_of(tree)),
        Some(format) => {
            let between = if *format == Format::Yaml && !first { "---\n" } else { "" };
            format!("{between}{}", format.print(std::slice::from_ref(tree), false, true)?)
        }
    };
    session.ui.out(&text);
    Ok(())
}
