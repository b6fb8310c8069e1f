//! Which requests a proxy lets through.

use regex_lite::Regex;

use super::Args;
use crate::server::wire::http;

/// Mirrors `FilterServer`.
pub(super) struct FilterServer {
    accept_paths: Vec<Regex>,
    reject_paths: Vec<Regex>,
    accept_hosts: Vec<Regex>,
    reject_methods: Vec<Regex>,
}

impl FilterServer {
    /// The filter that the options ask for, or what is wrong with one of its expressions.
    pub(super) fn new(args: &Args) -> Result<FilterServer, String> {
        Ok(FilterServer {
            accept_paths: make_regexp_array(&args.accept_paths)?,
            reject_paths: make_regexp_array(&args.reject_paths)?,
            accept_hosts: make_regexp_array(&args.accept_hosts)?,
            reject_methods: make_regexp_array(&args.reject_methods)?,
        })
    }

    /// Whether a request for a path goes on. Mirrors `accept`.
    pub(super) fn accepts(&self, request: &http::Request, path: &str) -> bool {
        let matches = |text: &str, any: &[Regex]| any.iter().any(|re| re.is_match(text));
        let host = request.headers.get("Host").unwrap_or_default();
        !matches(path, &self.reject_paths)
            && !matches(&request.method, &self.reject_methods)
            && matches(path, &self.accept_paths)
            && matches(extract_host(host), &self.accept_hosts)
    }
}

/// Mirrors `MakeRegexpArray`.
fn make_regexp_array(list: &str) -> Result<Vec<Regex>, String> {
    let parts = list.split(',').filter(|_| !list.is_empty());
    parts.map(|part| Regex::new(part).map_err(|e| format!("error parsing regexp: {e}: `{part}`"))).collect()
}

/// A host without its port. Mirrors `extractHost`.
fn extract_host(field: &str) -> &str {
    if let Some(end) = field.strip_prefix('[').and_then(|rest| rest.rsplit_once("]:")) {
        return end.0;
    }
    match field.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => field,
    }
}
