//! The API server as pods reach it: at its service and its endpoints, over TLS, with HTTP.

use super::Cluster;
use crate::api::k8s::api::core::v1::{Endpoints, Service};
use crate::machine::kernel::Disks;
use crate::machine::net::http::{self, Parsed};
use crate::machine::net::{Reply, Sent, tls};
use crate::store::{Route, View};

/// What a connection to it leads to, in place of a pod's uid.
pub(super) const NAME: &str = "kube-apiserver";

/// The names in its certificate.
const NAMES: [&str; 9] = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
    "127.0.0.1",
    "10.43.0.1",
    "172.18.0.2",
    "0.0.0.0",
];

/// Whether that is where it listens: at its service, or where the endpoints of that say.
pub(super) fn is_there(view: &View<'_>, ip: &str, port: u16) -> bool {
    let Some(service) = view.get_as::<Service>("default", "kubernetes").and_then(|s| s.spec.as_ref()) else {
        return false;
    };
    let at_service = service.cluster_ip.as_deref() == Some(ip);
    if at_service && service.ports.iter().flatten().any(|p| p.port == i32::from(port)) {
        return true;
    }
    let endpoints = view.get_as::<Endpoints>("default", "kubernetes");
    endpoints.iter().flat_map(|e| e.subsets.iter().flatten()).any(|subset| {
        subset.addresses.iter().flatten().any(|a| a.ip == ip)
            && subset.ports.iter().flatten().any(|p| p.port == i32::from(port))
    })
}

/// Hands it what came on a connection, and its answer back.
pub(super) fn tell(
    cluster: &mut Cluster,
    connection: u64,
    mut route: Route,
    sent: Sent<'_>,
    disks: &mut Disks,
) -> Reply {
    let Sent::Bytes(bytes) = sent else { return Reply::default() };
    route.unread.extend_from_slice(bytes);
    let mut reply = Reply::default();
    if !route.secured {
        match tls::wanted(&route.unread) {
            Some((_, rest)) => {
                route.unread = rest.to_vec();
                route.secured = true;
                reply.bytes = tls::answer("kubernetes", &NAMES);
            }
            None if route.unread.len() < 4 || route.unread.starts_with(tls::HELLO) => {}
            None => {
                let text = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
                return Reply { bytes: text.into(), close: true, ..Reply::default() };
            }
        }
    }
    while route.secured && !route.unread.is_empty() {
        let (request, used) = match http::request(&route.unread) {
            Parsed::Whole(request, used) => (request, used),
            Parsed::More => break,
            Parsed::Bad => {
                reply.bytes.extend(http::Response::new(400, "400 Bad Request").bytes(false));
                reply.close = true;
                break;
            }
        };
        route.unread.drain(..used.min(route.unread.len()));
        reply.close |= !request.keeps_alive();
        // What the server does with disks is done to those at hand.
        std::mem::swap(disks, cluster.store_mut().disks_mut());
        let answer = cluster.answer_pod(&request);
        std::mem::swap(disks, cluster.store_mut().disks_mut());
        reply.bytes.extend(answer.bytes(request.method == "HEAD"));
    }
    cluster.store_mut().add_route(connection, route);
    reply
}
