//! busybox' own `httpd`: serves the files of a folder.
//!
//! Facts: `networking/httpd.c` of busybox.

use serde::{Deserialize, Serialize};

use super::{Begin, Begun, Server};
use crate::machine::errno::Errno;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Program, Status, Sys, Turn, Wait};
use crate::machine::net::http::{self, Partial, Request, Response};
use crate::machine::net::{Peer, Reply, Sent};

/// The server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BusyboxHttpd {
    port: u16,
    folder: String,
    /// How often `-v` was said.
    verbose: u8,
    started: bool,
    partial: Partial,
}

const USAGE: &str = "Usage: httpd [-ifv[v]] [-c CONFFILE] [-p [IP:]PORT] [-u USER[:GRP]] [-r REALM] [-h HOME]\n\
or httpd -d/-e/-m STRING\n\nListen for incoming HTTP requests\n\n\
\t-i\t\tInetd mode\n\t-f\t\tRun in foreground\n\t-v[v]\t\tVerbose\n\
\t-p [IP:]PORT\tBind to IP:PORT (default *:80)\n\t-u USER[:GRP]\tSet uid/gid after binding to port\n\
\t-r REALM\tAuthentication Realm for Basic Authentication\n\t-h HOME\t\tHome directory (default .)\n\
\t-c FILE\t\tConfiguration file (default {/etc,HOME}/httpd.conf)\n\
\t-m STRING\tMD5 crypt STRING\n\t-e STRING\tHTML encode STRING\n\t-d STRING\tURL decode STRING\n";

fn httpd(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let mut server = BusyboxHttpd { port: 80, folder: ".".into(), ..BusyboxHttpd::default() };
    let mut foreground = false;
    let mut words = args.iter().skip(1);
    while let Some(word) = words.next() {
        let mut letters = word.strip_prefix('-').unwrap_or_default().chars();
        while let Some(letter) = letters.next() {
            match letter {
                'f' => foreground = true,
                'v' => server.verbose = server.verbose.saturating_add(1),
                'p' | 'h' | 'c' | 'u' | 'r' | 'e' | 'd' | 'm' => {
                    let joined = letters.as_str().to_string();
                    let value = if joined.is_empty() { words.next().cloned() } else { Some(joined) };
                    let Some(value) = value else {
                        sys.err(format!("httpd: option requires an argument -- '{letter}'\n"));
                        return usage(sys);
                    };
                    match letter {
                        'p' => match value.rsplit(':').next().and_then(|p| p.parse().ok()) {
                            Some(port) => server.port = port,
                            None => {
                                sys.err(format!("httpd: bad port '{value}'\n"));
                                return Begun::Exit(1);
                            }
                        },
                        'h' => server.folder = value,
                        'd' => {
                            sys.out(http::unescape(&value));
                            return Begun::Exit(0);
                        }
                        'e' => {
                            let encode = |c: char| match c.is_ascii_alphanumeric() {
                                true => c.to_string(),
                                false => format!("&#{};", u32::from(c)),
                            };
                            sys.out(value.chars().map(encode).collect::<String>());
                            return Begun::Exit(0);
                        }
                        _ => {}
                    }
                    break;
                }
                other => {
                    sys.err(format!("httpd: unrecognized option: {other}\n"));
                    return usage(sys);
                }
            }
        }
    }
    let folder = server.folder.clone();
    if let Err(fault) = sys.chdir(&folder) {
        let text = sys.text(fault);
        sys.err(format!("httpd: can't change directory to '{folder}': {text}\n"));
        return Begun::Exit(1);
    }
    server.folder = sys.process().cwd.clone();
    if foreground {
        return Begun::Serves(Server::BusyboxHttpd(Box::new(server)));
    }
    let _ = sys.fork(Program::Server(Box::new(Server::BusyboxHttpd(Box::new(server)))));
    Begun::Exit(0)
}

fn usage(sys: &mut Sys<'_>) -> Begun {
    let (major, minor) = super::find(sys.image()).base.busybox_version();
    sys.err(format!("BusyBox v{major}.{minor}.0 (2024-09-26 21:31:42 UTC) multi-call binary.\n\n{USAGE}"));
    Begun::Exit(1)
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("busybox-httpd", httpd)];

/// An answer that is no file. Mirrors `send_headers`.
fn plain(status: u16, info: &str) -> Response {
    let name = if status == 501 { "Not Implemented" } else { http::reason(status) };
    let body = match info {
        "" => String::new(),
        _ => format!(
            "<HTML><HEAD><TITLE>{status} {name}</TITLE></HEAD>\n<BODY><H1>{status} {name}</H1>\n{info}\n</BODY></HTML>\n"
        ),
    };
    Response::new(status, body).with("Content-type", "text/html")
}

fn mime_type(file: &str) -> &'static str {
    match file.rsplit_once('.').map_or("", |(_, suffix)| suffix) {
        "htm" | "html" => "text/html",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" | "h" | "c" | "cc" | "cpp" => "text/plain",
        "css" => "text/css",
        "js" => "application/javascript",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        _ => "application/octet-stream",
    }
}

impl BusyboxHttpd {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started {
            self.started = true;
            if sys.listen(self.port).is_err() {
                let text = sys.text(Errno::AddrInUse);
                sys.err(format!("httpd: bind: {text}\n"));
                return Turn::Exit(Status::Code(1));
            }
        }
        // It does nothing about SIGTERM, so that as first process it is shielded from it.
        Turn::Wait(Wait::signal())
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, peer: &Peer, sent: Sent<'_>) -> Reply {
        // A connection is for one request.
        let Some(request) = self.partial.take(peer, sent).into_iter().next() else {
            return Reply::default();
        };
        let is_head = request.as_ref().is_some_and(|r| r.method == "HEAD");
        let mut response = match &request {
            Some(request) => self.answer(sys, peer, request),
            None => plain(400, "Unsupported method"),
        };
        response.headers.0.insert(0, ("Date".into(), http::date(sys.now())));
        response.headers.0.insert(1, ("Connection".into(), "close".into()));
        if self.verbose > 0 {
            sys.err(format!("[::ffff:{}]:{}: response:{}\n", peer.ip, peer.port, response.status));
        }
        self.partial.close(peer.connection);
        Reply { bytes: response.bytes(is_head), close: true, ..Reply::default() }
    }

    fn answer(&self, sys: &mut Sys<'_>, peer: &Peer, request: &Request) -> Response {
        let path = request.path();
        if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return plain(400, "Unsupported method");
        }
        if self.verbose > 1 {
            sys.err(format!("[::ffff:{}]:{}: url:{path}\n", peer.ip, peer.port));
        }
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return plain(501, "The requested method is not recognized");
        }
        let missing = || plain(404, "The requested URL was not found");
        let mut file = format!("{}{path}", self.folder.trim_end_matches('/'));
        if sys.stat(&file).is_ok_and(|s| s.kind == Kind::Dir) {
            if !path.ends_with('/') {
                return Response::new(302, "").with("Content-type", "text/html").with("Location", format!("{path}/"));
            }
            file.push_str("index.html");
        }
        let (Ok(stat), Ok(bytes)) = (sys.stat(&file), sys.read_file(&file)) else { return missing() };
        let length = bytes.len();
        Response::new(200, bytes.to_vec())
            .with("Content-type", mime_type(&file))
            .with("Accept-Ranges", "bytes")
            .with("Last-Modified", http::date(stat.modified))
            .with("ETag", format!("\"{:x}-{length:x}\"", stat.modified.0.div_euclid(1000)))
            .with("Content-Length", length.to_string())
    }
}
