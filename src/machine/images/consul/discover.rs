//! `provider=k8s`: the servers that the API server knows of, asked with the rights of the pod's service account.
//!
//! Facts: hashicorp/go-discover, its provider `k8s`, which lists the pods of a namespace by label and takes those that run
//! and are ready.

use crate::machine::images::in_cluster::{Fault, Question, ask};
use crate::machine::kernel::Sys;

/// `provider=k8s label_selector="app=consul" namespace=x` as names with values.
pub(super) fn arguments(text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(' ').unwrap_or((after, "")),
        };
        all.push((name.trim().to_string(), value.to_string()));
        rest = left.trim_start();
    }
    all
}

fn escaped(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    text.chars()
        .map(|c| if plain(c) { c.to_string() } else { c.to_string().bytes().map(|b| format!("%{b:02X}")).collect() })
        .collect()
}

/// The addresses of the pods that fit.
///
/// # Errors
/// What the agent's log says then.
pub(super) fn servers(sys: &mut Sys<'_>, word: &str) -> Result<Vec<String>, String> {
    let arguments = arguments(word);
    let get = |name: &str| arguments.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    if get("provider") != Some("k8s") {
        let provider = get("provider").unwrap_or_default();
        return Err(format!("discover: unknown provider {provider}"));
    }
    let namespace = get("namespace").filter(|n| !n.is_empty()).unwrap_or("default").to_string();
    let mut query = Vec::new();
    for (option, parameter) in [("label_selector", "labelSelector"), ("field_selector", "fieldSelector")] {
        if let Some(value) = get(option) {
            query.push(format!("{parameter}={}", escaped(value)));
        }
    }
    let path = format!("/api/v1/namespaces/{namespace}/pods?{}", query.join("&"));
    let answer = ask(sys, &Question::get("consul/v0.0.0", &path)).map_err(|fault| match fault {
        Fault::Refused { url, place, why } => {
            format!("discover-k8s: error listing pods: Get \\\"{url}\\\": dial tcp {place}: {why}")
        }
        other => format!("discover-k8s: error: {}", other.text()),
    })?;
    if answer.status != 200 {
        let message = answer.message().replace('"', "\\\"");
        return Err(format!("discover-k8s: error listing pods: {message}"));
    }
    let tree = answer.tree;
    let ready = |pod: &&serde_json::Value| {
        let conditions = pod["status"]["conditions"].as_array();
        let unready = conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] != "True");
        pod["status"]["phase"] == "Running" && !unready
    };
    let pods = tree["items"].as_array().into_iter().flatten().filter(ready);
    let address = |pod: &serde_json::Value| {
        let field = if get("host_network") == Some("true") { "hostIP" } else { "podIP" };
        pod["status"][field].as_str().filter(|ip| !ip.is_empty()).map(String::from)
    };
    Ok(pods.filter_map(address).collect())
}

#[cfg(test)]
mod tests {
    use super::arguments;

    #[test]
    fn words_are_taken_apart() {
        let all = arguments("provider=k8s label_selector=\"app=consul,x=y\" namespace=\"a\"");
        let text: Vec<String> = all.iter().map(|(n, v)| format!("{n}:{v}")).collect();
        assert_eq!(text, ["provider:k8s", "label_selector:app=consul,x=y", "namespace:a"]);
    }
}
