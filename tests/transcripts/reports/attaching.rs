//! What people reported of attaching and detaching.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::{ATTACHED, Session, alike, claim, class, on, pod, spec, told};

const EBS: &str = "ebs.csi.aws.com";

/// A session with the driver, a class and a claim.
fn with_claim() -> Session {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&(class("csi", EBS, "") + &claim("data", "csi", "")));
    session
}

fn deployment(strategy: &str, node: &str) -> String {
    let spec = spec("persistentVolumeClaim: {claimName: data}", &on(node));
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{strategy: {{type: {strategy}}}, selector: \
         {{matchLabels: {{app: web}}}}, template: {{metadata: {{labels: {{app: web}}}}, spec: {spec}}}}}\n"
    )
}

/// longhorn/longhorn#30, m88i/nexus-operator#203, digitalocean/csi-digitalocean#375
#[test]
fn a_rolling_update_waits_for_its_own_predecessor_and_one_that_recreates_does_not() {
    let mut session = with_claim();
    session.apply(&deployment("RollingUpdate", "agent-0"));
    session.apply(&deployment("RollingUpdate", "agent-1"));
    let seen = session.run(&[
        "kubectl rollout status deployment/web --timeout=5m",
        "kubectl get pods -o custom-columns=STATUS:.status.phase,NODE:.spec.nodeName --no-headers",
        ATTACHED,
    ]);
    assert_snapshot!(alike(&seen), @r#"
    $ kubectl rollout status deployment/web --timeout=5m
    Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...
    error: timed out waiting for the condition
    [exit 1]
    $ kubectl get pods -o custom-columns=STATUS:.status.phase,NODE:.spec.nodeName --no-headers
    Pending   k3d-deadless-agent-1
    Running   k3d-deadless-agent-0
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    "#);
    session.run(&["kubectl delete deployment web"]);
    session.0.advance(Duration::secs(10));
    session.apply(&deployment("Recreate", "agent-0"));
    session.apply(&deployment("Recreate", "agent-1"));
    let seen = session.run(&["kubectl rollout status deployment/web --timeout=5m", ATTACHED]);
    assert_snapshot!(alike(&seen), @r#"
    $ kubectl rollout status deployment/web --timeout=5m
    deployment "web" successfully rolled out
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-1   true
    "#);
}

/// longhorn/longhorn#2185
#[test]
fn replicas_of_one_volume_run_where_it_is_attached_and_wait_elsewhere() {
    let mut session = with_claim();
    for (name, node) in [("a", "agent-0"), ("b", "agent-0"), ("c", "agent-1"), ("d", "server-0")] {
        session.apply(&pod(name, "data", &on(node)));
    }
    assert_snapshot!(session.run(&["kubectl get pods", ATTACHED]), @"
    $ kubectl get pods
    NAME   READY   STATUS              RESTARTS   AGE
    a      1/1     Running             0          3s
    b      1/1     Running             0          1s
    c      0/1     ContainerCreating   0          0s
    d      0/1     ContainerCreating   0          0s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    ");
    assert_snapshot!(told(&mut session, &["FailedAttach"]), @r#"
    c | FailedAttachVolume | 1 | Multi-Attach error for volume "pvc-..." Volume is already used by pod(s) a, b
    d | FailedAttachVolume | 1 | Multi-Attach error for volume "pvc-..." Volume is already used by pod(s) a, b
    "#);
}

/// kubernetes-csi/external-attacher#66
#[test]
fn what_could_never_be_attached_can_be_deleted() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --fail attach"]);
    session.apply(&(class("csi", EBS, "") + &claim("data", "csi", "") + &pod("p", "data", "")));
    session.0.advance(Duration::secs(60));
    let seen = session.run(&["kubectl get pods", ATTACHED, "kubectl delete pod p", "kubectl delete pvc data"]);
    assert_snapshot!(seen, @r#"
    $ kubectl get pods
    NAME   READY   STATUS              RESTARTS   AGE
    p      0/1     ContainerCreating   0          62s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-1   false
    $ kubectl delete pod p
    pod "p" deleted from default namespace
    $ kubectl delete pvc data
    persistentvolumeclaim "data" deleted from default namespace
    "#);
    session.0.advance(Duration::secs(20));
    assert_snapshot!(session.run(&["kubectl get pv,volumeattachments"]), @"
    $ kubectl get pv,volumeattachments
    No resources found
    ");
}

/// kubernetes-sigs/vsphere-csi-driver#359, kubernetes/kubernetes#72335
#[test]
fn a_node_that_was_deleted_while_it_was_down_keeps_its_volume_for_six_minutes() {
    let mut session = with_claim();
    session.apply(&pod("p", "data", &on("agent-0")));
    session.run(&["kstate node stop k3d-deadless-agent-0", "kubectl delete node k3d-deadless-agent-0"]);
    session.apply(&pod("q", "data", &on("agent-1")));
    assert_snapshot!(session.run(&["kubectl get pods", ATTACHED]), @"
    $ kubectl get pods
    NAME   READY   STATUS              RESTARTS   AGE
    p      1/1     Running             0          2s
    q      0/1     ContainerCreating   0          0s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    ");
    session.0.advance(Duration::secs(120));
    assert_snapshot!(session.run(&["kubectl get pods", ATTACHED]), @"
    $ kubectl get pods
    NAME   READY   STATUS              RESTARTS   AGE
    q      0/1     ContainerCreating   0          2m
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    ");
    session.0.advance(Duration::secs(360));
    assert_snapshot!(session.run(&["kubectl get pods", ATTACHED]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    q      1/1     Running   0          8m3s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-1   true
    ");
    assert_snapshot!(told(&mut session, &["AttachVolume"]), @r#"
    p | SuccessfulAttachVolume | 1 | AttachVolume.Attach succeeded for volume "pvc-..."
    q | FailedAttachVolume | 1 | Multi-Attach error for volume "pvc-..." Volume is already used by pod(s) p
    q | SuccessfulAttachVolume | 1 | AttachVolume.Attach succeeded for volume "pvc-..."
    "#);
}

fn set(replicas: u8) -> String {
    let spec = "{terminationGracePeriodSeconds: 10, containers: [{name: c, image: busybox, command: [sleep, \"360000\"], \
                volumeMounts: [{name: d, mountPath: /d}]}]}";
    format!(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: s}}\nspec: {{serviceName: s, replicas: {replicas}, \
         selector: {{matchLabels: {{app: s}}}}, template: {{metadata: {{labels: {{app: s}}}}, spec: {spec}}}, \
         volumeClaimTemplates: [{{metadata: {{name: d}}, spec: {{storageClassName: csi, accessModes: [ReadWriteOnce], \
         resources: {{requests: {{storage: 1Gi}}}}}}}}]}}\n"
    )
}

fn with_set() -> Session {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&(class("csi", EBS, "") + "---\n" + &set(2)));
    session.0.advance(Duration::secs(20));
    session
}

/// kubernetes/kubernetes#123338
#[test]
fn pods_of_a_set_that_are_deleted_by_force_come_back_with_their_volumes() {
    let mut session = with_set();
    session.run(&["kubectl delete pods --all --force --grace-period=0"]);
    session.0.advance(Duration::secs(60));
    let seen = session.run(&["kubectl get pods", "kubectl get pvc", ATTACHED]);
    assert_snapshot!(alike(&seen), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    s-0    1/1     Running   0          64s
    s-1    1/1     Running   0          63s
    $ kubectl get pvc
    NAME    STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    d-s-0   Bound    pvc-...   1Gi        RWO            csi            <unset>                 90s
    d-s-1   Bound    pvc-...   1Gi        RWO            csi            <unset>                 87s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-server-0   true
    k3d-deadless-agent-0    true
    ");
    assert_snapshot!(told(&mut session, &["FailedAttach", "FailedMount"]), @"");
}

/// kubernetes/kubernetes#72181
#[test]
fn a_set_that_is_deleted_and_made_again_at_once_gets_its_volumes() {
    let mut session = with_set();
    session.run_now(&["kubectl delete statefulset s"]);
    session.apply(&set(2));
    session.0.advance(Duration::secs(60));
    assert_snapshot!(alike(&session.run(&["kubectl get pods", ATTACHED])), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    s-0    1/1     Running   0          60s
    s-1    1/1     Running   0          58s
    $ kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers
    k3d-deadless-agent-0   true
    k3d-deadless-agent-1   true
    ");
}

/// hetznercloud/csi-driver#337, kubernetes/community#7056, kubernetes/kubernetes#55713
#[test]
fn a_set_waits_for_its_lost_node_and_goes_on_once_that_is_back() {
    let mut session = with_set();
    let (node, _) = session.0.run("kubectl get pod s-0 -o jsonpath={.spec.nodeName}").expect("a command");
    session.run(&[&format!("kstate node stop {node}")]);
    session.0.advance(Duration::secs(1200));
    let pods =
        "kubectl get pods --no-headers -o custom-columns=N:.metadata.name,GOES:.metadata.deletionGracePeriodSeconds";
    assert_snapshot!(session.run(&[pods, "kubectl get sts s"]), @"
    $ kubectl get pods --no-headers -o custom-columns=N:.metadata.name,GOES:.metadata.deletionGracePeriodSeconds
    s-0   10
    s-1   <none>
    $ kubectl get sts s
    NAME   READY   AGE
    s      1/2     20m
    ");
    session.run(&[&format!("kstate node start {node}")]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&[pods, "kubectl get sts s"]), @"
    $ kubectl get pods --no-headers -o custom-columns=N:.metadata.name,GOES:.metadata.deletionGracePeriodSeconds
    s-0   <none>
    s-1   <none>
    $ kubectl get sts s
    NAME   READY   AGE
    s      2/2     21m
    ");
}

/// hetznercloud/csi-driver#284
#[test]
fn a_driver_that_is_not_on_the_pods_node_is_waited_for() {
    let mut session = Session::new();
    session.run(&["kstate csi add csi.hetzner.cloud --nodes k3d-deadless-agent-0"]);
    session.apply(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: postgres-pv}\nspec: {storageClassName: hcloud, capacity: \
         {storage: 10Gi}, accessModes: [ReadWriteOnce], csi: {fsType: ext4, driver: csi.hetzner.cloud, volumeHandle: \
         \"14236722\"}}\n",
    );
    session.apply(&(claim("pg", "hcloud", "volumeName: postgres-pv") + &pod("p", "pg", &on("agent-1"))));
    session.0.advance(Duration::secs(180));
    assert_snapshot!(session.run(&["kubectl get pods", "kubectl get csinodes --no-headers"]), @"
    $ kubectl get pods
    NAME   READY   STATUS              RESTARTS   AGE
    p      0/1     ContainerCreating   0          3m
    $ kubectl get csinodes --no-headers
    k3d-deadless-agent-0    1     3m
    k3d-deadless-agent-1    0     3m
    k3d-deadless-server-0   0     3m
    ");
    assert_snapshot!(told(&mut session, &["FailedAttach"]), @r#"p | FailedAttachVolume | 9 | AttachVolume.Attach failed for volume "postgres-pv" : CSINode k3d-deadless-agent-1 does not contain driver csi.hetzner.cloud"#);
    session.run(&["kstate csi add csi.hetzner.cloud --nodes k3d-deadless-agent-0,k3d-deadless-agent-1"]);
    session.0.advance(Duration::secs(300));
    assert_snapshot!(session.run(&["kubectl get pods"]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    p      1/1     Running   0          8m
    ");
}

/// kubernetes/kubernetes#60903
#[test]
fn nobody_attaches_an_nfs_volume_so_its_mode_keeps_nobody_away() {
    let mut session = Session::new();
    session.apply(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: nfs02}\nspec: {storageClassName: \"\", capacity: {storage: \
         1Gi}, accessModes: [ReadWriteOnce], nfs: {server: 10.46.178.117, path: /home/nfs01}}\n",
    );
    let text = claim("shared", "\"\"", "") + &pod("a", "shared", &on("agent-0")) + &pod("b", "shared", &on("agent-1"));
    session.apply(&text);
    session.0.advance(Duration::secs(30));
    assert_snapshot!(session.run(&[
        "kubectl get pods",
        "kubectl get volumeattachments",
        "kubectl exec a -- touch /data/x",
        "kubectl exec b -- ls /data",
        "kstate node exec k3d-deadless-agent-1 -- sh -c 'mount | grep -c kubernetes.io~nfs/nfs02'",
    ]), @"
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    a      1/1     Running   0          31s
    b      1/1     Running   0          31s
    $ kubectl get volumeattachments
    No resources found
    $ kubectl exec a -- touch /data/x
    $ kubectl exec b -- ls /data
    x
    $ kstate node exec k3d-deadless-agent-1 -- sh -c 'mount | grep -c kubernetes.io~nfs/nfs02'
    1
    ");
}

/// kubernetes/kubernetes#69697, kubernetes-sigs/aws-ebs-csi-driver#1677
#[test]
fn a_volume_that_is_still_attached_is_deleted_a_second_later() {
    let mut session = with_claim();
    session.apply(&pod("p", "data", ""));
    session.run_now(&["kubectl delete pod p", "kubectl delete pvc data"]);
    session.0.advance(Duration::secs(6));
    assert_snapshot!(alike(&session.run(&["kubectl get pv,volumeattachments"])), @"
    $ kubectl get pv,volumeattachments
    No resources found
    ");
    assert_snapshot!(told(&mut session, &["VolumeFailedDelete"]), @"pvc-... | VolumeFailedDelete | 1 | persistentvolume pvc-... is still attached to node k3d-deadless-agent-1");
}
