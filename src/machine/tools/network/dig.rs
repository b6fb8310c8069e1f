//! `dig` and `host`, of BIND.

use std::net::IpAddr;

use super::nslookup::{code_name, kind_of};
use super::{Later, Started};
use crate::api::Duration;
use crate::machine::kernel::Sys;
use crate::machine::net::http::Civil;
use crate::machine::net::{Answer, Rcode, Record, RecordType, dns, resolver};

/// BIND's version, as `dig` shows it.
const VERSION: &str = "9.18.41-1~deb12u1-Debian";

fn kind_name(kind: RecordType) -> &'static str {
    match kind {
        RecordType::A => "A",
        RecordType::Aaaa => "AAAA",
        RecordType::Cname => "CNAME",
        RecordType::Srv => "SRV",
        RecordType::Ptr => "PTR",
        RecordType::Soa => "SOA",
        RecordType::Txt => "TXT",
    }
}

/// What is shown of an answer.
#[derive(Clone, Copy)]
struct Shows {
    cmd: bool,
    comments: bool,
    question: bool,
    answer: bool,
    authority: bool,
    additional: bool,
    stats: bool,
    short: bool,
    search: bool,
}

/// Pads with tabs to a column, at least one gap: as BIND's master files are written.
fn columns(name: &str, ttl: u32, kind: &str, data: &str) -> String {
    let mut line = name.to_string();
    let mut to = |column: usize, text: &str| {
        let width = line.chars().fold(0, |w, c| if c == '\t' { (w / 8 + 1) * 8 } else { w + 1 });
        if width >= column {
            line.push(' ');
        } else {
            let mut at = width;
            while at < column {
                line.push('\t');
                at = (at / 8 + 1) * 8;
            }
        }
        line.push_str(text);
    };
    to(24, &ttl.to_string());
    to(32, "IN");
    to(40, kind);
    to(48, data);
    line.push('\n');
    line
}

fn record_line(record: &Record) -> String {
    columns(&record.name, record.ttl, kind_name(record.kind), &record.data)
}

/// The line of a question: a semicolon, the name, `IN` and the type in columns.
fn question_line(name: &str, kind: RecordType) -> String {
    let mut line = format!(";{name}.");
    let mut to = |column: usize, text: &str| {
        let width = line.chars().fold(0, |w, c| if c == '\t' { (w / 8 + 1) * 8 } else { w + 1 });
        if width >= column {
            line.push(' ');
        } else {
            let mut at = width;
            while at < column {
                line.push('\t');
                at = (at / 8 + 1) * 8;
            }
        }
        line.push_str(text);
    };
    to(32, "IN");
    to(40, kind_name(kind));
    line.push('\n');
    line
}

fn name_length(name: &str) -> usize {
    name.trim_end_matches('.').len() + 2
}

/// The size of an answer on the wire, without compression.
fn size(name: &str, answer: &Answer) -> usize {
    let record = |r: &Record| {
        let data = match r.kind {
            RecordType::A => 4,
            RecordType::Aaaa => 16,
            RecordType::Srv => 6 + name_length(r.data.split(' ').next_back().unwrap_or_default()),
            RecordType::Soa => 20 + r.data.split(' ').take(2).map(name_length).sum::<usize>(),
            RecordType::Txt => r.data.len() + 1,
            _ => name_length(&r.data),
        };
        name_length(&r.name) + 10 + data
    };
    let all = answer.records.iter().chain(&answer.authority).chain(&answer.additional);
    12 + name_length(name) + 4 + all.map(record).sum::<usize>() + 23
}

pub(super) fn dig(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut shows = Shows {
        cmd: true,
        comments: true,
        question: true,
        answer: true,
        authority: true,
        additional: true,
        stats: true,
        short: false,
        search: false,
    };
    let mut config = resolver::config(sys);
    let mut server_given = false;
    let mut asked: Vec<(String, RecordType)> = Vec::new();
    let mut kind = None;
    let mut words = args.iter().skip(1);
    let mut names: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        if let Some(server) = word.strip_prefix('@') {
            match resolver::resolve(sys, server) {
                Ok(ips) => config.servers = ips.into_iter().take(1).collect(),
                Err(_) => {
                    sys.err(format!("dig: couldn't get address for '{server}': not found\n"));
                    return Started::Exit(10);
                }
            }
            server_given = true;
        } else if let Some(option) = word.strip_prefix('+') {
            let (on, name) = option.strip_prefix("no").map_or((true, option), |o| (false, o));
            match name {
                "short" => shows.short = on,
                "search" => shows.search = on,
                "cmd" => shows.cmd = on,
                "comments" => shows.comments = on,
                "question" => shows.question = on,
                "answer" => shows.answer = on,
                "authority" => shows.authority = on,
                "additional" => shows.additional = on,
                "stats" => shows.stats = on,
                "all" => {
                    shows = Shows {
                        cmd: on,
                        comments: on,
                        question: on,
                        answer: on,
                        authority: on,
                        additional: on,
                        stats: on,
                        ..shows
                    };
                }
                _ => match (name.split_once('='), on) {
                    (Some(("time" | "timeout", value)), true) => {
                        config.timeout = Duration::secs(value.parse::<i64>().unwrap_or(5).clamp(1, 60));
                    }
                    (Some(("tries", value)), true) => config.attempts = value.parse::<i64>().unwrap_or(3).clamp(1, 10),
                    (Some(("retry", value)), true) => {
                        config.attempts = value.parse::<i64>().unwrap_or(2).clamp(0, 9) + 1;
                    }
                    _ => {}
                },
            }
        } else if let Some(letter) = word.strip_prefix('-') {
            match letter {
                "x" => {
                    let Some(Ok(ip)) = words.next().map(|w| w.parse::<IpAddr>()) else {
                        sys.err("dig: Invalid IP address\n");
                        return Started::Exit(1);
                    };
                    asked.push((dns::reverse_name(ip), RecordType::Ptr));
                }
                "t" => kind = words.next().and_then(|w| kind_of(w)),
                "q" => names.extend(words.next().cloned()),
                "v" => {
                    sys.out(format!("DiG {VERSION}\n"));
                    return Started::Exit(0);
                }
                "p" | "b" | "c" | "k" | "y" | "f" => drop(words.next()),
                _ => {}
            }
        } else if let Some(found) = kind_of(word).filter(|_| !word.contains('.')) {
            kind = Some(found);
        } else if word.eq_ignore_ascii_case("any") {
            kind = Some(RecordType::A);
        } else if !word.eq_ignore_ascii_case("in") {
            names.push(word.clone());
        }
    }
    asked.extend(names.into_iter().map(|n| (n, kind.unwrap_or(RecordType::A))));
    if asked.is_empty() {
        asked.push((String::new(), RecordType::Soa));
    }
    let command = args[1..].join(" ");
    let caller = sys.caller(0);
    let mut first = true;
    for (name, kind) in asked {
        let bare = name.trim_end_matches('.').to_string();
        let mut tries = vec![bare.clone()];
        if shows.search && !name.ends_with('.') {
            let searched = config.search.iter().map(|d| format!("{bare}.{d}"));
            tries = match bare.matches('.').count() >= config.ndots {
                true => tries.into_iter().chain(searched).collect(),
                false => searched.chain(tries).collect(),
            };
        }
        let server = config.servers.first().copied().unwrap_or(IpAddr::from([127, 0, 0, 1]));
        let mut last = None;
        for full in tries {
            let Ok(answer) = sys.outside.query(caller, server, &full, kind) else {
                let attempts = if config.attempts == 2 { 3 } else { config.attempts };
                let line = format!(";; communications error to {server}#53: timed out\n");
                let mut text = line.repeat(attempts as usize);
                if !shows.short && shows.cmd {
                    text.push_str(&banner(&command, server_given));
                }
                text.push_str(";; no servers could be reached\n");
                let after = Duration(config.timeout.0 * attempts);
                return Later::start(sys, after, text, String::new(), 9);
            };
            let ends = answer.code != Rcode::NxDomain;
            last = Some((full, answer));
            if ends {
                break;
            }
        }
        let Some((full, answer)) = last else { continue };
        if shows.short {
            let text: String = answer.records.iter().map(|r| format!("{}\n", r.data)).collect();
            sys.out(text);
            continue;
        }
        let mut text = String::new();
        if shows.cmd && first {
            text.push_str(&banner(&command, server_given));
        }
        first = false;
        if shows.comments {
            text.push_str(";; Got answer:\n");
            if full.ends_with(".local") {
                text.push_str(";; WARNING: .local is reserved for Multicast DNS\n;; You are currently testing what happens when an mDNS query is leaked to DNS\n");
            }
            let id = sys.random() % 65536;
            text.push_str(&format!(
                ";; ->>HEADER<<- opcode: QUERY, status: {}, id: {id}\n;; flags: qr aa rd; QUERY: 1, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {}\n;; WARNING: recursion requested but not available\n\n",
                code_name(answer.code),
                answer.records.len(),
                answer.authority.len(),
                answer.additional.len() + 1
            ));
            let cookie = format!("{:016x}", sys.random());
            text.push_str(&format!(
                ";; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232\n; COOKIE: {cookie} (echoed)\n"
            ));
        }
        if shows.question {
            if shows.comments {
                text.push_str(";; QUESTION SECTION:\n");
            }
            text.push_str(&question_line(&full, kind));
            if shows.comments {
                text.push('\n');
            }
        }
        for (on, title, records) in [
            (shows.answer, "ANSWER", &answer.records),
            (shows.authority, "AUTHORITY", &answer.authority),
            (shows.additional, "ADDITIONAL", &answer.additional),
        ] {
            if on && !records.is_empty() {
                if shows.comments {
                    text.push_str(&format!(";; {title} SECTION:\n"));
                }
                text.push_str(&records.iter().map(record_line).collect::<String>());
                if shows.comments {
                    text.push('\n');
                }
            }
        }
        if shows.stats {
            let c = Civil::of(sys.now());
            text.push_str(&format!(
                ";; Query time: 1 msec\n;; SERVER: {server}#53({server}) (UDP)\n;; WHEN: {} {} {:02} {} UTC {}\n;; MSG SIZE  rcvd: {}\n\n",
                c.day_name(),
                c.month_name(),
                c.day,
                c.clock(),
                c.year,
                size(&full, &answer)
            ));
        }
        sys.out(text);
    }
    Started::Exit(0)
}

fn banner(command: &str, server_given: bool) -> String {
    let found = if server_given { "; (1 server found)\n" } else { "" };
    format!("\n; <<>> DiG {VERSION} <<>> {command}\n{found};; global options: +cmd\n")
}

pub(super) fn host(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut config = resolver::config(sys);
    let mut kind = None;
    let mut names = Vec::new();
    let mut words = args.iter().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-t" => kind = words.next().and_then(|w| kind_of(w)),
            "-W" | "-R" | "-c" | "-N" => drop(words.next()),
            _ if word.starts_with('-') => {}
            _ => names.push(word.clone()),
        }
    }
    let Some(name) = names.first().cloned() else {
        sys.err("Usage: host [-aCdilrTvVw] [-c class] [-N ndots] [-t type] [-W time]\n            [-R number] [-m flag] [-p port] hostname [server]\n");
        return Started::Exit(1);
    };
    let mut out = String::new();
    if let Some(server) = names.get(1) {
        match resolver::resolve(sys, server) {
            Ok(ips) => {
                config.servers = ips.into_iter().take(1).collect();
                let ip = config.servers.first().copied().unwrap_or(IpAddr::from([127, 0, 0, 1]));
                out.push_str(&format!("Using domain server:\nName: {server}\nAddress: {ip}#53\nAliases: \n\n"));
            }
            Err(_) => {
                sys.err(format!("host: couldn't get address for '{server}': not found\n"));
                return Started::Exit(1);
            }
        }
    }
    let server = config.servers.first().copied().unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let (mut tries, kinds) = match (name.parse::<IpAddr>(), kind) {
        (Ok(ip), None) => (vec![dns::reverse_name(ip)], vec![RecordType::Ptr]),
        (_, kind) => {
            let bare = name.trim_end_matches('.').to_string();
            (vec![bare], kind.map_or(vec![RecordType::A, RecordType::Aaaa], |k| vec![k]))
        }
    };
    if !name.ends_with('.') && kinds != [RecordType::Ptr] {
        let searched: Vec<String> = config.search.iter().map(|d| format!("{name}.{d}")).collect();
        if name.matches('.').count() >= config.ndots {
            tries.extend(searched);
        } else {
            tries = searched.into_iter().chain(tries).collect();
        }
    }
    let caller = sys.caller(0);
    for full in &tries {
        let mut found = false;
        let mut lines: Vec<String> = Vec::new();
        for kind in &kinds {
            let Ok(answer) = sys.outside.query(caller, server, full, *kind) else {
                let line = format!(";; communications error to {server}#53: timed out\n").repeat(2);
                return Later::start(
                    sys,
                    Duration::secs(10),
                    format!("{out}{line};; no servers could be reached\n"),
                    String::new(),
                    1,
                );
            };
            if answer.code != Rcode::NoError {
                continue;
            }
            found = true;
            for record in &answer.records {
                let bare = record.name.trim_end_matches('.');
                let line = match record.kind {
                    RecordType::A => format!("{bare} has address {}\n", record.data),
                    RecordType::Aaaa => format!("{bare} has IPv6 address {}\n", record.data),
                    RecordType::Cname => format!("{bare} is an alias for {}\n", record.data),
                    RecordType::Ptr => format!("{bare} domain name pointer {}\n", record.data),
                    other => format!("{bare} has {} record {}\n", kind_name(other), record.data),
                };
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
            if answer.records.is_empty() && kinds.len() == 1 {
                lines.push(format!("{full} has no {} record\n", kind_name(*kind)));
            }
        }
        if found {
            out.push_str(&lines.concat());
            sys.out(out);
            return Started::Exit(0);
        }
    }
    let shown = if kinds == [RecordType::Ptr] { format!("{}.", tries[0]) } else { name };
    sys.out(format!("{out}Host {shown} not found: 3(NXDOMAIN)\n"));
    Started::Exit(1)
}
