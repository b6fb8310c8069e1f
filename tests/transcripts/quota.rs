//! When quotas are charged, and when what was charged is given back.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

const QUOTA: &str = r#"
apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec: {hard: {configmaps: "4", services: "3"}}
"#;

const USED: &str = "kubectl get quota q -o jsonpath={.status.used.configmaps}";

#[test]
fn a_name_that_is_taken_uses_quota_until_somebody_counts() {
    let mut session = Session::new();
    session.apply(QUOTA);
    assert_snapshot!(session.run(&[
        "kubectl create configmap a",
        "kubectl create configmap a",
        USED,
        "kubectl create configmap a --dry-run=server",
        "kubectl create configmap A",
        "kubectl create configmap a",
        "kubectl create configmap b",
    ]), @r#"
    $ kubectl create configmap a
    configmap/a created
    $ kubectl create configmap a
    error: failed to create configmap: configmaps "a" already exists
    [exit 1]
    $ kubectl get quota q -o jsonpath={.status.used.configmaps}
    4$ kubectl create configmap a --dry-run=server
    error: failed to create configmap: configmaps "a" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=4, limited: configmaps=4
    [exit 1]
    $ kubectl create configmap A
    error: failed to create configmap: ConfigMap "A" is invalid: metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
    [exit 1]
    $ kubectl create configmap a
    error: failed to create configmap: configmaps "a" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=4, limited: configmaps=4
    [exit 1]
    $ kubectl create configmap b
    error: failed to create configmap: configmaps "b" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=4, limited: configmaps=4
    [exit 1]
    "#);
    // What is deleted has its kind counted anew; else the resync does.
    assert_snapshot!(session.run(&["kubectl delete configmap a", USED, "kubectl create configmap a", "kubectl create configmap a", USED]), @r#"
    $ kubectl delete configmap a
    configmap "a" deleted from default namespace
    $ kubectl get quota q -o jsonpath={.status.used.configmaps}
    2$ kubectl create configmap a
    configmap/a created
    $ kubectl create configmap a
    error: failed to create configmap: configmaps "a" already exists
    [exit 1]
    $ kubectl get quota q -o jsonpath={.status.used.configmaps}
    4
    "#);
    session.0.advance(Duration::secs(300));
    assert_snapshot!(session.run(&[USED]), @r"
    $ kubectl get quota q -o jsonpath={.status.used.configmaps}
    3
    ");
}

#[test]
fn what_a_quota_refuses_is_not_charged_and_a_change_is_charged_with_what_it_adds() {
    let mut session = Session::new();
    session.apply(&QUOTA.replace("services: \"3\"", "services.nodeports: \"1\""));
    let ports = "kubectl get quota q -o jsonpath={.status.used}";
    assert_snapshot!(session.run(&[
        "kubectl create service nodeport two --tcp=80,81",
        "kubectl create service clusterip one --tcp=80",
        ports,
        "kubectl patch service one -p '{\"spec\":{\"type\":\"NodePort\"}}'",
        ports,
        "kubectl patch service one -p '{\"spec\":{\"type\":\"ClusterIP\"}}'",
        ports,
    ]), @r#"
    $ kubectl create service nodeport two --tcp=80,81
    error: failed to create NodePort service: services "two" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1
    [exit 1]
    $ kubectl create service clusterip one --tcp=80
    service/one created
    $ kubectl get quota q -o jsonpath={.status.used}
    {"configmaps":"2","services.nodeports":"0"}$ kubectl patch service one -p '{"spec":{"type":"NodePort"}}'
    service/one patched
    $ kubectl get quota q -o jsonpath={.status.used}
    {"configmaps":"2","services.nodeports":"1"}$ kubectl patch service one -p '{"spec":{"type":"ClusterIP"}}'
    service/one patched
    $ kubectl get quota q -o jsonpath={.status.used}
    {"configmaps":"2","services.nodeports":"0"}
    "#);
}
