//! The workshop's last task: six pods of Redis over three nodes, the leader found, a node removed, the data still there.

use insta::assert_snapshot;

use super::Session;

const REDIS: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: redis-cluster}
data:
  update-node.sh: |
    #!/bin/sh
    REDIS_NODES="/data/nodes.conf"
    sed -i -e "/myself/ s/[0-9]\{1,3\}\.[0-9]\{1,3\}\.[0-9]\{1,3\}\.[0-9]\{1,3\}/${POD_IP}/" ${REDIS_NODES}
    exec "$@"
  redis.conf: |+
    cluster-enabled yes
    cluster-require-full-coverage no
    cluster-node-timeout 15000
    cluster-config-file /data/nodes.conf
    cluster-migration-barrier 1
    appendonly yes
    protected-mode no
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: redis-cluster}
spec:
  serviceName: redis-cluster
  replicas: 6
  selector: {matchLabels: {app: redis-cluster}}
  template:
    metadata: {labels: {app: redis-cluster}}
    spec:
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: DoNotSchedule
        labelSelector: {matchLabels: {app: redis-cluster}}
      containers:
      - name: redis
        image: redis:5.0.1-alpine
        ports:
        - {containerPort: 6379, name: client}
        - {containerPort: 16379, name: gossip}
        command: ["/conf/update-node.sh", "redis-server", "/conf/redis.conf"]
        env:
        - name: POD_IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
        readinessProbe:
          exec: {command: [sh, -c, "redis-cli -h $(hostname) ping"]}
          initialDelaySeconds: 5
          timeoutSeconds: 5
        livenessProbe:
          exec: {command: [sh, -c, "redis-cli -h $(hostname) ping"]}
          initialDelaySeconds: 20
          periodSeconds: 3
        volumeMounts:
        - {name: conf, mountPath: /conf, readOnly: false}
        - {name: data, mountPath: /data, readOnly: false}
      volumes:
      - name: conf
        configMap: {name: redis-cluster, defaultMode: 0755}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      accessModes: ["ReadWriteOnce"]
      resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: Service
metadata: {name: redis-cluster}
spec:
  type: ClusterIP
  ports:
  - {port: 6379, targetPort: 6379, name: client}
  - {port: 16379, targetPort: 16379, name: gossip}
  selector: {app: redis-cluster}
"#;

const CREATE: &str = "kubectl exec -i redis-cluster-0 -- redis-cli --cluster create --cluster-replicas 1 10.42.1.2:6379 \
    10.42.0.2:6379 10.42.2.2:6379 10.42.1.3:6379 10.42.0.3:6379 10.42.2.3:6379";

fn six() -> (Session, String) {
    let mut session = Session::new();
    session.apply(REDIS);
    session.run(&["kstate clock advance 2m"]);
    let made = session.0.feed(CREATE, "yes\n");
    session.run(&["kstate clock advance 10s"]);
    (session, made)
}

#[test]
fn six_pods_become_a_cluster() {
    let (mut session, made) = six();
    assert_snapshot!(made, @"
    >>> Performing hash slots allocation on 6 nodes...
    Master[0] -> Slots 0 - 5460
    Master[1] -> Slots 5461 - 10922
    Master[2] -> Slots 10923 - 16383
    Adding replica 10.42.0.3:6379 to 10.42.1.2:6379
    Adding replica 10.42.2.3:6379 to 10.42.0.2:6379
    Adding replica 10.42.1.3:6379 to 10.42.2.2:6379
    M: 17ddc91b6e070c00b1e7a6e836b3c18b45b074ba 10.42.1.2:6379
       slots:[0-5460] (5461 slots) master
    M: 2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a 10.42.0.2:6379
       slots:[5461-10922] (5462 slots) master
    M: 51b2de04f3f15c9b15abddce2415cb5000517079 10.42.2.2:6379
       slots:[10923-16383] (5461 slots) master
    S: 5839b84ca567edbbdd9922317640321c781d0342 10.42.1.3:6379
       replicates 51b2de04f3f15c9b15abddce2415cb5000517079
    S: 95043733c1400f0f7e2c84c6139d9584f1089913 10.42.0.3:6379
       replicates 17ddc91b6e070c00b1e7a6e836b3c18b45b074ba
    S: 59243b62d0b577b3384e0289e05861422db65172 10.42.2.3:6379
       replicates 2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a
    Can I set the above configuration? (type 'yes' to accept): >>> Nodes configuration updated
    >>> Assign a different config epoch to each node
    >>> Sending CLUSTER MEET messages to join the cluster
    Waiting for the cluster to join
    .
    >>> Performing Cluster Check (using node 10.42.1.2:6379)
    M: 17ddc91b6e070c00b1e7a6e836b3c18b45b074ba 10.42.1.2:6379
       slots:[0-5460] (5461 slots) master
       1 additional replica(s)
    M: 2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a 10.42.0.2:6379
       slots:[5461-10922] (5462 slots) master
       1 additional replica(s)
    M: 51b2de04f3f15c9b15abddce2415cb5000517079 10.42.2.2:6379
       slots:[10923-16383] (5461 slots) master
       1 additional replica(s)
    S: 5839b84ca567edbbdd9922317640321c781d0342 10.42.1.3:6379
       slots: (0 slots) slave
       replicates 51b2de04f3f15c9b15abddce2415cb5000517079
    S: 59243b62d0b577b3384e0289e05861422db65172 10.42.2.3:6379
       slots: (0 slots) slave
       replicates 2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a
    S: 95043733c1400f0f7e2c84c6139d9584f1089913 10.42.0.3:6379
       slots: (0 slots) slave
       replicates 17ddc91b6e070c00b1e7a6e836b3c18b45b074ba
    [OK] All nodes agree about slots configuration.
    >>> Check for open slots...
    >>> Check slots coverage...
    [OK] All 16384 slots covered.
    ");
    assert_snapshot!(session.run(&[
        "kubectl get pods -o wide",
        "kubectl exec redis-cluster-0 -- redis-cli cluster info",
        "kubectl exec redis-cluster-0 -- redis-cli cluster nodes",
        "kubectl exec redis-cluster-0 -- redis-cli role",
        "kubectl exec redis-cluster-4 -- redis-cli role",
        "kubectl exec redis-cluster-0 -- redis-cli set hello world",
        "kubectl exec redis-cluster-1 -- redis-cli set hello world",
        "kubectl exec redis-cluster-1 -- redis-cli -c set hello world",
        "kubectl exec redis-cluster-5 -- redis-cli -c get hello",
        "kubectl exec redis-cluster-0 -- redis-cli mset a 1 b 2",
        "kubectl run cli -i --rm --restart=Never --image=redis:5.0.1-alpine -- redis-cli -c -h redis-cluster get hello",
    ]), @r#"
    $ kubectl get pods -o wide
    NAME              READY   STATUS    RESTARTS   AGE     IP          NODE                    NOMINATED NODE   READINESS GATES
    redis-cluster-0   1/1     Running   0          3m9s    10.42.1.2   k3d-deadless-agent-1    <none>           <none>
    redis-cluster-1   1/1     Running   0          3m2s    10.42.0.2   k3d-deadless-agent-0    <none>           <none>
    redis-cluster-2   1/1     Running   0          2m55s   10.42.2.2   k3d-deadless-server-0   <none>           <none>
    redis-cluster-3   1/1     Running   0          2m48s   10.42.1.3   k3d-deadless-agent-1    <none>           <none>
    redis-cluster-4   1/1     Running   0          2m41s   10.42.0.3   k3d-deadless-agent-0    <none>           <none>
    redis-cluster-5   1/1     Running   0          2m34s   10.42.2.3   k3d-deadless-server-0   <none>           <none>
    $ kubectl exec redis-cluster-0 -- redis-cli cluster info
    cluster_state:ok
    cluster_slots_assigned:16384
    cluster_slots_ok:16384
    cluster_slots_pfail:0
    cluster_slots_fail:0
    cluster_known_nodes:6
    cluster_size:3
    cluster_current_epoch:6
    cluster_my_epoch:1
    cluster_stats_messages_ping_sent:187
    cluster_stats_messages_pong_sent:187
    cluster_stats_messages_sent:374
    cluster_stats_messages_ping_received:187
    cluster_stats_messages_pong_received:187
    cluster_stats_messages_meet_received:1
    cluster_stats_messages_received:375

    $ kubectl exec redis-cluster-0 -- redis-cli cluster nodes
    17ddc91b6e070c00b1e7a6e836b3c18b45b074ba 10.42.1.2:6379@16379 myself,master - 0 0 1 connected 0-5460
    2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a 10.42.0.2:6379@16379 master - 0 1767225788832 2 connected 5461-10922
    51b2de04f3f15c9b15abddce2415cb5000517079 10.42.2.2:6379@16379 master - 0 1767225788759 3 connected 10923-16383
    5839b84ca567edbbdd9922317640321c781d0342 10.42.1.3:6379@16379 slave 51b2de04f3f15c9b15abddce2415cb5000517079 0 1767225789192 4 connected
    59243b62d0b577b3384e0289e05861422db65172 10.42.2.3:6379@16379 slave 2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a 0 1767225789427 6 connected
    95043733c1400f0f7e2c84c6139d9584f1089913 10.42.0.3:6379@16379 slave 17ddc91b6e070c00b1e7a6e836b3c18b45b074ba 0 1767225789447 5 connected

    $ kubectl exec redis-cluster-0 -- redis-cli role
    master
    0
    10.42.0.3
    6379
    0
    $ kubectl exec redis-cluster-4 -- redis-cli role
    slave
    10.42.1.2
    6379
    connected
    0
    $ kubectl exec redis-cluster-0 -- redis-cli set hello world
    OK
    $ kubectl exec redis-cluster-1 -- redis-cli set hello world
    MOVED 866 10.42.1.2:6379

    $ kubectl exec redis-cluster-1 -- redis-cli -c set hello world
    OK
    $ kubectl exec redis-cluster-5 -- redis-cli -c get hello
    world
    $ kubectl exec redis-cluster-0 -- redis-cli mset a 1 b 2
    CROSSSLOT Keys in request don't hash to the same slot

    $ kubectl run cli -i --rm --restart=Never --image=redis:5.0.1-alpine -- redis-cli -c -h redis-cluster get hello
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    world
    pod "cli" deleted from default namespace
    "#);
}

#[test]
fn a_replica_takes_its_masters_place_when_the_node_is_lost() {
    let (mut session, _) = six();
    assert_snapshot!(session.run(&[
        "kubectl exec redis-cluster-0 -- redis-cli set hello world",
        "kstate node stop k3d-deadless-agent-1",
        "kstate clock advance 10s",
        "kubectl exec redis-cluster-1 -- redis-cli -c get hello",
        "kstate clock advance 20s",
        "kubectl exec redis-cluster-1 -- redis-cli cluster nodes",
        "kubectl exec redis-cluster-1 -- redis-cli -c get hello",
        "kubectl logs redis-cluster-4 --since=25s",
        "kstate clock advance 10m",
        "kubectl get pods",
        "kstate node start k3d-deadless-agent-1",
        "kstate clock advance 1m",
        "kubectl get pods -o wide",
        "kubectl exec redis-cluster-1 -- redis-cli cluster nodes",
        "kubectl exec redis-cluster-0 -- redis-cli role",
        "kubectl exec redis-cluster-0 -- redis-cli -c get hello",
        "kubectl exec redis-cluster-0 -- cat /data/nodes.conf",
    ]), @"
    $ kubectl exec redis-cluster-0 -- redis-cli set hello world
    OK
    $ kstate node stop k3d-deadless-agent-1
    node/k3d-deadless-agent-1 stopped
    $ kstate clock advance 10s
    2026-01-01T00:03:19Z (manual)
    $ kubectl exec redis-cluster-1 -- redis-cli -c get hello
    Could not connect to Redis at 10.42.1.2:6379: Operation timed out
    command terminated with exit code 1
    [exit 1]
    $ kstate clock advance 20s
    2026-01-01T00:03:39Z (manual)
    $ kubectl exec redis-cluster-1 -- redis-cli cluster nodes
    17ddc91b6e070c00b1e7a6e836b3c18b45b074ba 10.42.1.2:6379@16379 master,fail - 1767225789500 1767225788735 1 disconnected
    2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a 10.42.0.2:6379@16379 myself,master - 0 0 2 connected 5461-10922
    51b2de04f3f15c9b15abddce2415cb5000517079 10.42.2.2:6379@16379 master - 0 1767225818759 3 connected 10923-16383
    5839b84ca567edbbdd9922317640321c781d0342 10.42.1.3:6379@16379 slave,fail 51b2de04f3f15c9b15abddce2415cb5000517079 1767225789500 1767225789192 4 disconnected
    59243b62d0b577b3384e0289e05861422db65172 10.42.2.3:6379@16379 slave 2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a 0 1767225819427 6 connected
    95043733c1400f0f7e2c84c6139d9584f1089913 10.42.0.3:6379@16379 master - 0 1767225819447 7 connected 0-5460

    $ kubectl exec redis-cluster-1 -- redis-cli -c get hello
    world
    $ kubectl logs redis-cluster-4 --since=25s
    1:S 01 Jan 2026 00:03:24.501 * FAIL message received from 2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a about 5839b84ca567edbbdd9922317640321c781d0342
    1:S 01 Jan 2026 00:03:24.501 * FAIL message received from 2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a about 17ddc91b6e070c00b1e7a6e836b3c18b45b074ba
    1:S 01 Jan 2026 00:03:24.501 # Start of election delayed for 965 milliseconds (rank #0, offset 35).
    1:S 01 Jan 2026 00:03:25.466 # Starting a failover election for epoch 7.
    1:S 01 Jan 2026 00:03:25.466 # Failover election won: I'm the new master.
    1:S 01 Jan 2026 00:03:25.466 # configEpoch set to 7 after successful failover
    1:M 01 Jan 2026 00:03:25.466 * Discarding previously cached master state.
    $ kstate clock advance 10m
    2026-01-01T00:13:39Z (manual)
    $ kubectl get pods
    NAME              READY   STATUS        RESTARTS   AGE
    redis-cluster-0   1/1     Terminating   0          13m
    redis-cluster-1   1/1     Running       0          13m
    redis-cluster-2   1/1     Running       0          13m
    redis-cluster-3   1/1     Terminating   0          13m
    redis-cluster-4   1/1     Running       0          13m
    redis-cluster-5   1/1     Running       0          13m
    $ kstate node start k3d-deadless-agent-1
    node/k3d-deadless-agent-1 started
    $ kstate clock advance 1m
    2026-01-01T00:15:06Z (manual)
    $ kubectl get pods -o wide
    NAME              READY   STATUS    RESTARTS   AGE   IP          NODE                    NOMINATED NODE   READINESS GATES
    redis-cluster-0   1/1     Running   0          87s   10.42.1.4   k3d-deadless-agent-1    <none>           <none>
    redis-cluster-1   1/1     Running   0          14m   10.42.0.2   k3d-deadless-agent-0    <none>           <none>
    redis-cluster-2   1/1     Running   0          14m   10.42.2.2   k3d-deadless-server-0   <none>           <none>
    redis-cluster-3   1/1     Running   0          81s   10.42.1.5   k3d-deadless-agent-1    <none>           <none>
    redis-cluster-4   1/1     Running   0          14m   10.42.0.3   k3d-deadless-agent-0    <none>           <none>
    redis-cluster-5   1/1     Running   0          14m   10.42.2.3   k3d-deadless-server-0   <none>           <none>
    $ kubectl exec redis-cluster-1 -- redis-cli cluster nodes
    17ddc91b6e070c00b1e7a6e836b3c18b45b074ba 10.42.1.4:6379@16379 slave 95043733c1400f0f7e2c84c6139d9584f1089913 0 1767226505235 1 connected
    2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a 10.42.0.2:6379@16379 myself,master - 0 0 2 connected 5461-10922
    51b2de04f3f15c9b15abddce2415cb5000517079 10.42.2.2:6379@16379 master - 0 1767226505259 3 connected 10923-16383
    5839b84ca567edbbdd9922317640321c781d0342 10.42.1.5:6379@16379 slave 51b2de04f3f15c9b15abddce2415cb5000517079 0 1767226505692 4 connected
    59243b62d0b577b3384e0289e05861422db65172 10.42.2.3:6379@16379 slave 2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a 0 1767226505927 6 connected
    95043733c1400f0f7e2c84c6139d9584f1089913 10.42.0.3:6379@16379 master - 0 1767226505947 7 connected 0-5460

    $ kubectl exec redis-cluster-0 -- redis-cli role
    slave
    10.42.0.3
    6379
    connected
    35
    $ kubectl exec redis-cluster-0 -- redis-cli -c get hello
    world
    $ kubectl exec redis-cluster-0 -- cat /data/nodes.conf
    17ddc91b6e070c00b1e7a6e836b3c18b45b074ba 10.42.1.4:6379@16379 myself,slave 95043733c1400f0f7e2c84c6139d9584f1089913 0 0 1 connected
    2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a 10.42.0.2:6379@16379 master - 0 1767226435432 2 connected 5461-10922
    51b2de04f3f15c9b15abddce2415cb5000517079 10.42.2.2:6379@16379 master - 0 1767226435359 3 connected 10923-16383
    5839b84ca567edbbdd9922317640321c781d0342 10.42.1.5:6379@16379 slave 51b2de04f3f15c9b15abddce2415cb5000517079 0 1767226435792 4 connected
    59243b62d0b577b3384e0289e05861422db65172 10.42.2.3:6379@16379 slave 2c7cdb8c44a10d8a59dfb77b80176b7d8ce14b1a 0 1767226436027 6 connected
    95043733c1400f0f7e2c84c6139d9584f1089913 10.42.0.3:6379@16379 master - 0 1767226436047 7 connected 0-5460
    vars currentEpoch 7 lastVoteEpoch 0
    ");
}

#[test]
fn a_pod_that_was_deleted_comes_back_with_its_name_in_the_cluster() {
    let (mut session, _) = six();
    assert_snapshot!(session.run(&[
        "kubectl exec redis-cluster-2 -- redis-cli -c set foo bar",
        "kubectl exec redis-cluster-2 -- redis-cli cluster myid",
        "kubectl delete pod redis-cluster-2",
        "kstate clock advance 10s",
        "kubectl exec redis-cluster-2 -- redis-cli cluster myid",
        "kubectl exec redis-cluster-2 -- redis-cli role",
        "kubectl exec redis-cluster-0 -- redis-cli -c get foo",
        "kubectl logs redis-cluster-0 --tail=1",
        "kubectl delete pod redis-cluster-2 --grace-period=0 --force",
        "kubectl exec redis-cluster-3 -- redis-cli cluster failover force",
        "kubectl exec redis-cluster-3 -- redis-cli role",
    ]), @r#"
    $ kubectl exec redis-cluster-2 -- redis-cli -c set foo bar
    OK
    $ kubectl exec redis-cluster-2 -- redis-cli cluster myid
    51b2de04f3f15c9b15abddce2415cb5000517079
    $ kubectl delete pod redis-cluster-2
    pod "redis-cluster-2" deleted from default namespace
    $ kstate clock advance 10s
    2026-01-01T00:03:41Z (manual)
    $ kubectl exec redis-cluster-2 -- redis-cli cluster myid
    51b2de04f3f15c9b15abddce2415cb5000517079
    $ kubectl exec redis-cluster-2 -- redis-cli role
    master
    0
    10.42.1.3
    6379
    0
    $ kubectl exec redis-cluster-0 -- redis-cli -c get foo
    bar
    $ kubectl logs redis-cluster-0 --tail=1
    1:M 01 Jan 2026 00:03:11.000 # Address updated for node 51b2de04f3f15c9b15abddce2415cb5000517079, now 10.42.2.4:6379
    $ kubectl delete pod redis-cluster-2 --grace-period=0 --force
    Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.
    pod "redis-cluster-2" force deleted from default namespace
    $ kubectl exec redis-cluster-3 -- redis-cli cluster failover force
    OK
    $ kubectl exec redis-cluster-3 -- redis-cli role
    master
    0
    "#);
}

#[test]
fn what_cannot_be_a_cluster_is_refused() {
    let mut session = Session::new();
    session.apply(REDIS);
    assert_snapshot!(session.run(&[
        "kubectl scale statefulset redis-cluster --replicas=2",
        "kubectl run alone --image=redis:7",
        "kstate clock advance 1m",
        "kubectl exec redis-cluster-0 -- redis-cli get a",
        "kubectl exec redis-cluster-0 -- redis-cli select 1",
        "kubectl exec redis-cluster-0 -- redis-cli replicaof 10.42.0.2 6379",
        "kubectl exec redis-cluster-0 -- redis-cli --cluster create 10.42.1.2:6379 10.42.0.2:6379 --cluster-yes",
        "kubectl exec redis-cluster-0 -- redis-cli --cluster check 10.42.1.2:6379",
        "kubectl exec redis-cluster-0 -- redis-cli --cluster info 10.42.77.77:6379",
        "kubectl exec alone -- redis-cli cluster info",
        "kubectl exec redis-cluster-0 -- redis-cli --cluster create 10.42.1.2:6379 10.42.2.2:6379 10.42.0.2:6379",
    ]), @"
    $ kubectl scale statefulset redis-cluster --replicas=2
    statefulset.apps/redis-cluster scaled
    $ kubectl run alone --image=redis:7
    pod/alone created
    $ kstate clock advance 1m
    2026-01-01T00:02:02Z (manual)
    $ kubectl exec redis-cluster-0 -- redis-cli get a
    CLUSTERDOWN Hash slot not served

    $ kubectl exec redis-cluster-0 -- redis-cli select 1
    ERR SELECT is not allowed in cluster mode

    $ kubectl exec redis-cluster-0 -- redis-cli replicaof 10.42.0.2 6379
    ERR REPLICAOF not allowed in cluster mode.

    $ kubectl exec redis-cluster-0 -- redis-cli --cluster create 10.42.1.2:6379 10.42.0.2:6379 --cluster-yes
    *** ERROR: Invalid configuration for cluster creation.
    *** Redis Cluster requires at least 3 master nodes.
    *** This is not possible with 2 nodes and 0 replicas per node.
    *** At least 3 nodes are required.
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec redis-cluster-0 -- redis-cli --cluster check 10.42.1.2:6379
    10.42.1.2:6379 (17ddc91b...) -> 0 keys | 0 slots | 0 slaves.
    [OK] 0 keys in 1 masters.
    0.00 keys per slot on average.
    >>> Performing Cluster Check (using node 10.42.1.2:6379)
    M: 17ddc91b6e070c00b1e7a6e836b3c18b45b074ba 10.42.1.2:6379
       slots: (0 slots) master
    [OK] All nodes agree about slots configuration.
    >>> Check for open slots...
    >>> Check slots coverage...
    [ERR] Not all 16384 slots are covered by nodes.

    command terminated with exit code 1
    [exit 1]
    $ kubectl exec redis-cluster-0 -- redis-cli --cluster info 10.42.77.77:6379
    Could not connect to Redis at 10.42.77.77:6379: Operation timed out
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec alone -- redis-cli cluster info
    ERR This instance has cluster support disabled

    $ kubectl exec redis-cluster-0 -- redis-cli --cluster create 10.42.1.2:6379 10.42.2.2:6379 10.42.0.2:6379
    Could not connect to Redis at 10.42.2.2:6379: Operation timed out
    command terminated with exit code 1
    [exit 1]
    ");
}
