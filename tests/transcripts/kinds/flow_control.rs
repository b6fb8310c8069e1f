//! FlowSchemas and priority levels.

use insta::assert_snapshot;
use kstate::api::Duration;

use crate::transcripts::Session;

#[test]
fn a_new_cluster_has_those_that_its_server_makes() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl get flowschemas",
        "kubectl get prioritylevelconfigurations",
        "kubectl get flowschema probes -o yaml",
        "kubectl get prioritylevelconfiguration exempt -o yaml",
        "kubectl describe flowschema system-leader-election",
    ]), @r#"
    $ kubectl get flowschemas
    NAME                           PRIORITYLEVEL     MATCHINGPRECEDENCE   DISTINGUISHERMETHOD   AGE   MISSINGPL
    exempt                         exempt            1                    <none>                0s    False
    probes                         exempt            2                    <none>                0s    False
    system-leader-election         leader-election   100                  ByUser                0s    False
    system-node-high               node-high         400                  ByUser                0s    False
    system-nodes                   system            500                  ByUser                0s    False
    kube-controller-manager        workload-high     800                  ByNamespace           0s    False
    kube-scheduler                 workload-high     800                  ByNamespace           0s    False
    kube-system-service-accounts   workload-high     900                  ByNamespace           0s    False
    service-accounts               workload-low      9000                 ByUser                0s    False
    global-default                 global-default    9900                 ByUser                0s    False
    catch-all                      catch-all         10000                ByUser                0s    False
    $ kubectl get prioritylevelconfigurations
    NAME              TYPE      NOMINALCONCURRENCYSHARES   QUEUES   HANDSIZE   QUEUELENGTHLIMIT   AGE
    catch-all         Limited   5                          <none>   <none>     <none>             0s
    exempt            Exempt    <none>                     <none>   <none>     <none>             0s
    global-default    Limited   20                         128      6          50                 0s
    leader-election   Limited   10                         16       4          50                 0s
    node-high         Limited   40                         64       6          50                 0s
    system            Limited   30                         64       6          50                 0s
    workload-high     Limited   40                         128      6          50                 0s
    workload-low      Limited   100                        128      6          50                 0s
    $ kubectl get flowschema probes -o yaml
    apiVersion: flowcontrol.apiserver.k8s.io/v1
    kind: FlowSchema
    metadata:
      annotations:
        apf.kubernetes.io/autoupdate-spec: "true"
      creationTimestamp: "2026-01-01T00:00:00Z"
      generation: 1
      name: probes
      resourceVersion: "187"
      uid: 635b872e-7f0f-4326-8b83-83504ec56eda
    spec:
      matchingPrecedence: 2
      priorityLevelConfiguration:
        name: exempt
      rules:
      - nonResourceRules:
        - nonResourceURLs:
          - /healthz
          - /readyz
          - /livez
          verbs:
          - get
        subjects:
        - group:
            name: system:unauthenticated
          kind: Group
        - group:
            name: system:authenticated
          kind: Group
    status:
      conditions:
      - lastTransitionTime: "2026-01-01T00:00:00Z"
        message: This FlowSchema references the PriorityLevelConfiguration object named
          "exempt" and it exists
        reason: Found
        status: "False"
        type: Dangling
    $ kubectl get prioritylevelconfiguration exempt -o yaml
    apiVersion: flowcontrol.apiserver.k8s.io/v1
    kind: PriorityLevelConfiguration
    metadata:
      annotations:
        apf.kubernetes.io/autoupdate-spec: "true"
      creationTimestamp: "2026-01-01T00:00:00Z"
      generation: 1
      name: exempt
      resourceVersion: "184"
      uid: f1381386-8619-493b-865c-fc88b655ab3f
    spec:
      exempt:
        lendablePercent: 0
        nominalConcurrencyShares: 0
      type: Exempt
    status: {}
    $ kubectl describe flowschema system-leader-election
    Name:         system-leader-election
    Namespace:    
    Labels:       <none>
    Annotations:  apf.kubernetes.io/autoupdate-spec: true
    API Version:  flowcontrol.apiserver.k8s.io/v1
    Kind:         FlowSchema
    Metadata:
      Creation Timestamp:  2026-01-01T00:00:00Z
      Generation:          1
      Resource Version:    188
      UID:                 9567425d-14e5-4396-81b6-d385577c42c6
    Spec:
      Distinguisher Method:
        Type:               ByUser
      Matching Precedence:  100
      Priority Level Configuration:
        Name:  leader-election
      Rules:
        Resource Rules:
          API Groups:
            coordination.k8s.io
          Namespaces:
            *
          Resources:
            leases
          Verbs:
            get
            create
            update
        Subjects:
          Kind:  User
          User:
            Name:  system:kube-controller-manager
          Kind:    User
          User:
            Name:  system:kube-scheduler
          Kind:    ServiceAccount
          Service Account:
            Name:       *
            Namespace:  kube-system
    Status:
      Conditions:
        Last Transition Time:  2026-01-01T00:00:00Z
        Message:               This FlowSchema references the PriorityLevelConfiguration object named "leader-election" and it exists
        Reason:                Found
        Status:                False
        Type:                  Dangling
    Events:                    <none>
    "#);
}

const SCHEMA: &str = "
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata:
  name: mine
spec:
  priorityLevelConfiguration:
    name: mine
  distinguisherMethod:
    type: ByUser
  rules:
  - subjects:
    - kind: Group
      group:
        name: dev
    resourceRules:
    - verbs: [get]
      apiGroups: ['']
      resources: [pods]
      namespaces: ['*']
";

const LEVEL: &str = "
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata:
  name: mine
spec:
  type: Limited
  limited:
    limitResponse:
      type: Queue
      queuing: {}
";

#[test]
fn a_flow_schema_says_whether_its_level_is_there() {
    let mut session = Session::new();
    assert_snapshot!(session.apply(SCHEMA), @"flowschema.flowcontrol.apiserver.k8s.io/mine created");
    assert_snapshot!(session.run(&["kubectl get flowschema mine"]), @"
    $ kubectl get flowschema mine
    NAME   PRIORITYLEVEL   MATCHINGPRECEDENCE   DISTINGUISHERMETHOD   AGE   MISSINGPL
    mine   mine            1000                 ByUser                0s    True
    ");
    assert_snapshot!(session.apply(LEVEL), @"prioritylevelconfiguration.flowcontrol.apiserver.k8s.io/mine created");
    assert_snapshot!(session.run(&[
        "kubectl get flowschema mine",
        "kubectl get flowschema mine -o jsonpath={.status.conditions[0].message}",
        "kubectl get prioritylevelconfiguration mine -o yaml",
        "kubectl delete prioritylevelconfiguration mine",
        "kubectl get flowschema mine -o jsonpath={.status.conditions[0].message}",
    ]), @r#"
    $ kubectl get flowschema mine
    NAME   PRIORITYLEVEL   MATCHINGPRECEDENCE   DISTINGUISHERMETHOD   AGE   MISSINGPL
    mine   mine            1000                 ByUser                0s    False
    $ kubectl get flowschema mine -o jsonpath={.status.conditions[0].message}
    This FlowSchema references the PriorityLevelConfiguration object named "mine" and it exists$ kubectl get prioritylevelconfiguration mine -o yaml
    apiVersion: flowcontrol.apiserver.k8s.io/v1
    kind: PriorityLevelConfiguration
    metadata:
      annotations:
        kubectl.kubernetes.io/last-applied-configuration: |
          {"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"PriorityLevelConfiguration","metadata":{"annotations":{},"name":"mine"},"spec":{"limited":{"limitResponse":{"queuing":{},"type":"Queue"}},"type":"Limited"}}
      creationTimestamp: "2026-01-01T00:00:00Z"
      generation: 1
      name: mine
      resourceVersion: "218"
      uid: 38327ef0-2aff-4f38-ac47-fbdbfe3f7c32
    spec:
      limited:
        lendablePercent: 0
        limitResponse:
          queuing:
            handSize: 8
            queueLengthLimit: 50
            queues: 64
          type: Queue
        nominalConcurrencyShares: 30
      type: Limited
    status: {}
    $ kubectl delete prioritylevelconfiguration mine
    prioritylevelconfiguration.flowcontrol.apiserver.k8s.io "mine" deleted
    $ kubectl get flowschema mine -o jsonpath={.status.conditions[0].message}
    This FlowSchema references the PriorityLevelConfiguration object named "mine" but there is no such object
    "#);
}

#[test]
fn what_is_odd_is_refused() {
    let mut session = Session::new();
    let odd = SCHEMA
        .replace("ByUser", "ByMoon")
        .replace("kind: Group\n", "kind: User\n")
        .replace("verbs: [get]", "verbs: [look, '*']")
        .replace("['*']", "[A_b]");
    assert_snapshot!(session.apply(&odd), @r#"
    The FlowSchema "mine" is invalid: 
    * spec.distinguisherMethod.type: Unsupported value: {"Type":"ByMoon"}: supported values: "ByNamespace", "ByUser"
    * spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'
    * spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'
    * spec.rules[0].resourceRules[0].verbs: Invalid value: ["look","*"]: if '*' is present, must not specify other verbs
    * spec.rules[0].resourceRules[0].namespaces[0]: Invalid value: "A_b": each member of this list must be '*' or a DNS-1123 label; a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
    "#);
    let level = LEVEL.replace("queuing: {}", "queuing: {queues: 4, handSize: 5, queueLengthLimit: -1}");
    assert_snapshot!(session.apply(&level), @r#"
    The PriorityLevelConfiguration "mine" is invalid: 
    * spec.limited.limitResponse.queuing.queueLengthLimit: Invalid value: -1: must be positive
    * spec.limited.limitResponse.queuing.handSize: Invalid value: 5: should not be greater than queues (4)
    "#);
    assert_snapshot!(session.apply(&LEVEL.replace("name: mine", "name: exempt")), @r#"
    Warning: resource prioritylevelconfigurations/exempt is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.
    The PriorityLevelConfiguration "exempt" is invalid: 
    * spec.type: Invalid value: "Limited": must be 'Exempt' if and only if `name` is 'exempt'
    * spec.exempt: Forbidden: must be nil if the type is Limited
    * spec: Invalid value: {"Type":"Limited","Limited":{"NominalConcurrencyShares":30,"LimitResponse":{"Type":"Queue","Queuing":{"Queues":64,"HandSize":8,"QueueLengthLimit":50}},"LendablePercent":0,"BorrowingLimitPercent":null},"Exempt":{"NominalConcurrencyShares":0,"LendablePercent":0}}: spec of 'exempt' except the 'spec.exempt' field must equal the fixed value
    "#);
    assert_snapshot!(session.run(&[
        "kubectl patch flowschema catch-all --type=merge -p '{\"spec\":{\"matchingPrecedence\":5}}'",
        "kubectl patch prioritylevelconfiguration exempt --type=merge -p '{\"spec\":{\"exempt\":{\"lendablePercent\":50}}}'",
    ]), @r#"
    $ kubectl patch flowschema catch-all --type=merge -p '{"spec":{"matchingPrecedence":5}}'
    The FlowSchema "catch-all" is invalid: spec: Invalid value: {"PriorityLevelConfiguration":{"Name":"catch-all"},"MatchingPrecedence":5,"DistinguisherMethod":{"Type":"ByUser"},"Rules":[{"Subjects":[{"Kind":"Group","User":null,"Group":{"Name":"system:unauthenticated"},"ServiceAccount":null},{"Kind":"Group","User":null,"Group":{"Name":"system:authenticated"},"ServiceAccount":null}],"ResourceRules":[{"Verbs":["*"],"APIGroups":["*"],"Resources":["*"],"ClusterScope":true,"Namespaces":["*"]}],"NonResourceRules":[{"Verbs":["*"],"NonResourceURLs":["*"]}]}]}: spec of 'catch-all' must equal the fixed value
    [exit 1]
    $ kubectl patch prioritylevelconfiguration exempt --type=merge -p '{"spec":{"exempt":{"lendablePercent":50}}}'
    prioritylevelconfiguration.flowcontrol.apiserver.k8s.io/exempt patched
    "#);
}

#[test]
fn the_servers_own_come_back() {
    let mut session = Session::new();
    session.run(&[
        "kubectl delete flowschema probes",
        "kubectl patch flowschema service-accounts --type=merge -p '{\"spec\":{\"matchingPrecedence\":8000}}'",
        "kubectl annotate --overwrite flowschema global-default apf.kubernetes.io/autoupdate-spec=false",
        "kubectl patch flowschema global-default --type=merge -p '{\"spec\":{\"matchingPrecedence\":8001}}'",
    ]);
    session.apply(&SCHEMA.replace(
        "  name: mine\nspec",
        "  name: mine\n  annotations: {apf.kubernetes.io/autoupdate-spec: \"true\"}\nspec",
    ));
    assert_snapshot!(session.run(&["kubectl get flowschemas"]), @"
    $ kubectl get flowschemas
    NAME                           PRIORITYLEVEL     MATCHINGPRECEDENCE   DISTINGUISHERMETHOD   AGE   MISSINGPL
    exempt                         exempt            1                    <none>                0s    False
    probes                         exempt            2                    <none>                0s    False
    system-leader-election         leader-election   100                  ByUser                0s    False
    system-node-high               node-high         400                  ByUser                0s    False
    system-nodes                   system            500                  ByUser                0s    False
    kube-controller-manager        workload-high     800                  ByNamespace           0s    False
    kube-scheduler                 workload-high     800                  ByNamespace           0s    False
    kube-system-service-accounts   workload-high     900                  ByNamespace           0s    False
    mine                           mine              1000                 ByUser                0s    True
    service-accounts               workload-low      8000                 ByUser                0s    False
    global-default                 global-default    8001                 ByUser                0s    False
    catch-all                      catch-all         10000                ByUser                0s    False
    ");
    session.0.advance(Duration::secs(61));
    assert_snapshot!(session.run(&["kubectl get flowschemas"]), @"
    $ kubectl get flowschemas
    NAME                           PRIORITYLEVEL     MATCHINGPRECEDENCE   DISTINGUISHERMETHOD   AGE   MISSINGPL
    exempt                         exempt            1                    <none>                61s   False
    probes                         exempt            2                    <none>                61s   False
    system-leader-election         leader-election   100                  ByUser                61s   False
    system-node-high               node-high         400                  ByUser                61s   False
    system-nodes                   system            500                  ByUser                61s   False
    kube-controller-manager        workload-high     800                  ByNamespace           61s   False
    kube-scheduler                 workload-high     800                  ByNamespace           61s   False
    kube-system-service-accounts   workload-high     900                  ByNamespace           61s   False
    global-default                 global-default    8001                 ByUser                61s   False
    service-accounts               workload-low      9000                 ByUser                61s   False
    catch-all                      catch-all         10000                ByUser                61s   False
    ");
}
