//! Load: what pods and nodes use, what `top` shows of it, and what comes of too much.

use insta::assert_snapshot;

use super::Session;

pub(super) const METRICS_SERVER: &str = include_str!("../../manifests/metrics-server.yaml");

const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  nodeName: k3d-deadless-agent-1
  containers:
  - {name: nginx, image: nginx, resources: {limits: {memory: 128Mi}}}
  - {name: side, image: busybox, command: [sleep, "100000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: busy, labels: {app: busy}}
spec:
  nodeName: k3d-deadless-agent-0
  containers:
  - {name: c, image: busybox, command: [sh, -c, "while true; do :; done"]}
---
apiVersion: v1
kind: Pod
metadata: {name: throttled, labels: {app: busy}}
spec:
  nodeName: k3d-deadless-agent-0
  containers:
  - name: c
    image: polinux/stress
    command: [stress, --cpu, "2"]
    resources: {limits: {cpu: 300m}}
"#;

#[test]
fn top_tells_what_a_metrics_server_knows() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", PODS);
    let before = session.run(&["kubectl top pod", "kubectl top nodes"]);
    assert_snapshot!(before, @"
    $ kubectl top pod
    error: Metrics API not available
    [exit 1]
    $ kubectl top nodes
    error: Metrics API not available
    [exit 1]
    ");
    session.0.feed("kubectl apply -f -", METRICS_SERVER);
    assert_snapshot!(session.run(&[
        "kstate clock settle",
        "kubectl get apiservice v1beta1.metrics.k8s.io",
        "kubectl top pod",
        "kubectl top pod web",
        "kubectl top pod nope",
        "kstate clock advance 40s",
        "kubectl top pod",
        "kubectl top pod web --containers",
        "kubectl top po -A --sort-by=cpu --sum",
        "kubectl top pods -l app=busy --no-headers",
        "kubectl top pod --field-selector metadata.name=web",
        "kubectl top pod -n kube-public",
        "kubectl top node",
        "kubectl top no k3d-deadless-agent-0 --no-headers",
        "kubectl top node --sort-by=memory",
        "kubectl top pod --sort-by=name",
        "kubectl top pod web -l app=web",
        "kubectl top pod web busy",
        "kubectl get --raw /apis/metrics.k8s.io/v1beta1/namespaces/default/pods/throttled",
        "kubectl exec throttled -- ps",
    ]), @r#"
    $ kstate clock settle
    2026-01-01T00:00:06Z (manual)
    $ kubectl get apiservice v1beta1.metrics.k8s.io
    NAME                     SERVICE                      AVAILABLE   AGE
    v1beta1.metrics.k8s.io   kube-system/metrics-server   True        4s
    $ kubectl top pod
    error: metrics not available yet
    [exit 1]
    $ kubectl top pod web
    Error from server (NotFound): podmetrics.metrics.k8s.io "default/web" not found
    [exit 1]
    $ kubectl top pod nope
    Error from server (NotFound): pods "default/nope" not found
    [exit 1]
    $ kstate clock advance 40s
    2026-01-01T00:00:46Z (manual)
    $ kubectl top pod
    NAME        CPU(cores)   MEMORY(bytes)   
    busy        1000m        0Mi             
    throttled   300m         1Mi             
    web         0m           7Mi             
    $ kubectl top pod web --containers
    POD   NAME    CPU(cores)   MEMORY(bytes)   
    web   nginx   0m           7Mi             
    web   side    0m           0Mi             
    $ kubectl top po -A --sort-by=cpu --sum
    NAMESPACE     NAME                              CPU(cores)   MEMORY(bytes)   
    default       busy                              1000m        0Mi             
    default       throttled                         300m         1Mi             
    kube-system   metrics-server-7f856bf99f-xlvcx   5m           18Mi            
    default       web                               0m           7Mi             
                                                    ________     ________        
                                                    1305m        27Mi            
    $ kubectl top pods -l app=busy --no-headers
    busy        1000m   0Mi   
    throttled   300m    1Mi   
    $ kubectl top pod --field-selector metadata.name=web
    NAME   CPU(cores)   MEMORY(bytes)   
    web    0m           7Mi             
    $ kubectl top pod -n kube-public
    No resources found in kube-public namespace.
    $ kubectl top node
    NAME                    CPU(cores)   CPU(%)   MEMORY(bytes)   MEMORY(%)   
    k3d-deadless-agent-0    1322m        33%      291Mi           3%          
    k3d-deadless-agent-1    22m          0%       297Mi           3%          
    k3d-deadless-server-0   90m          2%       778Mi           9%          
    $ kubectl top no k3d-deadless-agent-0 --no-headers
    k3d-deadless-agent-0   1322m   33%   291Mi   3%    
    $ kubectl top node --sort-by=memory
    NAME                    CPU(cores)   CPU(%)   MEMORY(bytes)   MEMORY(%)   
    k3d-deadless-server-0   90m          2%       778Mi           9%          
    k3d-deadless-agent-1    22m          0%       297Mi           3%          
    k3d-deadless-agent-0    1322m        33%      291Mi           3%          
    $ kubectl top pod --sort-by=name
    error: --sort-by accepts only cpu or memory
    [exit 1]
    $ kubectl top pod web -l app=web
    error: only one of NAME or selector can be provided
    [exit 1]
    $ kubectl top pod web busy
    error: pod [NAME | -l label]
    See 'kubectl top pod -h' for help and examples
    [exit 1]
    $ kubectl get --raw /apis/metrics.k8s.io/v1beta1/namespaces/default/pods/throttled
    {"kind":"PodMetrics","apiVersion":"metrics.k8s.io/v1beta1","metadata":{"name":"throttled","namespace":"default","creationTimestamp":"2026-01-01T00:00:46Z","labels":{"app":"busy"}},"timestamp":"2026-01-01T00:00:45Z","window":"15s","containers":[{"name":"c","usage":{"cpu":"300000000n","memory":"1200Ki"}}]}
    $ kubectl exec throttled -- ps
        PID TTY          TIME CMD
          1 ?        00:00:00 stress
          2 ?        00:00:06 stress
          3 ?        00:00:06 stress
          4 ?        00:00:00 ps
    "#);
}

#[test]
fn load_is_put_on_and_taken_off() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", METRICS_SERVER);
    session.0.feed(
        "kubectl apply -f -",
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: {app: \
         web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: nginx}]}}}}",
    );
    assert_snapshot!(session.run(&[
        "kstate load",
        "kstate clock advance 60s",
        "kstate load deploy/web --cpu 400m --memory 100Mi --for 2m",
        "kstate load",
        "kstate clock advance 45s",
        "kubectl top pod",
        "kubectl scale deploy web --replicas=4",
        "kstate clock advance 45s",
        "kubectl top pod",
        "kstate clock advance 60s",
        "kubectl top pod",
        "kstate load deployment web --requests 1000/s",
        "kstate clock advance 45s",
        "kubectl top pod",
        "kstate load deploy/web --off",
        "kstate load deploy/web --off",
        "kstate undo",
        "kstate load",
        "kstate load deploy/web",
        "kstate load deploy/web --cpu much",
        "kstate load deploy/nope --cpu 1",
        "kstate load node/k3d-deadless-agent-0 --cpu 1",
    ]), @r#"
    $ kstate load
    No load on anything.
    $ kstate clock advance 60s
    2026-01-01T00:01:04Z (manual)
    $ kstate load deploy/web --cpu 400m --memory 100Mi --for 2m
    load put on deployment/web
    $ kstate load
    NAMESPACE   TARGET           CPU    MEMORY   REQUESTS   FOR
    default     deployment/web   400m   100Mi    <none>     2m0s
    $ kstate clock advance 45s
    2026-01-01T00:01:49Z (manual)
    $ kubectl top pod
    NAME                   CPU(cores)   MEMORY(bytes)   
    web-64d8d4b756-6jpxd   200m         107Mi           
    web-64d8d4b756-nnk2d   200m         107Mi           
    $ kubectl scale deploy web --replicas=4
    deployment.apps/web scaled
    $ kstate clock advance 45s
    2026-01-01T00:02:35Z (manual)
    $ kubectl top pod
    NAME                   CPU(cores)   MEMORY(bytes)   
    web-64d8d4b756-6jpxd   100m         107Mi           
    web-64d8d4b756-nnk2d   100m         107Mi           
    web-64d8d4b756-tzhx8   100m         107Mi           
    web-64d8d4b756-w2ctz   100m         107Mi           
    $ kstate clock advance 60s
    2026-01-01T00:03:35Z (manual)
    $ kubectl top pod
    NAME                   CPU(cores)   MEMORY(bytes)   
    web-64d8d4b756-6jpxd   0m           7Mi             
    web-64d8d4b756-nnk2d   0m           7Mi             
    web-64d8d4b756-tzhx8   0m           7Mi             
    web-64d8d4b756-w2ctz   0m           7Mi             
    $ kstate load deployment web --requests 1000/s
    load put on deployment/web
    $ kstate clock advance 45s
    2026-01-01T00:04:20Z (manual)
    $ kubectl top pod
    NAME                   CPU(cores)   MEMORY(bytes)   
    web-64d8d4b756-6jpxd   50m          7Mi             
    web-64d8d4b756-nnk2d   50m          7Mi             
    web-64d8d4b756-tzhx8   50m          7Mi             
    web-64d8d4b756-w2ctz   50m          7Mi             
    $ kstate load deploy/web --off
    load taken off deployment/web
    $ kstate load deploy/web --off
    error: there is no load on deployment/web
    [exit 1]
    $ kstate undo
    undone: kstate load deploy/web --off
    $ kstate load
    NAMESPACE   TARGET           CPU      MEMORY   REQUESTS   FOR
    default     deployment/web   <none>   <none>   1000/s     <none>
    $ kstate load deploy/web
    error: what load? Give --cpu, --memory or --requests; --off takes it off
    [exit 1]
    $ kstate load deploy/web --cpu much
    error: --cpu=much: not an amount
    [exit 1]
    $ kstate load deploy/nope --cpu 1
    Error from server (NotFound): deployments.apps "nope" not found
    [exit 1]
    $ kstate load node/k3d-deadless-agent-0 --cpu 1
    error: node has no pods of its own to load
    [exit 1]
    "#);
}

#[test]
fn who_takes_more_memory_than_allowed_is_killed() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", PODS);
    assert_snapshot!(session.run(&[
        "kstate clock settle",
        "kstate load pod/web --memory 200Mi",
        "kstate clock advance 2s",
        "kubectl get pod web",
        "kubectl get pod web -o jsonpath={.status.containerStatuses[0].lastState.terminated.reason}",
        "kstate load pod/web --off",
        "kstate clock advance 60s",
        "kubectl get pod web",
    ]), @"
    $ kstate clock settle
    2026-01-01T00:00:02Z (manual)
    $ kstate load pod/web --memory 200Mi
    load put on pod/web
    $ kstate clock advance 2s
    2026-01-01T00:00:04Z (manual)
    $ kubectl get pod web
    NAME   READY   STATUS             RESTARTS     AGE
    web    1/2     CrashLoopBackOff   1 (2s ago)   4s
    $ kubectl get pod web -o jsonpath={.status.containerStatuses[0].lastState.terminated.reason}
    OOMKilled$ kstate load pod/web --off
    load taken off pod/web
    $ kstate clock advance 60s
    2026-01-01T00:01:04Z (manual)
    $ kubectl get pod web
    NAME   READY   STATUS    RESTARTS      AGE
    web    2/2     Running   2 (62s ago)   64s
    ");
    session.0.feed(
        "kubectl apply -f -",
        "{apiVersion: v1, kind: Pod, metadata: {name: memory-demo}, spec: {restartPolicy: Never, containers: [{name: c, image: \
         polinux/stress, command: [stress], args: [--vm, '1', --vm-bytes, 250M, --vm-hang, '1'], resources: {limits: \
         {memory: 100Mi}}}]}}",
    );
    assert_snapshot!(session.run(&["kstate clock advance 30s", "kubectl get pod memory-demo", "kubectl logs memory-demo"]), @"
    $ kstate clock advance 30s
    2026-01-01T00:01:34Z (manual)
    $ kubectl get pod memory-demo
    NAME          READY   STATUS      RESTARTS   AGE
    memory-demo   0/1     OOMKilled   0          30s
    $ kubectl logs memory-demo
    stress: info: [1] dispatching hogs: 0 cpu, 0 io, 1 vm, 0 hdd
    ");
}

#[test]
fn metrics_are_objects_too() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", PODS);
    let before = session.run(&["kubectl get pods.metrics.k8s.io"]);
    session.0.feed("kubectl apply -f -", METRICS_SERVER);
    assert_snapshot!(before + &session.run(&[
        "kstate clock advance 60s",
        "kubectl get pods.metrics.k8s.io",
        "kubectl get podmetrics web -o yaml",
        "kubectl get nodes.metrics.k8s.io",
        "kubectl get pods.metrics.k8s.io -l app=busy -o jsonpath={.items[*].metadata.name}",
        "kubectl get pods.metrics.k8s.io -n default nope",
        "kubectl get pods.metrics.k8s.io -n kube-public",
    ]), @r#"
    $ kubectl get pods.metrics.k8s.io
    error: the server doesn't have a resource type "pods"
    [exit 1]
    $ kstate clock advance 60s
    2026-01-01T00:01:02Z (manual)
    $ kubectl get pods.metrics.k8s.io
    NAME        CPU    MEMORY   WINDOW
    busy        1      400Ki    15s
    throttled   300m   1200Ki   15s
    web         0      7744Ki   15s
    $ kubectl get podmetrics web -o yaml
    apiVersion: metrics.k8s.io/v1beta1
    containers:
    - name: nginx
      usage:
        cpu: 0n
        memory: 7344Ki
    - name: side
      usage:
        cpu: 0n
        memory: 400Ki
    kind: PodMetrics
    metadata:
      creationTimestamp: "2026-01-01T00:01:02Z"
      labels:
        app: web
      name: web
      namespace: default
    timestamp: "2026-01-01T00:01:00Z"
    window: 15s
    $ kubectl get nodes.metrics.k8s.io
    NAME                    CPU         MEMORY     WINDOW
    k3d-deadless-agent-0    1322m       298560Ki   15s
    k3d-deadless-agent-1    22m         304704Ki   15s
    k3d-deadless-server-0   89093333n   797072Ki   15s
    $ kubectl get pods.metrics.k8s.io -l app=busy -o jsonpath={.items[*].metadata.name}
    busy throttled$ kubectl get pods.metrics.k8s.io -n default nope
    Error from server (NotFound): pods "default/nope" not found
    [exit 1]
    $ kubectl get pods.metrics.k8s.io -n kube-public
    No resources found in kube-public namespace.
    "#);
}
