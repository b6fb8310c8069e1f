//! Which pods are refused, and what defaults fill in.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::api::k8s::api::core::v1::Pod;
use crate::kinds::Strategy;
use crate::kinds::core::pod::{resources, validation, warnings};

/// A pod as it stands after defaulting.
fn pod(tree: Value) -> Pod {
    let mut pod: Pod = serde_json::from_value(tree).expect("a pod");
    pod.set_defaults();
    pod
}

fn with_spec(spec: Value) -> Pod {
    pod(json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec}))
}

fn faults(pod: &Pod) -> String {
    validation::validate_pod_create(pod).iter().map(|f| format!("{f}\n")).collect()
}

#[test]
fn sets_what_the_server_sets() {
    let pod = with_spec(json!({
        "containers": [{
            "name": "c",
            "image": "registry:5000/nginx@sha256:0123456789012345678901234567890123456789012345678901234567890123",
            "ports": [{"containerPort": 80}],
            "livenessProbe": {"httpGet": {"port": 80}},
            "resources": {"limits": {"cpu": "0.5"}},
        }, {"name": "d", "image": "nginx"}],
        "volumes": [{"name": "v"}, {"name": "s", "secret": {"secretName": "s"}}],
    }));
    assert_snapshot!(serde_json::to_string(&pod.spec).expect("JSON"), @r#"{"containers":[{"image":"registry:5000/nginx@sha256:0123456789012345678901234567890123456789012345678901234567890123","imagePullPolicy":"IfNotPresent","livenessProbe":{"failureThreshold":3,"httpGet":{"path":"/","port":80,"scheme":"HTTP"},"periodSeconds":10,"successThreshold":1,"timeoutSeconds":1},"name":"c","ports":[{"containerPort":80,"protocol":"TCP"}],"resources":{"limits":{"cpu":"0.5"},"requests":{"cpu":"0.5"}},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"},{"image":"nginx","imagePullPolicy":"Always","name":"d","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","enableServiceLinks":true,"restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30,"volumes":[{"emptyDir":{},"name":"v"},{"name":"s","secret":{"defaultMode":420,"secretName":"s"}}]}"#);
}

#[test]
fn says_what_is_wrong_in_the_servers_order() {
    let pod = with_spec(json!({
        "restartPolicy": "Sometimes",
        "containers": [
            {"name": "A", "image": "nginx", "volumeMounts": [{"name": "nope", "mountPath": "/a"}],
             "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
            {"name": "b", "env": [{"name": "X", "valueFrom": {}}]},
        ],
        "volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}, {"name": "v"}],
        "topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}],
    }));
    assert_snapshot!(faults(&pod), @r#"
    spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type
    spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
    spec.containers[0].volumeMounts[0].name: Not found: "nope"
    spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1
    spec.containers[1].image: Required value
    spec.containers[1].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`
    spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"
    spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero
    "#);
}

#[test]
fn an_update_shows_what_it_may_not_change() {
    let old = with_spec(json!({"containers": [{"name": "c", "image": "nginx:1"}]}));
    let new = with_spec(json!({"containers": [{"name": "c", "image": "nginx:2"}], "nodeName": "n1"}));
    let mut image_only = old.clone();
    image_only.spec.iter_mut().flat_map(|s| &mut s.containers).for_each(|c| c.image = Some("nginx:3".into()));
    assert!(validation::validate_pod_update(&image_only, &old).is_empty());
    let faults = validation::validate_pod_update(&new, &old);
    assert_snapshot!(faults.iter().map(|f| f.to_string()).collect::<Vec<_>>().join("\n"), @r#"
    spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
    @@ -42,7 +42,7 @@
      "NodeSelector": null,
      "ServiceAccountName": "",
      "AutomountServiceAccountToken": null,
    - "NodeName": "",
    + "NodeName": "n1",
      "SecurityContext": {
       "HostNetwork": false,
       "HostPID": false,
    "#);
}

#[test]
fn quality_of_service_follows_requests_and_limits() {
    let qos = |resources: Value| {
        let pod = with_spec(json!({"containers": [{"name": "c", "image": "i", "resources": resources}]}));
        resources::compute_pod_qos(pod.spec.as_ref().expect("a spec"))
    };
    assert_eq!(qos(json!({})), "BestEffort");
    assert_eq!(qos(json!({"requests": {"cpu": "1"}})), "Burstable");
    assert_eq!(qos(json!({"limits": {"cpu": "1", "memory": "1Gi"}})), "Guaranteed");
    assert_eq!(qos(json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}})), "Burstable");
    // Zero is as good as nothing.
    assert_eq!(qos(json!({"limits": {"cpu": "0", "memory": "0"}})), "BestEffort");
}

#[test]
fn warns_of_what_will_surprise() {
    let pod = pod(json!({
        "metadata": {"name": "a.b"},
        "spec": {
            "nodeSelector": {"beta.kubernetes.io/os": "linux"},
            "containers": [{
                "name": "c",
                "image": "x",
                "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
                "ports": [{"containerPort": 80}, {"containerPort": 80}],
            }],
        },
    }));
    assert_snapshot!(warnings::warnings_for_pod(&pod).join("\n"), @r#"
    metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]
    spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead
    spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply
    spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]
    "#);
}
