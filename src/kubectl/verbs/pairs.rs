//! `KEY=VALUE` and `KEY-` behind the names of objects, as `label`, `annotate`, `taint` and `set env` take them.
//!
//! Mirrors `GetResourcesAndPairs` of `k8s.io/kubectl/pkg/cmd/util/helpers.go`, and what `label` and `annotate` share.

use serde_json::Value;

use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::select::SelectArgs;
use crate::kubectl::print::made::{OutputArgs, RecordArgs};
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;

/// Splits `TYPE NAME KEY=VALUE...` into what names objects and what is set.
///
/// # Errors
/// kubectl's text for a name that comes after a pair.
pub fn split<'a>(args: &'a [String], what: &str) -> Result<(&'a [String], &'a [String]), Failure> {
    let is_pair = |a: &String| (a.contains('=') && !a.starts_with('=')) || (a.ends_with('-') && a != "-");
    let at = args.iter().position(is_pair).unwrap_or(args.len());
    let (resources, pairs) = args.split_at(at);
    match pairs.iter().find(|p| !is_pair(p)) {
        Some(stray) => Err(Failure::error(format!("all resources must be specified before {what} changes: {stray}"))),
        None => Ok((resources, pairs)),
    }
}

/// The arguments of `label` and `annotate`.
#[derive(Debug, Clone, clap::Args)]
pub struct PairArgs {
    /// TYPE NAME or TYPE/NAME, and KEY=VALUE or KEY- for each change
    #[arg(value_name = "TYPE")]
    pub args: Vec<String>,
    /// The files that name objects.
    #[command(flatten)]
    pub files: FileArgs,
    /// What chooses objects of a type.
    #[command(flatten)]
    pub select: SelectArgs,
    /// If true, allow what is there to be overwritten
    #[arg(long)]
    pub overwrite: bool,
    /// If true, display what is there for a given resource
    #[arg(long)]
    pub list: bool,
    /// The form that objects are printed in.
    #[command(flatten)]
    pub output: OutputArgs,
    /// `--record`.
    #[command(flatten)]
    pub record: RecordArgs,
    /// Name of the manager used to track field ownership
    #[arg(long)]
    pub field_manager: Option<String>,
    /// If true, the command will NOT contact api-server but run locally
    #[arg(long)]
    pub local: bool,
    /// If non-empty, the update will only succeed if this is the current resource-version for the object
    #[arg(long, default_value = "")]
    pub resource_version: String,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    pub dry_run: String,
}

impl PairArgs {
    /// Refuses what contradicts each other; `example` is the file's name in texts.
    ///
    /// # Errors
    /// kubectl's texts.
    pub fn check(&self, named: &[String], dry_run: DryRun, example: &str) -> Result<(), Failure> {
        let text = match (self.select.contradiction(), self.local) {
            (Some(text), _) => text.to_string(),
            (None, true) if dry_run == DryRun::Server => {
                "cannot specify --local and --dry-run=server - did you mean --dry-run=client?".to_string()
            }
            (None, true) if !named.is_empty() => format!(
                "can only use local files by -f {example}.yaml or --filename={example}.json when --local=true is set"
            ),
            (None, true) if self.files.is_empty() => {
                format!("one or more files must be specified as -f {example}.yaml or --filename={example}.json")
            }
            (None, false) if self.files.is_empty() && named.is_empty() => {
                "one or more resources must be specified as <resource> <name> or <resource>/<name>".to_string()
            }
            _ => return Ok(()),
        };
        Err(Failure::error(text))
    }

    /// What finds the objects.
    pub fn builder<'a>(&'a self, named: &'a [String]) -> Builder<'a> {
        let builder = Builder { files: Some(&self.files), continue_on_error: true, ..Builder::default() };
        match self.local {
            true => Builder { local: true, ..builder },
            false => Builder {
                args: named,
                types_alone: self.select.all,
                latest: true,
                files: builder.files,
                continue_on_error: true,
                ..self.select.builder()
            },
        }
    }

    /// Prints what `field` of an object holds; `alone` if it was the only one that was asked for.
    pub fn print_list(&self, tree: &Value, field: &str, alone: bool, session: &Session<'_>) {
        if !alone {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
            let (version, kind) = (text(&tree["apiVersion"]), text(&tree["kind"]));
            let group = version.split_once('/').map_or("", |(g, _)| g);
            session.ui.out(&format!("Listing {field} for {kind}.{group}/{}:\n", text(&tree["metadata"]["name"])));
        }
        let indent = if alone { "" } else { " " };
        for (key, value) in tree["metadata"][field].as_object().into_iter().flatten() {
            session.ui.out(&format!("{indent}{key}={}\n", value.as_str().unwrap_or_default()));
        }
    }
}
