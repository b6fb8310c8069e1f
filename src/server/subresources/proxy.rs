//! `nodes/proxy`, `pods/proxy`, `services/proxy`: the server hands a request on to whatever answers there.
//!
//! Mirrors `k8s.io/apimachinery/pkg/util/proxy` (UpgradeAwareHandler) and the `ResourceLocation` of the three kinds.
//! Nothing of kstate's listens to a network, so all that a client hears is that nobody answers.

use crate::api::k8s::api::core::v1::{Node, Pod, Service};
use crate::api::request::Resource;
use crate::api::{Kind, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::kinds::shared::access::{items, text};
use crate::server::Server;

impl Server {
    /// Why a proxied request has no answer.
    pub(in crate::server) fn unreachable(&self, resource: &Resource, kind: Kind) -> ApiError {
        // `https:NAME:PORT`, where the scheme and the port may be left out.
        let words: Vec<&str> = resource.name.split(':').collect();
        let (name, port) = match words.as_slice() {
            [name] => (*name, ""),
            [name, port] | [_, name, port] => (*name, *port),
            _ => (resource.name.as_str(), ""),
        };
        let view = self.cluster().view();
        if view.get(&ObjectKey::new(kind, resource.namespace.clone(), name)).is_none() {
            return ApiError::not_found(&kind.resource(), name);
        }
        let refused = |address: &str, port: &str| {
            let text = format!("error trying to reach service: dial tcp {address}:{port}: connect: connection refused");
            ApiError::new(Reason::ServiceUnavailable, text)
        };
        let or = |port: &str, default: &str| if port.is_empty() { default.to_string() } else { port.to_string() };
        match kind {
            Kind::Pod => {
                let pod = view.get_as::<Pod>(&resource.namespace, name);
                let address = pod.and_then(|p| p.status.as_ref()).map(|s| text(&s.pod_ip)).unwrap_or_default();
                let first = pod.and_then(|p| p.spec.as_ref()).and_then(|s| s.containers.first());
                let first = first.and_then(|c| c.ports.as_ref()?.first()).map(|p| p.container_port.to_string());
                match address {
                    "" => ApiError::new(Reason::BadRequest, "address not allowed"),
                    address => refused(address, &or(port, &first.unwrap_or_else(|| "80".into()))),
                }
            }
            Kind::Service => {
                let service = view.get_as::<Service>(&resource.namespace, name);
                let ports = service.and_then(|s| s.spec.as_ref()).map_or(&[][..], |s| items(&s.ports));
                let is_only = port.is_empty() && ports.len() == 1;
                let is_known = ports.iter().any(|p| port == text(&p.name) || port == p.port.to_string());
                if !is_only && !is_known {
                    let text = format!("no service port {port:?} found for service {name:?}");
                    return ApiError::new(Reason::ServiceUnavailable, text);
                }
                let text = format!("no endpoints available for service {:?}", resource.name);
                ApiError::new(Reason::ServiceUnavailable, text)
            }
            _ => {
                let addresses = view.get_as::<Node>("", name).and_then(|n| n.status.as_ref());
                let addresses = addresses.map_or(&[][..], |s| items(&s.addresses));
                let address = addresses.iter().find(|a| a.type_ == "InternalIP").map_or("", |a| a.address.as_str());
                refused(address, &or(port, "10250"))
            }
        }
    }
}
