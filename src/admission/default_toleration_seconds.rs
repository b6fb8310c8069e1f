//! DefaultTolerationSeconds: a pod stays five minutes on a node that is lost.
//!
//! Mirrors `plugin/pkg/admission/defaulttolerationseconds`.

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::core::v1::{Pod, Toleration};
use crate::error::ApiError;
use crate::kinds::shared::access::{items, text};

/// How many seconds.
const SECONDS: i64 = 300;

/// The plugin.
pub(super) struct DefaultTolerationSeconds;

impl Plugin for DefaultTolerationSeconds {
    fn create(&self, _request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        if let Some(pod) = object.get_mut::<Pod>() {
            tolerate_lost_nodes(pod);
        }
        Ok(())
    }

    fn update(&self, _request: &Request<'_>, object: &mut Object, _old: &Object) -> Result<(), ApiError> {
        if let Some(pod) = object.get_mut::<Pod>() {
            tolerate_lost_nodes(pod);
        }
        Ok(())
    }
}

fn tolerate_lost_nodes(pod: &mut Pod) {
    let spec = pod.spec.get_or_insert_default();
    let there = items(&spec.tolerations);
    let covers = |t: &Toleration, taint: &str| {
        (text(&t.key).is_empty() || text(&t.key) == taint) && matches!(text(&t.effect), "" | "NoExecute")
    };
    let taints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
    let missing: Vec<&str> = taints.into_iter().filter(|taint| !there.iter().any(|t| covers(t, taint))).collect();
    for taint in missing {
        spec.tolerations.get_or_insert_default().push(Toleration {
            key: Some(taint.into()),
            operator: Some("Exists".into()),
            effect: Some("NoExecute".into()),
            toleration_seconds: Some(SECONDS),
            value: None,
        });
    }
}
