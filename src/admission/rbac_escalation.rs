//! Nobody gives away rights by a role or binding that they do not have, unless they may do just that.
//!
//! Mirrors the `policybased` storages of `pkg/registry/rbac`, `escalation_check.go` and `ConfirmNoEscalation` of
//! `pkg/registry/rbac/validation`. They stand between the plugins that change an object and its validation.

use super::Request;
use crate::api::k8s::api::rbac::v1::{ClusterRole, PolicyRule, RoleRef};
use crate::api::scalar::{quote, quote_all};
use crate::api::{Kind, Object};
use crate::error::ApiError;
use crate::kinds::rbac::authorizer::{Attributes, allowed, rules_for, rules_of};
use crate::kinds::rbac::covers::{compact_lines, uncovered};
use crate::kinds::shared::access::{items, text};

/// Refuses a new role or binding that gives more than its author has. `name` is the one in the request's path.
pub(super) fn check_create(request: &Request<'_>, object: &Object, name: &str) -> Result<(), ApiError> {
    check(request, object, None, name)
}

/// Refuses the new version of a role or binding, as it was sent, unless nothing moves but what garbage is collected by.
pub(super) fn check_update(request: &Request<'_>, object: &Object, old: &Object) -> Result<(), ApiError> {
    check(request, object, Some(old), old.name())
}

fn check(request: &Request<'_>, object: &Object, old: Option<&Object>, name: &str) -> Result<(), ApiError> {
    let is_of_rbac =
        matches!(object.kind(), Kind::Role | Kind::ClusterRole | Kind::RoleBinding | Kind::ClusterRoleBinding);
    if !is_of_rbac || request.user.is_privileged() || old.is_some_and(|old| is_only_for_collection(object, old)) {
        return Ok(());
    }
    match object {
        Object::Role(_) | Object::ClusterRole(_) if may_escalate(request, object, name) => Ok(()),
        Object::Role(role) => confirm(request, object, items(&role.rules)),
        Object::ClusterRole(role) => {
            confirm(request, object, items(&role.rules))?;
            let old = old.and_then(|old| old.get::<ClusterRole>());
            if aggregates(role) || old.is_some_and(aggregates) {
                // An aggregation can gather anything.
                confirm(request, object, &full_authority()).map_err(|_| {
                    let detail = "must have cluster-admin privileges to use the aggregationRule";
                    ApiError::forbidden(&object.kind().resource(), object.name(), detail)
                })?;
            }
            Ok(())
        }
        Object::RoleBinding(binding) => may_grant(request, object, &binding.role_ref),
        Object::ClusterRoleBinding(binding) => may_grant(request, object, &binding.role_ref),
        _ => Ok(()),
    }
}

/// Mirrors `IsOnlyMutatingGCFields`.
fn is_only_for_collection(object: &Object, old: &Object) -> bool {
    let mut copied = object.clone();
    let (meta, old_meta) = (copied.meta_mut(), old.meta());
    meta.owner_references = old_meta.owner_references.clone();
    meta.finalizers = old_meta.finalizers.clone();
    meta.self_link = old_meta.self_link.clone();
    meta.managed_fields = old_meta.managed_fields.clone();
    copied == *old
}

fn aggregates(role: &ClusterRole) -> bool {
    role.aggregation_rule.as_ref().is_some_and(|rule| !items(&rule.cluster_role_selectors).is_empty())
}

fn full_authority() -> [PolicyRule; 2] {
    let any = || vec!["*".to_string()];
    [
        PolicyRule { verbs: any(), api_groups: Some(any()), resources: Some(any()), ..Default::default() },
        PolicyRule { verbs: any(), non_resource_urls: Some(any()), ..Default::default() },
    ]
}

/// Mirrors `RoleEscalationAuthorized`.
fn may_escalate(request: &Request<'_>, object: &Object, name: &str) -> bool {
    let attributes = Attributes {
        verb: "escalate".into(),
        group: object.kind().group().into(),
        resource: object.kind().plural().into(),
        namespace: object.namespace().into(),
        name: name.into(),
        ..Attributes::default()
    };
    allowed(&request.view, request.user, &attributes)
}

/// Whether the user may bind the role, or has all that it gives. Mirrors `BindingAuthorized`.
fn may_grant(request: &Request<'_>, binding: &Object, role: &RoleRef) -> Result<(), ApiError> {
    let resource = match role.kind.as_str() {
        "ClusterRole" => Some("clusterroles"),
        "Role" => Some("roles"),
        _ => None,
    };
    let bind = resource.map(|resource| Attributes {
        verb: "bind".into(),
        group: text(&role.api_group).into(),
        resource: resource.into(),
        namespace: binding.namespace().into(),
        name: role.name.clone(),
        ..Attributes::default()
    });
    if bind.is_some_and(|attributes| allowed(&request.view, request.user, &attributes)) {
        return Ok(());
    }
    confirm(request, binding, &rules_of(&request.view, role, binding.namespace())?)
}

/// Refuses rules of which the user has not all. Mirrors `ConfirmNoEscalation`.
fn confirm(request: &Request<'_>, object: &Object, rules: &[PolicyRule]) -> Result<(), ApiError> {
    let user = request.user;
    let held = rules_for(&request.view, user, object.namespace());
    let missing = uncovered(&held.rules, rules);
    if missing.is_empty() {
        return Ok(());
    }
    let mut detail = format!(
        "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        quote(&user.name),
        quote_all(&user.listed_groups()),
        compact_lines(missing).join("\n")
    );
    if let Some(faults) = held.faults() {
        detail += &format!("; resolution errors: [{faults}]");
    }
    Err(ApiError::forbidden(&object.kind().resource(), object.name(), &detail))
}
