//! IP addresses and networks, with the words that Kubernetes refuses or warns of them in.
//!
//! Mirrors `k8s.io/apimachinery/pkg/util/validation/ip.go` with strict validation, as 1.36 has it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const NOT_AN_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const NOT_A_CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// Reads an address; leading zeros are allowed, and an IPv4 address in IPv6 form is an IPv4 address.
pub fn parse_ip_sloppy(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        let v6: Ipv6Addr = match text.rsplit_once(':') {
            Some((head, tail)) if tail.contains('.') => format!("{head}:{}", parse_v4(tail)?).parse().ok()?,
            _ => text.parse().ok()?,
        };
        return Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4));
    }
    parse_v4(text).map(IpAddr::V4)
}

fn parse_v4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let [a, b, c, d] = parts[..] else { return None };
    let octet = |s: &str| match s.bytes().all(|b| b.is_ascii_digit()) {
        true => s.parse::<u8>().ok(),
        false => None,
    };
    Some(Ipv4Addr::new(octet(a)?, octet(b)?, octet(c)?, octet(d)?))
}

/// Reads `ADDRESS/LENGTH`: the address, the network's address and its length.
pub fn parse_cidr_sloppy(text: &str) -> Option<(IpAddr, IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    let written = parse_ip_sloppy(address)?;
    let length: u32 = match length.bytes().all(|b| b.is_ascii_digit()) {
        true => length.parse().ok()?,
        false => return None,
    };
    let mapped = written.is_ipv4() && address.contains(':');
    let bits = if written.is_ipv4() && !mapped { 32 } else { 128 };
    if length > bits {
        return None;
    }
    let length = if mapped { length.checked_sub(96)? } else { length };
    Some((written, masked(written, length), length))
}

fn masked(ip: IpAddr, length: u32) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - length.min(128)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
        }
    }
}

/// An address as fields older than the strict rule take it: `ips`, `clusterIPs`, `addresses`.
pub fn ip(text: &str) -> Vec<String> {
    let Some(parsed) = parse_ip_sloppy(text) else { return vec![NOT_AN_IP.into()] };
    let mut errs = Vec::new();
    if text.parse::<IpAddr>().is_err() {
        errs.push("must not have leading 0s".into());
    }
    if parsed.is_ipv4() && text.contains(':') {
        errs.push("must not be an IPv4-mapped IPv6 address".into());
    }
    errs
}

/// An address as newer fields take it: in one form only. Mirrors `IsValidIP`.
pub fn canonical_ip(text: &str) -> Vec<String> {
    match (ip(text), parse_ip_sloppy(text)) {
        (errs, Some(parsed)) if errs.is_empty() && parsed.to_string() != text => not_canonical(&parsed.to_string()),
        (errs, _) => errs,
    }
}

fn not_canonical(form: &str) -> Vec<String> {
    vec![format!("must be in canonical form ({form:?})")]
}

/// What is warned of for an accepted address, without the field's path: `IPv6 address "A" should be in ...`.
pub fn ip_warnings(text: &str) -> Vec<String> {
    match (parse_ip_sloppy(text), text.parse::<IpAddr>()) {
        (Some(sloppy), Err(_)) => vec![format!("non-standard IP address {text:?} is invalid: use \"{sloppy}\"")],
        (Some(IpAddr::V4(v4)), Ok(_)) if text.contains(':') => {
            vec![format!("non-standard IP address {text:?} is invalid: use \"{v4}\"")]
        }
        (Some(_), Ok(IpAddr::V6(v6))) if v6.to_string() != text => {
            vec![format!("IPv6 address {text:?} should be in RFC 5952 canonical format (\"{v6}\")")]
        }
        _ => Vec::new(),
    }
}

/// A network, `10.9.8.0/24`, as fields older than the strict rule take it.
pub fn cidr(text: &str) -> Vec<String> {
    let Some((address, network, _)) = parse_cidr_sloppy(text) else { return vec![NOT_A_CIDR.into()] };
    let (written, length) = text.split_once('/').unwrap_or((text, ""));
    if written.parse::<IpAddr>().is_err() || (length.len() > 1 && length.starts_with('0')) {
        return vec!["must not have leading 0s in IP or prefix length".into()];
    }
    if address.is_ipv4() && written.contains(':') {
        return vec!["must not have an IPv4-mapped IPv6 address".into()];
    }
    if address != network {
        return vec!["must not have bits set beyond the prefix length".into()];
    }
    Vec::new()
}

/// A network as newer fields take it: in one form only. Mirrors `IsValidCIDR`.
pub fn canonical_cidr(text: &str) -> Vec<String> {
    let form = parse_cidr_sloppy(text).map(|(_, network, length)| format!("{network}/{length}"));
    match (cidr(text), form) {
        (errs, Some(form)) if errs.is_empty() && form != text => not_canonical(&form),
        (errs, _) => errs,
    }
}

/// A network: its address and its length.
pub type Network = (IpAddr, u32);

/// Whether an address lies in a network.
pub fn contains((network, length): Network, address: IpAddr) -> bool {
    network.is_ipv4() == address.is_ipv4() && masked(address, length) == masked(network, length)
}

/// Whether two networks have addresses in common, that is, whether one lies in the other.
pub fn overlap(one: Network, other: Network) -> bool {
    contains((one.0, one.1.min(other.1)), other.0)
}

/// The last address of an IPv4 network, which goes to all of it.
pub fn broadcast((network, length): Network) -> Option<IpAddr> {
    let IpAddr::V4(v4) = network else { return None };
    let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
    Some(IpAddr::V4(Ipv4Addr::from(u32::from(v4) | hosts)))
}

/// What is warned of for an accepted network, without the field's path.
pub fn cidr_warnings(text: &str) -> Vec<String> {
    let Some((address, network, length)) = parse_cidr_sloppy(text) else { return Vec::new() };
    let mut warnings = Vec::new();
    if address != network {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        warnings.push(format!(
            "CIDR value {text:?} is ambiguous in this context (should be \"{network}/{length}\" or \"{address}/{bits}\"?)"
        ));
    }
    let (written, digits) = text.split_once('/').unwrap_or((text, ""));
    let zeros = written.parse::<IpAddr>().is_err() || (digits.len() > 1 && digits.starts_with('0'));
    if zeros || (address.is_ipv4() && written.contains(':')) {
        warnings.push(format!("non-standard CIDR value {text:?} is invalid: use \"{network}/{length}\""));
    }
    if warnings.is_empty() && address.is_ipv6() && format!("{address}/{length}") != text {
        warnings
            .push(format!("IPv6 CIDR value {text:?} should be in RFC 5952 canonical format (\"{address}/{length}\")"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::{
        broadcast, canonical_cidr, canonical_ip, cidr, cidr_warnings, contains, ip, ip_warnings, overlap,
        parse_cidr_sloppy,
    };

    #[test]
    fn addresses() {
        assert!(ip("10.43.0.1").is_empty() && ip("2001:db8::ffff").is_empty() && ip("::1").is_empty());
        assert_eq!(ip("none"), [super::NOT_AN_IP]);
        assert_eq!(ip("1.2.3.256"), [super::NOT_AN_IP]);
        assert_eq!(ip("010.2.3.4"), ["must not have leading 0s"]);
        assert_eq!(ip("::ffff:1.2.3.4"), ["must not be an IPv4-mapped IPv6 address"]);
        assert_eq!(
            ip_warnings("FE80::1")[0],
            "IPv6 address \"FE80::1\" should be in RFC 5952 canonical format (\"fe80::1\")"
        );
        assert!(ip_warnings("10.0.0.1").is_empty());
        assert_eq!(canonical_ip("FE80::1"), ["must be in canonical form (\"fe80::1\")"]);
        assert_eq!(canonical_ip("x"), [super::NOT_AN_IP]);
    }

    #[test]
    fn networks() {
        assert!(cidr("10.42.0.0/24").is_empty() && cidr("0.0.0.0/0").is_empty() && cidr("fd00::/8").is_empty());
        assert_eq!(cidr("10.42.0.0"), [super::NOT_A_CIDR]);
        assert_eq!(cidr("10.42.0.0/33"), [super::NOT_A_CIDR]);
        assert_eq!(cidr("10.42.0.1/24"), ["must not have bits set beyond the prefix length"]);
        assert_eq!(cidr("10.42.0.0/024"), ["must not have leading 0s in IP or prefix length"]);
        assert_eq!(
            cidr_warnings("10.42.0.1/24")[0],
            "CIDR value \"10.42.0.1/24\" is ambiguous in this context (should be \"10.42.0.0/24\" or \"10.42.0.1/32\"?)"
        );
        assert_eq!(canonical_cidr("FD00::/8"), ["must be in canonical form (\"fd00::/8\")"]);
        let network = ("10.43.0.0".parse().unwrap(), 16);
        assert!(contains(network, "10.43.255.1".parse().unwrap()));
        assert!(!contains(network, "10.44.0.1".parse().unwrap()) && !contains(network, "fd00::1".parse().unwrap()));
        assert_eq!(broadcast(network).unwrap().to_string(), "10.43.255.255");
        assert!(
            overlap(network, ("10.0.0.0".parse().unwrap(), 8)) && overlap(("10.43.1.0".parse().unwrap(), 24), network)
        );
        assert!(!overlap(network, ("10.42.0.0".parse().unwrap(), 16)));
        assert_eq!(parse_cidr_sloppy("::ffff:1.2.3.4/100").map(|c| c.2), Some(4));
    }
}
