//! What people reported of making volumes and deleting them.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::{Session, alike, claim, class, on, pod, told};

const EBS: &str = "ebs.csi.aws.com";

/// rook/rook#9115, rook/rook#4154, ceph/ceph-csi#1455
#[test]
fn a_class_whose_secret_is_missing_makes_no_volume_until_it_is_there() {
    let mut session = Session::new();
    session.run(&["kstate csi add rbd.csi.ceph.com"]);
    let parameters = "parameters: {csi.storage.k8s.io/provisioner-secret-name: csi-rbd-secret, \
                      csi.storage.k8s.io/provisioner-secret-namespace: default, \
                      csi.storage.k8s.io/node-stage-secret-name: stage, \
                      csi.storage.k8s.io/node-stage-secret-namespace: \"${pvc.namespace}\"}";
    session.apply(&(class("rbd", "rbd.csi.ceph.com", parameters) + &claim("db", "rbd", "") + &pod("p", "db", "")));
    session.0.advance(Duration::secs(20));
    assert_snapshot!(session.run(&["kubectl get pvc"]), @"
    $ kubectl get pvc
    NAME   STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    db     Pending                                      rbd            <unset>                 20s
    ");
    assert_snapshot!(told(&mut session, &["ProvisioningFailed"]), @r#"db | ProvisioningFailed | 5 | failed to provision volume with StorageClass "rbd": error getting secret csi-rbd-secret in namespace default: secrets "csi-rbd-secret" not found"#);
    session.run(&["kubectl create secret generic csi-rbd-secret"]);
    session.0.advance(Duration::secs(30));
    // ceph/ceph-csi#68, kubernetes/kubernetes#61052
    assert_snapshot!(told(&mut session, &["FailedMount"]), @r#"p | FailedMount | 6 | MountVolume.MountDevice failed for volume "pvc-..." : fetching NodeStageSecretRef default/stage failed: kubernetes.io/csi: failed to find the secret stage in the namespace default with error: secrets "stage" not found"#);
    session.run(&["kubectl create secret generic stage"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&[
        "kubectl get pods",
        "kubectl get pv -o jsonpath='{.items[0].spec.csi.nodeStageSecretRef}'",
    ]), @r#"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    p      1/1     Running   0          110s
    $ kubectl get pv -o jsonpath='{.items[0].spec.csi.nodeStageSecretRef}'
    {"name":"stage","namespace":"default"}
    "#);
}

/// nutanix/csi-plugin#18, kubernetes-csi/external-provisioner#245
#[test]
fn secrets_and_file_systems_are_named_in_one_way_only() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    let classes = [
        ("half", "csi.storage.k8s.io/provisioner-secret-name: x"),
        ("empty", "csi.storage.k8s.io/provisioner-secret-name: x, csi.storage.k8s.io/provisioner-secret-namespace: ''"),
        ("token", "csi.storage.k8s.io/secret-name: '${pvc.nam}', csi.storage.k8s.io/secret-namespace: default"),
        ("space", "csi.storage.k8s.io/secret-name: x, csi.storage.k8s.io/secret-namespace: 'A b'"),
        ("twice", "fsType: ext4, csi.storage.k8s.io/fstype: xfs"),
        ("other", "csi.storage.k8s.io/colour: blue"),
    ];
    for (name, parameters) in classes {
        let class = class(name, EBS, &format!("parameters: {{{parameters}}}"));
        session.apply(&(class + &claim(name, name, "")));
    }
    assert_snapshot!(told(&mut session, &["ProvisioningFailed"]), @r#"
    empty | ProvisioningFailed | 1 | failed to provision volume with StorageClass "empty": failed to get name and namespace template from params: Provisioner secrets specified in parameters but value of either namespace or name is empty
    half | ProvisioningFailed | 1 | failed to provision volume with StorageClass "half": failed to get name and namespace template from params: either name and namespace for Provisioner secrets specified, Both must be specified
    other | ProvisioningFailed | 1 | failed to provision volume with StorageClass "other": failed to strip CSI Parameters of prefixed keys: found unknown parameter key "csi.storage.k8s.io/colour" with reserved namespace csi.storage.k8s.io/
    space | ProvisioningFailed | 1 | failed to provision volume with StorageClass "space": "A b" is not a valid namespace name
    token | ProvisioningFailed | 1 | failed to provision volume with StorageClass "token": error resolving value "${pvc.nam}": invalid tokens: ["pvc.nam"]
    twice | ProvisioningFailed | 1 | failed to provision volume with StorageClass "twice": fstype specified in parameters with both "fstype" and "csi.storage.k8s.io/fstype" keys
    "#);
}

/// kubernetes-csi/external-provisioner#486, ceph/ceph-csi#4280, kubernetes-csi/external-provisioner#311
#[test]
fn a_volume_whose_claim_went_while_it_was_made_is_made_and_deleted_again() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --latency 30s"]);
    session.apply(&class("csi", EBS, ""));
    session.0.feed("kubectl apply -f -", &claim("data", "csi", ""));
    session.0.advance(Duration::secs(5));
    session.run_now(&["kubectl delete pvc data"]);
    session.0.advance(Duration::secs(26));
    let volumes = "kubectl get pv --no-headers -o custom-columns=PHASE:.status.phase,CLAIM:.spec.claimRef.name";
    assert_snapshot!(session.run_now(&[volumes]), @"
    $ kubectl get pv --no-headers -o custom-columns=PHASE:.status.phase,CLAIM:.spec.claimRef.name
    Released   data
    ");
    assert_snapshot!(told(&mut session, &["ProvisioningSucceeded"]), @"data | ProvisioningSucceeded | 1 | Successfully provisioned volume pvc-...");
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run_now(&[volumes]), @"$ kubectl get pv --no-headers -o custom-columns=PHASE:.status.phase,CLAIM:.spec.claimRef.name");
}

/// kubernetes-csi/external-provisioner#546
#[test]
fn a_volume_that_was_deleted_before_its_claim_goes_with_it() {
    let mut session = Session::new();
    session.run(&["kstate csi add csi.vsphere.vmware.com"]);
    session.apply(&(class("csi", "csi.vsphere.vmware.com", "") + &claim("data", "csi", "")));
    let (name, _) = session.0.run("kubectl get pvc data -o jsonpath={.spec.volumeName}").expect("a command");
    let seen = session.run(&[
        &format!("kubectl delete pv {name} --wait=false"),
        "kubectl get pv --no-headers -o custom-columns=GOES:.metadata.deletionGracePeriodSeconds,F:.metadata.finalizers",
        "kubectl delete pvc data",
        "kubectl get pv",
    ]);
    assert_snapshot!(alike(&seen), @r#"
    $ kubectl delete pv pvc-... --wait=false
    persistentvolume "pvc-..." deleted
    $ kubectl get pv --no-headers -o custom-columns=GOES:.metadata.deletionGracePeriodSeconds,F:.metadata.finalizers
    0     [external-provisioner.volume.kubernetes.io/finalizer kubernetes.io/pv-protection]
    $ kubectl delete pvc data
    persistentvolumeclaim "data" deleted from default namespace
    $ kubectl get pv
    No resources found
    "#);
}

/// kubernetes-csi/external-provisioner#697
#[test]
fn a_node_without_room_is_given_up_and_the_scheduler_chooses_again() {
    let mut session = Session::new();
    session.run(&[
        "kstate csi add ebs.csi.aws.com --zones a,b --fail 'provision=rpc error: code = ResourceExhausted desc = full'",
    ]);
    let class = class("csi", EBS, "volumeBindingMode: WaitForFirstConsumer");
    session.apply(&(class + &claim("data", "csi", "") + &pod("p", "data", "")));
    session.0.advance(Duration::secs(20));
    assert_snapshot!(told(&mut session, &["ProvisioningFailed"]), @r#"data | ProvisioningFailed | 5 | failed to provision volume with StorageClass "csi": rpc error: code = ResourceExhausted desc = full"#);
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&["kubectl get pods"]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    p      1/1     Running   0          81s
    ");
}

/// rancher/local-path-provisioner#30
#[test]
fn a_pod_that_names_its_node_itself_has_no_scheduler_to_choose_one_for_its_volume() {
    let mut session = Session::new();
    session.apply(&(claim("data", "local-path", "") + &pod("p", "data", "nodeName: k3d-deadless-agent-0")));
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&["kubectl get pods", "kubectl get pvc"]), @"
    $ kubectl get pods
    NAME   READY   STATUS              RESTARTS   AGE
    p      0/1     ContainerCreating   0          63s
    $ kubectl get pvc
    NAME   STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    data   Pending                                      local-path     <unset>                 63s
    ");
    assert_snapshot!(told(&mut session, &["WaitFor", "FailedMount"]), @"
    data | WaitForFirstConsumer | 6 | waiting for first consumer to be created before binding
    p | FailedMount | 7 | Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: error processing PVC default/data: PVC is not bound
    ");
}

/// rancher/local-path-provisioner#31, rancher/local-path-provisioner#215
#[test]
fn a_folder_on_a_node_that_is_gone_is_let_go() {
    let mut session = Session::new();
    session.apply(&(claim("data", "local-path", "") + &pod("p", "data", &on("agent-0"))));
    session.run(&["kubectl delete pod p", "kstate node stop k3d-deadless-agent-0"]);
    session.run(&["kubectl delete node k3d-deadless-agent-0"]);
    session.apply(&pod("q", "data", ""));
    assert_snapshot!(told(&mut session, &["q | FailedScheduling"]), @"q | FailedScheduling | <none> | 0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.");
    assert_snapshot!(session.run(&["kubectl delete pod q", "kubectl delete pvc data", "kubectl get pv"]), @r#"
    $ kubectl delete pod q
    pod "q" deleted from default namespace
    $ kubectl delete pvc data
    persistentvolumeclaim "data" deleted from default namespace
    $ kubectl get pv
    No resources found
    "#);
}

/// kubernetes/kubernetes#119967
#[test]
fn a_claim_whose_node_went_before_its_volume_was_made_gets_another_node() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --fail provision"]);
    let class = class("csi", EBS, "volumeBindingMode: WaitForFirstConsumer");
    session.apply(&(class + &claim("data", "csi", "") + &pod("p", "data", "")));
    let chosen = "kubectl get pvc data -o jsonpath='{.metadata.annotations.volume\\.kubernetes\\.io/selected-node}'";
    let (node, _) = session.0.run(chosen).expect("a command");
    session.run(&[&format!("kubectl delete node {node}"), "kstate csi add ebs.csi.aws.com"]);
    session.0.advance(Duration::secs(120));
    let (next, _) = session.0.run(chosen).expect("a command");
    assert!(!next.is_empty() && next != node, "{node}, then {next}");
    assert_snapshot!(session.run(&["kubectl get pods"]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    p      1/1     Running   0          2m1s
    ");
}

/// piraeusdatastore/piraeus-operator#528, kubernetes/enhancements#1353
#[test]
fn a_claim_for_more_than_any_node_has_left_is_not_scheduled() {
    let mut session = Session::new();
    session.run(&["kstate csi add hostpath.csi.k8s.io --capacity 5Gi"]);
    let class = class("csi", "hostpath.csi.k8s.io", "volumeBindingMode: WaitForFirstConsumer");
    let big = claim("data", "csi", "resources: {requests: {storage: 20Gi}}");
    session.apply(&(class + &big + &pod("p", "data", "")));
    assert_snapshot!(told(&mut session, &["FailedScheduling", "WaitFor"]), @"
    data | WaitForFirstConsumer | 1 | waiting for first consumer to be created before binding
    p | FailedScheduling | <none> | 0/3 nodes are available: 3 node(s) did not have enough free storage. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    ");
}

/// kubernetes/kubernetes#92598, kubernetes/kubernetes#113828
#[test]
fn a_pod_that_has_ended_still_holds_its_claim() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&(class("csi", EBS, "") + &claim("data", "csi", "")));
    let ends = pod("p", "data", "restartPolicy: Never").replace("[sleep, \"360000\"]", "[\"true\"]");
    session.apply(&ends);
    session.0.advance(Duration::secs(10));
    let seen = session.run(&[
        "kubectl get pods",
        super::ATTACHED,
        "kubectl delete pvc data --wait=false",
        "kubectl get pvc",
        "kubectl delete pod p",
        "kubectl get pvc,pv",
    ]);
    assert_snapshot!(alike(&seen), @r#"
    $ kubectl get pods
    NAME   READY   STATUS      RESTARTS   AGE
    p      0/1     Completed   0          13s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    $ kubectl delete pvc data --wait=false
    persistentvolumeclaim "data" deleted from default namespace
    $ kubectl get pvc
    NAME   STATUS        VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    data   Terminating   pvc-...   1Gi        RWO            csi            <unset>                 14s
    $ kubectl delete pod p
    pod "p" deleted from default namespace
    $ kubectl get pvc,pv
    No resources found
    "#);
}

/// Mirrors `newDeleter` of `pkg/volume/hostpath`.
#[test]
fn the_controller_manager_deletes_a_folder_where_it_runs_itself() {
    let mut session = Session::new();
    for (name, node) in [("here", "server-0"), ("there", "agent-0")] {
        let volume = format!(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}}}\nspec: {{storageClassName: {name}, \
             persistentVolumeReclaimPolicy: Delete, capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOnce], hostPath: \
             {{path: /tmp/{name}}}}}\n"
        );
        session.apply(&(volume + &claim(name, name, "") + &pod(name, name, &on(node))));
        session.0.advance(Duration::secs(30));
        session.run(&[&format!("kubectl delete pod {name}"), &format!("kubectl delete pvc {name}")]);
    }
    assert_snapshot!(session.run(&[
        "kubectl get pv",
        "kstate node exec k3d-deadless-server-0 -- ls /tmp",
        "kstate node exec k3d-deadless-agent-0 -- ls /tmp",
    ]), @"
    $ kubectl get pv
    No resources found
    $ kstate node exec k3d-deadless-server-0 -- ls /tmp
    $ kstate node exec k3d-deadless-agent-0 -- ls /tmp
    there
    ");
}
