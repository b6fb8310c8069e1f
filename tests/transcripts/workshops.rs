//! What the workshops do with pods that run: files that stay, files that are elsewhere, names that lead to a pod.

use insta::assert_snapshot;

use super::Session;

const NFS: &str = r#"apiVersion: v1
kind: ServiceAccount
metadata: {name: nfs-provisioner}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: nfs-provisioner-runner}
rules:
- {apiGroups: [""], resources: [persistentvolumes], verbs: [get, list, watch, create, delete]}
- {apiGroups: [""], resources: [persistentvolumeclaims], verbs: [get, list, watch, update]}
- {apiGroups: [storage.k8s.io], resources: [storageclasses], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [events], verbs: [watch, create, update, patch]}
- {apiGroups: [""], resources: [services, endpoints], verbs: [get, create, list, watch, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: run-nfs-provisioner}
subjects: [{kind: ServiceAccount, name: nfs-provisioner, namespace: default}]
roleRef: {kind: ClusterRole, name: nfs-provisioner-runner, apiGroup: rbac.authorization.k8s.io}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nfs-client-provisioner}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: nfs-client-provisioner}}
  template:
    metadata: {labels: {app: nfs-client-provisioner}}
    spec:
      serviceAccount: nfs-provisioner
      containers:
      - name: nfs-client-provisioner
        image: registry.cn-hangzhou.aliyuncs.com/open-ali/nfs-client-provisioner
        volumeMounts: [{name: nfs-client-root, mountPath: /persistentvolumes}]
        env:
        - {name: PROVISIONER_NAME, value: bdqn}
        - {name: NFS_SERVER, value: 192.168.1.21}
        - {name: NFS_PATH, value: /nfsdata}
      volumes: [{name: nfs-client-root, nfs: {server: 192.168.1.21, path: /nfsdata}}]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: stateful-nfs}
provisioner: bdqn
reclaimPolicy: Retain
"#;

const HTTPD: &str = r#"apiVersion: v1
kind: Service
metadata: {name: headless-svc, labels: {app: headless-svc}}
spec: {clusterIP: None, selector: {app: headless-pod}, ports: [{port: 80, name: myweb}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: statefulset-test}
spec:
  serviceName: headless-svc
  replicas: 3
  selector: {matchLabels: {app: headless-pod}}
  template:
    metadata: {labels: {app: headless-pod}}
    spec:
      containers:
      - name: myhttpd
        image: httpd
        ports: [{containerPort: 80, name: httpd}]
        volumeMounts: [{name: test, mountPath: /usr/local/apache2/htdocs}]
  volumeClaimTemplates:
  - metadata:
      name: test
      annotations: {volume.beta.kubernetes.io/storage-class: stateful-nfs}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 100Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: c, image: busybox, command: [sleep, "100000"]}]}
"#;

#[test]
fn three_pages_on_one_nfs_server() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", NFS);
    session.0.feed("kubectl apply -f -", HTTPD);
    assert_snapshot!(session.run(&[
        "kubectl rollout status sts statefulset-test",
        "kubectl exec statefulset-test-0 -- sh -c 'echo 123 > /usr/local/apache2/htdocs/index.html'",
        "kubectl exec statefulset-test-1 -- sh -c 'echo 456 > /usr/local/apache2/htdocs/index.html'",
        "kubectl exec statefulset-test-2 -- sh -c 'echo 789 > /usr/local/apache2/htdocs/index.html'",
        "kubectl exec client -- sh -c 'for i in 0 1 2; do wget -qO- http://statefulset-test-$i.headless-svc; done'",
        "kstate node exec --server 192.168.1.21 -- ls /nfsdata",
        "kstate node exec --server 192.168.1.21 -- sh -c 'cat /nfsdata/*/index.html'",
        "kubectl delete pod statefulset-test-1",
        "kubectl wait --for=condition=Ready pod/statefulset-test-1",
        "kubectl exec client -- wget -qO- http://statefulset-test-1.headless-svc",
        "kubectl scale sts statefulset-test --replicas=1",
        "kubectl wait --for=delete pod/statefulset-test-2 pod/statefulset-test-1",
        "kubectl exec client -- wget -qO- http://statefulset-test-2.headless-svc",
        "kubectl scale sts statefulset-test --replicas=3",
        "kubectl rollout status sts statefulset-test",
        "kubectl exec client -- wget -qO- http://statefulset-test-2.headless-svc",
        "kubectl delete sts statefulset-test",
        "kubectl delete pvc --all",
        "kubectl get pv -o custom-columns=STATUS:.status.phase,CLAIM:.spec.claimRef.name",
        "kstate node exec --server 192.168.1.21 -- sh -c 'cat /nfsdata/*/index.html'",
    ]), @r#"
    $ kubectl rollout status sts statefulset-test
    Waiting for 3 pods to be ready...
    Waiting for 2 pods to be ready...
    Waiting for 2 pods to be ready...
    Waiting for 1 pods to be ready...
    Waiting for 1 pods to be ready...
    partitioned roll out complete: 3 new pods have been updated...
    $ kubectl exec statefulset-test-0 -- sh -c 'echo 123 > /usr/local/apache2/htdocs/index.html'
    $ kubectl exec statefulset-test-1 -- sh -c 'echo 456 > /usr/local/apache2/htdocs/index.html'
    $ kubectl exec statefulset-test-2 -- sh -c 'echo 789 > /usr/local/apache2/htdocs/index.html'
    $ kubectl exec client -- sh -c 'for i in 0 1 2; do wget -qO- http://statefulset-test-$i.headless-svc; done'
    123
    456
    789
    $ kstate node exec --server 192.168.1.21 -- ls /nfsdata
    default-test-statefulset-test-0-pvc-4b17346b-952a-4823-871c-fa1d3a7bb5ef
    default-test-statefulset-test-1-pvc-5205074c-d2e2-4ea9-aaad-97beabd5a9e8
    default-test-statefulset-test-2-pvc-77881d1e-c4d8-4f1d-921e-3a8adf55c530
    $ kstate node exec --server 192.168.1.21 -- sh -c 'cat /nfsdata/*/index.html'
    123
    456
    789
    $ kubectl delete pod statefulset-test-1
    pod "statefulset-test-1" deleted from default namespace
    $ kubectl wait --for=condition=Ready pod/statefulset-test-1
    pod/statefulset-test-1 condition met
    $ kubectl exec client -- wget -qO- http://statefulset-test-1.headless-svc
    456
    $ kubectl scale sts statefulset-test --replicas=1
    statefulset.apps/statefulset-test scaled
    $ kubectl wait --for=delete pod/statefulset-test-2 pod/statefulset-test-1
    $ kubectl exec client -- wget -qO- http://statefulset-test-2.headless-svc
    wget: bad address 'statefulset-test-2.headless-svc'
    command terminated with exit code 1
    [exit 1]
    $ kubectl scale sts statefulset-test --replicas=3
    statefulset.apps/statefulset-test scaled
    $ kubectl rollout status sts statefulset-test
    partitioned roll out complete: 3 new pods have been updated...
    $ kubectl exec client -- wget -qO- http://statefulset-test-2.headless-svc
    789
    $ kubectl delete sts statefulset-test
    statefulset.apps "statefulset-test" deleted from default namespace
    $ kubectl delete pvc --all
    persistentvolumeclaim "test-statefulset-test-0" deleted from default namespace
    persistentvolumeclaim "test-statefulset-test-1" deleted from default namespace
    persistentvolumeclaim "test-statefulset-test-2" deleted from default namespace
    $ kubectl get pv -o custom-columns=STATUS:.status.phase,CLAIM:.spec.claimRef.name
    STATUS     CLAIM
    Released   test-statefulset-test-0
    Released   test-statefulset-test-1
    Released   test-statefulset-test-2
    $ kstate node exec --server 192.168.1.21 -- sh -c 'cat /nfsdata/*/index.html'
    123
    456
    789
    "#);
}

#[test]
fn a_headless_service_names_every_pod_that_is_ready() {
    let mut session = Session::new();
    let manifest = r#"apiVersion: v1
kind: Service
metadata: {name: exsts-svc}
spec: {clusterIP: None, selector: {app: exsts}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: exsts}
spec:
  serviceName: exsts-svc
  replicas: 3
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: exsts}}
  template:
    metadata: {labels: {app: exsts}}
    spec:
      containers:
      - name: exsts
        image: busybox
        command: ["/bin/sh", "-c", "--"]
        args: ["while true; do sleep 30;done;"]
        readinessProbe: {exec: {command: [test, "!", -e, /tmp/down]}, periodSeconds: 1, failureThreshold: 1}
        volumeMounts: [{name: exsts-vct, mountPath: /dadada}]
  volumeClaimTemplates:
  - metadata: {name: exsts-vct}
    spec: {accessModes: [ReadWriteOnce], storageClassName: local-path, resources: {requests: {storage: 1Gi}}}
"#;
    session.0.feed("kubectl apply -f -", manifest);
    assert_snapshot!(session.run(&[
        "kubectl rollout status sts exsts",
        "kubectl get pods -o custom-columns=NAME:.metadata.name,IP:.status.podIP",
        "kubectl exec exsts-0 -- nslookup exsts-svc.default.svc.cluster.local",
        "kubectl exec exsts-0 -- nslookup exsts-1.exsts-svc.default.svc.cluster.local",
        "kubectl exec exsts-0 -- nslookup exsts-7.exsts-svc.default.svc.cluster.local",
        "kubectl exec exsts-1 -- touch /tmp/down",
        "kstate clock advance 5s",
        "kubectl get pods",
        "kubectl exec exsts-0 -- nslookup exsts-svc.default.svc.cluster.local",
        "kubectl exec exsts-1 -- hostname -f",
        "kubectl exec exsts-2 -- sh -c 'echo mine > /dadada/file; ls -l /dadada'",
        "kubectl delete pod exsts-2",
        "kubectl wait --for=condition=Ready pod/exsts-2",
        "kubectl exec exsts-2 -- cat /dadada/file",
    ]), @r#"
    $ kubectl rollout status sts exsts
    Waiting for 3 pods to be ready...
    Waiting for 2 pods to be ready...
    Waiting for 1 pods to be ready...
    partitioned roll out complete: 3 new pods have been updated...
    $ kubectl get pods -o custom-columns=NAME:.metadata.name,IP:.status.podIP
    NAME      IP
    exsts-0   10.42.0.2
    exsts-1   10.42.2.2
    exsts-2   10.42.1.2
    $ kubectl exec exsts-0 -- nslookup exsts-svc.default.svc.cluster.local
    Server:		10.43.0.10
    Address:	10.43.0.10:53

    Name:	exsts-svc.default.svc.cluster.local
    Address: 10.42.1.2
    Name:	exsts-svc.default.svc.cluster.local
    Address: 10.42.2.2
    Name:	exsts-svc.default.svc.cluster.local
    Address: 10.42.0.2


    $ kubectl exec exsts-0 -- nslookup exsts-1.exsts-svc.default.svc.cluster.local
    Server:		10.43.0.10
    Address:	10.43.0.10:53

    Name:	exsts-1.exsts-svc.default.svc.cluster.local
    Address: 10.42.2.2


    $ kubectl exec exsts-0 -- nslookup exsts-7.exsts-svc.default.svc.cluster.local
    Server:		10.43.0.10
    Address:	10.43.0.10:53

    ** server can't find exsts-7.exsts-svc.default.svc.cluster.local: NXDOMAIN

    ** server can't find exsts-7.exsts-svc.default.svc.cluster.local: NXDOMAIN

    command terminated with exit code 1
    [exit 1]
    $ kubectl exec exsts-1 -- touch /tmp/down
    $ kstate clock advance 5s
    2026-01-01T00:00:08Z (manual)
    $ kubectl get pods
    NAME      READY   STATUS    RESTARTS   AGE
    exsts-0   1/1     Running   0          8s
    exsts-1   0/1     Running   0          8s
    exsts-2   1/1     Running   0          8s
    $ kubectl exec exsts-0 -- nslookup exsts-svc.default.svc.cluster.local
    Server:		10.43.0.10
    Address:	10.43.0.10:53

    Name:	exsts-svc.default.svc.cluster.local
    Address: 10.42.1.2
    Name:	exsts-svc.default.svc.cluster.local
    Address: 10.42.0.2


    $ kubectl exec exsts-1 -- hostname -f
    exsts-1.exsts-svc.default.svc.cluster.local
    $ kubectl exec exsts-2 -- sh -c 'echo mine > /dadada/file; ls -l /dadada'
    total 4
    -rw-r--r--    1 root     root             5 Jan  1 00:00 file
    $ kubectl delete pod exsts-2
    pod "exsts-2" deleted from default namespace
    $ kubectl wait --for=condition=Ready pod/exsts-2
    pod/exsts-2 condition met
    $ kubectl exec exsts-2 -- cat /dadada/file
    mine
    "#);
}

#[test]
fn the_same_path_is_empty_on_another_node() {
    let mut session = Session::new();
    let pod = |name: &str, node: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  nodeName: {node}\n  containers:\n  - {{name: c, \
             image: busybox, command: [sleep, \"100000\"], volumeMounts: [{{name: v, mountPath: /v}}]}}\n  volumes: \
             [{{name: v, hostPath: {{path: /tmp/static-pv01, type: DirectoryOrCreate}}}}]\n---\n"
        )
    };
    let (first, second) = ("k3d-deadless-agent-0", "k3d-deadless-agent-1");
    let all = pod("one", first) + &pod("two", first) + &pod("away", second);
    session.0.feed("kubectl apply -f -", &all);
    assert_snapshot!(session.run(&[
        "kubectl wait --for=condition=Ready pod --all",
        "kubectl exec one -- sh -c 'echo here > /v/file'",
        "kubectl exec two -- cat /v/file",
        "kubectl exec away -- ls -A /v",
        "kstate node exec k3d-deadless-agent-0 -- cat /tmp/static-pv01/file",
        "kstate node exec k3d-deadless-agent-1 -- cat /tmp/static-pv01/file",
        "kubectl delete pod one two --now",
        "kstate node exec k3d-deadless-agent-0 -- ls /tmp/static-pv01",
    ]), @r#"
    $ kubectl wait --for=condition=Ready pod --all
    pod/away condition met
    pod/one condition met
    pod/two condition met
    $ kubectl exec one -- sh -c 'echo here > /v/file'
    $ kubectl exec two -- cat /v/file
    here
    $ kubectl exec away -- ls -A /v
    $ kstate node exec k3d-deadless-agent-0 -- cat /tmp/static-pv01/file
    here
    $ kstate node exec k3d-deadless-agent-1 -- cat /tmp/static-pv01/file
    cat: can't open '/tmp/static-pv01/file': No such file or directory
    [exit 1]
    $ kubectl delete pod one two --now
    pod "one" deleted from default namespace
    pod "two" deleted from default namespace
    $ kstate node exec k3d-deadless-agent-0 -- ls /tmp/static-pv01
    file
    "#);
}
