//! The verbs that change what is there, flag by flag: apply, replace, label, annotate, set, rollout, auth reconcile.

use insta::assert_snapshot;

use super::Session;

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: 'nginx:1'}, {name: side, image: 'nginx:1'}]}
";

fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{app: m}}}}\ndata: {{key: \"{value}\"}}\n"
    )
}

#[test]
fn apply_prunes_what_is_no_longer_in_its_files() {
    let mut session = Session::new();
    session.apply(&(config_map("a", "x") + "---\n" + &config_map("b", "x")));
    session.run(&["kubectl create cm by-hand", "kubectl label cm by-hand app=m"]);
    let mut feed = |line: &str| session.0.feed(line, &config_map("a", "y"));
    assert_snapshot!(feed("kubectl apply -f - --prune"), @"error: all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector");
    assert_snapshot!(feed("kubectl apply -f - --prune --all -l app=m"), @"error: cannot set --all and --selector at the same time");
    assert_snapshot!(feed("kubectl apply -f - --prune -l app=m --dry-run=client"), @"
    configmap/a configured (dry run)
    W0101 00:00:00.305000       1 prune.go:71] Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace flag in a future release. To preserve the current behaviour, list the resources you want to target explicitly in the --prune-allowlist flag.
    configmap/b pruned (dry run)
    Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice
    ");
    assert_snapshot!(feed("kubectl apply -f - --prune -l app=m --prune-allowlist=core/v1/Pod"), @"configmap/a configured");
    assert_snapshot!(feed("kubectl apply -f - --prune -l app=m --prune-allowlist=v1/ConfigMap"), @"error: invalid GroupVersionKind format: v1/ConfigMap, please follow <group/version/kind>");
    assert_snapshot!(feed("kubectl diff -f - --prune -l app=m --prune-allowlist=core/v1/ConfigMap"), @r#"
    diff -u -N /tmp/LIVE-2097514078/v1.ConfigMap.default.b /tmp/MERGED-136732076/v1.ConfigMap.default.b
    --- /tmp/LIVE-2097514078/v1.ConfigMap.default.b	2026-01-01 00:00:00.505000000 +0000
    +++ /tmp/MERGED-136732076/v1.ConfigMap.default.b	2026-01-01 00:00:00.505000000 +0000
    @@ -1,32 +0,0 @@
    -apiVersion: v1
    -data:
    -  key: x
    -kind: ConfigMap
    -metadata:
    -  annotations:
    -    kubectl.kubernetes.io/last-applied-configuration: |
    -      {"apiVersion":"v1","data":{"key":"x"},"kind":"ConfigMap","metadata":{"annotations":{},"labels":{"app":"m"},"name":"b","namespace":"default"}}
    -  creationTimestamp: "2026-01-01T00:00:00Z"
    -  labels:
    -    app: m
    -  managedFields:
    -  - apiVersion: v1
    -    fieldsType: FieldsV1
    -    fieldsV1:
    -      f:data:
    -        .: {}
    -        f:key: {}
    -      f:metadata:
    -        f:annotations:
    -          .: {}
    -          f:kubectl.kubernetes.io/last-applied-configuration: {}
    -        f:labels:
    -          .: {}
    -          f:app: {}
    -    manager: kubectl-client-side-apply
    -    operation: Update
    -    time: "2026-01-01T00:00:00Z"
    -  name: b
    -  namespace: default
    -  resourceVersion: "217"
    -  uid: a36a4eb4-86d4-4ba9-9a61-e78fbb275cbb
    "#);
    assert_snapshot!(feed("kubectl apply -f - --prune -l app=m"), @"
    configmap/a unchanged
    W0101 00:00:00.505000       1 prune.go:71] Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace flag in a future release. To preserve the current behaviour, list the resources you want to target explicitly in the --prune-allowlist flag.
    configmap/b pruned
    Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice
    ");
    assert_snapshot!(feed("kubectl apply -f - -l app=other"), @"error: no objects passed to apply");
    assert_snapshot!(feed("kubectl get cm -l app=m -o name"), @"
    configmap/a
    configmap/by-hand
    ");
}

#[test]
fn apply_makes_anew_what_cannot_change_if_it_is_forced() {
    let mut session = Session::new();
    let sealed = |value: &str| config_map("sealed", value) + "immutable: true\n";
    session.0.feed("kubectl apply -f -", &sealed("x"));
    assert_snapshot!(session.0.feed("kubectl apply -f -", &sealed("y")), @r#"The ConfigMap "sealed" is invalid: data: Forbidden: field is immutable when `immutable` is set"#);
    assert_snapshot!(session.0.feed("kubectl apply -f - --force --dry-run=server", &sealed("y")), @"error: --dry-run=server cannot be used with --force");
    assert_snapshot!(session.0.feed("kubectl apply -f - --force --server-side", &sealed("y")), @"error: --force cannot be used with --server-side");
    assert_snapshot!(session.0.feed("kubectl apply -f - --grace-period=3", &sealed("y")), @r#"The ConfigMap "sealed" is invalid: data: Forbidden: field is immutable when `immutable` is set"#);
    assert_snapshot!(session.0.feed("kubectl apply -f - --force", &sealed("y")), @"configmap/sealed configured");
    assert_snapshot!(session.0.feed("kubectl replace -f -", &sealed("z")), @r#"The ConfigMap "sealed" is invalid: data: Forbidden: field is immutable when `immutable` is set"#);
    assert_snapshot!(session.0.feed("kubectl replace -f - --force", &sealed("z")), @r#"
    configmap "sealed" deleted from default namespace
    configmap/sealed replaced
    "#);
    assert_snapshot!(session.0.feed("kubectl replace -f - --force", &config_map("new", "z")), @"configmap/new replaced");
    assert_snapshot!(session.0.feed("kubectl replace -f -", &config_map("none", "z")), @r#"Error from server (NotFound): error when replacing "STDIN": configmaps "none" not found"#);
}

#[test]
fn labels_and_annotations_are_listed_added_and_removed() {
    let mut session = Session::new();
    session.0.feed("kubectl create -f -", &(config_map("a", "x") + "---\n" + &config_map("b", "x")));
    assert_snapshot!(session.run(&[
        "kubectl label cm a --list",
        "kubectl label cm -l app=m --list",
        "kubectl label cm a app=other",
        "kubectl label cm a app=m",
        "kubectl label cm a app=other new=1 --overwrite",
        "kubectl label cm a app- none-",
        "kubectl label cm a new- newer=1",
        "kubectl label cm a newer=1 newer-",
        "kubectl label cm a b=c=d",
        "kubectl label cm a b=c% ",
        "kubectl label cm a b x=y",
        "kubectl label cm a x=y --list -o yaml",
        "kubectl label cm a x=y --resource-version=1",
        "kubectl label cm -l app=m x=y --resource-version=1",
        "kubectl annotate cm b note=a",
        "kubectl annotate cm b note=b",
        "kubectl annotate cm b note=b more=c --overwrite",
        "kubectl annotate cm b --list",
        "kubectl annotate cm b more-",
        "kubectl annotate cm b none-",
        "kubectl annotate cm b x=y --resource-version=1",
        "kubectl annotate cm b",
    ]), @r#"
    $ kubectl label cm a --list
    app=m
    $ kubectl label cm -l app=m --list
    Listing labels for ConfigMap./a:
     app=m
    Listing labels for ConfigMap./b:
     app=m
    $ kubectl label cm a app=other
    error: 'app' already has a value (m), and --overwrite is false
    [exit 1]
    $ kubectl label cm a app=m
    configmap/a not labeled
    $ kubectl label cm a app=other new=1 --overwrite
    configmap/a labeled
    $ kubectl label cm a app- none-
    label "none" not found.
    configmap/a unlabeled
    $ kubectl label cm a new- newer=1
    configmap/a modified
    $ kubectl label cm a newer=1 newer-
    error: can not both modify and remove a label in the same command
    [exit 1]
    $ kubectl label cm a b=c=d
    error: invalid label spec: b=c=d
    [exit 1]
    $ kubectl label cm a b=c% 
    error: invalid label value: "b=c%": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
    [exit 1]
    $ kubectl label cm a b x=y
    configmap/a labeled
    configmap/b labeled
    $ kubectl label cm a x=y --list -o yaml
    error: --list and --output may not be specified together
    [exit 1]
    $ kubectl label cm a x=y --resource-version=1
    configmap/a not labeled
    $ kubectl label cm -l app=m x=y --resource-version=1
    error: --resource-version may only be used with a single resource
    [exit 1]
    $ kubectl annotate cm b note=a
    configmap/b annotated
    $ kubectl annotate cm b note=b
    error: --overwrite is false but found the following declared annotation(s): 'note' already has a value (a)
    [exit 1]
    $ kubectl annotate cm b note=b more=c --overwrite
    configmap/b annotated
    $ kubectl annotate cm b --list
    more=c
    note=b
    $ kubectl annotate cm b more-
    configmap/b annotated
    $ kubectl annotate cm b none-
    configmap/b annotated
    $ kubectl annotate cm b x=y --resource-version=1
    Error from server (Conflict): Operation cannot be fulfilled on configmaps "b": the object has been modified; please apply your changes to the latest version and try again
    [exit 1]
    $ kubectl annotate cm b
    error: at least one annotation update is required
    [exit 1]
    "#);
}

#[test]
fn the_environment_of_containers_is_set_and_listed() {
    let mut session = Session::new();
    session.apply(WEB);
    session.run(&["kubectl create cm settings --from-literal=a.key=1 --from-literal=b=2"]);
    assert_snapshot!(session.run(&[
        "kubectl set env deploy/web A=1 B=2",
        "kubectl set env deploy/web A=3 -c side",
        "kubectl set env deploy/web --from=cm/settings --prefix=X_ -c side",
        "kubectl set env deploy/web --list",
        "kubectl set env deploy/web --list --resolve -c side",
        "kubectl set env deploy/web A- --overwrite=false",
        "kubectl set env deploy/web B=9 --overwrite=false",
        "kubectl set env deploy/web B=9 -c none",
        "kubectl set env deploy/web",
        "kubectl set env deploy/none A=1",
        "kubectl set env --all deploy Z=1 --dry-run=client",
        "kubectl set image deploy/web nginx=nginx:2 other=x",
        "kubectl set image deploy/web '*=nginx:3'",
    ]), @r#"
    $ kubectl set env deploy/web A=1 B=2
    deployment.apps/web env updated
    $ kubectl set env deploy/web A=3 -c side
    deployment.apps/web env updated
    $ kubectl set env deploy/web --from=cm/settings --prefix=X_ -c side
    Warning: key a.key transferred to A_KEY
    Warning: key b transferred to B
    deployment.apps/web env updated
    $ kubectl set env deploy/web --list
    # Deployment web, container nginx
    A=1
    B=2
    # Deployment web, container side
    A=3
    B=2
    # X_A_KEY from configmap settings, key a.key
    # X_B from configmap settings, key b
    $ kubectl set env deploy/web --list --resolve -c side
    # Deployment web, container side
    A=3
    B=2
    X_A_KEY=1
    X_B=2
    $ kubectl set env deploy/web A- --overwrite=false
    deployment.apps/web env updated
    $ kubectl set env deploy/web B=9 --overwrite=false
    error: deployments/web 'B' already has a value (2), and --overwrite is false
    [exit 1]
    $ kubectl set env deploy/web B=9 -c none
    Warning: Deployment/web does not have any containers matching "none"
    $ kubectl set env deploy/web
    $ kubectl set env deploy/none A=1
    Error from server (NotFound): deployments.apps "none" not found
    [exit 1]
    $ kubectl set env --all deploy Z=1 --dry-run=client
    deployment.apps/web env updated (dry run)
    $ kubectl set image deploy/web nginx=nginx:2 other=x
    deployment.apps/web image updated
    error: unable to find container named "other"
    [exit 1]
    $ kubectl set image deploy/web '*=nginx:3'
    deployment.apps/web image updated
    "#);
    assert_snapshot!(session.0.feed("kubectl set env -f - --local C=1 -o jsonpath={..env}", WEB), @r#"[{"name":"C","value":"1"}] [{"name":"C","value":"1"}]"#);
    assert_snapshot!(session.0.feed("kubectl set env -f - C=1", WEB), @"deployment.apps/web env updated");
    assert_snapshot!(session.0.feed("kubectl set env -f - --list", WEB), @"
    # Deployment web, container nginx
    B=2
    C=1
    # Deployment web, container side
    B=2
    # X_A_KEY from configmap settings, key a.key
    # X_B from configmap settings, key b
    C=1
    ");
}

#[test]
fn the_history_of_a_rollout_is_listed_and_shown_in_every_form() {
    let mut session = Session::new();
    session.apply(WEB);
    session.run(&[
        "kubectl set image deploy/web nginx=nginx:2",
        "kubectl annotate deploy web kubernetes.io/change-cause=second",
    ]);
    assert_snapshot!(session.run(&[
        "kubectl rollout history deploy/web",
        "kubectl rollout history deploy/web --revision=2",
        "kubectl rollout history deploy/web --revision=9",
        "kubectl rollout history deploy/web --revision=-1",
        "kubectl rollout history deploy/web --revision=1 -o jsonpath='{.metadata.name} {..image}{\"\\n\"}'",
        "kubectl rollout history deploy/web --revision=1 --template='{{.kind}}{{\"\\n\"}}'",
        "kubectl rollout history deploy/web -o jsonpath='{.kind} {.items[*].kind}{\"\\n\"}'",
        "kubectl rollout history deploy",
        "kubectl rollout status deploy/web --revision=1",
        "kubectl rollout status deploy/web",
        "kubectl rollout status deploy/none",
        "kubectl rollout status cm/none",
        "kubectl rollout undo deploy/web --to-revision=7",
        "kubectl rollout undo deploy/web",
        "kubectl rollout undo deploy/web --to-revision=3",
        "kubectl rollout restart deploy/web svc/kubernetes",
    ]), @r#"
    $ kubectl rollout history deploy/web
    deployment.apps/web 
    REVISION  CHANGE-CAUSE
    1         <none>
    2         second

    $ kubectl rollout history deploy/web --revision=2
    deployment.apps/web with revision #2
    Pod Template:
      Labels:	app=web
    	pod-template-hash=cbbfddd88
      Annotations:	kubernetes.io/change-cause: second
      Containers:
       nginx:
        Image:	nginx:2
        Port:	<none>
        Host Port:	<none>
        Environment:	<none>
        Mounts:	<none>
       side:
        Image:	nginx:1
        Port:	<none>
        Host Port:	<none>
        Environment:	<none>
        Mounts:	<none>
      Volumes:	<none>
      Node-Selectors:	<none>
      Tolerations:	<none>

    $ kubectl rollout history deploy/web --revision=9
    error: unable to find the specified revision
    [exit 1]
    $ kubectl rollout history deploy/web --revision=-1
    error: revision must be a positive integer: -1
    [exit 1]
    $ kubectl rollout history deploy/web --revision=1 -o jsonpath='{.metadata.name} {..image}{"\n"}'
    web-6f9db6f785 nginx:1 nginx:1
    $ kubectl rollout history deploy/web --revision=1 --template='{{.kind}}{{"\n"}}'
    Deployment
    $ kubectl rollout history deploy/web -o jsonpath='{.kind} {.items[*].kind}{"\n"}'
    ReplicaSet 
    ReplicaSet 
    $ kubectl rollout history deploy
    deployment.apps/web 
    REVISION  CHANGE-CAUSE
    1         <none>
    2         second

    $ kubectl rollout status deploy/web --revision=1
    error: desired revision (1) is different from the running revision (2)
    [exit 1]
    $ kubectl rollout status deploy/web
    Waiting for deployment "web" rollout to finish: 0 of 2 updated replicas are available...
    Waiting for deployment "web" rollout to finish: 1 of 2 updated replicas are available...
    deployment "web" successfully rolled out
    $ kubectl rollout status deploy/none
    Error from server (NotFound): deployments.apps "none" not found
    [exit 1]
    $ kubectl rollout status cm/none
    Error from server (NotFound): configmaps "none" not found
    [exit 1]
    $ kubectl rollout undo deploy/web --to-revision=7
    Warning: resource deployments/web was previously managed with 'kubectl apply'. Rolling back will not update the kubectl.kubernetes.io/last-applied-configuration annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.
    error: unable to find specified revision 7 in history
    [exit 1]
    $ kubectl rollout undo deploy/web
    Warning: resource deployments/web was previously managed with 'kubectl apply'. Rolling back will not update the kubectl.kubernetes.io/last-applied-configuration annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.
    deployment.apps/web rolled back
    $ kubectl rollout undo deploy/web --to-revision=3
    Warning: resource deployments/web was previously managed with 'kubectl apply'. Rolling back will not update the kubectl.kubernetes.io/last-applied-configuration annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.
    deployment.apps/web skipped rollback (current template already matches revision 3)
    $ kubectl rollout restart deploy/web svc/kubernetes
    deployment.apps/web restarted
    error: services "kubernetes" restarting is not supported
    [exit 1]
    "#);
    assert_snapshot!(session.0.feed("kubectl rollout status -f -", WEB), @r#"deployment "web" successfully rolled out"#);
    assert_snapshot!(session.0.feed("kubectl rollout pause -f -", WEB), @"deployment.apps/web paused");
    assert_snapshot!(session.0.feed("kubectl rollout history -f -", WEB), @"
    deployment.apps/web 
    REVISION  CHANGE-CAUSE
    2         second
    3         <none>
    4         <none>
    ");
}

#[test]
fn rights_are_added_and_only_taken_if_that_is_asked_for() {
    let mut session = Session::new();
    let role = |verbs: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: r, namespace: default}}\nrules: [{{apiGroups: [''], resources: [pods], verbs: [{verbs}]}}]\n"
        )
    };
    let binding = |role: &str, user: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: b, namespace: default}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {role}}}\nsubjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {user}}}]\n"
        )
    };
    let mut feed = |line: &str, text: &str| session.0.feed(line, text);
    assert_snapshot!(feed("kubectl auth reconcile -f -", &(role("get, list") + "---\n" + &binding("r", "jane"))), @"
    role.rbac.authorization.k8s.io/r reconciled
    	reconciliation required create
    	missing rules added:
    		{Verbs:[get list] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}
    rolebinding.rbac.authorization.k8s.io/b reconciled
    	reconciliation required create
    	missing subjects added:
    		{Kind:User APIGroup:rbac.authorization.k8s.io Name:jane Namespace:}
    ");
    assert_snapshot!(feed("kubectl auth reconcile -f -", &role("get")), @"role.rbac.authorization.k8s.io/r reconciled");
    assert_snapshot!(feed("kubectl auth reconcile -f - --remove-extra-permissions --dry-run=client", &role("get")), @"
    role.rbac.authorization.k8s.io/r reconciled (dry run)
    	reconciliation required update
    	extra rules removed:
    		{Verbs:[list] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}
    ");
    assert_snapshot!(feed("kubectl auth reconcile -f -", &binding("r", "bob")), @"
    rolebinding.rbac.authorization.k8s.io/b reconciled
    	reconciliation required update
    	missing subjects added:
    		{Kind:User APIGroup:rbac.authorization.k8s.io Name:bob Namespace:}
    ");
    assert_snapshot!(feed("kubectl auth reconcile -f - --remove-extra-subjects", &binding("r", "bob")), @"
    rolebinding.rbac.authorization.k8s.io/b reconciled
    	reconciliation required update
    	extra subjects removed:
    		{Kind:User APIGroup:rbac.authorization.k8s.io Name:jane Namespace:}
    ");
    assert_snapshot!(feed("kubectl auth reconcile -f -", &binding("other", "bob")), @"
    rolebinding.rbac.authorization.k8s.io/b reconciled
    	reconciliation required recreate
    ");
    assert_snapshot!(feed("kubectl auth reconcile -f -", &config_map("m", "x")), @"");
    // OBSERVATION: kubectl reads the file without the server, and so gives no namespace to what has none.
    assert_snapshot!(feed("kubectl auth reconcile -f -", &role("get").replace(", namespace: default", "")), @"error: resource name may not be empty");
    assert_snapshot!(feed("kubectl get rolebinding b -o jsonpath='{.roleRef.name} {.subjects[*].name}'", ""), @"other bob");
}

#[test]
fn raw_requests_go_to_the_server_as_they_are() {
    let mut session = Session::new();
    let new = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"raw"},"data":{"a":"1"}}"#;
    let mut feed = |line: &str, text: &str| session.0.feed(line, text);
    let place = "/api/v1/namespaces/default/configmaps";
    assert_snapshot!(feed(&format!("kubectl create --raw {place} -f -"), new), @r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"raw","namespace":"default","uid":"3401fd5f-ae44-48cb-90ae-4c7404982dd6","resourceVersion":"216","creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{"manager":"kubectl","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:a":{}}}}]},"data":{"a":"1"}}"#);
    assert_snapshot!(feed(&format!("kubectl create --raw {place} -f -"), new), @r#"Error from server (AlreadyExists): configmaps "raw" already exists"#);
    assert_snapshot!(feed(&format!("kubectl replace --raw {place}/raw -f -"), &new.replace('1', "2").replace("v2", "v1")), @r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"raw","namespace":"default","uid":"3401fd5f-ae44-48cb-90ae-4c7404982dd6","resourceVersion":"217","creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{"manager":"kubectl","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:a":{}}}}]},"data":{"a":"2"}}"#);
    assert_snapshot!(feed(&format!("kubectl get --raw {place}/raw"), ""), @r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"raw","namespace":"default","uid":"3401fd5f-ae44-48cb-90ae-4c7404982dd6","resourceVersion":"217","creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{"manager":"kubectl","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:a":{}}}}]},"data":{"a":"2"}}"#);
    assert_snapshot!(feed(&format!("kubectl delete --raw {place}/raw"), ""), @r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"raw","kind":"configmaps","uid":"3401fd5f-ae44-48cb-90ae-4c7404982dd6"}}"#);
    assert_snapshot!(feed(&format!("kubectl delete --raw {place}/raw"), ""), @r#"Error from server (NotFound): configmaps "raw" not found"#);
    assert_snapshot!(feed(&format!("kubectl create --raw {place} -f - -l a=b"), new), @"error: --raw and --selector (-l) are mutually exclusive");
    assert_snapshot!(feed(&format!("kubectl create --raw {place}"), ""), @"error: must specify one of -f and -k");
    assert_snapshot!(feed(&format!("kubectl create --raw {place} -f -"), "a: b"), @"Error from server (BadRequest): the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'a' looking for beginning of value (613a2062)");
    assert_snapshot!(feed("kubectl get --raw nothing", ""), @r#"error: --raw must be a valid URL path: parse "nothing": invalid URI for request"#);
    assert_snapshot!(feed("kubectl get --raw /nothing", ""), @"Error from server (NotFound): the server could not find the requested resource");
}

#[test]
fn raw_requests_are_read_as_go_reads_them() {
    let mut session = Session::new();
    let new = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"raw"}}"#;
    let mut feed = |command: &str, input: &str| session.0.feed(command, input);
    let place = "/api/v1/namespaces/default/configmaps";
    assert_snapshot!(feed(&format!("kubectl create --raw {place}?dryRun=All&dryRun=some&fieldValidation=strict&fieldManager=%01 -f -"), new), @r#"
    The CreateOptions "" is invalid: 
    * fieldManager: Invalid value: "\u0001": invalid character U+0001 (at position 0)
    * dryRun: Unsupported value: ["All","some"]: supported values: "All"
    * fieldValidation: Unsupported value: "strict": supported values: "", "Ignore", "Strict", "Warn"
    "#);
    assert_snapshot!(feed(&format!("kubectl create --raw {place}?dryRun -f -"), new), @r#"The CreateOptions "" is invalid: dryRun: Unsupported value: [""]: supported values: "All""#);
    assert_snapshot!(feed(&format!("kubectl create --raw {place}?fieldValidation= -f -"), new), @r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"raw","namespace":"default","uid":"3401fd5f-ae44-48cb-90ae-4c7404982dd6","resourceVersion":"216","creationTimestamp":"2026-01-01T00:00:00Z"}}"#);
    assert_snapshot!(feed(&format!("kubectl replace --raw {place}/raw?dryRun=Server -f -"), new), @r#"The UpdateOptions "" is invalid: dryRun: Unsupported value: ["Server"]: supported values: "All""#);
    assert_snapshot!(feed(&format!("kubectl delete --raw {place}/raw?propagationPolicy=Later"), ""), @r#"The DeleteOptions "" is invalid: propagationPolicy: Unsupported value: "Later": supported values: "Foreground", "Background", "Orphan", "nil""#);
    assert_snapshot!(feed(&format!("kubectl delete --raw {place}?dryRun=no"), ""), @r#"The DeleteOptions "" is invalid: dryRun: Unsupported value: ["no"]: supported values: "All""#);
    assert_snapshot!(feed(&format!("kubectl delete --raw {place}/raw?dryRun=no --as=jane"), ""), @r#"Error from server (Forbidden): configmaps "raw" is forbidden: User "jane" cannot delete resource "configmaps" in API group "" in the namespace "default""#);
    assert_snapshot!(feed(&format!("kubectl delete --raw {place}/raw -f -"), r#"{"propagationPolicy":"Later"}"#), @r#"The DeleteOptions "" is invalid: propagationPolicy: Unsupported value: "Later": supported values: "Foreground", "Background", "Orphan", "nil""#);
    assert_snapshot!(feed("kubectl delete --raw /api/v1/namespaces/default/config%6daps/%72aw?propagationPolicy=%zz", ""), @r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"raw","kind":"configmaps","uid":"3401fd5f-ae44-48cb-90ae-4c7404982dd6"}}"#);
    assert_snapshot!(feed("kubectl get --raw /api/v1/namespaces/default/configmaps/%zz", ""), @r#"error: --raw must be a valid URL path: parse "/api/v1/namespaces/default/configmaps/%zz": invalid URL escape "%zz""#);
    assert_snapshot!(feed("kubectl get --raw /api/v1/%4", ""), @r#"error: --raw must be a valid URL path: parse "/api/v1/%4": invalid URL escape "%4""#);
}
