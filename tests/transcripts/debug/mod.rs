//! `kubectl debug`: ephemeral containers, copies of pods, and pods that look at a node.

mod parts;

use insta::assert_snapshot;

use super::Session;

const WEB: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}, annotations: {note: kept}}
spec:
  containers:
  - {name: nginx, image: "nginx:1.27"}
  - {name: side, image: busybox, command: [sleep, "1000"]}
"#;

#[test]
fn an_ephemeral_container_sees_its_target() {
    let mut session = Session::new();
    session.apply(WEB);
    assert_snapshot!(session.run(&[
        "kubectl debug web -it --image=busybox --target=nginx -c debugger --attach=false",
        "kubectl get pod web -o jsonpath='{.status.ephemeralContainerStatuses[0].state}'",
        "kstate clock advance 5s",
        "kubectl exec web -c debugger -- ps",
        "kubectl exec web -c debugger -- ls /proc/1/root/usr/share/nginx/html",
        "kubectl exec web -c debugger -- sh -c 'cd /proc/1/root/etc/nginx && pwd && ls conf.d'",
        "kubectl exec web -c debugger -- readlink /proc/1/root",
        "kubectl exec web -c debugger -- wget -qO- localhost --spider",
        "kubectl exec web -c side -- ps",
        "kubectl get pod web -o jsonpath='{.metadata.generation} {.status.ephemeralContainerStatuses[0].ready} {.status.ephemeralContainerStatuses[0].started}'",
        "kubectl get events --field-selector reason=Started -o custom-columns=WHAT:.involvedObject.fieldPath,SAYS:.message",
        "kubectl exec web -c debugger -- kill 1",
        "kstate clock advance 3s",
        "kubectl get pod web -o jsonpath='{.status.ephemeralContainerStatuses[0].state.terminated.exitCode} {.status.containerStatuses[0].restartCount}'",
    ]), @r#"
    $ kubectl debug web -it --image=busybox --target=nginx -c debugger --attach=false
    Targeting container "nginx". If you don't see processes from this container it may be because the container runtime doesn't support this feature.
    $ kubectl get pod web -o jsonpath='{.status.ephemeralContainerStatuses[0].state}'
    {"running":{"startedAt":"2026-01-01T00:00:03Z"}}$ kstate clock advance 5s
    2026-01-01T00:00:08Z (manual)
    $ kubectl exec web -c debugger -- ps
    PID   USER     TIME  COMMAND
        1 root      0:00 nginx -g daemon off;
       29 101       0:00 nginx: worker process
       30 101       0:00 nginx: worker process
       31 root      0:00 sh
       32 root      0:00 ps
    $ kubectl exec web -c debugger -- ls /proc/1/root/usr/share/nginx/html
    50x.html
    index.html
    $ kubectl exec web -c debugger -- sh -c 'cd /proc/1/root/etc/nginx && pwd && ls conf.d'
    /proc/1/root/etc/nginx
    default.conf
    $ kubectl exec web -c debugger -- readlink /proc/1/root
    /
    $ kubectl exec web -c debugger -- wget -qO- localhost --spider
    $ kubectl exec web -c side -- ps
    PID   USER     TIME  COMMAND
        1 root      0:00 sleep 1000
        2 root      0:00 ps
    $ kubectl get pod web -o jsonpath='{.metadata.generation} {.status.ephemeralContainerStatuses[0].ready} {.status.ephemeralContainerStatuses[0].started}'
    2 false $ kubectl get events --field-selector reason=Started -o custom-columns=WHAT:.involvedObject.fieldPath,SAYS:.message
    WHAT                                 SAYS
    spec.containers{nginx}               Container started
    spec.containers{side}                Container started
    spec.ephemeralContainers{debugger}   Container started
    $ kubectl exec web -c debugger -- kill 1
    $ kstate clock advance 3s
    2026-01-01T00:00:11Z (manual)
    $ kubectl get pod web -o jsonpath='{.status.ephemeralContainerStatuses[0].state.terminated.exitCode} {.status.containerStatuses[0].restartCount}'
    137 1
    "#);
}

#[test]
fn an_ephemeral_container_that_is_attached_to_prints_what_it_says() {
    let mut session = Session::new();
    session.apply(WEB);
    assert_snapshot!(session.run(&["kubectl debug web -i --image=busybox -q -- sh -c 'echo hello; hostname; exit 4'"]), @"
    $ kubectl debug web -i --image=busybox -q -- sh -c 'echo hello; hostname; exit 4'
    hello
    web
    ");
    assert_snapshot!(session.0.feed("kubectl debug web -i --image=busybox -c sh -- sh", "echo typed; ps\n"), @"
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    typed
    PID   USER     TIME  COMMAND
        1 root      0:00 sh
        2 root      0:00 ps
    ");
    assert_snapshot!(session.run(&[
        "kubectl logs web -c sh",
        "kubectl logs web",
        "kubectl debug web --image=busybox --target=none -c x",
        "kubectl describe pod web",
    ]), @r#"
    $ kubectl logs web -c sh
    typed
    PID   USER     TIME  COMMAND
        1 root      0:00 sh
        2 root      0:00 ps
    $ kubectl logs web
    Defaulted container "nginx" out of: nginx, side, debugger-qstg8 (ephem), sh (ephem)
    /docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration
    /docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/
    /docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh
    10-listen-on-ipv6-by-default.sh: info: Getting the checksum of /etc/nginx/conf.d/default.conf
    10-listen-on-ipv6-by-default.sh: info: Enabled listen on IPv6 in /etc/nginx/conf.d/default.conf
    /docker-entrypoint.sh: Sourcing /docker-entrypoint.d/15-local-resolvers.envsh
    /docker-entrypoint.sh: Launching /docker-entrypoint.d/20-envsubst-on-templates.sh
    /docker-entrypoint.sh: Launching /docker-entrypoint.d/30-tune-worker-processes.sh
    /docker-entrypoint.sh: Configuration complete; ready for start up
    2026/01/01 00:00:02 [notice] 1#1: using the "epoll" event method
    2026/01/01 00:00:02 [notice] 1#1: nginx/1.27.5
    2026/01/01 00:00:02 [notice] 1#1: built by gcc 14.2.0 (Debian 14.2.0-19) 
    2026/01/01 00:00:02 [notice] 1#1: OS: Linux 5.16.14-arch1-1
    2026/01/01 00:00:02 [notice] 1#1: getrlimit(RLIMIT_NOFILE): 1048576:1048576
    2026/01/01 00:00:02 [notice] 1#1: start worker processes
    2026/01/01 00:00:02 [notice] 1#1: start worker process 29
    2026/01/01 00:00:02 [notice] 1#1: start worker process 30
    $ kubectl debug web --image=busybox --target=none -c x
    Targeting container "none". If you don't see processes from this container it may be because the container runtime doesn't support this feature.
    The Pod "web" is invalid: spec.ephemeralContainers[2].targetContainerName: Not found: "none"
    [exit 1]
    $ kubectl describe pod web
    Name:             web
    Namespace:        default
    Priority:         0
    Service Account:  default
    Node:             k3d-deadless-agent-1/172.18.0.4
    Start Time:       Thu, 01 Jan 2026 00:00:00 +0000
    Labels:           app=web
    Annotations:      note: kept
    Status:           Running
    IP:               10.42.1.2
    IPs:
      IP:  10.42.1.2
    Containers:
      nginx:
        Container ID:   containerd://2d2a7e56a91e0a6c2f22f675215363e8343cc2953f46d710689bf14b83a1e9a8
        Image:          nginx:1.27
        Image ID:       docker.io/library/nginx@sha256:62b2eb6c4119b634de7c75a27f51d49f6b4c95c4f1571a57fb76d161dd563741
        Port:           <none>
        Host Port:      <none>
        State:          Running
          Started:      Thu, 01 Jan 2026 00:00:02 +0000
        Ready:          True
        Restart Count:  0
        Environment:    <none>
        Mounts:
          /var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-vs4qj (ro)
      side:
        Container ID:  containerd://82841e3897bb4b8789c4e8892a761ebf1619fca88ffa8b46bb57beffbaffceba
        Image:         busybox
        Image ID:      docker.io/library/busybox@sha256:35260619d8aa900e3f9019a233154f2e7bbbab1fe0f3bc63237dbe6be78063e0
        Port:          <none>
        Host Port:     <none>
        Command:
          sleep
          1000
        State:          Running
          Started:      Thu, 01 Jan 2026 00:00:02 +0000
        Ready:          True
        Restart Count:  0
        Environment:    <none>
        Mounts:
          /var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-vs4qj (ro)
    Ephemeral Containers:
      debugger-qstg8:
        Container ID:  containerd://ee5bc37fa2971bdd5043a2d16d1b5a7df33ecf9484cbc7d3fd04f8602dc19306
        Image:         busybox
        Image ID:      docker.io/library/busybox@sha256:35260619d8aa900e3f9019a233154f2e7bbbab1fe0f3bc63237dbe6be78063e0
        Port:          <none>
        Host Port:     <none>
        Command:
          sh
          -c
          echo hello; hostname; exit 4
        State:          Terminated
          Reason:       Error
          Exit Code:    4
          Started:      Thu, 01 Jan 2026 00:00:03 +0000
          Finished:     Thu, 01 Jan 2026 00:00:03 +0000
        Ready:          False
        Restart Count:  0
        Environment:    <none>
        Mounts:         <none>
      sh:
        Container ID:  containerd://a098a0d8afdbdb68545ce899e5e546775de4d45b5b73f880620b3952acfb8f48
        Image:         busybox
        Image ID:      docker.io/library/busybox@sha256:35260619d8aa900e3f9019a233154f2e7bbbab1fe0f3bc63237dbe6be78063e0
        Port:          <none>
        Host Port:     <none>
        Command:
          sh
        State:          Terminated
          Reason:       Completed
          Exit Code:    0
          Started:      Thu, 01 Jan 2026 00:00:05 +0000
          Finished:     Thu, 01 Jan 2026 00:00:05 +0000
        Ready:          False
        Restart Count:  0
        Environment:    <none>
        Mounts:         <none>
    Conditions:
      Type                        Status
      PodReadyToStartContainers   True 
      Initialized                 True 
      Ready                       True 
      ContainersReady             True 
      PodScheduled                True 
    Volumes:
      kube-api-access-vs4qj:
        Type:                    Projected (a volume that contains injected data from multiple sources)
        TokenExpirationSeconds:  3607
        ConfigMapName:           kube-root-ca.crt
        Optional:                false
        DownwardAPI:             true
        ConfigMapName:           openshift-service-ca.crt
        Optional:                false
    QoS Class:                   BestEffort
    Node-Selectors:              <none>
    Tolerations:                 node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
                                 node.kubernetes.io/unreachable:NoExecute op=Exists for 300s
    Events:
      Type    Reason     Age   From               Message
      ----    ------     ----  ----               -------
      Normal  Scheduled  5s    default-scheduler  Successfully assigned default/web to k3d-deadless-agent-1
      Normal  Pulling    3s    kubelet            spec.containers{nginx}: Pulling image "nginx:1.27"
      Normal  Pulled     3s    kubelet            spec.containers{nginx}: Successfully pulled image "nginx:1.27" in 1.047s (1.047s including waiting). Image size: 2219949 bytes.
      Normal  Created    3s    kubelet            spec.containers{nginx}: Container created
      Normal  Started    3s    kubelet            spec.containers{nginx}: Container started
      Normal  Pulling    3s    kubelet            spec.containers{side}: Pulling image "busybox"
      Normal  Pulled     3s    kubelet            spec.containers{side}: Successfully pulled image "busybox" in 1.31s (1.31s including waiting). Image size: 2219949 bytes.
      Normal  Created    3s    kubelet            spec.containers{side}: Container created
      Normal  Started    3s    kubelet            spec.containers{side}: Container started
      Normal  Pulling    2s    kubelet            spec.ephemeralContainers{debugger-qstg8}: Pulling image "busybox"
      Normal  Pulled     2s    kubelet            spec.ephemeralContainers{debugger-qstg8}: Successfully pulled image "busybox" in 1.31s (1.31s including waiting). Image size: 2219949 bytes.
      Normal  Created    2s    kubelet            spec.ephemeralContainers{debugger-qstg8}: Container created
      Normal  Started    2s    kubelet            spec.ephemeralContainers{debugger-qstg8}: Container started
      Normal  Pulling    0s    kubelet            spec.ephemeralContainers{sh}: Pulling image "busybox"
      Normal  Pulled     0s    kubelet            spec.ephemeralContainers{sh}: Successfully pulled image "busybox" in 1.31s (1.31s including waiting). Image size: 2219949 bytes.
      Normal  Created    0s    kubelet            spec.ephemeralContainers{sh}: Container created
      Normal  Started    0s    kubelet            spec.ephemeralContainers{sh}: Container started
    "#);
}

#[test]
fn a_pod_of_one_process_namespace_shares_it() {
    let mut session = Session::new();
    session.apply(&WEB.replace("spec:", "spec:\n  shareProcessNamespace: true"));
    assert_snapshot!(session.run(&[
        "kubectl exec web -c side -- ps -o pid,ppid,user,args",
        "kubectl exec web -c side -- sh -c 'ls /proc/2/root/etc/nginx'",
        "kubectl exec web -c side -- kill 3",
        "kstate clock advance 2s",
        "kubectl get pod web -o jsonpath='{range .status.containerStatuses[*]}{.name} {.restartCount} {.lastState.terminated.exitCode}{\"\\n\"}{end}'",
    ]), @r#"
    $ kubectl exec web -c side -- ps -o pid,ppid,user,args
    PID   PPID  USER     COMMAND
        1     0 65535    /pause
        2     0 root     nginx -g daemon off;
        3     0 root     sleep 1000
        4     2 101      nginx: worker process
        5     2 101      nginx: worker process
        6     0 root     ps -o pid,ppid,user,args
    $ kubectl exec web -c side -- sh -c 'ls /proc/2/root/etc/nginx'
    conf.d
    fastcgi_params
    mime.types
    modules
    nginx.conf
    $ kubectl exec web -c side -- kill 3
    command terminated with exit code 137
    [exit 137]
    $ kstate clock advance 2s
    2026-01-01T00:00:04Z (manual)
    $ kubectl get pod web -o jsonpath='{range .status.containerStatuses[*]}{.name} {.restartCount} {.lastState.terminated.exitCode}{"\n"}{end}'
    nginx 0 
    side 1 143
    "#);
}

#[test]
fn a_node_is_debugged_from_a_pod_on_it() {
    let mut session = Session::new();
    session.apply(&WEB.replace("spec:", "spec:\n  nodeName: k3d-deadless-agent-0"));
    assert_snapshot!(session.run(&[
        "kubectl debug node/k3d-deadless-agent-0 -i --image=busybox -- sh -c 'hostname; ls /host/var/lib; chroot /host crictl ps | cut -c1-30; chroot /host pwd; nsenter -t 1 -m ls /'",
        "kubectl get pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName,PHASE:.status.phase,NET:.spec.hostNetwork,PID:.spec.hostPID,LABELS:.metadata.labels",
        "kubectl debug node/k3d-deadless-agent-0 -iq --image=busybox --profile=sysadmin -c shell -- sh -c 'ps | head -8; nsenter -t 1 -m cat /etc/hostname; touch /host/tmp/here'",
        "kstate node exec k3d-deadless-agent-0 -- ls /tmp",
        "kubectl debug node/nope -i --image=busybox",
    ]), @r#"
    $ kubectl debug node/k3d-deadless-agent-0 -i --image=busybox -- sh -c 'hostname; ls /host/var/lib; chroot /host crictl ps | cut -c1-30; chroot /host pwd; nsenter -t 1 -m ls /'
    Creating debugging pod node-debugger-k3d-deadless-agent-0-dqsdx with container debugger on node k3d-deadless-agent-0.
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    k3d-deadless-agent-0
    cni
    kubelet
    rancher
    CONTAINER           IMAGE     
    2d2a7e56a91e0       d6450a2386
    82841e3897bb4       3504243192
    /
    nsenter: can't open '/proc/1/ns/mnt': Permission denied
    $ kubectl get pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName,PHASE:.status.phase,NET:.spec.hostNetwork,PID:.spec.hostPID,LABELS:.metadata.labels
    NAME                                       NODE                   PHASE     NET      PID      LABELS
    node-debugger-k3d-deadless-agent-0-dqsdx   k3d-deadless-agent-0   Failed    true     true     map[app.kubernetes.io/managed-by:kubectl-debug]
    web                                        k3d-deadless-agent-0   Running   <none>   <none>   map[app:web]
    $ kubectl debug node/k3d-deadless-agent-0 -iq --image=busybox --profile=sysadmin -c shell -- sh -c 'ps | head -8; nsenter -t 1 -m cat /etc/hostname; touch /host/tmp/here'
    PID   USER     TIME  COMMAND
        1 root      0:00 /sbin/docker-init -- /bin/k3d-entrypoint.sh agent
        2 root      0:00 /bin/k3s agent
        3 root      0:00 containerd
        4 root      0:00 /bin/containerd-shim-runc-v2 -namespace k8s.io -id b061c32d34f8c2a4af831649786eca249ee37016f36abfbb63a743d5f399b2a7 -address /run/k3s/containerd/containerd.sock
        5 65535     0:00 /pause
        6 root      0:00 nginx -g daemon off;
        7 root      0:00 sleep 1000
    $ kstate node exec k3d-deadless-agent-0 -- ls /tmp
    here
    $ kubectl debug node/nope -i --image=busybox
    Error from server (NotFound): nodes "nope" not found
    [exit 1]
    "#);
}

#[test]
fn a_pod_is_copied_to_be_debugged() {
    let mut session = Session::new();
    session.apply(WEB);
    assert_snapshot!(session.run(&[
        "kubectl debug web --image=busybox --copy-to=one -c shell --same-node -- sleep 1000",
        "kubectl get pod one -o jsonpath='{.metadata.labels}{.metadata.annotations} {.spec.shareProcessNamespace} {.spec.containers[2].name} {.spec.containers[2].command} {.spec.containers[2].securityContext}'",
        "kubectl debug web --copy-to=two --set-image=nginx=nginx:1.28,*=alpine --keep-labels",
        "kubectl get pod two -o jsonpath='{.metadata.labels} {.spec.containers[*].image} {.spec.shareProcessNamespace}'",
        "kubectl debug web --copy-to=three -c nginx --share-processes=false -- nginx-debug",
        "kubectl get pod three -o jsonpath='{.spec.containers[0].command} {.spec.shareProcessNamespace}'",
        "kubectl debug web --image=busybox --copy-to=four --replace --profile=restricted --env=A=1,B=2",
        "kubectl get pod four -o jsonpath='{.spec.containers[2].env} {.spec.containers[2].securityContext}'",
        "kubectl get pods web --ignore-not-found",
        "kubectl debug four --image=busybox --copy-to=one",
    ]), @r#"
    $ kubectl debug web --image=busybox --copy-to=one -c shell --same-node -- sleep 1000
    $ kubectl get pod one -o jsonpath='{.metadata.labels}{.metadata.annotations} {.spec.shareProcessNamespace} {.spec.containers[2].name} {.spec.containers[2].command} {.spec.containers[2].securityContext}'
     true shell ["sleep","1000"] {"capabilities":{"add":["SYS_PTRACE"]}}$ kubectl debug web --copy-to=two --set-image=nginx=nginx:1.28,*=alpine --keep-labels
    $ kubectl get pod two -o jsonpath='{.metadata.labels} {.spec.containers[*].image} {.spec.shareProcessNamespace}'
    {"app":"web"} nginx:1.28 alpine $ kubectl debug web --copy-to=three -c nginx --share-processes=false -- nginx-debug
    $ kubectl get pod three -o jsonpath='{.spec.containers[0].command} {.spec.shareProcessNamespace}'
    ["nginx-debug"] false$ kubectl debug web --image=busybox --copy-to=four --replace --profile=restricted --env=A=1,B=2
    Defaulting debug container name to debugger-cb59q.
    $ kubectl get pod four -o jsonpath='{.spec.containers[2].env} {.spec.containers[2].securityContext}'
    [{"name":"A","value":"1"},{"name":"B","value":"2"}] {"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}}$ kubectl get pods web --ignore-not-found
    $ kubectl debug four --image=busybox --copy-to=one
    Defaulting debug container name to debugger-5dmfl.
    Error from server (AlreadyExists): pods "one" already exists
    [exit 1]
    "#);
}

#[test]
fn what_debug_refuses() {
    let mut session = Session::new();
    session.apply(WEB);
    session.apply("{apiVersion: v1, kind: Pod, metadata: {name: user}, spec: {securityContext: {runAsUser: 1000}, containers: [{name: a, image: busybox, command: [sleep, '1000']}]}}");
    assert_snapshot!(session.run(&[
        "kubectl debug",
        "kubectl debug web",
        "kubectl debug web --attach -c x",
        "kubectl debug web --image=busybox --replace",
        "kubectl debug web --image=busybox --same-node",
        "kubectl debug web --image=busybox --set-image=a=b",
        "kubectl debug web --copy-to=x",
        "kubectl debug web --copy-to=x -- sh",
        "kubectl debug web --copy-to=x --image=busybox --target=nginx",
        "kubectl debug web --image=Busy/Box",
        "kubectl debug web --image=busybox --copy-to=x --set-image=nginx=A",
        "kubectl debug web --image=busybox --image-pull-policy=Sometimes",
        "kubectl debug web --image=busybox -t",
        "kubectl debug web --image=busybox --profile=none",
        "kubectl debug web --image=busybox --env=A",
        "kubectl debug web --image=busybox --custom=nope.json",
        "kubectl debug none --image=busybox",
        "kubectl debug deployment/none --image=busybox",
        "kubectl debug ns/default --image=busybox",
        "kubectl debug web --image=busybox --profile=legacy -c legacy",
        "kubectl debug user --image=busybox -c warned",
        "kubectl debug user --image=busybox -c netadmin --profile=netadmin",
        "kubectl get pod user -o jsonpath='{.spec.ephemeralContainers[*].securityContext}'",
        "kubectl debug web --image=does-not-exist -i -c missing",
    ]), @r#"
    $ kubectl debug
    error: you must specify --image when not using --copy-to.
    [exit 1]
    $ kubectl debug web
    error: you must specify --image when not using --copy-to.
    [exit 1]
    $ kubectl debug web --attach -c x
    error: you must specify --image when not using --copy-to.
    [exit 1]
    $ kubectl debug web --image=busybox --replace
    error: --replace may only be used with --copy-to.
    [exit 1]
    $ kubectl debug web --image=busybox --same-node
    error: --same-node may only be used with --copy-to.
    [exit 1]
    $ kubectl debug web --image=busybox --set-image=a=b
    error: --set-image may only be used with --copy-to.
    [exit 1]
    $ kubectl debug web --copy-to=x
    error: you must specify --image, --set-image or command arguments.
    [exit 1]
    $ kubectl debug web --copy-to=x -- sh
    error: you must specify an existing container or a new image when specifying args.
    [exit 1]
    $ kubectl debug web --copy-to=x --image=busybox --target=nginx
    error: --target is incompatible with --copy-to. Use --share-processes instead.
    [exit 1]
    $ kubectl debug web --image=Busy/Box
    error: invalid image name "Busy/Box": invalid reference format
    [exit 1]
    $ kubectl debug web --image=busybox --copy-to=x --set-image=nginx=A
    error: invalid image name "A" for container "nginx": invalid reference format
    [exit 1]
    $ kubectl debug web --image=busybox --image-pull-policy=Sometimes
    error: invalid image pull policy: Sometimes
    [exit 1]
    $ kubectl debug web --image=busybox -t
    error: -i/--stdin is required for containers with -t/--tty=true
    [exit 1]
    $ kubectl debug web --image=busybox --profile=none
    error: unknown profile: none
    [exit 1]
    $ kubectl debug web --image=busybox --env=A
    error: invalid argument "A" for "--env" flag: A must be formatted as key=value
    See 'kubectl debug --help' for usage.
    [exit 1]
    $ kubectl debug web --image=busybox --custom=nope.json
    error: must pass a container spec json file for custom profile: open nope.json: no such file or directory
    [exit 1]
    $ kubectl debug none --image=busybox
    Error from server (NotFound): pods "none" not found
    [exit 1]
    $ kubectl debug deployment/none --image=busybox
    Error from server (NotFound): deployments.apps "none" not found
    [exit 1]
    $ kubectl debug ns/default --image=busybox
    error: "/v1, Kind=Namespace" not supported by debug
    [exit 1]
    $ kubectl debug web --image=busybox --profile=legacy -c legacy
    --profile=legacy is deprecated and planned to be removed in v1.39. It is recommended to specify other profile, for example "--profile=general".
    $ kubectl debug user --image=busybox -c warned
    Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may not work. Please consider using "--custom" with a custom profile that specifies "securityContext.runAsUser: 0".
    $ kubectl debug user --image=busybox -c netadmin --profile=netadmin
    Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may not work. Please consider using "--custom" with a custom profile that specifies "securityContext.runAsUser: 0".
    $ kubectl get pod user -o jsonpath='{.spec.ephemeralContainers[*].securityContext}'
    {"capabilities":{"add":["SYS_PTRACE"]}} {"capabilities":{"add":["NET_ADMIN","NET_RAW"]}}$ kubectl debug web --image=does-not-exist -i -c missing
    Warning: container missing: rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/library/does-not-exist:latest": failed to resolve reference "docker.io/library/does-not-exist:latest": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed
    Warning: container missing: Back-off pulling image "does-not-exist"
    error: timed out waiting for the condition
    [exit 1]
    "#);
}
