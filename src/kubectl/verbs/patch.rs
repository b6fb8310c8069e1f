//! `patch`: change fields of an object.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/patch`.

use serde_json::Value;

use crate::api::Kind;
use crate::api::request::{PatchType, Verb};
use crate::error::{Failure, Reason};
use crate::host::reason;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs, RecordArgs};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
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
    let patch_type = check_flags(&args, dry_run)?;
    let body = body(&args, session)?;
    // kubectl sets the plain line's verb anew for each object, and so loses that it is a dry run.
    let mut printer = ObjectPrinter::late(&args.output, DryRun::None, session);
    let builder = Builder {
        args: &args.args,
        files: Some(&args.files),
        subresource: args.subresource.as_deref().unwrap_or_default(),
        local: args.local,
        continue_on_error: true,
        ..Builder::default()
    };
    let plan = builder.plan(session)?;
    // kubectl does not ask for validation here, so the server warns.
    let writing = Writing::by(&args.field_manager).dry_run(dry_run).validate(Validate::Warn);
    let mut count = 0;
    plan.visit(session, |mut info, session| {
        count += 1;
        let before = info.tree.clone();
        if args.local || dry_run == DryRun::Client {
            info.tree = patch_tree(info.kind(), &before, patch_type, &body)?;
        } else {
            info.subresource = args.subresource.clone().unwrap_or_default();
            send(&mut info, (patch_type, &body), &writing, session)?;
        }
        let operation = if info.tree == before { "patched (no change)" } else { "patched" };
        if !args.local && dry_run != DryRun::Client {
            args.record.record_on(&mut info, &writing, session);
        }
        printer.print(&info.tree, operation, session)
    })?;
    if count == 0 { Err(Failure::error("no objects passed to patch")) } else { Ok(()) }
}

/// Mirrors `PatchOptions.Validate`; gives the form of the patch.
fn check_flags(args: &Args, dry_run: DryRun) -> Result<PatchType, Failure> {
    let given = |flag: &Option<String>| flag.as_deref().is_some_and(|f| !f.is_empty());
    let refusal = if given(&args.patch) && given(&args.patch_file) {
        "cannot specify --patch and --patch-file together"
    } else if !given(&args.patch) && !given(&args.patch_file) {
        "must specify --patch or --patch-file containing the contents of the patch"
    } else if args.local && !args.args.is_empty() {
        "cannot specify --local and server resources"
    } else if args.local && dry_run == DryRun::Server {
        "cannot specify --local and --dry-run=server - did you mean --dry-run=client?"
    } else {
        return match args.patch_type.to_lowercase().as_str() {
            "strategic" | "" => Ok(PatchType::Strategic),
            "merge" => Ok(PatchType::Merge),
            "json" => Ok(PatchType::Json),
            _ => {
                let text = format!("--type must be one of [json merge strategic], not {:?}", args.patch_type);
                Err(Failure::error(text))
            }
        };
    };
    Err(Failure::error(refusal))
}

/// The patch as JSON. It may be written in YAML; JSON goes to the server as it is, broken or not.
fn body(args: &Args, session: &Session<'_>) -> Result<String, Failure> {
    let flag = args.patch.as_deref().unwrap_or_default();
    let text = match args.patch_file.as_deref().filter(|file| !file.is_empty()) {
        None => flag.to_string(),
        Some(file) => {
            let bytes = session
                .read(file)
                .map_err(|e| Failure::error(format!("unable to read patch file: open {file}: {}", reason(&e))))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    if text.trim_start().starts_with('{') || json::unmarshal(text.as_bytes()).is_ok() {
        return Ok(text);
    }
    let tree = yaml::to_json(&text).map_err(|e| Failure::error(format!("unable to parse {flag:?}: {e}")))?;
    Ok(to_compact(&tree))
}

fn send(
    info: &mut Info,
    (form, body): (PatchType, &str),
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<(), Fault> {
    let verb = Verb::Patch(writing.patch_options(), form, body.to_string());
    match session.client.send(verb, info.resource()) {
        Ok(reply) => Ok(info.refresh(reply, session)?),
        Err(refused) if refused.reason == Reason::UnsupportedMediaType => {
            let (group, version) = (info.served.group, info.served.version);
            let kind = format!("{group}/{version}, Kind={}", info.kind().name());
            Err(Fault::plain(format!("{} is not supported by {kind}: {}", form.media_type(), refused.message)))
        }
        Err(refused) => Err(refused.into()),
    }
}

/// What kubectl itself makes of an object and a patch. Mirrors `getPatchedJSON`.
fn patch_tree(kind: Kind, tree: &Value, patch_type: PatchType, body: &str) -> Result<Value, Fault> {
    let patch = json::unmarshal(body.as_bytes());
    let patched = match (patch_type, patch) {
        (PatchType::Strategic, _) if !kind.is_built_in() => {
            let kind = format!("{}/{}, Kind={}", kind.group(), kind.version(), kind.name());
            let text = format!("strategic merge patch is not supported for {kind} locally, try --type merge");
            return Err(Fault::plain(text));
        }
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
