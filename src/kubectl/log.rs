//! `-v=6` to `-v=9`: requests and answers as kubectl's log prints them.
//!
//! Mirrors `k8s.io/client-go/transport/round_trippers.go` and `klog`'s layout.

use serde_json::Value;

use crate::api::Time;
use crate::api::request::{Form, PatchType, Request, Target, Verb};
use crate::server::{Response, code, encode, request_info, status};

/// From this level on requests are logged.
pub const LEAST: u8 = 6;

const SERVER: &str = "https://127.0.0.1:6443";

/// The lines for one request and its answer.
pub fn round_trip(level: u8, now: Time, request: &Request, response: &Response) -> String {
    let (method, url) = (request.verb.method(), request_info::url(&request.target, &request.verb));
    let url = format!("{SERVER}{url}");
    let mut text = String::new();
    if level >= 8
        && let Some(body) = sent(&request.verb)
    {
        text += &info(now, "request.go:1212", &format!("\"Request Body\" body={}", quoted(&body)));
    }
    if level >= 7 {
        let headers = headers(request);
        text += &info(
            now,
            "round_trippers.go:527",
            &format!("\"Request\" verb=\"{method}\" url=\"{url}\" headers={headers}"),
        );
    }
    let status = match &response.outcome {
        Ok(_) if matches!(request.verb, Verb::Create(..)) => "201 Created".to_string(),
        Ok(_) => "200 OK".to_string(),
        Err(refusal) => worded(code(refusal.reason)),
    };
    text += &match level {
        6 => info(
            now,
            "round_trippers.go:632",
            &format!("\"Response\" verb=\"{method}\" url=\"{url}\" status=\"{status}\" milliseconds=0"),
        ),
        _ => info(now, "round_trippers.go:632", &format!("\"Response\" status=\"{status}\" milliseconds=0")),
    };
    if level >= 8 {
        text +=
            &info(now, "request.go:1212", &format!("\"Response Body\" body={}", quoted(&received(request, response))));
    }
    text
}

/// A line of klog, without its end: level, date, time, thread, place, and what is said. Mirrors `k8s.io/klog`.
pub fn line(severity: char, now: Time, place: &str, text: &str) -> String {
    let now = now.rfc3339_micro();
    let (month, day, time) = (&now[5..7], &now[8..10], now[11..].trim_end_matches('Z'));
    // In place of the process's number, which is another one each time.
    format!("{severity}{month}{day} {time}       1 {place}] {text}")
}

fn info(now: Time, place: &str, text: &str) -> String {
    line('I', now, place, text) + "\n"
}

/// A value over several lines, as klog sets it.
fn block(lines: &[String]) -> String {
    let lines: String = lines.iter().map(|line| format!("\t{line}\n")).collect();
    format!("<\n{lines} >")
}

fn quoted(text: &str) -> String {
    match text.contains('\n') {
        true => block(&text.lines().map(String::from).collect::<Vec<_>>()),
        false => format!("{text:?}"),
    }
}

fn headers(request: &Request) -> String {
    let accept = match request.accept.form {
        Form::Table => {
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
        }
        Form::Object => "application/json",
    };
    let mut lines = vec![format!("Accept: {accept}")];
    match &request.verb {
        Verb::Create(..) | Verb::Update(..) => lines.push("Content-Type: application/json".into()),
        Verb::Patch(_, form, _) => lines.push(format!("Content-Type: {}", form.media_type())),
        _ => {}
    }
    if let Some(user) = &request.impersonate {
        lines.extend(user.groups.iter().map(|group| format!("Impersonate-Group: {group}")));
        lines.push(format!("Impersonate-User: {}", user.name));
    }
    lines.push("User-Agent: kubectl/v1.36.2 (linux/amd64) kubernetes/kstate".into());
    block(&lines)
}

fn sent(verb: &Verb) -> Option<String> {
    match verb {
        Verb::Create(_, body) | Verb::Update(_, body) => Some(body.to_string()),
        Verb::Patch(_, PatchType::Apply, body) => Some(body.clone()),
        Verb::Patch(_, _, body) => Some(body.clone()),
        _ => None,
    }
}

fn received(request: &Request, response: &Response) -> String {
    match (&response.outcome, &request.target) {
        (Ok(reply), Target::Resource(resource)) => match encode(reply, resource) {
            Value::String(text) => text,
            tree => tree.to_string(),
        },
        (Ok(_), Target::Path(_)) => String::new(),
        (Err(refusal), _) => status(refusal).to_string(),
    }
}

fn worded(code: u16) -> String {
    let text = match code {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    };
    format!("{code} {text}")
}
