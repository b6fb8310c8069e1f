//! Load that somebody puts on pods, and takes off again.

use super::Cluster;
use super::queue::Item;
use crate::api::{Duration, Object, ObjectKey, Time};
use crate::controllers::metrics::load::{Load, Loads, NOTE, main_container};
use crate::node;

/// How long a load that is over is remembered: until no window of time that is looked at holds any of it.
const REMEMBERED: Duration = Duration::secs(60);

impl Cluster {
    /// The loads that are on.
    pub fn loads(&self) -> Vec<Load> {
        let now = self.now();
        Loads::of(&self.view()).0.into_iter().filter(|load| load.is_on(now)).collect()
    }

    /// Puts a load on its target, in place of the one that is on it.
    pub fn put_load(&mut self, load: Load) {
        let Load { kind, namespace, name, .. } = load.clone();
        self.change_loads(|l| (&l.kind, &l.namespace, &l.name) == (&kind, &namespace, &name), Some(load));
    }

    /// Takes the load off a target. Whether there was one.
    pub fn take_load(&mut self, key: &ObjectKey) -> bool {
        let now = self.now();
        let was = Loads::of(&self.view()).0.iter().any(|load| load.is_of(key) && load.is_on(now));
        self.change_loads(|load| load.is_of(key), None);
        was
    }

    fn change_loads(&mut self, same: impl Fn(&Load) -> bool, new: Option<Load>) {
        let now = self.now();
        let mut loads = Loads::of(&self.view());
        let mut touched: Vec<Load> = new.iter().cloned().collect();
        for load in loads.0.iter_mut().filter(|load| same(load)) {
            load.until = Some(load.until.unwrap_or(now.0).min(now.0));
            touched.push(load.clone());
        }
        loads.0.retain(|load| load.until.is_none_or(|until| until > (now - REMEMBERED).0));
        loads.0.extend(new);
        self.store_mut().set_setting(&format!("note/{NOTE}"), &loads.text());
        for load in touched.iter().filter(|load| load.memory > 0) {
            self.press(load, &loads, now);
        }
    }

    /// Has the pods of a load hold what memory is loaded on them now; their kubelets hear of it.
    fn press(&mut self, load: &Load, loads: &Loads, now: Time) {
        let view = self.view();
        let of = |pod: &std::sync::Arc<Object>| {
            let container = main_container(pod)?.to_string();
            let pressed = loads.memory(&view, pod, &container, now);
            Some((pod.uid().to_string(), pod.key(), container, pressed))
        };
        let pods: Vec<_> = load.pods(&view).into_iter().filter_map(of).collect();
        for (uid, key, container, pressed) in pods {
            self.store_mut().with_sandbox(&uid, now, |sandbox, _| {
                let (bytes, until) = pressed.unwrap_or_default();
                sandbox.press(&container, bytes, until);
            });
            let item = Item { controller: node::KUBELET, key };
            self.queue.add(item, now, false, self.registry.store());
        }
    }
}
