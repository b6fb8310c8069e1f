//! Who may say of a request for a certificate that it shall be signed, and who may sign it.
//!
//! Mirrors `plugin/pkg/admission/certificates/{approval,signing}` and `pkg/certauthorization`.

use crate::api::k8s::api::certificates::v1::CertificateSigningRequest;
use crate::api::{Object, Typed};
use crate::error::ApiError;
use crate::kinds::rbac::authorizer::{Attributes, allowed};
use crate::server::{Ask, Server};

impl Server {
    /// Refuses a decision of somebody who may not take it: whoever may, has that right for the signer.
    ///
    /// # Errors
    /// `Forbidden`.
    pub(in crate::server) fn may_decide(&self, ask: &Ask<'_>, object: &Object) -> Result<(), ApiError> {
        let Some(new) = object.get::<CertificateSigningRequest>() else { return Ok(()) };
        let view = self.cluster().view();
        let Some(old) = view.get_as::<CertificateSigningRequest>("", object.name()) else { return Ok(()) };
        let verb = match ask.resource.subresource.as_str() {
            "approval" => "approve",
            "status" if new.status != old.status => "sign",
            _ => return Ok(()),
        };
        // The right may also be for all signers of a domain.
        let signer = old.spec.signer_name.as_str();
        let domain = format!("{}/*", signer.split('/').next().unwrap_or_default());
        let may = |name: &str| {
            let attributes = Attributes {
                verb: verb.into(),
                group: CertificateSigningRequest::OF.group().into(),
                resource: "signers".into(),
                name: name.into(),
                ..Attributes::default()
            };
            allowed(&view, &ask.by.user, &attributes)
        };
        if may(signer) || may(&domain) {
            return Ok(());
        }
        let detail = format!("user not permitted to {verb} requests with signerName {signer:?}");
        Err(ApiError::forbidden(&object.kind().resource(), object.name(), &detail))
    }
}
