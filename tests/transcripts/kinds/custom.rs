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
