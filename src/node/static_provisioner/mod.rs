//! The local static provisioner: it makes volumes of the disks that are in a folder of its node, and empties those that
//! were released.
//!
//! Mirrors `pkg/controller`, `pkg/discovery` and `pkg/deleter` of kubernetes-sigs/sig-storage-local-static-provisioner.
//! The key is a pod of its DaemonSet: where one runs, its loop looks every ten seconds, here only if there is something to
//! do.

mod config;
mod deleter;
mod discovery;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::config::Config;
use super::kubelet::node_name;
use super::node_disks::{self, NodeDisk, State};
use crate::api::k8s::api::core::v1::{Container, Node, PersistentVolume, Pod};
use crate::api::object::annotation_of;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::persistent_volume::helpers::ANN_DYNAMICALLY_PROVISIONED;
use crate::controllers::{Controller, Outcome};
use crate::store::{Change, View};

/// The controller's name, which the names of the provisioners of nodes begin with; and the image's.
pub const NAME: &str = "local-volume-provisioner";

/// `--discovery-period`.
const DISCOVERY_PERIOD: Duration = Duration::secs(10);

/// The note that names the pods of provisioners.
const NOTE: &str = "local-volume-provisioners";

/// See the module.
pub(super) struct StaticProvisioner;

/// A provisioner that runs: where, in which container, and since when its loop does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Running {
    node: String,
    container: String,
    since: i64,
}

/// The provisioners that run, by `NAMESPACE/NAME` of their pods.
type Provisioners = BTreeMap<String, Running>;

fn provisioners(view: &View<'_>) -> Provisioners {
    view.note(NOTE).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn keep(provisioners: &Provisioners, outcome: &mut Outcome) {
    let text = match provisioners.is_empty() {
        true => String::new(),
        false => serde_json::to_string(provisioners).unwrap_or_default(),
    };
    outcome.note(NOTE, text);
}

fn key_of(pod: &str) -> ObjectKey {
    let (namespace, name) = pod.split_once('/').unwrap_or(("", pod));
    ObjectKey::new(Kind::Pod, namespace, name)
}

/// The pods of the provisioners that run on a node.
pub fn on_node(view: &View<'_>, node: &str) -> Vec<ObjectKey> {
    let all = provisioners(view).into_iter().filter(|(_, running)| running.node == node);
    all.map(|(pod, _)| key_of(&pod)).collect()
}

impl Controller for StaticProvisioner {
    fn name(&self) -> &'static str {
        NAME
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let object = change.new.as_deref().or(change.old.as_deref());
        match change.key.kind {
            Kind::Pod => {
                if object.and_then(Object::get::<Pod>).is_some_and(|pod| container_of(pod).is_some()) {
                    enqueue(change.key.clone());
                }
            }
            Kind::PersistentVolume => {
                let made_by = object
                    .and_then(Object::get::<PersistentVolume>)
                    .and_then(|v| annotation_of(&v.metadata, ANN_DYNAMICALLY_PROVISIONED))
                    .filter(|name| name.starts_with(NAME));
                let Some(made_by) = made_by else { return };
                let theirs =
                    |running: &Running| made_by.get(NAME.len() + 1..).is_some_and(|n| n.starts_with(&running.node));
                let all = provisioners(view).into_iter().filter(|(_, running)| theirs(running));
                all.for_each(|(pod, _)| enqueue(key_of(&pod)));
            }
            Kind::StorageClass => provisioners(view).keys().for_each(|pod| enqueue(key_of(pod))),
            Kind::ConfigMap => {
                let here = provisioners(view).into_keys().map(|pod| key_of(&pod));
                here.filter(|key| key.namespace == change.key.namespace).for_each(enqueue);
            }
            Kind::Node if change.new.is_some() && change.old == change.new => {
                on_node(view, &change.key.name).into_iter().for_each(enqueue);
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let (mut all, id) = (provisioners(view), format!("{}/{}", key.namespace, key.name));
        let pod = view.get_as::<Pod>(&key.namespace, &key.name);
        let Some((pod, container, started)) = pod.and_then(|pod| Some((pod, container_of(pod)?, running(pod)?))) else {
            if all.remove(&id).is_some() {
                keep(&all, &mut outcome);
            }
            return outcome;
        };
        let Some(node) = view.get_as::<Node>("", node_name(pod)) else { return outcome };
        if view.kubelet_stopped_since(node_name(pod)).is_some() {
            return outcome;
        }
        let known = all.get(&id).filter(|running| running.container == started.0).map(|running| Time(running.since));
        let since = known.unwrap_or(now);
        if known.is_none() {
            all.insert(id, Running { node: node_name(pod).to_string(), container: started.0, since: now.0 });
            keep(&all, &mut outcome);
        }
        let config = Config::of(view, pod, container);
        let name = provisioner_name(node, &config);
        let provisioner = Provisioner { view, pod, node, container, started: started.1, config, name };
        let mut turn = Turn::default();
        provisioner.delete_volumes(&mut turn);
        provisioner.discover_local_volumes(&mut turn);
        let over = Duration((now - since).0.rem_euclid(DISCOVERY_PERIOD.0));
        let next = DISCOVERY_PERIOD - over;
        if over == Duration::ZERO {
            outcome.actions.extend(turn.outcome.actions);
        }
        match (turn.gets_on, turn.fails) {
            (true, _) => outcome.after(next),
            (false, true) => outcome.recurring(next),
            (false, false) => {}
        }
        outcome
    }
}

/// The container of the provisioner in a pod.
fn container_of(pod: &Pod) -> Option<&Container> {
    let is_it = |container: &&Container| {
        let image = container.image.as_deref().unwrap_or_default();
        let image = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        image.split(':').next() == Some(NAME)
    };
    pod.spec.as_ref()?.containers.iter().find(is_it)
}

/// The number of the container that runs, and since when it does.
fn running(pod: &Pod) -> Option<(String, Time)> {
    let name = &container_of(pod)?.name;
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let status = pod.status.as_ref()?.container_statuses.as_ref()?.iter().find(|s| s.name == *name)?;
    let started = status.state.as_ref()?.running.as_ref()?.started_at.as_ref().map(Time::from_meta)?;
    Some((status.container_id.clone()?, started))
}

/// Mirrors the name that `StartLocalController` makes up.
fn provisioner_name(node: &Node, config: &Config) -> String {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    match config.use_node_name_only {
        true => format!("{NAME}-{name}"),
        false => format!("{NAME}-{name}-{}", node.metadata.uid.as_deref().unwrap_or_default()),
    }
}

/// A provisioner at work.
struct Provisioner<'a> {
    view: &'a View<'a>,
    pod: &'a Pod,
    node: &'a Node,
    container: &'a Container,
    started: Time,
    config: Config,
    name: String,
}

/// What one round of the loop brings.
#[derive(Default)]
struct Turn {
    outcome: Outcome,
    /// Whether it brings something on.
    gets_on: bool,
    /// Whether something fails that the next round tries again.
    fails: bool,
}

/// The note that says that a volume is being emptied.
fn cleaning(volume: &str) -> String {
    format!("local-volume-cleaning/{volume}")
}

impl Provisioner<'_> {
    fn node_name(&self) -> &str {
        self.node.metadata.name.as_deref().unwrap_or_default()
    }

    /// Where a folder of the container is on the node, and whether what is mounted there later is seen.
    fn on_host(&self, folder: &str) -> Option<(String, bool)> {
        let is_over = |at: &str| folder.strip_prefix(at).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let mounts = self.container.volume_mounts.iter().flatten();
        let over = mounts.filter_map(|m| Some((m, is_over(m.mount_path.trim_end_matches('/'))?)));
        let (mount, rest) = over.max_by_key(|(m, _)| m.mount_path.len())?;
        let volumes = self.pod.spec.as_ref()?.volumes.iter().flatten();
        let host = volumes.into_iter().find(|v| v.name == mount.name)?.host_path.as_ref()?;
        let propagates = matches!(mount.mount_propagation.as_deref(), Some("HostToContainer" | "Bidirectional"));
        Some((super::disk::clean(&format!("{}{rest}", host.path)), propagates))
    }

    /// The disks in a folder of the container, by name.
    fn read_dir(&self, folder: &str) -> BTreeMap<String, NodeDisk> {
        let Some((host, propagates)) = self.on_host(folder) else { return BTreeMap::new() };
        let disks = node_disks::disks(self.view, self.node_name()).into_iter();
        let there = disks.filter(|(_, disk)| disk.state != State::Gone);
        // OBSERVATION: what was mounted later is a plain folder to a container without mount propagation.
        let seen = there.filter(|(_, disk)| disk.block || propagates || disk.added <= self.started);
        let named = seen.filter_map(|(path, disk)| {
            let (parent, name) = path.rsplit_once('/')?;
            (parent == host).then(|| (name.to_string(), disk))
        });
        named.collect()
    }
}
