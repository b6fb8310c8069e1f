//! What people reported of classes and volumes from the tree, which drivers have taken over.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::{ATTACHED, Session, alike, claim, class, on, pod, pod_with, told};

const AWS: &str = "kubernetes.io/aws-ebs";

/// Three nodes in three zones, with the driver.
fn zones() -> Session {
    let mut session = Session::new();
    session.run(&[
        "kstate node label k3d-deadless-server-0 zone=us-east-1a region=us-east-1",
        "kstate node label k3d-deadless-agent-0 zone=us-east-1b region=us-east-1",
        "kstate node label k3d-deadless-agent-1 zone=us-east-1c region=us-east-1",
        "kstate csi add ebs.csi.aws.com --zones us-east-1a,us-east-1b,us-east-1c",
    ]);
    session
}

const VOLUME: &str = "kubectl get pv -o 'custom-columns=SOURCE:.spec.awsElasticBlockStore,LABELS:.metadata.labels,\
                      BY:.metadata.annotations.pv\\.kubernetes\\.io/provisioned-by,\
                      TO:.metadata.annotations.pv\\.kubernetes\\.io/migrated-to' --no-headers";
const PLACE: &str =
    "kubectl get pv -o jsonpath='{.items[*].spec.nodeAffinity.required.nodeSelectorTerms[*].matchExpressions}'";

/// kubernetes/kubernetes#85010, pravega/zookeeper-operator#311, aerospike/aerospike-kubernetes-operator#80
#[test]
fn a_class_from_the_tree_makes_volumes_that_look_as_they_did() {
    let mut session = zones();
    let more = "volumeBindingMode: WaitForFirstConsumer\nparameters: {type: io1, iopsPerGB: \"10\", fsType: xfs}";
    session.apply(&(class("gp2", AWS, more) + &claim("data", "gp2", "") + &pod("p", "data", &on("agent-0"))));
    assert_snapshot!(alike(&session.run(&[VOLUME, PLACE, ATTACHED])), @r#"
    $ kubectl get pv -o 'custom-columns=SOURCE:.spec.awsElasticBlockStore,LABELS:.metadata.labels,BY:.metadata.annotations.pv\.kubernetes\.io/provisioned-by,TO:.metadata.annotations.pv\.kubernetes\.io/migrated-to' --no-headers
    map[fsType:xfs volumeID:vol-...]   map[topology.kubernetes.io/region:us-east-1 topology.kubernetes.io/zone:us-east-1b]   kubernetes.io/aws-ebs   ebs.csi.aws.com
    $ kubectl get pv -o jsonpath='{.items[*].spec.nodeAffinity.required.nodeSelectorTerms[*].matchExpressions}'
    [{"key":"topology.kubernetes.io/zone","operator":"In","values":["us-east-1b"]},{"key":"topology.kubernetes.io/region","operator":"In","values":["us-east-1"]}]$ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    "#);
    // The node affinity is the driver's on nodes: a pod can follow to no other.
    session.run(&["kubectl delete pod p"]);
    session.apply(&pod("q", "data", &on("agent-1")));
    assert_snapshot!(told(&mut session, &["q | FailedScheduling"]), @"q | FailedScheduling | <none> | 0/3 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.");
}

/// kubernetes-csi/external-attacher#217
#[test]
fn a_volume_of_a_class_from_the_tree_goes_with_its_claim() {
    let mut session = zones();
    session.apply(&(class("gp2", AWS, "") + &claim("data", "gp2", "") + &pod("p", "data", "")));
    let held = "kubectl get pv -o jsonpath='{.items[*].metadata.finalizers}'";
    let seen = session.run(&[held, "kubectl delete pod p", "kubectl delete pvc data"]);
    assert_snapshot!(seen, @r#"
    $ kubectl get pv -o jsonpath='{.items[*].metadata.finalizers}'
    ["external-provisioner.volume.kubernetes.io/finalizer","kubernetes.io/pv-protection","external-attacher/ebs-csi-aws-com"]$ kubectl delete pod p
    pod "p" deleted from default namespace
    $ kubectl delete pvc data
    persistentvolumeclaim "data" deleted from default namespace
    "#);
    session.0.advance(Duration::secs(10));
    assert_snapshot!(session.run(&["kubectl get pv,volumeattachments"]), @"
    $ kubectl get pv,volumeattachments
    No resources found
    ");
}

/// kubernetes/kubernetes#91299
#[test]
fn a_class_from_the_tree_names_zones_in_one_way_only() {
    let mut session = zones();
    let beta = "allowedTopologies: [{matchLabelExpressions: [{key: failure-domain.beta.kubernetes.io/zone, values: \
                [us-east-1b]}]}]";
    let classes = class("zone", AWS, "parameters: {zone: us-east-1c}")
        + &class("topology", AWS, beta)
        + &class("both", AWS, &format!("parameters: {{zone: us-east-1b}}\n{beta}"))
        + &class("nowhere", AWS, "parameters: {zones: 'eu-west-1a,eu-west-1b'}");
    session.apply(&classes);
    for name in ["zone", "topology", "both", "nowhere"] {
        session.apply(&claim(name, name, ""));
    }
    assert_snapshot!(session.run(&[
        "kubectl get pv --sort-by=.spec.claimRef.name -o 'custom-columns=CLAIM:.spec.claimRef.name,\
         ZONE:.metadata.labels.topology\\.kubernetes\\.io/zone' --no-headers",
    ]), @r"
    $ kubectl get pv --sort-by=.spec.claimRef.name -o 'custom-columns=CLAIM:.spec.claimRef.name,ZONE:.metadata.labels.topology\.kubernetes\.io/zone' --no-headers
    topology   us-east-1b
    zone       us-east-1c
    ");
    assert_snapshot!(told(&mut session, &["ProvisioningFailed"]), @r#"
    both | ProvisioningFailed | 1 | failed to provision volume with StorageClass "both": failed to translate storage class: cannot simultaneously set allowed topologies and zone/zones parameters
    nowhere | ProvisioningFailed | 1 | failed to provision volume with StorageClass "nowhere": error generating accessibility requirements: no available topology found
    "#);
}

/// kubernetes-sigs/aws-ebs-csi-driver#2573
#[test]
fn a_volume_of_a_class_from_the_tree_gets_no_other_attributes() {
    let mut session = zones();
    session.apply(&(class("gp2", AWS, "allowVolumeExpansion: true") + &claim("data", "gp2", "")));
    session.apply(
        "apiVersion: storage.k8s.io/v1\nkind: VolumeAttributesClass\nmetadata: {name: gold}\ndriverName: \
         ebs.csi.aws.com\nparameters: {type: gp3}\n",
    );
    session.run(&["kubectl patch pvc data -p '{\"spec\":{\"volumeAttributesClassName\":\"gold\"}}'"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&[
        "kubectl get pvc data -o jsonpath='{.spec.volumeAttributesClassName} {.status.currentVolumeAttributesClassName} \
         {.status.modifyVolumeStatus}'",
    ]), @"
    $ kubectl get pvc data -o jsonpath='{.spec.volumeAttributesClassName} {.status.currentVolumeAttributesClassName} {.status.modifyVolumeStatus}'
    gold
    ");
    // It grows, though: kubernetes-sigs/aws-ebs-csi-driver#597.
    session.run(&["kubectl patch pvc data -p '{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"4Gi\"}}}}'"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&["kubectl get pv -o jsonpath='{.items[*].spec.capacity.storage}'"]), @"
    $ kubectl get pv -o jsonpath='{.items[*].spec.capacity.storage}'
    4Gi
    ");
}

/// kubernetes/kubernetes#77703, kubernetes/community#3631
#[test]
fn a_pods_own_disk_is_attached_by_the_driver() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --attach-limit 1"]);
    let disk = |id: &str| format!("awsElasticBlockStore: {{volumeID: '{id}', fsType: ext4}}");
    session.apply(&pod_with("a", &disk("aws://us-east-1a/vol-1"), &on("agent-0")));
    session.apply(&pod_with("b", &disk("vol-1"), &on("agent-1")));
    // Its node takes no second one.
    session.apply(&pod_with("c", &disk("vol-2"), &on("agent-0")));
    let source = "kubectl get volumeattachments -o jsonpath='{.items[*].spec.source}'";
    let seen =
        session.run(&["kubectl get pods", "kubectl get volumeattachments", source, "kubectl exec a -- touch /data/x"]);
    assert_snapshot!(alike(&seen), @r#"
    $ kubectl get pods
    NAME   READY   STATUS              RESTARTS   AGE
    a      1/1     Running             0          2s
    b      0/1     ContainerCreating   0          0s
    c      0/1     Pending             0          0s
    $ kubectl get volumeattachments
    NAME                                                                   ATTACHER          PV    NODE                   ATTACHED   AGE
    csi-...   ebs.csi.aws.com         k3d-deadless-agent-0   true       2s
    $ kubectl get volumeattachments -o jsonpath='{.items[*].spec.source}'
    {"inlineVolumeSpec":{"accessModes":["ReadWriteOnce"],"csi":{"driver":"ebs.csi.aws.com","fsType":"ext4","volumeAttributes":{"partition":"0"},"volumeHandle":"vol-1"},"volumeMode":"Filesystem"}}$ kubectl exec a -- touch /data/x
    "#);
    session.run(&["kubectl delete pod a"]);
    session.0.advance(Duration::secs(20));
    assert_snapshot!(session.run(&["kubectl get pods", ATTACHED, "kubectl exec b -- ls /data"]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    b      1/1     Running   0          24s
    c      1/1     Running   0          24s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-1   true
    k3d-deadless-agent-0   true
    $ kubectl exec b -- ls /data
    x
    ");
    assert_snapshot!(told(&mut session, &["AttachVolume", "c | FailedScheduling"]), @r#"
    a | SuccessfulAttachVolume | 1 | AttachVolume.Attach succeeded for volume "ebs.csi.aws.com-vol-1"
    b | FailedAttachVolume | 1 | Multi-Attach error for volume "ebs.csi.aws.com-vol-1" Volume is already used by pod(s) a
    b | SuccessfulAttachVolume | 1 | AttachVolume.Attach succeeded for volume "ebs.csi.aws.com-vol-1"
    c | FailedScheduling | <none> | 0/3 nodes are available: 1 node(s) exceed max volume count, 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.
    c | FailedScheduling | <none> | 0/3 nodes are available: 1 node(s) exceed max volume count, 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.
    c | SuccessfulAttachVolume | 1 | AttachVolume.Attach succeeded for volume "ebs.csi.aws.com-vol-2"
    "#);
}

/// Disks that a node logs in to by itself: `pkg/volume/iscsi`.
#[test]
fn a_pods_own_target_is_listed_by_its_node() {
    let mut session = Session::new();
    let target = "iscsi: {targetPortal: '10.0.0.1:3260', iqn: 'iqn.2001-04.com.example:storage', lun: 1, fsType: ext4, \
                  readOnly: true}";
    session.apply(&pod_with("a", target, &on("agent-0")));
    session.apply(&pod_with("b", target, &on("agent-1")));
    let nodes = "kubectl get nodes --no-headers -o custom-columns=N:.metadata.name,A:.status.volumesAttached[*].name,U:.status.volumesInUse";
    assert_snapshot!(session.run(&["kubectl get pods", nodes]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    a      1/1     Running   0          2s
    b      1/1     Running   0          1s
    $ kubectl get nodes --no-headers -o custom-columns=N:.metadata.name,A:.status.volumesAttached[*].name,U:.status.volumesInUse
    k3d-deadless-agent-0    kubernetes.io/iscsi/10.0.0.1:3260:iqn.2001-04.com.example:storage:1   [kubernetes.io/iscsi/10.0.0.1:3260:iqn.2001-04.com.example:storage:1]
    k3d-deadless-agent-1    kubernetes.io/iscsi/10.0.0.1:3260:iqn.2001-04.com.example:storage:1   [kubernetes.io/iscsi/10.0.0.1:3260:iqn.2001-04.com.example:storage:1]
    k3d-deadless-server-0   <none>                                                                <none>
    ");
    assert_snapshot!(told(&mut session, &["AttachVolume"]), @r#"
    a | SuccessfulAttachVolume | 1 | AttachVolume.Attach succeeded for volume "v"
    b | SuccessfulAttachVolume | 1 | AttachVolume.Attach succeeded for volume "v"
    "#);
    assert_snapshot!(session.run(&["kubectl delete pods a b", nodes]), @r#"
    $ kubectl delete pods a b
    pod "a" deleted from default namespace
    pod "b" deleted from default namespace
    $ kubectl get nodes --no-headers -o custom-columns=N:.metadata.name,A:.status.volumesAttached[*].name,U:.status.volumesInUse
    k3d-deadless-agent-0    <none>   <none>
    k3d-deadless-agent-1    <none>   <none>
    k3d-deadless-server-0   <none>   <none>
    "#);
}
