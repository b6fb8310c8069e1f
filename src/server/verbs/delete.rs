//! `delete` and `deletecollection`.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/delete.go`.

use std::sync::Arc;

use serde_json::json;

use super::check_options;
use crate::api::request::{DeleteOptions, Deletion, ListOptions, Propagation};
use crate::api::{Kind, Object, ObjectKey};
use crate::error::{ApiError, Reason};
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
        check_options("DeleteOptions", options.faults.clone())?;
        let (kind, resource) = (ask.served.kind, ask.resource);
        let key = ObjectKey::new(kind, resource.namespace.clone(), resource.name.clone());
        let object = self.delete_one(ask, &key, options, warnings)?;
        if !options.dry_run && self.cluster.view().get(&key).is_some_and(|o| o.uid() == object.uid()) {
            return self.shown(ask, &object);
        }
        if returns_deleted(kind) {
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
        let deletion = Deletion {
            key: key.clone(),
            uid: options.uid.clone(),
            resource_version: options.resource_version.clone(),
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
        check_options("DeleteOptions", options.faults.clone())?;
        let list = self.select(ask, which)?;
        let items = list.items.iter().map(|object| self.with_owners(ask, object)).collect::<Result<_, _>>()?;
        for object in &list.items {
            match self.delete_one(ask, &object.key(), options, warnings) {
                // OBSERVATION: it went with another one, or by itself.
                Err(refused) if refused.reason == Reason::NotFound => {}
                done => _ = done?,
            }
        }
        Ok(Reply::List(List { items, ..list }))
    }
}

/// Whether who deletes an object of a kind is answered with what it was. Mirrors `ReturnDeletedObject` of the kinds'
/// storages.
fn returns_deleted(kind: Kind) -> bool {
    const KINDS: [Kind; 17] = [
        Kind::CSIDriver,
        Kind::CSINode,
        Kind::DeviceClass,
        Kind::Namespace,
        Kind::PersistentVolume,
        Kind::PersistentVolumeClaim,
        Kind::Pod,
        Kind::PodTemplate,
        Kind::ResourceClaim,
        Kind::ResourceClaimTemplate,
        Kind::ResourceQuota,
        Kind::ResourceSlice,
        Kind::Service,
        Kind::ServiceAccount,
        Kind::StorageClass,
        Kind::VolumeAttachment,
        Kind::VolumeAttributesClass,
    ];
    KINDS.contains(&kind)
}

/// What becomes of the dependents when nobody says it: jobs and replication controllers leave theirs behind. Mirrors
/// `DefaultGarbageCollectionPolicy` of the kinds' strategies.
fn default_propagation(kind: Kind) -> Propagation {
    match kind {
        Kind::Job | Kind::ReplicationController => Propagation::Orphan,
        _ => Propagation::Background,
    }
}
