//! What kubectl finds, orders and prints by itself, as the real one does against the same server.

use insta::assert_snapshot;

use super::Session;

const WIDGETS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList, shortNames: [wd], categories: [toys]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer, minimum: 1}, colour: {type: string, enum: [red, green]}}}
  - {name: v1beta1, served: true, storage: false, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
";

#[test]
fn resources_in_all_forms() {
    let mut session = Session::new();
    session.apply(WIDGETS);
    assert_snapshot!(session.run(&[
        "kubectl api-resources --categories=toys",
        "kubectl api-resources --categories=toys --verbs= -o json",
        "kubectl api-resources --api-group=none -o yaml",
        "kubectl api-resources -o jsonpath={.items}",
        "kubectl api-resources x y",
        "kubectl api-versions x",
    ]), @r#"
    $ kubectl api-resources --categories=toys
    NAME      SHORTNAMES   APIVERSION       NAMESPACED   KIND
    widgets   wd           example.com/v1   true         Widget
    $ kubectl api-resources --categories=toys --verbs= -o json
    {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "",
        "resources": [
            {
                "name": "widgets",
                "singularName": "widget",
                "namespaced": true,
                "group": "example.com",
                "version": "v1",
                "kind": "Widget",
                "verbs": [
                    "delete",
                    "deletecollection",
                    "get",
                    "list",
                    "patch",
                    "create",
                    "update",
                    "watch"
                ],
                "shortNames": [
                    "wd"
                ],
                "categories": [
                    "toys"
                ]
            }
        ]
    }
    $ kubectl api-resources --api-group=none -o yaml
    apiVersion: v1
    groupVersion: ""
    kind: APIResourceList
    resources: null
    $ kubectl api-resources -o jsonpath={.items}
    error: unable to match a printer suitable for the output format "jsonpath={.items}", allowed formats are: json,kyaml,name,wide,yaml
    [exit 1]
    $ kubectl api-resources x y
    error: unexpected arguments: [x y]
    See 'kubectl api-resources -h' for help and examples
    [exit 1]
    $ kubectl api-versions x
    error: unexpected arguments: [x]
    See 'kubectl api-versions -h' for help and examples
    [exit 1]
    "#);
}

#[test]
fn words_that_nobody_reads_are_no_fault() {
    assert_snapshot!(Session::new().run(&[
        "kubectl cluster-info x",
        "kubectl auth whoami x",
        "kubectl create role r --verb= --resource=pods",
        "kubectl create role r --verb=get --resource=",
        "kubectl create role r --verb=get --resource=deployments.v1.apps",
        "kubectl create deployment d --image=",
        "kubectl get ns kube-public -L ''",
        "kubectl create service clusterip s --tcp=80 --save-config --dry-run=client -o jsonpath={.metadata}",
        "kubectl edit ns default -o name",
        "kubectl certificate x",
    ]), @r#"
    $ kubectl cluster-info x
    Kubernetes control plane is running at https://127.0.0.1:6443

    To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.
    $ kubectl auth whoami x
    ATTRIBUTE   VALUE
    Username    admin@k3d-deadless
    Groups      [system:masters system:authenticated]
    $ kubectl create role r --verb= --resource=pods
    error: at least one verb must be specified
    [exit 1]
    $ kubectl create role r --verb=get --resource=
    error: at least one resource must be specified
    [exit 1]
    $ kubectl create role r --verb=get --resource=deployments.v1.apps
    the server doesn't have a resource type "deployments" in group "v1.apps"
    [exit 1]
    $ kubectl create deployment d --image=
    error: failed to create deployment: Deployment.apps "d" is invalid: spec.template.spec.containers: Required value
    [exit 1]
    $ kubectl get ns kube-public -L ''
    NAME          STATUS   AGE
    kube-public   Active   0s
    $ kubectl create service clusterip s --tcp=80 --save-config --dry-run=client -o jsonpath={.metadata}
    {"labels":{"app":"s"},"name":"s"}$ kubectl edit ns default -o name
    error: unable to match a printer suitable for the output format "name", allowed formats are: json,kyaml,yaml
    [exit 1]
    $ kubectl certificate x
    Modify certificate resources.

    Available Commands:
      approve       Approve a certificate signing request
      deny          Deny a certificate signing request

    Usage:
      kubectl certificate SUBCOMMAND [options]

    Use "kubectl certificate <command> --help" for more information about a given command.
    Use "kubectl options" for a list of global command-line options (applies to all commands).
    "#);
}

#[test]
fn a_field_of_several_tables_is_looked_for_in_the_tables() {
    assert_snapshot!(Session::new().run(&[
        "kubectl get sa,svc --sort-by=.metadata.name",
        "kubectl get ns default kube-public --sort-by=.metadata.name",
        "kubectl get sa,svc --sort-by=.kind",
        "kubectl get sa,svc --sort-by=.metadata.name -o name",
        "kubectl get sa --sort-by=bad[",
    ]), @r#"
    $ kubectl get sa,svc --sort-by=.metadata.name
    error: couldn't find any field with path "{.metadata.name}" in the list of objects
    [exit 1]
    $ kubectl get ns default kube-public --sort-by=.metadata.name
    error: couldn't find any field with path "{.metadata.name}" in the list of objects
    [exit 1]
    $ kubectl get sa,svc --sort-by=.kind
    NAME                     AGE
    serviceaccount/default   0s

    NAME                 TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
    service/kubernetes   ClusterIP   10.43.0.1    <none>        443/TCP   0s
    $ kubectl get sa,svc --sort-by=.metadata.name -o name
    serviceaccount/default
    service/kubernetes
    $ kubectl get sa --sort-by=bad[
    No resources found in default namespace.
    "#);
}

#[test]
fn kinds_in_small_letters_are_known_to_kubectl_alone() {
    let mut session = Session::new();
    session.run(&["kubectl create configmap m"]);
    let mut transcript = String::new();
    for (line, input) in [
        ("kubectl create -f -", "{apiVersion: apps/v1, kind: deployment, metadata: {name: d}}"),
        ("kubectl get -f -", "{apiVersion: v1, kind: configmap, metadata: {name: m}}"),
        ("kubectl apply -f -", "{apiVersion: v1, kind: configmap, metadata: {name: m}, data: {a: b}}"),
        ("kubectl create -f -", "{apiVersion: v1, kind: configMap, metadata: {name: m}}"),
        ("kubectl create -f -", "{apiVersion: 1, kind: ConfigMap}"),
        ("kubectl create -f -", "{apiVersion: v1, kind: List}"),
        ("kubectl create -f -", "{apiVersion: v1, kind: List, items: [{kind: ConfigMap}, {}]}"),
        ("kubectl create --validate=false -f -", "{apiVersion: v1, kind: List, items: [{kind: ConfigMap}]}"),
        ("kubectl create --validate=warn -f -", "{apiVersion: v1, kind: List, items: []}"),
    ] {
        transcript += &format!("$ {line} <<< '{input}'\n{}", session.0.feed(line, input));
    }
    assert_snapshot!(transcript, @r#"
    $ kubectl create -f - <<< '{apiVersion: apps/v1, kind: deployment, metadata: {name: d}}'
    Error from server (BadRequest): error when creating "STDIN": deployment in version "v1" cannot be handled as a Deployment: no kind "deployment" is registered for version "apps/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"
    $ kubectl get -f - <<< '{apiVersion: v1, kind: configmap, metadata: {name: m}}'
    NAME   DATA   AGE
    m      0      0s
    $ kubectl apply -f - <<< '{apiVersion: v1, kind: configmap, metadata: {name: m}, data: {a: b}}'
    Warning: resource configmaps/m is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.
    error: error when applying patch:

    to:
    Resource: "/v1, Resource=configmaps", GroupVersionKind: "/v1, Kind=ConfigMap"
    Name: "m", Namespace: "default"
    for: "STDIN": error when patching "STDIN": creating patch with:
    original:

    modified:
    {"apiVersion":"v1","data":{"a":"b"},"kind":"configmap","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"v1\",\"data\":{\"a\":\"b\"},\"kind\":\"configmap\",\"metadata\":{\"annotations\":{},\"name\":\"m\",\"namespace\":\"default\"}}\n"},"name":"m","namespace":"default"}}

    current:
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"creationTimestamp":"2026-01-01T00:00:00Z","name":"m","namespace":"default","resourceVersion":"216","uid":"b4a69643-1930-49f3-ab01-88ce8ada3a35"}}

    for: precondition failed for: map[data:map[a:b] kind:configmap metadata:map[annotations:map[kubectl.kubernetes.io/last-applied-configuration:{"apiVersion":"v1","data":{"a":"b"},"kind":"configmap","metadata":{"annotations":{},"name":"m","namespace":"default"}}
    ]]]
    $ kubectl create -f - <<< '{apiVersion: v1, kind: configMap, metadata: {name: m}}'
    error: resource mapping not found for name: "m" namespace: "" from "STDIN": no matches for kind "configMap" in version "v1"
    ensure CRDs are installed first
    $ kubectl create -f - <<< '{apiVersion: 1, kind: ConfigMap}'
    error: error validating "STDIN": error validating data: apiVersion isn't string type; if you choose to ignore these errors, turn validation off with --validate=false
    $ kubectl create -f - <<< '{apiVersion: v1, kind: List}'
    error: error validating "STDIN": error validating data: invalid object to validate; if you choose to ignore these errors, turn validation off with --validate=false
    $ kubectl create -f - <<< '{apiVersion: v1, kind: List, items: [{kind: ConfigMap}, {}]}'
    error: error validating "STDIN": error validating data: [apiVersion not set, apiVersion not set, kind not set]; if you choose to ignore these errors, turn validation off with --validate=false
    $ kubectl create --validate=false -f - <<< '{apiVersion: v1, kind: List, items: [{kind: ConfigMap}]}'
    unable to get type info from the object "*unstructured.Unstructured": Object 'apiVersion' is missing in 'object has no apiVersion field'
    $ kubectl create --validate=warn -f - <<< '{apiVersion: v1, kind: List, items: []}'
    W0101 00:00:00.300000       1 schema.go:145] cannot perform warn validation if server-side field validation is unsupported, skipping validation
    error: no objects passed to create
    "#);
}

#[test]
fn several_objects_are_told_apart_where_one_printer_prints_them() {
    let mut session = Session::new();
    session.run(&["kubectl create configmap a", "kubectl create configmap b"]);
    let two = "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}, \
               {apiVersion: v1, kind: ConfigMap, metadata: {name: d}}]}";
    let applied = session.0.feed("kubectl apply --dry-run=client -o yaml -f -", two);
    assert_snapshot!(applied.lines().skip_while(|line| *line != "kind: List").collect::<Vec<_>>().join("\n"), @"
    kind: List
    metadata: {}
    ");
    let apart = |output: String| output.lines().filter(|line| *line == "---").count();
    assert_eq!(apart(session.run(&["kubectl label cm a b x=y --dry-run=client -o yaml"])), 0);
    assert_eq!(apart(session.run(&["kubectl patch cm a b -p '{}' --dry-run=client -o yaml"])), 0);
    assert_eq!(apart(session.run(&["kubectl annotate cm a b x=y --dry-run=client -o yaml"])), 1);
}

#[test]
fn structs_keep_the_order_of_their_fields() {
    let mut session = Session::new();
    session.apply("{apiVersion: v1, kind: Event, metadata: {name: e, namespace: default}, involvedObject: {kind: Pod, name: p, namespace: default}, reason: R, message: m, type: Normal}");
    assert_snapshot!(session.run(&[
        "kubectl events --for pod/p -o json",
        "kubectl events -o json",
        "kubectl auth whoami -o json",
        "kubectl get --raw /version",
        "kubectl get --raw /api",
        "kubectl get --raw /readyz/etcd",
        "kubectl get --raw /api/v1/namespaces?limit=1",
    ]), @r#"
    $ kubectl events --for pod/p -o json
    No events found in default namespace.
    $ kubectl events -o json
    {
        "kind": "EventList",
        "apiVersion": "v1",
        "metadata": {},
        "items": [
            {
                "kind": "Event",
                "apiVersion": "v1",
                "metadata": {
                    "name": "e",
                    "namespace": "default",
                    "uid": "4d5ff4b9-9112-48a1-a71d-4fb3553cef0c",
                    "resourceVersion": "216",
                    "creationTimestamp": "2026-01-01T00:00:00Z",
                    "annotations": {
                        "kubectl.kubernetes.io/last-applied-configuration": "{\"apiVersion\":\"v1\",\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\",\"namespace\":\"default\"},\"kind\":\"Event\",\"message\":\"m\",\"metadata\":{\"annotations\":{},\"name\":\"e\",\"namespace\":\"default\"},\"reason\":\"R\",\"type\":\"Normal\"}\n"
                    }
                },
                "involvedObject": {
                    "kind": "Pod",
                    "namespace": "default",
                    "name": "p"
                },
                "reason": "R",
                "message": "m",
                "source": {},
                "firstTimestamp": null,
                "lastTimestamp": null,
                "type": "Normal",
                "eventTime": null,
                "reportingComponent": "",
                "reportingInstance": ""
            }
        ]
    }
    $ kubectl auth whoami -o json
    {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "creationTimestamp": "2026-01-01T00:00:00Z"
        },
        "status": {
            "userInfo": {
                "username": "admin@k3d-deadless",
                "groups": [
                    "system:masters",
                    "system:authenticated"
                ]
            }
        }
    }
    $ kubectl get --raw /version
    {"major":"1","minor":"36","emulationMajor":"1","emulationMinor":"36","minCompatibilityMajor":"1","minCompatibilityMinor":"35","gitVersion":"v1.36.2","gitCommit":"","gitTreeState":"clean","buildDate":"1970-01-01T00:00:00Z","goVersion":"go1.26.4","compiler":"gc","platform":"linux/amd64"}
    $ kubectl get --raw /api
    {"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[{"clientCIDR":"0.0.0.0/0","serverAddress":"172.18.0.2:6443"}]}
    $ kubectl get --raw /readyz/etcd
    ok$ kubectl get --raw /api/v1/namespaces?limit=1
    {"kind":"NamespaceList","apiVersion":"v1","metadata":{"resourceVersion":"216","continue":"eyJydiI6MjE2LCJzdGFydCI6Imt1YmUtbm9kZS1sZWFzZSIsInYiOiJtZXRhLms4cy5pby92MSJ9","remainingItemCount":3},"items":[{"metadata":{"name":"default","uid":"4b9079d1-af99-4aa1-917e-40d89e12e72b","resourceVersion":"1","creationTimestamp":"2026-01-01T00:00:00Z","labels":{"kubernetes.io/metadata.name":"default"},"managedFields":[{"manager":"kube-apiserver","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:kubernetes.io/metadata.name":{}}}}}]},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}]}
    "#);
}

#[test]
fn a_template_that_fails_shows_who_owns_what() {
    let mut session = Session::new();
    session.run(&["kubectl create configmap a --from-literal=x=1"]);
    let told = session.run(&["kubectl get cm a -o go-template='{{index .none 1}}'"]);
    assert!(told.contains("managedFields"), "{told}");
}

#[test]
fn a_template_of_a_rollout_is_shown_as_it_is_kept() {
    let mut session = Session::new();
    session.run(&[
        "kubectl create deployment d --image=nginx",
        "kubectl annotate deploy d kubernetes.io/change-cause=first",
        "kubectl set image deploy d nginx=nginx:1.27",
    ]);
    let undone = session.run(&["kubectl rollout undo deploy d --dry-run=client"]);
    assert!(undone.contains("Pod Template:") && !undone.contains("change-cause"), "{undone}");
    let shown = session.run(&["kubectl rollout history deploy d --revision=1"]);
    assert!(shown.contains("change-cause: first"), "{shown}");
}

#[test]
fn taught_kinds_are_described_in_the_version_asked_for() {
    let mut session = Session::new();
    session.apply(WIDGETS);
    session
        .apply("{apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: default}, spec: {size: 2}}");
    let described = session.run(&["kubectl describe widgets.v1beta1.example.com w"]);
    assert!(described.contains("API Version:  example.com/v1beta1"), "{described}");
    // Bounds are floats, which come over the wire as whole numbers.
    let described = session.run(&["kubectl describe crd widgets.example.com"]);
    assert!(described.contains("Minimum:  1\n"), "{described}");
    assert_snapshot!(session.run(&["kubectl explain widget.spec.colour", "kubectl explain widget.spec"]), @"
    $ kubectl explain widget.spec.colour
    GROUP:      example.com
    KIND:       Widget
    VERSION:    v1

    FIELD: colour <string>
    ENUM:
        red
        green

    DESCRIPTION:
        <empty>

    $ kubectl explain widget.spec
    GROUP:      example.com
    KIND:       Widget
    VERSION:    v1

    FIELD: spec <Object>


    DESCRIPTION:
        <empty>
    FIELDS:
      colour	<string>
      enum: red, green
        <no description>

      size	<integer>
        <no description>
    ");
}

#[test]
fn a_nested_description_indents_whatever_is_written_apart() {
    let mut session = Session::new();
    session.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default}, spec: {nodeSelector: {none: such}, containers: [{name: c, \
         image: nginx}], volumes: [{name: v, ephemeral: {volumeClaimTemplate: {metadata: {labels: {a: b, c: d}}, spec: {accessModes: \
         [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Gi}}}}}}]}}",
    );
    let described = session.run(&["kubectl describe pod p"]);
    let volume = described.lines().skip_while(|line| !line.contains("EphemeralVolume")).take(9);
    assert_snapshot!(volume.collect::<Vec<_>>().join("\n"), @"
    Type:          EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)
    StorageClass:  none
    Volume:        
    Labels:            a=b
                       c=d
    Annotations:       <none>
    Capacity:      
    Access Modes:  
    VolumeMode:    Filesystem
    ");
    assert_snapshot!(session.run(&["kubectl exec p -- ls"]), @"
    $ kubectl exec p -- ls
    error: unable to upgrade connection: pod p does not have a host assigned
    [exit 1]
    ");
}

#[test]
fn what_is_wrong_is_told_once() {
    let mut session = Session::new();
    session.run(&["kubectl create configmap a"]);
    assert_snapshot!(session.run(&["kubectl label cm a A/B/c=d"]), @r#"
    $ kubectl label cm a A/B/c=d
    The ConfigMap "a" is invalid: metadata.labels: Invalid value: "A/B/c": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')
    [exit 1]
    "#);
}
