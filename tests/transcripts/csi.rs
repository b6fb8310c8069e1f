//! CSI drivers: adding and removing them, what each can do and refuses, and where its volumes are.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

fn class(name: &str, driver: &str, more: &str) -> String {
    format!(
        "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: {driver}\n{more}\n"
    )
}

fn claim(name: &str, class: &str, mode: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: {class}, \
         accessModes: [{mode}], resources: {{requests: {{storage: 1Gi}}}}{more}}}\n"
    )
}

fn alike(text: &str) -> String {
    let pattern = |text: &str| regex::Regex::new(text).expect("a pattern");
    let text = pattern("pvc-[0-9a-f-]{36}").replace_all(text, "pvc-...");
    pattern("vol-0[0-9a-f]{16}").replace_all(&text, "vol-...").into_owned()
}

const REFUSED: &str = "kubectl get events --field-selector reason=ProvisioningFailed -o \
                       custom-columns=CLAIM:.involvedObject.name,M:.message";

#[test]
fn drivers_are_listed_with_what_they_can_do() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kstate csi list -o wide",
        "kstate csi add my.driver.example.com --capacity 10Gi --attach-limit 3 --latency 2s",
        "kstate csi list",
        "kubectl get csidrivers,csinodes",
        "kstate csi remove my.driver.example.com",
        "kubectl get csidrivers,csinodes",
        "kstate undo",
        "kubectl get csidrivers,csinodes",
    ]), @"
    $ kstate csi list -o wide
    NAME                            ADDED   ZONES    NODES    CAPACITY      ATTACH-LIMIT   FAILS    RWO   ROX          RWX          RWOP   BLOCK   EXPANSION   CLONE   SNAPSHOT   MODIFY   ATTACH   TOPOLOGY                                                                     IN-TREE
    csi.vsphere.vmware.com          no      <none>   <none>   <unlimited>   59             <none>   yes   yes          yes          yes    yes     online      -       yes        -        yes      topology.csi.vmware.com/k8s-zone                                             kubernetes.io/vsphere-volume (migrated)
    disk.csi.azure.com              no      <none>   <none>   <unlimited>   8              <none>   yes   block only   block only   yes    yes     online      yes     yes        yes      yes      topology.disk.csi.azure.com/zone                                             kubernetes.io/azure-disk (migrated)
    driver.longhorn.io              no      <none>   <none>   <unlimited>   <none>         <none>   yes   yes          yes          yes    yes     online      yes     yes        -        yes      -                                                                            -
    ebs.csi.aws.com                 no      <none>   <none>   <unlimited>   25             <none>   yes   -            block only   yes    yes     online      yes     yes        yes      yes      kubernetes.io/os,topology.ebs.csi.aws.com/zone,topology.kubernetes.io/zone   kubernetes.io/aws-ebs (migrated)
    hostpath.csi.k8s.io             no      <none>   <none>   <unlimited>   <none>         <none>   yes   yes          yes          yes    yes     online      yes     yes        -        -        topology.hostpath.csi/node                                                   -
    nfs.csi.k8s.io                  no      <none>   <none>   <unlimited>   <none>         <none>   yes   yes          yes          yes    -       online      yes     yes        -        -        -                                                                            -
    openebs.io/local                no      <none>   <none>   <unlimited>   <none>         <none>   yes   -            -            yes    -       -           -       -          -        -        kubernetes.io/hostname                                                       -
    pd.csi.storage.gke.io           no      <none>   <none>   <unlimited>   127            <none>   yes   yes          block only   yes    yes     online      yes     yes        yes      yes      topology.gke.io/zone                                                         kubernetes.io/gce-pd (migrated)
    rook-ceph.cephfs.csi.ceph.com   no      <none>   <none>   <unlimited>   <none>         <none>   yes   yes          yes          yes    -       online      yes     yes        -        yes      -                                                                            kubernetes.io/cephfs (removed in v1.31)
    rook-ceph.rbd.csi.ceph.com      no      <none>   <none>   <unlimited>   <none>         <none>   yes   yes          block only   yes    yes     online      yes     yes        -        yes      -                                                                            kubernetes.io/rbd (removed in v1.31)
    $ kstate csi add my.driver.example.com --capacity 10Gi --attach-limit 3 --latency 2s
    csidriver.storage.k8s.io/my.driver.example.com added
    $ kstate csi list
    NAME                            ADDED   ZONES    NODES    CAPACITY      ATTACH-LIMIT   FAILS
    csi.vsphere.vmware.com          no      <none>   <none>   <unlimited>   59             <none>
    disk.csi.azure.com              no      <none>   <none>   <unlimited>   8              <none>
    driver.longhorn.io              no      <none>   <none>   <unlimited>   <none>         <none>
    ebs.csi.aws.com                 no      <none>   <none>   <unlimited>   25             <none>
    hostpath.csi.k8s.io             no      <none>   <none>   <unlimited>   <none>         <none>
    my.driver.example.com           yes     <none>   <all>    10Gi          3              <none>
    nfs.csi.k8s.io                  no      <none>   <none>   <unlimited>   <none>         <none>
    openebs.io/local                no      <none>   <none>   <unlimited>   <none>         <none>
    pd.csi.storage.gke.io           no      <none>   <none>   <unlimited>   127            <none>
    rook-ceph.cephfs.csi.ceph.com   no      <none>   <none>   <unlimited>   <none>         <none>
    rook-ceph.rbd.csi.ceph.com      no      <none>   <none>   <unlimited>   <none>         <none>
    $ kubectl get csidrivers,csinodes
    NAME                                             ATTACHREQUIRED   PODINFOONMOUNT   STORAGECAPACITY   TOKENREQUESTS   REQUIRESREPUBLISH   MODES        AGE
    csidriver.storage.k8s.io/my.driver.example.com   true             false            false             <unset>         false               Persistent   0s

    NAME                                           DRIVERS   AGE
    csinode.storage.k8s.io/k3d-deadless-agent-0    1         0s
    csinode.storage.k8s.io/k3d-deadless-agent-1    1         0s
    csinode.storage.k8s.io/k3d-deadless-server-0   1         0s
    $ kstate csi remove my.driver.example.com
    csidriver.storage.k8s.io/my.driver.example.com removed
    $ kubectl get csidrivers,csinodes
    NAME                                           DRIVERS   AGE
    csinode.storage.k8s.io/k3d-deadless-agent-0    0         0s
    csinode.storage.k8s.io/k3d-deadless-agent-1    0         0s
    csinode.storage.k8s.io/k3d-deadless-server-0   0         0s
    $ kstate undo
    undone: kstate csi remove my.driver.example.com
    $ kubectl get csidrivers,csinodes
    NAME                                             ATTACHREQUIRED   PODINFOONMOUNT   STORAGECAPACITY   TOKENREQUESTS   REQUIRESREPUBLISH   MODES        AGE
    csidriver.storage.k8s.io/my.driver.example.com   true             false            false             <unset>         false               Persistent   0s

    NAME                                           DRIVERS   AGE
    csinode.storage.k8s.io/k3d-deadless-agent-0    1         0s
    csinode.storage.k8s.io/k3d-deadless-agent-1    1         0s
    csinode.storage.k8s.io/k3d-deadless-server-0   1         0s
    ");
}

#[test]
fn drivers_are_listed_in_the_forms_of_kubectl_get() {
    let mut session = Session::new();
    session.run(&["kstate csi add csi.example.com --capacity 10Gi --fail attach=no"]);
    assert_snapshot!(session.run(&[
        "kstate csi list -o name",
        "kstate csi list -o custom-columns=NAME:.metadata.name,ADDED:.spec.added,MODES:.status.accessModes",
        "kstate csi list -o jsonpath='{.items[0].spec}'",
    ]), @r#"
    $ kstate csi list -o name
    csidriver.storage.k8s.io/csi.example.com
    csidriver.storage.k8s.io/csi.vsphere.vmware.com
    csidriver.storage.k8s.io/disk.csi.azure.com
    csidriver.storage.k8s.io/driver.longhorn.io
    csidriver.storage.k8s.io/ebs.csi.aws.com
    csidriver.storage.k8s.io/hostpath.csi.k8s.io
    csidriver.storage.k8s.io/nfs.csi.k8s.io
    provisioner openebs.io/local
    csidriver.storage.k8s.io/pd.csi.storage.gke.io
    csidriver.storage.k8s.io/rook-ceph.cephfs.csi.ceph.com
    csidriver.storage.k8s.io/rook-ceph.rbd.csi.ceph.com
    $ kstate csi list -o custom-columns=NAME:.metadata.name,ADDED:.spec.added,MODES:.status.accessModes
    NAME                            ADDED   MODES
    csi.example.com                 true    [ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod]
    csi.vsphere.vmware.com          false   [ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod]
    disk.csi.azure.com              false   [ReadWriteOnce ReadWriteOncePod]
    driver.longhorn.io              false   [ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod]
    ebs.csi.aws.com                 false   [ReadWriteOnce ReadWriteOncePod]
    hostpath.csi.k8s.io             false   [ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod]
    nfs.csi.k8s.io                  false   [ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod]
    openebs.io/local                false   [ReadWriteOnce ReadWriteOncePod]
    pd.csi.storage.gke.io           false   [ReadWriteOnce ReadOnlyMany ReadWriteOncePod]
    rook-ceph.cephfs.csi.ceph.com   false   [ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod]
    rook-ceph.rbd.csi.ceph.com      false   [ReadWriteOnce ReadOnlyMany ReadWriteOncePod]
    $ kstate csi list -o jsonpath='{.items[0].spec}'
    {"added":true,"attachLimit":null,"capacity":"10Gi","fail":{"attach":"no"},"nodes":[],"zones":[]}
    "#);
}

#[test]
fn wrong_words_for_drivers_are_refused() {
    assert_snapshot!(Session::new().run(&[
        "kstate csi",
        "kstate csi add",
        "kstate csi add Not_A_Name",
        "kstate csi add ebs.csi.aws.com --nodes nowhere",
        "kstate csi add ebs.csi.aws.com --capacity much",
        "kstate csi add ebs.csi.aws.com --latency soon",
        "kstate csi add ebs.csi.aws.com --fail sometimes",
        "kstate csi add ebs.csi.aws.com --attach-limit -1",
        "kstate csi remove ebs.csi.aws.com",
        "kstate csi list -o nothing",
        "kubectl csi list",
        "kubectl get csidrivers",
    ]), @r#"
    $ kstate csi
    List, add and remove CSI drivers.

    Available Commands:
      add           Deploy a driver, or change its settings; what does not fail any more is left out
      list          List the drivers of the cluster, and those that can be added by name
      remove        Take a driver away; what it made stays

    Usage:
      kstate csi COMMAND [options]

    Use "kstate csi <command> --help" for more information about a given command.
    Use "kstate options" for a list of global command-line options (applies to all commands).
    [exit 1]
    $ kstate csi add
    error: NAME is required
    See 'kstate csi add --help' for usage.
    [exit 1]
    $ kstate csi add Not_A_Name
    error: invalid driver name "Not_A_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
    [exit 1]
    $ kstate csi add ebs.csi.aws.com --nodes nowhere
    Error from server (NotFound): nodes "nowhere" not found
    [exit 1]
    $ kstate csi add ebs.csi.aws.com --capacity much
    error: invalid capacity "much"
    [exit 1]
    $ kstate csi add ebs.csi.aws.com --latency soon
    error: time: invalid duration "soon"
    [exit 1]
    $ kstate csi add ebs.csi.aws.com --fail sometimes
    error: invalid operation "sometimes": must be one of provision, attach, mount, expand, snapshot, modify
    [exit 1]
    $ kstate csi add ebs.csi.aws.com --attach-limit -1
    error: invalid attach limit -1: must not be negative
    [exit 1]
    $ kstate csi remove ebs.csi.aws.com
    Error from server (NotFound): csidrivers.storage.k8s.io "ebs.csi.aws.com" not found
    [exit 1]
    $ kstate csi list -o nothing
    error: unable to match a printer suitable for the output format "nothing", allowed formats are: custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml
    [exit 1]
    $ kubectl csi list
    error: unknown command "csi" for "kubectl"

    Did you mean this?
    	cp
    [exit 1]
    $ kubectl get csidrivers
    No resources found
    "#);
}

#[test]
fn each_driver_refuses_what_it_can_not_do_in_its_own_words() {
    let mut session = Session::new();
    let drivers = [
        ("ebs", "ebs.csi.aws.com", "parameters: {type: gp3, flavour: sweet}"),
        ("pd", "pd.csi.storage.gke.io", "parameters: {type: pd-ssd}"),
        ("azure", "disk.csi.azure.com", "parameters: {skuName: Premium_LRS}"),
        ("rbd", "rook-ceph.rbd.csi.ceph.com", "parameters: {clusterID: rook-ceph}"),
        ("cephfs", "rook-ceph.cephfs.csi.ceph.com", "parameters: {clusterID: rook-ceph, fsName: myfs}"),
        ("nfs", "nfs.csi.k8s.io", "parameters: {share: /}"),
        ("openebs", "openebs.io/local", "volumeBindingMode: Immediate"),
    ];
    let mut manifests = String::new();
    for (name, driver, more) in drivers {
        session.run(&[&format!("kstate csi add {driver}")]);
        manifests += &class(name, driver, more);
        manifests += &claim(&format!("{name}-many"), name, "ReadWriteMany", "");
    }
    manifests += &claim("ebs-one", "ebs", "ReadWriteOnce", "");
    manifests += &claim("rbd-one", "rbd", "ReadWriteOnce", "");
    manifests += &claim("cephfs-block", "cephfs", "ReadWriteOnce", ", volumeMode: Block");
    manifests += &claim("pd-chosen", "pd", "ReadWriteOnce", ", selector: {matchLabels: {a: b}}");
    session.apply(&manifests);
    session.0.advance(Duration::secs(5));
    assert_snapshot!(alike(&session.run(&[REFUSED, "kubectl get pvc"])), @r#"
    $ kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=CLAIM:.involvedObject.name,M:.message
    CLAIM          M
    azure-many     failed to provision volume with StorageClass "azure": rpc error: code = InvalidArgument desc = mountVolume is not supported for access mode: MULTI_NODE_MULTI_WRITER
    cephfs-block   failed to provision volume with StorageClass "cephfs": rpc error: code = InvalidArgument desc = block volume not supported
    ebs-many       failed to provision volume with StorageClass "ebs": rpc error: code = InvalidArgument desc = Volume capabilities not supported
    ebs-one        failed to provision volume with StorageClass "ebs": rpc error: code = InvalidArgument desc = Invalid parameter key flavour for CreateVolume
    nfs-many       failed to provision volume with StorageClass "nfs": rpc error: code = InvalidArgument desc = server is a required parameter
    openebs-many   failed to provision volume with StorageClass "openebs": Only support ReadWriteOnce access mode
    pd-chosen      failed to provision volume with StorageClass "pd": claim Selector is not supported
    pd-many        failed to provision volume with StorageClass "pd": rpc error: code = InvalidArgument desc = VolumeCapabilities is invalid: specified multi writer with mount access type
    rbd-many       failed to provision volume with StorageClass "rbd": rpc error: code = InvalidArgument desc = multi node access modes are only supported on rbd `block` type volumes
    rbd-one        failed to provision volume with StorageClass "rbd": rpc error: code = InvalidArgument desc = missing required parameter pool
    $ kubectl get pvc
    NAME           STATUS    VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    azure-many     Pending                                                                        azure          <unset>                 6s
    cephfs-block   Pending                                                                        cephfs         <unset>                 6s
    cephfs-many    Bound     pvc-...   1Gi        RWX            cephfs         <unset>                 6s
    ebs-many       Pending                                                                        ebs            <unset>                 6s
    ebs-one        Pending                                                                        ebs            <unset>                 6s
    nfs-many       Pending                                                                        nfs            <unset>                 6s
    openebs-many   Pending                                                                        openebs        <unset>                 6s
    pd-chosen      Pending                                                                        pd             <unset>                 6s
    pd-many        Pending                                                                        pd             <unset>                 6s
    rbd-many       Pending                                                                        rbd            <unset>                 6s
    rbd-one        Pending                                                                        rbd            <unset>                 6s
    "#);
}

#[test]
fn a_volume_is_in_a_zone_and_its_pod_follows_it() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --zones eu-west-1a,eu-west-1b,eu-west-1c"]);
    session.apply(&[
        class("now", "ebs.csi.aws.com", "volumeBindingMode: Immediate"),
        class("later", "ebs.csi.aws.com", "volumeBindingMode: WaitForFirstConsumer\nallowedTopologies: [{matchLabelExpressions: [{key: topology.kubernetes.io/zone, values: [eu-west-1b]}]}]"),
        claim("now", "now", "ReadWriteOnce", ""),
        claim("later", "later", "ReadWriteOnce", ""),
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: later}\nspec: {containers: [{name: c, image: busybox, command: [sleep, \"3600\"], volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: later}}]}\n".into(),
    ].concat());
    session.0.advance(Duration::secs(5));
    let zone = "kubectl get pv -o jsonpath={.items[?(@.spec.claimRef.name==\"now\")].spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]}";
    let zone = session.0.run(zone).expect("a zone").0;
    let other = if zone == "eu-west-1a" { "eu-west-1b" } else { "eu-west-1a" };
    session.apply(&format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: elsewhere}}\nspec: {{nodeSelector: {{topology.kubernetes.io/zone: {other}}}, containers: [{{name: c, image: busybox, volumeMounts: [{{name: v, mountPath: /v}}]}}], volumes: [{{name: v, persistentVolumeClaim: {{claimName: now}}}}]}}\n"
    ));
    assert_snapshot!(session.run(&[
        "kubectl get nodes -L topology.kubernetes.io/zone,topology.kubernetes.io/region,topology.ebs.csi.aws.com/zone",
        "kubectl get pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName",
        "kubectl get pv -o custom-columns=CLAIM:.spec.claimRef.name,A:.spec.nodeAffinity.required.nodeSelectorTerms",
        "kubectl get events --field-selector reason=FailedScheduling,involvedObject.name=elsewhere -o custom-columns=M:.message",
    ]), @"
    $ kubectl get nodes -L topology.kubernetes.io/zone,topology.kubernetes.io/region,topology.ebs.csi.aws.com/zone
    NAME                    STATUS   ROLES           AGE   VERSION        ZONE         REGION      ZONE
    k3d-deadless-agent-0    Ready    <none>          8s    v1.36.2+k3s1   eu-west-1a   eu-west-1   eu-west-1a
    k3d-deadless-agent-1    Ready    <none>          8s    v1.36.2+k3s1   eu-west-1b   eu-west-1   eu-west-1b
    k3d-deadless-server-0   Ready    control-plane   8s    v1.36.2+k3s1   eu-west-1c   eu-west-1   eu-west-1c
    $ kubectl get pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName
    NAME        NODE
    elsewhere   <none>
    later       k3d-deadless-agent-1
    $ kubectl get pv -o custom-columns=CLAIM:.spec.claimRef.name,A:.spec.nodeAffinity.required.nodeSelectorTerms
    CLAIM   A
    later   [map[matchExpressions:[map[key:topology.kubernetes.io/zone operator:In values:[eu-west-1b]]]]]
    now     [map[matchExpressions:[map[key:topology.kubernetes.io/zone operator:In values:[eu-west-1c]]]]]
    $ kubectl get events --field-selector reason=FailedScheduling,involvedObject.name=elsewhere -o custom-columns=M:.message
    M
    0/3 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    ");
}

#[test]
fn a_full_backend_says_so_and_goes_on_when_there_is_room() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --capacity 1536Mi"]);
    session.apply(&[class("ebs", "ebs.csi.aws.com", ""), claim("one", "ebs", "ReadWriteOnce", "")].concat());
    session.apply(&claim("two", "ebs", "ReadWriteOnce", ""));
    assert_snapshot!(session.run(&["kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase", REFUSED]), @r#"
    $ kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase
    NAME   PHASE
    one    Bound
    two    Pending
    $ kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=CLAIM:.involvedObject.name,M:.message
    CLAIM   M
    two     failed to provision volume with StorageClass "ebs": rpc error: code = ResourceExhausted desc = requested capacity 1073741824 exceeds the 536870912 bytes that are available
    "#);
    session.run(&["kubectl delete pvc one"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&["kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase"]), @"
    $ kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase
    NAME   PHASE
    two    Bound
    ");
}

#[test]
fn a_class_of_a_plugin_that_moved_out_of_the_tree_is_its_drivers() {
    let mut session = Session::new();
    session.apply(&[class("gp2", "kubernetes.io/aws-ebs", ""), claim("old", "gp2", "ReadWriteOnce", "")].concat());
    assert_snapshot!(session.run(&["kubectl get pvc old -o custom-columns=P:.status.phase,A:.metadata.annotations"]), @r#"
    $ kubectl get pvc old -o custom-columns=P:.status.phase,A:.metadata.annotations
    P         A
    Pending   map[kubectl.kubernetes.io/last-applied-configuration:{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"annotations":{},"name":"old","namespace":"default"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},"storageClassName":"gp2"}}
     volume.beta.kubernetes.io/storage-provisioner:ebs.csi.aws.com volume.kubernetes.io/storage-provisioner:ebs.csi.aws.com]
    "#);
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.0.advance(Duration::secs(20));
    assert_snapshot!(alike(&session.run(&[
        "kubectl get pv -o custom-columns=S:.status.phase,EBS:.spec.awsElasticBlockStore,CSI:.spec.csi,A:.metadata.annotations",
        "kubectl delete pvc old",
        "kubectl get pv",
    ])), @r#"
    $ kubectl get pv -o custom-columns=S:.status.phase,EBS:.spec.awsElasticBlockStore,CSI:.spec.csi,A:.metadata.annotations
    S       EBS                                               CSI      A
    Bound   map[fsType:ext4 volumeID:vol-...]   <none>   map[pv.kubernetes.io/migrated-to:ebs.csi.aws.com pv.kubernetes.io/provisioned-by:kubernetes.io/aws-ebs volume.kubernetes.io/provisioner-deletion-secret-name: volume.kubernetes.io/provisioner-deletion-secret-namespace:]
    $ kubectl delete pvc old
    persistentvolumeclaim "old" deleted from default namespace
    $ kubectl get pv
    No resources found
    "#);
}

#[test]
fn a_driver_that_was_removed_holds_what_it_attached() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(&[
        class("ebs", "ebs.csi.aws.com", ""),
        claim("data", "ebs", "ReadWriteOnce", ""),
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: busybox, command: [sleep, \"3600\"], volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}\n".into(),
    ].concat());
    let held = "kubectl get volumeattachments -o custom-columns=ATTACHED:.status.attached,F:.metadata.finalizers";
    assert_snapshot!(session.run(&[
        "kstate csi remove ebs.csi.aws.com",
        "kubectl delete pod web",
        held,
        "kstate csi add ebs.csi.aws.com",
        held,
    ]), @r#"
    $ kstate csi remove ebs.csi.aws.com
    csidriver.storage.k8s.io/ebs.csi.aws.com removed
    $ kubectl delete pod web
    pod "web" deleted from default namespace
    $ kubectl get volumeattachments -o custom-columns=ATTACHED:.status.attached,F:.metadata.finalizers
    ATTACHED   F
    true       [external-attacher/ebs-csi-aws-com]
    $ kstate csi add ebs.csi.aws.com
    csidriver.storage.k8s.io/ebs.csi.aws.com added
    $ kubectl get volumeattachments -o custom-columns=ATTACHED:.status.attached,F:.metadata.finalizers
    ATTACHED   F
    "#);
}
