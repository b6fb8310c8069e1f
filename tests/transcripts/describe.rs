//! What `kubectl describe` says, now and in older versions.

use std::path::Path;

use insta::assert_snapshot;

use super::Session;
use crate::conformance::shell::Shell;

const THINGS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  nodeSelector: {nowhere: here}
  containers:
  - name: web
    image: nginx
    ports:
    - {name: http, containerPort: 80, hostPort: 8080}
    - {containerPort: 443}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  trafficDistribution: PreferClose
  ports:
  - {port: 80, targetPort: http, appProtocol: kubernetes.io/h2c}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
imagePullSecrets: [{name: absent}]
secrets: [{name: absent-too}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: 0 3 * * *
  timeZone: Europe/Lisbon
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - {name: c, image: busybox, ports: [{name: http, containerPort: 80}]}
"#;

/// What of descriptions has changed since 1.33.
const QUESTIONS: [&str; 8] = [
    "kubectl describe pod web | grep Port",
    "kubectl describe svc web",
    "kubectl describe sa robot",
    "kubectl describe cronjob nightly | grep Port",
    "kubectl describe cronjob nightly | grep 'Time Zone'",
    "kubectl run new --image=nginx",
    "kubectl describe pod new | grep kubelet",
    "kubectl describe node k3d-deadless-agent-0 | grep Version:",
];

fn session(version: u32) -> Session {
    Session(Shell::of_version(Path::new(env!("CARGO_MANIFEST_DIR")), version))
}

#[test]
fn descriptions_tell_what_those_of_kubectl_1_36_tell() {
    let mut session = session(36);
    session.apply(THINGS);
    assert_snapshot!(session.run(&QUESTIONS), @r#"
    $ kubectl describe pod web | grep Port
        Ports:        80/TCP (http), 443/TCP
        Host Ports:   8080/TCP (http), 0/TCP
    $ kubectl describe svc web
    Name:                     web
    Namespace:                default
    Labels:                   <none>
    Annotations:              <none>
    Selector:                 app=web
    Type:                     ClusterIP
    IP Family Policy:         SingleStack
    IP Families:              IPv4
    IP:                       10.43.19.90
    IPs:                      10.43.19.90
    Port:                     <unset>  80/TCP
    TargetPort:               http/TCP
    AppProtocol:              kubernetes.io/h2c
    Endpoints:                
    Session Affinity:         None
    Internal Traffic Policy:  Cluster
    Traffic Distribution:     PreferClose
    Events:                   <none>
    $ kubectl describe sa robot
    Name:                robot
    Namespace:           default
    Labels:              <none>
    Annotations:         <none>
    Image pull secrets:  absent
    Events:              <none>
    $ kubectl describe cronjob nightly | grep Port
        Port:            80/TCP (http)
        Host Port:       0/TCP (http)
    $ kubectl describe cronjob nightly | grep 'Time Zone'
    Time Zone:                     Europe/Lisbon
    $ kubectl run new --image=nginx
    pod/new created
    $ kubectl describe pod new | grep kubelet
      Normal  Pulling    0s    kubelet            spec.containers{new}: Pulling image "nginx"
      Normal  Pulled     0s    kubelet            spec.containers{new}: Successfully pulled image "nginx" in 1.308s (1.308s including waiting). Image size: 2219949 bytes.
      Normal  Created    0s    kubelet            spec.containers{new}: Container created
      Normal  Started    0s    kubelet            spec.containers{new}: Container started
    $ kubectl describe node k3d-deadless-agent-0 | grep Version:
      Kernel Version:             5.16.14-arch1-1
      Container Runtime Version:  containerd://1.5.9-k3s1
      Kubelet Version:            v1.36.2+k3s1
    "#);
}

#[test]
fn descriptions_of_an_older_version_keep_its_words() {
    let mut session = session(33);
    session.apply(THINGS);
    assert_snapshot!(session.run(&QUESTIONS), @r#"
    $ kubectl describe pod web | grep Port
        Ports:        80/TCP, 443/TCP
        Host Ports:   8080/TCP, 0/TCP
    $ kubectl describe svc web
    Name:                     web
    Namespace:                default
    Labels:                   <none>
    Annotations:              <none>
    Selector:                 app=web
    Type:                     ClusterIP
    IP Family Policy:         SingleStack
    IP Families:              IPv4
    IP:                       10.43.19.90
    IPs:                      10.43.19.90
    Port:                     <unset>  80/TCP
    TargetPort:               http/TCP
    Endpoints:                
    Session Affinity:         None
    Internal Traffic Policy:  Cluster
    Events:                   <none>
    $ kubectl describe sa robot
    Name:                robot
    Namespace:           default
    Labels:              <none>
    Annotations:         <none>
    Image pull secrets:  absent (not found)
    Mountable secrets:   absent-too (not found)
    Tokens:              <none>
    Events:              <none>
    $ kubectl describe cronjob nightly | grep Port
        Port:            80/TCP
        Host Port:       0/TCP
    $ kubectl describe cronjob nightly | grep 'Time Zone'
    [exit 1]
    $ kubectl run new --image=nginx
    pod/new created
    $ kubectl describe pod new | grep kubelet
      Normal  Pulling    0s    kubelet            Pulling image "nginx"
      Normal  Pulled     0s    kubelet            Successfully pulled image "nginx" in 1.308s (1.308s including waiting). Image size: 2219949 bytes.
      Normal  Created    0s    kubelet            Created container: new
      Normal  Started    0s    kubelet            Started container new
    $ kubectl describe node k3d-deadless-agent-0 | grep Version:
      Kernel Version:             5.16.14-arch1-1
      Container Runtime Version:  containerd://1.5.9-k3s1
      Kubelet Version:            v1.33.2+k3s1
      Kube-Proxy Version:         v1.33.2+k3s1
    "#);
}

#[test]
fn events_are_shown_for_a_single_object_or_when_they_are_asked_for() {
    let mut session = session(36);
    session.apply(THINGS);
    session.run(&["kubectl run web-2 --image=nginx"]);
    assert_snapshot!(session.run(&[
        "kubectl describe pod web-2 | grep Events",
        "kubectl describe pod web web-2 | grep Events",
        "kubectl describe pod -l app=web | grep Events",
        "kubectl describe pods | grep Events",
        "kubectl describe pods --show-events | grep Events",
        "kubectl describe pod web- | grep Events",
        "kubectl describe pod web- --show-events | grep Events",
        "kubectl describe pod web --show-events=false | grep Events",
        "kubectl describe pod web none | grep Events",
        "kubectl describe sa rob",
        "kubectl describe sa/rob",
        "kubectl describe sa rob def",
    ]), @r#"
    $ kubectl describe pod web-2 | grep Events
    Events:
    $ kubectl describe pod web web-2 | grep Events
    [exit 1]
    $ kubectl describe pod -l app=web | grep Events
    Events:
    $ kubectl describe pods | grep Events
    [exit 1]
    $ kubectl describe pods --show-events | grep Events
    Events:
    Events:
    $ kubectl describe pod web- | grep Events
    [exit 1]
    $ kubectl describe pod web- --show-events | grep Events
    Events:
    $ kubectl describe pod web --show-events=false | grep Events
    [exit 1]
    $ kubectl describe pod web none | grep Events
    [exit 1]
    $ kubectl describe sa rob
    Name:                robot
    Namespace:           default
    Labels:              <none>
    Annotations:         <none>
    Image pull secrets:  absent

    $ kubectl describe sa/rob
    Error from server (NotFound): serviceaccounts "rob" not found
    [exit 1]
    $ kubectl describe sa rob def
    Error from server (NotFound): serviceaccounts "rob" not found
    Error from server (NotFound): serviceaccounts "def" not found
    [exit 1]
    "#);
}
