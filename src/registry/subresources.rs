//! Writes to parts of an object that have rules of their own: a pod's binding, a namespace's finalizers.

use super::{Answer, Context, Registry};
use crate::admission::pod_topology_labels::label_pod;
use crate::api::k8s::api::core::v1::{Namespace, Pod, PodCondition};
use crate::api::{Object, ObjectKey};
use crate::error::ApiError;
use std::sync::Arc;

impl Registry {
    /// Replaces the finalizers in a namespace's spec. Mirrors `FinalizeREST`.
    ///
    /// # Errors
    /// `NotFound`, or `Conflict` when the object's resourceVersion is not the current one.
    pub fn finalize(&mut self, object: Object, context: &Context<'_>) -> Result<Answer, ApiError> {
        let (resource, key) = (object.kind().resource(), object.key());
        let old = self.live(&key)?;
        if object.revision() != 0 && object.revision() != old.revision() {
            return Err(ApiError::stale(&resource, &key.name));
        }
        let mut finalized = Object::clone(&old);
        if let (Some(to), Some(from)) = (finalized.get_mut::<Namespace>(), object.get::<Namespace>()) {
            to.spec = from.spec.clone();
        }
        if context.dry_run {
            return Ok(Answer::plain(Arc::new(finalized)));
        }
        if old.meta().managed_fields.is_some() {
            self.sign(&context.part("finalize"), &mut finalized);
        }
        self.put_or_end(finalized).map(Answer::plain)
    }

    /// Binds a pod to a node. Mirrors `BindingREST.setPodNodeAndMetadata`.
    ///
    /// # Errors
    /// `NotFound`, or `Conflict` when the pod is bound or goes already.
    pub fn bind(&mut self, pod: &ObjectKey, node: &str, context: &Context<'_>) -> Result<Answer, ApiError> {
        let old = self.live(pod)?;
        if old.is_terminating() {
            let detail = format!("pod {} is being deleted, cannot be assigned to a host", pod.name);
            return Err(ApiError::conflict("pods/binding", &pod.name, &detail));
        }
        let mut object = Object::clone(&old);
        let now = self.now.meta();
        if let Some(p) = object.get_mut::<Pod>() {
            let spec = p.spec.get_or_insert_default();
            if let Some(there) = spec.node_name.as_deref().filter(|n| !n.is_empty()) {
                let detail = format!("pod {} is already assigned to node {there:?}", pod.name);
                return Err(ApiError::conflict("pods/binding", &pod.name, &detail));
            }
            spec.node_name = Some(node.to_string());
            label_pod(self.view(), p);
            let status = p.status.get_or_insert_default();
            status.nominated_node_name = None;
            let conditions = status.conditions.get_or_insert_default();
            let scheduled = PodCondition {
                type_: "PodScheduled".into(),
                status: "True".into(),
                last_transition_time: Some(now),
                ..Default::default()
            };
            // Mirrors `UpdatePodCondition`: it stays where it stood.
            match conditions.iter_mut().find(|c| c.type_ == scheduled.type_) {
                Some(condition) => *condition = scheduled,
                None => conditions.push(scheduled),
            }
        }
        if context.dry_run {
            return Ok(Answer::plain(Arc::new(object)));
        }
        Registry::leave_unsigned(&mut object);
        self.store.put(object).map(Answer::plain)
    }
}
