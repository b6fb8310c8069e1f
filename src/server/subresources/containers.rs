//! `pods/log`, `pods/exec`, `pods/attach` and `pods/portforward`: the server turns to the kubelet of the pod's node.
//!
//! Mirrors `pkg/registry/core/pod/strategy.go` (LogLocation, streamLocation) and `pkg/kubelet/kubelet_pods.go`
//! (validateContainerLogStatus, GetExec, GetAttach, GetPortForward).

use crate::api::k8s::api::core::v1::{ContainerStatus, Node, Pod};
use crate::api::request::{Connect, LogOptions, StreamOptions};
use crate::api::scalar::query_escape;
use crate::error::{ApiError, FieldError, Reason};
use crate::kinds::core::pod::container_names::has_container;
use crate::server::{Ask, Reply, Server, method_not_allowed};

fn bad_request(text: String) -> ApiError {
    ApiError::new(Reason::BadRequest, text)
}

/// The cause by which a client knows that a real container would have answered.
pub const NO_PROCESS: &str = "NoProcess";

/// What a kubelet says of a container that its runtime doesn't know, where a real one would have answered.
fn no_process(refusal: ApiError) -> ApiError {
    refusal.cause(NO_PROCESS, "", "kstate's containers run no processes")
}

fn internal(text: String) -> ApiError {
    ApiError::internal(format!("Internal error occurred: {text}"))
}

impl Server {
    /// Connects to a part of a pod.
    ///
    /// # Errors
    /// What the server says of a pod that can't be reached, or the kubelet of a container that does not answer: for
    /// now none does, since containers run no processes.
    pub(in crate::server) fn connect(&mut self, ask: &Ask<'_>, connect: &Connect) -> Result<Reply, ApiError> {
        let resource = ask.resource;
        let part = match connect {
            Connect::Log(_) => "log",
            Connect::Exec(..) => "exec",
            Connect::Attach(_) => "attach",
            Connect::PortForward(_) => "portforward",
        };
        if part != resource.subresource {
            return Err(method_not_allowed());
        }
        let view = self.cluster.view();
        let pod = view.get_as::<Pod>(&resource.namespace, &resource.name);
        let pod = pod.ok_or_else(|| ApiError::not_found("pods", &resource.name))?;
        match connect {
            Connect::Log(options) => self.log(pod, options).map(Reply::Text),
            Connect::Exec(options, command) => Err(self.stream(pod, options, Some(command))),
            Connect::Attach(options) => Err(self.stream(pod, options, None)),
            Connect::PortForward(_) => Err(self.forward(pod)),
        }
    }

    fn stream(&self, pod: &Pod, options: &StreamOptions, command: Option<&[String]>) -> ApiError {
        let verb = if command.is_some() { "exec" } else { "attach" };
        let container = &options.container;
        let (namespace, name) = names(pod);
        if !has_container(pod, container) {
            return bad_request(format!("container {container} is not valid for pod {name}"));
        }
        let node = node_of(pod);
        if node.is_empty() {
            return bad_request(format!("pod {name} does not have a host assigned"));
        }
        match self.is_reachable(node) {
            Err(missing) => missing,
            Ok(false) => {
                let query = query(options, command.unwrap_or_default());
                let post = format!("Post \"https://{node}:10250/{verb}/{namespace}/{name}/{container}?{query}\"");
                internal(format!("error sending request: {post}: {}", no_such_host(node)))
            }
            Ok(true) => {
                let refusal = internal(match verb {
                    "exec" => format!("unable to upgrade connection: container not found ({container:?})"),
                    _ => format!(
                        "unable to upgrade connection: container {container} not found in pod {name}_{namespace}"
                    ),
                });
                let runs =
                    status(pod, container).is_some_and(|s| s.state.as_ref().is_some_and(|s| s.running.is_some()));
                if runs { no_process(refusal) } else { refusal }
            }
        }
    }

    fn forward(&self, pod: &Pod) -> ApiError {
        let (namespace, name) = names(pod);
        let node = node_of(pod);
        match self.is_reachable(node) {
            Err(missing) => missing,
            Ok(false) => ApiError::new(Reason::Unknown, format!("error dialing backend: {}", no_such_host(node))),
            Ok(true) => {
                let text = format!("unable to upgrade connection: pod not found (\"{name}_{namespace}\")");
                no_process(ApiError::new(Reason::Unknown, text))
            }
        }
    }

    /// The log of a container; empty for a pod that has no node yet.
    fn log(&self, pod: &Pod, options: &LogOptions) -> Result<String, ApiError> {
        let container = &options.container;
        let (namespace, name) = names(pod);
        if let Some(seconds) = options.since_seconds.filter(|seconds| *seconds < 1) {
            let cause = FieldError::invalid("sinceSeconds", seconds, "must be greater than 0");
            return Err(ApiError::invalid("PodLogOptions", name, vec![cause]));
        }
        if !has_container(pod, container) {
            return Err(bad_request(format!("container {container} is not valid for pod {name}")));
        }
        let node = node_of(pod);
        if node.is_empty() {
            return Ok(String::new());
        }
        if !self.is_reachable(node)? {
            let query = log_query(options);
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            let get = format!("Get \"https://{node}:10250/containerLogs/{namespace}/{name}/{container}{query}\"");
            return Err(ApiError::new(Reason::Unknown, format!("{get}: {}", no_such_host(node))));
        }
        let refused = |text: &str| Err(bad_request(format!("container {container:?} in pod {name:?} {text}")));
        let not_available = || refused("is not available").map_err(no_process);
        let Some(status) = status(pod, container) else { return refused("is not available") };
        let ended = status.last_state.as_ref().and_then(|s| s.terminated.as_ref());
        let ended_as = ended.and_then(|t| t.container_id.as_deref()).unwrap_or_default();
        let state = status.state.clone().unwrap_or_default();
        if options.previous {
            return match ended_as {
                "" => {
                    let text = format!("previous terminated container {container:?} in pod {name:?} not found");
                    Err(bad_request(text))
                }
                _ => not_available(),
            };
        }
        let id = state.terminated.as_ref().map(|t| t.container_id.as_deref().unwrap_or_default());
        match (id, state.waiting) {
            _ if state.running.is_some() => not_available(),
            (Some(""), _) if ended_as.is_empty() => refused("is terminated"),
            (Some(_), _) => not_available(),
            _ if ended.is_some() && ended_as.is_empty() => refused("is terminated"),
            _ if ended.is_some() => not_available(),
            (_, Some(waiting)) => match waiting.reason.as_deref().unwrap_or_default() {
                "ErrImagePull" => refused("is waiting to start: image can't be pulled"),
                "ImagePullBackOff" => refused("is waiting to start: trying and failing to pull image"),
                reason => refused(&format!("is waiting to start: {reason}")),
            },
            _ => refused("is waiting to start - no logs yet"),
        }
    }

    /// Whether the node's kubelet answers.
    fn is_reachable(&self, node: &str) -> Result<bool, ApiError> {
        let view = self.cluster.view();
        view.get_as::<Node>("", node).ok_or_else(|| ApiError::not_found("nodes", node))?;
        Ok(view.kubelet_stopped_since(node).is_none())
    }
}

/// What the server's dialer says of a node that is off.
fn no_such_host(node: &str) -> String {
    format!("dial tcp: lookup {node}: no such host")
}

/// The parameters of a request to a kubelet, in the order of their names.
fn query(options: &StreamOptions, command: &[String]) -> String {
    let mut parameters: Vec<String> = command.iter().map(|word| format!("command={}", query_escape(word))).collect();
    parameters.extend((!options.tty).then(|| "error=1".to_string()));
    parameters.extend(options.stdin.then(|| "input=1".to_string()));
    parameters.push("output=1".into());
    parameters.extend(options.tty.then(|| "tty=1".to_string()));
    parameters.join("&")
}

/// The options as the server hands them to a kubelet, in the order of their names.
fn log_query(options: &LogOptions) -> String {
    let mut parameters = Vec::new();
    parameters.extend(options.follow.then(|| "follow=true".to_string()));
    parameters.extend((options.limit_bytes != 0).then(|| format!("limitBytes={}", options.limit_bytes)));
    parameters.extend(options.previous.then(|| "previous=true".to_string()));
    parameters.extend(options.since_seconds.map(|seconds| format!("sinceSeconds={seconds}")));
    parameters.extend(options.since_time.map(|time| format!("sinceTime={}", query_escape(&time.rfc3339()))));
    parameters.extend(options.tail_lines.map(|lines| format!("tailLines={lines}")));
    parameters.extend(options.timestamps.then(|| "timestamps=true".to_string()));
    parameters.join("&")
}

/// A pod's namespace and name.
fn names(pod: &Pod) -> (&str, &str) {
    let meta = &pod.metadata;
    (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}

/// The name of the pod's node; empty for none.
fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default()
}

fn status<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let all = [&status.container_statuses, &status.init_container_statuses, &status.ephemeral_container_statuses];
    all.into_iter().flatten().flatten().find(|s| s.name == container)
}
