//! RuntimeClass: a pod that names a class gets what the class costs and where it can run.
//!
//! Mirrors `plugin/pkg/admission/runtimeclass`.

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::core::v1::{Pod, PodSpec, Toleration};
use crate::api::k8s::api::node::v1::RuntimeClass;
use crate::error::ApiError;
use crate::kinds::core::pod::resources::amounts;
use crate::kinds::shared::access::{items, text};

/// The plugin.
pub(super) struct RuntimeClasses;

impl Plugin for RuntimeClasses {
    fn create(&self, request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let name = object.name().to_string();
        let Some(spec) = object.get_mut::<Pod>().and_then(|p| p.spec.as_mut()) else { return Ok(()) };
        let refused = |detail: String| Err(ApiError::forbidden("pods", &name, &detail));
        let wanted = text(&spec.runtime_class_name).to_string();
        let class = request.view.get_as::<RuntimeClass>("", &wanted);
        if class.is_none() && spec.runtime_class_name.is_some() {
            return refused(format!("pod rejected: RuntimeClass {wanted:?} not found"));
        }
        let fixed = class.and_then(|c| c.overhead.as_ref()).and_then(|o| o.pod_fixed.clone());
        if spec.overhead.as_ref().is_some_and(|o| !o.is_empty()) {
            if fixed.is_none() {
                let detail = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
                return refused(detail.into());
            }
            if amounts(fixed.as_ref()) != amounts(spec.overhead.as_ref()) {
                return refused("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead".into());
            }
        }
        if fixed.is_some() {
            spec.overhead = fixed;
        }
        match class.and_then(|class| set_scheduling(class, spec)) {
            Some(conflict) => refused(conflict),
            None => Ok(()),
        }
    }
}

/// Adds the class's node selector and tolerations. Says where the pod wants something else.
fn set_scheduling(class: &RuntimeClass, spec: &mut PodSpec) -> Option<String> {
    let scheduling = class.scheduling.as_ref()?;
    for (key, value) in scheduling.node_selector.iter().flatten() {
        let selector = spec.node_selector.get_or_insert_default();
        if let Some(own) = selector.get(key).filter(|own| *own != value) {
            return Some(format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; pod.spec.nodeSelector[{key}] = {own}"
            ));
        }
        selector.insert(key.clone(), value.clone());
    }
    let mut all: Vec<Toleration> = items(&spec.tolerations).to_vec();
    all.extend(items(&scheduling.tolerations).iter().filter(|t| !items(&spec.tolerations).contains(t)).cloned());
    spec.tolerations = (!all.is_empty()).then_some(all);
    None
}
