//! What kubectl works out without the server: patches of files, labels of files, and patches that it can't make.

use insta::assert_snapshot;

use super::Session;

const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, colour: red}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx, resources: {requests: {cpu: 1000m}}}]}
"#;

fn patch(patch_type: &str, patch: &str, more: &str) -> String {
    let line = format!("kubectl patch --local -f - --type {patch_type} -p '{patch}' {more}");
    Session::new().0.feed(&line, WEB)
}

#[test]
fn a_file_is_patched_as_it_is_written() {
    let patched =
        patch("strategic", r#"{"spec":{"template":{"spec":{"containers":[{"name":"web","image":null}]}}}}"#, "-o yaml");
    assert_snapshot!(patched, @r"
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      colour: red
      name: web
    spec:
      selector:
        matchLabels:
          app: web
      template:
        metadata:
          labels:
            app: web
        spec:
          containers:
          - name: web
            resources:
              requests:
                cpu: 1000m
    ");
    assert_snapshot!(patch("merge", r#"{"spec":null,"kind":"Thing"}"#, "-o json"), @r#"
    {
        "apiVersion": "apps/v1",
        "kind": "Thing",
        "metadata": {
            "colour": "red",
            "name": "web"
        }
    }
    "#);
    assert_snapshot!(patch("json", r#"[{"op":"remove","path":"/metadata/name"}]"#, ""), @"deployment.apps/<unknown> patched");
    assert_snapshot!(patch("json", r#"[{"op":"replace","path":"/kind","value":"Deployment"}]"#, "--dry-run=client"), @"deployment.apps/web patched (no change)");
}

#[test]
fn a_patch_that_does_not_fit_a_file_is_refused_by_kubectl() {
    let missing = r#"[{"op":"replace","path":"/spec/template/spec/containers/3","value":{}}]"#;
    assert_snapshot!(patch("json", missing, ""), @"error: Object to be patched is missing field (/spec/template/spec/containers/3: missing value)");
    assert_snapshot!(patch("json", r#"[{"op":"remove","path":"/spec/replicas"}]"#, ""), @"error: error in remove for path: '/spec/replicas': Unable to remove nonexistent key: replicas: missing value");
    assert_snapshot!(patch("json", r#"{"op":"remove"}"#, ""), @"error: json: cannot unmarshal object into Go value of type jsonpatch.Patch");
    assert_snapshot!(patch("json", r#"[1]"#, ""), @"error: json: cannot unmarshal number into Go value of type jsonpatch.Operation");
    assert_snapshot!(patch("merge", "3", ""), @"error: Invalid JSON Patch");
    assert_snapshot!(patch("merge", "[]", ""), @"error: json: cannot unmarshal array into Go value of type unstructured.detector");
    assert_snapshot!(patch("merge", r#"{"kind":null,"spec":null}"#, ""), @r#"error: Object 'Kind' is missing in '{"apiVersion":"apps/v1","metadata":{"colour":"red","name":"web"}}'"#);
    assert_snapshot!(patch("strategic", "[]", ""), @"error: invalid JSON document");
    assert_snapshot!(patch("strategic", r#"{"spec":{"template":{"spec":{"containers":[{"tty":true}]}}}}"#, ""), @"error: map: map[tty:true] does not contain declared merge key: name");
    assert_snapshot!(patch("strategic", "{}", "--dry-run=server"), @"error: cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
    let mut session = Session::new();
    assert_snapshot!(session.run(&["kubectl patch --local deploy web -p {}", "kubectl patch --local -p {}"]), @"
    $ kubectl patch --local deploy web -p {}
    error: cannot specify --local and server resources
    [exit 1]
    $ kubectl patch --local -p {}
    error: You must provide one or more resources by argument or filename.
    Example resource specifications include:
       '-f rsrc.yaml'
       '--filename=rsrc.json'
       '<resource> <name>'
       '<resource>'
    [exit 1]
    ");
}

#[test]
fn labels_of_a_file_are_changed_by_kubectl() {
    let mut session = Session::new();
    let mut feed = |line: &str| session.0.feed(line, WEB);
    assert_snapshot!(feed("kubectl label --local -f - a=b c- --resource-version=3 -o jsonpath={.metadata}"), @"error: --resource-version may only be used with a single resource");
    assert_snapshot!(feed("kubectl annotate --local -f - a=b --resource-version=3 -o jsonpath={.metadata}"), @"error: --resource-version may only be used with a single resource");
    assert_snapshot!(feed("kubectl label --local -f - deploy web a=b"), @"error: can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set");
    assert_snapshot!(feed("kubectl annotate --local --all a=b"), @"error: one or more files must be specified as -f rsrc.yaml or --filename=rsrc.json");
    assert_snapshot!(feed("kubectl label --local -f - a=b --dry-run=server"), @"error: cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
}

#[test]
fn a_patch_that_kubectl_cannot_make_is_shown_with_all_that_it_was_made_of() {
    let map = |x: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: m}}, data: {{x: {x}}}}}");
    let mut session = Session::new();
    session.apply(&map("one"));
    session.run(&["kubectl patch configmap m -p '{\"data\":{\"x\":\"two\"}}'"]);
    // Without --overwrite=false, kubectl takes its own value back.
    assert_snapshot!(brief(&session.0.feed("kubectl apply --overwrite=false -f -", &map("one"))), @r#"
    warning: error calculating patch from openapi v3 spec: patch:
    data:
      x: one

    conflicts with changes made from original to current:
    data:
      x: two
    metadata:
      annotations:
      creationTimestamp: "2026-01-01T00:00:00Z"
      managedFields:
      - apiVersion: v1
      - apiVersion: v1
      resourceVersion: "217"
      uid: b4a69643-1930-49f3-ab01-88ce8ada3a35


    warning: error calculating patch from openapi spec: patch:
    data:
      x: one

    conflicts with changes made from original to current:
    data:
      x: two
    metadata:
      annotations:
      creationTimestamp: "2026-01-01T00:00:00Z"
      managedFields:
      - apiVersion: v1
      - apiVersion: v1
      resourceVersion: "217"
      uid: b4a69643-1930-49f3-ab01-88ce8ada3a35


    error: error when applying patch:

    to:
    Resource: "/v1, Resource=configmaps", GroupVersionKind: "/v1, Kind=ConfigMap"
    Name: "m", Namespace: "default"
    for: "STDIN": error when patching "STDIN": creating patch with:
    original:
    {"apiVersion":"v1","data":{"x":"one"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"m","namespace":"

    modified:
    {"apiVersion":"v1","data":{"x":"one"},"kind":"ConfigMap","metadata":{"annotations":{"kubectl.kubernetes.io/las

    current:
    {"apiVersion":"v1","data":{"x":"two"},"kind":"ConfigMap","metadata":{"annotations":{"kubectl.kubernetes.io/las

    for: patch:
    data:
      x: one

    conflicts with changes made from original to current:
    data:
      x: two
    metadata:
      annotations:
      creationTimestamp: "2026-01-01T00:00:00Z"
      managedFields:
      - apiVersion: v1
      - apiVersion: v1
      resourceVersion: "217"
      uid: b4a69643-1930-49f3-ab01-88ce8ada3a35
    "#);
    assert_snapshot!(session.0.feed("kubectl apply -f -", &map("one")), @"configmap/m configured");
    session.0.feed("kubectl apply --validate=ignore -f -", WEB);
    let nameless = WEB.replace("name: web, image", "image");
    assert_snapshot!(brief(&session.0.feed("kubectl apply --validate=ignore -f -", &nameless)), @r#"
    warning: error calculating patch from openapi v3 spec: map: map[image:nginx resources:map[requests:map[cpu:100
    warning: error calculating patch from openapi spec: map: map[image:nginx resources:map[requests:map[cpu:1000m]
    error: error when applying patch:

    to:
    Resource: "apps/v1, Resource=deployments", GroupVersionKind: "apps/v1, Kind=Deployment"
    Name: "web", Namespace: "default"
    for: "STDIN": error when patching "STDIN": creating patch with:
    original:
    {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{},"colour":"red","name":"web","namespac

    modified:
    {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-con

    current:
    {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"deployment.kubernetes.io/revision":"1"

    for: map: map[image:nginx resources:map[requests:map[cpu:1000m]]] does not contain declared merge key: name
    "#);
}

/// The lines that are not indented, without the rest of long ones.
fn brief(text: &str) -> String {
    let cut = |line: &str| line.char_indices().nth(110).map_or(line.to_string(), |(end, _)| line[..end].to_string());
    text.lines().filter(|line| !line.starts_with("   ")).map(|line| cut(line) + "\n").collect()
}
