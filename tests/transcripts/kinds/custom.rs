//! Custom resources, as kubectl names and describes them.

use insta::assert_snapshot;

use crate::transcripts::Session;

/// What Kubernetes' own kubectl suite asks of custom resources (`test/cmd/{crd,discovery,get}.sh`).
#[test]
fn custom_resources_are_named_as_their_definitions_say() {
    let definition = |plural: &str, singular: &str, kind: &str, group: &str, deprecated: bool| {
        let older = match deprecated {
            true => {
                "\n  - {name: v1beta1, deprecated: true, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}"
            }
            false => "",
        };
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {plural}.{group}}}\nspec:\n  \
             group: {group}\n  scope: Namespaced\n  names: {{plural: {plural}, singular: {singular}, kind: {kind}, shortNames: [exmp]}}\n  \
             versions:\n  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, \
             properties: {{spec: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}}}}}{older}\n---\n"
        )
    };
    let definitions = definition("resources", "resource", "Thing", "a.example.com", true)
        + &definition("examples", "example", "Example", "b.example.com", false);
    let object = "apiVersion: a.example.com/v1\nkind: Thing\nmetadata: {name: one}\nspec: {key: value}\n";
    let mut session = Session::new();
    session.apply(&definitions);
    session.apply(object);
    assert_snapshot!(session.run(&[
        "kubectl get resource/one -o name",
        "kubectl get thing.a.example.com/one -o name",
        "kubectl get exmp -o name",
        "kubectl get resources.v1beta1.a.example.com",
        "kubectl get resources.v1beta1.a.example.com --warnings-as-errors -o name",
        "kubectl patch resource/one --dry-run=client -p '{\"spec\":{\"key\":\"other\"}}' -o name",
        "kubectl explain resource",
        "kubectl get cm -w --request-timeout=1 -v=5 -o name",
    ]), @r#"
    $ kubectl get resource/one -o name
    thing.a.example.com/one
    $ kubectl get thing.a.example.com/one -o name
    thing.a.example.com/one
    $ kubectl get exmp -o name
    Warning: short name "exmp" could also match lower priority resource examples.b.example.com
    thing.a.example.com/one
    $ kubectl get resources.v1beta1.a.example.com
    Warning: a.example.com/v1beta1 Thing is deprecated; use a.example.com/v1 Thing
    NAME   AGE
    one    0s
    $ kubectl get resources.v1beta1.a.example.com --warnings-as-errors -o name
    Warning: a.example.com/v1beta1 Thing is deprecated; use a.example.com/v1 Thing
    thing.a.example.com/one
    error: 1 warning received
    [exit 1]
    $ kubectl patch resource/one --dry-run=client -p '{"spec":{"key":"other"}}' -o name
    error: strategic merge patch is not supported for a.example.com/v1, Kind=Thing locally, try --type merge
    [exit 1]
    $ kubectl explain resource
    GROUP:      a.example.com
    KIND:       Thing
    VERSION:    v1

    DESCRIPTION:
        <empty>
    FIELDS:
      apiVersion	<string>
        APIVersion defines the versioned schema of this representation of an object.
        Servers should convert recognized schemas to the latest internal value, and
        may reject unrecognized values. More info:
        https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources

      kind	<string>
        Kind is a string value representing the REST resource this object
        represents. Servers may infer this from the endpoint the client submits
        requests to. Cannot be updated. In CamelCase. More info:
        https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds

      metadata	<ObjectMeta>
        Standard object's metadata. More info:
        https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata

      spec	<Object>
        <no description>


    $ kubectl get cm -w --request-timeout=1 -v=5 -o name
    configmap/kube-root-ca.crt
    configmap/openshift-service-ca.crt
    I0101 00:00:00.305000       1 streamwatcher.go:123] "Unable to decode an event from the watch stream" err="net/http: request canceled (Client.Timeout or context cancellation while reading body)"
    "#);
}

/// A definition of the sort that gateways and databases bring.
const GUARDED: &str = r#"apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: databases, singular: database, kind: Database}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - {rule: "self.minReplicas <= self.replicas", messageExpression: "'replicas must be at least %d'.format([self.minReplicas])"}
            - {rule: "!has(self.host) || self.host.matches('^[a-z.]+$')", fieldPath: .host, reason: FieldValueForbidden, message: host is not plain}
            - {rule: "quantity(self.size).isGreaterThan(quantity('1Gi'))", message: too small}
            - {rule: "self.listeners.all(a, self.listeners.exists_one(b, a.port == b.port))", message: ports must be unique}
            - {rule: "duration(self.grace) <= duration('1h')"}
            - {rule: "oldSelf.?host.orValue('') == self.?host.orValue('')", message: host can't change}
            properties:
              replicas: {type: integer}
              minReplicas: {type: integer, default: 1}
              host: {type: string}
              size: {type: string, default: 2Gi}
              grace: {type: string, default: 30s}
              max-age: {type: integer, x-kubernetes-validations: [{rule: "self >= 0"}]}
              listeners:
                type: array
                default: []
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  x-kubernetes-validations: [{rule: "self.port >= oldSelf.port", message: a port only grows}]
                  properties: {name: {type: string}, port: {type: integer}}
"#;

#[test]
fn rules_of_definitions_are_held() {
    let database =
        |spec: &str| format!("apiVersion: example.com/v1\nkind: Database\nmetadata: {{name: db}}\nspec: {spec}\n");
    let mut session = Session::new();
    session.apply(GUARDED);
    let bad = database(
        "{replicas: 1, minReplicas: 2, host: A, size: 500Mi, max-age: -1, listeners: [{name: x, port: 1}, {name: z, port: 1}]}",
    );
    let fails = database("{replicas: 1, size: much, grace: long}");
    let good = database("{replicas: 3, host: a.b, listeners: [{name: x, port: 80}, {name: z, port: 443}]}");
    let next = database("{replicas: 3, host: b.c, listeners: [{name: z, port: 500}, {name: x, port: 70}]}");
    let wrong = GUARDED.replace("databases", "tables").replace("<= self.replicas", "<= replica");
    let said: Vec<String> = [bad, fails, good, next, wrong].iter().map(|manifest| session.apply(manifest)).collect();
    assert_snapshot!(said.join("\n"), @r#"
    The Database "db" is invalid: 
    * spec: Invalid value: replicas must be at least 2
    * spec.host: Forbidden: host is not plain
    * spec: Invalid value: too small
    * spec: Invalid value: ports must be unique
    * spec.max-age: Invalid value: -1: failed rule: self >= 0

    The Database "db" is invalid: 
    * spec: Invalid value: "object": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$' evaluating rule: too small
    * spec: Invalid value: "object": type conversion error from 'string' to 'google.protobuf.Duration' evaluating rule: duration(self.grace) <= duration('1h')

    database.example.com/db created

    The Database "db" is invalid: 
    * spec: Invalid value: host can't change
    * spec.listeners[1]: Invalid value: a port only grows

    The CustomResourceDefinition "tables.example.com" is invalid: spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: "self.minReplicas <= replica": compilation failed: undeclared reference to 'replica' (in container '')
    "#);
    assert_snapshot!(session.run(&["kubectl patch database db --type=merge -p '{\"spec\":{\"grace\":\"2h\"}}'"]), @r#"
    $ kubectl patch database db --type=merge -p '{"spec":{"grace":"2h"}}'
    The Database "db" is invalid: spec: Invalid value: failed rule: duration(self.grace) <= duration('1h')
    [exit 1]
    "#);
}
