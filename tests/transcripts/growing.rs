//! Volumes that grow, are copied, and that there is no room for.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

/// A class that allows growing, a claim of one gibibyte, and a pod that uses it.
fn manifests(driver: &str) -> String {
    format!(
        r#"
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: grows}}
provisioner: {driver}
allowVolumeExpansion: true
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data}}
spec: {{storageClassName: grows, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
"#
    )
}

const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: busybox, command: [sh, -c, "echo kept > /data/x; sleep 3600"], volumeMounts: [{name: v, mountPath: /data}]}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
"#;

const STATUS: &str = "kubectl get pvc data -o custom-columns=ASKED:.spec.resources.requests.storage,HAS:.status.capacity.storage,\
                      ALLOCATED:.status.allocatedResources.storage,STATUS:.status.allocatedResourceStatuses.storage,\
                      CONDITIONS:.status.conditions[*].type";
const SIZE: &str = "kubectl get pv -o custom-columns=SIZE:.spec.capacity.storage,BEFORE:.metadata.annotations.volume\\.alpha\\.kubernetes\\.io/pre-resize-capacity";
const SAID: &str = "kubectl get events -o custom-columns=OF:.involvedObject.name,N:.count,FROM:.source.component,REASON:.reason,M:.message";

fn ask(size: &str) -> String {
    format!("kubectl patch pvc data -p '{{\"spec\":{{\"resources\":{{\"requests\":{{\"storage\":\"{size}\"}}}}}}}}'")
}

fn alike(text: &str) -> String {
    regex::Regex::new("pvc-[0-9a-f-]{36}").expect("a pattern").replace_all(text, "pvc-...").into_owned()
}

/// What was said of growing.
fn said(session: &mut Session) -> String {
    let text = session.run(&[SAID]);
    let lines = text.lines().filter(|l| l.contains("esiz") || l.contains("Expanding") || l.contains("expan"));
    alike(&lines.map(|l| format!("{}\n", l.trim_end())).collect::<String>())
}

#[test]
fn a_volume_grows_while_a_pod_uses_it() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&manifests("ebs.csi.aws.com"));
    session.apply(POD);
    assert_snapshot!(session.run(&["kubectl exec web -- df -h /data", &ask("3Gi"), STATUS, SIZE, "kubectl exec web -- df -h /data"]), @r#"
    $ kubectl exec web -- df -h /data
    Filesystem                Size      Used Available Use% Mounted on
    /dev/vdb                  1.0G      4.0K   1024.0M   0% /data
    $ kubectl patch pvc data -p '{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}'
    persistentvolumeclaim/data patched
    $ kubectl get pvc data -o custom-columns=ASKED:.spec.resources.requests.storage,HAS:.status.capacity.storage,ALLOCATED:.status.allocatedResources.storage,STATUS:.status.allocatedResourceStatuses.storage,CONDITIONS:.status.conditions[*].type
    ASKED   HAS   ALLOCATED   STATUS   CONDITIONS
    3Gi     3Gi   3Gi         <none>   <none>
    $ kubectl get pv -o custom-columns=SIZE:.spec.capacity.storage,BEFORE:.metadata.annotations.volume\.alpha\.kubernetes\.io/pre-resize-capacity
    SIZE   BEFORE
    3Gi    <none>
    $ kubectl exec web -- df -h /data
    Filesystem                Size      Used Available Use% Mounted on
    /dev/vdb                  3.0G      4.0K      3.0G   0% /data
    "#);
    assert_snapshot!(said(&mut session), @r#"
    data   1        external-resizer ebs.csi.aws.com                                                           Resizing                     External resizer is resizing volume pvc-...
    data   1        volume_expand                                                                              ExternalExpanding            waiting for an external controller to expand this PVC
    data   1        external-resizer ebs.csi.aws.com                                                           FileSystemResizeRequired     Require file system resize of volume on node
    data   1        kubelet                                                                                    FileSystemResizeSuccessful   MountVolume.NodeExpandVolume succeeded for volume "pvc-..." k3d-deadless-agent-1
    web    1        kubelet                                                                                    FileSystemResizeSuccessful   MountVolume.NodeExpandVolume succeeded for volume "pvc-..." k3d-deadless-agent-1
    "#);
}

#[test]
fn a_volume_that_no_pod_uses_waits_for_one_to_grow_its_file_system() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&manifests("ebs.csi.aws.com"));
    assert_snapshot!(session.run(&[&ask("2Gi"), STATUS, SIZE, "kubectl get pvc data -o jsonpath={.status.conditions[*].message}"]), @r#"
    $ kubectl patch pvc data -p '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'
    persistentvolumeclaim/data patched
    $ kubectl get pvc data -o custom-columns=ASKED:.spec.resources.requests.storage,HAS:.status.capacity.storage,ALLOCATED:.status.allocatedResources.storage,STATUS:.status.allocatedResourceStatuses.storage,CONDITIONS:.status.conditions[*].type
    ASKED   HAS   ALLOCATED   STATUS              CONDITIONS
    2Gi     1Gi   2Gi         NodeResizePending   Resizing,FileSystemResizePending
    $ kubectl get pv -o custom-columns=SIZE:.spec.capacity.storage,BEFORE:.metadata.annotations.volume\.alpha\.kubernetes\.io/pre-resize-capacity
    SIZE   BEFORE
    2Gi    <none>
    $ kubectl get pvc data -o jsonpath={.status.conditions[*].message}
    Waiting for user to (re-)start a pod to finish file system resize of volume on node.
    "#);
    session.apply(POD);
    assert_snapshot!(session.run(&[STATUS, SIZE]), @r"
    $ kubectl get pvc data -o custom-columns=ASKED:.spec.resources.requests.storage,HAS:.status.capacity.storage,ALLOCATED:.status.allocatedResources.storage,STATUS:.status.allocatedResourceStatuses.storage,CONDITIONS:.status.conditions[*].type
    ASKED   HAS   ALLOCATED   STATUS   CONDITIONS
    2Gi     2Gi   2Gi         <none>   <none>
    $ kubectl get pv -o custom-columns=SIZE:.spec.capacity.storage,BEFORE:.metadata.annotations.volume\.alpha\.kubernetes\.io/pre-resize-capacity
    SIZE   BEFORE
    2Gi    <none>
    ");
}

#[test]
fn a_driver_whose_volumes_grow_offline_waits_for_the_pod_to_go() {
    let mut session = Session::new();
    session.run(&["kstate csi add disk.example.com --offline-expansion"]);
    session.apply(&manifests("disk.example.com"));
    session.apply(POD);
    session.run(&[&ask("2Gi")]);
    session.0.advance(Duration::secs(10));
    assert_snapshot!(session.run(&[STATUS]), @"
    $ kubectl get pvc data -o custom-columns=ASKED:.spec.resources.requests.storage,HAS:.status.capacity.storage,ALLOCATED:.status.allocatedResources.storage,STATUS:.status.allocatedResourceStatuses.storage,CONDITIONS:.status.conditions[*].type
    ASKED   HAS   ALLOCATED   STATUS                       CONDITIONS
    2Gi     1Gi   2Gi         ControllerResizeInProgress   Resizing,ControllerResizeError
    ");
    assert_snapshot!(said(&mut session), @r#"
    data   1        external-resizer disk.example.com                                        Resizing                 External resizer is resizing volume pvc-...
    data   1        volume_expand                                                            ExternalExpanding        waiting for an external controller to expand this PVC
    data   1        external-resizer disk.example.com                                        VolumeResizeFailed       resize volume "pvc-..." by resizer "disk.example.com" failed: rpc error: code = FailedPrecondition desc = the volume is in use, and grows only when it is not
    data   3        external-resizer disk.example.com                                        VolumeResizeFailed       Unable to expand default/data because CSI driver disk.example.com only supports offline expansion and volume is currently in-use
    "#);
    session.run(&["kubectl delete pod web"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&[STATUS]), @"
    $ kubectl get pvc data -o custom-columns=ASKED:.spec.resources.requests.storage,HAS:.status.capacity.storage,ALLOCATED:.status.allocatedResources.storage,STATUS:.status.allocatedResourceStatuses.storage,CONDITIONS:.status.conditions[*].type
    ASKED   HAS   ALLOCATED   STATUS              CONDITIONS
    2Gi     1Gi   2Gi         NodeResizePending   Resizing,ControllerResizeError,FileSystemResizePending
    ");
    session.apply(POD);
    assert_snapshot!(session.run(&[STATUS]), @"
    $ kubectl get pvc data -o custom-columns=ASKED:.spec.resources.requests.storage,HAS:.status.capacity.storage,ALLOCATED:.status.allocatedResources.storage,STATUS:.status.allocatedResourceStatuses.storage,CONDITIONS:.status.conditions[*].type
    ASKED   HAS   ALLOCATED   STATUS   CONDITIONS
    2Gi     2Gi   2Gi         <none>   <none>
    ");
}

#[test]
fn what_can_not_grow_can_be_asked_for_less() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --capacity 4Gi"]);
    session.apply(&manifests("ebs.csi.aws.com"));
    session.apply(POD);
    session.run(&[&ask("100Gi")]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&[STATUS]), @"
    $ kubectl get pvc data -o custom-columns=ASKED:.spec.resources.requests.storage,HAS:.status.capacity.storage,ALLOCATED:.status.allocatedResources.storage,STATUS:.status.allocatedResourceStatuses.storage,CONDITIONS:.status.conditions[*].type
    ASKED   HAS   ALLOCATED   STATUS                       CONDITIONS
    100Gi   1Gi   100Gi       ControllerResizeInfeasible   Resizing,ControllerResizeError
    ");
    assert_snapshot!(said(&mut session), @r#"
    data   1        external-resizer ebs.csi.aws.com                                                           Resizing                 External resizer is resizing volume pvc-...
    data   1        volume_expand                                                                              ExternalExpanding        waiting for an external controller to expand this PVC
    data   1        external-resizer ebs.csi.aws.com                                                           VolumeResizeFailed       resize volume "pvc-..." by resizer "ebs.csi.aws.com" failed: rpc error: code = OutOfRange desc = 106300440576 bytes more are not available
    "#);
    assert_snapshot!(session.run(&[&ask("512Mi"), &ask("2Gi")]), @r#"
    $ kubectl patch pvc data -p '{"spec":{"resources":{"requests":{"storage":"512Mi"}}}}'
    The PersistentVolumeClaim "data" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than status.capacity
    [exit 1]
    $ kubectl patch pvc data -p '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'
    persistentvolumeclaim/data patched
    "#);
    session.0.advance(Duration::secs(30));
    assert_snapshot!(session.run(&[STATUS, SIZE]), @r"
    $ kubectl get pvc data -o custom-columns=ASKED:.spec.resources.requests.storage,HAS:.status.capacity.storage,ALLOCATED:.status.allocatedResources.storage,STATUS:.status.allocatedResourceStatuses.storage,CONDITIONS:.status.conditions[*].type
    ASKED   HAS   ALLOCATED   STATUS   CONDITIONS
    2Gi     2Gi   2Gi         <none>   <none>
    $ kubectl get pv -o custom-columns=SIZE:.spec.capacity.storage,BEFORE:.metadata.annotations.volume\.alpha\.kubernetes\.io/pre-resize-capacity
    SIZE   BEFORE
    2Gi    <none>
    ");
}

#[test]
fn a_driver_that_fails_to_grow_a_volume_is_asked_again() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --fail expand"]);
    session.apply(&manifests("ebs.csi.aws.com"));
    session.apply(POD);
    session.run(&[&ask("2Gi")]);
    session.0.advance(Duration::secs(10));
    assert_snapshot!(said(&mut session), @r#"
    data   4        external-resizer ebs.csi.aws.com                                                           Resizing                 External resizer is resizing volume pvc-...
    data   1        volume_expand                                                                              ExternalExpanding        waiting for an external controller to expand this PVC
    data   4        external-resizer ebs.csi.aws.com                                                           VolumeResizeFailed       resize volume "pvc-..." by resizer "ebs.csi.aws.com" failed: rpc error: code = Internal desc = expand failed
    "#);
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&[STATUS]), @"
    $ kubectl get pvc data -o custom-columns=ASKED:.spec.resources.requests.storage,HAS:.status.capacity.storage,ALLOCATED:.status.allocatedResources.storage,STATUS:.status.allocatedResourceStatuses.storage,CONDITIONS:.status.conditions[*].type
    ASKED   HAS   ALLOCATED   STATUS   CONDITIONS
    2Gi     2Gi   2Gi         <none>   <none>
    ");
}

#[test]
fn a_claim_is_a_copy_of_another_one() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&manifests("ebs.csi.aws.com"));
    session.apply(POD);
    let copy = |name: &str, size: &str, source: &str| {
        format!(
            "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: grows, \
             accessModes: [ReadWriteOnce], dataSource: {{kind: PersistentVolumeClaim, name: {source}}}, resources: \
             {{requests: {{storage: {size}}}}}}}\n"
        )
    };
    session
        .apply(&[copy("copy", "2Gi", "data"), copy("small", "512Mi", "data"), copy("none", "1Gi", "nothing")].concat());
    session.run(&["kubectl exec web -- sh -c 'echo changed > /data/x'"]);
    session.apply(
        &POD.replace("name: web", "name: other")
            .replace("echo kept > /data/x; ", "")
            .replace("claimName: data", "claimName: copy"),
    );
    session.0.advance(Duration::secs(5));
    assert_snapshot!(alike(&session.run(&[
        "kubectl exec other -- cat /data/x",
        "kubectl exec web -- cat /data/x",
        "kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase,SIZE:.status.capacity.storage",
        "kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=CLAIM:.involvedObject.name,M:.message",
    ])), @r#"
    $ kubectl exec other -- cat /data/x
    kept
    $ kubectl exec web -- cat /data/x
    changed
    $ kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase,SIZE:.status.capacity.storage
    NAME    PHASE     SIZE
    copy    Bound     2Gi
    data    Bound     1Gi
    none    Pending   <none>
    small   Pending   <none>
    $ kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=CLAIM:.involvedObject.name,M:.message
    CLAIM   M
    none    failed to provision volume with StorageClass "grows": error getting handle for DataSource Type PersistentVolumeClaim by Name nothing: error getting PVC nothing (namespace "default") from api server: persistentvolumeclaim "nothing" not found
    small   failed to provision volume with StorageClass "grows": error getting handle for DataSource Type PersistentVolumeClaim by Name data: error, new PVC request must be greater than or equal in size to the specified PVC data source, requested 536870912 but source is 1073741824
    "#);
}

#[test]
fn the_scheduler_knows_where_there_is_room() {
    let mut session = Session::new();
    session.run(&["kstate csi add hostpath.csi.k8s.io --capacity 3Gi"]);
    session.apply(
        &manifests("hostpath.csi.k8s.io")
            .replace("allowVolumeExpansion: true", "volumeBindingMode: WaitForFirstConsumer"),
    );
    session.apply(POD);
    let more = |name: &str, size: &str| {
        format!(
            "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: grows, \
             accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}}}\n{}",
            POD.replace("name: web", &format!("name: {name}"))
                .replace("claimName: data", &format!("claimName: {name}"))
                .replacen('\n', "---\n", 1)
        )
    };
    session.apply(&more("large", "3Gi"));
    session.apply(&more("larger", "4Gi"));
    assert_snapshot!(session.run(&[
        "kubectl get csistoragecapacities -n kube-system -o custom-columns=CLASS:.storageClassName,WHERE:.nodeTopology.matchLabels,ROOM:.capacity",
        "kubectl get pods",
        "kubectl get events --field-selector reason=FailedScheduling -o custom-columns=POD:.involvedObject.name,M:.message",
    ]), @"
    $ kubectl get csistoragecapacities -n kube-system -o custom-columns=CLASS:.storageClassName,WHERE:.nodeTopology.matchLabels,ROOM:.capacity
    CLASS   WHERE                                                   ROOM
    grows   map[topology.hostpath.csi/node:k3d-deadless-server-0]   3Gi
    grows   map[topology.hostpath.csi/node:k3d-deadless-agent-1]    2Gi
    grows   map[topology.hostpath.csi/node:k3d-deadless-agent-0]    0
    $ kubectl get pods
    NAME     READY   STATUS    RESTARTS   AGE
    large    1/1     Running   0          2s
    larger   0/1     Pending   0          0s
    web      1/1     Running   0          4s
    $ kubectl get events --field-selector reason=FailedScheduling -o custom-columns=POD:.involvedObject.name,M:.message
    POD      M
    larger   0/3 nodes are available: 3 node(s) did not have enough free storage. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    ");
}
