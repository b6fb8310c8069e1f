//! `wait`: until a condition holds, an object exists, is gone, or has a value. The clock jumps.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/wait`.

use std::sync::Arc;

use serde_json::Value;

use crate::api::request::ListOptions;
use crate::api::{Duration, Object, ObjectKey, Time};
use crate::error::{ApiError, Failure};
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::client::{RealTime, Waited, nothing_due};
use crate::kubectl::flags;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs};
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::printers::jsonpath::{self, JsonPath};
use crate::server::{Passed, tree_of};

/// Wait for a specific condition on one or many resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE NAME or TYPE/NAME
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    /// identifying the resource
    #[arg(short = 'f', long, value_name = "FILENAME", value_delimiter = ',')]
    filename: Vec<String>,
    /// Process the directory used in -f, --filename recursively
    #[arg(short = 'R', long, default_value_t = true)]
    recursive: bool,
    /// Select all resources in the namespace of the specified resource types
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
    /// If true, the command will NOT contact api-server but run locally
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    output: OutputArgs,
    /// The condition to wait on: create, delete, condition=NAME[=VALUE] or jsonpath='{PATH}'[=VALUE]
    #[arg(long = "for", value_name = "CONDITION")]
    for_condition: Vec<String>,
    /// The length of time to wait before giving up
    #[arg(long, default_value = "30s", allow_hyphen_values = true, value_parser = flags::duration)]
    timeout: Duration,
}

enum Condition {
    Delete,
    Create,
    Status { name: String, value: String },
    Path { path: JsonPath, value: Option<String> },
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts; exit 1 when the time is over or the condition can never hold by itself.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut printer = ObjectPrinter::new(&args.output, DryRun::None, session)?;
    let conditions = args.for_condition.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()?;
    if conditions.is_empty() {
        return Err(Failure::error("unrecognized condition: []"));
    }
    let timeout = if args.timeout < Duration::ZERO { Duration::secs(168 * 3600) } else { args.timeout };
    let deadline = session.client.now() + timeout;
    let files = FileArgs { filename: args.filename.clone(), recursive: args.recursive, kustomize: None };
    let builder = Builder {
        args: &args.args,
        files: Some(&files),
        // OBSERVATION: with --all a type alone stands for all its objects; it is no selector besides.
        types_alone: args.all,
        all_namespaces: args.all_namespaces,
        selector: &args.selector,
        field_selector: &args.field_selector,
        local: args.local,
        latest: !args.local,
        continue_on_error: true,
        ..Builder::default()
    };
    if conditions.iter().any(|c| matches!(c, Condition::Create)) {
        wait_for_creation(&builder, deadline, session)?;
    }
    let for_delete = conditions.iter().any(|c| matches!(c, Condition::Delete));
    // What is not there has been deleted already.
    let plan = builder.plan(session)?.ignoring(for_delete.then_some(Fault::is_not_found));
    let mut count = 0;
    plan.visit(session, |info, session| {
        count += 1;
        let Some(object) = info.object else { return Err(Fault::plain("resource name must be provided")) };
        for condition in &conditions {
            let met = wait_for(condition, &object, (timeout, deadline), session)?;
            printer.print(&session.tree(&met), "condition met", session)?;
        }
        Ok(())
    })?;
    match count == 0 && !for_delete {
        true => Err(Failure::error("no matching resources found")),
        false => Ok(()),
    }
}

fn too_late(condition: &Condition, key: &ObjectKey) -> Fault {
    Fault::plain(match condition {
        Condition::Delete => "client rate limiter Wait returned an error: context deadline exceeded".to_string(),
        _ => format!("timed out waiting for the condition on {}/{}", key.kind.plural(), key.name),
    })
}

fn parse(text: &str) -> Result<Condition, Failure> {
    if text.eq_ignore_ascii_case("delete") {
        return Ok(Condition::Delete);
    }
    if text.eq_ignore_ascii_case("create") {
        return Ok(Condition::Create);
    }
    if let Some(condition) = text.strip_prefix("condition=") {
        let (name, value) = condition.split_once('=').unwrap_or((condition, "true"));
        return Ok(Condition::Status { name: name.to_lowercase(), value: value.to_lowercase() });
    }
    let Some(input) = text.strip_prefix("jsonpath=") else {
        return Err(Failure::error(format!("unrecognized condition: {text:?}")));
    };
    let parts = split_single_equals(input);
    if parts.len() > 2 {
        return Err(Failure::error(
            "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'",
        ));
    }
    if parts[0].is_empty() {
        return Err(Failure::error("jsonpath expression cannot be empty"));
    }
    let template = jsonpath::relaxed(&parts[0]).map_err(Failure::error)?;
    let path = JsonPath::parse(&template).map_err(Failure::error)?.allow_missing_keys(true);
    let value = parts.get(1).map(|v| v.trim_matches(['\'', '"']).to_string());
    if value.as_deref() == Some("") {
        return Err(Failure::error(
            "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
        ));
    }
    Ok(Condition::Path { path, value })
}

/// Splits at `=` but not at `==`, which belongs to a filter.
fn split_single_equals(input: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = input;
    while let Some(at) = rest.find('=') {
        let last = parts.len() - 1;
        parts[last].push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('=') {
            Some(after) => {
                parts[last].push_str("==");
                rest = after;
            }
            None => parts.push(String::new()),
        }
    }
    let last = parts.len() - 1;
    parts[last].push_str(rest);
    parts
}

fn wait_for_creation(builder: &Builder<'_>, deadline: Time, session: &mut Session<'_>) -> Result<(), Failure> {
    let began = session.client.now();
    let mut wait = session.client.begin_to_wait(deadline);
    let mut time: Option<RealTime> = None;
    loop {
        match builder.clone().plan(session)?.infos(session) {
            (infos, None) if !infos.is_empty() => return Ok(()),
            (_, Some(fault)) if !fault.is_not_found() => return Err(fault.into()),
            _ => {}
        }
        if session.client.has_company() {
            let left = match (&mut time, session.client.now() < deadline) {
                (_, false) => false,
                (Some(time), true) => session.client.leave_to_others(time, nothing_due)?,
                (None, true) => match session.client.pass_once(&mut wait)? {
                    Passed::Moved => true,
                    Passed::Over => false,
                    // OBSERVATION: nothing that is due makes it; perhaps somebody at another terminal will.
                    Passed::Idle | Passed::Circles => {
                        time = Some(session.client.real_time(Some(deadline)));
                        true
                    }
                },
            };
            if left {
                continue;
            }
            return Err(Failure::error("timed out waiting for the condition"));
        }
        // Mirrors the poll: every half second. Who waits for days is not stepped through all of them.
        let now = session.client.now();
        let next = match now - began {
            waited if waited < Duration::secs(3600) => (now + POLL).min(deadline),
            waited if waited < Duration::secs(86_400) => (now + LATER_POLL).min(deadline),
            _ => deadline,
        };
        session.client.sleep_until(next)?;
        if next == deadline {
            return Err(Failure::error("timed out waiting for the condition"));
        }
    }
}

/// How often kubectl looks whether something was made.
const POLL: Duration = Duration::millis(500);

/// The same of a clock that jumps, after an hour.
const LATER_POLL: Duration = Duration::secs(60);

/// Waits until a condition holds of an object, and gives the object back as it then is, or was last.
fn wait_for(
    condition: &Condition,
    object: &Arc<Object>,
    (timeout, deadline): (Duration, Time),
    session: &mut Session<'_>,
) -> Result<Arc<Object>, Fault> {
    let key = object.key();
    let about = format!("{}/{}", key.kind.plural(), key.name);
    if timeout > Duration::ZERO && session.client.now() >= deadline {
        // OBSERVATION: all objects share one time, and it is over; kubectl does not look at the others any more.
        return Err(too_late(condition, &key));
    }
    if matches!(condition, Condition::Create) {
        return Ok(session.client.get(&key)?);
    }
    let options = ListOptions { field_selector: format!("metadata.name={}", key.name), ..ListOptions::default() };
    let mut watch = session.client.watch(key.kind, &key.namespace, options)?;
    let mut last = Arc::clone(object);
    let waited = session.client.wait(Some(deadline), |client| {
        client.events(&mut watch)?;
        let now = watch.known().find(|o| o.uid() == object.uid() || !matches!(condition, Condition::Delete)).cloned();
        let Some(now) = now else {
            return Ok(Some(match condition {
                Condition::Delete => Ok(Arc::clone(&last)),
                _ => Err(ApiError::not_found(&key.kind.resource(), &key.name).into()),
            }));
        };
        last = Arc::clone(&now);
        Ok(match holds(condition, &tree_of(&now)) {
            Ok(false) => None,
            Ok(true) => Some(Ok(now)),
            Err(text) => Some(Err(Fault::Plain(text))),
        })
    })?;
    let why =
        if timeout == Duration::ZERO { "condition not met for" } else { "timed out waiting for the condition on" };
    match waited {
        Waited::Done(outcome) => outcome,
        Waited::Over | Waited::Never => Err(Fault::plain(format!("{why} {about}"))),
    }
}

/// Whether it holds by now, or what is wrong with asking.
fn holds(condition: &Condition, tree: &Value) -> Result<bool, String> {
    match condition {
        Condition::Status { name, value } => {
            let conditions = tree["status"]["conditions"].as_array();
            let of_name = |c: &&Value| c["type"].as_str().is_some_and(|t| t.to_lowercase() == *name);
            let Some(found) = conditions.into_iter().flatten().find(of_name) else { return Ok(false) };
            // A condition that speaks of an older generation says nothing yet.
            let observed = found["observedGeneration"].as_i64().or(tree["status"]["observedGeneration"].as_i64());
            let stale = match (tree["metadata"]["generation"].as_i64(), observed) {
                (Some(generation), Some(observed)) => observed < generation,
                _ => false,
            };
            Ok(!stale && found["status"].as_str().is_some_and(|s| s.to_lowercase() == *value))
        }
        Condition::Path { path, value } => {
            let results = path.find_results(tree).map_err(|e| e.0)?;
            let Some([found, more @ ..]) = results.first().map(Vec::as_slice) else { return Ok(false) };
            if results.len() > 1 {
                return Err("given jsonpath expression matches more than one list".into());
            }
            if !more.is_empty() {
                return Err("given jsonpath expression matches more than one value".into());
            }
            match value {
                None => Ok(true),
                Some(_) if found.is_object() || found.is_array() => {
                    Err("jsonpath leads to a nested object or list which is not supported".into())
                }
                Some(value) => Ok(jsonpath::text_of(found).trim() == value.trim()),
            }
        }
        Condition::Delete => Ok(false),
        Condition::Create => Ok(true),
    }
}
