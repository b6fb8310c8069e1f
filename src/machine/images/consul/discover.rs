//! `provider=k8s`: the servers that the API server knows of, asked with the rights of the pod's service account.
//!
//! Facts: hashicorp/go-discover, its provider `k8s`, which lists the pods of a namespace by label and takes those that run
//! and are ready.

use crate::machine::kernel::{Input, Sys};
use crate::machine::net::http::{Parsed, response};
use crate::machine::net::tls;

/// Where a pod's service account lies.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

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
    let (Some(host), Some(port)) =
        (sys.env("KUBERNETES_SERVICE_HOST").map(String::from), sys.env("KUBERNETES_SERVICE_PORT").map(String::from))
    else {
        return Err("discover-k8s: error: unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined".into());
    };
    let token = sys
        .read_file(&format!("{ACCOUNT}/token"))
        .map_err(|f| format!("discover-k8s: error: open {ACCOUNT}/token: {}", sys.text(f).to_lowercase()))?;
    let token = String::from_utf8_lossy(&token).trim().to_string();
    let namespace = get("namespace").filter(|n| !n.is_empty()).unwrap_or("default").to_string();
    let mut query = Vec::new();
    for (option, parameter) in [("label_selector", "labelSelector"), ("field_selector", "fieldSelector")] {
        if let Some(value) = get(option) {
            query.push(format!("{parameter}={}", escaped(value)));
        }
    }
    let path = format!("/api/v1/namespaces/{namespace}/pods?{}", query.join("&"));
    let url = format!("https://{host}:{port}{path}");
    let refused =
        |why: &str| format!("discover-k8s: error listing pods: Get \\\"{url}\\\": dial tcp {host}:{port}: {why}");
    let ip = host.parse().map_err(|_| refused("no such host"))?;
    let fd = sys.connect(ip, port.parse().unwrap_or(443)).map_err(|f| refused(&sys.text(f).to_lowercase()))?;
    let mut bytes = tls::hello(&host);
    bytes.extend(
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: consul/v0.0.0\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n").bytes(),
    );
    let sent = sys.write(fd, &bytes);
    let mut answer = Vec::new();
    while let Ok(Input::Bytes(more)) = sys.read(fd, 1 << 20) {
        answer.extend(more);
    }
    let _ = sys.close(fd);
    sent.map_err(|f| refused(&sys.text(f).to_lowercase()))?;
    let rest = tls::certificate(&answer).map(|(_, _, rest)| rest.to_vec()).unwrap_or_default();
    let Parsed::Whole(response, _) = response(&rest, false, true) else {
        return Err(refused("connection reset by peer"));
    };
    let tree: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    if response.status != 200 {
        let message = tree["message"].as_str().unwrap_or("unknown").replace('"', "\\\"");
        return Err(format!("discover-k8s: error listing pods: {message}"));
    }
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
