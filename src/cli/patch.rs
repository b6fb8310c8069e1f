//! `patch`: change fields of an object.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/patch`.

use std::sync::Arc;

use super::create::sources::reason;
use super::errors::{self, Fault};
use super::files::FileArgs;
use super::made::{OutputArgs, RecordArgs};
use super::output::tree_of;
use super::request::{self, DryRun, Validate, decode};
use super::resources::Found;
use super::session::Session;
use super::target::{LOCAL_NEEDS_FILES, Target};
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
    #[command(flatten)]
    record: RecordArgs,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-patch")]
    field_manager: String,
    /// If true, patch will operate on the content of the file, not the server-side resource
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = clap::ArgAction::Set)]
    local: bool,
    /// Must be "none", "server", or "client"
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "unchanged", default_value = "none")]
    dry_run: String,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    session.cluster.write_as(&args.field_manager, "");
    let dry_run = DryRun::parse(&args.dry_run)?;
    let text = match (args.patch.as_deref().filter(|p| !p.is_empty()), &args.patch_file) {
        (Some(_), Some(_)) => return Err(Failure::error("cannot specify --patch and --patch-file together")),
        (None, None) => {
            return Err(Failure::error("must specify --patch or --patch-file containing the contents of the patch"));
        }
        (Some(patch), None) => patch.to_string(),
        (None, Some(file)) => {
            let text =
                session.ahead.file(&session.path(file)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            text.map_err(|e| Failure::error(format!("unable to read patch file: open {file}: {}", reason(&e))))?
        }
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
    let found = match args.local {
        true => read_files(&args, session)?,
        false => Target { args: &args.args, files: &args.files, ..Target::default() }.find(session)?,
    };
    let mut faults = found.faults;
    for live in &found.objects {
        let patched = match dry_run {
            _ if args.local || dry_run == DryRun::Client => {
                patch_object(live, patch_type, &body, Validate::Ignore.field_validation())
                    .map(|p| Arc::new(p.object))
                    .map_err(Fault::from)
            }
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
                if !args.local {
                    args.record.patch(&live.key(), dry_run, session)?;
                }
                super::create::print_created(session, &tree_of(&object), format.as_ref(), dry_run, done, true)?;
            }
        }
    }
    errors::check(faults)
}

/// The objects of `--local`, which the cluster has not seen.
fn read_files(args: &Args, session: &mut Session<'_>) -> Result<Found, Failure> {
    if !args.args.is_empty() || args.files.is_empty() {
        return Err(Failure::error(LOCAL_NEEDS_FILES));
    }
    let (infos, faults) = args.files.read(session, false);
    let mut found = Found { faults, ..Found::default() };
    for info in infos {
        let object = decode(session, info.kind, &info.api_version, &info.tree, Validate::Ignore)?;
        found.objects.push(Arc::new(object));
    }
    Ok(found)
}

/// A patch may be written in YAML; JSON goes to the server as it is, broken or not.
fn to_json(text: &str) -> Result<String, Failure> {
    if text.trim_start().starts_with('{') || json::unmarshal(text.as_bytes()).is_ok() {
        return Ok(text.to_string());
    }
    let tree = yaml::to_json(text).map_err(|e| Failure::error(format!("unable to parse {text:?}: {e}")))?;
    Ok(to_compact(&tree))
}
