//! `patch`: change fields of an object.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/patch`.

use super::errors::{self, Fault};
use super::files::FileArgs;
use super::made::OutputArgs;
use super::output::tree_of;
use super::request::{self, DryRun, Validate};
use super::session::Session;
use super::target::Target;
use crate::error::Failure;
use crate::manifest::merge::server::{PatchType, patch_object};
use crate::manifest::{json, yaml};
use crate::printers::json::to_compact;

/// Update fields of a resource.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE NAME or TYPE/NAME
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// The patch to be applied to the resource JSON file
    #[arg(short = 'p', long, allow_hyphen_values = true)]
    patch: Option<String>,
    /// A file containing a patch to be applied to the resource
    #[arg(long)]
    patch_file: Option<String>,
    /// The type of patch being provided; one of [json merge strategic]
    #[arg(long = "type", default_value = "strategic")]
    patch_type: String,
    /// If specified, patch will operate on the subresource of the requested object
    #[arg(long)]
    subresource: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    /// Must be "none", "server", or "client"
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "unchanged", default_value = "none")]
    dry_run: String,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let dry_run = DryRun::parse(&args.dry_run)?;
    let text = match (args.patch.as_deref().filter(|p| !p.is_empty()), &args.patch_file) {
        (Some(_), Some(_)) => return Err(Failure::error("cannot specify --patch and --patch-file together")),
        (None, None) => {
            return Err(Failure::error("must specify --patch or --patch-file containing the contents of the patch"));
        }
        (Some(patch), None) => patch.to_string(),
        (None, Some(file)) => std::fs::read_to_string(session.path(file)).map_err(|_| {
            Failure::error(format!("unable to read patch file: open {file}: no such file or directory"))
        })?,
    };
    let patch_type = match args.patch_type.to_lowercase().as_str() {
        "strategic" => PatchType::Strategic,
        "merge" => PatchType::Merge,
        "json" => PatchType::Json,
        _ => {
            let text = format!("--type must be one of [json merge strategic], not {:?}", args.patch_type);
            return Err(Failure::error(text));
        }
    };
    let body = to_json(&text)?;
    let format = args.output.format(session)?;
    let found = Target { args: &args.args, files: &args.files, ..Target::default() }.find(session)?;
    let mut faults = found.faults;
    for live in &found.objects {
        let patched = match dry_run {
            DryRun::Client => patch_object(live, patch_type, &body, Validate::Ignore.field_validation())
                .map(|p| std::sync::Arc::new(p.object))
                .map_err(Fault::from),
            _ if args.subresource.as_deref() == Some("status") => {
                let patched = patch_object(live, patch_type, &body, Validate::Ignore.field_validation());
                patched.and_then(|p| session.cluster.update_status(p.object)).map_err(Fault::from)
            }
            // kubectl does not ask for validation here, so the server warns.
            _ => request::patch(session, live, patch_type, &body, Validate::Warn, dry_run),
        };
        match patched {
            Err(fault) => faults.push(fault),
            Ok(object) => {
                let done = if object == *live { "patched (no change)" } else { "patched" };
                super::create::print_created(session, &tree_of(&object), format.as_ref(), dry_run, done, true)?;
            }
        }
    }
    errors::check(faults)
}

/// A patch may be written in YAML; JSON goes to the server as it is, broken or not.
fn to_json(text: &str) -> Result<String, Failure> {
    if text.trim_start().starts_with('{') || json::unmarshal(text.as_bytes()).is_ok() {
        return Ok(text.to_string());
    }
    let tree = yaml::to_json(text).map_err(|e| Failure::error(format!("unable to parse {text:?}: {e}")))?;
    Ok(to_compact(&tree))
}
