//! The kinds of `authorization.k8s.io`: questions about who may do what. Nothing is stored of them.
//!
//! Mirrors `pkg/apis/authorization/validation`.

use crate::api::ObjectMeta;
use crate::api::k8s::api::authorization::v1::{
    LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
    SubjectAccessReviewSpec,
};
use crate::error::FieldError;
use crate::kinds::Strategy;

const ONE_OF: &str = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
const NOT_BOTH: &str = "cannot be specified in combination with resourceAttributes";

fn attributes(resource: bool, non_resource: bool) -> Vec<FieldError> {
    match (resource, non_resource) {
        (true, true) => vec![FieldError::invalid("spec.nonResourceAttributes", "", NOT_BOTH)],
        (false, false) => vec![FieldError::invalid("spec.resourceAttributes", "", ONE_OF)],
        _ => Vec::new(),
    }
}

fn subject(spec: &SubjectAccessReviewSpec) -> Vec<FieldError> {
    let mut faults = attributes(spec.resource_attributes.is_some(), spec.non_resource_attributes.is_some());
    let nobody = spec.user.as_deref().unwrap_or_default().is_empty() && spec.groups.as_ref().is_none_or(Vec::is_empty);
    if nobody {
        faults.push(FieldError::invalid("spec.user", "", "at least one of user or group must be specified"));
    }
    faults
}

/// A review has no name of its own.
fn unnamed(meta: &ObjectMeta) -> Vec<FieldError> {
    let bare = ObjectMeta {
        namespace: meta.namespace.clone(),
        managed_fields: meta.managed_fields.clone(),
        ..Default::default()
    };
    match *meta == bare {
        true => Vec::new(),
        false => vec![FieldError::invalid("metadata", "", "must be empty")],
    }
}

impl Strategy for SelfSubjectAccessReview {
    fn validate(&self) -> Vec<FieldError> {
        let spec = &self.spec;
        let mut faults = attributes(spec.resource_attributes.is_some(), spec.non_resource_attributes.is_some());
        faults.extend(unnamed(&self.metadata));
        faults
    }
}

impl Strategy for SubjectAccessReview {
    fn validate(&self) -> Vec<FieldError> {
        let mut faults = subject(&self.spec);
        faults.extend(unnamed(&self.metadata));
        faults
    }
}

impl Strategy for LocalSubjectAccessReview {
    fn validate(&self) -> Vec<FieldError> {
        let mut faults = subject(&self.spec);
        faults.extend(unnamed(&self.metadata));
        let namespace = self.metadata.namespace.clone().unwrap_or_default();
        let asked = self.spec.resource_attributes.as_ref().and_then(|a| a.namespace.clone()).unwrap_or_default();
        if self.spec.resource_attributes.is_some() && asked != namespace {
            faults.push(FieldError::invalid(
                "spec.resourceAttributes.namespace",
                asked,
                "must match metadata.namespace",
            ));
        }
        if self.spec.non_resource_attributes.is_some() {
            let text = "disallowed on this kind of request";
            faults.push(FieldError::invalid("spec.nonResourceAttributes", "", text));
        }
        faults
    }
}

impl Strategy for SelfSubjectRulesReview {}
