//! Who asks over the wire: the admin by the server's own token, service accounts by theirs.
//!
//! Mirrors `k8s.io/apiserver/pkg/authentication` (token/tokenfile) and `pkg/serviceaccount` (claims, jwt).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::api::digest::sha256;
use crate::api::k8s::api::core::v1::{Pod, ServiceAccount};
use crate::api::names::Draw;
use crate::api::user::{AUTHENTICATED, MASTERS, User};
use crate::api::{Duration, Kind};
use crate::error::{ApiError, Reason};
use crate::server::Server;

/// The name in a token of who is asked, and by whom it was given.
const SUBJECT: &str = "system:serviceaccount:";

/// Who gives tokens.
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// How the server knows those who come from outside.
#[derive(Clone)]
pub struct Keys {
    /// The admin's token.
    pub admin: String,
    /// What the tokens of service accounts are signed with.
    pub secret: String,
}

/// The admin of a served cluster, as k3s calls it.
pub(super) fn admin() -> User {
    User {
        name: "system:admin".into(),
        uid: "admin".into(),
        groups: [MASTERS, AUTHENTICATED].map(String::from).into(),
        ..User::default()
    }
}

/// Who has a token. `outside`: by what those are known who come from outside; none for a pod's request.
pub(super) fn user_of(server: &Server, token: &str, outside: Option<&Keys>) -> Result<User, ApiError> {
    match outside {
        Some(keys) if same(token.as_bytes(), keys.admin.as_bytes()) => Ok(admin()),
        Some(keys) => of_account(server, token, keys).ok_or_else(unauthorized),
        None => of_pod(server, token).ok_or_else(unauthorized),
    }
}

/// 401, which tells nothing.
pub(super) fn unauthorized() -> ApiError {
    ApiError::new(Reason::Unauthorized, "Unauthorized")
}

/// Whether two secrets are alike, in a time that does not tell how far they are.
fn same(one: &[u8], other: &[u8]) -> bool {
    let digest = |bytes: &[u8]| sha256(bytes);
    !other.is_empty() && digest(one).iter().zip(digest(other)).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// The parts of a token: what is signed, its claims and its signature.
fn parts(token: &str) -> Option<(&str, Value, Vec<u8>)> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    if head.is_empty() || claims.contains('.') {
        return None;
    }
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let claims = serde_json::from_slice(&decode(claims)?).ok()?;
    Some((signed, claims, decode(signature)?))
}

/// The namespace and the name of the service account that claims speak of.
fn account_of(claims: &Value) -> Option<(&str, &str)> {
    claims["sub"].as_str()?.strip_prefix(SUBJECT)?.split_once(':')
}

/// The service account of a pod's own token, as long as its pod lives.
fn of_pod(server: &Server, token: &str) -> Option<User> {
    let (_, claims, signature) = parts(token)?;
    let (namespace, account) = account_of(&claims)?;
    let uid = claims["kubernetes.io"]["pod"]["uid"].as_str().unwrap_or_default();
    let view = server.cluster.view();
    let signed = Draw::new(view.seed(), &format!("token/{uid}"), 0).hex(64);
    if signature != signed.as_bytes() {
        return None;
    }
    let known = view.get_as::<ServiceAccount>(namespace, account)?;
    let pods = view.list(Kind::Pod).filter(|o| o.namespace() == namespace && o.uid() == uid);
    let mut pods = pods.filter_map(|o| o.get::<Pod>());
    let is_its = |pod: &Pod| pod.spec.as_ref().and_then(|s| s.service_account_name.as_deref()) == Some(account);
    pods.any(is_its).then(|| user(namespace, account, known))
}

fn user(namespace: &str, account: &str, known: &ServiceAccount) -> User {
    let uid = known.metadata.uid.as_deref().unwrap_or_default();
    User::impersonated(&format!("{SUBJECT}{namespace}:{account}"), uid, &[])
}

/// The service account of a token that was asked for, until it expires or its account, or what it is bound to, goes.
fn of_account(server: &Server, token: &str, keys: &Keys) -> Option<User> {
    let (signed, claims, signature) = parts(token)?;
    if !same(&signature, &sign(&keys.secret, signed)) {
        return None;
    }
    let (namespace, account) = account_of(&claims)?;
    let about = &claims["kubernetes.io"];
    let view = server.cluster.view();
    let known = view.get_as::<ServiceAccount>(namespace, account)?;
    let is_same = about["serviceaccount"]["uid"].as_str() == known.metadata.uid.as_deref();
    let is_valid = claims["exp"].as_i64().is_some_and(|end| server.now().0 / 1000 < end);
    let bound = about["pod"]["name"].as_str();
    let lives = bound.is_none_or(|pod| {
        view.get_as::<Pod>(namespace, pod).is_some_and(|p| p.metadata.uid.as_deref() == about["pod"]["uid"].as_str())
    });
    (is_same && is_valid && lives).then(|| user(namespace, account, known))
}

fn sign(secret: &str, text: &str) -> Vec<u8> {
    let inner = sha256(format!("{secret}.{text}").as_bytes());
    sha256(&[secret.as_bytes(), &inner].concat()).to_vec()
}

/// A token of a service account: what it is, and when it ends. Mirrors `serviceaccount.Claims`.
pub(in crate::server) fn issue(
    server: &Server,
    (namespace, account): (&str, &ServiceAccount),
    audiences: &[String],
    lasts: Duration,
    bound: Option<(&str, &str)>,
) -> (String, crate::api::Time) {
    let (name, uid) = (account.metadata.name.as_deref(), account.metadata.uid.as_deref());
    let (now, end) = (server.now(), server.now() + lasts);
    let mut about = json!({
        "namespace": namespace,
        "serviceaccount": {"name": name, "uid": uid},
    });
    if let Some((pod, uid)) = bound {
        about["pod"] = json!({"name": pod, "uid": uid});
    }
    let claims = json!({
        "aud": audiences,
        "exp": end.0 / 1000,
        "iat": now.0 / 1000,
        "iss": ISSUER,
        "kubernetes.io": about,
        "nbf": now.0 / 1000,
        "sub": format!("{SUBJECT}{namespace}:{}", name.unwrap_or_default()),
    });
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let signed =
        format!("{}.{}", encode(json!({"alg": "HS256", "kid": "kstate"}).to_string()), encode(claims.to_string()));
    // A cluster that nobody serves has nobody who would be let in by it.
    let secret = server.secret().unwrap_or_else(|| Draw::new(server.cluster.view().seed(), "token", 0).hex(64));
    let signature = URL_SAFE_NO_PAD.encode(sign(&secret, &signed));
    (format!("{signed}.{signature}"), end)
}

/// Whom a token is of, as a `TokenReview` tells it.
pub(in crate::server) fn review(server: &Server, token: &str) -> Option<User> {
    let secret = server.secret().unwrap_or_else(|| Draw::new(server.cluster.view().seed(), "token", 0).hex(64));
    let keys = Keys { admin: String::new(), secret };
    of_account(server, token, &keys).or_else(|| of_pod(server, token))
}
