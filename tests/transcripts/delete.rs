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
    [exit 1]
    $ kubectl delete pv kept nope
    persistentvolume "kept" deleted
    Error from server (NotFound): persistentvolumes "nope" not found
    [exit 1]
    $ kubectl delete pv kept -n kube-system --wait=false
    Warning: deleting cluster-scoped resources, not scoped to the provided namespace
    persistentvolume "kept" deleted
    $ kubectl delete pv nope --force --ignore-not-found
    Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.
    $ kubectl delete pvc -l a=b --ignore-not-found
    No resources found
    $ kubectl delete pv,pvc --all
    persistentvolume "kept" deleted
    persistentvolumeclaim "keeper" deleted from default namespace
    "#);
}

#[test]
fn a_later_deletion_shortens_the_grace_period_and_says_anew_what_becomes_of_dependents() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: slow, finalizers: [example.com/hold]}
spec: {containers: [{name: c, image: busybox}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: owner}
spec:
  selector: {matchLabels: {app: owner}}
  template:
    metadata: {labels: {app: owner}}
    spec: {containers: [{name: c, image: busybox}]}
"#,
    );
    for node in ["k3d-deadless-server-0", "k3d-deadless-agent-0", "k3d-deadless-agent-1"] {
        session.0.set_kubelet(node, false);
    }
    let pod = "kubectl get pod slow -o custom-columns=G:.metadata.generation,S:.metadata.deletionGracePeriodSeconds";
    assert_snapshot!(session.run(&[
        "kubectl delete pod slow --wait=false",
        pod,
        "kubectl delete pod slow --wait=false --grace-period=5",
        "kubectl delete pod slow --wait=false --grace-period=60",
        pod,
        "kubectl delete pod slow --wait=false --force",
        pod,
        "kubectl delete deploy owner --wait=false --cascade=foreground",
        "kubectl get deploy owner -o jsonpath={.metadata.finalizers}",
        "kubectl delete deploy owner --wait=false",
        "kubectl get deploy owner",
    ]), @r#"
    $ kubectl delete pod slow --wait=false
    pod "slow" deleted from default namespace
    $ kubectl get pod slow -o custom-columns=G:.metadata.generation,S:.metadata.deletionGracePeriodSeconds
    G     S
    2     30
    $ kubectl delete pod slow --wait=false --grace-period=5
    pod "slow" deleted from default namespace
    $ kubectl delete pod slow --wait=false --grace-period=60
    pod "slow" deleted from default namespace
    $ kubectl get pod slow -o custom-columns=G:.metadata.generation,S:.metadata.deletionGracePeriodSeconds
    G     S
    2     5
    $ kubectl delete pod slow --wait=false --force
    Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.
    pod "slow" force deleted from default namespace
    $ kubectl get pod slow -o custom-columns=G:.metadata.generation,S:.metadata.deletionGracePeriodSeconds
    G     S
    2     0
    $ kubectl delete deploy owner --wait=false --cascade=foreground
    deployment.apps "owner" deleted from default namespace
    $ kubectl get deploy owner -o jsonpath={.metadata.finalizers}
    ["foregroundDeletion"]$ kubectl delete deploy owner --wait=false
    deployment.apps "owner" deleted from default namespace
    $ kubectl get deploy owner
    Error from server (NotFound): deployments.apps "owner" not found
    [exit 1]
    "#);
}
