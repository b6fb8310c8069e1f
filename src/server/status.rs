//! Refusals as `metav1.Status`, with the code that HTTP has for them.
//!
//! Mirrors `k8s.io/apimachinery/pkg/api/errors` and `responsewriters.ErrorNegotiated`.

use serde_json::{Value, json};

use crate::error::{ApiError, FieldError, Reason};

/// The code of a refusal.
pub fn code(reason: Reason) -> u16 {
    match reason {
        Reason::BadRequest => 400,
        Reason::Unauthorized => 401,
        Reason::Forbidden => 403,
        Reason::NotFound => 404,
        Reason::MethodNotAllowed => 405,
        Reason::NotAcceptable => 406,
        Reason::AlreadyExists | Reason::Conflict => 409,
        Reason::Expired | Reason::Gone => 410,
        Reason::RequestEntityTooLarge => 413,
        Reason::UnsupportedMediaType => 415,
        Reason::Invalid => 422,
        Reason::TooManyRequests => 429,
        Reason::ServiceUnavailable => 503,
        Reason::InternalError | Reason::Unknown => 500,
    }
}

/// A refusal as the server sends it.
pub fn status(refusal: &ApiError) -> Value {
    let mut status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": refusal.message,
        "code": code(refusal.reason),
    });
    if !refusal.reason.as_str().is_empty() {
        status["reason"] = json!(refusal.reason.as_str());
    }
    let mut details = json!({});
    if !refusal.name.is_empty() {
        details["name"] = json!(refusal.name);
    }
    let about = if refusal.kind.is_empty() { resource_of(refusal) } else { &*refusal.kind };
    let (kind, group) = about.split_once('.').unwrap_or((about, ""));
    for (field, text) in [("group", group), ("kind", kind)] {
        if !text.is_empty() {
            details[field] = json!(text);
        }
    }
    if !refusal.causes.is_empty() {
        details["causes"] = refusal.causes.iter().map(cause).collect();
    }
    if refusal.retry_after_seconds > 0 {
        details["retryAfterSeconds"] = json!(refusal.retry_after_seconds);
    }
    if details != json!({}) || is_generic(refusal) {
        status["details"] = details;
    }
    status
}

/// Whether it is one of those that know nothing of what they refuse, and have empty details. Mirrors
/// `NewGenericServerResponse`.
fn is_generic(refusal: &ApiError) -> bool {
    const REFUSALS: [&str; 5] = [
        "the server could not find the requested resource",
        "the server does not allow this method on the requested resource",
        "the server rejected our request due to an error in our request",
        "406: Not Acceptable",
        "415: Unsupported Media Type",
    ];
    REFUSALS.iter().any(|text| refusal.message.starts_with(text))
}

/// The resource that a message is about: its first word, where a name follows.
fn resource_of(refusal: &ApiError) -> &str {
    let text = refusal.message.strip_prefix("Operation cannot be fulfilled on ").unwrap_or(&refusal.message);
    let first = text.strip_prefix("object is being deleted: ").unwrap_or(text).split(' ').next().unwrap_or_default();
    match refusal.name.is_empty() || first.is_empty() {
        true => "",
        false => first,
    }
}

fn cause(fault: &FieldError) -> Value {
    json!({"reason": fault.reason, "message": fault.detail, "field": fault.field})
}
