//! Drivers of any name, whose abilities are stated.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

fn claim(name: &str, mode: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: san, \
         accessModes: [{mode}], resources: {{requests: {{storage: 1Gi}}}}{more}}}\n"
    )
}

#[test]
fn a_driver_can_do_what_is_stated_and_nothing_else() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kstate csi add san.example.com --capabilities rwo,attach,expand=offline",
        "kstate csi add files.example.com --capabilities rwx,rwo,snapshot,clone,modify,topology=node,capacity --capacity 5Gi",
        "kstate csi list -o wide | grep example",
        "kubectl get csidrivers",
        "kubectl get csinodes -o jsonpath='{.items[0].spec.drivers}'",
        "kstate csi add ebs.csi.aws.com --capabilities rwx",
        "kstate csi add san.example.com --capabilities fly",
        "kstate csi add san.example.com --attach-limit 3",
        "kstate csi list -o wide | grep san",
    ]), @r#"
    $ kstate csi add san.example.com --capabilities rwo,attach,expand=offline
    csidriver.storage.k8s.io/san.example.com added
    $ kstate csi add files.example.com --capabilities rwx,rwo,snapshot,clone,modify,topology=node,capacity --capacity 5Gi
    csidriver.storage.k8s.io/files.example.com added
    $ kstate csi list -o wide | grep example
    files.example.com               yes     <none>   <all>    5Gi           <none>         <none>   yes   -            yes          -      -       -           yes     yes        yes      -        kubernetes.io/hostname                                                       -
    san.example.com                 yes     <none>   <all>    <unlimited>   <none>         <none>   yes   -            -            -      -       offline     -       -          -        yes      -                                                                            -
    $ kubectl get csidrivers
    NAME                ATTACHREQUIRED   PODINFOONMOUNT   STORAGECAPACITY   TOKENREQUESTS   REQUIRESREPUBLISH   MODES        AGE
    files.example.com   false            false            true              <unset>         false               Persistent   0s
    san.example.com     true             false            false             <unset>         false               Persistent   0s
    $ kubectl get csinodes -o jsonpath='{.items[0].spec.drivers}'
    [{"name":"files.example.com","nodeID":"k3d-deadless-agent-0","topologyKeys":["kubernetes.io/hostname"]},{"name":"san.example.com","nodeID":"k3d-deadless-agent-0","topologyKeys":null}]$ kstate csi add ebs.csi.aws.com --capabilities rwx
    error: what ebs.csi.aws.com can do is known: see 'kstate csi list -o wide'
    [exit 1]
    $ kstate csi add san.example.com --capabilities fly
    error: invalid capability "fly": must be one of rwo, rox, rwx, rwop, block, attach, expand, expand=offline, clone, snapshot, modify, capacity, topology=zone, topology=node
    [exit 1]
    $ kstate csi add san.example.com --attach-limit 3
    csidriver.storage.k8s.io/san.example.com configured
    $ kstate csi list -o wide | grep san
    san.example.com                 yes     <none>   <all>    <unlimited>   3              <none>   yes   -            -            -      -       offline     -       -          -        yes      -                                                                            -
    "#);
    let class = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: san}\nprovisioner: san.example.com\n\
                 allowVolumeExpansion: true\n";
    session.apply(
        &[
            class,
            &claim("one", "ReadWriteOnce", ""),
            &claim("many", "ReadWriteMany", ""),
            &claim("device", "ReadWriteOnce", ", volumeMode: Block"),
            &claim("copy", "ReadWriteOnce", ", dataSource: {kind: PersistentVolumeClaim, name: one}"),
        ]
        .concat(),
    );
    session.0.advance(Duration::secs(5));
    assert_snapshot!(session.run(&[
        "kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase",
        "kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,M:.message",
    ]), @r#"
    $ kubectl get pvc -o custom-columns=NAME:.metadata.name,PHASE:.status.phase
    NAME     PHASE
    copy     Pending
    device   Pending
    many     Pending
    one      Bound
    $ kubectl get events --field-selector type=Warning -o custom-columns=O:.involvedObject.name,M:.message
    O        M
    copy     failed to provision volume with StorageClass "san": CSI driver does not support clone operations: controller CLONE_VOLUME capability is not reported
    device   failed to provision volume with StorageClass "san": rpc error: code = InvalidArgument desc = Volume capabilities not supported
    many     failed to provision volume with StorageClass "san": rpc error: code = InvalidArgument desc = Volume capabilities not supported
    "#);
}
