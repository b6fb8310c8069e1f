//! IPAddresses and ServiceCIDRs.

use std::path::Path;

use insta::assert_snapshot;
use kstate::api::Duration;

use crate::conformance::shell::Shell;
use crate::transcripts::Session;

#[test]
fn every_address_of_a_service_has_its_object() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl get ip",
        "kubectl get servicecidr",
        "kubectl get servicecidr kubernetes -o yaml",
        "kubectl describe servicecidr kubernetes",
        "kubectl create service clusterip web --tcp=80",
        "kubectl create service clusterip none --clusterip=None --tcp=80",
        "kubectl create service clusterip dry --tcp=80 --dry-run=server",
        "kubectl get ip",
        "kubectl get ip 10.43.0.1 -o yaml",
        "kubectl describe ip 10.43.0.1",
        "kubectl patch svc web -p '{\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"example.com\",\"clusterIP\":\"\",\"clusterIPs\":null}}'",
        "kubectl get ip",
        "kubectl patch svc web -p '{\"spec\":{\"type\":\"ClusterIP\"}}'",
        "kubectl get ip",
        "kubectl delete svc web",
        "kubectl get ip",
    ]), @r#"
    $ kubectl get ip
    NAME        PARENTREF
    10.43.0.1   services/default/kubernetes
    $ kubectl get servicecidr
    NAME         CIDRS          AGE
    kubernetes   10.43.0.0/16   0s
    $ kubectl get servicecidr kubernetes -o yaml
    apiVersion: networking.k8s.io/v1
    kind: ServiceCIDR
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      finalizers:
      - networking.k8s.io/service-cidr-finalizer
      name: kubernetes
      resourceVersion: "196"
      uid: c9413a3c-8c34-417c-a893-09e9f4d22d58
    spec:
      cidrs:
      - 10.43.0.0/16
    status:
      conditions:
      - lastTransitionTime: "2026-01-01T00:00:00Z"
        message: Kubernetes Service CIDR is ready
        reason: ""
        status: "True"
        type: Ready
    $ kubectl describe servicecidr kubernetes
    Name:         kubernetes
    Labels:       <none>
    Annotations:  <none>
    CIDRs:        10.43.0.0/16
    Status:
    Conditions:
      Type   Status  LastTransitionTime               Reason  Message
      ----   ------  ------------------               ------  -------
      Ready  True    Thu, 01 Jan 2026 00:00:00 +0000          Kubernetes Service CIDR is ready
    Events:  <none>
    $ kubectl create service clusterip web --tcp=80
    service/web created
    $ kubectl create service clusterip none --clusterip=None --tcp=80
    service/none created
    $ kubectl create service clusterip dry --tcp=80 --dry-run=server
    service/dry created (server dry run)
    $ kubectl get ip
    NAME          PARENTREF
    10.43.0.1     services/default/kubernetes
    10.43.19.90   services/default/web
    $ kubectl get ip 10.43.0.1 -o yaml
    apiVersion: networking.k8s.io/v1
    kind: IPAddress
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      labels:
        ipaddress.kubernetes.io/ip-family: IPv4
        ipaddress.kubernetes.io/managed-by: ipallocator.k8s.io
      name: 10.43.0.1
      resourceVersion: "197"
      uid: 8d4e6790-7204-4659-ad8f-15dd294f6f4a
    spec:
      parentRef:
        name: kubernetes
        namespace: default
        resource: services
    $ kubectl describe ip 10.43.0.1
    Name:         10.43.0.1
    Labels:       ipaddress.kubernetes.io/ip-family=IPv4
                  ipaddress.kubernetes.io/managed-by=ipallocator.k8s.io
    Annotations:  <none>
    Parent Reference:
      Group:      
      Resource:   services
      Namespace:  default
      Name:       kubernetes
    Events:       <none>
    $ kubectl patch svc web -p '{"spec":{"type":"ExternalName","externalName":"example.com","clusterIP":"","clusterIPs":null}}'
    service/web patched
    $ kubectl get ip
    NAME        PARENTREF
    10.43.0.1   services/default/kubernetes
    $ kubectl patch svc web -p '{"spec":{"type":"ClusterIP"}}'
    Warning: spec.externalName is ignored when spec.type is not "ExternalName"
    service/web patched
    $ kubectl get ip
    NAME          PARENTREF
    10.43.0.1     services/default/kubernetes
    10.43.19.90   services/default/web
    $ kubectl delete svc web
    service "web" deleted from default namespace
    $ kubectl get ip
    NAME        PARENTREF
    10.43.0.1   services/default/kubernetes
    "#);
}

#[test]
fn an_address_that_somebody_has_is_given_to_nobody_else() {
    let mut session = Session::new();
    assert_snapshot!(session.apply("
apiVersion: networking.k8s.io/v1
kind: IPAddress
metadata:
  name: 10.43.0.50
spec:
  parentRef:
    group: gateway.networking.k8s.io
    resource: gateways
    namespace: default
    name: edge
"), @"ipaddress.networking.k8s.io/10.43.0.50 created");
    assert_snapshot!(session.run(&[
        "kubectl get ip",
        "kubectl create service clusterip web --tcp=80 --clusterip=10.43.0.50",
        "kubectl create service clusterip web --tcp=80 --clusterip=10.43.0.0",
        "kubectl create service clusterip web --tcp=80 --clusterip=10.99.0.10",
        "kubectl patch ip 10.43.0.50 --type=merge -p '{\"spec\":{\"parentRef\":{\"name\":\"other\"}}}'",
    ]), @r#"
    $ kubectl get ip
    NAME         PARENTREF
    10.43.0.1    services/default/kubernetes
    10.43.0.50   gateways.gateway.networking.k8s.io/default/edge
    $ kubectl create service clusterip web --tcp=80 --clusterip=10.43.0.50
    error: failed to create ClusterIP service: Service "web" is invalid: spec.clusterIPs: Invalid value: ["10.43.0.50"]: failed to allocate IP 10.43.0.50: provided IP is already allocated
    [exit 1]
    $ kubectl create service clusterip web --tcp=80 --clusterip=10.43.0.0
    error: failed to create ClusterIP service: Service "web" is invalid: spec.clusterIPs: Invalid value: ["10.43.0.0"]: failed to allocate IP 10.43.0.0: the provided network does not match the current range
    [exit 1]
    $ kubectl create service clusterip web --tcp=80 --clusterip=10.99.0.10
    error: failed to create ClusterIP service: Service "web" is invalid: spec.clusterIPs: Invalid value: ["10.99.0.10"]: failed to allocate IP 10.99.0.10: the provided network does not match the current range
    [exit 1]
    $ kubectl patch ip 10.43.0.50 --type=merge -p '{"spec":{"parentRef":{"name":"other"}}}'
    The IPAddress "10.43.0.50" is invalid: spec.parentRef: Invalid value: {"Group":"gateway.networking.k8s.io","Resource":"gateways","Namespace":"default","Name":"other"}: field is immutable
    [exit 1]
    "#);
    assert_snapshot!(session.apply("
apiVersion: networking.k8s.io/v1
kind: IPAddress
metadata:
  name: 10.43.0.050
spec: {}
"), @r#"
    The IPAddress "10.43.0.050" is invalid: 
    * metadata.name: Invalid value: "10.43.0.050": must not have leading 0s
    * spec.parentRef: Required value
    "#);
}

#[test]
fn lost_addresses_are_noted_again() {
    let mut session = Session::new();
    session.run(&["kubectl create service clusterip web --tcp=80 --clusterip=10.43.1.1"]);
    assert_snapshot!(session.run(&["kubectl delete ip 10.43.1.1", "kubectl get ip"]), @r#"
    $ kubectl delete ip 10.43.1.1
    ipaddress.networking.k8s.io "10.43.1.1" deleted
    $ kubectl get ip
    NAME        PARENTREF
    10.43.0.1   services/default/kubernetes
    "#);
    session.0.advance(Duration::secs(181));
    assert_snapshot!(session.run(&["kubectl get ip", "kubectl get events", "kubectl describe svc web"]), @"
    $ kubectl get ip
    NAME        PARENTREF
    10.43.0.1   services/default/kubernetes
    10.43.1.1   services/default/web
    $ kubectl get events
    LAST SEEN   TYPE      REASON                  OBJECT        MESSAGE
    1s          Warning   ClusterIPNotAllocated   service/web   Cluster IP [IPv4]: 10.43.1.1 is not allocated; repairing
    $ kubectl describe svc web
    Name:                     web
    Namespace:                default
    Labels:                   app=web
    Annotations:              <none>
    Selector:                 app=web
    Type:                     ClusterIP
    IP Family Policy:         SingleStack
    IP Families:              IPv4
    IP:                       10.43.1.1
    IPs:                      10.43.1.1
    Port:                     80  80/TCP
    TargetPort:               80/TCP
    Endpoints:                
    Session Affinity:         None
    Internal Traffic Policy:  Cluster
    Events:
      Type     Reason                 Age   From                           Message
      ----     ------                 ----  ----                           -------
      Warning  ClusterIPNotAllocated  1s    ipallocator-repair-controller  Cluster IP [IPv4]: 10.43.1.1 is not allocated; repairing
    ");
    // One that speaks of a service that is not there goes after a minute.
    session.apply(
        "
apiVersion: networking.k8s.io/v1
kind: IPAddress
metadata:
  name: 10.43.7.7
  labels:
    ipaddress.kubernetes.io/managed-by: ipallocator.k8s.io
spec:
  parentRef: {resource: services, namespace: default, name: nope}
",
    );
    session.0.advance(Duration::secs(61));
    assert_snapshot!(session.run(&["kubectl get ip", "kubectl get events --field-selector=involvedObject.kind=IPAddress"]), @"
    $ kubectl get ip
    NAME        PARENTREF
    10.43.0.1   services/default/kubernetes
    10.43.1.1   services/default/web
    $ kubectl get events --field-selector=involvedObject.kind=IPAddress
    LAST SEEN   TYPE      REASON                  OBJECT                MESSAGE
    1s          Warning   IPAddressNotAllocated   ipaddress/10.43.7.7   IPAddress: 10.43.7.7 for Service default/nope appears to have leaked: cleaning up
    ");
}

#[test]
fn a_cluster_may_have_more_networks() {
    let mut session = Session::new();
    assert_snapshot!(session.apply("
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata:
  name: more
spec:
  cidrs: [10.99.0.0/24]
"), @"servicecidr.networking.k8s.io/more created");
    assert_snapshot!(session.run(&[
        "kubectl get servicecidrs",
        "kubectl get servicecidr more -o jsonpath={.status.conditions[0].message}",
        "kubectl create service clusterip web --tcp=80 --clusterip=10.99.0.10",
        "kubectl get ip 10.99.0.10",
        "kubectl patch servicecidr more --type=merge -p '{\"spec\":{\"cidrs\":[\"10.98.0.0/24\"]}}'",
        "kubectl delete servicecidr more --wait=false",
        "kubectl get servicecidr more -o jsonpath={.status.conditions[0].message}",
        "kubectl create service clusterip web2 --tcp=80 --clusterip=10.99.0.11",
        "kubectl delete svc web",
        "kubectl get servicecidrs",
    ]), @r#"
    $ kubectl get servicecidrs
    NAME         CIDRS          AGE
    kubernetes   10.43.0.0/16   0s
    more         10.99.0.0/24   0s
    $ kubectl get servicecidr more -o jsonpath={.status.conditions[0].message}
    Kubernetes Service CIDR is ready$ kubectl create service clusterip web --tcp=80 --clusterip=10.99.0.10
    service/web created
    $ kubectl get ip 10.99.0.10
    NAME         PARENTREF
    10.99.0.10   services/default/web
    $ kubectl patch servicecidr more --type=merge -p '{"spec":{"cidrs":["10.98.0.0/24"]}}'
    The ServiceCIDR "more" is invalid: spec.cidrs[0]: Invalid value: "10.98.0.0/24": field is immutable
    [exit 1]
    $ kubectl delete servicecidr more --wait=false
    servicecidr.networking.k8s.io "more" deleted
    $ kubectl get servicecidr more -o jsonpath={.status.conditions[0].message}
    There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR$ kubectl create service clusterip web2 --tcp=80 --clusterip=10.99.0.11
    error: failed to create ClusterIP service: Service "web2" is invalid: spec.clusterIPs: Invalid value: ["10.99.0.11"]: failed to allocate IP 10.99.0.11: the provided network does not match the current range
    [exit 1]
    $ kubectl delete svc web
    service "web" deleted from default namespace
    $ kubectl get servicecidrs
    NAME         CIDRS          AGE
    kubernetes   10.43.0.0/16   10s
    "#);
    session.0.advance(Duration::secs(11));
    assert_snapshot!(session.run(&["kubectl get servicecidrs"]), @"
    $ kubectl get servicecidrs
    NAME         CIDRS          AGE
    kubernetes   10.43.0.0/16   21s
    ");
    assert_snapshot!(session.apply("
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata:
  name: odd
spec:
  cidrs: [10.99.0.1/24, 10.98.0.0/24]
"), @r#"
    The ServiceCIDR "odd" is invalid: 
    * spec.cidrs[0]: Invalid value: "10.99.0.1/24": must not have bits set beyond the prefix length
    * spec.cidrs: Invalid value: ["10.99.0.1/24","10.98.0.0/24"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64
    "#);
}

#[test]
fn older_versions_keep_no_such_objects() {
    let mut shell = Shell::of_version(Path::new(env!("CARGO_MANIFEST_DIR")), 32);
    let mut run = |line: &str| shell.run(line).expect("a command of ours").0;
    assert_snapshot!(run("kubectl get ipaddresses"), @r#"error: the server doesn't have a resource type "ipaddresses""#);
    assert_snapshot!(run("kubectl create service clusterip web --tcp=80 --clusterip=10.43.0.50"), @"service/web created");
    assert_snapshot!(run("kubectl create service clusterip web2 --tcp=80 --clusterip=10.43.0.50"), @r#"error: failed to create ClusterIP service: Service "web2" is invalid: spec.clusterIPs: Invalid value: ["10.43.0.50"]: failed to allocate IP 10.43.0.50: provided IP is already allocated"#);
    assert_snapshot!(run("kubectl get flowschemas exempt"), @"
    NAME     PRIORITYLEVEL   MATCHINGPRECEDENCE   DISTINGUISHERMETHOD   AGE   MISSINGPL
    exempt   exempt          1                    <none>                0s    False
    ");
    let mut shell = Shell::of_version(Path::new(env!("CARGO_MANIFEST_DIR")), 18);
    let mut run = |line: &str| shell.run(line).expect("a command of ours").0;
    assert_snapshot!(run("kubectl get flowschemas"), @r#"error: the server doesn't have a resource type "flowschemas""#);
    assert_snapshot!(run("kubectl get apiservices"), @"
    NAME                              SERVICE   AVAILABLE   AGE
    v1.                               Local     True        0s
    v1.admissionregistration.k8s.io   Local     True        0s
    v1.apiextensions.k8s.io           Local     True        0s
    v1.apps                           Local     True        0s
    v1.authentication.k8s.io          Local     True        0s
    v1.authorization.k8s.io           Local     True        0s
    v1.autoscaling                    Local     True        0s
    v1.batch                          Local     True        0s
    v1.coordination.k8s.io            Local     True        0s
    v1.networking.k8s.io              Local     True        0s
    v1.rbac.authorization.k8s.io      Local     True        0s
    v1.scheduling.k8s.io              Local     True        0s
    v1.storage.k8s.io                 Local     True        0s
    v1beta1.batch                     Local     True        0s
    v1beta1.certificates.k8s.io       Local     True        0s
    v1beta1.discovery.k8s.io          Local     True        0s
    v1beta1.networking.k8s.io         Local     True        0s
    v1beta1.node.k8s.io               Local     True        0s
    v1beta1.policy                    Local     True        0s
    v1beta1.storage.k8s.io            Local     True        0s
    ");
}
