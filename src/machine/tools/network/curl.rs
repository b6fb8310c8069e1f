//! `curl`

use std::net::IpAddr;

use base64::Engine;
use serde::{Deserialize, Serialize};

use super::options::{Option_, Wrong, flag, read, value};
use super::transfer::{Event, Fault, Order, Stand, Transfer};
use super::{Running, Started, runs};
use crate::api::{Duration, Time};
use crate::machine::images;
use crate::machine::kernel::{OpenOptions, Status, Sys, Turn, Wait};
use crate::machine::net::http::{Response, Url};

/// `--max-redirs`
const MAX_REDIRECTS: i64 = 50;

/// What the meter begins with.
const METER: &str = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 Dload  Upload   Total   Spent    Left  Speed\n";

/// The meter before anything came.
const NOTHING: &str = "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0";

/// Base64, as credentials are sent.
pub(super) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

const OPTIONS: &[Option_] = &[
    flag('s', "silent"),
    flag('S', "show-error"),
    flag('f', "fail"),
    flag('v', "verbose"),
    flag('i', "include"),
    flag('i', "show-headers"),
    flag('I', "head"),
    flag('L', "location"),
    flag('k', "insecure"),
    flag('O', "remote-name"),
    flag('J', "remote-header-name"),
    flag('G', "get"),
    flag('4', "ipv4"),
    flag('6', "ipv6"),
    flag('0', "http1.0"),
    flag('N', "no-buffer"),
    flag('V', "version"),
    flag('h', "help"),
    flag('g', "globoff"),
    flag('a', "append"),
    flag('#', "progress-bar"),
    flag('n', "netrc"),
    flag('j', "junk-session-cookies"),
    flag('q', "disable"),
    flag('R', "remote-time"),
    flag('Z', "parallel"),
    value('o', "output"),
    value('w', "write-out"),
    value('X', "request"),
    value('d', "data"),
    value('H', "header"),
    value('A', "user-agent"),
    value('e', "referer"),
    value('b', "cookie"),
    value('c', "cookie-jar"),
    value('u', "user"),
    value('m', "max-time"),
    value('F', "form"),
    value('T', "upload-file"),
    value('x', "proxy"),
    value('E', "cert"),
    value('D', "dump-header"),
    value('r', "range"),
    value('C', "continue-at"),
    value('K', "config"),
    value('y', "speed-time"),
    value('Y', "speed-limit"),
    value('z', "time-cond"),
    value('\0', "url"),
    value('\0', "data-raw"),
    value('\0', "data-binary"),
    value('\0', "data-ascii"),
    value('\0', "data-urlencode"),
    value('\0', "json"),
    value('\0', "connect-timeout"),
    value('\0', "retry"),
    value('\0', "retry-delay"),
    value('\0', "retry-max-time"),
    value('\0', "resolve"),
    value('\0', "connect-to"),
    value('\0', "cacert"),
    value('\0', "capath"),
    value('\0', "key"),
    value('\0', "max-redirs"),
    value('\0', "noproxy"),
    value('\0', "interface"),
    value('\0', "limit-rate"),
    value('\0', "oauth2-bearer"),
    value('\0', "unix-socket"),
    value('\0', "stderr"),
    value('\0', "dns-servers"),
    value('\0', "keepalive-time"),
    value('\0', "ciphers"),
    value('\0', "output-dir"),
    value('\0', "rate"),
    flag('\0', "fail-with-body"),
    flag('\0', "fail-early"),
    flag('\0', "retry-connrefused"),
    flag('\0', "retry-all-errors"),
    flag('\0', "location-trusted"),
    flag('\0', "compressed"),
    flag('\0', "no-progress-meter"),
    flag('\0', "http1.1"),
    flag('\0', "http2"),
    flag('\0', "http2-prior-knowledge"),
    flag('\0', "no-keepalive"),
    flag('\0', "create-dirs"),
    flag('\0', "basic"),
    flag('\0', "digest"),
    flag('\0', "anyauth"),
    flag('\0', "path-as-is"),
    flag('\0', "raw"),
    flag('\0', "tcp-nodelay"),
    flag('\0', "tlsv1"),
    flag('\0', "tlsv1.2"),
    flag('\0', "tlsv1.3"),
    flag('\0', "ssl"),
    flag('\0', "haproxy-protocol"),
    flag('\0', "no-sessionid"),
    flag('\0', "styled-output"),
    flag('\0', "no-styled-output"),
    flag('\0', "post301"),
    flag('\0', "post302"),
    flag('\0', "remote-name-all"),
];

/// One command.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Curl {
    urls: Vec<String>,
    outputs: Vec<String>,
    silent: bool,
    shows_error: bool,
    fails: bool,
    fails_with_body: bool,
    verbose: bool,
    includes: bool,
    head: bool,
    follows: bool,
    insecure: bool,
    remote_name: bool,
    get: bool,
    bar: bool,
    no_meter: bool,
    one_oh: bool,
    compressed: bool,
    write_out: Option<String>,
    method: Option<String>,
    data: Option<Vec<u8>>,
    json: bool,
    form: Option<String>,
    upload: bool,
    headers: Vec<String>,
    agent: Option<String>,
    referer: Option<String>,
    cookie: Option<String>,
    user: Option<String>,
    bearer: Option<String>,
    range: Option<String>,
    dump: Option<String>,
    max_time: Option<i64>,
    connect_timeout: Option<i64>,
    retries: u32,
    retry_delay: i64,
    retries_refused: bool,
    retries_all: bool,
    resolve: Vec<(String, u16, IpAddr)>,
    trusted: Option<String>,
    max_redirects: i64,
    // What is under way.
    at: usize,
    url: Option<Url>,
    redirects: i64,
    tried: u32,
    transfer: Option<Transfer>,
    started: Time,
    connected_to: Option<IpAddr>,
    connections: u32,
    code: u8,
    resume: Option<Time>,
    meter_shown: bool,
    method_now: Option<String>,
}

/// Whether the image's curl is of 8.9 or later, whose words differ a little.
fn is_new(sys: &Sys<'_>) -> bool {
    let base = images::find(sys.image()).base;
    !matches!(base, images::base::Base::Debian(..=12) | images::base::Base::Ubuntu((..=24, _)))
}

fn version(sys: &Sys<'_>) -> &'static str {
    match images::find(sys.image()).base {
        images::base::Base::Debian(12) => "7.88.1",
        images::base::Base::Debian(11) => "7.74.0",
        images::base::Base::Debian(_) if !is_new(sys) => "7.64.0",
        images::base::Base::Debian(_) => "8.14.1",
        images::base::Base::Ubuntu((24, _)) => "8.5.0",
        images::base::Base::Ubuntu(_) => "7.81.0",
        images::base::Base::Alpine(_) => "8.14.1",
        images::base::Base::RedHat(_) => "7.76.1",
        _ => "8.14.1",
    }
}

pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let read = match read(args, OPTIONS) {
        Ok(read) => read,
        Err(wrong) => {
            let what = match wrong {
                Wrong::Letter(letter) => format!("option -{letter}: is unknown"),
                Wrong::Long(long) => format!("option --{long}: is unknown"),
                Wrong::Missing(option) => format!("option {option}: requires parameter"),
            };
            sys.err(format!("curl: {what}\ncurl: try 'curl --help' or 'curl --manual' for more information\n"));
            return Started::Exit(2);
        }
    };
    if read.has("version") {
        let version = version(sys);
        sys.out(format!("curl {version} (x86_64-pc-linux-gnu) libcurl/{version} OpenSSL/3.5.1 zlib/1.3.1 brotli/1.1.0 zstd/1.5.7 libidn2/2.3.8 libpsl/0.21.2 nghttp2/1.64.0\nRelease-Date: 2025-06-04\nProtocols: dict file ftp ftps gopher gophers http https imap imaps mqtt pop3 pop3s rtsp smb smbs smtp smtps telnet tftp ws wss\nFeatures: alt-svc AsynchDNS brotli HSTS HTTP2 HTTPS-proxy IDN IPv6 Largefile libz NTLM PSL SSL threadsafe TLS-SRP UnixSockets zstd\n"));
        return Started::Exit(0);
    }
    if read.has("help") {
        sys.out("Usage: curl [options...] <url>\n -d, --data <data>           HTTP POST data\n -f, --fail                  Fail fast with no output on HTTP errors\n -h, --help <subject>        Get help for commands\n -o, --output <file>         Write to file instead of stdout\n -O, --remote-name           Write output to file named as remote file\n -i, --show-headers          Show response headers in output\n -s, --silent                Silent mode\n -T, --upload-file <file>    Transfer local FILE to destination\n -u, --user <user:password>  Server user and password\n -A, --user-agent <name>     Send User-Agent <name> to server\n -v, --verbose               Make the operation more talkative\n -V, --version               Show version number and quit\n\nThis is not the full help; this menu is split into categories.\nUse \"--help category\" to get an overview of all categories, which are:\nauth, connection, curl, deprecated, dns, file, ftp, global, http, imap, ldap, \noutput, pop3, post, proxy, scp, sftp, smtp, ssh, ssl, telnet, tftp, timeout, \ntls, upload, verbose.\nUse \"--help all\" to list all options\nUse \"--help [option]\" to view documentation for a given option\n");
        return Started::Exit(0);
    }
    let mut curl = Curl { max_redirects: MAX_REDIRECTS, started: sys.now(), ..Curl::default() };
    if let Err(started) = curl.read(sys, &read) {
        return started;
    }
    if curl.urls.is_empty() {
        let text = if is_new(sys) { "curl: (2) no URL specified\n" } else { "" };
        sys.err(format!("{text}curl: try 'curl --help' or 'curl --manual' for more information\n"));
        return Started::Exit(2);
    }
    runs(Running::Curl(Box::new(curl)))
}

/// The bytes of a `@FILE` argument.
fn contents(sys: &mut Sys<'_>, file: &str, what: &str) -> Result<Vec<u8>, Started> {
    if file == "-" {
        // Standard input, as far as it is there.
        let mut all = Vec::new();
        while let Ok(crate::machine::kernel::Input::Bytes(bytes)) = sys.read(0, 1 << 16) {
            all.extend(bytes);
            if all.len() > 16 << 20 {
                break;
            }
        }
        return Ok(all);
    }
    match sys.read_file(file) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(_) if what == "upload" => {
            sys.err(format!(
                "curl: can't open '{file}'!\ncurl: try 'curl --help' or 'curl --manual' for more information\n"
            ));
            Err(Started::Exit(26))
        }
        Err(_) => {
            sys.err(format!("curl: option {what}: error encountered when reading a file\ncurl: try 'curl --help' or 'curl --manual' for more information\n"));
            Err(Started::Exit(26))
        }
    }
}

fn escape(text: &[u8]) -> String {
    text.iter()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => (*b as char).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

impl Curl {
    fn read(&mut self, sys: &mut Sys<'_>, read: &super::options::Read) -> Result<(), Started> {
        self.urls = read.words.clone();
        let seconds = |text: &str| text.parse::<f64>().ok().map(|s| (s * 1000.0) as i64);
        for (name, value) in &read.options {
            match name.as_str() {
                "silent" => self.silent = true,
                "show-error" => self.shows_error = true,
                "fail" => self.fails = true,
                "fail-with-body" => self.fails_with_body = true,
                "verbose" => self.verbose = true,
                "include" | "show-headers" => self.includes = true,
                "head" => self.head = true,
                "location" | "location-trusted" => self.follows = true,
                "insecure" => self.insecure = true,
                "remote-name" | "remote-name-all" => self.remote_name = true,
                "get" => self.get = true,
                "progress-bar" => self.bar = true,
                "no-progress-meter" => self.no_meter = true,
                "http1.0" => self.one_oh = true,
                "compressed" => self.compressed = true,
                "retry-connrefused" => self.retries_refused = true,
                "retry-all-errors" => self.retries_all = true,
                "url" => self.urls.push(value.clone()),
                "output" => self.outputs.push(value.clone()),
                "write-out" => {
                    self.write_out = Some(match value.strip_prefix('@') {
                        Some(file) => String::from_utf8_lossy(&contents(sys, file, "-w")?).into_owned(),
                        None => value.clone(),
                    });
                }
                "request" => self.method = Some(value.clone()),
                "data" | "data-raw" | "data-binary" | "data-ascii" | "data-urlencode" | "json" => {
                    let mut piece = match value.strip_prefix('@').filter(|_| name != "data-raw") {
                        Some(file) => contents(sys, file, "-d")?,
                        None => value.clone().into_bytes(),
                    };
                    if matches!(name.as_str(), "data" | "data-ascii") && value.starts_with('@') {
                        piece.retain(|b| !matches!(b, b'\r' | b'\n'));
                    }
                    if name == "data-urlencode" {
                        piece = match value.split_once('=') {
                            Some(("", text)) => escape(text.as_bytes()).into_bytes(),
                            Some((key, text)) => format!("{key}={}", escape(text.as_bytes())).into_bytes(),
                            None => escape(&piece).into_bytes(),
                        };
                    }
                    match (&mut self.data, name == "json") {
                        (Some(data), false) => {
                            data.push(b'&');
                            data.extend(piece);
                        }
                        (Some(data), true) => data.extend(piece),
                        (none, _) => *none = Some(piece),
                    }
                    self.json |= name == "json";
                }
                "form" => {
                    let (key, text) = value.split_once('=').unwrap_or((value, ""));
                    let (text, file) = match text.strip_prefix('@') {
                        Some(file) => {
                            let file = file.split(';').next().unwrap_or(file);
                            let bytes = contents(sys, file, "-F")?;
                            let name = file.rsplit('/').next().unwrap_or(file);
                            (
                                String::from_utf8_lossy(&bytes).into_owned(),
                                format!("; filename=\"{name}\"\r\nContent-Type: application/octet-stream"),
                            )
                        }
                        None => (text.to_string(), String::new()),
                    };
                    let boundary = "------------------------d74496d66958873e";
                    let part = format!(
                        "--{boundary}\r\nContent-Disposition: form-data; name=\"{key}\"{file}\r\n\r\n{text}\r\n"
                    );
                    self.form.get_or_insert_default().push_str(&part);
                }
                "upload-file" => {
                    self.upload = true;
                    self.data = Some(contents(sys, value, "upload")?);
                }
                "header" => match value.strip_prefix('@') {
                    Some(file) => {
                        let text = contents(sys, file, "-H")?;
                        self.headers.extend(String::from_utf8_lossy(&text).lines().map(String::from));
                    }
                    None => self.headers.push(value.clone()),
                },
                "user-agent" => self.agent = Some(value.clone()),
                "referer" => self.referer = Some(value.clone()),
                "cookie" => {
                    let is_text = value.contains('=');
                    self.cookie = is_text.then(|| value.clone());
                }
                "user" => self.user = Some(value.clone()),
                "oauth2-bearer" => self.bearer = Some(value.clone()),
                "range" => self.range = Some(value.clone()),
                "dump-header" => self.dump = Some(value.clone()),
                "max-time" | "connect-timeout" | "retry-delay" => match seconds(value) {
                    Some(millis) if name == "max-time" => self.max_time = (millis > 0).then_some(millis),
                    Some(millis) if name == "retry-delay" => self.retry_delay = millis,
                    Some(millis) => self.connect_timeout = (millis > 0).then_some(millis),
                    None => {
                        let letter = if name == "max-time" { "-m" } else { name.as_str() };
                        let shown = if letter.starts_with('-') { letter.to_string() } else { format!("--{letter}") };
                        sys.err(format!("curl: option {shown}: expected a proper numerical parameter\ncurl: try 'curl --help' or 'curl --manual' for more information\n"));
                        return Err(Started::Exit(2));
                    }
                },
                "retry" => self.retries = value.parse().unwrap_or(0),
                "max-redirs" => self.max_redirects = value.parse().unwrap_or(MAX_REDIRECTS),
                "resolve" => {
                    let mut parts = value.trim_start_matches('+').splitn(3, ':');
                    if let (Some(host), Some(Ok(port)), Some(ips)) =
                        (parts.next(), parts.next().map(str::parse), parts.next())
                    {
                        let ips = ips.split(',').filter_map(|ip| ip.trim_matches(['[', ']']).parse().ok());
                        self.resolve.extend(ips.map(|ip| (host.to_string(), port, ip)));
                    }
                }
                "connect-to" => {
                    let parts: Vec<&str> = value.split(':').collect();
                    if let [host, port, to, _] = parts.as_slice()
                        && let (Ok(port), Ok(ip)) = (port.parse(), to.parse())
                    {
                        self.resolve.push(((*host).to_string(), port, ip));
                    }
                }
                "cacert" => {
                    if sys.read_file(value).is_err() {
                        sys.err(format!("curl: (77) error setting certificate file: {value}\n"));
                        return Err(Started::Exit(77));
                    }
                    // Whoever issued the cluster's certificates is in the cluster's file.
                    self.trusted = Some("kubernetes".into());
                }
                _ => {}
            }
        }
        if let Some(form) = &mut self.form {
            form.push_str("--------------------------d74496d66958873e--\r\n");
        }
        Ok(())
    }

    fn talks(&self) -> bool {
        !self.silent || self.shows_error
    }

    /// Whether the progress meter is shown: not where the output goes to a terminal.
    fn meters(&self, sys: &Sys<'_>) -> bool {
        let to_terminal = self.target().is_none() && sys.is_tty(1);
        !self.silent && !self.no_meter && !self.bar && !to_terminal
    }

    /// Where the body of the URL at hand goes; none for standard output.
    fn target(&self) -> Option<String> {
        if let Some(output) = self.outputs.get(self.at.saturating_sub(1)).filter(|o| *o != "-") {
            return Some(output.clone());
        }
        if !self.remote_name {
            return None;
        }
        let url = self.url.as_ref()?;
        let name = url.path.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        Some(name.to_string())
    }

    fn method(&self) -> String {
        if let Some(method) = self.method_now.as_ref().or(self.method.as_ref()) {
            return method.clone();
        }
        match () {
            () if self.head => "HEAD",
            () if self.upload => "PUT",
            () if self.form.is_some() => "POST",
            () if self.data.is_some() && !self.get => "POST",
            () => "GET",
        }
        .to_string()
    }

    fn request(&self, sys: &Sys<'_>, url: &Url) -> Vec<u8> {
        let version = if self.one_oh { "1.0" } else { "1.1" };
        let mut path = url.path.clone();
        let drops_body = self.method_now.as_deref() == Some("GET");
        let data = self.data.as_ref().filter(|_| !drops_body);
        if let (true, Some(data)) = (self.get, data) {
            let gap = if path.contains('?') { '&' } else { '?' };
            path = format!("{path}{gap}{}", String::from_utf8_lossy(data));
        }
        let mut text = format!("{} {path} HTTP/{version}\r\n", self.method());
        let given = |name: &str| {
            self.headers
                .iter()
                .find(|h| h.split([':', ';']).next().is_some_and(|n| n.trim().eq_ignore_ascii_case(name)))
        };
        let mut add = |name: &str, value: &str| {
            if given(name).is_none() {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        };
        match given("Host").and_then(|h| h.split_once(':')) {
            Some((_, host)) => text.push_str(&format!("Host: {}\r\n", host.trim())),
            None => add("Host", &url.host_field()),
        }
        let mut add = |name: &str, value: &str| {
            if given(name).is_none() {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        };
        let login = self.user.clone().or_else(|| url.user.clone());
        if let Some(login) = login {
            let login = if login.contains(':') { login } else { format!("{login}:") };
            add("Authorization", &format!("Basic {}", base64(login.as_bytes())));
        } else if let Some(bearer) = &self.bearer {
            add("Authorization", &format!("Bearer {bearer}"));
        }
        if let Some(range) = &self.range {
            add("Range", &format!("bytes={range}"));
        }
        match &self.agent {
            Some(agent) if agent.is_empty() => {}
            Some(agent) => add("User-Agent", agent),
            None => add("User-Agent", &format!("curl/{}", version_of(sys))),
        }
        add("Accept", if self.json { "application/json" } else { "*/*" });
        if self.compressed {
            add("Accept-Encoding", "deflate, gzip, br, zstd");
        }
        if let Some(referer) = &self.referer {
            add("Referer", referer);
        }
        if let Some(cookie) = &self.cookie {
            add("Cookie", cookie);
        }
        let mut own = String::new();
        for header in self.headers.iter().filter(|h| !h.to_ascii_lowercase().starts_with("host:")) {
            let (name, value) = match header.split_once(':') {
                Some((name, value)) => (name.trim(), value.trim()),
                None => (header.trim_end_matches(';'), ""),
            };
            if !value.is_empty() || header.ends_with(';') {
                own.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let body = match (&self.form, data) {
            (Some(form), _) => Some(form.clone().into_bytes()),
            (None, Some(data)) if !self.get => Some(data.clone()),
            _ => None,
        };
        text.push_str(&own);
        let mut add = |name: &str, value: &str| {
            if given(name).is_none() {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        };
        if let Some(body) = &body {
            if self.json {
                add("Content-Type", "application/json");
            }
            add("Content-Length", &body.len().to_string());
            match (&self.form, self.upload) {
                (Some(_), _) => {
                    add("Content-Type", "multipart/form-data; boundary=------------------------d74496d66958873e")
                }
                (None, true) => {}
                (None, false) if self.json => {}
                (None, false) => add("Content-Type", "application/x-www-form-urlencoded"),
            }
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend(body.into_iter().flatten());
        bytes
    }

    fn begin(&mut self, sys: &mut Sys<'_>, url: Url) {
        let fixed = self
            .resolve
            .iter()
            .filter(|(host, port, _)| {
                (host == "*" || host.eq_ignore_ascii_case(&url.host) || host.is_empty()) && *port == url.port()
            })
            .map(|(_, _, ip)| *ip)
            .collect();
        let order = Order {
            host: url.host.clone(),
            port: url.port(),
            secure: url.scheme == "https",
            verify: (!self.insecure).then(|| self.trusted.clone()),
            to_head: self.method() == "HEAD",
            request: self.request(sys, &url),
            fixed,
            connect_timeout: Some(Duration(self.connect_timeout.unwrap_or(300_000))),
            done_by: self.max_time.map(|m| self.started + Duration(m)),
            silence: None,
        };
        self.transfer = Some(Transfer::new(sys, order));
        self.url = Some(url);
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if let Some(at) = self.resume {
            if sys.now() < at {
                return Turn::Wait(Wait::until(at));
            }
            self.resume = None;
            if let Some(url) = self.url.clone() {
                self.begin(sys, url);
            }
        }
        if self.transfer.is_none() {
            let Some(text) = self.urls.get(self.at).cloned() else {
                return Turn::Exit(Status::Code(self.code));
            };
            self.at += 1;
            (self.redirects, self.tried, self.started, self.method_now) = (0, 0, sys.now(), None);
            let url = Url::parse(&text).filter(|u| !u.host.contains(' '));
            let Some(mut url) = url else {
                let words = if is_new(sys) {
                    "URL rejected: Malformed input to a URL function"
                } else {
                    "URL using bad/illegal format or missing URL"
                };
                let words = if text.ends_with("://") {
                    if is_new(sys) { "URL rejected: No host part in the URL" } else { words }
                } else {
                    words
                };
                let words = match text.rsplit_once(':') {
                    Some((_, port))
                        if is_new(sys)
                            && port.split('/').next().is_some_and(|p| {
                                p.parse::<u16>().is_err() && !p.is_empty() && !text.ends_with("://")
                            }) =>
                    {
                        "URL rejected: Port number was not a decimal number between 0 and 65535"
                    }
                    _ => words,
                };
                return self.fail(sys, 3, words);
            };
            if url.scheme.is_empty() {
                url.scheme = "http".into();
            }
            if !matches!(url.scheme.as_str(), "http" | "https") {
                let text = match is_new(sys) {
                    true => format!("Protocol \"{}\" not supported", url.scheme),
                    false => format!("Protocol \"{}\" not supported or disabled in libcurl", url.scheme),
                };
                return self.fail(sys, 1, &text);
            }
            if self.meters(sys) {
                if !self.meter_shown {
                    sys.err(METER);
                }
                sys.err(NOTHING);
                self.meter_shown = true;
            }
            self.begin(sys, url);
        }
        let Some(mut transfer) = self.transfer.take() else { return Turn::Again };
        let stand = transfer.step(sys);
        let events = std::mem::take(&mut transfer.events);
        self.tell(sys, &events);
        match stand {
            Stand::Waits(wait) => {
                self.transfer = Some(transfer);
                Turn::Wait(wait)
            }
            Stand::Failed(Fault::NotHttp) => {
                if transfer.raw().is_empty() {
                    return self.failed(sys, &Fault::Empty);
                }
                self.fail(sys, 1, "Received HTTP/0.9 when not allowed")
            }
            Stand::Failed(fault) => self.failed(sys, &fault),
            Stand::Done(response) => self.done(sys, &response),
        }
    }

    fn tell(&mut self, sys: &mut Sys<'_>, events: &[Event]) {
        let Some(url) = self.url.clone() else { return };
        let port = url.port();
        let new = is_new(sys);
        for event in events {
            if let Event::Connected(ip) = event {
                self.connected_to = Some(*ip);
                self.connections += 1;
            }
            if !self.verbose {
                continue;
            }
            let shown = |ip: &IpAddr| if ip.is_ipv6() { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") };
            match event {
                Event::Resolved(ips) if new && url.host.parse::<IpAddr>().is_err() => {
                    let list = |six: bool| {
                        let some: Vec<String> =
                            ips.iter().filter(|i| i.is_ipv6() == six).map(ToString::to_string).collect();
                        if some.is_empty() { "(none)".to_string() } else { some.join(", ") }
                    };
                    sys.err(format!(
                        "* Host {}:{port} was resolved.\n* IPv6: {}\n* IPv4: {}\n",
                        url.host,
                        list(true),
                        list(false)
                    ));
                }
                Event::Trying(ip) => sys.err(format!("*   Trying {}...\n", shown(ip))),
                Event::Refused(ip, text) if new => {
                    sys.err(format!("* connect to {ip} port {port} from {} port 0 failed: {text}\n", sys.sandbox.ip))
                }
                Event::Refused(ip, text) => sys.err(format!("* connect to {ip} port {port} failed: {text}\n")),
                Event::Connected(ip) => {
                    let number = self.connections - 1;
                    let tail = if new { String::new() } else { format!(" (#{number})") };
                    sys.err(format!("* Connected to {} ({ip}) port {port}{tail}\n", url.host));
                }
                Event::Sent => {
                    if new && url.scheme == "http" {
                        sys.err("* using HTTP/1.x\n");
                    }
                    let request = self.request(sys, &url);
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
                    let lines: String = head.split("\r\n").map(|l| format!("> {l}\r\n")).collect();
                    sys.err(format!("{lines}> \r\n"));
                    if !body.is_empty() {
                        sys.err(format!("}} [{} bytes data]\n", body.len()));
                    }
                    if new {
                        sys.err(if body.is_empty() {
                            "* Request completely sent off\n".to_string()
                        } else {
                            format!("* upload completely sent off: {} bytes\n", body.len())
                        });
                    }
                }
                Event::Resolved(_) => {}
            }
        }
    }

    fn failed(&mut self, sys: &mut Sys<'_>, fault: &Fault) -> Turn {
        let (host, port) = self.url.as_ref().map(|u| (u.host.clone(), u.port())).unwrap_or_default();
        let no = if is_new(sys) { "Could not connect to server" } else { "Couldn't connect to server" };
        match fault {
            Fault::NoAddress(_) => {
                if self.verbose {
                    sys.err(format!("* Could not resolve host: {host}\n"));
                }
                self.fail(sys, 6, &format!("Could not resolve host: {host}"))
            }
            Fault::Connect(_, text, after) if text.contains("timed out") => {
                self.fail(sys, 28, &format!("Failed to connect to {host} port {port} after {after} ms: {no}"))
            }
            Fault::Connect(_, _, after) => {
                let text = format!("Failed to connect to {host} port {port} after {after} ms: {no}");
                if self.verbose {
                    sys.err(format!("* {text}\n"));
                }
                self.fail(sys, 7, &text)
            }
            Fault::Timeout(millis, false, _) => {
                let over = millis + 1;
                let text = match is_new(sys) && self.max_time.is_none() {
                    true => format!("Failed to connect to {host} port {port} after {over} ms: Timeout was reached"),
                    false => format!("Connection timed out after {over} milliseconds"),
                };
                self.fail(sys, 28, &text)
            }
            Fault::Timeout(millis, true, bytes) => self.fail(
                sys,
                28,
                &format!("Operation timed out after {} milliseconds with {bytes} bytes received", millis + 1),
            ),
            Fault::Empty => self.fail(sys, 52, "Empty reply from server"),
            Fault::NotTls => {
                let text = match is_new(sys) {
                    true => "TLS connect error: error:0A0000C6:SSL routines::packet length too long",
                    false => "error:0A00010B:SSL routines::wrong version number",
                };
                self.fail(sys, 35, text)
            }
            Fault::Certificate(_) => {
                let turn = self.fail(sys, 60, "SSL certificate problem: unable to get local issuer certificate");
                if self.talks() {
                    sys.err("More details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the server and therefore could not\nestablish a secure connection to it. To learn more about this situation and\nhow to fix it, please visit the webpage mentioned above.\n");
                }
                turn
            }
            Fault::WrongName(name) => {
                let text = format!("SSL: no alternative certificate subject name matches target host name '{name}'");
                let turn = self.fail(sys, 60, &text);
                if self.talks() {
                    sys.err("More details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the server and therefore could not\nestablish a secure connection to it. To learn more about this situation and\nhow to fix it, please visit the webpage mentioned above.\n");
                }
                turn
            }
            Fault::NotHttp => self.fail(sys, 1, "Received HTTP/0.9 when not allowed"),
        }
    }

    /// Ends a transfer with an error; or has it tried again.
    fn fail(&mut self, sys: &mut Sys<'_>, code: u8, text: &str) -> Turn {
        let transient = matches!(code, 28 | 6) && code == 28 || self.retries_all || (self.retries_refused && code == 7);
        if transient && self.tried < self.retries {
            return self.again(sys, text);
        }
        if self.meter_shown && self.meters(sys) && !matches!(code, 6) {
            let spent = ((sys.now() - self.started).0 / 1000).max(0);
            let clock = format!("{}:{:02}:{:02}", spent / 3600, spent / 60 % 60, spent % 60);
            let clock = if spent == 0 { "--:--:--".to_string() } else { clock };
            sys.err(format!("\r  0     0    0     0    0     0      0      0 --:--:-- {clock:>8} --:--:--     0\n"));
        } else if self.meter_shown && self.meters(sys) && code == 6 {
            // The meter's line goes on with the message.
        }
        if self.verbose && !matches!(code, 1 | 3 | 6) {
            let tail =
                if is_new(sys) { "closing connection #0".to_string() } else { "Closing connection 0".to_string() };
            sys.err(format!("* {tail}\n"));
        }
        if self.talks() {
            sys.err(format!("curl: ({code}) {text}\n"));
        }
        self.write_out(sys, None);
        self.code = code;
        self.transfer = None;
        Turn::Again
    }

    fn again(&mut self, sys: &mut Sys<'_>, why: &str) -> Turn {
        self.tried += 1;
        let left = self.retries - self.tried + 1;
        let delay = if self.retry_delay > 0 { self.retry_delay / 1000 } else { 1 << (self.tried - 1).min(9) };
        if !self.silent || self.shows_error {
            let kind =
                if why.contains("imed out") || why.contains("Timeout") { "timeout" } else { "connection refused" };
            let kind = if why.starts_with("HTTP") { "HTTP error" } else { kind };
            let plural = if delay == 1 { "second" } else { "seconds" };
            let (retry, only) = if left == 1 { ("retry", "") } else { ("retries", "") };
            let _ = only;
            sys.err(format!("Warning: Problem: {kind}. Will retry in {delay} {plural}. {left} {retry} left.\n"));
        }
        self.resume = Some(sys.now() + Duration::secs(delay));
        self.transfer = None;
        self.started = sys.now() + Duration::secs(delay);
        Turn::Wait(Wait::until(self.started))
    }

    fn done(&mut self, sys: &mut Sys<'_>, response: &Response) -> Turn {
        let status = response.status;
        if self.verbose {
            let lines = String::from_utf8_lossy(&response.head()).into_owned();
            if response.version == "HTTP/1.0" && !is_new(sys) {
                sys.err("* HTTP 1.0, assume close after body\n");
            }
            let text: String = lines.trim_end_matches("\r\n").split("\r\n").map(|l| format!("< {l}\r\n")).collect();
            sys.err(format!("{text}< \r\n"));
            let discards = self.fails && status >= 400;
            if !response.body.is_empty() && !discards {
                sys.err(format!("{{ [{} bytes data]\n", response.body.len()));
            }
        }
        if let Some(dump) = self.dump.clone() {
            let head = response.head();
            if dump == "-" {
                sys.out(&head);
            } else {
                let _ = sys.write_file(&dump, &head);
            }
        }
        if self.includes || self.method() == "HEAD" && self.head {
            let head = response.head();
            self.put(sys, &head, false);
        }
        if self.follows
            && matches!(status, 301 | 302 | 303 | 307 | 308)
            && let Some(next) = response.headers.get("Location").and_then(|l| self.url.as_ref()?.join(l))
        {
            if self.redirects >= self.max_redirects && self.max_redirects >= 0 {
                let text = format!("Maximum ({}) redirects followed", self.max_redirects);
                return self.fail(sys, 47, &text);
            }
            self.redirects += 1;
            if matches!(status, 301..=303) && self.method() == "POST" && self.method.is_none() {
                self.method_now = Some("GET".into());
            }
            if self.verbose {
                sys.err(if is_new(sys) {
                    format!(
                        "* Connection #0 to host {} left intact\n* Issue another request to this URL: '{}'\n",
                        self.url.as_ref().map(|u| u.host.clone()).unwrap_or_default(),
                        next.text()
                    )
                } else {
                    format!("* Issue another request to this URL: '{}'\n", next.text())
                });
            }
            self.begin(sys, next);
            return Turn::Again;
        }
        let refuses = status >= 400 && (self.fails || self.fails_with_body);
        let transient = matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
        if self.tried < self.retries && (transient || (self.retries_all && refuses)) {
            return self.again(sys, "HTTP error");
        }
        let length = response.body.len();
        if refuses && !self.fails_with_body {
            if self.meters(sys) {
                let whole = response.headers.get("Content-Length").map_or(0, |l| l.parse().unwrap_or(0));
                sys.err(format!(
                    "\r  0 {:>5}    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n",
                    amount(whole)
                ));
            }
        } else {
            let body = response.body.clone();
            if !self.put(sys, &body, true) {
                self.code = 23;
                return Turn::Again;
            }
            if self.meters(sys) {
                let up = match (&self.form, &self.data) {
                    (Some(form), _) => form.len(),
                    (None, Some(data)) if !self.get => data.len(),
                    _ => 0,
                };
                sys.err(meter(length, up, response.headers.get("Content-Length").is_some() || length > 0));
            }
        }
        if self.verbose {
            let host = self.url.as_ref().map(|u| u.host.clone()).unwrap_or_default();
            let closes = response.version == "HTTP/1.0"
                || response.headers.get("Connection").is_some_and(|c| c.eq_ignore_ascii_case("close"));
            let text = match (closes || refuses, is_new(sys)) {
                (true, true) => "* shutting down connection #0\n".to_string(),
                (true, false) => "* Closing connection 0\n".to_string(),
                (false, _) => format!("* Connection #0 to host {host} left intact\n"),
            };
            sys.err(text);
        }
        if refuses {
            if self.talks() {
                sys.err(format!("curl: (22) The requested URL returned error: {status}\n"));
            }
            self.code = 22;
        } else {
            self.code = 0;
        }
        self.write_out(sys, Some(response));
        Turn::Again
    }

    /// Puts a piece of output where it belongs.
    fn put(&mut self, sys: &mut Sys<'_>, bytes: &[u8], last: bool) -> bool {
        let Some(target) = self.target() else {
            sys.out(bytes);
            return true;
        };
        if target.is_empty() {
            if self.talks() {
                let text = if is_new(sys) {
                    "curl: (23) Failed to extract a filename to use for storage\n"
                } else {
                    "curl: (23) Failed writing received data to disk/application\n"
                };
                sys.err(text);
            }
            return false;
        }
        let appends = last && (self.includes || self.head);
        let how = if appends { OpenOptions::APPEND } else { OpenOptions::WRITE };
        match sys.open(&target, how) {
            Ok(fd) => {
                let written = sys.write(fd, bytes);
                let _ = sys.close(fd);
                if written.is_err() && self.talks() {
                    sys.err("curl: (23) Failure writing output to destination\n");
                }
                written.is_ok()
            }
            Err(fault) => {
                let text = sys.text(fault);
                if !self.silent {
                    sys.err(format!("Warning: Failed to open the file {target}: {text}\n"));
                }
                if self.talks() {
                    sys.err(format!(
                        "curl: (23) Failure writing output to destination{}\n",
                        if is_new(sys) { format!(", passed {} returned 0", bytes.len()) } else { String::new() }
                    ));
                }
                false
            }
        }
    }

    fn write_out(&mut self, sys: &mut Sys<'_>, response: Option<&Response>) {
        let Some(format) = self.write_out.clone() else { return };
        let url = self.url.clone();
        let millis = (sys.now() - self.started).0.max(0);
        let time = |n: i64| format!("{}.{:03}{:03}", n / 1000, n % 1000, 412);
        let status = response.map_or(0, |r| r.status);
        let field = |name: &str| response.and_then(|r| r.headers.get(name)).unwrap_or_default().to_string();
        let mut out = String::new();
        let mut rest = format.as_str();
        let mut to_err = false;
        let mut pieces: Vec<(bool, String)> = Vec::new();
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("%%") {
                out.push('%');
                rest = after;
                continue;
            }
            if let Some((name, after)) = rest.strip_prefix("%{").and_then(|r| r.split_once('}')) {
                rest = after;
                let value = match name {
                    "http_code" | "response_code" => format!("{status:03}"),
                    "http_connect" => "000".into(),
                    "exitcode" => self.code.to_string(),
                    "errormsg" => String::new(),
                    "size_download" => response.map_or(0, |r| r.body.len()).to_string(),
                    "size_upload" => self.data.as_ref().map_or(0, Vec::len).to_string(),
                    "size_header" => response.map_or(0, |r| r.head().len()).to_string(),
                    "size_request" => url.as_ref().map_or(0, |u| self.request(sys, u).len()).to_string(),
                    "speed_download" => (response.map_or(0, |r| r.body.len()) * 400).to_string(),
                    "speed_upload" => "0".into(),
                    "time_total" => time(millis + 2),
                    "time_namelookup" | "time_connect" | "time_pretransfer" => time(0),
                    "time_starttransfer" => time(millis + 1),
                    "time_appconnect" | "time_redirect" => "0.000000".into(),
                    "url_effective" | "url" => url.as_ref().map(Url::text).unwrap_or_default(),
                    "content_type" => field("Content-Type"),
                    "num_redirects" => self.redirects.to_string(),
                    "num_connects" => self.connections.to_string(),
                    "num_headers" => response.map_or(0, |r| r.headers.0.len()).to_string(),
                    "redirect_url" => response
                        .and_then(|r| r.headers.get("Location"))
                        .and_then(|l| url.as_ref()?.join(l))
                        .map(|u| u.text())
                        .unwrap_or_default(),
                    "remote_ip" => self.connected_to.map(|ip| ip.to_string()).unwrap_or_default(),
                    "remote_port" => url.as_ref().map_or(0, Url::port).to_string(),
                    "local_ip" => sys.sandbox.ip.clone(),
                    "local_port" => "40412".into(),
                    "scheme" => url.as_ref().map(|u| u.scheme.to_ascii_uppercase()).unwrap_or_default(),
                    "http_version" => response.map_or("0", |r| r.version.trim_start_matches("HTTP/")).to_string(),
                    "method" => self.method(),
                    "ssl_verify_result" => "0".into(),
                    "filename_effective" => self.target().unwrap_or_default(),
                    "stderr" | "stdout" => {
                        pieces.push((to_err, std::mem::take(&mut out)));
                        to_err = name == "stderr";
                        String::new()
                    }
                    _ => String::new(),
                };
                out.push_str(&value);
                continue;
            }
            if c == '\\' {
                let mut chars = rest.chars();
                chars.next();
                match chars.next() {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some(other) => {
                        out.push('\\');
                        out.push(other);
                    }
                    None => out.push('\\'),
                }
                rest = chars.as_str();
                continue;
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
        pieces.push((to_err, out));
        for (to_err, text) in pieces {
            if to_err { sys.err(text) } else { sys.out(text) }
        }
    }
}

fn version_of(sys: &Sys<'_>) -> &'static str {
    version(sys)
}

/// A number of bytes in five places.
fn amount(bytes: usize) -> String {
    match bytes {
        0..100_000 => bytes.to_string(),
        100_000..10_240_000 => format!("{}k", bytes / 1024),
        10_240_000..104_857_600 => format!("{}.{}M", bytes >> 20, (bytes % (1 << 20)) * 10 / (1 << 20)),
        _ => format!("{}M", bytes >> 20),
    }
}

/// The meter's last line.
fn meter(down: usize, up: usize, known: bool) -> String {
    let rate = |bytes: usize| amount(bytes.saturating_mul(400));
    let percent = if known { 100 } else { 0 };
    let (down_percent, up_percent) = (if known && down > 0 { 100 } else { 0 }, if up > 0 { 100 } else { 0 });
    format!(
        "\r{percent:>3} {:>5}  {down_percent:>3} {:>5}  {up_percent:>3} {:>5}  {:>5}  {:>5} --:--:-- --:--:-- --:--:-- {:>5}\n",
        amount(down + up),
        amount(down),
        amount(up),
        rate(down),
        rate(up),
        rate(down + up)
    )
}
