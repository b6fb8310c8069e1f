//! `run`: start an image in a pod.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/run/run.go` and `.../pkg/generate/versioned/run.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::k8s::api::core::v1::Pod;
use crate::api::request::{ListOptions, Propagation};
use crate::api::{Duration, Kind, Object, names};
use crate::error::{ApiError, Failure};
use crate::kinds::core::pod::is_image_reference;
use crate::kinds::core::pod::status::{is_ready, is_terminal, phase};
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::client::Waited;
use crate::kubectl::flags;
use crate::kubectl::overrides::OverrideArgs;
use crate::kubectl::print::errors::{Fault, usage};
use crate::kubectl::print::made::{self, MakeArgs, ObjectPrinter, RecordArgs};
use crate::kubectl::request::{DryRun, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::{self, exec::TerminalArgs};
use crate::kubectl::verbs::delete::result::{Deleting, parse_cascading_flag};
use crate::kubectl::verbs::expose::{atoi, parse_labels};

/// Create and run a particular image in a pod.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The pod's name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The container's command or its arguments
    #[arg(last = true, value_name = "COMMAND")]
    words: Vec<String>,
    #[command(flatten)]
    make: MakeArgs,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    overrides: OverrideArgs,
    #[command(flatten)]
    record: RecordArgs,
    /// Annotations to apply to the pod
    #[arg(long)]
    annotations: Vec<String>,
    /// If true, wait for the Pod to start running, and then attach to the Pod
    #[arg(long)]
    attach: Option<bool>,
    /// Must be "background", "orphan", or "foreground"
    #[arg(long, default_value = "background")]
    cascade: String,
    /// If true and extra arguments are present, use them as the 'command' field in the container
    #[arg(long)]
    command: bool,
    /// Environment variables to set in the container
    #[arg(long)]
    env: Vec<String>,
    /// Override the key sequence for detaching a container
    #[arg(long, default_value = "ctrl-p,ctrl-q")]
    detach_keys: String,
    /// If true, create a ClusterIP service associated with the pod
    #[arg(long)]
    expose: bool,
    /// If true, immediately remove resources from API and bypass graceful deletion
    #[arg(long)]
    force: bool,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-run")]
    field_manager: String,
    /// Period of time in seconds given to the resource to terminate gracefully
    #[arg(long, default_value = "-1")]
    grace_period: i64,
    /// The image for the container to run
    #[arg(long, required = true)]
    image: String,
    /// The image pull policy for the container
    #[arg(long, default_value = "")]
    image_pull_policy: String,
    /// Comma separated labels to apply to the pod
    #[arg(short = 'l', long, default_value = "")]
    labels: String,
    /// If the pod is started in interactive mode, leave stdin open after the first attach completes
    #[arg(long)]
    leave_stdin_open: bool,
    /// How long to wait until at least one pod is running
    #[arg(long, default_value = "1m0s", value_parser = Duration::parse)]
    pod_running_timeout: Duration,
    /// The port that this container exposes
    #[arg(long, default_value = "")]
    port: String,
    /// If true, run the container in privileged mode
    #[arg(long)]
    privileged: bool,
    /// If true, suppress prompt messages
    #[arg(short = 'q', long)]
    quiet: bool,
    /// The restart policy for this Pod
    #[arg(long, default_value = "Always")]
    restart: String,
    /// If true, delete the pod after it exits
    #[arg(long)]
    rm: bool,
    /// Keep stdin open on the container in the pod
    #[arg(short = 'i', long)]
    stdin: bool,
    /// The length of time to wait before giving up on a delete
    #[arg(long, default_value = "0s", value_parser = flags::duration)]
    timeout: Duration,
    /// Allocate a TTY for the container in the pod
    #[arg(short = 't', long)]
    tty: bool,
    /// If true, wait for resources to be gone before returning
    #[arg(long)]
    wait: bool,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let dry_run = DryRun::parse(&args.make.dry_run)?;
    let mut printer = ObjectPrinter::new(&args.make.output, dry_run, session)?;
    let propagation = parse_cascading_flag(&args.cascade, session)?;
    let Some((name, more)) = args.names.split_first() else {
        return Err(usage(session, "run", "NAME is required for run"));
    };
    if args.pod_running_timeout <= Duration::ZERO {
        return Err(usage(session, "run", "--pod-running-timeout must be higher than zero"));
    }
    let attach = args.attach.unwrap_or(args.stdin);
    check(&args, attach, dry_run, session)?;
    let words: Vec<&String> = more.iter().chain(&args.words).collect();
    let mut pod = pod(&args, name, &words)?;
    made::as_client(Kind::Pod, &mut pod, session);
    let mut pod = args.overrides.apply(Kind::Pod, &pod)?;
    args.record.record(session, &mut pod);
    let pod = make(&args, Kind::Pod, pod, dry_run, session)?;
    let exposed = if args.expose { expose(&args, name, &mut printer, session) } else { Ok(()) };
    if attach {
        return attach_to(&args, name, propagation, session);
    }
    printer.print_struct(Kind::Pod, &pod, "created", session)?;
    exposed
}

/// Makes the service of `--expose`, and prints it before the pod. Mirrors `generateService`.
fn expose(args: &Args, name: &str, printer: &mut ObjectPrinter, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut service = service(args, name)?;
    made::as_client(Kind::Service, &mut service, session);
    args.record.record(session, &mut service);
    let service = make(args, Kind::Service, service, printer.dry_run(), session)?;
    printer.print_struct(Kind::Service, &service, "created", session)?;
    if printer.is_yaml() {
        // The printer prints another before the pod, which is its second object.
        session.ui.out("---\n");
    }
    Ok(())
}

fn make(
    args: &Args,
    kind: Kind,
    mut tree: Value,
    dry_run: DryRun,
    session: &mut Session<'_>,
) -> Result<Value, Failure> {
    if args.make.save_config && dry_run != DryRun::Client {
        made::save_config(kind, &mut tree);
    }
    crate::manifest::strict::normalise(kind, &mut tree);
    Ok(made::create(session, kind, &tree, &Writing::by(&args.field_manager).dry_run(dry_run))?)
}

fn check(args: &Args, attach: bool, dry_run: DryRun, session: &Session<'_>) -> Result<(), Failure> {
    if args.image.is_empty() {
        return Err(Failure::error("--image is required"));
    }
    if !is_image_reference(&args.image) {
        return Err(Failure::error(format!("Invalid image name {:?}: invalid reference format", args.image)));
    }
    let refusal = if args.tty && !args.stdin {
        "-i/--stdin is required for containers with -t/--tty=true".to_string()
    } else if args.expose && args.port.is_empty() {
        "--port must be set when exposing a service".into()
    } else if !matches!(args.restart.as_str(), "" | "Always" | "OnFailure" | "Never") {
        format!("invalid restart policy: {}", args.restart)
    } else if !attach && args.rm {
        "--rm should only be used for attached containers".into()
    } else if attach && dry_run != DryRun::None {
        "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)".into()
    } else if !matches!(args.image_pull_policy.as_str(), "" | "Always" | "IfNotPresent" | "Never") {
        format!("invalid image pull policy: {}", args.image_pull_policy)
    } else {
        return Ok(());
    };
    Err(usage(session, "run", &refusal))
}

fn pod(args: &Args, name: &str, words: &[&String]) -> Result<Value, Failure> {
    let mut container = json!({"name": name, "image": args.image});
    let mut env = Vec::new();
    for pair in &args.env {
        match pair.split_once('=').filter(|(name, _)| names::env_var_name(name).is_empty()) {
            Some((name, value)) => env.push(json!({"name": name, "value": value})),
            None => return Err(Failure::error(format!("invalid env: {pair}"))),
        }
    }
    let mut annotations = json!({});
    let invalid: Vec<&str> =
        args.annotations.iter().map(String::as_str).filter(|a| !a.contains('=') || a.starts_with('=')).collect();
    if !invalid.is_empty() {
        return Err(Failure::error(format!("invalid annotations format: {}", invalid.join(", "))));
    }
    for (key, value) in args.annotations.iter().filter_map(|a| a.split_once('=')) {
        annotations[key] = json!(value);
    }
    let labels = match args.labels.as_str() {
        "" => json!({"run": name}),
        labels => parse_labels(labels).map_err(Failure::error)?,
    };
    if args.stdin {
        container["stdin"] = json!(true);
        container["stdinOnce"] = json!(!args.leave_stdin_open);
    }
    if args.tty {
        container["tty"] = json!(true);
    }
    if args.privileged {
        container["securityContext"] = json!({"privileged": true});
    }
    if !words.is_empty() {
        container[if args.command { "command" } else { "args" }] = json!(words);
    }
    if !env.is_empty() {
        container["env"] = json!(env);
    }
    if !args.image_pull_policy.is_empty() {
        container["imagePullPolicy"] = json!(args.image_pull_policy);
    }
    if !args.port.is_empty() {
        container["ports"] = json!([{"containerPort": atoi(&args.port).map_err(Failure::error)?}]);
    }
    let restart = if args.restart.is_empty() { "Always" } else { &args.restart };
    Ok(json!({
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart},
    }))
}

/// The service of `--expose`.
fn service(args: &Args, name: &str) -> Result<Value, Failure> {
    let port = atoi(&args.port).map_err(Failure::error)?;
    let mut tree = json!({
        "metadata": {"name": name},
        "spec": {
            "ports": [{"port": port, "protocol": "TCP", "targetPort": port}],
            "selector": {"run": name},
        },
    });
    if !args.labels.is_empty() {
        let labels = parse_labels(&args.labels).map_err(Failure::error)?;
        tree["metadata"]["labels"] = labels.clone();
        tree["spec"]["selector"] = labels;
    }
    Ok(tree)
}

/// Waits for the pod and attaches to it; `--rm` takes away again what was made.
fn attach_to(args: &Args, name: &str, propagation: Propagation, session: &mut Session<'_>) -> Result<(), Failure> {
    let outcome = attach(args, name, session);
    if args.rm {
        let kinds = [Some("pods"), args.expose.then_some("services")];
        for default_type in kinds.into_iter().flatten() {
            let names = [name.to_string()];
            let plan = Builder { args: &names, default_type, continue_on_error: true, ..Builder::default() };
            let deleting = Deleting {
                propagation,
                grace_period: -1,
                wait: false,
                timeout: args.timeout,
                dry_run: DryRun::None,
                names: false,
                quiet: args.quiet,
                warn_cluster_scope: false,
                shown: None,
            };
            // OBSERVATION: what goes wrong on the way out is not said.
            _ = deleting.delete(&plan.plan(session)?.ignoring(Some(Fault::is_not_found)), session);
        }
    }
    outcome
}

/// Waits until a condition holds of the pod; none if the time is over. Mirrors `waitForPod`.
fn wait_for_pod(
    args: &Args,
    name: &str,
    session: &mut Session<'_>,
    holds: impl Fn(&Pod) -> bool,
) -> Result<Arc<Object>, Failure> {
    let key = session.key(Kind::Pod, name);
    let options = ListOptions { field_selector: format!("metadata.name={name}"), ..ListOptions::default() };
    let mut watch = session.client.watch(Kind::Pod, &key.namespace, options)?;
    let deadline = session.client.deadline(args.pod_running_timeout);
    let waited = session.client.wait(deadline, |client| {
        client.events(&mut watch)?;
        let Some(object) = watch.known().next() else { return Err(ApiError::not_found("pods", "")) };
        Ok(object.get::<Pod>().is_some_and(&holds).then(|| Arc::clone(object)))
    })?;
    match waited {
        Waited::Done(object) => Ok(object),
        Waited::Over | Waited::Never => Err(Failure::error("timed out waiting for the condition")),
    }
}

/// Mirrors `handleAttachPod`, and how the exit code of the container becomes kubectl's own.
fn attach(args: &Args, name: &str, session: &mut Session<'_>) -> Result<(), Failure> {
    let object = wait_for_pod(args, name, session, |pod| is_terminal(pod) || phase(pod) == "Running" && is_ready(pod))?;
    let Some(pod) = object.get::<Pod>() else { return Ok(()) };
    let terminal = TerminalArgs {
        pod_running_timeout: args.pod_running_timeout,
        quiet: args.quiet,
        stdin: args.stdin,
        tty: args.tty,
    };
    if is_terminal(pod) {
        containers::logs::of_pod(session, pod, "", &terminal)?;
    } else if let Err(refused) = containers::attach::attach(session, pod, "", &terminal) {
        let why = refused.message.strip_prefix("error: ").unwrap_or(&refused.message);
        session.ui.err(&format!("warning: couldn't attach to pod/{name}, falling back to streaming logs: {why}\n"));
        containers::logs::of_pod(session, pod, "", &terminal)?;
    }
    let ends: fn(&Pod) -> bool = match args.restart.as_str() {
        _ if args.leave_stdin_open => return Ok(()),
        "Never" => is_terminal,
        "OnFailure" => |pod| phase(pod) == "Succeeded",
        "" if args.stdin => |pod| phase(pod) == "Succeeded",
        _ => return Ok(()),
    };
    let object = wait_for_pod(args, name, session, ends)?;
    match object.get::<Pod>() {
        Some(pod) if phase(pod) == "Failed" => Err(exit_code(pod, object.namespace(), name)),
        _ => Ok(()),
    }
}

/// The failure of a pod that ended, with the exit code of its container.
fn exit_code(pod: &Pod, namespace: &str, name: &str) -> Failure {
    let statuses = pod.status.as_ref().and_then(|s| s.container_statuses.as_ref());
    let state = statuses.and_then(|s| s.first()).and_then(|s| s.state.as_ref());
    match state.and_then(|s| s.terminated.as_ref()).filter(|t| t.exit_code != 0) {
        Some(ended) => {
            let (reason, text) = (ended.reason.as_deref(), ended.message.as_deref());
            let (reason, text) = (reason.unwrap_or_default(), text.unwrap_or_default());
            let failure = Failure::raw(format!("pod {namespace}/{name} terminated ({reason})\n{text}"));
            Failure { code: u8::try_from(ended.exit_code).unwrap_or(1), ..failure }
        }
        None => Failure::error(format!("pod {namespace}/{name} failed with unknown exit code")),
    }
}
