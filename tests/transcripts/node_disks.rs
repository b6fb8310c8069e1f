//! Disks of nodes: put in, found by the local static provisioner, filled, emptied, broken and lost.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

const NODE: &str = "k3d-deadless-agent-0";

fn claim(name: &str, size: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: \
         local-storage, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}{more}}}\n"
    )
}

fn pod(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{terminationGracePeriodSeconds: 0, {more}containers: \
         [{{name: c, image: busybox, command: [sleep, '36000'], volumeMounts: [{{name: v, mountPath: /data}}]}}], volumes: \
         [{{name: v, persistentVolumeClaim: {{claimName: data}}}}]}}\n"
    )
}

/// A cluster with the provisioner of `manifests/` and a disk.
fn provisioned() -> Session {
    let mut session = Session::new();
    session.run(&[
        "kubectl apply -f manifests/local-static-provisioner.yaml",
        &format!("kstate node disk add {NODE} --size 20Gi"),
    ]);
    session.0.advance(Duration::secs(30));
    session
}

fn alike(text: &str) -> String {
    let uid = regex::Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}").expect("a pattern");
    uid.replace_all(text, "UID").into_owned()
}

const SAID: &str = "kubectl get events --field-selector type=Warning -o \
                    custom-columns=O:.involvedObject.name,R:.reason,M:.message";

#[test]
fn disks_are_listed_added_broken_repaired_and_removed() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kstate node disk list",
        &format!("kstate node disk add {NODE}"),
        &format!("kstate node disk add {NODE} --size 1Ti"),
        &format!("kstate node disk add {NODE} --path /mnt/fast-disks/nvme1 --block"),
        "kstate node disk list",
        &format!("kstate node exec {NODE} -- df -h /mnt/disks/ssd1"),
        &format!("kstate node exec {NODE} -- sh -c 'echo kept > /mnt/disks/ssd1/file; ls -l /mnt/fast-disks'"),
        &format!("kstate node disk break {NODE} ssd1"),
        &format!("kstate node exec {NODE} -- cat /mnt/disks/ssd1/file"),
        &format!("kstate node exec {NODE} -- ls /mnt/disks/ssd1"),
        &format!("kstate node disk repair {NODE} ssd1"),
        &format!("kstate node exec {NODE} -- cat /mnt/disks/ssd1/file"),
        &format!("kstate node disk remove {NODE} /mnt/disks/ssd1"),
        &format!("kstate node exec {NODE} -- ls /mnt/disks"),
        &format!("kstate node disk list {NODE}"),
        "kstate undo",
        &format!("kstate node exec {NODE} -- cat /mnt/disks/ssd1/file"),
    ]), @"
    $ kstate node disk list
    No disks found
    $ kstate node disk add k3d-deadless-agent-0
    disk /mnt/disks/ssd1 of node/k3d-deadless-agent-0 added
    $ kstate node disk add k3d-deadless-agent-0 --size 1Ti
    disk /mnt/disks/ssd2 of node/k3d-deadless-agent-0 added
    $ kstate node disk add k3d-deadless-agent-0 --path /mnt/fast-disks/nvme1 --block
    disk /mnt/fast-disks/nvme1 of node/k3d-deadless-agent-0 added
    $ kstate node disk list
    NODE                   PATH                    DEVICE     SIZE   MODE         STATUS    VOLUME
    k3d-deadless-agent-0   /mnt/disks/ssd1         /dev/sdb   10Gi   Filesystem   Healthy   <none>
    k3d-deadless-agent-0   /mnt/disks/ssd2         /dev/sdc   1Ti    Filesystem   Healthy   <none>
    k3d-deadless-agent-0   /mnt/fast-disks/nvme1   /dev/sdd   10Gi   Block        Healthy   <none>
    $ kstate node exec k3d-deadless-agent-0 -- df -h /mnt/disks/ssd1
    Filesystem                Size      Used Available Use% Mounted on
    /dev/sdb                 10.0G         0     10.0G   0% /mnt/disks/ssd1
    $ kstate node exec k3d-deadless-agent-0 -- sh -c 'echo kept > /mnt/disks/ssd1/file; ls -l /mnt/fast-disks'
    total 0
    lrwxrwxrwx    1 root     root             8 Jan  1 00:00 nvme1 -> /dev/sdd
    $ kstate node disk break k3d-deadless-agent-0 ssd1
    disk /mnt/disks/ssd1 of node/k3d-deadless-agent-0 broken
    $ kstate node exec k3d-deadless-agent-0 -- cat /mnt/disks/ssd1/file
    cat: can't open '/mnt/disks/ssd1/file': Input/output error
    [exit 1]
    $ kstate node exec k3d-deadless-agent-0 -- ls /mnt/disks/ssd1
    ls: /mnt/disks/ssd1: Input/output error
    [exit 1]
    $ kstate node disk repair k3d-deadless-agent-0 ssd1
    disk /mnt/disks/ssd1 of node/k3d-deadless-agent-0 repaired
    $ kstate node exec k3d-deadless-agent-0 -- cat /mnt/disks/ssd1/file
    kept
    $ kstate node disk remove k3d-deadless-agent-0 /mnt/disks/ssd1
    disk /mnt/disks/ssd1 of node/k3d-deadless-agent-0 removed
    $ kstate node exec k3d-deadless-agent-0 -- ls /mnt/disks
    ssd2
    $ kstate node disk list k3d-deadless-agent-0
    NODE                   PATH                    DEVICE     SIZE   MODE         STATUS    VOLUME
    k3d-deadless-agent-0   /mnt/disks/ssd2         /dev/sdc   1Ti    Filesystem   Healthy   <none>
    k3d-deadless-agent-0   /mnt/fast-disks/nvme1   /dev/sdd   10Gi   Block        Healthy   <none>
    $ kstate undo
    undone: kstate node disk remove k3d-deadless-agent-0 /mnt/disks/ssd1
    $ kstate node exec k3d-deadless-agent-0 -- cat /mnt/disks/ssd1/file
    kept
    ");
    assert_snapshot!(session.run(&[
        "kstate node disk add nowhere",
        &format!("kstate node disk add {NODE} ssd1"),
        &format!("kstate node disk add {NODE} --path /mnt/disks/ssd1/inner"),
        &format!("kstate node disk add {NODE} --path /etc"),
        &format!("kstate node disk add {NODE} --path mnt/disks"),
        &format!("kstate node disk add {NODE} --size 0"),
        &format!("kstate node disk add {NODE} --size much"),
        &format!("kstate node disk break {NODE} ssd9"),
        "kstate node disk list nowhere",
    ]), @r#"
    $ kstate node disk add nowhere
    Error from server (NotFound): nodes "nowhere" not found
    [exit 1]
    $ kstate node disk add k3d-deadless-agent-0 ssd1
    error: /dev/sdb is at /mnt/disks/ssd1 of node "k3d-deadless-agent-0" already
    [exit 1]
    $ kstate node disk add k3d-deadless-agent-0 --path /mnt/disks/ssd1/inner
    error: a disk of node "k3d-deadless-agent-0" is at /mnt/disks/ssd1
    [exit 1]
    $ kstate node disk add k3d-deadless-agent-0 --path /etc
    error: invalid path "/etc": the node needs it itself
    [exit 1]
    $ kstate node disk add k3d-deadless-agent-0 --path mnt/disks
    error: invalid path "mnt/disks": must be an absolute path
    [exit 1]
    $ kstate node disk add k3d-deadless-agent-0 --size 0
    error: invalid size: must be greater than zero
    [exit 1]
    $ kstate node disk add k3d-deadless-agent-0 --size much
    error: invalid size: must be greater than zero
    [exit 1]
    $ kstate node disk break k3d-deadless-agent-0 ssd9
    error: no disk is at /mnt/disks/ssd9 of node "k3d-deadless-agent-0"
    [exit 1]
    $ kstate node disk list nowhere
    Error from server (NotFound): nodes "nowhere" not found
    [exit 1]
    "#);
}

#[test]
fn the_static_provisioner_makes_a_volume_of_each_disk() {
    let mut session = provisioned();
    assert_snapshot!(alike(&session.run(&[
        "kubectl get pv",
        "kubectl get pv -o jsonpath='{.items[0].metadata.annotations}{\"\\n\"}{.items[0].spec}'",
        "kstate node disk add k3d-deadless-agent-1 --size 500Mi",
        "kubectl get pv",
        "kstate clock advance 10s",
        "kubectl get pv",
        "kstate node disk list",
    ])), @r#"
    $ kubectl get pv
    NAME                CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS      CLAIM   STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE
    local-pv-24797416   20Gi       RWO            Delete           Available           local-storage   <unset>                          30s
    $ kubectl get pv -o jsonpath='{.items[0].metadata.annotations}{"\n"}{.items[0].spec}'
    {"pv.kubernetes.io/provisioned-by":"local-volume-provisioner-k3d-deadless-agent-0-UID"}
    {"accessModes":["ReadWriteOnce"],"capacity":{"storage":"20Gi"},"local":{"fsType":"ext4","path":"/mnt/disks/ssd1"},"nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"In","values":["k3d-deadless-agent-0"]}]}]}},"persistentVolumeReclaimPolicy":"Delete","storageClassName":"local-storage","volumeMode":"Filesystem"}$ kstate node disk add k3d-deadless-agent-1 --size 500Mi
    disk /mnt/disks/ssd1 of node/k3d-deadless-agent-1 added
    $ kubectl get pv
    NAME                CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS      CLAIM   STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE
    local-pv-24797416   20Gi       RWO            Delete           Available           local-storage   <unset>                          30s
    local-pv-c5bb039f   500Mi      RWO            Delete           Available           local-storage   <unset>                          0s
    $ kstate clock advance 10s
    2026-01-01T00:00:51Z (manual)
    $ kubectl get pv
    NAME                CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS      CLAIM   STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE
    local-pv-24797416   20Gi       RWO            Delete           Available           local-storage   <unset>                          40s
    local-pv-c5bb039f   500Mi      RWO            Delete           Available           local-storage   <unset>                          10s
    $ kstate node disk list
    NODE                   PATH              DEVICE     SIZE    MODE         STATUS    VOLUME
    k3d-deadless-agent-0   /mnt/disks/ssd1   /dev/sdb   20Gi    Filesystem   Healthy   local-pv-24797416
    k3d-deadless-agent-1   /mnt/disks/ssd1   /dev/sdb   500Mi   Filesystem   Healthy   local-pv-c5bb039f
    "#);
}

#[test]
fn a_released_disk_is_emptied_and_offered_again() {
    let mut session = provisioned();
    session.apply(&[claim("data", "5Gi", ""), pod("web", "")].concat());
    session.0.advance(Duration::secs(5));
    assert_snapshot!(session.run(&[
        "kubectl get pv,pvc",
        "kubectl exec web -- sh -c 'df -h /data; echo mine > /data/file'",
        &format!("kstate node exec {NODE} -- cat /mnt/disks/ssd1/file"),
        "kubectl delete pod/web pvc/data",
        "kubectl get pv",
        "kstate clock advance 10s",
        &format!("kstate node exec {NODE} -- ls -A /mnt/disks/ssd1"),
        "kstate clock advance 20s",
        "kubectl get pv",
    ]), @r#"
    $ kubectl get pv,pvc
    NAME                                 CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM          STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE
    persistentvolume/local-pv-24797416   20Gi       RWO            Delete           Bound    default/data   local-storage   <unset>                          36s

    NAME                         STATUS   VOLUME              CAPACITY   ACCESS MODES   STORAGECLASS    VOLUMEATTRIBUTESCLASS   AGE
    persistentvolumeclaim/data   Bound    local-pv-24797416   20Gi       RWO            local-storage   <unset>                 6s
    $ kubectl exec web -- sh -c 'df -h /data; echo mine > /data/file'
    Filesystem                Size      Used Available Use% Mounted on
    /dev/sdb                 20.0G         0     20.0G   0% /data
    $ kstate node exec k3d-deadless-agent-0 -- cat /mnt/disks/ssd1/file
    mine
    $ kubectl delete pod/web pvc/data
    pod "web" deleted from default namespace
    persistentvolumeclaim "data" deleted from default namespace
    $ kubectl get pv
    NAME                CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS      CLAIM   STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE
    local-pv-24797416   20Gi       RWO            Delete           Available           local-storage   <unset>                          0s
    $ kstate clock advance 10s
    2026-01-01T00:01:11Z (manual)
    $ kstate node exec k3d-deadless-agent-0 -- ls -A /mnt/disks/ssd1
    $ kstate clock advance 20s
    2026-01-01T00:01:31Z (manual)
    $ kubectl get pv
    NAME                CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS      CLAIM   STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE
    local-pv-24797416   20Gi       RWO            Delete           Available           local-storage   <unset>                          30s
    "#);
}

#[test]
fn a_broken_disk_fails_in_the_pod_and_can_be_mounted_no_more() {
    let mut session = provisioned();
    session.apply(&[claim("data", "5Gi", ""), pod("web", "")].concat());
    session.0.advance(Duration::secs(5));
    assert_snapshot!(session.run(&[
        "kubectl exec web -- sh -c 'echo mine > /data/file'",
        &format!("kstate node disk break {NODE} ssd1"),
        "kubectl exec web -- cat /data/file",
        "kubectl exec web -- sh -c 'echo more > /data/other'",
        "kubectl exec web -- ls /data",
        "kubectl get pods,pv",
        "kubectl delete pod web",
    ]), @r#"
    $ kubectl exec web -- sh -c 'echo mine > /data/file'
    $ kstate node disk break k3d-deadless-agent-0 ssd1
    disk /mnt/disks/ssd1 of node/k3d-deadless-agent-0 broken
    $ kubectl exec web -- cat /data/file
    cat: can't open '/data/file': Input/output error
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec web -- sh -c 'echo more > /data/other'
    sh: can't create /data/other: Input/output error
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec web -- ls /data
    ls: /data: Input/output error
    command terminated with exit code 1
    [exit 1]
    $ kubectl get pods,pv
    NAME      READY   STATUS    RESTARTS   AGE
    pod/web   1/1     Running   0          6s

    NAME                                 CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM          STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE
    persistentvolume/local-pv-24797416   20Gi       RWO            Delete           Bound    default/data   local-storage   <unset>                          36s
    $ kubectl delete pod web
    pod "web" deleted from default namespace
    "#);
    session.apply(&pod("web", ""));
    session.0.advance(Duration::secs(3));
    assert_snapshot!(session.run(&[
        SAID,
        &format!("kstate node disk repair {NODE} ssd1"),
        "kstate clock advance 10s",
        "kubectl exec web -- cat /data/file",
    ]), @r#"
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O     R             M
    web   FailedMount   MountVolume.NewMounter initialization failed for volume "local-pv-24797416" : stat /mnt/disks/ssd1: input/output error
    $ kstate node disk repair k3d-deadless-agent-0 ssd1
    disk /mnt/disks/ssd1 of node/k3d-deadless-agent-0 repaired
    $ kstate clock advance 10s
    2026-01-01T00:01:03Z (manual)
    $ kubectl exec web -- cat /data/file
    mine
    "#);
}

#[test]
fn a_disk_that_is_gone_is_missed_and_cannot_be_emptied() {
    let mut session = provisioned();
    session.apply(&[claim("data", "5Gi", ""), pod("web", "")].concat());
    session.0.advance(Duration::secs(5));
    session.run(&["kubectl delete pod web", &format!("kstate node disk remove {NODE} ssd1")]);
    session.apply(&pod("web", ""));
    session.0.advance(Duration::secs(3));
    assert_snapshot!(session.run(&[SAID, "kstate node disk list"]), @r#"
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O     R             M
    web   FailedMount   MountVolume.NewMounter initialization failed for volume "local-pv-24797416" : path "/mnt/disks/ssd1" does not exist
    $ kstate node disk list
    NODE                   PATH              DEVICE     SIZE   MODE         STATUS   VOLUME
    k3d-deadless-agent-0   /mnt/disks/ssd1   /dev/sdb   20Gi   Filesystem   Gone     local-pv-24797416
    "#);
    session.run(&["kubectl delete pod/web pvc/data"]);
    session.0.advance(Duration::secs(15));
    assert_snapshot!(session.run(&["kubectl get pv", SAID, &format!("kstate node disk add {NODE}"), "kstate clock advance 40s", "kubectl get pv"]), @r#"
    $ kubectl get pv
    NAME                CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS     CLAIM          STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE
    local-pv-24797416   20Gi       RWO            Delete           Released   default/data   local-storage   <unset>                          58s
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O                   R                    M
    local-pv-24797416   VolumeFailedDelete   Error cleaning PV "local-pv-24797416": failed to get volume mode of path "/mnt/disks/ssd1": Directory check for "/mnt/disks/ssd1" failed: open /mnt/disks/ssd1: no such file or directory
    web                 FailedMount          MountVolume.NewMounter initialization failed for volume "local-pv-24797416" : path "/mnt/disks/ssd1" does not exist
    $ kstate node disk add k3d-deadless-agent-0
    disk /mnt/disks/ssd2 of node/k3d-deadless-agent-0 added
    $ kstate clock advance 40s
    2026-01-01T00:01:51Z (manual)
    $ kubectl get pv
    NAME                CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS      CLAIM          STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE
    local-pv-24797416   20Gi       RWO            Delete           Released    default/data   local-storage   <unset>                          100s
    local-pv-94781081   10Gi       RWO            Delete           Available                  local-storage   <unset>                          40s
    "#);
}

#[test]
fn raw_devices_are_handed_out_or_formatted() {
    let mut session = provisioned();
    session.run(&["kstate node disk add k3d-deadless-agent-1 --block --size 15Gi", "kstate clock advance 10s"]);
    session.apply(&[claim("data", "15Gi", ", volumeName: local-pv-c5bb039f"), pod("web", "")].concat());
    session.0.advance(Duration::secs(5));
    let config = "kubectl patch cm local-provisioner-config -n kube-system --type merge -p \
                  '{\"data\":{\"storageClassMap\":\"local-storage: {hostDir: /mnt/disks, mountDir: /mnt/disks, volumeMode: Block}\",\
                  \"nodeLabelsForPV\":\"[kubernetes.io/os]\",\"labelsForPV\":\"{team: storage}\"}}'";
    assert_snapshot!(session.run(&[
        "kubectl get pv --sort-by=.spec.capacity.storage -o custom-columns=PATH:.spec.local.path,MODE:.spec.volumeMode,SIZE:.spec.capacity.storage",
        "kubectl exec web -- sh -c 'df -h /data; echo formatted > /data/file; ls /data'",
        "kubectl delete pod/web pvc/data",
        config,
        "kubectl delete pv --all",
        "kstate clock advance 20s",
        "kubectl get pv -L kubernetes.io/os,team -o wide",
    ]), @r#"
    $ kubectl get pv --sort-by=.spec.capacity.storage -o custom-columns=PATH:.spec.local.path,MODE:.spec.volumeMode,SIZE:.spec.capacity.storage
    PATH              MODE         SIZE
    /mnt/disks/ssd1   Filesystem   15Gi
    /mnt/disks/ssd1   Filesystem   20Gi
    $ kubectl exec web -- sh -c 'df -h /data; echo formatted > /data/file; ls /data'
    Filesystem                Size      Used Available Use% Mounted on
    /dev/sdb                 15.0G         0     15.0G   0% /data
    file
    $ kubectl delete pod/web pvc/data
    pod "web" deleted from default namespace
    persistentvolumeclaim "data" deleted from default namespace
    $ kubectl patch cm local-provisioner-config -n kube-system --type merge -p '{"data":{"storageClassMap":"local-storage: {hostDir: /mnt/disks, mountDir: /mnt/disks, volumeMode: Block}","nodeLabelsForPV":"[kubernetes.io/os]","labelsForPV":"{team: storage}"}}'
    configmap/local-provisioner-config patched
    $ kubectl delete pv --all
    persistentvolume "local-pv-24797416" deleted
    persistentvolume "local-pv-c5bb039f" deleted
    $ kstate clock advance 20s
    2026-01-01T00:01:41Z (manual)
    $ kubectl get pv -L kubernetes.io/os,team -o wide
    NAME                CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS      CLAIM   STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE   VOLUMEMODE   OS      TEAM
    local-pv-c5bb039f   15Gi       RWO            Delete           Available           local-storage   <unset>                          20s   Block        linux   storage
    "#);
    let device = pod("raw", "")
        .replace("volumeMounts: [{name: v, mountPath: /data}]", "volumeDevices: [{name: v, devicePath: /dev/xvda}]");
    session.apply(&[claim("data", "15Gi", ", volumeMode: Block"), device].concat());
    session.0.advance(Duration::secs(5));
    assert_snapshot!(session.run(&[
        "kubectl get pods",
        "kubectl exec raw -- sh -c 'echo raw > /dev/xvda; head -c 3 /dev/xvda'",
        "kubectl delete pod raw",
        "kstate node disk remove k3d-deadless-agent-1 ssd1",
    ]), @r#"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    raw    1/1     Running   0          7s
    $ kubectl exec raw -- sh -c 'echo raw > /dev/xvda; head -c 3 /dev/xvda'
    raw$ kubectl delete pod raw
    pod "raw" deleted from default namespace
    $ kstate node disk remove k3d-deadless-agent-1 ssd1
    disk /mnt/disks/ssd1 of node/k3d-deadless-agent-1 removed
    "#);
    let device = pod("again", "")
        .replace("volumeMounts: [{name: v, mountPath: /data}]", "volumeDevices: [{name: v, devicePath: /dev/xvda}]");
    session.apply(&device);
    session.0.advance(Duration::secs(3));
    assert_snapshot!(session.run(&[SAID]), @r#"
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O       R                  M
    again   FailedMapVolume    MapVolume.EvalHostSymlinks failed for volume "local-pv-c5bb039f" : lstat /mnt/disks/ssd1: no such file or directory
    web     FailedScheduling   0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found
    "#);
}

#[test]
fn a_mount_without_propagation_hides_disks_that_come_later() {
    let mut session = Session::new();
    session.run(&["kubectl apply -f manifests/local-static-provisioner.yaml"]);
    let patch = "kubectl patch ds local-volume-provisioner -n kube-system --type json -p \
                 '[{\"op\":\"remove\",\"path\":\"/spec/template/spec/containers/0/volumeMounts/1/mountPropagation\"}]'";
    session.run(&[patch]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&[
        &format!("kstate node disk add {NODE}"),
        "kstate clock advance 30s",
        "kubectl get pv",
        "kubectl rollout restart ds/local-volume-provisioner -n kube-system",
        "kstate clock advance 120s",
        "kubectl get pv --no-headers -o custom-columns=PATH:.spec.local.path",
    ]), @"
    $ kstate node disk add k3d-deadless-agent-0
    disk /mnt/disks/ssd1 of node/k3d-deadless-agent-0 added
    $ kstate clock advance 30s
    2026-01-01T00:01:37Z (manual)
    $ kubectl get pv
    No resources found
    $ kubectl rollout restart ds/local-volume-provisioner -n kube-system
    daemonset.apps/local-volume-provisioner restarted
    $ kstate clock advance 120s
    2026-01-01T00:03:43Z (manual)
    $ kubectl get pv --no-headers -o custom-columns=PATH:.spec.local.path
    /mnt/disks/ssd1
    ");
}

#[test]
fn a_node_that_is_lost_takes_its_volumes_with_it() {
    let mut session = provisioned();
    session.apply(&[claim("data", "5Gi", ""), pod("web", "tolerations: [{operator: Exists}], ")].concat());
    session.0.advance(Duration::secs(5));
    session.run(&[&format!("kstate node stop {NODE}")]);
    session.0.advance(Duration::secs(60));
    session.run(&["kubectl delete pod web --force", &format!("kubectl delete node {NODE}")]);
    session.apply(&pod("web", ""));
    assert_snapshot!(session.run(&["kubectl get pods,pv", SAID]), @"
    $ kubectl get pods,pv
    NAME      READY   STATUS    RESTARTS   AGE
    pod/web   0/1     Pending   0          0s

    NAME                                 CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM          STORAGECLASS    VOLUMEATTRIBUTESCLASS   REASON   AGE
    persistentvolume/local-pv-24797416   20Gi       RWO            Delete           Bound    default/data   local-storage   <unset>                          96s
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O     R                  M
    web   NodeNotReady       Node is not ready
    web   FailedScheduling   0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.
    ");
}
