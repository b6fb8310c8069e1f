//! Finding a name's addresses as the C library of the image does it: `/etc/hosts`, then `/etc/resolv.conf`.

use std::net::{IpAddr, Ipv4Addr};

use super::{Answer, Caller, Rcode, RecordType, dns};
use crate::api::Duration;
use crate::machine::errno::Errno;
use crate::machine::images;
use crate::machine::kernel::Sys;

/// `/etc/resolv.conf`, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The name servers, in order.
    pub servers: Vec<IpAddr>,
    /// The search path.
    pub search: Vec<String>,
    /// How many dots make a name that is tried as it is first.
    pub ndots: usize,
    /// How long a server is waited for.
    pub timeout: Duration,
    /// How often all are asked.
    pub attempts: i64,
}

/// Why a name has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// What `getaddrinfo` says.
    pub why: Why,
    /// How long it took to find out.
    pub after: Duration,
}

/// What `getaddrinfo` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// `EAI_NONAME`
    NoName,
    /// `EAI_NODATA`
    NoData,
    /// `EAI_AGAIN`
    Again,
}

impl Failure {
    /// As `gai_strerror` of the image's C library says it.
    pub fn text(self, musl: bool) -> &'static str {
        match (self.why, musl) {
            (Why::NoName, false) => "Name or service not known",
            (Why::NoData, false) => "No address associated with hostname",
            (Why::Again, false) => "Temporary failure in name resolution",
            (Why::NoName, true) => "Name does not resolve",
            (Why::NoData, true) => "Name has no usable address",
            (Why::Again, true) => "Try again",
        }
    }
}

/// Reads `/etc/resolv.conf`.
pub fn config(sys: &mut Sys<'_>) -> Config {
    let mut config =
        Config { servers: Vec::new(), search: Vec::new(), ndots: 1, timeout: Duration::secs(5), attempts: 2 };
    let text = sys.read_file("/etc/resolv.conf").map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => config.servers.extend(words.next().and_then(|w| w.parse::<IpAddr>().ok())),
            Some("search" | "domain") => config.search = words.map(|w| w.trim_end_matches('.').to_string()).collect(),
            Some("options") => {
                for word in words {
                    let number = |key: &str| word.strip_prefix(key).and_then(|v| v.parse::<u32>().ok());
                    if let Some(n) = number("ndots:") {
                        config.ndots = n.min(15) as usize;
                    }
                    if let Some(n) = number("timeout:") {
                        config.timeout = Duration::secs(i64::from(n.clamp(1, 30)));
                    }
                    if let Some(n) = number("attempts:") {
                        config.attempts = i64::from(n.clamp(1, 5));
                    }
                }
            }
            _ => {}
        }
    }
    config.servers.truncate(3);
    if config.servers.is_empty() {
        config.servers.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    config
}

/// The addresses that `/etc/hosts` gives to a name.
pub fn hosts(sys: &mut Sys<'_>, name: &str) -> Vec<IpAddr> {
    let text = sys.read_file("/etc/hosts").map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(Ok(ip)) = words.next().map(str::parse::<IpAddr>) else { continue };
        if words.any(|w| w.eq_ignore_ascii_case(name)) && !found.contains(&ip) {
            found.push(ip);
        }
    }
    found
}

/// The first name that `/etc/hosts` gives to an address.
pub fn host_of(sys: &mut Sys<'_>, ip: IpAddr) -> Option<String> {
    let text = sys.read_file("/etc/hosts").map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    text.lines().find_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        (words.next()?.parse::<IpAddr>().ok()? == ip).then(|| words.next().map(String::from))?
    })
}

/// Asks the name servers for one full name; none where nobody answers.
pub fn ask(sys: &mut Sys<'_>, config: &Config, name: &str, kind: RecordType) -> Option<Answer> {
    let caller: Caller = sys.caller(0);
    config.servers.iter().find_map(|server| sys.outside.query(caller, *server, name, kind).ok())
}

/// A name's addresses, as `getaddrinfo` finds them, in the order in which they are tried.
///
/// # Errors
/// What the C library says, and how long it took.
pub fn resolve(sys: &mut Sys<'_>, name: &str) -> Result<Vec<IpAddr>, Failure> {
    let fail = |why| Failure { why, after: Duration::ZERO };
    if let Some(ip) = numeric(name) {
        return Ok(vec![ip]);
    }
    if name.is_empty() || name.len() > 253 || name.contains(char::is_whitespace) {
        return Err(fail(Why::NoName));
    }
    let mut known = hosts(sys, name);
    if known.is_empty() && (name == "localhost" || name.ends_with(".localhost")) {
        known = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    }
    if !known.is_empty() {
        known.sort_by_key(IpAddr::is_ipv4);
        return Ok(known);
    }
    let config = config(sys);
    let musl = images::has_musl(sys.image());
    let dots = name.matches('.').count();
    let bare = name.trim_end_matches('.');
    let as_is = bare.to_string();
    let searched = config.search.iter().map(|domain| format!("{bare}.{domain}"));
    let tries: Vec<String> = match (name.ends_with('.'), dots >= config.ndots) {
        (true, _) => vec![as_is],
        (false, true) if musl => vec![as_is],
        (false, true) => std::iter::once(as_is).chain(searched).collect(),
        (false, false) => searched.chain(std::iter::once(as_is)).collect(),
    };
    let mut why = Why::NoName;
    for full in tries {
        let Some(answer) = ask(sys, &config, &full, RecordType::A) else {
            let after = Duration(config.timeout.0 * config.attempts * config.servers.len() as i64);
            return Err(Failure { why: Why::Again, after });
        };
        match answer.code {
            Rcode::NoError => {
                let ips: Vec<IpAddr> = answer
                    .records
                    .iter()
                    .filter(|r| r.kind == RecordType::A)
                    .filter_map(|r| r.data.parse().ok())
                    .collect();
                if !ips.is_empty() {
                    return Ok(ips);
                }
                why = Why::NoData;
                if musl {
                    break;
                }
            }
            Rcode::NxDomain => {}
            Rcode::ServFail | Rcode::Refused => return Err(fail(Why::Again)),
        }
    }
    Err(fail(why))
}

/// The name of an address, from `/etc/hosts` or the name server.
pub fn reverse(sys: &mut Sys<'_>, ip: IpAddr) -> Option<String> {
    if let Some(name) = host_of(sys, ip) {
        return Some(name);
    }
    let config = config(sys);
    let answer = ask(sys, &config, &dns::reverse_name(ip), RecordType::Ptr)?;
    answer.records.first().map(|r| r.data.trim_end_matches('.').to_string())
}

/// An address that is written as one, also in `inet_aton`'s short forms.
fn numeric(name: &str) -> Option<IpAddr> {
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    if let Ok(ip) = bare.parse() {
        return Some(ip);
    }
    let parts: Option<Vec<u32>> = bare.split('.').map(|p| p.parse().ok()).collect();
    match parts?.as_slice() {
        [whole] => Some(IpAddr::V4((*whole).into())),
        [a, rest] if *a < 256 && *rest < 1 << 24 => Some(IpAddr::V4((a << 24 | rest).into())),
        [a, b, rest] if *a < 256 && *b < 256 && *rest < 1 << 16 => Some(IpAddr::V4((a << 24 | b << 16 | rest).into())),
        _ => None,
    }
}

/// How long connecting lasts before it fails in that way.
pub fn connect_time(fault: Errno) -> Duration {
    match fault {
        Errno::TimedOut => Duration::millis(130_500),
        Errno::HostUnreach => Duration::millis(3_072),
        _ => Duration::ZERO,
    }
}
