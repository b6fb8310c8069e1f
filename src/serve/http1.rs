//! Connections: TLS and HTTP/1.1, and the bounds of both.
//!
//! Mirrors `k8s.io/apiserver/pkg/server/filters` (maxinflight.go, timeout) and `pkg/endpoints/handlers` (limitedReadBody,
//! deferredResponseWriter).

use std::cell::Cell;
use std::convert::Infallible;
use std::io::Write;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::LocalSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::{Front, Job, Told, body, spdy, web_socket};
use crate::error::{ApiError, Reason};
use crate::server::wire::{self, http};

/// How many connections there may be; further ones are closed at once.
const CONNECTIONS: usize = 4000;

/// How long a client may take to say hello, or to send a head.
const HELLO: Duration = Duration::from_secs(10);
const HEAD: Duration = Duration::from_secs(60);

/// How long a client may take to send a body.
const BODY: Duration = Duration::from_secs(60);

/// The most that a head may hold.
const MOST_OF_HEAD: usize = 256 << 10;

/// The most that a body may hold. Mirrors `MaxRequestBodyBytes`.
const MOST_OF_BODY: usize = 3 << 20;

/// How much of a body is read that is too large.
const MOST_THAT_IS_DRAINED: usize = 32 << 20;

/// How many requests that read, and how many that write, are answered at once. Mirrors `--max-requests-inflight` and
/// `--max-mutating-requests-inflight`.
const READS: usize = 400;
const WRITES: usize = 200;

/// From how many bytes on an answer is compressed. Mirrors `defaultGzipThresholdBytes`.
const COMPRESSED_FROM: usize = 128 * 1024;

type Answer = hyper::Response<body::Told>;

/// What all connections share.
struct Shared {
    jobs: Sender<Job>,
    reads: Cell<usize>,
    writes: Cell<usize>,
    front: Option<Front>,
}

/// Takes connections with TLS until the process ends.
pub(super) async fn accept(listener: TcpListener, config: Arc<rustls::ServerConfig>, jobs: Sender<Job>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let acceptor = TlsAcceptor::from(config);
    let next = async || listener.accept().await.map(|(stream, _)| stream);
    let greet = move |stream: tokio::net::TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            let _ = stream.set_nodelay(true);
            timeout(HELLO, acceptor.accept(stream)).await.ok()?.ok()
        }
    };
    take_all(next, greet, jobs, None).await;
}

/// Takes connections without TLS until the process ends.
pub(super) async fn accept_plainly(listener: TcpListener, front: Front, jobs: Sender<Job>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let next = async || listener.accept().await.map(|(stream, _)| stream);
    let greet = async |stream: tokio::net::TcpStream| {
        let _ = stream.set_nodelay(true);
        Some(stream)
    };
    take_all(next, greet, jobs, Some(front)).await;
}

/// Takes connections at a Unix socket until the process ends.
#[cfg(unix)]
pub(super) async fn accept_at_socket(listener: std::os::unix::net::UnixListener, front: Front, jobs: Sender<Job>) {
    let Ok(listener) = tokio::net::UnixListener::from_std(listener) else { return };
    let next = async || listener.accept().await.map(|(stream, _)| stream);
    take_all(next, async |stream| Some(stream), jobs, Some(front)).await;
}

/// Takes the next connection, greets whoever is there, and speaks with them, until the process ends.
async fn take_all<R, S, G>(
    next: impl AsyncFn() -> std::io::Result<R>,
    greet: G,
    jobs: Sender<Job>,
    front: Option<Front>,
) where
    R: 'static,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    G: AsyncFn(R) -> Option<S> + 'static,
{
    let shared = Rc::new(Shared { jobs, reads: Cell::new(0), writes: Cell::new(0), front });
    let (greet, places) = (Rc::new(greet), Arc::new(Semaphore::new(CONNECTIONS)));
    let local = LocalSet::new();
    local
        .run_until(async move {
            loop {
                let Ok(stream) = next().await else {
                    // OBSERVATION: the system is out of descriptors; some are given back by and by.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                let (greet, shared) = (Rc::clone(&greet), Rc::clone(&shared));
                tokio::task::spawn_local(async move {
                    let _place = place;
                    if let Some(stream) = greet(stream).await {
                        converse(TokioIo::new(stream), shared).await;
                    }
                });
            }
        })
        .await;
}

async fn converse<S>(io: TokioIo<S>, shared: Rc<Shared>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let shared = Rc::clone(&shared);
        async move { Ok::<Answer, Infallible>(answer(request, &shared).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MOST_OF_HEAD);
    // OBSERVATION: a connection that breaks is the client's affair.
    let _ = builder.serve_connection(io, service).with_upgrades().await;
}

async fn answer(mut request: hyper::Request<Incoming>, shared: &Rc<Shared>) -> Answer {
    let upgrade = hyper::upgrade::on(&mut request);
    let mut asked = head_of(&request);
    // OBSERVATION: hyper looks at the size between two reads, and the last one may bring more.
    let fields = asked.headers.0.iter().map(|(name, value)| name.len() + value.len() + 4);
    if asked.target.len() + fields.sum::<usize>() > MOST_OF_HEAD {
        return plain(431, "");
    }
    if let Some(answered) = shared.front.as_ref().and_then(|front| front(&mut asked)) {
        return whole(answered, &asked).await;
    }
    let protocol = match wire::is_upgrade(&asked) {
        true if spdy::is_asked(&asked) => match spdy::protocol(&asked) {
            Ok(protocol) => Some(protocol),
            Err(text) => return plain(403, text),
        },
        true if is_web_socket(&asked) => match web_socket::protocol(&asked) {
            Some(protocol) => Some(protocol),
            None => {
                return plain(
                    400,
                    "unable to upgrade: none of the protocols is spoken here; v5.channel.k8s.io and v4.channel.k8s.io are\n",
                );
            }
        },
        _ => None,
    };
    if protocol.is_some_and(|protocol| web_socket::names_ports(protocol, &asked)) && asked.parameter("ports").is_none()
    {
        return plain(400, "query parameter \"port\" is required\n");
    }
    let counter = if wire::writes(&asked) { (&shared.writes, WRITES) } else { (&shared.reads, READS) };
    // What goes on for long is not counted.
    let _turn = match wire::is_long_running(&asked) {
        true => None,
        false => match Turn::take(counter.0, counter.1) {
            Some(turn) => Some(turn),
            None => {
                let mut refused = plain(429, "Too many requests, please try again later.\n");
                refused.headers_mut().insert("Retry-After", HeaderValue::from_static("1"));
                return refused;
            }
        },
    };
    match timeout(BODY, read(request.into_body())).await {
        Err(_) => return plain(408, "the request took too long\n"),
        Ok(Err(refused)) => return whole(refused, &asked).await,
        Ok(Ok(bytes)) => asked.body = bytes,
    }
    let (sender, told) = oneshot::channel();
    let compresses = takes_gzip(&asked);
    let method_reads = asked.method == "GET";
    if shared.jobs.send(Job::Ask { request: asked.clone(), answer: sender }).is_err() {
        return plain(503, "the server is shutting down\n");
    }
    match told.await {
        Err(_) => plain(503, "the server is shutting down\n"),
        Ok(Told::Whole(answer)) => match compresses && method_reads && answer.body.len() >= COMPRESSED_FROM {
            true => compressed(answer).await,
            false => whole(answer, &asked).await,
        },
        Ok(Told::Stream(head, pieces)) => with_head(&head, body::Told::Pieces(pieces)),
        Ok(Told::Session(session, frames, has_ports)) => {
            let Some(protocol) = protocol else { return plain(400, "unable to upgrade\n") };
            let jobs = shared.jobs.clone();
            let (bare, tunnelled) = (spdy::is_asked(&asked), protocol == spdy::TUNNEL);
            let expected = spdy::expected(&asked);
            tokio::task::spawn_local(async move {
                match bare || tunnelled {
                    true => spdy::converse(upgrade, (session, has_ports), (expected, tunnelled), frames, jobs).await,
                    false => web_socket::converse(upgrade, (session, has_ports), protocol, frames, jobs).await,
                }
            });
            if bare { spdy::accepted(protocol) } else { web_socket::accepted(&asked, protocol) }
        }
    }
}

fn is_web_socket(asked: &http::Request) -> bool {
    asked.headers.get("Upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
}

/// One of the requests that are answered at once.
struct Turn<'a>(&'a Cell<usize>);

impl<'a> Turn<'a> {
    fn take(counter: &'a Cell<usize>, most: usize) -> Option<Turn<'a>> {
        let now = counter.get();
        (now < most).then(|| {
            counter.set(now + 1);
            Turn(counter)
        })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// A request without its body.
fn head_of(request: &hyper::Request<Incoming>) -> http::Request {
    let uri = request.uri();
    let target = uri.path_and_query().map_or_else(|| uri.path().to_string(), ToString::to_string);
    let mut asked = http::Request { method: request.method().to_string(), target, ..http::Request::default() };
    asked.version = "HTTP/1.1".into();
    for (name, value) in request.headers() {
        asked.headers.add(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
    }
    asked
}

/// Reads a body, as far as it may go.
async fn read(mut incoming: Incoming) -> Result<Vec<u8>, http::Response> {
    let announced = incoming.size_hint().lower();
    let (mut bytes, mut came) = (Vec::new(), 0);
    let mut too_much = announced > MOST_OF_BODY as u64;
    while let Some(frame) = incoming.frame().await {
        let bad = |_| wire::plain_refusal(&ApiError::new(Reason::BadRequest, "the body can't be read"));
        if let Ok(data) = frame.map_err(bad)?.into_data() {
            came += data.len();
            too_much |= came > MOST_OF_BODY;
            if came > MOST_THAT_IS_DRAINED {
                break;
            }
            // What is too much is read all the same, as far as that may go: who still sends would not hear the answer.
            if !too_much {
                bytes.extend_from_slice(&data);
            }
        }
    }
    match too_much {
        false => Ok(bytes),
        true => Err(wire::plain_refusal(&ApiError::new(
            Reason::RequestEntityTooLarge,
            format!("Request entity too large: limit is {MOST_OF_BODY}"),
        ))),
    }
}

fn takes_gzip(asked: &http::Request) -> bool {
    let names = |value: &str| value.split(',').any(|word| word.trim().split(';').next() == Some("gzip"));
    asked.headers.get("Accept-Encoding").is_some_and(names)
}

async fn compressed(answer: http::Response) -> Answer {
    let squeezed = tokio::task::spawn_blocking(move || {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let written = encoder.write_all(&answer.body).and_then(|()| encoder.finish());
        (answer, written)
    });
    match squeezed.await {
        Ok((mut answer, Ok(bytes))) => {
            answer.body = Vec::new();
            let mut squeezed = with_head(&answer, body::Told::whole(bytes));
            squeezed.headers_mut().insert("Content-Encoding", HeaderValue::from_static("gzip"));
            squeezed.headers_mut().insert("Vary", HeaderValue::from_static("Accept-Encoding"));
            squeezed
        }
        _ => plain(500, "the answer can't be compressed\n"),
    }
}

async fn whole(mut answer: http::Response, asked: &http::Request) -> Answer {
    let body = if asked.method == "HEAD" { Vec::new() } else { std::mem::take(&mut answer.body) };
    with_head(&answer, body::Told::whole(body))
}

fn with_head(head: &http::Response, body: body::Told) -> Answer {
    let mut answer = hyper::Response::new(body);
    *answer.status_mut() = hyper::StatusCode::from_u16(head.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &head.headers.0 {
        // The time of a manual clock would be odd to those outside; hyper tells the real one.
        if name.eq_ignore_ascii_case("Date") || name.eq_ignore_ascii_case("Content-Length") {
            continue;
        }
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

fn plain(status: u16, text: impl Into<Vec<u8>>) -> Answer {
    let head = http::Response::new(status, Vec::new()).with("Content-Type", "text/plain; charset=utf-8");
    with_head(&head, body::Told::whole(text.into()))
}
