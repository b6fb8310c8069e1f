//! Creating and replacing objects of whatever kind.
//!
//! Mirrors `k8s.io/apiserver/pkg/registry/generic/registry/store.go` (Create, Update).

use std::sync::Arc;

use super::{Answer, Context, Registry};
use crate::admission::{self, Part};
use crate::api::names::{self, Draw};
use crate::api::request::By;
use crate::api::{Kind, Object};
use crate::error::ApiError;
use crate::kinds::shared::deletion::namespace_must_be_finalized;

/// How many pods a cluster holds at least, whatever the number of its nodes: beyond it and `PODS_PER_NODE` no more
/// are made, since somebody mistyped a number of replicas and would wait for hours.
const PODS_KEPT: usize = 5_000;

/// How many pods a cluster holds for each node: twice what a node runs.
const PODS_PER_NODE: usize = 220;

impl Registry {
    /// Creates an object.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn create(&mut self, mut object: Object, context: &Context<'_>) -> Result<Answer, ApiError> {
        object.meta_mut().managed_fields = None;
        self.create_owned(object, context)
    }

    /// The same for an object whose managers are known already; without any, the writer becomes the first.
    pub(super) fn create_owned(&mut self, mut object: Object, context: &Context<'_>) -> Result<Answer, ApiError> {
        let resource = object.kind().resource();
        self.draw_identity(&mut object, context.dry_run)?;
        if object.meta().managed_fields.is_none() {
            object.meta_mut().managed_fields = self.first_owner(context, &object);
        }
        let (mut object, warnings) = admission::create(&self.admission_request(context), object)?;
        let refused = |e: ApiError| e.with_warnings(&warnings);
        self.charge(&object, None, context)?;
        if let Some(standing) = self.view().get(&object.key()) {
            let mut refusal = ApiError::already_exists(&resource, object.name());
            if standing.is_terminating() {
                refusal.message = format!("object is being deleted: {}", refusal.message);
            }
            return Err(refused(refusal));
        }
        let most = PODS_KEPT.max(PODS_PER_NODE * self.view().len(Kind::Node));
        if object.kind() == Kind::Pod && self.view().len(Kind::Pod) >= most {
            let detail = format!("a cluster of kstate holds {most} pods at most");
            return Err(refused(ApiError::forbidden(&resource, object.name(), &detail)));
        }
        if object.meta().managed_fields.is_none() {
            self.sign(context, &mut object);
        }
        if context.dry_run {
            return Ok(Answer { object: Arc::new(object), warnings });
        }
        self.take_addresses(&object)?;
        Ok(Answer { object: self.store.put(object)?, warnings })
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
                let suffix = Draw::new(self.seed, &purpose, n).suffix();
                object.meta_mut().name = Some(names::generate_name(&prefix, &suffix));
                if dry_run || self.view().get(&object.key()).is_none() {
                    break;
                }
            }
        }
        let purpose = format!("uid/{}/{}/{}", kind.name(), object.namespace(), object.name());
        let incarnation = self.store.drawn(&purpose)?;
        let meta = object.meta_mut();
        meta.uid = Some(Draw::new(self.seed, &purpose, incarnation).uid());
        meta.creation_timestamp = Some(now);
        meta.resource_version = None;
        meta.deletion_timestamp = None;
        meta.deletion_grace_period_seconds = None;
        meta.self_link = None;
        Ok(())
    }

    /// Replaces an object: all but its status, or, where the subresource is `status`, that alone.
    ///
    /// # Errors
    /// The server's refusal; `Conflict` when the object's resourceVersion is not the current one.
    pub fn update(&mut self, mut object: Object, context: &Context<'_>) -> Result<Answer, ApiError> {
        let given = object.meta_mut().managed_fields.take();
        object.meta_mut().managed_fields = self.owners_given(context, given, &object)?;
        self.update_owned(object, context)
    }

    /// The same for an object whose managers are known already; without any, the writer is noted.
    pub(super) fn update_owned(&mut self, object: Object, context: &Context<'_>) -> Result<Answer, ApiError> {
        let (resource, key) = (object.kind().resource(), object.key());
        let old = self.live(&key)?;
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
        let part = match context.subresource {
            part @ ("status" | "approval") => Part::Of(part),
            part @ ("ephemeralcontainers" | "resize") => Part::OfSpec(part),
            _ => Part::Whole,
        };
        let (mut object, warnings) = admission::update(&self.admission_request(context), object, &old, part)?;
        if !matches!(part, Part::Of(_)) {
            self.charge(&object, Some(&old), context)?;
        }
        object.meta_mut().resource_version = old.meta().resource_version.clone();
        // Whose fields nobody has an eye on stay so until somebody applies; mirrors `skipNonAppliedManager`.
        let signed = known.is_some() || old.meta().managed_fields.is_none();
        object.meta_mut().managed_fields =
            known.or_else(|| old.meta().managed_fields.clone()).filter(|entries| !entries.is_empty());
        if context.dry_run {
            if !signed && object != *old {
                object.meta_mut().managed_fields = Some(self.owners_after(context, &old, &object)?);
            }
            return Ok(Answer { object: Arc::new(object), warnings });
        }
        if object == *old {
            return Ok(Answer { object: old, warnings });
        }
        if !signed {
            self.sign(context, &mut object);
        }
        self.take_addresses(&object)?;
        self.release_addresses(&old, Some(&object))?;
        Ok(Answer { object: self.put_or_end(object)?, warnings })
    }

    /// Charges the quotas with what an admitted object uses, before the store has a say.
    fn charge(&mut self, object: &Object, old: Option<&Object>, context: &Context<'_>) -> Result<(), ApiError> {
        if context.dry_run {
            return Ok(());
        }
        let charged = admission::charges(&self.admission_request(context), object, old);
        charged.into_iter().try_for_each(|quota| self.store.put(quota).map(|_| ()))
    }

    /// Stores the new version of an object, unless it completes the deletion.
    pub(super) fn put_or_end(&mut self, object: Object) -> Result<Arc<Object>, ApiError> {
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

    /// Puts an object into the store as it is, past admission: for the objects that a cluster is born with, and for
    /// events, which their recorder makes.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn plant(&mut self, by: &By, mut object: Object) -> Result<Arc<Object>, ApiError> {
        self.draw_identity(&mut object, false)?;
        self.sign(&Context::new(by), &mut object);
        self.store.put(object)
    }
}
