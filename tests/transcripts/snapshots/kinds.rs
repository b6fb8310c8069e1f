//! The kinds of the snapshots: when they are there, and what their schemas do not allow.

use insta::assert_snapshot;

use super::{Session, furnished, of, snapshot, snapshot_class};

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
    $ kubectl get --raw /apis/snapshot.storage.k8s.io/v1
    Error from server (NotFound): the server could not find the requested resource
    [exit 1]
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
    error: application/strategic-merge-patch+json is not supported by snapshot.storage.k8s.io/v1, Kind=VolumeSnapshot: the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml
    [exit 1]
    "#);
}
