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
