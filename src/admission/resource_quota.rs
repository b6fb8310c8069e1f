//! ResourceQuota: a namespace uses no more than its quotas allow.
//!
//! Mirrors `k8s.io/apiserver/pkg/admission/plugin/resourcequota`: what an object uses is charged to the quota's status
//! before the store is asked, and stays charged when the store refuses, until the quota's controller counts anew.

use super::{Plugin, Request};
use crate::api::k8s::api::core::v1::{Pod, ResourceQuota};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
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
        if is_charged_for_update(object, old) { check(request, object, Some(old)) } else { Ok(()) }
    }
}

fn check(request: &Request<'_>, object: &Object, old: Option<&Object>) -> Result<(), ApiError> {
    check_request(request, object, old).map(|_| ())
}

/// The quotas as they are once they are charged with what an object uses; only those that change. `old` is the object's
/// version so far. Nothing is charged for what the quotas refuse.
pub(super) fn charges(request: &Request<'_>, object: &Object, old: Option<&Object>) -> Vec<ResourceQuota> {
    let handled = match old {
        None => true,
        Some(old) => is_charged_for_update(object, old),
    };
    let charged = if handled { check_request(request, object, old).unwrap_or_default() } else { Vec::new() };
    let with_usage = |(quota, used): (&ResourceQuota, Amounts)| {
        let mut quota = quota.clone();
        let texts = used.iter().map(|(name, q)| (name.clone(), Text(q.to_string()))).collect();
        quota.status.get_or_insert_default().used = Some(texts);
        quota
    };
    charged.into_iter().map(with_usage).collect()
}

/// Mirrors the evaluators' `Handles`.
fn is_charged_for_update(object: &Object, old: &Object) -> bool {
    match object.kind() {
        Kind::Service | Kind::PersistentVolumeClaim => true,
        Kind::Pod => {
            let ends = |o: &Object| {
                let spec = o.get::<Pod>().and_then(|p| p.spec.as_ref());
                spec.is_some_and(quota::has_deadline)
            };
            ends(object) != ends(old)
        }
        _ => false,
    }
}

/// Mirrors `CheckRequest`: the quotas that an object changes, with what is used of them then.
fn check_request<'a>(
    request: &Request<'a>,
    object: &Object,
    old: Option<&Object>,
) -> Result<Vec<(&'a ResourceQuota, Amounts)>, ApiError> {
    let kind = object.kind();
    let forbidden = |detail: String| Err(ApiError::forbidden(&kind.resource(), object.name(), &detail));
    let mut charged = Vec::new();
    let namespace = object.namespace().to_string();
    let quotas: Vec<_> = request.view.list(Kind::ResourceQuota).filter(|q| q.namespace() == namespace).collect();
    for stored in quotas {
        let Some(q) = stored.get::<ResourceQuota>() else { continue };
        // A quota that its controller has not seen yet limits nothing.
        let hard = amounts(q.status.as_ref().and_then(|s| s.hard.as_ref()));
        let used = amounts(q.status.as_ref().and_then(|s| s.used.as_ref()));
        let limited: Vec<&String> = hard.keys().filter(|r| quota::tracks(kind, r)).collect();
        if limited.is_empty() || !quota::in_scope(q, object) {
            continue;
        }
        let name = text(&q.metadata.name);
        if let Some(missing) = object.get::<Pod>().and_then(|pod| quota::missing_resources(pod, &limited)) {
            return forbidden(format!("failed quota: {name}: {missing}"));
        }
        if limited.iter().any(|resource| !used.contains_key(*resource)) {
            let names: Vec<&str> = limited.iter().map(|resource| resource.as_str()).collect();
            return forbidden(format!("status unknown for quota: {name}, resources: {}", names.join(",")));
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
        let sum = |resource: &String| used.get(resource).map_or(wanted[resource], |there| there.plus(wanted[resource]));
        let exceeded: Vec<&String> = wanted.keys().filter(|r| sum(r) > hard[*r]).collect();
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
        let mut after = used.clone();
        after.extend(wanted.keys().map(|resource| (resource.clone(), sum(resource))));
        charged.push((q, after));
    }
    Ok(charged)
}
