//! Volumes that are given the attributes of another class: what the resizer says, and what drivers refuse.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

const CLASSES: &str = "
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: disks}
provisioner: ebs.csi.aws.com
---
apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: {name: silver}
driverName: ebs.csi.aws.com
parameters: {type: gp3, iops: '3000'}
---
apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: {name: gold}
driverName: ebs.csi.aws.com
parameters: {type: io2, iops: '16000'}
---
apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: {name: odd}
driverName: ebs.csi.aws.com
parameters: {colour: green}
";

fn claim(class: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec: {{storageClassName: {class}, \
         accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}{more}}}\n"
    )
}

fn alike(text: &str) -> String {
    let uid = regex::Regex::new("pvc-[0-9a-f-]{36}").expect("a pattern");
    uid.replace_all(text, "pvc-...").into_owned()
}

const TO: &str = r#"kubectl patch pvc data -p '{"spec":{"volumeAttributesClassName":"CLASS"}}'"#;
const STATE: &str = "kubectl get pvc data -o jsonpath='{.status.currentVolumeAttributesClassName} \
                     {.status.modifyVolumeStatus}{\"\\n\"}{range .status.conditions[*]}{.type} {.reason}: \
                     {.message}{\"\\n\"}{end}'";
const SAID: &str = "kubectl get events --field-selector involvedObject.name=data -o \
                    custom-columns=REASON:.reason,N:.count,BY:.source.component,M:.message";

fn to(class: &str) -> String {
    TO.replace("CLASS", class)
}

#[test]
fn a_volume_is_given_the_attributes_of_another_class() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(CLASSES);
    session.apply(&claim("disks", ", volumeAttributesClassName: silver"));
    assert_snapshot!(alike(&session.run(&[
        "kubectl get pvc",
        &to("gold"),
        "kubectl get pvc",
        STATE,
        SAID,
        "kubectl get pv -o custom-columns=CLASS:.spec.volumeAttributesClassName",
    ])), @r#"
    $ kubectl get pvc
    NAME   STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    data   Bound    pvc-...   1Gi        RWO            disks          silver                  1s
    $ kubectl patch pvc data -p '{"spec":{"volumeAttributesClassName":"gold"}}'
    persistentvolumeclaim/data patched
    $ kubectl get pvc
    NAME   STATUS   VOLUME                                     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
    data   Bound    pvc-...   1Gi        RWO            disks          gold                    2s
    $ kubectl get pvc data -o jsonpath='{.status.currentVolumeAttributesClassName} {.status.modifyVolumeStatus}{"\n"}{range .status.conditions[*]}{.type} {.reason}: {.message}{"\n"}{end}'
    gold 
    $ kubectl get events --field-selector involvedObject.name=data -o custom-columns=REASON:.reason,N:.count,BY:.source.component,M:.message
    REASON                   N     BY                                                                                         M
    ExternalProvisioning     2     persistentvolume-controller                                                                Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.
    Provisioning             1     ebs.csi.aws.com_ebs-csi-controller-7d8f8c9b6d-vn49k_3466c82a-e72e-4ead-9063-756921ea1ca1   External provisioner is provisioning volume for claim "default/data"
    ProvisioningSucceeded    1     ebs.csi.aws.com_ebs-csi-controller-7d8f8c9b6d-vn49k_3466c82a-e72e-4ead-9063-756921ea1ca1   Successfully provisioned volume pvc-...
    VolumeModify             1     external-resizer ebs.csi.aws.com                                                           external resizer is modifying volume data with vac gold
    VolumeModifySuccessful   1     external-resizer ebs.csi.aws.com                                                           external resizer modified volume data with vac gold successfully
    $ kubectl get pv -o custom-columns=CLASS:.spec.volumeAttributesClassName
    CLASS
    gold
    "#);
}

#[test]
fn what_a_driver_refuses_rests_and_can_be_taken_back() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.apply(CLASSES);
    session.apply(&claim("disks", ", volumeAttributesClassName: silver"));
    assert_snapshot!(alike(&session.run(&[&to("odd"), STATE, &to("silver"), STATE, SAID])), @r#"
    $ kubectl patch pvc data -p '{"spec":{"volumeAttributesClassName":"odd"}}'
    persistentvolumeclaim/data patched
    $ kubectl get pvc data -o jsonpath='{.status.currentVolumeAttributesClassName} {.status.modifyVolumeStatus}{"\n"}{range .status.conditions[*]}{.type} {.reason}: {.message}{"\n"}{end}'
    silver {"status":"Infeasible","targetVolumeAttributesClassName":"odd"}
    ModifyingVolume : Modifying volume to "odd" failed. Waiting for retry.
    ModifyVolumeError InvalidArgument: Invalid mutable parameter key: colour
    $ kubectl patch pvc data -p '{"spec":{"volumeAttributesClassName":"silver"}}'
    persistentvolumeclaim/data patched
    $ kubectl get pvc data -o jsonpath='{.status.currentVolumeAttributesClassName} {.status.modifyVolumeStatus}{"\n"}{range .status.conditions[*]}{.type} {.reason}: {.message}{"\n"}{end}'
    silver 
    $ kubectl get events --field-selector involvedObject.name=data -o custom-columns=REASON:.reason,N:.count,BY:.source.component,M:.message
    REASON                   N     BY                                                                                         M
    ExternalProvisioning     2     persistentvolume-controller                                                                Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.
    Provisioning             1     ebs.csi.aws.com_ebs-csi-controller-7d8f8c9b6d-vn49k_3466c82a-e72e-4ead-9063-756921ea1ca1   External provisioner is provisioning volume for claim "default/data"
    ProvisioningSucceeded    1     ebs.csi.aws.com_ebs-csi-controller-7d8f8c9b6d-vn49k_3466c82a-e72e-4ead-9063-756921ea1ca1   Successfully provisioned volume pvc-...
    VolumeModify             1     external-resizer ebs.csi.aws.com                                                           external resizer is modifying volume data with vac odd
    VolumeModifyFailed       1     external-resizer ebs.csi.aws.com                                                           rpc error: code = InvalidArgument desc = Invalid mutable parameter key: colour
    VolumeModify             1     external-resizer ebs.csi.aws.com                                                           external resizer is modifying volume data with vac silver
    VolumeModifySuccessful   1     external-resizer ebs.csi.aws.com                                                           external resizer modified volume data with vac silver successfully
    "#);
}

#[test]
fn a_class_that_is_missing_is_waited_for_and_a_driver_that_fails_is_asked_again() {
    let mut session = Session::new();
    session.run(&["kstate csi add ebs.csi.aws.com --fail modify='rpc error: code = Unavailable desc = try again'"]);
    session.apply(CLASSES);
    session.apply(&claim("disks", ", volumeAttributesClassName: silver"));
    assert_snapshot!(alike(&session.run(&[&to("nowhere"), STATE, &to("gold"), STATE, SAID])), @r#"
    $ kubectl patch pvc data -p '{"spec":{"volumeAttributesClassName":"nowhere"}}'
    persistentvolumeclaim/data patched
    $ kubectl get pvc data -o jsonpath='{.status.currentVolumeAttributesClassName} {.status.modifyVolumeStatus}{"\n"}{range .status.conditions[*]}{.type} {.reason}: {.message}{"\n"}{end}'
    silver {"status":"Pending"}
    $ kubectl patch pvc data -p '{"spec":{"volumeAttributesClassName":"gold"}}'
    persistentvolumeclaim/data patched
    $ kubectl get pvc data -o jsonpath='{.status.currentVolumeAttributesClassName} {.status.modifyVolumeStatus}{"\n"}{range .status.conditions[*]}{.type} {.reason}: {.message}{"\n"}{end}'
    silver {"status":"InProgress","targetVolumeAttributesClassName":"gold"}
    ModifyingVolume : Modifying volume to "gold" is still in progress.
    ModifyVolumeError Unavailable: try again
    $ kubectl get events --field-selector involvedObject.name=data -o custom-columns=REASON:.reason,N:.count,BY:.source.component,M:.message
    REASON                  N     BY                                                                                         M
    ExternalProvisioning    2     persistentvolume-controller                                                                Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.
    Provisioning            1     ebs.csi.aws.com_ebs-csi-controller-7d8f8c9b6d-vn49k_3466c82a-e72e-4ead-9063-756921ea1ca1   External provisioner is provisioning volume for claim "default/data"
    ProvisioningSucceeded   1     ebs.csi.aws.com_ebs-csi-controller-7d8f8c9b6d-vn49k_3466c82a-e72e-4ead-9063-756921ea1ca1   Successfully provisioned volume pvc-...
    VolumeModifyFailed      1     external-resizer ebs.csi.aws.com                                                           VAC "nowhere" does not exist.
    VolumeModify            1     external-resizer ebs.csi.aws.com                                                           external resizer is modifying volume data with vac gold
    VolumeModifyFailed      1     external-resizer ebs.csi.aws.com                                                           rpc error: code = Unavailable desc = try again. Still modifying to VAC gold
    "#);
    session.run(&["kstate csi add ebs.csi.aws.com"]);
    session.0.advance(Duration::secs(60));
    assert_snapshot!(alike(&session.run(&[STATE])), @r#"
    $ kubectl get pvc data -o jsonpath='{.status.currentVolumeAttributesClassName} {.status.modifyVolumeStatus}{"\n"}{range .status.conditions[*]}{.type} {.reason}: {.message}{"\n"}{end}'
    gold
    "#);
}

#[test]
fn a_claim_of_a_class_that_does_not_fit_gets_no_volume() {
    let mut session = Session::new();
    session.run(&["kstate csi add nfs.csi.k8s.io", "kstate csi add pd.csi.storage.gke.io"]);
    session.apply(CLASSES);
    session.apply("apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: files}\nprovisioner: nfs.csi.k8s.io\nparameters: {server: a, share: /b}\n");
    session.apply("apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: google}\nprovisioner: pd.csi.storage.gke.io\n");
    let failed = "kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=M:.message";
    let mut refused = |class: &str, attributes: &str| {
        session.apply(&claim(class, &format!(", volumeAttributesClassName: {attributes}")));
        let text = session.run(&[failed, "kubectl delete pvc data", "kubectl delete events --all"]);
        text.lines().nth(2).unwrap_or_default().to_string()
    };
    assert_snapshot!(refused("files", "gold"), @r#"failed to provision volume with StorageClass "files": CSI driver does not support VolumeAttributesClass: controller MODIFY_VOLUME capability is not reported"#);
    assert_snapshot!(refused("google", "gold"), @r#"failed to provision volume with StorageClass "google": VAC gold referenced in PVC is for driver ebs.csi.aws.com which does not match driver name pd.csi.storage.gke.io"#);
    assert_snapshot!(refused("google", "nowhere"), @r#"failed to provision volume with StorageClass "google": volumeattributesclasses.storage.k8s.io "nowhere" not found"#);
}
