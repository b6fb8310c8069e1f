//! PodTemplate.

use crate::api::k8s::api::core::v1::PodTemplate;
use crate::kinds::Strategy;

impl Strategy for PodTemplate {}
