//! What people reported of clones and snapshots.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::{Session, alike, claim, class, pod, told};

const EBS: &str = "ebs.csi.aws.com";

const SNAPSHOT: &str = "apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshotClass\nmetadata: {name: vsc}\ndriver: \
                        ebs.csi.aws.com\ndeletionPolicy: Delete\n---\napiVersion: snapshot.storage.k8s.io/v1\nkind: \
                        VolumeSnapshot\nmetadata: {name: snap}\nspec: {volumeSnapshotClassName: vsc, source: \
                        {persistentVolumeClaimName: data}}\n";

fn with_claim() -> Session {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&(class("csi", EBS, "") + &claim("data", "csi", "")));
    session
}

fn of(name: &str) -> String {
    format!("dataSource: {{kind: PersistentVolumeClaim, name: {name}}}")
}

/// kubernetes-csi/external-provisioner#308, kubernetes-csi/external-provisioner#1024
#[test]
fn a_claim_is_cloned_into_another_class_but_not_by_another_driver() {
    let mut session = Session::new();
    session.run(&["kstate csi add hostpath.csi.k8s.io", "kstate csi add ebs.csi.aws.com"]);
    let hostpath = "hostpath.csi.k8s.io";
    let classes = class("a", hostpath, "") + &class("b", hostpath, "") + &class("e", EBS, "");
    session.apply(&(classes + &claim("data", "a", "")));
    let small = format!("{}, resources: {{requests: {{storage: 500Mi}}}}", of("data"));
    let block = format!("{}, volumeMode: Block", of("data"));
    let clones = claim("other-class", "b", &of("data"))
        + &claim("other-driver", "e", &of("data"))
        + &claim("smaller", "a", &small)
        + &claim("of-nothing", "a", &of("nope"))
        + &claim("as-a-device", "a", &block);
    session.apply(&clones);
    assert_snapshot!(alike(&session.run(&["kubectl get pvc"])), @"
    $ kubectl get pvc
    NAME           STATUS    VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    as-a-device    Pending                                                                        a              <unset>                 1s
    data           Bound     pvc-...   1Gi        RWO            a              <unset>                 2s
    of-nothing     Pending                                                                        a              <unset>                 1s
    other-class    Bound     pvc-...   1Gi        RWO            b              <unset>                 1s
    other-driver   Pending                                                                        e              <unset>                 1s
    smaller        Pending                                                                        a              <unset>                 1s
    ");
    assert_snapshot!(told(&mut session, &["ProvisioningFailed"]), @r#"
    as-a-device | ProvisioningFailed | 1 | failed to provision volume with StorageClass "a": error getting handle for DataSource Type PersistentVolumeClaim by Name data: the source PVC and destination PVCs must have the same volume mode for cloning. | Source is Filesystem, but new PVC requested Block
    of-nothing | ProvisioningFailed | 1 | failed to provision volume with StorageClass "a": error getting handle for DataSource Type PersistentVolumeClaim by Name nope: error getting PVC nope (namespace "default") from api server: persistentvolumeclaim "nope" not found
    other-driver | ProvisioningFailed | 1 | failed to provision volume with StorageClass "e": error getting handle for DataSource Type PersistentVolumeClaim by Name data: claim in dataSource not bound or invalid
    smaller | ProvisioningFailed | 1 | failed to provision volume with StorageClass "a": error getting handle for DataSource Type PersistentVolumeClaim by Name data: error, new PVC request must be greater than or equal in size to the specified PVC data source, requested 524288000 but source is 1073741824
    "#);
}

/// kubernetes-csi/csi-driver-host-path#398
#[test]
fn a_claim_whose_volume_is_no_drivers_is_not_cloned() {
    let mut session = Session::new();
    session.run(&["kstate csi add hostpath.csi.k8s.io"]);
    let volume = "---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv-volume-1}\nspec: {storageClassName: csi, \
                  capacity: {storage: 10Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /mnt/data}}\n";
    session.apply(&(class("csi", "hostpath.csi.k8s.io", "") + volume));
    session.apply(&claim("pvc-claim-1", "csi", "resources: {requests: {storage: 10Gi}}, volumeName: pv-volume-1"));
    session.apply(&claim(
        "clone",
        "csi",
        &format!("resources: {{requests: {{storage: 10Gi}}}}, {}", of("pvc-claim-1")),
    ));
    assert_snapshot!(told(&mut session, &["ProvisioningFailed"]), @r#"clone | ProvisioningFailed | 1 | failed to provision volume with StorageClass "csi": error getting handle for DataSource Type PersistentVolumeClaim by Name pvc-claim-1: claim in dataSource not bound or invalid"#);
}

/// kubernetes-csi/external-snapshotter#349
#[test]
fn a_claim_that_is_going_is_not_snapshotted() {
    let mut session = with_claim();
    session.apply(&pod("p", "data", ""));
    session.run(&["kubectl delete pvc data --wait=false"]);
    session.apply(SNAPSHOT);
    session.0.advance(Duration::secs(30));
    assert_snapshot!(told(&mut session, &["Snapshot"]), @"snap | SnapshotContentCreationFailed | 1 | Failed to create snapshot content with error snapshot controller failed to update data on API server: cannot add finalizer on claim because it is being deleted");
    let seen = session.run(&["kubectl delete pod p", "kubectl get pvc", "kubectl delete volumesnapshot snap"]);
    assert_snapshot!(seen, @r#"
    $ kubectl delete pod p
    pod "p" deleted from default namespace
    $ kubectl get pvc
    No resources found in default namespace.
    $ kubectl delete volumesnapshot snap
    volumesnapshot.snapshot.storage.k8s.io "snap" deleted from default namespace
    "#);
}

/// kubernetes-csi/external-snapshotter#412, kubernetes-csi/external-snapshotter#629
#[test]
fn a_snapshot_whose_class_is_gone_is_deleted() {
    let mut session = with_claim();
    session.apply(SNAPSHOT);
    session.0.advance(Duration::secs(120));
    let seen = session.run(&[
        "kubectl delete volumesnapshotclass vsc",
        "kubectl delete volumesnapshot snap --timeout=60s",
        "kubectl get volumesnapshots,volumesnapshotcontents",
    ]);
    assert_snapshot!(seen, @r#"
    $ kubectl delete volumesnapshotclass vsc
    volumesnapshotclass.snapshot.storage.k8s.io "vsc" deleted
    $ kubectl delete volumesnapshot snap --timeout=60s
    volumesnapshot.snapshot.storage.k8s.io "snap" deleted from default namespace
    $ kubectl get volumesnapshots,volumesnapshotcontents
    No resources found
    "#);
}

/// kubernetes-csi/external-snapshotter#292
#[test]
fn a_content_that_is_to_be_kept_outlives_its_snapshot() {
    let mut session = with_claim();
    session.apply(SNAPSHOT);
    session.0.advance(Duration::secs(120));
    let content = "kubectl get volumesnapshot snap -o jsonpath={.status.boundVolumeSnapshotContentName}";
    let (content, _) = session.0.run(content).expect("a command");
    let seen = session.run(&[
        &format!("kubectl patch volumesnapshotcontent {content} --type=merge -p '{{\"spec\":{{\"deletionPolicy\":\"Retain\"}}}}'"),
        "kubectl delete volumesnapshot snap --timeout=60s",
        "kubectl get volumesnapshotcontents -o custom-columns=POLICY:.spec.deletionPolicy,F:.metadata.finalizers --no-headers",
    ]);
    assert_snapshot!(alike(&seen), @r#"
    $ kubectl patch volumesnapshotcontent snapcontent-... --type=merge -p '{"spec":{"deletionPolicy":"Retain"}}'
    volumesnapshotcontent.snapshot.storage.k8s.io/snapcontent-... patched
    $ kubectl delete volumesnapshot snap --timeout=60s
    volumesnapshot.snapshot.storage.k8s.io "snap" deleted from default namespace
    $ kubectl get volumesnapshotcontents -o custom-columns=POLICY:.spec.deletionPolicy,F:.metadata.finalizers --no-headers
    Retain   [snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection]
    "#);
}
