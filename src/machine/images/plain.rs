//! Servers that start with the log that is known of them, keep a file that says who they are, listen, and end as they
//! should: memcached, RabbitMQ and the metrics-server.
//!
//! Facts: docker-library/repo-info, the projects' own Dockerfiles, and what they print when they start.

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::reference::Reference;
use super::sql::Script;
use super::{Begin, Begun, Model, Server};
use crate::api::Time;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent};

/// One of them: its names, its command, its ports, its folder, what it prints when it starts and when it ends, and the
/// exit code at SIGTERM.
struct Kind {
    name: &'static str,
    command: &'static [&'static str],
    ports: &'static [u16],
    folder: &'static str,
    file: &'static str,
    begins: &'static str,
    ends: &'static str,
    code: u8,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "memcached",
        command: &["docker-entrypoint.sh", "memcached"],
        ports: &[11211],
        folder: "",
        file: "",
        begins: "",
        ends: "Signal handled: Terminated.\n",
        code: 0,
    },
    Kind {
        name: "rabbitmq",
        command: &["docker-entrypoint.sh", "rabbitmq-server"],
        ports: &[5672, 15692, 25672, 4369],
        folder: "/var/lib/rabbitmq",
        file: ".erlang.cookie",
        begins: "@ [info] <0.44.0> Starting RabbitMQ 4.2.1 on Erlang 27.3.4.6 [jit]\n  ##  ##      RabbitMQ 4.2.1\n  ##  ##\n  ##########  Copyright (c) 2007-2025 Broadcom Inc and/or its subsidiaries\n  ######  ##\n  ##########  Licensed under the MPL 2.0. Website: https://rabbitmq.com\n\n  Starting broker... completed with 0 plugins.\n@ [info] <0.9.0> Time to start RabbitMQ: 4217 ms\n",
        ends: "@ [info] <0.60.0> SIGTERM received - shutting down\n",
        code: 0,
    },
    Kind {
        name: "metrics-server",
        command: &["/metrics-server"],
        ports: &[10250, 4443, 443],
        folder: "",
        file: "",
        begins: "I@       1 serving.go:380] Generated self-signed cert (/tmp/apiserver.crt, /tmp/apiserver.key)\nI@       1 handler.go:288] Adding GroupVersion metrics.k8s.io v1beta1 to ResourceManager\nI@       1 secure_serving.go:211] Serving securely on [::]:10250\n",
        ends: "I@       1 secure_serving.go:258] Stopped listening on [::]:10250\n",
        code: 0,
    },
];

/// The names of the images and the kind that each is.
const NAMES: &[(&str, &str)] = &[
    ("memcached", "memcached"),
    ("rabbitmq", "rabbitmq"),
    ("metrics-server", "metrics-server"),
    ("mirrored-metrics-server", "metrics-server"),
];

/// The names of the images.
pub(super) const IMAGES: &[&str] = &["memcached", "rabbitmq", "metrics-server", "mirrored-metrics-server"];

fn kind(name: &str) -> Option<&'static Kind> {
    let name = NAMES.iter().find(|(n, _)| *n == name).map(|(_, k)| *k)?;
    KINDS.iter().find(|k| k.name == name)
}

/// The image.
pub(super) fn model(reference: &Reference) -> Model {
    let Some(kind) = kind(reference.name()) else { return Model::on(Base::Debian(12)) };
    let base = match kind.name {
        "metrics-server" => Base::Distroless,
        "rabbitmq" => Base::Ubuntu((24, 4)),
        _ => Base::Debian(12),
    };
    let mut model = Model::on(base).exposes(kind.ports).adds(60_000_000);
    let (program, rest) = kind.command.split_first().unwrap_or((&"/bin/app", &[]));
    let path = if program.starts_with('/') { (*program).to_string() } else { format!("/usr/local/bin/{program}") };
    model = model.enters(&[program]).runs(rest).program(&path, "plain-entrypoint");
    for (path, program) in [("/usr/local/bin/memcached", "memcached"), ("/usr/local/bin/rabbitmq-server", "rabbitmq")] {
        if program == kind.name {
            model = model.program(path, "plain");
        }
    }
    if !kind.folder.is_empty() {
        model = model.dir(kind.folder, 0o777, (0, 0)).keeps(&[kind.folder]);
    }
    model
}

fn entry(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let name = super::Reference::parse(sys.image()).name().to_string();
    let own = kind(&name).map(|k| k.command).unwrap_or_default();
    let rest = &args[1..];
    let first = rest.first().map_or("", String::as_str);
    let serves = rest.is_empty() || first.starts_with('-') || own.contains(&first);
    if serves { start(sys, args) } else { Begun::Becomes(rest.to_vec()) }
}

fn start(sys: &mut Sys<'_>, _: &[String]) -> Begun {
    let image = super::Reference::parse(sys.image());
    let Some(kind) = kind(image.name()) else { return Begun::Exit(1) };
    Begun::Serves(Server::Plain(Box::new(Plain { name: kind.name.to_string(), ..Plain::default() })))
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("plain", start), ("plain-entrypoint", entry)];

/// One of these servers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Plain {
    name: String,
    started: bool,
    script: Script,
}

fn stamp(name: &str, now: Time) -> String {
    let c = Civil::of(now);
    match name {
        "rabbitmq" => format!("{} {}.{:03}000+00:00", c.date(), c.clock(), c.milli),
        "metrics-server" => {
            format!("{:02}{:02} {}.{:03}000", c.month, c.day, c.clock(), c.milli)
        }
        _ => format!("{}T{}.{:03}Z", c.date(), c.clock(), c.milli),
    }
}

impl Plain {
    fn fill(&self, sys: &Sys<'_>, text: &str) -> String {
        text.replace('@', &stamp(&self.name, sys.now()))
            .replace('#', &sys.sandbox.hostname)
            .replace('%', &sys.sandbox.ip)
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let Some(kind) = KINDS.iter().find(|k| k.name == self.name) else { return Turn::Exit(Status::Code(1)) };
        if !self.started {
            self.started = true;
            sys.set_disposition(Signal::TERM, Some(Disposition::Catch));
            sys.set_disposition(Signal::INT, Some(Disposition::Catch));
            if !kind.file.is_empty() {
                let path = format!("{}/{}", kind.folder, kind.file);
                if sys.stat(&path).is_err() {
                    let identity = format!("{:016x}{:016x}\n", sys.random(), sys.random());
                    if let Err(fault) = sys.write_file(&path, identity.as_bytes()) {
                        let why = sys.text(fault);
                        sys.err(format!("{path}: {why}\n"));
                        return Turn::Exit(Status::Code(1));
                    }
                }
            }
            for port in kind.ports {
                let _ = sys.listen(*port);
            }
            let text = self.fill(sys, kind.begins);
            if self.name == "rabbitmq" { sys.out(text) } else { sys.err(text) }
        }
        if sys.take_signal().is_some() {
            let text = self.fill(sys, kind.ends);
            sys.out(text);
            return Turn::Exit(Status::Code(kind.code));
        }
        Turn::Wait(Wait::signal())
    }

    pub(super) fn receive(&mut self, _sys: &mut Sys<'_>, port: u16, _peer: &Peer, sent: Sent<'_>) -> Reply {
        let Sent::Bytes(bytes) = sent else { return Reply::default() };
        let text = String::from_utf8_lossy(bytes).into_owned();
        let answer = match (self.name.as_str(), text.trim()) {
            ("memcached", "version") => "VERSION 1.6.39\r\n",
            (_, request) if request.starts_with("GET ") || request.starts_with("HEAD ") => {
                let path = request.split(' ').nth(1).unwrap_or_default();
                let body = match (self.name.as_str(), path) {
                    ("metrics-server", "/livez" | "/readyz" | "/healthz") => "ok",
                    _ if port == 8080 || port == 15692 => "",
                    _ => "",
                };
                let text =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
                return Reply { bytes: text.into_bytes(), close: true, ..Reply::default() };
            }
            _ => return Reply { close: true, ..Reply::default() },
        };
        Reply { bytes: answer.into(), close: false, ..Reply::default() }
    }
}
