//! What a user may do who is impersonated: RBAC as the server judges it, for reads and writes.

use insta::assert_snapshot;

use super::Session;

#[test]
fn roles_say_what_a_user_may_do() {
    let mut session = Session::new();
    session.run(&[
        "kubectl create role reader --verb=get,list --resource=pods,pods/log --verb=watch",
        "kubectl create rolebinding readers --role=reader --user=jane --group=devs --serviceaccount=default:bot",
        "kubectl create clusterrole nodes --verb=get --resource=nodes",
        "kubectl create clusterrolebinding nodes --clusterrole=nodes --group=devs",
        "kubectl run web --image=nginx",
    ]);
    assert_snapshot!(session.run(&[
        "kubectl auth can-i --list --as=jane",
        "kubectl auth can-i get nodes --as=x --as-group=devs",
        "kubectl auth can-i list pods --as=system:serviceaccount:default:bot",
        "kubectl auth can-i get /version --as=jane",
        "kubectl auth can-i get /logs --as=jane",
        "kubectl auth can-i get pods --subresource=log --as=jane",
    ]), @"
    $ kubectl auth can-i --list --as=jane
    Resources                                       Non-Resource URLs   Resource Names   Verbs
    selfsubjectreviews.authentication.k8s.io        []                  []               [create]
    selfsubjectaccessreviews.authorization.k8s.io   []                  []               [create]
    selfsubjectrulesreviews.authorization.k8s.io    []                  []               [create]
    pods/log                                        []                  []               [get list watch]
    pods                                            []                  []               [get list watch]
                                                    [/.well-known/*]    []               [get]
                                                    [/.well-known]      []               [get]
                                                    [/api/*]            []               [get]
                                                    [/api]              []               [get]
                                                    [/apis/*]           []               [get]
                                                    [/apis]             []               [get]
                                                    [/healthz]          []               [get]
                                                    [/healthz]          []               [get]
                                                    [/livez]            []               [get]
                                                    [/livez]            []               [get]
                                                    [/openapi/*]        []               [get]
                                                    [/openapi]          []               [get]
                                                    [/readyz]           []               [get]
                                                    [/readyz]           []               [get]
                                                    [/version/]         []               [get]
                                                    [/version/]         []               [get]
                                                    [/version]          []               [get]
                                                    [/version]          []               [get]
    $ kubectl auth can-i get nodes --as=x --as-group=devs
    Warning: resource 'nodes' is not namespace scoped

    yes
    $ kubectl auth can-i list pods --as=system:serviceaccount:default:bot
    yes
    $ kubectl auth can-i get /version --as=jane
    yes
    $ kubectl auth can-i get /logs --as=jane
    no
    [exit 1]
    $ kubectl auth can-i get pods --subresource=log --as=jane
    yes
    ");
    assert_snapshot!(session.run(&[
        "kubectl get pod web --as=jane -o name",
        "kubectl get nodes --as=jane",
        "kubectl delete pod web --as=jane",
        "kubectl delete pod none --as=bob",
        "kubectl create cm a --as=jane",
        "kubectl create deploy d --image=nginx --as=jane -n kube-system",
        "kubectl label pod web a=b --as=jane",
        "kubectl run x --image=nginx --as=jane",
        "kubectl scale deploy d --replicas=1 --as=jane",
    ]), @r#"
    $ kubectl get pod web --as=jane -o name
    pod/web
    $ kubectl get nodes --as=jane
    Error from server (Forbidden): nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope
    [exit 1]
    $ kubectl delete pod web --as=jane
    Error from server (Forbidden): pods "web" is forbidden: User "jane" cannot delete resource "pods" in API group "" in the namespace "default"
    [exit 1]
    $ kubectl delete pod none --as=bob
    Error from server (Forbidden): pods "none" is forbidden: User "bob" cannot delete resource "pods" in API group "" in the namespace "default"
    [exit 1]
    $ kubectl create cm a --as=jane
    error: failed to create configmap: configmaps is forbidden: User "jane" cannot create resource "configmaps" in API group "" in the namespace "default"
    [exit 1]
    $ kubectl create deploy d --image=nginx --as=jane -n kube-system
    error: failed to create deployment: deployments.apps is forbidden: User "jane" cannot create resource "deployments" in API group "apps" in the namespace "kube-system"
    [exit 1]
    $ kubectl label pod web a=b --as=jane
    Error from server (Forbidden): pods "web" is forbidden: User "jane" cannot patch resource "pods" in API group "" in the namespace "default"
    [exit 1]
    $ kubectl run x --image=nginx --as=jane
    Error from server (Forbidden): pods is forbidden: User "jane" cannot create resource "pods" in API group "" in the namespace "default"
    [exit 1]
    $ kubectl scale deploy d --replicas=1 --as=jane
    Error from server (Forbidden): deployments.apps "d" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" in the namespace "default"
    [exit 1]
    "#);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: nginx}]}\n";
    assert_snapshot!(session.0.feed("kubectl apply -f - --as=bob", pod), @r#"
    Error from server (Forbidden): error when retrieving current configuration of:
    Resource: "/v1, Resource=pods", GroupVersionKind: "/v1, Kind=Pod"
    Name: "web", Namespace: "default"
    from server for: "STDIN": pods "web" is forbidden: User "bob" cannot get resource "pods" in API group "" in the namespace "default"
    "#);
}

#[test]
fn extras_are_part_of_who_is_impersonated() {
    assert_snapshot!(Session::new().run(&[
        "kubectl auth whoami --as=jane --as-uid=7 --as-user-extra=scopes=a --as-user-extra=scopes=b --as-user-extra=Team=x",
    ]), @"
    $ kubectl auth whoami --as=jane --as-uid=7 --as-user-extra=scopes=a --as-user-extra=scopes=b --as-user-extra=Team=x
    ATTRIBUTE       VALUE
    Username        jane
    UID             7
    Groups          [system:authenticated]
    Extra: scopes   [a b]
    Extra: team     [x]
    ");
}

#[test]
fn a_right_reaches_no_further_than_what_it_names() {
    let mut session = Session::new();
    session.run(&[
        "kubectl run p1 --image=nginx",
        "kubectl create deploy d --image=nginx",
        "kubectl create cm c1",
        "kubectl create role part --verb=create --resource=pods/binding --resource-name=p1",
        "kubectl create rolebinding part --role=part --user=bob",
        "kubectl create role exec --verb=get,create --resource=pods/exec",
        "kubectl create rolebinding exec --role=exec --user=execer",
        "kubectl create role clear --verb=deletecollection --resource=configmaps --resource-name=c1",
        "kubectl create rolebinding clear --role=clear --user=dcol",
        "kubectl create rolebinding here --clusterrole=cluster-admin --user=jane",
    ]);
    let mut post = |line: &str, body: &str| session.0.feed(line, body);
    let pods = "/api/v1/namespaces/default/pods";
    // The name that was judged is the one that is acted on.
    assert_snapshot!(post(&format!("kubectl create --raw {pods}/p1/binding -f - --as=bob"), r#"{"metadata":{"name":"victim"},"target":{"name":"n"}}"#), @"Error from server (BadRequest): name in URL does not match name in Binding object");
    for body in ["{", r#"{"kind":"Pod"}"#, r#"{"metadata":{"name":5}}"#, "{}"] {
        let said = post(&format!("kubectl create --raw {pods}/p1/eviction -f -"), body);
        assert!(said.contains("BadRequest"), "{body}: {said}");
    }
    let dry = r#"{"metadata":{"name":"p1"},"deleteOptions":{"dryRun":["Foo"]}}"#;
    assert_snapshot!(post(&format!("kubectl create --raw {pods}/p1/eviction -f -"), dry), @r#"The DeleteOptions "" is invalid: dryRun: Unsupported value: ["Foo"]: supported values: "All""#);
    assert_snapshot!(post("kubectl replace --raw /apis/apps/v1/namespaces/default/deployments/d/scale -f -", "{}"), @"Error from server (BadRequest): the name of the object (d based on URL) was undeterminable: name must be provided");
    assert_snapshot!(session.run(&[
        "kubectl get --raw /api/v1/namespaces/default/pods/p1/exec --as=execer",
        "kubectl delete --raw '/api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Dc1' --as=dcol",
        "kubectl get --raw /api/v1/namespaces/default/componentstatuses --as=jane",
        "kubectl get ns default --as=jane -o name",
        "kubectl get ns kube-system --as=jane",
        "kubectl get deploy,pods,cm -o name",
    ]), @r#"
    $ kubectl get --raw /api/v1/namespaces/default/pods/p1/exec --as=execer
    Error from server (BadRequest): Upgrade request required
    [exit 1]
    $ kubectl delete --raw '/api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Dc1' --as=dcol
    Error from server (Forbidden): configmaps is forbidden: User "dcol" cannot deletecollection resource "configmaps" in API group "" in the namespace "default"
    [exit 1]
    $ kubectl get --raw /api/v1/namespaces/default/componentstatuses --as=jane
    Error from server (NotFound): the server could not find the requested resource
    [exit 1]
    $ kubectl get ns default --as=jane -o name
    namespace/default
    $ kubectl get ns kube-system --as=jane
    Error from server (Forbidden): namespaces "kube-system" is forbidden: User "jane" cannot get resource "namespaces" in API group "" in the namespace "kube-system"
    [exit 1]
    $ kubectl get deploy,pods,cm -o name
    deployment.apps/d
    pod/d-5d86c56fdc-t52q8
    pod/p1
    configmap/c1
    configmap/kube-root-ca.crt
    configmap/openshift-service-ca.crt
    "#);
}

#[test]
fn nobody_acts_from_outside_as_somebody_else() {
    assert_snapshot!(Session::new().run(&["kstate undo --as=jane", "kstate clock advance 1h --as-group=devs --as=x"]), @"
    $ kstate undo --as=jane
    error: impersonation is for kubectl's commands: this one acts on the cluster as a whole
    [exit 1]
    $ kstate clock advance 1h --as-group=devs --as=x
    error: impersonation is for kubectl's commands: this one acts on the cluster as a whole
    [exit 1]
    ");
}

#[test]
fn what_is_wrong_with_a_request_for_a_token_is_said_before_it_is_made() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl create token",
        "kubectl create token default --duration=-1s",
        "kubectl create token default --duration=1500ms",
        "kubectl create token default --audience=",
        "kubectl create token default --bound-object-name=x",
        "kubectl create token default --bound-object-uid=x",
        "kubectl create token default --bound-object-kind=ConfigMap",
        "kubectl create token default --bound-object-kind=Pod",
    ]), @"
    $ kubectl create token
    error: exactly one NAME is required, got 0
    See 'kubectl create token -h' for help and examples
    [exit 1]
    $ kubectl create token default --duration=-1s
    error: --duration must be greater than or equal to 0
    [exit 1]
    $ kubectl create token default --duration=1500ms
    error: --duration cannot be expressed in units less than seconds
    [exit 1]
    $ kubectl create token default --audience=
    error: --audience must not be an empty string
    [exit 1]
    $ kubectl create token default --bound-object-name=x
    error: --bound-object-name can only be set if --bound-object-kind is provided
    [exit 1]
    $ kubectl create token default --bound-object-uid=x
    error: --bound-object-uid can only be set if --bound-object-kind is provided
    [exit 1]
    $ kubectl create token default --bound-object-kind=ConfigMap
    error: supported --bound-object-kind values are Node, Pod, Secret
    [exit 1]
    $ kubectl create token default --bound-object-kind=Pod
    error: --bound-object-name is required if --bound-object-kind is provided
    [exit 1]
    ");
}
