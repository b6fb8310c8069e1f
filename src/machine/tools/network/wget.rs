//! `wget`: busybox' and GNU's.

use serde::{Deserialize, Serialize};

use super::options::{Option_, flag, read, value};
use super::transfer::{Event, Fault, Order, Stand, Transfer};
use super::{Running, Started, runs};
use crate::api::Duration;
use crate::machine::images::Userland;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Fd, OpenOptions, Status, Sys, Turn, Wait};
use crate::machine::net::http::{Civil, Response, Url};

const MAX_REDIRECTS: usize = 20;

/// How long busybox waits at most where nothing else is said.
const PATIENCE: Duration = Duration::secs(900);

/// One command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wget {
    gnu: bool,
    urls: Vec<String>,
    quiet: bool,
    brief: bool,
    shows_server: bool,
    spider: bool,
    output: Option<String>,
    folder: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    method: Option<String>,
    agent: Option<String>,
    user: Option<String>,
    timeout: Option<i64>,
    tries: u32,
    unsafe_tls: bool,
    shows_errors: bool,
    keeps_content: bool,
    // What is under way.
    url: Option<Url>,
    redirects: usize,
    tried: u32,
    transfer: Option<Transfer>,
    out: Option<Fd>,
    code: u8,
    resume: Option<crate::api::Time>,
}

const BUSYBOX: &[Option_] = &[
    flag('c', "continue"),
    flag('q', "quiet"),
    flag('S', "server-response"),
    value('O', "output-document"),
    value('o', "output-file"),
    value('P', "directory-prefix"),
    value('U', "user-agent"),
    value('Y', "proxy"),
    value('T', "timeout"),
    value('t', "tries"),
    value('\0', "header"),
    value('\0', "post-data"),
    value('\0', "post-file"),
    flag('\0', "spider"),
    flag('\0', "no-check-certificate"),
    flag('\0', "passive-ftp"),
    flag('\0', "no-verbose"),
    flag('\0', "no-clobber"),
    flag('\0', "no-host-directories"),
    flag('\0', "no-parent"),
];

const GNU: &[Option_] = &[
    flag('c', "continue"),
    flag('q', "quiet"),
    flag('v', "verbose"),
    flag('d', "debug"),
    flag('V', "version"),
    flag('h', "help"),
    flag('N', "timestamping"),
    flag('r', "recursive"),
    flag('k', "convert-links"),
    flag('p', "page-requisites"),
    flag('4', "inet4-only"),
    flag('6', "inet6-only"),
    flag('S', "server-response"),
    flag('x', "force-directories"),
    value('n', "n"),
    value('O', "output-document"),
    value('o', "output-file"),
    value('a', "append-output"),
    value('P', "directory-prefix"),
    value('U', "user-agent"),
    value('T', "timeout"),
    value('t', "tries"),
    value('w', "wait"),
    value('e', "execute"),
    value('i', "input-file"),
    value('\0', "header"),
    value('\0', "post-data"),
    value('\0', "post-file"),
    value('\0', "body-data"),
    value('\0', "method"),
    value('\0', "user"),
    value('\0', "password"),
    value('\0', "http-user"),
    value('\0', "http-password"),
    value('\0', "connect-timeout"),
    value('\0', "read-timeout"),
    value('\0', "dns-timeout"),
    value('\0', "waitretry"),
    value('\0', "max-redirect"),
    value('\0', "ca-certificate"),
    value('\0', "progress"),
    value('\0', "limit-rate"),
    flag('\0', "spider"),
    flag('\0', "no-check-certificate"),
    flag('\0', "no-verbose"),
    flag('\0', "no-clobber"),
    flag('\0', "no-cache"),
    flag('\0', "no-proxy"),
    flag('\0', "retry-connrefused"),
    flag('\0', "content-on-error"),
    flag('\0', "content-disposition"),
    flag('\0', "show-progress"),
    flag('\0', "save-headers"),
    flag('\0', "auth-no-challenge"),
    flag('\0', "no-hsts"),
];

fn busybox_usage(sys: &Sys<'_>) -> String {
    let (major, minor) = crate::machine::images::find(sys.image()).base.busybox_version();
    format!(
        "BusyBox v{major}.{minor}.0 (2024-09-26 21:31:42 UTC) multi-call binary.\n\nUsage: wget [-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]\n\
         \t[--post-data STR | --post-file FILE] [-Y on/off]\n\t[--no-check-certificate] [-P DIR] [-U AGENT] [-T SEC] URL...\n\n\
         Retrieve files via HTTP or FTP\n\n\t--spider\tOnly check URL existence: $? is 0 if exists\n\
         \t--header STR\tAdd STR (of form 'header: value') to headers\n\t--post-data STR\tSend STR using POST method\n\
         \t--post-file FILE\tSend FILE using POST method\n\t--no-check-certificate\tDon't validate the server's certificate\n\
         \t-c\t\tContinue retrieval of aborted transfer\n\t-q\t\tQuiet\n\t-P DIR\t\tSave to DIR (default .)\n\
         \t-S    \t\tShow server response\n\t-T SEC\t\tNetwork read timeout is SEC seconds\n\t-O FILE\t\tSave to FILE ('-' for stdout)\n\
         \t-o LOGFILE\tLog messages to FILE\n\t-U STR\t\tUse STR for User-Agent header\n\t-Y on/off\tUse proxy\n"
    )
}

pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let usage = "Usage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n";
    let read = match read(args, if gnu { GNU } else { BUSYBOX }) {
        Ok(read) => read,
        Err(wrong) => {
            let text = wrong.text("wget");
            let usage = if gnu { usage.to_string() } else { busybox_usage(sys) };
            sys.err(format!("{text}{usage}"));
            return Started::Exit(if gnu { 2 } else { 1 });
        }
    };
    if gnu && read.has("version") {
        sys.out("GNU Wget 1.25.0 built on linux-gnu.\n");
        return Started::Exit(0);
    }
    if read.words.is_empty() {
        let text = if gnu { format!("wget: missing URL\n{usage}") } else { busybox_usage(sys) };
        sys.err(text);
        return Started::Exit(1);
    }
    let seconds = |name: &str| read.last(name).and_then(|v| v.parse::<f64>().ok()).map(|s| (s * 1000.0) as i64);
    let body = match (read.last("post-data").or(read.last("body-data")), read.last("post-file")) {
        (Some(data), _) => Some(data.as_bytes().to_vec()),
        (None, Some(file)) => match sys.read_file(file) {
            Ok(bytes) => Some(bytes.to_vec()),
            Err(fault) => {
                let text = sys.text(fault);
                sys.err(format!("wget: can't open '{file}': {text}\n"));
                return Started::Exit(1);
            }
        },
        (None, None) => None,
    };
    let split = |h: &str| h.split_once(':').map(|(n, v)| (n.trim().to_string(), v.trim().to_string()));
    let login = read.last("user").or(read.last("http-user"));
    let password = read.last("password").or(read.last("http-password")).unwrap_or_default();
    let short = |letter: &str| read.all("n").any(|v| v.contains(letter));
    let wget = Wget {
        gnu,
        quiet: read.has("quiet"),
        brief: read.has("no-verbose") || short("v"),
        shows_server: read.has("server-response"),
        spider: read.has("spider"),
        output: read.last("output-document").map(String::from),
        folder: read.last("directory-prefix").map(String::from),
        headers: read.all("header").filter_map(split).collect(),
        body,
        method: read.last("method").map(String::from),
        agent: read.last("user-agent").map(String::from),
        user: login.map(|u| format!("{u}:{password}")),
        timeout: seconds("timeout").or_else(|| seconds("connect-timeout")).or_else(|| seconds("read-timeout")),
        tries: read.last("tries").and_then(|t| t.parse().ok()).map_or(20, |t: u32| if t == 0 { u32::MAX } else { t }),
        unsafe_tls: read.has("no-check-certificate"),
        shows_errors: !read.has("quiet"),
        keeps_content: read.has("content-on-error"),
        urls: read.words.into_iter().rev().collect(),
        url: None,
        redirects: 0,
        tried: 0,
        transfer: None,
        out: None,
        code: 0,
        resume: None,
    };
    runs(Running::Wget(Box::new(wget)))
}

fn stamp(sys: &Sys<'_>) -> String {
    let c = Civil::of(sys.now());
    format!("{} {}", c.date(), c.clock())
}

/// Bytes a second, as GNU's wget shows it: what a local network does.
fn speed(bytes: usize) -> (String, String) {
    let per_second = (bytes as f64) * 10_000.0;
    let units = [("", ""), ("K", "KB"), ("M", "MB"), ("G", "GB")];
    let mut rate = per_second.max(1.0);
    let mut at = 0;
    while rate >= 1024.0 && at < 3 {
        rate /= 1024.0;
        at += 1;
    }
    let digits = match rate {
        r if r >= 99.95 => 0,
        r if r >= 9.995 => 1,
        _ => 2,
    };
    let (short, long) = units[at];
    let long = if long.is_empty() { "B" } else { long };
    (format!("{rate:.digits$}{short}"), format!("{rate:.digits$} {long}/s"))
}

impl Wget {
    fn say(&self, sys: &mut Sys<'_>, text: &str) {
        if !self.quiet && !self.brief {
            sys.err(text);
        }
    }

    /// The name that the output goes under.
    fn target(&self, url: &Url) -> String {
        if let Some(output) = &self.output {
            return output.clone();
        }
        let path = url.path.trim_end_matches('/');
        let name = path.rsplit('/').next().unwrap_or_default();
        let name = if self.gnu { name } else { name.split('?').next().unwrap_or_default() };
        let name = if name.is_empty() || url.path.ends_with('/') { "index.html" } else { name };
        match &self.folder {
            Some(folder) => format!("{}/{name}", folder.trim_end_matches('/')),
            None => name.to_string(),
        }
    }

    fn request(&self, url: &Url) -> Vec<u8> {
        let method = match (&self.method, &self.body) {
            (Some(method), _) => method.as_str(),
            (None, Some(_)) => "POST",
            (None, None) if self.spider => "HEAD",
            (None, None) => "GET",
        };
        // busybox asks in HTTP/1.1 and wants the connection closed.
        let mut text = format!("{method} {} HTTP/1.1\r\n", url.path);
        let has = |name: &str| self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut add = |name: &str, value: String| {
            if !has(name) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        };
        let agent = self.agent.clone().unwrap_or_else(|| if self.gnu { "Wget/1.25.0".into() } else { "Wget".into() });
        let login = self.user.clone().or_else(|| url.user.clone());
        if self.gnu {
            add("User-Agent", agent);
            add("Accept", "*/*".into());
            add("Accept-Encoding", "identity".into());
            if let Some(login) = login {
                add("Authorization", format!("Basic {}", super::curl::base64(login.as_bytes())));
            }
            add("Host", url.host_field());
            add("Connection", "Keep-Alive".into());
        } else {
            add("Host", url.host_field());
            add("User-Agent", agent);
            add("Connection", "close".into());
            if let Some(login) = login {
                add("Authorization", format!("Basic {}", super::curl::base64(login.as_bytes())));
            }
        }
        if let Some(body) = &self.body {
            add("Content-Type", "application/x-www-form-urlencoded".into());
            add("Content-Length", body.len().to_string());
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }

    fn begin(&mut self, sys: &mut Sys<'_>, url: Url) {
        if self.gnu {
            if self.spider && self.tried == 0 && self.redirects == 0 {
                self.say(sys, "Spider mode enabled. Check if remote file exists.\n");
            }
            let stamp = stamp(sys);
            let again = if self.tried > 0 { format!(" (try:{:2})", self.tried + 1) } else { String::new() };
            self.say(sys, &format!("--{stamp}--{again}  {}\n", url.text()));
        }
        let timeout = match self.timeout {
            Some(millis) if millis > 0 => Duration(millis),
            _ => PATIENCE,
        };
        let order = Order {
            host: url.host.clone(),
            port: url.port(),
            secure: url.scheme == "https",
            verify: (self.gnu && !self.unsafe_tls).then_some(None),
            to_head: self.spider && self.method.is_none() && self.body.is_none(),
            request: self.request(&url),
            fixed: Vec::new(),
            connect_timeout: Some(timeout),
            done_by: None,
            silence: Some(timeout),
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
        }
        if self.transfer.is_none() {
            let Some(text) = self.urls.pop() else {
                return Turn::Exit(Status::Code(self.code));
            };
            let url = Url::parse(&text).filter(|u| matches!(u.scheme.as_str(), "" | "http" | "https"));
            let Some(mut url) = url else {
                let scheme = text.split("://").next().unwrap_or_default().to_string();
                if self.gnu {
                    sys.err(format!("{text}: Unsupported scheme '{scheme}'.\n"));
                } else {
                    sys.err(format!("wget: not an http or ftp url: {text}\n"));
                }
                self.code = 1;
                return if self.gnu { Turn::Again } else { Turn::Exit(Status::Code(1)) };
            };
            if url.scheme.is_empty() {
                url.scheme = "http".into();
            }
            (self.redirects, self.tried) = (0, 0);
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
            Stand::Failed(fault) => self.failed(sys, &fault),
            Stand::Done(response) => self.done(sys, response),
        }
    }

    /// Tells what has happened on the way.
    fn tell(&mut self, sys: &mut Sys<'_>, events: &[Event]) {
        let Some(url) = self.url.clone() else { return };
        let port = url.port();
        let is_number = url.host.parse::<std::net::IpAddr>().is_ok();
        let shown =
            |ip: &std::net::IpAddr| if ip.is_ipv6() { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") };
        for event in events {
            match event {
                Event::Resolved(ips) if self.gnu && !is_number => {
                    let list: Vec<String> = ips.iter().map(ToString::to_string).collect();
                    self.say(sys, &format!("Resolving {0} ({0})... {1}\n", url.host, list.join(", ")));
                }
                Event::Trying(ip) if self.gnu => {
                    let name = match is_number {
                        true => format!("{}:{port}", url.bracketed()),
                        false => {
                            format!("{0} ({0})|{ip}|:{port}", url.host).replace(&format!("|{ip}|"), &format!("|{ip}|"))
                        }
                    };
                    self.say(sys, &format!("Connecting to {name}... "));
                }
                Event::Refused(_, text) if self.gnu && !text.contains("timed out") => {
                    self.say(sys, &format!("failed: {text}.\n"));
                }
                Event::Connected(_) if self.gnu => self.say(sys, "connected.\n"),
                Event::Sent if self.gnu => self.say(sys, "HTTP request sent, awaiting response... "),
                Event::Resolved(ips) if !self.gnu => {
                    if let Some(ip) = ips.first() {
                        let host =
                            if url.port.is_some() { format!("{}:{port}", url.bracketed()) } else { url.bracketed() };
                        self.say(sys, &format!("Connecting to {host} ({})\n", shown(ip)));
                    }
                }
                _ => {}
            }
        }
    }

    fn failed(&mut self, sys: &mut Sys<'_>, fault: &Fault) -> Turn {
        let host = self.url.as_ref().map(|u| u.host.clone()).unwrap_or_default();
        if !self.gnu {
            let text = match fault {
                Fault::NoAddress(_) => format!("wget: bad address '{host}'\n"),
                Fault::Connect(ip, text, _) => format!("wget: can't connect to remote host ({ip}): {text}\n"),
                Fault::Timeout(..) => "wget: download timed out\n".to_string(),
                Fault::NotTls => "wget: TLS error from peer (alert code 70): 70\nwget: error getting response: Connection reset by peer\n".to_string(),
                Fault::NotHttp => "wget: bad header line\n".to_string(),
                _ => "wget: error getting response\n".to_string(),
            };
            sys.err(text);
            return Turn::Exit(Status::Code(1));
        }
        let give_up = self.tried + 1 >= self.tries;
        let end = if give_up { "Giving up.\n\n" } else { "Retrying.\n\n" };
        match fault {
            Fault::NoAddress(text) => {
                self.say(sys, &format!("Resolving {host} ({host})... failed: {text}.\n"));
                if self.shows_errors {
                    sys.err(format!("wget: unable to resolve host address '{host}'\n"));
                }
                self.code = 4;
                return Turn::Again;
            }
            Fault::Connect(_, text, _) if text.contains("refused") || text.contains("unreachable") => {
                if self.brief && !self.quiet {
                    sys.err(format!("failed: {text}.\n"));
                }
                self.code = 4;
                return Turn::Again;
            }
            Fault::NotTls => {
                self.say(sys, "");
                sys.err(
                    "OpenSSL: error:0A00010B:SSL routines::wrong version number\nUnable to establish SSL connection.\n",
                );
                self.code = 4;
                return Turn::Again;
            }
            Fault::Certificate(issuer) => {
                sys.err(format!("ERROR: cannot verify {host}'s certificate, issued by 'CN={issuer}':\n  Unable to locally verify the issuer's authority.\nTo connect to {host} insecurely, use `--no-check-certificate'.\n"));
                self.code = 5;
                return Turn::Again;
            }
            Fault::WrongName(_) => {
                sys.err(format!("ERROR: no certificate subject alternative name matches\n\trequested host name '{host}'.\nTo connect to {host} insecurely, use `--no-check-certificate'.\n"));
                self.code = 5;
                return Turn::Again;
            }
            Fault::Timeout(_, true, _) => {
                self.say(sys, &format!("Read error (Connection timed out) in headers.\n{end}"))
            }
            Fault::Timeout(..) | Fault::Connect(..) => self.say(sys, &format!("failed: Connection timed out.\n{end}")),
            Fault::Empty => self.say(sys, &format!("No data received.\n{end}")),
            Fault::NotHttp => self.say(sys, "200 No headers, assuming HTTP/0.9\n"),
        }
        if give_up {
            self.code = 4;
            return Turn::Again;
        }
        self.tried += 1;
        self.resume = Some(sys.now() + Duration::secs(i64::from(self.tried.min(10))));
        if let Some(url) = self.url.clone() {
            let until = self.resume;
            // The next try is told of when it begins.
            self.urls.push(url.text());
            let tried = self.tried;
            self.resume = until;
            self.transfer = None;
            self.tried = tried;
            return self.retry(sys);
        }
        Turn::Again
    }

    fn retry(&mut self, sys: &mut Sys<'_>) -> Turn {
        let (Some(text), Some(at)) = (self.urls.pop(), self.resume) else { return Turn::Again };
        if let Some(url) = Url::parse(&text) {
            let later = at - sys.now();
            self.begin(sys, url);
            let _ = later;
        }
        Turn::Wait(Wait::until(at))
    }

    fn done(&mut self, sys: &mut Sys<'_>, response: Response) -> Turn {
        let Some(url) = self.url.clone() else { return Turn::Exit(Status::Code(1)) };
        let line = format!("{} {} {}", response.version, response.status, response.reason);
        if self.gnu && !self.shows_server {
            self.say(sys, &format!("{} {}\n", response.status, response.reason));
        }
        if self.shows_server {
            let mut text = if self.gnu { "\n".to_string() } else { String::new() };
            text.push_str(&format!("  {}\n", line.trim_end()));
            for (name, value) in &response.headers.0 {
                text.push_str(&format!("  {name}: {value}\n"));
            }
            if !self.gnu {
                text.push_str("  \n");
            }
            sys.err(text);
        }
        if matches!(response.status, 301 | 302 | 303 | 307 | 308)
            && let Some(next) = response.headers.get("Location").and_then(|l| url.join(l))
        {
            self.redirects += 1;
            if self.redirects > if self.gnu { MAX_REDIRECTS } else { 5 } {
                let text = if self.gnu {
                    format!("{MAX_REDIRECTS} redirections exceeded.\n")
                } else {
                    "wget: too many redirections\n".into()
                };
                sys.err(text);
                self.code = if self.gnu { 8 } else { 1 };
                return if self.gnu { Turn::Again } else { Turn::Exit(Status::Code(1)) };
            }
            if self.gnu {
                let to = response.headers.get("Location").unwrap_or_default();
                self.say(sys, &format!("Location: {to} [following]\n"));
            }
            self.begin(sys, next);
            return Turn::Again;
        }
        if !(200..300).contains(&response.status) {
            return self.refused(sys, &response, &line);
        }
        let length = match response.headers.get("Content-Length") {
            Some(length) => {
                let count: usize = length.parse().unwrap_or(0);
                let mut text = length.to_string();
                if count >= 1024 {
                    let (size, unit) =
                        if count >= 1 << 20 { (count as f64 / 1_048_576.0, "M") } else { (count as f64 / 1024.0, "K") };
                    text.push_str(&if size < 10.0 {
                        format!(" ({size:.1}{unit})")
                    } else {
                        format!(" ({size:.0}{unit})")
                    });
                }
                text
            }
            None => "unspecified".into(),
        };
        let kind = response
            .headers
            .get("Content-Type")
            .map(|k| format!(" [{}]", k.split(';').next().unwrap_or(k)))
            .unwrap_or_default();
        if self.spider {
            if self.gnu {
                self.say(sys, &format!("Length: {length}{kind}\n"));
                let is_page = kind.contains("html");
                self.say(sys, if is_page {
                    "Remote file exists and could contain further links,\nbut recursion is disabled -- not retrieving.\n\n"
                } else {
                    "Remote file exists.\n\n"
                });
            } else {
                self.say(sys, "remote file exists\n");
            }
            return Turn::Again;
        }
        let target = self.target(&url);
        let out = match self.open(sys, &target) {
            Ok(out) => out,
            Err(turn) => return turn,
        };
        let to_stdout = target == "-";
        let total = response.body.len();
        let name = target.rsplit('/').next().unwrap_or_default().to_string();
        if self.gnu {
            let shown = if to_stdout { "STDOUT" } else { &target };
            self.say(sys, &format!("Length: {length}{kind}\nSaving to: '{shown}'\n"));
            if !to_stdout {
                self.say(sys, "\n");
            }
        } else if to_stdout {
            self.say(sys, "writing to stdout\n");
        } else {
            self.say(sys, &format!("saving to '{target}'\n"));
        }
        if let Err(fault) = sys.write(out, &response.body) {
            let text = sys.text(fault);
            let text = if self.gnu {
                format!("{target}: {text}\n\nCannot write to '{target}' (Success).\n")
            } else {
                format!("wget: write error: {text}\n")
            };
            sys.err(text);
            return Turn::Exit(Status::Code(if self.gnu { 3 } else { 1 }));
        }
        if !to_stdout && self.output.is_none() {
            let _ = sys.close(out);
        }
        if self.gnu {
            let (short, long) = speed(total);
            let dots = (total / 1024).min(50);
            let mut bar = ".".repeat(dots);
            for at in [40, 30, 20, 10] {
                if bar.len() >= at {
                    bar.insert(at, ' ');
                }
            }
            let percent = if response.headers.get("Content-Length").is_some() { "100%" } else { "    " };
            let gap = if to_stdout { "\n" } else { "" };
            self.say(sys, &format!("{gap}     0K {bar:<54} {percent} {short:>5}=0s\n\n"));
            let stamp = stamp(sys);
            let of = if percent == "100%" { format!("{total}/{total}") } else { total.to_string() };
            let tail = if to_stdout { format!("written to stdout [{of}]") } else { format!("'{target}' saved [{of}]") };
            self.say(sys, &format!("{stamp} ({long}) - {tail}\n\n"));
            if self.brief && !self.quiet {
                sys.err(format!("{stamp} URL:{} [{of}] -> \"{target}\" [1]\n", url.text()));
            }
        } else {
            let shown: String = name.chars().take(20).collect();
            let size = if total >= 100_000 { format!("{}k", total / 1024) } else { total.to_string() };
            let whole = response.headers.get("Content-Length").is_some();
            let bar = if whole { format!("100% |{}|", "*".repeat(32)) } else { format!("     |{}|", "*".repeat(32)) };
            let bar = if whole { bar } else { "100% |********************************|".to_string() };
            self.say(sys, &format!("{shown:<20} {bar} {size:>5}  0:00:00 ETA\n"));
            self.say(sys, &if to_stdout { "written to stdout\n".to_string() } else { format!("'{target}' saved\n") });
        }
        Turn::Again
    }

    fn refused(&mut self, sys: &mut Sys<'_>, response: &Response, line: &str) -> Turn {
        if !self.gnu {
            sys.err(format!("wget: server returned error: {}\n", line.trim_end()));
            return Turn::Exit(Status::Code(1));
        }
        if self.keeps_content {
            sys.out(&response.body);
        }
        self.code = 8;
        if self.spider {
            self.say(sys, "Remote file does not exist -- broken link!!!\n\n");
        } else {
            let stamp = stamp(sys);
            if response.status == 401 {
                self.say(sys, "\nUsername/Password Authentication Failed.\n");
            } else if !self.quiet {
                let url = self.url.as_ref().map(Url::text).unwrap_or_default();
                let head = if self.brief { format!("{url}:\n") } else { String::new() };
                sys.err(format!("{head}{stamp} ERROR {}: {}.\n", response.status, response.reason));
                self.say(sys, "\n");
            }
        }
        Turn::Again
    }

    fn open(&mut self, sys: &mut Sys<'_>, target: &str) -> Result<Fd, Turn> {
        if target == "-" {
            return Ok(1);
        }
        if let Some(fd) = self.out {
            return Ok(fd);
        }
        if let Some(folder) = self.folder.as_ref().filter(|_| self.gnu && self.output.is_none()) {
            let _ = sys.mkdir(folder, 0o777);
        }
        let mut target = target.to_string();
        if self.output.is_none() && sys.stat(&target).is_ok() {
            if !self.gnu {
                sys.err(format!("wget: can't open '{target}': File exists\n"));
                return Err(Turn::Exit(Status::Code(1)));
            }
            let free = (1..1000).map(|n| format!("{target}.{n}")).find(|t| sys.stat(t).is_err());
            target = free.unwrap_or(target);
        }
        match sys.open(&target, OpenOptions::WRITE) {
            Ok(fd) => {
                if self.output.is_some() {
                    self.out = Some(fd);
                }
                Ok(fd)
            }
            Err(fault) => {
                let text = sys.text(fault);
                let is_dir = sys.stat(&target).is_ok_and(|s| s.kind == Kind::Dir);
                let _ = is_dir;
                let text = if self.gnu {
                    format!("{target}: {text}\n")
                } else {
                    format!("wget: can't open '{target}': {text}\n")
                };
                sys.err(text);
                Err(Turn::Exit(Status::Code(if self.gnu { 3 } else { 1 })))
            }
        }
    }
}
