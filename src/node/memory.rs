//! What a kubelet remembers of a pod that does not start: its failures and its back-offs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::{Duration, Object, ObjectKey, Time};
use crate::controllers::Outcome;
use crate::store::View;

/// How often something failed, and when for the last time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failures {
    pub(super) count: u32,
    last: i64,
}

impl Failures {
    /// One more.
    pub(super) fn add(&mut self, now: Time) {
        self.count += 1;
        self.last = now.0;
    }

    /// When they are over, if each doubles the wait from `first` up to `most`; none without failures.
    pub(super) fn back_off(self, first: Duration, most: Duration) -> Option<Time> {
        let doublings = self.count.checked_sub(1)?.min(20);
        Some(Time(self.last) + Duration(first.0 << doublings).min(most))
    }

    /// When to look again: soon after the first failure, then every so often; none without failures.
    pub(super) fn next_look(self, soon: Duration, later: Duration) -> Option<Time> {
        match self.count {
            0 => None,
            1 => Some(Time(self.last) + soon),
            _ => Some(Time(self.last) + later),
        }
    }
}

/// One container that did not start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ContainerMemory {
    /// The image that it failed with; another one begins anew.
    pub(super) image: String,
    /// Pulls that failed.
    pub(super) pulls: Failures,
    /// Attempts that failed, for whatever reason.
    pub(super) attempts: Failures,
    /// Runs that ended and were followed by another.
    #[serde(default)]
    pub(super) crashes: Crashes,
}

/// How long a container that ends again and again waits. Mirrors an entry of `flowcontrol.Backoff`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Crashes {
    /// The wait, in milliseconds; 0 before the first.
    wait: i64,
    updated: i64,
}

impl Crashes {
    /// How long to wait after a run that ended then; none where it may start at once. Mirrors `IsInBackOffSince`.
    pub(super) fn wait(self, ended: Time) -> Option<Duration> {
        let forgotten = ended.0 - self.updated > 2 * BACK_OFF.1.0;
        (self.wait > 0 && !forgotten).then_some(Duration(self.wait))
    }

    /// It is started again. Mirrors `Backoff.Next`.
    pub(super) fn next(&mut self, ended: Time, now: Time) {
        let wait = match self.wait(ended) {
            Some(wait) => Duration(wait.0 * 2).min(BACK_OFF.1),
            None => BACK_OFF.0,
        };
        *self = Crashes { wait: wait.0, updated: now.0 };
    }
}

/// Mirrors `MaxContainerBackOff`, which `containerBackOff` and `imageBackOff` share: 10 s, doubled up to 5 min.
pub(super) const BACK_OFF: (Duration, Duration) = (Duration::secs(10), Duration::secs(300));

/// One volume of a pod whose volumes are not all mounted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VolumeMemory {
    /// Attempts that failed.
    pub(super) failures: Failures,
    /// Whether it is mounted by now.
    pub(super) mounted: bool,
}

/// What is remembered of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    uid: String,
    /// Its volumes, by the pod's names for them, once one could not be mounted.
    #[serde(default)]
    pub(super) volumes: BTreeMap<String, VolumeMemory>,
    /// When the last of them was mounted.
    #[serde(default)]
    pub(super) mounted_at: Option<i64>,
    /// How often volumes were not attached and mounted in time.
    #[serde(default)]
    pub(super) timeouts: u32,
    /// Claims that did not do.
    #[serde(default)]
    pub(super) claims: Failures,
    /// Sandboxes that could not be made.
    #[serde(default)]
    pub(super) sandboxes: Failures,
    /// When ephemeral containers were first seen, in milliseconds, until they start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) ephemeral: BTreeMap<String, i64>,
    /// When what still runs beside containers that are through is killed, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ending: Option<i64>,
    /// Why the pod is to end though nobody deleted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) eviction: Option<Eviction>,
    #[serde(default)]
    containers: BTreeMap<String, ContainerMemory>,
}

/// Why a pod ends by its kubelet's decision, and when at the latest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Eviction {
    /// The reason that its status gives.
    pub(super) reason: String,
    /// The message there.
    pub(super) message: String,
    /// When what still runs is killed, in milliseconds.
    pub(super) deadline: i64,
}

fn note(key: &ObjectKey) -> String {
    format!("kubelet/{}/{}", key.namespace, key.name)
}

impl Memory {
    /// What is remembered of a pod; nothing of an earlier one of its name.
    pub(super) fn of(view: &View<'_>, pod: &Object) -> Memory {
        let kept = view.note(&note(&pod.key())).and_then(|text| serde_json::from_str(text).ok());
        kept.filter(|m: &Memory| m.uid == pod.uid())
            .unwrap_or_else(|| Memory { uid: pod.uid().to_string(), ..Default::default() })
    }

    /// What is remembered of a container with its image of now.
    pub(super) fn container(&self, name: &str, image: &str) -> ContainerMemory {
        self.containers.get(name).filter(|m| m.image == image).cloned().unwrap_or_default()
    }

    /// Remembers a container's failure.
    pub(super) fn set_container(&mut self, name: &str, memory: ContainerMemory) {
        self.containers.insert(name.to_string(), memory);
    }

    /// Forgets what kept a container from starting, now that it has.
    pub(super) fn forget_container(&mut self, name: &str) {
        if let Some(memory) = self.containers.get_mut(name) {
            (memory.pulls, memory.attempts) = Default::default();
            if memory.crashes == Crashes::default() {
                self.containers.remove(name);
            }
        }
    }

    /// Keeps what changed.
    pub(super) fn save(&self, before: &Memory, pod: &Object, outcome: &mut Outcome) {
        let fresh = Memory { uid: self.uid.clone(), ..Default::default() };
        if self != before {
            let text = if *self == fresh { String::new() } else { serde_json::to_string(self).unwrap_or_default() };
            outcome.note(note(&pod.key()), text);
        }
    }
}

/// Forgets a pod that is gone.
pub(super) fn forget(view: &View<'_>, key: &ObjectKey, outcome: &mut Outcome) {
    if view.note(&note(key)).is_some_and(|text| !text.is_empty()) {
        outcome.note(note(key), "");
    }
}
