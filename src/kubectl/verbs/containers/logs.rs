//! `logs`: what containers printed.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/logs` and `polymorphichelpers/logsforobject.go`.

use std::sync::Arc;

use crate::api::k8s::api::core::v1::Pod;
use crate::api::pod::{container_statuses, is_running};
use crate::api::request::{Connect, LogOptions};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::error::{ApiError, Failure};
use crate::kinds::core::pod::container_names::has_container;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::print::errors::usage;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::exec::TerminalArgs;
use crate::kubectl::verbs::containers::{check_timeout, pods};
use crate::server::Reply;

/// Print the logs for a container in a pod or specified resource.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// POD or TYPE/NAME, and a container
    #[arg(value_name = "POD")]
    args: Vec<String>,
    /// Get all containers' logs in the pod(s)
    #[arg(long)]
    all_containers: bool,
    /// Get logs from all pod(s). Sets prefix to true
    #[arg(long)]
    all_pods: bool,
    /// Print the logs of this container
    #[arg(short = 'c', long)]
    container: Option<String>,
    /// Specify if the logs should be streamed
    #[arg(short = 'f', long)]
    follow: bool,
    /// If watching / following pod logs, allow for any errors that occur to be non-fatal
    #[arg(long)]
    ignore_errors: bool,
    /// Skip verifying the identity of the kubelet that logs are requested from
    #[arg(long)]
    insecure_skip_tls_verify_backend: bool,
    /// Maximum bytes of logs to return
    #[arg(long, default_value_t = 0)]
    limit_bytes: i64,
    /// Maximum number of concurrent logs to follow when using by a selector
    #[arg(long, default_value_t = 5)]
    max_log_requests: i64,
    /// The length of time to wait until at least one pod is running
    #[arg(long, default_value = "20s", value_parser = Duration::parse)]
    pod_running_timeout: Duration,
    /// Prefix each log line with the log source (pod name and container name)
    #[arg(long)]
    prefix: bool,
    /// If true, print the logs for the previous instance of the container in a pod if it exists
    #[arg(short = 'p', long)]
    previous: bool,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long, default_value = "", hide_default_value = true)]
    selector: String,
    /// Only return logs newer than a relative duration like 5s, 2m, or 3h
    #[arg(long, default_value = "0s", value_parser = Duration::parse)]
    since: Duration,
    /// Only return logs after a specific date (RFC3339)
    #[arg(long, default_value = "", hide_default_value = true)]
    since_time: String,
    /// Lines of recent log file to display
    #[arg(long)]
    tail: Option<i64>,
    /// Include timestamps on each line in the log output
    #[arg(long)]
    timestamps: bool,
}

const USAGE: &str = "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n\
     POD or TYPE/NAME is a required argument for the logs command";

/// What is asked of one container.
type Request = (Arc<Object>, String);

/// Runs the verb.
///
/// # Errors
/// kubectl's and the server's texts; and that the container, though it runs, says nothing.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.args.len() {
        0 if args.selector.is_empty() => return Err(usage(session, "logs", USAGE)),
        1 if !args.selector.is_empty() => {
            return Err(usage(session, "logs", "only a selector (-l) or a POD name is allowed"));
        }
        0..=2 => {}
        _ => return Err(usage(session, "logs", USAGE)),
    }
    check_timeout(args.pod_running_timeout).map_err(Failure::error)?;
    if !args.since_time.is_empty() && Time::parse_rfc3339(&args.since_time).is_none() {
        return Err(Failure::error(format!(
            "parsing time {0:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {0:?} as \"2006\"",
            args.since_time
        )));
    }
    let objects = find(&args, session)?;
    let container = match args.args.get(1) {
        Some(inline) => inline.clone(),
        None => args.container.clone().unwrap_or_default(),
    };
    check(&args, &container)?;
    let mut requests = Vec::new();
    for object in &objects {
        requests_for(&args, object, &container, session, &mut requests)?;
    }
    let most = usize::try_from(args.max_log_requests).unwrap_or(0);
    if args.follow && requests.len() > 1 && requests.len() > most {
        return Err(Failure::error(format!(
            "you are attempting to follow {} log streams, but maximum allowed concurrency is {}, use --max-log-requests to increase the limit",
            requests.len(),
            args.max_log_requests
        )));
    }
    let mut followed = Vec::new();
    for (object, container) in &requests {
        let Some(pod) = object.get::<Pod>() else { continue };
        match read_with_retry(&args, pod, container, session) {
            Err(refusal) if args.ignore_errors => session.ui.out(&format!("error: {}\n", refusal.message)),
            outcome => followed.extend(outcome?),
        }
    }
    Ok(follow(session, followed)?)
}

/// A log that is followed.
struct Followed {
    pod: ObjectKey,
    options: LogOptions,
    prefix: String,
    /// How much of it was there the last time.
    seen: usize,
    /// Whether nothing more will come.
    over: bool,
}

/// Prints the log of one container; where it is followed, a container that has not started yet is asked again each second.
/// Mirrors `consumeWithRetry`.
fn read_with_retry(
    args: &Args,
    pod: &Pod,
    container: &str,
    session: &mut Session<'_>,
) -> Result<Option<Followed>, ApiError> {
    let prefix = match args.prefix || args.all_pods {
        true => format!("[pod/{}/{container}] ", pod.metadata.name.as_deref().unwrap_or_default()),
        false => String::new(),
    };
    let deadline = session.client.now() + args.pod_running_timeout;
    loop {
        let refusal = match read(session, pod, options(args, container), &prefix) {
            Err(refusal) => refusal,
            Ok(followed) => return Ok(followed),
        };
        // The client of a cluster before v1.36 asks once.
        let again = args.follow && !args.ignore_errors && session.client.minor() >= 36;
        if !again {
            return Err(refusal);
        }
        session.ui.err(&format!("{}\n", refusal.message));
        let next = session.client.now() + Duration::secs(1);
        session.client.sleep_until(next.min(deadline))?;
        if next >= deadline {
            return Err(ApiError::internal("context deadline exceeded"));
        }
    }
}

/// Prints the log of one container, each line behind a prefix; where it is to be followed, from where on.
fn read(session: &mut Session<'_>, pod: &Pod, options: LogOptions, prefix: &str) -> Result<Option<Followed>, ApiError> {
    let (key, ui) = (pods::key(pod), session.ui);
    let follow = options.follow;
    if let Reply::Bytes(text) = session.client.connect(&key, Connect::Log(options.clone()))? {
        ui.out_bytes(&prefixed(&text, prefix));
    }
    if !follow {
        return Ok(None);
    }
    // From here on only what is new: the whole log again, past what was there.
    let options = LogOptions { tail_lines: None, since_seconds: None, since_time: None, limit_bytes: 0, ..options };
    let seen = match session.client.connect(&key, Connect::Log(options.clone()))? {
        Reply::Bytes(all) => all.len(),
        _ => 0,
    };
    Ok(Some(Followed { pod: key, options, prefix: prefix.to_string(), seen, over: false }))
}

/// Prints what comes to logs, until their containers have ended. Mirrors `parallelConsumeRequest`.
fn follow(session: &mut Session<'_>, mut logs: Vec<Followed>) -> Result<(), ApiError> {
    if logs.is_empty() {
        return Ok(());
    }
    let ui = session.ui;
    session.client.wait(None, |client| {
        for log in logs.iter_mut().filter(|log| !log.over) {
            let object = client.find(&log.pod)?;
            let reply = object.as_ref().map(|_| client.connect(&log.pod, Connect::Log(log.options.clone())));
            let (Some(object), Some(Ok(Reply::Bytes(all)))) = (object, reply) else {
                log.over = true;
                continue;
            };
            if let Some(new) = all.get(log.seen..).filter(|new| !new.is_empty()) {
                ui.out_bytes(&prefixed(new, &log.prefix));
            }
            log.seen = all.len();
            log.over = object.get::<Pod>().is_none_or(|pod| !runs(pod, &log.options.container));
        }
        Ok((logs.iter().all(|log| log.over) || ui.is_closed()).then_some(()))
    })?;
    Ok(())
}

/// Each line behind a prefix.
fn prefixed(text: &[u8], prefix: &str) -> Vec<u8> {
    if prefix.is_empty() {
        return text.to_vec();
    }
    text.split_inclusive(|b| *b == b'\n').flat_map(|line| [prefix.as_bytes(), line].concat()).collect()
}

/// Whether a container of a pod runs.
fn runs(pod: &Pod, container: &str) -> bool {
    container_statuses(pod).any(|status| status.name == container && is_running(status))
}

/// What the arguments name: one object, or the pods that are selected.
fn find(args: &Args, session: &Session<'_>) -> Result<Vec<Arc<Object>>, Failure> {
    let word = args.args.first().map(String::as_str).unwrap_or_default();
    if args.selector.is_empty() {
        return match pods::object(session, word) {
            Ok(object) => Ok(vec![object]),
            // OBSERVATION: kubectl wraps the server's answer, and so says "error" twice.
            Err(fault) if fault.is_not_found() => Err(Failure::error(format!(
                "error from server (NotFound): {fault} in namespace {:?}",
                session.namespace
            ))),
            Err(fault) => Err(fault.into()),
        };
    }
    let words: Vec<String> = args.args.first().cloned().into_iter().collect();
    let builder = Builder {
        args: &words,
        default_type: if words.is_empty() { "" } else { "pods" },
        of_type: "pods",
        selector: &args.selector,
        single_type: true,
        ..Builder::default()
    };
    let infos = builder.plan(session)?.all(session)?;
    if infos.is_empty() {
        session.ui.err(&format!("No resources found in {} namespace.\n", session.namespace));
    }
    Ok(infos.into_iter().filter_map(|info| info.object).collect())
}

/// Mirrors `LogsOptions.Validate`.
fn check(args: &Args, container: &str) -> Result<(), Failure> {
    Err(Failure::error(if !args.since_time.is_empty() && args.since != Duration::ZERO {
        "at most one of `sinceTime` or `sinceSeconds` may be specified".to_string()
    } else if args.all_containers && !container.is_empty() {
        format!("--all-containers=true should not be specified with container name {container}")
    } else if args.container.is_some() && args.args.len() == 2 {
        "only one of -c or an inline [CONTAINER] arg is allowed".into()
    } else if args.limit_bytes < 0 {
        "--limit-bytes must be greater than 0".into()
    } else if since_seconds(args) < 0 {
        "--since must be greater than 0".into()
    } else if args.tail.is_some_and(|n| n < -1) {
        "--tail must be greater than or equal to -1".into()
    } else {
        return Ok(());
    }))
}

/// `--since` in whole seconds, rounded.
fn since_seconds(args: &Args) -> i64 {
    let millis = args.since.0;
    (millis + 500 * millis.signum()) / 1000
}

/// Mirrors `LogsOptions.ToLogOptions`.
fn options(args: &Args, container: &str) -> LogOptions {
    let tail = args.tail.unwrap_or(if args.selector.is_empty() { -1 } else { 10 });
    LogOptions {
        container: container.into(),
        follow: args.follow,
        previous: args.previous,
        limit_bytes: args.limit_bytes,
        since_seconds: (args.since != Duration::ZERO).then(|| since_seconds(args)),
        since_time: Time::parse_rfc3339(&args.since_time),
        tail_lines: (tail != -1).then_some(tail),
        timestamps: args.timestamps,
    }
}

/// The containers whose logs are asked for, pod by pod. Mirrors `logsForObjectWithClient`.
fn requests_for(
    args: &Args,
    object: &Arc<Object>,
    named: &str,
    session: &mut Session<'_>,
    requests: &mut Vec<Request>,
) -> Result<(), Failure> {
    if object.kind() != Kind::Pod {
        let (first, all) = pods::logging(session, object, args.pod_running_timeout)?;
        if all.len() > 1 && args.all_pods {
            return all.iter().try_for_each(|pod| requests_for(args, pod, named, session, requests));
        }
        if all.len() > 1 {
            session.ui.err(&format!("Found {} pods, using pod/{}\n", all.len(), first.name()));
        }
        return requests_for(args, &first, named, session, requests);
    }
    let Some(pod) = object.get::<Pod>() else { return Ok(()) };
    if args.all_containers {
        requests.extend(pods::all_containers(pod).into_iter().map(|name| (Arc::clone(object), name)));
        return Ok(());
    }
    let mut container = named.to_string();
    if container.is_empty() && !pods::annotated(pod).is_empty() {
        let annotated = pods::annotated(pod);
        match has_container(pod, annotated) {
            true => container = annotated.to_string(),
            false => {
                let name = object.name();
                session.ui.err(&format!("Default container name {annotated:?} not found in pod {name}\n"));
            }
        }
    }
    if container.is_empty() {
        container = pods::first_container(pod, |text| {
            if !args.all_pods {
                session.ui.err(text);
            }
        });
    }
    if !has_container(pod, &container) {
        return Err(Failure::error(pods::not_valid(pod, &container)));
    }
    requests.push((Arc::clone(object), container));
    Ok(())
}

/// Reads the log of a pod that can't be attached to.
///
/// # Errors
/// The server's texts; and that the container, though it runs, says nothing.
pub fn of_pod(session: &mut Session<'_>, pod: &Pod, container: &str, terminal: &TerminalArgs) -> Result<(), Failure> {
    let container = pods::container(pod, container, |text| terminal.say(session, text)).map_err(Failure::error)?;
    read(session, pod, LogOptions { container, ..LogOptions::default() }, "")?;
    Ok(())
}
