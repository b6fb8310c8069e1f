//! `pods/log`, `pods/exec`, `pods/attach` and `pods/portforward`: the server turns to the kubelet of the pod's node.
//!
//! Mirrors `pkg/registry/core/pod/strategy.go` (LogLocation, streamLocation) and `pkg/kubelet/kubelet_pods.go`
//! (validateContainerLogStatus, GetExec, GetAttach, GetPortForward).

use crate::api::Duration;
use crate::api::k8s::api::core::v1::{ContainerStatus, Node, Pod};
use crate::api::names::Draw;
use crate::api::request::{Connect, LogOptions, StreamOptions};
use crate::api::scalar::query_escape;
use crate::error::{ApiError, FieldError, Reason};
use crate::kinds::core::pod::container_names::has_container;
use crate::machine::kernel::{Sandbox, log};
use crate::server::{Ask, Reply, Server, method_not_allowed};

fn bad_request(text: String) -> ApiError {
    ApiError::new(Reason::BadRequest, text)
}

fn internal(text: String) -> ApiError {
    ApiError::internal(format!("Internal error occurred: {text}"))
}

/// How runc's texts begin where a container or a process in one can't be started.
const CREATE: &str = "OCI runtime create failed: runc create failed:";
const EXEC: &str = "OCI runtime exec failed: exec failed:";
const INIT: &str = "error during container init: ";

impl Server {
    /// Connects to a part of a pod.
    ///
    /// # Errors
    /// What the server says of a pod that can't be reached, or the kubelet of a container that does not answer.
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
        let whole = |options: &StreamOptions| -> Result<StreamOptions, ApiError> {
            Ok(StreamOptions { container: named_or_only(pod, &options.container)?, ..options.clone() })
        };
        match connect {
            Connect::Log(options) => self.log(pod, options).map(Reply::Bytes),
            Connect::Exec(options, command) => {
                let options = whole(options)?;
                self.exec(&options, command, &resource.namespace, &resource.name)
            }
            Connect::Attach(options) => {
                let options = whole(options)?;
                self.attach(&options, &resource.namespace, &resource.name)
            }
            Connect::PortForward(_) => self.forward(pod).map(Reply::Forward),
        }
    }

    /// Starts a command in a container.
    fn exec(
        &mut self,
        options: &StreamOptions,
        command: &[String],
        namespace: &str,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let view = self.cluster.view();
        let pod = view.get_as::<Pod>(namespace, name).ok_or_else(|| ApiError::not_found("pods", name))?;
        let uid = self.running(pod, options, Some(command))?;
        let container = options.container.clone();
        let started = self.cluster.exec(&uid, &container, command.to_vec(), (options.stdin, options.tty));
        started.map(Reply::Session).map_err(|fault| {
            let id = Draw::new(0, &uid, self.cluster.revision()).hex(64);
            let text = fault.0.replacen(CREATE, EXEC, 1).replacen(INIT, "", 1);
            internal(format!(
                "error executing command in container: failed to exec in container: failed to start exec {id:?}: {text}"
            ))
        })
    }

    /// Attaches to the first process of a container.
    fn attach(&mut self, options: &StreamOptions, namespace: &str, name: &str) -> Result<Reply, ApiError> {
        let view = self.cluster.view();
        let pod = view.get_as::<Pod>(namespace, name).ok_or_else(|| ApiError::not_found("pods", name))?;
        let uid = self.running(pod, options, None)?;
        let attached = self.cluster.attach(&uid, &options.container);
        let gone = || internal(format!("unable to upgrade connection: container {} not found", options.container));
        attached.map(Reply::Session).ok_or_else(gone)
    }

    /// The uid of a pod whose container runs.
    fn running(&self, pod: &Pod, options: &StreamOptions, command: Option<&[String]>) -> Result<String, ApiError> {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let refusal = self.refusal(pod, options, command);
        let answers = |s: &Sandbox| match command {
            Some(_) => s.is_running(&options.container),
            None => s.can_attach(&options.container),
        };
        let runs = self.cluster.view().sandbox(&uid).is_some_and(answers);
        match refusal {
            Some(refusal) => Err(refusal),
            None if runs => Ok(uid),
            None => Err(self.not_found(pod, options, command)),
        }
    }

    fn not_found(&self, pod: &Pod, options: &StreamOptions, command: Option<&[String]>) -> ApiError {
        let (container, (namespace, name)) = (&options.container, names(pod));
        internal(match command {
            Some(_) => format!("unable to upgrade connection: container not found ({container:?})"),
            None => format!("unable to upgrade connection: container {container} not found in pod {name}_{namespace}"),
        })
    }

    /// Why nothing can be run in a container; none where one that runs is to be found.
    fn refusal(&self, pod: &Pod, options: &StreamOptions, command: Option<&[String]>) -> Option<ApiError> {
        let verb = if command.is_some() { "exec" } else { "attach" };
        let container = &options.container;
        let (namespace, name) = names(pod);
        if let Err(refusal) = named_or_only(pod, container) {
            return Some(refusal);
        }
        let node = node_of(pod);
        if node.is_empty() {
            return Some(bad_request(format!("pod {name} does not have a host assigned")));
        }
        match self.is_reachable(node) {
            Err(missing) => Some(missing),
            Ok(false) => {
                let query = query(options, command.unwrap_or_default());
                let post = format!("Post \"https://{node}:10250/{verb}/{namespace}/{name}/{container}?{query}\"");
                Some(internal(format!("error sending request: {post}: {}", no_such_host(node))))
            }
            Ok(true) => None,
        }
    }

    /// The uid of a pod whose ports can be reached.
    fn forward(&self, pod: &Pod) -> Result<String, ApiError> {
        let (namespace, name) = names(pod);
        let (node, uid) = (node_of(pod), pod.metadata.uid.clone().unwrap_or_default());
        match self.is_reachable(node)? {
            false => Err(ApiError::new(Reason::Unknown, format!("error dialing backend: {}", no_such_host(node)))),
            true if self.cluster.view().sandbox(&uid).is_some() => Ok(uid),
            true => {
                let text = format!("unable to upgrade connection: pod not found (\"{name}_{namespace}\")");
                Err(ApiError::new(Reason::Unknown, text))
            }
        }
    }

    /// The log of a container; empty for a pod that has no node yet.
    fn log(&self, pod: &Pod, options: &LogOptions) -> Result<Vec<u8>, ApiError> {
        let (namespace, name) = names(pod);
        if let Some(lines) = options.tail_lines.filter(|lines| *lines < 0) {
            let cause = FieldError::invalid("tailLines", lines, "must be greater than or equal to 0");
            return Err(ApiError::invalid("PodLogOptions", name, vec![cause]));
        }
        if let Some(seconds) = options.since_seconds.filter(|seconds| *seconds < 1) {
            let cause = FieldError::invalid("sinceSeconds", seconds, "must be greater than 0");
            return Err(ApiError::invalid("PodLogOptions", name, vec![cause]));
        }
        let options = &LogOptions { container: named_or_only(pod, &options.container)?, ..options.clone() };
        let container = &options.container;
        let node = node_of(pod);
        if node.is_empty() {
            return Ok(Vec::new());
        }
        if !self.is_reachable(node)? {
            let query = log_query(options);
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            let get = format!("Get \"https://{node}:10250/containerLogs/{namespace}/{name}/{container}{query}\"");
            return Err(ApiError::new(Reason::Unknown, format!("{get}: {}", no_such_host(node))));
        }
        let refused = |text: &str| Err(bad_request(format!("container {container:?} in pod {name:?} {text}")));
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
                // OBSERVATION: while it waits to be started again, the run that ended is the last one.
                _ if state.running.is_some() => Ok(self.read_log(pod, options, status.restart_count - 1)),
                _ => Ok(self.read_log(pod, options, status.restart_count)),
            };
        }
        let id = state.terminated.as_ref().map(|t| t.container_id.as_deref().unwrap_or_default());
        let there = || Ok(self.read_log(pod, options, status.restart_count));
        match (id, state.waiting) {
            _ if state.running.is_some() => there(),
            (Some(""), _) if ended_as.is_empty() => refused("is terminated"),
            (Some(_), _) => there(),
            _ if ended.is_some() && ended_as.is_empty() => refused("is terminated"),
            _ if ended.is_some() => there(),
            (_, Some(waiting)) => match waiting.reason.as_deref().unwrap_or_default() {
                "ErrImagePull" => refused("is waiting to start: image can't be pulled"),
                "ImagePullBackOff" => refused("is waiting to start: trying and failing to pull image"),
                reason => refused(&format!("is waiting to start: {reason}")),
            },
            _ => refused("is waiting to start - no logs yet"),
        }
    }

    /// What a run of a container printed. Mirrors `ReadLogs` of `pkg/kubelet/kuberuntime/logs`.
    fn read_log(&self, pod: &Pod, options: &LogOptions, restarts: i32) -> Vec<u8> {
        let view = self.cluster.view();
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let Some(disk) = view.disk(&log::disk_of(uid)) else { return Vec::new() };
        let mut entries = log::entries(disk, &options.container, restarts);
        if let Some(lines) = options.tail_lines {
            let keep = usize::try_from(lines).unwrap_or(0);
            let ends = |e: &log::Entry| e.text.last() == Some(&b'\n');
            let mut seen = 0;
            let from = entries.iter().enumerate().rev().find(|(n, e)| {
                seen += usize::from(ends(e) || *n + 1 == entries.len());
                seen > keep
            });
            let from = from.map_or(0, |(n, _)| n + 1);
            entries.drain(..from);
        }
        let since =
            options.since_time.or_else(|| options.since_seconds.map(|s| self.cluster.now() - Duration::secs(s)));
        entries.retain(|e| since.is_none_or(|since| e.time >= since));
        let mut text = Vec::new();
        for entry in entries {
            if options.timestamps {
                text.extend(format!("{} ", entry.stamp()).as_bytes());
            }
            text.extend(entry.text);
        }
        if options.limit_bytes > 0 {
            text.truncate(usize::try_from(options.limit_bytes).unwrap_or(usize::MAX));
        }
        text
    }

    /// Whether the node's kubelet answers.
    fn is_reachable(&self, node: &str) -> Result<bool, ApiError> {
        let view = self.cluster.view();
        view.get_as::<Node>("", node).ok_or_else(|| ApiError::not_found("nodes", node))?;
        Ok(view.kubelet_stopped_since(node).is_none())
    }
}

/// The container that is meant: the one of a name, or the pod's only one. Mirrors `validateContainer`.
fn named_or_only(pod: &Pod, container: &str) -> Result<String, ApiError> {
    let (_, name) = names(pod);
    if !container.is_empty() {
        return match has_container(pod, container) {
            true => Ok(container.to_string()),
            false => Err(bad_request(format!("container {container} is not valid for pod {name}"))),
        };
    }
    let spec = pod.spec.clone().unwrap_or_default();
    if let [only] = &spec.containers[..] {
        return Ok(only.name.clone());
    }
    let first = spec.init_containers.iter().flatten().chain(&spec.containers).map(|c| c.name.as_str());
    let all: Vec<&str> = first.chain(spec.ephemeral_containers.iter().flatten().map(|c| c.name.as_str())).collect();
    let all = all.join(" ");
    Err(bad_request(format!("a container name must be specified for pod {name}, choose one of: [{all}]")))
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
