//! The API server's door for pods: HTTP with the token of a service account, answered by the same `handle`.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/filters` (WithAuthentication) with the authenticator of service accounts'
//! tokens. k3s lets nobody in without a token (`--anonymous-auth=false`).

use super::Server;
use super::wire::{Answer, Changes};
use crate::machine::net::http;
use crate::sim::Cluster;

/// Answers a pod's request.
pub(super) fn answer(cluster: &mut Cluster, request: &http::Request) -> http::Response {
    // The server owns its cluster: for the time of the answer another stands in its place.
    let Ok(stand_in) = Cluster::stand_in(cluster.config()) else {
        return http::Response::new(500, "Internal Server Error");
    };
    let mut server = Server::over(std::mem::replace(cluster, stand_in));
    let answer = respond(&mut server, request);
    *cluster = server.cluster;
    let length = answer.body.len().to_string();
    answer.with("Content-Length", length)
}

fn respond(server: &mut Server, request: &http::Request) -> http::Response {
    match server.answer(request, None) {
        Answer::Whole(answer) => answer,
        // OBSERVATION: what comes later comes to nobody here; a watch ends as one does that timed out.
        Answer::Stream(mut head, mut stream) => {
            head.body = stream.next(server, &mut Changes::default()).map(|piece| piece.bytes).unwrap_or_default();
            head
        }
        Answer::Session(id, _) => {
            server.interrupt(&id);
            http::Response::new(400, "Bad Request")
        }
        Answer::Forward(..) => http::Response::new(400, "Bad Request"),
    }
}
