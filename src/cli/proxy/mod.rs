//! `kubectl proxy`: the API server, and files, at a plain local port or socket.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/proxy` and `pkg/proxy/proxy_server.go`. The server behind it is the one of `kstate serve`.

mod files;
mod filter;

use std::net::IpAddr;
use std::path::PathBuf;

use crate::api::Duration;
use crate::api::user::User;
use crate::error::Failure;
use crate::host::{self, interrupt, sockets};
use crate::kubectl::session::Session;
use crate::kubectl::wall::wall_now;
use crate::serve;
use crate::server::wire::{Keys, http};
use files::Files;
use filter::FilterServer;

/// The port that none needs to be named for.
const DEFAULT_PORT: i64 = 8001;

/// Run a proxy to the Kubernetes API server.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Taken and not looked at, as kubectl does
    #[arg(hide = true)]
    rest: Vec<String>,
    /// Also serve static files from the given directory under the specified prefix
    #[arg(short = 'w', long, default_value = "")]
    www: String,
    /// Prefix to serve static files under
    #[arg(short = 'P', long, default_value = "/static/")]
    www_prefix: String,
    /// Prefix to serve the proxied API under
    #[arg(long, default_value = "/")]
    api_prefix: String,
    /// Paths to accept, as regular expressions (comma separated)
    #[arg(long, default_value = "^.*")]
    accept_paths: String,
    /// Paths to reject, even if they are accepted
    #[arg(long, default_value = "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach")]
    reject_paths: String,
    /// Hosts to accept
    #[arg(long, default_value = r"^localhost$,^127\.0\.0\.1$,^\[::1\]$")]
    accept_hosts: String,
    /// HTTP methods to reject
    #[arg(long, default_value = "^$")]
    reject_methods: String,
    /// The port to listen on; 0 for any that is free
    #[arg(short = 'p', long, default_value_t = DEFAULT_PORT, allow_negative_numbers = true)]
    port: i64,
    /// The IP address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    address: String,
    /// Let every request through
    #[arg(long, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    disable_filter: bool,
    /// A Unix socket to listen on
    #[arg(short = 'u', long, default_value = "")]
    unix_socket: String,
    /// Taken: the connections are local
    #[arg(long, default_value = "0s", value_parser = Duration::parse)]
    keepalive: Duration,
    /// Taken: the server of a cluster has no path
    #[arg(long, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    append_server_path: bool,
}

/// Runs the verb, until an interrupt.
///
/// # Errors
/// kubectl's texts for options that do not go together and for what can't be listened on.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if session.host.sockets().is_none() {
        return Err(Failure::error("proxy opens a socket of this machine: that is not for within a lesson"));
    }
    let filter = match args.disable_filter {
        true => {
            if args.unix_socket.is_empty() {
                let text = "Request filter disabled, your proxy is vulnerable to XSRF attacks, please be cautious";
                warn(session, "proxy.go:176", text);
            }
            None
        }
        false => Some(FilterServer::new(&args).map_err(|why| {
            let line = session.log_line('F', "proxy_server.go:84", &format!("Error compiling re: {why}"));
            Failure { code: 255, ..Failure::raw(line) }
        })?),
    };
    if args.port != DEFAULT_PORT && !args.unix_socket.is_empty() {
        return Err(Failure::error("cannot set --unix-socket and --port at the same time"));
    }
    let files = (!args.www.is_empty()).then(|| Files::of(session.host.files.absolute(&args.www)));
    if let Some(why) = files.as_ref().and_then(|files| files.amiss(&args.www)) {
        warn(session, "proxy.go:201", &why);
    }
    let keys = Keys { admin: random()?, secret: random()? };
    let front = Front {
        credentials: credentials(session.client.user(), &keys.admin),
        api_prefix: ended(&args.api_prefix),
        files: files.map(|files| (ended(&args.www_prefix), files)),
        filter,
    };
    let (place, listening) = listen(&args, session, Box::new(move |request| front.receive(request)))?;
    session.ui.out(&format!("Starting to serve on {place}\n"));
    let interrupts = interrupt::catch();
    let (server, ui) = (session.client.server_mut(), session.ui);
    server.commit()?;
    ui.release();
    let served = serve::run(server, keys, &listening, wall_now, || interrupts.take());
    crate::kubectl::client::begin(server, ui, false, None)?;
    served?;
    Err(Failure::silent(interrupt::EXIT))
}

fn warn(session: &Session<'_>, place: &str, text: &str) {
    session.ui.err(&format!("{}\n", session.log_line('W', place, text)));
}

fn random() -> Result<String, Failure> {
    serve::random().map_err(|e| Failure::error(format!("no random numbers are to be had: {}", host::reason(&e))))
}

/// A prefix ends in a slash.
fn ended(prefix: &str) -> String {
    if prefix.ends_with('/') { prefix.to_string() } else { format!("{prefix}/") }
}

fn listen(args: &Args, session: &Session<'_>, front: serve::Front) -> Result<(String, serve::Listening), Failure> {
    if !args.unix_socket.is_empty() {
        let path: PathBuf = session.host.files.absolute(&args.unix_socket);
        let failed = |e| Failure::error(format!("listen unix {}: bind: {}", args.unix_socket, host::reason(&e)));
        sockets::make_way(&path);
        let listening = serve::listen_at_socket(&path, front).map_err(failed)?;
        sockets::keep_private(&path).map_err(failed)?;
        return Ok((args.unix_socket.clone(), listening));
    }
    let at = format!("{}:{}", args.address, args.port);
    let failed = |what: &str| Failure::error(format!("listen tcp {at}: {what}"));
    let port = u16::try_from(args.port)
        .map_err(|_| Failure::error(format!("listen tcp: address {}: invalid port", args.port)))?;
    let name = if args.address == "localhost" { "127.0.0.1" } else { args.address.trim_matches(['[', ']']) };
    let ip: IpAddr = match name {
        "" => IpAddr::from([0, 0, 0, 0]),
        name => name.parse().map_err(|_| Failure::error(format!("listen tcp: lookup {name}: no such host")))?,
    };
    let listening = serve::listen_plainly(ip, port, front);
    let (at, listening) = listening.map_err(|e| failed(&format!("bind: {}", host::reason(&e).to_lowercase())))?;
    Ok((at.to_string(), listening))
}

/// What a request brings that brings no credentials: those of the one who runs the proxy.
fn credentials(user: &User, token: &str) -> Vec<(&'static str, String)> {
    let mut fields = vec![("Authorization", format!("Bearer {token}"))];
    if !user.is_privileged() {
        fields.push(("Impersonate-User", user.name.clone()));
        fields.extend(user.groups.iter().map(|group| ("Impersonate-Group", group.clone())));
    }
    fields
}

/// What stands before the server.
struct Front {
    credentials: Vec<(&'static str, String)>,
    api_prefix: String,
    files: Option<(String, Files)>,
    filter: Option<FilterServer>,
}

impl Front {
    /// Answers a request, or makes it one for the server. Mirrors `http.ServeMux` with the two handlers of `NewServer`.
    fn receive(&self, request: &mut http::Request) -> Option<http::Response> {
        let path = request.path();
        if self.lacks_a_slash(&path) {
            return Some(moved(&format!("{path}/")));
        }
        let prefixes = self.files.iter().map(|(prefix, _)| prefix).chain([&self.api_prefix]);
        let longest = prefixes.filter(|prefix| path.starts_with(*prefix)).max_by_key(|prefix| prefix.len());
        match (longest, &self.files) {
            (Some(prefix), Some((of_files, files))) if prefix == of_files => {
                Some(files.serve(request, &path[of_files.len() - 1..]))
            }
            (Some(_), _) => self.pass_on(request, &path),
            (None, _) => Some(not_found()),
        }
    }

    fn lacks_a_slash(&self, path: &str) -> bool {
        let with = format!("{path}/");
        with == self.api_prefix || self.files.as_ref().is_some_and(|(prefix, _)| *prefix == with)
    }

    /// Mirrors `NewProxyHandler`.
    fn pass_on(&self, request: &mut http::Request, path: &str) -> Option<http::Response> {
        let strips = !self.api_prefix.starts_with("/api");
        if strips {
            let cut = self.api_prefix.len() - 1;
            request.target = request.target.get(cut..).unwrap_or("/").to_string();
        }
        let path = if strips { &path[self.api_prefix.len() - 1..] } else { path };
        if self.filter.as_ref().is_some_and(|filter| !filter.accepts(request, path)) {
            return Some(plain(403, "Forbidden\n"));
        }
        if request.headers.get("Authorization").is_none() {
            self.credentials.iter().for_each(|(name, value)| request.headers.add(name, value.as_str()));
        }
        None
    }
}

/// Mirrors `http.Error`.
fn plain(status: u16, text: &str) -> http::Response {
    http::Response::new(status, text.as_bytes().to_vec())
        .with("Content-Type", "text/plain; charset=utf-8")
        .with("X-Content-Type-Options", "nosniff")
}

fn not_found() -> http::Response {
    plain(404, "404 page not found\n")
}

/// Mirrors `http.Redirect`.
fn moved(to: &str) -> http::Response {
    let body = format!("<a href=\"{}\">Moved Permanently</a>.\n\n", files::escaped(to));
    http::Response::new(301, body.into_bytes()).with("Content-Type", "text/html; charset=utf-8").with("Location", to)
}
