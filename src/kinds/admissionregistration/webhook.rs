//! What is wrong with a webhook, of either sort.
//!
//! Mirrors `pkg/apis/admissionregistration/validation` and `k8s.io/apiserver/pkg/util/webhook/validation.go`.

use std::collections::BTreeSet;

use super::matching::{Rule, validate_failure_policy, validate_match_conditions, validate_match_policy, validate_rule};
use crate::api::k8s::api::admissionregistration::v1::{MatchCondition, ServiceReference, WebhookClientConfig};
use crate::api::selector::validate_label_selector;
use crate::api::{LabelSelector, names};
use crate::kinds::shared::faults::Faults;

/// Side effects that a webhook may have: none, at least not on a dry run.
const SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
const REINVOCATION_POLICIES: [&str; 2] = ["IfNeeded", "Never"];
/// The versions of a review that a server can send.
const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// A webhook of either sort.
pub(super) struct Hook<'a> {
    pub(super) name: &'a str,
    pub(super) rules: Vec<Rule<'a>>,
    pub(super) failure_policy: &'a Option<String>,
    pub(super) match_policy: &'a Option<String>,
    pub(super) side_effects: &'a str,
    pub(super) timeout_seconds: Option<i32>,
    pub(super) namespace_selector: Option<&'a LabelSelector>,
    pub(super) object_selector: Option<&'a LabelSelector>,
    /// Only of a webhook that changes things.
    pub(super) reinvocation_policy: Option<&'a str>,
    pub(super) client_config: &'a WebhookClientConfig,
    pub(super) match_conditions: &'a [MatchCondition],
    pub(super) review_versions: &'a [String],
}

/// Mirrors `validateValidatingWebhookConfiguration` and `validateMutatingWebhookConfiguration`.
pub(super) fn validate_hooks<'a>(hooks: impl Iterator<Item = Hook<'a>>) -> Faults {
    let (mut faults, mut seen) = (Faults::default(), BTreeSet::new());
    for (i, hook) in hooks.enumerate() {
        let path = format!("webhooks[{i}]");
        validate_hook(&hook, &path, &mut faults);
        validate_review_versions(hook.review_versions, &format!("{path}.admissionReviewVersions"), &mut faults);
        if !hook.name.is_empty() && !seen.insert(hook.name) {
            faults.duplicate(&path, "name", hook.name);
        }
    }
    faults
}

fn validate_hook(hook: &Hook<'_>, path: &str, faults: &mut Faults) {
    validate_name(hook.name, path, faults);
    for (i, rule) in hook.rules.iter().enumerate() {
        validate_rule(rule, &format!("{path}.rules[{i}]"), faults);
    }
    validate_failure_policy(hook.failure_policy, path, faults);
    validate_match_policy(hook.match_policy, path, faults);
    match hook.side_effects {
        "" => faults.required_for(path, "sideEffects", "must specify one of None, NoneOnDryRun"),
        effects => faults.one_of(path, "sideEffects", effects, &SIDE_EFFECTS),
    }
    if let Some(seconds) = hook.timeout_seconds.filter(|seconds| !(1..=30).contains(seconds)) {
        faults.invalid(path, "timeoutSeconds", seconds, "the timeout value must be between 1 and 30 seconds");
    }
    for (field, selector) in [("namespaceSelector", hook.namespace_selector), ("objectSelector", hook.object_selector)]
    {
        if let Some(selector) = selector {
            faults.extend(validate_label_selector(selector, &format!("{path}.{field}")));
        }
    }
    if let Some(policy) = hook.reinvocation_policy {
        faults.one_of(path, "reinvocationPolicy", policy, &REINVOCATION_POLICIES);
    }
    let config = format!("{path}.clientConfig");
    match (&hook.client_config.url, &hook.client_config.service) {
        (Some(url), None) => validate_url(url, &config, faults),
        (None, Some(service)) => validate_service(service, &format!("{config}.service"), faults),
        _ => faults.required_for(&config, "", "exactly one of url or service is required"),
    }
    validate_match_conditions(hook.match_conditions, &format!("{path}.matchConditions"), faults);
}

/// Mirrors `IsFullyQualifiedName`.
fn validate_name(name: &str, path: &str, faults: &mut Faults) {
    if !faults.require(path, "name", name) {
        return;
    }
    let wrong = names::dns1123_subdomain(name);
    if !wrong.is_empty() {
        faults.invalid(path, "name", name, &wrong.join(","));
    } else if name.split('.').count() < 3 {
        let detail = "should be a domain with at least three segments separated by dots";
        faults.invalid(path, "name", name, detail);
    }
}

/// Mirrors `validateAdmissionReviewVersions`.
fn validate_review_versions(versions: &[String], path: &str, faults: &mut Faults) {
    let known = REVIEW_VERSIONS.join(", ");
    if versions.is_empty() {
        return faults.required_for(path, "", &format!("must specify one of {known}"));
    }
    let mut seen = BTreeSet::new();
    for (i, version) in versions.iter().enumerate() {
        let field = format!("{path}[{i}]");
        if !seen.insert(version) {
            faults.invalid(&field, "", version, "duplicate version");
            continue;
        }
        faults.all_invalid(&field, "", version, names::dns1035_label(version));
    }
    if !versions.iter().any(|version| REVIEW_VERSIONS.contains(&version.as_str())) {
        faults.invalid(path, "", versions, &format!("must include at least one of {known}"));
    }
}

/// The parts of a URL that are looked at. Mirrors Go's `url.Parse`, as far as it goes.
struct Url<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    host: &'a str,
    query: &'a str,
    fragment: &'a str,
}

fn parse_url(url: &str) -> Url<'_> {
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_scheme = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    let (scheme, rest) = rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", rest));
    let authority = rest.strip_prefix("//").map_or("", |rest| rest.split('/').next().unwrap_or_default());
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    Url { scheme, user, host, query, fragment }
}

/// Mirrors `ValidateWebhookURL`.
fn validate_url(url: &str, path: &str, faults: &mut Faults) {
    const FORM: &str = "; desired format: https://host[/path]";
    let url = parse_url(url);
    if !url.scheme.eq_ignore_ascii_case("https") {
        let detail = format!("'https' is the only allowed URL scheme{FORM}");
        faults.invalid(path, "url", url.scheme, &detail);
    }
    if url.host.is_empty() {
        faults.invalid(path, "url", "", &format!("host must be specified{FORM}"));
    }
    if let Some(user) = url.user {
        faults.invalid(path, "url", user, "user information is not permitted in the URL");
    }
    if !url.fragment.is_empty() {
        faults.invalid(path, "url", url.fragment, "fragments are not permitted in the URL");
    }
    if !url.query.is_empty() {
        faults.invalid(path, "url", url.query, "query parameters are not permitted in the URL");
    }
}

/// Mirrors `ValidateWebhookService`.
fn validate_service(service: &ServiceReference, path: &str, faults: &mut Faults) {
    // OBSERVATION: the original is handed name and namespace in the wrong order, and blames the other one.
    faults.require(path, "name", &service.namespace);
    faults.require(path, "namespace", &service.name);
    let port = service.port.unwrap_or(0);
    let wrong = names::port_num(port.into());
    if !wrong.is_empty() {
        faults.invalid(path, "port", port, &format!("port is not valid: {}", wrong.join(", ")));
    }
    let Some(url_path) = service.path.as_deref().filter(|p| !matches!(*p, "" | "/")) else { return };
    if url_path == "//" {
        return faults.invalid(path, "path", url_path, "segment[0] may not be empty");
    }
    if !url_path.starts_with('/') {
        faults.invalid(path, "path", url_path, "must start with a '/'");
    }
    // As in the original, the first character is left out whatever it is.
    let mut chars = url_path.chars();
    chars.next();
    let rest = chars.as_str();
    for (i, step) in rest.strip_suffix('/').unwrap_or(rest).split('/').enumerate() {
        if step.is_empty() {
            faults.invalid(path, "path", url_path, &format!("segment[{i}] may not be empty"));
            continue;
        }
        for failure in names::dns1123_subdomain(step) {
            faults.invalid(path, "path", url_path, &format!("segment[{i}]: {failure}"));
        }
    }
}
