//! The kinds that kstate knows: their names, groups and types, one line each.
//!
//! The list is the source of `Kind`, of `Object` and of what the server serves. What a kind *does* (defaults, validation,
//! columns, describe) is its file in `kinds/`. A kind that is not here has a definition and is there once a cluster was
//! taught it (`definition`): its objects are trees.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::definition::AT_HAND;

/// Whether objects of a kind live in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

/// Calls the macro `$then` with one line per kind:
/// `Variant, path of its type's module in k8s-openapi, group, version, plural, [short names], scope, [categories];`
///
/// The order is that of `kubectl api-resources`: the core group first, then the groups by name.
#[macro_export]
#[doc(hidden)]
macro_rules! for_each_kind {
    ($then:ident) => {
        $then! {
            Binding, api::core::v1, "", "v1", "bindings", [], Namespaced, [];
            ComponentStatus, api::core::v1, "", "v1", "componentstatuses", ["cs"], Cluster, [];
            ConfigMap, api::core::v1, "", "v1", "configmaps", ["cm"], Namespaced, [];
            Endpoints, api::core::v1, "", "v1", "endpoints", ["ep"], Namespaced, [];
            Event, api::core::v1, "", "v1", "events", ["ev"], Namespaced, [];
            LimitRange, api::core::v1, "", "v1", "limitranges", ["limits"], Namespaced, [];
            Namespace, api::core::v1, "", "v1", "namespaces", ["ns"], Cluster, [];
            Node, api::core::v1, "", "v1", "nodes", ["no"], Cluster, [];
            PersistentVolumeClaim, api::core::v1, "", "v1", "persistentvolumeclaims", ["pvc"], Namespaced, [];
            PersistentVolume, api::core::v1, "", "v1", "persistentvolumes", ["pv"], Cluster, [];
            Pod, api::core::v1, "", "v1", "pods", ["po"], Namespaced, ["all"];
            PodTemplate, api::core::v1, "", "v1", "podtemplates", [], Namespaced, [];
            ReplicationController, api::core::v1, "", "v1", "replicationcontrollers", ["rc"], Namespaced, ["all"];
            ResourceQuota, api::core::v1, "", "v1", "resourcequotas", ["quota"], Namespaced, [];
            Secret, api::core::v1, "", "v1", "secrets", [], Namespaced, [];
            ServiceAccount, api::core::v1, "", "v1", "serviceaccounts", ["sa"], Namespaced, [];
            Service, api::core::v1, "", "v1", "services", ["svc"], Namespaced, ["all"];
            MutatingAdmissionPolicy, api::admissionregistration::v1, "admissionregistration.k8s.io", "v1", "mutatingadmissionpolicies", [], Cluster, ["api-extensions"];
            MutatingAdmissionPolicyBinding, api::admissionregistration::v1, "admissionregistration.k8s.io", "v1", "mutatingadmissionpolicybindings", [], Cluster, ["api-extensions"];
            MutatingWebhookConfiguration, api::admissionregistration::v1, "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", [], Cluster, ["api-extensions"];
            ValidatingAdmissionPolicy, api::admissionregistration::v1, "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", [], Cluster, ["api-extensions"];
            ValidatingAdmissionPolicyBinding, api::admissionregistration::v1, "admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings", [], Cluster, ["api-extensions"];
            ValidatingWebhookConfiguration, api::admissionregistration::v1, "admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", [], Cluster, ["api-extensions"];
            CustomResourceDefinition, apiextensions_apiserver::pkg::apis::apiextensions::v1, "apiextensions.k8s.io", "v1", "customresourcedefinitions", ["crd", "crds"], Cluster, ["api-extensions"];
            APIService, kube_aggregator::pkg::apis::apiregistration::v1, "apiregistration.k8s.io", "v1", "apiservices", [], Cluster, ["api-extensions"];
            ControllerRevision, api::apps::v1, "apps", "v1", "controllerrevisions", [], Namespaced, [];
            DaemonSet, api::apps::v1, "apps", "v1", "daemonsets", ["ds"], Namespaced, ["all"];
            Deployment, api::apps::v1, "apps", "v1", "deployments", ["deploy"], Namespaced, ["all"];
            ReplicaSet, api::apps::v1, "apps", "v1", "replicasets", ["rs"], Namespaced, ["all"];
            StatefulSet, api::apps::v1, "apps", "v1", "statefulsets", ["sts"], Namespaced, ["all"];
            SelfSubjectReview, api::authentication::v1, "authentication.k8s.io", "v1", "selfsubjectreviews", [], Cluster, [];
            TokenReview, api::authentication::v1, "authentication.k8s.io", "v1", "tokenreviews", [], Cluster, [];
            LocalSubjectAccessReview, api::authorization::v1, "authorization.k8s.io", "v1", "localsubjectaccessreviews", [], Namespaced, [];
            SelfSubjectAccessReview, api::authorization::v1, "authorization.k8s.io", "v1", "selfsubjectaccessreviews", [], Cluster, [];
            SelfSubjectRulesReview, api::authorization::v1, "authorization.k8s.io", "v1", "selfsubjectrulesreviews", [], Cluster, [];
            SubjectAccessReview, api::authorization::v1, "authorization.k8s.io", "v1", "subjectaccessreviews", [], Cluster, [];
            HorizontalPodAutoscaler, api::autoscaling::v2, "autoscaling", "v2", "horizontalpodautoscalers", ["hpa"], Namespaced, ["all"];
            CronJob, api::batch::v1, "batch", "v1", "cronjobs", ["cj"], Namespaced, ["all"];
            Job, api::batch::v1, "batch", "v1", "jobs", [], Namespaced, ["all"];
            CertificateSigningRequest, api::certificates::v1, "certificates.k8s.io", "v1", "certificatesigningrequests", ["csr"], Cluster, [];
            Lease, api::coordination::v1, "coordination.k8s.io", "v1", "leases", [], Namespaced, [];
            EndpointSlice, api::discovery::v1, "discovery.k8s.io", "v1", "endpointslices", [], Namespaced, [];
            FlowSchema, api::flowcontrol::v1, "flowcontrol.apiserver.k8s.io", "v1", "flowschemas", [], Cluster, [];
            PriorityLevelConfiguration, api::flowcontrol::v1, "flowcontrol.apiserver.k8s.io", "v1", "prioritylevelconfigurations", [], Cluster, [];
            IngressClass, api::networking::v1, "networking.k8s.io", "v1", "ingressclasses", [], Cluster, [];
            Ingress, api::networking::v1, "networking.k8s.io", "v1", "ingresses", ["ing"], Namespaced, [];
            IPAddress, api::networking::v1, "networking.k8s.io", "v1", "ipaddresses", ["ip"], Cluster, [];
            NetworkPolicy, api::networking::v1, "networking.k8s.io", "v1", "networkpolicies", ["netpol"], Namespaced, [];
            ServiceCIDR, api::networking::v1, "networking.k8s.io", "v1", "servicecidrs", [], Cluster, [];
            RuntimeClass, api::node::v1, "node.k8s.io", "v1", "runtimeclasses", [], Cluster, [];
            PodDisruptionBudget, api::policy::v1, "policy", "v1", "poddisruptionbudgets", ["pdb"], Namespaced, [];
            ClusterRoleBinding, api::rbac::v1, "rbac.authorization.k8s.io", "v1", "clusterrolebindings", [], Cluster, [];
            ClusterRole, api::rbac::v1, "rbac.authorization.k8s.io", "v1", "clusterroles", [], Cluster, [];
            RoleBinding, api::rbac::v1, "rbac.authorization.k8s.io", "v1", "rolebindings", [], Namespaced, [];
            Role, api::rbac::v1, "rbac.authorization.k8s.io", "v1", "roles", [], Namespaced, [];
            DeviceClass, api::resource::v1, "resource.k8s.io", "v1", "deviceclasses", [], Cluster, [];
            ResourceClaim, api::resource::v1, "resource.k8s.io", "v1", "resourceclaims", [], Namespaced, [];
            ResourceClaimTemplate, api::resource::v1, "resource.k8s.io", "v1", "resourceclaimtemplates", [], Namespaced, [];
            ResourceSlice, api::resource::v1, "resource.k8s.io", "v1", "resourceslices", [], Cluster, [];
            PriorityClass, api::scheduling::v1, "scheduling.k8s.io", "v1", "priorityclasses", ["pc"], Cluster, [];
            CSIDriver, api::storage::v1, "storage.k8s.io", "v1", "csidrivers", [], Cluster, [];
            CSINode, api::storage::v1, "storage.k8s.io", "v1", "csinodes", [], Cluster, [];
            CSIStorageCapacity, api::storage::v1, "storage.k8s.io", "v1", "csistoragecapacities", [], Namespaced, [];
            StorageClass, api::storage::v1, "storage.k8s.io", "v1", "storageclasses", ["sc"], Cluster, [];
            VolumeAttachment, api::storage::v1, "storage.k8s.io", "v1", "volumeattachments", [], Cluster, [];
            VolumeAttributesClass, api::storage::v1, "storage.k8s.io", "v1", "volumeattributesclasses", ["vac"], Cluster, [];
        }
    };
}

/// A kind of object: one of those below, or one that the cluster was taught.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(u16);

/// What is known of a kind.
#[derive(Debug)]
pub struct KindInfo {
    /// The kind's name, `PersistentVolumeClaim`.
    pub name: &'static str,
    /// The API group, `""` for the core group.
    pub group: &'static str,
    /// The version in which objects of the kind are stored and shown.
    pub version: &'static str,
    /// The resource's name, `persistentvolumeclaims`.
    pub plural: &'static str,
    /// The resource's name for one of them; empty for the kind's name in small letters.
    pub singular: &'static str,
    /// The short names, `["pvc"]`.
    pub short_names: &'static [&'static str],
    /// Whether its objects live in a namespace.
    pub scope: Scope,
    /// The categories that the kind belongs to, `["all"]`.
    pub categories: &'static [&'static str],
    /// The CustomResourceDefinition of a kind that kstate has no type for, as YAML or JSON; empty for the others.
    pub definition: &'static str,
}

macro_rules! define_kind {
    ($($variant:ident, $($module:ident)::+, $group:literal, $version:literal, $plural:literal, [$($short:literal),*], $scope:ident, [$($category:literal),*];)*) => {
        enum Position { $($variant,)* }

        #[allow(non_upper_case_globals)]
        impl Kind {
            $(#[doc = concat!("`", $plural, "`")] pub const $variant: Kind = Kind(Position::$variant as u16);)*

            /// Every kind that kstate has types for, in the order of `kubectl api-resources`.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),*];
        }

        static BUILT_IN: &[KindInfo] = &[$(KindInfo {
            name: stringify!($variant),
            group: $group,
            version: $version,
            plural: $plural,
            singular: "",
            short_names: &[$($short),*],
            scope: Scope::$scope,
            categories: &[$($category),*],
            definition: "",
        }),*];
    };
}
for_each_kind!(define_kind);

#[allow(non_upper_case_globals)]
impl Kind {
    /// `volumesnapshotclasses.snapshot.storage.k8s.io`
    pub const VolumeSnapshotClass: Kind = Kind(Kind::ALL.len() as u16);
    /// `volumesnapshotcontents.snapshot.storage.k8s.io`
    pub const VolumeSnapshotContent: Kind = Kind(Kind::ALL.len() as u16 + 1);
    /// `volumesnapshots.snapshot.storage.k8s.io`
    pub const VolumeSnapshot: Kind = Kind(Kind::ALL.len() as u16 + 2);
    /// `volumepopulators.populator.storage.k8s.io`
    pub const VolumePopulator: Kind = Kind(Kind::ALL.len() as u16 + 3);
}

/// The kinds that clusters of this process were taught beside those whose definitions are at hand. They are few, and
/// stay as long as the process.
static TAUGHT: RwLock<Vec<&'static KindInfo>> = RwLock::new(Vec::new());

/// By stored name, which of several kinds counts that a changing definition made.
static CURRENT: RwLock<BTreeMap<String, Kind>> = RwLock::new(BTreeMap::new());

fn taught() -> RwLockReadGuard<'static, Vec<&'static KindInfo>> {
    TAUGHT.read().unwrap_or_else(PoisonError::into_inner)
}

impl Kind {
    /// Makes a kind known whose objects are trees. The same kind in the same form is the same `Kind` again.
    pub fn intern(info: KindInfo) -> Kind {
        let mut all = TAUGHT.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = |known: &&KindInfo| {
            (known.group, known.name, known.version, known.plural) == (info.group, info.name, info.version, info.plural)
                && known.singular == info.singular
                && (known.short_names, known.scope, known.categories) == (info.short_names, info.scope, info.categories)
                && known.definition == info.definition
        };
        let at = all.iter().position(is_same).unwrap_or_else(|| {
            all.push(Box::leak(Box::new(info)));
            all.len() - 1
        });
        Kind((BUILT_IN.len() + AT_HAND.len() + at) as u16)
    }

    /// What is known of it.
    pub fn info(self) -> &'static KindInfo {
        match BUILT_IN.get(self.index()).or_else(|| AT_HAND.get(self.index() - BUILT_IN.len())) {
            Some(info) => info,
            None => taught()[self.index() - BUILT_IN.len() - AT_HAND.len()],
        }
    }

    /// Its place among all kinds of this process.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// How many kinds this process knows.
    pub fn count() -> usize {
        BUILT_IN.len() + AT_HAND.len() + taught().len()
    }

    /// Every kind that this process knows: those of `ALL`, then those that a cluster was taught.
    pub fn known() -> impl Iterator<Item = Kind> {
        (0..Kind::count() as u16).map(Kind)
    }

    /// Whether kstate has a type for its objects.
    pub fn is_built_in(self) -> bool {
        self.index() < BUILT_IN.len()
    }

    /// The kind's name, `PersistentVolumeClaim`.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The API group, `""` for the core group.
    pub fn group(self) -> &'static str {
        self.info().group
    }

    /// The version in which objects of the kind are stored and shown.
    pub fn version(self) -> &'static str {
        self.info().version
    }

    /// The resource's name, `persistentvolumeclaims`.
    pub fn plural(self) -> &'static str {
        self.info().plural
    }

    /// The short names, `["pvc"]`.
    pub fn short_names(self) -> &'static [&'static str] {
        self.info().short_names
    }

    /// Whether its objects live in a namespace.
    pub fn scope(self) -> Scope {
        self.info().scope
    }

    /// The categories that the kind belongs to, `["all"]`.
    pub fn categories(self) -> &'static [&'static str] {
        self.info().categories
    }

    /// The name under which its objects are stored: a name that no other kind has.
    pub fn stored_name(self) -> Cow<'static, str> {
        if self.is_built_in() { self.name().into() } else { self.qualified_kind().into() }
    }

    /// Whether its definition is one that kstate brings along.
    pub fn is_at_hand(self) -> bool {
        !self.is_built_in() && self.index() < BUILT_IN.len() + AT_HAND.len()
    }

    /// From here on it is what objects under its stored name are, whatever was known under that name before.
    pub fn becomes_current(self) {
        if self.is_built_in() || self.is_at_hand() {
            return;
        }
        let name = self.stored_name();
        if CURRENT.read().unwrap_or_else(PoisonError::into_inner).get(&*name) != Some(&self) {
            CURRENT.write().unwrap_or_else(PoisonError::into_inner).insert(name.into_owned(), self);
        }
    }

    /// The kind of that stored name.
    pub fn from_stored_name(name: &str) -> Option<Kind> {
        if let Some(kind) = CURRENT.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Some(*kind);
        }
        let built_in = BUILT_IN.iter().position(|k| k.name == name);
        let is_called = |k: &KindInfo| name == format!("{}.{}", k.name, k.group);
        let at_hand = || AT_HAND.iter().position(is_called).map(|at| BUILT_IN.len() + at);
        let taught = || taught().iter().rposition(|k| is_called(k)).map(|at| BUILT_IN.len() + AT_HAND.len() + at);
        built_in.or_else(at_hand).or_else(taught).map(|at| Kind(at as u16))
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Ord for Kind {
    /// The kinds that kstate has types for come first, in their order; the others by group and name, whatever the
    /// order in which they became known.
    fn cmp(&self, other: &Kind) -> Ordering {
        match (self.is_built_in(), other.is_built_in()) {
            (false, false) => {
                let key = |k: &Kind| (k.group(), k.name(), k.version(), k.0);
                key(self).cmp(&key(other))
            }
            _ => self.0.cmp(&other.0),
        }
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Kind) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Kind {
    /// The `apiVersion` of its objects: `v1`, `apps/v1`.
    pub fn api_version(self) -> String {
        match self.group() {
            "" => self.version().to_string(),
            group => format!("{group}/{}", self.version()),
        }
    }

    /// The name in the singular, `persistentvolumeclaim`.
    pub fn singular(self) -> String {
        match self.info().singular {
            "" => self.name().to_ascii_lowercase(),
            singular => singular.to_string(),
        }
    }

    /// The plural with its group as error texts have it: `pods`, `statefulsets.apps`.
    pub fn resource(self) -> String {
        match self.group() {
            "" => self.plural().to_string(),
            group => format!("{}.{group}", self.plural()),
        }
    }

    /// The singular with its group as kubectl prints it before a name: `pod`, `statefulset.apps`.
    pub fn qualified(self) -> String {
        match self.group() {
            "" => self.name().to_ascii_lowercase(),
            group => format!("{}.{group}", self.name().to_ascii_lowercase()),
        }
    }

    /// The kind with its group as the server's `Invalid` has it: `Pod`, `StatefulSet.apps`.
    pub fn qualified_kind(self) -> String {
        match self.group() {
            "" => self.name().to_string(),
            group => format!("{}.{group}", self.name()),
        }
    }

    /// Whether its objects live in a namespace.
    pub fn is_namespaced(self) -> bool {
        self.scope() == Scope::Namespaced
    }

    /// Whether a resource name means it: plural, singular or short, without a group.
    pub fn is_called(self, resource: &str) -> bool {
        self.plural() == resource || self.singular() == resource || self.short_names().contains(&resource)
    }

    /// The kind with that `apiVersion` and `kind`, where it is the stored version.
    pub fn from_gvk(api_version: &str, kind: &str) -> Option<Kind> {
        Kind::known().find(|k| k.name() == kind && k.api_version() == api_version)
    }

    /// The kind with that name in that group, whatever the version.
    pub fn from_group_kind(group: &str, kind: &str) -> Option<Kind> {
        Kind::known().find(|k| k.name() == kind && k.group() == group)
    }
}
