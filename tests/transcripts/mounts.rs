//! What a kubelet checks before it mounts a volume, and how often it tries again.

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
    direct   0/1     ContainerCreating   0          23s
    "#);
    session.apply(VOLUME);
    session.0.advance(Duration::secs(30));
    assert_snapshot!(session.run(&["kubectl get pod direct"]), @r"
    $ kubectl get pod direct
    NAME     READY   STATUS    RESTARTS   AGE
    direct   1/1     Running   0          53s
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

/// What the kubelet warns of, how often it did and about what.
const WARNED: &str = "kubectl get events --field-selector type=Warning -o \
                      custom-columns=O:.involvedObject.name,R:.reason,N:.count,M:.message";

#[test]
fn a_host_path_must_be_of_its_type() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: typed}
spec:
  nodeName: k3d-deadless-agent-0
  containers:
  - name: c
    image: busybox
    volumeMounts:
    - {name: folder, mountPath: /a}
    - {name: file, mountPath: /b}
    - {name: socket, mountPath: /c}
    - {name: char, mountPath: /d}
    - {name: block, mountPath: /e}
    - {name: made, mountPath: /f}
  volumes:
  - {name: folder, hostPath: {path: /data, type: Directory}}
  - {name: file, hostPath: {path: /etc, type: File}}
  - {name: socket, hostPath: {path: /var/run/docker.sock, type: Socket}}
  - {name: char, hostPath: {path: /dev/fast, type: CharDevice}}
  - {name: block, hostPath: {path: /dev/sdx, type: BlockDevice}}
  - {name: made, hostPath: {path: /data/file, type: FileOrCreate}}
---
apiVersion: v1
kind: Pod
metadata: {name: fits}
spec:
  nodeName: k3d-deadless-agent-0
  containers:
  - name: c
    image: busybox
    volumeMounts:
    - {name: folder, mountPath: /a}
    - {name: file, mountPath: /b}
    - {name: socket, mountPath: /c}
    - {name: char, mountPath: /d}
    - {name: made, mountPath: /e}
  volumes:
  - {name: folder, hostPath: {path: /var/log, type: Directory}}
  - {name: file, hostPath: {path: /etc/hosts, type: File}}
  - {name: socket, hostPath: {path: /run/k3s/containerd/containerd.sock, type: Socket}}
  - {name: char, hostPath: {path: /dev/null, type: CharDevice}}
  - {name: made, hostPath: {path: /srv/new/folder, type: DirectoryOrCreate}}
"#,
    );
    assert_snapshot!(session.run(&[WARNED, "kubectl get pods"]), @r#"
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,N:.count,M:.message
    O       R             N     M
    typed   FailedMount   4     MountVolume.SetUp failed for volume "folder" : hostPath type check failed: /data is not a directory
    typed   FailedMount   4     MountVolume.SetUp failed for volume "file" : hostPath type check failed: /etc is not a file
    typed   FailedMount   4     MountVolume.SetUp failed for volume "socket" : hostPath type check failed: /var/run/docker.sock is not a socket file
    typed   FailedMount   4     MountVolume.SetUp failed for volume "char" : hostPath type check failed: /dev/fast is not a character device
    typed   FailedMount   4     MountVolume.SetUp failed for volume "block" : hostPath type check failed: /dev/sdx is not a block device
    typed   FailedMount   4     MountVolume.SetUp failed for volume "made" : open /data/file: no such file or directory
    $ kubectl get pods
    NAME    READY   STATUS              RESTARTS   AGE
    fits    1/1     Running             0          3s
    typed   0/1     ContainerCreating   0          3s
    "#);
    session.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: after}
spec:
  nodeName: k3d-deadless-agent-0
  containers: [{name: c, image: busybox, volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, hostPath: {path: /srv/new, type: Directory}}]
---
apiVersion: v1
kind: Pod
metadata: {name: elsewhere}
spec:
  nodeName: k3d-deadless-agent-1
  containers: [{name: c, image: busybox, volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, hostPath: {path: /srv/new, type: Directory}}]
"#,
    );
    assert_snapshot!(session.run(&["kubectl get pods after elsewhere"]), @r"
    $ kubectl get pods after elsewhere
    NAME        READY   STATUS              RESTARTS   AGE
    after       1/1     Running             0          4s
    elsewhere   0/1     ContainerCreating   0          4s
    ");
}

#[test]
fn a_volume_of_another_node_and_options_that_nobody_takes_are_refused_when_mounted() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: v1
kind: PersistentVolume
metadata: {name: far}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  claimRef: {namespace: default, name: far}
  local: {path: /mnt/disk}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [k3d-deadless-agent-1]}]}]}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: tuned}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  claimRef: {namespace: default, name: tuned}
  mountOptions: [noatime]
  hostPath: {path: /srv}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: old}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  claimRef: {namespace: default, name: old}
  cephfs: {monitors: ["10.0.0.1:6789"]}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: nfs}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  claimRef: {namespace: default, name: nfs}
  mountOptions: [nfsvers=4.1]
  nfs: {server: 10.0.0.1, path: /}
"#,
    );
    for name in ["far", "tuned", "old", "nfs"] {
        session.apply(&CLAIM.replace("name: data", &format!("name: {name}")));
        session.apply(
            &DIRECT
                .replace("name: direct", &format!("name: {name}"))
                .replace("claimName: data", &format!("claimName: {name}")),
        );
    }
    session.0.advance(Duration::secs(120));
    assert_snapshot!(session.run(&[WARNED, "kubectl get pods"]), @r#"
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,N:.count,M:.message
    O       R             N     M
    far     FailedMount   9     MountVolume.NodeAffinity check failed for volume "far" : no matching NodeSelectorTerms
    old     FailedMount   12    Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: failed to get Plugin from volumeSpec for volume "old" err=no volume plugin matched
    tuned   FailedMount   8     MountVolume.MountOptionSupport check failed for volume "tuned" : mount options are not supported for this volume type
    $ kubectl get pods
    NAME    READY   STATUS              RESTARTS   AGE
    far     0/1     ContainerCreating   0          2m11s
    nfs     1/1     Running             0          2m1s
    old     0/1     ContainerCreating   0          2m4s
    tuned   0/1     ContainerCreating   0          2m8s
    "#);
}

#[test]
fn a_pod_says_what_a_block_volume_is_mapped_to_and_only_where_its_kind_has_devices() {
    let mut session = Session::new();
    let block = "local: {path: /dev/sdb}\n  volumeMode: Block\n  nodeAffinity: {required: {nodeSelectorTerms: [\
                 {matchExpressions: [{key: kubernetes.io/hostname, operator: Exists}]}]}}";
    session.apply(&VOLUME.replace("hostPath: {path: /data}", block));
    session.apply(&VOLUME.replace("name: data", "name: bare").replace("/data}", "/dev/sda}\n  volumeMode: Block"));
    let device =
        DIRECT.replace("volumeMounts: [{name: v, mountPath: /v}]", "volumeDevices: [{name: v, devicePath: /dev/v}]");
    for name in ["data", "bare"] {
        session.apply(&format!(
            "{}  volumeName: {name}\n  volumeMode: Block",
            CLAIM.replace("name: data", &format!("name: {name}"))
        ));
        session.apply(
            &device
                .replace("name: direct", &format!("name: {name}"))
                .replace("claimName: data", &format!("claimName: {name}")),
        );
    }
    session.0.advance(Duration::secs(300));
    let told = "kubectl get events --field-selector involvedObject.kind=Pod -o custom-columns=:involvedObject.name,:reason,:message --no-headers";
    assert_snapshot!(session.run(&["kubectl get pods", told]), @r#"
    $ kubectl get pods
    NAME   READY   STATUS              RESTARTS   AGE
    bare   0/1     ContainerCreating   0          5m4s
    data   1/1     Running             0          5m5s
    $ kubectl get events --field-selector involvedObject.kind=Pod -o custom-columns=:involvedObject.name,:reason,:message --no-headers
    data   SuccessfulMountVolume   MapVolume.MapPodDevice succeeded for volume "data" globalMapPath "/var/lib/kubelet/plugins/kubernetes.io~local-volume/volumeDevices/data"
    data   SuccessfulMountVolume   MapVolume.MapPodDevice succeeded for volume "data" volumeMapPath "/var/lib/kubelet/pods/4fb96693-2b6a-4322-b1da-e0557ac7aadf/volumeDevices/kubernetes.io~local-volume"
    data   Pulling                 Pulling image "busybox"
    data   Pulled                  Successfully pulled image "busybox" in 1.275s (1.275s including waiting). Image size: 2219949 bytes.
    data   Created                 Container created
    data   Started                 Container started
    "#);
}

#[test]
fn volumes_whose_driver_or_plugin_is_not_there_are_not_mounted() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: odd}
spec:
  nodeName: k3d-deadless-agent-0
  containers:
  - name: c
    image: busybox
    volumeMounts: [{name: repo, mountPath: /a}, {name: inline, mountPath: /b}, {name: flex, mountPath: /c}]
  volumes:
  - {name: repo, gitRepo: {repository: "https://example.com/x.git"}}
  - {name: inline, csi: {driver: inline.example.com}}
  - {name: flex, flexVolume: {driver: example.com/flex}}
"#,
    );
    assert_snapshot!(session.run(&[WARNED]), @r#"
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,N:.count,M:.message
    O     R             N     M
    odd   FailedMount   4     MountVolume.SetUp failed for volume "repo" : git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate `GitRepoVolumeDriver`
    odd   FailedMount   4     MountVolume.SetUp failed for volume "inline" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name inline.example.com not found in the list of registered CSI drivers
    odd   FailedMount   2     Unable to attach or mount volumes: unmounted volumes=[flex inline repo], unattached volumes=[], failed to process volumes=[flex]: failed to get Plugin from volumeSpec for volume "flex" err=no volume plugin matched
    "#);
}
