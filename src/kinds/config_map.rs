//! ConfigMap.

use crate::api::k8s::api::core::v1::ConfigMap;
use crate::kinds::Strategy;

impl Strategy for ConfigMap {}
