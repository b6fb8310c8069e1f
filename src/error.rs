//! What went wrong, in the API server's and kubectl's own words, with the exit code and a hint.

use std::fmt;

/// Why an API request was refused: the `reason` of a Kubernetes `metav1.Status`.
///
/// Mirrors `k8s.io/apimachinery/pkg/api/errors`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reason {
    /// 400: the body could not be decoded.
    BadRequest,
    /// 401: nobody knows who asks.
    Unauthorized,
    /// 404: no such object (or no such kind).
    NotFound,
    /// 409: an object of that name exists.
    AlreadyExists,
    /// 409: the resourceVersion is not the current one, or a precondition failed.
    Conflict,
    /// 422: the object breaks a rule of its kind.
    Invalid,
    /// 403: an admission plugin said no.
    Forbidden,
    /// 405: the kind does not offer that verb.
    MethodNotAllowed,
    /// 406: the answer can't be given in a form that was asked for.
    NotAcceptable,
    /// 410: what the request goes by is too old, and no longer known.
    Expired,
    /// 410: what was asked for was there once.
    Gone,
    /// 413: more than the server takes.
    RequestEntityTooLarge,
    /// 415: the kind does not take that patch type.
    UnsupportedMediaType,
    /// 429: not now; a disruption budget forbids it for the moment.
    TooManyRequests,
    /// 503: what the server turned to can't be reached.
    ServiceUnavailable,
    /// 500: a fault of kstate's own (a damaged state file, for example).
    InternalError,
    /// 500: an error to which the server gives no reason.
    #[default]
    Unknown,
}

impl Reason {
    /// The reason as kubectl prints it in `Error from server (REASON)`.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::BadRequest => "BadRequest",
            Reason::Unauthorized => "Unauthorized",
            Reason::NotAcceptable => "NotAcceptable",
            Reason::Expired => "Expired",
            Reason::Gone => "Gone",
            Reason::NotFound => "NotFound",
            Reason::AlreadyExists => "AlreadyExists",
            Reason::Conflict => "Conflict",
            Reason::Invalid => "Invalid",
            Reason::Forbidden => "Forbidden",
            Reason::MethodNotAllowed => "MethodNotAllowed",
            Reason::RequestEntityTooLarge => "RequestEntityTooLarge",
            Reason::UnsupportedMediaType => "UnsupportedMediaType",
            Reason::TooManyRequests => "TooManyRequests",
            Reason::ServiceUnavailable => "ServiceUnavailable",
            Reason::InternalError => "InternalError",
            Reason::Unknown => "",
        }
    }
}

/// One fault of one field, as `field.Error` of `k8s.io/apimachinery/pkg/util/validation/field` words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The sort of fault, `FieldValueRequired`; what a program goes by. Mirrors `metav1.CauseType`.
    pub reason: &'static str,
    /// Path of the field, `spec.containers[0].image`.
    pub field: String,
    /// What is wrong, from "Required value" on: `Invalid value: -1: must be greater than or equal to 0`.
    pub detail: String,
}

const INVALID: &str = "FieldValueInvalid";

impl FieldError {
    /// A fault of a sort, in words.
    pub fn new(reason: &'static str, field: impl Into<String>, detail: impl Into<String>) -> Self {
        FieldError { reason, field: field.into(), detail: detail.into() }
    }

    fn worded(reason: &'static str, field: impl Into<String>, what: String, detail: &str) -> Self {
        Self::new(reason, field, if detail.is_empty() { what } else { format!("{what}: {detail}") })
    }

    /// The same fault in another place.
    pub fn at(self, field: impl Into<String>) -> Self {
        FieldError { field: field.into(), ..self }
    }

    /// `Invalid value: DETAIL`, for the few checks whose original shows the value in its own way, or not at all.
    pub fn invalid_as(field: impl Into<String>, detail: &str) -> Self {
        Self::worded(INVALID, field, "Invalid value".into(), detail)
    }

    /// `Required value`, with an optional explanation (`""` for none).
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::worded("FieldValueRequired", field, "Required value".into(), detail)
    }

    /// `Invalid value: VALUE: DETAIL`; `value` is printed as JSON, as Go prints it.
    pub fn invalid(field: impl Into<String>, value: impl serde::Serialize, detail: &str) -> Self {
        let value = serde_json::to_string(&value).unwrap_or_default();
        Self::worded(INVALID, field, format!("Invalid value: {value}"), detail)
    }

    /// `Unsupported value: VALUE: supported values: "A", "B"` (the values are sorted).
    pub fn not_supported(field: impl Into<String>, value: impl serde::Serialize, supported: &[&str]) -> Self {
        let mut sorted = supported.to_vec();
        sorted.sort_unstable();
        Self::not_supported_in_order(field, value, &sorted)
    }

    /// The same with the values as they come, for the few checks whose original does not sort them.
    pub fn not_supported_in_order(field: impl Into<String>, value: impl serde::Serialize, supported: &[&str]) -> Self {
        let value = serde_json::to_string(&value).unwrap_or_default();
        let all: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        let detail = if all.is_empty() { String::new() } else { format!("supported values: {}", all.join(", ")) };
        Self::worded("FieldValueNotSupported", field, format!("Unsupported value: {value}"), &detail)
    }

    /// `Forbidden: DETAIL`.
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::worded("FieldValueForbidden", field, "Forbidden".into(), detail)
    }

    /// `Not found: VALUE`.
    pub fn not_found(field: impl Into<String>, value: impl serde::Serialize) -> Self {
        let value = serde_json::to_string(&value).unwrap_or_default();
        Self::new("FieldValueNotFound", field, format!("Not found: {value}"))
    }

    /// `Duplicate value: VALUE`.
    pub fn duplicate(field: impl Into<String>, value: impl serde::Serialize) -> Self {
        let value = serde_json::to_string(&value).unwrap_or_default();
        Self::new("FieldValueDuplicate", field, format!("Duplicate value: {value}"))
    }

    /// `Too long: may not be more than MAX bytes`.
    pub fn too_long(field: impl Into<String>, max: usize) -> Self {
        Self::new("FieldValueTooLong", field, format!("Too long: may not be more than {max} bytes"))
    }

    /// `Too many: ACTUAL: must have at most MAX items`.
    pub fn too_many(field: impl Into<String>, actual: usize, max: usize) -> Self {
        Self::new("FieldValueTooMany", field, format!("Too many: {actual}: must have at most {max} items"))
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

/// The API server's refusal of a request: a `metav1.Status` with the facts that kubectl words differently by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiError {
    /// Why.
    pub reason: Reason,
    /// The server's message, `persistentvolumeclaims "ok" already exists`.
    pub message: String,
    /// The kind that an `Invalid` speaks of (`PersistentVolumeClaim`); empty otherwise.
    pub kind: Box<str>,
    /// The object's name where the status names one.
    pub name: String,
    /// The single causes: of an `Invalid` the faults, of others what a program goes by.
    pub causes: Vec<FieldError>,
    /// After how many seconds it may be worth asking again; 0 for nothing said.
    pub retry_after_seconds: u32,
    /// What the writer is told beside the refusal, each without the `Warning: ` before it.
    pub warnings: Vec<String>,
}

impl ApiError {
    /// A refusal with a message and no details.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        ApiError { reason, message: message.into(), ..ApiError::default() }
    }

    /// `RESOURCE "NAME" not found`; `resource` is the plural with its group, `statefulsets.apps`.
    pub fn not_found(resource: &str, name: &str) -> Self {
        ApiError { name: name.into(), ..Self::new(Reason::NotFound, format!("{resource} {name:?} not found")) }
    }

    /// `RESOURCE "NAME" already exists`.
    pub fn already_exists(resource: &str, name: &str) -> Self {
        ApiError {
            name: name.into(),
            ..Self::new(Reason::AlreadyExists, format!("{resource} {name:?} already exists"))
        }
    }

    /// `Operation cannot be fulfilled on RESOURCE "NAME": DETAIL`.
    pub fn conflict(resource: &str, name: &str, detail: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {detail}");
        ApiError { name: name.into(), ..Self::new(Reason::Conflict, message) }
    }

    /// The conflict of a write that was decided on an older version of its object.
    pub fn stale(resource: &str, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// `KIND.GROUP "NAME" is invalid: ...`; `kind` is `PersistentVolumeClaim` or `StatefulSet.apps`.
    pub fn invalid(kind: &str, name: &str, causes: Vec<FieldError>) -> Self {
        // Two checks may find the same fault; the server tells of it once.
        let mut all: Vec<String> = Vec::new();
        for cause in causes.iter().map(|c| c.to_string()) {
            if !all.contains(&cause) {
                all.push(cause);
            }
        }
        let list = match all.as_slice() {
            [one] => one.clone(),
            _ => format!("[{}]", all.join(", ")),
        };
        ApiError {
            reason: Reason::Invalid,
            message: format!("{kind} {name:?} is invalid: {list}"),
            kind: kind.into(),
            name: name.into(),
            causes,
            ..ApiError::default()
        }
    }

    /// The same refusal, with a cause that a program goes by.
    pub fn cause(mut self, reason: &'static str, field: &str, message: &str) -> Self {
        self.causes.push(FieldError::new(reason, field, message));
        self
    }

    /// Whether it has a cause of that sort. Mirrors `HasStatusCause`.
    pub fn has_cause(&self, reason: &str) -> bool {
        self.causes.iter().any(|c| c.reason == reason)
    }

    /// The same refusal, with what else the writer is told.
    pub fn with_warnings(mut self, warnings: &[String]) -> Self {
        self.warnings.extend_from_slice(warnings);
        self
    }

    /// `RESOURCE "NAME" is forbidden: DETAIL`.
    pub fn forbidden(resource: &str, name: &str, detail: &str) -> Self {
        ApiError {
            name: name.into(),
            ..Self::new(Reason::Forbidden, format!("{resource} {name:?} is forbidden: {detail}"))
        }
    }

    /// A fault of kstate's own.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Reason::InternalError, message)
    }

    /// The whole line that kubectl prints for this refusal when it adds nothing of its own
    /// (`cmdutil.StandardErrorMessage`): `Error from server (NotFound): pods "x" not found`, or for
    /// an invalid object `The Pod "x" is invalid: ...` with one bullet for each of several causes.
    pub fn standard_message(&self) -> String {
        match self.reason {
            Reason::Invalid => {}
            Reason::Unknown => return format!("Error from server: {}", self.message),
            Reason::Unauthorized => return format!("error: You must be logged in to the server ({})", self.message),
            reason => return format!("Error from server ({}): {}", reason.as_str(), self.message),
        }
        let kind = self.kind.split('.').next().unwrap_or_default();
        let head = match (kind, self.name.as_str()) {
            ("", "") => "The request is invalid: ".to_string(),
            (kind, name) => format!("The {kind} {name:?} is invalid: "),
        };
        let mut seen: Vec<String> = Vec::new();
        for cause in self.causes.iter().map(ToString::to_string) {
            if !seen.contains(&cause) {
                seen.push(cause);
            }
        }
        match seen.as_slice() {
            [] if kind.is_empty() => format!("{head}{}", self.message),
            [] => head.trim_end_matches(": ").to_string(),
            [one] => format!("{head}{one}"),
            many => format!("{head}\n{}", many.iter().map(|cause| format!("* {cause}")).collect::<Vec<_>>().join("\n")),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

/// What a command ends with when it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was printed before it, for standard output.
    pub printed: String,
    /// The whole text for standard error, without a final newline; empty when all has been said already.
    pub message: String,
    /// The exit code, as kubectl has it (1; `diff` and `wait` have their own uses of it).
    pub code: u8,
    /// What the user can do about it; printed on a line of its own, only where kubectl has nothing to say.
    pub hint: Option<String>,
}

impl Failure {
    /// `error: MESSAGE`, exit 1: a fault that kubectl itself finds.
    pub fn error(message: impl fmt::Display) -> Self {
        Self::raw(format!("error: {message}"))
    }

    /// A text that is printed as it is, exit 1.
    pub fn raw(message: impl Into<String>) -> Self {
        Failure { printed: String::new(), message: message.into(), code: 1, hint: None }
    }

    /// Nothing more to say; only the exit code.
    pub fn silent(code: u8) -> Self {
        Failure { printed: String::new(), message: String::new(), code, hint: None }
    }

    /// The same failure after something was printed to standard output.
    pub fn after(mut self, printed: impl Into<String>) -> Self {
        self.printed = printed.into();
        self
    }

    /// The same failure with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<ApiError> for Failure {
    fn from(e: ApiError) -> Self {
        match e.reason {
            // OBSERVATION: a fault of kstate's own, such as a damaged state file; no server said it.
            Reason::InternalError => Failure::error(e.message),
            _ => Failure::raw(e.standard_message()),
        }
    }
}
