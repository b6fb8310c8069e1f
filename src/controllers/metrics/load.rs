//! Load that somebody puts on pods from outside: kept beside the objects, spread over the pods that are ready.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::k8s::api::core::v1::Pod;
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::kinds::core::pod::status::{is_ready, ready_since};
use crate::store::View;

/// The note that holds all loads.
pub const NOTE: &str = "load";

/// The annotation that names the container which counts.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// One load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// The target's kind: Pod, Deployment, ReplicaSet, StatefulSet, DaemonSet, ReplicationController, Service.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Thousandths of a processor, on all its pods together.
    #[serde(default)]
    pub cpu: i64,
    /// Bytes, on each of its pods.
    #[serde(default)]
    pub memory: i64,
    /// Thousandths of a request a second, on all its pods together.
    #[serde(default)]
    pub requests: i64,
    /// Since when, in milliseconds.
    pub since: i64,
    /// Until when.
    #[serde(default)]
    pub until: Option<i64>,
}

impl Load {
    /// Whether it is on at a time.
    pub fn is_on(&self, now: Time) -> bool {
        self.since <= now.0 && self.until.is_none_or(|until| until > now.0)
    }

    /// Whether it is on that object.
    pub fn is_of(&self, key: &ObjectKey) -> bool {
        (self.kind.as_str(), &self.namespace, &self.name) == (key.kind.name(), &key.namespace, &key.name)
    }

    /// The pods that it falls on; none where the target is gone.
    pub fn pods<'a>(&'a self, view: &View<'a>) -> Vec<&'a Arc<Object>> {
        let Some(kind) = Kind::known().find(|k| k.name() == self.kind && k.is_built_in()) else { return Vec::new() };
        let Some(target) = view.get(&ObjectKey::new(kind, &self.namespace, &self.name)) else { return Vec::new() };
        if kind == Kind::Pod {
            return vec![target];
        }
        let Some(selector) = selector_of(target) else { return Vec::new() };
        view.list_in(Kind::Pod, &self.namespace).filter(|p| selector.matches(&p.meta().labels)).collect()
    }
}

/// What selects the pods of a target.
pub fn selector_of(target: &Object) -> Option<Selector> {
    let by_labels = |s: &crate::api::LabelSelector| Selector::from_label_selector(Some(s)).ok();
    match target {
        Object::Deployment(o) => by_labels(&o.spec.as_ref()?.selector),
        Object::ReplicaSet(o) => by_labels(&o.spec.as_ref()?.selector),
        Object::StatefulSet(o) => by_labels(&o.spec.as_ref()?.selector),
        Object::DaemonSet(o) => by_labels(&o.spec.as_ref()?.selector),
        Object::ReplicationController(o) => Some(Selector::from_set(o.spec.as_ref()?.selector.as_ref()?)),
        Object::Service(o) => Some(Selector::from_set(o.spec.as_ref()?.selector.as_ref().filter(|s| !s.is_empty())?)),
        _ => None,
    }
}

/// All loads.
#[derive(Debug, Clone, Default)]
pub struct Loads(pub Vec<Load>);

impl Loads {
    /// Those of now.
    pub fn of(view: &View<'_>) -> Loads {
        Loads(view.note(NOTE).and_then(|note| serde_json::from_str(note).ok()).unwrap_or_default())
    }

    /// How they are kept; nothing for none.
    pub fn text(&self) -> String {
        if self.0.is_empty() { String::new() } else { serde_json::to_string(&self.0).unwrap_or_default() }
    }

    /// The thousandths of a processor that are loaded on a pod's container within a span of time, on average.
    pub fn cpu(&self, view: &View<'_>, pod: &Arc<Object>, container: &str, (from, to): (Time, Time)) -> i64 {
        if self.0.is_empty() || main_container(pod) != Some(container) {
            return 0;
        }
        let ours = self.0.iter().filter(|l| l.namespace == pod.namespace() && (l.cpu > 0 || l.requests > 0));
        ours.map(|load| {
            let pods = load.pods(view);
            if !pods.iter().any(|p| p.uid() == pod.uid()) {
                return 0;
            }
            let cost =
                view.sandbox(pod.uid()).and_then(|s| s.containers.get(container)).map_or(0, |c| c.request_cost());
            let by_requests = load.requests.saturating_mul(i64::from(cost)) / 1_000_000;
            let amount = load.cpu.saturating_add(by_requests);
            let (from, to) = (from.0.max(load.since), to.0.min(load.until.unwrap_or(i64::MAX)));
            if load.kind == Kind::Pod.name() {
                return amount.saturating_mul((to - from).max(0));
            }
            let since = |p: &&Arc<Object>| p.get::<Pod>().filter(|p| is_ready(p)).and_then(ready_since).map(|t| t.0);
            share(amount, pods.iter().filter_map(since).collect(), since(&pod), from, to)
        })
        .sum::<i64>()
            / (to - from).0.max(1)
    }

    /// The memory that is loaded on a pod's container, with the time until which it is.
    pub fn memory(&self, view: &View<'_>, pod: &Arc<Object>, container: &str, now: Time) -> Option<(u64, Time)> {
        if self.0.is_empty() || main_container(pod) != Some(container) {
            return None;
        }
        let ours = self.0.iter().filter(|l| l.namespace == pod.namespace() && l.memory > 0 && l.is_on(now));
        let on = ours.filter(|l| l.pods(view).iter().any(|p| p.uid() == pod.uid()));
        let most = on.max_by_key(|l| l.memory)?;
        Some((most.memory.unsigned_abs(), Time(most.until.unwrap_or(i64::MAX))))
    }
}

/// The container that load falls on.
pub fn main_container(pod: &Object) -> Option<&str> {
    let spec = pod.get::<Pod>()?.spec.as_ref()?;
    let named = pod.meta().annotations.as_ref().and_then(|a| a.get(DEFAULT_CONTAINER));
    let found = named.and_then(|name| spec.containers.iter().find(|c| c.name == *name));
    found.or(spec.containers.first()).map(|c| c.name.as_str())
}

/// What one of several pods gets of an amount within a span, times its length: the amount is shared by all that are
/// ready. `mine` is since when that one is.
fn share(amount: i64, mut ready: Vec<i64>, mine: Option<i64>, from: i64, to: i64) -> i64 {
    let Some(mine) = mine else { return 0 };
    ready.sort_unstable();
    let mut total = 0i64;
    let mut at = from.max(mine);
    while at < to {
        let count = ready.iter().filter(|since| **since <= at).count().max(1) as i64;
        let next = ready.iter().copied().find(|since| *since > at).unwrap_or(to).min(to);
        total = total.saturating_add(amount.saturating_mul(next - at) / count);
        at = next;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn what_is_loaded_is_shared_by_the_pods_that_are_ready() {
        assert_eq!(share(400, vec![0], Some(0), 0, 10), 4000);
        assert_eq!(share(400, vec![0, 0], Some(0), 0, 10), 2000);
        // The second became ready in the middle.
        assert_eq!(share(400, vec![0, 5], Some(0), 0, 10), 3000);
        assert_eq!(share(400, vec![0, 5], Some(5), 0, 10), 1000);
        assert_eq!(share(400, vec![0], None, 0, 10), 0);
    }
}
