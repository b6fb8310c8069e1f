//! Volumes that are attached to one node at a time: who has to wait, for how long, and what is said meanwhile.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

/// A class of the driver, a claim and pods that use it, each on the node of that number.
fn pods(driver: &str, mode: &str, pods: &[(&str, &str)]) -> String {
    let mut text = format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: csi}}\nprovisioner: {driver}\n---\n\
         apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec: {{storageClassName: csi, \
         accessModes: [{mode}], resources: {{requests: {{storage: 1Gi}}}}}}\n"
    );
    for (name, node) in pods {
        text += &pod(name, node);
    }
    text
}

fn pod(name: &str, node: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  nodeSelector: {{kubernetes.io/hostname: \
         k3d-deadless-{node}}}\n  terminationGracePeriodSeconds: 1\n  containers: [{{name: c, image: busybox, command: \
         [sleep, \"3600\"], volumeMounts: [{{name: v, mountPath: /data}}]}}]\n  volumes: [{{name: v, \
         persistentVolumeClaim: {{claimName: data}}}}]\n"
    )
}

/// The text with what is drawn made alike.
fn alike(text: &str) -> String {
    let pattern = |text: &str| regex::Regex::new(text).expect("a pattern");
    let text = pattern("pvc-[0-9a-f-]{36}").replace_all(text, "pvc-...");
    let text = pattern("vol-0[0-9a-f]{16}").replace_all(&text, "vol-...");
    pattern("csi-[0-9a-f]{64}").replace_all(&text, "csi-...").into_owned()
}

const SAID: &str = "kubectl get events -o custom-columns=POD:.involvedObject.name,N:.count,REASON:.reason,M:.message";
const ATTACHED: &str =
    "kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers";
const STATUS: &str = "kubectl get nodes -o custom-columns=NODE:.metadata.name,\
                      ATTACHED:.status.volumesAttached[*].name,IN-USE:.status.volumesInUse";

/// What was said of attaching and mounting.
fn said(session: &mut Session) -> String {
    let text = session.run(&[SAID]);
    let lines = text.lines().filter(|l| l.contains("ttachVolume") || l.contains("FailedMount"));
    alike(&lines.map(|l| format!("{}\n", l.trim_end())).collect::<String>())
}

#[test]
fn a_volume_for_one_node_is_handed_on_when_its_last_pod_there_is_gone() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&pods("ebs.csi.aws.com", "ReadWriteOnce", &[("first", "agent-0"), ("beside", "agent-0")]));
    session.apply(&pod("other", "agent-1"));
    assert_snapshot!(alike(&session.run(&["kubectl get pods", ATTACHED, STATUS])), @"
    $ kubectl get pods
    NAME     READY   STATUS              RESTARTS   AGE
    beside   1/1     Running             0          3s
    first    1/1     Running             0          3s
    other    0/1     ContainerCreating   0          0s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    $ kubectl get nodes -o custom-columns=NODE:.metadata.name,ATTACHED:.status.volumesAttached[*].name,IN-USE:.status.volumesInUse
    NODE                    ATTACHED                                                  IN-USE
    k3d-deadless-agent-0    kubernetes.io/csi/ebs.csi.aws.com^vol-...   [kubernetes.io/csi/ebs.csi.aws.com^vol-...]
    k3d-deadless-agent-1    <none>                                                    [kubernetes.io/csi/ebs.csi.aws.com^vol-...]
    k3d-deadless-server-0   <none>                                                    <none>
    ");
    assert_snapshot!(said(&mut session), @r#"
    beside   1        SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "pvc-..."
    first    1        SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "pvc-..."
    other    1        FailedAttachVolume       Multi-Attach error for volume "pvc-..." Volume is already used by pod(s) beside, first
    "#);
    assert_snapshot!(alike(&session.run(&["kubectl delete pod first", ATTACHED, "kubectl delete pod beside"])), @r#"
    $ kubectl delete pod first
    pod "first" deleted from default namespace
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    $ kubectl delete pod beside
    pod "beside" deleted from default namespace
    "#);
    session.0.advance(Duration::secs(5));
    assert_snapshot!(alike(&session.run(&["kubectl get pods", ATTACHED, STATUS])), @"
    $ kubectl get pods
    NAME    READY   STATUS    RESTARTS   AGE
    other   1/1     Running   0          10s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-1   true
    $ kubectl get nodes -o custom-columns=NODE:.metadata.name,ATTACHED:.status.volumesAttached[*].name,IN-USE:.status.volumesInUse
    NODE                    ATTACHED                                                  IN-USE
    k3d-deadless-agent-0    <none>                                                    <none>
    k3d-deadless-agent-1    kubernetes.io/csi/ebs.csi.aws.com^vol-...   [kubernetes.io/csi/ebs.csi.aws.com^vol-...]
    k3d-deadless-server-0   <none>                                                    <none>
    ");
    assert_snapshot!(said(&mut session), @r#"
    beside   1        SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "pvc-..."
    first    1        SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "pvc-..."
    other    1        FailedAttachVolume       Multi-Attach error for volume "pvc-..." Volume is already used by pod(s) beside, first
    other    1        SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "pvc-..."
    "#);
}

#[test]
fn a_lost_node_keeps_its_volume_for_six_minutes_after_its_pod_is_gone() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&pods("ebs.csi.aws.com", "ReadWriteOnce", &[("first", "agent-0")]));
    session.run(&["kstate node stop k3d-deadless-agent-0"]);
    session.0.advance(Duration::secs(360));
    session.apply(&pod("other", "agent-1"));
    // The pod is Terminating, and counts as long as it is there.
    session.0.advance(Duration::secs(600));
    assert_snapshot!(alike(&session.run(&["kubectl get pods", ATTACHED])), @"
    $ kubectl get pods
    NAME    READY   STATUS              RESTARTS   AGE
    first   1/1     Terminating         0          16m
    other   0/1     ContainerCreating   0          10m
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    ");
    assert_snapshot!(said(&mut session), @r#"
    first                  1        SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "pvc-..."
    other                  1        FailedAttachVolume       Multi-Attach error for volume "pvc-..." Volume is already used by pod(s) first
    "#);
    session.run(&["kubectl delete pod first --force"]);
    session.0.advance(Duration::secs(355));
    assert_snapshot!(session.run(&[ATTACHED]), @"
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    ");
    session.0.advance(Duration::secs(10));
    assert_snapshot!(alike(&session.run(&["kubectl get pods", ATTACHED, STATUS])), @"
    $ kubectl get pods
    NAME    READY   STATUS    RESTARTS   AGE
    other   1/1     Running   0          16m
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-1   true
    $ kubectl get nodes -o custom-columns=NODE:.metadata.name,ATTACHED:.status.volumesAttached[*].name,IN-USE:.status.volumesInUse
    NODE                    ATTACHED                                                  IN-USE
    k3d-deadless-agent-0    <none>                                                    [kubernetes.io/csi/ebs.csi.aws.com^vol-...]
    k3d-deadless-agent-1    kubernetes.io/csi/ebs.csi.aws.com^vol-...   [kubernetes.io/csi/ebs.csi.aws.com^vol-...]
    k3d-deadless-server-0   <none>                                                    <none>
    ");
}

#[test]
fn a_healthy_node_that_does_not_unmount_keeps_its_volume_for_ever() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&pods("ebs.csi.aws.com", "ReadWriteOnce", &[("first", "agent-0")]));
    // The kubelet is gone, and nobody has noticed yet: its lease is fresh.
    session.run(&["kstate node stop k3d-deadless-agent-0", "kubectl delete pod first --force"]);
    session.apply(&pod("other", "agent-1"));
    session.0.advance(Duration::secs(20));
    assert_snapshot!(alike(&session.run(&["kubectl get pods", ATTACHED])), @"
    $ kubectl get pods
    NAME    READY   STATUS              RESTARTS   AGE
    other   0/1     ContainerCreating   0          20s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    ");
    assert_snapshot!(said(&mut session), @r#"
    first   1        SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "pvc-..."
    other   1        FailedAttachVolume       Multi-Attach error for volume "pvc-..." Volume is already exclusively attached to one node and can't be attached to another
    "#);
    // It comes back, and unmounts.
    session.run(&["kstate node start k3d-deadless-agent-0"]);
    session.0.advance(Duration::secs(10));
    assert_snapshot!(session.run(&["kubectl get pods", ATTACHED]), @"
    $ kubectl get pods
    NAME    READY   STATUS    RESTARTS   AGE
    other   1/1     Running   0          33s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-1   true
    ");
}

#[test]
fn a_node_that_is_out_of_service_gives_its_volumes_up_at_once() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&pods("ebs.csi.aws.com", "ReadWriteOnce", &[("first", "agent-0")]));
    session.run(&["kstate node stop k3d-deadless-agent-0"]);
    session.0.advance(Duration::secs(400));
    session.apply(&pod("other", "agent-1"));
    assert_snapshot!(alike(&session.run(&[
        "kubectl get pods",
        "kubectl taint node k3d-deadless-agent-0 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute",
        "kubectl get pods",
        ATTACHED,
    ])), @"
    $ kubectl get pods
    NAME    READY   STATUS              RESTARTS   AGE
    first   1/1     Terminating         0          6m43s
    other   0/1     ContainerCreating   0          0s
    $ kubectl taint node k3d-deadless-agent-0 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute
    node/k3d-deadless-agent-0 tainted
    $ kubectl get pods
    NAME    READY   STATUS    RESTARTS   AGE
    other   1/1     Running   0          3s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-1   true
    ");
}

#[test]
fn what_a_driver_says_when_it_fails_to_attach_is_told_until_it_does() {
    let mut session = Session::new();
    session.run(&[
        "kstate csi add ebs.csi.aws.com --fail 'attach=rpc error: code = Internal desc = Could not attach volume'",
    ]);
    session.apply(&pods("ebs.csi.aws.com", "ReadWriteOnce", &[("first", "agent-0")]));
    session.0.advance(Duration::secs(20));
    assert_snapshot!(alike(&session.run(&["kubectl get pods", ATTACHED])), @"
    $ kubectl get pods
    NAME    READY   STATUS              RESTARTS   AGE
    first   0/1     ContainerCreating   0          22s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   false
    ");
    assert_snapshot!(said(&mut session), @r#"first   6        FailedAttachVolume      AttachVolume.Attach failed for volume "pvc-..." : rpc error: code = Internal desc = Could not attach volume"#);
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&["kubectl get pods", ATTACHED]), @"
    $ kubectl get pods
    NAME    READY   STATUS    RESTARTS   AGE
    first   1/1     Running   0          82s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    ");
    assert_snapshot!(said(&mut session), @r#"
    first   7        FailedAttachVolume       AttachVolume.Attach failed for volume "pvc-..." : rpc error: code = Internal desc = Could not attach volume
    first   1        SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "pvc-..."
    "#);
}

#[test]
fn a_volume_whose_driver_nobody_runs_is_waited_for() {
    let mut session = Session::new();
    session.apply(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: static}\nspec: {capacity: {storage: 1Gi}, accessModes: \
         [ReadWriteOnce], storageClassName: '', csi: {driver: disk.example.com, volumeHandle: one}}\n---\napiVersion: \
         v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {storageClassName: '', accessModes: \
         [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n",
    );
    session.apply(&pod("first", "agent-0"));
    session.0.advance(Duration::secs(300));
    assert_snapshot!(alike(&session.run(&["kubectl get pods", ATTACHED])), @"
    $ kubectl get pods
    NAME    READY   STATUS              RESTARTS   AGE
    first   0/1     ContainerCreating   0          5m
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   false
    ");
    assert_snapshot!(said(&mut session), @r#"first   2        FailedAttachVolume   AttachVolume.Attach failed for volume "static" : timed out waiting for external-attacher of disk.example.com CSI driver to attach volume one"#);
    // With a CSIDriver that asks for no attaching the kubelet looks for the driver itself.
    session.apply(
        "apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: disk.example.com}\nspec: {attachRequired: \
         false}\n",
    );
    session.0.advance(Duration::secs(20));
    assert_snapshot!(said(&mut session), @r#"
    first   2        FailedAttachVolume   AttachVolume.Attach failed for volume "static" : timed out waiting for external-attacher of disk.example.com CSI driver to attach volume one
    first   5        FailedMount          MountVolume.MountDevice failed for volume "static" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name disk.example.com not found in the list of registered CSI drivers
    "#);
}

#[test]
fn a_driver_that_is_not_on_the_node_can_not_attach_there() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --nodes k3d-deadless-agent-1"]);
    session.apply(&pods("ebs.csi.aws.com", "ReadWriteOnce", &[("first", "agent-0")]));
    session.0.advance(Duration::secs(5));
    assert_snapshot!(said(&mut session), @r#"first   4        FailedAttachVolume      AttachVolume.Attach failed for volume "pvc-..." : CSINode k3d-deadless-agent-0 does not contain driver ebs.csi.aws.com"#);
}

#[test]
fn a_drained_node_hands_its_volumes_on() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(
        r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: c, image: busybox, command: [sh, -c, "date >> /data/log; sleep 3600"], volumeMounts: [{name: data, mountPath: /data}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {storageClassName: ebs, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: ebs}
provisioner: ebs.csi.aws.com
volumeBindingMode: WaitForFirstConsumer
"#,
    );
    let node = session.0.run("kubectl get pod db-0 -o jsonpath={.spec.nodeName}").expect("a node").0;
    session.run(&[&format!("kubectl drain {node}")]);
    session.0.advance(Duration::secs(10));
    let now = session.0.run("kubectl get volumeattachments -o jsonpath={.items[*].spec.nodeName}").expect("a node").0;
    assert_ne!(node, now);
    // What it wrote elsewhere is there.
    assert_snapshot!(session.run(&["kubectl get pods", "kubectl exec db-0 -- wc -l /data/log"]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    db-0   1/1     Running   0          13s
    $ kubectl exec db-0 -- wc -l /data/log
    2 /data/log
    ");
}

#[test]
fn a_volume_for_readers_is_mounted_read_only_everywhere() {
    let mut session = Session::new();
    session.run(&["kstate csi add pd.csi.storage.gke.io"]);
    let both = [("first", "agent-0"), ("second", "agent-1")];
    session.apply(&pods("pd.csi.storage.gke.io", "ReadOnlyMany", &both));
    assert_snapshot!(session.run(&["kubectl get pods", ATTACHED, "kubectl exec first -- touch /data/x"]), @"
    $ kubectl get pods
    NAME     READY   STATUS    RESTARTS   AGE
    first    1/1     Running   0          3s
    second   1/1     Running   0          3s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-1   true
    k3d-deadless-agent-0   true
    $ kubectl exec first -- touch /data/x
    touch: /data/x: Read-only file system
    command terminated with exit code 1
    [exit 1]
    ");
}

#[test]
fn what_a_driver_says_when_it_fails_to_mount_is_told() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --fail mount='mkfs.ext4 failed'"]);
    session.apply(&pods("ebs.csi.aws.com", "ReadWriteOnce", &[("first", "agent-0")]));
    session.0.advance(Duration::secs(10));
    assert_snapshot!(said(&mut session), @r#"
    first   1        SuccessfulAttachVolume   AttachVolume.Attach succeeded for volume "pvc-..."
    first   5        FailedMount              MountVolume.MountDevice failed for volume "pvc-..." : rpc error: code = Internal desc = mkfs.ext4 failed
    "#);
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&["kubectl get pods"]), @"
    $ kubectl get pods
    NAME    READY   STATUS    RESTARTS   AGE
    first   1/1     Running   0          78s
    ");
}
