//! What is wrong with volumes whose files come from the API: projected ones and the downward API's.

use std::collections::BTreeSet;

use crate::api::k8s::api::core::v1::{
    ClusterTrustBundleProjection, DownwardAPIVolumeFile, DownwardAPIVolumeSource, KeyToPath, PodCertificateProjection,
    ProjectedVolumeSource, ServiceAccountTokenProjection,
};
use crate::api::names;
use crate::api::selector::validate_label_selector;
use crate::kinds::core::pod::validation::env::{validate_object_field_selector, validate_resource_field_selector};
use crate::kinds::core::pod::validation::paths::{local_non_reserved_path, validate_key_to_path, validate_mode};
use crate::kinds::core::pod::validation::vendor::claim_path;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::{Faults, at};

const FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// Mirrors `validateDownwardAPIVolumeSource`. Its files all have the volume's path.
pub(super) fn validate_downward(s: &DownwardAPIVolumeSource, path: &str, faults: &mut Faults) {
    validate_mode(s.default_mode, path, "defaultMode", faults);
    for file in items(&s.items) {
        validate_downward_file(file, path, faults);
    }
}

fn validate_downward_file(file: &DownwardAPIVolumeFile, path: &str, faults: &mut Faults) {
    faults.require(path, "path", &file.path);
    local_non_reserved_path(&file.path, &at(path, "path"), faults);
    match (&file.field_ref, &file.resource_field_ref) {
        (Some(field), other) => {
            validate_object_field_selector(field, &FIELDS, &at(path, "fieldRef"), faults);
            if other.is_some() {
                let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
                faults.invalid(path, "", "resource", detail);
            }
        }
        (None, Some(field)) => {
            validate_resource_field_selector(field, true, &at(path, "resourceFieldRef"), faults);
        }
        (None, None) => faults.required_for(path, "", "one of fieldRef and resourceFieldRef is required"),
    }
    validate_mode(file.mode, path, "mode", faults);
}

/// Mirrors `validateProjectedVolumeSource`.
pub(super) fn validate(projected: &ProjectedVolumeSource, path: &str, faults: &mut Faults) {
    validate_mode(projected.default_mode, path, "defaultMode", faults);
    let mut paths = BTreeSet::new();
    for (i, source) in items(&projected.sources).iter().enumerate() {
        let here = format!("{path}.sources[{i}]");
        let mut count = 0;
        let named = [
            ("secret", source.secret.as_ref().map(|s| (&s.name, items(&s.items)))),
            ("configMap", source.config_map.as_ref().map(|s| (&s.name, items(&s.items)))),
        ];
        for (kind, (name, items)) in named.into_iter().filter_map(|(kind, s)| Some((kind, s?))) {
            count += 1;
            faults.require(&at(&here, kind), "name", name);
            validate_projected_items(items, name, &mut paths, path, &at(&here, kind), faults);
        }
        if let Some(s) = &source.downward_api {
            count += 1;
            for file in items(&s.items) {
                validate_downward_file(file, &at(&here, "downwardAPI"), faults);
                if !file.path.is_empty() {
                    claim_path(&mut paths, &file.path, path, &file.path, faults);
                }
            }
        }
        if let Some(s) = &source.service_account_token {
            count += 1;
            validate_token(s, path, &at(&here, "serviceAccountToken"), faults);
        }
        if let Some(s) = &source.cluster_trust_bundle {
            count += 1;
            validate_trust_bundle(s, &mut paths, path, &at(&here, "clusterTrustBundle"), faults);
        }
        if let Some(s) = &source.pod_certificate {
            count += 1;
            validate_certificate(s, &mut paths, path, &at(&here, "podCertificate"), faults);
        }
        if count > 1 {
            faults.forbidden(&here, "", "may not specify more than 1 volume type per source");
        }
    }
}

fn validate_projected_items(
    items: &[KeyToPath],
    name: &str,
    paths: &mut BTreeSet<String>,
    volume: &str,
    path: &str,
    faults: &mut Faults,
) {
    for (i, item) in items.iter().enumerate() {
        validate_key_to_path(item, &format!("{path}.items[{i}]"), faults);
        if !item.path.is_empty() {
            claim_path(paths, &item.path, volume, name, faults);
        }
    }
}

fn validate_token(s: &ServiceAccountTokenProjection, volume: &str, path: &str, faults: &mut Faults) {
    let seconds = s.expiration_seconds.unwrap_or(0);
    if seconds < 600 {
        faults.invalid(path, "expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
    }
    if seconds > 1 << 32 {
        faults.invalid(path, "expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds");
    }
    if faults.require(volume, "path", &s.path) {
        local_non_reserved_path(&s.path, &at(volume, "path"), faults);
    }
}

fn validate_trust_bundle(
    s: &ClusterTrustBundleProjection,
    paths: &mut BTreeSet<String>,
    volume: &str,
    path: &str,
    faults: &mut Faults,
) {
    match (&s.name, &s.signer_name) {
        (Some(_), Some(_)) => faults.invalid(path, "", s, "only one of name and signerName may be used"),
        (Some(name), None) => {
            if name.is_empty() {
                faults.required_for(path, "name", "must be a valid object name");
            }
            for message in names::dns1123_subdomain(name.rsplit(':').next().unwrap_or_default()) {
                faults.invalid(path, "name", name, &format!("not a valid clustertrustbundlename: {message}"));
            }
            if let Some(selector) = &s.label_selector {
                faults.invalid(path, "labelSelector", selector, "labelSelector must be unset if name is specified");
            }
        }
        (None, Some(signer)) => {
            if signer.is_empty() {
                faults.required_for(path, "signerName", "must be a valid signer name");
            }
            if let Some(selector) = &s.label_selector {
                faults.extend(validate_label_selector(selector, &at(path, "labelSelector")));
            }
        }
        (None, None) => faults.required_for(path, "", "either name or signerName must be specified"),
    }
    faults.require(path, "path", &s.path);
    local_non_reserved_path(&s.path, &at(path, "path"), faults);
    claim_path(paths, &s.path, volume, &s.path, faults);
}

fn validate_certificate(
    s: &PodCertificateProjection,
    paths: &mut BTreeSet<String>,
    volume: &str,
    path: &str,
    faults: &mut Faults,
) {
    let types = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];
    if !types.contains(&s.key_type.as_str()) {
        let fault = crate::error::FieldError::not_supported_in_order(at(path, "keyType"), &s.key_type, &types);
        faults.0.push(fault);
    }
    if let Some(seconds) = s.max_expiration_seconds.filter(|n| *n < 3600) {
        let detail = "if provided, maxExpirationSeconds must be >= 3600";
        faults.invalid(path, "maxExpirationSeconds", seconds, detail);
    }
    let files = [
        ("credentialBundlePath", text(&s.credential_bundle_path)),
        ("keyPath", text(&s.key_path)),
        ("certificateChainPath", text(&s.certificate_chain_path)),
    ];
    for (name, file) in files.iter().filter(|(_, file)| !file.is_empty()) {
        local_non_reserved_path(file, &at(path, name), faults);
        claim_path(paths, file, volume, file, faults);
    }
    if files.iter().all(|(_, file)| file.is_empty()) {
        let detail = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath";
        faults.required_for(path, "", detail);
    }
}
