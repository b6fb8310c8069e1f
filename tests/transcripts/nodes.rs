//! What nodes are like: those of the default cluster, those made by hand, and more than there are networks for.

use std::path::Path;

use insta::assert_snapshot;
use kstate::api::Duration;
use kstate::sim::Config;

use super::Session;
use crate::conformance::shell::Shell;

#[test]
fn the_nodes_of_a_new_cluster_are_those_of_k3d() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl get nodes -o wide",
        "kubectl get node k3d-deadless-agent-1 -o yaml",
        "kubectl describe node k3d-deadless-server-0",
    ]), @r#"
    $ kubectl get nodes -o wide
    NAME                    STATUS   ROLES           AGE   VERSION        INTERNAL-IP   EXTERNAL-IP   OS-IMAGE   KERNEL-VERSION            CONTAINER-RUNTIME
    k3d-deadless-agent-0    Ready    <none>          0s    v1.36.2+k3s1   172.18.0.3    <none>        K3s dev    5.16.14-arch1-1 (amd64)   containerd://1.5.9-k3s1
    k3d-deadless-agent-1    Ready    <none>          0s    v1.36.2+k3s1   172.18.0.4    <none>        K3s dev    5.16.14-arch1-1 (amd64)   containerd://1.5.9-k3s1
    k3d-deadless-server-0   Ready    control-plane   0s    v1.36.2+k3s1   172.18.0.2    <none>        K3s dev    5.16.14-arch1-1 (amd64)   containerd://1.5.9-k3s1
    $ kubectl get node k3d-deadless-agent-1 -o yaml
    apiVersion: v1
    kind: Node
    metadata:
      annotations:
        k3s.io/hostname: k3d-deadless-agent-1
        k3s.io/internal-ip: 172.18.0.4
        node.alpha.kubernetes.io/ttl: "0"
        volumes.kubernetes.io/controller-managed-attach-detach: "true"
      creationTimestamp: "2026-01-01T00:00:00Z"
      labels:
        beta.kubernetes.io/arch: amd64
        beta.kubernetes.io/instance-type: k3s
        beta.kubernetes.io/os: linux
        egress.k3s.io/cluster: "true"
        kubernetes.io/arch: amd64
        kubernetes.io/hostname: k3d-deadless-agent-1
        kubernetes.io/os: linux
        node.kubernetes.io/instance-type: k3s
      name: k3d-deadless-agent-1
      resourceVersion: "11"
      uid: 6accf72f-295d-436f-a7bc-5d34b088255d
    spec:
      podCIDR: 10.42.1.0/24
      podCIDRs:
      - 10.42.1.0/24
      providerID: k3s://k3d-deadless-agent-1
    status:
      addresses:
      - address: 172.18.0.4
        type: InternalIP
      - address: k3d-deadless-agent-1
        type: Hostname
      allocatable:
        cpu: "4"
        ephemeral-storage: 263174212Ki
        hugepages-1Gi: "0"
        hugepages-2Mi: "0"
        memory: 8Gi
        pods: "110"
      capacity:
        cpu: "4"
        ephemeral-storage: 263174212Ki
        hugepages-1Gi: "0"
        hugepages-2Mi: "0"
        memory: 8Gi
        pods: "110"
      conditions:
      - lastHeartbeatTime: "2026-01-01T00:00:00Z"
        lastTransitionTime: "2026-01-01T00:00:00Z"
        message: kubelet has sufficient memory available
        reason: KubeletHasSufficientMemory
        status: "False"
        type: MemoryPressure
      - lastHeartbeatTime: "2026-01-01T00:00:00Z"
        lastTransitionTime: "2026-01-01T00:00:00Z"
        message: kubelet has no disk pressure
        reason: KubeletHasNoDiskPressure
        status: "False"
        type: DiskPressure
      - lastHeartbeatTime: "2026-01-01T00:00:00Z"
        lastTransitionTime: "2026-01-01T00:00:00Z"
        message: kubelet has sufficient PID available
        reason: KubeletHasSufficientPID
        status: "False"
        type: PIDPressure
      - lastHeartbeatTime: "2026-01-01T00:00:00Z"
        lastTransitionTime: "2026-01-01T00:00:00Z"
        message: kubelet is posting ready status
        reason: KubeletReady
        status: "True"
        type: Ready
      daemonEndpoints:
        kubeletEndpoint:
          Port: 10250
      nodeInfo:
        architecture: amd64
        bootID: f32a5ab3-49f9-4d8e-a136-0c73f216c349
        containerRuntimeVersion: containerd://1.5.9-k3s1
        kernelVersion: 5.16.14-arch1-1
        kubeProxyVersion: v1.36.2+k3s1
        kubeletVersion: v1.36.2+k3s1
        machineID: ""
        operatingSystem: linux
        osImage: K3s dev
        systemUUID: e194d901-5e6a-4307-8d48-b77680020c0e
    $ kubectl describe node k3d-deadless-server-0
    Name:               k3d-deadless-server-0
    Roles:              control-plane
    Labels:             beta.kubernetes.io/arch=amd64
                        beta.kubernetes.io/instance-type=k3s
                        beta.kubernetes.io/os=linux
                        egress.k3s.io/cluster=true
                        kubernetes.io/arch=amd64
                        kubernetes.io/hostname=k3d-deadless-server-0
                        kubernetes.io/os=linux
                        node-role.kubernetes.io/control-plane=
                        node.kubernetes.io/instance-type=k3s
    Annotations:        k3s.io/hostname: k3d-deadless-server-0
                        k3s.io/internal-ip: 172.18.0.2
                        node.alpha.kubernetes.io/ttl: 0
                        volumes.kubernetes.io/controller-managed-attach-detach: true
    CreationTimestamp:  Thu, 01 Jan 2026 00:00:00 +0000
    Taints:             <none>
    Unschedulable:      false
    Lease:
      HolderIdentity:  k3d-deadless-server-0
      AcquireTime:     <unset>
      RenewTime:       Thu, 01 Jan 2026 00:00:00 +0000
    Conditions:
      Type             Status  LastHeartbeatTime                 LastTransitionTime                Reason                       Message
      ----             ------  -----------------                 ------------------                ------                       -------
      MemoryPressure   False   Thu, 01 Jan 2026 00:00:00 +0000   Thu, 01 Jan 2026 00:00:00 +0000   KubeletHasSufficientMemory   kubelet has sufficient memory available
      DiskPressure     False   Thu, 01 Jan 2026 00:00:00 +0000   Thu, 01 Jan 2026 00:00:00 +0000   KubeletHasNoDiskPressure     kubelet has no disk pressure
      PIDPressure      False   Thu, 01 Jan 2026 00:00:00 +0000   Thu, 01 Jan 2026 00:00:00 +0000   KubeletHasSufficientPID      kubelet has sufficient PID available
      Ready            True    Thu, 01 Jan 2026 00:00:00 +0000   Thu, 01 Jan 2026 00:00:00 +0000   KubeletReady                 kubelet is posting ready status
    Addresses:
      InternalIP:  172.18.0.2
      Hostname:    k3d-deadless-server-0
    Capacity:
      cpu:                4
      ephemeral-storage:  263174212Ki
      hugepages-1Gi:      0
      hugepages-2Mi:      0
      memory:             8Gi
      pods:               110
    Allocatable:
      cpu:                4
      ephemeral-storage:  263174212Ki
      hugepages-1Gi:      0
      hugepages-2Mi:      0
      memory:             8Gi
      pods:               110
    System Info:
      Machine ID:                 
      System UUID:                6706d4a3-1048-4bf8-9b85-f0be12d81169
      Boot ID:                    fed3f602-256b-414c-baaa-600773b7b08f
      Kernel Version:             5.16.14-arch1-1
      OS Image:                   K3s dev
      Operating System:           linux
      Architecture:               amd64
      Container Runtime Version:  containerd://1.5.9-k3s1
      Kubelet Version:            v1.36.2+k3s1
    PodCIDR:                      10.42.2.0/24
    PodCIDRs:                     10.42.2.0/24
    ProviderID:                   k3s://k3d-deadless-server-0
    Non-terminated Pods:          (0 in total)
      Namespace                   Name    CPU Requests  CPU Limits  Memory Requests  Memory Limits  Age
      ---------                   ----    ------------  ----------  ---------------  -------------  ---
    Allocated resources:
      (Total limits may be over 100 percent, i.e., overcommitted.)
      Resource           Requests  Limits
      --------           --------  ------
      cpu                0 (0%)    0 (0%)
      memory             0 (0%)    0 (0%)
      ephemeral-storage  0 (0%)    0 (0%)
      hugepages-1Gi      0 (0%)    0 (0%)
      hugepages-2Mi      0 (0%)    0 (0%)
    Events:              <none>
    "#);
}

#[test]
fn a_node_made_by_hand_is_tainted_first_and_gets_its_network_and_its_old_labels() {
    let mut session = Session::new();
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: byhand, labels: {kubernetes.io/os: linux, beta.kubernetes.io/os: dos}}\n";
    let shown = "-o jsonpath={.metadata.labels}{.metadata.annotations}{.spec}";
    assert_snapshot!(session.0.feed(&format!("kubectl create {shown} -f -"), node), @r#"{"beta.kubernetes.io/os":"dos","kubernetes.io/os":"linux"}{"taints":[{"effect":"NoSchedule","key":"node.kubernetes.io/not-ready"}]}"#);
    assert_snapshot!(session.run(&[&format!("kubectl get node byhand {shown}")]), @r#"
    $ kubectl get node byhand -o jsonpath={.metadata.labels}{.metadata.annotations}{.spec}
    {"beta.kubernetes.io/os":"linux","kubernetes.io/os":"linux"}{"node.alpha.kubernetes.io/ttl":"0"}{"podCIDR":"10.42.3.0/24","podCIDRs":["10.42.3.0/24"]}
    "#);
    session.0.advance(Duration::secs(70));
    assert_snapshot!(session.run(&["kubectl describe node byhand"]), @r#"
    $ kubectl describe node byhand
    Name:               byhand
    Roles:              <none>
    Labels:             beta.kubernetes.io/os=linux
                        kubernetes.io/os=linux
    Annotations:        node.alpha.kubernetes.io/ttl: 0
    CreationTimestamp:  Thu, 01 Jan 2026 00:00:00 +0000
    Taints:             node.kubernetes.io/unreachable:NoExecute
                        node.kubernetes.io/unreachable:NoSchedule
    Unschedulable:      false
    Lease:              Failed to get lease: leases.coordination.k8s.io "byhand" not found
    Conditions:
      Type             Status    LastHeartbeatTime                 LastTransitionTime                Reason                   Message
      ----             ------    -----------------                 ------------------                ------                   -------
      Ready            Unknown   Thu, 01 Jan 2026 00:00:00 +0000   Thu, 01 Jan 2026 00:01:00 +0000   NodeStatusNeverUpdated   Kubelet never posted node status.
      MemoryPressure   Unknown   Thu, 01 Jan 2026 00:00:00 +0000   Thu, 01 Jan 2026 00:01:00 +0000   NodeStatusNeverUpdated   Kubelet never posted node status.
      DiskPressure     Unknown   Thu, 01 Jan 2026 00:00:00 +0000   Thu, 01 Jan 2026 00:01:00 +0000   NodeStatusNeverUpdated   Kubelet never posted node status.
      PIDPressure      Unknown   Thu, 01 Jan 2026 00:00:00 +0000   Thu, 01 Jan 2026 00:01:00 +0000   NodeStatusNeverUpdated   Kubelet never posted node status.
    Addresses:
    System Info:
      Machine ID:                 
      System UUID:                
      Boot ID:                    
      Kernel Version:             
      OS Image:                   
      Operating System:           
      Architecture:               
      Container Runtime Version:  
      Kubelet Version:            
    PodCIDR:                      10.42.3.0/24
    PodCIDRs:                     10.42.3.0/24
    Non-terminated Pods:          (0 in total)
      Namespace                   Name    CPU Requests  CPU Limits  Memory Requests  Memory Limits  Age
      ---------                   ----    ------------  ----------  ---------------  -------------  ---
    Allocated resources:
      (Total limits may be over 100 percent, i.e., overcommitted.)
      Resource           Requests  Limits
      --------           --------  ------
      cpu                0 (0%)    0 (0%)
      memory             0 (0%)    0 (0%)
      ephemeral-storage  0 (0%)    0 (0%)
    Events:
      Type    Reason          Age   From             Message
      ----    ------          ----  ----             -------
      Normal  RegisteredNode  70s   node-controller  Node byhand event: Registered Node byhand in Controller
    "#);
}

#[test]
fn a_node_that_comes_back_gets_the_next_network() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl delete node k3d-deadless-agent-0",
        "kstate node start k3d-deadless-agent-0",
        "kubectl get nodes -o custom-columns=N:.metadata.name,C:.spec.podCIDR,T:.spec.taints",
    ]), @r#"
    $ kubectl delete node k3d-deadless-agent-0
    node "k3d-deadless-agent-0" deleted
    $ kstate node start k3d-deadless-agent-0
    node/k3d-deadless-agent-0 started
    $ kubectl get nodes -o custom-columns=N:.metadata.name,C:.spec.podCIDR,T:.spec.taints
    N                       C              T
    k3d-deadless-agent-0    10.42.3.0/24   <none>
    k3d-deadless-agent-1    10.42.1.0/24   <none>
    k3d-deadless-server-0   10.42.2.0/24   <none>
    "#);
}

#[test]
fn there_are_networks_for_256_nodes() {
    let nodes = (1..=258).map(|n| format!("n{n:03}")).collect();
    let config = Config { nodes, ..Config::default() };
    let mut session = Session(Shell::with(Path::new(env!("CARGO_MANIFEST_DIR")), config));
    session.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: n257, containers: [{name: c, image: busybox}]}");
    let last = "kubectl get node n001 n256 n257 n258 -o custom-columns=N:.metadata.name,C:.spec.podCIDR";
    let told = "kubectl get events --field-selector reason=CIDRNotAvailable -o custom-columns=O:.involvedObject.name,M:.message,F:.source.component";
    let sandbox = "kubectl get events --field-selector reason=FailedCreatePodSandBox -o jsonpath={.items[0].message}";
    session.0.advance(Duration::secs(1));
    assert_snapshot!(session.run(&[last, told, sandbox, "kubectl delete node n002"]), @r#"
    $ kubectl get node n001 n256 n257 n258 -o custom-columns=N:.metadata.name,C:.spec.podCIDR
    N      C
    n001   10.42.0.0/24
    n256   10.42.255.0/24
    n257   <none>
    n258   <none>
    $ kubectl get events --field-selector reason=CIDRNotAvailable -o custom-columns=O:.involvedObject.name,M:.message,F:.source.component
    O      M                                           F
    n257   Node n257 status is now: CIDRNotAvailable   cidrAllocator
    n258   Node n258 status is now: CIDRNotAvailable   cidrAllocator
    $ kubectl get events --field-selector reason=FailedCreatePodSandBox -o jsonpath={.items[0].message}
    Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "0c897a62032a68783eb69e76c2593b28fd4a17041fb2378adc72b6099f157f33": plugin type="flannel" failed (add): loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file or directory$ kubectl delete node n002
    node "n002" deleted
    "#);
    session.0.advance(Duration::secs(1000));
    assert_snapshot!(session.run(&[last, "kubectl get pod p -o wide"]), @r"
    $ kubectl get node n001 n256 n257 n258 -o custom-columns=N:.metadata.name,C:.spec.podCIDR
    N      C
    n001   10.42.0.0/24
    n256   10.42.255.0/24
    n257   10.42.1.0/24
    n258   <none>
    $ kubectl get pod p -o wide
    NAME   READY   STATUS    RESTARTS   AGE   IP          NODE   NOMINATED NODE   READINESS GATES
    p      1/1     Running   0          16m   10.42.1.2   n257   <none>           <none>
    ");
}

#[test]
fn addresses_go_round_past_those_in_use() {
    let mut session = Session::new();
    let pod = |name: &str, round: usize| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{round: \"{round}\"}}}}\nspec: {{nodeName: \
             k3d-deadless-agent-0, containers: [{{name: c, image: busybox}}]}}\n"
        )
    };
    session.apply(&pod("stays", 9));
    for round in 0..3 {
        session.apply(&(0..84).map(|n| pod(&format!("p-{round}-{n}"), round)).collect::<String>());
        session.run(&[&format!("kubectl delete pod -l round={round}")]);
    }
    session.apply(&pod("last", 9));
    session.apply(&pod("next", 9));
    let addresses = "kubectl get pods -o custom-columns=N:.metadata.name,A:.status.podIP";
    assert_snapshot!(session.run(&[addresses]), @r"
    $ kubectl get pods -o custom-columns=N:.metadata.name,A:.status.podIP
    N       A
    last    10.42.0.3
    next    10.42.0.4
    stays   10.42.0.2
    ");
}

#[test]
fn each_node_that_cannot_be_drained_is_told_with_all_its_reasons() {
    let mut session = Session::new();
    let pod = |name: &str, node: &str, more: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{of: {node}}}}}, spec: {{nodeName: {node}, containers: [{{name: c, image: nginx}}]{more}}}}}\n---\n"
        )
    };
    let (first, second) = ("k3d-deadless-agent-0", "k3d-deadless-agent-1");
    session.apply(
        &(pod("a", first, "") + &pod("b", second, "") + &pod("c", second, ", volumes: [{name: v, emptyDir: {}}]")),
    );
    assert_snapshot!(session.run(&[
        "kubectl drain k3d-deadless-agent-0",
        "kubectl drain k3d-deadless-agent-0 k3d-deadless-agent-1",
        "kubectl drain k3d-deadless-agent-0 --pod-selector=of=nothing",
        "kubectl drain k3d-deadless-agent-0 --pod-selector==",
        "kubectl drain k3d-deadless-agent-1 --force --delete-emptydir-data --dry-run=server",
        "kubectl drain k3d-deadless-agent-1 --force --delete-emptydir-data --disable-eviction --grace-period=0",
        "kubectl drain -l none=here",
        "kubectl drain",
        "kubectl uncordon k3d-deadless-agent-0 k3d-deadless-agent-1",
    ]), @r#"
    $ kubectl drain k3d-deadless-agent-0
    node/k3d-deadless-agent-0 cordoned
    error: unable to drain node "k3d-deadless-agent-0" due to error: cannot delete cannot delete Pods that declare no controller (use --force to override): default/a, continuing command...
    There are pending nodes to be drained:
     k3d-deadless-agent-0
    cannot delete cannot delete Pods that declare no controller (use --force to override): default/a
    [exit 1]
    $ kubectl drain k3d-deadless-agent-0 k3d-deadless-agent-1
    node/k3d-deadless-agent-0 already cordoned
    node/k3d-deadless-agent-1 cordoned
    error: unable to drain node "k3d-deadless-agent-0" due to error: cannot delete cannot delete Pods that declare no controller (use --force to override): default/a, continuing command...
    error: unable to drain node "k3d-deadless-agent-1" due to error: [cannot delete Pods with local storage (use --delete-emptydir-data to override): default/c, cannot delete cannot delete Pods that declare no controller (use --force to override): default/b], continuing command...
    There are pending nodes to be drained:
     k3d-deadless-agent-0
     k3d-deadless-agent-1
    cannot delete cannot delete Pods that declare no controller (use --force to override): default/a
    [cannot delete Pods with local storage (use --delete-emptydir-data to override): default/c, cannot delete cannot delete Pods that declare no controller (use --force to override): default/b]
    [exit 1]
    $ kubectl drain k3d-deadless-agent-0 --pod-selector=of=nothing
    node/k3d-deadless-agent-0 already cordoned
    node/k3d-deadless-agent-0 drained
    $ kubectl drain k3d-deadless-agent-0 --pod-selector==
    error: --pod-selector=<pod_selector> must be a valid label selector
    [exit 1]
    $ kubectl drain k3d-deadless-agent-1 --force --delete-emptydir-data --dry-run=server
    node/k3d-deadless-agent-1 already cordoned (server dry run)
    Warning: deleting Pods that declare no controller: default/b, default/c
    evicting pod default/b (server dry run)
    evicting pod default/c (server dry run)
    node/k3d-deadless-agent-1 drained (server dry run)
    $ kubectl drain k3d-deadless-agent-1 --force --delete-emptydir-data --disable-eviction --grace-period=0
    node/k3d-deadless-agent-1 already cordoned
    Warning: deleting Pods that declare no controller: default/b, default/c
    pod/b deleted
    pod/c deleted
    node/k3d-deadless-agent-1 drained
    $ kubectl drain -l none=here
    $ kubectl drain
    error: USAGE: drain NODE [flags]
    See 'kubectl drain -h' for help and examples
    [exit 1]
    $ kubectl uncordon k3d-deadless-agent-0 k3d-deadless-agent-1
    node/k3d-deadless-agent-0 uncordoned
    node/k3d-deadless-agent-1 uncordoned
    "#);
}
