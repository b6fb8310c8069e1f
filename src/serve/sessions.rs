//! Sessions with processes in containers and with ports of pods, on the cluster's side.
//!
//! Mirrors `k8s.io/client-go/tools/remotecommand` (the statuses of v4) and `pkg/kubelet/streaming/portforward`.

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::Frame;
use crate::api::Duration;
use crate::api::request::StreamOptions;
use crate::error::ApiError;
use crate::server::{Pause, Server, SessionId};

/// How far a manual clock goes on for a process that somebody waits for.
const LONGEST: Duration = Duration::secs(3600);

/// The channel on which it is said how a command ended.
const STATUS: u8 = 3;

/// What somebody holds a socket for.
pub(super) enum Held {
    Process(Process),
    Ports(Ports),
}

/// A process that somebody speaks with.
pub(super) struct Process {
    pub(super) id: SessionId,
    pub(super) streams: StreamOptions,
    pub(super) out: UnboundedSender<Frame>,
}

/// Ports of a pod, each with its connection.
pub(super) struct Ports {
    pub(super) open: Vec<Option<u64>>,
    pub(super) out: UnboundedSender<Frame>,
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
                ports.open.into_iter().flatten().for_each(|connection| server.close_forward(connection))
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
                    let text = ended(status.code()).to_string();
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
    /// Opens them; each of their channels begins with the port's number.
    pub(super) fn open(server: &mut Server, uid: &str, ports: &[u16], out: UnboundedSender<Frame>) -> Ports {
        let mut held = Ports { open: Vec::new(), out };
        for (at, port) in ports.iter().enumerate() {
            let data = u8::try_from(at * 2).unwrap_or(u8::MAX - 1);
            for channel in [data, data + 1] {
                held.say(channel, port.to_le_bytes().to_vec());
            }
            match server.open_forward(uid, *port) {
                Ok((connection, first)) => {
                    held.say(data, first.bytes);
                    held.open.push((!first.closed).then_some(connection));
                }
                Err(fault) => {
                    let text = format!(
                        "error forwarding port {port} to pod {uid}, uid : dial tcp4 127.0.0.1:{port}: connect: {fault}"
                    );
                    held.say(data + 1, text.into_bytes());
                    held.open.push(None);
                }
            }
        }
        held
    }

    fn say(&self, channel: u8, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            let _ = self.out.send(Frame::Data(channel, bytes));
        }
    }

    /// Sends bytes to a port.
    pub(super) fn send(&mut self, server: &mut Server, port: usize, bytes: &[u8]) {
        let Some(Some(connection)) = self.open.get(port).copied() else { return };
        let answered = server.send_forward(connection, bytes);
        self.say(u8::try_from(port * 2).unwrap_or(u8::MAX - 1), answered.bytes);
        if answered.closed {
            self.open[port] = None;
        }
    }

    fn go_on(&mut self, server: &mut Server) -> bool {
        for port in 0..self.open.len() {
            // OBSERVATION: nothing is sent; what the pod said meanwhile comes back.
            let Some(connection) = self.open[port] else { continue };
            let answered = server.hear_forward(connection);
            self.say(u8::try_from(port * 2).unwrap_or(u8::MAX - 1), answered.bytes);
            if answered.closed {
                self.open[port] = None;
            }
        }
        let is_over = self.open.iter().all(Option::is_none);
        if is_over {
            let _ = self.out.send(Frame::End);
        }
        is_over
    }
}
