//! What objects hold that a terminal would obey: replaced where kubectl replaces it, printed as it is elsewhere.

use insta::assert_snapshot;

use super::Session;

const OBJECTS: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {kubernetes.io/change-cause: "a\e[2Jb\rc"}}
spec:
  selector: {matchLabels: {a: web}}
  template:
    metadata: {labels: {a: web}}
    spec: {containers: [{name: c, image: nginx, args: ["a\e[2Jb"], env: [{name: A, value: "a\e[2Jb\rc"}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, annotations: {x: "a\e[2Jb\rc"}}
data: {k: "a\e[2Jb"}
---
apiVersion: v1
kind: Event
metadata: {name: e, namespace: default}
involvedObject: {kind: ConfigMap, name: a, namespace: default}
reason: "a\e[2Jb"
message: "a\e[2Jb\rc"
type: Warning
"#;

#[test]
fn escapes_are_replaced_where_kubectl_replaces_them() {
    let mut session = Session::new();
    session.apply(OBJECTS);
    let printed = session.run(&[
        "kubectl get cm a -o custom-columns=X:.metadata.annotations.x",
        "kubectl get events e -o custom-columns=R:.reason --no-headers",
        "kubectl get events --field-selector involvedObject.name=a --no-headers",
        "kubectl events --for cm/a --no-headers",
        "kubectl describe cm a",
        "kubectl rollout history deploy/web",
        "kubectl rollout history deploy/web --revision=1",
        "kubectl annotate cm a --list",
        "kubectl set env deploy/web --list",
        "kubectl get cm a -o jsonpath={.data.k}",
        "kubectl get cm a -o go-template={{.data.k}}",
        "kubectl get cm a -o yaml",
    ]);
    assert_snapshot!(printed.replace('\u{1b}', "<ESC>").replace('\r', "<CR>"), @r#"
    $ kubectl get cm a -o custom-columns=X:.metadata.annotations.x
    X
    a^[[2Jb\rc
    $ kubectl get events e -o custom-columns=R:.reason --no-headers
    a^[[2Jb
    $ kubectl get events --field-selector involvedObject.name=a --no-headers
    <unknown>   Warning   a^[[2Jb   configmap/a   a^[[2Jb...
    $ kubectl events --for cm/a --no-headers
    No events found in default namespace.
    $ kubectl describe cm a
    Name:         a
    Namespace:    default
    Labels:       <none>
    Annotations:  x: a^[[2Jb\rc

    Data
    ====
    k:
    ----
    a^[[2Jb


    BinaryData
    ====

    Events:  <none>
    $ kubectl rollout history deploy/web
    deployment.apps/web 
    REVISION  CHANGE-CAUSE
    1         a<ESC>[2Jb<CR>c

    $ kubectl rollout history deploy/web --revision=1
    deployment.apps/web with revision #1
    Pod Template:
      Labels:	a=web
    	pod-template-hash=757fcf7bd8
      Annotations:	kubernetes.io/change-cause: a^[[2Jb\rc
      Containers:
       c:
        Image:	nginx
        Port:	<none>
        Host Port:	<none>
        Args:
          a^[[2Jb
        Environment:
          A:	a^[[2Jb\rc
        Mounts:	<none>
      Volumes:	<none>
      Node-Selectors:	<none>
      Tolerations:	<none>

    $ kubectl annotate cm a --list
    kubectl.kubernetes.io/last-applied-configuration={"apiVersion":"v1","data":{"k":"a\u001b[2Jb"},"kind":"ConfigMap","metadata":{"annotations":{"x":"a\u001b[2Jb\rc"},"name":"a","namespace":"default"}}

    x=a<ESC>[2Jb<CR>c
    $ kubectl set env deploy/web --list
    # Deployment web, container c
    A=a<ESC>[2Jb<CR>c
    $ kubectl get cm a -o jsonpath={.data.k}
    a<ESC>[2Jb$ kubectl get cm a -o go-template={{.data.k}}
    a<ESC>[2Jb$ kubectl get cm a -o yaml
    apiVersion: v1
    data:
      k: "a\e[2Jb"
    kind: ConfigMap
    metadata:
      annotations:
        kubectl.kubernetes.io/last-applied-configuration: |
          {"apiVersion":"v1","data":{"k":"a\u001b[2Jb"},"kind":"ConfigMap","metadata":{"annotations":{"x":"a\u001b[2Jb\rc"},"name":"a","namespace":"default"}}
        x: "a\e[2Jb\rc"
      creationTimestamp: "2026-01-01T00:00:00Z"
      name: a
      namespace: default
      resourceVersion: "229"
      uid: ce3a5d3b-9726-44ce-add8-a00ce29485f2
    "#);
}
