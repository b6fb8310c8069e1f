//! Sessions with processes in containers and with ports of pods, on the cluster's side.
//!
//! Mirrors `k8s.io/client-go/tools/remotecommand` (the statuses of v4) and `pkg/kubelet/streaming/portforward`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::Frame;
use crate::api::Duration;
use crate::api::request::StreamOptions;
use crate::error::ApiError;
use crate::server::{Answered, Pause, Server, SessionId};

/// How far a manual clock goes on for a process that somebody waits for.
const LONGEST: Duration = Duration::secs(3600);

/// The channel on which it is said how a command ended.
pub(super) const STATUS: u32 = 3;

/// What somebody holds a socket for.
pub(super) enum Held {
    Process(Process),
    Ports(Ports),
}

/// A process that somebody speaks with.
pub(super) struct Process {
    pub(super) id: SessionId,
    pub(super) streams: StreamOptions,
    /// Whether it was there before: how it ends is not told then.
    pub(super) attached: bool,
    pub(super) out: UnboundedSender<Frame>,
}

/// Ports of a pod, each with its connection.
pub(super) struct Ports {
    /// The pod's uid.
    pod: String,
    /// The connections that are open, by their places.
    connections: BTreeMap<usize, u64>,
    /// Whether further ones are opened by and by; else it is over with the last one.
    grows: bool,
    out: UnboundedSender<Frame>,
}

impl Held {
    /// Lets it go on. True when it is over.
    pub(super) fn go_on(&mut self, server: &mut Server) -> Result<bool, ApiError> {
        match self {
            Held::Process(process) => process.go_on(server),
            Held::Ports(ports) => Ok(ports.go_on(server)),
        }
    }

    /// Ends it, since who held it is gone.
    pub(super) fn leave(self, server: &mut Server) {
        match self {
            Held::Process(process) => server.interrupt(&process.id),
            Held::Ports(ports) => {
                ports.connections.into_values().for_each(|connection| server.close_forward(connection))
            }
        }
    }
}

impl Process {
    fn go_on(&mut self, server: &mut Server) -> Result<bool, ApiError> {
        let deadline = if server.is_manual() { server.now() + LONGEST } else { server.now() };
        loop {
            let pause = server.go_on_with(&self.id, deadline)?;
            for (stream, bytes) in server.take_output(&self.id) {
                let channel = if stream == 2 && !self.streams.tty { 2 } else { 1 };
                if self.out.send(Frame::Data(channel, bytes)).is_err() {
                    server.interrupt(&self.id);
                    return Ok(true);
                }
            }
            match pause {
                Pause::Output => {}
                Pause::WantsInput | Pause::Waits => return Ok(false),
                Pause::Ended(status) => {
                    let text = ended(if self.attached { 0 } else { status.code() }).to_string();
                    let _ = self.out.send(Frame::Data(STATUS, text.into_bytes()));
                    let _ = self.out.send(Frame::End);
                    return Ok(true);
                }
            }
        }
    }
}

/// How a command ended, as a status.
fn ended(code: i32) -> Value {
    match code {
        0 => json!({"metadata": {}, "status": "Success"}),
        code => json!({
            "metadata": {},
            "status": "Failure",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
    }
}

impl Ports {
    /// Opens those that are named, each of whose channels begins with the port's number; where none is, they are opened one
    /// by one.
    pub(super) fn begin(server: &mut Server, pod: String, ports: &[u16], out: UnboundedSender<Frame>) -> Ports {
        let mut held = Ports { pod, connections: BTreeMap::new(), grows: ports.is_empty(), out };
        for (at, port) in ports.iter().enumerate() {
            for channel in [data(at), data(at) + 1] {
                held.say(channel, port.to_le_bytes().to_vec());
            }
            held.open(server, at, *port);
        }
        held
    }

    /// Connects to a port.
    pub(super) fn open(&mut self, server: &mut Server, at: usize, port: u16) {
        match server.open_forward(&self.pod, port) {
            Ok((connection, first)) => {
                self.connections.insert(at, connection);
                self.hear(at, first);
            }
            Err(fault) => {
                let pod = &self.pod;
                let text = format!(
                    "error forwarding port {port} to pod {pod}, uid : dial tcp4 127.0.0.1:{port}: connect: {fault}"
                );
                self.say(data(at) + 1, text.into_bytes());
                let _ = self.out.send(Frame::Closed(at));
            }
        }
    }

    fn say(&self, channel: u32, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            let _ = self.out.send(Frame::Data(channel, bytes));
        }
    }

    /// Passes on what the pod said on a connection.
    fn hear(&mut self, at: usize, answered: Answered) {
        self.say(data(at), answered.bytes);
        if answered.closed && self.connections.remove(&at).is_some() {
            let _ = self.out.send(Frame::Closed(at));
        }
    }

    /// Sends bytes to a port.
    pub(super) fn send(&mut self, server: &mut Server, at: usize, bytes: &[u8]) {
        let Some(connection) = self.connections.get(&at).copied() else { return };
        let answered = server.send_forward(connection, bytes);
        self.hear(at, answered);
    }

    /// Nothing more is sent on a connection: what the pod still says is passed on, and it is closed.
    pub(super) fn shut(&mut self, server: &mut Server, at: usize) {
        let Some(connection) = self.connections.get(&at).copied() else { return };
        let answered = server.hear_forward(connection);
        server.close_forward(connection);
        self.hear(at, Answered { closed: true, ..answered });
    }

    fn go_on(&mut self, server: &mut Server) -> bool {
        for (at, connection) in self.connections.clone() {
            // OBSERVATION: nothing is sent; what the pod said meanwhile comes back.
            let answered = server.hear_forward(connection);
            self.hear(at, answered);
        }
        let is_over = !self.grows && self.connections.is_empty();
        if is_over {
            let _ = self.out.send(Frame::End);
        }
        is_over
    }
}

/// The channel on which a connection's bytes go; what is wrong with it goes on the next one.
fn data(at: usize) -> u32 {
    u32::try_from(at * 2).unwrap_or(u32::MAX - 1)
}
