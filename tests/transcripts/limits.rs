//! Nodes that take no more volumes, waits that are over, and nodes in zones.

use std::path::Path;

use insta::assert_snapshot;
use kstate::api::Duration;
use kstate::sim::Config;

use super::Session;
use crate::conformance::shell::Shell;

/// A class of the driver, and for each name a claim with a pod; `more` goes into the pods' spec.
fn pods(names: &[&str], more: &str) -> String {
    let mut text = String::from(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: csi}\nprovisioner: ebs.csi.aws.com\n",
    );
    for name in names {
        text += &format!(
            "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: csi, \
             accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}\n---\napiVersion: v1\nkind: \
             Pod\nmetadata: {{name: {name}}}\nspec:\n  {more}\n  containers: [{{name: c, image: busybox, command: [sleep, \
             \"3600\"], volumeMounts: [{{name: v, mountPath: /data}}]}}]\n  volumes: [{{name: v, persistentVolumeClaim: \
             {{claimName: {name}}}}}]\n"
        );
    }
    text
}

const SAID: &str = "kubectl get events -o custom-columns=POD:.involvedObject.name,N:.count,REASON:.reason,M:.message";

fn said(session: &mut Session, of: &[&str]) -> String {
    let text = session.run(&[SAID]);
    let lines = text.lines().filter(|l| of.iter().any(|what| l.contains(what)));
    let text = lines.map(|l| format!("{}\n", l.trim_end())).collect::<String>();
    let pattern = |text: &str| regex::Regex::new(text).expect("a pattern");
    let text = pattern("vol-0[0-9a-f]{16}").replace_all(&text, "vol-...").into_owned();
    pattern("pvc-[0-9a-f-]{36}").replace_all(&text, "pvc-...").into_owned()
}

#[test]
fn the_scheduler_counts_the_volumes_of_a_node() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --attach-limit 1"]);
    session.apply(&pods(&["a", "b", "c", "d"], "terminationGracePeriodSeconds: 1"));
    session.0.advance(Duration::secs(10));
    assert_snapshot!(session.run(&["kubectl get pods"]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    a      1/1     Running   0          13s
    b      1/1     Running   0          13s
    c      1/1     Running   0          13s
    d      0/1     Pending   0          13s
    ");
    assert_snapshot!(session.run(&["kubectl get pod d -o jsonpath={.status.conditions[*].message}"]), @"
    $ kubectl get pod d -o jsonpath={.status.conditions[*].message}
    0/3 nodes are available: 3 node(s) exceed max volume count. no new claims to deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.
    ");
    session.run(&["kubectl delete pod a"]);
    session.0.advance(Duration::secs(10));
    assert_snapshot!(session.run(&["kubectl get pods"]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    b      1/1     Running   0          27s
    c      1/1     Running   0          27s
    d      1/1     Running   0          27s
    ");
}

#[test]
fn a_pod_put_onto_a_full_node_is_rejected_when_its_time_is_over() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --attach-limit 1"]);
    session.apply(&pods(&["a", "b"], "nodeName: k3d-deadless-agent-0"));
    session.0.advance(Duration::secs(150));
    assert_snapshot!(session.run(&["kubectl get pods"]), @"
    $ kubectl get pods
    NAME   READY   STATUS                          RESTARTS   AGE
    a      1/1     Running                         0          2m34s
    b      0/1     VolumeAttachmentLimitExceeded   0          2m34s
    ");
    assert_snapshot!(said(&mut session, &["VolumeAttachmentLimitExceeded", "FailedAttachVolume"]), @r#"
    b     8     FailedAttachVolume              AttachVolume.Attach failed for volume "pvc-..." : rpc error: code = ResourceExhausted desc = Attachment limit exceeded for volume "pvc-..." on node "k3d-deadless-agent-0": the node takes 1 volumes
    b     1     VolumeAttachmentLimitExceeded   Node has reached its volume attachment limit, rejecting pod. unmounted volumes=[v], unattached volumes=[v], failed to process volumes=[]: context deadline exceeded
    "#);
}

#[test]
fn a_kubelet_before_v1_27_says_that_it_waited_in_vain() {
    for (version, names_unprocessed) in [(22, false), (26, true)] {
        let mut session = Session(Shell::of_version(Path::new(env!("CARGO_MANIFEST_DIR")), version));
        session.run(&["kstate csi add ebs.csi.aws.com --fail attach"]);
        session.apply(&pods(&["a"], "nodeName: k3d-deadless-agent-0"));
        session.0.advance(Duration::secs(260));
        let text = said(&mut session, &["Unable to attach"]);
        match names_unprocessed {
            false => assert_snapshot!(text, @"
            a     1     FailedMount             Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: error processing PVC default/a: PVC is not bound
            a     2     FailedMount             Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[v]: timed out waiting for the condition
            "),
            true => assert_snapshot!(text, @"
            a     1     FailedMount             Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: error processing PVC default/a: PVC is not bound
            a     2     FailedMount             Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[v], failed to process volumes=[]: timed out waiting for the condition
            "),
        }
    }
}

#[test]
fn nodes_lie_in_zones_from_the_start_or_are_added_there() {
    let config = Config {
        nodes: ["a", "b"].map(String::from).to_vec(),
        zones: [("a".to_string(), "zone-1".to_string()), ("b".to_string(), "zone-2".to_string())].into(),
        ..Config::default()
    };
    let mut session = Session(Shell::with(Path::new(env!("CARGO_MANIFEST_DIR")), config));
    assert_snapshot!(session.run(&[
        "kstate csi add ebs.csi.aws.com --zones zone-1,zone-2",
        "kstate csi add disk.csi.azure.com --zones zone-1,zone-3",
        "kstate node add c=zone-2",
        "kstate node add c",
        "kstate node add d=",
        "kstate node add D",
        "kubectl get nodes -L topology.kubernetes.io/zone,topology.ebs.csi.aws.com/zone",
        "kubectl get csinodes",
        "kubectl get node c -o jsonpath={.spec.podCIDR}",
        "kstate undo",
        "kubectl get nodes",
    ]), @r#"
    $ kstate csi add ebs.csi.aws.com --zones zone-1,zone-2
    csidriver.storage.k8s.io/ebs.csi.aws.com added
    $ kstate csi add disk.csi.azure.com --zones zone-1,zone-3
    error: no node is in zone "zone-3"
    [exit 1]
    $ kstate node add c=zone-2
    node/c added
    $ kstate node add c
    error: node "c" is named twice
    [exit 1]
    $ kstate node add d=
    error: node "d" has an empty zone
    [exit 1]
    $ kstate node add D
    error: invalid node name "D": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
    [exit 1]
    $ kubectl get nodes -L topology.kubernetes.io/zone,topology.ebs.csi.aws.com/zone
    NAME   STATUS   ROLES           AGE   VERSION        ZONE     ZONE
    a      Ready    control-plane   0s    v1.36.2+k3s1   zone-1   zone-1
    b      Ready    <none>          0s    v1.36.2+k3s1   zone-2   zone-2
    c      Ready    <none>          0s    v1.36.2+k3s1   zone-2   zone-2
    $ kubectl get csinodes
    NAME   DRIVERS   AGE
    a      1         0s
    b      1         0s
    c      1         0s
    $ kubectl get node c -o jsonpath={.spec.podCIDR}
    10.42.2.0/24$ kstate undo
    undone: kstate node add c=zone-2
    $ kubectl get nodes
    NAME   STATUS   ROLES           AGE   VERSION
    a      Ready    control-plane   0s    v1.36.2+k3s1
    b      Ready    <none>          0s    v1.36.2+k3s1
    "#);
}

/// So many replicas at once, each with a volume that is made where its pod goes.
fn parallel(replicas: u32, resources: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: late}}\nprovisioner: ebs.csi.aws.com\n\
         volumeBindingMode: WaitForFirstConsumer\n---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: set}}\n\
         spec:\n  replicas: {replicas}\n  podManagementPolicy: Parallel\n  serviceName: set\n  selector: \
         {{matchLabels: {{app: set}}}}\n  template:\n    metadata: {{labels: {{app: set}}}}\n    spec:\n      containers: \
         [{{name: c, image: busybox, command: [sleep, \"3600\"], resources: {resources}, volumeMounts: [{{name: data, \
         mountPath: /data}}]}}]\n  volumeClaimTemplates:\n  - metadata: {{name: data}}\n    spec: {{storageClassName: \
         late, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}\n"
    )
}

const PLACES: &str = "kubectl get pods --sort-by=.spec.nodeName -o custom-columns=NODE:.spec.nodeName,\
                      PHASE:.status.phase --no-headers";

#[test]
fn pods_whose_volumes_are_being_made_count_where_they_go() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --attach-limit 3"]);
    session.apply(&parallel(10, "{}"));
    session.0.advance(Duration::secs(30));
    assert_snapshot!(session.run(&[PLACES]), @"
    $ kubectl get pods --sort-by=.spec.nodeName -o custom-columns=NODE:.spec.nodeName,PHASE:.status.phase --no-headers
    <none>                  Pending
    k3d-deadless-agent-0    Running
    k3d-deadless-agent-0    Running
    k3d-deadless-agent-0    Running
    k3d-deadless-agent-1    Running
    k3d-deadless-agent-1    Running
    k3d-deadless-agent-1    Running
    k3d-deadless-server-0   Running
    k3d-deadless-server-0   Running
    k3d-deadless-server-0   Running
    ");

    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&parallel(7, "{requests: {cpu: 3}}"));
    session.0.advance(Duration::secs(30));
    assert_snapshot!(session.run(&["kubectl get nodes -o jsonpath={.items[*].status.allocatable.cpu}", PLACES]), @"
    $ kubectl get nodes -o jsonpath={.items[*].status.allocatable.cpu}
    4 4 4$ kubectl get pods --sort-by=.spec.nodeName -o custom-columns=NODE:.spec.nodeName,PHASE:.status.phase --no-headers
    <none>                  Pending
    <none>                  Pending
    <none>                  Pending
    <none>                  Pending
    k3d-deadless-agent-0    Running
    k3d-deadless-agent-1    Running
    k3d-deadless-server-0   Running
    ");
}
