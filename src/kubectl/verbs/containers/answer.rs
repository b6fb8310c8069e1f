//! What the server and the kubelet answer to `exec`, `attach` and `logs`.
//!
//! Mirrors `pkg/registry/core/pod/strategy.go` (LogLocation, streamLocation) and `pkg/kubelet/kubelet_pods.go`
//! (validateContainerLogStatus, GetExec, GetAttach).

use crate::api::Kind;
use crate::api::k8s::api::core::v1::{ContainerStatus, Node, Pod};
use crate::error::{ApiError, Failure, Reason};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::{no_process, pods};

/// The streams of an `exec` or `attach` request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Streams {
    /// Whether standard input goes to the container.
    pub stdin: bool,
    /// Whether it is a terminal's, and errors come with the output.
    pub tty: bool,
}

/// Why a request could not be answered with what a container says.
pub struct Refusal {
    /// What the server says.
    pub fault: Fault,
    /// Whether a real container would have answered.
    pub ours: bool,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        match refusal.ours {
            true => no_process(refusal.fault),
            false => refusal.fault.into(),
        }
    }
}

impl<F: Into<Fault>> From<F> for Refusal {
    fn from(fault: F) -> Refusal {
        Refusal { fault: fault.into(), ours: false }
    }
}

fn bad_request(text: String) -> Refusal {
    ApiError::new(Reason::BadRequest, text).into()
}

/// Asks for a stream to a container: a command's, or that of the process that runs. It is refused in any case.
pub fn stream(
    session: &Session<'_>,
    pod: &Pod,
    container: &str,
    streams: Streams,
    command: Option<&[String]>,
) -> Refusal {
    let verb = if command.is_some() { "exec" } else { "attach" };
    let refused = at_server(session, pod, container, "create", verb).and_then(|node| {
        let (namespace, name) = names(pod);
        if node.is_empty() {
            return Err(bad_request(format!("pod {name} does not have a host assigned")));
        }
        if !is_reachable(session, node)? {
            let query = query(streams, command.unwrap_or_default());
            let post = format!("Post \"https://{node}:10250/{verb}/{namespace}/{name}/{container}?{query}\"");
            return Err(internal(format!("error sending request: {post}: {}", no_such_host(node))));
        }
        Ok(match verb {
            "exec" => internal(format!("unable to upgrade connection: container not found ({container:?})")),
            _ => internal(format!(
                "unable to upgrade connection: container {container} not found in pod {name}_{namespace}"
            )),
        })
    });
    match refused {
        Ok(refusal) => Refusal { ours: status(pod, container).is_some_and(is_running), ..refusal },
        Err(refusal) => refusal,
    }
}

fn internal(text: String) -> Refusal {
    Fault::plain(format!("Internal error occurred: {text}")).into()
}

/// The parameters of a request to a kubelet, in the order of their names.
fn query(streams: Streams, command: &[String]) -> String {
    let mut parameters: Vec<String> = command.iter().map(|word| format!("command={}", query_escape(word))).collect();
    parameters.extend((!streams.tty).then(|| "error=1".to_string()));
    parameters.extend(streams.stdin.then(|| "input=1".to_string()));
    parameters.push("output=1".into());
    parameters.extend(streams.tty.then(|| "tty=1".to_string()));
    parameters.join("&")
}

/// Mirrors Go's `url.QueryEscape`.
fn query_escape(text: &str) -> String {
    let escaped = text.bytes().map(|b| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
        b' ' => "+".into(),
        _ => format!("%{b:02X}"),
    });
    escaped.collect()
}

/// Asks for the log of a container; `query` are the parameters, in the order of their names.
///
/// # Errors
/// Unless the pod has no node yet, which leaves the log empty.
pub fn log(session: &Session<'_>, pod: &Pod, container: &str, previous: bool, query: &str) -> Result<(), Refusal> {
    let node = at_server(session, pod, container, "get", "log")?;
    let (namespace, name) = names(pod);
    if node.is_empty() {
        return Ok(());
    }
    if !is_reachable(session, node)? {
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let get = format!("Get \"https://{node}:10250/containerLogs/{namespace}/{name}/{container}{query}\"");
        return Err(ApiError::new(Reason::Unknown, format!("{get}: {}", no_such_host(node))).into());
    }
    let refused = |text: String| bad_request(format!("container {container:?} in pod {name:?} {text}"));
    let Some(status) = status(pod, container) else { return Err(refused("is not available".into())) };
    let ended = status.last_state.as_ref().and_then(|s| s.terminated.as_ref());
    let ended_as = ended.and_then(|t| t.container_id.as_deref()).unwrap_or_default();
    let state = status.state.clone().unwrap_or_default();
    let ours = || Refusal { ours: true, ..refused("is not available".into()) };
    if previous {
        return Err(match ended_as {
            "" => bad_request(format!("previous terminated container {container:?} in pod {name:?} not found")),
            _ => ours(),
        });
    }
    let id = state.terminated.as_ref().map(|t| t.container_id.as_deref().unwrap_or_default());
    Err(match (id, state.waiting) {
        _ if state.running.is_some() => ours(),
        (Some(""), _) if ended_as.is_empty() => refused("is terminated".into()),
        (Some(_), _) => ours(),
        _ if ended.is_some() && ended_as.is_empty() => refused("is terminated".into()),
        _ if ended.is_some() => ours(),
        (_, Some(waiting)) => refused(match waiting.reason.as_deref().unwrap_or_default() {
            "ErrImagePull" => "is waiting to start: image can't be pulled".into(),
            "ImagePullBackOff" => "is waiting to start: trying and failing to pull image".into(),
            reason => format!("is waiting to start: {reason}"),
        }),
        _ => refused("is waiting to start - no logs yet".into()),
    })
}

/// Whether the node's kubelet answers.
///
/// # Errors
/// When there is no such node.
pub fn is_reachable(session: &Session<'_>, node: &str) -> Result<bool, ApiError> {
    let view = session.cluster.view();
    view.get_as::<Node>("", node).ok_or_else(|| ApiError::not_found("nodes", node))?;
    Ok(view.kubelet_stopped_since(node).is_none())
}

/// What the server's dialer says of a node that is off.
pub fn no_such_host(node: &str) -> String {
    format!("dial tcp: lookup {node}: no such host")
}

/// The node that the server turns to; empty for none.
fn at_server<'a>(
    session: &Session<'_>,
    pod: &'a Pod,
    container: &str,
    verb: &str,
    subresource: &str,
) -> Result<&'a str, Refusal> {
    let (_, name) = names(pod);
    session.authorize_part(verb, Kind::Pod, subresource, name)?;
    if !pods::has_container(pod, container) {
        return Err(bad_request(format!("container {container} is not valid for pod {name}")));
    }
    Ok(pods::node_of(pod))
}

/// A pod's namespace and name.
pub fn names(pod: &Pod) -> (&str, &str) {
    let meta = &pod.metadata;
    (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}

fn status<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let all = [&status.container_statuses, &status.init_container_statuses, &status.ephemeral_container_statuses];
    all.into_iter().flatten().flatten().find(|s| s.name == container)
}

fn is_running(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|s| s.running.is_some())
}
