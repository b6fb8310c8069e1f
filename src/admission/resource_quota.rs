//! ResourceQuota: a namespace uses no more than its quotas allow.
//!
//! Mirrors `k8s.io/apiserver/pkg/admission/plugin/resourcequota`. What is used is counted from the objects that
//! are there, so that several objects of one command see each other; the original writes the quota's status instead.

use super::{Plugin, Request};
use crate::api::k8s::api::core::v1::{Pod, ResourceQuota};
use crate::api::{Kind, Object};
use crate::error::ApiError;
use crate::kinds::core::pod::resources::{Amounts, amounts};
use crate::kinds::shared::access::text;
use crate::kinds::shared::quota;

/// The plugin.
pub(super) struct ResourceQuotas;

impl Plugin for ResourceQuotas {
    fn validate_create(&self, request: &Request<'_>, object: &Object) -> Result<(), ApiError> {
        check(request, object, None)
    }

    fn validate_update(&self, request: &Request<'_>, object: &Object, old: &Object) -> Result<(), ApiError> {
        match object.kind() {
            Kind::Service | Kind::PersistentVolumeClaim => check(request, object, Some(old)),
            Kind::Pod => {
                let ends = |o: &Object| {
                    let spec = o.get::<Pod>().and_then(|p| p.spec.as_ref());
                    spec.is_some_and(quota::has_deadline)
                };
                if ends(object) == ends(old) { Ok(()) } else { check(request, object, Some(old)) }
            }
            _ => Ok(()),
        }
    }
}

fn check(request: &Request<'_>, object: &Object, old: Option<&Object>) -> Result<(), ApiError> {
    let kind = object.kind();
    let forbidden = |detail: String| Err(ApiError::forbidden(&kind.resource(), object.name(), &detail));
    for stored in request.view.list_in(Kind::ResourceQuota, object.namespace()) {
        let Some(q) = stored.get::<ResourceQuota>() else { continue };
        // A quota that its controller has not seen yet limits nothing.
        let hard = amounts(q.status.as_ref().and_then(|s| s.hard.as_ref()));
        let limited: Vec<&String> = hard.keys().filter(|r| quota::tracks(kind, r)).collect();
        if limited.is_empty() || !quota::in_scope(q, object) {
            continue;
        }
        let name = text(&q.metadata.name);
        if let Some(missing) = object.get::<Pod>().and_then(|pod| quota::missing_resources(pod, &limited)) {
            return forbidden(format!("failed quota: {name}: {missing}"));
        }
        let mut wanted = quota::usage(object, request.now);
        if let Some(old) = old.filter(|old| quota::in_scope(q, old)) {
            for (resource, before) in quota::usage(old, request.now) {
                if let Some(now) = wanted.get_mut(&resource) {
                    *now = now.minus(before);
                }
            }
        }
        wanted.retain(|resource, amount| amount.sign() > 0 && hard.contains_key(resource));
        if wanted.is_empty() {
            continue;
        }
        let there = |kind| request.view.list_in(kind, object.namespace()).map(|o| o.as_ref()).collect();
        let used = quota::namespace_usage(q, &hard, there, request.now);
        let over = |resource: &String| {
            let sum = used.get(resource).map_or(wanted[resource], |there| there.plus(wanted[resource]));
            sum > hard[resource]
        };
        let exceeded: Vec<&String> = wanted.keys().filter(|r| over(r)).collect();
        if !exceeded.is_empty() {
            let list = |of: &Amounts| {
                let one = |r: &&String| of.get(*r).map(|amount| format!("{r}={amount}"));
                exceeded.iter().filter_map(one).collect::<Vec<_>>().join(",")
            };
            return forbidden(format!(
                "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
                list(&wanted),
                list(&used),
                list(&hard)
            ));
        }
    }
    Ok(())
}
