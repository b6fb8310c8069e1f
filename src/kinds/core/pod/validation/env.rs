//! What is wrong with a container's environment. Mirrors `ValidateEnv` and `ValidateEnvFrom`.

use crate::api::k8s::api::core::v1::{
    EnvFromSource, EnvVar, FileKeySelector, ObjectFieldSelector, ResourceFieldSelector,
};
use crate::api::{Quantity, names};
use crate::kinds::core::pod::containers::split_maybe_subscripted_path;
use crate::kinds::core::pod::validation::paths::no_backsteps;
use crate::kinds::shared::access::text;
use crate::kinds::shared::faults::{Faults, at};

const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// Fields of a pod that the downward API knows, though not in every place.
const KNOWN_FIELDS: [&str; 14] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// Faults of environment variables.
pub(super) fn validate_env(vars: &[EnvVar], path: &str, faults: &mut Faults) {
    for (i, var) in vars.iter().enumerate() {
        let path = format!("{path}[{i}]");
        if faults.require(&path, "name", &var.name) {
            faults.all_invalid(&path, "name", &var.name, names::relaxed_env_var_name(&var.name));
        }
        validate_value_from(var, &at(&path, "valueFrom"), faults);
    }
}

fn validate_value_from(var: &EnvVar, path: &str, faults: &mut Faults) {
    let Some(from) = &var.value_from else { return };
    let mut count = 0;
    if let Some(field) = &from.field_ref {
        count += 1;
        validate_object_field_selector(field, &FIELDS, &at(path, "fieldRef"), faults);
    }
    if let Some(field) = &from.resource_field_ref {
        count += 1;
        validate_resource_field_selector(field, false, &at(path, "resourceFieldRef"), faults);
    }
    let keys = [
        ("configMapKeyRef", from.config_map_key_ref.as_ref().map(|k| (&k.name, &k.key))),
        ("secretKeyRef", from.secret_key_ref.as_ref().map(|k| (&k.name, &k.key))),
    ];
    for (kind, (name, key)) in keys.into_iter().filter_map(|(kind, k)| Some((kind, k?))) {
        count += 1;
        let path = at(path, kind);
        faults.all_invalid(&path, "name", name, names::dns1123_subdomain(name));
        if faults.require(&path, "key", key) {
            faults.all_invalid(&path, "key", key, names::config_map_key(key));
        }
    }
    if let Some(file) = &from.file_key_ref {
        count += 1;
        validate_file_key(file, &at(path, "fileKeyRef"), faults);
    }
    if count == 0 {
        let detail = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or \
            `fileKeyRef`";
        faults.invalid(path, "", "", detail);
    } else if !text(&var.value).is_empty() {
        faults.invalid(path, "", "", "may not be specified when `value` is not empty");
    } else if count > 1 {
        faults.invalid(path, "", "", "may not have more than one field specified at a time");
    }
}

fn validate_file_key(file: &FileKeySelector, path: &str, faults: &mut Faults) {
    if faults.require(path, "key", &file.key) {
        faults.all_invalid(path, "key", &file.key, names::relaxed_env_var_name(&file.key));
    }
    if faults.require(path, "volumeName", &file.volume_name) {
        faults.all_invalid(path, "volumeName", &file.volume_name, names::dns1123_label(&file.volume_name));
    }
    if faults.require(path, "path", &file.path) {
        no_backsteps(&file.path, &at(path, "path"), faults);
    }
}

/// A field of the pod, one of `fields`.
pub(super) fn validate_object_field_selector(
    selector: &ObjectFieldSelector,
    fields: &[&str],
    path: &str,
    faults: &mut Faults,
) {
    if !faults.require(path, "apiVersion", text(&selector.api_version))
        || !faults.require(path, "fieldPath", &selector.field_path)
    {
        return;
    }
    let field = selector.field_path.as_str();
    let subscript = split_maybe_subscripted_path(field);
    let why = match subscript {
        _ if text(&selector.api_version) != "v1" => {
            Some(format!("unsupported pod version: {}", text(&selector.api_version)))
        }
        Some((of, _)) if !matches!(of, "metadata.annotations" | "metadata.labels") => {
            Some(format!("field label does not support subscript: {field}"))
        }
        None if !KNOWN_FIELDS.contains(&field) && field != "spec.host" => {
            Some(format!("field label not supported: {field}"))
        }
        _ => None,
    };
    if let Some(why) = why {
        faults.invalid(path, "fieldPath", field, &format!("error converting fieldPath: {why}"));
        return;
    }
    match subscript {
        Some(("metadata.annotations", key)) => {
            let key = key.to_lowercase();
            faults.all_invalid(path, "", &key, names::qualified_name(&key));
        }
        Some((_, key)) => faults.all_invalid(path, "", key, names::qualified_name(key)),
        None => {
            let field = if field == "spec.host" { "spec.nodeName" } else { field };
            faults.one_of(path, "fieldPath", field, fields);
        }
    }
}

/// A container's resource; a volume has to name the container.
pub(super) fn validate_resource_field_selector(
    selector: &ResourceFieldSelector,
    volume: bool,
    path: &str,
    faults: &mut Faults,
) {
    let resource = selector.resource.as_str();
    let pages = ["limits.hugepages-", "requests.hugepages-"].iter().any(|p| resource.starts_with(p));
    if volume && text(&selector.container_name).is_empty() {
        faults.required(path, "containerName");
    } else if resource.is_empty() {
        faults.required(path, "resource");
    } else if !pages {
        faults.one_of(path, "resource", resource, &RESOURCES);
    }
    let Some(divisor) = selector.divisor.as_ref().and_then(|q| Quantity::parse(&q.0).ok()).filter(|q| !q.is_zero())
    else {
        return;
    };
    let divisor = divisor.to_string();
    let sizes = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
    let what = match resource.split_once('.').map(|(_, name)| name) {
        Some("cpu") => {
            if !matches!(divisor.as_str(), "1m" | "1") {
                let detail = "only divisor's values 1m and 1 are supported with the cpu resource";
                faults.invalid(path, "divisor", resource, detail);
            }
            return;
        }
        Some("memory") => "memory",
        Some("ephemeral-storage") => "local ephemeral storage",
        _ if pages => "hugepages",
        _ => return,
    };
    if !sizes.contains(&divisor.as_str()) {
        let detail = format!("only divisor's values {} are supported with the {what} resource", sizes.join(", "));
        faults.invalid(path, "divisor", resource, &detail);
    }
}

/// Faults of environments that are taken over as a whole.
pub(super) fn validate_env_from(sources: &[EnvFromSource], path: &str, faults: &mut Faults) {
    for (i, source) in sources.iter().enumerate() {
        let here = format!("{path}[{i}]");
        if !text(&source.prefix).is_empty() {
            let prefix = text(&source.prefix);
            faults.all_invalid(&here, "prefix", prefix, names::relaxed_env_var_name(prefix));
        }
        let mut count = 0;
        let named = [
            ("configMapRef", source.config_map_ref.as_ref().map(|r| &r.name)),
            ("secretRef", source.secret_ref.as_ref().map(|r| &r.name)),
        ];
        for (kind, name) in named.into_iter().filter_map(|(kind, name)| Some((kind, name?))) {
            count += 1;
            let here = at(&here, kind);
            if faults.require(&here, "name", name) {
                let masked = names::mask_trailing_dash(name);
                faults.all_invalid(&here, "name", name, names::dns1123_subdomain(&masked));
            }
        }
        match count {
            0 => faults.invalid(path, "", "", "must specify one of: `configMapRef` or `secretRef`"),
            1 => {}
            _ => faults.invalid(path, "", "", "may not have more than one field specified at a time"),
        }
    }
}
