//! Provisioners that run as pods: nothing is made without one that may, and what becomes of what was made.

use insta::assert_snapshot;

use super::Session;

/// The account and the Deployment of nfs-subdir-external-provisioner, as its project deploys them, and a class.
const SUBDIR: &str = r#"apiVersion: v1
kind: ServiceAccount
metadata: {name: nfs-client-provisioner}
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
      serviceAccountName: nfs-client-provisioner
      containers:
      - name: nfs-client-provisioner
        image: registry.k8s.io/sig-storage/nfs-subdir-external-provisioner:v4.0.2
        volumeMounts: [{name: nfs-client-root, mountPath: /persistentvolumes}]
        env:
        - {name: PROVISIONER_NAME, value: k8s-sigs.io/nfs-subdir-external-provisioner}
        - {name: NFS_SERVER, value: 10.3.243.101}
        - {name: NFS_PATH, value: /ifs/kubernetes}
      volumes: [{name: nfs-client-root, nfs: {server: 10.3.243.101, path: /ifs/kubernetes}}]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: nfs-client}
provisioner: k8s-sigs.io/nfs-subdir-external-provisioner
"#;

/// The lock's rights, and those to volumes and claims.
const LOCK: &str = r#"kind: Role
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: leader-locking}
rules:
- {apiGroups: [""], resources: [endpoints], verbs: [get, list, watch, create, update, patch]}
---
kind: RoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: leader-locking}
subjects: [{kind: ServiceAccount, name: nfs-client-provisioner, namespace: default}]
roleRef: {kind: Role, name: leader-locking, apiGroup: rbac.authorization.k8s.io}
"#;

const RUNNER: &str = r#"kind: ClusterRole
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: runner}
rules:
- {apiGroups: [""], resources: [persistentvolumes], verbs: [get, list, watch, create, delete]}
- {apiGroups: [""], resources: [persistentvolumeclaims], verbs: [get, list, watch, update]}
- {apiGroups: [storage.k8s.io], resources: [storageclasses], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [events], verbs: [create, update, patch]}
---
kind: ClusterRoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: runner}
subjects: [{kind: ServiceAccount, name: nfs-client-provisioner, namespace: default}]
roleRef: {kind: ClusterRole, name: runner, apiGroup: rbac.authorization.k8s.io}
"#;

pub(super) fn claim(name: &str, class: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: {class}, \
         accessModes: [ReadWriteMany], resources: {{requests: {{storage: 1Mi}}}}}}\n"
    )
}

#[test]
fn nothing_is_made_before_somebody_may() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", SUBDIR);
    session.0.feed("kubectl apply -f -", &claim("test-claim", "nfs-client"));
    assert_snapshot!(session.run(&[
        "kstate clock advance 5s",
        "kubectl get pods,pvc",
        "kubectl events --for pvc/test-claim",
        "kubectl logs deploy/nfs-client-provisioner",
    ]), @r#"
    $ kstate clock advance 5s
    2026-01-01T00:00:05Z (manual)
    $ kubectl get pods,pvc
    NAME                                          READY   STATUS    RESTARTS   AGE
    pod/nfs-client-provisioner-57f5bb9556-dbdjq   1/1     Running   0          5s

    NAME                               STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    persistentvolumeclaim/test-claim   Pending                                      nfs-client     <unset>                 5s
    $ kubectl events --for pvc/test-claim
    LAST SEEN         TYPE     REASON                 OBJECT                             MESSAGE
    3s (x3 over 5s)   Normal   ExternalProvisioning   PersistentVolumeClaim/test-claim   Waiting for a volume to be created either by the external provisioner 'k8s-sigs.io/nfs-subdir-external-provisioner' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.
    $ kubectl logs deploy/nfs-client-provisioner
    I0101 00:00:01.089000       1 leaderelection.go:242] attempting to acquire leader lease  default/k8s-sigs.io-nfs-subdir-external-provisioner...
    E0101 00:00:01.089000       1 leaderelection.go:325] error retrieving resource lock default/k8s-sigs.io-nfs-subdir-external-provisioner: endpoints "k8s-sigs.io-nfs-subdir-external-provisioner" is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot get resource "endpoints" in API group "" in the namespace "default"
    E0101 00:00:04.289000       1 leaderelection.go:325] error retrieving resource lock default/k8s-sigs.io-nfs-subdir-external-provisioner: endpoints "k8s-sigs.io-nfs-subdir-external-provisioner" is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot get resource "endpoints" in API group "" in the namespace "default"
    "#);
    session.0.feed("kubectl apply -f -", LOCK);
    assert_snapshot!(session.run(&[
        "kstate clock advance 5s",
        "kubectl get pvc",
        "kubectl logs deploy/nfs-client-provisioner --since=5s",
        "kubectl get endpoints k8s-sigs.io-nfs-subdir-external-provisioner -o yaml",
    ]), @r#"
    $ kstate clock advance 5s
    2026-01-01T00:00:10Z (manual)
    $ kubectl get pvc
    NAME         STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    test-claim   Pending                                      nfs-client     <unset>                 10s
    $ kubectl logs deploy/nfs-client-provisioner --since=5s
    I0101 00:00:07.489000       1 leaderelection.go:252] successfully acquired lease default/k8s-sigs.io-nfs-subdir-external-provisioner
    I0101 00:00:07.489000       1 event.go:278] Event(v1.ObjectReference{Kind:"Endpoints", Namespace:"default", Name:"k8s-sigs.io-nfs-subdir-external-provisioner", UID:"72b2e617-7b91-4719-98a5-4d8cc784e8ab", APIVersion:"v1", ResourceVersion:"246", FieldPath:""}): type: 'Normal' reason: 'LeaderElection' nfs-client-provisioner-57f5bb9556-dbdjq_95854ac5-d3eb-49f6-bba7-c4ab1b7b1301 became leader
    E0101 00:00:07.489000       1 event.go:260] Server rejected event '&v1.Event{...}': 'events is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot create resource "events" in API group "" in the namespace "default"' (will not retry!)
    I0101 00:00:07.489000       1 controller.go:820] Starting provisioner controller k8s-sigs.io/nfs-subdir-external-provisioner_nfs-client-provisioner-57f5bb9556-dbdjq_95854ac5-d3eb-49f6-bba7-c4ab1b7b1301!
    E0101 00:00:07.489000       1 reflector.go:178] pkg/mod/k8s.io/client-go@v0.18.0/tools/cache/reflector.go:125: Failed to list *v1.PersistentVolumeClaim: persistentvolumeclaims is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot list resource "persistentvolumeclaims" in API group "" at the cluster scope
    E0101 00:00:07.489000       1 reflector.go:178] pkg/mod/k8s.io/client-go@v0.18.0/tools/cache/reflector.go:125: Failed to list *v1.PersistentVolume: persistentvolumes is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot list resource "persistentvolumes" in API group "" at the cluster scope
    E0101 00:00:07.489000       1 reflector.go:178] pkg/mod/k8s.io/client-go@v0.18.0/tools/cache/reflector.go:125: Failed to list *v1.StorageClass: storageclasses.storage.k8s.io is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot list resource "storageclasses" in API group "storage.k8s.io" at the cluster scope
    E0101 00:00:08.289000       1 reflector.go:178] pkg/mod/k8s.io/client-go@v0.18.0/tools/cache/reflector.go:125: Failed to list *v1.PersistentVolumeClaim: persistentvolumeclaims is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot list resource "persistentvolumeclaims" in API group "" at the cluster scope
    E0101 00:00:08.289000       1 reflector.go:178] pkg/mod/k8s.io/client-go@v0.18.0/tools/cache/reflector.go:125: Failed to list *v1.PersistentVolume: persistentvolumes is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot list resource "persistentvolumes" in API group "" at the cluster scope
    E0101 00:00:08.289000       1 reflector.go:178] pkg/mod/k8s.io/client-go@v0.18.0/tools/cache/reflector.go:125: Failed to list *v1.StorageClass: storageclasses.storage.k8s.io is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot list resource "storageclasses" in API group "storage.k8s.io" at the cluster scope
    E0101 00:00:09.889000       1 reflector.go:178] pkg/mod/k8s.io/client-go@v0.18.0/tools/cache/reflector.go:125: Failed to list *v1.PersistentVolumeClaim: persistentvolumeclaims is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot list resource "persistentvolumeclaims" in API group "" at the cluster scope
    E0101 00:00:09.889000       1 reflector.go:178] pkg/mod/k8s.io/client-go@v0.18.0/tools/cache/reflector.go:125: Failed to list *v1.PersistentVolume: persistentvolumes is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot list resource "persistentvolumes" in API group "" at the cluster scope
    E0101 00:00:09.889000       1 reflector.go:178] pkg/mod/k8s.io/client-go@v0.18.0/tools/cache/reflector.go:125: Failed to list *v1.StorageClass: storageclasses.storage.k8s.io is forbidden: User "system:serviceaccount:default:nfs-client-provisioner" cannot list resource "storageclasses" in API group "storage.k8s.io" at the cluster scope
    $ kubectl get endpoints k8s-sigs.io-nfs-subdir-external-provisioner -o yaml
    Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice
    apiVersion: v1
    kind: Endpoints
    metadata:
      annotations:
        control-plane.alpha.kubernetes.io/leader: '{"acquireTime":"2026-01-01T00:00:07Z","holderIdentity":"nfs-client-provisioner-57f5bb9556-dbdjq_95854ac5-d3eb-49f6-bba7-c4ab1b7b1301","leaderTransitions":0,"leaseDurationSeconds":15,"renewTime":"2026-01-01T00:00:07Z"}'
      creationTimestamp: "2026-01-01T00:00:07Z"
      name: k8s-sigs.io-nfs-subdir-external-provisioner
      namespace: default
      resourceVersion: "246"
      uid: 72b2e617-7b91-4719-98a5-4d8cc784e8ab
    "#);
    session.0.feed("kubectl apply -f -", RUNNER);
    assert_snapshot!(session.run(&[
        "kstate clock advance 5s",
        "kubectl get pvc",
        "kubectl logs deploy/nfs-client-provisioner --since=5s",
        "kubectl get events --field-selector involvedObject.kind!=Pod -o custom-columns=REASON:.reason,FROM:.source.component,MESSAGE:.message",
        "kubectl get pv -o jsonpath='{.items[0].spec.nfs}'",
        "kstate node exec --server 10.3.243.101 -- ls -l /ifs/kubernetes",
    ]), @r#"
    $ kstate clock advance 5s
    2026-01-01T00:00:15Z (manual)
    $ kubectl get pvc
    NAME         STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    test-claim   Bound    pvc-b32051d2-9e58-40ac-a5c2-c4b6c89cb2b8   1Mi        RWX            nfs-client     <unset>                 15s
    $ kubectl logs deploy/nfs-client-provisioner --since=5s
    I0101 00:00:13.089000       1 controller.go:869] Started provisioner controller k8s-sigs.io/nfs-subdir-external-provisioner_nfs-client-provisioner-57f5bb9556-dbdjq_95854ac5-d3eb-49f6-bba7-c4ab1b7b1301!
    I0101 00:00:13.089000       1 controller.go:1317] provision "default/test-claim" class "nfs-client": started
    I0101 00:00:13.089000       1 event.go:278] Event(v1.ObjectReference{Kind:"PersistentVolumeClaim", Namespace:"default", Name:"test-claim", UID:"b32051d2-9e58-40ac-a5c2-c4b6c89cb2b8", APIVersion:"v1", ResourceVersion:"232", FieldPath:""}): type: 'Normal' reason: 'Provisioning' External provisioner is provisioning volume for claim "default/test-claim"
    I0101 00:00:14.089000       1 controller.go:1420] provision "default/test-claim" class "nfs-client": volume "pvc-b32051d2-9e58-40ac-a5c2-c4b6c89cb2b8" provisioned
    I0101 00:00:14.089000       1 controller.go:1437] provision "default/test-claim" class "nfs-client": succeeded
    I0101 00:00:14.089000       1 volume_store.go:212] Trying to save persistentvolume "pvc-b32051d2-9e58-40ac-a5c2-c4b6c89cb2b8"
    I0101 00:00:14.089000       1 volume_store.go:219] persistentvolume "pvc-b32051d2-9e58-40ac-a5c2-c4b6c89cb2b8" saved
    I0101 00:00:14.089000       1 event.go:278] Event(v1.ObjectReference{Kind:"PersistentVolumeClaim", Namespace:"default", Name:"test-claim", UID:"b32051d2-9e58-40ac-a5c2-c4b6c89cb2b8", APIVersion:"v1", ResourceVersion:"232", FieldPath:""}): type: 'Normal' reason: 'ProvisioningSucceeded' Successfully provisioned volume pvc-b32051d2-9e58-40ac-a5c2-c4b6c89cb2b8
    $ kubectl get events --field-selector involvedObject.kind!=Pod -o custom-columns=REASON:.reason,FROM:.source.component,MESSAGE:.message
    REASON                  FROM                                                                                                                       MESSAGE
    SuccessfulCreate        replicaset-controller                                                                                                      Created pod: nfs-client-provisioner-57f5bb9556-dbdjq
    ScalingReplicaSet       deployment-controller                                                                                                      Scaled up replica set nfs-client-provisioner-57f5bb9556 from 0 to 1
    ExternalProvisioning    persistentvolume-controller                                                                                                Waiting for a volume to be created either by the external provisioner 'k8s-sigs.io/nfs-subdir-external-provisioner' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.
    Provisioning            k8s-sigs.io/nfs-subdir-external-provisioner_nfs-client-provisioner-57f5bb9556-dbdjq_95854ac5-d3eb-49f6-bba7-c4ab1b7b1301   External provisioner is provisioning volume for claim "default/test-claim"
    ProvisioningSucceeded   k8s-sigs.io/nfs-subdir-external-provisioner_nfs-client-provisioner-57f5bb9556-dbdjq_95854ac5-d3eb-49f6-bba7-c4ab1b7b1301   Successfully provisioned volume pvc-b32051d2-9e58-40ac-a5c2-c4b6c89cb2b8
    $ kubectl get pv -o jsonpath='{.items[0].spec.nfs}'
    {"path":"/ifs/kubernetes/default-test-claim-pvc-b32051d2-9e58-40ac-a5c2-c4b6c89cb2b8","server":"10.3.243.101"}$ kstate node exec --server 10.3.243.101 -- ls -l /ifs/kubernetes
    total 4
    drwxrwxrwx    2 root     root          4096 Jan  1 00:00 default-test-claim-pvc-b32051d2-9e58-40ac-a5c2-c4b6c89cb2b8
    "#);
}

#[test]
fn what_becomes_of_a_folder() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", SUBDIR);
    session.0.feed("kubectl apply -f -", LOCK);
    session.0.feed("kubectl apply -f -", RUNNER);
    for (name, parameters) in [
        ("gone", "archiveOnDelete: \"false\""),
        ("odd", "archiveOnDelete: perhaps"),
        ("kept", "onDelete: retain, pathPattern: \"${.PVC.namespace}/${.PVC.labels.team}-${.PVC.name}\""),
    ] {
        session.0.feed(
            "kubectl apply -f -",
            &format!(
                "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: \
                 k8s-sigs.io/nfs-subdir-external-provisioner\nparameters: {{{parameters}}}\n"
            ),
        );
        session.0.feed("kubectl apply -f -", &claim(name, name));
    }
    session.0.feed("kubectl apply -f -", &claim("archived", "nfs-client"));
    assert_snapshot!(session.run(&[
        "kubectl get pvc",
        "kstate node exec --server 10.3.243.101 -- find /ifs/kubernetes",
        "kubectl delete pvc --all",
        "kubectl get pv",
        "kstate node exec --server 10.3.243.101 -- find /ifs/kubernetes",
        "kubectl get events --field-selector involvedObject.kind=PersistentVolume -o custom-columns=REASON:.reason,MESSAGE:.message",
        "kubectl delete sc odd",
        "kubectl scale deploy nfs-client-provisioner --replicas=0",
    ]), @r#"
    $ kubectl get pvc
    NAME       STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    archived   Pending                                      nfs-client     <unset>                 1s
    gone       Pending                                      gone           <unset>                 1s
    kept       Pending                                      kept           <unset>                 1s
    odd        Pending                                      odd            <unset>                 1s
    $ kstate node exec --server 10.3.243.101 -- find /ifs/kubernetes
    /ifs/kubernetes
    /ifs/kubernetes/default
    /ifs/kubernetes/default/-kept
    /ifs/kubernetes/default-archived-pvc-73a31b87-0b9d-4167-af81-6e009e6115fc
    /ifs/kubernetes/default-gone-pvc-15d708d6-16f2-4fed-ab3e-3282b3a25e23
    /ifs/kubernetes/default-odd-pvc-1faa46d7-c8eb-46de-a637-3f17c2cd6c78
    $ kubectl delete pvc --all
    persistentvolumeclaim "archived" deleted from default namespace
    persistentvolumeclaim "gone" deleted from default namespace
    persistentvolumeclaim "kept" deleted from default namespace
    persistentvolumeclaim "odd" deleted from default namespace
    $ kubectl get pv
    NAME                                       CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS     CLAIM         STORAGECLASS   VOLUMEATTRIBUTESCLASS   REASON   AGE
    pvc-1faa46d7-c8eb-46de-a637-3f17c2cd6c78   1Mi        RWX            Delete           Released   default/odd   odd            <unset>                          0s
    $ kstate node exec --server 10.3.243.101 -- find /ifs/kubernetes
    /ifs/kubernetes
    /ifs/kubernetes/archived-default-archived-pvc-73a31b87-0b9d-4167-af81-6e009e6115fc
    /ifs/kubernetes/default
    /ifs/kubernetes/default/-kept
    /ifs/kubernetes/default-odd-pvc-1faa46d7-c8eb-46de-a637-3f17c2cd6c78
    $ kubectl get events --field-selector involvedObject.kind=PersistentVolume -o custom-columns=REASON:.reason,MESSAGE:.message
    REASON               MESSAGE
    VolumeFailedDelete   strconv.ParseBool: parsing "perhaps": invalid syntax
    $ kubectl delete sc odd
    storageclass.storage.k8s.io "odd" deleted
    $ kubectl scale deploy nfs-client-provisioner --replicas=0
    deployment.apps/nfs-client-provisioner scaled
    "#);
    session.0.feed("kubectl apply -f -", &claim("late", "nfs-client"));
    assert_snapshot!(session.run(&[
        "kstate clock advance 60s",
        "kubectl get pvc",
        "kubectl scale deploy nfs-client-provisioner --replicas=1",
        "kstate clock advance 10s",
        "kubectl get pvc",
        "kstate clock advance 10s",
        "kubectl get pvc",
        "kubectl logs deploy/nfs-client-provisioner --limit-bytes=400",
    ]), @r#"
    $ kstate clock advance 60s
    2026-01-01T00:01:03Z (manual)
    $ kubectl get pvc
    NAME   STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    late   Pending                                      nfs-client     <unset>                 60s
    $ kubectl scale deploy nfs-client-provisioner --replicas=1
    deployment.apps/nfs-client-provisioner scaled
    $ kstate clock advance 10s
    2026-01-01T00:01:14Z (manual)
    $ kubectl get pvc
    NAME   STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    late   Pending                                      nfs-client     <unset>                 71s
    $ kstate clock advance 10s
    2026-01-01T00:01:24Z (manual)
    $ kubectl get pvc
    NAME   STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    late   Bound    pvc-4df47f81-4960-4dfd-8694-8a8235ee893b   1Mi        RWX            nfs-client     <unset>                 81s
    $ kubectl logs deploy/nfs-client-provisioner --limit-bytes=400
    I0101 00:01:04.618000       1 leaderelection.go:242] attempting to acquire leader lease  default/k8s-sigs.io-nfs-subdir-external-provisioner...
    I0101 00:01:19.618000       1 leaderelection.go:252] successfully acquired lease default/k8s-sigs.io-nfs-subdir-external-provisioner
    I0101 00:01:19.618000       1 event.go:278] Event(v1.ObjectReference{Kind:"Endpoints", Namespace:"default", Name:"k8s-sigs.
    "#);
}

/// The chart of nfs-ganesha-server-and-external-provisioner: rights, service, set.
const SERVER: &str = r#"apiVersion: v1
kind: ServiceAccount
metadata: {name: nfs-server-provisioner}
---
kind: ClusterRole
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: nfs-server-provisioner}
rules:
- {apiGroups: [""], resources: [persistentvolumes], verbs: [get, list, watch, create, delete]}
- {apiGroups: [""], resources: [persistentvolumeclaims], verbs: [get, list, watch, update]}
- {apiGroups: [storage.k8s.io], resources: [storageclasses], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [events], verbs: [list, watch, create, update, patch]}
- {apiGroups: [""], resources: [services, endpoints], verbs: [get]}
---
kind: ClusterRoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: nfs-server-provisioner}
subjects: [{kind: ServiceAccount, name: nfs-server-provisioner, namespace: default}]
roleRef: {kind: ClusterRole, name: nfs-server-provisioner, apiGroup: rbac.authorization.k8s.io}
---
apiVersion: v1
kind: Service
metadata: {name: nfs-server-provisioner}
spec:
  selector: {app: nfs-server-provisioner}
  ports:
  - {name: nfs, port: 2049}
  - {name: nfs-udp, port: 2049, protocol: UDP}
  - {name: nlockmgr, port: 32803}
  - {name: nlockmgr-udp, port: 32803, protocol: UDP}
  - {name: mountd, port: 20048}
  - {name: mountd-udp, port: 20048, protocol: UDP}
  - {name: rquotad, port: 875}
  - {name: rquotad-udp, port: 875, protocol: UDP}
  - {name: rpcbind, port: 111}
  - {name: rpcbind-udp, port: 111, protocol: UDP}
  - {name: statd, port: 662}
  - {name: statd-udp, port: 662, protocol: UDP}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: nfs-server-provisioner}
spec:
  replicas: 1
  serviceName: nfs-server-provisioner
  selector: {matchLabels: {app: nfs-server-provisioner}}
  template:
    metadata: {labels: {app: nfs-server-provisioner}}
    spec:
      serviceAccountName: nfs-server-provisioner
      containers:
      - name: nfs-server-provisioner
        image: registry.k8s.io/sig-storage/nfs-provisioner:v4.0.8
        args: ["-provisioner=cluster.local/nfs-server-provisioner"]
        env:
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        - {name: SERVICE_NAME, value: nfs-server-provisioner}
        - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        volumeMounts: [{name: data, mountPath: /export}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: nfs}
provisioner: cluster.local/nfs-server-provisioner
"#;

pub(super) const WRITER: &str = r#"apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  containers:
  - name: c
    image: busybox
    command: [sh, -c, "echo hello > /data/file; sleep 100000"]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: shared}}]
"#;

#[test]
fn a_server_in_the_cluster() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", &claim("shared", "nfs"));
    session.0.feed("kubectl apply -f -", SERVER);
    assert_snapshot!(session.run(&[
        "kubectl get pods,pvc",
        "kstate clock advance 3s",
        "kubectl get pvc shared",
        "kstate clock advance 10s",
        "kubectl get pvc shared",
        "kubectl logs nfs-server-provisioner-0",
    ]), @r#"
    $ kubectl get pods,pvc
    NAME                           READY   STATUS    RESTARTS   AGE
    pod/nfs-server-provisioner-0   0/1     Pending   0          0s

    NAME                                                  STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    persistentvolumeclaim/data-nfs-server-provisioner-0   Pending                                      local-path     <unset>                 0s
    persistentvolumeclaim/shared                          Pending                                      nfs            <unset>                 0s
    $ kstate clock advance 3s
    2026-01-01T00:00:05Z (manual)
    $ kubectl get pvc shared
    NAME     STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    shared   Pending                                      nfs            <unset>                 5s
    $ kstate clock advance 10s
    2026-01-01T00:00:15Z (manual)
    $ kubectl get pvc shared
    NAME     STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    shared   Bound    pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9   1Mi        RWX            nfs            <unset>                 15s
    $ kubectl logs nfs-server-provisioner-0
    I0101 00:00:02.197000       1 main.go:65] Provisioner cluster.local/nfs-server-provisioner specified
    I0101 00:00:02.197000       1 main.go:89] Setting up NFS server!
    I0101 00:00:02.197000       1 server.go:147] starting RLIMIT_NOFILE rlimit.Cur 1048576, rlimit.Max 1048576
    I0101 00:00:02.197000       1 server.go:158] ending RLIMIT_NOFILE rlimit.Cur 1048576, rlimit.Max 1048576
    I0101 00:00:02.197000       1 server.go:132] Running NFS server!
    I0101 00:00:07.197000       1 controller.go:769] Starting provisioner controller cluster.local/nfs-server-provisioner_nfs-server-provisioner-0_ddd7ae24-068c-4e6f-b40f-8d5bcc622c8f!
    I0101 00:00:07.197000       1 controller.go:818] Started provisioner controller cluster.local/nfs-server-provisioner_nfs-server-provisioner-0_ddd7ae24-068c-4e6f-b40f-8d5bcc622c8f!
    I0101 00:00:07.197000       1 controller.go:1196] provision "default/shared" class "nfs": started
    I0101 00:00:07.197000       1 event.go:258] Event(v1.ObjectReference{Kind:"PersistentVolumeClaim", Namespace:"default", Name:"shared", UID:"6d88e824-7ba7-4f10-9fdb-75513f3c0ec9", APIVersion:"v1", ResourceVersion:"258", FieldPath:""}): type: 'Normal' reason: 'Provisioning' External provisioner is provisioning volume for claim "default/shared"
    I0101 00:00:08.197000       1 controller.go:1278] provision "default/shared" class "nfs": volume "pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9" provisioned
    I0101 00:00:08.197000       1 controller.go:1295] provision "default/shared" class "nfs": succeeded
    I0101 00:00:08.197000       1 volume_store.go:187] Trying to save persistentvolume "pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9"
    I0101 00:00:08.197000       1 volume_store.go:194] persistentvolume "pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9" saved
    I0101 00:00:08.197000       1 event.go:258] Event(v1.ObjectReference{Kind:"PersistentVolumeClaim", Namespace:"default", Name:"shared", UID:"6d88e824-7ba7-4f10-9fdb-75513f3c0ec9", APIVersion:"v1", ResourceVersion:"258", FieldPath:""}): type: 'Normal' reason: 'ProvisioningSucceeded' Successfully provisioned volume pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9
    "#);
    session.0.feed("kubectl apply -f -", WRITER);
    assert_snapshot!(session.run(&[
        "kstate clock advance 5s",
        "kubectl exec writer -- sh -c 'cat /data/file; mount | grep /data'",
        "kubectl exec nfs-server-provisioner-0 -- sh -c 'ls /export; cat /export/pvc-*/file; tail -14 /export/vfs.conf'",
        "kubectl delete pod writer --now",
        "kubectl delete pvc shared",
        "kubectl get pv -o custom-columns=CLAIM:.spec.claimRef.name",
        "kubectl exec nfs-server-provisioner-0 -- ls /export",
    ]), @r#"
    $ kstate clock advance 5s
    2026-01-01T00:00:20Z (manual)
    $ kubectl exec writer -- sh -c 'cat /data/file; mount | grep /data'
    hello
    10.43.136.149:/export/pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9 on /data type nfs4 (rw,relatime,vers=4.2,hard,proto=tcp)
    $ kubectl exec nfs-server-provisioner-0 -- sh -c 'ls /export; cat /export/pvc-*/file; tail -14 /export/vfs.conf'
    ganesha.log
    nfs-provisioner.identity
    pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9
    vfs.conf
    hello

    EXPORT
    {
    	Export_Id = 1;
    	Path = /export/pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9;
    	Pseudo = /export/pvc-6d88e824-7ba7-4f10-9fdb-75513f3c0ec9;
    	Access_Type = RW;
    	Squash = no_root_squash;
    	SecType = sys;
    	Filesystem_id = 1.1;
    	FSAL {
    		Name = VFS;
    	}
    }
    $ kubectl delete pod writer --now
    pod "writer" deleted from default namespace
    $ kubectl delete pvc shared
    persistentvolumeclaim "shared" deleted from default namespace
    $ kubectl get pv -o custom-columns=CLAIM:.spec.claimRef.name
    CLAIM
    data-nfs-server-provisioner-0
    $ kubectl exec nfs-server-provisioner-0 -- ls /export
    ganesha.log
    nfs-provisioner.identity
    vfs.conf
    "#);
}
