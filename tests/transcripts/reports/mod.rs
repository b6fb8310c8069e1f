//! Public reports about volumes, each as a short session: `tests/reports/README.md` names where each is from.

mod attaching;
mod copying;
mod making;
mod migrating;
mod mounting;

use super::Session;

/// A class.
fn class(name: &str, driver: &str, more: &str) -> String {
    format!(
        "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: {driver}\n{more}\n"
    )
}

/// A claim of 1Gi for one node; `more` is further fields of its spec.
fn claim(name: &str, class: &str, more: &str) -> String {
    let modes = if more.contains("accessModes") { "" } else { "accessModes: [ReadWriteOnce], " };
    let size = if more.contains("resources") { "" } else { "resources: {requests: {storage: 1Gi}}, " };
    format!(
        "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{storageClassName: {class}, \
         {modes}{size}{more}}}\n"
    )
}

/// A pod's spec with one volume; `more` is further fields of it.
fn spec(volume: &str, more: &str) -> String {
    format!(
        "{{terminationGracePeriodSeconds: 1, containers: [{{name: c, image: busybox, command: [sleep, \"360000\"], \
         volumeMounts: [{{name: v, mountPath: /data}}]}}], volumes: [{{name: v, {volume}}}], {more}}}"
    )
}

/// A pod that uses a claim.
fn pod(name: &str, claim: &str, more: &str) -> String {
    let spec = spec(&format!("persistentVolumeClaim: {{claimName: {claim}}}"), more);
    format!("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

/// A pod with a volume of its own.
fn pod_with(name: &str, volume: &str, more: &str) -> String {
    let spec = spec(volume, more);
    format!("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

fn on(node: &str) -> String {
    format!("nodeSelector: {{kubernetes.io/hostname: k3d-deadless-{node}}}")
}

/// The text with what is drawn made alike.
fn alike(text: &str) -> String {
    let pattern = |text: &str| regex::Regex::new(text).expect("a pattern");
    let text = pattern("pvc-[0-9a-f-]{36}").replace_all(text, "pvc-...");
    let text = pattern("snapcontent-[0-9a-f-]{36}").replace_all(&text, "snapcontent-...");
    let text = pattern("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").replace_all(&text, "UID");
    let text = pattern("(vol|snap)-0[0-9a-f]{16}").replace_all(&text, "$1-...");
    let text = pattern("csi-[0-9a-f]{64}").replace_all(&text, "csi-...");
    let text = pattern("[0-9]{13}-[0-9]+-").replace_all(&text, "RUN-");
    pattern(" +\n").replace_all(&text, "\n").into_owned()
}

/// Where volumes are attached.
const ATTACHED: &str =
    "kubectl get volumeattachments -o custom-columns=NODE:.spec.nodeName,ATTACHED:.status.attached --no-headers";

/// The events that have one of these words in them.
fn told(session: &mut Session, words: &[&str]) -> String {
    let columns =
        "kubectl get events -o custom-columns=O:.involvedObject.name,R:.reason,N:.count,M:.message --no-headers";
    let text = session.run(&[columns]);
    let space = regex::Regex::new(" {2,}").expect("a pattern");
    let lines = text.lines().skip(1).map(|line| alike(&format!("{}\n", space.replace_all(line.trim_end(), " | "))));
    let mut lines: Vec<String> = lines.filter(|line| words.iter().any(|word| line.contains(word))).collect();
    lines.sort();
    lines.concat()
}
