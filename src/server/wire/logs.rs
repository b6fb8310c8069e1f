//! A log that is followed over the wire: what a container prints, as it prints it.
//!
//! Mirrors `ReadLogs` of `pkg/kubelet/kuberuntime/logs` (follow).

use super::Piece;
use crate::api::k8s::api::core::v1::{ContainerStatus, Pod};
use crate::api::pod::{container_statuses, is_running};
use crate::api::request::{Connect, LogOptions, Request, Target, Verb};
use crate::machine::kernel::log;
use crate::server::{Reply, Server};

/// The pod's revision, whether its kubelet is stopped, and how long the logs of its containers are.
#[derive(PartialEq, Eq)]
struct Stand(u64, bool, u64);

/// A log that somebody follows.
pub struct LogStream {
    request: Request,
    /// What was there at once.
    first: Vec<u8>,
    /// How much of the whole log was seen.
    seen: usize,
    /// How the pod and its logs stood when the log was read last: nothing can have come while they stand so.
    looked: Option<Stand>,
}

impl LogStream {
    /// Follows the log that a request asks for, of which `first` was there.
    pub(super) fn begin(request: Request, first: Vec<u8>, server: &mut Server) -> Option<LogStream> {
        let Verb::Connect(Connect::Log(options)) = &request.verb else { return None };
        // From here on only what is new: the whole log again, past what was there.
        let options = LogOptions {
            tail_lines: None,
            since_seconds: None,
            since_time: None,
            limit_bytes: 0,
            follow: false,
            ..options.clone()
        };
        let request = Request { verb: Verb::Connect(Connect::Log(options)), ..request };
        let seen = match server.handle(&request).outcome {
            Ok(Reply::Bytes(all)) => all.len(),
            _ => 0,
        };
        Some(LogStream { request, first, seen, looked: None })
    }

    /// What was printed since it was looked at last.
    pub(super) fn next(&mut self, server: &mut Server) -> Piece {
        let mut bytes = std::mem::take(&mut self.first);
        let stand = self.stand(server);
        if stand.is_some() && self.looked == stand {
            return Piece { bytes, over: false };
        }
        self.looked = stand;
        let over = match server.handle(&self.request).outcome {
            Ok(Reply::Bytes(all)) => {
                bytes.extend_from_slice(all.get(self.seen..).unwrap_or_default());
                self.seen = all.len();
                !self.runs(server)
            }
            _ => true,
        };
        Piece { bytes, over }
    }

    /// How the pod and its logs stand; none without the pod.
    fn stand(&self, server: &Server) -> Option<Stand> {
        let Target::Resource(resource) = &self.request.target else { return None };
        let view = server.cluster.view();
        let pod = view.get_as::<Pod>(&resource.namespace, &resource.name)?;
        let revision = pod.metadata.resource_version.as_ref()?.parse().ok()?;
        let node = pod.spec.as_ref()?.node_name.as_deref().unwrap_or_default();
        let length = view.disk(&log::disk_of(pod.metadata.uid.as_deref()?)).map_or(0, log::length);
        Some(Stand(revision, view.kubelet_stopped_since(node).is_some(), length))
    }

    /// Whether the container still runs.
    fn runs(&self, server: &Server) -> bool {
        let (Target::Resource(resource), Verb::Connect(Connect::Log(options))) =
            (&self.request.target, &self.request.verb)
        else {
            return false;
        };
        let view = server.cluster.view();
        let Some(pod) = view.get_as::<Pod>(&resource.namespace, &resource.name) else { return false };
        let named = |s: &&ContainerStatus| options.container.is_empty() || s.name == options.container;
        container_statuses(pod).filter(named).any(is_running)
    }
}
