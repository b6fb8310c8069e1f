//! Zones: where volumes are made, and pods that must follow them.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

fn class(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: ebs.csi.aws.com\n{more}\n"
    )
}

fn claim(name: &str, class: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: {class}, \
         accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}\n"
    )
}

fn pod(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{{more}containers: [{{name: c, image: nginx, \
         volumeMounts: [{{name: v, mountPath: /v}}]}}], volumes: [{{name: v, persistentVolumeClaim: {{claimName: {name}}}}}]}}\n"
    )
}

fn allowed(zones: &str) -> String {
    format!(
        "allowedTopologies: [{{matchLabelExpressions: [{{key: topology.kubernetes.io/zone, values: [{zones}]}}]}}]\n"
    )
}

const LATE: &str = "volumeBindingMode: WaitForFirstConsumer\n";

const VOLUMES: &str = "kubectl get pv --sort-by=.spec.claimRef.name -o custom-columns=CLAIM:.spec.claimRef.name,\
                       WHERE:.spec.nodeAffinity.required.nodeSelectorTerms[*].matchExpressions[*].values[0]";

const NODES: &str = "kubectl get pods -o custom-columns=POD:.metadata.name,NODE:.spec.nodeName,PHASE:.status.phase";

const SAID: &str = "kubectl get events --field-selector type=Warning -o \
                    custom-columns=O:.involvedObject.name,R:.reason,M:.message";

fn zones() -> Session {
    let mut session = Session::new();
    session.run(&[
        "kstate node label k3d-deadless-server-0 zone=us-east-1a region=us-east-1",
        "kstate node label k3d-deadless-agent-0 zone=us-east-1b region=us-east-1",
        "kstate node label k3d-deadless-agent-1 zone=us-east-1c region=us-east-1",
        "kstate csi add ebs.csi.aws.com --zones us-east-1a,us-east-1b,us-east-1c",
    ]);
    session
}

#[test]
fn nodes_are_labelled_by_short_names() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kstate node label k3d-deadless-agent-0 zone=us-east-1a disk=ssd",
        "kstate node label k3d-deadless-agent-0 zone=us-east-1b",
        "kstate node label k3d-deadless-agent-0 zone=us-east-1b --overwrite",
        "kubectl get nodes -L topology.kubernetes.io/zone,disk",
        "kstate node label k3d-deadless-agent-0 zone- disk-",
        "kstate node label nowhere zone=a",
        "kstate node label k3d-deadless-agent-0 zone=a/b",
        "kstate node label k3d-deadless-agent-0",
    ]), @r#"
    $ kstate node label k3d-deadless-agent-0 zone=us-east-1a disk=ssd
    node/k3d-deadless-agent-0 labeled
    $ kstate node label k3d-deadless-agent-0 zone=us-east-1b
    error: 'topology.kubernetes.io/zone' already has a value (us-east-1a), and --overwrite is false
    [exit 1]
    $ kstate node label k3d-deadless-agent-0 zone=us-east-1b --overwrite
    node/k3d-deadless-agent-0 labeled
    $ kubectl get nodes -L topology.kubernetes.io/zone,disk
    NAME                    STATUS   ROLES           AGE   VERSION        ZONE         DISK
    k3d-deadless-agent-0    Ready    <none>          0s    v1.36.2+k3s1   us-east-1b   ssd
    k3d-deadless-agent-1    Ready    <none>          0s    v1.36.2+k3s1                
    k3d-deadless-server-0   Ready    control-plane   0s    v1.36.2+k3s1                
    $ kstate node label k3d-deadless-agent-0 zone- disk-
    node/k3d-deadless-agent-0 unlabeled
    $ kstate node label nowhere zone=a
    Error from server (NotFound): nodes "nowhere" not found
    [exit 1]
    $ kstate node label k3d-deadless-agent-0 zone=a/b
    error: invalid label value: "topology.kubernetes.io/zone=a/b": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
    [exit 1]
    $ kstate node label k3d-deadless-agent-0
    error: KEY=VALUE... is required
    See 'kstate node label --help' for usage.
    [exit 1]
    "#);
}

#[test]
fn a_class_keeps_volumes_to_the_zones_that_it_allows() {
    let mut session = zones();
    session.apply(
        &[
            class("late-b", &format!("{LATE}{}", allowed("us-east-1b"))),
            class("now-c", &allowed("us-east-1c")),
            class("nowhere", &format!("{LATE}{}", allowed("eu-west-1a"))),
            class("now-nowhere", &allowed("eu-west-1a")),
            claim("late", "late-b"),
            claim("now", "now-c"),
            claim("never", "nowhere"),
            claim("now-never", "now-nowhere"),
            pod("late", ""),
            pod("now", ""),
            pod("never", ""),
        ]
        .concat(),
    );
    session.0.advance(Duration::secs(5));
    assert_snapshot!(session.run(&[VOLUMES, NODES, SAID]), @r#"
    $ kubectl get pv --sort-by=.spec.claimRef.name -o custom-columns=CLAIM:.spec.claimRef.name,WHERE:.spec.nodeAffinity.required.nodeSelectorTerms[*].matchExpressions[*].values[0]
    CLAIM   WHERE
    late    us-east-1b
    now     us-east-1c
    $ kubectl get pods -o custom-columns=POD:.metadata.name,NODE:.spec.nodeName,PHASE:.status.phase
    POD     NODE                   PHASE
    late    k3d-deadless-agent-0   Running
    never   <none>                 Pending
    now     k3d-deadless-agent-1   Running
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O           R                    M
    never       FailedScheduling     0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    never       FailedScheduling     0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    now-never   ProvisioningFailed   failed to provision volume with StorageClass "now-nowhere": error generating accessibility requirements: no available topology found
    now         FailedScheduling     0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found
    now         FailedScheduling     0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found
    "#);
}

#[test]
fn a_pod_can_not_follow_a_volume_that_immediate_binding_put_into_another_zone() {
    let mut session = zones();
    let here = "nodeSelector: {topology.kubernetes.io/zone: us-east-1a}, ";
    session.apply(
        &[class("now", &allowed("us-east-1b")), class("late", LATE), claim("early", "now"), claim("late", "late")]
            .concat(),
    );
    session.apply(&[pod("early", here), pod("late", here)].concat());
    session.0.advance(Duration::secs(5));
    assert_snapshot!(session.run(&[VOLUMES, NODES, SAID]), @"
    $ kubectl get pv --sort-by=.spec.claimRef.name -o custom-columns=CLAIM:.spec.claimRef.name,WHERE:.spec.nodeAffinity.required.nodeSelectorTerms[*].matchExpressions[*].values[0]
    CLAIM   WHERE
    early   us-east-1b
    late    us-east-1a
    $ kubectl get pods -o custom-columns=POD:.metadata.name,NODE:.spec.nodeName,PHASE:.status.phase
    POD     NODE                    PHASE
    early   <none>                  Pending
    late    k3d-deadless-server-0   Running
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O       R                  M
    early   FailedScheduling   0/3 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    early   FailedScheduling   0/3 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    ");
}

#[test]
fn a_pod_waits_for_the_only_node_of_its_volumes_zone() {
    let mut session = zones();
    session.apply(&[class("late", LATE), claim("db", "late"), pod("db", "nodeName: '', ")].concat());
    session.0.advance(Duration::secs(5));
    let place = session.0.run("kubectl get pod db -o jsonpath={.spec.nodeName}").expect("a pod").0;
    session.run(&[&format!("kubectl cordon {place}"), "kubectl delete pod db"]);
    session.apply(&pod("db", ""));
    assert_snapshot!(session.run(&[NODES, SAID, &format!("kubectl uncordon {place}"), NODES]), @"
    $ kubectl get pods -o custom-columns=POD:.metadata.name,NODE:.spec.nodeName,PHASE:.status.phase
    POD   NODE     PHASE
    db    <none>   Pending
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O     R                  M
    db    FailedScheduling   0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node affinity. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    $ kubectl uncordon k3d-deadless-server-0
    node/k3d-deadless-server-0 uncordoned
    $ kubectl get pods -o custom-columns=POD:.metadata.name,NODE:.spec.nodeName,PHASE:.status.phase
    POD   NODE                    PHASE
    db    k3d-deadless-server-0   Running
    ");
}
