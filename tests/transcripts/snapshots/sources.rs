//! Volumes that are made of snapshots and claims: what is refused, left to others, and held.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::{REFUSED, SNAPSHOT_EVENTS, alike, claim, class, from, furnished, of, snapshot};

const POPULATORS: &str = include_str!("../../../src/api/definition/volumepopulators.populator.storage.k8s.io.yaml");

#[test]
fn what_a_volume_can_not_be_made_of_is_said() {
    let mut session = furnished("hostpath.csi.k8s.io");
    session.run(&["kstate csi add csi.vsphere.vmware.com", "kstate csi add disk.example.com"]);
    session.apply(
        &[
            class("vsphere", "csi.vsphere.vmware.com"),
            class("other", "disk.example.com"),
            class("same", "hostpath.csi.k8s.io"),
            claim("pending", "nowhere", "1Gi", ""),
        ]
        .concat(),
    );
    session.apply(&[claim("large", "disks", "2Gi", ""), snapshot("s", &of("large"))].concat());
    session.apply(&snapshot("unready", &of("pending")));
    session.0.advance(Duration::secs(60));
    session.run(&["kubectl delete events --all"]);
    let mut refused = |class: &str, size: &str, more: &str| {
        session.apply(&claim("new", class, size, more));
        let text = session.run(&[
            REFUSED,
            "kubectl get pvc new -o jsonpath='{.status.phase}'",
            "kubectl delete pvc new",
            "kubectl delete events --all",
        ]);
        let said = text.lines().skip(2).take_while(|line| !line.starts_with('$')).collect::<Vec<_>>().join("\n");
        if text.contains("\nBound") { "Bound".to_string() } else { said }
    };
    let snapshot = |name: &str| from("VolumeSnapshot", name);
    let claim = |name: &str| from("PersistentVolumeClaim", name);
    assert_snapshot!(refused("disks", "1Gi", &snapshot("s")), @r#"
    failed to provision volume with StorageClass "disks": error getting handle for DataSource Type VolumeSnapshot by Name s: requested volume size 1073741824 is less than the size 2147483648 for the source snapshot s
    storageclass.storage.k8s.io "nowhere" not found
    "#);
    assert_snapshot!(refused("disks", "2Gi", &snapshot("nothing")), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type VolumeSnapshot by Name nothing: error getting snapshot nothing from api server: volumesnapshots.snapshot.storage.k8s.io "nothing" not found"#);
    assert_snapshot!(refused("disks", "2Gi", &snapshot("unready")), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type VolumeSnapshot by Name unready: snapshot unready not bound"#);
    assert_snapshot!(refused("other", "2Gi", &snapshot("s")), @r#"failed to provision volume with StorageClass "other": error getting handle for DataSource Type VolumeSnapshot by Name s: snapshotcontent snapcontent-18f478ae-221a-44a1-bbbc-f00578859131 for snapshot s is not handled by CSI driver of StorageClass other"#);
    assert_snapshot!(refused("same", "2Gi", &snapshot("s")), @"Bound");
    assert_snapshot!(refused("disks", "2Gi", &format!("{}, volumeMode: Block", snapshot("s"))), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type VolumeSnapshot by Name s: requested volume default/new modifies the mode of the source volume but does not have permission to do so. snapshot.storage.kubernetes.io/allow-volume-mode-change annotation is not present on snapshotcontent snapcontent-18f478ae-221a-44a1-bbbc-f00578859131"#);
    assert_snapshot!(refused("disks", "1Gi", &claim("large")), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type PersistentVolumeClaim by Name large: error, new PVC request must be greater than or equal in size to the specified PVC data source, requested 1073741824 but source is 2147483648"#);
    assert_snapshot!(refused("disks", "1Gi", &claim("pending")), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type PersistentVolumeClaim by Name pending: the PVC DataSource pending must have a status of Bound.  Got {Pending [] map[] [] map[] map[] <nil> <nil>}"#);
    assert_snapshot!(refused("disks", "1Gi", &claim("nothing")), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type PersistentVolumeClaim by Name nothing: error getting PVC nothing (namespace "default") from api server: persistentvolumeclaim "nothing" not found"#);
    assert_snapshot!(refused("other", "1Gi", &claim("data")), @r#"failed to provision volume with StorageClass "other": error getting handle for DataSource Type PersistentVolumeClaim by Name data: claim in dataSource not bound or invalid"#);
    assert_snapshot!(refused("same", "1Gi", &claim("data")), @"Bound");
    assert_snapshot!(refused("vsphere", "1Gi", &claim("data")), @r#"failed to provision volume with StorageClass "vsphere": CSI driver does not support clone operations: controller CLONE_VOLUME capability is not reported"#);
    assert_snapshot!(refused("disks", "1Gi", &format!("{}, volumeMode: Block", claim("data"))), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type PersistentVolumeClaim by Name data: the source PVC and destination PVCs must have the same volume mode for cloning.  Source is Filesystem, but new PVC requested Block"#);
}

#[test]
fn sources_of_other_kinds_and_namespaces_are_left_to_others_or_dropped() {
    let mut session = furnished("hostpath.csi.k8s.io");
    let other = ", dataSourceRef: {apiGroup: hello.example.com, kind: Hello, name: world}";
    session.apply(&claim("greeted", "disks", "1Gi", other));
    let elsewhere = ", dataSourceRef: {kind: PersistentVolumeClaim, name: data, namespace: elsewhere}";
    assert_snapshot!(session.apply(&claim("far", "disks", "1Gi", elsewhere)), @"persistentvolumeclaim/far created");
    assert_snapshot!(session.run(&[
        "kubectl get events --field-selector involvedObject.name=greeted -o custom-columns=R:.reason,M:.message",
        "kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase,REF:.spec.dataSourceRef",
    ]), @r#"
    $ kubectl get events --field-selector involvedObject.name=greeted -o custom-columns=R:.reason,M:.message
    R                      M
    ExternalProvisioning   Waiting for a volume to be created either by the external provisioner 'hostpath.csi.k8s.io' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.
    Provisioning           External provisioner is provisioning volume for claim "default/greeted"
    Provisioning           Assuming an external populator will provision the volume
    $ kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase,REF:.spec.dataSourceRef
    NAME      PHASE     REF
    data      Bound     <none>
    far       Bound     <none>
    greeted   Pending   map[apiGroup:hello.example.com kind:Hello name:world]
    "#);
}

#[test]
fn a_source_that_nobody_knows_is_told_where_somebody_looks() {
    let mut session = furnished("hostpath.csi.k8s.io");
    assert_snapshot!(session.apply(POPULATORS), @"customresourcedefinition.apiextensions.k8s.io/volumepopulators.populator.storage.k8s.io created");
    let populator = "apiVersion: populator.storage.k8s.io/v1beta1\nkind: VolumePopulator\nmetadata: {name: hello}\n\
                     sourceKind: {group: hello.example.com, kind: Hello}\n";
    let source = |kind: &str| format!(", dataSourceRef: {{apiGroup: hello.example.com, kind: {kind}, name: world}}");
    assert_snapshot!(session.apply(populator), @"volumepopulator.populator.storage.k8s.io/hello created");
    session.apply(&claim("known", "disks", "1Gi", &source("Hello")));
    session.apply(&claim("unknown", "disks", "1Gi", &source("Bye")));
    assert_snapshot!(session.run(&["kubectl get volumepopulators",
        "kubectl get events --field-selector reason=UnrecognizedDataSourceKind -o \
         custom-columns=CLAIM:.involvedObject.name,BY:.source.component,M:.message"]), @r#"
    $ kubectl get volumepopulators
    NAME    SOURCEKIND
    hello   {"group":"hello.example.com","kind":"Hello"}
    $ kubectl get events --field-selector reason=UnrecognizedDataSourceKind -o custom-columns=CLAIM:.involvedObject.name,BY:.source.component,M:.message
    CLAIM     BY                             M
    unknown   volume-data-source-validator   The datasource for this PVC does not match any registered VolumePopulator
    "#);
}

#[test]
fn what_is_being_copied_is_held() {
    let mut session = furnished("hostpath.csi.k8s.io --latency 30s");
    session.0.advance(Duration::secs(60));
    session.0.feed("kubectl apply -f -", &snapshot("s", &of("data")));
    session.0.feed("kubectl apply -f -", &claim("copy", "disks", "1Gi", &from("PersistentVolumeClaim", "data")));
    session.0.advance(Duration::secs(1));
    assert_snapshot!(alike(&session.run_now(&["kubectl delete pvc data --wait=false",
        "kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase,F:.metadata.finalizers,D:.metadata.deletionTimestamp",
    ])), @r#"
    $ kubectl delete pvc data --wait=false
    persistentvolumeclaim "data" deleted from default namespace
    $ kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase,F:.metadata.finalizers,D:.metadata.deletionTimestamp
    NAME   PHASE     F                                                                                                                D
    copy   Pending   [kubernetes.io/pvc-protection]                                                                                   <none>
    data   Bound     [snapshot.storage.kubernetes.io/pvc-as-source-protection provisioner.storage.kubernetes.io/cloning-protection]   2026-01-01T00:01:31Z
    "#);
    session.0.advance(Duration::secs(120));
    assert_snapshot!(alike(&session.run(&["kubectl get pvc", "kubectl get vs"])), @"
    $ kubectl get pvc
    NAME   STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    copy   Bound    pvc-UID   1Gi        RWO            disks          <unset>                 2m1s
    $ kubectl get vs
    NAME   READYTOUSE   SOURCEPVC   SOURCESNAPSHOTCONTENT   RESTORESIZE   SNAPSHOTCLASS   SNAPSHOTCONTENT                                    CREATIONTIME   AGE
    s      true         data                                1Gi           snaps           snapcontent-UID   2m1s           2m1s
    ");
    session.0.feed("kubectl apply -f -", &claim("restored", "disks", "1Gi", &from("VolumeSnapshot", "s")));
    session.0.advance(Duration::secs(1));
    assert_snapshot!(alike(&session.run_now(&["kubectl delete vs s --wait=false",
        "kubectl get vs s -o jsonpath='{.metadata.finalizers}'"])), @r#"
    $ kubectl delete vs s --wait=false
    volumesnapshot.snapshot.storage.k8s.io "s" deleted from default namespace
    $ kubectl get vs s -o jsonpath='{.metadata.finalizers}'
    ["snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection","snapshot.storage.kubernetes.io/volumesnapshot-bound-protection","provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection"]
    "#);
    session.0.advance(Duration::secs(120));
    assert_snapshot!(alike(&session.run(&["kubectl get vs,vsc", "kubectl get pvc", SNAPSHOT_EVENTS])), @"
    $ kubectl get vs,vsc
    No resources found
    $ kubectl get pvc
    NAME       STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    copy       Bound    pvc-UID   1Gi        RWO            disks          <unset>                 4m2s
    restored   Bound    pvc-UID   1Gi        RWO            disks          <unset>                 2m1s
    $ kubectl get events --field-selector involvedObject.kind=VolumeSnapshot -o custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message
    TYPE      REASON                  N     BY                    M
    Normal    CreatingSnapshot        1     snapshot-controller   Waiting for a snapshot default/s to be created by the CSI driver.
    Normal    SnapshotCreated         1     snapshot-controller   Snapshot default/s was successfully created by the CSI driver.
    Normal    SnapshotReady           1     snapshot-controller   Snapshot default/s is ready to use.
    Warning   SnapshotDeletePending   5     snapshot-controller   Snapshot is being used to restore a PVC
    ");
}
