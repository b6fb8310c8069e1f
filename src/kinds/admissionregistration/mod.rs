//! The kinds of `admissionregistration.k8s.io`.

use crate::api::k8s::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
};
use crate::kinds::Strategy;

impl Strategy for MutatingAdmissionPolicy {}

impl Strategy for MutatingAdmissionPolicyBinding {}

impl Strategy for MutatingWebhookConfiguration {}

impl Strategy for ValidatingAdmissionPolicy {}

impl Strategy for ValidatingAdmissionPolicyBinding {}

impl Strategy for ValidatingWebhookConfiguration {}
