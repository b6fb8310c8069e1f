//! The kinds that kstate knows: their names, groups and types, one line each.
//!
//! The list is the source of `Kind`, of `Object` and of what `api-resources` prints. What a kind *does*
//! (defaults, validation, columns, describe) is its file in `kinds/`.

/// Whether objects of a kind live in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

/// Calls the macro `$then` with one line per kind:
/// `Variant, path of its k8s-openapi type, group, version, plural, [short names], scope, [categories];`
///
/// The order is that of `kubectl api-resources`: the core group first, then the groups by name.
#[macro_export]
#[doc(hidden)]
macro_rules! for_each_kind {
    ($then:ident) => {
        $then! {
            ConfigMap, core::v1, "", "v1", "configmaps", ["cm"], Namespaced, [];
            Endpoints, core::v1, "", "v1", "endpoints", ["ep"], Namespaced, [];
            Event, core::v1, "", "v1", "events", ["ev"], Namespaced, [];
            LimitRange, core::v1, "", "v1", "limitranges", ["limits"], Namespaced, [];
            Namespace, core::v1, "", "v1", "namespaces", ["ns"], Cluster, [];
            Node, core::v1, "", "v1", "nodes", ["no"], Cluster, [];
            PersistentVolumeClaim, core::v1, "", "v1", "persistentvolumeclaims", ["pvc"], Namespaced, [];
            PersistentVolume, core::v1, "", "v1", "persistentvolumes", ["pv"], Cluster, [];
            Pod, core::v1, "", "v1", "pods", ["po"], Namespaced, ["all"];
            PodTemplate, core::v1, "", "v1", "podtemplates", [], Namespaced, [];
            ReplicationController, core::v1, "", "v1", "replicationcontrollers", ["rc"], Namespaced, ["all"];
            ResourceQuota, core::v1, "", "v1", "resourcequotas", ["quota"], Namespaced, [];
            Secret, core::v1, "", "v1", "secrets", [], Namespaced, [];
            ServiceAccount, core::v1, "", "v1", "serviceaccounts", ["sa"], Namespaced, [];
            Service, core::v1, "", "v1", "services", ["svc"], Namespaced, ["all"];
            ControllerRevision, apps::v1, "apps", "v1", "controllerrevisions", [], Namespaced, [];
            DaemonSet, apps::v1, "apps", "v1", "daemonsets", ["ds"], Namespaced, ["all"];
            Deployment, apps::v1, "apps", "v1", "deployments", ["deploy"], Namespaced, ["all"];
            ReplicaSet, apps::v1, "apps", "v1", "replicasets", ["rs"], Namespaced, ["all"];
            StatefulSet, apps::v1, "apps", "v1", "statefulsets", ["sts"], Namespaced, ["all"];
            HorizontalPodAutoscaler, autoscaling::v2, "autoscaling", "v2", "horizontalpodautoscalers", ["hpa"], Namespaced, ["all"];
            CronJob, batch::v1, "batch", "v1", "cronjobs", ["cj"], Namespaced, ["all"];
            Job, batch::v1, "batch", "v1", "jobs", [], Namespaced, ["all"];
            Lease, coordination::v1, "coordination.k8s.io", "v1", "leases", [], Namespaced, [];
            EndpointSlice, discovery::v1, "discovery.k8s.io", "v1", "endpointslices", [], Namespaced, [];
            IngressClass, networking::v1, "networking.k8s.io", "v1", "ingressclasses", [], Cluster, [];
            Ingress, networking::v1, "networking.k8s.io", "v1", "ingresses", ["ing"], Namespaced, [];
            NetworkPolicy, networking::v1, "networking.k8s.io", "v1", "networkpolicies", ["netpol"], Namespaced, [];
            RuntimeClass, node::v1, "node.k8s.io", "v1", "runtimeclasses", [], Cluster, [];
            PodDisruptionBudget, policy::v1, "policy", "v1", "poddisruptionbudgets", ["pdb"], Namespaced, [];
            ClusterRoleBinding, rbac::v1, "rbac.authorization.k8s.io", "v1", "clusterrolebindings", [], Cluster, [];
            ClusterRole, rbac::v1, "rbac.authorization.k8s.io", "v1", "clusterroles", [], Cluster, [];
            RoleBinding, rbac::v1, "rbac.authorization.k8s.io", "v1", "rolebindings", [], Namespaced, [];
            Role, rbac::v1, "rbac.authorization.k8s.io", "v1", "roles", [], Namespaced, [];
            PriorityClass, scheduling::v1, "scheduling.k8s.io", "v1", "priorityclasses", ["pc"], Cluster, [];
            CSIDriver, storage::v1, "storage.k8s.io", "v1", "csidrivers", [], Cluster, [];
            CSINode, storage::v1, "storage.k8s.io", "v1", "csinodes", [], Cluster, [];
            CSIStorageCapacity, storage::v1, "storage.k8s.io", "v1", "csistoragecapacities", [], Namespaced, [];
            StorageClass, storage::v1, "storage.k8s.io", "v1", "storageclasses", ["sc"], Cluster, [];
            VolumeAttachment, storage::v1, "storage.k8s.io", "v1", "volumeattachments", [], Cluster, [];
            VolumeAttributesClass, storage::v1, "storage.k8s.io", "v1", "volumeattributesclasses", ["vac"], Cluster, [];
        }
    };
}

macro_rules! define_kind {
    ($($variant:ident, $group_mod:ident :: $version_mod:ident, $group:literal, $version:literal, $plural:literal, [$($short:literal),*], $scope:ident, [$($category:literal),*];)*) => {
        /// A kind of object.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $plural, "`")] $variant,)*
        }

        impl Kind {
            /// Every kind, in the order of `kubectl api-resources`.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),*];

            /// The kind's name, `PersistentVolumeClaim`.
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$variant => stringify!($variant),)* }
            }

            /// The API group, `""` for the core group.
            pub const fn group(self) -> &'static str {
                match self { $(Kind::$variant => $group,)* }
            }

            /// The version in which objects of the kind are stored and shown.
            pub const fn version(self) -> &'static str {
                match self { $(Kind::$variant => $version,)* }
            }

            /// The resource's name, `persistentvolumeclaims`.
            pub const fn plural(self) -> &'static str {
                match self { $(Kind::$variant => $plural,)* }
            }

            /// The short names, `["pvc"]`.
            pub const fn short_names(self) -> &'static [&'static str] {
                match self { $(Kind::$variant => &[$($short),*],)* }
            }

            /// Whether its objects live in a namespace.
            pub const fn scope(self) -> Scope {
                match self { $(Kind::$variant => Scope::$scope,)* }
            }

            /// The categories that the kind belongs to, `["all"]`.
            pub const fn categories(self) -> &'static [&'static str] {
                match self { $(Kind::$variant => &[$($category),*],)* }
            }
        }
    };
}
for_each_kind!(define_kind);

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
        self.name().to_ascii_lowercase()
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
            "" => self.singular(),
            group => format!("{}.{group}", self.singular()),
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
        Kind::ALL.iter().copied().find(|k| k.name() == kind && k.api_version() == api_version)
    }

    /// The kind with that name in that group, whatever the version.
    pub fn from_group_kind(group: &str, kind: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|k| k.name() == kind && k.group() == group)
    }

    /// The kind with that name, whatever its group. Kind names are unique among ours.
    pub fn from_name(kind: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|k| k.name() == kind)
    }
}
