//! The kinds of `certificates.k8s.io`.

use crate::api::k8s::api::certificates::v1::CertificateSigningRequest;
use crate::kinds::Strategy;

impl Strategy for CertificateSigningRequest {}
