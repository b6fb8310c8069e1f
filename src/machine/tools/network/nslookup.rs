//! `nslookup`: busybox' as of 1.29, the older one, and BIND's.

use std::net::IpAddr;

use super::Started;
use crate::api::Duration;
use crate::machine::images::{self, Userland};
use crate::machine::kernel::Sys;
use crate::machine::net::{Answer, Rcode, Record, RecordType, dns, resolver};

/// The name of a type of record.
pub(super) fn kind_of(text: &str) -> Option<RecordType> {
    Some(match text.to_ascii_lowercase().as_str() {
        "a" => RecordType::A,
        "aaaa" => RecordType::Aaaa,
        "cname" => RecordType::Cname,
        "srv" => RecordType::Srv,
        "ptr" => RecordType::Ptr,
        "soa" => RecordType::Soa,
        "txt" => RecordType::Txt,
        _ => return None,
    })
}

/// How a code is written.
pub(super) fn code_name(code: Rcode) -> &'static str {
    match code {
        Rcode::NoError => "NOERROR",
        Rcode::ServFail => "SERVFAIL",
        Rcode::NxDomain => "NXDOMAIN",
        Rcode::Refused => "REFUSED",
    }
}

pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let has_bind = sys.userland() == Userland::Gnu || !is_applet(sys);
    if has_bind {
        return bind(sys, args);
    }
    let version = images::find(sys.image()).base.busybox_version();
    if version < (1, 29) { old(sys, args) } else { busybox(sys, args) }
}

/// Whether the command is busybox' own, and not BIND's that was put over it.
fn is_applet(sys: &mut Sys<'_>) -> bool {
    let path = super::super::look_up(sys, "nslookup").unwrap_or_default();
    sys.read_file(&path).is_ok_and(|bytes| bytes.ends_with(b"busybox"))
}

/// How long asking servers that do not answer lasts.
fn silence(config: &resolver::Config) -> Duration {
    Duration(config.timeout.0 * config.attempts * config.servers.len() as i64)
}

fn dotless(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

const BUSYBOX_USAGE: &str = "Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]

Query DNS about HOST

QUERY_TYPE: soa,ns,a,aaaa,cname,mx,txt,ptr,srv,any
";

fn busybox(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut kinds = Vec::new();
    let mut words = Vec::new();
    for arg in &args[1..] {
        let option = arg
            .strip_prefix('-')
            .map(|o| o.strip_prefix("query").or(o.strip_prefix("type")).or(o.strip_prefix('q')).unwrap_or(o));
        match option {
            None => words.push(arg.as_str()),
            Some(value) if value.starts_with('=') => match kind_of(&value[1..]) {
                Some(kind) => kinds.push(kind),
                None if matches!(value[1..].to_ascii_lowercase().as_str(), "any" | "mx" | "ns") => {
                    kinds.push(RecordType::Soa)
                }
                None => {
                    sys.err(format!("nslookup: invalid query type \"{}\"\n", &value[1..]));
                    return Started::Exit(1);
                }
            },
            Some("debug") => {}
            Some(_) => {}
        }
    }
    let Some(name) = words.first().map(|w| (*w).to_string()) else {
        let (major, minor) = images::find(sys.image()).base.busybox_version();
        sys.err(format!("BusyBox v{major}.{minor}.0 (2024-09-26 21:31:42 UTC) multi-call binary.\n\n{BUSYBOX_USAGE}"));
        return Started::Exit(1);
    };
    let mut config = resolver::config(sys);
    if let Some(server) = words.get(1) {
        match resolver::resolve(sys, server) {
            Ok(ips) => config.servers = ips.into_iter().take(1).collect(),
            Err(_) => {
                sys.err(format!("nslookup: bad address '{server}'\n"));
                return Started::Exit(1);
            }
        }
    }
    // What is asked: full names with their types. A name without a dot takes the search path, each part of it.
    let mut asked: Vec<(String, RecordType)> = Vec::new();
    if let (Ok(ip), true) = (name.parse::<IpAddr>(), kinds.is_empty()) {
        asked.push((dns::reverse_name(ip), RecordType::Ptr));
    } else {
        let kinds = if kinds.is_empty() { vec![RecordType::A, RecordType::Aaaa] } else { kinds };
        for kind in kinds {
            if name.contains('.') || config.search.is_empty() || kind == RecordType::Ptr {
                asked.push((name.clone(), kind));
            } else {
                asked.extend(config.search.iter().map(|domain| (format!("{name}.{domain}"), kind)));
            }
        }
    }
    let caller = sys.caller(0);
    let mut answers: Vec<(String, Answer)> = Vec::new();
    let mut by = None;
    for server in config.servers.clone() {
        answers.clear();
        for (full, kind) in &asked {
            if let Ok(answer) = sys.outside.query(caller, server, full, *kind) {
                answers.push((full.clone(), answer));
            }
        }
        if !answers.is_empty() {
            by = Some(server);
            break;
        }
    }
    let Some(server) = by else {
        let text = ";; connection timed out; no servers could be reached\n\n".to_string();
        return super::Later::start(sys, Duration(silence(&config).0 / 2), String::new(), text, 1);
    };
    let shown = words.get(1).map_or(server.to_string(), |s| (*s).to_string());
    let address = if server.is_ipv6() { format!("[{server}]:53") } else { format!("{server}:53") };
    let mut out = format!("Server:\t\t{shown}\nAddress:\t{address}\n\n");
    let mut failed = false;
    for (full, answer) in &answers {
        if answer.code != Rcode::NoError {
            out.push_str(&format!("** server can't find {full}: {}\n\n", code_name(answer.code)));
            failed = true;
            continue;
        }
        out.push_str(&answer.records.iter().map(busybox_line).collect::<String>());
        out.push('\n');
    }
    sys.out(out);
    Started::Exit(u8::from(failed))
}

/// A record as busybox prints it.
fn busybox_line(record: &Record) -> String {
    let (name, data) = (dotless(&record.name), dotless(&record.data));
    match record.kind {
        RecordType::A | RecordType::Aaaa => format!("Name:\t{name}\nAddress: {data}\n"),
        RecordType::Cname => format!("{name}\tcanonical name = {data}\n"),
        RecordType::Ptr => format!("{name}\tname = {data}\n"),
        RecordType::Srv => format!("{name}\tservice = {data}\n"),
        RecordType::Txt => format!("{name}\ttext = {data}\n"),
        RecordType::Soa => soa_lines(name, data, ""),
    }
}

fn soa_lines(name: &str, data: &str, dot: &str) -> String {
    let words: Vec<&str> = data.split_whitespace().collect();
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    format!(
        "{name}\n\torigin = {}{dot}\n\tmail addr = {}{dot}\n\tserial = {}\n\trefresh = {}\n\tretry = {}\n\texpire = {}\n\tminimum = {}\n",
        dotless(word(0)),
        dotless(word(1)),
        word(2),
        word(3),
        word(4),
        word(5),
        word(6)
    )
}

/// busybox before 1.29: as the C library finds names.
fn old(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let Some(name) = args.get(1).cloned() else {
        sys.err("BusyBox v1.28.4 (2018-05-22 17:00:17 UTC) multi-call binary.\n\nUsage: nslookup [HOST] [SERVER]\n\nQuery the nameserver for the IP address of the given HOST\noptionally using a specified DNS server\n");
        return Started::Exit(1);
    };
    let config = resolver::config(sys);
    let server = args.get(2).and_then(|s| s.parse().ok()).or(config.servers.first().copied());
    let found = resolver::resolve(sys, &name);
    let mut out = String::new();
    if let Some(server) = server {
        let host = resolver::reverse(sys, server).map(|h| format!(" {h}")).unwrap_or_default();
        out.push_str(&format!("Server:    {server}\nAddress 1: {server}{host}\n\n"));
    }
    match found {
        Ok(ips) => {
            out.push_str(&format!("Name:      {name}\n"));
            for (at, ip) in ips.iter().enumerate() {
                let host = resolver::reverse(sys, *ip).map(|h| format!(" {h}")).unwrap_or_default();
                out.push_str(&format!("Address {}: {ip}{host}\n", at + 1));
            }
            sys.out(out);
            Started::Exit(0)
        }
        Err(failure) => {
            let text = format!("nslookup: can't resolve '{name}'\n");
            super::Later::start(sys, failure.after, out, text, 1)
        }
    }
}

/// BIND's.
fn bind(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut kinds = vec![RecordType::A, RecordType::Aaaa];
    let mut asked_for = false;
    let mut words = Vec::new();
    for arg in &args[1..] {
        match arg.strip_prefix('-') {
            None => words.push(arg.clone()),
            Some(option) => {
                let (key, value) = option.split_once('=').unwrap_or((option, ""));
                if matches!(key, "type" | "query" | "querytype" | "q" | "ty") {
                    match kind_of(value) {
                        Some(kind) => (kinds, asked_for) = (vec![kind], true),
                        None if value.eq_ignore_ascii_case("any") => {}
                        None => sys.out(format!("unknown query type: {value}\n")),
                    }
                }
            }
        }
    }
    let Some(name) = words.first().cloned() else { return Started::Exit(0) };
    let mut config = resolver::config(sys);
    let mut shown = None;
    if let Some(server) = words.get(1) {
        match resolver::resolve(sys, server) {
            Ok(ips) => {
                config.servers = ips.into_iter().take(1).collect();
                shown = Some(server.clone());
            }
            Err(_) => {
                sys.err(format!("nslookup: couldn't get address for '{server}': not found\n"));
                return Started::Exit(1);
            }
        }
    }
    let server = config.servers.first().copied().unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let is_reverse = !asked_for && name.parse::<IpAddr>().is_ok();
    let mut tries: Vec<String> = Vec::new();
    if let (Ok(ip), true) = (name.parse::<IpAddr>(), is_reverse) {
        kinds = vec![RecordType::Ptr];
        tries.push(dns::reverse_name(ip));
    } else {
        let dots = name.matches('.').count();
        let bare = dotless(&name).to_string();
        let searched = config.search.iter().map(|d| format!("{bare}.{d}"));
        if name.ends_with('.') {
            tries.push(bare);
        } else if dots >= config.ndots {
            tries.push(bare.clone());
            tries.extend(searched);
        } else {
            tries.extend(searched);
            tries.push(bare);
        }
    }
    let caller = sys.caller(0);
    let head = format!("Server:\t\t{}\nAddress:\t{server}#53\n\n", shown.unwrap_or(server.to_string()));
    for full in &tries {
        let mut out = String::new();
        let mut found = false;
        for (at, kind) in kinds.iter().enumerate() {
            let Ok(answer) = sys.outside.query(caller, server, full, *kind) else {
                let lines = format!(";; communications error to {server}#53: timed out\n").repeat(3);
                let text = format!("{lines};; no servers could be reached\n\n\n");
                return super::Later::start(sys, Duration::secs(15), text, String::new(), 1);
            };
            if answer.code != Rcode::NoError {
                break;
            }
            found = true;
            if answer.records.is_empty() && (asked_for || at == 0) && kinds.len() == 1 {
                out.push_str(&format!("*** Can't find {full}: No answer\n"));
            }
            out.push_str(&answer.records.iter().map(bind_line).collect::<String>());
        }
        if found {
            // Records of an alias come once.
            let mut seen = Vec::new();
            for line in out.lines() {
                if !(line.contains("canonical name") && seen.contains(&line)) {
                    seen.push(line);
                }
            }
            let text: String = seen.iter().map(|l| format!("{l}\n")).collect();
            sys.out(if is_reverse { format!("{text}\n") } else { format!("{head}{text}\n") });
            return Started::Exit(0);
        }
    }
    let last = tries.last().cloned().unwrap_or_default();
    let head = if is_reverse { String::new() } else { head };
    sys.out(format!("{head}** server can't find {last}: NXDOMAIN\n\n"));
    Started::Exit(1)
}

fn bind_line(record: &Record) -> String {
    let (name, data) = (dotless(&record.name), &record.data);
    match record.kind {
        RecordType::A | RecordType::Aaaa => format!("Name:\t{name}\nAddress: {data}\n"),
        RecordType::Cname => format!("{name}\tcanonical name = {data}\n"),
        RecordType::Ptr => format!("{name}\tname = {data}\n"),
        RecordType::Srv => format!("{name}\tservice = {data}\n"),
        RecordType::Txt => format!("{name}\ttext = {data}\n"),
        RecordType::Soa => soa_lines(name, data, ""),
    }
}
