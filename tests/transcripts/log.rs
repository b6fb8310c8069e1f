//! What `-v` makes kubectl's log say of requests.

use insta::assert_snapshot;

use super::Session;

#[test]
fn each_level_says_more_of_a_request() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl get cm none -v=6",
        "kubectl get pods -v=7",
        "kubectl get pods --sort-by=.metadata.name -v=8",
        "kubectl create cm a -v=8 -o name",
        "kubectl label cm a x=y -v=9 -o name --as=none",
        "kubectl delete cm a --wait=false --grace-period=3 -v=8",
    ]), @r#"
    $ kubectl get cm none -v=6
    I0101 00:00:00.000000       1 round_trippers.go:632] "Response" verb="GET" url="https://127.0.0.1:6443/api/v1/namespaces/default/configmaps/none" status="404 Not Found" milliseconds=0
    Error from server (NotFound): configmaps "none" not found
    [exit 1]
    $ kubectl get pods -v=7
    I0101 00:00:00.000000       1 round_trippers.go:527] "Request" verb="GET" url="https://127.0.0.1:6443/api/v1/namespaces/default/pods?limit=500" headers=<
    	Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json
    	User-Agent: kubectl/v1.36.2 (linux/amd64) kubernetes/kstate
     >
    I0101 00:00:00.000000       1 round_trippers.go:632] "Response" status="200 OK" milliseconds=0
    No resources found in default namespace.
    $ kubectl get pods --sort-by=.metadata.name -v=8
    I0101 00:00:00.000000       1 helper.go:113] "Request Body" body=""
    I0101 00:00:00.000000       1 round_trippers.go:527] "Request" verb="GET" url="https://127.0.0.1:6443/api/v1/namespaces/default/pods?includeObject=Object" headers=<
    	Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json
    	User-Agent: kubectl/v1.36.2 (linux/amd64) kubernetes/kstate
     >
    I0101 00:00:00.000000       1 round_trippers.go:632] "Response" status="200 OK" headers=<
    	Cache-Control: no-cache, private
    	Content-Length: 402
    	Content-Type: application/json
    	Date: Thu, 01 Jan 2026 00:00:00 GMT
     > milliseconds=0
    I0101 00:00:00.000000       1 helper.go:113] "Response Body" body=<
    	{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"215"},"columnDefinitions":[{"name":"NAME","priority":0},{"name":"READY","priority":0},{"name":"STATUS","priority":0},{"name":"RESTARTS","priority":0},{"name":"AGE","priority":0},{"name":"IP","priority":1},{"name":"NODE","priority":1},{"name":"NOMINATED NODE","priority":1},{"name":"READINESS GATES","priority":1}],"rows":[]}
     >
    No resources found in default namespace.
    $ kubectl create cm a -v=8 -o name
    I0101 00:00:00.000000       1 helper.go:246] "Request Body" body=<
    	{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}
     >
    I0101 00:00:00.000000       1 round_trippers.go:527] "Request" verb="POST" url="https://127.0.0.1:6443/api/v1/namespaces/default/configmaps?fieldManager=kubectl-create&fieldValidation=Strict" headers=<
    	Accept: application/json
    	Content-Type: application/json
    	User-Agent: kubectl/v1.36.2 (linux/amd64) kubernetes/kstate
     >
    I0101 00:00:00.000000       1 round_trippers.go:632] "Response" status="201 Created" headers=<
    	Cache-Control: no-cache, private
    	Content-Length: 197
    	Content-Type: application/json
    	Date: Thu, 01 Jan 2026 00:00:00 GMT
     > milliseconds=0
    I0101 00:00:00.000000       1 helper.go:246] "Response Body" body=<
    	{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"default","uid":"ce3a5d3b-9726-44ce-add8-a00ce29485f2","resourceVersion":"216","creationTimestamp":"2026-01-01T00:00:00Z"}}
     >
    configmap/a
    $ kubectl label cm a x=y -v=9 -o name --as=none
    I0101 00:00:00.100000       1 helper.go:105] "Request Body" body=""
    I0101 00:00:00.100000       1 round_trippers.go:527] "Request" curlCommand=<
    	curl -v -XGET  -H "Accept: application/json" -H "Impersonate-User: none" -H "User-Agent: kubectl/v1.36.2 (linux/amd64) kubernetes/kstate" 'https://127.0.0.1:6443/api/v1/namespaces/default/configmaps/a'
     >
    I0101 00:00:00.100000       1 round_trippers.go:632] "Response" verb="GET" url="https://127.0.0.1:6443/api/v1/namespaces/default/configmaps/a" status="403 Forbidden" headers=<
    	Cache-Control: no-cache, private
    	Content-Length: 283
    	Content-Type: application/json
    	Date: Thu, 01 Jan 2026 00:00:00 GMT
     > milliseconds=0 getConnectionMilliseconds=0
    I0101 00:00:00.100000       1 helper.go:105] "Response Body" body=<
    	{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"configmaps \"a\" is forbidden: User \"none\" cannot get resource \"configmaps\" in API group \"\" in the namespace \"default\"","reason":"Forbidden","details":{"name":"a","kind":"configmaps"},"code":403}
     >
    Error from server (Forbidden): configmaps "a" is forbidden: User "none" cannot get resource "configmaps" in API group "" in the namespace "default"
    [exit 1]
    $ kubectl delete cm a --wait=false --grace-period=3 -v=8
    I0101 00:00:00.200000       1 helper.go:202] "Request Body" body=<
    	{"gracePeriodSeconds":3,"propagationPolicy":"Background"}
     >
    I0101 00:00:00.200000       1 round_trippers.go:527] "Request" verb="DELETE" url="https://127.0.0.1:6443/api/v1/namespaces/default/configmaps/a" headers=<
    	Accept: application/json
    	Content-Type: application/json
    	User-Agent: kubectl/v1.36.2 (linux/amd64) kubernetes/kstate
     >
    I0101 00:00:00.200000       1 round_trippers.go:632] "Response" status="200 OK" headers=<
    	Cache-Control: no-cache, private
    	Content-Length: 157
    	Content-Type: application/json
    	Date: Thu, 01 Jan 2026 00:00:00 GMT
     > milliseconds=0
    I0101 00:00:00.200000       1 helper.go:202] "Response Body" body=<
    	{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"a","kind":"configmaps","uid":"ce3a5d3b-9726-44ce-add8-a00ce29485f2"}}
     >
    configmap "a" deleted from default namespace
    "#);
}

#[test]
fn long_bodies_are_cut_below_level_10() {
    let mut session = Session::new();
    let mut cuts = |level: &str| {
        session.run(&[&format!("kubectl get --raw /api/v1/namespaces -v={level}")]).contains("[truncated ")
    };
    assert_eq!([cuts("8"), cuts("10")], [true, false]);
}

#[test]
fn what_a_list_holds_is_not_asked_for_again() {
    let mut session = Session::new();
    session.run(&["kubectl create configmap a", "kubectl create configmap b"]);
    assert_snapshot!(session.run(&["kubectl get cm -v=6", "kubectl get cm -o name -v=6"]), @r#"
    $ kubectl get cm -v=6
    I0101 00:00:00.200000       1 round_trippers.go:632] "Response" verb="GET" url="https://127.0.0.1:6443/api/v1/namespaces/default/configmaps?limit=500" status="200 OK" milliseconds=0
    NAME                       DATA   AGE
    a                          0      0s
    b                          0      0s
    kube-root-ca.crt           1      0s
    openshift-service-ca.crt   1      0s
    $ kubectl get cm -o name -v=6
    I0101 00:00:00.200000       1 round_trippers.go:632] "Response" verb="GET" url="https://127.0.0.1:6443/api/v1/namespaces/default/configmaps?limit=500" status="200 OK" milliseconds=0
    configmap/a
    configmap/b
    configmap/kube-root-ca.crt
    configmap/openshift-service-ca.crt
    "#);
}
