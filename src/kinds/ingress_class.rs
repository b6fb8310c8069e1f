//! IngressClass.

use crate::api::k8s::api::networking::v1::IngressClass;
use crate::kinds::Strategy;

impl Strategy for IngressClass {}
