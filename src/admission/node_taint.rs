//! Gives new nodes the taint of those that are not ready, so that no pod comes before their kubelet has reported.
//!
//! Mirrors `plugin/pkg/admission/nodetaint` (TaintNodesByCondition).

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::core::v1::Taint;
use crate::error::ApiError;

const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// See the module.
pub(super) struct TaintNodesByCondition;

impl Plugin for TaintNodesByCondition {
    fn create(&self, _request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let Object::Node(node) = object else { return Ok(()) };
        let taints = node.spec.get_or_insert_default().taints.get_or_insert_default();
        if !taints.iter().any(|t| t.key == NOT_READY && t.effect == "NoSchedule") {
            taints.push(Taint { key: NOT_READY.into(), effect: "NoSchedule".into(), ..Default::default() });
        }
        Ok(())
    }
}
