//! How soon and how often controllers, the scheduler and its binding cycle try again.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

/// How often an event of that reason came, after so many seconds each.
fn counts(session: &mut Session, reason: &str, seconds: &[i64]) -> String {
    let mut counts = Vec::new();
    for wait in seconds {
        session.0.advance(Duration::secs(*wait));
        let query = format!("kubectl get events --field-selector reason={reason} -o jsonpath={{.items[*].count}}");
        counts.push(session.0.run(&query).expect("a command of ours").0);
    }
    counts.join(" | ")
}

#[test]
fn a_claim_in_the_way_of_an_ephemeral_volume_is_looked_at_ever_less_often() {
    let mut session = Session::new();
    session.0.feed(
        "kubectl apply -f -",
        r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: build-scratch}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: build}
spec:
  containers: [{name: c, image: busybox, volumeMounts: [{name: scratch, mountPath: /s}, {name: other, mountPath: /o}]}]
  volumes:
  - {name: scratch, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}}
  - {name: other, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}}
"#,
    );
    // Five milliseconds, doubled each time: 40.955 s in all for the fourteenth.
    assert_snapshot!(counts(&mut session, "FailedBinding", &[1, 4, 35, 2, 40]), @r"8 | 10 | 13 | 14 | 15");
    assert_snapshot!(session.run(&["kubectl get pvc -o name"]), @r"
    $ kubectl get pvc -o name
    persistentvolumeclaim/build-scratch
    ");
}

#[test]
fn a_job_that_may_not_make_its_pods_tries_after_one_second_doubled_up_to_a_minute() {
    let mut session = Session::new();
    session.run(&["kubectl create quota none --hard=pods=0"]);
    session.0.run("kubectl create job once --image=busybox");
    let seconds = [1, 1, 1, 3, 1, 8, 16, 32, 60, 60];
    let told = counts(&mut session, "FailedCreate", &seconds);
    let told: Vec<usize> =
        told.split(" | ").map(|c| c.split(' ').filter_map(|n| n.parse::<usize>().ok()).sum()).collect();
    assert_snapshot!(format!("{told:?}"), @r"[2, 3, 3, 4, 4, 5, 6, 7, 8, 9]");
}

#[test]
fn the_scheduler_waits_ten_minutes_for_volumes_to_be_bound() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: nobody}
provisioner: example.com/none
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: c}
spec: {storageClassName: nobody, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers: [{name: c, image: busybox, volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]
"#,
    );
    session.0.advance(Duration::secs(595));
    let events = "kubectl get events --field-selector involvedObject.name=p -o custom-columns=R:.reason,M:.message";
    let condition = "kubectl get pod p -o jsonpath={.status.conditions[0].reason}{.status.nominatedNodeName}";
    assert_snapshot!(session.run(&[events, condition]), @r"
    $ kubectl get events --field-selector involvedObject.name=p -o custom-columns=R:.reason,M:.message
    R     M
    $ kubectl get pod p -o jsonpath={.status.conditions[0].reason}{.status.nominatedNodeName}
    k3d-deadless-agent-1
    ");
    session.0.advance(Duration::secs(5));
    assert_snapshot!(session.run(&[events, condition]), @r#"
    $ kubectl get events --field-selector involvedObject.name=p -o custom-columns=R:.reason,M:.message
    R                  M
    FailedScheduling   running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded
    $ kubectl get pod p -o jsonpath={.status.conditions[0].reason}{.status.nominatedNodeName}
    SchedulerError
    "#);
    // The next cycle begins after a second and asks for the same node again.
    session.0.advance(Duration::secs(2));
    assert_snapshot!(session.run(&[condition]), @r"
    $ kubectl get pod p -o jsonpath={.status.conditions[0].reason}{.status.nominatedNodeName}
    SchedulerErrork3d-deadless-agent-1
    ");
    assert_snapshot!(session.run(&[
        "kubectl annotate pvc c volume.kubernetes.io/selected-node=k3d-deadless-server-0 --overwrite",
        events,
    ]), @r#"
    $ kubectl annotate pvc c volume.kubernetes.io/selected-node=k3d-deadless-server-0 --overwrite
    persistentvolumeclaim/c annotated
    $ kubectl get events --field-selector involvedObject.name=p -o custom-columns=R:.reason,M:.message
    R                  M
    FailedScheduling   running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded
    FailedScheduling   running PreBind plugin "VolumeBinding": binding volumes: provisioning failed for PVC "c"
    "#);
}
