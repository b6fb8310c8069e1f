//! `wait`: until a condition holds, an object exists, is gone, or has a value. The clock jumps.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/wait`.

use std::sync::Arc;

use serde_json::Value;

use crate::api::request::ListOptions;
use crate::api::{Duration, Object, ObjectKey, Time};
use crate::error::{ApiError, Failure, Reason};
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::target::{SelectArgs, Target};
use crate::kubectl::client::Waited;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{OutputArgs, print_created};
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::printers::jsonpath::{self, JsonPath};
use crate::server::tree_of;

/// Wait for a specific condition on one or many resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE NAME or TYPE/NAME
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    select: SelectArgs,
    /// If true, the command will NOT contact api-server but run locally
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    output: OutputArgs,
    /// The condition to wait on: create, delete, condition=NAME[=VALUE] or jsonpath='{PATH}'[=VALUE]
    #[arg(long = "for", value_name = "CONDITION")]
    for_condition: Vec<String>,
    /// The length of time to wait before giving up
    #[arg(long, default_value = "30s", allow_hyphen_values = true)]
    timeout: String,
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
    let format = args.output.format(session)?;
    let conditions = args.for_condition.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()?;
    if conditions.is_empty() {
        return Err(Failure::error("unrecognized condition: []"));
    }
    let timeout = Duration::parse(&args.timeout).map_err(|e| {
        Failure::error(format!(
            "invalid argument {:?} for \"--timeout\" flag: {e}\nSee '{} wait --help' for usage.",
            args.timeout, session.line.program
        ))
    })?;
    let timeout = if timeout < Duration::ZERO { Duration::secs(168 * 3600) } else { timeout };
    let deadline = session.client.now() + timeout;
    let target = args.select.target(&args.args, &args.files);
    if conditions.iter().any(|c| matches!(c, Condition::Create)) {
        wait_for_creation(&target, deadline, session)?;
    }
    let found = target.find(session)?;
    let for_delete = conditions.iter().any(|c| matches!(c, Condition::Delete));
    let mut faults = found.faults;
    if for_delete {
        // What is not there has been deleted already.
        faults.retain(|f| !matches!(f, Fault::Api(e) if e.reason == Reason::NotFound));
        if found.objects.is_empty() {
            return errors::check(faults);
        }
    }
    if found.objects.is_empty() && faults.is_empty() {
        return Err(Failure::error("no matching resources found"));
    }
    for object in &found.objects {
        for condition in &conditions {
            match wait_for(condition, object, (timeout, deadline), session) {
                Ok(met) => {
                    print_created(session, &session.tree(&met), format.as_ref(), DryRun::None, "condition met", true)?;
                }
                Err(fault) => {
                    faults.push(fault);
                    break;
                }
            }
        }
    }
    errors::check(faults)
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

fn wait_for_creation(target: &Target<'_>, deadline: Time, session: &mut Session<'_>) -> Result<(), Failure> {
    loop {
        let found = target.find(session)?;
        let missing = |f: &Fault| matches!(f, Fault::Api(e) if e.reason == Reason::NotFound);
        if !found.objects.is_empty() && found.faults.is_empty() {
            return Ok(());
        }
        errors::check(found.faults.into_iter().filter(|f| !missing(f)).collect())?;
        // Mirrors the poll: every half second.
        let next = (session.client.now() + POLL).min(deadline);
        session.client.sleep_until(next)?;
        if next == deadline {
            return Err(Failure::error("timed out waiting for the condition"));
        }
    }
}

/// How often kubectl looks whether something was made.
const POLL: Duration = Duration::millis(500);

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
