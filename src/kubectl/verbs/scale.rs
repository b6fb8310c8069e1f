//! `scale`: how many replicas an object shall have.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/scale`.

use serde_json::json;

use crate::api::Duration;
use crate::api::request::{PatchType, Verb};
use crate::error::{Failure, Reason};
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::client::Waited;
use crate::kubectl::flags;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs, RecordArgs};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::server::Reply;

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
    #[arg(long, default_value = "0s", value_parser = flags::duration)]
    timeout: Duration,
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
    let mut printer = ObjectPrinter::new(&args.output, dry_run, session)?;
    let replicas = args.replicas.unwrap_or(-1);
    if replicas < 0 {
        return Err(Failure::error(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        ));
    }
    if args.current_replicas < -1 {
        return Err(Failure::error("The --current-replicas must specify an integer of -1 or greater"));
    }
    let builder = Builder {
        args: &args.args,
        files: Some(&args.files),
        selector: args.selector.as_deref().unwrap_or_default(),
        types_alone: args.all,
        continue_on_error: true,
        ..Builder::default()
    };
    let (infos, fault) = builder.plan(session)?.infos(session);
    if !args.resource_version.is_empty() && infos.len() > 1 {
        return Err(Failure::error("cannot use --resource-version with multiple resources"));
    }
    if infos.is_empty() {
        return Err(match fault {
            None => Failure::error("no objects passed to scale"),
            // The client of a cluster before v1.36 says so of what is not there, too.
            Some(fault) if session.client.minor() < 36 => Failure::error(format!("no objects passed to scale {fault}")),
            Some(fault) => fault.into(),
        });
    }
    let writing = Writing::by("").dry_run(dry_run).validate(Validate::Warn);
    // The client of a cluster before v1.36 prints the objects as they were.
    let tells = session.client.minor() >= 36;
    for mut info in infos {
        let size = match dry_run {
            DryRun::Client => replicas,
            _ => scale(&args, &info, replicas, &writing, session)?,
        };
        if tells && matches!(info.served.group, "apps" | "") {
            info.tree["spec"]["replicas"] = json!(size);
        }
        if dry_run == DryRun::None && args.timeout != Duration::ZERO {
            wait_for_replicas(&info, replicas, args.timeout, session)?;
        }
        if dry_run != DryRun::Client {
            let shown = info.clone();
            args.record.record_on(&mut info, &Writing::by("").validate(Validate::Warn), session);
            info = shown;
        }
        printer.print(&info.tree, "scaled", session)?;
    }
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Sets the size, and gives the one that the server then has. Tried again as long as somebody else comes first. Mirrors
/// `genericScaler.Scale`.
fn scale(
    args: &Args,
    info: &Info,
    replicas: i64,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<i64, Fault> {
    let deadline = session.client.now() + Duration::secs(5 * 60);
    loop {
        let size = scale_simple(args, info, replicas, writing, session);
        let late = size.as_ref().err().is_some_and(|fault| fault.reason() == Some(Reason::Conflict));
        if !late {
            return size;
        }
        let next = session.client.now() + INTERVAL;
        if next >= deadline {
            return Err(Fault::plain("context deadline exceeded"));
        }
        session.client.sleep_until(next)?;
    }
}

/// How long is waited between two looks.
const INTERVAL: Duration = Duration::secs(1);

/// Mirrors `ScaleSimple`: with a precondition the scale is looked at first, and put whole.
fn scale_simple(
    args: &Args,
    info: &Info,
    replicas: i64,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<i64, Fault> {
    let place = info.whole().part("scale");
    let size_of = |reply: Reply| match reply {
        Reply::Tree(scale) => scale["spec"]["replicas"].as_i64().unwrap_or(0),
        _ => 0,
    };
    if args.current_replicas == -1 && args.resource_version.is_empty() {
        let body = json!({"spec": {"replicas": replicas}}).to_string();
        let verb = Verb::Patch(writing.patch_options(), PatchType::Merge, body);
        return Ok(size_of(session.client.send(verb, place)?));
    }
    let mut scale = session.client.tree_at(place.clone())?;
    let expected = |what: &str, wish: &str, is: &str| Fault::plain(format!("Expected {what} to be {wish}, was {is}"));
    let size = scale["spec"]["replicas"].as_i64().unwrap_or(0);
    if args.current_replicas != -1 && args.current_replicas != size {
        return Err(expected("replicas", &args.current_replicas.to_string(), &size.to_string()));
    }
    let version = scale["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    if !args.resource_version.is_empty() && args.resource_version != version {
        return Err(expected("resource version", &args.resource_version, version));
    }
    scale["spec"]["replicas"] = json!(replicas);
    Ok(size_of(session.client.send(Verb::Update(writing.options(), scale), place)?))
}

/// Mirrors `WaitForScaleHasDesiredReplicas`.
fn wait_for_replicas(info: &Info, replicas: i64, timeout: Duration, session: &mut Session<'_>) -> Result<(), Failure> {
    let place = info.whole().part("scale");
    let deadline = session.client.now() + timeout;
    let waited = session.client.wait(Some(deadline), |client| {
        let scale = client.tree_at(place.clone())?;
        let (wanted, is) = (scale["spec"]["replicas"].as_i64(), scale["status"]["replicas"].as_i64());
        // Somebody else may have wished for another size by now.
        Ok((wanted != Some(replicas) || is == wanted).then_some(()))
    })?;
    match waited {
        Waited::Done(()) => Ok(()),
        _ => Err(Failure::error(format!("timed out waiting for {:?} to be synced", info.name))),
    }
}
