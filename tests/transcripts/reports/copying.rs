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
    assert_snapshot!(alike(&session.run(&["kubectl get pvc"])), @"");
    assert_snapshot!(told(&mut session, &["ProvisioningFailed"]), @"");
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
    assert_snapshot!(told(&mut session, &["ProvisioningFailed"]), @"");
}

/// kubernetes-csi/external-snapshotter#349
#[test]
fn a_claim_that_is_going_is_not_snapshotted() {
    let mut session = with_claim();
    session.apply(&pod("p", "data", ""));
    session.run(&["kubectl delete pvc data --wait=false"]);
    session.apply(SNAPSHOT);
    session.0.advance(Duration::secs(30));
    assert_snapshot!(told(&mut session, &["Snapshot"]), @"");
    let seen = session.run(&["kubectl delete pod p", "kubectl get pvc", "kubectl delete volumesnapshot snap"]);
    assert_snapshot!(seen, @"");
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
    assert_snapshot!(seen, @"");
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
    assert_snapshot!(alike(&seen), @"");
}
