//! APIServices.

use insta::assert_snapshot;

use crate::transcripts::Session;

#[test]
fn a_new_cluster_has_those_that_its_server_serves_itself() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl get apiservices",
        "kubectl get apiservice v1.apps -o yaml",
        "kubectl describe apiservice v1.",
    ]), @r#"
    $ kubectl get apiservices
    NAME                              SERVICE   AVAILABLE   AGE
    v1.                               Local     True        0s
    v1.admissionregistration.k8s.io   Local     True        0s
    v1.apiextensions.k8s.io           Local     True        0s
    v1.apps                           Local     True        0s
    v1.authentication.k8s.io          Local     True        0s
    v1.authorization.k8s.io           Local     True        0s
    v1.autoscaling                    Local     True        0s
    v1.batch                          Local     True        0s
    v1.certificates.k8s.io            Local     True        0s
    v1.coordination.k8s.io            Local     True        0s
    v1.discovery.k8s.io               Local     True        0s
    v1.events.k8s.io                  Local     True        0s
    v1.flowcontrol.apiserver.k8s.io   Local     True        0s
    v1.networking.k8s.io              Local     True        0s
    v1.node.k8s.io                    Local     True        0s
    v1.policy                         Local     True        0s
    v1.rbac.authorization.k8s.io      Local     True        0s
    v1.resource.k8s.io                Local     True        0s
    v1.scheduling.k8s.io              Local     True        0s
    v1.storage.k8s.io                 Local     True        0s
    v2.autoscaling                    Local     True        0s
    $ kubectl get apiservice v1.apps -o yaml
    apiVersion: apiregistration.k8s.io/v1
    kind: APIService
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      labels:
        kube-aggregator.kubernetes.io/automanaged: onstart
      name: v1.apps
      resourceVersion: "159"
      uid: dad0f1fd-3dbd-462c-8c2d-a2387868f97c
    spec:
      group: apps
      groupPriorityMinimum: 17800
      version: v1
      versionPriority: 15
    status:
      conditions:
      - lastTransitionTime: "2026-01-01T00:00:00Z"
        message: Local APIServices are always available
        reason: Local
        status: "True"
        type: Available
    $ kubectl describe apiservice v1.
    Name:         v1.
    Namespace:    
    Labels:       kube-aggregator.kubernetes.io/automanaged=onstart
    Annotations:  <none>
    API Version:  apiregistration.k8s.io/v1
    Kind:         APIService
    Metadata:
      Creation Timestamp:  2026-01-01T00:00:00Z
      Resource Version:    156
      UID:                 ab6cf98b-d468-40db-9c66-bf4b920014ae
    Spec:
      Group Priority Minimum:  18000
      Version:                 v1
      Version Priority:        1
    Status:
      Conditions:
        Last Transition Time:  2026-01-01T00:00:00Z
        Message:               Local APIServices are always available
        Reason:                Local
        Status:                True
        Type:                  Available
    Events:                    <none>
    "#);
}

const METRICS: &str = "
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata:
  name: v1beta1.metrics.k8s.io
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service:
    namespace: kube-system
    name: metrics-server
";

#[test]
fn what_others_serve_is_looked_for() {
    let mut session = Session::new();
    assert_snapshot!(session.apply(METRICS), @"apiservice.apiregistration.k8s.io/v1beta1.metrics.k8s.io created");
    assert_snapshot!(session.run(&[
        "kubectl get apiservice v1beta1.metrics.k8s.io",
        "kubectl create service clusterip metrics-server -n kube-system --tcp=80:8080",
        "kubectl get apiservice v1beta1.metrics.k8s.io",
        "kubectl delete service metrics-server -n kube-system",
        "kubectl create service clusterip metrics-server -n kube-system --tcp=443:8443",
        "kubectl get apiservice v1beta1.metrics.k8s.io",
        "kubectl run metrics-server -n kube-system --image=metrics-server --port=8443 --labels=app=metrics-server",
        "kubectl get apiservice v1beta1.metrics.k8s.io",
        "kubectl get apiservice v1beta1.metrics.k8s.io -o jsonpath={.status.conditions[0].message}",
    ]), @r#"
    $ kubectl get apiservice v1beta1.metrics.k8s.io
    NAME                     SERVICE                      AVAILABLE                 AGE
    v1beta1.metrics.k8s.io   kube-system/metrics-server   False (ServiceNotFound)   0s
    $ kubectl create service clusterip metrics-server -n kube-system --tcp=80:8080
    service/metrics-server created
    $ kubectl get apiservice v1beta1.metrics.k8s.io
    NAME                     SERVICE                      AVAILABLE                  AGE
    v1beta1.metrics.k8s.io   kube-system/metrics-server   False (ServicePortError)   0s
    $ kubectl delete service metrics-server -n kube-system
    service "metrics-server" deleted from kube-system namespace
    $ kubectl create service clusterip metrics-server -n kube-system --tcp=443:8443
    service/metrics-server created
    $ kubectl get apiservice v1beta1.metrics.k8s.io
    NAME                     SERVICE                      AVAILABLE                  AGE
    v1beta1.metrics.k8s.io   kube-system/metrics-server   False (MissingEndpoints)   0s
    $ kubectl run metrics-server -n kube-system --image=metrics-server --port=8443 --labels=app=metrics-server
    pod/metrics-server created
    $ kubectl get apiservice v1beta1.metrics.k8s.io
    NAME                     SERVICE                      AVAILABLE                      AGE
    v1beta1.metrics.k8s.io   kube-system/metrics-server   False (FailedDiscoveryCheck)   1s
    $ kubectl get apiservice v1beta1.metrics.k8s.io -o jsonpath={.status.conditions[0].message}
    failing or missing response from https://10.43.188.39:443/apis/metrics.k8s.io/v1beta1: Get "https://10.43.188.39:443/apis/metrics.k8s.io/v1beta1": dial tcp 10.43.188.39:443: connect: connection refused
    "#);
}

#[test]
fn what_is_odd_is_refused() {
    let mut session = Session::new();
    let odd = METRICS
        .replace("name: v1beta1.metrics.k8s.io", "name: metrics")
        .replace("groupPriorityMinimum: 100", "groupPriorityMinimum: 20001")
        .replace("versionPriority: 100", "versionPriority: 0")
        .replace("    name: metrics-server", "    port: 70000");
    assert_snapshot!(session.apply(&odd), @r#"
    The APIService "metrics" is invalid: 
    * metadata.name: Invalid value: "metrics": must be `spec.version+"."+spec.group`: "v1beta1.metrics.k8s.io"
    * spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000
    * spec.versionPriority: Invalid value: 0: must be positive and less than 1000
    * spec.service.name: Required value
    * spec.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive
    "#);
}
