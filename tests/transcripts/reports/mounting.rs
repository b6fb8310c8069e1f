//! What people reported of mounting volumes and making them larger.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::{Session, alike, claim, class, pod, told};

const GROW: &str = "kubectl patch pvc data -p '{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"8Gi\"}}}}'";
const SIZES: &str = "kubectl get pvc data -o jsonpath='{.spec.resources.requests.storage} {.status.capacity.storage} \
                     {.status.allocatedResources} {.status.allocatedResourceStatuses}'";

fn growing(add: &str, driver: &str) -> Session {
    let mut session = Session::new();
    session.run(&[add]);
    session.apply(&(class("csi", driver, "allowVolumeExpansion: true") + &claim("data", "csi", "")));
    session.apply(&pod("p", "data", ""));
    session
}

/// seaweedfs/seaweedfs-csi-driver#312, openebs/zfs-localpv#282, openebs/lvm-localpv#62
#[test]
fn a_volume_is_its_pods_groups_if_its_driver_lets_it() {
    let mut session = Session::new();
    session.run(&["kstate csi add csi.example.com", "kstate csi add nfs.csi.k8s.io"]);
    let classes = class("csi", "csi.example.com", "")
        + &class("nfs", "nfs.csi.k8s.io", "parameters: {server: 10.0.0.5, share: /data}");
    session.apply(&classes);
    let many = "accessModes: [ReadWriteMany]";
    let claims = claim("once", "csi", "") + &claim("many", "csi", many) + &claim("file", "nfs", many);
    session.apply(&claims);
    let group = "securityContext: {fsGroup: 2000, runAsUser: 1000}";
    for name in ["once", "many", "file"] {
        session.apply(&pod(name, name, group));
    }
    session.0.advance(Duration::secs(10));
    assert_snapshot!(session.run(&[
        "kubectl get csidrivers -o custom-columns=N:.metadata.name,P:.spec.fsGroupPolicy --no-headers",
        "kubectl exec once -- stat -c '%g %a' /data",
        "kubectl exec many -- stat -c '%g %a' /data",
        "kubectl exec many -- touch /data/x",
        "kubectl exec file -- stat -c '%g %a' /data",
    ]), @"
    $ kubectl get csidrivers -o custom-columns=N:.metadata.name,P:.spec.fsGroupPolicy --no-headers
    csi.example.com   ReadWriteOnceWithFSType
    nfs.csi.k8s.io    File
    $ kubectl exec once -- stat -c '%g %a' /data
    2000 2775
    $ kubectl exec many -- stat -c '%g %a' /data
    0 755
    $ kubectl exec many -- touch /data/x
    touch: /data/x: Permission denied
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec file -- stat -c '%g %a' /data
    2000 2775
    ");
}

/// kubernetes/kubernetes#115124
#[test]
fn a_volume_whose_pod_goes_while_it_grows_grows_with_the_next_one() {
    let mut session = growing("kstate csi add ebs.csi.aws.com", "ebs.csi.aws.com");
    session.run(&["kubectl delete pod p"]);
    session.run_now(&[GROW]);
    session.0.advance(Duration::secs(10));
    let seen = session.run(&[SIZES, "kubectl get pvc data -o jsonpath='{.status.conditions[*].message}'"]);
    assert_snapshot!(seen, @r#"
    $ kubectl get pvc data -o jsonpath='{.spec.resources.requests.storage} {.status.capacity.storage} {.status.allocatedResources} {.status.allocatedResourceStatuses}'
    8Gi 1Gi {"storage":"8Gi"} {"storage":"NodeResizePending"}$ kubectl get pvc data -o jsonpath='{.status.conditions[*].message}'
    Waiting for user to (re-)start a pod to finish file system resize of volume on node.
    "#);
    session.apply(&pod("p", "data", ""));
    session.0.advance(Duration::secs(10));
    assert_snapshot!(session.run(&[SIZES]), @r#"
    $ kubectl get pvc data -o jsonpath='{.spec.resources.requests.storage} {.status.capacity.storage} {.status.allocatedResources} {.status.allocatedResourceStatuses}'
    8Gi 8Gi {"storage":"8Gi"}
    "#);
    assert_snapshot!(told(&mut session, &["Resiz"]), @r#"
    data | FileSystemResizeRequired | 1 | Require file system resize of volume on node
    data | FileSystemResizeSuccessful | 1 | MountVolume.NodeExpandVolume succeeded for volume "pvc-..." k3d-deadless-agent-1
    data | Resizing | 1 | External resizer is resizing volume pvc-...
    p | FileSystemResizeSuccessful | 1 | MountVolume.NodeExpandVolume succeeded for volume "pvc-..." k3d-deadless-agent-1
    "#);
}

/// longhorn/longhorn#2749, strimzi/strimzi-kafka-operator#5234
#[test]
fn a_driver_that_grows_nothing_in_use_waits_for_the_pod_to_go() {
    let mut session = growing("kstate csi add driver.longhorn.io --offline-expansion", "driver.longhorn.io");
    session.run_now(&[GROW]);
    session.0.advance(Duration::secs(30));
    assert_snapshot!(session.run(&[SIZES]), @r#"
    $ kubectl get pvc data -o jsonpath='{.spec.resources.requests.storage} {.status.capacity.storage} {.status.allocatedResources} {.status.allocatedResourceStatuses}'
    8Gi 1Gi {"storage":"8Gi"} {"storage":"ControllerResizeInProgress"}
    "#);
    assert_snapshot!(told(&mut session, &["VolumeResizeFailed"]), @r#"
    data | VolumeResizeFailed | 1 | resize volume "pvc-..." by resizer "driver.longhorn.io" failed: rpc error: code = FailedPrecondition desc = the volume is in use, and grows only when it is not
    data | VolumeResizeFailed | 4 | Unable to expand default/data because CSI driver driver.longhorn.io only supports offline expansion and volume is currently in-use
    "#);
    session.run(&["kubectl delete pod p"]);
    session.0.advance(Duration::secs(120));
    assert_snapshot!(session.run(&[SIZES]), @r#"
    $ kubectl get pvc data -o jsonpath='{.spec.resources.requests.storage} {.status.capacity.storage} {.status.allocatedResources} {.status.allocatedResourceStatuses}'
    8Gi 1Gi {"storage":"8Gi"} {"storage":"NodeResizePending"}
    "#);
}

/// kubernetes/kubernetes#73036, kubernetes/enhancements#1516
#[test]
fn a_size_that_can_not_be_had_can_be_made_less_but_not_less_than_there_is() {
    let mut session = growing("kstate csi add ebs.csi.aws.com --fail expand", "ebs.csi.aws.com");
    session.run_now(&[GROW]);
    session.0.advance(Duration::secs(30));
    let less = |size: &str| {
        format!(
            "kubectl patch pvc data -p '{{\"spec\":{{\"resources\":{{\"requests\":{{\"storage\":\"{size}\"}}}}}}}}'"
        )
    };
    let seen = session.run(&[SIZES, &less("4Gi"), &less("1Gi"), "kstate csi add ebs.csi.aws.com"]);
    assert_snapshot!(seen, @r#"
    $ kubectl get pvc data -o jsonpath='{.spec.resources.requests.storage} {.status.capacity.storage} {.status.allocatedResources} {.status.allocatedResourceStatuses}'
    8Gi 1Gi {"storage":"8Gi"} {"storage":"ControllerResizeInProgress"}$ kubectl patch pvc data -p '{"spec":{"resources":{"requests":{"storage":"4Gi"}}}}'
    persistentvolumeclaim/data patched
    $ kubectl patch pvc data -p '{"spec":{"resources":{"requests":{"storage":"1Gi"}}}}'
    The PersistentVolumeClaim "data" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than status.capacity
    [exit 1]
    $ kstate csi add ebs.csi.aws.com
    csidriver.storage.k8s.io/ebs.csi.aws.com configured
    "#);
    session.0.advance(Duration::secs(400));
    assert_snapshot!(session.run(&[SIZES]), @r#"
    $ kubectl get pvc data -o jsonpath='{.spec.resources.requests.storage} {.status.capacity.storage} {.status.allocatedResources} {.status.allocatedResourceStatuses}'
    4Gi 4Gi {"storage":"4Gi"}
    "#);
}

/// kubernetes-csi/csi-driver-host-path#71, democratic-csi/democratic-csi#270, kubernetes/kubernetes#55875
#[test]
fn a_driver_that_went_from_a_node_is_missed_when_a_volume_is_mounted() {
    let mut session = Session::new();
    session.run(&["kstate csi add nfs.csi.k8s.io --nodes k3d-deadless-agent-0"]);
    let nfs = class("nfs", "nfs.csi.k8s.io", "parameters: {server: 10.0.0.5, share: /data}");
    session.apply(&(nfs + &claim("data", "nfs", "accessModes: [ReadWriteMany]")));
    session.apply(&pod("p", "data", &super::on("agent-1")));
    session.0.advance(Duration::secs(60));
    assert_snapshot!(alike(&session.run(&["kubectl get pods"])), @"
    $ kubectl get pods
    NAME   READY   STATUS              RESTARTS   AGE
    p      0/1     ContainerCreating   0          63s
    ");
    assert_snapshot!(told(&mut session, &["FailedMount"]), @r#"p | FailedMount | 8 | MountVolume.MountDevice failed for volume "pvc-..." : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name nfs.csi.k8s.io not found in the list of registered CSI drivers"#);
    session.run(&["kstate csi add nfs.csi.k8s.io --nodes k3d-deadless-agent-0,k3d-deadless-agent-1"]);
    session.0.advance(Duration::secs(150));
    assert_snapshot!(session.run(&["kubectl get pods"]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    p      1/1     Running   0          3m33s
    ");
}

/// A node's kubelet and its lease, as `kubectl describe node` shows them.
#[test]
fn a_kubelet_that_runs_is_heard_of() {
    let mut session = Session::new();
    session.run(&["kstate node stop k3d-deadless-agent-1"]);
    session.0.advance(Duration::secs(1025));
    assert_snapshot!(session.run(&[
        "kubectl get leases -n kube-node-lease --no-headers -o custom-columns=N:.metadata.name,R:.spec.renewTime",
        "kubectl get nodes --no-headers -o custom-columns=N:.metadata.name,H:.status.conditions[-1].lastHeartbeatTime",
    ]), @"
    $ kubectl get leases -n kube-node-lease --no-headers -o custom-columns=N:.metadata.name,R:.spec.renewTime
    k3d-deadless-agent-0    2026-01-01T00:17:00.000000Z
    k3d-deadless-agent-1    2026-01-01T00:00:00.000000Z
    k3d-deadless-server-0   2026-01-01T00:17:00.000000Z
    $ kubectl get nodes --no-headers -o custom-columns=N:.metadata.name,H:.status.conditions[-1].lastHeartbeatTime
    k3d-deadless-agent-0    2026-01-01T00:15:00Z
    k3d-deadless-agent-1    2026-01-01T00:00:00Z
    k3d-deadless-server-0   2026-01-01T00:15:00Z
    ");
}
