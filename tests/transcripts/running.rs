//! Pods that run: what their containers do, print, leave behind and end with.

use insta::assert_snapshot;

use super::Session;

const TICKTOCK: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: ticktock}
spec:
  containers:
  - name: c
    image: bash
    command: ["bash", "-c", "x=0;while true;do ((x=x+1));sleep 1;echo $x > /data/ticktock;done"]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
"#;

#[test]
fn a_counter_goes_on_with_the_clock() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", TICKTOCK);
    assert_snapshot!(session.run(&[
        "kstate clock advance 30s",
        "kubectl exec ticktock -- cat /data/ticktock",
        "kstate clock advance 60s",
        "kubectl exec ticktock -- cat /data/ticktock",
        "kubectl exec ticktock -- sh -c 'exit 7'",
        "kubectl exec ticktock -- nope",
        "kubectl exec ticktock -- ps",
    ]), @r#"
    $ kstate clock advance 30s
    2026-01-01T00:00:30Z (manual)
    $ kubectl exec ticktock -- cat /data/ticktock
    28
    $ kstate clock advance 60s
    2026-01-01T00:01:30Z (manual)
    $ kubectl exec ticktock -- cat /data/ticktock
    88
    $ kubectl exec ticktock -- sh -c 'exit 7'
    command terminated with exit code 7
    [exit 7]
    $ kubectl exec ticktock -- nope
    error: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "4123094ec07754ad9c20010ab7b53b1b5abe20a3b451e0be9a46791b26793925": OCI runtime exec failed: exec failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown
    [exit 1]
    $ kubectl exec ticktock -- ps
    PID   USER     TIME  COMMAND
        1 root      0:00 bash -c x=0;while true;do ((x=x+1));sleep 1;echo $x > /data/ticktock;done
       91 root      0:00 sleep 1
       94 root      0:00 ps
    "#);
}

const ENDS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: crash}
spec:
  containers:
  - {name: c, image: busybox, command: [sh, -c, "echo starting; sleep 2; echo failing >&2; exit 3"]}
---
apiVersion: v1
kind: Pod
metadata: {name: once}
spec:
  restartPolicy: Never
  initContainers:
  - {name: first, image: busybox, command: [sh, -c, "echo prepared > /work/file"], volumeMounts: [{name: w, mountPath: /work}]}
  containers:
  - {name: c, image: busybox, command: [cat, /work/file], volumeMounts: [{name: w, mountPath: /work}]}
  volumes: [{name: w, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: missing}
spec:
  restartPolicy: Never
  containers: [{name: c, image: busybox, command: [no-such-command]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: count}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: busybox, command: [sh, -c, "for i in 1 2 3; do echo $i; sleep 1; done"]}]
"#;

#[test]
fn containers_end_as_their_commands_do() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", ENDS);
    assert_snapshot!(session.run(&[
        "kstate clock advance 45s",
        "kubectl get pods,jobs",
        "kubectl logs crash",
        "kubectl logs crash --previous",
        "kubectl logs once",
        "kubectl logs job/count",
        "kubectl get pod missing -o jsonpath='{.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode}{\"\\n\"}{.status.containerStatuses[0].state.terminated.message}{\"\\n\"}'",
        "kubectl get events --field-selector involvedObject.name=crash -o custom-columns=R:.reason,N:.count,M:.message",
    ]), @r#"
    $ kstate clock advance 45s
    2026-01-01T00:00:45Z (manual)
    $ kubectl get pods,jobs
    NAME              READY   STATUS             RESTARTS     AGE
    pod/count-7p62p   0/1     Completed          0            45s
    pod/crash         0/1     CrashLoopBackOff   3 (6s ago)   45s
    pod/missing       0/1     StartError         0            45s
    pod/once          0/1     Completed          0            45s

    NAME              STATUS     COMPLETIONS   DURATION   AGE
    job.batch/count   Complete   1/1           4s         45s
    $ kubectl logs crash
    starting
    failing
    $ kubectl logs crash --previous
    starting
    failing
    $ kubectl logs once
    Defaulted container "c" out of: c, first (init)
    prepared
    $ kubectl logs job/count
    1
    2
    3
    $ kubectl get pod missing -o jsonpath='{.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode}{"\n"}{.status.containerStatuses[0].state.terminated.message}{"\n"}'
    StartError 128
    failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "no-such-command": executable file not found in $PATH: unknown
    $ kubectl get events --field-selector involvedObject.name=crash -o custom-columns=R:.reason,N:.count,M:.message
    R           N        M
    Scheduled   <none>   Successfully assigned default/crash to k3d-deadless-agent-0
    Pulling     4        Pulling image "busybox"
    Pulled      4        Successfully pulled image "busybox" in 1.828s (1.828s including waiting). Image size: 2219949 bytes.
    Created     4        Container created
    Started     4        Container started
    BackOff     3        Back-off restarting failed container c in pod crash_default(b388ed31-643f-4ed9-8d19-a6acbfe10784)
    "#);
}

const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: nginx
        image: nginx
        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers: [{name: c, image: busybox, command: [sleep, "3600"]}]
"#;

#[test]
fn a_service_is_reached_by_its_name_while_a_pod_of_it_is_ready() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", WEB);
    assert_snapshot!(session.run(&[
        "kstate clock settle",
        "kubectl exec client -- wget -qO- http://web",
        "kubectl exec client -- nslookup web.default.svc.cluster.local",
        "kubectl exec client -- wget -qO- http://nowhere",
        "kubectl scale deploy web --replicas=0",
        "kstate clock settle",
        "kubectl exec client -- wget -T 3 -qO- http://web",
    ]), @r#"
    $ kstate clock settle
    2026-01-01T00:00:02Z (manual)
    $ kubectl exec client -- wget -qO- http://web
    <!DOCTYPE html>
    <html>
    <head>
    <title>Welcome to nginx!</title>
    <style>
    html { color-scheme: light dark; }
    body { width: 35em; margin: 0 auto;
    font-family: Tahoma, Verdana, Arial, sans-serif; }
    </style>
    </head>
    <body>
    <h1>Welcome to nginx!</h1>
    <p>If you see this page, the nginx web server is successfully installed and
    working. Further configuration is required.</p>

    <p>For online documentation and support please refer to
    <a href="http://nginx.org/">nginx.org</a>.<br/>
    Commercial support is available at
    <a href="http://nginx.com/">nginx.com</a>.</p>

    <p><em>Thank you for using nginx.</em></p>
    </body>
    </html>
    $ kubectl exec client -- nslookup web.default.svc.cluster.local
    Server:		10.43.0.10
    Address:	10.43.0.10:53

    Name:	web.default.svc.cluster.local
    Address: 10.43.19.90


    $ kubectl exec client -- wget -qO- http://nowhere
    wget: bad address 'nowhere'
    command terminated with exit code 1
    [exit 1]
    $ kubectl scale deploy web --replicas=0
    deployment.apps/web scaled
    $ kstate clock settle
    2026-01-01T00:00:03Z (manual)
    $ kubectl exec client -- wget -T 3 -qO- http://web
    wget: can't connect to remote host (10.43.19.90): Connection refused
    command terminated with exit code 1
    [exit 1]
    "#);
}

const KEPT: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - {name: c, image: busybox, command: [sh, -c, "trap exit TERM; while :; do sleep 1; done"], volumeMounts: [{name: d, mountPath: /data}]}
  volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]
"#;

#[test]
fn a_file_on_a_claim_outlives_its_pod_and_goes_with_the_claim() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", KEPT);
    assert_snapshot!(session.run(&[
        "kstate clock settle",
        "kubectl exec p -- sh -c 'echo kept > /data/file; echo gone > /tmp/file'",
        "kubectl delete pod p",
    ]), @r#"
    $ kstate clock settle
    2026-01-01T00:00:02Z (manual)
    $ kubectl exec p -- sh -c 'echo kept > /data/file; echo gone > /tmp/file'
    $ kubectl delete pod p
    pod "p" deleted from default namespace
    "#);
    session.0.feed("kubectl apply -f -", KEPT);
    assert_snapshot!(session.run(&[
        "kstate clock settle",
        "kubectl exec p -- cat /data/file /tmp/file",
        "kstate node exec k3d-deadless-agent-0 -- sh -c 'cat /var/lib/rancher/k3s/storage/*/file'",
        "kubectl delete pod p",
        "kubectl delete pvc data",
        "kstate clock settle",
        "kstate node exec k3d-deadless-agent-0 -- ls /var/lib/rancher/k3s/storage",
    ]), @r#"
    $ kstate clock settle
    2026-01-01T00:00:04Z (manual)
    $ kubectl exec p -- cat /data/file /tmp/file
    cat: can't open '/tmp/file': No such file or directory
    kept
    command terminated with exit code 1
    [exit 1]
    $ kstate node exec k3d-deadless-agent-0 -- sh -c 'cat /var/lib/rancher/k3s/storage/*/file'
    cat: can't open '/var/lib/rancher/k3s/storage/*/file': No such file or directory
    [exit 1]
    $ kubectl delete pod p
    pod "p" deleted from default namespace
    $ kubectl delete pvc data
    persistentvolumeclaim "data" deleted from default namespace
    $ kstate clock settle
    2026-01-01T00:00:06Z (manual)
    $ kstate node exec k3d-deadless-agent-0 -- ls /var/lib/rancher/k3s/storage
    "#);
}
