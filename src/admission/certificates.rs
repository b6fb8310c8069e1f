//! Who asks for a certificate, and which ones nobody may have.
//!
//! Mirrors `csrStrategy.PrepareForCreate` of `pkg/registry/certificates/certificates` and
//! `plugin/pkg/admission/certificates/subjectrestriction`.

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::certificates::v1::CertificateSigningRequest;
use crate::api::user::MASTERS;
use crate::api::x509::CertificateRequest;
use crate::error::ApiError;

/// The signer of certificates that the API server takes its clients by.
const KUBE_APISERVER_CLIENT: &str = "kubernetes.io/kube-apiserver-client";

/// See the module.
pub(super) struct CertificateSubjectRestriction;

impl Plugin for CertificateSubjectRestriction {
    fn create(&self, request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let Some(csr) = object.get_mut::<CertificateSigningRequest>() else { return Ok(()) };
        let user = request.user;
        csr.spec.username = Some(user.name.clone());
        csr.spec.uid = Some(user.uid.clone()).filter(|uid| !uid.is_empty());
        csr.spec.groups = Some(user.listed_groups());
        csr.spec.extra = Some(user.extra.clone()).filter(|extra| !extra.is_empty());
        Ok(())
    }

    fn validate_create(&self, _request: &Request<'_>, object: &Object) -> Result<(), ApiError> {
        let Some(csr) = object.get::<CertificateSigningRequest>() else { return Ok(()) };
        if csr.spec.signer_name != KUBE_APISERVER_CLIENT {
            return Ok(());
        }
        let parsed = CertificateRequest::parse_pem(&csr.spec.request.0);
        if parsed.is_ok_and(|request| request.subject.organization.iter().any(|group| group == MASTERS)) {
            let detail = format!("use of {KUBE_APISERVER_CLIENT} signer with {MASTERS} group is not allowed");
            return Err(ApiError::forbidden(&object.kind().resource(), object.name(), &detail));
        }
        Ok(())
    }
}
