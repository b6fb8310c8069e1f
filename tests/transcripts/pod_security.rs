//! Pod security levels of namespaces: what they refuse, what they only warn of.

use insta::assert_snapshot;

use super::Session;

const TIGHT: &str = "{allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: {drop: [ALL]}, \
                     seccompProfile: {type: RuntimeDefault}}";

fn pod(name: &str, spec: &str) -> String {
    format!("{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: safe}}, spec: {{{spec}}}}}")
}

/// A cluster with a namespace of those labels, each without its prefix.
fn labelled(labels: &[&str]) -> Session {
    let mut session = Session::new();
    session.run(&["kubectl create namespace safe"]);
    session.run(&[&label(labels)]);
    session
}

fn label(labels: &[&str]) -> String {
    let labels: Vec<String> = labels.iter().map(|l| format!(" pod-security.kubernetes.io/{l}")).collect();
    format!("kubectl label --overwrite namespace safe{}", labels.concat())
}

#[test]
fn restricted_refuses_what_is_not_locked_down() {
    let mut session = labelled(&["enforce=restricted"]);
    assert_snapshot!(session.run(&["kubectl run web --image=nginx -n safe"]), @r#"
    $ kubectl run web --image=nginx -n safe
    Error from server (Forbidden): pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "web" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "web" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "web" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "web" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
    [exit 1]
    "#);
    let nearly = TIGHT.replace("runAsNonRoot: true", "runAsUser: 0");
    let volumes = "volumes: [{name: h, hostPath: {path: /x}}, {name: share, nfs: {server: s, path: /}}]";
    assert_snapshot!(session.apply(&pod("p", &format!("containers: [{{name: c, image: nginx, securityContext: {nearly}}}], {volumes}"))), @r#"Error from server (Forbidden): error when creating "STDIN": pods "p" is forbidden: violates PodSecurity "restricted:latest": restricted volume types (volumes "h", "share" use restricted volume types "hostPath", "nfs"), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), runAsUser=0 (container "c" must not set runAsUser=0)"#);
    assert_snapshot!(session.apply(&pod("good", &format!("containers: [{{name: c, image: nginx, securityContext: {TIGHT}}}]"))), @"pod/good created");
    assert_snapshot!(session.run(&[
        "kubectl set image -n safe pod/good c=nginx:1.27",
        "kubectl create deployment web --image=nginx -n safe",
        "kubectl scale deployment web --replicas=2 -n safe",
        "kubectl get deployments,pods -n safe",
        "kubectl get deployment web -n safe -o custom-columns=:.status.conditions[2].message --no-headers",
        "kubectl get events -n safe --field-selector=reason=FailedCreate -o jsonpath={.items[0].message}",
    ]), @r#"
    $ kubectl set image -n safe pod/good c=nginx:1.27
    pod/good image updated
    $ kubectl create deployment web --image=nginx -n safe
    Warning: would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "nginx" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "nginx" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "nginx" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "nginx" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
    deployment.apps/web created
    $ kubectl scale deployment web --replicas=2 -n safe
    deployment.apps/web scaled
    $ kubectl get deployments,pods -n safe
    NAME                  READY   UP-TO-DATE   AVAILABLE   AGE
    deployment.apps/web   0/2     0            0           0s

    NAME       READY   STATUS                       RESTARTS   AGE
    pod/good   0/1     CreateContainerConfigError   0          7s
    $ kubectl get deployment web -n safe -o custom-columns=:.status.conditions[2].message --no-headers
    pods "web-76f7849545-5w5qp" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "nginx" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "nginx" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "nginx" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "nginx" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
    $ kubectl get events -n safe --field-selector=reason=FailedCreate -o jsonpath={.items[0].message}
    Error creating: pods "web-76f7849545-5w5qp" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "nginx" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "nginx" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "nginx" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "nginx" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
    "#);
}

#[test]
fn baseline_refuses_what_reaches_the_node() {
    let mut session = labelled(&["enforce=baseline"]);
    let all = "hostNetwork: true, hostPID: true, securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}], seLinuxOptions: {type: \
               spc_t, role: r}, appArmorProfile: {type: Unconfined}, seccompProfile: {type: Unconfined}}, initContainers: [{name: i, image: a, \
               ports: [{containerPort: 443, hostPort: 443}]}], volumes: [{name: h, hostPath: {path: /x}}], containers: [{name: c, image: \
               nginx, ports: [{containerPort: 80, hostPort: 80}], livenessProbe: {tcpSocket: {port: 80, host: example.org}}, \
               securityContext: {privileged: true, capabilities: {add: [NET_ADMIN, KILL, BPF]}}}]";
    assert_snapshot!(session.apply(&pod("all", all)), @r#"Error from server (Forbidden): error when creating "STDIN": pods "all" is forbidden: violates PodSecurity "baseline:latest": forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined"), non-default capabilities (container "c" must not include "BPF", "NET_ADMIN" in securityContext.capabilities.add), host namespaces (hostNetwork=true, hostPID=true), hostPath volumes (volume "h"), hostPort (containers "i", "c" use hostPorts 443, 80), probe or lifecycle host (container "c" uses probe or lifecycle host "example.org"), privileged (container "c" must not set securityContext.privileged=true), seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; role may not be set), seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined"), forbidden sysctls (kernel.msgmax)"#);
    assert_snapshot!(session.run(&["kubectl run web --image=nginx -n safe"]), @r#"
    $ kubectl run web --image=nginx -n safe
    pod/web created
    "#);
    // An older release did not look at probes.
    session.run(&[&label(&["enforce-version=v1.33"])]);
    let probe = "containers: [{name: c, image: nginx, livenessProbe: {tcpSocket: {port: 80, host: example.org}}}]";
    assert_snapshot!(session.apply(&pod("probe", probe)), @"pod/probe created");
    session.run(&[&label(&["enforce-version=v1.34"])]);
    assert_snapshot!(session.apply(&pod("again", probe)), @r#"Error from server (Forbidden): error when creating "STDIN": pods "again" is forbidden: violates PodSecurity "baseline:v1.34": probe or lifecycle host (container "c" uses probe or lifecycle host "example.org")"#);
}

#[test]
fn warnings_let_pass() {
    let mut session = labelled(&["warn=baseline", "warn-version=v1.20"]);
    let host = "hostNetwork: true, containers: [{name: c, image: nginx}]";
    assert_snapshot!(session.apply(&pod("p", host)), @r#"
    Warning: would violate PodSecurity "baseline:v1.20": host namespaces (hostNetwork=true)
    pod/p created
    "#);
    let template = format!("template: {{metadata: {{labels: {{a: b}}}}, spec: {{{host}}}}}");
    let set = format!("selector: {{matchLabels: {{a: b}}}}, {template}");
    let made = |kind: &str, spec: &str| {
        format!("{{apiVersion: {kind}, metadata: {{name: x, namespace: safe}}, spec: {{{spec}}}}}")
    };
    let job = |template: &str| template.replace("spec: {", "spec: {restartPolicy: Never, ");
    assert_snapshot!(session.apply(&made("apps/v1, kind: DaemonSet", &set)), @r#"
    Warning: would violate PodSecurity "baseline:v1.20": host namespaces (hostNetwork=true)
    daemonset.apps/x created
    "#);
    assert_snapshot!(session.apply(&made("batch/v1, kind: CronJob", &format!("schedule: '0 0 1 1 *', jobTemplate: {{spec: {{{}}}}}", job(&template)))), @r#"
    Warning: would violate PodSecurity "baseline:v1.20": host namespaces (hostNetwork=true)
    cronjob.batch/x created
    "#);
    assert_snapshot!(session.run(&["kubectl annotate -n safe daemonset x a=b", "kubectl annotate -n safe pod p a=b"]), @r#"
    $ kubectl annotate -n safe daemonset x a=b
    Warning: would violate PodSecurity "baseline:v1.20": host namespaces (hostNetwork=true)
    daemonset.apps/x annotated
    $ kubectl annotate -n safe pod p a=b
    pod/p annotated
    "#);
}

#[test]
fn a_new_level_warns_of_the_pods_that_are_there() {
    let mut session = labelled(&["audit=restricted"]);
    session.run(&[
        "kubectl run b --image=nginx -n safe",
        "kubectl create deployment web --image=nginx --replicas=3 -n safe",
    ]);
    session.apply(&pod("host", "hostNetwork: true, containers: [{name: c, image: nginx}]"));
    assert_snapshot!(session.run(&[
        &(label(&["enforce=baseline"]) + " --dry-run=server"),
        &label(&["enforce=restricted", "enforce-version=v1.36"]),
        &label(&["enforce=baseline"]),
        &label(&["enforce=none", "warn-version=v2"]),
    ]), @r#"
    $ kubectl label --overwrite namespace safe pod-security.kubernetes.io/enforce=baseline --dry-run=server
    Warning: existing pods in namespace "safe" violate the new PodSecurity enforce level "baseline:latest"
    Warning: host: host namespaces
    namespace/safe labeled (server dry run)
    $ kubectl label --overwrite namespace safe pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/enforce-version=v1.36
    Warning: existing pods in namespace "safe" violate the new PodSecurity enforce level "restricted:v1.36"
    Warning: b (and 3 other pods): allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile
    Warning: host: host namespaces, allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile
    namespace/safe labeled
    $ kubectl label --overwrite namespace safe pod-security.kubernetes.io/enforce=baseline
    namespace/safe labeled
    $ kubectl label --overwrite namespace safe pod-security.kubernetes.io/enforce=none pod-security.kubernetes.io/warn-version=v2
    The Namespace "safe" is invalid: 
    * metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "none": must be one of privileged, baseline, restricted
    * metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "v2": must be "latest" or "v1.x"
    [exit 1]
    "#);
    let new = "{apiVersion: v1, kind: Namespace, metadata: {name: wrong, labels: {pod-security.kubernetes.io/warn: Baseline}}}";
    assert_snapshot!(session.apply(new), @r#"The Namespace "wrong" is invalid: metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "Baseline": must be one of privileged, baseline, restricted"#);
}

#[test]
fn controllers_cannot_make_pods_that_are_refused() {
    let mut session = labelled(&["enforce=baseline"]);
    let spec =
        "metadata: {labels: {a: b}}, spec: {restartPolicy: R, hostPID: true, containers: [{name: c, image: nginx}]}";
    let always = spec.replace("restartPolicy: R, ", "");
    let never = spec.replace("restartPolicy: R", "restartPolicy: Never");
    session.apply(&format!(
        "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: db, namespace: safe}}, spec: {{serviceName: db, selector: \
         {{matchLabels: {{a: b}}}}, template: {{{always}}}}}}}\n---\n{{apiVersion: batch/v1, kind: Job, metadata: {{name: once, \
         namespace: safe}}, spec: {{template: {{{never}}}}}}}"
    ));
    assert_snapshot!(session.run(&[
        "kubectl get events -n safe --field-selector=reason=FailedCreate -o custom-columns=:.involvedObject.kind,:.message",
    ]), @r#"
    $ kubectl get events -n safe --field-selector=reason=FailedCreate -o custom-columns=:.involvedObject.kind,:.message
                  
    StatefulSet   Create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)
    Job           Error creating: pods "once-kg6k7" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)
    Job           Error creating: pods "once-nqmzj" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)
    "#);
}
