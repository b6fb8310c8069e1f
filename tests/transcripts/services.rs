//! What becomes of services.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

#[test]
fn the_api_server_makes_its_service_again() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&["kubectl delete svc kubernetes", "kubectl get svc"]), @r#"
    $ kubectl delete svc kubernetes
    service "kubernetes" deleted from default namespace
    $ kubectl get svc
    NAME         TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
    kubernetes   ClusterIP   10.43.0.1    <none>        443/TCP   0s
    "#);
    session.0.advance(Duration::secs(11));
    assert_snapshot!(session.run(&["kubectl get svc", "kubectl get endpointslices"]), @"
    $ kubectl get svc
    NAME         TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
    kubernetes   ClusterIP   10.43.0.1    <none>        443/TCP   11s
    $ kubectl get endpointslices
    NAME         ADDRESSTYPE   PORTS   ENDPOINTS    AGE
    kubernetes   IPv4          6443    172.18.0.2   18s
    ");
}

const REACHED: &str = r#"
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: hello}
spec:
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      containers:
      - name: c
        image: nginx
        command: [sh, -c, "cd /usr/share/nginx/html; hostname > index.html; echo $NODE > node; exec nginx -g 'daemon off;'"]
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {selector: {app: hello}, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: near}
spec: {selector: {app: hello}, internalTrafficPolicy: Local, ports: [{port: 80, targetPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {selector: {app: hello}, type: NodePort, externalTrafficPolicy: Local, ports: [{port: 80, targetPort: 80, nodePort: 30081}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: sticky.default.svc.cluster.local}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: k3d-deadless-agent-1, containers: [{name: c, image: busybox, command: [sleep, "100000"]}]}
"#;

#[test]
fn services_lead_where_their_policies_say() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", REACHED);
    assert_snapshot!(session.run(&[
        "kstate clock settle",
        "kubectl exec client -- sh -c 'for i in 1 2 3 4 5 6; do wget -q -O- sticky; done | sort | uniq -c | wc -l'",
        "kubectl exec client -- sh -c 'for i in 1 2 3; do wget -q -O- near/node; done'",
        "kubectl exec client -- sh -c 'wget -q -O- alias/node | wc -l'",
        "kstate node exec k3d-deadless-agent-0 -- curl -s localhost:30081/node",
        "kstate node exec k3d-deadless-server-0 -- curl -s 172.18.0.3:30081/node",
        "kstate node exec k3d-deadless-server-0 -- curl -sS localhost:30099",
        "kubectl exec client -- wget -q -O- 172.18.0.4:30081/node",
    ]), @"
    $ kstate clock settle
    2026-01-01T00:00:01Z (manual)
    $ kubectl exec client -- sh -c 'for i in 1 2 3 4 5 6; do wget -q -O- sticky; done | sort | uniq -c | wc -l'
    1
    $ kubectl exec client -- sh -c 'for i in 1 2 3; do wget -q -O- near/node; done'
    k3d-deadless-agent-1
    k3d-deadless-agent-1
    k3d-deadless-agent-1
    $ kubectl exec client -- sh -c 'wget -q -O- alias/node | wc -l'
    1
    $ kstate node exec k3d-deadless-agent-0 -- curl -s localhost:30081/node
    k3d-deadless-agent-0
    $ kstate node exec k3d-deadless-server-0 -- curl -s 172.18.0.3:30081/node
    k3d-deadless-agent-0
    $ kstate node exec k3d-deadless-server-0 -- curl -sS localhost:30099
    curl: (7) Failed to connect to localhost port 30099 after 0 ms: Could not connect to server
    [exit 7]
    $ kubectl exec client -- wget -q -O- 172.18.0.4:30081/node
    k3d-deadless-agent-1
    ");
}
