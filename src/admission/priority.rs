//! Priority: a pod gets the number and the preemption policy of its PriorityClass.
//!
//! Mirrors `plugin/pkg/admission/priority`.

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::core::v1::Pod;
use crate::api::k8s::api::scheduling::v1::PriorityClass;
use crate::error::ApiError;
use crate::kinds::shared::access::text;
use crate::store::View;

/// The plugin.
pub(super) struct Priority;

impl Plugin for Priority {
    fn create(&self, request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let name = object.name().to_string();
        match object.get_mut::<Pod>() {
            Some(pod) => admit_pod(request.view, &name, pod),
            None => Ok(()),
        }
    }

    fn update(&self, _request: &Request<'_>, object: &mut Object, old: &Object) -> Result<(), ApiError> {
        if let (Some(pod), Some(old)) = (object.get_mut::<Pod>(), old.get::<Pod>().and_then(|p| p.spec.as_ref())) {
            let spec = pod.spec.get_or_insert_default();
            spec.priority = spec.priority.or(old.priority);
            spec.preemption_policy = spec.preemption_policy.take().or_else(|| old.preemption_policy.clone());
        }
        Ok(())
    }

    fn validate_create(&self, request: &Request<'_>, object: &Object) -> Result<(), ApiError> {
        only_one_default(request.view, object, None)
    }

    fn validate_update(&self, request: &Request<'_>, object: &Object, _old: &Object) -> Result<(), ApiError> {
        only_one_default(request.view, object, Some(object.name()))
    }
}

fn default_class<'a>(view: View<'a>) -> Option<&'a PriorityClass> {
    view.list_as::<PriorityClass>().filter(|c| c.global_default == Some(true)).min_by_key(|c| c.value.unwrap_or(0))
}

fn only_one_default(view: View<'_>, object: &Object, but: Option<&str>) -> Result<(), ApiError> {
    if object.get::<PriorityClass>().is_none_or(|c| c.global_default != Some(true)) {
        return Ok(());
    }
    match default_class(view).map(|c| text(&c.metadata.name)) {
        Some(other) if but != Some(other) => {
            let detail = format!("PriorityClass {other} is already marked as default. Only one default can exist");
            Err(ApiError::forbidden("priorityclasses.scheduling.k8s.io", object.name(), &detail))
        }
        _ => Ok(()),
    }
}

fn admit_pod(view: View<'_>, name: &str, pod: &mut Pod) -> Result<(), ApiError> {
    let forbidden = |detail: String| Err(ApiError::forbidden("pods", name, &detail));
    let spec = pod.spec.get_or_insert_default();
    let class = match text(&spec.priority_class_name) {
        "" => default_class(view),
        wanted => match view.get_as::<PriorityClass>("", wanted) {
            Some(class) => Some(class),
            None => return forbidden(format!("no PriorityClass with name {wanted} was found")),
        },
    };
    let (priority, policy) = match class {
        Some(class) => {
            spec.priority_class_name = class.metadata.name.clone();
            (class.value.unwrap_or(0), class.preemption_policy.clone())
        }
        None => (0, Some("PreemptLowerPriority".to_string())),
    };
    if let Some(given) = spec.priority.filter(|given| *given != priority) {
        return forbidden(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {priority} from the given PriorityClass name"
        ));
    }
    spec.priority = Some(priority);
    if let Some(policy) = policy {
        if let Some(given) = spec.preemption_policy.as_ref().filter(|given| **given != policy) {
            return forbidden(format!(
                "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission \
                 controller computed {policy} from the given PriorityClass name"
            ));
        }
        spec.preemption_policy = Some(policy);
    }
    Ok(())
}
