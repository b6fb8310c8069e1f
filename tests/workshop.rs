//! The workshop that kstate began with: its tables as its author's k3d cluster (v1.22) printed them, and the same
//! walk on v1.36.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use kstate::api::Duration;
use kstate::printers::yaml::to_yaml;
use serde_json::Value;

use crate::conformance::shell::Shell;

/// The workshop's cluster. What a cluster draws by lot reads as it does in the workshop.
struct Workshop {
    shell: Shell,
    lots: Vec<(String, String)>,
}

impl Workshop {
    fn of_version(minor: u32) -> Workshop {
        let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
        Workshop { shell: Shell::of_version(&manifests, minor), lots: Vec::new() }
    }

    /// Runs a line; what it prints.
    fn run(&mut self, line: &str) -> String {
        let line = self.lots.iter().fold(line.to_string(), |line, (drawn, recorded)| line.replace(recorded, drawn));
        let (output, _) = self.shell.run(&line).expect("a command of ours");
        self.lots.iter().fold(output, |output, (drawn, recorded)| output.replace(drawn, recorded))
    }

    /// Runs lines; the transcript.
    fn transcript(&mut self, lines: &[&str]) -> String {
        lines.iter().map(|line| format!("$ {line}\n{}", self.run(line))).collect()
    }

    fn apply(&mut self, files: &[&str]) {
        for file in files {
            self.run(&format!("kubectl apply -f {file}"));
        }
    }

    /// Lets time pass: hours, minutes, seconds.
    fn pass(&mut self, hours: i64, minutes: i64, seconds: i64) {
        self.shell.advance(Duration::secs((hours * 60 + minutes) * 60 + seconds));
    }

    /// From now on what the command prints reads as recorded.
    fn read_as(&mut self, command: &str, recorded: &str) {
        let (drawn, _) = self.shell.run(command).expect("a command of ours");
        self.lots.push((drawn.trim().to_string(), recorded.to_string()));
    }

    /// `kubectl neat get KIND NAME -o yaml`: an object without what the cluster added.
    fn neat(&mut self, object: &str) -> String {
        let json = self.run(&format!("kubectl get {object} -o json"));
        let mut tree: Value = serde_json::from_str(&json).expect("JSON");
        let drop = |tree: &mut Value, names: &[&str]| {
            let map = tree.as_object_mut().expect("an object");
            map.retain(|name, _| !names.contains(&name.as_str()));
        };
        drop(&mut tree, &["status"]);
        drop(&mut tree["metadata"], &["creationTimestamp", "finalizers", "resourceVersion", "uid"]);
        drop(&mut tree["spec"], &["volumeMode"]);
        to_yaml(&tree)
    }
}

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

#[test]
fn static_volumes_on_the_newest_version() {
    let mut w = Workshop::of_version(36);
    w.pass(1, 0, 0);
    assert_snapshot!(w.transcript(&["kubectl apply -f static-pv01.yaml", "kubectl get pv static-pv01"]), @r"
    $ kubectl apply -f static-pv01.yaml
    persistentvolume/static-pv01 created
    $ kubectl get pv static-pv01
    NAME          CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS      CLAIM                  STORAGECLASS   VOLUMEATTRIBUTESCLASS   REASON   AGE
    static-pv01   10Mi       RWO            Delete           Available   default/static-pvc01                  <unset>                          0s
    ");
    assert_snapshot!(w.transcript(&["kubectl apply -f static-pvc01.yaml -f static-busy.yaml"]), @r"
    $ kubectl apply -f static-pvc01.yaml -f static-busy.yaml
    persistentvolumeclaim/static-pvc01 created
    deployment.apps/static-busy created
    ");
    w.pass(0, 0, 10);
    assert_snapshot!(w.transcript(&[
        "kubectl get pvc static-pvc01 && kubectl get pv static-pv01",
        "kubectl get pods -l app=static-busy -o=jsonpath='{.items[*].spec.nodeName}'",
        "kubectl describe pvc static-pvc01",
    ]), @r"
    $ kubectl get pvc static-pvc01 && kubectl get pv static-pv01
    NAME           STATUS   VOLUME        CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    static-pvc01   Bound    static-pv01   10Mi       RWO                           <unset>                 10s
    NAME          CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM                  STORAGECLASS   VOLUMEATTRIBUTESCLASS   REASON   AGE
    static-pv01   10Mi       RWO            Delete           Bound    default/static-pvc01                  <unset>                          10s
    $ kubectl get pods -l app=static-busy -o=jsonpath='{.items[*].spec.nodeName}'
    k3d-deadless-agent-0$ kubectl describe pvc static-pvc01
    Name:          static-pvc01
    Namespace:     default
    StorageClass:  
    Status:        Bound
    Volume:        static-pv01
    Labels:        <none>
    Annotations:   pv.kubernetes.io/bind-completed: yes
                   pv.kubernetes.io/bound-by-controller: yes
    Finalizers:    [kubernetes.io/pvc-protection]
    Capacity:      10Mi
    Access Modes:  RWO
    VolumeMode:    Filesystem
    Used By:       static-busy-85bf4fbb74-8nskp
    Events:        <none>
    ");
    w.pass(0, 0, 20);
    assert_snapshot!(w.transcript(&[
        "kubectl scale deployment static-busy --replicas 3",
        "kubectl delete deployment static-busy",
        "kubectl delete pvc static-pvc01",
    ]), @r#"
    $ kubectl scale deployment static-busy --replicas 3
    deployment.apps/static-busy scaled
    $ kubectl delete deployment static-busy
    deployment.apps "static-busy" deleted from default namespace
    $ kubectl delete pvc static-pvc01
    persistentvolumeclaim "static-pvc01" deleted from default namespace
    "#);
    w.pass(0, 0, 40);
    assert_snapshot!(w.transcript(&["kubectl get pv"]), @r"
    $ kubectl get pv
    No resources found
    ");
}

#[test]
fn provisioned_volumes_on_the_newest_version() {
    let mut w = Workshop::of_version(36);
    w.pass(1, 0, 0);
    assert_snapshot!(w.transcript(&["kubectl apply -f nfs.yaml", "kubectl get sc"]), @r"
    $ kubectl apply -f nfs.yaml
    storageclass.storage.k8s.io/nfs created
    $ kubectl get sc
    NAME                   PROVISIONER                            RECLAIMPOLICY   VOLUMEBINDINGMODE      ALLOWVOLUMEEXPANSION   AGE
    local-path (default)   rancher.io/local-path                  Delete          WaitForFirstConsumer   false                  60m
    nfs                    cluster.local/nfs-server-provisioner   Delete          Immediate              true                   0s
    ");
    w.apply(&["dynamic-pvc01.yaml"]);
    w.pass(0, 0, 5);
    assert_snapshot!(w.transcript(&["kubectl get pvc"]), @r"
    $ kubectl get pvc
    NAME            STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    dynamic-pvc01   Pending                                      local-path     <unset>                 5s
    ");
    w.apply(&["dynamic-ngx.yaml"]);
    w.pass(0, 0, 10);
    w.read_as("kubectl get pvc dynamic-pvc01 -o jsonpath={.metadata.uid}", "b9a9caff-ab3e-471d-94ca-41cb4644fecb");
    w.read_as("kubectl get pods -l app=dynamic-ngx -o jsonpath={.items[0].spec.nodeName}", "k3d-deadless-server-0");
    assert_snapshot!(w.transcript(&[
        "kubectl get pvc",
        "kubectl get pv -o wide",
        "kubectl get events --field-selector involvedObject.name=dynamic-pvc01",
    ]), @r#"
    $ kubectl get pvc
    NAME            STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    dynamic-pvc01   Bound    pvc-b9a9caff-ab3e-471d-94ca-41cb4644fecb   10Mi       RWO            local-path     <unset>                 15s
    $ kubectl get pv -o wide
    NAME                                       CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM                   STORAGECLASS   VOLUMEATTRIBUTESCLASS   REASON   AGE   VOLUMEMODE
    pvc-b9a9caff-ab3e-471d-94ca-41cb4644fecb   10Mi       RWO            Delete           Bound    default/dynamic-pvc01   local-path     <unset>                          9s    Filesystem
    $ kubectl get events --field-selector involvedObject.name=dynamic-pvc01
    LAST SEEN   TYPE     REASON                  OBJECT                                MESSAGE
    15s         Normal   WaitForFirstConsumer    persistentvolumeclaim/dynamic-pvc01   waiting for first consumer to be created before binding
    10s         Normal   ExternalProvisioning    persistentvolumeclaim/dynamic-pvc01   Waiting for a volume to be created either by the external provisioner 'rancher.io/local-path' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.
    10s         Normal   Provisioning            persistentvolumeclaim/dynamic-pvc01   External provisioner is provisioning volume for claim "default/dynamic-pvc01"
    9s          Normal   ProvisioningSucceeded   persistentvolumeclaim/dynamic-pvc01   Successfully provisioned volume pvc-b9a9caff-ab3e-471d-94ca-41cb4644fecb
    "#);
    w.lots.clear();
    w.apply(&["nfs-pvc01.yaml", "nfs-bash.yaml"]);
    w.pass(0, 0, 10);
    w.read_as("kubectl get pvc nfs-pvc01 -o jsonpath={.metadata.uid}", "e7c48e08-c610-454c-ae22-464e1cb6628e");
    assert_snapshot!(w.transcript(&[
        "kubectl get pvc nfs-pvc01",
        "kubectl scale deployment --replicas 3 nfs-bash",
    ]), @r"
    $ kubectl get pvc nfs-pvc01
    NAME        STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    nfs-pvc01   Bound    pvc-e7c48e08-c610-454c-ae22-464e1cb6628e   100Mi      RWX            nfs            <unset>                 10s
    $ kubectl scale deployment --replicas 3 nfs-bash
    deployment.apps/nfs-bash scaled
    ");
    w.pass(0, 0, 10);
    assert_snapshot!(w.transcript(&["kubectl get deployments"]), @r"
    $ kubectl get deployments
    NAME          READY   UP-TO-DATE   AVAILABLE   AGE
    dynamic-ngx   1/1     1            1           30s
    nfs-bash      3/3     3            3           20s
    ");
}

#[test]
fn a_stateful_set_on_the_newest_version() {
    let mut w = Workshop::of_version(36);
    w.pass(1, 0, 0);
    assert_snapshot!(w.transcript(&["kubectl apply -f exsts-svc.yaml -f exsts-vct.yaml"]), @r"
    $ kubectl apply -f exsts-svc.yaml -f exsts-vct.yaml
    service/exsts-svc created
    statefulset.apps/exsts created
    ");
    w.pass(0, 0, 10);
    assert_snapshot!(w.transcript(&["kubectl scale sts exsts --replicas 3"]), @r"
    $ kubectl scale sts exsts --replicas 3
    statefulset.apps/exsts scaled
    ");
    w.pass(0, 0, 30);
    for (n, recorded) in [
        "11111111-1111-4111-8111-111111111111",
        "22222222-2222-4222-8222-222222222222",
        "33333333-3333-4333-8333-333333333333",
    ]
    .iter()
    .enumerate()
    {
        w.read_as(&format!("kubectl get pvc exsts-vct-exsts-{n} -o jsonpath={{.metadata.uid}}"), recorded);
    }
    assert_snapshot!(w.transcript(&["kubectl get sts,pods,pvc,svc", "kubectl scale sts exsts --replicas 1"]), @r"
    $ kubectl get sts,pods,pvc,svc
    NAME                     READY   AGE
    statefulset.apps/exsts   3/3     40s

    NAME          READY   STATUS    RESTARTS   AGE
    pod/exsts-0   1/1     Running   0          40s
    pod/exsts-1   1/1     Running   0          30s
    pod/exsts-2   1/1     Running   0          28s

    NAME                                      STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    persistentvolumeclaim/exsts-vct-exsts-0   Bound    pvc-11111111-1111-4111-8111-111111111111   1Gi        RWO            local-path     <unset>                 40s
    persistentvolumeclaim/exsts-vct-exsts-1   Bound    pvc-22222222-2222-4222-8222-222222222222   1Gi        RWO            local-path     <unset>                 30s
    persistentvolumeclaim/exsts-vct-exsts-2   Bound    pvc-33333333-3333-4333-8333-333333333333   1Gi        RWO            local-path     <unset>                 28s

    NAME                 TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
    service/exsts-svc    ClusterIP   None         <none>        <none>    40s
    service/kubernetes   ClusterIP   10.43.0.1    <none>        443/TCP   60m
    $ kubectl scale sts exsts --replicas 1
    statefulset.apps/exsts scaled
    ");
    w.pass(0, 1, 40);
    assert_snapshot!(w.transcript(&["kubectl get pods", "kubectl get pvc"]), @r"
    $ kubectl get pods
    NAME      READY   STATUS    RESTARTS   AGE
    exsts-0   1/1     Running   0          2m20s
    $ kubectl get pvc
    NAME                STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    exsts-vct-exsts-0   Bound    pvc-11111111-1111-4111-8111-111111111111   1Gi        RWO            local-path     <unset>                 2m20s
    exsts-vct-exsts-1   Bound    pvc-22222222-2222-4222-8222-222222222222   1Gi        RWO            local-path     <unset>                 2m10s
    exsts-vct-exsts-2   Bound    pvc-33333333-3333-4333-8333-333333333333   1Gi        RWO            local-path     <unset>                 2m8s
    ");
}

/// A process of the binary on a folder of clusters.
fn kubectl(home: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kstate"));
    command.args(line.split(' ')).env("KSTATE_HOME", home);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests"));
    command
}

#[test]
fn one_session_watches_what_another_applies() {
    let home = std::env::temp_dir().join(format!("kstate-workshop-{}", std::process::id()));
    let run = |line: &str| {
        let output = kubectl(&home, line).output().expect("to run");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("cluster create --clock manual");
    run("apply -f dynamic-pvc01.yaml");
    let mut watch = kubectl(&home, "get pvc -w").stdout(Stdio::piped()).spawn().expect("to run");
    let mut lines = BufReader::new(watch.stdout.take().expect("its output")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    // What it prints after its first lines is what came to be since.
    assert!(line().starts_with("NAME            STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS"));
    assert!(line().starts_with("dynamic-pvc01   Pending "));
    run("apply -f dynamic-ngx.yaml");
    run("clock settle");
    while !line().starts_with("dynamic-pvc01   Bound     pvc-") {}
    watch.kill().expect("to end it");
    watch.wait().expect("its end");
    std::fs::remove_dir_all(&home).expect("to remove the clusters");
}
