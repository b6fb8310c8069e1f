//! Endpoints.

use crate::api::k8s::api::core::v1::Endpoints;
use crate::kinds::Strategy;

impl Strategy for Endpoints {}
