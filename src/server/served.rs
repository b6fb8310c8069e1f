//! What is served: THE table of groups, versions, resources, verbs and subresources, for each Kubernetes version.
//!
//! `api-resources`, the documents of discovery, the mapping of names to kinds, `explain` and completion all come from
//! here. What is not here is answered with 404.

use crate::api::request::Resource;
use crate::api::{Kind, ObjectKey, definition};
use crate::manifest::versions;
use crate::store::View;

/// A resource in one of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The kind of its objects.
    pub kind: Kind,
    /// The group; empty for the core's.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// Whether this is the version that the server of that Kubernetes version prefers.
    pub preferred: bool,
    /// `persistentvolumeclaims`
    pub plural: &'static str,
    /// `["pvc"]`
    pub short: &'static [&'static str],
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
    /// What can be done with it.
    pub verbs: &'static [&'static str],
    /// The parts that can be asked for.
    pub subresources: &'static [Subresource],
    /// `["all"]`
    pub categories: &'static [&'static str],
}

/// A part of an object that is a resource of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subresource {
    /// Its name, `scale`.
    pub name: &'static str,
    /// The kind of what it holds, with its group and version where those are not the object's.
    pub kind: (&'static str, &'static str, &'static str),
    /// What can be done with it.
    pub verbs: &'static [&'static str],
}

const ALL_VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// The same in the order in which they are told of kinds that a cluster was taught.
const CUSTOM_VERBS: &[&str] = &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
/// What namespaces take: each is deleted on its own.
const SINGLY: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
const CREATE: &[&str] = &["create"];
const READ: &[&str] = &["get", "list"];
const PART: &[&str] = &["get", "patch", "update"];
const STREAM: &[&str] = &["create", "get"];
const ANY: &[&str] = &["create", "delete", "get", "patch", "update"];

const fn part(name: &'static str) -> Subresource {
    Subresource { name, kind: ("", "", ""), verbs: PART }
}

const STATUS: Subresource = part("status");
const SCALE: Subresource = Subresource { name: "scale", kind: ("autoscaling", "v1", "Scale"), verbs: PART };

const fn proxy(options: &'static str) -> Subresource {
    Subresource { name: "proxy", kind: ("", "v1", options), verbs: ANY }
}

const POD: &[Subresource] = &[
    Subresource { name: "attach", kind: ("", "v1", "PodAttachOptions"), verbs: STREAM },
    Subresource { name: "binding", kind: ("", "v1", "Binding"), verbs: CREATE },
    part("ephemeralcontainers"),
    Subresource { name: "eviction", kind: ("policy", "v1", "Eviction"), verbs: CREATE },
    Subresource { name: "exec", kind: ("", "v1", "PodExecOptions"), verbs: STREAM },
    Subresource { name: "log", kind: ("", "v1", "Pod"), verbs: &["get"] },
    Subresource { name: "portforward", kind: ("", "v1", "PodPortForwardOptions"), verbs: STREAM },
    proxy("PodProxyOptions"),
    part("resize"),
    STATUS,
];

const NAMESPACE: &[Subresource] = &[Subresource { name: "finalize", kind: ("", "", ""), verbs: &["update"] }, STATUS];
const NODE: &[Subresource] = &[proxy("NodeProxyOptions"), STATUS];
const SERVICE: &[Subresource] = &[proxy("ServiceProxyOptions"), STATUS];
const SCALED: &[Subresource] = &[SCALE, STATUS];
const ACCOUNT: &[Subresource] =
    &[Subresource { name: "token", kind: ("authentication.k8s.io", "v1", "TokenRequest"), verbs: CREATE }];
const SIGNED: &[Subresource] = &[part("approval"), STATUS];

/// The parts of a kind's objects, by name.
fn subresources(kind: Kind) -> &'static [Subresource] {
    match kind {
        Kind::Pod => POD,
        Kind::Namespace => NAMESPACE,
        Kind::Node => NODE,
        Kind::Service => SERVICE,
        Kind::ServiceAccount => ACCOUNT,
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController => SCALED,
        Kind::CertificateSigningRequest => SIGNED,
        _ if definition::of(kind).is_some_and(|d| d.scale.is_some()) => match crate::kinds::rules(kind).has_status() {
            true => SCALED,
            false => &[SCALE],
        },
        _ if crate::kinds::rules(kind).has_status() => &[STATUS],
        _ => &[],
    }
}

fn verbs(kind: Kind) -> &'static [&'static str] {
    match kind {
        _ if !kind.is_built_in() => CUSTOM_VERBS,
        Kind::Binding
        | Kind::SelfSubjectReview
        | Kind::TokenReview
        | Kind::LocalSubjectAccessReview
        | Kind::SelfSubjectAccessReview
        | Kind::SelfSubjectRulesReview
        | Kind::SubjectAccessReview => CREATE,
        Kind::ComponentStatus => READ,
        Kind::Namespace => SINGLY,
        _ => ALL_VERBS,
    }
}

/// Since which minor version a server prefers which version of a kind; before the first it has none. What is not here
/// was there in v1.16 as it is now. Mirrors `cmd/kube-apiserver/app/aggregator.go` (priorities) and what each release
/// enables by default.
fn history(kind: Kind) -> &'static [(u32, &'static str)] {
    match kind {
        Kind::MutatingAdmissionPolicy | Kind::MutatingAdmissionPolicyBinding => &[(36, "v1")],
        Kind::ValidatingAdmissionPolicy | Kind::ValidatingAdmissionPolicyBinding => &[(30, "v1")],
        Kind::SelfSubjectReview => &[(28, "v1")],
        Kind::HorizontalPodAutoscaler => &[(16, "v1"), (23, "v2")],
        Kind::CronJob => &[(16, "v1beta1"), (21, "v1")],
        Kind::CertificateSigningRequest => &[(16, "v1beta1"), (19, "v1")],
        Kind::EndpointSlice => &[(17, "v1beta1"), (21, "v1")],
        Kind::FlowSchema | Kind::PriorityLevelConfiguration => {
            &[(20, "v1beta1"), (23, "v1beta2"), (26, "v1beta3"), (29, "v1")]
        }
        Kind::IngressClass => &[(18, "v1beta1"), (19, "v1")],
        Kind::Ingress => &[(16, "v1beta1"), (19, "v1")],
        Kind::IPAddress | Kind::ServiceCIDR => &[(33, "v1")],
        Kind::RuntimeClass => &[(16, "v1beta1"), (20, "v1")],
        Kind::PodDisruptionBudget => &[(16, "v1beta1"), (21, "v1")],
        Kind::DeviceClass | Kind::ResourceClaim | Kind::ResourceClaimTemplate | Kind::ResourceSlice => &[(34, "v1")],
        Kind::CSIDriver => &[(16, "v1beta1"), (18, "v1")],
        Kind::CSINode => &[(16, "v1beta1"), (17, "v1")],
        Kind::CSIStorageCapacity => &[(21, "v1beta1"), (24, "v1")],
        Kind::VolumeAttributesClass => &[(34, "v1")],
        _ => &[],
    }
}

/// The version of a kind that a server of v1.`minor` prefers; none when it has no such kind.
fn preferred(kind: Kind, minor: u32) -> Option<&'static str> {
    match history(kind) {
        [] => Some(kind.version()),
        versions => versions.iter().rev().find(|(since, _)| *since <= minor).map(|(_, version)| *version),
    }
}

impl Served {
    fn of(kind: Kind, group: &'static str, version: &'static str, preferred: bool) -> Served {
        Served {
            kind,
            group,
            version,
            preferred,
            plural: kind.plural(),
            short: kind.short_names(),
            namespaced: kind.is_namespaced(),
            verbs: verbs(kind),
            subresources: subresources(kind),
            categories: kind.categories(),
        }
    }

    /// Where an object is, in this version.
    pub fn resource_of(&self, key: &ObjectKey) -> Resource {
        Resource::object(key).of_version(&self.api_version())
    }

    /// The plural with its group: `pods`, `deployments.apps`.
    pub fn resource(&self) -> String {
        match self.group {
            "" => self.plural.to_string(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// The kind with its group as lines on what was done have it: `pod`, `deployment.apps`.
    pub fn qualified(&self) -> String {
        match self.group {
            "" => self.kind.name().to_ascii_lowercase(),
            group => format!("{}.{group}", self.kind.name().to_ascii_lowercase()),
        }
    }

    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_string(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Whether the resource, or the part of it, takes a verb.
    pub fn takes(&self, subresource: &str, verb: &str) -> bool {
        match subresource {
            "" => self.verbs.contains(&verb),
            name => self.subresources.iter().any(|s| s.name == name && s.verbs.contains(&verb)),
        }
    }

    /// Whether there is such a part.
    fn has(&self, subresource: &str) -> bool {
        subresource.is_empty() || self.subresources.iter().any(|s| s.name == subresource)
    }
}

/// Which resources a server has: those of its version, and those whose definitions it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// 36 for v1.36.
    pub minor: u32,
    /// The kinds that the cluster was taught.
    taught: Vec<Kind>,
}

impl Serving {
    /// What a server of v1.`minor` has that holds these objects.
    pub fn of(minor: u32, view: &View<'_>) -> Serving {
        Serving { minor, taught: view.taught_kinds() }
    }

    /// What a server of v1.`minor` has that was taught nothing.
    pub fn of_version(minor: u32) -> Serving {
        Serving { minor, taught: Vec::new() }
    }

    fn has(&self, kind: Kind) -> bool {
        kind.is_built_in() || self.taught.contains(&kind)
    }

    /// Every kind that there is.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + use<'_> {
        Kind::known().filter(|kind| self.has(*kind))
    }
}

/// Every resource in every version that a server serves: by group, the core's first, then by name.
pub fn resources(serving: &Serving) -> Vec<Served> {
    of_kinds(serving, |_| true)
}

/// The same for some kinds only.
pub fn of_kinds(serving: &Serving, of: impl Fn(Kind) -> bool) -> Vec<Served> {
    let kinds = serving.kinds().filter(|kind| of(*kind));
    let mut all: Vec<Served> = kinds.flat_map(|kind| versions_of(kind, serving.minor)).collect();
    // Newer versions come first: v2 before v1.
    all.sort_by(|a, b| (a.group, a.plural, !a.preferred, b.version).cmp(&(b.group, b.plural, !b.preferred, a.version)));
    all
}

/// The versions in which a kind is served, the preferred one first.
pub fn versions_of(kind: Kind, minor: u32) -> Vec<Served> {
    if let Some(definition) = definition::of(kind).filter(|d| !d.served.is_empty()) {
        let served = definition.served.iter().enumerate();
        return served.map(|(at, version)| Served::of(kind, kind.group(), version, at == 0)).collect();
    }
    let Some(first) = preferred(kind, minor) else { return Vec::new() };
    let mut all = vec![Served::of(kind, kind.group(), first, true)];
    // The version that is stored is served too, so that the cluster's own manifests work whatever it is pinned to.
    if first != kind.version() {
        all.push(Served::of(kind, kind.group(), kind.version(), false));
    }
    for (group, version) in versions::others(kind) {
        if (*group, *version) != (kind.group(), first) {
            all.push(Served::of(kind, group, version, *group != kind.group()));
        }
    }
    all
}

/// How a kind is served by preference.
pub fn of_kind(minor: u32, kind: Kind) -> Option<Served> {
    versions_of(kind, minor).into_iter().next()
}

/// What a request is about, if that is served.
pub fn find(serving: &Serving, resource: &Resource) -> Option<Served> {
    let kind = serving.kinds().find(|k| {
        k.plural() == resource.plural
            && (k.group() == resource.group || versions::others(*k).iter().any(|(g, _)| *g == resource.group))
    })?;
    let all = versions_of(kind, serving.minor);
    let served = all.into_iter().find(|s| s.group == resource.group && s.version == resource.version)?;
    served.has(&resource.subresource).then_some(served)
}

/// The versions of all groups, sorted.
pub fn versions(serving: &Serving) -> Vec<String> {
    let mut versions: Vec<String> = resources(serving).iter().map(Served::api_version).collect();
    versions.sort();
    versions.dedup();
    versions
}
