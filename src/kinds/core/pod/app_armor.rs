//! AppArmor profiles that a pod asks for by annotations, as was done before there were fields.
//!
//! Mirrors `applyAppArmorVersionSkew` of `pkg/registry/core/pod/strategy.go`.

use std::collections::BTreeMap;

use crate::api::k8s::api::core::v1::{AppArmorProfile, Container, Pod, PodSpec};
use crate::kinds::core::pod::visit::visit_containers;
use crate::kinds::shared::access::text;

/// What such an annotation is called, before the container's name.
pub(super) const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

/// What the server says of such an annotation.
pub(super) const DEPRECATED: &str = "deprecated since v1.30; use the \"appArmorProfile\" field instead";

/// How long the name of a profile may be, in bytes.
const LONGEST: usize = 4095;

/// The profile that an annotation stands for.
pub(super) fn profile_of(annotation: &str) -> Option<AppArmorProfile> {
    let (kind, file) = match annotation {
        "unconfined" => ("Unconfined", None),
        "runtime/default" => ("RuntimeDefault", None),
        _ => ("Localhost", Some(annotation.strip_prefix("localhost/").filter(|f| !f.is_empty())?.to_string())),
    };
    Some(AppArmorProfile { type_: kind.into(), localhost_profile: file })
}

/// What an annotation asks for a container that has no field for it; none without such an annotation.
struct Asked {
    key: String,
    /// None where the annotation stands for no valid profile.
    profile: Option<AppArmorProfile>,
}

fn asked(annotations: &BTreeMap<String, String>, c: &Container) -> Option<Asked> {
    let key = format!("{ANNOTATION}{}", c.name);
    let annotation = annotations.get(&key)?;
    if c.security_context.as_ref().is_some_and(|s| s.app_armor_profile.is_some()) {
        return None;
    }
    let is_valid = |profile: &AppArmorProfile| {
        profile.localhost_profile.as_ref().is_none_or(|file| file.trim() == file && file.len() <= LONGEST)
    };
    Some(Asked { key, profile: profile_of(annotation).filter(is_valid) })
}

fn profile_of_pod(spec: &PodSpec) -> Option<AppArmorProfile> {
    spec.security_context.as_ref().and_then(|s| s.app_armor_profile.clone())
}

fn is_for_windows(spec: &PodSpec) -> bool {
    spec.os.as_ref().is_some_and(|os| os.name == "windows")
}

/// Warnings of annotations that say what no field says.
pub(super) fn warnings(pod: &Pod) -> Vec<String> {
    let (Some(spec), Some(annotations)) = (&pod.spec, &pod.metadata.annotations) else { return Vec::new() };
    if is_for_windows(spec) {
        return Vec::new();
    }
    let of_pod = profile_of_pod(spec);
    let asked = visit_containers(spec, "spec").into_iter().filter_map(|(_, c)| asked(annotations, c));
    let new = asked.filter(|asked| asked.profile.is_none() || asked.profile != of_pod);
    new.map(|asked| format!("metadata.annotations[{}]: {DEPRECATED}", asked.key)).collect()
}

/// Writes into the fields what annotations ask for.
pub(super) fn sync(pod: &mut Pod) {
    let (Some(spec), Some(annotations)) = (&mut pod.spec, &pod.metadata.annotations) else { return };
    if is_for_windows(spec) {
        return;
    }
    let of_pod = profile_of_pod(spec);
    for c in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
        let profile = asked(annotations, c).and_then(|asked| asked.profile);
        if profile.is_some() && profile != of_pod {
            c.security_context.get_or_insert_default().app_armor_profile = profile;
        }
    }
}

/// Annotations that say something else than the fields, as paths with what is wrong. Mirrors
/// `validateAppArmorAnnotationsAndFieldsMatchOnCreate`.
pub(super) fn contradictions(
    annotations: &BTreeMap<String, String>,
    spec: &PodSpec,
    path: &str,
) -> Vec<(String, &'static str, &'static str)> {
    if is_for_windows(spec) {
        return Vec::new();
    }
    let of_pod = profile_of_pod(spec);
    let mut all = Vec::new();
    for (path, c) in visit_containers(spec, path) {
        let own = c.security_context.as_ref().and_then(|s| s.app_armor_profile.as_ref());
        let annotation = annotations.get(&format!("{ANNOTATION}{}", c.name));
        let (Some(profile), Some(annotation)) = (own.or(of_pod.as_ref()), annotation) else { continue };
        let same_type = match profile.type_.as_str() {
            "Unconfined" => annotation == "unconfined",
            "RuntimeDefault" => annotation == "runtime/default",
            "Localhost" => match annotation.strip_prefix("localhost/") {
                Some(file) if file != text(&profile.localhost_profile) => {
                    let detail = "apparmor profile in annotation and field must match";
                    all.push((format!("{path}.securityContext.appArmorProfile"), "localhostProfile", detail));
                    continue;
                }
                file => file.is_some(),
            },
            _ => true,
        };
        if !same_type {
            let detail = "apparmor type in annotation and field must match";
            all.push((format!("{path}.securityContext.appArmorProfile"), "type", detail));
        }
    }
    all
}
