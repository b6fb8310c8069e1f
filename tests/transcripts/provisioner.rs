//! What k3s' local-path provisioner makes, what it refuses, and when it tries again.

use std::path::Path;

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;
use crate::conformance::shell::Shell;

/// A claim with a pod that uses it; `more` goes into its metadata, `spec` into its spec.
fn claim(name: &str, more: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}{more}}}\nspec: {{resources: {{requests: \
         {{storage: 1Gi}}}}{spec}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{nodeSelector: \
         {{kubernetes.io/hostname: k3d-deadless-agent-0}}, containers: [{{name: c, image: busybox, volumeMounts: [{{name: v, mountPath: /v}}]}}], volumes: [{{name: \
         v, persistentVolumeClaim: {{claimName: {name}}}}}]}}\n"
    )
}

const RWO: &str = ", accessModes: [ReadWriteOnce]";

const FAILED: &str = "kubectl get events --field-selector reason=ProvisioningFailed -o \
                      custom-columns=O:.involvedObject.name,N:.count,M:.message";

const VOLUMES: &str = "kubectl get pv -o custom-columns=C:.spec.claimRef.name,M:.spec.accessModes,\
                       HOST:.spec.hostPath,LOCAL:.spec.local,A:.metadata.annotations,O:.spec.mountOptions";

/// The text with volumes' drawn names made alike.
fn without_uids(text: &str) -> String {
    regex::Regex::new("pvc-[0-9a-f-]{36}").expect("a pattern").replace_all(text, "pvc-...").into_owned()
}

#[test]
fn a_claim_chooses_the_type_of_its_volume_and_not_all_modes_are_there() {
    let mut session = Session::new();
    session.apply(
        &[
            claim("plain", "", RWO),
            claim("host", ", annotations: {volumeType: HostPath}", RWO),
            claim("odd", ", annotations: {volumeType: nvme}", RWO),
            claim("one-pod", "", ", accessModes: [ReadWriteOncePod]"),
            claim("many", "", ", accessModes: [ReadWriteMany]"),
            claim("chosen", "", &format!("{RWO}, selector: {{matchLabels: {{a: b}}}}")),
            claim("device", "", &format!("{RWO}, volumeMode: Block"))
                .replace("volumeMounts: [{name: v, mountPath", "volumeDevices: [{name: v, devicePath"),
        ]
        .concat(),
    );
    session.0.advance(Duration::secs(10));
    assert_snapshot!(without_uids(&session.run(&[VOLUMES, FAILED])), @r#"
    $ kubectl get pv -o custom-columns=C:.spec.claimRef.name,M:.spec.accessModes,HOST:.spec.hostPath,LOCAL:.spec.local,A:.metadata.annotations,O:.spec.mountOptions
    C         M                    HOST                                                                                                                  LOCAL                                                                                             A                                                                                                                      O
    plain     [ReadWriteOnce]      <none>                                                                                                                map[path:/var/lib/rancher/k3s/storage/pvc-..._default_plain]     map[local.path.provisioner/selected-node:k3d-deadless-agent-0 pv.kubernetes.io/provisioned-by:rancher.io/local-path]   <none>
    one-pod   [ReadWriteOncePod]   <none>                                                                                                                map[path:/var/lib/rancher/k3s/storage/pvc-..._default_one-pod]   map[local.path.provisioner/selected-node:k3d-deadless-agent-0 pv.kubernetes.io/provisioned-by:rancher.io/local-path]   <none>
    host      [ReadWriteOnce]      map[path:/var/lib/rancher/k3s/storage/pvc-..._default_host type:DirectoryOrCreate]   <none>                                                                                            map[local.path.provisioner/selected-node:k3d-deadless-agent-0 pv.kubernetes.io/provisioned-by:rancher.io/local-path]   <none>
    $ kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=O:.involvedObject.name,N:.count,M:.message
    O        N     M
    chosen   1     failed to provision volume with StorageClass "local-path": claim.Spec.Selector is not supported
    device   1     rancher.io/local-path does not support block volume provisioning
    many     1     failed to provision volume with StorageClass "local-path": NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes
    odd      1     failed to provision volume with StorageClass "local-path": failed to create persistent volume source: "nvme" is not a recognised volume type
    "#);
}

#[test]
fn an_older_cluster_has_the_provisioner_of_its_time() {
    let mut session = Session(Shell::of_version(Path::new(env!("CARGO_MANIFEST_DIR")), 22));
    session.apply(
        &[
            claim("plain", ", annotations: {volumeType: local}", RWO),
            claim("one-pod", "", ", accessModes: [ReadWriteOncePod]"),
        ]
        .concat(),
    );
    assert_snapshot!(without_uids(&session.run(&[
        VOLUMES,
        FAILED,
        "kubectl get sc local-path -o jsonpath={.metadata.annotations}",
    ])), @r#"
    $ kubectl get pv -o custom-columns=C:.spec.claimRef.name,M:.spec.accessModes,HOST:.spec.hostPath,LOCAL:.spec.local,A:.metadata.annotations,O:.spec.mountOptions
    C       M                 HOST                                                                                                                   LOCAL    A                                                            O
    plain   [ReadWriteOnce]   map[path:/var/lib/rancher/k3s/storage/pvc-..._default_plain type:DirectoryOrCreate]   <none>   map[pv.kubernetes.io/provisioned-by:rancher.io/local-path]   <none>
    $ kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=O:.involvedObject.name,N:.count,M:.message
    O         N     M
    one-pod   1     failed to provision volume with StorageClass "local-path": Only support ReadWriteOnce access mode
    $ kubectl get sc local-path -o jsonpath={.metadata.annotations}
    {"storageclass.kubernetes.io/is-default-class":"true"}
    "#);
}

#[test]
fn a_class_says_where_folders_are_and_how_nodes_are_known() {
    let mut session = Session::new();
    let class = |name: &str, parameters: &str| {
        format!(
            "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: \
             rancher.io/local-path\nvolumeBindingMode: WaitForFirstConsumer\nparameters: {{{parameters}}}\nmountOptions: [noatime]\n"
        )
    };
    session.apply(
        &[
            class("named", "pathPattern: \"{{ .PVC.Namespace }}/{{ .PVC.Name }}/{{ .PVC.Labels.app }}\""),
            class("free", "pathPattern: \"{{ .PVC.Name }}\", allowUnsafePathPattern: \"true\""),
            class("wild", "pathPattern: \"{{ .PVC.Name }}\""),
            class("elsewhere", "nodePath: /data"),
            class("by-os", "nodeAffinityKey: kubernetes.io/os"),
            claim("named", ", labels: {app: web}", &format!("{RWO}, storageClassName: named")),
            claim("free", "", &format!("{RWO}, storageClassName: free")),
            claim("wild", "", &format!("{RWO}, storageClassName: wild")),
            claim("elsewhere", "", &format!("{RWO}, storageClassName: elsewhere")),
            claim("by-os", "", &format!("{RWO}, storageClassName: by-os")),
        ]
        .concat(),
    );
    let affinity = "kubectl get pv -o custom-columns=C:.spec.claimRef.name,\
                    N:.spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0]";
    assert_snapshot!(without_uids(&session.run(&[VOLUMES, affinity, FAILED])), @r#"
    $ kubectl get pv -o custom-columns=C:.spec.claimRef.name,M:.spec.accessModes,HOST:.spec.hostPath,LOCAL:.spec.local,A:.metadata.annotations,O:.spec.mountOptions
    C       M                 HOST                                                                                                                   LOCAL    A                                                                                                                      O
    free    [ReadWriteOnce]   map[path:/var/lib/rancher/k3s/storage/free type:DirectoryOrCreate]                                                     <none>   map[local.path.provisioner/selected-node:k3d-deadless-agent-0 pv.kubernetes.io/provisioned-by:rancher.io/local-path]   <none>
    named   [ReadWriteOnce]   map[path:/var/lib/rancher/k3s/storage/default/named/web type:DirectoryOrCreate]                                        <none>   map[local.path.provisioner/selected-node:k3d-deadless-agent-0 pv.kubernetes.io/provisioned-by:rancher.io/local-path]   <none>
    by-os   [ReadWriteOnce]   map[path:/var/lib/rancher/k3s/storage/pvc-..._default_by-os type:DirectoryOrCreate]   <none>   map[local.path.provisioner/selected-node:k3d-deadless-agent-0 pv.kubernetes.io/provisioned-by:rancher.io/local-path]   <none>
    $ kubectl get pv -o custom-columns=C:.spec.claimRef.name,N:.spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0]
    C       N
    free    map[key:kubernetes.io/hostname operator:In values:[k3d-deadless-agent-0]]
    named   map[key:kubernetes.io/hostname operator:In values:[k3d-deadless-agent-0]]
    by-os   map[key:kubernetes.io/os operator:In values:[linux]]
    $ kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=O:.involvedObject.name,N:.count,M:.message
    O           N     M
    elsewhere   1     failed to provision volume with StorageClass "elsewhere": config doesn't contain path /data on node k3d-deadless-agent-0
    wild        1     failed to provision volume with StorageClass "wild": failed to create path from pattern {{ .PVC.Name }}: pathPattern must start with {{ .PVC.Namespace }}/{{ .PVC.Name }}/: wild
    "#);
}

#[test]
fn a_failure_is_tried_again_after_fifteen_seconds_doubled_and_at_once_when_the_claim_changes() {
    let mut session = Session::new();
    session.apply(&claim("many", "", ", accessModes: [ReadWriteMany]"));
    let mut counts = Vec::new();
    for seconds in [14, 2, 29, 2, 59, 2] {
        session.0.advance(Duration::secs(seconds));
        counts.push(session.0.run(FAILED.replace("N:.count,M:.message", "N:.count").as_str()).unwrap().0);
    }
    let counts: Vec<&str> = counts.iter().filter_map(|c| c.lines().nth(1)?.split_whitespace().nth(1)).collect();
    assert_snapshot!(counts.join(" "), @"1 2 3 3 4 4");
    session.run(&["kubectl label pvc many a=b"]);
    assert_snapshot!(session.run(&[FAILED]), @r#"
    $ kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=O:.involvedObject.name,N:.count,M:.message
    O      N     M
    many   5     failed to provision volume with StorageClass "local-path": NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes
    "#);
}

#[test]
fn what_must_be_done_on_a_silent_node_takes_two_minutes_to_fail() {
    let mut session = Session::new();
    session.apply(&claim("data", "", RWO));
    session.run(&["kubectl delete pod data", "kstate node stop k3d-deadless-agent-0", "kubectl delete pvc data"]);
    session.0.advance(Duration::secs(130));
    let failed = "kubectl get events --field-selector reason=VolumeFailedDelete -o custom-columns=M:.message";
    let volumes = "kubectl get pv --no-headers -o custom-columns=C:.spec.claimRef.name,P:.status.phase";
    assert_snapshot!(without_uids(&session.run(&[failed, volumes])), @r"
    $ kubectl get events --field-selector reason=VolumeFailedDelete -o custom-columns=M:.message
    M
    failed to delete volume pvc-...: failed to delete volume pvc-...: create process timeout after 120 seconds
    $ kubectl get pv --no-headers -o custom-columns=C:.spec.claimRef.name,P:.status.phase
    data   Released
    ");
    session.run(&["kstate node start k3d-deadless-agent-0"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&[volumes]), @"$ kubectl get pv --no-headers -o custom-columns=C:.spec.claimRef.name,P:.status.phase");
}
