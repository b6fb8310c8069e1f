//! HTTP/1.x as bytes: requests and responses, for the clients and servers of the images.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Peer, Sent};
use crate::api::Time;

/// The most that a head may hold before it is refused.
const MAX_HEAD: usize = 32 << 10;

/// The most that a body may hold.
const MAX_BODY: usize = 16 << 20;

/// Header fields in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The value of a field, by its name in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Adds a field.
    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_string(), value.into()));
    }

    /// Sets a field where it is, or adds it.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some(field) => field.1 = value,
            None => self.0.push((name.to_string(), value)),
        }
    }
}

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, ...
    pub method: String,
    /// The path as sent, with its query.
    pub target: String,
    /// `HTTP/1.1`
    pub version: String,
    /// Its fields.
    pub headers: Headers,
    /// Its body.
    pub body: Vec<u8>,
}

impl Request {
    /// The path without the query, with its escapes undone.
    pub fn path(&self) -> String {
        unescape(self.target.split(['?', '#']).next().unwrap_or_default())
    }

    /// The query, raw.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, q)| q)
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query().split('&').map(|p| p.split_once('=').unwrap_or((p, "")));
        pairs.into_iter().find(|(n, _)| *n == name).map(|(_, v)| unescape(&v.replace('+', " ")))
    }

    /// Whether the connection stays open after the response.
    pub fn keeps_alive(&self) -> bool {
        match self.headers.get("Connection") {
            Some(value) if value.eq_ignore_ascii_case("close") => false,
            Some(value) if value.eq_ignore_ascii_case("keep-alive") => true,
            _ => self.version == "HTTP/1.1",
        }
    }
}

/// Undoes `%41` escapes.
pub fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|h| u8::from_str_radix(h, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What came of a piece of conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed<T> {
    /// More is needed.
    More,
    /// It is whole, and took so many bytes.
    Whole(T, usize),
    /// It is none.
    Bad,
}

/// The lines of a head and where its body begins.
fn head(bytes: &[u8]) -> Parsed<Vec<String>> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| (at, 4));
    let end = match (end, bytes.windows(2).position(|w| w == b"\n\n")) {
        (Some((at, _)), Some(short)) if short < at => Some((short, 2)),
        (None, Some(short)) => Some((short, 2)),
        (end, _) => end,
    };
    let Some((at, gap)) = end else {
        return if bytes.len() > MAX_HEAD { Parsed::Bad } else { Parsed::More };
    };
    let text = String::from_utf8_lossy(&bytes[..at]);
    Parsed::Whole(text.lines().map(|l| l.trim_end_matches('\r').to_string()).collect(), at + gap)
}

fn fields(lines: &[String]) -> Headers {
    let split = |l: &String| l.split_once(':').map(|(n, v)| (n.trim().to_string(), v.trim().to_string()));
    Headers(lines.iter().filter_map(split).collect())
}

/// A chunked body and its length on the wire; none where more is to come.
fn chunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let line_end = at + bytes.get(at..)?.windows(2).position(|w| w == b"\r\n")?;
        let line = String::from_utf8_lossy(&bytes[at..line_end]);
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?.min(MAX_BODY);
        let start = line_end + 2;
        let end = start + size;
        bytes.get(..end + 2)?;
        body.extend_from_slice(&bytes[start..end]);
        at = end + 2;
        if size == 0 {
            return Some((body, at));
        }
    }
}

/// Reads a request.
pub fn request(bytes: &[u8]) -> Parsed<Request> {
    let (lines, at) = match head(bytes) {
        Parsed::Whole(lines, at) => (lines, at),
        Parsed::More => return Parsed::More,
        Parsed::Bad => return Parsed::Bad,
    };
    let mut words = lines.first().map_or("", String::as_str).split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Parsed::Bad };
    let version = words.next().unwrap_or("HTTP/0.9");
    if !version.starts_with("HTTP/") || !method.bytes().all(|b| b.is_ascii_uppercase()) {
        return Parsed::Bad;
    }
    let headers = fields(&lines[1..]);
    let (body, length) = if headers.get("Transfer-Encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        match chunked(&bytes[at..]) {
            Some(whole) => whole,
            None => return Parsed::More,
        }
    } else {
        let length = headers.get("Content-Length").and_then(|v| v.parse().ok()).unwrap_or(0usize).min(MAX_BODY);
        match bytes.get(at..at + length) {
            Some(body) => (body.to_vec(), length),
            None => return Parsed::More,
        }
    };
    let request = Request { method: method.into(), target: target.into(), version: version.into(), headers, body };
    Parsed::Whole(request, at + length)
}

/// A response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// `HTTP/1.1`
    pub version: String,
    /// `200`
    pub status: u16,
    /// `OK`
    pub reason: String,
    /// Its fields.
    pub headers: Headers,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response of a status with a body; servers put their own fields in.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response {
            version: "HTTP/1.1".into(),
            status,
            reason: reason(status).into(),
            headers: Headers::default(),
            body: body.into(),
        }
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.add(name, value);
        self
    }

    /// As it goes over the wire; without the body where the request was `HEAD`.
    pub fn bytes(&self, without_body: bool) -> Vec<u8> {
        let mut text = self.head();
        if !without_body {
            text.extend_from_slice(&self.body);
        }
        text
    }

    /// The status line and the fields, with the empty line.
    pub fn head(&self) -> Vec<u8> {
        let gap = if self.reason.is_empty() { "" } else { " " };
        let mut text = format!("{} {}{gap}{}\r\n", self.version, self.status, self.reason);
        for (name, value) in &self.headers.0 {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// Reads a response. `closed`: nothing more will come, so that a body without a length is whole.
pub fn response(bytes: &[u8], to_head: bool, closed: bool) -> Parsed<Response> {
    let (lines, at) = match head(bytes) {
        Parsed::Whole(lines, at) => (lines, at),
        Parsed::More => return Parsed::More,
        Parsed::Bad => return Parsed::Bad,
    };
    let line = lines.first().map_or("", String::as_str);
    let mut words = line.splitn(3, ' ');
    let version = words.next().unwrap_or_default().to_string();
    let status = words.next().and_then(|s| s.parse::<u16>().ok());
    let (true, Some(status)) = (version.starts_with("HTTP/"), status) else { return Parsed::Bad };
    let reason = words.next().unwrap_or_default().to_string();
    let headers = fields(&lines[1..]);
    let rest = &bytes[at..];
    let (body, length) = if to_head || status == 204 || status == 304 || status / 100 == 1 {
        (Vec::new(), 0)
    } else if headers.get("Transfer-Encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        match chunked(rest) {
            Some(whole) => whole,
            None if closed => (rest.to_vec(), rest.len()),
            None => return Parsed::More,
        }
    } else {
        match headers.get("Content-Length").and_then(|v| v.parse::<usize>().ok()) {
            Some(length) if rest.len() >= length => (rest[..length].to_vec(), length),
            _ if closed => (rest.to_vec(), rest.len()),
            _ => return Parsed::More,
        }
    };
    Parsed::Whole(Response { version, status, reason, headers, body }, at + length)
}

/// The usual words for a status.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        418 => "I'm a teapot",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

/// What came over each connection and is no whole request yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial(BTreeMap<u64, Vec<u8>>);

impl Partial {
    /// Adds bytes; the requests that are whole now, with a last `None` where what came is none.
    pub fn add(&mut self, connection: u64, bytes: &[u8]) -> Vec<Option<Request>> {
        let mut all = self.0.remove(&connection).unwrap_or_default();
        all.extend_from_slice(bytes);
        let mut requests = Vec::new();
        loop {
            match request(&all) {
                Parsed::Whole(request, length) => {
                    all.drain(..length);
                    requests.push(Some(request));
                }
                Parsed::Bad => {
                    requests.push(None);
                    return requests;
                }
                Parsed::More => break,
            }
            if all.is_empty() {
                break;
            }
        }
        if !all.is_empty() {
            self.0.insert(connection, all);
        }
        requests
    }

    /// The requests that are whole with what happened on a connection.
    pub fn take(&mut self, peer: &Peer, sent: Sent<'_>) -> Vec<Option<Request>> {
        match sent {
            Sent::Open => Vec::new(),
            Sent::Closed => {
                self.close(peer.connection);
                Vec::new()
            }
            Sent::Bytes(bytes) => self.add(peer.connection, bytes),
        }
    }

    /// Forgets a connection.
    pub fn close(&mut self, connection: u64) {
        self.0.remove(&connection);
    }
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// The names of the months, short.
pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time in UTC, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// 1 to 12.
    pub month: usize,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
    /// 0 to 999.
    pub milli: i64,
    /// 0 for Sunday.
    pub weekday: usize,
}

impl Civil {
    /// Takes a time apart.
    pub fn of(time: Time) -> Civil {
        let days = time.0.div_euclid(86_400_000);
        let rest = time.0.rem_euclid(86_400_000);
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        Civil {
            year: yoe + era * 400 + i64::from(month <= 2),
            month: month as usize,
            day: doy - (153 * mp + 2) / 5 + 1,
            hour: rest / 3_600_000,
            minute: rest / 60_000 % 60,
            second: rest / 1000 % 60,
            milli: rest % 1000,
            weekday: (days + 4).rem_euclid(7) as usize,
        }
    }

    /// `Mar`
    pub fn month_name(&self) -> &'static str {
        MONTHS.get(self.month.wrapping_sub(1)).copied().unwrap_or("Jan")
    }

    /// `Fri`
    pub fn day_name(&self) -> &'static str {
        DAYS.get(self.weekday).copied().unwrap_or("Sun")
    }

    /// `2026-03-20`
    pub fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `09:46:40`
    pub fn clock(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }
}

/// `Fri, 20 Mar 2026 09:46:40 GMT`
pub fn date(time: Time) -> String {
    let c = Civil::of(time);
    format!("{}, {:02} {} {} {} GMT", c.day_name(), c.day, c.month_name(), c.year, c.clock())
}

/// `20/Mar/2026:09:46:40 +0000`, as in access logs.
pub fn log_date(time: Time) -> String {
    let c = Civil::of(time);
    format!("{:02}/{}/{}:{} +0000", c.day, c.month_name(), c.year, c.clock())
}

/// A URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// `http`, `https`, ...; empty where none was written.
    pub scheme: String,
    /// `USER:PASSWORD`, where it is there.
    pub user: Option<String>,
    /// The host, without brackets.
    pub host: String,
    /// The port, where one was written.
    pub port: Option<u16>,
    /// The path with the query, beginning with a slash.
    pub path: String,
}

impl Url {
    /// Takes a URL apart; none for what is none.
    pub fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.split_once("://").map_or(("", text), |(s, r)| (s, r));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_string() } else { format!("/{path}") };
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_string()), place),
            None => (None, authority),
        };
        let (host, port) = match place.strip_prefix('[').and_then(|p| p.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => place.split_once(':').map_or((place, None), |(h, p)| (h, Some(p))),
        };
        let port = match port {
            None | Some("") => None,
            Some(port) => Some(port.parse().ok()?),
        };
        (!host.is_empty()).then(|| Url {
            scheme: scheme.to_ascii_lowercase(),
            user,
            host: host.to_string(),
            port,
            path,
        })
    }

    /// The port, written or usual.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.scheme == "https" { 443 } else { 80 })
    }

    /// The host as in a URL: an IPv6 address in brackets.
    pub fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    /// What the `Host` field says.
    pub fn host_field(&self) -> String {
        match self.port {
            Some(port) if port != (if self.scheme == "https" { 443 } else { 80 }) => {
                format!("{}:{port}", self.bracketed())
            }
            _ => self.bracketed(),
        }
    }

    /// Where a `Location` leads from here.
    pub fn join(&self, location: &str) -> Option<Url> {
        if location.contains("://") {
            return Url::parse(location);
        }
        let mut next = self.clone();
        next.path = if location.starts_with('/') {
            location.to_string()
        } else {
            let folder = self.path.split('?').next().unwrap_or("/");
            let folder = &folder[..folder.rfind('/').map_or(0, |at| at + 1)];
            format!("{folder}{location}")
        };
        Some(next)
    }

    /// The whole of it again.
    pub fn text(&self) -> String {
        let scheme = if self.scheme.is_empty() { "http" } else { &self.scheme };
        let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
        format!("{scheme}://{}{port}{}", self.bracketed(), self.path)
    }
}
