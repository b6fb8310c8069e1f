//! APIService: who serves a version of a group: the server itself, or one behind a service.
//!
//! kstate's server serves what it serves whatever these objects say, and asks no other server.
//! Mirrors `k8s.io/kube-aggregator/pkg/registry/apiservice` and `pkg/apis/apiregistration/validation`.

use crate::api::k8s::apimachinery::pkg::apis::meta::v1 as meta;
use crate::api::k8s::kube_aggregator::pkg::apis::apiregistration::v1::{
    APIService, APIServiceCondition, APIServiceSpec, APIServiceStatus,
};
use crate::api::{ObjectMeta, names};
use crate::error::FieldError;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::print;
use crate::kinds::{Column, NameRule, PrintContext, Strategy};

/// The condition of a version that is served.
pub const AVAILABLE: &str = "Available";

/// The label of what the server registers by itself.
const AUTOMANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";

const MAX_GROUP_PRIORITY: i32 = 20_000;
const MAX_VERSION_PRIORITY: i32 = 1_000;

const COLUMNS: &[Column] = &[Column::new("NAME"), Column::new("SERVICE"), Column::new("AVAILABLE"), Column::new("AGE")];

impl Strategy for APIService {
    const NAME: NameRule = NameRule::PathSegment;
    crate::spec_and_status!();

    fn set_defaults(&mut self) {
        if let Some(service) = self.spec.as_mut().and_then(|spec| spec.service.as_mut()) {
            service.port.get_or_insert(443);
        }
    }

    /// What the server serves itself is there at once.
    fn prepare_for_create(&mut self) {
        let is_local = self.spec.as_ref().is_none_or(|spec| spec.service.is_none());
        let made = self.metadata.creation_timestamp.clone();
        self.status = is_local.then(|| local_status(made));
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        validate(&self.metadata, &self.spec.clone().unwrap_or_default(), &mut faults);
        faults.0
    }

    fn validate_status_update(&self, _old: &Self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let conditions = self.status.as_ref().map_or(&[][..], |s| items(&s.conditions));
        for (i, condition) in conditions.iter().enumerate() {
            if !["True", "False", "Unknown"].contains(&condition.status.as_str()) {
                let field = format!("status.conditions[{i}].status");
                faults.0.push(FieldError::not_supported(field, &condition.status, &["True", "False", "Unknown"]));
            }
        }
        faults.0
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let service = self.spec.as_ref().and_then(|spec| spec.service.as_ref());
        let conditions = self.status.as_ref().map_or(&[][..], |s| items(&s.conditions));
        let available = match conditions.iter().find(|c| c.type_ == AVAILABLE) {
            None => "Unknown".to_string(),
            Some(c) => match (c.status.as_str(), text(&c.reason)) {
                (status @ "True", _) | (status, "") => status.to_string(),
                (status, reason) => format!("{status} ({reason})"),
            },
        };
        vec![
            text(&self.metadata.name).into(),
            service.map_or_else(|| "Local".into(), |s| format!("{}/{}", text(&s.namespace), text(&s.name))),
            available,
            print::age(&self.metadata, context),
        ]
    }
}

/// Mirrors `ValidateAPIService`.
fn validate(meta: &ObjectMeta, spec: &APIServiceSpec, faults: &mut Faults) {
    let (group, version) = (text(&spec.group), text(&spec.version));
    let (name, required) = (text(&meta.name), format!("{version}.{group}"));
    if name != required && names::path_segment_name(name, false).is_empty() {
        let detail = format!("must be `spec.version+\".\"+spec.group`: {required:?}");
        faults.invalid("metadata", "name", name, &detail);
    }
    if group.is_empty() && version != "v1" {
        faults.required_for("spec", "group", "only v1 may have an empty group and it better be legacy kube");
    }
    if !group.is_empty() {
        faults.all_invalid("spec", "group", group, names::dns1123_subdomain(group));
    }
    faults.all_invalid("spec", "version", version, names::dns1035_label(version));
    if !(1..=MAX_GROUP_PRIORITY).contains(&spec.group_priority_minimum) {
        let detail = "must be positive and less than 20000";
        faults.invalid("spec", "groupPriorityMinimum", spec.group_priority_minimum, detail);
    }
    if !(1..=MAX_VERSION_PRIORITY).contains(&spec.version_priority) {
        let detail = "must be positive and less than 1000";
        faults.invalid("spec", "versionPriority", spec.version_priority, detail);
    }
    let bundle = spec.ca_bundle.as_ref().map_or(0, |bundle| bundle.0.len());
    let skips = spec.insecure_skip_tls_verify.unwrap_or(false);
    let Some(service) = &spec.service else {
        if bundle > 0 {
            let detail = "local APIServices may not have a caBundle";
            faults.invalid("spec", "caBundle", format!("{bundle} bytes"), detail);
        }
        if skips {
            let detail = "local APIServices may not have insecureSkipTLSVerify";
            faults.invalid("spec", "insecureSkipTLSVerify", skips, detail);
        }
        return;
    };
    faults.require("spec.service", "namespace", text(&service.namespace));
    faults.require("spec.service", "name", text(&service.name));
    let port = service.port.unwrap_or(0);
    let wrong = names::port_num(port.into());
    if !wrong.is_empty() {
        faults.invalid("spec.service", "port", port, &format!("port is not valid: {}", wrong.join(", ")));
    }
    if skips && bundle > 0 {
        faults.invalid("spec", "insecureSkipTLSVerify", skips, "may not be true if caBundle is present");
    }
}

/// The status of a version that the server serves itself. Mirrors `NewLocalAvailableAPIServiceCondition`.
pub fn local_status(since: Option<meta::Time>) -> APIServiceStatus {
    let condition = APIServiceCondition {
        type_: AVAILABLE.into(),
        status: "True".into(),
        reason: Some("Local".into()),
        message: Some("Local APIServices are always available".into()),
        last_transition_time: since,
    };
    APIServiceStatus { conditions: Some(vec![condition]) }
}

/// A version of a group that the server serves itself, and since and until which minor version.
#[derive(Debug, Clone, Copy)]
struct Local {
    group: &'static str,
    version: &'static str,
    /// The place of the group among groups, and of the version within the group.
    priority: (i32, i32),
    since: u32,
    until: u32,
}

const fn always(group: &'static str, version: &'static str, priority: (i32, i32)) -> Local {
    since(group, version, priority, 0)
}

const fn since(group: &'static str, version: &'static str, priority: (i32, i32), since: u32) -> Local {
    Local { group, version, priority, since, until: u32::MAX }
}

const fn between(group: &'static str, version: &'static str, priority: (i32, i32), since: u32, until: u32) -> Local {
    Local { group, version, priority, since, until }
}

/// Mirrors `DefaultGenericAPIServicePriorities` and `cmd/kube-apiserver/app/aggregator.go`. A beta version is here as
/// long as it is the one that kstate prefers.
#[rustfmt::skip]
const LOCAL: &[Local] = &[
    always("", "v1", (18_000, 1)),
    always("admissionregistration.k8s.io", "v1", (16_700, 15)),
    always("apiextensions.k8s.io", "v1", (16_700, 15)),
    always("apps", "v1", (17_800, 15)),
    always("authentication.k8s.io", "v1", (17_700, 15)),
    always("authorization.k8s.io", "v1", (17_600, 15)),
    always("autoscaling", "v1", (17_500, 15)),
    since("autoscaling", "v2", (17_500, 30), 23),
    always("batch", "v1", (17_400, 15)),
    between("batch", "v1beta1", (17_400, 9), 0, 20),
    since("certificates.k8s.io", "v1", (17_300, 15), 19),
    between("certificates.k8s.io", "v1beta1", (17_300, 9), 0, 18),
    always("coordination.k8s.io", "v1", (16_500, 15)),
    since("discovery.k8s.io", "v1", (16_200, 15), 21),
    between("discovery.k8s.io", "v1beta1", (16_200, 12), 17, 20),
    since("events.k8s.io", "v1", (17_750, 15), 19),
    since("flowcontrol.apiserver.k8s.io", "v1", (16_100, 21), 29),
    between("flowcontrol.apiserver.k8s.io", "v1beta1", (16_100, 12), 20, 22),
    between("flowcontrol.apiserver.k8s.io", "v1beta2", (16_100, 15), 23, 25),
    between("flowcontrol.apiserver.k8s.io", "v1beta3", (16_100, 18), 26, 28),
    always("networking.k8s.io", "v1", (17_200, 15)),
    between("networking.k8s.io", "v1beta1", (17_200, 9), 0, 18),
    since("node.k8s.io", "v1", (16_300, 15), 20),
    between("node.k8s.io", "v1beta1", (16_300, 9), 0, 19),
    since("policy", "v1", (17_100, 15), 21),
    between("policy", "v1beta1", (17_100, 9), 0, 20),
    always("rbac.authorization.k8s.io", "v1", (17_000, 15)),
    since("resource.k8s.io", "v1", (16_200, 21), 34),
    always("scheduling.k8s.io", "v1", (16_600, 15)),
    always("storage.k8s.io", "v1", (16_800, 15)),
    between("storage.k8s.io", "v1beta1", (16_800, 9), 0, 23),
];

/// The versions of groups that a server of v1.`minor` registers when it starts; its own group is not among them.
pub fn local_services(minor: u32, now: meta::Time) -> Vec<APIService> {
    let service = |local: &Local| APIService {
        metadata: ObjectMeta {
            name: Some(format!("{}.{}", local.version, local.group)),
            labels: Some([(AUTOMANAGED.to_string(), "onstart".to_string())].into()),
            ..Default::default()
        },
        spec: Some(APIServiceSpec {
            group: Some(local.group.to_string()).filter(|group| !group.is_empty()),
            version: Some(local.version.into()),
            group_priority_minimum: local.priority.0,
            version_priority: local.priority.1,
            ..Default::default()
        }),
        status: Some(local_status(Some(now.clone()))),
    };
    LOCAL.iter().filter(|local| (local.since..=local.until).contains(&minor)).map(service).collect()
}
