//! The workshop on the newest Kubernetes.

use insta::assert_snapshot;

use super::Workshop;

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
    13s         Normal   WaitForFirstConsumer    persistentvolumeclaim/dynamic-pvc01   waiting for first consumer to be created before binding
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
