//! The workshop's Consul: three members that find each other by label, one deleted, one node lost, the quorum lost and
//! mended.

use insta::assert_snapshot;

use super::Session;

/// The manifest of the workshop's second deployment, with its anti-affinity and its hook.
const CONSUL: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: consul}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: consul}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: consul}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: consul}
subjects: [{kind: ServiceAccount, name: consul}]
---
apiVersion: v1
kind: Service
metadata: {name: consul}
spec:
  ports: [{port: 8500, name: http}]
  selector: {app: consul}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: consul}
spec:
  serviceName: consul
  replicas: 3
  selector: {matchLabels: {app: consul}}
  template:
    metadata: {labels: {app: consul}}
    spec:
      serviceAccountName: consul
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - labelSelector: {matchExpressions: [{key: app, operator: In, values: [consul]}]}
            topologyKey: kubernetes.io/hostname
      terminationGracePeriodSeconds: 10
      containers:
      - name: consul
        image: "consul:1.11"
        env:
        - name: NAMESPACE
          valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
        args:
        - "agent"
        - "-bootstrap-expect=3"
        - "-retry-join=provider=k8s label_selector=\"app=consul\" namespace=\"$(NAMESPACE)\""
        - "-client=0.0.0.0"
        - "-data-dir=/consul/data"
        - "-server"
        - "-ui"
        lifecycle:
          preStop:
            exec: {command: [/bin/sh, -c, consul leave]}
"#;

fn three() -> Session {
    let mut session = Session::new();
    session.apply(CONSUL);
    session.run(&["kstate clock advance 2m"]);
    session
}

#[test]
fn three_members_find_each_other_by_label() {
    let mut session = three();
    assert_snapshot!(session.run(&[
        "kubectl get pods -o wide",
        "kubectl logs consul-0",
        "kubectl exec consul-0 -- consul members",
        "kubectl exec consul-0 -- consul operator raft list-peers",
        "kubectl exec consul-1 -- consul info | grep leader",
        "kubectl exec consul-2 -- consul kv put color blue",
        "kubectl exec consul-0 -- consul kv get color",
        "kubectl exec consul-0 -- consul kv get colour",
        "kubectl exec consul-1 -- consul catalog nodes",
        "kubectl exec consul-1 -- curl -s http://consul:8500/v1/kv/color?raw",
        "kubectl exec consul-1 -- curl -s -X PUT -d green http://consul:8500/v1/kv/color",
        "kubectl exec consul-1 -- curl -s http://consul:8500/v1/kv/color",
        "kubectl exec consul-1 -- curl -s http://localhost:8500/v1/status/leader",
        "kubectl exec consul-1 -- curl -s http://localhost:8500/v1/status/peers",
        "kubectl exec consul-1 -- consul kv delete color",
    ]), @r#"
    $ kubectl get pods -o wide
    NAME       READY   STATUS    RESTARTS   AGE    IP          NODE                    NOMINATED NODE   READINESS GATES
    consul-0   1/1     Running   0          2m3s   10.42.2.2   k3d-deadless-server-0   <none>           <none>
    consul-1   1/1     Running   0          2m2s   10.42.0.2   k3d-deadless-agent-0    <none>           <none>
    consul-2   1/1     Running   0          2m1s   10.42.1.2   k3d-deadless-agent-1    <none>           <none>
    $ kubectl logs consul-0
    ==> Starting Consul agent...
                  Version: '1.11.11'
               Build Date: '1970-01-01 00:00:01 +0000 UTC'
                  Node ID: 'f5b55ee9-c6cd-8101-fca8-2e442a182e4b'
                Node name: 'consul-0'
               Datacenter: 'dc1' (Segment: '<all>')
                   Server: true (Bootstrap: false)
              Client Addr: [0.0.0.0] (HTTP: 8500, HTTPS: -1, gRPC: -1, DNS: 8600)
             Cluster Addr: 10.42.2.2 (LAN: 8301, WAN: 8302)
        Gossip Encryption: false
         Auto-Encrypt-TLS: false

    ==> Log data will now stream in as it occurs:

    2026-01-01T00:00:01.207Z [INFO]  agent.server.raft: initial configuration: index=0 servers="[]"
    2026-01-01T00:00:01.207Z [INFO]  agent.server.raft: entering follower state: follower="Node at 10.42.2.2:8300 [Follower]" leader-address= leader-id=
    2026-01-01T00:00:01.207Z [INFO]  agent.server.serf.wan: serf: EventMemberJoin: consul-0.dc1 10.42.2.2
    2026-01-01T00:00:01.207Z [INFO]  agent.server.serf.lan: serf: EventMemberJoin: consul-0 10.42.2.2
    2026-01-01T00:00:01.207Z [INFO]  agent.server: Adding LAN server: server="consul-0 (Addr: tcp/10.42.2.2:8300) (DC: dc1)"
    2026-01-01T00:00:01.207Z [INFO]  agent: Started DNS server: address=0.0.0.0:8600 network=tcp
    2026-01-01T00:00:01.207Z [INFO]  agent: Started DNS server: address=0.0.0.0:8600 network=udp
    2026-01-01T00:00:01.207Z [INFO]  agent: Starting server: address=0.0.0.0:8500 network=tcp protocol=http
    2026-01-01T00:00:01.207Z [INFO]  agent: started state syncer
    2026-01-01T00:00:01.207Z [INFO]  agent: Consul agent running!
    2026-01-01T00:00:01.207Z [INFO]  agent: Retry join is supported for the following discovery methods: cluster=LAN discovery_methods="aliyun aws azure digitalocean gce hcp k8s linode mdns os packet scaleway softlayer tencentcloud triton vsphere"
    2026-01-01T00:00:01.207Z [INFO]  agent: Joining cluster...: cluster=LAN
    2026-01-01T00:00:01.207Z [INFO]  agent: Discovered servers: cluster=LAN cluster=LAN servers="10.42.2.2"
    2026-01-01T00:00:01.207Z [INFO]  agent: (LAN) joining: lan_addresses=[10.42.2.2]
    2026-01-01T00:00:01.207Z [INFO]  agent: (LAN) joined: number_of_nodes=1
    2026-01-01T00:00:01.207Z [INFO]  agent: Join cluster completed. Synced with initial agents: cluster=LAN num_agents=1
    2026-01-01T00:00:02.081Z [INFO]  agent.server.serf.lan: serf: EventMemberJoin: consul-1 10.42.0.2
    2026-01-01T00:00:02.081Z [INFO]  agent.server: Adding LAN server: server="consul-1 (Addr: tcp/10.42.0.2:8300) (DC: dc1)"
    2026-01-01T00:00:03.015Z [INFO]  agent.server.serf.lan: serf: EventMemberJoin: consul-2 10.42.1.2
    2026-01-01T00:00:03.015Z [INFO]  agent.server: Adding LAN server: server="consul-2 (Addr: tcp/10.42.1.2:8300) (DC: dc1)"
    2026-01-01T00:00:11.371Z [INFO]  agent.server: New leader elected: payload=consul-2
    2026-01-01T00:00:11.371Z [INFO]  agent: Synced node info
    $ kubectl exec consul-0 -- consul members
    Node      Address         Status  Type    Build    Protocol  DC   Partition  Segment
    consul-0  10.42.2.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    consul-1  10.42.0.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    consul-2  10.42.1.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    $ kubectl exec consul-0 -- consul operator raft list-peers
    Node      ID                                    Address         State     Voter  RaftProtocol
    consul-0  f5b55ee9-c6cd-8101-fca8-2e442a182e4b  10.42.2.2:8300  follower  true   3
    consul-1  827383cd-da04-a08a-d7d1-1632e57beecb  10.42.0.2:8300  follower  true   3
    consul-2  db6aac7a-ba87-69a9-1dba-4279ddeac1d8  10.42.1.2:8300  leader    true   3
    $ kubectl exec consul-1 -- consul info | grep leader
    	leader = false
    	leader_addr = 10.42.1.2:8300
    $ kubectl exec consul-2 -- consul kv put color blue
    Success! Data written to: color
    $ kubectl exec consul-0 -- consul kv get color
    blue
    $ kubectl exec consul-0 -- consul kv get colour
    Error! No key exists at: colour
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec consul-1 -- consul catalog nodes
    Node      ID        Address    DC
    consul-0  f5b55ee9  10.42.2.2  dc1
    consul-1  827383cd  10.42.0.2  dc1
    consul-2  db6aac7a  10.42.1.2  dc1
    $ kubectl exec consul-1 -- curl -s http://consul:8500/v1/kv/color?raw
    blue$ kubectl exec consul-1 -- curl -s -X PUT -d green http://consul:8500/v1/kv/color
    true$ kubectl exec consul-1 -- curl -s http://consul:8500/v1/kv/color
    [{"CreateIndex":3,"Flags":0,"Key":"color","LockIndex":0,"ModifyIndex":4,"Value":"Z3JlZW4="}]$ kubectl exec consul-1 -- curl -s http://localhost:8500/v1/status/leader
    "10.42.1.2:8300"$ kubectl exec consul-1 -- curl -s http://localhost:8500/v1/status/peers
    ["10.42.2.2:8300","10.42.0.2:8300","10.42.1.2:8300"]$ kubectl exec consul-1 -- consul kv delete color
    Success! Deleted key: color
    "#);
}

#[test]
fn one_that_is_deleted_leaves_and_another_takes_its_name() {
    let mut session = three();
    assert_snapshot!(session.run(&[
        "kubectl exec consul-0 -- consul kv put color blue",
        "kubectl delete pod consul-1",
        "kubectl logs consul-0 --tail=4",
        "kstate clock advance 1m",
        "kubectl exec consul-0 -- consul members",
        "kubectl exec consul-0 -- consul operator raft list-peers",
        "kubectl exec consul-1 -- consul kv get color",
    ]), @r#"
    $ kubectl exec consul-0 -- consul kv put color blue
    Success! Data written to: color
    $ kubectl delete pod consul-1
    pod "consul-1" deleted from default namespace
    $ kubectl logs consul-0 --tail=4
    2026-01-01T00:02:03.015Z [INFO]  agent.server.serf.lan: serf: EventMemberLeave: consul-1 10.42.0.2
    2026-01-01T00:02:03.015Z [INFO]  agent.server: Removing LAN server: server="consul-1 (Addr: tcp/10.42.0.2:8300) (DC: dc1)"
    2026-01-01T00:02:09.000Z [INFO]  agent.server.serf.lan: serf: EventMemberJoin: consul-1 10.42.0.3
    2026-01-01T00:02:09.000Z [INFO]  agent.server: Adding LAN server: server="consul-1 (Addr: tcp/10.42.0.3:8300) (DC: dc1)"
    $ kstate clock advance 1m
    2026-01-01T00:03:09Z (manual)
    $ kubectl exec consul-0 -- consul members
    Node      Address         Status  Type    Build    Protocol  DC   Partition  Segment
    consul-0  10.42.2.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    consul-1  10.42.0.3:8301  alive   server  1.11.11  2         dc1  default    <all>
    consul-2  10.42.1.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    $ kubectl exec consul-0 -- consul operator raft list-peers
    Node      ID                                    Address         State     Voter  RaftProtocol
    consul-0  f5b55ee9-c6cd-8101-fca8-2e442a182e4b  10.42.2.2:8300  follower  true   3
    consul-1  4081272a-d972-e071-05ce-94c5fd8769be  10.42.0.3:8300  follower  true   3
    consul-2  db6aac7a-ba87-69a9-1dba-4279ddeac1d8  10.42.1.2:8300  leader    true   3
    $ kubectl exec consul-1 -- consul kv get color
    blue
    "#);
}

#[test]
fn without_two_of_three_nobody_decides_until_one_is_back() {
    let mut session = three();
    assert_snapshot!(session.run(&[
        "kubectl exec consul-2 -- consul kv put color blue",
        "kstate node stop k3d-deadless-agent-0",
        "kstate clock advance 6s",
        "kubectl exec consul-2 -- consul members",
        "kubectl exec consul-2 -- consul kv get color",
        "kubectl logs consul-2 --tail=5",
        "kstate node stop k3d-deadless-server-0",
        "kstate clock advance 20s",
        "kubectl exec consul-2 -- consul members",
        "kubectl exec consul-2 -- consul kv get color",
        "kubectl exec consul-2 -- consul kv put color red",
        "kubectl exec consul-2 -- consul operator raft list-peers",
        "kubectl logs consul-2 --tail=7",
        "kstate node start k3d-deadless-server-0",
        "kstate node start k3d-deadless-agent-0",
        "kstate clock advance 1m",
        "kubectl exec consul-2 -- consul members",
        "kubectl exec consul-2 -- consul kv get color",
        "kubectl exec consul-2 -- consul operator raft list-peers",
    
    ]), @r#"
    $ kubectl exec consul-2 -- consul kv put color blue
    Success! Data written to: color
    $ kstate node stop k3d-deadless-agent-0
    node/k3d-deadless-agent-0 stopped
    $ kstate clock advance 6s
    2026-01-01T00:02:09Z (manual)
    $ kubectl exec consul-2 -- consul members
    Node      Address         Status  Type    Build    Protocol  DC   Partition  Segment
    consul-0  10.42.2.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    consul-1  10.42.0.2:8301  failed  server  1.11.11  2         dc1  default    <all>
    consul-2  10.42.1.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    $ kubectl exec consul-2 -- consul kv get color
    blue
    $ kubectl logs consul-2 --tail=5
    2026-01-01T00:00:11.371Z [INFO]  agent: Synced node info
    2026-01-01T00:02:03.015Z [INFO]  agent.server.memberlist.lan: memberlist: Suspect consul-1 has failed, no acks received
    2026-01-01T00:02:07.015Z [INFO]  agent.server.serf.lan: serf: EventMemberFailed: consul-1 10.42.0.2
    2026-01-01T00:02:07.015Z [INFO]  agent.server: Removing LAN server: server="consul-1 (Addr: tcp/10.42.0.2:8300) (DC: dc1)"
    2026-01-01T00:02:07.015Z [INFO]  agent.server: member failed, marking health critical: member=consul-1 partition=default
    $ kstate node stop k3d-deadless-server-0
    node/k3d-deadless-server-0 stopped
    $ kstate clock advance 20s
    2026-01-01T00:02:29Z (manual)
    $ kubectl exec consul-2 -- consul members
    Node      Address         Status  Type    Build    Protocol  DC   Partition  Segment
    consul-0  10.42.2.2:8301  failed  server  1.11.11  2         dc1  default    <all>
    consul-1  10.42.0.2:8301  failed  server  1.11.11  2         dc1  default    <all>
    consul-2  10.42.1.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    $ kubectl exec consul-2 -- consul kv get color
    Error querying Consul agent: Unexpected response code: 500 (No cluster leader)
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec consul-2 -- consul kv put color red
    Error! Failed writing data: Unexpected response code: 500 (No cluster leader)
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec consul-2 -- consul operator raft list-peers
    Error getting peers: Failed to retrieve raft configuration: Unexpected response code: 500 (No cluster leader)
    command terminated with exit code 1
    [exit 1]
    $ kubectl logs consul-2 --tail=7
    2026-01-01T00:02:09.015Z [WARN]  agent.server.raft: failed to contact quorum of nodes, stepping down
    2026-01-01T00:02:09.015Z [INFO]  agent.server.raft: entering follower state: follower="Node at 10.42.1.2:8300 [Follower]" leader-address= leader-id=
    2026-01-01T00:02:09.015Z [INFO]  agent.server: cluster leadership lost
    2026-01-01T00:02:13.115Z [INFO]  agent.server.memberlist.lan: memberlist: Marking consul-0 as failed, suspect timeout reached (0 peer confirmations)
    2026-01-01T00:02:13.115Z [INFO]  agent.server.serf.lan: serf: EventMemberFailed: consul-0 10.42.2.2
    2026-01-01T00:02:13.115Z [INFO]  agent.server: Removing LAN server: server="consul-0 (Addr: tcp/10.42.2.2:8300) (DC: dc1)"
    2026-01-01T00:02:15.251Z [ERROR] agent.anti_entropy: failed to sync remote state: error="No cluster leader"
    $ kstate node start k3d-deadless-server-0
    node/k3d-deadless-server-0 started
    $ kstate node start k3d-deadless-agent-0
    node/k3d-deadless-agent-0 started
    $ kstate clock advance 1m
    2026-01-01T00:03:29Z (manual)
    $ kubectl exec consul-2 -- consul members
    Node      Address         Status  Type    Build    Protocol  DC   Partition  Segment
    consul-0  10.42.2.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    consul-1  10.42.0.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    consul-2  10.42.1.2:8301  alive   server  1.11.11  2         dc1  default    <all>
    $ kubectl exec consul-2 -- consul kv get color
    blue
    $ kubectl exec consul-2 -- consul operator raft list-peers
    Node      ID                                    Address         State     Voter  RaftProtocol
    consul-0  f5b55ee9-c6cd-8101-fca8-2e442a182e4b  10.42.2.2:8300  follower  true   3
    consul-1  827383cd-da04-a08a-d7d1-1632e57beecb  10.42.0.2:8300  follower  true   3
    consul-2  db6aac7a-ba87-69a9-1dba-4279ddeac1d8  10.42.1.2:8300  leader    true   3
    "#);
}

#[test]
fn without_the_right_to_list_pods_nobody_is_found() {
    let mut session = Session::new();
    session.apply(CONSUL);
    assert_snapshot!(session.run(&[
        "kubectl delete rolebinding consul",
        "kubectl delete pod consul-0",
        "kstate clock advance 20s",
        "kubectl logs consul-0 --tail=4",
        "kubectl exec consul-0 -- consul members",
        "kubectl exec consul-0 -- consul kv put a b",
    ]), @r#"
    $ kubectl delete rolebinding consul
    rolebinding.rbac.authorization.k8s.io "consul" deleted from default namespace
    $ kubectl delete pod consul-0
    pod "consul-0" deleted from default namespace
    $ kstate clock advance 20s
    2026-01-01T00:00:29Z (manual)
    $ kubectl logs consul-0 --tail=4
    2026-01-01T00:00:09.000Z [INFO]  agent: Retry join is supported for the following discovery methods: cluster=LAN discovery_methods="aliyun aws azure digitalocean gce hcp k8s linode mdns os packet scaleway softlayer tencentcloud triton vsphere"
    2026-01-01T00:00:09.000Z [INFO]  agent: Joining cluster...: cluster=LAN
    2026-01-01T00:00:09.000Z [ERROR] agent: Cannot discover address: cluster=LAN address="provider=k8s label_selector=\"app=consul\" namespace=\"default\"" error="discover-k8s: error listing pods: pods is forbidden: User \"system:serviceaccount:default:consul\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
    2026-01-01T00:00:09.000Z [WARN]  agent: Join cluster failed, will retry: cluster=LAN retry_interval=30s error="No servers to join"
    $ kubectl exec consul-0 -- consul members
    Node      Address         Status  Type    Build    Protocol  DC   Partition  Segment
    consul-0  10.42.2.3:8301  alive   server  1.11.11  2         dc1  default    <all>
    $ kubectl exec consul-0 -- consul kv put a b
    Error! Failed writing data: Unexpected response code: 500 (No cluster leader)
    command terminated with exit code 1
    [exit 1]
    "#);
}
