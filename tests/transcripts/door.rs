//! What pods ask the API server: over its service, with the token of their service account and its rights.

use insta::assert_snapshot;

use super::Session;

const LOOKER: &str = r#"apiVersion: v1
kind: ServiceAccount
metadata: {name: looker}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: looker}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, list]}
- {apiGroups: [""], resources: [configmaps], verbs: [create, get, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: looker}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: looker}
subjects: [{kind: ServiceAccount, name: looker}]
---
apiVersion: v1
kind: Pod
metadata: {name: looker, labels: {app: looker}}
spec:
  serviceAccountName: looker
  containers:
  - {name: c, image: "curlimages/curl", command: [sleep, "36000"]}
"#;

/// A request from the pod, as a line of a session.
fn curl(options: &str, path: &str) -> String {
    format!(
        r#"kubectl exec looker -- sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount; curl -s --cacert ca.crt -H "Authorization: Bearer $(cat token)" {options} https://kubernetes.default.svc{path}'"#
    )
}

#[test]
fn a_pod_asks_with_the_rights_of_its_account() {
    let mut session = Session::new();
    session.apply(LOOKER);
    session.run(&["kstate clock advance 10s"]);
    let here = "/api/v1/namespaces/default";
    assert_snapshot!(session.run(&[
        &curl("-w '%{http_code}' -o /dev/null", &format!("{here}/pods")),
        &format!("{} | grep podIP", curl("", &format!("{here}/pods?labelSelector=app%3Dlooker"))),
        &curl("", &format!("{here}/pods?labelSelector=app%3Dnobody")),
        &curl("", &format!("{here}/services")),
        &curl("", &format!("{here}/pods/nobody")),
        &curl(
            r#"-i -H "Content-Type: application/json" -d "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"}}""#,
            &format!("{here}/configmaps"),
        ),
        "kubectl get configmap a",
        &curl("-X DELETE", &format!("{here}/configmaps/a")),
        "kubectl exec looker -- curl -s -k -H 'Authorization: Bearer x.y.z' https://kubernetes.default.svc/version",
        "kubectl exec looker -- curl -s -k https://kubernetes.default.svc/version",
        "kubectl exec looker -- curl -sS https://kubernetes.default.svc/version",
        "kubectl exec looker -- curl -s http://kubernetes.default.svc:443/version",
        "kubectl delete rolebinding looker",
        &curl("", &format!("{here}/pods")),
        "kubectl exec looker -- mount | grep secrets",
    ]), @r#"
    $ kubectl exec looker -- sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount; curl -s --cacert ca.crt -H "Authorization: Bearer $(cat token)" -w '%{http_code}' -o /dev/null https://kubernetes.default.svc/api/v1/namespaces/default/pods'
    200$ kubectl exec looker -- sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount; curl -s --cacert ca.crt -H "Authorization: Bearer $(cat token)"  https://kubernetes.default.svc/api/v1/namespaces/default/pods?labelSelector=app%3Dlooker' | grep podIP
                    "f:podIP": {},
                    "f:podIPs": {
            "podIP": "10.42.2.2",
            "podIPs": [
    $ kubectl exec looker -- sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount; curl -s --cacert ca.crt -H "Authorization: Bearer $(cat token)"  https://kubernetes.default.svc/api/v1/namespaces/default/pods?labelSelector=app%3Dnobody'
    {
      "kind": "PodList",
      "apiVersion": "v1",
      "metadata": {
        "resourceVersion": "228"
      },
      "items": []
    }$ kubectl exec looker -- sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount; curl -s --cacert ca.crt -H "Authorization: Bearer $(cat token)"  https://kubernetes.default.svc/api/v1/namespaces/default/services'
    {
      "kind": "Status",
      "apiVersion": "v1",
      "metadata": {},
      "status": "Failure",
      "message": "services is forbidden: User \"system:serviceaccount:default:looker\" cannot list resource \"services\" in API group \"\" in the namespace \"default\"",
      "reason": "Forbidden",
      "details": {
        "kind": "services"
      },
      "code": 403
    }$ kubectl exec looker -- sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount; curl -s --cacert ca.crt -H "Authorization: Bearer $(cat token)"  https://kubernetes.default.svc/api/v1/namespaces/default/pods/nobody'
    {
      "kind": "Status",
      "apiVersion": "v1",
      "metadata": {},
      "status": "Failure",
      "message": "pods \"nobody\" not found",
      "reason": "NotFound",
      "details": {
        "name": "nobody",
        "kind": "pods"
      },
      "code": 404
    }$ kubectl exec looker -- sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount; curl -s --cacert ca.crt -H "Authorization: Bearer $(cat token)" -i -H "Content-Type: application/json" -d "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"}}" https://kubernetes.default.svc/api/v1/namespaces/default/configmaps'
    HTTP/1.1 201 Created
    Cache-Control: no-cache, private
    Content-Type: application/json
    Date: Thu, 01 Jan 2026 00:00:11 GMT
    Content-Length: 242

    {
      "kind": "ConfigMap",
      "apiVersion": "v1",
      "metadata": {
        "name": "a",
        "namespace": "default",
        "uid": "ce3a5d3b-9726-44ce-add8-a00ce29485f2",
        "resourceVersion": "229",
        "creationTimestamp": "2026-01-01T00:00:11Z"
      }
    }$ kubectl get configmap a
    NAME   DATA   AGE
    a      0      0s
    $ kubectl exec looker -- sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount; curl -s --cacert ca.crt -H "Authorization: Bearer $(cat token)" -X DELETE https://kubernetes.default.svc/api/v1/namespaces/default/configmaps/a'
    {
      "kind": "Status",
      "apiVersion": "v1",
      "metadata": {},
      "status": "Failure",
      "message": "configmaps \"a\" is forbidden: User \"system:serviceaccount:default:looker\" cannot delete resource \"configmaps\" in API group \"\" in the namespace \"default\"",
      "reason": "Forbidden",
      "details": {
        "name": "a",
        "kind": "configmaps"
      },
      "code": 403
    }$ kubectl exec looker -- curl -s -k -H 'Authorization: Bearer x.y.z' https://kubernetes.default.svc/version
    {
      "kind": "Status",
      "apiVersion": "v1",
      "metadata": {},
      "status": "Failure",
      "message": "Unauthorized",
      "reason": "Unauthorized",
      "code": 401
    }$ kubectl exec looker -- curl -s -k https://kubernetes.default.svc/version
    {
      "kind": "Status",
      "apiVersion": "v1",
      "metadata": {},
      "status": "Failure",
      "message": "Unauthorized",
      "reason": "Unauthorized",
      "code": 401
    }$ kubectl exec looker -- curl -sS https://kubernetes.default.svc/version
    curl: (60) SSL certificate problem: unable to get local issuer certificate
    More details here: https://curl.se/docs/sslcerts.html

    curl failed to verify the legitimacy of the server and therefore could not
    establish a secure connection to it. To learn more about this situation and
    how to fix it, please visit the webpage mentioned above.
    command terminated with exit code 60
    [exit 60]
    $ kubectl exec looker -- curl -s http://kubernetes.default.svc:443/version
    Client sent an HTTP request to an HTTPS server.
    $ kubectl delete rolebinding looker
    rolebinding.rbac.authorization.k8s.io "looker" deleted from default namespace
    $ kubectl exec looker -- sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount; curl -s --cacert ca.crt -H "Authorization: Bearer $(cat token)"  https://kubernetes.default.svc/api/v1/namespaces/default/pods'
    {
      "kind": "Status",
      "apiVersion": "v1",
      "metadata": {},
      "status": "Failure",
      "message": "pods is forbidden: User \"system:serviceaccount:default:looker\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"",
      "reason": "Forbidden",
      "details": {
        "kind": "pods"
      },
      "code": 403
    }$ kubectl exec looker -- mount | grep secrets
    tmpfs on /run/secrets/kubernetes.io/serviceaccount type tmpfs (ro,relatime,size=8388608k,noswap)
    "#);
}
