//! The API server as programs in pods ask it: at the address in their environment, with their service account's token.
//!
//! Mirrors `rest.InClusterConfig` of client-go.

use serde_json::Value;

use crate::machine::kernel::{Input, Sys};
use crate::machine::net::http::{Parsed, response};
use crate::machine::net::tls;

/// Where a pod's service account lies.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What is asked.
pub(super) struct Question<'a> {
    /// `User-Agent`
    pub agent: &'a str,
    /// `GET`, `POST`, `PUT`.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// The object that is sent.
    pub body: Option<Value>,
}

impl Question<'_> {
    /// Something to read.
    pub fn get<'a>(agent: &'a str, path: &'a str) -> Question<'a> {
        Question { agent, method: "GET", path, body: None }
    }
}

/// What it answered.
pub(super) struct Answer {
    /// `200`
    pub status: u16,
    /// The object, the list, or the status that says why not.
    pub tree: Value,
}

impl Answer {
    /// What the server says of a refusal.
    pub fn message(&self) -> &str {
        self.tree["message"].as_str().unwrap_or("unknown")
    }
}

/// Why there is no answer.
pub(super) enum Fault {
    /// The environment names no server.
    NoEnvironment,
    /// The token can't be read: why.
    Token(String),
    /// Nobody answers: the address asked, `HOST:PORT` of it, and why.
    Refused { url: String, place: String, why: String },
}

impl Fault {
    /// What client-go says of it.
    pub fn text(&self) -> String {
        match self {
            Fault::NoEnvironment => "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and \
                                     KUBERNETES_SERVICE_PORT must be defined"
                .into(),
            Fault::Token(why) => format!("open {ACCOUNT}/token: {why}"),
            Fault::Refused { url, place, why } => format!("Get \"{url}\": dial tcp {place}: connect: {why}"),
        }
    }
}

/// The namespace of the pod, as its service account's files say it.
pub(super) fn namespace(sys: &mut Sys<'_>) -> Option<String> {
    let bytes = sys.read_file(&format!("{ACCOUNT}/namespace")).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_string()).filter(|name| !name.is_empty())
}

/// Asks the API server.
///
/// # Errors
/// Why it can't be asked.
pub(super) fn ask(sys: &mut Sys<'_>, question: &Question<'_>) -> Result<Answer, Fault> {
    let (Some(host), Some(port)) =
        (sys.env("KUBERNETES_SERVICE_HOST").map(String::from), sys.env("KUBERNETES_SERVICE_PORT").map(String::from))
    else {
        return Err(Fault::NoEnvironment);
    };
    let token =
        sys.read_file(&format!("{ACCOUNT}/token")).map_err(|fault| Fault::Token(sys.text(fault).to_lowercase()))?;
    let token = String::from_utf8_lossy(&token).trim().to_string();
    let Question { agent, method, path, body } = question;
    let place = format!("{host}:{port}");
    let refused =
        |why: &str| Fault::Refused { url: format!("https://{place}{path}"), place: place.clone(), why: why.into() };
    let ip = host.parse().map_err(|_| refused("no such host"))?;
    let port = port.parse().unwrap_or(443);
    let fd = sys.connect(ip, port).map_err(|fault| refused(&sys.text(fault).to_lowercase()))?;
    let body = body.as_ref().map(Value::to_string).unwrap_or_default();
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
    };
    let mut bytes = tls::hello(&host);
    bytes.extend(
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\n{length}Connection: close\r\n\r\n{body}").bytes(),
    );
    let sent = sys.write(fd, &bytes);
    let mut answer = Vec::new();
    while let Ok(Input::Bytes(more)) = sys.read(fd, 1 << 20) {
        answer.extend(more);
    }
    let _ = sys.close(fd);
    sent.map_err(|fault| refused(&sys.text(fault).to_lowercase()))?;
    let rest = tls::certificate(&answer).map(|(_, _, rest)| rest.to_vec()).unwrap_or_default();
    let Parsed::Whole(response, _) = response(&rest, false, true) else {
        return Err(refused("connection reset by peer"));
    };
    let tree = serde_json::from_slice(&response.body).unwrap_or_default();
    Ok(Answer { status: response.status, tree })
}
