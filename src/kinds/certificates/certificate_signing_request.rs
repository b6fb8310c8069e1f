//! CertificateSigningRequest: what somebody wants to be certified, and what was decided of it.
//!
//! Mirrors `pkg/registry/certificates/certificates/strategy.go` and `pkg/apis/certificates/validation`. Who asks is
//! written by `admission/certificates`.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::api::k8s::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestStatus,
};
use crate::api::time::{human_duration, rfc1123z};
use crate::api::x509::{CertificateRequest, pem};
use crate::api::{Duration, Time, names};
use crate::error::FieldError;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{Labels, describe_events_of};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::print;
use crate::kinds::{Column, Description, NameRule, PrintContext, Strategy};

/// The condition of a request that shall be signed.
pub const APPROVED: &str = "Approved";
/// The condition of a request that shall not.
pub const DENIED: &str = "Denied";
/// The condition of a request that the signer could not sign.
pub const FAILED: &str = "Failed";

/// The signer whom requests of the API's first version named by naming none.
const LEGACY_UNKNOWN: &str = "kubernetes.io/legacy-unknown";

/// How long a certificate lasts at least.
const LEAST_EXPIRATION_SECONDS: i32 = 600;

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("AGE"),
    Column::new("SIGNERNAME").since(19),
    Column::new("REQUESTOR"),
    Column::new("REQUESTEDDURATION").since(22),
    Column::new("CONDITION"),
];

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

impl Strategy for CertificateSigningRequest {
    const NAME: NameRule = NameRule::PathSegment;
    const STATUS: bool = true;

    fn reset_status(&mut self) {
        self.status = Some(CertificateSigningRequestStatus::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status = from.status.clone();
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        validate_spec(self, &mut faults);
        validate_conditions(conditions(self), &mut faults);
        if let Some(fault) = self.status.as_ref().and_then(|s| s.certificate.as_ref()).and_then(|c| odd(&c.0)) {
            faults.invalid("status", "certificate", "<certificate data>", &fault);
        }
        faults.0
    }

    /// A request stays as it was made; only its parts change.
    fn prepare_for_update(&mut self, old: &Self) {
        self.spec = old.spec.clone();
    }

    /// The approval is the conditions alone, and the status leaves it alone.
    fn copy_part(&mut self, part: &str, from: &Self, now: Time) {
        let mut status = from.status.clone().unwrap_or_default();
        if part == "approval" {
            status.certificate = self.status.as_ref().and_then(|s| s.certificate.clone());
        } else {
            preserve(&mut status, conditions(self), APPROVED);
            preserve(&mut status, conditions(self), DENIED);
        }
        populate_timestamps(&mut status, conditions(self), now);
        self.status = Some(status);
    }

    fn validate_part_update(&self, part: &str, old: &Self) -> Vec<FieldError> {
        let mut faults = Faults(self.validate());
        for kind in [APPROVED, DENIED, FAILED] {
            if of_type(self, kind).len() < of_type(old, kind).len() {
                let detail = format!("updates may not remove a condition of type {kind:?}");
                faults.forbidden("status", "conditions", &detail);
            }
        }
        if part != "approval" {
            validate_unapproved(self, old, &mut faults);
        }
        let certificate = |csr: &Self| csr.status.as_ref().and_then(|s| s.certificate.clone()).unwrap_or_default();
        if part == "status" && certificate(self) != certificate(old) && !certificate(old).0.is_empty() {
            faults.forbidden("status", "certificate", "updates may not modify existing certificate content");
        }
        faults.0
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let signer = match self.spec.signer_name.as_str() {
            "" => "<none>",
            signer => signer,
        };
        vec![
            text(&self.metadata.name).into(),
            print::age(&self.metadata, context),
            signer.into(),
            text(&self.spec.username).into(),
            requested_duration(self).unwrap_or_else(|| "<none>".into()),
            extract_status(self),
        ]
    }

    fn selectable_fields() -> &'static [&'static str] {
        &["spec.signerName"]
    }

    /// Mirrors `describeCertificateSigningRequest`.
    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let Ok(request) = CertificateRequest::parse_pem(&self.spec.request.0) else { return };
        let meta = &self.metadata;
        d.field(0, "Name", text(&meta.name));
        d.field(0, "Labels", format_labels(&meta.labels));
        d.field(0, "Annotations", format_labels(&meta.annotations));
        d.field(0, "CreationTimestamp", rfc1123z(meta.creation_timestamp.as_ref()));
        d.field(0, "Requesting User", text(&self.spec.username));
        if !self.spec.signer_name.is_empty() {
            d.field(0, "Signer", &self.spec.signer_name);
        }
        if let Some(duration) = requested_duration(self) {
            d.field(0, "Requested Duration", duration);
        }
        d.field(0, "Status", extract_status(self));
        d.write(0, "Subject:\n");
        let subject = &request.subject;
        d.write(0, format!("\tCommon Name:\t{}\n", subject.common_name));
        d.write(0, format!("\tSerial Number:\t{}\n", subject.serial_number));
        let list = |d: &mut Description, name: &str, values: &[String]| {
            if !values.is_empty() {
                d.write(0, format!("\t{name}:\t{}\n", values.join("\n\t\t")));
            }
        };
        list(d, "Organization", &subject.organization);
        list(d, "Organizational Unit", &subject.organizational_unit);
        list(d, "Country", &subject.country);
        list(d, "Locality", &subject.locality);
        list(d, "Province", &subject.province);
        list(d, "StreetAddress", &subject.street_address);
        list(d, "PostalCode", &subject.postal_code);
        let addresses: Vec<String> = request.ip_addresses.iter().map(ToString::to_string).collect();
        let lists = [
            ("DNS Names", &request.dns_names),
            ("Email Addresses", &request.email_addresses),
            ("URIs", &request.uris),
            ("IP Addresses", &addresses),
        ];
        if lists.iter().any(|(_, names)| !names.is_empty()) {
            d.write(0, "Subject Alternative Names:\n");
            lists.iter().for_each(|(name, values)| list(d, name, values));
        }
        describe_events_of(d, meta, context);
    }
}

/// What was decided of a request, and what became of it.
pub fn conditions(csr: &CertificateSigningRequest) -> &[CertificateSigningRequestCondition] {
    csr.status.as_ref().map_or(&[], |status| items(&status.conditions))
}

fn of_type<'a>(csr: &'a CertificateSigningRequest, kind: &str) -> Vec<&'a CertificateSigningRequestCondition> {
    conditions(csr).iter().filter(|c| c.type_ == kind).collect()
}

/// Whether a request has a condition of that type.
pub fn has_condition(csr: &CertificateSigningRequest, kind: &str) -> bool {
    conditions(csr).iter().any(|c| c.type_ == kind)
}

/// Whether there is a certificate.
pub fn is_issued(csr: &CertificateSigningRequest) -> bool {
    csr.status.as_ref().and_then(|s| s.certificate.as_ref()).is_some_and(|c| !c.0.is_empty())
}

/// Mirrors `extractCSRStatus`.
fn extract_status(csr: &CertificateSigningRequest) -> String {
    let decided = match (has_condition(csr, DENIED), has_condition(csr, APPROVED)) {
        (true, _) => DENIED,
        (false, true) => APPROVED,
        (false, false) => "Pending",
    };
    let failed = if has_condition(csr, FAILED) { ",Failed" } else { "" };
    let issued = if is_issued(csr) { ",Issued" } else { "" };
    format!("{decided}{failed}{issued}")
}

fn requested_duration(csr: &CertificateSigningRequest) -> Option<String> {
    csr.spec.expiration_seconds.map(|seconds| human_duration(Duration::secs(seconds.into())))
}

/// Mirrors `labels.FormatLabels`.
fn format_labels(labels: &Labels) -> String {
    let all: Vec<String> = labels.iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    if all.is_empty() { "<none>".into() } else { all.join(",") }
}

/// Mirrors `validateCertificateSigningRequest`.
fn validate_spec(csr: &CertificateSigningRequest, faults: &mut Faults) {
    let spec = &csr.spec;
    if let Err(fault) = CertificateRequest::parse_pem(&spec.request.0) {
        faults.invalid("spec", "request", STANDARD.encode(&spec.request.0), &fault);
    }
    let usages = items(&spec.usages);
    if usages.is_empty() {
        faults.required("spec", "usages");
    }
    for (i, usage) in usages.iter().enumerate() {
        faults.one_of("spec", &format!("usages[{i}]"), usage, &USAGES);
    }
    let mut seen = BTreeSet::new();
    for (i, usage) in usages.iter().enumerate() {
        if !seen.insert(usage) {
            faults.duplicate("spec", &format!("usages[{i}]"), usage);
        }
    }
    match spec.signer_name.as_str() {
        signer @ LEGACY_UNKNOWN => {
            faults.invalid("spec", "signerName", signer, "the legacy signerName is not allowed via this API version");
        }
        signer => validate_signer_name(signer, faults),
    }
    if let Some(seconds) = spec.expiration_seconds.filter(|seconds| *seconds < LEAST_EXPIRATION_SECONDS) {
        let detail = "may not specify a duration less than 600 seconds (10 minutes)";
        faults.invalid("spec", "expirationSeconds", seconds, detail);
    }
}

/// Mirrors `ValidateSignerName` of `pkg/apis/core/validation`.
fn validate_signer_name(signer: &str, faults: &mut Faults) {
    const SUBDOMAIN_MAX: usize = 253;
    const LABEL_MAX: usize = 63;
    if !faults.require("spec", "signerName", signer) {
        return;
    }
    let segments: Vec<&str> = signer.split('/').collect();
    let [domain, path] = segments.as_slice() else {
        let detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return faults.invalid("spec", "signerName", signer, detail);
    };
    if domain.len() > SUBDOMAIN_MAX {
        faults.0.push(FieldError::too_long("spec.signerName", SUBDOMAIN_MAX));
    }
    let check = |segment: &str, rule: fn(&str) -> Vec<String>, faults: &mut Faults| {
        let wrong = segment.split('.').map(|label| (label, rule(label))).find(|(_, wrong)| !wrong.is_empty());
        if let Some((label, wrong)) = wrong {
            let details = wrong.iter().map(|fault| format!("validating label {label:?}: {fault}")).collect();
            faults.all_invalid("spec", "signerName", segment, details);
        }
    };
    check(domain, names::dns1123_label, faults);
    if !domain.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        faults.invalid("spec", "signerName", domain, detail);
    }
    check(path, names::dns1123_subdomain, faults);
    if path.len() > SUBDOMAIN_MAX + LABEL_MAX + 1 {
        faults.0.push(FieldError::too_long("spec.signerName", SUBDOMAIN_MAX + LABEL_MAX + 1));
    }
}

fn validate_conditions(conditions: &[CertificateSigningRequestCondition], faults: &mut Faults) {
    let (mut approved, mut denied, mut seen) = (false, false, BTreeSet::new());
    for (i, condition) in conditions.iter().enumerate() {
        let path = format!("status.conditions[{i}]");
        faults.require(&path, "type", &condition.type_);
        let kind = condition.type_.as_str();
        let allowed: &[&str] = match kind {
            APPROVED | DENIED | FAILED => &["True"],
            _ => &["False", "True", "Unknown"],
        };
        match condition.status.as_str() {
            "" => faults.required(&path, "status"),
            status => faults.one_of(&path, "status", status, allowed),
        }
        approved |= kind == APPROVED;
        denied |= kind == DENIED;
        if approved && denied && matches!(kind, APPROVED | DENIED) {
            let detail = "Approved and Denied conditions are mutually exclusive";
            faults.invalid("status", "conditions", kind, detail);
        }
        if !seen.insert(kind) {
            faults.duplicate(&path, "type", kind);
        }
    }
}

/// Only the approval may say whether a request is approved.
fn validate_unapproved(new: &CertificateSigningRequest, old: &CertificateSigningRequest, faults: &mut Faults) {
    for kind in [APPROVED, DENIED] {
        let (was, is) = (of_type(old, kind), of_type(new, kind));
        if is.len() > was.len() {
            let detail = format!("updates may not add a condition of type {kind:?}");
            faults.forbidden("status", "conditions", &detail);
        } else if is.len() == was.len() && is != was {
            let whole = |list: &[&CertificateSigningRequestCondition]| {
                Internal::List(list.iter().map(|c| Internal::of("CertificateSigningRequestCondition", c)).collect())
            };
            let diff = Internal::diff(&whole(&was), &whole(&is));
            let detail = format!("updates may not modify a condition of type {kind:?}\n{diff}");
            faults.forbidden("status", "conditions", &detail);
        }
    }
}

/// Why something is no list of certificates. Mirrors `validateCertificate`.
fn odd(file: &[u8]) -> Option<String> {
    if file.is_empty() {
        return None;
    }
    let blocks = pem::blocks(file);
    if let Some(block) = blocks.iter().find(|block| block.label != "CERTIFICATE") {
        return Some(format!("only CERTIFICATE PEM blocks are allowed, found {:?}", block.label));
    }
    if blocks.iter().any(|block| !block.headers.is_empty()) {
        return Some("no PEM block headers are permitted".into());
    }
    blocks.is_empty().then(|| "must contain at least one CERTIFICATE PEM block".into())
}

/// Keeps conditions of a type as they were. Mirrors `preserveConditionInstances`.
fn preserve(status: &mut CertificateSigningRequestStatus, old: &[CertificateSigningRequestCondition], kind: &str) {
    let was: Vec<_> = old.iter().filter(|c| c.type_ == kind).collect();
    let mut is: Vec<_> = status.conditions.iter_mut().flatten().filter(|c| c.type_ == kind).collect();
    if was.len() == is.len() {
        is.iter_mut().zip(was).for_each(|(is, was)| **is = was.clone());
    }
}

/// Mirrors `populateConditionTimestamps`.
fn populate_timestamps(
    status: &mut CertificateSigningRequestStatus,
    old: &[CertificateSigningRequestCondition],
    now: Time,
) {
    for condition in status.conditions.iter_mut().flatten() {
        condition.last_update_time.get_or_insert_with(|| now.meta());
        if condition.last_transition_time.is_none() {
            let same = old.iter().find(|c| {
                c.type_ == condition.type_ && c.status == condition.status && c.last_transition_time.is_some()
            });
            condition.last_transition_time = same.map_or_else(|| Some(now.meta()), |c| c.last_transition_time.clone());
        }
    }
}
