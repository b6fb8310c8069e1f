//! `kstate why`: the verdict on many situations, and that the command which it gives really mends each.

use std::path::Path;

use insta::assert_snapshot;
use kstate::api::Duration;
use serde_json::Value;

use crate::conformance::shell::Shell;

/// Something that is not as it should be.
struct Situation {
    name: &'static str,
    /// Manifests that are applied first.
    manifests: String,
    /// Commands after that; the cluster settles after each, and then that many seconds pass.
    commands: &'static [&'static str],
    seconds: i64,
    /// What is asked about.
    target: &'static str,
    /// Words of the verdict.
    says: &'static str,
}

fn shell() -> Shell {
    Shell::new(Path::new(env!("CARGO_MANIFEST_DIR")))
}

fn set_up(situation: &Situation) -> Result<Shell, String> {
    let mut shell = shell();
    if !situation.manifests.is_empty() {
        let said = shell.feed("kubectl apply -f -", &situation.manifests);
        if said.contains("rror") {
            return Err(said);
        }
        shell.settle();
    }
    for command in situation.commands {
        let (said, code) = shell.run(command).expect("a command of ours");
        if code != 0 {
            return Err(format!("{command}: {said}"));
        }
        shell.settle();
    }
    shell.advance(Duration::secs(situation.seconds));
    Ok(shell)
}

fn verdict(shell: &mut Shell, target: &str) -> Option<Value> {
    let (said, code) = shell.run(&format!("kstate why {target} -o json")).expect("a command of ours");
    (code == 0).then(|| serde_json::from_str(&said).expect("JSON"))
}

fn claim(name: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{accessModes: [ReadWriteOnce], \
         resources: {{requests: {{storage: 1Gi}}}}{more}}}\n---\n"
    )
}

fn volume(name: &str, more: &str) -> String {
    let usual = |field: &str, value: &str| match more.contains(field) {
        true => String::new(),
        false => format!(", {field}: {value}"),
    };
    format!(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}, labels: {{disk: {name}}}}}\nspec: {{hostPath: \
         {{path: /srv/{name}}}{}{}{}{more}}}\n---\n",
        usual("capacity", "{storage: 1Gi}"),
        usual("accessModes", "[ReadWriteOnce]"),
        usual("storageClassName", "\"\"")
    )
}

fn class(name: &str, provisioner: &str, mode: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: {provisioner}\n\
         volumeBindingMode: {mode}\n---\n"
    )
}

/// A pod that sleeps; `spec` goes into its spec, and it uses the claim of that name, if any.
fn pod(name: &str, claim: &str, spec: &str) -> String {
    let volumes = match claim {
        "" => String::new(),
        claim => format!("\n  volumes: [{{name: data, persistentVolumeClaim: {{claimName: {claim}}}}}]"),
    };
    let mounts = if claim.is_empty() { "" } else { ", volumeMounts: [{name: data, mountPath: /data}]" };
    let resources =
        if spec.contains("cpu: \"") || spec.contains("!big") { ", resources: {requests: {cpu: \"64\"}}" } else { "" };
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec:\n  \
         terminationGracePeriodSeconds: 1\n  {}\n  containers: [{{name: c, image: busybox, command: [sleep, \
         \"36000\"]{mounts}{resources}}}]{volumes}\n---\n",
        spec.replace("!big", "")
    )
}

fn deployment(name: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  selector: {{matchLabels: {{app: \
         {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{terminationGracePeriodSeconds: 1, \
         containers: [{{name: c, {container}}}]}}\n---\n"
    )
}

const SLEEPS: &str = "image: busybox, command: [sleep, \"36000\"]";

fn situations() -> Vec<Situation> {
    let it = |name, manifests: String, commands, seconds, target, says| Situation {
        name,
        manifests,
        commands,
        seconds,
        target,
        says,
    };
    const NO_DEFAULT: &str = "kubectl patch sc local-path -p \
        '{\"metadata\":{\"annotations\":{\"storageclass.kubernetes.io/is-default-class\":\"false\"}}}'";
    vec![
        it("no default class", String::new(), &[NO_DEFAULT, "kubectl apply -f tests/why/claim.yaml"], 5, "pvc/web", "no default class"),
        it("no class wanted, no volume", claim("web", ", storageClassName: \"\""), &[], 5, "pvc/web", "asks for no class"),
        it("too small", claim("web", ", storageClassName: \"\"") + &volume("small", ", capacity: {storage: 1Mi}"), &[], 5, "pvc/web", "none that is there suits"),
        it("another class", claim("web", ", storageClassName: \"\"") + &volume("gold", ", storageClassName: gold"), &[], 5, "pvc/web", "none that is there suits"),
        it("other modes", claim("web", ", storageClassName: \"\"") + &volume("many", ", accessModes: [ReadOnlyMany]"), &[], 5, "pvc/web", "none that is there suits"),
        it("other labels", claim("web", ", storageClassName: \"\", selector: {matchLabels: {disk: ssd}}") + &volume("hdd", ""), &[], 5, "pvc/web", "none that is there suits"),
        it("a device", claim("web", ", storageClassName: \"\", volumeMode: Block") + &volume("files", ""), &[], 5, "pvc/web", "none that is there suits"),
        it("reserved", claim("web", ", storageClassName: \"\"") + &volume("kept", ", claimRef: {namespace: other, name: db}"), &[], 5, "pvc/web", "none that is there suits"),
        it(
            "released",
            volume("kept", "") + &claim("old", ", storageClassName: \"\""),
            &["kubectl delete pvc old", "kubectl apply -f tests/why/static.yaml"],
            5,
            "pvc/web",
            "none that is there suits",
        ),
        it("a released volume", volume("kept", "") + &claim("old", ", storageClassName: \"\""), &["kubectl delete pvc old"], 5, "pv/kept", "policy is Retain"),
        it("no such class", claim("web", ", storageClassName: local-pth"), &[], 5, "pvc/web", "no StorageClass \"local-pth\""),
        it("nobody provisions", class("fast", "example.com/nobody", "Immediate") + &claim("web", ", storageClassName: fast"), &[], 5, "pvc/web", "no provisioner of that name"),
        it("a driver that is not here", class("ebs", "ebs.csi.aws.com", "Immediate") + &claim("web", ", storageClassName: ebs"), &[], 5, "pvc/web", "no provisioner of that name"),
        it("no provisioner at all", class("hand", "kubernetes.io/no-provisioner", "Immediate") + &claim("web", ", storageClassName: hand"), &[], 5, "pvc/web", "makes no volumes"),
        it("waits for a consumer", claim("web", ""), &[], 5, "pvc/web", "Nothing is wrong"),
        it(
            "a selector that provisions nothing",
            claim("web", ", storageClassName: local-path, selector: {matchLabels: {disk: ssd}}") + &pod("user", "web", ""),
            &[],
            30,
            "pvc/web",
            "refuses to make",
        ),
        it(
            "many writers on local-path",
            claim("web", ", storageClassName: local-path").replace("ReadWriteOnce", "ReadWriteMany") + &pod("user", "web", ""),
            &[],
            30,
            "pvc/web",
            "refuses to make",
        ),
        it("a volume that is not there", claim("web", ", storageClassName: \"\", volumeName: ghost"), &[], 5, "pvc/web", "there is none of that name"),
        it("a volume of another", volume("one", "") + &claim("a", ", storageClassName: \"\", volumeName: one"), &["kubectl apply -f tests/why/named.yaml"], 5, "pvc/web", "by name, which is bound to"),
        it("lost", volume("one", "") + &claim("web", ", storageClassName: \"\""), &["kubectl delete pv one --wait=false", "kubectl patch pv one --type=merge -p '{\"metadata\":{\"finalizers\":null}}'"], 20, "pvc/web", "data is lost"),
        it("a claim in use", claim("web", "") + &pod("user", "web", ""), &["kubectl delete pvc web --wait=false"], 5, "pvc/web", "user still does"),
        it("a volume in use", volume("one", "") + &claim("web", ", storageClassName: \"\"") + &pod("user", "web", ""), &["kubectl delete pv one --wait=false"], 5, "pv/one", "goes when the claim"),
        it("a strange finalizer", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, finalizers: [example.com/hold]}\n".into(), &["kubectl delete cm m --wait=false"], 5, "cm/m", "held by example.com/hold"),
        it(
            "a namespace that stays",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: team, finalizers: [example.com/hold]}\n".into(),
            &["kubectl delete ns team --wait=false"],
            10,
            "ns/team",
            "still there",
        ),
        it("no such claim", pod("user", "web", ""), &[], 5, "pod/user", "\"web\" not found"),
        it("an unbound claim", claim("web", ", storageClassName: \"\"") + &pod("user", "web", ""), &[], 5, "pod/user", "looks at no node"),
        it("no node of these labels", pod("user", "", "nodeSelector: {disk: ssd}"), &[], 5, "pod/user", "None of the 3 nodes"),
        it("all cordoned", String::new(), &["kubectl cordon k3d-deadless-agent-0 k3d-deadless-agent-1 k3d-deadless-server-0", "kubectl run user --image=nginx"], 5, "pod/user", "None of the 3 nodes"),
        it("all tainted", String::new(), &["kubectl taint nodes --all team=blue:NoSchedule", "kubectl run user --image=nginx"], 5, "pod/user", "None of the 3 nodes"),
        it("too big for any", pod("user", "", "!big"), &[], 5, "pod/user", "None of the 3 nodes"),
        it("too big, of a Deployment", deployment("big", &format!("{SLEEPS}, resources: {{requests: {{cpu: \"64\"}}}}")), &[], 5, "deploy/big", "is not ready"),
        it("gated", pod("user", "", "schedulingGates: [{name: example.com/wait}]"), &[], 5, "pod/user", "gates are closed"),
        it("another scheduler", pod("user", "", "schedulerName: mine"), &[], 5, "pod/user", "the scheduler \"mine\""),
        it(
            "one pod only",
            claim("web", ", storageClassName: csi").replace("ReadWriteOnce", "ReadWriteOncePod") + &class("csi", "ebs.csi.aws.com", "Immediate") + &pod("first", "web", ""),
            &["kstate csi add ebs.csi.aws.com", "kubectl apply -f tests/why/second.yaml"],
            20,
            "pod/second",
            "which only one pod may",
        ),
        it(
            "the volume's node is cordoned",
            claim("web", "") + &pod("first", "web", "nodeSelector: {kubernetes.io/hostname: k3d-deadless-agent-1}"),
            &["kubectl delete pod first", "kubectl cordon k3d-deadless-agent-1", "kubectl apply -f tests/why/second.yaml"],
            5,
            "pod/second",
            "None of the 3 nodes",
        ),
        it("no ConfigMap", deployment("web", &format!("{SLEEPS}, envFrom: [{{configMapRef: {{name: settings}}}}]")), &[], 20, "deploy/web", "configmap \"settings\""),
        it("no key", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n---\n".to_string() + &deployment("web", &format!("{SLEEPS}, env: [{{name: A, valueFrom: {{secretKeyRef: {{name: s, key: token}}}}}}]")), &[], 20, "deploy/web", "has no key token"),
        it("out of memory", deployment("web", "image: polinux/stress, command: [stress, --vm, \"1\", --vm-bytes, 150M, --vm-hang, \"1\"], resources: {limits: {memory: 100Mi}}"), &[], 60, "deploy/web", "more memory than its limit"),
        it(
            "held by another node",
            claim("web", ", storageClassName: csi") + &class("csi", "ebs.csi.aws.com", "Immediate") + &pod("first", "web", "nodeName: k3d-deadless-agent-0"),
            &["kstate csi add ebs.csi.aws.com", "kubectl apply -f tests/why/elsewhere.yaml"],
            30,
            "pod/second",
            "attached to the node k3d-deadless-agent-0",
        ),
        it("a silent node", pod("user", "", "nodeName: k3d-deadless-agent-0"), &["kstate node stop k3d-deadless-agent-0"], 60, "pod/user", "has been silent"),
        it("a pod on a silent node that was deleted", pod("user", "", "nodeName: k3d-deadless-agent-0"), &["kstate node stop k3d-deadless-agent-0", "kubectl delete pod user --wait=false"], 60, "pod/user", "nobody can say"),
        it("a silent node itself", String::new(), &["kstate node stop k3d-deadless-agent-0"], 60, "node/k3d-deadless-agent-0", "silent"),
        it("a service that finds nothing", deployment("web", SLEEPS) + "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: wbe}, ports: [{port: 80}]}\n", &[], 10, "svc/web", "No pod carries"),
        it("a broken ordinal", String::new(), &["kubectl apply -f tests/why/set.yaml", "kubectl set env sts/set FAIL=1", "kubectl set env sts/set FAIL-"], 60, "sts/set", "does not replace a pod"),
        it("a paused rollout", deployment("web", SLEEPS), &["kubectl rollout pause deploy/web"], 5, "deploy/web", "It is paused"),
        it("a suspended job", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: ['true']}]}}}\n".into(), &[], 5, "job/j", "suspended"),
        it("a suspended cron job", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {suspend: true, schedule: '* * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: ['true']}]}}}}}\n".into(), &[], 5, "cronjob/c", "suspended"),
        it("a budget that allows nothing", deployment("web", SLEEPS) + "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: 1, selector: {matchLabels: {app: web}}}\n", &[], 10, "pdb/b", "no eviction is allowed"),
        it("no metrics", deployment("web", &format!("{SLEEPS}, resources: {{requests: {{cpu: 100m}}}}")), &["kubectl autoscale deploy/web --max=3 --cpu=50%"], 60, "hpa/web", "It does not scale"),
    ]
}

#[test]
fn the_command_mends_what_the_verdict_names() {
    let mut faults = Vec::new();
    for situation in situations() {
        let name = situation.name;
        let mut shell = match set_up(&situation) {
            Ok(shell) => shell,
            Err(why) => {
                faults.push(format!("{name}: {why}"));
                continue;
            }
        };
        let Some(said) = verdict(&mut shell, situation.target) else {
            faults.push(format!("{name}: no verdict"));
            continue;
        };
        let text = said["verdict"].as_str().unwrap_or_default();
        if !text.contains(situation.says) {
            faults.push(format!("{name}: says {said:#}"));
        }
        let mends = said["mend"].as_array().cloned().unwrap_or_default();
        if mends.is_empty() {
            faults.push(format!("{name}: nothing mends it: {said:#}"));
        }
        let mut answers = String::new();
        for mend in &mends {
            let command = mend["command"].as_str().unwrap_or_default();
            let command = command.replace("-f metrics-server.yaml", "-f manifests/metrics-server.yaml");
            let (answer, code) = match mend["stdin"].as_str() {
                Some(input) => shell.feed_for(&command, input),
                None => shell.run(&command).expect("a command of ours"),
            };
            answers += &format!("$ {command}\n{answer}");
            if code != 0 {
                faults.push(format!("{name}: the command fails:\n{answers}"));
            }
            shell.settle();
        }
        shell.advance(Duration::secs(400));
        let after = verdict(&mut shell, situation.target);
        if let Some(after) = after.filter(|after| after["well"] != true) {
            faults.push(format!("{name}: is not mended by\n{answers}\n{after:#}"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
}

#[test]
fn a_verdict_shows_each_candidate_the_rule_and_the_command() {
    let mut shell = shell();
    let manifests = claim("web", ", storageClassName: \"\", selector: {matchLabels: {disk: ssd}}")
        + &volume("small", ", capacity: {storage: 1Mi}")
        + &volume("ssd", ", accessModes: [ReadOnlyMany]")
        + &volume("gold", ", storageClassName: gold");
    shell.feed("kubectl apply -f -", &manifests);
    shell.settle();
    assert_snapshot!(shell.run("kstate why pvc/web").expect("a command of ours").0, @r#"
    persistentvolumeclaim/web: Pending

      It asks for no class (storageClassName is ""), so nobody makes a volume for
      it, and none that is there suits it.

      - pv/gold    is of the class "gold"; has not the labels that the claim's
                   selector asks for
      - pv/small   is too small: 1Mi; has not the labels that the claim's selector
                   asks for
      - pv/ssd     offers only ReadOnlyMany

      A claim binds to the smallest volume of its class that offers its access
      modes, its volumeMode and its size, and carries the labels of its selector;
      one volume serves one claim.
      https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding

      What mends it:
        kubectl patch persistentvolume ssd --type=merge -p '{"spec":{"accessModes":["ReadOnlyMany","ReadWriteOnce"]}}'
    "#);
    assert_snapshot!(shell.run("kstate why pv/small sc/local-path").expect("a command of ours").0, @"
    persistentvolume/small: Available

      It is free: no claim that waits suits it and may have it.

      - pvc/web   is too small: 1Mi; has not the labels that the claim's selector
                  asks for

      A volume waits until a claim comes that it suits; one volume serves one claim.
      https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding

    storageclass/local-path

      Nothing is known to be wrong with it.
    ");
    assert_snapshot!(shell.run("kstate why pvc/none").expect("a command of ours").0, @r#"Error from server (NotFound): persistentvolumeclaims "none" not found"#);
    assert_snapshot!(shell.run("kstate why pvc/web -o yaml").expect("a command of ours").0, @r#"error: unable to match a printer suitable for the output format "yaml", allowed formats are: json"#);
}

#[test]
fn a_check_says_what_would_not_work_and_leaves_nothing_behind() {
    let mut shell = shell();
    let before = shell.revision();
    let manifests = claim("web", ", storageClassName: fst") + &pod("user", "web", "") + &pod("fine", "", "");
    assert_snapshot!(shell.feed("kstate check -f -", &manifests), @r#"
    persistentvolumeclaim/web: Pending

      There is no StorageClass "fst", and no volume of that class suits it.

      - sc/local-path   is not the class that the claim asks for

      A claim gets a volume made for it only by a StorageClass whose provisioner
      runs; without a class it takes what there is.
      https://kubernetes.io/docs/concepts/storage/dynamic-provisioning/

      What mends it:
        kubectl replace --force -f - <<'EOF'
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: web
      namespace: default
    spec:
      accessModes:
      - ReadWriteOnce
      resources:
        requests:
          storage: 1Gi
      storageClassName: local-path
      volumeMode: Filesystem
    EOF

    pod/user: Pending

      The scheduler looks at no node: pod has unbound immediate
      PersistentVolumeClaims. There is no StorageClass "fst", and no volume of that
      class suits it.

      - sc/local-path   is not the class that the claim asks for

      A claim gets a volume made for it only by a StorageClass whose provisioner
      runs; without a class it takes what there is.
      https://kubernetes.io/docs/concepts/storage/dynamic-provisioning/

      What mends it:
        kubectl replace --force -f - <<'EOF'
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: web
      namespace: default
    spec:
      accessModes:
      - ReadWriteOnce
      resources:
        requests:
          storage: 1Gi
      storageClassName: local-path
      volumeMode: Filesystem
    EOF
    "#);
    assert_eq!(shell.revision(), before);
    assert_snapshot!(shell.run("kubectl get pods,pvc").expect("a command of ours").0, @"No resources found in default namespace.");
    assert_snapshot!(shell.feed("kstate check -f -", &pod("fine", "", "")), @"1 objects: all of it works");
    assert_snapshot!(shell.feed("kstate check -f -", "apiVersion: v1\nkind: Pod\nmetadata: {name: A}\nspec: {containers: []}\n"), @r#"
    The Pod "A" is invalid: 
    * metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
    * spec.containers: Required value
    "#);
    assert_snapshot!(shell.run("kstate check").expect("a command of ours").0, @"error: must specify one of -f and -k");
}
