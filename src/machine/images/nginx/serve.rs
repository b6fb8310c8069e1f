//! How nginx answers a request: files, redirects, fixed answers, and what it passes on.

use super::conf::Directive;
use super::{Nginx, SERVER};
use crate::api::Time;
use crate::machine::errno::Errno;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Input, Sys};
use crate::machine::net::http::{self, Parsed, Request, Response, Url};
use crate::machine::net::{Peer, Reply, Sent, resolver};

/// How often a request is sent on inside.
const MAX_REDIRECTS: usize = 10;

/// The most that is read of what another server answers.
const MAX_READ: usize = 8 << 20;

/// What a location said to a request.
struct Told {
    response: Response,
    /// Lines for the error log, without time and client.
    errors: Vec<String>,
}

impl Told {
    fn of(response: Response) -> Told {
        Told { response, errors: Vec::new() }
    }
}

/// nginx' own page for a status.
fn page(status: u16, version: &str) -> Response {
    let reason = match status {
        413 => "Request Entity Too Large",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        405 => "Not Allowed",
        302 => "Found",
        other => http::reason(other),
    };
    let title = format!("{status} {reason}");
    let heading = if status == 401 { "401 Authorization Required" } else { &title };
    let body = format!(
        "<html>\r\n<head><title>{heading}</title></head>\r\n<body>\r\n<center><h1>{heading}</h1></center>\r\n\
         <hr><center>nginx/{version}</center>\r\n</body>\r\n</html>\r\n"
    );
    let mut response = Response::new(status, body);
    response.reason = reason.to_string();
    if status == 405 {
        response.reason = "Not Allowed".into();
    }
    response.headers.add("Content-Type", "text/html");
    response
}

/// `Content-Type` by a file's ending, from the `mime.types` that nginx brings.
fn content_type(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    Some(match name.rsplit_once('.')?.1 {
        "html" | "htm" | "shtml" => "text/html",
        "css" => "text/css",
        "xml" => "text/xml",
        "gif" => "image/gif",
        "jpeg" | "jpg" => "image/jpeg",
        "js" => "application/javascript",
        "atom" => "application/atom+xml",
        "rss" => "application/rss+xml",
        "txt" => "text/plain",
        "png" => "image/png",
        "svg" | "svgz" => "image/svg+xml",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "jar" | "war" | "ear" => "application/java-archive",
        "json" => "application/json",
        "doc" => "application/msword",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "zip" => "application/zip",
        "rpm" => "application/x-redhat-package-manager",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "mpeg" | "mpg" => "video/mpeg",
        "webm" => "video/webm",
        _ => return None,
    })
}

/// `"65f1a2b3-267"`
fn etag(modified: Time, size: u64) -> String {
    format!("\"{:x}-{size:x}\"", modified.0 / 1000)
}

impl Nginx {
    /// Answers what happens on a connection.
    pub fn receive(&mut self, sys: &mut Sys<'_>, port: u16, peer: &Peer, sent: Sent<'_>) -> Reply {
        match sent {
            Sent::Open => {
                self.accepted += 1;
                self.open.insert(peer.connection, self.accepted);
                Reply::default()
            }
            Sent::Closed => {
                self.open.remove(&peer.connection);
                self.partial.close(peer.connection);
                Reply::default()
            }
            Sent::Bytes(bytes) => {
                let mut reply = Reply::default();
                for request in self.partial.add(peer.connection, bytes) {
                    self.answer(sys, port, peer, request, &mut reply);
                    if reply.close {
                        self.open.remove(&peer.connection);
                        self.partial.close(peer.connection);
                        break;
                    }
                }
                reply
            }
        }
    }

    fn answer(&mut self, sys: &mut Sys<'_>, port: u16, peer: &Peer, request: Option<Request>, reply: &mut Reply) {
        self.requests += 1;
        let main = std::mem::take(&mut self.conf);
        let http = main.find("http").cloned().unwrap_or_default();
        let (request, told, server) = match request {
            Some(request) => {
                let server = pick_server(&http, port, request.headers.get("Host").unwrap_or_default());
                let told = self.serve(sys, &http, &server, &request, peer, port);
                (request, told, server)
            }
            None => {
                let mut told = Told::of(page(400, &self.version));
                told.response.headers.set("Connection", "close");
                (Request { version: "HTTP/1.1".into(), ..Request::default() }, told, Directive::default())
            }
        };
        self.conf = main;
        let is_head = request.method == "HEAD";
        let stays = request.keeps_alive() && told.response.status != 400;
        let response = self.dress(sys, told.response, stays, &http, &server);
        reply.bytes.extend(response.bytes(is_head));
        reply.close |= !stays;
        let sent = if is_head { 0 } else { response.body.len() };
        self.log(sys, &http, &server, peer, &request, (response.status, sent), &told.errors);
    }

    /// Puts nginx' own fields around a response.
    fn dress(&self, sys: &Sys<'_>, told: Response, stays: bool, http: &Directive, server: &Directive) -> Response {
        let mut response = Response { headers: http::Headers::default(), ..told.clone() };
        let tokens = server.find("server_tokens").or_else(|| http.find("server_tokens")).map_or("on", |d| d.arg(0));
        let name = if tokens == "off" { SERVER.to_string() } else { format!("{SERVER}/{}", self.version) };
        if tokens == "off" {
            let long = format!("<center>nginx/{}</center>", self.version);
            let body = String::from_utf8_lossy(&response.body).replace(&long, "<center>nginx</center>");
            if response.status >= 300 {
                response.body = body.into_bytes();
            }
        }
        response.headers.add("Server", name);
        response.headers.add("Date", http::date(sys.now()));
        if let Some(kind) = told.headers.get("Content-Type") {
            response.headers.add("Content-Type", kind);
        }
        if !matches!(response.status, 204 | 304) {
            response.headers.add("Content-Length", response.body.len().to_string());
        }
        if let Some(modified) = told.headers.get("Last-Modified") {
            response.headers.add("Last-Modified", modified);
        }
        response.headers.add("Connection", if stays { "keep-alive" } else { "close" });
        let own = [
            "Content-Type",
            "Content-Length",
            "Last-Modified",
            "Connection",
            "Server",
            "Date",
            "Transfer-Encoding",
            "Keep-Alive",
        ];
        for (name, value) in &told.headers.0 {
            if !own.iter().any(|o| o.eq_ignore_ascii_case(name)) {
                response.headers.add(name, value.clone());
            }
        }
        response
    }

    fn serve(
        &mut self,
        sys: &mut Sys<'_>,
        http: &Directive,
        server: &Directive,
        request: &Request,
        peer: &Peer,
        port: u16,
    ) -> Told {
        if !request.target.starts_with('/') && request.method != "CONNECT" {
            return Told::of(page(400, &self.version));
        }
        if request.version == "HTTP/1.1" && request.headers.get("Host").is_none() {
            return Told::of(page(400, &self.version));
        }
        let mut path = request.path();
        let mut errors = Vec::new();
        for _ in 0..MAX_REDIRECTS {
            let around = Around { http, server, request, peer, port, me: self.me.clone() };
            match self.at(sys, &around, &path) {
                Next::Told(mut told) => {
                    errors.append(&mut told.errors);
                    told.errors = errors;
                    return self.with_error_page(sys, &around, told);
                }
                Next::To(next) => path = next,
            }
        }
        let mut told = Told::of(page(500, &self.version));
        told.errors.push(format!("rewrite or internal redirection cycle while internally redirecting to \"{path}\""));
        told
    }

    /// The page that `error_page` names for a status.
    fn with_error_page(&mut self, sys: &mut Sys<'_>, around: &Around<'_>, told: Told) -> Told {
        let status = told.response.status.to_string();
        let here = around.server.all("error_page").chain(around.http.all("error_page"));
        let found = here.filter(|d| d.words[1..].contains(&status)).last();
        let Some(to) = found.and_then(|d| d.words.last()).filter(|to| to.starts_with('/')) else { return told };
        match self.at(sys, around, to) {
            Next::Told(other) if other.response.status == 200 => {
                let mut response = other.response;
                response.status = told.response.status;
                response.reason = told.response.reason;
                Told { response, errors: told.errors }
            }
            _ => told,
        }
    }

    fn at(&mut self, sys: &mut Sys<'_>, around: &Around<'_>, path: &str) -> Next {
        let location = pick_location(around.server, path);
        let here = location.as_ref().unwrap_or(around.server);
        let setting = |name: &str| {
            here.find(name).or_else(|| around.server.find(name)).or_else(|| around.http.find(name)).cloned()
        };
        let mut rewritten = path.to_string();
        let own_rules = around.server.block.iter().filter(|_| location.is_some());
        for rule in own_rules.chain(&here.block) {
            match rule.name() {
                "return" => return Next::Told(self.returned(rule, around, path)),
                "rewrite" => {
                    if let Some(next) = rewrite(rule.arg(0), rule.arg(1), &rewritten) {
                        match rule.arg(2) {
                            "permanent" => return Next::Told(Told::of(self.moved(301, &next))),
                            "redirect" => return Next::Told(Told::of(self.moved(302, &next))),
                            "break" => rewritten = next,
                            _ if next != path => return Next::To(next),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        let path = rewritten.as_str();
        if here.block.iter().any(|d| d.name() == "deny" && d.arg(0) == "all")
            && !here.block.iter().any(|d| d.name() == "allow")
        {
            let mut told = Told::of(page(403, &self.version));
            told.errors.push("access forbidden by rule".into());
            return Next::Told(told);
        }
        if here.find("stub_status").is_some() {
            return Next::Told(Told::of(self.status_page()));
        }
        if let Some(pass) = here.find("proxy_pass") {
            return Next::Told(self.pass(sys, around, here, pass.arg(0), path));
        }
        if here.find("fastcgi_pass").is_some() {
            let mut told = Told::of(page(502, &self.version));
            told.errors.push("connect() failed (111: Connection refused) while connecting to upstream".into());
            return Next::Told(told);
        }
        let root = setting("root").map_or("/etc/nginx/html".to_string(), |d| d.arg(0).to_string());
        let file_of = |path: &str| match here.find("alias") {
            Some(alias) => {
                let prefix = here.words.last().map_or("", String::as_str);
                format!("{}{}", alias.arg(0), path.strip_prefix(prefix).unwrap_or(path))
            }
            None => format!("{}{path}", root.trim_end_matches('/')),
        };
        if !matches!(around.request.method.as_str(), "GET" | "HEAD") {
            return Next::Told(Told::of(page(405, &self.version)));
        }
        if let Some(tries) = setting("try_files") {
            let (last, firsts) = tries.words[1..].split_last().map_or(("", &[][..]), |(l, f)| (l.as_str(), f));
            for candidate in firsts {
                let name = expand(candidate, around, path);
                let full = file_of(name.trim_end_matches('/'));
                match sys.stat(&full).map(|s| s.kind) {
                    Ok(Kind::Dir) if candidate.ends_with('/') && name != path => return Next::To(name),
                    Ok(Kind::Dir) if candidate.ends_with('/') => return self.file(sys, around, &setting, &full, path),
                    Ok(Kind::File) if !candidate.ends_with('/') => {
                        return self.file(sys, around, &setting, &full, &name);
                    }
                    _ => {}
                }
            }
            if let Some(code) = last.strip_prefix('=').and_then(|c| c.parse().ok()) {
                return Next::Told(Told::of(page(code, &self.version)));
            }
            let last = expand(last, around, path);
            let last = last.split('?').next().unwrap_or_default().to_string();
            return if last == path { self.file(sys, around, &setting, &file_of(path), path) } else { Next::To(last) };
        }
        self.file(sys, around, &setting, &file_of(path), path)
    }

    /// Answers with a file, or a folder's index.
    fn file(
        &mut self,
        sys: &mut Sys<'_>,
        around: &Around<'_>,
        setting: &dyn Fn(&str) -> Option<Directive>,
        full: &str,
        path: &str,
    ) -> Next {
        let failed = |this: &Nginx, sys: &Sys<'_>, name: &str, fault: Errno| {
            let status = if fault == Errno::Access { 403 } else { 404 };
            let mut told = Told::of(page(status, &this.version));
            told.errors.push(format!("open() \"{name}\" failed ({})", super::super::numbered(sys, fault)));
            Next::Told(told)
        };
        if path.ends_with('/') {
            let index = setting("index").map_or(vec!["index.html".into()], |d| d.words[1..].to_vec());
            let folder = full.trim_end_matches('/');
            for name in &index {
                let file = format!("{folder}/{}", name.trim_start_matches('/'));
                if sys.stat(&file).is_ok() {
                    return Next::To(format!("{path}{}", name.trim_start_matches('/')));
                }
            }
            return match sys.stat(full) {
                Ok(stat) if stat.kind == Kind::Dir => {
                    if setting("autoindex").is_some_and(|d| d.arg(0) == "on") {
                        return Next::Told(Told::of(listing(sys, full, path)));
                    }
                    let mut told = Told::of(page(403, &self.version));
                    told.errors.push(format!("directory index of \"{folder}/\" is forbidden"));
                    Next::Told(told)
                }
                Ok(_) => failed(self, sys, full, Errno::NotDir),
                Err(fault) => {
                    let file = format!("{folder}/{}", index.first().map_or("index.html", String::as_str));
                    let status = if fault == Errno::Access { 403 } else { 404 };
                    let mut told = Told::of(page(status, &self.version));
                    told.errors.push(format!("\"{file}\" is not found ({})", super::super::numbered(sys, fault)));
                    Next::Told(told)
                }
            };
        }
        let stat = match sys.stat(full) {
            Ok(stat) => stat,
            Err(fault) => return failed(self, sys, full, fault),
        };
        if stat.kind == Kind::Dir {
            let host = around.request.headers.get("Host").unwrap_or("localhost");
            let host = host.split(':').next().unwrap_or(host);
            let port = if around.port == 80 { String::new() } else { format!(":{}", around.port) };
            return Next::Told(Told::of(self.moved(301, &format!("http://{host}{port}{path}/"))));
        }
        // The workers read files, as their own user.
        if sys.process().uid == 0 && stat.mode & 0o004 == 0 && stat.uid != 101 {
            return failed(self, sys, full, Errno::Access);
        }
        let bytes = match sys.read_file(full) {
            Ok(bytes) => bytes,
            Err(fault) => return failed(self, sys, full, fault),
        };
        let tag = etag(stat.modified, bytes.len() as u64);
        let default = setting("default_type").map_or("text/plain".to_string(), |d| d.arg(0).to_string());
        let kind = content_type(full).map_or(default, String::from);
        let kind = match setting("charset") {
            Some(d) if d.arg(0) != "off" && kind.starts_with("text/") => format!("{kind}; charset={}", d.arg(0)),
            _ => kind,
        };
        let modified = http::date(stat.modified);
        let fresh = around.request.headers.get("If-None-Match") == Some(tag.as_str())
            || around.request.headers.get("If-Modified-Since") == Some(modified.as_str());
        let mut response = if fresh { Response::new(304, "") } else { Response::new(200, bytes.to_vec()) };
        if !fresh {
            response.headers.add("Content-Type", kind);
        }
        response = response.with("Last-Modified", modified).with("ETag", tag);
        if !fresh {
            response = response.with("Accept-Ranges", "bytes");
        }
        for header in setting("add_header").iter() {
            response.headers.add(header.arg(0), expand(header.arg(1), around, path));
        }
        Next::Told(Told::of(response))
    }

    fn moved(&self, status: u16, to: &str) -> Response {
        page(status, &self.version).with("Location", to)
    }

    fn returned(&self, rule: &Directive, around: &Around<'_>, path: &str) -> Told {
        let (code, text) = match rule.arg(0).parse::<u16>() {
            Ok(code) => (code, rule.words.get(2).map(|t| expand(t, around, path))),
            Err(_) => (302, Some(expand(rule.arg(0), around, path))),
        };
        match (code, text) {
            (301 | 302 | 303 | 307 | 308, Some(to)) => Told::of(self.moved(code, &to)),
            (204, _) => Told::of(Response::new(204, "")),
            (_, Some(text)) => {
                let here = pick_location(around.server, path);
                let kind = here
                    .as_ref()
                    .and_then(|l| l.find("default_type"))
                    .or_else(|| around.server.find("default_type"))
                    .or_else(|| around.http.find("default_type"))
                    .map_or("text/plain", |d| d.arg(0))
                    .to_string();
                let mut response = Response::new(code, text).with("Content-Type", kind);
                if let Some(location) = here {
                    for header in location.all("add_header") {
                        let name = header.arg(0);
                        let value = expand(header.arg(1), around, path);
                        if name.eq_ignore_ascii_case("Content-Type") {
                            response.headers.set(name, value);
                        } else {
                            response.headers.add(name, value);
                        }
                    }
                }
                Told::of(response)
            }
            (code, None) => Told::of(page(code, &self.version)),
        }
    }

    fn status_page(&self) -> Response {
        let body = format!(
            "Active connections: {} \nserver accepts handled requests\n {} {} {} \nReading: 0 Writing: 1 Waiting: {} \n",
            self.open.len().max(1),
            self.accepted,
            self.accepted,
            self.requests,
            self.open.len().saturating_sub(1),
        );
        Response::new(200, body).with("Content-Type", "text/plain")
    }

    /// Passes a request on to another server.
    fn pass(&mut self, sys: &mut Sys<'_>, around: &Around<'_>, location: &Directive, url: &str, path: &str) -> Told {
        let url = expand(url, around, path);
        let Some(parsed) = Url::parse(&url) else { return Told::of(page(500, &self.version)) };
        let upstream = around.http.all("upstream").find(|u| u.arg(0) == parsed.host);
        let (host, port) = match upstream {
            Some(upstream) => {
                let servers: Vec<&str> = upstream.all("server").map(|s| s.arg(0)).collect();
                let turn = (self.requests as usize).checked_rem(servers.len()).unwrap_or(0);
                let server = servers.get(turn).copied().unwrap_or("127.0.0.1");
                match server.rsplit_once(':') {
                    Some((host, port)) => (host.to_string(), port.parse().unwrap_or(80)),
                    None => (server.to_string(), 80),
                }
            }
            None => (parsed.host.clone(), parsed.port()),
        };
        // A path in the URL stands for the location's prefix.
        let has_path = url.split_once("://").is_some_and(|(_, r)| r.contains('/'));
        let target = if has_path {
            let prefix = location.words.last().map_or("/", String::as_str);
            let rest = around.request.target.strip_prefix(prefix).unwrap_or(&around.request.target);
            format!("{}{rest}", parsed.path)
        } else {
            around.request.target.clone()
        };
        let shown = format!("http://{host}:{port}{target}");
        let failed = |this: &Nginx, status: u16, why: String| {
            let mut told = Told::of(page(status, &this.version));
            told.errors.push(format!("{why}, upstream: \"{shown}\""));
            told
        };
        let ip = match resolver::resolve(sys, &host) {
            Ok(ips) => match ips.first() {
                Some(ip) => *ip,
                None => return failed(self, 502, format!("{host} could not be resolved (3: Host not found)")),
            },
            Err(_) => return failed(self, 502, format!("{host} could not be resolved (3: Host not found)")),
        };
        let fd = match sys.connect(ip, port) {
            Ok(fd) => fd,
            Err(fault) => {
                let status = if fault == Errno::TimedOut { 504 } else { 502 };
                let text = super::super::numbered(sys, fault);
                return failed(self, status, format!("connect() failed ({text}) while connecting to upstream"));
            }
        };
        let mut host_field = if parsed.port.is_some() { parsed.host_field() } else { parsed.host.clone() };
        let mut extra = Vec::new();
        for set in location.all("proxy_set_header").chain(around.server.all("proxy_set_header")) {
            let value = expand(set.arg(1), around, path);
            if set.arg(0).eq_ignore_ascii_case("Host") {
                host_field = value;
            } else if !value.is_empty() {
                extra.push((set.arg(0).to_string(), value));
            }
        }
        let mut text = format!("{} {target} HTTP/1.0\r\n", around.request.method);
        for (name, value) in &extra {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Host: {host_field}\r\nConnection: close\r\n"));
        for (name, value) in &around.request.headers.0 {
            let own = ["Host", "Connection", "Keep-Alive", "Transfer-Encoding", "Expect"];
            if !own.iter().any(|o| o.eq_ignore_ascii_case(name))
                && !extra.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
            {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&around.request.body);
        let _ = sys.write(fd, &bytes);
        let mut got = Vec::new();
        while got.len() < MAX_READ {
            match sys.read(fd, 65536) {
                Ok(Input::Bytes(more)) => got.extend(more),
                _ => break,
            }
        }
        let _ = sys.close(fd);
        match http::response(&got, around.request.method == "HEAD", true) {
            Parsed::Whole(response, _) => Told::of(response),
            _ => failed(
                self,
                502,
                "upstream prematurely closed connection while reading response header from upstream".into(),
            ),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn log(
        &mut self,
        sys: &mut Sys<'_>,
        http: &Directive,
        server: &Directive,
        peer: &Peer,
        request: &Request,
        (status, sent): (u16, usize),
        errors: &[String],
    ) {
        let line = if request.method.is_empty() {
            String::new()
        } else {
            format!("{} {} {}", request.method, request.target, request.version)
        };
        let number = self.open.get(&peer.connection).copied().unwrap_or(self.accepted);
        for error in errors {
            let (error, upstream) = match error.split_once(", upstream: ") {
                Some((error, upstream)) => (error, format!(", upstream: {upstream}")),
                None => (error.as_str(), String::new()),
            };
            let name = server.find("server_name").map_or("", |d| d.arg(0));
            let host = request.headers.get("Host").map(|h| format!(", host: \"{h}\"")).unwrap_or_default();
            let text =
                format!("*{number} {error}, client: {}, server: {name}, request: \"{line}\"{upstream}{host}", peer.ip);
            self.say(sys, "error", self.worker, &text);
        }
        let location = pick_location(server, &request.path());
        let log = location
            .as_ref()
            .and_then(|l| l.find("access_log"))
            .or_else(|| server.find("access_log"))
            .or_else(|| http.find("access_log"))
            .cloned();
        let (path, format) = match &log {
            Some(log) if log.arg(0) == "off" => return,
            Some(log) => (log.arg(0).to_string(), log.arg(1).to_string()),
            None => ("/var/log/nginx/access.log".to_string(), String::new()),
        };
        let field = |name: &str| request.headers.get(name).unwrap_or("-").to_string();
        let time = http::log_date(sys.now());
        let written = http.all("log_format").find(|f| f.arg(0) == format).map(|f| f.words[2..].concat());
        let text = match written {
            Some(pattern) => {
                let around = Around { http, server, request, peer, port: 80, me: self.me.clone() };
                let pattern = pattern
                    .replace("$remote_addr", &peer.ip.to_string())
                    .replace("$remote_user", "-")
                    .replace("$time_local", &time)
                    .replace("$body_bytes_sent", &sent.to_string())
                    .replace("$bytes_sent", &sent.to_string())
                    .replace("$status", &status.to_string())
                    .replace("$request_time", "0.000")
                    .replace("$http_referer", &field("Referer"))
                    .replace("$http_user_agent", &field("User-Agent"))
                    .replace("$http_x_forwarded_for", &field("X-Forwarded-For"))
                    .replace("$upstream_addr", "-")
                    .replace("$upstream_response_time", "-");
                let uri = pattern.replace("$request_uri", &request.target).replace("$request_method", &request.method);
                expand(&uri.replace("$request", &line), &around, &request.path())
            }
            None => format!(
                "{} - - [{time}] \"{line}\" {status} {sent} \"{}\" \"{}\"",
                peer.ip,
                field("Referer"),
                field("User-Agent")
            ),
        };
        super::super::write_log(sys, &path, &format!("{text}\n"));
    }
}

/// A request with what is around it.
struct Around<'a> {
    http: &'a Directive,
    server: &'a Directive,
    request: &'a Request,
    peer: &'a Peer,
    port: u16,
    /// The host name and the address of the pod.
    me: (String, String),
}

/// What a location leads to.
enum Next {
    Told(Told),
    To(String),
}

/// The ports that a server listens on.
pub(super) fn ports(server: &Directive) -> Vec<u16> {
    let all: Vec<u16> = server
        .all("listen")
        .filter(|l| !l.arg(0).starts_with("unix:"))
        .map(|l| l.arg(0).rsplit(':').next().unwrap_or_default().parse().unwrap_or(80))
        .collect();
    if all.is_empty() { vec![80] } else { all }
}

/// The server of a port and a name: by name, else the default one.
fn pick_server(http: &Directive, port: u16, host: &str) -> Directive {
    let host = host.split(':').next().unwrap_or_default();
    let of_port: Vec<&Directive> = http.all("server").filter(|s| ports(s).contains(&port)).collect();
    let named = of_port.iter().find(|s| {
        s.all("server_name").any(|n| {
            n.words[1..].iter().any(|n| {
                n == host
                    || n.strip_prefix("*.").is_some_and(|rest| host.ends_with(&format!(".{rest}")))
                    || n.strip_prefix('.').is_some_and(|rest| host == rest || host.ends_with(n))
            })
        })
    });
    let default = of_port.iter().find(|s| s.all("listen").any(|l| l.words.iter().any(|w| w == "default_server")));
    named.or(default).or(of_port.first()).map(|s| (*s).clone()).unwrap_or_default()
}

/// The location of a path: an exact one, the first fitting pattern, or the longest prefix.
fn pick_location(server: &Directive, path: &str) -> Option<Directive> {
    let mut longest: Option<&Directive> = None;
    for location in server.all("location") {
        let (kind, text) =
            if location.words.len() > 2 { (location.arg(0), location.arg(1)) } else { ("", location.arg(0)) };
        match kind {
            "=" if text == path => return Some(location.clone()),
            "" | "^~" if path.starts_with(text) => {
                let best = longest.map_or(0, |l| l.words.last().map_or(0, String::len));
                if longest.is_none() || text.len() > best {
                    longest = Some(location);
                }
            }
            _ => {}
        }
    }
    if longest.is_none_or(|l| l.arg(0) != "^~") {
        for location in server.all("location").filter(|l| matches!(l.arg(0), "~" | "~*")) {
            if fits(location.arg(1), path, location.arg(0) == "~*") {
                return Some(location.clone());
            }
        }
    }
    longest.cloned()
}

/// Whether a pattern fits: the few forms that configurations use (`\.php$`, `^/api/`, `\.(png|css)$`).
fn fits(pattern: &str, path: &str, any_case: bool) -> bool {
    let (pattern, path) = match any_case {
        true => (pattern.to_ascii_lowercase(), path.to_ascii_lowercase()),
        false => (pattern.to_string(), path.to_string()),
    };
    if let (Some(open), Some(close)) = (pattern.find('('), pattern.rfind(')')) {
        let Some(inner) = pattern.get(open + 1..close) else { return false };
        if inner.contains('|') {
            return inner
                .split('|')
                .take(64)
                .any(|choice| fits(&format!("{}{choice}{}", &pattern[..open], &pattern[close + 1..]), &path, false));
        }
    }
    let plain =
        pattern.replace("\\.", ".").replace("\\/", "/").replace(['(', ')'], "").replace(".*", "").replace(".+", "");
    let (begins, ends) = (plain.starts_with('^'), plain.ends_with('$'));
    let text = plain.trim_start_matches('^').trim_end_matches('$');
    match (begins, ends) {
        (true, true) => path == text || (pattern.contains(".*") && path.starts_with(text)),
        (true, false) => path.starts_with(text),
        (false, true) => path.ends_with(text),
        (false, false) => path.contains(text),
    }
}

/// `rewrite`: `^/old/(.*)$ /new/$1`. None where the pattern does not fit.
fn rewrite(pattern: &str, to: &str, path: &str) -> Option<String> {
    let text = pattern.trim_start_matches('^').trim_end_matches('$').replace("\\.", ".");
    match text.split_once("(.*)").or_else(|| text.split_once("(.+)")) {
        Some((before, after)) => {
            let middle = path.strip_prefix(before)?.strip_suffix(after)?;
            Some(to.replace("$1", middle))
        }
        None => fits(pattern, path, false).then(|| to.to_string()),
    }
}

/// Puts variables in.
fn expand(text: &str, around: &Around<'_>, path: &str) -> String {
    if !text.contains('$') {
        return text.to_string();
    }
    let request = around.request;
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (name, after) = match rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
            Some((name, after)) => (name, after),
            None => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        let host = request.headers.get("Host").unwrap_or_default();
        let value = match name {
            "uri" | "document_uri" => path.to_string(),
            "request_uri" => request.target.clone(),
            "args" | "query_string" => request.query().to_string(),
            "is_args" => if request.query().is_empty() { "" } else { "?" }.to_string(),
            "host" => host.split(':').next().unwrap_or_default().to_ascii_lowercase(),
            "http_host" => host.to_string(),
            "scheme" => "http".into(),
            "request_method" => request.method.clone(),
            "remote_addr" => around.peer.ip.to_string(),
            "remote_port" => around.peer.port.to_string(),
            "proxy_add_x_forwarded_for" => match request.headers.get("X-Forwarded-For") {
                Some(before) => format!("{before}, {}", around.peer.ip),
                None => around.peer.ip.to_string(),
            },
            "server_port" => around.port.to_string(),
            "server_name" => around.server.find("server_name").map_or("", |d| d.arg(0)).to_string(),
            "server_protocol" => request.version.clone(),
            "hostname" => around.me.0.clone(),
            "http_upgrade" => request.headers.get("Upgrade").unwrap_or_default().to_string(),
            "proxy_host" => String::new(),
            "server_addr" => around.me.1.clone(),
            "nginx_version" => String::new(),
            other => match other.strip_prefix("arg_") {
                Some(arg) => request.parameter(arg).unwrap_or_default(),
                None => match other.strip_prefix("http_") {
                    Some(field) => request.headers.get(&field.replace('_', "-")).unwrap_or_default().to_string(),
                    None => String::new(),
                },
            },
        };
        out.push_str(&value);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The listing of a folder with `autoindex on`.
fn listing(sys: &mut Sys<'_>, full: &str, path: &str) -> Response {
    let mut body = format!(
        "<html>\r\n<head><title>Index of {path}</title></head>\r\n<body>\r\n<h1>Index of {path}</h1><hr><pre><a href=\"../\">../</a>\r\n"
    );
    let mut entries = sys.read_dir(full).unwrap_or_default();
    entries.sort_by_key(|(name, stat)| (stat.kind != Kind::Dir, name.clone()));
    for (name, stat) in entries.into_iter().filter(|(n, _)| !n.starts_with('.')) {
        let is_dir = stat.kind == Kind::Dir;
        let shown = if is_dir { format!("{name}/") } else { name };
        let c = http::Civil::of(stat.modified);
        let when = format!("{:02}-{}-{} {:02}:{:02}", c.day, c.month_name(), c.year, c.hour, c.minute);
        let size = if is_dir { "-".to_string() } else { stat.size.to_string() };
        let gap = " ".repeat(51usize.saturating_sub(shown.len()));
        body.push_str(&format!("<a href=\"{shown}\">{shown}</a>{gap}{when} {size:>19}\r\n"));
    }
    body.push_str("</pre><hr></body>\r\n</html>\r\n");
    Response::new(200, body).with("Content-Type", "text/html")
}
