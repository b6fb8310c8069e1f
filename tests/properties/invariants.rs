//! What holds at every revision, and what holds when a cluster has settled.

use std::collections::{BTreeMap, BTreeSet};

use kstate::api::k8s::api::apps::v1::StatefulSet;
use kstate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use kstate::api::object::controller_of;
use kstate::api::pod::claims_of;
use kstate::api::{Kind, Object, ObjectKey, Typed};
use kstate::controllers::persistent_volume::check_volume_node_affinity;
use kstate::controllers::pods::{is_ready, is_terminal, is_terminating};
use kstate::sim::Cluster;

use super::scenario::PODS_PER_NODE;

const KINDS: [Kind; 5] =
    [Kind::Node, Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::Pod, Kind::StatefulSet];

/// The cluster as it was at the last revision that was looked at.
#[derive(Default)]
pub struct Model {
    revision: u64,
    objects: BTreeMap<ObjectKey, Object>,
    /// The uids of what the user deleted.
    pub deleted: BTreeSet<String>,
}

impl Model {
    /// Follows every revision since the last time.
    ///
    /// # Errors
    /// What does not hold.
    pub fn follow(&mut self, cluster: &Cluster) -> Result<(), String> {
        let mut news = Vec::new();
        for kind in KINDS {
            news.extend(cluster.store().changes_after(kind, self.revision).map_err(|e| e.to_string())?);
        }
        news.sort_by_key(|(revision, _, _)| *revision);
        for (revision, object, gone) in news {
            self.step(&object, gone).map_err(|e| format!("at revision {revision}: {e}"))?;
            self.revision = revision;
        }
        Ok(())
    }

    fn all<'a, T: Typed + 'a>(&'a self) -> impl Iterator<Item = &'a T> {
        self.objects.values().filter_map(|o| o.get::<T>())
    }

    fn get<T: Typed>(&self, namespace: &str, name: &str) -> Option<&T> {
        self.objects.get(&ObjectKey::new(T::OF, namespace, name))?.get::<T>()
    }

    /// Takes one revision.
    pub fn step(&mut self, object: &Object, gone: bool) -> Result<(), String> {
        let key = object.key();
        if gone {
            self.may_go(object)?;
            self.objects.remove(&key);
            return Ok(());
        }
        let before = self.objects.get(&key);
        if let Some(pod) = object.get::<Pod>() {
            let node = |o: &Object| o.get::<Pod>().map(|p| node_of(p).to_string()).unwrap_or_default();
            if before.is_none() {
                self.may_start(pod)?;
            }
            let (was, is) = (before.map(node).unwrap_or_default(), node(object));
            if was != is {
                ensure(was.is_empty(), || format!("{key} moves from {was} to {is}"))?;
                self.may_be_bound(pod)?;
            }
        }
        self.objects.insert(key, object.clone());
        self.bindings_agree()?;
        self.nodes_are_not_overfull()
    }

    /// An object vanishes only if nobody needs it any more.
    fn may_go(&self, object: &Object) -> Result<(), String> {
        let key = object.key();
        match object {
            Object::PersistentVolume(volume) => {
                let policy = volume.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.as_deref());
                let asked = self.deleted.contains(object.uid());
                ensure(asked || policy == Some("Delete"), || format!("{key} is lost, whose policy is {policy:?}"))?;
                let claim = bound_claim(volume).and_then(|(ns, name, uid)| {
                    self.get::<PersistentVolumeClaim>(&ns, &name).filter(|c| c.metadata.uid.as_deref() == Some(&uid))
                });
                ensure(claim.is_none(), || format!("{key} is gone though its claim is there"))
            }
            Object::PersistentVolumeClaim(_) => {
                ensure(self.deleted.contains(object.uid()), || format!("{key} is gone and nobody deleted it"))?;
                let user = self.all::<Pod>().find(|p| {
                    !node_of(p).is_empty() && !is_terminal(p) && claims_of(p).iter().any(|c| *c == claim_path(&key))
                });
                ensure(user.is_none(), || format!("{key} is gone though {:?} uses it", user.map(|p| &p.metadata.name)))
            }
            _ => Ok(()),
        }
    }

    /// No volume is bound to two claims, and both sides of a binding name each other.
    fn bindings_agree(&self) -> Result<(), String> {
        let mut taken = BTreeMap::new();
        for claim in self.all::<PersistentVolumeClaim>() {
            let phase = claim.status.as_ref().and_then(|s| s.phase.as_deref());
            let volume = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
            if phase != Some("Bound") {
                continue;
            }
            let name = claim.metadata.name.as_deref().unwrap_or_default();
            if let Some(other) = taken.insert(volume, name) {
                return Err(format!("{volume} is bound to {other} and to {name}"));
            }
            if let Some(there) = self.get::<PersistentVolume>("", volume) {
                let bound_to = bound_claim(there).map(|(_, _, uid)| uid);
                ensure(bound_to == claim.metadata.uid, || {
                    format!("{name} is bound to {volume}, which is not its own")
                })?;
            }
        }
        Ok(())
    }

    fn nodes_are_not_overfull(&self) -> Result<(), String> {
        let mut pods: BTreeMap<&str, i64> = BTreeMap::new();
        for pod in self.all::<Pod>().filter(|p| !node_of(p).is_empty() && !is_terminal(p)) {
            *pods.entry(node_of(pod)).or_default() += 1;
        }
        match pods.iter().find(|(_, n)| **n > PODS_PER_NODE) {
            Some((node, n)) => Err(format!("{n} pods are on {node}, which takes {PODS_PER_NODE}")),
            None => Ok(()),
        }
    }

    /// A pod gets a node only if its volumes are bound and can be reached from there.
    fn may_be_bound(&self, pod: &Pod) -> Result<(), String> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let node = self.get::<Node>("", node_of(pod)).ok_or(format!("{name} is bound to a node that is not there"))?;
        for claim in claims_of(pod) {
            let (namespace, claim) = claim.split_once('/').unwrap_or_default();
            let found = self.get::<PersistentVolumeClaim>(namespace, claim).and_then(|c| c.spec.as_ref());
            let volume = found.and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
            let volume = self.get::<PersistentVolume>("", volume);
            let volume = volume.ok_or(format!("{name} is bound to a node before its claim {claim} has a volume"))?;
            ensure(check_volume_node_affinity(volume, node), || {
                format!("{name} is on {}, which the volume of {claim} forbids", node_of(pod))
            })?;
        }
        Ok(())
    }

    /// An ordered set starts a pod only when all before it are ready, and no set has two pods of one ordinal.
    fn may_start(&self, pod: &Pod) -> Result<(), String> {
        let Some(owner) = controller_of(&pod.metadata).filter(|o| o.kind == "StatefulSet") else { return Ok(()) };
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let ordinal = ordinal(name);
        let siblings = || {
            self.all::<Pod>().filter(|p| controller_of(&p.metadata).is_some_and(|o| o.uid == owner.uid)).map(|p| {
                let n = self::ordinal(p.metadata.name.as_deref().unwrap_or_default());
                (n, p)
            })
        };
        ensure(siblings().all(|(n, _)| n != ordinal), || format!("{name} is there twice"))?;
        let set = self.get::<StatefulSet>("default", &owner.name).and_then(|s| s.spec.as_ref());
        if set.and_then(|s| s.pod_management_policy.as_deref()) != Some("OrderedReady") {
            return Ok(());
        }
        for n in 0..ordinal {
            let ready = siblings().any(|(other, p)| other == n && is_ready(p) && !is_terminating(&p.metadata));
            ensure(ready, || format!("{name} is started though number {n} is not ready"))?;
        }
        Ok(())
    }

    /// What holds when nothing is due any more.
    ///
    /// # Errors
    /// What does not.
    pub fn settled(&self) -> Result<(), String> {
        let claims: Vec<&PersistentVolumeClaim> = self.all().collect();
        for volume in self.all::<PersistentVolume>() {
            let phase = volume.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default();
            let name = volume.metadata.name.as_deref().unwrap_or_default();
            let claim = bound_claim(volume).and_then(|(_, _, uid)| {
                claims.iter().find(|c| c.metadata.uid.as_deref() == Some(&uid)).and_then(|c| c.spec.as_ref())
            });
            let mutual = claim.and_then(|s| s.volume_name.as_deref()) == Some(name);
            ensure((phase == "Bound") == mutual, || format!("{name} is {phase}, its claim {claim:?}"))?;
        }
        let free: Vec<&PersistentVolume> = self.all::<PersistentVolume>().filter(|v| is_free(v)).collect();
        for claim in claims.iter().filter(|c| is_pending(c) && class_of_claim(c) == "manual") {
            let fits = free.iter().find(|v| class_of_volume(v) == "manual" && gi(&size(v)) >= gi(&request(claim)));
            ensure(fits.is_none(), || {
                format!("{:?} waits though {:?} is free", claim.metadata.name, fits.map(|v| &v.metadata.name))
            })?;
        }
        for set in self.all::<StatefulSet>() {
            let uid = set.metadata.uid.as_deref().unwrap_or_default();
            let own = |p: &&Pod| controller_of(&p.metadata).is_some_and(|o| o.uid == uid);
            let pods = self.all::<Pod>().filter(own).count();
            let ready = self.all::<Pod>().filter(own).filter(|p| is_ready(p)).count();
            let status = set.status.clone().unwrap_or_default();
            let said = (status.replicas, status.ready_replicas.unwrap_or(0));
            let found = (i32::try_from(pods).unwrap_or(-1), i32::try_from(ready).unwrap_or(-1));
            ensure(said == found, || format!("{:?} says {said:?} of {found:?}", set.metadata.name))?;
        }
        Ok(())
    }

    /// The phases of all pods, claims and volumes, sorted: names and nodes left out where they are drawn.
    pub fn outcome(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for object in self.objects.values() {
            let name = object.name();
            match object {
                Object::Pod(p) => {
                    let phase = p.status.as_ref().and_then(|s| s.phase.clone()).unwrap_or_default();
                    lines.push(format!("pod {name} {phase} ready={}", is_ready(p)));
                }
                Object::PersistentVolumeClaim(c) => {
                    let phase = c.status.as_ref().and_then(|s| s.phase.clone()).unwrap_or_default();
                    lines.push(format!("claim {} {phase}", if name.contains("set-") { name } else { "" }));
                }
                Object::PersistentVolume(v) => {
                    let phase = v.status.as_ref().and_then(|s| s.phase.clone()).unwrap_or_default();
                    lines.push(format!("volume {} {phase}", size(v)));
                }
                _ => {}
            }
        }
        lines.sort();
        lines
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default()
}

fn ordinal(pod: &str) -> u32 {
    pod.rsplit_once('-').and_then(|(_, n)| n.parse().ok()).unwrap_or(0)
}

fn claim_path(key: &ObjectKey) -> String {
    format!("{}/{}", key.namespace, key.name)
}

/// Namespace, name and uid of the claim that a volume is bound to.
fn bound_claim(volume: &PersistentVolume) -> Option<(String, String, String)> {
    let claim = volume.spec.as_ref()?.claim_ref.as_ref()?;
    Some((claim.namespace.clone()?, claim.name.clone()?, claim.uid.clone()?))
}

fn is_free(volume: &PersistentVolume) -> bool {
    volume.metadata.deletion_timestamp.is_none()
        && volume.spec.as_ref().is_some_and(|s| s.claim_ref.is_none())
        && volume.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Available")
}

fn is_pending(claim: &PersistentVolumeClaim) -> bool {
    claim.metadata.deletion_timestamp.is_none()
        && claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Pending")
}

fn class_of_volume(volume: &PersistentVolume) -> &str {
    volume.spec.as_ref().and_then(|s| s.storage_class_name.as_deref()).unwrap_or_default()
}

fn class_of_claim(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().and_then(|s| s.storage_class_name.as_deref()).unwrap_or_default()
}

fn size(volume: &PersistentVolume) -> String {
    volume.spec.as_ref().and_then(|s| s.capacity.as_ref()?.get("storage")).map(|q| q.0.clone()).unwrap_or_default()
}

fn request(claim: &PersistentVolumeClaim) -> String {
    let resources = claim.spec.as_ref().and_then(|s| s.resources.as_ref());
    resources.and_then(|r| r.requests.as_ref()?.get("storage")).map(|q| q.0.clone()).unwrap_or_default()
}

fn gi(quantity: &str) -> u32 {
    quantity.trim_end_matches("Gi").parse().unwrap_or(0)
}
