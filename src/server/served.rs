//! What a server of some Kubernetes version lists as its resources.

use crate::api::Kind;

/// A line of `api-resources`.
pub struct Resource {
    /// `persistentvolumeclaims`
    pub plural: &'static str,
    /// `["pvc"]`
    pub short: &'static [&'static str],
    /// The group; empty for the core's.
    pub group: &'static str,
    /// The group's version that the server prefers.
    pub version: &'static str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
    /// `PersistentVolumeClaim`
    pub kind: &'static str,
    /// What can be done with it, with commas between.
    pub verbs: &'static str,
    /// `["all"]`
    pub categories: &'static [&'static str],
}

impl Resource {
    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_string(),
            group => format!("{group}/{}", self.version),
        }
    }
}

const ALL_VERBS: &str = "create,delete,deletecollection,get,list,patch,update,watch";

/// What a v1.36 server lists beside the kinds that kstate runs: plural, short names, group, version,
/// namespaced, kind, verbs.
const OTHERS: &[(&str, &[&str], &str, &str, bool, &str, &str)] = &[
    ("bindings", &[], "", "v1", true, "Binding", "create"),
    ("componentstatuses", &["cs"], "", "v1", false, "ComponentStatus", "get,list"),
    (
        "mutatingadmissionpolicies",
        &[],
        "admissionregistration.k8s.io",
        "v1",
        false,
        "MutatingAdmissionPolicy",
        ALL_VERBS,
    ),
    (
        "mutatingadmissionpolicybindings",
        &[],
        "admissionregistration.k8s.io",
        "v1",
        false,
        "MutatingAdmissionPolicyBinding",
        ALL_VERBS,
    ),
    (
        "mutatingwebhookconfigurations",
        &[],
        "admissionregistration.k8s.io",
        "v1",
        false,
        "MutatingWebhookConfiguration",
        ALL_VERBS,
    ),
    (
        "validatingadmissionpolicies",
        &[],
        "admissionregistration.k8s.io",
        "v1",
        false,
        "ValidatingAdmissionPolicy",
        ALL_VERBS,
    ),
    (
        "validatingadmissionpolicybindings",
        &[],
        "admissionregistration.k8s.io",
        "v1",
        false,
        "ValidatingAdmissionPolicyBinding",
        ALL_VERBS,
    ),
    (
        "validatingwebhookconfigurations",
        &[],
        "admissionregistration.k8s.io",
        "v1",
        false,
        "ValidatingWebhookConfiguration",
        ALL_VERBS,
    ),
    (
        "customresourcedefinitions",
        &["crd", "crds"],
        "apiextensions.k8s.io",
        "v1",
        false,
        "CustomResourceDefinition",
        ALL_VERBS,
    ),
    ("apiservices", &[], "apiregistration.k8s.io", "v1", false, "APIService", ALL_VERBS),
    ("selfsubjectreviews", &[], "authentication.k8s.io", "v1", false, "SelfSubjectReview", "create"),
    ("tokenreviews", &[], "authentication.k8s.io", "v1", false, "TokenReview", "create"),
    ("localsubjectaccessreviews", &[], "authorization.k8s.io", "v1", true, "LocalSubjectAccessReview", "create"),
    ("selfsubjectaccessreviews", &[], "authorization.k8s.io", "v1", false, "SelfSubjectAccessReview", "create"),
    ("selfsubjectrulesreviews", &[], "authorization.k8s.io", "v1", false, "SelfSubjectRulesReview", "create"),
    ("subjectaccessreviews", &[], "authorization.k8s.io", "v1", false, "SubjectAccessReview", "create"),
    (
        "certificatesigningrequests",
        &["csr"],
        "certificates.k8s.io",
        "v1",
        false,
        "CertificateSigningRequest",
        ALL_VERBS,
    ),
    ("events", &["ev"], "events.k8s.io", "v1", true, "Event", ALL_VERBS),
    ("flowschemas", &[], "flowcontrol.apiserver.k8s.io", "v1", false, "FlowSchema", ALL_VERBS),
    (
        "prioritylevelconfigurations",
        &[],
        "flowcontrol.apiserver.k8s.io",
        "v1",
        false,
        "PriorityLevelConfiguration",
        ALL_VERBS,
    ),
    ("ipaddresses", &["ip"], "networking.k8s.io", "v1", false, "IPAddress", ALL_VERBS),
    ("servicecidrs", &[], "networking.k8s.io", "v1", false, "ServiceCIDR", ALL_VERBS),
    ("deviceclasses", &[], "resource.k8s.io", "v1", false, "DeviceClass", ALL_VERBS),
    ("resourceclaims", &[], "resource.k8s.io", "v1", true, "ResourceClaim", ALL_VERBS),
    ("resourceclaimtemplates", &[], "resource.k8s.io", "v1", true, "ResourceClaimTemplate", ALL_VERBS),
    ("resourceslices", &[], "resource.k8s.io", "v1", false, "ResourceSlice", ALL_VERBS),
];

/// Since which minor version a server prefers which version of a resource; before the first it lists none. What
/// is not here was there in v1.16 as it is now. Mirrors `cmd/kube-apiserver/app/aggregator.go` (priorities) and
/// what each release enables by default.
const HISTORY: &[(&str, &str, &[(u32, &str)])] = &[
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies", &[(36, "v1")]),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings", &[(36, "v1")]),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies", &[(30, "v1")]),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings", &[(30, "v1")]),
    ("authentication.k8s.io", "selfsubjectreviews", &[(28, "v1")]),
    ("autoscaling", "horizontalpodautoscalers", &[(16, "v1"), (23, "v2")]),
    ("batch", "cronjobs", &[(16, "v1beta1"), (21, "v1")]),
    ("certificates.k8s.io", "certificatesigningrequests", &[(16, "v1beta1"), (19, "v1")]),
    ("discovery.k8s.io", "endpointslices", &[(17, "v1beta1"), (21, "v1")]),
    ("events.k8s.io", "events", &[(16, "v1beta1"), (19, "v1")]),
    ("flowcontrol.apiserver.k8s.io", "flowschemas", &[(20, "v1beta1"), (23, "v1beta2"), (26, "v1beta3"), (29, "v1")]),
    (
        "flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations",
        &[(20, "v1beta1"), (23, "v1beta2"), (26, "v1beta3"), (29, "v1")],
    ),
    ("networking.k8s.io", "ingressclasses", &[(18, "v1beta1"), (19, "v1")]),
    ("networking.k8s.io", "ingresses", &[(16, "v1beta1"), (19, "v1")]),
    ("networking.k8s.io", "ipaddresses", &[(33, "v1")]),
    ("networking.k8s.io", "servicecidrs", &[(33, "v1")]),
    ("node.k8s.io", "runtimeclasses", &[(16, "v1beta1"), (20, "v1")]),
    ("policy", "poddisruptionbudgets", &[(16, "v1beta1"), (21, "v1")]),
    ("resource.k8s.io", "deviceclasses", &[(34, "v1")]),
    ("resource.k8s.io", "resourceclaims", &[(34, "v1")]),
    ("resource.k8s.io", "resourceclaimtemplates", &[(34, "v1")]),
    ("resource.k8s.io", "resourceslices", &[(34, "v1")]),
    ("storage.k8s.io", "csidrivers", &[(16, "v1beta1"), (18, "v1")]),
    ("storage.k8s.io", "csinodes", &[(16, "v1beta1"), (17, "v1")]),
    ("storage.k8s.io", "csistoragecapacities", &[(21, "v1beta1"), (24, "v1")]),
    ("storage.k8s.io", "volumeattributesclasses", &[(34, "v1")]),
];

/// The version of a resource that a server of v1.`minor` prefers; none when it has no such resource.
fn preferred(resource: &Resource, minor: u32) -> Option<&'static str> {
    match HISTORY.iter().find(|(group, plural, _)| (*group, *plural) == (resource.group, resource.plural)) {
        None => Some(resource.version),
        Some((_, _, versions)) => versions.iter().rev().find(|(since, _)| *since <= minor).map(|(_, version)| *version),
    }
}

/// What later versions no longer have: the last minor version that had it, and what it was.
fn dropped() -> [(u32, Resource); 2] {
    let resource = |plural, short, group, namespaced, kind| Resource {
        plural,
        short,
        group,
        version: "v1beta1",
        namespaced,
        kind,
        verbs: ALL_VERBS,
        categories: &[],
    };
    [
        (21, resource("ingresses", &["ing"], "extensions", true, "Ingress")),
        (24, resource("podsecuritypolicies", &["psp"], "policy", false, "PodSecurityPolicy")),
    ]
}

/// What a server of v1.`minor` lists, in its order.
pub fn resources(minor: u32) -> Vec<Resource> {
    let ours = Kind::ALL.iter().map(|k| Resource {
        plural: k.plural(),
        short: k.short_names(),
        group: k.group(),
        version: k.version(),
        namespaced: k.is_namespaced(),
        kind: k.name(),
        verbs: ALL_VERBS,
        categories: k.categories(),
    });
    let others = OTHERS.iter().map(|(plural, short, group, version, namespaced, kind, verbs)| Resource {
        plural,
        short,
        group,
        version,
        namespaced: *namespaced,
        kind,
        verbs,
        categories: &[],
    });
    let old = dropped().into_iter().filter(|(last, _)| minor <= *last).map(|(_, resource)| resource);
    let listed = ours.chain(others).filter_map(|r| Some(Resource { version: preferred(&r, minor)?, ..r }));
    let mut all: Vec<Resource> = listed.chain(old).collect();
    all.sort_by_key(|r| (r.group, r.plural));
    all
}

/// The versions of all groups, sorted, the core's last.
pub fn versions(minor: u32) -> Vec<String> {
    let mut versions: Vec<String> = resources(minor).iter().map(Resource::api_version).collect();
    versions.push("autoscaling/v1".into());
    versions.sort();
    versions.dedup();
    versions
}
