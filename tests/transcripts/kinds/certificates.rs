//! Requests for certificates.

use insta::assert_snapshot;
use kstate::api::Duration;

use crate::transcripts::Session;

/// O=dev, CN=jane, with an elliptic key.
const JANE: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWU1IOENBUUF3SFRFTU1Bb0dBMVVFQ2d3RFpHVjJNUTB3Q3dZRFZRUUREQVJxWVc1bE1Ga3dFd1lIS29aSQp6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVQWVdEMGtsOTNGUjM1M1BXVEgvSTN2TFFUSkkrb0ZlSVZxZ1Jqd1ZiClhYNUYwY3BZUnVVYllDYkZ1a1N1ZVY4V1gvbDU3TkpGa3EyZXZ1ZE5JdkRxS3FBQU1Bb0dDQ3FHU000OUJBTUMKQTBrQU1FWUNJUURaR3ZlV1preSsyYnI5aU8rRVNNWE9kM3RWVi9qZjQ5S2hHaS9iY0RTcDhBSWhBUFhuRnZZUApWWUNYaVhUVkQycXNOTStqS3pxaGQvTW5oenBrZTkvOU1tV2sKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==";
/// C=DE, O=dev and ops, CN=bob, with an RSA key and other names.
const BOB: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQ3dEQ0NBYWdDQVFBd056RUxNQWtHQTFVRUJoTUNSRVV4RERBS0JnTlZCQW9NQTJSbGRqRU1NQW9HQTFVRQpDZ3dEYjNCek1Rd3dDZ1lEVlFRRERBTmliMkl3Z2dFaU1BMEdDU3FHU0liM0RRRUJBUVVBQTRJQkR3QXdnZ0VLCkFvSUJBUUMrUjhDWG1xbWgrUUJLZDlmcjM0dkZvdXB4UkpHbjlMRFFGbzd3NzVibUd5OXRnR2drUmphQ2Y3aEQKekR1TGpsMmJ4THdacTdiTFgwN0xGRXZqdmRHdGROcEZwc3VWZHNXbUlHQzAzaGRDR084c2tINWdkWlg1OUJKUApKNDJXWVVQZ2ZUUEViS3BaZ2hmS3prS0htdXJmVTMrT214Z0pGamhDcHg1S0xEVWdpbTRuL21zRG5ZYXhFbFZICi85QWVJREc2VS8yVnlwOG81OEE4VUUzTWlmWUlwYWdkZ1lUNXlXNC9Ob29aQzJmYXJ1bWlvcUM0bzkvSGFyMnMKRkRnSjJjcFRITy8yYjMwSjZ3M2RXQzhFOHkyOEFKTSs1ZDN0T3l1T2FuNXlTdmdwT0xUcndQU0hIbGpPVG1RSgpSZzlMekYvY205TUlqS2IxdjM0YUZUZE5nNVNoQWdNQkFBR2dSREJDQmdrcWhraUc5dzBCQ1E0eE5UQXpNREVHCkExVWRFUVFxTUNpQ0QySnZZaTVsZUdGdGNHeGxMbU52YlljRUNnQUFBWUVQWW05aVFHVjRZVzF3YkdVdVkyOXQKTUEwR0NTcUdTSWIzRFFFQkN3VUFBNElCQVFBZzc4ZUt4U0owaXM2ZFcwdFYrUkRQWXlaVzZXanBqVUhwN0hIcQpka2xuZUZCalNTVENna1FsK0QxenB4amRUZUh6T3JXc3d1NDg2UlpmU0tjR01Vd2VydDVFMkl1TlpjQXlxK2J0CmQxQTBhSXdCUDBXWFpWdzRFbENtUnRhODZFWGc4anBoSmk0b0RQR2FUZlViNDZWcy9kZDFDcXFNd0tQc3VaWlQKQjZvbUM2blhOb3ZPZlFnK3dzY05SQS9JYUQ4eTVKR2tIc2RrdE5UT0dPZDRIcVBuYzlVSFdhVGZOaHhSOFZzcAoxa055dVVlUTEvNmNNME1HVnlPSkJ1KzJpMVZuN0lFV1JvMXhyZWNGS3F4RmhHWnFWeGhrNnpxSkRiRDJ0bVcwCjliakV2bTM0bmtVMU9FR2YrQW9XKzh0Q0FWUnlEeFhwYnFsaHpGSm1QRW5mWjVQbQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";
/// O=system:masters, CN=mallory.
const MALLORY: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIbU1JR05BZ0VBTUNzeEZ6QVZCZ05WQkFvTURuTjVjM1JsYlRwdFlYTjBaWEp6TVJBd0RnWURWUVFEREFkdApZV3hzYjNKNU1Ga3dFd1lIS29aSXpqMENBUVlJS29aSXpqMERBUWNEUWdBRVBZV0Qwa2w5M0ZSMzUzUFdUSC9JCjN2TFFUSkkrb0ZlSVZxZ1Jqd1ZiWFg1RjBjcFlSdVViWUNiRnVrU3VlVjhXWC9sNTdOSkZrcTJldnVkTkl2RHEKS3FBQU1Bb0dDQ3FHU000OUJBTUNBMGdBTUVVQ0lINkt0UldIVU03RUhReVkyRFJCcDJUa0JyVGhjYUtYd3cwTQp3Wlo5R2w2ZEFpRUFuakRsQldYbithL1JDNzZmVHU3WVVVLzZ3Q3RGRXhPTElzQ21VNXViM1EwPQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";

fn request(name: &str, pem: &str, signer: &str, usages: &str) -> String {
    format!(
        "apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata:
  name: {name}
spec:
  request: {pem}
  signerName: {signer}
  expirationSeconds: 86400
  usages: [{usages}]
"
    )
}

const CLIENT: &str = "kubernetes.io/kube-apiserver-client";

#[test]
fn a_request_is_made_and_decided() {
    let mut session = Session::new();
    assert_snapshot!(session.apply(&request("jane", JANE, CLIENT, "client auth")), @"certificatesigningrequest.certificates.k8s.io/jane created");
    session.apply(&request("bob", BOB, "example.com/signer", "client auth, digital signature"));
    assert_snapshot!(session.run(&[
        "kubectl get csr",
        "kubectl get csr jane -o jsonpath='{.spec.username} {.spec.groups}'",
        "kubectl describe csr jane",
        "kubectl describe csr bob",
        "kubectl certificate approve jane",
        "kubectl certificate approve jane",
        "kubectl certificate deny jane",
        "kubectl certificate deny bob -o name",
        "kubectl certificate deny bob --force",
        "kubectl certificate approve nope",
        "kubectl certificate approve",
        "kubectl get csr",
        "kubectl get csr jane -o jsonpath={.status.conditions}",
        "kubectl get csr --field-selector=spec.signerName=example.com/signer",
        "kubectl get csr --field-selector=spec.username=x",
    ]), @r#"
    $ kubectl get csr
    NAME   AGE   SIGNERNAME                            REQUESTOR            REQUESTEDDURATION   CONDITION
    bob    0s    example.com/signer                    admin@k3d-deadless   24h                 Pending
    jane   0s    kubernetes.io/kube-apiserver-client   admin@k3d-deadless   24h                 Pending
    $ kubectl get csr jane -o jsonpath='{.spec.username} {.spec.groups}'
    admin@k3d-deadless ["system:masters","system:authenticated"]$ kubectl describe csr jane
    Name:         jane
    Labels:       <none>
    Annotations:  kubectl.kubernetes.io/last-applied-configuration={"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest","metadata":{"annotations":{},"name":"jane"},"spec":{"expirationSeconds":86400,"request":"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWU1IOENBUUF3SFRFTU1Bb0dBMVVFQ2d3RFpHVjJNUTB3Q3dZRFZRUUREQVJxWVc1bE1Ga3dFd1lIS29aSQp6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVQWVdEMGtsOTNGUjM1M1BXVEgvSTN2TFFUSkkrb0ZlSVZxZ1Jqd1ZiClhYNUYwY3BZUnVVYllDYkZ1a1N1ZVY4V1gvbDU3TkpGa3EyZXZ1ZE5JdkRxS3FBQU1Bb0dDQ3FHU000OUJBTUMKQTBrQU1FWUNJUURaR3ZlV1preSsyYnI5aU8rRVNNWE9kM3RWVi9qZjQ5S2hHaS9iY0RTcDhBSWhBUFhuRnZZUApWWUNYaVhUVkQycXNOTStqS3pxaGQvTW5oenBrZTkvOU1tV2sKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==","signerName":"kubernetes.io/kube-apiserver-client","usages":["client auth"]}}

    CreationTimestamp:   Thu, 01 Jan 2026 00:00:00 +0000
    Requesting User:     admin@k3d-deadless
    Signer:              kubernetes.io/kube-apiserver-client
    Requested Duration:  24h
    Status:              Pending
    Subject:
             Common Name:    jane
             Serial Number:  
             Organization:   dev
    Events:  <none>
    $ kubectl describe csr bob
    Name:         bob
    Labels:       <none>
    Annotations:  kubectl.kubernetes.io/last-applied-configuration={"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest","metadata":{"annotations":{},"name":"bob"},"spec":{"expirationSeconds":86400,"request":"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQ3dEQ0NBYWdDQVFBd056RUxNQWtHQTFVRUJoTUNSRVV4RERBS0JnTlZCQW9NQTJSbGRqRU1NQW9HQTFVRQpDZ3dEYjNCek1Rd3dDZ1lEVlFRRERBTmliMkl3Z2dFaU1BMEdDU3FHU0liM0RRRUJBUVVBQTRJQkR3QXdnZ0VLCkFvSUJBUUMrUjhDWG1xbWgrUUJLZDlmcjM0dkZvdXB4UkpHbjlMRFFGbzd3NzVibUd5OXRnR2drUmphQ2Y3aEQKekR1TGpsMmJ4THdacTdiTFgwN0xGRXZqdmRHdGROcEZwc3VWZHNXbUlHQzAzaGRDR084c2tINWdkWlg1OUJKUApKNDJXWVVQZ2ZUUEViS3BaZ2hmS3prS0htdXJmVTMrT214Z0pGamhDcHg1S0xEVWdpbTRuL21zRG5ZYXhFbFZICi85QWVJREc2VS8yVnlwOG81OEE4VUUzTWlmWUlwYWdkZ1lUNXlXNC9Ob29aQzJmYXJ1bWlvcUM0bzkvSGFyMnMKRkRnSjJjcFRITy8yYjMwSjZ3M2RXQzhFOHkyOEFKTSs1ZDN0T3l1T2FuNXlTdmdwT0xUcndQU0hIbGpPVG1RSgpSZzlMekYvY205TUlqS2IxdjM0YUZUZE5nNVNoQWdNQkFBR2dSREJDQmdrcWhraUc5dzBCQ1E0eE5UQXpNREVHCkExVWRFUVFxTUNpQ0QySnZZaTVsZUdGdGNHeGxMbU52YlljRUNnQUFBWUVQWW05aVFHVjRZVzF3YkdVdVkyOXQKTUEwR0NTcUdTSWIzRFFFQkN3VUFBNElCQVFBZzc4ZUt4U0owaXM2ZFcwdFYrUkRQWXlaVzZXanBqVUhwN0hIcQpka2xuZUZCalNTVENna1FsK0QxenB4amRUZUh6T3JXc3d1NDg2UlpmU0tjR01Vd2VydDVFMkl1TlpjQXlxK2J0CmQxQTBhSXdCUDBXWFpWdzRFbENtUnRhODZFWGc4anBoSmk0b0RQR2FUZlViNDZWcy9kZDFDcXFNd0tQc3VaWlQKQjZvbUM2blhOb3ZPZlFnK3dzY05SQS9JYUQ4eTVKR2tIc2RrdE5UT0dPZDRIcVBuYzlVSFdhVGZOaHhSOFZzcAoxa055dVVlUTEvNmNNME1HVnlPSkJ1KzJpMVZuN0lFV1JvMXhyZWNGS3F4RmhHWnFWeGhrNnpxSkRiRDJ0bVcwCjliakV2bTM0bmtVMU9FR2YrQW9XKzh0Q0FWUnlEeFhwYnFsaHpGSm1QRW5mWjVQbQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K","signerName":"example.com/signer","usages":["client auth","digital signature"]}}

    CreationTimestamp:   Thu, 01 Jan 2026 00:00:00 +0000
    Requesting User:     admin@k3d-deadless
    Signer:              example.com/signer
    Requested Duration:  24h
    Status:              Pending
    Subject:
      Common Name:    bob
      Serial Number:  
      Organization:   dev
                      ops
      Country:        DE
    Subject Alternative Names:
             DNS Names:        bob.example.com
             Email Addresses:  bob@example.com
             IP Addresses:     10.0.0.1
    Events:  <none>
    $ kubectl certificate approve jane
    certificatesigningrequest.certificates.k8s.io/jane approved
    $ kubectl certificate approve jane
    certificatesigningrequest.certificates.k8s.io/jane approved
    $ kubectl certificate deny jane
    error: certificate signing request "jane" is already Approved
    [exit 1]
    $ kubectl certificate deny bob -o name
    certificatesigningrequest.certificates.k8s.io/bob
    $ kubectl certificate deny bob --force
    certificatesigningrequest.certificates.k8s.io/bob denied
    $ kubectl certificate approve nope
    Error from server (NotFound): certificatesigningrequests.certificates.k8s.io "nope" not found
    [exit 1]
    $ kubectl certificate approve
    error: one or more CSRs must be specified as <name> or -f <filename>
    [exit 1]
    $ kubectl get csr
    NAME   AGE   SIGNERNAME                            REQUESTOR            REQUESTEDDURATION   CONDITION
    bob    0s    example.com/signer                    admin@k3d-deadless   24h                 Denied
    jane   0s    kubernetes.io/kube-apiserver-client   admin@k3d-deadless   24h                 Approved,Issued
    $ kubectl get csr jane -o jsonpath={.status.conditions}
    [{"lastTransitionTime":"2026-01-01T00:00:00Z","lastUpdateTime":"2026-01-01T00:00:00Z","message":"This CSR was approved by kubectl certificate approve.","reason":"KubectlApprove","status":"True","type":"Approved"}]$ kubectl get csr --field-selector=spec.signerName=example.com/signer
    NAME   AGE   SIGNERNAME           REQUESTOR            REQUESTEDDURATION   CONDITION
    bob    0s    example.com/signer   admin@k3d-deadless   24h                 Denied
    $ kubectl get csr --field-selector=spec.username=x
    Error from server (BadRequest): Unable to find "certificates.k8s.io/v1, Resource=certificatesigningrequests" that match label selector "", field selector "spec.username=x": field label not supported: spec.username
    [exit 1]
    "#);
}

#[test]
fn a_request_is_decided_by_its_file() {
    let mut session = Session::new();
    let file = request("jane", JANE, CLIENT, "client auth");
    session.apply(&file);
    assert_snapshot!(session.0.feed("kubectl certificate approve -f -", &file), @"certificatesigningrequest.certificates.k8s.io/jane approved");
    let pod = "{apiVersion: v1, kind: Namespace, metadata: {name: default}}";
    assert_snapshot!(session.0.feed("kubectl certificate deny -f -", pod), @"error: can only handle CertificateSigningRequest.certificates.k8s.io objects, got Namespace");
}

#[test]
fn a_request_never_changes_but_in_its_parts() {
    let mut session = Session::new();
    session.apply(&request("jane", JANE, "example.com/signer", "client auth"));
    let status = |conditions: &str| {
        format!(
            "kubectl patch csr jane --subresource=status --type=merge -p '{{\"status\":{{\"conditions\":[{conditions}]}}}}'"
        )
    };
    let failed = r#"{"type":"Failed","status":"True","reason":"Tired","message":"Not today"}"#;
    let approved = r#"{"type":"Approved","status":"True","reason":"Me"}"#;
    let unsure = r#"{"type":"Approved","status":"Unknown"},{"type":"Denied","status":"True"}"#;
    let approval = |conditions: &str| status(conditions).replace("subresource=status", "subresource=approval");
    assert_snapshot!(session.run(&[
        "kubectl patch csr jane --type=merge -p '{\"spec\":{\"signerName\":\"example.com/other\"}}'",
        &status(approved),
        &status(failed),
        "kubectl get csr jane",
        &approval(unsure),
        &approval(approved),
        "kubectl patch csr jane --subresource=status --type=merge -p '{\"status\":{\"certificate\":\"eA==\"}}'",
        "kubectl auth can-i approve signers/example.com/signer --as=jane",
        "kubectl create clusterrole clerk --verb=get,list,update --resource=certificatesigningrequests,certificatesigningrequests/approval",
        "kubectl create clusterrolebinding clerk --clusterrole=clerk --user=clerk",
        "kubectl certificate approve jane --as=clerk",
        "kubectl create clusterrole approver --verb=approve --resource=signers.certificates.k8s.io --resource-name=example.com/*",
    ]), @r#"
    $ kubectl patch csr jane --type=merge -p '{"spec":{"signerName":"example.com/other"}}'
    certificatesigningrequest.certificates.k8s.io/jane patched (no change)
    $ kubectl patch csr jane --subresource=status --type=merge -p '{"status":{"conditions":[{"type":"Approved","status":"True","reason":"Me"}]}}'
    The CertificateSigningRequest "jane" is invalid: status.conditions: Forbidden: updates may not add a condition of type "Approved"
    [exit 1]
    $ kubectl patch csr jane --subresource=status --type=merge -p '{"status":{"conditions":[{"type":"Failed","status":"True","reason":"Tired","message":"Not today"}]}}'
    certificatesigningrequest.certificates.k8s.io/jane patched
    $ kubectl get csr jane
    NAME   AGE   SIGNERNAME           REQUESTOR            REQUESTEDDURATION   CONDITION
    jane   0s    example.com/signer   admin@k3d-deadless   24h                 Pending,Failed
    $ kubectl patch csr jane --subresource=approval --type=merge -p '{"status":{"conditions":[{"type":"Approved","status":"Unknown"},{"type":"Denied","status":"True"}]}}'
    The CertificateSigningRequest "jane" is invalid: 
    * status.conditions[0].status: Unsupported value: "Unknown": supported values: "True"
    * status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive
    * status.conditions: Forbidden: updates may not remove a condition of type "Failed"
    [exit 1]
    $ kubectl patch csr jane --subresource=approval --type=merge -p '{"status":{"conditions":[{"type":"Approved","status":"True","reason":"Me"}]}}'
    The CertificateSigningRequest "jane" is invalid: status.conditions: Forbidden: updates may not remove a condition of type "Failed"
    [exit 1]
    $ kubectl patch csr jane --subresource=status --type=merge -p '{"status":{"certificate":"eA=="}}'
    The CertificateSigningRequest "jane" is invalid: status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block
    [exit 1]
    $ kubectl auth can-i approve signers/example.com/signer --as=jane
    Warning: the server doesn't have a resource type 'signers'

    no
    [exit 1]
    $ kubectl create clusterrole clerk --verb=get,list,update --resource=certificatesigningrequests,certificatesigningrequests/approval
    clusterrole.rbac.authorization.k8s.io/clerk created
    $ kubectl create clusterrolebinding clerk --clusterrole=clerk --user=clerk
    clusterrolebinding.rbac.authorization.k8s.io/clerk created
    $ kubectl certificate approve jane --as=clerk
    Error from server (Forbidden): certificatesigningrequests.certificates.k8s.io "jane" is forbidden: user not permitted to approve requests with signerName "example.com/signer"
    [exit 1]
    $ kubectl create clusterrole approver --verb=approve --resource=signers.certificates.k8s.io --resource-name=example.com/*
    Warning: 'approve' is not a standard resource verb
    the server doesn't have a resource type "signers" in group "certificates.k8s.io"
    [exit 1]
    "#);
}

#[test]
fn who_may_approve_for_a_signer_does() {
    let mut session = Session::new();
    session.apply(&request("jane", JANE, "example.com/signer", "client auth"));
    session.apply(
        "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: approver
rules:
- apiGroups: [certificates.k8s.io]
  resources: [certificatesigningrequests]
  verbs: [get]
- apiGroups: [certificates.k8s.io]
  resources: [certificatesigningrequests/approval]
  verbs: [update]
- apiGroups: [certificates.k8s.io]
  resources: [signers]
  resourceNames: [example.com/*]
  verbs: [approve]
",
    );
    assert_snapshot!(session.run(&[
        "kubectl create clusterrolebinding approver --clusterrole=approver --user=clerk",
        "kubectl certificate approve jane --as=clerk",
        "kubectl get csr",
    ]), @"
    $ kubectl create clusterrolebinding approver --clusterrole=approver --user=clerk
    clusterrolebinding.rbac.authorization.k8s.io/approver created
    $ kubectl certificate approve jane --as=clerk
    certificatesigningrequest.certificates.k8s.io/jane approved
    $ kubectl get csr
    NAME   AGE   SIGNERNAME           REQUESTOR            REQUESTEDDURATION   CONDITION
    jane   0s    example.com/signer   admin@k3d-deadless   24h                 Approved
    ");
}

#[test]
fn what_is_approved_is_signed_and_goes_after_an_hour() {
    let mut session = Session::new();
    session.apply(&request("jane", JANE, CLIENT, "client auth, digital signature"));
    session.apply(&request("bob", BOB, CLIENT, "client auth"));
    session.apply(&request("server", JANE, CLIENT, "server auth"));
    session.apply(&request("node", JANE, "kubernetes.io/kubelet-serving", "server auth"));
    session.apply(&request("elsewhere", JANE, "example.com/signer", "client auth"));
    session.apply(&request("undecided", JANE, CLIENT, "client auth"));
    assert_snapshot!(session.run(&[
        "kubectl certificate approve jane bob server node elsewhere",
        "kubectl get csr",
        "kubectl get csr jane -o jsonpath={.status.certificate}",
        "kubectl get csr server -o jsonpath={.status.conditions[1]}",
        "kubectl get csr node -o jsonpath={.status.conditions[1].message}",
        "kubectl certificate approve jane --force",
    ]), @r#"
    $ kubectl certificate approve jane bob server node elsewhere
    certificatesigningrequest.certificates.k8s.io/jane approved
    certificatesigningrequest.certificates.k8s.io/bob approved
    certificatesigningrequest.certificates.k8s.io/server approved
    certificatesigningrequest.certificates.k8s.io/node approved
    certificatesigningrequest.certificates.k8s.io/elsewhere approved
    $ kubectl get csr
    NAME        AGE   SIGNERNAME                            REQUESTOR            REQUESTEDDURATION   CONDITION
    bob         0s    kubernetes.io/kube-apiserver-client   admin@k3d-deadless   24h                 Approved,Issued
    elsewhere   0s    example.com/signer                    admin@k3d-deadless   24h                 Approved
    jane        0s    kubernetes.io/kube-apiserver-client   admin@k3d-deadless   24h                 Approved,Issued
    node        0s    kubernetes.io/kubelet-serving         admin@k3d-deadless   24h                 Approved,Failed
    server      0s    kubernetes.io/kube-apiserver-client   admin@k3d-deadless   24h                 Approved,Failed
    undecided   0s    kubernetes.io/kube-apiserver-client   admin@k3d-deadless   24h                 Pending
    $ kubectl get csr jane -o jsonpath={.status.certificate}
    LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJrekNDQVRxZ0F3SUJBZ0lRVkdiQ2NWMlJPWWJlOXdIWllEV2FrekFLQmdncWhrak9QUVFEQWpBak1TRXcKSHdZRFZRUUREQmhyTTNNdFkyeHBaVzUwTFdOaFFERTNOamN5TWpVMk1EQXdIaGNOTWpVeE1qTXhNak0xTlRBdwpXaGNOTWpZd01UQXhNak0xTlRBd1dqQWRNUXd3Q2dZRFZRUUtFd05rWlhZeERUQUxCZ05WQkFNVEJHcGhibVV3CldUQVRCZ2NxaGtqT1BRSUJCZ2dxaGtqT1BRTUJCd05DQUFROWhZUFNTWDNjVkhmbmM5Wk1mOGplOHRCTWtqNmcKVjRoV3FCR1BCVnRkZmtYUnlsaEc1UnRnSnNXNlJLNTVYeFpmK1huczBrV1NyWjYrNTAwaThPb3FvMVl3VkRBTwpCZ05WSFE4QkFmOEVCQU1DQjRBd0V3WURWUjBsQkF3d0NnWUlLd1lCQlFVSEF3SXdEQVlEVlIwVEFRSC9CQUl3CkFEQWZCZ05WSFNNRUdEQVdnQlR3eFJMbWhENDJEbjFZbFF2aWRvMG9jQlVRZ2pBS0JnZ3Foa2pPUFFRREFnTkgKQURCRUFpQlhYdEVMRnBUSFN0eHNubk1pcTJWQVZicGRSZ3A2em9wcEEyNUs2MEpBN2dJZ2FFTTIrMmxQYzFWOQpieGp0aXdOdXdZRHhsajhuVlF2cXVaUndpb3ZFamRVPQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==$ kubectl get csr server -o jsonpath={.status.conditions[1]}
    {"lastTransitionTime":"2026-01-01T00:00:00Z","lastUpdateTime":"2026-01-01T00:00:00Z","message":"invalid usage for client certificate: server auth","reason":"SignerValidationFailure","status":"True","type":"Failed"}$ kubectl get csr node -o jsonpath={.status.conditions[1].message}
    subject organization is not system:nodes$ kubectl certificate approve jane --force
    certificatesigningrequest.certificates.k8s.io/jane approved
    "#);
    session.0.advance(Duration::secs(3 * 3600));
    assert_snapshot!(session.run(&["kubectl get csr"]), @"
    $ kubectl get csr
    NAME        AGE   SIGNERNAME                            REQUESTOR            REQUESTEDDURATION   CONDITION
    elsewhere   3h    example.com/signer                    admin@k3d-deadless   24h                 Approved
    undecided   3h    kubernetes.io/kube-apiserver-client   admin@k3d-deadless   24h                 Pending
    ");
    session.0.advance(Duration::secs(24 * 3600));
    assert_snapshot!(session.run(&["kubectl get csr"]), @"
    $ kubectl get csr
    No resources found
    ");
}

#[test]
fn what_is_odd_is_refused() {
    let mut session = Session::new();
    assert_snapshot!(session.apply(&request("mallory", MALLORY, CLIENT, "client auth")), @r#"Error from server (Forbidden): error when creating "STDIN": certificatesigningrequests.certificates.k8s.io "mallory" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"#);
    assert_snapshot!(session.apply(&request("odd", "eA==", "signer", "client auth, client auth, nothing")), @r#"
    The CertificateSigningRequest "odd" is invalid: 
    * spec.request: Invalid value: "eA==": PEM block type must be CERTIFICATE REQUEST
    * spec.usages[2]: Unsupported value: "nothing": supported values: "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping"
    * spec.usages[1]: Duplicate value: "client auth"
    * spec.signerName: Invalid value: "signer": must be a fully qualified domain and path of the form 'example.com/signer-name'
    "#);
    let short = request("odd", JANE, "Example_/a/b", "client auth").replace("86400", "599");
    assert_snapshot!(session.apply(&short), @r#"
    The CertificateSigningRequest "odd" is invalid: 
    * spec.signerName: Invalid value: "Example_/a/b": must be a fully qualified domain and path of the form 'example.com/signer-name'
    * spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)
    "#);
    assert_snapshot!(session.apply(&request("odd", JANE, "exa_mple/A_b", "client auth")), @r#"
    The CertificateSigningRequest "odd" is invalid: 
    * spec.signerName: Invalid value: "exa_mple": validating label "exa_mple": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
    * spec.signerName: Invalid value: "exa_mple": should be a domain with at least two segments separated by dots
    * spec.signerName: Invalid value: "A_b": validating label "A_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
    "#);
    assert_snapshot!(session.apply(&request("odd", JANE, "kubernetes.io/legacy-unknown", "")), @r#"
    The CertificateSigningRequest "odd" is invalid: 
    * spec.usages: Required value
    * spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version
    "#);
}
