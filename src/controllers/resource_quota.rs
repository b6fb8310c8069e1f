//! Counts what a namespace uses of its quotas.
//!
//! Mirrors `pkg/controller/resourcequota`.

use crate::api::k8s::api::core::v1::{ResourceQuota, ResourceQuotaStatus};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::{Kind, ObjectKey, Time};
use crate::controllers::{Controller, Outcome, Write};
use crate::kinds::core::pod::resources::{Amounts, amounts};
use crate::kinds::shared::access::ResourceList;
use crate::kinds::shared::quota::{namespace_usage, tracks};
use crate::store::{Change, View};

/// The controller.
pub(super) struct ResourceQuotaController;

impl Controller for ResourceQuotaController {
    fn name(&self) -> &'static str {
        "resourcequota"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let key = &change.key;
        if key.kind == Kind::ResourceQuota {
            enqueue(key.clone());
        }
        if key.namespace.is_empty() || key.kind == Kind::Event {
            return;
        }
        for object in view.list_in(Kind::ResourceQuota, &key.namespace) {
            let quota = object.get::<ResourceQuota>().and_then(|q| q.spec.as_ref());
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
