//! The API server's requests: create, update, delete, bind.
//!
//! Mirrors `k8s.io/apiserver/pkg/registry/generic/registry/store.go`.

use std::sync::Arc;

use super::Cluster;
use crate::admission::pod_topology_labels::label_pod;
use crate::admission::{self, Part};
use crate::api::k8s::api::core::v1::{Namespace, Pod, PodCondition};
use crate::api::names::{self, Draw};
use crate::api::object::{FINALIZER_FOREGROUND, FINALIZER_ORPHAN};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::{Deletion, Propagation};
use crate::error::ApiError;

/// How many pods a cluster holds at least, whatever the number of its nodes: beyond it and `PODS_PER_NODE` no more
/// are made, since somebody mistyped a number of replicas and would wait for hours.
const PODS_KEPT: usize = 5_000;

/// How many pods a cluster holds for each node: twice what a node runs.
const PODS_PER_NODE: usize = 220;

/// How to create.
#[derive(Debug, Clone, Copy, Default)]
pub struct CreateOptions {
    /// Go all the way but store nothing (`--dry-run=server`).
    pub dry_run: bool,
}

/// What a creation gives back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The object as stored.
    pub object: Arc<Object>,
}

impl Cluster {
    /// Creates an object.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn create(&mut self, mut object: Object, options: &CreateOptions) -> Result<Answer, ApiError> {
        self.warn_of_deprecated(object.kind());
        object.meta_mut().managed_fields = None;
        self.create_owned(object, options.dry_run).map(|object| Answer { object })
    }

    /// The same for an object whose managers are known already; without any, the writer becomes the first.
    pub(super) fn create_owned(&mut self, mut object: Object, dry_run: bool) -> Result<Arc<Object>, ApiError> {
        let resource = object.kind().resource();
        self.draw_identity(&mut object, dry_run)?;
        if object.meta().managed_fields.is_none() {
            object.meta_mut().managed_fields = self.first_owner(&object);
        }
        let (mut object, warnings) = admission::create(&self.admission_request(), object)?;
        self.warnings.extend(warnings);
        if self.view().get(&object.key()).is_some() {
            return Err(ApiError::already_exists(&resource, object.name()));
        }
        let most = PODS_KEPT.max(PODS_PER_NODE * self.view().len(Kind::Node));
        if object.kind() == Kind::Pod && self.view().len(Kind::Pod) >= most {
            let detail = format!("a cluster of kstate holds {most} pods at most");
            return Err(ApiError::forbidden(&resource, object.name(), &detail));
        }
        if object.meta().managed_fields.is_none() {
            self.sign(&mut object, "");
        }
        if dry_run { Ok(Arc::new(object)) } else { self.store.put(object) }
    }

    /// Name, uid and creation time: drawn from the cluster's seed, each with a generator of its own.
    fn draw_identity(&mut self, object: &mut Object, dry_run: bool) -> Result<(), ApiError> {
        let kind = object.kind();
        let now = self.now.meta();
        let prefix = object.meta().generate_name.clone().unwrap_or_default();
        if object.name().is_empty() && !prefix.is_empty() {
            let purpose = format!("name/{}/{}/{prefix}", kind.name(), object.namespace());
            loop {
                let n = if dry_run { self.store.drawn(&purpose)? } else { self.store.next(&purpose)? };
                let suffix = Draw::new(self.config.seed, &purpose, n).suffix();
                object.meta_mut().name = Some(names::generate_name(&prefix, &suffix));
                if dry_run || self.view().get(&object.key()).is_none() {
                    break;
                }
            }
        }
        let purpose = format!("uid/{}/{}/{}", kind.name(), object.namespace(), object.name());
        let incarnation = self.store.drawn(&purpose)?;
        let meta = object.meta_mut();
        meta.uid = Some(Draw::new(self.config.seed, &purpose, incarnation).uid());
        meta.creation_timestamp = Some(now);
        meta.resource_version = None;
        meta.deletion_timestamp = None;
        meta.deletion_grace_period_seconds = None;
        meta.self_link = None;
        Ok(())
    }

    /// Replaces all but the status of an object.
    ///
    /// # Errors
    /// The server's refusal; `Conflict` when the object's resourceVersion is not the current one.
    pub fn update(&mut self, object: Object) -> Result<Arc<Object>, ApiError> {
        self.replace(object, Part::Whole, false)
    }

    /// The same without storing it.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn update_dry_run(&mut self, object: Object) -> Result<Arc<Object>, ApiError> {
        self.replace(object, Part::Whole, true)
    }

    /// Replaces the status of an object.
    ///
    /// # Errors
    /// The server's refusal; `Conflict` when the object's resourceVersion is not the current one.
    pub fn update_status(&mut self, object: Object) -> Result<Arc<Object>, ApiError> {
        self.replace(object, Part::Status, false)
    }

    fn replace(&mut self, mut object: Object, part: Part, dry_run: bool) -> Result<Arc<Object>, ApiError> {
        let given = object.meta_mut().managed_fields.take();
        object.meta_mut().managed_fields = self.owners_given(given, &object, part)?;
        self.replace_owned(object, part, dry_run)
    }

    /// The same for an object whose managers are known already; without any, the writer is noted.
    pub(super) fn replace_owned(&mut self, object: Object, part: Part, dry_run: bool) -> Result<Arc<Object>, ApiError> {
        let (resource, key) = (object.kind().resource(), object.key());
        self.warn_of_deprecated(key.kind);
        let Some(old) = self.view().get(&key).cloned() else {
            return Err(ApiError::not_found(&resource, &key.name));
        };
        let decided_on = object.revision();
        if decided_on != 0 && decided_on != old.revision() {
            return Err(ApiError::stale(&resource, &key.name));
        }
        if object.meta().uid.as_ref().is_some_and(|uid| *uid != old.uid()) {
            let detail = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                object.uid(),
                old.uid()
            );
            return Err(ApiError::conflict(&resource, &key.name, &detail));
        }
        let known = object.meta().managed_fields.clone();
        let (mut object, warnings) = admission::update(&self.admission_request(), object, &old, part)?;
        self.warnings.extend(warnings);
        object.meta_mut().resource_version = old.meta().resource_version.clone();
        // Whose fields nobody has an eye on stay so until somebody applies; mirrors `skipNonAppliedManager`.
        let signed = known.is_some() || old.meta().managed_fields.is_none();
        object.meta_mut().managed_fields =
            known.or_else(|| old.meta().managed_fields.clone()).filter(|entries| !entries.is_empty());
        let subresource = if part == Part::Status { "status" } else { "" };
        if dry_run {
            if !signed && object != *old {
                object.meta_mut().managed_fields = Some(self.owners_after(&old, &object, subresource)?);
            }
            return Ok(Arc::new(object));
        }
        if object == *old {
            return Ok(old);
        }
        if !signed {
            self.sign(&mut object, subresource);
        }
        self.put_or_end(object)
    }

    /// Stores the new version of an object, unless it completes the deletion.
    fn put_or_end(&mut self, object: Object) -> Result<Arc<Object>, ApiError> {
        // OBSERVATION: the last finalizer is gone and no grace period runs, so this update completes the deletion.
        let ends = object.is_terminating()
            && object.meta().finalizers.as_ref().is_none_or(Vec::is_empty)
            && object.meta().deletion_grace_period_seconds.unwrap_or(0) == 0
            && !namespace_must_be_finalized(&object);
        if ends {
            self.remove(&object.key())?;
            return Ok(Arc::new(object));
        }
        self.store.put(object)
    }

    /// Replaces the finalizers in a namespace's spec. Mirrors `FinalizeREST`.
    ///
    /// # Errors
    /// `NotFound`, or `Conflict` when the object's resourceVersion is not the current one.
    pub fn finalize(&mut self, object: Object) -> Result<Arc<Object>, ApiError> {
        let (resource, key) = (object.kind().resource(), object.key());
        let Some(old) = self.view().get(&key).cloned() else {
            return Err(ApiError::not_found(&resource, &key.name));
        };
        if object.revision() != 0 && object.revision() != old.revision() {
            return Err(ApiError::stale(&resource, &key.name));
        }
        let mut finalized = Object::clone(&old);
        if let (Some(to), Some(from)) = (finalized.get_mut::<Namespace>(), object.get::<Namespace>()) {
            to.spec = from.spec.clone();
        }
        if old.meta().managed_fields.is_some() {
            self.sign(&mut finalized, "finalize");
        }
        self.put_or_end(finalized)
    }

    fn remove(&mut self, key: &ObjectKey) -> Result<(), ApiError> {
        self.store.remove(key)?;
        // The next object of that name is another one: its uid is drawn anew.
        self.store.next(&format!("uid/{}/{}/{}", key.kind.name(), key.namespace, key.name)).map(|_| ())
    }

    /// Deletes an object, or begins to: finalizers and a grace period keep it for now.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn delete(&mut self, deletion: &Deletion) -> Result<Arc<Object>, ApiError> {
        let key = &deletion.key;
        let resource = key.kind.resource();
        self.warn_of_deprecated(key.kind);
        let Some(old) = self.view().get(key).cloned() else {
            return Err(ApiError::not_found(&resource, &key.name));
        };
        if let Some(uid) = &deletion.uid
            && uid != old.uid()
        {
            let detail = format!(
                "the UID in the precondition ({uid}) does not match the UID in record ({}). \
                 The object might have been deleted and then recreated",
                old.uid()
            );
            return Err(ApiError::conflict(&resource, &key.name, &detail));
        }
        admission::delete(&self.admission_request(), &old)?;
        let mut object = Object::clone(&old);
        let grace = match grace_period(&object, deletion.grace, self.now) {
            Grace::Pending => return Ok(old),
            grace => grace,
        };
        set_deletion_finalizers(&mut object, deletion.propagation);
        let held = object.meta().finalizers.as_ref().is_some_and(|f| !f.is_empty());
        let held = held || namespace_must_be_finalized(&object);
        match grace {
            Grace::Until(end, seconds) => mark_as_deleting(&mut object, end, Some(seconds)),
            // A namespace's storage marks its deletion itself, and knows no grace period.
            _ if held => mark_as_deleting(&mut object, self.now, Some(0).filter(|_| key.kind != Kind::Namespace)),
            _ => {}
        }
        if let Some(namespace) = object.get_mut::<Namespace>() {
            namespace.status.get_or_insert_default().phase = Some("Terminating".into());
        }
        let stays = held || matches!(grace, Grace::Until(_, seconds) if seconds > 0);
        let marked = match (stays || matches!(grace, Grace::Until(..))) && object != *old {
            true => {
                Cluster::leave_unsigned(&mut object);
                self.store.put(object)?
            }
            false => old,
        };
        if !stays {
            self.remove(key)?;
        }
        Ok(marked)
    }

    /// Binds a pod to a node. Mirrors `BindingREST.setPodNodeAndMetadata`.
    ///
    /// # Errors
    /// `NotFound`, or `Conflict` when the pod is bound or goes already.
    pub fn bind(&mut self, pod: &ObjectKey, node: &str) -> Result<Arc<Object>, ApiError> {
        let Some(old) = self.view().get(pod).cloned() else {
            return Err(ApiError::not_found("pods", &pod.name));
        };
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
            conditions.retain(|c| c.type_ != "PodScheduled");
            conditions.push(PodCondition {
                type_: "PodScheduled".into(),
                status: "True".into(),
                last_transition_time: Some(now),
                observed_generation: None,
                ..Default::default()
            });
        }
        Cluster::leave_unsigned(&mut object);
        self.store.put(object)
    }

    /// Puts an object into the store as it is, past admission: for the objects that a cluster is born with.
    pub(super) fn plant(&mut self, mut object: Object) -> Result<Arc<Object>, ApiError> {
        self.draw_identity(&mut object, false)?;
        self.sign(&mut object, "");
        self.store.put(object)
    }
}

/// What a deletion makes of a grace period.
#[derive(Clone, Copy)]
enum Grace {
    /// The kind has none, or it is over.
    None,
    /// It runs already, and this deletion does not shorten it.
    Pending,
    /// It ends then, after so many seconds.
    Until(Time, i64),
}

/// Only pods have a grace period. Mirrors `rest.BeforeDelete` and `podStrategy.CheckGracefulDelete`.
fn grace_period(object: &Object, asked: Option<i64>, now: Time) -> Grace {
    let Some(pod) = object.get::<Pod>() else { return Grace::None };
    let asked = asked.map(|seconds| if seconds < 0 { 1 } else { seconds });
    let running = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
    match (&pod.metadata.deletion_timestamp, asked) {
        (Some(_), _) if running == 0 => return Grace::None,
        (Some(end), Some(asked)) if asked < running => {
            let end = Time::from_meta(end) - Duration::secs(running) + Duration::secs(asked);
            return match end < now {
                true => Grace::Until(now, asked.min(1)),
                false => Grace::Until(end, asked),
            };
        }
        (Some(_), _) => return Grace::Pending,
        (None, _) => {}
    }
    let spec = pod.spec.as_ref();
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default();
    // OBSERVATION: no kubelet has the pod, or it has ended: there is nothing to wait for.
    let seconds = match spec.and_then(|s| s.node_name.as_deref()).unwrap_or_default().is_empty()
        || matches!(phase, "Succeeded" | "Failed")
    {
        true => 0,
        false => asked.or(spec.and_then(|s| s.termination_grace_period_seconds)).unwrap_or(0),
    };
    let seconds = if seconds < 0 { 1 } else { seconds };
    Grace::Until(now + Duration::secs(seconds), seconds)
}

/// Mirrors `markAsDeleting`.
fn mark_as_deleting(object: &mut Object, end: Time, grace: Option<i64>) {
    let meta = object.meta_mut();
    let standing = meta.deletion_timestamp.as_ref().map(Time::from_meta);
    if standing.is_none()
        && let Some(generation) = meta.generation.as_mut()
    {
        *generation += 1;
    }
    if standing.is_none_or(|standing| standing > end) {
        meta.deletion_timestamp = Some(end.meta());
    }
    meta.deletion_grace_period_seconds = grace;
}

/// Mirrors `deletionFinalizersForGarbageCollection`: the newest deletion says what becomes of the dependents.
fn set_deletion_finalizers(object: &mut Object, propagation: Propagation) {
    let wanted = match propagation {
        Propagation::Background => None,
        Propagation::Foreground => Some(FINALIZER_FOREGROUND),
        Propagation::Orphan => Some(FINALIZER_ORPHAN),
    };
    let before = object.meta().finalizers.as_deref().unwrap_or_default();
    let is_ours = |f: &String| f == FINALIZER_FOREGROUND || f == FINALIZER_ORPHAN;
    if before.iter().filter(|f| is_ours(f)).map(String::as_str).eq(wanted) {
        return;
    }
    let kept = before.iter().filter(|f| !is_ours(f)).cloned();
    let finalizers: Vec<String> = kept.chain(wanted.map(String::from)).collect();
    object.meta_mut().finalizers = Some(finalizers).filter(|f| !f.is_empty());
}

fn namespace_must_be_finalized(object: &Object) -> bool {
    match object {
        Object::Namespace(ns) => ns.spec.as_ref().and_then(|s| s.finalizers.as_ref()).is_some_and(|f| !f.is_empty()),
        _ => false,
    }
}
