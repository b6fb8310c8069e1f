//! The wire: HTTP requests into the server's own, and its answers back. One reader and one writer for all who come so:
//! pods over their network, and clients over sockets.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/filters` (WithAuthentication, WithImpersonation, WithWarningRecorder),
//! `handlers/negotiation` and `handlers/responsewriters`.

mod accept;
mod logs;
pub mod order;
pub(in crate::server) mod protobuf;
mod read;
mod texts;
pub(in crate::server) mod token;
mod trees;
mod watch;
mod write;

pub use crate::machine::net::http;
pub use logs::LogStream;
pub(in crate::server) use texts::Texts;
pub use token::Keys;
pub use watch::{Changes, Piece, WatchStream};

use accept::{About, Agreed, As, Media, negotiate};
use write::Style;

use super::{Reply, Response, Server, code, discovery, openapi};
use crate::api::ObjectKey;
use crate::api::request::{Accept, By, Connect, Form, PatchType, Request, Resource, StreamOptions, Target, Verb};
use crate::error::{ApiError, Reason};
use crate::sim::SessionId;

/// What a request is answered with.
pub enum Answer {
    /// All of it.
    Whole(http::Response),
    /// A head, behind which pieces follow as they come.
    Stream(http::Response, Stream),
    /// A process in a container, and how it is spoken to.
    Session(SessionId, StreamOptions),
    /// The way to ports of a pod, by the pod's uid.
    Forward(String, Vec<u16>),
}

/// What comes piece by piece.
pub enum Stream {
    /// Changes.
    Watch(Box<WatchStream>),
    /// What a container prints.
    Log(Box<LogStream>),
}

impl Stream {
    /// What has come since it was looked at last.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next(&mut self, server: &mut Server, changes: &mut Changes) -> Result<Piece, ApiError> {
        match self {
            Stream::Watch(watch) => watch.next(server, changes),
            Stream::Log(log) => Ok(log.next(server)),
        }
    }

    /// What is said now and then, and as it ends, of how far it has come.
    pub fn mark(&self) -> Vec<u8> {
        match self {
            Stream::Watch(watch) => watch.mark(),
            Stream::Log(_) => Vec::new(),
        }
    }

    /// Whether somebody waits for its end, and the cluster's time should pass meanwhile.
    pub fn is_a_wait(&self) -> bool {
        match self {
            Stream::Watch(watch) => watch.waits_for_one(),
            Stream::Log(_) => true,
        }
    }
}

/// Whether a request may change something.
pub fn writes(request: &http::Request) -> bool {
    !matches!(request.method.as_str(), "GET" | "HEAD") || is_upgrade(request)
}

/// Whether a request goes on for as long as somebody listens. Mirrors `BasicLongRunningRequestCheck`.
pub fn is_long_running(request: &http::Request) -> bool {
    let is_set = |name: &str| request.parameter(name).is_some_and(|value| !matches!(value.as_str(), "false" | "0"));
    request.method == "GET"
        && (is_set("watch") || request.path().ends_with("/log") || request.path().contains("/watch/"))
}

/// Whether a request asks to speak another protocol from here on.
pub fn is_upgrade(request: &http::Request) -> bool {
    let asks = |value: &str| value.split(',').any(|word| word.trim().eq_ignore_ascii_case("upgrade"));
    request.headers.get("Connection").is_some_and(asks)
}

/// Whether a request asks to speak with a process by WebSocket.
pub fn converses(request: &http::Request) -> bool {
    let by_socket = request.headers.get("Upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    by_socket && is_upgrade(request) && ["/exec", "/attach"].iter().any(|part| request.path().ends_with(part))
}

/// Whether a client is kubectl, whose commands take the time that they take on a real cluster.
pub fn is_kubectl(request: &http::Request) -> bool {
    request.headers.get("User-Agent").is_some_and(|agent| agent.starts_with("kubectl"))
}

impl Server {
    /// Answers a request that came over a wire. `outside`: how those are known who come from outside; none for a pod.
    pub fn answer(&mut self, http: &http::Request, outside: Option<&Keys>) -> Answer {
        let agent = http.headers.get("User-Agent").unwrap_or_default().to_string();
        let pretty = match http.parameter("pretty").as_deref() {
            Some(text) => matches!(text, "true" | "1"),
            None => ["curl", "Wget", "Mozilla/5.0"].iter().any(|known| agent.starts_with(known)),
        };
        let resource = read::resource(http);
        let mut style = Style { pretty, include: watch::include(http), ..Style::default() };
        match self.answer_to(http, outside, &agent, &mut style) {
            Ok(answer) => answer,
            Err(refusal) => Answer::Whole(self.refuse(http, &refusal, &resource, style)),
        }
    }

    fn answer_to(
        &mut self,
        http: &http::Request,
        outside: Option<&Keys>,
        agent: &str,
        style: &mut Style,
    ) -> Result<Answer, ApiError> {
        let header = http.headers.get("Authorization").unwrap_or_default();
        let token = header.strip_prefix("Bearer ").map(str::trim).ok_or_else(token::unauthorized)?;
        let user = token::user_of(self, token, outside)?;
        let by = By::client(user, agent.split('/').next().unwrap_or_default());
        let impersonate = read::impersonated(http)?;
        let (target, verb) = read::request(http)?;
        let about = match (&target, &verb) {
            (Target::Path(path), _) if matches!(path.trim_matches('/'), "api" | "apis") => About::Groups,
            (Target::Path(_), _) | (_, Verb::Connect(_)) => About::Other,
            (_, Verb::List(_) | Verb::Watch(_) | Verb::DeleteCollection(..)) => About::Many,
            _ => About::One,
        };
        // What prints no JSON is not asked for in which form it is wanted.
        let free = matches!(&verb, Verb::Connect(_))
            || matches!(&target, Target::Path(path) if path.starts_with("/openapi") || path.starts_with("/metrics") || read::is_health(path));
        style.agreed = if free { Agreed::default() } else { negotiate(accepted(http), about)? };
        let form = match style.agreed.form {
            As::Table(_) => Form::WholeTable,
            _ => Form::Object,
        };
        // What kubectl prints as a table never shows who owns which field, and to find out takes its time.
        style.managed_fields = !(form == Form::WholeTable && agent.starts_with("kubectl"));
        style.owners_later = read::is_whole(&target, &verb) && style.agreed == Agreed::default() && !style.pretty;
        let accept = Accept { form, managed_fields: true, owners_later: style.owners_later };
        let request = Request { by, impersonate, verb, target, accept };
        self.respond(http, request, *style)
    }

    fn respond(&mut self, http: &http::Request, request: Request, style: Style) -> Result<Answer, ApiError> {
        if let (Target::Path(path), Verb::Get) = (&request.target, &request.verb) {
            let path = path.clone();
            self.judge(&request)?;
            return self.document(http, &path, style).map(Answer::Whole);
        }
        if let Verb::Watch(_) = &request.verb {
            let media = if style.agreed.media == Media::Protobuf { Media::Json } else { style.agreed.media };
            let style = Style { agreed: Agreed { media, ..style.agreed }, ..style };
            let stream = WatchStream::begin(self, &request, http, style)?;
            let head = self.head(200, style.agreed.media.content_type(), &[]);
            return Ok(Answer::Stream(head, Stream::Watch(Box::new(stream))));
        }
        let streams = match &request.verb {
            Verb::Connect(Connect::Exec(streams, _) | Connect::Attach(streams)) => Some(streams.clone()),
            _ => None,
        };
        let ports = match &request.verb {
            Verb::Connect(Connect::PortForward(ports)) => ports.clone(),
            _ => Vec::new(),
        };
        let follows = matches!(&request.verb, Verb::Connect(Connect::Log(options)) if options.follow);
        let made = self.makes(&request);
        let resource = match &request.target {
            Target::Resource(resource) => resource.clone(),
            Target::Path(_) => Resource::default(),
        };
        let again = follows.then(|| request.clone());
        let Response { outcome, warnings } = self.handle(&request);
        let reply = match outcome {
            Ok(reply) => reply,
            Err(refusal) => {
                let mut answer = self.refuse(http, &refusal, &resource, style);
                warn(&mut answer, &warnings);
                return Ok(Answer::Whole(answer));
            }
        };
        match reply {
            Reply::Session(id) => Ok(Answer::Session(id, streams.unwrap_or_default())),
            Reply::Forward(uid) => Ok(Answer::Forward(uid, ports)),
            Reply::Bytes(first) if follows => {
                let stream = again.and_then(|request| LogStream::begin(request, first, self));
                let head = self.head(200, "text/plain", &[]);
                Ok(match stream {
                    Some(stream) => Answer::Stream(head, Stream::Log(Box::new(stream))),
                    None => Answer::Whole(head),
                })
            }
            reply => {
                let (bytes, kind) = write::reply(self, reply, &resource, style);
                let mut head = self.head(if made { 201 } else { 200 }, kind, &warnings);
                head.body = bytes;
                Ok(Answer::Whole(head))
            }
        }
    }

    /// Whether a request, if it is not refused, makes something new.
    fn makes(&self, request: &Request) -> bool {
        match (&request.verb, &request.target) {
            (Verb::Create(..), Target::Resource(_)) => true,
            (Verb::Patch(_, PatchType::Apply, _), Target::Resource(resource)) => {
                let served = super::served::find(&self.serving(), resource);
                served.is_some_and(|served| {
                    let key = ObjectKey::new(served.kind, resource.namespace.clone(), resource.name.clone());
                    self.cluster.view().get(&key).is_none()
                })
            }
            _ => false,
        }
    }

    /// What is at a path that is no object's, for a client in this process: the bytes that go over a wire. `url` is the path
    /// with its query.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn read_document(&mut self, request: &Request, url: &str) -> Result<Vec<u8>, ApiError> {
        self.judge(request)?;
        let mut http = http::Request { method: "GET".into(), target: url.into(), ..http::Request::default() };
        http.headers.add("Accept", Media::Json.content_type());
        let path = http.path();
        self.document(&http, &path, Style::default()).map(|answer| answer.body)
    }

    /// A document that is no object.
    fn document(&mut self, http: &http::Request, path: &str, style: Style) -> Result<http::Response, ApiError> {
        let whole = |answer: http::Response, body: Vec<u8>| http::Response { body, ..answer };
        if let Some((bytes, kind)) = openapi::document(self, path, accepted(http))? {
            return Ok(whole(self.head(200, kind, &[]), bytes));
        }
        if read::is_health(path) {
            let verbose = http.parameter("verbose").is_some();
            let text = discovery::health(path, verbose);
            return Ok(whole(self.head(200, "text/plain; charset=utf-8", &[]), text.into_bytes()));
        }
        if path.trim_end_matches('/') == "/metrics" {
            let text = discovery::counts(self);
            return Ok(whole(self.head(200, "text/plain; version=0.0.4; charset=utf-8", &[]), text.into_bytes()));
        }
        if let (As::Discovery(version), path) = (style.agreed.form, path.trim_matches('/')) {
            let tree = discovery::aggregated(self, path == "api", version);
            let text = write::tree_text(&tree, style.agreed.media, style.pretty);
            let kind = match version {
                "v2" => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
                _ => "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
            };
            return Ok(whole(self.head(200, kind, &[]), text.into_bytes()));
        }
        let reply = discovery::get(self, path)?;
        let (bytes, kind) = write::reply(self, reply, &Resource::default(), style);
        Ok(whole(self.head(200, kind, &[]), bytes))
    }

    /// The head of an answer.
    fn head(&self, status: u16, kind: &str, warnings: &[String]) -> http::Response {
        let mut head = http::Response::new(status, Vec::new())
            .with("Cache-Control", "no-cache, private")
            .with("Content-Type", kind)
            .with("Date", http::date(self.now()));
        warn(&mut head, warnings);
        head
    }

    /// A refusal as it goes over the wire.
    fn refuse(&self, http: &http::Request, refusal: &ApiError, resource: &Resource, style: Style) -> http::Response {
        if refusal.reason == Reason::NotFound && self.is_no_path(http) {
            let mut answer = self.head(404, "text/plain; charset=utf-8", &[]);
            answer.headers.add("X-Content-Type-Options", "nosniff");
            answer.body = b"404 page not found\n".to_vec();
            return answer;
        }
        let media = style.agreed.media;
        // OBSERVATION: what go-restful refuses by itself is always indented.
        let pretty = style.pretty || refusal.reason == Reason::NotAcceptable;
        let mut answer = self.head(code(refusal.reason), media.content_type(), &[]);
        if refusal.retry_after_seconds > 0 {
            answer.headers.add("Retry-After", refusal.retry_after_seconds.to_string());
        }
        answer.body = write::refusal(refusal, resource, media, pretty).into_bytes();
        answer
    }

    /// Whether nobody answers at a path at all: it is none of the API's, or of a group that nobody serves.
    fn is_no_path(&self, http: &http::Request) -> bool {
        let path = http.path();
        let words: Vec<&str> = path.split('/').filter(|w| !w.is_empty()).collect();
        match words.as_slice() {
            ["api", "v1", ..] => false,
            ["apis", group, ..] => {
                let has = super::served::resources(&self.serving()).iter().any(|r| r.group == *group);
                !has && (*group != super::metrics::GROUP || words.len() == 2)
            }
            _ => true,
        }
    }
}

/// Adds warnings as the fields that they go in. Mirrors `NewWarningHeader`.
fn warn(answer: &mut http::Response, warnings: &[String]) {
    for warning in warnings {
        let text: String = warning.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        answer.headers.add("Warning", format!("299 - \"{text}\""));
    }
}

/// What the `Accept` header says; several are one.
fn accepted(http: &http::Request) -> &str {
    http.headers.get("Accept").unwrap_or_default()
}

/// How an answer to a refusal before anything was read is written: JSON on one line.
pub fn plain_refusal(refusal: &ApiError) -> http::Response {
    let body = write::refusal(refusal, &Resource::default(), Media::Json, false);
    http::Response::new(code(refusal.reason), body.into_bytes())
        .with("Cache-Control", "no-cache, private")
        .with("Content-Type", Media::Json.content_type())
}
