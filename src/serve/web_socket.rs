//! Sessions over a WebSocket: a channel's number before each message.
//!
//! Mirrors `k8s.io/apimachinery/pkg/util/remotecommand` (`v4.channel.k8s.io`, `v5.channel.k8s.io`) and
//! `pkg/kubelet/streaming/portforward/websocket.go`.

use std::pin::pin;
use std::sync::mpsc::Sender;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{SinkExt, StreamExt};
use hyper::header::HeaderValue;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use super::{Frame, Job, body, spdy};
use crate::server::wire::http;

/// The channel of standard input, and the message that closes another one (v5).
const STDIN: u8 = 0;
const CLOSE: u8 = 255;

/// The most that one message may hold.
const MOST: usize = 1 << 20;

/// How long a client may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// The protocols that are spoken, the best first.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/// The protocol that a client and we both speak.
pub(super) fn protocol(asked: &http::Request) -> Option<&'static str> {
    let offered = asked.headers.get("Sec-WebSocket-Protocol").unwrap_or_default();
    let offers = |known: &&str| offered.split(',').any(|word| word.trim() == *known);
    let tunnel = asked.path().ends_with("/portforward").then_some(spdy::TUNNEL);
    PROTOCOLS.into_iter().chain(tunnel).find(offers)
}

/// Whether a client of that protocol has to name in its request the ports that it wants.
pub(super) fn names_ports(protocol: &str, asked: &http::Request) -> bool {
    PROTOCOLS.contains(&protocol) && asked.path().ends_with("/portforward") && !spdy::is_asked(asked)
}

/// The answer from which on WebSocket is spoken.
pub(super) fn accepted(asked: &http::Request, protocol: &'static str) -> hyper::Response<body::Told> {
    let key = derive_accept_key(asked.headers.get("Sec-WebSocket-Key").unwrap_or_default().as_bytes());
    let mut answer = hyper::Response::new(body::Told::Whole(None));
    *answer.status_mut() = hyper::StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert("Upgrade", HeaderValue::from_static("websocket"));
    headers.insert("Connection", HeaderValue::from_static("Upgrade"));
    headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static(protocol));
    if let Ok(key) = HeaderValue::from_str(&key) {
        headers.insert("Sec-WebSocket-Accept", key);
    }
    answer
}

/// The end of what went well: what went wrong was said on a channel.
fn goodbye() -> CloseFrame {
    CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() }
}

/// Carries what is typed to a session and what it says back, until one of them ends.
pub(super) async fn converse(
    upgrade: OnUpgrade,
    (session, has_ports): (u64, bool),
    protocol: &'static str,
    mut frames: UnboundedReceiver<Frame>,
    jobs: Sender<Job>,
) {
    let left = || _ = jobs.send(Job::Left { session });
    let Ok(upgraded) = upgrade.await else { return left() };
    let config = WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (mut out, mut comes) = socket.split();
    loop {
        let happened = match select(pin!(frames.recv()), pin!(comes.next())).await {
            Either::Left((frame, _)) => Either::Left(frame),
            Either::Right((message, _)) => Either::Right(message),
        };
        let message = match happened {
            Either::Left(Some(Frame::Closed(_))) => continue,
            Either::Left(Some(Frame::Data(channel, bytes))) => {
                let message = [&[u8::try_from(channel).unwrap_or(u8::MAX)][..], &bytes].concat();
                if out.send(Message::Binary(message.into())).await.is_err() {
                    break;
                }
                continue;
            }
            Either::Left(Some(Frame::End) | None) => {
                let _ = out.send(Message::Close(Some(goodbye()))).await;
                // The client closes, too; until then what it sends must be read.
                let rest = async { while let Some(Ok(_)) = comes.next().await {} };
                let _ = tokio::time::timeout(GOODBYE, rest).await;
                break;
            }
            Either::Right(message) => message,
        };
        let bytes = match message {
            Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
            Some(Ok(Message::Text(text))) => text.as_bytes().to_vec(),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => break,
        };
        let Some((channel, bytes)) = bytes.split_first() else { continue };
        let job = match (has_ports, *channel) {
            (true, channel) if channel % 2 == 0 => {
                Some(Job::Send { session, port: usize::from(channel / 2), bytes: bytes.to_vec() })
            }
            (false, STDIN) => Some(Job::Type { session, bytes: bytes.to_vec(), end: false }),
            (false, CLOSE) if protocol.starts_with("v5") && bytes.first() == Some(&STDIN) => {
                Some(Job::Type { session, bytes: Vec::new(), end: true })
            }
            _ => None,
        };
        if job.is_some_and(|job| jobs.send(job).is_err()) {
            break;
        }
    }
    left();
}
