//! Snapshots that are taken: what they hold, what stands in their way, and how they go.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::{
    CONTENT_EVENTS, DEFAULT, SNAPSHOT_EVENTS, alike, claim, from, furnished, of, pod, snapshot, snapshot_class,
};

#[test]
fn a_snapshot_holds_what_the_volume_held_then() {
    let mut session = furnished("hostpath.csi.k8s.io");
    session.apply(&pod("writer", "data"));
    session.run(&["kubectl exec writer -- sh -c 'echo then > /data/file'"]);
    session.apply(&snapshot("s", &of("data")));
    session.run(&["kubectl exec writer -- sh -c 'echo later > /data/file'"]);
    assert_snapshot!(alike(&session.run(&["kubectl get vs,vsc,vsclass", SNAPSHOT_EVENTS, "kubectl describe vs s",
        "kubectl get vsc -o yaml", "kubectl get pvc data -o jsonpath={.metadata.finalizers}"])), @r#"
    $ kubectl get vs,vsc,vsclass
    NAME                                       READYTOUSE   SOURCEPVC   SOURCESNAPSHOTCONTENT   RESTORESIZE   SNAPSHOTCLASS   SNAPSHOTCONTENT                                    CREATIONTIME   AGE
    volumesnapshot.snapshot.storage.k8s.io/s   true         data                                1Gi           snaps           snapcontent-UID   1s             1s

    NAME                                                                                             READYTOUSE   RESTORESIZE   DELETIONPOLICY   DRIVER                VOLUMESNAPSHOTCLASS   VOLUMESNAPSHOT   VOLUMESNAPSHOTNAMESPACE   AGE
    volumesnapshotcontent.snapshot.storage.k8s.io/snapcontent-UID   true         1073741824    Delete           hostpath.csi.k8s.io   snaps                 s                default                   1s

    NAME                                                DRIVER                DELETIONPOLICY   AGE
    volumesnapshotclass.snapshot.storage.k8s.io/snaps   hostpath.csi.k8s.io   Delete           3s
    $ kubectl get events --field-selector involvedObject.kind=VolumeSnapshot -o custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message
    TYPE     REASON             N     BY                    M
    Normal   CreatingSnapshot   1     snapshot-controller   Waiting for a snapshot default/s to be created by the CSI driver.
    Normal   SnapshotCreated    1     snapshot-controller   Snapshot default/s was successfully created by the CSI driver.
    Normal   SnapshotReady      1     snapshot-controller   Snapshot default/s is ready to use.
    $ kubectl describe vs s
    Name:         s
    Namespace:    default
    Labels:       <none>
    Annotations:  <none>
    API Version:  snapshot.storage.k8s.io/v1
    Kind:         VolumeSnapshot
    Metadata:
      Creation Timestamp:  2026-01-01T00:00:02Z
      Finalizers:
        snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection
        snapshot.storage.kubernetes.io/volumesnapshot-bound-protection
      Generation:        2
      Resource Version: N
      UID:               UID
    Spec:
      Source:
        Persistent Volume Claim Name:  data
      Volume Snapshot Class Name:      snaps
    Status:
      Bound Volume Snapshot Content Name:  snapcontent-UID
      Creation Time:                       2026-01-01T00:00:02Z
      Ready To Use:                        true
      Restore Size:                        1Gi
    Events:
      Type    Reason            Age   From                 Message
      ----    ------            ----  ----                 -------
      Normal  CreatingSnapshot  1s    snapshot-controller  Waiting for a snapshot default/s to be created by the CSI driver.
      Normal  SnapshotCreated   0s    snapshot-controller  Snapshot default/s was successfully created by the CSI driver.
      Normal  SnapshotReady     0s    snapshot-controller  Snapshot default/s is ready to use.
    $ kubectl get vsc -o yaml
    apiVersion: v1
    items:
    - apiVersion: snapshot.storage.k8s.io/v1
      kind: VolumeSnapshotContent
      metadata:
        creationTimestamp: "2026-01-01T00:00:02Z"
        finalizers:
        - snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection
        generation: 1
        name: snapcontent-UID
        resourceVersion: N
        uid: UID
      spec:
        deletionPolicy: Delete
        driver: hostpath.csi.k8s.io
        source:
          volumeHandle: UID
        sourceVolumeMode: Filesystem
        volumeSnapshotClassName: snaps
        volumeSnapshotRef:
          apiVersion: snapshot.storage.k8s.io/v1
          kind: VolumeSnapshot
          name: s
          namespace: default
          resourceVersion: N
          uid: UID
      status:
        creationTime: 1767225602828000000
        readyToUse: true
        restoreSize: 1073741824
        snapshotHandle: UID
    kind: List
    metadata:
      resourceVersion: N
    $ kubectl get pvc data -o jsonpath={.metadata.finalizers}
    ["kubernetes.io/pvc-protection"]
    "#);
    session.apply(&claim("restored", "disks", "2Gi", &from("VolumeSnapshot", "s")));
    session.apply(&claim("copied", "disks", "1Gi", &from("PersistentVolumeClaim", "data")));
    session.apply(&[pod("reader", "restored"), pod("other", "copied")].concat());
    assert_snapshot!(alike(&session.run(&[
        "kubectl get pvc",
        "kubectl exec reader -- cat /data/file",
        "kubectl exec other -- cat /data/file",
        "kubectl get pvc data -o jsonpath={.metadata.finalizers}",
        "kubectl delete pod writer",
        "kubectl delete pvc data",
        "kubectl delete vs s",
        "kubectl get vs,vsc",
    ])), @r#"
    $ kubectl get pvc
    NAME       STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    copied     Bound    pvc-UID   1Gi        RWO            disks          <unset>                 2s
    data       Bound    pvc-UID   1Gi        RWO            disks          <unset>                 6s
    restored   Bound    pvc-UID   2Gi        RWO            disks          <unset>                 3s
    $ kubectl exec reader -- cat /data/file
    then
    $ kubectl exec other -- cat /data/file
    later
    $ kubectl get pvc data -o jsonpath={.metadata.finalizers}
    ["kubernetes.io/pvc-protection","provisioner.storage.kubernetes.io/cloning-protection"]$ kubectl delete pod writer
    pod "writer" deleted from default namespace
    $ kubectl delete pvc data
    persistentvolumeclaim "data" deleted from default namespace
    $ kubectl delete vs s
    volumesnapshot.snapshot.storage.k8s.io "s" deleted from default namespace
    $ kubectl get vs,vsc
    No resources found
    "#);
}

#[test]
fn a_cloud_takes_a_snapshot_first_and_uploads_it_then() {
    let mut session = furnished("ebs.csi.aws.com --latency 30s");
    session.0.advance(Duration::secs(60));
    session.0.feed("kubectl apply -f -", &snapshot("s", &of("data")));
    let ready = "kubectl get vs,vsc -o custom-columns=READY:.status.readyToUse,TAKEN:.status.creationTime,\
                 HANDLE:.status.snapshotHandle,A:.metadata.annotations";
    let finalizers = "kubectl get pvc data -o jsonpath='{.metadata.finalizers}'";
    let mut look = |seconds: i64| {
        session.0.advance(Duration::secs(seconds));
        alike(&session.run_now(&[ready, finalizers]))
    };
    assert_snapshot!(look(1), @r#"
    $ kubectl get vs,vsc -o custom-columns=READY:.status.readyToUse,TAKEN:.status.creationTime,HANDLE:.status.snapshotHandle,A:.metadata.annotations
    READY   TAKEN    HANDLE   A
    false   <none>   <none>   map[kubectl.kubernetes.io/last-applied-configuration:{"apiVersion":"snapshot.storage.k8s.io/v1","kind":"VolumeSnapshot","metadata":{"annotations":{},"name":"s","namespace":"default"},"spec":{"source":{"persistentVolumeClaimName":"data"}}}
    ]
    <none>   <none>   <none>   map[snapshot.storage.kubernetes.io/volumesnapshot-being-created:yes]
    $ kubectl get pvc data -o jsonpath='{.metadata.finalizers}'
    ["kubernetes.io/pvc-protection","snapshot.storage.kubernetes.io/pvc-as-source-protection"]
    "#);
    assert_snapshot!(look(30), @r#"
    $ kubectl get vs,vsc -o custom-columns=READY:.status.readyToUse,TAKEN:.status.creationTime,HANDLE:.status.snapshotHandle,A:.metadata.annotations
    READY   TAKEN                  HANDLE   A
    false   2026-01-01T00:01:30Z   <none>   map[kubectl.kubernetes.io/last-applied-configuration:{"apiVersion":"snapshot.storage.k8s.io/v1","kind":"VolumeSnapshot","metadata":{"annotations":{},"name":"s","namespace":"default"},"spec":{"source":{"persistentVolumeClaimName":"data"}}}
    ]
    false   1767225690105000000    snap-...   <none>
    $ kubectl get pvc data -o jsonpath='{.metadata.finalizers}'
    ["kubernetes.io/pvc-protection","snapshot.storage.kubernetes.io/pvc-as-source-protection"]
    "#);
    assert_snapshot!(look(30), @r#"
    $ kubectl get vs,vsc -o custom-columns=READY:.status.readyToUse,TAKEN:.status.creationTime,HANDLE:.status.snapshotHandle,A:.metadata.annotations
    READY   TAKEN                  HANDLE   A
    true    2026-01-01T00:01:30Z   <none>   map[kubectl.kubernetes.io/last-applied-configuration:{"apiVersion":"snapshot.storage.k8s.io/v1","kind":"VolumeSnapshot","metadata":{"annotations":{},"name":"s","namespace":"default"},"spec":{"source":{"persistentVolumeClaimName":"data"}}}
    ]
    true    1767225690105000000    snap-...   <none>
    $ kubectl get pvc data -o jsonpath='{.metadata.finalizers}'
    ["kubernetes.io/pvc-protection"]
    "#);
    assert_snapshot!(alike(&session.run(&[SNAPSHOT_EVENTS])), @"
    $ kubectl get events --field-selector involvedObject.kind=VolumeSnapshot -o custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message
    TYPE     REASON             N     BY                    M
    Normal   CreatingSnapshot   1     snapshot-controller   Waiting for a snapshot default/s to be created by the CSI driver.
    Normal   SnapshotCreated    1     snapshot-controller   Snapshot default/s was successfully created by the CSI driver.
    Normal   SnapshotReady      1     snapshot-controller   Snapshot default/s is ready to use.
    ");
}

#[test]
fn what_stands_in_a_snapshots_way_is_said_and_mended() {
    let mut session = furnished("hostpath.csi.k8s.io");
    session.apply(&claim("pending", "nowhere", "1Gi", ""));
    session.apply(
        &[
            snapshot("of-pending", &of("pending")),
            snapshot("of-pending-with-class", &format!("{}, volumeSnapshotClassName: snaps", of("pending"))),
            snapshot("of-nothing", &of("nothing")),
            snapshot("of-nothing-with-class", &format!("{}, volumeSnapshotClassName: snaps", of("nothing"))),
            snapshot("without-class", &format!("{}, volumeSnapshotClassName: nowhere", of("data"))),
        ]
        .concat(),
    );
    assert_snapshot!(alike(&session.run(&["kubectl get vs", SNAPSHOT_EVENTS,
        "kubectl get pvc pending -o jsonpath='{.metadata.finalizers}'"])), @r#"
    $ kubectl get vs
    NAME                    READYTOUSE   SOURCEPVC   SOURCESNAPSHOTCONTENT   RESTORESIZE   SNAPSHOTCLASS   SNAPSHOTCONTENT   CREATIONTIME   AGE
    of-nothing                           nothing                                                                                            0s
    of-nothing-with-class   false        nothing                                           snaps                                            0s
    of-pending                           pending                                                                                            0s
    of-pending-with-class   false        pending                                           snaps                                            0s
    without-class                        data                                              nowhere                                          0s
    $ kubectl get events --field-selector involvedObject.kind=VolumeSnapshot -o custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message
    TYPE      REASON                          N     BY                    M
    Warning   SnapshotContentCreationFailed   1     snapshot-controller   Failed to create snapshot content with error snapshot controller failed to update of-nothing-with-class on API server: cannot get claim from snapshot
    Warning   SetDefaultSnapshotClassFailed   1     snapshot-controller   Failed to set default snapshot class with error failed to retrieve PVC nothing from the lister: "persistentvolumeclaim \"nothing\" not found"
    Warning   SnapshotContentCreationFailed   1     snapshot-controller   Failed to create snapshot content with error failed to get input parameters to create snapshot of-pending-with-class: "the PVC pending is not yet bound to a PV, will not attempt to take a snapshot"
    Warning   SetDefaultSnapshotClassFailed   1     snapshot-controller   Failed to set default snapshot class with error the PVC pending is not yet bound to a PV, will not attempt to take a snapshot
    Warning   GetSnapshotClassFailed          1     snapshot-controller   Failed to get snapshot class with error volumesnapshotclass.snapshot.storage.k8s.io "nowhere" not found
    $ kubectl get pvc pending -o jsonpath='{.metadata.finalizers}'
    ["kubernetes.io/pvc-protection","snapshot.storage.kubernetes.io/pvc-as-source-protection"]
    "#);
    session.apply(&snapshot_class("second", "hostpath.csi.k8s.io", "Retain", DEFAULT));
    session.apply(&snapshot_class("nowhere", "hostpath.csi.k8s.io", "Retain", ""));
    session.apply(&snapshot("torn", &of("data")));
    session.0.advance(Duration::secs(600));
    assert_snapshot!(alike(&session.run(&["kubectl get vs",
        "kubectl get vs torn -o jsonpath='{.status.error.message}'",
        "kubectl delete vs --all", "kubectl get pvc pending -o jsonpath='{.metadata.finalizers}'"])), @r#"
    $ kubectl get vs
    NAME                    READYTOUSE   SOURCEPVC   SOURCESNAPSHOTCONTENT   RESTORESIZE   SNAPSHOTCLASS   SNAPSHOTCONTENT                                    CREATIONTIME   AGE
    of-nothing                           nothing                                                                                                                             10m
    of-nothing-with-class   false        nothing                                           snaps                                                                             10m
    of-pending                           pending                                                                                                                             10m
    of-pending-with-class   false        pending                                           snaps                                                                             10m
    torn                                 data                                                                                                                                10m
    without-class           true         data                                1Gi           nowhere         snapcontent-UID   9m58s          10m
    $ kubectl get vs torn -o jsonpath='{.status.error.message}'
    Failed to set default snapshot class with error 2 default snapshot classes were found$ kubectl delete vs --all
    volumesnapshot.snapshot.storage.k8s.io "of-nothing" deleted from default namespace
    volumesnapshot.snapshot.storage.k8s.io "of-nothing-with-class" deleted from default namespace
    volumesnapshot.snapshot.storage.k8s.io "of-pending" deleted from default namespace
    volumesnapshot.snapshot.storage.k8s.io "of-pending-with-class" deleted from default namespace
    volumesnapshot.snapshot.storage.k8s.io "torn" deleted from default namespace
    volumesnapshot.snapshot.storage.k8s.io "without-class" deleted from default namespace
    $ kubectl get pvc pending -o jsonpath='{.metadata.finalizers}'
    ["kubernetes.io/pvc-protection"]
    "#);
}

#[test]
fn a_driver_that_fails_is_asked_again() {
    let mut session = furnished("hostpath.csi.k8s.io");
    session.run(&["kstate csi add hostpath.csi.k8s.io --fail snapshot='the array is full'"]);
    session.apply(&snapshot("s", &of("data")));
    session.0.advance(Duration::secs(30));
    assert_snapshot!(alike(&session.run(&["kubectl get vs,vsc", SNAPSHOT_EVENTS, CONTENT_EVENTS,
        "kubectl delete pvc data --wait=false", "kubectl get pvc",
        "kubectl get vs s -o jsonpath='{.status.error.message}'"])), @r#"
    $ kubectl get vs,vsc
    NAME                                       READYTOUSE   SOURCEPVC   SOURCESNAPSHOTCONTENT   RESTORESIZE   SNAPSHOTCLASS   SNAPSHOTCONTENT                                    CREATIONTIME   AGE
    volumesnapshot.snapshot.storage.k8s.io/s   false        data                                              snaps           snapcontent-UID                  31s

    NAME                                                                                             READYTOUSE   RESTORESIZE   DELETIONPOLICY   DRIVER                VOLUMESNAPSHOTCLASS   VOLUMESNAPSHOT   VOLUMESNAPSHOTNAMESPACE   AGE
    volumesnapshotcontent.snapshot.storage.k8s.io/snapcontent-UID   false                      Delete           hostpath.csi.k8s.io   snaps                 s                default                   31s
    $ kubectl get events --field-selector involvedObject.kind=VolumeSnapshot -o custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message
    TYPE     REASON             N     BY                    M
    Normal   CreatingSnapshot   1     snapshot-controller   Waiting for a snapshot default/s to be created by the CSI driver.
    $ kubectl get events --field-selector involvedObject.kind=VolumeSnapshotContent -o custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message
    TYPE      REASON                                N     BY                                    M
    Warning   SnapshotCreationFailed                1     csi-snapshotter hostpath.csi.k8s.io   Failed to create snapshot: failed to take snapshot of the volume UID: "rpc error: code = Internal desc = the array is full"
    Warning   SnapshotContentCheckandUpdateFailed   1     csi-snapshotter hostpath.csi.k8s.io   Failed to check and update snapshot content: failed to take snapshot of the volume UID: "rpc error: code = Internal desc = the array is full"
    $ kubectl delete pvc data --wait=false
    persistentvolumeclaim "data" deleted from default namespace
    $ kubectl get pvc
    NAME   STATUS        VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    data   Terminating   pvc-UID   1Gi        RWO            disks          <unset>                 32s
    $ kubectl get vs s -o jsonpath='{.status.error.message}'
    Failed to check and update snapshot content: failed to take snapshot of the volume UID: "rpc error: code = Internal desc = the array is full"
    "#);
    session.run(&["kstate csi add hostpath.csi.k8s.io"]);
    session.0.advance(Duration::secs(300));
    assert_snapshot!(alike(&session.run(&["kubectl get vs", "kubectl get pvc"])), @"
    $ kubectl get vs
    NAME   READYTOUSE   SOURCEPVC   SOURCESNAPSHOTCONTENT   RESTORESIZE   SNAPSHOTCLASS   SNAPSHOTCONTENT                                    CREATIONTIME   AGE
    s      true         data                                1Gi           snaps           snapcontent-UID   4m55s          5m31s
    $ kubectl get pvc
    No resources found in default namespace.
    ");
}

#[test]
fn a_content_can_be_kept_and_bound_again() {
    let mut session = furnished("hostpath.csi.k8s.io");
    session.apply(&snapshot_class("kept", "hostpath.csi.k8s.io", "Retain", ""));
    session.apply(&pod("writer", "data"));
    session.run(&["kubectl exec writer -- sh -c 'echo kept > /data/file'"]);
    session.apply(&snapshot("s", &format!("{}, volumeSnapshotClassName: kept", of("data"))));
    assert_snapshot!(alike(&session.run(&["kubectl delete vs s", "kubectl get vsc",
        "kubectl get vsc -o jsonpath='{.items[0].metadata.annotations}'"])), @r#"
    $ kubectl delete vs s
    volumesnapshot.snapshot.storage.k8s.io "s" deleted from default namespace
    $ kubectl get vsc
    NAME                                               READYTOUSE   RESTORESIZE   DELETIONPOLICY   DRIVER                VOLUMESNAPSHOTCLASS   VOLUMESNAPSHOT   VOLUMESNAPSHOTNAMESPACE   AGE
    snapcontent-UID   true         1073741824    Retain           hostpath.csi.k8s.io   kept                  s                default                   1s
    $ kubectl get vsc -o jsonpath='{.items[0].metadata.annotations}'
    {"snapshot.storage.kubernetes.io/volumesnapshot-being-deleted":"yes"}
    "#);
    let handle = session.run(&["kubectl get vsc -o jsonpath='{.items[0].status.snapshotHandle}'"]);
    let handle = handle.lines().last().unwrap_or_default().to_string();
    session.run(&["kubectl delete vsc --all --wait=false"]);
    let content = |name: &str, handle: &str, of: &str| {
        format!(
            "---\napiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshotContent\nmetadata: {{name: {name}}}\nspec: \
             {{deletionPolicy: Retain, driver: hostpath.csi.k8s.io, source: {{snapshotHandle: {handle:?}}}, \
             volumeSnapshotRef: {{name: {of}, namespace: default}}}}\n"
        )
    };
    session.apply(&snapshot("again", "source: {volumeSnapshotContentName: before}"));
    assert_snapshot!(alike(&session.run(&["kubectl get vs", SNAPSHOT_EVENTS])), @"
    $ kubectl get vs
    NAME    READYTOUSE   SOURCEPVC   SOURCESNAPSHOTCONTENT   RESTORESIZE   SNAPSHOTCLASS   SNAPSHOTCONTENT   CREATIONTIME   AGE
    again   false                    before                                                                                 0s
    $ kubectl get events --field-selector involvedObject.kind=VolumeSnapshot -o custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message
    TYPE      REASON                   N     BY                    M
    Warning   SnapshotContentMissing   1     snapshot-controller   VolumeSnapshotContent is missing
    Normal    CreatingSnapshot         1     snapshot-controller   Waiting for a snapshot default/s to be created by the CSI driver.
    Normal    SnapshotCreated          1     snapshot-controller   Snapshot default/s was successfully created by the CSI driver.
    Normal    SnapshotReady            1     snapshot-controller   Snapshot default/s is ready to use.
    ");
    session.apply(&content("before", &handle, "again"));
    session.apply(&snapshot("stranger", "source: {volumeSnapshotContentName: before}"));
    session.0.advance(Duration::secs(300));
    session.apply(&claim("restored", "disks", "1Gi", &from("VolumeSnapshot", "again")));
    session.apply(&pod("reader", "restored"));
    assert_snapshot!(alike(&session.run(&["kubectl get vs", "kubectl get vsc before",
        "kubectl get vs stranger -o jsonpath='{.status.error.message}'",
        "kubectl exec reader -- cat /data/file"])), @"
    $ kubectl get vs
    NAME       READYTOUSE   SOURCEPVC   SOURCESNAPSHOTCONTENT   RESTORESIZE   SNAPSHOTCLASS   SNAPSHOTCONTENT   CREATIONTIME   AGE
    again      true                     before                  1Gi                           before            5m4s           5m2s
    stranger   false                    before                                                                                 5m2s
    $ kubectl get vsc before
    NAME     READYTOUSE   RESTORESIZE   DELETIONPOLICY   DRIVER                VOLUMESNAPSHOTCLASS   VOLUMESNAPSHOT   VOLUMESNAPSHOTNAMESPACE   AGE
    before   true         1073741824    Retain           hostpath.csi.k8s.io                         again            default                   5m2s
    $ kubectl get vs stranger -o jsonpath='{.status.error.message}'
    VolumeSnapshotContent [before] is bound to a different snapshot$ kubectl exec reader -- cat /data/file
    kept
    ");
}
