//! Faults by one command each, what the controllers make of them, and that they can be taken back.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

const NODE: &str = "k3d-deadless-agent-0";

fn claim(name: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: ebs, \
         accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}\n"
    )
}

fn pod(name: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{terminationGracePeriodSeconds: 0, nodeSelector: \
         {{kubernetes.io/hostname: {NODE}}}, containers: [{{name: c, image: busybox, command: [sleep, '36000'], volumeMounts: \
         [{{name: v, mountPath: /data}}]}}], volumes: [{{name: v, persistentVolumeClaim: {{claimName: {name}}}}}]}}\n"
    )
}

/// A cluster with EBS and a pod `db` that has a volume.
fn running() -> Session {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    let class = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: ebs}\nprovisioner: ebs.csi.aws.com\n\
                 allowVolumeExpansion: true\n";
    session.apply(&[class, &claim("db"), &pod("db")].concat());
    session.0.advance(Duration::secs(10));
    session
}

fn alike(text: &str) -> String {
    let pattern = |text: &str| regex::Regex::new(text).expect("a pattern");
    let text = pattern("pvc-[0-9a-f-]{36}").replace_all(text, "pvc-...").into_owned();
    let text = pattern("vol-0[0-9a-f]{16}").replace_all(&text, "vol-...").into_owned();
    let text = pattern("i-0[0-9a-f]{16}").replace_all(&text, "i-...").into_owned();
    let text = pattern("csi-[0-9a-f]{64}").replace_all(&text, "csi-...").into_owned();
    pattern("RequestID: [0-9a-f-]{36}").replace_all(&text, "RequestID: ...").into_owned()
}

const SAID: &str = "kubectl get events --field-selector type=Warning -o \
                    custom-columns=O:.involvedObject.name,R:.reason,M:.message";

#[test]
fn faults_are_listed_and_wrong_words_refused() {
    let mut session = running();
    assert_snapshot!(session.run(&[
        "kstate fault list",
        "kstate fault add fire ebs.csi.aws.com",
        "kstate fault add backend-full nobody.example.com",
        "kstate fault add disk-deleted nothing",
        "kstate fault add disk-deleted pvc/nothing",
        "kstate fault add disk-deleted pod/db",
        "kstate fault add attach-slow ebs.csi.aws.com --latency soon",
        "kstate fault add",
        "kubectl fault list",
    ]), @r#"
    $ kstate fault list
    NAME                  OF       WHAT
    attachment-orphaned   volume   A volume was removed by force while it was attached
    attach-slow           driver   Attaching a volume takes very long
    backend-full          driver   Nothing is left of its storage
    claim-deleted         volume   Its claim was removed by force, and the volume kept
    disk-deleted          volume   It was deleted in the driver's storage
    driver-removed        driver   It was uninstalled while its volumes are in use
    $ kstate fault add fire ebs.csi.aws.com
    error: invalid fault "fire": must be one of attachment-orphaned, attach-slow, backend-full, claim-deleted, disk-deleted, driver-removed
    [exit 1]
    $ kstate fault add backend-full nobody.example.com
    Error from server (NotFound): csidrivers.storage.k8s.io "nobody.example.com" not found
    [exit 1]
    $ kstate fault add disk-deleted nothing
    Error from server (NotFound): persistentvolumes "nothing" not found
    [exit 1]
    $ kstate fault add disk-deleted pvc/nothing
    Error from server (NotFound): persistentvolumeclaims "nothing" not found
    [exit 1]
    $ kstate fault add disk-deleted pod/db
    error: invalid target "pod/db": must be a volume, or pvc/NAME
    [exit 1]
    $ kstate fault add attach-slow ebs.csi.aws.com --latency soon
    error: time: invalid duration "soon"
    [exit 1]
    $ kstate fault add
    error: NAME, TARGET is required
    See 'kstate fault add --help' for usage.
    [exit 1]
    $ kubectl fault list
    error: unknown command "fault" for "kubectl"
    [exit 1]
    "#);
}

#[test]
fn a_full_backend_makes_and_grows_nothing() {
    let mut session = running();
    session.run(&["kstate fault add backend-full ebs.csi.aws.com"]);
    session.apply(&claim("more"));
    session.run(&["kubectl patch pvc db -p '{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"2Gi\"}}}}'"]);
    session.0.advance(Duration::secs(5));
    assert_snapshot!(alike(&session.run(&[
        SAID,
        "kubectl get pvc",
        "kstate csi list | grep ebs",
        "kstate csi add ebs.csi.aws.com",
        "kstate clock advance 60s",
        "kubectl get pvc",
    ])), @r#"
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O      R                    M
    db     FailedScheduling     0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found
    db     FailedScheduling     0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found
    db     VolumeResizeFailed   resize volume "pvc-..." by resizer "ebs.csi.aws.com" failed: rpc error: code = OutOfRange desc = 1073741824 bytes more are not available
    more   ProvisioningFailed   failed to provision volume with StorageClass "ebs": rpc error: code = ResourceExhausted desc = requested capacity 1073741824 exceeds the 0 bytes that are available
    $ kubectl get pvc
    NAME   STATUS    VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    db     Bound     pvc-...   1Gi        RWO            ebs            <unset>                 21s
    more   Pending                                                                        ebs            <unset>                 8s
    $ kstate csi list | grep ebs
    ebs.csi.aws.com                 yes     <none>   <all>    <unlimited>   25             full
    openebs.io/local                no      <none>   <none>   <unlimited>   <none>         <none>
    $ kstate csi add ebs.csi.aws.com
    csidriver.storage.k8s.io/ebs.csi.aws.com configured
    $ kstate clock advance 60s
    2026-01-01T00:01:22Z (manual)
    $ kubectl get pvc
    NAME   STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    db     Bound    pvc-...   1Gi        RWO            ebs            <unset>                 82s
    more   Bound    pvc-...   1Gi        RWO            ebs            <unset>                 69s
    "#);
}

#[test]
fn a_slow_attach_times_out_and_succeeds_in_the_end() {
    let mut session = running();
    session.run(&["kubectl delete pod db", "kstate fault add attach-slow ebs.csi.aws.com --latency 3m"]);
    session.apply(&pod("db"));
    session.0.advance(Duration::secs(130));
    assert_snapshot!(alike(&session.run(&["kubectl get pod db", SAID])), @r#"
    $ kubectl get pod db
    NAME   READY   STATUS    RESTARTS   AGE
    db     1/1     Running   0          5m12s
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O     R                    M
    db    FailedScheduling     0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found
    db    FailedScheduling     0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found
    db    FailedAttachVolume   AttachVolume.Attach failed for volume "pvc-..." : timed out waiting for external-attacher of ebs.csi.aws.com CSI driver to attach volume vol-...
    "#);
    session.0.advance(Duration::secs(120));
    assert_snapshot!(alike(&session.run(&["kubectl get pod db", "kubectl get volumeattachments"])), @"
    $ kubectl get pod db
    NAME   READY   STATUS    RESTARTS   AGE
    db     1/1     Running   0          7m12s
    $ kubectl get volumeattachments
    NAME                                                                   ATTACHER          PV                                         NODE                   ATTACHED   AGE
    csi-...   ebs.csi.aws.com   pvc-...   k3d-deadless-agent-0   true       7m12s
    ");
}

#[test]
fn a_deleted_disk_can_not_be_attached_and_its_volume_can_be_deleted() {
    let mut session = running();
    assert_snapshot!(alike(&session.run(&[
        "kubectl exec db -- sh -c 'echo mine > /data/file; cat /data/file'",
        "kstate fault add disk-deleted pvc/db",
        "kubectl exec db -- cat /data/file",
        "kubectl patch pvc db -p '{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"2Gi\"}}}}'",
        "kubectl delete pod db",
    ])), @r#"
    $ kubectl exec db -- sh -c 'echo mine > /data/file; cat /data/file'
    mine
    $ kstate fault add disk-deleted pvc/db
    persistentvolume/pvc-... disk-deleted
    $ kubectl exec db -- cat /data/file
    cat: can't open '/data/file': Input/output error
    command terminated with exit code 1
    [exit 1]
    $ kubectl patch pvc db -p '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'
    persistentvolumeclaim/db patched
    $ kubectl delete pod db
    pod "db" deleted from default namespace
    "#);
    session.apply(&pod("db"));
    session.0.advance(Duration::secs(5));
    assert_snapshot!(alike(&session.run(&[
        "kubectl get pod db",
        SAID,
        "kubectl delete pod/db pvc/db",
        "kstate clock advance 30s",
        "kubectl get pv",
    ])), @r#"
    $ kubectl get pod db
    NAME   READY   STATUS              RESTARTS   AGE
    db     0/1     ContainerCreating   0          6s
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,R:.reason,M:.message
    O     R                    M
    db    FailedScheduling     0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found
    db    FailedScheduling     0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found
    db    VolumeResizeFailed   resize volume "pvc-..." by resizer "ebs.csi.aws.com" failed: rpc error: code = Internal desc = Could not resize volume "vol-...": operation error EC2: DescribeVolumes, https response error StatusCode: 400, RequestID: ..., api error InvalidVolume.NotFound: The volume 'vol-...' does not exist.
    db    FailedAttachVolume   AttachVolume.Attach failed for volume "pvc-..." : rpc error: code = Internal desc = Could not attach volume "vol-..." to node "i-...": could not attach volume "vol-..." to node "i-...": operation error EC2: AttachVolume, https response error StatusCode: 400, RequestID: ..., api error InvalidVolume.NotFound: The volume 'vol-...' does not exist.
    $ kubectl delete pod/db pvc/db
    pod "db" deleted from default namespace
    persistentvolumeclaim "db" deleted from default namespace
    $ kstate clock advance 30s
    2026-01-01T00:00:53Z (manual)
    $ kubectl get pv
    No resources found
    "#);
}

#[test]
fn a_deleted_disk_comes_back_with_undo() {
    let mut session = running();
    session.run(&[
        "kubectl exec db -- sh -c 'echo mine > /data/file'",
        "kstate fault add disk-deleted pvc/db",
        "kstate undo",
    ]);
    assert_snapshot!(session.run(&["kubectl exec db -- cat /data/file"]), @"
    $ kubectl exec db -- cat /data/file
    mine
    ");
}

#[test]
fn a_removed_driver_leaves_finalizers_that_nobody_takes_away() {
    let mut session = running();
    assert_snapshot!(alike(&session.run(&[
        "kstate fault add driver-removed ebs.csi.aws.com",
        "kubectl delete pod db",
        "kubectl delete pvc db",
        "kubectl delete pv --all --wait=false",
        "kstate clock advance 10m",
        "kubectl get pv,volumeattachments",
        "kubectl get pv,volumeattachments -o custom-columns=KIND:.kind,F:.metadata.finalizers,GOES:.metadata.deletionTimestamp",
        "kstate csi add ebs.csi.aws.com",
        "kstate clock advance 1m",
        "kubectl get pv,volumeattachments",
    ])), @r#"
    $ kstate fault add driver-removed ebs.csi.aws.com
    csidriver.storage.k8s.io/ebs.csi.aws.com driver-removed
    $ kubectl delete pod db
    pod "db" deleted from default namespace
    $ kubectl delete pvc db
    persistentvolumeclaim "db" deleted from default namespace
    $ kubectl delete pv --all --wait=false
    persistentvolume "pvc-..." deleted
    $ kstate clock advance 10m
    2026-01-01T00:10:14Z (manual)
    $ kubectl get pv,volumeattachments
    NAME                                                        CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS        CLAIM        STORAGECLASS   VOLUMEATTRIBUTESCLASS   REASON   AGE
    persistentvolume/pvc-...   1Gi        RWO            Delete           Terminating   default/db   ebs            <unset>                          10m

    NAME                                                                                                   ATTACHER          PV                                         NODE                   ATTACHED   AGE
    volumeattachment.storage.k8s.io/csi-...   ebs.csi.aws.com   pvc-...   k3d-deadless-agent-0   true       10m
    $ kubectl get pv,volumeattachments -o custom-columns=KIND:.kind,F:.metadata.finalizers,GOES:.metadata.deletionTimestamp
    KIND               F                                                                                         GOES
    PersistentVolume   [external-provisioner.volume.kubernetes.io/finalizer external-attacher/ebs-csi-aws-com]   2026-01-01T00:00:13Z
    VolumeAttachment   [external-attacher/ebs-csi-aws-com]                                                       2026-01-01T00:00:13Z
    $ kstate csi add ebs.csi.aws.com
    csidriver.storage.k8s.io/ebs.csi.aws.com added
    $ kstate clock advance 1m
    2026-01-01T00:11:16Z (manual)
    $ kubectl get pv,volumeattachments
    No resources found
    "#);
}

#[test]
fn an_attachment_whose_volume_was_removed_by_force_stays() {
    let mut session = running();
    assert_snapshot!(alike(&session.run(&[
        "kstate fault add attachment-orphaned pvc/db",
        "kubectl get pv,pvc,pods",
        "kubectl get volumeattachments",
        "kubectl delete pod db",
        "kstate clock advance 30s",
        "kubectl get volumeattachments -o custom-columns=PV:.spec.source.persistentVolumeName,GOES:.metadata.deletionTimestamp,F:.metadata.finalizers,E:.status.detachError.message",
        &format!("kubectl get node {NODE} -o jsonpath={{.status.volumesAttached}}"),
        "kstate fault add attachment-orphaned pvc/db",
    ])), @r#"
    $ kstate fault add attachment-orphaned pvc/db
    persistentvolume/pvc-... attachment-orphaned
    $ kubectl get pv,pvc,pods
    NAME                       STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    persistentvolumeclaim/db   Lost     pvc-...   0                         ebs            <unset>                 13s

    NAME     READY   STATUS    RESTARTS   AGE
    pod/db   1/1     Running   0          13s
    $ kubectl get volumeattachments
    NAME                                                                   ATTACHER          PV                                         NODE                   ATTACHED   AGE
    csi-...   ebs.csi.aws.com   pvc-...   k3d-deadless-agent-0   true       12s
    $ kubectl delete pod db
    pod "db" deleted from default namespace
    $ kstate clock advance 30s
    2026-01-01T00:00:43Z (manual)
    $ kubectl get volumeattachments -o custom-columns=PV:.spec.source.persistentVolumeName,GOES:.metadata.deletionTimestamp,F:.metadata.finalizers,E:.status.detachError.message
    PV                                         GOES                   F                                     E
    pvc-...   2026-01-01T00:00:13Z   [external-attacher/ebs-csi-aws-com]   persistentvolume "pvc-..." not found
    $ kubectl get node k3d-deadless-agent-0 -o jsonpath={.status.volumesAttached}
    $ kstate fault add attachment-orphaned pvc/db
    Error from server (NotFound): persistentvolumes "pvc-..." not found
    [exit 1]
    "#);
    let name = session.0.run("kubectl get volumeattachments -o jsonpath={.items[0].metadata.name}").expect("a name").0;
    let patch =
        format!("kubectl patch volumeattachment {name} --type merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'");
    assert_snapshot!(alike(&session.run(&[&patch, "kubectl get volumeattachments"])), @r#"
    $ kubectl patch volumeattachment csi-... --type merge -p '{"metadata":{"finalizers":null}}'
    volumeattachment.storage.k8s.io/csi-... patched
    $ kubectl get volumeattachments
    No resources found
    "#);
}

#[test]
fn a_volume_waits_for_a_claim_that_was_deleted() {
    let mut session = running();
    session.run(&["kubectl delete pod db"]);
    assert_snapshot!(alike(&session.run(&["kstate fault add claim-deleted pvc/db", "kubectl get pv,pvc"])), @"
    $ kstate fault add claim-deleted pvc/db
    persistentvolume/pvc-... claim-deleted
    $ kubectl get pv,pvc
    NAME                                                        CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS     CLAIM        STORAGECLASS   VOLUMEATTRIBUTESCLASS   REASON   AGE
    persistentvolume/pvc-...   1Gi        RWO            Retain           Released   default/db   ebs            <unset>                          13s
    ");
    session.apply(&claim("db").replace("spec: {", "spec: {volumeName: PV, ").replace("PV", "none"));
    assert_snapshot!(alike(&session.run(&[
        "kubectl get pvc",
        "kubectl get pv -o custom-columns=CLAIM:.spec.claimRef.name,PHASE:.status.phase,POLICY:.spec.persistentVolumeReclaimPolicy",
        "kstate undo 2",
        "kubectl get pv,pvc",
    ])), @"
    $ kubectl get pvc
    NAME   STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    db     Pending   none     0                         ebs            <unset>                 0s
    $ kubectl get pv -o custom-columns=CLAIM:.spec.claimRef.name,PHASE:.status.phase,POLICY:.spec.persistentVolumeReclaimPolicy
    CLAIM   PHASE      POLICY
    db      Released   Retain
    $ kstate undo 2
    undone: kubectl apply -f -
    undone: kstate fault add claim-deleted pvc/db
    $ kubectl get pv,pvc
    NAME                                                        CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM        STORAGECLASS   VOLUMEATTRIBUTESCLASS   REASON   AGE
    persistentvolume/pvc-...   1Gi        RWO            Delete           Bound    default/db   ebs            <unset>                          13s

    NAME                       STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    persistentvolumeclaim/db   Bound    pvc-...   1Gi        RWO            ebs            <unset>                 14s
    ");
}
