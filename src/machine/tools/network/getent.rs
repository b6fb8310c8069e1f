//! `getent`: glibc's, and the script that Alpine has.

use std::net::IpAddr;

use super::{Later, Started};
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::net::resolver;

fn lines(sys: &mut Sys<'_>, path: &str) -> Vec<String> {
    let text = sys.read_file(path).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter(|l| !l.starts_with('#') && !l.is_empty()).map(String::from).collect()
}

/// What a key finds in a database: its lines.
fn find(sys: &mut Sys<'_>, database: &str, key: &str) -> Result<String, crate::api::Duration> {
    let none = || Err(crate::api::Duration::ZERO);
    match database {
        "passwd" | "group" | "shadow" | "gshadow" => {
            let of = |l: &String| {
                let mut parts = l.split(':');
                let name = parts.next() == Some(key);
                name || (database != "shadow" && parts.nth(1) == Some(key))
            };
            match lines(sys, &format!("/etc/{database}")).into_iter().find(of) {
                Some(line) => Ok(format!("{line}\n")),
                None => none(),
            }
        }
        "hosts" | "ahosts" | "ahostsv4" | "ahostsv6" => {
            if let (Ok(ip), "hosts") = (key.parse::<IpAddr>(), database) {
                return match resolver::reverse(sys, ip) {
                    Some(name) => Ok(format!("{:<15} {name}\n", ip.to_string())),
                    None => none(),
                };
            }
            let ips = resolver::resolve(sys, key).map_err(|f| f.after)?;
            let canonical = canonical(sys, key);
            let mut out = String::new();
            for ip in &ips {
                if (database == "ahostsv4" && ip.is_ipv6()) || (database == "ahostsv6" && ip.is_ipv4()) {
                    continue;
                }
                let shown = format!("{:<15}", ip.to_string());
                if database == "hosts" {
                    let alias = if canonical == key { String::new() } else { format!(" {key}") };
                    let _ = alias;
                    out.push_str(&format!("{shown} {canonical}\n"));
                    continue;
                }
                let name = if out.is_empty() { canonical.as_str() } else { "" };
                out.push_str(&format!("{shown} STREAM {name}\n{shown} DGRAM  \n{shown} RAW    \n"));
            }
            if out.is_empty() { none() } else { Ok(out) }
        }
        "services" => {
            let (name, protocol) = key.split_once('/').unwrap_or((key, ""));
            let known: &[(&str, u16, &str, &str)] = &[
                ("ftp", 21, "tcp", ""),
                ("ssh", 22, "tcp", ""),
                ("telnet", 23, "tcp", ""),
                ("smtp", 25, "tcp", " mail"),
                ("domain", 53, "tcp", ""),
                ("http", 80, "tcp", " www"),
                ("https", 443, "tcp", ""),
                ("mysql", 3306, "tcp", ""),
                ("postgresql", 5432, "tcp", " postgres"),
                ("redis", 6379, "tcp", ""),
            ];
            let fits = |s: &&(&str, u16, &str, &str)| {
                (s.0 == name || s.1.to_string() == name) && (protocol.is_empty() || protocol == s.2)
            };
            match known.iter().find(fits) {
                Some((name, port, protocol, alias)) => Ok(format!("{name:<21} {port}/{protocol}{alias}\n")),
                None => none(),
            }
        }
        _ => none(),
    }
}

/// The name that a search path made of a short one.
fn canonical(sys: &mut Sys<'_>, key: &str) -> String {
    if !resolver::hosts(sys, key).is_empty() || key.parse::<IpAddr>().is_ok() {
        return key.to_string();
    }
    let config = resolver::config(sys);
    let bare = key.trim_end_matches('.');
    let full = config.search.iter().map(|d| format!("{bare}.{d}"));
    let tries: Vec<String> = if bare.matches('.').count() >= config.ndots || key.ends_with('.') {
        std::iter::once(bare.to_string()).chain(full).collect()
    } else {
        full.chain(std::iter::once(bare.to_string())).collect()
    };
    for name in tries {
        if let Some(answer) = resolver::ask(sys, &config, &name, crate::machine::net::RecordType::A)
            && let Some(last) = answer.records.last()
        {
            return last.name.trim_end_matches('.').to_string();
        }
    }
    bare.to_string()
}

pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let Some(database) = args.get(1).cloned() else {
        sys.err("getent: wrong number of arguments\nTry `getent --help' or `getent --usage' for more information.\n");
        return Started::Exit(1);
    };
    let known = [
        "passwd",
        "group",
        "shadow",
        "gshadow",
        "hosts",
        "ahosts",
        "ahostsv4",
        "ahostsv6",
        "services",
        "networks",
        "protocols",
    ];
    if !known.contains(&database.as_str()) {
        let text = match sys.userland() {
            Userland::Gnu => {
                format!("Unknown database: {database}\nTry `getent --help' or `getent --usage' for more information.\n")
            }
            Userland::Busybox => format!("Unknown database: {database}\n"),
        };
        sys.err(text);
        return Started::Exit(1);
    }
    if args.len() == 2 {
        let path = format!("/etc/{database}");
        let mut out = String::new();
        for line in lines(sys, &path) {
            match database.as_str() {
                "hosts" | "ahosts" => {
                    let mut words = line.split_whitespace();
                    let ip = words.next().unwrap_or_default();
                    out.push_str(&format!("{ip:<15} {}\n", words.collect::<Vec<_>>().join(" ")));
                }
                _ => out.push_str(&format!("{line}\n")),
            }
        }
        sys.out(out);
        return Started::Exit(0);
    }
    let mut code = 0;
    let mut waits = crate::api::Duration::ZERO;
    let mut out = String::new();
    for key in &args[2..] {
        match find(sys, &database, key) {
            Ok(text) => out.push_str(&text),
            Err(after) => {
                code = 2;
                waits = crate::api::Duration(waits.0 + after.0);
            }
        }
    }
    if waits.0 > 0 {
        return Later::start(sys, waits, out, String::new(), code);
    }
    sys.out(out);
    Started::Exit(code)
}
