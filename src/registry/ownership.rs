//! Who writes: the note that every write leaves in its object, and the managers that a replay of the notes gives.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Context, Registry};
use crate::api::k8s::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use crate::api::request::Agent;
use crate::api::{Kind, Object, Time};
use crate::error::ApiError;
use crate::kinds;
use crate::manifest::managed::{self, FieldSet, Manager, Managers};
use crate::store::Before;

/// The name under which a writer owns fields: for a controller that of the program which runs it on a real cluster.
fn manager_of<'a>(agent: &'a Agent, object: &Object) -> &'a str {
    match agent {
        Agent::Client(name) => name,
        Agent::Controller("scheduler") => "kube-scheduler",
        Agent::Controller("kubelet" | "kubelet-node-status") => "kubelet",
        Agent::Controller("external-provisioner") => match object.annotation("pv.kubernetes.io/provisioned-by") {
            Some("rancher.io/local-path") => "local-path-provisioner",
            Some("cluster.local/nfs-server-provisioner") => "nfs-provisioner",
            _ => "nfs-client-provisioner",
        },
        Agent::Controller(_) => "kube-controller-manager",
        Agent::Cluster if matches!(object.kind(), Kind::Node | Kind::Lease) => "kubelet",
        Agent::Cluster if object.kind() == Kind::StorageClass => "k3s",
        Agent::Cluster => "kube-apiserver",
    }
}

/// Marks the note of a user's write.
const BY_USER: &str = "Update";

fn is_by_user(entry: &ManagedFieldsEntry) -> bool {
    entry.fields_type.is_none() && entry.operation.as_deref() == Some(BY_USER)
}

impl Registry {
    /// The entries that a user's object brings along: none when it has only those that it was read with.
    ///
    /// Mirrors `decodeLiveOrNew` of `k8s.io/apimachinery/pkg/util/managedfields/internal/fieldmanager.go`.
    pub(super) fn owners_given(
        &self,
        context: &Context<'_>,
        given: Option<Vec<ManagedFieldsEntry>>,
        new: &Object,
    ) -> Result<Option<Vec<ManagedFieldsEntry>>, ApiError> {
        let (Some(given), Agent::Client(name)) = (given, &context.by.agent) else { return Ok(None) };
        if context.subresource == "status" {
            return Ok(None);
        }
        if given.iter().all(|entry| *entry == ManagedFieldsEntry::default()) {
            return Ok(Some(Vec::new()));
        }
        let old = self.view().get(&new.key()).cloned();
        let Some(old) = old.filter(|_| given.iter().all(|entry| entry.fields_type.is_some())) else { return Ok(None) };
        if given == self.managed_fields(&old)? || Some(&given) == old.meta().managed_fields.as_ref() {
            return Ok(None);
        }
        let kind = new.kind();
        let (mut managers, manager) = (Managers::decode(&given), Manager::updating(kind, name, context.subresource));
        let (live, new) = (managed::tree_of(&old), managed::tree_of(new));
        managers.update(kind, &live, &new, manager, &reset(kind, ""), self.now);
        Ok(Some(managers.encode()))
    }

    /// An object as the server sends it, with its entries worked out.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn with_owners(&self, object: &Arc<Object>) -> Result<Arc<Object>, ApiError> {
        let mut whole = Object::clone(object);
        whole.meta_mut().managed_fields = Some(self.managed_fields(object)?);
        Ok(Arc::new(whole))
    }

    /// The entries that a write would leave, for those who only ask.
    pub(super) fn owners_after(
        &self,
        context: &Context<'_>,
        old: &Arc<Object>,
        new: &Object,
    ) -> Result<Vec<ManagedFieldsEntry>, ApiError> {
        let (kind, subresource) = (new.kind(), context.subresource);
        let mut managers = self.managers(old)?;
        let manager = Manager::updating(kind, manager_of(&context.by.agent, new), subresource);
        let (live, new) = (managed::tree_of(old), managed::tree_of(new));
        managers.update(kind, &live, &new, manager, &reset(kind, subresource), self.now);
        Ok(managers.encode())
    }

    /// Notes who writes an object.
    pub(super) fn sign(&self, context: &Context<'_>, object: &mut Object) {
        let mut note = managed::note(manager_of(&context.by.agent, object), context.subresource, self.now);
        if matches!(context.by.agent, Agent::Client(_)) {
            note.operation = Some(BY_USER.into());
        }
        let entries = object.meta_mut().managed_fields.get_or_insert_default();
        // The note of the write before stays with the revision before; a user's also outlasts the log.
        let is_same = |e: &ManagedFieldsEntry| e.manager == note.manager && e.subresource == note.subresource;
        entries.retain(|e| e.fields_type.is_some() || is_by_user(e) && !is_same(e));
        entries.push(note);
    }

    /// Notes that what a write changes belongs to nobody: bindings and deletions pass the managers by.
    pub(super) fn leave_unsigned(object: &mut Object) {
        if managed::note_of(object).is_some() {
            let entries = object.meta_mut().managed_fields.get_or_insert_default();
            entries.retain(|e| e.fields_type.is_some() || is_by_user(e));
            entries.push(ManagedFieldsEntry::default());
        }
    }

    /// What a user owns of a new object, if that must be worked out at once: what is added to it on its way into the
    /// store belongs to nobody, and can't be told apart later.
    pub(super) fn first_owner(&self, context: &Context<'_>, object: &Object) -> Option<Vec<ManagedFieldsEntry>> {
        let Agent::Client(name) = &context.by.agent else { return None };
        let is_added_to = match object {
            Object::Pod(_) | Object::Service(_) | Object::Job(_) | Object::Namespace(_) | Object::Node(_) => true,
            Object::PersistentVolumeClaim(c) => c.spec.as_ref().is_none_or(|s| s.storage_class_name.is_none()),
            Object::Ingress(_) => true,
            _ => false,
        };
        if !is_added_to {
            return None;
        }
        let mut sent = object.clone();
        kinds::rules(object.kind()).set_defaults(&mut sent);
        Some(self.owner_of_all(name, &sent))
    }

    /// What a user owns of an object that nothing is stored of.
    pub fn owner_of_what_was_sent(&self, context: &Context<'_>, object: &Object) -> Vec<ManagedFieldsEntry> {
        self.owner_of_all(manager_of(&context.by.agent, object), object)
    }

    fn owner_of_all(&self, name: &str, sent: &Object) -> Vec<ManagedFieldsEntry> {
        let kind = sent.kind();
        let mut managers = Managers::default();
        let (tree, manager) = (managed::tree_of(sent), Manager::updating(kind, name, ""));
        managers.update(kind, &managed::empty_tree(kind), &tree, manager, &reset(kind, ""), self.now);
        managers.encode()
    }

    /// `metadata.managedFields` of an object as the server would show it.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn managed_fields(&self, object: &Arc<Object>) -> Result<Vec<ManagedFieldsEntry>, ApiError> {
        match managed::note_of(object) {
            None if matches!(**object, Object::Event(_)) => Ok(reporter(object)),
            None => Ok(object.meta().managed_fields.clone().unwrap_or_default()),
            Some(_) => self.managers(object).map(|m| m.encode()),
        }
    }

    /// The managers of an object: those that it carries, and what was written since they were worked out.
    pub(super) fn managers(&self, object: &Arc<Object>) -> Result<Managers, ApiError> {
        let kind = object.kind();
        let mut versions = vec![Arc::clone(object)];
        let mut known = true;
        while let Some(oldest) = versions.last().filter(|o| managed::note_of(o).is_some()) {
            match self.store.version_before(oldest)? {
                Before::Version(before) => versions.push((*before).into()),
                Before::Nothing => break,
                Before::Dropped => {
                    known = false;
                    break;
                }
            }
        }
        let Some(oldest) = versions.pop() else { return Ok(Managers::default()) };
        let mut managers = Managers::decode(&managed::worked_out(&oldest));
        let mut live = managed::tree_of(&oldest);
        match managed::note_of(&oldest).map(Note::of) {
            Some(note) if known => {
                let sent = as_sent(kind, &live);
                note.replay(&mut managers, kind, &managed::empty_tree(kind), &sent);
            }
            Some(note) => self.guess(&mut managers, &oldest, &live, &note),
            None => {}
        }
        let long = versions.len() > LONG;
        for (n, version) in versions.iter().enumerate().rev() {
            let Some(note) = managed::note_of(version).map(Note::of) else { continue };
            // Of a long row of writes by one writer only the last is looked at.
            let next = n.checked_sub(1).and_then(|n| versions.get(n)).and_then(|o| managed::note_of(o)).map(Note::of);
            if long && next.is_some_and(|next| next.is_of_same_writer(&note)) {
                continue;
            }
            let tree = managed::tree_of(version);
            note.replay(&mut managers, kind, &live, &tree);
            live = tree;
        }
        Ok(managers)
    }

    /// Who owns what of the oldest version that the log still has: those who wrote it last, or usually do.
    fn guess(&self, managers: &mut Managers, oldest: &Object, tree: &Value, note: &Note<'_>) {
        let kind = oldest.kind();
        let usual = |controller| manager_of(&Agent::Controller(controller), oldest).to_string();
        let (mut whole, mut status) = match kind {
            Kind::Node | Kind::Lease => (usual("kubelet"), usual("kubelet")),
            Kind::Pod => (usual(""), usual("kubelet")),
            Kind::PersistentVolume => (usual("external-provisioner"), usual("")),
            _ => (usual(""), usual("")),
        };
        let made = oldest.meta().creation_timestamp.as_ref().map(Time::from_meta).unwrap_or_default();
        let mut times = (made, made);
        let entries = oldest.meta().managed_fields.as_deref().unwrap_or_default();
        let mut users = entries.iter().filter(|e| is_by_user(e) && e.subresource.is_none()).map(Note::of);
        // What is worked out is the creator's; without that, the first note is.
        let user = if *managers == Managers::default() { users.next() } else { users.next_back() };
        match note.subresource {
            _ if note.manager.is_empty() => {}
            "status" => (status, times.1) = (note.manager.to_string(), note.at),
            _ => (whole, times.0) = (note.manager.to_string(), note.at),
        }
        if let Some(user) = user {
            (whole, times.0) = (user.manager.to_string(), user.at);
        }
        let whole = (Manager::updating(kind, &whole, ""), times.0);
        managers.fill(kind, tree, whole, (Manager::updating(kind, &status, "status"), times.1));
    }
}

/// How many versions are looked at one by one.
const LONG: usize = 100;

/// Who wrote a version, and when.
struct Note<'a> {
    /// Empty for a write that passes the managers by.
    manager: &'a str,
    subresource: &'a str,
    at: Time,
}

impl<'a> Note<'a> {
    fn of(entry: &'a ManagedFieldsEntry) -> Note<'a> {
        Note {
            manager: entry.manager.as_deref().unwrap_or_default(),
            subresource: entry.subresource.as_deref().unwrap_or_default(),
            at: entry.time.as_ref().map(Time::from_meta).unwrap_or_default(),
        }
    }

    fn is_of_same_writer(&self, other: &Note<'_>) -> bool {
        (self.manager, self.subresource) == (other.manager, other.subresource)
    }

    fn replay(&self, managers: &mut Managers, kind: Kind, live: &Value, new: &Value) {
        if !self.manager.is_empty() {
            let manager = Manager::updating(kind, self.manager, self.subresource);
            managers.update(kind, live, new, manager, &reset(kind, self.subresource), self.at);
        }
    }
}

/// Events bear the name of who reported them.
fn reporter(event: &Object) -> Vec<ManagedFieldsEntry> {
    let Object::Event(about) = event else { return Vec::new() };
    let source = about.source.as_ref().and_then(|s| s.component.as_deref());
    let name = match source.or(about.reporting_component.as_deref()).unwrap_or_default() {
        "kubelet" => "kubelet",
        "default-scheduler" => "kube-scheduler",
        provisioner if provisioner.contains("provisioner") => provisioner.split('_').next().unwrap_or_default(),
        _ => "kube-controller-manager",
    };
    let name = name.rsplit('/').next().unwrap_or_default();
    let written = about.last_timestamp.as_ref().or(event.meta().creation_timestamp.as_ref());
    let (kind, at) = (Kind::Event, written.map(Time::from_meta).unwrap_or_default());
    let mut managers = Managers::default();
    let (empty, tree) = (managed::empty_tree(kind), managed::tree_of(event));
    managers.update(kind, &empty, &tree, Manager::updating(kind, name, ""), &reset(kind, ""), at);
    managers.encode()
}

/// The fields that a write leaves alone.
pub(super) fn reset(kind: Kind, subresource: &str) -> FieldSet {
    managed::reset_fields(kinds::rules(kind).has_status(), subresource)
}

/// A new object as a controller sent it: without what admission adds to objects of its kind.
fn as_sent(kind: Kind, tree: &Value) -> Value {
    let mut tree = tree.clone();
    match kind {
        Kind::Pod => {
            let Some(spec) = tree["spec"].as_object_mut() else { return tree };
            for field in ["nodeName", "preemptionPolicy", "priority"] {
                spec.remove(field);
            }
            if spec.get("serviceAccountName").is_some_and(|name| name == "default") {
                spec.retain(|field, _| !field.starts_with("serviceAccount"));
            }
            let is_token = |v: &Value| v["name"].as_str().is_some_and(|n| n.starts_with("kube-api-access-"));
            let is_default = |t: &Value| {
                t["tolerationSeconds"] == 300
                    && matches!(
                        t["key"].as_str(),
                        Some("node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable")
                    )
            };
            retain(spec.get_mut("volumes"), |v| !is_token(v));
            retain(spec.get_mut("tolerations"), |t| !is_default(t));
            for list in ["containers", "initContainers"] {
                for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                    retain(container.get_mut("volumeMounts"), |m| !is_token(m));
                    container.as_object_mut().into_iter().for_each(drop_emptied);
                }
            }
            drop_emptied(spec);
        }
        Kind::PersistentVolume | Kind::PersistentVolumeClaim => {
            retain(tree["metadata"].get_mut("finalizers"), |f| {
                !matches!(f.as_str(), Some("kubernetes.io/pv-protection" | "kubernetes.io/pvc-protection"))
            });
            tree["metadata"].as_object_mut().into_iter().for_each(drop_emptied);
        }
        Kind::Job if tree["spec"]["manualSelector"] != true => {
            tree["spec"].as_object_mut().map(|spec| spec.remove("selector"));
            for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
                let labels = tree.pointer_mut(labels).and_then(Value::as_object_mut);
                labels.into_iter().for_each(|labels| labels.retain(|key, _| !GENERATED.contains(&key.as_str())));
            }
            for metadata in ["/metadata", "/spec/template/metadata"] {
                let metadata = tree.pointer_mut(metadata).and_then(Value::as_object_mut);
                metadata.into_iter().for_each(drop_emptied);
            }
        }
        Kind::Namespace => {
            tree["spec"].as_object_mut().map(|spec| spec.remove("finalizers"));
        }
        _ => {}
    }
    tree
}

/// The labels that a job without a selector of its own is given.
const GENERATED: [&str; 4] =
    ["batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name"];

fn drop_emptied(map: &mut Map<String, Value>) {
    let is_empty = |key: &str, value: &Value| match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => key == "labels" && map.is_empty(),
        _ => false,
    };
    map.retain(|key, value| !is_empty(key, value));
}

fn retain(list: Option<&mut Value>, keep: impl Fn(&Value) -> bool) {
    if let Some(Value::Array(list)) = list {
        list.retain(|item| keep(item));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::{Kind, Time};
    use crate::manifest::managed::FieldSet;
    use crate::manifest::strict;
    use crate::sim::{ClockMode, Cluster, Config};

    #[test]
    fn owners_are_known_where_the_log_has_forgotten_the_writes() {
        let config = Config { clock: ClockMode::Manual, ..Config::default() };
        let mut cluster = Cluster::new_in_memory(config, Time(0)).unwrap();
        cluster.begin(true, Time(0)).unwrap();
        let set = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}}}
        });
        cluster.create(strict::decode(Kind::ReplicaSet, &set).unwrap().object).unwrap();
        cluster.settle().unwrap();
        let owners = |cluster: &Cluster, kind| {
            let object = cluster.view().list(kind).next().cloned().unwrap();
            let line = |e: &super::ManagedFieldsEntry| {
                let fields = FieldSet::from_fields_v1(&e.fields_v1.as_ref().unwrap().0).paths().len();
                format!("{} {} {fields}\n", e.manager.as_deref().unwrap(), e.subresource.as_deref().unwrap_or("-"))
            };
            cluster.registry().managed_fields(&object).unwrap().iter().map(line).collect::<String>()
        };
        let before = [Kind::Pod, Kind::ReplicaSet].map(|kind| owners(&cluster, kind)).concat();
        insta::assert_snapshot!(before, @r"
        kube-controller-manager - 18
        kubelet status 35
        kubectl - 16
        kube-controller-manager status 6
        ");
        {
            let revision = cluster.revision();
            cluster.registry_mut().store_mut().compact(revision)
        }
        .unwrap();
        let after = [Kind::Pod, Kind::ReplicaSet].map(|kind| owners(&cluster, kind)).concat();
        insta::assert_snapshot!(after, @r"
        kube-controller-manager - 30
        kubelet status 40
        kubectl - 15
        kube-controller-manager status 6
        ");
    }
}
