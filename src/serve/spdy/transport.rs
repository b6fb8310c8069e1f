//! What carries SPDY: a connection, or the binary messages of a WebSocket on it.

use std::io;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

/// The most that one message may hold.
const MOST: usize = 4 << 20;

/// How long a client may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

type Io = TokioIo<Upgraded>;

/// What comes from the client.
pub(super) enum Comes {
    Bare(ReadHalf<Io>),
    Tunnel(SplitStream<WebSocketStream<Io>>),
}

/// What goes to it.
pub(super) enum Out {
    Bare(WriteHalf<Io>),
    Tunnel(SplitSink<WebSocketStream<Io>, Message>),
}

pub(super) async fn open(upgraded: Upgraded, tunnelled: bool) -> (Comes, Out) {
    let io = TokioIo::new(upgraded);
    if !tunnelled {
        let (comes, out) = tokio::io::split(io);
        return (Comes::Bare(comes), Out::Bare(out));
    }
    let config = WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
    let (out, comes) = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await.split();
    (Comes::Tunnel(comes), Out::Tunnel(out))
}

impl Comes {
    /// The next bytes; none at the end. Who stops waiting for them loses none.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        match self {
            Comes::Bare(half) => {
                let mut bytes = vec![0; 16 << 10];
                let count = half.read(&mut bytes).await.ok().filter(|count| *count > 0)?;
                bytes.truncate(count);
                Some(bytes)
            }
            Comes::Tunnel(stream) => loop {
                match stream.next().await {
                    Some(Ok(Message::Binary(bytes))) => return Some(bytes.to_vec()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            },
        }
    }
}

impl Out {
    pub(super) async fn send(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        match self {
            Out::Bare(half) => {
                half.write_all(&bytes).await?;
                half.flush().await
            }
            Out::Tunnel(sink) => sink.send(Message::Binary(bytes.into())).await.map_err(io::Error::other),
        }
    }

    /// Ends it, once the client has read all, or has taken too long.
    pub(super) async fn close(mut self, comes: &mut Comes) {
        if let Out::Tunnel(sink) = &mut self {
            let _ = sink.send(Message::Close(None)).await;
        }
        let rest = async { while comes.next().await.is_some() {} };
        let _ = tokio::time::timeout(GOODBYE, rest).await;
        if let Out::Bare(half) = &mut self {
            let _ = half.shutdown().await;
        }
    }
}
