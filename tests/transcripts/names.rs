//! Names and addresses in a cluster: what its name server answers, and where services lead.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

const NAMED: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: db}
spec:
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      hostname: db
      subdomain: any-svc
      nodeName: k3d-deadless-agent-0
      containers: [{name: c, image: nginx}]
---
apiVersion: v1
kind: Service
metadata: {name: any-svc}
spec: {selector: {app: db}, clusterIP: None, ports: [{name: web, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: virt}
spec: {selector: {app: db}, ports: [{name: web, port: 8080, targetPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, clusterIP: None, ports: [{name: web, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: gone}
spec: {type: ExternalName, externalName: missing.default.svc.cluster.local}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: k3d-deadless-agent-1, containers: [{name: c, image: nicolaka/netshoot, command: [sleep, "100000"]}]}
"#;

#[test]
fn endpoints_have_names_of_their_own() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", NAMED);
    assert_snapshot!(session.run(&[
        "kstate clock settle",
        "kubectl exec client -- sh -c 'dig +short db.any-svc.default.svc.cluster.local | sort'",
        "kubectl exec client -- dig +short SRV _web._tcp.any-svc.default.svc.cluster.local",
        "kubectl exec client -- dig +short SRV any-svc.default.svc.cluster.local",
        "kubectl exec client -- dig +short 10-42-0-2.virt.default.svc.cluster.local",
        "kubectl exec client -- dig +short 10-42-1-9.virt.default.svc.cluster.local",
        "kubectl exec client -- dig +short -x 10.42.0.2",
        "kubectl exec client -- dig +short -x 172.18.0.3",
        "kubectl exec client -- sh -c 'dig nobody.default.svc.cluster.local | grep status'",
        "kubectl exec client -- sh -c 'dig gone.default.svc.cluster.local | grep -E \"status|IN\"'",
    ]), @r#"
    $ kstate clock settle
    2026-01-01T00:00:01Z (manual)
    $ kubectl exec client -- sh -c 'dig +short db.any-svc.default.svc.cluster.local | sort'
    10.42.0.2
    10.42.0.3
    $ kubectl exec client -- dig +short SRV _web._tcp.any-svc.default.svc.cluster.local
    0 50 80 db.any-svc.default.svc.cluster.local.
    $ kubectl exec client -- dig +short SRV any-svc.default.svc.cluster.local
    0 50 80 db.any-svc.default.svc.cluster.local.
    $ kubectl exec client -- dig +short 10-42-0-2.virt.default.svc.cluster.local
    10.42.0.2
    $ kubectl exec client -- dig +short 10-42-1-9.virt.default.svc.cluster.local
    $ kubectl exec client -- dig +short -x 10.42.0.2
    db.any-svc.default.svc.cluster.local.
    10-42-0-2.virt.default.svc.cluster.local.
    $ kubectl exec client -- dig +short -x 172.18.0.3
    k3d-deadless-agent-0.
    $ kubectl exec client -- sh -c 'dig nobody.default.svc.cluster.local | grep status'
    ;; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 40727
    $ kubectl exec client -- sh -c 'dig gone.default.svc.cluster.local | grep -E "status|IN"'
    ;; WARNING: .local is reserved for Multicast DNS
    ;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 59088
    ;; WARNING: recursion requested but not available
    ;gone.default.svc.cluster.local. IN	A
    cluster.local.		5	IN	SOA	ns.dns.cluster.local. hostmaster.cluster.local. 1774000000 7200 1800 86400 5
    "#);
}

#[test]
fn an_exec_probe_has_the_network_of_its_pod() {
    let mut session = Session::new();
    let asks = |name: &str, command: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - name: c\n    image: busybox\n    \
             command: [sleep, '100000']\n    readinessProbe: {{exec: {{command: {command}}}}}\n"
        )
    };
    session.0.feed("kubectl apply -f -", &asks("name", "[nslookup, kubernetes.default.svc.cluster.local]"));
    session.0.feed("kubectl apply -f -", &asks("node", "[ping, -c, '1', 172.18.0.2]"));
    session.0.feed("kubectl apply -f -", &asks("nothing", "[nslookup, nothing.default.svc.cluster.local]"));
    session.0.advance(Duration::secs(60));
    assert_snapshot!(session.run(&[
        "kubectl get pods",
        "kubectl get events --field-selector reason=Unhealthy -o custom-columns=POD:.involvedObject.name,TEXT:.message",
    ]), @"
    $ kubectl get pods
    NAME      READY   STATUS    RESTARTS   AGE
    name      1/1     Running   0          60s
    node      1/1     Running   0          60s
    nothing   0/1     Running   0          60s
    $ kubectl get events --field-selector reason=Unhealthy -o custom-columns=POD:.involvedObject.name,TEXT:.message
    POD        TEXT
    nothing    Readiness probe failed: Server:         10.43.0.10
    Address:   10.43.0.10:53

    ** server can't find nothing.default.svc.cluster.local: NXDOMAIN

    ** server can't find nothing.default.svc.cluster.local: NXDOMAIN
    ");
}

const ON_NODES: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: agent, labels: {app: agent}}
spec: {hostNetwork: true, nodeName: k3d-deadless-agent-0, containers: [{name: c, image: nginx}]}
---
apiVersion: v1
kind: Service
metadata: {name: agent}
spec: {selector: {app: agent}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: by-hand}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: by-hand-1, labels: {kubernetes.io/service-name: by-hand}}
addressType: IPv4
ports: [{port: 80}]
endpoints: [{addresses: [172.18.0.3]}]
---
apiVersion: v1
kind: Service
metadata: {name: closed}
spec: {ports: [{port: 81}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: closed}
subsets: [{addresses: [{ip: 172.18.0.3}], ports: [{port: 81}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: k3d-deadless-agent-1, containers: [{name: c, image: busybox, command: [sleep, "100000"]}]}
"#;

#[test]
fn services_lead_to_addresses_of_nodes() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", ON_NODES);
    assert_snapshot!(session.run(&[
        "kstate clock settle",
        "kubectl exec client -- sh -c 'wget -q -O- agent | grep title'",
        "kubectl exec client -- sh -c 'wget -q -O- by-hand | grep title'",
        "kubectl exec client -- wget -q -O- closed:81",
    ]), @"
    $ kstate clock settle
    2026-01-01T00:00:01Z (manual)
    $ kubectl exec client -- sh -c 'wget -q -O- agent | grep title'
    <title>Welcome to nginx!</title>
    $ kubectl exec client -- sh -c 'wget -q -O- by-hand | grep title'
    <title>Welcome to nginx!</title>
    $ kubectl exec client -- wget -q -O- closed:81
    wget: can't connect to remote host (10.43.13.99): Connection refused
    command terminated with exit code 1
    [exit 1]
    ");
}

const WRITTEN: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: legacy}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: legacy, labels: {team: db}, annotations: {note: ours}}
subsets:
- addresses: [{ip: 172.18.0.4}]
  notReadyAddresses: [{ip: 172.18.0.5}]
  ports: [{port: 80}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: skipped, labels: {endpointslice.kubernetes.io/skip-mirror: "true"}}
subsets: [{addresses: [{ip: 172.18.0.4}], ports: [{port: 80}]}]
"#;

#[test]
fn endpoints_that_somebody_writes_are_mirrored() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", WRITTEN);
    assert_snapshot!(session.run(&[
        "kstate clock settle",
        "kubectl get endpointslices -l kubernetes.io/service-name=legacy -o yaml",
        r#"kubectl patch endpoints legacy --type=merge -p '{"subsets":[{"addresses":[{"ip":"172.18.0.6"}],"ports":[{"port":81}]}]}'"#,
        "kubectl get endpointslices",
        r#"kubectl patch svc legacy -p '{"spec":{"selector":{"app":"db"}}}'"#,
        "kubectl get endpointslices",
        r#"kubectl patch svc legacy --type=json -p '[{"op":"remove","path":"/spec/selector"}]'"#,
        "kubectl delete svc legacy",
        "kubectl get endpointslices",
    ]), @r#"
    $ kstate clock settle
    2026-01-01T00:00:00Z (manual)
    $ kubectl get endpointslices -l kubernetes.io/service-name=legacy -o yaml
    apiVersion: v1
    items:
    - addressType: IPv4
      apiVersion: discovery.k8s.io/v1
      endpoints:
      - addresses:
        - 172.18.0.4
        conditions:
          ready: true
      - addresses:
        - 172.18.0.5
        conditions:
          ready: false
      kind: EndpointSlice
      metadata:
        annotations:
          note: ours
        creationTimestamp: "2026-01-01T00:00:00Z"
        generateName: legacy-
        generation: 1
        labels:
          endpointslice.kubernetes.io/managed-by: endpointslicemirroring-controller.k8s.io
          kubernetes.io/service-name: legacy
          team: db
        name: legacy-v9zb5
        namespace: default
        ownerReferences:
        - apiVersion: v1
          blockOwnerDeletion: true
          controller: true
          kind: Endpoints
          name: legacy
          uid: 786f8bae-b2c4-4157-9cc1-e8516e92833e
        resourceVersion: "219"
        uid: fc6e33ba-da50-4d05-afa1-b3e7b284a78f
      ports:
      - name: ""
        port: 80
        protocol: TCP
    kind: List
    metadata:
      resourceVersion: ""
    $ kubectl patch endpoints legacy --type=merge -p '{"subsets":[{"addresses":[{"ip":"172.18.0.6"}],"ports":[{"port":81}]}]}'
    Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice
    endpoints/legacy patched
    $ kubectl get endpointslices
    NAME           ADDRESSTYPE   PORTS   ENDPOINTS    AGE
    kubernetes     IPv4          6443    172.18.0.2   0s
    legacy-v9zb5   IPv4          81      172.18.0.6   0s
    $ kubectl patch svc legacy -p '{"spec":{"selector":{"app":"db"}}}'
    service/legacy patched
    $ kubectl get endpointslices
    NAME           ADDRESSTYPE   PORTS     ENDPOINTS    AGE
    kubernetes     IPv4          6443      172.18.0.2   0s
    legacy-46snm   IPv4          <unset>   <unset>      0s
    $ kubectl patch svc legacy --type=json -p '[{"op":"remove","path":"/spec/selector"}]'
    service/legacy patched
    $ kubectl delete svc legacy
    service "legacy" deleted from default namespace
    $ kubectl get endpointslices
    NAME         ADDRESSTYPE   PORTS   ENDPOINTS    AGE
    kubernetes   IPv4          6443    172.18.0.2   0s
    "#);
}

#[test]
fn busybox_serves_with_its_own_httpd() {
    let mut session = Session::new();
    session.0.feed(
        "kubectl apply -f -",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: c\n    image: busybox\n    \
         command: [sh, -c, 'mkdir /www; echo hello > /www/index.html; exec httpd -f -v -p 8080 -h /www']\n",
    );
    session.0.feed(
        "kubectl apply -f -",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: strict}\nspec:\n  securityContext: {supplementalGroups: [4000], \
         supplementalGroupsPolicy: Strict, runAsUser: 1000, fsGroup: 2000}\n  containers: [{name: c, image: busybox, \
         command: [sleep, '100000']}]\n",
    );
    assert_snapshot!(session.run(&[
        "kstate clock settle",
        "kubectl exec web -- id",
        "kubectl exec strict -- id",
        "kubectl exec web -- wget -q -S -O- localhost:8080",
        "kubectl exec web -- wget -q -O- localhost:8080/none",
        "kubectl logs web",
        "kubectl exec web -- ps",
    ]), @r#"
    $ kstate clock settle
    2026-01-01T00:00:01Z (manual)
    $ kubectl exec web -- id
    uid=0(root) gid=0(root) groups=0(root),10(wheel)
    $ kubectl exec strict -- id
    uid=1000 gid=0(root) groups=0(root),2000,4000
    $ kubectl exec web -- wget -q -S -O- localhost:8080
      HTTP/1.1 200 OK
      Date: Thu, 01 Jan 2026 00:00:01 GMT
      Connection: close
      Content-type: text/html
      Accept-Ranges: bytes
      Last-Modified: Thu, 01 Jan 2026 00:00:01 GMT
      ETag: "6955b901-6"
      Content-Length: 6
      
    hello
    $ kubectl exec web -- wget -q -O- localhost:8080/none
    wget: server returned error: HTTP/1.1 404 Not Found
    command terminated with exit code 1
    [exit 1]
    $ kubectl logs web
    [::ffff:::1]:40687: response:200
    [::ffff:::1]:48606: response:404
    $ kubectl exec web -- ps
    PID   USER     TIME  COMMAND
        1 root      0:00 httpd -f -v -p 8080 -h /www
        6 root      0:00 ps
    "#);
}

#[test]
fn a_provisioner_that_is_no_csi_driver_has_no_object() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kstate csi add openebs.io/local",
        "kubectl get csidrivers",
        "kstate csi remove openebs.io/local",
    ]), @"
    $ kstate csi add openebs.io/local
    provisioner openebs.io/local added
    $ kubectl get csidrivers
    No resources found
    $ kstate csi remove openebs.io/local
    provisioner openebs.io/local removed
    ");
}
