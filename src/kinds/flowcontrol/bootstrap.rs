//! The objects that an API server makes by itself: those that it insists on, and those that it suggests.
//!
//! Mirrors `k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go`.

use crate::api::ObjectMeta;
use crate::api::k8s::api::flowcontrol::v1::{
    ExemptPriorityLevelConfiguration, FlowDistinguisherMethod, FlowSchema, FlowSchemaSpec, GroupSubject, LimitResponse,
    LimitedPriorityLevelConfiguration, NonResourcePolicyRule, PolicyRulesWithSubjects, PriorityLevelConfiguration,
    PriorityLevelConfigurationReference, PriorityLevelConfigurationSpec, QueuingConfiguration, ResourcePolicyRule,
    ServiceAccountSubject, Subject, UserSubject,
};

/// The annotation that says whether the server keeps an object's spec as it is here.
pub const AUTO_UPDATE: &str = "apf.kubernetes.io/autoupdate-spec";

/// The names of the objects of both kinds that can't be changed, and come back when they are deleted.
const MANDATORY: [&str; 2] = ["catch-all", super::EXEMPT];

/// Whether the server insists on the object of that name, of either kind.
pub fn is_mandatory(name: &str) -> bool {
    MANDATORY.contains(&name)
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| text.to_string()).collect()
}

fn metadata(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        annotations: Some([(AUTO_UPDATE.to_string(), "true".to_string())].into()),
        generation: Some(1),
        ..Default::default()
    }
}

/// The priority levels: name, shares of concurrency, percentage to lend, and queues with the size of a hand.
const LEVELS: [(&str, i32, i32, Option<(i32, i32)>); 7] = [
    ("system", 30, 33, Some((64, 6))),
    ("node-high", 40, 25, Some((64, 6))),
    ("leader-election", 10, 0, Some((16, 4))),
    ("workload-high", 40, 50, Some((128, 6))),
    ("workload-low", 100, 90, Some((128, 6))),
    ("global-default", 20, 50, Some((128, 6))),
    ("catch-all", 5, 0, None),
];

/// How many requests wait in a queue.
const QUEUE_LENGTH: i32 = 50;

fn limited((shares, lendable): (i32, i32), queues: Option<(i32, i32)>) -> PriorityLevelConfigurationSpec {
    let queuing = queues.map(|(queues, hand)| QueuingConfiguration {
        queues: Some(queues),
        hand_size: Some(hand),
        queue_length_limit: Some(QUEUE_LENGTH),
    });
    let response = if queuing.is_some() { "Queue" } else { "Reject" };
    PriorityLevelConfigurationSpec {
        type_: "Limited".into(),
        limited: Some(LimitedPriorityLevelConfiguration {
            nominal_concurrency_shares: Some(shares),
            lendable_percent: Some(lendable),
            limit_response: Some(LimitResponse { type_: response.into(), queuing }),
            ..Default::default()
        }),
        exempt: None,
    }
}

/// The priority levels that the server makes: the suggested ones, then those that it insists on.
pub fn priority_level_configurations() -> Vec<PriorityLevelConfiguration> {
    let level = |name: &str, spec| PriorityLevelConfiguration {
        metadata: metadata(name),
        spec: Some(spec),
        status: Some(Default::default()),
    };
    let exempt = PriorityLevelConfigurationSpec {
        type_: "Exempt".into(),
        exempt: Some(ExemptPriorityLevelConfiguration {
            nominal_concurrency_shares: Some(0),
            lendable_percent: Some(0),
        }),
        limited: None,
    };
    let mut all: Vec<_> = LEVELS
        .iter()
        .map(|(name, shares, lendable, queues)| level(name, limited((*shares, *lendable), *queues)))
        .collect();
    all.push(level(super::EXEMPT, exempt));
    all
}

fn groups(names: &[&str]) -> Vec<Subject> {
    let group = |name: &&str| Subject {
        kind: "Group".into(),
        group: Some(GroupSubject { name: name.to_string() }),
        ..Default::default()
    };
    names.iter().map(group).collect()
}

fn users(names: &[&str]) -> Vec<Subject> {
    let user = |name: &&str| Subject {
        kind: "User".into(),
        user: Some(UserSubject { name: name.to_string() }),
        ..Default::default()
    };
    names.iter().map(user).collect()
}

/// All service accounts of `kube-system`.
fn system_accounts() -> Subject {
    let account = ServiceAccountSubject { name: "*".into(), namespace: "kube-system".into() };
    Subject { kind: "ServiceAccount".into(), service_account: Some(account), ..Default::default() }
}

fn resource_rule(verbs: &[&str], group: &str, resources: &[&str], cluster: bool) -> ResourcePolicyRule {
    ResourcePolicyRule {
        verbs: owned(verbs),
        api_groups: owned(&[group]),
        resources: owned(resources),
        namespaces: Some(owned(&["*"])),
        cluster_scope: cluster.then_some(true),
    }
}

fn non_resource_rule(verbs: &[&str], urls: &[&str]) -> NonResourcePolicyRule {
    NonResourcePolicyRule { verbs: owned(verbs), non_resource_urls: owned(urls) }
}

fn rules(
    subjects: Vec<Subject>,
    resources: Vec<ResourcePolicyRule>,
    urls: Vec<NonResourcePolicyRule>,
) -> PolicyRulesWithSubjects {
    let some = |list: Vec<ResourcePolicyRule>| Some(list).filter(|list| !list.is_empty());
    PolicyRulesWithSubjects {
        subjects,
        resource_rules: some(resources),
        non_resource_rules: Some(urls).filter(|list| !list.is_empty()),
    }
}

/// Whatever they ask for.
fn everything(subjects: Vec<Subject>) -> PolicyRulesWithSubjects {
    rules(subjects, vec![resource_rule(&["*"], "*", &["*"], true)], vec![non_resource_rule(&["*"], &["*"])])
}

/// The FlowSchemas that the server makes: the suggested ones, then those that it insists on.
pub fn flow_schemas() -> Vec<FlowSchema> {
    let schema = |name: &str, level: &str, precedence: i32, by: &str, rules: PolicyRulesWithSubjects| FlowSchema {
        metadata: metadata(name),
        spec: Some(FlowSchemaSpec {
            priority_level_configuration: PriorityLevelConfigurationReference { name: level.into() },
            matching_precedence: Some(precedence),
            distinguisher_method: (!by.is_empty()).then(|| FlowDistinguisherMethod { type_: by.into() }),
            rules: Some(vec![rules]),
        }),
        status: None,
    };
    let (by_user, by_namespace) = ("ByUser", "ByNamespace");
    let leases = |verbs: &[&str]| resource_rule(verbs, "coordination.k8s.io", &["leases"], false);
    let nodes = || groups(&["system:nodes"]);
    let anybody = || groups(&["system:unauthenticated", "system:authenticated"]);
    let mut leaders = users(&["system:kube-controller-manager", "system:kube-scheduler"]);
    leaders.push(system_accounts());
    vec![
        schema("system-nodes", "system", 500, by_user, everything(nodes())),
        schema(
            "system-node-high",
            "node-high",
            400,
            by_user,
            rules(nodes(), vec![resource_rule(&["*"], "", &["nodes", "nodes/status"], true), leases(&["*"])], vec![]),
        ),
        schema(
            "probes",
            super::EXEMPT,
            2,
            "",
            rules(anybody(), vec![], vec![non_resource_rule(&["get"], &["/healthz", "/readyz", "/livez"])]),
        ),
        schema(
            "system-leader-election",
            "leader-election",
            100,
            by_user,
            rules(leaders, vec![leases(&["get", "create", "update"])], vec![]),
        ),
        schema(
            "kube-controller-manager",
            "workload-high",
            800,
            by_namespace,
            everything(users(&["system:kube-controller-manager"])),
        ),
        schema("kube-scheduler", "workload-high", 800, by_namespace, everything(users(&["system:kube-scheduler"]))),
        schema("kube-system-service-accounts", "workload-high", 900, by_namespace, everything(vec![system_accounts()])),
        schema("service-accounts", "workload-low", 9_000, by_user, everything(groups(&["system:serviceaccounts"]))),
        schema("global-default", "global-default", 9_900, by_user, everything(anybody())),
        schema(super::EXEMPT, super::EXEMPT, 1, "", everything(groups(&["system:masters"]))),
        schema("catch-all", "catch-all", 10_000, by_user, everything(anybody())),
    ]
}
