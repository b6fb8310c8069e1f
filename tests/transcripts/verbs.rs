//! What verbs print that a recording does not show: dry runs, refusals of flags, subresources, and describe's rest.

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
    spec:
      containers:
      - name: nginx
        image: nginx
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
";

#[test]
fn dry_runs_print_what_kubectl_holds() {
    let mut session = Session::new();
    session.apply(WEB);
    assert_snapshot!(session.run(&[
        "kubectl create ns a --dry-run",
        "kubectl patch deploy web --dry-run=client -p '{\"spec\":{\"replicas\":1}}'",
        "kubectl patch deploy web --dry-run=client --type=json -p '[{\"op\":\"remove\",\"path\":\"/spec/none\"}]'",
        "kubectl patch deploy web --dry-run=client -p '{\"metadata\":{\"labels\":{\"app\":null}}}' -o jsonpath={.metadata.labels}",
        "kubectl taint node k3d-deadless-agent-0 a=b:NoSchedule --dry-run=client",
        "kubectl label pod -l app=web x=y --dry-run=client",
    ]), @r#"
    $ kubectl create ns a --dry-run
    W0101 00:00:01.774000       1 helpers.go:719] --dry-run is deprecated and can be replaced with --dry-run=client.
    namespace/a created (dry run)
    $ kubectl patch deploy web --dry-run=client -p '{"spec":{"replicas":1}}'
    deployment.apps/web patched
    $ kubectl patch deploy web --dry-run=client --type=json -p '[{"op":"remove","path":"/spec/none"}]'
    error: error in remove for path: '/spec/none': Unable to remove nonexistent key: none: missing value
    [exit 1]
    $ kubectl patch deploy web --dry-run=client -p '{"metadata":{"labels":{"app":null}}}' -o jsonpath={.metadata.labels}
    {}$ kubectl taint node k3d-deadless-agent-0 a=b:NoSchedule --dry-run=client
    node/k3d-deadless-agent-0 tainted
    $ kubectl label pod -l app=web x=y --dry-run=client
    pod/web-75d444f7ff-2p7j2 labeled (dry run)
    pod/web-75d444f7ff-9l8xj labeled (dry run)
    "#);
}

#[test]
fn subresources_are_objects_of_their_own() {
    let mut session = Session::new();
    session.apply(WEB);
    assert_snapshot!(session.run(&[
        "kubectl get deploy web --subresource=scale",
        "kubectl get deploy web --subresource=scale -o jsonpath='{.kind} {.spec} {.status}'",
        "kubectl patch deploy web --subresource=scale --type=merge -p '{\"spec\":{\"replicas\":3}}'",
        "kubectl get deploy web -o jsonpath={.spec.replicas}",
        "kubectl get deploy web --subresource=none",
        "kubectl get cm kube-root-ca.crt --subresource=status",
        "kubectl get deploy --subresource=status",
    ]), @r#"
    $ kubectl get deploy web --subresource=scale
    NAME   DESIRED   AVAILABLE   AGE
    web    2         2           1s
    $ kubectl get deploy web --subresource=scale -o jsonpath='{.kind} {.spec} {.status}'
    Scale {"replicas":2} {"replicas":2,"selector":"app=web"}$ kubectl patch deploy web --subresource=scale --type=merge -p '{"spec":{"replicas":3}}'
    scale.autoscaling/web patched
    $ kubectl get deploy web -o jsonpath={.spec.replicas}
    3$ kubectl get deploy web --subresource=none
    Error from server (NotFound): the server could not find the requested resource
    [exit 1]
    $ kubectl get cm kube-root-ca.crt --subresource=status
    Error from server (NotFound): the server could not find the requested resource
    [exit 1]
    $ kubectl get deploy --subresource=status
    error: subresource cannot be used when bulk resources are specified
    [exit 1]
    "#);
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let mut session = Session::new();
    session.apply(WEB);
    assert_snapshot!(session.run(&[
        "kubectl get pods --output-watch-events",
        "kubectl get pods --show-labels -o yaml",
        "kubectl get --raw /healthz -o yaml",
        "kubectl get -f manifests/tcm.yaml pods",
        "kubectl get ns kube-public --allow-missing-template-keys=false -o go-template=a{{.none}}",
        "kubectl delete pods --all --field-selector=status.phase=Running",
        "kubectl delete pods --all --now --force",
        "kubectl delete -f manifests/tcm.yaml pod",
        "kubectl apply -f manifests/tcm.yaml --force --dry-run=server",
        "kubectl apply -f manifests/tcm.yaml --prune",
        "kubectl replace -f manifests/tcm.yaml --grace-period=1",
        "kubectl replace",
        "kubectl create -f none -f nothing",
        "kubectl cordon a -l b",
        "kubectl label deploy web app=web --resource-version=1",
        "kubectl rollout history rs -l app=web",
        "kubectl rollout undo svc kubernetes",
        "kubectl auth can-i --list x",
        "kubectl exec web",
        "kubectl exec web ls",
    ]), @r#"
    $ kubectl get pods --output-watch-events
    error: --output-watch-events option can only be used with --watch or --watch-only
    [exit 1]
    $ kubectl get pods --show-labels -o yaml
    error: --show-labels option cannot be used with yaml printer
    [exit 1]
    $ kubectl get --raw /healthz -o yaml
    error: --raw and --output are mutually exclusive
    [exit 1]
    $ kubectl get -f manifests/tcm.yaml pods
    error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well
    [exit 1]
    $ kubectl get ns kube-public --allow-missing-template-keys=false -o go-template=a{{.none}}
    aError executing template: template: output:1:3: executing "output" at <.none>: map has no entry for key "none". Printing more information for debugging the template:
    	template was:
    		a{{.none}}
    	raw data was:
    		{"apiVersion":"v1","kind":"Namespace","metadata":{"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"kubernetes.io/metadata.name":"kube-public"},"managedFields":[{"apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:kubernetes.io/metadata.name":{}}}},"manager":"kube-apiserver","operation":"Update","time":"2026-01-01T00:00:00Z"}],"name":"kube-public","resourceVersion":"3","uid":"841200c7-e845-4609-9dd5-52d616d3e3f6"},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}
    	object given to template engine was:
    		map[apiVersion:v1 kind:Namespace metadata:map[creationTimestamp:2026-01-01T00:00:00Z labels:map[kubernetes.io/metadata.name:kube-public] managedFields:[map[apiVersion:v1 fieldsType:FieldsV1 fieldsV1:map[f:metadata:map[f:labels:map[.:map[] f:kubernetes.io/metadata.name:map[]]]] manager:kube-apiserver operation:Update time:2026-01-01T00:00:00Z]] name:kube-public resourceVersion:3 uid:841200c7-e845-4609-9dd5-52d616d3e3f6] spec:map[finalizers:[kubernetes]] status:map[phase:Active]]

    error: error executing template "a{{.none}}": template: output:1:3: executing "output" at <.none>: map has no entry for key "none"
    [exit 1]
    $ kubectl delete pods --all --field-selector=status.phase=Running
    error: setting 'all' parameter but found a non empty selector. 
    [exit 1]
    $ kubectl delete pods --all --now --force
    error: --force and --grace-period greater than 0 cannot be specified together
    [exit 1]
    $ kubectl delete -f manifests/tcm.yaml pod
    error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well
    [exit 1]
    $ kubectl apply -f manifests/tcm.yaml --force --dry-run=server
    error: --dry-run=server cannot be used with --force
    [exit 1]
    $ kubectl apply -f manifests/tcm.yaml --prune
    error: all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector
    [exit 1]
    $ kubectl replace -f manifests/tcm.yaml --grace-period=1
    error: --grace-period must have --force specified
    [exit 1]
    $ kubectl replace
    error: must specify one of -f and -k
    [exit 1]
    $ kubectl create -f none -f nothing
    the path "none" does not exist
    the path "nothing" does not exist
    [exit 1]
    $ kubectl cordon a -l b
    error: cannot specify both a node name and a --selector option
    See 'kubectl cordon -h' for help and examples
    [exit 1]
    $ kubectl label deploy web app=web --resource-version=1
    deployment.apps/web not labeled
    $ kubectl rollout history rs -l app=web
    error: no history viewer has been implemented for "ReplicaSet.apps"
    [exit 1]
    $ kubectl rollout undo svc kubernetes
    error: error retrieving rollbacker for "Service", no visitor method exists for { Service}
    [exit 1]
    $ kubectl auth can-i --list x
    error: list option must be specified with no arguments
    [exit 1]
    $ kubectl exec web
    error: you must specify at least one command for the container
    [exit 1]
    $ kubectl exec web ls
    error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead
    See 'kubectl exec -h' for help and examples
    [exit 1]
    "#);
}

#[test]
fn replace_forgets_what_was_applied_and_force_makes_anew() {
    let mut session = Session::new();
    session.apply(WEB);
    assert_snapshot!(session.run(&["kubectl get deploy web -o jsonpath={.metadata.generation}"]), @r"
    $ kubectl get deploy web -o jsonpath={.metadata.generation}
    1
    ");
    let replaced = session.0.feed("kubectl replace -f -", WEB);
    let forced = session.0.feed("kubectl replace --force -f -", WEB);
    assert_snapshot!(replaced + &forced, @r#"
    deployment.apps/web replaced
    deployment.apps "web" deleted from default namespace
    deployment.apps/web replaced
    "#);
    assert_snapshot!(session.apply(WEB), @r"
    Warning: resource deployments/web is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.
    deployment.apps/web configured
    ");
    let changed = WEB
        .replace("matchLabels: {app: web}", "matchLabels: {app: api}")
        .replace("metadata: {labels: {app: web}}", "metadata: {labels: {app: api}}");
    assert_snapshot!(session.0.feed("kubectl apply --force -f -", &changed), @"deployment.apps/web configured");
}

#[test]
fn waiting_shares_one_time_among_all_objects() {
    let mut session = Session::new();
    session.apply(WEB);
    session.run(&["kubectl run a --image=does-not-exist", "kubectl run b --image=nginx"]);
    assert_snapshot!(session.run(&[
        "kubectl wait pod b --for=jsonpath={.status.phase}=Running --timeout=1s",
        "kubectl wait pod a b --for=condition=Ready --timeout=1s",
        "kubectl wait pod a --for=condition=Ready --timeout=0",
        "kubectl wait pod b --for=jsonpath={.status}=x --timeout=1s",
        "kubectl wait pod b --for=jsonpath= --timeout=1s",
        "kubectl wait pod none --for=create --timeout=1s",
        "kubectl wait pod b",
    ]), @"
    $ kubectl wait pod b --for=jsonpath={.status.phase}=Running --timeout=1s
    pod/b condition met
    $ kubectl wait pod a b --for=condition=Ready --timeout=1s
    timed out waiting for the condition on pods/a
    timed out waiting for the condition on pods/b
    [exit 1]
    $ kubectl wait pod a --for=condition=Ready --timeout=0
    error: condition not met for pods/a
    [exit 1]
    $ kubectl wait pod b --for=jsonpath={.status}=x --timeout=1s
    error: jsonpath leads to a nested object or list which is not supported
    [exit 1]
    $ kubectl wait pod b --for=jsonpath= --timeout=1s
    error: jsonpath expression cannot be empty
    [exit 1]
    $ kubectl wait pod none --for=create --timeout=1s
    error: timed out waiting for the condition
    [exit 1]
    $ kubectl wait pod b
    error: unrecognized condition: []
    [exit 1]
    ");
}

#[test]
fn describe_shows_what_kubectl_can_tell() {
    let mut session = Session::new();
    session.apply(WEB);
    session.run(&["kubectl create cronjob c --image=busybox --schedule='0 0 * * *'"]);
    let pod = session.run(&["kubectl describe pods"]);
    let node = pod.lines().find(|line| line.contains("NODE:")).unwrap_or_default();
    assert_snapshot!(node.trim(), @"NODE:   (v1:spec.nodeName)");
    let nodes = session.run(&["kubectl describe node k3d-deadless-agent-0"]);
    assert!(!nodes.contains("Kube-Proxy Version"), "{nodes}");
    let cron = session.run(&["kubectl describe cronjob c"]);
    assert!(cron.contains("\nTime Zone:                     <unset>\n"), "{cron}");
    let events = session.run(&["kubectl describe events"]);
    assert!(events.contains("\nEvent Time:       <nil>\n"), "{events}");
    assert_snapshot!(session.run(&["kubectl describe csinodes", "kubectl events --for deploy/web -o jsonpath={.kind}"]), @r"
    $ kubectl describe csinodes
    No resources found in default namespace.
    $ kubectl events --for deploy/web -o jsonpath={.kind}
    EventList
    ");
}
