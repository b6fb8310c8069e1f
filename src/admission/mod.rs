//! The way of every write into the store: set defaults, mutate, validate. One path for users and controllers alike.
//!
//! Mirrors `k8s.io/apiserver/pkg/registry/rest` (BeforeCreate, BeforeUpdate) and the admission plugins.

mod certificates;
mod default_ingress_class;
mod default_storage_class;
mod default_toleration_seconds;
mod limit_ranger;
mod namespace_lifecycle;
mod node_taint;
mod pod_security;
pub mod pod_topology_labels;
mod priority;
mod rbac_escalation;
mod resource_quota;
mod runtime_class;
mod service_account;
mod service_ip;
mod storage_object_in_use_protection;
mod volume_resize;

use crate::api::user::User;
use crate::api::{Object, Time};
use crate::error::ApiError;
use crate::kinds;
use crate::kinds::shared::meta;
use crate::store::View;

/// The admission plugins, in the API server's order.
pub const PLUGINS: &[&dyn Plugin] = &[
    // One per line.
    &namespace_lifecycle::NamespaceLifecycle,
    &limit_ranger::LimitRanger,
    &service_account::ServiceAccounts,
    &node_taint::TaintNodesByCondition,
    &pod_security::PodSecurity,
    &priority::Priority,
    &default_toleration_seconds::DefaultTolerationSeconds,
    &default_storage_class::DefaultStorageClass,
    &default_ingress_class::DefaultIngressClass,
    &storage_object_in_use_protection::StorageObjectInUseProtection,
    &volume_resize::PersistentVolumeClaimResize,
    &runtime_class::RuntimeClasses,
    &certificates::CertificateSubjectRestriction,
    &pod_topology_labels::PodTopologyLabels,
    &resource_quota::ResourceQuotas,
    &service_ip::ServiceIps,
];

/// A request on its way.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The cluster as it is.
    pub view: View<'a>,
    /// The cluster's time.
    pub now: Time,
    /// The cluster's seed, for what the server draws (addresses, ports).
    pub seed: u64,
    /// Who asks for it.
    pub user: &'a User,
    /// The name in the request's path; empty for an object that is posted.
    pub name: &'a str,
    /// The subresource that the write goes to, such as `scale`; empty for the object itself.
    pub subresource: &'a str,
    /// The version in which the object was sent, `events.k8s.io/v1`; empty for the stored one.
    pub api_version: &'a str,
}

/// An admission plugin: a rule that is not of one kind. Mirrors `plugin/pkg/admission/*`.
pub trait Plugin: Sync {
    /// Changes a new object, or refuses it.
    ///
    /// # Errors
    /// The refusal, mostly `Forbidden`.
    fn create(&self, _request: &Request<'_>, _object: &mut Object) -> Result<(), ApiError> {
        Ok(())
    }

    /// Changes the new version of an object, or refuses it.
    ///
    /// # Errors
    /// The refusal.
    fn update(&self, _request: &Request<'_>, _object: &mut Object, _old: &Object) -> Result<(), ApiError> {
        Ok(())
    }

    /// Refuses a new object after it was validated.
    ///
    /// # Errors
    /// The refusal.
    fn validate_create(&self, _request: &Request<'_>, _object: &Object) -> Result<(), ApiError> {
        Ok(())
    }

    /// Refuses the new version of an object after it was validated.
    ///
    /// # Errors
    /// The refusal.
    fn validate_update(&self, _request: &Request<'_>, _object: &Object, _old: &Object) -> Result<(), ApiError> {
        Ok(())
    }

    /// What to tell the writer of an object that no plugin refused; `old` is its version so far.
    fn warnings(&self, _request: &Request<'_>, _object: &Object, _old: Option<&Object>) -> Vec<String> {
        Vec::new()
    }

    /// Refuses a deletion.
    ///
    /// # Errors
    /// The refusal.
    fn delete(&self, _request: &Request<'_>, _object: &Object) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Which part of an object an update is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// All but the status.
    Whole,
    /// What a subresource holds alone: `status`, `approval`.
    Of(&'a str),
    /// What a subresource holds of the spec, which all plugins look at: `ephemeralcontainers`, `resize`.
    OfSpec(&'a str),
}

/// Makes a new object ready to be stored: its name, uid and creation time are set already.
///
/// # Errors
/// Why the server refuses it. Warnings come with the object.
pub fn create(request: &Request<'_>, mut object: Object) -> Result<(Object, Vec<String>), ApiError> {
    let kind = object.kind();
    let rules = kinds::rules(kind);
    rules.set_defaults(&mut object);
    for plugin in PLUGINS {
        plugin.create(request, &mut object)?;
    }
    rbac_escalation::check_create(request, &object, request.name)?;
    let mut warnings = rules.warnings_on_prepare(&object);
    rules.prepare_for_create(&mut object);
    if rules.has_generation() {
        object.meta_mut().generation = Some(1);
    } else {
        object.meta_mut().generation = None;
    }
    let mut faults = meta::validate_object_meta(object.meta(), rules.name_rule(), kind.is_namespaced(), "metadata");
    faults.extend(rules.validate(&object));
    faults.extend(rules.validate_version(&object, None, request.api_version));
    if !faults.is_empty() {
        return Err(ApiError::invalid(&kind.qualified_kind(), object.name(), faults));
    }
    for plugin in PLUGINS {
        plugin.validate_create(request, &object)?;
    }
    warnings.extend(rules.warnings_on_create(&object));
    warnings.extend(PLUGINS.iter().flat_map(|p| p.warnings(request, &object, None)));
    Ok((object, warnings))
}

/// Makes the new version of an object ready to be stored.
///
/// # Errors
/// Why the server refuses it.
pub fn update(
    request: &Request<'_>,
    mut object: Object,
    old: &Object,
    part: Part<'_>,
) -> Result<(Object, Vec<String>), ApiError> {
    let kind = object.kind();
    let rules = kinds::rules(kind);
    if let Part::OfSpec(part) = part {
        rules.set_defaults(&mut object);
        let mut kept = old.clone();
        rules.copy_part(&mut kept, part, &object, request.now);
        kept.meta_mut().resource_version = object.meta().resource_version.clone();
        kept.meta_mut().managed_fields = object.meta().managed_fields.clone();
        object = kept;
    }
    if part == Part::Whole {
        rules.set_defaults(&mut object);
        rbac_escalation::check_update(request, &object, old)?;
    }
    keep_system_metadata(&mut object, old);
    if let Part::Of(part) = part {
        // Only the part moves; everything else is as it was, but for annotations of the metadata.
        let mut kept = old.clone();
        rules.copy_part(&mut kept, part, &object, request.now);
        kept.meta_mut().annotations = object.meta().annotations.clone();
        rules.set_defaults(&mut kept);
        let faults = rules.validate_part_update(&kept, part, old);
        return match faults.is_empty() {
            true => Ok((kept, Vec::new())),
            false => Err(ApiError::invalid(&kind.qualified_kind(), old.name(), faults)),
        };
    }
    if rules.has_status() {
        rules.copy_status(&mut object, old);
    }
    for plugin in PLUGINS {
        plugin.update(request, &mut object, old)?;
    }
    rules.prepare_for_update(&mut object, old);
    let generation = old.meta().generation;
    let moved = rules.has_generation() && !rules.same_spec(&object, old);
    object.meta_mut().generation = if moved { generation.map(|g| g + 1) } else { generation };
    let mut faults = meta::validate_object_meta_update(object.meta(), old.meta(), "metadata");
    faults.extend(match part {
        Part::OfSpec(part) => rules.validate_part_update(&object, part, old),
        _ => rules.validate_update(&object, old),
    });
    faults.extend(rules.validate_version(&object, Some(old), request.api_version));
    if !faults.is_empty() {
        return Err(ApiError::invalid(&kind.qualified_kind(), old.name(), faults));
    }
    for plugin in PLUGINS {
        plugin.validate_update(request, &object, old)?;
    }
    let mut warnings = match part {
        Part::OfSpec(_) => Vec::new(),
        _ => rules.warnings_on_update(&object, old),
    };
    warnings.extend(PLUGINS.iter().flat_map(|p| p.warnings(request, &object, Some(old))));
    Ok((object, warnings))
}

/// What of other objects a write changes before the store is asked, and though the store may refuse it: the quotas that
/// it is charged to. `old` is the object's version so far.
pub fn charges(request: &Request<'_>, object: &Object, old: Option<&Object>) -> Vec<Object> {
    resource_quota::charges(request, object, old).into_iter().map(Object::from).collect()
}

/// Asks the plugins whether an object may be deleted.
///
/// # Errors
/// Their refusal.
pub fn delete(request: &Request<'_>, object: &Object) -> Result<(), ApiError> {
    PLUGINS.iter().try_for_each(|p| p.delete(request, object))
}

/// What a client leaves out of an update stays as the server has it.
fn keep_system_metadata(object: &mut Object, old: &Object) {
    let (new, old) = (object.meta_mut(), old.meta());
    if new.uid.is_none() {
        new.uid = old.uid.clone();
    }
    new.creation_timestamp = old.creation_timestamp.clone();
    new.deletion_timestamp = old.deletion_timestamp.clone();
    new.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
    new.self_link = None;
    if new.resource_version.is_none() {
        new.resource_version = old.resource_version.clone();
    }
}
