//! What a kubelet makes of claims that the scheduler has not seen to.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

const DIRECT: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: direct}
spec:
  nodeName: k3d-deadless-agent-0
  containers:
  - {name: c, image: busybox, volumeMounts: [{name: v, mountPath: /v}]}
  volumes:
  - {name: v, persistentVolumeClaim: {claimName: data}}
  - {name: unused, configMap: {name: nope}}
"#;

const CLAIM: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  storageClassName: ""
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"#;

const VOLUME: &str = r#"
apiVersion: v1
kind: PersistentVolume
metadata: {name: data}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /data}
"#;

/// What the events say of the pod's volumes, the newest last.
const FAILED: &str = "kubectl get events --field-selector reason=FailedMount -o custom-columns=:message --no-headers";

#[test]
fn a_pod_that_skips_the_scheduler_waits_for_its_claim_on_its_node() {
    let mut session = Session::new();
    session.apply(DIRECT);
    session.apply(CLAIM);
    session.0.advance(Duration::secs(20));
    assert_snapshot!(session.run(&[FAILED, "kubectl get pod direct"]), @r#"
    $ kubectl get events --field-selector reason=FailedMount -o custom-columns=:message --no-headers
    Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: error processing PVC default/data: failed to fetch PVC from API server: persistentvolumeclaims "data" not found
    Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: error processing PVC default/data: PVC is not bound
    $ kubectl get pod direct
    NAME     READY   STATUS              RESTARTS   AGE
    direct   0/1     ContainerCreating   0          24s
    "#);
    session.apply(VOLUME);
    session.0.advance(Duration::secs(30));
    assert_snapshot!(session.run(&["kubectl get pod direct"]), @r"
    $ kubectl get pod direct
    NAME     READY   STATUS    RESTARTS   AGE
    direct   1/1     Running   0          54s
    ");
}

#[test]
fn a_volume_is_mounted_in_its_mode_only() {
    let mut session = Session::new();
    let block = "local: {path: /dev/sdb}\n  volumeMode: Block\n  nodeAffinity: {required: {nodeSelectorTerms: [\
                 {matchExpressions: [{key: kubernetes.io/hostname, operator: Exists}]}]}}";
    session.apply(&VOLUME.replace("hostPath: {path: /data}", block));
    session.apply(&format!("{CLAIM}  volumeMode: Block"));
    session.apply(&DIRECT.replace("  nodeName: k3d-deadless-agent-0\n", ""));
    assert_snapshot!(session.run(&[FAILED]), @r"
    $ kubectl get events --field-selector reason=FailedMount -o custom-columns=:message --no-headers
    Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: volume v has volumeMode Block, but is specified in volumeMounts
    ");
}

#[test]
fn every_volume_that_cannot_be_mounted_is_named() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: lacking}
spec:
  containers: [{name: c, image: busybox, volumeMounts: [{name: m, mountPath: /m}, {name: s, mountPath: /s}]}]
  volumes:
  - {name: m, configMap: {name: nope}}
  - {name: s, secret: {secretName: nope}}
"#,
    );
    assert_snapshot!(session.run(&[FAILED]), @r#"
    $ kubectl get events --field-selector reason=FailedMount -o custom-columns=:message --no-headers
    MountVolume.SetUp failed for volume "m" : configmap "nope" not found
    MountVolume.SetUp failed for volume "s" : secret "nope" not found
    "#);
}
