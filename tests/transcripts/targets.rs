//! Volumes that plugins in the tree attach: iSCSI and Fibre Channel. No VolumeAttachment tells of them.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

const VOLUMES: &str = "
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: lun}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: san
  claimRef: {name: data, namespace: default}
  iscsi: {targetPortal: '10.0.2.15:3260', iqn: 'iqn.2001-04.com.example:storage.disk1', lun: 0}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: fabric}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteMany]
  storageClassName: san
  claimRef: {name: shared, namespace: default}
  fc: {targetWWNs: ['500a0982991b8dc5'], lun: 2}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: san, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: shared}
spec: {storageClassName: san, accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}
";

fn pod(name: &str, claim: &str, node: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{terminationGracePeriodSeconds: 0, nodeSelector: \
         {{kubernetes.io/hostname: k3d-deadless-{node}}}, containers: [{{name: c, image: busybox, command: [sleep, '36000'], \
         volumeMounts: [{{name: v, mountPath: /data}}]}}], volumes: [{{name: v, persistentVolumeClaim: {{claimName: {claim}}}}}]}}\n"
    )
}

const NODES: &str = "kubectl get nodes -o custom-columns=NODE:.metadata.name,ATTACHED:.status.volumesAttached[*].name,\
                     USED:.status.volumesInUse";

const SAID: &str = "kubectl get events -o custom-columns=O:.involvedObject.name,R:.reason,M:.message | grep Attach";

#[test]
fn one_node_has_a_target_and_another_gets_it_when_it_is_free() {
    let mut session = Session::new();
    session.apply(&[VOLUMES, &pod("first", "data", "agent-0"), &pod("second", "data", "agent-1")].concat());
    session.0.advance(Duration::secs(5));
    assert_snapshot!(session.run(&[
        "kubectl get pods",
        NODES,
        SAID,
        "kubectl get volumeattachments",
        "kubectl exec first -- sh -c 'echo kept > /data/file'",
        "kubectl delete pod first",
        "kstate clock advance 5s",
        "kubectl get pods",
        "kubectl exec second -- cat /data/file",
        NODES,
    ]), @r#"
    $ kubectl get pods
    NAME     READY   STATUS              RESTARTS   AGE
    first    1/1     Running             0          6s
    second   0/1     ContainerCreating   0          6s
    $ kubectl get nodes -o custom-columns=NODE:.metadata.name,ATTACHED:.status.volumesAttached[*].name,USED:.status.volumesInUse
    NODE                    ATTACHED                                                                     USED
    k3d-deadless-agent-0    kubernetes.io/iscsi/10.0.2.15:3260:iqn.2001-04.com.example:storage.disk1:0   [kubernetes.io/iscsi/10.0.2.15:3260:iqn.2001-04.com.example:storage.disk1:0]
    k3d-deadless-agent-1    <none>                                                                       [kubernetes.io/iscsi/10.0.2.15:3260:iqn.2001-04.com.example:storage.disk1:0]
    k3d-deadless-server-0   <none>                                                                       <none>
    $ kubectl get events -o custom-columns=O:.involvedObject.name,R:.reason,M:.message | grep Attach
    first    SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "lun" 
    second   FailedAttachVolume       Multi-Attach error for volume "lun" Volume is already used by pod(s) first
    $ kubectl get volumeattachments
    No resources found
    $ kubectl exec first -- sh -c 'echo kept > /data/file'
    $ kubectl delete pod first
    pod "first" deleted from default namespace
    $ kstate clock advance 5s
    2026-01-01T00:00:12Z (manual)
    $ kubectl get pods
    NAME     READY   STATUS    RESTARTS   AGE
    second   1/1     Running   0          12s
    $ kubectl exec second -- cat /data/file
    kept
    $ kubectl get nodes -o custom-columns=NODE:.metadata.name,ATTACHED:.status.volumesAttached[*].name,USED:.status.volumesInUse
    NODE                    ATTACHED                                                                     USED
    k3d-deadless-agent-0    <none>                                                                       <none>
    k3d-deadless-agent-1    kubernetes.io/iscsi/10.0.2.15:3260:iqn.2001-04.com.example:storage.disk1:0   [kubernetes.io/iscsi/10.0.2.15:3260:iqn.2001-04.com.example:storage.disk1:0]
    k3d-deadless-server-0   <none>                                                                       <none>
    "#);
}

#[test]
fn several_nodes_share_a_target_if_they_may() {
    let mut session = Session::new();
    session.apply(&[VOLUMES, &pod("first", "shared", "agent-0"), &pod("second", "shared", "agent-1")].concat());
    session.0.advance(Duration::secs(5));
    assert_snapshot!(session.run(&["kubectl get pods", NODES]), @"
    $ kubectl get pods
    NAME     READY   STATUS    RESTARTS   AGE
    first    1/1     Running   0          6s
    second   1/1     Running   0          6s
    $ kubectl get nodes -o custom-columns=NODE:.metadata.name,ATTACHED:.status.volumesAttached[*].name,USED:.status.volumesInUse
    NODE                    ATTACHED                                USED
    k3d-deadless-agent-0    kubernetes.io/fc/[500a0982991b8dc5]:2   [kubernetes.io/fc/[500a0982991b8dc5]:2]
    k3d-deadless-agent-1    kubernetes.io/fc/[500a0982991b8dc5]:2   [kubernetes.io/fc/[500a0982991b8dc5]:2]
    k3d-deadless-server-0   <none>                                  <none>
    ");
}

#[test]
fn a_lost_node_keeps_a_target_for_six_minutes() {
    let mut session = Session::new();
    session.apply(&[VOLUMES, &pod("first", "data", "agent-0")].concat());
    session.0.advance(Duration::secs(5));
    session.run(&["kstate node stop k3d-deadless-agent-0"]);
    session.0.advance(Duration::secs(60));
    session.run(&["kubectl delete pod first --force"]);
    session.apply(&pod("second", "data", "agent-1"));
    session.0.advance(Duration::secs(300));
    assert_snapshot!(session.run(&["kubectl get pods", NODES, SAID, "kstate clock advance 80s", "kubectl get pods"]), @r#"
    $ kubectl get pods
    NAME     READY   STATUS              RESTARTS   AGE
    second   0/1     ContainerCreating   0          5m
    $ kubectl get nodes -o custom-columns=NODE:.metadata.name,ATTACHED:.status.volumesAttached[*].name,USED:.status.volumesInUse
    NODE                    ATTACHED                                                                     USED
    k3d-deadless-agent-0    kubernetes.io/iscsi/10.0.2.15:3260:iqn.2001-04.com.example:storage.disk1:0   [kubernetes.io/iscsi/10.0.2.15:3260:iqn.2001-04.com.example:storage.disk1:0]
    k3d-deadless-agent-1    <none>                                                                       [kubernetes.io/iscsi/10.0.2.15:3260:iqn.2001-04.com.example:storage.disk1:0]
    k3d-deadless-server-0   <none>                                                                       <none>
    $ kubectl get events -o custom-columns=O:.involvedObject.name,R:.reason,M:.message | grep Attach
    first                  SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "lun" 
    second                 FailedAttachVolume       Multi-Attach error for volume "lun" Volume is already exclusively attached to one node and can't be attached to another
    $ kstate clock advance 80s
    2026-01-01T00:07:26Z (manual)
    $ kubectl get pods
    NAME     READY   STATUS    RESTARTS   AGE
    second   1/1     Running   0          6m20s
    "#);
}
