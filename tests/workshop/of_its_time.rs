//! The workshop on the Kubernetes that it was written for.

use insta::assert_snapshot;

use super::Workshop;

#[test]
fn its_tables_on_the_version_of_its_time() {
    let mut w = Workshop::of_version(22);
    assert_snapshot!(w.run("kubectl api-resources | awk 'NR==1 || /PersistentVolume/'"), @r"
    NAME                              SHORTNAMES   APIVERSION                             NAMESPACED   KIND
    persistentvolumeclaims            pvc          v1                                     true         PersistentVolumeClaim
    persistentvolumes                 pv           v1                                     false        PersistentVolume
    ");

    w.pass(7, 20, 0);
    w.apply(&["static-pv01.yaml"]);
    w.pass(0, 2, 27);
    assert_snapshot!(w.run("kubectl get pv static-pv01"), @r"
    NAME          CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS      CLAIM                  STORAGECLASS   REASON   AGE
    static-pv01   10Mi       RWO            Delete           Available   default/static-pvc01                           2m27s
    ");
    w.pass(0, 6, 21);
    w.apply(&["static-pvc01.yaml"]);
    w.pass(0, 1, 12);
    assert_snapshot!(w.run("kubectl get pvc static-pvc01 && kubectl get pv static-pv01"), @r"
    NAME           STATUS   VOLUME        CAPACITY   ACCESS MODES   STORAGECLASS   AGE
    static-pvc01   Bound    static-pv01   10Mi       RWO                           72s
    NAME          CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM                  STORAGECLASS   REASON   AGE
    static-pv01   10Mi       RWO            Delete           Bound    default/static-pvc01                           10m
    ");
    w.apply(&["static-busy.yaml"]);
    w.pass(0, 0, 10);
    assert_snapshot!(w.run("kubectl get pods -l app=static-busy -o=jsonpath='{.items[*].spec.nodeName}'"), @r"k3d-deadless-agent-0");
    w.run("kubectl scale deployment --replicas 3 static-busy");
    w.pass(0, 0, 10);
    assert_snapshot!(w.run("kubectl get pods -l app=static-busy -o=jsonpath='{.items[*].spec.nodeName}'"), @r"k3d-deadless-agent-0 k3d-deadless-agent-0 k3d-deadless-agent-0");
    w.run("kubectl delete deployment static-busy");
    w.run("kubectl delete pvc static-pvc01");
    w.pass(0, 0, 40);
    assert_snapshot!(w.run("kubectl get pv,pvc,pods"), @r"No resources found");

    w.pass(0, 30, 0);
    // Its table is as wide as if the second class were there already.
    w.apply(&["nfs.yaml"]);
    assert_snapshot!(w.run("kubectl get sc | awk 'NR==1 || /local-path/'"), @r"
    NAME                   PROVISIONER                            RECLAIMPOLICY   VOLUMEBINDINGMODE      ALLOWVOLUMEEXPANSION   AGE
    local-path (default)   rancher.io/local-path                  Delete          WaitForFirstConsumer   false                  8h
    ");
    w.run("kubectl delete sc nfs");
    w.apply(&["dynamic-pvc01.yaml"]);
    w.pass(0, 1, 4);
    assert_snapshot!(w.run("kubectl get pvc"), @r"
    NAME            STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   AGE
    dynamic-pvc01   Pending                                      local-path     64s
    ");
    w.pass(0, 0, 56);
    w.apply(&["dynamic-ngx.yaml"]);
    w.pass(0, 2, 10);
    w.read_as("kubectl get pvc dynamic-pvc01 -o jsonpath={.metadata.uid}", "b9a9caff-ab3e-471d-94ca-41cb4644fecb");
    w.read_as("kubectl get pods -l app=dynamic-ngx -o jsonpath={.items[0].spec.nodeName}", "k3d-deadless-server-0");
    w.read_as("kubectl get pv -o jsonpath={.items[0].spec.claimRef.resourceVersion}", "35571");
    assert_snapshot!(w.run("kubectl get pvc dynamic-pvc01 && kubectl get pv pvc-b9a9caff-ab3e-471d-94ca-41cb4644fecb"), @r"
    NAME            STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   AGE
    dynamic-pvc01   Bound    pvc-b9a9caff-ab3e-471d-94ca-41cb4644fecb   10Mi       RWO            local-path     4m10s
    NAME                                       CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM                   STORAGECLASS   REASON   AGE
    pvc-b9a9caff-ab3e-471d-94ca-41cb4644fecb   10Mi       RWO            Delete           Bound    default/dynamic-pvc01   local-path              2m9s
    ");
    assert_snapshot!(w.neat("pv pvc-b9a9caff-ab3e-471d-94ca-41cb4644fecb"), @r#"
    apiVersion: v1
    kind: PersistentVolume
    metadata:
      annotations:
        pv.kubernetes.io/provisioned-by: rancher.io/local-path
      name: pvc-b9a9caff-ab3e-471d-94ca-41cb4644fecb
    spec:
      accessModes:
      - ReadWriteOnce
      capacity:
        storage: 10Mi
      claimRef:
        apiVersion: v1
        kind: PersistentVolumeClaim
        name: dynamic-pvc01
        namespace: default
        resourceVersion: "35571"
        uid: b9a9caff-ab3e-471d-94ca-41cb4644fecb
      hostPath:
        path: /var/lib/rancher/k3s/storage/pvc-b9a9caff-ab3e-471d-94ca-41cb4644fecb_default_dynamic-pvc01
        type: DirectoryOrCreate
      nodeAffinity:
        required:
          nodeSelectorTerms:
          - matchExpressions:
            - key: kubernetes.io/hostname
              operator: In
              values:
              - k3d-deadless-server-0
      persistentVolumeReclaimPolicy: Delete
      storageClassName: local-path
    "#);

    w.lots.clear();
    w.run("kubectl create ns nfs-server-provisioner");
    w.pass(2, 0, 0);
    assert_snapshot!(w.shell.feed("kubectl apply -f -", NFS_SERVER), @r"statefulset.apps/nfs-server-provisioner created");
    w.pass(0, 0, 30);
    w.apply(&["nfs.yaml"]);
    w.pass(0, 0, 12);
    assert_snapshot!(w.run("kubectl get sc"), @r"
    NAME                   PROVISIONER                            RECLAIMPOLICY   VOLUMEBINDINGMODE      ALLOWVOLUMEEXPANSION   AGE
    local-path (default)   rancher.io/local-path                  Delete          WaitForFirstConsumer   false                  10h
    nfs                    cluster.local/nfs-server-provisioner   Delete          Immediate              true                   12s
    ");
    w.pass(0, 0, 43);
    w.read_as(
        "kubectl get pvc -n nfs-server-provisioner -o jsonpath={.items[0].metadata.uid}",
        "013000fa-bb3c-49f7-9293-04d36ba715f8",
    );
    assert_snapshot!(w.run("kubectl get pv | awk 'NR==1 ||/nfs/'"), @r"
    NAME                                       CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM                                                  STORAGECLASS   REASON   AGE
    pvc-013000fa-bb3c-49f7-9293-04d36ba715f8   5Gi        RWO            Delete           Bound    nfs-server-provisioner/data-nfs-server-provisioner-0   local-path              84s
    ");

    w.apply(&["nfs-pvc01.yaml", "nfs-bash.yaml"]);
    w.pass(0, 0, 20);
    w.read_as("kubectl get pvc nfs-pvc01 -o jsonpath={.metadata.uid}", "e7c48e08-c610-454c-ae22-464e1cb6628e");
    let of_volume = |path: &str| format!("kubectl get pv pvc-e7c48e08-c610-454c-ae22-464e1cb6628e -o jsonpath={path}");
    for (path, recorded) in [
        ("{.spec.claimRef.resourceVersion}", "37860"),
        ("{.spec.nfs.server}", "10.43.138.238"),
        ("{.metadata.annotations.Provisioner_Id}", "0eee7408-12ab-45a9-a28e-c76eab64144d"),
    ] {
        let drawn = w.run(&of_volume(path));
        w.lots.push((drawn, recorded.to_string()));
    }
    assert_snapshot!(w.neat("pv pvc-e7c48e08-c610-454c-ae22-464e1cb6628e"), @r#"
    apiVersion: v1
    kind: PersistentVolume
    metadata:
      annotations:
        EXPORT_block: "\nEXPORT\n{\n\tExport_Id = 1;\n\tPath = /export/pvc-e7c48e08-c610-454c-ae22-464e1cb6628e;\n\tPseudo
          = /export/pvc-e7c48e08-c610-454c-ae22-464e1cb6628e;\n\tAccess_Type = RW;\n\tSquash
          = no_root_squash;\n\tSecType = sys;\n\tFilesystem_id = 1.1;\n\tFSAL {\n\t\tName
          = VFS;\n\t}\n}\n"
        Export_Id: "1"
        Project_Id: "0"
        Project_block: ""
        Provisioner_Id: 0eee7408-12ab-45a9-a28e-c76eab64144d
        kubernetes.io/createdby: nfs-dynamic-provisioner
        pv.kubernetes.io/provisioned-by: cluster.local/nfs-server-provisioner
      name: pvc-e7c48e08-c610-454c-ae22-464e1cb6628e
    spec:
      accessModes:
      - ReadWriteMany
      capacity:
        storage: 100Mi
      claimRef:
        apiVersion: v1
        kind: PersistentVolumeClaim
        name: nfs-pvc01
        namespace: default
        resourceVersion: "37860"
        uid: e7c48e08-c610-454c-ae22-464e1cb6628e
      mountOptions:
      - tcp
      - nfsvers=4.1
      nfs:
        path: /export/pvc-e7c48e08-c610-454c-ae22-464e1cb6628e
        server: 10.43.138.238
      persistentVolumeReclaimPolicy: Delete
      storageClassName: nfs
    "#);
    w.lots.clear();
    w.run("kubectl scale deployment --replicas 3 nfs-bash");
    w.pass(0, 0, 20);
    assert_snapshot!(w.run(r#"kubectl get pods -l app=nfs-bash -o=jsonpath='{range .items[*]}{.metadata.name}{"\t"}{.spec.nodeName}{"\n"}'"#), @r"
    nfs-bash-cdfc99b59-6ntqd	k3d-deadless-server-0
    nfs-bash-cdfc99b59-hnvlt	k3d-deadless-agent-1
    nfs-bash-cdfc99b59-s59vg	k3d-deadless-agent-0
    ");
}

/// What the chart of the NFS server makes of `persistence.size=5Gi`.
const NFS_SERVER: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: nfs-server-provisioner
  namespace: nfs-server-provisioner
spec:
  replicas: 1
  serviceName: nfs-server-provisioner
  selector:
    matchLabels:
      app: nfs-server-provisioner
  template:
    metadata:
      labels:
        app: nfs-server-provisioner
    spec:
      containers:
      - name: nfs-server-provisioner
        image: registry.k8s.io/sig-storage/nfs-provisioner:v3.0.0
        volumeMounts:
        - name: data
          mountPath: /export
  volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      storageClassName: local-path
      resources:
        requests:
          storage: 5Gi
";

#[test]
fn its_stateful_set_on_the_version_of_its_time() {
    let mut w = Workshop::of_version(22);
    w.apply(&["exsts-svc.yaml", "exsts-vct.yaml"]);
    w.pass(0, 0, 10);
    w.run("kubectl scale sts exsts --replicas 3");
    w.pass(0, 0, 30);
    assert_snapshot!(w.run("kubectl get nodes"), @r"
    NAME                    STATUS   ROLES                  AGE   VERSION
    k3d-deadless-agent-0    Ready    <none>                 40s   v1.22.2+k3s1
    k3d-deadless-agent-1    Ready    <none>                 40s   v1.22.2+k3s1
    k3d-deadless-server-0   Ready    control-plane,master   40s   v1.22.2+k3s1
    ");
    assert_snapshot!(w.run("kubectl get nodes -o wide"), @r"
    NAME                    STATUS   ROLES                  AGE   VERSION        INTERNAL-IP   EXTERNAL-IP   OS-IMAGE   KERNEL-VERSION    CONTAINER-RUNTIME
    k3d-deadless-agent-0    Ready    <none>                 40s   v1.22.2+k3s1   172.18.0.3    <none>        K3s dev    5.16.14-arch1-1   containerd://1.5.9-k3s1
    k3d-deadless-agent-1    Ready    <none>                 40s   v1.22.2+k3s1   172.18.0.4    <none>        K3s dev    5.16.14-arch1-1   containerd://1.5.9-k3s1
    k3d-deadless-server-0   Ready    control-plane,master   40s   v1.22.2+k3s1   172.18.0.2    <none>        K3s dev    5.16.14-arch1-1   containerd://1.5.9-k3s1
    ");
    assert_snapshot!(w.run("kubectl get svc"), @r"
    NAME         TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
    exsts-svc    ClusterIP   None         <none>        <none>    40s
    kubernetes   ClusterIP   10.43.0.1    <none>        443/TCP   40s
    ");
    assert_snapshot!(w.run("kubectl get sts -o wide"), @r"
    NAME    READY   AGE   CONTAINERS   IMAGES
    exsts   3/3     40s   exsts        docker.io/library/busybox:latest
    ");
    assert_snapshot!(w.run("kubectl get pods"), @r"
    NAME      READY   STATUS    RESTARTS   AGE
    exsts-0   1/1     Running   0          40s
    exsts-1   1/1     Running   0          30s
    exsts-2   1/1     Running   0          28s
    ");
    assert_snapshot!(w.run("kubectl get pvc"), @r"
    NAME                STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   AGE
    exsts-vct-exsts-0   Bound    pvc-9c5e2c02-546a-490a-a7ff-75aed31dd515   1Gi        RWO            local-path     40s
    exsts-vct-exsts-1   Bound    pvc-bf64f1d3-1762-408a-a260-bac36a917edb   1Gi        RWO            local-path     30s
    exsts-vct-exsts-2   Bound    pvc-38f08085-ef39-4237-b22d-722dab1c800a   1Gi        RWO            local-path     28s
    ");
    assert_snapshot!(w.run("kubectl get pv -o wide"), @r"
    NAME                                       CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM                       STORAGECLASS   REASON   AGE   VOLUMEMODE
    pvc-38f08085-ef39-4237-b22d-722dab1c800a   1Gi        RWO            Delete           Bound    default/exsts-vct-exsts-2   local-path              27s   Filesystem
    pvc-9c5e2c02-546a-490a-a7ff-75aed31dd515   1Gi        RWO            Delete           Bound    default/exsts-vct-exsts-0   local-path              39s   Filesystem
    pvc-bf64f1d3-1762-408a-a260-bac36a917edb   1Gi        RWO            Delete           Bound    default/exsts-vct-exsts-1   local-path              29s   Filesystem
    ");
    w.run("kubectl scale sts exsts --replicas 1");
    w.pass(0, 1, 40);
    assert_snapshot!(w.run("kubectl get sts && kubectl get pods && kubectl get pvc"), @r"
    NAME    READY   AGE
    exsts   1/1     2m20s
    NAME      READY   STATUS    RESTARTS   AGE
    exsts-0   1/1     Running   0          2m20s
    NAME                STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   AGE
    exsts-vct-exsts-0   Bound    pvc-9c5e2c02-546a-490a-a7ff-75aed31dd515   1Gi        RWO            local-path     2m20s
    exsts-vct-exsts-1   Bound    pvc-bf64f1d3-1762-408a-a260-bac36a917edb   1Gi        RWO            local-path     2m10s
    exsts-vct-exsts-2   Bound    pvc-38f08085-ef39-4237-b22d-722dab1c800a   1Gi        RWO            local-path     2m8s
    ");
    assert_snapshot!(w.run("kstate version"), @r"
    Client Version: v1.36.2
    Kustomize Version: v5.8.1
    Server Version: v1.22.2
    Warning: version difference between client (1.36) and server (1.22) exceeds the supported minor version skew of +/-1
    ");
}
