//! RuntimeClass.

use crate::api::k8s::api::node::v1::RuntimeClass;
use crate::kinds::Strategy;

impl Strategy for RuntimeClass {}
