//! `serviceaccounts/token`: tokens for those who ask for one.
//!
//! Mirrors `TokenREST` of `pkg/registry/core/serviceaccount/storage/token.go`.

use serde_json::{Value, json};

use crate::api::Duration;
use crate::api::k8s::api::core::v1::{Pod, ServiceAccount};
use crate::error::{ApiError, FieldError, Reason};
use crate::server::wire::token;
use crate::server::{Ask, Reply, Server, codec};

/// Whom tokens are for that name nobody.
const AUDIENCES: [&str; 2] = ["https://kubernetes.default.svc.cluster.local", "k3s"];

/// How long tokens last: what is asked for if nothing is, at least, and at most. Mirrors `ValidateTokenRequest`.
const USUAL: i64 = 3600;
const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;

/// Gives a token of the service account that the request names.
///
/// # Errors
/// `NotFound`, and `Invalid` for a time that is too short or too long.
pub(super) fn create(server: &Server, ask: &Ask<'_>, body: &Value, dry_run: bool) -> Result<Reply, ApiError> {
    codec::check_type("authentication.k8s.io/v1", ("authentication.k8s.io", "TokenRequest"), body)?;
    let (name, namespace) = (&ask.resource.name, &ask.resource.namespace);
    let view = server.cluster().view();
    let account = view.get_as::<ServiceAccount>(namespace, name);
    let account = account.ok_or_else(|| ApiError::not_found("serviceaccounts", name))?;
    let given = body["metadata"]["name"].as_str().unwrap_or_default();
    if !given.is_empty() && given != name {
        return Err(ApiError::new(
            Reason::BadRequest,
            format!("the name of the object ({given}) does not match the name on the URL ({name})"),
        ));
    }
    let spec = &body["spec"];
    let seconds = spec["expirationSeconds"].as_i64().unwrap_or(USUAL);
    let refuse = |text: &str| {
        let fault = FieldError::invalid("spec.expirationSeconds", seconds, text);
        Err(ApiError::invalid("TokenRequest.authentication.k8s.io", "", vec![fault]))
    };
    if seconds < SHORTEST {
        return refuse("may not specify a duration less than 10 minutes");
    }
    if seconds > LONGEST {
        return refuse("may not specify a duration larger than 2^32 seconds");
    }
    let asked: Vec<String> =
        spec["audiences"].as_array().into_iter().flatten().filter_map(|a| a.as_str().map(String::from)).collect();
    let audiences = if asked.is_empty() { AUDIENCES.map(String::from).into() } else { asked };
    let bound = &spec["boundObjectRef"];
    let mut pod = None;
    if bound.is_object() {
        let (kind, object) = (bound["kind"].as_str().unwrap_or_default(), bound["name"].as_str().unwrap_or_default());
        if kind != "Pod" {
            let text = format!("cannot bind token for serviceaccount {name:?} to type {kind:?}");
            return Err(ApiError::new(Reason::BadRequest, text));
        }
        let found = view.get_as::<Pod>(namespace, object).ok_or_else(|| ApiError::not_found("pods", object))?;
        let uid = found.metadata.uid.as_deref().unwrap_or_default();
        let asked = bound["uid"].as_str().unwrap_or_default();
        if !asked.is_empty() && asked != uid {
            let text = format!(
                "the UID in the bound object reference ({asked}) does not match the UID in record. The object might have been deleted and then recreated"
            );
            return Err(ApiError::conflict("pods", object, &text));
        }
        pod = Some((object, uid));
    }
    let (text, end) = token::issue(server, (namespace, account), &audiences, Duration::secs(seconds), pod);
    let text = if dry_run { String::new() } else { text };
    let answer = json!({
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": server.now().rfc3339()},
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": bound},
        "status": {"token": text, "expirationTimestamp": end.rfc3339()},
    });
    Ok(Reply::Tree(answer))
}
