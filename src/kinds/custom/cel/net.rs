//! Functions of addresses: of URLs, of hosts and of networks.
//!
//! Mirrors `urls.go`, `ip.go` and `cidr.go` of `k8s.io/apiserver/pkg/cel/library`. Within an expression an address is its
//! text behind a mark, so that equal ones are equal.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use cel::{ExecutionError, Value};

use crate::api::scalar::query_unescape;

type Answer = Result<Value, ExecutionError>;

const URL: &str = "url\0";
const IP: &str = "ip\0";
const CIDR: &str = "cidr\0";

fn text(text: impl Into<String>) -> Answer {
    Ok(Value::String(Arc::new(text.into())))
}

fn fault(name: &str, why: String) -> ExecutionError {
    ExecutionError::function_error(name, why)
}

/// Answers a call; what it is called on comes first.
pub(super) fn call(name: &str, of: &[Value]) -> Answer {
    let [Value::String(this), rest @ ..] = of else { return Err(ExecutionError::NoSuchOverload) };
    if let Some(url) = this.strip_prefix(URL) {
        let parts = Url::parse(url).ok_or(ExecutionError::NoSuchOverload)?;
        return of_url(name, &parts);
    }
    if let Some(ip) = this.strip_prefix(IP) {
        let ip: IpAddr = ip.parse().map_err(|_| ExecutionError::NoSuchOverload)?;
        return of_ip(name, ip);
    }
    if let Some(cidr) = this.strip_prefix(CIDR) {
        let network = network(cidr).ok_or(ExecutionError::NoSuchOverload)?;
        return of_network(name, network, rest);
    }
    match (name, rest) {
        ("isURL", []) => Ok(Url::parse(this).is_some().into()),
        ("url", []) => match Url::parse(this) {
            Some(_) => text(format!("{URL}{this}")),
            None => Err(fault(
                name,
                format!("URL parse error during conversion from string: parse {this:?}: invalid URI for request"),
            )),
        },
        ("isIP", []) => Ok(address(this).is_some().into()),
        ("ip", []) => match address(this) {
            Some(ip) => text(format!("{IP}{ip}")),
            None => Err(fault(
                name,
                format!(
                    "IP Address {this:?} parse error during conversion from string: ParseAddr({this:?}): unable to parse IP"
                ),
            )),
        },
        ("ip.isCanonical", []) => match address(this) {
            Some(ip) => Ok((ip.to_string() == **this).into()),
            None => Err(fault(
                "ip",
                format!(
                    "IP Address {this:?} parse error during conversion from string: ParseAddr({this:?}): unable to parse IP"
                ),
            )),
        },
        ("isCIDR", []) => Ok(network(this).is_some().into()),
        ("cidr", []) => match network(this) {
            Some((ip, bits)) => text(format!("{CIDR}{ip}/{bits}")),
            None => Err(fault(
                name,
                format!(
                    "network address parse error during conversion from string: netip.ParsePrefix({this:?}): no '/'"
                ),
            )),
        },
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

/// An address of a host; those with a zone, and those of the old world written in the new one's way, do not count.
fn address(text: &str) -> Option<IpAddr> {
    let ip: IpAddr = text.parse().ok()?;
    let is_mapped = matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some());
    (!is_mapped).then_some(ip)
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (ip, bits) = text.split_once('/')?;
    let ip = address(ip)?;
    let number: u8 = bits.parse().ok().filter(|_| bits.len() == 1 || !bits.starts_with(['0', '+']))?;
    (number <= width(ip)).then_some((ip, number))
}

fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// An address as a number whose first bit is the highest of 128.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    }
}

fn masked((ip, length): (IpAddr, u8)) -> (IpAddr, u8) {
    let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
    let number = bits(ip) & mask;
    let ip = match ip {
        IpAddr::V4(_) => IpAddr::from(((number >> 96) as u32).to_be_bytes()),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::from(number)),
    };
    (ip, length)
}

fn contains(outer: (IpAddr, u8), inner: (IpAddr, u8)) -> bool {
    outer.0.is_ipv4() == inner.0.is_ipv4() && outer.1 <= inner.1 && masked((inner.0, outer.1)).0 == masked(outer).0
}

fn of_ip(name: &str, ip: IpAddr) -> Answer {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    };
    let link_local_multicast = match ip {
        IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
        IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02,
    };
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    match name {
        "family" => Ok(Value::Int(if ip.is_ipv4() { 4 } else { 6 })),
        "isUnspecified" => Ok(ip.is_unspecified().into()),
        "isLoopback" => Ok(ip.is_loopback().into()),
        "isLinkLocalMulticast" => Ok(link_local_multicast.into()),
        "isLinkLocalUnicast" => Ok(link_local.into()),
        "isGlobalUnicast" => {
            let other = ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || link_local || broadcast;
            Ok((!other).into())
        }
        "string" => text(ip.to_string()),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

fn of_network(name: &str, network: (IpAddr, u8), with: &[Value]) -> Answer {
    let other = || match with {
        [Value::String(other)] => Ok(other.trim_start_matches(IP).trim_start_matches(CIDR)),
        _ => Err(ExecutionError::NoSuchOverload),
    };
    let unread = |what: &str| fault(name, format!("{what} parse error during conversion from string"));
    match name {
        "containsIP" => {
            let ip = address(other()?).ok_or_else(|| unread("IP Address"))?;
            Ok(contains(network, (ip, width(ip))).into())
        }
        "containsCIDR" => {
            let inner = self::network(other()?).ok_or_else(|| unread("network address"))?;
            Ok(contains(network, inner).into())
        }
        "ip" => text(format!("{IP}{}", network.0)),
        "masked" => {
            let (ip, length) = masked(network);
            text(format!("{CIDR}{ip}/{length}"))
        }
        "prefixLength" => Ok(Value::Int(network.1.into())),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

/// The parts of a URL.
struct Url<'t> {
    scheme: &'t str,
    host: &'t str,
    path: &'t str,
    query: &'t str,
}

impl<'t> Url<'t> {
    /// Reads one that is whole, or a path from the root. Mirrors `url.ParseRequestURI`.
    fn parse(text: &'t str) -> Option<Url<'t>> {
        if text.is_empty() || text.chars().any(|c| c.is_ascii_control() || c == ' ') {
            return None;
        }
        let (scheme, rest) = match text.split_once(':') {
            _ if text.starts_with('/') => ("", text),
            Some((scheme, rest))
                if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) =>
            {
                (scheme, rest)
            }
            _ => return None,
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let Some(after) = rest.strip_prefix("//").filter(|_| !scheme.is_empty()) else {
            // A scheme with something behind it that is no path from the root is opaque, and taken.
            return rest.starts_with('/').then_some(Url { scheme, host: "", path: rest, query });
        };
        let end = after.find('/').unwrap_or(after.len());
        let (authority, path) = after.split_at(end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let port = host.rsplit_once(':').filter(|(name, _)| !name.contains('[') || name.ends_with(']'));
        let is_port = port.is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        is_port.then_some(Url { scheme, host, path, query })
    }

    fn name_and_port(&self) -> (&'t str, &'t str) {
        let split = self.host.rsplit_once(':').filter(|(name, _)| !name.contains('[') || name.ends_with(']'));
        let (name, port) = split.unwrap_or((self.host, ""));
        (name.trim_start_matches('[').trim_end_matches(']'), port)
    }
}

fn of_url(name: &str, url: &Url<'_>) -> Answer {
    match name {
        "getScheme" => text(url.scheme.to_ascii_lowercase()),
        "getHost" => text(url.host),
        "getHostname" => text(url.name_and_port().0),
        "getPort" => text(url.name_and_port().1),
        "getEscapedPath" => text(url.path),
        "getQuery" => {
            let mut pairs: Vec<(String, Vec<Value>)> = Vec::new();
            for pair in url.query.split('&').filter(|pair| !pair.is_empty()) {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                let value = Value::String(Arc::new(unescaped(value)));
                match pairs.iter_mut().find(|(known, _)| *known == unescaped(key)) {
                    Some((_, values)) => values.push(value),
                    None => pairs.push((unescaped(key), vec![value])),
                }
            }
            let key = |(key, values): (String, Vec<Value>)| {
                (cel::objects::Key::String(Arc::new(key)), Value::List(Arc::new(values)))
            };
            Ok(Value::Map(cel::objects::Map { map: Arc::new(pairs.into_iter().map(key).collect()) }))
        }
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

/// A part of a query without its escapes; as it is where they are none.
fn unescaped(text: &str) -> String {
    query_unescape(text).unwrap_or_else(|_| text.to_string())
}
