//! The parts of a pod that are changed on their own, `ephemeralcontainers` and `resize`, and what a node shows of its pods.

use insta::assert_snapshot;

use super::{Session, WEB};

#[test]
fn the_subresource_of_ephemeral_containers() {
    let mut session = Session::new();
    session.apply(WEB);
    session.run(&["kubectl debug web --image=busybox -c first"]);
    assert_snapshot!(session.run(&[
        r#"kubectl patch pod web --subresource=ephemeralcontainers -p '{"spec":{"ephemeralContainers":[{"name":"second","image":"busybox","ports":[{"containerPort":80}],"resources":{"limits":{"cpu":"1"}},"livenessProbe":{"exec":{"command":["a"]}}}]}}'"#,
        r#"kubectl patch pod web --subresource=ephemeralcontainers --type=json -p '[{"op":"replace","path":"/spec/ephemeralContainers/0/image","value":"alpine"}]'"#,
        r#"kubectl patch pod web --subresource=ephemeralcontainers --type=json -p '[{"op":"remove","path":"/spec/ephemeralContainers"}]'"#,
        r#"kubectl patch pod web --subresource=ephemeralcontainers -p '{"metadata":{"labels":{"new":"label"}},"spec":{"ephemeralContainers":[{"name":"nginx","image":"busybox"}]}}'"#,
        r#"kubectl patch pod web --subresource=ephemeralcontainers -p '{"metadata":{"labels":{"new":"label"}},"spec":{"ephemeralContainers":[{"name":"second","image":"busybox","command":["sleep","9"]}]}}'"#,
        "kubectl get pod web --subresource=ephemeralcontainers -o jsonpath='{.metadata.labels} {.spec.ephemeralContainers[*].name}'",
        "kubectl auth can-i patch pods/ephemeralcontainers --as=bob",
    ]), @r#"
    $ kubectl patch pod web --subresource=ephemeralcontainers -p '{"spec":{"ephemeralContainers":[{"name":"second","image":"busybox","ports":[{"containerPort":80}],"resources":{"limits":{"cpu":"1"}},"livenessProbe":{"exec":{"command":["a"]}}}]}}'
    The Pod "web" is invalid: 
    * spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container
    * spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container
    * spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container
    [exit 1]
    $ kubectl patch pod web --subresource=ephemeralcontainers --type=json -p '[{"op":"replace","path":"/spec/ephemeralContainers/0/image","value":"alpine"}]'
    The Pod "web" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "first" may not be changed
    @@ -1,6 +1,6 @@
     {
      "Name": "first",
    - "Image": "busybox",
    + "Image": "alpine",
      "Command": null,
      "Args": null,
      "WorkingDir": "",
    [exit 1]
    $ kubectl patch pod web --subresource=ephemeralcontainers --type=json -p '[{"op":"remove","path":"/spec/ephemeralContainers"}]'
    The Pod "web" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "first" may not be removed
    [exit 1]
    $ kubectl patch pod web --subresource=ephemeralcontainers -p '{"metadata":{"labels":{"new":"label"}},"spec":{"ephemeralContainers":[{"name":"nginx","image":"busybox"}]}}'
    The Pod "web" is invalid: spec.ephemeralContainers[0].name: Duplicate value: "nginx"
    [exit 1]
    $ kubectl patch pod web --subresource=ephemeralcontainers -p '{"metadata":{"labels":{"new":"label"}},"spec":{"ephemeralContainers":[{"name":"second","image":"busybox","command":["sleep","9"]}]}}'
    pod/web patched
    $ kubectl get pod web --subresource=ephemeralcontainers -o jsonpath='{.metadata.labels} {.spec.ephemeralContainers[*].name}'
    {"app":"web"} second first$ kubectl auth can-i patch pods/ephemeralcontainers --as=bob
    no
    [exit 1]
    "#);
}

const SIZED: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: sized}
spec:
  nodeName: k3d-deadless-agent-0
  containers:
  - name: a
    image: busybox
    command: [sh, -c, "exec sleep 10000"]
    resources: {requests: {cpu: 100m, memory: 50Mi}, limits: {cpu: 200m, memory: 100Mi}}
    resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}, {resourceName: memory, restartPolicy: RestartContainer}]
"#;

#[test]
fn a_running_container_gets_other_resources() {
    let mut session = Session::new();
    session.apply(SIZED);
    let state = "kubectl get pod sized -o jsonpath='{.status.conditions[0].type} {.status.conditions[0].reason} {.status.containerStatuses[0].allocatedResources} {.status.containerStatuses[0].resources} {.status.containerStatuses[0].restartCount}'";
    session.0.feed(
        r#"kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"150m"},"limits":{"cpu":"300m"}}}]}}'"#,
        "",
    );
    assert_snapshot!(session.0.feed(state, ""), @r#"PodResizeInProgress  {"cpu":"150m","memory":"50Mi"} {"limits":{"cpu":"200m","memory":"100Mi"},"requests":{"cpu":"100m","memory":"50Mi"}} 0"#);
    assert_snapshot!(session.run(&[
        "kstate clock advance 2s",
        state,
        "kubectl exec sized -- cat /sys/fs/cgroup/cpu.max",
        r#"kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"a","resources":{"limits":{"memory":"200Mi"}}}]}}'"#,
        "kstate clock advance 5s",
        state,
        r#"kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"100"},"limits":{"cpu":"100"}}}]}}'"#,
        state,
        "kubectl get events -o custom-columns=REASON:.reason,SAYS:.message --field-selector type=Warning",
        "kubectl get events -o custom-columns=REASON:.reason,SAYS:.message --field-selector reason=ResizeCompleted",
        r#"kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"200m","memory":"200Mi"},"limits":{"cpu":"200m"}}}]}}'"#,
        r#"kubectl patch pod sized --subresource=resize --type=json -p '[{"op":"remove","path":"/spec/containers/0/resources/limits/cpu"}]'"#,
        r#"kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"z","image":"q"}]}}'"#,
        r#"kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"a","image":"nginx"}]}}'"#,
    ]), @r#"
    $ kstate clock advance 2s
    2026-01-01T00:00:03Z (manual)
    $ kubectl get pod sized -o jsonpath='{.status.conditions[0].type} {.status.conditions[0].reason} {.status.containerStatuses[0].allocatedResources} {.status.containerStatuses[0].resources} {.status.containerStatuses[0].restartCount}'
    PodReadyToStartContainers  {"cpu":"150m","memory":"50Mi"} {"limits":{"cpu":"300m","memory":"100Mi"},"requests":{"cpu":"150m","memory":"50Mi"}} 0$ kubectl exec sized -- cat /sys/fs/cgroup/cpu.max
    30000 100000
    $ kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"a","resources":{"limits":{"memory":"200Mi"}}}]}}'
    pod/sized patched
    $ kstate clock advance 5s
    2026-01-01T00:00:09Z (manual)
    $ kubectl get pod sized -o jsonpath='{.status.conditions[0].type} {.status.conditions[0].reason} {.status.containerStatuses[0].allocatedResources} {.status.containerStatuses[0].resources} {.status.containerStatuses[0].restartCount}'
    PodReadyToStartContainers  {"cpu":"150m","memory":"50Mi"} {"limits":{"cpu":"300m","memory":"200Mi"},"requests":{"cpu":"150m","memory":"50Mi"}} 1$ kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"100"},"limits":{"cpu":"100"}}}]}}'
    pod/sized patched
    $ kubectl get pod sized -o jsonpath='{.status.conditions[0].type} {.status.conditions[0].reason} {.status.containerStatuses[0].allocatedResources} {.status.containerStatuses[0].resources} {.status.containerStatuses[0].restartCount}'
    PodResizePending Deferred {"cpu":"150m","memory":"50Mi"} {"limits":{"cpu":"300m","memory":"200Mi"},"requests":{"cpu":"150m","memory":"50Mi"}} 1$ kubectl get events -o custom-columns=REASON:.reason,SAYS:.message --field-selector type=Warning
    REASON           SAYS
    ResizeDeferred   Pod resize OutOfcpu: {"containers":[{"name":"a","resources":{"limits":{"cpu":"100","memory":"200Mi"},"requests":{"cpu":"100","memory":"50Mi"}}}],"generation":4,"error":"Node didn't have enough resource: cpu, requested: 100000, used: 0, capacity: 4000"}
    $ kubectl get events -o custom-columns=REASON:.reason,SAYS:.message --field-selector reason=ResizeCompleted
    REASON            SAYS
    ResizeCompleted   Pod resize completed: {"containers":[{"name":"a","resources":{"limits":{"cpu":"300m","memory":"100Mi"},"requests":{"cpu":"150m","memory":"50Mi"}}}],"generation":2}
    ResizeCompleted   Pod resize completed: {"containers":[{"name":"a","resources":{"limits":{"cpu":"300m","memory":"200Mi"},"requests":{"cpu":"150m","memory":"50Mi"}}}],"generation":3}
    $ kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"200m","memory":"200Mi"},"limits":{"cpu":"200m"}}}]}}'
    The Pod "sized" is invalid: spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing
    [exit 1]
    $ kubectl patch pod sized --subresource=resize --type=json -p '[{"op":"remove","path":"/spec/containers/0/resources/limits/cpu"}]'
    The Pod "sized" is invalid: spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed
    [exit 1]
    $ kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"z","image":"q"}]}}'
    The Pod "sized" is invalid: spec.containers: Forbidden: containers may not be added or removed on resize
    [exit 1]
    $ kubectl patch pod sized --subresource=resize -p '{"spec":{"containers":[{"name":"a","image":"nginx"}]}}'
    pod/sized patched (no change)
    "#);
}

#[test]
fn a_node_shows_its_pods() {
    let mut session = Session::new();
    session
        .apply(&WEB.replace("spec:", "spec:\n  nodeName: k3d-deadless-agent-0\n  volumes: [{name: v, emptyDir: {}}]"));
    assert_snapshot!(session.run(&[
        "kstate clock advance 3m",
        "kstate node exec k3d-deadless-agent-0 -- crictl ps",
        "kstate node exec k3d-deadless-agent-0 -- crictl pods",
        "kstate node exec k3d-deadless-agent-0 -- crictl images",
        "kstate node exec k3d-deadless-agent-0 -- crictl ps -q --name side",
        "kstate node exec k3d-deadless-agent-0 -- sh -c 'ls /var/log/pods; ls /var/lib/kubelet/pods/*/volumes'",
        "kstate node exec k3d-deadless-agent-0 -- sh -c 'head -n 1 /var/log/pods/*/nginx/0.log'",
        "kstate node exec k3d-deadless-agent-0 -- sh -c 'crictl logs --tail 1 $(crictl ps -q --name nginx)'",
        "kstate node exec k3d-deadless-agent-0 -- crictl logs nope",
        "kstate node exec k3d-deadless-agent-0 -- crictl rm x",
        "kubectl delete pod web",
        "kstate node exec k3d-deadless-agent-0 -- ls /var/log/pods",
    ]), @r#"
    $ kstate clock advance 3m
    2026-01-01T00:03:02Z (manual)
    $ kstate node exec k3d-deadless-agent-0 -- crictl ps
    CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD                 NAMESPACE
    2d2a7e56a91e0       d6450a23868b6       3 minutes ago       Running             nginx               0                   b061c32d34f8c       web                 default
    82841e3897bb4       35042431927c9       3 minutes ago       Running             side                0                   b061c32d34f8c       web                 default
    $ kstate node exec k3d-deadless-agent-0 -- crictl pods
    POD ID              CREATED             STATE               NAME                NAMESPACE           ATTEMPT             RUNTIME
    b061c32d34f8c       3 minutes ago       Ready               web                 default             0                   (default)
    $ kstate node exec k3d-deadless-agent-0 -- crictl images
    IMAGE                       TAG                 IMAGE ID            SIZE
    docker.io/library/busybox   latest              35042431927c9       2.22MB
    docker.io/library/nginx     1.27                d6450a23868b6       2.22MB
    $ kstate node exec k3d-deadless-agent-0 -- crictl ps -q --name side
    82841e3897bb4b8789c4e8892a761ebf1619fca88ffa8b46bb57beffbaffceba
    $ kstate node exec k3d-deadless-agent-0 -- sh -c 'ls /var/log/pods; ls /var/lib/kubelet/pods/*/volumes'
    default_web_e934220d-5fc3-4bc8-9977-7ef1e3ebce05
    kubernetes.io~projected
    $ kstate node exec k3d-deadless-agent-0 -- sh -c 'head -n 1 /var/log/pods/*/nginx/0.log'
    2026-01-01T00:00:02.357000000Z stdout F /docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration
    $ kstate node exec k3d-deadless-agent-0 -- sh -c 'crictl logs --tail 1 $(crictl ps -q --name nginx)'
    2026/01/01 00:00:02 [notice] 1#1: start worker process 30
    $ kstate node exec k3d-deadless-agent-0 -- crictl logs nope
    FATA[0000] getting the status of the container "nope": rpc error: code = NotFound desc = an error occurred when try to find container "nope": not found
    [exit 1]
    $ kstate node exec k3d-deadless-agent-0 -- crictl rm x
    FATA[0000] rm: of a node's runtime only ps, pods, images, logs and inspect answer here
    [exit 1]
    $ kubectl delete pod web
    pod "web" deleted from default namespace
    $ kstate node exec k3d-deadless-agent-0 -- ls /var/log/pods
    "#);
}
