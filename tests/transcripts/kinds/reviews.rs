//! Questions that the server answers and keeps nothing of.

use insta::assert_snapshot;

use crate::transcripts::Session;

fn create(session: &mut Session, manifest: &str, flags: &str) -> String {
    session.0.feed(&format!("kubectl create {flags} -f -"), manifest)
}

#[test]
fn reviews_are_answered() {
    let mut session = Session::new();
    let may = "
apiVersion: authorization.k8s.io/v1
kind: SelfSubjectAccessReview
spec:
  resourceAttributes: {verb: get, resource: pods, namespace: default}
";
    assert_snapshot!(create(&mut session, may, ""), @"selfsubjectaccessreview.authorization.k8s.io/<unknown> created");
    assert_snapshot!(create(&mut session, may, "-o yaml"), @"
    apiVersion: authorization.k8s.io/v1
    kind: SelfSubjectAccessReview
    metadata: {}
    spec:
      resourceAttributes:
        namespace: default
        resource: pods
        verb: get
    status:
      allowed: true
    ");
    assert_snapshot!(create(&mut session, may, "-o yaml --as=jane"), @"
    apiVersion: authorization.k8s.io/v1
    kind: SelfSubjectAccessReview
    metadata: {}
    spec:
      resourceAttributes:
        namespace: default
        resource: pods
        verb: get
    status:
      allowed: false
    ");
    let other = "
apiVersion: authorization.k8s.io/v1
kind: SubjectAccessReview
spec:
  user: jane
  groups: [dev]
  nonResourceAttributes: {verb: get, path: /healthz}
";
    assert_snapshot!(create(&mut session, other, "-o yaml"), @"
    apiVersion: authorization.k8s.io/v1
    kind: SubjectAccessReview
    metadata: {}
    spec:
      groups:
      - dev
      nonResourceAttributes:
        path: /healthz
        verb: get
      user: jane
    status:
      allowed: false
    ");
    let local = "
apiVersion: authorization.k8s.io/v1
kind: LocalSubjectAccessReview
metadata:
  namespace: default
spec:
  user: jane
  resourceAttributes: {verb: get, resource: pods, namespace: default}
";
    assert_snapshot!(create(&mut session, local, ""), @"localsubjectaccessreview.authorization.k8s.io/<unknown> created");
    let who = "{apiVersion: authentication.k8s.io/v1, kind: SelfSubjectReview}";
    assert_snapshot!(create(&mut session, who, "-o yaml"), @r#"
    apiVersion: authentication.k8s.io/v1
    kind: SelfSubjectReview
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
    status:
      userInfo:
        groups:
        - system:masters
        - system:authenticated
        username: admin@k3d-deadless
    "#);
    let token = "{apiVersion: authentication.k8s.io/v1, kind: TokenReview, spec: {token: abc}}";
    assert_snapshot!(create(&mut session, token, "-o yaml"), @"
    apiVersion: authentication.k8s.io/v1
    kind: TokenReview
    metadata: {}
    spec:
      token: abc
    status:
      error: '[invalid bearer token, unknown]'
      user: {}
    ");
    let rules = "{apiVersion: authorization.k8s.io/v1, kind: SelfSubjectRulesReview, spec: {namespace: default}}";
    assert_snapshot!(create(&mut session, rules, "-o yaml --as=jane"), @"
    apiVersion: authorization.k8s.io/v1
    kind: SelfSubjectRulesReview
    metadata: {}
    spec:
      namespace: default
    status:
      incomplete: false
      nonResourceRules:
      - nonResourceURLs:
        - /api
        - /api/*
        - /apis
        - /apis/*
        - /healthz
        - /livez
        - /openapi
        - /openapi/*
        - /readyz
        - /version
        - /version/
        verbs:
        - get
      - nonResourceURLs:
        - /.well-known
        - /.well-known/*
        verbs:
        - get
      - nonResourceURLs:
        - /healthz
        - /livez
        - /readyz
        - /version
        - /version/
        verbs:
        - get
      resourceRules:
      - apiGroups:
        - authorization.k8s.io
        resources:
        - selfsubjectaccessreviews
        - selfsubjectrulesreviews
        verbs:
        - create
      - apiGroups:
        - authentication.k8s.io
        resources:
        - selfsubjectreviews
        verbs:
        - create
    ");
}

#[test]
fn reviews_can_only_be_made() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl get selfsubjectreviews",
        "kubectl get tokenreviews",
        "kubectl get subjectaccessreview x",
        "kubectl delete selfsubjectreview x",
        "kubectl describe localsubjectaccessreviews",
    ]), @"
    $ kubectl get selfsubjectreviews
    Error from server (MethodNotAllowed): the server does not allow this method on the requested resource
    [exit 1]
    $ kubectl get tokenreviews
    Error from server (MethodNotAllowed): the server does not allow this method on the requested resource
    [exit 1]
    $ kubectl get subjectaccessreview x
    Error from server (NotFound): the server could not find the requested resource
    [exit 1]
    $ kubectl delete selfsubjectreview x
    Error from server (NotFound): the server could not find the requested resource
    [exit 1]
    $ kubectl describe localsubjectaccessreviews
    Error from server (MethodNotAllowed): the server does not allow this method on the requested resource
    [exit 1]
    ");
    let who = "{apiVersion: authentication.k8s.io/v1, kind: SelfSubjectReview, metadata: {name: x}}";
    assert_snapshot!(session.apply(who), @"selfsubjectreview.authentication.k8s.io/x created");
}

#[test]
fn odd_reviews_are_refused() {
    let mut session = Session::new();
    let review = |kind: &str, spec: &str| {
        let group = if kind.contains("Token") { "authentication" } else { "authorization" };
        format!("{{apiVersion: {group}.k8s.io/v1, kind: {kind}, spec: {spec}}}")
    };
    let mut odd = |kind: &str, spec: &str| create(&mut session, &review(kind, spec), "");
    assert_snapshot!(odd("SubjectAccessReview", "{}"), @r#"
    The SubjectAccessReview "" is invalid: 
    * spec.resourceAttributes: Invalid value: "": exactly one of nonResourceAttributes or resourceAttributes must be specified
    * spec.user: Invalid value: "": at least one of user or group must be specified
    "#);
    assert_snapshot!(odd("SelfSubjectAccessReview", "{resourceAttributes: {verb: get}, nonResourceAttributes: {verb: get}}"), @r#"The SelfSubjectAccessReview "" is invalid: spec.nonResourceAttributes: Invalid value: "": cannot be specified in combination with resourceAttributes"#);
    assert_snapshot!(odd("LocalSubjectAccessReview", "{user: jane, resourceAttributes: {namespace: other}}"), @r#"The LocalSubjectAccessReview "" is invalid: spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace"#);
    assert_snapshot!(odd("LocalSubjectAccessReview", "{user: jane, nonResourceAttributes: {path: /}}"), @r#"The LocalSubjectAccessReview "" is invalid: spec.nonResourceAttributes: Invalid value: "": disallowed on this kind of request"#);
    assert_snapshot!(odd("SelfSubjectRulesReview", "{}"), @r#"Error from server (BadRequest): error when creating "STDIN": no namespace on request"#);
    assert_snapshot!(odd("TokenReview", "{}"), @r#"Error from server (BadRequest): error when creating "STDIN": token is required for TokenReview in authentication"#);
}
