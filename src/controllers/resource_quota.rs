//! Counts what a namespace uses of its quotas.
//!
//! Mirrors `pkg/controller/resourcequota`. What is made is charged by admission; it is counted here when a quota is new or
//! changes, when something is given back, and every so often.

use crate::api::k8s::api::core::v1::{Pod, ResourceQuota, ResourceQuotaStatus, Service};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::{Controller, Outcome, Write};
use crate::kinds::core::pod::resources::{Amounts, amounts};
use crate::kinds::shared::access::ResourceList;
use crate::kinds::shared::quota::{has_deadline, namespace_usage, tracks};
use crate::store::{Change, View};

/// How often all is counted anew: `--resource-quota-sync-period`.
const RESYNC: Duration = Duration::secs(300);

/// The controller.
pub(super) struct ResourceQuotaController;

impl Controller for ResourceQuotaController {
    fn name(&self) -> &'static str {
        "resourcequota"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let key = &change.key;
        if key.kind == Kind::ResourceQuota && hard_of(change.old.as_deref()) != hard_of(change.new.as_deref()) {
            enqueue(key.clone());
        }
        if key.namespace.is_empty() || key.kind == Kind::Event || !gives_back(change) {
            return;
        }
        for object in view.list_in(Kind::ResourceQuota, &key.namespace) {
            let quota = object.get::<ResourceQuota>().and_then(|q| q.status.as_ref());
            let hard = quota.and_then(|s| s.hard.as_ref());
            if hard.into_iter().flatten().any(|(resource, _)| tracks(key.kind, resource)) {
                enqueue(object.key());
            }
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(quota) = view.get(key).and_then(|o| o.get::<ResourceQuota>()) else { return outcome };
        let hard = amounts(quota.spec.as_ref().and_then(|s| s.hard.as_ref()));
        let there = |kind| view.list_in(kind, &key.namespace).map(|o| o.as_ref()).collect();
        let used = namespace_usage(quota, &hard, there, now);
        outcome.recurring(RESYNC);
        let before = quota.status.clone().unwrap_or_default();
        let same = |list: Option<&ResourceList>, new: &Amounts| list.is_some() && amounts(list) == *new;
        if same(before.hard.as_ref(), &hard) && same(before.used.as_ref(), &used) {
            return outcome;
        }
        let texts = |list: &Amounts| list.iter().map(|(name, q)| (name.clone(), Text(q.to_string()))).collect();
        let mut new = quota.clone();
        new.status = Some(ResourceQuotaStatus { hard: Some(texts(&hard)), used: Some(texts(&used)) });
        outcome.write(Write::update_status(new));
        outcome
    }
}

fn hard_of(object: Option<&Object>) -> Option<Amounts> {
    let quota = object?.get::<ResourceQuota>()?;
    Some(amounts(quota.spec.as_ref().and_then(|s| s.hard.as_ref())))
}

/// Whether a change may leave less in use. Mirrors `QuotaMonitor` and `DefaultUpdateFilter`.
fn gives_back(change: &Change) -> bool {
    match (change.old.as_deref(), change.new.as_deref()) {
        (_, None) => true,
        (Some(Object::Pod(old)), Some(Object::Pod(new))) => pod_gives_back(old, new),
        (Some(Object::Service(old)), Some(Object::Service(new))) => quota_service_type(old) != quota_service_type(new),
        // The original compares two pointers, so that every change counts.
        (Some(_), Some(Object::PersistentVolumeClaim(_))) => true,
        _ => false,
    }
}

fn pod_gives_back(old: &Pod, new: &Pod) -> bool {
    let ends = |pod: &Pod| pod.spec.as_ref().is_some_and(has_deadline);
    let statuses = |pod: &Pod| {
        let status = pod.status.clone().unwrap_or_default();
        status.init_container_statuses.into_iter().flatten().chain(status.container_statuses.into_iter().flatten())
    };
    let resized = statuses(old)
        .any(|before| statuses(new).any(|after| before.name == after.name && before.resources != after.resources));
    let ended = |pod: &Pod| {
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        matches!(phase, Some("Failed" | "Succeeded"))
    };
    resized || ends(old) != ends(new) || !ended(old) && ended(new)
}

fn quota_service_type(service: &Service) -> &str {
    let kind = service.spec.as_ref().and_then(|s| s.type_.as_deref()).unwrap_or_default();
    if matches!(kind, "NodePort" | "LoadBalancer") { kind } else { "" }
}
