//! Stores of documents, messages and objects: they start, keep who they are, answer their probes, and their data stays.

use insta::assert_snapshot;

use super::Session;

const STORES: &str = r#"apiVersion: apps/v1
kind: StatefulSet
metadata: {name: mongo}
spec:
  serviceName: mongo
  replicas: 3
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: mongo}}
  template:
    metadata: {labels: {app: mongo}}
    spec:
      containers:
      - name: mongo
        image: mongo:7
        command: [mongod, --replSet, rs0, --bind_ip_all]
        readinessProbe: {exec: {command: [mongosh, --quiet, --eval, "db.adminCommand('ping').ok"]}}
        volumeMounts: [{name: data, mountPath: /data/db}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: mongo}
spec: {clusterIP: None, selector: {app: mongo}, ports: [{port: 27017}], publishNotReadyAddresses: true}
"#;

#[test]
fn a_replica_set_of_mongo() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", STORES);
    let initiate = "rs.initiate({_id: \"rs0\", members: [{_id: 0, host: \"mongo-0.mongo:27017\"}, {_id: 1, host: \
                    \"mongo-1.mongo:27017\"}, {_id: 2, host: \"mongo-2.mongo:27017\"}]})";
    assert_snapshot!(session.run(&[
        "kubectl rollout status sts mongo --timeout=120s",
        "kubectl exec mongo-0 -- mongosh --quiet --eval 'rs.status().ok'",
        &format!("kubectl exec mongo-0 -- mongosh --quiet --eval '{initiate}'"),
        "kubectl exec mongo-0 -- mongosh --quiet --eval 'rs.status()'",
        "kubectl exec mongo-0 -- mongosh --quiet --eval 'db.hello().isWritablePrimary'",
        "kubectl exec mongo-0 -- mongosh --quiet shop --eval 'db.items.insertMany([{_id: 1, name: \"pen\", price: 2}, {_id: 2, name: \"cup\", price: 7.5}])'",
        "kubectl exec mongo-2 -- mongosh --quiet shop --eval 'db.items.find({price: {$gt: 5}})'",
        "kubectl exec mongo-1 -- mongosh --quiet shop --eval 'db.items.insertOne({name: \"hat\"})'",
        "kubectl exec mongo-0 -- mongosh --quiet shop --eval 'db.items.insertOne({_id: 1})'",
        "kubectl exec mongo-0 -- ls /data/db",
        "kubectl delete pod mongo-0",
        "kubectl wait --for=condition=Ready pod/mongo-0",
        "kubectl exec mongo-0 -- mongosh --quiet mongodb://mongo-0.mongo:27017/shop --eval 'db.items.countDocuments()'",
    ]), @r#"
    $ kubectl rollout status sts mongo --timeout=120s
    Waiting for 3 pods to be ready...
    Waiting for 2 pods to be ready...
    Waiting for 1 pods to be ready...
    partitioned roll out complete: 3 new pods have been updated...
    $ kubectl exec mongo-0 -- mongosh --quiet --eval 'rs.status().ok'
    MongoServerError[NotYetInitialized]: no replset config has been received
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec mongo-0 -- mongosh --quiet --eval 'rs.initiate({_id: "rs0", members: [{_id: 0, host: "mongo-0.mongo:27017"}, {_id: 1, host: "mongo-1.mongo:27017"}, {_id: 2, host: "mongo-2.mongo:27017"}]})'
    { ok: 1 }
    $ kubectl exec mongo-0 -- mongosh --quiet --eval 'rs.status()'
    {
      set: 'rs0',
      myState: 1,
      term: 1,
      members: [
        {
          _id: 0,
          name: 'mongo-0.mongo:27017',
          health: 1,
          state: 1,
          stateStr: 'PRIMARY',
          self: true
        },
        {
          _id: 1,
          name: 'mongo-1.mongo:27017',
          health: 1,
          state: 2,
          stateStr: 'SECONDARY'
        },
        {
          _id: 2,
          name: 'mongo-2.mongo:27017',
          health: 1,
          state: 2,
          stateStr: 'SECONDARY'
        }
      ],
      ok: 1
    }
    $ kubectl exec mongo-0 -- mongosh --quiet --eval 'db.hello().isWritablePrimary'
    true
    $ kubectl exec mongo-0 -- mongosh --quiet shop --eval 'db.items.insertMany([{_id: 1, name: "pen", price: 2}, {_id: 2, name: "cup", price: 7.5}])'
    { acknowledged: true, insertedIds: { '0': 1, '1': 2 } }
    $ kubectl exec mongo-2 -- mongosh --quiet shop --eval 'db.items.find({price: {$gt: 5}})'
    [ { _id: 2, name: 'cup', price: 7.5 } ]
    $ kubectl exec mongo-1 -- mongosh --quiet shop --eval 'db.items.insertOne({name: "hat"})'
    MongoServerError[NotWritablePrimary]: not primary
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec mongo-0 -- mongosh --quiet shop --eval 'db.items.insertOne({_id: 1})'
    MongoServerError: E11000 duplicate key error collection: shop.items index: _id_ dup key: { _id: 1 }
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec mongo-0 -- ls /data/db
    WiredTiger
    collection-0-1.wt
    mongod.lock
    $ kubectl delete pod mongo-0
    pod "mongo-0" deleted from default namespace
    $ kubectl wait --for=condition=Ready pod/mongo-0
    pod/mongo-0 condition met
    $ kubectl exec mongo-0 -- mongosh --quiet mongodb://mongo-0.mongo:27017/shop --eval 'db.items.countDocuments()'
    2
    "#);
}

const BROKER: &str = r#"apiVersion: v1
kind: Pod
metadata: {name: kafka, labels: {app: kafka}}
spec:
  securityContext: {runAsUser: 0}
  containers:
  - name: kafka
    image: apache/kafka:3.9.1
    env: [{name: KAFKA_LOG_DIRS, value: /var/lib/kafka/data}]
    readinessProbe: {tcpSocket: {port: 9092}}
    volumeMounts: [{name: data, mountPath: /var/lib/kafka/data}]
  volumes: [{name: data, hostPath: {path: /mnt/kafka, type: DirectoryOrCreate}}]
---
apiVersion: v1
kind: Pod
metadata: {name: minio}
spec:
  containers:
  - name: minio
    image: minio/minio
    args: [server, /data, --console-address, ":9001"]
    env: [{name: MINIO_ROOT_USER, value: admin}, {name: MINIO_ROOT_PASSWORD, value: supersecret}]
    livenessProbe: {httpGet: {path: /minio/health/live, port: 9000}}
    readinessProbe: {httpGet: {path: /minio/health/ready, port: 9000}}
"#;

#[test]
fn a_broker_and_an_object_store() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", BROKER);
    assert_snapshot!(session.run(&[
        "kubectl wait --for=condition=Ready pod/kafka pod/minio",
        "kubectl exec kafka -- /opt/kafka/bin/kafka-topics.sh --bootstrap-server localhost:9092 --create --topic orders --partitions 2",
        "kubectl exec kafka -- /opt/kafka/bin/kafka-topics.sh --bootstrap-server localhost:9092 --create --topic orders",
        "kubectl exec kafka -- sh -c 'printf \"one\\ntwo\\n\" | /opt/kafka/bin/kafka-console-producer.sh --bootstrap-server localhost:9092 --topic orders'",
        "kubectl exec kafka -- /opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic orders --from-beginning --max-messages 2",
        "kubectl exec kafka -- ls /var/lib/kafka/data",
        "kubectl exec minio -- mc alias set local http://localhost:9000 admin wrong",
        "kubectl exec minio -- mc alias set local http://localhost:9000 admin supersecret",
        "kubectl exec minio -- mc mb local/photos",
        "kubectl exec minio -- sh -c 'echo hello > /tmp/a.txt; mc cp /tmp/a.txt local/photos/; mc cat local/photos/a.txt'",
        "kubectl exec minio -- mc ls local/none",
        "kubectl exec minio -- ls -a /data",
        "kubectl exec minio -- mc ready local",
    ]), @r#"
    $ kubectl wait --for=condition=Ready pod/kafka pod/minio
    pod/kafka condition met
    pod/minio condition met
    $ kubectl exec kafka -- /opt/kafka/bin/kafka-topics.sh --bootstrap-server localhost:9092 --create --topic orders --partitions 2
    Created topic orders.
    $ kubectl exec kafka -- /opt/kafka/bin/kafka-topics.sh --bootstrap-server localhost:9092 --create --topic orders
    Error while executing topic command : Topic 'orders' already exists.
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec kafka -- sh -c 'printf "one\ntwo\n" | /opt/kafka/bin/kafka-console-producer.sh --bootstrap-server localhost:9092 --topic orders'
    $ kubectl exec kafka -- /opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic orders --from-beginning --max-messages 2
    one
    two
    Processed a total of 2 messages
    $ kubectl exec kafka -- ls /var/lib/kafka/data
    __cluster_metadata-0
    meta.properties
    orders-0
    orders-1
    $ kubectl exec minio -- mc alias set local http://localhost:9000 admin wrong
    mc: <ERROR> Unable to initialize new alias from the provided credentials. The request signature we calculated does not match the signature you provided. Check your key and signing method.
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec minio -- mc alias set local http://localhost:9000 admin supersecret
    Added `local` successfully.
    $ kubectl exec minio -- mc mb local/photos
    Bucket created successfully `local/photos`.
    $ kubectl exec minio -- sh -c 'echo hello > /tmp/a.txt; mc cp /tmp/a.txt local/photos/; mc cat local/photos/a.txt'
    `/tmp/a.txt` -> `local/photos/`
    hello
    $ kubectl exec minio -- mc ls local/none
    mc: <ERROR> Unable to list folder. Bucket `none` does not exist.
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec minio -- ls -a /data
    .
    ..
    .minio.sys
    photos
    $ kubectl exec minio -- mc ready local
    The cluster 'local' is ready
    "#);
    session.0.feed(
        "kubectl replace --force -f -",
        &BROKER
            .replace("[{name: KAFKA_LOG_DIRS", "[{name: CLUSTER_ID, value: other}, {name: KAFKA_LOG_DIRS")
            .replace("labels: {app: kafka}}\nspec:", "labels: {app: kafka}}\nspec:\n  restartPolicy: Never"),
    );
    assert_snapshot!(session.run(&[
        "kstate clock advance 10s",
        "kubectl get pod kafka --no-headers",
        "kubectl logs kafka --tail=1",
    ]), @r#"
    $ kstate clock advance 10s
    2026-01-01T00:00:13Z (manual)
    $ kubectl get pod kafka --no-headers
    kafka   0/1   Error   0     10s
    $ kubectl logs kafka --tail=1
    Exception in thread "main" java.lang.RuntimeException: Invalid cluster.id in: /var/lib/kafka/data/meta.properties. Expected other, but read 5L6g3nShT-eMCtK--X86sw
    "#);
}

const RING: &str = r#"apiVersion: v1
kind: Service
metadata: {name: cassandra}
spec: {clusterIP: None, selector: {app: cassandra}, ports: [{port: 9042}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: cassandra}
spec:
  serviceName: cassandra
  replicas: 3
  selector: {matchLabels: {app: cassandra}}
  template:
    metadata: {labels: {app: cassandra}}
    spec:
      containers:
      - name: cassandra
        image: gcr.io/google-samples/cassandra:v13
        env:
        - {name: CASSANDRA_SEEDS, value: cassandra-0.cassandra.default.svc.cluster.local}
        - {name: CASSANDRA_CLUSTER_NAME, value: K8Demo}
        - {name: CASSANDRA_DC, value: DC1-K8Demo}
        - {name: CASSANDRA_RACK, value: Rack1-K8Demo}
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        readinessProbe: {exec: {command: [/bin/bash, -c, /ready-probe.sh]}, initialDelaySeconds: 15, timeoutSeconds: 5}
        volumeMounts: [{name: data, mountPath: /cassandra_data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: sentinel}
data: {sentinel.conf: "port 26379\nsentinel monitor mymaster 127.0.0.1 6379 2\nsentinel down-after-milliseconds mymaster 5000\n"}
---
apiVersion: v1
kind: Pod
metadata: {name: sentinel}
spec:
  initContainers:
  - {name: copy, image: redis:7, command: [sh, -c, "cp /conf/sentinel.conf /data/"], volumeMounts: [{name: conf, mountPath: /conf}, {name: data, mountPath: /data}]}
  containers:
  - {name: redis, image: redis:7}
  - name: sentinel
    image: redis:7
    command: [redis-sentinel, /data/sentinel.conf]
    readinessProbe: {exec: {command: [redis-cli, -p, "26379", ping]}}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: conf, configMap: {name: sentinel}}, {name: data, emptyDir: {}}]
"#;

#[test]
fn a_ring_of_cassandra_and_a_sentinel() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", RING);
    assert_snapshot!(session.run(&[
        "kubectl rollout status sts cassandra --timeout=300s",
        "kubectl exec cassandra-0 -- nodetool status",
        "kubectl exec cassandra-1 -- cqlsh -e 'describe cluster'",
        "kubectl delete pod cassandra-2 --wait=false",
        "kubectl exec sentinel -c sentinel -- redis-cli -p 26379 sentinel get-master-addr-by-name mymaster",
        "kubectl exec sentinel -c sentinel -- sh -c 'grep -c myid /data/sentinel.conf'",
        "kubectl logs sentinel -c sentinel --tail=2",
    ]), @r#"
    $ kubectl rollout status sts cassandra --timeout=300s
    Waiting for 3 pods to be ready...
    Waiting for 2 pods to be ready...
    Waiting for 2 pods to be ready...
    Waiting for 1 pods to be ready...
    Waiting for 1 pods to be ready...
    partitioned roll out complete: 3 new pods have been updated...
    $ kubectl exec cassandra-0 -- nodetool status
    Datacenter: DC1-K8Demo
    ======================
    Status=Up/Down
    |/ State=Normal/Leaving/Joining/Moving
    --  Address    Load       Tokens       Owns (effective)  Host ID                               Rack
    UN  10.42.0.2  84.55 KiB  32           33.3%             acfce2af-0962-4273-bc3b-4aec7bd25da0  Rack1-K8Demo
    UN  10.42.1.2  84.55 KiB  32           33.3%             e9d1a04a-ce3d-489c-9c9b-7bbe33f3fff8  Rack1-K8Demo
    UN  10.42.2.3  84.55 KiB  32           33.3%             91ee76dd-fa12-4f10-bb14-bbd45a5bf6bc  Rack1-K8Demo

    $ kubectl exec cassandra-1 -- cqlsh -e 'describe cluster'

    Cluster: K8Demo
    Partitioner: Murmur3Partitioner
    Snitch: SimpleSnitch

    $ kubectl delete pod cassandra-2 --wait=false
    pod "cassandra-2" deleted from default namespace
    $ kubectl exec sentinel -c sentinel -- redis-cli -p 26379 sentinel get-master-addr-by-name mymaster
    127.0.0.1
    6379
    $ kubectl exec sentinel -c sentinel -- sh -c 'grep -c myid /data/sentinel.conf'
    1
    $ kubectl logs sentinel -c sentinel --tail=2
    1:X 01 Jan 2026 00:00:02.000 * Sentinel ID is 031a2caec59ffa99cd26921aa7fd1e077fefa7b4
    1:X 01 Jan 2026 00:00:02.000 # +monitor master mymaster 127.0.0.1 6379 quorum 2
    "#);
}
