//! AppArmor profiles in annotations, which Kubernetes 1.30 turned into fields.

use insta::assert_snapshot;

use super::Session;

fn pod(annotation: &str, of_pod: &str, of_container: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p, annotations: {{container.apparmor.security.beta.kubernetes.io/c: \
         {annotation}}}}}, spec: {{securityContext: {{{of_pod}}}, containers: [{{name: c, image: nginx, \
         securityContext: {{{of_container}}}}}]}}}}"
    )
}

fn made(annotation: &str, of_pod: &str, of_container: &str) -> String {
    let line = "kubectl create --dry-run=server -f - -o jsonpath={.spec.containers[0].securityContext}";
    Session::new().0.feed(line, &pod(annotation, of_pod, of_container)) + "\n"
}

#[test]
fn an_annotation_becomes_a_field() {
    assert_snapshot!(made("runtime/default", "", ""), @r#"
    Warning: metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead
    {"appArmorProfile":{"type":"RuntimeDefault"}}
    "#);
    assert_snapshot!(made("localhost/tight", "", "privileged: true"), @r#"
    Warning: metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead
    {"appArmorProfile":{"localhostProfile":"tight","type":"Localhost"},"privileged":true}
    "#);
    // What the pod has says it already.
    assert_snapshot!(made("unconfined", "appArmorProfile: {type: Unconfined}", ""), @"{}");
    assert_snapshot!(made("unconfined", "appArmorProfile: {type: RuntimeDefault}", ""), @r#"
    Warning: metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead
    {"appArmorProfile":{"type":"Unconfined"}}
    "#);
    // No field can say this.
    assert_snapshot!(made("localhost/", "", ""), @r#"
    Warning: metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead
    {}
    "#);
}

#[test]
fn an_annotation_may_not_contradict_a_field() {
    assert_snapshot!(made("unconfined", "", "appArmorProfile: {type: RuntimeDefault}"), @r#"The Pod "p" is invalid: spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match"#);
    assert_snapshot!(made("localhost/a", "", "appArmorProfile: {type: Localhost, localhostProfile: b}"), @r#"The Pod "p" is invalid: spec.containers[0].securityContext.appArmorProfile.localhostProfile: Forbidden: apparmor profile in annotation and field must match"#);
    let template = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: \
         {labels: {a: b}, annotations: {container.apparmor.security.beta.kubernetes.io/c: unconfined}}, spec: {securityContext: \
         {appArmorProfile: {type: RuntimeDefault}}, containers: [{name: c, image: nginx}]}}}}";
    assert_snapshot!(Session::new().apply(template), @r#"The Deployment "d" is invalid: spec.template.spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match"#);
    // A template keeps its annotation; the pods made of it get the field.
    let mut session = Session::new();
    assert_snapshot!(session.apply(&template.replace("appArmorProfile: {type: RuntimeDefault}", "")), @r#"
    Warning: spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead
    deployment.apps/d created
    "#);
    let profile = "jsonpath='{.items[*].spec.containers[0].securityContext}'";
    assert_snapshot!(session.run(&[&format!("kubectl get pods -o {profile}")]), @r#"
    $ kubectl get pods -o jsonpath='{.items[*].spec.containers[0].securityContext}'
    {"appArmorProfile":{"type":"Unconfined"}}
    "#);
}
