//! Signs approved requests of the signers that Kubernetes knows itself.
//!
//! Mirrors `pkg/controller/certificates/signer/signer.go`, the policy of `pkg/controller/certificates/authority`, and
//! what `pkg/apis/certificates/v1/helpers.go` wants of the requests of kubelets.

use std::collections::BTreeSet;

use crate::api::k8s::ByteString;
use crate::api::k8s::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestCondition};
use crate::api::k8s::api::core::v1::Namespace;
use crate::api::x509::{CertificateRequest, Template, pem};
use crate::api::{Duration, Kind, ObjectKey, Time, Typed};
use crate::controllers::{Controller, Outcome, Write};
use crate::kinds::certificates::certificate_signing_request::{APPROVED, FAILED, has_condition, is_issued};
use crate::kinds::shared::access::items;
use crate::store::{Change, View};

/// How long a certificate holds at most: a year.
const CERT_TTL: Duration = Duration::secs(365 * 24 * 3600);
/// How much earlier it begins, for clocks that are late.
const BACKDATE: Duration = Duration::secs(300);
/// A shorter life than that is not cut for it.
const SHORT: Duration = Duration::secs(8 * 3600);

/// See the module.
pub(in crate::controllers) struct CsrSigner;

impl Controller for CsrSigner {
    fn name(&self) -> &'static str {
        "certificatesigningrequest-signing-controller"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind == Kind::CertificateSigningRequest && change.new.is_some() {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(csr) = view.get(key).and_then(|o| o.get::<CertificateSigningRequest>()) else { return outcome };
        if is_issued(csr) || !has_condition(csr, APPROVED) || has_condition(csr, FAILED) {
            return outcome;
        }
        let Ok(request) = CertificateRequest::parse_pem(&csr.spec.request.0) else { return outcome };
        let usages: BTreeSet<&str> = items(&csr.spec.usages).iter().map(String::as_str).collect();
        let (authority, judged) = match csr.spec.signer_name.as_str() {
            "kubernetes.io/kube-apiserver-client" => ("k3s-client-ca", judge_client(items(&csr.spec.usages))),
            "kubernetes.io/kube-apiserver-client-kubelet" => ("k3s-client-ca", judge_kubelet(&request, &usages, false)),
            "kubernetes.io/kubelet-serving" => ("k3s-server-ca", judge_kubelet(&request, &usages, true)),
            // OBSERVATION: somebody else signs it.
            _ => return outcome,
        };
        let mut updated = csr.clone();
        let status = updated.status.get_or_insert_default();
        match judged {
            Err(message) => status.conditions.get_or_insert_default().push(CertificateSigningRequestCondition {
                type_: FAILED.into(),
                status: "True".into(),
                reason: Some("SignerValidationFailure".into()),
                message: Some(message),
                last_update_time: Some(now.meta()),
                last_transition_time: None,
            }),
            Ok(()) => {
                let asked = csr.spec.expiration_seconds.map(|n| Duration::secs(n.into()));
                let ttl = asked.map_or(CERT_TTL, |asked| asked.clamp(BACKDATE + BACKDATE, CERT_TTL));
                let end = if ttl < SHORT { now + ttl } else { now + ttl - BACKDATE };
                let uid = csr.metadata.uid.as_deref().unwrap_or_default();
                let template = Template {
                    issuer: &format!("{authority}@{}", founded(view)),
                    seed: &format!("certificate/{uid}"),
                    not_before: now - BACKDATE,
                    not_after: end,
                    usages: usages.into_iter().collect(),
                };
                let certificate = pem::encode("CERTIFICATE", &request.sign(&template));
                status.certificate = Some(ByteString(certificate.into_bytes()));
            }
        }
        outcome.write(Write::update_status(updated.into_object()));
        outcome
    }
}

/// When the cluster was made, in seconds: its authorities are named by that.
fn founded(view: &View<'_>) -> i64 {
    let made = view.get_as::<Namespace>("", "kube-system").and_then(|ns| ns.metadata.creation_timestamp.as_ref());
    made.map_or(0, |made| Time::from_meta(made).0.div_euclid(Duration::secs(1).0))
}

/// Mirrors `validAPIServerClientUsages`.
fn judge_client(usages: &[String]) -> Result<(), String> {
    let odd = |usage: &&String| !["digital signature", "key encipherment", "client auth"].contains(&usage.as_str());
    match usages.iter().find(odd) {
        Some(usage) => Err(format!("invalid usage for client certificate: {usage}")),
        None if usages.iter().any(|usage| usage == "client auth") => Ok(()),
        None => Err("missing required usage for client certificate: client auth".into()),
    }
}

/// Mirrors `ValidateKubeletServingCSR` and `ValidateKubeletClientCSR`.
fn judge_kubelet(request: &CertificateRequest, usages: &BTreeSet<&str>, serves: bool) -> Result<(), String> {
    let required = ["digital signature", "key encipherment", if serves { "server auth" } else { "client auth" }];
    let matches = required.iter().all(|usage| usages.contains(usage) || *usage == "key encipherment")
        && usages.iter().all(|usage| required.contains(usage));
    let mut sorted = required;
    sorted.sort_unstable();
    let faults = [
        (request.subject.organization != ["system:nodes"], "subject organization is not system:nodes".to_string()),
        (
            serves && request.dns_names.is_empty() && request.ip_addresses.is_empty(),
            "DNS or IP subjectAltName is required".into(),
        ),
        (!serves && !request.dns_names.is_empty(), "DNS subjectAltNames are not allowed".into()),
        (!request.email_addresses.is_empty(), "Email subjectAltNames are not allowed".into()),
        (!serves && !request.ip_addresses.is_empty(), "IP subjectAltNames are not allowed".into()),
        (!request.uris.is_empty(), "URI subjectAltNames are not allowed".into()),
        (serves && !matches, format!("usages did not match [{}]", sorted.join(" "))),
        (
            !request.subject.common_name.starts_with("system:node:"),
            "subject common name does not begin with system:node:".into(),
        ),
        (!matches, format!("usages did not match [{}]", sorted.join(" "))),
    ];
    faults.into_iter().find(|(is_so, _)| *is_so).map_or(Ok(()), |(_, fault)| Err(fault))
}
