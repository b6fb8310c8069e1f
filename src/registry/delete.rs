//! Deleting objects: at once, or by marking them until their finalizers and grace periods let go.
//!
//! Mirrors `k8s.io/apiserver/pkg/registry/generic/registry/store.go` (Delete).

use super::{Answer, Context, Registry};
use crate::admission;
use crate::api::k8s::api::core::v1::Namespace;
use crate::api::request::Deletion;
use crate::api::{Kind, Object, ObjectKey};
use crate::error::ApiError;
use crate::kinds::shared::deletion::{
    Grace, grace_period, mark_as_deleting, namespace_must_be_finalized, set_deletion_finalizers,
};

impl Registry {
    /// Deletes an object, or begins to: finalizers and a grace period keep it for now.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn delete(&mut self, deletion: &Deletion, context: &Context<'_>) -> Result<Answer, ApiError> {
        let key = &deletion.key;
        let old = self.live(key)?;
        check_preconditions(deletion, &old)?;
        admission::delete(&self.admission_request(context), &old)?;
        if context.dry_run {
            return Ok(Answer::plain(old));
        }
        let mut object = Object::clone(&old);
        let grace = match grace_period(&object, deletion.grace, self.now) {
            Grace::Pending => return Ok(Answer::plain(old)),
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
                Registry::leave_unsigned(&mut object);
                self.store.put(object)?
            }
            false => old,
        };
        if !stays {
            self.remove(key)?;
        }
        Ok(Answer::plain(marked))
    }

    pub(super) fn remove(&mut self, key: &ObjectKey) -> Result<(), ApiError> {
        if let Some(old) = self.store.remove(key)? {
            self.release_addresses(&old, None)?;
        }
        // The next object of that name is another one: its uid is drawn anew.
        self.store.next(&format!("uid/{}/{}/{}", key.kind.name(), key.namespace, key.name)).map(|_| ())
    }
}

/// Mirrors `Preconditions.Check` as `Store.Delete` words it.
pub(super) fn check_preconditions(deletion: &Deletion, old: &Object) -> Result<(), ApiError> {
    let version = old.meta().resource_version.as_deref().unwrap_or_default();
    let detail = if let Some(uid) = deletion.uid.as_deref().filter(|uid| *uid != old.uid()) {
        format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). \
             The object might have been deleted and then recreated",
            old.uid()
        )
    } else if let Some(asked) = deletion.resource_version.as_deref().filter(|asked| *asked != version) {
        format!(
            "the ResourceVersion in the precondition ({asked}) does not match the ResourceVersion in record ({version}). \
             The object might have been modified"
        )
    } else {
        return Ok(());
    };
    Err(ApiError::conflict(&deletion.key.kind.resource(), &deletion.key.name, &detail))
}
