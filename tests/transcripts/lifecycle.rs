//! What happens to containers between their start and their end: hooks, deadlines, limits, volumes that change.

use insta::assert_snapshot;

use super::Session;

fn pods(rest: &str) -> String {
    rest.split("---\n").map(|pod| format!("apiVersion: v1\nkind: Pod\n{pod}")).collect::<Vec<_>>().join("---\n")
}

#[test]
fn a_container_runs_for_its_pod_once_its_post_start_hook_is_through() {
    let mut session = Session::new();
    let manifest = pods(
        r#"metadata: {name: hook}
spec:
  containers:
  - name: a
    image: busybox
    command: ["sh", "-c", "echo main; sleep 10000"]
    lifecycle: {postStart: {exec: {command: ["sh", "-c", "sleep 5; echo hi > /tmp/x"]}}}
  - {name: b, image: busybox, command: ["sh", "-c", "date; sleep 10000"]}
---
metadata: {name: bad}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 3
  containers:
  - name: a
    image: busybox
    command: ["sleep", "10000"]
    lifecycle: {postStart: {exec: {command: ["sh", "-c", "echo no; exit 3"]}}}
---
metadata: {name: again}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: a
    image: busybox
    command: ["sleep", "10000"]
    lifecycle: {postStart: {exec: {command: ["sh", "-c", "exit 3"]}}}
"#,
    );
    session.0.feed("kubectl apply -f -", &manifest);
    assert_snapshot!(session.run(&[
        "kstate clock advance 4s",
        "kubectl get pods",
        "kstate clock advance 5s",
        "kubectl get pods",
        "kubectl logs hook -c b",
        "kubectl exec hook -c a -- cat /tmp/x",
        "kubectl get events --field-selector involvedObject.name=bad,reason!=Pulling,reason!=Pulled",
        "kubectl get pod again -o jsonpath='{.status.containerStatuses[0].state.waiting}'",
    ]), @r#"
    $ kstate clock advance 4s
    2026-01-01T00:00:04Z (manual)
    $ kubectl get pods
    NAME    READY   STATUS             RESTARTS     AGE
    again   0/1     CrashLoopBackOff   1 (3s ago)   7s
    bad     0/1     Error              0            7s
    hook    2/2     Running            0            7s
    $ kstate clock advance 5s
    2026-01-01T00:00:12Z (manual)
    $ kubectl get pods
    NAME    READY   STATUS             RESTARTS     AGE
    again   0/1     CrashLoopBackOff   1 (8s ago)   12s
    bad     0/1     Error              0            12s
    hook    2/2     Running            0            12s
    $ kubectl logs hook -c b
    Thu Jan  1 00:00:07 UTC 2026
    $ kubectl exec hook -c a -- cat /tmp/x
    hi
    $ kubectl get events --field-selector involvedObject.name=bad,reason!=Pulling,reason!=Pulled
    LAST SEEN   TYPE      REASON                OBJECT    MESSAGE
    12s         Normal    Scheduled             pod/bad   Successfully assigned default/bad to k3d-deadless-agent-0
    11s         Normal    Created               pod/bad   Container created
    11s         Normal    Started               pod/bad   Container started
    11s         Warning   FailedPostStartHook   pod/bad   PostStartHook failed
    11s         Normal    Killing               pod/bad   FailedPostStartHook
    $ kubectl get pod again -o jsonpath='{.status.containerStatuses[0].state.waiting}'
    {"message":"back-off 10s restarting failed container=a pod=again_default(64018838-4dd1-4140-85ca-250f715779ec)","reason":"CrashLoopBackOff"}
    "#);
}

#[test]
fn a_pod_ends_with_its_deadline() {
    let mut session = Session::new();
    let manifest = pods(
        r#"metadata: {name: late}
spec:
  activeDeadlineSeconds: 20
  terminationGracePeriodSeconds: 5
  containers:
  - {name: a, image: busybox, command: ["sh", "-c", "sleep 10000"]}
"#,
    );
    session.0.feed("kubectl apply -f -", &manifest);
    assert_snapshot!(session.run(&[
        "kstate clock advance 19s",
        "kubectl get pod late",
        "kstate clock advance 10s",
        "kubectl get pod late",
        "kubectl get pod late -o jsonpath='{.status.phase} {.status.reason}: {.status.message}'",
        "kubectl get events --field-selector reason=DeadlineExceeded",
        "kubectl logs late",
        "kubectl exec late -- true",
    ]), @"
    $ kstate clock advance 19s
    2026-01-01T00:00:19Z (manual)
    $ kubectl get pod late
    NAME   READY   STATUS    RESTARTS   AGE
    late   1/1     Running   0          19s
    $ kstate clock advance 10s
    2026-01-01T00:00:29Z (manual)
    $ kubectl get pod late
    NAME   READY   STATUS   RESTARTS   AGE
    late   0/1     Error    0          29s
    $ kubectl get pod late -o jsonpath='{.status.phase} {.status.reason}: {.status.message}'
    Failed DeadlineExceeded: Pod was active on the node longer than the specified deadline$ kubectl get events --field-selector reason=DeadlineExceeded
    LAST SEEN   TYPE     REASON             OBJECT     MESSAGE
    9s          Normal   DeadlineExceeded   pod/late   Pod was active on the node longer than the specified deadline
    $ kubectl logs late
    $ kubectl exec late -- true
    error: cannot exec into a container in a completed pod; current phase is Failed
    [exit 1]
    ");
}

#[test]
fn a_pod_that_takes_more_of_the_disk_than_it_may_is_evicted() {
    let mut session = Session::new();
    let manifest = pods(
        r#"metadata: {name: volume}
spec:
  containers:
  - name: a
    image: busybox
    command: ["sh", "-c", "dd if=/dev/zero of=/d/x bs=1M count=20; sleep 10000"]
    volumeMounts: [{name: d, mountPath: /d}]
  volumes: [{name: d, emptyDir: {sizeLimit: 10Mi}}]
---
metadata: {name: layer}
spec:
  containers:
  - name: a
    image: busybox
    command: ["sh", "-c", "dd if=/dev/zero of=/x bs=1M count=20; sleep 10000"]
    resources: {limits: {ephemeral-storage: 10Mi}}
  - {name: b, image: busybox, command: ["sleep", "10000"]}
---
metadata: {name: memory}
spec:
  containers:
  - name: a
    image: busybox
    command: ["sh", "-c", "dd if=/dev/zero of=/d/x bs=1M count=20; sleep 10000"]
    volumeMounts: [{name: d, mountPath: /d}]
  volumes: [{name: d, emptyDir: {sizeLimit: 10Mi, medium: Memory}}]
"#,
    );
    session.0.feed("kubectl apply -f -", &manifest);
    assert_snapshot!(session.run(&[
        "kstate clock advance 30s",
        "kubectl get pods",
        "kubectl get pods -o jsonpath='{range .items[*]}{.metadata.name} {.status.phase} {.status.reason}: {.status.message}{\"\\n\"}{end}'",
        "kubectl get events --field-selector reason=Evicted",
        "kubectl logs memory",
    ]), @r#"
    $ kstate clock advance 30s
    2026-01-01T00:00:30Z (manual)
    $ kubectl get pods
    NAME     READY   STATUS    RESTARTS   AGE
    layer    0/2     Error     0          30s
    memory   1/1     Running   0          30s
    volume   0/1     Error     0          30s
    $ kubectl get pods -o jsonpath='{range .items[*]}{.metadata.name} {.status.phase} {.status.reason}: {.status.message}{"\n"}{end}'
    layer Failed Evicted: Container a exceeded its local ephemeral storage limit "10Mi". 
    memory Running : 
    volume Failed Evicted: Usage of EmptyDir volume "d" exceeds the limit "10Mi". 
    $ kubectl get events --field-selector reason=Evicted
    LAST SEEN   TYPE      REASON    OBJECT       MESSAGE
    17s         Warning   Evicted   pod/layer    Container a exceeded its local ephemeral storage limit "10Mi".
    19s         Warning   Evicted   pod/volume   Usage of EmptyDir volume "d" exceeds the limit "10Mi".
    $ kubectl logs memory
    dd: error writing '/d/x': No space left on device
    11+0 records in
    10+0 records out
    10485760 bytes (10.0MB) copied, 0.009000 seconds, 1.1GB/s
    "#);
}

#[test]
fn volumes_made_of_objects_follow_them() {
    let mut session = Session::new();
    let manifest = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data: {k: one}
---
apiVersion: v1
kind: Pod
metadata: {name: reads, labels: {v: a}}
spec:
  containers:
  - name: a
    image: busybox
    command: ["sleep", "100000"]
    volumeMounts: [{name: c, mountPath: /c}, {name: c, mountPath: /one, subPath: k}, {name: d, mountPath: /own}]
  volumes:
  - {name: c, configMap: {name: cm}}
  - {name: d, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
"#;
    session.0.feed("kubectl apply -f -", manifest);
    assert_snapshot!(session.run(&[
        "kstate clock advance 5s",
        "kubectl exec reads -- sh -c 'ls -A /c; cat /c/k /one /own/labels'",
        "kubectl patch cm cm -p '{\"data\":{\"k\":\"two\",\"j\":\"more\"}}'",
        "kubectl label pod reads v=b --overwrite",
        "kubectl exec reads -- sh -c 'cat /c/k /one /own/labels'",
        "kstate clock advance 90s",
        "kubectl exec reads -- sh -c 'ls /c; cat /c/k /one /own/labels; ls -A /c | wc -l'",
    ]), @r#"
    $ kstate clock advance 5s
    2026-01-01T00:00:05Z (manual)
    $ kubectl exec reads -- sh -c 'ls -A /c; cat /c/k /one /own/labels'
    ..2026_01_01_00_00_01.323633907
    ..data
    k
    oneonev="a"$ kubectl patch cm cm -p '{"data":{"k":"two","j":"more"}}'
    configmap/cm patched
    $ kubectl label pod reads v=b --overwrite
    pod/reads labeled
    $ kubectl exec reads -- sh -c 'cat /c/k /one /own/labels'
    oneonev="a"$ kstate clock advance 90s
    2026-01-01T00:01:35Z (manual)
    $ kubectl exec reads -- sh -c 'ls /c; cat /c/k /one /own/labels; ls -A /c | wc -l'
    j
    k
    twoonev="b"4
    "#);
}
