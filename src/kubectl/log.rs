//! `-v=6` to `-v=10`: requests and answers as kubectl's log prints them.
//!
//! Mirrors `k8s.io/client-go/transport/round_trippers.go`, `logBody` of `k8s.io/client-go/rest` and `klog`'s layout.

use crate::api::Time;
use crate::api::request::{Form, Request, Resource, Target, Verb};
use crate::kubectl::body;
use crate::server::wire::order;
use crate::server::{Reply, Response, code, request_info, status};

/// From this level on requests are logged.
pub const LEAST: u8 = 6;

/// From this level on bodies are logged too.
pub const BODIES: u8 = 8;

const SERVER: &str = "https://127.0.0.1:6443";

/// The lines for one request and its answer.
///
/// `compressed`: the client takes compressed answers. At level 9 a curl command stands in place of the address and the headers. What differs from one run to the next is left
/// out: the header `Audit-Id`, and how long things took.
pub fn round_trip(level: u8, compressed: bool, now: Time, request: &Request, response: &Response) -> String {
    let (method, url) = (request.verb.method(), request_info::url(&request.target, &request.verb));
    let url = match request.accept.form {
        Form::WholeTable => with_parameter(&url, "includeObject=Object"),
        _ => url,
    };
    let place = format!("verb=\"{method}\" url=\"{SERVER}{url}\"");
    let mut text = String::new();
    let mut log = |place: &str, said: String| text.push_str(&format!("{}\n", line('I', now, place, &said)));
    if level >= BODIES {
        let body = sent(&request.verb).unwrap_or_default();
        log(helper(&request.verb), format!("\"Request Body\" body={}", quoted(&truncated(level, &body))));
    }
    let headers = headers(request);
    match level {
        ..=6 => {}
        7 | 8 => log("round_trippers.go:527", format!("\"Request\" {place} headers={}", block(&headers))),
        _ => {
            let headers: String = headers.iter().map(|header| format!(" -H {header:?}")).collect();
            let command = format!("curl -v -X{method} {headers} '{SERVER}{url}'");
            log("round_trippers.go:527", format!("\"Request\" curlCommand={}", block(&[command])));
        }
    }
    let status = match &response.outcome {
        Ok(_) if matches!(request.verb, Verb::Create(..)) => "201 Created".to_string(),
        Ok(_) => "200 OK".to_string(),
        Err(refusal) => worded(code(refusal.reason)),
    };
    let body = if level >= BODIES { received(request, response) } else { String::new() };
    let shown = format!("status=\"{status}\"");
    let headers = block(&headers_of(now, response, &body, compressed));
    log(
        "round_trippers.go:632",
        match level {
            ..=6 => format!("\"Response\" {place} {shown} milliseconds=0"),
            7 => format!("\"Response\" {shown} milliseconds=0"),
            8 => format!("\"Response\" {shown} headers={headers} milliseconds=0"),
            _ => format!("\"Response\" {place} {shown} headers={headers} milliseconds=0 getConnectionMilliseconds=0"),
        },
    );
    if level >= BODIES {
        log(helper(&request.verb), format!("\"Response Body\" body={}", quoted(&truncated(level, &body))));
    }
    text
}

/// Where in `k8s.io/cli-runtime/pkg/resource` the request is made, as lines on bodies say.
fn helper(verb: &Verb) -> &'static str {
    match verb {
        Verb::Get | Verb::Connect(_) => "helper.go:105",
        Verb::List(_) => "helper.go:113",
        Verb::Watch(_) => "helper.go:170",
        Verb::Delete(_) | Verb::DeleteCollection(..) => "helper.go:202",
        Verb::Create(..) => "helper.go:246",
        Verb::Patch(..) => "helper.go:269",
        Verb::Update(..) => "helper.go:319",
    }
}

fn with_parameter(url: &str, parameter: &str) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut all: Vec<&str> = query.split('&').filter(|p| !p.is_empty()).chain([parameter]).collect();
    all.sort_unstable();
    format!("{path}?{}", all.join("&"))
}

/// As much of a body as is shown. Mirrors `truncateBody`.
fn truncated(level: u8, body: &str) -> String {
    let most = match level {
        ..=8 => 1024,
        9 => 10240,
        _ => body.len(),
    };
    if body.len() <= most {
        return body.to_string();
    }
    let end = (0..=most).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
    format!("{} [truncated {} chars]", &body[..end], body.len() - end)
}

/// A line of klog, without its end: level, date, time, thread, place, and what is said. Mirrors `k8s.io/klog`.
pub fn line(severity: char, now: Time, place: &str, text: &str) -> String {
    let now = now.rfc3339_micro();
    let (month, day, time) = (&now[5..7], &now[8..10], now[11..].trim_end_matches('Z'));
    // In place of the process's number, which is another one each time.
    format!("{severity}{month}{day} {time}       1 {place}] {text}")
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

/// The request's headers, by name.
fn headers(request: &Request) -> Vec<String> {
    let accept = match request.accept.form {
        Form::Table | Form::WholeTable => {
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
        }
        Form::Object => "application/json",
    };
    let mut lines = vec![format!("Accept: {accept}")];
    match &request.verb {
        Verb::Create(..) | Verb::Update(..) | Verb::Delete(_) => lines.push("Content-Type: application/json".into()),
        Verb::Patch(_, form, _) => lines.push(format!("Content-Type: {}", form.media_type())),
        _ => {}
    }
    if let Some(user) = &request.impersonate {
        // That group is the server's own addition.
        let groups = user.groups.iter().filter(|group| *group != "system:authenticated");
        lines.extend(groups.map(|group| format!("Impersonate-Group: {group}")));
        lines.push(format!("Impersonate-User: {}", user.name));
    }
    lines.push("User-Agent: kubectl/v1.36.2 (linux/amd64) kubernetes/kstate".into());
    lines
}

/// The answer's headers, by name.
fn headers_of(now: Time, response: &Response, body: &str, compressed: bool) -> Vec<String> {
    /// From this size on a server compresses. Mirrors `defaultGzipThresholdBytes`.
    const GZIP_THRESHOLD: usize = 128 * 1024;
    /// A longer body is sent in pieces, and nobody says how long it is.
    const BUFFER: usize = 4096;
    let mut lines = vec!["Cache-Control: no-cache, private".to_string()];
    lines.extend((body.len() <= BUFFER).then(|| format!("Content-Length: {}", body.len())));
    lines.push("Content-Type: application/json".into());
    lines.push(format!("Date: {}", now.rfc1123z().replace("+0000", "GMT")));
    lines.extend((compressed && body.len() > GZIP_THRESHOLD).then(|| "Vary: Accept-Encoding".to_string()));
    lines.extend(response.warnings.iter().map(|text| format!("Warning: 299 - {text:?}")));
    lines
}

fn sent(verb: &Verb) -> Option<String> {
    match verb {
        Verb::Create(_, body) | Verb::Update(_, body) => Some(format!("{body}\n")),
        Verb::Patch(_, _, body) => Some(body.clone()),
        Verb::Delete(options) => {
            let propagation = options.propagation.map(|how| format!("{how:?}"));
            let fields = [
                options.grace_period.map(|seconds| format!("\"gracePeriodSeconds\":{seconds}")),
                propagation.map(|how| format!("\"propagationPolicy\":\"{how}\"")),
                options.dry_run.then(|| "\"dryRun\":[\"All\"]".to_string()),
            ];
            Some(format!("{{{}}}\n", fields.into_iter().flatten().collect::<Vec<_>>().join(",")))
        }
        _ => None,
    }
}

/// The body of an answer. The server ends documents with a line break.
fn received(request: &Request, response: &Response) -> String {
    match (&response.outcome, &request.target) {
        (Ok(Reply::Text(text)), _) => text.clone(),
        (Ok(Reply::Bytes(bytes)), _) => String::from_utf8_lossy(bytes).into_owned(),
        (Ok(reply), Target::Resource(resource)) => format!("{}\n", body::text(reply, resource)),
        (Ok(reply), Target::Path(_)) => format!("{}\n", body::text(reply, &Resource::default())),
        (Err(refusal), _) => format!("{}\n", order::text(&status(refusal), None)),
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
