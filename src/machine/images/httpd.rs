//! `httpd` and the images on PHP's Apache: what they print, and how they answer.
//!
//! Facts: the Dockerfile of docker-library/httpd, docker-library/repo-info, Apache's documentation and what a running
//! Apache prints; `registry.k8s.io/hpa-example`: `test/images` of Kubernetes.

use serde::{Deserialize, Serialize};

use super::reference::Reference;
use super::{Begin, Begun, Model, Server};
use crate::machine::errno::Errno;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::{self, Civil, Partial, Request, Response};
use crate::machine::net::{Peer, Reply, Sent};

const VERSIONS: [&str; 4] = ["2.4.66", "2.4.62", "2.4.57", "2.2.34"];

/// The processor time that a request to `hpa-example` takes, in milliseconds.
pub(super) const BUSY: u64 = 120;

const CONF: &str = "ServerRoot \"/usr/local/apache2\"

Listen 80

LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule mime_module modules/mod_mime.so
LoadModule log_config_module modules/mod_log_config.so
LoadModule unixd_module modules/mod_unixd.so
LoadModule autoindex_module modules/mod_autoindex.so
LoadModule dir_module modules/mod_dir.so

<IfModule unixd_module>
User www-data
Group www-data
</IfModule>

ServerAdmin you@example.com

#ServerName www.example.com:80

<Directory />
    AllowOverride none
    Require all denied
</Directory>

DocumentRoot \"/usr/local/apache2/htdocs\"
<Directory \"/usr/local/apache2/htdocs\">
    Options Indexes FollowSymLinks
    AllowOverride None
    Require all granted
</Directory>

<IfModule dir_module>
    DirectoryIndex index.html
</IfModule>

ErrorLog /proc/self/fd/2
LogLevel warn

<IfModule log_config_module>
    LogFormat \"%h %l %u %t \\\"%r\\\" %>s %b\" common
    CustomLog /proc/self/fd/1 common
</IfModule>
";

/// The image `httpd`.
pub(super) fn model(reference: &Reference) -> Model {
    let version = reference.version_of(&VERSIONS);
    Model::tagged(reference)
        .sets("PATH", "/usr/local/apache2/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .sets("HTTPD_PREFIX", "/usr/local/apache2")
        .sets("HTTPD_VERSION", version.clone())
        .sets("HTTPD_PATCHES", "")
        .version(version)
        .runs(&["httpd-foreground"])
        .cwd("/usr/local/apache2")
        .exposes(&[80])
        .stops_with(Signal::from_number(28).unwrap_or(Signal::TERM))
        .adds(27_000_000)
        .program("/usr/local/bin/httpd-foreground", "httpd-foreground")
        .program("/usr/local/apache2/bin/httpd", "httpd")
        .program("/usr/local/apache2/bin/apachectl", "httpd")
        .file("/usr/local/apache2/conf/httpd.conf", CONF)
        .file("/usr/local/apache2/htdocs/index.html", "<html><body><h1>It works!</h1></body></html>\n")
        .file("/usr/local/apache2/conf/mime.types", "text/html\t\t\thtml htm\n")
        .dir("/usr/local/apache2/logs", 0o755, (0, 0))
        .dir("/usr/local/apache2/cgi-bin", 0o755, (0, 0))
        .dir("/usr/local/apache2", 0o755, (33, 33))
}

/// `php:*-apache` and what is built on it.
pub(super) fn php(reference: &Reference) -> Model {
    let hpa = reference.name() == "hpa-example";
    let mut model = Model::tagged(reference)
        .sets("APACHE_CONFDIR", "/etc/apache2")
        .sets("APACHE_ENVVARS", "/etc/apache2/envvars")
        .sets("PHP_INI_DIR", "/usr/local/etc/php")
        .sets("PHP_VERSION", if hpa { "5.6.14" } else { "8.4.15" })
        .version(if hpa { "2.4.10" } else { "2.4.65" })
        .runs(&["apache2-foreground"])
        .cwd("/var/www/html")
        .exposes(&[80])
        .adds(150_000_000)
        .program("/usr/local/bin/apache2-foreground", "apache2-foreground")
        .dir("/var/www/html", if hpa { 0o755 } else { 0o1777 }, (33, 33))
        .tools("curl");
    if hpa {
        let page = "<?php\n  $x = 0.0001;\n  for ($i = 0; $i <= 1000000; $i++) {\n    $x += sqrt($x);\n  }\n  echo \"OK!\";\n?>\n";
        model = model.file("/var/www/html/index.php", page);
    } else {
        model = model
            .enters(&["docker-php-entrypoint"])
            .program("/usr/local/bin/docker-php-entrypoint", "entrypoint")
            .stops_with(Signal::from_number(28).unwrap_or(Signal::TERM));
    }
    model
}

fn foreground(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let mut all = vec!["httpd".to_string(), "-DFOREGROUND".to_string()];
    all.extend_from_slice(&args[1..]);
    httpd(sys, &all)
}

fn httpd(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let version = version(sys);
    let has = |word: &str| args.iter().any(|a| a == word);
    if has("-v") || has("-V") {
        sys.out(format!("Server version: Apache/{version} (Unix)\nServer built:   Dec  2 2025 00:00:00\n"));
        return Begun::Exit(0);
    }
    let mut server = Httpd { version, ..Httpd::default() };
    if has("-t") || has("configtest") {
        server.name_warning(sys);
        sys.err("Syntax OK\n");
        return Begun::Exit(0);
    }
    if let Some(at) = args.iter().position(|a| a == "-k") {
        let signal = match args.get(at + 1).map(String::as_str) {
            Some("graceful") => Signal::USR1,
            Some("restart") => Signal::HUP,
            Some("stop") => Signal::TERM,
            Some("graceful-stop") => Signal::from_number(28).unwrap_or(Signal::TERM),
            _ => return Begun::Serves(Server::Httpd(Box::new(server))),
        };
        server.name_warning(sys);
        let _ = sys.kill(1, Some(signal));
        return Begun::Exit(0);
    }
    let foreground = has("-DFOREGROUND") || has("FOREGROUND");
    server.command = "httpd -D FOREGROUND".into();
    if foreground {
        return Begun::Serves(Server::Httpd(Box::new(server)));
    }
    server.command = "httpd".into();
    let _ = sys.fork(crate::machine::kernel::Program::Server(Box::new(Server::Httpd(Box::new(server)))));
    Begun::Exit(0)
}

fn apache2(sys: &mut Sys<'_>, _: &[String]) -> Begun {
    let version = version(sys);
    let server = Httpd { version, debian: true, command: "apache2 -D FOREGROUND".into(), ..Httpd::default() };
    Begun::Serves(Server::Httpd(Box::new(server)))
}

fn version(sys: &Sys<'_>) -> String {
    let version = super::find(sys.image()).version.clone();
    if version.is_empty() { VERSIONS[0].to_string() } else { version }
}

pub(super) const PROGRAMS: &[(&str, Begin)] =
    &[("apache2-foreground", apache2), ("httpd", httpd), ("httpd-foreground", foreground)];

/// Apache.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Httpd {
    version: String,
    /// Debian's, with PHP.
    debian: bool,
    command: String,
    started: bool,
    root: String,
    named: bool,
    partial: Partial,
    requests: u64,
}

impl Httpd {
    fn server_name(&self) -> String {
        let system = if self.debian { "Debian" } else { "Unix" };
        format!("Apache/{} ({system})", self.version)
    }

    fn name_warning(&self, sys: &mut Sys<'_>) {
        // The system knows the address by a whole name, as that of a pod with a governing service.
        let own = sys.sandbox.ip.clone();
        let hosts = sys.read_file("/etc/hosts").unwrap_or_default();
        let hosts = String::from_utf8_lossy(&hosts).into_owned();
        let mut lines = hosts.lines().map(|l| l.split_whitespace().collect::<Vec<_>>());
        if self.named || lines.any(|l| l.first() == Some(&own.as_str()) && l.get(1).is_some_and(|n| n.contains('.'))) {
            return;
        }
        let (ip, program) = (sys.sandbox.ip.clone(), if self.debian { "apache2" } else { "httpd" });
        sys.err(format!("AH00558: {program}: Could not reliably determine the server's fully qualified domain name, using {ip}. Set the 'ServerName' directive globally to suppress this message\n"));
    }

    fn note(&self, sys: &mut Sys<'_>, module: &str, level: &str, text: &str) {
        let c = Civil::of(sys.now());
        let me = sys.getpid();
        let tid = if self.debian { String::new() } else { format!(":tid {me}") };
        sys.err(format!(
            "[{} {} {:02} {}.{:03}{:03} {}] [{module}:{level}] [pid {me}{tid}] {text}\n",
            c.day_name(),
            c.month_name(),
            c.day,
            c.clock(),
            c.milli,
            (self.requests * 137 + 482) % 1000,
            c.year
        ));
    }

    fn mpm(&self) -> &'static str {
        if self.debian { "mpm_prefork" } else { "mpm_event" }
    }

    fn start(&mut self, sys: &mut Sys<'_>) -> Result<(), Turn> {
        self.started = true;
        let mut ports = Vec::new();
        self.root = if self.debian { "/var/www/html" } else { "/usr/local/apache2/htdocs" }.to_string();
        let conf = sys.read_file("/usr/local/apache2/conf/httpd.conf").unwrap_or_default();
        let conf = String::from_utf8_lossy(&conf).into_owned();
        for line in conf.lines().map(str::trim).filter(|_| !self.debian) {
            let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let value = value.trim().trim_matches('"');
            match name {
                "Listen" => ports.extend(value.rsplit(':').next().and_then(|p| p.parse::<u16>().ok())),
                "DocumentRoot" => self.root = value.to_string(),
                "ServerName" => self.named = true,
                _ => {}
            }
        }
        if ports.is_empty() {
            ports.push(80);
        }
        self.name_warning(sys);
        self.name_warning(sys);
        for port in ports {
            if sys.listen(port).is_err() {
                sys.err(format!(
                    "(98){}: AH00072: make_sock: could not bind to address [::]:{port}\n",
                    sys.text(Errno::AddrInUse)
                ));
                sys.err("no listening sockets available, shutting down\nAH00015: Unable to open logs\n");
                return Err(Turn::Exit(Status::Code(1)));
            }
        }
        for signal in [Signal::TERM, Signal::HUP, Signal::USR1, Signal::INT] {
            sys.set_disposition(signal, Some(Disposition::Catch));
        }
        if let Some(winch) = Signal::from_number(28) {
            sys.set_disposition(winch, Some(Disposition::Catch));
        }
        if !self.debian {
            let me = sys.getpid();
            let _ = sys.write_file("/usr/local/apache2/logs/httpd.pid", format!("{me}\n").as_bytes());
        }
        let (number, php) = match self.debian {
            true => ("AH00163", format!(" PHP/{}", sys.env("PHP_VERSION").unwrap_or("8.4.15"))),
            false => ("AH00489", String::new()),
        };
        let server = self.server_name();
        self.note(
            sys,
            self.mpm(),
            "notice",
            &format!("{number}: {server}{php} configured -- resuming normal operations"),
        );
        self.note(sys, "core", "notice", &format!("AH00094: Command line: '{}'", self.command));
        Ok(())
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started
            && let Err(turn) = self.start(sys)
        {
            return turn;
        }
        while let Some(signal) = sys.take_signal() {
            let prefork = self.debian;
            let (text, ends) = match signal.name() {
                "WINCH" if prefork => ("AH00170: caught SIGWINCH, shutting down gracefully", true),
                "WINCH" => ("AH00492: caught SIGWINCH, shutting down gracefully", true),
                "USR1" if prefork => ("AH00171: Graceful restart requested, doing restart", false),
                "USR1" => ("AH00493: SIGUSR1 received.  Doing graceful restart", false),
                "HUP" if prefork => ("AH00173: SIGHUP received.  Attempting to restart", false),
                "HUP" => ("AH00494: SIGHUP received.  Attempting to restart", false),
                _ if prefork => ("AH00169: caught SIGTERM, shutting down", true),
                _ => ("AH00491: caught SIGTERM, shutting down", true),
            };
            self.note(sys, self.mpm(), "notice", text);
            if ends {
                return Turn::Exit(Status::Code(0));
            }
            self.name_warning(sys);
            let server = self.server_name();
            self.note(
                sys,
                self.mpm(),
                "notice",
                &format!("AH00489: {server} configured -- resuming normal operations"),
            );
            self.note(sys, "core", "notice", &format!("AH00094: Command line: '{}'", self.command));
        }
        Turn::Wait(Wait::signal())
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, _port: u16, peer: &Peer, sent: Sent<'_>) -> Reply {
        let mut reply = Reply::default();
        for request in self.partial.take(peer, sent) {
            self.requests += 1;
            let (request, response) = match request {
                Some(request) => {
                    let response = self.serve(sys, &request);
                    (request, response)
                }
                None => (
                    Request { version: "HTTP/1.1".into(), ..Request::default() },
                    error(400, "<p>Your browser sent a request that this server could not understand.<br />\n</p>"),
                ),
            };
            let is_head = request.method == "HEAD";
            let stays = request.keeps_alive() && response.status != 400;
            let mut dressed = Response { headers: http::Headers::default(), ..response.clone() };
            dressed.headers.add("Date", http::date(sys.now()));
            dressed.headers.add("Server", self.server_name());
            for (name, value) in response.headers.0.iter().filter(|(n, _)| n != "Content-Type") {
                dressed.headers.add(name, value.clone());
            }
            if response.status != 304 {
                dressed.headers.add("Content-Length", response.body.len().to_string());
            }
            if !stays {
                dressed.headers.add("Connection", "close");
            }
            if let Some(kind) = response.headers.get("Content-Type") {
                dressed.headers.add("Content-Type", kind);
            }
            reply.bytes.extend(dressed.bytes(is_head));
            reply.close |= !stays;
            let size = match response.body.len() {
                0 => "-".to_string(),
                _ if is_head => "-".to_string(),
                size => size.to_string(),
            };
            let line = format!("{} {} {}", request.method, request.target, request.version);
            let line = if request.method.is_empty() { "-" } else { &line };
            let time = http::log_date(sys.now());
            let mut text = format!("{} - - [{time}] \"{line}\" {} {size}", peer.ip, response.status);
            if self.debian {
                let field = |name: &str| request.headers.get(name).unwrap_or("-").to_string();
                let sent = dressed.bytes(is_head).len();
                text = format!(
                    "{} - - [{time}] \"{line}\" {} {sent} \"{}\" \"{}\"",
                    peer.ip,
                    response.status,
                    field("Referer"),
                    field("User-Agent")
                );
            }
            sys.out(format!("{text}\n"));
            if reply.close {
                self.partial.close(peer.connection);
                break;
            }
        }
        reply
    }

    fn serve(&mut self, sys: &mut Sys<'_>, request: &Request) -> Response {
        let path = request.path();
        if !request.target.starts_with('/') || path.split('/').any(|p| p == "..") {
            return error(400, "<p>Your browser sent a request that this server could not understand.<br />\n</p>");
        }
        let full = format!("{}{path}", self.root.trim_end_matches('/'));
        let stat = match sys.stat(&full) {
            Ok(stat) => stat,
            Err(Errno::Access) => return forbidden(),
            Err(_) => return error(404, "<p>The requested URL was not found on this server.</p>"),
        };
        if stat.kind == Kind::Dir {
            if !path.ends_with('/') {
                let host = request.headers.get("Host").unwrap_or("localhost");
                let to = format!("http://{host}{path}/");
                let text = format!("<p>The document has moved <a href=\"{to}\">here</a>.</p>");
                let mut response = error(301, &text);
                response.headers.0.insert(0, ("Location".into(), to));
                return response;
            }
            let names: &[&str] = if self.debian { &["index.php", "index.html"] } else { &["index.html"] };
            for name in names {
                let file = format!("{full}{name}");
                if sys.stat(&file).is_ok() {
                    return self.file(sys, &file, request);
                }
            }
            return if self.debian { forbidden() } else { listing(sys, &full, &path) };
        }
        self.file(sys, &full, request)
    }

    fn file(&mut self, sys: &mut Sys<'_>, full: &str, request: &Request) -> Response {
        let Ok(stat) = sys.stat(full) else {
            return error(404, "<p>The requested URL was not found on this server.</p>");
        };
        let bytes = match sys.read_file(full) {
            Ok(bytes) if stat.mode & 0o004 != 0 || sys.process().uid != 0 => bytes,
            _ => return forbidden(),
        };
        if self.debian && full.ends_with(".php") {
            return match super::php::page(sys, request, full) {
                Some(response) => response,
                None => self.php(sys, &String::from_utf8_lossy(&bytes)),
            };
        }
        if !matches!(request.method.as_str(), "GET" | "HEAD" | "POST") {
            return error(405, &format!("<p>The requested method {} is not allowed for this URL.</p>", request.method));
        }
        let kind = match full.rsplit('.').next().unwrap_or_default() {
            "html" | "htm" => Some("text/html"),
            "txt" | "log" | "conf" => Some("text/plain"),
            "css" => Some("text/css"),
            "js" => Some("text/javascript"),
            "json" => Some("application/json"),
            "png" => Some("image/png"),
            "jpg" | "jpeg" => Some("image/jpeg"),
            "svg" => Some("image/svg+xml"),
            _ => None,
        };
        let tag = format!("\"{:x}-{:x}\"", bytes.len(), stat.modified.0.saturating_mul(1000));
        if request.headers.get("If-None-Match") == Some(tag.as_str()) {
            return Response::new(304, "").with("ETag", tag);
        }
        let mut response = Response::new(200, bytes.to_vec())
            .with("Last-Modified", http::date(stat.modified))
            .with("ETag", tag)
            .with("Accept-Ranges", "bytes");
        if let Some(kind) = kind {
            response.headers.add("Content-Type", kind);
        }
        response
    }

    /// What a PHP page prints, where it is no more than text and `echo`es of strings.
    fn php(&mut self, sys: &mut Sys<'_>, source: &str) -> Response {
        sys.burn(if source.contains("sqrt") { BUSY } else { 1 });
        let mut out = String::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("<?php") {
            out.push_str(before);
            let (code, after) = after.split_once("?>").unwrap_or((after, ""));
            for piece in code.split("echo").skip(1) {
                let piece = piece.trim_start();
                if let Some(quote) = piece.chars().next().filter(|c| matches!(c, '"' | '\'')) {
                    let text = piece[1..].split(quote).next().unwrap_or_default();
                    out.push_str(&if quote == '"' { text.replace("\\n", "\n") } else { text.to_string() });
                }
            }
            rest = after.strip_prefix('\n').unwrap_or(after);
        }
        out.push_str(rest);
        let version = sys.env("PHP_VERSION").unwrap_or("8.4.15").to_string();
        Response::new(200, out)
            .with("X-Powered-By", format!("PHP/{version}"))
            .with("Content-Type", "text/html; charset=UTF-8")
    }
}

fn forbidden() -> Response {
    error(403, "<p>You don't have permission to access this resource.</p>")
}

fn error(status: u16, text: &str) -> Response {
    let reason = http::reason(status);
    let body = format!(
        "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>{status} {reason}</title>\n\
         </head><body>\n<h1>{reason}</h1>\n{text}\n</body></html>\n"
    );
    Response::new(status, body).with("Content-Type", "text/html; charset=iso-8859-1")
}

fn listing(sys: &mut Sys<'_>, full: &str, path: &str) -> Response {
    let mut body = format!(
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  <title>Index of {path}</title>\n \
         </head>\n <body>\n<h1>Index of {path}</h1>\n<ul>"
    );
    if path != "/" {
        body.push_str("<li><a href=\"/\"> Parent Directory</a></li>\n");
    }
    for (name, stat) in sys.read_dir(full).unwrap_or_default() {
        if !name.starts_with('.') {
            let shown = if stat.kind == Kind::Dir { format!("{name}/") } else { name };
            body.push_str(&format!("<li><a href=\"{shown}\"> {shown}</a></li>\n"));
        }
    }
    body.push_str("</ul>\n</body></html>\n");
    Response::new(200, body).with("Content-Type", "text/html;charset=ISO-8859-1")
}
