//! The provisioners that run as pods of the cluster: whom they serve, and what they may.
//!
//! Mirrors `sig-storage-lib-external-provisioner` as its programs use it. That one runs, its program has said itself
//! (`machine::images::provisioner`); what it makes is in `nfs` and `local_path`, what it says in `voice`.

use serde::{Deserialize, Serialize};

use super::{ANN_DYNAMICALLY_PROVISIONED, has_volume, provisioner_of};
use crate::api::k8s::api::apps::v1::{Deployment, StatefulSet};
use crate::api::k8s::api::core::v1::{Container, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec};
use crate::api::object::annotation_of;
use crate::api::scalar::quote;
use crate::api::user::User;
use crate::api::{Kind, ObjectKey};
use crate::kinds::rbac::authorizer::{Attributes, allowed};
use crate::store::{Provisions, View, Which};

/// A provisioner that runs in a pod.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Served {
    namespace: String,
    pod: String,
    uid: String,
    /// Its service account.
    #[serde(skip)]
    account: String,
    provisions: Provisions,
}

/// The name of the note that says which pods serve a name.
pub fn served_note(name: &str) -> String {
    format!("provisioner-pods/{name}")
}

/// What that note says once one more pod serves it. Pods that are gone are forgotten.
pub fn with_served(view: &View<'_>, pod: &ObjectKey, uid: &str, provisions: Provisions) -> String {
    let mut all = noted(view, &provisions.name);
    all.retain(|served| served.uid != uid && pod_of(view, served).is_some());
    let (namespace, name) = (pod.namespace.to_string(), pod.name.to_string());
    all.push(Served { namespace, pod: name, uid: uid.into(), account: String::new(), provisions });
    serde_json::to_string(&all).unwrap_or_default()
}

fn noted(view: &View<'_>, name: &str) -> Vec<Served> {
    view.note(&served_note(name)).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn pod_of<'a>(view: &View<'a>, served: &Served) -> Option<&'a Pod> {
    let pod = view.get_as::<Pod>(&served.namespace, &served.pod)?;
    (pod.metadata.uid.as_deref() == Some(&served.uid)).then_some(pod)
}

/// The claims and volumes that wait for a provisioner.
pub fn waiting_for(view: &View<'_>, name: &str) -> Vec<ObjectKey> {
    let key = |kind: Kind, namespace: &Option<String>, name: &Option<String>| {
        ObjectKey::new(kind, namespace.clone().unwrap_or_default(), name.clone().unwrap_or_default())
    };
    let claims = view.list_as::<PersistentVolumeClaim>().filter(|c| !has_volume(c) && provisioner_of(c) == Some(name));
    let claims = claims.map(|c| key(Kind::PersistentVolumeClaim, &c.metadata.namespace, &c.metadata.name));
    let made = |v: &&PersistentVolume| annotation_of(&v.metadata, ANN_DYNAMICALLY_PROVISIONED) == Some(name);
    let released = |v: &&PersistentVolume| v.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Released");
    let volumes = view.list_as::<PersistentVolume>().filter(made).filter(released);
    claims.chain(volumes.map(|v| key(Kind::PersistentVolume, &None, &v.metadata.name))).collect()
}

/// The pod on whose own server a volume was made, with the container.
pub fn server_of<'a>(view: &View<'a>, volume: &PersistentVolume) -> Option<(&'a Pod, String)> {
    let made_by = annotation_of(&volume.metadata, ANN_DYNAMICALLY_PROVISIONED)?;
    let identity = annotation_of(&volume.metadata, "Provisioner_Id")?;
    let mut all = noted(view, made_by).into_iter().rev().filter(|s| s.setting("identity") == identity);
    all.find_map(|served| Some((pod_of(view, &served)?, served.provisions.container)))
}

/// The pod that serves a name, if one does.
pub(super) fn serving(view: &View<'_>, name: &str) -> Option<Served> {
    noted(view, name).into_iter().find_map(|mut served| {
        let pod = pod_of(view, &served)?;
        let spec = pod.spec.as_ref()?;
        if view.kubelet_stopped_since(spec.node_name.as_deref()?).is_some() {
            return None;
        }
        let container = view.sandbox(&served.uid)?.containers.get(&served.provisions.container)?;
        let is_same = container.ended.is_none() && container.kept.restarts == served.provisions.restarts;
        served.account = spec.service_account_name.clone().unwrap_or_else(|| "default".into());
        is_same.then_some(served)
    })
}

/// Whether somebody wants a provisioner of that name to run as a pod, be it that none does.
pub(super) fn is_wanted(view: &View<'_>, name: &str) -> bool {
    let deployments = view.list_as::<Deployment>().filter_map(|d| d.spec.as_ref()?.template.spec.as_ref());
    let sets = view.list_as::<StatefulSet>().filter_map(|s| s.spec.as_ref()?.template.spec.as_ref());
    deployments.chain(sets).any(|spec| provides(spec, name))
        || noted(view, name).iter().any(|s| pod_of(view, s).is_some())
}

fn provides(spec: &PodSpec, name: &str) -> bool {
    spec.containers.iter().any(|container| name_of(container) == Some(name))
}

/// The name that a container's environment or arguments say it provisions under.
fn name_of(container: &Container) -> Option<&str> {
    if !container.image.as_deref().unwrap_or_default().contains("provisioner") {
        return None;
    }
    let variable = container.env.iter().flatten().find(|e| e.name == "PROVISIONER_NAME");
    let words = || container.command.iter().flatten().chain(container.args.iter().flatten());
    variable
        .and_then(|e| e.value.as_deref())
        .or_else(|| words().find_map(|word| word.trim_start_matches('-').strip_prefix("provisioner=")))
}

impl Served {
    /// The name that it provisions under.
    pub(super) fn name(&self) -> &str {
        &self.provisions.name
    }

    /// Who says its events.
    pub(super) fn component(&self) -> &str {
        &self.provisions.component
    }

    /// Which program it is.
    pub(super) fn which(&self) -> Which {
        self.provisions.which
    }

    /// One of its settings.
    pub(super) fn setting(&self, name: &str) -> &str {
        self.provisions.settings.get(name).map_or("", String::as_str)
    }

    /// Its pod's uid, and its container.
    pub(super) fn place(&self) -> (String, String) {
        (self.uid.clone(), self.provisions.container.clone())
    }

    /// What the server says where its account may not do something; none where it may.
    pub(super) fn forbidden(&self, view: &View<'_>, verb: &str, resource: &str, at: (&str, &str)) -> Option<String> {
        let (namespace, name) = at;
        let user = format!("system:serviceaccount:{}:{}", self.namespace, self.account);
        let attributes = Attributes {
            verb: verb.into(),
            resource: resource.into(),
            namespace: namespace.into(),
            name: name.into(),
            ..Attributes::default()
        };
        if allowed(view, &User::impersonated(&user, "", &[]), &attributes) {
            return None;
        }
        let object = if name.is_empty() { String::new() } else { format!(" {}", quote(name)) };
        let scope = match namespace {
            "" => "at the cluster scope".to_string(),
            name => format!("in the namespace {}", quote(name)),
        };
        Some(format!(
            "{resource}{object} is forbidden: User {} cannot {verb} resource {} in API group \"\" {scope}",
            quote(&user),
            quote(resource)
        ))
    }

    /// What the server says where it may not look at the node that a volume is for; it looks at that first.
    pub(super) fn sees_nodes(&self, view: &View<'_>, node: &str) -> Option<String> {
        match self.which() {
            Which::NfsSubdir | Which::NfsServer => self.forbidden(view, "get", "nodes", ("", node)),
            Which::NfsClient | Which::NfsClientLocked | Which::LocalPath => None,
        }
    }
}
