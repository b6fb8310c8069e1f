//! Snapshots and clones: what makes them, what they hold, how they go, and what is refused.

mod kinds;
mod sources;
mod taking;

use super::Session;

fn class(name: &str, driver: &str) -> String {
    format!(
        "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: {driver}\n"
    )
}

fn snapshot_class(name: &str, driver: &str, policy: &str, annotations: &str) -> String {
    format!(
        "---\napiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshotClass\nmetadata: {{name: {name}, annotations: \
         {{{annotations}}}}}\ndriver: {driver}\ndeletionPolicy: {policy}\n"
    )
}

const DEFAULT: &str = "snapshot.storage.kubernetes.io/is-default-class: 'true'";

fn claim(name: &str, class: &str, size: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: {class}, \
         accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}{more}}}\n"
    )
}

fn snapshot(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
    )
}

fn of(claim: &str) -> String {
    format!("source: {{persistentVolumeClaimName: {claim}}}")
}

fn from(kind: &str, name: &str) -> String {
    let group = if kind == "VolumeSnapshot" { "apiGroup: snapshot.storage.k8s.io, " } else { "" };
    format!(", dataSource: {{{group}kind: {kind}, name: {name}}}")
}

fn pod(name: &str, claim: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  terminationGracePeriodSeconds: 0\n  \
         containers: [{{name: c, image: busybox, command: [sleep, infinity], volumeMounts: [{{name: v, mountPath: \
         /data}}]}}]\n  volumes: [{{name: v, persistentVolumeClaim: {{claimName: {claim}}}}}]\n"
    )
}

fn alike(text: &str) -> String {
    let pattern = |text: &str| regex::Regex::new(text).expect("a pattern");
    let uid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    let text = pattern(uid).replace_all(text, "UID").into_owned();
    let text = pattern("(vol|snap)-0[0-9a-f]{16}").replace_all(&text, "$1-...").into_owned();
    pattern("(resourceVersion|Resource Version): .*").replace_all(&text, "$1: N").into_owned()
}

const SNAPSHOT_EVENTS: &str = "kubectl get events --field-selector involvedObject.kind=VolumeSnapshot -o \
                               custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message";
const CONTENT_EVENTS: &str = "kubectl get events --field-selector involvedObject.kind=VolumeSnapshotContent -o \
                              custom-columns=TYPE:.type,REASON:.reason,N:.count,BY:.source.component,M:.message";
const REFUSED: &str = "kubectl get events --field-selector reason=ProvisioningFailed -o custom-columns=M:.message";

/// A cluster with the example driver, its classes, a bound claim `data`.
fn furnished(driver: &str) -> Session {
    let mut session = Session::new();
    session.run(&[&format!("kstate csi add {driver}")]);
    let name = driver.split(' ').next().unwrap_or_default();
    session.apply(&[class("disks", name), snapshot_class("snaps", name, "Delete", DEFAULT)].concat());
    session.apply(&claim("data", "disks", "1Gi", ""));
    session
}
