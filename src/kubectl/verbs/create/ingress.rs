//! `create ingress`.

use serde_json::{Value, json};

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::generator::Common;
use crate::kubectl::verbs::create::policy::int_or_string;

/// Create an ingress with the specified name.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// Annotation to insert in the ingress object, in the format annotation=value
    #[arg(long)]
    annotation: Vec<String>,
    /// Ingress Class to be used
    #[arg(long, default_value = "")]
    class: String,
    /// Default service for backend, in format of svcname:port
    #[arg(long, default_value = "")]
    default_backend: String,
    /// Rule in format host/path=service:port[,tls=secretname]
    #[arg(long)]
    rule: Vec<String>,
}

/// Runs the generator.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create ingress", session)?;
    check(args).map_err(Failure::error)?;
    let mut annotations = json!({});
    for (key, value) in args.annotation.iter().filter_map(|a| a.split_once('=')) {
        annotations[key] = json!(value);
    }
    let mut spec = json!({"tls": tls(&args.rule), "rules": rules(&args.rule)});
    if !args.class.is_empty() {
        spec["ingressClassName"] = json!(args.class);
    }
    if !args.default_backend.is_empty() {
        spec["defaultBackend"] = backend(&args.default_backend);
    }
    let tree = json!({"metadata": {"annotations": annotations}, "spec": spec});
    generator.finish(session, Kind::Ingress, tree, Some("failed to create ingress: "))
}

fn check(args: &Args) -> Result<(), String> {
    if args.default_backend.is_empty() && args.rule.is_empty() {
        return Err("not enough information provided: every ingress has to either specify a default-backend (which \
             catches all traffic) or a list of rules (which catch specific paths)"
            .into());
    }
    if let Some(rule) = args.rule.iter().find(|r| !is_rule(r)) {
        return Err(format!("rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"));
    }
    if let Some(annotation) = args.annotation.iter().find(|a| !a.contains('=')) {
        return Err(format!("annotation {annotation} is invalid and should be in format key=[value]"));
    }
    if !args.default_backend.is_empty() && args.default_backend.matches(':').count() != 1 {
        return Err("default-backend should be in format servicename:serviceport".into());
    }
    Ok(())
}

/// Whether the text begins as `host/path=service:port` does.
fn is_rule(rule: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let path = rule.trim_start_matches(|c| word(c) || c == '*' || c == '.');
    let backend = |text: &str| {
        text.trim_start_matches(word)
            .strip_prefix(':')
            .is_some_and(|port| text.starts_with(word) && port.starts_with(word))
    };
    path.starts_with('/') && path.match_indices('=').any(|(at, _)| backend(&path[at + 1..]))
}

/// Each secret with the hosts that it serves; a host counts once.
fn tls(rules: &[String]) -> Vec<Value> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for rule in rules {
        let parts: Vec<&str> = rule.split(',').collect();
        let [_, tls] = parts.as_slice() else { continue };
        let host = rule.split('/').next().unwrap_or_default();
        if seen.contains(&host) {
            continue;
        }
        seen.push(host);
        let secret = tls.split('=').nth(1).unwrap_or_default();
        match found.iter_mut().find(|(s, _)| s == secret) {
            Some((_, hosts)) => hosts.push(host.to_string()),
            None if secret.is_empty() && host.is_empty() => {}
            None => found.push((secret.to_string(), Vec::from_iter((!host.is_empty()).then(|| host.to_string())))),
        }
    }
    found.into_iter().map(|(secret, hosts)| json!({"secretName": secret, "hosts": hosts})).collect()
}

fn rules(rules: &[String]) -> Vec<Value> {
    let mut hosts: Vec<(String, Vec<Value>)> = Vec::new();
    for rule in rules {
        let rule = rule.split(',').next().unwrap_or_default();
        let (host, rest) = rule.split_once('/').unwrap_or((rule, ""));
        let mut parts = rest.split('=');
        let (path, service) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let path = format!("/{path}");
        let (path, path_type) = path.strip_suffix('*').map_or((path.as_str(), "Exact"), |p| (p, "Prefix"));
        let entry = json!({"path": path, "pathType": path_type, "backend": backend(service)});
        match hosts.iter_mut().find(|(h, _)| h == host) {
            Some((_, paths)) => paths.push(entry),
            None => hosts.push((host.to_string(), vec![entry])),
        }
    }
    hosts.into_iter().map(|(host, paths)| json!({"host": host, "http": {"paths": paths}})).collect()
}

fn backend(service: &str) -> Value {
    let (name, port) = service.split_once(':').unwrap_or((service, ""));
    let port = match int_or_string(port.split(':').next().unwrap_or_default()) {
        Value::String(name) => json!({"name": name}),
        number => json!({"number": number}),
    };
    json!({"service": {"name": name, "port": port}})
}

#[cfg(test)]
mod tests {
    use super::{is_rule, tls};

    #[test]
    fn knows_rules_and_their_secrets() {
        assert!(is_rule("foo.com/bar=svc1:8080,tls=my-cert") && is_rule("/path=svc:port") && is_rule("*.a/*=s:1"));
        assert!(!is_rule("foo.com=svc:80") && !is_rule("foo.com/=svc") && !is_rule("foo.com/=:80"));
        let rules = ["a/=s:1,tls=x", "b/=s:1,tls=x", "a/b=s:1,tls=y", "/=s:1,tls"].map(String::from);
        insta::assert_snapshot!(serde_json::to_string(&tls(&rules)).unwrap(), @r#"[{"hosts":["a","b"],"secretName":"x"}]"#);
    }
}
