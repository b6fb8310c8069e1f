//! NetworkPolicies: whom a pod may speak with, and what comes of who tries. k3s refuses at once.

use insta::assert_snapshot;

use super::Session;

const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  nodeName: k3d-deadless-agent-0
  containers:
  - name: nginx
    image: nginx
    ports: [{name: http, containerPort: 80}]
    readinessProbe: {httpGet: {port: http}, periodSeconds: 5}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, type: NodePort, ports: [{port: 8080, targetPort: http, nodePort: 30080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: friend, labels: {role: friend}}
spec: {nodeName: k3d-deadless-agent-1, containers: [{name: c, image: busybox, command: [sleep, "100000"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger}
spec: {nodeName: k3d-deadless-agent-1, containers: [{name: c, image: busybox, command: [sleep, "100000"]}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: other, labels: {team: ops}}
---
apiVersion: v1
kind: Pod
metadata: {name: ops, namespace: other}
spec: {nodeName: k3d-deadless-agent-1, containers: [{name: c, image: busybox, command: [sleep, "100000"]}]}
"#;

fn policy(name: &str, spec: &str) -> String {
    format!("{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: {name}}}, spec: {spec}}}")
}

const DENY: &str = "{podSelector: {}, policyTypes: [Ingress]}";

const FRIENDS: &str = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {role: \
                       friend}}}, {namespaceSelector: {matchLabels: {team: ops}}}], ports: [{port: http}]}]}";

#[test]
fn who_may_come_in() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", PODS);
    let from_stranger = "kubectl exec stranger -- wget -q -O /dev/null -T 5 http://web:8080";
    let from_friend = "kubectl exec friend -- wget -q -O /dev/null -T 5 http://web:8080";
    let from_ops = "kubectl exec -n other ops -- wget -q -O /dev/null -T 5 http://web.default:8080";
    let mut transcript = session.run(&["kstate clock settle", from_stranger, from_ops]);
    transcript += &session.0.feed("kubectl apply -f -", &policy("deny", DENY));
    transcript += &session.run(&[
        from_stranger,
        from_friend,
        from_ops,
        "kubectl exec stranger -- ping -c 1 -W 1 web",
        "kstate clock advance 30s",
        "kubectl get pod web",
        "kstate node exec k3d-deadless-agent-0 -- curl -s -o /dev/null -w '%{http_code}\\n' localhost:30080",
        "kstate node exec k3d-deadless-agent-1 -- curl -sS -o /dev/null -w '%{http_code}\\n' localhost:30080",
    ]);
    transcript += &session.0.feed("kubectl apply -f -", &policy("friends", FRIENDS));
    transcript += &session.run(&[from_stranger, from_friend, from_ops, "kubectl delete netpol --all", from_stranger]);
    assert_snapshot!(transcript, @r#"
    $ kstate clock settle
    2026-01-01T00:00:02Z (manual)
    $ kubectl exec stranger -- wget -q -O /dev/null -T 5 http://web:8080
    $ kubectl exec -n other ops -- wget -q -O /dev/null -T 5 http://web.default:8080
    networkpolicy.networking.k8s.io/deny created
    $ kubectl exec stranger -- wget -q -O /dev/null -T 5 http://web:8080
    wget: can't connect to remote host (10.43.19.90): Connection refused
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec friend -- wget -q -O /dev/null -T 5 http://web:8080
    wget: can't connect to remote host (10.43.19.90): Connection refused
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec -n other ops -- wget -q -O /dev/null -T 5 http://web.default:8080
    wget: can't connect to remote host (10.43.19.90): Connection refused
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec stranger -- ping -c 1 -W 1 web
    PING web (10.43.19.90): 56 data bytes

    --- web ping statistics ---
    1 packets transmitted, 0 packets received, 100% packet loss
    command terminated with exit code 1
    [exit 1]
    $ kstate clock advance 30s
    2026-01-01T00:00:33Z (manual)
    $ kubectl get pod web
    NAME   READY   STATUS    RESTARTS   AGE
    web    1/1     Running   0          33s
    $ kstate node exec k3d-deadless-agent-0 -- curl -s -o /dev/null -w '%{http_code}\n' localhost:30080
    200
    $ kstate node exec k3d-deadless-agent-1 -- curl -sS -o /dev/null -w '%{http_code}\n' localhost:30080
    curl: (7) Failed to connect to localhost port 30080 after 0 ms: Could not connect to server
    000
    [exit 7]
    networkpolicy.networking.k8s.io/friends created
    $ kubectl exec stranger -- wget -q -O /dev/null -T 5 http://web:8080
    wget: can't connect to remote host (10.43.19.90): Connection refused
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec friend -- wget -q -O /dev/null -T 5 http://web:8080
    $ kubectl exec -n other ops -- wget -q -O /dev/null -T 5 http://web.default:8080
    $ kubectl delete netpol --all
    networkpolicy.networking.k8s.io "deny" deleted from default namespace
    networkpolicy.networking.k8s.io "friends" deleted from default namespace
    $ kubectl exec stranger -- wget -q -O /dev/null -T 5 http://web:8080
    "#);
}

const NOTHING_OUT: &str = "{podSelector: {matchLabels: {role: friend}}, policyTypes: [Egress]}";

const NAMES_OUT: &str = "{podSelector: {matchLabels: {role: friend}}, policyTypes: [Egress], egress: [{to: \
                         [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: \
                         {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}]}";

const BLOCK_OUT: &str = "{podSelector: {matchLabels: {role: friend}}, policyTypes: [Egress], egress: [{to: [{ipBlock: \
                         {cidr: 10.42.0.0/16, except: [10.42.2.0/24]}}], ports: [{port: 80, endPort: 90}]}]}";

#[test]
fn where_one_may_go() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", PODS);
    let fetch = "kubectl exec friend -- wget -q -O /dev/null -T 5 http://web:8080";
    let mut transcript = session.run(&["kstate clock settle", "kubectl get pods -o wide", fetch]);
    transcript += &session.0.feed("kubectl apply -f -", &policy("nothing", NOTHING_OUT));
    transcript += &session.run(&[fetch, "kubectl exec friend -- nslookup web"]);
    transcript += &session.0.feed("kubectl apply -f -", &policy("names", NAMES_OUT));
    transcript += &session.run(&[fetch, "kubectl exec friend -- nslookup web.default.svc.cluster.local"]);
    transcript += &session.0.feed("kubectl apply -f -", &policy("block", BLOCK_OUT));
    transcript += &session.run(&[fetch, "kubectl exec stranger -- wget -q -O /dev/null -T 5 http://web:8080"]);
    assert_snapshot!(transcript, @"
    $ kstate clock settle
    2026-01-01T00:00:02Z (manual)
    $ kubectl get pods -o wide
    NAME       READY   STATUS    RESTARTS   AGE   IP          NODE                   NOMINATED NODE   READINESS GATES
    friend     1/1     Running   0          2s    10.42.1.4   k3d-deadless-agent-1   <none>           <none>
    stranger   1/1     Running   0          2s    10.42.1.3   k3d-deadless-agent-1   <none>           <none>
    web        1/1     Running   0          2s    10.42.0.2   k3d-deadless-agent-0   <none>           <none>
    $ kubectl exec friend -- wget -q -O /dev/null -T 5 http://web:8080
    networkpolicy.networking.k8s.io/nothing created
    $ kubectl exec friend -- wget -q -O /dev/null -T 5 http://web:8080
    wget: download timed out
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec friend -- nslookup web
    ;; connection timed out; no servers could be reached

    command terminated with exit code 1
    [exit 1]
    networkpolicy.networking.k8s.io/names created
    $ kubectl exec friend -- wget -q -O /dev/null -T 5 http://web:8080
    wget: can't connect to remote host (10.43.19.90): Connection refused
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec friend -- nslookup web.default.svc.cluster.local
    Server:		10.43.0.10
    Address:	10.43.0.10:53

    Name:	web.default.svc.cluster.local
    Address: 10.43.19.90


    networkpolicy.networking.k8s.io/block created
    $ kubectl exec friend -- wget -q -O /dev/null -T 5 http://web:8080
    $ kubectl exec stranger -- wget -q -O /dev/null -T 5 http://web:8080
    ");
}
