//! LimitRange.

use crate::api::k8s::api::core::v1::LimitRange;
use crate::kinds::Strategy;

impl Strategy for LimitRange {}
