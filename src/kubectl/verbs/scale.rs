//! `scale`: how many replicas an object shall have.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/scale`.

use std::sync::Arc;

use serde_json::json;

use crate::api::request::{ListOptions, PatchType, Resource, Verb};
use crate::api::{Duration, Object};
use crate::error::{ApiError, Failure, Reason};
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::target::Target;
use crate::kubectl::client::Waited;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{OutputArgs, RecordArgs, print_created};
use crate::kubectl::request::{DryRun, PROGRAM, Writing};
use crate::kubectl::session::Session;

/// Set a new size for a deployment, replica set, replication controller, or stateful set.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE NAME... or TYPE/NAME...
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// Select all resources in the namespace of the specified resource types
    #[arg(long)]
    all: bool,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// The new desired number of replicas. Required.
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true, required = true)]
    replicas: Option<i64>,
    /// Precondition for current size. -1 (default) for no condition.
    #[arg(long, value_name = "COUNT", default_value_t = -1, allow_hyphen_values = true)]
    current_replicas: i64,
    /// Precondition for resource version
    #[arg(long, default_value = "", hide_default_value = true)]
    resource_version: String,
    /// The length of time to wait before giving up on a scale operation, zero means don't wait
    #[arg(long, default_value = "0s")]
    timeout: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    record: RecordArgs,
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
    let format = args.output.format(session)?;
    let replicas = args.replicas.unwrap_or(-1);
    if replicas < 0 {
        return Err(Failure::error(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        ));
    }
    if args.current_replicas < -1 {
        return Err(Failure::error("The --current-replicas must specify an integer of -1 or greater"));
    }
    let timeout = Duration::parse(&args.timeout).map_err(|e| {
        Failure::error(format!(
            "invalid argument {:?} for \"--timeout\" flag: {e}\nSee '{} scale --help' for usage.",
            args.timeout, session.line.program
        ))
    })?;
    let target = Target {
        args: &args.args,
        files: &args.files,
        selector: args.selector.as_deref(),
        all: args.all,
        ..Target::default()
    };
    let found = target.find(session)?;
    if !args.resource_version.is_empty() && found.objects.len() > 1 {
        return Err(Failure::error("cannot use --resource-version with multiple resources"));
    }
    if found.objects.is_empty() {
        let why: Vec<String> = found.faults.iter().map(Fault::message).collect();
        return Err(Failure::error(format!("no objects passed to scale {}", why.join(", ")).trim_end().to_string()));
    }
    let writing = Writing::by(PROGRAM).dry_run(dry_run);
    for (n, object) in found.objects.iter().enumerate() {
        if dry_run != DryRun::Client {
            scale(&args, object, replicas, &writing, session)?;
            args.record.patch(&object.key(), &writing, session)?;
            if timeout > Duration::ZERO && dry_run == DryRun::None {
                wait_for_replicas(object, replicas, timeout, session)?;
            }
        }
        print_created(session, &session.tree(object), format.as_ref(), dry_run, "scaled", n == 0)?;
    }
    errors::check(found.faults)
}

/// How many replicas an object wants and has; none for a kind that can't be scaled.
fn size_of(object: &Object) -> Option<(i64, i64)> {
    let (wanted, is) = match object {
        Object::Deployment(d) => (d.spec.as_ref().and_then(|s| s.replicas), d.status.as_ref().and_then(|s| s.replicas)),
        Object::StatefulSet(s) => (s.spec.as_ref().and_then(|s| s.replicas), s.status.as_ref().map(|s| s.replicas)),
        Object::ReplicaSet(s) => (s.spec.as_ref().and_then(|s| s.replicas), s.status.as_ref().map(|s| s.replicas)),
        Object::ReplicationController(c) => {
            (c.spec.as_ref().and_then(|s| s.replicas), c.status.as_ref().map(|s| s.replicas))
        }
        _ => return None,
    };
    Some((wanted.unwrap_or(0).into(), is.unwrap_or(0).into()))
}

fn scale(
    args: &Args,
    object: &Arc<Object>,
    replicas: i64,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<(), Fault> {
    let Some((wanted, _)) = size_of(object) else {
        return Err(ApiError::new(Reason::NotFound, "the server could not find the requested resource").into());
    };
    let expected = |what: &str, wish: &str, is: &str| Fault::plain(format!("Expected {what} to be {wish}, was {is}"));
    if args.current_replicas != -1 && args.current_replicas != wanted {
        return Err(expected("replicas", &args.current_replicas.to_string(), &wanted.to_string()));
    }
    let version = object.meta().resource_version.as_deref().unwrap_or_default();
    if !args.resource_version.is_empty() && args.resource_version != version {
        return Err(expected("resource version", &args.resource_version, version));
    }
    let body = json!({"spec": {"replicas": replicas}}).to_string();
    let verb = Verb::Patch(writing.patch_options(), PatchType::Merge, body);
    session.client.send(verb, Resource::object(&object.key()).part("scale"))?;
    Ok(())
}

fn wait_for_replicas(
    object: &Object,
    replicas: i64,
    timeout: Duration,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let key = object.key();
    let options = ListOptions { field_selector: format!("metadata.name={}", key.name), ..ListOptions::default() };
    let mut watch = session.client.watch(key.kind, &key.namespace, options)?;
    let deadline = session.client.deadline(timeout);
    let waited = session.client.wait(deadline, |client| {
        client.events(&mut watch)?;
        let size = watch.known().next().and_then(|o| size_of(o));
        let goes_on = size.is_some_and(|(wanted, is)| wanted == replicas && is != replicas);
        Ok((!goes_on).then_some(()))
    })?;
    match waited {
        Waited::Done(()) => Ok(()),
        _ => Err(Failure::error(format!("timed out waiting for {:?} to be synced", key.name))),
    }
}
