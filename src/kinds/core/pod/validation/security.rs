//! What is wrong with security contexts. Mirrors `ValidateSecurityContext` and `validatePodSpecSecurityContext`.

use std::collections::BTreeSet;

use crate::api::k8s::api::core::v1::{
    AppArmorProfile, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext, Sysctl,
    WindowsSecurityContextOptions,
};
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::core::pod::app_armor;
use crate::kinds::core::pod::validation::paths::local_descending_path;
use crate::kinds::core::pod::visit::visit_containers;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::{Faults, at};
use crate::kinds::shared::internal::Internal;

const PROFILE_TYPES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];
const SYSCTL_PATTERN: &str = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

fn validate_id(id: Option<i64>, path: &str, name: &str, faults: &mut Faults) {
    if let Some(id) = id {
        names::user_id(id).iter().for_each(|e| faults.invalid(path, name, id, e));
    }
}

/// Faults of a container's context.
pub(super) fn validate_security_context(sc: &SecurityContext, host_users: bool, path: &str, faults: &mut Faults) {
    validate_id(sc.run_as_user, path, "runAsUser", faults);
    validate_id(sc.run_as_group, path, "runAsGroup", faults);
    if let Some(mount) = sc.proc_mount.as_deref() {
        let types = ["Default", "Unmasked"];
        if !types.contains(&mount) {
            faults.0.push(FieldError::not_supported_in_order(at(path, "procMount"), mount, &types));
        }
        if host_users && mount == "Unmasked" {
            faults.invalid(path, "procMount", mount, "`hostUsers` must be false to use `Unmasked`");
        }
    }
    validate_seccomp(sc.seccomp_profile.as_ref(), &at(path, "seccompProfile"), faults);
    if sc.allow_privilege_escalation == Some(false) {
        let whole = || Internal::of("SecurityContext", sc);
        if sc.privileged == Some(true) {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            faults.invalid(path, "", whole(), detail);
        }
        let added = sc.capabilities.as_ref().map_or(&[][..], |c| items(&c.add));
        for _ in added.iter().filter(|c| *c == "CAP_SYS_ADMIN") {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            faults.invalid(path, "", whole(), detail);
        }
    }
    validate_windows_options(sc.windows_options.as_ref(), &at(path, "windowsOptions"), faults);
    validate_app_armor(sc.app_armor_profile.as_ref(), &at(path, "appArmorProfile"), faults);
}

fn validate_seccomp(profile: Option<&SeccompProfile>, path: &str, faults: &mut Faults) {
    let Some(profile) = profile else { return };
    match profile.type_.as_str() {
        "" => faults.required_for(path, "type", "type is required when seccompProfile is set"),
        kind => faults.one_of(path, "type", kind, &PROFILE_TYPES),
    }
    match (profile.type_ == "Localhost", &profile.localhost_profile) {
        (true, None) => {
            faults.required_for(path, "localhostProfile", "must be set when seccomp type is Localhost");
        }
        (true, Some(file)) => local_descending_path(file, &at(path, "localhostProfile"), faults),
        (false, Some(_)) => {
            let detail = "can only be set when seccomp type is Localhost";
            faults.invalid(path, "localhostProfile", Internal::of("SeccompProfile", profile), detail);
        }
        (false, None) => {}
    }
}

fn validate_app_armor(profile: Option<&AppArmorProfile>, path: &str, faults: &mut Faults) {
    let Some(profile) = profile else { return };
    let needed = "must be set when AppArmor type is Localhost";
    match (profile.type_.as_str(), profile.localhost_profile.as_deref()) {
        ("", _) => faults.required_for(path, "type", "type is required when appArmorProfile is set"),
        ("Localhost", None) => faults.required_for(path, "localhostProfile", needed),
        ("Localhost", Some(file)) => {
            if file.trim() != file {
                faults.invalid(path, "localhostProfile", file, "must not be padded with whitespace");
            } else if file.is_empty() {
                faults.required_for(path, "localhostProfile", needed);
            }
            if file.len() > 4095 {
                faults.0.push(FieldError::too_long(at(path, "localhostProfile"), 4095));
            }
        }
        ("RuntimeDefault" | "Unconfined", Some(file)) => {
            faults.invalid(path, "localhostProfile", file, "can only be set when AppArmor type is Localhost");
        }
        (kind, _) => faults.one_of(path, "type", kind, &PROFILE_TYPES),
    }
}

fn validate_windows_options(options: Option<&WindowsSecurityContextOptions>, path: &str, faults: &mut Faults) {
    let Some(options) = options else { return };
    if let Some(name) = &options.gmsa_credential_spec_name {
        faults.all_invalid(path, "gmsaCredentialSpecName", name, names::dns1123_subdomain(name));
    }
    if let Some(spec) = &options.gmsa_credential_spec {
        if spec.is_empty() {
            faults.invalid(path, "gmsaCredentialSpec", spec, "gmsaCredentialSpec cannot be an empty string");
        } else if spec.len() > 64 * 1024 {
            faults.invalid(path, "gmsaCredentialSpec", spec, "gmsaCredentialSpec size must be under 64 KiB");
        }
    }
    if let Some(name) = &options.run_as_user_name {
        for detail in user_name_faults(name) {
            faults.invalid(path, "runAsUserName", name, detail);
        }
    }
}

/// A user of Windows, `DOMAIN\USER` or `USER`.
fn user_name_faults(name: &str) -> Vec<&'static str> {
    if name.is_empty() {
        return vec!["runAsUserName cannot be an empty string"];
    }
    if name.chars().any(|c| c.is_ascii_control()) {
        return vec!["runAsUserName cannot contain control characters"];
    }
    let (domain, user) = match name.split('\\').collect::<Vec<_>>()[..] {
        [user] => (None, user),
        [domain, user] => (Some(domain), user),
        _ => return vec!["runAsUserName cannot contain more than one backslash"],
    };
    let mut all = Vec::new();
    if let Some(domain) = domain {
        if domain.len() >= 256 {
            all.push("runAsUserName's Domain length must be under 256 characters");
        }
        let net_bios = (1..=15).contains(&domain.chars().count())
            && !domain.starts_with('.')
            && !domain.contains(|c: char| "\\/:*?\"<>|".contains(c));
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !net_bios && !domain.split('.').all(label) {
            all.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
        }
    }
    if user.is_empty() {
        all.push("runAsUserName's User cannot be empty");
    } else if user.len() > 104 {
        all.push("runAsUserName's User length must not be longer than 104 characters");
    }
    if !user.is_empty() && user.chars().all(|c| c == '.' || c == ' ') {
        all.push("runAsUserName's User cannot contain only periods or spaces");
    }
    if user.contains(|c: char| "\"/\\:;|=,+*?<>@[]".contains(c)) {
        all.push("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
    }
    all
}

/// Faults of a pod's context.
pub(super) fn validate_pod_security_context(spec: &PodSpec, path: &str, faults: &mut Faults) {
    let Some(context) = &spec.security_context else { return };
    validate_id(context.fs_group, path, "fsGroup", faults);
    validate_id(context.run_as_user, path, "runAsUser", faults);
    validate_id(context.run_as_group, path, "runAsGroup", faults);
    for (i, group) in items(&context.supplemental_groups).iter().enumerate() {
        validate_id(Some(*group), path, &format!("supplementalGroups[{i}]"), faults);
    }
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        faults.invalid(path, "shareProcessNamespace", true, detail);
    }
    validate_sysctls(items(&context.sysctls), spec, &at(path, "sysctls"), faults);
    if let Some(policy) = &context.fs_group_change_policy {
        faults.one_of(path, "fsGroupChangePolicy", policy, &["Always", "OnRootMismatch"]);
    }
    validate_seccomp(context.seccomp_profile.as_ref(), &at(path, "seccompProfile"), faults);
    validate_windows_options(context.windows_options.as_ref(), &at(path, "windowsOptions"), faults);
    validate_app_armor(context.app_armor_profile.as_ref(), &at(path, "appArmorProfile"), faults);
    if let Some(policy) = &context.supplemental_groups_policy {
        faults.one_of(path, "supplementalGroupsPolicy", policy, &["Merge", "Strict"]);
    }
    if let Some(policy) = &context.se_linux_change_policy {
        faults.one_of(path, "seLinuxChangePolicy", policy, &["MountOption", "Recursive"]);
    }
}

fn is_sysctl(name: &str) -> bool {
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let segment = |s: &str| {
        s.bytes().next().is_some_and(edge)
            && s.bytes().last().is_some_and(edge)
            && s.bytes().all(|b| edge(b) || b == b'-' || b == b'_')
    };
    name.len() <= 253 && name.split(['.', '/']).all(segment)
}

fn validate_sysctls(sysctls: &[Sysctl], spec: &PodSpec, path: &str, faults: &mut Faults) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (i, sysctl) in sysctls.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let name = sysctl.name.as_str();
        if name.is_empty() {
            faults.required(&path, "name");
        } else if !is_sysctl(name) {
            let detail = format!("must have at most 253 characters and match regex {SYSCTL_PATTERN}");
            faults.invalid(&path, "name", name, &detail);
        } else if seen.contains(name) {
            faults.duplicate(&path, "name", name);
        }
        let dotted = name.replace('/', ".");
        let ipc =
            ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|p| dotted.starts_with(p)) || dotted == "kernel.sem";
        if spec.host_network == Some(true) && dotted.starts_with("net.") {
            faults.invalid(&path, "name", name, "may not be specified when 'hostNetwork' is true");
        } else if spec.host_ipc == Some(true) && ipc {
            faults.invalid(&path, "name", name, "may not be specified when 'hostIPC' is true");
        }
        seen.insert(name);
    }
}

/// Containers that are processes of a Windows host. Mirrors `validateWindowsHostProcessPod`.
pub(super) fn validate_host_process(spec: &PodSpec, path: &str, faults: &mut Faults) {
    let of_pod = spec.security_context.as_ref().and_then(|c| c.windows_options.as_ref()?.host_process);
    let (mut count, mut host) = (0, 0);
    for (path, c) in visit_containers(spec, path) {
        count += 1;
        let own = c.security_context.as_ref().and_then(|s| s.windows_options.as_ref()?.host_process);
        if let (Some(pod), Some(own)) = (of_pod, own)
            && pod != own
        {
            let detail = format!("pod hostProcess value must be identical if both are specified, was {pod}");
            faults.invalid(&path, "securityContext.windowsOptions.hostProcess", own, &detail);
        }
        host += usize::from(own.or(of_pod) == Some(true));
    }
    if host == 0 {
        return;
    }
    if host != count {
        let detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        faults.invalid(path, "", "", detail);
    }
    if spec.host_network != Some(true) {
        let detail = "hostNetwork must be true if pod contains any hostProcess containers";
        faults.invalid(path, "hostNetwork", false, detail);
    }
}

/// A pod with users of its own can't share the host's namespaces. Mirrors `validateHostUsers`.
pub(super) fn validate_host_users(spec: &PodSpec, path: &str, faults: &mut Faults) {
    if spec.host_users != Some(false) {
        return;
    }
    let detail = "when `hostUsers` is false";
    for (name, shared) in [("hostNetwork", spec.host_network), ("HostPID", spec.host_pid), ("HostIPC", spec.host_ipc)] {
        if shared == Some(true) {
            faults.forbidden(path, name, detail);
        }
    }
    for (path, c) in visit_containers(spec, path) {
        if !items(&c.volume_devices).is_empty() {
            faults.forbidden(&path, "volumeDevices", detail);
        }
    }
}

/// What only fits the other operating system. Mirrors `validateOS`, `validateLinux` and `validateWindows`.
pub(super) fn validate_os(spec: &PodSpec, path: &str, faults: &mut Faults) {
    let Some(os) = &spec.os else { return };
    match os.name.as_str() {
        "" => faults.required(path, "os.name"),
        "linux" => {
            let detail = "windows options cannot be set for a linux pod";
            if spec.security_context.as_ref().is_some_and(|c| c.windows_options.is_some()) {
                faults.forbidden(path, "securityContext.windowsOptions", detail);
            }
            for (path, c) in visit_containers(spec, path) {
                if c.security_context.as_ref().is_some_and(|s| s.windows_options.is_some()) {
                    faults.forbidden(&path, "securityContext.windowsOptions", detail);
                }
            }
        }
        "windows" => validate_windows(spec, path, faults),
        other => faults.one_of(path, "os", other, &["linux", "windows"]),
    }
}

fn validate_windows(spec: &PodSpec, path: &str, faults: &mut Faults) {
    let none = PodSecurityContext::default();
    let c = spec.security_context.as_ref().unwrap_or(&none);
    let of_pod = [
        ("securityContext.appArmorProfile", c.app_armor_profile.is_some()),
        ("securityContext.seLinuxOptions", c.se_linux_options.is_some()),
        ("hostUsers", spec.host_users.is_some()),
        ("hostPID", spec.host_pid == Some(true)),
        ("hostIPC", spec.host_ipc == Some(true)),
        ("securityContext.seccompProfile", c.seccomp_profile.is_some()),
        ("securityContext.fsGroup", c.fs_group.is_some()),
        ("securityContext.fsGroupChangePolicy", c.fs_group_change_policy.is_some()),
        ("securityContext.sysctls", !items(&c.sysctls).is_empty()),
        ("shareProcessNamespace", spec.share_process_namespace.is_some()),
        ("securityContext.runAsUser", c.run_as_user.is_some()),
        ("securityContext.runAsGroup", c.run_as_group.is_some()),
        ("securityContext.supplementalGroups", c.supplemental_groups.is_some()),
        ("securityContext.supplementalGroupsPolicy", c.supplemental_groups_policy.is_some()),
        ("securityContext.seLinuxChangePolicy", c.se_linux_change_policy.is_some()),
    ];
    for (name, _) in of_pod.into_iter().filter(|(_, set)| *set) {
        faults.forbidden(path, name, "cannot be set for a windows pod");
    }
    for (path, c) in visit_containers(spec, path) {
        let Some(s) = &c.security_context else { continue };
        let of_container = [
            ("appArmorProfile", s.app_armor_profile.is_some()),
            ("seLinuxOptions", s.se_linux_options.is_some()),
            ("seccompProfile", s.seccomp_profile.is_some()),
            ("capabilities", s.capabilities.is_some()),
            ("readOnlyRootFilesystem", s.read_only_root_filesystem.is_some()),
            ("privileged", s.privileged.is_some()),
            ("allowPrivilegeEscalation", s.allow_privilege_escalation.is_some()),
            ("procMount", s.proc_mount.is_some()),
            ("runAsUser", s.run_as_user.is_some()),
            ("runAsGroup", s.run_as_group.is_some()),
        ];
        for (name, _) in of_container.into_iter().filter(|(_, set)| *set) {
            faults.forbidden(&at(&path, "securityContext"), name, "cannot be set for a windows pod");
        }
    }
}

/// An AppArmor annotation that says something else than the field.
pub(super) fn validate_app_armor_annotations(
    annotations: &std::collections::BTreeMap<String, String>,
    spec: &PodSpec,
    path: &str,
    faults: &mut Faults,
) {
    for (path, field, detail) in app_armor::contradictions(annotations, spec, path) {
        faults.forbidden(&path, field, detail);
    }
}

/// An annotation of old that says something else than the field. Mirrors `validateSeccompAnnotationsAndFields`.
pub(super) fn validate_seccomp_annotations(
    annotations: &std::collections::BTreeMap<String, String>,
    spec: &PodSpec,
    path: &str,
    faults: &mut Faults,
) {
    let mut check = |key: &str, profile: Option<&SeccompProfile>, path: String| {
        let (Some(annotation), Some(profile)) = (annotations.get(key), profile) else { return };
        let same = match profile.type_.as_str() {
            "Unconfined" => annotation == "unconfined",
            "RuntimeDefault" => matches!(annotation.as_str(), "runtime/default" | "docker/default"),
            "Localhost" => match annotation.strip_prefix("localhost/") {
                None => false,
                Some(file) if file == text(&profile.localhost_profile) => true,
                Some(_) => {
                    let detail = "seccomp profile in annotation and field must match";
                    faults.forbidden(&path, "localhostProfile", detail);
                    return;
                }
            },
            _ => true,
        };
        if !same {
            faults.forbidden(&path, "type", "seccomp type in annotation and field must match");
        }
    };
    let of_pod = spec.security_context.as_ref().and_then(|c| c.seccomp_profile.as_ref());
    check("seccomp.security.alpha.kubernetes.io/pod", of_pod, format!("{path}.securityContext.seccompProfile"));
    for (path, c) in visit_containers(spec, path) {
        let own = c.security_context.as_ref().and_then(|s| s.seccomp_profile.as_ref());
        let key = format!("container.seccomp.security.alpha.kubernetes.io/{}", c.name);
        check(&key, own, format!("{path}.securityContext.seccompProfile"));
    }
}
