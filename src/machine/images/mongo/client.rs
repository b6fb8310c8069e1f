//! `mongosh`: what is given to it, or typed, is asked of the server a statement at a time.

use super::ASKS;
use crate::machine::images::{Begun, wire};
use crate::machine::kernel::{Input, Sys};

/// `mongosh`: `--eval` or statements from standard input.
pub(super) fn client(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let (mut host, mut port, mut db) = ("127.0.0.1".to_string(), 27017_u16, "test".to_string());
    let mut given = Vec::new();
    let mut rest = args.iter().skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--eval" => given.extend(rest.next().cloned()),
            "--host" | "-h" => host = rest.next().cloned().unwrap_or_default(),
            "--port" => port = rest.next().and_then(|p| p.parse().ok()).unwrap_or(27017),
            "-u" | "--username" | "-p" | "--password" | "--authenticationDatabase" => drop(rest.next()),
            "--version" => {
                sys.out("2.5.9\n");
                return Begun::Exit(0);
            }
            word if word.starts_with("--eval=") => given.push(word.trim_start_matches("--eval=").to_string()),
            word if word.starts_with('-') => {}
            word => {
                let place = word.strip_prefix("mongodb://").unwrap_or(word);
                let place = place.rsplit('@').next().unwrap_or_default();
                let (at, name) =
                    place.split_once('/').unwrap_or(if word.contains("://") { (place, "") } else { ("", place) });
                let at = at.split(',').next().unwrap_or_default();
                if !at.is_empty() {
                    let (name, number) = at.rsplit_once(':').unwrap_or((at, "27017"));
                    (host, port) = (name.to_string(), number.parse().unwrap_or(27017));
                }
                let name = name.split('?').next().unwrap_or_default();
                if !name.is_empty() {
                    db = name.to_string();
                }
            }
        }
    }
    if given.is_empty() {
        let mut typed = Vec::new();
        while let Ok(Input::Bytes(bytes)) = sys.read(0, 1 << 20) {
            typed.extend(bytes);
        }
        given.extend(String::from_utf8_lossy(&typed).lines().map(String::from));
    }
    if host.contains(':') {
        let (name, number) = host.rsplit_once(':').unwrap_or((&host, "27017"));
        (host, port) = (name.to_string(), number.parse().unwrap_or(27017));
    }
    for statement in given.iter().flat_map(|text| statements(text)) {
        if let ["use", name] = statement.split_whitespace().collect::<Vec<_>>().as_slice() {
            db = (*name).to_string();
            sys.out(format!("switched to db {db}\n"));
            continue;
        }
        let asked = [ASKS, &postcard::to_stdvec(&(&db, &statement)).unwrap_or_default()].concat();
        let bytes = wire::ask(sys, &host, port, &asked);
        let Some((code, text)) = bytes.as_deref().and_then(wire::answered) else {
            let address = if host == "localhost" { "127.0.0.1" } else { &host };
            sys.err(format!("MongoNetworkError: connect ECONNREFUSED {address}:{port}\n"));
            return Begun::Exit(1);
        };
        if code != 0 {
            sys.err(text);
            return Begun::Exit(1);
        }
        sys.out(text);
    }
    Begun::Exit(0)
}

/// Statements between semicolons and line ends outside of brackets and quotes.
fn statements(text: &str) -> Vec<String> {
    let (mut all, mut now, mut depth, mut quote) = (Vec::new(), String::new(), 0_i32, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(' | '{' | '[') => depth += 1,
            (None, ')' | '}' | ']') => depth -= 1,
            (None, ';' | '\n') if depth <= 0 => {
                all.push(std::mem::take(&mut now));
                continue;
            }
            _ => {}
        }
        now.push(c);
    }
    all.push(now);
    all.into_iter().map(|s| s.trim().to_string()).filter(|s| !s.is_empty()).collect()
}
