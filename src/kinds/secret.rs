//! Secret.

use crate::api::k8s::api::core::v1::Secret;
use crate::kinds::Strategy;

impl Strategy for Secret {}
