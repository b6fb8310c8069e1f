//! Where disks that are tied to a zone or to one node let pods go.

use insta::assert_snapshot;

use super::Session;

const NODES: [&str; 3] = ["k3d-deadless-server-0", "k3d-deadless-agent-0", "k3d-deadless-agent-1"];

const WHY: &str = "kubectl get events --field-selector reason=FailedScheduling \
                   -o custom-columns=:involvedObject.name,:message --no-headers";

#[test]
fn a_volume_with_a_zone_draws_its_pod_there() {
    let mut session = Session::new();
    for (node, zone) in NODES.iter().zip(["a", "b", "c"]) {
        session.run(&[&format!("kubectl label node {node} topology.kubernetes.io/zone={zone}")]);
    }
    for (name, zone) in [("far", "x"), ("near", "b__d")] {
        session.apply(&format!(
            r#"
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}, labels: {{topology.kubernetes.io/zone: {zone}}}}}
spec:
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  hostPath: {{path: /data}}
  claimRef: {{namespace: default, name: {name}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}}}
spec:
  storageClassName: ""
  volumeName: {name}
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 1Gi}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers: [{{name: c, image: busybox, volumeMounts: [{{name: v, mountPath: /v}}]}}]
  volumes: [{{name: v, persistentVolumeClaim: {{claimName: {name}}}}}]
"#
        ));
    }
    assert_snapshot!(session.run(&[
        "kubectl get pods --show-labels",
        WHY,
        "kubectl label pv far topology.kubernetes.io/zone=a --overwrite",
        "kubectl get pods -o custom-columns=POD:.metadata.name,NODE:.spec.nodeName",
    ]), @"
    $ kubectl get pods --show-labels
    NAME   READY   STATUS    RESTARTS   AGE   LABELS
    far    0/1     Pending   0          1s    <none>
    near   1/1     Running   0          1s    topology.kubernetes.io/zone=b
    $ kubectl get events --field-selector reason=FailedScheduling -o custom-columns=:involvedObject.name,:message --no-headers
    far   0/3 nodes are available: 3 node(s) had no available volume zone. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    far   0/3 nodes are available: 3 node(s) had no available volume zone. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    $ kubectl label pv far topology.kubernetes.io/zone=a --overwrite
    persistentvolume/far labeled
    $ kubectl get pods -o custom-columns=POD:.metadata.name,NODE:.spec.nodeName
    POD    NODE
    far    k3d-deadless-server-0
    near   k3d-deadless-agent-0
    ");
}

#[test]
fn two_pods_share_a_disk_only_to_read_it() {
    let mut session = Session::new();
    for (name, read_only) in [("reader", true), ("second", true), ("writer", false)] {
        session.apply(&format!(
            r#"
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  nodeSelector: {{kubernetes.io/hostname: k3d-deadless-agent-0}}
  terminationGracePeriodSeconds: 1
  containers: [{{name: c, image: busybox, volumeMounts: [{{name: v, mountPath: /v}}]}}]
  volumes:
  - name: v
    iscsi: {{targetPortal: "10.0.0.1", iqn: "iqn.2001-04.com.example:disk", lun: 0, readOnly: {read_only}}}
"#
        ));
    }
    assert_snapshot!(session.run(&[
        "kubectl get pods",
        WHY,
        "kubectl delete pod reader second",
        "kubectl get pods",
    ]), @r#"
    $ kubectl get pods
    NAME     READY   STATUS    RESTARTS   AGE
    reader   1/1     Running   0          2s
    second   1/1     Running   0          1s
    writer   0/1     Pending   0          0s
    $ kubectl get events --field-selector reason=FailedScheduling -o custom-columns=:involvedObject.name,:message --no-headers
    writer   0/3 nodes are available: 1 node(s) had no available disk, 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.
    $ kubectl delete pod reader second
    pod "reader" deleted from default namespace
    pod "second" deleted from default namespace
    $ kubectl get pods
    NAME     READY   STATUS    RESTARTS   AGE
    writer   1/1     Running   0          2s
    "#);
}

#[test]
fn a_node_takes_as_many_volumes_of_a_driver_as_it_says() {
    let mut session = Session::new();
    session.run(&["kstate csi add disk.csi.example.com --nodes k3d-deadless-agent-0 --attach-limit 1"]);
    for name in ["first", "second"] {
        session.apply(&format!(
            r#"
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec:
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteOnce]
  csi: {{driver: disk.csi.example.com, volumeHandle: {name}}}
  claimRef: {{namespace: default, name: {name}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}}}
spec:
  storageClassName: ""
  volumeName: {name}
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 1Gi}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  nodeSelector: {{kubernetes.io/hostname: k3d-deadless-agent-0}}
  terminationGracePeriodSeconds: 1
  containers: [{{name: c, image: busybox, volumeMounts: [{{name: v, mountPath: /v}}]}}]
  volumes: [{{name: v, persistentVolumeClaim: {{claimName: {name}}}}}]
"#
        ));
    }
    assert_snapshot!(session.run(&[WHY, "kubectl delete pod first", "kubectl get pods"]), @r#"
    $ kubectl get events --field-selector reason=FailedScheduling -o custom-columns=:involvedObject.name,:message --no-headers
    second   0/3 nodes are available: 1 node(s) exceed max volume count, 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.
    $ kubectl delete pod first
    pod "first" deleted from default namespace
    $ kubectl get pods
    NAME     READY   STATUS    RESTARTS   AGE
    second   1/1     Running   0          4s
    "#);
}
