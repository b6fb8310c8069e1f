//! Bindings: which node a pod shall run on. Nothing is stored of them.

use crate::api::k8s::api::core::v1::Binding;
use crate::kinds::{NameRule, Strategy};

impl Strategy for Binding {
    const NAME: NameRule = NameRule::PathSegment;
}
