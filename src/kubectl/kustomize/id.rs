//! What an object is known by: group, version, kind, name and namespace.
//!
//! Mirrors `sigs.k8s.io/kustomize/kyaml/resid`.

use std::fmt;

use serde::Deserialize;

/// The namespace of objects that name none.
const DEFAULT_NAMESPACE: &str = "default";
/// The namespace of objects that can have none.
pub(super) const NOT_A_NAMESPACE: &str = "_non_namespaceable_";

/// The kinds that kustomize knows to lie outside of namespaces: those of Kubernetes 1.21.
const CLUSTER_SCOPED: [(&str, &str); 14] = [
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("apiregistration.k8s.io/v1beta1", "APIService"),
    ("certificates.k8s.io/v1 certificates.k8s.io/v1beta1", "CertificateSigningRequest"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema PriorityLevelConfiguration"),
    ("networking.k8s.io/v1 networking.k8s.io/v1beta1", "IngressClass"),
    ("node.k8s.io/v1 node.k8s.io/v1beta1 scheduling.k8s.io/v1 scheduling.k8s.io/v1beta1", "RuntimeClass PriorityClass"),
    ("policy/v1beta1", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io/v1 rbac.authorization.k8s.io/v1beta1", "ClusterRole ClusterRoleBinding"),
    ("storage.k8s.io/v1 storage.k8s.io/v1beta1", "CSIDriver CSINode StorageClass VolumeAttachment"),
    ("v1", "ComponentStatus Namespace Node NodeProxyOptions PersistentVolume"),
];

/// Group, version and kind; empty ones stand for all where something is selected.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
pub(super) struct Gvk {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
}

/// What an object is known by.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
pub(super) struct ResId {
    #[serde(flatten)]
    pub(super) gvk: Gvk,
    pub(super) name: String,
    pub(super) namespace: String,
    /// Whether the kind was looked up among those outside of namespaces.
    #[serde(skip)]
    pub(super) cluster_scoped: bool,
}

/// The group and the version of an `apiVersion`.
pub(super) fn parse_group_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

fn or<'a>(text: &'a str, none: &'a str) -> &'a str {
    if text.is_empty() { none } else { text }
}

impl Gvk {
    pub(super) fn new(api_version: &str, kind: &str) -> Gvk {
        let (group, version) = parse_group_version(api_version);
        Gvk { group: group.into(), version: version.into(), kind: kind.into() }
    }

    pub(super) fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Whether a selector's parts, as far as there are any, are these.
    pub(super) fn is_selected(&self, selector: &Gvk) -> bool {
        let is = |mine: &str, wanted: &str| wanted.is_empty() || mine == wanted;
        is(&self.group, &selector.group) && is(&self.version, &selector.version) && is(&self.kind, &selector.kind)
    }

    /// Whether it is known to lie outside of namespaces.
    pub(super) fn is_cluster_scoped(&self) -> bool {
        let api_version = self.api_version();
        CLUSTER_SCOPED.iter().any(|(versions, kinds)| {
            versions.split(' ').any(|v| v == api_version) && kinds.split(' ').any(|k| k == self.kind)
        })
    }

    /// What equal ranks are sorted by.
    pub(super) fn sort_text(&self) -> String {
        format!("{}_{}_{}", or(&self.group, "~G"), or(&self.version, "~V"), or(&self.kind, "~K"))
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, version, group) =
            (or(&self.kind, "[noKind]"), or(&self.version, "[noVer]"), or(&self.group, "[noGrp]"));
        write!(f, "{kind}.{version}.{group}")
    }
}

impl ResId {
    pub(super) fn new(gvk: Gvk, name: &str, namespace: &str) -> ResId {
        let cluster_scoped = gvk.is_cluster_scoped();
        ResId { gvk, name: name.into(), namespace: namespace.into(), cluster_scoped }
    }

    /// One that was known by this before; whether its kind lies outside of namespaces is not looked up then.
    pub(super) fn previous(gvk: Gvk, name: &str, namespace: &str) -> ResId {
        ResId { gvk, name: name.into(), namespace: namespace.into(), cluster_scoped: false }
    }

    pub(super) fn effective_namespace(&self) -> &str {
        match self.namespace.as_str() {
            _ if self.cluster_scoped => NOT_A_NAMESPACE,
            "" => DEFAULT_NAMESPACE,
            namespace => namespace,
        }
    }

    pub(super) fn is_in_namespace_of(&self, other: &ResId) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    pub(super) fn has_kind_and_name_of(&self, other: &ResId) -> bool {
        self.name == other.name && self.gvk == other.gvk
    }

    /// Whether both are the same object.
    pub(super) fn is(&self, other: &ResId) -> bool {
        self.is_in_namespace_of(other) && self.has_kind_and_name_of(other)
    }

    /// Whether a selector's parts, as far as there are any, are these.
    pub(super) fn is_selected_by(&self, selector: &ResId) -> bool {
        (selector.name.is_empty() || selector.name == self.name)
            && (selector.namespace.is_empty() || selector.is_in_namespace_of(self))
            && self.gvk.is_selected(&selector.gvk)
    }

    pub(super) fn is_blank(&self) -> bool {
        self.gvk == Gvk::default() && self.name.is_empty() && self.namespace.is_empty()
    }
}

impl fmt::Display for ResId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", self.gvk, or(&self.name, "[noName]"), or(&self.namespace, "[noNs]"))
    }
}
