//! What `kubectl delete` waits for, and what it says.

use insta::assert_snapshot;

use super::Session;

#[test]
fn a_delete_waits_as_long_as_it_may_and_not_at_all_after_a_fault() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: v1
kind: PersistentVolume
metadata: {name: kept}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /data}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: keeper}
spec:
  storageClassName: ""
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"#,
    );
    assert_snapshot!(session.run(&[
        "kubectl delete pv kept --timeout=2s",
        "kubectl delete pv kept nope",
        "kubectl delete pv kept -n kube-system --wait=false",
        "kubectl delete pv nope --force --ignore-not-found",
        "kubectl delete pvc -l a=b --ignore-not-found",
        "kubectl delete pv,pvc --all",
    ]), @r#"
    $ kubectl delete pv kept --timeout=2s
    persistentvolume "kept" deleted
    error: timed out waiting for the condition on persistentvolumes/kept
    $ kubectl delete pv kept nope
    persistentvolume "kept" deleted
    Error from server (NotFound): persistentvolumes "nope" not found
    $ kubectl delete pv kept -n kube-system --wait=false
    Warning: deleting cluster-scoped resources, not scoped to the provided namespace
    persistentvolume "kept" deleted
    $ kubectl delete pv nope --force --ignore-not-found
    Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.
    $ kubectl delete pvc -l a=b --ignore-not-found
    No resources found
    $ kubectl delete pv,pvc --all
    persistentvolume "kept" deleted
    persistentvolumeclaim "keeper" deleted
    "#);
}
