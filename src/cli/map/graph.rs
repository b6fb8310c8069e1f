//! Who holds whom: pods, claims, volumes, classes and nodes, with what connects them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::api::Kind;
use crate::api::request::ListOptions;
use crate::error::ApiError;
use crate::kubectl::client::Client;

/// How it is with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mood {
    /// All is well.
    Good,
    /// It waits for something.
    Waits,
    /// Something is wrong.
    Bad,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Thing {
    /// `pod`, `persistentvolumeclaim`, ...
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) namespace: String,
    pub(super) name: String,
    /// What kubectl's table says of it: `Running`, `Pending`, ...
    pub(super) state: String,
    pub(super) mood: Mood,
    /// A few words more: size, modes, class.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) about: String,
}

impl Thing {
    /// `pod/NAME`, with the namespace where it is not the one that is looked at.
    pub(super) fn id(&self) -> String {
        match self.namespace.as_str() {
            "" => format!("{}/{}", self.kind, self.name),
            namespace => format!("{}/{namespace}/{}", self.kind, self.name),
        }
    }
}

/// That one object has to do with another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Link {
    pub(super) from: String,
    pub(super) to: String,
    /// `mounts`, `bound`, `of class`, `on`, `runs on`, `wants`.
    pub(super) what: &'static str,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Graph {
    pub(super) objects: Vec<Thing>,
    pub(super) links: BTreeSet<Link>,
}

impl Graph {
    /// The objects of a kind, in order.
    pub(super) fn of(&self, kind: &'static str) -> impl Iterator<Item = &Thing> {
        self.objects.iter().filter(move |thing| thing.kind == kind)
    }

    /// The object of an id.
    pub(super) fn find(&self, id: &str) -> Option<&Thing> {
        self.objects.iter().find(|thing| thing.id() == id)
    }

    /// What an object leads to by links of a kind.
    pub(super) fn from<'g>(&'g self, id: &str, what: &'static str) -> Vec<&'g str> {
        self.links.iter().filter(|l| l.from == id && l.what == what).map(|l| l.to.as_str()).collect()
    }

    /// What leads to an object by links of a kind.
    pub(super) fn to<'g>(&'g self, id: &str, what: &'static str) -> Vec<&'g str> {
        self.links.iter().filter(|l| l.to == id && l.what == what).map(|l| l.from.as_str()).collect()
    }

    /// Reads it; an empty namespace stands for all of them.
    ///
    /// # Errors
    /// The server's refusal.
    pub(super) fn read(client: &Client<'_>, namespace: &str) -> Result<Graph, ApiError> {
        let mut graph = Graph::default();
        graph.add(client, Kind::Node, "node", "", about_node)?;
        graph.add(client, Kind::StorageClass, "storageclass", "", about_class)?;
        let volumes = graph.add(client, Kind::PersistentVolume, "persistentvolume", "", about_volume)?;
        // What belongs to a claim of another namespace is not looked at.
        let of_others = |volume: &Value| {
            let whose = text(volume, "/spec/claimRef/namespace");
            !namespace.is_empty() && !whose.is_empty() && whose != namespace
        };
        let hidden: BTreeSet<&str> =
            volumes.iter().filter(|v| of_others(v)).map(|v| text(v, "/metadata/name")).collect();
        graph.objects.retain(|thing| thing.kind != "persistentvolume" || !hidden.contains(thing.name.as_str()));
        let claims = graph.add(client, Kind::PersistentVolumeClaim, "persistentvolumeclaim", namespace, about_claim)?;
        let pods = graph.add(client, Kind::Pod, "pod", namespace, |_| String::new())?;
        for volume in &volumes {
            let id = format!("persistentvolume/{}", text(volume, "/metadata/name"));
            graph.link(&id, "storageclass", text(volume, "/spec/storageClassName"), "of class");
            for node in nodes_of(volume) {
                graph.link(&id, "node", &node, "on");
            }
        }
        for claim in &claims {
            let (namespace, name) = (text(claim, "/metadata/namespace"), text(claim, "/metadata/name"));
            let id = format!("persistentvolumeclaim/{namespace}/{name}");
            graph.link(&id, "persistentvolume", text(claim, "/spec/volumeName"), "bound");
            if text(claim, "/spec/volumeName").is_empty() {
                graph.link(&id, "storageclass", text(claim, "/spec/storageClassName"), "wants");
            }
        }
        for pod in &pods {
            let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
            let id = format!("pod/{namespace}/{name}");
            graph.link(&id, "node", text(pod, "/spec/nodeName"), "runs on");
            for volume in list(pod, "/spec/volumes") {
                let claim = text(volume, "/persistentVolumeClaim/claimName");
                if !claim.is_empty() {
                    graph.link(&id, "persistentvolumeclaim", &format!("{namespace}/{claim}"), "mounts");
                }
                if volume.get("ephemeral").is_some() {
                    let claim = format!("{namespace}/{name}-{}", text(volume, "/name"));
                    graph.link(&id, "persistentvolumeclaim", &claim, "mounts");
                }
            }
        }
        // What leads nowhere that is known is not drawn.
        let known: BTreeSet<String> = graph.objects.iter().map(Thing::id).collect();
        graph.links.retain(|link| known.contains(&link.from) && known.contains(&link.to));
        Ok(graph)
    }

    fn link(&mut self, from: &str, kind: &str, name: &str, what: &'static str) {
        if !name.is_empty() {
            self.links.insert(Link { from: from.to_string(), to: format!("{kind}/{name}"), what });
        }
    }

    /// Adds the objects of a kind, and gives their trees.
    fn add(
        &mut self,
        client: &Client<'_>,
        kind: Kind,
        name: &'static str,
        namespace: &str,
        about: impl Fn(&Value) -> String,
    ) -> Result<Vec<Value>, ApiError> {
        let objects = client.list(kind, namespace, &ListOptions::default())?;
        let table = client.table(kind, &objects);
        let column = |wanted: &str| table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(wanted));
        let (status, ready) = (column("status"), column("ready"));
        let mut trees = Vec::new();
        for (object, row) in objects.iter().zip(&table.rows) {
            let cell =
                |at: Option<usize>| at.and_then(|at| row.cells.get(at)).map(|c| c.to_string()).unwrap_or_default();
            let tree = object.to_tree();
            let state = cell(status).trim_matches('"').to_string();
            let mood = mood_of(name, &state, &cell(ready));
            let (namespace, name_of) = (object.namespace().to_string(), object.name().to_string());
            self.objects.push(Thing { kind: name, namespace, name: name_of, state, mood, about: about(&tree) });
            trees.push(tree);
        }
        Ok(trees)
    }
}

fn mood_of(kind: &str, state: &str, ready: &str) -> Mood {
    let counts: Option<(u32, u32)> =
        ready.trim_matches('"').split_once('/').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    match (kind, state) {
        ("storageclass", _) => Mood::Good,
        ("pod", "Running") => counts.map_or(Mood::Good, |(is, all)| if is < all { Mood::Waits } else { Mood::Good }),
        (_, "Bound" | "Available" | "Ready" | "Completed" | "Succeeded") => Mood::Good,
        (_, "Pending" | "ContainerCreating" | "PodInitializing" | "Terminating" | "Released") => Mood::Waits,
        (_, state) if state.starts_with("Init:") && !state.contains("rr") && !state.contains("Back") => Mood::Waits,
        (_, state) if state.starts_with("Ready,") => Mood::Waits,
        _ => Mood::Bad,
    }
}

fn text<'v>(tree: &'v Value, at: &str) -> &'v str {
    tree.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(tree: &'v Value, at: &str) -> impl Iterator<Item = &'v Value> {
    tree.pointer(at).and_then(Value::as_array).into_iter().flatten()
}

/// The nodes that a volume's affinity names.
fn nodes_of(volume: &Value) -> Vec<String> {
    let terms = list(volume, "/spec/nodeAffinity/required/nodeSelectorTerms");
    let rules = terms.flat_map(|term| list(term, "/matchExpressions"));
    let names = rules.filter(|rule| text(rule, "/key") == "kubernetes.io/hostname" && text(rule, "/operator") == "In");
    names.flat_map(|rule| list(rule, "/values")).filter_map(Value::as_str).map(String::from).collect()
}

fn modes(tree: &Value) -> String {
    let short = |mode: &str| match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        _ => "?",
    };
    list(tree, "/spec/accessModes").filter_map(Value::as_str).map(short).collect::<Vec<_>>().join(",")
}

fn words(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

fn about_volume(tree: &Value) -> String {
    let (size, policy) = (text(tree, "/spec/capacity/storage"), text(tree, "/spec/persistentVolumeReclaimPolicy"));
    words(&[size, &modes(tree), policy])
}

fn about_claim(tree: &Value) -> String {
    let has = text(tree, "/status/capacity/storage");
    let size = if has.is_empty() { text(tree, "/spec/resources/requests/storage") } else { has };
    words(&[size, &modes(tree)])
}

fn about_class(tree: &Value) -> String {
    let is_default = tree.pointer("/metadata/annotations/storageclass.kubernetes.io~1is-default-class");
    let default = if is_default.and_then(Value::as_str) == Some("true") { "(default)" } else { "" };
    words(&[default, text(tree, "/provisioner"), text(tree, "/reclaimPolicy"), text(tree, "/volumeBindingMode")])
}

fn about_node(tree: &Value) -> String {
    let taints: BTreeMap<&str, ()> = list(tree, "/spec/taints").map(|taint| (text(taint, "/key"), ())).collect();
    taints.into_keys().collect::<Vec<_>>().join(" ")
}
