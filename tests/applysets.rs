//! `apply --prune --applyset`, which is there where `KUBECTL_APPLYSET` says so.

#![cfg(unix)]

use insta::assert_snapshot;

use crate::home::Home;
use crate::kubeconfig::run;

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n---\n")
}

const ON: [(&str, &str); 1] = [("KUBECTL_APPLYSET", "true")];

#[test]
fn what_is_applied_no_more_goes() {
    let home = Home::manual();
    home.write("two.yaml", &(config_map("one") + &config_map("two")));
    home.write("one.yaml", &config_map("one"));
    home.write("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: quiet, namespace: kube-system}\n");
    home.write(
        "marked.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, labels: {applyset.kubernetes.io/part-of: x}}\n",
    );
    let shown = "jsonpath={.metadata.labels}{\"\\n\"}{.metadata.annotations}{\"\\n\"}";
    assert_snapshot!(run(&home, &[], &["apply -f one.yaml --prune --applyset=set -n default"]), @"
    $ kubectl apply -f one.yaml --prune --applyset=set -n default
    error: unknown flag: --applyset
    See 'kubectl apply --help' for usage.
    [exit 1]
    ");
    assert_snapshot!(run(&home, &ON, &[
        "apply -f two.yaml --applyset=set -n default",
        "apply -f two.yaml --prune --applyset=set",
        "apply -f two.yaml --prune --applyset=set -n default --all",
        "apply -f two.yaml --prune --applyset=set -n default -l a=b",
        "apply -f two.yaml --prune --applyset=set -n default --prune-allowlist=core/v1/Pod",
        "apply -f two.yaml --prune --applyset=things/set -n default",
        "apply -f two.yaml --prune --applyset=pods/set -n default",
        "apply -f two.yaml --prune --applyset=secrets/ -n default",
        "apply -f marked.yaml --prune --applyset=set -n default",
        "apply -f two.yaml --prune --applyset=set -n default --dry-run=client",
        "apply -f two.yaml --prune --applyset=set -n default",
        &format!("get secret set -o {shown}"),
        "get configmaps -l applyset.kubernetes.io/part-of -o name",
        "apply -f one.yaml --prune --applyset=set -n default --dry-run=server",
        "apply -f one.yaml --prune --applyset=set -n default",
        "apply -f secret.yaml --prune --applyset=set -n kube-system --server-side",
        "apply -f secret.yaml --prune --applyset=configmaps/cluster",
        "create configmap theirs",
        "apply -f one.yaml --prune --applyset=configmaps/theirs -n default",
        "annotate configmap theirs applyset.kubernetes.io/tooling=helm/v4",
        "apply -f one.yaml --prune --applyset=configmaps/theirs -n default",
        "annotate configmap theirs applyset.kubernetes.io/tooling=kubectl/v1.36.2 --overwrite",
        "apply -f one.yaml --prune --applyset=configmaps/theirs -n default",
        "label configmap theirs applyset.kubernetes.io/id=x",
        "apply -f one.yaml --prune --applyset=configmaps/theirs -n default",
    ]), @r#"
    $ kubectl apply -f two.yaml --applyset=set -n default
    error: --applyset requires --prune
    [exit 1]
    $ kubectl apply -f two.yaml --prune --applyset=set
    error: namespace is required to use namespace-scoped ApplySet
    [exit 1]
    $ kubectl apply -f two.yaml --prune --applyset=set -n default --all
    error: --all is incompatible with --applyset
    [exit 1]
    $ kubectl apply -f two.yaml --prune --applyset=set -n default -l a=b
    error: --selector is incompatible with --applyset
    [exit 1]
    $ kubectl apply -f two.yaml --prune --applyset=set -n default --prune-allowlist=core/v1/Pod
    error: --prune-allowlist is incompatible with --applyset
    [exit 1]
    $ kubectl apply -f two.yaml --prune --applyset=things/set -n default
    error: invalid parent reference "things/set": no matches for /, Resource=things
    [exit 1]
    $ kubectl apply -f two.yaml --prune --applyset=pods/set -n default
    error: resource "/v1, Resource=pods" is not permitted as an ApplySet parent
    [exit 1]
    $ kubectl apply -f two.yaml --prune --applyset=secrets/ -n default
    error: invalid parent reference "secrets/": name cannot be blank
    [exit 1]
    $ kubectl apply -f marked.yaml --prune --applyset=set -n default
    error: ApplySet label "applyset.kubernetes.io/part-of" already set in input data
    [exit 1]
    $ kubectl apply -f two.yaml --prune --applyset=set -n default --dry-run=client
    configmap/one created (dry run)
    configmap/two created (dry run)
    $ kubectl apply -f two.yaml --prune --applyset=set -n default
    configmap/one created
    configmap/two created
    $ kubectl get secret set -o jsonpath={.metadata.labels}{"\n"}{.metadata.annotations}{"\n"}
    {"applyset.kubernetes.io/id":"applyset-GzV5QNw0hpfp90Rc5ckxJmVoyyU-gDZeLYpJFDTwDHA-v1"}
    {"applyset.kubernetes.io/additional-namespaces":"","applyset.kubernetes.io/contains-group-kinds":"ConfigMap","applyset.kubernetes.io/tooling":"kubectl/v1.36.2"}
    $ kubectl get configmaps -l applyset.kubernetes.io/part-of -o name
    configmap/one
    configmap/two
    $ kubectl apply -f one.yaml --prune --applyset=set -n default --dry-run=server
    configmap/one unchanged (server dry run)
    configmap/two pruned (server dry run)
    $ kubectl apply -f one.yaml --prune --applyset=set -n default
    configmap/one unchanged
    configmap/two pruned
    $ kubectl apply -f secret.yaml --prune --applyset=set -n kube-system --server-side
    secret/quiet serverside-applied
    $ kubectl apply -f secret.yaml --prune --applyset=configmaps/cluster
    error: namespace is required to use namespace-scoped ApplySet
    [exit 1]
    $ kubectl create configmap theirs
    configmap/theirs created
    $ kubectl apply -f one.yaml --prune --applyset=configmaps/theirs -n default
    error: ApplySet parent object "configmaps./theirs" already exists and is missing required annotation "applyset.kubernetes.io/tooling"
    [exit 1]
    $ kubectl annotate configmap theirs applyset.kubernetes.io/tooling=helm/v4
    configmap/theirs annotated
    $ kubectl apply -f one.yaml --prune --applyset=configmaps/theirs -n default
    error: ApplySet parent object "configmaps./theirs" already exists and is managed by tooling "helm" instead of "kubectl"
    [exit 1]
    $ kubectl annotate configmap theirs applyset.kubernetes.io/tooling=kubectl/v1.36.2 --overwrite
    configmap/theirs annotated
    $ kubectl apply -f one.yaml --prune --applyset=configmaps/theirs -n default
    error: ApplySet parent object "configmaps./theirs" exists and does not have required label applyset.kubernetes.io/id
    [exit 1]
    $ kubectl label configmap theirs applyset.kubernetes.io/id=x
    configmap/theirs labeled
    $ kubectl apply -f one.yaml --prune --applyset=configmaps/theirs -n default
    error: ApplySet parent object "configmaps./theirs" exists and has incorrect value for label "applyset.kubernetes.io/id" (got: x, want: applyset-tV1CLClOywp1a_5QFy2Gy_6yVLkQLhuui3fxGHeojDc-v1)
    [exit 1]
    "#);
}

#[test]
fn a_cluster_is_dumped() {
    let home = Home::manual();
    home.write("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: bash, command: [echo, hello]}\n  - {name: d, image: does-not-exist}\n");
    assert_snapshot!(run(&home, &[], &[
        "cluster-info",
        "apply -f pod.yaml",
        "kstate clock advance 5s",
        "cluster-info dump --namespaces=default -o jsonpath={.kind}:{.metadata.resourceVersion}:{.items[*].metadata.name},{.items[*].kind}|",
        "cluster-info dump -A --output-directory=dumped -o yaml",
        "cluster-info dump --pod-running-timeout=0s",
    ]), @r#"
    $ kubectl cluster-info
    Kubernetes control plane is running at https://127.0.0.1:6443

    To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.
    $ kubectl apply -f pod.yaml
    pod/p created
    $ kstate clock advance 5s
    2026-01-01T00:00:05Z (manual)
    $ kubectl cluster-info dump --namespaces=default -o jsonpath={.kind}:{.metadata.resourceVersion}:{.items[*].metadata.name},{.items[*].kind}|
    NodeList:236:k3d-deadless-agent-0 k3d-deadless-agent-1 k3d-deadless-server-0,|EventList:236:p.18867251edfa0000 p.1886725244950541 p.1886725244950542 p.1886725244950543 p.1886725244950544 p.1886725244950545 p.1886725244950546 p.1886725244950547 p.18867252f7656348 p.18867252f7656349 p.18867252f765634a,|ReplicationControllerList:236:,|ServiceList:236:kubernetes,|DaemonSetList:236:,|DeploymentList:236:,|ReplicaSetList:236:,|PodList:236:p,|==== START logs for container c of pod default/p ====
    hello
    ==== END logs for container c of pod default/p ====
    ==== START logs for container d of pod default/p ====
    Request log error: the server rejected our request for an unknown reason (get pods p)
    ==== END logs for container d of pod default/p ====
    $ kubectl cluster-info dump -A --output-directory=dumped -o yaml
    Cluster info dumped to dumped
    $ kubectl cluster-info dump --pod-running-timeout=0s
    error: --pod-running-timeout must be higher than zero
    [exit 1]
    "#);
    let dumped = home.path().join("work/dumped");
    let mut files: Vec<String> = Vec::new();
    let mut folders = vec![dumped.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path.strip_prefix(&dumped).expect("below").display().to_string()),
            }
        }
    }
    files.retain(|file| !file.starts_with("kube-"));
    files.sort();
    assert_snapshot!(files.join("\n"), @"
    default/daemonsets.yaml
    default/deployments.yaml
    default/events.yaml
    default/p/logs.txt
    default/pods.yaml
    default/replicasets.yaml
    default/replication-controllers.yaml
    default/services.yaml
    nodes.yaml
    ");
    let read = |file: &str| std::fs::read_to_string(dumped.join(file)).expect("a file");
    assert_snapshot!(read("default/deployments.yaml"), @r#"
    ---
    apiVersion: apps/v1
    items: []
    kind: DeploymentList
    metadata:
      resourceVersion: "236"
    "#);
    assert_snapshot!(read("default/services.yaml"), @r#"
    ---
    apiVersion: v1
    items:
    - metadata:
        creationTimestamp: "2026-01-01T00:00:00Z"
        labels:
          component: apiserver
          provider: kubernetes
        name: kubernetes
        namespace: default
        resourceVersion: "13"
        uid: c3c08b86-c798-4ad9-9e3b-895a2f2bf9fc
      spec:
        clusterIP: 10.43.0.1
        clusterIPs:
        - 10.43.0.1
        internalTrafficPolicy: Cluster
        ipFamilies:
        - IPv4
        ipFamilyPolicy: SingleStack
        ports:
        - name: https
          port: 443
          protocol: TCP
          targetPort: 6443
        sessionAffinity: None
        type: ClusterIP
      status:
        loadBalancer: {}
    kind: ServiceList
    metadata:
      resourceVersion: "236"
    "#);
    assert_snapshot!(read("default/p/logs.txt"), @r#"
    ==== START logs for container c of pod default/p ====
    hello
    ==== END logs for container c of pod default/p ====
    ==== START logs for container d of pod default/p ====
    Request log error: the server rejected our request for an unknown reason (get pods p)
    ==== END logs for container d of pod default/p ====
    "#);
    let typed = run(&home, &[], &["cluster-info dump --namespaces=kube-node-lease"]);
    let tail: Vec<&str> = typed.lines().rev().take(9).collect();
    assert_snapshot!(tail.into_iter().rev().collect::<Vec<_>>().join("\n"), @r#"
    }
    {
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": {
            "resourceVersion": "236"
        },
        "items": []
    }
    "#);
}
