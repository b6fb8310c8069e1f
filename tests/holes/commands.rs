//! Every command of kubectl that speaks with the server, without rights and as a dry run.

use std::collections::BTreeSet;
use std::path::Path;

use crate::conformance::shell::Shell;

/// What there is before a command runs.
const CLUSTER: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default, labels: {app: web}, annotations: {note: hush-hush}}
spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default, annotations: {note: hush-hush}}
spec:
  selector: {matchLabels: {app: dep}}
  template: {metadata: {labels: {app: dep}}, spec: {containers: [{name: c, image: nginx}]}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {key: hush-hush}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reads, namespace: default}
rules: [{apiGroups: [''], resources: [pods], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reads, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reads}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: reader}]
---
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: jane}
spec:
  signerName: example.com/hush-hush
  usages: [client auth]
  request: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWU1IOENBUUF3SFRFTU1Bb0dBMVVFQ2d3RFpHVjJNUTB3Q3dZRFZRUUREQVJxWVc1bE1Ga3dFd1lIS29aSQp6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVQWVdEMGtsOTNGUjM1M1BXVEgvSTN2TFFUSkkrb0ZlSVZxZ1Jqd1ZiClhYNUYwY3BZUnVVYllDYkZ1a1N1ZVY4V1gvbDU3TkpGa3EyZXZ1ZE5JdkRxS3FBQU1Bb0dDQ3FHU000OUJBTUMKQTBrQU1FWUNJUURaR3ZlV1preSsyYnI5aU8rRVNNWE9kM3RWVi9qZjQ5S2hHaS9iY0RTcDhBSWhBUFhuRnZZUApWWUNYaVhUVkQycXNOTStqS3pxaGQvTW5oenBrZTkvOU1tV2sKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==
";

const SETTINGS: &str =
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: default}, data: {key: new}}";
const FRESH: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: fresh, namespace: default}, data: {key: new}}";
const ROLE: &str =
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reads, namespace: default}, rules: []}";

/// Commands that read; what follows `<` is their input.
const READING: &[&str] = &[
    "get pods",
    "get pod web -o yaml",
    "get pods,deploy,cm -o json",
    "get -f - < SETTINGS",
    "get pod web --subresource=status",
    "get deploy web --subresource=scale",
    "get pods -w",
    "get --raw /api/v1/namespaces/default/configmaps/settings",
    "get --raw /apis/apps/v1/deployments",
    "describe pod web",
    "describe cm settings",
    "describe -f - < SETTINGS",
    "events",
    "events --for pod/web",
    "logs web",
    "logs deploy/web",
    "rollout status deploy/web",
    "rollout history deploy/web",
    "wait pod web --for=condition=Ready",
    "diff -f - < SETTINGS",
    "diff -f - --prune < SETTINGS",
    "apply view-last-applied deploy/web",
];

/// Commands that write and take `--dry-run`.
const DRY: &[&str] = &[
    "annotate pod web more=other",
    "label pod web app=other --overwrite",
    "taint node k3d-deadless-agent-0 a=b:NoSchedule",
    "apply -f - < SETTINGS",
    "apply -f - < FRESH",
    "apply -f - --prune --all --prune-allowlist=core/v1/ConfigMap < SETTINGS",
    "apply -f - --server-side --force-conflicts < SETTINGS",
    "apply set-last-applied -f - --create-annotation < SETTINGS",
    "autoscale deployment web --max=3",
    "cordon k3d-deadless-agent-0",
    "uncordon k3d-deadless-agent-0",
    "drain k3d-deadless-agent-0 --force --ignore-daemonsets",
    "create -f - < FRESH",
    "create clusterrole r --verb=get --resource=pods",
    "create clusterrolebinding r --clusterrole=view --user=u",
    "create configmap r --from-literal=a=b",
    "create cronjob r --image=nginx --schedule='0 0 1 1 *'",
    "create deployment r --image=nginx",
    "create ingress r --rule=a.example/=web:80",
    "create job r --image=nginx",
    "create namespace r",
    "create poddisruptionbudget r --selector=app=web --min-available=1",
    "create priorityclass r --value=10",
    "create quota r --hard=pods=100",
    "create role r --verb=get --resource=pods",
    "create rolebinding r --clusterrole=view --user=u",
    "create secret docker-registry r --docker-username=u --docker-password=p",
    "create secret generic r --from-literal=a=b",
    "create service clusterip r --tcp=80",
    "create service externalname r --external-name=example.com",
    "create service loadbalancer r --tcp=80",
    "create service nodeport r --tcp=80",
    "create serviceaccount r",
    "delete pod web",
    "delete -f - < SETTINGS",
    "delete cm --all",
    "expose pod web --name=r --port=80",
    "patch pod web -p '{\"metadata\":{\"labels\":{\"a\":\"b\"}}}'",
    "patch pod web --type=json -p '[{\"op\":\"add\",\"path\":\"/metadata/labels/a\",\"value\":\"b\"}]'",
    "patch pod web --subresource=status -p '{\"status\":{\"message\":\"m\"}}'",
    "patch deploy web --subresource=scale --type=merge -p '{\"spec\":{\"replicas\":2}}'",
    "replace -f - < SETTINGS",
    "rollout undo deploy/web",
    "run r --image=nginx",
    "scale deploy web --replicas=3",
    "set env deploy/web A=b",
    "set image deploy/web c=nginx:2",
    "set resources deploy/web --limits=cpu=1",
    "set selector svc/web app=other",
    "set serviceaccount deploy/web other",
    "set subject rolebinding/reads --user=other",
];

/// Commands that write and have no dry run.
const WET: &[&str] = &[
    "apply edit-last-applied deploy/web",
    "auth reconcile -f - < ROLE",
    "create --raw /api/v1/namespaces/default/configmaps -f - < FRESH",
    "delete --raw /api/v1/namespaces/default/pods/web",
    "replace --raw /api/v1/namespaces/default/configmaps/settings -f - < SETTINGS",
    "attach web",
    "certificate approve jane",
    "certificate deny jane --force",
    "cp web:/etc/hosts hosts",
    "edit pod web",
    "exec web -- ls",
    "port-forward web 80",
    "rollout pause deploy/web",
    "rollout restart deploy/web",
    "rollout resume deploy/web",
    "replace --force -f - < SETTINGS",
];

/// Commands that tell nothing of what is stored, or that everybody may run.
const HARMLESS: &[&str] = &[
    "api-resources",
    "api-versions",
    "auth can-i",
    "auth whoami",
    "cluster-info",
    "completion",
    "config",
    "debug",
    // Keys are files, and the test has none; the other secrets go the same way.
    "create secret tls",
    "create token",
    "explain",
    "help",
    "kuberc",
    "kustomize",
    "options",
    "plugin",
    "proxy",
    "top",
    "version",
];

/// The inputs by name; a pipe's `<` is followed by one of them.
fn input(line: &str) -> (String, &'static str) {
    let (line, name) = line.split_once(" < ").unwrap_or((line, ""));
    let text = match name {
        "SETTINGS" => SETTINGS,
        "FRESH" => FRESH,
        "ROLE" => ROLE,
        _ => "",
    };
    (line.to_string(), text)
}

fn cluster() -> Shell {
    let mut shell = Shell::new(Path::new(env!("CARGO_MANIFEST_DIR")));
    let said = shell.feed("kubectl apply -f -", CLUSTER);
    assert!(said.lines().all(|l| l.ends_with(" created")), "{said}");
    shell.feed("kubectl set image deploy/web c=nginx:1.1", "");
    shell.settle();
    shell
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_command_is_tried() {
    let mut shell = Shell::new(Path::new(env!("CARGO_MANIFEST_DIR")));
    let tried: BTreeSet<&str> = READING.iter().chain(DRY).chain(WET).copied().collect();
    let mut waiting = vec![String::new()];
    let mut missing = Vec::new();
    while let Some(path) = waiting.pop() {
        let help = shell.feed(&format!("kubectl {path} --help"), "");
        // The commands of a help text stand in the blocks whose heading ends with `Commands:` or tells of groups.
        let mut listed = false;
        let mut below = Vec::new();
        for line in help.lines() {
            if !line.starts_with(' ') && !line.is_empty() {
                listed = line.contains("Command") && line.ends_with(':') || line.contains("Commands (");
            } else if listed && line.starts_with("  ") {
                below.extend(line.split_whitespace().next().map(|name| format!("{path} {name}").trim().to_string()));
            }
        }
        let is_tried = tried.iter().any(|line| *line == path || line.starts_with(&format!("{path} ")));
        let is_harmless = HARMLESS.iter().any(|line| *line == path);
        if is_harmless {
            continue;
        }
        if below.is_empty() && !is_tried {
            missing.push(path);
        }
        waiting.extend(below);
    }
    missing.sort();
    report(&missing);
}

#[test]
fn who_has_no_rights_learns_and_changes_nothing() {
    let mut shell = cluster();
    let mut faults = Vec::new();
    for line in READING.iter().chain(DRY).chain(WET) {
        let before = shell.revision();
        let (line, text) = input(line);
        let (command, rest) =
            line.split_once(" -- ").map_or((line.as_str(), String::new()), |(c, r)| (c, format!(" -- {r}")));
        let (said, code) = shell.feed_for(&format!("kubectl {command} --as=nobody --request-timeout=1s{rest}"), text);
        if code == 0 || !said.contains("annot") || said.contains("hush-hush") || shell.revision() != before {
            faults.push(format!("{line} [{code}]: {said}"));
        }
    }
    report(&faults);
}

#[test]
fn who_may_only_read_pods_changes_none() {
    let mut shell = cluster();
    let mut faults = Vec::new();
    for line in [
        "drain k3d-deadless-agent-0 --force --ignore-daemonsets",
        "delete pod web",
        "delete pod web --dry-run=server",
        "label pod web a=b",
        "patch pod web --subresource=status -p '{\"status\":{\"message\":\"m\"}}'",
        "exec web -- ls",
        "attach web",
        "certificate approve jane",
        "certificate deny jane --force",
        "port-forward web 80",
        "get pod web --subresource=status",
    ] {
        let before = shell.revision();
        let (command, rest) = line.split_once(" -- ").map_or((line, String::new()), |(c, r)| (c, format!(" -- {r}")));
        let (said, code) = shell.feed_for(&format!("kubectl {command} --as=reader{rest}"), "");
        if code == 0 || !said.contains("cannot") || shell.revision() != before {
            faults.push(format!("{line} [{code}]: {said}"));
        }
    }
    assert_eq!(shell.feed_for("kubectl get pods -o name --as=reader", "").1, 0);
    report(&faults);
}

#[test]
fn no_dry_run_stores_anything() {
    let mut shell = cluster();
    let mut faults = Vec::new();
    for line in DRY {
        for form in ["client", "server"] {
            let before = shell.revision();
            let (line, text) = input(line);
            if line.contains("--server-side") && form == "client" {
                continue;
            }
            let (said, code) = shell.feed_for(&format!("kubectl {line} --dry-run={form}"), text);
            let suffix = if form == "client" { "(dry run)" } else { "(server dry run)" };
            // kubectl forgets the suffix where it names what was done only afterwards.
            let silent = ["patch ", "taint ", "rollout undo"].iter().any(|verb| line.starts_with(verb));
            if code != 0 || !silent && !said.contains(suffix) || shell.revision() != before {
                faults.push(format!("{line} --dry-run={form} [{code}]: {said}"));
            }
        }
    }
    report(&faults);
}
