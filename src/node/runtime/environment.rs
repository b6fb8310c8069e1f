//! The environment of a container: what its image sets, what services announce, and what the pod says.
//!
//! Mirrors `makeEnvironmentVariables`, `podFieldSelectorRuntimeValue` and `pkg/kubelet/envvars`.

use std::collections::BTreeMap;

use crate::api::k8s::api::core::v1::{
    ConfigMap, Container, EnvVarSource, Node, ObjectFieldSelector, Pod, ResourceFieldSelector, Secret, Service,
};
use crate::api::{Kind, Quantity};
use crate::machine::kernel::environment::Variables;
use crate::node::restarts::container_of;
use crate::store::View;

/// The environment that the pod gives to a container, over that of its image, in the order in which the container runtime
/// puts it together. What comes from the pod, and what announces services, goes through maps of the kubelet's.
pub(in crate::node) fn make_environment_variables(
    view: &View<'_>,
    node: &Node,
    pod: &Pod,
    container: &Container,
    of_image: Vec<(String, String)>,
) -> Variables {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let path = of_image.iter().find(|(name, _)| name == "PATH").cloned();
    let mut env: Variables = path.into_iter().collect();
    if container.tty == Some(true) {
        env.insert("TERM".into(), "xterm".into());
    }
    env.insert("HOSTNAME".into(), host_name(pod));
    env.extend(of_image);
    let services = service_env(view, pod, namespace);
    let mut own: BTreeMap<String, String> = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        let map = source.config_map_ref.as_ref().and_then(|r| view.get_as::<ConfigMap>(namespace, &r.name));
        for (key, value) in map.iter().flat_map(|m| m.data.iter().flatten()) {
            own.insert(format!("{prefix}{key}"), value.clone());
        }
        let secret = source.secret_ref.as_ref().and_then(|r| view.get_as::<Secret>(namespace, &r.name));
        for (key, value) in secret.iter().flat_map(|s| s.data.iter().flatten()) {
            own.insert(format!("{prefix}{key}"), String::from_utf8_lossy(&value.0).into_owned());
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            Some(source) => of_source(view, node, pod, container, namespace, source),
            None => {
                let find = |name: &str| own.get(name).or_else(|| services.get(name)).cloned();
                Some(expand(variable.value.as_deref().unwrap_or_default(), &find))
            }
        };
        if let Some(value) = value {
            own.insert(variable.name.clone(), value);
        }
    }
    env.extend(own.clone());
    env.extend(services.into_iter().filter(|(name, _)| !own.contains_key(name)));
    env
}

fn of_source(
    view: &View<'_>,
    node: &Node,
    pod: &Pod,
    container: &Container,
    namespace: &str,
    source: &EnvVarSource,
) -> Option<String> {
    if let Some(field) = &source.field_ref {
        return field_value(node, pod, field);
    }
    if let Some(resource) = &source.resource_field_ref {
        return resource_value(node, pod, container, resource);
    }
    if let Some(key) = &source.config_map_key_ref {
        return view.get_as::<ConfigMap>(namespace, &key.name)?.data.as_ref()?.get(&key.key).cloned();
    }
    let key = source.secret_key_ref.as_ref()?;
    let value = view.get_as::<Secret>(namespace, &key.name)?.data.as_ref()?.get(&key.key)?;
    Some(String::from_utf8_lossy(&value.0).into_owned())
}

/// The pod's host name: what it asks for, or its name, cut to what a host name may have.
pub(in crate::node) fn host_name(pod: &Pod) -> String {
    let spec = pod.spec.as_ref();
    if spec.and_then(|s| s.host_network) == Some(true) {
        return spec.and_then(|s| s.node_name.clone()).unwrap_or_default();
    }
    let asked = spec.and_then(|s| s.hostname.clone()).filter(|h| !h.is_empty());
    let name = asked.or_else(|| pod.metadata.name.clone()).unwrap_or_default();
    let cut: String = name.chars().take(63).collect();
    cut.trim_end_matches(['-', '.']).to_string()
}

/// A field of a pod as the downward API gives it. Mirrors `ExtractFieldPathAsString` and
/// `podFieldSelectorRuntimeValue`.
pub(in crate::node) fn field_value(node: &Node, pod: &Pod, field: &ObjectFieldSelector) -> Option<String> {
    let (meta, spec, status) = (&pod.metadata, pod.spec.as_ref(), pod.status.as_ref());
    let lines = |map: &Option<BTreeMap<String, String>>| {
        let lines: Vec<String> = map.iter().flatten().map(|(k, v)| format!("{k}={v:?}")).collect();
        lines.join("\n")
    };
    let subscript = |prefix: &str| field.field_path.strip_prefix(prefix)?.strip_suffix("']").map(String::from);
    if let Some(key) = subscript("metadata.labels['") {
        return Some(meta.labels.as_ref().and_then(|l| l.get(&key)).cloned().unwrap_or_default());
    }
    if let Some(key) = subscript("metadata.annotations['") {
        return Some(meta.annotations.as_ref().and_then(|l| l.get(&key)).cloned().unwrap_or_default());
    }
    let host_ip = || crate::node::pod_status::host_ip(node).unwrap_or_default();
    let pod_ip = || status.and_then(|s| s.pod_ip.clone()).unwrap_or_default();
    Some(match field.field_path.as_str() {
        "metadata.name" => meta.name.clone().unwrap_or_default(),
        "metadata.namespace" => meta.namespace.clone().unwrap_or_default(),
        "metadata.uid" => meta.uid.clone().unwrap_or_default(),
        "metadata.labels" => lines(&meta.labels),
        "metadata.annotations" => lines(&meta.annotations),
        "spec.nodeName" => spec.and_then(|s| s.node_name.clone()).unwrap_or_default(),
        "spec.serviceAccountName" => spec.and_then(|s| s.service_account_name.clone()).unwrap_or_default(),
        "status.hostIP" | "status.hostIPs" => host_ip(),
        "status.podIP" | "status.podIPs" => pod_ip(),
        _ => return None,
    })
}

/// A container's request or limit as the downward API gives it, the node's share where it has no limit. Mirrors
/// `ExtractContainerResourceValue`.
pub(in crate::node) fn resource_value(
    node: &Node,
    pod: &Pod,
    container: &Container,
    field: &ResourceFieldSelector,
) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    let named = field.container_name.as_deref().filter(|n| !n.is_empty());
    let of = match named {
        Some(name) => container_of(spec, name)?,
        None => container,
    };
    let (which, resource) = field.resource.split_once('.')?;
    let resources = of.resources.as_ref();
    let list = match which {
        "limits" => resources.and_then(|r| r.limits.as_ref()),
        _ => resources.and_then(|r| r.requests.as_ref()),
    };
    let allocatable = || node.status.as_ref()?.allocatable.as_ref()?.get(resource);
    let asked = list.and_then(|l| l.get(resource)).or_else(|| if which == "limits" { allocatable() } else { None });
    let amount = asked.and_then(|q| Quantity::parse(&q.0).ok());
    let divisor = field.divisor.as_ref().and_then(|d| Quantity::parse(&d.0).ok()).filter(|d| !d.is_zero());
    let Some(amount) = amount else { return Some("0".into()) };
    let milli = resource == "cpu";
    let (value, by) = match milli {
        true => (amount.milli_value(), divisor.map_or(1000, |d| d.milli_value())),
        false => (amount.value(), divisor.map_or(1, |d| d.value())),
    };
    Some(((value as f64 / by.max(1) as f64).ceil() as i64).to_string())
}

/// The variables that announce services: those of the pod's namespace, and the API server. Mirrors
/// `getServiceEnvVarMap`.
fn service_env(view: &View<'_>, pod: &Pod, namespace: &str) -> BTreeMap<String, String> {
    let wants_all = pod.spec.as_ref().and_then(|s| s.enable_service_links) != Some(false);
    let mut env = BTreeMap::new();
    let api = view.get_as::<Service>("default", "kubernetes").filter(|_| namespace != "default" || !wants_all);
    let own = view.list_in(Kind::Service, namespace).filter_map(|o| o.get::<Service>()).filter(|_| wants_all);
    for service in api.into_iter().chain(own) {
        let spec = service.spec.as_ref();
        let Some(ip) = spec.and_then(|s| s.cluster_ip.as_deref()).filter(|ip| !ip.is_empty() && *ip != "None") else {
            continue;
        };
        let name = service.metadata.name.as_deref().unwrap_or_default().to_uppercase().replace('-', "_");
        let ports = spec.and_then(|s| s.ports.as_deref()).unwrap_or_default();
        let Some(first) = ports.first() else { continue };
        env.insert(format!("{name}_SERVICE_HOST"), ip.to_string());
        env.insert(format!("{name}_SERVICE_PORT"), first.port.to_string());
        for port in ports {
            if let Some(port_name) = port.name.as_deref().filter(|n| !n.is_empty()) {
                let port_name = port_name.to_uppercase().replace('-', "_");
                env.insert(format!("{name}_SERVICE_PORT_{port_name}"), port.port.to_string());
            }
        }
        for (n, port) in ports.iter().enumerate() {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let url = format!("{}://{ip}:{}", protocol.to_lowercase(), port.port);
            if n == 0 {
                env.insert(format!("{name}_PORT"), url.clone());
            }
            let prefix = format!("{name}_PORT_{}_{protocol}", port.port);
            env.insert(prefix.clone(), url);
            env.insert(format!("{prefix}_PROTO"), protocol.to_lowercase());
            env.insert(format!("{prefix}_PORT"), port.port.to_string());
            env.insert(format!("{prefix}_ADDR"), ip.to_string());
        }
    }
    env
}

/// Puts values for `$(NAME)`; `$$(NAME)` is left as `$(NAME)`, and so is a name that nothing is known of. Mirrors
/// `third_party/forked/golang/expansion`.
pub(in crate::node) fn expand(text: &str, find: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        match after.chars().next() {
            Some('$') => {
                out.push('$');
                rest = &after[1..];
            }
            Some('(') => match after.find(')') {
                Some(end) => {
                    let name = &after[1..end];
                    match find(name) {
                        Some(value) => out.push_str(&value),
                        None => out.push_str(&format!("$({name})")),
                    }
                    rest = &after[end + 1..];
                }
                None => {
                    out.push_str("$(");
                    rest = &after[1..];
                }
            },
            _ => {
                out.push('$');
                rest = after;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn references_are_expanded_as_by_the_kubelet() {
        let find = |name: &str| (name == "A").then(|| "x".to_string());
        assert_eq!(expand("$(A)-$(B)-$$(A)-$A-$(A", &find), "x-$(B)-$(A)-$A-$(A");
    }
}
