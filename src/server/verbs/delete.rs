//! `delete` and `deletecollection`.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/delete.go`.

use std::sync::Arc;

use serde_json::json;

use crate::api::request::{DeleteOptions, Deletion, ListOptions, Propagation};
use crate::api::{Kind, Object, ObjectKey};
use crate::error::ApiError;
use crate::registry::Context;
use crate::server::{Ask, List, Reply, Server};

/// Mirrors `deleteOptionWarnings` of `pkg/registry/batch/job/storage`.
const JOB_LEAVES_PODS: &str = "child pods are preserved by default when jobs are deleted; set \
     propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";

impl Server {
    /// Deletes an object. What is gone at once is answered with a status, what waits for something with itself.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` where a precondition does not hold, and the refusal of an admission plugin.
    pub(in crate::server) fn delete(
        &mut self,
        ask: &Ask<'_>,
        options: &DeleteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Reply, ApiError> {
        let (kind, resource) = (ask.served.kind, ask.resource);
        let key = ObjectKey::new(kind, resource.namespace.clone(), resource.name.clone());
        let object = self.delete_one(ask, &key, options, warnings)?;
        if !options.dry_run && self.cluster.view().get(&key).is_some_and(|o| o.uid() == object.uid()) {
            return self.shown(ask, &object);
        }
        let mut details = json!({"name": key.name, "kind": kind.plural(), "uid": object.uid()});
        if !kind.group().is_empty() {
            details["group"] = json!(kind.group());
        }
        let status =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
        Ok(Reply::Tree(status))
    }

    fn delete_one(
        &mut self,
        ask: &Ask<'_>,
        key: &ObjectKey,
        options: &DeleteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Arc<Object>, ApiError> {
        if let Some(asked) = options.resource_version.as_deref()
            && let Some(old) = self.cluster.view().get(key)
        {
            check_revision(key, asked, old)?;
        }
        let deletion = Deletion {
            key: key.clone(),
            uid: options.uid.clone(),
            grace: options.grace_period,
            propagation: options.propagation.unwrap_or(default_propagation(key.kind)),
        };
        if key.kind == Kind::Job && options.propagation.is_none() {
            warnings.push(JOB_LEAVES_PODS.into());
        }
        let context = Context::new(ask.by).dry_run(options.dry_run);
        let answer = self.cluster.registry_mut().delete(&deletion, &context)?;
        warnings.extend(answer.warnings);
        Ok(answer.object)
    }

    /// Deletes all objects of a kind that are selected.
    ///
    /// # Errors
    /// Those of a list, and the first refusal of a deletion.
    pub(in crate::server) fn delete_collection(
        &mut self,
        ask: &Ask<'_>,
        options: &DeleteOptions,
        which: &ListOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Reply, ApiError> {
        let list = self.select(ask, which)?;
        for object in &list.items {
            self.delete_one(ask, &object.key(), options, warnings)?;
        }
        Ok(Reply::List(List { revision: self.cluster.revision(), ..list }))
    }
}

fn check_revision(key: &ObjectKey, asked: &str, old: &Object) -> Result<(), ApiError> {
    let version = old.meta().resource_version.as_deref().unwrap_or_default();
    if asked == version {
        return Ok(());
    }
    let detail = format!(
        "the ResourceVersion in the precondition ({asked}) does not match the ResourceVersion in record ({version}). \
         The object might have been modified"
    );
    Err(ApiError::conflict(&key.kind.resource(), &key.name, &detail))
}

/// What becomes of the dependents when nobody says it: jobs and replication controllers leave theirs behind. Mirrors
/// `DefaultGarbageCollectionPolicy` of the kinds' strategies.
fn default_propagation(kind: Kind) -> Propagation {
    match kind {
        Kind::Job | Kind::ReplicationController => Propagation::Orphan,
        _ => Propagation::Background,
    }
}
