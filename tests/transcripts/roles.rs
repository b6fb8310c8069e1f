//! The roles that a cluster is born with, and those that aggregate others.

use insta::assert_snapshot;

use super::Session;

#[test]
fn a_bound_role_lets_its_user_in() {
    let mut session = Session::new();
    let shown = session.run(&[
        "kubectl get clusterroles view -o jsonpath={.aggregationRule}",
        "kubectl get pods --as=jane",
        "kubectl create rolebinding jane --clusterrole=view --user=jane",
        "kubectl get pods --as=jane",
        "kubectl auth can-i list secrets --as=jane",
        "kubectl auth can-i create deployments --as=jane",
        "kubectl auth can-i delete nodes",
    ]);
    assert_snapshot!(shown, @r#"
    $ kubectl get clusterroles view -o jsonpath={.aggregationRule}
    {"clusterRoleSelectors":[{"matchLabels":{"rbac.authorization.k8s.io/aggregate-to-view":"true"}}]}$ kubectl get pods --as=jane
    Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"
    [exit 1]
    $ kubectl create rolebinding jane --clusterrole=view --user=jane
    rolebinding.rbac.authorization.k8s.io/jane created
    $ kubectl get pods --as=jane
    No resources found in default namespace.
    $ kubectl auth can-i list secrets --as=jane
    no
    [exit 1]
    $ kubectl auth can-i create deployments --as=jane
    no
    [exit 1]
    $ kubectl auth can-i delete nodes
    Warning: resource 'nodes' is not namespace scoped

    yes
    "#);
}

#[test]
fn a_role_takes_up_those_with_its_label() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: see-secrets
  labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}
rules:
- {apiGroups: [""], resources: [secrets], verbs: [get]}
"#,
    );
    let shown = session.run(&[
        "kubectl create clusterrolebinding jane --clusterrole=view --user=jane",
        "kubectl auth can-i get secrets --as=jane",
        "kubectl delete clusterrole see-secrets",
        "kubectl auth can-i get secrets --as=jane",
    ]);
    assert_snapshot!(shown, @r#"
    $ kubectl create clusterrolebinding jane --clusterrole=view --user=jane
    clusterrolebinding.rbac.authorization.k8s.io/jane created
    $ kubectl auth can-i get secrets --as=jane
    yes
    $ kubectl delete clusterrole see-secrets
    clusterrole.rbac.authorization.k8s.io "see-secrets" deleted
    $ kubectl auth can-i get secrets --as=jane
    no
    [exit 1]
    "#);
}

#[test]
fn nobody_grants_by_a_role_what_they_do_not_have() {
    let mut session = Session::new();
    session.run(&[
        "kubectl create role author --verb=* --resource=roles,rolebindings",
        "kubectl create role reader --verb=get --resource=pods",
        "kubectl create rolebinding author --role=author --user=jane",
        "kubectl create rolebinding reader --role=reader --user=jane",
        "kubectl create role keeper --verb=get,list --resource=secrets,pods/log --resource-name=a --resource-name=b",
        "kubectl create clusterrolebinding gone --clusterrole=gone --user=jane",
    ]);
    assert_snapshot!(session.run(&[
        "kubectl create role own --verb=get --resource=pods --as=jane",
        "kubectl create role more --verb=get,list,watch --resource=pods,deployments.apps/scale --as=jane --dry-run=server",
        "kubectl create rolebinding b --role=reader --user=bob --as=jane",
        "kubectl create rolebinding c --role=keeper --user=bob --as=jane",
        "kubectl create rolebinding d --clusterrole=none --user=bob --as=jane",
    ]), @r#"
    $ kubectl create role own --verb=get --resource=pods --as=jane
    role.rbac.authorization.k8s.io/own created
    $ kubectl create role more --verb=get,list,watch --resource=pods,deployments.apps/scale --as=jane --dry-run=server
    role.rbac.authorization.k8s.io/more created (server dry run)
    $ kubectl create rolebinding b --role=reader --user=bob --as=jane
    rolebinding.rbac.authorization.k8s.io/b created
    $ kubectl create rolebinding c --role=keeper --user=bob --as=jane
    rolebinding.rbac.authorization.k8s.io/c created
    $ kubectl create rolebinding d --clusterrole=none --user=bob --as=jane
    error: failed to create rolebinding: clusterrole.rbac.authorization.k8s.io "none" not found
    [exit 1]
    "#);
    // What the verb `*` on roles brings: escalating. So their author is let do less.
    session.run(&["kubectl delete role author"]);
    session.run(&["kubectl create role author --verb=create,get,update,patch --resource=roles,rolebindings"]);
    let own = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: own}\nrules:\n\
               - {apiGroups: [''], resources: [pods], verbs: [get, delete]}\n";
    assert_snapshot!(session.run(&[
        "kubectl create role more --verb=get,list,watch --resource=pods,deployments.apps/scale --as=jane --dry-run=server",
        "kubectl delete clusterrolebinding gone",
        "kubectl create rolebinding b2 --role=reader --user=bob --as=jane",
        "kubectl create rolebinding c --role=keeper --user=bob --as=jane",
        "kubectl create rolebinding d --clusterrole=none --user=bob --as=jane",
        "kubectl label role keeper a=b --as=jane",
        "kubectl annotate rolebinding reader a=b --as=jane",
    ]), @r#"
    $ kubectl create role more --verb=get,list,watch --resource=pods,deployments.apps/scale --as=jane --dry-run=server
    Error from server (Forbidden): roles.rbac.authorization.k8s.io "more" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
    {APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}
    {APIGroups:["apps"], Resources:["deployments/scale"], Verbs:["get" "list" "watch"]}; resolution errors: [clusterrole.rbac.authorization.k8s.io "gone" not found]
    [exit 1]
    $ kubectl delete clusterrolebinding gone
    clusterrolebinding.rbac.authorization.k8s.io "gone" deleted
    $ kubectl create rolebinding b2 --role=reader --user=bob --as=jane
    rolebinding.rbac.authorization.k8s.io/b2 created
    $ kubectl create rolebinding c --role=keeper --user=bob --as=jane
    error: failed to create rolebinding: rolebindings.rbac.authorization.k8s.io "c" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
    {APIGroups:[""], Resources:["pods/log"], ResourceNames:["a"], Verbs:["get" "list"]}
    {APIGroups:[""], Resources:["pods/log"], ResourceNames:["b"], Verbs:["get" "list"]}
    {APIGroups:[""], Resources:["secrets"], ResourceNames:["a"], Verbs:["get" "list"]}
    {APIGroups:[""], Resources:["secrets"], ResourceNames:["b"], Verbs:["get" "list"]}
    [exit 1]
    $ kubectl create rolebinding d --clusterrole=none --user=bob --as=jane
    error: failed to create rolebinding: clusterrole.rbac.authorization.k8s.io "none" not found
    [exit 1]
    $ kubectl label role keeper a=b --as=jane
    Error from server (Forbidden): roles.rbac.authorization.k8s.io "keeper" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
    {APIGroups:[""], Resources:["pods/log"], ResourceNames:["a"], Verbs:["get" "list"]}
    {APIGroups:[""], Resources:["pods/log"], ResourceNames:["b"], Verbs:["get" "list"]}
    {APIGroups:[""], Resources:["secrets"], ResourceNames:["a"], Verbs:["get" "list"]}
    {APIGroups:[""], Resources:["secrets"], ResourceNames:["b"], Verbs:["get" "list"]}
    [exit 1]
    $ kubectl annotate rolebinding reader a=b --as=jane
    rolebinding.rbac.authorization.k8s.io/reader annotated
    "#);
    assert_snapshot!(session.0.feed("kubectl apply -f - --as=jane", own), @r#"
    Warning: resource roles/own is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.
    Error from server (Forbidden): error when applying patch:
    {"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"kind\":\"Role\",\"metadata\":{\"annotations\":{},\"name\":\"own\",\"namespace\":\"default\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\",\"delete\"]}]}\n"}},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get","delete"]}]}
    to:
    Resource: "rbac.authorization.k8s.io/v1, Resource=roles", GroupVersionKind: "rbac.authorization.k8s.io/v1, Kind=Role"
    Name: "own", Namespace: "default"
    for: "STDIN": error when patching "STDIN": roles.rbac.authorization.k8s.io "own" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
    {APIGroups:[""], Resources:["pods"], Verbs:["delete"]}
    "#);
    assert_snapshot!(session.0.feed("kubectl apply -f - --server-side --force-conflicts --as=jane", own), @r#"
    Error from server (Forbidden): roles.rbac.authorization.k8s.io "own" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
    {APIGroups:[""], Resources:["pods"], Verbs:["delete"]}
    "#);
    session.run(&[
        "kubectl create role escalator --verb=escalate --resource=roles --resource-name=own",
        "kubectl create rolebinding escalator --role=escalator --user=jane",
        "kubectl create role binder --verb=bind --resource=roles --resource-name=keeper",
        "kubectl create rolebinding binder --role=binder --user=jane",
    ]);
    assert_snapshot!(session.0.feed("kubectl apply -f - --server-side --force-conflicts --as=jane", own), @"role.rbac.authorization.k8s.io/own serverside-applied");
    assert_snapshot!(session.run(&["kubectl create rolebinding e --role=keeper --user=bob --as=jane"]), @"
    $ kubectl create rolebinding e --role=keeper --user=bob --as=jane
    rolebinding.rbac.authorization.k8s.io/e created
    ");
}

#[test]
fn only_admins_aggregate() {
    let mut session = Session::new();
    session.run(&[
        "kubectl create clusterrole author --verb=create,get,update,patch --resource=clusterroles,clusterrolebindings",
        "kubectl create clusterrolebinding author --clusterrole=author --user=jane",
    ]);
    let all = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}\n\
               aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}\n";
    assert_snapshot!(session.0.feed("kubectl create -f - --as=jane", all), @r#"Error from server (Forbidden): error when creating "STDIN": clusterroles.rbac.authorization.k8s.io "all" is forbidden: must have cluster-admin privileges to use the aggregationRule"#);
    assert_snapshot!(session.0.feed("kubectl create -f -", all), @"clusterrole.rbac.authorization.k8s.io/all created");
    assert_snapshot!(session.run(&[
        "kubectl label clusterrole all a=b --as=jane",
        "kubectl create clusterrole logs --verb=get --non-resource-url=/logs --as=jane",
        "kubectl create clusterrolebinding admin --clusterrole=cluster-admin --user=jane --as=jane",
        "kubectl create clusterrolebinding admin --clusterrole=cluster-admin --user=jane --as=jane --as-group=system:masters",
    ]), @r#"
    $ kubectl label clusterrole all a=b --as=jane
    Error from server (Forbidden): clusterroles.rbac.authorization.k8s.io "all" is forbidden: must have cluster-admin privileges to use the aggregationRule
    [exit 1]
    $ kubectl create clusterrole logs --verb=get --non-resource-url=/logs --as=jane
    Error from server (Forbidden): clusterroles.rbac.authorization.k8s.io "logs" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
    {NonResourceURLs:["/logs"], Verbs:["get"]}
    [exit 1]
    $ kubectl create clusterrolebinding admin --clusterrole=cluster-admin --user=jane --as=jane
    error: failed to create clusterrolebinding: clusterrolebindings.rbac.authorization.k8s.io "admin" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
    {APIGroups:["*"], Resources:["*"], Verbs:["*"]}
    {NonResourceURLs:["*"], Verbs:["*"]}
    [exit 1]
    $ kubectl create clusterrolebinding admin --clusterrole=cluster-admin --user=jane --as=jane --as-group=system:masters
    clusterrolebinding.rbac.authorization.k8s.io/admin created
    "#);
}
