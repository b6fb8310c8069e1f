//! Kustomize's own places: where names, labels, namespaces, images and references stand in the kinds that it knows.
//!
//! Mirrors `sigs.k8s.io/kustomize/api/internal/konfig/builtinpluginconsts`.

use super::config::{Config, NameReference};
use super::field_spec::FieldSpec;
use super::id::Gvk;

/// Where the pods of a kind are specified.
const PODS: [(&str, &str); 9] = [
    ("Pod", "spec"),
    ("PodTemplate", "template/spec"),
    ("Deployment", "spec/template/spec"),
    ("ReplicaSet", "spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
    ("StatefulSet", "spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
    ("ReplicationController", "spec/template/spec"),
];

/// The kinds with pods that refer to accounts, claims and priorities.
const RUNNERS: &str = "Pod StatefulSet Deployment ReplicationController CronJob Job DaemonSet";
/// Those that refer to ConfigMaps and Secrets.
const READERS: &str = "Pod PodTemplate Deployment ReplicaSet DaemonSet StatefulSet Job CronJob";

/// Labels of objects and of what they make: group, version, kind and path.
const LABELS: [&str; 10] = [
    "... metadata/labels",
    ".v1.ReplicationController spec/template/metadata/labels",
    "..Deployment spec/template/metadata/labels",
    "..ReplicaSet spec/template/metadata/labels",
    "..DaemonSet spec/template/metadata/labels",
    "apps..StatefulSet spec/template/metadata/labels",
    "apps..StatefulSet spec/volumeClaimTemplates[]/metadata/labels",
    "batch..Job spec/template/metadata/labels",
    "batch..CronJob spec/jobTemplate/metadata/labels",
    "batch..CronJob spec/jobTemplate/spec/template/metadata/labels",
];

/// Selectors that are made where they are missing.
const SELECTORS: [&str; 6] = [
    ".v1.Service spec/selector",
    ".v1.ReplicationController spec/selector",
    "..Deployment spec/selector/matchLabels",
    "..ReplicaSet spec/selector/matchLabels",
    "..DaemonSet spec/selector/matchLabels",
    "apps..StatefulSet spec/selector/matchLabels",
];

/// Selectors that are changed where they are.
const OTHER_SELECTORS: [&str; 6] = [
    "batch..Job spec/selector/matchLabels",
    "batch..CronJob spec/jobTemplate/spec/selector/matchLabels",
    "policy..PodDisruptionBudget spec/selector/matchLabels",
    "networking.k8s.io..NetworkPolicy spec/podSelector/matchLabels",
    "networking.k8s.io..NetworkPolicy spec/ingress/from/podSelector/matchLabels",
    "networking.k8s.io..NetworkPolicy spec/egress/to/podSelector/matchLabels",
];

/// Selectors of other pods, in the pods of Deployments and StatefulSets.
const POD_SELECTORS: [&str; 5] = [
    "affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "topologySpreadConstraints/labelSelector/matchLabels",
];

const ANNOTATIONS: [&str; 9] = [
    "... metadata/annotations",
    ".v1.ReplicationController spec/template/metadata/annotations",
    "..Deployment spec/template/metadata/annotations",
    "..ReplicaSet spec/template/metadata/annotations",
    "..DaemonSet spec/template/metadata/annotations",
    "..StatefulSet spec/template/metadata/annotations",
    "batch..Job spec/template/metadata/annotations",
    "batch..CronJob spec/jobTemplate/metadata/annotations",
    "batch..CronJob spec/jobTemplate/spec/template/metadata/annotations",
];

const IMAGES: [&str; 6] = [
    "... spec/containers[]/image",
    "... spec/initContainers[]/image",
    "... spec/volumes[]/image/reference",
    "... spec/template/spec/containers[]/image",
    "... spec/template/spec/initContainers[]/image",
    "... spec/template/spec/volumes[]/image/reference",
];

/// Where a variable is looked for in a pod.
const POD_VARIABLES: [&str; 9] = [
    "containers/args",
    "containers/command",
    "containers/env/value",
    "containers/volumeMounts/mountPath",
    "initContainers/args",
    "initContainers/command",
    "initContainers/env/value",
    "initContainers/volumeMounts/mountPath",
    "volumes/nfs/server",
];

const VARIABLES: [&str; 10] = [
    "..Deployment spec/template/metadata/annotations",
    "..Ingress spec/rules/host",
    "..Ingress spec/tls/hosts",
    "..Ingress spec/tls/secretName",
    "..Service spec/ports/port",
    "..Service spec/ports/targetPort",
    "..StatefulSet spec/volumeClaimTemplates/spec/nfs/server",
    "..PersistentVolume spec/nfs/server",
    "... metadata/labels",
    "... metadata/annotations",
];

/// Where a pod names a ConfigMap.
const CONFIG_MAPS: [&str; 6] = [
    "volumes/configMap/name",
    "containers/env/valueFrom/configMapKeyRef/name",
    "initContainers/env/valueFrom/configMapKeyRef/name",
    "containers/envFrom/configMapRef/name",
    "initContainers/envFrom/configMapRef/name",
    "volumes/projected/sources/configMap/name",
];

/// Where a pod names a Secret.
const SECRETS: [&str; 7] = [
    "volumes/secret/secretName",
    "containers/env/valueFrom/secretKeyRef/name",
    "initContainers/env/valueFrom/secretKeyRef/name",
    "containers/envFrom/secretRef/name",
    "initContainers/envFrom/secretRef/name",
    "imagePullSecrets/name",
    "volumes/projected/sources/secret/name",
];

/// What is referred to, in which kinds of pods by which fields, and elsewhere.
const REFERENCES: [(&str, &str, &[&str], &[&str]); 15] = [
    ("..Deployment", "", &[], &["..HorizontalPodAutoscaler spec/scaleTargetRef/name"]),
    ("..ReplicationController", "", &[], &["..HorizontalPodAutoscaler spec/scaleTargetRef/name"]),
    ("..ReplicaSet", "", &[], &["..HorizontalPodAutoscaler spec/scaleTargetRef/name"]),
    ("..StatefulSet", "", &[], &["..HorizontalPodAutoscaler spec/scaleTargetRef/name"]),
    (
        ".v1.ConfigMap",
        READERS,
        &CONFIG_MAPS,
        &[
            "..Node spec/configSource/configMap",
            "..Role rules/resourceNames",
            "..ClusterRole rules/resourceNames",
            r"..Ingress metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap",
        ],
    ),
    (
        ".v1.Secret",
        READERS,
        &SECRETS,
        &[
            "..Ingress spec/tls/secretName",
            r"..Ingress metadata/annotations/ingress.kubernetes.io\/auth-secret",
            r"..Ingress metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret",
            r"..Ingress metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret",
            "..ServiceAccount imagePullSecrets/name",
            "..StorageClass parameters/secretName",
            "..StorageClass parameters/adminSecretName",
            "..StorageClass parameters/userSecretName",
            "..StorageClass parameters/secretRef",
            "..Role rules/resourceNames",
            "..ClusterRole rules/resourceNames",
            "serving.knative.dev.v1.Service spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
            "..PersistentVolume spec/azureFile/secretName",
        ],
    ),
    (
        ".v1.Service",
        "",
        &[],
        &[
            "apps..StatefulSet spec/serviceName",
            "..Ingress spec/rules/http/paths/backend/serviceName",
            "..Ingress spec/backend/serviceName",
            "..Ingress spec/rules/http/paths/backend/service/name",
            "..Ingress spec/defaultBackend/service/name",
            "apiregistration.k8s.io..APIService spec/service/name",
            "admissionregistration.k8s.io..ValidatingWebhookConfiguration webhooks/clientConfig/service",
            "admissionregistration.k8s.io..MutatingWebhookConfiguration webhooks/clientConfig/service",
        ],
    ),
    ("rbac.authorization.k8s.io..Role", "", &[], &["rbac.authorization.k8s.io..RoleBinding roleRef/name"]),
    (
        "rbac.authorization.k8s.io..ClusterRole",
        "",
        &[],
        &[
            "rbac.authorization.k8s.io..RoleBinding roleRef/name",
            "rbac.authorization.k8s.io..ClusterRoleBinding roleRef/name",
        ],
    ),
    (
        ".v1.ServiceAccount",
        RUNNERS,
        &["serviceAccountName"],
        &["rbac.authorization.k8s.io..RoleBinding subjects", "rbac.authorization.k8s.io..ClusterRoleBinding subjects"],
    ),
    (".v1.PersistentVolumeClaim", RUNNERS, &["volumes/persistentVolumeClaim/claimName"], &[]),
    (
        ".v1.PersistentVolume",
        "",
        &[],
        &["..PersistentVolumeClaim spec/volumeName", "..ClusterRole rules/resourceNames"],
    ),
    (
        "storage.k8s.io.v1.StorageClass",
        "",
        &[],
        &[
            "..PersistentVolume spec/storageClassName",
            "..PersistentVolumeClaim spec/storageClassName",
            "..StatefulSet spec/volumeClaimTemplates/spec/storageClassName",
        ],
    ),
    ("scheduling.k8s.io.v1.PriorityClass", RUNNERS, &["priorityClassName"], &[]),
    (
        "admissionregistration.k8s.io..ValidatingAdmissionPolicy",
        "",
        &[],
        &["admissionregistration.k8s.io..ValidatingAdmissionPolicyBinding spec/policyName"],
    ),
];

/// `GROUP.VERSION.KIND`, of which the group may have dots.
fn gvk(text: &str) -> Gvk {
    let mut parts = text.rsplitn(3, '.');
    let mut part = || parts.next().unwrap_or_default().to_string();
    let (kind, version, group) = (part(), part(), part());
    Gvk { group, version, kind }
}

fn spec(text: &str, create: bool) -> FieldSpec {
    let (kind, path) = text.split_once(' ').unwrap_or_default();
    let gvk = if kind == "..." { Gvk::default() } else { gvk(kind) };
    FieldSpec { gvk, path: path.into(), create_if_not_present: create }
}

fn specs(texts: &[&str], create: bool) -> Vec<FieldSpec> {
    texts.iter().map(|text| spec(text, create)).collect()
}

/// The same fields of the pods of several kinds.
fn in_pods(kinds: &str, group: &str, fields: &[&str]) -> Vec<FieldSpec> {
    let kinds = kinds.split(' ').filter_map(|kind| PODS.iter().find(|(known, _)| *known == kind));
    let specs = kinds.flat_map(|(kind, pod)| fields.iter().map(move |field| format!("{group}..{kind} {pod}/{field}")));
    specs.map(|text| spec(&text, false)).collect()
}

/// All of kustomize's places.
pub(super) fn config() -> Config {
    let mut common_labels = specs(&SELECTORS, true);
    common_labels.extend(in_pods("Deployment StatefulSet", "apps", &POD_SELECTORS));
    common_labels.extend(specs(&OTHER_SELECTORS, false));
    common_labels.extend(specs(&LABELS, true));
    let mut var_reference = in_pods("Pod DaemonSet Deployment Job ReplicaSet StatefulSet", "", &POD_VARIABLES);
    var_reference.retain(|spec| spec.gvk.kind != "StatefulSet" || !spec.path.ends_with("/nfs/server"));
    var_reference.extend(in_pods("CronJob", "", POD_VARIABLES.get(..8).unwrap_or_default()));
    var_reference.push(spec("..CronJob spec/jobTemplate/spec/template/volumes/nfs/server", false));
    var_reference.extend(specs(&VARIABLES, false));
    let mut name_reference: Vec<NameReference> = REFERENCES
        .iter()
        .map(|(kind, pods, fields, others)| {
            let mut referrers = if pods.is_empty() { Vec::new() } else { in_pods(pods, "", fields) };
            referrers.extend(specs(others, false));
            NameReference { gvk: gvk(kind), referrers }
        })
        .collect();
    // OBSERVATION: the group is written with a version here, so that nothing is ever found.
    let class = Gvk { group: "networking.k8s.io/v1".into(), version: "v1".into(), kind: "IngressClass".into() };
    name_reference.push(NameReference { gvk: class, referrers: specs(&["..Ingress spec/ingressClassName"], false) });
    let mut namespace = specs(&["..Namespace metadata/name"], true);
    namespace.push(spec("apiregistration.k8s.io..APIService spec/service/namespace", true));
    let hook = "apiextensions.k8s.io..CustomResourceDefinition spec/conversion/webhook/clientConfig/service/namespace";
    namespace.push(spec(hook, false));
    let replicas: Vec<String> = ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"]
        .iter()
        .map(|kind| format!("..{kind} spec/replicas"))
        .collect();
    let mut config = Config {
        name_prefix: specs(&["... metadata/name"], false),
        name_suffix: specs(&["... metadata/name"], false),
        namespace,
        common_labels,
        labels: Vec::new(),
        template_labels: specs(&LABELS, true),
        common_annotations: specs(&ANNOTATIONS, true),
        name_reference,
        var_reference,
        images: specs(&IMAGES, true),
        replicas: replicas.iter().map(|text| spec(text, true)).collect(),
    };
    config.sort();
    config
}
