//! When the scheduler looks again at a pod that fits nowhere, and what it says of pods with gates.

use insta::assert_snapshot;

use super::Session;

const PENDING: &str = "
apiVersion: v1
kind: Pod
metadata: {name: gpu}
spec: {containers: [{name: c, image: nginx, resources: {limits: {nvidia.com/gpu: 1}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ssd}
spec: {nodeSelector: {disk: ssd}, containers: [{name: c, image: nginx}]}
---
apiVersion: v1
kind: Pod
metadata: {name: near}
spec:
  affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}]}}
  containers: [{name: c, image: nginx}]
---
apiVersion: v1
kind: Pod
metadata: {name: gated}
spec: {schedulingGates: [{name: a/b}], containers: [{name: c, image: nginx}]}
";

#[test]
fn only_what_may_help_wakes_a_pod() {
    let mut session = Session::new();
    session.apply(PENDING);
    let events = "kubectl get events --field-selector reason=FailedScheduling \
                  -o custom-columns=POD:.involvedObject.name,N:.count,WHY:.message";
    assert_snapshot!(session.run(&[
        "kubectl taint node k3d-deadless-agent-0 k=v:NoSchedule",
        "kubectl cordon k3d-deadless-agent-1",
        "kubectl label node k3d-deadless-server-0 rack=1",
        "kubectl run web --image=nginx",
        "kubectl delete pod web",
        events,
        "kubectl run db --image=nginx --labels=app=db",
        "kubectl label node k3d-deadless-server-0 disk=ssd",
        "kubectl get pods",
    ]), @r#"
    $ kubectl taint node k3d-deadless-agent-0 k=v:NoSchedule
    node/k3d-deadless-agent-0 tainted
    $ kubectl cordon k3d-deadless-agent-1
    node/k3d-deadless-agent-1 cordoned
    $ kubectl label node k3d-deadless-server-0 rack=1
    node/k3d-deadless-server-0 labeled
    $ kubectl run web --image=nginx
    pod/web created
    $ kubectl delete pod web
    pod "web" deleted from default namespace
    $ kubectl get events --field-selector reason=FailedScheduling -o custom-columns=POD:.involvedObject.name,N:.count,WHY:.message
    POD    N        WHY
    gpu    <none>   0/3 nodes are available: 3 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    gpu    <none>   0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    near   <none>   0/3 nodes are available: 3 node(s) didn't match pod affinity rules. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    ssd    <none>   0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    $ kubectl run db --image=nginx --labels=app=db
    pod/db created
    $ kubectl label node k3d-deadless-server-0 disk=ssd
    node/k3d-deadless-server-0 labeled
    $ kubectl get pods
    NAME    READY   STATUS            RESTARTS   AGE
    db      1/1     Running           0          2s
    gated   0/1     SchedulingGated   0          4s
    gpu     0/1     Pending           0          4s
    near    1/1     Running           0          4s
    ssd     1/1     Running           0          4s
    "#);
    assert_snapshot!(session.run(&[
        "kubectl get pod gated -o jsonpath={.status.conditions}",
        "kubectl patch pod gated --type=json -p '[{\"op\":\"remove\",\"path\":\"/spec/schedulingGates\"}]'",
        "kubectl get pod gated",
        "kubectl drain k3d-deadless-server-0",
    ]), @r#"
    $ kubectl get pod gated -o jsonpath={.status.conditions}
    [{"lastProbeTime":null,"lastTransitionTime":"2026-01-01T00:00:00Z","message":"Scheduling is blocked due to non-empty scheduling gates","reason":"SchedulingGated","status":"False","type":"PodScheduled"}]$ kubectl patch pod gated --type=json -p '[{"op":"remove","path":"/spec/schedulingGates"}]'
    pod/gated patched
    $ kubectl get pod gated
    NAME    READY   STATUS    RESTARTS   AGE
    gated   1/1     Running   0          5s
    $ kubectl drain k3d-deadless-server-0
    node/k3d-deadless-server-0 cordoned
    error: unable to drain node "k3d-deadless-server-0" due to error: cannot delete cannot delete Pods that declare no controller (use --force to override): default/db, default/gated, default/near, default/ssd, continuing command...
    There are pending nodes to be drained:
     k3d-deadless-server-0
    cannot delete cannot delete Pods that declare no controller (use --force to override): default/db, default/gated, default/near, default/ssd
    [exit 1]
    "#);
}
