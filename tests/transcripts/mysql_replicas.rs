//! The documentation's replicated stateful application: MySQL's replicas, each cloned from the one before.

use insta::assert_snapshot;

use super::Session;

/// The manifests of "Run a Replicated Stateful Application", without the requests for processors and memory.
const MYSQL: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: mysql, labels: {app: mysql}}
data:
  primary.cnf: |
    # Apply this config only on the primary.
    [mysqld]
    log-bin
  replica.cnf: |
    # Apply this config only on replicas.
    [mysqld]
    super-read-only
---
apiVersion: v1
kind: Service
metadata: {name: mysql, labels: {app: mysql}}
spec:
  ports: [{name: mysql, port: 3306}]
  clusterIP: None
  selector: {app: mysql}
---
apiVersion: v1
kind: Service
metadata: {name: mysql-read, labels: {app: mysql, readonly: "true"}}
spec:
  ports: [{name: mysql, port: 3306}]
  selector: {app: mysql}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: mysql}
spec:
  selector: {matchLabels: {app: mysql}}
  serviceName: mysql
  replicas: 3
  template:
    metadata: {labels: {app: mysql}}
    spec:
      initContainers:
      - name: init-mysql
        image: mysql:5.7
        command:
        - bash
        - "-c"
        - |
          set -ex
          # Generate mysql server-id from pod ordinal index.
          [[ $HOSTNAME =~ -([0-9]+)$ ]] || exit 1
          ordinal=${BASH_REMATCH[1]}
          echo [mysqld] > /mnt/conf.d/server-id.cnf
          # Add an offset to avoid reserved server-id=0 value.
          echo server-id=$((100 + $ordinal)) >> /mnt/conf.d/server-id.cnf
          # Copy appropriate conf.d files from config-map to emptyDir.
          if [[ $ordinal -eq 0 ]]; then
            cp /mnt/config-map/primary.cnf /mnt/conf.d/
          else
            cp /mnt/config-map/replica.cnf /mnt/conf.d/
          fi
        volumeMounts:
        - {name: conf, mountPath: /mnt/conf.d}
        - {name: config-map, mountPath: /mnt/config-map}
      - name: clone-mysql
        image: gcr.io/google-samples/xtrabackup:1.0
        command:
        - bash
        - "-c"
        - |
          set -ex
          # Skip the clone if data already exists.
          [[ -d /var/lib/mysql/mysql ]] && exit 0
          # Skip the clone on primary (ordinal index 0).
          [[ `hostname` =~ -([0-9]+)$ ]] || exit 1
          ordinal=${BASH_REMATCH[1]}
          [[ $ordinal -eq 0 ]] && exit 0
          # Clone data from previous peer.
          ncat --recv-only mysql-$(($ordinal-1)).mysql 3307 | xbstream -x -C /var/lib/mysql
          # Prepare the backup.
          xtrabackup --prepare --target-dir=/var/lib/mysql
        volumeMounts:
        - {name: data, mountPath: /var/lib/mysql, subPath: mysql}
        - {name: conf, mountPath: /etc/mysql/conf.d}
      containers:
      - name: mysql
        image: mysql:5.7
        env: [{name: MYSQL_ALLOW_EMPTY_PASSWORD, value: "1"}]
        ports: [{name: mysql, containerPort: 3306}]
        volumeMounts:
        - {name: data, mountPath: /var/lib/mysql, subPath: mysql}
        - {name: conf, mountPath: /etc/mysql/conf.d}
        livenessProbe:
          exec: {command: ["mysqladmin", "ping"]}
          initialDelaySeconds: 30
          periodSeconds: 10
          timeoutSeconds: 5
        readinessProbe:
          # Check we can execute queries over TCP (skip-networking is off).
          exec: {command: ["mysql", "-h", "127.0.0.1", "-e", "SELECT 1"]}
          initialDelaySeconds: 5
          periodSeconds: 2
          timeoutSeconds: 1
      - name: xtrabackup
        image: gcr.io/google-samples/xtrabackup:1.0
        ports: [{name: xtrabackup, containerPort: 3307}]
        command:
        - bash
        - "-c"
        - |
          set -ex
          cd /var/lib/mysql

          # Determine binlog position of cloned data, if any.
          if [[ -f xtrabackup_slave_info && "x$(<xtrabackup_slave_info)" != "x" ]]; then
            # XtraBackup already generated a partial "CHANGE MASTER TO" query
            # because we're cloning from an existing replica. (Need to remove the tailing semicolon!)
            cat xtrabackup_slave_info | sed -E 's/;$//g' > change_master_to.sql.in
            # Ignore xtrabackup_binlog_info in this case (it's useless).
            rm -f xtrabackup_slave_info xtrabackup_binlog_info
          elif [[ -f xtrabackup_binlog_info ]]; then
            # We're cloning directly from primary. Parse binlog position.
            [[ `cat xtrabackup_binlog_info` =~ ^(.*?)[[:space:]]+(.*?)$ ]] || exit 1
            rm -f xtrabackup_binlog_info xtrabackup_slave_info
            echo "CHANGE MASTER TO MASTER_LOG_FILE='${BASH_REMATCH[1]}',\
                  MASTER_LOG_POS=${BASH_REMATCH[2]}" > change_master_to.sql.in
          fi

          # Check if we need to complete a clone by starting replication.
          if [[ -f change_master_to.sql.in ]]; then
            echo "Waiting for mysqld to be ready (accepting connections)"
            until mysql -h 127.0.0.1 -e "SELECT 1"; do sleep 1; done

            echo "Initializing replication from clone position"
            mysql -h 127.0.0.1 \
                  -e "$(<change_master_to.sql.in), \
                          MASTER_HOST='mysql-0.mysql', \
                          MASTER_USER='root', \
                          MASTER_PASSWORD='', \
                          MASTER_CONNECT_RETRY=10; \
                        START SLAVE;" || exit 1
            # In case of container restart, attempt this at-most-once.
            mv change_master_to.sql.in change_master_to.sql.orig
          fi

          # Start a server to send backups when requested by peers.
          exec ncat --listen --keep-open --send-only --max-conns=1 3307 -c \
            "xtrabackup --backup --slave-info --stream=xbstream --host=127.0.0.1 --user=root"
        volumeMounts:
        - {name: data, mountPath: /var/lib/mysql, subPath: mysql}
        - {name: conf, mountPath: /etc/mysql/conf.d}
      volumes:
      - {name: conf, emptyDir: {}}
      - {name: config-map, configMap: {name: mysql}}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      accessModes: ["ReadWriteOnce"]
      resources: {requests: {storage: 10Gi}}
"#;

const WRITES: &str = "CREATE DATABASE test;\nCREATE TABLE test.messages (message VARCHAR(250));\nINSERT INTO test.messages VALUES ('hello');\n";

#[test]
fn replicas_are_cloned_in_order_and_follow() {
    let mut session = Session::new();
    session.apply(MYSQL);
    session.run(&["kstate clock advance 4m"]);
    assert_snapshot!(session.run(&[
        "kubectl get pods",
        "kubectl logs mysql-0 -c init-mysql",
        "kubectl logs mysql-1 -c clone-mysql",
        "kubectl logs mysql-2 -c xtrabackup",
    ]), @r"
    $ kubectl get pods
    NAME      READY   STATUS    RESTARTS   AGE
    mysql-0   2/2     Running   0          4m58s
    mysql-1   2/2     Running   0          4m43s
    mysql-2   2/2     Running   0          4m34s
    $ kubectl logs mysql-0 -c init-mysql
    + [[ mysql-0 =~ -([0-9]+)$ ]]
    + ordinal=0
    + echo '[mysqld]'
    + echo server-id=100
    + [[ 0 -eq 0 ]]
    + cp /mnt/config-map/primary.cnf /mnt/conf.d/
    $ kubectl logs mysql-1 -c clone-mysql
    + [[ -d /var/lib/mysql/mysql ]]
    ++ hostname
    + [[ mysql-1 =~ -([0-9]+)$ ]]
    + ordinal=1
    + [[ 1 -eq 0 ]]
    + ncat --recv-only mysql-0.mysql 3307
    + xbstream -x -C /var/lib/mysql
    + xtrabackup --prepare --target-dir=/var/lib/mysql
    xtrabackup version 2.4.4 based on MySQL server 5.7.13 Linux (x86_64) (revision id: df58cf2)
    xtrabackup: cd to /var/lib/mysql
    xtrabackup: This target seems to be not prepared yet.
    InnoDB: Number of pools: 1
    xtrabackup: starting shutdown with innodb_fast_shutdown = 1
    InnoDB: Starting shutdown...
    InnoDB: Shutdown completed; log sequence number 12219432
    260101 00:00:18 completed OK!
    $ kubectl logs mysql-2 -c xtrabackup
    + cd /var/lib/mysql
    + [[ -f xtrabackup_slave_info ]]
    + [[ -f xtrabackup_slave_info ]]
    + [[ 'xCHANGE MASTER TO MASTER_LOG_FILE='\''mysql-0-bin.000003'\'', MASTER_LOG_POS=154;' != x ]]
    + cat xtrabackup_slave_info
    + sed -E 's/;$//g'
    + rm -f xtrabackup_slave_info xtrabackup_binlog_info
    + [[ -f change_master_to.sql.in ]]
    + echo 'Waiting for mysqld to be ready (accepting connections)'
    Waiting for mysqld to be ready (accepting connections)
    + mysql -h 127.0.0.1 -e 'SELECT 1'
    ERROR 2003 (HY000): Can't connect to MySQL server on '127.0.0.1' (111)
    + sleep 1
    + mysql -h 127.0.0.1 -e 'SELECT 1'
    ERROR 2003 (HY000): Can't connect to MySQL server on '127.0.0.1' (111)
    + sleep 1
    + mysql -h 127.0.0.1 -e 'SELECT 1'
    1
    1
    + echo 'Initializing replication from clone position'
    Initializing replication from clone position
    + mysql -h 127.0.0.1 -e 'CHANGE MASTER TO MASTER_LOG_FILE='\''mysql-0-bin.000003'\'', MASTER_LOG_POS=154,                 MASTER_HOST='\''mysql-0.mysql'\'',                 MASTER_USER='\''root'\'',                 MASTER_PASSWORD='\'''\'',                 MASTER_CONNECT_RETRY=10;               START SLAVE;'
    + mv change_master_to.sql.in change_master_to.sql.orig
    + exec ncat --listen --keep-open --send-only --max-conns=1 3307 -c 'xtrabackup --backup --slave-info --stream=xbstream --host=127.0.0.1 --user=root'
    ");
    let client = "kubectl run mysql-client --image=mysql:5.7 -i --rm --restart=Never -- mysql -h mysql-0.mysql";
    session.0.feed(client, WRITES);
    session.run(&["kstate clock advance 5s"]);
    assert_snapshot!(session.run(&[
        "kubectl exec mysql-2 -c mysql -- mysql -e 'SELECT * FROM test.messages'",
        "kubectl exec mysql-1 -c mysql -- mysql -t -h mysql-read -e 'SELECT @@server_id,NOW()'",
        "kubectl exec mysql-1 -c mysql -- mysql -e \"INSERT INTO test.messages VALUES ('no')\"",
        "kubectl exec mysql-2 -c mysql -- mysql -e 'SHOW SLAVE STATUS\\G' | grep Running",
        "kubectl exec mysql-0 -c mysql -- mysql -e 'SHOW MASTER STATUS'",
        "kubectl exec mysql-2 -c mysql -- mv /usr/bin/mysql /usr/bin/mysql.off",
        "kstate clock advance 20s",
        "kubectl get pod mysql-2",
        "kubectl exec mysql-2 -c mysql -- mv /usr/bin/mysql.off /usr/bin/mysql",
        "kubectl delete pod mysql-2",
        "kstate clock advance 1m",
        "kubectl exec mysql-0 -c mysql -- mysql -e \"INSERT INTO test.messages VALUES ('later')\"",
        "kubectl exec mysql-2 -c mysql -- mysql -e 'SELECT * FROM test.messages'",
        "kubectl scale statefulset mysql --replicas=4",
        "kstate clock advance 2m",
        "kubectl get pods",
        "kubectl exec mysql-3 -c mysql -- mysql -e 'SELECT @@server_id, @@super_read_only; SELECT * FROM test.messages'",
    ]), @r#"
    $ kubectl exec mysql-2 -c mysql -- mysql -e 'SELECT * FROM test.messages'
    message
    hello
    $ kubectl exec mysql-1 -c mysql -- mysql -t -h mysql-read -e 'SELECT @@server_id,NOW()'
    +-------------+---------------------+
    | @@server_id | NOW()               |
    +-------------+---------------------+
    |         102 | 2026-01-01 00:05:04 |
    +-------------+---------------------+
    $ kubectl exec mysql-1 -c mysql -- mysql -e "INSERT INTO test.messages VALUES ('no')"
    ERROR 1290 (HY000) at line 1: The MySQL server is running with the --super-read-only option so it cannot execute this statement
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec mysql-2 -c mysql -- mysql -e 'SHOW SLAVE STATUS\G' | grep Running
                 Slave_IO_Running: Yes
                Slave_SQL_Running: Yes
          Slave_SQL_Running_State: Slave has read all relay log; waiting for more updates
    $ kubectl exec mysql-0 -c mysql -- mysql -e 'SHOW MASTER STATUS'
    File	Position	Binlog_Do_DB	Binlog_Ignore_DB	Executed_Gtid_Set
    mysql-0-bin.000003	460			
    $ kubectl exec mysql-2 -c mysql -- mv /usr/bin/mysql /usr/bin/mysql.off
    $ kstate clock advance 20s
    2026-01-01T00:05:24Z (manual)
    $ kubectl get pod mysql-2
    NAME      READY   STATUS    RESTARTS   AGE
    mysql-2   1/2     Running   0          5m
    $ kubectl exec mysql-2 -c mysql -- mv /usr/bin/mysql.off /usr/bin/mysql
    $ kubectl delete pod mysql-2
    pod "mysql-2" deleted from default namespace
    $ kstate clock advance 1m
    2026-01-01T00:07:27Z (manual)
    $ kubectl exec mysql-0 -c mysql -- mysql -e "INSERT INTO test.messages VALUES ('later')"
    $ kubectl exec mysql-2 -c mysql -- mysql -e 'SELECT * FROM test.messages'
    message
    hello
    later
    $ kubectl scale statefulset mysql --replicas=4
    statefulset.apps/mysql scaled
    $ kstate clock advance 2m
    2026-01-01T00:10:01Z (manual)
    $ kubectl get pods
    NAME      READY   STATUS    RESTARTS   AGE
    mysql-0   2/2     Running   0          10m
    mysql-1   2/2     Running   0          9m46s
    mysql-2   2/2     Running   0          4m7s
    mysql-3   2/2     Running   0          2m34s
    $ kubectl exec mysql-3 -c mysql -- mysql -e 'SELECT @@server_id, @@super_read_only; SELECT * FROM test.messages'
    @@server_id	@@super_read_only
    103	1
    message
    hello
    later
    "#);
}
