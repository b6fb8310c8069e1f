//! local-path-provisioner as one deploys it beside that of k3s: its settings, its rights, its folders.

use insta::assert_snapshot;

use super::Session;
use super::nfs_provisioners::{WRITER, claim};

/// local-path-provisioner under another name, as one deploys a second one.
const LOCAL_PATH: &str = r#"apiVersion: v1
kind: Namespace
metadata: {name: local-path-storage}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: local-path-provisioner-service-account, namespace: local-path-storage}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: local-path-provisioner, namespace: local-path-storage}
spec:
  selector: {matchLabels: {app: local-path-provisioner}}
  template:
    metadata: {labels: {app: local-path-provisioner}}
    spec:
      serviceAccountName: local-path-provisioner-service-account
      containers:
      - name: local-path-provisioner
        image: rancher/local-path-provisioner:v0.0.37
        command: [local-path-provisioner, start, --config, /etc/config/config.json, --provisioner-name, example.com/fast]
        volumeMounts: [{name: config-volume, mountPath: /etc/config/}]
        env: [{name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]
      volumes: [{name: config-volume, configMap: {name: local-path-config}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: local-path-config, namespace: local-path-storage}
data:
  config.json: '{"nodePathMap":[{"node":"DEFAULT_PATH_FOR_NON_LISTED_NODES","paths":["/mnt/fast"]}]}'
  helperPod.yaml: "apiVersion: v1\nkind: Pod\n"
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: example.com/fast
volumeBindingMode: WaitForFirstConsumer
"#;

const LOCAL_PATH_RIGHTS: &str = r#"apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: local-path-provisioner-role}
rules:
- {apiGroups: [""], resources: [nodes, persistentvolumeclaims, configmaps, pods, pods/log], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [persistentvolumes], verbs: [get, list, watch, create, patch, update, delete]}
- {apiGroups: [""], resources: [events], verbs: [create, patch]}
- {apiGroups: [storage.k8s.io], resources: [storageclasses], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: local-path-provisioner-bind}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: local-path-provisioner-role}
subjects: [{kind: ServiceAccount, name: local-path-provisioner-service-account, namespace: local-path-storage}]
"#;

#[test]
fn a_second_local_path() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", LOCAL_PATH);
    session.0.feed("kubectl apply -f -", &claim("shared", "fast").replace("ReadWriteMany", "ReadWriteOnce"));
    session.0.feed("kubectl apply -f -", WRITER);
    assert_snapshot!(session.run(&[
        "kstate clock advance 10s",
        "kubectl get pods -A",
        "kubectl logs -n local-path-storage deploy/local-path-provisioner",
    ]), @r#"
    $ kstate clock advance 10s
    2026-01-01T00:00:10Z (manual)
    $ kubectl get pods -A
    NAMESPACE            NAME                                      READY   STATUS             RESTARTS     AGE
    default              writer                                    0/1     Pending            0            10s
    local-path-storage   local-path-provisioner-6bc94b687b-lq66s   0/1     CrashLoopBackOff   1 (9s ago)   10s
    $ kubectl logs -n local-path-storage deploy/local-path-provisioner
    time="2026-01-01T00:00:01Z" level=info msg="Health server started on :8080"
    time="2026-01-01T00:00:01Z" level=fatal msg="Error starting daemon: invalid empty flag helper-pod-file and it also does not exist at ConfigMap local-path-storage/local-path-config with err: configmaps \"local-path-config\" is forbidden: User \"system:serviceaccount:local-path-storage:local-path-provisioner-service-account\" cannot get resource \"configmaps\" in API group \"\" in the namespace \"local-path-storage\""
    "#);
    session.0.feed("kubectl apply -f -", LOCAL_PATH_RIGHTS);
    assert_snapshot!(session.run(&[
        "kstate clock advance 60s",
        "kubectl get pods,pvc",
        "kubectl logs -n local-path-storage deploy/local-path-provisioner",
        "kstate node exec k3d-deadless-server-0 -- sh -c 'cat /mnt/fast/*/file'",
    ]), @r#"
    $ kstate clock advance 60s
    2026-01-01T00:01:10Z (manual)
    $ kubectl get pods,pvc
    NAME         READY   STATUS    RESTARTS   AGE
    pod/writer   1/1     Running   0          70s

    NAME                           STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    persistentvolumeclaim/shared   Bound    pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9   1Mi        RWO            fast           <unset>                 70s
    $ kubectl logs -n local-path-storage deploy/local-path-provisioner
    time="2026-01-01T00:00:11Z" level=info msg="Health server started on :8080"
    I0101 00:00:11.000000       1 controller.go:838] "Starting provisioner controller" component="example.com/fast_local-path-provisioner-6bc94b687b-lq66s_39b600c2-7756-4504-84ad-512a6d144600"
    I0101 00:00:11.000000       1 controller.go:887] "Started provisioner controller" component="example.com/fast_local-path-provisioner-6bc94b687b-lq66s_39b600c2-7756-4504-84ad-512a6d144600"
    time="2026-01-01T00:00:11Z" level=info msg="Creating volume pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9 at k3d-deadless-server-0:/mnt/fast/pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9_default_shared"
    time="2026-01-01T00:00:11Z" level=info msg="create the helper pod helper-pod-create-pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9 into local-path-storage"
    I0101 00:00:11.000000       1 event.go:377] "Event occurred" object="default/shared" fieldPath="" kind="PersistentVolumeClaim" apiVersion="v1" type="Normal" reason="Provisioning" message="External provisioner is provisioning volume for claim \"default/shared\""
    time="2026-01-01T00:00:12Z" level=info msg="Volume pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9 has been created on k3d-deadless-server-0:/mnt/fast/pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9_default_shared"
    I0101 00:00:12.000000       1 event.go:377] "Event occurred" object="default/shared" fieldPath="" kind="PersistentVolumeClaim" apiVersion="v1" type="Normal" reason="ProvisioningSucceeded" message="Successfully provisioned volume pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9"
    $ kstate node exec k3d-deadless-server-0 -- sh -c 'cat /mnt/fast/*/file'
    hello
    "#);
}
