//! How arguments, files and selectors name objects, which is the same for all verbs.

use std::fs;

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;
use crate::conformance::shell::Shell;
use crate::home::Home;

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{of: {name}}}}}\n")
}

/// A session in a folder with files, which is there as long as its home.
fn session(files: &[(&str, String)]) -> (Session, Home) {
    let home = Home::new();
    for (name, text) in files {
        let path = home.path().join("work").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    (Session(Shell::new(&home.path().join("work"))), home)
}

#[test]
fn folders_are_read_in_name_order_and_only_if_asked_with_what_is_below() {
    let (mut session, _home) = session(&[
        ("m/b.yaml", config_map("b")),
        ("m/a.yml", config_map("a")),
        ("m/notes.txt", config_map("never")),
        ("m/below/c.json", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#.into()),
        ("empty/notes.txt", String::new()),
        ("two.yaml", format!("{}---\n{}", config_map("one"), config_map("two"))),
    ]);
    assert_snapshot!(session.run(&[
        "kubectl create -f m",
        "kubectl create -R -f m",
        "kubectl get -f m/",
        "kubectl get -f 'm/*.y*' -o name",
        "kubectl get -f m/a.yml -o name",
        "kubectl get -f m -f two.yaml -o name",
        "kubectl apply -f m/a.yml -f missing.yaml",
        "kubectl apply -f empty",
        "kubectl delete -f m -l of=a",
    ]), @r#"
    $ kubectl create -f m
    configmap/a created
    configmap/b created
    $ kubectl create -R -f m
    configmap/c created
    Error from server (AlreadyExists): error when creating "m/a.yml": configmaps "a" already exists
    Error from server (AlreadyExists): error when creating "m/b.yaml": configmaps "b" already exists
    [exit 1]
    $ kubectl get -f m/
    NAME   DATA   AGE
    a      0      0s
    b      0      0s
    $ kubectl get -f 'm/*.y*' -o name
    configmap/a
    configmap/b
    $ kubectl get -f m/a.yml -o name
    configmap/a
    $ kubectl get -f m -f two.yaml -o name
    configmap/a
    configmap/b
    Error from server (NotFound): configmaps "one" not found
    Error from server (NotFound): configmaps "two" not found
    [exit 1]
    $ kubectl apply -f m/a.yml -f missing.yaml
    error: the path "missing.yaml" does not exist
    [exit 1]
    $ kubectl apply -f empty
    error: error reading [empty]: recognized file extensions are [.json .yaml .yml]
    [exit 1]
    $ kubectl delete -f m -l of=a
    configmap "a" deleted from default namespace
    "#);
}

#[test]
fn standard_input_is_read_once() {
    let (mut session, _home) = session(&[]);
    let list = "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}, \
                {apiVersion: v1, kind: Nothing, metadata: {name: b}}, {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}]}";
    let mut feed = |line: &str, text: &str| session.0.feed(line, text);
    assert_snapshot!(feed("kubectl create -f - -f -", &config_map("a")), @"error: standard input cannot be used for multiple arguments");
    assert_snapshot!(feed("kubectl create -f -", list), @r#"
    configmap/a created
    configmap/c created
    unable to recognize no matches for kind "Nothing" in version "v1"
    "#);
    assert_snapshot!(feed("kubectl get -o name -f -", &config_map("c")), @"configmap/c");
    assert_snapshot!(feed("kubectl create -f -", ""), @"error: no objects passed to create");
    assert_snapshot!(feed("kubectl apply -f -", "metadata: what"), @r#"error: error validating "STDIN": error validating data: [apiVersion not set, kind not set]; if you choose to ignore these errors, turn validation off with --validate=false"#);
    assert_snapshot!(feed("kubectl apply --validate=false -f -", "{apiVersion: v1, kind: ConfigMap, metadata: what}"), @r#"error: unable to decode "STDIN": json: cannot unmarshal string into Go struct field metadataOnlyObject.metadata of type v1.ObjectMeta"#);
}

#[test]
fn types_and_names_go_together_in_one_way_at_a_time() {
    let (mut session, _home) = session(&[("a.yaml", config_map("a"))]);
    session.run(&["kubectl create cm a", "kubectl create sa a", "kubectl create cm b"]);
    assert_snapshot!(session.run(&[
        "kubectl get cm,sa a -o name",
        "kubectl get cm/a sa/a cm/b -o name",
        "kubectl get cm a b none -o name",
        "kubectl get cm/a sa -o name",
        "kubectl get cm sa/a",
        "kubectl get cm/a/b",
        "kubectl get cm/",
        "kubectl get cm,nothing a",
        "kubectl get cm a -A",
        "kubectl get cm a -l x=y",
        "kubectl get cm/a -l x=y",
        "kubectl get -l x=y",
        "kubectl get -f a.yaml cm",
        "kubectl get -f a.yaml cm a",
        "kubectl get -f a.yaml cm/a",
        "kubectl label --all cm a x=y",
        "kubectl label cm x=y",
        "kubectl label cm --all x=y",
        "kubectl delete cm",
        "kubectl delete cm,sa --all --dry-run=client",
        "kubectl delete all -l of=nothing",
        "kubectl get cm a%b",
        "kubectl get sa,cm --sort-by=.metadata.name --server-print=false",
    ]), @r#"
    $ kubectl get cm,sa a -o name
    configmap/a
    serviceaccount/a
    $ kubectl get cm/a sa/a cm/b -o name
    configmap/a
    serviceaccount/a
    configmap/b
    $ kubectl get cm a b none -o name
    configmap/a
    configmap/b
    Error from server (NotFound): configmaps "none" not found
    [exit 1]
    $ kubectl get cm/a sa -o name
    error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'
    [exit 1]
    $ kubectl get cm sa/a
    error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'
    [exit 1]
    $ kubectl get cm/a/b
    error: arguments in resource/name form may not have more than one slash
    [exit 1]
    $ kubectl get cm/
    error: arguments in resource/name form must have a single resource and name
    [exit 1]
    $ kubectl get cm,nothing a
    error: the server doesn't have a resource type "nothing"
    [exit 1]
    $ kubectl get cm a -A
    error: a resource cannot be retrieved by name across all namespaces
    [exit 1]
    $ kubectl get cm a -l x=y
    error: name cannot be provided when a selector is specified
    [exit 1]
    $ kubectl get cm/a -l x=y
    error: selectors and the all flag cannot be used when passing resource/name arguments
    [exit 1]
    $ kubectl get -l x=y
    You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported resources.

    error: Required resource not specified.
    Use "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).
    See 'kubectl get -h' for help and examples
    [exit 1]
    $ kubectl get -f a.yaml cm
    error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well
    [exit 1]
    $ kubectl get -f a.yaml cm a
    error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well
    [exit 1]
    $ kubectl get -f a.yaml cm/a
    error: resource/name arguments cannot be provided when a path is specified
    [exit 1]
    $ kubectl label --all cm a x=y
    error: name cannot be provided when a selector is specified
    [exit 1]
    $ kubectl label cm x=y
    error: resource(s) were provided, but no name was specified
    [exit 1]
    $ kubectl label cm --all x=y
    configmap/a labeled
    configmap/b labeled
    configmap/kube-root-ca.crt labeled
    configmap/openshift-service-ca.crt labeled
    $ kubectl delete cm
    error: resource(s) were provided, but no name was specified
    [exit 1]
    $ kubectl delete cm,sa --all --dry-run=client
    configmap "a" deleted from default namespace (dry run)
    configmap "b" deleted from default namespace (dry run)
    configmap "kube-root-ca.crt" deleted from default namespace (dry run)
    configmap "openshift-service-ca.crt" deleted from default namespace (dry run)
    serviceaccount "a" deleted from default namespace (dry run)
    serviceaccount "default" deleted from default namespace (dry run)
    $ kubectl delete all -l of=nothing
    No resources found
    $ kubectl get cm a%b
    error: invalid resource name "a%b": [may not contain '%']
    [exit 1]
    $ kubectl get sa,cm --sort-by=.metadata.name --server-print=false
    NAME               AGE
    serviceaccount/a   0s

    NAME          AGE
    configmap/a   0s
    configmap/b   0s

    NAME                     AGE
    serviceaccount/default   0s

    NAME                                 AGE
    configmap/kube-root-ca.crt           0s
    configmap/openshift-service-ca.crt   0s
    "#);
}

#[test]
fn the_namespace_of_a_file_must_be_the_one_that_is_asked_for() {
    let elsewhere = config_map("a").replace("name: a", "name: a, namespace: kube-public");
    let class = "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: p, namespace: x}, value: 1}";
    let (mut session, _home) = session(&[("a.yaml", elsewhere), ("class.yaml", class.into())]);
    assert_snapshot!(session.run(&[
        "kubectl create -f a.yaml",
        "kubectl get -f a.yaml -n default",
        "kubectl get -f a.yaml -n kube-public -o name",
        "kubectl create -f class.yaml -n default",
        "kubectl get -f a.yaml --namespace=default -A -o name",
    ]), @r#"
    $ kubectl create -f a.yaml
    configmap/a created
    $ kubectl get -f a.yaml -n default
    error: the namespace from the provided object "kube-public" does not match the namespace "default". You must pass '--namespace=kube-public' to perform this operation.
    [exit 1]
    $ kubectl get -f a.yaml -n kube-public -o name
    configmap/a
    $ kubectl create -f class.yaml -n default
    priorityclass.scheduling.k8s.io/p created
    $ kubectl get -f a.yaml --namespace=default -A -o name
    configmap/a
    "#);
}

#[test]
fn an_object_that_goes_keeps_its_name_until_it_is_gone() {
    let (mut session, _home) = session(&[]);
    session.run(&["kubectl create ns going", "kubectl create cm held -n going"]);
    assert_snapshot!(session.run(&[
        "kubectl patch cm held -n going --type merge -p '{\"metadata\":{\"finalizers\":[\"example.com/x\"]}}'",
        "kubectl delete ns going --wait=false",
        "kubectl create ns going",
        "kubectl create cm other -n going",
    ]), @r#"
    $ kubectl patch cm held -n going --type merge -p '{"metadata":{"finalizers":["example.com/x"]}}'
    configmap/held patched
    $ kubectl delete ns going --wait=false
    namespace "going" deleted
    $ kubectl create ns going
    Error from server (AlreadyExists): object is being deleted: namespaces "going" already exists
    [exit 1]
    $ kubectl create cm other -n going
    error: failed to create configmap: configmaps "other" is forbidden: unable to create new content in namespace going because it is being terminated
    [exit 1]
    "#);
}

#[test]
fn a_wait_lasts_until_the_next_look_at_a_claim() {
    let (mut session, _home) = session(&[]);
    let claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {storageClassName: '', \
                 accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}";
    let volume = "{apiVersion: v1, kind: PersistentVolume, metadata: {name: v}, spec: {accessModes: [ReadWriteOnce], \
                  capacity: {storage: 1Gi}, hostPath: {path: /v}}}";
    session.0.feed("kubectl apply -f -", claim);
    session.0.feed("kubectl apply -f -", volume);
    assert_snapshot!(session.run(&[
        "kubectl wait --for=jsonpath='{.status.phase}'=Bound pvc/a --timeout=30s",
        "kstate clock",
    ]), @"
    $ kubectl wait --for=jsonpath='{.status.phase}'=Bound pvc/a --timeout=30s
    persistentvolumeclaim/a condition met
    $ kstate clock
    2026-01-01T00:00:02Z (manual)
    ");
}

#[test]
fn a_wait_lasts_until_a_claim_gets_the_late_default_class() {
    let (mut session, _home) = session(&[]);
    session.run(&["kubectl annotate sc local-path storageclass.kubernetes.io/is-default-class-"]);
    let claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: early}, spec: {accessModes: [ReadWriteOnce], \
                 resources: {requests: {storage: 1Gi}}}}";
    let class = "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: late, annotations: \
                 {storageclass.kubernetes.io/is-default-class: 'true'}}, provisioner: rancher.io/local-path, \
                 volumeBindingMode: WaitForFirstConsumer}";
    session.0.feed("kubectl apply -f -", claim);
    session.0.advance(Duration::secs(1));
    session.0.feed("kubectl apply -f -", class);
    assert_snapshot!(session.run(&[
        "kubectl wait --for=jsonpath='{.spec.storageClassName}'=late pvc --all --timeout=60s",
        "kstate clock",
    ]), @"
    $ kubectl wait --for=jsonpath='{.spec.storageClassName}'=late pvc --all --timeout=60s
    persistentvolumeclaim/early condition met
    $ kstate clock
    2026-01-01T00:00:02Z (manual)
    ");
}
