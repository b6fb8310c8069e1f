//! Webhooks and policies, which are kept and checked.

use insta::assert_snapshot;

use crate::transcripts::Session;

const HOOKS: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: checks
webhooks:
- name: pods.example.com
  rules:
  - apiGroups: ['']
    apiVersions: [v1]
    operations: [CREATE]
    resources: [pods]
  clientConfig:
    service:
      namespace: default
      name: checks
  admissionReviewVersions: [v1]
  sideEffects: None
";

#[test]
fn webhooks_are_kept_with_what_they_leave_out() {
    let mut session = Session::new();
    assert_snapshot!(session.apply(HOOKS), @"validatingwebhookconfiguration.admissionregistration.k8s.io/checks created");
    session
        .apply(&HOOKS.replace("Validating", "Mutating").replace("name: checks\nwebhooks", "name: changes\nwebhooks"));
    assert_snapshot!(session.run(&[
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
        "kubectl get validatingwebhookconfiguration checks -o yaml",
        "kubectl describe mutatingwebhookconfiguration changes",
        "kubectl run web --image=nginx",
    ]), @r#"
    $ kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations
    NAME                                                                 WEBHOOKS   AGE
    validatingwebhookconfiguration.admissionregistration.k8s.io/checks   1          0s

    NAME                                                                WEBHOOKS   AGE
    mutatingwebhookconfiguration.admissionregistration.k8s.io/changes   1          0s
    $ kubectl get validatingwebhookconfiguration checks -o yaml
    apiVersion: admissionregistration.k8s.io/v1
    kind: ValidatingWebhookConfiguration
    metadata:
      annotations:
        kubectl.kubernetes.io/last-applied-configuration: |
          {"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{"annotations":{},"name":"checks"},"webhooks":[{"admissionReviewVersions":["v1"],"clientConfig":{"service":{"name":"checks","namespace":"default"}},"name":"pods.example.com","rules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods"]}],"sideEffects":"None"}]}
      creationTimestamp: "2026-01-01T00:00:00Z"
      generation: 1
      name: checks
      resourceVersion: "216"
      uid: 23a23459-b1f5-4a8a-bcfb-f5db0284013c
    webhooks:
    - admissionReviewVersions:
      - v1
      clientConfig:
        service:
          name: checks
          namespace: default
          port: 443
      failurePolicy: Fail
      matchPolicy: Equivalent
      name: pods.example.com
      namespaceSelector: {}
      objectSelector: {}
      rules:
      - apiGroups:
        - ""
        apiVersions:
        - v1
        operations:
        - CREATE
        resources:
        - pods
        scope: '*'
      sideEffects: None
      timeoutSeconds: 10
    $ kubectl describe mutatingwebhookconfiguration changes
    Name:         changes
    Namespace:    
    Labels:       <none>
    Annotations:  <none>
    API Version:  admissionregistration.k8s.io/v1
    Kind:         MutatingWebhookConfiguration
    Metadata:
      Creation Timestamp:  2026-01-01T00:00:00Z
      Generation:          1
      Resource Version:    217
      UID:                 498deaab-4377-4aee-87ff-a01ee76bc6e0
    Webhooks:
      Admission Review Versions:
        v1
      Client Config:
        Service:
          Name:        checks
          Namespace:   default
          Port:        443
      Failure Policy:  Fail
      Match Policy:    Equivalent
      Name:            pods.example.com
      Namespace Selector:
      Object Selector:
      Reinvocation Policy:  Never
      Rules:
        API Groups:
          
        API Versions:
          v1
        Operations:
          CREATE
        Resources:
          pods
        Scope:          *
      Side Effects:     None
      Timeout Seconds:  10
    Events:             <none>
    $ kubectl run web --image=nginx
    pod/web created
    "#);
}

#[test]
fn odd_webhooks_are_refused() {
    let mut session = Session::new();
    let odd = HOOKS
        .replace("pods.example.com", "pods")
        .replace("operations: [CREATE]", "operations: [CREATE, '*', LOOK]")
        .replace("resources: [pods]", "resources: ['*/*', pods, 'pods/*', pods/log]")
        .replace("      name: checks", "      name: ''\n      path: //")
        .replace("sideEffects: None", "sideEffects: Some\n  timeoutSeconds: 31\n  failurePolicy: Perhaps")
        .replace("[v1]\n  side", "[v2]\n  side");
    assert_snapshot!(session.apply(&odd), @r#"
    The ValidatingWebhookConfiguration "checks" is invalid: 
    * webhooks[0].name: Invalid value: "pods": should be a domain with at least three segments separated by dots
    * webhooks[0].rules[0].operations: Invalid value: ["CREATE","*","LOOK"]: if '*' is present, must not specify other operations
    * webhooks[0].rules[0].operations[2]: Unsupported value: "LOOK": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"
    * webhooks[0].rules[0].resources[2]: Invalid value: "pods/*": if '*/*' is present, must not specify pods/*
    * webhooks[0].rules[0].resources[3]: Invalid value: "pods/log": if 'pods/*' is present, must not specify pods/log
    * webhooks[0].rules[0].resources: Invalid value: ["*/*","pods","pods/*","pods/log"]: if '*/*' is present, must not specify other resources
    * webhooks[0].failurePolicy: Unsupported value: "Perhaps": supported values: "Fail", "Ignore"
    * webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"
    * webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds
    * webhooks[0].clientConfig.service.namespace: Required value
    * webhooks[0].clientConfig.service.path: Invalid value: "//": segment[0] may not be empty
    * webhooks[0].admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1
    "#);
    let url =
        HOOKS.replace("    service:\n      namespace: default\n      name: checks\n", "    url: http://me@/x?y#z\n");
    assert_snapshot!(session.apply(&url), @r#"
    The ValidatingWebhookConfiguration "checks" is invalid: 
    * webhooks[0].clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]
    * webhooks[0].clientConfig.url: Invalid value: "": host must be specified; desired format: https://host[/path]
    * webhooks[0].clientConfig.url: Invalid value: "me": user information is not permitted in the URL
    * webhooks[0].clientConfig.url: Invalid value: "z": fragments are not permitted in the URL
    * webhooks[0].clientConfig.url: Invalid value: "y": query parameters are not permitted in the URL
    "#);
    let both = HOOKS.replace("    service:", "    url: https://example.com\n    service:");
    assert_snapshot!(session.apply(&both), @r#"The ValidatingWebhookConfiguration "checks" is invalid: webhooks[0].clientConfig: Required value: exactly one of url or service is required"#);
}

const POLICY: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: replicas
spec:
  paramKind: {apiVersion: rules.example.com/v1, kind: ReplicaLimit}
  matchConstraints:
    resourceRules:
    - apiGroups: [apps]
      apiVersions: [v1]
      operations: [CREATE, UPDATE]
      resources: [deployments]
  validations:
  - expression: object.spec.replicas <= 5
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: replicas
spec:
  policyName: replicas
  validationActions: [Deny]
  paramRef:
    name: five
    parameterNotFoundAction: Deny
";

#[test]
fn policies_are_kept_and_looked_at() {
    let mut session = Session::new();
    assert_snapshot!(session.apply(POLICY), @"
    validatingadmissionpolicy.admissionregistration.k8s.io/replicas created
    validatingadmissionpolicybinding.admissionregistration.k8s.io/replicas created
    ");
    assert_snapshot!(session.run(&[
        "kubectl get validatingadmissionpolicies,validatingadmissionpolicybindings",
        "kubectl get validatingadmissionpolicy replicas -o yaml",
    ]), @r#"
    $ kubectl get validatingadmissionpolicies,validatingadmissionpolicybindings
    NAME                                                              VALIDATIONS   PARAMKIND                           AGE
    validatingadmissionpolicy.admissionregistration.k8s.io/replicas   1             rules.example.com/v1/ReplicaLimit   0s

    NAME                                                                     POLICYNAME   PARAMREF   AGE
    validatingadmissionpolicybinding.admissionregistration.k8s.io/replicas   replicas     */five     0s
    $ kubectl get validatingadmissionpolicy replicas -o yaml
    apiVersion: admissionregistration.k8s.io/v1
    kind: ValidatingAdmissionPolicy
    metadata:
      annotations:
        kubectl.kubernetes.io/last-applied-configuration: |
          {"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicy","metadata":{"annotations":{},"name":"replicas"},"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":["apps"],"apiVersions":["v1"],"operations":["CREATE","UPDATE"],"resources":["deployments"]}]},"paramKind":{"apiVersion":"rules.example.com/v1","kind":"ReplicaLimit"},"validations":[{"expression":"object.spec.replicas \u003c= 5"}]}}
      creationTimestamp: "2026-01-01T00:00:00Z"
      generation: 1
      name: replicas
      resourceVersion: "217"
      uid: b6ad9f3a-2371-4ed1-b115-22a386fca606
    spec:
      failurePolicy: Fail
      matchConstraints:
        matchPolicy: Equivalent
        namespaceSelector: {}
        objectSelector: {}
        resourceRules:
        - apiGroups:
          - apps
          apiVersions:
          - v1
          operations:
          - CREATE
          - UPDATE
          resources:
          - deployments
          scope: '*'
      paramKind:
        apiVersion: rules.example.com/v1
        kind: ReplicaLimit
      validations:
      - expression: object.spec.replicas <= 5
    status:
      observedGeneration: 1
      typeChecking: {}
    "#);
    let (policy, binding) = POLICY.split_once("---").expect("two documents");
    let odd = policy
        .replace("rules.example.com/v1, kind: ReplicaLimit", "a/b/c, kind: 5x")
        .replace("    resourceRules:", "    matchPolicy: Perhaps\n    resourceRules:")
        .replace("  - expression: object.spec.replicas <= 5", "  - expression: ' '\n    message: \"a\\nb\"\n    reason: Never\n  variables:\n  - {name: in, expression: '1'}");
    assert_snapshot!(session.apply(&odd), @r#"
    The ValidatingAdmissionPolicy "replicas" is invalid: 
    * spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c
    * spec.paramKind.kind: Invalid value: "5x": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
    * spec.matchConstraints.matchPolicy: Unsupported value: "Perhaps": supported values: "Equivalent", "Exact"
    * spec.variables[0].name: Invalid value: "in": must be a valid CEL identifier
    * spec.validations[0].expression: Required value: expression is not specified
    * spec.validations[0].message: Invalid value: "a\nb": must not contain line breaks
    * spec.validations[0].reason: Unsupported value: "Never": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"
    "#);
    let odd = binding
        .replace("policyName: replicas", "policyName: ''")
        .replace("[Deny]", "[Deny, Warn, Warn, Shout]")
        .replace("    name: five\n    parameterNotFoundAction: Deny", "    name: five\n    selector: {}");
    assert_snapshot!(session.apply(&odd), @r#"
    The ValidatingAdmissionPolicyBinding "replicas" is invalid: 
    * spec.policyName: Required value
    * spec.paramRef.name: Forbidden: name and selector are mutually exclusive
    * spec.paramRef.selector: Forbidden: name and selector are mutually exclusive
    * spec.paramRef.parameterNotFoundAction: Required value
    * spec.validationActions[2]: Duplicate value: "Warn"
    * spec.validationActions[3]: Unsupported value: "Shout": supported values: "Audit", "Deny", "Warn"
    * spec.validationActions: Invalid value: ["Deny","Warn","Warn","Shout"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)
    "#);
    assert_snapshot!(session.apply(&policy[..policy.find("  validations").expect("validations")]), @r#"
    The ValidatingAdmissionPolicy "replicas" is invalid: 
    * spec.validations: Required value: validations or auditAnnotations must contain at least one item
    * spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item
    "#);
}

const MUTATION: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata:
  name: sidecars.static.k8s.io
spec:
  matchConstraints:
    resourceRules:
    - apiGroups: ['']
      apiVersions: [v1]
      operations: [CREATE]
      resources: [pods]
  reinvocationPolicy: Never
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: '[]'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: sidecars
spec:
  policyName: sidecars
  paramRef:
    selector: {matchLabels: {a: b}}
    parameterNotFoundAction: Allow
";

#[test]
fn mutating_policies_too() {
    let mut session = Session::new();
    assert_snapshot!(session.apply(MUTATION), @r#"
    Warning: metadata.name: names ending with ".static.k8s.io" are reserved for static manifest-based configurations and cannot be managed via the API
    mutatingadmissionpolicy.admissionregistration.k8s.io/sidecars.static.k8s.io created
    mutatingadmissionpolicybinding.admissionregistration.k8s.io/sidecars created
    "#);
    assert_snapshot!(session.run(&["kubectl get mutatingadmissionpolicies,mutatingadmissionpolicybindings"]), @"
    $ kubectl get mutatingadmissionpolicies,mutatingadmissionpolicybindings
    NAME                                                                          MUTATIONS   PARAMKIND   AGE
    mutatingadmissionpolicy.admissionregistration.k8s.io/sidecars.static.k8s.io   1           <unset>     0s

    NAME                                                                   POLICYNAME   PARAMREF                                                                                              AGE
    mutatingadmissionpolicybinding.admissionregistration.k8s.io/sidecars   sidecars     &LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}   0s
    ");
    let odd = MUTATION
        .replace("operations: [CREATE]", "operations: [DELETE]")
        .replace("reinvocationPolicy: Never", "reinvocationPolicy: Always")
        .replace("patchType: JSONPatch", "patchType: ApplyConfiguration");
    assert_snapshot!(session.apply(&odd), @r#"
    mutatingadmissionpolicybinding.admissionregistration.k8s.io/sidecars unchanged
    The MutatingAdmissionPolicy "sidecars.static.k8s.io" is invalid: 
    * spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"
    * spec.mutations[0].applyConfiguration: Required value: must be specified when patchType is ApplyConfiguration
    * spec.mutations[0].jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration
    * spec.reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"
    "#);
}
