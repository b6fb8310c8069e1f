//! `nginx`: the entry point, the master and what it serves.
//!
//! Facts: the Dockerfiles and scripts of nginx/docker-nginx, docker-library/repo-info; nginx' documentation and what a
//! running nginx prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reference::Reference;
use super::{Begin, Begun, Model, Server, numbered, spawn};
use crate::api::Duration;
use crate::machine::errno::Errno;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Fd, Pid, Program, Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::{Civil, Partial};

mod conf;
mod serve;

use conf::Directive;

/// The name in the `Server` field.
const SERVER: &str = "nginx";

/// The file that the entry point's first script looks at.
const DEFAULT_CONF: &str = "/etc/nginx/conf.d/default.conf";

/// How many workers `auto` means: one for each processor.
const WORKERS: usize = 2;

const VERSIONS: [&str; 16] = [
    "1.29.4", "1.28.0", "1.27.5", "1.26.3", "1.25.5", "1.24.0", "1.23.4", "1.22.1", "1.21.6", "1.20.2", "1.19.10",
    "1.18.0", "1.17.10", "1.16.1", "1.15.12", "1.14.2",
];

const WELCOME: &str = "<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto;
font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href=\"http://nginx.org/\">nginx.org</a>.<br/>
Commercial support is available at
<a href=\"http://nginx.com/\">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
";

const ERROR_PAGE: &str = "<!DOCTYPE html>
<html>
<head>
<title>Error</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto;
font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>An error occurred.</h1>
<p>Sorry, the page you are looking for is currently unavailable.<br/>
Please try again later.</p>
<p>If you are the system administrator of this resource then you should check
the error log for details.</p>
<p><em>Faithfully yours, nginx.</em></p>
</body>
</html>
";

const NGINX_CONF: &str = "
user  nginx;
worker_processes  auto;

error_log  /var/log/nginx/error.log notice;
pid        /run/nginx.pid;


events {
    worker_connections  1024;
}


http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;

    log_format  main  '$remote_addr - $remote_user [$time_local] \"$request\" '
                      '$status $body_bytes_sent \"$http_referer\" '
                      '\"$http_user_agent\" \"$http_x_forwarded_for\"';

    access_log  /var/log/nginx/access.log  main;

    sendfile        on;
    #tcp_nopush     on;

    keepalive_timeout  65;

    #gzip  on;

    include /etc/nginx/conf.d/*.conf;
}
";

const DEFAULT_SERVER: &str = "server {
    listen       80;
    server_name  localhost;

    #access_log  /var/log/nginx/host.access.log  main;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }

    #error_page  404              /404.html;

    # redirect server error pages to the static page /50x.html
    #
    error_page   500 502 503 504  /50x.html;
    location = /50x.html {
        root   /usr/share/nginx/html;
    }

    # proxy the PHP scripts to Apache listening on 127.0.0.1:80
    #
    #location ~ \\.php$ {
    #    proxy_pass   http://127.0.0.1;
    #}

    # pass the PHP scripts to FastCGI server listening on 127.0.0.1:9000
    #
    #location ~ \\.php$ {
    #    root           html;
    #    fastcgi_pass   127.0.0.1:9000;
    #    fastcgi_index  index.php;
    #    fastcgi_param  SCRIPT_FILENAME  /scripts$fastcgi_script_name;
    #    include        fastcgi_params;
    #}

    # deny access to .htaccess files, if Apache's document root
    # concurs with nginx's one
    #
    #location ~ /\\.ht {
    #    deny  all;
    #}
}

";

const MIME_TYPES: &str = "
types {
    text/html                                        html htm shtml;
    text/css                                         css;
    text/xml                                         xml;
    image/gif                                        gif;
    image/jpeg                                       jpeg jpg;
    application/javascript                           js;
    text/plain                                       txt;
    image/png                                        png;
    image/svg+xml                                    svg svgz;
    application/json                                 json;
    application/pdf                                  pdf;
    application/zip                                  zip;
}
";

/// The entry point's own scripts, in order.
const SCRIPTS: [&str; 4] = [
    "10-listen-on-ipv6-by-default.sh",
    "15-local-resolvers.envsh",
    "20-envsubst-on-templates.sh",
    "30-tune-worker-processes.sh",
];

/// The image.
pub(super) fn model(reference: &Reference) -> Model {
    let mut version = reference.version_of(&VERSIONS);
    if reference.tag_has("stable") {
        version = "1.28.0".into();
    }
    let minor: u32 = version.split('.').nth(1).and_then(|m| m.parse().ok()).unwrap_or(29);
    let plain = reference.name() == "nginx-slim";
    let rootless = reference.name() == "nginx-unprivileged";
    let mut model = Model::tagged(reference)
        .version(version.clone())
        .sets("NGINX_VERSION", version)
        .sets("NJS_VERSION", "0.9.4")
        .sets("PKG_RELEASE", if reference.tag_has("alpine") { "1" } else { "1~trixie" });
    if !plain && minor >= 19 {
        model = model.enters(&["/docker-entrypoint.sh"]).program("/docker-entrypoint.sh", "nginx-entrypoint");
        for script in SCRIPTS.iter().filter(|s| minor >= 25 || !s.ends_with(".envsh")) {
            model = model.program(&format!("/docker-entrypoint.d/{script}"), "nginx-script");
        }
    }
    model = model
        .runs(&["nginx", "-g", "daemon off;"])
        .exposes(&[if rootless { 8080 } else { 80 }])
        .stops_with(if minor >= 19 || plain { Signal::QUIT } else { Signal::TERM })
        .adds(if reference.tag_has("alpine") { 17_000_000 } else { 33_325_076 })
        .account("nginx", 101, 101, "/nonexistent", "/bin/false")
        .program("/usr/sbin/nginx", "nginx")
        .file(
            "/etc/nginx/nginx.conf",
            if minor < 21 { NGINX_CONF.replace("error.log notice", "error.log warn") } else { NGINX_CONF.into() },
        )
        .file(DEFAULT_CONF, if rootless { DEFAULT_SERVER.replace("80;", "8080;") } else { DEFAULT_SERVER.into() })
        .file("/etc/nginx/mime.types", MIME_TYPES)
        .file("/etc/nginx/fastcgi_params", "\nfastcgi_param  QUERY_STRING       $query_string;\n")
        .file("/usr/share/nginx/html/index.html", WELCOME)
        .file("/usr/share/nginx/html/50x.html", ERROR_PAGE)
        .dir("/etc/nginx/modules", 0o755, (0, 0))
        .dir("/var/cache/nginx", 0o755, (0, 0))
        .link("/var/log/nginx/access.log", "/dev/stdout")
        .link("/var/log/nginx/error.log", "/dev/stderr")
        .tools("curl envsubst");
    if rootless {
        model = model
            .runs_as("101")
            .dir("/var/cache/nginx", 0o777, (101, 0))
            .file(
                "/etc/nginx/nginx.conf",
                NGINX_CONF.replace("/run/nginx.pid", "/tmp/nginx.pid").replace("user  nginx;\n", ""),
            )
            .dir("/etc/nginx", 0o777, (101, 0));
    }
    model
}

/// Begins the entry point.
fn entry(_: &mut Sys<'_>, args: &[String]) -> Begun {
    let command = args[1..].to_vec();
    match command.first().map(String::as_str) {
        Some("nginx" | "nginx-debug") => Begun::Serves(Server::NginxEntry(Entry { command, ..Entry::default() })),
        Some(_) => Begun::Becomes(command),
        None => Begun::Exit(0),
    }
}

/// One of the entry point's own scripts, started by hand.
fn script(_: &mut Sys<'_>, _: &[String]) -> Begun {
    Begun::Exit(0)
}

pub(super) const PROGRAMS: &[(&str, Begin)] =
    &[("nginx", nginx), ("nginx-entrypoint", entry), ("nginx-script", script), ("nginx-worker", script)];

/// The entry point: it runs the scripts of `/docker-entrypoint.d`, and becomes its command.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Entry {
    command: Vec<String>,
    started: bool,
    scripts: Vec<String>,
    child: Option<Pid>,
}

impl Entry {
    fn say(sys: &mut Sys<'_>, text: &str) {
        if sys.env("NGINX_ENTRYPOINT_QUIET_LOGS").is_none_or(str::is_empty) {
            sys.out(format!("{text}\n"));
        }
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started {
            self.started = true;
            let entries = sys.read_dir("/docker-entrypoint.d").unwrap_or_default();
            self.scripts = entries.into_iter().filter(|(_, s)| s.kind != Kind::Dir).map(|(n, _)| n).rev().collect();
            if self.scripts.is_empty() {
                Entry::say(
                    sys,
                    "/docker-entrypoint.sh: No files found in /docker-entrypoint.d/, skipping configuration",
                );
                return Turn::Exec(self.command.clone());
            }
            Entry::say(
                sys,
                "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration",
            );
            Entry::say(sys, "/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/");
        }
        if let Some(child) = self.child {
            match sys.wait_child(Some(child)) {
                Ok(None) => return Turn::Wait(Wait::child()),
                Ok(Some((_, status))) if status.code() != 0 => return Turn::Exit(Status::Code(status.code() as u8)),
                _ => self.child = None,
            }
        }
        let Some(script) = self.scripts.pop() else {
            Entry::say(sys, "/docker-entrypoint.sh: Configuration complete; ready for start up");
            // The scripts have used numbers up: the first worker is 29 then.
            let container = sys.process().container.clone();
            if let Some(container) = sys.sandbox.containers.get_mut(&container) {
                container.next_local = container.next_local.max(29);
            }
            return Turn::Exec(self.command.clone());
        };
        let path = format!("/docker-entrypoint.d/{script}");
        let may_run = sys.access(&path, 1).is_ok();
        match script.rsplit_once('.').map(|(_, ending)| ending) {
            Some("envsh") if may_run => Entry::say(sys, &format!("/docker-entrypoint.sh: Sourcing {path}")),
            Some("sh") if may_run => {
                Entry::say(sys, &format!("/docker-entrypoint.sh: Launching {path}"));
                match script.as_str() {
                    "10-listen-on-ipv6-by-default.sh" => listen_on_ipv6(sys),
                    "20-envsubst-on-templates.sh" => templates(sys),
                    _ if SCRIPTS.contains(&script.as_str()) => {}
                    _ => match spawn(sys, &[path]) {
                        Ok(child) => {
                            self.child = Some(child);
                            return Turn::Wait(Wait::child());
                        }
                        Err(_) => return Turn::Exit(Status::Code(1)),
                    },
                }
            }
            Some("sh" | "envsh") => Entry::say(sys, &format!("/docker-entrypoint.sh: Ignoring {path}, not executable")),
            _ => Entry::say(sys, &format!("/docker-entrypoint.sh: Ignoring {path}")),
        }
        Turn::Again
    }
}

/// What the first script does to the packaged server.
fn listen_on_ipv6(sys: &mut Sys<'_>) {
    let me = "10-listen-on-ipv6-by-default.sh: info:";
    let Ok(text) = sys.read_file(DEFAULT_CONF) else {
        return Entry::say(sys, &format!("{me} {DEFAULT_CONF} is not a file or does not exist"));
    };
    if sys.access(DEFAULT_CONF, 2).is_err() {
        return Entry::say(sys, &format!("{me} can not modify {DEFAULT_CONF} (read-only file system?)"));
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    if text.contains("listen  [::]:80;") {
        return Entry::say(sys, &format!("{me} IPv6 listen already enabled"));
    }
    Entry::say(sys, &format!("{me} Getting the checksum of {DEFAULT_CONF}"));
    if text != DEFAULT_SERVER {
        return Entry::say(sys, &format!("{me} {DEFAULT_CONF} differs from the packaged version"));
    }
    let text = text.replacen("listen       80;", "listen       80;\n    listen  [::]:80;", 1);
    let _ = sys.write_file(DEFAULT_CONF, text.as_bytes());
    Entry::say(sys, &format!("{me} Enabled listen on IPv6 in {DEFAULT_CONF}"));
}

/// Fills templates in with the environment.
fn templates(sys: &mut Sys<'_>) {
    let me = "20-envsubst-on-templates.sh";
    let from = sys.env("NGINX_ENVSUBST_TEMPLATE_DIR").unwrap_or("/etc/nginx/templates").to_string();
    let to = sys.env("NGINX_ENVSUBST_OUTPUT_DIR").unwrap_or("/etc/nginx/conf.d").to_string();
    let ending = sys.env("NGINX_ENVSUBST_TEMPLATE_SUFFIX").unwrap_or(".template").to_string();
    let Ok(entries) = sys.read_dir(&from) else { return };
    if sys.access(&to, 2).is_err() {
        return Entry::say(sys, &format!("{me}: ERROR: {from} exists, but {to} is not writable"));
    }
    let known = sys.process().env.clone();
    for (name, _) in entries {
        let Some(bare) = name.strip_suffix(&ending) else { continue };
        let (source, target) = (format!("{from}/{name}"), format!("{to}/{bare}"));
        Entry::say(sys, &format!("{me}: Running envsubst on {source} to {target}"));
        let Ok(text) = sys.read_file(&source) else { continue };
        let mut text = String::from_utf8_lossy(&text).into_owned();
        for (name, value) in known.iter() {
            text = text.replace(&format!("${{{name}}}"), value);
            let mut out = String::new();
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once(&format!("${name}")) {
                let whole = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                out.push_str(before);
                out.push_str(if whole { value } else { "" });
                if !whole {
                    out.push('$');
                    out.push_str(name);
                }
                rest = after;
            }
            out.push_str(rest);
            text = out;
        }
        let _ = sys.write_file(&target, text.as_bytes());
    }
}

/// The options of a command line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Options {
    conf: String,
    globals: String,
    quiet: bool,
}

fn nginx(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let mut options = Options { conf: "/etc/nginx/nginx.conf".into(), ..Options::default() };
    let (mut test, mut dump, mut signal) = (false, false, None);
    let mut at = 1;
    let version = super::find(sys.image()).version.clone();
    let version = if version.is_empty() { VERSIONS[0].to_string() } else { version };
    while let Some(arg) = args.get(at) {
        let Some(letters) = arg.strip_prefix('-') else {
            sys.err(format!("nginx: invalid option: \"{arg}\"\n"));
            return Begun::Exit(1);
        };
        for (index, letter) in letters.char_indices() {
            match letter {
                'v' => {
                    sys.err(format!("nginx version: nginx/{version}\n"));
                    return Begun::Exit(0);
                }
                'V' => {
                    sys.err(format!("nginx version: nginx/{version}\nbuilt by gcc 14.2.0 (Debian 14.2.0-19) \nbuilt with OpenSSL 3.5.1 1 Jul 2025\nTLS SNI support enabled\nconfigure arguments: --prefix=/etc/nginx --sbin-path=/usr/sbin/nginx --modules-path=/usr/lib/nginx/modules --conf-path=/etc/nginx/nginx.conf --error-log-path=/var/log/nginx/error.log --http-log-path=/var/log/nginx/access.log --pid-path=/run/nginx.pid --lock-path=/run/nginx.lock --user=nginx --group=nginx --with-http_stub_status_module --with-http_ssl_module\n"));
                    return Begun::Exit(0);
                }
                'h' | '?' => {
                    sys.err(format!("nginx version: nginx/{version}\nUsage: nginx [-?hvVtTq] [-s signal] [-p prefix]\n             [-e filename] [-c filename] [-g directives]\n\nOptions:\n  -?,-h         : this help\n  -v            : show version and exit\n  -V            : show version and configure options then exit\n  -t            : test configuration and exit\n  -T            : test configuration, dump it and exit\n  -q            : suppress non-error messages during configuration testing\n  -s signal     : send signal to a master process: stop, quit, reopen, reload\n  -p prefix     : set prefix path (default: /etc/nginx/)\n  -e filename   : set error log file (default: /var/log/nginx/error.log)\n  -c filename   : set configuration file (default: /etc/nginx/nginx.conf)\n  -g directives : set global directives out of configuration file\n\n"));
                    return Begun::Exit(0);
                }
                't' => test = true,
                'T' => (test, dump) = (true, true),
                'q' => options.quiet = true,
                'c' | 'g' | 's' | 'p' | 'e' => {
                    let rest = &letters[index + 1..];
                    let value = if rest.is_empty() {
                        at += 1;
                        args.get(at).cloned()
                    } else {
                        Some(rest.to_string())
                    };
                    let what = match letter {
                        'c' => "file name",
                        'g' => "global directives",
                        's' => "signal name",
                        'p' => "directory name",
                        _ => "error log file name",
                    };
                    let Some(value) = value else {
                        sys.err(format!("nginx: option \"-{letter}\" requires {what}\n"));
                        return Begun::Exit(1);
                    };
                    match letter {
                        'c' => {
                            options.conf = if value.starts_with('/') { value } else { format!("/etc/nginx/{value}") }
                        }
                        'g' => options.globals = value,
                        's' => signal = Some(value),
                        _ => {}
                    }
                    break;
                }
                other => {
                    sys.err(format!("nginx: invalid option: \"{other}\"\n"));
                    return Begun::Exit(1);
                }
            }
        }
        at += 1;
    }
    let mut server = Nginx { options, version, ..Nginx::default() };
    if let Some(signal) = signal {
        return Begun::Exit(server.send(sys, &signal));
    }
    if test {
        return Begun::Exit(server.test(sys, dump));
    }
    if let Err(code) = server.load(sys, true) {
        return Begun::Exit(code);
    }
    let foreground = server.options.globals.replace(' ', "").contains("daemonoff;")
        || server.conf.find("daemon").is_some_and(|d| d.arg(0) == "off");
    if foreground {
        return Begun::Serves(Server::Nginx(Box::new(server)));
    }
    match sys.fork(Program::Server(Box::new(Server::Nginx(Box::new(server))))) {
        Ok(child) => {
            if let Some(child) = sys.process_of(child) {
                child.args = vec![format!("nginx: master process {}", args.join(" "))];
            }
            Begun::Exit(0)
        }
        Err(_) => Begun::Exit(1),
    }
}

/// nginx' master. It answers in its workers' name: their numbers are in its logs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Nginx {
    options: Options,
    version: String,
    conf: Directive,
    started: bool,
    workers: Vec<Pid>,
    /// The worker that answers.
    worker: Pid,
    listening: BTreeMap<u16, Fd>,
    partial: Partial,
    open: BTreeMap<u64, u64>,
    accepted: u64,
    requests: u64,
    /// The host name and the address of the pod.
    me: (String, String),
    /// How often a port could not be had.
    tries: u32,
}

impl Nginx {
    /// Writes a line of the error log.
    fn say(&self, sys: &mut Sys<'_>, level: &str, pid: Pid, text: &str) {
        let c = Civil::of(sys.now());
        let log = self.conf.find("error_log").cloned().unwrap_or_default();
        let wanted = ["debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"];
        let rank = |l: &str| wanted.iter().position(|w| *w == l);
        let floor = rank(log.arg(1)).unwrap_or(4);
        if rank(level).unwrap_or(7) < floor {
            return;
        }
        let path = if log.arg(0).is_empty() { "/var/log/nginx/error.log" } else { log.arg(0) };
        let path = if path == "stderr" { "/dev/stderr" } else { path };
        let date = c.date().replace('-', "/");
        super::write_log(sys, path, &format!("{date} {} [{level}] {pid}#{pid}: {text}\n", c.clock()));
    }

    /// An error before all logs are open: on standard error and in the log.
    fn emerg(&self, sys: &mut Sys<'_>, text: &str) {
        let pid = sys.getpid();
        let c = Civil::of(sys.now());
        let line = format!("{} {} [emerg] {pid}#{pid}: {text}\n", c.date().replace('-', "/"), c.clock());
        super::write_log(sys, "/var/log/nginx/error.log", &line);
        sys.err(format!("nginx: [emerg] {text}\n"));
    }

    fn load(&mut self, sys: &mut Sys<'_>, says: bool) -> Result<(), u8> {
        let path = self.options.conf.clone();
        let read = conf::load(sys, &path).and_then(|main| {
            if main.find("events").is_none() {
                return Err("no \"events\" section in configuration".to_string());
            }
            match conf::check_upstreams(sys, &main, "@") {
                Ok(()) => Ok(main),
                Err(text) => {
                    let word = text.split('"').nth(1).unwrap_or_default().to_string();
                    let place = conf::place_of(sys, &word);
                    Err(text.replace('@', &place))
                }
            }
        });
        match read {
            Ok(main) => {
                self.conf = main;
                Ok(())
            }
            Err(text) => {
                if says {
                    self.emerg(sys, &text);
                }
                Err(1)
            }
        }
    }

    /// What the start needs besides the configuration.
    fn prepare(&self, sys: &mut Sys<'_>) -> Result<(), String> {
        if sys.process().uid != 0 && self.conf.find("user").is_some() {
            let place = format!("{}:2", self.options.conf);
            let text = format!(
                "the \"user\" directive makes sense only if the master process runs with super-user privileges, ignored in {place}"
            );
            let pid = sys.getpid();
            self.say(sys, "warn", pid, &text);
            sys.err(format!("nginx: [warn] {text}\n"));
        }
        for name in ["client", "proxy", "fastcgi", "uwsgi", "scgi"] {
            let path = format!("/var/cache/nginx/{name}_temp");
            match sys.mkdir(&path, 0o700) {
                Ok(()) | Err(Errno::Exist) => {}
                Err(fault) => return Err(format!("mkdir() \"{path}\" failed ({})", numbered(sys, fault))),
            }
        }
        Ok(())
    }

    fn pid_file(&self) -> String {
        self.conf.find("pid").map_or("/run/nginx.pid".to_string(), |d| d.arg(0).to_string())
    }

    fn test(&mut self, sys: &mut Sys<'_>, dump: bool) -> u8 {
        let path = self.options.conf.clone();
        if self.load(sys, true).is_err() {
            sys.err(format!("nginx: configuration file {path} test failed\n"));
            return 1;
        }
        if !self.options.quiet {
            sys.err(format!("nginx: the configuration file {path} syntax is ok\n"));
        }
        if let Err(text) = self.prepare(sys) {
            self.emerg(sys, &text);
            sys.err(format!("nginx: configuration file {path} test failed\n"));
            return 1;
        }
        if !self.options.quiet {
            sys.err(format!("nginx: configuration file {path} test is successful\n"));
        }
        if dump {
            let mut files = vec![path];
            files.push("/etc/nginx/mime.types".into());
            let more = sys.read_dir("/etc/nginx/conf.d").unwrap_or_default();
            files.extend(more.into_iter().map(|(n, _)| format!("/etc/nginx/conf.d/{n}")));
            for file in files {
                if let Ok(text) = sys.read_file(&file) {
                    sys.out(format!("# configuration file {file}:\n{}\n", String::from_utf8_lossy(&text)));
                }
            }
        }
        0
    }

    fn send(&mut self, sys: &mut Sys<'_>, name: &str) -> u8 {
        let signal = match name {
            "stop" => Signal::TERM,
            "quit" => Signal::QUIT,
            "reload" => Signal::HUP,
            "reopen" => Signal::USR1,
            other => {
                sys.err(format!("nginx: invalid option: \"-s {other}\"\n"));
                return 1;
            }
        };
        if self.load(sys, true).is_err() {
            return 1;
        }
        let pid = sys.getpid();
        self.say(sys, "notice", pid, "signal process started");
        let path = self.pid_file();
        let text = match sys.read_file(&path) {
            Ok(text) => String::from_utf8_lossy(&text).trim().to_string(),
            Err(fault) => {
                let text = format!("open() \"{path}\" failed ({})", numbered(sys, fault));
                self.say(sys, "error", pid, &text);
                sys.err(format!("nginx: [error] {text}\n"));
                return 1;
            }
        };
        let Ok(master) = text.parse::<i64>() else {
            sys.err(format!("nginx: [error] invalid PID number \"{text}\" in \"{path}\"\n"));
            return 1;
        };
        if sys.kill(master, Some(signal)).is_err() {
            sys.err(format!("nginx: [alert] kill({master}, {}) failed (3: No such process)\n", signal.number()));
            return 1;
        }
        0
    }

    /// Listens on what the configuration wants, and on nothing else.
    fn listen(&mut self, sys: &mut Sys<'_>) -> Result<(), u16> {
        let http = self.conf.find("http").cloned().unwrap_or_default();
        let mut wanted: Vec<u16> = http.all("server").flat_map(serve::ports).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let old: Vec<u16> = self.listening.keys().copied().filter(|p| !wanted.contains(p)).collect();
        for port in old {
            if let Some(fd) = self.listening.remove(&port) {
                let _ = sys.close(fd);
            }
        }
        for port in wanted {
            if let std::collections::btree_map::Entry::Vacant(free) = self.listening.entry(port) {
                free.insert(sys.listen(port).map_err(|_| port)?);
            }
        }
        Ok(())
    }

    fn start_workers(&mut self, sys: &mut Sys<'_>) {
        let me = sys.getpid();
        self.say(sys, "notice", me, "start worker processes");
        let wanted = self.conf.find("worker_processes").map_or("1", |d| d.arg(0)).parse().unwrap_or(WORKERS);
        for _ in 0..wanted.clamp(1, 64) {
            let idle = Program::Server(Box::new(Server::Idle(super::idle::Idle::ends_with(0))));
            let Ok(worker) = sys.fork(idle) else { continue };
            if let Some(process) = sys.process_of(worker) {
                process.args = vec!["nginx: worker process".into()];
                process.fds.clear();
                if process.uid == 0 {
                    (process.uid, process.gid) = (101, 101);
                }
            }
            self.workers.push(worker);
            self.say(sys, "notice", me, &format!("start worker process {worker}"));
        }
        self.worker = self.workers.first().copied().unwrap_or(me);
    }

    fn start(&mut self, sys: &mut Sys<'_>) -> Result<(), Turn> {
        let me = sys.getpid();
        if self.tries == 0 {
            if let Err(text) = self.prepare(sys) {
                self.emerg(sys, &text);
                return Err(Turn::Exit(Status::Code(1)));
            }
            self.me = (sys.sandbox.hostname.clone(), sys.sandbox.ip.clone());
        }
        if let Err(port) = self.listen(sys) {
            let fault = numbered(sys, Errno::AddrInUse);
            self.emerg(sys, &format!("bind() to 0.0.0.0:{port} failed ({fault})"));
            self.tries += 1;
            if self.tries >= 5 {
                self.emerg(sys, "still could not bind()");
                return Err(Turn::Exit(Status::Code(1)));
            }
            return Err(Turn::Wait(Wait::until(sys.now() + Duration::millis(500))));
        }
        self.started = true;
        let path = self.pid_file();
        if let Err(fault) = sys.write_file(&path, format!("{me}\n").as_bytes()) {
            let text = format!("open() \"{path}\" failed ({})", numbered(sys, fault));
            self.emerg(sys, &text);
            return Err(Turn::Exit(Status::Code(1)));
        }
        for signal in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::USR1] {
            sys.set_disposition(signal, Some(Disposition::Catch));
        }
        self.say(sys, "notice", me, "using the \"epoll\" event method");
        let version = self.version.clone();
        self.say(sys, "notice", me, &format!("nginx/{version}"));
        let built = match super::has_musl(sys.image()) {
            true => "built by gcc 14.2.0 (Alpine 14.2.0) ",
            false => "built by gcc 14.2.0 (Debian 14.2.0-19) ",
        };
        self.say(sys, "notice", me, built);
        self.say(sys, "notice", me, &format!("OS: Linux {}", super::KERNEL));
        self.say(sys, "notice", me, "getrlimit(RLIMIT_NOFILE): 1048576:1048576");
        self.start_workers(sys);
        Ok(())
    }

    fn end_workers(&mut self, sys: &mut Sys<'_>, workers: &[Pid], graceful: bool) {
        let me = sys.getpid();
        for worker in workers {
            if graceful {
                self.say(sys, "notice", *worker, "gracefully shutting down");
            }
            self.say(sys, "notice", *worker, "exiting");
            self.say(sys, "notice", *worker, "exit");
        }
        for worker in workers {
            let _ = sys.kill(i64::from(*worker), Some(Signal::KILL));
            let _ = sys.wait_child(Some(*worker));
            self.say(sys, "notice", me, &format!("signal 17 (SIGCHLD) received from {worker}"));
            self.say(sys, "notice", me, &format!("worker process {worker} exited with code 0"));
        }
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started
            && let Err(turn) = self.start(sys)
        {
            return turn;
        }
        let me = sys.getpid();
        while let Some(signal) = sys.take_signal() {
            if signal == Signal::HUP {
                self.say(sys, "notice", me, "signal 1 (SIGHUP) received, reconfiguring");
                self.say(sys, "notice", me, "reconfiguring");
                if self.load(sys, false).is_ok() && self.listen(sys).is_ok() {
                    self.say(sys, "notice", me, "using the \"epoll\" event method");
                    let old = std::mem::take(&mut self.workers);
                    self.start_workers(sys);
                    self.end_workers(sys, &old, true);
                    self.say(sys, "notice", me, "signal 29 (SIGIO) received");
                } else if let Err(text) = conf::load(sys, &self.options.conf.clone()) {
                    self.say(sys, "emerg", me, &text);
                }
                continue;
            }
            if signal == Signal::USR1 {
                self.say(sys, "notice", me, "signal 10 (SIGUSR1) received, reopening logs");
                self.say(sys, "notice", me, "reopening logs");
                continue;
            }
            let (name, then) = match signal {
                Signal::QUIT => ("3 (SIGQUIT)", "shutting down"),
                Signal::INT => ("2 (SIGINT)", "exiting"),
                _ => ("15 (SIGTERM)", "exiting"),
            };
            self.say(sys, "notice", me, &format!("signal {name} received, {then}"));
            let workers = std::mem::take(&mut self.workers);
            self.end_workers(sys, &workers, signal == Signal::QUIT);
            self.say(sys, "notice", me, "exit");
            let path = self.pid_file();
            let _ = sys.unlink(&path);
            return Turn::Exit(Status::Code(0));
        }
        Turn::Wait(Wait::signal())
    }
}
