//! Sessions over SPDY, on a connection of its own or inside a WebSocket: `kubectl port-forward`, and what older clients ask.
//!
//! Mirrors `k8s.io/cri-streaming/pkg/streaming/portforward/httpstream.go`, `remotecommand/httpstream.go` (version 4) and the
//! tunnel of `k8s.io/apimachinery/pkg/util/portforward`.

mod frames;
mod transport;

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::pin;
use std::sync::mpsc::Sender;

use futures_util::future::{Either, select};
use hyper::header::HeaderValue;
use hyper::upgrade::OnUpgrade;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Frame, Job, body};
use crate::server::wire::http;
use frames::{Heard, Reader, Writer};

/// What a WebSocket is asked for that carries SPDY. Mirrors `WebsocketsSPDYTunnelingPortForwardV1`.
pub(super) const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";

/// The header that names what is spoken over the streams.
const PROTOCOL: &str = "X-Stream-Protocol-Version";

/// What is spoken over the streams of a process, and over those of ports.
const PROCESS: &str = "v4.channel.k8s.io";
const PORTS: &str = "portforward.k8s.io";

/// What a process and ports each call the streams they need.
const ERROR: &str = "error";
const DATA: &str = "data";
const STDIN: &str = "stdin";

/// The most that may wait for a stream that does not come.
const MOST_WAITING: usize = 1 << 20;

/// Whether a client asks for SPDY itself.
pub(super) fn is_asked(asked: &http::Request) -> bool {
    asked.headers.get("Upgrade").is_some_and(|to| to.eq_ignore_ascii_case("SPDY/3.1"))
}

/// What is spoken over the streams.
///
/// # Errors
/// The text for a client that speaks none of it.
pub(super) fn protocol(asked: &http::Request) -> Result<&'static str, String> {
    let spoken = if asked.path().ends_with("/portforward") { PORTS } else { PROCESS };
    let named = asked.headers.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(PROTOCOL));
    let offered: Vec<&str> = named.flat_map(|(_, value)| value.split(',')).map(str::trim).collect();
    match offered.contains(&spoken) {
        true => Ok(spoken),
        false => Err(format!(
            "unable to upgrade: unable to negotiate protocol: client supports [{}], server accepts [{spoken}]",
            offered.join(" ")
        )),
    }
}

/// How many streams a client opens for a process. Mirrors `createHTTPStreamStreams`.
pub(super) fn expected(asked: &http::Request) -> usize {
    let wanted = |name: &&str| asked.parameter(name).is_some_and(|value| matches!(value.as_str(), "true" | "1"));
    1 + [STDIN, "stdout", "stderr", "tty"].iter().filter(|name| wanted(name)).count()
}

/// The answer from which on SPDY is spoken.
pub(super) fn accepted(protocol: &'static str) -> hyper::Response<body::Told> {
    let mut answer = hyper::Response::new(body::Told::Whole(None));
    *answer.status_mut() = hyper::StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert("Upgrade", HeaderValue::from_static("SPDY/3.1"));
    headers.insert("Connection", HeaderValue::from_static("Upgrade"));
    headers.insert(PROTOCOL, HeaderValue::from_static(protocol));
    answer
}

/// Carries what comes on streams to a session and what it says back, until one of them ends.
pub(super) async fn converse(
    upgrade: OnUpgrade,
    (session, has_ports): (u64, bool),
    (expected, tunnelled): (usize, bool),
    mut frames: UnboundedReceiver<Frame>,
    jobs: Sender<Job>,
) {
    let left = || _ = jobs.send(Job::Left { session });
    let Ok(upgraded) = upgrade.await else { return left() };
    let (mut comes, mut out) = transport::open(upgraded, tunnelled).await;
    let mut conversation = Conversation::new(session, has_ports, expected);
    while !conversation.over {
        // Once a session is over, only the client is listened to.
        let told = async {
            match conversation.is_told_all() {
                true => pending().await,
                false => frames.recv().await,
            }
        };
        let happened = match select(pin!(told), pin!(comes.next())).await {
            Either::Left((frame, _)) => Either::Left(frame),
            Either::Right((bytes, _)) => Either::Right(bytes),
        };
        let (said, wants) = match happened {
            Either::Left(frame) => (conversation.tell(frame.unwrap_or(Frame::End)), Vec::new()),
            Either::Right(Some(bytes)) => match conversation.hear(&bytes) {
                Ok(told) => told,
                Err(_) => break,
            },
            Either::Right(None) => break,
        };
        if !said.is_empty() && out.send(said).await.is_err() || wants.into_iter().any(|job| jobs.send(job).is_err()) {
            break;
        }
    }
    if conversation.over {
        out.close(&mut comes).await;
    }
    left();
}

/// What was said so far over one connection.
struct Conversation {
    session: u64,
    reader: Reader,
    writer: Writer,
    carries: Carries,
    over: bool,
}

enum Carries {
    Process(Process),
    Ports(Ports),
}

/// The streams of a process, by what they are called.
#[derive(Default)]
struct Process {
    streams: BTreeMap<String, u32>,
    /// How many of them there will be.
    expected: usize,
    /// What is to be said on channels whose streams are not there yet.
    waiting: BTreeMap<u32, Vec<u8>>,
    ended: bool,
}

/// The connections to ports, each with its two streams.
#[derive(Default)]
struct Ports {
    /// Those of which only one stream has come, by the request.
    halves: BTreeMap<String, Half>,
    /// By the place of the connection, its streams for data and for what goes wrong.
    pairs: BTreeMap<usize, (u32, u32)>,
    /// By the stream for data, the place of the connection.
    places: BTreeMap<u32, usize>,
    counted: usize,
}

/// The first stream of a connection.
struct Half {
    stream: u32,
    sort: String,
}

impl Conversation {
    fn new(session: u64, has_ports: bool, expected: usize) -> Conversation {
        let carries = match has_ports {
            true => Carries::Ports(Ports::default()),
            false => Carries::Process(Process { expected, ..Process::default() }),
        };
        Conversation { session, reader: Reader::new(), writer: Writer::default(), carries, over: false }
    }

    /// What is to be said to bytes of the client, and what the cluster has to do.
    fn hear(&mut self, bytes: &[u8]) -> Result<(Vec<u8>, Vec<Job>), &'static str> {
        let (mut said, mut wants) = (Vec::new(), Vec::new());
        for heard in self.reader.read(bytes)? {
            match heard {
                Heard::Ping(body) => said.extend(Writer::ping(&body)),
                Heard::Leaves => self.over = true,
                Heard::Opened { stream, headers, fin } => match self.open(stream, &headers) {
                    Ok(wanted) => {
                        said.extend(self.writer.accept(stream));
                        wants.extend(wanted);
                        if fin {
                            wants.extend(self.data(stream, Vec::new(), true));
                        }
                        said.extend(self.catch_up());
                    }
                    Err(()) => said.extend(Writer::refuse(stream)),
                },
                Heard::Data { stream, bytes, fin } => wants.extend(self.data(stream, bytes, fin)),
                Heard::Reset { stream } => wants.extend(self.data(stream, Vec::new(), true)),
            }
        }
        Ok((said, wants))
    }

    /// Whether the session has said its last word, though not all of it is passed on.
    fn is_told_all(&self) -> bool {
        matches!(&self.carries, Carries::Process(process) if process.ended)
    }

    /// Takes a stream, or not.
    fn open(&mut self, stream: u32, headers: &BTreeMap<String, String>) -> Result<Option<Job>, ()> {
        let sort = headers.get("streamtype").ok_or(())?.clone();
        match &mut self.carries {
            Carries::Process(process) => {
                process.streams.insert(sort, stream);
                Ok(None)
            }
            Carries::Ports(ports) => {
                let port: u16 = headers.get("port").and_then(|port| port.parse().ok()).filter(|p| *p > 0).ok_or(())?;
                if sort != ERROR && sort != DATA {
                    return Err(());
                }
                // Older clients name no request; their streams come one after the other.
                let alone = || if sort == DATA { stream.wrapping_sub(2) } else { stream }.to_string();
                let request = headers.get("requestid").cloned().unwrap_or_else(alone);
                let Some(first) = ports.halves.remove(&request) else {
                    ports.halves.insert(request, Half { stream, sort });
                    return Ok(None);
                };
                if first.sort == sort {
                    return Err(());
                }
                let (data, error) = if sort == DATA { (stream, first.stream) } else { (first.stream, stream) };
                let at = ports.counted;
                ports.counted += 1;
                ports.pairs.insert(at, (data, error));
                ports.places.insert(data, at);
                Ok(Some(Job::Open { session: self.session, at, port }))
            }
        }
    }

    fn data(&mut self, stream: u32, bytes: Vec<u8>, fin: bool) -> Vec<Job> {
        let session = self.session;
        match &self.carries {
            Carries::Process(process) if process.streams.get(STDIN) == Some(&stream) => {
                vec![Job::Type { session, bytes, end: fin }]
            }
            Carries::Process(_) => Vec::new(),
            Carries::Ports(ports) => {
                let Some(at) = ports.places.get(&stream).copied() else { return Vec::new() };
                let send = (!bytes.is_empty()).then_some(Job::Send { session, port: at, bytes });
                send.into_iter().chain(fin.then_some(Job::Shut { session, at })).collect()
            }
        }
    }

    /// What is to be said for a session's next words.
    fn tell(&mut self, frame: Frame) -> Vec<u8> {
        match (&mut self.carries, frame) {
            (Carries::Process(process), Frame::Data(channel, bytes)) => {
                let waiting = process.waiting.entry(channel).or_default();
                waiting.extend(bytes);
                waiting.truncate(MOST_WAITING);
            }
            (Carries::Process(process), Frame::End) => process.ended = true,
            (Carries::Ports(ports), Frame::Data(channel, bytes)) => {
                let Some((data, error)) = ports.pairs.get(&(channel as usize / 2)) else { return Vec::new() };
                return Writer::data(if channel % 2 == 0 { *data } else { *error }, &bytes, false);
            }
            (Carries::Ports(ports), Frame::Closed(at)) => {
                let Some((data, error)) = ports.pairs.remove(&at) else { return Vec::new() };
                ports.places.remove(&data);
                return [Writer::data(data, &[], true), Writer::data(error, &[], true)].concat();
            }
            (Carries::Ports(_), Frame::End) => self.over = true,
            (Carries::Process(_), Frame::Closed(_)) => {}
        }
        self.catch_up()
    }

    /// What waited for streams that are there now; and the end, once all was said.
    fn catch_up(&mut self) -> Vec<u8> {
        let Carries::Process(process) = &mut self.carries else { return Vec::new() };
        let mut said = Vec::new();
        for (channel, name) in [(1, "stdout"), (2, "stderr"), (3, ERROR)] {
            let Some(stream) = process.streams.get(name) else { continue };
            if let Some(bytes) = process.waiting.remove(&channel) {
                said.extend(Writer::data(*stream, &bytes, false));
            }
        }
        if process.ended && process.streams.len() >= process.expected {
            process.streams.values().for_each(|stream| said.extend(Writer::data(*stream, &[], true)));
            self.over = true;
        }
        said
    }
}
