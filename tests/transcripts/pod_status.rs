//! What a kubelet writes into a pod's status.

use std::path::Path;

use insta::assert_snapshot;

use super::Session;
use crate::conformance::shell::Shell;

const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  automountServiceAccountToken: false
  nodeName: k3d-deadless-agent-0
  readinessGates: [{conditionType: example.com/served}]
  initContainers:
  - {name: prepare, image: busybox, resources: {limits: {memory: 32Mi}}}
  containers:
  - name: web
    image: nginx
    resources: {requests: {cpu: 0.1, memory: 64Mi}, limits: {memory: 64Mi}}
    volumeMounts:
    - {name: v, mountPath: /a}
    - {name: v, mountPath: /b, readOnly: true}
    - {name: v, mountPath: /c, readOnly: true, recursiveReadOnly: Enabled, mountPropagation: None}
  - {name: beside, image: busybox}
  volumes: [{name: v, emptyDir: {}}]
"#;

/// A status without what is drawn by lot.
fn status(session: &mut Session) -> String {
    let (text, _) = session.0.run("kubectl get pod web -o yaml").expect("a command of ours");
    let status = text.split_once("\nstatus:\n").expect("a status").1;
    let lots = regex::Regex::new("(containerd://|sha256:)[0-9a-f]{64}").expect("a pattern");
    lots.replace_all(status, "$1...").into_owned()
}

#[test]
fn a_status_has_all_that_the_newest_kubelet_writes() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", POD);
    assert_snapshot!(status(&mut session), @r#"
    conditions:
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:00Z"
      observedGeneration: 1
      status: "False"
      type: PodReadyToStartContainers
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:00Z"
      message: 'containers with incomplete status: [prepare]'
      observedGeneration: 1
      reason: ContainersNotInitialized
      status: "False"
      type: Initialized
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:00Z"
      message: 'containers with unready status: [web beside]'
      observedGeneration: 1
      reason: ContainersNotReady
      status: "False"
      type: Ready
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:00Z"
      message: 'containers with unready status: [web beside]'
      observedGeneration: 1
      reason: ContainersNotReady
      status: "False"
      type: ContainersReady
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:00Z"
      observedGeneration: 1
      status: "True"
      type: PodScheduled
    containerStatuses:
    - image: busybox
      imageID: ""
      lastState: {}
      name: beside
      ready: false
      restartCount: 0
      started: false
      state:
        waiting:
          reason: PodInitializing
    - image: nginx
      imageID: ""
      lastState: {}
      name: web
      ready: false
      restartCount: 0
      started: false
      state:
        waiting:
          reason: PodInitializing
      volumeMounts:
      - mountPath: /a
        name: v
      - mountPath: /b
        name: v
        readOnly: true
        recursiveReadOnly: Disabled
      - mountPath: /c
        name: v
        readOnly: true
        recursiveReadOnly: Enabled
    hostIP: 172.18.0.3
    hostIPs:
    - ip: 172.18.0.3
    initContainerStatuses:
    - image: busybox
      imageID: ""
      lastState: {}
      name: prepare
      ready: false
      restartCount: 0
      started: false
      state:
        waiting:
          reason: PodInitializing
    observedGeneration: 1
    phase: Pending
    qosClass: Burstable
    startTime: "2026-01-01T00:00:00Z"
    "#);
    session.0.settle();
    assert_snapshot!(status(&mut session), @r#"
    conditions:
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:01Z"
      observedGeneration: 1
      status: "True"
      type: PodReadyToStartContainers
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:03Z"
      observedGeneration: 1
      status: "True"
      type: Initialized
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:00Z"
      message: corresponding condition of pod readiness gate "example.com/served" does
        not exist.
      observedGeneration: 1
      reason: ReadinessGatesNotReady
      status: "False"
      type: Ready
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:03Z"
      observedGeneration: 1
      status: "True"
      type: ContainersReady
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:00Z"
      observedGeneration: 1
      status: "True"
      type: PodScheduled
    containerStatuses:
    - containerID: containerd://...
      image: docker.io/library/busybox:latest
      imageID: docker.io/library/busybox@sha256:...
      lastState: {}
      name: beside
      ready: true
      resources: {}
      restartCount: 0
      started: true
      state:
        running:
          startedAt: "2026-01-01T00:00:03Z"
    - allocatedResources:
        cpu: 100m
        memory: 64Mi
      containerID: containerd://...
      image: docker.io/library/nginx:latest
      imageID: docker.io/library/nginx@sha256:...
      lastState: {}
      name: web
      ready: true
      resources:
        limits:
          memory: 64Mi
        requests:
          cpu: 100m
          memory: 64Mi
      restartCount: 0
      started: true
      state:
        running:
          startedAt: "2026-01-01T00:00:03Z"
      volumeMounts:
      - mountPath: /a
        name: v
      - mountPath: /b
        name: v
        readOnly: true
        recursiveReadOnly: Disabled
      - mountPath: /c
        name: v
        readOnly: true
        recursiveReadOnly: Enabled
    hostIP: 172.18.0.3
    hostIPs:
    - ip: 172.18.0.3
    initContainerStatuses:
    - allocatedResources:
        memory: 32Mi
      containerID: containerd://...
      image: docker.io/library/busybox:latest
      imageID: docker.io/library/busybox@sha256:...
      lastState: {}
      name: prepare
      ready: true
      resources:
        limits:
          memory: 32Mi
        requests:
          memory: 32Mi
      restartCount: 0
      started: false
      state:
        terminated:
          containerID: containerd://...
          exitCode: 0
          finishedAt: "2026-01-01T00:00:01Z"
          reason: Completed
          startedAt: "2026-01-01T00:00:01Z"
    observedGeneration: 1
    phase: Running
    podIP: 10.42.0.2
    podIPs:
    - ip: 10.42.0.2
    qosClass: Burstable
    startTime: "2026-01-01T00:00:00Z"
    "#);
}

#[test]
fn an_older_kubelet_writes_less() {
    let mut session = Session(Shell::of_version(Path::new(env!("CARGO_MANIFEST_DIR")), 22));
    session.apply(POD);
    assert_snapshot!(status(&mut session), @r#"
    conditions:
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:03Z"
      status: "True"
      type: Initialized
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:00Z"
      message: corresponding condition of pod readiness gate "example.com/served" does
        not exist.
      reason: ReadinessGatesNotReady
      status: "False"
      type: Ready
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:03Z"
      status: "True"
      type: ContainersReady
    - lastProbeTime: null
      lastTransitionTime: "2026-01-01T00:00:00Z"
      status: "True"
      type: PodScheduled
    containerStatuses:
    - containerID: containerd://...
      image: docker.io/library/busybox:latest
      imageID: docker.io/library/busybox@sha256:...
      lastState: {}
      name: beside
      ready: true
      restartCount: 0
      started: true
      state:
        running:
          startedAt: "2026-01-01T00:00:03Z"
    - containerID: containerd://...
      image: docker.io/library/nginx:latest
      imageID: docker.io/library/nginx@sha256:...
      lastState: {}
      name: web
      ready: true
      restartCount: 0
      started: true
      state:
        running:
          startedAt: "2026-01-01T00:00:03Z"
    hostIP: 172.18.0.3
    initContainerStatuses:
    - containerID: containerd://...
      image: docker.io/library/busybox:latest
      imageID: docker.io/library/busybox@sha256:...
      lastState: {}
      name: prepare
      ready: true
      restartCount: 0
      started: false
      state:
        terminated:
          containerID: containerd://...
          exitCode: 0
          finishedAt: "2026-01-01T00:00:01Z"
          reason: Completed
          startedAt: "2026-01-01T00:00:01Z"
    phase: Running
    podIP: 10.42.0.2
    podIPs:
    - ip: 10.42.0.2
    qosClass: Burstable
    startTime: "2026-01-01T00:00:00Z"
    "#);
}

#[test]
fn a_pod_in_the_hosts_network_has_its_address_before_its_sandbox() {
    let mut session = Session::new();
    session.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: host}
spec:
  hostNetwork: true
  nodeName: k3d-deadless-agent-1
  containers: [{name: c, image: busybox, volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, configMap: {name: nope}}]
"#,
    );
    let said = "kubectl get pod host -o jsonpath='{.status.podIP}{\"\\n\"}{range .status.conditions[*]}{.type}={.status} {end}{\"\\n\"}'";
    assert_snapshot!(session.run(&[said, "kubectl create cm nope"]), @r#"
    $ kubectl get pod host -o jsonpath='{.status.podIP}{"\n"}{range .status.conditions[*]}{.type}={.status} {end}{"\n"}'
    172.18.0.4
    PodReadyToStartContainers=False Initialized=True Ready=False ContainersReady=False PodScheduled=True 
    $ kubectl create cm nope
    configmap/nope created
    "#);
    assert_snapshot!(session.run(&[said]), @r#"
    $ kubectl get pod host -o jsonpath='{.status.podIP}{"\n"}{range .status.conditions[*]}{.type}={.status} {end}{"\n"}'
    172.18.0.4
    PodReadyToStartContainers=False Initialized=True Ready=False ContainersReady=False PodScheduled=True
    "#);
}
