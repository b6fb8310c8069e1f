//! Small servers that say who they are: `hello-app`, `http-echo`, `whoami`, `echoserver`, `agnhost`, Python's
//! `http.server`.
//!
//! Facts: the sources of GoogleCloudPlatform/kubernetes-engine-samples, hashicorp/http-echo, traefik/whoami,
//! kubernetes/ingress-nginx (echoserver), kubernetes/kubernetes (test/images/agnhost), python/cpython (Lib/http).

use serde::{Deserialize, Serialize};

use super::{Begin, Begun, Server};
use crate::api::Time;
use crate::machine::errno::Errno;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::sys::Kind as FileKind;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::{self, Civil, Partial, Request, Response};
use crate::machine::net::{Peer, Reply, Sent};

/// Which of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    #[default]
    HelloApp,
    /// The text, and whether requests are logged as the older versions did.
    HttpEcho(String, u16),
    Whoami,
    Echoserver,
    Netexec,
    ServeHostname,
    /// The texts by port.
    Porter(Vec<(u16, String)>),
    /// The folder.
    Python(String),
    TestWebserver,
    Kubia,
    NodeHello,
    HelloKubernetes,
    Liveness,
    Bootcamp,
}

/// A small server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Hello {
    kind: Kind,
    ports: Vec<u16>,
    started: bool,
    began: Time,
    partial: Partial,
    /// The exit code that somebody asked for.
    exits: Option<u8>,
    version: String,
    requests: u64,
}

fn begins(kind: Kind, ports: &[u16]) -> Begun {
    Begun::Serves(Server::Hello(Box::new(Hello { kind, ports: ports.to_vec(), ..Hello::default() })))
}

/// An option of Go's `flag`: `-name value`, `-name=value`, `--name=value`.
fn flag(args: &[String], name: &str) -> Option<String> {
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let bare = word.trim_start_matches('-');
        if bare.len() == word.len() {
            continue;
        }
        if bare == name {
            return words.next().cloned();
        }
        if let Some(value) = bare.strip_prefix(name).and_then(|r| r.strip_prefix('=')) {
            return Some(value.to_string());
        }
    }
    None
}

fn port_of(text: &str) -> Option<u16> {
    text.rsplit(':').next()?.parse().ok()
}

fn hello_app(sys: &mut Sys<'_>, _: &[String]) -> Begun {
    let port = sys.env("PORT").and_then(|p| p.parse().ok()).unwrap_or(8080);
    begins(Kind::HelloApp, &[port])
}

fn http_echo(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    if args.iter().any(|a| a.trim_start_matches('-') == "version" && a.starts_with('-')) {
        sys.err("http-echo v1.0.0 (2023-11-21)\n");
        return Begun::Exit(0);
    }
    let text = flag(args, "text").or_else(|| sys.env("ECHO_TEXT").map(String::from)).unwrap_or_default();
    let listen = flag(args, "listen").unwrap_or(":5678".into());
    if text.is_empty() {
        sys.err("Missing -text option!\n");
        return Begun::Exit(127);
    }
    let status = flag(args, "status-code").and_then(|s| s.parse().ok()).unwrap_or(200);
    begins(Kind::HttpEcho(text, status), &[port_of(&listen).unwrap_or(5678)])
}

fn whoami(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let port = flag(args, "port").or_else(|| sys.env("WHOAMI_PORT_NUMBER").map(String::from));
    begins(Kind::Whoami, &[port.and_then(|p| p.parse().ok()).unwrap_or(80)])
}

fn echoserver(_: &mut Sys<'_>, _: &[String]) -> Begun {
    begins(Kind::Echoserver, &[8080])
}

fn serve_hostname(_: &mut Sys<'_>, args: &[String]) -> Begun {
    let port = flag(args, "port").and_then(|p| p.parse().ok()).unwrap_or(9376);
    begins(Kind::ServeHostname, &[port])
}

fn test_webserver(_: &mut Sys<'_>, args: &[String]) -> Begun {
    begins(Kind::TestWebserver, &[flag(args, "port").and_then(|p| p.parse().ok()).unwrap_or(80)])
}

fn kubia(_: &mut Sys<'_>, _: &[String]) -> Begun {
    begins(Kind::Kubia, &[8080])
}

fn node_hello(_: &mut Sys<'_>, _: &[String]) -> Begun {
    begins(Kind::NodeHello, &[8080])
}

fn hello_kubernetes(sys: &mut Sys<'_>, _: &[String]) -> Begun {
    let port = sys.env("PORT").and_then(|p| p.parse().ok()).unwrap_or(8080);
    begins(Kind::HelloKubernetes, &[port])
}

fn bootcamp(_: &mut Sys<'_>, _: &[String]) -> Begun {
    begins(Kind::Bootcamp, &[8080])
}

fn agnhost(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let rest = args.get(2..).unwrap_or_default();
    let port = |name: &str, default: u16| flag(rest, name).and_then(|p| p.parse().ok()).unwrap_or(default);
    match args.get(1).map(String::as_str) {
        Some("netexec") => begins(Kind::Netexec, &[port("http-port", 8080)]),
        Some("serve-hostname") => begins(Kind::ServeHostname, &[port("port", 9376)]),
        Some("test-webserver") => begins(Kind::TestWebserver, &[port("port", 80)]),
        Some("liveness") => begins(Kind::Liveness, &[8080]),
        Some("pause") | None => {
            sys.out("Paused\n");
            Begun::Serves(Server::Idle(super::idle::Idle::ends_with(0)))
        }
        Some("porter") => {
            let wanted: Vec<(u16, String)> = sys
                .process()
                .env
                .iter()
                .filter_map(|(n, v)| Some((n.strip_prefix("SERVE_PORT_")?.parse().ok()?, v.clone())))
                .collect();
            let ports: Vec<u16> = wanted.iter().map(|(p, _)| *p).collect();
            begins(Kind::Porter(wanted), &ports)
        }
        Some("dns-suffix") => {
            let text = sys.read_file("/etc/resolv.conf").unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let search = text.lines().find_map(|l| l.strip_prefix("search ")).unwrap_or_default().replace(' ', ",");
            sys.out(search);
            Begun::Exit(0)
        }
        Some("--version" | "version") => {
            sys.out("agnhost version 2.53\n");
            Begun::Exit(0)
        }
        Some(other) => {
            sys.err(format!("Error: unknown command \"{other}\" for \"app\"\nRun 'app --help' for usage.\n"));
            Begun::Exit(1)
        }
    }
}

/// Python, which runs nothing here but its `http.server`.
fn python(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).filter(|a| *a != "-u").collect();
    match words.as_slice() {
        ["--version" | "-V"] => {
            sys.out("Python 3.14.2\n");
            Begun::Exit(0)
        }
        ["-m", "http.server", rest @ ..] => {
            let rest: Vec<String> = rest.iter().map(|w| (*w).to_string()).collect();
            let folder = flag(&rest, "directory").or_else(|| flag(&rest, "d")).unwrap_or_default();
            let mut port = 8000;
            let mut words = rest.iter();
            while let Some(word) = words.next() {
                if matches!(word.as_str(), "-d" | "--directory" | "-b" | "--bind" | "-p" | "--protocol") {
                    words.next();
                } else if let Ok(number) = word.parse() {
                    port = number;
                }
            }
            let folder = if folder.is_empty() { sys.process().cwd.clone() } else { folder };
            begins(Kind::Python(folder), &[port])
        }
        _ => {
            sys.err("python3: this machine runs no Python but `python3 -m http.server`\n");
            Begun::Exit(1)
        }
    }
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[
    ("agnhost", agnhost),
    ("echoserver", echoserver),
    ("hello-app", hello_app),
    ("hello-kubernetes", hello_kubernetes),
    ("http-echo", http_echo),
    ("kubernetes-bootcamp", bootcamp),
    ("kubia", kubia),
    ("node-hello", node_hello),
    ("python3", python),
    ("serve-hostname", serve_hostname),
    ("test-webserver", test_webserver),
    ("whoami", whoami),
];

/// `2026-03-20T09:46:40.000Z`, as JavaScript writes a time.
fn iso_time(now: Time) -> String {
    let c = Civil::of(now);
    format!("{}T{}.{:03}Z", c.date(), c.clock(), c.milli)
}

/// `2026/03/20 09:46:40`, as Go's `log` begins its lines.
fn go_time(now: Time) -> String {
    let c = Civil::of(now);
    format!("{} {}", c.date().replace('-', "/"), c.clock())
}

/// `I0320 09:46:40.000000       1 log.go:245] `
fn klog(sys: &Sys<'_>) -> String {
    let c = Civil::of(sys.now());
    format!("I{:02}{:02} {}.{:03}000 {:7} log.go:245] ", c.month, c.day, c.clock(), c.milli, sys.getpid())
}

impl Hello {
    fn start(&mut self, sys: &mut Sys<'_>) -> Result<(), Turn> {
        self.started = true;
        self.began = sys.now();
        let now = go_time(sys.now());
        for port in self.ports.clone() {
            if sys.listen(port).is_err() {
                let text = sys.text(Errno::AddrInUse).to_lowercase();
                match self.kind {
                    Kind::Python(_) => sys.err("OSError: [Errno 98] Address already in use\n"),
                    _ => sys.err(format!("{now} listen tcp :{port}: bind: {text}\n")),
                }
                return Err(Turn::Exit(Status::Code(1)));
            }
        }
        let port = self.ports.first().copied().unwrap_or_default();
        match &self.kind {
            Kind::HelloApp => sys.err(format!("{now} Server listening on port {port}\n")),
            Kind::HttpEcho(..) => sys.err(format!("{now} [INFO] server is listening on :{port}\n")),
            Kind::Whoami => sys.err(format!("{now} Starting up on port {port}\n")),
            Kind::Netexec => {
                let head = klog(sys);
                sys.err(format!("{head}Started HTTP server on port {port}\n{head}Started UDP server on port  8081\n"));
            }
            Kind::ServeHostname => {
                let head = klog(sys);
                sys.err(format!("{head}Serving on port {port}.\n"));
            }
            Kind::Porter(all) => {
                for (port, _) in all {
                    let head = klog(sys);
                    sys.err(format!("{head}server on port \"{port}\"\n"));
                }
            }
            Kind::Python(_) => {
                // Standard output is held back unless it is a terminal or said not to be.
                if sys.env("PYTHONUNBUFFERED").is_some_and(|v| !v.is_empty())
                    || sys.is_tty(1)
                    || sys.process().args.iter().any(|a| a == "-u")
                {
                    sys.out(format!("Serving HTTP on 0.0.0.0 port {port} (http://0.0.0.0:{port}/) ...\n"));
                }
            }
            Kind::Kubia => sys.out("Kubia server starting...\n"),
            Kind::HelloKubernetes => sys.out(format!("Listening on: http://{}:{port}\n", sys.sandbox.hostname)),
            Kind::Echoserver => sys.out("Generating self-signed cert\nStarting nginx\n"),
            Kind::Bootcamp => {
                let (at, host) = (iso_time(sys.now()), sys.env("HOSTNAME").unwrap_or_default().to_string());
                sys.out(format!("Kubernetes Bootcamp App Started At: {at} | Running On:  {host} \n\n"));
            }
            Kind::TestWebserver | Kind::NodeHello | Kind::Liveness => {}
        }
        let catches: &[Signal] = match self.kind {
            // Python does nothing about SIGTERM, so that as first process it is shielded from it.
            Kind::Python(_) | Kind::Kubia | Kind::NodeHello | Kind::Bootcamp => &[Signal::INT],
            _ => &[Signal::TERM, Signal::INT],
        };
        for signal in catches {
            sys.set_disposition(*signal, Some(Disposition::Catch));
        }
        Ok(())
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started
            && let Err(turn) = self.start(sys)
        {
            return turn;
        }
        if let Some(code) = self.exits {
            return Turn::Exit(Status::Code(code));
        }
        match sys.take_signal() {
            None => Turn::Wait(Wait::signal()),
            Some(_) => {
                let now = go_time(sys.now());
                match &self.kind {
                    Kind::HttpEcho(..) => {
                        sys.err(format!(
                            "{now} [INFO] received interrupt, shutting down...\n{now} [INFO] server shutdown complete\n"
                        ));
                        Turn::Exit(Status::Code(0))
                    }
                    Kind::Python(_) => {
                        sys.out("\nKeyboard interrupt received, exiting.\n");
                        Turn::Exit(Status::Code(0))
                    }
                    Kind::Echoserver | Kind::Kubia | Kind::NodeHello | Kind::Bootcamp => Turn::Exit(Status::Code(0)),
                    // Go's runtime: what nobody has asked to be told of ends the process with code 2.
                    _ => Turn::Exit(Status::Code(2)),
                }
            }
        }
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, port: u16, peer: &Peer, sent: Sent<'_>) -> Reply {
        let mut reply = Reply::default();
        for request in self.partial.take(peer, sent) {
            let Some(request) = request else {
                let text = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request";
                return Reply { bytes: text.into(), close: true, ..Reply::default() };
            };
            let is_head = request.method == "HEAD";
            let mut response = self.answer(sys, port, peer, &request);
            let is_python = matches!(self.kind, Kind::Python(_));
            let stays = request.keeps_alive() && !is_python;
            let date = http::date(sys.now());
            match self.kind {
                Kind::Python(_) => {
                    response.version = "HTTP/1.0".into();
                    response.headers.0.insert(0, ("Server".into(), "SimpleHTTP/0.6 Python/3.14.2".into()));
                    response.headers.0.insert(1, ("Date".into(), date));
                }
                Kind::Kubia | Kind::NodeHello | Kind::HelloKubernetes | Kind::Bootcamp => {
                    response.headers.add("Date", date);
                    response.headers.add("Connection", if stays { "keep-alive" } else { "close" });
                    response.headers.add("Content-Length", response.body.len().to_string());
                }
                Kind::Echoserver => {
                    response.headers.add("Server", "echoserver");
                    response.headers.add("Date", date);
                    response.headers.add("Content-Length", response.body.len().to_string());
                    response.headers.add("Connection", if stays { "keep-alive" } else { "close" });
                }
                _ => {
                    // Go puts its fields in the order of their names.
                    response.headers.add("Date", date);
                    response.headers.add("Content-Length", response.body.len().to_string());
                    if !response.body.is_empty() && response.headers.get("Content-Type").is_none() {
                        response.headers.add("Content-Type", "text/plain; charset=utf-8");
                    }
                    if !stays {
                        response.headers.add("Connection", "close");
                    }
                    response.headers.0.sort_by(|a, b| go_order(&a.0).cmp(&go_order(&b.0)).then(a.0.cmp(&b.0)));
                }
            }
            reply.bytes.extend(response.bytes(is_head));
            reply.close |= !stays;
            self.requests += 1;
            self.log(sys, peer, &request, &response);
            if reply.close {
                self.partial.close(peer.connection);
                break;
            }
        }
        reply
    }

    fn log(&self, sys: &mut Sys<'_>, peer: &Peer, request: &Request, response: &Response) {
        let now = go_time(sys.now());
        let line = format!("{} {} {}", request.method, request.target, request.version);
        match &self.kind {
            Kind::HelloApp => sys.err(format!("{now} Serving request: {}\n", request.path())),
            Kind::HttpEcho(..) => {
                let (host, agent) =
                    (request.headers.get("Host").unwrap_or_default(), request.headers.get("User-Agent"));
                sys.out(format!(
                    "{now} {host} {}:{} \"{line}\" {} {} \"{}\" 21.12µs\n",
                    peer.ip,
                    peer.port,
                    response.status,
                    response.body.len(),
                    agent.unwrap_or_default()
                ));
            }
            Kind::Python(_) => {
                let c = Civil::of(sys.now());
                let time = format!("{:02}/{}/{} {}", c.day, c.month_name(), c.year, c.clock());
                if response.status >= 400 {
                    sys.err(format!(
                        "{} - - [{time}] code {}, message {}\n",
                        peer.ip,
                        response.status,
                        if response.status == 404 { "File not found" } else { &response.reason }
                    ));
                }
                sys.err(format!("{} - - [{time}] \"{line}\" {} -\n", peer.ip, response.status));
            }
            Kind::Bootcamp => {
                let host = sys.env("HOSTNAME").unwrap_or_default().to_string();
                let up = (sys.now() - self.began).0.max(0) as f64 / 1000.0;
                sys.out(format!(
                    "Running On: {host} | Total Requests: {} | App Uptime: {up} seconds | Log Time: {}\n",
                    self.requests,
                    iso_time(sys.now())
                ));
            }
            Kind::Kubia => sys.out(format!("Received request from ::ffff:{}\n", peer.ip)),
            Kind::Netexec => {
                let head = klog(sys);
                match request.path().as_str() {
                    "/hostname" | "/hostName" => sys.err(format!("{head}{} {}\n", request.method, request.target)),
                    _ => sys.err(format!("{head}{} {}\n", request.method, request.target)),
                }
            }
            Kind::ServeHostname => {
                let head = klog(sys);
                sys.err(format!("{head}HTTP request from {}:{}\n", peer.ip, peer.port));
            }
            Kind::Echoserver => {
                let time = http::log_date(sys.now());
                let agent = request.headers.get("User-Agent").unwrap_or("-");
                sys.out(format!(
                    "{} - - [{time}] \"{line}\" {} {} \"-\" \"{agent}\"\n",
                    peer.ip,
                    response.status,
                    response.body.len()
                ));
            }
            _ => {}
        }
    }

    fn answer(&mut self, sys: &mut Sys<'_>, port: u16, peer: &Peer, request: &Request) -> Response {
        let (hostname, ip) = (sys.sandbox.hostname.clone(), sys.sandbox.ip.clone());
        let path = request.path();
        match &self.kind {
            Kind::HelloApp => {
                let two = super::Reference::parse(sys.image()).tag.starts_with('2');
                let version = if two { "2.0.0" } else { "1.0.0" };
                Response::new(200, format!("Hello, world!\nVersion: {version}\nHostname: {hostname}\n"))
            }
            Kind::HttpEcho(text, status) => {
                if path == "/health" {
                    return Response::new(200, "{\"status\":\"ok\"}\n");
                }
                Response::new(*status, format!("{text}\n"))
                    .with("X-App-Name", "http-echo")
                    .with("X-App-Version", "1.0.0")
            }
            Kind::Whoami => {
                if path == "/health" {
                    return Response::new(200, "");
                }
                let mut text = format!(
                    "Hostname: {hostname}\nIP: 127.0.0.1\nIP: ::1\nIP: {ip}\nRemoteAddr: {}:{}\n",
                    peer.ip, peer.port
                );
                text.push_str(&format!("{} {} {}\n", request.method, request.target, request.version));
                text.push_str(&format!("Host: {}\n", request.headers.get("Host").unwrap_or_default()));
                let mut fields: Vec<(String, String)> =
                    request.headers.0.iter().filter(|(n, _)| !n.eq_ignore_ascii_case("host")).cloned().collect();
                fields.sort_by_key(|(n, _)| (n != "User-Agent", n.clone()));
                for (name, value) in fields {
                    text.push_str(&format!("{name}: {value}\n"));
                }
                text.push('\n');
                Response::new(200, text)
            }
            Kind::Echoserver => echo(sys, port, peer, request, &hostname),
            Kind::Netexec => self.netexec(sys, peer, request, &hostname),
            Kind::ServeHostname => Response::new(200, hostname),
            Kind::Porter(all) => {
                let text = all.iter().find(|(p, _)| *p == port).map_or("", |(_, t)| t.as_str());
                Response::new(200, text)
            }
            Kind::Python(folder) => python_file(sys, folder, request),
            Kind::TestWebserver => match sys.read_file(&path) {
                Ok(bytes) => Response::new(200, bytes.to_vec()),
                Err(_) if path == "/" => {
                    Response::new(200, "<pre>\n</pre>\n").with("Content-Type", "text/html; charset=utf-8")
                }
                Err(_) => Response::new(404, "404 page not found\n").with("X-Content-Type-Options", "nosniff"),
            },
            Kind::Kubia => {
                let version = super::Reference::parse(sys.image()).tag;
                let text = match version.as_str() {
                    "v2" => format!("This is v2 running in pod {hostname}\n"),
                    "v1" => format!("This is v1 running in pod {hostname}\n"),
                    _ => format!("You've hit {hostname}\n"),
                };
                Response::new(200, text)
            }
            Kind::NodeHello => Response::new(200, "Hello Kubernetes!"),
            Kind::Bootcamp => {
                let tag = super::Reference::parse(sys.image()).tag;
                let version = if tag.trim_start_matches('v').starts_with('2') { 2 } else { 1 };
                let text = format!("Hello Kubernetes bootcamp! | Running on: {hostname} | v={version}\n");
                Response::new(200, text).with("Content-Type", "text/plain")
            }
            Kind::Liveness => self.liveness(sys, request),
            Kind::HelloKubernetes => {
                let message = sys.env("MESSAGE").unwrap_or("Hello world!").to_string();
                let body = format!(
                    "<!DOCTYPE html>\n<html>\n<head>\n    <title>Hello Kubernetes!</title>\n</head>\n<body>\n  <div class=\"main\">\n    <div id=\"message\">\n  {message}\n</div>\n<div id=\"info\">\n  <table>\n    <tr>\n      <th>pod:</th>\n      <td>{hostname}</td>\n    </tr>\n    <tr>\n      <th>node:</th>\n      <td>Linux ({})</td>\n    </tr>\n  </table>\n</div>\n  </div>\n</body>\n</html>",
                    super::KERNEL
                );
                Response::new(200, body).with("Content-Type", "text/html; charset=utf-8")
            }
        }
    }

    /// Well for ten seconds, then ill.
    fn liveness(&self, sys: &Sys<'_>, request: &Request) -> Response {
        let up = (sys.now() - self.began).0.max(0) as f64 / 1000.0;
        match request.path().as_str() {
            "/healthz" if up > 10.0 => Response::new(500, format!("error: {up}")),
            "/healthz" => Response::new(200, "ok"),
            "/started" => Response::new(200, format!("{up}s")),
            _ => Response::new(404, "404 page not found\n").with("X-Content-Type-Options", "nosniff"),
        }
    }

    fn netexec(&mut self, sys: &mut Sys<'_>, peer: &Peer, request: &Request, hostname: &str) -> Response {
        match request.path().as_str() {
            "/" => {
                let c = Civil::of(sys.now());
                let up = (sys.now() - self.began).0.max(0);
                let text = format!(
                    "NOW: {} {}.{:03}000000 +0000 UTC m=+{}.{:03}000000",
                    c.date(),
                    c.clock(),
                    c.milli,
                    up / 1000,
                    up % 1000
                );
                Response::new(200, text)
            }
            "/hostname" | "/hostName" => Response::new(200, hostname),
            "/healthz" => Response::new(200, ""),
            "/clientip" => Response::new(200, format!("{}:{}", peer.ip, peer.port)),
            "/echo" => {
                let code = request.parameter("code").and_then(|c| c.parse().ok()).unwrap_or(200);
                Response::new(code, request.parameter("msg").unwrap_or_default())
            }
            "/header" => {
                let key = request.parameter("key").unwrap_or_default();
                Response::new(200, request.headers.get(&key).unwrap_or_default())
            }
            "/exit" => {
                let code = request.parameter("code").and_then(|c| c.parse().ok()).unwrap_or(0u8);
                self.exits = Some(code);
                Response::new(200, "")
            }
            _ => Response::new(404, "404 page not found\n").with("X-Content-Type-Options", "nosniff"),
        }
    }
}

/// `Access-...` before `Content-Length`, `Content-Type`, `Date`: Go sorts its own fields last.
fn go_order(name: &str) -> u8 {
    match name {
        "Date" => 2,
        "Content-Length" => 3,
        "Content-Type" => 1,
        "Connection" => 4,
        _ => 0,
    }
}

/// `registry.k8s.io/echoserver`: its first versions answer in another form than 1.5 and later ones.
fn echo(sys: &Sys<'_>, port: u16, peer: &Peer, request: &Request, hostname: &str) -> Response {
    let host = request.headers.get("Host").unwrap_or_default().split(':').next().unwrap_or_default();
    let uri = format!("http://{host}:{port}{}", request.target);
    let mut fields: Vec<(String, String)> =
        request.headers.0.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.clone())).collect();
    fields.sort();
    let version = request.version.trim_start_matches("HTTP/");
    let body = match request.body.is_empty() {
        true => "-no body in request-".to_string(),
        false => String::from_utf8_lossy(&request.body).into_owned(),
    };
    let path = request.target.split('?').next().unwrap_or_default();
    let tag = super::Reference::parse(sys.image()).version();
    let is_old = matches!(tag.as_slice(), [1, minor, ..] if *minor < 5);
    let text = if is_old {
        let query = if request.query().is_empty() { "nil" } else { request.query() };
        let fields: String = fields.iter().map(|(n, v)| format!("{n}={v}\n")).collect();
        format!(
            "CLIENT VALUES:\nclient_address={}\ncommand={}\nreal path={path}\nquery={query}\nrequest_version={version}\n\
             request_uri={uri}\n\nSERVER VALUES:\nserver_version=nginx: 1.10.0 - lua: 10001\n\nHEADERS RECEIVED:\n{fields}BODY:\n{body}",
            peer.ip, request.method
        )
    } else {
        let fields: String = fields.iter().map(|(n, v)| format!("\t{n}={v}  \n")).collect();
        let env = |name: &str| sys.env(name).map(String::from);
        let pod = match (env("NODE_NAME"), env("POD_NAME"), env("POD_NAMESPACE"), env("POD_IP")) {
            (None, None, None, None) => "\t-no pod information available-\n".to_string(),
            (node, pod, namespace, ip) => {
                [("node name", node), ("pod name", pod), ("pod namespace", namespace), ("pod IP", ip)]
                    .into_iter()
                    .filter_map(|(n, v)| v.map(|v| format!("\t{n}:\t{v}\n")))
                    .collect()
            }
        };
        format!(
            "\n\nHostname: {hostname}\n\nPod Information:\n{pod}\nServer values:\n\tserver_version=nginx: 1.14.2 - lua: 10015\n\n\
             Request Information:\n\tclient_address={}\n\tmethod={}\n\treal path={path}\n\tquery={}\n\trequest_version={version}\n\
             \trequest_scheme=http\n\trequest_uri={uri}\n\nRequest Headers:\n{fields}\nRequest Body:\n\t{body}\n\n",
            peer.ip,
            request.method,
            request.query()
        )
    };
    Response::new(200, text).with("Content-Type", "text/plain")
}

fn python_file(sys: &mut Sys<'_>, folder: &str, request: &Request) -> Response {
    let fault = |code: u16, message: &str, explain: &str| {
        let body = format!(
            "<!DOCTYPE HTML>\n<html lang=\"en\">\n    <head>\n        <meta charset=\"utf-8\">\n        <style type=\"text/css\">\n            :root {{\n                color-scheme: light dark;\n            }}\n        </style>\n        <title>Error response</title>\n    </head>\n    <body>\n        <h1>Error response</h1>\n        <p>Error code: {code}</p>\n        <p>Message: {message}.</p>\n        <p>Error code explanation: {code} - {explain}.</p>\n    </body>\n</html>\n"
        );
        let mut response = Response::new(code, body);
        response.reason = message.to_string();
        let length = response.body.len().to_string();
        response
            .with("Connection", "close")
            .with("Content-Type", "text/html;charset=utf-8")
            .with("Content-Length", length)
    };
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        let text = format!("Unsupported method ('{}')", request.method);
        return fault(501, &text, "Server does not support this operation");
    }
    let path = request.path();
    let full = format!("{}{path}", folder.trim_end_matches('/'));
    let missing = || fault(404, "File not found", "Nothing matches the given URI");
    let Ok(stat) = sys.stat(&full) else { return missing() };
    let mut file = full.clone();
    if stat.kind == FileKind::Dir {
        if !path.ends_with('/') {
            return Response::new(301, "").with("Location", format!("{path}/")).with("Content-Length", "0");
        }
        file = format!("{full}index.html");
        if sys.stat(&file).is_err() {
            let mut body = format!(
                "<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<style type=\"text/css\">\n:root {{\ncolor-scheme: light dark;\n}}\n</style>\n<title>Directory listing for {path}</title>\n</head>\n<body>\n<h1>Directory listing for {path}</h1>\n<hr>\n<ul>\n"
            );
            let mut entries = sys.read_dir(&full).unwrap_or_default();
            entries.sort_by_key(|(n, _)| n.to_lowercase());
            for (name, stat) in entries {
                let shown = match stat.kind {
                    FileKind::Dir => format!("{name}/"),
                    FileKind::Link => format!("{name}@"),
                    _ => name.clone(),
                };
                let to = if stat.kind == FileKind::Dir { &shown } else { &name };
                body.push_str(&format!("<li><a href=\"{to}\">{shown}</a></li>\n"));
            }
            body.push_str("</ul>\n<hr>\n</body>\n</html>\n");
            let length = body.len().to_string();
            return Response::new(200, body)
                .with("Content-type", "text/html; charset=utf-8")
                .with("Content-Length", length);
        }
    }
    let Ok(bytes) = sys.read_file(&file) else { return missing() };
    let kind = match file.rsplit('.').next().unwrap_or_default() {
        "html" | "htm" => "text/html",
        "txt" | "py" | "c" | "h" => "text/plain",
        "json" => "application/json",
        "css" => "text/css",
        "js" => "text/javascript",
        "png" => "image/png",
        _ => "application/octet-stream",
    };
    let modified = sys.stat(&file).map(|s| http::date(s.modified)).unwrap_or_default();
    Response::new(200, bytes.to_vec())
        .with("Content-type", kind)
        .with("Content-Length", bytes.len().to_string())
        .with("Last-Modified", modified)
}
