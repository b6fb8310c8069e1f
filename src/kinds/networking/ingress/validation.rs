//! What is wrong with an ingress. Mirrors `ValidateIngressSpec` of `pkg/apis/networking/validation/validation.go`.

use serde_json::Value;

use crate::api::k8s::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressSpec, IngressTLS,
};
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::networking::ingress_class::validate_reference;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;

pub(super) fn validate_ingress(ingress: &Ingress, old: Option<&Ingress>) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let none = IngressSpec::default();
    let spec = ingress.spec.as_ref().unwrap_or(&none);
    if items(&spec.rules).is_empty() && spec.default_backend.is_none() {
        faults.invalid("spec", "", Value::Null, "either `defaultBackend` or `rules` must be specified");
    }
    if let Some(backend) = &spec.default_backend {
        validate_backend(backend, "spec.defaultBackend", &mut faults);
    }
    let old = old.and_then(|o| o.spec.as_ref());
    let lenient = old.is_some_and(has_faulty_wildcard_rule);
    for (i, rule) in items(&spec.rules).iter().enumerate() {
        validate_rule(rule, &format!("spec.rules[{i}]"), lenient, &mut faults);
    }
    let lenient = old.is_some_and(|o| items(&o.tls).iter().any(|tls| !secret_name_faults(tls).is_empty()));
    for (i, tls) in items(&spec.tls).iter().enumerate() {
        let path = format!("spec.tls[{i}]");
        for (k, host) in items(&tls.hosts).iter().enumerate() {
            faults.all_invalid(&path, &format!("hosts[{k}]"), host, host_faults(host));
        }
        if !lenient {
            faults.all_invalid(&path, "secretName", text(&tls.secret_name), secret_name_faults(tls));
        }
    }
    if let Some(class) = &spec.ingress_class_name {
        faults.all_invalid("spec", "ingressClassName", class, names::dns1123_subdomain(class));
    }
    faults.0
}

fn host_faults(host: &str) -> Vec<String> {
    if host.contains('*') { names::wildcard_dns1123_subdomain(host) } else { names::dns1123_subdomain(host) }
}

fn secret_name_faults(tls: &IngressTLS) -> Vec<String> {
    match text(&tls.secret_name) {
        "" => Vec::new(),
        name => names::dns1123_subdomain(name),
    }
}

/// Whether an ingress from before the check of such rules may keep them.
fn has_faulty_wildcard_rule(spec: &IngressSpec) -> bool {
    let faulty = |http: &HTTPIngressRuleValue| {
        let mut faults = Faults::default();
        validate_http(http, "http", &mut faults);
        !faults.0.is_empty()
    };
    items(&spec.rules).iter().any(|r| text(&r.host).contains('*') && r.http.as_ref().is_some_and(faulty))
}

fn validate_rule(rule: &IngressRule, path: &str, lenient: bool, faults: &mut Faults) {
    let host = text(&rule.host);
    if !host.is_empty() {
        if names::addresses::parse_ip_sloppy(host).is_some() {
            faults.invalid(path, "host", host, "must be a DNS name, not an IP address");
        }
        faults.all_invalid(path, "host", host, host_faults(host));
    }
    if let Some(http) = rule.http.as_ref().filter(|_| !(lenient && host.contains('*'))) {
        validate_http(http, &format!("{path}.http"), faults);
    }
}

fn validate_http(http: &HTTPIngressRuleValue, path: &str, faults: &mut Faults) {
    if http.paths.is_empty() {
        faults.required(path, "paths");
    }
    for (i, one) in http.paths.iter().enumerate() {
        validate_path(one, &format!("{path}.paths[{i}]"), faults);
    }
}

fn validate_path(one: &HTTPIngressPath, at: &str, faults: &mut Faults) {
    let path = text(&one.path);
    match one.path_type.as_str() {
        "" => return faults.required_for(at, "pathType", "pathType must be specified"),
        "Exact" | "Prefix" => {
            if !path.starts_with('/') {
                faults.invalid(at, "path", path, "must be an absolute path");
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"].iter().filter(|part| path.contains(*part)) {
                faults.invalid(at, "path", path, &format!("must not contain '{part}'"));
            }
            for end in ["/..", "/."].iter().filter(|end| path.ends_with(*end)) {
                faults.invalid(at, "path", path, &format!("cannot end with '{end}'"));
            }
        }
        "ImplementationSpecific" => {
            if !path.is_empty() && !path.starts_with('/') {
                faults.invalid(at, "path", path, "must be an absolute path");
            }
        }
        other => faults.one_of(at, "pathType", other, &["Exact", "ImplementationSpecific", "Prefix"]),
    }
    validate_backend(&one.backend, &format!("{at}.backend"), faults);
}

fn validate_backend(backend: &IngressBackend, path: &str, faults: &mut Faults) {
    let service = match (&backend.resource, &backend.service) {
        (Some(_), Some(_)) => return faults.invalid(path, "", "", "cannot set both resource and service backends"),
        (Some(r), None) => {
            let group = r.api_group.as_deref();
            return validate_reference(group, &r.kind, &r.name, &format!("{path}.resource"), faults);
        }
        (None, None) => return faults.invalid(path, "", "", "resource or service backend is required"),
        (None, Some(service)) => service,
    };
    if faults.require(path, "service.name", &service.name) {
        faults.all_invalid(path, "service.name", &service.name, names::dns1123_label(&service.name));
    }
    let port = service.port.clone().unwrap_or_default();
    let number = port.number.filter(|n| *n != 0);
    match (text(&port.name), number) {
        ("", None) => faults.required_for(path, "", "port name or number is required"),
        ("", Some(n)) => {
            for detail in names::port_num(n.into()) {
                faults.invalid(path, "service.port.number", n, &detail);
            }
        }
        (name, None) => faults.all_invalid(path, "service.port.name", name, names::port_name(name)),
        (_, Some(_)) => faults.invalid(path, "", "", "cannot set both port name & port number"),
    }
}
