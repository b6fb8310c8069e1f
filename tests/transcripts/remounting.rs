//! What a running pod hears of an object that its volume is made of and that is deleted.

use insta::assert_snapshot;

use super::Session;

const POD: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: one}
---
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  containers: [{name: c, image: busybox, command: [sleep, "100000"], volumeMounts: [{name: settings, mountPath: /etc/settings}]}]
  volumes: [{name: settings, configMap: {name: settings}}]
"#;

#[test]
fn a_config_map_that_goes_while_its_pod_runs() {
    let mut session = Session::new();
    session.apply(POD);
    assert_snapshot!(session.run(&[
        "kubectl wait --for=condition=Ready pod/reader",
        "kubectl delete configmap settings",
        "kstate clock advance 5m",
        "kubectl get pod reader --no-headers",
        "kubectl exec reader -- cat /etc/settings/a",
        "kubectl get events --field-selector reason=FailedMount -o custom-columns=TYPE:.type,N:.count,FROM:.source.component,MESSAGE:.message",
        "kubectl create configmap settings --from-literal=a=two",
        "kstate clock advance 5m",
        "kubectl exec reader -- cat /etc/settings/a",
        "kubectl get events --field-selector reason=FailedMount -o custom-columns=N:.count",
    ]), @r#"
    $ kubectl wait --for=condition=Ready pod/reader
    pod/reader condition met
    $ kubectl delete configmap settings
    configmap "settings" deleted from default namespace
    $ kstate clock advance 5m
    2026-01-01T00:05:01Z (manual)
    $ kubectl get pod reader --no-headers
    reader   1/1   Running   0     5m1s
    $ kubectl exec reader -- cat /etc/settings/a
    one$ kubectl get events --field-selector reason=FailedMount -o custom-columns=TYPE:.type,N:.count,FROM:.source.component,MESSAGE:.message
    TYPE      N     FROM      MESSAGE
    Warning   10    kubelet   MountVolume.SetUp failed for volume "settings" : configmap "settings" not found
    $ kubectl create configmap settings --from-literal=a=two
    configmap/settings created
    $ kstate clock advance 5m
    2026-01-01T00:10:01Z (manual)
    $ kubectl exec reader -- cat /etc/settings/a
    two$ kubectl get events --field-selector reason=FailedMount -o custom-columns=N:.count
    N
    10
    "#);
}
