//! `patch`: change fields of an object.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/patch`.

use serde_json::Value;

use crate::api::Kind;
use crate::api::request::{PatchType, Verb};
use crate::error::{Failure, Reason};
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::parts::{self, Part, Parts};
use crate::kubectl::builder::target::NOTHING_NAMED;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{OutputArgs, RecordArgs, print_created};
use crate::kubectl::print::output::Format;
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::sources::reason;
use crate::manifest::{json, merge, yaml};
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
    #[arg(long)]
    local: bool,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
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
        (None, Some(file)) => {
            let text = session
                .disk
                .ahead
                .file(&session.disk.path(file))
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            text.map_err(|e| Failure::error(format!("unable to read patch file: open {file}: {}", reason(&e))))?
        }
    };
    if args.local && !args.args.is_empty() {
        return Err(Failure::error("cannot specify --local and server resources"));
    }
    if args.local && dry_run == DryRun::Server {
        let text = "cannot specify --local and --dry-run=server - did you mean --dry-run=client?";
        return Err(Failure::error(text));
    }
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
    if args.local {
        let (trees, mut faults) = read_files(&args, session)?;
        for (kind, tree) in &trees {
            faults.extend(print_local(*kind, tree, patch_type, &body, format.as_ref(), session)?);
        }
        return errors::check(faults);
    }
    let subresource = args.subresource.as_deref().unwrap_or_default();
    let Parts { parts, mut faults } = parts::find(&args.args, &args.files, subresource, false, session)?;
    if parts.is_empty() && faults.is_empty() {
        return Err(Failure::error("no objects passed to patch"));
    }
    // kubectl does not ask for validation here, so the server warns.
    let writing = Writing::by(&args.field_manager).dry_run(dry_run).validate(Validate::Warn);
    for part in &parts {
        if dry_run == DryRun::Client {
            faults.extend(print_local(part.key.kind, &part.tree, patch_type, &body, format.as_ref(), session)?);
            continue;
        }
        match send(part, (patch_type, &body), &writing, session) {
            Err(fault) => faults.push(fault),
            Ok(patched) => {
                let done = if patched.tree == part.tree { "patched (no change)" } else { "patched" };
                args.record.patch(&part.key, &writing, session)?;
                // kubectl sets the plain line's verb anew here, and so loses that it is a dry run.
                print_created(session, &patched.tree, format.as_ref(), DryRun::None, done, true)?;
            }
        }
    }
    errors::check(faults)
}

fn send(
    part: &Part,
    (form, body): (PatchType, &str),
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<Part, Fault> {
    let verb = Verb::Patch(writing.patch_options(), form, body.to_string());
    match session.client.send(verb, part.resource()) {
        Ok(reply) => Ok(part.now(reply, session)?),
        Err(refused) if refused.reason == Reason::UnsupportedMediaType => {
            let (group, version) = (part.served.group, part.served.version);
            let kind = format!("{group}/{version}, Kind={}", part.key.kind.name());
            Err(Fault::from(refused).when_raw(&format!("{} is not supported by {kind}: ", form.media_type())))
        }
        Err(refused) => Err(refused.into()),
    }
}

/// Patches a tree as kubectl does without the server, and prints it.
fn print_local(
    kind: Kind,
    tree: &Value,
    patch_type: PatchType,
    body: &str,
    format: Option<&Format>,
    session: &Session<'_>,
) -> Result<Option<Fault>, Failure> {
    let after = match patch_tree(kind, tree, patch_type, body) {
        Ok(after) => after,
        Err(fault) => return Ok(Some(fault)),
    };
    let done = if after == *tree { "patched (no change)" } else { "patched" };
    print_created(session, &after, format, DryRun::None, done, true)?;
    Ok(None)
}

/// What kubectl itself makes of an object and a patch. Mirrors `getPatchedJSON`.
fn patch_tree(kind: Kind, tree: &Value, patch_type: PatchType, body: &str) -> Result<Value, Fault> {
    let patch = json::unmarshal(body.as_bytes());
    let patched = match (patch_type, patch) {
        (PatchType::Strategic, Ok(patch @ (Value::Object(_) | Value::Null))) => {
            merge::strategic_merge_patch(kind, tree, &patch)
        }
        (PatchType::Strategic, _) => return Err(Fault::plain("invalid JSON document")),
        (PatchType::Merge, Ok(patch @ (Value::Object(_) | Value::Array(_)))) => {
            Ok(merge::json_merge_patch(tree, &patch))
        }
        (PatchType::Merge, _) => return Err(Fault::plain("Invalid JSON Patch")),
        (PatchType::Apply, _) => {
            return Err(Fault::plain("unknown Content-Type header for patch: application/apply-patch+yaml"));
        }
        (PatchType::Json, Err(e)) => return Err(Fault::plain(e.to_string())),
        (PatchType::Json, Ok(patch)) => {
            merge::check_json_patch(&patch, "jsonpatch.Patch", "jsonpatch.Operation").map_err(Fault::plain)?;
            merge::json_patch(tree, &patch)
        }
    };
    let patched = patched.map_err(|e| match e.to_string().split_once("doc is missing key: ") {
        Some((_, key)) => Fault::plain(format!("Object to be patched is missing field ({key})")),
        None => Fault::plain(e.to_string()),
    })?;
    if patched.is_array() {
        return Err(Fault::plain("json: cannot unmarshal array into Go value of type unstructured.detector"));
    }
    let version = patched["apiVersion"].as_str().unwrap_or_default();
    if patched["kind"].as_str().is_none_or(str::is_empty) || version.matches('/').count() > 1 {
        return Err(Fault::plain(format!("Object 'Kind' is missing in '{}'", to_compact(&patched))));
    }
    Ok(patched)
}

/// The manifests of `--local`, which the cluster has not seen.
fn read_files(args: &Args, session: &Session<'_>) -> Result<(Vec<(Kind, Value)>, Vec<Fault>), Failure> {
    if args.files.is_empty() {
        return Err(Failure::error(NOTHING_NAMED));
    }
    let (infos, faults) = args.files.read(session, false);
    Ok((infos.into_iter().map(|info| (info.kind, info.into_written())).collect(), faults))
}

/// A patch may be written in YAML; JSON goes to the server as it is, broken or not.
fn to_json(text: &str) -> Result<String, Failure> {
    if text.trim_start().starts_with('{') || json::unmarshal(text.as_bytes()).is_ok() {
        return Ok(text.to_string());
    }
    let tree = yaml::to_json(text).map_err(|e| Failure::error(format!("unable to parse {text:?}: {e}")))?;
    Ok(to_compact(&tree))
}
