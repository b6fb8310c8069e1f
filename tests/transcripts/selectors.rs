//! Selectors that say nothing.

use insta::assert_snapshot;

use super::Session;

#[test]
fn an_empty_selector_is_another_fault_than_none() {
    let mut session = Session::new();
    let mut transcript = String::new();
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"] {
        for selector in ["", "selector: {}"] {
            transcript += &session.apply(&format!(
                r#"
apiVersion: apps/v1
kind: {kind}
metadata: {{name: x}}
spec:
  {selector}
  template:
    metadata: {{labels: {{a: b}}}}
    spec: {{containers: [{{name: c, image: busybox}}]}}
"#
            ));
        }
    }
    assert_snapshot!(transcript, @r#"
    The Deployment "x" is invalid: 
    * spec.selector: Required value
    * spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`
    The Deployment "x" is invalid: spec.selector: Invalid value: {}: empty selector is invalid for deployment
    The ReplicaSet "x" is invalid: 
    * spec.selector: Required value
    * spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`
    The ReplicaSet "x" is invalid: spec.selector: Invalid value: {}: empty selector is invalid for deployment
    The StatefulSet "x" is invalid: 
    * spec.selector: Required value
    * spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`
    The StatefulSet "x" is invalid: spec.selector: Invalid value: {}: empty selector is invalid for statefulset
    The DaemonSet "x" is invalid: spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`
    The DaemonSet "x" is invalid: spec.selector: Invalid value: {}: empty selector is invalid for daemonset
    "#);
}
