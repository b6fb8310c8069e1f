//! The kinds of `authentication.k8s.io`: questions about who somebody is. Nothing is stored of them.

use crate::api::k8s::api::authentication::v1::{SelfSubjectReview, TokenReview};
use crate::kinds::Strategy;

impl Strategy for SelfSubjectReview {}

impl Strategy for TokenReview {}
