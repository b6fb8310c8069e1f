//! What namespaces, limits, quotas and classes let in, in the API server's words.

use std::path::Path;

use insta::assert_snapshot;

use crate::conformance::shell::Shell;

const TEAM: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: team}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: rq, namespace: team}
spec:
  hard: {pods: "2", requests.cpu: "1", limits.memory: 1Gi, configmaps: "2"}
---
apiVersion: v1
kind: LimitRange
metadata: {name: lr, namespace: team}
spec:
  limits:
  - {type: Container, max: {cpu: 800m}, min: {cpu: 100m}, default: {memory: 128Mi}, defaultRequest: {cpu: 200m},
     maxLimitRequestRatio: {cpu: "4"}}
"#;

fn pod(name: &str, resources: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: team}}, spec: {{containers: [{{name: c, image: \
         nginx, resources: {resources}}}]}}}}"
    )
}

fn team() -> Shell {
    let mut shell = Shell::new(Path::new("."));
    shell.feed("kubectl apply -f -", TEAM);
    shell
}

fn run(shell: &mut Shell, line: &str) -> String {
    shell.run(line).expect("a command of ours").0
}

#[test]
fn limits_fill_in_and_refuse() {
    let mut shell = team();
    let made: String =
        [pod("a", "{}"), pod("b", "{limits: {cpu: 900m}}"), pod("c", "{requests: {cpu: 50m}, limits: {cpu: 700m}}")]
            .iter()
            .map(|pod| shell.feed("kubectl apply -f -", pod))
            .collect();
    assert_snapshot!(made, @r#"
    pod/a created
    Error from server (Forbidden): error when creating "STDIN": pods "b" is forbidden: maximum cpu usage per Container is 800m, but limit is 900m
    Error from server (Forbidden): error when creating "STDIN": pods "c" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, cpu max limit to request ratio per Container is 4, but provided ratio is 14.000000]
    "#);
    let resources = "kubectl get pod a -n team -o jsonpath={.spec.containers[0].resources}";
    assert_snapshot!(run(&mut shell, resources), @r#"{"limits":{"cpu":"800m","memory":"128Mi"},"requests":{"cpu":"200m","memory":"128Mi"}}"#);
}

#[test]
fn quotas_count_what_is_there() {
    let mut shell = team();
    let made: String = [
        pod("a", "{requests: {cpu: 600m}, limits: {memory: 512Mi}}"),
        pod("b", "{requests: {cpu: 500m}, limits: {memory: 600Mi}}"),
    ]
    .iter()
    .map(|pod| shell.feed("kubectl apply -f -", pod))
    .collect();
    assert_snapshot!(made, @r#"
    pod/a created
    Error from server (Forbidden): error when creating "STDIN": pods "b" is forbidden: exceeded quota: rq, requested: limits.memory=600Mi,requests.cpu=500m, used: limits.memory=512Mi,requests.cpu=600m, limited: limits.memory=1Gi,requests.cpu=1
    "#);
    assert_snapshot!(run(&mut shell, "kubectl create configmap c -n team; kubectl describe quota -n team"), @r#"
    error: failed to create configmap: configmaps "c" is forbidden: exceeded quota: rq, requested: configmaps=1, used: configmaps=2, limited: configmaps=2
    Name:          rq
    Namespace:     team
    Resource       Used   Hard
    --------       ----   ----
    configmaps     2      2
    limits.memory  512Mi  1Gi
    pods           1      2
    requests.cpu   600m   1
    "#);
    run(&mut shell, "kubectl delete pod a -n team");
    assert_snapshot!(run(&mut shell, "kubectl get quota rq -n team -o jsonpath={.status.used}"), @r#"{"configmaps":"2","limits.memory":"0","pods":"0","requests.cpu":"0"}"#);
}

#[test]
fn namespaces_must_be_there_and_stay() {
    let mut shell = team();
    run(&mut shell, "kubectl delete namespace team --wait=false");
    let told = run(
        &mut shell,
        "kubectl create configmap c -n nowhere; kubectl create configmap c -n team; kubectl delete namespace default",
    );
    assert_snapshot!(told, @r#"
    error: failed to create configmap: namespaces "nowhere" not found
    error: failed to create configmap: configmaps "c" is forbidden: unable to create new content in namespace team because it is being terminated
    Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted
    "#);
}

#[test]
fn priorities_come_from_classes() {
    let mut shell = team();
    let priority = "{metadata: {name: high}, apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, value: 7, \
                    globalDefault: true}";
    shell.feed("kubectl apply -f -", priority);
    let with_class = pod("a", "{}").replace("{containers:", "{priorityClassName: nope, containers:");
    assert_snapshot!(shell.feed("kubectl apply -f -", &with_class), @r#"Error from server (Forbidden): error when creating "STDIN": pods "a" is forbidden: no PriorityClass with name nope was found"#);
    let with_number = pod("a", "{}").replace("{containers:", "{priority: 3, containers:");
    assert_snapshot!(shell.feed("kubectl apply -f -", &with_number), @r#"Error from server (Forbidden): error when creating "STDIN": pods "a" is forbidden: the integer value of priority (3) must not be provided in pod spec; priority admission controller computed 7 from the given PriorityClass name"#);
    shell.feed("kubectl apply -f -", &pod("a", "{}"));
    let got = run(&mut shell, "kubectl get pod a -n team -o jsonpath={.spec.priority}/{.spec.priorityClassName}");
    assert_eq!(got, "7/high");
}
