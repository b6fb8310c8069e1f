//! Snapshots and clones: what makes them, what they hold, how they go, and what is refused.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

fn class(name: &str, driver: &str) -> String {
    format!(
        "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: {driver}\n"
    )
}

fn snapshot_class(name: &str, driver: &str, policy: &str, annotations: &str) -> String {
    format!(
        "---\napiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshotClass\nmetadata: {{name: {name}, annotations: \
         {{{annotations}}}}}\ndriver: {driver}\ndeletionPolicy: {policy}\n"
    )
}

const DEFAULT: &str = "snapshot.storage.kubernetes.io/is-default-class: 'true'";

fn claim(name: &str, class: &str, size: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: {class}, \
         accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}{more}}}\n"
    )
}

fn snapshot(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
    )
}

fn of(claim: &str) -> String {
    format!("source: {{persistentVolumeClaimName: {claim}}}")
}

fn from(kind: &str, name: &str) -> String {
    let group = if kind == "VolumeSnapshot" { "apiGroup: snapshot.storage.k8s.io, " } else { "" };
    format!(", dataSource: {{{group}kind: {kind}, name: {name}}}")
}

fn pod(name: &str, claim: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  terminationGracePeriodSeconds: 0\n  \
         containers: [{{name: c, image: busybox, command: [sleep, infinity], volumeMounts: [{{name: v, mountPath: \
         /data}}]}}]\n  volumes: [{{name: v, persistentVolumeClaim: {{claimName: {claim}}}}}]\n"
    )
}

fn alike(text: &str) -> String {
    let pattern = |text: &str| regex::Regex::new(text).expect("a pattern");
    let uid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    let text = pattern(uid).replace_all(text, "UID").into_owned();
    let text = pattern("(vol|snap)-0[0-9a-f]{16}").replace_all(&text, "$1-...").into_owned();
    pattern("(resourceVersion|Resource Version): .*").replace_all(&text, "$1: N").into_owned()
}

const SNAPSHOT_EVENTS: &str = "kubectl get events --field-selector involvedObject.kind=VolumeSnapshot -o \
                               custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message";
const CONTENT_EVENTS: &str = "kubectl get events --field-selector involvedObject.kind=VolumeSnapshotContent -o \
                              custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message";
const REFUSED: &str = "kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=M:.message";

/// A cluster with the example driver, its classes, a bound claim `data`.
fn furnished(driver: &str) -> Session {
    let mut session = Session::new();
    session.run(&[&format!("kstate csi add {driver}")]);
    let name = driver.split(' ').next().unwrap_or_default();
    session.apply(&[class("disks", name), snapshot_class("snaps", name, "Delete", DEFAULT)].concat());
    session.apply(&claim("data", "disks", "1Gi", ""));
    session
}

#[test]
fn the_kinds_are_there_once_a_driver_that_takes_snapshots_is() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl get volumesnapshots",
        "kubectl get vs",
        "kubectl explain volumesnapshot",
        "kubectl get crd",
        "kubectl get --raw /apis/snapshot.storage.k8s.io/v1",
    ]), @r#"
    $ kubectl get volumesnapshots
    error: the server doesn't have a resource type "volumesnapshots"
    [exit 1]
    $ kubectl get vs
    error: the server doesn't have a resource type "vs"
    [exit 1]
    $ kubectl explain volumesnapshot
    the server doesn't have a resource type "volumesnapshot"
    [exit 1]
    $ kubectl get crd
    No resources found
    "#);
    assert_snapshot!(session.apply(&snapshot("s", &of("data"))), @r#"
    error: resource mapping not found for name: "s" namespace: "" from "STDIN": no matches for kind "VolumeSnapshot" in version "snapshot.storage.k8s.io/v1"
    ensure CRDs are installed first
    "#);
    session.run(&["kstate csi add openebs.io/local"]);
    assert_snapshot!(session.run(&["kubectl get vs", "kstate csi add hostpath.csi.k8s.io", "kubectl get crd",
        "kubectl api-resources --api-group=snapshot.storage.k8s.io -o wide",
        "kubectl get vs,vsc,vsclass",
        "kubectl wait --for=condition=Established crd/volumesnapshots.snapshot.storage.k8s.io",
        "kubectl explain vs.spec.source",
        "kubectl explain volumesnapshotcontents.status.restoreSize",
        "kubectl auth can-i create volumesnapshots",
    ]), @r#"
    $ kubectl get vs
    error: the server doesn't have a resource type "vs"
    [exit 1]
    $ kstate csi add hostpath.csi.k8s.io
    csidriver.storage.k8s.io/hostpath.csi.k8s.io added
    $ kubectl get crd
    NAME                                             CREATED AT
    volumesnapshotclasses.snapshot.storage.k8s.io    2026-01-01T00:00:00Z
    volumesnapshotcontents.snapshot.storage.k8s.io   2026-01-01T00:00:00Z
    volumesnapshots.snapshot.storage.k8s.io          2026-01-01T00:00:00Z
    $ kubectl api-resources --api-group=snapshot.storage.k8s.io -o wide
    NAME                     SHORTNAMES          APIVERSION                   NAMESPACED   KIND                    VERBS                                                        CATEGORIES
    volumesnapshotclasses    vsclass,vsclasses   snapshot.storage.k8s.io/v1   false        VolumeSnapshotClass     delete,deletecollection,get,list,patch,create,update,watch   
    volumesnapshotcontents   vsc,vscs            snapshot.storage.k8s.io/v1   false        VolumeSnapshotContent   delete,deletecollection,get,list,patch,create,update,watch   
    volumesnapshots          vs                  snapshot.storage.k8s.io/v1   true         VolumeSnapshot          delete,deletecollection,get,list,patch,create,update,watch   
    $ kubectl get vs,vsc,vsclass
    No resources found
    $ kubectl wait --for=condition=Established crd/volumesnapshots.snapshot.storage.k8s.io
    customresourcedefinition.apiextensions.k8s.io/volumesnapshots.snapshot.storage.k8s.io condition met
    $ kubectl explain vs.spec.source
    GROUP:      snapshot.storage.k8s.io
    KIND:       VolumeSnapshot
    VERSION:    v1

    FIELD: source <Object>


    DESCRIPTION:
        source specifies where a snapshot will be created from.
        This field is immutable after creation.
        Required.
        
    FIELDS:
      persistentVolumeClaimName	<string>
        persistentVolumeClaimName specifies the name of the PersistentVolumeClaim
        object representing the volume from which a snapshot should be created.
        This PVC is assumed to be in the same namespace as the VolumeSnapshot
        object.
        This field should be set if the snapshot does not exists, and needs to be
        created.
        This field is immutable.

      volumeSnapshotContentName	<string>
        volumeSnapshotContentName specifies the name of a pre-existing
        VolumeSnapshotContent
        object representing an existing volume snapshot.
        This field should be set if the snapshot already exists and only needs a
        representation in Kubernetes.
        This field is immutable.


    $ kubectl explain volumesnapshotcontents.status.restoreSize
    GROUP:      snapshot.storage.k8s.io
    KIND:       VolumeSnapshotContent
    VERSION:    v1

    FIELD: restoreSize <integer>


    DESCRIPTION:
        restoreSize represents the complete size of the snapshot in bytes.
        In dynamic snapshot creation case, this field will be filled in by the
        CSI snapshotter sidecar with the "size_bytes" value returned from CSI
        "CreateSnapshot" gRPC call.
        For a pre-existing snapshot, this field will be filled with the "size_bytes"
        value returned from the CSI "ListSnapshots" gRPC call if the driver supports
        it.
        When restoring a volume from this snapshot, the size of the volume MUST NOT
        be smaller than the restoreSize if it is specified, otherwise the
        restoration will fail.
        If not specified, it indicates that the size is unknown.
        

    $ kubectl auth can-i create volumesnapshots
    yes
    "#);
    assert_snapshot!(session.run(&["kubectl delete crd volumesnapshots.snapshot.storage.k8s.io", "kubectl get vs"]), @r#"
    $ kubectl delete crd volumesnapshots.snapshot.storage.k8s.io
    customresourcedefinition.apiextensions.k8s.io "volumesnapshots.snapshot.storage.k8s.io" deleted
    $ kubectl get vs
    error: the server doesn't have a resource type "vs"
    [exit 1]
    "#);
}

#[test]
fn what_their_schemas_do_not_allow_is_refused() {
    let mut session = furnished("hostpath.csi.k8s.io");
    assert_snapshot!(session.apply(&snapshot("s", "")), @r#"
    The VolumeSnapshot "s" is invalid: 
    * spec.source: Required value
    * <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation
    "#);
    assert_snapshot!(session.apply(&snapshot("s", "source: {}")), @r#"The VolumeSnapshot "s" is invalid: spec.source: Invalid value: exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set"#);
    assert_snapshot!(session.apply(&snapshot("s", "source: {persistentVolumeClaimName: 1}")), @r#"
    The VolumeSnapshot "s" is invalid: 
    * spec.source.persistentVolumeClaimName: Invalid value: "integer": spec.source.persistentVolumeClaimName in body must be of type string: "integer"
    * <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation
    "#);
    assert_snapshot!(session.apply(&snapshot("s", &format!("{}, volumeSnapshotClassName: ''", of("data")))), @r#"The VolumeSnapshot "s" is invalid: spec.volumeSnapshotClassName: Invalid value: "": volumeSnapshotClassName must not be the empty string when set"#);
    assert_snapshot!(session.apply(&snapshot("s", &format!("{}, colour: green", of("data")))), @r#"Error from server (BadRequest): error when creating "STDIN": VolumeSnapshot in version "v1" cannot be handled as a VolumeSnapshot: strict decoding error: unknown field "spec.colour""#);
    assert_snapshot!(session.apply(&snapshot("s", "source: {persistentVolumeClaimName: a, volumeSnapshotContentName: b}")), @r#"The VolumeSnapshot "s" is invalid: spec.source: Invalid value: exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set"#);
    assert_snapshot!(session.apply(&snapshot_class("c", "d", "Keep", "")), @r#"
    The VolumeSnapshotClass "c" is invalid: 
    * deletionPolicy: Unsupported value: "Keep": supported values: "Delete", "Retain"
    * <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation
    "#);
    session.apply(&snapshot("s", &of("data")));
    assert_snapshot!(session.apply(&snapshot("s", &of("other"))), @r#"The VolumeSnapshot "s" is invalid: spec.source.persistentVolumeClaimName: Invalid value: "other": persistentVolumeClaimName is immutable"#);
    assert_snapshot!(session.run(&[
        r#"kubectl patch vs s --type merge -p '{"spec":{"source":{"persistentVolumeClaimName":null,"volumeSnapshotContentName":"x"}}}'"#,
        r#"kubectl patch vs s -p '{"spec":{}}'"#,
    ]), @r#"
    $ kubectl patch vs s --type merge -p '{"spec":{"source":{"persistentVolumeClaimName":null,"volumeSnapshotContentName":"x"}}}'
    The VolumeSnapshot "s" is invalid: spec.source: Invalid value: persistentVolumeClaimName is required once set
    [exit 1]
    $ kubectl patch vs s -p '{"spec":{}}'
    volumesnapshot.snapshot.storage.k8s.io/s patched (no change)
    "#);
}

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
    failed to provision volume with StorageClass "disks": error getting handle for DataSource Type VolumeSnapshot by Name s: snapshot s not bound
    storageclass.storage.k8s.io "nowhere" not found
    "#);
    assert_snapshot!(refused("disks", "2Gi", &snapshot("nothing")), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type VolumeSnapshot by Name nothing: error getting snapshot nothing from api server: volumesnapshots.snapshot.storage.k8s.io "nothing" not found"#);
    assert_snapshot!(refused("disks", "2Gi", &snapshot("unready")), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type VolumeSnapshot by Name unready: snapshot unready not bound"#);
    assert_snapshot!(refused("other", "2Gi", &snapshot("s")), @r#"failed to provision volume with StorageClass "other": error getting handle for DataSource Type VolumeSnapshot by Name s: snapshotcontent snapcontent-18f478ae-221a-44a1-bbbc-f00578859131 for snapshot s is not handled by CSI driver of StorageClass other"#);
    assert_snapshot!(refused("same", "2Gi", &snapshot("s")), @"Bound");
    assert_snapshot!(refused("disks", "2Gi", &format!("{}, volumeMode: Block", snapshot("s"))), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type VolumeSnapshot by Name s: requested volume default/new modifies the mode of the source volume but does not have permission to do so. snapshot.storage.kubernetes.io/allow-volume-mode-change annotation is not present on snapshotcontent snapcontent-18f478ae-221a-44a1-bbbc-f00578859131"#);
    assert_snapshot!(refused("disks", "1Gi", &claim("large")), @r#"failed to provision volume with StorageClass "disks": error getting handle for DataSource Type PersistentVolumeClaim by Name large: error, new PVC request must be greater than or equal in size to the specified PVC data source, requested 1073741824 but source is 2147483648"#);
    assert_snapshot!(refused("disks", "1Gi", &claim("pending")), @"Bound");
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

const POPULATORS: &str = include_str!("../../src/api/definition/volumepopulators.populator.storage.k8s.io.yaml");

#[test]
fn a_source_that_nobody_knows_is_told_where_somebody_looks() {
    let mut session = furnished("hostpath.csi.k8s.io");
    assert_snapshot!(session.apply(POPULATORS), @r#"Error from server (BadRequest): error when creating "STDIN": CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: strict decoding error: unknown field "spec.versions[0].schema.openAPIV3Schema.properties.apiVersion.description", unknown field "spec.versions[0].schema.openAPIV3Schema.properties.apiVersion.type", unknown field "spec.versions[0].schema.openAPIV3Schema.properties.kind.description", unknown field "spec.versions[0].schema.openAPIV3Schema.properties.kind.type", unknown field "spec.versions[0].schema.openAPIV3Schema.properties.sourceKind.description", unknown field "spec.versions[0].schema.openAPIV3Schema.properties.sourceKind.properties", unknown field "spec.versions[0].schema.openAPIV3Schema.properties.sourceKind.required", unknown field "spec.versions[0].schema.openAPIV3Schema.properties.sourceKind.type""#);
    let populator = "apiVersion: populator.storage.k8s.io/v1beta1\nkind: VolumePopulator\nmetadata: {name: hello}\n\
                     sourceKind: {group: hello.example.com, kind: Hello}\n";
    let source = |kind: &str| format!(", dataSourceRef: {{apiGroup: hello.example.com, kind: {kind}, name: world}}");
    assert_snapshot!(session.apply(populator), @r#"
    error: resource mapping not found for name: "hello" namespace: "" from "STDIN": no matches for kind "VolumePopulator" in version "populator.storage.k8s.io/v1beta1"
    ensure CRDs are installed first
    "#);
    session.apply(&claim("known", "disks", "1Gi", &source("Hello")));
    session.apply(&claim("unknown", "disks", "1Gi", &source("Bye")));
    assert_snapshot!(session.run(&["kubectl get volumepopulators",
        "kubectl get events --field-selector reason=UnrecognizedDataSourceKind -o \
         custom-columns=CLAIM:.involvedObject.name,BY:.source.component,M:.message"]), @r#"
    $ kubectl get volumepopulators
    error: the server doesn't have a resource type "volumepopulators"
    [exit 1]
    $ kubectl get events --field-selector reason=UnrecognizedDataSourceKind -o custom-columns=CLAIM:.involvedObject.name,BY:.source.component,M:.message
    CLAIM   BY    M
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
